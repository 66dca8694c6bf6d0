/*
 * at-line-take - from bytes to lines: the hot path, inline because a call per line costs a quarter
 * of its speed. For at-channel.c and the tests.
 *
 *      bytes --> at_line_take() --> at_line_trim() --> at_line_kind()
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/at-line.h"

#define AT_LINE_WORD	  sizeof(uint64_t)
#define AT_LINE_EACH_BYTE UINT64_C(0x0101010101010101)

#define AT_LINE_STOP 0x0e /* CR, LF, NUL and a few that are rare are below */

/* Marks in the eighth bit of each byte below AT_LINE_STOP; only the lowest mark is exact. */
static inline uint64_t at_line_stops(uint64_t word)
{
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		word = __builtin_bswap64(word);
	return (word - AT_LINE_EACH_BYTE * AT_LINE_STOP) & ~word & AT_LINE_EACH_BYTE * 0x80;
}

/* Copies eight bytes; returns how many of them come before the first below AT_LINE_STOP. */
static inline size_t at_line_copy_word(char *dst, const char *src)
{
	uint64_t word, hits;

	memcpy(&word, src, AT_LINE_WORD);
	memcpy(dst, &word, AT_LINE_WORD);
	hits = at_line_stops(word);
	return hits != 0 ? (unsigned) __builtin_ctzll(hits) >> 3 : AT_LINE_WORD;
}

/*
 * Copies up to n bytes, stops before the first below AT_LINE_STOP; returns how many. Copying and
 * looking in one pass is what makes this as fast as a bare memchr(). Writes up to dst[n - 1].
 */
static inline size_t at_line_copy_text(char *dst, const char *src, size_t n)
{
	size_t i = 0;

	if (n < AT_LINE_WORD) {
		for (; i < n && (unsigned char) src[i] >= AT_LINE_STOP; i++)
			dst[i] = src[i];
		return i;
	}
	for (; i <= n - AT_LINE_WORD; i += AT_LINE_WORD) {
		size_t text = at_line_copy_word(dst + i, src + i);

		if (text < AT_LINE_WORD)
			return i + text;
	}
	/* The last word may overlap what is known to be text already. */
	return n - AT_LINE_WORD + at_line_copy_word(dst + n - AT_LINE_WORD, src + n - AT_LINE_WORD);
}

static inline bool at_line_is_end(char c)
{
	return c == '\r' || c == '\n';
}

/*
 * Empty lines are nothing: any number of ends is one end. Between two reports stand exactly four
 * (V.250, 5.7.1: each has a CR LF before and behind it).
 */
static inline const char *at_line_skip_ends(const char *p, const char *end)
{
	if (end - p >= 4 && memcmp(p, "\r\n\r\n", 4) == 0)
		p += 4;
	while (p < end && (unsigned char) *p < AT_LINE_STOP && at_line_is_end(*p))
		p++;
	return p;
}

static inline const char *at_line_skip_text(const char *p, const char *end)
{
	while (p < end && !at_line_is_end(*p))
		p++;
	return p;
}

static inline bool at_line_is_graphic(char c)
{
	return c > 0x20 && c < 0x7f;
}

/* How many bytes stand before the first graphic one; 0 when there is none. */
static __attribute__((noinline)) size_t at_line_noise(const char *line, size_t size)
{
	size_t n = 0;

	while (n < size && !at_line_is_graphic(line[n]))
		n++;
	return n < size ? n : 0;
}

/* The line that has just ended; NULL if it was too long. */
static inline char *at_line_finish(struct at_line_buffer *b, size_t *ret_size)
{
	size_t size = b->size;
	size_t start = 0;

	b->size = 0;
	if (b->skipping) {
		b->skipping = false;
		explicit_bzero(b->bytes, size); /* may be an echo, with a password */
		return NULL;
	}
	b->bytes[size] = '\0';
	if (!at_line_is_graphic(b->bytes[0]))
		start = at_line_noise(b->bytes, size);
	*ret_size = size - start;
	return b->bytes + start;
}

/* What stops the text and is no end: NUL is left out, too much is dropped, the rest is kept. */
static __attribute__((noinline)) const char *at_line_take_odd(
	struct at_line_buffer *b, const char *p, const char *end)
{
	if (b->skipping)
		return at_line_skip_text(p, end);
	if (*p == '\0')
		return p + 1;
	if (b->size == AT_LINE_MAX) {
		b->skipping = true;
		return p;
	}
	b->bytes[b->size++] = *p;
	return p + 1;
}

/*
 * Takes bytes up to and with the end of a line that is not empty, and any ends behind it; returns
 * how many. ret: the line, which stays in the buffer until the next call, or NULL: none has ended.
 * NULs are left out, over-long lines dropped. Noise of power-up stands before many a first line, so
 * bytes before the first graphic character are passed over; a line of nothing else stays as it is.
 */
static inline size_t at_line_take(
	struct at_line_buffer *b, const char *data, size_t size, char **ret, size_t *ret_size)
{
	const char *end = data + size;
	const char *p = at_line_is_begun(b) ? data : at_line_skip_ends(data, end);

	*ret = NULL;
	while (p < end) {
		size_t left = (size_t) (end - p), room = AT_LINE_MAX - b->size;
		size_t n = at_line_copy_text(b->bytes + b->size, p, left < room ? left : room);

		p += n;
		b->size += n;
		if (p == end)
			break;
		if (!at_line_is_end(*p)) {
			p = at_line_take_odd(b, p, end);
			continue;
		}
		p = at_line_skip_ends(p, end);
		if (b->size == 0) /* only NULs stood between the ends */
			continue;
		*ret = at_line_finish(b, ret_size);
		if (*ret)
			break;
	}
	return (size_t) (p - data);
}

/*
 * As at_line_take(), without a loop, for what comes nearly always while a fleet downloads: a line
 * that begins with `first`, or a part of one, its ends before and behind it. ret_size: of the line,
 * which is b->bytes; 0: none has ended. Returns 0 when anything else is there: then nothing has
 * changed, for bytes behind b->size say nothing.
 */
static inline size_t at_line_take_plain(
	struct at_line_buffer *b, const char *data, size_t size, char first, size_t *ret_size)
{
	const char *p = data, *end = data + size, *text_end;
	size_t room = AT_LINE_MAX - b->size, left, used;

	if (size == 0 || b->skipping)
		return 0;
	if (b->size == 0 && (unsigned char) *p < AT_LINE_STOP)
		p = at_line_skip_ends(p, end);
	left = (size_t) (end - p);
	used = b->size + at_line_copy_text(b->bytes + b->size, p, left < room ? left : room);
	text_end = p + (used - b->size);
	*ret_size = 0;
	if (text_end == end) {
		b->size = used;
		return size;
	}
	p = at_line_skip_ends(text_end, end);
	if (p == text_end || b->bytes[0] != first)
		return 0;
	b->bytes[used] = '\0';
	b->size = 0;
	*ret_size = used;
	return (size_t) (p - data);
}

/* Cuts blanks off the end; returns the size left. */
static inline size_t at_line_trim(char *line, size_t size)
{
	while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t'))
		line[--size] = '\0';
	return size;
}
