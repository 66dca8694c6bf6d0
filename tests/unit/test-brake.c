/* Medians of upgraded modems against those of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/brake.h"

static void test_median(void **state UNUSED)
{
	struct brake brake = { 0 };

	assert_int_equal(brake_median(&brake, BRAKE_RETURN, true), 0);
	for (unsigned i = 0; i < BRAKE_VALUES; i++)
		brake_note(&brake, BRAKE_RETURN, true, (i * 37) % BRAKE_VALUES);
	assert_int_equal(brake_median(&brake, BRAKE_RETURN, true), BRAKE_VALUES / 2 - 1);
	for (unsigned i = 0; i < BRAKE_VALUES; i++) /* the newest count */
		brake_note(&brake, BRAKE_RETURN, true, 1000);
	assert_int_equal(brake_median(&brake, BRAKE_RETURN, true), 1000);
	assert_int_equal(brake_median(&brake, BRAKE_RETURN, false), 0);
}

static void fill(struct brake *brake, enum brake_figure figure, bool upgraded, uint32_t value)
{
	for (unsigned i = 0; i < 5; i++)
		brake_note(brake, figure, upgraded, value);
}

static void test_judge(void **state UNUSED)
{
	static const struct {
		enum brake_figure figure;
		uint32_t before, upgraded;
		bool stops;
	} rows[] = {
		{ BRAKE_RETURN, 1000, 1999, false },
		{ BRAKE_RETURN, 1000, 2000, true },
		{ BRAKE_RETURN, 1000, 10, false },
		{ BRAKE_RETURN, 0, 1,
			false }, /* nothing to compare with is taken for a millisecond */
		{ BRAKE_RETURN, 0, 2, true },
		{ BRAKE_RETURN, 3000000000, 4294967295, false },
		{ BRAKE_SIGNAL, 71, 80, false },
		{ BRAKE_SIGNAL, 71, 81, true },
		{ BRAKE_SIGNAL, 110, 51, false },
	};
	const struct brake_rules none = { .after = 5 };
	const struct brake_rules rules = { .return_percent = 200, .signal_db = 10, .after = 5 };

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct brake brake = { 0 };

		fill(&brake, rows[i].figure, false, rows[i].before);
		assert_false(brake_judge(&brake, &rules, rows[i].figure));
		fill(&brake, rows[i].figure, true, rows[i].upgraded);
		assert_int_equal(brake_judge(&brake, &rules, rows[i].figure), rows[i].stops);
		assert_false(brake_judge(&brake, &none, rows[i].figure));
	}
}

/* One that is far off is no anomaly, however far. */
static void test_one_far_off(void **state UNUSED)
{
	const struct brake_rules rules = { .return_percent = 200, .after = 5 };
	struct brake brake = { 0 };

	fill(&brake, BRAKE_RETURN, false, 60000);
	fill(&brake, BRAKE_RETURN, true, 65000);
	brake_note(&brake, BRAKE_RETURN, true, UINT32_MAX);
	assert_false(brake_judge(&brake, &rules, BRAKE_RETURN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_median),
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_one_far_off),
	};

	return cmocka_run_group_tests_name("brake", tests, NULL, NULL);
}
