/* The module's return, and what is to be believed (conduct 6, 7). */
#include "tests/unit/upgrade-rig.h"

static void hear_all(struct rig *rig, const char *lines)
{
	while (*lines) {
		char line[64] = { 0 };
		size_t n = strcspn(lines, "|");

		memcpy(line, lines, n);
		rig_hear(rig, line);
		lines += n + (lines[n] == '|');
	}
}

static void begin(struct rig *rig, const char *version_after, const char *reports)
{
	rig_begin(rig, "NL668");
	rig_started(rig);
	rig_answer(rig, "AT+CGMR", version_after);
	hear_all(rig, reports);
	rig_forget(rig);
}

/* conduct 6: twice, `settle` apart */
static void test_success(void **state)
{
	struct rig rig;
	usec_t first;
	(void) state;

	begin(&rig, NEW "|OK", "GTOTA DOWNLOAD START|GTOTA DOWNLOAD COMPLETE");
	rig_lost(&rig);
	rig_notices(&rig, "");
	rig_pass(&rig, MINUTE);
	assert_int_equal(upgrade_phase(&rig.d.upgrade), PHASE_INSTALLING);
	rig_open(&rig);
	rig_until(&rig, "settle");
	rig_wire(&rig, "AT|ATE0|AT+CGSN|AT+CGMR|");
	first = rig.now;
	rig_pass(&rig, 30 * SEC - 1);
	rig_wire(&rig, "");
	rig_notices(&rig, "verifying|");
	rig_until(&rig, "hold");
	assert_true(rig.now >= first + 30 * SEC);
	rig_wire(&rig, "AT|ATE0|AT+CGSN|AT+CGMR|");
	rig_notices(&rig, "verdict succeeded|idle|identified|");
	assert_false(rig.durable.start_durable);
	assert_false(rig.durable.end_open);
	assert_string_equal(rig.d.upgrade.identity.version, NEW);
	assert_null(rig.d.upgrade.task);
}

/* The reason of a failure, by what was seen. `stall` without report or port event comes first. */
static void test_failures(void **state)
{
	static const struct {
		const char *version, *reports;
		bool lost;
		const char *verdict;
	} rows[] = {
		{ OLD "|OK", "", false, "failed no-start" },
		{ OLD "|OK", "GTOTA DOWNLOAD START", false, "failed stalled" },
		{ OLD "|OK", "GTOTA DOWNLOADING: 5%", false, "failed stalled" },
		{ OLD "|OK", "GTOTA DOWNLOADING: 5%", true, "failed port-lost" },
		{ OLD "|OK", "", true, "failed port-lost" },
		{ OLD "|OK", "AT command ready", false, "failed port-lost" },
		{ OLD "|OK", "GTOTA DOWNLOAD FAILED", false, "failed download-failed" },
		{ OLD "|OK", "GTOTA DOWNLOAD COMPLETE|GTOTA DOWNLOAD FAILED", false,
			"failed download-failed" },
		{ OLD "|OK", "GTOTA DOWNLOAD COMPLETE", false, "failed no-reboot" },
		{ OLD "|OK", "GTOTA DOWNLOAD COMPLETE", true, "failed version-unchanged" },
		{ OLD "|OK", "GTOTA DOWNLOAD COMPLETE|AT command ready", false,
			"failed version-unchanged" },
		{ OLD "|OK", "GTOTA UPDATE 5%", false, "failed version-unchanged" },
		{ "19006.1000.00.01.99|OK", "GTOTA DOWNLOAD COMPLETE", true,
			"failed version-unexpected" },
		{ "19006.1000.00.01.99|OK", "", false, "failed version-unexpected" },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;
		char verdict[64] = "verdict ";
		usec_t last;

		begin(&rig, rows[i].version, rows[i].reports);
		if (rows[i].lost) {
			rig_lost(&rig);
			rig_pass(&rig, MINUTE);
			rig_open(&rig);
		}
		last = rig.now;
		rig_pass(&rig, 5 * MINUTE - 1);
		assert_null(strstr(rig.notices, "verdict"));
		rig_until(&rig, "hold");
		if (!strstr(rig.notices,
			    strcat(strcat(verdict, rows[i].verdict), "|idle|identified|")))
			fail_msg("row %zu: %s", i, rig.notices);
		assert_true(rig.now >= last + 5 * MINUTE);
		assert_false(rig.durable.start_durable);
		assert_int_equal(rig.durable.attempt, 1);
		assert_int_equal(rig.n_starts, 1);
	}
}

