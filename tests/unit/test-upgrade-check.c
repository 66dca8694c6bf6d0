/* Is it back in service? After the version is proven, before the verdict (conduct 6, 20). */
#include "tests/unit/upgrade-rig.h"

#define GONE "+CEREG: 0,2|OK" /* searching */
#define NO_PDP "+MIPCALL: 0|OK"

/* A module that has installed, is back and has said its version once. */
static void begin(struct rig *rig, const char *profile, enum upgrade_check check)
{
	rig_begin(rig, profile);
	rig->task.check = check;
	rig_started(rig);
	rig_answer(rig, "AT+CGMR", NEW "|OK");
	rig_hear(rig, "GTOTA DOWNLOAD COMPLETE");
	rig_lost(rig);
	rig_open(rig);
	rig_until(rig, "settle");
	rig_forget(rig);
}

/* The second reading is over, and so is the check, if nothing is wrong. */
static void test_served(void **state)
{
	static const struct {
		const char *profile;
		enum upgrade_check check;
		const char *command, *answer; /* instead of the healthy one */
		const char *wire;             /* after the version */
		const char *closing;          /* RESTORE sends it; "": nothing was opened */
		const char *evidence;
	} rows[] = {
		{ "L610", CHECK_NONE, "", "", "", "", NULL },
		{ "L610", CHECK_REGISTERED, "", "", "AT+CEREG?|", "", "in service? LTE home" },
		{ "NL668", CHECK_REGISTERED, "AT+CEREG?", "+CEREG: 2,5,\"1A2B\",\"01C3D4E5\",7|OK",
			"AT+CEREG?|", "", "in service? LTE roaming" },
		/* on 2G and 3G there is no EPS registration */
		{ "NL668", CHECK_REGISTERED, "AT+CEREG?", "+CEREG: 0,0|OK", "AT+CEREG?|AT+CGREG?|", "",
			"in service? LTE not registered, GPRS home" },
		{ "NL668", CHECK_REGISTERED, "AT+CEREG?", "+CME ERROR: 100|ERROR",
			"AT+CEREG?|AT+CGREG?|", "", "in service? LTE no answer, GPRS home" },
		{ "NL668", CHECK_REGISTERED, "AT+CEREG?", "", "AT+CEREG?|AT|AT+CGREG?|", "",
			"in service? LTE no answer, GPRS home" },
		{ "L610", CHECK_PDP, "", "", "AT+CEREG?|AT+MIPCALL?|", "",
			"in service? LTE home, data connection up" },
		{ "L610", CHECK_PDP, "AT+MIPCALL?", NO_PDP,
			"AT+CEREG?|AT+MIPCALL?|AT+MIPCALL=1|AT+MIPCALL?|", "AT+MIPCALL=0|",
			"in service? LTE home, data connection up" },
		{ "L610", CHECK_PDP, "AT+MIPCALL=1", "+CME ERROR: 14", /* SIM busy */
			"AT+CEREG?|AT+MIPCALL?|AT+MIPCALL=1|AT+MIPCALL?|AT+MIPCALL?|AT+MIPCALL=1|AT+MIPCALL?|",
			"AT+MIPCALL=0|", "in service? LTE home, data connection up" },
		{ "NL668", CHECK_PDP, "", "", "AT+CEREG?|AT+CGACT?|", "",
			"in service? LTE home, data connection up" },
		{ "NL668", CHECK_PDP, "AT+CGACT?", "+CGACT: 1,0|+CGACT: 3,1|OK",
			"AT+CEREG?|AT+CGACT?|", "", "in service? LTE home, data connection up" },
		{ "NL668", CHECK_PDP, "AT+CGACT?", "+CGACT: 1,0|OK",
			"AT+CEREG?|AT+CGACT?|AT+CGACT=1,1|AT+CGACT?|", "AT+CGACT=0,1|",
			"in service? LTE home, data connection up" },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		char text[EVIDENCE_TEXT_MAX], wire[200] = "AT|ATE0|AT+CGSN|AT+CGMR|";
		struct rig rig;

		begin(&rig, rows[i].profile, rows[i].check);
		if (rows[i].command[0])
			rig_once(&rig, rows[i].command, rows[i].answer);
		if (strcmp(rows[i].command, "AT+MIPCALL=1") == 0)
			for (int n = 0; n < 3; n++)
				rig_once(&rig, "AT+MIPCALL?", NO_PDP);
		if (strcmp(rows[i].command, "AT+CEREG?") == 0)
			rig_answer(&rig, "AT+CGREG?", "+CGREG: 0,1|OK");
		rig_until(&rig, "hold");
		strcat(wire, rows[i].wire);
		rig_wire(&rig, wire);
		rig_notices(&rig, "verdict succeeded|idle|identified|");
		assert_false(rig.durable.start_durable);
		evidence_text(rig.d.upgrade.evidence, text);
		if (rows[i].evidence)
			assert_non_null(strstr(text, rows[i].evidence));
		else
			assert_null(strstr(text, "in service?"));
		rig_restore(&rig);
		rig_until(&rig, "hold");
		if (rows[i].closing[0])
			assert_non_null(strstr(rig.wire, rows[i].closing));
		assert_true(rows[i].closing[0] != '\0' || !(strstr(rig.wire, "MIPCALL=0") || strstr(rig.wire, "CGACT")));
	}
}

