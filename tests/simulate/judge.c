/*
 * What must hold after every event, at every verdict and at the end of a life.
 */
#include "tests/simulate/simulate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define ROUNDS_AT_ONE_INSTANT 2000
#define START_SLACK	      (30 * SEC) /* from the record's time of a start to the line's last byte */

static const char *const names[] = {
	[ONE_GTOTA_PER_ATTEMPT] = "one-gtota-per-attempt",
	[NEVER_WHILE_BUSY] = "never-while-busy",
	[CALLBREAK_FIRST] = "callbreak-first",
	[PDP_FIRST] = "pdp-first",
	[SILENT_WHILE_FLASHING] = "silent-while-flashing",
	[SAVE_BEFORE_SEND] = "save-before-send",
	[STRANGERS_ONLY_ASKED] = "strangers-only-asked",
	[LIVE_DEADLINE] = "live-deadline",
	[SUCCESS_IS_TRUE] = "success-is-true",
	[FAILURE_IS_TRUE] = "failure-is-true",
	[SETTINGS_RESTORED] = "settings-restored",
	[UNKNOWN_SETTLES] = "unknown-settles",
	[SERVICE_IS_TRUE] = "service-is-true",
	[HEALTHY_SUCCEEDS] = "healthy-succeeds",
	[EVERY_LIFE_ENDS] = "every-life-ends",
};

const char *invariant_name(enum invariant invariant)
{
	return names[invariant];
}

void violated(struct life *l, enum invariant invariant, const char *format, ...)
{
	va_list args;

	l->violation = invariant;
	va_start(args, format);
	(void) vsnprintf(l->why, sizeof(l->why), format, args);
	va_end(args);
	longjmp(*l->out, 1);
}

static const struct fake_modem_truth *truth(const struct life *l)
{
	return &l->modules[0].truth;
}

/* ---- after every round ---- */

/* A port that goes away behind COMPLETE, or text like a boot's, looks like a restart, and may be
 * none. */
static bool saw_an_end(const struct life *l)
{
	return l->judge.end_was_seen &&
	       (l->plan.module.n_faults > 0 || l->disturbed[DISTURBANCE_GLITCH] > 0);
}

static void check_starts(struct life *l)
{
	const struct timeouts *t = &l->plan.profile.timeouts;
	const struct fake_modem_truth *m = truth(l);
	struct judge *j = &l->judge;
	unsigned received = m->gtota_received + m->gtota_malformed;
	usec_t last = j->accepted_at;

	if (received == j->received && m->gtota_while_busy == j->busy)
		return;
	if (m->gtota_malformed && !j->torn)
		violated(l, ONE_GTOTA_PER_ATTEMPT, "a malformed +GTOTA arrived");
	if (received > j->received + 1 || m->gtota_while_busy > j->busy + 1)
		violated(l, ONE_GTOTA_PER_ATTEMPT, "two at once");
	if (j->starts == j->starts_checked &&
		j->torn) { /* "AT+GTOTA=" of a torn probe, and an AT behind it */
		j->busy = m->gtota_while_busy;
		j->received = received;
		return;
	}
	j->starts_checked = j->starts;
	if (m->gtota_received > j->starts && !j->torn)
		violated(l, ONE_GTOTA_PER_ATTEMPT, "+GTOTA number %u of %u", m->gtota_received,
			j->starts);
	j->received = received;
	if (m->gtota_accepted > j->accepted)
		j->accepted_at =
			j->started; /* its first byte counts, however late the last one came */
	j->accepted = m->gtota_accepted;
	/* Conduct 8 knows no way to learn that a module still is busy when `download` has passed.
	 */
	if ((m->gtota_while_busy > j->busy || j->open_end) && !saw_an_end(l) &&
		!l->driver.store_lost && !plan_has_fault(&l->plan, FAKE_FAULT_FOREIGN_DOWNLOAD) &&
		last != 0 && l->now + START_SLACK < usec_add(last, t->download))
		violated(l, NEVER_WHILE_BUSY, "+GTOTA %u s after the last, whose end was not seen",
			(unsigned) ((l->now - last) / SEC));
	if (m->starts_without_callbreak > 0)
		violated(l, CALLBREAK_FIRST, "+GTOTA was accepted with CALLBREAK 0");
	if (l->plan.profile.mipcall == PROFILE_MIPCALL_REQUIRED && !m->pdp_active &&
		m->gtota_received > j->well_formed &&
		!plan_has_fault(&l->plan, FAKE_FAULT_MIPCALL_DROP))
		violated(l, PDP_FIRST, "+GTOTA arrives without a PDP context");
	j->busy = m->gtota_while_busy;
	j->well_formed = m->gtota_received;
}

