#include "ctl/print.h"

#include <string.h>

#include "base/text.h"
#include "core/reason.h"
#include "ctl/table.h"
#include "ctl/text.h"

static char *until(const char *word, usec_t when)
{
	char absolute[WHEN_MAX], relative[WHEN_MAX];

	return when == 0 ? strdup("")
			 : words("%s %s (%s)", word, when_text(absolute, when),
				   when_relative(relative, when, now_realtime()));
}

/* A gate opens then; what the module refuses is only asked again. */
static const char *word_of(const char *why)
{
	return reason_by_name(why) ? ", asked again" : " until";
}

/* The first sentence: the rest says what to do, and is for show. */
static int sentence(const char *text)
{
	const char *end = strstr(text, ". ");

	return (int) (end ? (size_t) (end - text)
			  : strlen(text) - (text[0] && text[strlen(text) - 1] == '.'));
}

static char *waiting_note(const char *why, usec_t when, const char *detail)
{
	TEXT_AUTO time = until(word_of(why), when);
	TEXT_AUTO note = words(
		"%s%s%s%.*s", why, time, detail ? ": " : "", detail ? sentence(detail) : 0, detail);

	return shown(note);
}

/* NULL: of a gate, whose name says it. */
static const char *meaning_of(const char *why)
{
	enum reason reason = why ? reason_by_name(why) : REASON_NONE;

	return reason ? reason_meaning(reason) : NULL;
}

static char *running_note(const json_t *job)
{
	long long hops = number_of(job, "hops", 0), attempt = number_of(job, "attempt", 0);
	TEXT_AUTO hop = hops > 1 ? words("package %lld of %lld", number_of(job, "hop", 0), hops)
				 : strdup("");

	return attempt > 1 ? words("%s%sattempt %lld of %lld", hop, hop[0] ? ", " : "", attempt,
				     number_of(job, "attempts", 0))
			   : words("%s", hop);
}

char *note_of(const json_t *modem, const json_t *job)
{
	const char *state = text_of(job, "state"), *reason = text_of(job, "reason"),
		   *waits = text_of(job, "waits_for");
	const char *detail = text_of(job, "detail");

	if (!job)
		return waiting_note(text_of(modem, "waits_for") ?: "",
			when_of(modem, "waits_until"), meaning_of(text_of(modem, "waits_for")));
	if (text_equal(state, "waiting"))
		return waiting_note(waits ?: reason ?: "", when_of(job, "due"),
			text_equal(waits, "backoff") || text_equal(waits, reason)
				? detail
				: meaning_of(waits ?: reason));
	if (text_equal(state, "running"))
		return running_note(job);
	return waiting_note(reason ?: "", 0, text_equal(state, "succeeded") ? NULL : detail);
}

/* Where the last part begins that both share, behind a '.'; 0: nowhere. */
static size_t shared(const char *a, const char *b)
{
	size_t dot = 0;

	for (size_t i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == '.')
			dot = i + 1;
	return dot;
}

/* Of a long version the end, which tells it from its neighbours. */
static const char *tail(const char *version)
{
	const char *dot = strrchr(version, '.');

	while (dot && dot > version && dot[-1] != '.')
		dot--;
	return dot && dot > version ? dot : version;
}

char *versions_of(const struct ctl *ctl, const json_t *modem, const json_t *job, bool narrow)
{
	const char *arrow = ctl->utf8 ? "→" : "->", *cut = ctl->utf8 ? "…" : "..";
	const char *has = text_of(modem, "version"), *wants = text_of(job, "target");
	TEXT_AUTO safe_has = shown(has ? has : "?");
	TEXT_AUTO safe_wants = shown(wants ? wants : "");
	bool shorter = narrow && tail(safe_has) != safe_has;
	TEXT_AUTO from = words("%s%s", shorter ? cut : "", shorter ? tail(safe_has) : safe_has);

	if (!wants || text_equal(has, wants))
		return words("%s", from);
	if (!has || shared(has, wants) == 0)
		return words("%s %s %s", from, arrow, safe_wants);
	return words("%s %s %s%s", from, arrow, cut, safe_wants + shared(safe_has, safe_wants));
}

/* Of an ordinary terminal: the reason is worth more than the whole of a version, which --full prints. */
static bool is_narrow(const struct ctl *ctl)
{
	size_t width = table_width(ctl);

	return width > 0 && width < 120;
}

static char *progress_of(const json_t *job)
{
	const char *phase = text_of(job, "phase");
	long long percent = number_of(job, "percent", -1);

	if (!text_equal(text_of(job, "state"), "running"))
		return words("-");
	if (percent >= 0 && text_equal(phase, "downloading"))
		return words("downloading %lld %%", percent);
	return words("%s", phase && !text_equal(phase, "idle") ? phase : "-");
}

/* ---- the tables ---- */

void print_modems(const struct ctl *ctl, const struct fleet *fleet)
{
	static const struct table_column columns[] = { { "MODEM", TABLE_LEFT },
		{ "STATE", TABLE_LEFT }, { "MODEL", TABLE_LEFT }, { "VERSION", TABLE_LEFT },
		{ "CAMPAIGN", TABLE_LEFT }, { "JOB", TABLE_LEFT }, { "NOTE", TABLE_CUT } };
	TABLE_AUTO table = table_new(ctl, columns, ELEMENTSOF(columns));
	json_t *modem;
	size_t i;

	json_array_foreach (fleet->modems, i, modem) {
		const json_t *job = fleet_job_of(fleet, modem);
		const char *state = text_of(modem, "state"), *verdict = text_of(job, "state");
		TEXT_AUTO note = note_of(modem, job);
		TEXT_AUTO versions = versions_of(ctl, modem, job, is_narrow(ctl));

		table_row(table);
		table_cell(table, text_of(modem, "name"), TABLE_PLAIN);
		table_cell(table, state, state_colour(state));
		table_cell(table, text_of(modem, "model"), TABLE_PLAIN);
		table_drawn(table, versions, TABLE_PLAIN);
		table_cell(table, text_of(modem, "campaign"), TABLE_PLAIN);
		table_cell(table, verdict, state_colour(verdict));
		table_cell(table, note, TABLE_PLAIN);
	}
	table_print(table);
}

