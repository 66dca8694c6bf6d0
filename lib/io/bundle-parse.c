/*
 * A bundle from a file: whatever stands there, it is refused with a reason, or the core can replay
 * it.
 */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/bundle-file.h"
#include "io/bundle-internal.h"

#define TIME_MAX    ((json_int_t) 1 << 52)
#define TIMEOUT_MAX ((json_int_t) (30 * DAY))

struct parser {
	struct bundle *b;
	char *problem; /* the first one; "" while there is none */
	bool no_memory;
};

static void PRINTF_LIKE(2, 3) refuse(struct parser *p, const char *format, ...)
{
	va_list args;

	if (p->problem[0])
		return;
	va_start(args, format);
	(void) vsnprintf(p->problem, BUNDLE_PROBLEM_MAX, format, args);
	va_end(args);
}

/* ---- values ---- */

static json_int_t number(
	struct parser *p, const json_t *object, const char *name, json_int_t min, json_int_t max)
{
	const json_t *value = json_object_get(object, name);
	json_int_t n = json_integer_value(value);

	if (json_is_integer(value) && n >= min && n <= max)
		return n;
	refuse(p, "\"%s\" is not a number from %lld to %lld", name, (long long) min,
		(long long) max);
	return min;
}

static bool truth(struct parser *p, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_boolean(value))
		refuse(p, "\"%s\" is not true or false", name);
	return json_is_true(value);
}

/* Without a NUL inside; NULL: there is none, which is allowed where `wanted` is false. */
static const char *text(struct parser *p, const json_t *object, const char *name, bool wanted)
{
	const json_t *value = json_object_get(object, name);
	const char *copy, *at = json_string_value(value);

	if (!at && !wanted && (!value || json_is_null(value)))
		return NULL;
	if (!at || strlen(at) != json_string_length(value)) {
		refuse(p, "\"%s\" is not a string", name);
		return "";
	}
	copy = bundle_copy(p->b, at);
	p->no_memory |= !copy;
	return copy ?: "";
}

/* One of the words; the first where it is none. */
static int word(struct parser *p, const json_t *object, const char *name, const char *const *words)
{
	const char *value = json_string_value(json_object_get(object, name));

	for (int i = 0; words[i]; i++)
		if (value && text_equal(value, words[i]))
			return i;
	refuse(p, "\"%s\" is none of its words", name);
	return 0;
}

/* Characters U+0000 to U+00FF as bytes; returns how many, at most max. */
static size_t bytes(struct parser *p, const json_t *value, const char *name, char *ret, size_t max)
{
	const char *utf8 = json_string_value(value);
	size_t size = json_string_length(value), n = 0;

	if (!utf8)
		refuse(p, "\"%s\" is not a string", name);
	for (size_t i = 0; utf8 && i < size; i++, n++) {
		unsigned char c = (unsigned char) utf8[i];

		if (n == max || c > 0xc3) { /* U+0100 begins with 0xc4 */
			refuse(p, "\"%s\" is too long, or its characters are no bytes", name);
			return 0;
		}
		if (c >= 0x80) /* jansson has seen that it is UTF-8 */
			c = (unsigned char) (c << 6 | ((unsigned char) utf8[++i] & 0x3f));
		ret[n] = (char) c;
	}
	return n;
}

/* ---- what was wanted ---- */

static struct timeouts timeouts(struct parser *p, const json_t *object)
{
	const json_int_t min = MSEC, max = TIMEOUT_MAX;
	const json_t *o = json_object_get(object, "timeouts");

	return (struct timeouts){
		.command = (usec_t) number(p, o, "command", min, max),
		.identify = (usec_t) number(p, o, "identify", min, max),
		.registration = (usec_t) number(p, o, "register", min, max),
		.pdp = (usec_t) number(p, o, "pdp", min, max),
		.start = (usec_t) number(p, o, "start", min, max),
		.stall = (usec_t) number(p, o, "stall", min, max),
		.download = (usec_t) number(p, o, "download", min, max),
		.leave = (usec_t) number(p, o, "leave", min, max),
		.return_ = (usec_t) number(p, o, "return", min, max),
		.settle = (usec_t) number(p, o, "settle", min, max),
	};
}

