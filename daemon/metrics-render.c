/*
 * Every family that fotad has: names by the Prometheus conventions (one prefix, base units, _total for what only grows).
 */
#include "daemon/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "core/trace-state.h"
#include "daemon/clock.h"
#include "daemon/manager-campaign.h"

#define LABELS(...)                                                                                \
	(const struct metrics_label[])                                                             \
	{                                                                                          \
		__VA_ARGS__,                                                                       \
		{                                                                                  \
			NULL, NULL                                                                 \
		}                                                                                  \
	}

static void gauge(FILE *f, const char *name, const char *help, uint64_t value)
{
	metrics_family(f, name, METRICS_GAUGE, help);
	metrics_number(f, name, NULL, value);
}

static void seconds(FILE *f, const char *name, const char *help, usec_t value)
{
	metrics_family(f, name, METRICS_GAUGE, help);
	metrics_seconds(f, name, NULL, value);
}

static void render_fotad(FILE *f, const struct manager *g)
{
	const char *name = "fotad_build_info";

	metrics_family(f, name, METRICS_GAUGE, "The version of fotad; always 1.");
	metrics_number(f, name, LABELS({ "version", PACKAGE_VERSION }), 1);
	seconds(f, "fotad_start_time_seconds", "When fotad was started.",
		usec_sub(clock_realtime(), usec_sub(clock_boottime(), g->started)));
	gauge(f, "fotad_config_last_reload_successful",
		"Was the configuration that was read last taken? If not, an older one is in force.",
		!g->metrics->reload_failed);
	seconds(f, "fotad_config_last_reload_success_timestamp_seconds",
		"When the configuration that is in force was taken.", g->metrics->reloaded);
	gauge(f, "fotad_store_writable", "Can the state be saved? If not, no job starts.",
		g->store_error == 0);
	gauge(f, "fotad_held",
		"Was the state lost, so that no job starts until somebody acknowledges?", g->held);
	gauge(f, "fotad_inhibitors", "Programs on this gateway that want no new starts.",
		g->inhibitors);
	gauge(f, "fotad_clock_synchronised", "Is the wall clock synchronised?",
		clock_is_synchronised());
	gauge(f, "fotad_slots", "How many modems may be upgraded at the same time.",
		g->rules->config->max_parallel);
	gauge(f, "fotad_slots_used", "How many are upgraded now.", g->running);
}

static void render_modems(FILE *f, const struct manager *g)
{
	unsigned counts[_MODEM_PRESENCE_MAX] = { 0 }, drifted = 0;
	const char *name = "fotad_modems";

	for (size_t i = 0; i < g->n_modems; i++) {
		counts[modem_presence(g->modems[i])]++;
		drifted += g->modems[i]->drift;
	}
	metrics_family(f, name, METRICS_GAUGE, "Configured modems, by what is seen of them.");
	for (int i = 0; i < _MODEM_PRESENCE_MAX; i++)
		metrics_number(f, name,
			LABELS({ "state", modem_presence_name((enum modem_presence) i) }),
			counts[i]);
	gauge(f, "fotad_modems_drifted",
		"Modems that no longer run what fotad has brought them to.", drifted);
}

/* ---- jobs ---- */

#define JOB_STATES (JOB_UNKNOWN + 1)

static void render_jobs(FILE *f, const struct manager *g)
{
	const char *name = "fotad_jobs";

	metrics_family(f, name, METRICS_GAUGE, "Jobs, by campaign and state.");
	for (const struct campaign_run *run = g->runs; run; run = run->next) {
		unsigned counts[JOB_STATES] = { 0 };

		for (size_t i = 0; run->configured && i < run->n_members; i++) {
			const struct modem *m = modem_of_member(run->members[i]);

			counts[m->state] += m->job && text_equal(m->job_campaign, run->name);
		}
		for (int i = 0; run->configured && i < JOB_STATES; i++)
			metrics_number(f, name,
				LABELS({ "campaign", run->name },
					{ "state", job_state_name((enum job_state) i) }),
				counts[i]);
	}
}

