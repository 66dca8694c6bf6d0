/* Who answers, and who is asked at all (conduct 1, 10, 24). */
#include "tests/unit/upgrade-rig.h"

static void test_healthy(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_open(&rig);
	rig_pass(&rig, MINUTE);
	rig_wire(&rig, "AT|AT+CGMI|AT+CGMM|AT+CGMR|AT+CGSN|");
	rig_notices(&rig, "identified|");
	assert_string_equal(rig.steps, "sync|maker|model|revision|imei|identified|hold|");
	assert_string_equal(rig.d.upgrade.identity.version, OLD);
	assert_string_equal(rig.d.upgrade.identity.imei, IMEI);
	assert_string_equal(rig.d.upgrade.identity.model, "NL668-EU-00");
	assert_true(upgrade_is_holding(&rig.d.upgrade));
	assert_false(upgrade_past_no_return(&rig.d.upgrade));
	assert_int_equal(dialogue_deadline(&rig.d), USEC_INFINITY);
}

/* conduct 1: what is asked of a module that is not what it should be, and what is said of it */
static void test_refusals(void **state)
{
	static const struct {
		const char *command, *answer;
		const char *imei, *wire, *notices; /* wire NULL: how often it is asked is open */
		usec_t again;			   /* from the refusal to the next byte */
	} rows[] = {
		{ "AT+CGMI", "Quectel|OK", NULL, "AT|AT+CGMI|",
			"warning unknown-model|refused unknown-model|", 10 * MINUTE },
		{ "AT+CGMI", "ERROR", NULL, "AT|AT+CGMI|AT+CGMI|AT+CGMI|", "refused no-answer|",
			30 * SEC },
		{ "AT+CGMM", "NL669-EU-00|OK", NULL, "AT|AT+CGMI|AT+CGMM|AT+CGMR|AT+CGSN|",
			"warning unknown-model|refused unknown-model|", 10 * MINUTE },
		{ "AT+CGMM", "OK", NULL, NULL, "refused no-answer|", 30 * SEC },
		{ "AT+CGMR", "+CME ERROR: 14", NULL, "AT|AT+CGMI|AT+CGMM|AT+CGMR|AT+CGMR|AT+CGMR|",
			"refused no-answer|", 30 * SEC },
		{ "AT+CGMR", "12345|OK", NULL, NULL, "refused no-answer|", 30 * SEC },
		{ "AT+CGSN", "8612345678901231|OK", NULL, NULL, "refused no-answer|", 30 * SEC },
		{ "AT+CGSN", IMEI "|OK", "861234567890124", "AT|AT+CGMI|AT+CGMM|AT+CGMR|AT+CGSN|",
			"warning wrong-modem|refused wrong-modem|", 10 * MINUTE },
		/* L610 in a slot configured as NL668 */
		{ "AT+CGMM", "L610-CN-62-36|OK", NULL, "AT|AT+CGMI|AT+CGMM|AT+CGMR|AT+CGSN|",
			"warning unknown-model|refused unknown-model|", 10 * MINUTE },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;
		usec_t refused;

		rig_begin(&rig, "NL668");
		rig_answer(&rig, rows[i].command, rows[i].answer);
		rig.modem.imei = rows[i].imei;
		rig_open(&rig);
		rig_until(&rig, "refused");
		if (rows[i].wire)
			rig_wire(&rig, rows[i].wire);
		rig.wire[0] = '\0';
		rig_notices(&rig, rows[i].notices);
		assert_false(upgrade_is_holding(&rig.d.upgrade));
		refused = rig.now;
		rig_pass(&rig, rows[i].again - 1);
		rig_wire(&rig, "");
		rig_pass(&rig, 1);
		rig_wire(&rig, "AT|");
		assert_int_equal(rig.now, refused + rows[i].again);
	}
}

/* A refused module is asked again, and taken when it has become the right one. */
static void test_refused_then_right(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_once(&rig, "AT+CGSN", "861234567890124|OK");
	rig.modem.imei = IMEI;
	rig_open(&rig);
	rig_until(&rig, "refused");
	rig_until(&rig, "hold");
	rig_notices(&rig, "warning wrong-modem|refused wrong-modem|identified|");
}

static void test_mute(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig.deaf = true;
	rig_open(&rig);
	rig_until(&rig, "refused");
	rig_wire(&rig, "AT|AT|AT|");
	rig_notices(&rig, "refused no-answer|");
	rig.deaf = false;
	rig_until(&rig, "hold");
	rig_notices(&rig, "identified|");
}