static void parse_profile(struct parser *p, const json_t *root)
{
	static const char *const mipcalls[] = { "never", "required", NULL };
	static const char *const probes[] = { "warn", "require", NULL };
	const json_t *o = json_object_get(root, "profile");
	struct profile *profile = &p->b->replay.profile;
	const struct profile *row;

	if (json_is_null(o))
		return;
	row = profile_by_name(text(p, o, "name", true));
	if (!row) {
		refuse(p, "\"profile\" is of no module that is known");
		return;
	}
	*profile = *row;
	profile->mipcall =
		word(p, o, "mipcall", mipcalls) ? PROFILE_MIPCALL_REQUIRED : PROFILE_MIPCALL_NEVER;
	profile->probe = word(p, o, "probe", probes) ? PROFILE_PROBE_REQUIRE : PROFILE_PROBE_WARN;
	profile->timeouts = timeouts(p, o);
}

static void parse_require(struct parser *p, const json_t *object, struct requirement *ret)
{
	static const char *const technologies[] = { "any", "umts", "lte", NULL };
	const json_t *o = json_object_get(object, "require");

	ret->technology = (enum technology) word(p, o, "technology", technologies);
	ret->check_rssi = !json_is_null(json_object_get(o, "rssi_dbm"));
	if (ret->check_rssi)
		ret->rssi_dbm = (int) number(p, o, "rssi_dbm", -200, 200);
	ret->refuse_roaming = !truth(p, o, "roaming");
	ret->supply_mv = (unsigned) number(p, o, "supply_mv", 0, 1000000);
	ret->idle = truth(p, o, "idle");
}

static void parse_task(struct parser *p, const json_t *root)
{
	static const char *const types[] = { "http", "ftp", NULL };
	static const char *const rats[] = { "keep", "lock", NULL };
	static const char *const checks[] = { "none", "registered", "pdp", NULL };
	const json_t *o = json_object_get(root, "task"), *apn = json_object_get(o, "apn");
	struct upgrade_task *t = &p->b->task;

	if (json_is_null(o))
		return;
	t->from = text(p, o, "from", true);
	t->to = text(p, o, "to", true);
	t->request.type = word(p, o, "type", types) ? GTOTA_FTP : GTOTA_HTTP;
	t->request.url = text(p, o, "url", true);
	t->request.filename = text(p, o, "file", false);
	t->request.username = text(p, o, "username", false);
	t->request.password = text(p, o, "password", false);
	parse_require(p, o, &t->require);
	t->rat = word(p, o, "rat", rats) ? RAT_LOCK : RAT_KEEP;
	if (json_object_get(o, "check")) /* older ones had none */
		t->check = (enum upgrade_check) word(p, o, "check", checks);
	t->signal = json_object_get(o, "signal") && truth(p, o, "signal"); /* likewise */
	t->apn.name = text(p, apn, "name", false);
	t->apn.username = text(p, apn, "username", false);
	t->apn.password = text(p, apn, "password", false);
	t->apn.credential = text(p, apn, "credential", false);
	p->b->replay.task = t;
}

/* ---- where it begins ---- */

static void store(const struct trace_field *f, char *at, json_int_t value)
{
	uint64_t number64 = value == -1 ? USEC_INFINITY : (uint64_t) value;
	uint32_t number32 = (uint32_t) value;

	memcpy(at, f->size == sizeof(number32) ? (void *) &number32 : (void *) &number64, f->size);
}

static void parse_field(
	struct parser *p, const struct trace_field *f, const json_t *object, struct dialogue *d)
{
	const json_t *value = json_object_get(object, f->name);
	char *at = (char *) d + f->offset;
	int known;

	switch (f->kind) {
	case TRACE_BOOL:
		*(bool *) at = value ? truth(p, object, f->name) : false;
		return;
	case TRACE_TEXT:
		if (value)
			at[bytes(p, value, f->name, at, f->size - 1)] = '\0';
		return;
	case TRACE_INT:
		store(f, at, 0);
		known = (int) number(p, object, f->name, INT16_MIN, INT16_MAX);
		memcpy(at, &known, sizeof(known));
		return;
	case TRACE_COUNT:
	case TRACE_LONG:
		store(f, at, value ? number(p, object, f->name, 0, INT32_MAX) : 0);
		return;
	case TRACE_TIME:
		store(f, at, value ? number(p, object, f->name, -1, TIME_MAX) : 0);
		return;
	case TRACE_STEP:
	case TRACE_REASON:
	case TRACE_OUTCOME:
	case TRACE_CHANNEL:
	case TRACE_EXPECT:
		known = trace_kind_by_name(f->kind, json_string_value(value) ?: "?");
		if (known < 0)
			refuse(p, "\"%s\" is not known to this version", f->name);
		store(f, at, known < 0 ? 0 : known);
	}
}