/* A word of enum job_wait, or of enum reason after those. */
#define WAITS (JOB_WAIT_SLOT + 1)

static size_t wait_index(const char *word)
{
	for (int i = 0; i < WAITS; i++)
		if (text_equal(job_wait_name((enum job_wait) i), word))
			return (size_t) i;
	return WAITS + (size_t) reason_by_name(word);
}

static void render_waits(FILE *f, const struct manager *g)
{
	const char *name = "fotad_jobs_waiting";
	unsigned counts[WAITS + _REASON_MAX] = { 0 };
	usec_t now = clock_boottime();

	for (size_t i = 0; i < g->n_modems; i++)
		if (g->modems[i]->job && g->modems[i]->state == JOB_WAITING)
			counts[wait_index(modem_waits_for(g->modems[i], now))]++;
	metrics_family(f, name, METRICS_GAUGE, "Jobs that wait, by what they wait for.");
	for (int i = JOB_WAIT_NONE + 1; i < WAITS; i++)
		metrics_number(
			f, name, LABELS({ "reason", job_wait_name((enum job_wait) i) }), counts[i]);
	for (int i = REASON_NONE + 1; i < _REASON_MAX; i++)
		if (counts[WAITS + i] > 0)
			metrics_number(f, name, LABELS({ "reason", reason_name((enum reason) i) }),
				counts[WAITS + i]);
}

/* ---- campaigns ---- */

static void campaign_gauge(FILE *f, const struct manager *g, const char *name, const char *help,
	uint64_t (*value)(const struct campaign_run *run))
{
	metrics_family(f, name, METRICS_GAUGE, help);
	for (const struct campaign_run *run = g->runs; run; run = run->next)
		if (run->configured)
			metrics_number(f, name, LABELS({ "campaign", run->name }), value(run));
}

static uint64_t members_of(const struct campaign_run *run)
{
	return run->n_members;
}

static uint64_t is_halted(const struct campaign_run *run)
{
	return run->campaign.halted != CAMPAIGN_RUNS;
}

static uint64_t is_paused(const struct campaign_run *run)
{
	return run->campaign.paused;
}

static uint64_t wave_of(const struct campaign_run *run)
{
	return run->campaign.wave + 1;
}

static void render_campaigns(FILE *f, const struct manager *g)
{
	campaign_gauge(f, g, "fotad_campaign_modems", "Modems of a campaign.", members_of);
	campaign_gauge(
		f, g, "fotad_campaign_halted", "Has too much of a campaign failed?", is_halted);
	campaign_gauge(f, g, "fotad_campaign_paused", "Has an operator paused it?", is_paused);
	campaign_gauge(f, g, "fotad_campaign_wave", "The wave that is open, from 1.", wave_of);
}

/* A counter that begins with its first event would hide that event: increase() wants to see the 0 before it. */
static void know_campaigns(const struct manager *g)
{
	for (const struct campaign_run *run = g->runs; run; run = run->next)
		if (run->configured)
			(void) metrics_campaign(g->metrics, run->name);
}

static bool is_told(const struct metrics_campaign *c, int outcome, int reason)
{
	return c->attempts[outcome][reason] > 0 ||
	       (outcome == OUTCOME_SUCCEEDED && reason == REASON_NONE);
}

