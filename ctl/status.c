#include <stdlib.h>

#include "base/text.h"
#include "core/reason.h"
#include "ctl/fleet.h"
#include "ctl/journal.h"
#include "ctl/link.h"
#include "ctl/print.h"
#include "ctl/table.h"
#include "ctl/text.h"

#define JOURNAL_LINES 10 /* as systemctl status */

static void say(
	const struct ctl *ctl, enum table_colour colour, const char *label, const char *text)
{
	TEXT_AUTO safe = shown(text);

	printf("%15s: %s%s%s\n", label, ctl->colour ? colour_on(colour) : "", safe,
		ctl->colour && colour != TABLE_PLAIN ? COLOUR_OFF : "");
}

/* What stops new starts everywhere, each with what ends it. */
static void print_stops(const struct ctl *ctl, const json_t *daemon)
{
	const char *store = text_of(daemon, "store_error");

	if (store) {
		TEXT_AUTO text = words("%s; nothing new starts until it can be saved again: make "
				       "room or mend the disk",
			store);

		say(ctl, TABLE_RED, "State", text);
	}
	if (flag_of(daemon, "configuration_refused"))
		say(ctl, TABLE_RED, "Reload",
			"refused, and the configuration before it is in force; see fotactl "
			"check-config, mend it, then: fotactl reload");
	if (flag_of(daemon, "held"))
		say(ctl, TABLE_RED, "Held",
			"the state was lost; look at fotactl modems, then go on with: fotactl "
			"acknowledge");
	if (flag_of(daemon, "paused"))
		say(ctl, TABLE_YELLOW, "Paused", "nothing new starts; go on with: fotactl resume");
	if (json_is_false(json_object_get(daemon, "clock_synchronised")))
		say(ctl, TABLE_YELLOW, "Clock", "not synchronised; see timedatectl");
}

/* Programs on the gateway that want no new starts, each with its reason. */
static void print_inhibitors(struct ctl *ctl, const json_t *daemon)
{
	CLEANUP(json_decrefp) json_t *inhibitors = NULL;
	enum ctl_exit code;
	json_t *one;
	size_t i;

	if (number_of(daemon, "inhibitors", 0) == 0)
		return;
	inhibitors = link_ask(
		ctl, "list inhibitors", FOTAD_ROOT, FOTAD_MANAGER, "ListInhibitors", &code, NULL);
	json_array_foreach (inhibitors, i, one) {
		TEXT_AUTO text = words("nothing new starts, by the word of %s: %s",
			json_string_value(json_array_get(one, 0)),
			json_string_value(json_array_get(one, 1)));

		say(ctl, TABLE_YELLOW, "Inhibited", text);
	}
}

/* Modems that are not there, or not who they should be. One that restarts for its upgrade is no trouble. */
static unsigned count_away(const struct fleet *fleet)
{
	unsigned n = 0;
	json_t *modem;
	size_t i;

	json_array_foreach (fleet->modems, i, modem) {
		const json_t *job = fleet_job_of(fleet, modem);

		if (!text_equal(text_of(job, "state"), "running"))
			n += !text_equal(text_of(modem, "state"), "present") ||
			     (!job && reason_by_name(text_of(modem, "waits_for") ?: ""));
	}
	return n;
}

static void print_daemon(struct ctl *ctl, const struct fleet *fleet)
{
	const json_t *d = fleet->daemon;
	long long at_once = number_of(d, "max_parallel", 0);
	TEXT_AUTO version = shown(text_of(d, "version"));
	TEXT_AUTO work = words("%lld running, %lld waiting; at most %lld at a time",
		number_of(d, "running", 0), number_of(d, "waiting", 0), at_once);
	unsigned away = count_away(fleet);
	TEXT_AUTO trouble = away ? words("; %u cannot be used now: fotactl modems", away) : NULL;
	TEXT_AUTO modems =
		words("%lld%s", number_of(d, "modems", (long long) json_array_size(fleet->modems)),
			trouble ?: "");

	printf("%s fotad %s\n", ctl->utf8 ? "●" : "*", version);
	say(ctl, TABLE_PLAIN, "Configuration", text_of(d, "configuration"));
	say(ctl, away ? TABLE_YELLOW : TABLE_PLAIN, "Modems", modems);
	say(ctl, TABLE_PLAIN, "Jobs", work);
	print_stops(ctl, d);
	print_inhibitors(ctl, d);
}

static bool any_live(const struct fleet *fleet)
{
	json_t *job;
	size_t i;

	json_array_foreach (fleet->jobs, i, job) {
		const char *state = text_of(job, "state");

		if (!text_equal(state, "succeeded") && !text_equal(state, "cancelled"))
			return true;
	}
	return false;
}

