/*
 * store - what must survive: one SQLite file, owned by one writer thread (conduct 13).
 *
 *      store_save() --> queue --> writer thread: BEGIN, every waiting save, COMMIT --> store_completion()
 *
 * Saves are queued, grouped into one commit when several wait, and answered by store_completion() in their order. A save
 * that failed is answered too, with its negative errno: then nothing may be sent. A later save may succeed again (space
 * is back); nothing is tried again by itself. Reading happens once, at start.
 * WAL, synchronous=FULL, locking_mode=EXCLUSIVE; user_version is the schema's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"
#include "core/job.h"
#include "core/reason.h"
#include "core/upgrade.h"

#define STORE_FILE "fotad.db" /* and fotad.db-wal beside it */

struct store;

/*
 * One job. Its key is campaign and modem name until record.imei is known, then campaign and IMEI (conduct 11): a save
 * with an IMEI takes over the row without one of that campaign and modem; the row of another IMEI stays as it is. No
 * secret is ever in it.
 */
struct store_job {
	char campaign[NAME_MAX_SIZE];
	char modem[NAME_MAX_SIZE];
	enum job_state state;
	enum reason reason;
	int cme;
	char target[VERSION_MAX];
	uint32_t attempts;          /* spent */
	usec_t not_before;          /* CLOCK_REALTIME: when it may be tried again; 0: now */
	usec_t updated;             /* CLOCK_REALTIME */
	bool other_boot;            /* by store_load(): saved in an earlier boot, record's times mean nothing now */
	struct upgrade_record record;
};

struct store_completion {
	uint64_t cookie;
	int error; /* 0 or negative errno */
};

/*
 * Opens or creates DIR/fotad.db. boot_id: of this boot. ret_boot_same: CLOCK_BOOTTIME means what it says in the record of
 * every job that may still go on (see other_boot for each; it stays so until the job is saved again). -EEXIST: another
 * process holds it. -ENOTSUP: a newer schema. -EUCLEAN: corrupt, or another program's. Others as the system says.
 */
int store_open(const char *directory, const char *boot_id, struct store **ret, bool *ret_boot_same);

/* Commits what is queued, then ends the thread. NULL is fine. Returns NULL. Completions not fetched are lost. */
struct store *store_close(struct store *store);

/*
 * Reads the jobs, the one saved last first (so the first of a campaign and modem is the one in that slot now): an array
 * the caller frees with free(), NULL for none. Only before the first save.
 */
int store_load(struct store *store, struct store_job **ret, size_t *ret_n);

/* Queues; copies. cookie comes back in the completion. -ENOMEM only. */
int store_save(struct store *store, const struct store_job *job, uint64_t cookie);

/* Readable when completions wait (an eventfd, owned by the store); store_completion() is called until it says false. */
int store_fd(const struct store *store);
bool store_completion(struct store *store, struct store_completion *ret);
