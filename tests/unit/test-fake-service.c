/* The fake module's service after an upgrade: its registration and its data connection (protocol, 3 and 6.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "tests/unit/fake-rig.h"

static void upgrade(struct rig *rig, enum fake_family family, const char *fault)
{
	rig_power(rig, family, 0, fault);
	rig_send(rig, "ATE0");
	rig_send(rig, "AT+CMEE=1");
	rig_send(rig, "AT+MIPCALL=1");
	rig_send(rig, "AT+GTOTA=0,\"http://h/f\"");
	rig_run(rig, 30 * SEC);
	assert_string_equal(fake_modem_version(&rig->m), RIG_TO);
	rig_send(rig, "ATE0");
	rig_send(rig, "AT+CMEE=1");
	rig_clear(rig);
}

static void says(struct rig *rig, const char *line, const char *answer)
{
	rig_clear(rig);
	rig_send(rig, line);
	assert_string_equal(rig->wire, answer);
}

#define OK "\r\nOK\r\n"

static void test_network_gone(void **state)
{
	static struct rig rig;
	(void) state;

	upgrade(&rig, FAKE_NL668, "network-gone number=3");
	says(&rig, "AT+CEREG?", "\r\n+CEREG: 0,3\r\n" OK);
	says(&rig, "AT+CGREG?", "\r\n+CGREG: 0,3\r\n" OK);
	says(&rig, "AT+CGACT?", "\r\n+CGACT: 1,0\r\n\r\n+CGACT: 2,0\r\n" OK);
	says(&rig, "AT+CGACT=1,1", "\r\n+CME ERROR: 30\r\n"); /* no network service */
	assert_true(rig.m.truth.faults_fired[0] >= 2);

	/* before the upgrade it is not gone, and after some answers not any more */
	rig_power(&rig, FAKE_NL668, 0, "network-gone");
	rig_send(&rig, "ATE0");
	says(&rig, "AT+CEREG?", "\r\n+CEREG: 0,1\r\n" OK);
	upgrade(&rig, FAKE_NL668, "network-gone times=2");
	says(&rig, "AT+CEREG?", "\r\n+CEREG: 0,2\r\n" OK);
	says(&rig, "AT+CEREG?", "\r\n+CEREG: 0,2\r\n" OK);
	says(&rig, "AT+CEREG?", "\r\n+CEREG: 0,1\r\n" OK);
}

static void test_pdp_gone(void **state)
{
	static struct rig rig;
	(void) state;

	upgrade(&rig, FAKE_L610, "pdp-gone");
	says(&rig, "AT+CEREG?", "\r\n+CEREG: 0,1\r\n" OK);
	says(&rig, "AT+MIPCALL=1", OK);
	rig_run(&rig, MINUTE);
	says(&rig, "AT+MIPCALL?", "\r\n+MIPCALL: 0\r\n" OK);
	upgrade(&rig, FAKE_NL668, "pdp-gone");
	says(&rig, "AT+CGACT?", "\r\n+CGACT: 1,0\r\n\r\n+CGACT: 2,0\r\n" OK);
}

/* On LTE the registration has brought it up already; elsewhere it is opened. */
static void test_context(void **state)
{
	static struct rig rig;
	(void) state;

	upgrade(&rig, FAKE_NL668, "chunks");
	says(&rig, "AT+CGACT?", "\r\n+CGACT: 1,1\r\n\r\n+CGACT: 2,0\r\n" OK);
	upgrade(&rig, FAKE_NL668, "2g");
	says(&rig, "AT+CGACT?", "\r\n+CGACT: 1,0\r\n\r\n+CGACT: 2,0\r\n" OK);
	says(&rig, "AT+CGACT=1,1", OK);
	says(&rig, "AT+CGACT?", "\r\n+CGACT: 1,1\r\n\r\n+CGACT: 2,0\r\n" OK);
	assert_true(rig.m.context);
	says(&rig, "AT+CGACT=0,1", OK);
	says(&rig, "AT+CGACT?", "\r\n+CGACT: 1,0\r\n\r\n+CGACT: 2,0\r\n" OK);
	says(&rig, "AT+CGACT=1,2", "\r\n+CME ERROR: 50\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_network_gone),
		cmocka_unit_test(test_pdp_gone),
		cmocka_unit_test(test_context),
	};

	return cmocka_run_group_tests_name("sim/fake-modem: service", tests, NULL, NULL);
}
