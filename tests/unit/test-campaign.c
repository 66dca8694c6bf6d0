/* Waves, halts and what an operator says, told in small campaigns: a letter for each member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/campaign.h"

#define MEMBERS 20

static const struct wave_rules three[] = {
	{ { 1, false }, { 80, true }, 1 * HOUR },
	{ { 30, true }, { 80, true }, 2 * HOUR },
	{ { 100, true }, { 80, true }, 0 },
};

struct site {
	struct campaign campaign;
	struct campaign_rules rules;
	struct member members[MEMBERS], *order[MEMBERS];
	size_t n;
	usec_t now; /* hours */
};

static void begin(struct site *s, size_t n, const struct wave_rules *waves, unsigned n_waves)
{
	*s = (struct site){ .n = n };
	s->rules = (struct campaign_rules){
		.waves = waves, .n_waves = n_waves, .halt = CAMPAIGN_HALT
	};
	campaign_init(&s->campaign, &s->rules);
	for (size_t i = 0; i < n; i++) {
		s->members[i] = (struct member){ .order = i, .state = MEMBER_WAITING };
		s->order[i] = &s->members[i];
	}
	campaign_plan(&s->campaign, s->order, n);
}

/* Letters of states, in the order of enum member_state. */
static const char letters[] = "owdrfusx";

/* What becomes of the first, second ... member; '.': nothing new. */
static void note(struct site *s, const char *states)
{
	bool plan = false;

	for (size_t i = 0; states[i]; i++) {
		const char *p = strchr(letters, states[i]);

		if (!p)
			continue;
		plan |= campaign_note(&s->campaign, &s->members[i],
			(enum member_state)(p - letters), s->now * HOUR);
	}
	if (plan)
		campaign_plan(&s->campaign, s->order, s->n);
}

/* The wave of each member, as digits. */
static void assert_waves(const struct site *s, const char *waves)
{
	char found[MEMBERS + 1] = "";

	for (size_t i = 0; i < s->n; i++)
		found[i] = (char) ('1' + s->members[i].wave);
	assert_string_equal(found, waves);
}

static void assert_judged(struct site *s, usec_t hour, enum campaign_event event)
{
	s->now = hour;
	assert_int_equal(campaign_judge(&s->campaign, hour * HOUR), event);
	if (event != CAMPAIGN_NOTHING) /* twice is once */
		assert_int_equal(campaign_judge(&s->campaign, hour * HOUR), CAMPAIGN_NOTHING);
}

static void test_three_waves(void **state UNUSED)
{
	struct site s;
	usec_t opens;

	begin(&s, 10, three, 3);
	assert_waves(&s, "1223333333");
	assert_judged(&s, 0, CAMPAIGN_NOTHING);
	assert_int_equal(campaign_wave_waits_for(&s.campaign, 0, &opens), JOB_WAIT_NONE);
	assert_int_equal(campaign_wave_waits_for(&s.campaign, 1, &opens), JOB_WAIT_WAVE);
	assert_int_equal(opens, USEC_INFINITY);
	note(&s, "r");
	assert_judged(&s, 1, CAMPAIGN_NOTHING);
	assert_int_equal(campaign_due(&s.campaign), USEC_INFINITY);
	note(&s, "s");
	assert_judged(&s, 1, CAMPAIGN_NOTHING); /* it soaks */
	assert_int_equal(campaign_due(&s.campaign), 2 * HOUR);
	assert_int_equal(campaign_wave_waits_for(&s.campaign, 1, &opens), JOB_WAIT_SOAK);
	assert_int_equal(opens, 2 * HOUR);
	assert_int_equal(campaign_wave_waits_for(&s.campaign, 2, &opens), JOB_WAIT_WAVE);
	assert_judged(&s, 2, CAMPAIGN_OPENS);
	assert_int_equal(s.campaign.wave, 1);
	assert_int_equal(s.campaign.soak_until, 0);
	note(&s, ".rs");
	assert_judged(&s, 3, CAMPAIGN_NOTHING);
	note(&s, ".s");
	assert_judged(&s, 4, CAMPAIGN_NOTHING);
	assert_judged(&s, 5, CAMPAIGN_OPENS);
	assert_int_equal(campaign_due(&s.campaign), USEC_INFINITY);
	assert_judged(&s, 99, CAMPAIGN_NOTHING);
	assert_false(campaign_is_over(&s.campaign));
	note(&s, "...sssssss");
	assert_true(campaign_is_over(&s.campaign));
}

