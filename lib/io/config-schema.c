/*
 * config-schema - the same tables as a JSON Schema (2020-12), for editors and for a second opinion
 * in tests.
 *
 * What a schema cannot say is left to the program: ranges of durations, names that meet, versions
 * that fit.
 */
#include "io/config-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define DIALECT "https://json-schema.org/draft/2020-12/schema"

/* usec_parse(): each unit once, from large to small, spaces between two of them */
#define DURATION                                                                                   \
	"^(?=[0-9])(?!.* $)([0-9]+d *)?([0-9]+h *)?([0-9]+min *)?([0-9]+s *)?([0-9]+ms *)?"        \
	"([0-9]+us)?$"

#define TIME_OF_DAY "^([01][0-9]|2[0-3]):[0-5][0-9]$"
#define TIME_OF_END "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"

/* civil_parse(); which months have 31 days it leaves to the program. */
#define INSTANT                                                                                    \
	"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"                                       \
	"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?"                                 \
	"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"

/* For people: what the pattern means. */
#define TIME_TITLE    "a time of day, \"HH:MM\""
#define INSTANT_TITLE "a date and time with its offset (RFC 3339), such as \"2026-12-01T00:00:00+01:00\""
#define SHARE_TITLE   "a number or a percentage in quotes (\"5\", \"10%\")"

/* share_parse() */
#define SHARE "^([1-9][0-9]{0,5}|([1-9][0-9]?|100)%)$"

static json_t *describe_object(const struct object *object);

/* Takes the value over. Without memory the schema is incomplete: only a build writes one. */
static void set(json_t *schema, const char *key, json_t *value)
{
	json_object_set_new(schema, key, value);
}

static void set_type(json_t *schema, const char *type)
{
	set(schema, "type", json_string(type));
}

static json_t *profile_names(bool or_auto)
{
	json_t *names = json_array();
	const struct profile *row;

	if (or_auto)
		json_array_append_new(names, json_string("auto"));
	for (size_t i = 0; (row = profile_at(i)); i++)
		json_array_append_new(names, json_string(row->name));
	return names;
}

static json_t *describe_text(const struct field *f)
{
	const struct form *form = config_form(f->form);
	json_t *schema = json_object();

	set_type(schema, "string");
	if (f->form == FORM_PROFILE) {
		set(schema, "enum", profile_names(true));
		return schema;
	}
	/* A list's row counts its items; the pattern limits their lengths. */
	if (f->kind != FIELD_STRINGS && f->max > 0)
		set(schema, "maxLength", json_integer(f->max));
	set(schema, "pattern", json_string(form->pattern));
	set(schema, "title", json_string(form->expected));
	return schema;
}

static json_t *describe_comment(void)
{
	return json_pack("{s:[{s:s},{s:s,s:{s:s}}]}", "anyOf", "type", "string", "type", "array",
		"items", "type", "string");
}

static json_t *describe_integer(const struct field *f)
{
	if (f->min == f->max)
		return json_pack("{s:I}", "const", (json_int_t) f->min);
	return json_pack("{s:s,s:I,s:I}", "type", "integer", "minimum", (json_int_t) f->min,
		"maximum", (json_int_t) f->max);
}

static json_t *describe_numbers(const struct field *f)
{
	json_t *schema = json_object(), *numbers = json_array();

	for (const unsigned *n = f->numbers; *n > 0; n++)
		json_array_append_new(numbers, json_integer(*n));
	set(schema, "enum", numbers);
	return schema;
}

static json_t *describe_words(const struct field *f)
{
	json_t *schema = json_object(), *words = json_array();

	for (const struct word *w = f->words; w->text; w++)
		if (!w->unsupported)
			json_array_append_new(words, json_string(w->text));
	set(schema, "enum", words);
	return schema;
}

static json_t *describe_strings(const struct field *f)
{
	return json_pack("{s:s,s:I,s:I,s:b,s:o}", "type", "array", "minItems", (json_int_t) f->min,
		"maxItems", (json_int_t) f->max, "uniqueItems", 1, "items", describe_text(f));
}

static json_t *describe_secret(const struct field *f)
{
	const struct field fields[] = { config_credential_field, { 0 } };
	const struct object object = { fields, RULE_NONE, { 0 } };

	return json_pack("{s:[o,o]}", "oneOf", describe_object(&object), describe_text(f));
}

static json_t *describe_list(const struct field *f)
{
	return json_pack("{s:s,s:I,s:o}", "type", "array", "maxItems", (json_int_t) f->max, "items",
		describe_object(f->object));
}

static json_t *describe_items(const struct field *f)
{
	return json_pack("{s:s,s:I,s:I,s:o}", "type", "array", "minItems", (json_int_t) f->min,
		"maxItems", (json_int_t) f->max, "items", describe_object(f->object));
}

static json_t *describe_flags(const struct field *f)
{
	return json_pack("{s:s,s:i,s:b,s:o}", "type", "array", "minItems", 1, "uniqueItems", 1,
		"items", describe_words(f));
}

static json_t *describe_pattern(const char *pattern, const char *title)
{
	return json_pack("{s:s,s:s,s:s}", "type", "string", "pattern", pattern, "title", title);
}

