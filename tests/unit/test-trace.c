/*
 * The flight recorder: whatever happens to a modem, a replay from any state in its trace does the
 * same; and no secret is ever in it.
 */
#include "tests/unit/trace-rig.h"

/* ---- whole lives ---- */

static void success(void **state)
{
	struct recorder *r = begin("NL668", TRACE_SIZE);

	(void) state;
	rig_go(&r->rig);
	rig_until(&r->rig, "download");
	rig_hear(&r->rig, "GTOTA DOWNLOADING: 5%");
	rig_hear(&r->rig, "GTOTA DOWNLOAD COMPLETE");
	rig_lost(&r->rig);
	rig_pass(&r->rig, 10 * SEC);
	rig_answer(&r->rig, "AT+CGMR", NEW "|OK");
	rig_open(&r->rig);
	to_the_end(r);
	assert_true(replay_all(r, OUTCOME_SUCCEEDED, REASON_NONE) >= 1);
	end(r);
}

static void failed_download(void **state)
{
	struct recorder *r = begin("L610", TRACE_SIZE);

	(void) state;
	rig_go(&r->rig);
	rig_until(&r->rig, "download");
	rig_hear(&r->rig, "GTOTA DOWNLOAD FAILED");
	to_the_end(r);
	assert_true(replay_all(r, OUTCOME_FAILED, REASON_DOWNLOAD_FAILED) >= 1);
	end(r);
}

static void rejected(void **state)
{
	struct recorder *r = begin("L610", TRACE_SIZE);

	(void) state;
	rig_once(&r->rig, "AT+GTOTA=0*", "+CME ERROR: 50");
	rig_go(&r->rig);
	rig_until(&r->rig, "hold");
	assert_true(replay_all(r, OUTCOME_FAILED, REASON_REJECTED) >= 1);
	assert_int_equal(r->replay.verdict.cme, 50);
	end(r);
}

/* The store says no: nothing is sent, here and there. */
static void save_fails(void **state)
{
	struct recorder *r = begin("NL668", TRACE_SIZE);

	(void) state;
	r->rig.saves = RIG_SAVES_NEVER;
	rig_go(&r->rig);
	rig_until(&r->rig, "hold");
	rig_pass(&r->rig, MINUTE);
	assert_true(replay_all(r, OUTCOME_DEFERRED, REASON_STORE) >= 1);
	end(r);
}

static void cancelled(void **state)
{
	struct recorder *r = begin("NL668", TRACE_SIZE);

	(void) state;
	rig_answer(&r->rig, "AT+CPIN?", "");
	rig_go(&r->rig);
	rig_until(&r->rig, "sim");
	rig_cancel(&r->rig);
	assert_true(replay_all(r, OUTCOME_CANCELLED, REASON_CANCELLED) >= 1);
	end(r);
}

static void unknown(void **state)
{
	struct recorder *r = begin("NL668", TRACE_SIZE);

	(void) state;
	rig_go(&r->rig);
	rig_until(&r->rig, "download");
	rig_hear(&r->rig, "GTOTA DOWNLOAD COMPLETE");
	rig_lost(&r->rig);
	rig_pass(&r->rig, HOUR);
	assert_true(replay_all(r, OUTCOME_UNKNOWN, REASON_NOT_BACK) >= 1);
	end(r);
}

/* An attempt that an earlier life of fotad has started: no task is known. */
static void resumed(void **state)
{
	struct recorder *r = begin("NL668", TRACE_SIZE);

	(void) state;
	rig_go(&r->rig);
	rig_until(&r->rig, "download");
	rig_crash(&r->rig);
	record(r, TRACE_SIZE);
	rig_open(&r->rig);
	rig_until(&r->rig, "hold");
	assert_true(replay_all(r, OUTCOME_FAILED, REASON_NO_START) >= 1);
	end(r);
}

