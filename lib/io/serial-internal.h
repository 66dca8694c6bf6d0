/*
 * serial-internal - what a worker of the pool does to one port. All of it may block; none of it may run in the loop.
 *
 *      serial.c (threads) --> serial-open.c (one port) --> serial-tty.c   (libserialport)
 *                                                     --> serial-lock.c  (UUCP lock files)
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#define SERIAL_LOCK_DIRECTORY "/run/lock" /* FHS 3.0, 5.9 (/var/lock links to it) */

/* Resolves a configured path to its tty, without opening it. -ENOENT, -ENOTTY, -EINVAL. */
int serial_resolve(const char *path, char ret[static PATH_MAX], dev_t *ret_device);

/*
 * Opens, locks and configures what serial_resolve() found. On -EBUSY *ret_holder says whose lock it is (0: not known);
 * on failure nothing stays open.
 */
int serial_port_open(const char *path, dev_t device, unsigned baud_rate, int *ret_fd, pid_t *ret_holder);

/* Gives the port's lock file back and closes. */
void serial_port_close(int fd);

/* Does it belong to a Unix98 pseudo-terminal's slave side? */
bool serial_is_pty(dev_t device);

/*
 * Raw 8N1 without flow control, DTR and RTS on, by libserialport. It opens the tty for itself and closes it again: the
 * caller holds it open, so that the settings stay and no modem line moves.
 */
int serial_tty_configure(const char *path, unsigned baud_rate);

/* -EBUSY: a living process other than this one has a lock file for the port. */
int serial_lock_check(const char *directory, const char *path, pid_t *ret_holder);

/* Leaves a lock file of our own, where the directory lets us; an older one of this process or of a dead one goes. */
void serial_lock_take(const char *directory, const char *path);
void serial_lock_drop(const char *directory, const char *path);
