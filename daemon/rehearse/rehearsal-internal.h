/*
 * rehearsal-internal - a rehearsal from inside.
 *
 *	rehearse.c        options of the command line
 *	rehearsal-new.c   the beginning and the end of it
 *	rehearsal.c       the loop, the campaigns, who starts next (as daemon/manager-campaign.c)
 *	actor.c           one modem's job (as daemon/modem-job.c), and when it may start
 *	life.c            one module and its dialogue, from power-on until nothing is to come
 *	fleet.c           who is there: modems, what they run, their faults
 *	recorded.c        a modem as in a bundle
 *	nights.c          what is counted: attempts, openings, moments
 *	bound.c           the best possible end
 *	print*.c          text for people and for programs
 *
 * An actor is small and stays. A life is large; it is there from when something is to be sent until the module is at
 * rest: then what the module remembers is kept, and the life serves another.
 */
#pragma once

#include "core/campaign-gates.h"
#include "core/deadlines.h"
#include "core/dialogue.h"
#include "daemon/rehearse/rehearsal.h"
#include "sim/fake-modem-internal.h"

/* What is shared, in the order of asking: a hundredth of a download passes when those before it have. */
struct pipe {
	uint64_t rate; /* bytes a second; 0: as many as come */
	usec_t free_at;
	uint64_t bytes;
};

/* What a module is when it is switched on; many are alike. */
struct kind {
	struct fake_modem_config module; /* without IMEI, seed and fault */
	const struct profile *profile;   /* NULL: no row knows its model */
	bool followed;                   /* bound.c: its way to the target, */
	unsigned hops;
	uint64_t bytes, largest, smallest; /* ... of all packages, of one */
};

struct actor {
	const struct config_modem *config;
	const struct config_campaign *campaign; /* NULL: only watched */
	struct run *run;
	uint32_t kind;     /* in rehearsal.kinds */
	const struct fake_fault *fault; /* NULL: none of the rehearsal's */
	uint32_t copy;     /* 0: the configured one */
	uint32_t cell;
	uint64_t seed, rate;
	struct fake_memory module; /* while there is no life */
	struct life *life;

	/* As struct modem has it. */
	bool identified, job, backoff, slot, restore;
	bool going;        /* its slot is taken, and it is switched on for that */
	bool touched, ready;
	enum reason refused;
	enum job_state state;
	enum reason reason;
	usec_t due;
	unsigned attempts, deferrals;
	uint64_t bytes, package_bytes;
	uint32_t attempt_before;
	struct opening opening;
	usec_t opening_until;
	struct schedule_job turn;
	struct member member;
	uint32_t attempt;  /* the last one, in rehearsal.attempts */
};

struct life {
	struct deadline due; /* first here: see life_of() */
	struct rehearsal *r;
	struct actor *actor; /* NULL: free */
	struct life *next;
	struct fake_modem module;
	struct upgrade_modem who;
	struct dialogue dialogue;
	struct upgrade_task task;
	const struct package *package; /* of the task; NULL: none */
	struct evidence evidence;
	char room[AT_COMMAND_MAX];
	bool port, open;     /* there is a tty; fotad has it open */
	usec_t reopen;
	bool downloading;
	uint64_t size, received, chunk;
	usec_t arrives;      /* the next hundredth */
	usec_t fetching;     /* it began; 0: never */
};

/* One attempt, as it went. */
struct attempt {
	struct actor *actor;
	usec_t start, end;          /* 0: not over; the slot is free then, also where nobody knows */
	usec_t settled;             /* it was unknown until then */
	usec_t download;            /* of it: the time that the package took */
	const struct package *package;
	uint64_t bytes;             /* that came */
	enum upgrade_outcome outcome;
	enum reason reason;
	enum job_state state;       /* what became of the job */
	unsigned wave, number;      /* from 0; tries of this hop, from 1 */
};

/* A campaign's opening, or a day where it has no windows. */
struct night {
	struct run *run;
	usec_t since, until;
	unsigned started, succeeded, hops, again, failed, unknown, deferred; /* by when they started */
	unsigned most;    /* at once */
	unsigned missed;  /* could have started, and found no room before the latest start */
	unsigned wave;    /* the last one that was open */
	uint64_t bytes;
};

enum moment_type { MOMENT_WAVE, MOMENT_HALT, MOMENT_DEADLINE };

struct moment {
	enum moment_type type;
	usec_t at;
	unsigned number; /* the wave */
};

struct run {
	struct rehearsal *r;
	const struct config_campaign *config;
	struct campaign campaign;
	struct campaign_gates gates;
	struct member **members;
	size_t n_members, allocated;
	bool plan, changed;
	struct window_opening next; /* that holds or comes; asked until it is over */
	bool asked;

