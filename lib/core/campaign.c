#include "core/campaign.h"

#include <string.h>

#include "base/macros.h"
#include "base/text.h"

/* ---- members ---- */

/* The module runs, and not what it should. */
static bool is_unverified(enum reason reason)
{
	return reason == REASON_NO_REBOOT || reason == REASON_NOT_BACK ||
	       reason == REASON_VERSION_UNCHANGED || reason == REASON_VERSION_UNEXPECTED ||
	       reason == REASON_NO_SERVICE;
}

enum member_state member_state_of(enum job_state state, enum reason reason, bool spent, bool tried)
{
	switch (state) {
	case JOB_WAITING:
		if (spent)
			return is_unverified(reason) ? MEMBER_FAILING : MEMBER_WAITING;
		return reason != REASON_NONE ? MEMBER_DEFERRED : MEMBER_WAITING;
	case JOB_RUNNING:
		return MEMBER_RUNNING;
	case JOB_SUCCEEDED:
		return tried ? MEMBER_SUCCEEDED : MEMBER_OUT;
	case JOB_FAILED: /* what was only put off until it was too late is no failure of the campaign's */
		return reason == REASON_DEADLINE ? MEMBER_OUT : MEMBER_FAILED;
	case JOB_CANCELLED:
		return MEMBER_OUT;
	case JOB_UNKNOWN:
		return MEMBER_UNKNOWN;
	}
	return MEMBER_OUT;
}

enum member_state member_state_now(const struct member_job *job)
{
	bool waits = !job->made || job->state == JOB_WAITING;

	if (job->runs)
		return MEMBER_RUNNING;
	if (waits && job->away)
		return MEMBER_DEFERRED;
	return job->made ? member_state_of(job->state, job->reason, job->spent, job->tried)
			 : MEMBER_WAITING;
}

/* Names that differ in a last digit must not stand side by side: text_hash() alone hardly moves its upper bits for it. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 33)) * UINT64_C(0xff51afd7ed558ccd); /* the finalizer of MurmurHash3 */
	x = (x ^ (x >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ (x >> 33);
}

uint64_t member_order(const char *campaign, const char *modem)
{
	uint64_t hash = text_hash(0, campaign, strlen(campaign) + 1);

	return mix(text_hash(hash, modem, strlen(modem)));
}

static bool counts(const struct member *m)
{
	return m->state != MEMBER_OUT && !m->forgiven;
}

bool member_has_failed(enum member_state state)
{
	return state == MEMBER_FAILING || state == MEMBER_UNKNOWN || state == MEMBER_FAILED;
}

static bool has_verdict(enum member_state state)
{
	return state == MEMBER_SUCCEEDED || state == MEMBER_UNKNOWN || state == MEMBER_FAILED;
}

/* May it still go on by itself, and is not put off? */
static unsigned count_busy(const struct tally *t)
{
	return t->of[MEMBER_WAITING] + t->of[MEMBER_RUNNING] + t->of[MEMBER_FAILING];
}

static unsigned count_failed(const struct tally *t)
{
	return t->of[MEMBER_FAILING] + t->of[MEMBER_UNKNOWN] + t->of[MEMBER_FAILED];
}

static unsigned count_all(const struct tally *t)
{
	unsigned n = 0;

	for (unsigned state = 0; state < _MEMBER_MAX; state++)
		n += t->of[state];
	return n;
}

static void count_member(struct campaign *c, const struct member *m, bool in)
{
	unsigned one = in ? 1 : -1U;

	if (!counts(m))
		return;
	c->members += one;
	c->all.of[m->state] += one;
	c->waves[m->wave].of[m->state] += one;
	if (m->uplink)
		c->uplinks.of[m->state] += one;
}

/* ---- waves ---- */

static const struct wave_rules whole = { { 100, true }, { 80, true }, 0 };

static unsigned last_wave(const struct campaign *c)
{
	return c->rules->n_waves > 0 ? (unsigned) c->rules->n_waves - 1 : 0;
}

static const struct wave_rules *rules_of(const struct campaign *c, unsigned wave)
{
	return c->rules->n_waves > 0 ? &c->rules->waves[wave] : &whole;
}

void campaign_init(struct campaign *c, const struct campaign_rules *rules)
{
	*c = (struct campaign){ .rules = rules };
}

void campaign_change(struct campaign *c, const struct campaign_rules *rules)
{
	usec_t before = rules_of(c, c->wave)->soak, soak;

	c->rules = rules;
	c->wave = c->wave < last_wave(c) ? c->wave : last_wave(c);
	soak = rules_of(c, c->wave)->soak;
	if (c->soak_until > 0)
		c->soak_until = usec_add(usec_sub(c->soak_until, before), soak);
}

static bool goes_before(const struct member *a, const struct member *b)
{
	if (a->uplink != b->uplink)
		return b->uplink;
	return a->order < b->order;
}

static void sift_down(struct member **members, size_t i, size_t n)
{
	struct member *m = members[i];

	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && goes_before(members[child], members[child + 1]))
			child++;
		if (!goes_before(m, members[child]))
			break;
		members[i] = members[child];
	}
	members[i] = m;
}

