#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/modem.h"
#include "daemon/recording.h"

#define PUT_OFF_PAUSE (1 * SEC) /* what was set is put back meanwhile; then it waits for its turn again */

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

void modem_new_job(struct modem *m, uint64_t id)
{
	m->job = true;
	m->job_id = id ?: ++m->manager->last_job_id;
	m->job_created = clock_realtime();
	m->queued = 0;
	m->stop = m->member.now = false;
	m->attempts = m->deferrals = 0;
	m->hops_done = m->hops_left = 0;
	m->attempt_last = 0;
	m->bytes = m->package_bytes = 0;
	m->cme = AT_ERROR_NONE;
	m->drift = false;
	memcpy(m->job_campaign, m->campaign->name, sizeof(m->job_campaign));
	memcpy(m->target, m->campaign->target, sizeof(m->target));
}

void modem_enter_state(
	struct modem *m, enum job_state state, enum reason reason, usec_t delay, usec_t now)
{
	m->state = state;
	m->reason = reason;
	m->due = delay ? usec_add(now, delay) : 0;
	m->job_ended = job_is_final(state) ? clock_realtime() : 0;
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

	modem_enter_state(m, state, reason, delay, now);
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
	manager_is_back(m);
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
		bool cancel = m->order == ORDER_CANCEL;
		enum job_state state = cancel || manager_is_cancelled(m->manager, m)
					       ? JOB_CANCELLED
					       : JOB_WAITING;

		modem_new_job(m, cancel ? m->job_id : 0);
		m->order = ORDER_NONE;
		manager_set_member(m->manager, m, 0, false);
		modem_enter_state(m, state, state == JOB_CANCELLED ? REASON_CANCELLED : REASON_NONE, 0, now);
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
	const struct job_rules *kept = modem_kept_rules(m);
	struct job_rules rules = { .attempts = 1 };

	if (kept)
		rules = *kept;
	else if (m->campaign)
		rules = config_job_rules(m->campaign);
	rules.seed = job_seed(record(m)->imei);
	return rules;
}

/* Of this package; NULL: the version is right already, and somebody wants to know whether it is in service by now. */
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
	if (package)
		config_task(m->campaign, m->config, package, m->task);
	else
		*m->task = (struct upgrade_task){
			.from = m->target,
			.to = m->target,
			.require = m->campaign->require,
			.check = m->campaign->check,
			.only_check = true,
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

static void begin(struct modem *m, const struct package *package, size_t hops, usec_t now)
{
	const struct upgrade *u = &m->dialogue.upgrade;
	int r = make_task(m, package);

	if (r < 0) {
		modem_forget_task(m);
		if (is_shortage(r))
			put_off(m, r, now);
		else
			fail(m, REASON_CREDENTIAL, "a password cannot be had", now);
		return;
	}
	m->hops_left = (uint8_t) (hops < UINT8_MAX ? hops : UINT8_MAX);
	m->attempt_last = m->attempts + 1;
	m->percent_said = -1;
	m->member.now = false;
	m->package_bytes = package ? size_of(m, package) : 0;
	m->attempt_before = record(m)->attempt;
	modem_set_slot(m, true);
	if (package) {
		recording_begin(m, now);
		set_state(m, JOB_RUNNING, REASON_NONE, 0, now);
		modem_log(m, LOG_NOTICE, LOG_MESSAGE_ATTEMPT_STARTED, REASON_NONE,
			"attempt %u: %s to %s%s", m->attempt->number, u->identity.version,
			package->to, hops > 1 ? " (the first of several hops)" : "");
	} else {
		set_state(m, JOB_RUNNING, REASON_NO_SERVICE, 0, now);
		modem_log(m, LOG_NOTICE, LOG_MESSAGE_ATTEMPT_STARTED, REASON_NONE,
			"runs %s: is it in service by now?", u->identity.version);
	}
	dialogue_go(&m->dialogue, m->task, now);
}

void modem_go(struct modem *m, usec_t now)
{
	const struct upgrade *u = &m->dialogue.upgrade;
	const struct package *package;
	size_t hops;
	int r;

	r = package_next(m->rules->config->packages, m->rules->config->n_packages, u->profile,
		u->identity.model, u->identity.version, m->target, m->rules->work, &package, &hops);
	if (r == -EALREADY)
		begin(m, NULL, 0, now);
	else if (r < 0)
		no_chain(m, now);
	else if (has_budget(m, package, now))
		begin(m, package, hops, now);
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
	job_count(notice->outcome, m->state, &m->attempts, &m->deferrals);
	verdict.attempts = m->attempts;
	verdict.next_bytes = m->package_bytes;
	verdict.stop = m->stop;
	verdict.bytes = m->bytes + (record(m)->attempt > m->attempt_before ? m->package_bytes : 0);
	m->cme = notice->cme;
	rules = rules_of(m);
	decision = job_decide(&rules, &verdict);
	if (m->state == JOB_CANCELLED && decision.state == JOB_UNKNOWN) /* given up already */
		decision.state = JOB_CANCELLED;
	if (m->task && m->task->only_check && !arrived) /* else what runs would settle it */
		decision.reason = REASON_NO_SERVICE;
	if (m->doubled && decision.state == JOB_CANCELLED)
		decision = (struct job_decision){ .state = JOB_FAILED, .reason = REASON_DUPLICATE };
	if (m->put_off && notice->outcome == OUTCOME_CANCELLED && !m->stop)
		decision = (struct job_decision){ .state = JOB_WAITING, .delay = PUT_OFF_PAUSE };
	m->stop = m->stop && notice->outcome == OUTCOME_UNKNOWN;
	modem_set_slot(m, false);
	modem_enter_state(m, decision.state, decision.reason, decision.delay, now);
	m->backoff = notice->outcome == OUTCOME_FAILED && m->state == JOB_WAITING;
	modem_save_verdict(m, before, notice, now);
	if (!arrived)
		return;
	if (notice->outcome == OUTCOME_SUCCEEDED)
		manager_note_figures(m->manager, m);
	m->hops_done += m->hops_left > 0;
	m->hops_left -= m->hops_left > 0;
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
