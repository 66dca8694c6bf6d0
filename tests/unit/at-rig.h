/*
 * A channel with a clock, for tests. What it says is kept as one text, an event in angle brackets:
 * "<ok +CSQ: 9>", "<RING>" for an unsolicited line. What it writes is kept too.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "core/at-channel.h"

struct rig {
	struct at_channel c;
	char room[AT_COMMAND_MAX];
	usec_t now;
	uint64_t random; /* state of the chunking; 0: everything at once, 1: byte by byte */
	char events[4096], wire[4096];
};

static UNUSED void append(char *text, size_t size, const char *more)
{
	assert_true(strlen(text) + strlen(more) < size);
	strcat(text, more);
}

static UNUSED void note(struct rig *rig, const struct at_event *event)
{
	static const char *const names[] = { "none", "ok", "error", "timeout", "ready", "mute",
		"" };
	char entry[AT_TEXT_MAX + 16];

	assert_non_null(event->text);
	assert_int_equal(event->size, strlen(event->text));
	if (event->type == AT_EVENT_NONE)
		return;
	snprintf(entry, sizeof(entry), "<%s%s%s>", names[event->type],
		event->size > 0 && *names[event->type] != '\0' ? " " : "", event->text);
	append(rig->events, sizeof(rig->events), entry);
}

static UNUSED void write_out(struct rig *rig)
{
	const char *p;
	size_t n;

	while ((n = at_channel_output(&rig->c, &p)) > 0) {
		char part[AT_COMMAND_MAX + 1] = { 0 };

		memcpy(part, p, n);
		append(rig->wire, sizeof(rig->wire), part);
		at_channel_written(&rig->c, n);
	}
}

static UNUSED size_t chunk(struct rig *rig, size_t left)
{
	size_t n = left;

	if (rig->random > 1) {
		rig->random = rig->random * UINT64_C(6364136223846793005) + 1442695040888963407;
		n = 1 + (rig->random >> 33) % 23;
	}
	return rig->random == 1 ? 1 : n < left ? n : left;
}

static UNUSED void feed_bytes(struct rig *rig, const char *data, size_t size)
{
	while (size > 0) {
		size_t n = chunk(rig, size);
		char *copy = malloc(n); /* so that a read behind the chunk is seen */
		size_t done = 0;

		memcpy(copy, data, n);
		while (done < n) {
			struct at_event event;
			size_t taken =
				at_channel_feed(&rig->c, copy + done, n - done, rig->now, &event);

			assert_in_range(taken, 1, n - done);
			note(rig, &event);
			done += taken;
			assert_true(event.type != AT_EVENT_NONE || done == n);
		}
		free(copy);
		data += n;
		size -= n;
	}
}

static UNUSED void feed(struct rig *rig, const char *text)
{
	feed_bytes(rig, text, strlen(text));
}

/* Lets time pass, and the port take what there is to write. */
static UNUSED void pass(struct rig *rig, usec_t duration)
{
	usec_t end = rig->now + duration;

	write_out(rig);
	while (at_channel_deadline(&rig->c) <= end) {
		struct at_event event;

		rig->now = usec_max(rig->now, at_channel_deadline(&rig->c));
		at_channel_advance(&rig->c, rig->now, &event);
		note(rig, &event);
		write_out(rig);
	}
	rig->now = end;
}

static UNUSED void begin(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	rig->now = HOUR;
	at_channel_init(&rig->c);
	at_channel_lend(&rig->c, rig->room);
}

static UNUSED void begin_ready(struct rig *rig)
{
	begin(rig);
	at_channel_sync(&rig->c, 3, rig->now);
	write_out(rig);
	feed(rig, "\r\nOK\r\n");
	pass(rig, AT_QUIET_SHORT);
	assert_string_equal(rig->events, "<ready>");
	assert_string_equal(rig->wire, "AT\r");
	rig->events[0] = rig->wire[0] = '\0';
}

static UNUSED int send_command(struct rig *rig, const char *line, enum at_expect expect,
	const char *prefix, usec_t timeout)
{
	struct at_command command = {
		.line = line, .expect = expect, .prefix = prefix, .timeout = timeout
	};

	return at_channel_send(&rig->c, &command, rig->now);
}

static UNUSED void send_line(struct rig *rig, const char *line, enum at_expect expect,
	const char *prefix, usec_t timeout)
{
	assert_int_equal(send_command(rig, line, expect, prefix, timeout), 0);
	write_out(rig);
}

static UNUSED void expect_events(struct rig *rig, const char *events)
{
	assert_string_equal(rig->events, events);
	rig->events[0] = '\0';
}

static UNUSED void expect_wire(struct rig *rig, const char *wire)
{
	assert_string_equal(rig->wire, wire);
	rig->wire[0] = '\0';
}
