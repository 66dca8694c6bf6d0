#include <errno.h>
#include <stdio.h>

#include "base/text.h"
#include "core/reason.h"
#include "ctl/link.h"
#include "ctl/print.h"
#include "ctl/table.h"
#include "ctl/text.h"

/* Every gate that a job has to pass, as fotad names it, and what it asks; in the order in which they are asked. */
static const struct {
	const char *gate, *question;
} questions[] = {
	{ "port", "Is the port there, and ours?" },
	{ "identity", "Do we know who answers?" },
	{ "campaign", "Does a campaign want this modem?" },
	{ "job", "Is there a job to do?" },
	{ "package", "Do packages lead to the target?" },
	{ "fetch", "Does the server serve the right package?" },
	{ "budget", "May it still spend data?" },
	{ "store", "Can the state be saved?" },
	{ "settings", "Are its settings as they were?" },
	{ "inhibit", "Does nobody hold new starts?" },
	{ "pause", "Is nothing paused?" },
	{ "halt", "Does the campaign go on?" },
	{ "not-before", "Has the campaign begun?" },
	{ "not-after", "Is the campaign not over?" },
	{ "clock", "Is the clock right?" },
	{ "window", "Is it the time for upgrades?" },
	{ "wave", "Has its wave begun?" },
	{ "soak", "Has the wave before soaked?" },
	{ "last-start", "Is its last start long enough ago?" },
	{ "backoff", "Is its last failure long enough ago?" },
	{ "preflight", "Is the module ready?" },
	{ "limit-gateway", "Is there room on this gateway?" },
	{ "limit-campaign", "Is there room in the campaign?" },
	{ "limit-group", "Is there room in its group?" },
	{ "limit-cell", "Is there room in its radio cell?" },
	{ "uplink", "May the gateway's connection go down?" },
	{ "alone", "Does nobody have to go alone?" },
	{ "turn", "Is it next?" },
};

static char *question_of(const char *gate)
{
	for (size_t i = 0; gate && i < ELEMENTSOF(questions); i++)
		if (text_equal(gate, questions[i].gate))
			return words("%s", questions[i].question);
	/* A gate that is younger than this fotactl. */
	TEXT_AUTO safe = shown(gate);
	return words("%s?", safe);
}

static json_t *read_gates(sd_bus_message *reply)
{
	CLEANUP(json_decrefp) json_t *raw = link_json(reply);
	json_t *gates = json_array(), *gate;
	char buffer[WHEN_MAX];
	size_t i;

	json_array_foreach (raw, i, gate) {
		json_int_t opens = json_integer_value(json_array_get(gate, 3));

		json_array_append_new(gates,
			json_pack("{s:O, s:O, s:O, s:s?}", "name", json_array_get(gate, 0), "state",
				json_array_get(gate, 1), "value", json_array_get(gate, 2), "opens",
				opens > 0 && opens < INT64_MAX
					? when_rfc3339(buffer, (usec_t) opens)
					: NULL));
	}
	return gates;
}

static void print_gate(const struct ctl *ctl, const json_t *gate)
{
	const char *state = text_of(gate, "state");
	bool shut = text_equal(state, "shut"), known = !text_equal(state, "unknown");
	enum table_colour colour = !ctl->colour ? TABLE_PLAIN
				   : shut	? TABLE_RED
				   : known	? TABLE_GREEN
						: TABLE_DIM;
	TEXT_AUTO question = question_of(text_of(gate, "name"));
	TEXT_AUTO value = shown(text_of(gate, "value"));
	char absolute[WHEN_MAX], relative[WHEN_MAX];
	usec_t opens = when_of(gate, "opens");

	printf("  %s%-4s%s %-38s %s", colour_on(colour),
		shut	? "no"
		: known ? "yes"
			: "?",
		colour == TABLE_PLAIN ? "" : COLOUR_OFF, question, value);
	if (shut && opens > 0)
		printf("%sfrom %s (%s)", value[0] ? "; " : "", when_text(absolute, opens),
			when_relative(relative, opens, now_realtime()));
	putchar('\n');
}

