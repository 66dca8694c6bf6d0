/*
 * What follows when udev says something, and how it is said when many ports go away together: a hub that is reset, or loses
 * its supply, is one event to an operator and not sixty-four.
 */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/hotplug.h"
#include "daemon/modem.h"

#define TOGETHER_MIN   4	    /* ports; fewer are named one by one */
#define TOGETHER_PAUSE (300 * MSEC) /* without another loss: that were all */
#define TOGETHER_MAX   (2 * SEC)    /* no longer is anything kept back */

/* ---- what udev says ---- */

static void on_tty(void *userdata, dev_t device)
{
	struct manager *g = userdata;
	usec_t now = clock_boottime();
	bool wanted = false;

	for (size_t i = 0; i < g->n_modems; i++)
		wanted |= modem_expect(g->modems[i], device, now);
	if (wanted)
		manager_look(g, now);
}

/* Where it is configured to be, or where its port was when that was open last. */
static bool is_at(const struct modem *m, const char *place)
{
	const char *found = strstr(m->config->port, place);

	return text_equal(m->place, place) || (found && found[strlen(place)] == ':');
}

static void on_emergency(void *userdata, const char *place)
{
	struct manager *g = userdata;
	struct modem *m;

	for (size_t i = 0; i < g->n_modems; i++) {
		m = g->modems[i];
		if (m->emergency || !is_at(m, place))
			continue;
		m->emergency = true;
		modem_log(m, LOG_ERR, LOG_MESSAGE_EMERGENCY_DOWNLOAD, REASON_NONE,
			"the module at %s is in emergency download mode (USB 05c6:9008): its "
			"firmware does not start, and fotad cannot mend that. Cut its power once; if "
			"that does not help, write its firmware over USB with the maker's tool, or "
			"replace it",
			place);
	}
}

void manager_watch_devices(struct manager *g)
{
	static const struct hotplug_handlers handlers = { .tty = on_tty, .emergency = on_emergency };
	int r = hotplug_new(g->event, &handlers, g, &g->hotplug);

	if (r < 0)
		log_event(LOG_DEBUG, LOG_MESSAGE_WARNING, NULL,
			"udev cannot be listened to (%s): fotad looks for ports by itself",
			strerror(-r));
}

void manager_explain_missing(struct manager *g)
{
	if (g->missing && g->hotplug)
		hotplug_find_emergencies(g->hotplug);
	g->missing = false;
}

void manager_find_place(struct modem *m, dev_t device)
{
	char place[PLACE_MAX];

	free(m->place);
	m->place = hotplug_place_of(device, place) >= 0 ? strdup(place) : NULL;
}

/* ---- who goes, and who comes back ---- */

static void say_loss(struct modem *m, bool together)
{
	struct manager *g = m->manager;

	if (!m->loss_unsaid)
		return;
	m->loss_unsaid = false;
	g->away += together && !m->lost_together;
	m->lost_together |= together;
	modem_log(m, together ? LOG_DEBUG : LOG_NOTICE, LOG_MESSAGE_MODEM_ABSENT, REASON_NONE,
		"%s has gone away", m->config->port);
}

void manager_say_losses(struct manager *g)
{
	usec_t span = usec_sub(g->last_loss, g->first_loss);
	unsigned n = g->losses;
	char text[USEC_FORMAT_MAX];

	g->losses = 0;
	for (size_t i = 0; n > 0 && i < g->n_modems; i++)
		say_loss(g->modems[i], n >= TOGETHER_MIN);
	if (n >= TOGETHER_MIN)
		log_event(LOG_INFO, LOG_MESSAGE_PORTS_ABSENT, NULL,
			"%u ports went away within %s; \"fotactl modems\" names who is absent", n,
			usec_format(text, (span / (100 * MSEC) + 1) * 100 * MSEC));
}

static int on_losses(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	manager_say_losses(userdata);
	return 0;
}

void manager_lost(struct manager *g, struct modem *m, bool said, usec_t now)
{
	usec_t wait;
	int r = 0;

	if (g->losses++ == 0)
		g->first_loss = now;
	g->last_loss = now;
	m->loss_unsaid = !said;
	if (g->n_modems < TOGETHER_MIN) {
		manager_say_losses(g);
		return;
	}
	wait = usec_min(TOGETHER_PAUSE, usec_sub(usec_add(g->first_loss, TOGETHER_MAX), now));
	if (g->losses_source) {
		r = sd_event_source_set_time_relative(g->losses_source, wait);
		if (r >= 0)
			r = sd_event_source_set_enabled(g->losses_source, SD_EVENT_ONESHOT);
	} else {
		r = sd_event_add_time_relative(g->event, &g->losses_source, CLOCK_BOOTTIME, wait,
			10 * MSEC, on_losses, g);
	}
	if (r < 0)
		manager_say_losses(g);
}

void manager_is_back(struct modem *m)
{
	struct manager *g = m->manager;

	if (!m->lost_together)
		return;
	m->lost_together = false;
	if (--g->away == 0)
		log_event(LOG_INFO, LOG_MESSAGE_PORTS_PRESENT, NULL,
			"all modems that went away together answer again");
}
