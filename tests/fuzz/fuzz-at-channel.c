/*
 * Any bytes, commands and moments, in any chunking: nothing breaks, and the same bytes give the
 * same events.
 *
 * The input is what a module says. A byte 0x01 and a letter in it stand for what the host does:
 * S synchronises, N P T send a command that expects nothing, a prefix, text; L one without a
 * time-out; w W write and let 100 ms or 2 s pass; B writes one byte, O all; two bytes 0x01 are one
 * heard.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "core/at-channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MARK 0x01

struct life {
	struct at_channel c;
	char room[AT_COMMAND_MAX];
	usec_t now;
	uint64_t random; /* 0: everything at once; 1: byte by byte; else the state of the chunks'
			    sizes */
	uint64_t events; /* a hash of all there were */
};

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void take_event(struct life *life, const struct at_event *event)
{
	check(event->text && strlen(event->text) == event->size && event->size <= AT_TEXT_MAX);
	if (event->type == AT_EVENT_NONE)
		return;
	life->events = text_hash(life->events, &event->type, sizeof(event->type));
	life->events = text_hash(life->events, event->text, event->size + 1);
}

static void write_out(struct life *life, size_t most)
{
	const char *p;
	size_t n;

	while (most > 0 && (n = at_channel_output(&life->c, &p)) > 0) {
		n = n < most ? n : most;
		check(text_is_printable(p, n - 1) && (p[n - 1] == '\r' || text_is_printable(p, n)));
		at_channel_written(&life->c, n);
		most -= n;
	}
}

static void wait(struct life *life, usec_t duration)
{
	usec_t end = life->now + duration;

	write_out(life, SIZE_MAX);
	for (int turns = 0; at_channel_deadline(&life->c) <= end; turns++) {
		struct at_event event;

		check(turns < 100);
		life->now = usec_max(life->now, at_channel_deadline(&life->c));
		at_channel_advance(&life->c, life->now, &event);
		take_event(life, &event);
		write_out(life, SIZE_MAX);
	}
	life->now = end;
}

static void command(struct life *life, enum at_expect expect, const char *line, usec_t timeout)
{
	struct at_command c = {
		.line = line, .expect = expect, .prefix = "+CSQ:", .timeout = timeout
	};

	int expected = life->c.state == AT_CHANNEL_IDLE ? 0 : -EBUSY;

	check(at_channel_send(&life->c, &c, life->now) == expected);
}

static size_t chunk(struct life *life, size_t left)
{
	if (life->random == 0)
		return left;
	if (life->random == 1)
		return 1;
	life->random = life->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return 1 + (size_t) (life->random >> 33) % (left < 40 ? left : 40);
}

static void hear(struct life *life, const uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t n = chunk(life, size);
		char *copy = malloc(n);

		check(copy);
		memcpy(copy, data, n);
		for (size_t done = 0; done < n;) {
			struct at_event event;
			size_t taken =
				at_channel_feed(&life->c, copy + done, n - done, life->now, &event);

			check(taken > 0 && taken <= n - done);
			done += taken;
			check(event.type != AT_EVENT_NONE || done == n);
			take_event(life, &event);
		}
		free(copy);
		data += n;
		size -= n;
	}
}

static void act(struct life *life, uint8_t letter)
{
	static const uint8_t mark = MARK;

	switch (letter) {
	case 'S':
		at_channel_sync(&life->c, 2, life->now);
		break;
	case 'N':
	case 'P':
	case 'T':
	case 'L':
		command(life,
			letter == 'P'	? AT_EXPECT_PREFIX
			: letter == 'T' ? AT_EXPECT_TEXT
					: AT_EXPECT_NOTHING,
			letter == 'P' ? "AT+CSQ" : "AT+GTOTA=0,\"http://h/f\"",
			letter == 'L' ? USEC_INFINITY : SEC);
		break;
	case 'w':
		wait(life, 100 * MSEC);
		break;
	case 'W':
		wait(life, 2 * SEC);
		break;
	case 'B':
		write_out(life, 1);
		break;
	case 'O':
		write_out(life, SIZE_MAX);
		break;
	case MARK:
		hear(life, &mark, 1);
		break;
	default:
		break;
	}
}

static uint64_t live(const uint8_t *data, size_t size, uint64_t random)
{
	struct life life = { .now = HOUR, .random = random };

	at_channel_init(&life.c);
	at_channel_lend(&life.c, life.room);
	while (size > 0) {
		const uint8_t *mark = memchr(data, MARK, size);
		size_t n = mark ? (size_t) (mark - data) : size;

		hear(&life, data, n);
		data += n;
		size -= n;
		if (size < 2)
			break;
		act(&life, data[1]);
		data += 2;
		size -= 2;
	}
	/* Whatever was heard, what was begun ends. */
	write_out(&life, SIZE_MAX);
	wait(&life, HOUR);
	check(life.c.state == AT_CHANNEL_IDLE || life.c.state == AT_CHANNEL_CLOSED ||
		life.c.timeout == USEC_INFINITY);
	return life.events;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t events = live(data, size, 0);

	check(live(data, size, 1) == events);
	check(live(data, size, text_hash(0, data, size) | 2) == events);
	return 0;
}