	unsigned running;
	struct night *nights;
	size_t n_nights, nights_allocated;
	struct moment moments[CAMPAIGN_WAVES_MAX + 2];
	size_t n_moments;
	unsigned halt_failures, halt_judged;
	usec_t begin;       /* nothing may start earlier; the makespan counts from here */
	usec_t last;        /* success; 0: none */
	usec_t expected;    /* what a hop may take: so long before a window closes none is started */
	usec_t hop;         /* what the longest takes when all is well */
	usec_t bound;       /* rehearsal_bound(): no end is earlier; 0: there is nothing to do, USEC_INFINITY: none is possible */
	const char *bound_by;
	uint64_t needed;    /* bytes, each package once */
};

struct rehearsal {
	const struct config *config;
	struct rehearsal_options options;
	struct package_work *work;
	struct dialogue_box box;
	struct schedule schedule;
	struct schedule_time *times;
	struct lanes *lanes;
	struct schedule_gate *groups, *cells; /* as config->per_group; options.cells */
	struct pipe all, *cell_pipes;
	struct run *runs;                     /* as config->campaigns */
	struct kind *kinds;
	size_t n_kinds, kinds_allocated;
	struct fake_fault *faults;            /* that actors have */
	size_t n_faults;
	struct actor *actors;
	size_t n_actors;
	struct actor **touched;
	size_t n_touched;
	struct deadlines lives;
	struct life *idle;
	size_t n_lives;                       /* there were at once at most */
	struct attempt *attempts;
	size_t n_attempts, attempts_allocated;
	usec_t now;
	bool cut;                             /* options.until came */
	bool shortage;
};

#define NO_ATTEMPT UINT32_MAX

/* fleet.c */
int fleet_new(struct rehearsal *r); /* -ENOMEM */
void fleet_free(struct rehearsal *r);
const struct profile *actor_profile(const struct rehearsal *r, const struct actor *a); /* resolved, or NULL */
void actor_name(const struct actor *a, char ret[static NAME_MAX_SIZE + 8]);

/* life.c */
int life_begin(struct rehearsal *r, struct actor *a, usec_t now); /* switched on, and opened; -ENOMEM */
void life_work(struct life *life, usec_t now);                    /* until nothing is due */
usec_t life_due(const struct life *life);
void life_go(struct life *life, const struct package *package, usec_t now);
bool life_rests(const struct life *life);
void life_end(struct life *life); /* what the module remembers is in the actor */

/* actor.c */
void actor_notice(struct rehearsal *r, struct actor *a, const struct upgrade_notice *notice, usec_t now);
bool actor_may_go(struct rehearsal *r, struct actor *a, usec_t now);
usec_t actor_due(const struct actor *a); /* not before */
usec_t actor_expected(const struct rehearsal *r, const struct actor *a); /* what a hop may take */
void actor_go(struct rehearsal *r, struct actor *a, usec_t now);
void actor_tidy(struct rehearsal *r, struct actor *a);
bool actor_is_settled(const struct actor *a); /* nothing more is to be waited for, as with --once */
const char *actor_left(const struct rehearsal *r, const struct actor *a, const char **ret_state); /* what for, or ended with */
enum member_state actor_state(const struct actor *a);
uint64_t package_bytes(const struct rehearsal *r, const struct actor *a, const struct package *package);

/* rehearsal.c */
void rehearsal_touch(struct rehearsal *r, struct actor *a);
void rehearsal_ready(struct rehearsal *r, struct actor *a);
void rehearsal_set_slot(struct rehearsal *r, struct actor *a, bool slot);

/* nights.c */
struct night *night_of(struct run *run, usec_t at); /* NULL: no memory */
void note_start(struct rehearsal *r, struct actor *a, const struct package *package, usec_t now);
void note_end(struct rehearsal *r, struct actor *a, const struct upgrade_notice *verdict, usec_t now);
void note_figures(struct rehearsal *r, const struct upgrade *u); /* of a success, for the brakes */
void note_missed(struct rehearsal *r, struct actor *a, usec_t before);
void note_moment(struct run *run, enum moment_type type, unsigned number, usec_t now);

/* bound.c */
void rehearsal_bound(struct rehearsal *r);

/* A chain of packages from what the kind runs: its hops, 0 when there is none. */
size_t kind_chain(const struct rehearsal *r, const struct kind *kind, const char *target,
	const struct package *ret[static PACKAGE_CHAIN_MAX]);

struct lanes {
	struct lanes *next;
	struct schedule_lane of[];
};
