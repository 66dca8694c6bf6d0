/*
 * From what is known to what is done (daemon/modem-job.c), for one job.
 */
#include "tests/simulate/simulate.h"

#include <string.h>

#include "base/text.h"

#define DEFERRALS_MAX 6 /* then nobody looks any longer */

static const struct upgrade *upgrade(const struct life *l)
{
	return &l->driver.dialogue.upgrade;
}

static const char *target(const struct life *l)
{
	return l->plan.versions[l->plan.hops];
}

bool driver_must_restore(const struct upgrade_record *r)
{
	return r->callbreak.written || r->gprsfirst.written || r->rat.written || r->pdp_opened;
}

static void set_state(struct life *l, enum job_state state, enum reason reason, usec_t delay)
{
	struct driver *d = &l->driver;

	say(l, "== %s %s", job_state_name(state), reason_name(reason));
	d->row.state = state;
	d->row.reason = reason;
	d->row.due = delay ? usec_add(l->now, delay) : 0;
	d->settled = l->now;
	if (job_is_final(state))
		d->must_restore = driver_must_restore(&upgrade(l)->record);
	driver_save(l, 0);
}

bool driver_may_go(const struct life *l)
{
	const struct driver *d = &l->driver;

	return d->row.job && d->row.state == JOB_WAITING && !d->running && d->row.due <= l->now &&
	       upgrade_is_holding(upgrade(l)) && upgrade_next_start(upgrade(l)) <= l->now;
}

usec_t driver_due(const struct life *l)
{
	const struct driver *d = &l->driver;

	if (!d->row.job || d->row.state != JOB_WAITING || d->running ||
		!upgrade_is_holding(upgrade(l)))
		return USEC_INFINITY;
	return usec_max(d->row.due, upgrade_next_start(upgrade(l)));
}

/* The package for that version; hops after it lead on to the target. */
bool driver_make_task(struct life *l, const char *version)
{
	struct driver *d = &l->driver;
	const struct plan *p = &l->plan;
	unsigned i = 0;

	while (i < p->hops && !text_equal(version, p->versions[i]))
		i++;
	if (i == p->hops)
		return false;
	d->task = (struct upgrade_task){
		.request = { .type = p->ftp ? GTOTA_FTP : GTOTA_HTTP, .url = p->urls[i] },
		.from = p->versions[i],
		.to = p->versions[i + 1],
		.require = p->require,
		.rat = p->rat,
		.check = i + 1 == p->hops ? p->check : CHECK_NONE,
		.signal = judge_wants_signal(p),
	};
	if (p->ftp) {
		d->task.request.url = "fota.example:21";
		d->task.request.filename = p->urls[i];
		d->task.request.username = "fota";
		d->task.request.password = "secret";
	}
	return true;
}

void driver_go(struct life *l)
{
	struct driver *d = &l->driver;

	if (!driver_make_task(l, upgrade(l)->identity.version)) {
		set_state(l, JOB_FAILED, REASON_NO_PACKAGE, 0);
		return;
	}
	d->running = true;
	set_state(l, JOB_RUNNING, REASON_NONE, 0);
	say(l, "   go %s -> %s", d->task.from, d->task.to);
	dialogue_go(&d->dialogue, &d->task, l->now);
	driver_perform(l);
}

/* Its attempt had no verdict when it left the slot: as after a crash. */
static void take_up(struct life *l, const struct upgrade_record *record)
{
	struct driver *d = &l->driver;

	judge_dropped(l, true);
	dialogue_init(&d->dialogue, &d->box, &d->who, &l->plan.timeouts, true, 0);
	dialogue_lend(&d->dialogue, d->room);
	(void) driver_make_task(l, record->from);
	dialogue_resume(&d->dialogue, record, &d->task, l->now);
	d->row.state = d->row.state == JOB_UNKNOWN ? JOB_UNKNOWN : JOB_RUNNING;
	d->running = d->row.state == JOB_RUNNING;
	judge_opened(l);
	dialogue_opened(&d->dialogue, l->now);
}

/* Another module is in the slot: it gets a job of its own, and the old one stays as it is (conduct
 * 11). */
static bool change_modules(struct life *l)
{
	struct driver *d = &l->driver;
	const char *imei = upgrade(l)->identity.imei;
	struct row row = d->parked, stored = d->stored;

	say(l, "== another module");
	if (!text_equal(row.imei, imei)) {
		row = (struct row){ .record = upgrade(l)->record };
		(void) text_format(row.imei, sizeof(row.imei), "%s", imei);
		stored = row;
	}
	d->parked = d->row;
	d->stored = d->durable;
	(void) text_format(d->stored.imei, sizeof(d->stored.imei), "%s", d->parked.imei);
	d->row = row;
	d->durable = stored;
	d->cancelled = false;
	if (row.record.start_durable) {
		take_up(l, &row.record);
		return false;
	}
	d->dialogue.upgrade.record = row.record;
	if (d->row.state == JOB_RUNNING)
		d->row.state = JOB_WAITING;
	d->must_restore = job_is_final(d->row.state) && driver_must_restore(&row.record);
	return true;
}

