#include "ctl/frame.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "ctl/print.h"
#include "ctl/table.h"
#include "ctl/text.h"

#define BAR_NARROW 12
#define BAR_WIDE   30
#define WIDE	   120 /* columns from which on bars are wide */

/* Running first, then what wants a look, then what waits, then what is over. */
static int rank_of(const json_t *job)
{
	static const char *const ranks[] = { "running", "failed", "unknown", "waiting", "cancelled",
		"succeeded" };
	const char *state = text_of(job, "state");

	for (size_t i = 0; i < ELEMENTSOF(ranks); i++)
		if (text_equal(state, ranks[i]))
			return (int) i;
	return (int) ELEMENTSOF(ranks);
}

static char *bar(const struct ctl *ctl, long long percent, size_t width)
{
	const char *full = ctl->utf8 ? "█" : "#", *empty = ctl->utf8 ? "░" : ".";
	size_t done = (size_t) percent * width / 100;
	char *text = malloc(width * strlen("█") + sizeof(" 100%")), *to = text;

	if (!text)
		return strdup("");
	for (size_t i = 0; i < width; i++)
		to = stpcpy(to, i < done ? full : empty);
	sprintf(to, " %3d%%", (int) percent);
	return text;
}

/* What is downloaded is shown; how long installing takes, nobody knows. */
static long long percent_of(const json_t *job)
{
	const char *phase = text_of(job, "phase");
	long long percent = number_of(job, "percent", -1);

	if (!text_equal(text_of(job, "state"), "running"))
		return -1;
	if (text_equal(phase, "installing") || text_equal(phase, "verifying"))
		return 100;
	return text_equal(phase, "downloading") && percent <= 100 ? percent : -1;
}

static const char *doing(const json_t *modem, const json_t *job)
{
	const char *state = text_of(job, "state"), *phase = text_of(job, "phase");

	if (!job)
		return text_of(modem, "state");
	/* Between two phases there is none to name. */
	return text_equal(state, "running") && phase && !text_equal(phase, "idle") ? phase : state;
}

#define LEFT_STEPS 3 /* percent that must have been seen to pass before the rest is guessed */
#define LEFT_GRAIN (10 * SEC) /* nobody believes it to the second */

/* "2min 10s left", by how fast this download was since it was seen first; "" when nobody can say. */
static char *left_of(const struct frame *f, const json_t *job, long long percent)
{
	TEXT_AUTO id = words("%lld/%lld/%lld", number_of(job, "id", 0), number_of(job, "hop", 0),
		number_of(job, "attempt", 0));
	const json_t *first = json_object_get(f->seen, id);
	usec_t now = now_boottime(), took;
	char span[USEC_FORMAT_MAX];

	if (!first) {
		json_object_set_new(f->seen, id,
			json_pack("{s:I, s:I}", "percent", (json_int_t) percent, "when",
				(json_int_t) now));
		return strdup("");
	}
	percent -= number_of(first, "percent", 0);
	took = usec_sub(now, (usec_t) number_of(first, "when", 0));
	if (percent < LEFT_STEPS)
		return strdup("");
	took = took * (usec_t) (100 - percent - number_of(first, "percent", 0)) / (usec_t) percent;
	return words("%s left", usec_format(span, took / LEFT_GRAIN * LEFT_GRAIN + LEFT_GRAIN));
}

static void add_row(
	const struct frame *f, struct table *table, const json_t *modem, const json_t *job)
{
	const char *state = text_of(job, "state"), *what = doing(modem, job);
	long long percent = percent_of(job);
	TEXT_AUTO versions = versions_of(f->ctl, modem, job, f->columns < WIDE);
	TEXT_AUTO note = note_of(modem, job);
	TEXT_AUTO left = percent >= 0 && percent < 100 ? left_of(f, job, percent) : strdup("");
	TEXT_AUTO both = words("%s%s%s", left, left[0] && note[0] ? ", " : "", note);
	TEXT_AUTO progress =
		percent >= 0 ? bar(f->ctl, percent, f->columns >= WIDE ? BAR_WIDE : BAR_NARROW)
			     : strdup("");

	table_row(table);
	table_cell(table, text_of(modem, "name"), TABLE_PLAIN);
	table_cell(table, what, state_colour(job ? state : what));
	table_drawn(table, progress, TABLE_CYAN);
	table_drawn(table, versions, TABLE_PLAIN);
	table_drawn(table, both, TABLE_PLAIN);
}

