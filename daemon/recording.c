#include "daemon/recording.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"

/* A budget of 1 MiB; beyond so many attempts at one time, further ones leave no bundle. */
#define RECORDINGS_MAX 64

void recording_begin(struct modem *m, usec_t now)
{
	struct recording *r = m->recording;

	if (r || m->manager->recordings == RECORDINGS_MAX)
		return;
	r = malloc(sizeof(*r));
	if (!r) {
		modem_log(m, LOG_WARNING, LOG_MESSAGE_WARNING, REASON_NONE,
			"no memory to record this attempt: it leaves no bundle if it fails");
		return;
	}
	m->recording = r;
	m->manager->recordings++;
	r->record = m->dialogue.upgrade.record;
	r->began = now;
	trace_begin(&r->trace, r->memory, sizeof(r->memory), &m->dialogue, now);
	m->dialogue.trace = &r->trace;
}

void recording_end(struct modem *m)
{
	m->dialogue.trace = NULL;
	m->manager->recordings -= m->recording != NULL;
	free(m->recording);
	m->recording = NULL;
}

static int write_bundle(struct modem *m, const struct upgrade_notice *verdict)
{
	const struct upgrade *u = &m->dialogue.upgrade;
	struct bundle_source source = {
		.written = clock_realtime(),
		.campaign = m->campaign ? m->campaign->name : NULL,
		.modem = m->config->name,
		.port = m->config->port,
		.target = m->target,
		.who = &m->who,
		.timeouts = u->timeouts,
		.task = m->task,
		.record = &m->recording->record,
		.upgrade = u,
		.verdict = verdict,
		.trace = &m->recording->trace,
	};
	struct bundle *bundle;
	int r;

	r = bundle_new(&source, &bundle);
	return r < 0 ? r : bundle_writer_add(m->manager->bundles, bundle);
}

void recording_verdict(struct modem *m, const struct upgrade_notice *verdict)
{
	int r = 0;

	if (!m->recording)
		return;
	if (verdict->outcome == OUTCOME_FAILED || verdict->outcome == OUTCOME_UNKNOWN)
		r = write_bundle(m, verdict);
	if (r < 0)
		modem_log(m, LOG_WARNING, LOG_MESSAGE_WARNING, REASON_NONE,
			"this attempt leaves no bundle: %s", strerror(-r));
	if (verdict->outcome != OUTCOME_UNKNOWN) /* it settles itself, and is recorded until then */
		recording_end(m);
}

void recording_report(struct manager *g)
{
	struct log_fields fields = LOG_FIELDS_NONE;
	struct bundle_result result;

	while (bundle_writer_result(g->bundles, &result)) {
		fields.modem = result.modem;
		if (result.error < 0)
			log_event(LOG_WARNING, LOG_MESSAGE_WARNING, &fields,
				"the bundle of this attempt cannot be written: %s",
				strerror(-result.error));
		else
			log_event(LOG_NOTICE, LOG_MESSAGE_BUNDLE, &fields,
				"what happened is in %s/" BUNDLE_DIRECTORY "/%s",
				g->options.state_directory, result.name);
	}
}
