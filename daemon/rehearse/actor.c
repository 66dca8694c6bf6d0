/*
 * One modem's job, as daemon/modem-job.c has it: from what the dialogue tells to what is done. What is decided is
 * decided in core.
 */
#include <string.h>

#include "base/text.h"
#include "daemon/rehearse/rehearsal-internal.h"

#define WAKE (1 * SEC) /* a known module is identified within that */

static struct upgrade *upgrade(const struct actor *a)
{
	return a->life ? &a->life->dialogue.upgrade : NULL;
}

static bool must_restore(const struct actor *a)
{
	const struct upgrade_record *r = a->life ? &upgrade(a)->record : NULL;

	return r &&
	       (r->callbreak.written || r->gprsfirst.written || r->rat.written || r->pdp_opened);
}

/* Conduct 23. */
uint64_t package_bytes(
	const struct rehearsal *r, const struct actor *a, const struct package *package)
{
	const struct profile *profile = actor_profile(r, a);

	return package->size ? package->size : profile ? profile->package_max : 1;
}

enum member_state actor_state(const struct actor *a)
{
	const struct member_job job = {
		.runs = a->slot,
		.away = !a->identified && a->refused != REASON_NONE,
		.made = a->job,
		.state = a->state,
		.reason = a->reason,
		.spent = a->backoff,
		.tried = a->member.begun,
	};

	return member_state_now(&job);
}

static void enter_state(struct rehearsal *r, struct actor *a, enum job_state state,
	enum reason reason, usec_t delay, usec_t now)
{
	a->state = state;
	a->reason = reason;
	a->due = delay ? usec_add(now, delay) : 0;
	a->backoff = false;
	a->opening_until = 0;
	if (job_is_final(state) || (delay && upgrade(a) && upgrade(a)->record.rat.written))
		a->restore = must_restore(a);
	rehearsal_touch(r, a);
}

bool actor_is_settled(const struct actor *a)
{
	if (!a->campaign || (a->job && (job_is_final(a->state) || a->state == JOB_UNKNOWN)))
		return true;
	if (!a->identified)
		return a->refused != REASON_NONE;
	return a->job && a->state == JOB_WAITING && !a->backoff && a->reason != REASON_NONE &&
	       a->deferrals >= a->campaign->retry.attempts;
}

/* ---- when ---- */

usec_t actor_due(const struct actor *a)
{
	return usec_max(a->due, upgrade(a) ? upgrade_next_start(upgrade(a)) : 0);
}

usec_t actor_expected(const struct rehearsal *r, const struct actor *a)
{
	const struct profile *profile = actor_profile(r, a);

	return opening_duration(profile ? &profile->timeouts : &r->config->timeouts);
}

/* Many modems are of one campaign: its windows are looked at once. */
static const struct window_opening *next_of(struct run *run, usec_t now)
{
	const struct opening_rules *when = &run->config->when;

	if ((!run->asked || run->next.until <= now) &&
		!window_next(when->windows, when->n_windows, now, 0, &run->next))
		run->next = (struct window_opening){ USEC_INFINITY, USEC_INFINITY };
	run->asked = true;
	return &run->next;
}

static void ask(struct rehearsal *r, struct actor *a, usec_t now)
{
	struct opening_job job = { job_seed(a->module.imei), actor_expected(r, a) };
	struct opening_clock clock = { now, true };
	bool waited = a->turn.state == SCHEDULE_QUEUED && a->turn.due < now;

	a->opening = opening_decide(&a->campaign->when, next_of(a->run, now), &job, &clock);
	a->opening_until = a->opening.when;
	if (waited && a->opening.state == OPENING_WAITS)
		note_missed(r, a, a->turn.due);
	if (a->opening.state != OPENING_EXPIRED)
		return;
	enter_state(r, a, JOB_FAILED, REASON_DEADLINE, 0, now);
	note_moment(a->run, MOMENT_DEADLINE, 0, now);
	if (a->restore && upgrade_is_holding(upgrade(a)))
		dialogue_restore(&a->life->dialogue, now);
}

