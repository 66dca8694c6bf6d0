/*
 * bundle - a failed attempt as one JSON file: what was wanted, what was said, what it ended with; enough to live it once
 * more (core/replay.h), and nothing secret.
 *
 *      daemon --bundle_new()--> struct bundle --bundle_text()--> text --> file   (bundle-writer.h)
 *      file --> text --bundle_parse()--> struct bundle --> .replay
 *
 * The text is versioned: {"version": 1, "fotad": ..., "job": {...}, "modem": {...}, "timeouts": {...}, "profile": {...},
 * "task": {...}, "record": {...}, "verdict": {...}, "trace": {"began": ..., "state": {...}, "entries": [...]}}. Times are
 * microseconds; "began" and those in the state are CLOCK_BOOTTIME, those of the entries count from "began". Bytes are
 * the characters U+0000 to U+00FF. An entry is [time, type] or [time, type, value]; see enum trace_type for the types.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/replay.h"

#define BUNDLE_VERSION     1
#define BUNDLE_FILE_MAX    (1024 * 1024) /* bytes; a trace of TRACE_SIZE makes 150 KiB at the very most */
#define BUNDLE_ENTRIES_MAX 16384
#define BUNDLE_PROBLEM_MAX 256

/* What a bundle is made of; all of it is copied, secrets masked. */
struct bundle_source {
	usec_t written;                     /* CLOCK_REALTIME */
	const char *campaign, *modem, *port, *target;
	const struct upgrade_modem *who;
	const struct timeouts *timeouts;    /* of a module not yet identified */
	const struct upgrade_task *task;    /* NULL: not known */
	const struct upgrade_record *record; /* when the trace began */
	const struct upgrade *upgrade;      /* at the verdict */
	const struct upgrade_notice *verdict;
	const struct trace *trace;
};

struct bundle {
	char fotad[32]; /* version of the daemon */
	usec_t written;
	const char *campaign, *modem, *port, *target;
	struct upgrade_record before, after; /* at the beginning, at the verdict; after: only what is evidence */
	struct identity identity;            /* read last */
	struct evidence evidence;            /* for people; not taken up again */
	struct upgrade_notice verdict;
	uint64_t dropped;                    /* entries that the ring had no room for */
	usec_t began;
	struct upgrade_task task;
	struct trace_state state;
	struct trace_entry *entries;
	struct replay_case replay;           /* points into all this */
	void *blocks;                        /* owns the strings */
};

/* -ENOMEM; -EBADMSG: a trace that cannot be read. */
int bundle_new(const struct bundle_source *source, struct bundle **ret);
struct bundle *bundle_free(struct bundle *b); /* NULL is fine; returns NULL */

/* The file's text, to be freed with free(). -ENOMEM. */
int bundle_text(const struct bundle *b, char **ret, size_t *ret_size);

/* -EBADMSG: ret_problem says why. -ENOMEM. */
int bundle_parse(const char *text, size_t size, struct bundle **ret, char ret_problem[static BUNDLE_PROBLEM_MAX]);

/* The same, from a file; -E as open() and read() say, with ret_problem filled. */
int bundle_load(const char *path, struct bundle **ret, char ret_problem[static BUNDLE_PROBLEM_MAX]);
