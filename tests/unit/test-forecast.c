/*
 * Who goes when: small fleets whose night can be told by hand; and what holds of any fleet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/text.h"
#include "core/forecast.h"
#include "tests/unit/zone-fixture.h"

#define JOBS_MAX 64
#define HOP	 (30 * MINUTE)
#define MONDAY	 (UINT64_C(1780876800) * SEC) /* 2026-06-08 in UTC, as in test-opening.c */
#define AT(h, m) (MONDAY + (h) *HOUR + (m) *MINUTE)

static const struct window night[] = { { WINDOW_EVERY_DAY, 60, 180,
	&zone_utc } }; /* 01:00 - 03:00 */
static const struct campaign_rules no_waves = { .halt = { { 100, true }, 1000 } };

/* A fleet of one campaign; a test changes what it is about, then runs it. */
struct fleet {
	struct forecast forecast;
	struct forecast_campaign campaign;
	struct forecast_job jobs[JOBS_MAX];
	struct member *members[JOBS_MAX];
	struct schedule_lane lanes[JOBS_MAX + 1];
	struct schedule_time times[JOBS_MAX];
};

static void make(struct fleet *f, size_t n, unsigned max_parallel)
{
	memset(f, 0, sizeof(*f));
	schedule_init(&f->forecast.schedule, max_parallel);
	schedule_lend_lanes(&f->forecast.schedule, f->lanes, n + 1);
	schedule_lend_times(&f->forecast.schedule, f->times, n);
	campaign_init(&f->campaign.campaign, &no_waves);
	for (size_t i = 0; i < n; i++) {
		f->jobs[i] = (struct forecast_job){
			.campaign = &f->campaign,
			.member = { .order = i, .state = MEMBER_WAITING },
			.hops = 1,
			.ready = MONDAY - n + i,
			.hop = HOP,
			.longest = HOP,
		};
		f->members[i] = &f->jobs[i].member;
	}
	f->campaign.members = f->members;
	f->campaign.n_members = n;
	f->forecast.campaigns = &f->campaign;
	f->forecast.n_campaigns = 1;
	f->forecast.jobs = f->jobs;
	f->forecast.n_jobs = n;
}

static void run(struct fleet *f, usec_t now)
{
	assert_int_equal(forecast_run(&f->forecast, now, now + 400 * DAY), 0);
}

static void expect(const struct fleet *f, size_t job, usec_t start, usec_t end)
{
	if (f->jobs[job].start != start || f->jobs[job].end != end)
		fail_msg("job %zu: %lld to %lld min, and %lld to %lld is right", job,
			(long long) ((f->jobs[job].start - MONDAY) / MINUTE),
			(long long) ((f->jobs[job].end - MONDAY) / MINUTE),
			(long long) ((start - MONDAY) / MINUTE),
			(long long) ((end - MONDAY) / MINUTE));
}

static void test_slots(void **state)
{
	struct fleet f;

	(void) state;
	make(&f, 5, 2);
	f.jobs[4].left = 10 * MINUTE; /* it runs already */
	f.jobs[3].hops = 2;
	run(&f, AT(0, 0));
	expect(&f, 4, AT(0, 0), AT(0, 10));
	expect(&f, 0, AT(0, 0), AT(0, 30));
	expect(&f, 1, AT(0, 10), AT(0, 40));
	expect(&f, 2, AT(0, 30), AT(1, 0));
	expect(&f, 3, AT(0, 40), AT(1, 40)); /* both hops, nobody else waits */
}

