#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "base/macros.h"
#include "base/usec.h"

static void sums_keep_never(void **state UNUSED)
{
	assert_int_equal(usec_add(2, 3), 5);
	assert_true(usec_add(USEC_INFINITY, 1) == USEC_INFINITY);
	assert_true(usec_add(1, USEC_INFINITY) == USEC_INFINITY);
	assert_true(usec_add(USEC_INFINITY - 1, 1) == USEC_INFINITY);
	assert_true(usec_add(USEC_INFINITY - 1, 2) == USEC_INFINITY);
	assert_int_equal(usec_sub(5, 3), 2);
	assert_int_equal(usec_sub(3, 5), 0);
	assert_true(usec_sub(USEC_INFINITY, 5) == USEC_INFINITY);
	assert_int_equal(usec_min(2, 3), 2);
	assert_int_equal(usec_max(2, 3), 3);
}

static void parses(void **state UNUSED)
{
	static const struct {
		const char *text;
		usec_t value;
	} rows[] = {
		{ "300ms", 300 * MSEC },
		{ "90s", 90 * SEC },
		{ "15min", 15 * MINUTE },
		{ "2h", 2 * HOUR },
		{ "1h 30min", 90 * MINUTE },
		{ "1h30min", 90 * MINUTE },
		{ "1h   30min", 90 * MINUTE },
		{ "1d", DAY },
		{ "0s", 0 },
		{ "7us", 7 },
		{ "1d 2h 3min 4s 5ms 6us", DAY + 2 * HOUR + 3 * MINUTE + 4 * SEC + 5 * MSEC + 6 },
		{ "007s", 7 * SEC },
		{ "18446744073709551614us", USEC_INFINITY - 1 },
		{ "213503982d", 213503982 * DAY },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		usec_t value = 1;

		if (usec_parse(rows[i].text, &value) != 0 || value != rows[i].value)
			fail_msg("\"%s\" gave %llu", rows[i].text, (unsigned long long) value);
	}
}

static void refuses(void **state UNUSED)
{
	static const struct {
		const char *text;
		int error;
	} rows[] = {
		{ "", -EINVAL },
		{ " ", -EINVAL },
		{ "5", -EINVAL },
		{ "s", -EINVAL },
		{ "5 s", -EINVAL },
		{ " 5s", -EINVAL },
		{ "5s ", -EINVAL },
		{ "5s  ", -EINVAL },
		{ "-5s", -EINVAL },
		{ "+5s", -EINVAL },
		{ "1.5s", -EINVAL },
		{ "1,5s", -EINVAL },
		{ "5m", -EINVAL },
		{ "5S", -EINVAL },
		{ "5sec", -EINVAL },
		{ "5\xc2\xb5s", -EINVAL },
		{ "1min 1h", -EINVAL },
		{ "1h 1h", -EINVAL },
		{ "1h\t1min", -EINVAL },
		{ "0x10s", -EINVAL },
		{ "never", -EINVAL },
		{ "18446744073709551615us", -ERANGE },
		{ "18446744073709551616us", -ERANGE },
		{ "213503983d", -ERANGE },
		{ "213503982d 23h", -ERANGE },
		{ "99999999999999999999999s", -ERANGE },
		{ "99999999999999999999999", -EINVAL },
		{ "99999999999999999999999s 5", -EINVAL },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		usec_t value = 42;
		int r = usec_parse(rows[i].text, &value);

		if (r != rows[i].error || value != 42)
			fail_msg("\"%s\" returned %d", rows[i].text, r);
	}
}

static void formats(void **state UNUSED)
{
	static const struct {
		usec_t value;
		const char *text;
	} rows[] = {
		{ 0, "0s" },
		{ 1, "1us" },
		{ 250 * MSEC, "250ms" },
		{ 250 * MSEC + 7, "250ms 7us" },
		{ SEC, "1s" },
		{ SEC + 500 * MSEC + 7, "1s 500ms" },
		{ 90 * SEC, "1min 30s" },
		{ MINUTE + 999 * MSEC, "1min" },
		{ 90 * MINUTE, "1h 30min" },
		{ HOUR + 5 * SEC, "1h 5s" },
		{ DAY + HOUR + MINUTE, "1d 1h" },
		{ USEC_INFINITY - 1, "213503982d 8h" },
		{ USEC_INFINITY, "never" },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		char buffer[USEC_FORMAT_MAX];

		assert_ptr_equal(usec_format(buffer, rows[i].value), buffer);
		assert_string_equal(buffer, rows[i].text);
	}
}

/* What was written without rounding is read back as the same. */
static void reads_what_it_writes(void **state UNUSED)
{
	static const usec_t units[] = { 1, MSEC, SEC, MINUTE, HOUR, DAY };

	for (size_t i = 0; i < ELEMENTSOF(units); i++)
		for (usec_t n = 0; n < 70; n++) {
			char buffer[USEC_FORMAT_MAX];
			usec_t value;

			usec_format(buffer, n * units[i]);
			assert_int_equal(usec_parse(buffer, &value), 0);
			assert_int_equal(value, n * units[i]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_keep_never),
		cmocka_unit_test(parses),
		cmocka_unit_test(refuses),
		cmocka_unit_test(formats),
		cmocka_unit_test(reads_what_it_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
