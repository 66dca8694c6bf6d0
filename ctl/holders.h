/*
 * holders - who else has a port of this machine open: by lock files, by /proc (root sees everybody's), by ModemManager's own
 * word.
 */
#pragma once

#include <jansson.h>

#include "ctl/ctl.h"

/*
 * "agetty (process 512)" for the first process, not this one, that has the port open or holds its lock file; NULL: nobody that
 * we can see. The caller frees it. path is /dev/..., resolved.
 */
char *holder_of(const char *path);
bool holders_are_visible(void); /* to this user: of everybody */

/* The USB devices (as paths in /sys) that ModemManager works with, as an array; NULL: it does not run, or nobody says. */
json_t *modem_manager_devices(struct ctl *ctl);
