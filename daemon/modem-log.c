#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/metrics.h"
#include "daemon/modem.h"

#define PROGRESS_PERCENT 10	    /* interface, "Journal": every 10 % ... */
#define PROGRESS_PAUSE	 (30 * SEC) /* ... or 30 s */

/*
 * What may be said of one modem, and of its dialogue. The journal itself takes 10,000 lines in 30 s from a service before it
 * cuts (journald.conf(5)): so much is not exceeded by a thousand modems that are all noisy for long.
 */
static const struct rate rates[MODEM_LIMITS] = {
	[MODEM_LIMIT_LINES] = { .burst = 100, .pause = 3 * SEC, .report = 30 * SEC },
	[MODEM_LIMIT_DEBUG] = { .burst = 1000, .pause = 30 * MSEC, .report = 30 * SEC },
};

/* Says it, whatever was said before. text is escaped already. */
static void say(const struct modem *m, int level, enum log_message message, const char *reason,
	const char *text)
{
	const struct upgrade *u = &m->dialogue.upgrade;
	struct log_fields fields = LOG_FIELDS_NONE;
	char job[2 * NAME_MAX_SIZE];

	fields.modem = m->config->name;
	fields.port = m->config->port;
	fields.imei = u->record.imei[0] ? u->record.imei : NULL;
	fields.campaign = m->campaign ? m->campaign->name : NULL;
	if (m->job) { /* its key (conduct 11) */
		(void) text_format(job, sizeof(job), "%s/%s", m->job_campaign,
			u->record.imei[0] ? u->record.imei : m->config->name);
		fields.campaign = m->job_campaign;
		fields.job = job;
	}
	fields.phase = upgrade_phase_name(upgrade_phase(u));
	fields.step = upgrade_step_name(u);
	if (m->attempt) {
		fields.attempt = (int) m->attempt->number;
		fields.from = m->attempt->from;
		fields.to = m->attempt->to;
	}
	fields.reason = reason[0] ? reason : NULL;
	fields.percent = u->percent;
	fields.cme = m->cme;
	log_event(level, message, &fields, "%s", text);
}

/* What an operator must be able to rely on: nothing of this is ever left out. */
static bool is_verdict(enum log_message message)
{
	return message == LOG_MESSAGE_ATTEMPT_STARTED || message == LOG_MESSAGE_DOWNLOAD_STARTED ||
	       message == LOG_MESSAGE_VERIFIED || message == LOG_MESSAGE_ATTEMPT_FAILED ||
	       message == LOG_MESSAGE_JOB_FAILED || message == LOG_MESSAGE_JOB_UNKNOWN ||
	       message == LOG_MESSAGE_JOB_CANCELLED || message == LOG_MESSAGE_EVIDENCE ||
	       message == LOG_MESSAGE_RECOVERED || message == LOG_MESSAGE_SUMMARY;
}

static void PRINTF_LIKE(5, 0) say_in_bounds(const struct modem *m, int level, enum log_message message,
	const char *reason, const char *format, va_list args)
{
	enum modem_limit limit = level == LOG_DEBUG ? MODEM_LIMIT_DEBUG : MODEM_LIMIT_LINES;
	char text[LOG_TEXT_MAX];

	if (!log_is_wanted(level))
		return;
	if (level > LOG_ERR && !is_verdict(message) &&
		!rate_limit_take(&m->limits[limit], &rates[limit], clock_boottime()))
		return;
	(void) vsnprintf(text, sizeof(text), format, args);
	say(m, level, message, reason, text);
}

void modem_log(const struct modem *m, int level, enum log_message message, enum reason reason,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_in_bounds(m, level, message, reason_name(reason), format, args);
	va_end(args);
}

void modem_log_wait(const struct modem *m, int level, enum job_wait wait, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_in_bounds(m, level, LOG_MESSAGE_JOB_WAITING, job_wait_name(wait), format, args);
	va_end(args);
}

void modem_log_left_out(const struct modem *m, usec_t now)
{
	static const int levels[MODEM_LIMITS] = { LOG_WARNING, LOG_DEBUG };
	char text[64];
	unsigned n;

	for (size_t i = 0; i < MODEM_LIMITS; i++) {
		n = rate_limit_report(&m->limits[i], &rates[i], now);
		if (n == 0)
			continue;
		(void) snprintf(text, sizeof(text), "%u suppressed: so much was said of it", n);
		metrics_left_out(m, n);
		say(m, levels[i], LOG_MESSAGE_SUPPRESSED, "", text);
	}
}