/* Nothing starts that would not be over in its window, and the next night goes on. */
static void test_window(void **state)
{
	struct fleet f;

	(void) state;
	make(&f, 5, 1);
	f.campaign.when = (struct opening_rules){ .windows = night, .n_windows = 1 };
	f.jobs[4].longest = 3 * HOUR;
	run(&f, AT(12, 0));
	expect(&f, 0, AT(25, 0), AT(25, 30));
	expect(&f, 3, AT(26, 30), AT(27, 0));
	expect(&f, 4, USEC_INFINITY, USEC_INFINITY);
	assert_true(f.jobs[4].late);
	make(&f, 3, 1);
	f.campaign.when = (struct opening_rules){ .windows = night, .n_windows = 1 };
	run(&f, AT(2, 0));
	expect(&f, 1, AT(2, 30), AT(3, 0));
	expect(&f, 2, AT(25, 0), AT(25, 30));
	make(&f, 2, 1);
	f.campaign.when =
		(struct opening_rules){ .windows = night, .n_windows = 1, .not_after = AT(25, 15) };
	run(&f, AT(12, 0));
	expect(&f, 0, AT(25, 0), AT(25, 30));
	expect(&f, 1, USEC_INFINITY, USEC_INFINITY);
	assert_true(f.jobs[1].late && !f.jobs[0].late);
}

static void test_not_before(void **state)
{
	struct fleet f;

	(void) state;
	make(&f, 2, 1);
	f.campaign.when.not_before = AT(5, 0);
	f.jobs[1].member.now = true; /* an operator has started it */
	run(&f, AT(0, 0));
	expect(&f, 1, AT(0, 0), AT(0, 30));
	expect(&f, 0, AT(5, 0), AT(5, 30));
}

static void test_waves(void **state)
{
	static const struct wave_rules waves[] = {
		{ { 1, false }, { 100, true }, HOUR },
		{ { 100, true }, { 80, true }, 0 },
	};
	static const struct campaign_rules rules = {
		.waves = waves, .n_waves = 2, .halt = { { 100, true }, 1000 }
	};
	struct fleet f;

	(void) state;
	make(&f, 3, 8);
	campaign_init(&f.campaign.campaign, &rules);
	run(&f, AT(0, 0));
	expect(&f, 0, AT(0, 0), AT(0, 30));
	expect(&f, 1, AT(1, 30), AT(2, 0));
	expect(&f, 2, AT(1, 30), AT(2, 0));
	/* The first one is not there: nobody behind it goes, until it is left out. */
	make(&f, 3, 8);
	campaign_init(&f.campaign.campaign, &rules);
	f.jobs[0].member.state = MEMBER_DEFERRED;
	f.jobs[0].ready = USEC_INFINITY;
	run(&f, AT(0, 0));
	expect(&f, 1, USEC_INFINITY, USEC_INFINITY);
	assert_int_equal(forecast_waits_for(&f.forecast, &f.jobs[1], AT(9, 0)), JOB_WAIT_WAVE);
	make(&f, 3, 8);
	campaign_init(&f.campaign.campaign, &rules);
	f.jobs[0].member.state = MEMBER_OUT;
	f.jobs[0].hops = 0;
	run(&f, AT(0, 0));
	expect(&f, 1, AT(0, 0), AT(0, 30));
	expect(&f, 2, AT(1, 30), AT(2, 0));
}

/* Of the uplink, in as many groups as may have a limit, and in a cell: what the last of all gates says counts, too. */
static void test_many_gates(void **state)
{
	struct schedule_gate gates[13];
	struct fleet f;

	(void) state;
	for (int closed = 0; closed < 2; closed++) {
		make(&f, 1, 1);
		f.campaign.when = (struct opening_rules){ .windows = night, .n_windows = 1 };
		f.campaign.uplink_confirmed = true;
		f.jobs[0].member.uplink = true;
		for (size_t i = 0; i < ELEMENTSOF(gates); i++) {
			gates[i] = (struct schedule_gate){ .kind = i < 12 ? SCHEDULE_GROUP : SCHEDULE_CELL };
			f.jobs[0].gates[f.jobs[0].n_gates++] = &gates[i];
		}
		if (closed)
			schedule_close(&f.forecast.schedule, &gates[12], JOB_WAIT_SLOT, USEC_INFINITY);
		run(&f, AT(0, 0));
		expect(&f, 0, closed ? USEC_INFINITY : AT(1, 0), closed ? USEC_INFINITY : AT(1, 30));
	}
}

