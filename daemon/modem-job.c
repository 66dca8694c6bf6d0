#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/modem.h"
#include "daemon/recording.h"

void modem_set_slot(struct modem *m, bool slot)
{
	if (m->slot == slot)
		return;
	m->slot = slot;
	m->manager->running += slot ? 1 : -1U;
	manager_set_slot(m->manager, m, slot);
	manager_touch(m->manager, m);
}

static const struct upgrade_record *record(const struct modem *m)
{
	return &m->dialogue.upgrade.record;
}

bool modem_must_restore(const struct modem *m)
{
	const struct upgrade_record *r = record(m);

	return r->callbreak.written || r->gprsfirst.written || r->rat.written || r->pdp_opened;
}

static void enter_state(
	struct modem *m, enum job_state state, enum reason reason, usec_t delay, usec_t now)
{
	m->state = state;
	m->reason = reason;
	m->due = delay ? usec_add(now, delay) : 0;
	m->backoff = false;
	modem_forget_opening(m);
	/* Back when the job is over (conduct 3); a fixed RAT at every wait, for a site without that network would keep the
	 * module cut off (protocol, 4). */
	if (job_is_final(state) || (delay && record(m)->rat.written))
		m->restore = modem_must_restore(m);
	manager_touch(m->manager, m);
}

static void set_state(
	struct modem *m, enum job_state state, enum reason reason, usec_t delay, usec_t now)
{
	enum job_state before = m->state;

	enter_state(m, state, reason, delay, now);
	modem_save_state(m, before, now);
}

/* Conduct 20: what was reached once and is no more is only said. */
static void say_drift(struct modem *m, const char *version)
{
	bool drift = m->state == JOB_SUCCEEDED && !text_equal(version, m->target);

	if (drift && !m->drift)
		modem_log(m, LOG_WARNING, LOG_MESSAGE_DRIFT, REASON_NONE,
			"runs %s, though its job has brought it to %s: somebody else has changed "
			"it",
			version, m->target);
	m->drift = drift;
}

bool modem_has_todays_job(const struct modem *m)
{
	return m->job && m->campaign && text_equal(m->target, m->campaign->target);
}

/* What the module runs is known: is there anything to do? */
void modem_reconcile(struct modem *m, usec_t now)
{
	const char *version = m->dialogue.upgrade.identity.version;

	m->identified = true;
	m->refused = REASON_NONE;
	modem_claim_imei(m);
	modem_note_seen(m, now);
	modem_forget_opening(m); /* another IMEI, another profile */
	manager_touch(m->manager, m);
	if (modem_look_up(m, now))
		return;
	if (!m->campaign && !m->job)
		m->restore = modem_must_restore(m);
	if (m->restore) {
		dialogue_restore(&m->dialogue, now);
		return;
	}
	if (!m->campaign || m->leave_by)
		return;
	if (m->job && (!text_equal(m->target, m->campaign->target) ||
			      !text_equal(m->job_campaign, m->campaign->name)))
		m->job = false; /* the wish has changed */
	if (!m->job) {
		m->job = true;
		m->attempts = m->deferrals = 0;
		m->bytes = m->package_bytes = 0;
		m->cme = AT_ERROR_NONE;
		m->drift = false;
		memcpy(m->job_campaign, m->campaign->name, sizeof(m->job_campaign));
		memcpy(m->target, m->campaign->target, sizeof(m->target));
		manager_set_member(m->manager, m, 0, false);
		enter_state(m, JOB_WAITING, REASON_NONE, 0, now);
		modem_save_created(m, now);
	}
	if (m->doubled_said) /* perhaps before there was a job */
		modem_refuse(m, REASON_DUPLICATE, now);
	say_drift(m, version);
	if (modem_may_go(m, now))
		manager_ready(m->manager, m);
	if (text_equal(version, m->target) && m->state != JOB_SUCCEEDED &&
		m->state != JOB_RUNNING && m->reason != REASON_NO_SERVICE) {
		m->dialogue.upgrade.record.end_open = false;
		set_state(m, JOB_SUCCEEDED, REASON_NONE, 0, now);
		modem_log(m, LOG_NOTICE, LOG_MESSAGE_VERIFIED, REASON_NONE, "runs %s, the target",
			version);
		if (m->restore)
			dialogue_restore(&m->dialogue, now);
	}
}

