/*
 * bus - fotad on D-Bus: org.fotad1, as org.fotad1(5) and conf/dbus/org.fotad1.*.xml have it.
 *
 *      manager --watcher--> what changed --(end of the turn, at most every BUS_PACE)--> PropertiesChanged
 *      log_event() -------> Event
 *      method call --------> who asks? --root, owner, polkit--> control.h --> reply
 *
 * It only looks at the manager and calls what control.h has; the manager does not know it. Everything is asynchronous, in
 * the one loop, behind ports and deadlines: one message a turn. Without a bus, or when it goes away, all else goes on, and
 * it is tried again after a growing pause.
 */
#pragma once

#include <systemd/sd-event.h>

#include "daemon/manager.h"

struct bus;

/*
 * address: "system", "session" or an address as in D-Bus' own words; outlives the object. -ENOMEM and the like only: no bus
 * is no error.
 */
int bus_new(sd_event *event, struct manager *manager, const char *address, struct bus **ret);
struct bus *bus_free(struct bus *bus); /* before the manager; NULL is fine; returns NULL */
