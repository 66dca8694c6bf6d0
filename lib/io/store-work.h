/*
 * store-work - what is asked of the writer thread, and how it is done.
 */
#pragma once

#include "io/store-internal.h"

/* Lines of the history, apart from their change: they outlive its failure. */
struct store_lines {
	struct store_lines *next;
	size_t n;
	struct store_history of[];
};

/* What is asked of the thread, from its queueing to its completion. */
struct store_item {
	struct store_item *next;
	enum { STORE_CHANGE, STORE_FIND, STORE_PRUNE, STORE_RELEASE, STORE_HISTORY, STORE_CANCEL } what;
	struct store_completion completion;
	usec_t due; /* CLOCK_MONOTONIC: commit at the latest then */
	/* In the item's own allocation, NULL where there is none: a fleet that identifies itself queues a thousand. */
	struct store_job *job; /* STORE_FIND: campaign, modem and IMEI */
	struct store_attempt *attempt;
	struct store_modem *modem;
	struct store_campaign *campaign;
	struct store_lines *lines;
	uint64_t number;  /* STORE_CANCEL */
	int64_t uid;	  /* STORE_RELEASE, STORE_CANCEL */
	usec_t wall;	  /* likewise, and STORE_PRUNE; STORE_HISTORY: where it goes on */
	unsigned batches; /* STORE_PRUNE: left; STORE_HISTORY: lines that are wanted, of modem->name */
};

struct store_items {
	struct store_item *first, *last;
};

struct store_worker {
	struct store_db *db;
	struct store_lines *unwritten; /* of the history: oldest first */
	size_t n_unwritten;
};

void store_items_append(struct store_items *list, struct store_items *more); /* empties more */
struct store_item *store_items_take(struct store_items *list);
void store_items_free(struct store_items *list);

/* store-history.c. True: it is to be queued again. */
bool store_history_look(struct store_worker *worker, struct store_item *item);

/* Does what the group asks and completes it; ret_again: what is to be queued once more, it was too long for one turn. */
void store_work(struct store_worker *worker, struct store_items *group, struct store_items *ret_again);
void store_forget_unwritten(struct store_worker *worker);
