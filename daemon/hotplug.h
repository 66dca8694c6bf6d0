/*
 * hotplug - what udev says of serial ports, and of modules that have turned into something else (sd-device).
 *
 *      udev --> hotplug --> tty(device)         a serial port has come, gone or changed
 *                       --> emergency(place)    a module in emergency download mode is plugged in there
 *
 * A place is where something is plugged in, as /dev/serial/by-path names it without the interface:
 * "0000:00:14.0-usb-0:2.3", port 3 of the hub at port 2 of that controller. It is the same whatever the module calls itself.
 */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>

#define PLACE_MAX 128

struct hotplug_handlers {
	void (*tty)(void *userdata, dev_t device); /* udev is done with it: its links and its owner are right */
	void (*emergency)(void *userdata, const char *place);
};

struct hotplug;

/* -E: udev cannot be listened to here (a container, a sandbox without netlink): ports have to be looked for. */
int hotplug_new(sd_event *event, const struct hotplug_handlers *handlers, void *userdata, struct hotplug **ret);
struct hotplug *hotplug_free(struct hotplug *hotplug); /* NULL is fine; returns NULL */

/* Modules that are in emergency download mode already: the handler is called for each before this returns. */
void hotplug_find_emergencies(const struct hotplug *hotplug);

/* Where this tty is plugged in; -ENOENT: not at USB. Asks sysfs, once. */
int hotplug_place_of(dev_t tty, char ret[static PLACE_MAX]);

/*
 * What ModemManager calls the device that this tty is of: its ID_MM_PHYSDEV_UID where udev's rules have given it one, else
 * where it is in sysfs. -ENODEV: sysfs does not know the tty. The caller frees it.
 */
int hotplug_uid_of(dev_t tty, char **ret);

/* The same as hotplug_place_of(), of a path in sysfs; reads nothing. */
int hotplug_place(const char *syspath, char ret[static PLACE_MAX]);
