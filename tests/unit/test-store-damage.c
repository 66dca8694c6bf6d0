/* A store that is older, newer, damaged or lost: taken along, refused, or set aside and held. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/store-fixture.h"

#define WALL ((usec_t) 1769903999 * SEC) /* 2026-01-31 23:59:59 UTC */

static int sql(struct fixture *f, const char *text)
{
	sqlite3 *db;
	int r;

	assert_int_equal(sqlite3_open(inside(f, STORE_FILE), &db), SQLITE_OK);
	r = sqlite3_exec(db, text, NULL, NULL, NULL);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return r;
}

/* The first column of a query's first row. */
static int number(struct fixture *f, const char *query)
{
	sqlite3_stmt *statement;
	sqlite3 *db;
	int ret;

	assert_int_equal(sqlite3_open(inside(f, STORE_FILE), &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	ret = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return ret;
}

static char *read_text(const char *name)
{
	const char *source = getenv("FOTAD_SRCDIR");
	char path[512];
	char *text = calloc(1, 65536);
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/unit/%s", source ? source : ".", name);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(text);
	assert_in_range(fread(text, 1, 65535, file), 100, 65534);
	fclose(file);
	return text;
}

static void make_schema_1(struct fixture *f)
{
	char *text = read_text("store-schema-1.sql");

	f->store = store_close(f->store);
	(void) unlink(inside(f, STORE_FILE));
	assert_int_equal(sql(f, text), SQLITE_OK);
	free(text);
}

static void check_migrated(struct fixture *f)
{
	struct store_job *jobs;
	struct store_found found;

	assert_int_equal(load(f, &jobs), 3);
	assert_string_equal(jobs[0].modem, "pump-03");
	assert_int_equal(jobs[0].state, JOB_FAILED);
	assert_int_equal(jobs[0].reason, REASON_REJECTED);
	assert_int_equal(jobs[0].cme, 107);
	assert_true(jobs[0].not_before == USEC_INFINITY);
	assert_string_equal(jobs[1].record.imei, "861234567890123");
	assert_true(jobs[1].record.start_durable && jobs[1].record.callbreak.written);
	assert_string_equal(jobs[1].record.step, "download");
	assert_int_equal(jobs[1].record.started, 123456789);
	assert_true(jobs[1].bytes == 0);
	assert_false(jobs[1].other_boot || jobs[1].forced);
	assert_string_equal(jobs[2].modem, "pump-01");
	free(jobs);
	/* Who was identified is known (conduct 10); who was not, is not. */
	assert_int_equal(store_find_now(f->store, "winter", "pump-02", &found), 0);
	assert_true(found.modem_known && found.job_known && !found.attempt_known);
	assert_string_equal(found.modem.imei, "861234567890123");
	assert_string_equal(found.modem.model, "L610-CN-62-36");
	assert_int_equal(store_find_now(f->store, "winter", "pump-01", &found), 0);
	assert_true(!found.modem_known && found.job_known);
}

static void test_migration(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("winter", "pump-02", "861234567890123");

	make_schema_1(f);
	assert_int_equal(reopen(f, BOOT), 0);
	check_migrated(f);
	job.bytes = 734003;
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(reopen(f, BOOT), 0);
	f->store = store_close(f->store);
	assert_int_equal(number(f, "SELECT bytes FROM jobs WHERE modem = 'pump-02'"), 734003);
}

/* Killed on the way: the old schema or the new one, and the next start ends in the same. */
static void test_migration_killed(void **state)
{
	struct fixture *f = *state;
	unsigned ended = 0;

	for (unsigned delay = 0; delay < 40; delay++) {
		int status;
		pid_t pid;

		make_schema_1(f);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct store *store;
			struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				.sigev_signo = SIGKILL };
			struct itimerspec when = { .it_value.tv_nsec = 1 + (long) delay * 150000 };
			timer_t timer;

			if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 ||
				timer_settime(timer, 0, &when, NULL) < 0)
				_exit(2);
			_exit(store_open(f->directory, BOOT, &store) == 0 ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
		ended += !WIFSIGNALED(status);
		assert_int_equal(reopen(f, BOOT), 0);
		check_migrated(f);
	}
	print_message("killed in %u of 40 migrations\n", 40 - ended);
	assert_true(ended < 40);
}

static void test_newer(void **state)
{
	struct fixture *f = *state;
	struct stat before, after;

	f->store = store_close(f->store);
	assert_int_equal(sql(f, "PRAGMA user_version = 99"), SQLITE_OK);
	assert_int_equal(stat(inside(f, STORE_FILE), &before), 0);
	assert_int_equal(reopen(f, BOOT), -ENOTSUP);
	assert_int_equal(stat(inside(f, STORE_FILE), &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec); /* left as it is */
}

static void set_aside(struct fixture *f)
{
	char path[STORE_PATH_MAX], wanted[STORE_PATH_MAX];

	assert_int_equal(store_set_aside(f->directory, WALL, path), 0);
	snprintf(wanted, sizeof(wanted), "%s/fotad.db.corrupt-20260131T235959Z", f->directory);
	assert_string_equal(path, wanted);
	assert_int_equal(access(wanted, F_OK), 0);
	assert_int_equal(access(inside(f, STORE_FILE), F_OK), -1);
	assert_int_equal(reopen(f, BOOT), 0);
}

/* Held until somebody says so, through every start, and for no other reason. */
static void test_set_aside(void **state)
{
	struct fixture *f = *state;
	struct store_job *jobs;

	assert_false(store_is_held(f->store));
	f->store = store_close(f->store);
	assert_int_equal(truncate(inside(f, STORE_FILE), 5000), 0);
	assert_int_equal(reopen(f, BOOT), -EUCLEAN);
	set_aside(f);
	for (int life = 0; life < 2; life++) {
		assert_true(store_is_held(f->store));
		assert_int_equal(load(f, &jobs), 0);
		assert_int_equal(reopen(f, BOOT), 0);
	}
	assert_int_equal(store_release(f->store, WALL, 1000), 0);
	assert_false(store_is_held(f->store));
	assert_int_equal(reopen(f, BOOT), 0);
	assert_false(store_is_held(f->store));
	f->store = store_close(f->store);
	assert_int_equal(number(f, "SELECT count(*) FROM history WHERE who = 'operator' AND what = "
				   "'acknowledged'"),
		1);
}

/* The same while it is at work: what was queued before is not lost, and what the file is about is answered. */
static void test_acknowledged(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("c", "m", "1");
	struct store_completion done;

	assert_int_equal(store_condemn(f->directory), 0);
	assert_int_equal(reopen(f, BOOT), -EUCLEAN);
	set_aside(f);
	assert_int_equal(store_save(f->store, &job, 3), 0);
	assert_int_equal(store_acknowledge(f->store, WALL, 1000, 4), 0);
	for (uint64_t cookie = 3; cookie <= 4; cookie++) {
		done = completion(f);
		assert_true(done.cookie == cookie && done.error == 0);
	}
	assert_int_equal(reopen(f, BOOT), 0);
	assert_false(store_is_held(f->store));
	f->store = store_close(f->store);
	assert_int_equal(number(f, "SELECT count(*) FROM history WHERE who = 'operator' AND what = "
				   "'acknowledged'"),
		1);
	assert_int_equal(number(f, "SELECT count(*) FROM jobs"), 1);
}

static void test_condemned(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_condemn(f->directory), 0);
	for (int life = 0; life < 2; life++)
		assert_int_equal(reopen(f, BOOT), -EUCLEAN);
	set_aside(f);
	assert_int_equal(reopen(f, BOOT), 0);
}

/* Damage in what no decision rests upon is found by the thread, soon. */
static void test_damaged_history(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("c", "m", "1");
	struct store_completion done;
	char noise[4096];
	int fd, root;

	f->store = store_close(f->store);
	assert_int_equal(sql(f, "WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c "
				"WHERE i < 500)"
				" INSERT INTO history SELECT NULL, 1, 'daemon', '', '', '', "
				"'state', '', '', '',"
				" hex(randomblob(60)), -1 FROM c; PRAGMA wal_checkpoint(TRUNCATE)"),
		SQLITE_OK);
	root = number(f, "SELECT rootpage FROM sqlite_schema WHERE name = 'history'");
	memset(noise, 0xa5, sizeof(noise));
	fd = open(inside(f, STORE_FILE), O_WRONLY);
	assert_int_equal(
		pwrite(fd, noise, sizeof(noise), (off_t) (root - 1) * 4096), sizeof(noise));
	close(fd);
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(store_save(f->store, &job, 1), 0);
	done = completion(f);
	assert_int_equal(done.error, 0); /* the job is saved all the same */
	done = completion(f);
	assert_int_equal(done.error, -EUCLEAN);
}

/* A bit was flipped in a text that no job's next step rests upon: that row is named, and everything else is as it was. */
static void test_damaged_rows(void **state)
{
	struct fixture *f = *state;
	struct store_history line = { .time = 7, .what = "state" };
	struct store_job job = make_job("c", "pump-07", "111");
	struct store_attempt a = { .judged = true, .outcome = OUTCOME_SUCCEEDED, .to = "1.29" };
	struct store_change what = { .job = &job, .attempt = &a, .history = &line, .n_history = 1 };
	struct store_damage damage;
	struct store_figures figures[4];
	struct store_found found;
	struct store_completion done;
	size_t n;

	job.number = 12;
	for (a.number = 1; a.number <= 4; a.number++) {
		a.ended = a.number < 4 ? a.number : 0;
		evidence_begin(&a.evidence, "1.28", 0);
		assert_int_equal(change(f, &what), 0);
	}
	f->store = store_close(f->store);
	assert_int_equal(sql(f, "UPDATE attempts SET evidence = replace(evidence, '=', '-') WHERE number != 1;"
				"UPDATE history SET detail = 'a' || char(0) || 'b' WHERE id = 2"),
		SQLITE_OK);
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(store_figures_now(f->store, figures, 4, &n, &damage), 0);
	assert_int_equal(n, 1);
	assert_true(figures[0].ended == 1);
	assert_int_equal(damage.rows, 2);
	assert_string_equal(damage.modem, "pump-07");
	assert_true(damage.attempt == 3 && damage.job == 12);
	assert_int_equal(store_find_now(f->store, "c", "pump-07", &found), 0);
	assert_true(found.attempt_known && found.attempt.number == 4 && found.attempt.evidence_damaged);
	assert_int_equal(store_history(f->store, "", 9, 1), 0);
	done = completion(f);
	assert_int_equal(done.error, 0);
	assert_int_equal(done.page->n, 4);
	assert_string_equal(done.page->lines[2].detail, "the rest of this line is damaged");
	assert_true(done.page->lines[2].time == 7);
	free(done.page);
}

/* Values that no fotad writes: damage, and neither cut nor taken for want of memory. */
static void test_values(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *sql;
		bool opens; /* what is read only when the modem turns up */
	} rows[] = {
		{ "UPDATE jobs SET id = 9223372036854775807", false },
		{ "UPDATE sqlite_sequence SET seq = 9223372036854775807", false },
		{ "UPDATE jobs SET cme = 2147483648", true },
		{ "UPDATE jobs SET attempts = -1", true },
		{ "UPDATE jobs SET reported = 2", true },
		{ "UPDATE jobs SET target = '1.' || char(0) || '28'", true },
		{ "UPDATE attempts SET number = 4294967296", true },
		{ "UPDATE attempts SET cme = -2", true },
		{ "UPDATE attempts SET evidence = NULL", true },
		{ "UPDATE modems SET version = 16000", true },
	};
	struct store_job job = make_job("c", "m", "111");
	struct store_attempt attempt = { .number = 1 };
	struct store_modem modem = { .name = "m", .imei = "111" };
	struct store_change what = { .job = &job, .attempt = &attempt, .modem = &modem };
	struct store_found found;
	int r;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		f->store = store_close(f->store);
		(void) unlink(inside(f, STORE_FILE));
		assert_int_equal(reopen(f, BOOT), 0);
		assert_int_equal(change(f, &what), 0);
		f->store = store_close(f->store);
		assert_int_equal(sql(f, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql"
					" = replace(replace(replace(sql, ' NOT NULL', ''), ' STRICT', ''),"
					" ' version TEXT', ' version')"
					" WHERE name IN ('jobs', 'attempts', 'modems')"),
			SQLITE_OK);
		assert_int_equal(sql(f, rows[i].sql), SQLITE_OK);
		r = reopen(f, BOOT);
		if (rows[i].opens && r == 0)
			r = store_find_now(f->store, "c", "m", &found);
		if (r != -EUCLEAN)
			fail_msg("%s: %d", rows[i].sql, r);
	}
}

