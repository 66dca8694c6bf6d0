/* When a job may start by the wall clock: windows, not_before, not_after, jitter, the latest start, a clock to trust. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/opening.h"
#include "tests/unit/zone-fixture.h"

/* Instants are minutes of a Monday in UTC: 2026-06-08. */
#define MONDAY  (UINT64_C(1780876800) * SEC)
#define M(text) (minute(text))
#define NEVER   "never"

static usec_t minute(const char *text)
{
	unsigned day = 0, hour = 0, min = 0;

	if (strcmp(text, NEVER) == 0)
		return USEC_INFINITY;
	if (strcmp(text, "") == 0)
		return 0;
	assert_int_equal(sscanf(text, "%u+%u:%u", &day, &hour, &min), 3);
	return MONDAY + day * DAY + hour * HOUR + min * MINUTE;
}

/* Mon to Fri 01:00 - 04:30, and Wed 12:00 - 18:00 */
static const struct window windows[] = {
	{ 0x1f, 60, 270, &zone_utc },
	{ 0x04, 720, 1080, &zone_utc },
};

enum { NOT_SYNCHRONISED = 1, FINISH = 2, TOO_LONG = 4, UNTRUSTED = 8 };

static const struct row {
	size_t n_windows;
	const char *not_before, *not_after;
	usec_t duration;
	unsigned flags;
	const char *now;
	enum opening_state state;
	enum job_wait wait;
	const char *when;
} rows[] = {
	/* nothing is said: any time, by any clock */
	{ 0, "", "", HOUR, 0, "0+00:00", OPENING_OPEN, JOB_WAIT_NONE, NEVER },
	{ 0, "", "", HOUR, NOT_SYNCHRONISED | UNTRUSTED, "0+00:00", OPENING_OPEN, JOB_WAIT_NONE, NEVER },
	/* a window */
	{ 1, "", "", HOUR, 0, "0+00:59", OPENING_WAITS, JOB_WAIT_WINDOW, "0+01:00" },
	{ 1, "", "", HOUR, 0, "0+01:00", OPENING_OPEN, JOB_WAIT_NONE, "0+03:30" },
	/* the latest start: hold */
	{ 1, "", "", HOUR, 0, "0+03:30", OPENING_OPEN, JOB_WAIT_NONE, "0+03:30" },
	{ 1, "", "", HOUR, 0, "0+03:31", OPENING_WAITS, JOB_WAIT_WINDOW, "1+01:00" },
	{ 1, "", "", HOUR, 0, "4+03:31", OPENING_WAITS, JOB_WAIT_WINDOW, "7+01:00" },
	{ 1, "", "", 210 * MINUTE, 0, "0+01:00", OPENING_OPEN, JOB_WAIT_NONE, "0+01:00" },
	{ 1, "", "", 210 * MINUTE, 0, "0+01:01", OPENING_WAITS, JOB_WAIT_WINDOW, "1+01:00" },
	{ 2, "", "", 4 * HOUR, 0, "0+01:00", OPENING_WAITS, JOB_WAIT_WINDOW, "2+12:00" },
	{ 1, "", "", 211 * MINUTE, TOO_LONG, "0+01:00", OPENING_WAITS, JOB_WAIT_WINDOW, NEVER },
	{ 1, "", "9+00:00", 211 * MINUTE, TOO_LONG, "0+01:00", OPENING_WAITS, JOB_WAIT_WINDOW, "9+00:00" },
	{ 1, "", "", 0, 0, "0+04:29", OPENING_OPEN, JOB_WAIT_NONE, "0+04:30" },
	{ 1, "", "", 0, 0, "0+04:30", OPENING_WAITS, JOB_WAIT_WINDOW, "1+01:00" },
	/* the latest start: finish */
	{ 1, "", "", HOUR, FINISH, "0+04:29", OPENING_OPEN, JOB_WAIT_NONE, "0+04:30" },
	{ 1, "", "", HOUR, FINISH, "0+04:30", OPENING_WAITS, JOB_WAIT_WINDOW, "1+01:00" },
	{ 1, "", "", 100 * DAY, FINISH, "0+01:00", OPENING_OPEN, JOB_WAIT_NONE, "0+04:30" },
	/* not_before */
	{ 0, "2+00:00", "", HOUR, 0, "1+23:59", OPENING_WAITS, JOB_WAIT_NOT_BEFORE, "2+00:00" },
	{ 0, "2+00:00", "", HOUR, 0, "2+00:00", OPENING_OPEN, JOB_WAIT_NONE, NEVER },
	{ 1, "2+00:00", "", HOUR, 0, "1+02:00", OPENING_WAITS, JOB_WAIT_NOT_BEFORE, "2+00:00" },
	{ 1, "2+00:00", "", HOUR, 0, "2+00:00", OPENING_WAITS, JOB_WAIT_WINDOW, "2+01:00" },
	{ 1, "2+02:00", "", HOUR, 0, "2+01:30", OPENING_WAITS, JOB_WAIT_NOT_BEFORE, "2+02:00" },
	{ 1, "2+02:00", "", HOUR, 0, "2+02:00", OPENING_OPEN, JOB_WAIT_NONE, "2+03:30" },
	{ 1, "2+04:00", "", HOUR, 0, "2+04:00", OPENING_WAITS, JOB_WAIT_WINDOW, "3+01:00" },
	/* not_after */
	{ 0, "", "2+00:00", HOUR, 0, "1+23:59", OPENING_OPEN, JOB_WAIT_NONE, "2+00:00" },
	{ 0, "", "2+00:00", HOUR, 0, "2+00:00", OPENING_EXPIRED, JOB_WAIT_NONE, "2+00:00" },
	{ 1, "", "2+02:00", HOUR, 0, "2+01:59", OPENING_OPEN, JOB_WAIT_NONE, "2+02:00" },
	{ 1, "", "2+02:00", HOUR, 0, "2+02:00", OPENING_EXPIRED, JOB_WAIT_NONE, "2+02:00" },
	{ 1, "", "2+00:30", HOUR, 0, "1+04:00", OPENING_WAITS, JOB_WAIT_WINDOW, "2+00:30" },
	{ 1, "9+00:00", "2+00:00", HOUR, 0, "1+00:00", OPENING_WAITS, JOB_WAIT_NOT_BEFORE, "2+00:00" },
	/* a clock that is not trusted says nothing, not even that it is too late */
	{ 1, "", "2+00:00", HOUR, NOT_SYNCHRONISED | UNTRUSTED, "5+02:00", OPENING_WAITS, JOB_WAIT_CLOCK, NEVER },
	{ 0, "9+00:00", "", HOUR, NOT_SYNCHRONISED | UNTRUSTED, "5+02:00", OPENING_WAITS, JOB_WAIT_CLOCK, NEVER },
	{ 1, "", "", HOUR, NOT_SYNCHRONISED | UNTRUSTED, "0+02:00", OPENING_WAITS, JOB_WAIT_CLOCK, NEVER },
	{ 1, "", "", HOUR, UNTRUSTED, "0+02:00", OPENING_OPEN, JOB_WAIT_NONE, "0+03:30" }, /* it is synchronised */
	{ 1, "", "", HOUR, NOT_SYNCHRONISED, "0+02:00", OPENING_OPEN, JOB_WAIT_NONE, "0+03:30" }, /* any will do */
};

