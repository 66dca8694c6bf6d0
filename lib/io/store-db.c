#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/store-internal.h"

/* The first identification of a job gives its row the IMEI; an older row of that IMEI is the same
 * job. */
static const char take_over_sql[] =
	"UPDATE OR REPLACE jobs SET imei = ?3 WHERE campaign = ?1 AND modem = ?2 AND imei = ''";

static const char put_number_sql[] = "UPDATE meta SET value = CAST(?1 AS TEXT)"
				     " WHERE name = 'last_number' AND CAST(value AS INTEGER) < ?1";

int store_error(sqlite3 *sqlite, int result)
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

int store_execute(struct store_db *db, const char *sql)
{
	return store_error(db->sqlite, sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL));
}

void store_finalizep(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}

int store_prepare(struct store_db *db, const char *sql, sqlite3_stmt **ret)
{
	int r = sqlite3_prepare_v2(db->sqlite, sql, -1, ret, NULL);

	/* Our own words are right: where they do not fit the tables, the tables are damaged. */
	return r == SQLITE_ERROR ? -EUCLEAN : store_error(db->sqlite, r);
}

int store_prepare_made(struct store_db *db, char *sql, sqlite3_stmt **ret)
{
	int r = sql ? store_prepare(db, sql, ret) : -ENOMEM;

	sqlite3_free(sql);
	return r;
}

int store_number(struct store_db *db, const char *sql, sqlite3_int64 *ret)
{
	CLEANUP(store_finalizep) sqlite3_stmt *statement = NULL;
	int r;

	r = store_prepare(db, sql, &statement);
	if (r < 0)
		return r;
	r = sqlite3_step(statement);
	if (r != SQLITE_ROW)
		return store_error(db->sqlite, r);
	*ret = sqlite3_column_int64(statement, 0);
	return 0;
}

int store_take_text(sqlite3_stmt *statement, int column, char *ret, size_t size)
{
	const char *text;

	if (sqlite3_column_type(statement, column) != SQLITE_TEXT)
		return -EUCLEAN;
	text = (const char *) sqlite3_column_text(statement, column);
	if (!text)
		return -ENOMEM;
	if (strlen(text) != (size_t) sqlite3_column_bytes(statement, column))
		return -EUCLEAN;
	return text_copy(ret, size, text) < 0 ? -EUCLEAN : 0;
}

int store_take_number(
	sqlite3_stmt *statement, int column, sqlite3_int64 least, sqlite3_int64 most, sqlite3_int64 *ret)
{
	sqlite3_int64 number = sqlite3_column_int64(statement, column);

	if (sqlite3_column_type(statement, column) != SQLITE_INTEGER || number < least ||
		number > most)
		return -EUCLEAN;
	*ret = number;
	return 0;
}

static void store_db_closep(struct store_db **db)
{
	*db = store_db_close(*db);
}

int store_db_open(const char *directory, const char *boot_id, struct store_db **ret)
{
	CLEANUP(store_db_closep) struct store_db *db = calloc(1, sizeof(*db));
	int r;

	if (!db)
		return -ENOMEM;
	if (text_copy(db->boot_id, sizeof(db->boot_id), boot_id) < 0)
		return -EINVAL;
	r = store_file_open(db, directory);
	if (r == 0)
		r = store_prepare(db, take_over_sql, &db->take_over);
	if (r == 0)
		r = store_prepare_made(db, store_schema_put(), &db->put);
	if (r == 0)
		r = store_prepare_made(db, store_schema_put_again(), &db->put_again);
	if (r == 0)
		r = store_prepare(db, put_number_sql, &db->put_number);
	if (r == 0)
		r = store_rows_prepare(db);
	if (r == 0)
		r = store_campaigns_prepare(db);
	if (r < 0)
		return r;
	*ret = STEAL(db);
	return 0;
}

struct store_db *store_db_close(struct store_db *db)
{
	if (!db)
		return NULL;
	sqlite3_finalize(db->begin);
	sqlite3_finalize(db->commit);
	sqlite3_finalize(db->take_over);
	sqlite3_finalize(db->put);
	sqlite3_finalize(db->put_again);
	sqlite3_finalize(db->put_number);
	store_rows_free(db->rows);
	sqlite3_finalize(db->put_campaign);
	sqlite3_close(db->sqlite); /* takes NULL */
	free(db);
	return NULL;
}

int store_db_load(struct store_db *db, struct store_job **ret, size_t *ret_n)
{
	CLEANUP(store_finalizep) sqlite3_stmt *statement = NULL;
	sqlite3_int64 count = 0;
	struct store_job *jobs;
	size_t n = 0;
	int r;

	r = store_number(db, "SELECT count(*) FROM jobs", &count);
	if (r == 0)
		r = store_prepare_made(db, store_schema_load("ORDER BY id DESC"), &statement);
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
	r = r < 0 ? r : store_error(db->sqlite, r);
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
	/* One that could not be rolled back, for want of memory, would stand in the way for good. */
	store_db_rollback(db);
	return store_run(db, db->begin);
}

int store_run(struct store_db *db, sqlite3_stmt *statement)
{
	int r = sqlite3_step(statement);

	sqlite3_reset(statement);
	return store_error(db->sqlite, r);
}

/* Kept apart: with many jobs it takes long to find the highest. */
static int put_number(struct store_db *db, uint64_t number)
{
	int r;

	if (number <= db->last_number)
		return 0;
	sqlite3_bind_int64(db->put_number, 1, (sqlite3_int64) number);
	r = store_run(db, db->put_number);
	if (r == 0)
		db->last_number = number;
	return r;
}

static int put_job(struct store_db *db, sqlite3_stmt *statement, const struct store_job *job)
{
	int r = store_error(db->sqlite, store_schema_bind(statement, job, db->boot_id));

	return r < 0 ? r : store_run(db, statement);
}

int store_db_put(struct store_db *db, const struct store_job *job)
{
	int r = put_number(db, job->number);

	if (r == 0)
		r = put_job(db, db->put_again, job);
	if (r < 0 || sqlite3_changes(db->sqlite) > 0)
		return r;
	if (job->record.imei[0] != '\0') {
		sqlite3_bind_text(db->take_over, 1, job->campaign, -1, SQLITE_STATIC);
		sqlite3_bind_text(db->take_over, 2, job->modem, -1, SQLITE_STATIC);
		sqlite3_bind_text(db->take_over, 3, job->record.imei, -1, SQLITE_STATIC);
		r = store_run(db, db->take_over);
		if (r < 0)
			return r;
	}
	return put_job(db, db->put, job);
}

int store_db_release(struct store_db *db, usec_t wall, int64_t uid)
{
	struct store_history line = {
		.time = wall,
		.who = STORE_OPERATOR,
		.what = "acknowledged",
		.detail = "the loss of the store: jobs may start again",
		.uid = uid,
	};
	int r = store_db_begin(db);

	if (r == 0)
		r = store_rows_put_history(db, &line);
	if (r == 0)
		r = store_db_commit(db);
	if (r < 0) {
		store_db_rollback(db);
		return r;
	}
	return store_file_release(db);
}

int store_db_commit(struct store_db *db)
{
	return store_run(db, db->commit);
}

void store_db_rollback(struct store_db *db)
{
	/* Some errors have rolled back already (full, I/O, out of memory): then there is nothing to
	 * do. */
	if (!sqlite3_get_autocommit(db->sqlite))
		(void) store_execute(db, "ROLLBACK");
	db->last_number = 0;
}
