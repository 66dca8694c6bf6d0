/*
 * upgrade-internal - the table's row and what its files share. For upgrade*.c only.
 */
#pragma once

#include "core/upgrade.h"

/* In the order of the procedure (conduct 2). Names are in the table; they are what is stored. */
enum step_id {
	STEP_ABSENT,
	STEP_QUIET,
	STEP_SYNC,
	STEP_MAKER,
	STEP_MODEL,
	STEP_REVISION,
	STEP_IMEI,
	STEP_IDENTIFIED,
	STEP_HOLD,
	STEP_REFUSED,
	STEP_ELSEWHERE,
	/* an attempt */
	STEP_NO_ECHO,
	STEP_ERROR_CODES,
	STEP_BASE,
	STEP_SIM,
	STEP_PROBE,
	STEP_SUPPLY,
	STEP_CALL,
	STEP_NETWORK,
	STEP_OPERATOR,
	STEP_SIGNAL,
	STEP_RAT_READ,
	STEP_RAT_LOCK,
	STEP_NETWORK_AGAIN,
	STEP_SETTINGS_READ,
	STEP_NO_CALLBREAK,
	STEP_GPRS_FIRST,
	STEP_PDP_ASK,
	STEP_PDP_OPEN,
	STEP_PDP_WAIT,
	STEP_IMEI_AGAIN,
	STEP_REVISION_AGAIN,
	STEP_START,
	/* past the point of no return: only listening ... */
	STEP_DOWNLOAD,
	STEP_LEAVE,
	STEP_RETURN,
	/* ... then AT, ATE0, and who and which version */
	STEP_ANSWER,
	STEP_ANSWER_ECHO,
	STEP_ANSWER_IMEI,
	STEP_ANSWER_REVISION,
	STEP_SETTLE,
	/* the version is proven: is it back in service? */
	STEP_CHECK_NETWORK,
	STEP_CHECK_SIGNAL,
	STEP_CHECK_PDP,
	STEP_CHECK_PDP_OPEN,
	STEP_CHECK_PDP_WAIT,
	STEP_SERVED,
	/* settings put back */
	STEP_CALLBREAK_BACK,
	STEP_GPRS_FIRST_BACK,
	STEP_RAT_BACK,
	STEP_PDP_CLOSE,
	STEP_RESTORED,
	_STEP_MAX,
};

/* What a handler says: a step to enter, or one of these. It never assigns the step itself. */
enum {
	STAY = -1,
	NEXT = -2,
	RETRY = -3, /* the command again after the row's pause, while tries or time last; then as FAIL */
	FAIL = -4,  /* with u->reason (and u->cme): to the row's `otherwise`, else the attempt ends */
	OVER = -5,  /* the module restarted or is another: from the beginning (conduct 2) */
	END = -6,   /* with u->outcome and u->reason: the attempt's verdict */
};

/* Which of struct timeouts bounds something. */
enum limit { LIMIT_NONE, LIMIT_COMMAND, LIMIT_IDENTIFY, LIMIT_REGISTRATION, LIMIT_PDP };

struct step {
	const char *name;
	enum upgrade_phase phase;
	const char *line;   /* the command; NULL: built by `build`, or none */
	const char *prefix; /* of its information text; "": free text; NULL: none */
	int (*handler)(struct upgrade *u, const struct upgrade_event *event, usec_t now);
	enum limit timeout; /* for one final result code */
	enum limit within;  /* tried again for this long; LIMIT_NONE: `tries` times in all */
	unsigned tries;
	usec_t pause;
	enum step_id otherwise;                    /* 0: a failure ends the attempt */
	bool (*skip)(const struct upgrade *u);     /* not wanted here */
	int (*build)(struct upgrade *u);           /* writes u->out->line or sets its command; -E: cannot be built */
	bool (*save)(struct upgrade *u, usec_t now); /* changes the record; true: durable before the command */
};

extern const struct step upgrade_steps[_STEP_MAX];

static inline bool upgrade_ok(const struct upgrade_event *event)
{
	return event->type == UPGRADE_EVENT_AT && event->at.type == AT_EVENT_OK;
}

static inline bool upgrade_error(const struct upgrade_event *event)
{
	return event->type == UPGRADE_EVENT_AT && event->at.type == AT_EVENT_ERROR;
}

/* What a handler returns when it has a reason. */
static inline int upgrade_refuse(struct upgrade *u, enum reason reason, int verdict)
{
	u->reason = reason;
	return verdict;
}

