#include "core/at-channel.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "core/at-line.h"
#include "core/at-line-take.h"

static const char probe[] = "AT\r";

#define PROBE_SIZE (sizeof(probe) - 1)

static inline struct at_event event(enum at_event_type type, const char *text, size_t size)
{
	return (struct at_event){ .type = type, .text = text, .size = size };
}

/* ---- writing ---- */

static char *output(struct at_channel *c)
{
	return c->in_room ? c->room : c->output;
}

static bool is_written(const struct at_channel *c)
{
	return c->output_done == c->output_size;
}

/* A line of which a part is out, and the rest must follow before anything else. */
static bool is_torn(const struct at_channel *c)
{
	return (c->output_done > 0 && !is_written(c)) ||
	       (c->probe_left > 0 && c->probe_left < PROBE_SIZE);
}

/* A line may hold a password. */
static void forget_output(struct at_channel *c)
{
	explicit_bzero(output(c), c->output_size);
	c->output_size = c->output_done = 0;
	c->in_room = false;
}

static void forget_untouched(struct at_channel *c)
{
	if (c->output_done == 0)
		forget_output(c);
	if (c->probe_left == PROBE_SIZE)
		c->probe_left = 0;
}

size_t at_channel_output(const struct at_channel *c, const char **ret)
{
	if (!is_written(c)) {
		*ret = at_channel_line(c) + c->output_done;
		return c->output_size - c->output_done;
	}
	*ret = probe + PROBE_SIZE - c->probe_left;
	return c->probe_left;
}

void at_channel_written(struct at_channel *c, size_t size)
{
	if (size == 0)
		return;
	if (!is_written(c)) {
		size_t left = c->output_size - c->output_done;

		c->output_done += size < left ? size : left;
		c->unanswered += is_written(c);
	} else if (c->probe_left > 0) {
		c->probe_left -= size < c->probe_left ? (unsigned) size : c->probe_left;
		c->unanswered += c->probe_left == 0;
	}
}

void at_channel_init(struct at_channel *c)
{
	explicit_bzero(c, sizeof(*c));
}

void at_channel_reset(struct at_channel *c)
{
	char *room = c->room;

	forget_output(c);
	at_channel_init(c);
	c->room = room;
}

void at_channel_lend(struct at_channel *c, char *room)
{
	c->room = room;
}

bool at_channel_reclaim(struct at_channel *c)
{
	if (c->in_room)
		return false;
	c->room = NULL;
	return true;
}

int at_channel_put(struct at_channel *c, char *room, const char *line)
{
	if (c->output_size > (room ? AT_COMMAND_MAX : AT_SHORT_MAX))
		return -EMSGSIZE;
	c->room = room;
	c->in_room = c->output_size > AT_SHORT_MAX;
	memcpy(output(c), line, c->output_size);
	return 0;
}

static bool is_command_line(const char *line, size_t size)
{
	return text_starts_with_nocase(line, "AT") && text_is_printable(line, size);
}

int at_channel_send(struct at_channel *c, const struct at_command *command, usec_t now)
{
	size_t size = strlen(command->line);

	if (c->state != AT_CHANNEL_IDLE)
		return -EBUSY;
	if (!is_command_line(command->line, size) ||
		(command->expect == AT_EXPECT_PREFIX && !command->prefix))
		return -EINVAL;
	if (size + 1 > (c->room ? AT_COMMAND_MAX : AT_SHORT_MAX))
		return -EMSGSIZE;
	c->in_room = size + 1 > AT_SHORT_MAX;
	/* No LF behind the CR: a byte after the line may abort the command (protocol, 8.1). */
	memcpy(output(c), command->line, size);
	output(c)[size] = '\r';
	c->output_size = size + 1;
	c->output_done = 0;
	c->echoed = c->text_lost = false;
	c->text_size = 0;
	c->expect = command->expect;
	c->prefix = command->prefix;
	c->timeout = usec_add(now, command->timeout);
	c->state = AT_CHANNEL_BUSY;
	return 0;
}

/* ---- synchronising ---- */

static void send_probe(struct at_channel *c, usec_t now)
{
	c->state = AT_CHANNEL_PROBING;
	c->timeout = usec_add(now, AT_SYNC_TIMEOUT);
	if (c->probe_left == 0) /* else the one before is still waiting for the port */
		c->probe_left = PROBE_SIZE;
}

void at_channel_sync(struct at_channel *c, unsigned tries, usec_t now)
{
	forget_untouched(c);
	c->tries = tries > 0 ? tries - 1 : 0;
	send_probe(c, now);
}

