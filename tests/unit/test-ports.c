/* The ports room: input, hangup, deadlines, output, and handlers that remove what they are called
 * for. */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "tests/unit/ports-fixture.h"

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
	ports_set_slack(f->ports, &line.port, PORTS_SLACK);
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

/* What has arrived is read before a deadline is judged (conduct 15). */
static void test_drained_first(void **state)
{
	struct fixture *f = *state;

	for (unsigned slack = 0; slack < 2; slack++) {
		struct line *line = &f->lines[slack];

		bytes_at_deadline = 0;
		line->act = note_bytes;
		ports_set_slack(f->ports, &line->port, slack * PORTS_SLACK);
		say(line, "+CSQ: 20,99\r\n");
		ports_set_deadline(f->ports, &line->port, 1);
		run_until(f, &line->deadlines, 1);
		assert_int_equal(bytes_at_deadline, 13);
	}
}

/* Stopped for over a second, with more to read than one turn takes: all of it is read before the
 * deadline is judged. */
static void stop_and_go_on(void)
{
	void *state;
	static const char data[20 * PORTS_READ];
	struct sigevent wake = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCONT };
	struct itimerspec after = { .it_value = { .tv_sec = 1, .tv_nsec = 200000000 } };
	timer_t timer;

	setup(&state);
	struct fixture *f = state;
	for (unsigned i = 0; i < 2; i++) {
		ports_set_slack(f->ports, &f->lines[i].port, i == 1 ? PORTS_SLACK : 0);
		assert_int_equal(write(f->lines[i].peer, data, sizeof(data)), sizeof(data));
	}
	ports_set_deadline(f->ports, &f->lines[0].port, ports_now(f->ports) + 1);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &wake, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &after, NULL), 0);
	raise(SIGSTOP);
	run_until(f, &f->lines[0].deadlines, 1);
	assert_int_equal(f->lines[0].bytes, sizeof(data));
	assert_int_equal(f->lines[1].bytes, sizeof(data));
	teardown(&state);
}

static void test_gap(void **state UNUSED)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		stop_and_go_on(); /* a failure goes back to cmocka, whose exit status is not 42 */
		_exit(42);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
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
			ports_set_slack(f->ports, &victims[i]->port, round == 1 ? PORTS_SLACK : 0);
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
	ports_set_slack(f->ports, &line->port, PORTS_SLACK);
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
	ports_set_slack(f->ports, &line->port, PORTS_SLACK); /* output does not wait */
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

static void test_free_null(void **state UNUSED)
{
	assert_null(ports_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_input, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadlines_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tick, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadline_without_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadline_in_the_past, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drained_first, setup, teardown),
		cmocka_unit_test(test_gap),
		cmocka_unit_test_setup_teardown(test_remove_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_of_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pty_hangup, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write, setup, teardown),
		cmocka_unit_test(test_free_null),
	};

	return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
