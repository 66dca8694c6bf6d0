/*
 * recording - the flight recorder of an attempt, from its slot to its last verdict: a failed or unknown one leaves a
 * bundle in STATE_DIR/bundles (io/bundle-writer.h).
 *
 * An idle port has none: its ring would cost more than all the rest of it, and an attempt identifies the module anew.
 */
#pragma once

#include "core/trace.h"
#include "daemon/modem.h"
#include "io/bundle-writer.h"

struct recording {
	struct trace trace;
	struct upgrade_record record; /* when it began */
	usec_t began;
	unsigned char memory[TRACE_SIZE];
};

/* Without memory the attempt goes on unrecorded. Nothing happens where one runs already. */
void recording_begin(struct modem *m, usec_t now);
void recording_end(struct modem *m);

/* Before the task's secrets are forgotten. */
void recording_verdict(struct modem *m, const struct upgrade_notice *verdict);

/* Says what became of the bundles that were written since. */
void recording_report(struct manager *g);
