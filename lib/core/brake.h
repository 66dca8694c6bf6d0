/*
 * brake - do upgraded modems behave worse than those that are not upgraded yet, before anything counts as a failure?
 *
 * Of each figure it keeps the newest values of both kinds. It stops when the medians are so far apart as the rules say
 * (one modem in a cellar is no anomaly, half of them are), and when that is no accident of small numbers: the rank sum of
 * Mann and Whitney is three standard deviations from what it would be among equals. So an innocent fleet, looked at after
 * every modem, is stopped in less than one of a hundred campaigns; against 20 values that are known before, five bad ones
 * are enough. Figures are such that more is worse. It is plain data; zeroed: nothing is known.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BRAKE_VALUES 64 /* of one kind; of more the newest */

enum brake_figure {
	BRAKE_RETURN, /* how long a modem is gone to install, in milliseconds: compared as a ratio */
	BRAKE_SIGNAL, /* attenuation in dB (RSSI without its sign): compared as a difference */
	_BRAKE_MAX,
};

struct brake_rules {
	unsigned return_percent; /* upgraded modems take so much of the others' time, or more; 0: not looked at */
	unsigned signal_db;      /* they hear so much less, or even less; 0: not looked at */
	unsigned after;          /* values of each kind; below that nothing is judged */
};

struct brake_values {
	uint32_t of[BRAKE_VALUES];
	uint32_t n; /* so many came */
};

struct brake {
	struct brake_values values[_BRAKE_MAX][2]; /* 0: not upgraded yet */
};

void brake_note(struct brake *brake, enum brake_figure figure, bool upgraded, uint32_t value);

/* What upgraded modems showed counts no more. */
void brake_forgive(struct brake *brake);

/* How many values are kept. */
unsigned brake_count(const struct brake *brake, enum brake_figure figure, bool upgraded);

/* Of an even number the lower of the two in the middle; 0: there are none. */
uint32_t brake_median(const struct brake *brake, enum brake_figure figure, bool upgraded);

/* Is this figure a reason to stop? */
bool brake_judge(const struct brake *brake, const struct brake_rules *rules, enum brake_figure figure);
