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
#include "core/fetch.h"
#include "daemon/modem.h"

struct campaign_fetch; /* manager-fetch.c */

struct campaign_run {
	struct campaign_run *next;
	char name[NAME_MAX_SIZE];
	char target[VERSION_MAX];
	struct rules *rules;                  /* what config points into; NULL: into past, or nowhere */
	const struct config_campaign *config; /* the last one; its rules hold while it is not configured */
	struct past_campaign *past;           /* of it, while it is not configured and has no modem */
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
	usec_t stuck_since;                   /* CLOCK_BOOTTIME: its wave waits for those that are put off; 0: it does not */
	bool stuck_said;
	struct campaign_fetch *fetch;         /* NULL: it never said "fetch" */
	bool other_route;                     /* for each uplink modem that is still to go */
	char fetch_why[2 * FETCH_SAID_MAX + 2 * VERSION_MAX]; /* halted for CAMPAIGN_FETCH: what differs */
	usec_t brake_since;                   /* CLOCK_REALTIME: what upgraded modems showed before is forgiven */
};

struct group_gate {
	struct group_gate *next;
	struct schedule_gate gate;
	char name[NAME_MAX_SIZE];
};

struct cell_gate {
	struct cell_gate *next;
	struct schedule_gate gate;
	char name[CELL_MAX];
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

/* The store works again: what was to be saved meanwhile is not there. */
void manager_save_campaigns(struct manager *g);

/* At start and at a reload, before any modem gets its rules. -ENOMEM: nothing has changed. */
int manager_take_campaigns(struct manager *g, struct rules *rules);

struct campaign_run *campaign_run_find(const struct manager *g, const char *name); /* NULL: there is none */

/* Does it if it is not configured any more, and its last modem has left. */
void campaign_run_retire(struct campaign_run *run);

/*
 * manager-cell.c. The gate of the cell that serves it, NULL: nothing limits it there; may one more go in it; a step of its
 * preparation has begun; is it one too many in the cell that it has named?
 */
struct schedule_gate *manager_cell_gate(struct manager *g, const struct modem *m);
bool manager_cell_is_full(const struct manager *g, const struct modem *m);
void manager_check_cell(struct manager *g, struct modem *m, usec_t now);
void manager_set_per_cell(struct manager *g, unsigned limit);
void manager_free_cells(struct manager *g);

/*
 * manager-fetch.c. May it go, as far as its packages are known to be right? If not, they are fetched now, and then it is asked
 * again. Make: -ENOMEM. Forget: all are fetched again.
 */
bool manager_fetch_allows(struct manager *g, struct modem *m);
int campaign_run_make_fetch(struct campaign_run *run);
void campaign_run_forget_fetched(struct campaign_run *run);
void campaign_run_free_fetch(struct campaign_run *run);

/* manager-uplink.c. By a word, or by another route; is there one now; may this one go, if it is such a modem? */
bool campaign_run_uplinks_confirmed(const struct campaign_run *run);
void campaign_run_look_for_route(struct campaign_run *run);
bool manager_uplink_may_go(struct modem *m);

/*
 * manager-brake.c. At start: what the store tells of earlier upgrades (-ENOMEM, or the store's errors); a campaign begins, or
 * its rules are others; a modem was upgraded.
 */
int manager_load_figures(struct manager *g);
void manager_free_figures(struct manager *g);
void campaign_run_fill_brake(const struct manager *g, struct campaign_run *run);

/* Judges what has changed, and starts who may. */
void manager_dispatch(struct manager *g, usec_t now);

/* manager-campaign-say.c */
void campaign_run_say_halt(struct manager *g, const struct campaign_run *run);
void campaign_run_say_wave(struct manager *g, const struct campaign_run *run);
void campaign_run_say_soak(struct campaign_run *run, usec_t now);
void campaign_run_say_operator(struct manager *g, const struct campaign_run *run, const char *what);
void campaign_run_save(struct manager *g, struct campaign_run *run, usec_t now);
const struct modem *campaign_run_blocker(const struct campaign_run *run); /* the first that its wave waits for, if it is stuck */
void manager_say_waits(struct manager *g);
