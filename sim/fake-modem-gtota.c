/*
 * GTOTA: its arguments, the download, and what is said about it (the two guides; protocol, 1).
 *
 * The arguments are read here once more and without core/gtota, because the modem judges what the
 * daemon built.
 */
#include "sim/fake-modem-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

bool fake_fota_downloading(const struct fake_modem *m)
{
	return m->fota == FAKE_FOTA_STARTING || m->fota == FAKE_FOTA_DOWNLOADING;
}

static bool printable(const char *text)
{
	return text[0] != '\0' && text_is_printable(text, strlen(text));
}

/* HTTP: path and file are in the URL, nothing else may follow (notes 1 and 2). */
static int read_http(struct fake_modem *m, const struct fake_call *call)
{
	const char *host, *path;

	if (call->n != 2 || fake_value_copy(call, 1, m->url, sizeof(m->url)) < 0)
		return -EINVAL;
	if (!printable(m->url) || strchr(m->url, ' ') ||
		!text_starts_with_nocase(m->url, "http://"))
		return -EINVAL;
	host = m->url + strlen("http://");
	path = strchr(host, '/');
	if (!path || path == host || path[1] == '\0' || memchr(host, '@', (size_t) (path - host)))
		return -EINVAL;
	m->request = (struct gtota_request){ .type = GTOTA_HTTP, .url = m->url };
	return 0;
}

/* FTP: the URL is the address alone, all three others are required (notes 1 and 2). */
static int read_ftp(struct fake_modem *m, const struct fake_call *call)
{
	const char *host;

	if (call->n != 5 || fake_value_copy(call, 1, m->url, sizeof(m->url)) < 0 ||
		fake_value_copy(call, 2, m->filename, sizeof(m->filename)) < 0 ||
		fake_value_copy(call, 3, m->username, sizeof(m->username)) < 0 ||
		fake_value_copy(call, 4, m->password, sizeof(m->password)) < 0)
		return -EINVAL;
	if (!printable(m->url) || !printable(m->filename) || !printable(m->username) ||
		!printable(m->password))
		return -EINVAL;
	host = text_starts_with_nocase(m->url, "ftp://") ? m->url + strlen("ftp://") : m->url;
	if (host[0] == '\0' || strchr(host, '/'))
		return -EINVAL;
	m->request = (struct gtota_request){
		.type = GTOTA_FTP,
		.url = m->url,
		.filename = m->filename,
		.username = m->username,
		.password = m->password,
	};
	return 0;
}

/* Without a type the default would be 0, but nothing must rely on that. */
static int read_request(struct fake_modem *m, const struct fake_call *call)
{
	int type;

	if (call->parse < 0 || fake_value_number(call, 0, &type) < 0 || type > 1)
		return -EINVAL;
	return type == GTOTA_HTTP ? read_http(m, call) : read_ftp(m, call);
}

static void judge_start(struct fake_modem *m, usec_t now)
{
	usec_t gap = now - m->truth.gtota_last;

	m->truth.gtota_received++;
	if (m->gtota_open_end && (m->truth.gtota_gap_min == 0 || gap < m->truth.gtota_gap_min))
		m->truth.gtota_gap_min = gap;
	m->truth.gtota_last = now;
}

/* What must hold; a CME number if it does not. */
static int refusal(struct fake_modem *m)
{
	const struct fake_fault *fault = fake_fault_acts(m, FAKE_FAULT_GTOTA_CME);
	int problem;

	if (fault)
		return fault->number;
	problem = fake_sim_problem(m);
	if (problem != 0)
		return problem;
	if (!fake_registered(m))
		return 30;
	return m->row->needs_pdp && !m->truth.pdp_active ? m->row->no_pdp : 0;
}

static void accept(struct fake_modem *m, usec_t now)
{
	m->truth.gtota_accepted++;
	m->truth.callbreak_at_start = m->truth.callbreak == 1;
	m->truth.pdp_at_start = m->truth.pdp_active;
	m->truth.starts_without_callbreak += m->truth.callbreak != 1;
	m->truth.starts_without_pdp += !m->truth.pdp_active;
	m->gtota_open_end = true;
	m->fota = FAKE_FOTA_STARTING;
	m->percent = m->percent_said = -1;
	m->start_said = false;
	m->mute = fake_fault_acts(m, FAKE_FAULT_COMPLETE_WITHOUT_START) != NULL;
	if (fake_fault_acts(m, FAKE_FAULT_URC_BEFORE_OK)) {
		fake_put_line(m, "GTOTA DOWNLOAD START");
		m->start_said = true;
	}
	fake_arm(m, FAKE_TIMER_START, usec_add(now, m->config.start_time));
}

