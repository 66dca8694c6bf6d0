/*
 * A modem as it was when fotad recorded a failed attempt of it (io/bundle): who it is, how long it took, and what went
 * wrong, every time anew.
 *
 *	trace --> moments: start, reports, away and back --> the module's times, the pace of its download
 *	verdict --> a fault of fake-fault.h that ends in the same
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "io/bundle.h"
#include "daemon/rehearse/rehearsal.h"

/* What is to be seen in a trace; 0: it did not come to that. */
struct moments {
	usec_t sent, begun, first, last, complete, lost, back;
	int first_percent, last_percent; /* -1: none */
	bool asks;			 /* for the version */
	char version[VERSION_MAX];	 /* that it said last */
};

static void take_report(struct moments *m, const struct gtota_report *report, usec_t at)
{
	switch (report->type) {
	case GTOTA_REPORT_START:
		m->begun = m->begun ? m->begun : at;
		break;
	case GTOTA_REPORT_PROGRESS:
		if (report->percent < 0 || report->percent <= m->last_percent)
			break;
		if (m->first_percent < 0) {
			m->first_percent = report->percent;
			m->first = at;
		}
		m->last_percent = report->percent;
		m->last = at;
		break;
	case GTOTA_REPORT_COMPLETE:
		m->complete = at;
		break;
	case GTOTA_REPORT_FAILED:
	case GTOTA_REPORT_UPDATE:
		break;
	}
}

static void take_lines(struct moments *m, const struct trace_entry *e)
{
	const char *p = e->data, *end = p + e->size;
	struct gtota_report report;

	while (p < end) {
		const char *stop = p;

		while (stop < end && *stop != '\r' && *stop != '\n')
			stop++;
		if (gtota_read_report(p, (size_t) (stop - p), &report))
			take_report(m, &report, e->at);
		p = stop + 1;
	}
}

static bool begins(const struct trace_entry *e, const char *text)
{
	return e->size >= strlen(text) && memcmp(e->data, text, strlen(text)) == 0;
}

static void take_output(struct moments *m, const struct trace_entry *e)
{
	m->asks = begins(e, "AT+CGMR");
	if (begins(e, "AT+GTOTA=") && !begins(e, "AT+GTOTA=?"))
		m->sent = e->at;
}

static void take_answer(struct moments *m, const struct trace_entry *e)
{
	char text[128];

	if (!m->asks || begins(e, "AT") || begins(e, "OK"))
		return;
	snprintf(text, sizeof(text), "%.*s", (int) e->size, e->data);
	m->asks = identity_read_version(text, m->version) < 0;
}

static void look(const struct bundle *b, struct moments *m)
{
	*m = (struct moments){ .first_percent = -1, .last_percent = -1 };
	if (b->state.dialogue.upgrade.record.start_durable) /* in an earlier life of fotad */
		m->sent = b->began;
	for (size_t i = 0; i < b->replay.n_entries; i++) {
		const struct trace_entry *e = &b->replay.entries[i];

		if (e->type == TRACE_OUTPUT)
			take_output(m, e);
		else if (e->type == TRACE_LINE)
			take_answer(m, e);
		if (m->sent == 0)
			continue;
		if (e->type == TRACE_LINE)
			take_lines(m, e);
		else if (e->type == TRACE_LOST)
			m->lost = m->lost ? m->lost : e->at;
		else if (e->type == TRACE_OPENED && m->lost)
			m->back = e->at;
	}
}

/* What ends so, every time; NULL where none is known: then all is well. %d: the percent, or the number of an error. */
static const char *const faults[_REASON_MAX][2] = {
	[REASON_PORT_LOST] = { "lose-port percent=%d time=1s times=0", "stall percent=%d" },
	[REASON_NO_ANSWER] = { "wrong-baud" },
	[REASON_SIM_NOT_READY] = { "sim-pin" },
	[REASON_NOT_REGISTERED] = { "not-registered" },
	[REASON_ROAMING] = { "roaming" },
	[REASON_SLOW_NETWORK] = { "2g" },
	[REASON_WEAK_SIGNAL] = { "weak-signal" },
	[REASON_LOW_SUPPLY] = { "low-supply" },
	[REASON_IN_CALL] = { "in-call" },
	[REASON_SETTING_REFUSED] = { "callbreak-error" },
	[REASON_PDP_FAILED] = { "mipcall-never" },
	[REASON_UNSUPPORTED] = { "gtota-unsupported" },
	[REASON_BUSY] = { "gtota-cme times=0 number=%d" },
	[REASON_REJECTED] = { "gtota-cme times=0 number=%d" },
	[REASON_NO_START] = { "no-start" },
	[REASON_STALLED] = { "stall percent=%d" },
	[REASON_DOWNLOAD_FAILED] = { "fail percent=%d" },
	[REASON_NO_REBOOT] = { "no-reboot" },
	[REASON_NOT_BACK] = { "never-back" },
	[REASON_VERSION_UNCHANGED] = { "version-unchanged" },
	[REASON_NO_SERVICE] = { "network-gone" },
};

