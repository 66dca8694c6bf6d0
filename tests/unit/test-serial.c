/* Opening real pseudo-terminals, and refusing what is none. libserialport's half needs a tty
 * driver: see the system tests. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "io/serial.h"
#include "io/serial-internal.h"

struct fixture {
	char directory[64];
	char name[64]; /* of the slave */
	int master, slave;
	struct serial_pool *pool;
};

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->directory, "/tmp/test-serial-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	assert_int_equal(openpty(&f->master, &f->slave, f->name, NULL, NULL), 0);
	assert_int_equal(serial_pool_new(2, &f->pool), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	serial_pool_free(f->pool);
	close(f->master);
	if (f->slave >= 0)
		close(f->slave);
	snprintf(command, sizeof(command), "rm -rf %s", f->directory);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static const char *inside(const struct fixture *f, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", f->directory, name);
	return path;
}

/* Waits for the one result that is due. */
static struct serial_result result_of(struct fixture *f, const char *path)
{
	struct pollfd fd = { .fd = serial_pool_fd(f->pool), .events = POLLIN };
	struct serial_result result;
	uint64_t ticket;

	assert_int_equal(serial_open(f->pool, path, 115200, 10 * SEC, f, &ticket), 0);
	while (!serial_pool_result(f->pool, &result))
		assert_int_equal(poll(&fd, 1, 10000), 1);
	assert_ptr_equal(result.userdata, f);
	assert_int_equal(result.ticket, ticket);
	return result;
}

static void test_open(void **state)
{
	struct fixture *f = *state;
	struct serial_result result;
	struct termios settings;
	struct stat st;
	char byte;

	assert_int_equal(write(f->master, "x\r", 2), 2); /* said before: kept */
	result = result_of(f, f->name);
	assert_int_equal(result.error, 0);
	assert_int_equal(fstat(f->slave, &st), 0);
	assert_true(result.device == st.st_rdev);
	assert_int_equal(fcntl(result.fd, F_GETFD), FD_CLOEXEC);
	assert_true(fcntl(result.fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(tcgetattr(result.fd, &settings), 0);
	assert_int_equal(cfgetispeed(&settings), B115200);
	assert_int_equal(cfgetospeed(&settings), B115200);
	assert_int_equal(settings.c_lflag & (tcflag_t) (ICANON | ECHO | ISIG | IEXTEN), 0);
	assert_int_equal(settings.c_iflag & (tcflag_t) (IXON | IXOFF | IXANY | ICRNL | ISTRIP), 0);
	assert_int_equal(settings.c_oflag & (tcflag_t) OPOST, 0);
	assert_int_equal(
		settings.c_cflag & (tcflag_t) (CSIZE | PARENB | CSTOPB | CRTSCTS | HUPCL), CS8);
	assert_int_equal(settings.c_cc[VMIN], 1);
	assert_int_equal(flock(f->slave, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(write(f->master, "y", 1), 1);
	while (read(result.fd, &byte, 1) != 1 || byte != 'y')
		assert_int_equal(
			poll(&(struct pollfd){ .fd = result.fd, .events = POLLIN }, 1, 10000), 1);
	close(result.fd);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *path; /* relative: in the fixture's directory */
		int error;
	} table[] = {
		{ "absent", -ENOENT },
		{ "file/below", -ENOENT },
		{ "/dev/pts/987654", -ENOENT },
		{ "dangling", -ENOENT },
		{ "loop", -ELOOP },
		{ "", -ENOTTY }, /* the directory itself */
		{ "file", -ENOTTY },
		{ "fifo", -ENOTTY },
		{ "to-fifo", -ENOTTY },
		{ "/etc/passwd", -ENOTTY },
		{ "/dev/null", -ENOTTY },
		{ "/dev/zero", -ENOTTY },
		{ "/dev/ptmx", -ENOTTY },
		{ "/dev/tty", -ENOTTY },
	};
	int before = count_fds();

	close(creat(inside(f, "file"), 0600));
	assert_int_equal(mkfifo(inside(f, "fifo"), 0600), 0);
	assert_int_equal(symlink("fifo", inside(f, "to-fifo")), 0);
	assert_int_equal(symlink("nothing", inside(f, "dangling")), 0);
	assert_int_equal(symlink("loop", inside(f, "loop")), 0);
	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		bool absolute = table[i].path[0] == '/';
		struct serial_result result;

		result = result_of(f, absolute ? table[i].path : inside(f, table[i].path));
		if (result.error != table[i].error)
			fail_msg("%s: %d", table[i].path, result.error);
		assert_int_equal(result.fd, -1);
	}
	assert_int_equal(count_fds(), before);
}

static void test_arguments(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX + 8], resolved[PATH_MAX] = "untouched";
	uint64_t ticket = 77;
	dev_t device;

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(serial_open(f->pool, path, 115200, SEC, NULL, &ticket), -ENAMETOOLONG);
	assert_int_equal(serial_open(f->pool, f->name, 0, SEC, NULL, &ticket), -EINVAL);
	assert_int_equal(ticket, 77);
	assert_int_equal(serial_resolve("relative", resolved, &device), -EINVAL);
	assert_string_equal(resolved, "untouched");
	assert_int_equal(serial_pool_new(0, &f->pool), -EINVAL);
	assert_null(serial_pool_free(NULL));
	serial_close(f->pool, -1);
}

static void test_odd_baud_rate(void **state)
{
	struct fixture *f = *state;
	struct serial_result result;
	uint64_t ticket;

	assert_int_equal(serial_open(f->pool, f->name, 12345, 10 * SEC, NULL, &ticket), 0);
	while (!serial_pool_result(f->pool, &result))
		assert_int_equal(
			poll(&(struct pollfd){ .fd = serial_pool_fd(f->pool), .events = POLLIN }, 1,
				10000),
			1);
	assert_int_equal(result.error, -EINVAL);
	assert_int_equal(result.fd, -1);
}

static void test_symlink_chain(void **state)
{
	struct fixture *f = *state;
	struct serial_result result;
	struct stat st;

	assert_int_equal(symlink(f->name, inside(f, "first")), 0);
	assert_int_equal(symlink("first", inside(f, "second")), 0);
	result = result_of(f, inside(f, "second"));
	assert_int_equal(result.error, 0);
	assert_int_equal(fstat(f->slave, &st), 0);
	assert_true(result.device == st.st_rdev);
	serial_close(f->pool, result.fd);
}

static void test_flock_held(void **state)
{
	struct fixture *f = *state;
	struct serial_result result;

	assert_int_equal(flock(f->slave, LOCK_EX), 0);
	result = result_of(f, f->name);
	assert_int_equal(result.error, -EBUSY);
	assert_int_equal(result.fd, -1);
	/* Where /proc/locks is hidden the holder stays unknown. */
	if (access("/proc/locks", R_OK) == 0)
		assert_int_equal(result.holder, getpid());
	assert_int_equal(flock(f->slave, LOCK_UN), 0);
	result = result_of(f, f->name);
	assert_int_equal(result.error, 0);
	serial_close(f->pool, result.fd);
}

/* A close that was asked for first is over before the same port is opened again. */
static void test_open_after_close(void **state)
{
	struct fixture *f = *state;
	struct serial_result result;
	int before = count_fds();

	for (int i = 0; i < 100; i++) {
		result = result_of(f, f->name);
		assert_int_equal(result.error, 0);
		serial_close(f->pool, result.fd);
	}
	result = result_of(f, f->name);
	assert_int_equal(result.error, 0);
	close(result.fd);
	assert_int_equal(count_fds(), before);
}

/* As after a kill: a holder that ends without a word keeps nobody out. */
static void test_open_after_kill(void **state)
{
	struct fixture *f = *state;
	struct serial_result result;
	struct stat st;
	pid_t pid, holder;
	int fd, status;

	assert_int_equal(fstat(f->slave, &st), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(serial_port_open(f->name, st.st_rdev, 115200, &fd, &holder) == 0 ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	result = result_of(f, f->name);
	assert_int_equal(result.error, 0);
	int exclusive = 1;
	assert_int_equal(ioctl(result.fd, TIOCGEXCL, &exclusive), 0);
	assert_int_equal(exclusive, 0);
	serial_close(f->pool, result.fd);
}

static void test_other_side_gone(void **state)
{
	struct fixture *f = *state;
	struct serial_result result;

	close(f->master);
	f->master = -1;
	result = result_of(f, f->name); /* the node stands as long as our slave is open */
	assert_int_equal(result.error, -ENOENT);
}

static void test_lock_file(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text;
		size_t size; /* 0: strlen(text) */
		bool child;  /* text is a format for a living child's id */
		bool busy;
	} table[] = {
		{ "%10d\n", 0, true, true },
		{ "%d minicom root\n", 0, true, true },
		{ "%d", 0, true, true },
		{ "  99999999\n", 0, false, false }, /* over every pid_max */
		{ "garbage\n", 0, false, false },
		{ "-1\n", 0, false, false },
		{ "0\n", 0, false, false },
		{ "", 0, false, false },
		{ "\1\0\0\0", 4, false, true }, /* binary, of pid 1 */
		{ "\0\0\0\0", 4, false, false },
	};
	char file[128], text[64];
	pid_t child = fork(), holder;

	assert_true(child >= 0);
	if (child == 0)
		for (;;)
			pause();
	snprintf(file, sizeof(file), "%s/LCK..pts_3", f->directory);
	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		size_t size = table[i].size ? table[i].size : strlen(table[i].text);
		FILE *out = fopen(file, "w");

		assert_non_null(out);
		memcpy(text, table[i].text, size);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		if (table[i].child)
			size = (size_t) snprintf(text, sizeof(text), table[i].text, (int) child);
#pragma GCC diagnostic pop
		assert_int_equal(fwrite(text, 1, size, out), size);
		assert_int_equal(fclose(out), 0);
		holder = -7;
		int r = serial_lock_check(f->directory, "/dev/pts/3", &holder);
		if (r != (table[i].busy ? -EBUSY : 0))
			fail_msg("row %zu: %d", i, r);
		if (table[i].child)
			assert_int_equal(holder, child);
		if (!table[i].busy)
			assert_int_equal(holder, -7);
	}
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_lock_file_own(void **state)
{
	struct fixture *f = *state;
	char file[128], text[32] = "", expected[32];
	FILE *stream;
	pid_t child, holder;

	snprintf(file, sizeof(file), "%s/LCK..ttyUSB0", f->directory);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		serial_lock_take(f->directory, "/dev/ttyUSB0");
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(access(file, F_OK), 0); /* left by a dead process */
	assert_int_equal(serial_lock_check(f->directory, "/dev/ttyUSB0", &holder), 0);
	serial_lock_drop(f->directory, "/dev/ttyUSB0");
	assert_int_equal(access(file, F_OK), 0); /* not ours */
	serial_lock_take(f->directory, "/dev/ttyUSB0");
	stream = fopen(file, "r");
	assert_non_null(stream);
	assert_non_null(fgets(text, sizeof(text), stream));
	fclose(stream);
	snprintf(expected, sizeof(expected), "%10d\n", (int) getpid());
	assert_string_equal(text, expected);
	assert_int_equal(serial_lock_check(f->directory, "/dev/ttyUSB0", &holder), 0);
	serial_lock_drop(f->directory, "/dev/ttyUSB0");
	assert_int_equal(access(file, F_OK), -1);
	/* No directory, or not ours to write to: we do without. */
	serial_lock_take("/nonexistent", "/dev/ttyUSB0");
	serial_lock_drop("/nonexistent", "/dev/ttyUSB0");
}

/* The lock file is honoured by an open, too. */
static void test_lock_file_open(void **state)
{
	struct fixture *f = *state;
	struct serial_result result;
	char file[128];
	FILE *out;

	snprintf(file, sizeof(file), SERIAL_LOCK_DIRECTORY "/LCK..pts_%s",
		strrchr(f->name, '/') + 1);
	out = fopen(file, "wx");
	if (!out)
		skip();
	fprintf(out, "%10d\n", (int) getppid());
	fclose(out);
	result = result_of(f, f->name);
	unlink(file);
	assert_int_equal(result.error, -EBUSY);
	assert_int_equal(result.holder, getppid());
	assert_int_equal(result.fd, -1);
}

/* What an earlier life has opened is ours: a lock file with the id of the dead would keep nobody away. */
static void test_lock_file_adopted(void **state UNUSED)
{
	/* Any device will do that is everywhere. */
	static const char device[] = "/dev/null", file[] = SERIAL_LOCK_DIRECTORY "/LCK..null";
	int fd = open(device, O_PATH | O_CLOEXEC);
	pid_t child, holder = 0;
	int status;

	if (fd < 0 || access(file, F_OK) == 0)
		skip();
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		serial_adopted(fd);
		_exit(serial_lock_check(SERIAL_LOCK_DIRECTORY, device, &holder));
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	if (access(file, F_OK) < 0)
		skip();
	serial_adopted(fd);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(serial_lock_check(SERIAL_LOCK_DIRECTORY, device, &holder) == -EBUSY &&
		      holder == getppid());
	assert_int_equal(waitpid(child, &status, 0), child);
	serial_port_close(fd);
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_int_equal(access(file, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_baud_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_symlink_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flock_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_after_close, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_after_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_side_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lock_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lock_file_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lock_file_open, setup, teardown),
		cmocka_unit_test(test_lock_file_adopted),
	};

	return cmocka_run_group_tests_name("serial", tests, NULL, NULL);
}
