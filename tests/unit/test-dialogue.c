/* The glue: order of effects, bytes in any pieces, secrets, the box (conduct 1, 4, 12, 13). */
#include "tests/unit/upgrade-rig.h"

#include <stdio.h>

/* conduct 13: while a save is not taken, not one byte goes out */
static void test_save_before_bytes(void **state)
{
	struct rig rig;
	const char *p;
	uint64_t save;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_hold(&rig);
	rig_hear(&rig, "+CEREG: 1");
	assert_int_equal(dialogue_take_save(&rig.d), 0);
	rig.d.save = 7; /* as if one was asked for by the same event as a command */
	dialogue_go(&rig.d, &rig.task, rig.now);
	assert_int_equal(dialogue_output(&rig.d, &p), 0);
	save = dialogue_take_save(&rig.d);
	assert_int_equal(save, 7);
	assert_int_equal(dialogue_take_save(&rig.d), 0);
	assert_int_equal(dialogue_output(&rig.d, &p), 3);
	assert_memory_equal(p, "AT\r", 3);
}

/* A short write is finished; the line is not given twice (conduct 1). */
static void test_short_writes(void **state)
{
	struct rig rig;
	char wire[8] = "";
	const char *p;
	(void) state;

	rig_begin(&rig, "NL668");
	dialogue_opened(&rig.d, rig.now);
	while (dialogue_output(&rig.d, &p) > 0) {
		strncat(wire, p, 1);
		dialogue_written(&rig.d, 0, rig.now);
		dialogue_written(&rig.d, 1, rig.now);
	}
	assert_string_equal(wire, "AT\r");
}

/* The same bytes in any pieces give the same conversation. */
static void test_chunks(void **state)
{
	static const char answers[] = "\r\nOK\r\n";
	(void) state;

	for (size_t size = 1; size < sizeof(answers); size++) {
		struct rig rig;
		const char *p;

		rig_begin(&rig, "NL668");
		dialogue_opened(&rig.d, rig.now);
		dialogue_written(&rig.d, dialogue_output(&rig.d, &p), rig.now);
		for (size_t i = 0; i < sizeof(answers) - 1; i += size)
			dialogue_input(&rig.d, answers + i,
				size < sizeof(answers) - 1 - i ? size : sizeof(answers) - 1 - i,
				rig.now);
		rig_pass(&rig, SEC);
		rig_wire(&rig, "AT+CGMI|AT+CGMM|AT+CGMR|AT+CGSN|");
	}
}

/* A whole download in one read: all that counts is told, in order, and of the rest each ten percent. */
static void test_all_at_once(void **state)
{
	struct rig rig;
	char text[4096] = "";
	(void) state;

	rig_begin(&rig, "NL668");
	rig_started(&rig);
	for (int i = 0; i <= 100; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			"\r\nGTOTA DOWNLOADING: %d%%\r\n", i);
	strcat(text, "\r\nGTOTA DOWNLOAD COMPLETE\r\n\r\nGTOTA DOWNLOAD FAILED\r\n");
	dialogue_input(&rig.d, text, strlen(text), rig.now);
	rig_flow(&rig);
	assert_int_equal(rig.box.notices_lost, 0);
	assert_string_equal(rig.notices, "0%|10%|20%|30%|40%|50%|60%|70%|80%|90%|100%|installing|"
					 "warning download-failed|verifying|");
	assert_true(rig.durable.complete);
	assert_true(rig.durable.failed);
}

/* More that counts than fits is counted, and what fits stays in order. */
static void test_box_full(void **state)
{
	struct rig rig;
	struct upgrade_notice n;
	unsigned told = 0;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_hold(&rig);
	for (unsigned i = 0; i < DIALOGUE_NOTICES_MAX + 3; i++)
		dialogue_go(
			&rig.d, &rig.task, rig.now); /* the first goes, the others are refused */
	assert_int_equal(rig.box.n_notices, DIALOGUE_NOTICES_MAX);
	assert_int_equal(rig.box.notices_lost, 2);
	while (dialogue_take_notice(&rig.d, &n)) {
		assert_int_equal(n.type, NOTICE_VERDICT);
		told++;
	}
	assert_int_equal(told, DIALOGUE_NOTICES_MAX);
	assert_false(dialogue_take_notice(&rig.d, &n));
}

