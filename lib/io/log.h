/*
 * log - one line per event, with fields: to the journal when $JOURNAL_STREAM says that stderr goes there, otherwise
 * a readable line to stderr ("12:03:44 notice pump-07: 30 % downloaded"), coloured by level on a terminal without NO_COLOR.
 *
 * Text from a modem must be escaped by the caller (text_escape()); a control byte that slips through is shown as '?'. A
 * message over LOG_TEXT_MAX ends in "...". Libraries do not log; the daemon does, from its one thread, and never waits for
 * whoever reads it: see log-writer.h.
 */
#pragma once

#include <stdbool.h>
#include <syslog.h>

#include "base/macros.h"
#include "base/usec.h"

/* A kind of event. Its MESSAGE_ID and its name are one row in log-messages.h (an X-macro: symbol, id, name, what it is). */
#include "io/log-messages.h"

#define LOG_TEXT_MAX 2304 /* bytes; the longest GTOTA line, most of it escaped */

/* The fields of a line; NULL or -1 where there is nothing. */
struct log_fields {
	const char *modem, *port, *imei, *campaign, *job, *phase, *step, *from, *to, *reason;
	int attempt, percent, cme;
	int error; /* errno, positive or negative; 0: none */
};
#define LOG_FIELDS_NONE ((struct log_fields) { .attempt = -1, .percent = -1, .cme = -1 })

/*
 * Looks at $JOURNAL_STREAM, stderr and NO_COLOR once, and starts the thread that writes; before that every line is written
 * at once. level: LOG_ERR ... LOG_DEBUG, the least urgent to show.
 */
void log_open(int level);
void log_flush(usec_t patience); /* waits until all is written, at the end; who does not read is not waited for longer */
void log_set_level(int level);
int log_level(void);
int log_level_by_name(const char *name); /* "err", "warning", "notice", "info", "debug"; -EINVAL */
const char *log_level_name(int level);   /* "err" for LOG_ERR and all that is more urgent */

/*
 * Who else is told what is told, LOG_INFO and more urgent, whatever the level; NULL: nobody. In the caller's own thread,
 * before it goes to the journal; what is told in there is not told again.
 */
typedef void (*log_tap)(int level, enum log_message message, const struct log_fields *fields, const char *text,
	void *userdata);
void log_set_tap(log_tap tap, void *userdata);
bool log_is_wanted(int level); /* does anybody see it? */

/* How many of this kind were logged. */
unsigned long log_message_count(enum log_message message);

/* fields may be NULL. errno is kept. */
void log_event(int level, enum log_message message, const struct log_fields *fields, const char *format, ...)
	PRINTF_LIKE(4, 5);
