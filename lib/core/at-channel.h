/*
 * at-channel - one AT command channel, in the words of ITU-T V.250 and 3GPP TS 27.007.
 *
 *      caller's fd --bytes--> at_channel_feed() --events--> caller
 *      caller's fd <--bytes-- at_channel_output() <------- at_channel_send()
 *
 * A pure object with fixed memory. The caller owns the descriptor and the timer: it feeds what it
 * read, writes what at_channel_output() shows, and calls at_channel_advance() when
 * at_channel_deadline() has come. No function calls back; events are pulled one at a time.
 *
 * One command is in flight at most. Its answer is [echo] [information text] final result code
 * (V.250, 5.7). A line that belongs to no command is an unsolicited result code, also when it
 * arrives between command and answer. After a time-out the channel synchronises again (probe "AT",
 * drain, a quiet time) before it is ready, so that a late answer is never taken for the next
 * command's. Lines over AT_LINE_MAX are dropped whole, never cut; NULs are skipped; CR, LF, CR LF
 * and CR CR LF all end a line; an echo is what equals the line sent, nothing else (L610 boots with
 * "AT command ready"). The same bytes in any chunking give the same events.
 *
 *      CLOSED --sync--> PROBING --final result code--> QUIET --silence--> IDLE --send--> BUSY
 *         ^                |  ^                          |                 ^               |
 *         +---- MUTE ------+  +--------------------------|-- TIMEOUT ------|---------------+
 *                                                        +---- READY ------+-- OK, ERROR --+
 *
 * Lines over AT_SHORT_MAX are rare, and a fleet is large: for them the caller lends room while an attempt runs.
 *
 * A line that was begun is always written to its end, whatever happens meanwhile: its rest would
 * otherwise be glued to the next line (conduct 1). A final result code that arrives before the last
 * byte of a line was written belongs to something older.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/usec.h"
#include "core/at-line.h"

#define AT_COMMAND_MAX 1044 /* longest GTOTA line by its fields: 11 + 4 * 257 + 3 and CR */
#define AT_SHORT_MAX   64  /* longest line, with CR, that needs no room of the caller's */
#define AT_TEXT_MAX    320  /* information text of one answer, its lines joined by '\n'; the longest known has 200 */

#define AT_SYNC_TRIES   3           /* probes before a port is called mute */
#define AT_SYNC_TIMEOUT (2 * SEC)   /* for the answer to one probe */
#define AT_QUIET_SHORT  (100 * MSEC) /* silence wanted when every command was answered */
#define AT_QUIET_LONG   (1 * SEC)   /* silence wanted when an answer may still be on its way */
#define AT_QUIET_MAX    (5 * SEC)   /* some modules are never silent: then ready anyway */

/* What information text does this command have? */
enum at_expect {
	AT_EXPECT_NOTHING, /* only a final result code; every other line is unsolicited */
	AT_EXPECT_PREFIX,  /* lines that begin with command.prefix, e.g. "+CPIN:" */
	AT_EXPECT_TEXT,    /* free text, e.g. AT+CGMR: every line that at_is_unsolicited() does not know */
};

enum at_event_type {
	AT_EVENT_NONE,
	AT_EVENT_OK,          /* final result code OK; text is the information text */
	AT_EVENT_ERROR,       /* ERROR, +CME ERROR, +CMS ERROR ...; text is that line */
	AT_EVENT_TIMEOUT,     /* no final result code in time; synchronisation has begun */
	AT_EVENT_READY,       /* synchronised */
	AT_EVENT_MUTE,        /* synchronisation was given up: nobody answers */
	AT_EVENT_UNSOLICITED, /* text is the line */
};

struct at_event {
	enum at_event_type type;
	const char *text; /* owned by the channel, valid until its next call; "" if none, never NULL */
	size_t size;      /* strlen(text) */
};

