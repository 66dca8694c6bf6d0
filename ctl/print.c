#include "ctl/print.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/reason.h"
#include "ctl/table.h"
#include "ctl/text.h"

static json_t *versioned(json_t *object)
{
	json_t *whole = json_pack("{s:i}", "version", CTL_OUTPUT_VERSION);

	json_object_update(whole, object);
	json_decref(object);
	return whole;
}

/*
 * ASCII, in which the library has escaped all that moves a cursor but DEL, which JSON does not ask for; it can only stand in a
 * string.
 */
static char *dump(json_t *object, size_t flags)
{
	json_t *whole = versioned(object);
	TEXT_AUTO text = json_dumps(whole, flags | JSON_ENSURE_ASCII);
	char *safe = words("%s", text ? text : "{}"), *del;

	json_decref(whole);
	while ((del = strchr(safe, '\x7f'))) {
		TEXT_AUTO before = safe;

		safe = words("%.*s\\u007f%s", (int) (del - before), before, del + 1);
	}
	return safe;
}

char *json_line(json_t *object)
{
	return dump(object, JSON_COMPACT);
}

void print_json(const struct ctl *ctl, json_t *object)
{
	TEXT_AUTO text = dump(object, ctl->json == CTL_JSON_SHORT ? JSON_COMPACT : JSON_INDENT(2));

	puts(text);
}

static char *list_text(const json_t *list)
{
	char *text = strdup("");
	json_t *item;
	size_t i;

	json_array_foreach ((json_t *) list, i, item) {
		TEXT_AUTO before = text;

		text = words("%s%s%s", before, i > 0 ? ", " : "",
			json_string_value(item) ? json_string_value(item) : "?");
	}
	return text;
}

static char *counts_text(const json_t *object)
{
	char *text = strdup("");
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *) object, key, value) {
		TEXT_AUTO before = text;

		text = words("%s%s%" JSON_INTEGER_FORMAT " %s", before, before[0] ? ", " : "",
			json_integer_value(value), key);
	}
	return text;
}

static char *value_text(const json_t *value)
{
	char absolute[WHEN_MAX], relative[WHEN_MAX];
	usec_t when = when_parse(json_string_value(value));

	if (when > 0)
		return words("%s (%s)", when_text(absolute, when),
			when_relative(relative, when, now_realtime()));
	if (json_is_string(value))
		return shown(json_string_value(value));
	if (json_is_integer(value))
		return words("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (json_is_boolean(value))
		return words("%s", json_is_true(value) ? "yes" : "no");
	return json_is_array(value)    ? list_text(value)
	       : json_is_object(value) ? counts_text(value)
				       : words("-");
}

/* What the reason means and what to do, where fotad's own detail does not say so. */
static void print_reason(const json_t *object)
{
	const char *word = text_of(object, "reason"), *detail = text_of(object, "detail");
	enum reason reason = word ? reason_by_name(word) : REASON_NONE;

	if (reason != REASON_NONE && (!detail || !strstr(detail, reason_next_step(reason))))
		printf("\n%s\n%s\n", reason_meaning(reason), reason_next_step(reason));
}

void print_object(const struct ctl *ctl, const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *) object, key, value) {
		TEXT_AUTO label = words("%s:", key);
		TEXT_AUTO text = value_text(value);
		TEXT_AUTO safe = shown(text);

		for (char *c = label; *c; c++)
			if (*c == '_')
				*c = ' ';
		if (safe[0] && !json_is_null(value))
			printf("%s%-20s%s %s\n", ctl->colour ? colour_on(TABLE_DIM) : "", label,
				ctl->colour ? COLOUR_OFF : "", safe);
	}
	print_reason(object);
}
