/*
 * Whole fleets on paper: campaigns, their gates and the schedule together, with modems that fail, are put off, do not
 * come back or come later, and an operator. What must hold is reckoned by the test's own books.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/campaign-gates.h"
#include "tests/unit/schedule-rig.h"

#define SEEDS	  250
#define MODEMS	  90
#define CAMPAIGNS 3
#define GROUPS	  3
#define CELLS	  4
#define STEP	  (5 * MINUTE)
#define OPERATED  (4 * DAY) /* later no operator is there */
#define QUIET	  (2 * DAY) /* so long nothing happens any more: the end */

struct modem {
	struct member *member;
	unsigned campaign, group, cell;
	usec_t ends;  /* RUNNING */
	usec_t wakes; /* what is put off comes back; USEC_INFINITY: never */
	/* the test's books */
	enum member_state state;
	bool begun, forgiven;
	unsigned wave; /* when it began */
	usec_t verdict;
	unsigned starts;
};

struct wish {
	struct campaign campaign;
	struct campaign_rules rules;
	struct wave_rules waves[4];
	struct campaign_gates gates;
	struct member *order[MODEMS];
	size_t n;
	int priority;
	bool confirmed;
	/* the test's books */
	unsigned open;
	bool paused, too_bad;
	usec_t opened;
};

struct fleet {
	struct schedule_rig *rig;
	struct wish wishes[CAMPAIGNS];
	struct schedule_gate groups[GROUPS], cells[CELLS];
	struct member members[MODEMS];
	struct modem modems[MODEMS];
	size_t n, n_wishes;
	uint64_t seed;
	unsigned bad; /* of a hundred attempts */
	usec_t now, happened;
	unsigned starts, opened, halts, resumed, uplinks;
};

static unsigned any(struct fleet *f, unsigned n)
{
	return draw_below(&f->seed, n);
}

/* ---- the test's books ---- */

static bool counts(const struct modem *m)
{
	return m->state != MEMBER_OUT && !m->forgiven;
}

static bool is_busy(const struct modem *m)
{
	return counts(m) && (m->state == MEMBER_WAITING || m->state == MEMBER_RUNNING ||
				    m->state == MEMBER_FAILING);
}

static bool is_bad(const struct modem *m)
{
	return m->state == MEMBER_FAILED || m->state == MEMBER_UNKNOWN ||
	       m->state == MEMBER_FAILING;
}

static bool is_settled(enum member_state state)
{
	return state == MEMBER_SUCCEEDED || state == MEMBER_FAILED || state == MEMBER_UNKNOWN;
}

static void judge_failures(struct fleet *f, unsigned w)
{
	unsigned bad = 0, all = 0;

	for (size_t i = 0; i < f->n; i++)
		if (f->modems[i].campaign == w && counts(&f->modems[i])) {
			bad += is_bad(&f->modems[i]);
			all += is_bad(&f->modems[i]) || f->modems[i].state == MEMBER_SUCCEEDED;
		}
	if (bad > 0 && all >= f->wishes[w].rules.halt.after &&
		bad * 100 >= all * f->wishes[w].rules.halt.failures.value)
		f->wishes[w].too_bad = true;
}

static void check_proven(const struct fleet *f, unsigned w, bool *ret)
{
	const struct wish *wish = &f->wishes[w];
	const struct wave_rules *rules = &wish->waves[wish->open];
	unsigned n = 0, good = 0, busy = 0;
	usec_t last = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct modem *m = &f->modems[i];

		if (m->campaign != w || m->member->wave != wish->open)
			continue;
		n += counts(m);
		good += counts(m) && m->state == MEMBER_SUCCEEDED;
		busy += is_busy(m);
		if (is_settled(m->state) && m->verdict >= wish->opened)
			last = usec_max(last, m->verdict);
	}
	*ret = busy == 0 && good * 100 >= n * rules->success.value &&
	       (last == 0 || f->now >= last + rules->soak);
}

