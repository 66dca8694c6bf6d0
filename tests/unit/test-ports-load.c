/* The ports room under load: many ports at once, one that never ends, and the slack of downloads.
 */
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "tests/unit/ports-fixture.h"

#define MANY 1000

static void raise_limit(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur < MANY + 100) {
		limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	}
}

/* All ready at once: each is served once, in as few turns as batches. */
static void test_many_ready(void **state)
{
	struct fixture *f = *state;
	struct line *lines = calloc(MANY, sizeof(*lines));

	assert_non_null(lines);
	raise_limit();
	for (unsigned i = 0; i < MANY; i++) {
		line_init(f, &lines[i]);
		assert_int_equal(
			ports_add(f->ports, &lines[i].port, eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)),
			0);
	}
	assert_int_equal(run_until(f, &f->events, MANY), (MANY + PORTS_BATCH - 1) / PORTS_BATCH);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(lines[i].inputs, 1);
	while (sd_event_run(f->event, 0) > 0)
		;
	assert_int_equal(f->events, MANY);

	/* And their deadlines, all in one turn, in order. */
	usec_t now = ports_now(f->ports);
	for (unsigned i = 0; i < MANY; i++)
		ports_set_deadline(f->ports, &lines[i].port, now - 1 - (i * 7919) % MANY);
	f->events = 0;
	assert_int_equal(run_until(f, &f->events, MANY), 1);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(lines[i].order, MANY - (i * 7919) % MANY);
	assert_idle(f);
	for (unsigned i = 0; i < MANY; i++)
		line_done(&lines[i]);
	free(lines);
}

/* More comes as soon as some was read. */
static void refill(struct line *line)
{
	static const char noise[16384];

	while (write(line->peer, noise, sizeof(noise)) > 0)
		;
}

/* 300 others, more than two batches, hardly wait for one that never ends; nor does a deadline. */
static void test_flood(void **state)
{
	struct fixture *f = *state;
	struct line *flood = &f->lines[0], *timed = &f->lines[1],
		    *lines = calloc(300, sizeof(*lines));
	unsigned served = 0;

	assert_non_null(lines);
	raise_limit();
	flood->act = refill;
	refill(flood);
	for (unsigned i = 0; i < 300; i++) {
		line_init(f, &lines[i]);
		assert_int_equal(
			ports_add(f->ports, &lines[i].port, eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)),
			0);
	}
	for (unsigned turn = 0; turn < 4; turn++)
		assert_true(sd_event_run(f->event, 10 * SEC) > 0);
	for (unsigned i = 0; i < 300; i++)
		served += lines[i].inputs;
	assert_int_equal(served, 300);
	assert_in_range(flood->inputs, 2, 4);

	ports_set_deadline(f->ports, &timed->port, 1);
	for (unsigned turn = 0; turn < 4; turn++)
		assert_true(sd_event_run(f->event, 10 * SEC) > 0);
	assert_int_equal(timed->deadlines, 1);
	flood->act = NULL;
	for (unsigned i = 0; i < 300; i++)
		line_done(&lines[i]);
	free(lines);
}

static void say_again(struct line *line)
{
	ports_set_slack(line->fixture->ports, &line->port, PORTS_SLACK);
	if (line->inputs < 10)
		say(line, "GTOTA: 1\r\n");
}

/*
 * 100 ports report without end: one wake-up for each round of all, a round every PORTS_SLACK at
 * most, the first at once. An answer on another port does not wait for them.
 */
