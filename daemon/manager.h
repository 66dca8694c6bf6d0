/*
 * manager - reconciles the configuration with the modems: who exists, who may run now, when it is over.
 *
 *      config --> manager --> modem ... modem     (one per configured modem)
 *                    |  \
 *                  store  serial pool, ports      (shared)
 *
 * Owned by main; everything happens in one sd_event loop.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "core/dialogue.h"
#include "core/schedule.h"
#include "daemon/clock-watch.h"
#include "daemon/handover.h"
#include "daemon/ports.h"
#include "daemon/watcher.h"
#include "io/config.h"
#include "io/serial.h"
#include "io/store.h"

/* A configuration lives as long as a modem keeps rules from it (conduct 21). */
struct rules {
	unsigned references;
	struct config *config;
	struct package_work *work; /* scratch of package_next() */
};

struct rules *rules_new(struct config *config); /* takes config over, also on failure; NULL: no memory */
struct rules *rules_ref(struct rules *rules);
struct rules *rules_unref(struct rules *rules); /* NULL is fine; returns NULL */

struct manager_options {
	const char *config_path;
	const char *state_directory;
	const char *credentials_directory; /* NULL: none */
	const char *fetch_socket;
	bool once;
};

struct modem;
struct waiter; /* control_when_saved() */
struct left_asker; /* control_cancel_left() */

struct metrics;

struct manager {
	struct manager_options options;
	sd_event *event;
	struct rules *rules;
	struct store *store;
	struct bundle_writer *bundles; /* of failed attempts */
	struct serial_pool *serial;
	struct ports *ports;
	struct handover *handover; /* until the first look at every port */
	sd_event_source *serial_source, *store_source, *poll_source, *dispatch_source;

	struct modem **modems; /* in the order of the configuration */
	size_t n_modems;
	struct modem **by_id;  /* ids entries, NULL where the modem is gone */
	uint32_t ids;          /* given out; a modem's id is its place in by_id */
	unsigned looking;      /* ports that are looked at now */
	usec_t look_until;     /* CLOCK_BOOTTIME: then the others are not waited for any more */
	struct schedule schedule; /* who starts next */
	struct schedule_time *times;
	struct lanes *lanes;   /* lent to it */
	struct campaign_run *runs; /* every campaign that was ever configured here */
	struct group_gate *groups; /* every group that ever had a limit */
	struct cell_gate *cells;   /* that serve somebody */
	unsigned per_cell;         /* limits.per_cell; 0: any number */
	struct figures *figures;   /* of the newest upgrades, for brakes */
	usec_t routes_looked;      /* CLOCK_BOOTTIME: when other routes are looked for again */
	struct modem *touched; /* what became of them is to be noted */
	sd_event_source *soak_source; /* at soak_due */
	usec_t soak_due;       /* CLOCK_BOOTTIME: when some wave has soaked */
	unsigned running;      /* slots taken */
	uint64_t last_job_id;  /* given to a job */
	struct waiter *waiters; /* for the store, the first one first */
	struct left_asker *left_askers; /* likewise, who gives up a job that nobody here has */
	struct manager_asker *askers; /* about the history, likewise: the first one's answer is on its way */
	void *devices, *imeis; /* claims */
	struct dialogue_box box;
	struct metrics *metrics;
	unsigned recordings;   /* attempts being recorded */
	struct store_found *stored; /* at start: what there is of each configured modem, in their order */
	const struct watcher *watcher; /* NULL: nobody */
	void *watcher_data;
	unsigned inhibitors;   /* that want no new starts (conduct 25) */
	int64_t operator_uid;  /* who asks for what is done now; -1: not known, or nobody */
	bool held;             /* the store was lost: nothing starts until somebody has acknowledged it */
	int store_error;       /* why the last save failed; 0: it did not */
	usec_t store_try;      /* CLOCK_BOOTTIME: when it is tried again */
	usec_t store_prune;
	usec_t looked;         /* CLOCK_BOOTTIME: when jobs were dispatched last */
	struct clock_watch *clock_watch;
	sd_event_source *opening_source; /* at opening_next */
	usec_t opening_next;   /* CLOCK_BOOTTIME: when some job is to be asked again whether it may start */
	struct hotplug *hotplug; /* NULL: udev cannot be listened to */
	struct neighbour *neighbour; /* ModemManager; NULL: without a bus */
	usec_t polled;         /* CLOCK_BOOTTIME: when ports were looked for last */
	usec_t rest_until;     /* CLOCK_BOOTTIME: then they may be, by the way; USEC_INFINITY: when the timer says so */
	sd_event_source *losses_source; /* when those who have gone away since first_loss are told of */
	unsigned losses;
	usec_t first_loss, last_loss;
	unsigned away;         /* of those who went together */
	bool stopping;
	usec_t untidy;         /* CLOCK_BOOTTIME: when much was freed first since memory was given back; 0: not since */
	bool removed;          /* some modem is */
	bool missing;          /* a port is not there, and what is there instead was not looked at */
	bool doubled;          /* an IMEI answers on two ports, and that was not looked at */
	usec_t started;        /* CLOCK_BOOTTIME */
	char status[192];      /* as said to the service manager last */
	usec_t status_said;
};