static void begin_quiet(struct at_channel *c, usec_t now)
{
	c->state = AT_CHANNEL_QUIET;
	c->quiet_since = now;
	c->quiet_end = usec_add(now, AT_QUIET_MAX);
	forget_untouched(c);
}

/* Half a line may be half an answer. */
static usec_t quiet_deadline(const struct at_channel *c)
{
	bool expecting = c->unanswered > 0 || at_line_is_begun(&c->line);

	return usec_min(
		usec_add(c->quiet_since, expecting ? AT_QUIET_LONG : AT_QUIET_SHORT), c->quiet_end);
}

static void probe_again(struct at_channel *c, usec_t now, struct at_event *ret)
{
	if (c->tries > 0) {
		c->tries--;
		send_probe(c, now);
		return;
	}
	c->state = AT_CHANNEL_CLOSED;
	forget_untouched(c);
	*ret = event(AT_EVENT_MUTE, "", 0);
}

static void end_quiet(struct at_channel *c, usec_t now, struct at_event *ret)
{
	/* A torn line will be answered when its rest is out: not to be taken for a command's. */
	if (is_torn(c)) {
		probe_again(c, now, ret);
		return;
	}
	c->state = AT_CHANNEL_IDLE;
	c->unanswered = 0;
	forget_output(c);
	*ret = event(AT_EVENT_READY, "", 0);
}

usec_t at_channel_deadline(const struct at_channel *c)
{
	switch (c->state) {
	case AT_CHANNEL_CLOSED:
	case AT_CHANNEL_IDLE:
		return USEC_INFINITY;
	case AT_CHANNEL_PROBING:
	case AT_CHANNEL_BUSY:
		return c->timeout;
	case AT_CHANNEL_QUIET:
		return quiet_deadline(c);
	}
	return USEC_INFINITY;
}

void at_channel_advance(struct at_channel *c, usec_t now, struct at_event *ret)
{
	usec_t deadline = at_channel_deadline(c);

	*ret = event(AT_EVENT_NONE, "", 0);
	if (deadline == USEC_INFINITY || now < deadline)
		return;
	switch (c->state) {
	case AT_CHANNEL_CLOSED:
	case AT_CHANNEL_IDLE:
		break;
	case AT_CHANNEL_PROBING:
		probe_again(c, now, ret);
		break;
	case AT_CHANNEL_QUIET:
		end_quiet(c, now, ret);
		break;
	case AT_CHANNEL_BUSY:
		at_channel_sync(c, AT_SYNC_TRIES, now);
		*ret = event(AT_EVENT_TIMEOUT, "", 0);
		break;
	}
}

/* ---- lines ---- */

static bool is_echo(const struct at_channel *c, const char *line, size_t size)
{
	return size > 0 && size + 1 == c->output_size && memcmp(line, at_channel_line(c), size) == 0;
}

static bool is_probe_echo(const char *line, size_t size)
{
	return size == PROBE_SIZE - 1 && memcmp(line, probe, size) == 0;
}

static bool is_information_text(const struct at_channel *c, const char *line)
{
	switch (c->expect) {
	case AT_EXPECT_NOTHING:
		return false;
	case AT_EXPECT_PREFIX:
		return text_starts_with_nocase(line, c->prefix) && !at_line_is_gtota(line);
	case AT_EXPECT_TEXT:
		return !at_is_unsolicited(line);
	}
	return false;
}

static void add_text(struct at_channel *c, const char *line, size_t size)
{
	size_t joint = c->text_size > 0;

	if (c->text_lost || c->text_size + joint + size > AT_TEXT_MAX) {
		c->text_lost = true;
		return;
	}
	if (joint)
		c->text[c->text_size++] = '\n';
	memcpy(c->text + c->text_size, line, size);
	c->text_size += size;
}

static void finish(
	struct at_channel *c, bool ok, const char *line, size_t size, struct at_event *ret)
{
	c->state = AT_CHANNEL_IDLE;
	c->unanswered = 0;
	forget_output(c);
	c->text[c->text_lost ? 0 : c->text_size] = '\0';
	if (ok)
		*ret = event(AT_EVENT_OK, c->text, c->text_lost ? 0 : c->text_size);
	else
		*ret = event(AT_EVENT_ERROR, line, size);
}

