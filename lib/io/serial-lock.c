#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "io/serial-internal.h"

#define PID_LARGEST   (4 * 1024 * 1024) /* PID_MAX_LIMIT of the kernel */
#define PID_TEXT_SIZE 11		/* "%10d\n": the format of FHS 3.0, 5.9.2 */

/* "/dev/ttyUSB0" is LCK..ttyUSB0; "/dev/pts/3" is LCK..pts_3, as picocom names it. */
static int lock_path(const char *directory, const char *path, char ret[static PATH_MAX])
{
	const char *name = text_starts_with(path, "/dev/") ? path + strlen("/dev/") : path + 1;
	size_t start = strlen(directory) + strlen("/LCK..");
	int r;

	r = text_format(ret, PATH_MAX, "%s/LCK..%s", directory, name);
	if (r < 0)
		return r;
	for (char *p = ret + start; *p; p++)
		if (*p == '/')
			*p = '_';
	return 0;
}

/* The process named in a lock file, or 0. Decimal text, or (older programs) a binary int. */
static pid_t read_pid(const char *path)
{
	char text[32];
	int fd, binary;
	ssize_t n;

	/* The directory may be open to all: no link is followed, no FIFO waited for. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n == (ssize_t) sizeof(binary)) {
		memcpy(&binary, text, sizeof(binary));
		/* Four digits are text too, and far over any process id. */
		if (binary > 0 && binary <= PID_LARGEST)
			return binary;
	}
	if (n <= 0)
		return 0;
	text[n] = '\0';
	long pid = strtol(text, NULL, 10);
	return pid > 0 && pid <= INT_MAX ? (pid_t) pid : 0;
}

static bool is_alive(pid_t pid)
{
	return kill(pid, 0) == 0 || errno != ESRCH;
}

int serial_lock_check(const char *directory, const char *path, pid_t *ret_holder)
{
	char file[PATH_MAX];
	pid_t pid;
	int r;

	r = lock_path(directory, path, file);
	if (r < 0)
		return r;
	pid = read_pid(file);
	if (pid == 0 || pid == getpid() || !is_alive(pid))
		return 0;
	*ret_holder = pid;
	return -EBUSY;
}

void serial_lock_take(const char *directory, const char *path)
{
	char file[PATH_MAX], self[64], text[PID_TEXT_SIZE + 1];
	pid_t pid;
	int fd;

	if (lock_path(directory, path, file) < 0)
		return;
	pid = read_pid(file);
	if (pid == getpid())
		return;
	if (pid != 0 && !is_alive(pid))
		unlink(file);
	/* Appears whole or not at all: a reader never finds it empty. */
	fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	(void) fchmod(fd, 0644); /* for others to read (FHS 3.0, 5.9), whatever our umask */
	snprintf(text, sizeof(text), "%10d\n", (int) getpid());
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	/* A lock file that cannot be made is no reason to leave the port alone: flock() protects it. */
	if (write(fd, text, PID_TEXT_SIZE) != PID_TEXT_SIZE ||
		linkat(AT_FDCWD, self, AT_FDCWD, file, AT_SYMLINK_FOLLOW) < 0)
		errno = 0;
	close(fd);
}

void serial_lock_drop(const char *directory, const char *path)
{
	char file[PATH_MAX];

	if (lock_path(directory, path, file) == 0 && read_pid(file) == getpid())
		unlink(file);
}
