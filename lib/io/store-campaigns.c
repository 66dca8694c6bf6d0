/*
 * store-campaigns - how far each campaign is.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/store-internal.h"

#define HALT_WORD_MAX 24

static const char put_sql[] = "INSERT OR REPLACE INTO campaigns (name, target, paused, cancelled, "
			      "halted, wave, soak_until, brake_since)"
			      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

static const char load_sql[] =
	"SELECT name, target, paused, cancelled, halted, wave, soak_until, brake_since"
	" FROM campaigns";

int store_campaigns_prepare(struct store_db *db)
{
	return store_prepare(db, put_sql, &db->put_campaign);
}

int store_campaigns_put(struct store_db *db, const struct store_campaign *c)
{
	sqlite3_stmt *s = db->put_campaign;

	sqlite3_bind_text(s, 1, c->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, c->target, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 3, c->paused);
	sqlite3_bind_int(s, 4, c->cancelled);
	sqlite3_bind_text(s, 5, campaign_halt_name(c->halted), -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 6, c->wave);
	sqlite3_bind_int64(s, 7, (sqlite3_int64) c->soak_until);
	sqlite3_bind_int64(s, 8, (sqlite3_int64) c->brake_since);
	return store_run(db, s);
}

static int run_with_name(struct store_db *db, const char *sql, const char *name, usec_t wall)
{
	CLEANUP(store_finalizep) sqlite3_stmt *statement = NULL;
	int r = store_prepare(db, sql, &statement);

	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, (sqlite3_int64) wall);
	return store_run(db, statement);
}

/* Who has failed for good, or has not come back. */
int store_campaigns_resume(struct store_db *db, const char *name, usec_t wall)
{
	int r = run_with_name(db,
		"UPDATE campaigns SET"
		" brake_since = CASE WHEN halted != '' THEN ?2 ELSE brake_since END,"
		" halted = '', paused = 0"
		" WHERE name = ?1 AND (halted != '' OR paused != 0)",
		name, wall);

	if (r == 0 && sqlite3_changes(db->sqlite) == 0)
		return -ENOENT;
	return r < 0 ? r
		     : run_with_name(db,
			       "UPDATE jobs SET forgiven = 1"
			       " WHERE campaign = ?1 AND state IN ('failed', 'unknown')",
			       name, wall);
}

static int take(sqlite3_stmt *s, struct store_campaign *ret)
{
	sqlite3_int64 paused, cancelled, wave, soak_until, brake_since;
	char halted[HALT_WORD_MAX];
	int r = store_take_text(s, 0, ret->name, sizeof(ret->name));

	if (r == 0)
		r = store_take_text(s, 1, ret->target, sizeof(ret->target));
	if (r == 0)
		r = store_take_number(s, 2, 0, 1, &paused);
	if (r == 0)
		r = store_take_number(s, 3, 0, 1, &cancelled);
	if (r == 0)
		r = store_take_text(s, 4, halted, sizeof(halted));
	if (r == 0)
		r = store_take_number(s, 5, 0, CAMPAIGN_WAVES_MAX - 1, &wave);
	if (r == 0)
		r = store_take_number(s, 6, 0, INT64_MAX, &soak_until);
	if (r == 0)
		r = store_take_number(s, 7, 0, INT64_MAX, &brake_since);
	if (r < 0)
		return r;
	ret->paused = paused;
	ret->cancelled = cancelled;
	ret->halted = campaign_halt_by_name(halted);
	ret->wave = (uint32_t) wave;
	ret->soak_until = (usec_t) soak_until;
	ret->brake_since = (usec_t) brake_since;
	return 0;
}

int store_campaigns_load(struct store_db *db, struct store_campaign **ret, size_t *ret_n)
{
	CLEANUP(store_finalizep) sqlite3_stmt *statement = NULL;
	struct store_campaign *campaigns = NULL, *more;
	size_t n = 0;
	int r, s = SQLITE_DONE;

	r = store_prepare(db, load_sql, &statement);
	while (r == 0 && (s = sqlite3_step(statement)) == SQLITE_ROW) {
		more = reallocarray(campaigns, n + 1, sizeof(*campaigns));
		r = more ? take(statement, &more[n]) : -ENOMEM;
		campaigns = more ? more : campaigns;
		n += r == 0;
	}
	r = r < 0 ? r : store_error(db->sqlite, s);
	if (r < 0) {
		free(campaigns);
		return r;
	}
	*ret = campaigns;
	*ret_n = n;
	return 0;
}