/* What the files share. All act on u->out, the effects of the event being worked on. */
const struct timeouts *upgrade_timeouts(const struct upgrade *u);
usec_t upgrade_limit(const struct upgrade *u, enum limit which);
usec_t upgrade_ask_interval(const struct upgrade *u); /* conduct 4: 30 s, or `settle` when shorter */
void upgrade_save(struct upgrade *u);                  /* asks for a SAVE that nothing waits for */
void upgrade_notify(struct upgrade *u, enum upgrade_notice_type type, enum reason reason, const char *text);

/* upgrade-identify.c: who answers */
int upgrade_on_absent(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_quiet(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_sync(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_hold(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_refused(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_maker(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_model(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_revision(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_imei(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_identified(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_imei_again(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_revision_again(struct upgrade *u, const struct upgrade_event *event, usec_t now);

/* upgrade-prepare.c: may it start, and what is set before */
int upgrade_on_base(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_sim(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_probe(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_supply(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_call(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_network(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_build_network(struct upgrade *u);
int upgrade_registration(const struct upgrade *u, const struct upgrade_event *event); /* <stat>; -1: none was said */
int upgrade_signal(const struct upgrade_event *event); /* dBm below 0; -1: none was said, or it is not known */
int upgrade_on_operator(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_signal(struct upgrade *u, const struct upgrade_event *event, usec_t now);

/* upgrade-settings.c: what is changed and put back (conduct 3) */
int upgrade_on_rat_read(struct upgrade *u, const struct upgrade_event *event, usec_t now);
bool upgrade_save_rat(struct upgrade *u, usec_t now);
int upgrade_build_rat_lock(struct upgrade *u);
int upgrade_on_wish(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_settings_read(struct upgrade *u, const struct upgrade_event *event, usec_t now);
bool upgrade_save_settings(struct upgrade *u, usec_t now);
int upgrade_on_must(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_pdp_ask(struct upgrade *u, const struct upgrade_event *event, usec_t now);
bool upgrade_save_pdp(struct upgrade *u, usec_t now);
int upgrade_build_pdp_open(struct upgrade *u);
int upgrade_read_pdp(const struct upgrade *u, const char *text); /* 0, 1 (active), 2; -1: not said */
int upgrade_on_pdp_open(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_pdp_wait(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_build_pdp_close(struct upgrade *u);
int upgrade_build_callbreak_back(struct upgrade *u);
int upgrade_build_gprsfirst_back(struct upgrade *u);
int upgrade_build_rat_back(struct upgrade *u);
int upgrade_on_back(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_restored(struct upgrade *u, const struct upgrade_event *event, usec_t now);

/* upgrade-start.c: the irreversible line, and listening to what comes of it */
bool upgrade_save_start(struct upgrade *u, usec_t now);
int upgrade_build_start(struct upgrade *u);
void upgrade_take_back(struct upgrade *u);
int upgrade_on_start(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_download(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_leave(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_elsewhere(struct upgrade *u, const struct upgrade_event *event, usec_t now);

/* upgrade-verdict.c: the module's return, and what is to be believed */
int upgrade_on_return(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_answer(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_settle(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_listen_again(struct upgrade *u, usec_t now); /* at the first open of a resumed attempt */
int upgrade_heard(struct upgrade *u, const char *line, usec_t now); /* it still downloads, or restarts once more */

/* upgrade-check.c: is it back in service? */
bool upgrade_is_checking(const struct upgrade *u);
bool upgrade_check_is_over(struct upgrade *u, usec_t end); /* one of its questions has no good answer */
int upgrade_build_check_network(struct upgrade *u);
int upgrade_on_check_network(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_check_signal(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_build_check_pdp(struct upgrade *u);
int upgrade_on_check_pdp(struct upgrade *u, const struct upgrade_event *event, usec_t now);
bool upgrade_save_check_pdp(struct upgrade *u, usec_t now);
int upgrade_build_check_pdp_open(struct upgrade *u);
int upgrade_on_check_pdp_open(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_check_pdp_wait(struct upgrade *u, const struct upgrade_event *event, usec_t now);
int upgrade_on_served(struct upgrade *u, const struct upgrade_event *event, usec_t now);

/* Takes a GTOTA report or boot text down in the record. False: the line is neither. */
bool upgrade_hear(struct upgrade *u, const char *line, usec_t now, struct gtota_report *ret, bool *ret_boot);
