#include "daemon/modem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/recording.h"

#define OPEN_TIMEOUT (10 * SEC)	  /* an open that takes longer is "port-stuck" */
#define POLL_PAUSE   (200 * MSEC) /* between looks at a path that is not there */
#define RETRY_PAUSE  (5 * SEC)	  /* between opens that failed for another reason */

static const struct profile *resolve(const struct profile *row, void *userdata)
{
	const struct modem *m = userdata;

	return config_profile(m->rules->config, row);
}

static void use_rules(struct modem *m, struct rules *rules, const struct config_modem *config)
{
	const struct profile *row = config->profile ? profile_by_name(config->profile) : NULL;

	rules_unref(m->rules);
	m->rules = rules_ref(rules);
	m->config = config;
	m->campaign = config_campaign_of(rules->config, config);
	m->who = (struct upgrade_modem){
		.imei = config->imei,
		.profile = row ? config_profile(rules->config, row) : NULL,
		.resolve = resolve,
		.userdata = m,
	};
	upgrade_rebase(&m->dialogue.upgrade, &rules->config->timeouts);
}

int modem_new(struct manager *manager, struct rules *rules, const struct config_modem *config,
	struct modem **ret)
{
	struct modem *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->port.fd = -1;
	m->port.userdata = m;
	m->manager = manager;
	m->id = manager->ids++;
	m->cme = AT_ERROR_NONE;
	m->absent_since = clock_boottime();
	dialogue_init(&m->dialogue, &manager->box, &m->who, &rules->config->timeouts, false,
		manager->held ? rules->config->timeouts.stall : LISTEN_FIRST);
	use_rules(m, rules, config);
	*ret = m;
	return 0;
}

static void close_port(struct modem *m)
{
	m->identified = false;
	if (m->port_state == MODEM_PORT_OPENING)
		serial_cancel(m->manager->serial, m->ticket);
	else if (m->port_state == MODEM_PORT_OPEN)
		serial_close(m->manager->serial, ports_remove(m->manager->ports, &m->port));
	m->port_state = MODEM_PORT_CLOSED;
	manager_poll(m->manager);
	m->device = claims_drop(&m->manager->devices, m->device);
	modem_drop_imei(m);
}

struct modem *modem_free(struct modem *m)
{
	if (!m)
		return NULL;
	close_port(m);
	m->device = claims_drop(&m->manager->devices, m->device);
	ports_set_deadline(m->manager->ports, &m->port, USEC_INFINITY);
	if (m->secret)
		explicit_bzero(m->secret, SECRETS_SIZE);
	free(m->secret);
	rules_unref(m->rules);
	rules_unref(m->next_rules);
	recording_end(m);
	explicit_bzero(&m->dialogue.channel, sizeof(m->dialogue.channel));
	free(m);
	return NULL;
}

static bool is_same_port(const struct config_modem *a, const struct config_modem *b)
{
	return text_equal(a->port, b->port) && text_equal(a->imei, b->imei) &&
	       text_equal(a->profile, b->profile) && a->baud_rate == b->baud_rate;
}

void modem_change_rules(
	struct modem *m, struct rules *rules, const struct config_modem *config, usec_t now)
{
	bool same = config && is_same_port(m->config, config);

	if (m->slot || upgrade_past_no_return(&m->dialogue.upgrade)) {
		rules_ref(rules);
		rules_unref(m->next_rules);
		m->next_rules = rules;
		m->next_config = config;
		return;
	}
	if (!config) {
		m->removed = m->manager->removed = true;
		manager_wake(m->manager);
		return;
	}
	use_rules(m, rules, config);
	if (same && m->identified) {
		modem_reconcile(m, now);
	} else if (!same && m->port_state != MODEM_PORT_CLOSED) {
		close_port(m);
		m->reopen = now;
		dialogue_lost(&m->dialogue, now);
	}
	modem_perform(m, now);
}

void modem_stop(struct modem *m, usec_t now)
{
	struct upgrade_notice notice;

	dialogue_cancel(&m->dialogue, now);
	(void) dialogue_take_save(&m->dialogue);
	while (dialogue_take_notice(&m->dialogue, &notice))
		; /* the job is not cancelled: it waits for the next start of fotad */
	if (m->job && m->state == JOB_RUNNING && !upgrade_past_no_return(&m->dialogue.upgrade)) {
		m->state = JOB_WAITING;
		modem_save(m, 0, now);
	}
	if (m->stored)
		handover_store_line(m->config->name, m->dialogue.channel.line.bytes,
			m->dialogue.channel.line.size);
}