/* -E...: already logged; ret_exit is the documented exit code. */
int manager_new(sd_event *event, const struct manager_options *options, struct config *config,
	struct manager **ret, int *ret_exit);

/* Ends what has not passed the point of no return, makes it durable, closes everything. NULL is fine; returns NULL. */
struct manager *manager_free(struct manager *manager);

/*
 * Reads the configuration again; on error the old one stays in force. What is wrong is logged, and given to ret_problems
 * (NULL: it is not wanted), which the caller frees also after success.
 */
int manager_reload(struct manager *manager, struct config_problems *ret_problems);

/* From now on this one is told what changes; NULL: nobody. Until it says otherwise, before the manager goes. */
void manager_watch(struct manager *manager, const struct watcher *watcher, void *userdata);

static inline void manager_note(struct manager *manager, struct modem *m)
{
	if (manager->watcher)
		manager->watcher->changed(manager->watcher_data, m);
}

/* Site software wants no new starts, or does not mind any more. */
void manager_inhibit(struct manager *manager, bool inhibit);

/* Something has changed that may let a job start or the program end: looked at once, at the end of this turn. */
void manager_wake(struct manager *manager);

/* A port is not open any more: looked for soon. */
void manager_poll(struct manager *manager);
void manager_untidy(struct manager *manager, usec_t now); /* much was freed: it goes back to the system, but not at once */

/* One may have come: looked for at once, but not at every event of many. */
void manager_look(struct manager *manager, usec_t now);

/*
 * manager-hotplug.c. From now on udev is listened to, if it can be. Where the modem's port is plugged in. A port has gone away:
 * it is said soon, or together with others, unless it is said already. Its modem answers again.
 */
void manager_watch_devices(struct manager *manager);
void manager_explain_missing(struct manager *manager); /* is a module in emergency download mode where a port is not? */
void manager_find_place(struct modem *m, dev_t device);
void manager_lost(struct manager *manager, struct modem *m, bool said, usec_t now);
void manager_say_losses(struct manager *manager); /* not later than now */
void manager_is_back(struct modem *m);

/*
 * manager-neighbour.c. From now on ModemManager is asked to leave alone what fotad works with; address: of the bus. Whether it
 * works with this one may be different; looked: and its device, too. May its port be opened yet? All of it is left as it is.
 */
int manager_watch_neighbour(struct manager *manager, const char *address);
void manager_mind_neighbour(struct modem *m, bool looked, usec_t now);
bool manager_neighbour_lets(const struct modem *m, usec_t now);
void manager_tend_neighbour(struct manager *manager, usec_t now);
void manager_leave_neighbour(struct manager *manager);

/*
 * manager-campaign.c. This modem may go as soon as there is room; something of it has changed that its campaign wants to
 * know; its slot is taken, or free again; it goes, and nobody shall point at it.
 */
void manager_ready(struct manager *manager, struct modem *m);
void manager_touch(struct manager *manager, struct modem *m);
void manager_set_slot(struct manager *manager, struct modem *m, bool slot);
void manager_forget(struct manager *manager, struct modem *m);
void manager_look_for_routes(struct manager *manager, usec_t now); /* manager-uplink.c: from time to time */
void manager_note_figures(struct manager *manager, const struct modem *m); /* manager-brake.c: it was upgraded */
void manager_note_cell(struct manager *manager, struct modem *m, usec_t now); /* manager-cell.c: a step has begun */

