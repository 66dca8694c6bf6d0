#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/macros.h"
#include "daemon/ports.h"

/* After a gap a tty may hold what its driver buffered: 640 KiB (TTYB_DEFAULT_MEM_LIMIT of the
 * kernel). */
#define GAP_PASSES (640 * 1024 / PORTS_READ + 1)

/* So often at most a port is read in a round that had much to say: with one each PORTS_SLACK more than 115,200 baud bring. */
#define SLACK_PASSES 4

#define PORT_OF(deadline_) ((struct port *) ((char *) (deadline_) -offsetof(struct port, deadline)))

struct ports {
	const struct ports_handlers *handlers;
	void *userdata;
	sd_event *event;
	size_t n, n_slack;

	int prompt_fd, slack_fd; /* the nested epolls */
	sd_event_source *prompt, *slack, *slack_timer, *tick;
	struct deadlines deadlines;
	usec_t armed;	  /* what the tick is set to; USEC_INFINITY: off */
	usec_t put_off;	  /* after a gap nothing is judged before; 0: no gap */
	usec_t slack_due; /* no report is read before */

	bool in_turn;	      /* the tick is armed when the turn ends */
	usec_t judging;	      /* deadlines up to here are being judged; 0: not now */
	bool much;	      /* some port had so much that there may be more */
	struct port *current; /* whose handler runs; NULL once that has removed it */
	size_t n_events;      /* of the batch */
	struct epoll_event events[PORTS_BATCH];
	char buffer[PORTS_READ];
};

void *ports_userdata(const struct ports *ports)
{
	return ports->userdata;
}

usec_t ports_now(const struct ports *ports)
{
	usec_t now = 0;

	(void) sd_event_now(ports->event, CLOCK_BOOTTIME, &now);
	return now;
}

/* --- the tick --- */

static void arm_tick(struct ports *ports)
{
	struct deadline *first = ports->deadlines.first;
	usec_t now, at = USEC_INFINITY;

	if (first) {
		now = ports_now(ports);
		at = usec_max(first->at, ports->put_off);
		/* One in the past comes at once, and is no gap. */
		at = at <= now ? now : usec_add(at, PORTS_TICK - 1) / PORTS_TICK * PORTS_TICK;
		/* What is armed does, late as it may be: to move it in each busy turn would mean
		 * never. */
		if (ports->armed <= at && first->at <= ports->armed &&
			ports->put_off <= ports->armed)
			return;
	} else
		ports->put_off = 0;
	if (at == ports->armed)
		return;
	ports->armed = at;
	if (first)
		(void) sd_event_source_set_time(ports->tick, at);
	(void) sd_event_source_set_enabled(ports->tick, first ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

void ports_set_deadline(struct ports *ports, struct port *port, usec_t deadline)
{
	if (ports->judging != 0 && deadline <= ports->judging)
		deadline = ports->judging + 1;
	deadlines_set(&ports->deadlines, &port->deadline, deadline);
	if (!ports->in_turn)
		arm_tick(ports);
}

/* --- watching --- */

/* The next report is read at once. */
static void await_report(struct ports *ports)
{
	(void) sd_event_source_set_enabled(ports->slack_timer, SD_EVENT_OFF);
	(void) sd_event_source_set_enabled(ports->slack, SD_EVENT_ON);
}

/* Brings the kernel's view up to date. Into the new epoll before out of the old one: a failure
 * changes nothing. */
static int watch(struct ports *ports, struct port *port)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = port };
	int epoll = ports->prompt_fd;

	if (port->silent)
		epoll = -1;
	else if (port->slack && !port->writing)
		epoll = ports->slack_fd;
	if (epoll == port->epoll && port->writing == port->watch_output)
		return 0;
	if (port->writing)
		event.events |= EPOLLOUT;
	if (epoll >= 0 && epoll_ctl(epoll, epoll == port->epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
				  port->fd, &event) < 0)
		return -errno;
	if (port->epoll >= 0 && port->epoll != epoll)
		(void) epoll_ctl(port->epoll, EPOLL_CTL_DEL, port->fd, NULL);
	if (port->epoll == ports->slack_fd && epoll != ports->slack_fd && --ports->n_slack == 0)
		await_report(ports);
	ports->n_slack += epoll == ports->slack_fd && port->epoll != ports->slack_fd;
	port->epoll = epoll;
	port->watch_output = port->writing;
	return 0;
}

int ports_add(struct ports *ports, struct port *port, int fd)
{
	int r;

	if (port->added)
		return -EBUSY;
	port->fd = fd;
	port->epoll = -1;
	port->slack = port->writing = port->silent = port->watch_output = false;
	r = watch(ports, port);
	if (r < 0)
		return r;
	port->added = true;
	ports->n++;
	return 0;
}

int ports_remove(struct ports *ports, struct port *port)
{
	ports_set_deadline(ports, port, USEC_INFINITY);
	if (!port->added)
		return -1;
	port->silent = true;
	(void) watch(ports, port);
	/* Events that were fetched with this batch must not find it. */
	for (size_t i = 0; i < ports->n_events; i++)
		if (ports->events[i].data.ptr == port)
			ports->events[i].data.ptr = NULL;
	if (ports->current == port)
		ports->current = NULL;
	port->added = false;
	ports->n--;
	return port->fd;
}

