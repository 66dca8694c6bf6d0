/*
 * fake-modem - one module as a pure object: bytes, time and download results in; bytes and effects out.
 *
 * The same object stands in the in-process simulation (virtual clock, pure downloads) and behind the
 * pseudo-terminals of fota-sim (real HTTP and FTP downloads). It is as faithful as protocol section 12 asks
 * for, and it is the judge: its own counters (struct fake_modem_truth), never the daemon's word, say what happened.
 * As core: no clock, no I/O, no allocation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"
#include "core/gtota.h"
#include "core/identity.h"

#define FAKE_MODEM_OUTPUT_MAX 8192
#define FAKE_MODEM_FAULTS_MAX 8

enum fake_family { FAKE_L610, FAKE_NL668, FAKE_NL652, FAKE_NL668_OLD /* needs MIPCALL */ };

/* What goes wrong, when, with what parameter. The table of names and parameters is in fake-fault.h. */
#include "sim/fake-fault.h"

struct fake_modem_config {
	enum fake_family family;
	char model[MODEL_MAX];
	char version[VERSION_MAX]; /* at first power-up */
	char imei[IMEI_SIZE];
	uint64_t seed;             /* of every random choice: chunking, moments, orders */
	struct fake_fault faults[FAKE_MODEM_FAULTS_MAX];
	size_t n_faults;
	usec_t boot_time;          /* a restart until the first boot text */
	usec_t apply_time;         /* per reset while a package is applied */
	unsigned resets;           /* during apply: 1 or 2 (L610: at least 2) */
	bool keep_port;            /* the port survives restarts (a UART) */

	usec_t answer_time;        /* a command line until its answer; 0: at once */
	usec_t text_time;          /* the port's return until the boot text */
	usec_t sim_time;           /* boot until the SIM is READY */
	usec_t network_time;       /* boot until it is registered; half of it without searching */
	usec_t pdp_time;           /* OK of MIPCALL until the address */
	usec_t start_time;         /* OK of GTOTA until START */
	usec_t verify_time;        /* COMPLETE until it restarts by itself */
	usec_t give_up_time;       /* a download that stalls until the module forgets it, silently */
	int percent_step;          /* of DOWNLOADING reports; 0: 1 */
	uint64_t package_max;      /* bytes; a larger package fails; 0: no limit */
	int callbreak, gprsfirst;  /* as they stand in NV at first power-up */
	char cell[CELL_MAX];       /* "TAC-CI": it names this serving cell (+CEREG with <n> 2); "": it does not */
};

/*
 * A module as it leaves the factory, number `index` of its kind: model, version, IMEI with its check digit, short
 * waits, no fault.
 */
void fake_modem_defaults(struct fake_modem_config *ret, enum fake_family family, unsigned index);

enum fake_state { FAKE_OFF, FAKE_BOOTING, FAKE_RUNNING, FAKE_APPLYING, FAKE_DEAD };

/* What really happened. The tests judge by this alone. */
struct fake_modem_truth {
	unsigned gtota_received;     /* well-formed +GTOTA= set commands */
	unsigned gtota_malformed;    /* set commands that the guides forbid: must be 0 */
	unsigned gtota_accepted;     /* answered OK */
	unsigned gtota_while_busy;   /* arriving while it downloads, holds or applies a package: must be 0 */
	unsigned bytes_while_applying; /* received between COMPLETE and the end of apply */
	unsigned commands_while_downloading;
	unsigned downloads_started, downloads_completed, downloads_failed, packages_applied;
	unsigned restarts;
	bool callbreak_at_start;     /* CALLBREAK was 1 when +GTOTA= was accepted */
	bool pdp_at_start;
	int callbreak, gprsfirst, rat; /* as they stand now in NV */
	bool pdp_active;
	unsigned settings_before_identity; /* commands other than AT, CGMI, CGMM, CGMR, CGSN, ATI before IMEI was asked */
	unsigned starts_without_callbreak, starts_without_pdp; /* accepted +GTOTA= so far, of all attempts */
	usec_t gtota_last;           /* when the last well-formed +GTOTA= arrived; 0: never */
	usec_t gtota_gap_min;        /* shortest time between two without restart or FAILED between; 0: none */
	unsigned resets_commanded;   /* AT+CFUN=15 or =1,1 */
	unsigned resets_while_busy;  /* of them while it downloads or applies: must be 0 */
	unsigned commands;           /* command lines that begin with AT */
	unsigned commands_unknown;   /* commands it does not have, and lines over its limit */
	uint64_t bytes_while_executing; /* received before the final result of the command before */
	uint64_t output_lost;        /* bytes, while the host had the port closed or it was gone */
	unsigned reports_dropped;    /* URCs beyond what is held during a command */
	unsigned faults_fired[FAKE_MODEM_FAULTS_MAX];
};

