/* The irreversible line: save, then act; and listening to what comes of it (conduct 4, 5, 8, 13). */
#include "tests/unit/upgrade-rig.h"

/* The start's save is asked for, and has not ended. */
static void begin_at_save(struct rig *rig, const char *profile)
{
	rig_begin(rig, profile);
	rig->saves = RIG_SAVES_LATE;
	rig->save_step = "start";
	rig_hold(rig);
	rig_go(rig);
	rig_until(rig, "start");
	assert_true(rig->pending != 0);
	assert_true(rig->pending_record.start_durable);
	assert_int_equal(rig->n_starts, 0);
	rig_forget(rig);
}

static void assert_taken_back(const struct upgrade_record *r)
{
	assert_false(r->start_durable);
	assert_false(r->end_open);
	assert_int_equal(r->attempt, 0);
	assert_int_equal(r->started, 0);
}

static void test_save_then_act(void **state)
{
	struct rig rig;
	(void) state;

	begin_at_save(&rig, "NL668");
	rig_pass(&rig, 5 * SEC - 1);
	rig_wire(&rig, "");
	rig.saves = RIG_SAVES;
	rig_saved(&rig, true);
	rig_wire(&rig, HTTP_START "|");
	assert_true(upgrade_past_no_return(&rig.d.upgrade));
	assert_int_equal(rig.durable.attempt, 1);
	assert_string_equal(rig.durable.step, "start");
	assert_string_equal(rig.durable.from, OLD);
	assert_string_equal(rig.durable.to, NEW);
	assert_string_equal(rig.durable.imei, IMEI);
	assert_string_equal(rig.durable.model, "NL668-EU-00");
}

/* conduct 13: what comes before SAVED, and what is durable in the end */
static void test_before_saved(void **state)
{
	enum { FAILS, EXPIRES, CANCEL, LOST, REPORT, BOOT };
	static const struct {
		int how;
		const char *verdict;
	} rows[] = {
		{ FAILS, "verdict deferred store|" },
		{ EXPIRES, "verdict deferred store|" },
		{ CANCEL, "verdict cancelled cancelled|" },
		{ LOST, "" }, /* begins again when the port is back */
		{ REPORT, "verdict deferred busy|" },
		{ BOOT, "" },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;
		uint64_t late;
		struct upgrade_record late_record;

		begin_at_save(&rig, "NL668");
		late = rig.pending;
		late_record = rig.pending_record;
		rig.save_step = NULL; /* the second record is kept too */
		switch (rows[i].how) {
		case FAILS:
			rig_saved(&rig, false);
			late = 0;
			break;
		case EXPIRES:
			rig_pass(&rig, 5 * SEC);
			break;
		case CANCEL:
			rig_cancel(&rig);
			break;
		case LOST:
			rig_lost(&rig);
			break;
		case REPORT:
			rig_hear(&rig, "GTOTA DOWNLOADING: 5%");
			break;
		case BOOT:
			rig_hear(&rig, "AT command ready");
			break;
		}
		assert_null(strstr(rig.wire, "GTOTA"));
		assert_true(strncmp(rig.notices, rows[i].verdict, strlen(rows[i].verdict)) == 0);
		assert_false(upgrade_past_no_return(&rig.d.upgrade));
		/* the late SAVED changes nothing, and a second record undoes it */
		assert_true(rig.pending > late);
		assert_false(rig.pending_record.start_durable);
		if (late) {
			rig.durable = late_record;
			dialogue_saved(&rig.d, late, true, rig.now);
			assert_false(upgrade_past_no_return(&rig.d.upgrade));
		}
		rig.saves = RIG_SAVES;
		rig_saved(&rig, true);
		assert_false(rig.durable.start_durable);
		assert_int_equal(rig.durable.attempt, 0);
		if (rows[i].how != REPORT)
			assert_taken_back(&rig.durable);
		assert_int_equal(rig.n_starts, 0);
		if (rows[i].how == LOST)
			rig_open(&rig);
		if (rows[i].how == LOST || rows[i].how == BOOT) {
			rig_until(&rig, "download");
			assert_int_equal(rig.n_starts, 1);
			assert_int_equal(rig.durable.attempt, 1);
		}
	}
}

/* Also the settings wait for their save, and a failing store ends the attempt before them. */
static void test_settings_not_saved(void **state)
{
	static const char *const steps[] = { "no-callbreak", "rat-lock", "pdp-open" };
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
		struct rig rig;

		rig_begin(&rig, "L610");
		rig.task.rat = RAT_LOCK;
		rig_once(&rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
		rig.saves = RIG_SAVES_NEVER;
		rig.save_step = steps[i];
		rig_hold(&rig);
		rig_go(&rig);
		rig_pass(&rig, MINUTE);
		assert_non_null(strstr(rig.notices, "verdict deferred store|"));
		assert_int_equal(rig.n_starts, 0);
		assert_false(rig_did(&rig, i == 0   ? "AT+GTSET=\"CALLBREAK\",1"
					   : i == 1 ? "AT+GTRAT=3"
						    : "AT+MIPCALL=1"));
		assert_true(upgrade_is_holding(&rig.d.upgrade));
	}
}