bool modem_may_go(const struct modem *m, usec_t now)
{
	return m->job && m->campaign && m->state == JOB_WAITING && !m->slot && !m->doubled &&
	       !m->restore && manager_may_start(m->manager) && !m->looking && m->due <= now &&
	       !modem_has_tried_enough(m) && upgrade_is_holding(&m->dialogue.upgrade) &&
	       upgrade_next_start(&m->dialogue.upgrade) <= now && !m->removed &&
	       !m->leave_by && modem_is_open(m, now);
}

usec_t modem_due(const struct modem *m)
{
	usec_t due = usec_max(m->due, upgrade_next_start(&m->dialogue.upgrade));

	if (!m->job || m->state != JOB_WAITING || m->slot || due == 0 || modem_has_tried_enough(m) ||
		due <= m->manager->looked || !upgrade_is_holding(&m->dialogue.upgrade))
		return USEC_INFINITY;
	return due;
}

/* Of this host, and passing: no fault of the credential. */
static bool is_shortage(int error)
{
	return error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -EIO ||
	       error == -EINTR;
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
		m->secret = calloc(1, SECRETS_SIZE);
	if (!m->secret)
		return -ENOMEM;
	buffer = m->secret + offset;
	r = config_credential(m->manager->options.credentials_directory, credential, buffer);
	if (r < 0)
		modem_log(m, LOG_ERR, LOG_MESSAGE_WARNING,
			is_shortage(r) ? REASON_SHORTAGE : REASON_CREDENTIAL,
			"credential \"%s\" cannot be read: %s", credential, strerror(-r));
	*ret = buffer;
	return r;
}

void modem_take_room(struct modem *m)
{
	if (!m->room || !dialogue_reclaim(&m->dialogue))
		return;
	free(m->room);
	m->room = NULL;
}

void modem_forget_task(struct modem *m)
{
	modem_hide_secrets(m);
	modem_take_room(m);
	m->package = NULL;
	free(m->task);
	m->task = NULL;
	modem_forget_terms(m);
}

static void put_off(struct modem *m, int error, usec_t now)
{
	m->deferrals++;
	set_state(m, JOB_WAITING, REASON_SHORTAGE, m->campaign->retry.delay, now);
	modem_log(m, LOG_WARNING, LOG_MESSAGE_JOB_WAITING, REASON_SHORTAGE,
		"not now (%s): an attempt cannot be prepared: %s", reason_name(REASON_SHORTAGE),
		strerror(-error));
}

int modem_show_secrets(struct modem *m)
{
	const struct package *package = m->package;
	struct upgrade_task *task = m->task;
	int r = !package ? 0
			 : secret(m, package->password, package->credential, 0,
				   &task->request.password);

	return r < 0 ? r
		     : secret(m, task->apn.password, task->apn.credential, SECRET_SIZE,
			       &task->apn.password);
}

void modem_hide_secrets(struct modem *m)
{
	static const char hidden[] =
		"***"; /* what masks the line needs a text, if not the right one */

	if (!m->secret)
		return;
	explicit_bzero(m->secret, SECRETS_SIZE);
	free(m->secret);
	m->secret = NULL;
	if (m->package && m->package->credential)
		m->task->request.password = hidden;
	if (m->task->apn.credential)
		m->task->apn.password = hidden;
}

static struct job_rules rules_of(const struct modem *m)
{
	const struct config_retry *retry = m->campaign ? &m->campaign->retry : NULL;
	const struct job_rules *kept = modem_kept_rules(m);
	struct job_rules rules = { .attempts = 1 };

	if (kept)
		rules = *kept;
	else if (retry)
		rules = (struct job_rules){
			.attempts = retry->attempts,
			.delay = retry->delay,
			.max_delay = retry->max_delay,
			.max_bytes = retry->max_bytes,
		};
	rules.seed = job_seed(record(m)->imei);
	return rules;
}

static int make_task(struct modem *m, const struct package *package)
{
	struct job_rules rules;
	int r;

	if (!m->task)
		m->task = malloc(sizeof(*m->task));
	if (!m->room)
		m->room = malloc(AT_COMMAND_MAX);
	if (!m->task || !m->room)
		return -ENOMEM;
	dialogue_lend(&m->dialogue, m->room);
	m->package = package;
	*m->task = (struct upgrade_task) {
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
		/* On the way to the target the next hop's own preparation asks the same. */
		.check = text_equal(package->to, m->target) ? m->campaign->check : CHECK_NONE,
		.apn = m->config->apn,
	};
	r = modem_show_secrets(m);
	modem_hide_secrets(m);
	if (r == 0)
		r = modem_begin_attempt(m);
	if (r < 0)
		return r;
	rules = rules_of(m);
	terms_take(&m->attempt->terms, m->dialogue.upgrade.profile, m->task, &rules);
	return 0;
}

