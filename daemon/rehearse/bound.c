/*
 * The best possible end: no order of starts, whoever plans it, is over earlier.
 *
 *      work of a slot: what an attempt takes besides its download (the least that was seen) + bytes / the module's rate
 *      ends no earlier than    all work of a limit / the limit;  bytes / bandwidth;  the longest chain of a modem
 *                              wave after wave, each as above, and its soak
 *
 * All of it only while windows are open, and as the latest start lets it. Faults, retries and jitter are not in it: what
 * they cost is the difference.
 */
#include <stdlib.h>

#include "base/text.h"
#include "daemon/rehearse/rehearsal-internal.h"

#define PROFILES_MAX 8
#define LONGEST	     (3650 * DAY) /* nobody waits for more */

struct bound {
	struct rehearsal *r;
	usec_t overhead[PROFILES_MAX]; /* of an attempt, by config->profiles */
	struct run *run;
	usec_t hop; /* the longest one of the campaign */
	int64_t cut;
	unsigned limit;	  /* of the campaign and the gateway */
	uint64_t largest; /* package of the campaign */
};

/* What is to be done, by somebody. */
struct work {
	usec_t slots;	/* of all together */
	usec_t longest; /* of one modem */
	usec_t least;	/* of one attempt */
	uint64_t attempts;
	uint64_t bytes;
};

static size_t row_of(const struct rehearsal *r, const struct actor *a)
{
	const struct profile *profile = actor_profile(r, a);

	return profile ? (size_t) (profile - r->config->profiles) : 0;
}

static void learn(struct bound *b)
{
	const struct rehearsal *r = b->r;

	for (size_t i = 0; i < PROFILES_MAX; i++)
		b->overhead[i] = USEC_INFINITY;
	for (size_t i = 0; i < r->n_attempts; i++) {
		const struct attempt *t = &r->attempts[i];
		size_t row = row_of(r, t->actor);

		if (t->end > 0 && t->outcome == OUTCOME_SUCCEEDED && row < PROFILES_MAX)
			b->overhead[row] =
				usec_min(b->overhead[row], t->end - t->start - t->download);
	}
}

/* A kind has one target only: that of who is of it. */
static void follow(struct bound *b, const struct actor *a, struct kind *kind)
{
	const struct package *chain[PACKAGE_CHAIN_MAX];

	kind->hops = (unsigned) kind_chain(b->r, kind, a->campaign->target, chain);
	for (unsigned i = 0; i < kind->hops; i++) {
		uint64_t bytes = package_bytes(b->r, a, chain[i]);

		kind->bytes += bytes;
		kind->largest = usec_max(kind->largest, bytes);
		kind->smallest = i == 0 ? bytes : usec_min(kind->smallest, bytes);
	}
	kind->followed = true;
}

static void add(struct bound *b, const struct actor *a, struct work *work)
{
	struct kind *kind = &b->r->kinds[a->kind];
	size_t row = row_of(b->r, a);
	usec_t overhead = row < PROFILES_MAX ? b->overhead[row] : 0, all, least;

	if (!kind->followed)
		follow(b, a, kind);
	if (overhead == USEC_INFINITY) /* none has succeeded */
		overhead = 0;
	all = kind->hops * overhead + kind->bytes * SEC / a->rate;
	b->hop = usec_max(b->hop, overhead + kind->largest * SEC / a->rate);
	b->largest = usec_max(b->largest, kind->largest);
	if (kind->hops == 0)
		return;
	least = overhead + kind->smallest * SEC / a->rate;
	work->least = work->attempts == 0 ? least : usec_min(work->least, least);
	work->attempts += kind->hops;
	work->bytes += kind->bytes;
	work->slots += all;
	work->longest = usec_max(work->longest, all);
}

/*
 * How long before a window closes there is nothing to gain any more: after the latest start one attempt of each slot
 * goes on. Negative: so long after it.
 */
static int64_t cut_of(const struct bound *b, const struct run *run)
{
	if (run->config->when.window_end == WINDOW_END_FINISH)
		return -(int64_t) b->hop;
	return run->expected > b->hop ? (int64_t) (run->expected - b->hop) : 0;
}

/* When so much time has passed in openings. */
static usec_t walk(const struct opening_rules *when, usec_t at, usec_t length, int64_t cut)
{
	usec_t end = usec_add(at, LONGEST);
	struct window_opening opening;

	at = usec_max(at, when->not_before);
	while (length > 0 && at != USEC_INFINITY) {
		usec_t begin, until;

		if (at > end || !window_next(when->windows, when->n_windows, at, 0, &opening))
			return USEC_INFINITY;
		begin = usec_max(at, opening.since);
		until = cut < 0 ? usec_add(opening.until, (usec_t) -cut)
				: usec_sub(opening.until, (usec_t) cut);
		if (until == USEC_INFINITY || (until > begin && until - begin >= length))
			return usec_add(begin, length);
		length -= usec_sub(until, begin);
		at = opening.until;
	}
	return at;
}

static unsigned least(unsigned a, unsigned b)
{
	return a == 0 ? b : b == 0 ? a : a < b ? a : b;
}

