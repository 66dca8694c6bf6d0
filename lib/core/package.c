/*
 * package - see package.h. Bellman and Ford's rounds, backwards from the target: after k rounds
 * every version knows its cheapest way of at most k hops, so a round more than PACKAGE_CHAIN_MAX is
 * never needed, and a cycle only costs what nobody chooses. O(n) a round, no memory but the
 * caller's.
 */
#include "core/package.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

/* Marks in package_work.to and the end of a bucket; above any index. */
#define NOWHERE UINT32_MAX	 /* not for this model, or no package goes on from there */
#define TARGET	(UINT32_MAX - 1) /* at the target */

#define NO_WAY UINT64_MAX

struct cost {
	uint64_t bytes; /* NO_WAY: none */
	uint32_t hops;
};

struct search {
	const struct package *packages;
	size_t n;
	const struct profile *profile;
	const char *model;
	struct package_work *work;
};

static bool is_full_image(const struct package *package)
{
	return text_equal(package->from, "*");
}

static uint64_t hash_text(uint64_t seed, const char *text)
{
	return text_hash(seed, text, strlen(text));
}

static void empty_table(struct search *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->work[i].head = NOWHERE;
}

/* The node of a version; NOWHERE: no package starts from it. */
static uint32_t find_node(const struct search *s, const char *version)
{
	uint32_t i = s->work[hash_text(0, version) % s->n].head;

	while (i != NOWHERE && !text_equal(s->packages[i].from, version))
		i = s->work[i].next;
	return i;
}

/* Gives every package for this model its two ends. */
static void link_versions(struct search *s, const char *target)
{
	struct package_work *w = s->work;

	empty_table(s);
	for (size_t i = 0; i < s->n; i++) {
		const char *version = s->packages[i].from;
		size_t bucket;

		w[i].node = NOWHERE;
		if (model_match(s->packages[i].model, s->model) == 0)
			continue;
		w[i].node = find_node(s, version);
		if (w[i].node != NOWHERE)
			continue;
		bucket = hash_text(0, version) % s->n;
		w[i].node = (uint32_t) i;
		w[i].next = w[bucket].head;
		w[bucket].head = (uint32_t) i;
	}
	for (size_t i = 0; i < s->n; i++) {
		const char *to = s->packages[i].to;

		w[i].to = w[i].node == NOWHERE	   ? NOWHERE
			  : text_equal(to, target) ? TARGET
						   : find_node(s, to);
	}
}

/* Takes out the packages that a longer model match replaces between the same versions (conduct 23).
 */
static void drop_less_specific(struct search *s)
{
	struct package_work *w = s->work;

	empty_table(s);
	for (size_t i = 0; i < s->n; i++) {
		uint64_t pair = ((uint64_t) w[i].node << 32) | w[i].to;
		uint32_t *at = &w[text_hash(0, &pair, sizeof(pair)) % s->n].head;

		if (w[i].to == NOWHERE)
			continue;
		while (*at != NOWHERE && (w[*at].node != w[i].node || w[*at].to != w[i].to))
			at = &w[*at].next;
		if (*at == NOWHERE) {
			w[i].next = NOWHERE;
			*at = (uint32_t) i;
		} else if (model_match(s->packages[i].model, s->model) >
			   model_match(s->packages[*at].model, s->model)) {
			w[i].next = w[*at].next;
			w[*at].to = NOWHERE;
			*at = (uint32_t) i;
		} else {
			w[i].to = NOWHERE;
		}
	}
}

static bool is_cheaper(struct cost a, struct cost b)
{
	return a.bytes < b.bytes || (a.bytes == b.bytes && a.hops < b.hops);
}

/* What it costs to reach the target through this package, by what round `turn` knows. */
static struct cost cost_through(const struct search *s, size_t i, unsigned turn)
{
	uint64_t size = s->packages[i].size > 0 ? s->packages[i].size : s->profile->package_max;
	struct cost rest = { 0, 0 };

	if (s->work[i].to == NOWHERE)
		return (struct cost){ NO_WAY, 0 };
	if (s->work[i].to != TARGET) {
		rest.bytes = s->work[s->work[i].to].bytes[turn];
		rest.hops = s->work[s->work[i].to].hops[turn];
	}
	if (size >= NO_WAY - rest.bytes)
		return (struct cost){ NO_WAY, 0 };
	return (struct cost){ size + rest.bytes, rest.hops + 1 };
}

/* One round: from what `turn` knows to the other half. Has anything become cheaper? */
static bool relax(struct search *s, unsigned turn)
{
	struct package_work *w = s->work;
	bool changed = false;

	for (size_t i = 0; i < s->n; i++) {
		w[i].bytes[!turn] = w[i].bytes[turn];
		w[i].hops[!turn] = w[i].hops[turn];
	}
	for (size_t i = 0; i < s->n; i++) {
		struct cost through = cost_through(s, i, turn);
		uint32_t node = w[i].node;

		if (through.bytes == NO_WAY || is_full_image(&s->packages[i]) ||
			!is_cheaper(through,
				(struct cost){ w[node].bytes[!turn], w[node].hops[!turn] }))
			continue;
		w[node].bytes[!turn] = through.bytes;
		w[node].hops[!turn] = through.hops;
		changed = true;
	}
	return changed;
}

/* The cheapest first hop out of a version. */
static const struct package *choose(
	const struct search *s, const char *from, unsigned turn, struct cost *ret)
{
	const struct package *best = NULL;
	struct cost cheapest = { NO_WAY, 0 };

	for (size_t i = 0; i < s->n; i++) {
		struct cost through = cost_through(s, i, turn);

		if (!is_cheaper(through, cheapest) || !text_equal(s->packages[i].from, from))
			continue;
		cheapest = through;
		best = &s->packages[i];
	}
	*ret = cheapest;
	return best;
}

int package_next(const struct package *packages, size_t n, const struct profile *profile,
	const char *model, const char *from, const char *target, struct package_work *work,
	const struct package **ret, size_t *ret_hops)
{
	struct search s = { packages, n, profile, model, work };
	const struct package *first;
	struct cost cost;
	unsigned turn = 0;

	if (text_equal(from, target))
		return -EALREADY;
	if (n == 0 || n >= TARGET)
		return -ENOENT;
	link_versions(&s, target);
	drop_less_specific(&s);
	for (size_t i = 0; i < n; i++) {
		work[i].bytes[turn] = NO_WAY;
		work[i].hops[turn] = 0;
	}
	/* the first hop is chosen after them: one round less than hops */
	for (size_t round = 1; round < PACKAGE_CHAIN_MAX && relax(&s, turn); round++)
		turn = !turn;

	first = choose(&s, from, turn, &cost);
	if (!first && profile->full_image)
		first = choose(&s, "*", turn, &cost);
	if (!first)
		return -ENOENT;
	*ret_hops = cost.hops;
	*ret = first;
	return 0;
}

const struct package *package_nearest(
	const struct package *packages, size_t n, const char *model, const char *target)
{
	const struct package *nearest = NULL;
	size_t parts = 0;

	for (size_t i = 0; i < n; i++) {
		size_t match = model_match(packages[i].model, model);

		if (match <= parts || is_full_image(&packages[i]) ||
			!text_equal(packages[i].to, target))
			continue;
		parts = match;
		nearest = &packages[i];
	}
	return nearest;
}
