/*
 * serial - opens and closes serial ports on worker threads, so that a sick USB device never stops the loop
 * (conduct 14: control transfers and undelivered bytes can each take seconds).
 *
 * A port is opened, locked with flock(), and only then configured, so that a port somebody else holds is not disturbed:
 * a real tty by libserialport (raw 8N1, no flow control) on a descriptor of its own, with what Debian's 0.1.1 leaves out
 * added: O_CLOEXEC, TIOCEXCL, no HUPCL, no IXON (operations, F2); /dev/pts/N by a small termios opener, because
 * libserialport refuses pseudo-terminals (F1). Symlinks are resolved first; what is not a tty is refused unopened. UUCP
 * lock files (/run/lock/LCK..NAME) of living processes are honoured, and one is left for a real tty while it is open.
 * Bytes that wait in the tty are kept.
 *
 * The pool has a few threads, started as they are needed; one that is stuck past its deadline is reported as -ETIMEDOUT
 * ("port-stuck") and left to finish by itself, what it opens late is closed by it, and another thread takes its place (up
 * to 16; beyond that requests wait). An open waits for a close of the same device that is under way.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/usec.h"

struct serial_pool;

struct serial_result {
	void *userdata;  /* as given to serial_look() or serial_open() */
	uint64_t ticket; /* as returned by it */
	int fd;          /* of an open: non-blocking; the receiver owns it; -1 on error */
	int error;       /* 0, or -ENOENT absent, -EBUSY held by somebody, -EACCES, -ENOTTY no tty, -ETIMEDOUT stuck, -E... */
	pid_t holder;    /* with -EBUSY: whose lock it is, 0 if not known */
	dev_t device;    /* the tty's device number */
};

int serial_pool_new(unsigned threads, struct serial_pool **ret);
struct serial_pool *serial_pool_free(struct serial_pool *pool); /* waits for nobody who is stuck */

/* Becomes readable when results are there (an eventfd). Owned by the pool. */
int serial_pool_fd(const struct serial_pool *pool);

/*
 * Queues a look (to which tty does the path lead now? Nothing is opened) or an open; `timeout` counts from the moment that
 * a thread takes it. The path is copied. -EINVAL (baud rate 0), -ENAMETOOLONG, -ENOMEM, -ETIMEDOUT: an earlier one is
 * stuck; -EAGAIN: no thread can be had.
 */
int serial_look(struct serial_pool *pool, const char *path, usec_t timeout, void *userdata, uint64_t *ret_ticket);
int serial_open(struct serial_pool *pool, const char *path, unsigned baud_rate, usec_t timeout, void *userdata,
	uint64_t *ret_ticket);

/* The userdata of this ticket is gone: no result will be given for it, what it opens is closed. */
void serial_cancel(struct serial_pool *pool, uint64_t ticket);

/* Queues a close (it can block for undelivered bytes). Takes the descriptor over; -1 is fine. */
void serial_close(struct serial_pool *pool, int fd);

/* The next result; false: none now. Also finds the stuck ones, so it is called at least once a second while opens are out. */
bool serial_pool_result(struct serial_pool *pool, struct serial_result *ret);

/* A port that an earlier process has opened is ours now: its lock file says so. Does not block: /run is in memory. */
void serial_adopted(int fd);
