#include "core/at-text.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

static const char *line_end(const char *p)
{
	return p + strcspn(p, "\n");
}

bool at_text_find(struct at_text *t, const char *text, const char *prefix)
{
	for (const char *p = text;; p++) {
		const char *end = line_end(p);

		p = skip_blanks(p, end);
		if (p < end && text_starts_with_nocase(p, prefix ? prefix : "")) {
			t->p = skip_blanks(p + (prefix ? strlen(prefix) : 0), end);
			t->end = end;
			return true;
		}
		if (*end == '\0')
			return false;
		p = end;
	}
}

bool at_text_next(struct at_text *t, const char *prefix)
{
	return *t->end != '\0' && at_text_find(t, t->end + 1, prefix);
}

/* Where the value at p ends: at its comma or the line's end. A comma in quotes is a character. */
static const char *value_end(const char *p, const char *end)
{
	bool quoted = false;

	for (; p < end && (quoted || *p != ','); p++)
		if (*p == '"')
			quoted = !quoted;
	return p;
}

/* Sets the cursor behind a value and its comma. */
static void pass(struct at_text *t, const char *end)
{
	t->p = skip_blanks(end < t->end ? end + 1 : t->end, t->end);
}

/* The next value without the blanks around it. */
static int peek(const struct at_text *t, const char **ret_begin, const char **ret_end)
{
	const char *p = skip_blanks(t->p, t->end);
	const char *end = value_end(p, t->end);

	if (p == t->end)
		return -ENODATA;
	while (end > p && is_blank(end[-1]))
		end--;
	*ret_begin = p;
	*ret_end = end;
	return 0;
}

int at_text_number(struct at_text *t, int64_t *ret)
{
	const char *p, *end;
	uint64_t n = 0, limit = INT64_MAX;
	bool negative;
	int r = peek(t, &p, &end);

	if (r < 0)
		return r;
	negative = p < end && *p == '-';
	limit += negative;
	p += p < end && (*p == '-' || *p == '+');
	if (p == end)
		return -EINVAL;
	for (const char *q = p; q < end; q++)
		if (*q < '0' || *q > '9')
			return -EINVAL;
	for (; p < end; p++) {
		unsigned digit = (unsigned) (*p - '0');

		if (n > (limit - digit) / 10)
			return -ERANGE;
		n = n * 10 + digit;
	}
	pass(t, value_end(t->p, t->end));
	/* -1 - (n - 1): -INT64_MIN does not exist. */
	*ret = negative && n > 0 ? -1 - (int64_t) (n - 1) : (int64_t) n;
	return 0;
}

int at_text_string(struct at_text *t, char *ret, size_t size)
{
	const char *p, *end;
	int r = peek(t, &p, &end);

	if (r < 0)
		return r;
	if (p < end && *p == '"') {
		const char *close = memchr(p + 1, '"', (size_t) (end - p) - 1);

		if (!close || close + 1 != end)
			return -EINVAL;
		p++;
		end = close;
	} else if (memchr(p, '"', (size_t) (end - p))) {
		return -EINVAL;
	}
	r = text_copy_n(ret, size, p, (size_t) (end - p));
	if (r < 0)
		return r;
	pass(t, value_end(t->p, t->end));
	return 0;
}

int at_text_skip(struct at_text *t)
{
	if (!at_text_more(t))
		return -ENODATA;
	pass(t, value_end(t->p, t->end));
	return 0;
}

bool at_text_more(const struct at_text *t)
{
	return skip_blanks(t->p, t->end) < t->end;
}
