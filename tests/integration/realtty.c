/*
 * realtty - a preload, to stand before umockdev's: with both, a pseudo-terminal passes for a serial port with a driver.
 *
 * umockdev has a tty as a symbolic link /dev/NAME to a pseudo-terminal; stat() tells another device number, and a test answers
 * its ioctls. A program that looks closer is told here what it would see at a driver's node: open() finds no link (O_NOFOLLOW),
 * realpath() ends at /dev/NAME, and of what is open fstat() and /proc/self/fd say the same as of the path.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&(name))) dlsym(RTLD_NEXT, #name))
#define FILES_MAX  1024

/* What was opened last as this descriptor; device 0: no tty. */
static struct file {
	dev_t device;
	char path[64];
} files[FILES_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* umockdev's lstat() says so of its links, too, and tells the number. */
static bool is_tty(const char *path, dev_t *ret)
{
	struct stat st;

	if (strncmp(path, "/dev/tty", strlen("/dev/tty")) != 0 || lstat(path, &st) < 0 ||
		!S_ISCHR(st.st_mode))
		return false;
	*ret = st.st_rdev;
	return true;
}

static void keep(int fd, const char *path, dev_t device)
{
	if (fd < 0 || fd >= FILES_MAX)
		return;
	pthread_mutex_lock(&lock);
	files[fd].device = device;
	snprintf(files[fd].path, sizeof(files[fd].path), "%s", device ? path : "");
	pthread_mutex_unlock(&lock);
}

static bool find(int fd, struct file *ret)
{
	if (fd < 0 || fd >= FILES_MAX)
		return false;
	pthread_mutex_lock(&lock);
	*ret = files[fd];
	pthread_mutex_unlock(&lock);
	return ret->device != 0;
}

int open(const char *path, int flags, ...)
{
	dev_t device = 0;
	mode_t mode = 0;
	va_list list;
	int fd;

	va_start(list, flags);
	if (flags & (O_CREAT | __O_TMPFILE))
		mode = va_arg(list, mode_t);
	va_end(list);
	fd = NEXT(open)(path, is_tty(path, &device) ? flags & ~O_NOFOLLOW : flags, mode);
	keep(fd, path, device);
	return fd;
}

char *realpath(const char *restrict path, char *restrict resolved)
{
	dev_t device;

	if (!is_tty(path, &device))
		return NEXT(realpath)(path, resolved);
	return resolved ? strcpy(resolved, path) : strdup(path);
}

/* What a fortified program calls. */
char *__realpath_chk(const char *restrict path, char *restrict resolved, size_t size);
char *__realpath_chk(const char *restrict path, char *restrict resolved, size_t size)
{
	(void) size;
	return realpath(path, resolved);
}

int fstat(int fd, struct stat *st)
{
	struct file file;
	int r = NEXT(fstat)(fd, st);

	/* It may have been closed, and be something else by now. */
	if (r == 0 && S_ISCHR(st->st_mode) && find(fd, &file))
		st->st_rdev = file.device;
	return r;
}

ssize_t readlink(const char *restrict path, char *restrict buffer, size_t size)
{
	struct file file;
	struct stat st;
	size_t n;
	int fd;

	if (sscanf(path, "/proc/self/fd/%d", &fd) != 1 || !find(fd, &file) || fstat(fd, &st) < 0 ||
		!S_ISCHR(st.st_mode))
		return NEXT(readlink)(path, buffer, size);
	n = strnlen(file.path, size);
	memcpy(buffer, file.path, n);
	return (ssize_t) n;
}