static void check_start(struct fleet *f, size_t i)
{
	const struct modem *m = &f->modems[i];
	const struct wish *wish = &f->wishes[m->campaign];
	unsigned all = 0, campaign = 0, group = 0, cell = 0, others = 0, lonely = 0;

	for (size_t k = 0; k < f->n; k++) {
		const struct modem *other = &f->modems[k];
		bool runs = other->state == MEMBER_RUNNING;

		all += runs;
		campaign += runs && other->campaign == m->campaign;
		group += runs && other->group == m->group;
		cell += runs && other->cell == m->cell;
		lonely += runs && other->member->uplink;
		others +=
			other->campaign == m->campaign && !other->member->uplink && is_busy(other);
	}
	assert_true(all < f->rig->schedule.gateway.limit);
	assert_true(campaign < wish->gates.campaign.limit);
	assert_true(group < f->groups[m->group].limit);
	assert_true(cell < f->cells[m->cell].limit);
	assert_int_equal(lonely, 0);
	assert_false(wish->paused);
	assert_false(wish->too_bad);
	assert_int_equal(wish->campaign.halted, CAMPAIGN_RUNS);
	assert_true(m->member->wave <= wish->open);
	assert_true(m->state == MEMBER_WAITING || m->state == MEMBER_FAILING);
	if (m->member->uplink) {
		assert_int_equal(all, 0);
		assert_int_equal(others, 0);
		assert_true(wish->confirmed);
	}
}

/* ---- what the daemon will do ---- */

static void plan(struct fleet *f, unsigned w)
{
	struct wish *wish = &f->wishes[w];
	unsigned waves[MODEMS];

	campaign_plan(&wish->campaign, wish->order, wish->n);
	for (size_t i = 0; i < f->n; i++)
		waves[i] = f->members[i].wave;
	campaign_plan(&wish->campaign, wish->order, wish->n); /* twice is once */
	for (size_t i = 0; i < f->n; i++) {
		struct modem *m = &f->modems[i];
		struct schedule_place place;

		assert_int_equal(f->members[i].wave, waves[i]);
		if (m->campaign != w)
			continue;
		if (m->begun) /* whoever else comes or goes */
			assert_int_equal(m->member->wave, m->wave);
		campaign_gates_place(&wish->gates, m->member, wish->priority, &place);
		schedule_place_add(&place, &f->groups[m->group]);
		schedule_place_add(&place, &f->cells[m->cell]);
		if (f->rig->jobs[i].lane)
			assert_int_equal(
				schedule_move(&f->rig->schedule, &f->rig->jobs[i], &place), 0);
		else
			assert_int_equal(
				schedule_add(&f->rig->schedule, &f->rig->jobs[i], &place), 0);
	}
}

static void judge(struct fleet *f, unsigned w)
{
	struct wish *wish = &f->wishes[w];
	enum campaign_event event;
	bool proven;

	judge_failures(f, w);
	while ((event = campaign_judge(&wish->campaign, f->now)) != CAMPAIGN_NOTHING) {
		f->happened = f->now;
		if (event == CAMPAIGN_HALTS) {
			f->halts++;
			continue;
		}
		check_proven(f, w, &proven);
		assert_true(proven);
		wish->open++;
		wish->opened = f->now;
		f->opened++;
		assert_int_equal(wish->campaign.wave, wish->open);
		plan(f, w);
	}
	if (wish->too_bad)
		assert_int_not_equal(wish->campaign.halted, CAMPAIGN_RUNS);
	campaign_gates_set(&wish->gates, &f->rig->schedule, &wish->campaign, wish->confirmed);
}

static void note(struct fleet *f, size_t i, enum member_state state)
{
	struct modem *m = &f->modems[i];
	struct wish *wish = &f->wishes[m->campaign];
	bool was_bad = is_bad(m);

	if (is_settled(state) && state != m->state)
		m->verdict = f->now;
	m->state = state;
	m->forgiven = m->forgiven && was_bad && is_bad(m);
	if (!m->begun && (is_settled(state) || state == MEMBER_RUNNING)) {
		m->begun = true;
		m->wave = m->member->wave;
	}
	f->happened = f->now;
	if (campaign_note(&wish->campaign, m->member, state, f->now))
		plan(f, m->campaign);
	judge(f, m->campaign);
}

/* ---- what happens ---- */

static void set_due(struct fleet *f, size_t i, usec_t due)
{
	schedule_set_due(&f->rig->schedule, &f->rig->jobs[i], due, JOB_WAIT_BACKOFF);
}