/* conduct 3 and 13: what was not sent is not put back, also when its SAVED comes late */
static void test_settings_before_saved(void **state)
{
	static const char *const steps[] = { "no-callbreak", "rat-lock", "pdp-open" };
	(void) state;

	for (size_t i = 0; i < 5 * ELEMENTSOF(steps); i++) {
		struct rig rig;
		uint64_t late;
		int how = (int) (i % 5);

		rig_begin(&rig, "L610");
		rig.task.rat = RAT_LOCK;
		rig_answer(&rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
		rig.saves = RIG_SAVES_LATE;
		rig.save_step = steps[i / 5];
		rig_hold(&rig);
		rig_go(&rig);
		rig_until(&rig, steps[i / 5]);
		late = rig.pending;
		assert_true(late != 0);
		rig.save_step = NULL;
		if (how == 0)
			rig_cancel(&rig);
		else if (how == 1)
			rig_lost(&rig);
		else if (how == 2)
			rig_pass(&rig, 5 * SEC);
		else if (how == 3)
			rig_hear(&rig, "AT command ready");
		else
			rig_hear(&rig, "GTOTA DOWNLOAD START");
		assert_true(rig.pending > late);
		dialogue_saved(&rig.d, late, true, rig.now);
		rig.saves = RIG_SAVES;
		rig_saved(&rig, true);
		assert_int_equal(rig.durable.callbreak.written, i / 5 == 2);
		assert_int_equal(rig.durable.rat.written, i / 5 != 1);
		assert_false(rig.durable.pdp_opened);
	}
}

/* A credential read since the configuration was checked. */
static void test_cannot_be_built(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig.task.request = (struct gtota_request){ GTOTA_FTP, "fota.example.net", "a.bin", "user",
		"with \"quote\"" };
	rig_hold(&rig);
	rig_go(&rig);
	rig_pass(&rig, MINUTE);
	rig_notices(&rig, "preparing|downloading|verdict failed credential|idle|identified|");
	assert_taken_back(&rig.durable);
	assert_int_equal(rig.n_starts, 0);
}

/* conduct 5: the port goes before a byte is out, and after the first */
static void test_first_byte(void **state)
{
	struct rig rig;
	const char *p;
	(void) state;

	begin_at_save(&rig, "NL668");
	rig.stuck = true;
	rig.saves = RIG_SAVES;
	rig_saved(&rig, true);
	assert_true(upgrade_past_no_return(&rig.d.upgrade));
	rig_lost(&rig);
	assert_taken_back(&rig.durable);
	rig.stuck = false;
	rig_open(&rig);
	rig_until(&rig, "download"); /* it was never sent, so it may be */
	assert_int_equal(rig.n_starts, 1);

	begin_at_save(&rig, "NL668");
	rig.stuck = true;
	rig.saves = RIG_SAVES;
	rig_saved(&rig, true);
	assert_true(dialogue_output(&rig.d, &p) > 1);
	dialogue_written(&rig.d, 0, rig.now);
	assert_false(rig.d.upgrade.line_sent);
	dialogue_written(&rig.d, 1, rig.now);
	dialogue_written(&rig.d, 1, rig.now);
	rig_lost(&rig);
	assert_true(rig.durable.start_durable);
	assert_true(rig.durable.left);
	assert_string_equal(rig_step(&rig), "return");
}

/* conduct 5: only an ERROR to that very line takes it back */
static void test_error(void **state)
{
	static const struct {
		const char *answer;
		int cme;
		usec_t late;
	} rows[] = {
		{ "ERROR", AT_ERROR_NONE, 0 },
		{ "+CME ERROR: 50", 50, 0 },
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
		usec_t first;      /* byte after that */
		bool end_open;     /* conduct 8 */
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
	rig_notices(&rig, "preparing|downloading|warning rejected|verdict deferred busy|idle|identified|");
	assert_int_equal(rig.n_starts, 2);
	assert_int_equal(rig.durable.attempt, 1);
	assert_true(rig.durable.end_open);

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

/* Taken back, the earlier start's open end stays open. */
static void test_taken_back_end_open(void **state)
{
	struct rig rig;
	usec_t started;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+GTOTA=0*", "");
	rig_started(&rig);
	started = rig.durable.started;
	rig_until(&rig, "hold");
	rig_pass(&rig, HOUR);
	rig.saves = RIG_SAVES_NEVER;
	rig.save_step = "start";
	rig_forget(&rig);
	rig_go(&rig);
	for (int i = 0; i < 100 && !strstr(rig.notices, "verdict"); i++)
		rig_pass(&rig, SEC);
	assert_non_null(strstr(rig.notices, "verdict deferred store|"));
	assert_true(rig.durable.end_open);
	assert_int_equal(rig.durable.started, started);
	assert_int_equal(rig.durable.attempt, 1);
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
	upgrade_step(&rig.d.upgrade, &(struct upgrade_event){ .type = UPGRADE_EVENT_ENTER }, rig.now,
		&effects);
	assert_int_equal(effects.save, 0);
	assert_int_equal(effects.n_notices, 0);
	assert_false(effects.send);
	upgrade_step(&rig.d.upgrade, &(struct upgrade_event){ .type = UPGRADE_EVENT_TIME }, rig.now,
		&effects); /* before its time */
	assert_int_equal(effects.n_notices, 0);
	assert_string_equal(rig_step(&rig), "download");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_save_then_act),
		cmocka_unit_test(test_before_saved),
		cmocka_unit_test(test_settings_not_saved),
		cmocka_unit_test(test_settings_before_saved),
		cmocka_unit_test(test_cannot_be_built),
		cmocka_unit_test(test_first_byte),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_no_carrier),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_report_after),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_listening_ends),
		cmocka_unit_test(test_download_limit),
		cmocka_unit_test(test_cancel_after),
		cmocka_unit_test(test_next_start),
		cmocka_unit_test(test_taken_back_end_open),
		cmocka_unit_test(test_long_target),
		cmocka_unit_test(test_out_of_order),
	};

	return cmocka_run_group_tests_name("core/upgrade-start", tests, NULL, NULL);
}