/* conduct 15: bytes first, then deadlines; a late clock makes up for all of them. */
static void test_late_clock(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	rig_started(&rig);
	rig.deaf = true;
	rig.now += 30 * MINUTE; /* suspended */
	rig_hear(&rig, "GTOTA DOWNLOADING: 50%");
	dialogue_advance(&rig.d, rig.now);
	rig_flow(&rig);
	rig_wire(&rig, "");
	assert_string_equal(rig_step(&rig), "download");
	rig.now += 30 * MINUTE; /* and again, with nothing to read */
	dialogue_advance(&rig.d, rig.now);
	rig_flow(&rig);
	rig_wire(&rig, "AT|");
	assert_true(dialogue_deadline(&rig.d) > rig.now);
	dialogue_advance(&rig.d, rig.now); /* nothing is due any more */
	rig_wire(&rig, "");
}

/* The earlier of the two deadlines. */
static void test_deadline(void **state)
{
	struct rig rig;
	(void) state;

	rig_begin(&rig, "NL668");
	assert_int_equal(dialogue_deadline(&rig.d), USEC_INFINITY);
	dialogue_opened(&rig.d, rig.now);
	assert_int_equal(dialogue_deadline(&rig.d), rig.now + AT_SYNC_TIMEOUT);
	rig_pass(&rig, 20 * SEC);
	assert_int_equal(dialogue_deadline(&rig.d), USEC_INFINITY);
	rig_begin(&rig, "NL668");
	rig_started(&rig);
	assert_int_equal(dialogue_deadline(&rig.d), rig.now + 5 * MINUTE); /* `stall` */
}

/* A lost port takes everything in flight with it: half a line, half an answer, a password. */
static void test_lost(void **state)
{
	struct rig rig;
	const char *p;
	(void) state;

	rig_begin(&rig, "NL668");
	rig.task.request =
		(struct gtota_request){ GTOTA_FTP, "fota.example.net", "a.bin", "user", "secret" };
	rig_answer(&rig, "AT+GTOTA=1*", "");
	rig_started(&rig);
	dialogue_input(&rig.d, "\r\nGTOTA DOWN", 12, rig.now);
	rig_lost(&rig);
	assert_int_equal(dialogue_output(&rig.d, &p), 0);
	assert_null(memmem(&rig.d, sizeof(rig.d), "secret", 6));
	assert_null(memmem(&rig.box, sizeof(rig.box), "secret", 6));
	rig_open(&rig);
	dialogue_input(&rig.d, "LOAD COMPLETE\r\n", 15, rig.now);
	rig_flow(&rig);
	assert_false(rig.durable.complete);
}

/* One box serves many. */
static void test_shared_box(void **state)
{
	struct rig a, b;
	(void) state;

	rig_begin(&a, "NL668");
	rig_begin(&b, "L610");
	b.d.box = &a.box;
	dialogue_opened(&a.d, a.now);
	rig_flow(&a);
	assert_int_equal(a.box.n_notices, 0);
	dialogue_opened(&b.d, b.now);
	rig_flow(&b);
	for (int i = 0; i < 20; i++) {
		rig_pass(&a, SEC);
		rig_pass(&b, SEC);
	}
	assert_non_null(strstr(a.notices, "identified|"));
	assert_non_null(strstr(b.notices, "identified|"));
	assert_string_equal(b.d.upgrade.identity.model, "L610-CN-62-36");
}

/* What operators see of it. */
static void test_names(void **state)
{
	static const char *const phases[] = {
		[PHASE_IDLE] = "idle",
		[PHASE_PREPARING] = "preparing",
		[PHASE_DOWNLOADING] = "downloading",
		[PHASE_INSTALLING] = "installing",
		[PHASE_VERIFYING] = "verifying",
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(phases); i++)
		assert_string_equal(upgrade_phase_name((enum upgrade_phase) i), phases[i]);
	assert_string_equal(upgrade_phase_name((enum upgrade_phase) 99), "");
}

/* Texts from a module are escaped, and cut to what a notice holds. */
static void test_texts(void **state)
{
	struct rig rig;
	char line[200] = "\x1b[31m";
	(void) state;

	memset(line + 5, 'x', 150);
	strcpy(line + 155, "|OK");
	rig_begin(&rig, "NL668");
	rig_answer(&rig, "AT+CGMI", line);
	rig_open(&rig);
	rig_until(&rig, "refused");
	for (const char *p = rig.notices; *p; p++)
		assert_in_range(*p, 0x20, 0x7e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_save_before_bytes),
		cmocka_unit_test(test_short_writes),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_box_full),
		cmocka_unit_test(test_late_clock),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_shared_box),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests_name("core/dialogue", tests, NULL, NULL);
}
