/*
 * A modem's port: looked at, opened on a worker thread or taken over from an earlier life, refused, closed, lost.
 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "daemon/modem.h"

#define LOOK_TIMEOUT (2 * SEC)	  /* a look that takes longer is "port-stuck", ... */
#define OPEN_TIMEOUT (10 * SEC)	  /* ... and an open that does */
#define POLL_PAUSE   (200 * MSEC) /* between looks at a path that is not there */
#define RETRY_PAUSE  (5 * SEC)	  /* between opens that failed for another reason */

void modem_close_port(struct modem *m)
{
	m->identified = false;
	if (m->port_state == MODEM_PORT_LOOKING || m->port_state == MODEM_PORT_OPENING)
		serial_cancel(m->manager->serial, m->ticket);
	else if (m->port_state == MODEM_PORT_OPEN)
		serial_close(m->manager->serial, ports_remove(m->manager->ports, &m->port));
	m->manager->looking -= m->port_state == MODEM_PORT_LOOKING;
	m->port_state = MODEM_PORT_CLOSED;
	manager_poll(m->manager);
	m->device = claims_drop(&m->manager->devices, m->device);
	modem_drop_imei(m);
}

/* Said once, not at every try. */
static void refuse_port(struct modem *m, enum reason reason, const char *why, usec_t now)
{
	bool again = m->port_reason == reason;

	m->port_state = MODEM_PORT_CLOSED;
	m->port_reason = reason;
	manager_touch(m->manager, m);
	m->reopen = usec_add(now, reason == REASON_PORT_ABSENT ? POLL_PAUSE : RETRY_PAUSE);
	manager_wake(m->manager);
	if (again)
		return;
	m->manager->missing |= reason == REASON_PORT_ABSENT;
	modem_log(m, reason == REASON_PORT_ABSENT ? LOG_NOTICE : LOG_WARNING,
		reason == REASON_PORT_ABSENT ? LOG_MESSAGE_MODEM_ABSENT
		: reason == REASON_PORT_BUSY ? LOG_MESSAGE_PORT_BUSY
					     : LOG_MESSAGE_PORT_REFUSED,
		reason, "%s: %s (%s)", m->config->port, why, reason_name(reason));
}

static enum reason port_reason(int error)
{
	switch (error) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
	case -EIO:
		return REASON_PORT_ABSENT;
	case -EBUSY:
		return REASON_PORT_BUSY;
	case -ETIMEDOUT:
		return REASON_PORT_STUCK;
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
	case -EAGAIN: /* no thread */
		return REASON_SHORTAGE;
	default:
		return REASON_PORT_DENIED;
	}
}

static void refuse_open(struct modem *m, int error, pid_t holder, usec_t now)
{
	char why[128], span[USEC_FORMAT_MAX];

	if (holder > 0)
		(void) text_format(why, sizeof(why), "held by process %d", (int) holder);
	else if (error == -ENOTTY)
		(void) text_format(why, sizeof(why), "is no serial port");
	else if (error == -ENOENT && m->manager->options.once && m->campaign)
		(void) text_format(why, sizeof(why), "is not there; waiting for it, for %s at most (timeouts.return)",
			usec_format(span, m->rules->config->timeouts.return_));
	else if (error == -ENOENT)
		(void) text_format(why, sizeof(why), "is not there; waiting for it");
	else if (error == -EINVAL)
		(void) text_format(
			why, sizeof(why), "does not take baud_rate %u", m->config->baud_rate);
	else
		(void) text_format(why, sizeof(why), "cannot be opened: %s", strerror(-error));
	refuse_port(m, port_reason(error), why, now);
}

#define TWIN "another modem of the configuration leads to the same tty"

/* Two modems on one tty, through whatever symlinks: both are refused (conduct 22). */
static bool has_twin(const struct modem *m)
{
	return m->device && m->device->holders > 1;
}

void modem_close(struct modem *m, usec_t now)
{
	modem_close_port(m);
	dialogue_lost(&m->dialogue, now);
	modem_perform(m, now);
}

/* For one that came later and leads to the same tty. */
static void give_way(struct modem *m, usec_t now)
{
	struct claim *device = m->device;

	if ((m->port_state != MODEM_PORT_OPENING && m->port_state != MODEM_PORT_OPEN) ||
		upgrade_past_no_return(&m->dialogue.upgrade) || m->leave_by)
		return;
	modem_close(m, now);
	/* Kept, or the other would find itself alone. */
	(void) claims_take(&m->manager->devices, device->key, &m->device);
	refuse_port(m, REASON_DUPLICATE, TWIN, now);
}

void modem_look(struct modem *m, usec_t now)
{
	int r;

	if (m->port_state != MODEM_PORT_CLOSED || now < m->reopen)
		return;
	r = serial_look(m->manager->serial, m->config->port, LOOK_TIMEOUT, m, &m->ticket);
	if (r < 0) {
		refuse_open(m, r, 0, now);
		return;
	}
	m->port_state = MODEM_PORT_LOOKING;
	m->manager->looking++;
}