/* Something begins again while it soaks: the soak begins again after its verdict. */
static void test_soak_begins_again(void **state UNUSED)
{
	static const struct wave_rules waves[] = {
		{ { 3, false }, { 2, false }, 1 * HOUR },
		{ { 100, true }, { 80, true }, 0 },
	};
	struct site s;

	begin(&s, 6, waves, 2);
	note(&s, "ssd");
	assert_judged(&s, 0, CAMPAIGN_NOTHING);
	assert_int_equal(
		campaign_due(&s.campaign), 1 * HOUR); /* who is put off is not waited for */
	note(&s, "..r");
	assert_judged(&s, 2, CAMPAIGN_NOTHING);
	note(&s, "..x");
	assert_judged(&s, 2, CAMPAIGN_NOTHING);
	assert_judged(&s, 3, CAMPAIGN_OPENS);
	campaign_plan(&s.campaign, s.order, s.n);
	assert_waves(&s, "111222");
}

/* Who was put off while his wave proved itself belongs to the one that is to be proven next. */
static void test_straggler(void **state UNUSED)
{
	static const struct wave_rules waves[] = {
		{ { 3, false }, { 2, false }, 0 },
		{ { 100, true }, { 80, true }, 0 },
	};
	struct site s;

	begin(&s, 6, waves, 2);
	note(&s, "ssd");
	assert_judged(&s, 0, CAMPAIGN_OPENS);
	campaign_plan(&s.campaign, s.order, s.n);
	assert_waves(&s, "112222");
}

/* A wave of which too few are there waits; the ones that are put off may still come. */
static void test_put_off(void **state UNUSED)
{
	struct site s;

	begin(&s, 10, three, 3);
	assert_false(campaign_is_stuck(&s.campaign));
	note(&s, "d");
	assert_judged(&s, 50, CAMPAIGN_NOTHING);
	assert_true(campaign_is_stuck(&s.campaign));
	campaign_pause(&s.campaign); /* then it waits for an operator anyway */
	assert_false(campaign_is_stuck(&s.campaign));
	campaign_resume(&s.campaign, s.order, s.n);
	note(&s, "s");
	assert_false(campaign_is_stuck(&s.campaign));
	assert_judged(&s, 51, CAMPAIGN_OPENS);
	note(&s, ".d");
	assert_false(campaign_is_stuck(&s.campaign)); /* the other one may go */
	note(&s, "..d");
	assert_judged(&s, 99, CAMPAIGN_NOTHING);
	assert_true(campaign_is_stuck(&s.campaign));
	assert_int_equal(campaign_judged(&s.campaign), 1);
	note(&s, ".ss");
	assert_judged(&s, 100, CAMPAIGN_NOTHING);
	assert_judged(&s, 101, CAMPAIGN_OPENS);
}

static void test_unproven(void **state UNUSED)
{
	struct site s;

	begin(&s, 10, three, 3);
	note(&s, "u");
	assert_judged(&s, 1, CAMPAIGN_HALTS);
	assert_int_equal(s.campaign.halted, CAMPAIGN_UNPROVEN);
	note(&s, "s"); /* it comes back: an operator has to look all the same */
	assert_judged(&s, 5, CAMPAIGN_NOTHING);
	assert_int_equal(campaign_waits_for(&s.campaign), JOB_WAIT_HALTED);
	assert_true(campaign_resume(&s.campaign, s.order, s.n));
	campaign_plan(&s.campaign, s.order, s.n);
	assert_judged(&s, 6, CAMPAIGN_OPENS);
	note(&s, ".xw");
	assert_judged(&s, 6, CAMPAIGN_HALTS); /* one of two at best, and two are wanted */
}

