/* Windows on ordinary nights, and on those on which clocks change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/window.h"
#include "tests/unit/zone-fixture.h"

enum { MON = 1, TUE = 2, WED = 4, THU = 8, FRI = 16, SAT = 32, SUN = 64, ALL = WINDOW_EVERY_DAY };

#define AT(hour, minute) ((hour) * 60 + (minute))
#define NEVER            "never"
#define ALWAYS           "1970-01-01T00:00:00Z"

static usec_t instant(const char *text)
{
	usec_t t = USEC_INFINITY;

	if (strcmp(text, NEVER) != 0)
		assert_int_equal(civil_parse(text, &t), 0);
	return t;
}

static struct zone zone_of(const char *name)
{
	return strcmp(name, "Apia") == 0         ? APIA
	       : strcmp(name, "Casablanca") == 0 ? CASABLANCA
						 : zone_by_rule(name);
}

/* What is the opening that holds at `now`, or the next one? */
static void expect(const struct window *windows, size_t n, const char *now, const char *since, const char *until)
{
	usec_t at = instant(now), begin = instant(since), end = instant(until);
	struct window_opening got = { 1, 1 };
	char texts[3][CIVIL_FORMAT_MAX];
	int32_t offset = n > 0 ? zone_offset(windows[0].zone, at) : 0;

	if (begin == USEC_INFINITY) {
		assert_false(window_next(windows, n, at, 0, &got));
		assert_true(got.since == 1 && got.until == 1);
		assert_int_equal(window_next_opening(windows, n, at), USEC_INFINITY);
		assert_int_equal(window_closes(windows, n, at), at);
		assert_false(window_is_open(windows, n, at));
		return;
	}
	assert_true(window_next(windows, n, at, 0, &got));
	if (got.since != begin || got.until != end)
		fail_msg("%s: %s to %s", civil_format(texts[0], at, offset), civil_format(texts[1], got.since, offset),
			civil_format(texts[2], got.until, offset));
	assert_int_equal(window_is_open(windows, n, at), begin <= at);
	assert_int_equal(window_next_opening(windows, n, at), usec_max(begin, at));
	assert_int_equal(window_closes(windows, n, at), begin <= at ? end : at);
	/* The same until it is over. */
	for (usec_t later = at; end != USEC_INFINITY && later < end; later += (end - at) / 5 + 1) {
		assert_true(window_next(windows, n, later, 0, &got));
		assert_true(got.since == (later < begin + 7 * DAY ? begin : 0) && got.until == end);
	}
}

