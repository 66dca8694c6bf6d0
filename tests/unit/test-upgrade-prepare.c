/* May it start? The order (conduct 2), every refusal (18), and what of it is final. */
#include "tests/unit/upgrade-rig.h"

#define IDENTIFY "AT|AT+CGMI|AT+CGMM|AT+CGMR|AT+CGSN|"
#define SETTINGS "AT+GTSET?|AT+GTSET=\"CALLBREAK\",1|AT+GTSET=\"GPRSFIRST\",1|"
#define AGAIN	 "AT+CGSN|AT+CGMR|"

static const char *const long_name = "a-name-for-an-access-point-that-goes-on-and-on-and-on-and-on-"
				     "and-on-and-on-and-on-and-on-and-on-and-on-and-on";

static void test_order(void **state)
{
	struct rig rig;
	(void) state;

	/* the least that is asked */
	rig_begin(&rig, "NL668");
	rig_hold(&rig);
	rig_go(&rig);
	rig_until(&rig, "download");
	rig_wire(&rig, IDENTIFY
		"ATE0|AT+CMEE=1|AT+CPIN?|AT+GTOTA=?|AT+CEREG?|" SETTINGS AGAIN HTTP_START "|");
	rig_notices(&rig, "preparing|downloading|");

	/* all of it; L610 wants a context */
	rig_begin(&rig, "L610");
	rig.task.require = (struct requirement){ TECHNOLOGY_LTE, true, -100, true, 3500, true };
	rig.task.rat = RAT_LOCK;
	rig_once(&rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
	rig_hold(&rig);
	rig_go(&rig);
	rig_until(&rig, "download");
	rig_wire(&rig, IDENTIFY
		"ATE0|AT+CMEE=1|AT+CPIN?|AT+GTOTA=?|AT+CBC|AT+CPAS|AT+CEREG?|AT+COPS?|AT+CSQ|"
		"AT+GTRAT?|AT+GTRAT=3|AT+CEREG?|" SETTINGS
		"AT+MIPCALL?|AT+MIPCALL=1|AT+MIPCALL?|" AGAIN HTTP_START "|");
	rig_notices(&rig, "preparing|downloading|");
}

/* A line of the module's own between command and answer belongs to neither. */
static void test_chatty(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "L610");
	rig.chatty = true;
	rig.task.require = (struct requirement){ TECHNOLOGY_LTE, true, -100, true, 3500, true };
	rig.task.rat = RAT_LOCK;
	rig_once(&rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
	rig_hold(&rig);
	rig_go(&rig);
	rig_until(&rig, "download");
	rig_notices(&rig, "preparing|downloading|");
	rig_answer(&rig, "AT+CGMR", NEW "|OK");
	rig_hear(&rig, "GTOTA DOWNLOAD COMPLETE");
	rig_lost(&rig);
	rig_open(&rig);
	rig_until(&rig, "hold");
	rig_notices(&rig, "installing|verifying|verdict succeeded|idle|identified|");
	rig_restore(&rig);
	rig_until(&rig, "hold");
	rig_notices(&rig, "restored|identified|");
	assert_true(rig_did(&rig, "AT+GTRAT=10,3,0"));
}

static void test_ftp(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig.task.request = (struct gtota_request){ GTOTA_FTP, "fota.example.net:21", "a/b.bin",
		"user", "secret" };
	rig_hold(&rig);
	rig_go(&rig);
	rig_until(&rig, "download");
	assert_true(rig_did(
		&rig, "AT+GTOTA=1,\"fota.example.net:21\",\"a/b.bin\",\"user\",\"secret\""));
	/* conduct 12: it stays nowhere */
	assert_null(memmem(&rig.d, sizeof(rig.d), "secret", 6));
	assert_null(memmem(&rig.box, sizeof(rig.box), "secret", 6));
}

static void test_already(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+CGMR", NEW "|OK");
	rig_hold(&rig);
	rig_go(&rig);
	rig_pass(&rig, MINUTE);
	rig_wire(&rig, IDENTIFY "ATE0|AT+CMEE=1|");
	rig_notices(&rig, "preparing|verdict already|idle|identified|");
	assert_int_equal(rig.d.upgrade.record.attempt, 0);
	assert_true(upgrade_is_holding(&rig.d.upgrade));
}

/* A full image fits any version but the target. */
static void test_full_image(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig.task.from = "*";
	rig_answer(&rig, "AT+CGMR", "19006.1000.00.01.11|OK");
	rig_started(&rig);
	assert_string_equal(rig.durable.from, "19006.1000.00.01.11");
	assert_string_equal(rig.durable.to, NEW);
}

/* What is refused, and how: `within` bounds the asking. */
static void test_refusals(void **state)
{
	static const struct {
		const char *command, *answer;
		const char *verdict;
		usec_t after, within;
	} rows[] = {
		{ "AT+CGMR", "19006.1000.00.01.27|OK", "failed base-mismatch", 0, SEC },
		{ "AT+CPIN?", "+CPIN: SIM PIN|OK", "failed sim-not-ready", 0, SEC },
		{ "AT+CPIN?", "+CME ERROR: 10", "failed sim-not-ready", 0, SEC },
		{ "AT+CPIN?", "+CME ERROR: 14", "failed sim-not-ready", 20 * SEC, 40 * SEC },
		{ "AT+CPIN?", "ERROR", "failed sim-not-ready", 20 * SEC, 40 * SEC },
		{ "AT+CPIN?", "OK", "failed sim-not-ready", 20 * SEC, 40 * SEC },
		{ "AT+CPIN?", "+CPIN: |OK", "failed sim-not-ready", 20 * SEC, 40 * SEC },
		{ "AT+CPIN?", "", "deferred no-answer", 50 * SEC, 3 * MINUTE },
		{ "AT+GTOTA=?", "ERROR", "failed unsupported", 0, SEC },
		{ "AT+GTOTA=?", "", "deferred no-answer", 15 * SEC, MINUTE },
		{ "AT+CBC", "+CBC: 0,80,3499|OK", "deferred low-supply", 0, SEC },
		{ "AT+CPAS", "+CPAS: 3|OK", "deferred in-call", 0, SEC },
		{ "AT+CPAS", "+CPAS: 4|OK", "deferred in-call", 0, SEC },
		{ "AT+CEREG?", "+CEREG: 0,0|OK", "deferred not-registered", 3 * MINUTE - 4 * SEC,
			3 * MINUTE },
		{ "AT+CEREG?", "+CEREG: 0,3|OK", "deferred not-registered", 3 * MINUTE - 4 * SEC,
			3 * MINUTE },
		{ "AT+CEREG?", "+CEREG: 1|OK", "deferred not-registered", 3 * MINUTE - 4 * SEC,
			3 * MINUTE }, /* as unsolicited: <stat> alone is no answer */
		{ "AT+CEREG?", "+CEREG: 0,x|OK", "deferred not-registered", 3 * MINUTE - 4 * SEC,
			3 * MINUTE },
		{ "AT+CEREG?", "OK", "deferred not-registered", 3 * MINUTE - 4 * SEC, 3 * MINUTE },
		{ "AT+CEREG?", "ERROR", "deferred not-registered", 3 * MINUTE - 4 * SEC,
			3 * MINUTE },
		{ "AT+CEREG?", "+CEREG: 0,5|OK", "deferred roaming", 0, SEC },
		{ "AT+COPS?", "+COPS: 0,2,\"46011\",0|OK", "deferred slow-network", 0, SEC },
		{ "AT+COPS?", "+COPS: 0,2,\"46011\",6|OK", "deferred slow-network", 0, SEC },
		{ "AT+COPS?", "+COPS: 0,2,\"46011\",8|OK", "deferred slow-network", 0, SEC },
		{ "AT+CSQ", "+CSQ: 6,99|OK", "deferred weak-signal", 10 * SEC,
			20 * SEC }, /* -101 */
		{ "AT+CSQ", "+CSQ: 99,99|OK", "deferred weak-signal", 10 * SEC, 20 * SEC },
		{ "AT+CSQ", "+CSQ: -1,99|OK", "deferred weak-signal", 10 * SEC, 20 * SEC },
		{ "AT+CSQ", "+CSQ: x|OK", "deferred weak-signal", 10 * SEC, 20 * SEC },
		{ "AT+CSQ", "OK", "deferred weak-signal", 10 * SEC, 20 * SEC },
		{ "AT+CSQ", "ERROR", "deferred weak-signal", 10 * SEC, 20 * SEC },
		{ "AT+GTSET=\"CALLBREAK\",1", "ERROR", "failed setting-refused", 0, SEC },
		{ "AT+GTSET=\"CALLBREAK\",1", "", "deferred no-answer", 15 * SEC, MINUTE },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;
		char verdict[64] = "verdict ";
		usec_t begun, took = 0;

		rig_begin(&rig, "NL668");
		rig.task.require =
			(struct requirement){ TECHNOLOGY_LTE, true, -100, true, 3500, true };
		rig_answer(&rig, rows[i].command, rows[i].answer);
		rig_hold(&rig);
		begun = rig.now;
		rig_go(&rig);
		while (!strstr(rig.notices, "verdict") && took < HOUR) {
			rig_pass(&rig, SEC);
			took = rig.now - begun;
		}
		if (!strstr(rig.notices, strcat(verdict, rows[i].verdict)))
			fail_msg("row %zu: %s", i, rig.notices);
		if (took < rows[i].after || took > rows[i].within + SEC)
			fail_msg("row %zu took %llu us", i, (unsigned long long) took);
		assert_int_equal(rig.n_starts, 0);
		assert_int_equal(rig.d.upgrade.record.attempt, 0);
		assert_null(rig.d.upgrade.task);
		/* it can be tried again */
		rig_until(&rig, "hold");
		assert_int_equal(upgrade_next_start(&rig.d.upgrade), 0);
	}
}

/* What looks alike, and is accepted. */
static void test_accepted(void **state)
{
	static const struct {
		enum technology technology;
		const char *command, *answer;
		const char *notices;
	} rows[] = {
		{ TECHNOLOGY_LTE, "AT+CBC", "+CBC: 0,80,3500|OK", "preparing|downloading|" },
		{ TECHNOLOGY_LTE, "AT+CBC", "+CBC: 0,80|OK",
			"preparing|warning the module does not tell its supply "
			"voltage|downloading|" },
		{ TECHNOLOGY_LTE, "AT+CBC", "+CBC: 0|OK",
			"preparing|warning the module does not tell its supply "
			"voltage|downloading|" },
		{ TECHNOLOGY_LTE, "AT+CBC", "+CBC:|OK",
			"preparing|warning the module does not tell its supply "
			"voltage|downloading|" },
		{ TECHNOLOGY_LTE, "AT+CBC", "OK",
			"preparing|warning the module does not tell its supply "
			"voltage|downloading|" },
		{ TECHNOLOGY_LTE, "AT+CBC", "ERROR",
			"preparing|warning the module does not tell its supply "
			"voltage|downloading|" },
		{ TECHNOLOGY_LTE, "AT+CPAS", "ERROR",
			"preparing|warning the module does not tell whether a call is in progress|"
			"downloading|" },
		{ TECHNOLOGY_LTE, "AT+CPAS", "+CPAS: x|OK", "preparing|downloading|" },
		{ TECHNOLOGY_LTE, "AT+CPAS", "OK", "preparing|downloading|" },
		{ TECHNOLOGY_LTE, "AT+COPS?", "+COPS: 0|OK",
			"preparing|warning the module does not tell its access "
			"technology|downloading|" },
		{ TECHNOLOGY_LTE, "AT+COPS?", "+COPS:|OK",
			"preparing|warning the module does not tell its access "
			"technology|downloading|" },
		{ TECHNOLOGY_LTE, "AT+COPS?", "+COPS: 0,2|OK",
			"preparing|warning the module does not tell its access "
			"technology|downloading|" },
		{ TECHNOLOGY_LTE, "AT+COPS?", "+COPS: 0,2,\"46011\"|OK",
			"preparing|warning the module does not tell its access "
			"technology|downloading|" },
		{ TECHNOLOGY_LTE, "AT+COPS?", "OK",
			"preparing|warning the module does not tell its access "
			"technology|downloading|" },
		{ TECHNOLOGY_LTE, "AT+COPS?", "ERROR",
			"preparing|warning the module does not tell its access "
			"technology|downloading|" },
		{ TECHNOLOGY_LTE, "AT+COPS?", "+COPS: 0,2,\"46011\",9|OK",
			"preparing|downloading|" },
		{ TECHNOLOGY_UMTS, "AT+COPS?", "+COPS: 0,2,\"46011\",2|OK",
			"preparing|downloading|" },
		{ TECHNOLOGY_LTE, "AT+CSQ", "+CSQ: 7,99|OK", "preparing|downloading|" }, /* -99 */
		{ TECHNOLOGY_LTE, "AT+CSQ", "+CSQ: 31,0|OK", "preparing|downloading|" },
		{ TECHNOLOGY_LTE, "AT+GTOTA=?", "OK", "preparing|downloading|" },
		{ TECHNOLOGY_LTE, "AT+GTSET=\"GPRSFIRST\",1", "ERROR",
			"preparing|warning ERROR|downloading|" },
		{ TECHNOLOGY_LTE, "AT+GTSET=\"GPRSFIRST\",1", "",
			"preparing|warning no-answer|downloading|" },
		{ TECHNOLOGY_LTE, "ATE0", "ERROR", "preparing|warning ERROR|downloading|" },
		{ TECHNOLOGY_LTE, "AT+CMEE=1", "ERROR", "preparing|warning ERROR|downloading|" },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;

		rig_begin(&rig, "NL668");
		rig.task.require =
			(struct requirement){ rows[i].technology, true, -100, false, 3500, true };
		rig_answer(&rig, rows[i].command, rows[i].answer);
		rig_hold(&rig);
		rig_go(&rig);
		rig_until(&rig, "download");
		rig_notices(&rig, rows[i].notices);
	}
}

/* 2G is never fast enough for UMTS, whichever its number. */
static void test_gsm(void **state)
{
	static const char *const answers[] = { "+COPS: 0,2,\"46011\",0|OK",
		"+COPS: 0,2,\"46011\",1|OK", "+COPS: 0,2,\"46011\",3|OK",
		"+COPS: 0,2,\"46011\",8|OK" };
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(answers); i++) {
		struct rig rig;

		rig_begin(&rig, "NL668");
		rig.task.require.technology = TECHNOLOGY_UMTS;
		rig_answer(&rig, "AT+COPS?", answers[i]);
		rig_hold(&rig);
		rig_go(&rig);
		rig_pass(&rig, SEC);
		rig_notices(&rig, "preparing|verdict deferred slow-network|idle|identified|");
	}
}