/* Any byte of the file may be wrong: an answer, whatever it is, and after it a store that works. */
static void test_flips(void **state)
{
	struct fixture *f = *state;
	unsigned refused = 0, opened = 0;
	char *whole, path[STORE_PATH_MAX];
	struct stat st;
	uint64_t dice = 1;
	int fd;

	for (unsigned i = 0; i < 60; i++) {
		struct store_job job = make_job("c", "", "");

		snprintf(job.modem, sizeof(job.modem), "m%u", i);
		snprintf(job.record.imei, sizeof(job.record.imei), "%015u", i);
		assert_int_equal(store_save(f->store, &job, i), 0);
	}
	f->store = store_close(f->store);
	assert_int_equal(stat(inside(f, STORE_FILE), &st), 0);
	whole = malloc((size_t) st.st_size);
	assert_non_null(whole);
	fd = open(inside(f, STORE_FILE), O_RDWR);
	assert_int_equal(read(fd, whole, (size_t) st.st_size), st.st_size);
	for (unsigned i = 0; i < 1500; i++) {
		struct store_job *jobs = NULL;
		struct store_found found;
		off_t at;
		char byte;
		size_t n;
		int r;

		dice = text_hash(dice, &i, sizeof(i));
		/* All of the file's header, then of each page's, then anywhere. */
		at = i < 100   ? (off_t) i
		     : i < 600 ? (off_t) ((dice >> 20) % (uint64_t) (st.st_size / 4096) * 4096 +
					  dice % 16)
			       : (off_t) ((dice >> 8) % (uint64_t) st.st_size);
		byte = (char) (whole[at] ^ (char) (1 << (dice >> 40) % 8));
		assert_int_equal(ftruncate(fd, st.st_size), 0);
		assert_int_equal(pwrite(fd, whole, (size_t) st.st_size, 0), st.st_size);
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		(void) unlink(inside(f, STORE_FILE "-wal"));
		r = store_open(f->directory, BOOT, &f->store);
		if (r == 0)
			r = store_load(f->store, &jobs, &n);
		free(jobs);
		if (r == 0)
			r = store_find_now(f->store, "c", "m7", &found);
		f->store = store_close(f->store);
		if (r != 0 && r != -EUCLEAN && (r != -ENOTSUP || at < 60 || at > 63))
			fail_msg("byte %lld: %d", (long long) at, r);
		refused += r == -EUCLEAN;
		opened += r == 0;
	}
	close(fd);
	free(whole);
	print_message("%u of 1500 refused, %u taken\n", refused, opened);
	assert_true(refused > 200 && opened > 100);
	assert_int_equal(store_set_aside(f->directory, WALL, path), 0);
	assert_int_equal(reopen(f, BOOT), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_migration, setup, teardown),
		cmocka_unit_test_setup_teardown(test_migration_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_acknowledged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_condemned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_history, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flips, setup, teardown),
	};

	return cmocka_run_group_tests_name("store-damage", tests, NULL, NULL);
}
