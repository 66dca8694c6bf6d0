/*
 * bus-internal - what the files of the bus share.
 *
 *      bus.c            the connection, its name, its coming back
 *      bus-pump.c       its messages, as many as there is time for
 *      bus-object.c     properties: one row each, read by sd-bus and compared by bus-change.c
 *      bus-names.c      names, paths and what they lead to
 *      bus-change.c     what has changed, told once for many changes
 *      bus-event.c      one signal for each milestone
 *      bus-check.c      who may call what: root, the owner, polkit
 *      bus-later.c      what takes long
 *      bus-manager.c    org.fotad1.Manager; bus-operate.c, bus-tell.c, bus-history.c, bus-inhibit.c: its methods
 *      bus-modem.c, bus-job.c, bus-campaign.c: the other interfaces
 *      bus-level.c      org.freedesktop.LogControl1
 *      bus-host.c       logind's inhibitor, timedate1's clock
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "daemon/bus.h"
#include "daemon/manager-campaign.h"
#include "daemon/modem.h"

#define BUS_NAME      "org.fotad1"
#define BUS_ROOT      "/org/fotad1"
#define BUS_MANAGER   "org.fotad1.Manager"
#define BUS_MODEM     "org.fotad1.Modem"
#define BUS_JOB       "org.fotad1.Job"
#define BUS_CAMPAIGN  "org.fotad1.Campaign"
#define BUS_MODEMS    BUS_ROOT "/modem"
#define BUS_JOBS      BUS_ROOT "/job"
#define BUS_CAMPAIGNS BUS_ROOT "/campaign"
#define BUS_ERROR     "org.fotad1.Error."

/* Behind ports, deadlines, store and dispatcher. */
#define BUS_PRIORITY 10

#define BUS_PACE     (100 * MSEC) /* between two looks at what has changed: 10 a second */
#define BUS_PATH_MAX (sizeof(BUS_CAMPAIGNS) + 3 * NAME_MAX_SIZE) /* a byte is "_xx" at worst */
#define BUS_QUEUE_MAX 2048 /* messages that the bus has not taken: then nothing more is told of itself */
#define BUS_PROPERTIES_MAX 24
#define BUS_CALL_TIMEOUT (25 * SEC)

/* ---- properties ---- */

/* What a property is now: by its signature, one of these. */
struct bus_value {
	const char *text;      /* s, o */
	uint64_t number;       /* b, y, u, i, x, t */
	const char *const *texts; /* as; a{su}: with counts */
	const unsigned *counts;
	size_t n;
	bool boottime;         /* number is of CLOCK_BOOTTIME, and is told as CLOCK_REALTIME; 0 and USEC_INFINITY: 0 */
	unsigned counted[8];   /* where counts may be, ... */
	char room[512];        /* ... and text */
};

struct bus_property {
	const char *name, *signature;
	void (*get)(const void *object, struct bus_value *ret); /* ret is zeroed */
};

#define BUS_CONST   SD_BUS_VTABLE_PROPERTY_CONST
#define BUS_CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

/* Of X(name, signature, get, BUS_CONST or BUS_CHANGES): for struct bus_property, and for the vtable. */
#define BUS_ROW(name, signature, get, flags)    { name, signature, get },
#define BUS_MEMBER(name, signature, get, flags) SD_BUS_PROPERTY(name, signature, bus_get_property, 0, flags),

/* An interface's properties, and the vtable that sd-bus knows it by. */
struct bus_interface {
	const char *name;
	const struct bus_property *properties;
	size_t n;
	const sd_bus_vtable *vtable;
};

extern const struct bus_interface bus_manager_interface, bus_modem_interface, bus_job_interface,
	bus_campaign_interface;

/* For every vtable. */
int bus_get_property(sd_bus *sd, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *object, sd_bus_error *error);

/* All of an object, as ObjectManager has it: {oa{sa{sv}}}. */
int bus_append_object(sd_bus_message *reply, const struct bus_interface *in, const char *path, const void *object);

/* A text that may hold anything: escaped where it is not printable. */
void bus_set_text(struct bus_value *value, const char *text);

/* ---- objects: what was told of them last ---- */

struct bus_object {
	bool told;   /* it is known to whoever listens */
	uint32_t hashes[BUS_PROPERTIES_MAX];
};

struct bus_seen { /* of a modem, by its id */
	bool dirty, past; /* past the point of no return */
	uint64_t job_id;  /* of the job that was told */
	struct bus_object modem, job;
};

/* One of logind's inhibitors. */
struct bus_hold {
	struct bus *bus;
	const char *what;
	int fd;            /* -1: none */
	bool delays;       /* to block was refused: it was asked to delay */
	sd_bus_slot *slot; /* of the question */
};

#define BUS_HOLDS 2

struct bus_seen_campaign {
	const struct campaign_run *run;
	struct bus_object object;
};

struct bus_named { /* for who looks for a name */
	const char *name; /* of what is looked for */
	uint64_t job_id;
	struct modem *modem;
};

struct bus_check;
struct bus_later;
struct bus_inhibitor;

struct bus {
	sd_event *event;
	struct manager *manager;
	const char *address;

	sd_bus *sd;  /* NULL: no connection */
	bool ready;  /* it has greeted us: what changes is told */
	bool lost_said;
	sd_event_source *io_source, *time_source, *paid_source; /* bus-pump.c */
	usec_t paid; /* CLOCK_BOOTTIME: when what its messages have cost is made up for */
	sd_event_source *retry_source;
	usec_t retry_pause;

	struct bus_named *names, *jobs; /* sorted; n_names and n_jobs entries */
	size_t n_names, n_jobs;
	bool names_stale, jobs_stale;

