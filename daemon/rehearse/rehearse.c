/*
 * fotad --rehearse: the options, the files, and what comes out.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "daemon/rehearse/rehearsal.h"

enum { EXIT_USAGE = 64, EXIT_INTERNAL = 70, EXIT_CONFIGURATION = 78 }; /* interface.md */

#define LONGEST (365 * DAY) /* without --until */
#define RATE	50000	    /* bytes a second */

struct arguments {
	struct rehearsal_options options;
	const char *config, *scenario;
	const char *bundles[REHEARSAL_RECORDED_MAX];
	size_t n_bundles;
	bool json;
};

static void help(const char *config_path)
{
	printf("fotad --rehearse [OPTION...]\n\n"
	       "Runs the campaigns of the configuration against simulated modems on a virtual\n"
	       "clock, and prints who goes when. Nothing is sent, saved or opened.\n\n"
	       "  --config=FILE           configuration (default: %s)\n"
	       "  --from=TIME             when it begins, as 2026-12-01T00:00:00+01:00\n"
	       "                          (default: now)\n"
	       "  --until=TIME            when it is cut off (default: a year later)\n"
	       "  --seed=N                of everything that is drawn (default: 1); the same\n"
	       "                          options give the same output\n"
	       "  --modems=N              so many: the configured ones again and again\n"
	       "  --rate=BYTES            a second, of a module by itself; a quarter more or\n"
	       "                          less (default: %d)\n"
	       "  --bandwidth=BYTES       a second, of all together (default: no limit)\n"
	       "  --cells=N               the modems are spread over N cells (limits.per_cell)\n"
	       "  --cell-bandwidth=BYTES  a second, of each cell (default: no limit)\n"
	       "  --faults=SHARE[ FAULT]  so many modems (5, 30%%) have a fault: the given one\n"
	       "                          (\"10%% stall percent=42\"; fota-sim --list-faults), or "
	       "one\n"
	       "                          that does not pass, drawn from a list; may be repeated\n"
	       "  --scenario=FILE         modules and faults by name, as for fota-sim\n"
	       "  --bundle=FILE           the modem of that name as in a bundle of fotad: its "
	       "times,\n"
	       "                          and its failure every time; may be repeated\n"
	       "  --full                  every attempt, however many\n"
	       "  --json                  everything, for programs\n"
	       "  --help\n\n"
	       "Exit codes: 0 every modem would run its target, 1 not, 64 usage, 78 configuration\n"
	       "or scenario.\n",
		config_path, RATE);
}

static int usage(const char *option, const char *value, const char *expected)
{
	fprintf(stderr, "fotad: --%s=%s: %s; see fotad --rehearse --help\n", option, value,
		expected);
	return EXIT_USAGE;
}

static int take_number(const char *option, const char *value, uint64_t max, uint64_t *ret)
{
	char expected[64];

	if (scenario_size(value, max, ret) >= 0 && *ret > 0)
		return -1;
	(void) text_format(expected, sizeof(expected), "a whole number from 1 to %llu",
		(unsigned long long) max);
	return usage(option, value, expected);
}

static int take_time(const char *option, const char *value, usec_t *ret)
{
	return civil_parse(value, ret) < 0
		       ? usage(option, value, "a time such as 2026-12-01T00:00:00+01:00")
		       : -1;
}

static int take_faults(struct rehearsal_options *o, const char *value)
{
	struct rehearsal_fault *f = &o->faults[o->n_faults];
	const char *space = strchr(value, ' ');
	size_t n = space ? (size_t) (space - value) : strlen(value);
	char share[16], problem[256];

	if (o->n_faults == REHEARSAL_FAULTS_MAX)
		return usage("faults", value, "there are too many of them");
	if (text_copy_n(share, sizeof(share), value, n) < 0 || share_parse(share, &f->share) < 0)
		return usage("faults", value, "begins with a share, such as 5 or 30%");
	f->given = space;
	if (space && fake_fault_parse(space + 1, &f->fault, problem, sizeof(problem)) < 0)
		return usage("faults", value, problem);
	o->n_faults++;
	return -1;
}

