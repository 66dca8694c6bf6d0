/*
 * dialogue - one port's whole conversation: the AT channel below, the upgrade above, glued without I/O.
 *
 *      bytes, port events, time, SAVED  -->  dialogue  -->  SAVE, bytes to write, notices
 *
 * The daemon, the in-process simulation and the replay all drive this one object, so what is proven in one ring
 * holds in the others. After every call the caller performs what it left to do: first SAVE, then the output, then
 * the notices.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/upgrade.h"

#define DIALOGUE_NOTICES_MAX 16

struct trace;

/* What one call left to do. One box may serve many dialogues: it is emptied before the next call of any. */
struct dialogue_box {
	size_t n_notices;
	struct upgrade_notice notices[DIALOGUE_NOTICES_MAX];
	unsigned notices_lost; /* since ever; 0 unless a step is added without thought for the size */
	struct upgrade_effects effects; /* scratch */
	struct evidence evidence; /* of whom dialogue_keep() gave none: of nobody, where many share the box */
};

struct dialogue {
	struct at_channel channel;
	struct upgrade upgrade;
	uint64_t save; /* the newest SAVE that the caller has not taken */
	size_t noise;  /* bytes read since the last answer, report or boot text */
	struct dialogue_box *box;
	struct trace *trace; /* the caller's recorder, while one runs; NULL: none */
};

void dialogue_init(struct dialogue *d, struct dialogue_box *box, const struct upgrade_modem *modem,
	const struct timeouts *timeouts, bool trusted, usec_t quiet);

/* Room for an attempt's long lines, AT_COMMAND_MAX bytes: before GO, until dialogue_reclaim() says true. */
void dialogue_lend(struct dialogue *d, char *room);
bool dialogue_reclaim(struct dialogue *d);


/* Where the evidence of the next attempt is collected, until another is given; NULL: in the box. Before GO or resume. */
void dialogue_keep(struct dialogue *d, struct evidence *evidence);

void dialogue_resume(struct dialogue *d, const struct upgrade_record *record, const struct upgrade_task *task,
	usec_t now);

void dialogue_opened(struct dialogue *d, usec_t now);
void dialogue_lost(struct dialogue *d, usec_t now);
void dialogue_input(struct dialogue *d, const char *data, size_t size, usec_t now);
void dialogue_go(struct dialogue *d, const struct upgrade_task *task, usec_t now);
void dialogue_restore(struct dialogue *d, usec_t now);
void dialogue_cancel(struct dialogue *d, usec_t now);
void dialogue_saved(struct dialogue *d, uint64_t save, bool ok, usec_t now);
void dialogue_advance(struct dialogue *d, usec_t now);
usec_t dialogue_deadline(const struct dialogue *d);

/* The save to perform (0: none) and the bytes to write; a save is taken by asking. */
uint64_t dialogue_take_save(struct dialogue *d);
size_t dialogue_output(const struct dialogue *d, const char **ret);
void dialogue_written(struct dialogue *d, size_t size, usec_t now);

/* The next notice, in order; false: none. */
bool dialogue_take_notice(struct dialogue *d, struct upgrade_notice *ret);
