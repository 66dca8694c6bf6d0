/*
 * neighbour - ModemManager, which wants the same modules. While fotad works with one, it is asked to leave that one alone
 * (org.freedesktop.ModemManager1.InhibitDevice, since 1.10): then it closes its ports, and opens none that appears there.
 *
 *      neighbour_hold() --> asked --> held ---neighbour_release()--> it is told that it may have it again
 *                            |  `---> not now: it is busy with the device, or does not know it: asked again and again
 *                            `------> refused: said once
 *
 * ModemManager ties this to the connection that has asked, and as soon as that is gone it opens the ports and sets the modem
 * up; until it is done (seconds of AT commands) it lets nobody have it back. So the connection is one of its own, and while
 * something is held a duplicate lies in the service manager's store (handover.h): of a restart, a crash or a watchdog kill of
 * fotad ModemManager sees nothing. The next life keeps that connection open, without a word, until it can do without.
 *
 * It is never started by being asked, and never waited for: everything is asynchronous, in the one loop.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/usec.h"
#include "daemon/handover.h"

enum neighbour_answer {
	NEIGHBOUR_SILENT,  /* none yet, or it is not there */
	NEIGHBOUR_HELD,
	NEIGHBOUR_KEPT,    /* it leaves the device alone already: for an earlier life of ours, or for somebody else */
	NEIGHBOUR_BUSY,    /* it is finding out what the device is, or has no use for it */
	NEIGHBOUR_UNKNOWN, /* it does not know the device: it was told to ignore it, or has not seen it yet */
	NEIGHBOUR_REFUSED, /* it does not let us: said already */
};

struct neighbour;
struct inhibition; /* of one device, which may have ports of several modems */

struct neighbour_handlers {
	void (*changed)(void *userdata); /* it has come or gone */
	void (*answered)(void *userdata, const struct inhibition *inhibition); /* something else than before */
};

/* address: as of bus_new(). handover: what earlier lives have left is taken out of it; NULL: nothing. */
int neighbour_new(sd_event *event, const char *address, struct handover *handover,
	const struct neighbour_handlers *handlers, void *userdata, struct neighbour **ret);
struct neighbour *neighbour_free(struct neighbour *neighbour); /* NULL is fine; returns NULL */

bool neighbour_is_there(const struct neighbour *neighbour);

/* May be there: nobody has said yet, but will soon. */
bool neighbour_is_unsure(const struct neighbour *neighbour, usec_t now);

/* uid: what ModemManager calls the device (hotplug_uid_of()). Held as often as it is released. -ENOMEM and the like. */
int neighbour_hold(struct neighbour *neighbour, const char *uid, struct inhibition **ret);
struct inhibition *neighbour_release(struct inhibition *inhibition); /* NULL is fine; returns NULL */

enum neighbour_answer neighbour_answer(const struct inhibition *inhibition);
const char *neighbour_uid(const struct inhibition *inhibition);
bool neighbour_is_settled(const struct inhibition *inhibition, usec_t now); /* or has had its time */

/* Nobody needs any more what an earlier life has asked for. */
bool neighbour_has_earlier(const struct neighbour *neighbour);
void neighbour_drop_earlier(struct neighbour *neighbour);
