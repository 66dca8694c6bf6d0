/*
 * fota-sim - modems on pseudo-terminals that upgrade themselves: for demonstration, rehearsal,
 * training and tests.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "sim/sim-write.h"
#include "sim/sim.h"

#define EXIT_USAGE  64
#define EXIT_CONFIG 78

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

#define PROBLEM_SIZE 320

enum fota_sim_option {
	OPTION_HELP = 'h',
	OPTION_VERSION = 256,
	OPTION_SCENARIO,
	OPTION_MODEMS,
	OPTION_FAMILY,
	OPTION_DIRECTORY,
	OPTION_MODE,
	OPTION_TRANSCRIPT,
	OPTION_TRUTH,
	OPTION_SHOW_SECRETS,
	OPTION_OFFLINE,
	OPTION_RATE,
	OPTION_SEED,
	OPTION_VERSION_FROM,
	OPTION_VERSION_TO,
	OPTION_BOOT_TIME,
	OPTION_APPLY_TIME,
	OPTION_WRITE_CONFIG,
	OPTION_PACKAGE_URL,
	OPTION_LIST_FAULTS,
	OPTION_MAKE_PACKAGE,
	OPTION_OUTPUT,
	OPTION_MODEL,
	OPTION_FROM,
	OPTION_TO,
	OPTION_SIZE,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "scenario", required_argument, NULL, OPTION_SCENARIO },
	{ "modems", required_argument, NULL, OPTION_MODEMS },
	{ "family", required_argument, NULL, OPTION_FAMILY },
	{ "directory", required_argument, NULL, OPTION_DIRECTORY },
	{ "mode", required_argument, NULL, OPTION_MODE },
	{ "transcript", required_argument, NULL, OPTION_TRANSCRIPT },
	{ "truth", required_argument, NULL, OPTION_TRUTH },
	{ "show-secrets", no_argument, NULL, OPTION_SHOW_SECRETS },
	{ "offline", optional_argument, NULL, OPTION_OFFLINE },
	{ "rate", required_argument, NULL, OPTION_RATE },
	{ "seed", required_argument, NULL, OPTION_SEED },
	{ "version-from", required_argument, NULL, OPTION_VERSION_FROM },
	{ "version-to", required_argument, NULL, OPTION_VERSION_TO },
	{ "boot-time", required_argument, NULL, OPTION_BOOT_TIME },
	{ "apply-time", required_argument, NULL, OPTION_APPLY_TIME },
	{ "write-config", required_argument, NULL, OPTION_WRITE_CONFIG },
	{ "package-url", required_argument, NULL, OPTION_PACKAGE_URL },
	{ "list-faults", no_argument, NULL, OPTION_LIST_FAULTS },
	{ "make-package", optional_argument, NULL, OPTION_MAKE_PACKAGE },
	{ "output", required_argument, NULL, OPTION_OUTPUT },
	{ "model", required_argument, NULL, OPTION_MODEL },
	{ "from", required_argument, NULL, OPTION_FROM },
	{ "to", required_argument, NULL, OPTION_TO },
	{ "size", required_argument, NULL, OPTION_SIZE },
	{ NULL, 0, NULL, 0 },
};

struct arguments {
	struct sim_options sim;
	const char *scenario, *config, *url, *output;
	uint64_t modems;
	bool mixed, list_faults, make_package, help, version;
	enum fake_family family;
	struct fake_package package;
	uint64_t size;
	struct scenario bench;
};

static void help(void)
{
	fputs("fota-sim [OPTION...]\n"
	      "Modems on pseudo-terminals that download and upgrade themselves.\n\n"
	      "      --scenario=FILE      modems, faults and packages\n"
	      "      --modems=N           N modems modem-0001..., besides the scenario's (1 "
	      "without one)\n"
	      "      --family=NAME        of these: L610, NL668, NL652, NL668-old or mixed\n"
	      "      --directory=DIR      where the ports appear as links (default: .)\n"
	      "      --mode=OCTAL         permissions of the ports\n"
	      "      --transcript=FILE    every line and port event\n"
	      "      --truth=FILE         what really happened, as JSON; at the end and on "
	      "SIGUSR1\n"
	      "      --show-secrets       do not mask passwords in the transcript\n"
	      "      --offline[=TIME]     pretend to download, TIME each (default: 1s)\n"
	      "      --rate=BYTES         a second, of each real download\n"
	      "      --seed=N             of every random choice\n"
	      "      --version-from=V     what modems run at the start\n"
	      "      --version-to=V       what an offline download brings, and the target of "
	      "--write-config\n"
	      "      --boot-time=TIME     a restart until the port is back\n"
	      "      --apply-time=TIME    of each reset while a package is applied\n"
	      "      --write-config=FILE  a configuration of fotad for these modems\n"
	      "      --package-url=URL    in it; %m model, %f and %t versions\n"
	      "      --list-faults        all faults with what they take\n"
	      "      --make-package=FILE --model=M --from=A --to=B --size=BYTES\n"
	      "                           write a package file instead\n"
	      "  -h, --help               this\n"
	      "      --version            of the program\n",
		stdout);
}

static void list_faults(void)
{
	const struct fake_fault_row *row;

	for (size_t i = 0; (row = fake_fault_at(i)); i++) {
		printf("%s", row->name);
		if (row->keys & FAKE_FAULT_TAKES_COMMAND)
			printf(" [command=]");
		if (row->keys & FAKE_FAULT_TAKES_PERCENT)
			printf(" [percent=]");
		if (row->keys & FAKE_FAULT_TAKES_NUMBER)
			printf(" [number=%d]", row->value.number);
		if (row->keys & FAKE_FAULT_TAKES_TIME)
			printf(" [time=]");
		if (row->text_key)
			printf(row->keys & FAKE_FAULT_NEEDS_TEXT ? " %s=" : " [%s=]",
				row->text_key);
		printf(" [times=%u]\n\t%s\n", row->value.times, row->what);
	}
}

static int bad(const char *option, const char *value)
{
	fprintf(stderr, "fota-sim: --%s=%s cannot be read\n", option, value);
	return -EINVAL;
}

static int preset(struct arguments *a, const char *key, const char *value)
{
	char problem[PROBLEM_SIZE];

	if (scenario_preset(&a->bench, key, value, problem, sizeof(problem)) < 0)
		return bad(key, value);
	return 0;
}

static int read_word(const char *option, const char *value, char *ret, size_t size)
{
	if (!scenario_is_word(value) || text_copy(ret, size, value) < 0)
		return bad(option, value);
	return 0;
}

static int read_count(const char *option, const char *value, uint64_t max, uint64_t *ret)
{
	return scenario_size(value, max, ret) < 0 ? bad(option, value) : 0;
}

static int read_mode(const char *value, mode_t *ret)
{
	char *end;
	unsigned long mode = strtoul(value, &end, 8);

	if (*value == '\0' || *end != '\0' || mode == 0 || mode > 0777)
		return bad("mode", value);
	*ret = (mode_t) mode;
	return 0;
}

static int read_family(struct arguments *a, const char *value)
{
	a->mixed = text_equal(value, "mixed");
	if (a->mixed || scenario_family(value, &a->family) >= 0)
		return 0;
	return bad("family", value);
}

static int read_offline(struct arguments *a, const char *value)
{
	a->sim.offline = true;
	if (value && usec_parse(value, &a->sim.offline_time) < 0)
		return bad("offline", value);
	return 0;
}

static int read_option(struct arguments *a, int option)
{
	switch ((enum fota_sim_option) option) {
	case OPTION_HELP:
		a->help = true;
		return 0;
	case OPTION_VERSION:
		a->version = true;
		return 0;
	case OPTION_SCENARIO:
		a->scenario = optarg;
		return 0;
	case OPTION_MODEMS:
		return read_count("modems", optarg, SCENARIO_MODEMS_MAX, &a->modems);
	case OPTION_FAMILY:
		return read_family(a, optarg);
	case OPTION_DIRECTORY:
		a->sim.directory = optarg;
		return 0;
	case OPTION_MODE:
		return read_mode(optarg, &a->sim.mode);
	case OPTION_TRANSCRIPT:
		a->sim.transcript = optarg;
		return 0;
	case OPTION_TRUTH:
		a->sim.truth = optarg;
		return 0;
	case OPTION_SHOW_SECRETS:
		a->sim.show_secrets = true;
		return 0;
	case OPTION_OFFLINE:
		return read_offline(a, optarg);
	case OPTION_RATE:
		return read_count("rate", optarg, UINT32_MAX, &a->sim.rate);
	case OPTION_SEED:
		return read_count("seed", optarg, UINT64_MAX, &a->bench.preset.seed);
	case OPTION_VERSION_FROM:
		return preset(a, "version", optarg);
	case OPTION_VERSION_TO:
		return read_word("version-to", optarg, a->sim.version_to, VERSION_MAX);
	case OPTION_BOOT_TIME:
		return preset(a, "boot-time", optarg);
	case OPTION_APPLY_TIME:
		return preset(a, "apply-time", optarg);
	case OPTION_WRITE_CONFIG:
		a->config = optarg;
		return 0;
	case OPTION_PACKAGE_URL:
		a->url = optarg;
		return 0;
	case OPTION_LIST_FAULTS:
		a->list_faults = true;
		return 0;
	case OPTION_MAKE_PACKAGE:
		a->make_package = true;
		a->output = optarg ? optarg : a->output;
		return 0;
	case OPTION_OUTPUT:
		a->output = optarg;
		return 0;
	case OPTION_MODEL:
		return read_word("model", optarg, a->package.model, MODEL_MAX);
	case OPTION_FROM:
		return read_word("from", optarg, a->package.from, VERSION_MAX);
	case OPTION_TO:
		return read_word("to", optarg, a->package.to, VERSION_MAX);
	case OPTION_SIZE:
		return read_count("size", optarg, (uint64_t) 1 << 32, &a->size);
	}
	return -EINVAL; /* getopt_long() has said why */
}

