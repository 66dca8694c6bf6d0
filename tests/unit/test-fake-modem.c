/*
 * The fake modem: the families' ways through the whole procedure, and its line layer.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <cmocka.h>

#include "base/text.h"
#include "tests/unit/fake-rig.h"

#define L610_PACKAGE "FOTAD-PACKAGE L610-CN " RIG_FROM " " RIG_TO "\n"
#define HTTP	     "AT+GTOTA=0,\"http://fota.example.net/28-30.bin\""

struct exchange {
	const char *line;
	const char *answer;
};

/* Each line and the whole answer to it, echo off. */
static void converse(struct rig *rig, const struct exchange *exchanges, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		rig_clear(rig);
		rig_send(rig, exchanges[i].line);
		assert_string_equal(rig->wire, exchanges[i].answer);
	}
}

#define OK    "\r\nOK\r\n"
#define ERROR "\r\nERROR\r\n"

static void test_l610(void **state)
{
	static const struct exchange exchanges[] = {
		{ "AT", "AT\r" OK },
		{ "ATE0", "ATE0\r" OK },
		{ "AT+CMEE=1", OK },
		{ "AT+CGMI", "\r\nFibocom\r\n" OK },
		{ "AT+CGMM", "\r\nL610-CN-62-36\r\n" OK },
		{ "AT+CGMR", "\r\n" RIG_FROM "\r\n" OK },
		{ "at+cgsn=1", "\r\n861234560000070\r\n" OK },
		{ "AT+CPIN?", "\r\n+CPIN: READY\r\n" OK },
		{ "AT+CBC", "\r\n+CBC: 0,80,3840\r\n" OK },
		{ "AT+CPAS", "\r\n+CPAS: 0\r\n" OK },
		{ "AT+CEREG?", "\r\n+CEREG: 0,1\r\n" OK },
		{ "AT+COPS?", "\r\n+COPS: 0,2,\"26201\",7\r\n" OK },
		{ "AT+CSQ", "\r\n+CSQ: 18,99\r\n" OK },
		{ "AT+GTRAT?", "\r\n+GTRAT: 10,3,0\r\n" OK },
		{ "AT+GTSET?", "\r\n+GTSET: \"IPRFMT\",0\r\n\r\n+GTSET: \"CALLBREAK\",0\r\n"
			       "\r\n+GTSET: \"GPRSFIRST\",0\r\n" OK },
		{ "AT+GTSET=\"CALLBREAK\",1", OK },
		{ "AT+GTSET=\"GPRSFIRST\",1", OK },
		{ HTTP, "\r\n+CME ERROR: 901\r\n" }, /* no PDP yet */
		{ "AT+MIPCALL?", "\r\n+MIPCALL: 0\r\n" OK },
		{ "AT+MIPCALL=1,\"iot\",\"u\",\"p\"", OK "\r\n+MIPCALL: 10.112.241.1\r\n" },
		{ "AT+MIPCALL?", "\r\n+MIPCALL: 1,10.112.241.1\r\n" OK },
		{ "AT+GTOTA=?", "\r\n+GTOTA: <type>,<\"url\">[,<\"filename\">,<\"username\">,"
				"<\"password\">]\r\n" OK },
		{ HTTP, OK "\r\nGTOTA DOWNLOAD START\r\n\r\nGTOTA DOWNLOADING: 10%\r\n"
			   "\r\nGTOTA DOWNLOADING: 20%\r\n\r\nGTOTA DOWNLOADING: 30%\r\n"
			   "\r\nGTOTA DOWNLOADING: 40%\r\n\r\nGTOTA DOWNLOADING: 50%\r\n"
			   "\r\nGTOTA DOWNLOADING: 60%\r\n\r\nGTOTA DOWNLOADING: 70%\r\n"
			   "\r\nGTOTA DOWNLOADING: 80%\r\n\r\nGTOTA DOWNLOADING: 90%\r\n"
			   "\r\nGTOTA DOWNLOADING: 100%\r\n\r\nGTOTA DOWNLOAD COMPLETE\r\n[lost]" },
		{ "AT", "[back]\r\nAT command ready\r\n\r\n+SIM READY\r\n" },
		{ "AT+CGMR", "AT+CGMR\r\r\n" RIG_TO "\r\n" OK },
		{ "AT+NONE", "AT+NONE\r" ERROR }, /* +CMEE is 0 again */
		{ "AT+GTSET?",
			"AT+GTSET?\r\r\n+GTSET: \"IPRFMT\",0\r\n\r\n+GTSET: \"CALLBREAK\",1\r\n"
			"\r\n+GTSET: \"GPRSFIRST\",1\r\n" OK },
	};
	static struct rig rig;
	const struct fake_modem_truth *truth = fake_modem_truth(&rig.m);

	(void) state;
	rig_power(&rig, FAKE_L610, 0, NULL);
	rig.config.sim_time = 200 * MSEC;
	rig_start(&rig);
	converse(&rig, exchanges, ELEMENTSOF(exchanges));
	assert_string_equal(fake_modem_version(&rig.m), RIG_TO);
	assert_int_equal(truth->gtota_received, 2);
	assert_int_equal(truth->gtota_accepted, 1);
	assert_int_equal(truth->packages_applied, 1);
	assert_int_equal(truth->restarts, 2);
	assert_int_equal(truth->bytes_while_applying, 3); /* "AT\r" went out while it was deaf */
	assert_int_equal(truth->settings_before_identity, 2); /* ATE0 and +CMEE=1 */
	assert_true(truth->callbreak_at_start);
	assert_true(truth->pdp_at_start);
	assert_false(truth->pdp_active);
	assert_string_equal(rig.url, "http://fota.example.net/28-30.bin");
	assert_string_equal(rig.password, "-");
}

