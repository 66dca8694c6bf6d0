/*
 * modem - one configured modem: its port's coming and going, its dialogue, its job.
 *
 * Events go in (port, bytes, time, SAVED), the dialogue's effects are performed in the order SAVE, SEND, NOTIFY.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "core/campaign.h"
#include "core/dialogue.h"
#include "core/duration.h"
#include "core/job.h"
#include "core/opening.h"
#include "core/rate-limit.h"
#include "daemon/claims.h"
#include "daemon/manager.h"
#include "io/log.h"

/* Is it left alone for a while, and why? */
enum modem_health { MODEM_WELL, MODEM_NOISY, MODEM_FLAPPING };
const char *modem_health_name(enum modem_health health);

/* What is seen of it (interface, "Words"). */
enum modem_presence {
	MODEM_PRESENT,
	MODEM_ABSENT,
	MODEM_BUSY_ELSEWHERE,
	MODEM_PRESENCE_NOISY,
	MODEM_PRESENCE_FLAPPING,
	MODEM_DUPLICATE,
	_MODEM_PRESENCE_MAX,
};
struct modem;
enum modem_presence modem_presence(const struct modem *m);
const char *modem_presence_name(enum modem_presence presence); /* "busy-elsewhere" */

#define LISTEN_FIRST (2 * SEC) /* conduct 10 */

/* What an operator has said while nobody knew what there is of it. RETRY_FAILED: what was cancelled stays so. */
enum modem_order { ORDER_NONE, ORDER_CANCEL, ORDER_RETRY_FAILED, ORDER_RETRY };

/* How much is said of it (modem-log.c). */
enum modem_limit { MODEM_LIMIT_LINES, MODEM_LIMIT_DEBUG, MODEM_LIMITS };

/* LOOKING: to which tty does the path lead? LOOKED: opened when all have looked, so that twins are known. */
enum modem_port { MODEM_PORT_CLOSED, MODEM_PORT_LOOKING, MODEM_PORT_LOOKED, MODEM_PORT_OPENING, MODEM_PORT_OPEN };

#define SECRET_SIZE  (GTOTA_FIELD_MAX + 1)
#define SECRETS_SIZE (2 * SECRET_SIZE) /* of FTP and of the APN */

struct modem {
	struct port port; /* of the ports room; .userdata is the modem */
	struct manager *manager;
	uint32_t id;
	struct rules *rules;                    /* what `config` and `campaign` point into */
	const struct config_modem *config;
	const struct config_campaign *campaign; /* NULL: only watched */
	struct rules *next_rules;               /* a reload that waits for the running job; NULL: none */
	const struct config_modem *next_config; /* NULL: not in the next rules */
	bool removed;                           /* in no rules any more: the manager frees it, ... */
	usec_t leave_by;                        /* ... but has its settings put back until then first; 0: it stays */

	enum modem_port port_state;
	enum reason port_reason;   /* why it is not open */
	enum modem_health health;
	unsigned flaps;            /* losses of the port since flaps_since */
	char *place;               /* where its port was plugged in when that was open last (hotplug.h); NULL: not known */
	struct claim *device;      /* the tty that the path led to when it was looked at last */
	struct claim *imei;        /* of the module that answers; held while it is identified */
	struct inhibition *inhibition; /* ModemManager is to leave its device alone; NULL: it is not, or cannot be asked */
	usec_t let_go;             /* CLOCK_BOOTTIME: it may have it again; 0: not yet */
	bool minded;               /* whether there is anything to ask was seen to */
	uint64_t ticket;           /* of the look or the open under way */
	usec_t reopen;             /* CLOCK_BOOTTIME: when the next open is tried */
	usec_t absent_since;
	usec_t noise_since;        /* dialogue.noise is counted from here */
	usec_t flaps_since;
	bool emergency;            /* said: what is plugged in there is in emergency download mode */
	bool loss_unsaid;          /* its port has gone away, and that waits for others to do the same */
	bool lost_together;        /* it has gone with many others, and its modem has not answered since */
	bool doubled;              /* another port answers with the same IMEI */
	bool doubled_said;
	bool stored;               /* a duplicate of the port lies in the service manager's store */

	struct upgrade_modem who;
	struct dialogue dialogue;
	struct recording *recording; /* of the attempt that runs; NULL: none */
	bool identified;           /* holding, version read */
	enum reason refused;       /* as the last NOTICE_REFUSED said */