static void looked(struct modem *m, const struct serial_result *result, usec_t now)
{
	struct manager *g = m->manager;
	char key[CLAIM_KEY] = { 0 };
	int r = result->error;

	m->port_state = MODEM_PORT_LOOKED;
	g->looking--;
	m->device = claims_drop(&g->devices, m->device);
	if (r >= 0) {
		memcpy(key, &result->device, sizeof(result->device));
		r = claims_take(&g->devices, key, &m->device);
	}
	if (r < 0)
		refuse_open(m, r, 0, now);
	else
		manager_mind_neighbour(m, true, now);
	if (!has_twin(m))
		return;
	for (size_t i = 0; i < g->n_modems; i++)
		if (g->modems[i]->device == m->device)
			give_way(g->modems[i], now);
}

dev_t modem_device(const struct modem *m)
{
	dev_t device;

	memcpy(&device, m->device->key, sizeof(device));
	return device;
}

static void opened(struct modem *m, const struct serial_result *result, usec_t now)
{
	int r = result->error;
	bool quiet;

	m->port_state = MODEM_PORT_CLOSED;
	if (r == 0 && result->device != modem_device(m)) { /* it leads elsewhere by now: looked at again */
		serial_close(m->manager->serial, result->fd);
		return;
	}
	if (r == 0) {
		r = ports_add(m->manager->ports, &m->port, result->fd);
		if (r < 0)
			serial_close(m->manager->serial, result->fd);
	}
	if (r < 0) {
		refuse_open(m, r, result->holder, now);
		return;
	}
	m->port_state = MODEM_PORT_OPEN;
	m->port_reason = REASON_NONE;
	manager_note(m->manager, m);
	manager_find_place(m, result->device);
	if (m->loss_unsaid)
		manager_say_losses(m->manager);
	quiet = m->lost_together || m->health != MODEM_WELL;
	modem_log(m, quiet ? LOG_DEBUG : LOG_INFO, LOG_MESSAGE_MODEM_PRESENT, REASON_NONE,
		"%s is open", m->config->port);
	dialogue_opened(&m->dialogue, now);
	modem_perform(m, now);
}

void modem_serial(struct modem *m, const struct serial_result *result, usec_t now)
{
	if (m->port_state == MODEM_PORT_LOOKING)
		looked(m, result, now);
	else
		opened(m, result, now);
}

/* The port that an earlier life of fotad has left open, with the half line that it had read. */
static bool adopt(struct modem *m, usec_t now)
{
	struct serial_result result = { .device = modem_device(m) };
	char line[AT_LINE_MAX];
	size_t size;

	if (!m->manager->handover)
		return false;
	result.fd = handover_adopt(
		m->manager->handover, m->config->name, result.device, line, &size);
	if (result.fd < 0)
		return false;
	m->stored = true;
	serial_adopted(result.fd);
	opened(m, &result, now);
	if (m->port_state == MODEM_PORT_OPEN && size > 0) {
		dialogue_input(&m->dialogue, line, size, now);
		modem_perform(m, now);
	}
	return true;
}

void modem_open(struct modem *m, usec_t now)
{
	int r;

	if (m->port_state != MODEM_PORT_LOOKED)
		return;
	if (has_twin(m)) {
		refuse_port(m, REASON_DUPLICATE, TWIN, now);
		return;
	}
	if (adopt(m, now))
		return;
	if (!manager_neighbour_lets(m, now))
		return;
	r = serial_open(m->manager->serial, m->config->port, m->config->baud_rate, OPEN_TIMEOUT, m,
		&m->ticket);
	if (r < 0)
		refuse_open(m, r, 0, now);
	else
		m->port_state = MODEM_PORT_OPENING;
}

bool modem_expect(struct modem *m, dev_t device, usec_t now)
{
	if (m->port_state != MODEM_PORT_CLOSED || modem_is_quarantined(m))
		return false;
	if (m->port_reason != REASON_PORT_ABSENT && !(m->device && modem_device(m) == device))
		return false;
	m->reopen = usec_min(m->reopen, now);
	return true;
}

void modem_lost(struct modem *m, usec_t now)
{
	bool at_once;

	if (m->identified) /* a module that never gets so far does not begin its patience anew */
		m->absent_since = now;
	modem_close_port(m);
	m->identified = false;
	m->port_reason = REASON_PORT_ABSENT;
	manager_touch(m->manager, m);
	m->reopen = now;
	modem_check_flaps(m, now);
	/* Of an attempt it is told in its place; of those that rest, together. */
	at_once = m->health == MODEM_FLAPPING || m->state == JOB_RUNNING ||
		  upgrade_past_no_return(&m->dialogue.upgrade);
	if (at_once)
		modem_log(m, m->health == MODEM_FLAPPING ? LOG_DEBUG : LOG_NOTICE,
			upgrade_past_no_return(&m->dialogue.upgrade) ? LOG_MESSAGE_MODULE_LEFT
								     : LOG_MESSAGE_MODEM_ABSENT,
			REASON_NONE, "%s has gone away", m->config->port);
	manager_lost(m->manager, m, at_once, now);
	dialogue_lost(&m->dialogue, now);
	modem_perform(m, now);
	manager_wake(m->manager);
}
