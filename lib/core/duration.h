/*
 * duration - how long an upgrade may take: by those before it from the same version, else by the time-outs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/usec.h"

#define DURATION_ENOUGH 5 /* earlier ones: below that nothing is judged by them */

struct duration {
	usec_t quick, usual, slow; /* one in ten is as quick, half of them are, nine in ten are no slower */
	bool learned;              /* from earlier ones */
};

/* Sorts them. longest: opening_duration(); what lasts longer has failed. */
struct duration duration_expect(usec_t *earlier, size_t n, usec_t longest);