void modem_log_bytes(const struct modem *m, bool out, const char *data, size_t size)
{
	char text[LOG_TEXT_MAX];

	if (log_level() < LOG_DEBUG)
		return;
	if (m->dialogue.upgrade.secret) /* conduct 12 */
		(void) snprintf(text, sizeof(text), "%zu bytes, not shown", size);
	else
		text_escape(text, sizeof(text), data, size);
	modem_log(
		m, LOG_DEBUG, LOG_MESSAGE_AT_DIALOGUE, REASON_NONE, "%s %s", out ? ">" : "<", text);
}

static void log_progress(struct modem *m, int percent, usec_t now)
{
	if (percent < m->percent_said + PROGRESS_PERCENT && percent < 100 &&
		now < usec_add(m->progress_said, PROGRESS_PAUSE))
		return;
	m->percent_said = percent - percent % PROGRESS_PERCENT;
	m->progress_said = now;
	modem_log(m, LOG_INFO, LOG_MESSAGE_PROGRESS, REASON_NONE, "%d %% downloaded", percent);
}

static void log_phase(struct modem *m)
{
	switch (upgrade_phase(&m->dialogue.upgrade)) {
	case PHASE_IDLE:
	case PHASE_PREPARING:
		break;
	case PHASE_DOWNLOADING:
		modem_log(m, LOG_NOTICE, LOG_MESSAGE_DOWNLOAD_STARTED, REASON_NONE,
			text_equal(upgrade_step_name(&m->dialogue.upgrade), "start")
				? "the start is saved; with AT+GTOTA the point of no return is "
				  "passed"
				: "listening to the download that an earlier fotad has started");
		break;
	case PHASE_INSTALLING:
		modem_log(m, LOG_NOTICE,
			m->dialogue.upgrade.record.complete ? LOG_MESSAGE_DOWNLOAD_COMPLETE
							    : LOG_MESSAGE_MODULE_LEFT,
			REASON_NONE,
			m->dialogue.upgrade.record.complete
				? "downloaded: the module checks, restarts and installs"
				: "the module is away: waiting for its return");
		break;
	case PHASE_VERIFYING:
		modem_log(m, LOG_NOTICE, LOG_MESSAGE_MODULE_RETURNED, REASON_NONE,
			"asking who is there and which version runs");
		break;
	}
}

/* For people: whole seconds, or tenths below one. */
static const char *wait_text(const struct modem *m, char buffer[static USEC_FORMAT_MAX])
{
	usec_t due = usec_max(m->due, upgrade_next_start(&m->dialogue.upgrade)); /* conduct 8 */
	usec_t wait = usec_sub(due, clock_boottime());
	usec_t unit = wait < SEC ? 100 * MSEC : SEC;

	return usec_format(buffer, (wait + unit - 1) / unit * unit);
}

static void log_end(struct modem *m, const struct upgrade_notice *n)
{
	const struct upgrade *u = &m->dialogue.upgrade;
	char pause[USEC_FORMAT_MAX], cme[64] = "";

	if (n->reason == REASON_REJECTED && n->cme != AT_ERROR_NONE)
		(void) snprintf(cme, sizeof(cme), " (+CME ERROR: %d, %s)", n->cme,
			at_error_text(n->cme, u->profile->errors));
	switch (m->state) {
	case JOB_SUCCEEDED:
		modem_log(m, LOG_NOTICE, LOG_MESSAGE_VERIFIED, REASON_NONE,
			"succeeded: runs %s, read twice", u->identity.version);
		break;
	case JOB_WAITING:
		if (n->outcome == OUTCOME_SUCCEEDED)
			modem_log(m, LOG_NOTICE, LOG_MESSAGE_VERIFIED, REASON_NONE,
				"hop done: runs %s, read twice", u->identity.version);
		else if (n->outcome == OUTCOME_DEFERRED)
			modem_log(m, LOG_NOTICE, LOG_MESSAGE_JOB_WAITING, n->reason,
				"not now (%s): %s Again in %s", reason_name(n->reason),
				reason_meaning(n->reason), wait_text(m, pause));
		else if (n->outcome != OUTCOME_CANCELLED) /* put off: who did it has said why */
			modem_log(m, LOG_WARNING, LOG_MESSAGE_ATTEMPT_FAILED, n->reason,
				"attempt %u failed (%s)%s: %s Again in %s",
				m->attempt ? m->attempt->number : u->record.attempt,
				reason_name(n->reason), cme, reason_meaning(n->reason),
				wait_text(m, pause));
		break;
	case JOB_FAILED:
		modem_log(m, LOG_ERR, LOG_MESSAGE_JOB_FAILED, m->reason, "failed (%s)%s: %s %s",
			reason_name(m->reason), cme, reason_meaning(m->reason),
			reason_next_step(m->reason));
		break;
	case JOB_UNKNOWN:
		modem_log(m, LOG_ERR, LOG_MESSAGE_JOB_UNKNOWN, n->reason,
			"unknown (%s): %s It settles itself when the module answers.",
			reason_name(n->reason), reason_meaning(n->reason));
		break;
	case JOB_CANCELLED:
		if (n->outcome == OUTCOME_CANCELLED)
			modem_log(m, LOG_NOTICE, LOG_MESSAGE_JOB_CANCELLED, n->reason, "cancelled");
		else
			modem_log(m, LOG_NOTICE, LOG_MESSAGE_JOB_CANCELLED, m->reason,
				"cancelled (%s)%s: an operator wanted no further attempt",
				reason_name(m->reason), cme);
		break;
	case JOB_RUNNING:
		break;
	}
}