/* Registered for GPRS only, home and abroad. */
static void test_network_kinds(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+CEREG?", "+CEREG: 0,4|OK");
	rig_once(&rig, "AT+CGREG?", "+CGREG: 0,2|OK");
	rig_answer(&rig, "AT+CGREG?", "+CGREG: 2,5,\"00\",\"00\"|OK");
	rig_hold(&rig);
	rig_go(&rig);
	rig_until(&rig, "download");
	rig_notices(&rig, "preparing|downloading|"); /* roaming is allowed by default */
	assert_non_null(strstr(rig.wire, "AT+CEREG?|AT+CGREG?|AT+CEREG?|AT+CGREG?|AT+GTSET?|"));
}

/* The SIM is busy for a while after the start of the module. */
static void test_sim_busy(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	for (int i = 0; i < 9; i++)
		rig_once(&rig, "AT+CPIN?", i % 2 ? "+CME ERROR: 14" : "");
	rig_answer(&rig, "AT+CPIN?", "+CPIN: ready|OK");
	rig_started(&rig);
}

static void test_probe_warns(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig.profile.probe = PROFILE_PROBE_WARN;
	rig_answer(&rig, "AT+GTOTA=?", "+CME ERROR: 4");
	rig_hold(&rig);
	rig_go(&rig);
	rig_until(&rig, "download");
	rig_notices(&rig, "preparing|warning AT+GTOTA=? was answered with an error|downloading|");
	assert_int_equal(rig.last.cme, 4);
}

