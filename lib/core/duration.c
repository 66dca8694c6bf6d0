#include "core/duration.h"

/* They are few, and nearly in any order. */
static void sort(usec_t *values, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		usec_t value = values[i];
		size_t k = i;

		for (; k > 0 && values[k - 1] > value; k--)
			values[k] = values[k - 1];
		values[k] = value;
	}
}

struct duration duration_expect(usec_t *earlier, size_t n, usec_t longest)
{
	/* Time-outs are generous: nearly all that goes well takes a small part of them. */
	if (n < DURATION_ENOUGH)
		return (struct duration){
			.quick = longest / 10, .usual = longest / 4, .slow = longest
		};
	sort(earlier, n);
	return (struct duration){
		.quick = usec_min(earlier[(n - 1) / 10], longest),
		.usual = usec_min(earlier[(n - 1) / 2], longest),
		.slow = usec_min(earlier[n - 1 - (n - 1) / 10], longest),
		.learned = true,
	};
}
