/*
 * zone-rule - the POSIX TZ rule in a TZif footer (RFC 9636, 3.3 and 3.3.1): read, and reckoned with.
 */
#include "core/zone-internal.h"

#include <errno.h>

#include "base/macros.h"
#include "core/civil.h"

#define HOURS_MAX 167 /* of a time in the footer (RFC 9636, 3.3.1) */
#define YEARS     2   /* before and after: a time of 167 hours reaches into the next year */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int take_number(const char **p, unsigned max, unsigned *ret)
{
	unsigned n = 0;

	if (!is_digit(**p))
		return -EBADMSG;
	for (; is_digit(**p); (*p)++) {
		n = n * 10 + (unsigned) (**p - '0');
		if (n > max)
			return -EBADMSG;
	}
	*ret = n;
	return 0;
}

static bool take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/* "EST", or anything of letters, digits and signs in <>; nobody needs it. */
static int skip_name(const char **p)
{
	const char *begin = *p;

	if (!take_char(p, '<')) {
		while (is_letter(**p))
			(*p)++;
		return *p - begin >= 3 ? 0 : -EBADMSG;
	}
	while (is_letter(**p) || is_digit(**p) || **p == '+' || **p == '-')
		(*p)++;
	return take_char(p, '>') ? 0 : -EBADMSG;
}

/* [+-]hh[:mm[:ss]] */
static int take_time(const char **p, int32_t *ret)
{
	unsigned part[3] = { 0 };
	bool negative = take_char(p, '-');
	int r;

	if (!negative)
		(void) take_char(p, '+');
	r = take_number(p, HOURS_MAX, &part[0]);
	for (size_t i = 1; i < ELEMENTSOF(part) && r == 0 && take_char(p, ':'); i++)
		r = take_number(p, 59, &part[i]);
	if (r < 0)
		return r;
	*ret = (int32_t) (part[0] * 3600 + part[1] * 60 + part[2]) * (negative ? -1 : 1);
	return 0;
}

/* West is positive in POSIX. */
static int take_offset(const char **p, int32_t *ret)
{
	int32_t west;

	if (take_time(p, &west) < 0 || west <= -ZONE_OFFSET_MAX || west >= ZONE_OFFSET_MAX)
		return -EBADMSG;
	*ret = -west;
	return 0;
}

static int take_weekday(const char **p, struct zone_date *date)
{
	date->kind = ZONE_DATE_WEEKDAY;
	if (take_number(p, 12, &date->month) < 0 || !take_char(p, '.') ||
		take_number(p, 5, &date->week) < 0 || !take_char(p, '.') ||
		take_number(p, 6, &date->day) < 0)
		return -EBADMSG;
	return date->month > 0 && date->week > 0 ? 0 : -EBADMSG;
}

static int take_date(const char **p, struct zone_date *ret)
{
	struct zone_date date = { .time = 2 * 3600 };
	int r;

	if (!take_char(p, ','))
		return -EBADMSG;
	if (take_char(p, 'M')) {
		r = take_weekday(p, &date);
	} else {
		date.kind = take_char(p, 'J') ? ZONE_DATE_JULIAN : ZONE_DATE_DAY;
		r = take_number(p, 365, &date.day);
		if (date.kind == ZONE_DATE_JULIAN && date.day == 0)
			return -EBADMSG;
	}
	if (r == 0 && take_char(p, '/'))
		r = take_time(p, &date.time);
	if (r == 0)
		*ret = date;
	return r;
}

int zone_rule_parse(const char *text, struct zone_rule *ret)
{
	struct zone_rule rule = { 0 };
	const char *p = text;

	if (skip_name(&p) < 0 || take_offset(&p, &rule.standard) < 0)
		return -EBADMSG;
	if (*p != '\0') {
		rule.has_summer = true;
		rule.summer = rule.standard + 3600;
		if (skip_name(&p) < 0 || (*p != ',' && take_offset(&p, &rule.summer) < 0) ||
			take_date(&p, &rule.begin) < 0 || take_date(&p, &rule.end) < 0)
			return -EBADMSG;
	}
	if (*p != '\0' || rule.summer >= ZONE_OFFSET_MAX)
		return -EBADMSG;
	*ret = rule;
	return 0;
}

/* Days since 1970; POSIX counts weekdays from Sunday. */
static int64_t day_of(const struct zone_date *date, int64_t year)
{
	int64_t first = civil_days(year, 1, 1);
	unsigned weekday, day;

	switch (date->kind) {
	case ZONE_DATE_WEEKDAY:
		first = civil_days(year, date->month, 1);
		weekday = (civil_weekday(first) + 1) % 7;
		day = (date->day + 7 - weekday) % 7 + (date->week - 1) * 7;
		return first + (day < civil_month_length(year, date->month) ? day : day - 7);
	case ZONE_DATE_JULIAN:
		return first + date->day - 1 +
		       (date->day > 59 && civil_month_length(year, 2) == 29);
	case ZONE_DATE_DAY:
		return first + date->day;
	}
	return first;
}

/* One change of the rule: is it the last one until `at`, or the first one after? */
static void consider(struct zone_span *span, int64_t at, int64_t change, int32_t offset)
{
	if (change > at)
		span->end = change < span->end ? change : span->end;
	else if (change >= span->begin) {
		span->begin = change;
		span->offset = offset;
	}
}

void zone_rule_span(const struct zone_rule *rule, int64_t at, struct zone_span *ret)
{
	struct zone_span span = { INT64_MIN, INT64_MAX, rule->standard };
	struct civil date;

	if (rule->has_summer) {
		civil_date(civil_floor(at, CIVIL_DAY), &date);
		/* Summer second: where both fall together it is summer all the year (RFC 9636, 3.3.1). */
		for (int64_t year = date.year - YEARS; year <= date.year + YEARS; year++) {
			consider(&span, at,
				day_of(&rule->end, year) * CIVIL_DAY + rule->end.time - rule->summer,
				rule->standard);
			consider(&span, at,
				day_of(&rule->begin, year) * CIVIL_DAY + rule->begin.time -
					rule->standard,
				rule->summer);
		}
	}
	*ret = span;
}
