/*
 * What of a modem is kept in the store, and what is taken from there: by its name when it is added,
 * by its IMEI when another module answers in its place (conduct 11).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/modem.h"
#include "daemon/recording.h"

#define PATIENCE_SHORT (20 * MSEC) /* for a save that a command waits for, and for a verdict */
#define PATIENCE                                                                                   \
	(200 * MSEC) /* for any other but the start's, which is not kept waiting at all \
				     */

static const struct upgrade_record *record(const struct modem *m)
{
	return &m->dialogue.upgrade.record;
}

static usec_t patience(const struct modem *m, uint64_t save)
{
	if (save == 0 || m->dialogue.upgrade.awaited != save)
		return PATIENCE;
	return record(m)->start_durable ? 0 : PATIENCE_SHORT;
}

static struct store_history make_line(const struct modem *m, const char *what)
{
	struct store_history line = { .time = clock_realtime(), .who = STORE_DAEMON };

	(void) text_format(line.campaign, sizeof(line.campaign), "%s", m->job_campaign);
	(void) text_format(line.modem, sizeof(line.modem), "%s", m->config->name);
	(void) text_format(line.imei, sizeof(line.imei), "%s", record(m)->imei);
	(void) text_format(line.what, sizeof(line.what), "%s", what);
	return line;
}

/* What was spent with this attempt, if its start line is out. */
static uint64_t bytes_spent(const struct modem *m)
{
	return m->bytes + (record(m)->attempt > m->attempt_before ? m->package_bytes : 0);
}

static void settle_bytes(struct modem *m)
{
	m->bytes = bytes_spent(m);
	m->package_bytes = 0;
	m->attempt_before = record(m)->attempt;
}

int modem_begin_attempt(struct modem *m)
{
	if (!m->attempt)
		m->attempt = calloc(1, sizeof(*m->attempt));
	if (!m->attempt)
		return -ENOMEM;
	*m->attempt = (struct store_attempt){
		.number = record(m)->attempt + 1,
		.transport = m->task ? m->task->request.type : GTOTA_HTTP,
		.cme = AT_ERROR_NONE,
	};
	(void) text_format(m->attempt->from, VERSION_MAX, "%s", m->dialogue.upgrade.identity.version);
	(void) text_format(m->attempt->to, VERSION_MAX, "%s", m->task ? m->task->to : "");
	dialogue_keep(&m->dialogue, &m->attempt->evidence);
	return 0;
}

void modem_forget_attempt(struct modem *m)
{
	dialogue_keep(&m->dialogue, NULL);
	free(m->attempt);
	m->attempt = NULL;
}

/* The attempt's row is there as soon as the start is durable, and with it. */
static void follow_attempt(struct modem *m)
{
	const struct upgrade_record *r = record(m);

	if (!m->attempt || !r->start_durable)
		return;
	if (!m->attempt->started)
		m->attempt->started = clock_realtime();
	m->attempt->number = r->attempt;
	memcpy(m->attempt->from, r->from, sizeof(m->attempt->from));
	memcpy(m->attempt->to, r->to, sizeof(m->attempt->to));
}

static bool is_worth_keeping(const struct modem *m)
{
	const struct upgrade_record *r = record(m);

	return r->imei[0] && (r->end_open || r->callbreak.written || r->gprsfirst.written ||
				     r->rat.written || r->pdp_opened);
}

