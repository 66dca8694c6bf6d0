/*
 * For a person at a terminal: who goes when, then what it comes to.
 */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "daemon/rehearse/rehearsal-internal.h"

#define FEW   60 /* attempts are shown one by one */
#define NAMES 5	 /* of those that are left */

static const struct zone *zone_of(const struct run *run)
{
	return run->config->when.n_windows > 0 ? run->config->when.windows[0].zone : &zone_utc;
}

/* "Tue 2026-12-01 01:00:00" by the clocks of a campaign's windows. */
static const char *moment_text(
	char buffer[static CIVIL_FORMAT_MAX], const struct run *run, usec_t at)
{
	static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
	int32_t offset = zone_offset(zone_of(run), at);
	int64_t local = (int64_t) (at / SEC) + offset;
	char text[CIVIL_FORMAT_MAX];

	(void) civil_format(text, at, offset);
	if (strlen(text) < 19) /* "never" */
		return strcpy(buffer, text);
	snprintf(buffer, CIVIL_FORMAT_MAX, "%s %.10s %.8s",
		days[civil_weekday(civil_floor(local, CIVIL_DAY))], text, text + 11);
	return buffer;
}

static const char *bytes_text(char buffer[static 24], uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	uint64_t tenths = bytes * 10;
	size_t unit = 0;

	for (; tenths >= 10000 && unit + 1 < ELEMENTSOF(units); unit++)
		tenths /= 1000;
	if (unit == 0)
		snprintf(buffer, 24, "%" PRIu64 " B", bytes);
	else
		snprintf(buffer, 24, "%" PRIu64 ".%u %s", tenths / 10, (unsigned) (tenths % 10),
			units[unit]);
	return buffer;
}

static const char *result_word(const struct attempt *t)
{
	if (t->end == 0)
		return "still runs";
	switch (t->outcome) {
	case OUTCOME_SUCCEEDED:
	case OUTCOME_ALREADY:
		return t->state == JOB_SUCCEEDED ? "succeeded" : "hop done";
	case OUTCOME_FAILED:
		return t->state == JOB_WAITING ? "failed, again later" : "failed";
	case OUTCOME_DEFERRED:
		return "put off";
	case OUTCOME_UNKNOWN:
		return "unknown";
	case OUTCOME_CANCELLED:
		return "cancelled";
	}
	return "";
}

static void print_attempt(const struct run *run, const struct attempt *t, FILE *file)
{
	char name[NAME_MAX_SIZE + 8], start[CIVIL_FORMAT_MAX], span[USEC_FORMAT_MAX] = "";

	actor_name(t->actor, name);
	if (t->end > 0)
		(void) usec_format(span, t->end - t->start);
	fprintf(file, "  %s  %-16s %s -> %s  try %u, wave %u  %-10s %s%s%s%s\n",
		moment_text(start, run, t->start), name, t->package->from, t->package->to,
		t->number, t->wave + 1, span, result_word(t), t->reason ? " (" : "",
		reason_name(t->reason), t->reason ? ")" : "");
}

static const char *halt_text(const struct run *run, char *buffer, size_t size)
{
	const struct halt_rules *halt = &run->config->rules.halt;
	struct wave_view view = campaign_view(&run->campaign, run->campaign.wave);

	switch (run->campaign.halted) {
	case CAMPAIGN_RUNS:
		return "";
	case CAMPAIGN_FAILURES:
		snprintf(buffer, size, "%u of %u failed (halt.failures: %u%s, after %u)",
			run->halt_failures, run->halt_judged, halt->failures.value,
			halt->failures.percent ? "%" : "", halt->after);
		break;
	case CAMPAIGN_UNPROVEN:
		snprintf(buffer, size,
			"wave %u cannot be proven: %u of %u must succeed, %u have, %u may still",
			run->campaign.wave + 1, view.wanted, view.members, view.succeeded,
			view.left);
		break;
	case CAMPAIGN_FETCH:
		return "the server does not hold what the packages say";
	case CAMPAIGN_SLOWER:
		return "upgraded modems take long to come back (brake)";
	case CAMPAIGN_WEAKER:
		return "upgraded modems hear badly (brake)";
	}
	return buffer;
}

static void print_moment(const struct run *run, const struct moment *m, FILE *file)
{
	char at[CIVIL_FORMAT_MAX], why[160];
	unsigned n = (unsigned) run->config->rules.n_waves, members;

	fprintf(file, "  %s  ", moment_text(at, run, m->at));
	switch (m->type) {
	case MOMENT_WAVE:
		members = campaign_view(&run->campaign, m->number).members;
		fprintf(file, "-- wave %u of %u opens, for %u modem%s\n", m->number + 1, n, members,
			PLURAL(members));
		break;
	case MOMENT_HALT:
		fprintf(file, "-- HALTS: %s\n", halt_text(run, why, sizeof(why)));
		break;
	case MOMENT_DEADLINE:
		fprintf(file, "-- not_after: whoever has not begun fails\n");
		break;
	}
}

