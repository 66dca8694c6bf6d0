/*
 * manager-campaign - how many and how carefully, as the daemon performs it: the campaigns, and who starts next.
 *
 *      modem --manager_touch()--> member of a campaign --> campaign (core): waves, halt --> gates
 *      modem --manager_ready()--> schedule (core) ------------------------------------------^--> modem_go()
 *
 * A campaign is known by its name, over reloads and restarts of fotad; with another target it is another one. What is
 * noted here is looked at by the dispatcher, at the end of the turn.
 */
#pragma once

#include "core/campaign-gates.h"
#include "daemon/modem.h"

struct campaign_run {
	struct campaign_run *next;
	char name[NAME_MAX_SIZE];
	char target[VERSION_MAX];
	struct rules *rules;                  /* what config points into */
	const struct config_campaign *config; /* the last one; its rules hold while it is not configured */
	bool configured;
	struct campaign campaign;
	struct campaign_gates gates;
	struct member **members;              /* parts of modems */
	size_t n_members, allocated;
	bool plan;    /* members have come or gone, or count no more */
	bool changed; /* is to be judged */
	bool say;     /* members may wait for something else now */
	struct store_campaign saved;
	usec_t soak_saved, soak_said;         /* soak_until, as it was saved and said */
};

struct group_gate {
	struct group_gate *next;
	struct schedule_gate gate;
	char name[NAME_MAX_SIZE];
};

struct lanes {
	struct lanes *next;
	struct schedule_lane of[];
};

static inline struct modem *modem_of_member(struct member *member)
{
	return (struct modem *) (void *) ((char *) member - offsetof(struct modem, member));
}

/* manager-campaign-rules.c. At start: what the store has of campaigns. -ENOMEM, or the store's errors. */
int manager_load_campaigns(struct manager *g);
void manager_free_campaigns(struct manager *g);

/* At start and at a reload, before any modem gets its rules. -ENOMEM: nothing has changed. */
int manager_take_campaigns(struct manager *g, struct rules *rules);

struct campaign_run *campaign_run_find(const struct manager *g, const char *name); /* NULL: there is none */

/* Judges what has changed, and starts who may. */
void manager_dispatch(struct manager *g, usec_t now);

/* manager-campaign-say.c */
void campaign_run_say_halt(struct manager *g, const struct campaign_run *run);
void campaign_run_say_wave(struct manager *g, const struct campaign_run *run);
void campaign_run_say_soak(struct campaign_run *run, usec_t now);
void campaign_run_say_operator(struct manager *g, const struct campaign_run *run, const char *what);
void campaign_run_save(struct manager *g, struct campaign_run *run, usec_t now);
void manager_say_waits(struct manager *g);