	struct bus_seen *seen; /* n_seen entries */
	uint32_t n_seen;
	uint32_t *dirty;       /* n_dirty ids, from dirty_next on; as many as seen */
	uint32_t n_dirty;
	struct bus_seen_campaign *campaigns;
	size_t n_campaigns;
	struct bus_object self;
	bool settled;          /* a turn was over since campaigns were looked at */
	usec_t sweep;          /* when all modems are to be looked at again */
	usec_t changed_at;     /* the last look */
	sd_event_source *change_source;
	uint64_t events_lost;

	struct bus_later *later; /* the first one first */
	usec_t later_due;
	sd_event_source *later_source;
	struct bus_check *checks;
	unsigned n_checks;
	struct bus_inhibitor *inhibitors;

	unsigned past;         /* modems past the point of no return */
	struct bus_hold holds[BUS_HOLDS];
	sd_bus_slot *clock_slot;
	sd_event_source *clock_source;
};

/* ---- bus.c, bus-pump.c ---- */

int bus_open(const char *address, sd_bus **ret); /* waits for nothing */
void bus_lost(struct bus *b, int error);
int bus_pump_begin(struct bus *b);
void bus_pump_end(struct bus *b);

/* ---- bus-names.c ---- */

void bus_path_of(const char *prefix, const char *name, char ret[static BUS_PATH_MAX]); /* name: of a modem or campaign */
void bus_job_path(uint64_t id, char ret[static BUS_PATH_MAX]); /* 0: "/" */
struct modem *bus_find_modem(struct bus *b, const char *name);
struct modem *bus_find_job(struct bus *b, uint64_t id);
bool bus_has_job(const struct modem *m);
bool bus_shows(const struct campaign_run *run); /* it was configured in this life */
int bus_add_objects(struct bus *b); /* to b->sd */
void bus_names_done(struct bus *b);

/* ---- bus-change.c ---- */

extern const struct watcher bus_watcher;
int bus_change_new(struct bus *b);
void bus_change_done(struct bus *b);
void bus_change_begin(struct bus *b); /* the connection is new: everything is known by who asks */
bool bus_is_crowded(const struct bus *b);

/* ---- bus-event.c ---- */

void bus_event(int level, enum log_message message, const struct log_fields *fields, const char *text, void *bus);

/* ---- bus-check.c ---- */

enum bus_action { BUS_READ, BUS_READ_MUCH /* it takes long */, BUS_OWN /* root and the owner only */, BUS_MANAGE, BUS_RELOAD, BUS_FORCE };

/*
 * Answers m itself, by a reply, or returns a negative errno or sets error, which is answered then. It may be called long
 * after the message came.
 */
typedef int (*bus_handler)(struct bus *b, sd_bus_message *m, sd_bus_error *error);

/* Calls the handler if the sender of m may; else m is answered. What a message handler returns. */
int bus_check(struct bus *b, sd_bus_message *m, enum bus_action action, bus_handler handler, sd_bus_error *error);
void bus_checks_drop(struct bus *b); /* nobody is answered any more */

/* ---- bus-later.c ---- */

int bus_later(struct bus *b, sd_bus_message *m, bus_handler handler, sd_bus_error *error); /* what a message handler returns */
int bus_later_new(struct bus *b);
void bus_later_drop(struct bus *b); /* nobody is answered any more */
void bus_later_done(struct bus *b);

/* ---- bus-manager.c, bus-operate.c, bus-tell.c, bus-inhibit.c ---- */

int bus_call(sd_bus_message *m, void *bus, sd_bus_error *error); /* of every method of the Manager */

int bus_start(struct bus *b, sd_bus_message *m, sd_bus_error *error);
int bus_cancel(struct bus *b, sd_bus_message *m, sd_bus_error *error);
int bus_retry(struct bus *b, sd_bus_message *m, sd_bus_error *error);
int bus_pause(struct bus *b, sd_bus_message *m, sd_bus_error *error);
int bus_resume(struct bus *b, sd_bus_message *m, sd_bus_error *error);
int bus_acknowledge(struct bus *b, sd_bus_message *m, sd_bus_error *error);
int bus_reload(struct bus *b, sd_bus_message *m, sd_bus_error *error);
enum bus_action bus_start_action(sd_bus_message *m); /* forced or not */
int bus_no_such_name(sd_bus_error *error, const char *name);
int bus_explain(struct bus *b, sd_bus_message *m, sd_bus_error *error);
int bus_plan(struct bus *b, sd_bus_message *m, sd_bus_error *error);
int bus_history(struct bus *b, sd_bus_message *m, sd_bus_error *error);
int bus_trace(struct bus *b, sd_bus_message *m, sd_bus_error *error);
int bus_metrics(struct bus *b, sd_bus_message *m, sd_bus_error *error);
int bus_find(struct bus *b, sd_bus_message *m, sd_bus_error *error);
int bus_inhibit(struct bus *b, sd_bus_message *m, sd_bus_error *error);
int bus_list_inhibitors(struct bus *b, sd_bus_message *m, sd_bus_error *error);
void bus_inhibitors_drop(struct bus *b);

/* ---- bus-level.c, bus-host.c ---- */

int bus_add_log_control(struct bus *b);
void bus_host_clear(struct bus *b); /* before anything can fail */
int bus_host_new(struct bus *b);
void bus_host_begin(struct bus *b); /* connected */
void bus_host_drop(struct bus *b);  /* ... no more */
void bus_host_done(struct bus *b);
void bus_host_hold(struct bus *b);  /* b->past may be another */

/* ---- bus-job.c: of a modem, too ---- */

void bus_get_waits(const void *modem, struct bus_value *ret);
void bus_get_due(const void *modem, struct bus_value *ret);
