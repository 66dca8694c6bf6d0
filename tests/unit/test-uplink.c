/* Another route than over the modem, on a gateway on paper: a directory with what is looked at of /proc and /sys. */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "io/uplink.h"

#define USB		"sys/devices/pci0/usb1/1-2"
#define IPV4		"Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
#define OVER(interface) interface "\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
#define OVER6(interface)                                                                           \
	"00000000000000000000000000000000 00 00000000000000000000000000000000 00 "                 \
	"fe800000000000000000000000000001 00000400 00000001 00000000 00000003 " interface "\n"

static char root[64];

static const char *at(const char *path)
{
	static char whole[512];

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	return whole;
}

static void make(const char *path)
{
	char parent[256];

	for (const char *p = path; (p = strchr(p, '/')); p++) {
		snprintf(parent, sizeof(parent), "%.*s", (int) (p - path), path);
		assert_true(mkdir(at(parent), 0700) == 0 || errno == EEXIST);
	}
	assert_true(mkdir(at(path), 0700) == 0 || errno == EEXIST);
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(at(path), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void join(const char *target, const char *path)
{
	(void) unlink(at(path));
	assert_int_equal(symlink(target, at(path)), 0);
}

/* A network interface; device NULL: it is none, but a tunnel. */
static void add_interface(const char *name, const char *device, const char *carrier)
{
	char path[128], target[256];

	snprintf(path, sizeof(path), "sys/class/net/%s", name);
	make(path);
	snprintf(path, sizeof(path), "sys/class/net/%s/carrier", name);
	put(path, carrier);
	if (!device)
		return;
	make(device);
	snprintf(target, sizeof(target), "../../../../%s", device);
	snprintf(path, sizeof(path), "sys/class/net/%s/device", name);
	join(target, path);
}

/* A modem with ports 188:0 to 188:3, wwan0 of its own, and a cable. */
static int setup(void **state UNUSED)
{
	strcpy(root, P_tmpdir "/test-uplink-XXXXXX");
	assert_non_null(mkdtemp(root));
	make("proc/net");
	make("sys/dev/char");
	make(USB "/1-2:1.5/ttyUSB2/tty/ttyUSB2");
	put(USB "/idVendor", "2cb7\n");
	join("../../devices/pci0/usb1/1-2/1-2:1.5/ttyUSB2/tty/ttyUSB2", "sys/dev/char/188:2");
	make("sys/devices/pnp0/tty/ttyS0");
	join("../../devices/pnp0/tty/ttyS0", "sys/dev/char/4:64");
	add_interface("wwan0", USB "/1-2:1.3", "1\n");
	add_interface("eth0", "sys/devices/pci0/0000:01:00.0", "1\n");
	add_interface("eth1", "sys/devices/pci0/0000:02:00.0", "0\n");
	add_interface("tun0", NULL, "1\n");
	add_interface("eth2", "sys/devices/pci0/usb1/1-20/1-20:1.0", "1\n"); /* not below 1-2 */
	return 0;
}

static int forget(
	const char *path, const struct stat *s UNUSED, int type UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static int teardown(void **state UNUSED)
{
	return nftw(root, forget, 8, FTW_DEPTH | FTW_PHYS);
}

static void test_rows(void **state UNUSED)
{
	static const struct {
		unsigned major, minor;
		const char *ipv4, *ipv6, *interface; /* NULL: none */
	} rows[] = {
		{ 188, 2, IPV4 OVER("wwan0") OVER("eth0"), "", "eth0" },
		{ 188, 2, IPV4 OVER("eth2"), "", "eth2" },
		{ 188, 2, IPV4 OVER("wwan0"), OVER6("eth0"), "eth0" },
		{ 188, 2, IPV4 OVER("wwan0"), OVER6("wwan0"), NULL },
		{ 188, 2, IPV4 OVER("eth1"), "", NULL }, /* the cable is out */
		{ 188, 2, IPV4 OVER("tun0"), "", NULL }, /* over what? */
		{ 188, 2, IPV4 OVER("ppp0"), "", NULL }, /* not there */
		{ 188, 2, IPV4, "", NULL }, { 188, 2, "", "", NULL },
		{ 188, 2, "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0", "",
			NULL },				 /* no whole line */
		{ 188, 3, IPV4 OVER("eth0"), "", NULL }, /* no such port */
		{ 4, 64, IPV4 OVER("eth0"), "",
			NULL }, /* a serial line: whose interface is whose? */
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		char interface[INTERFACE_MAX] = "";

		put("proc/net/route", rows[i].ipv4);
		put("proc/net/ipv6_route", rows[i].ipv6);
		if (uplink_has_other_route(root, makedev(rows[i].major, rows[i].minor),
			    interface) != (rows[i].interface != NULL))
			fail_msg("row %zu", i);
		assert_string_equal(interface, rows[i].interface ?: "");
	}
}

/* Its data goes by ppp over one of its ports, perhaps: then eth0 is no proof of anything. */
static void test_no_interface(void **state UNUSED)
{
	char interface[INTERFACE_MAX];

	put("proc/net/route", IPV4 OVER("eth0"));
	assert_true(uplink_has_other_route(root, makedev(188, 2), interface));
	assert_int_equal(unlink(at("sys/class/net/wwan0/device")), 0);
	assert_false(uplink_has_other_route(root, makedev(188, 2), interface));
}

/* Without a table there is no route; without a directory for the interfaces neither. */
static void test_nothing_there(void **state UNUSED)
{
	char interface[INTERFACE_MAX];

	(void) unlink(at("proc/net/route"));
	(void) unlink(at("proc/net/ipv6_route"));
	assert_false(uplink_has_other_route(root, makedev(188, 2), interface));
	assert_false(uplink_has_other_route("/nowhere", makedev(188, 2), interface));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_interface, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_there, setup, teardown),
	};

	return cmocka_run_group_tests_name("uplink", tests, NULL, NULL);
}
