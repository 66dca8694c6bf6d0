/*
 * zone-fixture - time zones for tests that ask no file: by rule, and by changes.
 */
#pragma once

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/civil.h"
#include "core/zone-internal.h"

/* The rules of 2025b. */
#define BERLIN    "CET-1CEST,M3.5.0,M10.5.0/3"
#define NEW_YORK  "EST5EDT,M3.2.0,M11.1.0"
#define LORD_HOWE "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"
#define KATHMANDU "<+0545>-5:45"
#define CHATHAM   "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45"
#define TEHRAN    "<+0330>-3:30"
#define ST_JOHNS  "NST3:30NDT,M3.2.0,M11.1.0"
#define GODTHAB   "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"
#define UTC       "UTC0"

static inline struct zone zone_by_rule(const char *rule)
{
	struct zone zone = { .has_rule = true, .rule_from = INT64_MIN };
	int r = zone_rule_parse(rule, &zone.rule);

	assert(r == 0);
	(void) r;
	return zone;
}

static inline struct zone zone_by_changes(int32_t first, const struct zone_change *changes, size_t n)
{
	return (struct zone){ .changes = changes, .n_changes = n, .first = first, .rule_from = changes[n - 1].at };
}

/* Pacific/Apia: 2011-12-30 was skipped (from -10:00 to +14:00). */
#define APIA_JUMP INT64_C(1325239200)
static const struct zone_change apia_changes[] = {
	{ 1301752800, -11 * 3600 }, { 1316872800, -10 * 3600 }, { APIA_JUMP, 14 * 3600 }, { 1333202400, 13 * 3600 },
};

/* Africa/Casablanca: an hour less in Ramadan, "negative" summer time. */
static const struct zone_change casablanca_changes[] = {
	{ 1740276000, 0 }, { 1743904800, 3600 }, { 1771120800, 0 }, { 1774144800, 3600 },
};

#define APIA       zone_by_changes(-10 * 3600, apia_changes, 4)
#define CASABLANCA zone_by_changes(3600, casablanca_changes, 4)
