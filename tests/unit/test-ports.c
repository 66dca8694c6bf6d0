/* The ports room in a real sd-event loop, over sockets, event counters and pseudo-terminals. */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "daemon/ports.h"

#define MANY 1000

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

static void line_connect(struct fixture *f, struct line *line)
{
	int fds[2];

	line_init(f, line);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(ports_add(f->ports, &line->port, fds[0]), 0);
	line->peer = fds[1];
}

static void line_done(struct line *line)
{
	int fd = ports_remove(line->fixture->ports, &line->port);

	if (fd >= 0)
		close(fd);
	if (line->peer >= 0)
		close(line->peer);
}

static int setup(void **state)
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

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ELEMENTSOF(f->lines); i++)
		line_done(&f->lines[i]);
	assert_null(ports_free(f->ports));
	sd_event_unref(f->event);
	free(f);
	return 0;
}

static void say(const struct line *line, const char *text)
{
	assert_int_equal(write(line->peer, text, strlen(text)), strlen(text));
}

/* Runs the loop until the count is there; returns the dispatches it took. */
static unsigned run_until(struct fixture *f, const unsigned *count, unsigned wanted)
{
	unsigned turns = 0;

	for (; *count < wanted; turns++)
		assert_true(sd_event_run(f->event, 10 * SEC) > 0);
	return turns;
}

static void assert_idle(struct fixture *f)
{
	assert_int_equal(sd_event_run(f->event, 0), 0);
}

static void test_input(void **state)
{
	struct fixture *f = *state;

	say(&f->lines[0], "hello");
	say(&f->lines[2], "you");
	assert_int_equal(run_until(f, &f->events, 2), 1);
	assert_int_equal(f->lines[0].bytes, 5);
	assert_int_equal(f->lines[2].bytes, 3);
	assert_int_equal(f->lines[1].inputs, 0);
	assert_idle(f);
}

static void raise_limit(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur < MANY + 100) {
		limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	}
}

/* All ready at once: each is served once, in as few turns as batches. */
static void test_many_ready(void **state)
{
	struct fixture *f = *state;
	struct line *lines = calloc(MANY, sizeof(*lines));

	assert_non_null(lines);
	raise_limit();
	for (unsigned i = 0; i < MANY; i++) {
		line_init(f, &lines[i]);
		assert_int_equal(
			ports_add(f->ports, &lines[i].port, eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)),
			0);
	}
	assert_int_equal(run_until(f, &f->events, MANY), (MANY + PORTS_BATCH - 1) / PORTS_BATCH);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(lines[i].inputs, 1);
	while (sd_event_run(f->event, 0) > 0)
		;
	assert_int_equal(f->events, MANY);

	/* And their deadlines, all in one turn, in order. */
	usec_t now = ports_now(f->ports);
	for (unsigned i = 0; i < MANY; i++)
		ports_set_deadline(f->ports, &lines[i].port, now - 1 - (i * 7919) % MANY);
	f->events = 0;
	assert_int_equal(run_until(f, &f->events, MANY), 1);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(lines[i].order, MANY - (i * 7919) % MANY);
	assert_idle(f);
	for (unsigned i = 0; i < MANY; i++)
		line_done(&lines[i]);
	free(lines);
}

/* More comes as soon as some was read. */
static void refill(struct line *line)
{
	static const char noise[16384];

	while (write(line->peer, noise, sizeof(noise)) > 0)
		;
}

/* 300 others, more than two batches, hardly wait for one that never ends; nor does a deadline. */
static void test_flood(void **state)
{
	struct fixture *f = *state;
	struct line *flood = &f->lines[0], *timed = &f->lines[1],
		    *lines = calloc(300, sizeof(*lines));
	unsigned served = 0;

	assert_non_null(lines);
	raise_limit();
	flood->act = refill;
	refill(flood);
	for (unsigned i = 0; i < 300; i++) {
		line_init(f, &lines[i]);
		assert_int_equal(
			ports_add(f->ports, &lines[i].port, eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)),
			0);
	}
	for (unsigned turn = 0; turn < 4; turn++)
		assert_true(sd_event_run(f->event, 10 * SEC) > 0);
	for (unsigned i = 0; i < 300; i++)
		served += lines[i].inputs;
	assert_int_equal(served, 300);
	assert_in_range(flood->inputs, 2, 4);

	ports_set_deadline(f->ports, &timed->port, ports_now(f->ports) - PORTS_TICK);
	for (unsigned turn = 0; turn < 4; turn++)
		assert_true(sd_event_run(f->event, 10 * SEC) > 0);
	assert_int_equal(timed->deadlines, 1);
	flood->act = NULL;
	for (unsigned i = 0; i < 300; i++)
		line_done(&lines[i]);
	free(lines);
}