static void save_with(struct modem *m, uint64_t save, const struct store_history *history, size_t n,
	usec_t patient, usec_t now)
{
	struct store_job job = {
		.state = m->job ? m->state : JOB_WAITING,
		.reason = m->job ? m->reason : REASON_NONE,
		.cme = m->job ? m->cme : AT_ERROR_NONE,
		.attempts = m->attempts,
		.bytes = bytes_spent(m),
		.updated = clock_realtime(),
		.wave = m->member.begun ? m->member.wave + 1 : 0,
		.forgiven = m->member.forgiven,
		.number = m->job ? m->job_id : 0,
		.stop = m->job && m->stop,
		.forced = m->job && m->member.now,
		.created = m->job ? m->job_created : 0,
		.queued = m->job ? m->queued : 0,
		.ended = m->job ? m->job_ended : 0,
		.record = *record(m),
	};
	struct store_change change = {
		.job = &job,
		.history = history,
		.n_history = n,
		.patience = patient,
	};
	struct store_modem seen;
	int r = 0;

	m->save_due = 0;
	if (!m->job && !is_worth_keeping(m))
		return;
	follow_attempt(m);
	if (m->unsaved && m->seen.imei[0]) {
		seen = modem_seen(m);
		change.modem = &seen;
	}
	change.attempt = m->attempt && m->attempt->started ? m->attempt : NULL;
	if (m->due > now)
		job.not_before = usec_add(job.updated, m->due - now);
	/* Without a job it is only what was done to the module: of no campaign. */
	if (m->job)
		r = text_copy(job.campaign, sizeof(job.campaign), m->job_campaign);
	if (r == 0)
		r = text_copy(job.modem, sizeof(job.modem), m->config->name);
	if (r == 0)
		r = text_copy(job.target, sizeof(job.target), m->job ? m->target : "");
	if (r == 0)
		r = store_change(
			m->manager->store, &change, (uint64_t) m->id << 32 | (uint32_t) save);
	if (r < 0)
		modem_saved(m, save, r, now);
}

void modem_save(struct modem *m, uint64_t save, usec_t now)
{
	save_with(m, save, NULL, 0, patience(m, save), now);
}

void modem_save_created(struct modem *m, usec_t now)
{
	struct store_history line = make_line(m, "job");

	memcpy(line.from, m->dialogue.upgrade.identity.version, sizeof(line.from));
	memcpy(line.to, m->target, sizeof(line.to));
	save_with(m, 0, &line, 1, PATIENCE, now);
}

void modem_save_state(struct modem *m, enum job_state before, usec_t now)
{
	struct store_history line = make_line(m, "state");

	(void) text_format(line.from, sizeof(line.from), "%s", job_state_name(before));
	(void) text_format(line.to, sizeof(line.to), "%s", job_state_name(m->state));
	line.reason = m->reason;
	save_with(m, 0, &line, before != m->state, PATIENCE, now);
}

/* Both verdicts of an attempt that was unknown first stay in the history (conduct 7). */
void modem_save_verdict(
	struct modem *m, enum job_state before, const struct upgrade_notice *n, usec_t now)
{
	const struct upgrade *u = &m->dialogue.upgrade;
	struct store_history lines[] = { make_line(m, "verdict"), make_line(m, "state") };
	struct store_attempt *a = m->attempt;
	char text[EVIDENCE_TEXT_MAX];

	settle_bytes(m);
	if (a && !a->started && n->outcome == OUTCOME_FAILED) /* it never came to a start */
		a->started = clock_realtime();
	if (a && a->started) {
		a->judged = true;
		a->outcome = n->outcome;
		a->reason = n->reason;
		a->cme = n->cme;
		a->ended = n->outcome == OUTCOME_UNKNOWN ? 0 : clock_realtime();
		modem_log(m, LOG_NOTICE, LOG_MESSAGE_EVIDENCE, n->reason, "evidence: %s",
			evidence_text(u->evidence, text));
	}
	(void) text_format(lines[0].from, VERSION_MAX, "%s", u->evidence->before);
	(void) text_format(lines[0].to, VERSION_MAX, "%s", u->evidence->after);
	(void) text_format(lines[0].detail, sizeof(lines[0].detail), "attempt %u: %s",
		(unsigned) (a ? a->number : record(m)->attempt),
		m->put_off			? "put off: its serving cell is full"
		: n->reason			? reason_name(n->reason)
		: n->outcome == OUTCOME_ALREADY ? "was there already"
						: "succeeded");
	lines[0].reason = m->put_off ? REASON_NONE : n->reason;
	(void) text_format(lines[1].from, VERSION_MAX, "%s", job_state_name(before));
	(void) text_format(lines[1].to, VERSION_MAX, "%s", job_state_name(m->state));
	lines[1].reason = m->reason;
	save_with(m, 0, lines, before == m->state ? 1 : 2, PATIENCE_SHORT, now);
}

