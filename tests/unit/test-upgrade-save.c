/* Save, then act; what was not sent is taken back (conduct 5, 13). */
#include "tests/unit/upgrade-rig.h"

/* The start's save is asked for, and has not ended. */
static void begin_at_save(struct rig *rig, const char *profile)
{
	rig_begin(rig, profile);
	rig->saves = RIG_SAVES_LATE;
	rig->save_step = "start";
	rig_hold(rig);
	rig_go(rig);
	rig_until(rig, "start");
	assert_true(rig->pending != 0);
	assert_true(rig->pending_record.start_durable);
	assert_int_equal(rig->n_starts, 0);
	rig_forget(rig);
}

static void assert_taken_back(const struct upgrade_record *r)
{
	assert_false(r->start_durable);
	assert_false(r->end_open);
	assert_int_equal(r->attempt, 0);
	assert_int_equal(r->started, 0);
}

static void test_save_then_act(void **state)
{
	struct rig rig;
	(void) state;

	begin_at_save(&rig, "NL668");
	rig_pass(&rig, 5 * SEC - 1);
	rig_wire(&rig, "");
	rig.saves = RIG_SAVES;
	rig_saved(&rig, true);
	rig_wire(&rig, HTTP_START "|");
	assert_true(upgrade_past_no_return(&rig.d.upgrade));
	assert_int_equal(rig.durable.attempt, 1);
	assert_string_equal(rig.durable.step, "start");
	assert_string_equal(rig.durable.from, OLD);
	assert_string_equal(rig.durable.to, NEW);
	assert_string_equal(rig.durable.imei, IMEI);
	assert_string_equal(rig.durable.model, "NL668-EU-00");
}

/* conduct 13: what comes before SAVED, and what is durable in the end */
static void test_before_saved(void **state)
{
	enum { FAILS, EXPIRES, CANCEL, LOST, REPORT, BOOT };
	static const struct {
		int how;
		const char *verdict;
	} rows[] = {
		{ FAILS, "verdict deferred store|" },
		{ EXPIRES, "verdict deferred store|" },
		{ CANCEL, "verdict cancelled cancelled|" },
		{ LOST, "" }, /* begins again when the port is back */
		{ REPORT, "verdict deferred busy|" },
		{ BOOT, "" },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;
		uint64_t late;
		struct upgrade_record late_record;

		begin_at_save(&rig, "NL668");
		late = rig.pending;
		late_record = rig.pending_record;
		rig.save_step = NULL; /* the second record is kept too */
		switch (rows[i].how) {
		case FAILS:
			rig_saved(&rig, false);
			late = 0;
			break;
		case EXPIRES:
			rig_pass(&rig, 5 * SEC);
			break;
		case CANCEL:
			rig_cancel(&rig);
			break;
		case LOST:
			rig_lost(&rig);
			break;
		case REPORT:
			rig_hear(&rig, "GTOTA DOWNLOADING: 5%");
			break;
		case BOOT:
			rig_hear(&rig, "AT command ready");
			break;
		}
		assert_null(strstr(rig.wire, "GTOTA"));
		assert_true(strncmp(rig.notices, rows[i].verdict, strlen(rows[i].verdict)) == 0);
		assert_false(upgrade_past_no_return(&rig.d.upgrade));
		/* the late SAVED changes nothing, and a second record undoes it */
		assert_true(rig.pending > late);
		assert_false(rig.pending_record.start_durable);
		if (late) {
			rig.durable = late_record;
			dialogue_saved(&rig.d, late, true, rig.now);
			assert_false(upgrade_past_no_return(&rig.d.upgrade));
		}
		rig.saves = RIG_SAVES;
		rig_saved(&rig, true);
		assert_false(rig.durable.start_durable);
		assert_int_equal(rig.durable.attempt, 0);
		if (rows[i].how != REPORT)
			assert_taken_back(&rig.durable);
		assert_int_equal(rig.n_starts, 0);
		if (rows[i].how == LOST)
			rig_open(&rig);
		if (rows[i].how == LOST || rows[i].how == BOOT) {
			rig_until(&rig, "download");
			assert_int_equal(rig.n_starts, 1);
			assert_int_equal(rig.durable.attempt, 1);
		}
	}
}

