/*
 * Long random lives of a schedule against a simple one that looks at every job: the same decision each time, no limit
 * exceeded, nothing through a closed gate.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/macros.h"
#include "tests/unit/schedule-rig.h"

#define SEEDS  150
#define STEPS  3000
#define JOBS   40
#define GATES  7
#define PLACES 16

struct simple_job {
	bool there;
	enum schedule_state state;
	unsigned place;
	usec_t due, since;
	uint64_t ticket; /* QUEUED: its number in the queue */
};

struct life {
	struct schedule_rig *rig;
	struct schedule_gate gates[GATES];
	struct schedule_place places[PLACES];
	struct simple_job jobs[JOBS];
	uint64_t seed, tickets;
	usec_t now, unique;
	unsigned decisions, starts, refusals;
};

static unsigned any(struct life *l, unsigned n)
{
	return draw_below(&l->seed, n);
}

static void make_gates(struct life *l)
{
	for (unsigned i = 0; i < GATES; i++)
		l->gates[i] = (struct schedule_gate){ .limit = any(l, 4) };
	for (unsigned i = 0; i < PLACES; i++) {
		struct schedule_place *p = &l->places[i];

		*p = (struct schedule_place){ .priority = (int) any(l, 5) - 2,
			.alone = any(l, 10) == 0 };
		for (unsigned g = 0; g < GATES; g++)
			if (any(l, 3) == 0)
				p->gates[p->n_gates++] = &l->gates[g];
	}
}

/* ---- the simple one ---- */

static bool is_same_place(const struct life *l, unsigned a, unsigned b)
{
	const struct schedule_place *p = &l->places[a], *q = &l->places[b];
	bool same = p->priority == q->priority && p->alone == q->alone && p->n_gates == q->n_gates;

	for (unsigned i = 0; same && i < p->n_gates; i++)
		same = p->gates[i] == q->gates[i];
	return same;
}

static unsigned count_running(const struct life *l, const struct schedule_gate *gate)
{
	unsigned n = 0;

	for (unsigned i = 0; i < JOBS; i++) {
		const struct simple_job *job = &l->jobs[i];
		bool passes = gate == NULL;

		if (!job->there || job->state != SCHEDULE_RUNNING)
			continue;
		for (unsigned g = 0; g < l->places[job->place].n_gates; g++)
			passes = passes || l->places[job->place].gates[g] == gate;
		n += passes;
	}
	return n;
}

static bool has_room(const struct life *l, const struct schedule_gate *gate, unsigned running)
{
	(void) l;
	return gate->closed == JOB_WAIT_NONE && (gate->limit == 0 || running < gate->limit);
}

static void queue_due(struct life *l)
{
	for (;;) {
		struct simple_job *first = NULL;

		for (unsigned i = 0; i < JOBS; i++)
			if (l->jobs[i].there && l->jobs[i].state == SCHEDULE_TIMED &&
				l->jobs[i].due <= l->now && (!first || l->jobs[i].due < first->due))
				first = &l->jobs[i];
		if (!first)
			return;
		first->state = SCHEDULE_QUEUED;
		first->since = usec_min(first->since, first->due);
		first->ticket = ++l->tickets;
	}
}

/* Is it the first of those at the same place? */
static bool is_first(const struct life *l, unsigned i)
{
	for (unsigned k = 0; k < JOBS; k++)
		if (l->jobs[k].there && l->jobs[k].state == SCHEDULE_QUEUED &&
			l->jobs[k].ticket < l->jobs[i].ticket &&
			is_same_place(l, l->jobs[k].place, l->jobs[i].place))
			return false;
	return true;
}

static usec_t rank(const struct life *l, const struct simple_job *job)
{
	return job->since +
	       (usec_t) (SCHEDULE_PRIORITY - l->places[job->place].priority) * SCHEDULE_AGE;
}

static bool passes(const struct life *l, const struct simple_job *job)
{
	const struct schedule_place *p = &l->places[job->place];

	for (unsigned g = 0; g < p->n_gates; g++)
		if (!has_room(l, p->gates[g], count_running(l, p->gates[g])))
			return false;
	return true;
}

static struct simple_job *choose(struct life *l)
{
	struct simple_job *best = NULL;
	unsigned running = count_running(l, NULL);

	queue_due(l);
	if (!has_room(l, &l->rig->schedule.gateway, running))
		return NULL;
	for (unsigned i = 0; i < JOBS; i++) {
		struct simple_job *job = &l->jobs[i];

		if (job->there && job->state == SCHEDULE_RUNNING && l->places[job->place].alone)
			return NULL;
		if (job->there && job->state == SCHEDULE_QUEUED && is_first(l, i) &&
			passes(l, job) && (!best || rank(l, job) < rank(l, best)))
			best = job;
	}
	return best && l->places[best->place].alone && running > 0 ? NULL : best;
}

/* ---- what happens ---- */

static void start(struct life *l, unsigned i)
{
	schedule_started(&l->rig->schedule, &l->rig->jobs[i]);
	l->jobs[i].state = SCHEDULE_RUNNING;
}

