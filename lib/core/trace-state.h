/*
 * trace-state - what one dialogue knows at one moment, so that a replay can begin there.
 *
 *      dialogue --trace_state_encode()--> bytes in a trace --trace_state_decode()--> struct trace_state
 *                                         bundle file <--- by trace_state_fields ---> struct trace_state
 *      struct trace_state --trace_state_apply()--> dialogue
 *
 * The fields are one table with names, so the file does not depend on the order of a struct or an enum. What is a
 * pointer in the dialogue is a name here. Secrets never get in: a line with one is kept as gtota_build_masked() shows
 * it, and a line that is only begun as its length.
 */
#pragma once

#include "core/dialogue.h"

#define TRACE_STATE_MAX 4096 /* encoded: the channel's line, text and output, and 1 KiB */

enum trace_kind {
	TRACE_BOOL,
	TRACE_COUNT,   /* unsigned, 32 bits */
	TRACE_INT,
	TRACE_LONG,    /* 64 bits */
	TRACE_TIME,
	TRACE_TEXT,    /* an array with a NUL */
	TRACE_STEP,    /* and below: by name */
	TRACE_REASON,
	TRACE_OUTCOME,
	TRACE_CHANNEL,
	TRACE_EXPECT,
};

struct trace_field {
	const char *name;
	enum trace_kind kind;
	size_t offset, size; /* in struct dialogue */
};

/* NULL-terminated by name. */
extern const struct trace_field trace_state_fields[];

struct trace_state {
	struct dialogue dialogue; /* its pointers mean nothing */
	bool task;                /* there was one */
	char output[AT_COMMAND_MAX]; /* the channel's last line */
	char profile[16];         /* its name, or "" */
	char prefix[2][32];       /* of the upgrade's question, of the channel's command */
};

const char *trace_kind_name(enum trace_kind kind, int value); /* NULL: no such value */
int trace_kind_by_name(enum trace_kind kind, const char *name); /* -EINVAL */

/* -EMSGSIZE. */
int trace_state_encode(const struct dialogue *d, unsigned char *ret, size_t size, size_t *ret_size);
int trace_state_decode(const unsigned char *data, size_t size, struct trace_state *ret); /* -EBADMSG */

/*
 * Takes it up in d, which dialogue_init() has made and dialogue_lend() given room. The state, the task and the profile must outlive d. profile: the
 * row that state->profile names. task NULL: the state must say that there was none. -EINVAL: no dialogue can be in
 * such a state; d is to be forgotten.
 */
int trace_state_apply(const struct trace_state *state, const struct upgrade_task *task,
	const struct profile *profile, struct dialogue *d);

/*
 * The line as it may be stored: what follows AT+GTOTA= and AT+MIPCALL=1, as for people, and the task's secrets nowhere.
 * task may be NULL. Returns the length; ret has room for TRACE_LINE_MAX.
 */
#define TRACE_LINE_MAX 1536
size_t trace_mask(const struct upgrade_task *task, const char *line, size_t size, char ret[static TRACE_LINE_MAX]);

/* How many bytes of a line of `masked` are out, when `done` of the real one of `size` are: none, all, or some. */
size_t trace_mask_done(size_t done, size_t size, size_t masked);
