/*
 * What is counted, and when it is written; metrics-render.c has the words.
 */
#include "daemon/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/modem.h"

int metrics_new(struct metrics **ret)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));
	int r;

	if (!metrics)
		return -ENOMEM;
	r = metrics_writer_new(&metrics->writer);
	if (r < 0) {
		free(metrics);
		return r;
	}
	metrics->reloaded = clock_realtime();
	*ret = metrics;
	return 0;
}

struct metrics_campaign *metrics_campaign(struct metrics *metrics, const char *name)
{
	struct metrics_campaign *c;

	for (c = metrics->campaigns; c; c = c->next)
		if (text_equal(c->name, name))
			return c;
	c = calloc(1, sizeof(*c));
	if (!c || text_copy(c->name, sizeof(c->name), name) < 0) {
		free(c);
		return NULL;
	}
	c->next = metrics->campaigns;
	metrics->campaigns = c;
	return c;
}

void metrics_verdict(const struct modem *m, const struct upgrade_notice *verdict, uint64_t bytes)
{
	struct metrics *metrics = m->manager->metrics;
	const struct evidence *e = m->dialogue.upgrade.evidence;
	struct metrics_campaign *c = metrics_campaign(metrics, m->job_campaign);

	if (c) {
		c->attempts[verdict->outcome][verdict->reason]++;
		c->bytes += bytes;
	}
	/* Of what was upgraded: how long others waited before they gave up says little. */
	for (int phase = PHASE_PREPARING;
		verdict->outcome == OUTCOME_SUCCEEDED && phase < EVIDENCE_PHASES; phase++)
		metrics_observe(&metrics->phases[phase], e->phases[phase]);
}

void metrics_reload(struct manager *g, bool taken)
{
	g->metrics->reload_failed = !taken;
	if (taken)
		g->metrics->reloaded = clock_realtime();
}

void metrics_left_out(const struct modem *m, unsigned lines)
{
	m->manager->metrics->left_out += lines;
}

/* ---- the textfile ---- */

static void put(struct manager *g, const char *path)
{
	char *text = metrics_render(g);
	int r = text ? metrics_writer_put(g->metrics->writer, path, text) : -ENOMEM;

	if (r < 0) /* looks like an old file, which is what readers are told to watch for */
		log_event(
			LOG_WARNING, LOG_MESSAGE_METRICS, NULL, "no metrics now: %s", strerror(-r));
}

/* Said when it changes. */
static void say_result(struct manager *g, const char *path)
{
	int error;

	if (!metrics_writer_result(g->metrics->writer, &error) || error == g->metrics->error)
		return;
	g->metrics->error = error;
	if (error < 0)
		log_event(LOG_WARNING, LOG_MESSAGE_METRICS, NULL,
			"metrics cannot be written to %s: %s", path ? path : "the textfile",
			strerror(-error));
	else
		log_event(LOG_NOTICE, LOG_MESSAGE_METRICS, NULL, "metrics are written to %s again",
			path ? path : "the textfile");
}

void metrics_tend(struct manager *g, usec_t now)
{
	const struct config_metrics *config = &g->rules->config->metrics;

	say_result(g, config->textfile);
	if (!config->textfile || now < g->metrics->due)
		return;
	g->metrics->due = usec_add(now, config->period);
	put(g, config->textfile);
}

void metrics_finish(struct manager *g)
{
	if (g->metrics && g->rules->config->metrics.textfile)
		put(g, g->rules->config->metrics.textfile);
}

struct metrics *metrics_free(struct metrics *metrics)
{
	struct metrics_campaign *c;

	if (!metrics)
		return NULL;
	metrics_writer_free(metrics->writer);
	while ((c = metrics->campaigns)) {
		metrics->campaigns = c->next;
		free(c);
	}
	free(metrics);
	return NULL;
}
