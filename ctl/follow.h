/*
 * follow - the fleet as it changes: asked for once, then kept up to date by the bus's signals.
 */
#pragma once

#include <systemd/sd-event.h>

#include "ctl/fleet.h"

struct follow;

typedef void (*follow_handler)(void *userdata); /* something is different now */

/* Begins; a failure is said. */
enum ctl_exit follow_new(struct ctl *ctl, sd_event *event, follow_handler handler, void *userdata,
	struct follow **ret) MUST_CHECK;
void follow_free(struct follow **follow); /* for CLEANUP */

/* How it stands now; false: fotad is not running. */
bool follow_look(struct follow *follow, struct fleet *ret);
