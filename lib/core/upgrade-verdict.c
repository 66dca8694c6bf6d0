/*
 * The module's return, and what is to be believed (conduct 6 to 9). Only AT, ATE0, +CGSN and +CGMR
 * are sent here, AT at most once an interval. Success is the target version from the same IMEI,
 * read twice, `settle` apart, with no port event between; failure is the old (or a wrong) version
 * and `stall` without any report or port event; all else is not known yet. What is checked after a
 * success is in upgrade-check.c.
 */
#include <string.h>

#include "base/text.h"
#include "core/upgrade-internal.h"

/* When it is said not to be back. One that answers by then is, and has the time for its verdict. */
static usec_t give_up(const struct upgrade *u)
{
	const struct timeouts *t = upgrade_timeouts(u);
	usec_t end = usec_add(u->since, t->return_);
	usec_t proof = u->first_read ? usec_add(u->first_read, t->settle)
				     : usec_add(u->activity, t->stall);

	if (u->unknown)
		return USEC_INFINITY;
	if (!u->read[0])
		return end;
	return usec_max(end, usec_add(proof, 2 * (t->command + t->identify)));
}

static int not_back(struct upgrade *u)
{
	u->outcome = OUTCOME_UNKNOWN;
	u->reason = REASON_NOT_BACK;
	return END;
}

/* Waits for the next question, or says that the module is not back. */
static int later(struct upgrade *u, usec_t at, usec_t now)
{
	if (now >= give_up(u))
		return not_back(u);
	u->wake = usec_min(usec_max(at, usec_add(now, 1)), give_up(u));
	return STAY;
}

int upgrade_listen_again(struct upgrade *u, usec_t now)
{
	const struct upgrade_record *r = &u->record;

	u->resumed = false;
	u->since = now;
	if (r->left || r->failed)
		return STEP_ANSWER;
	if (r->complete)
		return STEP_LEAVE;
	/* conduct 9: the rest of `start`, and then `stall` */
	u->activity = usec_max(now, usec_add(r->started, upgrade_timeouts(u)->start));
	return STEP_DOWNLOAD;
}

int upgrade_on_return(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	if (event->type == UPGRADE_EVENT_TIME && now >= give_up(u))
		return not_back(u);
	u->wake = give_up(u);
	return STAY;
}

/* Why an upgrade that left the old (or a wrong) version behind has failed. */
static enum reason why(const struct upgrade *u)
{
	const struct upgrade_record *r = &u->record;

	if (!text_equal(u->read, r->from))
		return REASON_VERSION_UNEXPECTED;
	if (r->failed)
		return REASON_DOWNLOAD_FAILED;
	if (r->complete)
		return r->restarted ? REASON_VERSION_UNCHANGED : REASON_NO_REBOOT;
	if (r->left)
		return REASON_PORT_LOST;
	return u->report_seen ? REASON_STALLED : REASON_NO_START;
}

/* What is known now is fresh. */
static void identify(struct upgrade *u)
{
	memcpy(u->identity.version, u->read, sizeof(u->identity.version));
	memcpy(u->identity.imei, u->record.imei, sizeof(u->identity.imei));
	memcpy(u->identity.model, u->record.model, sizeof(u->identity.model));
	u->identified = true;
}

static int judge(struct upgrade *u, usec_t now)
{
	const struct timeouts *t = upgrade_timeouts(u);

	evidence_read(u->evidence, u->read, usec_sub(u->asked, u->record.started),
		u->first_read == 0);
	if (text_equal(u->read, u->record.to)) {
		if (u->first_read == 0) {
			u->first_read = now;
			return STEP_SETTLE;
		}
		if (usec_sub(u->asked, u->first_read) < t->settle) /* from an answer to the next question */
			return STEP_SETTLE;
		u->record.end_open = false;
		identify(u);
		return u->task && u->task->check != CHECK_NONE ? STEP_CHECK_NETWORK : STEP_SERVED;
	}
	u->first_read = 0;
	/* By the time of the question: behind a late answer reports may wait to be read (conduct 15). */
	if (u->asked < usec_add(u->activity, t->stall) || now >= u->wake)
		return STEP_SETTLE;
	u->outcome = OUTCOME_FAILED;
	u->reason = why(u);
	identify(u);
	return END;
}

