/*
 * replay - a recorded attempt, lived once more by the same core on a virtual clock.
 *
 *      struct replay_case --> replay_begin() --> replay_next() ... --> the same, or the first difference
 *
 * Calls are made as they were recorded, with their times; what the dialogue wants to have done by them (saves, bytes
 * to the module, the verdict) is compared with what was done then. Bytes that were not stored are replaced by as many
 * "x": the trace stored all that the core can recognise.
 */
#pragma once

#include "core/trace-state.h"
#include "core/trace.h"

#define REPLAY_VERDICTS_MAX 8
#define REPLAY_TEXT_MAX     640

/* What a bundle holds. All that it points to outlives the replay. */
struct replay_case {
	const char *imei;                 /* as configured, or NULL */
	bool named;                       /* the profile was named by the configuration */
	struct timeouts timeouts;         /* of a module not yet identified */
	struct profile profile;           /* resolved; .name NULL: none was known */
	const struct upgrade_task *task;  /* masked; NULL: none was known */
	const struct trace_state *state;  /* where it begins */
	const struct trace_entry *entries; /* without STATE and without joined lines */
	size_t n_entries;
};

struct replay {
	const struct replay_case *it;
	size_t next;                /* entry */
	struct upgrade_modem modem;
	struct dialogue dialogue;
	struct dialogue_box box;
	char room[AT_COMMAND_MAX];
	struct upgrade_notice verdicts[REPLAY_VERDICTS_MAX]; /* said by the core, not yet compared */
	size_t n_verdicts;
	struct upgrade_notice verdict; /* the newest that agreed */
	bool judged;                   /* there is one */
	char difference[REPLAY_TEXT_MAX];
};

enum replay_result {
	REPLAY_SAME,      /* the entry was made, and agrees */
	REPLAY_DIFFERENT, /* .difference says how; the replay is over */
	REPLAY_END,       /* all agree, and a verdict was reached */
};

/*
 * What a trace holds from its STATE at `from` on (0: all of it): ret has room for all its entries, their data stay in
 * the trace. -EBADMSG: no STATE is there.
 */
int replay_load(const struct trace *t, size_t from, struct trace_state *ret_state, struct trace_entry *ret,
	usec_t *ret_began, size_t *ret_n);

/* -EINVAL: no dialogue can begin so. */
int replay_begin(struct replay *r, const struct replay_case *it);

/* ret_entry: the one that was made, for people; NULL at the end. */
enum replay_result replay_next(struct replay *r, const struct trace_entry **ret_entry);
