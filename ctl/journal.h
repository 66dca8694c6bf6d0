/*
 * journal - the last lines about a modem, by sd-journal; of this machine only.
 */
#pragma once

#include <jansson.h>

#include "ctl/ctl.h"

/*
 * Oldest first: [{"time", "priority", "message"}]. NULL: there is no journal that we may read; ret_why says so, with what to
 * do about it (a constant).
 */
json_t *journal_lines(const char *field, const char *value, unsigned lines, const char **ret_why);

/* As journalctl prints them. */
void journal_print(const struct ctl *ctl, const json_t *lines);
