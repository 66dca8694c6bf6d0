/*
 * store-internal - the SQLite side of the store, for one thread at a time.
 *
 *      store.c (queue, thread) --> store-db.c (transactions) --> store-file.c (opening, checks, aside)
 *                                       |                           `-> store-migrate.c (schemas)
 *                                       `-> store-schema.c (jobs' columns), store-rows.c (the other tables)
 */
#pragma once

#include <sqlite3.h>

#include "io/store.h"

#define STORE_APPLICATION_ID 0x464f5441 /* "FOTA", for file(1) */
#define STORE_VERSION        7
#define STORE_BOOT_ID_SIZE   64

#define STORE_MARK_HELD    "fotad.db.held"    /* files beside it: a store was lost and nobody has acknowledged it */
#define STORE_MARK_DAMAGED "fotad.db.damaged" /* the next open shall refuse it */
#define STORE_MARK_KNOWN   "fotad.known"      /* there was a store here: where it is not any more, it is lost */

struct store_statements;

struct store_db {
	sqlite3 *sqlite;
	sqlite3_stmt *begin, *commit, *take_over, *put, *put_again, *put_number;
	uint64_t last_number; /* of a job, as stored; 0: not known */
	struct store_statements *rows;
	sqlite3_stmt *put_campaign;
	bool held;
	bool gone; /* there was one, and when this one was opened there was not */
	char directory[STORE_PATH_MAX];
	char boot_id[STORE_BOOT_ID_SIZE];
};

/* store-db.c */
int store_db_open(const char *directory, const char *boot_id, struct store_db **ret);
struct store_db *store_db_close(struct store_db *db);
int store_db_load(struct store_db *db, struct store_job **ret, size_t *ret_n);

/* One transaction; after a failure everything of it is taken back. */
int store_db_begin(struct store_db *db);
int store_db_put(struct store_db *db, const struct store_job *job);
int store_db_commit(struct store_db *db);
void store_db_rollback(struct store_db *db);
int store_db_release(struct store_db *db, usec_t wall, int64_t uid); /* in a transaction of its own */

/* store-file.c */
int store_file_open(struct store_db *db, const char *directory);
int store_file_check(struct store_db *db, const char *table);
int store_file_check_ids(struct store_db *db); /* is there room for more rows? */
int store_file_release(struct store_db *db);

/* SQLite's result as a negative errno; the helpers that everything is made of. */
int store_error(sqlite3 *sqlite, int result);
int store_execute(struct store_db *db, const char *sql);
int store_prepare(struct store_db *db, const char *sql, sqlite3_stmt **ret);
int store_prepare_made(struct store_db *db, char *sql, sqlite3_stmt **ret); /* frees it; NULL: no memory */
int store_number(struct store_db *db, const char *sql, sqlite3_int64 *ret); /* one row, one column */
void store_finalizep(sqlite3_stmt **statement);
int store_run(struct store_db *db, sqlite3_stmt *statement); /* a statement without rows; resets it */

/* A column as the schema has it. -EUCLEAN: of another type, longer than its room, or out of its range. */
int store_take_text(sqlite3_stmt *statement, int column, char *ret, size_t size);
int store_take_number(
	sqlite3_stmt *statement, int column, sqlite3_int64 least, sqlite3_int64 most, sqlite3_int64 *ret);

/* store-migrate.c: from this schema (0: an empty file) to STORE_VERSION, one transaction for each step. */
int store_migrate(struct store_db *db, sqlite3_int64 version);

/* store-rows.c */
int store_rows_prepare(struct store_db *db);
struct store_statements *store_rows_free(struct store_statements *rows);
int store_rows_put_attempt(struct store_db *db, const struct store_job *job, const struct store_attempt *attempt);
int store_rows_put_modem(struct store_db *db, const struct store_modem *modem);
int store_rows_put_history(struct store_db *db, const struct store_history *history);
int store_rows_find(struct store_db *db, const char *campaign, const char *modem, const char *imei,
	struct store_found *ret);
int store_rows_prune(struct store_db *db, usec_t wall, bool *ret_more); /* in a transaction of its own */

/* store-campaigns.c */
int store_campaigns_prepare(struct store_db *db);
int store_campaigns_put(struct store_db *db, const struct store_campaign *campaign);
int store_campaigns_resume(struct store_db *db, const char *name, usec_t wall); /* in a transaction; -ENOENT */
int store_campaigns_load(struct store_db *db, struct store_campaign **ret, size_t *ret_n);

/* store-cancel.c */
int store_cancel_put(struct store_db *db, uint64_t number, usec_t wall, int64_t uid, struct store_job *ret); /* ret: before */

/* store-figures.c */
int store_figures_load(struct store_db *db, struct store_figures *ret, size_t max, size_t *ret_n, struct store_damage *ret_damage);

/* store-schema.c: statements made from the table of columns; ?1, ?2 ... in its order, the boot's id last. sqlite3_free() */
char *store_schema_put(void);
char *store_schema_put_again(void); /* only the newest row of its modem and IMEI, if it is this job's: no index changes */
char *store_schema_load(const char *where);
int store_schema_bind(sqlite3_stmt *statement, const struct store_job *job, const char *boot_id);
int store_schema_read(sqlite3_stmt *statement, const char *boot_id, struct store_job *ret);