static void check_deadline(struct life *l)
{
	const struct upgrade *u = &l->driver.dialogue.upgrade;
	struct judge *j = &l->judge;

	if (l->now != j->still_since) {
		j->still_since = l->now;
		j->still = 0;
	}
	if (++j->still > ROUNDS_AT_ONE_INSTANT)
		violated(l, LIVE_DEADLINE, "time stands still");
	if (!l->driver.alive || l->gap_until > l->now)
		return;
	if ((u->task || upgrade_past_no_return(u)) && !u->unknown &&
		dialogue_deadline(&l->driver.dialogue) == USEC_INFINITY)
		violated(l, LIVE_DEADLINE, "step %s waits for ever", upgrade_step_name(u));
	if (l->driver.box.notices_lost > 0)
		violated(l, LIVE_DEADLINE, "notices were lost");
}

/* Since when would a healthy module answer, if it were asked? */
static void watch_answering(struct life *l)
{
	const struct fake_modem *m = &l->modules[0];
	bool answers =
		l->seat == 0 && m->state == FAKE_RUNNING && m->port && l->now >= l->glitch_until &&
		l->driver.alive && l->now >= l->gap_until && l->plan.module.n_faults == 0 &&
		(!l->driver.row.imei[0] || text_equal(l->driver.row.imei, fake_modem_imei(m)));

	if (!answers)
		l->judge.answering = USEC_INFINITY;
	else if (l->judge.answering == USEC_INFINITY)
		l->judge.answering = l->now;
}

bool judge_is_answering(const struct life *l)
{
	return l->judge.answering != USEC_INFINITY;
}

void judge_check(struct life *l)
{
	l->count.rounds++;
	watch_answering(l);
	check_starts(l);
	l->judge.open_end = l->modules[0].gtota_open_end;
	check_deadline(l);
	if (l->modules[1].truth.gtota_received > 0 && l->plan.imei_named)
		violated(l, STRANGERS_ONLY_ASKED, "a stranger got a +GTOTA");
}

/* ---- at a verdict ---- */

/* Is the module still on its way to the new version? */
static bool will_succeed(const struct life *l)
{
	const struct fake_modem *m = &l->modules[0];

	switch (m->state) {
	case FAKE_APPLYING:
		return !plan_has_fault(&l->plan, FAKE_FAULT_VERSION_UNCHANGED);
	case FAKE_BOOTING:
		return m->second_pending;
	case FAKE_RUNNING:
		return m->second_pending ||
		       (l->server[0].active && fake_fota_downloading(m) &&
			       l->server[0].hop < HOPS_MAX) ||
		       m->fota == FAKE_FOTA_VERIFYING;
	case FAKE_OFF:
	case FAKE_DEAD:
		break;
	}
	return false;
}

/*
 * Faults after which the silence that conduct 6 asks for proves nothing: reports that never come,
 * and a module that shows its old version, is silent for `stall`, and only then goes on.
 */
static bool is_unknowable(const struct life *l)
{
	static const enum fake_fault_type types[] = { FAKE_FAULT_NO_PERCENT,
		FAKE_FAULT_COMPLETE_WITHOUT_START, FAKE_FAULT_DROP_LINE, FAKE_FAULT_SECOND_RESET,
		FAKE_FAULT_START_OVER, FAKE_FAULT_FLOOD, FAKE_FAULT_LATE_ANSWER,
		FAKE_FAULT_NO_REBOOT, FAKE_FAULT_ENDLESS_LINE };

	for (size_t i = 0; i < ELEMENTSOF(types); i++)
		if (plan_has_fault(&l->plan, types[i]))
			return true;
	return l->driver.store_lost;
}

