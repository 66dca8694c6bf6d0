/*
 * ports - every open port of the fleet, as one source in sd-event.
 *
 *      1,000 ttys --> nested epoll --> one I/O source, up to PORTS_BATCH ports a turn   (replies: at once)
 *      (slack)    --> nested epoll --> at once after a pause, else by one timer,        (reports of a download)
 *                                      every PORTS_SLACK_LEAST to PORTS_SLACK_MOST
 *      deadlines  --> heap         --> one coarse tick, armed only while there is one
 *
 * Why: sd-event dispatches one source a turn and polls all others again, which is quadratic in the ports that are ready
 * (performance, 0.1); a wake-up costs a thousand times what parsing a report does (0.3).
 *
 * Fair: a port gives at most PORTS_READ bytes a turn (some times that in a slack round, where it has much to say), what is
 * left stays ready behind the others. Ports are drained before deadlines are judged; when the tick comes over a second late
 * (SIGSTOP, suspend, a stalled CPU) they are drained to the bottom first, and deadlines are judged a tick later (conduct 15).
 *
 * The caller owns struct port (zeroed at first) and the descriptor, which must be non-blocking; nothing here opens or
 * closes one. A port may have a deadline while it has no descriptor. Before its memory goes: ports_remove(), always.
 * A handler may add, remove and free ports, its own included, but not free the ports object. `now` is CLOCK_BOOTTIME,
 * read once a turn.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/usec.h"
#include "core/deadlines.h"

#define PORTS_BATCH 128          /* ports served in one turn of the loop */
#define PORTS_READ  4096         /* bytes of one port in one turn; a tty has no more ready (N_TTY_BUF_SIZE) */
#define PORTS_TICK  (50 * MSEC)  /* deadlines are rounded up to it */
#define PORTS_GAP   (1 * SEC)

/* Nobody misses a report that is read later; of a wake-up most is the way out of idleness. */
#define PORTS_SLACK_LEAST (125 * MSEC) /* less is none */
#define PORTS_SLACK	  (250 * MSEC) /* while some port is silent, or has very much to say */
#define PORTS_SLACK_MOST  (1 * SEC)

struct port {
	void *userdata; /* the caller's, never touched */

	/* private */
	struct deadline deadline;
	int fd;
	bool added;
	bool slack;
	bool writing; /* the last ports_write() could not write all */
	bool silent;  /* hung up: not watched any more */
	int epoll;    /* which one watches it, -1: none */
	bool watch_output;
};

struct ports;

/* What happens to a port; all four are needed. */
struct ports_handlers {
	void (*input)(struct ports *ports, struct port *port, const char *data, size_t size, usec_t now);

	/* There is room again after a short ports_write(): write what is left. */
	void (*writable)(struct ports *ports, struct port *port, usec_t now);

	/*
	 * error: 0 for the end of file (a tty that was pulled reads so, too), else negative (-EIO). Said once; the port is
	 * still added, but nothing more comes of it than its deadline.
	 */
	void (*hangup)(struct ports *ports, struct port *port, int error, usec_t now);

	/* It has come, and is unset. */
	void (*deadline)(struct ports *ports, struct port *port, usec_t now);
};

/* handlers must outlive the object. */
int ports_new(sd_event *event, const struct ports_handlers *handlers, void *userdata, struct ports **ret);

/* After all ports were removed. Returns NULL. */
struct ports *ports_free(struct ports *ports);

void *ports_userdata(const struct ports *ports);

/* Watches fd. Keeps the deadline. -EBUSY: the port has one; -EPERM: not a descriptor that can be watched; -ENOMEM ... */
int ports_add(struct ports *ports, struct port *port, int fd);

/* Unsets the deadline; returns the descriptor, which is the caller's again, or -1 when there is none. */
int ports_remove(struct ports *ports, struct port *port);

/* USEC_INFINITY: none. One in the past that is set while deadlines are judged comes with the next tick. */
void ports_set_deadline(struct ports *ports, struct port *port, usec_t deadline);

/*
 * How long its input may wait: PORTS_SLACK_LEAST to PORTS_SLACK_MOST (more is taken for that). Less: not at all, as after
 * ports_add(), and as long as an answer is awaited. For downloads, and to be said anew with each report: it holds for the next.
 */
void ports_set_slack(struct ports *ports, struct port *port, usec_t slack);

/*
 * Writes now what the port takes. Less than size: the writable handler is called when there is room. A later call says
 * anew what is left; size 0: nothing. Negative errno: the port is broken, a hangup follows.
 */
ssize_t ports_write(struct ports *ports, struct port *port, const char *data, size_t size);

/* The time of this turn, CLOCK_BOOTTIME. */
usec_t ports_now(const struct ports *ports);