static void reconcile(struct life *l)
{
	struct driver *d = &l->driver;

	if (d->row.imei[0] && !text_equal(d->row.imei, upgrade(l)->identity.imei) &&
		!change_modules(l))
		return;
	(void) text_format(d->row.imei, sizeof(d->row.imei), "%s", upgrade(l)->identity.imei);

	d->known = true;
	d->refused = REASON_NONE;
	d->seen = l->now;
	if (d->must_restore) {
		dialogue_restore(&d->dialogue, l->now);
		return;
	}
	if (!d->row.job) {
		d->row.job = true;
		d->row.attempts = 0;
		set_state(l, JOB_WAITING, REASON_NONE, 0);
	}
	if (text_equal(upgrade(l)->identity.version, target(l)) &&
		(d->row.state == JOB_WAITING ||
			(d->row.state == JOB_FAILED && d->row.reason != REASON_NO_SERVICE))) {
		l->count.corrected += d->row.state != JOB_WAITING;
		d->dialogue.upgrade.record.end_open = false;
		set_state(l, JOB_SUCCEEDED, REASON_NONE, 0);
		if (d->must_restore)
			dialogue_restore(&d->dialogue, l->now);
	}
}

/* Past the point of no return the verdict decides (conduct 20). */
static enum job_state after_cancel(enum upgrade_outcome outcome, enum job_state state)
{
	return outcome == OUTCOME_UNKNOWN || state == JOB_SUCCEEDED ? state : JOB_CANCELLED;
}

static void verdict(struct life *l, const struct upgrade_notice *n)
{
	struct driver *d = &l->driver;
	bool arrived = n->outcome == OUTCOME_SUCCEEDED || n->outcome == OUTCOME_ALREADY;
	struct job_verdict v = {
		.outcome = n->outcome,
		.reason = n->reason,
		.cme_class = at_error_class(n->cme, l->plan.profile.errors),
		.at_target = arrived && text_equal(upgrade(l)->identity.version, target(l)),
	};
	struct job_decision decision;

	say(l, "== verdict %u %s", (unsigned) n->outcome, reason_name(n->reason));
	judge_verdict(l, n);
	l->count.said[n->outcome][n->reason]++;
	job_count(n->outcome, d->row.state, &d->row.attempts, &d->deferrals);
	l->count.corrected += d->row.state == JOB_UNKNOWN && n->outcome != OUTCOME_UNKNOWN;
	v.attempts = d->row.attempts;
	decision = job_decide(&l->plan.rules, &v);
	d->running = false;
	if (d->cancelled)
		decision.state = after_cancel(n->outcome, decision.state);
	set_state(l, decision.state, decision.reason, decision.delay);
}

void driver_cancel(struct life *l)
{
	struct driver *d = &l->driver;

	if (!d->row.job || job_is_final(d->row.state))
		return;
	d->cancelled = true;
	if (d->row.state == JOB_WAITING && !d->running) {
		set_state(l, JOB_CANCELLED, REASON_CANCELLED, 0);
		if (d->must_restore && upgrade_is_holding(upgrade(l)))
			dialogue_restore(&d->dialogue, l->now);
	} else {
		dialogue_cancel(&d->dialogue, l->now);
	}
	driver_perform(l);
}

void driver_notice(struct life *l, const struct upgrade_notice *n)
{
	struct driver *d = &l->driver;

	switch (n->type) {
	case NOTICE_IDENTIFIED:
		reconcile(l);
		break;
	case NOTICE_REFUSED:
		say(l, "   refused: %s", reason_name(n->reason));
		d->refused = n->reason;
		break;
	case NOTICE_ELSEWHERE:
		say(l, "   busy elsewhere: %s", n->text);
		break;
	case NOTICE_STEP:
	case NOTICE_PHASE:
	case NOTICE_PROGRESS:
		break;
	case NOTICE_WARNING:
		say(l, "   warning: %s %s", reason_name(n->reason), n->text);
		break;
	case NOTICE_RESTORED:
		say(l, "   restored %s", reason_name(n->reason));
		d->must_restore = n->reason != REASON_NONE;
		d->settled = l->now;
		break;
	case NOTICE_VERDICT:
		verdict(l, n);
		break;
	}
}

bool driver_ended(struct life *l)
{
	const struct driver *d = &l->driver;
	const struct timeouts *t = &l->plan.profile.timeouts;
	usec_t patience = usec_add(t->download, 2 * t->return_), end;
	enum ending ending = ENDING_NEVER;

	if (!d->alive || l->gap_until > l->now || l->glitch_until > l->now)
		return false;
	if (d->row.job && job_is_final(d->row.state)) {
		ending = d->row.state == JOB_SUCCEEDED ? ENDING_SUCCEEDED
			 : d->row.state == JOB_FAILED  ? ENDING_FAILED
						       : ENDING_CANCELLED;
		end = usec_add(d->settled, d->must_restore ? patience : l->linger);
	} else if (d->row.job && d->row.state == JOB_UNKNOWN) {
		ending = ENDING_UNKNOWN;
		end = usec_add(usec_max(d->settled, d->port_event), 2 * t->return_);
	} else if (d->row.job && d->deferrals >= DEFERRALS_MAX) {
		ending = ENDING_DEFERRED;
		end = l->now;
	} else if (d->running || (d->known && upgrade_is_holding(upgrade(l)))) {
		return false;
	} else {
		end = usec_add(usec_max(d->settled, d->seen), patience);
	}
	l->count.ending = ending;
	/* What answers only now is owed what it is to get. */
	if (judge_is_answering(l) && ending != ENDING_SUCCEEDED && ending != ENDING_DEFERRED)
		end = usec_max(end, usec_add(l->judge.answering, patience));
	return l->now >= end;
}
