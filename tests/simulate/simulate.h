/*
 * simulate - the real core against a fake module in one process: seeded lives on a virtual clock.
 *
 *	plan (from seed and number) --> life = world (module, port, server) + driver (what fotad does) + judge
 *
 * The driver is what daemon/modem*.c are, with a store that is slow, fails and loses what was not durable at a crash.
 * The judge sees every byte and every event and holds them against the invariants of the design; it believes the fake
 * module's own counters and never the dialogue's word. One number replays one life, byte for byte.
 */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/dialogue.h"
#include "core/job.h"
#include "core/upgrade-internal.h"
#include "sim/fake-modem-internal.h"

#define HOPS_MAX         2
#define DISTURBANCES_MAX 4
#define FAULTS_MAX       3
#define SAVES_MAX        64
#define TTY_SIZE         4095 /* what a line discipline keeps for a reader that sleeps */
#define URL_SIZE         96
#define STEPS            _STEP_MAX
#define REASONS          _REASON_MAX
#define OUTCOMES         (OUTCOME_CANCELLED + 1)

/* ---- plan.c: one life, before it is lived ---- */

enum disturbance_type {
	DISTURBANCE_CRASH,  /* the daemon is gone for a while */
	DISTURBANCE_CANCEL,
	DISTURBANCE_GLITCH, /* the port goes away for a while, the module does not notice */
	DISTURBANCE_SWAP,   /* another module is in the slot for a while */
	DISTURBANCE_GAP,    /* the daemon does not run for a while (SIGSTOP, suspend) */
	DISTURBANCE_STEP,   /* somebody sets the wall clock */
	_DISTURBANCE_MAX,
};

struct disturbance {
	enum disturbance_type type;
	int step;           /* when this step was entered for the `entry`th time ... */
	unsigned entry;
	unsigned events;    /* ... and the driver has worked so often since ... */
	usec_t delay;       /* ... and so long after; without a step: after power-on */
	usec_t duration;    /* USEC_INFINITY: for good */
	bool other_boot;    /* CRASH: the host restarted, its clock of durations began again */
	bool store_lost;    /* CRASH: and with an empty store */
	int64_t clock_step; /* STEP, CRASH: what is added to the wall clock */
};

struct plan {
	uint64_t seed, life, random;
	struct fake_modem_config module, other;
	struct profile profile;
	struct timeouts timeouts; /* the built-in ones, until the module is known */
	bool profile_named, imei_named, ftp;
	unsigned hops;
	char versions[HOPS_MAX + 1][VERSION_MAX];
	char urls[HOPS_MAX][URL_SIZE]; /* HTTP: the URL; FTP: the file name */
	struct requirement require;
	enum rat_policy rat;
	enum upgrade_check check;
	struct job_rules rules;
	usec_t download_time; /* of one package */
	unsigned download_ticks;
	bool wrong_package;   /* the server holds one for another base version */
	int server_error;     /* 0, or what the server ends the first download with, halfway */
	usec_t store_delay;
	unsigned store_failures; /* per mille */
	bool short_writes, slow_writes;
	size_t n_disturbances;
	struct disturbance disturbances[DISTURBANCES_MAX];
};

void plan_make(struct plan *p, uint64_t seed, uint64_t life);
uint64_t plan_random(uint64_t *state, uint64_t n); /* 0 to n - 1 */
bool plan_chance(uint64_t *state, unsigned per_mille);
usec_t plan_time(uint64_t *state, usec_t from, usec_t to);
bool plan_has(const struct plan *p, enum disturbance_type type);
bool plan_has_fault(const struct plan *p, enum fake_fault_type type);

/* ---- judge.c, judge-wire.c: what must hold ---- */

enum invariant {
	ONE_GTOTA_PER_ATTEMPT,
	NEVER_WHILE_BUSY,
	CALLBREAK_FIRST,
	PDP_FIRST,
	SILENT_WHILE_FLASHING,
	SAVE_BEFORE_SEND,
	STRANGERS_ONLY_ASKED,
	LIVE_DEADLINE,
	SUCCESS_IS_TRUE,
	FAILURE_IS_TRUE,
	SETTINGS_RESTORED,
	UNKNOWN_SETTLES,
	SERVICE_IS_TRUE,
	HEALTHY_SUCCEEDS,
	EVERY_LIFE_ENDS,
	_INVARIANT_MAX,
};

