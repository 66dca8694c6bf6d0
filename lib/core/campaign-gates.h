/*
 * campaign-gates - what campaign.h decides, as gates of schedule.h.
 */
#pragma once

#include "core/campaign.h"
#include "core/schedule.h"

struct campaign_gates {
	struct schedule_gate campaign, uplink, waves[CAMPAIGN_WAVES_MAX];
};

/* name: stays the caller's. max_parallel 0: any number. */
void campaign_gates_init(struct campaign_gates *gates, const char *name, unsigned max_parallel);

/*
 * After every judgement and every note. confirmed: somebody has said that modems with the gateway's uplink may go, or
 * there is another route.
 */
void campaign_gates_set(
	struct campaign_gates *gates, struct schedule *s, const struct campaign *c, bool confirmed);

/* Where a member stands; the caller adds groups and the serving cell. */
void campaign_gates_place(struct campaign_gates *gates, const struct member *member, int priority,
	struct schedule_place *ret);
void schedule_place_add(struct schedule_place *place, struct schedule_gate *gate); /* no more than there is room for */
