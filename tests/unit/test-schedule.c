/* Which job goes next, told in small fleets. Jobs are named by letters; times are minutes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "tests/unit/schedule-rig.h"

static void add(struct schedule_rig *rig, int name, int priority, struct schedule_gate *one,
	struct schedule_gate *two, usec_t minute)
{
	struct schedule_job *job = &rig->jobs[name - 'a'];
	struct schedule_place place = { .priority = priority };

	if (one)
		place.gates[place.n_gates++] = one;
	if (two)
		place.gates[place.n_gates++] = two;
	assert_int_equal(schedule_add(&rig->schedule, job, &place), 0);
	schedule_set_due(&rig->schedule, job, minute * MINUTE, JOB_WAIT_WINDOW);
}

static int next(struct schedule_rig *rig, usec_t minute)
{
	struct schedule_job *job;

	if (!schedule_next(&rig->schedule, minute * MINUTE, &job))
		return '-';
	schedule_started(&rig->schedule, job);
	return (int) (job - rig->jobs) + 'a';
}

static void end(struct schedule_rig *rig, int name)
{
	schedule_ended(&rig->schedule, &rig->jobs[name - 'a']);
}

/* Who goes at this minute, one after the other, with all that have gone still running. */
static void assert_next(struct schedule_rig *rig, usec_t minute, const char *names)
{
	for (; *names; names++)
		assert_int_equal(next(rig, minute), *names);
	assert_int_equal(next(rig, minute), '-');
}

/* As `add`, and it could have gone `age` minutes before that in an earlier life: longer ago than this clock runs. */
static void add_old(struct schedule_rig *rig, int name, int priority, struct schedule_gate *one, usec_t minute, usec_t age)
{
	add(rig, name, priority, one, NULL, minute);
	rig->jobs[name - 'a'].age = age * MINUTE;
}

static void test_earlier_life(void **state UNUSED)
{
	struct schedule_rig *rig = schedule_rig_new(0);
	struct schedule_gate gate = { .kind = SCHEDULE_GROUP, .limit = 1 };

	/* within a lane ... */
	add(rig, 'a', 0, NULL, NULL, 1);
	add_old(rig, 'b', 0, NULL, 2, 10);
	add_old(rig, 'c', 0, NULL, 3, 60);
	add(rig, 'd', 0, NULL, NULL, 4);
	add_old(rig, 'e', 0, NULL, 5, 12);
	assert_next(rig, 5, "cbead");
	free(rig);
	/* ... and between two: a level of priority is worth SCHEDULE_AGE of it, and no more */
	rig = schedule_rig_new(0);
	add(rig, 'a', 1, &gate, NULL, 0);
	add_old(rig, 'b', 0, &gate, 1, 9);
	add_old(rig, 'c', 0, &gate, 2, 600000); /* more than is counted */
	assert_next(rig, 2, "c");
	end(rig, 'c');
	assert_next(rig, 2, "a");
	end(rig, 'a');
	/* What has gone once has spent it. */
	schedule_set_due(&rig->schedule, &rig->jobs['c' - 'a'], 3 * MINUTE, JOB_WAIT_NONE);
	assert_next(rig, 3, "b");
	free(rig);
}

static void test_first_come(void **state UNUSED)
{
	struct schedule_rig *rig = schedule_rig_new(0);

	add(rig, 'a', 0, NULL, NULL, 3);
	add(rig, 'b', 0, NULL, NULL, 1);
	add(rig, 'c', 0, NULL, NULL, 2);
	add(rig, 'd', 0, NULL, NULL, 60);
	assert_next(rig, 0, "");
	assert_int_equal(schedule_due(&rig->schedule), 1 * MINUTE);
	assert_next(rig, 10, "bca");
	assert_int_equal(schedule_due(&rig->schedule), 60 * MINUTE);
	schedule_set_due(&rig->schedule, &rig->jobs['d' - 'a'], 30 * MINUTE, JOB_WAIT_BACKOFF);
	assert_next(rig, 30, "d");
	assert_int_equal(schedule_due(&rig->schedule), USEC_INFINITY);
	free(rig);
}

