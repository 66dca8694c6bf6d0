/*
 * detect-ask - the questions. A port is opened by lib/io/serial, as fotad itself does it: locked before it is configured, so
 * that nobody who holds it is disturbed.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "core/at-channel.h"
#include "core/gtota.h"
#include "ctl/detect.h"
#include "ctl/text.h"
#include "io/serial.h"

#define BAUD_RATE    115200 /* what the configuration takes without a word; USB does not care */
#define OPEN_TIMEOUT (5 * SEC)
#define LISTEN	     (2 * SEC) /* conduct 10: a module that downloads reports within that time */
#define ANSWER	     (5 * SEC) /* for AT+CGMI and the like */
#define ASKERS	     16	       /* USB devices asked at the same time */

struct inquiry {
	struct detect_port *port;
	struct serial_pool *pool;
	struct at_channel channel;
	int fd;
	bool at_work; /* a report of a download was heard */
};

/* The next event before the deadline; AT_EVENT_NONE: there was none, or the port is gone (ret_lost). */
static struct at_event next_event(struct inquiry *q, usec_t deadline, bool *ret_lost)
{
	char buffer[256];
	struct at_event event = { 0 };
	struct gtota_report report;

	*ret_lost = false;
	while (event.type == AT_EVENT_NONE && now_boottime() < deadline) {
		usec_t now = now_boottime(),
		       until = usec_min(deadline, at_channel_deadline(&q->channel));
		struct pollfd ready = { .fd = q->fd, .events = POLLIN };
		const char *data;
		size_t n = at_channel_output(&q->channel, &data);
		ssize_t done;

		if (n > 0) {
			done = write(q->fd, data, n);
			if (done > 0)
				at_channel_written(&q->channel, (size_t) done);
			ready.events |= done < (ssize_t) n ? POLLOUT : 0;
		}
		if (poll(&ready, 1, (int) (usec_sub(until, now) / MSEC) + 1) > 0 &&
			ready.revents & (POLLHUP | POLLERR)) {
			*ret_lost = true;
			return event;
		}
		/* One byte at a time: what follows an event stays in the tty for the next call. */
		if (ready.revents & POLLIN && read(q->fd, buffer, 1) == 1)
			(void) at_channel_feed(&q->channel, buffer, 1, now_boottime(), &event);
		else
			at_channel_advance(&q->channel, now_boottime(), &event);
		if (event.type == AT_EVENT_UNSOLICITED && gtota_parse_report(event.text, &report))
			q->at_work = true;
		if (event.type == AT_EVENT_UNSOLICITED)
			event.type = AT_EVENT_NONE;
	}
	return event;
}

/* Nothing is sent: whoever is at work says so. */
static bool listens_quietly(struct inquiry *q)
{
	usec_t end = now_boottime() + LISTEN;
	bool lost = false;

	while (now_boottime() < end && !lost && !q->at_work)
		(void) next_event(q, end, &lost);
	if (lost)
		q->port->trouble = "the port went away";
	return !q->at_work && !lost;
}

static bool is_there(struct inquiry *q)
{
	struct at_event event;
	bool lost = false;

	at_channel_sync(&q->channel, AT_SYNC_TRIES, now_boottime());
	do
		event = next_event(q, now_boottime() + 30 * SEC, &lost);
	while (!lost && event.type != AT_EVENT_READY && event.type != AT_EVENT_MUTE &&
		event.type != AT_EVENT_NONE);
	if (event.type != AT_EVENT_READY)
		q->port->trouble = lost ? "the port went away" : "nobody answers AT";
	return event.type == AT_EVENT_READY;
}

/* The answer, or NULL. It is the channel's, until the next question. */
static const char *question(struct inquiry *q, const char *line)
{
	struct at_command command = { .line = line, .expect = AT_EXPECT_TEXT, .timeout = ANSWER };
	struct at_event event;
	bool lost;

	if (q->at_work || at_channel_send(&q->channel, &command, now_boottime()) < 0)
		return NULL;
	do
		event = next_event(q, now_boottime() + 2 * ANSWER, &lost);
	while (event.type == AT_EVENT_READY);
	return event.type == AT_EVENT_OK ? event.text : NULL;
}