static void test_deadlines_in_order(void **state)
{
	struct fixture *f = *state;
	usec_t now = ports_now(f->ports), after;

	ports_set_deadline(f->ports, &f->lines[0].port, now + 180 * MSEC);
	ports_set_deadline(f->ports, &f->lines[1].port, now + 60 * MSEC);
	ports_set_deadline(f->ports, &f->lines[2].port, now + 120 * MSEC);
	ports_set_deadline(f->ports, &f->lines[3].port, now + 30 * MSEC);
	ports_set_deadline(f->ports, &f->lines[3].port, USEC_INFINITY);
	run_until(f, &f->events, 3);
	assert_true(f->lines[1].order < f->lines[2].order && f->lines[2].order < f->lines[0].order);
	assert_int_equal(f->lines[3].deadlines, 0);
	assert_int_equal(sd_event_now(f->event, CLOCK_BOOTTIME, &after), 0);
	assert_true(after >= now + 180 * MSEC);
	assert_idle(f); /* nothing is armed */
}

/* The tick is rounded up: deadlines that lie close together cost one wake-up. */
static void test_tick(void **state)
{
	struct fixture *f = *state;
	usec_t now = ports_now(f->ports), base = (now / PORTS_TICK + 2) * PORTS_TICK;

	ports_set_deadline(f->ports, &f->lines[0].port, base + 1);
	ports_set_deadline(f->ports, &f->lines[1].port, base + 25 * MSEC);
	ports_set_deadline(f->ports, &f->lines[2].port, base + PORTS_TICK);
	assert_int_equal(run_until(f, &f->events, 3), 1);
	assert_true(ports_now(f->ports) >= base + PORTS_TICK);
}

/* A deadline needs no descriptor, survives ports_add(), and goes with ports_remove(). */
static void test_deadline_without_descriptor(void **state)
{
	struct fixture *f = *state;
	struct line line;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	line_init(f, &line);
	ports_set_deadline(f->ports, &line.port, 1);
	run_until(f, &line.deadlines, 1);
	ports_set_deadline(f->ports, &line.port, 2);
	assert_int_equal(ports_add(f->ports, &line.port, fd), 0);
	assert_int_equal(ports_add(f->ports, &line.port, fd), -EBUSY);
	run_until(f, &line.deadlines, 2);
	ports_set_deadline(f->ports, &line.port, 3);
	assert_int_equal(ports_remove(f->ports, &line.port), fd);
	ports_set_deadline(f->ports, &line.port, 3);
	assert_int_equal(ports_remove(f->ports, &line.port), -1);
	assert_idle(f);
	assert_int_equal(ports_write(f->ports, &line.port, "x", 1), -ENOTCONN);
	ports_set_slack(f->ports, &line.port, true);
	close(fd);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(ports_add(f->ports, &line.port, fd), -EPERM);
	assert_int_equal(ports_remove(f->ports, &line.port), -1);
	close(fd);
}

static void set_past(struct line *line)
{
	if (line->deadlines < 3)
		ports_set_deadline(line->fixture->ports, &line->port, 5);
}

/* One that is always due comes once a tick, and does not hold the loop. */
static void test_deadline_in_the_past(void **state)
{
	struct fixture *f = *state;

	f->lines[0].act = set_past;
	ports_set_deadline(f->ports, &f->lines[0].port, 5);
	assert_int_equal(run_until(f, &f->lines[0].deadlines, 1), 1);
	assert_int_equal(f->lines[0].deadlines, 1);
	assert_int_equal(run_until(f, &f->lines[0].deadlines, 3), 2);
	assert_idle(f);
}

static size_t bytes_at_deadline;

static void note_bytes(struct line *line)
{
	if (line->deadlines > 0 && bytes_at_deadline == 0)
		bytes_at_deadline = line->bytes;
}

/* What has arrived is read before a deadline is judged; after a gap all of it (conduct 15). */
static void test_drained_first(void **state)
{
	struct fixture *f = *state;
	static const struct {
		usec_t late;
		size_t size, at_least;
		bool slack;
	} table[] = {
		{ 0, 100, 100, false },
		{ 0, 100, 100, true },
		{ 0, 3 * PORTS_READ, PORTS_READ, false },
		{ PORTS_GAP + PORTS_TICK, 10 * PORTS_READ, 10 * PORTS_READ, false },
		{ PORTS_GAP + PORTS_TICK, 10 * PORTS_READ, 10 * PORTS_READ, true },
	};
	static const char data[10 * PORTS_READ];

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		struct line line;

		bytes_at_deadline = 0;
		line_connect(f, &line);
		line.act = note_bytes;
		ports_set_slack(f->ports, &line.port, table[i].slack);
		assert_int_equal(write(line.peer, data, table[i].size), table[i].size);
		ports_set_deadline(f->ports, &line.port, ports_now(f->ports) - table[i].late - 1);
		run_until(f, &line.deadlines, 1);
		if (bytes_at_deadline < table[i].at_least)
			fail_msg("row %zu: %zu", i, bytes_at_deadline);
		line_done(&line);
		while (sd_event_run(f->event, 0) > 0)
			;
	}
}