static void add_fault(struct fake_modem_config *config, const char *format, int number)
{
	const char *place = format ? strstr(format, "%d") : NULL;
	char text[128], problem[160];

	if (!format || config->n_faults == FAKE_MODEM_FAULTS_MAX)
		return;
	if (place)
		snprintf(text, sizeof(text), "%.*s%d%s", (int) (place - format), format, number,
			place + 2);
	else
		snprintf(text, sizeof(text), "%s", format);
	if (fake_fault_parse(text, &config->faults[config->n_faults], problem, sizeof(problem)) ==
		0)
		config->n_faults++;
}

static void take_faults(
	const struct bundle *b, const struct moments *m, struct fake_modem_config *config)
{
	enum reason reason = b->verdict.reason;
	int percent = m->last_percent < 1 ? 1 : m->last_percent > 98 ? 98 : m->last_percent;
	char text[VERSION_MAX + 32];

	if (reason == REASON_REJECTED || reason == REASON_BUSY)
		percent = b->verdict.cme > 0 ? b->verdict.cme : 50;
	if (reason == REASON_VERSION_UNEXPECTED) {
		snprintf(text, sizeof(text), "version-other version=%s", m->version);
		add_fault(config, text, 0);
		return;
	}
	add_fault(config, faults[reason][0], percent);
	add_fault(config, faults[reason][1], percent + 1);
}

static usec_t between(usec_t begin, usec_t end, usec_t otherwise)
{
	return begin > 0 && end > begin ? end - begin : otherwise;
}

static void take_times(const struct moments *m, struct fake_modem_config *config)
{
	usec_t away = between(m->lost, m->back, 0);

	config->start_time = between(m->sent, m->begun, config->start_time);
	config->verify_time = between(m->complete, m->lost, config->verify_time);
	if (away < 2)
		return;
	config->resets = 1;
	config->apply_time = away / 2;
	config->boot_time = away - away / 2;
}

static void take_identity(const struct bundle *b, struct fake_modem_config *config)
{
	const struct upgrade *u = &b->state.dialogue.upgrade;
	const char *version = u->record.start_durable ? u->record.from : u->identity.version;
	const char *model = u->identity.model[0] ? u->identity.model : u->record.model;
	const char *imei = u->identity.imei[0] ? u->identity.imei : u->record.imei;

	if (model[0])
		snprintf(config->model, sizeof(config->model), "%s", model);
	if (version[0])
		snprintf(config->version, sizeof(config->version), "%s", version);
	if (imei[0])
		snprintf(config->imei, sizeof(config->imei), "%s", imei);
}

static int add(struct scenario *s, const struct bundle *b, struct recorded *ret)
{
	const char *profile = b->replay.profile.name;
	enum fake_family family = FAKE_L610;
	struct scenario_modem *modem;
	struct moments m;
	int r;

	if (profile)
		(void) scenario_family(profile, &family);
	r = scenario_add(s, b->modem, family, &modem);
	if (r < 0)
		return r;
	look(b, &m);
	take_identity(b, &modem->config);
	take_times(&m, &modem->config);
	take_faults(b, &m, &modem->config);
	modem->config.package_max = 0;
	snprintf(ret->name, sizeof(ret->name), "%s", modem->name);
	ret->percent_time =
		m.last_percent > m.first_percent
			? (m.last - m.first) / (usec_t) (m.last_percent - m.first_percent)
			: 0;
	return 0;
}

int recorded_add(struct scenario *s, const char *path, struct recorded *ret, FILE *errors)
{
	char problem[BUNDLE_PROBLEM_MAX];
	struct bundle *b = NULL;
	int r = bundle_load(path, &b, problem);

	if (r < 0) {
		fprintf(errors, "fotad: %s: %s\n", path, problem);
		return r;
	}
	r = add(s, b, ret);
	if (r == -EEXIST)
		fprintf(errors,
			"fotad: %s: modem \"%s\" is there already: of one modem one bundle, or "
			"the scenario\n",
			path, b->modem);
	else if (r < 0)
		fprintf(errors, "fotad: %s: %s\n", path,
			r == -EINVAL ? "its modem has no name of ours" : strerror(-r));
	bundle_free(b);
	return r;
}
