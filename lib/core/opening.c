#include "core/opening.h"

#include "base/text.h"

usec_t opening_duration(const struct timeouts *t)
{
	return t->registration + t->start + t->download + t->leave + t->return_ + 2 * t->settle;
}

bool opening_uses_clock(const struct opening_rules *rules)
{
	return rules->n_windows > 0 || rules->not_before > 0 || rules->not_after > 0;
}

/* The same every night, so that an operator can tell; another one than that of the backoff (job.c). */
static usec_t jitter_of(
	const struct opening_rules *rules, const struct opening_job *job, usec_t room)
{
	static const char what[] = "start";
	usec_t most = usec_min(rules->jitter, room);

	if (job->seed == 0 || most == 0 || most == USEC_INFINITY)
		return 0;
	return (text_hash(job->seed, what, sizeof(what)) >> 8) % (most + 1);
}

/* How much of an opening must be left for a start. */
static usec_t length_of(const struct opening_rules *rules, const struct opening_job *job)
{
	return rules->window_end == WINDOW_END_HOLD && job->duration > 0 ? job->duration : 1;
}

static struct opening waits(enum job_wait wait, usec_t when, usec_t end)
{
	return (struct opening){ .state = OPENING_WAITS, .wait = wait, .when = usec_min(when, end) };
}

/* One that is long enough: the given one, or another. */
static bool find(const struct opening_rules *rules, const struct window_opening *next, usec_t now,
	usec_t length, struct window_opening *ret)
{
	if (next && next->until > now && next->until - usec_max(next->since, now) >= length) {
		*ret = *next;
		return true;
	}
	return window_next(rules->windows, rules->n_windows, now, length, ret);
}

struct opening opening_decide(const struct opening_rules *rules, const struct window_opening *next,
	const struct opening_job *job, const struct opening_clock *clock)
{
	usec_t end = rules->not_after > 0 ? rules->not_after : USEC_INFINITY;
	enum job_wait gate = rules->n_windows > 0 ? JOB_WAIT_WINDOW : JOB_WAIT_NOT_BEFORE;
	usec_t length = length_of(rules, job), begin, latest, start;
	struct window_opening opening;
	struct opening late;

	if (!opening_uses_clock(rules))
		return (struct opening){ .state = OPENING_OPEN, .when = USEC_INFINITY };
	if (rules->synchronised && !clock->synchronised)
		return waits(JOB_WAIT_CLOCK, USEC_INFINITY, USEC_INFINITY);
	if (clock->now >= end)
		return (struct opening){ .state = OPENING_EXPIRED, .when = end };
	if (clock->now < rules->not_before && rules->n_windows > 0)
		return waits(JOB_WAIT_NOT_BEFORE, rules->not_before, end);
	if (!find(rules, next, clock->now, length, &opening)) {
		late = waits(JOB_WAIT_WINDOW, USEC_INFINITY, end);
		late.too_long = true;
		return late;
	}
	begin = usec_max(opening.since, rules->not_before);
	latest = usec_min(usec_sub(opening.until, length), usec_sub(end, 1));
	start = begin + jitter_of(rules, job, usec_sub(latest, begin));
	if (clock->now < start)
		return waits(gate, start, end);
	return (struct opening){ .state = OPENING_OPEN, .when = usec_add(latest, 1) };
}