static void test_put_off_and_on(void **state UNUSED)
{
	struct schedule_rig *rig = schedule_rig_new(0);

	add(rig, 'a', 0, NULL, NULL, 1);
	add(rig, 'b', 0, NULL, NULL, 2);
	schedule_set_due(&rig->schedule, &rig->jobs[0], USEC_INFINITY, JOB_WAIT_NONE);
	assert_int_equal(rig->jobs[0].state, SCHEDULE_OFF);
	assert_next(rig, 10, "b");
	end(rig, 'b');
	assert_next(rig, 10, ""); /* it is off until it is told a time */
	schedule_set_due(&rig->schedule, &rig->jobs[1], 20 * MINUTE, JOB_WAIT_BACKOFF);
	schedule_set_due(&rig->schedule, &rig->jobs[0], 20 * MINUTE, JOB_WAIT_NONE);
	assert_next(rig, 19, "");
	/* The one whose turn was there before anyone else's has not lost its age. */
	assert_int_equal(rig->jobs[1].since, 2 * MINUTE);
	schedule_remove(&rig->schedule, &rig->jobs[1]);
	assert_next(rig, 20, "a");
	schedule_set_due(&rig->schedule, &rig->jobs[0], 21 * MINUTE, JOB_WAIT_NONE);
	assert_int_equal(rig->jobs[0].state, SCHEDULE_RUNNING); /* what runs has no time */
	free(rig);
}

static void test_priority(void **state UNUSED)
{
	struct schedule_rig *rig = schedule_rig_new(0);

	add(rig, 'a', 0, NULL, NULL, 0);
	add(rig, 'b', 1, NULL, NULL, 9);  /* came less than SCHEDULE_AGE later */
	add(rig, 'c', 1, NULL, NULL, 11); /* more */
	add(rig, 'd', -1, NULL, NULL, 0);
	add(rig, 'e', 1000, NULL, NULL, 12);
	assert_next(rig, 12, "ebacd");
	free(rig);
}

/* Whoever came first goes next in the end, however many of higher priority keep coming. */
static void test_nobody_starves(void **state UNUSED)
{
	struct schedule_rig *rig = schedule_rig_new(1);
	usec_t minute = 0;
	int running = 0;

	add(rig, 'a', 0, NULL, NULL, 0);
	for (; running != 'a' && minute < 200; minute++) {
		int name = (int) minute + 'b';

		add(rig, name, 5, NULL, NULL, minute);
		if (running)
			end(rig, running);
		running = next(rig, minute);
	}
	assert_int_equal(running, 'a');
	assert_in_range(minute, 50, 52); /* 5 levels */
	free(rig);
}

static void test_limits(void **state UNUSED)
{
	struct schedule_rig *rig = schedule_rig_new(4);
	struct schedule_gate campaign = { .kind = SCHEDULE_CAMPAIGN, .name = "winter", .limit = 3 };
	struct schedule_gate group = { .kind = SCHEDULE_GROUP, .name = "pumps", .limit = 1 };

	add(rig, 'a', 0, &campaign, &group, 1);
	add(rig, 'b', 0, &campaign, &group, 2);
	add(rig, 'c', 0, &campaign, &group, 3);
	add(rig, 'd', 0, &campaign, NULL, 4);
	add(rig, 'e', 0, &campaign, NULL, 5);
	add(rig, 'f', 0, &campaign, NULL, 6);
	add(rig, 'g', 0, NULL, NULL, 7);
	add(rig, 'h', 0, NULL, NULL, 8);
	assert_next(rig, 10, "adeg");
	assert_int_equal(campaign.used, 3);
	end(rig, 'a');
	assert_next(rig, 10, "b");
	end(rig, 'd');
	assert_next(rig, 10, "f"); /* c is before it, but of the group */
	end(rig, 'g');
	assert_next(rig, 10, "h");
	end(rig, 'e');
	end(rig, 'b');
	assert_next(rig, 10, "c");
	end(rig, 'f');
	end(rig, 'c');
	end(rig, 'h');
	assert_int_equal(campaign.used + group.used + rig->schedule.gateway.used, 0);
	free(rig);
}

/* The best of those that wait is sent for, whoever has waited longest at that gate. */
static void test_sent_for(void **state UNUSED)
{
	struct schedule_rig *rig = schedule_rig_new(0);
	struct schedule_gate cell = { .kind = SCHEDULE_CELL, .limit = 1 };
	struct schedule_gate one = { .kind = SCHEDULE_CAMPAIGN, .name = "one" };
	struct schedule_gate two = { .kind = SCHEDULE_CAMPAIGN, .name = "two" };
	struct schedule_gate three = { .kind = SCHEDULE_CAMPAIGN, .name = "three" };

	add(rig, 'a', 0, &one, &cell, 0);
	add(rig, 'b', 0, &one, &cell, 1);
	assert_next(rig, 1, "a");
	add(rig, 'c', 0, &two, &cell, 2);
	add(rig, 'd', 9, &three, &cell, 3);
	assert_next(rig, 3, ""); /* all three wait there now */
	end(rig, 'a');
	assert_next(rig, 4, "d");
	end(rig, 'd');
	schedule_close(&rig->schedule, &one, JOB_WAIT_PAUSED, USEC_INFINITY);
	assert_next(rig, 5, "c"); /* b was sent for, and may not go */
	end(rig, 'c');
	assert_next(rig, 6, "");
	schedule_open(&rig->schedule, &one);
	assert_next(rig, 6, "b");
	schedule_set_limit(&rig->schedule, &cell, 2);
	add(rig, 'e', 0, &two, &cell, 7);
	assert_next(rig, 7, "e");
	free(rig);
}

