/*
 * bare - the least that a program can do for the same job: epoll, read, memchr, write. No parser,
 * no database; what is saved and logged is appended to a file as it is.
 *
 *	bare STORE SYNCS SCRIPT PORT...
 *
 * STORE is the file for what is saved; SYNCS: every so many records it is made durable (0: never).
 * SCRIPT is what fotad has sent to one modem, one line each, and what it waited for:
 *
 *	AT+CGMI		sent; goes on at a final result code
 *	! download	goes on at "GTOTA DOWNLOAD COMPLETE"
 *	! away		goes on when the port has gone
 *	! back		goes on when the port could be opened again (looked at every 200 ms, as
 *			fotad does)
 *	! log TEXT	a line to stderr
 *	! save		a record to STORE
 *
 * This is what fotad is measured against, so it is written to be quick. Ends when every port is at
 * the script's end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define STEPS_MAX  256
#define EVENTS_MAX 128
#define INPUT_MAX  4096
#define LINE_SIZE  512
#define PERIOD_MS  200
#define RECORD	   512 /* bytes: what one row of a job takes */

enum kind { SEND, DOWNLOAD, AWAY, BACK, LOG, SAVE, END };

struct step {
	enum kind kind;
	char *line; /* with CR */
	size_t size;
};

struct port {
	const char *path;
	int fd;
	unsigned step;
	size_t used;
	char line[LINE_SIZE];
};

struct bare {
	struct step steps[STEPS_MAX + 1];
	struct port *ports;
	size_t n_ports, n_done, n_away;
	int epoll, store;
	unsigned long syncs, records;
	char input[INPUT_MAX];
};

static void die(const char *what)
{
	fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void read_script(struct bare *b, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[2048];
	unsigned n = 0;

	if (!file)
		die(path);
	while (n < STEPS_MAX && fgets(line, sizeof(line), file)) {
		struct step *step = &b->steps[n++];

		line[strcspn(line, "\n")] = '\r';
		step->kind = SEND;
		if (strncmp(line, "! download", 10) == 0)
			step->kind = DOWNLOAD;
		else if (strncmp(line, "! away", 6) == 0)
			step->kind = AWAY;
		else if (strncmp(line, "! back", 6) == 0)
			step->kind = BACK;
		else if (strncmp(line, "! log ", 6) == 0)
			step->kind = LOG;
		else if (strncmp(line, "! save", 6) == 0)
			step->kind = SAVE;
		step->line = strdup(line);
		step->size = strlen(line);
	}
	b->steps[n].kind = END;
	fclose(file);
}

static bool open_port(struct bare *b, struct port *port)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = port };
	struct termios termios;

	port->fd = open(port->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (port->fd < 0)
		return false;
	ioctl(port->fd, TIOCEXCL);
	tcgetattr(port->fd, &termios);
	cfmakeraw(&termios);
	tcsetattr(port->fd, TCSANOW, &termios);
	if (epoll_ctl(b->epoll, EPOLL_CTL_ADD, port->fd, &event) < 0)
		die("epoll_ctl");
	return true;
}

static void save(struct bare *b)
{
	static const char record[RECORD];

	if (write(b->store, record, sizeof(record)) != sizeof(record))
		die("save");
	if (b->syncs > 0 && ++b->records % b->syncs == 0 && fdatasync(b->store) < 0)
		die("fdatasync");
}

static void say(const struct step *step)
{
	if (write(STDERR_FILENO, step->line, step->size) != (ssize_t) step->size)
		exit(1);
}

/* Does what the step asks for by itself. */
static void enter(struct bare *b, struct port *port)
{
	const struct step *step = &b->steps[port->step];

	for (; step->kind == LOG || step->kind == SAVE; step = &b->steps[++port->step])
		step->kind == LOG ? say(step) : save(b);
	if (step->kind == SEND && write(port->fd, step->line, step->size) != (ssize_t) step->size)
		die("write");
	b->n_done += step->kind == END;
	b->n_away += step->kind == BACK;
}