/* A heap sort: libc's may allocate. */
static void sort(struct member **members, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift_down(members, i, n);
	for (size_t i = n; i-- > 1;) {
		struct member *last = members[i];

		members[i] = members[0];
		members[0] = last;
		sift_down(members, 0, i);
	}
}

void campaign_plan(struct campaign *c, struct member **members, size_t n)
{
	unsigned last = last_wave(c), wave = c->wave, total = 0, placed = 0;

	sort(members, n);
	for (size_t i = 0; i < n; i++) {
		total += counts(members[i]);
		placed += counts(members[i]) && members[i]->begun;
	}
	c->members = 0;
	c->all = c->uplinks = (struct tally){ 0 };
	memset(c->waves, 0, sizeof(c->waves));
	for (size_t i = 0; i < n; i++) {
		struct member *m = members[i];

		if (m->begun) {
			m->wave = m->wave < last ? m->wave : last;
		} else {
			while (wave < last && placed >= share_of(rules_of(c, wave)->size, total))
				wave++;
			m->wave = wave;
			placed += counts(m);
		}
		count_member(c, m, true);
	}
}

bool campaign_note(struct campaign *c, struct member *m, enum member_state state, usec_t now)
{
	bool counted = counts(m);
	usec_t soak = rules_of(c, c->wave)->soak;

	if (state == m->state)
		return false;
	count_member(c, m, false);
	/* What was forgiven stays so until it is something else; so does the failure that it turns out to be. */
	m->forgiven = m->forgiven && member_has_failed(m->state) && member_has_failed(state);
	m->state = state;
	m->begun = m->begun || state == MEMBER_RUNNING || state == MEMBER_FAILING ||
		   has_verdict(state);
	count_member(c, m, true);
	if (has_verdict(state) && m->wave == c->wave)
		c->soak_until = soak > 0 ? usec_add(now, soak) : 0;
	return counted != counts(m);
}

/* Nothing of it can go on by itself, and there is enough to go by. */
static bool is_proven(const struct campaign *c)
{
	const struct tally *t = &c->waves[c->wave];

	return count_busy(t) == 0 && t->of[MEMBER_SUCCEEDED] >= campaign_view(c, c->wave).wanted;
}

static bool is_hopeless(const struct campaign *c)
{
	struct wave_view view = campaign_view(c, c->wave);

	return c->wave < last_wave(c) && view.succeeded + view.left < view.wanted;
}

static bool is_too_bad(const struct campaign *c)
{
	const struct halt_rules *halt = &c->rules->halt;
	unsigned failures = campaign_failures(c), judged = campaign_judged(c);

	if (failures == 0 || judged < halt->after)
		return false;
	if (!halt->failures.percent)
		return failures >= halt->failures.value;
	return (uint64_t) failures * 100 >= (uint64_t) judged * halt->failures.value;
}

static enum campaign_halt find_halt(const struct campaign *c)
{
	if (is_too_bad(c))
		return CAMPAIGN_FAILURES;
	if (is_hopeless(c))
		return CAMPAIGN_UNPROVEN;
	if (brake_judge(&c->brake, &c->rules->brake, BRAKE_RETURN))
		return CAMPAIGN_SLOWER;
	if (brake_judge(&c->brake, &c->rules->brake, BRAKE_SIGNAL))
		return CAMPAIGN_WEAKER;
	return CAMPAIGN_RUNS;
}

enum campaign_event campaign_judge(struct campaign *c, usec_t now)
{
	if (c->cancelled || c->halted != CAMPAIGN_RUNS)
		return CAMPAIGN_NOTHING;
	c->halted = find_halt(c);
	if (c->halted != CAMPAIGN_RUNS)
		return CAMPAIGN_HALTS;
	if (c->paused || c->wave >= last_wave(c) || !is_proven(c) || now < c->soak_until)
		return CAMPAIGN_NOTHING;
	c->wave++;
	c->soak_until = 0;
	return CAMPAIGN_OPENS;
}