static int read_arguments(struct arguments *a, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) >= 0)
		if (read_option(a, option) < 0)
			return -EINVAL;
	if (optind < argc) {
		fprintf(stderr, "fota-sim: what is \"%s\"?\n", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

static int make_package(const struct arguments *a)
{
	int r;

	if (!a->output || !a->package.model[0] || !a->package.from[0] || !a->package.to[0]) {
		fputs("fota-sim: --make-package=FILE needs --model=, --from=, --to= and --size=\n",
			stderr);
		return EXIT_USAGE;
	}
	r = write_package(a->output, &a->package, a->size);
	if (r < 0)
		fprintf(stderr, "fota-sim: %s: %s\n", a->output,
			r == -EINVAL ? "--size= is too small for a package" : strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int read_scenario(struct arguments *a)
{
	FILE *file;
	int r;

	if (!a->scenario)
		return 0;
	file = fopen(a->scenario, "re");
	if (!file) {
		fprintf(stderr, "fota-sim: %s: %s\n", a->scenario, strerror(errno));
		return -errno;
	}
	r = scenario_read(&a->bench, file, a->scenario, stderr);
	fclose(file);
	return r;
}

static int add_modems(struct arguments *a)
{
	static const enum fake_family mix[] = { FAKE_L610, FAKE_NL668, FAKE_NL652 };
	uint64_t n = a->modems > 0 || a->scenario ? a->modems : 1;

	for (uint64_t i = 0; i < n; i++) {
		struct scenario_modem *modem;
		char name[32];
		int r;

		snprintf(name, sizeof(name), "modem-%04llu", (unsigned long long) i + 1);
		r = scenario_add(
			&a->bench, name, a->mixed ? mix[i % ELEMENTSOF(mix)] : a->family, &modem);
		if (r < 0) {
			fprintf(stderr, "fota-sim: %s: %s\n", name, strerror(-r));
			return r;
		}
	}
	return 0;
}

static int prepare(struct arguments *a)
{
	int r;

	r = read_scenario(a);
	if (r >= 0)
		r = add_modems(a);
	if (r < 0)
		return r;
	if (a->bench.n_modems == 0) {
		fprintf(stderr, "fota-sim: %s: no modems\n", a->scenario);
		return -EINVAL;
	}
	if (mkdir(a->sim.directory, 0777) < 0 && errno != EEXIST) {
		fprintf(stderr, "fota-sim: %s: %s\n", a->sim.directory, strerror(errno));
		return -errno;
	}
	if (a->config)
		r = write_config(a->config, &a->bench, a->sim.directory, a->url, a->sim.version_to);
	if (r < 0)
		fprintf(stderr, "fota-sim: %s: %s\n", a->config, strerror(-r));
	return r;
}

static int simulate(struct arguments *a)
{
	struct sim *sim;
	int r;

	r = sim_new(&a->sim, &a->bench, &sim);
	if (r < 0) {
		fprintf(stderr, "fota-sim: cannot start: %s\n", strerror(-r));
		return EXIT_FAILURE;
	}
	printf("READY: %zu modem%s in %s\n", a->bench.n_modems, PLURAL(a->bench.n_modems), a->sim.directory);
	fflush(stdout);
	r = sim_run(sim);
	sim_free(sim);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct arguments a = {
		.sim = { .directory = ".", .offline_time = 1 * SEC },
		.url = "http://127.0.0.1:8080/%m-%f-%t.bin",
	};
	int r = EXIT_SUCCESS;

	scenario_init(&a.bench);
	if (read_arguments(&a, argc, argv) < 0) {
		fputs("Try --help.\n", stderr);
		return EXIT_USAGE;
	}
	if (a.help)
		help();
	else if (a.version)
		puts("fota-sim " PACKAGE_VERSION);
	else if (a.list_faults)
		list_faults();
	else if (a.make_package)
		r = make_package(&a);
	else
		r = prepare(&a) < 0 ? EXIT_CONFIG : simulate(&a);
	scenario_done(&a.bench);
	return r;
}
