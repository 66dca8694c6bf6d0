/* Time zones: the rule of a footer, the bytes of a file, and what the clocks show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>

#include <cmocka.h>

#include "base/macros.h"
#include "tests/unit/zone-fixture.h"

static int64_t second(const char *text)
{
	usec_t t = 0;

	assert_int_equal(civil_parse(text, &t), 0);
	return (int64_t) (t / SEC);
}

static void test_rules(void **state)
{
	static const struct {
		const char *rule, *at;
		int32_t offset;
		const char *begin, *end; /* NULL: without */
	} rows[] = {
		{ UTC, "2026-06-01T00:00:00Z", 0, NULL, NULL },
		{ KATHMANDU, "2026-06-01T00:00:00Z", 20700, NULL, NULL },
		{ BERLIN, "2026-03-29T00:59:59Z", 3600, "2025-10-26T01:00:00Z", "2026-03-29T01:00:00Z" },
		{ BERLIN, "2026-03-29T01:00:00Z", 7200, "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z" },
		{ BERLIN, "2026-12-31T23:59:59Z", 3600, "2026-10-25T01:00:00Z", "2027-03-28T01:00:00Z" },
		{ NEW_YORK, "2026-07-01T00:00:00Z", -14400, "2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z" },
		{ LORD_HOWE, "2026-01-01T00:00:00Z", 39600, "2025-10-04T15:30:00Z", "2026-04-04T15:00:00Z" },
		{ CHATHAM, "2026-06-01T00:00:00Z", 45900, "2026-04-04T14:00:00Z", "2026-09-26T14:00:00Z" },
		{ GODTHAB, "2026-06-01T00:00:00Z", -3600, "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z" },
		/* negative: standard time is the one of summer */
		{ "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-06-01T00:00:00Z", 3600, "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z" },
		{ "EET-2EEST,M3.4.4/50,M10.4.4/50", "2026-06-01T00:00:00Z", 10800, "2026-03-28T00:00:00Z", "2026-10-23T23:00:00Z" },
		{ "AAA0BBB,J60/0,J300/0", "2024-06-01T00:00:00Z", 3600, "2024-03-01T00:00:00Z", "2024-10-26T23:00:00Z" },
		{ "AAA0BBB,J59/0,J300/0", "2024-06-01T00:00:00Z", 3600, "2024-02-28T00:00:00Z", "2024-10-26T23:00:00Z" },
		{ "AAA0BBB,59/0,300/0", "2024-06-01T00:00:00Z", 3600, "2024-02-29T00:00:00Z", "2024-10-26T23:00:00Z" },
		{ "AAA0BBB,59/0,300/0", "2025-06-01T00:00:00Z", 3600, "2025-03-01T00:00:00Z", "2025-10-27T23:00:00Z" },
		{ "AAA0BBB,M2.5.0/0,M12.4.3/0", "2026-06-01T00:00:00Z", 3600, "2026-02-22T00:00:00Z", "2026-12-22T23:00:00Z" },
		/* summer all the year (RFC 9636, 3.3.1) */
		{ "XXX3EDT4,0/0,J365/23", "2026-01-01T12:00:00Z", -14400, "2026-01-01T03:00:00Z", "2027-01-01T03:00:00Z" },
		{ "XXX3EDT4,0/0,J365/23", "2025-12-31T23:59:59Z", -14400, "2025-01-01T03:00:00Z", "2026-01-01T03:00:00Z" },
		/* a change that reaches into the year after */
		{ "AAA0BBB,M6.1.0,M12.5.0/167", "2027-01-02T00:00:00Z", 3600, "2026-06-07T02:00:00Z", "2027-01-02T22:00:00Z" },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct zone zone = zone_by_rule(rows[i].rule);
		struct zone_span span;

		zone_span(&zone, second(rows[i].at), &span);
		if (span.offset != rows[i].offset ||
			span.begin != (rows[i].begin ? second(rows[i].begin) : INT64_MIN) ||
			span.end != (rows[i].end ? second(rows[i].end) : INT64_MAX))
			fail_msg("%s at %s: %d from %lld to %lld", rows[i].rule, rows[i].at, (int) span.offset,
				(long long) span.begin, (long long) span.end);
		assert_int_equal(zone_offset(&zone, (usec_t) second(rows[i].at) * SEC + SEC - 1), span.offset);
	}
}

