/*
 * scenario - the modems of a bench, their faults, and the packages of an offline server, as an operator writes them.
 *
 *	# two pumps, one of them with a bad day
 *	default boot-time=1s apply-time=2s
 *	modem pump-01 family=L610 model=L610-CN-62-36 version=16000.1000.00.01.28 imei=861234567890123
 *	modem pump-02 family=NL668
 *	fault pump-01 stall percent=42 times=1
 *	fault * chunks
 *	package 28-30.bin model=L610-CN from=16000.1000.00.01.28 to=16000.1000.00.01.30 size=700000
 *
 * One statement a line; '#' begins a comment; a value with spaces stands in double quotes.
 *
 * default KEY=VALUE...        for the modems that follow
 * modem NAME KEY=VALUE...     a modem. family= (L610, NL668, NL652, NL668-old; first, the other keys override what it
 *                             brings), model=, version=, imei=, seed=, resets=, percent-step=, package-max= (bytes, 0:
 *                             any), callbreak=, gprsfirst= (as they stand at power-up), cell= (TAC-CI: AT+CEREG? names
 *                             this serving cell), and times: boot-time=, apply-time=, answer-time=, text-time=,
 *                             sim-time=, network-time=, pdp-time=, start-time=, verify-time=, give-up-time=
 * fault NAME|* FAULT...       what goes wrong with a modem named before ("*": with all of them); see fake-fault.h and
 *                             fota-sim --list-faults
 * package FILE KEY=VALUE...   with --offline: what a URL or FTP file name that ends in FILE holds. model=, from=, to=
 *                             (all required), size= (bytes, 100000 if not given)
 */
#pragma once

#include <stdio.h>

#include "sim/fake-modem.h"

#define SCENARIO_NAME_MAX   65 /* as fotad names modems, with NUL */
#define SCENARIO_MODEMS_MAX 10000

struct scenario_modem {
	char name[SCENARIO_NAME_MAX];
	struct fake_modem_config config;
};

struct scenario_package {
	char file[256];
	struct fake_package head;
	uint64_t size;
};

struct scenario {
	struct fake_modem_config preset; /* of `default` lines: applied after the family's own */
	uint64_t preset_set;             /* which of them were given */
	struct scenario_modem *modems;
	size_t n_modems;
	struct scenario_package *packages;
	size_t n_packages;
};

void scenario_init(struct scenario *s);
void scenario_done(struct scenario *s);

/* "L610" and so on. -EINVAL. */
int scenario_family(const char *name, enum fake_family *ret);

/* A `default` key from the command line, e.g. "boot-time", "2s". */
int scenario_preset(struct scenario *s, const char *key, const char *value, char *problem, size_t size);

/* Adds a modem as its family makes it. -EEXIST, -EINVAL (the name), -E2BIG, -ENOMEM. */
int scenario_add(struct scenario *s, const char *name, enum fake_family family, struct scenario_modem **ret);

/* Reads a file. -EBADMSG: `FILE:LINE: text` was written to errors, for every problem. */
int scenario_read(struct scenario *s, FILE *file, const char *path, FILE *errors);

/* For the parser: one key of a modem, a modem by name, and the forms that values have. */
int scenario_set(struct fake_modem_config *config, const char *key, const char *value, char *problem, size_t size);
struct scenario_modem *scenario_find(struct scenario *s, const char *name);
int scenario_size(const char *text, uint64_t max, uint64_t *ret);
bool scenario_is_word(const char *text);

/* `, did you mean "..."?` for the nearest name, or nothing. */
void scenario_guess(const char *word, const char *const *names, size_t n, char *ret, size_t size);