	bool job;                  /* there is one; the fields below are its */
	uint64_t job_id;           /* what people call it by */
	usec_t queued;             /* CLOCK_REALTIME: since then it could have gone; 0: it could not yet */
	usec_t job_created, job_ended; /* CLOCK_REALTIME; 0: not known; it has no final verdict */
	enum job_state state;
	enum reason reason;
	int cme;
	usec_t due;                /* CLOCK_BOOTTIME: WAITING not before */
	unsigned attempt_last;     /* of them, the one that runs or ran last, as people count; 0: none in this life of fotad */
	unsigned attempts;         /* spent, of this hop and those before */
	uint64_t bytes;            /* spent before the attempt that runs */
	uint64_t package_bytes;    /* of that attempt, ... */
	uint32_t attempt_before;   /* ... once record.attempt is beyond this */
	unsigned deferrals;
	enum job_wait opening_said, wait_said; /* what it waits for, as said last: by the wall clock; in all */
	char job_campaign[NAME_MAX_SIZE]; /* the job's own: `campaign` may be another by now */
	struct opening opening;    /* may it start by the wall clock? As it was answered last, ... */
	usec_t opening_until;      /* ... and until when that holds, CLOCK_BOOTTIME; 0: it was not asked */
	struct schedule_job turn;  /* in the manager's schedule */
	struct campaign_run *run;  /* its campaign, as it goes on; NULL: none */
	struct member member;      /* of it */
	struct modem *next_touched;
	char target[VERSION_MAX];
	bool queued_saved;
	bool stop;                 /* an operator wants no further attempt; the verdict decides (conduct 20) */
	uint8_t hops_done, hops_left; /* of the way to the target, as far as this life of fotad knows it */
	bool backoff;              /* it waits after a failure */
	bool slot;                 /* counts in manager.running */
	bool touched;              /* in the manager's list of those that have changed */
	bool ready;                /* it asks for its turn */
	bool restore;              /* settings are to be put back when it holds */

	char known_imei[IMEI_SIZE];          /* whose record and job these are; "": not looked up yet */
	uint64_t known_campaign;             /* text_hash() of its name: it is one of a few, and they are many modems */
	struct identity seen;      /* as the store has it; .imei "": it does not */
	usec_t seen_at;            /* CLOCK_REALTIME */
	char cell[CELL_MAX];       /* that served it last; "": not known */
	bool looking;              /* the store was asked */
	uint8_t order;             /* enum modem_order: ... and what is to be done with what it has */
	bool cell_new, cell_said;  /* named in this attempt, to be checked; it was said that it is not known */
	bool put_off;              /* the attempt is taken back and waits for a slot: no verdict on the job */
	bool drift;                /* said: it runs something else than it was brought to */
	bool unsaved;              /* the store has an older state */
	int percent_said;
	struct store_attempt *attempt; /* the one that goes on: has a row once it is `started`; NULL: none */
	uint64_t save_due;         /* a save that nothing waits for: after the notices of the same turn; 0: none */

	struct upgrade_task *task; /* of the attempt; NULL: none */
	const struct package *package; /* of the task; in rules; NULL: an earlier life's attempt */
	struct kept *kept;         /* the rules of an earlier life's attempt; NULL: those of the configuration hold */
	char *secret;              /* SECRETS_SIZE bytes, while a line with a password is built; else NULL */
	char *room;                /* lent to the dialogue for its long lines; NULL: none */
	usec_t progress_said;
	struct rate_limit *limits; /* MODEM_LIMITS of them; saying something changes no modem */
};

int modem_new(struct manager *manager, struct rules *rules, const struct config_modem *config, struct modem **ret);
struct modem *modem_free(struct modem *m); /* NULL is fine; returns NULL */

/* Other rules from now on, or from the end of the running job (conduct 21). config NULL: it is not in them any more. */
void modem_change_rules(struct modem *m, struct rules *rules, const struct config_modem *config, usec_t now);
void modem_check_leaving(struct modem *m, usec_t now);

/* fotad ends: what has not passed the point of no return is taken back and waits. */
void modem_stop(struct modem *m, usec_t now);

void modem_saved(struct modem *m, uint64_t save, int error, usec_t now);

/* modem-port.c: looked at when that is due, opened when the manager says that all have looked */
void modem_look(struct modem *m, usec_t now);
void modem_open(struct modem *m, usec_t now);
void modem_serial(struct modem *m, const struct serial_result *result, usec_t now); /* either is done */
void modem_lost(struct modem *m, usec_t now);
bool modem_expect(struct modem *m, dev_t device, usec_t now); /* udev speaks of this tty: is it worth a look? */
void modem_close(struct modem *m, usec_t now); /* on our own account; the dialogue sees it as lost */
void modem_close_port(struct modem *m);        /* ... and does not */
dev_t modem_device(const struct modem *m);     /* of m->device */

/* modem-health.c: after input, and after a loss of the port */
void modem_check_noise(struct modem *m, usec_t now);
void modem_check_flaps(struct modem *m, usec_t now);
bool modem_is_quarantined(const struct modem *m); /* whether its port is there at this very moment says nothing */

/* Takes what the dialogue has left to do. */
void modem_perform(struct modem *m, usec_t now);
void modem_write(struct modem *m, usec_t now);

/* Holds, or lets go of, the IMEI that answers: who else has it is told. */
void modem_claim_imei(struct modem *m);
void modem_drop_imei(struct modem *m);
void modem_check_doubled(struct modem *m, usec_t now); /* from the dispatcher: refuses, and says so once */

