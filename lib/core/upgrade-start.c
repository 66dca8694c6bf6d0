/*
 * The one irreversible line, and listening to what comes of it (conduct 4, 5, 8, 10).
 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "core/upgrade-internal.h"

static void saw_restart(struct upgrade_record *r)
{
	/* A context does not survive a restart; but after a start only the first one is sure to be one: boot text may come
	 * late, and then the service check has opened what is open. */
	r->pdp_opened = r->pdp_opened && r->start_durable && r->restarted;
	r->left = true;
	r->restarted = true;
	r->end_open = false;
}

bool upgrade_hear(
	struct upgrade *u, const char *line, usec_t now, struct gtota_report *ret, bool *ret_boot)
{
	struct upgrade_record *r = &u->record;

	*ret_boot = false;
	if (at_is_boot_text(line)) {
		saw_restart(r);
		if (r->start_durable)
			evidence_event(u->evidence, &u->evidence->booted, now);
		u->activity = now;
		*ret_boot = true;
		return true;
	}
	if (!gtota_parse_report(line, ret))
		return false;
	u->activity = now;
	u->report_seen = true;
	u->secret = false;
	r->reported = true;
	if (r->start_durable)
		evidence_report(u->evidence,
			ret->type == GTOTA_REPORT_PROGRESS ? ret->percent : -1, now);
	switch (ret->type) {
	case GTOTA_REPORT_START:
	case GTOTA_REPORT_PROGRESS:
		break;
	case GTOTA_REPORT_COMPLETE:
		r->complete = true;
		break;
	case GTOTA_REPORT_FAILED:
		r->failed = true;
		r->end_open = false;
		break;
	case GTOTA_REPORT_UPDATE: /* the boot loader speaks: the module has restarted by itself */
		r->complete = true;
		saw_restart(r);
		break;
	}
	return true;
}

bool upgrade_save_start(struct upgrade *u, usec_t now)
{
	struct upgrade_record *r = &u->record;

	u->before.started = r->started;
	u->before.end_open = r->end_open;
	r->attempt++;
	r->started = now;
	r->start_durable = true;
	r->end_open = true;
	r->reported = r->complete = r->failed = r->left = r->restarted = false;
	memcpy(r->from, u->identity.version, sizeof(r->from));
	if (text_copy(r->to, sizeof(r->to), u->task->to) < 0)
		r->to[0] = '\0'; /* cannot be: the configuration bounds it */
	u->line_sent = u->line_whole = false;
	u->report_seen = false;
	u->first_read = 0;
	u->read[0] = '\0';
	u->stranger = false;
	u->cme = AT_ERROR_NONE;
	return true;
}

void upgrade_take_back(struct upgrade *u)
{
	struct upgrade_record *r = &u->record;

	r->attempt--;
	r->start_durable = false;
	r->started = u->before.started;
	r->end_open = u->before.end_open && r->end_open;
	u->awaited = 0;
	upgrade_save(u);
}

int upgrade_build_start(struct upgrade *u)
{
	int r = gtota_build(
		&u->task->request, u->profile->line_max, u->out->line, sizeof(u->out->line));

	u->out->command.line = u->out->line;
	/* conduct 12: a password, or what stands in a URL's query */
	u->secret = u->task->request.type == GTOTA_FTP || strchr(u->task->request.url, '?');
	if (r == 0)
		return 0;
	/* The configuration has checked the request; only a credential read since then can be
	 * wrong. */
	upgrade_take_back(u);
	u->reason = REASON_CREDENTIAL;
	return r;
}

static int ended(struct upgrade *u, usec_t now)
{
	u->since = now;
	return STEP_ANSWER;
}

