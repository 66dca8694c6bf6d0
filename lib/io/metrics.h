/*
 * metrics - numbers for Prometheus, in its text exposition format (0.0.4), and the file in which a node exporter finds them.
 *
 *      metrics_family() and its samples, family by family --> stream --> text
 *      metrics_writer_put() --> thread: FILE.new, rename() --> metrics_writer_result()
 *
 * A reader sees the whole old file or the whole new one. A slow or full disk stops no modem: there is a thread, and of what
 * waits for it only the newest is kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/usec.h"

enum metrics_type { METRICS_GAUGE, METRICS_COUNTER, METRICS_HISTOGRAM };

/* A label's value may be any text. The list ends with a NULL name. */
struct metrics_label {
	const char *name, *value;
};

/* HELP and TYPE; help is one sentence. All samples of the name follow. */
void metrics_family(FILE *stream, const char *name, enum metrics_type type, const char *help);
void metrics_number(FILE *stream, const char *name, const struct metrics_label *labels, uint64_t value);
void metrics_seconds(FILE *stream, const char *name, const struct metrics_label *labels, usec_t value);

/* How long something took. All 0: nothing yet. */
#define METRICS_BUCKETS 12
struct metrics_histogram {
	uint64_t buckets[METRICS_BUCKETS + 1]; /* each for itself; the last: longer than all */
	usec_t sum;
};

void metrics_observe(struct metrics_histogram *h, usec_t duration);
void metrics_durations(
	FILE *stream, const char *name, const struct metrics_label *labels, const struct metrics_histogram *h);

struct metrics_writer;

int metrics_writer_new(struct metrics_writer **ret); /* the thread begins with the first text */

/* Writes what waits, and ends. NULL is fine; returns NULL. */
struct metrics_writer *metrics_writer_free(struct metrics_writer *w);

/* Takes text (malloc'd) over, also on failure. -ENOMEM, -EAGAIN: no thread can be had. */
int metrics_writer_put(struct metrics_writer *w, const char *path, char *text);

/* How the last file that was written went, 0 or negative errno; false: none was since the last call. */
bool metrics_writer_result(struct metrics_writer *w, int *ret);