static void test_nl668_ftp(void **state)
{
	static const struct exchange exchanges[] = {
		{ "ATE0+CMEE=2", "ATE0+CMEE=2\r" OK },
		{ "AT+CGMR;+CGSN",
			"\r\n+CGMR: \"" RIG_FROM "\"\r\n\r\n+CGSN: \"861234560000070\"\r\n" OK },
		{ "AT+CGMM", "\r\n+CGMM: \"NL668-EU-00\",\"NL668\"\r\n" OK },
		{ "AT+GTSET=\"CALLBREAK\",1", OK },
		{ "AT+GTSET=\"GPRSFIRST\",1", "\r\n+CME ERROR: incorrect parameters\r\n" },
		{ "AT+GTOTA=1,\"fota.example.net:21\",\"p/28.bin\",\"u\",\"secret\"",
			OK "\r\nGTOTA DOWNLOAD START\r\n\r\nGTOTA DOWNLOADING: 10%\r\n"
			   "\r\nGTOTA DOWNLOADING: 50%\r\n\r\nGTOTA DOWNLOADING: 90%\r\n"
			   "\r\nGTOTA DOWNLOADING: 100%\r\n\r\nGTOTA DOWNLOAD COMPLETE\r\n[lost]" },
	};
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_NL668, 1, NULL);
	rig.config.percent_step = 40;
	rig_start(&rig);
	rig.head = "FOTAD-PACKAGE NL668 * " RIG_TO "\n";
	converse(&rig, exchanges, ELEMENTSOF(exchanges));
	rig_run(&rig, 5 * SEC);
	assert_string_equal(fake_modem_version(&rig.m), RIG_TO);
	assert_false(fake_modem_truth(&rig.m)->pdp_at_start);
	assert_string_equal(rig.url, "fota.example.net:21");
	assert_string_equal(rig.filename, "p/28.bin");
	assert_string_equal(rig.username, "u");
	assert_string_equal(rig.password, "secret");
}

