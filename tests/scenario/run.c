/*
 * run FILE...
 *
 * Plays scenario files, stories that an operator could have written, against the real dialogue. One line is one thing.
 *
 * What is given:
 *	profile NAME; timeout NAME DURATION; imei IMEI; trusted; saves by-hand; rat lock; check registered; require ...
 *	module MODEL VERSION IMEI; module runs VERSION        what "as usual" answers with
 *	package http URL from A to B
 *	package ftp SERVER FILE USER PASSWORD from A to B
 *
 * What happens:
 *	open, lost, go, restore, cancel, saved, save-failed, crash, crash other-boot
 *	+DURATION              time passes, and nothing happens before its end
 *	at DURATION            the same, since the beginning
 *	wait                   time passes until something happens by itself
 *	> LINE                 the dialogue sends exactly this, next
 *	< LINE                 the module sends this
 *	as usual until LINE    the module answers everything as usual, until that is sent ("...=": begins so)
 *	identified, refused REASON, elsewhere, restored [REASON], verdict OUTCOME [REASON]
 *	step NAME              where it stands
 *	next start DURATION    rule 8: not before this time from now
 */
#include "tests/scenario/scenario.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define BIRTH (1000 * SEC)

int complain(const struct scenario *s, const char *format, ...)
{
	va_list args;

	printf("%s:%u: ", s->file, s->line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	return -1;
}

static int claim(struct scenario *s, struct queue *q, const char *what, const char *text)
{
	if (q->n == 0)
		return complain(s, "wanted \"%s\", but nothing is %s; step %s", text, what,
			upgrade_step_name(&s->dialogue.upgrade));
	if (!text_equal(q->lines[0], text))
		return complain(s, "wanted \"%s\", but \"%s\" is %s", text, q->lines[0], what);
	q->n--;
	memmove(q->lines[0], q->lines[1], q->n * LINE_SIZE);
	return 0;
}

/* What happened and is not in the script. */
static int nothing_left(struct scenario *s)
{
	if (s->sent.n > 0)
		return complain(s, "before this \"%s\" is sent", s->sent.lines[0]);
	if (s->said.n > 0)
		return complain(s, "before this \"%s\" is said", s->said.lines[0]);
	return 0;
}

static int pass(struct scenario *s, usec_t base, const char *duration)
{
	usec_t time;

	if (usec_parse(duration, &time) < 0)
		return complain(s, "\"%s\" is no duration", duration);
	if (nothing_left(s) < 0)
		return -1;
	return stage_advance(s, usec_add(base, time));
}

static int next_start(struct scenario *s, const char *duration)
{
	usec_t time, next = upgrade_next_start(&s->dialogue.upgrade);
	char a[USEC_FORMAT_MAX];

	if (usec_parse(duration, &time) < 0)
		return complain(s, "\"%s\" is no duration", duration);
	if (usec_sub(next, s->now) / SEC != time / SEC)
		return complain(s, "it is %s", usec_format(a, usec_sub(next, s->now)));
	return 0;
}

static int finish_save(struct scenario *s, bool ok)
{
	if (!s->pending)
		return complain(s, "no save is under way");
	stage_saved(s, ok);
	return 0;
}

enum act { OPEN, LOST, GO, RESTORE, CANCEL, SAVED, SAVE_FAILED, CRASH, CRASH_OTHER_BOOT, WAIT };

static int act(struct scenario *s, enum act what)
{
	if (nothing_left(s) < 0)
		return -1;
	switch (what) {
	case OPEN:
		dialogue_opened(&s->dialogue, s->now);
		break;
	case LOST:
		dialogue_lost(&s->dialogue, s->now);
		break;
	case GO:
		dialogue_go(&s->dialogue, &s->task, s->now);
		break;
	case RESTORE:
		dialogue_restore(&s->dialogue, s->now);
		break;
	case CANCEL:
		dialogue_cancel(&s->dialogue, s->now);
		break;
	case SAVED:
		return finish_save(s, true);
	case SAVE_FAILED:
		return finish_save(s, false);
	case CRASH:
	case CRASH_OTHER_BOOT:
		stage_crash(s, what == CRASH_OTHER_BOOT);
		return 0;
	case WAIT:
		return stage_wait(s);
	}
	stage_perform(s);
	return 0;
}

static int play(struct scenario *s, const char *text)
{
	static const char *const acts[] = {
		[OPEN] = "open",
		[LOST] = "lost",
		[GO] = "go",
		[RESTORE] = "restore",
		[CANCEL] = "cancel",
		[SAVED] = "saved",
		[SAVE_FAILED] = "save-failed",
		[CRASH] = "crash",
		[CRASH_OTHER_BOOT] = "crash other-boot",
		[WAIT] = "wait",
	};
	static const char *const notices[] = { "identified", "refused", "elsewhere", "restored",
		"verdict" };

	for (size_t i = 0; i < ELEMENTSOF(acts); i++)
		if (text_equal(text, acts[i]))
			return act(s, (enum act) i);
	for (size_t i = 0; i < ELEMENTSOF(notices); i++)
		if (text_starts_with(text, notices[i]))
			return claim(s, &s->said, "said", text);
	if (text_starts_with(text, "step "))
		return text_equal(text + 5, upgrade_step_name(&s->dialogue.upgrade))
			       ? 0
			       : complain(
					 s, "it is at %s", upgrade_step_name(&s->dialogue.upgrade));
	if (text_starts_with(text, "at "))
		return pass(s, BIRTH, text + 3);
	if (text_starts_with(text, "next start "))
		return next_start(s, text + strlen("next start "));
	if (text_starts_with(text, "as usual until "))
		return stage_as_usual(s, text + strlen("as usual until "));
	return complain(s, "\"%s\" is not understood", text);
}

static int setting(struct scenario *s, const char *text)
{
	char copy[2 * LINE_SIZE], *words[WORDS_MAX], *rest = copy;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word; n < WORDS_MAX && (word = strsep(&rest, " ")) != NULL;)
		if (*word != '\0')
			words[n++] = word;
	return stage_setting(s, words, n);
}

static int one_line(struct scenario *s, char *text)
{
	int r;

	text[strcspn(text, "\r\n")] = '\0';
	if (text[0] == '\0' || text[0] == '#')
		return 0;
	if (text_starts_with(text, "> "))
		return claim(s, &s->sent, "sent", text + 2);
	if (text_starts_with(text, "< ")) {
		if (nothing_left(s) < 0)
			return -1;
		stage_feed(s, text + 2);
		return 0;
	}
	if (text[0] == '+')
		return pass(s, s->now, text + 1);
	r = setting(s, text);
	if (r == 0)
		return 0;
	if (r != -ENOENT)
		return complain(s, "\"%s\" cannot be set", text);
	stage_begin(s);
	return play(s, text);
}

int scenario_run(struct scenario *s, const char *file)
{
	char text[2 * LINE_SIZE];
	FILE *f = fopen(file, "re");
	int r = 0;

	if (!f) {
		printf("%s: %s\n", file, strerror(errno));
		return -1;
	}
	*s = (struct scenario){ .file = file, .now = BIRTH };
	while (r == 0 && fgets(text, sizeof(text), f)) {
		s->line++;
		r = one_line(s, text);
	}
	if (r == 0)
		r = nothing_left(s);
	fclose(f);
	return r;
}

int main(int argc, char **argv)
{
	static struct scenario scenario;
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed += scenario_run(&scenario, argv[i]) < 0;
	printf("%d scenarios, %d failed\n", argc - 1, failed);
	return failed > 0 || argc == 1;
}