static void test_closed(void **state UNUSED)
{
	struct schedule_rig *rig = schedule_rig_new(2);
	struct schedule_gate wave = { .kind = SCHEDULE_WAVE, .name = "2", .closed = JOB_WAIT_WAVE };

	add(rig, 'a', 0, &wave, NULL, 0);
	add(rig, 'b', 0, &wave, NULL, 0);
	add(rig, 'c', 0, &wave, NULL, 0);
	assert_next(rig, 1, "");
	schedule_open(&rig->schedule, &wave);
	schedule_close(&rig->schedule, &rig->schedule.gateway, JOB_WAIT_HELD, USEC_INFINITY);
	assert_next(rig, 1, "");
	schedule_open(&rig->schedule, &rig->schedule.gateway);
	assert_int_not_equal(next(rig, 1), '-');
	schedule_close(&rig->schedule, &wave, JOB_WAIT_WAVE, USEC_INFINITY); /* in between */
	assert_next(rig, 1, "");
	schedule_open(&rig->schedule, &wave);
	assert_int_not_equal(next(rig, 1), '-');
	assert_int_equal(next(rig, 1), '-'); /* two run */
	free(rig);
}

static void test_alone(void **state UNUSED)
{
	struct schedule_rig *rig = schedule_rig_new(4);
	struct schedule_place place = { .alone = true };

	add(rig, 'a', 0, NULL, NULL, 0);
	assert_int_equal(schedule_add(&rig->schedule, &rig->jobs[1], &place), 0);
	schedule_set_due(&rig->schedule, &rig->jobs[1], 1 * MINUTE, JOB_WAIT_NONE);
	add(rig, 'c', 0, NULL, NULL, 2);
	assert_next(rig, 3, "a"); /* b must be alone, and c came later */
	end(rig, 'a');
	assert_next(rig, 3, "b");
	assert_int_equal(rig->schedule.alone, 1);
	end(rig, 'b');
	assert_next(rig, 3, "c");
	free(rig);
}

/* After a restart: what runs counts, also above a limit, and nothing else starts until there is room. */
static void test_taken_up(void **state UNUSED)
{
	struct schedule_rig *rig = schedule_rig_new(1);

	add(rig, 'a', 0, NULL, NULL, 0);
	add(rig, 'b', 0, NULL, NULL, 0);
	add(rig, 'c', 0, NULL, NULL, 0);
	schedule_started(&rig->schedule, &rig->jobs[0]);
	schedule_started(&rig->schedule, &rig->jobs[1]);
	schedule_started(&rig->schedule, &rig->jobs[1]); /* once */
	assert_int_equal(rig->schedule.gateway.used, 2);
	assert_next(rig, 1, "");
	end(rig, 'a');
	assert_next(rig, 1, "");
	end(rig, 'b');
	end(rig, 'b');
	assert_next(rig, 1, "c");
	free(rig);
}

static void test_move(void **state UNUSED)
{
	struct schedule_rig *rig = schedule_rig_new(0);
	struct schedule_gate one = { .kind = SCHEDULE_CELL, .name = "1", .limit = 1 };
	struct schedule_gate two = { .kind = SCHEDULE_CELL, .name = "2", .limit = 1 };
	struct schedule_place there = { .gates = { &two }, .n_gates = 1 };

	add(rig, 'a', 0, &one, NULL, 0);
	add(rig, 'b', 0, &one, NULL, 1);
	add(rig, 'c', 0, &one, NULL, 90);
	assert_next(rig, 2, "a");
	assert_int_equal(schedule_move(&rig->schedule, &rig->jobs[0], &there), 0); /* runs */
	assert_int_equal(one.used, 0);
	assert_int_equal(two.used, 1);
	assert_next(rig, 2, "b");
	assert_int_equal(schedule_move(&rig->schedule, &rig->jobs[2], &there), 0); /* timed */
	assert_int_equal(schedule_due(&rig->schedule), 90 * MINUTE);
	assert_next(rig, 90, "");
	schedule_remove(&rig->schedule, &rig->jobs[0]); /* runs: its place is free */
	assert_int_equal(two.used, 0);
	assert_next(rig, 90, "c");
	schedule_remove(&rig->schedule, &rig->jobs[0]); /* is in no schedule */
	assert_int_equal(rig->schedule.jobs, 2);
	free(rig);
}

