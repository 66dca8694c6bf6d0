/*
 * text - bounded strings. Too long is an error, never a silent cut.
 *
 * A destination is always NUL-terminated on success and untouched on failure (but for
 * text_escape(), which is for display and marks its cut with "...").
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

/* Copies a string, or its first n bytes. -EMSGSIZE when it does not fit with its NUL. */
int text_copy(char *dst, size_t size, const char *src) MUST_CHECK;
int text_copy_n(char *dst, size_t size, const char *src, size_t n) MUST_CHECK;

/* snprintf() that calls a cut an error: -EMSGSIZE; 0 on success. dst must not be an argument. */
int text_format(char *dst, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);

/*
 * Strings one after the other, up to a NULL; -EMSGSIZE when they do not fit. For passwords: printf leaves what it
 * formats on the stack.
 */
int text_join(char *dst, size_t size, ...) __attribute__((sentinel)) MUST_CHECK;

bool text_equal(const char *a, const char *b); /* NULL equals only NULL */
bool text_equal_nocase(const char *a, const char *b);
bool text_starts_with(const char *text, const char *prefix);
bool text_starts_with_nocase(const char *text, const char *prefix);

/* Only bytes 0x20 to 0x7e? */
bool text_is_printable(const char *text, size_t n);

/*
 * Makes n bytes from a modem safe for a terminal and a log: printable ASCII as it is, '\\' doubled,
 * all else as \r \n \t or \xHH. Cuts with "..." when dst is too small. Returns the length written.
 */
size_t text_escape(char *dst, size_t size, const char *src, size_t n);

/* Edits between two words (Levenshtein), for "did you mean"; SIZE_MAX for words over 64 bytes. */
size_t text_distance(const char *a, const char *b);

/* FNV-1a, 64 bit, seedable by chaining: text_hash(0, ...) begins. */
uint64_t text_hash(uint64_t seed, const void *data, size_t n);
