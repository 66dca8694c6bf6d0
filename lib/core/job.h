/*
 * job - one modem's way through a campaign: what follows from a verdict. Pure decisions; the daemon performs them.
 */
#pragma once

#include <stdbool.h>

#include "base/usec.h"
#include "core/at-error.h"
#include "core/reason.h"
#include "core/upgrade.h"

enum job_state { JOB_WAITING, JOB_RUNNING, JOB_SUCCEEDED, JOB_FAILED, JOB_CANCELLED, JOB_UNKNOWN };

const char *job_state_name(enum job_state state); /* "waiting" */
int job_state_by_name(const char *name);          /* -EINVAL */

/* Will nothing more happen by itself? */
bool job_is_final(enum job_state state);

/* May an attempt that spent itself be followed by another? (conduct 18) */
struct job_rules {
	unsigned attempts; /* in all, at least 1 */
	usec_t delay;      /* after the first; doubled after each further one */
	usec_t max_delay;
};

struct job_verdict {
	enum upgrade_outcome outcome;
	enum reason reason;
	enum at_error_class cme_class; /* of REASON_REJECTED; AT_ERROR_UNKNOWN without a number */
	bool at_target;                /* the module runs what the campaign wants, not only this hop's version */
	unsigned attempts;             /* spent, this one included */
};

struct job_decision {
	enum job_state state;
	enum reason reason; /* why it waits or failed; REASON_NONE: it may go on at once */
	usec_t delay;       /* WAITING: not before this much time has passed */
};

/* A deferred job spends no attempt and is tried again after rules->delay, however often. */
struct job_decision job_decide(const struct job_rules *rules, const struct job_verdict *verdict);
