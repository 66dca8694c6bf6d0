/*
 * zone-file - time zones by name, from the system's zone files: $TZDIR, or /usr/share/zoneinfo. Changes nothing: no TZ
 * variable, no tzset().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/zone.h"

#define ZONE_NAME_MAX 64 /* with NUL; the longest has 33 bytes */

/* Parts of letters, digits, '+', '-' and '_', between single '/': it never leaves the directory. */
bool zone_file_is_name(const char *name, size_t n);

/*
 * As zone_parse(), and its errors; -EINVAL: no name; -EFBIG: over ZONE_FILE_MAX; else what open() and read() say. "UTC"
 * is there without a file.
 */
int zone_file_load(const char *name, int64_t since, struct zone_change *memory, size_t max, struct zone *ret);

/* For people, after a name: "is not a time zone that this system knows". */
const char *zone_file_error(int error);

/* Calls back with the name of every file that may be one. */
void zone_file_each(void (*callback)(const char *name, void *userdata), void *userdata);
