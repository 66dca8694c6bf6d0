/*
 * site - what doctor needs of the configuration: which ports, credentials and servers it names. Whether it is right is for
 * fotad --check-config; what cannot be read is left out here.
 */
#pragma once

#include <jansson.h>

struct site {
	json_t *modems;	     /* [{"name", "port"}] */
	json_t *credentials; /* {NAME: true} */
	json_t *servers;     /* {"HOST:PORT": true} */
	json_t *fetches;     /* {CAMPAIGN: "try" | "require"} */
};

/* file, and conf.d beside it. */
void site_read(const char *file, struct site *ret);
void site_clear(struct site *site); /* for CLEANUP */
