/*
 * Every fault by its line, and what is then seen on the wire and in the truth. The host does the
 * same in each life: it prepares, starts an upgrade, waits, and asks what came of it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <cmocka.h>

#include "base/text.h"
#include "tests/unit/fake-rig.h"

#define START	 "\r\nGTOTA DOWNLOAD START\r\n"
#define COMPLETE "\r\nGTOTA DOWNLOAD COMPLETE\r\n"
#define FAILED	 "\r\nGTOTA DOWNLOAD FAILED\r\n"
#define OK	 "\r\nOK\r\n"

static const char *const lines[] = {
	"AT",
	"ATE0",
	"AT+CMEE=1",
	"AT+CGSN",
	"AT+CGMR",
	"AT+CPIN?",
	"AT+CEREG?",
	"AT+COPS?",
	"AT+CSQ",
	"AT+CBC",
	"AT+CPAS",
	"AT+CLCC",
	"AT+GTSET?",
	"AT+GTSET=\"CALLBREAK\",1",
	"AT+GTSET=\"GPRSFIRST\",1",
	"AT+MIPCALL=1",
	"AT+MIPCALL?",
	"AT+GTOTA=?",
	"AT+GTOTA=0,\"http://h/f\"",
};

static void live(struct rig *rig)
{
	for (size_t i = 0; i < ELEMENTSOF(lines); i++)
		rig_send(rig, lines[i]);
	rig_run(rig, 30 * SEC);
	rig_send(rig, "ATE0");
	rig_send(rig, "AT+CGSN");
	rig_send(rig, "AT+CGMR");
}

enum { NEW = 1, OLD = 0 };

static const struct row {
	const char *fault;
	enum fake_family family;
	const char *seen;
	const char *not_seen;
	int version;	   /* NEW or OLD runs in the end */
	unsigned accepted; /* starts */
	unsigned fired;	   /* at least */
} rows[] = {
	/* answers */
	{ "silent command=AT", FAKE_L610, "AT\rATE0\r" OK, NULL, NEW, 1, 1 },
	{ "silent command=+GTOTA=", FAKE_L610, NULL, START, OLD, 0, 1 },
	{ "late-answer command=+CGSN time=5s", FAKE_NL668, "861234560000070\r\n" OK "\r\n16000",
		NULL, NEW, 1, 1 },
	{ "no-ok command=+CGMR", FAKE_L610, "\r\n" RIG_FROM "\r\n\r\n+CPIN: READY", NULL, NEW, 1,
		1 },
	{ "no-ok command=+GTOTA=0", FAKE_L610, "]\r\n" OK START, NULL, NEW, 1, 1 },
	{ "error command=+CSQ number=100", FAKE_L610, "\r\n+CME ERROR: 100\r\n", "+CSQ", NEW, 1,
		1 },
	{ "error command=+GTOTA=? number=4", FAKE_L610, "\r\n+CME ERROR: 4\r\n", "<type>", NEW, 1,
		1 },
	{ "autobaud number=3", FAKE_L610, "AT\rATE0\rAT+CMEE=1\rAT+CGSN\r\r\n861", NULL, NEW, 1,
		2 },
	{ "urc-inside-answer command=+CBC line=\"+CMTI: 1,2\"", FAKE_L610,
		"+CBC: 0,80,3840\r\n\r\n+CMTI: 1,2\r\n" OK, NULL, NEW, 1, 1 },
	{ "drop-line line=\"GTOTA DOWNLOAD START\"", FAKE_L610, OK "\r\nGTOTA DOWNLOADING: 10%",
		START, NEW, 1, 1 },
	{ "duplicate-line line=+CBC", FAKE_L610,
		"\r\n+CBC: 0,80,3840\r\n\r\n+CBC: 0,80,3840\r\n" OK, NULL, NEW, 1, 1 },
	{ "flood percent=30 number=100", FAKE_L610, "+CGEV: NW DETACH", NULL, NEW, 1, 1 },
	{ "endless-line command=+CBC number=3000", FAKE_L610, "~~~~~~~~~~~~~~~~~~~~~~~~~~\r\n",
		NULL, NEW, 1, 1 },
	{ "say percent=30 line=\"+SIM DROP\"", FAKE_L610, "30%\r\n\r\n+SIM DROP\r\n", NULL, NEW, 1,
		1 },
	{ "echo is=on", FAKE_L610, "ATE0\r" OK "AT+CMEE=1\r" OK, NULL, NEW, 1, 9 },
	{ "echo is=off", FAKE_L610, OK OK OK, "AT\r", NEW, 1, 9 },
	{ "echo is=changing", FAKE_L610, OK "ATE0\r" OK "AT+CMEE=1\r" OK "\r\n861", NULL, NEW, 1, 9 },
	{ "sleep time=500ms", FAKE_L610, "AT\rATE0\rAT+CMEE=1\r", OK, OLD, 0, 9 },
	{ "sleep time=1s times=1", FAKE_L610, "AT\rATE0\r" OK, NULL, NEW, 1, 1 },
	{ "wrong-baud", FAKE_L610, NULL, OK, OLD, 0, 9 },
	{ "wrong-baud times=1", FAKE_L610, "ATE0\r" OK, NULL, NEW, 1, 1 },
	{ "nmea", FAKE_L610, "*47\r\n\r\n$GPGSA", OK, OLD, 0, 9 },
	{ "babble number=10 time=1s", FAKE_L610, "~~~~~~~~~~~~~~~~~~~~", "\n", OLD, 0, 9 },
	{ "foreign-download time=5s", FAKE_L610,
		"AT\r\r\nOK\r\n\r\nGTOTA DOWNLOADING: 10%\r\n\r\nGTOTA DOWNLOADING: 20%", NULL, NEW,
		1, 1 },
	/* the port and the module itself */
	{ "lose-port percent=40 time=30ms", FAKE_L610,
		"DOWNLOADING: 30%\r\n[lost][back]\r\nGTOTA DOWNLOADING: 80%", NULL, NEW, 1, 1 },
	{ "lose-port command=+GTOTA=0 time=90ms", FAKE_L610,
		"]\r\n" OK "[lost][back]\r\nGTOTA DOWNLOADING: 50%", START, NEW, 1, 1 },
	{ "half-urc-then-lost percent=100 time=10ms", FAKE_L610, COMPLETE "[lost][back]\r\nAT",
		NULL, NEW, 1, 1 },
	{ "half-urc-then-lost command=+CBC", FAKE_L610, "\r\nGTOTA DOWNLOADI\r\n", NULL, NEW, 1,
		1 },
	{ "restart percent=20", FAKE_L610, "DOWNLOADING: 10%\r\n[lost][back]\r\nAT command ready",
		COMPLETE, OLD, 1, 1 },
	{ "restart command=+GTSET=", FAKE_NL668, "[lost][back]", NULL, NEW, 1, 1 },
	{ "boot-loop times=3", FAKE_L610,
		COMPLETE "[lost][back]\r\nAT command ready\r\n[lost][back]\r\nAT command ready", NULL,
		NEW, 1, 3 },
	{ "keep-port", FAKE_L610, COMPLETE "\r\nAT command ready", "[lost]", NEW, 1, 1 },
	/* framing */
	{ "crcrlf", FAKE_L610, "\r\r\n+CBC: 0,80,3840\r\r\n\r\r\nOK\r\r\n", NULL, NEW, 1, 9 },
	{ "lf-only", FAKE_L610, "\n+CBC: 0,80,3840\n\nOK\n", "OK\r", NEW, 1, 9 },
	{ "no-crlf-prefix", FAKE_L610, "+CBC: 0,80,3840\r\nOK\r\n", "\r\n\r\n", NEW, 1, 9 },
	{ "leading-nul", FAKE_L610, "@\r\nOK\r\n", NULL, NEW, 1, 9 },
	{ "trailing-spaces", FAKE_L610, "\r\nOK  \r\n", OK, NEW, 1, 9 },
	{ "slow-bytes", FAKE_L610, COMPLETE, NULL, NEW, 1, 99 },
	{ "chunks", FAKE_L610, COMPLETE, NULL, NEW, 1, 50 },
	/* SIM, network, supply, call */
	{ "sim-pin", FAKE_L610, "\r\n+CPIN: SIM PIN\r\n" OK, "+MIPCALL: 10", OLD, 0, 2 },
	{ "sim-puk", FAKE_L610, "\r\n+CPIN: SIM PUK\r\n" OK, "+MIPCALL: 10", OLD, 0, 2 },
	{ "sim-busy times=1", FAKE_L610, "\r\n+CME ERROR: 14\r\n", "CPIN: READY", NEW, 1, 1 },
	{ "sim-absent", FAKE_L610, "\r\n+CME ERROR: 10\r\n", NULL, OLD, 0, 2 },
	{ "not-registered", FAKE_NL668, "\r\n+CEREG: 0,2\r\n" OK "\r\n+COPS: 0\r\n", NULL, OLD, 0,
		1 },
	{ "not-registered number=3", FAKE_L610, "\r\n+CEREG: 0,3\r\n", NULL, OLD, 0, 1 },
	{ "roaming", FAKE_L610, "\r\n+CEREG: 0,5\r\n", NULL, NEW, 1, 1 },
	{ "2g", FAKE_L610, "\r\n+CEREG: 0,0\r\n" OK "\r\n+COPS: 0,2,\"26201\",0\r\n", NULL, NEW, 1,
		2 },
	{ "weak-signal number=5", FAKE_L610, "\r\n+CSQ: 5,99\r\n", NULL, NEW, 1, 1 },
	{ "low-supply number=3100", FAKE_L610, "\r\n+CBC: 0,5,3100\r\n", NULL, NEW, 1, 1 },
	{ "in-call", FAKE_L610, "\r\n+CPAS: 4\r\n" OK "\r\n+CLCC: 1,1,0,0", NULL, NEW, 1, 2 },
	/* settings and PDP */
	{ "callbreak-error", FAKE_L610, "\"GPRSFIRST\",0\r\n" OK "\r\n+CME ERROR: 53\r\n" OK, NULL,
		NEW, 1, 1 },
	{ "gprsfirst-error", FAKE_L610, OK OK "\r\n+CME ERROR: 53\r\n" OK, NULL, NEW, 1, 1 },
	{ "gtset-unreadable", FAKE_L610, "\r\n+CME ERROR: 58\r\n", "CALLBREAK", NEW, 1, 1 },
	{ "mipcall-before-ok", FAKE_L610, "\r\n+MIPCALL: 10.112.241.1\r\n" OK "\r\n+MIPCALL: 1,10",
		NULL, NEW, 1, 1 },
	{ "mipcall-never", FAKE_L610, "\r\n+MIPCALL: 0\r\n" OK, "+MIPCALL: 10", OLD, 0, 1 },
	{ "mipcall-active-error", FAKE_L610, "\r\nERROR\r\n\r\n+MIPCALL: 1,10.112.241.1\r\n", NULL,
		NEW, 1, 1 },
	{ "mipcall-dual-stack", FAKE_L610,
		"+MIPCALL: 10.20.83.1,2409:8954:3298:9ED0:95DA:7E09:A700:0001\r\n", NULL, NEW, 1,
		1 },
	{ "mipcall-drop percent=60", FAKE_L610, "60%\r\n\r\n+MIPCALL: 0\r\n" FAILED, COMPLETE, OLD,
		1, 1 },
	{ "mipcall-drop percent=60", FAKE_NL652, "60%\r\n\r\n+MIPCALL: 0\r\n", FAILED, OLD, 1, 1 },
	/* the download */
	{ "gtota-cme number=63", FAKE_L610, "]\r\n" OK "\r\n+CME ERROR: 63\r\n", START, OLD, 0, 1 },
	{ "gtota-unsupported", FAKE_L610, "\r\n+CME ERROR: 58\r\n\r\n+CME ERROR: 58\r\n", START,
		OLD, 0, 2 },
	{ "urc-before-ok", FAKE_L610, "]\r\n" OK START OK "\r\nGTOTA DOWNLOADING: 10%", NULL, NEW,
		1, 1 },
	{ "no-start", FAKE_L610, NULL, START, OLD, 1, 1 },
	{ "start-twice", FAKE_L610, START START, NULL, NEW, 1, 1 },
	{ "start-over percent=30", FAKE_L610, "30%\r\n\r\nGTOTA DOWNLOADING: 10%", NULL, NEW, 1,
		1 },
	{ "stall percent=42", FAKE_L610, "42%\r\n" OK "\r\n861", COMPLETE, OLD, 1, 1 },
	{ "fail percent=42", FAKE_L610, "42%\r\n" FAILED, COMPLETE, OLD, 1, 1 },
	{ "fail percent=42", FAKE_NL668, "42%\r\n", FAILED, OLD, 1, 1 },
	{ "fail-after-100", FAKE_L610, "100%\r\n" FAILED, COMPLETE, OLD, 1, 1 },
	{ "no-percent", FAKE_L610, START COMPLETE, "%", NEW, 1, 5 },
	{ "percent-garbage", FAKE_L610, ": -1%\r\n\r\nGTOTA DOWNLOADING: 101%\r\n", ": 100%", NEW,
		1, 8 },
	{ "ring percent=30", FAKE_L610, "30%\r\n\r\nRING\r\n\r\nGTOTA DOWNLOADING: 40%", NULL, NEW,
		1, 1 },
	{ "complete-twice", FAKE_L610, COMPLETE COMPLETE, NULL, NEW, 1, 1 },
	{ "complete-without-start", FAKE_L610, OK COMPLETE, "DOWNLOADING", NEW, 1, 1 },
	{ "complete-then-failed", FAKE_NL668, COMPLETE FAILED, "[lost]", OLD, 1, 1 },
	/* applying and coming back */
	{ "no-reboot", FAKE_L610, COMPLETE OK "\r\n861", "[lost]", OLD, 1, 1 },
	{ "never-back", FAKE_L610, COMPLETE "[lost]", "[back]", OLD, 1, 1 },
	{ "back-late time=20s", FAKE_L610, COMPLETE "[lost][back]", NULL, NEW, 1, 1 },
	{ "back-renumbered", FAKE_L610, COMPLETE "[lost][renumbered]", "[back]", NEW, 1, 1 },
	{ "second-reset time=1s", FAKE_L610,
		"[lost][back]\r\nAT command ready\r\n\r\n+SIM READY\r\n[lost][back]", NULL, NEW, 1,
		1 },
	{ "second-reset shows=new", FAKE_L610, "+SIM READY\r\n[lost][back]", NULL, NEW, 1, 1 },
	{ "version-unchanged", FAKE_L610, COMPLETE "[lost][back]", RIG_TO, OLD, 1, 1 },
	{ "version-error-after-boot times=1", FAKE_L610, "861234560000070\r\n" OK "\r\nERROR\r\n",
		RIG_TO, NEW, 1, 1 },
	{ "imei-other imei=861234567890128", FAKE_L610, "861234567890128", NULL, NEW, 1, 1 },
	{ "boot-garbage", FAKE_L610,
		"[back]\xff@\xfe\x80"
		"A\x1a\xff@\r\nAT command ready",
		NULL, NEW, 1, 1 },
	{ "no-boot-text", FAKE_L610, "[back]ATE0", "READY\r\n[", NEW, 1, 1 },
};

