/* What reaches the terminal is tame, and times and sizes are said in words. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/macros.h"
#include "ctl/text.h"

struct row {
	const char *text, *utf8, *ascii;
};

/* Printed as it is, or as \xHH byte by byte: in a UTF-8 locale, and in one without. */
static const struct row rows[] = {
	{ "pump-07", "pump-07", "pump-07" },
	{ "", "", "" },
	{ "a\\b \"c\"", "a\\b \"c\"", "a\\b \"c\"" },
	{ "M\xc3\xbcller", "M\xc3\xbcller", "M\\xc3\\xbcller" },
	{ "\xe6\x97\xa5", "\xe6\x97\xa5", "\\xe6\\x97\\xa5" },
	{ "\033[2J", "\\x1b[2J", "\\x1b[2J" },
	{ "a\r\nb\tc\x7f", "a\\x0d\\x0ab\\x09c\\x7f", "a\\x0d\\x0ab\\x09c\\x7f" },
	{ "\xc2\x9b" "31m", "\\xc2\\x9b31m", "\\xc2\\x9b31m" },                 /* CSI in one character */
	{ "\xe2\x80\xae" "gnp", "\\xe2\\x80\\xaegnp", "\\xe2\\x80\\xaegnp" },   /* right to left */
	{ "\xe2\x80\x8b", "\\xe2\\x80\\x8b", "\\xe2\\x80\\x8b" },               /* no width */
	{ "e\xcc\x81", "e\\xcc\\x81", "e\\xcc\\x81" },                           /* goes onto its neighbour */
	{ "\xff\xfe", "\\xff\\xfe", "\\xff\\xfe" },
	{ "\xe6\x97", "\\xe6\\x97", "\\xe6\\x97" },                              /* cut in a character */
	{ "\xc0\x80", "\\xc0\\x80", "\\xc0\\x80" },                              /* NUL, too long */
};

static void check_rows(bool utf8)
{
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		TEXT_AUTO safe = shown(rows[i].text);

		assert_string_equal(safe, utf8 ? rows[i].utf8 : rows[i].ascii);
	}
}

static void test_shown(void **state UNUSED)
{
	TEXT_AUTO nothing = shown(NULL);

	assert_string_equal(nothing, "");
	assert_non_null(setlocale(LC_CTYPE, "C"));
	check_rows(false);
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	check_rows(true);
}

static void test_times(void **state UNUSED)
{
	static const struct {
		usec_t when;
		const char *absolute, *relative; /* seen from 1000000 s */
	} times[] = {
		{ 0, "-", "-" },
		{ USEC_INFINITY, "-", "-" },
		{ 1000000 * SEC, "Mon 1970-01-12 13:46:40 UTC", "now" },
		{ 1000090 * SEC, "Mon 1970-01-12 13:48:10 UTC", "in 1min 30s" },
		{ 996400 * SEC, "Mon 1970-01-12 12:46:40 UTC", "1h ago" },
		{ 1864000 * SEC, "Thu 1970-01-22 13:46:40 UTC", "in 10d" },
	};
	char buffer[WHEN_MAX];

	setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < ELEMENTSOF(times); i++) {
		assert_string_equal(when_text(buffer, times[i].when), times[i].absolute);
		assert_string_equal(
			when_relative(buffer, times[i].when, 1000000 * SEC), times[i].relative);
	}
	assert_string_equal(when_rfc3339(buffer, 1000000 * SEC + 999), "1970-01-12T13:46:40Z");
	assert_true(when_parse("1970-01-12T13:46:40Z") == 1000000 * SEC);
	assert_true(when_parse("yesterday") == 0);
	assert_true(when_parse(NULL) == 0);
}

static void test_sizes(void **state UNUSED)
{
	static const struct {
		long long bytes;
		const char *text;
	} sizes[] = {
		{ -1, "-" }, { 0, "0 B" }, { 10239, "10239 B" }, { 10240, "10 KiB" }, { 734003, "716 KiB" },
		{ 10LL << 20, "10 MiB" },
	};
	char buffer[WHEN_MAX];

	for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
		assert_string_equal(size_text(buffer, sizes[i].bytes), sizes[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
