/*
 * sim - many fake modems behind pseudo-terminals, in one epoll loop.
 *
 *	sim.c         the loop, one heap of deadlines, what a modem's effects mean here
 *	sim-port.c    pseudo-terminals and their links
 *	download.c    real transfers; synthetic ones are in sim-offline.c
 *	transcript.c  every line and port event, with its time
 *	truth.c       what really happened, as JSON
 */
#pragma once

#include <limits.h>
#include <stdio.h>
#include <sys/types.h>

#include "sim/download.h"
#include "sim/fake-modem-internal.h"
#include "sim/scenario.h"

#define SIM_OUT_MAX   4096 /* what the kernel did not take yet */
#define SIM_INPUT_MAX 4096 /* of one read */
#define SIM_LINE_MAX  1100 /* of a line in the transcript; the longest legal one has 1043 */

struct sim_options {
	const char *directory;
	const char *transcript, *truth; /* NULL: none */
	bool offline, show_secrets;
	usec_t offline_time; /* of a synthetic download */
	char version_to[VERSION_MAX]; /* of a synthetic package without `package` lines; "": the last group plus one */
	uint64_t rate;
	mode_t mode; /* of the terminals; 0: the system's */
};

struct sim_line {
	char text[SIM_LINE_MAX];
	size_t size;
};

struct sim_modem {
	const char *name;
	struct fake_modem fake;

	int fd;       /* the master; -1: the port is gone */
	unsigned number;
	bool host_open, checked, blocked;
	unsigned opened, not_raw;
	char out[SIM_OUT_MAX];
	size_t out_size, out_done;

	usec_t due;
	size_t heap; /* index + 1; 0: not in it */

	struct download *download;
	const struct scenario_package *package; /* of a synthetic download */
	bool synthetic;
	usec_t begun;
	uint64_t size;

	struct sim_line in, sent; /* for the transcript */
	enum fake_state state;    /* as it was noted last */
	char version[VERSION_MAX];
};

struct sim {
	const struct sim_options *options;
	const struct scenario *scenario;
	struct sim_modem *modems;
	size_t n_modems;
	int epoll, signals;
	struct downloads *downloads; /* NULL: offline */
	struct sim_modem **heap;     /* by .due, the earliest first */
	size_t n_heap;
	FILE *transcript;
	bool quit;
};

int sim_new(const struct sim_options *options, const struct scenario *scenario, struct sim **ret);
struct sim *sim_free(struct sim *sim);
int sim_run(struct sim *sim); /* until SIGTERM or SIGINT */
usec_t sim_now(void);         /* CLOCK_BOOTTIME */
void sim_schedule(struct sim *sim, struct sim_modem *modem, usec_t due);

/* sim-port.c */
int sim_port_make(struct sim *sim, struct sim_modem *modem, bool renumber);
void sim_port_close(struct sim *sim, struct sim_modem *modem);
bool sim_port_is_open(struct sim_modem *modem); /* asks the kernel */
void sim_port_drop_unread(struct sim_modem *modem);
ssize_t sim_port_read(struct sim_modem *modem, char *ret, size_t size);
void sim_port_flush(struct sim *sim, struct sim_modem *modem);
bool sim_port_is_raw(struct sim_modem *modem);

/* sim-offline.c */
void sim_offline_begin(struct sim *sim, struct sim_modem *modem, const struct gtota_request *request, usec_t now);
void sim_offline_run(struct sim *sim, struct sim_modem *modem, usec_t now);
usec_t sim_offline_deadline(const struct sim *sim, const struct sim_modem *modem, usec_t now);

/* transcript.c; do nothing without a transcript */
void transcript_in(struct sim *sim, struct sim_modem *modem, const char *data, size_t size, usec_t now);
void transcript_out(struct sim *sim, struct sim_modem *modem, const char *data, size_t size, usec_t now);
void transcript_event(struct sim *sim, struct sim_modem *modem, usec_t now, const char *format, ...) PRINTF_LIKE(4, 5);
size_t transcript_mask(char *ret, size_t size, const char *line, size_t n); /* secrets become *** */

/* truth.c */
int truth_write(struct sim *sim, const char *path);