/* A pattern cannot say between which lengths. */
static json_t *describe_duration(const struct field *f)
{
	char min[USEC_FORMAT_MAX], max[USEC_FORMAT_MAX], title[96];

	(void) text_format(title, sizeof(title), "a duration from %s to %s",
		usec_format(min, (usec_t) f->min), usec_format(max, (usec_t) f->max));
	return describe_pattern(DURATION, title);
}

static void add_common(json_t *properties)
{
	for (const struct field *f = config_common_fields; f->key; f++) {
		json_t *schema = describe_comment();

		set(schema, "description", json_string(f->doc));
		set(properties, f->key, schema);
	}
}

static json_t *describe_map(const struct field *f)
{
	json_t *schema = json_object(), *properties = json_object();
	const struct profile *row;

	set_type(schema, "object");
	add_common(properties);
	for (size_t i = 0; (row = profile_at(i)); i++)
		set(properties, row->name, describe_object(f->object));
	set(schema, "properties", properties);
	set(schema, "additionalProperties", json_false());
	return schema;
}

static json_t *describe_counts(const struct field *f)
{
	json_t *schema = json_object(), *properties = json_object();

	set_type(schema, "object");
	add_common(properties);
	set(schema, "properties", properties);
	set(schema, "patternProperties",
		json_pack("{s:o}", config_form(f->form)->pattern, describe_integer(f)));
	set(schema, "additionalProperties", json_false());
	return schema;
}

static json_t *describe_value(const struct field *f)
{
	switch (f->kind) {
	case FIELD_COMMENT:
		return describe_comment();
	case FIELD_STRING:
		return describe_text(f);
	case FIELD_INTEGER:
		return describe_integer(f);
	case FIELD_NUMBERS:
		return describe_numbers(f);
	case FIELD_BOOLEAN:
		return json_pack("{s:s}", "type", "boolean");
	case FIELD_DURATION:
		return describe_duration(f);
	case FIELD_WORD:
		return describe_words(f);
	case FIELD_STRINGS:
		return describe_strings(f);
	case FIELD_SECRET:
		return describe_secret(f);
	case FIELD_OBJECT:
		return describe_object(f->object);
	case FIELD_LIST:
		return describe_list(f);
	case FIELD_ITEMS:
		return describe_items(f);
	case FIELD_FLAGS:
		return describe_flags(f);
	case FIELD_TIME:
		return describe_pattern(f->max < 24 * 60 ? TIME_OF_DAY : TIME_OF_END, TIME_TITLE);
	case FIELD_INSTANT:
		return describe_pattern(INSTANT, INSTANT_TITLE);
	case FIELD_SHARE:
		return describe_pattern(SHARE, SHARE_TITLE);
	case FIELD_COUNTS:
		return describe_counts(f);
	case FIELD_MAP:
		return describe_map(f);
	}
	return NULL;
}

static json_t *describe_default(const struct field *f)
{
	switch (f->kind) {
	case FIELD_INTEGER:
	case FIELD_NUMBERS:
		return json_integer(strtoll(f->standard, NULL, 10));
	case FIELD_BOOLEAN:
		return json_boolean(text_equal(f->standard, "true"));
	case FIELD_STRING:
	case FIELD_DURATION:
	case FIELD_WORD:
	case FIELD_COMMENT:
	case FIELD_STRINGS:
	case FIELD_SECRET:
	case FIELD_OBJECT:
	case FIELD_LIST:
	case FIELD_ITEMS:
	case FIELD_FLAGS:
	case FIELD_TIME:
	case FIELD_INSTANT:
	case FIELD_SHARE:
	case FIELD_COUNTS:
	case FIELD_MAP:
		break;
	}
	return json_string(f->standard);
}

static void add_rule(json_t *schema, const struct object *object)
{
	const char *one = object->keys[0], *two = object->keys[1];

	switch (object->rule) {
	case RULE_NONE:
		break;
	case RULE_EXACTLY_ONE:
	case RULE_AT_LEAST_ONE:
		set(schema, object->rule == RULE_EXACTLY_ONE ? "oneOf" : "anyOf",
			json_pack("[{s:[s]},{s:[s]}]", "required", one, "required", two));
		break;
	case RULE_BOTH_OR_NONE:
		set(schema, "dependentRequired", json_pack("{s:[s],s:[s]}", one, two, two, one));
		break;
	}
}

static json_t *describe_object(const struct object *object)
{
	json_t *schema = json_object(), *properties = json_object(), *required = json_array();

	set_type(schema, "object");
	add_common(properties);
	for (const struct field *f = object->fields; f->key; f++) {
		json_t *value = describe_value(f);

		if (!value)
			continue;
		set(value, "description", json_string(f->doc));
		if (f->standard)
			set(value, "default", describe_default(f));
		set(properties, f->key, value);
		if (f->required)
			json_array_append_new(required, json_string(f->key));
	}
	set(schema, "properties", properties);
	if (json_array_size(required) > 0)
		set(schema, "required", json_incref(required));
	json_decref(required);
	set(schema, "additionalProperties", json_false());
	add_rule(schema, object);
	return schema;
}

int config_write_schema(FILE *file)
{
	json_t *schema = json_object();
	int r;

	set(schema, "$schema", json_string(DIALECT));
	set(schema, "title", json_string("Configuration of fotad"));
	json_object_update_new(schema, describe_object(&config_root_object));
	r = json_dumpf(schema, file, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	json_decref(schema);
	if (r < 0 || fputc('\n', file) == EOF || fflush(file) == EOF)
		return -EIO;
	return 0;
}
