/*
 * log-writer - the log's own thread: what the loop says is written there, because a reader that stalls (a pipe, a
 * terminal that was stopped, a journal whose socket is full) blocks whoever writes, and the loop must not (conduct 14).
 *
 *      log_event() --> records, in order --> [ filling ]  swap  [ being written ] --> write(), which may block
 *                 `--> write_now(), which never does, as long as nothing waits
 *
 * What finds no room is counted and said afterwards. What still lies here when the process crashes is lost.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/usec.h"

#define LOG_BACKLOG_MAX (1024 * 1024) /* bytes, twice: every modem of a large fleet says something at once */

struct log_output {
	void (*write)(const void *record, size_t size); /* one of log_writer_add(), aligned for anything */
	bool (*write_now)(const void *record, size_t size); /* false: not without waiting, nothing is written; NULL: never */
	void (*say_lost)(unsigned lines);               /* so many were lost before what is written next */
};

/* output must outlive the process. The thread starts with the first line that does not find room at once. */
void log_writer_open(const struct log_output *output);

/* false: there is no thread, and none can be had, so the caller writes for himself. */
bool log_writer_add(const void *record, size_t size);

/* Waits until all is written, but not longer than so. */
void log_writer_flush(usec_t patience);