static void next(struct bare *b, struct port *port)
{
	port->step++;
	enter(b, port);
}

static bool is(const char *line, size_t size, const char *word)
{
	return size >= strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

static void take_line(struct bare *b, struct port *port, const char *line, size_t size)
{
	enum kind kind = b->steps[port->step].kind;

	if (kind == SEND && b->steps[port->step + 1].kind == DOWNLOAD && !is(line, size, "OK") &&
		size > 0 && line[0] == '+') {
		fprintf(stderr, "bare: %s: not started: %.*s\n", port->path, (int) size, line);
		exit(1);
	}
	if (kind == SEND &&
		(is(line, size, "OK") || is(line, size, "ERROR") || is(line, size, "+CME ERROR")))
		next(b, port);
	else if (kind == DOWNLOAD && is(line, size, "GTOTA DOWNLOAD COMPLETE"))
		next(b, port);
}

static void take(struct bare *b, struct port *port, const char *data, size_t size)
{
	while (size > 0) {
		const char *end = memchr(data, '\n', size);
		size_t n = end ? (size_t) (end - data) : size;

		if (port->used + n > LINE_SIZE) {
			port->used = 0; /* nothing that is waited for is so long */
		} else if (end && port->used == 0) {
			take_line(b, port, data, n);
		} else {
			memcpy(port->line + port->used, data, n);
			port->used += n;
			if (end) {
				take_line(b, port, port->line, port->used);
				port->used = 0;
			}
		}
		data += n + (end != NULL);
		size -= n + (end != NULL);
	}
}

static void serve(struct bare *b, struct port *port)
{
	ssize_t n = read(port->fd, b->input, sizeof(b->input));

	if (n > 0) {
		take(b, port, b->input, (size_t) n);
		return;
	}
	if (n < 0 && errno == EAGAIN)
		return;
	close(port->fd);
	port->fd = -1;
	port->used = 0;
	/* The terminal may have gone with its last line unread. */
	port->step += b->steps[port->step].kind == DOWNLOAD;
	if (b->steps[port->step].kind != AWAY) {
		fprintf(stderr, "bare: %s: gone at step %u\n", port->path, port->step);
		exit(1);
	}
	next(b, port);
}

static void look_for_ports(struct bare *b)
{
	for (size_t i = 0; i < b->n_ports && b->n_away > 0; i++)
		if (b->steps[b->ports[i].step].kind == BACK && open_port(b, &b->ports[i])) {
			b->n_away--;
			next(b, &b->ports[i]);
		}
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void run(struct bare *b)
{
	struct epoll_event events[EVENTS_MAX];
	long look = 0;

	while (b->n_done < b->n_ports) {
		int n = epoll_wait(b->epoll, events, EVENTS_MAX, b->n_away > 0 ? PERIOD_MS : -1);

		for (int i = 0; i < n; i++)
			serve(b, events[i].data.ptr);
		if (b->n_away > 0 && now_ms() >= look) {
			look_for_ports(b);
			look = now_ms() + PERIOD_MS;
		}
	}
}

int main(int argc, char **argv)
{
	static struct bare b;

	if (argc < 5) {
		fputs("bare STORE SYNCS SCRIPT PORT...\n", stderr);
		return 64;
	}
	b.store = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (b.store < 0)
		die(argv[1]);
	b.syncs = strtoul(argv[2], NULL, 10);
	read_script(&b, argv[3]);
	b.n_ports = (size_t) argc - 4;
	b.ports = calloc(b.n_ports, sizeof(*b.ports));
	b.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!b.ports || b.epoll < 0)
		die("start");
	for (size_t i = 0; i < b.n_ports; i++) {
		b.ports[i].path = argv[i + 4];
		if (!open_port(&b, &b.ports[i]))
			die(b.ports[i].path);
		enter(&b, &b.ports[i]);
	}
	run(&b);
	return 0;
}
