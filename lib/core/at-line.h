/*
 * at-line - a line on its way in, and what kind of line it is, judged by the line alone. Whether a
 * final result code belongs to anything is the channel's to know; how bytes become lines stands in
 * at-line-take.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define AT_LINE_MAX 320 /* longest line taken from a module; no documented answer has 300 bytes */

/* A line on its way in; all zero: nothing came yet. */
struct at_line_buffer {
	size_t size;
	bool skipping; /* the line is too long: its rest is dropped with its beginning */
	char bytes[AT_LINE_MAX + 1];
};

/* Is there a beginning without an end? */
static inline bool at_line_is_begun(const struct at_line_buffer *b)
{
	return b->size > 0 || b->skipping;
}

enum at_line {
	AT_LINE_OTHER,   /* information text, an unsolicited result code, an echo */
	AT_LINE_OK,
	AT_LINE_ERROR,   /* ERROR, +CME ERROR:, +CMS ERROR:, COMMAND NOT SUPPORT, MODEM ERROR, NA */
	AT_LINE_CALL,    /* NO CARRIER, BUSY ...: a final result code, or the end of somebody's call */
	AT_LINE_NUMERIC, /* one digit, as with ATV0: 0 is OK, the others say that it went wrong */
};

/* A line that begins with a byte of a final result code; size is strlen(line), not 0. */
enum at_line at_line_final_kind(const char *line, size_t size);

/* Every report of a download passes here: most lines are told by their first byte. */
static inline enum at_line at_line_kind(const char *line, size_t size)
{
	switch (line[0]) {
	case '+':
	case 'B':
	case 'C':
	case 'E':
	case 'M':
	case 'N':
	case 'O':
		return at_line_final_kind(line, size);
	default:
		return line[0] >= '0' && line[0] <= '9' ? at_line_final_kind(line, size)
							: AT_LINE_OTHER;
	}
}

/* A report of AT+GTOTA in any spelling? `+GTOTA: <type>,...`, the answer to AT+GTOTA=?, is none. */
bool at_line_is_gtota(const char *line);