static bool is_open(struct rehearsal *r, struct actor *a, usec_t now)
{
	if (!opening_uses_clock(&a->campaign->when))
		return true;
	if (a->opening_until <= now)
		ask(r, a, now);
	return a->opening.state == OPENING_OPEN;
}

bool actor_may_go(struct rehearsal *r, struct actor *a, usec_t now)
{
	return a->job && a->campaign && a->state == JOB_WAITING && !a->slot && !a->restore &&
	       a->identified && actor_due(a) <= now &&
	       (!upgrade(a) || upgrade_is_holding(upgrade(a))) && is_open(r, a, now);
}

/* ---- what there is to do ---- */

static void reconcile(struct rehearsal *r, struct actor *a, usec_t now)
{
	const char *version = upgrade(a)->identity.version;

	a->identified = true;
	a->refused = REASON_NONE;
	a->opening_until = 0;
	rehearsal_touch(r, a);
	if (a->restore) {
		dialogue_restore(&a->life->dialogue, now);
		return;
	}
	if (!a->campaign)
		return;
	if (!a->job) {
		a->job = true;
		enter_state(r, a, JOB_WAITING, REASON_NONE, 0, now);
	}
	if (text_equal(version, a->campaign->target) && a->state != JOB_SUCCEEDED &&
		a->state != JOB_RUNNING && a->reason != REASON_NO_SERVICE) {
		upgrade(a)->record.end_open = false;
		enter_state(r, a, JOB_SUCCEEDED, REASON_NONE, 0, now);
		if (a->restore)
			dialogue_restore(&a->life->dialogue, now);
	}
	rehearsal_ready(r, a);
}

static struct job_rules rules_of(const struct actor *a)
{
	struct job_rules rules = config_job_rules(a->campaign);

	rules.seed = job_seed(a->module.imei);
	return rules;
}

static void fail(struct rehearsal *r, struct actor *a, enum reason reason, usec_t now)
{
	rehearsal_set_slot(r, a, false);
	enter_state(r, a, JOB_FAILED, reason, 0, now);
	if (a->restore)
		dialogue_restore(&a->life->dialogue, now);
}

/* The module is there, and holds. */
static void start(struct rehearsal *r, struct actor *a, usec_t now)
{
	const struct upgrade *u = upgrade(a);
	const struct config *config = r->config;
	const char *target = a->campaign->target;
	struct job_rules rules = rules_of(a);
	const struct package *package;
	size_t hops;

	a->going = false;
	if (package_next(config->packages, config->n_packages, u->profile, u->identity.model,
		    u->identity.version, target, r->work, &package, &hops) < 0) {
		fail(r, a,
			package_nearest(
				config->packages, config->n_packages, u->identity.model, target)
				? REASON_BASE_MISMATCH
				: REASON_NO_PACKAGE,
			now);
		return;
	}
	if (!job_can_spend(&rules, a->bytes, package_bytes(r, a, package))) {
		fail(r, a, a->reason ? a->reason : REASON_NO_PACKAGE, now);
		return;
	}
	a->package_bytes = package_bytes(r, a, package);
	a->attempt_before = u->record.attempt;
	enter_state(r, a, JOB_RUNNING, REASON_NONE, 0, now);
	note_start(r, a, package, now);
	if (!r->shortage)
		life_go(a->life, package, now);
}

/* It was there all the time: it is switched on a little earlier, so that it holds now. */
static bool wake_up(struct rehearsal *r, struct actor *a, usec_t now)
{
	usec_t at = usec_sub(now, WAKE);

	if (life_begin(r, a, at) < 0) {
		r->shortage = true;
		return false;
	}
	while (life_due(a->life) <= now) {
		at = usec_max(at, life_due(a->life));
		life_work(a->life, at);
	}
	return upgrade_is_holding(upgrade(a));
}

void actor_go(struct rehearsal *r, struct actor *a, usec_t now)
{
	rehearsal_set_slot(r, a, true);
	if (a->life) {
		start(r, a, now);
		return;
	}
	if (wake_up(r, a, now))
		start(r, a, now);
	else
		a->going = !r->shortage;
}

