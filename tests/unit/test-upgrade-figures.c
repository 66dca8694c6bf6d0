/* What an attempt learns of the network by the way: the serving cell, and what the module hears before and after. */
#include "tests/unit/upgrade-rig.h"

#define IDENTIFY "AT|AT+CGMI|AT+CGMM|AT+CGMR|AT+CGSN|"
#define SETTINGS "AT+GTSET?|AT+GTSET=\"CALLBREAK\",1|AT+GTSET=\"GPRSFIRST\",1|"
#define AGAIN	 "AT+CGSN|AT+CGMR|"

static void test_cell(void **state)
{
	static const struct {
		const char *eps, *gprs, *cell;
	} rows[] = {
		{ "+CEREG: 2,1,\"1A2B\",\"01C3D4E5\",7|OK", "", "1A2B-1C3D4E5" },
		{ "+CEREG: 2,5,\"1a2b\",\"1c3d4e5\"|OK", "", "1A2B-1C3D4E5" },
		{ "+CEREG: 5,1,00FF,0000A001,7,,,\"00000000\",\"00000000\"|OK", "", "FF-A001" },
		/* on 2G and 3G the second question has the answer */
		{ "+CEREG: 2,0|OK", "+CGREG: 2,1,\"D5D6\",\"8054\",0|OK", "D5D6-8054" },
		{ "+CEREG: 0,1|OK", "", "" },
		{ "+CEREG: 2,1|OK", "", "" },
		{ "+CEREG: 2,1,\"1A2B\"|OK", "", "" },
		{ "+CEREG: 2,1,,,7|OK", "", "" },
		{ "+CEREG: 2,1,\"1A2B\",\"00000000\",7|OK", "", "" },
		{ "+CEREG: 2,1,\"FFFF\",\"FFFFFFFF\",7|OK", "", "" },
		{ "+CEREG: 2,1,\"1A2B\",\"01C3D4G5\",7|OK", "", "" },
		{ "+CEREG: 2,1,\"1A2B1A2B1A2B\",\"01C3D4E5\",7|OK", "", "" },
		{ "+CEREG: 2,1,\"1A2B\",\"01C3D4E501C3D4E501C3D4E5\",7|OK", "", "" },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;

		rig_begin(&rig, "NL668");
		rig_answer(&rig, "AT+CEREG?", rows[i].eps);
		rig_answer(&rig, "AT+CGREG?", rows[i].gprs);
		rig_hold(&rig);
		rig_go(&rig);
		rig_until(&rig, "download");
		assert_string_equal(rig.d.upgrade.cell, rows[i].cell);
	}
}

/* What an attempt before has heard is no news. */
static void test_cell_of_now(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_once(&rig, "AT+CEREG?", "+CEREG: 2,1,\"1A2B\",\"01C3D4E5\",7|OK");
	rig.task.require = (struct requirement){ .check_rssi = true, .rssi_dbm = -60 };
	rig_hold(&rig);
	rig_go(&rig);
	rig_pass(&rig, MINUTE);
	rig_notices(&rig, "preparing|verdict deferred weak-signal|idle|identified|");
	assert_string_equal(rig.d.upgrade.cell, "1A2B-1C3D4E5");
	rig.task.require.rssi_dbm = -100;
	rig_go(&rig);
	rig_until(&rig, "download");
	assert_string_equal(rig.d.upgrade.cell, "");
}

/* Read for a brake: before the start and in the check, and neither is a reason to refuse anything. */
static void test_signal(void **state)
{
	static const struct {
		const char *before, *after; /* answers */
		const char *wire;	    /* after the return */
		int dbm_before, dbm_after;
	} rows[] = {
		{ "+CSQ: 18,99|OK", "+CSQ: 13,99|OK", "AT+CSQ|", 77, 87 },
		{ "+CSQ: 31,99|OK", "+CSQ: 0,99|OK", "AT+CSQ|", 51, 113 },
		{ "+CSQ: 99,99|OK", "+CSQ: 99,99|OK", "AT+CSQ|AT+CSQ|AT+CSQ|", -1, -1 },
		{ "ERROR", "ERROR", "AT+CSQ|AT+CSQ|AT+CSQ|", -1, -1 },
		{ "+CSQ: 32,99|OK", "", "AT+CSQ|AT|AT+CSQ|AT|AT+CSQ|AT|", -1, -1 },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		char wire[256] = "AT|ATE0|AT+CGSN|AT+CGMR|AT|ATE0|AT+CGSN|AT+CGMR|AT+CEREG?|";
		struct rig rig;

		rig_begin(&rig, "NL668");
		rig.task.check = CHECK_REGISTERED;
		rig.task.signal = true;
		rig_answer(&rig, "AT+CSQ", rows[i].before);
		rig_hold(&rig);
		rig_go(&rig);
		rig_until(&rig, "download");
		rig_wire(&rig, IDENTIFY
			"ATE0|AT+CMEE=1|AT+CPIN?|AT+GTOTA=?|AT+CEREG?|AT+CSQ|" SETTINGS AGAIN
				HTTP_START "|");
		rig_answer(&rig, "AT+CSQ", rows[i].after);
		rig_answer(&rig, "AT+CGMR", NEW "|OK");
		rig_hear(&rig, "GTOTA DOWNLOAD COMPLETE");
		rig_lost(&rig);
		rig_open(&rig);
		rig_until(&rig, "hold");
		strcat(wire, rows[i].wire);
		rig_wire(&rig, wire);
		rig_notices(&rig, rows[i].after[0] ? "preparing|downloading|installing|verifying|"
						     "verdict succeeded|idle|identified|"
						   : "preparing|downloading|installing|verifying|"
						     "warning no-answer|verdict succeeded|"
						     "idle|identified|");
		assert_int_equal(rig.d.upgrade.evidence->rssi_before, rows[i].dbm_before);
		assert_int_equal(rig.d.upgrade.evidence->rssi_after, rows[i].dbm_after);
	}
}

/* What `require` wants is wanted all the same. */
static void test_signal_required(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig.task.require = (struct requirement){ .check_rssi = true, .rssi_dbm = -76 };
	rig.task.signal = true;
	rig_answer(&rig, "AT+CSQ", "+CSQ: 18,99|OK");
	rig_hold(&rig);
	rig_go(&rig);
	rig_pass(&rig, MINUTE);
	rig_notices(&rig, "preparing|verdict deferred weak-signal|idle|identified|");
	assert_int_equal(rig.d.upgrade.evidence->rssi_before, 77);
}

/* A line of its own in the middle of the question: what runs is asked again, and then the signal. */
static void test_signal_disturbed(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig.task.check = CHECK_REGISTERED;
	rig.task.signal = true;
	rig_started(&rig);
	rig_answer(&rig, "AT+CGMR", NEW "|OK");
	rig_hear(&rig, "GTOTA DOWNLOAD COMPLETE");
	rig_lost(&rig);
	rig_open(&rig);
	rig_once(&rig, "AT+CSQ", "");
	rig_until(&rig, "check-signal");
	rig_lost(&rig);
	rig_open(&rig);
	rig_until(&rig, "hold");
	assert_int_equal(rig.d.upgrade.evidence->rssi_after, 73);
	assert_int_equal(rig.last.outcome, OUTCOME_SUCCEEDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cell),
		cmocka_unit_test(test_cell_of_now),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_signal_required),
		cmocka_unit_test(test_signal_disturbed),
	};

	return cmocka_run_group_tests_name("upgrade-figures", tests, NULL, NULL);
}