/* One answer is lost: the channel synchronises, and the same question is asked again. */
static void test_lost_answers(void **state)
{
	static const char *const commands[] = { "AT+CGMI", "AT+CGMM", "AT+CGMR", "AT+CGSN" };
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
		struct rig rig;

		rig_begin(&rig, "NL668");
		rig_once(&rig, commands[i], "");
		rig_once(&rig, commands[i], "ERROR");
		rig_open(&rig);
		rig_until(&rig, "hold");
		rig_notices(&rig, "identified|");
		/* ... but not for ever */
		rig_begin(&rig, "NL668");
		rig_answer(&rig, commands[i], "");
		rig_open(&rig);
		rig_until(&rig, "refused");
		rig_notices(&rig, "refused no-answer|");
	}
}

/* The module dies in the middle: no probe is answered after the time-out. */
static void test_dies(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_once(&rig, "AT+CGMM", "");
	rig_once(&rig, "AT", "OK");
	rig_answer(&rig, "AT", "");
	rig_open(&rig);
	rig_until(&rig, "refused");
	rig_wire(&rig, "AT|AT+CGMI|AT+CGMM|AT|AT|AT|");
	rig_notices(&rig, "refused no-answer|");
}

/* conduct 24: "auto" takes listed variants; a named profile any of its family, with a warning */
static void test_profiles(void **state)
{
	static const struct {
		bool named;
		const char *model, *notices;
	} rows[] = {
		{ true, "NL668-EU-00", "identified|" },
		{ true, "NL668-XX-99",
			"warning the vendor's guide does not list this variant; its named profile "
			"is "
			"used|identified|" },
		{ false, "NL668-EU-00-10", "identified|" },
		{ false, "L610_CN_66_32-debug", "identified|" },
		{ false, "NL668-XX-99", "warning unknown-model|refused unknown-model|" },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;
		char answer[MODEL_MAX + 4];

		rig_begin(&rig, "NL668");
		if (!rows[i].named)
			rig.modem.profile = NULL;
		strcpy(answer, rows[i].model);
		rig_answer(&rig, "AT+CGMM", strcat(answer, "|OK"));
		rig_open(&rig);
		rig_pass(&rig, 20 * SEC);
		rig_notices(&rig, rows[i].notices);
		/* said once, not at every identification */
		if (rows[i].named) {
			rig_lost(&rig);
			rig_open(&rig);
			rig_pass(&rig, 20 * SEC);
			rig_notices(&rig, "identified|");
		}
	}
}

static const struct profile *resolve(const struct profile *row, void *userdata)
{
	struct profile *own = userdata;

	assert_string_equal(row->name, "NL668");
	return own;
}

/* "auto" finds the configuration's own row of the family, with its time-outs. */
static void test_resolve(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig.profile.timeouts.settle = 3 * SEC;
	rig.modem = (struct upgrade_modem){ .resolve = resolve, .userdata = &rig.profile };
	rig_open(&rig);
	rig_pass(&rig, 20 * SEC);
	rig_notices(&rig, "identified|");
	assert_ptr_equal(rig.d.upgrade.profile, &rig.profile);
}

/* conduct 10: without a trusted record it listens before its first byte */
static void test_quiet(void **state)
{
	static const usec_t times[] = { 2 * SEC, 5 * MINUTE };
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(times); i++) {
		struct rig rig;

		rig_begin(&rig, "NL668");
		rig_untrusted(&rig, times[i]);
		rig_open(&rig);
		rig_hear(&rig, "+CEREG: 1"); /* says nothing about an upgrade */
		rig_hear(&rig, "AT command ready");
		rig_pass(&rig, times[i] - 1);
		rig_wire(&rig, "");
		rig_pass(&rig, 1);
		rig_wire(&rig, "AT|");
		rig_until(&rig, "hold");
		/* from now on it is known */
		rig_lost(&rig);
		rig_open(&rig);
		rig_pass(&rig, 0);
		rig_wire(&rig, "AT+CGMI|AT+CGMM|AT+CGMR|AT+CGSN|AT|");
	}
}