enum {
	OPTION_REHEARSE = 256,
	OPTION_CONFIG,
	OPTION_FROM,
	OPTION_UNTIL,
	OPTION_SEED,
	OPTION_MODEMS,
	OPTION_RATE,
	OPTION_BANDWIDTH,
	OPTION_CELLS,
	OPTION_CELL_BANDWIDTH,
	OPTION_FAULTS,
	OPTION_SCENARIO,
	OPTION_BUNDLE,
	OPTION_FULL,
	OPTION_JSON,
	OPTION_HELP
};

#define BYTES_MAX UINT64_C(1000000000000)

/* Returns an exit code, or -1 to go on. */
static int take_option(struct arguments *a, int option, const char *name, const char *config_path)
{
	struct rehearsal_options *o = &a->options;
	uint64_t number;
	int r;

	switch (option) {
	case OPTION_REHEARSE:
		return -1;
	case OPTION_CONFIG:
		a->config = optarg;
		return -1;
	case OPTION_FROM:
		return take_time(name, optarg, &o->from);
	case OPTION_UNTIL:
		return take_time(name, optarg, &o->until);
	case OPTION_SEED:
		return take_number(name, optarg, UINT64_MAX, &o->seed);
	case OPTION_MODEMS:
		r = take_number(name, optarg, REHEARSAL_MODEMS_MAX, &number);
		o->modems = r < 0 ? number : 0;
		return r;
	case OPTION_RATE:
		return take_number(name, optarg, BYTES_MAX, &o->rate);
	case OPTION_BANDWIDTH:
		return take_number(name, optarg, BYTES_MAX, &o->bandwidth);
	case OPTION_CELLS:
		r = take_number(name, optarg, REHEARSAL_MODEMS_MAX, &number);
		o->cells = r < 0 ? (unsigned) number : 0;
		return r;
	case OPTION_CELL_BANDWIDTH:
		return take_number(name, optarg, BYTES_MAX, &o->cell_bandwidth);
	case OPTION_FAULTS:
		return take_faults(o, optarg);
	case OPTION_SCENARIO:
		a->scenario = optarg;
		return -1;
	case OPTION_BUNDLE:
		if (a->n_bundles == REHEARSAL_RECORDED_MAX)
			return usage(name, optarg, "there are too many of them");
		a->bundles[a->n_bundles++] = optarg;
		return -1;
	case OPTION_FULL:
		o->full = true;
		return -1;
	case OPTION_JSON:
		a->json = true;
		return -1;
	case OPTION_HELP:
		help(config_path);
		return 0;
	default:
		return EXIT_USAGE;
	}
}

static int parse_options(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{ "rehearse", no_argument, NULL, OPTION_REHEARSE },
		{ "config", required_argument, NULL, OPTION_CONFIG },
		{ "from", required_argument, NULL, OPTION_FROM },
		{ "until", required_argument, NULL, OPTION_UNTIL },
		{ "seed", required_argument, NULL, OPTION_SEED },
		{ "modems", required_argument, NULL, OPTION_MODEMS },
		{ "rate", required_argument, NULL, OPTION_RATE },
		{ "bandwidth", required_argument, NULL, OPTION_BANDWIDTH },
		{ "cells", required_argument, NULL, OPTION_CELLS },
		{ "cell-bandwidth", required_argument, NULL, OPTION_CELL_BANDWIDTH },
		{ "faults", required_argument, NULL, OPTION_FAULTS },
		{ "scenario", required_argument, NULL, OPTION_SCENARIO },
		{ "bundle", required_argument, NULL, OPTION_BUNDLE },
		{ "full", no_argument, NULL, OPTION_FULL },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ 0 },
	};
	const char *config_path = a->config;
	int option, index = 0, code;

	while ((option = getopt_long(argc, argv, "h", options, &index)) >= 0) {
		code = take_option(
			a, option == 'h' ? OPTION_HELP : option, options[index].name, config_path);
		if (code >= 0)
			return code;
	}
	if (optind < argc)
		return usage("rehearse", argv[optind], "takes no argument");
	if (a->options.until == 0)
		a->options.until = usec_add(a->options.from, LONGEST);
	if (a->options.until <= a->options.from)
		return usage("until", "...", "is not after --from");
	if (a->options.cell_bandwidth > 0 && a->options.cells == 0)
		return usage("cell-bandwidth", "...", "needs --cells");
	return -1;
}

