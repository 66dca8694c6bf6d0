/*
 * store-internal - the SQLite side of the store, for one thread at a time.
 *
 *      store.c (queue, thread) --> store-db.c (file, transactions) --> store-schema.c (tables, columns)
 */
#pragma once

#include <sqlite3.h>

#include "io/store.h"

#define STORE_APPLICATION_ID 0x464f5441 /* "FOTA", for file(1) */
#define STORE_VERSION        1

struct store_db;

int store_db_open(const char *directory, const char *boot_id, struct store_db **ret, bool *ret_boot_same);
struct store_db *store_db_close(struct store_db *db);
int store_db_load(struct store_db *db, struct store_job **ret, size_t *ret_n);

/* One transaction; after a failure everything of it is taken back. */
int store_db_begin(struct store_db *db);
int store_db_put(struct store_db *db, const struct store_job *job);
int store_db_commit(struct store_db *db);
void store_db_rollback(struct store_db *db);

/* Creates the tables of STORE_VERSION and says so in the file's header; inside a transaction. */
extern const char store_schema_create[];

/* Statements made from the table of columns; ?1, ?2 ... in its order, the boot's id last. sqlite3_free() them. */
char *store_schema_put(void);
char *store_schema_load(void);

int store_schema_bind(sqlite3_stmt *statement, const struct store_job *job, const char *boot_id);
int store_schema_read(sqlite3_stmt *statement, const char *boot_id, struct store_job *ret);