/* How many gates are shut, how many of them without an end that is known, and when the last of the others opens. */
static void count_shut(
	const json_t *gates, unsigned *ret_shut, unsigned *ret_endless, usec_t *ret_last)
{
	json_t *gate;
	size_t i;

	*ret_shut = *ret_endless = 0;
	*ret_last = 0;
	json_array_foreach ((json_t *) gates, i, gate) {
		if (!text_equal(text_of(gate, "state"), "shut"))
			continue;
		++*ret_shut;
		*ret_endless += when_of(gate, "opens") == 0;
		*ret_last = usec_max(*ret_last, when_of(gate, "opens"));
	}
}

/* The sentence that answers the question: may it go, what holds it, until when. */
static void print_answer(const char *name, const json_t *gates, const char *state)
{
	char absolute[WHEN_MAX], relative[WHEN_MAX];
	unsigned shut, endless;
	usec_t last;

	count_shut(gates, &shut, &endless, &last);
	if (text_equal(state, "running"))
		printf("%s is being upgraded now.\n\n", name);
	else if (text_equal(state, "succeeded"))
		printf("%s runs its target: nothing is left to do.\n\n", name);
	else if (shut == 0)
		printf("Nothing stands between %s and its upgrade.\n\n", name);
	else if (endless > 0)
		printf("%s cannot be upgraded now: see each \"no\" below. Where no time is given, "
		       "waiting may not be enough.\n\n",
			name);
	else
		printf("%s cannot be upgraded now. It can go from %s (%s).\n\n", name,
			when_text(absolute, last), when_relative(relative, last, now_realtime()));
}

/* What stands against it and has an advice: its job's end, or what it waits for. */
static enum reason reason_of(const json_t *modem, const json_t *job)
{
	const char *state = text_of(job, "state");
	const char *word = !job ? text_of(modem, "waits_for")
			   : text_equal(state, "waiting") &&
					   !text_equal(text_of(job, "waits_for"), "backoff")
				   ? text_of(job, "waits_for")
			   : text_equal(state, "waiting") || text_equal(state, "failed") ||
					   text_equal(state, "unknown")
				   ? text_of(job, "reason")
				   : NULL;

	return word ? reason_by_name(word) : REASON_NONE;
}

/* Of a modem, or of the modem of a job: its name, and the state of its job. Of a campaign the plan tells. */
static enum ctl_exit look_up(
	struct ctl *ctl, const char *name, char **ret, char **ret_state, enum reason *ret_reason)
{
	CLEANUP(json_decrefp) json_t *object = NULL, *job = NULL;
	enum fleet_kind kind;
	enum ctl_exit code = fleet_find(ctl, name, &kind, &object);

	if (code != CTL_DONE)
		return code;
	if (kind == FLEET_CAMPAIGN) {
		complain(
			"%s is a campaign; explain takes a modem. For all of them: fotactl plan %s",
			name, name);
		return CTL_USAGE;
	}
	if (kind == FLEET_MODEM && number_of(object, "job", 0) > 0) {
		TEXT_AUTO path = words(FOTAD_ROOT "/job/%lld", number_of(object, "job", 0));

		code = fleet_job(ctl, path, &job);
	}
	*ret = words("%s", text_of(object, kind == FLEET_JOB ? "modem" : "name"));
	*ret_reason = reason_of(object, kind == FLEET_JOB ? object : job);
	*ret_state = words("%s", text_of(kind == FLEET_JOB ? object : job, "state") ?: "");
	return code;
}

enum ctl_exit verb_explain(struct ctl *ctl, int argc UNUSED, char **argv)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	CLEANUP(json_decrefp) json_t *gates = NULL;
	TEXT_AUTO name = NULL;
	TEXT_AUTO state = NULL;
	enum reason reason = REASON_NONE;
	enum ctl_exit code = look_up(ctl, argv[1], &name, &state, &reason);
	json_t *gate;
	size_t i;

	if (code == CTL_DONE)
		code = link_call(ctl, "explain it", "Explain", &reply, "s", name);
	if (code != CTL_DONE)
		return code;
	gates = read_gates(reply);
	if (ctl->json != CTL_JSON_OFF) {
		print_json(ctl, json_pack("{s:s, s:O}", "modem", name, "gates", gates));
		return CTL_DONE;
	}
	print_answer(name, gates, state);
	json_array_foreach (gates, i, gate)
		print_gate(ctl, gate);
	if (reason != REASON_NONE)
		printf("\n%s: %s\n%s\n", reason_name(reason), reason_meaning(reason),
			reason_next_step(reason));
	return CTL_DONE;
}
