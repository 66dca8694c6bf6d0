/*
 * config-values - one value by its row: what is as the row says is kept, what is not becomes a
 * problem with what was expected.
 */
#include "io/config-internal.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/usec.h"

#define FOUND_MAX    (SHOWN_MAX + 16)
#define EXPECTED_MAX 256 /* bytes of what would be right */

static void *place(void *base, size_t offset)
{
	return (char *) base + offset;
}

/* Members are unsigned, int, an enumeration or uint64_t. */
void config_store_number(const struct field *f, void *base, int64_t value)
{
	uint32_t small = (uint32_t) value;

	if (f->size == sizeof(value))
		memcpy(place(base, f->offset), &value, sizeof(value));
	else
		memcpy(place(base, f->offset), &small, sizeof(small));
}

static void store_pointer(void *base, size_t offset, const void *value)
{
	memcpy(place(base, offset), &value, sizeof(value));
}

static const char *keep(struct builder *b, const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = arena_alloc(&b->arena, n);

	if (!copy) {
		b->out_of_memory = true;
		return NULL;
	}
	return memcpy(copy, text, n);
}

static void store_text(struct builder *b, const struct field *f, void *base, const char *text)
{
	if (f->size == 0)
		store_pointer(base, f->offset, keep(b, text));
	else if (text_copy(place(base, f->offset), f->size, text) < 0)
		problem(b, SEVERITY_ERROR, "is too long");
}

const struct word *config_find_word(const struct word *words, const char *text)
{
	for (; words->text; words++)
		if (text_equal(words->text, text))
			return words;
	return NULL;
}

static void set_default(const struct field *f, void *base)
{
	usec_t duration;

	switch (f->kind) {
	case FIELD_STRING:
		snprintf(place(base, f->offset), f->size, "%s", f->standard);
		break;
	case FIELD_INTEGER:
	case FIELD_NUMBERS:
		config_store_number(f, base, strtoll(f->standard, NULL, 10));
		break;
	case FIELD_BOOLEAN:
		*(bool *) place(base, f->offset) = text_equal(f->standard, "true") != f->inverted;
		break;
	case FIELD_DURATION:
		if (usec_parse(f->standard, &duration) >= 0)
			config_store_number(f, base, (int64_t) duration);
		break;
	case FIELD_WORD:
		config_store_number(f, base, config_find_word(f->words, f->standard)->value);
		break;
	case FIELD_SHARE:
		(void) share_parse(f->standard, place(base, f->offset));
		break;
	case FIELD_COMMENT:
	case FIELD_STRINGS:
	case FIELD_SECRET:
	case FIELD_OBJECT:
	case FIELD_LIST:
	case FIELD_ITEMS:
	case FIELD_FLAGS:
	case FIELD_TIME:
	case FIELD_INSTANT:
	case FIELD_COUNTS:
	case FIELD_MAP:
		break;
	}
}

void config_set_defaults(const struct object *object, void *base)
{
	for (const struct field *f = object->fields; f->key; f++)
		if (f->standard)
			set_default(f, base);
		else if (f->kind == FIELD_TIME)
			config_store_number(f, base, WINDOW_NO_TIME);
		else if (f->kind == FIELD_OBJECT && !f->sparse)
			config_set_defaults(f->object, place(base, f->offset));
}

/* ---- what is wrong ---- */

/* What stands there, for people; a text is shortened and made safe. */
static const char *found(char buffer[static FOUND_MAX], json_t *value)
{
	char text[SHOWN_MAX];

	switch (json_typeof(value)) {
	case JSON_STRING:
		text_format(buffer, FOUND_MAX, "\"%s\"", shown(text, json_string_value(value)));
		return buffer;
	case JSON_INTEGER:
		text_format(buffer, FOUND_MAX, "%lld", (long long) json_integer_value(value));
		return buffer;
	case JSON_REAL:
		return "a number with a fraction or an exponent";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	case JSON_NULL:
		return "null";
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	}
	return "something else";
}

void config_unexpected(struct builder *b, json_t *value, const char *expected)
{
	char buffer[FOUND_MAX];

	problem(b, SEVERITY_ERROR, "expected %s, found %s", expected, found(buffer, value));
}

