/*
 * Whom ModemManager is to leave alone, and until when: a module that fotad works with, from before its port is opened to the
 * verdict, and until its settings are put back. One whose job waits, for its window or its turn, is left to ModemManager: it
 * may carry the gateway's own connection.
 */
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/hotplug.h"
#include "daemon/modem.h"
#include "daemon/neighbour.h"

#define LINGER (2 * SEC) /* who goes on at once is not given back in between */

static bool works(const struct modem *m)
{
	if (m->slot || upgrade_past_no_return(&m->dialogue.upgrade))
		return true;
	if (m->restore && m->port_state == MODEM_PORT_OPEN)
		return true;
	if (!m->campaign || m->removed || (modem_has_todays_job(m) && job_is_final(m->state)))
		return false;
	switch (m->port_state) {
	case MODEM_PORT_LOOKED:
	case MODEM_PORT_OPENING:
		return true;
	case MODEM_PORT_OPEN: /* it is asked who it is */
		return m->looking || (!m->identified && m->refused == REASON_NONE);
	case MODEM_PORT_CLOSED: /* its holder may be ModemManager */
	case MODEM_PORT_LOOKING:
		break;
	}
	return m->port_reason == REASON_PORT_BUSY;
}

static void let_go(struct modem *m)
{
	if (m->inhibition && neighbour_answer(m->inhibition) == NEIGHBOUR_HELD)
		modem_log(m, LOG_INFO, LOG_MESSAGE_MODEM_MANAGER, REASON_NONE,
			"ModemManager may have %s again", neighbour_uid(m->inhibition));
	m->inhibition = neighbour_release(m->inhibition);
	m->let_go = 0;
	m->minded = false;
}

static void say(const struct modem *m)
{
	const char *uid = neighbour_uid(m->inhibition);

	switch (neighbour_answer(m->inhibition)) {
	case NEIGHBOUR_HELD:
		modem_log(m, LOG_INFO, LOG_MESSAGE_MODEM_MANAGER, REASON_NONE,
			"ModemManager leaves %s alone", uid);
		break;
	case NEIGHBOUR_KEPT:
		modem_log(m, LOG_INFO, LOG_MESSAGE_MODEM_MANAGER, REASON_NONE,
			"ModemManager leaves %s alone already: %s has asked it to", uid,
			neighbour_has_earlier(m->manager->neighbour) ? "an earlier life of fotad"
								     : "somebody else");
		break;
	case NEIGHBOUR_BUSY:
		modem_log(m, LOG_DEBUG, LOG_MESSAGE_MODEM_MANAGER, REASON_NONE,
			"ModemManager is looking at %s: it is asked again to leave that alone",
			uid);
		break;
	case NEIGHBOUR_UNKNOWN:
		modem_log(m, LOG_DEBUG, LOG_MESSAGE_MODEM_MANAGER, REASON_NONE,
			"ModemManager does not know %s", uid);
		break;
	case NEIGHBOUR_SILENT:
	case NEIGHBOUR_REFUSED: /* said for all of them */
		break;
	}
}

/* Where sysfs does not tell, what was held before is as good a guess as any: the module was there. */
static void hold(struct modem *m)
{
	struct inhibition *now, *before = m->inhibition;
	char *uid = NULL;

	m->minded = true;
	if (hotplug_uid_of(modem_device(m), &uid) >= 0 &&
		neighbour_hold(m->manager->neighbour, uid, &now) >= 0) {
		m->inhibition = now;
		neighbour_release(before);
		if (now != before)
			say(m);
	}
	free(uid);
}

void manager_mind_neighbour(struct modem *m, bool looked, usec_t now)
{
	struct neighbour *n = m->manager->neighbour;

	if (!n || (!m->minded && !neighbour_is_there(n)))
		return;
	if (!works(m)) {
		if (m->minded && m->let_go == 0)
			m->let_go = usec_add(now, LINGER);
		return;
	}
	m->let_go = 0;
	if (m->device && (looked || !m->minded))
		hold(m);
}

void manager_leave_neighbour(struct manager *g)
{
	for (size_t i = 0; i < g->n_modems; i++)
		g->modems[i]->inhibition = NULL;
	g->neighbour = neighbour_free(g->neighbour);
}

bool manager_neighbour_lets(const struct modem *m, usec_t now)
{
	const struct neighbour *n = m->manager->neighbour;

	if (!n || upgrade_past_no_return(&m->dialogue.upgrade))
		return true;
	if (m->inhibition)
		return neighbour_is_settled(m->inhibition, now);
	return !works(m) || !neighbour_is_unsure(n, now);
}

/* What an earlier life has asked for is needed by who works, or has just ended, and has it in no other way. */
static bool needs_earlier(const struct modem *m)
{
	if (!works(m) && m->let_go == 0)
		return false;
	if (!m->inhibition)
		return true;
	switch (neighbour_answer(m->inhibition)) {
	case NEIGHBOUR_SILENT:
	case NEIGHBOUR_KEPT:
	case NEIGHBOUR_BUSY:
		return true;
	case NEIGHBOUR_HELD:
	case NEIGHBOUR_UNKNOWN:
	case NEIGHBOUR_REFUSED:
		break;
	}
	return false;
}

void manager_tend_neighbour(struct manager *g, usec_t now)
{
	bool needed = g->handover; /* not all are known yet */

	if (!g->neighbour)
		return;
	for (size_t i = 0; i < g->n_modems; i++) {
		struct modem *m = g->modems[i];

		manager_mind_neighbour(m, false, now);
		if (m->let_go > 0 && now >= m->let_go)
			let_go(m);
		needed = needed || needs_earlier(m);
	}
	if (!needed && neighbour_has_earlier(g->neighbour)) {
		neighbour_drop_earlier(g->neighbour);
		log_event(LOG_INFO, LOG_MESSAGE_MODEM_MANAGER, NULL,
			"ModemManager may have again what an earlier life of fotad had asked it to "
			"leave alone");
	}
}

static void on_changed(void *userdata)
{
	struct manager *g = userdata;
	usec_t now = clock_boottime();

	for (size_t i = 0; i < g->n_modems; i++)
		manager_mind_neighbour(g->modems[i], false, now);
	manager_look(g, now); /* for who waits to be opened */
}

static void on_answered(void *userdata, const struct inhibition *inhibition)
{
	struct manager *g = userdata;

	for (size_t i = 0; i < g->n_modems; i++)
		if (g->modems[i]->inhibition == inhibition)
			say(g->modems[i]);
	manager_look(g, clock_boottime());
}

int manager_watch_neighbour(struct manager *g, const char *address)
{
	static const struct neighbour_handlers handlers = { .changed = on_changed,
		.answered = on_answered };

	return neighbour_new(g->event, address, g->handover, &handlers, g, &g->neighbour);
}
