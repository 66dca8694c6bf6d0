#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"
#include "daemon/bus.h"
#include "daemon/manager.h"
#include "daemon/replay.h"
#include "io/log.h"
#include "daemon/rehearse/rehearsal.h"

/* sysexits(3); documented in interface.md and fotad(8) */
enum { EXIT_USAGE = 64, EXIT_INTERNAL = 70, EXIT_CANNOT_CREATE = 73, EXIT_CONFIGURATION = 78 };

#define LOG_PATIENCE (1 * SEC) /* at the end, for a reader that is slow */

struct options {
	struct manager_options manager;
	const char *bus; /* NULL: not given */
	int log_level;
	bool check_config;
	bool acknowledge;
	const char *resume; /* a campaign */
};

static void help(void)
{
	printf("fotad [OPTION...]\n\n"
	       "Upgrades the firmware of cellular modules over the air, by AT+GTOTA.\n\n"
	       "  --config=FILE      configuration; conf.d/*.json beside it is read after it\n"
	       "                     (default: " FOTAD_CONFIG ")\n"
	       "  --state-dir=DIR    where jobs are kept\n"
	       "                     (default: $STATE_DIRECTORY or " FOTAD_STATE ")\n"
	       "  --fetch-socket=PATH where fotad-fetch is asked (default: " FOTAD_FETCH ")\n"
	       "  --bus=BUS          system (default; none with --once), session, none or an address\n"
	       "  --log-level=LEVEL  err, warning, notice, info (default) or debug\n"
	       "  --once             work until nothing more can be done now; exit 0 when every "
	       "modem\n"
	       "                     of every campaign runs its target, else 1\n"
	       "  --check-config     print every problem of the configuration and exit (78 on "
	       "any)\n"
	       "  --rehearse         run the campaigns against simulated modems on a virtual clock\n"
	       "                     and print who goes when; see fotad --rehearse --help\n"
	       "  --replay=FILE      live the attempt of a bundle once more and print it; exit 0 when\n"
	       "                     the verdict is the same, 1 when not, 78 when FILE is no bundle\n"
	       "  --acknowledge      after the state was lost: let jobs start again (fotad must not run)\n"
	       "  --resume=CAMPAIGN  what was halted goes on at the next start (fotad must not run)\n"
	       "  --version, --help\n\n"
	       "Exit codes: 0 done, 1 failed, 64 usage, 69 another fotad holds the state, 70 "
	       "internal,\n"
	       "73 cannot create the state, 74 cannot use the state, 78 configuration.\n");
}

static int usage(const char *what, const char *value)
{
	fprintf(stderr, "fotad: %s%s; see fotad --help\n", what, value);
	return EXIT_USAGE;
}

enum {
	OPTION_CONFIG = 256,
	OPTION_STATE,
	OPTION_FETCH_SOCKET,
	OPTION_BUS,
	OPTION_LOG_LEVEL,
	OPTION_ONCE,
	OPTION_CHECK,
	OPTION_REPLAY,
	OPTION_ACKNOWLEDGE,
	OPTION_RESUME,
	OPTION_VERSION,
	OPTION_HELP
};

/* An address is "TRANSPORT:..." (D-Bus specification, "Server Addresses"). */
static bool is_bus(const char *text)
{
	return text_equal(text, "system") || text_equal(text, "session") || text_equal(text, "none") ||
	       strchr(text, ':');
}

/* Returns an exit code, or -1 to go on. */
static int take_option(struct options *o, int option)
{
	switch (option) {
	case OPTION_CONFIG:
		o->manager.config_path = optarg;
		return -1;
	case OPTION_STATE:
		o->manager.state_directory = optarg;
		return -1;
	case OPTION_FETCH_SOCKET:
		o->manager.fetch_socket = optarg;
		return -1;
	case OPTION_BUS:
		o->bus = optarg;
		return is_bus(optarg) ? -1 : usage("--bus: system, session, none or an address like unix:path=FILE, not ", optarg);
	case OPTION_LOG_LEVEL:
		o->log_level = log_level_by_name(optarg);
		return o->log_level < 0 ? usage("--log-level: no such level: ", optarg) : -1;
	case OPTION_ONCE:
		o->manager.once = true;
		return -1;
	case OPTION_CHECK:
		o->check_config = true;
		return -1;
	case OPTION_REPLAY:
		return replay_file(optarg);
	case OPTION_ACKNOWLEDGE:
		o->acknowledge = true;
		return -1;
	case OPTION_RESUME:
		o->resume = optarg;
		return -1;
	case OPTION_VERSION:
		printf("fotad " PACKAGE_VERSION "\n");
		return 0;
	case OPTION_HELP:
		help();
		return 0;
	default:
		fprintf(stderr, "fotad: see fotad --help\n");
		return EXIT_USAGE;
	}
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, OPTION_CONFIG },
		{ "state-dir", required_argument, NULL, OPTION_STATE },
		{ "fetch-socket", required_argument, NULL, OPTION_FETCH_SOCKET },
		{ "bus", required_argument, NULL, OPTION_BUS },
		{ "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
		{ "once", no_argument, NULL, OPTION_ONCE },
		{ "check-config", no_argument, NULL, OPTION_CHECK },
		{ "replay", required_argument, NULL, OPTION_REPLAY },
		{ "acknowledge", no_argument, NULL, OPTION_ACKNOWLEDGE },
		{ "resume", required_argument, NULL, OPTION_RESUME },
		{ "version", no_argument, NULL, OPTION_VERSION },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ 0 },
	};
	int option, code;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		code = take_option(o, option == 'h' ? OPTION_HELP : option);
		if (code >= 0)
			return code;
	}
	return optind < argc ? usage("unexpected argument: ", argv[optind]) : -1;
}