static void test_nl652_is_silent_about_a_failure(void **state)
{
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_NL652, 0, NULL);
	rig.download_error = -2;
	rig_send(&rig, "AT+GTSET=\"CALLBREAK\",1");
	rig_clear(&rig);
	rig_send(&rig, HTTP);
	assert_string_equal(rig.wire, HTTP "\r" OK "\r\nGTOTA DOWNLOAD START\r\n");
	assert_int_equal(fake_modem_truth(&rig.m)->downloads_failed, 1);
	rig_send(&rig, HTTP);
	assert_int_equal(fake_modem_truth(&rig.m)->gtota_while_busy, 0);
	assert_true(fake_modem_truth(&rig.m)->gtota_gap_min == 1 * SEC);
}

static void test_old_nl668_wants_a_context(void **state)
{
	static const struct exchange exchanges[] = {
		{ "ATE0+CMEE=1", "ATE0+CMEE=1\r" OK },
		{ HTTP, "\r\n+CME ERROR: 148\r\n" },
		{ "AT+MIPCALL=1", OK "\r\n+MIPCALL: 10.112.241.1\r\n" },
	};
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_NL668_OLD, 0, NULL);
	converse(&rig, exchanges, ELEMENTSOF(exchanges));
	rig_send(&rig, HTTP);
	assert_int_equal(fake_modem_truth(&rig.m)->downloads_completed, 1);
}

/* What the guides forbid must not pass, whoever built it (protocol, 12, item 6). */
static void test_malformed(void **state)
{
	static const char *const lines[] = {
		"AT+GTOTA=2,\"http://h/f\"",
		"AT+GTOTA=,\"http://h/f\"",
		"AT+GTOTA=0,http://h/f",
		"AT+GTOTA=0,\"\"",
		"AT+GTOTA=0",
		"AT+GTOTA=0,\"https://h/f\"",
		"AT+GTOTA=0,\"http://h\"",
		"AT+GTOTA=0,\"http://h/\"",
		"AT+GTOTA=0,\"http://u:p@h/f\"",
		"AT+GTOTA=0,\"http://h/a b\"",
		"AT+GTOTA=0,\"http://h/f\",\"f\",\"u\",\"p\"",
		"AT+GTOTA=0, \"http://h/f\"",
		"AT+GTOTA=0,\"http://h/f\"x",
		"AT+GTOTA=0,\"http://h/fAT",
		"AT+GTOTA=1,\"h\"",
		"AT+GTOTA=1,\"h\",\"f\",\"u\"",
		"AT+GTOTA=1,\"h\",\"f\",\"u\",\"\"",
		"AT+GTOTA=1,\"ftp://h/f\",\"f\",\"u\",\"p\"",
		"AT+GTOTA=1,\"http://h\",\"f\",\"u\",\"p\"",
		"AT+GTOTA=1,\"h\",\"f\",\"u\",\"p\",\"x\"",
	};
	char line[400] = "AT+GTOTA=0,\"http://h/", *end = line + strlen(line);
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_NL668, 0, NULL);
	rig_send(&rig, "ATE0+CMEE=1");
	for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
		rig_clear(&rig);
		rig_send(&rig, lines[i]);
		assert_string_equal(rig.wire, "\r\n+CME ERROR: 50\r\n");
		assert_int_equal(fake_modem_truth(&rig.m)->gtota_malformed, i + 1);
	}
	memset(end, 'x', 255 - strlen("http://h/") + 1);
	memcpy(end + 255 - strlen("http://h/") + 1, "\"", 2);
	rig_send(&rig, line);
	assert_int_equal(fake_modem_truth(&rig.m)->gtota_received, 0);
	memcpy(end + 255 - strlen("http://h/"), "\"", 2); /* 255 bytes are allowed */
	rig_send(&rig, line);
	assert_int_equal(fake_modem_truth(&rig.m)->gtota_received, 1);
	assert_int_equal(fake_modem_truth(&rig.m)->gtota_malformed, ELEMENTSOF(lines) + 1);
}