static struct opening_rules rules_of(const struct row *row)
{
	return (struct opening_rules){
		.windows = windows,
		.n_windows = row->n_windows,
		.not_before = M(row->not_before),
		.not_after = M(row->not_after),
		.window_end = row->flags & FINISH ? WINDOW_END_FINISH : WINDOW_END_HOLD,
		.synchronised = row->flags & UNTRUSTED,
	};
}

static void test_decisions(void **state)
{
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct row *row = &rows[i];
		struct opening_rules rules = rules_of(row);
		struct opening_job job = { .seed = 7, .duration = row->duration };
		struct opening_clock clock = { M(row->now), !(row->flags & NOT_SYNCHRONISED) };
		struct window_opening next = { USEC_INFINITY, USEC_INFINITY };
		struct opening got = opening_decide(&rules, NULL, &job, &clock), again;
		usec_t when = M(row->when);

		/* OPEN says until when, exclusively: of a latest start the microsecond after it. */
		if (row->state == OPENING_OPEN && when != USEC_INFINITY && got.when == when + 1)
			when++;
		if (got.state != row->state || got.wait != row->wait || got.when != when ||
			got.too_long != ((row->flags & TOO_LONG) > 0))
			fail_msg("row %zu: %d %d %llu", i, (int) got.state, (int) got.wait, (unsigned long long) got.when);
		(void) window_next(rules.windows, rules.n_windows, clock.now, 0, &next);
		again = opening_decide(&rules, &next, &job, &clock);
		assert_true(again.state == got.state && again.wait == got.wait && again.when == got.when);
		assert_int_equal(again.too_long, got.too_long);
	}
}

/* What is said to be open until then is open until then, and what waits until then is not open before. */
static void test_when(void **state)
{
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct opening_rules rules = rules_of(&rows[i]);
		struct opening_job job = { .seed = 7, .duration = rows[i].duration };
		struct opening_clock clock = { M(rows[i].now), true };
		struct opening before, got;

		rules.jitter = 20 * MINUTE;
		before = opening_decide(&rules, NULL, &job, &clock);
		if (before.state == OPENING_EXPIRED || before.when == USEC_INFINITY)
			continue;
		clock.now = before.when - 1;
		got = opening_decide(&rules, NULL, &job, &clock);
		assert_int_equal(got.state, before.state);
		clock.now = before.when;
		got = opening_decide(&rules, NULL, &job, &clock);
		assert_true(got.state != before.state || got.wait != before.wait || got.when != before.when);
	}
}