static struct line *victims[3];

/* Whoever is served first removes and frees all three. */
static void remove_all(struct line *line UNUSED)
{
	for (size_t i = 0; i < ELEMENTSOF(victims); i++) {
		line_done(victims[i]);
		free(victims[i]);
		victims[i] = NULL;
	}
}

static void test_remove_inside(void **state)
{
	struct fixture *f = *state;

	for (unsigned round = 0; round < 4; round++) {
		f->events = 0;
		for (size_t i = 0; i < ELEMENTSOF(victims); i++) {
			victims[i] = calloc(1, sizeof(struct line));
			assert_non_null(victims[i]);
			line_connect(f, victims[i]);
			victims[i]->act = remove_all;
			ports_set_slack(f->ports, &victims[i]->port, round == 1);
			if (round == 2) {
				close(victims[i]->peer); /* hangup */
				victims[i]->peer = -1;
			} else if (round == 3)
				ports_set_deadline(f->ports, &victims[i]->port, 1 + i);
			else
				say(victims[i], "x");
		}
		run_until(f, &f->events, 1);
		assert_null(victims[0]);
		while (sd_event_run(f->event, 0) > 0)
			;
		assert_int_equal(f->events, 1);
	}
}

static void test_end_of_file(void **state)
{
	struct fixture *f = *state;
	struct line *line = &f->lines[0];

	say(line, "last");
	close(line->peer);
	line->peer = -1;
	run_until(f, &line->hangups, 1);
	assert_int_equal(line->bytes, 4);
	assert_int_equal(line->error, 0);
	assert_idle(f); /* no spin */
	ports_set_slack(f->ports, &line->port, true);
	assert_idle(f);
	ports_set_deadline(f->ports, &line->port, 1); /* still to be had */
	run_until(f, &line->deadlines, 1);
	assert_int_equal(line->hangups, 1);
}

