#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/modem.h"

static void set_slot(struct modem *m, bool slot)
{
	if (m->slot == slot)
		return;
	m->slot = slot;
	m->manager->running += slot ? 1 : -1U;
	manager_wake(m->manager);
}

static const struct upgrade_record *record(const struct modem *m)
{
	return &m->dialogue.upgrade.record;
}

static bool must_restore(const struct modem *m)
{
	const struct upgrade_record *r = record(m);

	return r->callbreak.written || r->gprsfirst.written || r->rat.written || r->pdp_opened;
}

void modem_save(struct modem *m, uint64_t save, usec_t now)
{
	struct store_job job = {
		.state = m->state,
		.reason = m->reason,
		.cme = m->cme,
		.attempts = m->attempts,
		.updated = clock_realtime(),
		.record = *record(m),
	};
	int r;

	if (!m->job)
		return;
	if (m->due > now)
		job.not_before = usec_add(job.updated, m->due - now);
	r = text_copy(job.campaign, sizeof(job.campaign), m->campaign ? m->campaign->name : "");
	if (r == 0)
		r = text_copy(job.modem, sizeof(job.modem), m->config->name);
	if (r == 0)
		r = text_copy(job.target, sizeof(job.target), m->target);
	if (r == 0)
		r = store_save(m->manager->store, &job, (uint64_t) m->id << 32 | (uint32_t) save);
	if (r < 0)
		modem_saved(m, save, r, now);
}

static void set_state(
	struct modem *m, enum job_state state, enum reason reason, usec_t delay, usec_t now)
{
	m->state = state;
	m->reason = reason;
	m->due = delay ? usec_add(now, delay) : 0;
	if (job_is_final(state))
		m->restore = must_restore(m);
	modem_save(m, 0, now);
	manager_wake(m->manager);
}

void modem_load(struct modem *m, const struct store_job *job, usec_t now)
{
	struct upgrade_record r = job->record;
	usec_t wall = clock_realtime();

	m->job = true;
	m->state = job->state;
	m->reason = job->reason;
	m->cme = job->cme;
	m->attempts = job->attempts;
	m->due = job->not_before > wall ? usec_add(now, job->not_before - wall) : 0;
	memcpy(m->target, job->target, sizeof(m->target));
	m->restore = job_is_final(job->state);
	if (job->other_boot && r.started) /* its clock has begun again: the whole wait, from now */
		r.started = now;
	m->dialogue.upgrade.trusted = r.imei[0] != '\0';
	dialogue_resume(&m->dialogue, &r, now);
	if (r.start_durable) {
		m->state = job->state == JOB_UNKNOWN ? JOB_UNKNOWN : JOB_RUNNING;
		set_slot(m, m->state == JOB_RUNNING);
		modem_log(m, LOG_NOTICE, LOG_MESSAGE_RECOVERED, REASON_NONE,
			"taking up the upgrade to %s at step \"%s\": listening first", r.to,
			r.step);
	} else if (m->state == JOB_RUNNING) {
		m->state = JOB_WAITING;
	}
	m->restore = m->restore && must_restore(m);
}

/* What the module runs is known: is there anything to do? */
void modem_reconcile(struct modem *m, usec_t now)
{
	const char *version = m->dialogue.upgrade.identity.version;

	m->identified = true;
	m->refused = REASON_NONE;
	modem_claim_imei(m, now);
	manager_wake(m->manager);
	if (m->restore) {
		dialogue_restore(&m->dialogue, now);
		return;
	}
	if (!m->campaign)
		return;
	if (m->job && !text_equal(m->target, m->campaign->target)) /* the wish has changed */
		m->job = false;
	if (!m->job) {
		m->job = true;
		m->attempts = m->deferrals = 0;
		m->cme = AT_ERROR_NONE;
		memcpy(m->target, m->campaign->target, sizeof(m->target));
		set_state(m, JOB_WAITING, REASON_NONE, 0, now);
	}
	if (modem_may_go(m, now))
		manager_ready(m->manager, m);
	if (text_equal(version, m->target) && m->state != JOB_SUCCEEDED &&
		m->state != JOB_RUNNING) {
		m->dialogue.upgrade.record.end_open = false;
		set_state(m, JOB_SUCCEEDED, REASON_NONE, 0, now);
		modem_log(m, LOG_NOTICE, LOG_MESSAGE_VERIFIED, REASON_NONE, "runs %s, the target",
			version);
		if (m->restore)
			dialogue_restore(&m->dialogue, now);
	}
}