static void test_bad_rules(void **state)
{
	static const char *const rows[] = {
		"", "C", "CE-1", "<CET-1", "<C.T>-1", "CET", "CET-", "CET-26", "CET26", "CET-1:60", "CET-1:0:60",
		"CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,", "CET-1CEST,M3.5.0,M10.5.0/", "CET-1CE,M3.5.0,M10.5.0",
		"CET-1CEST-25:59:59,M3.5.0,M10.5.0x", "CET-1CEST-26,M3.5.0,M10.5.0", "CET-25CEST,M3.5.0,M10.5.0",
		"CET-1CEST,M0.5.0,M10.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,M3.5,M10.5.0", "CET-1CEST,M3.5.0/168,M10.5.0", "CET-1CEST,J0,M10.5.0",
		"CET-1CEST,J366,M10.5.0", "CET-1CEST,366,M10.5.0", "CET-1CEST,-1,M10.5.0", "CET-1CEST;M3.5.0;M10.5.0", " CET-1",
		"CET-1 ", "CET-99999999999999999999",
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct zone_rule rule = { .standard = 7 };

		if (zone_rule_parse(rows[i], &rule) != -EBADMSG || rule.standard != 7)
			fail_msg("\"%s\" is taken", rows[i]);
	}
}

/* ---- files ---- */

struct file {
	uint8_t data[1024];
	size_t size;
};

static void put(struct file *f, uint64_t n, size_t bytes)
{
	while (bytes-- > 0)
		f->data[f->size++] = (uint8_t) (bytes < 8 ? n >> 8 * bytes : 0);
}

static void put_text(struct file *f, const char *text)
{
	memcpy(f->data + f->size, text, strlen(text));
	f->size += strlen(text);
}

struct change {
	int64_t at;
	unsigned type;
};

struct plan {
	char version;
	int32_t offsets[3];
	unsigned n_types;
	struct change changes[4];
	unsigned n_changes;
	unsigned n_leaps;
	const char *footer;
};

static void put_header(struct file *f, const struct plan *p, bool empty)
{
	put_text(f, "TZif");
	put(f, (uint8_t) p->version, 1);
	put(f, 0, 8);
	put(f, 0, 7);
	put(f, empty ? 1 : 0, 4);
	put(f, 0, 4);
	put(f, empty ? 0 : p->n_leaps, 4);
	put(f, empty ? 0 : p->n_changes, 4);
	put(f, empty ? 1 : p->n_types, 4);
	put(f, empty ? 1 : 4, 4);
}

static void make(struct file *f, const struct plan *p)
{
	f->size = 0;
	put_header(f, p, true);
	put(f, 0, 6 + 1 + 1);
	put_header(f, p, false);
	for (unsigned i = 0; i < p->n_changes; i++)
		put(f, (uint64_t) p->changes[i].at, 8);
	for (unsigned i = 0; i < p->n_changes; i++)
		put(f, p->changes[i].type, 1);
	for (unsigned i = 0; i < p->n_types; i++) {
		put(f, (uint32_t) p->offsets[i], 4);
		put(f, 0, 2);
	}
	put_text(f, "ABC");
	put(f, 0, 1);
	for (unsigned i = 0; i < p->n_leaps; i++)
		put(f, 0, 12);
	put_text(f, "\n");
	put_text(f, p->footer);
	put_text(f, "\n");
}

static const struct plan sound = {
	.version = '2',
	.offsets = { 1000, 3600, 7200 },
	.n_types = 3,
	.changes = { { -500, 1 }, { 100, 2 }, { 200, 2 }, { 300, 1 } },
	.n_changes = 4,
	.footer = "AAA-1",
};

static int parse(const struct plan *plan, int64_t since, size_t max, struct zone *ret)
{
	static struct zone_change memory[ZONE_CHANGES_MAX];
	struct file f;

	make(&f, plan);
	return zone_parse(f.data, f.size, since, memory, max, ret);
}

static void test_parse(void **state)
{
	struct zone zone;
	(void) state;

	assert_int_equal(parse(&sound, INT64_MIN, 8, &zone), 0);
	assert_int_equal(zone.first, 1000);
	assert_int_equal(zone.n_changes, 3); /* one changed nothing */
	assert_int_equal(zone.changes[0].at, -500);
	assert_int_equal(zone.changes[1].at, 100);
	assert_int_equal(zone.changes[2].at, 300);
	assert_int_equal(zone.changes[2].offset, 3600);
	assert_true(zone.has_rule);
	assert_int_equal(zone.rule_from, 300);

	assert_int_equal(parse(&sound, 101, 1, &zone), 0);
	assert_int_equal(zone.first, 7200);
	assert_int_equal(zone.n_changes, 1);
	assert_int_equal(parse(&sound, 301, 0, &zone), 0);
	assert_int_equal(zone.first, 3600);
	assert_int_equal(zone.n_changes, 0);
	assert_int_equal(parse(&sound, INT64_MIN, 2, &zone), -EMSGSIZE);
	assert_int_equal(zone.n_changes, 0);
}

