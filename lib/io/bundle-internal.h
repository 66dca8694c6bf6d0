/*
 * bundle-internal - for bundle*.c only.
 */
#pragma once

#include "io/bundle.h"

/* Memory that bundle_free() frees; NULL: there is none. */
void *bundle_allocate(struct bundle *b, size_t size);
const char *bundle_copy(struct bundle *b, const char *text); /* NULL for NULL, too: see bundle_has() */

/* Sets .replay up, when all else is there. */
void bundle_connect(struct bundle *b, size_t n_entries);