static enum ctl_exit status_all(struct ctl *ctl)
{
	CLEANUP(fleet_clear) struct fleet fleet = { 0 };
	enum ctl_exit code = fleet_read(ctl, &fleet);

	if (code != CTL_DONE)
		return code;
	if (ctl->json != CTL_JSON_OFF) {
		print_json(
			ctl, json_pack("{s:O, s:O, s:O, s:O}", "daemon", fleet.daemon, "campaigns",
				     fleet.campaigns, "jobs", fleet.jobs, "modems", fleet.modems));
		return CTL_DONE;
	}
	print_daemon(ctl, &fleet);
	if (json_array_size(fleet.campaigns) > 0) {
		putchar('\n');
		print_campaigns(ctl, &fleet);
	}
	if (any_live(&fleet)) {
		putchar('\n');
		print_jobs(ctl, &fleet, true);
	}
	if (json_array_size(fleet.modems) == 0 && !ctl->no_legend)
		printf("\nNo modem is configured yet. Look for some: fotactl detect\n");
	return CTL_DONE;
}

static const char *kind_name(enum fleet_kind kind)
{
	switch (kind) {
	case FLEET_MODEM:
		return "modem";
	case FLEET_CAMPAIGN:
		return "campaign";
	case FLEET_JOB:
		return "job";
	}
	return "object";
}

/* What is asked of the journal: fotad writes these fields with every line about a modem, campaign or job. */
static json_t *journal_of(
	const struct ctl *ctl, enum fleet_kind kind, const json_t *object, const char **ret_why)
{
	static const char *const fields[] = { [FLEET_MODEM] = "FOTA_MODEM",
		[FLEET_CAMPAIGN] = "FOTA_CAMPAIGN",
		[FLEET_JOB] = "FOTA_MODEM" };
	const char *name = text_of(object, kind == FLEET_JOB ? "modem" : "name");

	if (ctl->host || ctl->machine) {
		*ret_why = "the journal is on the other machine; log in there to see it";
		return NULL;
	}
	return journal_lines(
		fields[kind], name ? name : "", ctl->lines ? ctl->lines : JOURNAL_LINES, ret_why);
}

static void print_journal(const struct ctl *ctl, const json_t *lines, const char *why)
{
	if (!lines) {
		if (!ctl->no_legend)
			printf("\n(%s)\n", why);
	} else if (json_array_size(lines) > 0) {
		putchar('\n');
		journal_print(ctl, lines);
	}
}

/* The modem's job is what an operator asks for, so it is shown with the modem. */
static enum ctl_exit job_of_modem(struct ctl *ctl, const json_t *modem, json_t **ret)
{
	TEXT_AUTO id = words("%lld", number_of(modem, "job", 0));
	enum fleet_kind kind;

	return number_of(modem, "job", 0) > 0 ? fleet_find(ctl, id, &kind, ret) : CTL_DONE;
}

static enum ctl_exit status_one(struct ctl *ctl, const char *name)
{
	CLEANUP(json_decrefp) json_t *object = NULL, *job = NULL, *lines = NULL;
	const char *why = "";
	enum fleet_kind kind;
	enum ctl_exit code = fleet_find(ctl, name, &kind, &object);

	if (code == CTL_DONE && kind == FLEET_MODEM)
		code = job_of_modem(ctl, object, &job);
	if (code != CTL_DONE)
		return code;
	lines = journal_of(ctl, kind, object, &why);
	if (ctl->json != CTL_JSON_OFF) {
		print_json(ctl, json_pack("{s:O, s:O*, s:O?}", kind_name(kind), object,
					"current_job", job, "journal", lines));
		return CTL_DONE;
	}
	print_object(ctl, object);
	if (job) {
		putchar('\n');
		print_object(ctl, job);
	}
	print_journal(ctl, lines, why);
	return CTL_DONE;
}

enum ctl_exit verb_status(struct ctl *ctl, int argc, char **argv)
{
	return argc > 1 ? status_one(ctl, argv[1]) : status_all(ctl);
}

enum ctl_exit verb_show(struct ctl *ctl, int argc UNUSED, char **argv)
{
	CLEANUP(json_decrefp) json_t *object = NULL;
	enum fleet_kind kind;
	enum ctl_exit code = fleet_find(ctl, argv[1], &kind, &object);

	if (code != CTL_DONE)
		return code;
	if (ctl->json != CTL_JSON_OFF)
		print_json(ctl, json_pack("{s:O}", kind_name(kind), object));
	else
		print_object(ctl, object);
	return CTL_DONE;
}
