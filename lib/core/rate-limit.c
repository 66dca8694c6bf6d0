#include "core/rate-limit.h"

#include <limits.h>

bool rate_limit_take(struct rate_limit *limit, const struct rate *rate, usec_t now)
{
	usec_t full = usec_add(usec_max(limit->full, now), rate->pause);

	if (usec_sub(full, now) <= rate->burst * rate->pause) {
		limit->full = full;
		return true;
	}
	if (limit->left_out == 0)
		limit->since = now;
	limit->left_out += limit->left_out < UINT_MAX;
	return false;
}

unsigned rate_limit_report(struct rate_limit *limit, const struct rate *rate, usec_t now)
{
	unsigned n = limit->left_out;

	if (n == 0 || now < usec_add(limit->since, rate->report))
		return 0;
	limit->left_out = 0;
	return n;
}