/* Patiently, for `register` and `pdp`; then it is a failure that nobody repeats (conduct 20). */
static void test_no_service(void **state)
{
	static const struct {
		const char *profile;
		enum upgrade_check check;
		const char *command, *answer;
		usec_t time;
		const char *evidence;
	} rows[] = {
		{ "NL668", CHECK_REGISTERED, "AT+CEREG?", GONE, 3 * MINUTE,
			"in service? LTE searching, GPRS not registered" },
		{ "L610", CHECK_PDP, "AT+CEREG?", "+CEREG: 0,3|OK", 3 * MINUTE, "LTE denied" },
		{ "NL668", CHECK_REGISTERED, "AT+CEREG?", "+CEREG: 0,8|OK", 3 * MINUTE, "LTE not for data" },
		{ "NL668", CHECK_REGISTERED, "AT+CEREG?", "ERROR", 3 * MINUTE, "LTE no answer" },
		{ "NL668", CHECK_REGISTERED, "AT+CEREG?", "", 3 * MINUTE, "LTE no answer" },
		{ "L610", CHECK_PDP, "AT+MIPCALL?", NO_PDP, 3 * MINUTE, "LTE home, data connection down" },
		{ "L610", CHECK_PDP, "AT+MIPCALL?", "+MIPCALL: 2|OK", 3 * MINUTE,
			"LTE home, data connection busy" },
		{ "L610", CHECK_PDP, "AT+MIPCALL?", "ERROR", 3 * MINUTE,
			"LTE home, data connection no answer" },
		{ "L610", CHECK_PDP, "AT+MIPCALL?", "", 3 * MINUTE + 20 * SEC,
			"LTE home, data connection no answer" },
		{ "NL668", CHECK_PDP, "AT+CGACT?", "+CGACT: 1,0|+CGACT: 2,0|OK", 3 * MINUTE,
			"LTE home, data connection down" },
		{ "NL668", CHECK_PDP, "AT+CGACT*", "ERROR", 3 * MINUTE,
			"LTE home, data connection no answer" },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		char text[EVIDENCE_TEXT_MAX];
		struct rig rig;
		usec_t proven;

		begin(&rig, rows[i].profile, rows[i].check);
		rig_answer(&rig, rows[i].command, rows[i].answer);
		proven = rig.now + 30 * SEC;
		rig_until(&rig, "hold");
		assert_in_range(rig.now - proven, rows[i].time - 2 * SEC, rows[i].time + 20 * SEC);
		assert_non_null(strstr(rig.notices, "verdict failed no-service|idle|identified|"));
		evidence_text(rig.d.upgrade.evidence, text);
		if (!strstr(text, rows[i].evidence))
			fail_msg("row %zu: %s", i, text);
		assert_int_equal(rig.last.outcome, OUTCOME_FAILED);
		assert_false(rig.durable.start_durable);
		assert_false(rig.durable.end_open);
		assert_int_equal(rig.durable.attempt, 1);
		assert_string_equal(rig.d.upgrade.identity.version, NEW);
	}
}

