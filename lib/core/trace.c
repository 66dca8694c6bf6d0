#include "core/trace-internal.h"

#include <errno.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "core/trace-state.h"

#define HEADER_MAX 24 /* type, time, number and length */

/* ---- entries as bytes: type, time since the one before, number, length, data ---- */

static size_t put_number(unsigned char *p, uint64_t value)
{
	size_t n = 0;

	for (; value > 0x7f; value >>= 7)
		p[n++] = (unsigned char) (value & 0x7f) | 0x80;
	p[n++] = (unsigned char) value;
	return n;
}

static uint64_t get_number(const unsigned char **p)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		value |= (uint64_t) (**p & 0x7f) << shift;
		if (!(*(*p)++ & 0x80))
			break;
	}
	return value;
}

/* The callers' times need not be in order: two sources of events may have looked at the clock one
 * after the other. */
static uint64_t fold(int64_t value)
{
	return (uint64_t) value << 1 ^ (uint64_t) (value < 0 ? -1 : 0);
}

static int64_t unfold(uint64_t value)
{
	return (int64_t) (value >> 1) ^ -(int64_t) (value & 1);
}

void trace_append(struct trace *t, enum trace_type type, usec_t now, uint64_t number,
	const char *data, size_t size)
{
	unsigned char header[2 * HEADER_MAX];
	size_t n = 1;

	header[0] = (unsigned char) type;
	n += put_number(header + n, fold((int64_t) (now - t->last)));
	n += put_number(header + n, number);
	n += put_number(header + n, size);
	if (t->full || t->size - t->used < n + size) {
		t->full = true;
		return;
	}
	memcpy(t->data + t->used, header, n);
	if (size > 0)
		memcpy(t->data + t->used + n, data, size);
	t->used += n + size;
	t->last = now;
}

bool trace_next(const struct trace *t, size_t *position, usec_t *at, struct trace_entry *ret)
{
	const unsigned char *p = t->data + *position;

	if (*position >= t->used)
		return false;
	ret->type = (enum trace_type) * p++;
	*at += (usec_t) unfold(get_number(&p));
	ret->number = get_number(&p);
	ret->size = get_number(&p);
	ret->data = (const char *) p;
	if (ret->type == TRACE_STATE) /* the one before may have been dropped */
		*at = ret->number;
	ret->at = *at;
	*position = (size_t) (p - t->data) + ret->size;
	return true;
}

/* ---- room ---- */

static void put_state(struct trace *t, const struct dialogue *d, usec_t now)
{
	unsigned char state[TRACE_STATE_MAX];
	size_t size;

	if (trace_state_encode(d, state, sizeof(state), &size) < 0)
		return; /* cannot be: TRACE_STATE_MAX is more than its parts */
	t->state = t->used;
	trace_append(t, TRACE_STATE, now, now, (const char *) state, size);
	explicit_bzero(state, sizeof(state));
}

static void start_over(struct trace *t, const struct dialogue *d, usec_t now)
{
	t->used = 0;
	t->last = now;
	t->full = false;
	put_state(t, d, now);
}

/* Drops what stands before the second STATE; false: there is none. */
static bool drop_oldest(struct trace *t)
{
	struct trace_entry entry;
	size_t position = 0, from = 0;
	usec_t at = 0;

	for (uint64_t n = 0; trace_next(t, &position, &at, &entry); n++, from = position)
		if (n > 0 && entry.type == TRACE_STATE) {
			memmove(t->data, t->data + from, t->used - from);
			t->used -= from;
			t->state -= from;
			t->dropped += n;
			return true;
		}
	return false;
}

/* Before a call: room for what it may say (a read of a port and its echoes), and a new STATE when
 * the last is long ago. */
void trace_prepare(struct trace *t, const struct dialogue *d, usec_t now)
{
	size_t reserve = t->size / 3 + HEADER_MAX;

	/* What it had done but not yet said would be lost on a replay from here. */
	if (d->box->n_notices > 0 || d->save)
		return;
	if (!t->full && t->used - t->state > t->size / 4)
		put_state(t, d, now);
	while (!t->full && t->size - t->used < reserve && drop_oldest(t))
		;
	if (t->full || t->size - t->used < reserve) {
		t->dropped++;
		start_over(t, d, now);
	}
}

void trace_begin(struct trace *t, void *memory, size_t size, const struct dialogue *d, usec_t now)
{
	*t = (struct trace){ .data = memory, .size = size };
	start_over(t, d, now);
}

/* ---- what the dialogue tells ---- */

void trace_call(struct trace *t, const struct dialogue *d, enum trace_type type, uint64_t number,
	usec_t now)
{
	trace_prepare(t, d, now);
	trace_append(t, type, now, number, NULL, 0);
}

void trace_effect(struct trace *t, enum trace_type type, uint64_t number)
{
	trace_append(t, type, t->last, number, NULL, 0);
}

void trace_output(struct trace *t, const struct dialogue *d, size_t size, usec_t now)
{
	const struct at_channel *c = &d->channel;
	char line[TRACE_LINE_MAX];
	const char *data = NULL;
	size_t from = 0, to;

	trace_prepare(t, d, now);
	to = dialogue_output(d, &data);
	if (size < to)
		to = size;
	if (c->output_done < c->output_size) {
		size_t masked = trace_mask(d->upgrade.task, at_channel_line(c), c->output_size, line);

		from = trace_mask_done(c->output_done, c->output_size, masked);
		to = trace_mask_done(c->output_done + to, c->output_size, masked);
		data = line;
	}
	if (data && to > from)
		trace_append(t, TRACE_OUTPUT, now, 0, data + from, to - from);
}

uint64_t trace_verdict(const struct upgrade_notice *notice)
{
	return (uint64_t) notice->outcome | (uint64_t) notice->reason << 8 |
	       fold(notice->cme) << 16;
}

struct upgrade_notice trace_read_verdict(uint64_t number)
{
	return (struct upgrade_notice){
		.type = NOTICE_VERDICT,
		.outcome = (enum upgrade_outcome)(number & 0xff),
		.reason = (enum reason)(number >> 8 & 0xff),
		.cme = (int) unfold(number >> 16),
	};
}

static const char *const names[_TRACE_MAX] = {
	[TRACE_STATE] = "state",
	[TRACE_OPENED] = "opened",
	[TRACE_LOST] = "lost",
	[TRACE_LINE] = "in",
	[TRACE_HIDDEN] = "hidden",
	[TRACE_GO] = "go",
	[TRACE_RESTORE] = "restore",
	[TRACE_CANCEL] = "cancel",
	[TRACE_SAVED] = "saved",
	[TRACE_SAVE_FAILED] = "save-failed",
	[TRACE_ADVANCE] = "advance",
	[TRACE_SAVE] = "save",
	[TRACE_OUTPUT] = "out",
	[TRACE_VERDICT] = "verdict",
};

const char *trace_type_name(enum trace_type type)
{
	return names[type];
}

int trace_type_by_name(const char *name)
{
	for (int i = 0; i < _TRACE_MAX; i++)
		if (text_equal(names[i], name))
			return i;
	return -EINVAL;
}