static void test_pty_hangup(void **state)
{
	struct fixture *f = *state;
	struct termios settings;
	struct line line;
	int slave;

	line_init(f, &line);
	assert_int_equal(openpty(&line.peer, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(slave, &settings), 0);
	cfmakeraw(&settings);
	assert_int_equal(tcsetattr(slave, TCSANOW, &settings), 0);
	assert_int_equal(fcntl(slave, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(ports_add(f->ports, &line.port, slave), 0);
	say(&line, "\r\nOK\r\n");
	run_until(f, &line.inputs, 1);
	while (line.bytes < 6)
		assert_true(sd_event_run(f->event, 10 * SEC) > 0);
	assert_int_equal(line.hangups, 0);
	close(line.peer);
	line.peer = -1;
	run_until(f, &line.hangups, 1);
	assert_true(
		line.error == 0 || line.error == -EIO); /* hung up, or only the other side closed */
	assert_idle(f);
	assert_int_equal(ports_write(f->ports, &line.port, "x", 1), -EIO);
	assert_idle(f);
	assert_int_equal(line.hangups, 1);
	line_done(&line);
}

static char output[1 << 20];
static size_t written;

static void write_rest(struct line *line)
{
	ssize_t n = ports_write(
		line->fixture->ports, &line->port, output + written, sizeof(output) - written);

	assert_true(n >= 0);
	written += (size_t) n;
}

/* A short write is finished, byte by byte the same, and then nothing wakes up any more. */
static void test_write(void **state)
{
	struct fixture *f = *state;
	struct line *line = &f->lines[0];
	static char received[sizeof(output)];
	size_t got = 0;

	for (size_t i = 0; i < sizeof(output); i++)
		output[i] = (char) (i * 31 >> 4);
	written = 0;
	assert_int_equal(ports_write(f->ports, &line->port, "AT\r", 3), 3);
	assert_int_equal(read(line->peer, received, sizeof(received)), 3);
	assert_idle(f);
	assert_int_equal(ports_write(f->ports, &line->port, "", 0), 0);

	line->act = write_rest;
	ports_set_slack(f->ports, &line->port, true); /* output does not wait */
	write_rest(line);
	assert_true(written < sizeof(output));
	assert_idle(f);
	while (got < sizeof(output)) {
		ssize_t n = read(line->peer, received + got, sizeof(received) - got);

		if (n > 0)
			got += (size_t) n;
		else
			assert_true(sd_event_run(f->event, 10 * SEC) > 0);
	}
	assert_memory_equal(received, output, sizeof(output));
	assert_true(line->writables > 0);
	while (sd_event_run(f->event, 0) > 0)
		;
	line->act = NULL;
	unsigned before = line->writables;
	say(line, "x");
	run_until(f, &line->inputs, 1);
	assert_int_equal(line->writables, before);

	/* What is left may be given up. */
	written = 0;
	write_rest(line);
	assert_int_equal(ports_write(f->ports, &line->port, "", 0), 0);
	while (read(line->peer, received, sizeof(received)) > 0)
		;
	assert_idle(f);
}

static void say_again(struct line *line)
{
	if (line->inputs < 10)
		say(line, "GTOTA: 1\r\n");
}

/*
 * 100 ports report without end: one wake-up for each round of all, a round every PORTS_SLACK at
 * most. An answer on another port does not wait for them.
 */
static void test_slack(void **state)
{
	struct fixture *f = *state;
	struct line *lines = calloc(100, sizeof(*lines));
	usec_t start;
	unsigned turns;

	assert_non_null(lines);
	for (unsigned i = 0; i < 100; i++) {
		line_connect(f, &lines[i]);
		ports_set_slack(f->ports, &lines[i].port, true);
		lines[i].act = say_again;
		say(&lines[i], "GTOTA: 0\r\n");
	}
	say(&f->lines[0], "OK\r\n");
	start = ports_now(f->ports);
	run_until(f, &f->lines[0].inputs, 1);
	assert_int_equal(f->events, 1); /* before all of them */
	turns = run_until(f, &f->events, 1 + 100 * 10);
	/* The first report begins a round: one turn more; it may have come before the answer. */
	assert_in_range(turns, 10, 11);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(lines[i].inputs, 10);
	assert_true(ports_now(f->ports) >= start + 10 * PORTS_SLACK);

	/* An empty round, then nothing more wakes up. */
	assert_int_equal(sd_event_run(f->event, 10 * SEC), 1);
	assert_int_equal(sd_event_run(f->event, 3 * PORTS_SLACK), 0);
	for (unsigned i = 0; i < 100; i++)
		line_done(&lines[i]);
	free(lines);
}

/* A port that must answer again gives what it has at once. */
static void test_slack_ends(void **state)
{
	struct fixture *f = *state;
	struct line *line = &f->lines[0];

	ports_set_slack(f->ports, &line->port, true);
	say(line, "x");
	assert_int_equal(sd_event_run(f->event, 10 * SEC), 1); /* the round begins */
	assert_int_equal(line->inputs, 0);
	ports_set_slack(f->ports, &line->port, false);
	assert_int_equal(sd_event_run(f->event, 0), 1);
	assert_int_equal(line->inputs, 1);
	/* One report, one round; the next one begins another. */
	ports_set_slack(f->ports, &line->port, true);
	for (unsigned i = 2; i < 5; i++) {
		say(line, "x");
		run_until(f, &line->inputs, i);
	}
}

/* The heap against a search of all, over a long random life. */
static void test_heap(void **state UNUSED)
{
	struct deadlines heap = { 0 };
	struct deadline deadlines[200] = { 0 };
	uint32_t seed = 1;

	for (unsigned step = 0; step < 50000; step++) {
		usec_t earliest = USEC_INFINITY;
		struct deadline *d;

		seed = seed * 1664525 + 1013904223;
		d = &deadlines[(seed >> 8) % ELEMENTSOF(deadlines)];
		if (seed >> 29 == 0 && heap.first)
			deadlines_set(&heap, heap.first, USEC_INFINITY);
		else
			deadlines_set(&heap, d, seed >> 29 < 3 ? USEC_INFINITY : seed % 1000);
		for (size_t i = 0; i < ELEMENTSOF(deadlines); i++)
			if (deadlines[i].queued && deadlines[i].at < earliest)
				earliest = deadlines[i].at;
		if (earliest == USEC_INFINITY)
			assert_null(heap.first);
		else {
			assert_non_null(heap.first);
			assert_true(heap.first->queued && heap.first->at == earliest);
		}
	}
	for (size_t i = 0; i < ELEMENTSOF(deadlines); i++)
		deadlines_set(&heap, &deadlines[i], USEC_INFINITY);
	assert_null(heap.first);
}

static void test_free_null(void **state UNUSED)
{
	assert_null(ports_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_input, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_ready, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadlines_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tick, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadline_without_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadline_in_the_past, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drained_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_of_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pty_hangup, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slack, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slack_ends, setup, teardown),
		cmocka_unit_test(test_heap),
		cmocka_unit_test(test_free_null),
	};

	return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
