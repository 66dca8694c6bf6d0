/*
 * store-rows - attempts, modems and the history; and what is known when a modem turns up.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/store-internal.h"

#define PRUNE_ROWS 200 /* of one batch: some milliseconds on a gateway's flash */

enum statement {
	UPDATE_ATTEMPT,
	INSERT_ATTEMPT,
	OPEN_ATTEMPT,
	PUT_MODEM,
	GET_MODEM,
	PUT_HISTORY,
	NEWEST_OF_MODEM, /* which job's row; the next likewise */
	NEWEST_OF_IMEI,
	GET_JOB, /* made from the table of columns */
	_STATEMENT_MAX,
};

struct store_statements {
	sqlite3_stmt *of[_STATEMENT_MAX];
};

#define STRING(x)  STRING_(x)
#define STRING_(x) #x

/* Only the oldest are looked at: they come first, and the whole table is never read for this. */
#define OLDEST(table)	"id IN (SELECT id FROM " table " ORDER BY id LIMIT " STRING(PRUNE_ROWS) ")"
#define NEWEST(where)	"SELECT id FROM jobs WHERE " where " ORDER BY id DESC LIMIT 1"
#define TOO_MANY(table) "id <= (SELECT max(id) FROM " table ") - " STRING(STORE_HISTORY_ROWS)

static const char *const texts[_STATEMENT_MAX] = {
	[UPDATE_ATTEMPT] = "UPDATE attempts SET modem = ?3, number = ?4, version_from = ?5,"
			   " version_to = ?6, transport = ?7, started = ?8, ended = ?9,"
			   " outcome = ?10, reason = ?11, cme = ?12, evidence = ?13, terms = ?14"
			   " WHERE campaign = ?1 AND imei = ?2 AND ended = 0",
	[INSERT_ATTEMPT] = "INSERT INTO attempts (campaign, imei, modem, number, version_from,"
			   " version_to, transport, started, ended, outcome, reason, cme, evidence,"
			   " terms)"
			   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
	[OPEN_ATTEMPT] = "SELECT number, version_from, version_to, transport, started, outcome,"
			 " reason, cme, evidence, terms FROM attempts"
			 " WHERE campaign = ?1 AND imei = ?2 AND ended = 0",
	[PUT_MODEM] = "INSERT OR REPLACE INTO modems (name, imei, model, version, seen, cell)"
		      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[GET_MODEM] = "SELECT imei, model, version, seen, cell FROM modems WHERE name = ?1",
	[PUT_HISTORY] = "INSERT INTO history (time, who, campaign, modem, imei, what, before,"
			" after, reason, detail, uid)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[NEWEST_OF_MODEM] = NEWEST("modem = ?1"),
	[NEWEST_OF_IMEI] = NEWEST("imei = ?1 AND imei != ''"),
};

/* The next are needed too seldom to lie ready. */
static const char own_of_modem[] = NEWEST("modem = ?1 AND campaign = ?2");
static const char own_of_imei[] = NEWEST("imei = ?1 AND campaign = ?2 AND imei != ''");

static const char *const prunes[] = {
	"DELETE FROM history WHERE " OLDEST("history") " AND (time < ?1 OR " TOO_MANY("history") ")",
	"DELETE FROM attempts WHERE " OLDEST("attempts") " AND ended != 0 AND (ended < ?1 OR " TOO_MANY("attempts") ")",
};

int store_rows_prepare(struct store_db *db)
{
	int r = 0;

	db->rows = calloc(1, sizeof(*db->rows));
	if (!db->rows)
		return -ENOMEM;
	for (size_t i = 0; i < _STATEMENT_MAX && r == 0; i++)
		if (texts[i])
			r = store_prepare(db, texts[i], &db->rows->of[i]);
	return r == 0 ? store_prepare_made(db, store_schema_load("WHERE id = ?1"), &db->rows->of[GET_JOB]) : r;
}

struct store_statements *store_rows_free(struct store_statements *rows)
{
	for (size_t i = 0; rows && i < _STATEMENT_MAX; i++)
		sqlite3_finalize(rows->of[i]);
	free(rows);
	return NULL;
}

static void text(sqlite3_stmt *statement, int i, const char *value)
{
	sqlite3_bind_text(statement, i, value, -1, SQLITE_STATIC);
}

static void number(sqlite3_stmt *statement, int i, uint64_t value)
{
	sqlite3_bind_int64(statement, i, (sqlite3_int64) value);
}

/* ---- writing ---- */

int store_rows_put_attempt(
	struct store_db *db, const struct store_job *job, const struct store_attempt *a)
{
	char evidence[EVIDENCE_ENCODED_MAX], terms[TERMS_ENCODED_MAX] = "";
	int r = 0;