static int check_config(const struct options *o)
{
	struct config_problems problems = { 0 };
	struct config *config = NULL;
	int r = config_load(
		o->manager.config_path, o->manager.credentials_directory, &config, &problems);

	for (size_t i = 0; i < problems.n_errors; i++)
		fprintf(stderr, "%s\n", problems.errors[i]);
	for (size_t i = 0; i < problems.n_warnings; i++)
		fprintf(stderr, "warning: %s\n", problems.warnings[i]);
	if (r >= 0)
		printf("%s: fine: %zu modem%s, %zu package%s, %zu campaign%s\n",
			o->manager.config_path, config->n_modems, PLURAL(config->n_modems), config->n_packages,
			PLURAL(config->n_packages), config->n_campaigns, PLURAL(config->n_campaigns));
	config_problems_done(&problems);
	config_free(config);
	return r < 0 ? EXIT_CONFIGURATION : 0;
}

static int load(const struct options *o, struct config **ret)
{
	struct config_problems problems = { 0 };
	int r = config_load(
		o->manager.config_path, o->manager.credentials_directory, ret, &problems);

	for (size_t i = 0; i < problems.n_errors; i++)
		log_event(LOG_ERR, LOG_MESSAGE_CONFIG_REJECTED, NULL, "%s", problems.errors[i]);
	for (size_t i = 0; i < problems.n_warnings; i++)
		log_event(
			LOG_WARNING, LOG_MESSAGE_CONFIG_WARNING, NULL, "%s", problems.warnings[i]);
	if (r < 0 && problems.n_errors == 0)
		log_event(LOG_ERR, LOG_MESSAGE_CONFIG_REJECTED, NULL,
			"cannot read the configuration: %s", strerror(-r));
	config_problems_done(&problems);
	return r;
}

static int on_reload(
	sd_event_source *source UNUSED, const struct signalfd_siginfo *info UNUSED, void *userdata)
{
	(void) sd_notify(false, "RELOADING=1");
	(void) manager_reload(userdata, NULL);
	(void) sd_notify(false, "READY=1");
	return 0;
}

static int add_signals(sd_event *event, struct manager *manager)
{
	int r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);

	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGHUP, on_reload, manager);
	return r;
}

/* Blocked before the first thread is made, so that every thread inherits it. */
static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	(void) sigprocmask(SIG_BLOCK, &set, NULL);
	(void) signal(SIGPIPE, SIG_IGN);
}

static int start_bus(const struct options *o, sd_event *event, struct manager *manager, struct bus **ret)
{
	const char *address = o->bus ? o->bus : o->manager.once ? "none" : "system";
	int r;

	if (text_equal(address, "none"))
		return 0;
	r = manager_watch_neighbour(manager, address);
	return r < 0 ? r : bus_new(event, manager, address, ret);
}

static int run(const struct options *o, struct config *config)
{
	struct manager *manager = NULL;
	struct bus *bus = NULL;
	sd_event *event = NULL;
	int code = EXIT_INTERNAL, r;

	r = sd_event_default(&event);
	if (r < 0) {
		config_free(config);
		return EXIT_INTERNAL;
	}
	r = manager_new(event, &o->manager, config, &manager, &code);
	if (r >= 0)
		r = add_signals(event, manager);
	if (r >= 0)
		r = start_bus(o, event, manager, &bus);
	if (r >= 0) {
		(void) sd_event_set_watchdog(event, true);
		(void) sd_notify(false, "READY=1");
		log_event(LOG_NOTICE, LOG_MESSAGE_STARTED, NULL,
			"fotad " PACKAGE_VERSION " watches %zu modem%s", manager->n_modems,
			PLURAL(manager->n_modems));
		r = sd_event_loop(event);
		(void) sd_notify(false, "STOPPING=1");
		code = r < 0		? EXIT_INTERNAL
		       : r > 0		? r
		       : o->manager.once ? manager_result(manager)
					 : 0;
		log_event(LOG_INFO, LOG_MESSAGE_STOPPING, NULL, "stopping");
	}
	bus_free(bus);
	manager_free(manager);
	sd_event_unref(event);
	return code;
}

int main(int argc, char **argv)
{
	const char *state = getenv("STATE_DIRECTORY");
	struct options o = {
		.manager = {
			.config_path = FOTAD_CONFIG,
			.state_directory = state && state[0] ? state : FOTAD_STATE,
			.credentials_directory = getenv("CREDENTIALS_DIRECTORY"),
			.fetch_socket = FOTAD_FETCH,
		},
		.log_level = LOG_INFO,
	};
	struct config *config;
	int code;

	/* The threads allocate little: one arena beside the loop's is enough for all. */
	(void) mallopt(M_ARENA_MAX, 2);
	/* A configuration, a recording, a long answer: they come and go, and shall leave no holes among what stays. */
	(void) mallopt(M_MMAP_THRESHOLD, 16 * 1024);
	if (rehearse_is_wanted(argc, argv))
		return rehearse_main(argc, argv, FOTAD_CONFIG);
	code = parse_options(argc, argv, &o);
	if (code >= 0)
		return code;
	umask(077);
	(void) prctl(PR_SET_DUMPABLE,
		0); /* passwords pass through: no core, no ptrace by others (operations, T10) */
	block_signals();
	if (o.check_config)
		return check_config(&o);
	if (o.acknowledge)
		return manager_acknowledge(&o.manager);
	if (o.resume)
		return manager_resume_stored(&o.manager, o.resume);
	log_open(o.log_level);
	code = load(&o, &config) < 0 ? EXIT_CONFIGURATION : run(&o, config);
	log_flush(LOG_PATIENCE);
	return code;
}
