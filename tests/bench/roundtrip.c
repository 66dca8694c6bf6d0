/*
 * roundtrip - what one command costs: "AT" and its "OK" over a socket pair, by the bare calls and
 *by the real channel in the real ports room under sd-event. The peer is a process of its own; only
 *this one is measured.
 *
 *	roundtrip [COMMANDS [ROUNDS]]	CPU, interleaved; prints "NAME VALUE" lines, medians of the
 *rounds roundtrip bare|fotad COMMANDS	once, for counting instructions roundtrip count
 *system calls a command, by ptrace(2), of both
 *
 * Pin it to one CPU: a ping-pong between two measures the wake-up of an idle one.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "core/at-channel.h"
#include "daemon/ports.h"

#define COMMANDS   20000
#define ROUNDS	   7
#define ROUNDS_MAX 99
#define TIMEOUT	   (5 * SEC)

#define NOT_POSSIBLE 77

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Answers every line with OK. */
static void peer(int fd)
{
	char data[256];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0)
		if (data[n - 1] == '\r' && write(fd, "\r\nOK\r\n", 6) != 6)
			break;
	_exit(0);
}

static int connect_peer(pid_t *ret)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		die("socketpair");
	*ret = fork();
	if (*ret < 0)
		die("fork");
	if (*ret == 0) {
		close(fds[0]);
		peer(fds[1]);
	}
	close(fds[1]);
	return fds[0];
}

static void disconnect(int fd, pid_t pid)
{
	close(fd);
	waitpid(pid, NULL, 0);
}

/* ---- the bare calls ---- */

static void run_bare(int fd, unsigned commands)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd }, ready;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	char data[4096];

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll");
	for (; commands > 0; commands--)
		if (write(fd, "AT\r", 3) != 3 || epoll_wait(epoll, &ready, 1, -1) != 1 ||
			read(fd, data, sizeof(data)) <= 0)
			die("bare");
	close(epoll);
}

/* ---- the real ones ---- */

struct client {
	struct port port;
	struct at_channel channel;
	struct ports *ports;
	sd_event *event;
	unsigned left;
};

static void write_output(struct client *c)
{
	const char *data;
	size_t size;

	while ((size = at_channel_output(&c->channel, &data)) > 0) {
		ssize_t n = ports_write(c->ports, &c->port, data, size);

		if (n <= 0)
			die("ports_write");
		at_channel_written(&c->channel, (size_t) n);
	}
	ports_set_deadline(c->ports, &c->port, at_channel_deadline(&c->channel));
}

static void send_next(struct client *c, usec_t now)
{
	const struct at_command command = { .line = "AT", .timeout = TIMEOUT };

	if (c->left == 0)
		sd_event_exit(c->event, 0);
	else if (at_channel_send(&c->channel, &command, now) == 0)
		c->left--;
	else
		die("at_channel_send");
}

static void on_input(
	struct ports *ports UNUSED, struct port *port, const char *data, size_t size, usec_t now)
{
	struct client *c = port->userdata;

	while (size > 0) {
		struct at_event event;
		size_t n = at_channel_feed(&c->channel, data, size, now, &event);

		data += n;
		size -= n;
		if (event.type == AT_EVENT_OK)
			send_next(c, now);
	}
	write_output(c);
}

static void on_writable(struct ports *ports UNUSED, struct port *port, usec_t now UNUSED)
{
	write_output(port->userdata);
}

static void on_hangup(
	struct ports *ports UNUSED, struct port *port UNUSED, int error UNUSED, usec_t now UNUSED)
{
	die("hangup");
}

static void on_deadline(struct ports *ports UNUSED, struct port *port, usec_t now)
{
	struct client *c = port->userdata;
	struct at_event event;

	at_channel_advance(&c->channel, now, &event);
	if (event.type == AT_EVENT_READY)
		send_next(c, now);
	write_output(c);
}

/* The channel is synchronised without its quiet time, which is no part of a command. */
static void synchronise(struct client *c, usec_t now)
{
	struct at_event event;

	at_channel_init(&c->channel);
	at_channel_sync(&c->channel, 1, now);
	at_channel_written(&c->channel, 3);
	(void) at_channel_feed(&c->channel, "OK\r\n", 4, now, &event);
	at_channel_advance(&c->channel, at_channel_deadline(&c->channel), &event);
	if (event.type != AT_EVENT_READY)
		die("synchronise");
}

