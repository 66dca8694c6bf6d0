#include "core/job.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

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

const char *job_wait_name(enum job_wait wait)
{
	static const char *const waits[] = {
		[JOB_WAIT_NONE] = "",
		[JOB_WAIT_ACKNOWLEDGE] = "acknowledge",
		[JOB_WAIT_HELD] = "held",
		[JOB_WAIT_PAUSED] = "paused",
		[JOB_WAIT_HALTED] = "halted",
		[JOB_WAIT_NOT_BEFORE] = "not-before",
		[JOB_WAIT_CLOCK] = "clock",
		[JOB_WAIT_WINDOW] = "window",
		[JOB_WAIT_WAVE] = "wave",
		[JOB_WAIT_SOAK] = "soak",
		[JOB_WAIT_FETCH] = "fetch",
		[JOB_WAIT_BACKOFF] = "backoff",
		[JOB_WAIT_SLOT] = "slot",
	};

	return waits[wait];
}

uint64_t job_seed(const char *imei)
{
	return imei[0] == '\0' ? 0 : text_hash(0, imei, strlen(imei)) | 1;
}

usec_t job_wait_left(usec_t not_before, usec_t wall, usec_t longest)
{
	return usec_min(usec_sub(not_before, wall), longest);
}

bool job_can_spend(const struct job_rules *rules, uint64_t spent, uint64_t bytes)
{
	return rules->max_bytes == 0 ||
	       (spent <= rules->max_bytes && bytes <= rules->max_bytes - spent);
}

/* An attempt counts once: unknown first and failed later is one. */
void job_count(enum upgrade_outcome outcome, enum job_state before, unsigned *attempts, unsigned *deferrals)
{
	switch (outcome) {
	case OUTCOME_SUCCEEDED:
	case OUTCOME_ALREADY: /* the next hop has attempts of its own */
		*attempts = 0;
		break;
	case OUTCOME_FAILED:
	case OUTCOME_UNKNOWN:
		*attempts += before != JOB_UNKNOWN;
		break;
	case OUTCOME_DEFERRED:
		(*deferrals)++;
		break;
	case OUTCOME_CANCELLED:
		break;
	}
}

/* Another number for every attempt, and for what is only deferred (attempts stand still then). */
static usec_t spread(const struct job_rules *rules, usec_t delay, unsigned attempts)
{
	uint64_t number;

	if (rules->seed == 0 || delay == USEC_INFINITY)
		return delay;
	number = text_hash(rules->seed, &attempts, sizeof(attempts));
	return delay - (number >> 8) % (delay / 4 + 1);
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
	if (reason_class(v->reason) == REASON_PERSON || v->attempts >= rules->attempts ||
		!job_can_spend(rules, v->bytes, v->next_bytes))
		return false;
	return v->reason != REASON_REJECTED ||
	       (v->cme_class != AT_ERROR_PERMANENT && v->cme_class != AT_ERROR_PERSON);
}

static struct job_decision decide(const struct job_rules *rules, const struct job_verdict *v)
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
			.delay = spread(rules, backoff(rules, v->attempts), v->attempts),
		};
	case OUTCOME_DEFERRED:
		return (struct job_decision){
			.state = JOB_WAITING,
			.reason = v->reason,
			.delay = spread(rules, rules->delay, v->attempts),
		};
	case OUTCOME_UNKNOWN:
		return (struct job_decision){ .state = JOB_UNKNOWN, .reason = v->reason };
	case OUTCOME_CANCELLED:
		return (struct job_decision){ .state = JOB_CANCELLED, .reason = v->reason };
	}
	return (struct job_decision){ .state = JOB_FAILED, .reason = v->reason };
}

struct job_decision job_decide(const struct job_rules *rules, const struct job_verdict *v)
{
	struct job_decision decision = decide(rules, v);

	if (v->stop && (decision.state == JOB_WAITING || decision.state == JOB_FAILED))
		return (struct job_decision){ .state = JOB_CANCELLED, .reason = v->reason ?: REASON_CANCELLED };
	return decision;
}
