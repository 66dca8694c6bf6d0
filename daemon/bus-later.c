/*
 * What takes long to answer waits in a line of its own and gets a part of the time, so that who asks for everything all day
 * keeps neither a modem waiting nor an operator's one word.
 *
 *      call --> few of this caller wait? --> line --(between two: PART times what the last one took)--> handler
 */
#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "daemon/bus-internal.h"
#include "daemon/clock.h"

#define PART	   4	/* what takes 1 ms is done every 4 ms at most */
#define WAIT_MAX   1024 /* in all: the bus lets one user have 256 connections */
#define OF_ONE_MAX 2	/* ... of one caller */

struct bus_later {
	struct bus_later *next;
	sd_bus_message *message;
	bus_handler handler;
};

static void arm(struct bus *b)
{
	(void) sd_event_source_set_time(b->later_source, b->later_due);
	(void) sd_event_source_set_enabled(
		b->later_source, b->later ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static struct bus_later *take_first(struct bus *b)
{
	struct bus_later *later = b->later;

	b->later = later->next;
	return later;
}

static int on_later(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	struct bus *b = userdata;
	struct bus_later *later;
	usec_t begin = clock_boottime();
	int r;

	if (!b->later)
		return 0;
	later = take_first(b);
	r = later->handler(b, later->message, &error);
	if (sd_bus_error_is_set(&error))
		(void) sd_bus_reply_method_error(later->message, &error);
	else if (r < 0)
		(void) sd_bus_reply_method_errno(later->message, r, NULL);
	sd_bus_error_free(&error);
	sd_bus_message_unref(later->message);
	free(later);
	b->later_due = usec_add(begin, PART * usec_sub(clock_boottime(), begin));
	arm(b);
	return 0;
}

int bus_later(struct bus *b, sd_bus_message *m, bus_handler handler, sd_bus_error *error)
{
	struct bus_later **last = &b->later;
	unsigned n = 0, own = 0;

	for (; *last; last = &(*last)->next) {
		own += text_equal(
			sd_bus_message_get_sender((*last)->message), sd_bus_message_get_sender(m));
		n++;
	}
	if (n >= WAIT_MAX || own >= OF_ONE_MAX)
		return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
			"so many ask for so much already; try again when that is answered");
	*last = calloc(1, sizeof(**last));
	if (!*last)
		return -ENOMEM;
	**last = (struct bus_later){ .message = sd_bus_message_ref(m), .handler = handler };
	arm(b);
	return 1;
}

int bus_later_new(struct bus *b)
{
	int r = sd_event_add_time(
		b->event, &b->later_source, CLOCK_BOOTTIME, USEC_INFINITY, 1, on_later, b);

	return r < 0 ? r
		     : sd_event_source_set_priority(
			       b->later_source, SD_EVENT_PRIORITY_NORMAL + BUS_PRIORITY);
}

void bus_later_drop(struct bus *b)
{
	while (b->later) {
		struct bus_later *later = take_first(b);

		sd_bus_message_unref(later->message);
		free(later);
	}
}

void bus_later_done(struct bus *b)
{
	sd_event_source_disable_unref(b->later_source);
}
