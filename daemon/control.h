/*
 * control - what an operator can ask of the running daemon. No bus in it: the bus and the tests call the same functions.
 *
 *      NAME --control_find()--> modem | campaign | job          (interface, "fotactl": a name or an id)
 *      control_cancel(), _retry(), _start(), _pause(), ...  --> enum control_result and one English sentence
 *      control_explain(), control_plan()                    --> what stands between a modem and its start; who goes when
 *
 * All run in the daemon's loop, between two events, and return at once. What they change is durable soon after, see
 * control_when_saved(). A sentence holds no control byte.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"

struct manager;
struct modem;
struct campaign_run;

enum control_result {
	CONTROL_DONE,
	CONTROL_NOTHING,   /* it is so already */
	CONTROL_NOT_FOUND, /* no modem, campaign or job has this name */
	CONTROL_REFUSED,   /* the text says why, and what to do */
	CONTROL_NO_STORE,  /* it cannot be made durable now */
};

struct control_answer {
	enum control_result result;
	uint64_t job_id; /* of the one job that it was about; 0: none, or several */
	unsigned count;  /* of the jobs that it has changed */
	char text[256];
};

/* NAME is a modem's name, else a campaign's (of the configuration), else a job's id. */
struct control_target {
	struct modem *modem;      /* also of a job */
	struct campaign_run *run; /* NULL with a modem */
};
bool control_find(const struct manager *g, const char *name, struct control_target *ret);

/*
 * Before the point of no return the job ends here: what is being prepared is given up, and what was set in the module is put
 * back. After it: no further attempt, and the verdict decides (conduct 5, 20): success -> succeeded, else cancelled.
 * A modem that was never identified gets a cancelled job all the same, so that its wave goes on without it. A campaign's
 * name: all of its jobs, and no new ones. Durable; only retry takes it back.
 */
void control_cancel(struct manager *g, const char *name, struct control_answer *ret);

/*
 * When control_cancel() does not find it: perhaps a job that no modem has in hand any more, by its id (conduct 11), which only the
 * store knows. The answer comes from the loop, and is durable; a job that is not there is CONTROL_NOT_FOUND. -ENOENT: this is no
 * id at all. -ENOMEM. control_left(): for the manager, the store's answer to the first one; at its end to all.
 */
typedef void (*control_left_done)(const struct control_answer *answer, void *userdata);
int control_cancel_left(struct manager *g, const char *name, control_left_done done, void *userdata);
struct store_found;
void control_left(struct manager *g, int error, const struct store_found *found);

/*
 * Another job after a final verdict (conduct 20): failed, cancelled; not succeeded. After no-service only whether it is in
 * service is asked, for the version is right. Before the verdict on what runs it takes back a cancel. A campaign's name: all
 * that have failed; of a cancelled campaign the cancelled ones, too.
 */
void control_retry(struct manager *g, const char *name, struct control_answer *ret);

/*
 * A waiting job goes as soon as there is room: its backoff is skipped; with force windows, not_before, jitter, the clock and
 * waves as well, until its attempt begins, also in another life of fotad. Never skipped: identity, limits, uplink, not_after, a store hold,
 * pause, halt: refused, with the reason. A campaign's name: all of its waiting jobs, without force only.
 */
void control_start(struct manager *g, const char *name, bool force, struct control_answer *ret);

/* Of a campaign; NULL or "": of everything. Resume forgives what has failed, where the campaign has halted. */
void control_pause(struct manager *g, const char *name, struct control_answer *ret);
void control_resume(struct manager *g, const char *name, struct control_answer *ret);

/* Somebody has looked at what is left of a lost store: jobs may start again (as fotad --acknowledge). */
void control_acknowledge(struct manager *g, struct control_answer *ret);

/*
 * Whoever must not lose what was answered waits for this: what was changed until now is durable (error 0), or could not be
 * saved. Called back from the loop, in the order of the calls; never from within. -ENOMEM: not at all.
 */
int control_when_saved(struct manager *g, void (*done)(int error, void *userdata), void *userdata);
void control_saved(struct manager *g, int error); /* for the manager: the first of those that wait; at its end all */

/* ---- why not now? ---- */

enum control_gate_state { GATE_OPEN, GATE_SHUT, GATE_UNKNOWN /* nobody can say before another gate is open */ };
const char *control_gate_state_name(enum control_gate_state state); /* "open" */

struct control_gate {
	const char *name; /* "port", "identity", "package", "store", "pause", "window", ...: stable */
	enum control_gate_state state;
	char value[128];  /* what is seen there */
	usec_t opens;     /* CLOCK_REALTIME, SHUT: when it opens; USEC_INFINITY: not known. Otherwise 0 */
};

#define CONTROL_GATES_MAX 48

/* Every gate between this modem and the start of its job, in the order in which they are asked; how many. */
size_t control_explain(
	const struct manager *g, const struct modem *m, struct control_gate ret[static CONTROL_GATES_MAX]);

/* ---- who goes when? ---- */

struct control_plan_item {
	const char *modem, *campaign; /* as long as the loop does not turn */
	usec_t start, end;            /* CLOCK_REALTIME, as expected; USEC_INFINITY: not by itself */
	uint64_t bytes;               /* of all its hops */
	char note[96];                /* "": all is well; else what stands against it, or what is uncertain */
};

struct control_plan_sum {
	size_t jobs;         /* that are still to go */
	size_t held;         /* of them: those that do not go without somebody's word */
	size_t late;         /* of them: those that do not fit before not_after, or into any window */
	usec_t end;          /* CLOCK_REALTIME: when the last one that goes is expected to be over; 0: none goes */
	usec_t early, late_end; /* the same if all are as quick as one in ten was, and as slow */
	uint64_t bytes;      /* of all of them */
	bool learned;        /* by earlier upgrades; false: at least one by time-outs only, which are generous */
};

/* By name, or NULL for all campaigns; sorted by start. -ENOENT: no such campaign; -ENOMEM. The caller frees *ret. */
int control_plan(const struct manager *g, const char *campaign, struct control_plan_item **ret, size_t *ret_n,
	struct control_plan_sum *ret_sum);
