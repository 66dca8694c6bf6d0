/*
 * A dialogue with its flight recorder (upgrade-rig.h), and the replay of what was recorded.
 */
#pragma once

#include "tests/unit/upgrade-rig.h"

#include <errno.h>
#include <stdio.h>

#include "base/text.h"
#include "core/replay.h"
#include "core/trace.h"

#define CANARY	    "kanarie-Zx91"
#define ENTRIES_MAX 8192

struct recorder {
	struct rig rig;
	struct trace trace;
	unsigned char memory[TRACE_SIZE];
	struct trace_state state;
	struct trace_entry entries[ENTRIES_MAX];
	struct upgrade_task masked;
	struct replay_case it;
	struct replay replay;
};

static inline void record(struct recorder *r, size_t size)
{
	trace_begin(&r->trace, r->memory, size, &r->rig.d, r->rig.now);
	r->rig.d.trace = &r->trace;
}

/* Before the attempt: the module holds. */
static inline struct recorder *begin(const char *profile, size_t size)
{
	struct recorder *r = test_calloc(1, sizeof(*r));

	rig_begin(&r->rig, profile);
	rig_hold(&r->rig);
	record(r, size);
	return r;
}

static inline void use_ftp(struct recorder *r, const char *password)
{
	r->rig.task.request = (struct gtota_request){
		.type = GTOTA_FTP,
		.url = "fota.example.net",
		.filename = "28-29.bin",
		.username = "fota",
		.password = password,
	};
}

static inline void use_apn(struct recorder *r, const char *password)
{
	r->rig.task.apn =
		(struct apn){ .name = "iot.example", .username = "gw", .password = password };
	rig_once(&r->rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
}

static inline void make_case(struct recorder *r, size_t from)
{
	usec_t began;

	r->masked = r->rig.task;
	r->masked.request.password = r->masked.request.password ? "***" : NULL;
	r->masked.apn.password = r->masked.apn.password ? "***" : NULL;
	if (r->masked.request.type == GTOTA_HTTP && strchr(r->masked.request.url, '?'))
		r->masked.request.url = "http://fota.example.net/28-29.bin?***";
	r->it = (struct replay_case){
		.named = true,
		.timeouts = r->rig.timeouts,
		.profile = r->rig.profile,
		.task = &r->masked,
		.state = &r->state,
		.entries = r->entries,
	};
	assert_return_code(
		replay_load(&r->trace, from, &r->state, r->entries, &began, &r->it.n_entries), 0);
	assert_true(r->it.n_entries <= ENTRIES_MAX);
}

static inline void replay_from(struct recorder *r, size_t from)
{
	const struct trace_entry *entry;
	enum replay_result result;

	make_case(r, from);
	assert_return_code(replay_begin(&r->replay, &r->it), 0);
	do {
		result = replay_next(&r->replay, &entry);
	} while (result == REPLAY_SAME);
	if (result == REPLAY_DIFFERENT)
		fail_msg("entry %zu of %zu, step %s: %s", r->replay.next, r->it.n_entries,
			upgrade_step_name(&r->replay.dialogue.upgrade), r->replay.difference);
}

static inline bool holds(const struct trace *t, const char *text)
{
	return memmem(t->data, t->used, text, strlen(text)) != NULL;
}

/* From every state that the trace holds before its verdict; returns how many there were. */
static inline unsigned replay_all(
	struct recorder *r, enum upgrade_outcome outcome, enum reason reason)
{
	size_t position = 0, from = 0, verdict = 0;
	struct trace_entry entry;
	unsigned n = 0;
	usec_t at = 0;

	assert_false(r->trace.full);
	while (trace_next(&r->trace, &position, &at, &entry))
		if (entry.type == TRACE_VERDICT)
			verdict = position;
	position = at = 0;
	for (; trace_next(&r->trace, &position, &at, &entry); from = position) {
		if (entry.type != TRACE_STATE || position > verdict)
			continue;
		replay_from(r, from);
		assert_int_equal(r->replay.verdict.outcome, outcome);
		assert_int_equal(r->replay.verdict.reason, reason);
		n++;
	}
	return n;
}

static inline void end(struct recorder *r)
{
	assert_false(holds(&r->trace, CANARY));
	test_free(r);
}

static inline void to_the_end(struct recorder *r)
{
	rig_until(&r->rig, "settle");
	rig_until(&r->rig, "hold");
}