struct at_command {
	const char *line;      /* without CR; printable ASCII, begins with "AT"; copied */
	enum at_expect expect;
	const char *prefix;    /* with AT_EXPECT_PREFIX; must outlive the command */
	usec_t timeout;        /* for the final result code, from the send; or USEC_INFINITY */
};

enum at_channel_state {
	AT_CHANNEL_CLOSED,  /* not synchronised, nothing is done */
	AT_CHANNEL_PROBING, /* "AT" is out, an answer is awaited */
	AT_CHANNEL_QUIET,   /* answered; silence is awaited */
	AT_CHANNEL_IDLE,
	AT_CHANNEL_BUSY,    /* one command in flight */
};

struct at_channel {
	enum at_channel_state state;
	enum at_expect expect;
	const char *prefix;
	usec_t timeout;       /* absolute, of the command or the probe */
	usec_t quiet_since;   /* the last sign of a late answer */
	usec_t quiet_end;     /* AT_QUIET_MAX is over */
	unsigned tries;       /* further probes */
	unsigned unanswered;  /* lines written to their end whose final result code is still owed */
	unsigned probe_left;  /* bytes of the probe still to be written */
	bool echoed;          /* the echo of the line in flight was seen */
	bool text_lost;       /* information text did not fit: the answer is reported without text */
	bool in_room;         /* the last line lies in the caller's room, not in `output` */
	struct at_line_buffer line;
	size_t text_size, output_size, output_done;
	char text[AT_TEXT_MAX + 1];
	char *room;                /* AT_COMMAND_MAX bytes of the caller's; NULL: none */
	char output[AT_SHORT_MAX]; /* the last line, with CR; kept to know its echo, then wiped */
};

/* A closed channel without room. */
void at_channel_init(struct at_channel *c);

/* The port was opened or lost: forgets everything of its earlier life but the room. */
void at_channel_reset(struct at_channel *c);

/*
 * Room for long lines: AT_COMMAND_MAX bytes of the caller's, until at_channel_reclaim() says true. It says false while
 * a line in it is not yet written to its end, or not answered. A line is wiped when it is not needed any more.
 */
void at_channel_lend(struct at_channel *c, char *room);
bool at_channel_reclaim(struct at_channel *c);

/*
 * Begins to synchronise: at most tries probes (at least one), then AT_EVENT_MUTE; else
 * AT_EVENT_READY. Gives up a command in flight (no event for it); of a command of which nothing was
 * written nothing will be. An ERROR to the probe is as good as OK (conduct 1).
 */
void at_channel_sync(struct at_channel *c, unsigned tries, usec_t now);

/* -EBUSY: not idle. -EINVAL: not a command line. -EMSGSIZE: over AT_COMMAND_MAX or, without room, AT_SHORT_MAX. */
int at_channel_send(struct at_channel *c, const struct at_command *command, usec_t now);

/* Takes bytes until one event is complete; returns how many. Call until all are taken. */
size_t at_channel_feed(
	struct at_channel *c, const char *data, size_t size, usec_t now, struct at_event *ret);

/* When at_channel_advance() wants to be called; USEC_INFINITY: not at all. */
usec_t at_channel_deadline(const struct at_channel *c);
void at_channel_advance(struct at_channel *c, usec_t now, struct at_event *ret);

/* A replay begins with a line in the channel: output_size bytes. -EMSGSIZE: there is no room for it. */
int at_channel_put(struct at_channel *c, char *room, const char *line);

/* The last line, output_size bytes of it. */
static inline const char *at_channel_line(const struct at_channel *c)
{
	return c->in_room ? c->room : c->output;
}

/* Bytes to write now (0: none); at_channel_written() says how many were. */
size_t at_channel_output(const struct at_channel *c, const char **ret);
void at_channel_written(struct at_channel *c, size_t size);

/* Is this line one that modules of this family are known to send unasked, boot text among them? */
bool at_is_unsolicited(const char *line);

/* Does this line say that the module has just started ("AT command ready", "RDY", "+SIM READY")? */
bool at_is_boot_text(const char *line);