static void fail(struct modem *m, enum reason reason, const char *text, usec_t now)
{
	set_state(m, JOB_FAILED, reason, 0, now);
	modem_log(m, LOG_ERR, LOG_MESSAGE_JOB_FAILED, reason, "failed (%s): %s. %s",
		reason_name(reason), text, reason_next_step(reason));
	if (m->restore) /* by an attempt before that was put off */
		dialogue_restore(&m->dialogue, now);
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

/* What this package costs (conduct 23). */
static uint64_t size_of(const struct modem *m, const struct package *package)
{
	return package->size ? package->size : m->dialogue.upgrade.profile->package_max;
}

static bool has_budget(struct modem *m, const struct package *package, usec_t now)
{
	struct job_rules rules = rules_of(m);
	char text[160];

	if (job_can_spend(&rules, m->bytes, size_of(m, package)))
		return true;
	(void) text_format(text, sizeof(text),
		"the package has %llu bytes, and of retry.max_bytes (%llu) %llu are spent",
		(unsigned long long) size_of(m, package), (unsigned long long) rules.max_bytes,
		(unsigned long long) m->bytes);
	fail(m, m->reason ? m->reason : REASON_NO_PACKAGE, text, now);
	return false;
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
	if (!has_budget(m, package, now))
		return;
	r = make_task(m, package);
	if (r < 0) {
		modem_forget_task(m);
		if (is_shortage(r))
			put_off(m, r, now);
		else
			fail(m, REASON_CREDENTIAL, "a password cannot be had", now);
		return;
	}
	m->percent_said = -1;
	m->package_bytes = size_of(m, package);
	m->attempt_before = record(m)->attempt;
	modem_set_slot(m, true);
	recording_begin(m, now);
	set_state(m, JOB_RUNNING, REASON_NONE, 0, now);
	modem_log(m, LOG_NOTICE, LOG_MESSAGE_ATTEMPT_STARTED, REASON_NONE, "attempt %u: %s to %s%s",
		m->attempt->number, u->identity.version, package->to,
		hops > 1 ? " (the first of several hops)" : "");
	dialogue_go(&m->dialogue, m->task, now);
}

void modem_refuse(struct modem *m, enum reason reason, usec_t now)
{
	if (m->job && !m->slot && m->state == JOB_WAITING)
		set_state(m, JOB_FAILED, reason, 0, now);
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
	enum job_state before = m->state;
	struct job_decision decision;
	struct job_rules rules;

	recording_verdict(m, notice);
	/* An attempt counts once: unknown first and failed later is one. */
	if (notice->outcome == OUTCOME_FAILED || (notice->outcome == OUTCOME_UNKNOWN))
		m->attempts += m->state != JOB_UNKNOWN;
	m->deferrals += notice->outcome == OUTCOME_DEFERRED;
	if (arrived)
		m->attempts = 0; /* of the next hop */
	verdict.attempts = m->attempts;
	verdict.next_bytes = m->package_bytes;
	verdict.bytes = m->bytes + (record(m)->attempt > m->attempt_before ? m->package_bytes : 0);
	m->cme = notice->cme;
	rules = rules_of(m);
	decision = job_decide(&rules, &verdict);
	if (m->doubled && decision.state == JOB_CANCELLED)
		decision = (struct job_decision){ .state = JOB_FAILED, .reason = REASON_DUPLICATE };
	modem_set_slot(m, false);
	enter_state(m, decision.state, decision.reason, decision.delay, now);
	m->backoff = notice->outcome == OUTCOME_FAILED && m->state == JOB_WAITING;
	modem_save_verdict(m, before, notice, now);
	if (arrived)
		modem_note_seen(m, now);
}

void modem_end_attempt(struct modem *m, const struct upgrade_notice *verdict, usec_t now)
{
	if (verdict->outcome == OUTCOME_UNKNOWN) /* another verdict follows */
		return;
	modem_forget_task(m);
	modem_forget_attempt(m);
	if (m->next_rules) {
		struct rules *next = STEAL(m->next_rules);

		modem_change_rules(m, next, m->next_config, now);
		rules_unref(next);
	}
}
