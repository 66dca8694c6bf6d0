#include "io/zone-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"

#define DIRECTORY "/usr/share/zoneinfo"
#define DEPTH_MAX 3 /* America/Argentina/Ushuaia */

static const char *directory(void)
{
	const char *name = secure_getenv("TZDIR");

	return name && name[0] != '\0' ? name : DIRECTORY;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '-' || c == '_';
}

bool zone_file_is_name(const char *name, size_t n)
{
	char before = '/';

	if (n >= ZONE_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; before = name[i++])
		if (!is_letter(name[i]) && (name[i] != '/' || before == '/'))
			return false;
	return before != '/';
}

/* The whole of a regular file, or -E; its size. */
static ssize_t read_file(int fd, void *buffer, size_t size)
{
	struct stat st;
	size_t used = 0;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EBADMSG;
	do {
		n = read(fd, (char *) buffer + used, size - used);
		if (n < 0 && errno != EINTR)
			return -errno;
		used += n > 0 ? (size_t) n : 0;
	} while (n != 0 && used < size);
	return n == 0 ? (ssize_t) used : -EFBIG;
}

static int open_file(const char *name)
{
	char path[4096];
	int fd;

	if (text_format(path, sizeof(path), "%s/%s", directory(), name) < 0)
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int load(
	int fd, int64_t since, struct zone_change *memory, size_t max, struct zone *ret)
{
	char *buffer = malloc(ZONE_FILE_MAX + 1);
	ssize_t n = buffer ? read_file(fd, buffer, ZONE_FILE_MAX + 1) : -ENOMEM;
	int r = n < 0 ? (int) n : zone_parse(buffer, (size_t) n, since, memory, max, ret);

	free(buffer);
	return r;
}

int zone_file_load(
	const char *name, int64_t since, struct zone_change *memory, size_t max, struct zone *ret)
{
	int fd, r;

	if (!zone_file_is_name(name, strlen(name)))
		return -EINVAL;
	fd = open_file(name);
	if (fd == -ENOENT && text_equal(name, "UTC")) {
		*ret = zone_utc;
		return 0;
	}
	if (fd < 0)
		return fd;
	r = load(fd, since, memory, max, ret);
	close(fd);
	return r;
}

const char *zone_file_error(int error)
{
	switch (-error) {
	case EINVAL:
		return "is not the name of a time zone, such as \"Europe/Berlin\" or \"UTC\"";
	case ENOENT:
	case ENOTDIR:
		return "is not a time zone that this system knows";
	case EISDIR:
		return "is only the first part of a time zone's name";
	case EBADMSG:
		return "is not a time zone: its file holds something else, or is damaged";
	case EOPNOTSUPP:
		return "has a file of a kind that is not supported: with leap seconds, or without "
		       "64-bit times";
	case EMSGSIZE:
	case EFBIG:
		return "has a file that is too long for a time zone";
	}
	return strerrordesc_np(-error) ?: "cannot be read";
}

/* ---- all there are ---- */

struct walk {
	void (*callback)(const char *name, void *userdata);
	void *userdata;
};

/* posix/ and right/ hold all of it once more. */
static bool is_wanted(const char *name)
{
	return zone_file_is_name(name, strlen(name)) && !text_equal(name, "posix") &&
	       !text_equal(name, "right");
}

static bool is_directory(const char *name)
{
	int fd = open_file(name);
	struct stat st;
	bool is = fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);

	if (fd >= 0)
		close(fd);
	return is;
}

static void walk(const struct walk *w, const char *below, unsigned depth)
{
	int fd = open_file(below);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!entries && fd >= 0)
		close(fd);
	while (entries && (entry = readdir(entries))) {
		char name[ZONE_NAME_MAX];

		if (text_format(name, sizeof(name), "%s%s%s", below, below[0] ? "/" : "",
			    entry->d_name) < 0 ||
			!is_wanted(name))
			continue;
		if (!is_directory(name))
			w->callback(name, w->userdata);
		else if (depth < DEPTH_MAX)
			walk(w, name, depth + 1);
	}
	if (entries)
		closedir(entries);
}

void zone_file_each(void (*callback)(const char *name, void *userdata), void *userdata)
{
	const struct walk w = { callback, userdata };

	walk(&w, "", 1);
}
