/*
 * From a trace to what can be replayed: a state, and calls and effects with every line put together
 * that came in parts.
 */
#include <errno.h>
#include <string.h>

#include "core/replay.h"

static size_t text_size(const struct trace_entry *line)
{
	size_t n = line->size;

	while (n > 0 && (line->data[n - 1] == '\r' || line->data[n - 1] == '\n'))
		n--;
	return n;
}

/*
 * Gives the earlier reads of a line their part of it. Where it is masked it may be shorter than
 * they were: what is left over of them is nothing.
 */
static void join(struct trace_entry *first, struct trace_entry *line, struct at_line_buffer *begun)
{
	size_t left = text_size(line), n;

	if (left > line->number)
		left = line->number;
	if (begun) {
		n = begun->size < left ? begun->size : left;
		memcpy(begun->bytes, line->data, n);
		begun->size = n;
		line->data += n;
		line->size -= n;
		left -= n;
	}
	for (struct trace_entry *e = first; e < line; e++) {
		if (e->type != TRACE_HIDDEN)
			continue;
		n = e->number / 2 < left ? e->number / 2 : left;
		*e = (struct trace_entry){
			.type = TRACE_LINE, .at = e->at, .data = line->data, .size = n
		};
		line->data += n;
		line->size -= n;
		left -= n;
	}
	line->number = 0;
}

int replay_load(const struct trace *t, size_t from, struct trace_state *ret_state,
	struct trace_entry *ret, usec_t *ret_began, size_t *ret_n)
{
	/* The line that comes next began before the trace; NULL: no more. */
	struct at_line_buffer *begun = &ret_state->dialogue.channel.line;
	struct trace_entry entry;
	size_t position = from, first = 0, n = 0;
	usec_t at = 0;

	if (!trace_next(t, &position, &at, &entry) || entry.type != TRACE_STATE ||
		trace_state_decode((const unsigned char *) entry.data, entry.size, ret_state) < 0)
		return -EBADMSG;
	*ret_began = at;
	while (trace_next(t, &position, &at, &entry)) {
		bool port = entry.type == TRACE_OPENED || entry.type == TRACE_LOST;
		bool ended = entry.type == TRACE_HIDDEN && entry.number % 2;

		if (entry.type == TRACE_STATE)
			continue;
		ret[n] = entry;
		if (entry.type == TRACE_LINE && entry.number > 0)
			join(ret + first, &ret[n], begun);
		n++;
		if (entry.type == TRACE_LINE || ended || port) {
			first = n;
			begun = NULL;
		}
	}
	*ret_n = n;
	return 0;
}