/* Did it go as the row says? Says what is not. */
static bool one(const struct row *row)
{
	static struct rig rig;
	const struct fake_modem_truth *truth = fake_modem_truth(&rig.m);
	const char *version = row->version == NEW ? RIG_TO : RIG_FROM;

	rig_power(&rig, row->family, 0, row->fault);
	live(&rig);
	if ((row->seen && !strstr(rig.wire, row->seen)) ||
		(row->not_seen && strstr(rig.wire, row->not_seen))) {
		print_error("%s: on the wire was %s\n", row->fault, rig.wire);
		return false;
	}
	if (text_equal(fake_modem_version(&rig.m), version) &&
		truth->gtota_accepted == row->accepted && truth->faults_fired[0] >= row->fired &&
		truth->packages_applied == (row->version == NEW))
		return true;
	print_error("%s: runs %s, %u starts, %u applied, fired %u\n", row->fault,
		fake_modem_version(&rig.m), truth->gtota_accepted, truth->packages_applied,
		truth->faults_fired[0]);
	return false;
}

static void test_every_fault(void **state)
{
	unsigned bad = 0;

	(void) state;
	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		bad += !one(&rows[i]);
	assert_int_equal(bad, 0);
}

static void test_version_other(void **state)
{
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_L610, 0, "version-other version=16000.9");
	live(&rig);
	assert_string_equal(fake_modem_version(&rig.m), "16000.9");
}

