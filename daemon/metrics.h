/*
 * metrics - what Prometheus is told of the fleet; conf/fotad.rules.yml and conf/grafana-fotad.json use these names, and
 * tests/integration/test-metrics.py holds them to each other.
 *
 *      modem_notice() --metrics_verdict()--> counters \
 *      manager, modems, campaigns: as they stand now --> metrics_render() --> the textfile, the bus, fotactl metrics
 *
 * Counters begin at 0 with each start of fotad, as Prometheus expects it. No series is named after what a modem says, and
 * none after a modem unless metrics.per_modem asks for it.
 */
#pragma once

#include "core/upgrade.h"
#include "daemon/manager.h"
#include "io/metrics.h"

#define METRICS_OUTCOMES (OUTCOME_CANCELLED + 1)

/* Of a campaign that was ever at work here. */
struct metrics_campaign {
	struct metrics_campaign *next;
	char name[NAME_MAX_SIZE];
	uint64_t attempts[METRICS_OUTCOMES][_REASON_MAX];
	uint64_t bytes;
};

struct metrics {
	struct metrics_writer *writer;
	struct metrics_campaign *campaigns;
	struct metrics_histogram phases[EVIDENCE_PHASES];
	uint64_t left_out;    /* lines of modems */
	bool reload_failed;   /* the last one */
	usec_t reloaded;      /* CLOCK_REALTIME: the configuration in force was taken */
	usec_t due;           /* CLOCK_BOOTTIME: when the textfile is written next */
	int error;            /* why it was not, as said */
};

int metrics_new(struct metrics **ret);

/* The textfile is written once more, with the modems as they are. */
void metrics_finish(struct manager *manager);
struct metrics *metrics_free(struct metrics *metrics); /* when it is; NULL is fine; returns NULL */

/* What happens. bytes: that this attempt has spent. */
void metrics_verdict(const struct modem *m, const struct upgrade_notice *verdict, uint64_t bytes);
void metrics_reload(struct manager *manager, bool taken);
void metrics_left_out(const struct modem *m, unsigned lines);

/* Writes the textfile when that is due. */
void metrics_tend(struct manager *manager, usec_t now);

/* Those of this campaign; NULL: no memory. */
struct metrics_campaign *metrics_campaign(struct metrics *metrics, const char *name);

/* All of it, as text, malloc'd; NULL: no memory. */
char *metrics_render(struct manager *manager);
