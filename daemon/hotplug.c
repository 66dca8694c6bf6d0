#include "daemon/hotplug.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <systemd/sd-device.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"

/* What a Qualcomm module without a firmware that starts calls itself (protocol, 7: QDL). */
#define EMERGENCY_VENDOR  "05c6"
#define EMERGENCY_PRODUCT "9008"

struct hotplug {
	sd_device_monitor *monitor;
	const struct hotplug_handlers *handlers;
	void *userdata;
};

/* ---- places ---- */

/* "1-2.3", a device at ports 2 and 3: points to these. NULL: it is something else, as an interface or a hub's root. */
static const char *ports_of(const char *name, size_t size)
{
	size_t bus = strspn(name, "0123456789");

	if (bus == 0 || bus + 1 >= size || name[bus] != '-' ||
		bus + 1 + strspn(name + bus + 1, "0123456789.") != size)
		return NULL;
	return name + bus + 1;
}

static bool is_bus(const char *name, size_t size)
{
	return size > 3 && memcmp(name, "usb", 3) == 0 && 3 + strspn(name + 3, "0123456789") == size;
}

/* ".../0000:00:14.0/usb1/1-2/1-2.3/1-2.3:1.0/...": the controller comes before the bus, the last device is the one. */
int hotplug_place(const char *syspath, char ret[static PLACE_MAX])
{
	const char *controller = NULL, *before = NULL, *ports = NULL, *found;
	size_t size, controller_size = 0, before_size = 0;

	for (const char *p = syspath; *p; p += size) {
		p += strspn(p, "/");
		size = strcspn(p, "/");
		if (is_bus(p, size)) {
			controller = before;
			controller_size = before_size;
			ports = NULL;
		} else if (controller && (found = ports_of(p, size))) {
			ports = found;
		} else if (ports) { /* an interface */
			break;
		}
		before = p;
		before_size = size;
	}
	if (!ports)
		return -ENOENT;
	return text_format(ret, PLACE_MAX, "%.*s-usb-0:%.*s", (int) controller_size, controller,
		(int) strcspn(ports, "/"), ports);
}

int hotplug_place_of(dev_t tty, char ret[static PLACE_MAX])
{
	char link[64], target[PATH_MAX];
	ssize_t n;

	(void) text_format(link, sizeof(link), "/sys/dev/char/%u:%u", major(tty), minor(tty));
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	return hotplug_place(target, ret);
}

/* ---- ModemManager's devices ---- */

/* The one that all ports of a module hang on: the USB device, or what is nearest on another bus (ModemManager, "physdev"). */
static sd_device *owner_of(sd_device *device)
{
	static const char *const others[] = { "pci", "platform", "pnp", "sdio" };
	const char *subsystem;

	if (sd_device_get_parent_with_subsystem_devtype(device, "usb", "usb_device", &device) >= 0)
		return device;
	while (sd_device_get_parent(device, &device) >= 0)
		for (size_t i = 0; i < ELEMENTSOF(others); i++)
			if (sd_device_get_subsystem(device, &subsystem) >= 0 &&
				text_equal(subsystem, others[i]))
				return device;
	return NULL;
}

int hotplug_uid_of(dev_t number, char **ret)
{
	sd_device *tty = NULL, *owner;
	const char *uid;
	int r = sd_device_new_from_devnum(&tty, 'c', number);

	if (r < 0)
		return r;
	owner = owner_of(tty);
	if (!owner || sd_device_get_property_value(owner, "ID_MM_PHYSDEV_UID", &uid) < 0)
		r = sd_device_get_property_value(tty, "ID_MM_PHYSDEV_UID", &uid);
	if (r < 0)
		r = sd_device_get_syspath(owner ? owner : tty, &uid);
	if (r >= 0) {
		*ret = strdup(uid);
		r = *ret ? 0 : -ENOMEM;
	}
	sd_device_unref(tty);
	return r;
}

/* ---- events ---- */

/* By udev's property or, before its rules or without them, by what the kernel has read from the device. */
static bool has(sd_device *device, const char *property, const char *attribute, const char *wanted)
{
	const char *value;

	if (sd_device_get_property_value(device, property, &value) < 0 &&
		sd_device_get_sysattr_value(device, attribute, &value) < 0)
		return false;
	return text_equal_nocase(value, wanted);
}

static void check_emergency(const struct hotplug *h, sd_device *device)
{
	char place[PLACE_MAX];
	const char *path;

	if (has(device, "ID_VENDOR_ID", "idVendor", EMERGENCY_VENDOR) &&
		has(device, "ID_MODEL_ID", "idProduct", EMERGENCY_PRODUCT) &&
		sd_device_get_syspath(device, &path) >= 0 && hotplug_place(path, place) >= 0)
		h->handlers->emergency(h->userdata, place);
}

static int on_device(sd_device_monitor *monitor UNUSED, sd_device *device, void *userdata)
{
	const struct hotplug *h = userdata;
	sd_device_action_t action = SD_DEVICE_CHANGE;
	const char *subsystem;
	dev_t tty = 0;

	if (sd_device_get_subsystem(device, &subsystem) < 0)
		return 0;
	(void) sd_device_get_action(device, &action);
	if (text_equal(subsystem, "tty")) {
		(void) sd_device_get_devnum(device, &tty);
		h->handlers->tty(h->userdata, tty);
	} else if (action != SD_DEVICE_REMOVE) {
		check_emergency(h, device);
	}
	return 0;
}

int hotplug_new(sd_event *event, const struct hotplug_handlers *handlers, void *userdata,
	struct hotplug **ret)
{
	struct hotplug *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->handlers = handlers;
	h->userdata = userdata;
	r = sd_device_monitor_new(&h->monitor);
	if (r >= 0)
		r = sd_device_monitor_filter_add_match_subsystem_devtype(h->monitor, "tty", NULL);
	if (r >= 0)
		r = sd_device_monitor_filter_add_match_subsystem_devtype(
			h->monitor, "usb", "usb_device");
	if (r >= 0)
		r = sd_device_monitor_attach_event(h->monitor, event);
	if (r >= 0)
		r = sd_device_monitor_start(h->monitor, on_device, h);
	if (r < 0) {
		hotplug_free(h);
		return r;
	}
	*ret = h;
	return 0;
}

struct hotplug *hotplug_free(struct hotplug *h)
{
	if (!h)
		return NULL;
	sd_device_monitor_unref(h->monitor);
	free(h);
	return NULL;
}

void hotplug_find_emergencies(const struct hotplug *h)
{
	sd_device_enumerator *devices = NULL;
	int r = sd_device_enumerator_new(&devices);

	if (r >= 0) /* also where no udev has been at work */
		r = sd_device_enumerator_allow_uninitialized(devices);
	if (r >= 0)
		r = sd_device_enumerator_add_match_subsystem(devices, "usb", true);
	if (r >= 0)
		r = sd_device_enumerator_add_match_sysattr(devices, "idVendor", EMERGENCY_VENDOR, true);
	if (r >= 0)
		r = sd_device_enumerator_add_match_sysattr(
			devices, "idProduct", EMERGENCY_PRODUCT, true);
	if (r >= 0)
		for (sd_device *d = sd_device_enumerator_get_device_first(devices); d;
			d = sd_device_enumerator_get_device_next(devices))
			check_emergency(h, d);
	sd_device_enumerator_unref(devices);
}
