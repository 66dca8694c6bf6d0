#include "core/terms.h"

#include <errno.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"

enum kind { TEXT, TIME, LONG, COUNT, BOOL, LEVEL, WORD };

static const char *const mipcalls[] = {
	[PROFILE_MIPCALL_NEVER] = "never",
	[PROFILE_MIPCALL_REQUIRED] = "required",
	NULL,
};
static const char *const probes[] = {
	[PROFILE_PROBE_WARN] = "warn",
	[PROFILE_PROBE_REQUIRE] = "require",
	NULL,
};
static const char *const technologies[] = {
	[TECHNOLOGY_ANY] = "any",
	[TECHNOLOGY_UMTS] = "umts",
	[TECHNOLOGY_LTE] = "lte",
	NULL,
};
static const char *const rats[] = { [RAT_KEEP] = "keep", [RAT_LOCK] = "lock", NULL };
static const char *const checks[] = {
	[CHECK_NONE] = "none",
	[CHECK_REGISTERED] = "registered",
	[CHECK_PDP] = "pdp",
	NULL,
};

static const struct field {
	const char *name;
	enum kind kind;
	size_t offset, size;
	const char *const *words;
} fields[] = {
#define FIELD(name, kind, member, ...)                                                             \
	{                                                                                          \
		name, kind, offsetof(struct terms, member),                                        \
			sizeof(((struct terms *) NULL)->member), __VA_ARGS__                       \
	}
	FIELD("profile", TEXT, profile, NULL),
	FIELD("mipcall", WORD, mipcall, mipcalls),
	FIELD("probe", WORD, probe, probes),
	FIELD("command", TIME, timeouts.command, NULL),
	FIELD("identify", TIME, timeouts.identify, NULL),
	FIELD("register", TIME, timeouts.registration, NULL),
	FIELD("pdp", TIME, timeouts.pdp, NULL),
	FIELD("start", TIME, timeouts.start, NULL),
	FIELD("stall", TIME, timeouts.stall, NULL),
	FIELD("download", TIME, timeouts.download, NULL),
	FIELD("leave", TIME, timeouts.leave, NULL),
	FIELD("return", TIME, timeouts.return_, NULL),
	FIELD("settle", TIME, timeouts.settle, NULL),
	FIELD("retry.attempts", COUNT, rules.attempts, NULL),
	FIELD("retry.delay", TIME, rules.delay, NULL),
	FIELD("retry.max_delay", TIME, rules.max_delay, NULL),
	FIELD("retry.max_bytes", LONG, rules.max_bytes, NULL),
	FIELD("require.technology", WORD, require.technology, technologies),
	FIELD("require.rssi", BOOL, require.check_rssi, NULL),
	FIELD("require.minus_dbm", LEVEL, require.rssi_dbm, NULL),
	FIELD("require.home", BOOL, require.refuse_roaming, NULL),
	FIELD("require.supply_mv", COUNT, require.supply_mv, NULL),
	FIELD("require.idle", BOOL, require.idle, NULL),
	FIELD("rat", WORD, rat, rats),
	FIELD("check", WORD, check, checks),
	FIELD("signal", BOOL, signal, NULL),
	FIELD("apn.name", TEXT, apn, NULL),
	FIELD("apn.username", TEXT, username, NULL),
	FIELD("apn.credential", TEXT, credential, NULL),
#undef FIELD
};

/* Every kind but a text is a number of 8 or 4 bytes, or a bool. */
static uint64_t load(const struct terms *t, const struct field *f)
{
	const char *at = (const char *) t + f->offset;
	uint64_t wide;
	uint32_t narrow;

	if (f->size == sizeof(bool))
		return *(const bool *) at;
	if (f->size == sizeof(narrow)) {
		memcpy(&narrow, at, sizeof(narrow));
		return f->kind == LEVEL ? -narrow : narrow;
	}
	memcpy(&wide, at, sizeof(wide));
	return wide;
}

static void keep(struct terms *t, const struct field *f, uint64_t value)
{
	uint32_t narrow = f->kind == LEVEL ? -(uint32_t) value : (uint32_t) value;
	char *at = (char *) t + f->offset;

	if (f->size == sizeof(bool))
		*(bool *) at = value != 0;
	else
		memcpy(at, f->size == sizeof(narrow) ? (void *) &narrow : (void *) &value, f->size);
}

static uint64_t most(const struct field *f)
{
	switch (f->kind) {
	case TIME:
		return 30 * DAY; /* as in the configuration */
	case LONG:
		return INT64_MAX;
	case COUNT:
		return INT32_MAX;
	case LEVEL:
		return 200;
	case BOOL:
		return 1;
	case TEXT:
	case WORD:
		break;
	}
	return 0;
}

