/*
 * frame - one picture of watch, for a size of the terminal; and the same as lines, where there is none.
 */
#pragma once

#include "ctl/fleet.h"

struct frame {
	const struct ctl *ctl;
	const struct fleet *fleet;
	const char *only;     /* of this modem or campaign; NULL: everything */
	size_t columns, rows; /* of the terminal */
	json_t *seen; /* an object, kept from picture to picture: when each download was where */
};

/* As text, at most so many rows; the caller frees it. */
char *frame_text(const struct frame *f);

/* What a job does, in one line without time; tens of percent, so that a log stays short. The caller frees it. */
char *frame_line(const json_t *job);
