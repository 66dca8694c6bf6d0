/*
 * frame - one picture of watch, for a size of the terminal; and the same as lines, where there is none.
 */
#pragma once

#include "ctl/fleet.h"

/* As text, at most so many rows; the caller frees it. only: of this modem or campaign; NULL: everything. */
char *frame_text(const struct ctl *ctl, const struct fleet *fleet, const char *only, size_t columns,
	size_t rows);

/* What a job does, in one line without time; tens of percent, so that a log stays short. The caller frees it. */
char *frame_line(const json_t *job);
