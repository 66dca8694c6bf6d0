#include "daemon/modem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/neighbour.h"
#include "daemon/recording.h"

static const struct profile *resolve(const struct profile *row, void *userdata)
{
	const struct modem *m = userdata;

	return modem_kept_profile(m, config_profile(m->rules->config, row));
}

void modem_find_profile(struct modem *m)
{
	const struct profile *row =
		m->config->profile ? profile_by_name(m->config->profile) : NULL;

	m->who.profile = row ? resolve(row, m) : NULL;
	upgrade_rebase(&m->dialogue.upgrade, &m->rules->config->timeouts);
}

static bool is_same_wish(const struct config_campaign *a, const struct config_campaign *b)
{
	return a && b && text_equal(a->name, b->name) && text_equal(a->target, b->target);
}

static void use_rules(struct modem *m, struct rules *rules, const struct config_modem *config)
{
	const struct config_campaign *before = m->campaign;
	struct rules *old = m->rules;

	m->rules = rules_ref(rules);
	m->config = config;
	m->campaign = config_campaign_of(rules->config, config);
	if (!before || !m->campaign || !text_equal(before->name, m->campaign->name))
		m->order = ORDER_NONE; /* it was said of another job */
	/* What it has begun for another wish fills no wave of this one, while the store is asked for its job. */
	if (before && !is_same_wish(before, m->campaign))
		manager_set_member(m->manager, m, 0, false);
	rules_unref(old);
	manager_touch(m->manager, m);
	modem_forget_opening(m);
	m->who = (struct upgrade_modem){
		.imei = config->imei,
		.resolve = resolve,
		.userdata = m,
	};
	modem_find_profile(m);
}

int modem_new(struct manager *manager, struct rules *rules, const struct config_modem *config,
	struct modem **ret)
{
	struct modem *m = calloc(1, sizeof(*m) + MODEM_LIMITS * sizeof(struct rate_limit));

	if (!m)
		return -ENOMEM;
	m->limits = (struct rate_limit *) (m + 1);
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

struct modem *modem_free(struct modem *m)
{
	if (!m)
		return NULL;
	modem_log_left_out(m, USEC_INFINITY);
	modem_close_port(m);
	neighbour_release(m->inhibition);
	ports_set_deadline(m->manager->ports, &m->port, USEC_INFINITY);
	modem_hide_secrets(m);
	at_channel_reset(&m->dialogue.channel); /* wipes a line */
	modem_take_room(m);
	free(m->task);
	free(m->place);
	free(m->kept);
	free(m->attempt);
	rules_unref(m->rules);
	rules_unref(m->next_rules);
	recording_end(m);
	free(m);
	return NULL;
}

static bool is_same_port(const struct config_modem *a, const struct config_modem *b)
{
	return text_equal(a->port, b->port) && text_equal(a->imei, b->imei) &&
	       text_equal(a->profile, b->profile) && a->baud_rate == b->baud_rate;
}

/* A reload has removed it; what was changed in the module is put back first (conduct 3). */
static void leave(struct modem *m, usec_t now)
{
	if (m->leave_by)
		return;
	if (!modem_must_restore(m)) {
		m->removed = m->manager->removed = true;
		manager_wake(m->manager);
		return;
	}
	/* A module that restarts by itself is back within the time a registration takes. */
	m->leave_by = usec_add(now, m->rules->config->timeouts.registration);
	modem_log(m, LOG_INFO, LOG_MESSAGE_SETTING_RESTORED, REASON_NONE,
		"not configured any more: its settings are put back before it is left alone");
	if (!m->restore && upgrade_is_holding(&m->dialogue.upgrade))
		dialogue_restore(&m->dialogue, now);
	m->restore = true;
	modem_perform(m, now);
}

void modem_check_leaving(struct modem *m, usec_t now)
{
	bool late = now >= m->leave_by;

	if (!m->leave_by || m->removed || (modem_must_restore(m) && !late))
		return;
	if (late)
		modem_log(m, LOG_WARNING, LOG_MESSAGE_SETTING_NOT_RESTORED, REASON_NONE,
			"not configured any more, and its settings could not be put back: that "
			"is done when it is configured again");
	m->removed = m->manager->removed = true;
	manager_wake(m->manager);
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
		leave(m, now);
		return;
	}
	m->leave_by = 0;
	use_rules(m, rules, config);
	if (same && m->identified) {
		modem_reconcile(m, now);
	} else if (!same && m->port_state != MODEM_PORT_CLOSED) {
		m->reopen = now;
		modem_close(m, now);
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

void modem_saved(struct modem *m, uint64_t save, int error, usec_t now)
{
	m->unsaved = error < 0;
	if (error < 0)
		manager_store_fails(m->manager, error);
	if (save == 0)
		return;
	if (error == 0 && m->task && save == m->dialogue.upgrade.awaited)
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

/* The service check names the access point once more. */
static bool may_open_pdp(const struct modem *m)
{
	return m->task && m->task->check == CHECK_PDP && m->task->apn.name;
}

/*
 * How long a report may wait: half of what the download still takes, by its pace; near its end not at all. A module that
 * resets at once takes along what was not read.
 */
static usec_t slack(const struct modem *m, usec_t now)
{
	const struct upgrade *u = &m->dialogue.upgrade;

	return upgrade_phase(u) == PHASE_DOWNLOADING ? evidence_rest(u->evidence, now) / 2 : 0;
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
			modem_notice(m, &notice, now);
		/* What nothing waits for goes with the verdict that it may come from: both are durable, or none. */
		if (m->save_due)
			modem_save(m, m->save_due, now);
		modem_check_stranger(m, now);
	} while (m->dialogue.save);
	/* The start was the last long line; `reported` alone may still be of the attempt before. */
	if (upgrade_past_no_return(&m->dialogue.upgrade) && m->dialogue.upgrade.record.reported &&
		!may_open_pdp(m))
		modem_take_room(m);
	keep_stored(m);
	if (m->port_state == MODEM_PORT_OPEN)
		ports_set_slack(m->manager->ports, &m->port, slack(m, now));
	ports_set_deadline(m->manager->ports, &m->port,
		usec_min(dialogue_deadline(&m->dialogue), modem_due(m)));
	manager_mind_neighbour(m, false, now);
}
