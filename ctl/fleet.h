/*
 * fleet - what fotad knows, as the JSON that fotactl promises (conf/fotactl-output.schema.json): modems, campaigns and jobs
 * with stable keys, null where nothing is known, times as RFC 3339. Tables are made from the same.
 */
#pragma once

#include <jansson.h>

#include "ctl/ctl.h"

enum fleet_kind { FLEET_MODEM, FLEET_CAMPAIGN, FLEET_JOB };

struct fleet {
	json_t *daemon;			   /* an object: what the manager says of itself */
	json_t *modems, *campaigns, *jobs; /* arrays, in order of their names, or ids */
};

enum ctl_exit fleet_read(struct ctl *ctl, struct fleet *ret) MUST_CHECK; /* a failure is said */

/* The same in two steps, for who follows the changes: objects is {path: {interface: {property: value}}}. */
enum ctl_exit fleet_ask(struct ctl *ctl, json_t **ret_properties, json_t **ret_objects) MUST_CHECK;
void fleet_build(const json_t *properties, const json_t *objects, struct fleet *ret);

void fleet_clear(struct fleet *fleet); /* for CLEANUP; of what is zeroed too */

/* One object by the name of a modem or campaign, or the id of a job. */
enum ctl_exit fleet_find(
	struct ctl *ctl, const char *name, enum fleet_kind *ret_kind, json_t **ret) MUST_CHECK;

/* What stands for the properties of D-Bus; takes none of them over. */
json_t *fleet_view(enum fleet_kind kind, const json_t *properties);
json_t *fleet_view_daemon(const json_t *properties);
json_t *fleet_view_event(const json_t *event);
json_t *fleet_view_history(const json_t *row);

enum ctl_exit fleet_job(struct ctl *ctl, const char *path, json_t **ret) MUST_CHECK;

/* The job of a modem; NULL: none. */
const json_t *fleet_job_of(const struct fleet *fleet, const json_t *modem);
const json_t *fleet_job_by_id(const struct fleet *fleet, long long id);

/* Values of an object; NULL, 0 or `otherwise` where there is none. */
const char *text_of(const json_t *object, const char *key);
long long number_of(const json_t *object, const char *key, long long otherwise);
bool flag_of(const json_t *object, const char *key);
usec_t when_of(const json_t *object, const char *key);