static void parse_state(struct parser *p, const json_t *o)
{
	struct trace_state *s = &p->b->state;
	struct at_channel *c = &s->dialogue.channel;
	size_t line;

	for (const struct trace_field *f = trace_state_fields; f->name; f++)
		parse_field(p, f, o, &s->dialogue);
	s->task = truth(p, o, "task");
	(void) bytes(
		p, json_object_get(o, "profile"), "profile", s->profile, sizeof(s->profile) - 1);
	(void) bytes(
		p, json_object_get(o, "prefix"), "prefix", s->prefix[0], sizeof(s->prefix[0]) - 1);
	(void) bytes(p, json_object_get(o, "channel.prefix"), "channel.prefix", s->prefix[1],
		sizeof(s->prefix[1]) - 1);
	line = bytes(
		p, json_object_get(o, "channel.line"), "channel.line", c->line.bytes, AT_LINE_MAX);
	c->output_size = bytes(p, json_object_get(o, "channel.output"), "channel.output", s->output,
		sizeof(s->output));
	c->text_size =
		bytes(p, json_object_get(o, "channel.text"), "channel.text", c->text, AT_TEXT_MAX);
	c->line.size = line;
}

/* ---- what happened ---- */

static void parse_data(struct parser *p, const json_t *value, struct trace_entry *e)
{
	size_t max = json_string_length(value);
	char *data = bundle_allocate(p->b, max + 1);

	p->no_memory |= !data;
	if (data) {
		e->size = bytes(p, value, "entries", data, max);
		e->data = data;
	}
}

static void parse_verdict(struct parser *p, const json_t *array, struct upgrade_notice *ret)
{
	int outcome = trace_kind_by_name(
		TRACE_OUTCOME, json_string_value(json_array_get(array, 2)) ?: "?");
	int reason = trace_kind_by_name(
		TRACE_REASON, json_string_value(json_array_get(array, 3)) ?: "?");
	json_int_t cme = json_integer_value(json_array_get(array, 4));

	if (outcome < 0 || reason < 0 || cme < INT16_MIN || cme > INT16_MAX)
		refuse(p, "a verdict of the trace is not known to this version");
	ret->outcome = (enum upgrade_outcome)(outcome < 0 ? 0 : outcome);
	ret->reason = (enum reason)(reason < 0 ? 0 : reason);
	ret->cme = (int) cme;
}

static void parse_entry(struct parser *p, const json_t *array, struct trace_entry *e)
{
	const json_t *time = json_array_get(array, 0), *value = json_array_get(array, 2);
	const char *name = json_string_value(json_array_get(array, 1));
	int type = name ? trace_type_by_name(name) : -EINVAL;
	json_int_t n = json_integer_value(value), at = json_integer_value(time);
	struct upgrade_notice verdict;

	if (type < 0 || type == TRACE_STATE || !json_is_integer(time) || at < -TIME_MAX ||
		at > TIME_MAX || n < 0 || n > INT32_MAX) {
		refuse(p, "an entry of the trace is none");
		return;
	}
	e->type = (enum trace_type) type;
	e->at = p->b->began + (usec_t) at;
	if (e->at > (usec_t) TIME_MAX)
		refuse(p, "an entry of the trace is before all time");
	if (e->type == TRACE_LINE || e->type == TRACE_OUTPUT)
		parse_data(p, value, e);
	else if (e->type == TRACE_HIDDEN && n > BUNDLE_FILE_MAX)
		refuse(p, "an entry of the trace is too long");
	else if (e->type == TRACE_HIDDEN)
		e->number = (uint64_t) n << 1 | (json_array_size(array) > 3);
	else
		e->number = (uint64_t) n;
	if (e->type == TRACE_VERDICT) {
		parse_verdict(p, array, &verdict);
		p->b->verdict.outcome = verdict.outcome;
		p->b->verdict.reason = verdict.reason;
		p->b->verdict.cme = verdict.cme;
		e->number = trace_verdict(&verdict);
	}
}

