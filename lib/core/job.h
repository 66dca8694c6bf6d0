/*
 * job - one modem's way through a campaign: what follows from a verdict. Pure decisions; the daemon performs them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"
#include "core/at-error.h"
#include "core/reason.h"
#include "core/upgrade.h"

enum job_state { JOB_WAITING, JOB_RUNNING, JOB_SUCCEEDED, JOB_FAILED, JOB_CANCELLED, JOB_UNKNOWN };

const char *job_state_name(enum job_state state); /* "waiting" */
int job_state_by_name(const char *name);          /* -EINVAL */

/* Will nothing more happen by itself? */
bool job_is_final(enum job_state state);

/*
 * What a waiting job waits for when no reason of struct reason stands for it (interface, "Words"). In this order: the first
 * that holds is said.
 */
enum job_wait {
	JOB_WAIT_NONE,        /* for nothing: it may go on, or its reason says why not */
	JOB_WAIT_ACKNOWLEDGE, /* the store was lost: an operator has to look first */
	JOB_WAIT_HELD,        /* somebody on this gateway wants no new starts, or this one not without a word */
	JOB_WAIT_PAUSED,      /* an operator has stopped new starts */
	JOB_WAIT_HALTED,      /* too much has failed: an operator has to look first */
	JOB_WAIT_NOT_BEFORE,  /* the campaign has not begun */
	JOB_WAIT_CLOCK,       /* the wall clock is not synchronised */
	JOB_WAIT_WINDOW,      /* it is not the time for upgrades */
	JOB_WAIT_WAVE,        /* others of the campaign go first, and must succeed */
	JOB_WAIT_SOAK,        /* they have: for a while nothing may go wrong with them */
	JOB_WAIT_FETCH,       /* what the server serves is compared with the packages first */
	JOB_WAIT_BACKOFF,     /* a failed attempt is some time ago before the next one begins */
	JOB_WAIT_SLOT,        /* others are at work */
};

const char *job_wait_name(enum job_wait wait); /* "slot"; "" for none */

/* May an attempt that spent itself be followed by another? (conduct 18) */
struct job_rules {
	unsigned attempts; /* in all, at least 1 */
	usec_t delay;      /* after the first; doubled after each further one */
	usec_t max_delay;
	uint64_t seed;     /* of the jitter, from the IMEI: job_seed(); 0: none */
	uint64_t max_bytes; /* of all attempts together; 0: any number */
};

struct job_verdict {
	enum upgrade_outcome outcome;
	enum reason reason;
	enum at_error_class cme_class; /* of REASON_REJECTED; AT_ERROR_UNKNOWN without a number */
	bool at_target;                /* the module runs what the campaign wants, not only this hop's version */
	unsigned attempts;             /* spent, this one included */
	uint64_t bytes;                /* spent, likewise */
	uint64_t next_bytes;           /* what another attempt at this hop would spend */
	bool stop;                     /* an operator wants no further attempt (conduct 20) */
};

struct job_decision {
	enum job_state state;
	enum reason reason; /* why it waits or failed; REASON_NONE: it may go on at once */
	usec_t delay;       /* WAITING: not before this much time has passed */
};

/* Different for every module, and the same again after every restart. */
uint64_t job_seed(const char *imei);

/*
 * What is left of a wait that was stored as a moment of the wall clock, never more than `longest`: a clock that was
 * stepped, or is wrong at boot, makes no wait of years (conduct 15).
 */
usec_t job_wait_left(usec_t not_before, usec_t wall, usec_t longest);

/* Do so many bytes more fit into the budget? */
bool job_can_spend(const struct job_rules *rules, uint64_t spent, uint64_t bytes);

/* What a verdict adds to the attempts at a hop, and to how often the job was put off; before: its state until then. */
void job_count(enum upgrade_outcome outcome, enum job_state before, unsigned *attempts, unsigned *deferrals);

/*
 * Up to a quarter is taken off every wait, by the seed: what failed at the same moment does not come back at the same.
 * A deferred job spends no attempt and is tried again after rules->delay, however often.
 */
struct job_decision job_decide(const struct job_rules *rules, const struct job_verdict *verdict);
