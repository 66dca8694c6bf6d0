#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/store-internal.h"

enum kind { TEXT, BOOL, COUNT, LONG, NUMBER, STATE, REASON };

static const struct column {
	const char *name;
	enum kind kind;
	size_t offset, size; /* in struct store_job */
} columns[] = {
#define COLUMN(name, kind, field)                                                                  \
	{                                                                                          \
		name, kind, offsetof(struct store_job, field),                                     \
			sizeof(((struct store_job *) 0)->field)                                    \
	}
	/* The first three are also what the takeover is bound to, see store-db.c. */
	COLUMN("campaign", TEXT, campaign),
	COLUMN("modem", TEXT, modem),
	COLUMN("imei", TEXT, record.imei),
	COLUMN("state", STATE, state),
	COLUMN("reason", REASON, reason),
	COLUMN("cme", NUMBER, cme),
	COLUMN("target", TEXT, target),
	COLUMN("attempts", COUNT, attempts),
	COLUMN("bytes", LONG, bytes),
	COLUMN("not_before", LONG, not_before),
	COLUMN("updated", LONG, updated),
	COLUMN("wave", COUNT, wave),
	COLUMN("forgiven", BOOL, forgiven),
	COLUMN("number", LONG, number),
	COLUMN("stop", BOOL, stop),
	COLUMN("forced", BOOL, forced),
	COLUMN("created", LONG, created),
	COLUMN("ended", LONG, ended),
	COLUMN("queued", LONG, queued),
	COLUMN("model", TEXT, record.model),
	COLUMN("version_from", TEXT, record.from),
	COLUMN("version_to", TEXT, record.to),
	COLUMN("step", TEXT, record.step),
	COLUMN("attempt", COUNT, record.attempt),
	COLUMN("started", LONG, record.started),
	COLUMN("start_durable", BOOL, record.start_durable),
	COLUMN("reported", BOOL, record.reported),
	COLUMN("complete", BOOL, record.complete),
	COLUMN("failed", BOOL, record.failed),
	COLUMN("left_port", BOOL, record.left),
	COLUMN("restarted", BOOL, record.restarted),
	COLUMN("end_open", BOOL, record.end_open),
	COLUMN("callbreak_known", BOOL, record.callbreak.known),
	COLUMN("callbreak_written", BOOL, record.callbreak.written),
	COLUMN("callbreak", TEXT, record.callbreak.value),
	COLUMN("gprsfirst_known", BOOL, record.gprsfirst.known),
	COLUMN("gprsfirst_written", BOOL, record.gprsfirst.written),
	COLUMN("gprsfirst", TEXT, record.gprsfirst.value),
	COLUMN("rat_known", BOOL, record.rat.known),
	COLUMN("rat_written", BOOL, record.rat.written),
	COLUMN("rat", TEXT, record.rat.value),
	COLUMN("pdp_opened", BOOL, record.pdp_opened),
#undef COLUMN
};

#define KEYS 3 /* the first columns */

/* "a, b, boot_id" */
static void append_columns(sqlite3_str *sql)
{
	for (size_t i = 0; i < ELEMENTSOF(columns); i++)
		sqlite3_str_appendf(sql, "%s, ", columns[i].name);
	sqlite3_str_appendall(sql, "boot_id");
}

char *store_schema_put(void)
{
	sqlite3_str *sql = sqlite3_str_new(NULL);

	/* A row that it takes the place of loses its id: the new one has the highest. */
	sqlite3_str_appendall(sql, "INSERT OR REPLACE INTO jobs (");
	append_columns(sql);
	sqlite3_str_appendall(sql, ") VALUES (");
	for (size_t i = 0; i < ELEMENTSOF(columns) + 1; i++)
		sqlite3_str_appendf(sql, i > 0 ? ", ?%d" : "?%d", (int) i + 1);
	sqlite3_str_appendall(sql, ")");
	return sqlite3_str_finish(sql);
}

char *store_schema_put_again(void)
{
	sqlite3_str *sql = sqlite3_str_new(NULL);

	sqlite3_str_appendall(sql, "UPDATE jobs SET ");
	for (size_t i = KEYS; i < ELEMENTSOF(columns); i++)
		sqlite3_str_appendf(sql, "%s = ?%d, ", columns[i].name, (int) i + 1);
	sqlite3_str_appendf(sql, "boot_id = ?%d", (int) ELEMENTSOF(columns) + 1);
	sqlite3_str_appendall(sql, " WHERE id = (SELECT max(id) FROM jobs WHERE modem = ?2)"
				   " AND campaign = ?1 AND imei = ?3 AND (?3 = '' OR id ="
				   " (SELECT max(id) FROM jobs WHERE imei = ?3 AND imei != ''))");
	return sqlite3_str_finish(sql);
}

