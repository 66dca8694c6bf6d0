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
