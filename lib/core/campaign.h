/*
 * campaign - how far a wish may go by now: its waves, and what stops it. Pure; the caller keeps the members, says what
 * becomes of them, and does what is decided.
 *
 *	members --campaign_plan()--> in which wave each is          |---- 1 ----|------ 10% ------|-- 100% --|
 *	verdicts --campaign_note()--> tallies                        proven, soaked -> open
 *	tallies, time --campaign_judge()--> next wave, or halt
 *
 * Waves. Members stand in an order of their own, drawn from the names of campaign and modem: a wave is a fair sample,
 * and the same one every time. A wave is so much of the members, those of the waves before it included; uplink modems
 * come last. Who has begun stays in his wave, whoever is added later: only places of open waves that nobody has taken
 * yet are given away again.
 *
 * A wave is proven when nobody of it can go on by himself (who is put off by something that may pass is not waited for)
 * and enough of it has succeeded. `soak` after its last verdict the next one opens. Where enough cannot succeed any more
 * the campaign halts, except in the last wave.
 *
 * Halt. Failures are final failures, modems that have not come back (conduct 7), and modems that were upgraded and are
 * not what they should be although another attempt is to come; all others that have a verdict are the sample. Who is
 * only put off is in neither (conduct 18). An operator's resume forgives what has failed by then: it counts no more,
 * neither for halt nor for its wave.
 *
 * Times are points on one clock of the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"
#include "core/brake.h"
#include "core/job.h"
#include "core/reason.h"
#include "core/share.h"

#define CAMPAIGN_WAVES_MAX 32

struct wave_rules {
	struct share size;    /* of all members, these and those of the waves before */
	struct share success; /* of the wave's */
	usec_t soak;
};

#define WAVE_SUCCESS ((struct share){ 80, true }) /* what the halt that holds where none is given would let pass */

struct halt_rules {
	struct share failures; /* so many, or such a part of those that have a verdict */
	unsigned after;        /* as soon as so many have a verdict */
};

#define CAMPAIGN_HALT ((struct halt_rules){ { 20, true }, 5 }) /* conduct 20 */

struct campaign_rules {
	const struct wave_rules *waves; /* the last one's size is 100% */
	size_t n_waves;                 /* 0: one wave */
	struct halt_rules halt;
	struct brake_rules brake;
};

enum member_state {
	MEMBER_OUT,      /* does not count: was at the target before, or is cancelled */
	MEMBER_WAITING,  /* its turn is to come, for the first time or again */
	MEMBER_DEFERRED, /* put off by something that may pass (conduct 18), not found included */
	MEMBER_RUNNING,
	MEMBER_FAILING,  /* was upgraded, is not what it should be, and is to be tried again */
	MEMBER_UNKNOWN,  /* has not come back */
	MEMBER_SUCCEEDED,
	MEMBER_FAILED,
	_MEMBER_MAX,
};

/* spent: an attempt failed and another is to come. tried: this campaign has begun an attempt. */
enum member_state member_state_of(enum job_state state, enum reason reason, bool spent, bool tried);

/* The same of a modem, whose job may not be there yet: that is made when it is identified. */
struct member_job {
	bool runs;           /* it holds a slot */
	bool away;           /* the modem is not there, or not to be spoken to: it is not waited for (conduct 18) */
	bool made;           /* there is one of this campaign: */
	enum job_state state;
	enum reason reason;
	bool spent, tried;
};
enum member_state member_state_now(const struct member_job *job);
bool member_has_failed(enum member_state state); /* as a failure counts */

struct member {
	uint64_t order; /* member_order() */
	enum member_state state;
	unsigned wave;
	bool begun;     /* stays in its wave */
	bool uplink;
	bool forgiven;  /* what it was when an operator resumed does not count */
	bool now;       /* an operator wants it to go: its wave is not waited for */
};

uint64_t member_order(const char *campaign, const char *modem);

