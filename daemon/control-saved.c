/*
 * Who waits until the store has what was changed: an empty change goes behind it, and completions keep their order.
 */
#include <errno.h>
#include <stdlib.h>

#include "daemon/control-internal.h"

struct waiter {
	struct waiter *next;
	void (*done)(int error, void *userdata);
	void *userdata;
};

int control_when_saved(struct manager *g, void (*done)(int error, void *userdata), void *userdata)
{
	struct waiter **last = &g->waiters, *waiter = calloc(1, sizeof(*waiter));
	int r;

	if (!waiter)
		return -ENOMEM;
	r = store_change(g->store, &(struct store_change){ 0 }, MANAGER_WAITED);
	if (r < 0) {
		free(waiter);
		return r;
	}
	*waiter = (struct waiter){ .done = done, .userdata = userdata };
	while (*last)
		last = &(*last)->next;
	*last = waiter;
	return 0;
}

void control_saved(struct manager *g, int error)
{
	struct waiter *waiter = g->waiters;

	if (!waiter)
		return;
	g->waiters = waiter->next;
	waiter->done(error, waiter->userdata);
	free(waiter);
}
