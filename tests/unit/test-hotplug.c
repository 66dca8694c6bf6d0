/* Places in sysfs. What udev says is tested with a real fotad: tests/integration/test-hotplug.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "daemon/hotplug.h"

#define PCI "/sys/devices/pci0000:00/0000:00:14.0/"

static void places(void **state UNUSED)
{
	static const struct {
		const char *path, *place;
	} rows[] = {
		{ PCI "usb1/1-2", "0000:00:14.0-usb-0:2" },
		{ PCI "usb1/1-2/1-2:1.5/ttyUSB3/tty/ttyUSB3", "0000:00:14.0-usb-0:2" },
		{ PCI "usb1/1-2/1-2.3/1-2.3.14/1-2.3.14:1.0/tty/ttyACM0", "0000:00:14.0-usb-0:2.3.14" },
		{ "../../devices/pci0000:00/0000:00:1c.5/0000:02:00.0/usb12/12-1/12-1:1.2/ttyUSB0",
			"0000:02:00.0-usb-0:1" },
		{ "/sys/devices/platform/scb/fd500000.pcie/0000:01:00.0/usb1/1-1/1-1.4/1-1.4:1.3/ttyUSB7",
			"0000:01:00.0-usb-0:1.4" },
		{ "/sys/devices/platform/xhci-hcd.0.auto/usb1/1-1/", "xhci-hcd.0.auto-usb-0:1" },
		{ PCI "usb1", NULL }, /* the controller's own hub */
		{ PCI "usb1/1-0:1.0", NULL },
		{ PCI "usbmon/1-2", NULL },
		{ "usb1/1-2", NULL }, /* of no controller */
		{ "/sys/devices/pci0000:00/0000:00:16.3/tty/ttyS4", NULL },
		{ "/sys/devices/virtual/tty/tty1", NULL },
		{ "../../../", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		char place[PLACE_MAX] = "untouched";
		int r = hotplug_place(rows[i].path, place);

		if (r != (rows[i].place ? 0 : -ENOENT) ||
			!text_equal(place, rows[i].place ? rows[i].place : "untouched"))
			fail_msg("\"%s\" gave %d, \"%s\"", rows[i].path, r, place);
	}
}

static void names_that_are_too_long(void **state UNUSED)
{
	char path[2 * PLACE_MAX] = "/", place[PLACE_MAX] = "untouched";
	size_t n;

	for (n = 1; n < PLACE_MAX; n++)
		path[n] = 'c';
	memcpy(path + n, "/usb1/1-2", sizeof("/usb1/1-2"));
	assert_int_equal(hotplug_place(path, place), -EMSGSIZE);
	assert_string_equal(place, "untouched");
}

static void a_device_that_is_not_there(void **state UNUSED)
{
	char place[PLACE_MAX];

	assert_int_equal(hotplug_place_of((dev_t) -1, place), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(names_that_are_too_long),
		cmocka_unit_test(a_device_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
