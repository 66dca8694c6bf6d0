#include "core/brake.h"

#include "base/macros.h"

void brake_note(struct brake *brake, enum brake_figure figure, bool upgraded, uint32_t value)
{
	struct brake_values *values = &brake->values[figure][upgraded];

	values->of[values->n++ % BRAKE_VALUES] = value;
}

static unsigned count(const struct brake_values *values)
{
	return values->n < BRAKE_VALUES ? values->n : BRAKE_VALUES;
}

unsigned brake_count(const struct brake *brake, enum brake_figure figure, bool upgraded)
{
	return count(&brake->values[figure][upgraded]);
}

uint32_t brake_median(const struct brake *brake, enum brake_figure figure, bool upgraded)
{
	const struct brake_values *values = &brake->values[figure][upgraded];
	uint32_t sorted[BRAKE_VALUES];
	unsigned n = count(values);

	for (unsigned i = 0; i < n; i++) {
		unsigned place = i;

		for (; place > 0 && sorted[place - 1] > values->of[i]; place--)
			sorted[place] = sorted[place - 1];
		sorted[place] = values->of[i];
	}
	return n > 0 ? sorted[(n - 1) / 2] : 0;
}

void brake_forgive(struct brake *brake)
{
	for (unsigned figure = 0; figure < _BRAKE_MAX; figure++)
		brake->values[figure][true] = (struct brake_values){ 0 };
}

#define DEVIATIONS 3

/*
 * U counts the pairs in which the upgraded modem is the worse one, equal ones half; among equals it is mn/2 with a variance
 * of mn(m + n + 1)/12, less where values are equal: (U - mn/2)^2 >= z^2 times that, without fractions.
 */
static bool is_no_accident(const struct brake_values *before, const struct brake_values *upgraded)
{
	int64_t m = count(before), n = count(upgraded), twice = 0;

	for (int64_t i = 0; i < m; i++)
		for (int64_t k = 0; k < n; k++)
			twice += 2 * (upgraded->of[k] > before->of[i]) +
				 (upgraded->of[k] == before->of[i]);
	twice -= m * n;
	return twice > 0 && 3 * twice * twice >= DEVIATIONS * DEVIATIONS * m * n * (m + n + 1);
}

static bool is_far_off(uint64_t before, uint64_t upgraded, const struct brake_rules *rules,
	enum brake_figure figure)
{
	switch (figure) {
	case BRAKE_RETURN:
		return rules->return_percent > 0 &&
		       upgraded * 100 >= before * rules->return_percent;
	case BRAKE_SIGNAL:
		return rules->signal_db > 0 && upgraded >= before + rules->signal_db;
	case _BRAKE_MAX:
		break;
	}
	return false;
}

bool brake_judge(
	const struct brake *brake, const struct brake_rules *rules, enum brake_figure figure)
{
	const struct brake_values *values = brake->values[figure];
	unsigned after = rules->after > 0 ? rules->after : 1;
	uint64_t before, upgraded;

	if (count(&values[0]) < after || count(&values[1]) < after)
		return false;
	before = brake_median(brake, figure, false);
	before += before == 0; /* a ratio to nothing says nothing */
	upgraded = brake_median(brake, figure, true);
	return is_far_off(before, upgraded, rules, figure) && is_no_accident(&values[0], &values[1]);
}