/* Spread over the first part of the opening, the same for an IMEI every night, never behind the latest start. */
static void test_jitter(void **state)
{
	struct opening_rules rules = { .windows = windows, .n_windows = 1, .jitter = HOUR };
	struct opening_clock clock = { M("0+00:30"), true };
	usec_t sum = 0, least = USEC_INFINITY, most = 0;
	(void) state;

	for (unsigned i = 0; i < 1000; i++) {
		struct opening_job job = { .duration = HOUR };
		struct opening one, next_night;
		char imei[24];

		snprintf(imei, sizeof(imei), "86123456%07u", i);
		job.seed = job_seed(imei);
		clock.now = M("0+00:30");
		one = opening_decide(&rules, NULL, &job, &clock);
		assert_int_equal(one.state, OPENING_WAITS);
		assert_int_equal(one.wait, JOB_WAIT_WINDOW);
		assert_true(one.when >= M("0+01:00") && one.when <= M("0+02:00"));
		sum += one.when - M("0+01:00");
		least = usec_min(least, one.when);
		most = usec_max(most, one.when);
		clock.now = one.when - 1;
		assert_int_equal(opening_decide(&rules, NULL, &job, &clock).state, OPENING_WAITS);
		clock.now = one.when;
		assert_int_equal(opening_decide(&rules, NULL, &job, &clock).state, OPENING_OPEN);
		clock.now = M("0+12:00");
		next_night = opening_decide(&rules, NULL, &job, &clock);
		assert_int_equal(next_night.when, one.when + DAY);

		/* only half an hour of room: nobody is too late */
		job.duration = 3 * HOUR;
		clock.now = M("0+00:30");
		one = opening_decide(&rules, NULL, &job, &clock);
		assert_true(one.when >= M("0+01:00") && one.when <= M("0+01:30"));
		clock.now = one.when;
		assert_int_equal(opening_decide(&rules, NULL, &job, &clock).state, OPENING_OPEN);
	}
	assert_true(sum / 1000 > 28 * MINUTE && sum / 1000 < 32 * MINUTE);
	assert_true(least < M("0+01:01") && most > M("0+01:59"));
}

static void test_jitter_elsewhere(void **state)
{
	struct opening_rules rules = { .not_before = M("0+12:00"), .jitter = HOUR };
	struct opening_job job = { .seed = job_seed("861234560000001"), .duration = HOUR }, nobody = { .duration = HOUR };
	struct opening_clock clock = { M("0+12:00"), true };
	struct opening got = opening_decide(&rules, NULL, &job, &clock);
	(void) state;

	/* after not_before */
	assert_int_equal(got.state, OPENING_WAITS);
	assert_int_equal(got.wait, JOB_WAIT_NOT_BEFORE);
	assert_true(got.when > M("0+12:00") && got.when <= M("0+13:00"));
	clock.now = M("0+11:00");
	assert_int_equal(opening_decide(&rules, NULL, &job, &clock).when, got.when);
	/* without an IMEI there is none */
	clock.now = M("0+12:00");
	assert_int_equal(opening_decide(&rules, NULL, &nobody, &clock).state, OPENING_OPEN);
	/* a deadline that is near leaves less room */
	rules.not_after = M("0+12:01");
	assert_true(opening_decide(&rules, NULL, &job, &clock).when < M("0+12:01"));
	/* within a window that has been open for long, after not_before */
	rules = (struct opening_rules){ .windows = windows, .n_windows = 1, .jitter = HOUR, .not_before = M("0+02:00") };
	clock.now = M("0+02:00");
	got = opening_decide(&rules, NULL, &job, &clock);
	assert_int_equal(got.state, OPENING_WAITS);
	assert_true(got.when > M("0+02:00") && got.when <= M("0+03:00"));
	/* a day and a night: it was opened long ago */
	rules = (struct opening_rules){ .windows = (const struct window[]){ { WINDOW_EVERY_DAY, 0, WINDOW_DAY_END, &zone_utc } },
		.n_windows = 1, .jitter = HOUR };
	assert_int_equal(opening_decide(&rules, NULL, &job, &clock).state, OPENING_OPEN);
}

static void test_duration(void **state)
{
	const struct timeouts timeouts = { .registration = 1 * SEC, .start = 2 * SEC, .download = 4 * SEC, .leave = 8 * SEC,
		.return_ = 16 * SEC, .settle = 32 * SEC, .stall = HOUR, .command = HOUR };
	(void) state;

	assert_int_equal(opening_duration(&timeouts), 95 * SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_jitter_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
