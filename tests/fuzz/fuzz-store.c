/*
 * fuzz-store - rows of any values and types in a database of our schema: what is read is refused as
 * damaged, or it is something that the rest of the program can rely on, take up and save again.
 *
 * Input: lines. The name of a table begins a row, sound but for what the lines after it say:
 * COLUMN=TEXT, COLUMN=|LINE|LINE|, COLUMN=#INTEGER, COLUMN=.REAL, COLUMN=$BLOB or COLUMN=~ (NULL). The tables are those
 * of the schema, but without its types and constraints, which a damaged file does not keep either.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"
#include "core/dialogue.h"
#include "io/store-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BOOT	    "0123456789abcdef0123456789abcdef"
#define WALL	    (1700000000 * SEC)
#define NOW	    (9 * HOUR)
#define COLUMNS_MAX 64
#define ROWS_MAX    12
#define VALUE_MAX   2048

struct value {
	const uint8_t *text; /* as it stands in the input */
	size_t size;
};

struct table {
	const char *name;
	size_t n;
	struct {
		char name[32];
		struct value sound;
	} columns[COLUMNS_MAX];
	sqlite3_stmt *insert;
};

static struct table tables[] = {
	{ .name = "jobs" }, { .name = "attempts" }, { .name = "modems" }, { .name = "history" },
	{ .name = "campaigns" }
};
static struct store_db *db;
static char directory[STORE_PATH_MAX];

/* ---- a database without types ---- */

static const char loosen[] =
	"PRAGMA writable_schema = ON;"
	"UPDATE sqlite_schema SET sql = replace(replace(replace(replace(replace(replace(sql,"
	" 'INTEGER PRIMARY KEY', '@'), ' INTEGER', ''), ' TEXT', ''), ' NOT NULL', ''), ' STRICT', ''),"
	" '@', 'INTEGER PRIMARY KEY') WHERE type = 'table' AND name != 'sqlite_sequence';";

/* What a column holds when the input does not say: what the first rows of a fleet hold. */
static struct value sound(const char *name, const char *type)
{
	static const struct {
		const char *name, *value;
	} rows[] = { { "id", "~" }, { "campaign", "winter" }, { "modem", "pump-01" },
		{ "name", "pump-01" }, { "imei", "861234567890123" }, { "state", "waiting" },
		{ "step", "start" }, { "transport", "http" }, { "who", "daemon" },
		{ "boot_id", BOOT }, { "model", "L610-CN-62-36" } };
	const char *value = text_equal(type, "TEXT") ? "" : "#0";

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		value = text_equal(name, rows[i].name) ? rows[i].value : value;
	return (struct value){ (const uint8_t *) value, strlen(value) };
}

static void read_columns(sqlite3 *sqlite, struct table *t)
{
	sqlite3_stmt *s;

	assert(sqlite3_prepare_v2(sqlite, "SELECT name, type FROM pragma_table_info(?1)", -1, &s,
		       NULL) == SQLITE_OK);
	sqlite3_bind_text(s, 1, t->name, -1, SQLITE_STATIC);
	for (; sqlite3_step(s) == SQLITE_ROW; t->n++) {
		const char *name = (const char *) sqlite3_column_text(s, 0);

		assert(t->n < COLUMNS_MAX);
		assert(text_copy(t->columns[t->n].name, sizeof(t->columns[0].name), name) == 0);
		t->columns[t->n].sound = sound(name, (const char *) sqlite3_column_text(s, 1));
	}
	sqlite3_finalize(s);
	assert(t->n > 0);
}

static void prepare_insert(struct table *t)
{
	sqlite3_str *sql = sqlite3_str_new(NULL);
	char *text;

	sqlite3_str_appendf(sql, "INSERT OR IGNORE INTO %s VALUES (?1", t->name);
	for (size_t i = 1; i < t->n; i++)
		sqlite3_str_appendf(sql, ", ?%d", (int) i + 1);
	sqlite3_str_appendall(sql, ")");
	text = sqlite3_str_finish(sql);
	assert(text && store_prepare(db, text, &t->insert) == 0);
	sqlite3_free(text);
}

