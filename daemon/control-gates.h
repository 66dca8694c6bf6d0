/*
 * control-gates - the answer to "why not now?" while it is made. For control*.c only.
 */
#pragma once

#include "daemon/control-internal.h"

struct gates {
	struct control_gate *of;
	size_t n;
	usec_t now, wall; /* CLOCK_BOOTTIME, CLOCK_REALTIME */
};

/* opens: CLOCK_REALTIME, of a gate that is shut. What comes from a modem is escaped here. */
void gate_add(struct gates *gates, const char *name, enum control_gate_state state, usec_t opens,
	const char *format, ...) PRINTF_LIKE(5, 6);
usec_t gates_wall(const struct gates *gates, usec_t when); /* from CLOCK_BOOTTIME */

/* control-gates.c */
void gates_add_times(struct gates *gates, const struct modem *m);
void gates_add_waves(struct gates *gates, const struct modem *m);
void gates_add_fetch(struct gates *gates, const struct modem *m);
void gates_add_limits(struct gates *gates, const struct modem *m);