static const char *durable_to(const struct life *l)
{
	return l->driver.dialogue.upgrade.record.to;
}

/* What cannot be saved is not opened, and then the data connection is not asked about. */
static bool saves_well(const struct life *l)
{
	return l->plan.store_failures == 0 && l->plan.store_delay < 1 * SEC;
}

static void check_service(struct life *l)
{
	const struct judge *j = &l->judge;

	if (l->plan.check == CHECK_NONE || !judge_is_last_hop(l))
		return;
	if (!j->registered)
		violated(l, SERVICE_IS_TRUE, "success, and it has not said that it is registered");
	if (l->plan.check == CHECK_PDP && !j->pdp && saves_well(l))
		violated(l, SERVICE_IS_TRUE, "success, and it has not said that it has a context");
}

static void check_no_service(struct life *l)
{
	const struct timeouts *t = &l->plan.profile.timeouts;
	const struct judge *j = &l->judge;
	usec_t least = usec_min(t->registration, t->pdp);

	if (l->plan.check == CHECK_NONE || !judge_is_last_hop(l))
		violated(l, SERVICE_IS_TRUE, "no-service, and nobody wants to know");
	if (!judge_is_proven(l) || !text_equal(fake_modem_version(world_module(l)), durable_to(l)))
		violated(l, SERVICE_IS_TRUE, "no-service, and the version is not proven");
	if (j->checked == 0 || usec_add(l->now, 2 * SEC) < usec_add(j->checked, least))
		violated(l, SERVICE_IS_TRUE, "no-service after %u s",
			(unsigned) ((l->now - j->checked) / SEC));
}

static void check_success(struct life *l)
{
	const struct fake_modem *m = world_module(l);
	const struct judge *j = &l->judge;
	const char *to = durable_to(l);

	check_service(l);
	if (!text_equal(fake_modem_version(m), to))
		violated(l, SUCCESS_IS_TRUE, "it runs %s, not %s", fake_modem_version(m), to);
	if (!text_equal(fake_modem_imei(m), l->driver.dialogue.upgrade.record.imei))
		violated(l, SUCCESS_IS_TRUE, "another module answers");
	if (m->truth.packages_applied == 0)
		violated(l, SUCCESS_IS_TRUE, "nothing was ever installed");
	if (j->last_good < usec_add(j->first_good, l->plan.profile.timeouts.settle))
		violated(l, SUCCESS_IS_TRUE,
			"the version was not read twice, settle apart, undisturbed");
}

static void check_failure(struct life *l, const struct upgrade_notice *n)
{
	const struct fake_modem *m = &l->modules[0];
	const char *to = durable_to(l);

	if (n->reason == REASON_NO_SERVICE) {
		check_no_service(l);
		return;
	}
	if (l->seat == 0 && text_equal(fake_modem_version(m), to) && m->state == FAKE_RUNNING)
		violated(l, FAILURE_IS_TRUE, "%s, and it runs %s", reason_name(n->reason), to);
	if (!will_succeed(l))
		return;
	if (!is_unknowable(l))
		violated(l, FAILURE_IS_TRUE, "%s, and it is on its way to %s",
			reason_name(n->reason), to);
	l->count.unknowable++;
}

void judge_verdict(struct life *l, const struct upgrade_notice *n)
{
	struct judge *j = &l->judge;

	if (n->outcome == OUTCOME_SUCCEEDED)
		check_success(l);
	if (n->outcome == OUTCOME_FAILED && j->past)
		check_failure(l, n);
	if (n->outcome != OUTCOME_UNKNOWN)
		j->past = j->listening = false;
}

static bool cannot_be_restored(const struct life *l)
{
	return l->driver.store_lost || plan_has_fault(&l->plan, FAKE_FAULT_GTSET_UNREADABLE) ||
	       plan_has_fault(&l->plan, FAKE_FAULT_CALLBREAK_ERROR) ||
	       plan_has_fault(&l->plan, FAKE_FAULT_GPRSFIRST_ERROR) ||
	       plan_has_fault(&l->plan, FAKE_FAULT_SILENT) ||
	       plan_has_fault(&l->plan, FAKE_FAULT_ERROR) ||
	       plan_has_fault(&l->plan, FAKE_FAULT_DROP_LINE) ||
	       plan_has_fault(&l->plan, FAKE_FAULT_DUPLICATE_LINE) ||
	       plan_has_fault(&l->plan, FAKE_FAULT_FLOOD) ||
	       plan_has_fault(&l->plan, FAKE_FAULT_ENDLESS_LINE) ||
	       plan_has_fault(&l->plan, FAKE_FAULT_LATE_ANSWER) ||
	       plan_has_fault(&l->plan, FAKE_FAULT_IMEI_OTHER);
}

