/* The store on real files: every field, the keys, what the disk does, and who else may open it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/store.h"

#define BOOT  "0123456789abcdef0123456789abcdef"
#define BOOT2 "fedcba9876543210fedcba9876543210"

struct fixture {
	char directory[64];
	struct store *store;
	bool boot_same;
};

static int reopen(struct fixture *f, const char *boot)
{
	f->store = store_close(f->store);
	return store_open(f->directory, boot, &f->store, &f->boot_same);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->directory, "/tmp/test-store-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	assert_int_equal(reopen(f, BOOT), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	store_close(f->store);
	snprintf(command, sizeof(command), "rm -rf %s", f->directory);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static const char *inside(const struct fixture *f, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->directory, name);
	return path;
}

static struct store_completion completion(struct fixture *f)
{
	struct pollfd fd = { .fd = store_fd(f->store), .events = POLLIN };
	struct store_completion ret = { 0 };

	while (!store_completion(f->store, &ret))
		assert_int_equal(poll(&fd, 1, 20000), 1);
	return ret;
}

static int save(struct fixture *f, const struct store_job *job)
{
	static uint64_t cookie = 1000;
	struct store_completion done;

	assert_int_equal(store_save(f->store, job, ++cookie), 0);
	done = completion(f);
	assert_true(done.cookie == cookie);
	return done.error;
}

static struct store_job make_job(const char *campaign, const char *modem, const char *imei)
{
	struct store_job job = { .state = JOB_WAITING };

	strcpy(job.campaign, campaign);
	strcpy(job.modem, modem);
	strcpy(job.record.imei, imei);
	return job;
}

static size_t load(struct fixture *f, struct store_job **ret)
{
	size_t n = 77;

	*ret = (void *) 1;
	assert_int_equal(store_load(f->store, ret, &n), 0);
	return n;
}

static void test_empty(void **state)
{
	struct fixture *f = *state;
	struct store_job *jobs;
	struct store_completion done;

	assert_true(f->boot_same);
	assert_int_equal(load(f, &jobs), 0);
	assert_null(jobs);
	assert_false(store_completion(f->store, &done));
	assert_null(store_close(NULL));
	assert_int_equal(reopen(f, BOOT2), 0);
	assert_true(f->boot_same);
}

/*
 * Every field comes back. The whole struct is filled first, so that a field added to it without a
 * column is missed here (where the compiler can clear padding).
 */
static void test_every_field(void **state)
{
	struct fixture *f = *state;
	struct store_job job, *jobs;
	char *const texts[] = { job.campaign, job.modem, job.target, job.record.imei,
		job.record.model, job.record.from, job.record.to, job.record.step,
		job.record.callbreak.value, job.record.gprsfirst.value, job.record.rat.value };

	memset(&job, 1, sizeof(job)); /* true; 0x01010101; text without end */
	for (size_t i = 0; i < ELEMENTSOF(texts); i++)
		texts[i][i + 1] = '\0';
	job.other_boot = false;
	job.state = JOB_UNKNOWN;
	job.reason = REASON_NOT_BACK;
	job.cme = -1;
	job.not_before = USEC_INFINITY;
	job.attempts = UINT32_MAX;
	job.record.pdp_opened = false;
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(load(f, &jobs), 1);
	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		const char *loaded = (const char *) jobs + (texts[i] - (const char *) &job);

		assert_string_equal(loaded, texts[i]);
	}
	assert_int_equal(jobs->state, job.state);
	assert_int_equal(jobs->reason, job.reason);
	assert_int_equal(jobs->cme, -1);
	assert_true(jobs->not_before == USEC_INFINITY);
	assert_true(jobs->updated == job.updated && jobs->record.started == job.record.started);
	assert_true(jobs->attempts == job.attempts && jobs->record.attempt == job.record.attempt);
	assert_false(jobs->record.pdp_opened);
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		static const size_t sizes[] = { NAME_MAX_SIZE, NAME_MAX_SIZE, VERSION_MAX,
			IMEI_SIZE, MODEL_MAX, VERSION_MAX, VERSION_MAX, STEP_NAME_MAX, SETTING_MAX,
			SETTING_MAX, SETTING_MAX };

		memset(texts[i] + i + 1, 0, sizes[i] - i - 1);
	}
	__builtin_clear_padding(&job);
	__builtin_clear_padding(jobs);
	assert_memory_equal(jobs, &job, sizeof(job));
#endif
#endif
	free(jobs);
}

static void test_states_and_reasons(void **state)
{
	struct fixture *f = *state;
	struct store_job *jobs;

	for (int i = 0; i < _REASON_MAX; i++) {
		struct store_job job = make_job("c", "m", "");

		snprintf(job.modem, sizeof(job.modem), "m%d", i);
		job.reason = (enum reason) i;
		job.state = (enum job_state)(i % (JOB_UNKNOWN + 1));
		assert_int_equal(save(f, &job), 0);
	}
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(load(f, &jobs), _REASON_MAX);
	for (int i = 0; i < _REASON_MAX; i++) {
		const struct store_job *job = &jobs[_REASON_MAX - 1 - i];

		assert_int_equal(job->reason, i);
		assert_int_equal(job->state, i % (JOB_UNKNOWN + 1));
	}
	free(jobs);
}

