/* The store's file: who else holds it, what a kill leaves, damage, and disks that do not take more.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/store-fixture.h"

/* A process that ends without a word right after a completion: what was answered is there. */
static void test_kill(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("c", "m", "1"), *jobs;
	int status;
	pid_t pid;

	f->store = store_close(f->store);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (store_open(f->directory, BOOT, &f->store) < 0)
			_exit(1);
		for (unsigned i = 1; i <= 20; i++) {
			struct pollfd fd = { .fd = store_fd(f->store), .events = POLLIN };
			struct store_completion done;

			job.attempts = i;
			if (store_save(f->store, &job, i) < 0)
				_exit(2);
			while (!store_completion(f->store, &done))
				if (poll(&fd, 1, 20000) != 1)
					_exit(3);
			if (done.error < 0)
				_exit(4);
		}
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(access(inside(f, STORE_FILE "-wal"), F_OK), 0);
	assert_int_equal(access(inside(f, STORE_FILE "-shm"), F_OK), -1);
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(load(f, &jobs), 1);
	assert_int_equal(jobs[0].attempts, 20);
	free(jobs);
}

static void test_held(void **state)
{
	struct fixture *f = *state;
	struct store *second = (void *) 1;
	int status;
	pid_t pid;

	assert_int_equal(store_open(f->directory, BOOT, &second), -EEXIST);
	assert_ptr_equal(second, (void *) 1);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(store_open(f->directory, BOOT, &second) == -EEXIST ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void sql(struct fixture *f, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(inside(f, STORE_FILE), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_foreign_files(void **state)
{
	struct fixture *f = *state;
	struct store *store = NULL;
	static const struct {
		const char *sql;
		int error;
	} table[] = {
		{ "PRAGMA user_version = 99", -ENOTSUP },
		{ "PRAGMA application_id = 1", -EUCLEAN },
		{ "PRAGMA application_id = 0", -EUCLEAN },
		{ "UPDATE jobs SET state = 'confused'", -EUCLEAN },
		{ "UPDATE jobs SET attempts = -1", -EUCLEAN },
		{ "UPDATE jobs SET modem = hex(zeroblob(100))", -EUCLEAN },
		{ "UPDATE jobs SET reason = 'of-tomorrow'", 0 },
	};

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		struct store_job job = make_job("c", "m", ""), *jobs = NULL;
		size_t n;
		int r;

		assert_int_equal(reopen(f, BOOT), 0);
		assert_int_equal(save(f, &job), 0);
		f->store = store_close(f->store);
		sql(f, table[i].sql);
		r = store_open(f->directory, BOOT, &store);
		if (r == 0) {
			r = store_load(store, &jobs, &n);
			store_close(store);
			store = NULL;
		}
		if (r != table[i].error)
			fail_msg("%s: %d", table[i].sql, r);
		assert_null(store);
		free(jobs);
		assert_int_equal(unlink(inside(f, STORE_FILE)), 0);
	}
}

static void test_corrupt(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char noise[512];
	int fd;

	for (unsigned i = 0; i < 200; i++) {
		struct store_job job = make_job("c", "", "");

		snprintf(job.modem, sizeof(job.modem), "m%u", i);
		assert_int_equal(store_save(f->store, &job, i), 0);
	}
	f->store = store_close(f->store);
	memset(noise, 0xa5, sizeof(noise));
	fd = open(inside(f, STORE_FILE), O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_size > 16384);
	for (off_t at = 4096; at < st.st_size; at += 4096)
		assert_int_equal(pwrite(fd, noise, sizeof(noise), at), sizeof(noise));
	close(fd);
	assert_int_equal(reopen(f, BOOT), -EUCLEAN);

	fd = open(inside(f, STORE_FILE), O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, noise, sizeof(noise)), sizeof(noise));
	close(fd);
	assert_int_equal(reopen(f, BOOT), -EUCLEAN);

	assert_int_equal(truncate(inside(f, STORE_FILE), 0),
		0); /* as a crash before the first commit leaves it */
	assert_int_equal(reopen(f, BOOT), 0);
}

static void test_directory(void **state)
{
	struct fixture *f = *state;
	struct store *store = NULL;
	char path[PATH_MAX + 16];

	assert_int_equal(store_open(inside(f, "absent"), BOOT, &store), -ENOENT);
	assert_int_equal(store_open(inside(f, STORE_FILE), BOOT, &store), -ENOTDIR);
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(store_open(path, BOOT, &store), -ENAMETOOLONG);
	if (geteuid() != 0) {
		assert_int_equal(mkdir(inside(f, "closed"), 0500), 0);
		assert_int_equal(store_open(inside(f, "closed"), BOOT, &store), -EACCES);
		f->store = store_close(f->store);
		assert_int_equal(chmod(inside(f, STORE_FILE), 0400), 0);
		assert_int_equal(store_open(f->directory, BOOT, &store), -EACCES);
	}
	assert_null(store);
}

/* A file that may not grow stands in for a bad disk: answered with an error, and good again
 * afterwards. */
static void test_write_error(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("c", "m", "1"), *jobs;
	struct rlimit before, limit;
	struct stat st;
	int r = 0;

	assert_int_equal(save(f, &job), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(stat(inside(f, STORE_FILE "-wal"), &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){ .rlim_cur = (rlim_t) st.st_size + 100,
		.rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; i < 3 && r == 0; i++) {
		job.attempts = 100;
		r = save(f, &job);
	}
	/* Each of several that wait is answered, and none of them is half there. */
	for (unsigned i = 0; i < 10; i++) {
		struct store_job more = make_job("c", "", "");

		snprintf(more.modem, sizeof(more.modem), "lost%u", i);
		assert_int_equal(store_save(f->store, &more, i), 0);
	}
	bool all_failed = true;
	for (unsigned i = 0; i < 10; i++) {
		struct store_completion done = completion(f);

		all_failed = all_failed && done.cookie == i && done.error < 0;
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(r, -EIO);
	assert_true(all_failed);

	job.attempts = 7;
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(load(f, &jobs), 1);
	assert_int_equal(jobs[0].attempts, 7);
	free(jobs);
}

/* The real thing, where a small file system may be mounted. */
static void test_disk_full(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("c", "m", "1"), *jobs;
	static const char zeros[65536];
	uid_t uid = geteuid();
	int fd, r = 0;

	if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0)
		skip();
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip();
	f->store = store_close(f->store);
	if (mount("tmpfs", f->directory, "tmpfs", 0, "size=512k,mode=0777") < 0)
		skip();
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(save(f, &job), 0);
	fd = open(inside(f, "filler"), O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	for (int i = 0; i < 50 && r == 0; i++) {
		job.attempts = 100;
		r = save(f, &job);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(save(f, &job), -ENOSPC);
	assert_int_equal(reopen(f, BOOT), 0); /* nor does it stop a start */
	assert_int_equal(save(f, &job), -ENOSPC);
	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
	job.attempts = 8;
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(load(f, &jobs), 1);
	assert_int_equal(jobs[0].attempts, 8);
	free(jobs);
	f->store = store_close(f->store);
	assert_int_equal(umount(f->directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_corrupt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_full, setup, teardown),
	};

	return cmocka_run_group_tests_name("store-file", tests, NULL, NULL);
}