void modem_save_order(struct modem *m, const char *what, enum job_state before, usec_t now)
{
	struct store_history line = make_line(m, what);

	line.who = STORE_OPERATOR;
	line.uid = m->manager->operator_uid;
	(void) text_format(line.from, sizeof(line.from), "%s", job_state_name(before));
	(void) text_format(line.to, sizeof(line.to), "%s", job_state_name(m->state));
	save_with(m, 0, &line, 1, 0, now);
}

struct store_modem modem_seen(const struct modem *m)
{
	struct store_modem seen = { .seen = m->seen_at };

	memcpy(seen.name, m->config->name, sizeof(seen.name));
	memcpy(seen.imei, m->seen.imei, sizeof(seen.imei));
	memcpy(seen.model, m->seen.model, sizeof(seen.model));
	memcpy(seen.version, m->seen.version, sizeof(seen.version));
	memcpy(seen.cell, m->cell, sizeof(seen.cell));
	return seen;
}

void modem_save_seen(struct modem *m, usec_t now)
{
	struct store_modem modem = modem_seen(m);
	struct store_change change = { .modem = &modem, .patience = PATIENCE };
	int r = store_change(m->manager->store, &change, (uint64_t) m->id << 32);

	if (r < 0)
		modem_saved(m, 0, r, now);
}

void modem_note_seen(struct modem *m, usec_t now)
{
	const struct identity *i = &m->dialogue.upgrade.identity, *seen = &m->seen;
	struct store_history line = make_line(m, "version");
	struct store_modem modem;
	struct store_change change = { .modem = &modem, .history = &line, .patience = PATIENCE };
	int r;

	if (text_equal(seen->imei, i->imei) && text_equal(seen->model, i->model) &&
		text_equal(seen->version, i->version))
		return;
	if (seen->imei[0] && !text_equal(seen->imei, i->imei)) {
		(void) text_format(line.what, sizeof(line.what), "imei");
		(void) text_format(line.from, sizeof(line.from), "%s", seen->imei);
		(void) text_format(line.to, sizeof(line.to), "%s", i->imei);
		change.n_history = 1;
		m->cell[0] = m->dialogue.upgrade.cell[0] = '\0'; /* another SIM card, too */
	} else if (!text_equal(seen->version, i->version)) {
		memcpy(line.from, seen->version, sizeof(line.from));
		memcpy(line.to, i->version, sizeof(line.to));
		change.n_history = 1;
	}
	(void) text_format(line.imei, sizeof(line.imei), "%s", i->imei);
	m->seen = *i;
	m->seen_at = clock_realtime();
	modem = modem_seen(m);
	r = store_change(m->manager->store, &change, (uint64_t) m->id << 32);
	if (r < 0)
		modem_saved(m, 0, r, now);
}

/* ---- what is taken from there ---- */

static const char *campaign_name(const struct modem *m)
{
	return m->campaign ? m->campaign->name : "";
}

static uint64_t hash_of(const char *name)
{
	return text_hash(0, name, strlen(name));
}

static usec_t longest_wait(const struct modem *m)
{
	return m->campaign ? usec_max(m->campaign->retry.max_delay, m->campaign->retry.delay)
			   : 1 * HOUR;
}