/* Also the settings wait for their save, and a failing store ends the attempt before them. */
static void test_settings_not_saved(void **state)
{
	static const char *const steps[] = { "no-callbreak", "rat-lock", "pdp-open" };
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
		struct rig rig;

		rig_begin(&rig, "L610");
		rig.task.rat = RAT_LOCK;
		rig_once(&rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
		rig.saves = RIG_SAVES_NEVER;
		rig.save_step = steps[i];
		rig_hold(&rig);
		rig_go(&rig);
		rig_pass(&rig, MINUTE);
		assert_non_null(strstr(rig.notices, "verdict deferred store|"));
		assert_int_equal(rig.n_starts, 0);
		assert_false(rig_did(&rig, i == 0   ? "AT+GTSET=\"CALLBREAK\",1"
					   : i == 1 ? "AT+GTRAT=3"
						    : "AT+MIPCALL=1"));
		assert_true(upgrade_is_holding(&rig.d.upgrade));
	}
}

/* conduct 3 and 13: what was not sent is not put back, also when its SAVED comes late */
static void test_settings_before_saved(void **state)
{
	static const char *const steps[] = { "no-callbreak", "rat-lock", "pdp-open" };
	(void) state;

	for (size_t i = 0; i < 5 * ELEMENTSOF(steps); i++) {
		struct rig rig;
		uint64_t late;
		int how = (int) (i % 5);

		rig_begin(&rig, "L610");
		rig.task.rat = RAT_LOCK;
		rig_answer(&rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
		rig.saves = RIG_SAVES_LATE;
		rig.save_step = steps[i / 5];
		rig_hold(&rig);
		rig_go(&rig);
		rig_until(&rig, steps[i / 5]);
		late = rig.pending;
		assert_true(late != 0);
		rig.save_step = NULL;
		if (how == 0)
			rig_cancel(&rig);
		else if (how == 1)
			rig_lost(&rig);
		else if (how == 2)
			rig_pass(&rig, 5 * SEC);
		else if (how == 3)
			rig_hear(&rig, "AT command ready");
		else
			rig_hear(&rig, "GTOTA DOWNLOAD START");
		assert_true(rig.pending > late);
		dialogue_saved(&rig.d, late, true, rig.now);
		rig.saves = RIG_SAVES;
		rig_saved(&rig, true);
		assert_int_equal(rig.durable.callbreak.written, i / 5 == 2);
		assert_int_equal(rig.durable.rat.written, i / 5 != 1);
		assert_false(rig.durable.pdp_opened);
	}
}

/* A credential read since the configuration was checked. */
static void test_cannot_be_built(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig.task.request = (struct gtota_request){ GTOTA_FTP, "fota.example.net", "a.bin", "user",
		"with \"quote\"" };
	rig_hold(&rig);
	rig_go(&rig);
	rig_pass(&rig, MINUTE);
	rig_notices(&rig, "preparing|downloading|verdict failed credential|idle|identified|");
	assert_taken_back(&rig.durable);
	assert_int_equal(rig.n_starts, 0);
}

/* conduct 5: the port goes before a byte is out, and after the first */
static void test_first_byte(void **state)
{
	struct rig rig;
	const char *p;
	(void) state;

	begin_at_save(&rig, "NL668");
	rig.stuck = true;
	rig.saves = RIG_SAVES;
	rig_saved(&rig, true);
	assert_true(upgrade_past_no_return(&rig.d.upgrade));
	rig_lost(&rig);
	assert_taken_back(&rig.durable);
	rig.stuck = false;
	rig_open(&rig);
	rig_until(&rig, "download"); /* it was never sent, so it may be */
	assert_int_equal(rig.n_starts, 1);

	begin_at_save(&rig, "NL668");
	rig.stuck = true;
	rig.saves = RIG_SAVES;
	rig_saved(&rig, true);
	assert_true(dialogue_output(&rig.d, &p) > 1);
	dialogue_written(&rig.d, 0, rig.now);
	assert_false(rig.d.upgrade.line_sent);
	dialogue_written(&rig.d, 1, rig.now);
	dialogue_written(&rig.d, 1, rig.now);
	rig_lost(&rig);
	assert_true(rig.durable.start_durable);
	assert_true(rig.durable.left);
	assert_string_equal(rig_step(&rig), "return");
}

/* Taken back, the earlier start's open end stays open. */
static void test_taken_back_end_open(void **state)
{
	struct rig rig;
	usec_t started;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+GTOTA=0*", "");
	rig_started(&rig);
	started = rig.durable.started;
	rig_until(&rig, "hold");
	rig_pass(&rig, HOUR);
	rig.saves = RIG_SAVES_NEVER;
	rig.save_step = "start";
	rig_forget(&rig);
	rig_go(&rig);
	for (int i = 0; i < 100 && !strstr(rig.notices, "verdict"); i++)
		rig_pass(&rig, SEC);
	assert_non_null(strstr(rig.notices, "verdict deferred store|"));
	assert_true(rig.durable.end_open);
	assert_int_equal(rig.durable.started, started);
	assert_int_equal(rig.durable.attempt, 1);
}

/* Another save's end is not this one's; and a SAVED that is read after its time is too late. */
static void test_which_and_when(void **state)
{
	struct rig rig;
	(void) state;

	begin_at_save(&rig, "NL668");
	dialogue_saved(&rig.d, rig.pending - 1, true, rig.now);
	dialogue_saved(&rig.d, rig.pending + 1, true, rig.now);
	dialogue_saved(&rig.d, rig.pending + 1, false, rig.now);
	rig_flow(&rig);
	rig_wire(&rig, "");
	rig_notices(&rig, "");
	rig.now += 5 * SEC;
	rig.saves = RIG_SAVES;
	rig_saved(&rig, true);
	assert_int_equal(rig.n_starts, 0);
	assert_taken_back(&rig.durable);
	assert_non_null(strstr(rig.notices, "verdict deferred store|"));
}

/* conduct 12: a line with a secret stays in the channel until it is written, and nowhere else */
static void test_secret(void **state)
{
	struct rig rig;
	(void) state;

	for (int ftp = 0; ftp < 2; ftp++) {
		rig_begin(&rig, "L610");
		rig.task.apn =
			(struct apn){ .name = "iot", .username = "gw", .password = "secret" };
		rig.task.request = (struct gtota_request){ GTOTA_FTP, "fota.example.net", "a.bin",
			"user", "secret" };
		if (!ftp)
			rig_answer(&rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
		rig.saves = RIG_SAVES_LATE;
		rig.save_step = ftp ? "start" : "pdp-open";
		rig_hold(&rig);
		rig_go(&rig);
		rig_until(&rig, rig.save_step);
		dialogue_saved(&rig.d, rig.pending, true, rig.now);
		assert_true(rig.box.effects.send);
		assert_true(rig.box.effects.secret);
		assert_null(memmem(&rig.box, sizeof(rig.box), "secret", 6));
		assert_non_null(memmem(&rig.d.channel, sizeof(rig.d.channel), "secret", 6));
		rig.durable = rig.pending_record;
		rig_flow(&rig);
		assert_null(memmem(&rig.d, sizeof(rig.d), "secret", 6));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_save_then_act),
		cmocka_unit_test(test_before_saved),
		cmocka_unit_test(test_settings_not_saved),
		cmocka_unit_test(test_settings_before_saved),
		cmocka_unit_test(test_cannot_be_built),
		cmocka_unit_test(test_first_byte),
		cmocka_unit_test(test_taken_back_end_open),
		cmocka_unit_test(test_which_and_when),
		cmocka_unit_test(test_secret),
	};

	return cmocka_run_group_tests_name("core/upgrade-save", tests, NULL, NULL);
}
