/* What is changed is put back: the first value, and only what was ours (conduct 3). */
#include "tests/unit/upgrade-rig.h"

static void run_to_verdict(struct rig *rig)
{
	rig_answer(rig, "AT+GTOTA=0*", "ERROR"); /* the quickest verdict after the settings */
	rig_hold(rig);
	rig_go(rig);
	for (int i = 0; i < 100 && !strstr(rig->notices, "verdict"); i++)
		rig_pass(rig, SEC);
	assert_non_null(strstr(rig->notices, "verdict failed rejected|"));
}

static void test_values(void **state)
{
	static const struct {
		const char *answer, *warning; /* to AT+GTSET? */
		const char *lines;	      /* of the restoration, behind the identification */
	} rows[] = {
		{ "+GTSET: \"CALLBREAK\",0|+GTSET: \"GPRSFIRST\",0|OK", NULL,
			"AT+GTSET=\"CALLBREAK\",0|AT+GTSET=\"GPRSFIRST\",0|" },
		{ "+GTSET: \"IPRFMT\",2|+GTSET: gprsfirst,1|+GTSET: callbreak,0|OK", NULL,
			"AT+GTSET=\"CALLBREAK\",0|AT+GTSET=\"GPRSFIRST\",1|" },
		{ "+GTSET: \"CALLBREAK\",1|OK", "will not be restored",
			"AT+GTSET=\"CALLBREAK\",1|" },
		{ "+GTSET: \"GPRSFIRST\",0|OK", "will not be restored",
			"AT+GTSET=\"GPRSFIRST\",0|" },
		/* nothing that could not be sent back as it is */
		{ "+GTSET: \"CALLBREAK\",x|+GTSET: \"GPRSFIRST\",\"a;b\"|OK",
			"will not be restored", "" },
		{ "+GTSET: \"CALLBREAK\",|+GTSET: \"GPRSFIRST\"|+GTSET:|OK", "will not be restored",
			"" },
		{ "+GTSET: \"CALLBREAK\",0000000000000000000000000000000000|OK",
			"will not be restored", "" },
		{ "ERROR", "will not be restored", "" },
		{ "OK", "will not be restored", "" },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;
		const char *once;

		rig_begin(&rig, "NL668");
		rig_answer(&rig, "AT+GTSET?", rows[i].answer);
		run_to_verdict(&rig);
		once = strstr(rig.notices, "will not be restored");
		assert_int_equal(once != NULL, rows[i].warning != NULL);
		if (once) /* said once */
			assert_null(strstr(once + 1, "will not be restored"));
		rig_forget(&rig);
		rig_restore(&rig);
		rig_until(&rig, "hold");
		rig_notices(&rig, "restored|identified|");
		assert_memory_equal(rig.wire, "AT|AT+CGMI|AT+CGMM|AT+CGMR|AT+CGSN|", 35);
		assert_string_equal(rig.wire + 35, rows[i].lines);
		assert_false(rig.durable.callbreak.written);
		assert_false(rig.durable.gprsfirst.written);
	}
}

/* The first value is durable before ours is written; our own is never taken for it, in a second
 * attempt, and after a restart of fotad. */
static void test_first_value(void **state)
{
	struct rig rig;
	(void) state;

	for (int crash = 0; crash < 2; crash++) {
		rig_begin(&rig, "L610");
		rig.task.rat = RAT_LOCK;
		run_to_verdict(&rig);
		assert_string_equal(rig.durable.callbreak.value, "0");
		assert_string_equal(rig.durable.rat.value, "10,3,0");
		rig_answer(&rig, "AT+GTSET?", "+GTSET: \"CALLBREAK\",1|+GTSET: \"GPRSFIRST\",1|OK");
		rig_answer(&rig, "AT+GTRAT?", "+GTRAT: 3|OK");
		if (crash) {
			rig_crash(&rig);
			rig_open(&rig);
			rig_until(&rig, "hold");
		}
		rig_forget(&rig);
		rig_go(&rig);
		for (int i = 0; i < 100 && !strstr(rig.notices, "verdict"); i++)
			rig_pass(&rig, SEC);
		assert_null(strstr(rig.notices, "will not be restored"));
		rig_forget(&rig);
		rig_restore(&rig);
		rig_until(&rig, "hold");
		assert_true(rig_did(&rig, "AT+GTSET=\"CALLBREAK\",0"));
		assert_true(rig_did(&rig, "AT+GTSET=\"GPRSFIRST\",0"));
		assert_true(rig_did(&rig, "AT+GTRAT=10,3,0"));
		assert_false(rig.durable.rat.written);
	}
}