static void test_pdp(void **state)
{
	static const struct {
		struct apn apn;
		const char *line;
	} rows[] = {
		{ { 0 }, "AT+MIPCALL=1" },
		{ { .name = "iot.example" }, "AT+MIPCALL=1,\"iot.example\"" },
		{ { .name = "iot.example", .username = "gw" },
			"AT+MIPCALL=1,\"iot.example\",\"gw\",\"\"" },
		{ { .name = "iot.example", .username = "gw", .password = "secret" },
			"AT+MIPCALL=1,\"iot.example\",\"gw\",\"secret\"" },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;

		rig_begin(&rig, "L610");
		rig.task.apn = rows[i].apn;
		rig_once(&rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
		rig_once(&rig, "AT+MIPCALL?", "ERROR"); /* not yet */
		rig_hold(&rig);
		rig_go(&rig);
		rig_until(&rig, "download");
		assert_true(rig_did(&rig, rows[i].line));
		assert_true(rig.durable.pdp_opened);
		assert_null(memmem(&rig.d, sizeof(rig.d), "\"secret", 7));
		assert_null(memmem(&rig.box, sizeof(rig.box), "\"secret", 7));
	}
}

/* conduct 3: closed only if fotad opened it */
static void test_pdp_whose(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "L610"); /* it is there */
	rig_started(&rig);
	assert_false(rig.durable.pdp_opened);

	rig_begin(&rig, "L610"); /* refused as "already active" by some firmware (protocol, 3) */
	rig_once(&rig, "AT+MIPCALL?", "+MIPCALL: 2|OK");
	rig_answer(&rig, "AT+MIPCALL=1", "ERROR");
	rig_started(&rig);
	assert_false(rig.durable.pdp_opened);

	rig_begin(&rig, "L610"); /* no answer: it may be ours */
	rig_once(&rig, "AT+MIPCALL?", "ERROR");
	rig_answer(&rig, "AT+MIPCALL=1", "");
	rig_started(&rig);
	assert_true(rig.durable.pdp_opened);
}