/* modem-job.c: from what is known to what is done */
void modem_reconcile(struct modem *m, usec_t now);
void modem_verdict(struct modem *m, const struct upgrade_notice *notice, usec_t now);
void modem_end_attempt(struct modem *m, const struct upgrade_notice *verdict, usec_t now);
void modem_refuse(struct modem *m, enum reason reason, usec_t now); /* a waiting job fails at once (conduct 18) */
void modem_new_job(struct modem *m, uint64_t id); /* 0: a new one; of the campaign in force; then comes its state */
void modem_enter_state(struct modem *m, enum job_state state, enum reason reason, usec_t delay, usec_t now);
bool modem_may_go(const struct modem *m, usec_t now);
void modem_go(struct modem *m, usec_t now);

/*
 * The task's passwords are in memory only while a line with one is built, which is when the save before it is durable
 * (upgrade-steps.c: both such steps save, and are not repeated). -E: one cannot be read now.
 */
int modem_show_secrets(struct modem *m);
void modem_hide_secrets(struct modem *m);
void modem_take_room(struct modem *m); /* as soon as no line lies in it */
void modem_set_slot(struct modem *m, bool slot);
bool modem_must_restore(const struct modem *m);
bool modem_has_tried_enough(const struct modem *m);
const char *modem_waits_for(const struct modem *m, usec_t now); /* a waiting job always has a reason (interface) */
usec_t modem_due(const struct modem *m); /* when manager_wake() is due for it */

/*
 * modem-order.c: what an operator says about its job. It belongs to a campaign, and is not `looking`. false: that changes
 * nothing, or cannot be.
 */
bool modem_cancel(struct modem *m, usec_t now);
bool modem_retry(struct modem *m, usec_t now);
bool modem_start(struct modem *m, bool force, usec_t now); /* only what it itself waits for is skipped */
void modem_follow_order(struct modem *m, usec_t now);      /* what was said before it was known what there is of it */

/* modem-when.c: may it start by the wall clock? Why not, if that is known. It is asked again when anything changes. */
bool modem_is_open(const struct modem *m, usec_t now);
enum job_wait modem_gate(const struct modem *m);
struct duration modem_duration(const struct modem *m); /* of its next hop */
usec_t modem_expected(const struct modem *m);          /* how long that may take */
void modem_forget_opening(struct modem *m);

/* Is there a job, and for the target of the configuration that is in force? */
bool modem_has_todays_job(const struct modem *m);

/* modem-wait.c. Is there nothing more to wait for with --once (conduct 19)? */
bool modem_is_settled(const struct modem *m, usec_t now);

/*
 * modem-terms.c: the rules that an attempt began with, after a restart of fotad. The task for upgrade_resume(), NULL
 * when they are not known; until the verdict, when modem_forget_task() forgets them.
 */
const struct upgrade_task *modem_take_terms(struct modem *m, const struct upgrade_record *r);
void modem_forget_terms(struct modem *m);
const struct profile *modem_kept_profile(const struct modem *m, const struct profile *row); /* row: there is none */
const struct job_rules *modem_kept_rules(const struct modem *m);
void modem_forget_task(struct modem *m);
void modem_find_profile(struct modem *m); /* by the rules that hold now */

/* modem-store.c */
int modem_begin_attempt(struct modem *m); /* -ENOMEM */
void modem_forget_attempt(struct modem *m);
void modem_save(struct modem *m, uint64_t save, usec_t now);
void modem_save_created(struct modem *m, usec_t now);
void modem_save_state(struct modem *m, enum job_state before, usec_t now);
void modem_save_order(struct modem *m, const char *what, enum job_state before, usec_t now); /* an operator's */
void modem_save_verdict(struct modem *m, enum job_state before, const struct upgrade_notice *notice, usec_t now);
void modem_note_seen(struct modem *m, usec_t now);
struct store_modem modem_seen(const struct modem *m); /* as it is stored */
void modem_save_seen(struct modem *m, usec_t now);
void modem_load(struct modem *m, const struct store_found *found, usec_t now);
bool modem_look_up(struct modem *m, usec_t now); /* is it to be waited for modem_found()? */
void modem_found(struct modem *m, int error, const struct store_found *found, usec_t now);
void modem_check_stranger(struct modem *m, usec_t now);

/* modem-notice.c: what follows of it; modem-log.c: how it is said */
void modem_notice(struct modem *m, const struct upgrade_notice *notice, usec_t now);
void modem_log(const struct modem *m, int level, enum log_message message, enum reason reason, const char *format, ...)
	PRINTF_LIKE(5, 6);
void modem_log_wait(const struct modem *m, int level, enum job_wait wait, const char *format, ...)
	PRINTF_LIKE(4, 5); /* FOTA_REASON is the word for it */
void modem_log_notice(struct modem *m, const struct upgrade_notice *notice, usec_t now);
void modem_log_left_out(const struct modem *m, usec_t now); /* now USEC_INFINITY: at the end */
void modem_log_bytes(const struct modem *m, bool out, const char *data, size_t size);
