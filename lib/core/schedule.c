#include "core/schedule-internal.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

void schedule_init(struct schedule *s, unsigned max_parallel)
{
	*s = (struct schedule){ .gateway = { .kind = SCHEDULE_GATEWAY, .limit = max_parallel } };
}

void schedule_lend_times(struct schedule *s, struct schedule_time *times, size_t n)
{
	if (s->n_times > 0)
		memcpy(times, s->times, s->n_times * sizeof(*times));
	s->times = times;
	s->times_max = n;
}

void schedule_lend_lanes(struct schedule *s, struct schedule_lane *lanes, size_t n)
{
	for (size_t i = n; i-- > 0;) {
		lanes[i].next = s->free;
		s->free = &lanes[i];
	}
}

/* ---- lanes ---- */

static struct schedule_lane *lane_of(struct deadline *rank)
{
	return (struct schedule_lane *) rank;
}

static struct schedule_lane **bucket_of(struct schedule *s, const struct schedule_place *place)
{
	uint64_t hash = text_hash(0, place->gates, place->n_gates * sizeof(struct schedule_gate *));

	hash = text_hash(hash, &place->priority, sizeof(place->priority));
	return &s->buckets[hash % SCHEDULE_BUCKETS];
}

static bool is_same(const struct schedule_place *a, const struct schedule_place *b)
{
	return a->priority == b->priority && a->alone == b->alone && a->n_gates == b->n_gates &&
	       memcmp(a->gates, b->gates, a->n_gates * sizeof(struct schedule_gate *)) == 0;
}

/* NULL: no memory. */
static struct schedule_lane *find_lane(struct schedule *s, const struct schedule_place *place)
{
	struct schedule_lane **bucket = bucket_of(s, place), *lane = *bucket;

	while (lane && !is_same(&lane->place, place))
		lane = lane->next;
	if (lane || !s->free)
		return lane;
	lane = s->free;
	s->free = lane->next;
	*lane = (struct schedule_lane){ .place = *place, .next = *bucket };
	*bucket = lane;
	return lane;
}

static void drop_lane(struct schedule *s, struct schedule_lane *lane)
{
	struct schedule_lane **p = bucket_of(s, &lane->place);

	while (*p != lane)
		p = &(*p)->next;
	*p = lane->next;
	lane->next = s->free;
	s->free = lane;
}

#define AGE_MAX (400 * DAY) /* a clock of now may be younger than what has waited: its ages are counted from here */

/* The earlier, the smaller. */
static usec_t first_time(const struct schedule_job *job)
{
	return usec_add(job->since, AGE_MAX - usec_min(job->age, AGE_MAX));
}

static usec_t rank_of(const struct schedule_lane *lane)
{
	usec_t levels = (usec_t) (SCHEDULE_PRIORITY - lane->place.priority);

	return usec_add(first_time(lane->first), levels * SCHEDULE_AGE);
}

/*
 * Where there is room, the best of those that wait is sent for, and stands with the ready ones; the next when that one
 * has gone or waits elsewhere, or when it is not the best any more. One at a time: the others would come in vain.
 */
static void tend(struct schedule *s, struct schedule_gate *gate)
{
	struct deadline *best = gate->waiting.first;
	struct schedule_lane *lane;

	if (!best || !schedule_has_room(gate))
		return;
	if (gate->envoy) {
		if (gate->envoy->rank.at <= best->at)
			return;
		gate->envoy->envoy_of = NULL;
	}
	lane = lane_of(best);
	deadlines_set(&gate->waiting, best, USEC_INFINITY);
	lane->at = NULL;
	lane->envoy_of = gate;
	gate->envoy = lane;
	deadlines_set(&s->ready, best, rank_of(lane));
}

static void end_errand(struct schedule *s, struct schedule_lane *lane)
{
	struct schedule_gate *gate = lane->envoy_of;

	if (!gate)
		return;
	lane->envoy_of = NULL;
	gate->envoy = NULL;
	tend(s, gate);
}

static void wait_at(struct schedule *s, struct schedule_lane *lane, struct schedule_gate *gate)
{
	deadlines_set(&s->ready, &lane->rank, USEC_INFINITY);
	lane->at = gate;
	deadlines_set(&gate->waiting, &lane->rank, rank_of(lane));
	end_errand(s, lane);
}

/* Its first job is another one, or there is none any more. */
static void rank_again(struct schedule *s, struct schedule_lane *lane)
{
	struct deadlines *heap = lane->at ? &lane->at->waiting : &s->ready;

	deadlines_set(heap, &lane->rank, lane->first ? rank_of(lane) : USEC_INFINITY);
	if (!lane->first) {
		lane->at = NULL;
		end_errand(s, lane);
	} else if (lane->at || lane->envoy_of) {
		tend(s, lane->at ? lane->at : lane->envoy_of);
	}
}

static void queue(struct schedule *s, struct schedule_job *job)
{
	struct schedule_lane *lane = job->lane;
	struct schedule_job *before = lane->last;

	/* First come, first served, and who has come in an earlier life was there before. */
	while (job->age > 0 && before && first_time(before) > first_time(job))
		before = before->previous;
	job->state = SCHEDULE_QUEUED;
	job->previous = before;
	job->next = before ? before->next : lane->first;
	*(job->next ? &job->next->previous : &lane->last) = job;
	*(before ? &before->next : &lane->first) = job;
	if (!before)
		rank_again(s, lane);
}

