/*
 * window - when upgrades may start: every week on some days, from a local time to a local time, in a time zone.
 *
 *      days { fri }  22:00 - 04:30  Europe/Berlin        a window belongs to the day on which it opens
 *
 *           Fri        |        Sat
 *      ..........[=====|=======)....
 *             22:00          04:30
 *
 * Several windows are one set: it is open where any of them is, and what overlaps or touches is one opening.
 *
 * The nights on which clocks change: a window whose start is skipped opens at the first instant after the gap, one whose
 * end is skipped closes there; one that lies in the gap as a whole does not open that night. Of a time that comes twice
 * the first counts, for start and end alike: no window opens twice.
 *
 * Nothing here reads a clock; instants are CLOCK_REALTIME. Without any window it is always open.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"
#include "core/zone.h"

#define WINDOW_EVERY_DAY 0x7f
#define WINDOW_DAY_END   1440 /* "24:00" */
#define WINDOWS_MAX      32   /* in one set; of more the first ones */

struct window {
	uint8_t days;        /* a bit for each day on which it opens; bit 0: Monday */
	uint16_t start, end; /* minutes of local time; not after the start: on the next day */
	const struct zone *zone;
};

/* From `since` until before `until`. 0: for longer than a week; USEC_INFINITY: for ever. */
struct window_opening {
	usec_t since, until;
};

/*
 * The opening that holds now, or the next one; of those that have so much left (from now, when they hold) the first.
 * false: there is none in two weeks, and so never. It stays the right answer until it is over or the clock is set.
 */
bool window_next(const struct window *windows, size_t n, usec_t now, usec_t length, struct window_opening *ret);

bool window_is_open(const struct window *windows, size_t n, usec_t now);

/* `now` when it is open; USEC_INFINITY: never. */
usec_t window_next_opening(const struct window *windows, size_t n, usec_t now);

/* When the opening that holds now ends; `now` when none does; USEC_INFINITY: never. */
usec_t window_closes(const struct window *windows, size_t n, usec_t now);
