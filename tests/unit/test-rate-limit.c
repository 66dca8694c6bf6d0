#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/rate-limit.h"

static const struct rate rate = { .burst = 3, .pause = 2 * SEC, .report = 30 * SEC };

#define T0 (100 * SEC)

/* When something wants to be said, and whether it is: what the bucket holds follows from the lines before. */
static const struct {
	usec_t at;
	bool said;
} lines[] = {
	{ 0, true },
	{ 0, true },
	{ 0, true },
	{ 0, false }, /* empty */
	{ 1999 * MSEC, false },
	{ 2 * SEC, true }, /* one token */
	{ 2 * SEC, false },
	{ 6 * SEC, true }, /* two */
	{ 6 * SEC, true },
	{ 6 * SEC, false },
	{ 1000 * SEC, true }, /* full, and not more than full */
	{ 1000 * SEC, true },
	{ 1000 * SEC, true },
	{ 1000 * SEC, false },
};

static void test_take(void **state)
{
	struct rate_limit limit = { 0 };
	unsigned left_out = 0;

	(void) state;
	for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
		assert_int_equal(
			rate_limit_take(&limit, &rate, T0 + lines[i].at), lines[i].said);
		left_out += !lines[i].said;
	}
	assert_int_equal(rate_limit_report(&limit, &rate, USEC_INFINITY), left_out);
}

static void test_report(void **state)
{
	struct rate_limit limit = { 0 };

	(void) state;
	assert_int_equal(rate_limit_report(&limit, &rate, USEC_INFINITY), 0);
	for (int i = 0; i < 10; i++)
		(void) rate_limit_take(&limit, &rate, T0);
	assert_int_equal(rate_limit_report(&limit, &rate, T0 + 29 * SEC), 0);
	assert_int_equal(rate_limit_report(&limit, &rate, T0 + 30 * SEC), 7);
	assert_int_equal(rate_limit_report(&limit, &rate, T0 + 90 * SEC), 0);
	for (int i = 0; i < 4; i++) /* the time is counted anew, from the first that is left out */
		(void) rate_limit_take(&limit, &rate, T0 + 90 * SEC);
	assert_int_equal(rate_limit_report(&limit, &rate, T0 + 119 * SEC), 0);
	assert_int_equal(rate_limit_report(&limit, &rate, T0 + 120 * SEC), 1);
}

/* However long it goes on, no more is said than the burst and one a pause. */
static void test_flood(void **state)
{
	struct rate_limit limit = { 0 };
	unsigned said = 0, told = 0;

	(void) state;
	for (usec_t at = 0; at < 600 * SEC; at += 10 * MSEC) {
		said += rate_limit_take(&limit, &rate, T0 + at);
		told += rate_limit_report(&limit, &rate, T0 + at);
	}
	told += rate_limit_report(&limit, &rate, USEC_INFINITY);
	assert_in_range(said, 302, 303);
	assert_int_equal(said + told, 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
