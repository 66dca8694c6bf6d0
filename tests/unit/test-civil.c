/* The calendar, and instants as RFC 3339 writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/civil.h"

static void test_days(void **state)
{
	static const struct {
		struct civil date;
		int64_t days;
		unsigned weekday;
	} rows[] = {
		{ { 1970, 1, 1 }, 0, 3 },
		{ { 1969, 12, 31 }, -1, 2 },
		{ { 1970, 3, 1 }, 59, 6 },
		{ { 2000, 2, 29 }, 11016, 1 },
		{ { 2000, 3, 1 }, 11017, 2 },
		{ { 2024, 2, 29 }, 19782, 3 },
		{ { 2026, 3, 29 }, 20541, 6 },
		{ { 2100, 3, 1 }, 47541, 0 }, /* no leap year */
		{ { 1600, 1, 1 }, -135140, 5 },
		{ { 0, 3, 1 }, -719468, 2 },
		{ { -1, 12, 31 }, -719529, 4 },
		{ { 9999, 12, 31 }, 2932896, 4 },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct civil date;

		assert_int_equal(civil_days(rows[i].date.year, rows[i].date.month, rows[i].date.day), rows[i].days);
		assert_int_equal(civil_weekday(rows[i].days), rows[i].weekday);
		civil_date(rows[i].days, &date);
		assert_int_equal(date.year, rows[i].date.year);
		assert_int_equal(date.month, rows[i].date.month);
		assert_int_equal(date.day, rows[i].date.day);
	}
}

/* 1,200 years, day by day: each date follows from the one before. */
static void test_every_day(void **state)
{
	struct civil date = { 1500, 1, 1 };
	int64_t first = civil_days(1500, 1, 1), last = civil_days(2700, 1, 1);
	(void) state;

	for (int64_t day = first; day < last; day++) {
		struct civil got;

		civil_date(day, &got);
		assert_true(got.year == date.year && got.month == date.month && got.day == date.day);
		assert_int_equal(civil_days(got.year, got.month, got.day), day);
		assert_int_equal(civil_weekday(day + 1), (civil_weekday(day) + 1) % 7);
		if (date.day++ == civil_month_length(date.year, date.month)) {
			date.day = 1;
			date.year += date.month == 12;
			date.month = date.month % 12 + 1;
		}
	}
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int r;
		usec_t instant;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0, 0 },
		{ "2026-12-01T00:00:00+01:00", 0, 1796079600 * SEC },
		{ "2026-11-30T23:00:00Z", 0, 1796079600 * SEC },
		{ "2026-11-30T15:30:00-07:30", 0, 1796079600 * SEC },
		{ "2026-11-30T23:00:00-00:00", 0, 1796079600 * SEC },
		{ "2026-12-01T00:00:00.25+01:00", 0, 1796079600 * SEC + 250 * MSEC },
		{ "2026-12-01T00:00:00.123456789+01:00", 0, 1796079600 * SEC + 123456 },
		{ "2024-02-29T23:59:59Z", 0, 1709251199 * SEC },
		{ "9999-12-31T23:59:59Z", 0, 253402300799 * SEC },
		{ "1970-01-01T00:00:00+00:01", -ERANGE, 0 },
		{ "1969-12-31T23:59:59Z", -ERANGE, 0 },
		{ "2026-02-29T00:00:00Z", -ERANGE, 0 },
		{ "2026-00-10T00:00:00Z", -ERANGE, 0 },
		{ "2026-13-10T00:00:00Z", -ERANGE, 0 },
		{ "2026-04-31T00:00:00Z", -ERANGE, 0 },
		{ "2026-04-00T00:00:00Z", -ERANGE, 0 },
		{ "2026-04-01T24:00:00Z", -ERANGE, 0 },
		{ "2026-04-01T23:60:00Z", -ERANGE, 0 },
		{ "2026-12-31T23:59:60Z", -ERANGE, 0 },
		{ "2026-04-01T23:00:00+24:00", -ERANGE, 0 },
		{ "2026-04-01T23:00:00+01:60", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "2026-12-01", -EINVAL, 0 },
		{ "2026-12-01T00:00:00", -EINVAL, 0 }, /* whose midnight? */
		{ "2026-12-01 00:00:00Z", -EINVAL, 0 },
		{ "2026-12-01T00:00Z", -EINVAL, 0 },
		{ "2026-12-01T00:00:00z", -EINVAL, 0 },
		{ "2026-12-1T00:00:00Z", -EINVAL, 0 },
		{ "2026-12-01T00:00:00+1:00", -EINVAL, 0 },
		{ "2026-12-01T00:00:00+0100", -EINVAL, 0 },
		{ "2026-12-01T00:00:00+01", -EINVAL, 0 },
		{ "2026-12-01T00:00:00ZZ", -EINVAL, 0 },
		{ "2026-12-01T00:00:00.Z", -EINVAL, 0 },
		{ "2026-12-01T00:00:00.1234567890Z", -EINVAL, 0 },
		{ " 2026-12-01T00:00:00Z", -EINVAL, 0 },
		{ "+026-12-01T00:00:00Z", -EINVAL, 0 },
		{ "2026-12-01T00:00:00Z ", -EINVAL, 0 },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		usec_t instant = 1;
		int r = civil_parse(rows[i].text, &instant);

		if (r != rows[i].r || instant != (r == 0 ? rows[i].instant : 1))
			fail_msg("%s: %d, %llu", rows[i].text, r, (unsigned long long) instant);
	}
}

static void test_format(void **state)
{
	static const struct {
		usec_t instant;
		int32_t offset;
		const char *text;
	} rows[] = {
		{ 0, 0, "1970-01-01T00:00:00+00:00" },
		{ 0, -3600, "1969-12-31T23:00:00-01:00" },
		{ 1796079600 * SEC, 3600, "2026-12-01T00:00:00+01:00" },
		{ 1796079600 * SEC + 999 * MSEC, -16200, "2026-11-30T18:30:00-04:30" },
		{ 253402300799 * SEC, 0, "9999-12-31T23:59:59+00:00" },
		{ 253402300800 * SEC, 0, "never" },
		{ USEC_INFINITY, 0, "never" },
		{ USEC_INFINITY - 1, 45900, "never" },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		char text[CIVIL_FORMAT_MAX];
		usec_t again;

		assert_string_equal(civil_format(text, rows[i].instant, rows[i].offset), rows[i].text);
		if (civil_parse(text, &again) == 0)
			assert_int_equal(again, rows[i].instant / SEC * SEC);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_every_day),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
