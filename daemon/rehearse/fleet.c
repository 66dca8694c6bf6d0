/*
 * Who is there: the configured modems, each once or again and again, what they run, and who has a fault. All of it
 * follows from the configuration, the scenario and the seed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/rehearse/rehearsal-internal.h"

/* As modules in the field do it, roughly: a delta is applied in a minute or two. */
static const char *const times[][2] = {
	{ "boot-time", "10s" },
	{ "apply-time", "45s" },
	{ "text-time", "1s" },
	{ "sim-time", "3s" },
	{ "network-time", "15s" },
	{ "pdp-time", "2s" },
	{ "start-time", "2s" },
	{ "verify-time", "10s" },
	{ "give-up-time", "10min" },
};

void rehearsal_preset(struct scenario *s)
{
	char problem[160];

	for (size_t i = 0; i < ELEMENTSOF(times); i++)
		(void) scenario_preset(s, times[i][0], times[i][1], problem, sizeof(problem));
}

static uint64_t hash_of(const struct rehearsal *r, const char *what, const char *name)
{
	uint64_t hash = text_hash(0, &r->options.seed, sizeof(r->options.seed));

	return member_order(what, name) ^ (hash | 1) * 0x9e3779b97f4a7c15u;
}

/* The hash alone hardly moves its upper bits for the last digit of a name. */
static uint64_t draw(const struct rehearsal *r, const char *what, const char *name)
{
	uint64_t state = hash_of(r, what, name);

	return fake_random(&state);
}

void actor_name(const struct actor *a, char ret[static NAME_MAX_SIZE + 8])
{
	if (a->copy == 0)
		(void) text_format(ret, NAME_MAX_SIZE + 8, "%s", a->config->name);
	else /* no name may have a '+' */
		(void) text_format(ret, NAME_MAX_SIZE + 8, "%s+%u", a->config->name, a->copy);
}

const struct profile *actor_profile(const struct rehearsal *r, const struct actor *a)
{
	const struct profile *row = r->kinds[a->kind].profile;

	return row ? config_profile(r->config, row) : NULL;
}

/* ---- kinds: what a module is at power-on ---- */

size_t kind_chain(const struct rehearsal *r, const struct kind *kind, const char *target,
	const struct package *ret[static PACKAGE_CHAIN_MAX])
{
	const struct config *config = r->config;
	const char *version = kind->module.version;
	size_t n = 0, hops;

	while (kind->profile && n < PACKAGE_CHAIN_MAX && !text_equal(version, target)) {
		if (package_next(config->packages, config->n_packages,
			    config_profile(config, kind->profile), kind->module.model, version,
			    target, r->work, &ret[n], &hops) < 0)
			return 0;
		version = ret[n++]->to;
	}
	return n;
}

static enum fake_family family_of(const struct profile *row)
{
	enum fake_family family = FAKE_L610;

	if (row)
		(void) scenario_family(row->name, &family);
	return family;
}

static struct kind *add_kind(struct rehearsal *r)
{
	if (r->n_kinds == r->kinds_allocated) {
		size_t n = r->kinds_allocated > 0 ? 2 * r->kinds_allocated : 16;
		struct kind *kinds = reallocarray(r->kinds, n, sizeof(*kinds));

		if (!kinds)
			return NULL;
		r->kinds = kinds;
		r->kinds_allocated = n;
	}
	r->kinds[r->n_kinds] = (struct kind){ 0 };
	return &r->kinds[r->n_kinds++];
}

/* model NULL, version NULL: as the family's first one.*/
static int make_kind(
	struct rehearsal *r, const struct profile *row, const char *model, const char *version)
{
	struct kind *kind = add_kind(r);
	struct fake_modem_config *m;
	char problem[160];

	if (!kind)
		return -ENOMEM;
	m = &kind->module;
	fake_modem_defaults(m, family_of(row), 0);
	if (model)
		(void) text_format(m->model, sizeof(m->model), "%s", model);
	if (version)
		(void) text_format(m->version, sizeof(m->version), "%s", version);
	for (size_t i = 0; i < ELEMENTSOF(times); i++)
		(void) scenario_set(m, times[i][0], times[i][1], problem, sizeof(problem));
	m->package_max = 0; /* what is too large is the configuration's matter */
	if (profile_match(m->model, &kind->profile) == PROFILE_MATCH_NONE)
		kind->profile = NULL;
	return 0;
}

