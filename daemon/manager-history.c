/*
 * Who asks for the history waits in a line: the store answers one after the other.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "daemon/manager.h"

#define ASKERS_MAX 16

struct manager_asker {
	struct manager_asker *next;
	char name[NAME_MAX_SIZE];
	unsigned max;
	manager_history_done done;
	void *userdata;
};

/* Hands the first one's answer out, and asks for the next one. */
static void answer(struct manager *g, int error, const struct store_history *lines, size_t n)
{
	struct manager_asker *asker = g->askers;

	g->askers = asker->next;
	asker->done(error, lines, n, asker->userdata);
	free(asker);
}

static void ask(struct manager *g)
{
	while (g->askers) {
		int r = store_history(g->store, g->askers->name, g->askers->max, MANAGER_TOLD);

		if (r >= 0)
			return;
		answer(g, r, NULL, 0);
	}
}

int manager_history(struct manager *g, const char *name, unsigned max, manager_history_done done,
	void *userdata)
{
	struct manager_asker **last = &g->askers, *asker;
	unsigned n = 0;

	while (*last) {
		last = &(*last)->next;
		n++;
	}
	if (n >= ASKERS_MAX)
		return -EBUSY;
	asker = calloc(1, sizeof(*asker));
	if (!asker)
		return -ENOMEM;
	*asker = (struct manager_asker){ .max = max, .done = done, .userdata = userdata };
	if (text_copy(asker->name, sizeof(asker->name), name) < 0) {
		free(asker);
		return -EINVAL;
	}
	*last = asker;
	if (n == 0)
		ask(g);
	return 0;
}

void manager_take_history(struct manager *g, const struct store_completion *done)
{
	if (!g->askers)
		return;
	answer(g, done->error, done->page ? done->page->lines : NULL,
		done->page ? done->page->n : 0);
	ask(g);
}

void manager_free_history(struct manager *g)
{
	while (g->askers)
		answer(g, -ECANCELED, NULL, 0);
}