static void unqueue(struct schedule *s, struct schedule_job *job)
{
	struct schedule_lane *lane = job->lane;
	struct schedule_job **from_before = job->previous ? &job->previous->next : &lane->first;
	struct schedule_job **from_behind = job->next ? &job->next->previous : &lane->last;
	bool first = lane->first == job;

	*from_before = job->next;
	*from_behind = job->previous;
	job->next = job->previous = NULL;
	job->state = SCHEDULE_OFF;
	if (first)
		rank_again(s, lane);
}

/* ---- gates ---- */

void schedule_set_limit(struct schedule *s, struct schedule_gate *gate, unsigned limit)
{
	gate->limit = limit;
	tend(s, gate);
}

void schedule_close(
	struct schedule *s UNUSED, struct schedule_gate *gate, enum job_wait why, usec_t opens)
{
	gate->closed = why;
	gate->opens = opens;
}

void schedule_open(struct schedule *s, struct schedule_gate *gate)
{
	gate->closed = JOB_WAIT_NONE;
	tend(s, gate);
}

static void enter_gates(struct schedule *s, const struct schedule_place *place)
{
	s->gateway.used++;
	s->alone += place->alone;
	for (unsigned i = 0; i < place->n_gates; i++)
		place->gates[i]->used++;
}

static void leave_gates(struct schedule *s, const struct schedule_place *place)
{
	s->gateway.used--;
	s->alone -= place->alone;
	for (unsigned i = 0; i < place->n_gates; i++) {
		place->gates[i]->used--;
		tend(s, place->gates[i]);
	}
}

/* ---- jobs ---- */

int schedule_add(struct schedule *s, struct schedule_job *job, const struct schedule_place *place)
{
	struct schedule_lane *lane = s->jobs < s->times_max ? find_lane(s, place) : NULL;

	if (!lane)
		return -ENOSPC;
	*job = (struct schedule_job){ .lane = lane, .due = USEC_INFINITY, .since = USEC_INFINITY };
	lane->jobs++;
	s->jobs++;
	return 0;
}

static void leave_lane(struct schedule *s, struct schedule_job *job)
{
	if (--job->lane->jobs == 0)
		drop_lane(s, job->lane);
	job->lane = NULL;
}

/* It waits, runs and is timed no more. */
static void set_off(struct schedule *s, struct schedule_job *job)
{
	switch (job->state) {
	case SCHEDULE_OFF:
		break;
	case SCHEDULE_TIMED:
		schedule_times_take(s, job);
		break;
	case SCHEDULE_QUEUED:
		unqueue(s, job);
		break;
	case SCHEDULE_RUNNING:
		job->state = SCHEDULE_OFF;
		leave_gates(s, &job->lane->place);
		break;
	}
}

int schedule_move(struct schedule *s, struct schedule_job *job, const struct schedule_place *place)
{
	enum schedule_state state = job->state;
	struct schedule_lane *lane = find_lane(s, place);

	if (!lane)
		return -ENOSPC;
	if (lane == job->lane)
		return 0;
	lane->jobs++;
	if (state != SCHEDULE_TIMED)
		set_off(s, job);
	leave_lane(s, job);
	job->lane = lane;
	if (state == SCHEDULE_QUEUED)
		queue(s, job);
	else if (state == SCHEDULE_RUNNING)
		schedule_started(s, job);
	return 0;
}

void schedule_remove(struct schedule *s, struct schedule_job *job)
{
	if (!job->lane)
		return;
	set_off(s, job);
	leave_lane(s, job);
	s->jobs--;
}

void schedule_set_due(struct schedule *s, struct schedule_job *job, usec_t due, enum job_wait why)
{
	if (job->state == SCHEDULE_RUNNING)
		return;
	if (job->state != SCHEDULE_TIMED || due == USEC_INFINITY)
		set_off(s, job);
	job->due = due;
	job->why = why;
	if (due != USEC_INFINITY)
		schedule_times_put(s, job);
}

static void take_due(struct schedule *s, usec_t now)
{
	while (s->n_times > 0 && s->times[0].due <= now) {
		struct schedule_job *job = s->times[0].job;

		schedule_times_take(s, job);
		job->since = usec_min(job->since, job->due);
		queue(s, job);
	}
}

static struct schedule_gate *find_full(const struct schedule_lane *lane)
{
	for (unsigned i = 0; i < lane->place.n_gates; i++)
		if (!schedule_has_room(lane->place.gates[i]))
			return lane->place.gates[i];
	return NULL;
}

bool schedule_next(struct schedule *s, usec_t now, struct schedule_job **ret)
{
	struct schedule_gate *gate;
	struct schedule_lane *lane;

	take_due(s, now);
	if (!schedule_has_room(&s->gateway) || s->alone > 0)
		return false;
	while (s->ready.first) {
		lane = lane_of(s->ready.first);
		gate = find_full(lane);
		if (!gate) {
			/* It is its turn: the others finish, and then it goes. */
			if (lane->place.alone && s->gateway.used > 0)
				return false;
			*ret = lane->first;
			return true;
		}
		wait_at(s, lane, gate);
	}
	return false;
}

void schedule_started(struct schedule *s, struct schedule_job *job)
{
	struct schedule_lane *lane = job->lane;

	if (job->state == SCHEDULE_RUNNING)
		return;
	enter_gates(s, &lane->place); /* first: no other lane is sent for in vain */
	set_off(s, job);
	job->state = SCHEDULE_RUNNING;
	job->age = 0;
	end_errand(s, lane);
}

void schedule_ended(struct schedule *s, struct schedule_job *job)
{
	if (job->state == SCHEDULE_RUNNING)
		set_off(s, job);
}

usec_t schedule_due(const struct schedule *s)
{
	return s->n_times > 0 ? s->times[0].due : USEC_INFINITY;
}
