/*
 * Who answers on this port. Until maker, model and IMEI match, only AT, +CGMI, +CGMM, +CGMR and
 * +CGSN are asked (conduct 1).
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/upgrade-internal.h"

/* A stranger is asked again after this time, in case the unit behind a UART was changed. */
#define STRANGER_PAUSE (10 * MINUTE)

#define MISHEARD_MAX   3	 /* then this module answers so */
#define MISHEARD_QUIET (2 * SEC) /* longer than answers take */

int upgrade_on_absent(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	if (event->type == UPGRADE_EVENT_TIME && u->task) {
		u->outcome = OUTCOME_DEFERRED;
		u->reason = REASON_PORT_LOST;
		return END;
	}
	/* A module that restarts by itself is back well within the time a registration takes. */
	u->wake = u->task ? usec_add(now, upgrade_timeouts(u)->registration) : USEC_INFINITY;
	return STAY;
}

int upgrade_on_quiet(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	if (event->type == UPGRADE_EVENT_TIME) {
		u->trusted = true;
		u->quiet = usec_min(u->quiet, MISHEARD_QUIET);
		return NEXT;
	}
	if (event->type == UPGRADE_EVENT_ENTER)
		u->wake = usec_add(now, u->quiet);
	return STAY;
}

int upgrade_on_sync(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	(void) now;
	if (event->type == UPGRADE_EVENT_ENTER) {
		u->identified = false;
		u->out->sync = AT_SYNC_TRIES;
		return STAY;
	}
	return event->at.type == AT_EVENT_READY	 ? NEXT
	       : event->at.type == AT_EVENT_MUTE ? FAIL
						 : STAY;
}

int upgrade_on_hold(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	(void) now;
	if (event->type == UPGRADE_EVENT_ENTER) {
		u->restarts = 0;
		upgrade_notify(u, NOTICE_IDENTIFIED, REASON_NONE, u->identity.version);
	}
	return STAY;
}

int upgrade_on_refused(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	if (event->type == UPGRADE_EVENT_TIME)
		return STEP_SYNC;
	if (event->type == UPGRADE_EVENT_ENTER)
		u->wake = usec_add(now, reason_class(u->reason) == REASON_WAITS
						? upgrade_ask_interval(u)
						: STRANGER_PAUSE);
	return STAY;
}

/*
 * Not (yet) an answer of the kind wanted: ask again while tries last. An OK with something else is
 * a late answer to another question, and then so may those before have been: what is on its way is
 * waited for, and all is asked again.
 */
static int not_said(struct upgrade *u, const struct upgrade_event *event)
{
	if (event->type != UPGRADE_EVENT_AT || event->at.type == AT_EVENT_UNSOLICITED)
		return STAY;
	u->reason = REASON_NO_ANSWER;
	if (event->at.type != AT_EVENT_OK || u->restarts >= MISHEARD_MAX)
		return RETRY;
	u->restarts++;
	u->identified = false;
	return STEP_QUIET;
}

int upgrade_on_maker(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	(void) now;
	if (!upgrade_ok(event) || event->at.size == 0)
		return not_said(u, event);
	if (identity_is_fibocom(event->at.text))
		return NEXT;
	upgrade_notify(u, NOTICE_WARNING, REASON_UNKNOWN_MODEL, event->at.text);
	u->reason = REASON_UNKNOWN_MODEL;
	return FAIL;
}

int upgrade_on_model(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	(void) now;
	if (upgrade_ok(event) && identity_read_model(event->at.text, u->identity.model) == 0)
		return NEXT;
	return not_said(u, event);
}

int upgrade_on_revision(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	(void) now;
	if (upgrade_ok(event) && identity_read_version(event->at.text, u->identity.version) == 0)
		return NEXT;
	return not_said(u, event);
}

int upgrade_on_imei(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	(void) now;
	if (upgrade_ok(event) && identity_read_imei(event->at.text, u->identity.imei) == 0)
		return NEXT;
	return not_said(u, event);
}

/* Which profile? "auto" takes the variants that the vendor lists; a named one any of its family
 * (conduct 24). */
static enum reason find_profile(struct upgrade *u)
{
	const struct profile *row;
	enum profile_match match = profile_match(u->identity.model, &row);
	const struct profile *named = u->modem->profile;

	if (match == PROFILE_MATCH_NONE || (named && !text_equal(named->name, row->name)) ||
		(!named && match != PROFILE_MATCH_LISTED)) {
		upgrade_notify(u, NOTICE_WARNING, REASON_UNKNOWN_MODEL, u->identity.model);
		return REASON_UNKNOWN_MODEL;
	}
	if (match != PROFILE_MATCH_LISTED && !u->profile)
		upgrade_notify(u, NOTICE_WARNING, REASON_NONE,
			"the vendor's guide does not list this variant; its named profile is used");
	u->profile = named ?: u->modem->resolve ? u->modem->resolve(row, u->modem->userdata) : row;
	return REASON_NONE;
}

int upgrade_on_identified(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	const char *wanted = u->task || u->restoring ? u->record.imei : "";

	(void) event;
	(void) now;
	u->reason = find_profile(u);
	if (u->reason != REASON_NONE)
		return FAIL;
	if ((u->modem->imei && !text_equal(u->modem->imei, u->identity.imei)) ||
		(wanted[0] && !text_equal(wanted, u->identity.imei))) {
		char last[16];

		/* Message texts show the last four digits (conduct 26). */
		(void) snprintf(last, sizeof(last), "IMEI ...%s", u->identity.imei + IMEI_SIZE - 5);
		upgrade_notify(u, NOTICE_WARNING, REASON_WRONG_MODEM, last);
		u->reason = REASON_WRONG_MODEM;
		return FAIL;
	}
	/* What was begun with another module in this slot is that one's (conduct 3, 8, 11). */
	if (u->record.imei[0] && !text_equal(u->record.imei, u->identity.imei))
		u->record = (struct upgrade_record){ 0 };
	u->identified = true;
	memcpy(u->record.imei, u->identity.imei, sizeof(u->record.imei));
	memcpy(u->record.model, u->identity.model, sizeof(u->record.model));
	if (u->restoring)
		return STEP_CALLBREAK_BACK;
	return u->task ? STEP_NO_ECHO : STEP_HOLD;
}

int upgrade_on_imei_again(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	char imei[IMEI_SIZE];

	(void) now;
	if (!upgrade_ok(event) || identity_read_imei(event->at.text, imei) < 0)
		return not_said(u, event);
	return text_equal(imei, u->identity.imei) ? NEXT : OVER;
}

int upgrade_on_revision_again(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	char version[VERSION_MAX];

	(void) now;
	if (!upgrade_ok(event) || identity_read_version(event->at.text, version) < 0)
		return not_said(u, event);
	if (!text_equal(version, u->identity.version))
		return OVER;
	if (!u->task->only_check)
		return NEXT;
	u->outcome = OUTCOME_ALREADY;
	u->reason = REASON_NONE;
	return END;
}
