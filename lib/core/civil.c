#include "core/civil.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"

#define DAYS_OF_ERA      INT64_C(146097) /* 400 years */
#define DAYS_TO_1970     INT64_C(719468) /* from 0000-03-01, where the reckoning below begins */
#define THURSDAY         3               /* 1970-01-01 was one */
#define NANO_DIGITS      9

/* Years that begin in March have the leap day at their end: no table, no case. */
int64_t civil_days(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = civil_floor(y, 400), of_era = y - era * 400;
	int64_t of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

	return era * DAYS_OF_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
	       DAYS_TO_1970;
}

void civil_date(int64_t days, struct civil *ret)
{
	int64_t shifted = days + DAYS_TO_1970, era = civil_floor(shifted, DAYS_OF_ERA);
	int64_t day = shifted - era * DAYS_OF_ERA;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t of_year = day - (365 * year + year / 4 - year / 100);
	unsigned from_march = (unsigned) ((5 * of_year + 2) / 153);

	ret->day = (unsigned) (of_year - (153 * from_march + 2) / 5 + 1);
	ret->month = from_march < 10 ? from_march + 3 : from_march - 9;
	ret->year = year + era * 400 + (ret->month <= 2);
}

unsigned civil_weekday(int64_t days)
{
	return (unsigned) (days + THURSDAY - civil_floor(days + THURSDAY, 7) * 7);
}

static bool is_leap_year(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

unsigned civil_month_length(int64_t year, unsigned month)
{
	static const unsigned lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month == 2 && is_leap_year(year) ? 29 : lengths[month - 1];
}

/* ---- RFC 3339 ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly n digits. */
static int take_number(const char **p, unsigned n, unsigned *ret)
{
	unsigned number = 0;

	for (unsigned i = 0; i < n; i++, (*p)++) {
		if (!is_digit(**p))
			return -EINVAL;
		number = number * 10 + (unsigned) (**p - '0');
	}
	*ret = number;
	return 0;
}

/* A pattern in which a digit is the length of a number and all else stands for itself. */
static int take(const char **p, const char *pattern, unsigned *ret)
{
	for (; *pattern != '\0'; pattern++) {
		if (is_digit(*pattern)) {
			if (take_number(p, (unsigned) (*pattern - '0'), ret++) < 0)
				return -EINVAL;
		} else if (*(*p)++ != *pattern) {
			return -EINVAL;
		}
	}
	return 0;
}

/* ".25": microseconds; what is finer is cut. */
static int take_fraction(const char **p, usec_t *ret)
{
	usec_t fraction = 0, unit = SEC;
	unsigned n = 0;

	*ret = 0;
	if (**p != '.')
		return 0;
	for ((*p)++; is_digit(**p); (*p)++, n++) {
		unit /= 10;
		fraction += (usec_t) (**p - '0') * unit;
	}
	if (n == 0 || n > NANO_DIGITS)
		return -EINVAL;
	*ret = fraction;
	return 0;
}

/* Seconds east of Greenwich. */
static int take_offset(const char **p, int64_t *ret)
{
	unsigned n[2];
	char sign = **p;

	if (sign == 'Z') {
		(*p)++;
		*ret = 0;
		return 0;
	}
	if ((sign != '+' && sign != '-') || take(p, sign == '+' ? "+2:2" : "-2:2", n) < 0)
		return -EINVAL;
	if (n[0] > 23 || n[1] > 59)
		return -ERANGE;
	*ret = (sign == '-' ? -1 : 1) * ((int64_t) n[0] * 3600 + (int64_t) n[1] * 60);
	return 0;
}

int civil_parse(const char *text, usec_t *ret)
{
	const char *p = text;
	unsigned n[6];
	int64_t offset = 0, seconds;
	usec_t fraction;
	int r;

	if (take(&p, "4-2-2T2:2:2", n) < 0 || take_fraction(&p, &fraction) < 0)
		return -EINVAL;
	r = take_offset(&p, &offset);
	if (r == -EINVAL || *p != '\0')
		return -EINVAL;
	/* No leap second: no window opens in one. */
	if (r < 0 || n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > civil_month_length(n[0], n[1]) ||
		n[3] > 23 || n[4] > 59 || n[5] > 59)
		return -ERANGE;
	seconds = civil_days(n[0], n[1], n[2]) * CIVIL_DAY + n[3] * 3600 + n[4] * 60 + n[5] -
		  offset;
	if (seconds < 0)
		return -ERANGE;
	*ret = (usec_t) seconds * SEC + fraction;
	return 0;
}

const char *civil_format(char buffer[static CIVIL_FORMAT_MAX], usec_t instant, int32_t offset)
{
	int64_t local = (int64_t) (instant / SEC) + offset;
	int64_t days = civil_floor(local, CIVIL_DAY), second = local - days * CIVIL_DAY;
	unsigned minutes = (unsigned) (offset < 0 ? -offset : offset) / 60;
	struct civil date;

	civil_date(days, &date);
	if (instant == USEC_INFINITY || date.year > CIVIL_YEAR_MAX)
		return strcpy(buffer, "never");
	snprintf(buffer, CIVIL_FORMAT_MAX, "%04d-%02u-%02uT%02u:%02u:%02u%c%02u:%02u",
		(int) date.year, date.month % 100, date.day % 100, (unsigned) (second / 3600) % 100,
		(unsigned) (second / 60 % 60), (unsigned) (second % 60), offset < 0 ? '-' : '+',
		minutes / 60 % 100, minutes % 60);
	return buffer;
}