/* It may come late, and that is in time. */
static void test_late(void **state)
{
	struct rig rig;
	(void) state;

	begin(&rig, "L610", CHECK_REGISTERED);
	rig_answer(&rig, "AT+CEREG?", GONE);
	rig_until(&rig, "check-network");
	rig_pass(&rig, 3 * MINUTE - 10 * SEC);
	rig_answer(&rig, "AT+CEREG?", "+CEREG: 0,1|OK");
	rig_until(&rig, "hold");
	assert_non_null(strstr(rig.notices, "verdict succeeded|"));
}

/* fotad does not run for an hour, and then reads what the module said before: that says nothing of now. */
static void test_gap(void **state)
{
	static const char *const steps[] = { "check-network", "check-pdp-wait", "check-pdp-open" };
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
		struct rig rig;

		begin(&rig, "L610", CHECK_PDP);
		rig_answer(&rig, "AT+CEREG?", i == 0 ? "" : "+CEREG: 0,1|OK");
		rig_answer(&rig, "AT+MIPCALL?", NO_PDP);
		if (i > 0)
			rig_once(&rig, "AT+MIPCALL?", NO_PDP);
		if (i == 1)
			rig_once(&rig, "AT+MIPCALL?", "");
		rig.saves = RIG_SAVES_LATE;
		rig.save_step = i == 2 ? steps[i] : "none";
		rig_until(&rig, steps[i]);
		rig_answer(&rig, "AT+CEREG?", "+CEREG: 0,1|OK");
		rig_answer(&rig, "AT+MIPCALL?", "+MIPCALL: 1,10.0.0.1|OK");
		rig.now += HOUR;
		if (i == 2) {
			rig_saved(&rig, true);
		} else {
			rig_hear(&rig, i == 0 ? "+CEREG: 0,2" : "+MIPCALL: 2");
			rig_hear(&rig, "OK");
		}
		rig_until(&rig, "hold");
		assert_non_null(strstr(rig.notices, "verdict succeeded|"));
		assert_null(strstr(rig.notices, "store"));
	}
}

