/* The irreversible line, and listening to what comes of it (conduct 4, 5, 8). */
#include "tests/unit/upgrade-rig.h"

/* conduct 5: only an ERROR to that very line takes it back */
static void test_error(void **state)
{
	static const struct {
		const char *answer;
		int cme;
		usec_t late;
	} rows[] = {
		{ "ERROR", AT_ERROR_NONE, 0 }, { "+CME ERROR: 50", 50, 0 },
		{ "+CME ERROR: 100", 100, 119 * SEC }, /* conduct 4: late, and still this line's */
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;

		rig_begin(&rig, "NL668");
		rig_answer(&rig, "AT+GTOTA=0*", rows[i].late ? "" : rows[i].answer);
		rig_started(&rig);
		if (rows[i].late) {
			rig_pass(&rig, rows[i].late);
			rig_wire(&rig, "");
			rig_hear(&rig, rows[i].answer);
		} else {
			/* rig_started() has emptied the log */
			assert_int_equal(rig.last.type, NOTICE_IDENTIFIED);
		}
		assert_false(upgrade_past_no_return(&rig.d.upgrade));
		assert_false(rig.durable.start_durable);
		assert_false(rig.durable.end_open);
		assert_int_equal(rig.durable.attempt, 1); /* spent */
		assert_int_equal(upgrade_next_start(&rig.d.upgrade), 0);
		assert_int_equal(rig.d.upgrade.cme, rows[i].cme);
		assert_true(upgrade_is_holding(&rig.d.upgrade));
		assert_string_equal(rig.durable.from, OLD);
	}
}

/* ... and the end of somebody's call is none: what follows may be a download. */
static void test_no_carrier(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+GTOTA=0*", "NO CARRIER");
	rig_started(&rig);
	assert_true(upgrade_past_no_return(&rig.d.upgrade));
	rig_hear(&rig, "GTOTA DOWNLOAD START");
	assert_string_equal(rig_step(&rig), "download");
	rig_hear(&rig, "NO CARRIER");
	assert_true(upgrade_past_no_return(&rig.d.upgrade));
}

/* conduct 4: the line's time-out starts no resynchronisation; all that comes still belongs to it */
static void test_late(void **state)
{
	struct rig rig;
	(void) state;

	/* a late OK */
	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+GTOTA=0*", "");
	rig_started(&rig);
	rig_pass(&rig, 2 * MINUTE - 1);
	rig_wire(&rig, "");
	rig_hear(&rig, "OK");
	assert_string_equal(rig_step(&rig), "download");
	rig_pass(&rig, 5 * MINUTE - 1);
	rig_wire(&rig, "");
	rig_pass(&rig, 1); /* `stall` after it */
	rig_wire(&rig, "AT|");

	/* a report before the OK; an error after a report says nothing any more */
	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+GTOTA=0*", "GTOTA DOWNLOAD START");
	rig_started(&rig);
	assert_string_equal(rig_step(&rig), "download");
	rig_hear(&rig, "ERROR");
	assert_true(upgrade_past_no_return(&rig.d.upgrade));
	assert_string_equal(rig_step(&rig), "download");
	rig_hear(&rig, "GTOTA DOWNLOADING: 5%");
	rig_notices(&rig, "5%|");

	/* a late OK while it downloads */
	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+GTOTA=0*", "GTOTA DOWNLOAD START");
	rig_started(&rig);
	rig_hear(&rig, "OK");
	assert_string_equal(rig_step(&rig), "download");
	rig_pass(&rig, 4 * MINUTE);
	rig_wire(&rig, "");

	/* nothing at all until `start` is over */
	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+GTOTA=0*", "");
	rig_started(&rig);
	rig_pass(&rig, 2 * MINUTE - 1);
	rig_wire(&rig, "");
	rig_pass(&rig, 1);
	rig_wire(&rig, "AT|");
	assert_true(upgrade_past_no_return(&rig.d.upgrade));
}

