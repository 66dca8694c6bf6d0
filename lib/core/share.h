/*
 * share - how many of some: a number, or a part. An operator writes "5" or "10%".
 */
#pragma once

#include <stdbool.h>

struct share {
	unsigned value;
	bool percent;
};

/* A whole number from 1 to 999999, or from 1% to 100%. -EINVAL */
int share_parse(const char *text, struct share *ret);

/* At most n. A part is rounded up, so that 10 % of 5 are one. */
unsigned share_of(struct share share, unsigned n);
