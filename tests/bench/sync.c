/*
 * sync - a preload: counts what is made durable, and makes a disk slow.
 *
 * SYNC_DELAY=MICROSECONDS: each fdatasync() and fsync() takes so much longer. SYNC_REPORT=FILE: a line per call goes
 * there, the name of the file that was synchronised. SQLite makes each commit durable by one fdatasync() of its WAL.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef int sync_function(int);

static void report(int fd)
{
	const char *path = getenv("SYNC_REPORT");
	char link[64], name[PATH_MAX + 1];
	ssize_t n;
	int out;

	if (!path)
		return;
	(void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, name, PATH_MAX);
	out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (n > 0 && out >= 0) {
		name[n] = '\n';
		(void) !write(out, name, (size_t) n + 1);
	}
	if (out >= 0)
		close(out);
}

static int synchronise(const char *function, int fd)
{
	const char *delay = getenv("SYNC_DELAY");
	long us = delay ? atol(delay) : 0;
	struct timespec pause = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
	sync_function *real;

	report(fd);
	if (us > 0)
		(void) nanosleep(&pause, NULL);
	*(void **) &real = dlsym(RTLD_NEXT, function);
	return real(fd);
}

int fdatasync(int fd)
{
	return synchronise("fdatasync", fd);
}

int fsync(int fd)
{
	return synchronise("fsync", fd);
}