/* Conduct 11: campaign and modem until the first identification, then campaign and IMEI. */
static void test_keys(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *campaign, *modem, *imei,
			*rows; /* "modem/imei/attempts ...", the last saved first */
	} table[] = {
		{ "c", "a", "", "a//1" },
		{ "c", "a", "", "a//2" },
		{ "c", "a", "111", "a/111/3" }, /* identified: the same row */
		{ "c", "a", "111", "a/111/4" },
		{ "c", "a", "222", "a/222/5 a/111/4" }, /* another module in that slot */
		{ "c", "b", "111", "b/111/6 a/222/5" }, /* the first one moved */
		{ "c", "b", "", "b//7 b/111/6 a/222/5" },
		{ "c", "b", "111", "b/111/8 a/222/5" }, /* one job per IMEI */
		{ "d", "b", "111", "b/111/9 b/111/8 a/222/5" },
		{ "c", "a", "222", "a/222/10 b/111/9 b/111/8" },
	};

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		struct store_job job = make_job(table[i].campaign, table[i].modem, table[i].imei),
				 *jobs;
		char rows[256] = "";
		size_t n, used = 0;

		job.attempts = (uint32_t) i + 1;
		assert_int_equal(save(f, &job), 0);
		assert_int_equal(reopen(f, BOOT), 0);
		n = load(f, &jobs);
		for (size_t k = 0; k < n; k++)
			used += (size_t) snprintf(rows + used, sizeof(rows) - used, "%s%s/%s/%u",
				k ? " " : "", jobs[k].modem, jobs[k].record.imei,
				(unsigned) jobs[k].attempts);
		assert_string_equal(rows, table[i].rows);
		free(jobs);
	}
}

static void test_boot(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("c", "m", ""), *jobs;

	job.record.started = 5;
	job.state = JOB_RUNNING;
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(reopen(f, BOOT), 0);
	assert_true(f->boot_same);
	/* It stays another boot's through every life, until the job is saved again. */
	for (int life = 0; life < 2; life++) {
		assert_int_equal(reopen(f, BOOT2), 0);
		assert_false(f->boot_same);
		assert_int_equal(load(f, &jobs), 1);
		assert_true(jobs[0].other_boot);
		free(jobs);
	}
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(reopen(f, BOOT2), 0);
	assert_true(f->boot_same);
	assert_int_equal(load(f, &jobs), 1);
	assert_false(jobs[0].other_boot);
	free(jobs);
	/* A job that is over asks for no times, but rule 8 does. */
	job.state = JOB_FAILED;
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(reopen(f, BOOT), 0);
	assert_true(f->boot_same);
	job.record.end_open = true;
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(reopen(f, BOOT2), 0);
	assert_false(f->boot_same);
}

/* Thousands in a row: all answered, in their order, the last of each job stands. */
static void test_many(void **state)
{
	struct fixture *f = *state;
	struct store_job *jobs;

	for (unsigned i = 0; i < 5000; i++) {
		struct store_job job = make_job("c", "", "");

		snprintf(job.modem, sizeof(job.modem), "m%u", i % 1000);
		job.attempts = i;
		assert_int_equal(store_save(f->store, &job, i), 0);
	}
	for (unsigned i = 0; i < 5000; i++) {
		struct store_completion done = completion(f);

		assert_true(done.cookie == i);
		assert_int_equal(done.error, 0);
	}
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(load(f, &jobs), 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(jobs[i].attempts, 4999 - i);
	free(jobs);
}

/* What is queued when the store is closed is durable, answered or not. */
static void test_close_commits(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("c", "m", "1"), *jobs;

	assert_int_equal(store_save(f->store, &job, 1), 0);
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(load(f, &jobs), 1);
	free(jobs);
}

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
		if (store_open(f->directory, BOOT, &f->store, &f->boot_same) < 0)
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
	bool boot_same;
	int status;
	pid_t pid;

	assert_int_equal(store_open(f->directory, BOOT, &second, &boot_same), -EEXIST);
	assert_ptr_equal(second, (void *) 1);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(store_open(f->directory, BOOT, &second, &boot_same) == -EEXIST ? 0 : 1);
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
		{ "PRAGMA user_version = 2", -ENOTSUP },
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
		r = store_open(f->directory, BOOT, &store, &f->boot_same);
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

	assert_int_equal(store_open(inside(f, "absent"), BOOT, &store, &f->boot_same), -ENOENT);
	assert_int_equal(store_open(inside(f, STORE_FILE), BOOT, &store, &f->boot_same), -ENOTDIR);
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(store_open(path, BOOT, &store, &f->boot_same), -ENAMETOOLONG);
	if (geteuid() != 0) {
		assert_int_equal(mkdir(inside(f, "closed"), 0500), 0);
		assert_int_equal(
			store_open(inside(f, "closed"), BOOT, &store, &f->boot_same), -EACCES);
		f->store = store_close(f->store);
		assert_int_equal(chmod(inside(f, STORE_FILE), 0400), 0);
		assert_int_equal(store_open(f->directory, BOOT, &store, &f->boot_same), -EACCES);
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
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_field, setup, teardown),
		cmocka_unit_test_setup_teardown(test_states_and_reasons, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_boot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_commits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_corrupt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_full, setup, teardown),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