static bool is_string(struct builder *b, json_t *value, const char *expected)
{
	if (json_is_string(value))
		return true;
	config_unexpected(b, value, expected);
	return false;
}

/* ---- one value by its row ---- */

void config_parse_comment(struct builder *b, json_t *value)
{
	bool fine = json_is_string(value) || json_is_array(value);
	json_t *item;
	size_t i;

	json_array_foreach(value, i, item)
	{
		fine = fine && json_is_string(item);
	}
	if (!fine)
		config_unexpected(b, value, "a text or a list of texts");
}

/* True when the text may be kept. Texts without a judge of their own are left to gtota_check(). */
static bool check_text(struct builder *b, const struct field *f, json_t *value)
{
	const struct form *form = config_form(f->form);
	const char *text = json_string_value(value);
	size_t n = json_string_length(value);

	if (!form->fits)
		return true;
	if (f->kind == FIELD_SECRET && !form->fits(text, n))
		problem(b, SEVERITY_ERROR, "expected %s", form->expected);
	else if (f->form == FORM_PROFILE && !form->fits(text, n))
		config_unknown_profile(b, text, true);
	else if (!form->fits(text, n))
		config_unexpected(b, value, form->expected);
	else if (f->kind != FIELD_STRINGS && n > (size_t) f->max)
		problem(b, SEVERITY_ERROR, "is %zu bytes long; at most %lld are possible", n,
			(long long) f->max);
	else
		return true;
	return false;
}

static void parse_string(struct builder *b, const struct field *f, json_t *value, void *base)
{
	if (is_string(b, value, "a string") && check_text(b, f, value))
		store_text(b, f, base, json_string_value(value));
}

static void parse_integer(struct builder *b, const struct field *f, json_t *value, void *base)
{
	char expected[EXPECTED_MAX];
	int64_t n = json_integer_value(value);

	if (json_is_integer(value) && n >= f->min && n <= f->max) {
		config_store_number(f, base, n);
		return;
	}
	if (f->min == f->max)
		snprintf(expected, sizeof(expected), "%lld", (long long) f->min);
	else
		snprintf(expected, sizeof(expected), "a whole number from %lld to %lld",
			(long long) f->min, (long long) f->max);
	config_unexpected(b, value, expected);
}

static void parse_numbers(struct builder *b, const struct field *f, json_t *value, void *base)
{
	char expected[EXPECTED_MAX + 8], number[16];
	struct choice choice = { .written = "" };

	for (const unsigned *n = f->numbers; *n > 0; n++) {
		if (json_is_integer(value) && json_integer_value(value) == *n) {
			config_store_number(f, base, *n);
			return;
		}
		snprintf(number, sizeof(number), "%u", *n);
		choice_add(&choice, ", ", number);
	}
	snprintf(expected, sizeof(expected), "one of %s", choice.known);
	config_unexpected(b, value, expected);
}

static void parse_boolean(struct builder *b, const struct field *f, json_t *value, void *base)
{
	if (json_is_boolean(value))
		*(bool *) place(base, f->offset) = json_is_true(value) != f->inverted;
	else
		config_unexpected(b, value, "true or false");
}

static void parse_duration(struct builder *b, const struct field *f, json_t *value, void *base)
{
	static const char expected[] = "a duration with a unit (\"300ms\", \"90s\", \"1h 30min\")";
	char least[USEC_FORMAT_MAX], most[USEC_FORMAT_MAX];
	usec_t duration = 0;
	int r;

	if (!is_string(b, value, expected))
		return;
	r = usec_parse(json_string_value(value), &duration);
	if (r == -EINVAL)
		config_unexpected(b, value, expected);
	else if (r < 0 || duration < (usec_t) f->min || duration > (usec_t) f->max)
		problem(b, SEVERITY_ERROR, "expected a duration from %s to %s",
			usec_format(least, (usec_t) f->min), usec_format(most, (usec_t) f->max));
	else
		config_store_number(f, base, (int64_t) duration);
}