static void test_pdp_fails(void **state)
{
	struct rig rig;
	char name[1100] = "";
	(void) state;

	rig_begin(&rig, "L610");
	rig_answer(&rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
	rig_hold(&rig);
	rig_go(&rig);
	rig_pass(&rig, 3 * MINUTE + SEC);
	rig_notices(&rig, "preparing|verdict deferred pdp-failed|idle|identified|");

	/* a name that fits no line: asked none the less, in case a context is there */
	rig_begin(&rig, "L610");
	while (strlen(name) + strlen(long_name) < sizeof(name))
		strcat(name, long_name);
	rig.task.apn.name = name;
	rig_once(&rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
	rig_started(&rig);
	assert_string_equal(rig.last.text, "pdp-open");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_chatty),
		cmocka_unit_test(test_ftp),
		cmocka_unit_test(test_already),
		cmocka_unit_test(test_full_image),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_gsm),
		cmocka_unit_test(test_network_kinds),
		cmocka_unit_test(test_sim_busy),
		cmocka_unit_test(test_probe_warns),
		cmocka_unit_test(test_pdp),
		cmocka_unit_test(test_pdp_whose),
		cmocka_unit_test(test_pdp_fails),
	};

	return cmocka_run_group_tests_name("core/upgrade-prepare", tests, NULL, NULL);
}