static void test_memory(void **state UNUSED)
{
	struct schedule s;
	struct schedule_job jobs[3] = { 0 };
	struct schedule_time few[2], more[3];
	struct schedule_lane lane = { 0 };
	struct schedule_place place = { 0 }, other = { .priority = 1 };

	schedule_init(&s, 0);
	assert_int_equal(schedule_add(&s, &jobs[0], &place), -ENOSPC);
	schedule_lend_times(&s, few, 2);
	assert_int_equal(schedule_add(&s, &jobs[0], &place), -ENOSPC);
	schedule_lend_lanes(&s, &lane, 1);
	assert_int_equal(schedule_add(&s, &jobs[0], &place), 0);
	assert_int_equal(schedule_add(&s, &jobs[1], &other), -ENOSPC);
	assert_int_equal(schedule_move(&s, &jobs[0], &other), -ENOSPC);
	assert_int_equal(schedule_add(&s, &jobs[1], &place), 0);
	schedule_set_due(&s, &jobs[0], 2, JOB_WAIT_NONE);
	schedule_set_due(&s, &jobs[1], 1, JOB_WAIT_NONE);
	assert_int_equal(schedule_add(&s, &jobs[2], &place), -ENOSPC);
	schedule_lend_times(&s, more, 3);
	memset(few, 0xff, sizeof(few));
	assert_int_equal(schedule_add(&s, &jobs[2], &place), 0);
	assert_int_equal(schedule_due(&s), 1);
	for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
		schedule_remove(&s, &jobs[i]);
	assert_int_equal(schedule_due(&s), USEC_INFINITY);
	assert_int_equal(schedule_add(&s, &jobs[1], &other), 0); /* the lane is free again */
}

/* ---- why not now ---- */

struct row {
	enum schedule_kind kind;
	enum job_wait wait;
	bool open;
	unsigned used, limit;
	usec_t opens; /* minutes; 0: open, or nobody knows */
};

static void assert_explained(struct schedule_rig *rig, int name, usec_t minute, enum job_wait wait,
	const struct row *rows, size_t n)
{
	struct schedule_view views[SCHEDULE_VIEWS_MAX];
	const struct schedule_job *job = &rig->jobs[name - 'a'];

	assert_int_equal(schedule_explain(&rig->schedule, job, minute * MINUTE, views), n);
	for (size_t i = 0; i < n; i++) {
		usec_t opens = rows[i].open	? 0
			       : !rows[i].opens ? USEC_INFINITY
						: rows[i].opens * MINUTE;

		assert_int_equal(views[i].kind, rows[i].kind);
		assert_string_equal(job_wait_name(views[i].wait), job_wait_name(rows[i].wait));
		assert_int_equal(views[i].open, rows[i].open);
		assert_int_equal(views[i].used, rows[i].used);
		assert_int_equal(views[i].limit, rows[i].limit);
		assert_int_equal(views[i].opens, opens);
	}
	assert_string_equal(job_wait_name(schedule_waits_for(&rig->schedule, job, minute * MINUTE)),
		job_wait_name(wait));
}

