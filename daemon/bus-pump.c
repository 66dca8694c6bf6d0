/*
 * Moves the bus' messages in the one loop, behind ports, deadlines, store and dispatcher: one message a turn, and in the long
 * run no more than a part of the time, whatever is asked and however often. sd_bus_attach_event() would know no measure.
 */
#include <sys/socket.h>

#include "daemon/bus-internal.h"
#include "daemon/clock.h"

#define PART	      4	 /* a message that took 1 ms is paid for after 4 */
#define TURN	      20 /* what a turn of the loop costs beside (performance, 0.2) */
#define SOCKET_BUFFER (256 * 1024)
#define BURST	      (200 * MSEC) /* so much may be owed */

static int pump(struct bus *b)
{
	usec_t begin = clock_boottime();
	int r = sd_bus_process(b->sd, NULL);

	b->paid = usec_add(
		usec_max(b->paid, begin), PART * (TURN + usec_sub(clock_boottime(), begin)));
	if (r < 0 && b->io_source) /* else that was told already */
		bus_lost(b, r);
	return 0;
}

static int on_io(
	sd_event_source *source UNUSED, int fd UNUSED, uint32_t events UNUSED, void *userdata)
{
	return pump(userdata);
}

static int on_time(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	return pump(userdata);
}

static int on_paid(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata UNUSED)
{
	return 0; /* prepare() looks again */
}

static void set_time(sd_event_source *source, usec_t due)
{
	(void) sd_event_source_set_time(source, due);
	(void) sd_event_source_set_enabled(
		source, due == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

/* Before the loop waits: for what? */
static int prepare(sd_event_source *source, void *userdata)
{
	struct bus *b = userdata;
	uint64_t timeout = UINT64_MAX;
	int events;

	if (b->paid > usec_add(clock_boottime(), BURST)) {
		(void) sd_event_source_set_io_events(source, 0);
		set_time(b->time_source, USEC_INFINITY);
		set_time(b->paid_source, usec_sub(b->paid, BURST));
		return 0;
	}
	set_time(b->paid_source, USEC_INFINITY);
	events = sd_bus_get_events(b->sd);
	(void) sd_event_source_set_io_events(source, events < 0 ? 0 : (uint32_t) events);
	if (sd_bus_get_timeout(b->sd, &timeout) < 0)
		timeout = UINT64_MAX;
	set_time(b->time_source, timeout);
	return 0;
}

static int add_time(
	struct bus *b, sd_event_source **source, clockid_t clock, sd_event_time_handler_t handler)
{
	int r = sd_event_add_time(b->event, source, clock, USEC_INFINITY, 1, handler, b);

	return r < 0 ? r
		     : sd_event_source_set_priority(
			       *source, SD_EVENT_PRIORITY_NORMAL + BUS_PRIORITY);
}

/* sd-bus' time-outs are of CLOCK_MONOTONIC. */
int bus_pump_begin(struct bus *b)
{
	int r = sd_bus_get_fd(b->sd), size = SOCKET_BUFFER;

	b->paid = 0;
	/* sd-bus asks for 8 MB: what a stuck bus leaves there is old when it is read. */
	if (r >= 0)
		(void) setsockopt(r, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (r >= 0)
		r = sd_event_add_io(b->event, &b->io_source, r, 0, on_io, b);
	if (r >= 0)
		r = sd_event_source_set_priority(
			b->io_source, SD_EVENT_PRIORITY_NORMAL + BUS_PRIORITY);
	if (r >= 0)
		r = add_time(b, &b->time_source, CLOCK_MONOTONIC, on_time);
	if (r >= 0)
		r = add_time(b, &b->paid_source, CLOCK_BOOTTIME, on_paid);
	return r < 0 ? r : sd_event_source_set_prepare(b->io_source, prepare);
}

void bus_pump_end(struct bus *b)
{
	b->io_source = sd_event_source_disable_unref(b->io_source);
	b->time_source = sd_event_source_disable_unref(b->time_source);
	b->paid_source = sd_event_source_disable_unref(b->paid_source);
}
