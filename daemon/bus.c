#include "daemon/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/bus-internal.h"
#include "daemon/clock.h"

#define RETRY_FIRST (1 * SEC)
#define RETRY_MAX   (1 * MINUTE)

enum { NAME_IS_OURS = 1, NAME_IS_QUEUED = 2 }; /* D-Bus specification, RequestName */

/* ---- going ---- */

static void drop(struct bus *b)
{
	b->ready = false;
	bus_checks_drop(b);
	bus_later_drop(b);
	bus_host_drop(b);
	bus_pump_end(b);
	if (b->sd)
		sd_bus_close(b->sd);
	b->sd = sd_bus_unref(b->sd);
}

static void try_again(struct bus *b, int error)
{
	char pause[USEC_FORMAT_MAX];

	if (!b->lost_said)
		log_event(LOG_WARNING, LOG_MESSAGE_BUS, NULL,
			"no connection to D-Bus (%s): %s; upgrades go on, fotactl finds nobody "
			"until it is back",
			b->address, strerror(error < 0 ? -error : ECONNRESET));
	else
		log_event(LOG_DEBUG, LOG_MESSAGE_BUS, NULL, "no connection to D-Bus; again in %s",
			usec_format(pause, b->retry_pause));
	b->lost_said = true;
	(void) sd_event_source_set_time_relative(b->retry_source, b->retry_pause);
	(void) sd_event_source_set_enabled(b->retry_source, SD_EVENT_ONESHOT);
	b->retry_pause = usec_min(2 * b->retry_pause, RETRY_MAX);
}

/* Called by what sd-bus calls: it is taken down by the next try. */
void bus_lost(struct bus *b, int error)
{
	b->ready = false;
	bus_pump_end(b);
	try_again(b, error);
}

static int on_disconnected(sd_bus_message *m UNUSED, void *userdata, sd_bus_error *error UNUSED)
{
	bus_lost(userdata, -ECONNRESET);
	return 0;
}

/* ---- coming ---- */

static void greet(struct bus *b)
{
	if (b->ready)
		return;
	b->ready = true;
	b->lost_said = false;
	b->retry_pause = RETRY_FIRST;
	bus_change_begin(b);
	bus_host_begin(b);
}

static int on_name(sd_bus_message *m, void *userdata, sd_bus_error *error UNUSED)
{
	struct bus *b = userdata;
	const sd_bus_error *refused = sd_bus_message_get_error(m);
	uint32_t answer = 0;

	if (refused && !sd_bus_message_is_method_error(m, SD_BUS_ERROR_ACCESS_DENIED)) {
		b->ready = false; /* the connection is lost; that is told */
		return 0;
	}
	greet(b);
	if (refused) {
		log_event(LOG_WARNING, LOG_MESSAGE_BUS, NULL,
			"the bus (%s) does not let this user have the name " BUS_NAME
			": is org.fotad1.conf in dbus-1/system.d? fotactl finds nobody",
			b->address);
		return 0;
	}
	(void) sd_bus_message_read(m, "u", &answer);
	if (answer == NAME_IS_QUEUED)
		log_event(LOG_WARNING, LOG_MESSAGE_BUS, NULL,
			"another fotad has the name " BUS_NAME
			" on the bus (%s): fotactl speaks to that one. "
			"This one works on, and takes the name when it is free (busctl "
			"status " BUS_NAME ")",
			b->address);
	else if (answer == NAME_IS_OURS)
		log_event(
			LOG_INFO, LOG_MESSAGE_BUS, NULL, "on D-Bus (%s) as " BUS_NAME, b->address);
	return 0;
}

/* Said only when the name comes later than it was asked for. */
static int on_acquired(sd_bus_message *m, void *userdata, sd_bus_error *error UNUSED)
{
	struct bus *b = userdata;
	const char *name;

	if (sd_bus_message_read(m, "s", &name) >= 0 && text_equal(name, BUS_NAME) && b->ready)
		log_event(LOG_NOTICE, LOG_MESSAGE_BUS, NULL,
			"the name " BUS_NAME " was free: this fotad has it now");
	return 0;
}

static int ignore(sd_bus_message *m UNUSED, void *userdata UNUSED, sd_bus_error *error UNUSED)
{
	return 0;
}

/* $DBUS_SYSTEM_BUS_ADDRESS and $DBUS_SESSION_BUS_ADDRESS are honoured by sd-bus. */
int bus_open(const char *address, sd_bus **ret)
{
	sd_bus *sd = NULL;
	int r;

	if (text_equal(address, "system"))
		return sd_bus_open_system_with_description(ret, "fotad");
	if (text_equal(address, "session"))
		return sd_bus_open_user_with_description(ret, "fotad");
	r = sd_bus_new(&sd);
	if (r >= 0)
		r = sd_bus_set_description(sd, "fotad");
	if (r >= 0)
		r = sd_bus_set_address(sd, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(sd, true);
	if (r >= 0)
		r = sd_bus_start(sd);
	if (r < 0)
		sd_bus_unref(sd);
	else
		*ret = sd;
	return r;
}

/* All of it is only queued here: nothing waits for an answer. */
static int set_up(struct bus *b)
{
	int r = bus_pump_begin(b);

	if (r >= 0)
		r = sd_bus_set_method_call_timeout(b->sd, BUS_CALL_TIMEOUT);
	if (r >= 0)
		r = sd_bus_match_signal_async(b->sd, NULL, "org.freedesktop.DBus.Local",
			"/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
			on_disconnected, NULL, b);
	if (r >= 0)
		r = sd_bus_match_signal_async(b->sd, NULL, "org.freedesktop.DBus",
			"/org/freedesktop/DBus", "org.freedesktop.DBus", "NameAcquired",
			on_acquired, ignore, b);
	if (r >= 0)
		r = bus_add_objects(b);
	if (r >= 0)
		r = bus_add_log_control(b);
	if (r >= 0)
		r = sd_bus_request_name_async(b->sd, NULL, BUS_NAME, SD_BUS_NAME_QUEUE, on_name, b);
	return r;
}

static int on_retry(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	struct bus *b = userdata;
	int r;

	drop(b);
	r = bus_open(b->address, &b->sd);
	if (r >= 0)
		r = set_up(b);
	if (r < 0) {
		drop(b);
		try_again(b, r);
	}
	return 0;
}

/* ---- the object ---- */

int bus_new(sd_event *event, struct manager *manager, const char *address, struct bus **ret)
{
	struct bus *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->event = sd_event_ref(event);
	b->manager = manager;
	b->address = address;
	b->retry_pause = RETRY_FIRST;
	b->names_stale = b->jobs_stale = true;
	bus_host_clear(b);
	r = sd_event_add_time_relative(
		event, &b->retry_source, CLOCK_BOOTTIME, 0, 100 * MSEC, on_retry, b);
	if (r >= 0)
		r = bus_change_new(b);
	if (r >= 0)
		r = bus_later_new(b);
	if (r >= 0)
		r = bus_host_new(b);
	if (r < 0) {
		bus_free(b);
		return r;
	}
	manager_watch(manager, &bus_watcher, b);
	log_set_tap(bus_event, b);
	*ret = b;
	return 0;
}

struct bus *bus_free(struct bus *b)
{
	if (!b)
		return NULL;
	log_set_tap(NULL, NULL);
	manager_watch(b->manager, NULL, NULL);
	drop(b);
	bus_inhibitors_drop(b);
	bus_change_done(b);
	bus_later_done(b);
	bus_names_done(b);
	bus_host_done(b);
	sd_event_source_disable_unref(b->retry_source);
	sd_event_unref(b->event);
	free(b);
	return NULL;
}