/* After a resume another one proves the wave in the place of the one that is forgiven. */
static void test_forgiven(void **state UNUSED)
{
	struct site s;

	begin(&s, 10, three, 3);
	note(&s, "x");
	assert_judged(&s, 1, CAMPAIGN_HALTS);
	assert_true(campaign_resume(&s.campaign, s.order, s.n));
	assert_false(campaign_resume(&s.campaign, s.order, s.n));
	campaign_plan(&s.campaign, s.order, s.n);
	assert_waves(&s, "1122333333");
	assert_int_equal(campaign_failures(&s.campaign), 0);
	assert_judged(&s, 2, CAMPAIGN_NOTHING);
	note(&s, ".s");
	assert_judged(&s, 3, CAMPAIGN_OPENS);
	note(&s, "w"); /* retry: counts again, where it was */
	note(&s, "x");
	assert_int_equal(campaign_failures(&s.campaign), 1);
	assert_waves(&s, "1123333333");
}

/* A forgiven one that turns out to have failed is the same failure; one that succeeds after all counts. */
static void test_forgiven_settles(void **state UNUSED)
{
	struct site s;

	begin(&s, 10, NULL, 0);
	note(&s, "uussu");
	assert_judged(&s, 1, CAMPAIGN_HALTS);
	assert_true(campaign_resume(&s.campaign, s.order, s.n));
	campaign_plan(&s.campaign, s.order, s.n);
	note(&s, "xs");
	assert_int_equal(campaign_failures(&s.campaign), 0);
	assert_int_equal(campaign_judged(&s.campaign), 3);
	assert_judged(&s, 2, CAMPAIGN_NOTHING);
}

static void test_halt(void **state UNUSED)
{
	static const struct {
		const char *states;
		struct halt_rules rules;
		bool halts;
	} rows[] = {
		{ "sssx", { { 20, true }, 5 }, false }, /* not yet */
		{ "ssssx", { { 20, true }, 5 }, true },
		{ "sssssx", { { 20, true }, 5 }, false }, /* 1 of 6 */
		{ "sssssssssxx", { { 20, true }, 5 }, false },
		{ "ssssssssxx", { { 20, true }, 5 }, true },
		{ "ssssu", { { 20, true }, 5 }, true },
		{ "ssssf", { { 20, true }, 5 }, true }, /* is tried again, and yet */
		{ "ssssw", { { 20, true }, 5 }, false },
		{ "sssxd", { { 20, true }, 5 }, false }, /* put off: in no sample */
		{ "sssxo", { { 20, true }, 5 }, false },
		{ "sssss", { { 1, true }, 5 }, false },
		{ "x", { { 100, true }, 1 }, true },
		{ "xs", { { 100, true }, 1 }, false },
		{ "sssxx", { { 3, false }, 0 }, false },
		{ "xxx", { { 3, false }, 0 }, true },
		{ "xxx", { { 3, false }, 5 }, false },
		{ "xxxss", { { 3, false }, 5 }, true },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct site s;

		begin(&s, 15, NULL, 0);
		s.rules.halt = rows[i].rules;
		note(&s, rows[i].states);
		assert_judged(&s, 1, rows[i].halts ? CAMPAIGN_HALTS : CAMPAIGN_NOTHING);
		assert_int_equal(
			s.campaign.halted, rows[i].halts ? CAMPAIGN_FAILURES : CAMPAIGN_RUNS);
	}
}