static void test_spans(void **state)
{
	struct plan without = sound;
	struct zone_span span;
	struct zone zone;
	(void) state;

	assert_int_equal(parse(&sound, INT64_MIN, 8, &zone), 0);
	zone_span(&zone, -501, &span);
	assert_true(span.offset == 1000 && span.begin == INT64_MIN && span.end == -500);
	zone_span(&zone, -500, &span);
	assert_true(span.offset == 3600 && span.begin == -500 && span.end == 100);
	zone_span(&zone, 299, &span);
	assert_true(span.offset == 7200 && span.begin == 100 && span.end == 300);
	zone_span(&zone, 300, &span);
	assert_true(span.offset == 3600 && span.begin == 300 && span.end == INT64_MAX);

	without.footer = "";
	assert_int_equal(parse(&without, INT64_MIN, 8, &zone), 0);
	assert_false(zone.has_rule);
	zone_span(&zone, 1000000, &span);
	assert_true(span.offset == 3600 && span.begin == 300 && span.end == INT64_MAX);

	/* without any change the rule holds always */
	without.n_changes = 0;
	without.footer = BERLIN;
	assert_int_equal(parse(&without, INT64_MIN, 8, &zone), 0);
	assert_int_equal(zone_offset(&zone, 0), 3600);
}

static void test_first(void **state)
{
	struct zone berlin = zone_by_rule(BERLIN), apia = APIA;
	int64_t gap = second("2026-03-29T02:00:00Z"), fold = second("2026-10-25T02:00:00Z");
	(void) state;

	assert_int_equal(zone_first(&berlin, gap - 1), gap - 1 - 3600);
	assert_int_equal(zone_first(&berlin, gap), gap - 3600);
	assert_int_equal(zone_first(&berlin, gap + 3599), gap - 3600);
	assert_int_equal(zone_first(&berlin, gap + 3600), gap - 3600);
	assert_int_equal(zone_first(&berlin, gap + 3601), gap - 3599);
	assert_int_equal(zone_first(&berlin, fold - 1), fold - 1 - 7200);
	assert_int_equal(zone_first(&berlin, fold), fold - 7200);
	assert_int_equal(zone_first(&berlin, fold + 3599), fold + 3599 - 7200);
	assert_int_equal(zone_first(&berlin, fold + 3600), fold + 3600 - 3600);
	assert_int_equal(zone_first(&apia, second("2011-12-30T00:00:00Z")), APIA_JUMP);
	assert_int_equal(zone_first(&apia, second("2011-12-30T23:59:59Z")), APIA_JUMP);
	assert_int_equal(zone_first(&apia, second("2011-12-31T00:00:01Z")), APIA_JUMP + 1);
	assert_int_equal(zone_first(&zone_utc, -5), -5);
}

static void test_damaged(void **state)
{
	struct plan p;
	struct zone zone = { .first = 7 };
	struct zone_change memory[8];
	struct file f;
	(void) state;

#define BAD(change, error) \
	p = sound; \
	change; \
	assert_int_equal(parse(&p, INT64_MIN, 8, &zone), error)
	BAD(p.version = 0, -EOPNOTSUPP);
	BAD(p.version = '1', -EOPNOTSUPP);
	BAD(p.version = '4', 0);
	zone = (struct zone){ .first = 7 };
	BAD(p.n_leaps = 1, -EOPNOTSUPP);
	BAD(p.n_types = 0, -EBADMSG);
	BAD(p.changes[1].type = 3, -EBADMSG);
	BAD(p.changes[1].at = -500, -EBADMSG);
	BAD(p.offsets[1] = ZONE_OFFSET_MAX, -EBADMSG);
	BAD(p.offsets[1] = -ZONE_OFFSET_MAX, -EBADMSG);
	BAD(p.offsets[0] = INT32_MIN, -EBADMSG);
	BAD(p.footer = "nonsense", -EBADMSG);
	BAD(p.footer = "<" BERLIN BERLIN BERLIN BERLIN BERLIN BERLIN ">0", -EBADMSG);
#undef BAD

	make(&f, &sound);
	for (size_t n = 0; n < f.size; n++)
		assert_int_equal(zone_parse(f.data, n, INT64_MIN, memory, 8, &zone), -EBADMSG);
	for (size_t i = 20; i < 44; i += 4) { /* each count, of either block, as large as can be */
		make(&f, &sound);
		memset(f.data + i, 0xff, 4);
		assert_true(zone_parse(f.data, f.size, INT64_MIN, memory, 8, &zone) < 0);
		make(&f, &sound);
		memset(f.data + 52 + i, 0xff, 4);
		assert_true(zone_parse(f.data, f.size, INT64_MIN, memory, 8, &zone) < 0);
	}
	assert_int_equal(zone_parse("TZif", 4, 0, memory, 8, &zone), -EBADMSG);
	assert_int_equal(zone.first, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_bad_rules),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