/* May this modem be of that model? */
static bool is_of(const struct config_modem *config, const char *model)
{
	const struct profile *row;

	return profile_match(model, &row) != PROFILE_MATCH_NONE &&
	       (!config->profile || text_equal(config->profile, row->name));
}

/* A package may name the leading parts only; a module has a whole one, of those that the vendor lists (conduct 24). */
static const char *whole_model(const struct profile *row, const char *model)
{
	const struct profile *match;

	if (profile_match(model, &match) == PROFILE_MATCH_LISTED)
		return model;
	for (size_t i = 0; row->variants[i]; i++)
		if (model_match(model, row->variants[i]) > 0)
			return row->variants[i];
	return model;
}

/* Every version that a package starts from and that the target can be reached from, for modems of this profile. */
static int make_kinds(struct rehearsal *r, const struct config_modem *config, const char *target)
{
	const struct config *c = r->config;
	const struct package *chain[PACKAGE_CHAIN_MAX];
	int error;

	for (size_t i = 0; i < c->n_packages; i++) {
		const struct package *p = &c->packages[i];
		const struct profile *row;
		bool full = text_equal(p->from, "*");

		if (!is_of(config, p->model) || text_equal(p->from, target))
			continue;
		(void) profile_match(p->model, &row);
		error = make_kind(r, row, whole_model(row, p->model), full ? NULL : p->from);
		if (error < 0)
			return error;
		if (kind_chain(r, &r->kinds[r->n_kinds - 1], target, chain) == 0)
			r->n_kinds--;
	}
	return 0;
}

/* Kinds of modems with this profile for this target stand side by side. */
struct choice {
	const char *profile, *target;
	size_t first, n;
};

struct choices {
	struct choice *of;
	size_t n;
};

static int choose(struct rehearsal *r, struct choices *choices, const struct config_modem *config,
	const char *target, struct choice *ret)
{
	struct choice c = { config->profile, target, r->n_kinds, 0 }, *of;
	int error;

	for (size_t i = 0; i < choices->n; i++)
		if (text_equal(choices->of[i].profile, c.profile) &&
			text_equal(choices->of[i].target, target)) {
			*ret = choices->of[i];
			return 0;
		}
	error = target ? make_kinds(r, config, target) : 0;
	if (error == 0 && r->n_kinds == c.first)
		error = make_kind(
			r, config->profile ? profile_by_name(config->profile) : NULL, NULL, NULL);
	if (error < 0)
		return error;
	c.n = r->n_kinds - c.first;
	of = reallocarray(choices->of, choices->n + 1, sizeof(*of));
	if (!of)
		return -ENOMEM;
	choices->of = of;
	choices->of[choices->n++] = c;
	*ret = c;
	return 0;
}

/* ---- faults ---- */

/* None of these passes by itself. */
static const char *const usual[] = { "stall percent=40", "fail percent=70", "no-start",
	"never-back", "version-unchanged", "no-reboot", "gtota-cme number=50 times=0",
	"callbreak-error" };

/* In an order of the seed's, the first of them have the first fault, and so on; who has one has no other. */
struct drawn {
	uint64_t order;
	struct actor *actor;
};