const char *invariant_name(enum invariant invariant);

struct judge {
	/* the line that is being written */
	char line[AT_COMMAND_MAX + 1];
	size_t line_size;
	bool writing;         /* a line is not out to its end */
	bool fresh;           /* nothing was written since the port was opened */
	bool asked_maker, asked_model, asked_imei; /* since then */
	/* the attempt, as the wire shows it */
	bool past;            /* the start line's first byte is out, and there is no verdict */
	bool listening;
	bool answered;        /* OK or a report came */
	bool complete;
	bool patient;         /* the daemon was gone: the next open is no return of the port */
	usec_t started, heard;
	char input[1024];     /* the line that is being read; nothing that matters is longer */
	size_t input_size;
	usec_t asked;         /* the last AT of the verification; 0: none */
	usec_t first_good, last_good; /* AT+CGMR reached the target version */
	bool disturbed;       /* since then something happened that makes the next one the first */
	usec_t checked;       /* the first question about its service since then; 0: none */
	bool registered, pdp; /* as it answered to that */
	/* what was seen of the module */
	unsigned received, well_formed, accepted, busy, starts, starts_checked;
	bool open_end;        /* as the module knows it: neither FAILED nor a restart since the last start */
	bool end_seen, end_was_seen; /* as the wire shows it, of this start; of the one before */
	usec_t accepted_at;   /* when the last +GTOTA was accepted */
	usec_t answering;     /* since when the module would answer; USEC_INFINITY: it would not */
	struct {
		uint32_t attempt;
		usec_t started;
		bool refused; /* and may be counted as none */
	} used[2];            /* the durable attempt that +GTOTA was sent for, by module */
	bool torn;            /* a line was cut by a crash or a lost port */
	unsigned still;       /* rounds at one instant */
	usec_t still_since;
};

struct life;

bool judge_wants_signal(const struct plan *p);        /* whatever else it requires: half of the lives */
void judge_check(struct life *l);                     /* after every round */
void judge_opened(struct life *l);
void judge_dropped(struct life *l, bool crashed);      /* the port was closed, or the daemon is gone */
void judge_writes(struct life *l, const char *data, size_t size, size_t accepted); /* before the module has it */
void judge_reads(struct life *l, const char *data, size_t size);
void judge_verdict(struct life *l, const struct upgrade_notice *n);
bool judge_is_answering(const struct life *l);
bool judge_is_proven(const struct life *l);            /* conduct 6, as the wire shows it */
bool judge_is_last_hop(const struct life *l);
void judge_end(struct life *l);
void violated(struct life *l, enum invariant invariant, const char *format, ...) PRINTF_LIKE(3, 4);

/* ---- driver.c, driver-job.c: what fotad does around the dialogue ---- */

enum ending {
	ENDING_SUCCEEDED,
	ENDING_FAILED,
	ENDING_CANCELLED,
	ENDING_UNKNOWN,  /* the module never came back, or another sits in its place */
	ENDING_DEFERRED, /* for as long as somebody cared to look */
	ENDING_NEVER,    /* identified it was never: absent, mute, a stranger */
	_ENDING_MAX,
};

/* What the store keeps of one job. */
struct row {
	bool job;
	char imei[IMEI_SIZE];   /* whose job it is (conduct 11) */
	enum job_state state;
	enum reason reason;
	unsigned attempts;
	usec_t due;             /* in memory: of the clock of durations */
	usec_t not_before;      /* in the store: of the wall clock */
	struct upgrade_record record;
};

struct save {
	uint64_t number;
	bool ok, done_with;
	usec_t done;
	struct row row;
};

