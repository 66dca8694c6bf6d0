/*
 * rate-limit - how often something may be said: a bucket of tokens that fills again, and a count of what found it empty.
 *
 *      rate_limit_take() --> true: say it        false: counted, and left out
 *      rate_limit_report() --> so many were left out: say that, once in a while
 *
 * The bucket is kept as the moment at which it is full again (the generic cell rate algorithm, ITU-T I.371): no timer.
 */
#pragma once

#include <stdbool.h>

#include "base/usec.h"

struct rate {
	unsigned burst; /* tokens of a full bucket */
	usec_t pause;   /* until one more is there */
	usec_t report;  /* how long it is counted before that is said */
};

/* All 0: full. */
struct rate_limit {
	usec_t full;
	usec_t since;
	unsigned left_out;
};

bool rate_limit_take(struct rate_limit *limit, const struct rate *rate, usec_t now);

/* How many were left out and are to be told now; 0: none, or it is too early. now USEC_INFINITY: it is not. */
unsigned rate_limit_report(struct rate_limit *limit, const struct rate *rate, usec_t now);