char *store_schema_load(const char *where)
{
	sqlite3_str *sql = sqlite3_str_new(NULL);

	sqlite3_str_appendall(sql, "SELECT ");
	append_columns(sql);
	sqlite3_str_appendf(sql, " FROM jobs %s", where);
	return sqlite3_str_finish(sql);
}

static int bind_text(sqlite3_stmt *statement, int i, const char *text)
{
	return sqlite3_bind_text(statement, i, text, -1, SQLITE_STATIC);
}

/* Points in time fill 64 bits (USEC_INFINITY is all ones): they go in and out as they are, not by
 * value. */
static int bind_column(
	sqlite3_stmt *statement, int i, const struct column *column, const void *field)
{
	switch (column->kind) {
	case TEXT:
		return bind_text(statement, i, field);
	case BOOL:
		return sqlite3_bind_int(statement, i, *(const bool *) field);
	case COUNT:
		return sqlite3_bind_int64(statement, i, *(const uint32_t *) field);
	case LONG:
		return sqlite3_bind_int64(statement, i, (sqlite3_int64) * (const uint64_t *) field);
	case NUMBER:
		return sqlite3_bind_int(statement, i, *(const int *) field);
	case STATE:
		return bind_text(statement, i, job_state_name(*(const enum job_state *) field));
	case REASON:
		return bind_text(statement, i, reason_name(*(const enum reason *) field));
	}
	return SQLITE_MISUSE;
}

int store_schema_bind(sqlite3_stmt *statement, const struct store_job *job, const char *boot_id)
{
	int r = SQLITE_OK;

	for (size_t i = 0; i < ELEMENTSOF(columns) && r == SQLITE_OK; i++)
		r = bind_column(statement, (int) i + 1, &columns[i],
			(const char *) job + columns[i].offset);
	return r == SQLITE_OK ? bind_text(statement, ELEMENTSOF(columns) + 1, boot_id) : r;
}

/* A word of ours is short. */
static int read_word(sqlite3_stmt *statement, int i, const struct column *column, void *field)
{
	char word[STORE_WHAT_MAX];
	int r = store_take_text(statement, i, word, sizeof(word)), state;

	if (r < 0)
		return r;
	if (column->kind == REASON) {
		*(enum reason *) field = reason_by_name(word);
		return 0;
	}
	state = job_state_by_name(word);
	if (state < 0)
		return -EUCLEAN;
	*(enum job_state *) field = (enum job_state) state;
	return 0;
}

static int read_number(sqlite3_stmt *statement, int i, const struct column *column, void *field)
{
	static const struct {
		sqlite3_int64 least, most;
	} ranges[] = {
		[BOOL] = { 0, 1 },
		[COUNT] = { 0, UINT32_MAX },
		[LONG] = { INT64_MIN, INT64_MAX },
		[NUMBER] = { -1, INT_MAX },
	};
	sqlite3_int64 number;
	int r = store_take_number(
		statement, i, ranges[column->kind].least, ranges[column->kind].most, &number);

	if (r < 0)
		return r;
	switch (column->kind) {
	case BOOL:
		*(bool *) field = number != 0;
		break;
	case COUNT:
		*(uint32_t *) field = (uint32_t) number;
		break;
	case NUMBER:
		*(int *) field = (int) number;
		break;
	case LONG:
	case TEXT:
	case STATE:
	case REASON:
		*(uint64_t *) field = (uint64_t) number;
		break;
	}
	return 0;
}

static int read_column(sqlite3_stmt *statement, int i, const struct column *column, void *field)
{
	switch (column->kind) {
	case TEXT:
		return store_take_text(statement, i, field, column->size);
	case STATE:
	case REASON:
		return read_word(statement, i, column, field);
	case BOOL:
	case COUNT:
	case LONG:
	case NUMBER:
		return read_number(statement, i, column, field);
	}
	return -EUCLEAN;
}

int store_schema_read(sqlite3_stmt *statement, const char *boot_id, struct store_job *ret)
{
	struct store_job job = { 0 };
	int r;

	for (size_t i = 0; i < ELEMENTSOF(columns); i++) {
		r = read_column(statement, (int) i, &columns[i], (char *) &job + columns[i].offset);
		if (r < 0)
			return r;
	}
	job.other_boot = !text_equal(
		(const char *) sqlite3_column_text(statement, ELEMENTSOF(columns)), boot_id);
	*ret = job;
	return 0;
}