usec_t campaign_due(const struct campaign *c)
{
	if (c->cancelled || c->paused || c->halted != CAMPAIGN_RUNS || c->wave >= last_wave(c) ||
		!is_proven(c))
		return USEC_INFINITY;
	return c->soak_until;
}

void campaign_stop(struct campaign *c, enum campaign_halt why)
{
	if (!c->cancelled && c->halted == CAMPAIGN_RUNS)
		c->halted = why;
}

enum job_wait campaign_waits_for(const struct campaign *c)
{
	if (c->halted != CAMPAIGN_RUNS)
		return JOB_WAIT_HALTED;
	if (c->paused || c->cancelled)
		return JOB_WAIT_PAUSED;
	return c->fetching ? JOB_WAIT_FETCH : JOB_WAIT_NONE;
}

enum job_wait campaign_wave_waits_for(const struct campaign *c, unsigned wave, usec_t *ret_opens)
{
	bool soaks = wave == c->wave + 1 && is_proven(c);

	*ret_opens = soaks ? c->soak_until : USEC_INFINITY;
	return wave <= c->wave ? JOB_WAIT_NONE : soaks ? JOB_WAIT_SOAK : JOB_WAIT_WAVE;
}

bool campaign_uplinks_may_go(const struct campaign *c)
{
	return count_busy(&c->all) == count_busy(&c->uplinks);
}

bool campaign_is_stuck(const struct campaign *c)
{
	const struct tally *t = &c->waves[c->wave];

	return c->wave < last_wave(c) && campaign_waits_for(c) == JOB_WAIT_NONE && count_busy(t) == 0 &&
	       t->of[MEMBER_DEFERRED] > 0 && !is_proven(c);
}

bool campaign_is_over(const struct campaign *c)
{
	return count_busy(&c->all) + c->all.of[MEMBER_DEFERRED] == 0;
}

/* ---- what an operator says ---- */

bool campaign_pause(struct campaign *c)
{
	bool changes = !c->paused;

	c->paused = true;
	return changes;
}

bool campaign_cancel(struct campaign *c)
{
	bool changes = !c->cancelled;

	c->cancelled = true;
	return changes;
}

bool campaign_revive(struct campaign *c)
{
	bool changes = c->cancelled;

	c->cancelled = false;
	return changes;
}

bool campaign_resume(struct campaign *c, struct member **members, size_t n)
{
	bool changes = !c->cancelled && (c->paused || c->halted != CAMPAIGN_RUNS);

	for (size_t i = 0; changes && c->halted != CAMPAIGN_RUNS && i < n; i++)
		members[i]->forgiven = member_has_failed(members[i]->state);
	if (!changes)
		return false;
	if (c->halted != CAMPAIGN_RUNS)
		brake_forgive(&c->brake);
	c->paused = false;
	c->halted = CAMPAIGN_RUNS;
	return true;
}

/* ---- for people ---- */

static const char *const halts[] = {
	[CAMPAIGN_RUNS] = "",
	[CAMPAIGN_FAILURES] = "failures",
	[CAMPAIGN_UNPROVEN] = "unproven",
	[CAMPAIGN_SLOWER] = "slower",
	[CAMPAIGN_WEAKER] = "weaker",
	[CAMPAIGN_FETCH] = "fetch",
};

const char *campaign_halt_name(enum campaign_halt halt)
{
	return halts[halt];
}

enum campaign_halt campaign_halt_by_name(const char *name)
{
	for (size_t i = 0; i < ELEMENTSOF(halts); i++)
		if (text_equal(halts[i], name))
			return (enum campaign_halt) i;
	return CAMPAIGN_RUNS;
}

struct wave_view campaign_view(const struct campaign *c, unsigned wave)
{
	const struct tally *t = &c->waves[wave];
	unsigned n = count_all(t);

	return (struct wave_view){
		.members = n,
		.succeeded = t->of[MEMBER_SUCCEEDED],
		.failed = count_failed(t),
		.left = count_busy(t) + t->of[MEMBER_DEFERRED],
		.wanted = share_of(rules_of(c, wave)->success, n),
	};
}

unsigned campaign_failures(const struct campaign *c)
{
	return count_failed(&c->all);
}

unsigned campaign_judged(const struct campaign *c)
{
	return c->all.of[MEMBER_SUCCEEDED] + count_failed(&c->all);
}