/* What was proven is so no more: a port event, boot text, a report, silence. All begins again. */
static void test_interrupted(void **state)
{
	static const struct {
		const char *step, *event; /* "": the port is lost; NULL: it falls silent */
		const char *next;
	} rows[] = {
		{ "check-network", "", "settle" },
		{ "check-network", NULL, "settle" },
		{ "check-network", "AT command ready", "settle" },
		{ "check-network", "GTOTA DOWNLOADING: 5%", "settle" },
		{ "check-network", "GTOTA DOWNLOAD COMPLETE", "leave" },
		{ "check-pdp-open", "", "settle" },
		{ "check-pdp-open", "AT command ready", "settle" },
		{ "check-pdp-wait", "", "settle" },
		{ "check-pdp-wait", NULL, "settle" },
		{ "check-pdp-wait", "AT command ready", "settle" },
		{ "check-pdp-wait", "GTOTA DOWNLOAD START", "settle" },
	};
	(void) state;

	for (size_t i = 0; i < 2 * ELEMENTSOF(rows); i++) {
		const char *step = rows[i / 2].step, *event = rows[i / 2].event;
		const char *version = i % 2 ? OLD "|OK" : NEW "|OK"; /* it may have fallen back */
		struct rig rig;

		begin(&rig, "L610", CHECK_PDP);
		rig_answer(&rig, "AT+CEREG?", GONE);
		if (strcmp(step, "check-network") != 0)
			rig_answer(&rig, "AT+CEREG?", "+CEREG: 0,1|OK");
		rig_answer(&rig, "AT+MIPCALL?", NO_PDP);
		if (strcmp(step, "check-pdp-open") == 0) {
			rig_answer(&rig, "AT+MIPCALL=*", "");
			rig.saves = i / 2 % 2 ? RIG_SAVES_LATE : RIG_SAVES;
			rig.save_step = step;
		}
		rig_until(&rig, step);
		rig_answer(&rig, "AT+CEREG?", "+CEREG: 0,1|OK");
		rig_answer(&rig, "AT+MIPCALL?", "+MIPCALL: 1,10.0.0.1|OK");
		rig_answer(&rig, "AT+MIPCALL=*", "OK");
		rig_answer(&rig, "AT+CGMR", version);
		rig_forget(&rig);
		if (!event) {
			rig.deaf = true;
			rig_until(&rig, "answer");
			rig_forget(&rig);
			rig_pass(&rig, MINUTE);
			rig.deaf = false;
		} else if (event[0] == '\0') {
			rig_lost(&rig);
			assert_true(upgrade_past_no_return(&rig.d.upgrade));
			rig_pass(&rig, MINUTE);
			rig.saves = RIG_SAVES;
			rig.pending = 0;
			rig_open(&rig);
		} else {
			rig_hear(&rig, event);
		}
		rig.saves = RIG_SAVES;
		rig_until(&rig, rows[i / 2].next);
		assert_null(strstr(rig.notices, "verdict"));
		assert_null(strstr(rig.wire, "MIPCALL"));
		assert_int_equal(rig.d.upgrade.record.attempt, 1);
		rig_until(&rig, "hold");
		assert_non_null(strstr(rig.notices,
			i % 2 ? "verdict failed version-unchanged|" : "verdict succeeded|"));
	}
}

/* A module that restarts again and again has no verdict, but it does not hold its slot for ever (conduct 7). */
static void test_restarts(void **state)
{
	struct rig rig;
	(void) state;

	begin(&rig, "L610", CHECK_REGISTERED);
	rig_answer(&rig, "AT+CEREG?", GONE);
	for (int i = 0; i < 20 && !strstr(rig.notices, "verdict"); i++) {
		rig_until(&rig, "check-network");
		rig_pass(&rig, MINUTE);
		rig_lost(&rig);
		rig_pass(&rig, 10 * SEC);
		rig_open(&rig);
	}
	assert_non_null(strstr(rig.notices, "verdict unknown not-back|"));
	rig_answer(&rig, "AT+CEREG?", "+CEREG: 0,1|OK");
	rig_until(&rig, "hold");
	assert_non_null(strstr(rig.notices, "verdict succeeded|"));
}

/* Where the port stays, the first sign of the restart may be boot text that comes now: the context is not gone with it. */
static void test_late_boot_text(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "L610");
	rig.task.check = CHECK_PDP;
	rig_started(&rig);
	rig_answer(&rig, "AT+CGMR", NEW "|OK");
	rig_hear(&rig, "GTOTA DOWNLOAD COMPLETE");
	rig_answer(&rig, "AT+MIPCALL?", NO_PDP);
	rig_until(&rig, "check-pdp-wait");
	rig_answer(&rig, "AT+MIPCALL?", "+MIPCALL: 1,10.0.0.1|OK");
	rig_hear(&rig, "AT command ready");
	rig_until(&rig, "hold");
	assert_non_null(strstr(rig.notices, "verdict succeeded|"));
	assert_true(rig.d.upgrade.record.pdp_opened);
}

