#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/detect.h"
#include "ctl/text.h"

#define RANK_UNKNOWN 100 /* the layout of its interfaces is not known */
#define RANK_NO_AT   200 /* it is, and this one speaks no AT */

/* The file's first line as a number; -1: there is none. */
static long read_number(const char *directory, const char *name, int base)
{
	TEXT_AUTO path = words("%s/%s", directory, name);
	FILE *file = fopen(path, "re");
	char line[64] = "", *end;
	long number;

	if (!file)
		return -1;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	number = strtol(line, &end, base);
	return end == line ? -1 : number;
}

/* From the tty upwards: its interface, then its USB device. */
static void look_at_usb(struct detect_port *port)
{
	TEXT_AUTO link = words("/sys/class/tty/%s/device", port->device + strlen("/dev/"));
	char path[PATH_MAX], *slash;

	if (!realpath(link, path))
		return;
	while ((slash = strrchr(path, '/')) && slash > path) {
		if (port->interface < 0)
			port->interface = (int) read_number(path, "bInterfaceNumber", 16);
		if (read_number(path, "idVendor", 16) > 0) {
			port->vendor = (uint16_t) read_number(path, "idVendor", 16);
			port->product = (uint16_t) read_number(path, "idProduct", 16);
			port->usb = words("%s", path);
			return;
		}
		*slash = '\0';
	}
}

static unsigned rank_of(const struct profile_usb *usb, int interface)
{
	for (unsigned i = 0; i < usb->n_at_interfaces; i++)
		if (usb->at_interfaces[i] == interface)
			return i;
	return usb->n_at_interfaces == 0 || interface < 0 ? RANK_UNKNOWN : RANK_NO_AT;
}

static void look_at_profile(struct detect_port *port)
{
	const struct profile *row;

	port->rank = RANK_UNKNOWN;
	for (size_t i = 0; (row = profile_at(i)); i++)
		for (size_t n = 0; n < row->n_usb; n++)
			if (row->usb[n].vendor == port->vendor &&
				row->usb[n].product == port->product && !port->profile) {
				port->profile = row;
				port->rank = rank_of(&row->usb[n], port->interface);
			}
}

/* The link in this directory that leads to the device, or NULL. */
static char *link_to(const char *directory, const char *device)
{
	struct dirent **entries;
	char target[PATH_MAX], wanted[PATH_MAX], *found = NULL;
	int n = realpath(device, wanted) ? scandir(directory, &entries, NULL, alphasort) : -1;

	for (int i = 0; i < n; i++) {
		TEXT_AUTO path = words("%s/%s", directory, entries[i]->d_name);

		if (!found && entries[i]->d_name[0] != '.' && realpath(path, target) &&
			text_equal(target, wanted))
			found = words("%s", path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return found;
}

static struct detect_port *add(struct detect_ports *ports, const char *device)
{
	struct detect_port *bigger = reallocarray(ports->ports, ports->n + 1, sizeof(*bigger));

	if (!bigger) {
		complain("out of memory");
		exit(CTL_FAILED);
	}
	ports->ports = bigger;
	bigger[ports->n] = (struct detect_port){ .device = words("%s", device), .interface = -1 };
	return &bigger[ports->n++];
}

static void complete(struct detect_port *port)
{
	look_at_usb(port);
	look_at_profile(port);
	if (!port->stable)
		port->stable = link_to("/dev/serial/by-path", port->device);
	if (!port->stable)
		port->stable = link_to("/dev/serial/by-id", port->device);
	if (!port->stable)
		port->stable = words("%s", port->device);
}

static int version_order(const struct dirent **a, const struct dirent **b)
{
	return strverscmp((*a)->d_name, (*b)->d_name);
}

/* Serial ports of USB devices only: asking a UART at random may reach anything. */
static int is_usb_tty(const struct dirent *entry)
{
	return text_starts_with(entry->d_name, "ttyUSB") ||
	       text_starts_with(entry->d_name, "ttyACM");
}

static void find_all(struct detect_ports *ports)
{
	struct dirent **entries;
	int n = scandir("/sys/class/tty", &entries, is_usb_tty, version_order);

	for (int i = 0; i < n; i++) {
		TEXT_AUTO device = words("/dev/%s", entries[i]->d_name);
		struct detect_port *port = add(ports, device);

		complete(port);
		if (!port->profile)
			port->skipped = words("no USB ids of a known module; if it is one, give "
					      "its port: fotactl detect %s",
				port->device);
		else if (port->rank == RANK_NO_AT)
			port->skipped = words("this interface of the module speaks no AT");
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

void detect_find(struct detect_ports *ret, char **given, size_t n_given)
{
	char path[PATH_MAX];

	*ret = (struct detect_ports){ 0 };
	if (n_given == 0)
		find_all(ret);
	for (size_t i = 0; i < n_given; i++) {
		bool there = realpath(given[i], path);
		struct detect_port *port = add(ret, there ? path : given[i]);

		port->given = true;
		/* Whoever names a link has a reason. */
		if (!text_equal(path, given[i]) && given[i][0] == '/')
			port->stable = words("%s", given[i]);
		if (!there)
			port->skipped = words("%s", strerror(errno));
		complete(port);
	}
}

void detect_free(struct detect_ports *ports)
{
	for (size_t i = 0; i < ports->n; i++) {
		free(ports->ports[i].device);
		free(ports->ports[i].stable);
		free(ports->ports[i].usb);
		free(ports->ports[i].skipped);
	}
	free(ports->ports);
}
