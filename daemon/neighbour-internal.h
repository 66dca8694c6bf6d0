/*
 * neighbour-internal - what the files of the neighbour share.
 *
 *      neighbour.c      one device: asked for, held, given back
 *      neighbour-bus.c  the connection, ModemManager's coming and going, what outlives us
 */
#pragma once

#include <systemd/sd-bus.h>

#include "daemon/neighbour.h"

#define MODEM_MANAGER "org.freedesktop.ModemManager1"

/* How long it is unsure whether ModemManager is there, or knows a device that udev has told it of at the same time as us. */
#define NEIGHBOUR_PATIENCE (1 * SEC)

#define EARLIER_MAX 8 /* connections of lives before; one by one they end with a verdict */

struct inhibition {
	struct neighbour *neighbour;
	struct inhibition *next;
	char *uid;
	unsigned holders;
	enum neighbour_answer answer;
	usec_t since; /* CLOCK_BOOTTIME: wanted */
	usec_t pause;
	sd_bus_slot *slot; /* of the question */
	sd_event_source *timer; /* asked again */
};

struct neighbour {
	sd_event *event;
	const char *address;
	const struct neighbour_handlers *handlers;
	void *userdata;
	sd_bus *sd; /* NULL: no connection */
	sd_event_source *retry_source;
	usec_t retry_pause;
	enum { UNSURE, ABSENT, PRESENT } presence;
	usec_t begun;
	struct inhibition *inhibitions;
	char name[16]; /* of the connection in the store */
	bool stored;
	bool refusal_said, silence_said; /* in this life of ModemManager */
	struct {
		int fd;
		char name[HANDOVER_NAME_MAX];
	} earlier[EARLIER_MAX];
	size_t n_earlier;
};

/* ---- neighbour.c ---- */

void inhibition_begin(struct inhibition *i); /* asked for, if ModemManager is there */
void inhibition_suspend(struct inhibition *i); /* ModemManager has gone */
struct inhibition *inhibition_free(struct inhibition *i);

/* ---- neighbour-bus.c ---- */

void neighbour_keep_stored(struct neighbour *n); /* what is held may be different */
