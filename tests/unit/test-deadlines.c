/* The heap of deadlines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/deadlines.h"

/* The heap against a search of all, over a long random life. */
static void test_heap(void **state UNUSED)
{
	struct deadlines heap = { 0 };
	struct deadline deadlines[200] = { 0 };
	uint32_t seed = 1;

	for (unsigned step = 0; step < 50000; step++) {
		usec_t earliest = USEC_INFINITY;
		struct deadline *d;

		seed = seed * 1664525 + 1013904223;
		d = &deadlines[(seed >> 8) % ELEMENTSOF(deadlines)];
		if (seed >> 29 == 0 && heap.first)
			deadlines_set(&heap, heap.first, USEC_INFINITY);
		else
			deadlines_set(&heap, d, seed >> 29 < 3 ? USEC_INFINITY : seed % 1000);
		for (size_t i = 0; i < ELEMENTSOF(deadlines); i++)
			if (deadlines[i].queued && deadlines[i].at < earliest)
				earliest = deadlines[i].at;
		if (earliest == USEC_INFINITY)
			assert_null(heap.first);
		else {
			assert_non_null(heap.first);
			assert_true(heap.first->queued && heap.first->at == earliest);
		}
	}
	for (size_t i = 0; i < ELEMENTSOF(deadlines); i++)
		deadlines_set(&heap, &deadlines[i], USEC_INFINITY);
	assert_null(heap.first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heap),
	};

	return cmocka_run_group_tests_name("deadlines", tests, NULL, NULL);
}
