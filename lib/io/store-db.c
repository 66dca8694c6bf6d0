#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/store-internal.h"

#define BOOT_ID_SIZE 64

struct store_db {
	sqlite3 *sqlite;
	sqlite3_stmt *take_over, *put;
	char boot_id[BOOT_ID_SIZE];
};

/* The first identification of a job gives its row the IMEI; an older row of that IMEI is the same
 * job. */
static const char take_over_sql[] =
	"UPDATE OR REPLACE jobs SET imei = ?3 WHERE campaign = ?1 AND modem = ?2 AND imei = ''";

/* Times of a job that may still go on, from another boot? */
static const char stale_sql[] =
	"SELECT EXISTS (SELECT 1 FROM jobs WHERE boot_id != ?1 AND started != 0"
	" AND (end_open OR state IN ('waiting', 'running', 'unknown')))";

static int error_of(sqlite3 *sqlite, int result)
{
	int error;

	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EEXIST;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
		error = sqlite ? sqlite3_system_errno(sqlite) : 0;
		return error > 0 ? -error : -EIO;
	}
	return -EIO; /* errno says nothing sure here: SQLite has gone on since */
}

static int execute(struct store_db *db, const char *sql)
{
	return error_of(db->sqlite, sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL));
}

static void finalizep(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}

static int prepare(struct store_db *db, const char *sql, sqlite3_stmt **ret)
{
	return error_of(db->sqlite, sqlite3_prepare_v2(db->sqlite, sql, -1, ret, NULL));
}

static int prepare_made(struct store_db *db, char *sql, sqlite3_stmt **ret)
{
	int r = sql ? prepare(db, sql, ret) : -ENOMEM;

	sqlite3_free(sql);
	return r;
}

/* The number that a statement of one row and column says. */
static int query_number(
	struct store_db *db, const char *sql, const char *argument, sqlite3_int64 *ret)
{
	CLEANUP(finalizep) sqlite3_stmt *statement = NULL;
	int r;

	r = prepare(db, sql, &statement);
	if (r < 0)
		return r;
	if (argument)
		sqlite3_bind_text(statement, 1, argument, -1, SQLITE_STATIC);
	r = sqlite3_step(statement);
	if (r != SQLITE_ROW)
		return error_of(db->sqlite, r);
	*ret = sqlite3_column_int64(statement, 0);
	return 0;
}

/* Whose file is it, and of which version? 0: a new one. */
static int check_version(struct store_db *db, sqlite3_int64 *ret)
{
	sqlite3_int64 application = 0, version = 0, tables = 0;
	int r;

	r = query_number(db, "PRAGMA application_id", NULL, &application);
	if (r == 0)
		r = query_number(db, "PRAGMA user_version", NULL, &version);
	if (r == 0)
		r = query_number(db, "SELECT count(*) FROM sqlite_schema", NULL, &tables);
	if (r < 0)
		return r;
	if (application != STORE_APPLICATION_ID &&
		(application != 0 || version != 0 || tables != 0))
		return -EUCLEAN;
	if (version > STORE_VERSION)
		return -ENOTSUP;
	*ret = version;
	return 0;
}

static int check_pages(struct store_db *db)
{
	CLEANUP(finalizep) sqlite3_stmt *statement = NULL;
	int r;

	r = prepare(db, "PRAGMA quick_check(1)", &statement);
	if (r < 0)
		return r;
	r = sqlite3_step(statement);
	if (r != SQLITE_ROW)
		return error_of(db->sqlite, r);
	return text_equal((const char *) sqlite3_column_text(statement, 0), "ok") ? 0 : -EUCLEAN;
}

static int write_boot_id(struct store_db *db)
{
	CLEANUP(finalizep) sqlite3_stmt *statement = NULL;
	int r;

	r = prepare(db, "INSERT OR REPLACE INTO meta VALUES ('boot_id', ?1)", &statement);
	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, db->boot_id, -1, SQLITE_STATIC);
	return error_of(db->sqlite, sqlite3_step(statement));
}

/* In one transaction, so that a crash leaves either no tables or all of them; the write also takes
 * the lock for good. */
static int set_up(struct store_db *db, sqlite3_int64 version)
{
	int r;

	r = store_db_begin(db);
	if (r == 0 && version == 0)
		r = execute(db, store_schema_create);
	if (r == 0)
		r = write_boot_id(db);
	if (r == 0)
		r = store_db_commit(db);
	if (r < 0)
		store_db_rollback(db);
	return r;
}