void ports_set_slack(struct ports *ports, struct port *port, usec_t slack)
{
	usec_t due = usec_add(ports_now(ports), slack);

	if (!port->added)
		return;
	port->slack = slack >= PORTS_SLACK_LEAST;
	(void) watch(ports, port); /* when it fails the port stays where it was, and works */
	if (!port->slack || due >= ports->slack_due)
		return;
	ports->slack_due = due;
	(void) sd_event_source_set_time(ports->slack_timer, due); /* if it is on */
}

ssize_t ports_write(struct ports *ports, struct port *port, const char *data, size_t size)
{
	size_t done = 0;
	ssize_t n;

	if (!port->added)
		return -ENOTCONN;
	while (done < size) {
		n = write(port->fd, data + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n <= 0)
			break;
		done += (size_t) n;
	}
	port->writing = done < size;
	(void) watch(ports, port);
	return (ssize_t) done;
}

/* --- one port's turn --- */

/* EPOLLHUP cannot be masked: who is still watched would spin. */
static void hang_up(struct ports *ports, struct port *port, int error, usec_t now)
{
	port->silent = true;
	(void) watch(ports, port);
	ports->handlers->hangup(ports, port, error, now);
}

static void read_port(struct ports *ports, struct port *port, uint32_t events, usec_t now)
{
	ssize_t n = read(port->fd, ports->buffer, sizeof(ports->buffer));

	ports->much |= n > PORTS_READ / 2;
	if (n > 0)
		ports->handlers->input(ports, port, ports->buffer, (size_t) n, now);
	else if (n == 0)
		hang_up(ports, port, 0, now);
	else if (errno == EAGAIN || errno == EINTR) {
		if (errno == EAGAIN && events & (EPOLLHUP | EPOLLERR))
			hang_up(ports, port, -EIO, now);
	} else
		hang_up(ports, port, -errno, now);
}

static void serve(struct ports *ports, struct port *port, uint32_t events, usec_t now)
{
	ports->current = port;
	if (events & ~(uint32_t) EPOLLOUT)
		read_port(ports, port, events, now);
	if (ports->current == port && port->writing && !port->silent && events & EPOLLOUT) {
		port->writing = false;
		ports->handlers->writable(ports, port, now);
		if (ports->current == port)
			(void) watch(ports, port);
	}
	ports->current = NULL;
}

static size_t serve_batch(struct ports *ports, int epoll, usec_t now)
{
	int n = epoll_wait(epoll, ports->events, PORTS_BATCH, 0);

	ports->n_events = n > 0 ? (size_t) n : 0;
	for (size_t i = 0; i < ports->n_events; i++)
		if (ports->events[i].data.ptr)
			serve(ports, ports->events[i].data.ptr, ports->events[i].events, now);
	ports->n_events = 0;
	return n > 0 ? (size_t) n : 0;
}

/* Every port that is ready, once: the kernel puts a served one behind those that wait. */
static size_t serve_all(struct ports *ports, int epoll, usec_t now)
{
	size_t n, served = 0;

	for (size_t left = ports->n / PORTS_BATCH + 1; left > 0; left--) {
		n = serve_batch(ports, epoll, now);
		served += n;
		if (n < PORTS_BATCH)
			break;
	}
	return served;
}

/* --- sources --- */

static void begin_turn(struct ports *ports)
{
	ports->in_turn = true;
}

static void end_turn(struct ports *ports)
{
	ports->in_turn = false;
	arm_tick(ports);
}

static int on_prompt(sd_event_source *source UNUSED, int fd, uint32_t events UNUSED, void *userdata)
{
	struct ports *ports = userdata;

	begin_turn(ports);
	serve_batch(ports, fd, ports_now(ports));
	end_turn(ports);
	return 0;
}

static size_t serve_slack(struct ports *ports, usec_t now)
{
	size_t served, before = ports->n_slack;

	begin_turn(ports);
	ports->slack_due = usec_add(now, PORTS_SLACK_MOST); /* the handlers say who cannot wait so long */
	ports->much = false;
	served = serve_all(ports, ports->slack_fd, now);
	if (served == 0)
		ports->slack_due = now; /* a pause: the next report is read at once */
	else if (ports->much || served != before) /* who is silent has said nothing */
		ports->slack_due = usec_min(ports->slack_due, usec_add(now, PORTS_SLACK));
	for (unsigned passes = 1; passes < SLACK_PASSES && ports->much; passes++) {
		ports->much = false;
		(void) serve_all(ports, ports->slack_fd, now);
	}
	end_turn(ports);
	return served;
}

static void arm_slack_timer(struct ports *ports)
{
	(void) sd_event_source_set_time(ports->slack_timer, ports->slack_due);
	(void) sd_event_source_set_enabled(ports->slack_timer, SD_EVENT_ONESHOT);
}

