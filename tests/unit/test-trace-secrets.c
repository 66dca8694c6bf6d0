/*
 * No secret is ever in a trace, and what is there instead of it still tells the same story (conduct
 * 12).
 */
#include "tests/unit/trace-rig.h"

static void feed(struct recorder *r, const char *text, size_t chunk)
{
	for (size_t size = strlen(text); size > 0;) {
		size_t n = size < chunk ? size : chunk;

		dialogue_input(&r->rig.d, text, n, ++r->rig.now);
		rig_flow(&r->rig);
		text += n;
		size -= n;
	}
}

/* ---- secrets: the echo, in one piece and in many; a module that repeats what it was given; a
 * foreign line ---- */

#define FTP_LINE "AT+GTOTA=1,\"fota.example.net\",\"28-29.bin\",\"fota\",\"" CANARY "\""

static void secret_in_chunks(size_t chunk)
{
	struct recorder *r = begin("L610", TRACE_SIZE);

	use_ftp(r, CANARY);
	use_apn(r, CANARY);
	rig_answer(&r->rig, "AT+GTOTA=1*", "");
	r->rig.echo = false;
	rig_go(&r->rig);
	rig_until(&r->rig, "start");
	assert_true(rig_did(&r->rig, FTP_LINE));
	feed(r, FTP_LINE "\r\r\n+X: \"" CANARY "\"\r\nlogin kanarie-Zx9\r\n\r\nOK\r\n", chunk);
	feed(r, "+CME ERROR: " CANARY "\r\nGTOTA DOWNLOAD START\r\n", chunk);
	feed(r, "GTOTA DOWNLOAD FAILED: " CANARY "\r\n", chunk);
	to_the_end(r);
	assert_true(
		holds(&r->trace, "AT+GTOTA=1,\"fota.example.net\",\"28-29.bin\",\"fota\",\"***\""));
	assert_true(holds(&r->trace, "AT+MIPCALL=1,\"iot.example\",\"gw\",\"***\""));
	assert_false(holds(&r->trace, "kanarie"));
	assert_true(replay_all(r, OUTCOME_FAILED, REASON_DOWNLOAD_FAILED) >= 1);
	end(r);
}

static void secret(void **state)
{
	(void) state;
	for (size_t chunk = 1; chunk < 130; chunk += chunk < 20 ? 1 : 7)
		secret_in_chunks(chunk);
}

/* The port takes a byte at a time. */
static void secret_in_short_writes(void **state)
{
	struct recorder *r = begin("L610", TRACE_SIZE);
	const char *data;

	(void) state;
	use_ftp(r, CANARY);
	r->rig.saves = RIG_SAVES_LATE;
	r->rig.save_step = "start";
	rig_go(&r->rig);
	rig_until(&r->rig, "start");
	r->rig.stuck = true;
	rig_saved(&r->rig, true);
	assert_string_equal(rig_step(&r->rig), "start");
	while (dialogue_output(&r->rig.d, &data) > 0) {
		dialogue_written(&r->rig.d, 1, ++r->rig.now);
		rig_flow(&r->rig);
	}
	r->rig.stuck = false;
	rig_hear(&r->rig, "+CME ERROR: 50");
	rig_until(&r->rig, "hold");
	assert_false(holds(&r->trace, CANARY));
	assert_true(replay_all(r, OUTCOME_FAILED, REASON_REJECTED) >= 1);
	end(r);
}

static void query(void **state)
{
	struct recorder *r = begin("NL668", TRACE_SIZE);

	(void) state;
	r->rig.task.request.url = "http://fota.example.net/28-29.bin?key=" CANARY;
	rig_go(&r->rig); /* with the echo on: it is masked, too */
	rig_until(&r->rig, "download");
	rig_hear(&r->rig, "+HTTPREQ: 28-29.bin?key=" CANARY);
	rig_hear(&r->rig, "GTOTA DOWNLOAD FAILED");
	to_the_end(r);
	assert_true(holds(&r->trace, "AT+GTOTA=0,\"http://fota.example.net/28-29.bin?***\""));
	assert_true(replay_all(r, OUTCOME_FAILED, REASON_DOWNLOAD_FAILED) >= 1);
	end(r);
}

/* Short secrets stand in many a line by chance; only quoted ones are replaced. */
static void masks(void **state)
{
	static const struct {
		const char *password, *line, *masked;
	} rows[] = {
		{ "secret", "+X: secret", "+X: ***" },
		{ "secret", "secretsecret\r\n", "******\r\n" },
		{ "secret", "secre", "secre" },
		{ "5", "GTOTA DOWNLOADING: 5%", "GTOTA DOWNLOADING: 5%" },
		{ "5", "+X: \"5\",5", "+X: ***,5" },
		{ "", "+X: \"\"", "+X: \"\"" },
		{ NULL, "+X: secret", "+X: secret" },
		{ "fota", "AT+GTOTA=1,\"h\",\"fota\",\"fota\",\"fota\"\r",
			"AT+GTOTA=1,\"h\",\"fota\",\"fota\",\"***\"\r" },
	};
	char shown[TRACE_LINE_MAX];

	(void) state;
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct upgrade_task task = { .request = { .type = GTOTA_FTP,
						     .url = "h",
						     .filename = "fota",
						     .username = "fota",
						     .password = rows[i].password } };
		size_t n = trace_mask(&task, rows[i].line, strlen(rows[i].line), shown);

		assert_int_equal(n, strlen(rows[i].masked));
		assert_memory_equal(shown, rows[i].masked, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret),
		cmocka_unit_test(secret_in_short_writes),
		cmocka_unit_test(query),
		cmocka_unit_test(masks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