static void test_error_form(void **state)
{
	static const char *const faults[] = { "error-form", "error-form number=1", "error-form number=0" };
	static const char *const seen[] = { "\r\n+CME ERROR: invalid command line\r\n",
		"\r\n+CME ERROR: 58\r\n", "\r\nERROR\r\n" };
	static struct rig rig;

	(void) state;
	for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
		rig_power(&rig, FAKE_L610, 0, faults[i]);
		rig_send(&rig, i == 1 ? "ATE0" : "ATE0+CMEE=1");
		rig_clear(&rig);
		rig_send(&rig, "AT+NONE");
		assert_string_equal(rig.wire, seen[i]);
	}
}

static void test_ring_with_callbreak_off(void **state)
{
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_L610, 0, "ring percent=30");
	rig_send(&rig, "AT+MIPCALL=1");
	rig_send(&rig, "AT+GTOTA=0,\"http://h/f\"");
	assert_non_null(strstr(rig.wire, "30%\r\n\r\nRING\r\n" FAILED));
}

static void test_mismatch_said_as_failed(void **state)
{
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_L610, 0, "mismatch-failed");
	rig.head = "FOTAD-PACKAGE L610-CN 1 2\n";
	live(&rig);
	assert_non_null(strstr(rig.wire, "100%\r\n" FAILED));
	assert_null(strstr(rig.wire, "[lost]"));
}

