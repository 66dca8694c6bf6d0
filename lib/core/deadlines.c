#include <stddef.h>

#include "core/deadlines.h"

/* Makes one heap of two; both are roots, either may be NULL. */
static struct deadline *merge(struct deadline *a, struct deadline *b)
{
	if (!a || !b)
		return a ? a : b;
	if (b->at < a->at) {
		struct deadline *swap = a;

		a = b;
		b = swap;
	}
	b->next = a->child;
	b->previous = a;
	if (a->child)
		a->child->previous = b;
	a->child = b;
	a->next = a->previous = NULL;
	return a;
}

/* Makes one heap of a row of siblings: first in pairs, then all pairs from the last to the first.
 */
static struct deadline *merge_row(struct deadline *row)
{
	struct deadline *pairs = NULL, *heap = NULL;

	while (row) {
		struct deadline *a = row, *b = row->next, *pair;

		row = b ? b->next : NULL;
		a->next = a->previous = NULL;
		if (b)
			b->next = b->previous = NULL;
		pair = merge(a, b);
		pair->next = pairs;
		pairs = pair;
	}
	while (pairs) {
		struct deadline *pair = pairs;

		pairs = pair->next;
		pair->next = NULL;
		heap = merge(heap, pair);
	}
	return heap;
}

static void take_out(struct deadlines *deadlines, struct deadline *deadline)
{
	struct deadline *below = merge_row(deadline->child);

	if (deadline == deadlines->first)
		deadlines->first = below;
	else {
		if (deadline->previous->child == deadline)
			deadline->previous->child = deadline->next;
		else
			deadline->previous->next = deadline->next;
		if (deadline->next)
			deadline->next->previous = deadline->previous;
		deadlines->first = merge(deadlines->first, below);
	}
	*deadline = (struct deadline){ 0 };
}

void deadlines_set(struct deadlines *deadlines, struct deadline *deadline, usec_t at)
{
	if (deadline->queued) {
		if (deadline->at == at)
			return;
		take_out(deadlines, deadline);
	}
	if (at == USEC_INFINITY)
		return;
	*deadline = (struct deadline){ .at = at, .queued = true };
	deadlines->first = merge(deadlines->first, deadline);
}
