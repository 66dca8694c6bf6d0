#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/options.h"

static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && (!no || !no[0]) && terminal &&
	       strcmp(terminal, "dumb") != 0;
}

static enum ctl_exit refuse_verb(const char *name)
{
	const struct verb *near = verb_near(name);

	if (near)
		complain("there is no verb %s; did you mean %s?", name, near->name);
	else
		complain("there is no verb %s; see fotactl --help", name);
	return CTL_USAGE;
}

static enum ctl_exit refuse_options(const struct ctl *ctl, const struct verb *verb, int argc)
{
	bool waits = verb->run == verb_start || verb->run == verb_cancel || verb->run == verb_retry;

	if (argc - 1 < verb->least || (verb->most >= 0 && argc - 1 > verb->most))
		complain("usage: fotactl %s%s%s", verb->name, verb->arguments[0] ? " " : "",
			verb->arguments);
	else if (verb->local && (ctl->host || ctl->machine))
		complain("%s looks at the machine that it runs on: log in there and run it",
			verb->name);
	else if (ctl->force && verb->run != verb_start)
		complain("--force is for start only");
	else if (ctl->wait && !waits)
		complain("--wait is for start, cancel and retry only");
	else if (ctl->config && verb->run != verb_doctor && verb->run != verb_check_config)
		complain("--config is for doctor and check-config only: what fotad reads is an "
			 "option of its own");
	else
		return CTL_DONE;
	return CTL_USAGE;
}

static enum ctl_exit run(struct ctl *ctl, int argc, char **argv)
{
	static char name[] = "status", *status[] = { name, NULL };
	const struct verb *verb;
	enum ctl_exit code;

	if (argc == 0) {
		argc = 1;
		argv = status;
	}
	verb = verb_by_name(argv[0]);
	if (!verb)
		return refuse_verb(argv[0]);
	code = refuse_options(ctl, verb, argc);
	return code == CTL_DONE ? verb->run(ctl, argc, argv) : code;
}

/* Who does not read on is no failure of ours, a full disk is. */
static enum ctl_exit finish(enum ctl_exit code)
{
	if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE)
		return code;
	complain("cannot write the output: %m");
	return CTL_FAILED;
}

int main(int argc, char **argv)
{
	static char program[] = "fotactl";
	struct ctl ctl = { .patience = USEC_INFINITY };
	int verb;
	enum ctl_exit code;

	setlocale(LC_CTYPE, "");
	ctl.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	ctl.colour = wants_colour();
	if (argc > 0)
		argv[0] = program; /* what getopt calls us */
	verb = options_parse(&ctl, argc, argv);
	code = verb < 0 ? (enum ctl_exit)(-verb - 1) : run(&ctl, argc - verb, argv + verb);
	sd_bus_flush_close_unref(ctl.bus);
	return finish(code);
}
