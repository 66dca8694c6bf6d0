/*
 * store-figures - what the attempts that have succeeded tell of how modems fare: for the brake of campaigns.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "io/store-internal.h"

/* An attempt's row has no model; its job does. */
static const char sql[] = "SELECT a.version_to, a.ended, a.evidence, coalesce(j.model, ''), a.modem, a.number,"
			  " coalesce(j.number, 0) FROM attempts a LEFT JOIN jobs j"
			  " ON j.campaign = a.campaign AND j.imei = a.imei AND j.imei != ''"
			  " WHERE a.outcome = 'succeeded' AND a.ended != 0"
			  " ORDER BY a.id DESC LIMIT ?1";

void store_figures_take(struct store_figures *f, const struct evidence *e)
{
	/* Nobody knows how long a fotad that was restarted was not there. */
	f->gone = e->lives == 0 ? e->phases[PHASE_INSTALLING] : 0;
	f->took = 0;
	for (size_t i = PHASE_PREPARING; i < EVIDENCE_PHASES && e->lives == 0; i++)
		f->took += e->phases[i];
	memcpy(f->from, e->before, sizeof(f->from));
	f->rssi_before = e->rssi_before;
	f->rssi_after = e->rssi_after;
}

static int take(sqlite3_stmt *s, struct store_figures *ret)
{
	struct store_figures f = { 0 };
	char text[EVIDENCE_ENCODED_MAX];
	struct evidence evidence;
	sqlite3_int64 ended;
	int r = store_take_text(s, 0, f.to, sizeof(f.to));

	if (r == 0)
		r = store_take_number(s, 1, 0, INT64_MAX, &ended);
	if (r == 0)
		r = store_take_text(s, 2, text, sizeof(text));
	if (r == 0 && evidence_decode(text, &evidence) < 0)
		r = -EUCLEAN;
	if (r == 0)
		r = store_take_text(s, 3, f.model, sizeof(f.model));
	if (r < 0)
		return r;
	f.ended = (usec_t) ended;
	store_figures_take(&f, &evidence);
	*ret = f;
	return 0;
}

/* The newest ones come first. */
static void note_damage(sqlite3_stmt *s, struct store_damage *damage)
{
	sqlite3_int64 number;

	if (damage->rows++ > 0)
		return;
	(void) store_take_text(s, 4, damage->modem, sizeof(damage->modem));
	if (store_take_number(s, 5, 0, UINT32_MAX, &number) == 0)
		damage->attempt = (uint32_t) number;
	if (store_take_number(s, 6, 0, INT64_MAX, &number) == 0)
		damage->job = (uint64_t) number;
}

int store_figures_load(struct store_db *db, struct store_figures *ret, size_t max, size_t *ret_n, struct store_damage *ret_damage)
{
	struct store_damage damage = { 0 };
	CLEANUP(store_finalizep) sqlite3_stmt *statement = NULL;
	int r = store_prepare(db, sql, &statement), s = SQLITE_DONE;
	size_t n = 0;

	/* The rows of the table are sound, or stepping says so: what cannot be read in one is that one's own. */

	if (r == 0)
		sqlite3_bind_int64(statement, 1, (sqlite3_int64) max);
	while (r == 0 && n < max && (s = sqlite3_step(statement)) == SQLITE_ROW) {
		r = take(statement, &ret[n]);
		n += r == 0;
		if (r == -EUCLEAN) {
			note_damage(statement, &damage);
			r = 0;
		}
	}
	r = r < 0 ? r : store_error(db->sqlite, s);
	if (r < 0)
		return r;
	*ret_n = n;
	*ret_damage = damage;
	return 0;
}