static void put_off(struct fleet *f, size_t i)
{
	f->modems[i].wakes =
		any(f, 6) == 0 ? USEC_INFINITY : f->now + (1 + any(f, 40)) * 30 * MINUTE;
	set_due(f, i, USEC_INFINITY);
	note(f, i, MEMBER_DEFERRED);
}

static void end(struct fleet *f, size_t i)
{
	struct modem *m = &f->modems[i];
	bool fails = any(f, 100) < f->bad;

	schedule_ended(&f->rig->schedule, &f->rig->jobs[i]);
	if (any(f, 12) == 0) {
		put_off(f, i);
	} else if (!fails) {
		note(f, i, MEMBER_SUCCEEDED);
	} else if (m->starts < 3 && any(f, 2) == 0) {
		set_due(f, i, f->now + 15 * MINUTE);
		note(f, i, any(f, 2) == 0 ? MEMBER_FAILING : MEMBER_WAITING);
	} else if (any(f, 2) == 0) {
		note(f, i, MEMBER_FAILED);
	} else {
		m->wakes = any(f, 3) == 0 ? USEC_INFINITY : f->now + (1 + any(f, 20)) * HOUR;
		note(f, i, MEMBER_UNKNOWN);
	}
}

static void wake(struct fleet *f, size_t i)
{
	struct modem *m = &f->modems[i];

	m->wakes = USEC_INFINITY;
	if (m->state == MEMBER_UNKNOWN) {
		note(f, i, any(f, 3) == 0 ? MEMBER_FAILED : MEMBER_SUCCEEDED);
		return;
	}
	note(f, i, MEMBER_WAITING);
	set_due(f, i, f->now);
}

static void add_modem(struct fleet *f)
{
	size_t i = f->n++;
	struct modem *m = &f->modems[i];
	struct wish *wish;

	*m = (struct modem){ .member = &f->members[i],
		.campaign = any(f, (unsigned) f->n_wishes),
		.group = any(f, GROUPS),
		.cell = any(f, CELLS),
		.wakes = USEC_INFINITY,
		.state = MEMBER_WAITING };
	wish = &f->wishes[m->campaign];
	f->members[i] = (struct member){ .order = (uint64_t) draw(&f->seed) << 32 | i,
		.state = MEMBER_WAITING,
		.uplink = any(f, 15) == 0 };
	wish->order[wish->n++] = &f->members[i];
	plan(f, m->campaign);
	if (any(f, 10) == 0)
		note(f, i, MEMBER_OUT);
	else if (any(f, 10) == 0)
		put_off(f, i);
	else
		set_due(f, i, f->now + any(f, 60) * MINUTE);
	judge(f, m->campaign);
}

/* Pauses, resumes what has halted, confirms the uplinks: all of it now and then. */
static void operate(struct fleet *f, unsigned w)
{
	struct wish *wish = &f->wishes[w];

	if (any(f, 500) == 0) {
		campaign_pause(&wish->campaign);
		wish->paused = true;
	} else if ((wish->paused || wish->campaign.halted) && any(f, 60) == 0) {
		bool halted = wish->campaign.halted != CAMPAIGN_RUNS;

		assert_true(campaign_resume(&wish->campaign, wish->order, wish->n));
		for (size_t i = 0; i < f->n && halted; i++)
			if (f->modems[i].campaign == w)
				f->modems[i].forgiven = is_bad(&f->modems[i]);
		wish->too_bad = wish->paused = false;
		f->resumed++;
		plan(f, w);
	} else if (any(f, 300) == 0) {
		wish->confirmed = true;
	} else {
		return;
	}
	f->happened = f->now;
	judge(f, w);
}

static void start_all(struct fleet *f)
{
	struct schedule_job *job;

	while (schedule_next(&f->rig->schedule, f->now, &job)) {
		size_t i = (size_t) (job - f->rig->jobs);

		check_start(f, i);
		f->modems[i].ends = f->now + (1 + any(f, 8)) * 5 * MINUTE;
		f->modems[i].starts++;
		f->starts++;
		f->uplinks += f->members[i].uplink;
		schedule_started(&f->rig->schedule, job);
		note(f, i, MEMBER_RUNNING);
	}
}