static char *attempts_of(const json_t *job)
{
	long long attempts = number_of(job, "attempts", 0);

	return attempts > 0 ? words("%lld/%lld", number_of(job, "attempt", 0), attempts)
			    : words("%lld", number_of(job, "attempt", 0));
}

static const json_t *modem_of(const struct fleet *fleet, const json_t *job)
{
	json_t *modem;
	size_t i;

	json_array_foreach (fleet->modems, i, modem)
		if (text_equal(text_of(modem, "name"), text_of(job, "modem")))
			return modem;
	return NULL;
}

static bool is_over(const json_t *job)
{
	const char *state = text_of(job, "state");

	return text_equal(state, "succeeded") || text_equal(state, "cancelled");
}

void print_jobs(const struct ctl *ctl, const struct fleet *fleet, bool live_only)
{
	static const struct table_column columns[] = { { "JOB", TABLE_RIGHT },
		{ "MODEM", TABLE_LEFT }, { "CAMPAIGN", TABLE_LEFT }, { "STATE", TABLE_LEFT },
		{ "PROGRESS", TABLE_LEFT }, { "VERSION", TABLE_LEFT }, { "ATTEMPT", TABLE_RIGHT },
		{ "NOTE", TABLE_CUT } };
	TABLE_AUTO table = table_new(ctl, columns, ELEMENTSOF(columns));
	json_t *job;
	size_t i;

	json_array_foreach (fleet->jobs, i, job) {
		const char *state = text_of(job, "state");
		const json_t *modem = modem_of(fleet, job);
		TEXT_AUTO id = words("%lld", number_of(job, "id", 0));
		TEXT_AUTO progress = progress_of(job);
		TEXT_AUTO versions = versions_of(ctl, modem, job, is_narrow(ctl));
		TEXT_AUTO attempts = attempts_of(job);
		TEXT_AUTO note = note_of(modem, job);

		if (live_only && is_over(job))
			continue;
		table_row(table);
		table_drawn(table, id, TABLE_PLAIN);
		table_cell(table, text_of(job, "modem"), TABLE_PLAIN);
		table_cell(table, text_of(job, "campaign"), TABLE_PLAIN);
		table_cell(table, state, state_colour(state));
		table_cell(table, progress, TABLE_PLAIN);
		table_drawn(table, versions, TABLE_PLAIN);
		table_drawn(table, attempts, TABLE_PLAIN);
		table_cell(table, note, TABLE_PLAIN);
	}
	table_print(table);
}

static char *wave_of(const json_t *campaign)
{
	long long waves = number_of(campaign, "waves", 0);

	return waves > 0 ? words("%lld/%lld", number_of(campaign, "wave", 0), waves) : words("-");
}

static void count_cell(struct table *table, const json_t *jobs, const char *state)
{
	long long count = number_of(jobs, state, 0);
	TEXT_AUTO text = words("%lld", count);

	table_drawn(table, text, count > 0 ? state_colour(state) : TABLE_PLAIN);
}

void print_campaigns(const struct ctl *ctl, const struct fleet *fleet)
{
	static const struct table_column columns[] = { { "CAMPAIGN", TABLE_LEFT },
		{ "STATE", TABLE_LEFT }, { "TARGET", TABLE_LEFT }, { "WAVE", TABLE_RIGHT },
		{ "DONE", TABLE_RIGHT }, { "RUNNING", TABLE_RIGHT }, { "WAITING", TABLE_RIGHT },
		{ "FAILED", TABLE_RIGHT }, { "UNKNOWN", TABLE_RIGHT }, { "NOTE", TABLE_CUT } };
	static const char *const counts[] = { "succeeded", "running", "waiting", "failed",
		"unknown" };
	TABLE_AUTO table = table_new(ctl, columns, ELEMENTSOF(columns));
	json_t *campaign;
	size_t i;

	json_array_foreach (fleet->campaigns, i, campaign) {
		const char *state = text_of(campaign, "state");
		TEXT_AUTO wave = wave_of(campaign);
		TEXT_AUTO safe = shown(text_of(campaign, "target"));
		bool shorter = is_narrow(ctl) && tail(safe) != safe;
		TEXT_AUTO target = words("%s%s", !shorter ? "" : ctl->utf8 ? "…" : "..",
			shorter ? tail(safe) : safe);

		table_row(table);
		table_cell(table, text_of(campaign, "name"), TABLE_PLAIN);
		table_cell(table, state, state_colour(state));
		table_drawn(table, target, TABLE_PLAIN);
		table_drawn(table, wave, TABLE_PLAIN);
		for (size_t n = 0; n < ELEMENTSOF(counts); n++)
			count_cell(table, json_object_get(campaign, "jobs"), counts[n]);
		table_cell(table, text_of(campaign, "state_text"), TABLE_PLAIN);
	}
	table_print(table);
}
