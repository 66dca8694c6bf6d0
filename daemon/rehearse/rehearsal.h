/*
 * rehearsal - a campaign before it is run: the real configuration, schedule and procedure against simulated modems, on a
 * virtual clock. It opens no port and no store, and reads no clock.
 *
 *      configuration, options --rehearsal_new()--> fleet
 *      fleet --rehearsal_run()--> attempts, openings, what the campaigns did
 *      those --rehearsal_bound()--> the best that could have been
 *      all of it --rehearsal_print(), rehearsal_print_json()--> text
 *
 * What is real: every attempt is a dialogue (core) with a fake modem, byte by byte; who goes next, waves, halts, windows
 * and retries are those of core, as in the daemon. What is simulated: modules, their network and the server. A download
 * comes in hundredths, one after the other through what is shared (a pipe each: all together, a cell), so that no pipe
 * carries more than it can. A save is durable at once. The same options give the same night.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "core/civil.h"
#include "core/share.h"
#include "io/config.h"
#include "sim/scenario.h"

#define REHEARSAL_MODEMS_MAX 1000000
#define REHEARSAL_FAULTS_MAX 16
#define REHEARSAL_RECORDED_MAX 64

/* So many of the modems have a fault: a given one, or one that the seed draws from a list. */
struct rehearsal_fault {
	struct share share;
	bool given;
	struct fake_fault fault;
};

/* A modem as in a bundle: the rest of it is in the scenario. */
struct recorded {
	char name[SCENARIO_NAME_MAX];
	usec_t percent_time; /* a hundredth of a package; 0: not known */
};

struct rehearsal_options {
	uint64_t seed;
	usec_t from, until;       /* CLOCK_REALTIME */
	size_t modems;            /* the configured ones, again and again; 0: each once */
	uint64_t rate;            /* bytes a second of a module by itself; a quarter more or less, by the seed */
	uint64_t bandwidth;       /* ... of all together; 0: no limit */
	unsigned cells;           /* that the modems are in; 0: nobody knows */
	uint64_t cell_bandwidth;  /* bytes a second of a cell; 0: no limit */
	struct rehearsal_fault faults[REHEARSAL_FAULTS_MAX];
	size_t n_faults;
	struct recorded recorded[REHEARSAL_RECORDED_MAX];
	size_t n_recorded;
	const struct scenario *scenario; /* modules as they are there; NULL: none */
	bool full;                /* every attempt is printed */
};

struct rehearsal;

/* Adds the modem of a bundle to a scenario. -EBADMSG, -EEXIST and others: said to errors. */
int recorded_add(struct scenario *s, const char *path, struct recorded *ret, FILE *errors);

/* Before a scenario is read: what it leaves open is as in the field, not as short as in fota-sim. */
void rehearsal_preset(struct scenario *s);

/* -ENOMEM. What is given outlives it. */
int rehearsal_new(const struct config *config, const struct rehearsal_options *options, struct rehearsal **ret);
struct rehearsal *rehearsal_free(struct rehearsal *r); /* NULL is fine; returns NULL */

int rehearsal_run(struct rehearsal *r); /* -ENOMEM */

/* Does every modem of every campaign run its target? */
bool rehearsal_is_done(const struct rehearsal *r);

void rehearsal_print(const struct rehearsal *r, FILE *file);
void rehearsal_print_json(const struct rehearsal *r, FILE *file);

/* fotad --rehearse: is it asked for? The exit code. */
bool rehearse_is_wanted(int argc, char **argv);
int rehearse_main(int argc, char **argv, const char *config_path);
