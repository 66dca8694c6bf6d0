/*
 * store-file - the file itself: whose it is, whether it is sound, and how a damaged one gets out of
 * the way.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/store-internal.h"

/* The cache's pages, with what SQLite keeps beside each: among the small blocks of the heap they would leave holes. */
static _Alignas(8) char pages[16][4096 + 288];

static int path_of(char ret[static STORE_PATH_MAX], const char *directory, const char *name)
{
	return text_format(ret, STORE_PATH_MAX, "%s/%s", directory, name) < 0 ? -ENAMETOOLONG : 0;
}

static int sync_directory(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

static bool is_marked(const char *directory, const char *mark)
{
	char path[STORE_PATH_MAX];

	return path_of(path, directory, mark) == 0 && access(path, F_OK) == 0;
}

static int set_mark(const char *directory, const char *mark)
{
	char path[STORE_PATH_MAX];
	int fd, r = path_of(path, directory, mark);

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return sync_directory(directory);
}

static int clear_mark(const char *directory, const char *mark)
{
	char path[STORE_PATH_MAX];
	int r = path_of(path, directory, mark);

	if (r < 0)
		return r;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return sync_directory(directory);
}

int store_condemn(const char *directory)
{
	return set_mark(directory, STORE_MARK_DAMAGED);
}

int store_file_release(struct store_db *db)
{
	int r = clear_mark(db->directory, STORE_MARK_HELD);

	if (r == 0)
		db->held = false;
	return r;
}

/* The mark comes first: a crash between any two of these leads here again, or to a held store. */
int store_set_aside(const char *directory, usec_t wall, char ret_path[static STORE_PATH_MAX])
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char stamp[32], from[STORE_PATH_MAX], to[STORE_PATH_MAX];
	time_t seconds = (time_t) (wall / SEC);
	struct tm tm;
	int r;

	if (!gmtime_r(&seconds, &tm) || strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm) == 0)
		return -EINVAL;
	r = set_mark(directory, STORE_MARK_HELD);
	for (size_t i = 0; i < ELEMENTSOF(suffixes) && r == 0; i++) {
		if (text_format(from, sizeof(from), "%s/" STORE_FILE "%s", directory, suffixes[i]) <
				0 ||
			text_format(to, sizeof(to), "%s/" STORE_FILE ".corrupt-%s%s", directory,
				stamp, suffixes[i]) < 0)
			return -ENAMETOOLONG;
		if (rename(from, to) < 0 && errno != ENOENT)
			r = -errno;
		else if (i == 0)
			memcpy(ret_path, to, sizeof(to));
	}
	return r == 0 ? clear_mark(directory, STORE_MARK_DAMAGED) : r;
}

/* Whose file is it, and of which schema? 0: a new one. */
static int check_version(struct store_db *db, sqlite3_int64 *ret)
{
	sqlite3_int64 application = 0, version = 0, tables = 0;
	int r;

	r = store_number(db, "PRAGMA application_id", &application);
	if (r == 0)
		r = store_number(db, "PRAGMA user_version", &version);
	if (r == 0)
		r = store_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r < 0)
		return r;
	if (application != STORE_APPLICATION_ID &&
		(application != 0 || version != 0 || tables != 0))
		return -EUCLEAN;
	if (version < 0)
		return -EUCLEAN;
	if (version > STORE_VERSION)
		return -ENOTSUP;
	*ret = version;
	return 0;
}

int store_file_check(struct store_db *db, const char *table)
{
	CLEANUP(store_finalizep) sqlite3_stmt *statement = NULL;
	char sql[64];
	int r;

	if (text_format(sql, sizeof(sql), "PRAGMA quick_check('%s')", table) < 0)
		return -EINVAL;
	r = store_prepare(db, sql, &statement);
	if (r < 0)
		return r;
	r = sqlite3_step(statement);
	if (r != SQLITE_ROW)
		return store_error(db->sqlite, r);
	return text_equal((const char *) sqlite3_column_text(statement, 0), "ok") ? 0 : -EUCLEAN;
}