static int start(struct fake_modem *m, const struct fake_call *call, usec_t now)
{
	int problem;

	if (m->fota != FAKE_FOTA_IDLE) {
		m->truth.gtota_while_busy++;
		judge_start(m, now);
		return m->row->busy;
	}
	if (read_request(m, call) < 0) {
		m->truth.gtota_malformed++;
		return m->row->bad_parameter;
	}
	judge_start(m, now);
	problem = refusal(m);
	if (problem == 0)
		accept(m, now);
	return problem;
}

int fake_gtota(struct fake_modem *m, const struct fake_call *call, usec_t now)
{
	if (fake_fault_acts(m, FAKE_FAULT_GTOTA_UNSUPPORTED))
		return m->row->unknown_command;
	if (call->form == FAKE_FORM_SET)
		return start(m, call, now);
	if (call->form != FAKE_FORM_TEST) /* there is no read form */
		return m->row->bad_parameter;
	fake_text(m, "+GTOTA: <type>,<\"url\">[,<\"filename\">,<\"username\">,<\"password\">]");
	return FAKE_OK;
}

/* Tells the world to begin or to stop fetching, when that is news. */
void fake_fetch(struct fake_modem *m, bool begin)
{
	if (begin != m->fetching)
		fake_effect_add(m, begin ? FAKE_EFFECT_DOWNLOAD : FAKE_EFFECT_ABORT);
	m->fetching = begin;
}

/* It will say no more, and refuses another start until it gives up. */
void fake_gtota_stall(struct fake_modem *m, usec_t busy, usec_t now)
{
	fake_fetch(m, false);
	fake_disarm(m, FAKE_TIMER_START);
	m->fota = FAKE_FOTA_STALLED;
	fake_arm(m, FAKE_TIMER_GIVE_UP, usec_add(now, busy > 0 ? busy : m->config.give_up_time));
}

void fake_gtota_give_up(struct fake_modem *m)
{
	m->fota = FAKE_FOTA_IDLE;
	m->truth.downloads_failed++;
}

void fake_gtota_start(struct fake_modem *m, usec_t now)
{
	const struct fake_fault *fault = fake_fault_acts(m, FAKE_FAULT_NO_START);

	if (fault) {
		fake_gtota_stall(m, fault->time, now);
		return;
	}
	m->fota = FAKE_FOTA_DOWNLOADING;
	m->truth.downloads_started++;
	fake_fetch(m, true);
	if (!m->start_said && !m->mute)
		fake_report(m, "GTOTA DOWNLOAD START");
	if (fake_fault_acts(m, FAKE_FAULT_START_TWICE))
		fake_report(m, "GTOTA DOWNLOAD START");
}

/* The download is over without a package. Only L610 documents a report (L610 guide, 1.2.2). */
void fake_gtota_fail(struct fake_modem *m)
{
	fake_fetch(m, false);
	fake_disarm(m, FAKE_TIMER_START);
	m->fota = FAKE_FOTA_IDLE;
	m->truth.downloads_failed++;
	if (m->row->reports_failed) {
		fake_report(m, "GTOTA DOWNLOAD FAILED");
		m->gtota_open_end = false;
	}
}

void fake_gtota_cancel(struct fake_modem *m)
{
	fake_fetch(m, false);
	fake_disarm(m, FAKE_TIMER_START);
	fake_disarm(m, FAKE_TIMER_GIVE_UP);
	fake_disarm(m, FAKE_TIMER_VERIFY);
	fake_disarm(m, FAKE_TIMER_FOREIGN);
	m->fota = FAKE_FOTA_IDLE;
	m->gtota_open_end = false;
}

/* Begun by another host, before this one came (conduct 10). */
void fake_foreign_begin(struct fake_modem *m, usec_t now)
{
	const struct fake_fault *fault = fake_fault_acts(m, FAKE_FAULT_FOREIGN_DOWNLOAD);

	if (!fault)
		return;
	m->fota = FAKE_FOTA_STALLED;
	m->percent = 0;
	m->foreign_step = fault->time / 10;
	fake_arm(m, FAKE_TIMER_FOREIGN, usec_add(now, m->foreign_step));
}

void fake_foreign_percent(struct fake_modem *m, usec_t now)
{
	m->percent += 10;
	if (m->percent >= 100) {
		fake_gtota_fail(m);
		return;
	}
	fake_report(m, "GTOTA DOWNLOADING: %d%%", m->percent);
	fake_arm(m, FAKE_TIMER_FOREIGN, usec_add(now, m->foreign_step));
}

static void say_percent(struct fake_modem *m, int percent)
{
	static const char *const garbage[] = { "-1%", "101%", "abc%", "%", "0%", "4 2%",
		"99999999999999999999%", "" };

	if (percent == m->percent_said || m->mute || fake_fault_armed(m, FAKE_FAULT_NO_PERCENT)) {
		fake_fault_acts(m, FAKE_FAULT_NO_PERCENT);
		return;
	}
	m->percent_said = percent;
	if (fake_fault_acts(m, FAKE_FAULT_PERCENT_GARBAGE))
		fake_report(
			m, "GTOTA DOWNLOADING: %s", garbage[m->garbage++ % ELEMENTSOF(garbage)]);
	else
		fake_report(m, "GTOTA DOWNLOADING: %d%%", percent);
}