struct driver {
	struct dialogue dialogue;
	char room[AT_COMMAND_MAX];
	struct dialogue_box box;
	struct upgrade_modem who;
	struct upgrade_task task;
	bool alive, open, must_restore, running, cancelled;
	bool known;             /* the module has been identified since this daemon began */
	usec_t reopen, write_at;
	struct row row;         /* in memory */
	struct row durable;     /* in the store */
	struct row parked, stored; /* the same two, of the module that was in this slot before */
	struct save saves[SAVES_MAX];
	size_t n_saves;
	unsigned deferrals;
	usec_t port_event;
	usec_t settled, seen;   /* when the job became what it is; when the module was identified last */
	enum reason refused;
	unsigned work;          /* rounds so far */
	int step;               /* as it was seen last */
	usec_t step_entered;
	bool other_boot;        /* the host restarted before this life of the daemon */
	bool store_lost;        /* ever */
};

void driver_begin(struct life *l);
void driver_work(struct life *l);
usec_t driver_deadline(const struct life *l);
void driver_crash(struct life *l, const struct disturbance *d);
void driver_cancel(struct life *l);
void driver_perform(struct life *l);
void driver_store(struct life *l); /* what is durable by now, whether fotad runs or not */
bool driver_ended(struct life *l);  /* is nothing more to be expected? */

void driver_save(struct life *l, uint64_t number);
void driver_notice(struct life *l, const struct upgrade_notice *n);
bool driver_make_task(struct life *l, const char *version); /* false: there is no package for it */
void driver_go(struct life *l);
bool driver_may_go(const struct life *l);
usec_t driver_due(const struct life *l);
bool driver_must_restore(const struct upgrade_record *r);

/* ---- world.c: module, port, server, what disturbs ---- */

struct server {
	bool active;
	unsigned hop, tick;
	usec_t next, period;
	bool failed; /* once is enough */
};

/* Of one life, for the report. */
struct count {
	unsigned rounds, unknowable, corrected;
	unsigned said[OUTCOMES][REASONS];
	unsigned crashed[STEPS];
	unsigned restarted, emptied, woke_early, woke_late; /* hosts, stores; after which a wait was cut or stretched */
	enum ending ending;
};

struct life {
	struct plan plan;
	uint64_t random;
	usec_t wall;             /* how far the wall clock is ahead of `now` */
	usec_t now, end, linger; /* how long it is watched after its job's end */
	struct fake_modem modules[2];
	unsigned seat;           /* which of them is in the slot */
	usec_t swapped_until, glitch_until, gap_until, dead_until; /* 0: not now */
	bool power[2];
	char tty[TTY_SIZE];
	size_t tty_size;
	struct server server[2];
	struct driver driver;
	struct judge judge;
	bool fired[DISTURBANCES_MAX];
	usec_t armed[DISTURBANCES_MAX];
	unsigned armed_work[DISTURBANCES_MAX];
	unsigned entries[STEPS];
	unsigned disturbed[_DISTURBANCE_MAX];
	bool hangup;             /* the tty is gone, and the driver has not noticed yet */
	bool transcript;
	jmp_buf *out;
	enum invariant violation;
	char why[256];
	int only;                /* the one invariant that is watched, for the mutants; -1: all */
	struct count count;
};

struct fake_modem *world_module(struct life *l);   /* in the slot */
bool world_port(const struct life *l);             /* is there a tty? */
void world_step_entered(struct life *l, int step);
int life_run(struct life *l, const struct plan *plan, bool transcript, int only); /* -1: violated */
void say(const struct life *l, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- report.c ---- */

struct report {
	uint64_t lives, rounds, unknowable, corrected;
	uint64_t ended[_ENDING_MAX][REASONS];
	uint64_t said[OUTCOMES][REASONS];
	uint64_t crashed[STEPS];
	uint64_t restarted, emptied, woke_early, woke_late;
	uint64_t faults[_FAKE_FAULT_MAX];
	uint64_t disturbed[_DISTURBANCE_MAX];
};

void report_add(struct report *r, const struct life *l);
int report_print(const struct report *r, bool complete); /* -1: a cell is empty that must not be */
