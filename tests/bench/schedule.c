/*
 * schedule - what one decision costs, by the number of jobs that wait and of those that have ended.
 *
 *	schedule [ROUNDS]			CPU; prints "NAME VALUE" lines, medians of the rounds
 *	schedule once JOBS ENDED DECISIONS	for counting instructions
 *
 * A decision here: a job ends and gets its next time, those whose time has come stand in line, the next one is found
 * and started. Half of the jobs wait for their time (backoff, windows), half for room: 3 campaigns with a limit and
 * 3 waves each, the last one closed, 20 groups and as many cells as one for 50 jobs, all of them with limits.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "core/schedule.h"

#define ROUNDS	   9
#define ROUNDS_MAX 99
#define DECISIONS  200000 /* of one measurement */
#define RUNNING	   32
#define CAMPAIGNS  3
#define WAVES	   3
#define GROUPS	   20
#define CELL_JOBS  50
#define TICK	   SEC /* from one decision to the next */

static const size_t sizes[] = { 10, 1000, 100000 };
static const size_t ended[] = { 0, 1000000 };

struct world {
	struct schedule schedule;
	struct schedule_gate campaigns[CAMPAIGNS], waves[CAMPAIGNS][WAVES], groups[GROUPS], *cells;
	struct schedule_job *jobs; /* those that wait lie among those that have ended */
	struct schedule_lane *lanes;
	struct schedule_time *times;
	struct schedule_job *running[RUNNING];
	size_t n, n_running, first_running;
	uint64_t seed;
	usec_t now;
};

static uint64_t draw(struct world *w)
{
	w->seed = w->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return w->seed >> 33;
}

static void *allocate(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		exit(1);
	return p;
}

static void make_gates(struct world *w)
{
	for (size_t i = 0; i < CAMPAIGNS; i++) {
		w->campaigns[i].limit = RUNNING / 2;
		w->waves[i][WAVES - 1].closed = JOB_WAIT_WAVE;
	}
	for (size_t i = 0; i < GROUPS; i++)
		w->groups[i].limit = 4;
	w->cells = allocate(w->n / CELL_JOBS + 1, sizeof(*w->cells));
	for (size_t i = 0; i <= w->n / CELL_JOBS; i++)
		w->cells[i].limit = 2;
}

/* A site has a cell and a group. Of 10 jobs one waits for its wave. */
static void add_job(struct world *w, struct schedule_job *job)
{
	size_t campaign = draw(w) % CAMPAIGNS, wave = draw(w) % 10,
	       cell = draw(w) % (w->n / CELL_JOBS + 1);
	struct schedule_place place = {
		.gates = { &w->campaigns[campaign],
			&w->waves[campaign][wave == 0 ? WAVES - 1 : wave % (WAVES - 1)],
			&w->groups[cell % GROUPS], &w->cells[cell] },
		.n_gates = 4,
		.priority = (int) campaign,
	};

	if (schedule_add(&w->schedule, job, &place) < 0)
		exit(1);
	schedule_set_due(&w->schedule, job, w->now + draw(w) % w->n * TICK, JOB_WAIT_WINDOW);
}

/* One after the other: what is to be shown is that nothing of them stays behind. */
static void end_job(struct world *w, struct schedule_job *job)
{
	add_job(w, job);
	schedule_started(&w->schedule, job);
	schedule_ended(&w->schedule, job);
	schedule_remove(&w->schedule, job);
}

static struct world *world_new(size_t n, size_t n_ended)
{
	struct world *w = allocate(1, sizeof(*w));
	size_t every = n_ended / n + 1;

	w->n = n;
	w->seed = 1;
	w->now = DAY;
	w->jobs = allocate(n * every, sizeof(*w->jobs));
	w->lanes = allocate(n, sizeof(*w->lanes));
	w->times = allocate(n, sizeof(*w->times));
	make_gates(w);
	schedule_init(&w->schedule, RUNNING);
	schedule_lend_times(&w->schedule, w->times, n);
	schedule_lend_lanes(&w->schedule, w->lanes, n);
	for (size_t i = 0; i < n * every; i++)
		if (i % every != 0)
			end_job(w, &w->jobs[i]);
	for (size_t i = 0; i < n * every; i += every)
		add_job(w, &w->jobs[i]);
	return w;
}

static void world_free(struct world *w)
{
	free(w->cells);
	free(w->jobs);
	free(w->lanes);
	free(w->times);
	free(w);
}

/* How many have started. */
static size_t decide(struct world *w)
{
	struct schedule_job *job;

	w->now += TICK;
	if (w->n_running == RUNNING || w->n_running > w->n / 8) {
		job = w->running[w->first_running];
		w->first_running = (w->first_running + 1) % RUNNING;
		w->n_running--;
		schedule_ended(&w->schedule, job);
		schedule_set_due(
			&w->schedule, job, w->now + draw(w) % w->n * TICK, JOB_WAIT_BACKOFF);
	}
	if (!schedule_next(&w->schedule, w->now, &job))
		return 0;
	schedule_started(&w->schedule, job);
	w->running[(w->first_running + w->n_running++) % RUNNING] = job;
	return 1;
}

static size_t run(struct world *w, size_t decisions)
{
	size_t started = 0;

	for (size_t i = 0; i < decisions; i++)
		started += decide(w);
	return started;
}

/* ---- the clock ---- */

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec * 1e9 + (double) now.tv_nsec;
}

static double measure(struct world *w)
{
	double begin = cpu_ns();

	if (run(w, DECISIONS) < DECISIONS / 2)
		exit(1);
	return (cpu_ns() - begin) / DECISIONS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return x < y ? -1 : x > y;
}

static double median(double *values, int n)
{
	qsort(values, (size_t) n, sizeof(*values), compare);
	return values[n / 2];
}

/* In turns, so that a busy machine is unkind to all of them alike. */
static void measure_all(size_t n_ended, int rounds)
{
	double ns[ELEMENTSOF(sizes)][ROUNDS_MAX];
	struct world *worlds[ELEMENTSOF(sizes)];

	for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
		worlds[i] = world_new(sizes[i], n_ended);
		run(worlds[i], 2 * sizes[i] + DECISIONS);
	}
	for (int round = 0; round < rounds; round++)
		for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
			ns[i][round] = measure(worlds[i]);
	for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
		printf("ns_%zu_%zu %.1f\n", sizes[i], n_ended, median(ns[i], rounds));
		world_free(worlds[i]);
	}
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;

	if (argc == 5 && strcmp(argv[1], "once") == 0) {
		struct world *w = world_new((size_t) atol(argv[2]), (size_t) atol(argv[3]));
		size_t decisions = (size_t) atol(argv[4]);

		printf("started %zu\n", run(w, w->n + decisions));
		world_free(w);
		return 0;
	}
	rounds = rounds < 1 ? ROUNDS : rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX;
	for (size_t i = 0; i < ELEMENTSOF(ended); i++)
		measure_all(ended[i], rounds);
	return 0;
}