/* A line while it is only listened to. */
static int listen(struct upgrade *u, const char *line, usec_t now)
{
	struct gtota_report report;
	bool boot;

	if (!upgrade_hear(u, line, now, &report, &boot))
		return STAY;
	if (boot) {
		upgrade_save(u);
		return ended(u, now);
	}
	switch (report.type) {
	case GTOTA_REPORT_START:
		break;
	case GTOTA_REPORT_PROGRESS:
		if (report.percent > u->percent) {
			u->percent = report.percent;
			upgrade_notify(u, NOTICE_PROGRESS, REASON_NONE, "");
		}
		break;
	case GTOTA_REPORT_COMPLETE:
	case GTOTA_REPORT_UPDATE:
		upgrade_save(u);
		return STEP_LEAVE;
	case GTOTA_REPORT_FAILED:
		upgrade_save(u);
		upgrade_notify(u, NOTICE_WARNING, REASON_DOWNLOAD_FAILED, line);
		return ended(u, now);
	}
	return u->step == STEP_LEAVE ? STAY : STEP_DOWNLOAD;
}

/* The final result code of the start line, which may come late (conduct 4, 5). */
static int final_result(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	struct upgrade_record *r = &u->record;
	bool was_open = u->before.end_open;

	if (event->at.type == AT_EVENT_OK) {
		r->reported = true;
		u->activity = usec_max(u->activity, now);
		return u->step == STEP_START ? STEP_DOWNLOAD : STAY;
	}
	if (event->at.type != AT_EVENT_ERROR || r->reported)
		return STAY;
	upgrade_notify(u, NOTICE_WARNING, REASON_REJECTED, event->at.text);
	r->start_durable = false;
	r->end_open = was_open;
	r->started = was_open ? u->before.started : r->started;
	r->attempt -= was_open; /* what waits spends none (conduct 18) */
	upgrade_save(u);
	/* conduct 8: an error before a seen restart may only say that the last one still runs */
	u->reason = was_open ? REASON_BUSY : REASON_REJECTED;
	return FAIL;
}

int upgrade_on_start(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	if (event->type == UPGRADE_EVENT_TIME)
		return ended(u, now);
	if (event->type != UPGRADE_EVENT_AT)
		return STAY;
	if (event->at.type == AT_EVENT_UNSOLICITED)
		return listen(u, event->at.text, now);
	return final_result(u, event, now);
}

int upgrade_on_download(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	const struct timeouts *t = upgrade_timeouts(u);
	usec_t end;
	int verdict = STAY;

	if (event->type == UPGRADE_EVENT_AT)
		verdict = event->at.type == AT_EVENT_UNSOLICITED ? listen(u, event->at.text, now)
								 : final_result(u, event, now);
	if (verdict == STEP_DOWNLOAD)
		verdict = STAY;
	end = usec_min(usec_add(u->activity, t->stall), usec_add(u->record.started, t->download));
	u->wake = end;
	return verdict == STAY && now >= end ? ended(u, now) : verdict;
}

int upgrade_on_leave(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	const struct timeouts *t = upgrade_timeouts(u);
	int verdict = STAY;

	if (event->type == UPGRADE_EVENT_TIME)
		return ended(u, now);
	if (event->type == UPGRADE_EVENT_AT && event->at.type == AT_EVENT_UNSOLICITED)
		verdict = listen(u, event->at.text, now);
	/* The boot loader's reports come while it applies: every one means that it is not over. */
	u->wake = usec_add(u->activity, t->leave);
	return verdict == STEP_LEAVE ? STAY : verdict;
}

int upgrade_on_elsewhere(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	const struct timeouts *t = upgrade_timeouts(u);
	struct gtota_report report;
	bool boot;

	if (event->type == UPGRADE_EVENT_TIME)
		return STEP_SYNC;
	if (event->type == UPGRADE_EVENT_ENTER) {
		/* Not our start, but what it forbids is the same (conduct 8). */
		if (!u->record.failed)
			u->record.end_open = true;
		u->record.started = now;
		upgrade_save(u);
		u->out->hush = true; /* conduct 10: nothing is sent until it has settled */
	} else if (event->type == UPGRADE_EVENT_AT && event->at.type == AT_EVENT_UNSOLICITED &&
		   upgrade_hear(u, event->at.text, now, &report, &boot)) {
		if (boot || report.type == GTOTA_REPORT_FAILED) {
			upgrade_save(u);
			return STEP_SYNC;
		}
		u->record.started = now;
	}
	u->wake = usec_add(u->activity, u->record.complete ? t->leave : t->stall);
	return STAY;
}
