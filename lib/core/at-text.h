/*
 * at-text - a cursor over information text, e.g. `+COPS: 0,2,"46011",7`.
 *
 * Reads tolerate spaces around values and end at a comma or the line's end. A value may be empty
 * (`+COPS: 0,,"x"`), but nothing behind the last comma is no value. On failure the cursor stays and
 * ret is untouched; all give -ENODATA at the end of the line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct at_text {
	const char *p;   /* next byte */
	const char *end; /* of the line */
};

/*
 * Sets the cursor behind "PREFIX" (e.g. "+CPIN:") of the first line of text that begins with it,
 * compared without case; prefix NULL or "": the first line that is not empty. False: no such line.
 */
bool at_text_find(struct at_text *t, const char *text, const char *prefix);

/* The next line with that prefix, after the present one. */
bool at_text_next(struct at_text *t, const char *prefix);

/* Decimal, with or without a sign. -EINVAL: something else, or empty; -ERANGE. */
int at_text_number(struct at_text *t, int64_t *ret);

/*
 * Quoted or bare; the quotes are taken off, escapes stay as they are. -EINVAL: the quotes are not
 * in order; -EMSGSIZE.
 */
int at_text_string(struct at_text *t, char *ret, size_t size);

int at_text_skip(struct at_text *t);        /* one value, whatever it is */
bool at_text_more(const struct at_text *t); /* is another value there? */
