#include "ctl/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

static const struct verb verbs[] = {
	{ "status", "[NAME]", 0, 1, false, verb_status,
		"How everything stands; or a modem, campaign or job with its journal" },
	{ "modems", "", 0, 0, false, verb_modems, "List modems" },
	{ "campaigns", "", 0, 0, false, verb_campaigns, "List campaigns" },
	{ "jobs", "", 0, 0, false, verb_jobs, "List jobs" },
	{ "show", "NAME", 1, 1, false, verb_show, "All that is known of a modem, campaign or job" },
	{ "watch", "[NAME]", 0, 1, false, verb_watch, "Follow the work with live bars; q ends it" },
	{ "monitor", "", 0, 0, false, verb_monitor, "A line of JSON for each event" },
	{ "explain", "NAME", 1, 1, false, verb_explain, "Why a modem is not being upgraded now" },
	{ "plan", "[CAMPAIGN]", 0, 1, false, verb_plan, "Who goes when, and what will not fit" },
	{ "history", "[NAME]", 0, 1, false, verb_history, "What has happened, newest first" },
	{ "start", "NAME", 1, 1, false, verb_start, "Start what waits as soon as there is room" },
	{ "cancel", "NAME", 1, 1, false, verb_cancel,
		"End a job; after the point of no return: no further attempt" },
	{ "retry", "NAME", 1, 1, false, verb_retry,
		"Another job for what has failed or was cancelled" },
	{ "pause", "[NAME]", 0, 1, false, verb_pause, "No new starts: of a campaign, or at all" },
	{ "resume", "[NAME]", 0, 1, false, verb_resume,
		"Go on with a paused or halted campaign, or with everything" },
	{ "acknowledge", "", 0, 0, false, verb_acknowledge,
		"After the state was lost: let jobs start again" },
	{ "trace", "NAME [FILE]", 1, 2, false, verb_trace,
		"The recording of a modem's last failed attempt" },
	{ "replay", "FILE", 1, 1, true, verb_replay, "Live a recording once more and print it" },
	{ "detect", "[PORT...]", 0, -1, true, verb_detect,
		"Find modems on this machine and propose a configuration" },
	{ "doctor", "", 0, 0, true, verb_doctor,
		"Look for what is wrong on this machine, and say how to mend it" },
	{ "check-config", "[FILE]", 0, 1, true, verb_check_config,
		"Print every problem of the configuration" },
	{ "reload", "", 0, 0, false, verb_reload, "Let fotad read its configuration again" },
	{ "metrics", "", 0, 0, false, verb_metrics, "Print metrics for Prometheus" },
	{ "version", "", 0, 0, false, verb_version,
		"Versions of fotactl and of the fotad that runs" },
	{ "help", "", 0, 0, false, verb_help, "Print this text" },
};

static const char options_help[] =
	"Options:\n"
	"      --json=MODE          short (one line), pretty or off (default)\n"
	"      --no-legend          no headings and no summary\n"
	"      --full               cut nothing to the width of the terminal\n"
	"  -n, --lines=N            of the journal in status (default 10), of history (default "
	"50)\n"
	"      --force              with start: also against windows, not_before, jitter and "
	"waves\n"
	"      --wait[=SPAN]        with start, cancel, retry: until the jobs are over (\"90s\", "
	"\"2h\")\n"
	"      --config=FILE        of doctor and check-config; default: what fotad uses\n"
	"      --user               ask the session bus\n"
	"      --address=ADDRESS    ask the bus at this address\n"
	"  -H, --host=[USER@]HOST   ask another machine, by ssh\n"
	"  -M, --machine=NAME       ask a container\n"
	"  -h, --help               print this text\n"
	"      --version            print the version of fotactl\n\n"
	"Exit codes: 0 done, 1 failed, 2 nothing to do, 4 no such name, 64 usage, 69 fotad is not\n"
	"running, 75 timed out, 77 not authorised, 78 configuration.\n";