/* conduct 6: a port event or boot text between the two reads, and it is read twice again */
static void test_settle_interrupted(void **state)
{
	for (int how = 0; how < 3; how++) {
		struct rig rig;
		(void) state;

		begin(&rig, NEW "|OK", "GTOTA DOWNLOAD COMPLETE");
		rig_lost(&rig);
		rig_open(&rig);
		rig_until(&rig, "settle");
		rig_pass(&rig, 20 * SEC);
		if (how == 0) {
			rig_lost(&rig);
			rig_pass(&rig, 5 * SEC);
			rig_open(&rig);
		} else {
			rig_hear(&rig, how == 1 ? "AT command ready" : "+SIM READY");
		}
		rig_forget(&rig);
		rig_until(&rig, "settle");
		assert_null(strstr(rig.notices, "verdict"));
		rig_pass(&rig, 30 * SEC - 1);
		assert_null(strstr(rig.notices, "verdict"));
		rig_until(&rig, "hold");
		assert_non_null(strstr(rig.notices, "verdict succeeded|"));
	}
}

/* The first read says the target, the second the old version: it is not over. */
static void test_version_flaps(void **state)
{
	struct rig rig;
	(void) state;

	begin(&rig, NEW "|OK", "GTOTA DOWNLOAD COMPLETE");
	rig_lost(&rig);
	rig_open(&rig);
	rig_until(&rig, "settle");
	rig_answer(&rig, "AT+CGMR", OLD "|OK");
	rig_pass(&rig, 4 * MINUTE);
	assert_null(strstr(rig.notices, "verdict"));
	rig_until(&rig, "hold");
	assert_non_null(strstr(rig.notices, "verdict failed version-unchanged|"));
}

/* Reports that come while it is verified: it still downloads. */
static void test_still_downloading(void **state)
{
	struct rig rig;
	unsigned saves;
	(void) state;

	begin(&rig, OLD "|OK", "GTOTA DOWNLOADING: 5%");
	rig_pass(&rig, 5 * MINUTE); /* stalled? */
	assert_int_equal(upgrade_phase(&rig.d.upgrade), PHASE_VERIFYING);
	rig_hear(&rig, "GTOTA DOWNLOADING: 6%");
	rig_pass(&rig, SEC);
	saves = rig.n_saves;
	rig_hear(&rig, "GTOTA DOWNLOADING: 7%");
	assert_int_equal(rig.n_saves, saves);
	rig_pass(&rig, 4 * MINUTE);
	assert_null(strstr(rig.notices, "verdict"));
	rig_hear(&rig, "GTOTA DOWNLOAD COMPLETE");
	assert_string_equal(rig_step(&rig), "leave");
	assert_true(rig.durable.complete);
	rig_forget(&rig);
	rig_pass(&rig, 5 * MINUTE - 1);
	rig_wire(&rig, "");
	rig_hear(&rig, "AT command ready");
	assert_string_equal(rig_step(&rig), "answer");

	/* and a FAILED then is one */
	begin(&rig, OLD "|OK", "GTOTA DOWNLOADING: 5%");
	rig.deaf = true;
	rig_pass(&rig, 5 * MINUTE + 10 * SEC);
	rig_hear(&rig, "GTOTA DOWNLOAD FAILED");
	assert_true(rig.durable.failed);
	rig.deaf = false;
	rig_until(&rig, "hold");
	assert_non_null(strstr(rig.notices, "verdict failed download-failed|"));

	/* the boot loader speaks */
	begin(&rig, NEW "|OK", "GTOTA DOWNLOADING: 5%");
	rig.deaf = true;
	rig_pass(&rig, 5 * MINUTE + 10 * SEC);
	rig_hear(&rig, "GTOTA UPDATE 3%");
	assert_string_equal(rig_step(&rig), "leave");
	rig.deaf = false;
	rig_hear(&rig, "RDY");
	rig_until(&rig, "hold");
	assert_non_null(strstr(rig.notices, "verdict succeeded|"));
}

/* `return` expires between the two reads, and while the first answer is awaited: it is there, and judged. */
static void test_return_expires(void **state)
{
	struct rig rig;
	(void) state;

	for (int late = 0; late < 2; late++) {
		begin(&rig, NEW "|OK", "GTOTA DOWNLOAD COMPLETE");
		rig.profile.timeouts.return_ = MINUTE;
		rig_lost(&rig);
		rig_pass(&rig, late ? MINUTE - 5 * SEC : 45 * SEC);
		if (late)
			rig_once(&rig, "AT+CGMR", "");
		rig_open(&rig);
		rig_until(&rig, late ? "answer-revision" : "settle");
		rig_pass(&rig, late ? 10 * SEC : 15 * SEC);
		if (late) {
			rig_hear(&rig, NEW);
			rig_hear(&rig, "OK");
		}
		rig_until(&rig, "hold");
		assert_null(strstr(rig.notices, "verdict unknown"));
		assert_non_null(strstr(rig.notices, "verdict succeeded|"));
	}
}

