/*
 * schedule - which job starts next, and what holds the others.
 *
 *	job -- its time has come --> lane (first come, first served) -- room at every gate --> running --> gone
 *
 *	gate: a limit (of the gateway, a campaign, a group, a serving cell), and what may be closed (a wave, a campaign)
 *	lane: the jobs that must pass the same gates. The lane of the best rank goes first; one that finds a gate without
 *	      room waits there, and the best of those that wait is sent for when there is room again.
 *
 * Rank: the time since a job could have gone, an earlier life included, and SCHEDULE_AGE for each level of priority. So a job waits for those of
 * a higher priority only as long as they were there first, or less than that much later: nothing starves.
 *
 * The caller owns all memory: jobs and gates are parts of what is his, zeroed at first; times and lanes he lends. What
 * a decision costs does not depend on how many jobs wait (but for their heap of times) or have ended. No clock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"
#include "core/deadlines.h"
#include "core/job.h"

#define SCHEDULE_AGE       (10 * MINUTE) /* what a level of priority is worth: 100 levels are a night and a bit */
#define SCHEDULE_PRIORITY  1000          /* the highest; the lowest is as far below 0 */
#define SCHEDULE_GATES_MAX 17            /* of one job: campaign, wave, uplink, window (forecast), cell, and 12 groups */
#define SCHEDULE_BUCKETS   256

enum schedule_kind {
	SCHEDULE_GATEWAY,
	SCHEDULE_CAMPAIGN,
	SCHEDULE_WAVE,
	SCHEDULE_UPLINK,
	SCHEDULE_GROUP,
	SCHEDULE_CELL,
	/* Of schedule_explain() only: */
	SCHEDULE_TIME,  /* the job's own time */
	SCHEDULE_ALONE, /* a job that must be alone, this one or another */
	SCHEDULE_TURN,  /* others are before it */
};

struct schedule_gate {
	enum schedule_kind kind; /* what it is for people */
	const char *name;        /* NULL: there is only one of its kind */
	unsigned limit;          /* jobs at the same time; 0: any number */
	unsigned used;
	enum job_wait closed;    /* JOB_WAIT_NONE: it is open */
	usec_t opens;            /* when closed: when it will open; USEC_INFINITY: nobody knows */

	/* private */
	struct deadlines waiting; /* lanes, by rank */
	struct schedule_lane *envoy; /* of those that waited, the one that is on its way */
};

/* Where a job stands. The same gates in another order make another lane. */
struct schedule_place {
	struct schedule_gate *gates[SCHEDULE_GATES_MAX]; /* beside the gateway */
	unsigned n_gates;
	int priority;
	bool alone; /* starts when nothing runs, and nothing starts while it runs */
};

enum schedule_state { SCHEDULE_OFF, SCHEDULE_TIMED, SCHEDULE_QUEUED, SCHEDULE_RUNNING };

struct schedule_job {
	enum schedule_state state;
	enum job_wait why; /* it is not due yet */
	usec_t due;        /* TIMED: not before */
	usec_t since;      /* when it could have gone for the first time; USEC_INFINITY: not yet */
	usec_t age;        /* so long before that it could have, by what the caller knows of an earlier life; spent by a start */

	/* private */
	struct schedule_lane *lane; /* NULL: it is not in the schedule */
	struct schedule_job *next, *previous; /* QUEUED */
	size_t position; /* TIMED: in the heap */
};

struct schedule_lane {
	struct deadline rank; /* of its first job; first here, see lane_of() */
	struct schedule_place place;
	struct schedule_job *first, *last;
	size_t jobs; /* all of the place, queued or not */
	struct schedule_gate *at;       /* waits there; NULL: it is ready, or nobody is in it */
	struct schedule_gate *envoy_of; /* READY: it was sent for from there */
	struct schedule_lane *next;     /* of the same bucket, or free */
};

struct schedule_time {
	usec_t due;
	struct schedule_job *job;
};

struct schedule {
	struct schedule_gate gateway; /* .limit: jobs in all; .used: those that run */
	unsigned alone;               /* of them, those that must be so */
	size_t jobs;

	/* private */
	struct deadlines ready; /* lanes, by rank */
	struct schedule_lane *buckets[SCHEDULE_BUCKETS], *free;
	struct schedule_time *times; /* a heap with four children a node */
	size_t n_times, times_max;
};

void schedule_init(struct schedule *s, unsigned max_parallel);

/*
 * An array for at least as many jobs as there will be; what was lent before is the caller's again. Lanes are never
 * given back; there are at most as many as jobs, and far fewer where many stand at the same place.
 */
void schedule_lend_times(struct schedule *s, struct schedule_time *times, size_t n);
void schedule_lend_lanes(struct schedule *s, struct schedule_lane *lanes, size_t n);

/* A gate's memory must stay while a job has it in its place. s->gateway is one, too. */
void schedule_set_limit(struct schedule *s, struct schedule_gate *gate, unsigned limit);
void schedule_close(struct schedule *s, struct schedule_gate *gate, enum job_wait why, usec_t opens);
void schedule_open(struct schedule *s, struct schedule_gate *gate);

/* The new job is off. -ENOSPC: no memory, lend more. */
int schedule_add(struct schedule *s, struct schedule_job *job, const struct schedule_place *place);

/* Another place, in whatever state the job is. -ENOSPC: as above; it stays where it is. */
int schedule_move(struct schedule *s, struct schedule_job *job, const struct schedule_place *place);

/* In whatever state it is; also when it is in no schedule. */
void schedule_remove(struct schedule *s, struct schedule_job *job);

/*
 * A job that does not run: not before this; why says what for. `now`, or earlier: it may go. USEC_INFINITY: it is off,
 * and comes in question again when it is told another time.
 */
void schedule_set_due(struct schedule *s, struct schedule_job *job, usec_t due, enum job_wait why);

/* The one that may start now. It stays until it is started, put off or removed. false: none. */
bool schedule_next(struct schedule *s, usec_t now, struct schedule_job **ret);

/* It runs, and counts: also one that never waited, or for which there is no room (taken up after a restart). */
void schedule_started(struct schedule *s, struct schedule_job *job);
void schedule_ended(struct schedule *s, struct schedule_job *job); /* it is off */

/* When the next job comes in question by the time alone; USEC_INFINITY: none does. */
usec_t schedule_due(const struct schedule *s);

/* One line of the answer to "why not now?" */
struct schedule_view {
	enum schedule_kind kind;
	const char *name;      /* of the gate */
	enum job_wait wait;    /* the word for it */
	bool open;
	unsigned used, limit;  /* limit 0: there is none; SCHEDULE_TURN: used are before it in its lane */
	usec_t opens;          /* not open: when it will; USEC_INFINITY: nobody knows */
};

#define SCHEDULE_VIEWS_MAX (2 * (SCHEDULE_GATES_MAX + 1) + 3)

/* Every gate between the job and its start, open ones too; how many. 0: it runs, is off, or in no schedule. */
size_t schedule_explain(const struct schedule *s, const struct schedule_job *job, usec_t now,
	struct schedule_view ret[static SCHEDULE_VIEWS_MAX]);

/* The first word in the order of enum job_wait; JOB_WAIT_NONE: it may start, or see above. */
enum job_wait schedule_waits_for(const struct schedule *s, const struct schedule_job *job, usec_t now);
