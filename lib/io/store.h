/*
 * store - what must survive: one SQLite file, owned by one writer thread (conduct 13).
 *
 *      store_change() --> queue --> writer thread: BEGIN, every waiting change, COMMIT --> store_completion()
 *      store_find()  --> queue --> the same thread, after what was queued before ----------> store_completion()
 *
 * Changes are queued, grouped into one commit when several wait, and answered by store_completion() in their order. A
 * change that failed is answered too, with its negative errno: then nothing may be sent. A later one may succeed again
 * (space is back). Nothing is tried again by itself, but for lines of the history: they are kept and go with the next
 * commit that succeeds.
 * WAL, synchronous=FULL, locking_mode=EXCLUSIVE; user_version is the schema's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"
#include "core/campaign.h"
#include "core/evidence.h"
#include "core/gtota.h"
#include "core/job.h"
#include "core/reason.h"
#include "core/terms.h"
#include "core/upgrade.h"

#define STORE_FILE "fotad.db" /* and fotad.db-wal beside it */

#define STORE_WHAT_MAX    24
#define STORE_DETAIL_MAX  256
#define STORE_PATH_MAX    512

/* Conduct 28: whichever is less. Attempts are kept as long. */
#define STORE_HISTORY_AGE  (400 * DAY)
#define STORE_HISTORY_ROWS 100000

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
	uint64_t bytes;             /* spent */
	usec_t not_before;          /* CLOCK_REALTIME: when it may be tried again; 0: now */
	usec_t updated;             /* CLOCK_REALTIME */
	uint32_t wave;              /* of its campaign, in which it has begun: from 1; 0: it has not */
	bool forgiven;              /* what it was does not count there any more */
	uint64_t number;            /* its id for people: another one after a retry; 0: this is no job, only its record counts */
	bool stop;                  /* an operator wants no further attempt of it */
	bool forced;                /* ... wants it to go whatever the window and the wave; until it does */
	usec_t created, ended;      /* CLOCK_REALTIME; 0: not known; it has no final verdict */
	usec_t queued;              /* CLOCK_REALTIME: since then it could have gone; 0: it could not yet */
	bool other_boot;            /* when read: saved in an earlier boot, record's times mean nothing now */
	struct upgrade_record record;
};

/* One attempt of a job. The job's open row is this attempt's until it is saved with an end. Wall clock times. */
struct store_attempt {
	uint32_t number;
	char from[VERSION_MAX], to[VERSION_MAX]; /* the hop */
	enum gtota_type transport;
	usec_t started, ended;        /* ended 0: goes on */
	bool judged;                  /* the three below say something */
	enum upgrade_outcome outcome;
	enum reason reason;
	int cme;
	struct evidence evidence;
	bool evidence_damaged;        /* when read: it could not be, and begins anew */
	struct terms terms;           /* kept until it ends */
};

/* How far a campaign is. Another target under the same name is another campaign. */
struct store_campaign {
	char name[NAME_MAX_SIZE];
	char target[VERSION_MAX];
	bool paused, cancelled;
	enum campaign_halt halted;
	uint32_t wave;     /* this one and those before it are open */
	usec_t soak_until; /* CLOCK_REALTIME; 0: it does not soak */
	usec_t brake_since; /* CLOCK_REALTIME: what upgraded modems showed before is forgiven; 0: nothing is */
};

/* Rows that cannot be read, of those that no job's next step rests upon: the newest of them. */
struct store_damage {
	size_t rows;
	uint64_t job; /* its number; 0: not known */
	char modem[NAME_MAX_SIZE];
	uint32_t attempt;
};

/* What an attempt that has succeeded tells of how its modem fared. */
struct store_figures {
	char model[MODEL_MAX];
	char to[VERSION_MAX];
	usec_t ended;                /* CLOCK_REALTIME */
	char from[VERSION_MAX];
	usec_t gone, took;           /* how long it was gone to install, and took in all; 0: not known */
	int rssi_before, rssi_after; /* as in struct evidence */
};

/* What a modem of the configuration was when it was identified last; name is the key. */
struct store_modem {
	char name[NAME_MAX_SIZE];
	char imei[IMEI_SIZE];
	char model[MODEL_MAX];
	char version[VERSION_MAX];
	usec_t seen; /* CLOCK_REALTIME */
	char cell[CELL_MAX]; /* that served it last; "": not known */
};

enum store_who { STORE_DAEMON, STORE_OPERATOR };

/* Who, when and why: only ever added to. Empty strings where there is nothing to say. */
struct store_history {
	usec_t time; /* CLOCK_REALTIME */
	enum store_who who;
	char campaign[NAME_MAX_SIZE];
	char modem[NAME_MAX_SIZE];
	char imei[IMEI_SIZE];
	char what[STORE_WHAT_MAX]; /* "state", "verdict", "version", ... */
	char from[VERSION_MAX], to[VERSION_MAX];
	enum reason reason;
	char detail[STORE_DETAIL_MAX];
	int64_t uid; /* of the operator; -1: not known. Of the daemon there is none */
};

