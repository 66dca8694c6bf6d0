/*
 * store-cancel - a job that no modem has in hand any more, given up by its number: another module has taken its place, or its
 * modem is not configured (conduct 11).
 */
#include <errno.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/store-internal.h"

/* Past the point of no return its verdict, should there be one, still counts. Its row stays as old as it is. */
static const char cancel_sql[] =
	"UPDATE jobs SET stop = CASE WHEN state = 'waiting' THEN stop ELSE 1 END, state = 'cancelled',"
	" reason = 'cancelled', ended = ?2 WHERE number = ?1";

static int read_job(struct store_db *db, uint64_t number, struct store_job *ret)
{
	CLEANUP(store_finalizep) sqlite3_stmt *statement = NULL;
	int r = store_prepare_made(db, store_schema_load("WHERE number = ?1"), &statement);

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (sqlite3_int64) number);
	r = sqlite3_step(statement);
	if (r != SQLITE_ROW)
		return r == SQLITE_DONE ? -ENOENT : store_error(db->sqlite, r);
	return store_schema_read(statement, db->boot_id, ret);
}

static int put(struct store_db *db, const struct store_job *job, usec_t wall, int64_t uid)
{
	CLEANUP(store_finalizep) sqlite3_stmt *statement = NULL;
	struct store_history line = { .time = wall, .who = STORE_OPERATOR, .what = "cancel", .uid = uid };
	int r = store_prepare(db, cancel_sql, &statement);

	(void) text_format(line.campaign, sizeof(line.campaign), "%s", job->campaign);
	(void) text_format(line.modem, sizeof(line.modem), "%s", job->modem);
	(void) text_format(line.imei, sizeof(line.imei), "%s", job->record.imei);
	(void) text_format(line.from, sizeof(line.from), "%s", job_state_name(job->state));
	(void) text_format(line.to, sizeof(line.to), "%s", job_state_name(JOB_CANCELLED));
	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (sqlite3_int64) job->number);
	sqlite3_bind_int64(statement, 2, (sqlite3_int64) wall);
	r = store_db_begin(db);
	if (r == 0)
		r = store_run(db, statement);
	if (r == 0)
		r = store_rows_put_history(db, &line);
	if (r == 0)
		r = store_db_commit(db);
	if (r < 0)
		store_db_rollback(db);
	return r;
}

int store_cancel_put(struct store_db *db, uint64_t number, usec_t wall, int64_t uid, struct store_job *ret)
{
	struct store_job job;
	int r = read_job(db, number, &job);

	if (r == 0 && !job_is_final(job.state))
		r = put(db, &job, wall, uid);
	if (r == 0)
		*ret = job;
	return r;
}