/* A report still counts when it comes after the time-out. */
static void test_report_after(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+GTOTA=0*", "");
	rig_started(&rig);
	rig.deaf = true;
	rig_pass(&rig, 3 * MINUTE);
	rig_hear(&rig, "GTOTA DOWNLOADING: 50%");
	rig_hear(&rig, "GTOTA DOWNLOAD COMPLETE");
	assert_string_equal(rig_step(&rig), "leave");
	assert_true(rig.durable.complete);
	rig_forget(&rig);
	rig_pass(&rig, 5 * MINUTE - 1);
	rig_wire(&rig, "");
}

/* Progress is told when it grows, and is believed only so far. */
static void test_progress(void **state)
{
	struct rig rig;
	unsigned saves;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_started(&rig);
	saves = rig.n_saves;
	rig_hear(&rig, "GTOTA DOWNLOAD START");
	rig_hear(&rig, "GTOTA DOWNLOADING: 0%");
	rig_hear(&rig, "GTOTA DOWNLOADING: 5%");
	rig_hear(&rig, "GTOTA DOWNLOADING: 5%");
	rig_hear(&rig, "GTOTA DOWNLOADING: 3%");
	rig_hear(&rig, "GTOTA DOWNLOADING: 200%");
	rig_hear(&rig, "GTOTA DOWNLOADING: x");
	rig_hear(&rig, "RING");
	rig_hear(&rig, "GTOTA DOWNLOADING: 100%");
	rig_notices(&rig, "0%|5%|100%|");
	rig_wire(&rig, "");
	assert_int_equal(rig.n_saves, saves); /* a commit is dear: none for a report */
	rig_hear(&rig, "GTOTA DOWNLOAD COMPLETE");
	rig_notices(&rig, "installing|");
	assert_true(rig.durable.complete);
	rig_hear(&rig, "GTOTA DOWNLOAD COMPLETE");
	rig_hear(&rig, "GTOTA DOWNLOADING: 100%");
	assert_string_equal(rig_step(&rig), "leave");
}

/* conduct 4: what ends listening, and when the first byte follows */
static void test_listening_ends(void **state)
{
	static const struct {
		const char *lines; /* all at once, after the OK */
		usec_t first;	   /* byte after that */
		bool end_open;	   /* conduct 8 */
	} rows[] = {
		{ "", 5 * MINUTE, true },
		{ "GTOTA DOWNLOAD START", 5 * MINUTE, true },
		{ "GTOTA DOWNLOADING: 5%|RING", 5 * MINUTE, true },
		{ "GTOTA DOWNLOAD FAILED", 0, false },
		{ "GTOTA DOWNLOADING: 99%|GTOTA DOWNLOAD FAILED: 5", 0, false },
		{ "AT command ready", 0, false },
		{ "GTOTA DOWNLOAD COMPLETE", 5 * MINUTE, true }, /* `leave` */
		{ "GTOTA DOWNLOAD COMPLETE|GTOTA DOWNLOAD FAILED", 0, false },
		{ "GTOTA DOWNLOAD COMPLETE|RDY", 0, false },
		{ "GTOTA DOWNLOAD COMPLETE|GTOTA UPDATE 7%", 5 * MINUTE, false },
		{ "GTOTA UPDATE 7%|GTOTA UPDATE 8%", 5 * MINUTE, false },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;
		const char *p = rows[i].lines;

		rig_begin(&rig, "NL668");
		rig.profile.timeouts.leave = 5 * MINUTE;
		rig_started(&rig);
		rig.deaf = true;
		while (*p) {
			char line[64] = { 0 };
			size_t n = strcspn(p, "|");

			memcpy(line, p, n);
			rig_hear(&rig, line);
			p += n + (p[n] == '|');
		}
		if (rows[i].first > 0) {
			rig_pass(&rig, rows[i].first - 1);
			rig_wire(&rig, "");
			rig_pass(&rig, 1);
		}
		rig_wire(&rig, "AT|");
		assert_int_equal(rig.durable.end_open, rows[i].end_open);
		assert_int_equal(upgrade_next_start(&rig.d.upgrade) > 0, rows[i].end_open);
	}
}