/*
 * The first report after a pause is read at once: where reports are few, a timer would be a second
 * wake-up for each. One that follows too soon waits, and those that come meanwhile with it; until
 * the timer has read them all the source is off.
 */
static int on_slack(sd_event_source *source, int fd UNUSED, uint32_t events UNUSED, void *userdata)
{
	struct ports *ports = userdata;
	usec_t now = ports_now(ports);

	if (now >= ports->slack_due) {
		serve_slack(ports, now);
		return 0;
	}
	arm_slack_timer(ports);
	(void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

/*
 * While every round finds reports the timer goes on by itself, one wake-up a round; else the
 * source waits for the next report, so that a quiet fleet causes none.
 */
static int on_slack_timer(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	struct ports *ports = userdata;

	if (serve_slack(ports, ports_now(ports)) > 0 && ports->n_slack > 0)
		arm_slack_timer(ports);
	else
		await_report(ports);
	return 0;
}

static void judge(struct ports *ports, usec_t now)
{
	struct deadline *first;

	ports->judging = now;
	while ((first = ports->deadlines.first) && first->at <= now) {
		deadlines_set(&ports->deadlines, first, USEC_INFINITY);
		ports->handlers->deadline(ports, PORT_OF(first), now);
	}
	ports->judging = 0;
}

/* Every port that is ready, of both kinds; until none is, when passes allow. */
static void drain(struct ports *ports, unsigned passes, usec_t now)
{
	for (; passes > 0; passes--)
		if (serve_all(ports, ports->prompt_fd, now) +
				serve_all(ports, ports->slack_fd, now) ==
			0)
			break;
}

static int on_tick(sd_event_source *source UNUSED, uint64_t usec, void *userdata)
{
	struct ports *ports = userdata;
	usec_t now = ports_now(ports);
	bool gap = usec_sub(now, usec) > PORTS_GAP && ports->put_off == 0;

	ports->armed = USEC_INFINITY;
	begin_turn(ports);
	drain(ports, gap ? GAP_PASSES : 1, now);
	if (gap) {
		/* The kernel hands on what a tty's driver has buffered only as we read, on a thread
		 * of its own. */
		ports->put_off = now + PORTS_TICK;
	} else {
		ports->put_off = 0;
		judge(ports, now);
	}
	end_turn(ports);
	return 0;
}

static int add_sources(struct ports *ports)
{
	sd_event *e = ports->event;
	int r;

	/* Of one priority, so that sd-event takes them in turns: a flood delays a deadline by one
	 * batch at most. */
	r = sd_event_add_io(e, &ports->prompt, ports->prompt_fd, EPOLLIN, on_prompt, ports);
	if (r >= 0)
		r = sd_event_add_io(e, &ports->slack, ports->slack_fd, EPOLLIN, on_slack, ports);
	/* Accuracy 1: 0 would mean 250 ms. */
	if (r >= 0)
		r = sd_event_add_time(
			e, &ports->slack_timer, CLOCK_BOOTTIME, 0, 1, on_slack_timer, ports);
	if (r >= 0)
		r = sd_event_source_set_enabled(ports->slack_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(e, &ports->tick, CLOCK_BOOTTIME, 0, 1, on_tick, ports);
	if (r >= 0)
		r = sd_event_source_set_enabled(ports->tick, SD_EVENT_OFF);
	if (r < 0)
		return r;
	(void) sd_event_source_set_description(ports->prompt, "ports");
	(void) sd_event_source_set_description(ports->slack, "ports-slack");
	(void) sd_event_source_set_description(ports->slack_timer, "ports-slack-timer");
	(void) sd_event_source_set_description(ports->tick, "ports-tick");
	return 0;
}

static void ports_freep(struct ports **ports)
{
	*ports = ports_free(*ports);
}

int ports_new(
	sd_event *event, const struct ports_handlers *handlers, void *userdata, struct ports **ret)
{
	CLEANUP(ports_freep) struct ports *ports = calloc(1, sizeof(*ports));
	int r;

	if (!ports)
		return -ENOMEM;
	ports->handlers = handlers;
	ports->userdata = userdata;
	ports->event = sd_event_ref(event);
	ports->armed = USEC_INFINITY;
	ports->slack_fd = -1;
	ports->prompt_fd = epoll_create1(EPOLL_CLOEXEC);
	if (ports->prompt_fd < 0)
		return -errno;
	ports->slack_fd = epoll_create1(EPOLL_CLOEXEC);
	if (ports->slack_fd < 0)
		return -errno;
	r = add_sources(ports);
	if (r < 0)
		return r;
	*ret = STEAL(ports);
	return 0;
}

struct ports *ports_free(struct ports *ports)
{
	if (!ports)
		return NULL;
	sd_event_source_disable_unref(ports->prompt);
	sd_event_source_disable_unref(ports->slack);
	sd_event_source_disable_unref(ports->slack_timer);
	sd_event_source_disable_unref(ports->tick);
	if (ports->prompt_fd >= 0)
		close(ports->prompt_fd);
	if (ports->slack_fd >= 0)
		close(ports->slack_fd);
	sd_event_unref(ports->event);
	free(ports);
	return NULL;
}