static void check_settings(struct life *l)
{
	const struct fake_modem_config *before = &l->plan.module;
	const struct fake_modem *m = &l->modules[0];

	if (cannot_be_restored(l) || l->plan.slow_writes ||
		!text_equal(l->driver.row.imei, fake_modem_imei(m)))
		return;
	if (m->truth.callbreak != before->callbreak)
		violated(l, SETTINGS_RESTORED, "CALLBREAK is %d and was %d", m->truth.callbreak,
			before->callbreak);
	if (before->family != FAKE_NL652 && m->truth.gprsfirst != before->gprsfirst)
		violated(l, SETTINGS_RESTORED, "GPRSFIRST is %d and was %d", m->truth.gprsfirst,
			before->gprsfirst);
	/* What looks like the restart behind COMPLETE takes a context with it, as far as anybody can tell. */
	if ((m->context || m->truth.pdp_active) && l->plan.module.n_faults == 0 &&
		l->disturbed[DISTURBANCE_GLITCH] == 0)
		violated(l, SETTINGS_RESTORED, "a context is open, and nobody closes it");
	if (!text_equal(m->rat, m->row->rat))
		violated(l, SETTINGS_RESTORED, "GTRAT is %s and was %s", m->rat, m->row->rat);
}

/* ---- at the end ---- */

static bool is_healthy(const struct life *l)
{
	const struct plan *p = &l->plan;
	unsigned crashes =
		l->disturbed[DISTURBANCE_CRASH] + l->disturbed[DISTURBANCE_GLITCH]; /* of a line */

	return p->module.n_faults == 0 && p->server_error == 0 && !p->wrong_package &&
	       p->store_failures == 0 && p->store_delay < 1 * SEC && !p->slow_writes &&
	       crashes <= 1 && (crashes == 0 || p->rules.attempts > 1) && !l->driver.store_lost &&
	       l->disturbed[DISTURBANCE_CANCEL] == 0 && l->disturbed[DISTURBANCE_SWAP] == 0;
}

static void check_healthy(struct life *l)
{
	unsigned applied = truth(l)->packages_applied;

	if (l->count.ending != ENDING_SUCCEEDED)
		violated(l, HEALTHY_SUCCEEDS, "nothing is wrong, and it ends as %s (%s)",
			job_state_name(l->driver.row.state), reason_name(l->driver.row.reason));
	if (truth(l)->gtota_received != l->plan.hops || applied != l->plan.hops)
		violated(l, ONE_GTOTA_PER_ATTEMPT, "%u times +GTOTA, %u installed, for %u hops",
			truth(l)->gtota_received, applied, l->plan.hops);
}

void judge_end(struct life *l)
{
	const struct driver *d = &l->driver;

	if (l->now > l->end)
		violated(l, EVERY_LIFE_ENDS, "job %s (%s), step %s", job_state_name(d->row.state),
			reason_name(d->row.reason), upgrade_step_name(&d->dialogue.upgrade));
	if (l->count.ending == ENDING_UNKNOWN && judge_is_answering(l))
		violated(l, UNKNOWN_SETTLES, "the module answers, and its job stays unknown");
	if (d->must_restore && job_is_final(d->row.state) && judge_is_answering(l))
		violated(l, SETTINGS_RESTORED,
			"the module answers, and its settings are not put back");
	if (!d->must_restore && job_is_final(d->row.state))
		check_settings(l);
	if (l->count.ending == ENDING_NEVER && judge_is_answering(l))
		violated(l, EVERY_LIFE_ENDS, "the module answers, and nothing is done with it");
	if (is_healthy(l))
		check_healthy(l);
}
