#include "core/trace-state.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "core/upgrade-internal.h"

/* ---- numbers and strings as bytes ---- */

struct writer {
	unsigned char *p, *end;
	bool full;
};

static void put_number(struct writer *w, uint64_t value)
{
	do {
		if (w->p == w->end) {
			w->full = true;
			return;
		}
		*w->p++ = (unsigned char) ((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		value >>= 7;
	} while (value > 0);
}

static void put_bytes(struct writer *w, const char *data, size_t size)
{
	put_number(w, size);
	if (w->full || (size_t) (w->end - w->p) < size) {
		w->full = true;
		return;
	}
	memcpy(w->p, data, size);
	w->p += size;
}

struct reader {
	const unsigned char *p, *end;
	bool bad;
};

static uint64_t get_number(struct reader *r)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (r->p == r->end)
			break;
		value |= (uint64_t) (*r->p & 0x7f) << shift;
		if (!(*r->p++ & 0x80))
			return value;
	}
	r->bad = true;
	return 0;
}

/* Into an array of `size`; ret_size NULL: with its NUL. */
static void get_bytes(struct reader *r, char *ret, size_t size, size_t *ret_size)
{
	uint64_t n = get_number(r);

	if (r->bad || n > (uint64_t) (r->end - r->p) || n > size - (ret_size ? 0 : 1)) {
		r->bad = true;
		return;
	}
	memcpy(ret, r->p, n);
	r->p += n;
	if (ret_size)
		*ret_size = n;
	else
		ret[n] = '\0';
}

/* ---- fields ---- */

/* size_t has 32 bits on some gateways. */
static uint64_t load(const char *at, size_t size)
{
	uint64_t number;
	uint32_t word;

	if (size == sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		return word;
	}
	memcpy(&number, at, sizeof(number));
	return number;
}

static void keep(char *at, size_t size, uint64_t number)
{
	uint32_t word = (uint32_t) number;

	memcpy(at, size == sizeof(word) ? (void *) &word : (void *) &number, size);
}

static void put_field(struct writer *w, const struct trace_field *f, const char *at)
{

	switch (f->kind) {
	case TRACE_TEXT:
		put_bytes(w, at, strlen(at));
		return;
	case TRACE_BOOL:
		put_number(w, *(const bool *) at);
		return;
	case TRACE_LONG:
	case TRACE_TIME:
		put_number(w, load(at, f->size) + 1); /* "never" is one byte */
		return;
	case TRACE_COUNT:
	case TRACE_INT:
	case TRACE_STEP:
	case TRACE_REASON:
	case TRACE_OUTCOME:
	case TRACE_CHANNEL:
	case TRACE_EXPECT:
		put_number(w, load(at, f->size));
	}
}

static void get_field(struct reader *r, const struct trace_field *f, char *at)
{
	uint64_t number;

	if (f->kind == TRACE_TEXT) {
		get_bytes(r, at, f->size, NULL);
		return;
	}
	number = get_number(r);
	switch (f->kind) {
	case TRACE_TEXT:
		return;
	case TRACE_BOOL:
		*(bool *) at = number != 0;
		return;
	case TRACE_LONG:
	case TRACE_TIME:
		keep(at, f->size, number - 1);
		return;
	case TRACE_COUNT:
	case TRACE_INT:
	case TRACE_STEP:
	case TRACE_REASON:
	case TRACE_OUTCOME:
	case TRACE_CHANNEL:
	case TRACE_EXPECT:
		keep(at, f->size, number);
	}
}

static const char *or_empty(const char *text)
{
	return text ?: "";
}

int trace_state_encode(const struct dialogue *d, unsigned char *ret, size_t size, size_t *ret_size)
{
	const struct at_channel *c = &d->channel;
	struct writer w = { .p = ret, .end = ret + size };
	const char *prefix = c->expect == AT_EXPECT_PREFIX ? c->prefix : NULL;
	char line[TRACE_LINE_MAX];
	size_t masked = trace_mask(d->upgrade.task, at_channel_line(c), c->output_size, line);
	size_t n = trace_mask_done(c->output_done, c->output_size, masked);

	for (const struct trace_field *f = trace_state_fields; f->name; f++)
		put_field(&w, f,
			f->offset == offsetof(struct dialogue, channel.output_done)
				? (const char *) &n
				: (const char *) d + f->offset);
	put_number(&w, d->upgrade.task != NULL);
	put_bytes(&w, d->upgrade.profile ? d->upgrade.profile->name : "",
		d->upgrade.profile ? strlen(d->upgrade.profile->name) : 0);
	put_bytes(&w, or_empty(d->upgrade.prefix), strlen(or_empty(d->upgrade.prefix)));
	put_bytes(&w, or_empty(prefix), strlen(or_empty(prefix)));
	put_bytes(&w, line, masked);
	n = trace_mask(d->upgrade.task, c->text, c->text_size, line);
	put_bytes(&w, line, n < AT_TEXT_MAX ? n : AT_TEXT_MAX);
	if (w.full)
		return -EMSGSIZE;
	*ret_size = (size_t) (w.p - ret);
	return 0;
}

