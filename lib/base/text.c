#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DISTANCE_WORD_MAX 64

int text_copy(char *dst, size_t size, const char *src)
{
	return text_copy_n(dst, size, src, strlen(src));
}

int text_copy_n(char *dst, size_t size, const char *src, size_t n)
{
	if (n >= size)
		return -EMSGSIZE;
	memmove(dst, src, n);
	dst[n] = '\0';
	return 0;
}

int text_join(char *dst, size_t size, ...)
{
	size_t used = 0;
	const char *part;
	va_list args;

	va_start(args, size);
	while ((part = va_arg(args, const char *)))
		used += strlen(part);
	va_end(args);
	if (used >= size)
		return -EMSGSIZE;
	va_start(args, size);
	while ((part = va_arg(args, const char *))) {
		memcpy(dst, part, strlen(part));
		dst += strlen(part);
	}
	va_end(args);
	*dst = '\0';
	return 0;
}

int text_format(char *dst, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	/* Measured first, because a destination stays untouched on failure. */
	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		return -EINVAL;
	if ((size_t) n >= size)
		return -EMSGSIZE;
	va_start(args, format);
	vsnprintf(dst, size, format, args);
	va_end(args);
	return 0;
}

bool text_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* ASCII only: the process's locale must not decide what a module has said. */
static unsigned char lower(char c)
{
	return (unsigned char) (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool text_equal_nocase(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	for (; *a != '\0' && lower(*a) == lower(*b); a++)
		b++;
	return *a == '\0' && *b == '\0';
}

bool text_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_starts_with_nocase(const char *text, const char *prefix)
{
	for (; *prefix != '\0'; prefix++, text++)
		if (lower(*text) != lower(*prefix))
			return false;
	return true;
}

bool text_is_printable(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return true;
}

/* Writes how one byte is shown; returns the length, at most 4. */
static size_t escape_byte(char out[static 4], char c)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char byte = (unsigned char) c;

	if (byte >= 0x20 && byte <= 0x7e && byte != '\\') {
		out[0] = c;
		return 1;
	}
	out[0] = '\\';
	switch (byte) {
	case '\\':
		out[1] = '\\';
		return 2;
	case '\r':
		out[1] = 'r';
		return 2;
	case '\n':
		out[1] = 'n';
		return 2;
	case '\t':
		out[1] = 't';
		return 2;
	default:
		out[1] = 'x';
		out[2] = digits[byte >> 4];
		out[3] = digits[byte & 0xf];
		return 4;
	}
}

size_t text_escape(char *dst, size_t size, const char *src, size_t n)
{
	size_t used = 0;
	size_t cut = 0; /* the longest beginning behind which "..." still fits */

	if (size == 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		char shown[4];
		size_t length = escape_byte(shown, src[i]);

		if (used + length >= size) {
			used = cut;
			while (used < cut + 3 && used + 1 < size)
				dst[used++] = '.';
			break;
		}
		memcpy(dst + used, shown, length);
		used += length;
		if (used + 3 < size)
			cut = used;
	}
	dst[used] = '\0';
	return used;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

size_t text_distance(const char *a, const char *b)
{
	size_t row[DISTANCE_WORD_MAX + 1];
	size_t na = strlen(a), nb = strlen(b);

	if (na > DISTANCE_WORD_MAX || nb > DISTANCE_WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t changed = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = least(row[j] + 1, row[j - 1] + 1, changed);
		}
	}
	return row[nb];
}

uint64_t text_hash(uint64_t seed, const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t hash = seed != 0 ? seed : UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}
