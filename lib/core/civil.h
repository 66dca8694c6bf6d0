/*
 * civil - the calendar: days, dates and weekdays (proleptic Gregorian), and instants as RFC 3339 writes them. Knows no
 * time zone but a number of seconds, and no clock.
 */
#pragma once

#include <stdint.h>

#include "base/usec.h"

#define CIVIL_DAY         INT64_C(86400) /* seconds of a day that no zone bends */
#define CIVIL_YEAR_MAX    9999           /* of an instant that is read */
#define CIVIL_FORMAT_MAX  40

struct civil {
	int64_t year;
	unsigned month, day; /* from 1 */
};

/* Days since 1970-01-01, of a date that there is. */
int64_t civil_days(int64_t year, unsigned month, unsigned day);
void civil_date(int64_t days, struct civil *ret);

/* 0: Monday ... 6: Sunday (ISO 8601). */
unsigned civil_weekday(int64_t days);

unsigned civil_month_length(int64_t year, unsigned month);

/* n divided by unit, towards minus infinity: the day that a second before 1970 is in. */
static inline int64_t civil_floor(int64_t n, int64_t unit)
{
	return n / unit - (n % unit < 0);
}

/*
 * "2026-12-01T00:00:00+01:00", "...Z": an instant of CLOCK_REALTIME, from 1970 on. The offset is required, so that nobody
 * has to guess it. -EINVAL: not such a text; -ERANGE: no such date or time, or before 1970.
 */
int civil_parse(const char *text, usec_t *ret);

/* The same for people and logs, in the local time of an offset, cut to seconds; "never". Returns buffer. */
const char *civil_format(char buffer[static CIVIL_FORMAT_MAX], usec_t instant, int32_t offset);