/* No end is earlier than so much work at the same time as so much else allows. */
static void raise(struct bound *b, usec_t work, int64_t cut, const char *by)
{
	struct run *run = b->run;
	usec_t end = walk(&run->config->when, b->r->options.from, work, cut);

	if (work == 0 || end <= run->bound)
		return;
	run->bound = end;
	run->bound_by = by;
}

/* Some slot has the part of the work that is rounded up, and the part of the attempts. */
static usec_t share_slots(const struct work *work, unsigned limit)
{
	if (limit == 0)
		return work->longest;
	return usec_max(usec_max(work->slots / limit, work->longest),
		(work->attempts + limit - 1) / limit * work->least);
}

static void raise_slots(struct bound *b, const struct work *work, unsigned limit, const char *by)
{
	if (limit > 0)
		raise(b, share_slots(work, limit), b->cut, by);
}

static usec_t transfer(uint64_t bytes, uint64_t rate)
{
	return bytes / rate * SEC + bytes % rate * SEC / rate;
}

/* After the latest start those that have begun go on, each with one package at most. */
static void raise_transfer(struct bound *b, const struct work *work, uint64_t rate, const char *by)
{
	int64_t cut = b->cut;
	usec_t rest;

	if (rate == 0)
		return;
	if (cut > 0) {
		rest = b->limit > 0 ? transfer(b->limit * b->largest, rate) : b->run->expected;
		cut = (int64_t) usec_sub(b->run->expected, rest);
	}
	raise(b, transfer(work->bytes, rate), cut, by);
}

static bool is_in_group(const struct actor *a, const char *group)
{
	for (size_t i = 0; i < a->config->n_groups; i++)
		if (text_equal(a->config->groups[i], group))
			return true;
	return false;
}

static void bound_group(struct bound *b, const struct config_limit *limit)
{
	struct work work = { 0 };

	for (size_t i = 0; i < b->r->n_actors; i++)
		if (b->r->actors[i].run == b->run && is_in_group(&b->r->actors[i], limit->group))
			add(b, &b->r->actors[i], &work);
	raise_slots(b, &work, limit->limit, "limits.per_group");
}

static void bound_cells(struct bound *b)
{
	struct rehearsal *r = b->r;
	struct work *cells = calloc(r->options.cells + 1, sizeof(*cells));

	if (!cells) {
		r->shortage = true;
		return;
	}
	for (size_t i = 0; i < r->n_actors; i++)
		if (r->actors[i].run == b->run)
			add(b, &r->actors[i], &cells[r->actors[i].cell]);
	for (unsigned i = 0; i < r->options.cells; i++) {
		raise_transfer(b, &cells[i], r->options.cell_bandwidth, "the bandwidth of a cell");
		raise_slots(b, &cells[i], r->config->per_cell, "limits.per_cell");
	}
	free(cells);
}

/* One after the other, and each soaks; one in which nobody is does not. */
static void bound_waves(struct bound *b)
{
	const struct campaign_rules *rules = &b->run->config->rules;
	struct work waves[CAMPAIGN_WAVES_MAX] = { 0 };
	usec_t at = b->r->options.from;

	for (size_t i = 0; i < b->r->n_actors; i++)
		if (b->r->actors[i].run == b->run)
			add(b, &b->r->actors[i], &waves[b->r->actors[i].member.wave]);
	for (size_t i = 0; i < rules->n_waves; i++) {
		usec_t work = share_slots(&waves[i], b->limit);

		if (work == 0)
			continue;
		at = walk(&b->run->config->when, at, work, b->cut);
		if (i + 1 < rules->n_waves)
			at = usec_add(at, rules->waves[i].soak);
	}
	if (at <= b->run->bound)
		return;
	b->run->bound = at;
	b->run->bound_by = "waves and their soak";
}

static void bound_run(struct bound *b)
{
	const struct config *config = b->r->config;
	struct run *run = b->run;
	const struct opening_rules *when = &run->config->when;
	unsigned own = run->config->max_parallel;
	struct work all = { 0 };

	b->hop = b->largest = 0;
	b->limit = least(own, config->max_parallel);
	run->begin = window_next_opening(
		when->windows, when->n_windows, usec_max(b->r->options.from, when->not_before));
	run->expected = USEC_INFINITY;
	for (size_t i = 0; i < b->r->n_actors; i++)
		if (b->r->actors[i].run == run) {
			add(b, &b->r->actors[i], &all);
			run->expected =
				usec_min(run->expected, actor_expected(b->r, &b->r->actors[i]));
		}
	run->needed = all.bytes;
	run->hop = b->hop;
	if (all.slots == 0)
		return;
	b->cut = cut_of(b, run);
	raise(b, all.longest, b->cut, "the longest chain of a modem");
	raise_slots(b, &all, own, "max_parallel of the campaign");
	raise_slots(b, &all, config->max_parallel, "limits.max_parallel");
	raise_transfer(b, &all, b->r->options.bandwidth, "the bandwidth");
	for (size_t i = 0; i < config->n_per_group; i++)
		bound_group(b, &config->per_group[i]);
	bound_cells(b);
	if (run->config->rules.n_waves > 1)
		bound_waves(b);
}

void rehearsal_bound(struct rehearsal *r)
{
	struct bound b = { .r = r };

	learn(&b);
	for (size_t i = 0; i < r->config->n_campaigns; i++) {
		b.run = &r->runs[i];
		bound_run(&b);
	}
}
