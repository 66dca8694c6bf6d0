/*
 * ctl - what the verbs of fotactl share: the options as given, the exit codes, the connection.
 *
 *      main --options, verb--> verb --> fleet (what fotad knows, as JSON) --> table, or --json
 *                                   --> link (the bus, and what its errors mean for an operator)
 *
 * A verb returns the exit code of the program. What it says when something is wrong goes to stderr and ends with what to
 * do next. Everything that came over the bus passes through shown() or JSON before it reaches a terminal.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "base/macros.h"
#include "base/usec.h"

/* sysexits(3) where it has a word; documented in fotactl(1) */
enum ctl_exit {
	CTL_DONE = 0,
	CTL_FAILED = 1,
	CTL_NOTHING_TO_DO = 2,
	CTL_NO_SUCH_NAME = 4,
	CTL_USAGE = 64,
	CTL_NOT_RUNNING = 69,
	CTL_TIMED_OUT = 75,
	CTL_NOT_AUTHORISED = 77,
	CTL_CONFIGURATION = 78,
};

enum ctl_json { CTL_JSON_OFF, CTL_JSON_SHORT, CTL_JSON_PRETTY };

#define CTL_OUTPUT_VERSION 1 /* of the JSON, in each answer (fotactl-output.schema.json) */

struct ctl {
	enum ctl_json json;
	bool no_legend, full, force;
	bool wait;
	usec_t patience; /* of --wait; USEC_INFINITY: as long as it takes */
	unsigned lines;	 /* of the journal, of the history */
	const char *host, *machine, *address, *config;
	bool user;
	sd_bus *bus;	   /* link_open() */
	bool utf8, colour; /* of stdout */
};

typedef enum ctl_exit ctl_verb(struct ctl *ctl, int argc, char **argv); /* argv[0] is the verb */

ctl_verb verb_status, verb_modems, verb_jobs, verb_campaigns, verb_show, verb_watch, verb_monitor,
	verb_explain, verb_plan, verb_start, verb_cancel, verb_retry, verb_pause, verb_resume,
	verb_acknowledge, verb_history, verb_trace, verb_replay, verb_check_config, verb_detect,
	verb_doctor, verb_reload, verb_metrics, verb_version, verb_help;

/* "fotactl: ..." to stderr, safe for a terminal. */
void complain(const char *format, ...) PRINTF_LIKE(1, 2);

/* Of the wall clock, now. */
usec_t now_realtime(void);
usec_t now_boottime(void);
