/*
 * For programs: everything, in one object. Times are microseconds since 1970.
 */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "daemon/rehearse/rehearsal-internal.h"

#define VERSION 1 /* of this format: keys are added, none changes its meaning */

static void put_text(FILE *file, const char *key, const char *text)
{
	fprintf(file, "\"%s\": \"", key);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(file, "\\%c", *text);
		else if ((unsigned char) *text < 0x20)
			fprintf(file, "\\u%04x", (unsigned) *text);
		else
			fputc(*text, file);
	}
	fputc('"', file);
}

static void put_time(FILE *file, const char *key, usec_t at)
{
	if (at == 0 || at == USEC_INFINITY)
		fprintf(file, "\"%s\": null", key);
	else
		fprintf(file, "\"%s\": %" PRIu64, key, at);
}

static const char *outcome_name(const struct attempt *t)
{
	if (t->end == 0)
		return "running";
	return upgrade_outcome_name(t->outcome == OUTCOME_ALREADY ? OUTCOME_SUCCEEDED : t->outcome);
}

static void put_attempt(const struct attempt *t, FILE *file)
{
	char name[NAME_MAX_SIZE + 8];

	actor_name(t->actor, name);
	fprintf(file, "{");
	put_text(file, "modem", name);
	fprintf(file, ", ");
	put_text(file, "campaign", t->actor->run->config->name);
	fprintf(file, ", \"wave\": %u, \"try\": %u, ", t->wave + 1, t->number);
	put_text(file, "from", t->package->from);
	fprintf(file, ", ");
	put_text(file, "to", t->package->to);
	fprintf(file, ", \"start\": %" PRIu64 ", ", t->start);
	put_time(file, "end", t->end);
	fprintf(file, ", ");
	put_time(file, "settled", t->settled);
	fprintf(file,
		", \"download_us\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"outcome\": \"%s\", ",
		t->download, t->bytes, outcome_name(t));
	fprintf(file, "\"reason\": \"%s\", \"state\": \"%s\", \"cell\": %" PRIu32 "}",
		reason_name(t->reason), t->end ? job_state_name(t->state) : "running",
		t->actor->cell);
}

static void put_modem(const struct rehearsal *r, const struct actor *a, FILE *file)
{
	const char *state = "", *word = "";
	char name[NAME_MAX_SIZE + 8];

	actor_name(a, name);
	fprintf(file, "{");
	put_text(file, "modem", name);
	fprintf(file, ", ");
	put_text(file, "campaign", a->campaign ? a->campaign->name : "");
	if (a->campaign)
		word = actor_left(r, a, &state);
	fprintf(file, ", \"state\": \"%s\", \"reason\": \"%s\", \"wave\": %u, ", state, word,
		a->member.wave + 1);
	put_text(file, "model", r->kinds[a->kind].module.model);
	fprintf(file, ", ");
	put_text(file, "from", r->kinds[a->kind].module.version);
	fprintf(file, ", ");
	put_text(file, "fault", a->fault ? fake_fault_at(a->fault->type)->name : "");
	fprintf(file, ", \"attempts\": %u}", a->attempts);
}

static void put_night(const struct night *n, FILE *file)
{
	fprintf(file,
		"{\"since\": %" PRIu64 ", \"until\": %" PRIu64 ", \"wave\": %u, \"started\": %u, ",
		n->since, n->until, n->wave + 1, n->started);
	fprintf(file,
		"\"succeeded\": %u, \"hops\": %u, \"again\": %u, \"failed\": %u, \"unknown\": %u, ",
		n->succeeded, n->hops, n->again, n->failed, n->unknown);
	fprintf(file, "\"deferred\": %u, \"missed\": %u, \"most\": %u, \"bytes\": %" PRIu64 "}",
		n->deferred, n->missed, n->most, n->bytes);
}

static void put_moments(const struct run *run, FILE *file)
{
	static const char *const names[] = { "wave", "halt", "not-after" };

	for (size_t i = 0; i < run->n_moments; i++)
		fprintf(file, "%s{\"event\": \"%s\", \"at\": %" PRIu64 ", \"wave\": %u}",
			i ? ", " : "", names[run->moments[i].type], run->moments[i].at,
			run->moments[i].type == MOMENT_WAVE ? run->moments[i].number + 1 : 0);
}

static void put_run(const struct rehearsal *r, const struct run *run, FILE *file)
{
	const struct tally *t = &run->campaign.all;
	uint64_t bytes = 0;

	fprintf(file, "{");
	put_text(file, "campaign", run->config->name);
	fprintf(file, ", ");
	put_text(file, "target", run->config->target);
	fprintf(file, ", \"modems\": %zu, \"succeeded\": %u, \"failed\": %u, \"unknown\": %u, ",
		run->n_members, t->of[MEMBER_SUCCEEDED], t->of[MEMBER_FAILED],
		t->of[MEMBER_UNKNOWN]);
	fprintf(file, "\"halted\": \"%s\", \"failures\": %u, \"judged\": %u,\n  ",
		campaign_halt_name(run->campaign.halted), run->halt_failures, run->halt_judged);
	put_time(file, "begin", run->begin);
	fprintf(file, ", ");
	put_time(file, "last_success", run->last);
	fprintf(file, ", ");
	put_time(file, "bound", run->bound);
	fprintf(file, ", ");
	put_text(file, "bound_by", run->bound_by ? run->bound_by : "");
	for (size_t i = 0; i < r->n_attempts; i++)
		bytes += r->attempts[i].actor->run == run ? r->attempts[i].bytes : 0;
	fprintf(file, ", \"bytes\": %" PRIu64 ", \"needed\": %" PRIu64 ",\n  \"events\": [", bytes,
		run->needed);
	put_moments(run, file);
	fprintf(file, "],\n  \"openings\": [");
	for (size_t i = 0; i < run->n_nights; i++) {
		fprintf(file, "%s\n    ", i ? "," : "");
		put_night(&run->nights[i], file);
	}
	fprintf(file, "]}");
}

void rehearsal_print_json(const struct rehearsal *r, FILE *file)
{
	fprintf(file,
		"{\"version\": %d, \"seed\": %" PRIu64 ", \"from\": %" PRIu64 ", \"end\": %" PRIu64,
		VERSION, r->options.seed, r->options.from, r->now);
	fprintf(file, ", \"cut\": %s, \"lives\": %zu,\n\"campaigns\": [", r->cut ? "true" : "false",
		r->n_lives);
	for (size_t i = 0; i < r->config->n_campaigns; i++) {
		fprintf(file, "%s\n  ", i ? "," : "");
		put_run(r, &r->runs[i], file);
	}
	fprintf(file, "],\n\"modems\": [");
	for (size_t i = 0; i < r->n_actors; i++) {
		fprintf(file, "%s\n  ", i ? "," : "");
		put_modem(r, &r->actors[i], file);
	}
	fprintf(file, "],\n\"attempts\": [");
	for (size_t i = 0; i < r->n_attempts; i++) {
		fprintf(file, "%s\n  ", i ? "," : "");
		put_attempt(&r->attempts[i], file);
	}
	fprintf(file, "]}\n");
}