/* Lines that lie in the caller's room, with and without a secret; the module's echo is on. */
static void long_lines(void **state)
{
	char url[GTOTA_FIELD_MAX + 1], password[GTOTA_FIELD_MAX + 1];
	(void) state;

	memset(url, 'u', sizeof(url));
	memcpy(url, "http://fota.example.net/", strlen("http://fota.example.net/"));
	memset(password, 'p', sizeof(password));
	memcpy(password + 100, CANARY, strlen(CANARY));
	url[GTOTA_FIELD_MAX] = password[GTOTA_FIELD_MAX] = '\0';
	for (int ftp = 0; ftp < 2; ftp++) {
		struct recorder *r = begin("NL668", TRACE_SIZE);

		if (ftp)
			use_ftp(r, password);
		else
			r->rig.task.request.url = url;
		rig_answer(&r->rig, "ATE0", "ERROR");
		rig_go(&r->rig);
		rig_until(&r->rig, "download");
		assert_int_equal(holds(&r->trace, url), !ftp);
		assert_int_equal(holds(&r->trace, "AT+GTOTA=1,\"fota.example.net\",\"28-29.bin\",\"fota\",\"***\""), ftp);
		rig_hear(&r->rig, "GTOTA DOWNLOAD FAILED");
		to_the_end(r);
		assert_true(replay_all(r, OUTCOME_FAILED, REASON_DOWNLOAD_FAILED) >= 1);
		end(r);
	}
}

