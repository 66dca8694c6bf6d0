/*
 * link - the bus: the connection by the options, calls of org.fotad1, and what an error means for an operator.
 */
#pragma once

#include <jansson.h>

#include "ctl/ctl.h"

#define FOTAD_NAME     "org.fotad1"
#define FOTAD_ROOT     "/org/fotad1"
#define FOTAD_MANAGER  "org.fotad1.Manager"
#define FOTAD_MODEM    "org.fotad1.Modem"
#define FOTAD_CAMPAIGN "org.fotad1.Campaign"
#define FOTAD_JOB      "org.fotad1.Job"

/* Connects, once; a failure is said. */
enum ctl_exit link_open(struct ctl *ctl) MUST_CHECK;

/* Connects, or not, without a word: for who can do without. */
bool link_try(struct ctl *ctl);
bool link_is_on_bus(
	struct ctl *ctl, const char *name); /* is somebody's name, now; needs the connection */

/* Says what went wrong while `doing` ("start pump-07") and what to do next; the exit code that stands for it. */
enum ctl_exit link_complain(
	const struct ctl *ctl, const char *doing, const sd_bus_error *error, int r);
enum ctl_exit link_exit_code(const sd_bus_error *error, int r);

/* "systemctl start fotad", on the machine that is meant. The buffer is returned. */
#define ADVICE_MAX 256
const char *link_systemctl(const struct ctl *ctl, char buffer[static ADVICE_MAX], const char *verb);

/* Calls a method of the manager. A failure is said, as above. */
enum ctl_exit link_call(struct ctl *ctl, const char *doing, const char *method,
	sd_bus_message **ret, const char *types, ...) MUST_CHECK;

/* Calls a method of any object that answers with one value; NULL: said. */
json_t *link_ask(struct ctl *ctl, const char *doing, const char *path, const char *interface,
	const char *method, enum ctl_exit *ret, const char *types, ...);

/* The properties of one object; NULL: said. */
json_t *link_properties(
	struct ctl *ctl, const char *path, const char *interface, enum ctl_exit *ret);

/* The next argument of a message as JSON (variants as what they hold, dictionaries as objects); NULL: there is none. */
json_t *link_json(sd_bus_message *message);
