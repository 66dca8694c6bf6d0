/*
 * usec - time as one type: microseconds, as an argument, never asked for.
 *
 * A usec_t is either a point on a clock that the caller names, or a duration. USEC_INFINITY is
 * "never" and survives every sum. No function here reads a clock.
 */
#pragma once

#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_INFINITY UINT64_MAX

#define MSEC   ((usec_t) 1000)
#define SEC    (1000 * MSEC)
#define MINUTE (60 * SEC)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define USEC_FORMAT_MAX 32

/* The sum, or USEC_INFINITY where it does not fit. */
static inline usec_t usec_add(usec_t a, usec_t b)
{
	return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

/* The difference, never below 0; "never" stays "never". */
static inline usec_t usec_sub(usec_t a, usec_t b)
{
	return a == USEC_INFINITY ? USEC_INFINITY : a > b ? a - b : 0;
}

static inline usec_t usec_min(usec_t a, usec_t b)
{
	return a < b ? a : b;
}

static inline usec_t usec_max(usec_t a, usec_t b)
{
	return a > b ? a : b;
}

/*
 * Reads "300ms", "90s", "15min", "2h", "1h 30min", "1d" (d, h, min, s, ms, us, each once, from
 * large to small). A unit is required, so that nobody has to guess it; a decimal fraction is not
 * accepted. -EINVAL: not a duration; -ERANGE: does not fit.
 */
int usec_parse(const char *text, usec_t *ret);

/*
 * Writes a duration for people ("1h 30min", "250ms", "never"), at most two units, rounded down to
 * seconds from a minute on, to milliseconds from a second on; returns buffer.
 */
const char *usec_format(char buffer[static USEC_FORMAT_MAX], usec_t duration);