static void test_line_layer(void **state)
{
	static const struct exchange exchanges[] = {
		{ "atE0", "atE0\r" OK },
		{ "", "" },
		{ "hello", "" },
		{ "xxAT", OK },
		{ "AT+CGMR?", ERROR },
		{ "ATS3=13", OK },
		{ "AT+CPIN?;+NONE;+CSQ", "\r\n+CPIN: READY\r\n" ERROR },
		{ "ATV0", "0\r" },
		{ "AT+CSQ", "+CSQ: 18,99\r\n0\r" },
		{ "AT+NONE", "4\r" },
		{ "ATV1Q1", "" },
		{ "AT+CSQ", "\r\n+CSQ: 18,99\r\n" },
		{ "AT&F", OK },
		{ "ATI", "ATI\r\r\nManufacturer: Fibocom Wireless Inc.\r\n\r\nModel: "
			 "L610-CN-62-36\r\n"
			 "\r\nRevision: " RIG_FROM "\r\n\r\nIMEI: 861234560000070\r\n"
			 "\r\n+GCAP: +CGSM\r\n" OK },
	};
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_L610, 0, NULL);
	converse(&rig, exchanges, ELEMENTSOF(exchanges));
}

static void test_line_limit(void **state)
{
	char line[1024];
	static struct rig rig;

	(void) state;
	memset(line, ' ', sizeof(line));
	memcpy(line, "AT", 2);
	rig_power(&rig, FAKE_L610, 0, NULL);
	rig_send(&rig, "ATE0+CMEE=1");
	rig_clear(&rig);
	line[1023] = '\0'; /* with CR 1024 */
	rig_send(&rig, line);
	assert_string_equal(rig.wire, OK);
	rig_clear(&rig);
	fake_modem_input(&rig.m, " ", 1, rig.now);
	fake_modem_input(&rig.m, line, 1023, rig.now);
	rig_send(&rig, "");
	assert_string_equal(rig.wire, "\r\n+CME ERROR: 58\r\n");
}

/* L610 holds what comes during a command, and drops what is too much (atr_config.h). */
static void test_reports_are_held(void **state)
{
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_L610, 0, "flood command=+CSQ number=40");
	rig.config.answer_time = 100 * MSEC;
	rig_start(&rig);
	rig_send(&rig, "ATE0");
	rig_clear(&rig);
	rig_send(&rig, "AT+CSQ");
	assert_memory_equal(rig.wire, "\r\n+CSQ: 18,99\r\n\r\nOK\r\n\r\n", 23);
	assert_int_equal(fake_modem_truth(&rig.m)->reports_dropped, 8);
}

static void test_bytes_during_a_command(void **state)
{
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_NL668, 0, "late-answer command=+CSQ time=6s");
	rig_send(&rig, "ATE0");
	rig_clear(&rig);
	rig_send(&rig, "AT+CSQ");
	rig_send(&rig, "AT+CPIN?");
	assert_string_equal(rig.wire, "");
	rig_run(&rig, 5 * SEC);
	assert_string_equal(rig.wire, "\r\n+CSQ: 18,99\r\n" OK "\r\n+CPIN: READY\r\n" OK);
	assert_true(fake_modem_truth(&rig.m)->bytes_while_executing == 9);
}

static void test_closed_port_loses_output(void **state)
{
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_NL668, 0, NULL);
	fake_modem_input(&rig.m, "AT\r", 3, rig.now);
	fake_modem_host_open(&rig.m, false, rig.now);
	rig_run(&rig, 1 * SEC);
	assert_string_equal(rig.wire, "");
	assert_true(fake_modem_truth(&rig.m)->output_lost == 9);
	fake_modem_host_open(&rig.m, true, rig.now);
	rig_send(&rig, "AT");
	assert_string_equal(rig.wire, "AT\r" OK);
}