static void parse_word(struct builder *b, const struct field *f, json_t *value, void *base)
{
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	const struct word *word = config_find_word(f->words, text);
	struct choice choice = { .written = text };
	char buffer[FOUND_MAX];

	if (word && !word->unsupported) {
		config_store_number(f, base, word->value);
		return;
	}
	for (const struct word *w = f->words; w->text; w++)
		if (!w->unsupported)
			choice_add(&choice, "\" or \"", w->text);
	if (word)
		problem(b, SEVERITY_ERROR,
			"\"%s\" is not supported by this version; expected \"%s\"", word->text,
			choice.known);
	else
		problem(b, SEVERITY_ERROR, "expected \"%s\", found %s%s", choice.known,
			found(buffer, value), choice_hint(&choice));
}

int config_compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

bool config_listed(const char *const *names, size_t n, const char *name)
{
	return n > 0 && bsearch(&name, names, n, sizeof(*names), config_compare_texts);
}

static void parse_strings(struct builder *b, const struct field *f, json_t *value, void *base)
{
	size_t i, n = 0, size = json_array_size(value);
	const char **texts;
	json_t *item;

	if (!json_is_array(value)) {
		config_unexpected(b, value, "a list of strings");
		return;
	}
	if (size < (size_t) f->min || size > (size_t) f->max) {
		problem(b, SEVERITY_ERROR, "expected a list of %lld to %lld strings, found %zu",
			(long long) f->min, (long long) f->max, size);
		return;
	}
	texts = arena_alloc(&b->arena, size * sizeof(*texts));
	if (!texts) {
		b->out_of_memory = true;
		return;
	}
	json_array_foreach(value, i, item)
	{
		size_t mark = pointer_push_index(b, i);

		if (is_string(b, item, "a string") && check_text(b, f, item)) {
			texts[n] = keep(b, json_string_value(item));
			n += texts[n] != NULL;
		}
		pointer_pop(b, mark);
	}
	if (n > 0)
		qsort(texts, n, sizeof(*texts), config_compare_texts);
	for (i = 1; i < n; i++)
		if (text_equal(texts[i - 1], texts[i]) &&
			(i == 1 || !text_equal(texts[i - 2], texts[i])))
			problem(b, SEVERITY_ERROR, "\"%s\" stands there twice", texts[i]);
	store_pointer(base, f->offset, texts);
	memcpy(place(base, f->other), &n, sizeof(n));
}

/* A literal secret: for a first try only, and never shown. */
static void parse_secret(struct builder *b, const struct field *f, json_t *value, void *base)
{
	if (!json_is_string(value)) {
		problem(b, SEVERITY_ERROR,
			"expected { \"credential\": \"NAME\" }, or a string for a first try");
		return;
	}
	problem(b, SEVERITY_WARNING,
		"literal secret in this file; use a credential: { \"credential\": \"NAME\" }");
	if (check_text(b, f, value))
		store_text(b, f, base, json_string_value(value));
}

void config_parse_value(struct builder *b, const struct field *f, json_t *value, void *base)
{
	switch (f->kind) {
	case FIELD_COMMENT:
		config_parse_comment(b, value);
		break;
	case FIELD_STRING:
		parse_string(b, f, value, base);
		break;
	case FIELD_INTEGER:
		parse_integer(b, f, value, base);
		break;
	case FIELD_NUMBERS:
		parse_numbers(b, f, value, base);
		break;
	case FIELD_BOOLEAN:
		parse_boolean(b, f, value, base);
		break;
	case FIELD_DURATION:
		parse_duration(b, f, value, base);
		break;
	case FIELD_WORD:
		parse_word(b, f, value, base);
		break;
	case FIELD_STRINGS:
		parse_strings(b, f, value, base);
		break;
	case FIELD_SECRET:
		parse_secret(b, f, value, base);
		break;
	case FIELD_FLAGS:
		config_parse_flags(b, f, value, base);
		break;
	case FIELD_TIME:
		config_parse_time(b, f, value, base);
		break;
	case FIELD_INSTANT:
		config_parse_instant(b, f, value, base);
		break;
	case FIELD_SHARE:
		config_parse_share(b, f, value, base);
		break;
	case FIELD_COUNTS:
		config_parse_counts(b, f, value, base);
		break;
	case FIELD_OBJECT:
	case FIELD_LIST:
	case FIELD_ITEMS:
	case FIELD_MAP:
		break;
	}
}