/* Walks to `percent`, so that no fault on the way is missed; says what it reaches. */
static void walk(struct fake_modem *m, int percent, usec_t now)
{
	int step = m->config.percent_step > 0 ? m->config.percent_step : 1;

	while (m->percent < percent) {
		const struct fake_fault *fault = fake_fault_due(m, ++m->percent);

		if (!fault)
			continue;
		say_percent(m, m->percent);
		fake_fault_moment(m, fault, now);
		if (m->fota != FAKE_FOTA_DOWNLOADING || m->percent < 0)
			return;
	}
	if (percent == 100 || m->percent_said < 0 || percent >= m->percent_said + step)
		say_percent(m, percent);
}

void fake_modem_download_progress(
	struct fake_modem *m, uint64_t received, uint64_t total, usec_t now)
{
	uint64_t percent = 0;

	fake_modem_advance(m, now);
	if (m->fota != FAKE_FOTA_DOWNLOADING)
		return;
	if (m->config.package_max > 0 && usec_max(received, total) > m->config.package_max) {
		fake_gtota_fail(m);
		return;
	}
	if (total > 0)
		percent = received >= total ? 100 : received * 100 / total;
	walk(m, (int) percent, now);
}

/* The leading parts of a model, cut at '-'. */
static bool model_fits(const char *package, const char *model)
{
	size_t n = strlen(package);

	return n > 0 && text_starts_with_nocase(model, package) &&
	       (model[n] == '\0' || model[n] == '-');
}

static bool package_fits(struct fake_modem *m, const char *head, size_t size)
{
	if (fake_package_parse(head, size, &m->package) < 0)
		return false;
	if (!model_fits(m->package.model, m->config.model))
		return false;
	return text_equal(m->package.from, m->version) || text_equal(m->package.from, "*");
}

static void complete(struct fake_modem *m, usec_t now)
{
	m->truth.downloads_completed++;
	if (fake_fault_acts(m, FAKE_FAULT_FAIL_AFTER_100) ||
		(!m->package_fits && m->row->reports_failed &&
			fake_fault_acts(m, FAKE_FAULT_MISMATCH_FAILED))) {
		fake_gtota_fail(m);
		return;
	}
	fake_report(m, "GTOTA DOWNLOAD COMPLETE");
	if (fake_fault_acts(m, FAKE_FAULT_COMPLETE_TWICE))
		fake_report(m, "GTOTA DOWNLOAD COMPLETE");
	if (fake_fault_acts(m, FAKE_FAULT_COMPLETE_THEN_FAILED)) {
		m->fota = FAKE_FOTA_IDLE;
		m->gtota_open_end = false;
		m->truth.downloads_failed++;
		fake_report(m, "GTOTA DOWNLOAD FAILED");
		return;
	}
	m->fota = FAKE_FOTA_VERIFYING;
	fake_arm(m, FAKE_TIMER_VERIFY, usec_add(now, m->config.verify_time));
}

void fake_modem_downloaded(
	struct fake_modem *m, int error, const char *head, size_t size, usec_t now)
{
	fake_modem_advance(m, now);
	if (m->fota != FAKE_FOTA_DOWNLOADING)
		return;
	m->fetching = false;
	if (error < 0) {
		fake_gtota_fail(m);
		return;
	}
	m->package_fits = package_fits(m, head, size);
	walk(m, 100, now);
	if (m->fota == FAKE_FOTA_DOWNLOADING && m->percent == 100)
		complete(m, now);
}

static const char *next_field(const char *p, const char *end, char *ret, size_t size)
{
	const char *stop = p;

	while (stop < end && *stop != ' ' && *stop != '\n')
		stop++;
	if (stop == end || stop == p || !text_is_printable(p, (size_t) (stop - p)) ||
		text_copy_n(ret, size, p, (size_t) (stop - p)) < 0)
		return NULL;
	return stop;
}

int fake_package_parse(const char *head, size_t size, struct fake_package *ret)
{
	static const char magic[] = "FOTAD-PACKAGE ";
	const char *p = head + sizeof(magic) - 1, *end = head + size;
	struct fake_package package;

	if (size < sizeof(magic) - 1 || memcmp(head, magic, sizeof(magic) - 1) != 0)
		return -EBADMSG;
	p = next_field(p, end, package.model, sizeof(package.model));
	if (!p || *p != ' ')
		return -EBADMSG;
	p = next_field(p + 1, end, package.from, sizeof(package.from));
	if (!p || *p != ' ')
		return -EBADMSG;
	p = next_field(p + 1, end, package.to, sizeof(package.to));
	if (!p || *p != '\n')
		return -EBADMSG;
	*ret = package;
	return 0;
}