/*
 * Past the greatest number SQLite says "full" or takes any other: no row of ours comes near it. The
 * sequences stand for the tables that are only checked later.
 */
int store_file_check_ids(struct store_db *db)
{
	sqlite3_int64 greatest = 0;
	int r = store_number(db,
		"SELECT max(ifnull((SELECT max(id) FROM jobs), 0),"
		" ifnull((SELECT max(seq) FROM sqlite_sequence), 0))",
		&greatest);

	return r == 0 && greatest > INT64_MAX / 2 ? -EUCLEAN : r;
}

static int check_directory(const char *directory)
{
	char path[STORE_PATH_MAX];
	int r = path_of(path, directory, ".");

	if (r < 0)
		return r;
	return access(path, W_OK | X_OK) < 0 ? -errno : 0;
}

static int open_file(struct store_db *db, const char *directory)
{
	char path[STORE_PATH_MAX];
	int r;

	/* SQLite tries more than once, and its last errno is not always the reason. */
	r = check_directory(directory);
	if (r == 0)
		r = path_of(path, directory, STORE_FILE);
	if (r < 0)
		return r;
	/* Before SQLite is used first: none of its figures is asked for. */
	(void) sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	(void) sqlite3_config(SQLITE_CONFIG_PAGECACHE, pages, (int) sizeof(pages[0]), (int) ELEMENTSOF(pages));
	r = sqlite3_open_v2(path, &db->sqlite,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_EXRESCODE,
		NULL);
	if (r != SQLITE_OK)
		return store_error(db->sqlite, r);
	if (access(path, R_OK | W_OK) < 0)
		return -errno; /* opened, but only for reading */
	/* Our conditions are complete: no plan depends on a value, and none is made again for a new one. */
	(void) sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL);
	/* EXCLUSIVE before the first read: then WAL does without a shared memory file. */
	r = store_execute(db, "PRAGMA locking_mode = EXCLUSIVE");
	if (r == 0)
		r = store_prepare(db, "BEGIN IMMEDIATE", &db->begin);
	return r == 0 ? store_prepare(db, "COMMIT", &db->commit) : r;
}

/* Takes the lock for good; needs no space, so that a full disk stops no start. */
static int take_lock(struct store_db *db)
{
	int r = store_db_begin(db);

	store_db_rollback(db);
	return r;
}

/* A new gateway, or was there a store that somebody has deleted? What it knew of starts is not known any more (conduct 10). */
static int check_new(struct store_db *db, const char *directory)
{
	db->gone = is_marked(directory, STORE_MARK_KNOWN);
	return db->gone ? set_mark(directory, STORE_MARK_HELD) : 0;
}

int store_file_open(struct store_db *db, const char *directory)
{
	sqlite3_int64 version;
	int r;

	if (text_copy(db->directory, sizeof(db->directory), directory) < 0)
		return -ENAMETOOLONG;
	r = open_file(db, directory);
	if (r == 0)
		r = check_version(db, &version);
	if (r == 0 && is_marked(directory, STORE_MARK_DAMAGED))
		r = -EUCLEAN;
	if (r == 0 && version == 0)
		r = check_new(db, directory);
	if (r == 0)
		r = store_execute(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				      "PRAGMA journal_size_limit = 1048576;"
				      "PRAGMA cache_size = -64;" /* KiB, as many as `pages`; 2 MiB by itself */
				      "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
	if (r == 0)
		r = take_lock(db);
	if (r == 0 && version > 0)
		r = store_file_check(db, "jobs");
	if (r == 0 && version < STORE_VERSION)
		r = store_migrate(db, version);
	if (r == 0)
		r = store_file_check(db, "modems");
	if (r == 0)
		r = store_file_check(db, "campaigns");
	if (r == 0)
		r = store_file_check_ids(db);
	if (r < 0)
		return r;
	if (!is_marked(directory, STORE_MARK_KNOWN)) /* where there is no room for it, at another start */
		(void) set_mark(directory, STORE_MARK_KNOWN);
	db->held = is_marked(directory, STORE_MARK_HELD);
	return 0;
}