/* A second start is refused whenever one is under way, and a deaf module's start is counted. */
static void test_start_while_busy(void **state)
{
	static struct rig rig;
	const struct fake_modem_truth *truth = fake_modem_truth(&rig.m);

	(void) state;
	rig_power(&rig, FAKE_NL668, 0, "keep-port");
	rig.config.verify_time = 3 * SEC;
	rig.config.apply_time = 3 * SEC;
	rig_start(&rig);
	rig_send(&rig, "ATE0+CMEE=1");
	rig_send(&rig, HTTP);
	rig_clear(&rig);
	rig_send(&rig, HTTP);
	assert_string_equal(rig.wire, "\r\n+CME ERROR: 3\r\n");
	assert_int_equal(truth->gtota_while_busy, 1);
	assert_int_equal(truth->bytes_while_applying, sizeof(HTTP));
	rig_run(&rig, 2 * SEC);
	assert_int_equal(fake_modem_state(&rig.m), FAKE_APPLYING);
	rig_send(&rig, "at+gtota=?");
	assert_int_equal(truth->gtota_while_busy, 1);
	rig_send(&rig, "at+gtota=0");
	assert_int_equal(truth->gtota_while_busy, 2);
	rig_run(&rig, 20 * SEC);
	assert_null(strstr(rig.wire, "[lost]"));
	assert_non_null(strstr(rig.wire, "RDY"));
	assert_string_equal(fake_modem_version(&rig.m), RIG_TO);
}

static void test_mismatch_comes_back_silently(void **state)
{
	static const char *const heads[] = {
		"FOTAD-PACKAGE L610-CN 16000.1000.00.01.27 " RIG_TO "\n",
		"FOTAD-PACKAGE L610-C " RIG_FROM " " RIG_TO "\n",
		"FOTAD-PACKAGE NL668 " RIG_FROM " " RIG_TO "\n",
		"FOTAD-PACKAGE L610-CN " RIG_FROM "\n",
		"FOTAD-PACKAGE L610-CN " RIG_FROM " " RIG_TO,
		"<html>",
		"",
	};
	static struct rig rig;

	(void) state;
	for (size_t i = 0; i < ELEMENTSOF(heads); i++) {
		rig_power(&rig, FAKE_L610, 0, NULL);
		rig.head = heads[i];
		rig_send(&rig, "AT+MIPCALL=1");
		rig_send(&rig, HTTP);
		rig_run(&rig, 10 * SEC);
		assert_non_null(strstr(rig.wire, "COMPLETE\r\n[lost][back]"));
		assert_string_equal(fake_modem_version(&rig.m), RIG_FROM);
		assert_int_equal(fake_modem_truth(&rig.m)->packages_applied, 0);
		assert_int_equal(fake_modem_truth(&rig.m)->starts_without_callbreak, 1);
	}
}

static void test_too_large(void **state)
{
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_L610, 0, NULL);
	rig.total = 1024 * 1024 + 1;
	rig_send(&rig, "AT+MIPCALL=1");
	rig_send(&rig, HTTP);
	assert_non_null(strstr(rig.wire, "GTOTA DOWNLOAD START\r\n\r\nGTOTA DOWNLOAD FAILED\r\n"));
}

/* Nobody knows the length: no percent but 0 (protocol, 1.2). */
static void test_unknown_length(void **state)
{
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_NL668, 0, NULL);
	rig.total = 0;
	rig_send(&rig, HTTP);
	assert_non_null(
		strstr(rig.wire, "START\r\n\r\nGTOTA DOWNLOADING: 0%\r\n"
				 "\r\nGTOTA DOWNLOADING: 100%\r\n\r\nGTOTA DOWNLOAD COMPLETE"));
}

