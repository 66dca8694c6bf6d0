/*
 * The worker threads, with ports that do as they are told: this program has its own
 * serial_resolve(), serial_port_open() and serial_port_close() in place of those of serial-open.c.
 * "/ok" opens, "/busy" is held by process 42, "/nobody" is not there, "/stuck", "/far" and
 * "/slow-close" wait until they are let go.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/serial.h"
#include "io/serial-internal.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned waiting, opened, closed;
static bool let_go, hold_closes;

static void wait_here(void)
{
	pthread_mutex_lock(&lock);
	waiting++;
	pthread_cond_broadcast(&changed);
	while (!let_go)
		pthread_cond_wait(&changed, &lock);
	waiting--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

int serial_resolve(const char *path, char ret[static PATH_MAX], dev_t *ret_device)
{
	if (text_equal(path, "/nobody"))
		return -ENOENT;
	if (text_equal(path, "/far")) /* on a file system that hangs */
		wait_here();
	*ret_device = text_equal(path, "/null")
			      ? makedev(1, 3)
			      : 1; /* as /dev/null's, which all descriptors are of */
	return text_copy(ret, PATH_MAX, path);
}

int serial_port_open(const char *path, dev_t device UNUSED, unsigned baud_rate UNUSED, int *ret_fd,
	pid_t *ret_holder)
{
	if (text_equal(path, "/busy")) {
		*ret_holder = 42;
		return -EBUSY;
	}
	if (text_equal(path, "/stuck"))
		wait_here();
	pthread_mutex_lock(&lock);
	opened++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	*ret_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

void serial_port_close(int fd)
{
	bool hold;

	pthread_mutex_lock(&lock);
	hold = hold_closes;
	pthread_mutex_unlock(&lock);
	if (hold)
		wait_here();
	close(fd);
	pthread_mutex_lock(&lock);
	closed++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void wait_until(const unsigned *value, unsigned wanted)
{
	pthread_mutex_lock(&lock);
	while (*value != wanted)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/* One that timed out before its turn to open came never opens: how many did is left to chance. */
static void wait_until_all_closed(void)
{
	pthread_mutex_lock(&lock);
	while (waiting > 0 || closed != opened)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void set(bool *flag, bool value)
{
	pthread_mutex_lock(&lock);
	*flag = value;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static int setup(void **state)
{
	struct serial_pool *pool;

	waiting = opened = closed = 0;
	let_go = hold_closes = false;
	assert_int_equal(serial_pool_new(2, &pool), 0);
	*state = pool;
	return 0;
}

/*
 * Threads that were stuck outlive their pool, and what they open and close is not to count in the next test. The directory
 * has a link of its own for each thread, beside two (proc(5)).
 */
static void wait_until_alone(void)
{
	struct stat st;

	while (stat("/proc/self/task", &st) == 0 && st.st_nlink > 3)
		(void) poll(NULL, 0, 1);
}

static int teardown(void **state)
{
	set(&let_go, true);
	wait_until(&waiting, 0);
	serial_pool_free(*state);
	wait_until_alone();
	return 0;
}

static uint64_t open_path(struct serial_pool *pool, const char *path, usec_t timeout)
{
	uint64_t ticket;

	assert_int_equal(serial_open(pool, path, 9600, timeout, (void *) path, &ticket), 0);
	return ticket;
}

/* Asks as the loop does: when the descriptor is readable, and now and then. */
static struct serial_result next_result(struct serial_pool *pool)
{
	struct pollfd fd = { .fd = serial_pool_fd(pool), .events = POLLIN };
	struct serial_result result;

	for (int i = 0; i < 10000; i++) {
		if (serial_pool_result(pool, &result))
			return result;
		assert_true(poll(&fd, 1, 1) >= 0);
	}
	fail_msg("no result");
	return result;
}

static void test_results(void **state)
{
	struct serial_pool *pool = *state;
	struct serial_result result;
	uint64_t ticket;

	ticket = open_path(pool, "/ok", SEC * 60);
	result = next_result(pool);
	assert_int_equal(result.error, 0);
	assert_true(result.ticket == ticket);
	assert_string_equal(result.userdata, "/ok");
	serial_close(pool, result.fd);
	wait_until(&closed, 1);

	open_path(pool, "/busy", SEC * 60);
	result = next_result(pool);
	assert_int_equal(result.error, -EBUSY);
	assert_int_equal(result.holder, 42);
	assert_int_equal(result.fd, -1);
	assert_false(serial_pool_result(pool, &result));
	assert_int_equal(
		poll(&(struct pollfd){ .fd = serial_pool_fd(pool), .events = POLLIN }, 1, 0), 0);
}

/* Where does it lead? Nothing is opened for that; and who asks does not wait (conduct 14). */
static void test_look(void **state)
{
	static const struct {
		const char *path;
		usec_t timeout;
		int error;
	} table[] = {
		{ "/ok", 60 * SEC, 0 },
		{ "/busy", 60 * SEC, 0 },
		{ "/nobody", 60 * SEC, -ENOENT },
		{ "/far", 1, -ETIMEDOUT },
	};
	struct serial_pool *pool = *state;
	struct serial_result result;
	uint64_t ticket;

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		assert_int_equal(serial_look(pool, table[i].path, table[i].timeout, NULL, &ticket), 0);
		result = next_result(pool);
		assert_int_equal(result.error, table[i].error);
		assert_true(result.ticket == ticket);
		assert_int_equal(result.fd, -1);
		if (result.error == 0)
			assert_int_equal(result.device, 1);
	}
	assert_int_equal(serial_look(pool, "/far", 60 * SEC, NULL, &ticket), -ETIMEDOUT);
	assert_int_equal(opened, 0);
}

/* More stuck ports than threads: each is reported, all others still open, what comes late is
 * closed. */
static void test_stuck(void **state)
{
	struct serial_pool *pool = *state;
	struct serial_result result;
	unsigned stuck = 0, good = 0;

	for (int i = 0; i < 5; i++)
		open_path(pool, "/stuck", 1);
	open_path(pool, "/ok", SEC * 60);
	while (stuck < 5 || good < 1) {
		result = next_result(pool);
		if (text_equal(result.userdata, "/ok")) {
			assert_int_equal(result.error, 0);
			serial_close(pool, result.fd);
			good++;
			continue;
		}
		assert_int_equal(result.error, -ETIMEDOUT);
		assert_int_equal(result.fd, -1);
		stuck++;
	}
	set(&let_go, true);
	/* The pool is as good as new. */
	open_path(pool, "/ok", SEC * 60);
	result = next_result(pool);
	assert_string_equal(result.userdata, "/ok");
	assert_int_equal(result.error, 0);
	serial_close(pool, result.fd);
	assert_false(serial_pool_result(pool, &result));
	wait_until_all_closed();
}

/* The number of threads is bounded: beyond it opens wait, and are served once somebody comes back.
 */
static void test_many_stuck(void **state)
{
	struct serial_pool *pool = *state;
	struct serial_result result;
	unsigned stuck = 0;
	bool good = false;

	for (int i = 0; i < 40; i++)
		open_path(pool, "/stuck", 1);
	for (int i = 0; i < 300; i++) {
		while (serial_pool_result(pool, &result)) {
			assert_int_equal(result.error, -ETIMEDOUT);
			stuck++;
		}
		(void) poll(&(struct pollfd){ .fd = serial_pool_fd(pool), .events = POLLIN }, 1, 1);
	}
	assert_true(stuck >= 3); /* one more than there are threads */
	open_path(pool, "/ok", SEC * 60);
	set(&let_go, true);
	while (!good || stuck < 40) {
		result = next_result(pool);
		if (text_equal(result.userdata, "/ok"))
			good = true;
		else
			stuck++;
		if (result.fd >= 0)
			serial_close(pool, result.fd);
	}
	wait_until_all_closed();
}

static void test_cancel(void **state)
{
	struct serial_pool *pool = *state;
	struct serial_result result;
	uint64_t running, waits, done;

	/* Answered already. */
	done = open_path(pool, "/ok", SEC * 60);
	while (poll(&(struct pollfd){ .fd = serial_pool_fd(pool), .events = POLLIN }, 1, 10000) !=
		1)
		;
	serial_cancel(pool, done);
	wait_until(&closed, 1);
	assert_false(serial_pool_result(pool, &result));
	serial_cancel(pool, done); /* unknown by now */

	/* Running, and behind those that run. */
	running = open_path(pool, "/stuck", SEC * 60);
	open_path(pool, "/stuck", SEC * 60);
	wait_until(&waiting, 2);
	waits = open_path(pool, "/ok", SEC * 60);
	serial_cancel(pool, waits);
	serial_cancel(pool, running);
	set(&let_go, true);
	wait_until(&closed, 2);
	result = next_result(pool);
	assert_string_equal(result.userdata, "/stuck");
	assert_false(serial_pool_result(pool, &result));
	assert_int_equal(opened, 3); /* the one that waited never began */
	serial_close(pool, result.fd);
}

/* An open waits for a close of the same device that runs; one of another device does not. */
static void test_open_behind_close(void **state)
{
	struct serial_pool *pool = *state;
	struct pollfd poll_fd = { .fd = serial_pool_fd(pool), .events = POLLIN };
	struct serial_result result;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	set(&hold_closes, true);
	serial_close(pool, fd);
	wait_until(&waiting, 1);
	open_path(pool, "/ok", SEC * 60);
	result = next_result(pool);
	assert_string_equal(result.userdata, "/ok");
	assert_int_equal(result.error, 0);
	fd = result.fd;

	open_path(pool, "/null", SEC * 60);
	assert_int_equal(poll(&poll_fd, 1, 50), 1); /* still from /ok */
	assert_false(serial_pool_result(pool, &result));
	assert_int_equal(poll(&poll_fd, 1, 50), 0);
	assert_int_equal(opened, 1);
	set(&hold_closes, false);
	set(&let_go, true);
	result = next_result(pool);
	assert_string_equal(result.userdata, "/null");
	assert_int_equal(result.error, 0);
	assert_int_equal(closed, 1);
	serial_close(pool, fd);
	serial_close(pool, result.fd);
	wait_until(&closed, 3);
}

static void test_end(void **state)
{
	struct serial_pool *pool = *state;
	struct serial_result result;

	/* With a result nobody fetched, one stuck, one running and one waiting. */
	open_path(pool, "/ok", SEC * 60);
	wait_until(&opened, 1);
	open_path(pool, "/stuck", 200 * MSEC);
	wait_until(&waiting, 1);
	for (bool stuck = false; !stuck;) {
		result = next_result(pool);
		stuck = result.error == -ETIMEDOUT;
		if (result.fd >= 0)
			serial_close(pool, result.fd);
	}
	wait_until(&closed, 1);
	open_path(pool, "/ok", SEC * 60);
	wait_until(&opened, 2);
	serial_pool_free(pool);
	wait_until(&closed, 2); /* not left open */
	set(&let_go, true);
	wait_until(&closed, 3); /* the stuck one ends by itself, and frees the pool */
	assert_int_equal(serial_pool_new(1, &pool), 0);
	*state = pool;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_results, setup, teardown),
		cmocka_unit_test_setup_teardown(test_look, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stuck, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_stuck, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_behind_close, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
	};

	return cmocka_run_group_tests_name("serial-pool", tests, NULL, NULL);
}
