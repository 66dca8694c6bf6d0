/*
 * The modems of a scenario: what can be said about one, and how one is added.
 */
#include "sim/scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum kind { KIND_TIME, KIND_COUNT, KIND_NUMBER, KIND_SIZE, KIND_TEXT, KIND_IMEI };

#define FIELD(name, kind, member)                                                                  \
	{                                                                                          \
		name, kind, offsetof(struct fake_modem_config, member),                            \
			sizeof(((struct fake_modem_config *) NULL)->member)                        \
	}

static const struct field {
	const char *name;
	enum kind kind;
	size_t offset, size;
} fields[] = {
	FIELD("model", KIND_TEXT, model),
	FIELD("version", KIND_TEXT, version),
	FIELD("imei", KIND_IMEI, imei),
	FIELD("seed", KIND_SIZE, seed),
	FIELD("resets", KIND_COUNT, resets),
	FIELD("percent-step", KIND_NUMBER, percent_step),
	FIELD("package-max", KIND_SIZE, package_max),
	FIELD("callbreak", KIND_NUMBER, callbreak),
	FIELD("gprsfirst", KIND_NUMBER, gprsfirst),
	FIELD("cell", KIND_TEXT, cell),
	FIELD("boot-time", KIND_TIME, boot_time),
	FIELD("apply-time", KIND_TIME, apply_time),
	FIELD("answer-time", KIND_TIME, answer_time),
	FIELD("text-time", KIND_TIME, text_time),
	FIELD("sim-time", KIND_TIME, sim_time),
	FIELD("network-time", KIND_TIME, network_time),
	FIELD("pdp-time", KIND_TIME, pdp_time),
	FIELD("start-time", KIND_TIME, start_time),
	FIELD("verify-time", KIND_TIME, verify_time),
	FIELD("give-up-time", KIND_TIME, give_up_time),
};

static const struct {
	const char *name;
	enum fake_family family;
} families[] = {
	{ "L610", FAKE_L610 },
	{ "NL668", FAKE_NL668 },
	{ "NL652", FAKE_NL652 },
	{ "NL668-old", FAKE_NL668_OLD },
};

int scenario_family(const char *name, enum fake_family *ret)
{
	for (size_t i = 0; i < ELEMENTSOF(families); i++)
		if (text_equal_nocase(families[i].name, name)) {
			*ret = families[i].family;
			return 0;
		}
	return -EINVAL;
}

void scenario_guess(const char *word, const char *const *names, size_t n, char *ret, size_t size)
{
	size_t best = 3;

	ret[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		size_t distance = text_distance(word, names[i]);

		if (distance < best) {
			best = distance;
			snprintf(ret, size, ", did you mean \"%s\"?", names[i]);
		}
	}
}

int scenario_size(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		if (value > (UINT64_MAX - 9) / 10)
			return -ERANGE;
		value = value * 10 + (uint64_t) (*text - '0');
	}
	if (value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

static bool is_imei(const char *text)
{
	return strlen(text) == IMEI_SIZE - 1 && strspn(text, "0123456789") == IMEI_SIZE - 1;
}

/* Text that stands in a package's head or in an answer: one printable word. */
bool scenario_is_word(const char *text)
{
	return text[0] != '\0' && text_is_printable(text, strlen(text)) && !strchr(text, ' ') &&
	       !strchr(text, '"');
}

static int set_field(struct fake_modem_config *config, const struct field *field, const char *value)
{
	void *target = (char *) config + field->offset;
	uint64_t number;
	int r;

	switch (field->kind) {
	case KIND_TIME:
		return usec_parse(value, target);
	case KIND_SIZE:
		return scenario_size(value, UINT64_MAX, target);
	case KIND_COUNT:
		r = scenario_size(value, 2, &number);
		if (r >= 0)
			*(unsigned *) target = (unsigned) number;
		return r;
	case KIND_NUMBER:
		r = scenario_size(value, 100, &number);
		if (r >= 0)
			*(int *) target = (int) number;
		return r;
	case KIND_TEXT:
		return scenario_is_word(value) ? text_copy(target, field->size, value) : -EINVAL;
	case KIND_IMEI:
		return is_imei(value) ? text_copy(target, field->size, value) : -EINVAL;
	}
	return -EINVAL;
}

static const struct field *find_field(const char *key, char *problem, size_t size)
{
	const char *names[ELEMENTSOF(fields)];
	char hint[96];

	for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
		if (text_equal(fields[i].name, key))
			return &fields[i];
		names[i] = fields[i].name;
	}
	scenario_guess(key, names, ELEMENTSOF(fields), hint, sizeof(hint));
	snprintf(problem, size, "a modem has no \"%s\"%s", key, hint);
	return NULL;
}

int scenario_set(struct fake_modem_config *config, const char *key, const char *value,
	char *problem, size_t size)
{
	const struct field *field = find_field(key, problem, size);

	if (!field)
		return -EINVAL;
	if (set_field(config, field, value) < 0) {
		snprintf(problem, size, "%s=%s cannot be read", key, value);
		return -EINVAL;
	}
	return 0;
}

int scenario_preset(
	struct scenario *s, const char *key, const char *value, char *problem, size_t size)
{
	int r;

	r = scenario_set(&s->preset, key, value, problem, size);
	if (r >= 0)
		s->preset_set |= (uint64_t) 1 << (find_field(key, problem, size) - fields);
	return r;
}

static void apply_preset(const struct scenario *s, struct fake_modem_config *config)
{
	for (size_t i = 0; i < ELEMENTSOF(fields); i++)
		if (s->preset_set & (uint64_t) 1 << i)
			memcpy((char *) config + fields[i].offset,
				(const char *) &s->preset + fields[i].offset, fields[i].size);
}

struct scenario_modem *scenario_find(struct scenario *s, const char *name)
{
	for (size_t i = 0; i < s->n_modems; i++)
		if (text_equal(s->modems[i].name, name))
			return &s->modems[i];
	return NULL;
}

/* The names that fotad takes; they become file names. */
static bool is_name(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	static const char others[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789._-";
	size_t n = strlen(name);

	return n > 0 && n < SCENARIO_NAME_MAX && strchr(letters, name[0]) &&
	       strspn(name, others) == n;
}

int scenario_add(
	struct scenario *s, const char *name, enum fake_family family, struct scenario_modem **ret)
{
	struct scenario_modem *modems;

	if (!is_name(name))
		return -EINVAL;
	if (scenario_find(s, name))
		return -EEXIST;
	if (s->n_modems == SCENARIO_MODEMS_MAX)
		return -E2BIG;
	modems = reallocarray(s->modems, s->n_modems + 1, sizeof(*modems));
	if (!modems)
		return -ENOMEM;
	s->modems = modems;
	modems += s->n_modems;
	snprintf(modems->name, sizeof(modems->name), "%s", name);
	fake_modem_defaults(&modems->config, family, (unsigned) s->n_modems + 1);
	modems->config.seed += s->preset.seed;
	apply_preset(s, &modems->config);
	s->n_modems++;
	*ret = modems;
	return 0;
}
