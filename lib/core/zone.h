/*
 * zone - a time zone of the IANA database: what its clocks show at an instant, and when they show a time for the first
 * time. Read from the bytes of a TZif file (RFC 9636): the 64-bit block, then the POSIX TZ rule of its footer.
 *
 *      first offset |  change  |  change  | ... last change in the file | rule of the footer, for ever
 *                       at         at                                     (none: the last offset stays)
 *
 * A zone is immutable and needs no environment: no TZ variable, no tzset(). Seconds are those of CLOCK_REALTIME, whole
 * ones: no zone changes within a second.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"

#define ZONE_CHANGES_MAX 512       /* Asia/Gaza has 308 in all, 194 of them from 2020 on (2025b) */
#define ZONE_FILE_MAX    65536     /* bytes; the longest has 3.9 KiB */
#define ZONE_OFFSET_MAX  (26 * 3600) /* RFC 9636, 3.2: less than 26 hours */

struct zone_change {
	int64_t at;
	int32_t offset; /* from then on, seconds east of Greenwich */
};

/* When in a year clocks change, as POSIX writes it (XBD 8.3, TZ): "M3.5.0/2", "J60", "59". */
struct zone_date {
	enum { ZONE_DATE_WEEKDAY, ZONE_DATE_JULIAN, ZONE_DATE_DAY } kind;
	unsigned month, week, day; /* week 5: the last one. JULIAN counts from 1 and no 29 February, DAY from 0 */
	int32_t time;              /* seconds from midnight by the clock before the change; -167 to 167 hours */
};

struct zone_rule {
	int32_t standard, summer;
	bool has_summer;
	struct zone_date begin, end; /* of summer time */
};

struct zone {
	const char *name;                  /* for people; NULL: it has none */
	const struct zone_change *changes; /* ascending; each changes something */
	size_t n_changes;
	int32_t first;                     /* the offset before the first change */
	bool has_rule;
	struct zone_rule rule;
	int64_t rule_from;                 /* the last change of the file; INT64_MIN: it has none */
};

struct zone_span {
	int64_t begin, end; /* INT64_MIN, INT64_MAX: without */
	int32_t offset;
};

extern const struct zone zone_utc;

/*
 * Parses a file. What changed before `since` is left out: a zone says nothing about the time before. memory: of the
 * caller, for the changes, as long as the zone lives. -EBADMSG: not a TZif file, or a damaged one; -EOPNOTSUPP: of
 * version 1, or with leap seconds ("right/..."); -EMSGSIZE: more than max changes.
 */
int zone_parse(const void *data, size_t size, int64_t since, struct zone_change *memory, size_t max, struct zone *ret);

/* The offset at an instant, and from when until when it holds. Two spans that follow each other may have the same. */
void zone_span(const struct zone *zone, int64_t at, struct zone_span *ret);
int32_t zone_offset(const struct zone *zone, usec_t at);

/*
 * The first second at which the clocks show this local time (days since 1970 * 86400 + seconds of the day) or a later
 * one: of a time that comes twice the first, of one that is skipped the second after the gap.
 */
int64_t zone_first(const struct zone *zone, int64_t local);
