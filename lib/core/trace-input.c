/*
 * What comes from the module, line by line (conduct 12). The dialogue takes bytes in any chunking
 * alike, so a read is stored as its lines.
 */
#include <string.h>

#include "core/at-line-take.h"
#include "core/trace-internal.h"
#include "core/trace-state.h"

#define TAIL_MAX 8 /* bytes of a line's end that are stored */

/* Is a line with a secret in flight, or may its echo still come? */
static bool is_sensitive(const struct dialogue *d)
{
	const struct upgrade *u = &d->upgrade;

	if (u->secret)
		return true;
	if (!upgrade_past_no_return(u))
		return false;
	/* An earlier life of fotad sent the line; what was in it is not known here. */
	if (!u->task)
		return d->channel.state != AT_CHANNEL_BUSY;
	return u->task->request.type == GTOTA_HTTP && strchr(u->task->request.url, '?') &&
	       upgrade_phase(u) == PHASE_DOWNLOADING;
}

static bool is_recognised(const char *line, size_t size)
{
	struct gtota_report report;

	return at_line_kind(line, size) != AT_LINE_OTHER || at_is_unsolicited(line) ||
	       at_is_boot_text(line) || gtota_parse_report(line, &report);
}

static bool is_echo(const struct at_channel *c, const char *line, size_t size)
{
	return c->output_size == size + 1 && memcmp(at_channel_line(c), line, size) == 0;
}

static size_t count_text(const char *data, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++)
		n += data[i] != '\0' && !at_line_is_end(data[i]);
	return n;
}

struct piece {
	const char *data; /* as read: text, or the rest of it, and line ends */
	size_t size;
	size_t before; /* bytes of its line that came earlier */
	size_t text;   /* bytes of its line in data */
	bool ended;
};

static void hide(struct trace *t, const struct piece *p, usec_t now)
{
	trace_append(t, TRACE_HIDDEN, now, (uint64_t) p->text << 1 | p->ended, NULL, 0);
}

/* As read, when the whole of it can be told; else the line alone. */
static size_t raw(const struct piece *p, const struct at_line_buffer *begun, const char *line,
	size_t size, char ret[static TRACE_LINE_MAX])
{
	if (p->before + p->size <= AT_LINE_MAX + TAIL_MAX) {
		memcpy(ret, begun->bytes, p->before);
		memcpy(ret + p->before, p->data, p->size);
		return p->before + p->size;
	}
	memcpy(ret, line, size);
	memcpy(ret + size, "\r\n", 2);
	return size + 2;
}

static void show(struct trace *t, const struct dialogue *d, const struct piece *p,
	const struct at_line_buffer *begun, const char *line, size_t size, usec_t now)
{
	char whole[TRACE_LINE_MAX], shown[TRACE_LINE_MAX];
	size_t n, masked;

	if (is_echo(&d->channel, line, size)) {
		memcpy(whole, line, size);
		memcpy(whole + size, "\r\n", 2);
		n = size + 2;
	} else {
		n = raw(p, begun, line, size, whole);
	}
	masked = trace_mask(d->upgrade.task, whole, n, shown);
	trace_append(t, TRACE_LINE, now, p->before, shown, masked);
	explicit_bzero(whole, n);
}

static void take(struct trace *t, const struct dialogue *d, struct at_line_buffer *b,
	struct piece *p, usec_t now)
{
	struct at_line_buffer begun; /* not cleared: half a kilobyte for each line */
	size_t size = 0;
	char *line;

	begun.size = b->size;
	begun.skipping = false;
	memcpy(begun.bytes, b->bytes, b->size);
	p->before = b->size;
	(void) at_line_take(b, p->data, p->size, &line, &size);
	if (!line && !p->ended && p->text == 0)
		return; /* NULs only, which are passed over */
	if (line && !is_echo(&d->channel, line, size))
		size = at_line_trim(line, size);
	if (line &&
		(!is_sensitive(d) || is_recognised(line, size) || is_echo(&d->channel, line, size)))
		show(t, d, p, &begun, line, size, now);
	else if (p->text > 0 || p->before > 0 || !p->ended)
		hide(t, p, now);
	explicit_bzero(begun.bytes, begun.size);
}

void trace_input(
	struct trace *t, const struct dialogue *d, const char *data, size_t size, usec_t now)
{
	struct at_line_buffer b;
	const char *end = data + size;

	trace_prepare(t, d, now);
	b.size = d->channel.line.size;
	b.skipping = d->channel.line.skipping;
	memcpy(b.bytes, d->channel.line.bytes, b.size);
	while (data < end) {
		const char *p = at_line_is_begun(&b) ? data : at_line_skip_ends(data, end);
		struct piece piece = { .data = data };
		const char *text_end = at_line_skip_text(p, end);

		p = at_line_skip_ends(text_end, end);
		piece.size = (size_t) (p - data);
		piece.text = count_text(data, piece.size);
		piece.ended = p > text_end;
		take(t, d, &b, &piece, now);
		data = p;
	}
	explicit_bzero(b.bytes, sizeof(b.bytes));
}
