/*
 * What the host is asked and told, on the same bus: logind, not to go down or to sleep while a module may be flashing (conduct
 * 25), and timedate1, whether the clock is synchronised (conduct 27). Who does not answer is done without.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/bus-internal.h"

#define CLOCK_PAUSE_GOOD (1 * MINUTE)
#define CLOCK_PAUSE_BAD	 (10 * SEC)

/* ---- logind ---- */

/*
 * Each of its own: asked for both at once, logind of systemd 252 looks for neither right, but for that to inhibit the lid
 * switch, which nobody has.
 */
static const char *const inhibited[BUS_HOLDS] = { "shutdown", "sleep" };

static void ask_logind(struct bus_hold *hold, const char *mode);

void bus_host_clear(struct bus *b)
{
	for (size_t i = 0; i < BUS_HOLDS; i++)
		b->holds[i] = (struct bus_hold){ .bus = b, .what = inhibited[i], .fd = -1 };
}

static void release(struct bus_hold *hold)
{
	if (hold->fd >= 0)
		close(hold->fd);
	hold->fd = -1;
}

static int on_inhibitor(sd_bus_message *m, void *userdata, sd_bus_error *error UNUSED)
{
	struct bus_hold *hold = userdata;
	int fd;

	hold->slot = sd_bus_slot_unref(hold->slot);
	if (sd_bus_message_is_method_error(m, NULL)) {
		if (!hold->delays)
			ask_logind(hold, "delay"); /* to block is not everybody's right */
		return 0;
	}
	if (sd_bus_message_read(m, "h", &fd) < 0)
		return 0;
	release(hold);
	hold->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (hold->bus->past == 0) /* meanwhile */
		release(hold);
	return 0;
}

static void ask_logind(struct bus_hold *hold, const char *mode)
{
	hold->delays = mode[0] == 'd';
	(void) sd_bus_call_method_async(hold->bus->sd, &hold->slot, "org.freedesktop.login1",
		"/org/freedesktop/login1", "org.freedesktop.login1.Manager", "Inhibit",
		on_inhibitor, hold, "ssss", hold->what, "fotad",
		"a cellular module is being flashed", mode);
}

void bus_host_hold(struct bus *b)
{
	for (size_t i = 0; i < BUS_HOLDS; i++) {
		struct bus_hold *hold = &b->holds[i];

		if (!b->ready || b->past == 0)
			release(hold);
		else if (hold->fd < 0 && !hold->slot)
			ask_logind(hold, "block");
	}
}

/* ---- timedate1 ---- */

/* Only a campaign with limits.clock cares; timedated is started to answer, so it is not asked for nothing. */
static bool clock_matters(const struct manager *g)
{
	const struct config *config = g->rules->config;

	for (size_t i = 0; i < config->n_campaigns; i++)
		if (config->campaigns[i].when.synchronised)
			return true;
	return false;
}

static void ask_again(struct bus *b, usec_t pause)
{
	(void) sd_event_source_set_time_relative(b->clock_source, pause);
	(void) sd_event_source_set_enabled(b->clock_source, SD_EVENT_ONESHOT);
}

static int on_clock(sd_bus_message *m, void *userdata, sd_bus_error *error UNUSED)
{
	struct bus *b = userdata;
	bool before = clock_is_synchronised();
	int synchronised;

	b->clock_slot = sd_bus_slot_unref(b->clock_slot);
	if (sd_bus_message_is_method_error(m, NULL) ||
		sd_bus_message_read(m, "v", "b", &synchronised) < 0)
		clock_set_witness(CLOCK_WITNESS_NONE);
	else
		clock_set_witness(synchronised ? CLOCK_WITNESS_YES : CLOCK_WITNESS_NO);
	if (before != clock_is_synchronised())
		manager_replan(b->manager);
	ask_again(b, clock_is_synchronised() ? CLOCK_PAUSE_GOOD : CLOCK_PAUSE_BAD);
	return 0;
}

static int on_clock_due(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	struct bus *b = userdata;
	int r = -ENOTCONN;

	if (!b->ready)
		return 0;
	if (clock_matters(b->manager) && !b->clock_slot)
		r = sd_bus_call_method_async(b->sd, &b->clock_slot, "org.freedesktop.timedate1",
			"/org/freedesktop/timedate1", "org.freedesktop.DBus.Properties", "Get",
			on_clock, b, "ss", "org.freedesktop.timedate1", "NTPSynchronized");
	if (r < 0) /* after a reload it may matter */
		ask_again(b, CLOCK_PAUSE_GOOD);
	return 0;
}

/* ---- coming and going ---- */

int bus_host_new(struct bus *b)
{
	int r = sd_event_add_time(b->event, &b->clock_source, CLOCK_BOOTTIME, USEC_INFINITY,
		1 * SEC, on_clock_due, b);

	return r < 0 ? r
		     : sd_event_source_set_priority(
			       b->clock_source, SD_EVENT_PRIORITY_NORMAL + BUS_PRIORITY);
}

void bus_host_begin(struct bus *b)
{
	ask_again(b, 0);
	bus_host_hold(b);
}

void bus_host_drop(struct bus *b)
{
	for (size_t i = 0; i < BUS_HOLDS; i++)
		b->holds[i].slot = sd_bus_slot_unref(b->holds[i].slot);
	b->clock_slot = sd_bus_slot_unref(b->clock_slot);
	clock_set_witness(CLOCK_WITNESS_NONE);
}

void bus_host_done(struct bus *b)
{
	for (size_t i = 0; i < BUS_HOLDS; i++)
		release(&b->holds[i]);
	sd_event_source_disable_unref(b->clock_source);
}