static void identify(struct inquiry *q)
{
	struct identity *identity = &q->port->identity;
	const struct profile *row = NULL;
	const char *text = question(q, "AT+CGMI");

	if (text && !identity_is_fibocom(text)) {
		q->port->trouble = "a modem of another maker";
		return;
	}
	text = text ? question(q, "AT+CGMM") : NULL;
	if (!text || identity_read_model(text, identity->model) < 0) {
		q->port->trouble = "it answers AT, but not who it is";
		return;
	}
	q->port->match = profile_match(identity->model, &row);
	if (row)
		q->port->profile = row;
	text = question(q, "AT+CGMR");
	if (!text || identity_read_version(text, identity->version) < 0)
		q->port->trouble = "it does not say its firmware version";
	text = question(q, "AT+CGSN");
	if (!text || identity_read_imei(text, identity->imei) < 0)
		q->port->trouble = "it does not say its IMEI";
	q->port->answered = !q->port->trouble;
}

static const char *open_trouble(int error)
{
	switch (-error) {
	case EBUSY:
		return "another program holds it";
	case EACCES:
		return "no permission; use sudo, or join group dialout";
	case ENOTTY:
		return "no serial port";
	case ENOENT:
		return "not there any more";
	default:
		return "cannot be opened";
	}
}

static void ask_port(struct detect_port *port, struct serial_pool *pool)
{
	struct inquiry q = { .port = port, .pool = pool, .fd = -1 };
	struct pollfd ready = { .fd = serial_pool_fd(pool), .events = POLLIN };
	struct serial_result result = { .error = -ETIMEDOUT, .fd = -1 };
	usec_t end = now_boottime() + OPEN_TIMEOUT + SEC;
	uint64_t ticket;
	int r = serial_open(pool, port->device, BAUD_RATE, OPEN_TIMEOUT, NULL, &ticket);

	while (r >= 0 && now_boottime() < end && !serial_pool_result(pool, &result))
		(void) poll(&ready, 1, 200);
	if (r < 0 || result.error != 0) {
		port->trouble = open_trouble(r < 0 ? r : result.error);
		return;
	}
	q.fd = result.fd;
	at_channel_init(&q.channel);
	if (listens_quietly(&q) && is_there(&q))
		identify(&q);
	if (q.at_work) {
		port->answered = false;
		port->trouble = "it is downloading firmware; ask again when that is over";
	}
	serial_close(pool, q.fd);
}

/* ---- many at the same time ---- */

struct round {
	struct detect_ports *ports;
	pthread_mutex_t lock;
	size_t next;
};

static bool same_module(const struct detect_port *a, const struct detect_port *b)
{
	return a == b || (a->usb && b->usb && text_equal(a->usb, b->usb));
}

/* Is this the first port of its module? Then whoever takes it asks all of them. */
static bool is_first(const struct detect_ports *ports, size_t i)
{
	for (size_t before = 0; before < i; before++)
		if (same_module(&ports->ports[before], &ports->ports[i]))
			return false;
	return true;
}

static struct detect_port *next_port(
	const struct detect_ports *ports, const struct detect_port *first)
{
	struct detect_port *best = NULL;

	for (size_t i = 0; i < ports->n; i++) {
		struct detect_port *port = &ports->ports[i];

		if (same_module(first, port) && !port->skipped && !port->answered &&
			!port->trouble && (!best || port->rank < best->rank))
			best = port;
	}
	return best;
}

static void skip_others(const struct detect_ports *ports, const struct detect_port *one)
{
	for (size_t i = 0; i < ports->n; i++) {
		struct detect_port *port = &ports->ports[i];

		if (port != one && same_module(one, port) && !port->skipped && !port->trouble)
			port->skipped = words("the same module as %s", one->device);
	}
}

static void ask_module(const struct detect_ports *ports, const struct detect_port *first)
{
	struct serial_pool *pool;
	struct detect_port *port;

	if (serial_pool_new(1, &pool) < 0)
		return;
	while ((port = next_port(ports, first))) {
		ask_port(port, pool);
		if (port->answered)
			skip_others(ports, port);
	}
	serial_pool_free(pool);
}

static void *asker(void *userdata)
{
	struct round *round = userdata;

	for (;;) {
		size_t i;

		pthread_mutex_lock(&round->lock);
		i = round->next++;
		pthread_mutex_unlock(&round->lock);
		if (i >= round->ports->n)
			return NULL;
		if (is_first(round->ports, i))
			ask_module(round->ports, &round->ports->ports[i]);
	}
}

void detect_ask(struct detect_ports *ports)
{
	struct round round = { .ports = ports, .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t threads[ASKERS];
	size_t n = 0;

	while (n < ASKERS && n < ports->n && pthread_create(&threads[n], NULL, asker, &round) == 0)
		n++;
	if (n == 0)
		(void) asker(&round);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}