static void run_fotad(int fd, unsigned commands)
{
	static const struct ports_handlers handlers = {
		.input = on_input,
		.writable = on_writable,
		.hangup = on_hangup,
		.deadline = on_deadline,
	};
	struct client c = { .left = commands };

	c.port.userdata = &c;
	if (sd_event_new(&c.event) < 0 || ports_new(c.event, &handlers, &c, &c.ports) < 0 ||
		ports_add(c.ports, &c.port, fd) < 0)
		die("ports");
	synchronise(&c, ports_now(c.ports));
	send_next(&c, ports_now(c.ports));
	write_output(&c);
	if (sd_event_loop(c.event) < 0)
		die("sd_event_loop");
	(void) ports_remove(c.ports, &c.port);
	ports_free(c.ports);
	sd_event_unref(c.event);
}

/* ---- measuring ---- */

typedef void runner(int fd, unsigned commands);

static double cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static double measure(runner *run, unsigned commands)
{
	pid_t pid;
	int fd = connect_peer(&pid);
	double begin = cpu_us();

	run(fd, commands);
	begin = cpu_us() - begin;
	disconnect(fd, pid);
	return begin / commands;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return x < y ? -1 : x > y;
}

static double median(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static int compare_both(unsigned commands, unsigned rounds)
{
	double bare[ROUNDS_MAX], fotad[ROUNDS_MAX], ratio[ROUNDS_MAX];

	measure(run_bare, commands / 10 + 1); /* warm */
	measure(run_fotad, commands / 10 + 1);
	for (unsigned i = 0; i < rounds; i++) {
		bare[i] = measure(run_bare, commands);
		fotad[i] = measure(run_fotad, commands);
		ratio[i] = fotad[i] / bare[i];
	}
	printf("bare_us %.3f\nfotad_us %.3f\n", median(bare, rounds), median(fotad, rounds));
	printf("ratio %.3f\n", median(ratio, rounds));
	return 0;
}

/* ---- counting ---- */

static long trace(pid_t pid)
{
	long stops = 0;
	int status;

	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		stops += WSTOPSIG(status) == (SIGTRAP | 0x80);
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0) < 0)
			return -1;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? stops / 2 : -1;
}

/* System calls of one whole run, or -1. */
static long count(runner *run, unsigned commands)
{
	pid_t pid, other;
	int fd = connect_peer(&other);
	long n = -1;
	int status;

	pid = fork();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(NOT_POSSIBLE);
		raise(SIGSTOP);
		run(fd, commands);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) &&
		ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == 0 &&
		ptrace(PTRACE_SYSCALL, pid, 0, 0) == 0)
		n = trace(pid);
	disconnect(fd, other);
	return n;
}

static int count_both(void)
{
	long bare[2], fotad[2];

	for (unsigned i = 0; i < 2; i++) {
		bare[i] = count(run_bare, 100 + 1000 * i);
		fotad[i] = count(run_fotad, 100 + 1000 * i);
		if (bare[i] < 0 || fotad[i] < 0)
			return NOT_POSSIBLE;
	}
	printf("bare_calls %.3f\n", (double) (bare[1] - bare[0]) / 1000);
	printf("fotad_calls %.3f\n", (double) (fotad[1] - fotad[0]) / 1000);
	return 0;
}

static unsigned number(const char *text, unsigned otherwise)
{
	int n = text ? atoi(text) : 0;

	return n > 0 ? (unsigned) n : otherwise;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "", *second = argc > 2 ? argv[2] : NULL;
	unsigned rounds = number(second, ROUNDS);

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(what, "count") == 0)
		return count_both();
	if (strcmp(what, "bare") == 0 || strcmp(what, "fotad") == 0) {
		measure(what[0] == 'b' ? run_bare : run_fotad, number(second, COMMANDS));
		return 0;
	}
	return compare_both(number(what, COMMANDS), rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX);
}