static void test_who_is_out(void **state UNUSED)
{
	struct site s;

	begin(&s, 10, three, 3);
	note(&s, "o.o"); /* at the target already: they prove nothing, others take their places */
	assert_waves(&s, "1122233333");
	note(&s, ".r");
	note(&s, ".o"); /* cancelled: the next one proves the wave */
	assert_int_equal(s.members[3].wave, 0);
	assert_int_equal(campaign_view(&s.campaign, 0).members, 1);
	assert_int_equal(campaign_view(&s.campaign, 0).left, 1);
}

/* Whoever is added: the ones that have begun stay where they are. */
static void test_added_later(void **state UNUSED)
{
	struct site s;

	begin(&s, 10, three, 3);
	for (size_t i = 0; i < 10; i++)
		s.members[i].order = 100 + i;
	note(&s, "s");
	assert_judged(&s, 1, CAMPAIGN_OPENS);
	note(&s, ".s");
	for (; s.n < 20; s.n++) { /* they would be the first */
		s.members[s.n] = (struct member){ .order = s.n, .state = MEMBER_WAITING };
		s.order[s.n] = &s.members[s.n];
	}
	campaign_plan(&s.campaign, s.order, s.n);
	assert_waves(&s, "12333333332222333333");
	assert_judged(&s, 1, CAMPAIGN_NOTHING);
}

static void test_uplinks(void **state UNUSED)
{
	struct site s;

	begin(&s, 4, three, 3);
	s.members[0].uplink = true;
	campaign_plan(&s.campaign, s.order, s.n);
	assert_waves(&s, "3123");
	assert_false(campaign_uplinks_may_go(&s.campaign));
	note(&s, ".ssr");
	assert_false(campaign_uplinks_may_go(&s.campaign));
	note(&s, "...f");
	assert_false(campaign_uplinks_may_go(&s.campaign));
	note(&s, "...d"); /* not there: not waited for */
	assert_true(campaign_uplinks_may_go(&s.campaign));
	note(&s, "r");
	assert_true(campaign_uplinks_may_go(&s.campaign));
}

static void test_pause_and_cancel(void **state UNUSED)
{
	struct site s;

	begin(&s, 10, three, 3);
	note(&s, "s");
	assert_true(campaign_pause(&s.campaign));
	assert_false(campaign_pause(&s.campaign));
	assert_int_equal(campaign_waits_for(&s.campaign), JOB_WAIT_PAUSED);
	assert_judged(&s, 5, CAMPAIGN_NOTHING);
	assert_int_equal(campaign_due(&s.campaign), USEC_INFINITY);
	assert_true(campaign_resume(&s.campaign, s.order, s.n));
	assert_judged(&s, 5, CAMPAIGN_OPENS);
	note(&s, ".xx");
	assert_judged(&s, 5, CAMPAIGN_HALTS);
	assert_true(campaign_pause(&s.campaign));
	assert_int_equal(campaign_waits_for(&s.campaign), JOB_WAIT_HALTED);
	assert_true(campaign_cancel(&s.campaign));
	assert_false(campaign_cancel(&s.campaign));
	assert_false(campaign_resume(&s.campaign, s.order, s.n));
	assert_int_not_equal(campaign_waits_for(&s.campaign), JOB_WAIT_NONE);
	assert_true(campaign_revive(&s.campaign));
	assert_false(campaign_revive(&s.campaign));
	assert_int_equal(campaign_waits_for(&s.campaign), JOB_WAIT_HALTED);
	assert_true(campaign_resume(&s.campaign, s.order, s.n));
	assert_int_equal(campaign_waits_for(&s.campaign), JOB_WAIT_NONE);
}

/* Nothing that has failed is forgiven by a pause. */
static void test_pause_forgives_nothing(void **state UNUSED)
{
	struct site s;

	begin(&s, 10, NULL, 0);
	note(&s, "xss");
	assert_true(campaign_pause(&s.campaign));
	assert_true(campaign_resume(&s.campaign, s.order, s.n));
	campaign_plan(&s.campaign, s.order, s.n);
	note(&s, "...ss");
	assert_judged(&s, 1, CAMPAIGN_HALTS);
}

