#include <errno.h>
#include <stdlib.h>

#include "base/macros.h"
#include "io/store-work.h"

#define UNWRITTEN_MAX 4096 /* lines of the history that wait for space */

void store_items_append(struct store_items *list, struct store_items *more)
{
	if (!more->first)
		return;
	if (list->last)
		list->last->next = more->first;
	else
		list->first = more->first;
	list->last = more->last;
	*more = (struct store_items){ 0 };
}

struct store_item *store_items_take(struct store_items *list)
{
	struct store_item *item = list->first;

	if (item) {
		list->first = item->next;
		if (!list->first)
			list->last = NULL;
		item->next = NULL;
	}
	return item;
}

void store_items_free(struct store_items *list)
{
	struct store_item *item;

	while ((item = store_items_take(list))) {
		free(item->completion.found);
		free(item->completion.page);
		free(item->lines);
		free(item);
	}
}

static int put_lines(struct store_db *db, const struct store_lines *lines)
{
	int r = 0;

	for (; lines && r == 0; lines = lines->next)
		for (size_t i = 0; i < lines->n && r == 0; i++)
			r = store_rows_put_history(db, &lines->of[i]);
	return r;
}

static int put(struct store_db *db, const struct store_item *item)
{
	int r = 0;

	if (item->job)
		r = store_db_put(db, item->job);
	if (r == 0 && item->attempt)
		r = store_rows_put_attempt(db, item->job, item->attempt);
	if (r == 0 && item->modem)
		r = store_rows_put_modem(db, item->modem);
	if (r == 0 && item->campaign)
		r = store_campaigns_put(db, item->campaign);
	return r == 0 ? put_lines(db, item->lines) : r;
}

/* What could not be written goes with the next commit, as far as there is room for it. */
static void keep_lines(struct store_worker *worker, struct store_item *item)
{
	struct store_lines **end = &worker->unwritten;

	if (!item->lines || worker->n_unwritten + item->lines->n > UNWRITTEN_MAX)
		return;
	while (*end)
		end = &(*end)->next;
	worker->n_unwritten += item->lines->n;
	*end = STEAL(item->lines);
}

void store_forget_unwritten(struct store_worker *worker)
{
	while (worker->unwritten) {
		struct store_lines *lines = worker->unwritten;

		worker->unwritten = lines->next;
		free(lines);
	}
	worker->n_unwritten = 0;
}

/* One transaction for all that waited: all are durable, or none is. */
static int commit(struct store_worker *worker, const struct store_items *group)
{
	struct store_db *db = worker->db;
	int r;

	r = store_db_begin(db);
	if (r == 0)
		r = put_lines(db, worker->unwritten);
	for (const struct store_item *item = group->first; item && r == 0; item = item->next)
		if (item->what == STORE_CHANGE)
			r = put(db, item);
	if (r == 0)
		r = store_db_commit(db);
	if (r < 0)
		store_db_rollback(db);
	else
		store_forget_unwritten(worker);
	return r;
}

static void find(struct store_worker *worker, struct store_item *item)
{
	struct store_found *found = calloc(1, sizeof(*found));
	const char *imei = item->job->record.imei;

	item->completion.error = found ? store_rows_find(worker->db, item->job->campaign,
						 item->job->modem, imei[0] ? imei : NULL, found)
				       : -ENOMEM;
	if (item->completion.error == 0)
		item->completion.found = STEAL(found);
	free(found);
}

static void cancel(struct store_worker *worker, struct store_item *item)
{
	struct store_found *found = calloc(1, sizeof(*found));

	item->completion.error =
		found ? store_cancel_put(worker->db, item->number, item->wall, item->uid, &found->job) : -ENOMEM;
	if (item->completion.error == 0)
		item->completion.found = STEAL(found);
	free(found);
}

/* Between its batches others have their turn. True: it is to be queued again. */
static bool prune(struct store_worker *worker, struct store_item *item)
{
	bool more = false;

	item->completion.error = store_rows_prune(worker->db, item->wall, &more);
	return more && item->batches-- > 1;
}

void store_work(
	struct store_worker *worker, struct store_items *group, struct store_items *ret_again)
{
	struct store_items finished = { 0 };
	struct store_item *item;
	bool changes = false;
	int error = 0;

	for (item = group->first; item; item = item->next)
		changes = changes || item->what == STORE_CHANGE;
	if (changes)
		error = commit(worker, group);
	while ((item = store_items_take(group))) {
		struct store_items one = { item, item };

		switch (item->what) {
		case STORE_CHANGE:
			item->completion.error = error;
			if (error < 0)
				keep_lines(worker, item);
			break;
		case STORE_FIND:
			find(worker, item);
			break;
		case STORE_PRUNE:
			if (prune(worker, item)) {
				store_items_append(ret_again, &one);
				continue;
			}
			break;
		case STORE_HISTORY:
			if (store_history_look(worker, item)) {
				store_items_append(ret_again, &one);
				continue;
			}
			break;
		case STORE_CANCEL:
			cancel(worker, item);
			break;
		case STORE_RELEASE:
			item->completion.error = store_db_release(worker->db, item->wall, item->uid);
			break;
		}
		store_items_append(&finished, &one);
	}
	*group = finished;
}