/* Said once, not at every try. */
static void refuse_port(struct modem *m, enum reason reason, const char *why, usec_t now)
{
	bool again = m->port_reason == reason;

	m->port_reason = reason;
	m->reopen = usec_add(now, reason == REASON_PORT_ABSENT ? POLL_PAUSE : RETRY_PAUSE);
	manager_wake(m->manager);
	if (again)
		return;
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
	default:
		return REASON_PORT_DENIED;
	}
}

static void refuse_open(struct modem *m, int error, pid_t holder, usec_t now)
{
	char why[64];

	if (holder > 0)
		(void) text_format(why, sizeof(why), "held by process %d", (int) holder);
	else if (error == -ENOTTY)
		(void) text_format(why, sizeof(why), "is no serial port");
	else if (error == -ENOENT)
		(void) text_format(why, sizeof(why), "is not there; waiting for it");
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
	close_port(m);
	dialogue_lost(&m->dialogue, now);
	modem_perform(m, now);
}

static void give_way(struct modem *m, usec_t now)
{
	if (m->port_state == MODEM_PORT_CLOSED || upgrade_past_no_return(&m->dialogue.upgrade))
		return;
	modem_close(m, now);
	refuse_port(m, REASON_DUPLICATE, TWIN, now);
}

void modem_resolve(struct modem *m, usec_t now)
{
	struct manager *g = m->manager;
	char path[PATH_MAX], key[CLAIM_KEY] = { 0 };
	dev_t device;
	int r;

	if (m->port_state != MODEM_PORT_CLOSED || now < m->reopen)
		return;
	m->device = claims_drop(&g->devices, m->device);
	r = serial_resolve(m->config->port, path, &device);
	if (r >= 0) {
		memcpy(key, &device, sizeof(device));
		r = claims_take(&g->devices, key, &m->device);
	}
	if (r < 0)
		refuse_open(m, r, 0, now);
	if (!has_twin(m))
		return;
	for (size_t i = 0; i < g->n_modems; i++)
		if (g->modems[i]->device == m->device)
			give_way(g->modems[i], now);
}

/* The port that an earlier life of fotad has left open, with the half line that it had read. */
static bool adopt(struct modem *m, usec_t now)
{
	struct serial_result result = { 0 };
	char line[AT_LINE_MAX];
	dev_t device;
	size_t size;

	if (!m->manager->handover)
		return false;
	memcpy(&device, m->device->key, sizeof(device));
	result.fd = handover_adopt(m->manager->handover, m->config->name, device, line, &size);
	if (result.fd < 0)
		return false;
	m->stored = true;
	modem_opened(m, &result, now);
	if (m->port_state == MODEM_PORT_OPEN && size > 0) {
		dialogue_input(&m->dialogue, line, size, now);
		modem_perform(m, now);
	}
	return true;
}

void modem_open(struct modem *m, usec_t now)
{
	int r;

	if (m->port_state != MODEM_PORT_CLOSED || now < m->reopen || !m->device)
		return;
	if (has_twin(m)) {
		refuse_port(m, REASON_DUPLICATE, TWIN, now);
		return;
	}
	if (adopt(m, now))
		return;
	r = serial_open(m->manager->serial, m->config->port, m->config->baud_rate, OPEN_TIMEOUT, m,
		&m->ticket);
	if (r < 0)
		refuse_open(m, r, 0, now);
	else
		m->port_state = MODEM_PORT_OPENING;
}

void modem_check_doubled(struct modem *m, usec_t now)
{
	if (!m->doubled || m->doubled_said)
		return;
	m->doubled_said = true;
	modem_log(m, LOG_ERR, LOG_MESSAGE_MODEM_REFUSED, REASON_DUPLICATE, "%s: %s %s",
		reason_name(REASON_DUPLICATE), reason_meaning(REASON_DUPLICATE),
		reason_next_step(REASON_DUPLICATE));
	dialogue_cancel(&m->dialogue, now); /* past the point of no return it is only observed on */
	modem_refuse(m, REASON_DUPLICATE, now);
	modem_perform(m, now);
}

void modem_claim_imei(struct modem *m)
{
	struct manager *g = m->manager;
	char key[CLAIM_KEY] = { 0 };

	memcpy(key, m->dialogue.upgrade.identity.imei, IMEI_SIZE);
	if (m->imei && memcmp(m->imei->key, key, CLAIM_KEY) == 0)
		return;
	modem_drop_imei(m);
	if (claims_take(&g->imeis, key, &m->imei) < 0 || m->imei->holders == 1)
		return;
	/* What follows of it waits for the dispatcher: a dialogue is under way, and the box is its.
	 */
	g->doubled = true;
	manager_wake(g);
	for (size_t i = 0; i < g->n_modems; i++)
		if (g->modems[i]->imei == m->imei)
			g->modems[i]->doubled = true;
}