static void test_explain(void **state UNUSED)
{
	struct schedule_rig *rig = schedule_rig_new(4);
	struct schedule_gate campaign = { .kind = SCHEDULE_CAMPAIGN, .name = "winter", .limit = 1 };
	struct schedule_gate wave = {
		.kind = SCHEDULE_WAVE, .name = "2", .closed = JOB_WAIT_SOAK, .opens = 70 * MINUTE
	};
	const struct row early[] = {
		{ SCHEDULE_TIME, JOB_WAIT_WINDOW, false, 0, 0, 5 },
		{ SCHEDULE_GATEWAY, JOB_WAIT_HELD, true, 0, 0, 0 },
		{ SCHEDULE_GATEWAY, JOB_WAIT_SLOT, true, 1, 4, 0 },
		{ SCHEDULE_CAMPAIGN, JOB_WAIT_PAUSED, true, 0, 0, 0 },
		{ SCHEDULE_CAMPAIGN, JOB_WAIT_SLOT, false, 1, 1, 0 },
		{ SCHEDULE_WAVE, JOB_WAIT_SOAK, false, 0, 0, 70 },
	};
	const struct row late[] = {
		{ SCHEDULE_TIME, JOB_WAIT_WINDOW, true, 0, 0, 0 },
		{ SCHEDULE_GATEWAY, JOB_WAIT_ACKNOWLEDGE, false, 0, 0, 0 },
		{ SCHEDULE_GATEWAY, JOB_WAIT_SLOT, true, 0, 4, 0 },
		{ SCHEDULE_CAMPAIGN, JOB_WAIT_PAUSED, true, 0, 0, 0 },
		{ SCHEDULE_CAMPAIGN, JOB_WAIT_SLOT, true, 0, 1, 0 },
		{ SCHEDULE_WAVE, JOB_WAIT_WAVE, true, 0, 0, 0 },
		{ SCHEDULE_TURN, JOB_WAIT_SLOT, false, 1, 0, 0 },
	};

	add(rig, 'a', 0, &campaign, NULL, 0);
	add(rig, 'b', 0, &campaign, &wave, 4);
	add(rig, 'c', 0, &campaign, &wave, 5);
	assert_next(rig, 1, "a");
	assert_explained(rig, 'a', 1, JOB_WAIT_NONE, NULL, 0); /* it runs */
	assert_explained(rig, 'c', 1, JOB_WAIT_WINDOW, early, ELEMENTSOF(early));
	end(rig, 'a');
	assert_next(rig, 6, "");
	schedule_open(&rig->schedule, &wave);
	schedule_close(&rig->schedule, &rig->schedule.gateway, JOB_WAIT_ACKNOWLEDGE, USEC_INFINITY);
	assert_explained(rig, 'c', 6, JOB_WAIT_ACKNOWLEDGE, late, ELEMENTSOF(late));
	schedule_open(&rig->schedule, &rig->schedule.gateway);
	assert_next(rig, 6, "b");
	end(rig, 'b');
	assert_int_equal(
		schedule_waits_for(&rig->schedule, &rig->jobs[2], 6 * MINUTE), JOB_WAIT_NONE);
	assert_next(rig, 6, "c");
	free(rig);
}

static void test_explain_alone(void **state UNUSED)
{
	struct schedule_rig *rig = schedule_rig_new(0);
	struct schedule_place place = { .alone = true };
	const struct row lonely[] = {
		{ SCHEDULE_TIME, JOB_WAIT_NONE, true, 0, 0, 0 },
		{ SCHEDULE_GATEWAY, JOB_WAIT_HELD, true, 0, 0, 0 },
		{ SCHEDULE_ALONE, JOB_WAIT_SLOT, false, 1, 0, 0 },
		{ SCHEDULE_TURN, JOB_WAIT_SLOT, true, 0, 0, 0 },
	};
	const struct row other[] = {
		{ SCHEDULE_TIME, JOB_WAIT_WINDOW, true, 0, 0, 0 },
		{ SCHEDULE_GATEWAY, JOB_WAIT_HELD, true, 0, 0, 0 },
		{ SCHEDULE_ALONE, JOB_WAIT_SLOT, false, 1, 0, 0 },
		{ SCHEDULE_TURN, JOB_WAIT_SLOT, true, 0, 0, 0 },
	};

	add(rig, 'a', 0, NULL, NULL, 0);
	assert_int_equal(schedule_add(&rig->schedule, &rig->jobs[1], &place), 0);
	schedule_set_due(&rig->schedule, &rig->jobs[1], 1 * MINUTE, JOB_WAIT_NONE);
	add(rig, 'c', 0, NULL, NULL, 2);
	assert_next(rig, 2, "a");
	assert_explained(rig, 'b', 2, JOB_WAIT_SLOT, lonely, ELEMENTSOF(lonely));
	assert_explained(rig, 'c', 2, JOB_WAIT_SLOT, other, ELEMENTSOF(other));
	end(rig, 'a');
	assert_next(rig, 2, "b");
	assert_explained(rig, 'c', 2, JOB_WAIT_SLOT, other, ELEMENTSOF(other));
	free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_come),
		cmocka_unit_test(test_earlier_life),
		cmocka_unit_test(test_put_off_and_on),
		cmocka_unit_test(test_priority),
		cmocka_unit_test(test_nobody_starves),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_sent_for),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_taken_up),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_explain_alone),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
