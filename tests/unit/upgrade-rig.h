/*
 * A dialogue with a module on paper: a virtual clock, a script of answers, and a log of what was
 * said. Nothing here knows the procedure, only what conduct.md forbids: every line that leaves is
 * held to decisions 1, 2, 4, 5 and 13 (check_line), so that every story is a test of them too.
 *
 *      rig_begin(&rig, "NL668");                  the script: a healthy module at version OLD
 *      rig_answer(&rig, "AT+CPIN?", "+CPIN: SIM PIN|OK");
 *      rig_open(&rig); rig_go(&rig); rig_pass(&rig, MINUTE);
 *      assert_string_equal(rig.notices, "...");   entries and lines end with '|'
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/macros.h"
#include "core/dialogue.h"

#define OLD  "19006.1000.00.01.28"
#define NEW  "19006.1000.00.01.29"
#define IMEI "861234567890123"
#define HTTP_START "AT+GTOTA=0,\"http://fota.example.net/28-29.bin\""

#define RIG_ANSWERS 32
#define RIG_LOG     65536

enum rig_saves {
	RIG_SAVES,       /* at once */
	RIG_SAVES_LATE,  /* kept in rig.pending until rig_saved() */
	RIG_SAVES_NEVER, /* fail */
};

struct rig_answer {
	const char *command; /* or its beginning, when it ends with '*' */
	const char *answer;  /* lines with '|' between them; "": silence */
	unsigned times;      /* 0: for ever */
};

struct rig {
	struct dialogue d;
	char room[AT_COMMAND_MAX];
	struct dialogue_box box;
	struct timeouts timeouts;
	struct profile profile; /* a copy of the built-in row, to be changed before rig_open() */
	struct upgrade_modem modem;
	struct upgrade_task task;
	usec_t now;

	struct rig_answer answers[RIG_ANSWERS];
	size_t n_answers;
	bool deaf;     /* answers nothing at all */
	bool stuck;    /* the port takes no bytes */
	bool echo;     /* as ATE1 */
	bool chatty;   /* says something of its own before every answer */
	enum rig_saves saves;
	const char *save_step; /* `saves` holds in this step only; NULL: in all */
	uint64_t pending;
	struct upgrade_record pending_record, durable;
	unsigned n_saves;

	char wire[RIG_LOG];    /* lines as they left: "AT|AT+CGMI|" */
	char notices[RIG_LOG]; /* "identified|progress 5|verdict failed stalled|", without the steps */
	char steps[RIG_LOG];
	struct upgrade_notice last; /* the last verdict, refusal or warning */
	char partial[AT_COMMAND_MAX + 1];
	unsigned n_starts, n_callbreaks;
	usec_t asked; /* the last probe of a verification */
};

void rig_begin(struct rig *rig, const char *profile);
void rig_untrusted(struct rig *rig, usec_t quiet); /* the store does not know the module */

/* From now on, or for one time before that (in order). */
void rig_answer(struct rig *rig, const char *command, const char *answer);
void rig_once(struct rig *rig, const char *command, const char *answer);

void rig_open(struct rig *rig);
void rig_lost(struct rig *rig);
void rig_hear(struct rig *rig, const char *line); /* the module says it on its own */
void rig_go(struct rig *rig);
void rig_cancel(struct rig *rig);
void rig_restore(struct rig *rig);
void rig_saved(struct rig *rig, bool ok); /* the pending one */
void rig_pass(struct rig *rig, usec_t duration);
void rig_flow(struct rig *rig); /* what can happen now, happens */
void rig_crash(struct rig *rig); /* and a new life with what is durable; the port is not there */

/* Passes until this step is entered; fails after a day. */
void rig_until(struct rig *rig, const char *step);

void rig_hold(struct rig *rig);    /* opened and identified, logs emptied */
void rig_started(struct rig *rig); /* the same, then GO until the start line is out, logs emptied */
void rig_forget(struct rig *rig);  /* empties the logs */

/* Compares and empties. */
void rig_wire(struct rig *rig, const char *lines);
void rig_notices(struct rig *rig, const char *notices);
bool rig_did(const struct rig *rig, const char *line); /* did this line leave? */
const char *rig_step(const struct rig *rig);