static int load_config(const char *path, struct config **ret)
{
	struct config_problems problems = { 0 };
	int r = config_load(path, NULL, ret, &problems);

	for (size_t i = 0; i < problems.n_errors; i++)
		fprintf(stderr, "%s\n", problems.errors[i]);
	if (r < 0 && problems.n_errors == 0)
		fprintf(stderr, "fotad: cannot read the configuration: %s\n", strerror(-r));
	config_problems_done(&problems);
	return r;
}

static int read_scenario(const char *path, struct scenario *ret)
{
	FILE *file = fopen(path, "re");
	int r;

	if (!file) {
		fprintf(stderr, "fotad: %s: %s\n", path, strerror(errno));
		return -errno;
	}
	r = scenario_read(ret, file, path, stderr);
	fclose(file);
	return r;
}

/* Whoever is in none of them is made up. */
static int load_modules(struct arguments *a, const struct config *config, struct scenario *ret)
{
	int r = 0;

	rehearsal_preset(ret);
	if (a->scenario)
		r = read_scenario(a->scenario, ret);
	for (size_t i = 0; i < a->n_bundles && r >= 0; i++)
		r = recorded_add(
			ret, a->bundles[i], &a->options.recorded[a->options.n_recorded++], stderr);
	for (size_t i = 0; i < ret->n_modems && r >= 0; i++) {
		bool known = false;

		for (size_t k = 0; k < config->n_modems; k++)
			known = known || text_equal(config->modems[k].name, ret->modems[i].name);
		if (!known)
			fprintf(stderr, "warning: no modem \"%s\" is configured\n",
				ret->modems[i].name);
	}
	return r;
}

static int run(const struct arguments *a, const struct config *config)
{
	struct rehearsal *r = NULL;
	int code, error = rehearsal_new(config, &a->options, &r);

	if (error >= 0)
		error = rehearsal_run(r);
	if (error < 0) {
		fprintf(stderr, "fotad: %s\n", strerror(-error));
		rehearsal_free(r);
		return EXIT_INTERNAL;
	}
	if (a->json)
		rehearsal_print_json(r, stdout);
	else
		rehearsal_print(r, stdout);
	code = fflush(stdout) == EOF || ferror(stdout) ? 1 : rehearsal_is_done(r) ? 0 : 1;
	rehearsal_free(r);
	return code;
}

bool rehearse_is_wanted(int argc, char **argv)
{
	for (int i = 1; i < argc && !text_equal(argv[i], "--"); i++)
		if (text_equal(argv[i], "--rehearse"))
			return true;
	return false;
}

int rehearse_main(int argc, char **argv, const char *config_path)
{
	struct arguments a = {
		.config = config_path,
		/* Whole minutes: a second run of the same minute is the same. */
		.options = { .seed = 1, .rate = RATE, .from = (usec_t) time(NULL) / 60 * MINUTE },
	};
	struct scenario scenario;
	struct config *config = NULL;
	int code = parse_options(argc, argv, &a);

	if (code >= 0)
		return code;
	scenario_init(&scenario);
	if (load_config(a.config, &config) < 0 || load_modules(&a, config, &scenario) < 0) {
		code = EXIT_CONFIGURATION;
	} else {
		a.options.scenario = &scenario;
		code = run(&a, config);
	}
	scenario_done(&scenario);
	config_free(config);
	return code;
}