/* conduct 6: another module answers between the two reads, without a port event */
static void test_stranger_between(void **state)
{
	struct rig rig;
	usec_t again;
	(void) state;

	begin(&rig, NEW "|OK", "GTOTA DOWNLOAD COMPLETE");
	rig_once(&rig, "AT+CGSN", IMEI "|OK");
	rig_once(&rig, "AT+CGSN", "861234567890999|OK");
	rig_lost(&rig);
	rig_open(&rig);
	rig_until(&rig, "settle");
	rig_pass(&rig, 31 * SEC);
	assert_string_equal(rig_step(&rig), "answer");
	rig_until(&rig, "settle");
	again = rig.now;
	rig_until(&rig, "hold");
	assert_true(rig.now >= again + 30 * SEC);
	assert_non_null(strstr(rig.notices, "verdict succeeded|"));
}

/* Questions whose answers fail for a while after boot. */
static void test_clumsy(void **state)
{
	static const struct {
		const char *command, *answer;
	} rows[] = {
		{ "ATE0", "ERROR" },
		{ "ATE0", "" },
		{ "AT+CGSN", "ERROR" },
		{ "AT+CGSN", "" },
		{ "AT+CGSN", "OK" },
		{ "AT+CGMR", "+CME ERROR: 14" },
		{ "AT+CGMR", "" },
		{ "AT+CGMR", "OK" },
		{ "AT", "" },
		{ "AT", "ERROR" },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;

		begin(&rig, NEW "|OK", "GTOTA DOWNLOAD COMPLETE");
		rig_once(&rig, rows[i].command, rows[i].answer);
		rig_once(&rig, rows[i].command, rows[i].answer);
		rig_lost(&rig);
		rig_open(&rig);
		rig_hear(&rig, "+CEREG: 2");
		rig_until(&rig, "hold");
		rig_notices(&rig, "verifying|verdict succeeded|idle|identified|");
	}
}

/* Boot text in the middle of a question: its late answer is not taken for another's. */
static void test_boot_in_question(void **state)
{
	struct rig rig;
	(void) state;

	begin(&rig, NEW "|OK", "GTOTA DOWNLOAD COMPLETE");
	rig_once(&rig, "AT+CGSN", "");
	rig_lost(&rig);
	rig_open(&rig);
	rig_until(&rig, "answer-imei");
	rig_hear(&rig, "AT command ready");
	assert_string_equal(rig_step(&rig), "answer");
	rig_hear(&rig, IMEI);
	rig_hear(&rig, "OK");
	rig_until(&rig, "hold");
	assert_non_null(strstr(rig.notices, "verdict succeeded|"));
}

/* conduct 7: not back is unknown, never failed, and settles itself */
static void test_unknown(void **state)
{
	static const struct {
		int how; /* 0: no port, 1: mute, 2: another module */
		const char *version, *later;
	} rows[] = {
		{ 0, NEW "|OK", "verdict succeeded|" },
		{ 0, OLD "|OK", "verdict failed version-unchanged|" },
		{ 1, NEW "|OK", "verdict succeeded|" },
		{ 1, OLD "|OK", "verdict failed version-unchanged|" },
		{ 2, NEW "|OK", "verdict succeeded|" },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;
		usec_t gone;

		begin(&rig, rows[i].version, "GTOTA DOWNLOAD COMPLETE");
		rig_lost(&rig);
		gone = rig.now;
		if (rows[i].how == 1)
			rig.deaf = true;
		if (rows[i].how == 2)
			rig_answer(&rig, "AT+CGSN", "861234567890999|OK");
		if (rows[i].how > 0)
			rig_open(&rig);
		rig_pass(&rig, 20 * MINUTE - 1);
		assert_null(strstr(rig.notices, "verdict"));
		rig_pass(&rig, 1);
		assert_int_equal(rig.now, gone + 20 * MINUTE);
		assert_non_null(strstr(rig.notices, "verdict unknown not-back|"));
		assert_string_equal(
			rig.last.text, rows[i].how == 2 ? "another module answers" : "");
		assert_true(upgrade_past_no_return(&rig.d.upgrade));
		assert_true(rig.durable.start_durable);
		rig_forget(&rig);
		rig_pass(&rig, 2 * HOUR);
		rig_notices(&rig, ""); /* said once */
		if (rows[i].how == 0)
			rig_open(&rig);
		rig.deaf = false;
		rig_answer(&rig, "AT+CGSN", IMEI "|OK");
		rig_until(&rig, "hold");
		assert_non_null(strstr(rig.notices, rows[i].later));
		assert_false(rig.durable.start_durable);
		assert_int_equal(rig.n_starts, 1);
	}
}

