/*
 * detect - which modems are on this machine? From /sys comes what is plugged in; the few ports that may be a module's, and that
 * nobody holds, are asked who they are, as strangers are (conduct 1), after listening whether they are at work (conduct 10).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/identity.h"
#include "core/profile.h"
#include "ctl/ctl.h"

struct detect_port {
	char *device; /* "/dev/ttyUSB2" */
	char *stable; /* how the configuration should name it: by its place, else the device */
	char *usb;    /* its USB device in /sys; NULL: none is known */
	uint16_t vendor, product;
	int interface;		       /* -1: not known */
	const struct profile *profile; /* by USB ids; NULL: none */
	unsigned rank; /* of its interface among those that speak AT; the least is asked first */
	bool given;    /* by the operator */

	char *skipped; /* why it was not asked; NULL: it was, or is to be */
	bool answered;
	struct identity identity;
	enum profile_match match;
	const char *trouble; /* why the answer is no modem of ours; a constant */
};

struct detect_ports {
	struct detect_port *ports;
	size_t n;
};

/* Of this machine, or those that are given. */
void detect_find(struct detect_ports *ret, char **given, size_t n_given);
void detect_free(struct detect_ports *ports); /* for CLEANUP */

/* Asks, many at the same time, one port of a USB device after the other until one has answered. */
void detect_ask(struct detect_ports *ports);
