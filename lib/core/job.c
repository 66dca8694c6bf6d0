#include "core/job.h"

#include <errno.h>
#include <stddef.h>

#include "base/macros.h"
#include "base/text.h"

static const char *const names[] = {
	[JOB_WAITING] = "waiting",
	[JOB_RUNNING] = "running",
	[JOB_SUCCEEDED] = "succeeded",
	[JOB_FAILED] = "failed",
	[JOB_CANCELLED] = "cancelled",
	[JOB_UNKNOWN] = "unknown",
};

const char *job_state_name(enum job_state state)
{
	return names[state];
}

int job_state_by_name(const char *name)
{
	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (text_equal(name, names[i]))
			return (int) i;
	return -EINVAL;
}

bool job_is_final(enum job_state state)
{
	return state == JOB_SUCCEEDED || state == JOB_FAILED || state == JOB_CANCELLED;
}

static usec_t backoff(const struct job_rules *rules, unsigned attempts)
{
	usec_t delay = rules->delay;

	for (unsigned i = 1; i < attempts && delay < rules->max_delay; i++)
		delay = usec_add(delay, delay);
	return usec_min(delay, rules->max_delay);
}

static bool is_worth_a_retry(const struct job_rules *rules, const struct job_verdict *v)
{
	if (reason_class(v->reason) == REASON_PERSON || v->attempts >= rules->attempts)
		return false;
	return v->reason != REASON_REJECTED ||
	       (v->cme_class != AT_ERROR_PERMANENT && v->cme_class != AT_ERROR_PERSON);
}

struct job_decision job_decide(const struct job_rules *rules, const struct job_verdict *v)
{
	switch (v->outcome) {
	case OUTCOME_SUCCEEDED:
	case OUTCOME_ALREADY:
		/* A hop is done; the next one of the chain may follow at once. */
		return (struct job_decision){ .state = v->at_target ? JOB_SUCCEEDED : JOB_WAITING };
	case OUTCOME_FAILED:
		if (!is_worth_a_retry(rules, v))
			return (struct job_decision){ .state = JOB_FAILED, .reason = v->reason };
		return (struct job_decision){
			.state = JOB_WAITING,
			.reason = v->reason,
			.delay = backoff(rules, v->attempts),
		};
	case OUTCOME_DEFERRED:
		return (struct job_decision){
			.state = JOB_WAITING,
			.reason = v->reason,
			.delay = rules->delay,
		};
	case OUTCOME_UNKNOWN:
		return (struct job_decision){ .state = JOB_UNKNOWN, .reason = v->reason };
	case OUTCOME_CANCELLED:
		return (struct job_decision){ .state = JOB_CANCELLED, .reason = v->reason };
	}
	return (struct job_decision){ .state = JOB_FAILED, .reason = v->reason };
}
