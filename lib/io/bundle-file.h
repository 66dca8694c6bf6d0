/*
 * bundle-file - the directory of bundles: each file is written as a whole or not at all, and old ones make room.
 */
#pragma once

#include <stddef.h>

#define BUNDLE_DIRECTORY   "bundles" /* in the state directory */
#define BUNDLE_COUNT_MAX   100
#define BUNDLE_BYTES_MAX   ((size_t) 64 * 1024 * 1024)
#define BUNDLE_NAME_MAX    200

/* The whole file, to be freed. -EFBIG: over max; others as open() and read() say. */
int bundle_file_read(const char *path, size_t max, char **ret, size_t *ret_size);

/*
 * Writes DIRECTORY/bundles/NAME: temporary file, fsync, rename, fsync of the directory, which is made when it is not
 * there. Names sort by age: the first ones go until there are at most count_max files of at most bytes_max in all, this
 * one included. What an earlier life left half written goes too.
 */
int bundle_file_write(const char *directory, const char *name, const char *text, size_t size, size_t count_max,
	size_t bytes_max);
