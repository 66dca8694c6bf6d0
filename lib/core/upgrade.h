/*
 * upgrade - one modem's way through one hop: a reducer from events to effects.
 *
 *      struct upgrade_event --> upgrade_step() --> struct upgrade_effects (SAVE, then SEND, then NOTIFY)
 *
 * The procedure is one static table (upgrade-steps.c) that reads from top to bottom. Steps are stored by name.
 * This object reads no clock and does no I/O: time comes with each event, what is to be done goes back as effects.
 * The caller performs them in the order of their fields. A SAVE completes by an event; where the table says so, the
 * command waits for it, and when it fails nothing is sent (conduct 13).
 *
 * Point of no return: `record.start_durable` (conduct 5). From the first byte of AT+GTOTA= the module is only listened
 * to (conduct 4); success is the target version and the same IMEI, read twice, `settle` apart (conduct 6).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"
#include "core/at-channel.h"
#include "core/evidence.h"
#include "core/gtota.h"
#include "core/identity.h"
#include "core/profile.h"
#include "core/reason.h"

#define NAME_MAX_SIZE 65 /* a modem's or campaign's name: [A-Za-z][A-Za-z0-9._-]{0,63} (conduct 22) */
#define SETTING_MAX   32 /* a GTSET or GTRAT value as it was read */
#define STEP_NAME_MAX 24

enum technology { TECHNOLOGY_ANY, TECHNOLOGY_UMTS, TECHNOLOGY_LTE }; /* at least */
enum rat_policy { RAT_KEEP, RAT_LOCK };

/* What the module must show after an upgrade, besides its version; else the verdict is no-service. */
enum upgrade_check { CHECK_NONE, CHECK_REGISTERED, CHECK_PDP /* that, and a data connection */ };

/* What must hold before the start; a zeroed one asks for nothing but a SIM and a registration. */
struct requirement {
	enum technology technology;
	bool check_rssi;
	int rssi_dbm;        /* at least, -113 to -51 (27.007, +CSQ) */
	bool refuse_roaming;
	unsigned supply_mv;  /* at least; 0: not checked */
	bool idle;           /* no call in progress */
};

struct apn {
	const char *name, *username, *password; /* NULL: not given */
	const char *credential;                 /* name of the credential that holds the password, or NULL */
};

/* What is known about the modem before it says anything. Pointers outlive the upgrade. */
struct upgrade_modem {
	const char *imei;               /* as configured, or NULL */
	const struct profile *profile;  /* resolved row when one was named; NULL: "auto" */
	/* "auto": resolved rows for all families, found by row name. */
	const struct profile *(*resolve)(const struct profile *row, void *userdata);
	void *userdata;
};

/* One hop, resolved: the rules a running job keeps (conduct 21). Pointers outlive the attempt. */
struct upgrade_task {
	struct gtota_request request;
	const char *from;  /* "*" for a full image */
	const char *to;
	struct requirement require;
	enum rat_policy rat;
	enum upgrade_check check;
	bool only_check;   /* it runs `to` already: nothing is set and started, only the check is made, as before an attempt */
	bool signal;       /* what it hears is read before the start and in the check, whatever `require` says: for a brake */
	struct apn apn;
};

enum upgrade_phase { PHASE_IDLE, PHASE_PREPARING, PHASE_DOWNLOADING, PHASE_INSTALLING, PHASE_VERIFYING };

/* A module's setting that fotad changes, as it was before (conduct 3). */
struct upgrade_setting {
	bool known;   /* value was read and is durable */
	bool written; /* ours stands in the module (or may) */
	char value[SETTING_MAX];
};

/* What must survive a crash. Times are CLOCK_BOOTTIME of `boot_id`, which the store adds. */
struct upgrade_record {
	char imei[IMEI_SIZE];
	char model[MODEL_MAX];
	char from[VERSION_MAX];     /* version read before the start */
	char to[VERSION_MAX];
	char step[STEP_NAME_MAX];
	uint32_t attempt;           /* starts so far, of this job */
	usec_t started;             /* of the last +GTOTA; 0: never */
	bool start_durable;         /* the point of no return of the running attempt */
	bool reported;              /* OK or a report came */
	bool complete;              /* GTOTA DOWNLOAD COMPLETE came */
	bool failed;                /* GTOTA DOWNLOAD FAILED came */
	bool left;                  /* the port went away, or boot text came, since the start */
	bool restarted;             /* the module itself restarted: boot text, or it left after COMPLETE (its echo is no proof:
	                             * AT&F and ATZ bring that back, too) */
	bool end_open;              /* conduct 8: no end of the last start was seen; no +GTOTA before one, or `download` */
	struct upgrade_setting callbreak, gprsfirst, rat;
	bool pdp_opened;            /* MIPCALL was opened by us */
};