	(void) evidence_encode(&a->evidence, evidence);
	if (a->ended == 0) /* then they are of no use, and there are many attempts */
		(void) terms_encode(&a->terms, terms);
	for (size_t i = UPDATE_ATTEMPT; i <= INSERT_ATTEMPT && r == 0; i++) {
		sqlite3_stmt *s = db->rows->of[i];

		if (i == INSERT_ATTEMPT && sqlite3_changes(db->sqlite) > 0)
			break;
		text(s, 1, job->campaign);
		text(s, 2, job->record.imei);
		text(s, 3, job->modem);
		number(s, 4, a->number);
		text(s, 5, a->from);
		text(s, 6, a->to);
		text(s, 7, a->transport == GTOTA_FTP ? "ftp" : "http");
		number(s, 8, a->started);
		number(s, 9, a->ended);
		text(s, 10, a->judged ? upgrade_outcome_name(a->outcome) : "");
		text(s, 11, a->judged ? reason_name(a->reason) : "");
		sqlite3_bind_int(s, 12, a->judged ? a->cme : -1);
		text(s, 13, evidence);
		text(s, 14, terms);
		r = store_run(db, s);
	}
	return r;
}

int store_rows_put_modem(struct store_db *db, const struct store_modem *modem)
{
	sqlite3_stmt *s = db->rows->of[PUT_MODEM];

	text(s, 1, modem->name);
	text(s, 2, modem->imei);
	text(s, 3, modem->model);
	text(s, 4, modem->version);
	number(s, 5, modem->seen);
	text(s, 6, modem->cell);
	return store_run(db, s);
}

int store_rows_put_history(struct store_db *db, const struct store_history *h)
{
	sqlite3_stmt *s = db->rows->of[PUT_HISTORY];

	number(s, 1, h->time);
	text(s, 2, h->who == STORE_OPERATOR ? "operator" : "daemon");
	text(s, 3, h->campaign);
	text(s, 4, h->modem);
	text(s, 5, h->imei);
	text(s, 6, h->what);
	text(s, 7, h->from);
	text(s, 8, h->to);
	text(s, 9, reason_name(h->reason));
	text(s, 10, h->detail);
	sqlite3_bind_int64(s, 11, h->who == STORE_OPERATOR ? h->uid : -1);
	return store_run(db, s);
}

static int prune(struct store_db *db, const char *sql, usec_t wall, int *changes)
{
	CLEANUP(store_finalizep) sqlite3_stmt *s = NULL;
	int r = store_prepare(db, sql, &s);

	if (r < 0)
		return r;
	number(s, 1, usec_sub(wall, STORE_HISTORY_AGE));
	r = store_run(db, s);
	*changes += r == 0 ? sqlite3_changes(db->sqlite) : 0;
	return r;
}

int store_rows_prune(struct store_db *db, usec_t wall, bool *ret_more)
{
	int r = store_db_begin(db), changes = 0;

	for (size_t i = 0; i < ELEMENTSOF(prunes) && r == 0; i++)
		r = prune(db, prunes[i], wall, &changes);
	if (r == 0)
		r = store_db_commit(db);
	if (r < 0) {
		store_db_rollback(db);
		return r;
	}
	*ret_more = changes > 0;
	return 0;
}

/* ---- reading ---- */

/* 1: there is a row, which the caller reads and then resets. */
static int look(struct store_db *db, sqlite3_stmt *s, const char *first, const char *second)
{
	int r;

	text(s, 1, first);
	if (second)
		text(s, 2, second);
	r = sqlite3_step(s);
	if (r == SQLITE_ROW)
		return 1;
	sqlite3_reset(s);
	return store_error(db->sqlite, r);
}

static int find_modem(struct store_db *db, const char *name, struct store_found *ret)
{
	sqlite3_stmt *s = db->rows->of[GET_MODEM];
	struct store_modem *m = &ret->modem;
	sqlite3_int64 seen = 0;
	int r = look(db, s, name, NULL);

	if (r <= 0)
		return r;
	r = text_copy(m->name, sizeof(m->name), name) < 0 ? -EUCLEAN : 0;
	if (r == 0)
		r = store_take_text(s, 0, m->imei, sizeof(m->imei));
	if (r == 0)
		r = store_take_text(s, 1, m->model, sizeof(m->model));
	if (r == 0)
		r = store_take_text(s, 2, m->version, sizeof(m->version));
	if (r == 0)
		r = store_take_number(s, 3, INT64_MIN, INT64_MAX, &seen);
	if (r == 0)
		r = store_take_text(s, 4, m->cell, sizeof(m->cell));
	m->seen = (usec_t) seen;
	sqlite3_reset(s);
	ret->modem_known = r == 0;
	return r;
}

static int find_job(struct store_db *db, sqlite3_stmt *s, const char *key, const char *campaign,
	struct store_job *ret)
{
	sqlite3_stmt *row = db->rows->of[GET_JOB];
	int r = look(db, s, key, campaign);

