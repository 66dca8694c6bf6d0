/*
 * The jobs whose time is to come, as a heap in one array. Four children a node: they share a cache line, and the heap
 * is half as deep; with 100,000 jobs that is an eighth of what a heap of pointers costs.
 */
#include "core/schedule-internal.h"

#define CHILDREN 4

static void place(struct schedule *s, size_t i, struct schedule_time time)
{
	s->times[i] = time;
	time.job->position = i;
}

static void sift_up(struct schedule *s, size_t i, struct schedule_time time)
{
	while (i > 0) {
		size_t parent = (i - 1) / CHILDREN;

		if (s->times[parent].due <= time.due)
			break;
		place(s, i, s->times[parent]);
		i = parent;
	}
	place(s, i, time);
}

static void sift_down(struct schedule *s, size_t i, struct schedule_time time)
{
	for (;;) {
		size_t first = CHILDREN * i + 1, best = first;

		if (first >= s->n_times)
			break;
		for (size_t c = first + 1; c < first + CHILDREN && c < s->n_times; c++)
			if (s->times[c].due < s->times[best].due)
				best = c;
		if (s->times[best].due >= time.due)
			break;
		place(s, i, s->times[best]);
		i = best;
	}
	place(s, i, time);
}

static void sift(struct schedule *s, size_t i, struct schedule_time time)
{
	if (i > 0 && s->times[(i - 1) / CHILDREN].due > time.due)
		sift_up(s, i, time);
	else
		sift_down(s, i, time);
}

void schedule_times_put(struct schedule *s, struct schedule_job *job)
{
	struct schedule_time time = { job->due, job };

	if (job->state == SCHEDULE_TIMED)
		sift(s, job->position, time);
	else
		sift_up(s, s->n_times++, time);
	job->state = SCHEDULE_TIMED;
}

void schedule_times_take(struct schedule *s, struct schedule_job *job)
{
	struct schedule_time last = s->times[--s->n_times];

	if (last.job != job)
		sift(s, job->position, last);
	job->state = SCHEDULE_OFF;
}