static int open_file(struct store_db *db, const char *directory)
{
	char path[PATH_MAX];
	int r;

	/* SQLite tries more than once, and its last errno is not always the reason. */
	r = text_format(path, sizeof(path), "%s/.", directory);
	if (r < 0)
		return -ENAMETOOLONG;
	if (access(path, W_OK | X_OK) < 0)
		return -errno;
	r = text_format(path, sizeof(path), "%s/" STORE_FILE, directory);
	if (r < 0)
		return -ENAMETOOLONG;
	r = sqlite3_open_v2(path, &db->sqlite,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_EXRESCODE,
		NULL);
	if (r != SQLITE_OK)
		return error_of(db->sqlite, r);
	if (access(path, R_OK | W_OK) < 0)
		return -errno; /* opened, but only for reading */
	/* EXCLUSIVE before the first read: then WAL does without a shared memory file. */
	return execute(db, "PRAGMA locking_mode = EXCLUSIVE");
}

static int prepare_file(struct store_db *db, bool *ret_boot_same)
{
	sqlite3_int64 version, stale = 0;
	int r;

	r = check_version(db, &version);
	if (r == 0)
		r = check_pages(db);
	if (r == 0)
		r = execute(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				"PRAGMA journal_size_limit = 1048576; PRAGMA trusted_schema = OFF");
	if (r == 0)
		r = set_up(db, version);
	if (r == 0)
		r = query_number(db, stale_sql, db->boot_id, &stale);
	if (r == 0)
		r = prepare(db, take_over_sql, &db->take_over);
	if (r == 0)
		r = prepare_made(db, store_schema_put(), &db->put);
	if (r == 0)
		*ret_boot_same = stale == 0;
	return r;
}

static void store_db_closep(struct store_db **db)
{
	*db = store_db_close(*db);
}

int store_db_open(
	const char *directory, const char *boot_id, struct store_db **ret, bool *ret_boot_same)
{
	CLEANUP(store_db_closep) struct store_db *db = calloc(1, sizeof(*db));
	int r;

	if (!db)
		return -ENOMEM;
	if (text_copy(db->boot_id, sizeof(db->boot_id), boot_id) < 0)
		return -EINVAL;
	r = open_file(db, directory);
	if (r == 0)
		r = prepare_file(db, ret_boot_same);
	if (r < 0)
		return r;
	*ret = STEAL(db);
	return 0;
}

struct store_db *store_db_close(struct store_db *db)
{
	if (!db)
		return NULL;
	sqlite3_finalize(db->take_over);
	sqlite3_finalize(db->put);
	sqlite3_close(db->sqlite); /* takes NULL */
	free(db);
	return NULL;
}

int store_db_load(struct store_db *db, struct store_job **ret, size_t *ret_n)
{
	CLEANUP(finalizep) sqlite3_stmt *statement = NULL;
	sqlite3_int64 count = 0;
	struct store_job *jobs;
	size_t n = 0;
	int r;

	r = query_number(db, "SELECT count(*) FROM jobs", NULL, &count);
	if (r == 0)
		r = prepare_made(db, store_schema_load(), &statement);
	if (r < 0)
		return r;
	jobs = calloc((size_t) count, sizeof(*jobs));
	if (!jobs && count > 0)
		return -ENOMEM;
	while ((r = sqlite3_step(statement)) == SQLITE_ROW && n < (size_t) count) {
		r = store_schema_read(statement, db->boot_id, &jobs[n]);
		if (r < 0)
			break;
		n++;
	}
	r = r < 0 ? r : error_of(db->sqlite, r);
	if (r < 0 || n == 0) {
		free(jobs);
		jobs = NULL;
	}
	if (r < 0)
		return r;
	*ret = jobs;
	*ret_n = n;
	return 0;
}

int store_db_begin(struct store_db *db)
{
	return execute(db, "BEGIN IMMEDIATE");
}

static int run(struct store_db *db, sqlite3_stmt *statement)
{
	int r = sqlite3_step(statement);

	sqlite3_reset(statement);
	return error_of(db->sqlite, r);
}

int store_db_put(struct store_db *db, const struct store_job *job)
{
	int r;

	if (job->record.imei[0] != '\0') {
		sqlite3_bind_text(db->take_over, 1, job->campaign, -1, SQLITE_STATIC);
		sqlite3_bind_text(db->take_over, 2, job->modem, -1, SQLITE_STATIC);
		sqlite3_bind_text(db->take_over, 3, job->record.imei, -1, SQLITE_STATIC);
		r = run(db, db->take_over);
		if (r < 0)
			return r;
	}
	r = error_of(db->sqlite, store_schema_bind(db->put, job, db->boot_id));
	return r < 0 ? r : run(db, db->put);
}

int store_db_commit(struct store_db *db)
{
	return execute(db, "COMMIT");
}

void store_db_rollback(struct store_db *db)
{
	/* Some errors have rolled back already (full, I/O, out of memory): then there is nothing to
	 * do. */
	if (!sqlite3_get_autocommit(db->sqlite))
		(void) execute(db, "ROLLBACK");
}