static void step(struct fleet *f)
{
	f->now += STEP;
	for (size_t i = 0; i < f->n; i++) {
		if (f->modems[i].state == MEMBER_RUNNING && f->modems[i].ends <= f->now)
			end(f, i);
		else if (f->modems[i].wakes <= f->now)
			wake(f, i);
	}
	if (f->n < MODEMS && any(f, 40) == 0)
		add_modem(f);
	for (unsigned w = 0; w < f->n_wishes; w++) {
		if (f->now < OPERATED)
			operate(f, w);
		judge(f, w);
	}
	start_all(f);
}

static void make_fleet(struct fleet *f, uint64_t seed)
{
	*f = (struct fleet){ .seed = seed * 104729, .now = DAY };
	f->rig = schedule_rig_new(0);
	schedule_set_limit(&f->rig->schedule, &f->rig->schedule.gateway, 1 + any(f, 8));
	f->bad = any(f, 3) * 12;
	f->n_wishes = 1 + any(f, CAMPAIGNS);
	for (unsigned i = 0; i < GROUPS; i++)
		f->groups[i] =
			(struct schedule_gate){ .kind = SCHEDULE_GROUP, .limit = 1 + any(f, 4) };
	for (unsigned i = 0; i < CELLS; i++)
		f->cells[i] =
			(struct schedule_gate){ .kind = SCHEDULE_CELL, .limit = 1 + any(f, 3) };
	for (unsigned w = 0; w < f->n_wishes; w++) {
		struct wish *wish = &f->wishes[w];
		unsigned n = 1 + any(f, 4);

		for (unsigned i = 0; i < n; i++)
			wish->waves[i] = (struct wave_rules){
				i + 1 == n ? (struct share){ 100, true }
				: i == 0   ? (struct share){ 1 + any(f, 3), false }
					   : (struct share){ i * 25, true },
				{ 50 + any(f, 4) * 15, true }, any(f, 3) * 2 * HOUR
			};
		wish->rules = (struct campaign_rules){ .waves = wish->waves,
			.n_waves = n,
			.halt = { { 10 + any(f, 4) * 10, true }, 1 + any(f, 6) } };
		wish->priority = (int) any(f, 3);
		campaign_init(&wish->campaign, &wish->rules);
		campaign_gates_init(&wish->gates, "c", 1 + any(f, 6));
	}
	for (unsigned i = 0; i < 40; i++)
		add_modem(f);
}

/* At the end nobody waits whom nothing holds, and nothing holds a wave that is proven. */
static void check_end(struct fleet *f)
{
	bool proven;

	for (size_t i = 0; i < f->n; i++) {
		struct modem *m = &f->modems[i];
		const struct wish *wish = &f->wishes[m->campaign];

		assert_int_not_equal(m->state, MEMBER_RUNNING);
		if (wish->campaign.halted || wish->paused || m->member->uplink)
			continue;
		if (m->state == MEMBER_WAITING || m->state == MEMBER_FAILING)
			assert_true(m->member->wave > wish->open);
	}
	for (unsigned w = 0; w < f->n_wishes; w++) {
		struct wish *wish = &f->wishes[w];

		check_proven(f, w, &proven);
		if (!wish->campaign.halted && !wish->paused)
			assert_true(!proven || wish->open + 1 >= wish->rules.n_waves);
	}
}

static void test_fleets(void **state UNUSED)
{
	static struct fleet f;
	unsigned starts = 0, opened = 0, halts = 0, resumed = 0, uplinks = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		make_fleet(&f, seed);
		while (f.now < f.happened + QUIET)
			step(&f);
		check_end(&f);
		starts += f.starts;
		opened += f.opened;
		halts += f.halts;
		resumed += f.resumed;
		uplinks += f.uplinks;
		free(f.rig);
	}
	print_message("%u starts, %u waves opened, %u halts, %u resumed, %u uplinks\n", starts,
		opened, halts, resumed, uplinks);
	/* Lives in which nothing happens prove nothing. */
	assert_true(starts > SEEDS * 40 && opened > SEEDS && halts > SEEDS / 2 && resumed > SEEDS &&
		    uplinks > SEEDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_fleets) };

	return cmocka_run_group_tests_name("campaign-lives", tests, NULL, NULL);
}