/* Why a campaign has halted. */
enum campaign_halt {
	CAMPAIGN_RUNS,
	CAMPAIGN_FAILURES, /* too many failures */
	CAMPAIGN_UNPROVEN, /* not enough of a wave can succeed any more */
	CAMPAIGN_SLOWER,   /* upgraded modems take long to come back */
	CAMPAIGN_WEAKER,   /* upgraded modems hear badly */
	CAMPAIGN_FETCH,    /* a server does not serve what a package says (campaign_stop()) */
};

const char *campaign_halt_name(enum campaign_halt halt); /* "failures"; "" for CAMPAIGN_RUNS */
enum campaign_halt campaign_halt_by_name(const char *name);

struct tally {
	unsigned of[_MEMBER_MAX]; /* never of MEMBER_OUT */
};

struct campaign {
	const struct campaign_rules *rules;
	unsigned wave;     /* this one and those before it are open */
	usec_t soak_until; /* by that wave's last verdict; 0: it has none, or no soak */
	bool paused, cancelled;
	bool fetching;     /* what servers serve is being compared: nothing starts meanwhile */
	enum campaign_halt halted;
	struct brake brake;

	/* from the members */
	unsigned members;  /* that count */
	struct tally all, uplinks, waves[CAMPAIGN_WAVES_MAX];
};

void campaign_init(struct campaign *c, const struct campaign_rules *rules);

/* Other rules from now on: the soak that runs gets shorter or longer with them. Then comes campaign_plan(). */
void campaign_change(struct campaign *c, const struct campaign_rules *rules);

/*
 * Gives every member its wave, and counts. Sorts the pointers: in the order in which they should go. Again whenever
 * members come or go, or campaign_note() says so; a second time changes nothing.
 */
void campaign_plan(struct campaign *c, struct member **members, size_t n);

/* What became of a member. true: it counts now, or no more, so that the waves want to be planned again. */
bool campaign_note(struct campaign *c, struct member *member, enum member_state state, usec_t now);

/* What there is to say and do; again until it is CAMPAIGN_NOTHING. */
enum campaign_event {
	CAMPAIGN_NOTHING,
	CAMPAIGN_OPENS, /* the wave c->wave; then comes campaign_plan() */
	CAMPAIGN_HALTS, /* for c->halted */
};
enum campaign_event campaign_judge(struct campaign *c, usec_t now);
usec_t campaign_due(const struct campaign *c); /* the end of a soak; USEC_INFINITY: no judgement by the time alone */

/* It halts, for a reason of the caller's. */
void campaign_stop(struct campaign *c, enum campaign_halt why);

/* What every start waits for: halted, paused, fetch or nothing. */
enum job_wait campaign_waits_for(const struct campaign *c);

/* What this wave waits for: wave, soak or nothing; ret_opens: until when, USEC_INFINITY when nobody knows. */
enum job_wait campaign_wave_waits_for(const struct campaign *c, unsigned wave, usec_t *ret_opens);

/* Has everybody else had his turn, so that those who carry the gateway's uplink may go? */
bool campaign_uplinks_may_go(const struct campaign *c);

/* Does the open wave, which is not the last one, wait for nobody but those that are put off? */
bool campaign_is_stuck(const struct campaign *c);

/* Is nothing left that may still go on by itself, those that are put off included? */
bool campaign_is_over(const struct campaign *c);

/* What an operator says; false: that changes nothing. Cancelled is until revived. */
bool campaign_pause(struct campaign *c);
bool campaign_cancel(struct campaign *c);
bool campaign_revive(struct campaign *c);
bool campaign_resume(struct campaign *c, struct member **members, size_t n); /* then campaign_plan() */

/* For people: how a wave stands. */
struct wave_view {
	unsigned members, succeeded, failed, left; /* failed: not back included; left: may still go on */
	unsigned wanted;                           /* must succeed */
};
struct wave_view campaign_view(const struct campaign *c, unsigned wave);

/* Failures and the sample, as halt counts them. */
unsigned campaign_failures(const struct campaign *c);
unsigned campaign_judged(const struct campaign *c);