/* ---- taken, and given ---- */

void terms_take(struct terms *t, const struct profile *profile, const struct upgrade_task *task,
	const struct job_rules *rules)
{
	*t = (struct terms){
		.mipcall = profile->mipcall,
		.probe = profile->probe,
		.timeouts = profile->timeouts,
		.rules = *rules,
		.require = task->require,
		.rat = task->rat,
		.check = task->check,
		.signal = task->signal,
	};
	t->rules.seed = 0;
	if (text_copy(t->apn, sizeof(t->apn), task->apn.name ?: "") < 0 ||
		text_copy(t->username, sizeof(t->username), task->apn.username ?: "") < 0 ||
		text_copy(t->credential, sizeof(t->credential), task->apn.credential ?: "") < 0 ||
		text_copy(t->profile, sizeof(t->profile), profile->name) < 0)
		t->profile[0] = '\0';
}

bool terms_profile(const struct terms *t, struct profile *ret)
{
	const struct profile *row = profile_by_name(t->profile);

	if (!row)
		return false;
	*ret = *row;
	ret->mipcall = t->mipcall;
	ret->probe = t->probe;
	ret->timeouts = t->timeouts;
	return true;
}

static const char *given(const char *text)
{
	return text[0] ? text : NULL;
}

void terms_task(const struct terms *t, struct upgrade_task *ret)
{
	*ret = (struct upgrade_task) {
		.request.url = "",
		.from = "",
		.to = "",
		.require = t->require,
		.rat = t->rat,
		.check = t->check,
		.signal = t->signal,
		.apn = {
			.name = given(t->apn),
			.username = given(t->username),
			.credential = given(t->credential),
		},
	};
}

/* ---- as text ---- */

const char *terms_encode(const struct terms *t, char ret[static TERMS_ENCODED_MAX])
{
	size_t used = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < ELEMENTSOF(fields) && t->profile[0]; i++) {
		const struct field *f = &fields[i];
		uint64_t number = f->kind == TEXT ? 0 : load(t, f);
		const char *text = f->kind == TEXT   ? (const char *) t + f->offset
				   : f->kind == WORD ? f->words[number]
						     : NULL;
		int r = text ? text_format(ret + used, TERMS_ENCODED_MAX - used, "%s=%s\n", f->name,
				       text)
			     : text_format(ret + used, TERMS_ENCODED_MAX - used, "%s=%llu\n",
				       f->name, (unsigned long long) number);

		if (r < 0) {
			ret[0] = '\0';
			break;
		}
		used += strlen(ret + used);
	}
	return ret;
}

static bool read_number(const char *text, size_t n, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned digit = (unsigned) (text[i] - '0');

		if (digit > 9 || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return n > 0 && value <= max;
}

static bool read_word(const char *const *words, const char *text, size_t n, uint64_t *ret)
{
	for (uint64_t i = 0; words[i]; i++)
		if (strlen(words[i]) == n && memcmp(words[i], text, n) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static bool read_value(struct terms *t, const struct field *f, const char *text, size_t n)
{
	uint64_t value = 0;
	bool fine;

	if (f->kind == TEXT)
		return text_is_printable(text, n) &&
		       text_copy_n((char *) t + f->offset, f->size, text, n) == 0;
	fine = f->kind == WORD ? read_word(f->words, text, n, &value)
			       : read_number(text, n, most(f), &value);
	if (!fine || (f->kind == TIME && value == 0))
		return false;
	keep(t, f, value);
	return true;
}

static const struct field *field_of(const char *name, size_t n, size_t *ret_index)
{
	for (size_t i = 0; i < ELEMENTSOF(fields); i++)
		if (strlen(fields[i].name) == n && memcmp(fields[i].name, name, n) == 0) {
			*ret_index = i;
			return &fields[i];
		}
	return NULL;
}

int terms_decode(const char *text, struct terms *ret)
{
	struct terms t = { 0 };
	uint64_t seen = 0;
	size_t i;

	_Static_assert(ELEMENTSOF(fields) < 64, "a bit for each");
	while (*text != '\0') {
		size_t line = strcspn(text, "\n"), name = strcspn(text, "=\n");
		const struct field *f = field_of(text, name, &i);

		if (text[line] == '\0' || name == line ||
			(f && !read_value(&t, f, text + name + 1, line - name - 1)))
			return -EINVAL;
		if (f)
			seen |= (uint64_t) 1 << i;
		text += line + 1;
	}
	if (seen != ((uint64_t) 1 << ELEMENTSOF(fields)) - 1 || !profile_by_name(t.profile))
		return -EINVAL;
	*ret = t;
	return 0;
}