/* A wave that waits for who is not there is said, when that lasts; looked at now and then. */
void manager_check_waves(struct manager *manager, usec_t now);

/* What the gates of its campaign hold it with, whatever else it waits for; JOB_WAIT_NONE: with nothing. */
enum job_wait manager_gate(const struct manager *manager, const struct modem *m);

/* Its job is another one now: what it was in its campaign is forgotten, or as the store has it. wave 0: it has not begun. */
void manager_set_member(struct manager *manager, struct modem *m, uint32_t wave, bool forgiven);

/* manager-brake.c: how long the newest upgrades from this version took. */
#define MANAGER_PAST_MAX 64
size_t manager_past(const struct manager *manager, const char *from, usec_t ret[static MANAGER_PAST_MAX]);

/* What an operator says. campaign NULL: everything. -ENOENT; -EALREADY: that changes nothing. */
int manager_pause(struct manager *manager, const char *campaign);
int manager_resume(struct manager *manager, const char *campaign);

/* "an operator (uid 1000)": who asks for what is done now, for the log; valid as long as ret is. */
#define MANAGER_OPERATOR_MAX 40
const char *manager_operator(const struct manager *manager, char ret[static MANAGER_OPERATOR_MAX]);

/* The same, of a campaign only, and without its jobs: control.c sees to them. */
int manager_cancel(struct manager *manager, const char *campaign);
int manager_revive(struct manager *manager, const char *campaign);
bool manager_is_cancelled(const struct manager *manager, const struct modem *m); /* its campaign is */

/*
 * manager-history.c. The newest lines of the history of a modem or campaign, or ("") of all; one question after the other, for
 * the store has more to do. -EBUSY: too many wait. done: once, with -ECANCELED when fotad ends first; the lines are lent.
 */
typedef void (*manager_history_done)(int error, const struct store_history *lines, size_t n, void *userdata);
int manager_history(struct manager *manager, const char *name, unsigned max, manager_history_done done, void *userdata);
void manager_take_history(struct manager *manager, const struct store_completion *completion);
void manager_free_history(struct manager *manager);

/* modem-when.c: what waits is asked whether the wall clock lets it start; all is asked again. */
int manager_watch_clock(struct manager *manager);
void manager_ask_clock(struct manager *manager, usec_t now);
void manager_replan(struct manager *manager);

/* manager-store.c. A completion's cookie is a modem's id and save number, or one of these. */
#define MANAGER_FIND    (UINT64_C(1) << 63) /* and a modem's id */
#define MANAGER_ID_MASK UINT32_C(0x3fffffff)
#define MANAGER_COOKIE  UINT64_MAX
#define MANAGER_PRUNED  (UINT64_MAX - 1)
#define MANAGER_RELEASED (UINT64_MAX - 2)
#define MANAGER_WAITED  (UINT64_MAX - 3)
#define MANAGER_TOLD    (UINT64_MAX - 4)
#define MANAGER_LEFT    (UINT64_MAX - 5)

int manager_open_store(struct manager *manager, int *ret_exit); /* -E...: already logged */
int manager_on_store(sd_event_source *source, int fd, uint32_t events, void *manager);
void manager_store_fails(struct manager *manager, int error);
void manager_tend_store(struct manager *manager, usec_t now);
bool manager_may_start(const struct manager *manager); /* neither held nor inhibited, with a store that works */

/* fotad --acknowledge: an operator has looked at what is left of a lost store. The exit code. */
int manager_acknowledge(const struct manager_options *options);

/* fotad --resume=CAMPAIGN: what has failed in it is forgiven, and it goes on at the next start. The exit code. */
int manager_resume_stored(const struct manager_options *options, const char *campaign);

/* Adds a modem of these rules. */
int manager_add(struct manager *manager, struct rules *rules, const struct config_modem *config);

/* The exit code of --once: 0 when every modem of every campaign runs its target; prints what is left. */
int manager_result(const struct manager *manager);