/* A download that never ends: `download` after the start, however much is reported. */
static void test_download_limit(void **state)
{
	struct rig rig;
	usec_t started;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_started(&rig);
	started = rig.durable.started;
	rig.deaf = true;
	while (rig.now < started + HOUR - 4 * MINUTE) {
		rig_pass(&rig, 4 * MINUTE);
		rig_hear(&rig, "GTOTA DOWNLOADING: 0%");
	}
	rig_pass(&rig, started + HOUR - 1 - rig.now);
	rig_wire(&rig, "");
	rig_pass(&rig, 1);
	rig_wire(&rig, "AT|");
	assert_int_equal(upgrade_next_start(&rig.d.upgrade), started + HOUR);
}

/* conduct 5: after the point of no return a cancel has no effect */
static void test_cancel_after(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_started(&rig);
	rig_cancel(&rig);
	rig_notices(&rig, "");
	assert_true(upgrade_past_no_return(&rig.d.upgrade));
	rig_hear(&rig, "GTOTA DOWNLOAD COMPLETE");
	rig_lost(&rig);
	rig_cancel(&rig);
	assert_true(upgrade_past_no_return(&rig.d.upgrade));
	/* another GO and a restoration neither */
	rig_forget(&rig);
	rig_go(&rig);
	rig_notices(&rig, "verdict deferred busy|");
	rig_restore(&rig);
	assert_string_equal(rig_step(&rig), "return");
}

/* conduct 8: nothing is started again before the end of the last one was seen */
static void test_next_start(void **state)
{
	struct rig rig;
	usec_t started;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+GTOTA=0*", "");
	rig_started(&rig);
	started = rig.durable.started;
	rig_until(&rig, "hold");
	rig_notices(&rig, "verifying|verdict failed no-start|idle|identified|");
	assert_int_equal(upgrade_next_start(&rig.d.upgrade), started + HOUR);
	rig_pass(&rig, started + HOUR - 1 - rig.now);
	rig_forget(&rig);
	rig_go(&rig);
	rig_notices(&rig, "verdict deferred busy|");
	rig_wire(&rig, "");
	rig_pass(&rig, 1);

	/* an error now may only say that the last one still runs: no attempt is spent */
	rig_answer(&rig, "AT+GTOTA=0*", "+CME ERROR: 3");
	rig_go(&rig);
	for (int i = 0; i < 100 && !strstr(rig.notices, "verdict"); i++)
		rig_pass(&rig, SEC);
	rig_notices(&rig,
		"preparing|downloading|warning rejected|verdict deferred busy|idle|identified|");
	assert_int_equal(rig.n_starts, 2);
	assert_int_equal(rig.durable.attempt, 1);
	assert_true(rig.durable.end_open);
	assert_int_equal(rig.durable.started, started);

	/* a restart in between ends it */
	rig_hear(&rig, "AT command ready");
	rig_pass(&rig, 10 * SEC);
	rig_forget(&rig);
	assert_int_equal(upgrade_next_start(&rig.d.upgrade), 0);
	rig_go(&rig);
	for (int i = 0; i < 100 && !strstr(rig.notices, "verdict"); i++)
		rig_pass(&rig, SEC);
	assert_non_null(strstr(rig.notices, "verdict failed rejected|"));
	assert_int_equal(rig.durable.attempt, 2);
}