/* A line that was lost on its way is no proof of anything: what is not open is asked for once more. */
static void test_lost_line(void **state)
{
	struct rig rig;
	(void) state;

	begin(&rig, "L610", CHECK_PDP);
	rig_once(&rig, "AT+MIPCALL=1", "");
	for (int n = 0; n < 3; n++)
		rig_once(&rig, "AT+MIPCALL?", NO_PDP);
	rig_until(&rig, "hold");
	rig_wire(&rig, "AT|ATE0|AT+CGSN|AT+CGMR|AT+CEREG?|AT+MIPCALL?|AT+MIPCALL=1|AT|AT+MIPCALL?|AT+MIPCALL?|"
		       "AT+MIPCALL=1|AT+MIPCALL?|");
	rig_notices(&rig, "warning no-service|verdict succeeded|idle|identified|");
	assert_true(rig.d.upgrade.record.pdp_opened);
}

/* What cannot be recorded is not opened (conduct 3, 13); the module is not blamed for it. */
static void test_save_fails(void **state)
{
	(void) state;

	for (int late = 0; late < 2; late++) {
		struct rig rig;

		begin(&rig, "L610", CHECK_PDP);
		rig_answer(&rig, "AT+MIPCALL?", NO_PDP);
		rig.saves = late ? RIG_SAVES_LATE : RIG_SAVES_NEVER;
		rig.save_step = "check-pdp-open";
		rig_until(&rig, "hold");
		assert_non_null(strstr(rig.notices, "warning store|verdict succeeded|"));
		assert_false(rig_did(&rig, "AT+MIPCALL=1"));
		assert_false(rig.d.upgrade.record.pdp_opened);
		assert_int_equal(rig.d.upgrade.record.attempt, 1);
	}
}

/* conduct 20: past the point of no return the verdict decides */
static void test_cancel(void **state)
{
	struct rig rig;
	(void) state;

	begin(&rig, "L610", CHECK_PDP);
	rig_answer(&rig, "AT+MIPCALL?", NO_PDP);
	rig.saves = RIG_SAVES_LATE;
	rig.save_step = "check-pdp-open";
	rig_until(&rig, "check-pdp-open");
	rig_cancel(&rig);
	assert_string_equal(rig_step(&rig), "check-pdp-open");
	rig_answer(&rig, "AT+MIPCALL?", "+MIPCALL: 1,10.0.0.1|OK");
	rig_saved(&rig, true);
	rig_until(&rig, "hold");
	assert_non_null(strstr(rig.notices, "verdict succeeded|"));
}

/* A crash at each of its steps: the version is proven anew, and then it is checked (conduct 9). */
static void test_crash(void **state)
{
	static const char *const steps[] = { "check-network", "check-pdp", "check-pdp-open",
		"check-pdp-wait" };
	(void) state;

	for (size_t i = 0; i < 2 * ELEMENTSOF(steps); i++) {
		struct rig rig;

		begin(&rig, "L610", CHECK_PDP);
		rig_answer(&rig, "AT+CEREG?", GONE);
		if (i / 2 > 0)
			rig_answer(&rig, "AT+CEREG?", "+CEREG: 0,1|OK");
		rig_answer(&rig, "AT+MIPCALL?", i / 2 == 1 ? "" : NO_PDP);
		rig.saves = RIG_SAVES_LATE;
		rig.save_step = "check-pdp-open";
		rig_until(&rig, i / 2 < 3 ? steps[i / 2] : "check-pdp-open");
		if (i / 2 == 3) {
			rig_saved(&rig, true);
			rig_until(&rig, steps[3]);
		}
		rig_crash(&rig);
		rig.asked = 0;
		assert_true(upgrade_past_no_return(&rig.d.upgrade));
		rig.saves = RIG_SAVES;
		rig_answer(&rig, "AT+CEREG?", i % 2 ? GONE : "+CEREG: 0,1|OK");
		rig_answer(&rig, "AT+MIPCALL?", "+MIPCALL: 1,10.0.0.1|OK");
		rig_open(&rig);
		rig_until(&rig, "settle");
		rig_until(&rig, "hold");
		assert_true(rig_did(&rig, "AT+CEREG?"));
		assert_non_null(strstr(rig.notices,
			i % 2 ? "verdict failed no-service|" : "verdict succeeded|"));
		assert_int_equal(rig.durable.attempt, 1);
		assert_int_equal(rig.n_starts, 1);
		/* conduct 3: what was opened by an earlier life is still to be closed */
		assert_int_equal(rig.durable.pdp_opened, i / 2 == 3);
	}
}

