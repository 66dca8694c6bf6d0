/*
 * opening - may a job start now, as far as the wall clock goes? What a campaign says about when, in one pure decision; the
 * reasons are those of job.h.
 *
 *      clock not trusted -> clock      from not_after on -> expired      before not_before -> not-before
 *
 *      since                                   latest start              until
 *      [--- jitter, by IMEI ---|----- may start ----|--- window (hold) ---)
 *
 * With `hold` nothing starts that is not expected to be over when the window closes; with `finish` it may start until then.
 * What runs is never cut. The jitter is a fraction of the room that there is, so that nobody's start falls behind the
 * latest one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"
#include "core/job.h"
#include "core/profile.h"
#include "core/window.h"

enum window_end { WINDOW_END_HOLD, WINDOW_END_FINISH };

/* Zeroed: any time. */
struct opening_rules {
	const struct window *windows;
	size_t n_windows;
	usec_t not_before, not_after; /* 0: none. not_after bounds starts: what runs goes on */
	usec_t jitter;                /* of the start, after a window opens or not_before; at most */
	enum window_end window_end;
	bool synchronised;            /* nothing of this is judged by a clock that is not synchronised */
};

struct opening_job {
	uint64_t seed;   /* job_seed(); 0: no jitter */
	usec_t duration; /* as expected, of one hop */
};

/* The wall clock, as it is read now. */
struct opening_clock {
	usec_t now; /* CLOCK_REALTIME */
	bool synchronised;
};

enum opening_state { OPENING_OPEN, OPENING_WAITS, OPENING_EXPIRED /* the job fails: deadline */ };

struct opening {
	enum opening_state state;
	enum job_wait wait; /* WAITS: why */
	usec_t when;        /* OPEN: until before when; WAITS: when to ask again, USEC_INFINITY when nobody can know */
	bool too_long;      /* WAITS, window: no window is as long as the job takes */
};

/*
 * How long one hop takes at most when all is as it should be: until the module is there again and was read twice. What
 * lasts longer has failed. For who has no history to learn it from.
 */
usec_t opening_duration(const struct timeouts *timeouts);

/* Does the wall clock matter at all? */
bool opening_uses_clock(const struct opening_rules *rules);

/*
 * next: the opening that holds now or comes next (window_next() with length 0), for who asks about many jobs; NULL: it is
 * looked for here. Its `since` is USEC_INFINITY where there is none.
 */
struct opening opening_decide(const struct opening_rules *rules, const struct window_opening *next,
	const struct opening_job *job, const struct opening_clock *clock);