/* conduct 10: a report outside an attempt of ours; nothing is sent until that has settled */
static void test_elsewhere(void **state)
{
	static const struct {
		const char *lines; /* after the first report, at once */
		usec_t settled;	   /* from then on */
		bool end_open;	   /* rule 8 holds for it too */
	} rows[] = {
		{ "", 5 * MINUTE, true },
		{ "GTOTA DOWNLOADING: 20%|GTOTA DOWNLOADING: 21%", 5 * MINUTE, true },
		{ "GTOTA DOWNLOAD COMPLETE", 7 * MINUTE, true }, /* `leave` */
		{ "GTOTA DOWNLOAD FAILED", 0, false },
		{ "GTOTA DOWNLOAD COMPLETE|AT command ready", 0, false },
		{ "RING|+CEREG: 1", 5 * MINUTE, true },
	};
	(void) state;

	for (size_t i = 0; i < 2 * ELEMENTSOF(rows); i++) {
		size_t k = i / 2;
		struct rig rig;
		const char *p = rows[k].lines;

		rig_begin(&rig, "NL668");
		rig.profile.timeouts.leave = rig.timeouts.leave = 7 * MINUTE;
		if (i % 2) { /* in the listening before the first byte */
			rig_untrusted(&rig, 2 * SEC);
			rig_open(&rig);
		} else { /* while it holds */
			rig_hold(&rig);
		}
		rig_hear(&rig, "GTOTA DOWNLOADING: 10%");
		rig_notices(&rig, "elsewhere|");
		assert_false(upgrade_is_holding(&rig.d.upgrade));
		while (*p) {
			char line[64] = { 0 };
			size_t n = strcspn(p, "|");

			rig_pass(&rig, MINUTE);
			rig_wire(&rig, "");
			memcpy(line, p, n);
			rig_hear(&rig, line);
			p += n + (p[n] == '|');
		}
		if (rows[k].settled > 0) {
			usec_t already = rows[k].lines[0] == 'R' ? 2 * MINUTE : 0;

			rig_pass(&rig, rows[k].settled - already - 1);
			rig_wire(&rig, "");
			rig_pass(&rig, 1);
		}
		rig_wire(&rig, "AT|");
		rig_until(&rig, "hold");
		assert_int_equal(upgrade_next_start(&rig.d.upgrade) > rig.now, rows[k].end_open);
		assert_int_equal(rig.durable.end_open, rows[k].end_open);
		if (rows[k].end_open) {
			rig_forget(&rig);
			rig_go(&rig);
			rig_notices(&rig, "verdict deferred busy|");
			rig_wire(&rig, "");
		}
	}
}

/* conduct 10: also when it is heard while questions are asked; probes are not repeated then */
static void test_elsewhere_while_asking(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig.deaf = true;
	rig_open(&rig);
	rig_wire(&rig, "AT|");
	rig_hear(&rig, "GTOTA DOWNLOADING: 10%");
	rig_notices(&rig, "elsewhere|");
	rig_pass(&rig, 5 * MINUTE - 1);
	rig_wire(&rig, "");

	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+CGMM", "");
	rig_open(&rig);
	rig_until(&rig, "model");
	rig_forget(&rig);
	rig_hear(&rig, "GTOTA DOWNLOAD START");
	rig_notices(&rig, "elsewhere|");
	rig_pass(&rig, 5 * MINUTE - 1);
	rig_wire(&rig, "");
	rig_pass(&rig, 1);
	rig_wire(&rig, "AT|");

	/* in an attempt, before the point of no return */
	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+CSQ", "");
	rig.task.require.check_rssi = true;
	rig_hold(&rig);
	rig_go(&rig);
	rig_until(&rig, "signal");
	rig_forget(&rig);
	rig_hear(&rig, "GTOTA DOWNLOADING: 3%");
	rig_notices(&rig, "verdict deferred busy|elsewhere|idle|");
	rig_pass(&rig, 5 * MINUTE - 1);
	rig_wire(&rig, "");
	assert_int_equal(rig.n_starts, 0);
	rig_pass(&rig, 1);
	rig_wire(&rig, "AT|");
}

/* The port goes and comes while somebody else's upgrade runs. */
static void test_elsewhere_lost(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_hold(&rig);
	rig_hear(&rig, "GTOTA DOWNLOAD COMPLETE");
	rig_lost(&rig);
	rig_pass(&rig, MINUTE);
	rig_open(&rig);
	rig_until(&rig, "hold");
	rig_notices(&rig, "elsewhere|identified|");
	/* it left after COMPLETE: a restart was seen (conduct 8) */
	assert_int_equal(upgrade_next_start(&rig.d.upgrade), 0);
}

/* A module that restarts while it is asked is asked from the beginning; one that does nothing else
 * is refused. */