/* Without a task (a record of an older fotad) nothing is checked. */
static void test_no_task(void **state)
{
	struct rig rig;
	(void) state;

	begin(&rig, "L610", CHECK_PDP);
	rig_until(&rig, "settle");
	dialogue_init(&rig.d, &rig.box, &rig.modem, &rig.timeouts, true, 2 * SEC);
	dialogue_lend(&rig.d, rig.room);
	dialogue_resume(&rig.d, &rig.durable, NULL, rig.now);
	rig_forget(&rig);
	rig.asked = 0;
	rig_open(&rig);
	rig_until(&rig, "hold");
	assert_false(rig_did(&rig, "AT+CEREG?"));
	assert_non_null(strstr(rig.notices, "verdict succeeded|"));
}

/* It runs the target, and a person wants to know whether it is in service by now: nothing is set, nothing started. */
static void test_only_the_check(void **state)
{
	static const struct {
		const char *profile;
		enum upgrade_check check;
		const char *network; /* what it answers to +CEREG; NULL: as it is, registered */
		const char *wire, *notices;
	} rows[] = {
		{ "NL668", CHECK_REGISTERED, NULL, "AT+CEREG?|AT+CGSN|AT+CGMR|",
			"preparing|verdict already|idle|identified|" },
		{ "NL668", CHECK_PDP, NULL, "AT+CEREG?|AT+CGSN|AT+CGMR|",
			"preparing|verdict already|idle|identified|" },
		{ "L610", CHECK_PDP, NULL, "AT+CEREG?|AT+MIPCALL?|AT+CGSN|AT+CGMR|",
			"preparing|verdict already|idle|identified|" },
		{ "L610", CHECK_REGISTERED, "+CEREG: 0,2|OK", NULL,
			"preparing|verdict deferred not-registered|idle|identified|" },
	};

	(void) state;
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;

		rig_begin(&rig, rows[i].profile);
		rig_answer(&rig, "AT+CGMR", NEW "|OK");
		if (rows[i].network) {
			rig_answer(&rig, "AT+CEREG?", rows[i].network);
			rig_answer(&rig, "AT+CGREG?", "+CGREG: 0,2|OK");
		}
		rig.task.from = rig.task.to = NEW;
		rig.task.request = (struct gtota_request){ 0 };
		rig.task.check = rows[i].check;
		rig.task.only_check = true;
		rig_hold(&rig);
		rig_go(&rig);
		rig_until(&rig, "hold");
		rig_notices(&rig, rows[i].notices);
		assert_false(rig_did(&rig, "AT+GTSET=\"CALLBREAK\",1"));
		assert_int_equal(rig.n_starts, 0);
		if (rows[i].wire)
			assert_string_equal(strstr(rig.wire, "AT+CEREG?"), rows[i].wire);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_served),
		cmocka_unit_test(test_no_service),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_restarts),
		cmocka_unit_test(test_late_boot_text),
		cmocka_unit_test(test_lost_line),
		cmocka_unit_test(test_save_fails),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_crash),
		cmocka_unit_test(test_no_task),
		cmocka_unit_test(test_only_the_check),
	};

	return cmocka_run_group_tests_name("core/upgrade: check", tests, NULL, NULL);
}