static void decide(struct life *l)
{
	const struct simple_job *best = choose(l);
	struct schedule_job *job = NULL;
	bool found = schedule_next(&l->rig->schedule, l->now, &job);

	l->decisions++;
	assert_int_equal(found, best != NULL);
	if (!found) {
		l->refusals++;
		return;
	}
	assert_int_equal(job - l->rig->jobs, best - l->jobs);
	assert_int_equal(job->since, best->since);
	assert_int_equal(schedule_waits_for(&l->rig->schedule, job, l->now), JOB_WAIT_NONE);
	l->starts++;
	start(l, (unsigned) (job - l->rig->jobs));
}

static void set_due(struct life *l, unsigned i)
{
	struct simple_job *job = &l->jobs[i];

	if (!job->there || job->state == SCHEDULE_RUNNING)
		return;
	job->due = any(l, 8) == 0 ? USEC_INFINITY : l->now + any(l, 30) * MINUTE + ++l->unique;
	job->state = job->due == USEC_INFINITY ? SCHEDULE_OFF : SCHEDULE_TIMED;
	schedule_set_due(&l->rig->schedule, &l->rig->jobs[i], job->due, JOB_WAIT_BACKOFF);
}

static void come_or_go(struct life *l, unsigned i)
{
	struct simple_job *job = &l->jobs[i];

	if (job->there) {
		schedule_remove(&l->rig->schedule, &l->rig->jobs[i]);
		job->there = false;
		return;
	}
	*job = (struct simple_job){
		.there = true, .place = any(l, PLACES), .since = USEC_INFINITY
	};
	assert_int_equal(
		schedule_add(&l->rig->schedule, &l->rig->jobs[i], &l->places[job->place]), 0);
	set_due(l, i);
}

static void move(struct life *l, unsigned i)
{
	struct simple_job *job = &l->jobs[i];
	unsigned place = any(l, PLACES);

	if (!job->there)
		return;
	if (job->state == SCHEDULE_QUEUED && !is_same_place(l, job->place, place))
		job->ticket = ++l->tickets;
	job->place = place;
	assert_int_equal(schedule_move(&l->rig->schedule, &l->rig->jobs[i], &l->places[place]), 0);
}

static void change_gate(struct life *l, struct schedule_gate *gate)
{
	struct schedule *s = &l->rig->schedule;

	switch (any(l, 4)) {
	case 0:
		schedule_close(s, gate, JOB_WAIT_PAUSED, USEC_INFINITY);
		break;
	case 1:
		schedule_set_limit(s, gate, any(l, 5));
		break;
	default:
		schedule_open(s, gate);
	}
}

/* The next one that runs, from i on. */
static void end_next(struct life *l, unsigned i)
{
	for (unsigned k = 0; k < JOBS; k++, i = (i + 1) % JOBS)
		if (l->jobs[i].there && l->jobs[i].state == SCHEDULE_RUNNING) {
			schedule_ended(&l->rig->schedule, &l->rig->jobs[i]);
			l->jobs[i].state = SCHEDULE_OFF;
			set_due(l, i);
			return;
		}
}

static void step(struct life *l)
{
	unsigned i = any(l, JOBS);

	l->now += any(l, 2) * MINUTE;
	switch (any(l, 12)) {
	case 0:
		come_or_go(l, i);
		break;
	case 1:
		move(l, i);
		break;
	case 2:
		change_gate(
			l, any(l, 8) == 0 ? &l->rig->schedule.gateway : &l->gates[any(l, GATES)]);
		break;
	case 3:
		if (l->jobs[i].there && any(l, 8) == 0)
			start(l, i); /* taken up, whatever the limits say */
		break;
	case 4:
	case 5:
	case 6:
		end_next(l, i);
		break;
	case 7:
		set_due(l, i);
		break;
	default:
		decide(l);
	}
}

static void check(const struct life *l)
{
	unsigned alone = 0;

	for (unsigned g = 0; g < GATES; g++)
		assert_int_equal(l->gates[g].used, count_running(l, &l->gates[g]));
	assert_int_equal(l->rig->schedule.gateway.used, count_running(l, NULL));
	for (unsigned i = 0; i < JOBS; i++) {
		if (!l->jobs[i].there)
			continue;
		assert_int_equal(l->rig->jobs[i].state, l->jobs[i].state);
		alone += l->jobs[i].state == SCHEDULE_RUNNING && l->places[l->jobs[i].place].alone;
	}
	assert_int_equal(l->rig->schedule.alone, alone);
}

static void test_same_as_simple(void **state UNUSED)
{
	unsigned starts = 0, refusals = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct life l = { .rig = schedule_rig_new(0), .seed = seed * 7919, .now = DAY };

		schedule_set_limit(&l.rig->schedule, &l.rig->schedule.gateway, any(&l, 8));
		make_gates(&l);
		for (unsigned n = 0; n < STEPS; n++) {
			step(&l);
			check(&l);
		}
		for (unsigned i = 0; i < JOBS; i++)
			schedule_remove(&l.rig->schedule, &l.rig->jobs[i]);
		assert_int_equal(l.rig->schedule.jobs, 0);
		starts += l.starts;
		refusals += l.refusals;
		free(l.rig);
	}
	print_message("%u starts, %u times none\n", starts, refusals);
	/* Lives in which nothing happens prove nothing. */
	assert_true(starts > SEEDS * 100 && refusals > SEEDS * 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_same_as_simple) };

	return cmocka_run_group_tests_name("schedule-lives", tests, NULL, NULL);
}
