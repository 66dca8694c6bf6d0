/*
 * clock - the only place where the daemon asks for the time. Durations run on CLOCK_BOOTTIME (suspend counts), wall times on
 * CLOCK_REALTIME (conduct 15).
 */
#pragma once

#include <time.h>

#include "base/usec.h"

static inline usec_t clock_read(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (usec_t) ts.tv_sec * SEC + (usec_t) ts.tv_nsec / 1000;
}

static inline usec_t clock_boottime(void)
{
	return clock_read(CLOCK_BOOTTIME);
}

static inline usec_t clock_realtime(void)
{
	return clock_read(CLOCK_REALTIME);
}