static void test_held(void **state)
{
	struct fleet f;

	(void) state;
	make(&f, 2, 1);
	f.campaign.campaign.paused = true;
	run(&f, AT(0, 0));
	expect(&f, 0, USEC_INFINITY, USEC_INFINITY);
	assert_int_equal(forecast_waits_for(&f.forecast, &f.jobs[0], AT(1, 0)), JOB_WAIT_PAUSED);
	make(&f, 2, 1);
	schedule_close(&f.forecast.schedule, &f.forecast.schedule.gateway, JOB_WAIT_ACKNOWLEDGE,
		USEC_INFINITY);
	run(&f, AT(0, 0));
	expect(&f, 0, USEC_INFINITY, USEC_INFINITY);
	/* Last, alone, and only with a word. */
	make(&f, 3, 8);
	f.jobs[0].member.uplink = true;
	run(&f, AT(0, 0));
	expect(&f, 0, USEC_INFINITY, USEC_INFINITY);
	make(&f, 3, 8);
	f.jobs[0].member.uplink = f.campaign.uplink_confirmed = true;
	run(&f, AT(0, 0));
	expect(&f, 0, AT(0, 30), AT(1, 0));
}

static void test_groups(void **state)
{
	struct schedule_gate pumps = { .kind = SCHEDULE_GROUP, .name = "pumps", .limit = 1 };
	struct fleet f;

	(void) state;
	make(&f, 4, 8);
	for (size_t i = 0; i < 2; i++) {
		f.jobs[i].gates[0] = &pumps;
		f.jobs[i].n_gates = 1;
	}
	f.campaign.max_parallel = 2;
	f.jobs[3].ready = AT(9, 0);
	run(&f, AT(0, 0));
	expect(&f, 0, AT(0, 0), AT(0, 30));
	expect(&f, 1, AT(0, 30), AT(1, 0));
	expect(&f, 2, AT(0, 0), AT(0, 30));
	expect(&f, 3, AT(9, 0), AT(9, 30));
}

/* Whatever the fleet: no limit is exceeded, nothing starts outside its window, and everybody has his turn. */
static void check_life(const struct fleet *f, size_t n, unsigned limit)
{
	for (size_t i = 0; i < n; i++) {
		const struct forecast_job *job = &f->jobs[i];
		usec_t minute = job->start / MINUTE % 1440;
		unsigned together = 0;

		assert_true(job->start != USEC_INFINITY && job->end > job->start);
		assert_true(minute >= 60 && minute < 180);
		assert_true(minute + job->longest / MINUTE <= 180);
		for (size_t k = 0; k < n; k++)
			together += f->jobs[k].start <= job->start && job->start < f->jobs[k].end;
		assert_true(together <= limit);
	}
}

static void test_lives(void **state)
{
	struct fleet f;

	(void) state;
	for (uint64_t seed = 0; seed < 500; seed++) {
		uint64_t dice = text_hash(0, &seed, sizeof(seed));
		size_t n = 1 + dice % JOBS_MAX;
		unsigned limit = 1 + dice / 64 % 5;

		make(&f, n, limit);
		f.campaign.when = (struct opening_rules){
			.windows = night, .n_windows = 1, .jitter = dice / 512 % 2 * HOUR
		};
		for (size_t i = 0; i < n; i++) {
			dice = text_hash(dice, &i, sizeof(i));
			f.jobs[i].seed = dice | 1;
			f.jobs[i].hop = (1 + dice % 60) * MINUTE;
			f.jobs[i].longest = f.jobs[i].hop + dice / 64 % 30 * MINUTE;
			f.jobs[i].ready = MONDAY + dice / 4096 % 1000 * MINUTE;
		}
		run(&f, AT(0, 0) + dice % DAY);
		check_life(&f, n, limit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_not_before),
		cmocka_unit_test(test_waves),
		cmocka_unit_test(test_many_gates),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
