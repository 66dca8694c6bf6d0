/*
 * fuzz-zone - whatever stands in a zone file: it is refused, or it is a zone whose clocks can be read at any time, whose
 * spans follow each other, and in which every local time is shown at last.
 *
 * Input: the file, as it is.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHANGES 256 /* fewer than a file may have */

static void expect_spans(const struct zone *zone, int64_t at)
{
	for (int i = 0; i < 20; i++) {
		struct zone_span span, again;

		zone_span(zone, at, &span);
		assert(span.begin <= at && at < span.end);
		assert(span.offset > -ZONE_OFFSET_MAX && span.offset < ZONE_OFFSET_MAX);
		zone_span(zone, span.end == INT64_MAX ? at : span.end - 1, &again);
		assert(again.begin == span.begin && again.end == span.end && again.offset == span.offset);
		if (span.end > at + 400 * INT64_C(86400))
			return;
		at = span.end;
	}
}

static void expect_first(const struct zone *zone, int64_t local)
{
	int64_t first = zone_first(zone, local);
	struct zone_span span;

	zone_span(zone, first, &span);
	assert(first + span.offset >= local && first > local - ZONE_OFFSET_MAX && first < local + ZONE_OFFSET_MAX);
	assert(zone_first(zone, local + 1800) >= first);
	/* A second before it was not shown yet. */
	zone_span(zone, first - 1, &span);
	assert(first - 1 + span.offset < local);
}

static void expect_windows(const struct zone *zone, usec_t now)
{
	const struct window windows[] = {
		{ 0x1f, 60, 270, zone },
		{ 0x60, 1320, 300, zone },
		{ WINDOW_EVERY_DAY, 0, WINDOW_DAY_END, &zone_utc },
	};

	for (size_t n = 1; n <= 3; n++) {
		struct window_opening opening;

		if (!window_next(windows, n, now, HOUR, &opening))
			continue;
		assert(opening.since < opening.until && opening.until > now);
		assert(opening.until - usec_max(opening.since, now) >= HOUR);
		assert(window_is_open(windows, n, usec_max(opening.since, now)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zone_change memory[CHANGES];
	struct zone zone = { .first = 7 };
	int r = zone_parse(data, size, INT64_MIN, memory, CHANGES, &zone);

	if (r < 0) {
		assert(r == -EBADMSG || r == -EOPNOTSUPP || r == -EMSGSIZE);
		assert(zone.first == 7 && !zone.changes);
		return 0;
	}
	assert(zone.n_changes <= CHANGES);
	for (size_t i = 1; i < zone.n_changes; i++)
		assert(zone.changes[i].at > zone.changes[i - 1].at);
	for (int64_t at = -40000; at < 5000000000; at += 333333333) {
		expect_spans(&zone, at);
		expect_first(&zone, at);
	}
	for (usec_t now = 0; now < UINT64_C(5000000000) * SEC; now += UINT64_C(777777777) * SEC)
		expect_windows(&zone, now);
	expect_windows(&zone, USEC_INFINITY - 1);
	return 0;
}
