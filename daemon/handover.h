/*
 * handover - ports that outlive a restart of fotad, in the service manager's file descriptor store (conduct 16).
 *
 * While a module is past the point of no return a duplicate of its port lies in the store (FDNAME=port.NAME). The tty stays
 * open through a restart, a crash or a watchdog kill, so the module's reports wait in its buffer. At SIGTERM the half
 * of a line that was read already goes there too (line.NAME), and for neighbour.h a connection to D-Bus (bus.NAME). The next fotad adopts the descriptor when it is still the
 * tty that the configuration means; who answers on it is asked before anything is judged. Without a service manager
 * nothing of this happens.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "core/at-line.h"

#define HANDOVER_NAME_MAX 32

struct handover;

/* Takes what the service manager has passed; -ENOMEM. Call once, before any other descriptor is made. */
int handover_new(struct handover **ret);

/* Closes what nobody has adopted, and has it forgotten. NULL is fine; returns NULL. */
struct handover *handover_free(struct handover *handover);

/*
 * The port of this modem, if it was passed and is this tty: the caller owns it. -1: none. ret_line: the half line that
 * had been read, ret_size of it.
 */
int handover_adopt(struct handover *handover, const char *name, dev_t device, char ret_line[static AT_LINE_MAX],
	size_t *ret_size);

/* Puts a duplicate into the store, or takes it out. */
void handover_store(const char *name, int fd);
void handover_store_line(const char *name, const char *line, size_t size);
void handover_forget(const char *name);

/* A connection to D-Bus that an earlier life has put there, and its name: the caller owns it. -1: none, or no more. */
int handover_adopt_bus(struct handover *handover, char ret_name[static HANDOVER_NAME_MAX]);
void handover_store_bus(const char *name, int fd);
void handover_forget_bus(const char *name);