static const struct row {
	const char *zone;
	unsigned days, start, end;
	const char *now, *since, *until;
} rows[] = {
	/* ordinary nights */
	{ BERLIN, ALL, AT(1, 0), AT(4, 30), "2026-06-10T00:59:59+02:00", "2026-06-10T01:00:00+02:00", "2026-06-10T04:30:00+02:00" },
	{ BERLIN, ALL, AT(1, 0), AT(4, 30), "2026-06-10T01:00:00+02:00", "2026-06-10T01:00:00+02:00", "2026-06-10T04:30:00+02:00" },
	{ BERLIN, ALL, AT(1, 0), AT(4, 30), "2026-06-10T04:29:59.999999+02:00", "2026-06-10T01:00:00+02:00", "2026-06-10T04:30:00+02:00" },
	{ BERLIN, ALL, AT(1, 0), AT(4, 30), "2026-06-10T04:30:00+02:00", "2026-06-11T01:00:00+02:00", "2026-06-11T04:30:00+02:00" },
	{ BERLIN, MON, AT(1, 0), AT(4, 30), "2026-06-08T04:30:00+02:00", "2026-06-15T01:00:00+02:00", "2026-06-15T04:30:00+02:00" },
	{ BERLIN, MON | THU, AT(1, 0), AT(4, 30), "2026-06-08T04:30:00+02:00", "2026-06-11T01:00:00+02:00", "2026-06-11T04:30:00+02:00" },
	{ BERLIN, 0, AT(1, 0), AT(4, 30), "2026-06-08T04:30:00+02:00", NEVER, NEVER },
	{ UTC, SUN, AT(0, 0), WINDOW_DAY_END, "2026-06-08T04:30:00Z", "2026-06-14T00:00:00Z", "2026-06-15T00:00:00Z" },
	{ UTC, ALL, AT(0, 0), WINDOW_DAY_END, "2026-06-08T04:30:00Z", ALWAYS, NEVER },
	{ UTC, ALL, AT(8, 0), AT(8, 0), "2026-06-08T04:30:00Z", ALWAYS, NEVER },
	{ UTC, ALL, AT(0, 0), WINDOW_DAY_END, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", NEVER },
	{ NEW_YORK, THU, AT(0, 0), AT(1, 0), "1970-01-01T00:00:00Z", "1970-01-01T05:00:00Z", "1970-01-01T06:00:00Z" },
	{ UTC, ALL & ~SUN, AT(0, 0), WINDOW_DAY_END, "2026-06-08T04:30:00Z", "2026-06-08T00:00:00Z", "2026-06-14T00:00:00Z" },
	{ KATHMANDU, WED, AT(0, 0), AT(0, 1), "2026-06-08T00:00:00Z", "2026-06-09T18:15:00Z", "2026-06-09T18:16:00Z" },
	{ TEHRAN, SAT, AT(23, 59), WINDOW_DAY_END, "2026-06-08T00:00:00Z", "2026-06-13T20:29:00Z", "2026-06-13T20:30:00Z" },
	/* across midnight: the window is that of the day on which it opens */
	{ BERLIN, FRI, AT(22, 0), AT(4, 30), "2026-06-12T00:00:00+02:00", "2026-06-12T22:00:00+02:00", "2026-06-13T04:30:00+02:00" },
	{ BERLIN, FRI, AT(22, 0), AT(4, 30), "2026-06-13T04:29:59+02:00", "2026-06-12T22:00:00+02:00", "2026-06-13T04:30:00+02:00" },
	{ BERLIN, FRI, AT(22, 0), AT(4, 30), "2026-06-13T04:30:00+02:00", "2026-06-19T22:00:00+02:00", "2026-06-20T04:30:00+02:00" },
	{ BERLIN, SUN, AT(23, 59), AT(23, 58), "2026-06-15T12:00:00+02:00", "2026-06-14T23:59:00+02:00", "2026-06-15T23:58:00+02:00" },
	{ BERLIN, SUN, AT(22, 0), WINDOW_DAY_END, "2026-06-14T12:00:00+02:00", "2026-06-14T22:00:00+02:00", "2026-06-15T00:00:00+02:00" },
	{ BERLIN, SUN, AT(22, 0), AT(0, 0), "2026-06-14T12:00:00+02:00", "2026-06-14T22:00:00+02:00", "2026-06-15T00:00:00+02:00" },
	/* Berlin, 2026-03-29: 02:00 to 03:00 is skipped */
	{ BERLIN, SUN, AT(2, 30), AT(4, 30), "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:30:00+02:00" },
	{ BERLIN, SUN, AT(2, 0), AT(4, 30), "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:30:00+02:00" },
	{ BERLIN, SUN, AT(3, 0), AT(4, 30), "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:30:00+02:00" },
	{ BERLIN, SUN, AT(1, 0), AT(2, 30), "2026-03-28T12:00:00+01:00", "2026-03-29T01:00:00+01:00", "2026-03-29T02:00:00+01:00" },
	{ BERLIN, SUN, AT(1, 0), AT(4, 0), "2026-03-28T12:00:00+01:00", "2026-03-29T01:00:00+01:00", "2026-03-29T04:00:00+02:00" },
	{ BERLIN, SUN, AT(2, 10), AT(2, 50), "2026-03-28T12:00:00+01:00", "2026-04-05T02:10:00+02:00", "2026-04-05T02:50:00+02:00" },
	{ BERLIN, SAT, AT(22, 0), AT(2, 30), "2026-03-28T12:00:00+01:00", "2026-03-28T22:00:00+01:00", "2026-03-29T03:00:00+02:00" },
	{ BERLIN, SUN, AT(0, 0), WINDOW_DAY_END, "2026-03-28T12:00:00+01:00", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00" },
	/* Berlin, 2026-10-25: 02:00 to 03:00 comes twice */
	{ BERLIN, SUN, AT(2, 30), AT(4, 30), "2026-10-24T12:00:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T04:30:00+01:00" },
	{ BERLIN, SUN, AT(1, 0), AT(2, 30), "2026-10-24T12:00:00+02:00", "2026-10-25T01:00:00+02:00", "2026-10-25T02:30:00+02:00" },
	{ BERLIN, SUN, AT(1, 0), AT(2, 30), "2026-10-25T02:15:00+01:00", "2026-11-01T01:00:00+01:00", "2026-11-01T02:30:00+01:00" },
	{ BERLIN, SUN, AT(2, 10), AT(2, 50), "2026-10-25T02:20:00+01:00", "2026-11-01T02:10:00+01:00", "2026-11-01T02:50:00+01:00" },
	{ BERLIN, SUN, AT(2, 10), AT(2, 50), "2026-10-25T02:20:00+02:00", "2026-10-25T02:10:00+02:00", "2026-10-25T02:50:00+02:00" },
	{ BERLIN, SUN, AT(3, 0), AT(4, 0), "2026-10-25T02:59:00+02:00", "2026-10-25T03:00:00+01:00", "2026-10-25T04:00:00+01:00" },
	{ BERLIN, SAT, AT(22, 0), AT(2, 30), "2026-10-24T12:00:00+02:00", "2026-10-24T22:00:00+02:00", "2026-10-25T02:30:00+02:00" },
	{ BERLIN, SUN, AT(0, 0), WINDOW_DAY_END, "2026-10-24T12:00:00+02:00", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00" },
	/* New York: 2026-03-08, 2026-11-01 */
	{ NEW_YORK, SUN, AT(2, 30), AT(4, 0), "2026-03-07T12:00:00-05:00", "2026-03-08T03:00:00-04:00", "2026-03-08T04:00:00-04:00" },
	{ NEW_YORK, SUN, AT(1, 30), AT(4, 0), "2026-10-31T12:00:00-04:00", "2026-11-01T01:30:00-04:00", "2026-11-01T04:00:00-05:00" },
	{ NEW_YORK, SUN, AT(0, 0), AT(1, 30), "2026-11-01T01:15:00-05:00", "2026-11-08T00:00:00-05:00", "2026-11-08T01:30:00-05:00" },
	{ ST_JOHNS, SUN, AT(2, 30), AT(4, 0), "2026-03-07T12:00:00-03:30", "2026-03-08T03:00:00-02:30", "2026-03-08T04:00:00-02:30" },
	/* half an hour: Lord Howe, 2026-10-04 and 2026-04-05 */
	{ LORD_HOWE, SUN, AT(2, 15), AT(4, 0), "2026-10-03T12:00:00+10:30", "2026-10-04T02:30:00+11:00", "2026-10-04T04:00:00+11:00" },
	{ LORD_HOWE, SUN, AT(2, 30), AT(4, 0), "2026-10-03T12:00:00+10:30", "2026-10-04T02:30:00+11:00", "2026-10-04T04:00:00+11:00" },
	{ LORD_HOWE, SUN, AT(1, 45), AT(4, 0), "2026-04-04T12:00:00+11:00", "2026-04-05T01:45:00+11:00", "2026-04-05T04:00:00+10:30" },
	{ LORD_HOWE, SUN, AT(1, 0), AT(1, 45), "2026-04-05T01:40:00+10:30", "2026-04-12T01:00:00+10:30", "2026-04-12T01:45:00+10:30" },
	/* quarters: Chatham, 2026-09-27 02:45 */
	{ CHATHAM, SUN, AT(3, 0), AT(5, 0), "2026-09-26T12:00:00+12:45", "2026-09-27T03:45:00+13:45", "2026-09-27T05:00:00+13:45" },
	{ CHATHAM, SUN, AT(3, 0), AT(5, 0), "2026-04-04T12:00:00+13:45", "2026-04-05T03:00:00+13:45", "2026-04-05T05:00:00+12:45" },
	/* the change falls on the evening before: Nuuk, Saturday 2026-03-28 23:00 */
	{ GODTHAB, SAT, AT(23, 30), AT(2, 0), "2026-03-28T12:00:00-02:00", "2026-03-29T00:00:00-01:00", "2026-03-29T02:00:00-01:00" },
	{ GODTHAB, SAT, AT(23, 30), WINDOW_DAY_END, "2026-03-28T12:00:00-02:00", "2026-04-04T23:30:00-01:00", "2026-04-05T00:00:00-01:00" },
	/* a whole day is skipped: Apia, Friday 2011-12-30 */
	{ "Apia", FRI, AT(1, 0), AT(4, 30), "2011-12-29T12:00:00-10:00", "2012-01-06T01:00:00+14:00", "2012-01-06T04:30:00+14:00" },
	{ "Apia", FRI, AT(22, 0), AT(4, 0), "2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T04:00:00+14:00" },
	{ "Apia", THU, AT(22, 0), AT(4, 0), "2011-12-29T12:00:00-10:00", "2011-12-29T22:00:00-10:00", "2011-12-31T00:00:00+14:00" },
	{ "Apia", SAT, AT(0, 0), AT(4, 0), "2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T04:00:00+14:00" },
	{ "Apia", ALL, AT(1, 0), AT(4, 30), "2011-12-29T12:00:00-10:00", "2011-12-31T01:00:00+14:00", "2011-12-31T04:30:00+14:00" },
	/* an hour less in Ramadan: Casablanca, 2025-02-23 and 2025-04-06 */
	{ "Casablanca", SUN, AT(2, 30), AT(4, 0), "2025-02-22T12:00:00+01:00", "2025-02-23T02:30:00+01:00", "2025-02-23T04:00:00+00:00" },
	{ "Casablanca", SUN, AT(1, 0), AT(2, 30), "2025-02-23T02:15:00+00:00", "2025-03-02T01:00:00+00:00", "2025-03-02T02:30:00+00:00" },
	{ "Casablanca", SUN, AT(2, 30), AT(4, 0), "2025-04-05T12:00:00+00:00", "2025-04-06T03:00:00+01:00", "2025-04-06T04:00:00+01:00" },
};

static void test_nights(void **state)
{
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct row *row = &rows[i];
		struct zone zone = zone_of(row->zone);
		struct window window = { (uint8_t) row->days, (uint16_t) row->start, (uint16_t) row->end, &zone };

		expect(&window, 1, row->now, row->since, row->until);
	}
}

static void test_none(void **state)
{
	(void) state;

	expect(NULL, 0, "2026-06-08T04:30:00Z", ALWAYS, NEVER);
}

/* What overlaps or touches is one opening, also when zones differ. */
static void test_sets(void **state)
{
	struct zone berlin = zone_by_rule(BERLIN), utc = zone_utc;
	struct window night[] = {
		{ ALL, AT(22, 0), WINDOW_DAY_END, &berlin },
		{ ALL, AT(0, 0), AT(4, 0), &berlin },
	};
	struct window overlapping[] = {
		{ TUE, AT(3, 0), AT(5, 0), &berlin },
		{ TUE, AT(1, 0), AT(4, 0), &berlin },
		{ TUE, AT(1, 30), AT(2, 0), &berlin },
		{ TUE, AT(4, 0), AT(4, 30), &utc },
	};
	struct window around[] = {
		{ ALL, AT(1, 0), AT(13, 0), &berlin },
		{ ALL, AT(13, 0), AT(1, 0), &berlin },
	};
	struct window in_the_gap[] = {
		{ SUN, AT(1, 0), AT(2, 15), &berlin },
		{ SUN, AT(2, 45), AT(4, 0), &berlin },
	};
	struct window but_the_gap = { SUN, AT(3, 0), AT(2, 0), &berlin };
	struct window weekdays = { ALL & ~SUN, AT(0, 0), WINDOW_DAY_END, &berlin };
	struct window nearly_always[] = { but_the_gap, weekdays, { SUN, AT(0, 0), AT(2, 0), &berlin } };
	(void) state;

	/* the only closed hour of the week is skipped */
	expect(nearly_always, 3, "2026-03-20T12:00:00+01:00", "2026-03-15T03:00:00+01:00", "2026-03-22T02:00:00+01:00");
	expect(nearly_always, 3, "2026-03-22T02:00:00+01:00", "2026-03-22T03:00:00+01:00", "2026-04-05T02:00:00+02:00");
	expect(nearly_always, 3, "2026-04-02T12:00:00+02:00", ALWAYS, "2026-04-05T02:00:00+02:00");
	expect(night, 2, "2026-06-08T12:00:00+02:00", "2026-06-08T22:00:00+02:00", "2026-06-09T04:00:00+02:00");
	expect(night, 2, "2026-06-09T03:59:59+02:00", "2026-06-08T22:00:00+02:00", "2026-06-09T04:00:00+02:00");
	expect(overlapping, 4, "2026-06-08T12:00:00+02:00", "2026-06-09T01:00:00+02:00", "2026-06-09T05:00:00+02:00");
	expect(overlapping, 4, "2026-06-09T05:00:00+02:00", "2026-06-09T06:00:00+02:00", "2026-06-09T06:30:00+02:00");
	expect(around, 2, "2026-03-29T12:00:00+02:00", ALWAYS, NEVER);
	expect(in_the_gap, 2, "2026-03-28T12:00:00+01:00", "2026-03-29T01:00:00+01:00", "2026-03-29T04:00:00+02:00");
	expect(in_the_gap, 2, "2026-10-24T12:00:00+02:00", "2026-10-25T01:00:00+02:00", "2026-10-25T02:15:00+02:00");
	expect(in_the_gap, 2, "2026-10-25T02:30:00+02:00", "2026-10-25T02:45:00+02:00", "2026-10-25T04:00:00+01:00");
}

/* The first opening that has so much left. */
static void test_length(void **state)
{
	struct zone zone = zone_by_rule(BERLIN);
	struct window windows[] = {
		{ MON, AT(1, 0), AT(2, 0), &zone },
		{ WED, AT(1, 0), AT(4, 0), &zone },
		{ SUN, AT(2, 0), AT(4, 0), &zone },
	};
	static const struct {
		const char *now;
		usec_t length;
		const char *since;
	} table[] = {
		{ "2026-06-08T00:00:00+02:00", HOUR, "2026-06-08T01:00:00+02:00" },
		{ "2026-06-08T00:00:00+02:00", HOUR + 1, "2026-06-10T01:00:00+02:00" },
		{ "2026-06-08T01:00:00+02:00", HOUR, "2026-06-08T01:00:00+02:00" },
		{ "2026-06-08T01:00:00.000001+02:00", HOUR, "2026-06-10T01:00:00+02:00" },
		{ "2026-06-10T02:00:00+02:00", 2 * HOUR, "2026-06-10T01:00:00+02:00" },
		{ "2026-06-10T02:00:01+02:00", 2 * HOUR, "2026-06-14T02:00:00+02:00" },
		{ "2026-06-10T02:00:01+02:00", 3 * HOUR, "2026-06-17T01:00:00+02:00" },
		/* the Sunday of the gap is an hour shorter */
		{ "2026-03-26T00:00:00+01:00", 2 * HOUR, "2026-04-01T01:00:00+02:00" },
		/* the Sunday of the fold an hour longer */
		{ "2026-10-22T00:00:00+02:00", 3 * HOUR, "2026-10-25T02:00:00+02:00" },
	};
	struct window_opening got = { 1, 1 };
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		assert_true(window_next(windows, 3, instant(table[i].now), table[i].length, &got));
		assert_int_equal(got.since, instant(table[i].since));
	}
	assert_false(window_next(windows, 3, instant("2026-06-10T02:00:01+02:00"), 3 * HOUR + 1, &got));
	assert_true(window_next(NULL, 0, instant("2026-06-10T02:00:01+02:00"), 1000 * DAY, &got));
}

/* Far away nothing breaks. */
static void test_far(void **state)
{
	struct zone zone = zone_by_rule(NEW_YORK);
	struct window window = { FRI, AT(22, 0), AT(4, 30), &zone };
	struct window_opening got;
	usec_t now = instant("9999-12-31T23:59:59Z");
	(void) state;

	assert_true(window_next(&window, 1, now, 0, &got));
	assert_int_equal(got.until - got.since, 6 * HOUR + 30 * MINUTE);
	assert_int_equal(window_next_opening(&window, 1, USEC_INFINITY), USEC_INFINITY);
	assert_int_equal(window_closes(&window, 1, USEC_INFINITY), USEC_INFINITY);
	(void) window_is_open(&window, 1, USEC_INFINITY - 1);
	(void) window_is_open(&window, 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nights),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_far),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