static void end(void)
{
	char command[STORE_PATH_MAX + 16];

	for (size_t i = 0; i < ELEMENTSOF(tables); i++)
		sqlite3_finalize(tables[i].insert);
	store_db_close(db);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	if (system(command) != 0)
		perror(command);
}

static void begin(void)
{
	char path[STORE_PATH_MAX];
	sqlite3 *sqlite;

	strcpy(directory, access("/dev/shm", W_OK) == 0 ? "/dev/shm/fuzz-store-XXXXXX"
							: "/tmp/fuzz-store-XXXXXX");
	assert(mkdtemp(directory));
	assert(store_db_open(directory, BOOT, &db) == 0);
	db = store_db_close(db);
	assert(text_format(path, sizeof(path), "%s/" STORE_FILE, directory) == 0);
	assert(sqlite3_open(path, &sqlite) == SQLITE_OK);
	for (size_t i = 0; i < ELEMENTSOF(tables); i++)
		read_columns(sqlite, &tables[i]);
	assert(sqlite3_exec(sqlite, loosen, NULL, NULL, NULL) == SQLITE_OK);
	assert(sqlite3_close(sqlite) == SQLITE_OK);

	assert(store_db_open(directory, BOOT, &db) == 0);
	assert(store_execute(db, "PRAGMA synchronous = OFF") == 0);
	for (size_t i = 0; i < ELEMENTSOF(tables); i++)
		prepare_insert(&tables[i]);
	(void) atexit(end);
}

/* ---- the input's rows ---- */

static void bind(sqlite3_stmt *s, int i, const struct value *v)
{
	char text[32] = "", lines[VALUE_MAX];

	if (v->size > 0)
		memcpy(text, v->text + 1,
			v->size < sizeof(text) ? v->size - 1 : sizeof(text) - 1);
	switch (v->size > 0 ? v->text[0] : '\0') {
	case '~':
		sqlite3_bind_null(s, i);
		break;
	case '#':
		sqlite3_bind_int64(s, i, strtoll(text, NULL, 10));
		break;
	case '.':
		sqlite3_bind_double(s, i, strtod(text, NULL));
		break;
	case '|':
		for (size_t k = 1; k < v->size; k++)
			lines[k - 1] = v->text[k] == '|' ? '\n' : (char) v->text[k];
		sqlite3_bind_text(s, i, lines, (int) v->size - 1, SQLITE_TRANSIENT);
		break;
	case '$':
		sqlite3_bind_blob(s, i, v->text + 1, (int) v->size - 1, SQLITE_TRANSIENT);
		break;
	default:
		sqlite3_bind_text(s, i, v->size > 0 ? (const char *) v->text : "", (int) v->size,
			SQLITE_TRANSIENT);
		break;
	}
}

static bool is_name(const char *name, const uint8_t *text, size_t size)
{
	return strlen(name) == size && memcmp(name, text, size) == 0;
}

static struct table *table_of(const uint8_t *line, size_t size)
{
	for (size_t i = 0; i < ELEMENTSOF(tables); i++)
		if (is_name(tables[i].name, line, size))
			return &tables[i];
	return NULL;
}

static void set_column(struct table *t, const uint8_t *line, size_t size)
{
	const uint8_t *sign = memchr(line, '=', size);
	size_t n = sign ? (size_t) (sign - line) : size;
	struct value v = { line + n + 1, size - n - 1 };

	if (!sign || v.size > VALUE_MAX)
		return;
	for (size_t i = 0; i < t->n; i++)
		if (is_name(t->columns[i].name, line, n))
			bind(t->insert, (int) i + 1, &v);
}

static void insert(struct table *t)
{
	if (t)
		(void) store_run(db, t->insert);
	if (sqlite3_get_autocommit(db->sqlite)) /* no number was left for a row: all is undone */
		assert(store_db_begin(db) == 0);
}