	if (r <= 0)
		return r;
	sqlite3_bind_int64(row, 1, sqlite3_column_int64(s, 0));
	sqlite3_reset(s);
	r = store_error(db->sqlite, sqlite3_step(row));
	if (r == 0)
		r = store_schema_read(row, db->boot_id, ret);
	sqlite3_reset(row);
	return r < 0 ? r : 1;
}

static int find_own(struct store_db *db, const char *campaign, const char *modem, const char *imei,
	struct store_job *ret)
{
	CLEANUP(store_finalizep) sqlite3_stmt *s = NULL;
	int r = store_prepare(db, imei ? own_of_imei : own_of_modem, &s);

	return r < 0 ? r : find_job(db, s, imei ? imei : modem, campaign, ret);
}

static int read_numbers(sqlite3_stmt *s, struct store_attempt *a)
{
	sqlite3_int64 number, started, cme;
	int r = store_take_number(s, 0, 0, UINT32_MAX, &number);

	if (r == 0)
		r = store_take_number(s, 4, INT64_MIN, INT64_MAX, &started);
	if (r == 0)
		r = store_take_number(s, 7, -1, INT_MAX, &cme);
	if (r < 0)
		return r;
	a->number = (uint32_t) number;
	a->started = (usec_t) started;
	a->cme = (int) cme;
	return 0;
}

static int read_attempt(sqlite3_stmt *s, struct store_attempt *a)
{
	char evidence[EVIDENCE_ENCODED_MAX], terms[TERMS_ENCODED_MAX], word[STORE_WHAT_MAX];
	int r = read_numbers(s, a);

	if (r == 0)
		r = store_take_text(s, 1, a->from, sizeof(a->from));
	if (r == 0)
		r = store_take_text(s, 2, a->to, sizeof(a->to));
	if (r == 0)
		r = store_take_text(s, 3, word, sizeof(word));
	a->transport = r == 0 && text_equal(word, "ftp") ? GTOTA_FTP : GTOTA_HTTP;
	if (r == 0)
		r = store_take_text(s, 5, word, sizeof(word));
	for (int i = 0; r == 0 && upgrade_outcome_name(i); i++)
		if (text_equal(word, upgrade_outcome_name(i))) {
			a->outcome = (enum upgrade_outcome) i;
			a->judged = true;
		}
	if (r == 0)
		r = store_take_text(s, 6, word, sizeof(word));
	a->reason = r == 0 ? reason_by_name(word) : REASON_NONE;
	if (r == 0)
		r = store_take_text(s, 8, evidence, sizeof(evidence));
	if (r == 0)
		r = store_take_text(s, 9, terms, sizeof(terms));
	if (r == 0) /* unknown ones are no harm: the configuration's hold */
		(void) terms_decode(terms, &a->terms);
	/* Only what is said of the attempt rests upon it: what may be sent, its job's own row knows. */
	a->evidence_damaged = r == 0 && evidence_decode(evidence, &a->evidence) < 0;
	if (a->evidence_damaged)
		evidence_begin(&a->evidence, a->from, 0);
	return r;
}

static int find_attempt(struct store_db *db, struct store_found *ret)
{
	sqlite3_stmt *s = db->rows->of[OPEN_ATTEMPT];
	int r = look(db, s, ret->job.campaign, ret->job.record.imei);

	if (r <= 0)
		return r;
	r = read_attempt(s, &ret->attempt);
	sqlite3_reset(s);
	ret->attempt_known = r == 0;
	return r;
}

int store_rows_find(struct store_db *db, const char *campaign, const char *modem, const char *imei,
	struct store_found *ret)
{
	struct store_found found = { 0 };
	struct store_job own;
	int r;

	r = find_modem(db, modem, &found);
	if (r == 0)
		r = find_job(db, db->rows->of[imei ? NEWEST_OF_IMEI : NEWEST_OF_MODEM], imei ? imei : modem,
			NULL, &found.job);
	if (r < 0)
		return r;
	found.job_known = r > 0;
	if (found.job_known && campaign[0] != '\0' && !found.job.record.start_durable &&
		!text_equal(found.job.campaign, campaign)) {
		r = find_own(db, campaign, modem, imei, &own);
		if (r < 0)
			return r;
		/* The job is this campaign's, what was done to the module is the newest's. */
		if (r > 0 && text_equal(own.record.imei, found.job.record.imei)) {
			found.job.record.attempt = own.record.attempt;
			own.record = found.job.record;
			own.other_boot = found.job.other_boot;
			found.job = own;
		}
	}
	r = found.job_known ? find_attempt(db, &found) : 0;
	if (r < 0)
		return r;
	*ret = found;
	return 0;
}