static void render_attempts(FILE *f, const struct metrics *metrics)
{
	const char *name = "fotad_attempts_total";

	metrics_family(
		f, name, METRICS_COUNTER, "Attempts that have ended, by outcome and reason.");
	for (const struct metrics_campaign *c = metrics->campaigns; c; c = c->next)
		for (int o = 0; o < METRICS_OUTCOMES; o++)
			for (int r = 0; r < _REASON_MAX; r++)
				if (is_told(c, o, r))
					metrics_number(f, name,
						LABELS({ "campaign", c->name },
							{ "outcome",
								trace_kind_name(TRACE_OUTCOME, o) },
							{ "reason", r ? reason_name((enum reason) r)
								      : "none" }),
						c->attempts[o][r]);
	name = "fotad_download_bytes_total";
	metrics_family(f, name, METRICS_COUNTER,
		"Bytes of the packages that modems were told to download.");
	for (const struct metrics_campaign *c = metrics->campaigns; c; c = c->next)
		metrics_number(f, name, LABELS({ "campaign", c->name }), c->bytes);
}

static void render_phases(FILE *f, const struct metrics *metrics)
{
	const char *name = "fotad_upgrade_phase_seconds";

	metrics_family(
		f, name, METRICS_HISTOGRAM, "How long each phase of a successful upgrade took.");
	for (int i = PHASE_PREPARING; i < EVIDENCE_PHASES; i++)
		metrics_durations(f, name,
			LABELS({ "phase", upgrade_phase_name((enum upgrade_phase) i) }),
			&metrics->phases[i]);
}

/* ---- the log ---- */

static void render_log(FILE *f, const struct metrics *metrics)
{
	const char *name = "fotad_log_events_total";

	metrics_family(f, name, METRICS_COUNTER,
		"Events that were logged, by their names in fotad.messages(7).");
	for (int i = 0; i < _LOG_MESSAGE_MAX; i++)
		if (i != LOG_MESSAGE_AT_DIALOGUE && i != LOG_MESSAGE_STEP)
			metrics_number(f, name,
				LABELS({ "event", log_message_name((enum log_message) i) }),
				log_message_count((enum log_message) i));
	name = "fotad_log_suppressed_total";
	metrics_family(f, name, METRICS_COUNTER,
		"Lines about noisy modems that were left out of the log.");
	metrics_number(f, name, NULL, metrics->left_out);
}

/* ---- by modem, only when the configuration asks for it ---- */

static const char *known(const char *now, const char *seen)
{
	return now[0] ? now : seen;
}

static void render_each(FILE *f, const struct manager *g)
{
	const char *name = "fotad_modem_present";

	metrics_family(
		f, name, METRICS_GAUGE, "Is a modem there, and does it answer as it should?");
	for (size_t i = 0; i < g->n_modems; i++)
		metrics_number(f, name, LABELS({ "modem", g->modems[i]->config->name }),
			modem_presence(g->modems[i]) == MODEM_PRESENT && g->modems[i]->identified);
	name = "fotad_modem_firmware_info";
	metrics_family(f, name, METRICS_GAUGE, "What a modem runs; always 1.");
	for (size_t i = 0; i < g->n_modems; i++) {
		const struct modem *m = g->modems[i];
		const struct identity *now = &m->dialogue.upgrade.identity;

		metrics_number(f, name,
			LABELS({ "modem", m->config->name },
				{ "model", known(now->model, m->seen.model) },
				{ "version", known(now->version, m->seen.version) }),
			1);
	}
	name = "fotad_modem_download_ratio";
	metrics_family(f, name, METRICS_GAUGE,
		"How much of its package a modem that is upgraded has downloaded.");
	for (size_t i = 0; i < g->n_modems; i++)
		if (g->modems[i]->slot && g->modems[i]->dialogue.upgrade.percent >= 0)
			metrics_seconds(f, name, LABELS({ "modem", g->modems[i]->config->name }),
				(usec_t) g->modems[i]->dialogue.upgrade.percent * SEC / 100);
}

char *metrics_render(struct manager *g)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	render_fotad(f, g);
	render_modems(f, g);
	render_jobs(f, g);
	render_waits(f, g);
	render_campaigns(f, g);
	know_campaigns(g);
	render_attempts(f, g->metrics);
	render_phases(f, g->metrics);
	render_log(f, g->metrics);
	if (g->rules->config->metrics.per_modem)
		render_each(f, g);
	if (ferror(f) | fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
