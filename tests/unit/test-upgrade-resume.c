/* After a crash, at every step (conduct 9, 13, 16): only what was durable is known. */
#include "core/upgrade-internal.h"
#include "tests/unit/upgrade-rig.h"

static void pass_to_verdict(struct rig *rig)
{
	for (int i = 0; i < 3600 && !strstr(rig->notices, "verdict"); i++)
		rig_pass(rig, SEC);
	assert_non_null(strstr(rig->notices, "verdict"));
}

/* Before the start step: it begins again, and the one attempt is the first. */
static void test_before_start(void **state)
{
	static const char *const steps[] = { "sync", "no-echo", "error-codes", "sim", "probe",
		"supply", "call", "network", "operator", "signal", "rat-read", "rat-lock",
		"network-again", "settings-read", "no-callbreak", "gprs-first", "pdp-ask",
		"pdp-open", "pdp-wait", "imei-again", "revision-again", "start" };
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
		struct rig rig;

		rig_begin(&rig, "L610");
		rig.task.require =
			(struct requirement){ TECHNOLOGY_LTE, true, -100, true, 3500, true };
		rig.task.rat = RAT_LOCK;
		rig_once(&rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
		rig_once(&rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
		rig.saves = RIG_SAVES_LATE;
		rig.save_step = "start";
		rig_hold(&rig);
		dialogue_go(&rig.d, &rig.task, rig.now);
		for (int n = 0; !strstr(rig.steps, steps[i]) && n < 1000; n++) {
			const char *p;
			size_t size = dialogue_output(&rig.d, &p);

			(void) size;
			rig_pass(&rig, 10 * MSEC);
		}
		assert_non_null(strstr(rig.steps, steps[i]));
		if (strcmp(steps[i], "start") != 0)
			rig.n_starts = 0;
		rig_crash(&rig);
		assert_false(upgrade_past_no_return(&rig.d.upgrade));
		rig.saves = RIG_SAVES;
		rig.n_starts = rig.n_callbreaks = 0;
		rig_open(&rig);
		rig_until(&rig, "hold");
		rig_go(&rig);
		rig_until(&rig, "download");
		assert_int_equal(rig.n_starts, 1);
		assert_int_equal(rig.durable.attempt, 1);
	}
}

/* At the start step: the rest of `start`, then `stall`, then the version (conduct 9). */
static void test_at_start(void **state)
{
	static const struct {
		usec_t after, back; /* from the start to the crash, and to the open port */
		usec_t first;	    /* byte, from the start */
	} rows[] = {
		{ 0, 0, 7 * MINUTE },
		{ MINUTE, MINUTE, 7 * MINUTE },
		{ MINUTE, 2 * MINUTE, 7 * MINUTE },
		{ MINUTE, 3 * MINUTE, 8 * MINUTE }, /* `start` is over: `stall` from now */
		{ 10 * MINUTE, 19 * MINUTE, 24 * MINUTE },
		{ 50 * MINUTE, 58 * MINUTE, HOUR }, /* `download` bounds it */
		{ 50 * MINUTE, HOUR + MINUTE, HOUR + MINUTE },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;
		usec_t started;

		rig_begin(&rig, "NL668");
		rig_answer(&rig, "AT+GTOTA=0*", "");
		rig_started(&rig);
		started = rig.durable.started;
		rig.now = started + rows[i].after;
		rig_crash(&rig);
		assert_true(upgrade_past_no_return(&rig.d.upgrade));
		assert_int_equal(upgrade_phase(&rig.d.upgrade), PHASE_INSTALLING);
		rig_pass(&rig, rows[i].back - rows[i].after);
		rig_open(&rig);
		if (started + rows[i].first > rig.now) {
			rig_pass(&rig, started + rows[i].first - 1 - rig.now);
			rig_wire(&rig, "");
			rig_pass(&rig, 1);
		}
		rig_wire(&rig, "AT|");
		pass_to_verdict(&rig);
		assert_non_null(strstr(rig.notices, "verdict failed no-start|"));
		assert_int_equal(rig.n_starts, 1); /* never again blindly */
		assert_int_equal(rig.durable.attempt, 1);
		assert_int_equal(upgrade_next_start(&rig.d.upgrade), started + HOUR); /* rule 8 */
	}
}

/* Any report counts as the OK. */
static void test_report_after_crash(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_started(&rig);
	rig_crash(&rig);
	rig_open(&rig);
	rig_pass(&rig, 6 * MINUTE);
	rig_hear(&rig, "GTOTA DOWNLOADING: 70%");
	rig_pass(&rig, 5 * MINUTE - 1);
	rig_wire(&rig, "");
	rig_hear(&rig, "GTOTA DOWNLOAD COMPLETE");
	rig_answer(&rig, "AT+CGMR", NEW "|OK");
	rig_lost(&rig);
	rig_open(&rig);
	pass_to_verdict(&rig);
	assert_non_null(strstr(rig.notices, "verdict succeeded|"));

	/* the download goes on and dies: stalled, not no-start */
	rig_begin(&rig, "NL668");
	rig_started(&rig);
	rig_crash(&rig);
	rig_open(&rig);
	rig_hear(&rig, "GTOTA DOWNLOADING: 70%");
	pass_to_verdict(&rig);
	assert_non_null(strstr(rig.notices, "verdict failed stalled|"));

	/* a late OK or ERROR may be anybody's: it neither ends nor proves anything */
	rig_begin(&rig, "NL668");
	rig_started(&rig);
	rig_crash(&rig);
	rig_open(&rig);
	rig_hear(&rig, "ERROR");
	rig_hear(&rig, "+CME ERROR: 3");
	rig_hear(&rig, "OK");
	assert_true(upgrade_past_no_return(&rig.d.upgrade));
	rig_wire(&rig, "");
}

/* Later steps: what was durable, and how it goes on. */
static void test_later(void **state)
{
	enum { COMPLETE = 1, FAILED = 2, LOST = 4, BOOT = 8, VERIFYING = 16 };
	static const struct {
		int seen;
		const char *step;      /* after the port is open again */
		const char *old, *new; /* verdict, by the version that is read */
	} rows[] = {
		{ COMPLETE, "leave", "failed no-reboot", "succeeded" },
		{ FAILED, "answer", "failed download-failed", "succeeded" },
		{ LOST, "answer", "failed port-lost", "succeeded" },
		{ COMPLETE | LOST, "answer", "failed version-unchanged", "succeeded" },
		{ COMPLETE | BOOT, "answer", "failed version-unchanged", "succeeded" },
		{ BOOT, "answer", "failed port-lost", "succeeded" },
		{ COMPLETE | LOST | VERIFYING, "answer", "failed version-unchanged", "succeeded" },
	};
	(void) state;

	for (size_t i = 0; i < 2 * ELEMENTSOF(rows); i++) {
		int seen = rows[i / 2].seen;
		char verdict[64] = "verdict ";
		struct rig rig;

		rig_begin(&rig, "NL668");
		rig_started(&rig);
		rig.deaf = true;
		if (seen & COMPLETE)
			rig_hear(&rig, "GTOTA DOWNLOAD COMPLETE");
		if (seen & FAILED)
			rig_hear(&rig, "GTOTA DOWNLOAD FAILED");
		if (seen & BOOT)
			rig_hear(&rig, "AT command ready");
		if (seen & LOST)
			rig_lost(&rig);
		if (seen & VERIFYING) {
			rig_open(&rig);
			rig_pass(&rig, SEC);
		}
		rig_crash(&rig);
		rig.asked = 0;
		rig.deaf = false;
		rig_answer(&rig, "AT+CGMR", i % 2 ? NEW "|OK" : OLD "|OK");
		rig_pass(&rig, MINUTE);
		rig_open(&rig);
		if (strcmp(rows[i / 2].step, "leave") == 0) {
			rig_pass(&rig, 5 * MINUTE - 1);
			rig_wire(&rig, "");
			assert_string_equal(rig_step(&rig), "leave");
		} else {
			rig_pass(&rig, 0);
			assert_memory_equal(rig.wire, "AT|", 3);
		}
		pass_to_verdict(&rig);
		strcat(verdict, i % 2 ? rows[i / 2].new : rows[i / 2].old);
		if (!strstr(rig.notices, verdict))
			fail_msg("row %zu: %s", i, rig.notices);
		assert_int_equal(rig.n_starts, 1);
	}
}

/* The port does not come back after the crash: unknown, at last. */
static void test_not_back(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_started(&rig);
	rig_crash(&rig);
	rig_pass(&rig, 20 * MINUTE - 1);
	rig_notices(&rig, "");
	rig_pass(&rig, 1);
	rig_notices(&rig, "verdict unknown not-back|");
	rig_answer(&rig, "AT+CGMR", NEW "|OK");
	rig_open(&rig);
	pass_to_verdict(&rig);
	assert_non_null(strstr(rig.notices, "verdict succeeded|"));
}

/* A stored start that lies ahead of the clock is damage, or of another boot: rule 8 waits no longer for it. */
static void test_started_ahead(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig.durable.end_open = true;
	rig.durable.started = USEC_INFINITY - 1;
	rig_crash(&rig);
	assert_true(upgrade_next_start(&rig.d.upgrade) <= rig.now + 2 * HOUR);
	assert_true(upgrade_next_start(&rig.d.upgrade) > rig.now);
}

/* The port goes while it listens again: its return ends the listening (conduct 4). */
static void test_lost_while_listening(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_started(&rig);
	rig_crash(&rig);
	rig_open(&rig);
	rig_pass(&rig, MINUTE);
	rig_lost(&rig);
	rig_open(&rig);
	rig_pass(&rig, 0);
	rig_wire(&rig, "AT|");
	pass_to_verdict(&rig);
	assert_non_null(strstr(rig.notices, "verdict failed port-lost|"));
}

/* A crash in the middle of every save: the record is the one before, or the one after. */
static void test_crash_at_every_save(void **state)
{
	(void) state;

	for (unsigned at = 1; at < 40; at++)
		for (int made = 0; made < 2; made++) {
			struct rig rig;
			int crashes = 0;
			bool at_start = false;

			rig_begin(&rig, "L610");
			rig.task.rat = RAT_LOCK;
			rig_once(&rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
			rig.saves = RIG_SAVES_LATE;
			rig_open(&rig);
			for (int i = 0; i < 20000 && !strstr(rig.notices, "succeeded"); i++) {
				if (rig.pending && rig.n_saves == at && !crashes) {
					if (made)
						rig.durable = rig.pending_record;
					crashes++;
					at_start = strcmp(rig_step(&rig), "start") == 0;
					rig_crash(&rig);
					rig.asked = 0;
					rig.n_callbreaks = 0;
					rig_open(&rig);
				} else if (rig.pending) {
					rig_saved(&rig, true);
				}
				if (upgrade_is_holding(&rig.d.upgrade) && !rig.d.upgrade.task &&
					upgrade_next_start(&rig.d.upgrade) <= rig.now)
					rig_go(&rig);
				if (strcmp(rig_step(&rig), "download") == 0 && rig.n_starts > 0 &&
					rig.d.upgrade.record.start_durable) {
					rig_answer(&rig, "AT+CGMR", NEW "|OK");
					rig_hear(&rig, "GTOTA DOWNLOAD COMPLETE");
					if (rig.n_saves == at)
						continue;
					rig_lost(&rig);
					rig_open(&rig);
				}
				rig_pass(&rig, SEC);
			}
			assert_non_null(strstr(rig.notices, "verdict succeeded|"));
			/* an attempt that was durable and perhaps not sent is spent (conduct 9) */
			assert_int_equal(rig.n_starts, 1);
			assert_int_equal(rig.d.upgrade.record.attempt, at_start && made ? 2 : 1);
			/* what was found first is what is kept */
			assert_string_equal(rig.d.upgrade.record.callbreak.value, "0");
			assert_string_equal(rig.d.upgrade.record.rat.value, "10,3,0");
			if (!crashes)
				return; /* there are no more saves than that */
		}
	fail();
}

/* Steps are stored by name: each has one of its own, and it fits the record. */
static void test_names(void **state)
{
	(void) state;

	for (size_t i = 0; i < _STEP_MAX; i++) {
		assert_in_range(strlen(upgrade_steps[i].name), 1, STEP_NAME_MAX - 1);
		assert_non_null(upgrade_steps[i].handler);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(upgrade_steps[i].name, upgrade_steps[k].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_before_start),
		cmocka_unit_test(test_at_start),
		cmocka_unit_test(test_report_after_crash),
		cmocka_unit_test(test_later),
		cmocka_unit_test(test_not_back),
		cmocka_unit_test(test_started_ahead),
		cmocka_unit_test(test_lost_while_listening),
		cmocka_unit_test(test_crash_at_every_save),
	};

	return cmocka_run_group_tests_name("core/upgrade-resume", tests, NULL, NULL);
}
