/* A fake module that is switched off while it rests, and switched on again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "tests/unit/fake-rig.h"

#define GTOTA "AT+GTOTA=0,\"http://h/f\""

static void sleep_and_wake(struct rig *rig)
{
	struct fake_memory memory;

	assert_true(fake_modem_rests(&rig->m));
	fake_modem_remember(&rig->m, &memory);
	memset(&rig->m, 0xa5, sizeof(rig->m));
	rig->now += 1 * DAY;
	fake_modem_wake(&rig->m, &rig->config, &memory, rig->now);
	fake_modem_host_open(&rig->m, true, rig->now);
	rig_clear(rig);
}

/* What runs, who it is, and how often a fault has acted. */
static void test_what_is_remembered(void **state)
{
	static struct rig rig;
	(void) state;

	rig_power(&rig, FAKE_NL668, 3, "network-gone times=2 skip=1");
	rig_send(&rig, GTOTA);
	rig_run(&rig, 30 * SEC);
	assert_string_equal(fake_modem_version(&rig.m), RIG_TO);
	rig_send(&rig, "ATE0");
	rig_send(&rig, "AT+CEREG?"); /* passes */
	rig_send(&rig, "AT+CEREG?");
	assert_non_null(strstr(rig.wire, "+CEREG: 0,2"));
	sleep_and_wake(&rig);
	assert_string_equal(fake_modem_version(&rig.m), RIG_TO);
	assert_string_equal(fake_modem_imei(&rig.m), rig.config.imei);
	assert_int_equal(fake_modem_truth(&rig.m)->packages_applied, 1);
	rig_send(&rig, "ATE0");
	rig_clear(&rig);
	rig_send(&rig, "AT+CEREG?");
	assert_string_equal(rig.wire, "\r\n+CEREG: 0,2\r\n\r\nOK\r\n");
	rig_clear(&rig);
	rig_send(&rig, "AT+CEREG?"); /* twice is all */
	assert_string_equal(rig.wire, "\r\n+CEREG: 0,1\r\n\r\nOK\r\n");
}

/* Not while something is to come, nor with anything that power-on would change. */
static void test_no_rest(void **state)
{
	static const char *const lines[] = { GTOTA, "AT+GTSET=\"CALLBREAK\",1", "AT+MIPCALL=1",
		"AT+CFUN=15" };
	static struct rig rig;
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
		rig_power(&rig, FAKE_L610, 0, NULL);
		assert_true(fake_modem_rests(&rig.m));
		fake_modem_input(&rig.m, lines[i], strlen(lines[i]), rig.now);
		fake_modem_input(&rig.m, "\r", 1, rig.now);
		assert_false(fake_modem_rests(&rig.m));
	}
	rig_run(&rig, 30 * SEC); /* it has restarted */
	assert_true(fake_modem_rests(&rig.m));
	rig_power(&rig, FAKE_L610, 0, "never-back");
	rig_send(&rig, "AT+MIPCALL=1");
	rig_send(&rig, GTOTA);
	rig_run(&rig, 1 * HOUR);
	assert_int_equal(fake_modem_state(&rig.m), FAKE_DEAD);
	assert_false(fake_modem_rests(&rig.m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_remembered),
		cmocka_unit_test(test_no_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
