/*
 * trace - the flight recorder of one port: every call into its dialogue with the time it was given, every byte both
 * ways, and what the dialogue had done by it (conduct 12).
 *
 *      dialogue_input() ... --> trace_call(), trace_input() ...  -->  memory of the caller, fixed
 *                                        bundle  <--trace_next()--    [STATE, GO, SAVE, SAVED, OUTPUT, LINE, ...]
 *
 * Since the calls and their times are kept, a replay is exact by construction. The oldest entries make room for new
 * ones; what is left always begins with a STATE, from which a replay can begin (trace-state.h), and further ones are
 * written now and then. A trace is kept only while an attempt runs: an idle port costs nothing.
 *
 * Secrets are masked before they are stored. A line is stored when its end has come, so that it is known what it is;
 * the beginnings that came with earlier reads are there as lengths (HIDDEN) with their times. While a line with a
 * secret is in flight, a line that is not recognised stays a length. Its echo is stored as it was masked.
 */
#pragma once

#include "core/dialogue.h"

#define TRACE_SIZE     ((size_t) 16 * 1024)
#define TRACE_SIZE_MIN ((size_t) 8 * 1024) /* two states, and a read of the port between them */

enum trace_type {
	TRACE_STATE, /* data: trace_state_decode(); number: the time, absolute */
	/* calls */
	TRACE_OPENED,
	TRACE_LOST,
	TRACE_LINE,        /* data: bytes with their line end; the first `number` of them came as HIDDEN before */
	TRACE_HIDDEN,      /* number / 2 bytes that are not shown; number % 2: a line ends with them */
	TRACE_GO,
	TRACE_RESTORE,
	TRACE_CANCEL,
	TRACE_SAVED,       /* number: of the save */
	TRACE_SAVE_FAILED, /* the same */
	TRACE_ADVANCE,
	/* effects */
	TRACE_SAVE,        /* number: of the save */
	TRACE_OUTPUT,      /* data: bytes that the port took, masked */
	TRACE_VERDICT,     /* number: trace_verdict() */
	_TRACE_MAX,
};

struct trace_entry {
	enum trace_type type;
	usec_t at;
	uint64_t number;
	const char *data; /* in the trace */
	size_t size;
};

struct trace {
	unsigned char *data;
	size_t size, used;
	size_t state;    /* where the newest STATE begins */
	usec_t last;     /* time of the newest entry */
	uint64_t dropped; /* entries */
	bool full;       /* one call had more to say than there is room for: begins anew with the next one */
};

/* Begins with the dialogue's present state. memory: TRACE_SIZE_MIN or more, for as long as the trace is used. */
void trace_begin(struct trace *t, void *memory, size_t size, const struct dialogue *d, usec_t now);

/* Called by the dialogue only, before it changes anything. */
void trace_call(struct trace *t, const struct dialogue *d, enum trace_type type, uint64_t number, usec_t now);
void trace_input(struct trace *t, const struct dialogue *d, const char *data, size_t size, usec_t now);
void trace_output(struct trace *t, const struct dialogue *d, size_t size, usec_t now);
void trace_effect(struct trace *t, enum trace_type type, uint64_t number);

uint64_t trace_verdict(const struct upgrade_notice *notice);
struct upgrade_notice trace_read_verdict(uint64_t number); /* outcome, reason and cme; -1 each where there is none such */

/* Entry by entry, the oldest first: begin with *position 0 and *at 0. False: there are no more. */
bool trace_next(const struct trace *t, size_t *position, usec_t *at, struct trace_entry *ret);

const char *trace_type_name(enum trace_type type); /* "opened" */
int trace_type_by_name(const char *name);          /* -EINVAL */
