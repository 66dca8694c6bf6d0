/* Any information text: the cursor stays inside its line, every read goes on or fails and stays. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/at-text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static bool is_inside(const struct at_text *t, const char *text)
{
	return t->p >= text && t->p <= t->end && t->end <= text + strlen(text) &&
	       !memchr(t->p, '\n', (size_t) (t->end - t->p));
}

/* Every way to read one value; returns whether there was one. */
static bool read_value(struct at_text *t, const char *text)
{
	static const size_t sizes[] = { 0, 1, 4, 64 };
	struct at_text number = *t, skipped = *t;
	int64_t n = 42;
	int r = at_text_number(&number, &n);

	check(r == 0 || (n == 42 && number.p == t->p));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct at_text string = *t;
		char *value = malloc(sizes[i] + 1);

		check(value);
		memset(value, '#', sizes[i] + 1);
		r = at_text_string(&string, value, sizes[i]);
		check(r == 0 || (string.p == t->p && value[0] == '#'));
		check(r != 0 || strlen(value) < sizes[i]);
		check(value[sizes[i]] == '#');
		check((r == -ENODATA) == !at_text_more(t));
		check(is_inside(&string, text));
		free(value);
	}
	r = at_text_skip(&skipped);
	check((r == 0) == at_text_more(t));
	check(number.p == t->p || number.p == skipped.p);
	check(is_inside(&skipped, text));
	*t = skipped;
	return r == 0;
}

static void read_line(struct at_text t, const char *text)
{
	check(is_inside(&t, text));
	while (read_value(&t, text))
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const prefixes[] = { NULL, "", "+X:", "+COPS:", "+GTSET:" };
	char *text = malloc(size + 1);

	check(text);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		struct at_text t;

		if (!at_text_find(&t, text, prefixes[i]))
			continue;
		read_line(t, text);
		while (at_text_next(&t, prefixes[i]))
			read_line(t, text);
	}
	free(text);
	return 0;
}
