#include "sim/scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define LINE_SIZE    1024
#define WORDS_MAX    24
#define PROBLEM_SIZE 320

/* One statement, cut into words. */
struct statement {
	char line[LINE_SIZE];
	char *words[WORDS_MAX];
	size_t n;
	char *rest; /* of a fault: everything behind the modem's name, as written */
};

void scenario_init(struct scenario *s)
{
	memset(s, 0, sizeof(*s));
}

void scenario_done(struct scenario *s)
{
	free(s->modems);
	free(s->packages);
	scenario_init(s);
}

/* The value of KEY=VALUE, which is cut at the '='. */
static char *cut(char *word)
{
	char *value = strchr(word, '=');

	if (value)
		*value++ = '\0';
	return value;
}

static int read_default(struct scenario *s, struct statement *t, char *problem)
{
	for (size_t i = 1; i < t->n; i++) {
		char *value = cut(t->words[i]);
		int r;

		if (!value) {
			snprintf(problem, PROBLEM_SIZE, "\"%s\" has no value", t->words[i]);
			return -EINVAL;
		}
		r = scenario_preset(s, t->words[i], value, problem, PROBLEM_SIZE);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_family(struct statement *t, enum fake_family *ret, char *problem)
{
	static const char *const names[] = { "L610", "NL668", "NL652", "NL668-old" };
	const char *value;
	char hint[64];

	*ret = FAKE_L610;
	if (t->n < 3 || !text_starts_with(t->words[2], "family="))
		return 0;
	value = t->words[2] + strlen("family=");
	if (scenario_family(value, ret) >= 0)
		return 1;
	scenario_guess(value, names, ELEMENTSOF(names), hint, sizeof(hint));
	snprintf(problem, PROBLEM_SIZE, "there is no family \"%s\"%s", value, hint);
	return -EINVAL;
}

static int read_modem(struct scenario *s, struct statement *t, char *problem)
{
	struct scenario_modem *modem;
	enum fake_family family;
	size_t first;
	int r;

	if (t->n < 2) {
		snprintf(problem, PROBLEM_SIZE, "a modem needs a name");
		return -EINVAL;
	}
	r = read_family(t, &family, problem);
	if (r < 0)
		return r;
	for (size_t i = 2; i < t->n; i++)
		if (!strchr(t->words[i], '=')) {
			snprintf(problem, PROBLEM_SIZE, "\"%s\" has no value", t->words[i]);
			return -EINVAL;
		}
	first = r > 0 ? 3 : 2;
	r = scenario_add(s, t->words[1], family, &modem);
	if (r < 0) {
		snprintf(problem, PROBLEM_SIZE, "modem \"%s\": %s", t->words[1],
			r == -EEXIST   ? "is there already"
			: r == -EINVAL ? "is no name ([A-Za-z][A-Za-z0-9._-]{0,63})"
				       : strerror(-r));
		return -EINVAL;
	}
	for (size_t i = first; i < t->n; i++) {
		char *value = cut(t->words[i]);

		r = scenario_set(&modem->config, t->words[i], value, problem, PROBLEM_SIZE);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_fault(struct scenario_modem *modem, const struct fake_fault *fault, char *problem)
{
	if (modem->config.n_faults == FAKE_MODEM_FAULTS_MAX) {
		snprintf(problem, PROBLEM_SIZE, "modem \"%s\" has %d faults already", modem->name,
			FAKE_MODEM_FAULTS_MAX);
		return -E2BIG;
	}
	modem->config.faults[modem->config.n_faults++] = *fault;
	return 0;
}

static int read_fault(struct scenario *s, struct statement *t, char *problem)
{
	struct scenario_modem *modem;
	struct fake_fault fault;
	int r;

	if (t->n < 3) {
		snprintf(problem, PROBLEM_SIZE, "a fault needs a modem and a name");
		return -EINVAL;
	}
	r = fake_fault_parse(t->rest, &fault, problem, PROBLEM_SIZE);
	if (r < 0)
		return r;
	if (text_equal(t->words[1], "*")) {
		for (size_t i = 0; i < s->n_modems && r >= 0; i++)
			r = add_fault(&s->modems[i], &fault, problem);
		return r;
	}
	modem = scenario_find(s, t->words[1]);
	if (!modem) {
		snprintf(problem, PROBLEM_SIZE, "no modem \"%s\" stands above", t->words[1]);
		return -ENOENT;
	}
	return add_fault(modem, &fault, problem);
}

static int set_package_key(struct scenario_package *p, const char *key, const char *value)
{
	if (text_equal(key, "size"))
		return scenario_size(value, UINT64_MAX, &p->size);
	if (!scenario_is_word(value))
		return -EINVAL;
	if (text_equal(key, "model"))
		return text_copy(p->head.model, sizeof(p->head.model), value);
	if (text_equal(key, "from"))
		return text_copy(p->head.from, sizeof(p->head.from), value);
	if (text_equal(key, "to"))
		return text_copy(p->head.to, sizeof(p->head.to), value);
	return -ENOENT;
}

static int read_package(struct scenario *s, struct statement *t, char *problem)
{
	struct scenario_package package = { .size = 100000 }, *packages;

	if (t->n < 2 || text_copy(package.file, sizeof(package.file), t->words[1]) < 0) {
		snprintf(problem, PROBLEM_SIZE, "a package needs a file name");
		return -EINVAL;
	}
	for (size_t i = 2; i < t->n; i++) {
		char *value = cut(t->words[i]);

		if (!value || set_package_key(&package, t->words[i], value) < 0) {
			snprintf(problem, PROBLEM_SIZE,
				"\"%s\": a package takes model=, from=, to= and size=",
				t->words[i]);
			return -EINVAL;
		}
	}
	if (!package.head.model[0] || !package.head.from[0] || !package.head.to[0]) {
		snprintf(problem, PROBLEM_SIZE, "a package needs model=, from= and to=");
		return -EINVAL;
	}
	packages = reallocarray(s->packages, s->n_packages + 1, sizeof(*packages));
	if (!packages) {
		snprintf(problem, PROBLEM_SIZE, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	s->packages = packages;
	s->packages[s->n_packages++] = package;
	return 0;
}

/* Cuts the line into words in place; false: a quote that is not closed, too many words. */
static bool split(struct statement *t, const char *line)
{
	char *in = t->line, *out;

	snprintf(t->line, sizeof(t->line), "%s", line);
	t->n = 0;
	t->rest = t->line + strlen(t->line);
	for (;;) {
		bool quoted = false;

		in += strspn(in, " \t\r\n");
		if (*in == '\0' || *in == '#')
			return true;
		if (t->n == WORDS_MAX)
			return false;
		t->words[t->n++] = out = in;
		while (*in != '\0' && (quoted || !strchr(" \t\r\n", *in))) {
			if (*in == '"')
				quoted = !quoted;
			else
				*out++ = *in;
			in++;
		}
		if (quoted)
			return false;
		in += *in != '\0';
		*out = '\0';
	}
}

/* Behind the second word, without the comment: what fake_fault_parse() reads. */
static void find_rest(struct statement *t, char *line)
{
	char *p = line;
	bool quoted = false;

	for (int i = 0; i < 2; i++) {
		p += strspn(p, " \t");
		p += strcspn(p, " \t\r\n");
	}
	t->rest = p + strspn(p, " \t");
	for (p = t->rest; *p != '\0'; p++) {
		quoted ^= *p == '"';
		if (*p == '\n' || *p == '\r' || (*p == '#' && !quoted && p[-1] == ' ')) {
			*p = '\0';
			return;
		}
	}
}

static int read_statement(struct scenario *s, char *line, char *problem)
{
	static const char *const words[] = { "default", "modem", "fault", "package" };
	static int (*const readers[])(struct scenario * s, struct statement * t,
		char *problem) = { read_default, read_modem, read_fault, read_package };
	struct statement t;
	char hint[64];

	if (!split(&t, line)) {
		snprintf(problem, PROBLEM_SIZE, "too many words, or a quote is not closed");
		return -EINVAL;
	}
	if (t.n == 0)
		return 0;
	find_rest(&t, line);
	for (size_t i = 0; i < ELEMENTSOF(words); i++)
		if (text_equal(t.words[0], words[i]))
			return readers[i](s, &t, problem);
	scenario_guess(t.words[0], words, ELEMENTSOF(words), hint, sizeof(hint));
	snprintf(problem, PROBLEM_SIZE, "\"%s\" is no statement%s", t.words[0], hint);
	return -EINVAL;
}

int scenario_read(struct scenario *s, FILE *file, const char *path, FILE *errors)
{
	char line[LINE_SIZE], problem[PROBLEM_SIZE];
	unsigned number = 0;
	int r = 0;

	while (fgets(line, sizeof(line), file)) {
		number++;
		if (strlen(line) == sizeof(line) - 1 && line[sizeof(line) - 2] != '\n') {
			fprintf(errors, "%s:%u: longer than %d bytes\n", path, number,
				LINE_SIZE - 2);
			return -EBADMSG;
		}
		if (read_statement(s, line, problem) < 0) {
			fprintf(errors, "%s:%u: %s\n", path, number, problem);
			r = -EBADMSG;
		}
	}
	if (ferror(file)) {
		fprintf(errors, "%s: %s\n", path, strerror(EIO));
		return -EIO;
	}
	return r;
}