enum upgrade_event_type {
	UPGRADE_EVENT_OPENED,      /* the port is there */
	UPGRADE_EVENT_LOST,        /* the port is gone */
	UPGRADE_EVENT_AT,          /* at: from the channel */
	UPGRADE_EVENT_SENT,        /* bytes of the start line reached the port, with `whole` the last ones */
	UPGRADE_EVENT_GO,          /* task: make this hop */
	UPGRADE_EVENT_RESTORE,     /* put back what record says was changed */
	UPGRADE_EVENT_SAVED,       /* save: the effect of that number is durable */
	UPGRADE_EVENT_SAVE_FAILED,
	UPGRADE_EVENT_CANCEL,      /* before the point of no return: stop; after it: no effect */
	UPGRADE_EVENT_TIME,        /* upgrade_deadline() has come */
	UPGRADE_EVENT_ENTER,       /* internal: the step was entered */
};

struct upgrade_event {
	enum upgrade_event_type type;
	struct at_event at;
	const struct upgrade_task *task;
	uint64_t save;
	bool whole;
};

enum upgrade_notice_type {
	NOTICE_IDENTIFIED, /* u->identity is fresh; the upgrade now holds for GO or RESTORE */
	NOTICE_REFUSED,    /* cannot be identified: reason; asked again after a while, or on the port's return */
	NOTICE_ELSEWHERE,  /* a GTOTA report outside an attempt of ours (conduct 10) */
	NOTICE_STEP,       /* u->step was entered */
	NOTICE_PHASE,
	NOTICE_PROGRESS,   /* percent */
	NOTICE_WARNING,    /* reason and text: it goes on */
	NOTICE_RESTORED,   /* settings are back; reason when one could not be */
	NOTICE_VERDICT,    /* outcome and reason; the upgrade holds again, or (UNKNOWN) goes on looking */
};

enum upgrade_outcome {
	OUTCOME_SUCCEEDED,
	OUTCOME_ALREADY,  /* at the target before anything was sent */
	OUTCOME_FAILED,   /* after the point of no return, or for good before it: see reason_class() */
	OUTCOME_DEFERRED, /* before the point of no return, for a reason that may pass */
	OUTCOME_UNKNOWN,  /* settles itself: another verdict follows */
	OUTCOME_CANCELLED,
};

struct upgrade_notice {
	enum upgrade_notice_type type;
	enum upgrade_outcome outcome;
	enum reason reason;
	int cme;          /* AT_ERROR_NONE: none */
	int percent;      /* -1: none */
	const char *step; /* name of the step it happened in */
	char text[96];    /* detail for people, escaped; may be empty */
};

#define UPGRADE_NOTICES_MAX 8

struct upgrade_effects {
	uint64_t save;   /* not 0: make u->record durable, answer with this number; saves end in their order */
	unsigned sync;   /* not 0: give up what is in flight and synchronise, with so many probes */
	bool hush;       /* nothing more is to be sent: give up what is in flight, without a probe */
	bool send;       /* send `command` */
	bool secret;     /* its line holds one: wipe `line`, record input as byte counts (conduct 12) */
	struct at_command command;
	size_t n_notices;
	struct upgrade_notice notices[UPGRADE_NOTICES_MAX];
	char line[AT_COMMAND_MAX]; /* of command, where it is built */
};

struct upgrade {
	const struct upgrade_modem *modem;
	const struct upgrade_task *task; /* NULL: none is wanted */
	const struct timeouts *timeouts; /* built-in ones until the profile is known */
	const struct profile *profile;   /* resolved; NULL until identified */
	struct identity identity;
	bool identified;                 /* identity is complete and fresh */
	struct upgrade_record record;
	struct evidence *evidence;       /* the caller's, of the attempt; whole when its NOTICE_VERDICT is taken, until the next GO */