static void fill(const uint8_t *data, size_t size)
{
	struct table *t = NULL, *next;
	size_t rows = 0;

	assert(store_db_begin(db) == 0);
	while (size > 0 && rows <= ROWS_MAX) {
		const uint8_t *newline = memchr(data, '\n', size);
		size_t n = newline ? (size_t) (newline - data) : size;

		next = table_of(data, n);
		if (next) {
			insert(t);
			t = next;
			rows++;
			for (size_t i = 0; i < t->n; i++)
				bind(t->insert, (int) i + 1, &t->columns[i].sound);
		} else if (t) {
			set_column(t, data, n);
		}
		n += newline != NULL;
		data += n;
		size -= n;
	}
	insert(t);
	assert(store_db_commit(db) == 0);
}

/* ---- what is read ---- */

#define expect_text(field) assert(memchr(field, '\0', sizeof(field)))

static void expect_record(const struct upgrade_record *r)
{
	const struct upgrade_setting *const settings[] = { &r->callbreak, &r->gprsfirst, &r->rat };

	expect_text(r->imei);
	expect_text(r->model);
	expect_text(r->from);
	expect_text(r->to);
	expect_text(r->step);
	for (size_t i = 0; i < ELEMENTSOF(settings); i++)
		expect_text(settings[i]->value);
}

static void expect_job(const struct store_job *job)
{
	expect_text(job->campaign);
	expect_text(job->modem);
	expect_text(job->target);
	expect_record(&job->record);
	assert(job_state_by_name(job_state_name(job->state)) == (int) job->state);
	assert(reason_by_name(reason_name(job->reason)) == job->reason);
	assert(job->cme >= -1);
}

static void expect_attempt(const struct store_attempt *a)
{
	char text[EVIDENCE_TEXT_MAX], code[EVIDENCE_ENCODED_MAX], terms[TERMS_ENCODED_MAX];
	struct evidence again;
	struct terms same;

	expect_text(a->from);
	expect_text(a->to);
	assert(!a->judged || a->outcome <= OUTCOME_CANCELLED);
	assert(reason_by_name(reason_name(a->reason)) == a->reason);
	assert(a->cme >= -1);
	assert(strlen(evidence_text(&a->evidence, text)) < sizeof(text));
	assert(evidence_decode(evidence_encode(&a->evidence, code), &again) == 0);
	assert(memcmp(again.phases, a->evidence.phases, sizeof(again.phases)) == 0);
	assert(!a->terms.profile[0] ||
	       (terms_decode(terms_encode(&a->terms, terms), &same) == 0 &&
		       memcmp(&same.timeouts, &a->terms.timeouts, sizeof(same.timeouts)) == 0));
}

/* Takes up what is stored, for a module that never answers: it asks, within bounds, and never starts. */
static void take_up(const struct store_found *found)
{
	static struct dialogue_box box;
	static char room[AT_COMMAND_MAX];
	const struct upgrade_modem modem = { .imei = NULL };
	const struct profile *profile = profile_by_name("L610");
	struct evidence evidence = found->attempt.evidence;
	bool known = found->attempt_known && found->attempt.terms.profile[0];
	struct upgrade_task task;
	struct upgrade_notice notice;
	struct dialogue d;
	const char *data;
	usec_t now = NOW;
	size_t n;

	dialogue_init(&d, &box, &modem, &profile->timeouts, found->modem_known, 2 * SEC);
	dialogue_lend(&d, room);
	if (found->attempt_known)
		dialogue_keep(&d, &evidence);
	if (known)
		terms_task(&found->attempt.terms, &task);
	dialogue_resume(&d, &found->job.record, known ? &task : NULL, now);
	assert(upgrade_next_start(&d.upgrade) <= now + 12 * HOUR);
	dialogue_opened(&d, now);
	for (int i = 0; i < 50; i++) {
		uint64_t save = dialogue_take_save(&d);

		while (dialogue_take_notice(&d, &notice))
			expect_text(notice.text);
		while ((n = dialogue_output(&d, &data)) > 0) {
			assert(text_is_printable(data, n - 1) && data[n - 1] == '\r');
			assert(!text_starts_with(data, "AT+GTOTA="));
			dialogue_written(&d, n, now);
		}
		if (save)
			dialogue_saved(&d, save, true, now);
		if (dialogue_deadline(&d) == USEC_INFINITY)
			return;
		now = usec_max(now, dialogue_deadline(&d));
		dialogue_advance(&d, now);
	}
}

