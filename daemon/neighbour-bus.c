#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"
#include "daemon/bus-internal.h"
#include "daemon/clock.h"
#include "daemon/neighbour-internal.h"

#define RETRY_FIRST (1 * SEC)
#define RETRY_MAX   (1 * MINUTE)

/* ---- what outlives us ---- */

void neighbour_keep_stored(struct neighbour *n)
{
	bool wanted = false;

	for (const struct inhibition *i = n->inhibitions; i; i = i->next)
		wanted |= i->answer == NEIGHBOUR_HELD;
	if (wanted == n->stored)
		return;
	n->stored = wanted;
	if (wanted)
		handover_store_bus(n->name, sd_bus_get_fd(n->sd));
	else
		handover_forget_bus(n->name);
}

bool neighbour_has_earlier(const struct neighbour *n)
{
	return n->n_earlier > 0;
}

void neighbour_drop_earlier(struct neighbour *n)
{
	while (n->n_earlier > 0) {
		n->n_earlier--;
		handover_forget_bus(n->earlier[n->n_earlier].name);
		close(n->earlier[n->n_earlier].fd);
	}
}

/* ---- its coming and going ---- */

static void come(struct neighbour *n)
{
	n->presence = PRESENT;
	n->refusal_said = n->silence_said = false;
	for (struct inhibition *i = n->inhibitions; i; i = i->next)
		inhibition_begin(i);
	n->handlers->changed(n->userdata);
}

static void go(struct neighbour *n)
{
	struct inhibition *next;

	n->presence = ABSENT;
	for (struct inhibition *i = n->inhibitions; i; i = next) {
		next = i->next;
		inhibition_suspend(i);
	}
	neighbour_keep_stored(n);
	neighbour_drop_earlier(n);
	n->handlers->changed(n->userdata);
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error UNUSED)
{
	struct neighbour *n = userdata;

	n->retry_pause = RETRY_FIRST;
	if (n->presence != UNSURE) /* it has come or gone meanwhile */
		return 0;
	if (sd_bus_message_is_method_error(m, NULL))
		go(n);
	else
		come(n);
	return 0;
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error UNUSED)
{
	struct neighbour *n = userdata;
	const char *name, *before, *after;

	if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0)
		return 0;
	if (before[0])
		go(n);
	if (after[0])
		come(n);
	return 0;
}

/* ---- the connection ---- */

static void drop(struct neighbour *n)
{
	if (!n->sd)
		return;
	sd_bus_detach_event(n->sd);
	sd_bus_close(n->sd);
	n->sd = sd_bus_unref(n->sd);
}

static void try_again(struct neighbour *n)
{
	(void) sd_event_source_set_time_relative(n->retry_source, n->retry_pause);
	(void) sd_event_source_set_enabled(n->retry_source, SD_EVENT_ONESHOT);
	n->retry_pause = usec_min(2 * n->retry_pause, RETRY_MAX);
}

static int on_disconnected(sd_bus_message *m UNUSED, void *userdata, sd_bus_error *error UNUSED)
{
	struct neighbour *n = userdata;

	go(n);
	try_again(n);
	return 0;
}

static int connect_bus(struct neighbour *n)
{
	int r = bus_open(n->address, &n->sd);

	if (r >= 0) /* nothing is waited for at the end */
		r = sd_bus_set_close_on_exit(n->sd, false);
	if (r >= 0)
		r = sd_bus_attach_event(n->sd, n->event, SD_EVENT_PRIORITY_NORMAL + BUS_PRIORITY);
	if (r >= 0)
		r = sd_bus_match_signal_async(n->sd, NULL, "org.freedesktop.DBus.Local",
			"/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
			on_disconnected, NULL, n);
	if (r >= 0)
		r = sd_bus_add_match_async(n->sd, NULL,
			"type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
			"interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0="
			"'" MODEM_MANAGER "'",
			on_owner_changed, NULL, n);
	if (r >= 0)
		r = sd_bus_call_method_async(n->sd, NULL, "org.freedesktop.DBus",
			"/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner", on_owner,
			n, "s", MODEM_MANAGER);
	return r;
}

/* That there is no bus is said by bus.c. */
static int on_retry(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	struct neighbour *n = userdata;

	drop(n);
	n->presence = UNSURE;
	n->begun = clock_boottime();
	if (connect_bus(n) < 0) {
		drop(n);
		n->presence = ABSENT;
		try_again(n);
	}
	return 0;
}

int neighbour_new(sd_event *event, const char *address, struct handover *handover,
	const struct neighbour_handlers *handlers, void *userdata, struct neighbour **ret)
{
	struct neighbour *n = calloc(1, sizeof(*n));
	int fd = -1, r;

	if (!n)
		return -ENOMEM;
	n->event = sd_event_ref(event);
	n->address = address;
	n->handlers = handlers;
	n->userdata = userdata;
	n->retry_pause = RETRY_FIRST;
	n->begun = clock_boottime();
	(void) text_format(n->name, sizeof(n->name), "%d", (int) getpid());
	while (handover && n->n_earlier < EARLIER_MAX &&
		(fd = handover_adopt_bus(handover, n->earlier[n->n_earlier].name)) >= 0)
		n->earlier[n->n_earlier++].fd = fd;
	r = sd_event_add_time_relative(
		event, &n->retry_source, CLOCK_BOOTTIME, 0, 10 * MSEC, on_retry, n);
	if (r < 0) {
		neighbour_free(n);
		return r;
	}
	*ret = n;
	return 0;
}

/* What is stored stays there: it is for the next life. */
struct neighbour *neighbour_free(struct neighbour *n)
{
	if (!n)
		return NULL;
	while (n->inhibitions)
		inhibition_free(n->inhibitions);
	while (n->n_earlier > 0)
		close(n->earlier[--n->n_earlier].fd);
	drop(n);
	sd_event_source_disable_unref(n->retry_source);
	sd_event_unref(n->event);
	free(n);
	return NULL;
}

bool neighbour_is_there(const struct neighbour *n)
{
	return n->presence == PRESENT;
}

bool neighbour_is_unsure(const struct neighbour *n, usec_t now)
{
	return n->presence == UNSURE && now < usec_add(n->begun, NEIGHBOUR_PATIENCE);
}