/* An attempt is over. */
static void verdict(
	struct rehearsal *r, struct actor *a, const struct upgrade_notice *n, usec_t now)
{
	const struct upgrade *u = upgrade(a);
	bool arrived = n->outcome == OUTCOME_SUCCEEDED || n->outcome == OUTCOME_ALREADY;
	struct job_verdict v = {
		.outcome = n->outcome,
		.reason = n->reason,
		.cme_class =
			at_error_class(n->cme, u->profile ? u->profile->errors : AT_ERROR_STANDARD),
		.at_target = arrived && text_equal(u->identity.version, a->campaign->target),
		.next_bytes = a->package_bytes,
	};
	struct job_rules rules = rules_of(a);
	struct job_decision decision;

	job_count(n->outcome, a->state, &a->attempts, &a->deferrals);
	a->bytes += u->record.attempt > a->attempt_before ? a->package_bytes : 0;
	a->attempt_before = u->record.attempt;
	v.attempts = a->attempts;
	v.bytes = a->bytes;
	decision = job_decide(&rules, &v);
	rehearsal_set_slot(r, a, false);
	enter_state(r, a, decision.state, decision.reason, decision.delay, now);
	a->backoff = n->outcome == OUTCOME_FAILED && a->state == JOB_WAITING;
	note_end(r, a, n, now);
	if (n->outcome == OUTCOME_SUCCEEDED)
		note_figures(r, u);
	rehearsal_ready(r, a);
}

void actor_notice(struct rehearsal *r, struct actor *a, const struct upgrade_notice *n, usec_t now)
{
	switch (n->type) {
	case NOTICE_IDENTIFIED:
		if (a->going)
			start(r, a, now);
		else
			reconcile(r, a, now);
		break;
	case NOTICE_REFUSED:
	case NOTICE_ELSEWHERE:
		a->identified = false;
		a->refused = n->type == NOTICE_ELSEWHERE ? REASON_BUSY : n->reason;
		if (n->type == NOTICE_REFUSED && reason_class(n->reason) == REASON_PERSON &&
			a->job && !a->slot && a->state == JOB_WAITING)
			enter_state(r, a, JOB_FAILED, n->reason, 0, now);
		if (a->going)
			rehearsal_set_slot(r, a, a->going = false);
		rehearsal_touch(r, a);
		break;
	case NOTICE_RESTORED:
		a->restore = n->reason != REASON_NONE && n->reason != REASON_SETTING_REFUSED;
		rehearsal_ready(r, a);
		break;
	case NOTICE_VERDICT:
		verdict(r, a, n, now);
		break;
	case NOTICE_STEP:
	case NOTICE_PHASE:
	case NOTICE_PROGRESS:
	case NOTICE_WARNING:
		break;
	}
}

void actor_tidy(struct rehearsal *r, struct actor *a)
{
	struct life *l = a->life;

	if (!l)
		return;
	if (!a->slot && !a->restore && !a->going && life_rests(l))
		life_end(l);
	else
		deadlines_set(&r->lives, &l->due, life_due(l));
}

const char *actor_left(const struct rehearsal *r, const struct actor *a, const char **ret_state)
{
	enum job_wait wait;

	if (!a->job || a->state == JOB_WAITING) {
		wait = schedule_waits_for(&r->schedule, &a->turn, r->now);
		*ret_state = "waiting";
		if (!a->identified && a->refused)
			return reason_name(a->refused);
		if (a->turn.state != SCHEDULE_QUEUED && a->reason)
			return reason_name(a->reason);
		if (wait == JOB_WAIT_NONE && a->opening_until > 0 &&
			a->opening.state == OPENING_WAITS)
			wait = a->opening.wait;
		return wait == JOB_WAIT_NONE ? "slot" : job_wait_name(wait);
	}
	*ret_state = job_state_name(a->state);
	return reason_name(a->reason);
}