/* All of it becomes durable, or nothing. */
struct store_change {
	const struct store_job *job;         /* NULL: none, and so below */
	const struct store_attempt *attempt; /* of that job */
	const struct store_modem *modem;
	const struct store_campaign *campaign;
	const struct store_history *history;
	size_t n_history;
	usec_t patience; /* how long it may wait for company in its commit; 0: not at all */
};

/* What is known when a modem turns up. */
struct store_found {
	bool modem_known;
	struct store_modem modem;
	/*
	 * The job. When its campaign is not the one asked for, only its record means something now (rule 8 of conduct and
	 * the settings to be put back are the module's), unless it is past the point of no return: that goes first.
	 */
	bool job_known;
	struct store_job job;
	bool attempt_known; /* of that job, one without an end */
	struct store_attempt attempt;
};

/* Some lines of the history, the newest one first. */
struct store_page {
	size_t n;
	struct store_history lines[];
};

struct store_completion {
	uint64_t cookie;
	int error;                 /* 0 or negative errno; -EUCLEAN: the file is damaged, see store_condemn() */
	struct store_found *found; /* of store_find() and store_cancel(), the caller frees it; else NULL */
	struct store_page *page;   /* of store_history(), likewise; NULL also when there are none */
};

/*
 * Opens or creates DIR/fotad.db (held, where there was one before: it is lost), brings an older schema to ours and checks what
 * decisions rest upon (the rest is checked by the thread). boot_id: of this boot. -EEXIST: another process holds it.
 * -ENOTSUP: a newer schema. -EUCLEAN: corrupt, condemned, or another program's. Others as the system says.
 */
int store_open(const char *directory, const char *boot_id, struct store **ret);

/*
 * A damaged file, and what belongs to it, out of the way: renamed to fotad.db.corrupt-20260131T235959Z (wall: now).
 * What store_open() makes then is held, see store_is_held(). ret_path: where it is now.
 */
int store_set_aside(const char *directory, usec_t wall, char ret_path[static STORE_PATH_MAX]);

/* The next store_open() shall say -EUCLEAN, whatever it finds. */
int store_condemn(const char *directory);

/*
 * Is this the successor of a lost store that nobody has acknowledged yet? Release: only before the first change;
 * acknowledge: the same at any time, by the thread, which says so with the cookie. -ENOMEM only.
 */
bool store_is_held(const struct store *store);
bool store_was_gone(const struct store *store); /* was there no file, although there was one here before? */
int store_release(struct store *store, usec_t wall, int64_t uid);
int store_acknowledge(struct store *store, usec_t wall, int64_t uid, uint64_t cookie);

/* Commits what is queued, then ends the thread. NULL is fine. Returns NULL. Completions not fetched are lost. */
struct store *store_close(struct store *store);

/*
 * An operator says, while no daemon runs, that a campaign goes on: it is neither halted nor paused, and what has failed
 * in it is forgiven. Only before the first change. -ENOENT: it is neither.
 */
int store_resume(struct store *store, const char *campaign, usec_t wall, int64_t uid);

/*
 * Reads all jobs, of each modem and of each IMEI the one saved last first: an array the caller frees with free(), NULL for none. Only before the first
 * change, like the next.
 */
int store_load(struct store *store, struct store_job **ret, size_t *ret_n);
int store_find_now(struct store *store, const char *campaign, const char *modem, struct store_found *ret);

/* The highest number of a job; 0: there is none. */
int store_last_number_now(struct store *store, uint64_t *ret);

/* All campaigns that ever were saved: an array the caller frees, NULL for none. Only before the first change. */
int store_campaigns_now(struct store *store, struct store_campaign **ret, size_t *ret_n);

/*
 * The figures of the `max` newest attempts that have succeeded, the newest first, without those that are damaged. Only before
 * the first change.
 */
int store_figures_now(
	struct store *store, struct store_figures *ret, size_t max, size_t *ret_n, struct store_damage *ret_damage);
void store_figures_take(struct store_figures *figures, const struct evidence *evidence);

/* Queues; copies. cookie comes back in the completion. -ENOMEM only. */
int store_change(struct store *store, const struct store_change *change, uint64_t cookie);
int store_save(struct store *store, const struct store_job *job, uint64_t cookie); /* a job alone, at once */

/* By modem name, or by IMEI when that is not NULL; campaign "": none. */
int store_find(struct store *store, const char *campaign, const char *modem, const char *imei, uint64_t cookie);

/*
 * An operator gives up the job of this number, which no modem has in hand: cancelled, unless it is final. found->job: as it was
 * before. -ENOENT in the completion: there is none.
 */
int store_cancel(struct store *store, uint64_t number, usec_t wall, int64_t uid, uint64_t cookie);

/* The newest lines of what is said of a modem or a campaign, or ("") of anything; at least one, at most max. */
int store_history(struct store *store, const char *name, unsigned max, uint64_t cookie);

/* Forgets some of what is older than it needs to be (wall: now): so little that it disturbs nobody. To be called often. */
int store_prune(struct store *store, usec_t wall, uint64_t cookie);

/* Readable when completions wait (an eventfd, owned by the store); store_completion() is called until it says false. */
int store_fd(const struct store *store);
bool store_completion(struct store *store, struct store_completion *ret);
