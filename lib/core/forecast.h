/*
 * forecast - who goes when, as far as one can tell: the schedule, the campaigns and the windows themselves, on copies and on
 * a clock that runs ahead, under the assumption that every attempt succeeds.
 *
 *      jobs, campaigns, limits (copies) --> forecast_run() --> start and end of each job
 *
 * The caller fills the fields above "private" and owns all memory, also what he lends to the schedule; gates that jobs have
 * beside those of their campaign are his, too. All times are CLOCK_REALTIME. Nothing of it reads a clock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"
#include "core/campaign-gates.h"
#include "core/campaign.h"
#include "core/opening.h"
#include "core/schedule.h"

struct forecast_campaign {
	struct campaign campaign;  /* a copy; soak_until on the wall clock */
	struct opening_rules when;
	unsigned max_parallel;
	bool uplink_confirmed;
	struct member **members;   /* all of them: parts of jobs */
	size_t n_members;

	/* private */
	struct campaign_gates gates;
	struct schedule_gate window; /* shut where no job can start */
	struct deadline reopen;
	struct window_opening next;
	bool changed;
};

struct forecast_job {
	struct forecast_campaign *campaign;
	struct member member;      /* a copy; .now: an operator has started it already */
	struct schedule_gate *gates[SCHEDULE_GATES_MAX]; /* of its groups and its cell */
	unsigned n_gates;
	int priority;
	uint64_t seed;             /* job_seed() */
	unsigned hops;             /* still to go; 0: it is over, or needs nothing */
	usec_t ready;              /* not before: who could have gone for longer goes first; USEC_INFINITY: not by itself */
	usec_t hop, longest;       /* how long one takes; may take, for the latest start */
	usec_t left;               /* so long one still runs; 0: none does */

	usec_t start, end;         /* USEC_INFINITY: not by itself */
	bool late;                 /* not before not_after, or longer than any window */

	/* private */
	struct schedule_job turn;
	struct deadline wake;
	bool runs;
};

struct forecast {
	struct schedule schedule;  /* schedule_init(), its gateway's gate closed or not; memory for all jobs lent */
	struct forecast_campaign *campaigns;
	size_t n_campaigns;
	struct forecast_job *jobs;
	size_t n_jobs;

	/* private */
	struct deadlines wakes, reopens;
};

/* Until nothing more happens, or `until`. -ENOSPC: too little was lent. */
int forecast_run(struct forecast *f, usec_t now, usec_t until);

/* What a job that does not start waits for at the end; JOB_WAIT_NONE: for nothing that is known here. */
enum job_wait forecast_waits_for(const struct forecast *f, const struct forecast_job *job, usec_t until);