/* It comes and goes while it is unknown; a crash in between changes nothing. */
static void test_unknown_comes_and_goes(void **state)
{
	struct rig rig;
	(void) state;

	begin(&rig, NEW "|OK", "GTOTA DOWNLOAD COMPLETE");
	rig_lost(&rig);
	rig_pass(&rig, HOUR);
	rig.deaf = true;
	for (int i = 0; i < 5; i++) {
		rig_open(&rig);
		rig_pass(&rig, 10 * MINUTE);
		rig_lost(&rig);
		rig_pass(&rig, 10 * MINUTE);
	}
	assert_null(strstr(strstr(rig.notices, "verdict") + 1, "verdict"));
	rig_crash(&rig);
	rig.deaf = false;
	rig_open(&rig);
	rig_until(&rig, "hold");
	assert_non_null(strstr(rig.notices, "verdict succeeded|"));
}

/* Port events delay the verdict, `return` bounds it. */
static void test_port_flaps(void **state)
{
	struct rig rig;
	(void) state;

	begin(&rig, OLD "|OK", "GTOTA DOWNLOADING: 5%");
	for (int i = 0; i < 6; i++) {
		rig_lost(&rig);
		rig_lost(&rig);
		rig_pass(&rig, 10 * SEC);
		rig_open(&rig);
		rig_pass(&rig, 3 * MINUTE);
		assert_null(strstr(rig.notices, "verdict"));
	}
	rig_until(&rig, "hold");
	assert_non_null(strstr(rig.notices, "verdict failed port-lost|"));
}

/* After a verdict the same dialogue makes another attempt. */
static void test_again(void **state)
{
	struct rig rig;
	(void) state;

	begin(&rig, OLD "|OK", "GTOTA DOWNLOADING: 50%|GTOTA DOWNLOAD FAILED");
	rig_until(&rig, "hold");
	assert_non_null(strstr(rig.notices, "verdict failed download-failed|"));
	rig_forget(&rig);
	rig_go(&rig);
	rig_until(&rig, "download");
	assert_int_equal(rig.n_starts, 2);
	assert_int_equal(rig.durable.attempt, 2);
	assert_false(rig.durable.failed);
	rig_answer(&rig, "AT+CGMR", NEW "|OK");
	rig.asked = 0;
	hear_all(&rig, "GTOTA DOWNLOADING: 1%|GTOTA DOWNLOAD COMPLETE|AT command ready");
	rig_until(&rig, "hold");
	rig_notices(&rig,
		"preparing|downloading|1%|installing|verifying|verdict succeeded|idle|identified|");
}

/* `return` expires between two reads that are longer apart than questions are: still `settle`. */
static void test_long_settle(void **state)
{
	struct rig rig;
	usec_t first;
	(void) state;

	begin(&rig, NEW "|OK", "GTOTA DOWNLOAD COMPLETE");
	rig.profile.timeouts.settle = 90 * SEC;
	rig.profile.timeouts.return_ = 60 * SEC;
	rig_lost(&rig);
	rig_open(&rig);
	rig_until(&rig, "settle");
	first = rig.now;
	rig_until(&rig, "hold");
	assert_null(strstr(rig.notices, "verdict unknown"));
	assert_non_null(strstr(rig.notices, "verdict succeeded|"));
	assert_true(rig.now >= first + 90 * SEC);
}

/* The target without a word from the module: success all the same, and an end of rule 8. */
static void test_silent_success(void **state)
{
	struct rig rig;
	(void) state;

	begin(&rig, NEW "|OK", "");
	rig_until(&rig, "hold");
	assert_non_null(strstr(rig.notices, "verdict succeeded|"));
	assert_int_equal(upgrade_next_start(&rig.d.upgrade), 0);
	assert_false(rig.durable.end_open);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_success),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_settle_interrupted),
		cmocka_unit_test(test_version_flaps),
		cmocka_unit_test(test_still_downloading),
		cmocka_unit_test(test_return_expires),
		cmocka_unit_test(test_stranger_between),
		cmocka_unit_test(test_clumsy),
		cmocka_unit_test(test_boot_in_question),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_unknown_comes_and_goes),
		cmocka_unit_test(test_port_flaps),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_long_settle),
		cmocka_unit_test(test_silent_success),
	};

	return cmocka_run_group_tests_name("core/upgrade-verdict", tests, NULL, NULL);
}
