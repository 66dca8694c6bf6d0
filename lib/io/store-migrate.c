/*
 * store-migrate - the schemas, one after the other. A schema that was shipped never changes again:
 * what is to be different is another step. tests/unit/store-schema-1.sql is a store as the first
 * one left it.
 */
#include <errno.h>

#include "base/macros.h"
#include "io/store-internal.h"

/* clang-format off */
static const char *const steps[] = {
	/* 1: jobs. */
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
	"CREATE TABLE jobs ("
	"  id INTEGER PRIMARY KEY," /* of the rows of a modem, or of an IMEI, the one saved last has the highest */
	"  campaign TEXT NOT NULL, modem TEXT NOT NULL, imei TEXT NOT NULL,"
	"  state TEXT NOT NULL, reason TEXT NOT NULL, cme INTEGER NOT NULL,"
	"  target TEXT NOT NULL, attempts INTEGER NOT NULL,"
	"  not_before INTEGER NOT NULL, updated INTEGER NOT NULL,"
	"  model TEXT NOT NULL, version_from TEXT NOT NULL, version_to TEXT NOT NULL,"
	"  step TEXT NOT NULL, attempt INTEGER NOT NULL, started INTEGER NOT NULL,"
	"  start_durable INTEGER NOT NULL, reported INTEGER NOT NULL, complete INTEGER NOT NULL,"
	"  failed INTEGER NOT NULL, left_port INTEGER NOT NULL, restarted INTEGER NOT NULL,"
	"  end_open INTEGER NOT NULL,"
	"  callbreak_known INTEGER NOT NULL, callbreak_written INTEGER NOT NULL, callbreak TEXT NOT NULL,"
	"  gprsfirst_known INTEGER NOT NULL, gprsfirst_written INTEGER NOT NULL, gprsfirst TEXT NOT NULL,"
	"  rat_known INTEGER NOT NULL, rat_written INTEGER NOT NULL, rat TEXT NOT NULL,"
	"  pdp_opened INTEGER NOT NULL,"
	"  boot_id TEXT NOT NULL"
	") STRICT;"
	/* The key of a job: conduct 11. */
	"CREATE UNIQUE INDEX jobs_unidentified ON jobs (campaign, modem) WHERE imei = '';"
	"CREATE UNIQUE INDEX jobs_identified ON jobs (campaign, imei) WHERE imei != '';"
	"PRAGMA application_id = 0x464f5441;",

	/* 2: what was spent, attempts with their evidence, who was seen, and the history. */
	"ALTER TABLE jobs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX jobs_modem ON jobs (modem);"
	"CREATE INDEX jobs_imei ON jobs (imei) WHERE imei != '';"
	"CREATE TABLE attempts ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  campaign TEXT NOT NULL, modem TEXT NOT NULL, imei TEXT NOT NULL,"
	"  number INTEGER NOT NULL, version_from TEXT NOT NULL, version_to TEXT NOT NULL,"
	"  transport TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,"
	"  outcome TEXT NOT NULL, reason TEXT NOT NULL, cme INTEGER NOT NULL, evidence TEXT NOT NULL"
	") STRICT;"
	"CREATE UNIQUE INDEX attempts_open ON attempts (campaign, imei) WHERE ended = 0;"
	"CREATE INDEX attempts_imei ON attempts (imei);"
	"CREATE TABLE modems ("
	"  name TEXT PRIMARY KEY, imei TEXT NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL,"
	"  seen INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE history ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  time INTEGER NOT NULL, who TEXT NOT NULL,"
	"  campaign TEXT NOT NULL, modem TEXT NOT NULL, imei TEXT NOT NULL, what TEXT NOT NULL,"
	"  before TEXT NOT NULL, after TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL"
	") STRICT;"
	/* Who was identified before is known (conduct 10); the last saved row of each slot says so. */
	"INSERT INTO modems SELECT modem, imei, model, CASE WHEN state = 'succeeded' THEN target ELSE '' END,"
	"  updated FROM jobs WHERE id IN (SELECT max(id) FROM jobs WHERE imei != '' GROUP BY modem);",

	/* 3: the rules that a running attempt began with. */
	"ALTER TABLE attempts ADD COLUMN terms TEXT NOT NULL DEFAULT '';",

	/* 4: how far campaigns are. */
	"CREATE TABLE campaigns ("
	"  name TEXT PRIMARY KEY, target TEXT NOT NULL, paused INTEGER NOT NULL, cancelled INTEGER NOT NULL,"
	"  halted TEXT NOT NULL, wave INTEGER NOT NULL, soak_until INTEGER NOT NULL"
	") STRICT;"
	"ALTER TABLE jobs ADD COLUMN wave INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE jobs ADD COLUMN forgiven INTEGER NOT NULL DEFAULT 0;"
	"UPDATE jobs SET wave = 1 WHERE attempt > 0;", /* they have begun, in the only wave there was */

	/* 5: what people call a job by, and an operator's word that it shall end. */
	"ALTER TABLE jobs ADD COLUMN number INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE jobs ADD COLUMN stop INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE jobs ADD COLUMN created INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE jobs ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;"
	"UPDATE jobs SET number = id WHERE campaign != '';"
	"INSERT INTO meta SELECT 'last_number', CAST(coalesce(max(id), 0) AS TEXT) FROM jobs;",

	/* 6: where a modem was served last, since when a job could have gone, and what a brake is to forget. */
	"ALTER TABLE modems ADD COLUMN cell TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE jobs ADD COLUMN queued INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE campaigns ADD COLUMN brake_since INTEGER NOT NULL DEFAULT 0;",

	/* 7: an operator's word that a job shall go, whatever the window; and which operator it was. */
	("ALTER TABLE jobs ADD COLUMN forced INTEGER NOT NULL DEFAULT 0;"
	 "ALTER TABLE history ADD COLUMN uid INTEGER NOT NULL DEFAULT -1;"), /* clang takes two for a forgotten comma */
};
/* clang-format on */

_Static_assert(ELEMENTSOF(steps) == STORE_VERSION, "every schema has its step");

/* In one transaction, so that a crash leaves the old schema or the new one. */
static int migrate(struct store_db *db, size_t to)
{
	char *version = sqlite3_mprintf("PRAGMA user_version = %d", (int) to);
	int r = version ? store_db_begin(db) : -ENOMEM;

	if (r == 0) {
		r = store_execute(db, steps[to - 1]);
		if (r < 0 && (sqlite3_errcode(db->sqlite) & 0xff) == SQLITE_ERROR)
			r = -EUCLEAN; /* not the tables of the schema that it says it has */
	}
	if (r == 0)
		r = store_execute(db, version);
	if (r == 0)
		r = store_db_commit(db);
	if (r < 0)
		store_db_rollback(db);
	sqlite3_free(version);
	return r;
}

int store_migrate(struct store_db *db, sqlite3_int64 version)
{
	int r = 0;

	for (size_t to = (size_t) version + 1; to <= STORE_VERSION && r == 0; to++)
		r = migrate(db, to);
	return r;
}