static void take_job(struct modem *m, const struct store_job *job, usec_t now)
{
	usec_t left = job_wait_left(job->not_before, clock_realtime(), longest_wait(m));

	m->job = true;
	m->job_id = job->number;
	m->stop = job->stop;
	m->member.now = job->forced;
	m->job_created = job->created;
	m->queued = job->queued;
	m->queued_saved = job->queued > 0;
	m->job_ended = job->ended;
	manager_set_member(m->manager, m, job->wave, job->forgiven);
	m->state = job->state;
	m->reason = job->reason;
	m->backoff = job->attempts > 0 && reason_class(job->reason) == REASON_RETRY;
	m->cme = job->cme;
	m->attempts = job->attempts;
	m->bytes = job->bytes;
	m->package_bytes = 0;
	m->attempt_before = job->record.attempt;
	m->due = left > 0 ? usec_add(now, left) : 0;
	memcpy(m->target, job->target, sizeof(m->target));
	memcpy(m->job_campaign, job->campaign, sizeof(m->job_campaign));
	m->restore = job_is_final(job->state);
}

static void take_up(struct modem *m, const struct store_found *found, usec_t now)
{
	struct upgrade_record r = found->job.record;

	if (found->job.other_boot &&
		r.started) /* its clock has begun again: the whole wait, from now */
		r.started = now;
	modem_forget_attempt(m);
	if (!r.start_durable && !found->attempt_known)
		; /* nothing goes on */
	else if (modem_begin_attempt(m) < 0)
		modem_log(m, LOG_WARNING, LOG_MESSAGE_WARNING, REASON_STORE,
			"no memory for the attempt that goes on: its evidence is lost");
	else if (found->attempt_known)
		*m->attempt = found->attempt;
	if (found->attempt_known && found->attempt.evidence_damaged)
		modem_log(m, LOG_WARNING, LOG_MESSAGE_WARNING, REASON_STORE,
			"what the attempt that goes on has shown so far is damaged in the state: its evidence "
			"begins anew");
	dialogue_resume(&m->dialogue, &r, r.start_durable ? modem_take_terms(m, &r) : NULL, now);
	if (r.start_durable) {
		follow_attempt(m);
		/* Cancelled: it did not come back, and an operator has given it up. */
		m->state = found->job.state == JOB_UNKNOWN || found->job.state == JOB_CANCELLED
				   ? found->job.state
				   : JOB_RUNNING;
		modem_set_slot(m, m->state == JOB_RUNNING);
		recording_begin(m, now);
		modem_log(m, LOG_NOTICE, LOG_MESSAGE_RECOVERED, REASON_NONE,
			"taking up the upgrade to %s at step \"%s\": listening first", r.to,
			r.step);
	} else if (m->job && !job_is_final(m->state)) { /* no start, so nothing goes on, and nothing is owed */
		m->state = JOB_WAITING;
	}
}

/* Is it the job that this modem has now, or one that goes first? */
static bool is_job_of(const struct modem *m, const struct store_job *job)
{
	return job->campaign[0] != '\0' &&
	       (job->record.start_durable || text_equal(job->campaign, campaign_name(m)));
}

static void take_seen(struct modem *m, const struct store_modem *seen)
{
	memcpy(m->seen.imei, seen->imei, sizeof(m->seen.imei));
	memcpy(m->seen.model, seen->model, sizeof(m->seen.model));
	memcpy(m->seen.version, seen->version, sizeof(m->seen.version));
	m->seen_at = seen->seen;
	memcpy(m->cell, seen->cell, sizeof(m->cell));
}

void modem_load(struct modem *m, const struct store_found *found, usec_t now)
{
	const struct upgrade_record *r = &found->job.record;

	if (found->modem_known)
		take_seen(m, &found->modem);
	/* Conduct 10; and a module that may still be at an earlier start is listened to as well. */
	m->dialogue.upgrade.trusted =
		(found->modem_known || (found->job_known && r->imei[0])) && !r->end_open;
	if (!found->job_known)
		return;
	if (is_job_of(m, &found->job))
		take_job(m, &found->job, now);
	take_up(m, found, now);
	memcpy(m->known_imei, r->imei, sizeof(m->known_imei));
	m->known_campaign = hash_of(m->job ? m->job_campaign : campaign_name(m));
	m->restore = m->restore && modem_must_restore(m);
}