/* A target that is no version is never reached, and does not overflow anything. */
static void test_long_target(void **state)
{
	struct rig rig;
	char target[2 * VERSION_MAX];
	(void) state;

	rig_begin(&rig, "NL668");
	memset(target, '1', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	rig.task.to = target;
	rig_started(&rig);
	assert_string_equal(rig.durable.to, "");
}

/* What an event can bring that nothing waits for. */
static void test_out_of_order(void **state)
{
	struct rig rig;
	struct upgrade_effects effects;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_started(&rig);
	dialogue_saved(&rig.d, 999, true, rig.now);
	dialogue_saved(&rig.d, 0, false, rig.now);
	rig_flow(&rig);
	assert_true(upgrade_past_no_return(&rig.d.upgrade));
	upgrade_step(&rig.d.upgrade, &(struct upgrade_event){ .type = UPGRADE_EVENT_ENTER },
		rig.now, &effects);
	assert_int_equal(effects.save, 0);
	assert_int_equal(effects.n_notices, 0);
	assert_false(effects.send);
	upgrade_step(&rig.d.upgrade, &(struct upgrade_event){ .type = UPGRADE_EVENT_TIME }, rig.now,
		&effects); /* before its time */
	assert_int_equal(effects.n_notices, 0);
	assert_string_equal(rig_step(&rig), "download");
}

/* The boot loader's reports prolong `leave`: it is at work. */
static void test_boot_loader(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_started(&rig);
	rig_hear(&rig, "GTOTA DOWNLOAD COMPLETE");
	for (int i = 0; i < 5; i++) {
		rig_pass(&rig, 4 * MINUTE);
		rig_hear(&rig, i % 2 ? "+QIND: \"FOTA\",\"UPDATING\",20" : "GTOTA UPDATE 5%");
	}
	rig_pass(&rig, 5 * MINUTE - 1);
	rig_wire(&rig, "");
	rig_pass(&rig, 1);
	rig_wire(&rig, "AT|");
}

/* `stall` without a word counts from the start line, not from what was before it (conduct 6). */
static void test_no_start_in_time(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+GTOTA=0*", "");
	rig_hold(&rig);
	rig_pass(&rig, HOUR);
	rig_go(&rig);
	rig_until(&rig, "start");
	rig_pass(&rig, 5 * MINUTE - 1);
	assert_null(strstr(rig.notices, "verdict"));
	rig_until(&rig, "hold");
	assert_non_null(strstr(rig.notices, "verdict failed no-start|"));
}

/* conduct 4: AT at most every 30 s, or `settle` when shorter (the rig looks at every line) */
static void test_interval(void **state)
{
	static const usec_t settles[] = { 2 * SEC, 30 * SEC, 90 * SEC };
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(settles); i++) {
		struct rig rig;
		usec_t interval = usec_min(settles[i], 30 * SEC);
		int n = 0;

		rig_begin(&rig, "NL668");
		rig.profile.timeouts.settle = settles[i];
		rig_started(&rig);
		rig.deaf = true;
		rig_hear(&rig, "GTOTA DOWNLOAD FAILED");
		rig_pass(&rig, 10 * MINUTE - 1);
		for (const char *p = rig.wire; (p = strstr(p, "AT|")); p++)
			n++;
		/* a probe takes 2 s to be given up */
		assert_int_equal(n, 10 * MINUTE / usec_max(interval, AT_SYNC_TIMEOUT));
	}
}

/* Very small time-outs, as in accelerated tests: no step stands still, and the order holds. */
static void test_small(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig.profile.timeouts = (struct timeouts){ 1 * SEC, 1 * SEC, 1 * SEC, 1 * SEC, 1 * SEC,
		1 * SEC, 2 * SEC, 1 * SEC, 1 * SEC, 1 * SEC };
	rig_started(&rig);
	rig.deaf = true;
	rig_hear(&rig, "GTOTA DOWNLOAD COMPLETE");
	rig_pass(&rig, 10 * SEC);
	rig_notices(&rig, "installing|verifying|verdict unknown not-back|");
	rig.deaf = false;
	rig_answer(&rig, "AT+CGMR", NEW "|OK");
	rig_until(&rig, "hold");
	rig_notices(&rig, "verdict succeeded|idle|identified|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_no_carrier),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_report_after),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_listening_ends),
		cmocka_unit_test(test_download_limit),
		cmocka_unit_test(test_cancel_after),
		cmocka_unit_test(test_next_start),
		cmocka_unit_test(test_long_target),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_boot_loader),
		cmocka_unit_test(test_no_start_in_time),
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_small),
	};

	return cmocka_run_group_tests_name("core/upgrade-start", tests, NULL, NULL);
}
