/*
 * Reading the history, newest first: some thousand rows at a time, so that nobody's save waits for a long look back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/store-work.h"

#define ROWS 2000 /* looked at in one turn */

#define SELECT                                                                                     \
	"SELECT time, who, campaign, modem, imei, what, before, after, reason, detail, uid"        \
	" FROM history WHERE id < ?1 AND id >= ?2 AND (?3 = '' OR modem = ?3 OR campaign = ?3)"    \
	" ORDER BY id DESC LIMIT ?4"

static int read_line(sqlite3_stmt *s, struct store_history *ret)
{
	char who[STORE_WHAT_MAX], reason[STORE_WHAT_MAX];
	sqlite3_int64 time, uid;
	int r = store_take_number(s, 0, INT64_MIN, INT64_MAX, &time);

	if (r == 0)
		r = store_take_text(s, 1, who, sizeof(who));
	if (r == 0)
		r = store_take_text(s, 2, ret->campaign, sizeof(ret->campaign));
	if (r == 0)
		r = store_take_text(s, 3, ret->modem, sizeof(ret->modem));
	if (r == 0)
		r = store_take_text(s, 4, ret->imei, sizeof(ret->imei));
	if (r == 0)
		r = store_take_text(s, 5, ret->what, sizeof(ret->what));
	if (r == 0)
		r = store_take_text(s, 6, ret->from, sizeof(ret->from));
	if (r == 0)
		r = store_take_text(s, 7, ret->to, sizeof(ret->to));
	if (r == 0)
		r = store_take_text(s, 8, reason, sizeof(reason));
	if (r == 0)
		r = store_take_text(s, 9, ret->detail, sizeof(ret->detail));
	if (r == 0)
		r = store_take_number(s, 10, -1, UINT32_MAX, &uid);
	if (r < 0)
		return r;
	ret->time = (usec_t) time;
	ret->uid = uid;
	ret->who = text_equal(who, "operator") ? STORE_OPERATOR : STORE_DAEMON;
	ret->reason = reason_by_name(reason);
	return 0;
}

static int take_line(sqlite3_stmt *s, struct store_page **page)
{
	size_t n = *page ? (*page)->n : 0;
	struct store_page *more = realloc(*page, sizeof(*more) + (n + 1) * sizeof(more->lines[0]));
	struct store_history *line;
	int r;

	if (!more)
		return -ENOMEM;
	*page = more;
	line = &more->lines[n];
	*line = (struct store_history){ .time = (usec_t) sqlite3_column_int64(s, 0), .uid = -1 };
	r = read_line(s, line);
	if (r == -EUCLEAN) { /* no decision rests upon it */
		(void) text_format(line->detail, sizeof(line->detail), "the rest of this line is damaged");
		r = 0;
	}
	more->n = n + (r == 0);
	return r;
}

static int read_rows(struct store_db *db, const char *name, sqlite3_int64 from, sqlite3_int64 to,
	unsigned max, struct store_page **page)
{
	CLEANUP(store_finalizep) sqlite3_stmt *s = NULL;
	int r = store_prepare(db, SELECT, &s), step = SQLITE_DONE;

	if (r < 0)
		return r;
	sqlite3_bind_int64(s, 1, to);
	sqlite3_bind_int64(s, 2, from);
	sqlite3_bind_text(s, 3, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 4, max);
	while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
		r = take_line(s, page);
	return r < 0 || step == SQLITE_DONE ? r : store_error(db->sqlite, step);
}

static int ends(struct store_db *db, sqlite3_int64 *ret_first, sqlite3_int64 *ret_after)
{
	int r = store_number(db, "SELECT coalesce(min(id), 1) FROM history", ret_first);

	return r < 0 ? r
		     : store_number(db, "SELECT coalesce(max(id), 0) + 1 FROM history", ret_after);
}

/* item->wall: rows from this one on were looked at; 0: none yet. */
bool store_history_look(struct store_worker *worker, struct store_item *item)
{
	struct store_page **page = &item->completion.page;
	sqlite3_int64 first, after, from;
	int r = ends(worker->db, &first, &after);
	size_t n;

	if (r == 0) {
		if (item->wall > 0 && (sqlite3_int64) item->wall < after)
			after = (sqlite3_int64) item->wall;
		from = after > first + ROWS ? after - ROWS : first;
		n = *page ? (*page)->n : 0;
		r = read_rows(worker->db, item->modem->name, from, after,
			item->batches - (unsigned) n, page);
		n = *page ? (*page)->n : 0;
		item->wall = (usec_t) from;
		if (r == 0 && n < item->batches && from > first)
			return true;
	}
	item->completion.error = r;
	return false;
}