static void test_reload(void **state UNUSED)
{
	static const struct wave_rules two[] = {
		{ { 1, false }, { 80, true }, 3 * HOUR },
		{ { 100, true }, { 80, true }, 0 },
	};
	struct site s;
	struct campaign_rules longer;

	begin(&s, 10, three, 3);
	s.now = 1;
	note(&s, "s");
	longer = s.rules;
	longer.waves = two;
	longer.n_waves = 2;
	campaign_change(&s.campaign, &longer);
	campaign_plan(&s.campaign, s.order, s.n);
	assert_waves(&s, "1222222222");
	assert_int_equal(campaign_due(&s.campaign), 4 * HOUR);
	campaign_change(&s.campaign, &s.rules);
	campaign_plan(&s.campaign, s.order, s.n);
	assert_judged(&s, 2, CAMPAIGN_OPENS);
	note(&s, ".ss");
	assert_judged(&s, 4, CAMPAIGN_OPENS);
	note(&s, "...r");
	campaign_change(&s.campaign, &longer); /* fewer waves: the last is the last */
	campaign_plan(&s.campaign, s.order, s.n);
	assert_waves(&s, "1222222222");
	assert_int_equal(s.campaign.wave, 1);
}

static void test_brake(void **state UNUSED)
{
	struct site s;

	begin(&s, 10, NULL, 0);
	s.rules.brake = (struct brake_rules){ .return_percent = 200, .signal_db = 10, .after = 5 };
	for (unsigned i = 0; i < 20; i++) {
		brake_note(&s.campaign.brake, BRAKE_RETURN, false, 60000 + i);
		brake_note(&s.campaign.brake, BRAKE_SIGNAL, false, 70);
		brake_note(&s.campaign.brake, BRAKE_SIGNAL, true, 79);
	}
	for (unsigned i = 0; i < 4; i++)
		brake_note(&s.campaign.brake, BRAKE_RETURN, true, 600000);
	assert_judged(&s, 1, CAMPAIGN_NOTHING); /* four say nothing */
	brake_note(&s.campaign.brake, BRAKE_RETURN, true, 600000);
	assert_judged(&s, 1, CAMPAIGN_HALTS);
	assert_int_equal(s.campaign.halted, CAMPAIGN_SLOWER);
	assert_true(campaign_resume(&s.campaign, s.order, s.n));
	assert_judged(&s, 1, CAMPAIGN_NOTHING); /* what was seen is forgiven too */
	for (unsigned i = 0; i < 5; i++)
		brake_note(&s.campaign.brake, BRAKE_SIGNAL, true, 80);
	assert_judged(&s, 1, CAMPAIGN_HALTS);
	assert_int_equal(s.campaign.halted, CAMPAIGN_WEAKER);
}

static void test_halt_names(void **state UNUSED)
{
	for (unsigned i = CAMPAIGN_RUNS; i <= CAMPAIGN_FETCH; i++)
		assert_int_equal(
			campaign_halt_by_name(campaign_halt_name((enum campaign_halt) i)), i);
	assert_int_equal(campaign_halt_by_name("of another version"), CAMPAIGN_RUNS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_three_waves),
		cmocka_unit_test(test_soak_begins_again),
		cmocka_unit_test(test_straggler),
		cmocka_unit_test(test_put_off),
		cmocka_unit_test(test_unproven),
		cmocka_unit_test(test_forgiven),
		cmocka_unit_test(test_forgiven_settles),
		cmocka_unit_test(test_halt),
		cmocka_unit_test(test_who_is_out),
		cmocka_unit_test(test_added_later),
		cmocka_unit_test(test_uplinks),
		cmocka_unit_test(test_pause_and_cancel),
		cmocka_unit_test(test_pause_forgives_nothing),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_brake),
		cmocka_unit_test(test_halt_names),
	};

	return cmocka_run_group_tests_name("campaign", tests, NULL, NULL);
}
