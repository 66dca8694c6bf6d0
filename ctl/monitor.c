/*
 * monitor - a line of JSON for each event of fotad, for scripts. Whoever reads slowly loses lines, and is told how many:
 * neither fotad nor the bus waits for it.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/link.h"
#include "ctl/print.h"
#include "ctl/text.h"

#define QUEUE_MAX (256 * 1024) /* bytes of events that wait for the reader: about a thousand */
#define RESERVE                                                                                    \
	4096 /* behind them, for what is never lost: how much was, and that fotad goes or comes */

struct monitor {
	struct ctl *ctl;
	sd_event *event;
	sd_event_source *writable; /* NULL: stdout is a file, which takes all at once */
	char *queue;
	size_t size, done;	 /* of the queue; what is written of it */
	unsigned long long lost; /* events since the last line that came through */
	enum ctl_exit code;
};

static void leave(struct monitor *m, enum ctl_exit code)
{
	m->code = code;
	sd_event_exit(m->event, 0);
}

/* At most PIPE_BUF bytes, which do not block where poll() says that there is room (pipe(7)). */
static void write_some(struct monitor *m)
{
	struct pollfd ready = { .fd = STDOUT_FILENO, .events = POLLOUT };

	while (m->done < m->size) {
		size_t left = m->size - m->done;
		ssize_t n;

		if (poll(&ready, 1, 0) == 0)
			return;
		n = write(STDOUT_FILENO, m->queue + m->done, left < PIPE_BUF ? left : PIPE_BUF);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			if (errno != EPIPE)
				complain("cannot write: %m");
			leave(m, errno == EPIPE ? CTL_DONE : CTL_FAILED);
			return;
		}
		m->done += (size_t) n;
	}
	m->size = m->done = 0;
}

static bool enqueue(struct monitor *m, json_t *object, size_t limit)
{
	TEXT_AUTO line = json_line(object);
	size_t n = strlen(line);

	if (m->done > 0) {
		memmove(m->queue, m->queue + m->done, m->size - m->done);
		m->size -= m->done;
		m->done = 0;
	}
	if (m->size + n + 1 > limit)
		return false;
	memcpy(m->queue + m->size, line, n);
	m->queue[m->size + n] = '\n';
	m->size += n + 1;
	return true;
}

/* The count comes where the lines are missing. */
static bool enqueue_lost(struct monitor *m, size_t limit)
{
	if (m->lost > 0 && !enqueue(m, json_pack("{s:I}", "lost", (json_int_t) m->lost), limit))
		return false;
	m->lost = 0;
	return true;
}

static void send_on(struct monitor *m)
{
	write_some(m);
	if (m->writable)
		(void) sd_event_source_set_enabled(
			m->writable, m->size > 0 ? SD_EVENT_ON : SD_EVENT_OFF);
}

static int on_event(sd_bus_message *message, void *userdata, sd_bus_error *error UNUSED)
{
	struct monitor *m = userdata;
	CLEANUP(json_decrefp) json_t *raw = link_json(message);

	/* The queue may have been full when the last one came, and have room now for this one only. */
	if (!enqueue_lost(m, QUEUE_MAX) ||
		!enqueue(m, json_pack("{s:o}", "event", fleet_view_event(raw)), QUEUE_MAX))
		m->lost++;
	send_on(m);
	return 0;
}

static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *error UNUSED)
{
	struct monitor *m = userdata;
	const char *name, *from, *to;

	if (sd_bus_message_read(message, "sss", &name, &from, &to) < 0)
		return 0;
	(void) enqueue_lost(m, QUEUE_MAX + RESERVE);
	(void) enqueue(m, json_pack("{s:b}", "running", to[0] != '\0'), QUEUE_MAX + RESERVE);
	send_on(m);
	return 0;
}

static int on_writable(
	sd_event_source *source UNUSED, int fd UNUSED, uint32_t events UNUSED, void *userdata)
{
	struct monitor *m = userdata;

	write_some(m);
	/* Who has caught up is told at once what is missing. */
	if (m->size == 0 && m->lost > 0)
		(void) enqueue_lost(m, QUEUE_MAX);
	send_on(m);
	return 0;
}

/* The bus itself is gone. */
static int on_disconnect(sd_bus_message *message UNUSED, void *userdata, sd_bus_error *error UNUSED)
{
	struct monitor *m = userdata;

	leave(m, link_complain(m->ctl, "listen", NULL, -ECONNRESET));
	return 0;
}

static int listen_to_bus(struct monitor *m)
{
	int r = sd_bus_match_signal(
		m->ctl->bus, NULL, FOTAD_NAME, FOTAD_ROOT, FOTAD_MANAGER, "Event", on_event, m);

	if (r >= 0)
		r = sd_bus_add_match(m->ctl->bus, NULL,
			"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
			"arg0='" FOTAD_NAME "'",
			on_owner, m);
	if (r >= 0)
		r = sd_bus_match_signal(m->ctl->bus, NULL, "org.freedesktop.DBus.Local",
			"/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
			on_disconnect, m);
	return r < 0 ? r : sd_bus_attach_event(m->ctl->bus, m->event, 0);
}

static int prepare(struct monitor *m)
{
	sigset_t signals;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	r = sd_event_new(&m->event);
	if (r >= 0)
		r = sd_event_add_signal(m->event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(m->event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0) {
		r = sd_event_add_io(
			m->event, &m->writable, STDOUT_FILENO, EPOLLOUT, on_writable, m);
		r = r == -EPERM ? 0 : r; /* epoll does not know files */
	}
	if (r >= 0 && m->writable)
		r = sd_event_source_set_enabled(m->writable, SD_EVENT_OFF);
	m->queue = malloc(QUEUE_MAX + RESERVE);
	return r < 0 ? r : m->queue ? listen_to_bus(m) : -ENOMEM;
}

enum ctl_exit verb_monitor(struct ctl *ctl, int argc UNUSED, char **argv UNUSED)
{
	struct monitor m = { .ctl = ctl, .code = CTL_DONE };
	CLEANUP(json_decrefp) json_t *daemon = NULL;
	enum ctl_exit code;
	int r;

	/* Whoever asks for events of a fotad that does not run wants to know that first. */
	daemon = link_properties(ctl, FOTAD_ROOT, FOTAD_MANAGER, &code);
	if (!daemon)
		return code;
	r = prepare(&m);
	if (r >= 0)
		r = sd_event_loop(m.event);
	if (r < 0)
		m.code = link_complain(ctl, "listen", NULL, r);
	sd_bus_detach_event(ctl->bus);
	sd_event_source_unref(m.writable);
	sd_event_unref(m.event);
	free(m.queue);
	return m.code;
}