static void test_restarts(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_hold(&rig);
	rig_hear(&rig, "AT command ready");
	rig_pass(&rig, SEC);
	rig_notices(&rig, "identified|");
	rig_wire(&rig, "AT|AT+CGMI|AT+CGMM|AT+CGMR|AT+CGSN|");
	for (int i = 0; i < 20; i++) { /* over days */
		rig_hear(&rig, "AT command ready");
		rig_pass(&rig, 6 * HOUR);
		rig_notices(&rig, "identified|");
	}

	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+CGMM", "");
	rig_open(&rig);
	for (int i = 0; i < 6; i++) {
		rig_until(&rig, "model");
		rig_hear(&rig, "RDY");
	}
	rig_notices(&rig, "refused port-lost|");
	assert_string_equal(rig_step(&rig), "refused");
}

static void test_port_lost(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_lost(&rig); /* nothing was there */
	assert_string_equal(rig.steps, "");
	rig_answer(&rig, "AT+CGMM", "");
	rig_open(&rig);
	rig_until(&rig, "model");
	rig_lost(&rig);
	assert_string_equal(rig_step(&rig), "absent");
	assert_int_equal(dialogue_deadline(&rig.d), USEC_INFINITY);
	rig_pass(&rig, DAY);
	rig_notices(&rig, "");
	rig_answer(&rig, "AT+CGMM", "NL668-EU-00|OK");
	rig_open(&rig);
	rig_pass(&rig, SEC);
	rig_notices(&rig, "identified|");
}

/* conduct 3, 8 and 11: what is known of one IMEI is not held against another in the same slot */
static void test_other_imei(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_hold(&rig);
	rig.d.upgrade.record.callbreak = (struct upgrade_setting){ true, true, "0" };
	rig.d.upgrade.record.end_open = true;
	rig.d.upgrade.record.started = rig.now;
	rig_lost(&rig);
	rig_answer(&rig, "AT+CGSN", "861234567890999|OK");
	rig_open(&rig);
	rig_pass(&rig, SEC);
	assert_string_equal(rig.d.upgrade.record.imei, "861234567890999");
	assert_false(rig.d.upgrade.record.callbreak.written);
	assert_int_equal(upgrade_next_start(&rig.d.upgrade), 0);

	/* the same one keeps it */
	rig_begin(&rig, "NL668");
	rig_hold(&rig);
	rig.d.upgrade.record.callbreak = (struct upgrade_setting){ true, true, "0" };
	rig_lost(&rig);
	rig_open(&rig);
	rig_pass(&rig, SEC);
	assert_true(rig.d.upgrade.record.callbreak.written);
}

/* What an attempt before has seen says nothing of somebody else's. */
static void test_elsewhere_afterwards(void **state)
{
	static const char *const seen[] = { "GTOTA DOWNLOAD FAILED", "GTOTA DOWNLOAD COMPLETE" };
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(seen); i++) {
		struct rig rig;

		rig_begin(&rig, "NL668");
		rig.profile.timeouts.leave = 7 * MINUTE;
		rig_started(&rig);
		rig_hear(&rig, seen[i]);
		rig_hear(&rig, "AT command ready");
		rig_until(&rig, "hold");
		rig_hear(&rig, "GTOTA DOWNLOADING: 1%");
		assert_true(rig.durable.end_open);
		rig_forget(&rig);
		rig_pass(&rig, 5 * MINUTE - 1);
		rig_wire(&rig, "");
		rig_pass(&rig, 1);
		rig_wire(&rig, "AT|");
	}

	/* its end may be all that is heard of it */
	struct rig rig;

	rig_begin(&rig, "NL668");
	rig_hold(&rig);
	rig_hear(&rig, "GTOTA DOWNLOAD FAILED");
	rig_notices(&rig, "elsewhere|");
	assert_false(rig.durable.end_open);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_healthy),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_refused_then_right),
		cmocka_unit_test(test_mute),
		cmocka_unit_test(test_lost_answers),
		cmocka_unit_test(test_dies),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_elsewhere_while_asking),
		cmocka_unit_test(test_elsewhere_lost),
		cmocka_unit_test(test_restarts),
		cmocka_unit_test(test_port_lost),
		cmocka_unit_test(test_other_imei),
		cmocka_unit_test(test_elsewhere_afterwards),
	};

	return cmocka_run_group_tests_name("core/upgrade-identify", tests, NULL, NULL);
}
