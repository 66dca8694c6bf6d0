/*
 * evidence - what proves an attempt's verdict, collected while it goes on.
 *
 *      upgrade --> evidence --evidence_text()--> one sentence for people
 *                           --evidence_encode()--> "reports=101 silence=1200000 ..." --evidence_decode()--> evidence
 *
 * It is plain data. Times are durations: "since the start" counts from the start line, so that a stored one still means
 * something in another boot. After a restart of fotad it goes on, and says so (`lives`).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"
#include "core/identity.h"

#define EVIDENCE_SILENT      (-2) /* asked, and not answered */
#define EVIDENCE_PHASES      5   /* as enum upgrade_phase */
#define EVIDENCE_TEXT_MAX    640
#define EVIDENCE_ENCODED_MAX 832

struct evidence {
	char before[VERSION_MAX]; /* version before the start */
	char after[VERSION_MAX];  /* version read last, after it; "": none was read */
	uint32_t reports;         /* GTOTA reports */
	int first_percent, last_percent; /* -1: none */
	usec_t silence;           /* the longest without a report or a port event, as they are read: of a slow download each second */
	uint32_t lost, returned, booted; /* port events; boot text */
	uint32_t lives;           /* of fotad, after the first */
	int cme;                  /* -1: none */
	usec_t phases[EVIDENCE_PHASES]; /* how long each took */
	uint32_t reads;           /* of the version */
	usec_t first_read, last_read; /* since the start: those that show `after`, without a port event between */
	/* Of the service check, as answered last: <stat> of +CEREG and +CGREG, and the data connection (1: up). */
	int eps, gprs, pdp;       /* -1: not asked; or EVIDENCE_SILENT */
	int rssi_before, rssi_after; /* what it heard (+CSQ) before the start and in the service check, dBm below 0; -1: not known */
	usec_t since, heard;      /* CLOCK_BOOTTIME: of the phase; of the last sign */
	usec_t paced;             /* CLOCK_BOOTTIME: of the first percent, or of this life */
};

void evidence_begin(struct evidence *e, const char *before, usec_t now);
void evidence_resume(struct evidence *e, usec_t now); /* in another life of fotad */
void evidence_phase(struct evidence *e, int phase, usec_t now); /* this phase ends now */
void evidence_start(struct evidence *e, usec_t now); /* the start line: silences count from here */
void evidence_report(struct evidence *e, int percent, usec_t now); /* -1: it has none */
usec_t evidence_rest(const struct evidence *e, usec_t now); /* of the download, by its pace so far: a guess */
void evidence_event(struct evidence *e, uint32_t *count, usec_t now); /* count: e's lost, returned or booted */
void evidence_read(struct evidence *e, const char *version, usec_t since_start, int anew);
void evidence_asked(int *state); /* state: e's eps, gprs or pdp */
void evidence_end(struct evidence *e, int phase, int cme, usec_t now);

/* For people; ret is always filled. */
const char *evidence_text(const struct evidence *e, char ret[static EVIDENCE_TEXT_MAX]);

/* For the store. Decoding takes what it knows and passes over the rest; -EINVAL: it is none. */
const char *evidence_encode(const struct evidence *e, char ret[static EVIDENCE_ENCODED_MAX]);
int evidence_decode(const char *text, struct evidence *ret);
