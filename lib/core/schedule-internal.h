/*
 * schedule-internal - the parts of schedule.c; for lib/core/schedule*.c alone.
 */
#pragma once

#include "core/schedule.h"

/* The heap of times: jobs whose time is to come, the earliest first. */
void schedule_times_put(struct schedule *s, struct schedule_job *job); /* by its due, new or changed */
void schedule_times_take(struct schedule *s, struct schedule_job *job);

static inline bool schedule_has_room(const struct schedule_gate *gate)
{
	return gate->closed == JOB_WAIT_NONE && (gate->limit == 0 || gate->used < gate->limit);
}
