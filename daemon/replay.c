#include "daemon/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/replay.h"
#include "io/bundle.h"

enum { SAME = 0, DIFFERENT = 1, UNREADABLE = 78 };

#define SHOWN_MAX 4096

static const char *shown(const char *data, size_t size, char buffer[static SHOWN_MAX])
{
	text_escape(buffer, SHOWN_MAX, data, size);
	return buffer;
}

static void print_verdict(const char *what, const struct upgrade_notice *v)
{
	printf("%s%s%s%s", what, trace_kind_name(TRACE_OUTCOME, (int) v->outcome),
		v->reason ? ", " : "", reason_name(v->reason));
	if (v->cme != AT_ERROR_NONE)
		printf(" (+CME ERROR: %d)", v->cme);
}

static void print_entry(const struct trace_entry *e)
{
	struct upgrade_notice verdict = trace_read_verdict(e->number);
	char buffer[SHOWN_MAX];

	switch (e->type) {
	case TRACE_LINE:
		printf("< %s", shown(e->data, e->size, buffer));
		break;
	case TRACE_HIDDEN:
		printf("< %" PRIu64 " bytes, not stored%s", e->number / 2,
			e->number % 2 ? "; end of line" : "");
		break;
	case TRACE_OUTPUT:
		printf("> %s", shown(e->data, e->size, buffer));
		break;
	case TRACE_SAVE:
	case TRACE_SAVED:
	case TRACE_SAVE_FAILED:
		printf("* %s %" PRIu64, trace_type_name(e->type), e->number);
		break;
	case TRACE_VERDICT:
		print_verdict("= verdict: ", &verdict);
		break;
	case TRACE_STATE:
	case TRACE_OPENED:
	case TRACE_LOST:
	case TRACE_GO:
	case TRACE_RESTORE:
	case TRACE_CANCEL:
	case TRACE_ADVANCE:
	case _TRACE_MAX:
		printf("* %s", trace_type_name(e->type));
		break;
	}
}

static void print_moment(usec_t at, usec_t began)
{
	usec_t since = at > began ? at - began : 0;

	printf("%10" PRIu64 ".%06u ", (uint64_t) (since / SEC), (unsigned) (since % SEC));
}

static void print_head(const struct bundle *b)
{
	char buffer[SHOWN_MAX];

	/* Names are the configuration's, but a file may hold anything: no control byte gets to a
	 * terminal. */
	printf("modem %s, ", shown(b->modem, strlen(b->modem), buffer));
	printf("campaign %s, ", shown(b->campaign, strlen(b->campaign), buffer));
	printf("target %s; ", shown(b->target, strlen(b->target), buffer));
	printf("written by fotad %s\n", shown(b->fotad, strlen(b->fotad), buffer));
	if (b->dropped)
		printf("the first %" PRIu64 " entries had no room\n", b->dropped);
}

static int run(const struct bundle *b, struct replay *r)
{
	const struct trace_entry *entry;
	enum replay_result result;
	const char *step = "";

	do {
		result = replay_next(r, &entry);
		if (!entry)
			break;
		print_moment(entry->at, b->began);
		print_entry(entry);
		if (!text_equal(step, upgrade_step_name(&r->dialogue.upgrade)))
			printf("   [%s]", upgrade_step_name(&r->dialogue.upgrade));
		step = upgrade_step_name(&r->dialogue.upgrade);
		printf("\n");
	} while (result == REPLAY_SAME);
	if (result == REPLAY_DIFFERENT) {
		printf("DIFFERENT: %s\n", r->difference);
		return DIFFERENT;
	}
	print_verdict("the same: ", &r->verdict);
	printf("\n");
	return SAME;
}

int replay_file(const char *path)
{
	char problem[BUNDLE_PROBLEM_MAX];
	struct replay *r = malloc(sizeof(*r));
	struct bundle *b = NULL;
	int code = UNREADABLE;

	if (!r || bundle_load(path, &b, problem) < 0) {
		fprintf(stderr, "fotad: cannot replay %s: %s\n", path, r ? problem : "no memory");
	} else if (replay_begin(r, &b->replay) == 0) { /* bundle_load() has tried it */
		print_head(b);
		code = run(b, r);
	}
	bundle_free(b);
	free(r);
	return code;
}
