/*
 * print - what a verb answers: JSON with its version, or lists and tables.
 */
#pragma once

#include <jansson.h>

#include "ctl/fleet.h"

/* Puts the version in front, prints, and releases it. ASCII only, whatever is in it. */
void print_json(const struct ctl *ctl, json_t *object);
/* One object as a line, whatever --json says: for streams. Takes it over; the caller frees what is returned. */
char *json_line(json_t *object);

void print_modems(const struct ctl *ctl, const struct fleet *fleet);
void print_jobs(const struct ctl *ctl, const struct fleet *fleet, bool live_only);
void print_campaigns(const struct ctl *ctl, const struct fleet *fleet);

/* Key by key, for people. */
void print_object(const struct ctl *ctl, const json_t *object);

/* What stands against it and when that ends, or how it ended: "window until Sun 01:00, in 9h". The caller frees it. */
char *note_of(const json_t *modem, const json_t *job);

/* "16000.1000.00.01.28 -> ..29": what runs, and what of the target differs; narrow: only the end. The caller frees it. */
char *versions_of(const struct ctl *ctl, const json_t *modem, const json_t *job, bool narrow);
