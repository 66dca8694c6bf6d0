/* Default routes, as the kernel lists them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/route.h"

#define ZERO "00000000000000000000000000000000"

static const struct {
	bool ipv6;
	const char *line, *interface; /* NULL: it is none */
} rows[] = {
	{ false, "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0   ", "eth0" },
	{ false, "wwan0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0", "wwan0" },
	{ false, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT   ", NULL },
	{ false, "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0", NULL },
	{ false, "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000080\t0\t0\t0", NULL }, /* half of all: 0.0.0.0/1 */
	{ false, "eth0\t00000000\t0101A8C0\t0002\t0\t0\t100\t00000000\t0\t0\t0", NULL }, /* down */
	{ false, "*\t00000000\t00000000\t0201\t0\t0\t100\t00000000\t0\t0\t0", NULL },	  /* rejects */
	{ false, "eth0\t00000000\t0101A8C0\t00x3\t0\t0\t100\t00000000\t0\t0\t0", NULL },
	{ false, "eth0\t00000000\t0101A8C0\t0003", NULL },
	{ false, "eth0\t0\t0101A8C0\t0003\t0\t0\t100\t0\t0\t0\t0", NULL },
	{ false, "an-interface-with-a-long-name\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0", NULL },
	{ false, "", NULL },
	{ true, ZERO " 00 " ZERO " 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0", "eth0" },
	{ true, ZERO " 00 " ZERO " 00 " ZERO " ffffffff 00000001 00000000 00200200       lo", NULL },
	{ true, ZERO " 40 " ZERO " 00 " ZERO " 00000400 00000001 00000000 00000001     eth0", NULL },
	{ true, "fe800000000000000000000000000000 00 " ZERO " 00 " ZERO " 00000100 00000001 00000000 00000001     eth0", NULL },
	{ true, ZERO " 00 " ZERO " 00 " ZERO " 00000400 00000001 00000000 00000001", NULL },
};

static void test_rows(void **state UNUSED)
{
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		char interface[INTERFACE_MAX] = "untouched";
		size_t n = strlen(rows[i].line);
		bool is = rows[i].ipv6 ? route_read_ipv6(rows[i].line, n, interface)
				       : route_read_ipv4(rows[i].line, n, interface);

		if (is != (rows[i].interface != NULL))
			fail_msg("%s", rows[i].line);
		assert_string_equal(interface, rows[i].interface ?: "untouched");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