	int step;              /* enum step_id */
	usec_t entered;        /* when the step was entered */
	usec_t wake;           /* when TIME is due; USEC_INFINITY: not at all */
	unsigned tries;        /* commands sent in this step */
	unsigned late;         /* of them after its end, in the service check */
	unsigned restarts;     /* begun again in this attempt */
	bool trusted;          /* the store knows this modem: no listening before the first byte (conduct 10) */
	usec_t quiet;          /* how long to listen otherwise */
	bool open;             /* the port is there */
	bool pausing;          /* wake ends a pause before the command is sent again */
	bool restoring;        /* RESTORE was asked for */
	enum reason unrestored; /* why one of the settings was not put back */
	bool resumed;          /* an earlier life passed the point of no return: listen at the first open */
	bool unknown;          /* UNKNOWN was said; the verdict is still owed */
	bool line_sent;        /* the start line's first byte is out */
	bool line_whole;       /* its last one too, or nobody knows: listening counts from here */
	bool report_seen;      /* a GTOTA report (not only OK) came in this attempt */
	bool pdp_active;
	char cell[CELL_MAX];   /* that serves it, as the attempt's preparation heard; "": it was not told */
	usec_t check_end;      /* when a data connection is asked for the last time; 0: it is */
	bool unanswered;       /* it was asked for in the service check, and no final result code came */
	int percent;
	enum upgrade_outcome outcome; /* of END */
	enum reason reason;    /* what the step or the attempt fails with, if it does */
	int cme;
	usec_t activity;       /* last report or port event (conduct 6) */
	usec_t since;          /* listening ended, or the last report after that: `return` counts from here */
	usec_t asked;          /* last AT of the verification (conduct 4), or question of the check */
	usec_t first_read;     /* the target was read once, at this time; 0: not yet */
	char read[VERSION_MAX]; /* version read last in the verification */
	bool stranger;         /* another IMEI answered in the verification */
	uint64_t saves;        /* numbers given out */
	uint64_t awaited;      /* the save that the step waits for; 0: none */
	struct {               /* what the record said before an awaited save, to take it back (conduct 5, 13) */
		usec_t started;
		bool end_open;
		bool callbreak, gprsfirst, rat, pdp; /* written, opened */
	} before;

	const char *prefix;    /* of the question that was asked, where it changes */
	bool secret;           /* the line in flight holds one */
	struct upgrade_effects *out; /* of the event being worked on */
};

/*
 * Begins with the port not there. trusted: the store knows this modem, so no listening is due. quiet: how long to
 * listen otherwise (2 s; `stall` after a store loss). evidence: the caller's; u->evidence may be set to another before
 * GO and upgrade_resume().
 */
void upgrade_init(struct upgrade *u, const struct upgrade_modem *modem, const struct timeouts *timeouts,
	bool trusted, usec_t quiet, struct evidence *evidence);

/*
 * Takes up what an earlier life left behind, right after upgrade_init(): the record as saved. Past the point of no
 * return it listens and judges (conduct 9); the task says what is checked then, NULL: nothing. A record.started of another boot must have
 * been replaced by `now`. What is known of its evidence is put into u->evidence before.
 */
void upgrade_resume(struct upgrade *u, const struct upgrade_record *record, const struct upgrade_task *task, usec_t now);

/*
 * The configuration behind modem, timeouts and profiles is another now (nothing of the old one is touched): they are
 * looked up again. Not while a task is under way, which keeps the rules it began with (conduct 21).
 */
void upgrade_rebase(struct upgrade *u, const struct timeouts *timeouts);

void upgrade_step(struct upgrade *u, const struct upgrade_event *event, usec_t now, struct upgrade_effects *ret);

usec_t upgrade_deadline(const struct upgrade *u);

/* A stable name, and the phase to which it belongs. */
const char *upgrade_step_name(const struct upgrade *u);
const char *upgrade_outcome_name(int outcome); /* "succeeded"; NULL: there is none of this number */
enum upgrade_phase upgrade_phase(const struct upgrade *u);
const char *upgrade_phase_name(enum upgrade_phase phase); /* "preparing" */

/* Is an attempt between the start step and its verdict? The module may be flashing: nobody else may send. */
bool upgrade_past_no_return(const struct upgrade *u);

/* May a GO be given now (identified, holding, rule 8 satisfied)? */
bool upgrade_is_holding(const struct upgrade *u);

/* Rule 8: the first moment at which another +GTOTA may be sent to this module; 0: now. */
usec_t upgrade_next_start(const struct upgrade *u);