/* With --once what is deferred is not tried for ever (conduct 19). */
static bool has_tried_enough(const struct modem *m)
{
	return m->manager->options.once && m->campaign &&
	       m->deferrals > m->campaign->retry.attempts;
}

bool modem_may_go(const struct modem *m, usec_t now)
{
	return m->job && m->campaign && m->state == JOB_WAITING && !m->slot && !m->doubled &&
	       m->due <= now && !has_tried_enough(m) && upgrade_is_holding(&m->dialogue.upgrade) &&
	       upgrade_next_start(&m->dialogue.upgrade) <= now && !m->removed;
}

usec_t modem_due(const struct modem *m)
{
	usec_t due = usec_max(m->due, upgrade_next_start(&m->dialogue.upgrade));

	if (!m->job || m->state != JOB_WAITING || m->slot || due == 0 || has_tried_enough(m) ||
		due <= m->manager->looked || !upgrade_is_holding(&m->dialogue.upgrade))
		return USEC_INFINITY;
	return due;
}

/* A password: literal, or from its credential. -E: it cannot be had. */
static int secret(struct modem *m, const char *literal, const char *credential, size_t offset,
	const char **ret)
{
	char *buffer;
	int r;

	*ret = literal;
	if (!credential)
		return 0;
	if (!m->secret)
		m->secret = calloc(2, GTOTA_FIELD_MAX + 1);
	if (!m->secret)
		return -ENOMEM;
	buffer = m->secret + offset;
	r = config_credential(m->manager->options.credentials_directory, credential, buffer);
	if (r < 0)
		modem_log(m, LOG_ERR, LOG_MESSAGE_JOB_FAILED, REASON_CREDENTIAL,
			"credential \"%s\" cannot be read: %s", credential, strerror(-r));
	*ret = buffer;
	return r;
}

static void forget_secrets(struct modem *m)
{
	if (m->secret)
		explicit_bzero(m->secret, 2 * (GTOTA_FIELD_MAX + 1));
	free(m->secret);
	m->secret = NULL;
	m->task = (struct upgrade_task){ 0 };
}

static int make_task(struct modem *m, const struct package *package)
{
	int r;

	m->task = (struct upgrade_task) {
		.request = {
			.type = package->type,
			.url = package->url,
			.filename = package->filename,
			.username = package->username,
		},
		.from = package->from,
		.to = package->to,
		.require = m->campaign->require,
		.rat = m->campaign->rat,
		.apn = m->config->apn,
	};
	r = secret(m, package->password, package->credential, 0, &m->task.request.password);
	if (r == 0)
		r = secret(m, m->config->apn.password, m->config->apn.credential,
			GTOTA_FIELD_MAX + 1, &m->task.apn.password);
	return r;
}

static void fail(struct modem *m, enum reason reason, const char *text, usec_t now)
{
	set_state(m, JOB_FAILED, reason, 0, now);
	modem_log(m, LOG_ERR, LOG_MESSAGE_JOB_FAILED, reason, "%s; %s", text,
		reason_next_step(reason));
}

/* Says where it stands, and the base that the nearest package wants. */
static void no_chain(struct modem *m, usec_t now)
{
	const struct config *config = m->rules->config;
	const struct identity *i = &m->dialogue.upgrade.identity;
	const struct package *nearest =
		package_nearest(config->packages, config->n_packages, i->model, m->target);
	char text[256];

	if (text_format(text, sizeof(text), "no chain of packages leads from %s to %s%s%s",
		    i->version, m->target, nearest ? "; the nearest one starts at " : "",
		    nearest ? nearest->from : "") < 0)
		text[0] = '\0';
	fail(m, nearest ? REASON_BASE_MISMATCH : REASON_NO_PACKAGE, text, now);
}