static void print_night(const struct run *run, const struct night *n, FILE *file)
{
	char since[CIVIL_FORMAT_MAX], until[CIVIL_FORMAT_MAX], data[24];

	moment_text(since, run, n->since);
	moment_text(until, run, n->until);
	fprintf(file, "  %.20s-%.5s %4u %7u %7u %5u %6u %7u %7u %8u %7u %6u  %s\n", since,
		until + 15, n->wave + 1, n->started, n->succeeded, n->hops, n->again, n->failed,
		n->unknown, n->deferred, n->missed, n->most, bytes_text(data, n->bytes));
}

static void print_moments(const struct run *run, size_t *m, usec_t until, FILE *file)
{
	for (; *m < run->n_moments && run->moments[*m].at < until; (*m)++)
		print_moment(run, &run->moments[*m], file);
}

static void print_attempts(const struct rehearsal *r, const struct run *run, FILE *file)
{
	size_t m = 0;

	for (size_t i = 0; i < r->n_attempts; i++) {
		const struct attempt *t = &r->attempts[i];

		if (t->actor->run != run)
			continue;
		print_moments(run, &m, t->start + 1, file);
		print_attempt(run, t, file);
	}
	print_moments(run, &m, USEC_INFINITY, file);
}

static void print_nights(const struct run *run, FILE *file)
{
	size_t m = 0;

	fprintf(file,
		"  OPENING                    WAVE  STARTS    DONE  HOPS  AGAIN  FAILED UNKNOWN"
		"  PUT-OFF  MISSED   MOST  DATA\n");
	for (size_t i = 0; i < run->n_nights; i++) {
		print_moments(run, &m, run->nights[i].since, file);
		print_night(run, &run->nights[i], file);
		print_moments(run, &m, run->nights[i].until, file);
	}
	print_moments(run, &m, USEC_INFINITY, file);
}

/* ---- the end of it ---- */

/* What those that are not done have in common, by the word for it. */
struct left {
	const char *state, *word;
	size_t n;
	const struct actor *first[NAMES];
};

#define LEFT_MAX 64

static void sort_left(struct left *left, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && left[k].n > left[k - 1].n; k--) {
			struct left other = left[k];

			left[k] = left[k - 1];
			left[k - 1] = other;
		}
}

static size_t collect(const struct rehearsal *r, const struct run *run, struct left *left)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_actors; i++) {
		const struct actor *a = &r->actors[i];
		const char *state, *word;
		size_t k = 0;

		if (a->run != run || (a->job && a->state == JOB_SUCCEEDED))
			continue;
		word = actor_left(r, a, &state);
		while (k < n &&
			!(text_equal(left[k].word, word) && text_equal(left[k].state, state)))
			k++;
		if (k == LEFT_MAX)
			continue;
		if (k == n)
			left[n++] = (struct left){ .state = state, .word = word };
		if (left[k].n < NAMES)
			left[k].first[left[k].n] = a;
		left[k].n++;
	}
	sort_left(left, n);
	return n;
}

static void print_left(const struct rehearsal *r, const struct run *run, FILE *file)
{
	struct left left[LEFT_MAX];
	size_t n = collect(r, run, left);
	char name[NAME_MAX_SIZE + 8];

	for (size_t i = 0; i < n; i++) {
		const struct left *l = &left[i];

		fprintf(file, "  left: %zu %s%s%s%s:", l->n, l->state, l->word[0] ? " (" : "",
			l->word, l->word[0] ? ")" : "");
		for (size_t k = 0; k < NAMES && k < l->n; k++) {
			actor_name(l->first[k], name);
			fprintf(file, " %s", name);
		}
		fprintf(file, "%s\n", l->n > NAMES ? " ..." : "");
	}
}

static bool is_complete(const struct run *run)
{
	return run->last > 0 && run->campaign.all.of[MEMBER_SUCCEEDED] == run->campaign.members;
}

static void print_times(const struct run *run, FILE *file)
{
	char a[CIVIL_FORMAT_MAX], b[CIVIL_FORMAT_MAX], span[USEC_FORMAT_MAX], best[USEC_FORMAT_MAX];
	usec_t took = usec_sub(run->last, run->begin), bound = usec_sub(run->bound, run->begin);

	if (run->last > 0)
		fprintf(file,
			"  makespan: %s, from %s (the first possible start) to %s (the last "
			"success)\n",
			usec_format(span, took), moment_text(a, run, run->begin),
			moment_text(b, run, run->last));
	if (run->bound == 0)
		return;
	if (run->bound == USEC_INFINITY) {
		fprintf(file,
			"  best possible: never (%s): no window is long enough, see window_end and "
			"timeouts\n",
			run->bound_by);
		return;
	}
	fprintf(file, "  best possible: %s (%s)", usec_format(best, bound), run->bound_by);
	if (is_complete(run) && bound > 0)
		fprintf(file, "; this is %" PRIu64 ".%02u times as long", (uint64_t) (took / bound),
			(unsigned) (took % bound * 100 / bound));
	fprintf(file, "\n");
}