/* A line in the verification: the module still downloads, or restarts once more. */
int upgrade_heard(struct upgrade *u, const char *line, usec_t now)
{
	struct gtota_report report;
	bool boot;

	if (!upgrade_hear(u, line, now, &report, &boot))
		return STAY;
	u->first_read = 0;
	if (boot || (report.type != GTOTA_REPORT_START && report.type != GTOTA_REPORT_PROGRESS))
		upgrade_save(u); /* never for each per cent */
	if (boot)
		return STEP_ANSWER;
	u->since = now;
	if (report.type == GTOTA_REPORT_COMPLETE || report.type == GTOTA_REPORT_UPDATE)
		return STEP_LEAVE;
	return STAY;
}

/* What is no answer to this question may be a late one to another: what is still on its way gets time to arrive. */
static int ask_later(struct upgrade *u, usec_t now)
{
	u->asked = now;
	return STEP_ANSWER;
}

static int answered(struct upgrade *u, const char *text, usec_t now)
{
	char imei[IMEI_SIZE];

	switch (u->step) {
	case STEP_ANSWER_IMEI:
		if (identity_read_imei(text, imei) < 0)
			return ask_later(u, now);
		u->stranger = !text_equal(imei, u->record.imei);
		if (!u->stranger)
			return NEXT;
		u->first_read = 0; /* both reads are of the same module, with no other between */
		return ask_later(u, now);
	case STEP_ANSWER_REVISION:
		return identity_read_version(text, u->read) < 0 ? ask_later(u, now) : judge(u, now);
	default:
		return NEXT;
	}
}

int upgrade_on_answer(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	usec_t next = usec_add(u->asked, upgrade_ask_interval(u));

	if (event->type == UPGRADE_EVENT_TIME && u->step != STEP_ANSWER)
		return STEP_ANSWER; /* a question without an answer */
	if (event->type == UPGRADE_EVENT_ENTER || event->type == UPGRADE_EVENT_TIME) {
		if (now >= give_up(u))
			return not_back(u);
		if (u->asked && now < next)
			return later(u, next, now);
		u->asked = now;
		u->out->sync = 1;
		u->wake = give_up(u);
		return STAY;
	}
	switch (event->at.type) {
	case AT_EVENT_NONE:
	case AT_EVENT_TIMEOUT:
		break;
	case AT_EVENT_UNSOLICITED:
		return upgrade_heard(u, event->at.text, now);
	case AT_EVENT_MUTE: /* this and READY answer the probe: they come in STEP_ANSWER only */
		return later(u, next, now);
	case AT_EVENT_READY:
		return NEXT;
	case AT_EVENT_ERROR: /* ATE0 may fail; the version may not be there for a while after boot
			      */
		return u->step == STEP_ANSWER_ECHO ? NEXT : ask_later(u, now);
	case AT_EVENT_OK:
		return answered(u, event->at.text, now);
	}
	return STAY;
}

int upgrade_on_settle(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	const struct timeouts *t = upgrade_timeouts(u);

	if (event->type == UPGRADE_EVENT_TIME)
		return STEP_ANSWER;
	if (event->type == UPGRADE_EVENT_AT && event->at.type == AT_EVENT_UNSOLICITED) {
		int verdict = upgrade_heard(u, event->at.text, now);

		if (verdict != STAY)
			return verdict;
	}
	return later(u,
		u->first_read ? usec_add(u->first_read, t->settle)
			      : usec_add(u->activity, t->stall),
		now);
}