static bool is_meant(const json_t *modem, const char *only)
{
	return !only || text_equal(text_of(modem, "name"), only) ||
	       text_equal(text_of(modem, "campaign"), only);
}

/* Rank by rank, as many as fit; how many do not. */
static size_t add_rows(const struct frame *f, struct table *table, size_t room)
{
	size_t left_out = 0, i;
	json_t *modem;

	for (int rank = 0; rank <= 6; rank++) {
		json_array_foreach (f->fleet->modems, i, modem) {
			const json_t *job = fleet_job_of(f->fleet, modem);

			if (!is_meant(modem, f->only) || rank_of(job) != rank)
				continue;
			if (room > 0) {
				add_row(f, table, modem, job);
				room--;
			} else {
				left_out++;
			}
		}
	}
	return left_out;
}

static void add_counts(FILE *to, const struct ctl *ctl, const struct fleet *fleet, const char *only)
{
	static const char *const states[] = { "succeeded", "running", "waiting", "failed",
		"unknown", "cancelled" };
	size_t counts[ELEMENTSOF(states)] = { 0 }, modems = 0, any = 0, i;
	json_t *modem;

	json_array_foreach (fleet->modems, i, modem) {
		const char *state = text_of(fleet_job_of(fleet, modem), "state");

		modems += is_meant(modem, only);
		for (size_t n = 0; n < ELEMENTSOF(states); n++)
			counts[n] += is_meant(modem, only) && text_equal(state, states[n]);
	}
	fprintf(to, "%zu modem%s", modems, PLURAL(modems));
	for (size_t n = 0; n < ELEMENTSOF(states); n++) {
		enum table_colour colour = ctl->colour ? state_colour(states[n]) : TABLE_PLAIN;

		if (counts[n] > 0)
			fprintf(to, "%s %s%zu %s%s", any++ == 0 ? ":" : ",", colour_on(colour),
				counts[n], states[n], colour == TABLE_PLAIN ? "" : COLOUR_OFF);
	}
}

static void add_head(FILE *to, const struct ctl *ctl, const struct fleet *fleet, const char *only)
{
	TEXT_AUTO version = shown(text_of(fleet->daemon, "version"));
	time_t now = (time_t) (now_realtime() / SEC);
	char clock[16] = "";
	struct tm tm;

	if (localtime_r(&now, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	fprintf(to, "fotad %s  %s  ", version, clock);
	add_counts(to, ctl, fleet, only);
	if (flag_of(fleet->daemon, "held"))
		fprintf(to, "  held: fotactl acknowledge");
	else if (flag_of(fleet->daemon, "paused"))
		fprintf(to, "  paused: fotactl resume");
	fputs("\n\n", to);
}

#define ROWS_AROUND 6 /* head, blank, headings, "and n more", blank, foot */

char *frame_text(const struct frame *f)
{
	static const struct table_column layout[] = { { "MODEM", TABLE_LEFT },
		{ "STATE", TABLE_LEFT }, { "PROGRESS", TABLE_LEFT }, { "VERSION", TABLE_LEFT },
		{ "NOTE", TABLE_CUT } };
	TABLE_AUTO table = table_new(f->ctl, layout, ELEMENTSOF(layout));
	char *text = NULL;
	size_t size, left_out;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return strdup("");
	left_out = add_rows(f, table, f->rows > ROWS_AROUND ? f->rows - ROWS_AROUND : 1);
	TEXT_AUTO body = table_text(table, f->columns);
	add_head(to, f->ctl, f->fleet, f->only);
	fprintf(to, "%s\n", body);
	if (left_out > 0)
		fprintf(to, "... and %zu more\n", left_out);
	fclose(to);
	return text;
}

char *frame_line(const json_t *job)
{
	long long percent = percent_of(job);
	const char *reason = text_of(job, "reason");
	TEXT_AUTO name = shown(text_of(job, "modem"));
	TEXT_AUTO detail = shown(text_of(job, "detail"));
	const char *what = doing(NULL, job);
	const char *waits = text_of(job, "waits_for");

	if (percent >= 0 && text_equal(what, "downloading"))
		return words("%s: downloading %lld %%", name, percent / 10 * 10);
	if (text_equal(what, "waiting"))
		return words("%s: waiting%s%s%s", name, waits || reason ? " (" : "",
			waits	 ? waits
			: reason ? reason
				 : "",
			waits || reason ? ")" : "");
	return words("%s: %s%s%s%s%s", name, what ? what : "?", reason ? " (" : "",
		reason ? reason : "", reason ? ")" : "", detail[0] && reason ? detail : "");
}