static void log_restored(struct modem *m, const struct upgrade_notice *n)
{
	if (n->reason == REASON_NONE)
		modem_log(m, LOG_INFO, LOG_MESSAGE_SETTING_RESTORED, REASON_NONE,
			"the module's settings are as they were before");
	else if (n->reason == REASON_SETTING_REFUSED)
		modem_log(m, LOG_WARNING, LOG_MESSAGE_SETTING_NOT_RESTORED, n->reason,
			"the module refuses to have a setting put back as it was");
	else
		modem_log(m, LOG_WARNING, LOG_MESSAGE_SETTING_NOT_RESTORED, n->reason,
			"the module's settings are not restored yet (%s)", reason_name(n->reason));
}

static void log_identified(const struct modem *m)
{
	const struct identity *i = &m->dialogue.upgrade.identity;
	/* One of many that are back, and as they were, is told of with them. */
	bool quiet = m->lost_together && text_equal(i->imei, m->seen.imei) &&
		     text_equal(i->version, m->seen.version);

	if (!m->identified)
		modem_log(m, quiet ? LOG_DEBUG : LOG_INFO, LOG_MESSAGE_MODEM_IDENTIFIED, REASON_NONE,
			"%s, IMEI ...%s, runs %s", i->model, i->imei + strlen(i->imei) - 4,
			i->version);
}

void modem_log_notice(struct modem *m, const struct upgrade_notice *n, usec_t now)
{
	switch (n->type) {
	case NOTICE_IDENTIFIED:
		log_identified(m);
		break;
	case NOTICE_REFUSED:
		if (m->refused != n->reason)
			modem_log(m, LOG_WARNING, LOG_MESSAGE_MODEM_REFUSED, n->reason,
				"%s: %s %s", reason_name(n->reason), reason_meaning(n->reason),
				reason_next_step(n->reason));
		break;
	case NOTICE_ELSEWHERE:
		m->identified = false;
		m->refused = REASON_BUSY;
		modem_log(m, LOG_WARNING, LOG_MESSAGE_BUSY_ELSEWHERE, n->reason,
			"reports a download that is not ours (\"%s\"): nothing is sent until it is "
			"over",
			n->text);
		break;
	case NOTICE_STEP:
		modem_log(m, LOG_DEBUG, LOG_MESSAGE_STEP, REASON_NONE, "step %s", n->step);
		break;
	case NOTICE_PHASE:
		log_phase(m);
		break;
	case NOTICE_PROGRESS:
		log_progress(m, n->percent, now);
		break;
	case NOTICE_WARNING:
		modem_log(m, LOG_WARNING, LOG_MESSAGE_WARNING, n->reason, "step %s: %s%s%s",
			n->step, reason_name(n->reason), n->reason && n->text[0] ? ": " : "",
			n->text);
		break;
	case NOTICE_RESTORED:
		log_restored(m, n);
		break;
	case NOTICE_VERDICT:
		log_end(m, n);
		break;
	}
}
