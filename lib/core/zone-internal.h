/*
 * zone-internal - the rule at the end of a zone: for lib/core/zone*.c alone.
 */
#pragma once

#include "core/zone.h"

#define ZONE_RULE_MAX 127 /* bytes of a footer; the longest in use has 31 */

/* "CET-1CEST,M3.5.0,M10.5.0/3". -EBADMSG. */
int zone_rule_parse(const char *text, struct zone_rule *ret);

void zone_rule_span(const struct zone_rule *rule, int64_t at, struct zone_span *ret);