void modem_go(struct modem *m, usec_t now)
{
	const struct upgrade *u = &m->dialogue.upgrade;
	const struct package *package;
	size_t hops;
	int r;

	r = package_next(m->rules->config->packages, m->rules->config->n_packages, u->profile,
		u->identity.model, u->identity.version, m->target, m->rules->work, &package, &hops);
	if (r < 0) {
		no_chain(m, now);
		return;
	}
	if (make_task(m, package) < 0) {
		fail(m, REASON_CREDENTIAL, "a password cannot be had", now);
		forget_secrets(m);
		return;
	}
	m->percent_said = -1;
	set_slot(m, true);
	set_state(m, JOB_RUNNING, REASON_NONE, 0, now);
	modem_log(m, LOG_NOTICE, LOG_MESSAGE_ATTEMPT_STARTED, REASON_NONE, "attempt %u: %s to %s%s",
		m->attempts + 1, u->identity.version, package->to,
		hops > 1 ? " (the first of several hops)" : "");
	dialogue_go(&m->dialogue, &m->task, now);
}

void modem_refuse(struct modem *m, enum reason reason, usec_t now)
{
	if (m->job && !m->slot && m->state == JOB_WAITING)
		set_state(m, JOB_FAILED, reason, 0, now);
}

static struct job_rules rules_of(const struct modem *m)
{
	const struct config_retry *retry = &m->campaign->retry;

	return (struct job_rules){
		.attempts = retry->attempts,
		.delay = retry->delay,
		.max_delay = retry->max_delay,
	};
}

/* An attempt is over. */
void modem_verdict(struct modem *m, const struct upgrade_notice *notice, usec_t now)
{
	const struct upgrade *u = &m->dialogue.upgrade;
	bool arrived = notice->outcome == OUTCOME_SUCCEEDED || notice->outcome == OUTCOME_ALREADY;
	struct job_verdict verdict = {
		.outcome = notice->outcome,
		.reason = notice->reason,
		.cme_class = at_error_class(
			notice->cme, u->profile ? u->profile->errors : AT_ERROR_STANDARD),
		.at_target = arrived && text_equal(u->identity.version, m->target),
	};
	struct job_decision decision;
	struct job_rules rules;

	/* An attempt counts once: unknown first and failed later is one. */
	if (notice->outcome == OUTCOME_FAILED || (notice->outcome == OUTCOME_UNKNOWN))
		m->attempts += m->state != JOB_UNKNOWN;
	m->deferrals += notice->outcome == OUTCOME_DEFERRED;
	if (arrived)
		m->attempts = 0; /* of the next hop */
	verdict.attempts = m->attempts;
	m->cme = notice->cme;
	if (notice->outcome != OUTCOME_UNKNOWN)
		forget_secrets(m);
	rules = m->campaign ? rules_of(m) : (struct job_rules){ .attempts = 1 };
	decision = job_decide(&rules, &verdict);
	if (m->doubled && decision.state == JOB_CANCELLED)
		decision = (struct job_decision){ .state = JOB_FAILED, .reason = REASON_DUPLICATE };
	set_slot(m, false);
	set_state(m, decision.state, decision.reason, decision.delay, now);
	if (m->next_rules && notice->outcome != OUTCOME_UNKNOWN) {
		struct rules *next = STEAL(m->next_rules);

		modem_change_rules(m, next, m->next_config, now);
		rules_unref(next);
	}
}

bool modem_is_settled(const struct modem *m, usec_t now)
{
	const struct upgrade *u = &m->dialogue.upgrade;
	usec_t patience = m->rules->config->timeouts.return_;

	if (!m->campaign)
		return true;
	if (m->job && job_is_final(m->state))
		return !m->restore || m->port_state != MODEM_PORT_OPEN;
	if (m->job && m->state == JOB_UNKNOWN) /* `return` has passed already (conduct 19) */
		return true;
	if (m->slot || m->restore)
		return false;
	if (m->doubled || m->port_reason == REASON_DUPLICATE ||
		m->port_reason == REASON_PORT_DENIED)
		return true;
	if (reason_class(m->refused) == REASON_PERSON && m->refused)
		return true;
	if (m->identified && m->job)
		return has_tried_enough(m) && upgrade_is_holding(u);
	return now >= usec_add(usec_max(m->absent_since, m->manager->started), patience);
}