int trace_state_decode(const unsigned char *data, size_t size, struct trace_state *ret)
{
	struct reader r = { .p = data, .end = data + size };
	struct at_channel *c = &ret->dialogue.channel;

	memset(ret, 0, sizeof(*ret));
	for (const struct trace_field *f = trace_state_fields; f->name; f++)
		get_field(&r, f, (char *) &ret->dialogue + f->offset);
	ret->task = get_number(&r) != 0;
	get_bytes(&r, ret->profile, sizeof(ret->profile), NULL);
	get_bytes(&r, ret->prefix[0], sizeof(ret->prefix[0]), NULL);
	get_bytes(&r, ret->prefix[1], sizeof(ret->prefix[1]), NULL);
	get_bytes(&r, ret->output, sizeof(ret->output), &c->output_size);
	get_bytes(&r, c->text, AT_TEXT_MAX, &c->text_size);
	if (r.bad || c->line.size > AT_LINE_MAX)
		return -EBADMSG;
	memset(c->line.bytes, 'x', c->line.size);
	return 0;
}

/* ---- back into a dialogue ---- */

static bool channel_is_possible(const struct at_channel *c, const char *prefix)
{
	return trace_kind_name(TRACE_CHANNEL, (int) c->state) &&
	       trace_kind_name(TRACE_EXPECT, (int) c->expect) && c->line.size <= AT_LINE_MAX &&
	       c->text_size <= AT_TEXT_MAX && c->output_size <= AT_COMMAND_MAX &&
	       c->output_done <= c->output_size && c->probe_left <= 3 &&
	       (c->expect != AT_EXPECT_PREFIX || prefix[0]);
}

/* What the steps take for granted of those that led to them. */
static bool upgrade_is_possible(const struct upgrade *u)
{
	const struct step *row = &upgrade_steps[u->step];
	bool attempt = row->phase == PHASE_PREPARING || u->step == STEP_START;
	bool network = u->step == STEP_NETWORK || u->step == STEP_NETWORK_AGAIN ||
		       (upgrade_is_checking(u) && u->step != STEP_CHECK_PDP_OPEN);
	bool locking = u->step >= STEP_RAT_READ && u->step <= STEP_NETWORK_AGAIN;

	if ((attempt || upgrade_is_checking(u)) && (!u->task || !u->profile))
		return false;
	if (u->awaited && !row->save)
		return false;
	if (network && !u->prefix)
		return false;
	return !locking || !row->skip(u);
}

int trace_state_apply(const struct trace_state *state, const struct upgrade_task *task,
	const struct profile *profile, struct dialogue *d)
{
	struct upgrade *u = &d->upgrade;
	const struct upgrade_modem *modem = u->modem;
	const struct timeouts *timeouts = u->timeouts;
	struct dialogue_box *box = d->box;
	struct evidence *evidence = u->evidence;
	char *room = d->channel.room;

	if ((state->task && !task) || (state->profile[0] && !profile) ||
		!trace_kind_name(TRACE_STEP, state->dialogue.upgrade.step))
		return -EINVAL;
	*d = state->dialogue;
	d->box = box;
	d->trace = NULL;
	u->modem = modem;
	u->evidence = evidence;
	u->timeouts = timeouts;
	u->task = state->task ? task : NULL;
	u->profile = state->profile[0] ? profile : NULL;
	u->prefix = state->prefix[0][0] ? state->prefix[0] : NULL;
	u->out = NULL;
	d->channel.prefix = state->prefix[1];
	if (!channel_is_possible(&d->channel, state->prefix[1]) || !upgrade_is_possible(u))
		return -EINVAL;
	return at_channel_put(&d->channel, room, state->output);
}
