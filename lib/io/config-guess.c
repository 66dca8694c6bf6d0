/*
 * config-guess - the words that would have been right, and which of them was meant.
 */
#include "io/config-internal.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define SLIPS_MAX 3 /* more of them make another word */

static void append(struct choice *choice, const char *text)
{
	size_t n = strlen(choice->known);

	/* Only for people: a list that does not fit is cut, with "...". */
	text_escape(choice->known + n, sizeof(choice->known) - n, text, strlen(text));
}

void choice_add(struct choice *choice, const char *separator, const char *word)
{
	size_t distance = text_distance(choice->written, word);

	if (choice->known[0] != '\0')
		append(choice, separator);
	append(choice, word);
	/* Half of the word must be there. */
	if (distance > SLIPS_MAX || distance * 2 > strlen(word))
		return;
	if (!choice->guess || distance < choice->distance) {
		choice->guess = word;
		choice->distance = distance;
	}
}

const char *choice_hint(struct choice *choice)
{
	if (!choice->guess)
		return "";
	snprintf(choice->hint, sizeof(choice->hint), "; did you mean \"%s\"?", choice->guess);
	return choice->hint;
}

void config_unknown_key(struct builder *b, const struct object *object, const char *key)
{
	struct choice choice = { .written = key };

	for (const struct field *f = object->fields; f->key; f++)
		choice_add(&choice, ", ", f->key);
	if (choice.guess)
		problem(b, SEVERITY_ERROR, "unknown key%s", choice_hint(&choice));
	else
		problem(b, SEVERITY_ERROR, "unknown key; expected one of %s", choice.known);
}

void config_unknown_profile(struct builder *b, const char *text, bool or_auto)
{
	struct choice choice = { .written = text };
	const struct profile *row;
	char name[SHOWN_MAX];

	if (or_auto)
		choice_add(&choice, ", ", "auto");
	for (size_t i = 0; (row = profile_at(i)); i++)
		choice_add(&choice, ", ", row->name);
	problem(b, SEVERITY_ERROR, "expected one of %s, found \"%s\"%s", choice.known,
		shown(name, text), choice_hint(&choice));
}
