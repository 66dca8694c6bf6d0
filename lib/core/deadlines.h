/*
 * deadlines - many points in time, the earliest first: a pairing heap of what its owner embeds (Fredman, Sedgewick,
 * Sleator, Tarjan, 1986). It allocates nothing, so setting a deadline cannot fail. No clock, no timer. Zeroed: empty.
 */
#pragma once

#include <stdbool.h>

#include "base/usec.h"

struct deadline {
	usec_t at; /* when queued */
	bool queued;
	struct deadline *child, *next, *previous; /* previous: the parent, for a first child */
};

struct deadlines {
	struct deadline *first; /* the earliest, or NULL */
};

/* Puts it in, moves it, or (USEC_INFINITY) takes it out: O(log n), amortised. */
void deadlines_set(struct deadlines *deadlines, struct deadline *deadline, usec_t at);