/* Openings that were there for it, used or not, until the last attempt. */
static void print_windows(const struct rehearsal *r, const struct run *run, FILE *file)
{
	const struct opening_rules *when = &run->config->when;
	usec_t at = usec_max(r->options.from, when->not_before), open = 0;
	struct window_opening opening;
	size_t n = 0, missed = 0;
	char span[USEC_FORMAT_MAX], hop[USEC_FORMAT_MAX];

	if (when->n_windows == 0)
		return;
	for (; at < r->now && window_next(when->windows, when->n_windows, at, 0, &opening); n++) {
		if (opening.since >= r->now)
			break;
		open += usec_min(opening.until, r->now) - usec_max(opening.since, at);
		at = opening.until;
	}
	for (size_t i = 0; i < run->n_nights; i++)
		missed += run->nights[i].missed;
	fprintf(file,
		"  windows: %zu opening%s (%s in all), %zu of them used; %zu time%s a modem was due "
		"and found no room before the latest start\n",
		n, PLURAL(n), usec_format(span, open), run->n_nights, missed, PLURAL(missed));
	if (when->window_end == WINDOW_END_HOLD && run->hop > 0)
		fprintf(file,
			"  latest start: %s before a window closes, as timeouts say; a hop took %s "
			"at most where all was well\n",
			usec_format(span, run->expected), usec_format(hop, run->hop));
}

static void print_run(const struct rehearsal *r, const struct run *run, FILE *file)
{
	const struct tally *t = &run->campaign.all;
	size_t attempts = 0;
	uint64_t bytes = 0;
	char used[24], needed[24], why[160];
	size_t at_target = 0;

	for (size_t i = 0; i < run->n_nights; i++) {
		attempts += run->nights[i].started;
		bytes += run->nights[i].bytes;
	}
	for (size_t i = 0; i < run->n_members; i++)
		at_target += run->members[i]->state == MEMBER_OUT && !run->members[i]->begun;
	fprintf(file, "\nCAMPAIGN %s to %s: %zu modem%s (times of %s)\n", run->config->name,
		run->config->target, run->n_members, PLURAL(run->n_members),
		zone_of(run)->name ? zone_of(run)->name : "UTC");
	if (r->options.full || attempts <= FEW)
		print_attempts(r, run, file);
	else
		print_nights(run, file);
	fprintf(file,
		"  %u succeeded, %u failed, %u unknown, %zu were there before; %zu attempt%s\n",
		t->of[MEMBER_SUCCEEDED], t->of[MEMBER_FAILED], t->of[MEMBER_UNKNOWN], at_target,
		attempts, PLURAL(attempts));
	if (run->campaign.halted != CAMPAIGN_RUNS)
		fprintf(file, "  HALTED: %s\n", halt_text(run, why, sizeof(why)));
	print_left(r, run, file);
	print_times(run, file);
	print_windows(r, run, file);
	fprintf(file, "  data: %s (needed, with every package once: %s)\n", bytes_text(used, bytes),
		bytes_text(needed, run->needed));
}

void rehearsal_print(const struct rehearsal *r, FILE *file)
{
	const struct rehearsal_options *o = &r->options;
	char from[CIVIL_FORMAT_MAX], now[CIVIL_FORMAT_MAX];
	size_t faulty = 0, watched = 0;

	for (size_t i = 0; i < r->n_actors; i++) {
		faulty += r->actors[i].fault != NULL;
		watched += r->actors[i].campaign == NULL;
	}
	fprintf(file,
		"A rehearsal: %zu modem%s (%zu configured), %zu with a drawn fault; --from=%s "
		"--seed=%" PRIu64 "\n",
		r->n_actors, PLURAL(r->n_actors), r->config->n_modems, faulty, civil_format(from, o->from, 0), o->seed);
	fprintf(file, "Modules, network and server are simulated; schedule and procedure are those "
		      "of fotad.\n");
	if (watched > 0)
		fprintf(file, "%zu modem%s in no campaign.\n", watched, watched == 1 ? " is" : "s are");
	for (size_t i = 0; i < r->config->n_campaigns; i++)
		print_run(r, &r->runs[i], file);
	if (r->cut)
		fprintf(file, "\nCut off at --until: it would go on after %s.\n",
			civil_format(now, o->until, 0));
}