static void test_slack(void **state)
{
	struct fixture *f = *state;
	struct line *lines = calloc(100, sizeof(*lines));
	usec_t start;
	unsigned turns;

	assert_non_null(lines);
	for (unsigned i = 0; i < 100; i++) {
		line_connect(f, &lines[i]);
		ports_set_slack(f->ports, &lines[i].port, PORTS_SLACK);
		lines[i].act = say_again;
		say(&lines[i], "GTOTA: 0\r\n");
	}
	say(&f->lines[0], "OK\r\n");
	start = ports_now(f->ports);
	run_until(f, &f->lines[0].inputs, 1);
	assert_true(f->events == 1 || f->events == 1 + 100); /* behind one round at most */
	turns = run_until(f, &f->events, 1 + 100 * 10);
	/* The second round waits for its time: one turn more. The first may be over. */
	assert_in_range(turns, 10, 11);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(lines[i].inputs, 10);
	assert_true(ports_now(f->ports) >= start + 9 * PORTS_SLACK);

	/* An empty round, then nothing more wakes up. */
	assert_int_equal(sd_event_run(f->event, 10 * SEC), 1);
	assert_int_equal(sd_event_run(f->event, 3 * PORTS_SLACK), 0);
	for (unsigned i = 0; i < 100; i++)
		line_done(&lines[i]);
	free(lines);
}

/* A port that must answer again gives what it has at once. */
static void test_slack_ends(void **state)
{
	struct fixture *f = *state;
	struct line *line = &f->lines[0];

	ports_set_slack(f->ports, &line->port, PORTS_SLACK);
	say(line, "x");
	assert_int_equal(sd_event_run(f->event, 10 * SEC), 1);
	assert_int_equal(line->inputs, 1); /* the first at once */
	say(line, "x");
	assert_int_equal(sd_event_run(f->event, 10 * SEC), 1); /* the next waits for others */
	assert_int_equal(line->inputs, 1);
	ports_set_slack(f->ports, &line->port, 0);
	assert_int_equal(sd_event_run(f->event, 0), 1);
	assert_int_equal(line->inputs, 2);
	/* One report, one round; the next one begins another. */
	ports_set_slack(f->ports, &line->port, PORTS_SLACK);
	for (unsigned i = 3; i < 6; i++) {
		say(line, "x");
		run_until(f, &line->inputs, i);
	}
}

static void allow_most(struct line *line)
{
	ports_set_slack(line->fixture->ports, &line->port, PORTS_SLACK_MOST);
}

static void allow_some(struct line *line)
{
	ports_set_slack(line->fixture->ports, &line->port, 2 * PORTS_SLACK);
}

/* Reports on the first n lines; how long they wait, by the loop's clock. */
static usec_t wait_of(struct fixture *f, unsigned n)
{
	usec_t start = ports_now(f->ports);

	f->events = 0;
	for (unsigned i = 0; i < n; i++)
		say(&f->lines[i], "GTOTA: 1\r\n");
	run_until(f, &f->events, n);
	return ports_now(f->ports) - start;
}

/* A round comes when the one who can wait least wants it, and early where somebody has said nothing of late. */
static void test_slack_by_need(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 2; i++) {
		f->lines[i].act = allow_most;
		ports_set_slack(f->ports, &f->lines[i].port, 1 * HOUR);
	}
	(void) wait_of(f, 2);
	assert_true(wait_of(f, 2) >= PORTS_SLACK_MOST);
	f->lines[1].act = allow_some;
	assert_true(wait_of(f, 2) >= PORTS_SLACK_MOST);
	assert_in_range(wait_of(f, 1), 2 * PORTS_SLACK, PORTS_SLACK_MOST - 1);
	f->lines[1].act = allow_most;
	assert_in_range(wait_of(f, 2), PORTS_SLACK, 2 * PORTS_SLACK - 1);

	/* Who has to hurry does not wait for those who have not. */
	say(&f->lines[0], "GTOTA: 2\r\n");
	assert_int_equal(sd_event_run(f->event, 10 * SEC), 1); /* the timer is set, for a second */
	f->events = 0;
	ports_set_slack(f->ports, &f->lines[1].port, PORTS_SLACK_LEAST);
	assert_in_range(wait_of(f, 1), PORTS_SLACK_LEAST / 2, PORTS_SLACK_MOST / 2);
	(void) wait_of(f, 2);
	ports_set_slack(f->ports, &f->lines[0].port, PORTS_SLACK_LEAST - 1);
	assert_in_range(wait_of(f, 1), 0, PORTS_SLACK_LEAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_ready, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slack, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slack_by_need, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slack_ends, setup, teardown),
	};

	return cmocka_run_group_tests_name("ports-load", tests, NULL, NULL);
}