const struct verb *verb_by_name(const char *name)
{
	for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
		if (text_equal(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

const struct verb *verb_near(const char *name)
{
	const struct verb *best = NULL;
	size_t distance = 3; /* edits: more is another word */

	for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
		if (text_distance(name, verbs[i].name) < distance) {
			distance = text_distance(name, verbs[i].name);
			best = &verbs[i];
		}
	return best;
}

void print_help(void)
{
	printf("fotactl [OPTION...] [VERB] [ARGUMENT...]\n\n"
	       "Looks at firmware upgrades by fotad and steers them. Without a verb: status.\n"
	       "NAME is that of a modem or campaign, or the number of a job.\n\nVerbs:\n");
	for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
		int width = printf("  %s %s", verbs[i].name, verbs[i].arguments);

		printf("%*s%s\n", width < 23 ? 23 - width : 1, "", verbs[i].help);
	}
	printf("\n%s", options_help);
}

enum ctl_exit verb_help(struct ctl *ctl UNUSED, int argc UNUSED, char **argv UNUSED)
{
	print_help();
	return CTL_DONE;
}

enum {
	OPTION_JSON = 256,
	OPTION_NO_LEGEND,
	OPTION_FULL,
	OPTION_FORCE,
	OPTION_WAIT,
	OPTION_CONFIG,
	OPTION_USER,
	OPTION_ADDRESS,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{ "json", required_argument, NULL, OPTION_JSON },
	{ "no-legend", no_argument, NULL, OPTION_NO_LEGEND },
	{ "full", no_argument, NULL, OPTION_FULL },
	{ "lines", required_argument, NULL, 'n' },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "wait", optional_argument, NULL, OPTION_WAIT },
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "user", no_argument, NULL, OPTION_USER },
	{ "address", required_argument, NULL, OPTION_ADDRESS },
	{ "host", required_argument, NULL, 'H' },
	{ "machine", required_argument, NULL, 'M' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ 0 },
};

#define GO_ON -1 /* else an exit code */

static int wrong(const char *option, const char *value, const char *expected)
{
	complain("%s=%s: expected %s; see fotactl --help", option, value, expected);
	return CTL_USAGE;
}

static int take_json(struct ctl *ctl, const char *mode)
{
	static const char *const modes[] = {
		[CTL_JSON_OFF] = "off", [CTL_JSON_SHORT] = "short", [CTL_JSON_PRETTY] = "pretty"
	};

	for (size_t i = 0; i < ELEMENTSOF(modes); i++)
		if (text_equal(mode, modes[i])) {
			ctl->json = (enum ctl_json) i;
			return GO_ON;
		}
	return wrong("--json", mode, "short, pretty or off");
}

static int take_lines(struct ctl *ctl, const char *value)
{
	char *end;
	unsigned long lines = strtoul(value, &end, 10);

	if (value[0] < '0' || value[0] > '9' || *end || lines > 100000)
		return wrong("--lines", value, "a number up to 100000");
	ctl->lines = (unsigned) lines;
	return GO_ON;
}

static int take_wait(struct ctl *ctl, const char *value)
{
	ctl->wait = true;
	if (value && usec_parse(value, &ctl->patience) < 0)
		return wrong("--wait", value,
			"a time with its unit, such as 90s, 15min or \"1h 30min\"");
	return GO_ON;
}

static int take_option(struct ctl *ctl, int option)
{
	switch (option) {
	case OPTION_JSON:
		return take_json(ctl, optarg);
	case OPTION_NO_LEGEND:
		ctl->no_legend = true;
		return GO_ON;
	case OPTION_FULL:
		ctl->full = true;
		return GO_ON;
	case 'n':
		return take_lines(ctl, optarg);
	case OPTION_FORCE:
		ctl->force = true;
		return GO_ON;
	case OPTION_WAIT:
		return take_wait(ctl, optarg);
	case OPTION_CONFIG:
		ctl->config = optarg;
		return GO_ON;
	case OPTION_USER:
		ctl->user = true;
		return GO_ON;
	case OPTION_ADDRESS:
		ctl->address = optarg;
		return GO_ON;
	case 'H':
		ctl->host = optarg;
		return GO_ON;
	case 'M':
		ctl->machine = optarg;
		return GO_ON;
	case OPTION_VERSION:
		printf("fotactl " PACKAGE_VERSION "\n");
		return CTL_DONE;
	case 'h':
		print_help();
		return CTL_DONE;
	default:
		fputs("fotactl: see fotactl --help\n", stderr);
		return CTL_USAGE;
	}
}

int options_parse(struct ctl *ctl, int argc, char **argv)
{
	int option, code;

	while ((option = getopt_long(argc, argv, "hn:H:M:", long_options, NULL)) >= 0) {
		code = take_option(ctl, option);
		if (code != GO_ON)
			return -code - 1;
	}
	if ((ctl->host != NULL) + (ctl->machine != NULL) + (ctl->address != NULL) + ctl->user > 1) {
		complain("--host, --machine, --address and --user each name another bus: give one "
			 "of them");
		return -CTL_USAGE - 1;
	}
	return optind;
}
