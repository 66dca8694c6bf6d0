/*
 * doctor - what is wrong on this machine, from the unit to the server, each with how to mend it. Looks only: opens no port,
 * sends nothing to a modem.
 */
#pragma once

#include "ctl/fleet.h"
#include "ctl/site.h"

enum finding { FINDING_GOOD, FINDING_WARNING, FINDING_WRONG, FINDING_UNKNOWN };

struct doctor {
	struct ctl *ctl;
	const char *config;
	struct site site;
	json_t *unit; /* properties of fotad.service; NULL: no systemd says */
	struct fleet fleet;
	bool running; /* fotad answers on the bus */
	json_t *findings;
	unsigned wrong, warnings;
};

/* mend: NULL with what is good. Texts are copied. */
void doctor_say(struct doctor *d, enum finding finding, const char *check, const char *subject,
	const char *mend, const char *format, ...) PRINTF_LIKE(6, 7);

void doctor_service(struct doctor *d);	     /* unit, bus, clock, state */
void doctor_configuration(struct doctor *d); /* as fotad --check-config says */
void doctor_credentials(struct doctor *d);
void doctor_ports(struct doctor *d);
void doctor_servers(struct doctor *d);
void doctor_fetch(struct doctor *d); /* where campaigns want their packages to be compared */