static int compare(const void *a, const void *b)
{
	const struct drawn *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

static int give_faults(struct rehearsal *r)
{
	const struct rehearsal_options *o = &r->options;
	size_t n_usual = ELEMENTSOF(usual), next = 0;
	struct drawn *drawn = calloc(r->n_actors + 1, sizeof(*drawn));
	char name[NAME_MAX_SIZE + 8], problem[160];

	r->faults = calloc(n_usual + o->n_faults, sizeof(*r->faults));
	if (!drawn || !r->faults) {
		free(drawn);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n_usual; i++)
		(void) fake_fault_parse(usual[i], &r->faults[i], problem, sizeof(problem));
	for (size_t i = 0; i < r->n_actors; i++) {
		actor_name(&r->actors[i], name);
		drawn[i] = (struct drawn){ draw(r, "fault", name), &r->actors[i] };
	}
	qsort(drawn, r->n_actors, sizeof(*drawn), compare);
	for (size_t i = 0; i < o->n_faults; i++) {
		unsigned n = share_of(o->faults[i].share, (unsigned) r->n_actors);

		r->faults[n_usual + i] = o->faults[i].fault;
		for (; n > 0 && next < r->n_actors; n--, next++)
			drawn[next].actor->fault =
				o->faults[i].given ? &r->faults[n_usual + i]
						   : &r->faults[drawn[next].order % n_usual];
	}
	free(drawn);
	return 0;
}

/* ---- actors ---- */

/* 3GPP TS 23.003, B.2: the last digit follows from the others, and nobody checks it here. */
static void make_imei(
	const struct rehearsal *r, const char *name, size_t number, char ret[static IMEI_SIZE])
{
	uint64_t prefix = 10000000 + draw(r, "imei", name) % 80000000;

	(void) text_format(ret, IMEI_SIZE, "%08u%07u", (unsigned) (prefix % 100000000),
		(unsigned) (number % 10000000));
}

static const struct scenario_modem *find_scenario(const struct rehearsal *r, const char *name)
{
	const struct scenario *s = r->options.scenario;

	for (size_t i = 0; s && i < s->n_modems; i++)
		if (text_equal(s->modems[i].name, name))
			return &s->modems[i];
	return NULL;
}

static int add_scenario_kind(struct rehearsal *r, const struct scenario_modem *as, uint32_t *ret)
{
	struct kind *kind = add_kind(r);

	if (!kind)
		return -ENOMEM;
	kind->module = as->config;
	if (profile_match(as->config.model, &kind->profile) == PROFILE_MATCH_NONE)
		kind->profile = NULL;
	*ret = (uint32_t) (r->n_kinds - 1);
	return 0;
}

/* As fast as it was recorded: so long a hundredth of its first package took. */
static void take_pace(struct rehearsal *r, struct actor *a)
{
	const struct rehearsal_options *o = &r->options;
	const struct package *chain[PACKAGE_CHAIN_MAX];

	for (size_t i = 0; i < o->n_recorded; i++)
		if (o->recorded[i].percent_time > 0 && a->campaign &&
			text_equal(o->recorded[i].name, a->config->name) &&
			kind_chain(r, &r->kinds[a->kind], a->campaign->target, chain) > 0)
			a->rate = usec_max(1, package_bytes(r, a, chain[0]) / 100 * SEC /
						      o->recorded[i].percent_time);
}

static int add(struct rehearsal *r, struct choices *choices, size_t i)
{
	const struct config *config = r->config;
	const struct config_modem *modem = &config->modems[i % config->n_modems];
	const struct scenario_modem *as = find_scenario(r, modem->name);
	struct actor *a = &r->actors[i];
	char name[NAME_MAX_SIZE + 8];
	struct choice choice;
	int error;

	a->config = modem;
	a->copy = (uint32_t) (i / config->n_modems);
	a->campaign = config_campaign_of(config, a->config);
	a->attempt = NO_ATTEMPT;
	if (a->campaign)
		a->run = &r->runs[a->campaign - config->campaigns];
	actor_name(a, name);
	a->seed = draw(r, "module", name);
	a->rate = r->options.rate / 4 * 3 + draw(r, "rate", name) % (r->options.rate / 2 + 1);
	a->cell = r->options.cells > 0 ? (uint32_t) (draw(r, "cell", name) % r->options.cells) : 0;
	if (a->rate == 0)
		a->rate = 1;
	if (a->copy > 0 || (!as && !a->config->imei))
		make_imei(r, a->config->name, i, a->module.imei);
	else
		(void) text_format(a->module.imei, sizeof(a->module.imei), "%s",
			as ? as->config.imei : a->config->imei);
	if (as) {
		a->kind = r->actors[i % config->n_modems].kind;
		error = a->copy == 0 ? add_scenario_kind(r, as, &a->kind) : 0;
		if (error == 0)
			take_pace(r, a);
		return error;
	}
	error = choose(r, choices, a->config, a->campaign ? a->campaign->target : NULL, &choice);
	if (error < 0)
		return error;
	a->kind = (uint32_t) (choice.first + draw(r, "version", name) % choice.n);
	return 0;
}

int fleet_new(struct rehearsal *r)
{
	const struct rehearsal_options *o = &r->options;
	struct choices choices = { 0 };
	int error = 0;

	r->n_actors = r->config->n_modems == 0 ? 0
		      : o->modems > 0	       ? o->modems
					       : r->config->n_modems;
	r->actors = calloc(r->n_actors + 1, sizeof(*r->actors));
	if (!r->actors)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_actors && error == 0; i++)
		error = add(r, &choices, i);
	free(choices.of);
	return error < 0 ? error : give_faults(r);
}

void fleet_free(struct rehearsal *r)
{
	free(r->actors);
	free(r->kinds);
	free(r->faults);
}
