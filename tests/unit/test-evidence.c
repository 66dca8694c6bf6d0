/* What proves a verdict: collected, said, and brought back from the store. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/evidence.h"
#include "core/upgrade.h"

static struct evidence collect(void)
{
	struct evidence e;

	evidence_begin(&e, "1.28", 100 * SEC);
	evidence_phase(&e, PHASE_PREPARING, 108 * SEC);
	evidence_start(&e, 108 * SEC);
	evidence_report(&e, -1, 110 * SEC);
	evidence_report(&e, 0, 111 * SEC);
	evidence_report(&e, 37, 131 * SEC);
	evidence_report(&e, 100, 140 * SEC);
	evidence_phase(&e, PHASE_DOWNLOADING, 141 * SEC);
	evidence_event(&e, &e.lost, 150 * SEC);
	evidence_event(&e, &e.returned, 165 * SEC);
	evidence_phase(&e, PHASE_INSTALLING, 165 * SEC);
	evidence_event(&e, &e.booted, 166 * SEC);
	evidence_read(&e, "1.28", 60 * SEC, 1);
	evidence_read(&e, "1.29", 70 * SEC, 1);
	evidence_read(&e, "1.29", 100 * SEC, 0);
	evidence_end(&e, PHASE_VERIFYING, -1, 180 * SEC);
	return e;
}

static void test_collect(void **state)
{
	struct evidence e = collect();
	(void) state;

	assert_string_equal(e.before, "1.28");
	assert_string_equal(e.after, "1.29");
	assert_int_equal(e.reports, 4);
	assert_int_equal(e.first_percent, 0);
	assert_int_equal(e.last_percent, 100);
	assert_int_equal(
		e.silence, 20 * SEC); /* 111 to 131; what came before the start counts not */
	assert_int_equal(e.reads, 3);
	assert_int_equal(e.first_read, 70 * SEC);
	assert_int_equal(e.last_read, 100 * SEC);
	assert_int_equal(e.phases[PHASE_PREPARING], 8 * SEC);
	assert_int_equal(e.phases[PHASE_DOWNLOADING], 33 * SEC);
	assert_int_equal(e.phases[PHASE_INSTALLING], 24 * SEC);
	assert_int_equal(e.phases[PHASE_VERIFYING], 15 * SEC);
	/* The silence that leads to a verdict counts as well. */
	evidence_end(&e, PHASE_VERIFYING, -1, 300 * SEC);
	assert_int_equal(e.silence, 120 * SEC);
	/* A port event between two reads takes the first one's proof away. */
	evidence_read(&e, "1.29", 400 * SEC, 1);
	assert_int_equal(e.first_read, 400 * SEC);
}

static void test_text(void **state)
{
	struct evidence e = collect();
	char text[EVIDENCE_TEXT_MAX];
	(void) state;

	assert_string_equal(evidence_text(&e, text),
		"before 1.28, after 1.29 (read 1min 10s and 1min 40s after the start); 4 reports "
		"(0 to 100 %), longest silence 20s; port lost 1, back 1, boot text 1; preparing "
		"8s, "
		"downloading 33s, installing 24s, verifying 15s");
	evidence_begin(&e, "1.28", 0);
	evidence_resume(&e, 5 * SEC);
	evidence_end(&e, PHASE_VERIFYING, 107, 6 * SEC);
	assert_string_equal(evidence_text(&e, text),
		"before 1.28, no version read since; 0 reports, longest silence 1s; +CME ERROR: "
		"107; "
		"verifying 1s; fotad was restarted meanwhile: 1");
	/* The longest that can be is not cut. */
	memset(&e, 0x7f, sizeof(e));
	memset(e.before, 'x', sizeof(e.before) - 1);
	memset(e.after, 'y', sizeof(e.after) - 1);
	e.before[sizeof(e.before) - 1] = e.after[sizeof(e.after) - 1] = '\0';
	assert_in_range(strlen(evidence_text(&e, text)), 300, EVIDENCE_TEXT_MAX - 2);
}

static void test_codec(void **state)
{
	struct evidence e = collect(), back, kept;
	char text[EVIDENCE_ENCODED_MAX];
	static const char *const bad[] = { "reports", "reports=-1", "reports=x",
		"silence=99999999999999999999", "cme=9999999999", "reports=4294967296",
		"lost=", "x", "reports =1",
		"before=0123456789012345678901234567890123456789012345678901234567890123456789" };
	(void) state;

	assert_int_equal(evidence_decode(evidence_encode(&e, text), &back), 0);
	e.since = e.heard = 0; /* of this boot: not kept */
	assert_memory_equal(e.phases, back.phases, sizeof(e.phases));
	assert_string_equal(evidence_encode(&back, text), evidence_encode(&e, text));
	assert_int_equal(back.first_percent, 0);
	assert_int_equal(back.cme, -1);
	assert_int_equal(evidence_decode("", &back), 0);
	assert_int_equal(back.first_percent, -1);
	assert_int_equal(evidence_decode("of-tomorrow=7 reports=3", &back), 0);
	assert_int_equal(back.reports, 3);
	memset(&kept, 0x55, sizeof(kept));
	back = kept;
	for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
		assert_int_equal(evidence_decode(bad[i], &back), -EINVAL);
		assert_memory_equal(&back, &kept, sizeof(back));
	}
	memset(&e, 0x7f, sizeof(e));
	memset(e.before, 'x', sizeof(e.before) - 1);
	memset(e.after, 'y', sizeof(e.after) - 1);
	e.before[sizeof(e.before) - 1] = e.after[sizeof(e.after) - 1] = '\0';
	assert_int_equal(evidence_decode(evidence_encode(&e, text), &back), 0);
	assert_int_equal(back.last_read, e.last_read);
}

static void test_rest(void **state)
{
	struct evidence e;
	(void) state;

	evidence_begin(&e, "1.28", 100 * SEC);
	evidence_phase(&e, PHASE_PREPARING, 100 * SEC);
	assert_int_equal(evidence_rest(&e, 100 * SEC), 0); /* nothing is known */
	evidence_report(&e, 10, 101 * SEC);
	assert_int_equal(evidence_rest(&e, 101 * SEC), 125 * MSEC); /* one report is no pace */
	evidence_report(&e, 10, 102 * SEC);
	assert_int_equal(evidence_rest(&e, 105 * SEC), 625 * MSEC);
	evidence_report(&e, 20, 110 * SEC);
	assert_int_equal(evidence_rest(&e, 110 * SEC), 72 * SEC); /* 10 in the 9 s since the first */
	assert_int_equal(evidence_rest(&e, 150 * SEC), 72 * SEC);
	evidence_resume(&e, 150 * SEC);
	evidence_report(&e, 30, 151 * SEC);
	assert_int_equal(evidence_rest(&e, 151 * SEC), 3500 * MSEC); /* another life has not seen the pace: rather too fast */
	evidence_report(&e, 100, 190 * SEC);
	assert_int_equal(evidence_rest(&e, 191 * SEC), 0);

	/* Reports that come together are no pace, either. */
	evidence_begin(&e, "1.28", 100 * SEC);
	evidence_report(&e, 1, 101 * SEC);
	evidence_report(&e, 40, 101 * SEC);
	assert_int_equal(evidence_rest(&e, 101 * SEC), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_collect),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_codec),
		cmocka_unit_test(test_rest),
	};

	return cmocka_run_group_tests_name("core/evidence", tests, NULL, NULL);
}
