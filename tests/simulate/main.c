/*
 * simulate [--lives=N] [--seed=S] [--first=K] [--life=K] [--only=INVARIANT] [--quiet]
 *
 * Runs N lives of seed S from number K on; --life=K runs that one with its transcript. Exit 1 names
 * the invariant and the life that broke it. --only: a life that breaks another one is given up in
 * silence.
 */
#include "tests/simulate/simulate.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define LIVES 100000 /* from which on every cell of the report must be filled */
#define HANG  5	     /* seconds of real time for one life, which takes less than one millisecond */

static struct life life;
static struct report report;
static struct {
	uint64_t lives, seed, first;
	int only;
	bool one, quiet;
} options = { .lives = LIVES, .seed = 1, .only = -1 };

/* The core went round in a circle within one call: no invariant is ever checked again. */
static void hangs(int signal_number)
{
	char text[160];

	(void) signal_number;
	(void) text_format(text, sizeof(text),
		"VIOLATED live-deadline: one call does not return; replay: simulate --seed=%" PRIu64
		" --life=%" PRIu64 "\n",
		options.seed, life.plan.life);
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		_exit(2);
	_exit(1);
}

static bool number(const char *argument, const char *name, uint64_t *ret)
{
	size_t n = strlen(name);
	char *end;

	if (strncmp(argument, name, n) != 0)
		return false;
	*ret = strtoull(argument + n, &end, 10);
	return argument[n] != '\0' && *end == '\0';
}

static bool name(const char *argument)
{
	if (!text_starts_with(argument, "--only="))
		return false;
	for (int i = 0; i < _INVARIANT_MAX; i++)
		if (text_equal(argument + strlen("--only="), invariant_name((enum invariant) i)))
			options.only = i;
	return options.only >= 0;
}

static int read_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (number(argv[i], "--life=", &options.first)) {
			options.one = true;
			options.lives = 1;
		} else if (strcmp(argv[i], "--quiet") == 0) {
			options.quiet = true;
		} else if (!number(argv[i], "--lives=", &options.lives) &&
			   !number(argv[i], "--seed=", &options.seed) &&
			   !number(argv[i], "--first=", &options.first) && !name(argv[i])) {
			fprintf(stderr,
				"usage: simulate [--lives=N] [--seed=S] [--first=K] [--life=K] "
				"[--only=INVARIANT] [--quiet]\n");
			return -1;
		}
	}
	return 0;
}

static void print_plan(const struct plan *p)
{
	const struct timeouts *t = &p->profile.timeouts;
	char a[USEC_FORMAT_MAX], b[USEC_FORMAT_MAX], c[USEC_FORMAT_MAX], d[USEC_FORMAT_MAX];

	printf("%s by %s, %u hop(s)%s%s%s\n", p->module.model, p->ftp ? "FTP" : "HTTP", p->hops,
		p->module.keep_port ? ", keeps its port" : "", p->imei_named ? ", IMEI named" : "",
		p->short_writes ? ", short writes" : "");
	printf("stall %s, download %s, return %s, settle %s;", usec_format(a, t->stall),
		usec_format(b, t->download), usec_format(c, t->return_), usec_format(d, t->settle));
	printf(" a download takes %s\n", usec_format(a, p->download_time));
	for (size_t i = 0; i < p->module.n_faults; i++) {
		const struct fake_fault *f = &p->module.faults[i];

		printf("fault %s times=%u skip=%u percent=%d number=%d time=%s command=%s "
		       "text=%s\n",
			fake_fault_at(f->type)->name, f->times, f->skip, f->percent, f->number,
			usec_format(a, f->time), f->command, f->text);
	}
	if (p->server_error)
		printf("the server fails once: %d\n", p->server_error);
	putchar('\n');
}

static int run(uint64_t number)
{
	static struct plan plan;

	plan_make(&plan, options.seed, number);
	if (options.one && !options.quiet)
		print_plan(&plan);
	if (number % 256 == 0 || options.one)
		(void) alarm(HANG);
	if (life_run(&life, &plan, options.one && !options.quiet, options.only) < 0) {
		printf("VIOLATED %s: %s; replay: simulate --seed=%" PRIu64 " --life=%" PRIu64 "\n",
			invariant_name(life.violation), life.why, options.seed, number);
		return -1;
	}
	report_add(&report, &life);
	return 0;
}

int main(int argc, char **argv)
{
	if (read_options(argc, argv) < 0)
		return 2;
	(void) signal(SIGALRM, hangs);
	for (uint64_t i = 0; i < options.lives; i++)
		if (run(options.first + i) < 0)
			return 1;
	if (options.quiet || options.one)
		return 0;
	return report_print(&report, options.lives >= LIVES) < 0;
}
