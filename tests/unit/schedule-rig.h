/*
 * A schedule with jobs and gates for tests: enough memory for all of them, and a source of random numbers.
 */
#pragma once

#include <stdlib.h>

#include "core/schedule.h"

#define RIG_JOBS 400

struct schedule_rig {
	struct schedule schedule;
	struct schedule_job jobs[RIG_JOBS];
	struct schedule_time times[RIG_JOBS];
	struct schedule_lane lanes[RIG_JOBS];
};

static inline struct schedule_rig *schedule_rig_new(unsigned max_parallel)
{
	struct schedule_rig *rig = calloc(1, sizeof(*rig));

	if (!rig)
		abort();
	schedule_init(&rig->schedule, max_parallel);
	schedule_lend_times(&rig->schedule, rig->times, RIG_JOBS);
	schedule_lend_lanes(&rig->schedule, rig->lanes, RIG_JOBS);
	return rig;
}

/* PCG: 32 good bits a call. */
static inline uint32_t draw(uint64_t *seed)
{
	uint64_t x = *seed;

	*seed = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	x = (x ^ (x >> 18)) >> 27;
	return (uint32_t) (x >> (*seed >> 59 & 3));
}

static inline uint32_t draw_below(uint64_t *seed, uint32_t n)
{
	return draw(seed) % n;
}
