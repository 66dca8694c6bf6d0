/* What comes between, before the point of no return (conduct 2, 13, 18). */
#include "tests/unit/upgrade-rig.h"

/* A module that restarts on the way, or is another: it starts over (conduct 2). */
static void test_starts_over(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668"); /* boot text */
	rig.task.require.check_rssi = true;
	rig.task.require.rssi_dbm = -100;
	rig_once(&rig, "AT+CSQ", "");
	rig_hold(&rig);
	rig_go(&rig);
	rig_until(&rig, "signal");
	rig_forget(&rig);
	rig_hear(&rig, "AT command ready");
	rig_until(&rig, "download");
	rig_notices(&rig, "idle|preparing|downloading|");
	assert_non_null(strstr(rig.wire, "AT|AT+CGMI|AT+CGMM|AT+CGMR|AT+CGSN|ATE0|AT+CMEE=1|"));

	rig_begin(&rig, "NL668"); /* other version: the base fits no more */
	rig_once(&rig, "AT+CGMR", OLD "|OK");
	rig_once(&rig, "AT+CGMR", OLD "|OK");
	rig_answer(&rig, "AT+CGMR", "19006.1000.00.01.30|OK");
	rig_hold(&rig);
	rig_go(&rig);
	rig_pass(&rig, 10 * SEC);
	rig_notices(&rig, "preparing|idle|preparing|verdict failed base-mismatch|idle|identified|");

	rig_begin(&rig, "NL668"); /* another module answers */
	rig_once(&rig, "AT+CGSN", IMEI "|OK");
	rig_once(&rig, "AT+CGSN", IMEI "|OK");
	rig_answer(&rig, "AT+CGSN", "861234567890999|OK");
	rig_hold(&rig);
	rig_go(&rig);
	rig_pass(&rig, 10 * SEC);
	rig_notices(
		&rig, "preparing|idle|warning wrong-modem|verdict failed wrong-modem|identified|");
	assert_int_equal(rig.n_starts, 0);

	rig_begin(&rig, "NL668"); /* neither can be read any more */
	rig_once(&rig, "AT+CGSN", IMEI "|OK");
	rig_once(&rig, "AT+CGSN", IMEI "|OK");
	rig_answer(&rig, "AT+CGSN", "ERROR");
	rig_hold(&rig);
	rig_go(&rig);
	rig_pass(&rig, 10 * SEC);
	rig_notices(&rig, "preparing|verdict deferred no-answer|idle|");

	rig_begin(&rig, "NL668");
	rig_once(&rig, "AT+CGMR", OLD "|OK");
	rig_once(&rig, "AT+CGMR", OLD "|OK");
	rig_once(&rig, "AT+CGMR", "OK");
	rig_started(&rig); /* once more was enough */
}

/* The port goes and comes back on the way: from the beginning, with the same task. */
static void test_port_lost(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_once(&rig, "AT+CPIN?", "");
	rig_hold(&rig);
	rig_go(&rig);
	rig_until(&rig, "sim");
	rig_lost(&rig);
	rig_pass(&rig, MINUTE);
	rig_open(&rig);
	rig_until(&rig, "download");
	rig_notices(&rig, "preparing|idle|preparing|downloading|");

	/* it does not come back */
	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+CPIN?", "");
	rig_hold(&rig);
	rig_go(&rig);
	rig_until(&rig, "sim");
	rig_lost(&rig);
	rig_pass(&rig, 3 * MINUTE - 1);
	rig_notices(&rig, "preparing|idle|");
	rig_pass(&rig, 1);
	rig_notices(&rig, "verdict deferred port-lost|");
	assert_int_equal(dialogue_deadline(&rig.d), USEC_INFINITY);

	/* it goes again and again */
	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+CPIN?", "");
	rig_hold(&rig);
	rig_go(&rig);
	for (int i = 0; i < 6; i++) {
		rig_until(&rig, "sim");
		assert_null(strstr(rig.notices, "verdict"));
		rig_lost(&rig);
		if (i < 5)
			rig_open(&rig);
	}
	assert_non_null(strstr(rig.notices, "verdict deferred port-lost|"));
}

/* The module falls silent in the middle. */
static void test_dies(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_hold(&rig);
	rig_go(&rig);
	rig_hear(&rig, "+CEREG: 1");
	rig_until(&rig, "download");

	rig_begin(&rig, "NL668");
	rig_once(&rig, "AT", "OK");
	rig_once(&rig, "AT", "OK");
	rig_answer(&rig, "AT", "");
	rig_answer(&rig, "AT+CPIN?", "");
	rig_hold(&rig);
	rig_go(&rig);
	rig_pass(&rig, MINUTE / 2);
	rig_notices(&rig, "preparing|verdict deferred no-answer|idle|");
	assert_string_equal(rig_step(&rig), "refused");
	rig_go(&rig); /* not while it is not known who is there */
	rig_notices(&rig, "verdict deferred busy|");
}

/* Cancel: at once, in every step before the start, and nothing more is sent (conduct 13). */
static void test_cancel(void **state)
{
	static const char *const commands[] = { "AT+CGMI", "ATE0", "AT+CPIN?", "AT+CEREG?",
		"AT+GTSET?", "AT+GTSET=\"CALLBREAK\",1", "AT+CGMR" };
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
		struct rig rig;

		rig_begin(&rig, "NL668");
		rig_hold(&rig);
		rig_answer(&rig, commands[i], "");
		rig_go(&rig);
		for (int n = 0; n < 100 && !rig_did(&rig, commands[i]); n++)
			rig_pass(&rig, 100 * MSEC);
		rig_forget(&rig);
		rig_cancel(&rig);
		assert_non_null(strstr(rig.notices, "verdict cancelled cancelled|"));
		rig_cancel(&rig); /* twice changes nothing */
		assert_null(strstr(strstr(rig.notices, "verdict") + 1, "verdict"));
		rig_pass(&rig, HOUR);
		assert_int_equal(rig.n_starts, 0);
		assert_int_equal(rig.d.upgrade.record.attempt, 0);
	}
}

static void test_cancel_without_port(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+CPIN?", "");
	rig_hold(&rig);
	rig_go(&rig);
	rig_until(&rig, "sim");
	rig_lost(&rig);
	rig_cancel(&rig);
	rig_notices(&rig, "preparing|idle|verdict cancelled cancelled|");
	rig_answer(&rig, "AT+CPIN?", "+CPIN: READY|OK");
	rig_open(&rig);
	rig_pass(&rig, HOUR);
	assert_int_equal(rig.n_starts, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starts_over),
		cmocka_unit_test(test_port_lost),
		cmocka_unit_test(test_dies),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_without_port),
	};

	return cmocka_run_group_tests_name("core/upgrade-interrupt", tests, NULL, NULL);
}