void modem_drop_imei(struct modem *m)
{
	struct manager *g = m->manager;
	struct claim *old = m->imei;

	m->doubled = m->doubled_said = false;
	m->imei = NULL;
	if (!old)
		return;
	if (old->holders == 2) /* the one that is left is alone again */
		for (size_t i = 0; i < g->n_modems; i++)
			if (g->modems[i]->imei == old) {
				g->modems[i]->doubled = g->modems[i]->doubled_said = false;
				manager_ready(g, g->modems[i]);
			}
	claims_drop(&g->imeis, old);
}

void modem_opened(struct modem *m, const struct serial_result *result, usec_t now)
{
	int r = result->error;

	m->port_state = MODEM_PORT_CLOSED;
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
	modem_log(m, m->health == MODEM_WELL ? LOG_INFO : LOG_DEBUG, LOG_MESSAGE_MODEM_PRESENT,
		REASON_NONE, "%s is open", m->config->port);
	dialogue_opened(&m->dialogue, now);
	modem_perform(m, now);
}

void modem_lost(struct modem *m, usec_t now)
{
	if (m->identified) /* a module that never gets so far does not begin its patience anew */
		m->absent_since = now;
	close_port(m);
	m->identified = false;
	m->port_reason = REASON_PORT_ABSENT;
	m->reopen = now;
	modem_check_flaps(m, now);
	modem_log(m, m->health == MODEM_FLAPPING ? LOG_DEBUG : LOG_NOTICE,
		upgrade_past_no_return(&m->dialogue.upgrade) ? LOG_MESSAGE_MODULE_LEFT
							     : LOG_MESSAGE_MODEM_ABSENT,
		REASON_NONE, "%s has gone away", m->config->port);
	dialogue_lost(&m->dialogue, now);
	modem_perform(m, now);
	manager_wake(m->manager);
}

void modem_saved(struct modem *m, uint64_t save, int error, usec_t now)
{
	m->unsaved = error < 0;
	if (error < 0)
		manager_store_fails(m->manager, error);
	if (save == 0)
		return;
	if (error == 0 && m->secret && save == m->dialogue.upgrade.awaited)
		error = modem_show_secrets(m);
	dialogue_saved(&m->dialogue, save, error == 0, now);
	modem_hide_secrets(m);
	modem_perform(m, now);
}

void modem_write(struct modem *m, usec_t now)
{
	const char *data;
	size_t size;

	while (m->port_state == MODEM_PORT_OPEN &&
		(size = dialogue_output(&m->dialogue, &data)) > 0) {
		ssize_t n = ports_write(m->manager->ports, &m->port, data, size);

		if (n <= 0)
			return; /* full: the room says when there is space; broken: it says hang-up
				 */
		modem_log_bytes(m, true, data, (size_t) n);
		dialogue_written(&m->dialogue, (size_t) n, now);
	}
}

/* Past the point of no return the port shall outlive fotad (conduct 16). */
static void keep_stored(struct modem *m)
{
	bool wanted =
		m->port_state == MODEM_PORT_OPEN && upgrade_past_no_return(&m->dialogue.upgrade);

	if (wanted == m->stored)
		return;
	m->stored = wanted;
	if (wanted)
		handover_store(m->config->name, m->port.fd);
	else
		handover_forget(m->config->name);
}

/* SAVE, then SEND, then NOTIFY; again, as long as that leads to more. */
void modem_perform(struct modem *m, usec_t now)
{
	struct upgrade_notice notice;
	uint64_t save;

	do {
		save = dialogue_take_save(&m->dialogue);
		if (save && m->dialogue.upgrade.awaited == save)
			modem_save(m, save, now);
		else if (save)
			m->save_due = save;
		modem_write(m, now);
		while (dialogue_take_notice(&m->dialogue, &notice))
			modem_log_notice(m, &notice, now);
		/* What nothing waits for goes with the verdict that it may come from: both are durable, or none. */
		if (m->save_due)
			modem_save(m, m->save_due, now);
		modem_check_stranger(m, now);
	} while (m->dialogue.save);
	keep_stored(m);
	if (m->port_state == MODEM_PORT_OPEN)
		ports_set_slack(m->manager->ports, &m->port,
			upgrade_phase(&m->dialogue.upgrade) == PHASE_DOWNLOADING);
	ports_set_deadline(m->manager->ports, &m->port,
		usec_min(dialogue_deadline(&m->dialogue), modem_due(m)));
}