static void test_boot_loader_reports_on_a_uart(void **state)
{
	static const struct {
		const char *fault, *seen;
	} dialects[] = {
		{ "update-reports", "GTOTA START\r\nGTOTA UPDATE 10%\r\n" },
		{ "update-reports dialect=qind", "\r\n+QIND: \"FOTA\",\"UPDATING\",10\r\n" },
	};
	static struct rig rig;

	(void) state;
	for (size_t i = 0; i < ELEMENTSOF(dialects); i++) {
		rig_power(&rig, FAKE_L610, 0, dialects[i].fault);
		rig.config.keep_port = true;
		rig_start(&rig);
		live(&rig);
		assert_non_null(strstr(rig.wire, dialects[i].seen));
	}
}

/* A stall ends silently; until then a second start is refused. */
static void test_stall_gives_up(void **state)
{
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_NL668, 0, "stall percent=20 time=10s times=1");
	rig_send(&rig, "ATE0");
	rig_send(&rig, "AT+GTOTA=0,\"http://h/f\"");
	rig_clear(&rig);
	rig_send(&rig, "AT+GTOTA=0,\"http://h/f\"");
	assert_string_equal(rig.wire, "\r\nERROR\r\n");
	rig_run(&rig, 9 * SEC);
	rig_send(&rig, "AT+GTOTA=0,\"http://h/f\"");
	rig_run(&rig, 10 * SEC);
	assert_string_equal(fake_modem_version(&rig.m), RIG_TO);
	assert_int_equal(fake_modem_truth(&rig.m)->gtota_while_busy, 1);
	assert_true(fake_modem_truth(&rig.m)->gtota_gap_min == 1 * SEC);
}

