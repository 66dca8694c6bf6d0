/*
 * bundle-writer - a thread that makes files of bundles: a slow or full disk stops no modem.
 *
 *      bundle_writer_add() --> queue --> thread: text, room, file --> bundle_writer_result()
 */
#pragma once

#include <stdbool.h>

#include "io/bundle-file.h"
#include "io/bundle.h"

#define BUNDLE_QUEUE_MAX 32 /* that wait; a fleet that fails at once leaves its first ones */

struct bundle_writer;

struct bundle_result {
	int error;                    /* 0 or negative errno */
	char modem[NAME_MAX_SIZE];
	char name[BUNDLE_NAME_MAX];   /* of the file, in DIRECTORY/bundles */
};

/* directory outlives the writer. The thread begins with the first bundle. */
int bundle_writer_new(const char *directory, struct bundle_writer **ret);

/* Writes what waits, then ends the thread; results can still be had. */
void bundle_writer_finish(struct bundle_writer *w);
struct bundle_writer *bundle_writer_free(struct bundle_writer *w); /* NULL is fine; returns NULL */

/* Takes b over, also on failure. -ENOBUFS: too many wait. */
int bundle_writer_add(struct bundle_writer *w, struct bundle *b);

/* What became of a bundle; false: nothing new. Cheap when nothing was added. */
bool bundle_writer_result(struct bundle_writer *w, struct bundle_result *ret);
