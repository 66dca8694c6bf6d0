/*
 * text - words for a terminal: nothing that came from elsewhere moves its cursor or turns its writing around.
 */
#pragma once

#include <stdio.h>

#include "base/usec.h"

/*
 * A copy that is safe to print: what is not printable in this locale (control bytes, broken UTF-8, characters without
 * width, which hide others or turn the direction) as \xHH. NULL gives "". The caller frees it; never NULL.
 */
char *shown(const char *text);
void print_shown(FILE *file, const char *text);

void free_text(char **text); /* for CLEANUP */
#define TEXT_AUTO CLEANUP(free_text) char *

/* "Sat 2026-11-21 16:00:12 UTC"; "-" for 0 and never. The buffer is returned. */
#define WHEN_MAX 64
const char *when_text(char buffer[static WHEN_MAX], usec_t when);
/* "in 3h 10min", "5min ago", "now" */
const char *when_relative(char buffer[static WHEN_MAX], usec_t when, usec_t now);
/* RFC 3339 in UTC, to the second, and back (0: none) */
const char *when_rfc3339(char buffer[static WHEN_MAX], usec_t when);
usec_t when_parse(const char *rfc3339);

/* "716 KiB" */
const char *size_text(char buffer[static WHEN_MAX], long long bytes);

/* asprintf() that never fails: out of memory ends the program */
char *words(const char *format, ...) __attribute__((format(printf, 1, 2)));