static void test_held_package_is_applied_by_a_reset(void **state)
{
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_NL668, 0, "no-reboot");
	live(&rig);
	assert_int_equal(fake_modem_truth(&rig.m)->packages_applied, 0);
	rig_send(&rig, "AT+CFUN=15");
	rig_run(&rig, 5 * SEC);
	assert_string_equal(fake_modem_version(&rig.m), RIG_TO);
	assert_int_equal(fake_modem_truth(&rig.m)->resets_while_busy, 0);
}

static void test_skip(void **state)
{
	static struct rig rig;

	(void) state;
	rig_power(&rig, FAKE_NL668, 0, "silent command=+CSQ skip=1 times=1");
	rig_send(&rig, "ATE0");
	for (int i = 0; i < 3; i++) {
		rig_clear(&rig);
		rig_send(&rig, "AT+CSQ");
		assert_string_equal(rig.wire, i == 1 ? "" : "\r\n+CSQ: 18,99\r\n" OK);
	}
	assert_int_equal(fake_modem_truth(&rig.m)->faults_fired[0], 1);
}

/* Chunking changes when bytes come, not which. */
static void test_chunks_change_nothing_else(void **state)
{
	static const char *const faults[] = { "chunks time=0ms", "chunks time=1ms" };
	static struct rig plain, rig;

	(void) state;
	for (uint64_t seed = 0; seed < 12; seed++) {
		for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
			rig_power(&rig, (enum fake_family)(seed % 4), seed, faults[i]);
			/* The port must not go before the last chunk is out. */
			rig.config.verify_time = 900 * MSEC;
			rig_start(&rig);
			rig_power(&plain, (enum fake_family)(seed % 4), seed, NULL);
			plain.config.verify_time = 900 * MSEC;
			rig_start(&plain);
			live(&rig);
			live(&plain);
			assert_string_equal(rig.wire, plain.wire);
			assert_true(rig.chunks > 2 * plain.chunks);
		}
	}
}