enum fake_effect_type {
	FAKE_EFFECT_NONE,
	FAKE_EFFECT_PORT_LOST,   /* the tty vanishes: hang up, drop pending output */
	FAKE_EFFECT_PORT_BACK,   /* it appears again; renumber: under another name */
	FAKE_EFFECT_DOWNLOAD,    /* begin to fetch `request`; report by fake_modem_downloaded() */
	FAKE_EFFECT_ABORT,       /* stop fetching */
};

struct fake_effect {
	enum fake_effect_type type;
	bool renumber;
	struct gtota_request request; /* fields owned by the modem until the next command */
};

/*
 * A package file, as the simulator's server holds it: one text line "FOTAD-PACKAGE model from to\n" and then filler of
 * any length. A module applies it only when `from` equals the version it runs (or "*") and `model` is its model or
 * the leading parts of it.
 */
#define FAKE_PACKAGE_HEAD_MAX 256 /* as many bytes as fake_modem_downloaded() wants to see */

struct fake_package {
	char model[MODEL_MAX], from[VERSION_MAX], to[VERSION_MAX];
};
int fake_package_parse(const char *head, size_t size, struct fake_package *ret); /* -EBADMSG */

struct fake_modem; /* the struct is in fake-modem-internal.h, so that it can be embedded */

/* Running, SIM ready and registered at once, as a module that has been up for a while; echo on, errors off. */
void fake_modem_power_on(struct fake_modem *m, const struct fake_modem_config *config, usec_t now);

/* Is the host's end of the port open? While it is not, output is lost as on a real USB port (operations, F12). */
void fake_modem_host_open(struct fake_modem *m, bool open, usec_t now);

void fake_modem_input(struct fake_modem *m, const char *data, size_t size, usec_t now);

/* Download news: received of total bytes so far (total 0: unknown). */
void fake_modem_download_progress(struct fake_modem *m, uint64_t received, uint64_t total, usec_t now);
/* The end: error 0 and the package's head, or a negative errno (-ENOENT 404, -EACCES login, -EIO broken). */
void fake_modem_downloaded(struct fake_modem *m, int error, const char *head, size_t size, usec_t now);

usec_t fake_modem_deadline(const struct fake_modem *m);
void fake_modem_advance(struct fake_modem *m, usec_t now);

/* The next effect, in order; FAKE_EFFECT_NONE: no more now. */
struct fake_effect fake_modem_effect(struct fake_modem *m);

/* What it writes now, 0: nothing now; honours chunking: one call gives one chunk. Call after each of the above. */
size_t fake_modem_output(struct fake_modem *m, char *ret, size_t size, usec_t now);

/*
 * What a module at rest takes along through being switched off, for who keeps more modules than he has memory for: at
 * rest nothing is to come from it by itself, and it is as it is after power-on.
 */
struct fake_memory {
	char imei[IMEI_SIZE], version[VERSION_MAX];
	uint64_t random, chunk_random;
	unsigned occasions[FAKE_MODEM_FAULTS_MAX], fired[FAKE_MODEM_FAULTS_MAX];
	unsigned packages_applied;
};
bool fake_modem_rests(const struct fake_modem *m);
void fake_modem_remember(const struct fake_modem *m, struct fake_memory *ret);
void fake_modem_wake(struct fake_modem *m, const struct fake_modem_config *config, const struct fake_memory *memory,
	usec_t now);

enum fake_state fake_modem_state(const struct fake_modem *m);
const char *fake_modem_version(const struct fake_modem *m);
const char *fake_modem_imei(const struct fake_modem *m);
const struct fake_modem_truth *fake_modem_truth(const struct fake_modem *m);