static void test_restart_on_command(void **state)
{
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_L610, 0, NULL);
	rig_send(&rig, "AT+MIPCALL=1;+CEREG=1");
	rig_clear(&rig);
	rig_send(&rig, "AT+CFUN=15");
	assert_string_equal(rig.wire, "AT+CFUN=15\r" OK "[lost][back]\r\nAT command ready\r\n"
				      "\r\n+SIM READY\r\n");
	assert_int_equal(fake_modem_truth(&rig.m)->resets_commanded, 1);
	assert_int_equal(fake_modem_truth(&rig.m)->resets_while_busy, 0);
	rig_run(&rig, 1 * SEC);
	rig_clear(&rig);
	rig_send(&rig, "ATE0+MIPCALL?;+CEREG?");
	assert_string_equal(
		rig.wire, "ATE0+MIPCALL?;+CEREG?\r\r\n+MIPCALL: 0\r\n\r\n+CEREG: 0,1\r\n" OK);
}

static void test_boot_takes_its_time(void **state)
{
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_NL668, 0, NULL);
	rig.config.sim_time = 10 * SEC;
	rig.config.network_time = 20 * SEC;
	rig_start(&rig);
	rig_send(&rig, "AT+CFUN=1,1");
	rig_send(&rig, "ATE0+CMEE=1;+CEREG=1");
	rig_clear(&rig);
	rig_send(&rig, "AT+CEREG?;+CPIN?");
	assert_string_equal(rig.wire, "\r\n+CEREG: 1,0\r\n\r\n+CME ERROR: 14\r\n");
	rig_clear(&rig);
	rig_send(&rig, HTTP);
	assert_string_equal(rig.wire, "\r\n+CME ERROR: 14\r\n");
	rig_clear(&rig);
	rig_run(&rig, 9 * SEC);
	assert_string_equal(rig.wire, "\r\n+CEREG: 2\r\n");
	rig_clear(&rig);
	rig_send(&rig, HTTP);
	assert_string_equal(rig.wire, "\r\n+CME ERROR: 30\r\n");
	rig_clear(&rig);
	rig_run(&rig, 9 * SEC);
	assert_string_equal(rig.wire, "\r\n+CEREG: 1\r\n");
}

static void test_rat(void **state)
{
	static const struct exchange exchanges[] = {
		{ "ATE0+CMEE=1", "ATE0+CMEE=1\r" OK },
		{ "AT+MIPCALL=1", OK "\r\n+MIPCALL: 10.112.241.1\r\n" },
		{ "AT+GTRAT=3", OK },
		{ "AT+MIPCALL?;+GTRAT?", "\r\n+MIPCALL: 0\r\n\r\n+GTRAT: 3\r\n" OK },
		{ "AT+GTRAT=0", OK },
		{ "AT+CEREG?;+CGREG?", "\r\n+CEREG: 0,0\r\n\r\n+CGREG: 0,1\r\n" OK },
		{ "AT+COPS?", "\r\n+COPS: 0,2,\"26201\",0\r\n" OK },
		{ "AT+GTRAT=10,3,0", OK },
		{ "AT+CEREG?", "\r\n+CEREG: 0,1\r\n" OK },
	};
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_L610, 0, NULL);
	converse(&rig, exchanges, ELEMENTSOF(exchanges));
	assert_int_equal(fake_modem_truth(&rig.m)->rat, 10);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_l610),
		cmocka_unit_test(test_nl668_ftp),
		cmocka_unit_test(test_nl652_is_silent_about_a_failure),
		cmocka_unit_test(test_old_nl668_wants_a_context),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_line_layer),
		cmocka_unit_test(test_line_limit),
		cmocka_unit_test(test_reports_are_held),
		cmocka_unit_test(test_bytes_during_a_command),
		cmocka_unit_test(test_closed_port_loses_output),
		cmocka_unit_test(test_start_while_busy),
		cmocka_unit_test(test_mismatch_comes_back_silently),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_unknown_length),
		cmocka_unit_test(test_restart_on_command),
		cmocka_unit_test(test_boot_takes_its_time),
		cmocka_unit_test(test_rat),
	};

	return cmocka_run_group_tests_name("fake-modem", tests, NULL, NULL);
}