/* Unreadable at first: what is read later is our own value. */
static void test_unreadable_stays(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "L610");
	rig_once(&rig, "AT+GTSET?", "ERROR");
	run_to_verdict(&rig);
	rig_answer(&rig, "AT+GTSET?", "+GTSET: \"CALLBREAK\",1|+GTSET: \"GPRSFIRST\",1|OK");
	rig_forget(&rig);
	rig_go(&rig);
	for (int i = 0; i < 100 && !strstr(rig.notices, "verdict"); i++)
		rig_pass(&rig, SEC);
	assert_null(strstr(rig.notices, "will not be restored")); /* said once */
	rig_forget(&rig);
	rig_restore(&rig);
	rig_until(&rig, "hold");
	assert_null(strstr(rig.wire, "AT+GTSET="));
}

static void test_rat(void **state)
{
	static const struct {
		const char *answer, *line; /* to AT+GTRAT?, and what puts it back */
	} rows[] = {
		{ "+GTRAT: 20,6,3|OK", "AT+GTRAT=20,6,3" },
		{ "+GTRAT: 10, 3, 0|OK", "AT+GTRAT=10,3,0" },
		{ "+GTRAT: \"auto\"|OK", NULL },
		{ "+GTRAT: 10,3,0,10,3,0,10,3,0,10,3,0,10,3,0|OK", NULL },
		{ "+GTRAT:|OK", NULL },
		{ "OK", NULL },
		{ "+CME ERROR: 4", NULL },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;

		rig_begin(&rig, "L610");
		rig.task.rat = RAT_LOCK;
		rig_answer(&rig, "AT+GTRAT?", rows[i].answer);
		run_to_verdict(&rig);
		/* What could not be put back is not changed. */
		assert_int_equal(rig_did(&rig, "AT+GTRAT=3"), rows[i].line != NULL);
		assert_int_equal(
			strstr(rig.notices, "RAT setting: it is not locked") != NULL, !rows[i].line);
		rig_forget(&rig);
		rig_restore(&rig);
		rig_until(&rig, "hold");
		assert_int_equal(strstr(rig.wire, "AT+GTRAT=") != NULL, rows[i].line != NULL);
		if (rows[i].line)
			assert_true(rig_did(&rig, rows[i].line));
	}
}

/* Only with "rat": "lock", and only where a command is known; an error is a warning. */
static void test_rat_policy(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "L610");
	run_to_verdict(&rig);
	assert_null(strstr(rig.wire, "GTRAT"));

	rig_begin(&rig, "NL668");
	rig.task.rat = RAT_LOCK;
	run_to_verdict(&rig);
	assert_null(strstr(rig.wire, "GTRAT"));

	rig_begin(&rig, "L610");
	rig.task.rat = RAT_LOCK;
	rig_answer(&rig, "AT+GTRAT=3", "+CME ERROR: 4");
	run_to_verdict(&rig);
	assert_non_null(strstr(rig.notices, "warning +CME ERROR: 4|"));
}

/* Nothing was changed: nothing is put back. MIPCALL is closed only if it was opened. */
static void test_pdp(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "L610");
	rig_hold(&rig);
	rig_restore(&rig);
	rig_until(&rig, "hold");
	rig_wire(&rig, "AT|AT+CGMI|AT+CGMM|AT+CGMR|AT+CGSN|");
	rig_notices(&rig, "restored|identified|");

	rig_begin(&rig, "L610");
	rig_once(&rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
	run_to_verdict(&rig);
	rig_restore(&rig);
	rig_until(&rig, "hold");
	assert_true(rig_did(&rig, "AT+MIPCALL=0"));
	assert_false(rig.durable.pdp_opened);
}

/* The call's own report may come after the next command was sent: it is not the answer, and nothing is asked again. */
static void test_pdp_report_late(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "L610");
	rig_once(&rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
	rig_once(&rig, "AT+MIPCALL?", "+MIPCALL: 10.112.241.69|+MIPCALL: 1,10.112.241.69|OK");
	run_to_verdict(&rig);
	assert_non_null(strstr(rig.wire, "AT+MIPCALL=1|AT+MIPCALL?|AT+CGSN|AT+CGMR|"));
}

/* One that is refused is said, and the others are put back none the less. */
static void test_refused(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	run_to_verdict(&rig);
	rig_answer(&rig, "AT+GTSET=\"CALLBREAK\",0", "+CME ERROR: 50");
	rig_forget(&rig);
	rig_restore(&rig);
	rig_until(&rig, "hold");
	rig_notices(&rig, "warning setting-refused|restored setting-refused|identified|");
	assert_true(rig_did(&rig, "AT+GTSET=\"GPRSFIRST\",0"));
}

