/*
 * config-times - values that say when: days, times of day and instants.
 */
#include "io/config-internal.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "core/civil.h"

/* A word of the list, or NULL: then it is said. */
static const struct word *take_word(struct builder *b, const struct field *f, json_t *item)
{
	const char *text = json_is_string(item) ? json_string_value(item) : "";
	const struct word *word = config_find_word(f->words, text);
	struct choice choice = { .written = text };
	char expected[sizeof(choice.known) + 8];

	if (word)
		return word;
	for (const struct word *w = f->words; w->text; w++)
		choice_add(&choice, ", ", w->text);
	snprintf(expected, sizeof(expected), "one of %s", choice.known);
	config_unexpected(b, item, expected);
	return NULL;
}

void config_parse_flags(struct builder *b, const struct field *f, json_t *value, void *base)
{
	unsigned flags = 0;
	json_t *item;
	size_t i;

	if (!json_is_array(value) || json_array_size(value) == 0) {
		config_unexpected(b, value, "a list of words that is not empty");
		return;
	}
	json_array_foreach(value, i, item)
	{
		size_t mark = pointer_push_index(b, i);
		const struct word *word = take_word(b, f, item);

		if (word && flags & word->value)
			problem(b, SEVERITY_ERROR, "\"%s\" stands there twice", word->text);
		flags |= word ? word->value : 0;
		pointer_pop(b, mark);
	}
	config_store_number(f, base, flags);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool read_time(const char *text, size_t n, int64_t *ret)
{
	int hour, minute;

	if (n != 5 || !is_digit(text[0]) || !is_digit(text[1]) || text[2] != ':' ||
		!is_digit(text[3]) || !is_digit(text[4]))
		return false;
	hour = (text[0] - '0') * 10 + text[1] - '0';
	minute = (text[3] - '0') * 10 + text[4] - '0';
	*ret = hour * 60 + minute;
	return minute < 60;
}

void config_parse_time(struct builder *b, const struct field *f, json_t *value, void *base)
{
	int64_t minutes = 0;

	if (json_is_string(value) &&
		read_time(json_string_value(value), json_string_length(value), &minutes) &&
		minutes >= f->min && minutes <= f->max)
		config_store_number(f, base, minutes);
	else
		config_unexpected(b, value,
			f->max < 24 * 60 ? "a local time from \"00:00\" to \"23:59\""
					 : "a local time from \"00:00\" to \"24:00\"");
}

void config_parse_instant(struct builder *b, const struct field *f, json_t *value, void *base)
{
	usec_t instant = 0;
	int r = json_is_string(value) ? civil_parse(json_string_value(value), &instant) : -EINVAL;

	/* 0 says that there is none. */
	if (r == -ERANGE || (r == 0 && instant == 0))
		config_unexpected(b, value, "a date and time that there is, after 1970 began");
	else if (r < 0)
		config_unexpected(b, value,
			"a date, a time and its offset from UTC (\"2026-12-01T00:00:00+01:00\", "
			"\"2026-11-30T23:00:00Z\")");
	else
		config_store_number(f, base, (int64_t) instant);
}
