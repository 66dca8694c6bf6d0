/* What the tests of the ports room share: lines over socket pairs in a real sd-event loop. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "daemon/ports.h"

struct fixture;

/* What happens to one port is counted, and may be answered by an act. */
struct line {
	struct port port;
	struct fixture *fixture;
	int peer;
	unsigned inputs, writables, hangups, deadlines;
	size_t bytes;
	int error;
	unsigned order; /* of its last event among all */
	void (*act)(struct line *line);
};

struct fixture {
	sd_event *event;
	struct ports *ports;
	unsigned events; /* handler calls */
	struct line lines[4];
};

static struct line *seen(struct port *port)
{
	struct line *line = port->userdata;

	line->order = ++line->fixture->events;
	return line;
}

static void on_input(struct ports *ports UNUSED, struct port *port, const char *data UNUSED,
	size_t size, usec_t now)
{
	struct line *line = seen(port);

	assert_true(now > 0);
	assert_in_range(size, 1, PORTS_READ);
	line->inputs++;
	line->bytes += size;
	if (line->act)
		line->act(line);
}

static void on_writable(struct ports *ports UNUSED, struct port *port, usec_t now UNUSED)
{
	struct line *line = seen(port);

	line->writables++;
	if (line->act)
		line->act(line);
}

static void on_hangup(struct ports *ports UNUSED, struct port *port, int error, usec_t now UNUSED)
{
	struct line *line = seen(port);

	line->hangups++;
	line->error = error;
	if (line->act)
		line->act(line);
}

static void on_deadline(struct ports *ports UNUSED, struct port *port, usec_t now UNUSED)
{
	struct line *line = seen(port);

	line->deadlines++;
	if (line->act)
		line->act(line);
}

static const struct ports_handlers handlers = {
	.input = on_input,
	.writable = on_writable,
	.hangup = on_hangup,
	.deadline = on_deadline,
};

static void line_init(struct fixture *f, struct line *line)
{
	*line = (struct line){ .fixture = f, .peer = -1 };
	line->port.userdata = line;
}

static UNUSED void line_connect(struct fixture *f, struct line *line)
{
	int fds[2];

	line_init(f, line);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(ports_add(f->ports, &line->port, fds[0]), 0);
	line->peer = fds[1];
}

static UNUSED void line_done(struct line *line)
{
	int fd = ports_remove(line->fixture->ports, &line->port);

	if (fd >= 0)
		close(fd);
	if (line->peer >= 0)
		close(line->peer);
}

static UNUSED int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(sd_event_new(&f->event), 0);
	assert_int_equal(ports_new(f->event, &handlers, f, &f->ports), 0);
	assert_ptr_equal(ports_userdata(f->ports), f);
	for (size_t i = 0; i < ELEMENTSOF(f->lines); i++)
		line_connect(f, &f->lines[i]);
	*state = f;
	return 0;
}

static UNUSED int teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ELEMENTSOF(f->lines); i++)
		line_done(&f->lines[i]);
	assert_null(ports_free(f->ports));
	sd_event_unref(f->event);
	free(f);
	return 0;
}

static UNUSED void say(const struct line *line, const char *text)
{
	assert_int_equal(write(line->peer, text, strlen(text)), strlen(text));
}

/* Runs the loop until the count is there; returns the dispatches it took. */
static UNUSED unsigned run_until(struct fixture *f, const unsigned *count, unsigned wanted)
{
	unsigned turns = 0;

	for (; *count < wanted; turns++)
		assert_true(sd_event_run(f->event, 10 * SEC) > 0);
	return turns;
}

static UNUSED void assert_idle(struct fixture *f)
{
	assert_int_equal(sd_event_run(f->event, 0), 0);
}
