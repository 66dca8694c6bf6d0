/*
 * config - the operator's wish, parsed once, at the edge, into types. After this file nobody sees JSON.
 *
 * Strict JSON (jansson), `$schema` and `$comment` allowed anywhere; FILE and then conf.d/ *.json beside it in lexical
 * order: lists concatenate, objects merge per key with the later winning, a name defined twice is an error naming both
 * files (conduct 22). Every problem of every file is reported in one run.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/campaign.h"
#include "core/opening.h"
#include "core/package.h"
#include "core/profile.h"
#include "core/upgrade.h"

#define CONFIG_FILE_MAX      (16 * 1024 * 1024) /* bytes of one file */
#define CONFIG_MODEMS_MAX    4096
#define CONFIG_PACKAGES_MAX  65536
#define CONFIG_CAMPAIGNS_MAX 1024
#define CONFIG_DEPTH_MAX     16                 /* nesting; the deepest legal path has 6 */

struct config_modem {
	char name[NAME_MAX_SIZE];
	const char *port;      /* as written; "/..." */
	const char *imei;      /* NULL: any */
	unsigned baud_rate;    /* 115200 when not given */
	const char *profile;   /* row name, or NULL for "auto" */
	const char *const *groups; /* sorted */
	size_t n_groups;
	struct apn apn;
	bool uplink;           /* carries the gateway's own connection */
};

struct config_retry {
	unsigned attempts; /* 1 to 100, default 3 */
	usec_t delay;      /* default 15min */
	usec_t max_delay;  /* default 4h */
	uint64_t max_bytes; /* of all attempts of a job together; 0: any number */
};

/* Is what the server serves compared with the package, before a wave? */
enum fetch_policy {
	FETCH_OFF,
	FETCH_TRY,     /* what differs halts the campaign; what nobody can fetch from here is only said */
	FETCH_REQUIRE, /* both halt it */
};

struct config_campaign {
	char name[NAME_MAX_SIZE];
	bool all;                  /* "modems" not given: every modem */
	const char *const *groups; /* "modems": { "groups": [...], "names": [...] }; both sorted */
	size_t n_groups;
	const char *const *names;
	size_t n_names;
	char target[VERSION_MAX];
	int priority;              /* higher first, -1000 to 1000, default 0 */
	unsigned max_parallel;     /* 0: only limits.max_parallel counts */
	struct opening_rules when;
	struct config_retry retry;
	struct requirement require;
	enum rat_policy rat;
	enum upgrade_check check;
	struct campaign_rules rules; /* waves, halt, brake */
	bool uplink_confirmed;
	enum fetch_policy fetch;
};

/* How many modems of a group at the same time. */
struct config_limit {
	const char *group;
	unsigned limit;
};

/* Numbers for Prometheus. */
struct config_metrics {
	const char *textfile; /* NULL: none */
	usec_t period;        /* default 30s */
	bool per_modem;
};

struct config {
	unsigned max_parallel;     /* limits.max_parallel, default 8 */
	unsigned per_cell;         /* limits.per_cell; 0: any number */
	struct config_limit *per_group; /* limits.per_group, in the order of their names */
	size_t n_per_group;
	struct config_modem *modems;
	size_t n_modems;
	struct package *packages;
	size_t n_packages;
	struct config_campaign *campaigns;
	size_t n_campaigns;
	struct profile *profiles;  /* resolved copies of all rows, in profile_at()'s order */
	size_t n_profiles;
	struct config_metrics metrics;
	struct zone *zones;        /* of all windows, each once */
	size_t n_zones;
	struct timeouts timeouts;  /* for a modem not yet identified: built-in values under `timeouts` */
	void *arena;               /* owns every string above */
};

/* Problems, one per line: `FILE:LINE:COL: text` (syntax) or `FILE: /modems/3/port: text` (meaning), errors and warnings. */
struct config_problems {
	char **errors;
	size_t n_errors;
	char **warnings;
	size_t n_warnings;
};
void config_problems_done(struct config_problems *problems);

/*
 * Reads path and its conf.d; each file says "version": 1. On errors -EBADMSG with ret_problems filled and *ret
 * untouched; warnings are filled on success too. -ENOMEM, with neither. credentials_directory ($CREDENTIALS_DIRECTORY, or NULL): to warn about credentials that are not there.
 */
int config_load(const char *path, const char *credentials_directory, struct config **ret,
	struct config_problems *ret_problems);
struct config *config_free(struct config *config);

/* The campaign of highest priority that this modem belongs to, or NULL (conduct 20). */
const struct config_campaign *config_campaign_of(const struct config *config, const struct config_modem *modem);

/* What a campaign makes of a package for a modem (the caller adds passwords of credentials), and its jobs' rules (no seed). */
void config_task(const struct config_campaign *campaign, const struct config_modem *modem, const struct package *package,
	struct upgrade_task *ret);
struct job_rules config_job_rules(const struct config_campaign *campaign);

/* The resolved copy of a profile row. */
const struct profile *config_profile(const struct config *config, const struct profile *row);

/*
 * Reads a credential: one final newline dropped, at most GTOTA_FIELD_MAX bytes. -ENOENT, -EMSGSIZE, -EINVAL (empty, or
 * what a GTOTA field may not hold), or open()'s and read()'s errors. The caller wipes ret.
 */
int config_credential(const char *directory, const char *name, char ret[static GTOTA_FIELD_MAX + 1]);

/* The JSON Schema of a file, from the parser's tables: conf/fotad.schema.json. -EIO. */
int config_write_schema(FILE *file);
