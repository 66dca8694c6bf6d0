/* How long an upgrade may take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/duration.h"

#define LONGEST (60 * MINUTE)

static const struct row {
	usec_t minutes[12];
	size_t n;
	usec_t quick, usual, slow; /* minutes */
	bool learned;
} rows[] = {
	/* nothing is judged by a few: the time-outs, and what upgrades commonly take of them */
	{ { 0 }, 0, 6, 15, 60, false },
	{ { 5, 5, 5, 5 }, 4, 6, 15, 60, false },
	/* in any order */
	{ { 9, 1, 8, 2, 7 }, 5, 1, 7, 9, true },
	{ { 5, 5, 5, 5, 5, 5 }, 6, 5, 5, 5, true },
	/* of eleven, one is left aside at each end */
	{ { 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1 }, 11, 2, 6, 10, true },
	{ { 1, 10, 10, 10, 10, 10, 10, 10, 10, 10, 50 }, 11, 10, 10, 10, true },
	/* never more than the time-outs of today let */
	{ { 70, 80, 90, 100, 110 }, 5, 60, 60, 60, true },
};

static void test_expect(void **state)
{
	(void) state;
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct row *row = &rows[i];
		struct duration duration;
		usec_t earlier[12];

		for (size_t k = 0; k < row->n; k++)
			earlier[k] = row->minutes[k] * MINUTE;
		duration = duration_expect(earlier, row->n, LONGEST);
		if (duration.quick != row->quick * MINUTE ||
			duration.usual != row->usual * MINUTE ||
			duration.slow != row->slow * MINUTE || duration.learned != row->learned)
			fail_msg("row %zu: %llu, %llu, %llu min", i,
				(unsigned long long) (duration.quick / MINUTE),
				(unsigned long long) (duration.usual / MINUTE),
				(unsigned long long) (duration.slow / MINUTE));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_expect) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
