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
	for (unsigned i = 0; i < 8; i++)
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

/* The medians alone prove nothing: the ranks must be so far apart that equals hardly ever are. */
static void test_no_accident(void **state UNUSED)
{
	static const struct {
		unsigned before, upgraded; /* so many values of each */
		unsigned mixed;            /* so many of the upgraded ones are as the others */
		bool stops;
	} rows[] = {
		{ 5, 5, 0, false },
		{ 7, 7, 0, true },
		{ 20, 3, 0, false },
		{ 20, 4, 0, true },
		{ 64, 4, 0, true },
		{ 20, 6, 2, false },
		{ 20, 16, 4, true },
	};
	const struct brake_rules rules = { .signal_db = 10, .after = 3 };

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct brake brake = { 0 };

		for (unsigned n = 0; n < rows[i].before; n++)
			brake_note(&brake, BRAKE_SIGNAL, false, 70 + n % 8);
		for (unsigned n = 0; n < rows[i].upgraded; n++)
			brake_note(&brake, BRAKE_SIGNAL, true, n < rows[i].mixed ? 70 + n % 8 : 95);
		assert_int_equal(brake_judge(&brake, &rules, BRAKE_SIGNAL), rows[i].stops);
	}
}

static void test_forgiven(void **state UNUSED)
{
	const struct brake_rules rules = { .signal_db = 10, .after = 5 };
	struct brake brake = { 0 };

	fill(&brake, BRAKE_SIGNAL, false, 70);
	fill(&brake, BRAKE_SIGNAL, true, 90);
	assert_true(brake_judge(&brake, &rules, BRAKE_SIGNAL));
	brake_forgive(&brake);
	assert_false(brake_judge(&brake, &rules, BRAKE_SIGNAL));
	assert_int_equal(brake_median(&brake, BRAKE_SIGNAL, false), 70); /* what is known of the others stays known */
	fill(&brake, BRAKE_SIGNAL, true, 90);
	assert_true(brake_judge(&brake, &rules, BRAKE_SIGNAL));
}

/* ---- seeded fleets ---- */

#define FLEETS 400
#define FLEET  150

static int draw(uint64_t *seed, unsigned n)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int) ((*seed >> 33) % n);
}

/* Around 0, with a deviation of 1.7 `width`. */
static int about(uint64_t *seed, int width)
{
	int sum = 0;

	for (int i = 0; i < 4; i++)
		sum += draw(seed, (unsigned) (3 * width) + 1) - 3 * width / 2;
	return sum;
}

/* Sites differ by tens of dB, two readings at one site by a few; `loss` is the firmware's. 0: never stopped. */
static unsigned live_signal(uint64_t *seed, int loss)
{
	const struct brake_rules rules = { .signal_db = 10, .after = 5 };
	struct brake brake = { 0 };

	for (unsigned i = 1; i <= FLEET; i++) {
		int site = 80 + about(seed, 5), before = site + about(seed, 2),
		    after = site + about(seed, 2) + loss;

		brake_note(&brake, BRAKE_SIGNAL, false, (uint32_t) (before < 51 ? 51 : before > 113 ? 113 : before));
		brake_note(&brake, BRAKE_SIGNAL, true, (uint32_t) (after < 51 ? 51 : after > 113 ? 113 : after));
		if (brake_judge(&brake, &rules, BRAKE_SIGNAL))
			return i;
	}
	return 0;
}

/* Some take twice as long as others, one in twenty ten times as long; `percent` is the firmware's. `past` were seen before. */
static unsigned live_return(uint64_t *seed, unsigned past, unsigned percent)
{
	const struct brake_rules rules = { .return_percent = 200, .after = 5 };
	struct brake brake = { 0 };

	for (unsigned i = 0; i < past + FLEET; i++) {
		unsigned time = 60000 + (unsigned) draw(seed, 60000);
		bool upgraded = i >= past;

		time *= draw(seed, 20) == 0 ? 10 : 1;
		brake_note(&brake, BRAKE_RETURN, upgraded, upgraded ? time / 100 * percent : time);
		if (brake_judge(&brake, &rules, BRAKE_RETURN))
			return i + 1 - past;
	}
	return 0;
}

/* An innocent fleet is stopped in less than one of a hundred campaigns, a bad firmware after few modems. */
static void test_fleets(void **state UNUSED)
{
	unsigned innocent = 0, after[FLEET + 1] = { 0 }, early = 0, later = 0;

	for (unsigned i = 0; i < FLEETS; i++) {
		uint64_t seed = i;
		unsigned n;

		innocent += live_signal(&seed, 0) > 0;
		innocent += live_return(&seed, 5 + i % 60, 100) > 0;
		n = live_signal(&seed, 20);
		after[n]++;
		n = live_return(&seed, 20, 400);
		after[n]++;
	}
	for (unsigned n = 1; n <= 20; n++) {
		early += n <= 10 ? after[n] : 0;
		later += n > 10 ? after[n] : 0;
	}
	print_message("%u of %u innocent ones stopped; bad ones: %u of %u after up to 10, %u after up to 20, %u never\n",
		innocent, 2 * FLEETS, early, 2 * FLEETS, later, after[0]);
	assert_true(innocent <= 2 * FLEETS / 100);
	assert_true(early >= 2 * FLEETS * 3 / 4);
	assert_true(early + later >= 2 * FLEETS * 19 / 20);
	assert_int_equal(after[0], 0);
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
		cmocka_unit_test(test_no_accident),
		cmocka_unit_test(test_forgiven),
		cmocka_unit_test(test_fleets),
	};

	return cmocka_run_group_tests_name("brake", tests, NULL, NULL);
}