static void parse_trace(struct parser *p, const json_t *root)
{
	const json_t *o = json_object_get(root, "trace"), *list = json_object_get(o, "entries");
	size_t n = json_array_size(list);

	p->b->began = (usec_t) number(p, o, "began", 0, TIME_MAX);
	p->b->dropped = (uint64_t) number(p, o, "dropped", 0, TIME_MAX);
	if (!json_is_array(list) || n > BUNDLE_ENTRIES_MAX) {
		refuse(p, "\"entries\" is not a list of at most %d", BUNDLE_ENTRIES_MAX);
		return;
	}
	parse_state(p, json_object_get(o, "state"));
	p->b->entries = calloc(n + 1, sizeof(*p->b->entries));
	p->no_memory |= !p->b->entries;
	for (size_t i = 0; i < n && p->b->entries && !p->problem[0]; i++)
		parse_entry(p, json_array_get(list, i), &p->b->entries[i]);
	bundle_connect(p->b, n);
}

static void parse_job(struct parser *p, const json_t *root)
{
	const json_t *job = json_object_get(root, "job"), *modem = json_object_get(root, "modem");
	struct bundle *b = p->b;

	(void) text_format(b->fotad, sizeof(b->fotad), "%.31s", text(p, root, "fotad", true));
	b->written = (usec_t) number(p, root, "written", 0, TIME_MAX);
	b->campaign = text(p, job, "campaign", true);
	b->modem = text(p, job, "modem", true);
	b->port = text(p, job, "port", true);
	b->target = text(p, job, "target", true);
	b->replay.imei = text(p, modem, "configured_imei", false);
	b->replay.named = truth(p, modem, "profile_named");
	b->replay.timeouts = timeouts(p, root);
}

static void parse_root(struct parser *p, const json_t *root)
{
	json_int_t version = json_integer_value(json_object_get(root, "version"));
	struct replay *trial;

	if (version != BUNDLE_VERSION) {
		refuse(p, "\"version\" is not %d: %s", BUNDLE_VERSION,
			version > BUNDLE_VERSION ? "written by a newer fotad"
						 : "this is no bundle");
		return;
	}
	parse_job(p, root);
	parse_profile(p, root);
	parse_task(p, root);
	parse_trace(p, root);
	if (p->problem[0] || p->no_memory)
		return;
	trial = malloc(sizeof(*trial));
	p->no_memory |= !trial;
	if (trial && replay_begin(trial, &p->b->replay) < 0)
		refuse(p, "\"state\" is none that fotad can be in");
	free(trial);
}

int bundle_parse(const char *data, size_t size, struct bundle **ret,
	char ret_problem[static BUNDLE_PROBLEM_MAX])
{
	struct parser p = { .b = calloc(1, sizeof(struct bundle)), .problem = ret_problem };
	json_error_t error;
	json_t *root;

	ret_problem[0] = '\0';
	if (!p.b)
		return -ENOMEM;
	root = json_loadb(data, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (root)
		parse_root(&p, root);
	else
		refuse(&p, "line %d, column %d: %.160s", error.line, error.column, error.text);
	json_decref(root);
	if (p.problem[0] || p.no_memory) {
		bundle_free(p.b);
		return p.problem[0] ? -EBADMSG : -ENOMEM;
	}
	*ret = p.b;
	return 0;
}

int bundle_load(const char *path, struct bundle **ret, char ret_problem[static BUNDLE_PROBLEM_MAX])
{
	char *data;
	size_t size;
	int r = bundle_file_read(path, BUNDLE_FILE_MAX, &data, &size);

	if (r < 0) {
		(void) text_format(ret_problem, BUNDLE_PROBLEM_MAX, "%s", strerror(-r));
		return r;
	}
	r = bundle_parse(data, size, ret, ret_problem);
	if (r == -ENOMEM)
		(void) text_format(ret_problem, BUNDLE_PROBLEM_MAX, "%s", strerror(-r));
	free(data);
	return r;
}