bool modem_look_up(struct modem *m, usec_t now)
{
	const char *imei = m->dialogue.upgrade.identity.imei;
	int r;

	if (text_equal(m->known_imei, imei) && m->known_campaign == hash_of(campaign_name(m)))
		return false;
	if (m->looking)
		return true;
	/* Before its first identification it can only have been cancelled: that holds for what the store has of this wish. */
	if (modem_has_todays_job(m) && m->state == JOB_CANCELLED && m->known_imei[0] == '\0' &&
		text_equal(m->job_campaign, m->campaign->name))
		m->order = ORDER_CANCEL;
	m->looking = true;
	/* The store has the job that was: as it is. */
	m->job = m->restore = false;
	modem_forget_attempt(m);
	m->attempts = m->deferrals = 0;
	m->bytes = m->package_bytes = 0;
	m->due = 0;
	r = store_find(m->manager->store, campaign_name(m), m->config->name, imei,
		MANAGER_FIND | (uint64_t) m->id << 32);
	if (r < 0)
		modem_found(m, r, NULL, now);
	return true;
}

/* Another module has taken the place of the one that was here, or its upgrade is taken up where it
 * answers now. */
static void begin_again(struct modem *m, const struct store_found *found, usec_t now)
{
	recording_end(m);
	m->identified = false;
	modem_drop_imei(m);
	dialogue_init(&m->dialogue, &m->manager->box, &m->who, &m->rules->config->timeouts, true,
		LISTEN_FIRST);
	modem_forget_task(m);
	if (found) {
		take_job(m, &found->job, now);
		take_up(m, found, now);
	}
	if (m->port_state == MODEM_PORT_OPEN)
		dialogue_opened(&m->dialogue, now);
}

void modem_found(struct modem *m, int error, const struct store_found *found, usec_t now)
{
	const struct upgrade *u = &m->dialogue.upgrade;
	const struct upgrade_record *r;
	bool same;

	m->looking = false;
	if (error < 0) { /* asked again when the store works, see manager_store_works() */
		manager_store_fails(m->manager, error);
		return;
	}
	if (!m->identified || !upgrade_is_holding(u))
		return; /* it is asked for again after the next identification */
	r = &found->job.record;
	same = text_equal(m->known_imei, u->identity.imei);
	memcpy(m->known_imei, u->identity.imei, sizeof(m->known_imei));
	m->known_campaign = hash_of(campaign_name(m));
	if (found->job_known && text_equal(r->imei, u->identity.imei)) {
		if (r->start_durable) {
			begin_again(m, found, now);
			modem_perform(m, now);
			modem_follow_order(m, now);
			return;
		}
		if (is_job_of(m, &found->job))
			take_job(m, &found->job, now);
		if (!same)
			take_up(m, found, now);
		m->restore = (!m->job || m->restore) && modem_must_restore(m);
	}
	modem_reconcile(m, now);
	modem_perform(m, now);
	modem_follow_order(m, now);
}

/* Conduct 11: what is not known of the one that was here stays so; the one that is here now has a
 * job of its own. */
void modem_check_stranger(struct modem *m, usec_t now)
{
	const struct upgrade *u = &m->dialogue.upgrade;

	if (!m->job || !u->unknown || !u->stranger || m->config->imei)
		return;
	modem_log(m, LOG_WARNING, LOG_MESSAGE_WARNING, REASON_NOT_BACK,
		"another module answers in its place; its own job stays unknown until it is back, or fotactl cancel %llu "
		"gives it up",
		(unsigned long long) m->job_id);
	modem_save(m, 0, now);
	m->job = m->restore = false;
	modem_forget_attempt(m);
	m->known_imei[0] = '\0';
	begin_again(m, NULL, now);
}
