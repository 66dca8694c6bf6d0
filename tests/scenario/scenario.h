/*
 * scenario - one dialogue on paper, on a virtual clock.
 *
 * What the dialogue sends and says is put into two queues; the script claims it line by line. What is not claimed when
 * the script gives the next thing to the dialogue is a failure: nothing happens that is not in the text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"
#include "core/dialogue.h"

#define QUEUE_MAX 32
#define LINE_SIZE (AT_COMMAND_MAX + 1)
#define WORDS_MAX 12

struct queue {
	size_t n;
	char lines[QUEUE_MAX][LINE_SIZE];
};

struct scenario {
	const char *file;
	unsigned line;
	struct dialogue dialogue;
	char room[AT_COMMAND_MAX];
	struct dialogue_box box;
	struct upgrade_modem who;
	struct profile profile;
	struct timeouts timeouts;
	struct upgrade_task task;
	struct upgrade_record durable;
	char text[16][LINE_SIZE]; /* what the task's pointers point to */
	size_t n_texts;
	bool begun, trusted, by_hand;
	uint64_t pending;         /* the save that is under way, by hand */
	struct upgrade_record saving;
	usec_t now;
	struct queue sent, said;
	/* the module that answers as usual */
	struct identity module;
	bool pdp;
};

int scenario_run(struct scenario *s, const char *file); /* 0, or -1 after a message */


int complain(const struct scenario *s, const char *format, ...) PRINTF_LIKE(2, 3);

/* stage.c: what the words of a script do */
int stage_setting(struct scenario *s, char **words, size_t n); /* -ENOENT: no such word */
void stage_begin(struct scenario *s);
void stage_feed(struct scenario *s, const char *line);
int stage_advance(struct scenario *s, usec_t until);
int stage_wait(struct scenario *s);
int stage_as_usual(struct scenario *s, const char *until);
void stage_saved(struct scenario *s, bool ok);
void stage_crash(struct scenario *s, bool other_boot);
void stage_perform(struct scenario *s);