/* A ring so small that it begins anew in the middle of the check. */
static void no_service(void **state)
{
	static const struct {
		const char *command, *answer;
	} rows[] = {
		{ "AT+CEREG?", "+CEREG: 0,2|OK" },
		{ "AT+MIPCALL?", "+MIPCALL: 0|OK" },
		{ "AT+MIPCALL=1,*", "+CME ERROR: 30" }, /* opened again and again */
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct recorder *r = begin("L610", TRACE_SIZE_MIN);

		r->rig.task.check = CHECK_PDP;
		use_apn(r, CANARY);
		rig_go(&r->rig);
		rig_until(&r->rig, "download");
		rig_hear(&r->rig, "GTOTA DOWNLOAD COMPLETE");
		rig_lost(&r->rig);
		rig_answer(&r->rig, rows[i].command, rows[i].answer);
		rig_answer(&r->rig, "AT+CGMR", NEW "|OK");
		if (i > 0)
			rig_answer(&r->rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
		rig_open(&r->rig);
		rig_until(&r->rig, "hold");
		assert_true(replay_all(r, OUTCOME_FAILED, REASON_NO_SERVICE) >= 1);
		assert_true(r->trace.dropped > 0);
		end(r);
	}
}

/* ---- the ring ---- */

static void long_download(void **state)
{
	struct recorder *r = begin("L610", TRACE_SIZE_MIN);
	char line[64];

	(void) state;
	rig_go(&r->rig);
	rig_until(&r->rig, "download");
	for (unsigned i = 0; i < 3000; i++) {
		rig_pass(&r->rig, SEC);
		snprintf(line, sizeof(line), "GTOTA DOWNLOADING: %u%%", i / 30);
		rig_hear(&r->rig, line);
		assert_true(r->trace.used <= TRACE_SIZE_MIN);
	}
	rig_hear(&r->rig, "GTOTA DOWNLOAD FAILED");
	to_the_end(r);
	assert_true(r->trace.dropped > 1000);
	assert_true(replay_all(r, OUTCOME_FAILED, REASON_DOWNLOAD_FAILED) >= 2);
	end(r);
}

/* Reads of 4 KiB (daemon/ports.h) of short lines, of one endless line, and of nothing but line
 * ends. */
static void flood(void **state)
{
	static const char *const units[] = { "x\r\n", "endless ", "\r\n", "+CSQ: 1,2\r\n", "\0",
		NULL };
	struct recorder *r = begin("L610", TRACE_SIZE);
	char data[4096];

	(void) state;
	rig_go(&r->rig);
	rig_until(&r->rig, "download");
	for (size_t i = 0; units[i]; i++) {
		size_t n = strlen(units[i]) ?: 1;

		for (size_t k = 0; k < sizeof(data); k++)
			data[k] = units[i][k % n];
		for (int k = 0; k < 100; k++) {
			dialogue_input(&r->rig.d, data, sizeof(data), ++r->rig.now);
			rig_flow(&r->rig);
			assert_true(r->trace.used <= TRACE_SIZE);
		}
	}
	rig_hear(&r->rig, "");
	rig_hear(&r->rig, "GTOTA DOWNLOAD FAILED");
	to_the_end(r);
	assert_true(replay_all(r, OUTCOME_FAILED, REASON_DOWNLOAD_FAILED) >= 1);
	end(r);
}

/* ---- a difference is found ---- */

static void expect_difference(struct recorder *r, const char *text)
{
	const struct trace_entry *entry;
	enum replay_result result;

	assert_return_code(replay_begin(&r->replay, &r->it), 0);
	do {
		result = replay_next(&r->replay, &entry);
	} while (result == REPLAY_SAME);
	assert_int_equal(result, REPLAY_DIFFERENT);
	if (!strstr(r->replay.difference, text))
		fail_msg("%s", r->replay.difference);
}

static size_t find(const struct recorder *r, enum trace_type type)
{
	for (size_t i = 0; i < r->it.n_entries; i++)
		if (r->entries[i].type == type)
			return i;
	fail();
	return 0;
}

static void differences(void **state)
{
	struct recorder *r = begin("L610", TRACE_SIZE);
	struct upgrade_notice other = {
		.outcome = OUTCOME_FAILED, .reason = REASON_STALLED, .cme = AT_ERROR_NONE
	};

	(void) state;
	rig_go(&r->rig);
	rig_until(&r->rig, "download");
	rig_hear(&r->rig, "GTOTA DOWNLOAD FAILED");
	to_the_end(r);

	make_case(r, 0);
	r->entries[find(r, TRACE_VERDICT)].number = trace_verdict(&other);
	expect_difference(
		r, "here the verdict is failed, download-failed, then it was failed, stalled");
	make_case(r, 0);
	r->entries[find(r, TRACE_OUTPUT)].data = "AX";
	expect_difference(r, "here \"AT\\r\" is to be sent, then \"AX");
	make_case(r, 0);
	r->entries[find(r, TRACE_SAVE)].number++;
	expect_difference(r, "another save");
	make_case(r, 0);
	r->entries[find(r, TRACE_SAVE)].type = TRACE_ADVANCE;
	expect_difference(r, "something is to be saved");
	make_case(r, 0);
	r->it.n_entries--;
	memmove(r->entries + find(r, TRACE_VERDICT), r->entries + find(r, TRACE_VERDICT) + 1,
		(r->it.n_entries - find(r, TRACE_VERDICT)) * sizeof(r->entries[0]));
	expect_difference(r, "there was none yet");
	make_case(r, 0);
	r->it.n_entries = find(r, TRACE_SAVE) - 1;
	expect_difference(r, "there is no verdict");
	make_case(r, 0);
	r->masked.to = OLD;
	expect_difference(r, "here nothing is to be sent, then \"AT+CPIN?");
	end(r);
}

/* A state that no dialogue can be in is refused. */
static void impossible(void **state)
{
	struct recorder *r = begin("L610", TRACE_SIZE);

	(void) state;
	rig_answer(&r->rig, "AT+CPIN?", "");
	rig_go(&r->rig);
	rig_until(&r->rig, "sim");
	record(r, TRACE_SIZE);
	make_case(r, 0);
	assert_return_code(replay_begin(&r->replay, &r->it), 0);
	r->it.task = NULL;
	assert_int_equal(replay_begin(&r->replay, &r->it), -EINVAL);
	make_case(r, 0);
	r->state.dialogue.upgrade.step = 1000;
	assert_int_equal(replay_begin(&r->replay, &r->it), -EINVAL);
	make_case(r, 0);
	r->state.dialogue.channel.output_done = r->state.dialogue.channel.output_size + 1;
	assert_int_equal(replay_begin(&r->replay, &r->it), -EINVAL);
	make_case(r, 0);
	r->state.profile[0] = '\0';
	assert_int_equal(replay_begin(&r->replay, &r->it), -EINVAL);
	end(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(success),
		cmocka_unit_test(failed_download),
		cmocka_unit_test(rejected),
		cmocka_unit_test(save_fails),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(unknown),
		cmocka_unit_test(resumed),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(no_service),
		cmocka_unit_test(long_download),
		cmocka_unit_test(flood),
		cmocka_unit_test(differences),
		cmocka_unit_test(impossible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
