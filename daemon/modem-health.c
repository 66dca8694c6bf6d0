/*
 * A modem that floods or flaps is quarantined: its port is left alone for `stall`, visibly, while
 * the others keep their deadlines. Past the point of no return nothing of this happens: there it is
 * listened to, whatever it says.
 */
#include "daemon/modem.h"

#define NOISE_MAX (64 * 1024) /* bytes within FLAP_TIME without an answer or a report */
#define FLAPS_MAX 6 /* losses of the port within FLAP_TIME; an upgrade with two resets has 2 */
#define FLAP_TIME (5 * MINUTE)

static usec_t quarantine(const struct modem *m, usec_t now)
{
	return usec_add(now, m->rules->config->timeouts.stall);
}

static void enter(struct modem *m, enum modem_health health, const char *why, usec_t now)
{
	m->reopen = quarantine(m, now);
	if (m->health != health)
		modem_log(m, LOG_WARNING, LOG_MESSAGE_MODEM_QUARANTINED, REASON_NO_ANSWER,
			"%s: %s; the port is left alone for a while", modem_health_name(health),
			why);
	m->health = health;
}

const char *modem_health_name(enum modem_health health)
{
	switch (health) {
	case MODEM_WELL:
		return "well";
	case MODEM_NOISY:
		return "noisy";
	case MODEM_FLAPPING:
		return "flapping";
	}
	return "";
}

enum modem_presence modem_presence(const struct modem *m)
{
	if (m->doubled || m->port_reason == REASON_DUPLICATE)
		return MODEM_DUPLICATE;
	if (modem_is_quarantined(m))
		return m->health == MODEM_NOISY ? MODEM_PRESENCE_NOISY : MODEM_PRESENCE_FLAPPING;
	if (m->port_state != MODEM_PORT_OPEN)
		return MODEM_ABSENT;
	return m->refused == REASON_BUSY ? MODEM_BUSY_ELSEWHERE : MODEM_PRESENT;
}

const char *modem_presence_name(enum modem_presence presence)
{
	static const char *const names[_MODEM_PRESENCE_MAX] = {
		[MODEM_PRESENT] = "present",
		[MODEM_ABSENT] = "absent",
		[MODEM_BUSY_ELSEWHERE] = "busy-elsewhere",
		[MODEM_PRESENCE_NOISY] = "noisy",
		[MODEM_PRESENCE_FLAPPING] = "flapping",
		[MODEM_DUPLICATE] = "duplicate",
	};

	return names[presence];
}

void modem_check_noise(struct modem *m, usec_t now)
{
	if (now > usec_add(m->noise_since, FLAP_TIME)) {
		m->noise_since = now;
		m->dialogue.noise = 0;
	}
	if (m->dialogue.noise < NOISE_MAX || upgrade_past_no_return(&m->dialogue.upgrade)) {
		if (m->identified && m->health == MODEM_NOISY)
			m->health = MODEM_WELL;
		return;
	}
	m->dialogue.noise = 0;
	modem_close(m, now);
	enter(m, MODEM_NOISY, "it sends without end and never answers", now);
}

void modem_check_flaps(struct modem *m, usec_t now)
{
	if (now > usec_add(m->flaps_since, FLAP_TIME)) {
		m->flaps_since = now;
		m->flaps = 0;
		if (m->health == MODEM_FLAPPING)
			m->health = MODEM_WELL;
	}
	if (++m->flaps > FLAPS_MAX && !upgrade_past_no_return(&m->dialogue.upgrade))
		enter(m, MODEM_FLAPPING, "its port comes and goes", now);
}

bool modem_is_quarantined(const struct modem *m)
{
	return m->health != MODEM_WELL && !m->identified;
}