/* What the module did not take is not there to be put back; what it took in an attempt before is. */
static void test_not_taken(void **state)
{
	static const struct {
		const char *refused, *lines; /* of the restoration, behind the identification */
	} rows[] = {
		{ "AT+GTSET=\"GPRSFIRST\",1",
			"AT+GTSET=\"CALLBREAK\",0|AT+GTRAT=10,3,0|" },
		{ "AT+GTRAT=3",
			"AT+GTSET=\"CALLBREAK\",0|AT+GTSET=\"GPRSFIRST\",0|" },
		{ "AT+GTSET=\"CALLBREAK\",1", "AT+GTRAT=10,3,0|" },
	};
	static const char all[] = "AT+GTSET=\"CALLBREAK\",0|AT+GTSET=\"GPRSFIRST\",0|"
				  "AT+GTRAT=10,3,0|";
	(void) state;

	for (size_t i = 0; i < 2 * ELEMENTSOF(rows); i++) {
		bool before = i >= ELEMENTSOF(rows);
		size_t k = i % ELEMENTSOF(rows);
		struct rig rig;

		rig_begin(&rig, "L610");
		rig.task.rat = RAT_LOCK;
		if (before)
			run_to_verdict(&rig);
		rig_answer(&rig, rows[k].refused, "+CME ERROR: 50");
		if (!before) {
			rig_answer(&rig, "AT+GTOTA=0*", "ERROR");
			rig_hold(&rig);
		}
		rig_forget(&rig);
		rig_go(&rig);
		for (int s = 0; s < 100 && !strstr(rig.notices, "verdict"); s++)
			rig_pass(&rig, SEC);
		assert_true(rig_did(&rig, rows[k].refused));
		rig_forget(&rig);
		rig_restore(&rig);
		rig_until(&rig, "hold");
		rig_notices(&rig, "restored|identified|");
		assert_string_equal(rig.wire + 35, before ? all : rows[k].lines);
	}
}

/* What could not be put back now is kept for the next time. */
static void test_interrupted(void **state)
{
	static const struct {
		int how;
		const char *notices;
	} rows[] = {
		{ 0, "restored port-lost|" },
		{ 1, "restored no-answer|refused no-answer|" },
		{ 2, "elsewhere|" },
		{ 3, "warning wrong-modem|restored wrong-modem|refused wrong-modem|" },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;

		rig_begin(&rig, "NL668");
		run_to_verdict(&rig);
		rig_forget(&rig);
		if (rows[i].how == 3)
			rig_once(&rig, "AT+CGSN", "861234567890999|OK");
		else if (rows[i].how == 1)
			for (int n = 0; n < 3; n++)
				rig_once(&rig, "AT+GTSET=\"CALLBREAK\",0", "");
		else
			rig_once(&rig, "AT+GTSET=\"CALLBREAK\",0", "");
		rig_restore(&rig);
		if (rows[i].how == 0 || rows[i].how == 2)
			rig_until(&rig, "callbreak-back");
		if (rows[i].how == 0) {
			rig_lost(&rig);
			rig_notices(&rig, rows[i].notices);
			rig_open(&rig);
		} else if (rows[i].how == 2) {
			rig_hear(&rig, "GTOTA DOWNLOADING: 3%");
			rig_notices(&rig, rows[i].notices);
		} else {
			rig_until(&rig, "refused");
			rig_notices(&rig, rows[i].notices);
		}
		rig_until(&rig, "hold");
		assert_true(rig.d.upgrade.record.callbreak.written);
		rig_forget(&rig);
		rig_restore(&rig);
		rig_until(&rig, "hold");
		assert_true(rig_did(&rig, "AT+GTSET=\"CALLBREAK\",0"));
		rig_notices(&rig, "restored|identified|");
	}
}

/* It is asked for only while it holds; a cancel does not concern it. */
static void test_when(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_restore(&rig);
	assert_string_equal(rig.steps, "");
	run_to_verdict(&rig);
	rig_answer(&rig, "AT+GTSET=\"CALLBREAK\",0", "");
	rig_forget(&rig);
	rig_restore(&rig);
	rig_until(&rig, "callbreak-back");
	rig_cancel(&rig);
	rig_notices(&rig, "");
	assert_string_equal(rig_step(&rig), "callbreak-back");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_first_value),
		cmocka_unit_test(test_unreadable_stays),
		cmocka_unit_test(test_rat),
		cmocka_unit_test(test_rat_policy),
		cmocka_unit_test(test_pdp),
		cmocka_unit_test(test_pdp_report_late),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_not_taken),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_when),
	};

	return cmocka_run_group_tests_name("core/upgrade-settings", tests, NULL, NULL);
}