/* Whatever is sent, nothing breaks, and a module that got noise still answers. */
static void test_noise(void **state)
{
	static const char *const words[] = { "AT", "AT+MIPCALL=1\r", "AT+GTOTA=0,\"http://h/f\"\r",
		"+GTOTA=", "\"", ",", ";", "\r", "+CFUN=15", "0", "1", "http://h/f", "\b", "\n",
		"=?", "?", "+MIPCALL=1", "E1", "V0", "Q1", "~", "+GTRAT=", "+GTSET=" };
	static struct rig rig;
	uint64_t random = 1;

	(void) state;
	for (size_t i = 0; i < ELEMENTSOF(rows) * 4; i++) {
		rig_power(&rig, (enum fake_family)(i % 4), i, rows[i / 4].fault);
		for (int k = 0; k < 300; k++) {
			const char *word = words[fake_random(&random) % ELEMENTSOF(words)];

			fake_modem_input(&rig.m, word, strlen(word), rig.now);
			rig_run(&rig, fake_random(&random) % (400 * MSEC));
			if (rig.size > sizeof(rig.wire) / 2)
				rig_clear(&rig);
		}
		rig_clear(&rig);
		rig.config.n_faults = 0;
		rig_start(&rig);
		rig.downloading = false;
		rig_send(&rig, "AT");
		assert_string_equal(rig.wire, "AT\r" OK);
	}
}

static void test_same_seed_same_bytes(void **state)
{
	static struct rig a, b;

	(void) state;
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		rig_power(&a, rows[i].family, i, rows[i].fault);
		rig_power(&b, rows[i].family, i, rows[i].fault);
		live(&a);
		live(&b);
		assert_string_equal(a.wire, b.wire);
		assert_int_equal(a.chunks, b.chunks);
		assert_memory_equal(&a.m.truth, &b.m.truth, sizeof(a.m.truth));
	}
	rig_power(&a, FAKE_L610, 1, "chunks");
	rig_power(&b, FAKE_L610, 2, "chunks");
	live(&a);
	live(&b);
	assert_int_not_equal(a.chunks, b.chunks);
}

/* Every row of the table can be written down, and what cannot be is explained. */
static void test_parse(void **state)
{
	static const struct {
		const char *text, *problem;
	} bad[] = {
		{ "", "the name of a fault is missing" },
		{ "stal", "no fault is called \"stal\", did you mean \"stall\"?" },
		{ "nothing-like-it", "no fault is called \"nothing-like-it\"" },
		{ "stall percent=101", "percent=101: too large" },
		{ "stall percent=x", "percent=x: cannot be read" },
		{ "stall time=5", "time=5: cannot be read" },
		{ "stall command", "\"command\" is no parameter of stall, which takes times=, "
				   "skip=, percent=, time=" },
		{ "chunks percent=5",
			"\"percent\" is no parameter of chunks, which takes times=, skip=, time=" },
		{ "drop-line", "drop-line needs line=" },
		{ "drop-line line=\"x", "a word is too long, or a quote is not closed" },
	};
	const struct fake_fault_row *row;
	struct fake_fault fault;
	char problem[200];

	(void) state;
	for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
		assert_int_equal(
			fake_fault_parse(bad[i].text, &fault, problem, sizeof(problem)), -22);
		assert_string_equal(problem, bad[i].problem);
	}
	for (size_t i = 0; (row = fake_fault_at(i)); i++) {
		char text[100];

		snprintf(text, sizeof(text), "%s%s%s", row->name,
			row->keys & FAKE_FAULT_NEEDS_TEXT ? " " : "",
			row->keys & FAKE_FAULT_NEEDS_TEXT ? row->text_key : "");
		if (row->keys & FAKE_FAULT_NEEDS_TEXT)
			memcpy(text + strlen(text), "=861234567890128", 17);
		assert_int_equal(fake_fault_parse(text, &fault, problem, sizeof(problem)), 0);
		assert_int_equal(fault.type, i);
	}
	assert_non_null(fake_fault_at(_FAKE_FAULT_MAX - 1));
	assert_null(fake_fault_at(_FAKE_FAULT_MAX));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_fault),
		cmocka_unit_test(test_version_other),
		cmocka_unit_test(test_error_form),
		cmocka_unit_test(test_ring_with_callbreak_off),
		cmocka_unit_test(test_mismatch_said_as_failed),
		cmocka_unit_test(test_boot_loader_reports_on_a_uart),
		cmocka_unit_test(test_stall_gives_up),
		cmocka_unit_test(test_held_package_is_applied_by_a_reset),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_chunks_change_nothing_else),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_same_seed_same_bytes),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests_name("fake-modem-faults", tests, NULL, NULL);
}