/* A line while a command is in flight and written to its end. */
static void line_for_command(
	struct at_channel *c, const char *line, size_t size, struct at_event *ret)
{
	switch (at_line_kind(line, size)) {
	case AT_LINE_OK:
		finish(c, true, line, size, ret);
		return;
	case AT_LINE_CALL: /* fotad never dials: it is the end of somebody's call */
		*ret = event(AT_EVENT_UNSOLICITED, line, size);
		return;
	case AT_LINE_ERROR:
		finish(c, false, line, size, ret);
		return;
	case AT_LINE_NUMERIC:
		finish(c, line[0] == '0', line, size, ret);
		return;
	case AT_LINE_OTHER:
		break;
	}
	if (is_information_text(c, line))
		add_text(c, line, size);
	else
		*ret = event(AT_EVENT_UNSOLICITED, line, size);
}

/* The final result code of a probe, or of a command that was given up. */
static void settle(struct at_channel *c, usec_t now)
{
	if (c->state == AT_CHANNEL_QUIET)
		c->quiet_since = now;
	if (c->unanswered == 0)
		return; /* from an earlier life of the port: says nothing */
	c->unanswered--;
	if (c->state == AT_CHANNEL_PROBING)
		begin_quiet(c, now);
}

/* A line while nothing is in flight, or what is has not been written to its end. */
static void line_for_nobody(
	struct at_channel *c, const char *line, size_t size, usec_t now, struct at_event *ret)
{
	bool is_settling = c->state != AT_CHANNEL_BUSY;

	switch (at_line_kind(line, size)) {
	case AT_LINE_OK:
	case AT_LINE_ERROR:
		if (is_settling)
			settle(c, now);
		return;
	case AT_LINE_NUMERIC:
		if (!is_settling || c->unanswered == 0)
			break;
		settle(c, now);
		return;
	case AT_LINE_CALL: /* nothing that fotad gives up is answered so: it is the end of a call */
	case AT_LINE_OTHER:
		break;
	}
	if (c->state == AT_CHANNEL_QUIET && !at_is_unsolicited(line))
		c->quiet_since = now;
	*ret = event(AT_EVENT_UNSOLICITED, line, size);
}

/* True: the line was our own. It is not kept longer than needed: it may hold a password. */
static bool take_echo(struct at_channel *c, char *line, size_t size, usec_t now)
{
	if (c->state == AT_CHANNEL_BUSY) {
		if (c->echoed || !is_written(c) || !is_echo(c, line, size))
			return false;
		c->echoed = true;
	} else if (!is_echo(c, line, size) && !is_probe_echo(line, size)) {
		return false;
	} else if (c->state == AT_CHANNEL_QUIET) {
		c->quiet_since = now;
	}
	explicit_bzero(line, size);
	return true;
}

static __attribute__((noinline)) void end_line(
	struct at_channel *c, char *line, size_t size, usec_t now, struct at_event *ret)
{
	if (take_echo(c, line, size, now))
		return;
	size = at_line_trim(line, size);
	if (size == 0)
		return;
	if (c->state == AT_CHANNEL_BUSY && is_written(c))
		line_for_command(c, line, size, ret);
	else
		line_for_nobody(c, line, size, now, ret);
}

/* Apart, so that a report does not pay for the registers that all of this needs. */
static __attribute__((noinline)) size_t feed(
	struct at_channel *c, const char *data, size_t size, usec_t now, struct at_event *ret)
{
	size_t taken = 0;

	while (taken < size) {
		char *line;
		size_t line_size;

		taken += at_line_take(&c->line, data + taken, size - taken, &line, &line_size);
		if (!line)
			continue;
		*ret = event(AT_EVENT_NONE, "", 0);
		end_line(c, line, line_size, now, ret);
		if (ret->type != AT_EVENT_NONE)
			return taken;
	}
	*ret = event(AT_EVENT_NONE, "", 0);
	return taken;
}

size_t at_channel_feed(
	struct at_channel *c, const char *data, size_t size, usec_t now, struct at_event *ret)
{
	size_t taken = 0, line_size = 0;

	/* A report, while nothing is awaited: no echo, for all that we send is AT..., and nothing final. */
	if (c->state == AT_CHANNEL_IDLE)
		taken = at_line_take_plain(&c->line, data, size, 'G', &line_size);
	if (taken == 0)
		return feed(c, data, size, now, ret);
	if (line_size > 0)
		*ret = event(AT_EVENT_UNSOLICITED, c->line.bytes,
			at_line_trim(c->line.bytes, line_size));
	else
		*ret = event(AT_EVENT_NONE, "", 0);
	return taken;
}
