#include "io/bundle-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define SUFFIX ".json"
#define HALF   ".new"

int bundle_file_read(const char *path, size_t max, char **ret, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text = fd < 0 ? NULL : malloc(max + 1);
	size_t size = 0;
	ssize_t n = 0;
	int r = 0;

	if (fd < 0)
		return -errno;
	if (!text)
		r = -ENOMEM;
	while (r == 0 && size <= max && (n = read(fd, text + size, max + 1 - size)) != 0)
		if (n > 0)
			size += (size_t) n;
		else if (errno != EINTR)
			r = -errno;
	close(fd);
	if (r == 0 && size > max)
		r = -EFBIG;
	if (r < 0) {
		free(text);
		return r;
	}
	*ret = text;
	*ret_size = size;
	return 0;
}

/* ---- room ---- */

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && text_equal(name + n - m, suffix);
}

static int is_bundle(const struct dirent *entry)
{
	return ends_with(entry->d_name, SUFFIX) || ends_with(entry->d_name, HALF);
}

static size_t size_of(int fd, const char *name)
{
	struct stat st;

	return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (size_t) st.st_size : 0;
}

/* The oldest go until `size` more bytes and one more file fit. */
static void make_room(int fd, size_t size, size_t count_max, size_t bytes_max)
{
	struct dirent **entries;
	int n = scandirat(fd, ".", &entries, is_bundle, alphasort);
	size_t bytes = size, count = 1;

	for (int i = 0; i < n; i++) {
		bytes += size_of(fd, entries[i]->d_name);
		count++;
	}
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		if (ends_with(name, HALF) || count > count_max || bytes > bytes_max) {
			bytes -= size_of(fd, name);
			count--;
			(void) unlinkat(fd, name, 0);
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

/* ---- writing ---- */

static int write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		text += n > 0 ? n : 0;
		size -= n > 0 ? (size_t) n : 0;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int write_file(int directory, const char *name, const char *text, size_t size)
{
	char half[BUNDLE_NAME_MAX + sizeof(HALF)];
	int fd, r;

	r = text_format(half, sizeof(half), "%s" HALF, name);
	if (r < 0)
		return r;
	fd = openat(directory, half, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, size);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat(directory, half, directory, name) < 0)
		r = -errno;
	if (r < 0)
		(void) unlinkat(directory, half, 0);
	else if (fsync(directory) < 0)
		r = -errno;
	return r;
}

int bundle_file_write(const char *directory, const char *name, const char *text, size_t size,
	size_t count_max, size_t bytes_max)
{
	int state, fd, r;

	state = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state < 0)
		return -errno;
	r = mkdirat(state, BUNDLE_DIRECTORY, 0700) < 0 && errno != EEXIST ? -errno : 0;
	fd = r < 0 ? -1
		   : openat(state, BUNDLE_DIRECTORY,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		r = r < 0 ? r : -errno;
	close(state);
	if (r < 0)
		return r;
	make_room(fd, size, count_max, bytes_max);
	r = write_file(fd, name, text, size);
	close(fd);
	return r;
}
