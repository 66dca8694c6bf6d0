/*
 * Scenario files, and what the transcript hides.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <cmocka.h>

#include "sim/sim.h"

/* Reads text as a file; what was complained about goes to errors. */
static int read_text(struct scenario *s, const char *text, char *errors, size_t size)
{
	FILE *file = fmemopen((char *) text, strlen(text), "r"), *out;
	int r;

	memset(errors, 0, size);
	out = fmemopen(errors, size, "w");
	assert_non_null(file);
	assert_non_null(out);
	scenario_init(s);
	r = scenario_read(s, file, "bench", out);
	fclose(out);
	fclose(file);
	return r;
}

static void test_bench(void **state)
{
	static const char text[] = "# a bench\n"
				   "default boot-time=2s resets=1\n"
				   "\n"
				   "modem pump-01 family=L610 model=L610-EU-00 version=1.2 "
				   "imei=861234567890123 seed=9\n"
				   "modem pump-02\t family=nl668   boot-time=3s # the other one\n"
				   "fault pump-01 stall percent=42 times=1 # once\n"
				   "fault pump-01 drop-line line=\"GTOTA DOWNLOAD #\"\n"
				   "fault * chunks\n"
				   "package 28-30.bin model=L610-CN from=* to=1.3 size=700000\n";
	char errors[200];
	struct scenario s;

	(void) state;
	assert_int_equal(read_text(&s, text, errors, sizeof(errors)), 0);
	assert_string_equal(errors, "");
	assert_int_equal(s.n_modems, 2);
	assert_string_equal(s.modems[0].name, "pump-01");
	assert_string_equal(s.modems[0].config.model, "L610-EU-00");
	assert_string_equal(s.modems[0].config.imei, "861234567890123");
	assert_int_equal(s.modems[0].config.seed, 9);
	assert_int_equal(s.modems[0].config.resets, 1);
	assert_true(s.modems[0].config.boot_time == 2 * SEC);
	assert_int_equal(s.modems[0].config.n_faults, 3);
	assert_int_equal(s.modems[0].config.faults[0].percent, 42);
	assert_int_equal(s.modems[0].config.faults[0].times, 1);
	assert_string_equal(s.modems[0].config.faults[1].text, "GTOTA DOWNLOAD #");
	assert_int_equal(s.modems[1].config.family, FAKE_NL668);
	assert_true(s.modems[1].config.boot_time == 3 * SEC);
	assert_int_equal(s.modems[1].config.n_faults, 1);
	assert_int_equal(s.n_packages, 1);
	assert_string_equal(s.packages[0].head.from, "*");
	assert_int_equal(s.packages[0].size, 700000);
	scenario_done(&s);
}

static void test_problems(void **state)
{
	static const struct {
		const char *text, *errors;
	} rows[] = {
		{ "modm a\n", "bench:1: \"modm\" is no statement, did you mean \"modem\"?\n" },
		{ "modem\n", "bench:1: a modem needs a name\n" },
		{ "modem 1a\n",
			"bench:1: modem \"1a\": is no name ([A-Za-z][A-Za-z0-9._-]{0,63})\n" },
		{ "modem a\nmodem a\n", "bench:2: modem \"a\": is there already\n" },
		{ "modem a family=L6100\n",
			"bench:1: there is no family \"L6100\", did you mean \"L610\"?\n" },
		{ "modem a imei=12\n", "bench:1: imei=12 cannot be read\n" },
		{ "modem a boot-time=2\n", "bench:1: boot-time=2 cannot be read\n" },
		{ "modem a boottime=2s\n",
			"bench:1: a modem has no \"boottime\", did you mean \"boot-time\"?\n" },
		{ "modem a keep\n", "bench:1: \"keep\" has no value\n" },
		{ "fault a stall\n", "bench:1: no modem \"a\" stands above\n" },
		{ "modem a\nfault a stal\n",
			"bench:2: no fault is called \"stal\", did you mean \"stall\"?\n" },
		{ "default nothing\n", "bench:1: \"nothing\" has no value\n" },
		{ "package f\n", "bench:1: a package needs model=, from= and to=\n" },
		{ "package f colour=red\n",
			"bench:1: \"colour\": a package takes model=, from=, to= and size=\n" },
		{ "modem \"a\n", "bench:1: too many words, or a quote is not closed\n" },
		{ "x\ny\n", "bench:1: \"x\" is no statement\nbench:2: \"y\" is no statement\n" },
	};
	char errors[300];
	struct scenario s;

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(read_text(&s, rows[i].text, errors, sizeof(errors)), -EBADMSG);
		assert_string_equal(errors, rows[i].errors);
		scenario_done(&s);
	}
}

/* No password is in a transcript, also not of a line that was cut or echoed (conduct 12). */
static void test_mask(void **state)
{
	static const struct {
		const char *line, *shown;
	} rows[] = {
		{ "AT+CGMR", "AT+CGMR" },
		{ "AT+GTOTA=1,\"h\",\"f\",\"u\",\"geheim\"",
			"AT+GTOTA=1,\"h\",\"f\",\"u\",\"***\"" },
		{ "at+gtota=1,\"h\",\"f\",\"u\",\"ge,he;im", "at+gtota=1,\"h\",\"f\",\"u\",\"***" },
		{ "AT+GTOTA=1,\"h,1\",\"f\",\"u\",\"x\";+CSQ",
			"AT+GTOTA=1,\"h,1\",\"f\",\"u\",\"***\";+CSQ" },
		{ "AT+GTOTA=1,\"h\",\"f\",\"u\"", "AT+GTOTA=1,\"h\",\"f\",\"u\"" },
		{ "xxAT+GTOTA=0,\"http://h/f?key=1\"", "xxAT+GTOTA=0,\"http://h/f?***\"" },
		{ "AT+GTOTA=0,\"http://h/f\"", "AT+GTOTA=0,\"http://h/f\"" },
		{ "AT+MIPCALL=1,\"apn\",\"u\",\"geheim\"", "AT+MIPCALL=1,\"apn\",\"u\",\"***\"" },
		{ "AT+MIPCALL=1,\"apn\"", "AT+MIPCALL=1,\"apn\"" },
	};
	char shown[200];

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n =
			transcript_mask(shown, sizeof(shown), rows[i].line, strlen(rows[i].line));

		assert_string_equal(shown, rows[i].shown);
		assert_int_equal(n, strlen(shown));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bench),
		cmocka_unit_test(test_problems),
		cmocka_unit_test(test_mask),
	};

	return cmocka_run_group_tests_name("scenario", tests, NULL, NULL);
}
