/*
 * What an upgrade is at, and what it asks for; and how it begins.
 */
#include <string.h>

#include "base/text.h"
#include "core/upgrade-internal.h"

void upgrade_save(struct upgrade *u)
{
	u->out->save = ++u->saves;
}

void upgrade_notify(
	struct upgrade *u, enum upgrade_notice_type type, enum reason reason, const char *text)
{
	struct upgrade_notice *n;

	if (u->out->n_notices == UPGRADE_NOTICES_MAX)
		return;
	n = &u->out->notices[u->out->n_notices++];
	*n = (struct upgrade_notice){
		.type = type,
		.outcome = u->outcome,
		.reason = reason,
		.cme = u->cme,
		.percent = u->percent,
		.step = upgrade_steps[u->step].name,
	};
	text_escape(n->text, sizeof(n->text), text ?: "", text ? strlen(text) : 0);
}

const struct timeouts *upgrade_timeouts(const struct upgrade *u)
{
	return u->profile ? &u->profile->timeouts : u->timeouts;
}

usec_t upgrade_ask_interval(const struct upgrade *u)
{
	return usec_min(30 * SEC, upgrade_timeouts(u)->settle);
}

usec_t upgrade_limit(const struct upgrade *u, enum limit which)
{
	const struct timeouts *t = upgrade_timeouts(u);

	switch (which) {
	case LIMIT_NONE:
		return 0;
	case LIMIT_COMMAND:
		return t->command;
	case LIMIT_IDENTIFY:
		return t->identify;
	case LIMIT_REGISTRATION:
		return t->registration;
	case LIMIT_PDP:
		return t->pdp;
	}
	return 0;
}

void upgrade_init(struct upgrade *u, const struct upgrade_modem *modem,
	const struct timeouts *timeouts, bool trusted, usec_t quiet,
	struct evidence *evidence)
{
	*u = (struct upgrade){
		.modem = modem,
		.timeouts = timeouts,
		.trusted = trusted,
		.quiet = quiet,
		.evidence = evidence,
		.step = STEP_ABSENT,
		.wake = USEC_INFINITY,
		.percent = -1,
		.cme = AT_ERROR_NONE,
	};
	evidence_begin(u->evidence, "", 0);
}

void upgrade_rebase(struct upgrade *u, const struct timeouts *timeouts)
{
	const struct upgrade_modem *modem = u->modem;
	const char *model = u->record.model[0] ? u->record.model : u->identity.model;
	const struct profile *row;

	u->timeouts = timeouts;
	u->profile = NULL;
	if (model[0] && profile_match(model, &row) != PROFILE_MATCH_NONE)
		u->profile = modem->profile
				     ?: modem->resolve ? modem->resolve(row, modem->userdata)
						       : row;
}

void upgrade_resume(struct upgrade *u, const struct upgrade_record *record,
	const struct upgrade_task *task, usec_t now)
{
	u->record = *record;
	/* Damaged or of another boot, when it lies ahead: it would keep rule 8 waiting for good. */
	u->record.started = usec_min(record->started, now);
	upgrade_rebase(u, u->timeouts);
	if (!record->start_durable)
		return;
	u->task = task;
	u->resumed = true;
	evidence_resume(u->evidence, now);
	u->line_sent = u->line_whole = true;
	u->since = u->activity = now;
	u->step = STEP_RETURN;
	u->wake = usec_add(now, upgrade_timeouts(u)->return_);
}

usec_t upgrade_deadline(const struct upgrade *u)
{
	return u->wake;
}

const char *upgrade_outcome_name(int outcome)
{
	static const char *const names[] = {
		[OUTCOME_SUCCEEDED] = "succeeded",
		[OUTCOME_ALREADY] = "already",
		[OUTCOME_FAILED] = "failed",
		[OUTCOME_DEFERRED] = "deferred",
		[OUTCOME_UNKNOWN] = "unknown",
		[OUTCOME_CANCELLED] = "cancelled",
	};

	return outcome >= 0 && (size_t) outcome < ELEMENTSOF(names) ? names[outcome] : NULL;
}

const char *upgrade_step_name(const struct upgrade *u)
{
	return upgrade_steps[u->step].name;
}

enum upgrade_phase upgrade_phase(const struct upgrade *u)
{
	return upgrade_steps[u->step].phase;
}

const char *upgrade_phase_name(enum upgrade_phase phase)
{
	switch (phase) {
	case PHASE_IDLE:
		return "idle";
	case PHASE_PREPARING:
		return "preparing";
	case PHASE_DOWNLOADING:
		return "downloading";
	case PHASE_INSTALLING:
		return "installing";
	case PHASE_VERIFYING:
		return "verifying";
	}
	return "";
}

bool upgrade_past_no_return(const struct upgrade *u)
{
	return u->record.start_durable;
}

bool upgrade_is_holding(const struct upgrade *u)
{
	return u->step == STEP_HOLD;
}

usec_t upgrade_next_start(const struct upgrade *u)
{
	if (!u->record.end_open)
		return 0;
	return usec_add(u->record.started, upgrade_timeouts(u)->download);
}