static void expect_found(const char *campaign, const char *modem, const char *imei)
{
	struct store_found found;
	int r = store_rows_find(db, campaign, modem, imei, &found);

	assert(r == 0 || r == -EUCLEAN);
	if (r < 0)
		return;
	if (found.modem_known) {
		expect_text(found.modem.name);
		expect_text(found.modem.imei);
		expect_text(found.modem.model);
		expect_text(found.modem.version);
	}
	if (found.job_known)
		expect_job(&found.job);
	if (found.attempt_known)
		expect_attempt(&found.attempt);
	take_up(&found);
}

/* ---- what is written after that ---- */

static void expect_saved(const struct store_job *jobs, size_t n)
{
	struct store_attempt attempt = { .number = 1 };
	struct store_modem modem = { .name = "pump-01" };
	struct store_history line = { .what = "state" };
	struct store_job *again;
	size_t n_again, k;

	evidence_begin(&attempt.evidence, "", 0);
	for (size_t i = n; i-- > 0;) {
		assert(store_db_begin(db) == 0);
		assert(store_db_put(db, &jobs[i]) == 0);
		assert(store_rows_put_attempt(db, &jobs[i], &attempt) == 0);
		assert(store_rows_put_modem(db, &modem) == 0);
		assert(store_rows_put_history(db, &line) == 0);
		assert(store_db_commit(db) == 0);
	}
	assert(store_db_load(db, &again, &n_again) == 0 && n_again <= n);
	for (size_t i = 0; i < n_again; i++) {
		for (k = 0; k < n; k++) {
			struct store_job before = jobs[k];

			before.other_boot = false;
			if (memcmp(&before, &again[i], sizeof(before)) == 0)
				break;
		}
		assert(k < n);
	}
	free(again);
}

static void expect_pruned(void)
{
	bool more = true;

	for (int i = 0; more; i++) {
		assert(i <= 2 * ROWS_MAX);
		assert(store_rows_prune(db, WALL, &more) == 0);
	}
}

/* What is read is within the bounds that the rest relies on, and comes back when it is saved again. */
static void expect_campaigns(void)
{
	struct store_campaign *before = NULL, *after = NULL;
	size_t n = 0, m = 0;
	int r = store_campaigns_load(db, &before, &n);

	assert(r == 0 || r == -EUCLEAN);
	for (size_t i = 0; r == 0 && i < n; i++) {
		assert(before[i].wave < CAMPAIGN_WAVES_MAX);
		assert(before[i].halted <= CAMPAIGN_WEAKER);
		assert(before[i].soak_until <= INT64_MAX);
		assert(store_campaigns_put(db, &before[i]) == 0);
	}
	if (r == 0)
		assert(store_campaigns_load(db, &after, &m) == 0 && m >= n);
	free(before);
	free(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_job *jobs = NULL;
	size_t n = 0;
	int r;

	if (!db)
		begin();
	fill(data, size);
	expect_found("winter", "pump-01", NULL);
	expect_found("winter", "pump-01", "861234567890123");
	expect_found("spring", "pump-02", "");
	expect_found("", "pump-01", "861234567890123");
	expect_campaigns();
	r = store_file_check_ids(db);
	assert(r == 0 || r == -EUCLEAN);
	if (r == 0)
		r = store_db_load(db, &jobs, &n);
	assert(r == 0 || r == -EUCLEAN);
	for (size_t i = 0; i < n; i++) {
		expect_job(&jobs[i]);
		expect_found(jobs[i].campaign, jobs[i].modem, jobs[i].record.imei);
	}
	if (r == 0) {
		expect_saved(jobs, n);
		expect_pruned();
	}
	free(jobs);
	assert(store_execute(db, "DELETE FROM jobs; DELETE FROM attempts; DELETE FROM modems;"
				 " DELETE FROM history; DELETE FROM campaigns;"
				 " DELETE FROM sqlite_sequence") == 0);
	return 0;
}
