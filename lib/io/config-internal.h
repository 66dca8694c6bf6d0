/*
 * config-internal - how a configuration comes about; for lib/io/config*.c alone.
 *
 *   files --config-file--> JSON --config-parse, by the tables of config-fields--> drafts
 *         --config--> struct config --config-check*--> problems, or the configuration
 *
 * One table row per key drives parsing and the schema, so that neither can know a key that the
 * other does not. A draft is what one list item gave, and where it stood; it lives until the
 * configuration is made.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "io/config.h"

#define CONFIG_VERSION 1
#define CONFIG_POINTER_MAX                                                                         \
	1280 /* bytes of a JSON Pointer in a message: CONFIG_DEPTH_MAX + 1 shortened keys */
#define CONFIG_PROBLEMS_MAX 1000 /* of one severity; the rest is counted */
#define CONFIG_FILES_MAX    1024 /* in conf.d */
#define CONFIG_GROUPS_MAX   64	 /* of one modem */
#define CONFIG_SELECT_MAX   4096 /* names or groups in one campaign */
#define CREDENTIAL_MAX	    255	 /* NAME_MAX: it is a file name */
#define APN_MAX		    100	 /* 3GPP TS 23.003, 9.1 */

struct json_t;

/* ---- the tables (config-fields.c) ---- */

enum field_kind {
	FIELD_COMMENT, /* a string or a list of strings, not kept */
	FIELD_STRING,
	FIELD_INTEGER,
	FIELD_NUMBERS, /* an integer of a list */
	FIELD_BOOLEAN,
	FIELD_DURATION,
	FIELD_WORD,    /* a string of a list */
	FIELD_STRINGS, /* a list of different strings; kept sorted */
	FIELD_SECRET,  /* a string, or { "credential": NAME } */
	FIELD_OBJECT,
	FIELD_LIST,	   /* of objects, each a draft */
	FIELD_ITEMS,	   /* of objects, kept in the arena; size is that of one */
	FIELD_FLAGS,	   /* a list of different words; their values together */
	FIELD_TIME,	   /* "HH:MM": minutes */
	FIELD_INSTANT,	   /* RFC 3339: CLOCK_REALTIME */
	FIELD_SHARE,	   /* "5" or "10%" */
	FIELD_COUNTS,	   /* from a name to an integer: struct config_limit, sorted */
	FIELD_MAP,	   /* from a profile's name to an object */
};

enum field_form {
	FORM_NAME,
	FORM_PORT,
	FORM_PROM,
	FORM_IMEI,
	FORM_PROFILE,
	FORM_MODEL,
	FORM_VERSION,
	FORM_SHA256,
	FORM_APN,
	FORM_TEXT,
	FORM_CREDENTIAL,
	FORM_HTTP_URL, /* judged by gtota_check(), like the next */
	FORM_GTOTA,
	FORM_ZONE,
};

/* What a string must look like, for the program, for the schema and for people. */
struct form {
	const char *expected;
	const char *pattern; /* ECMA 262, as JSON Schema wants it */
	bool (*fits)(
		const char *text, size_t n); /* NULL: a later check judges it, length included */
};

struct word {
	const char *text; /* NULL ends the list */
	unsigned value;
	bool unsupported;
};

enum config_list { LIST_MODEMS, LIST_PACKAGES, LIST_CAMPAIGNS, _LIST_MAX };

struct field {
	const char *key; /* NULL ends the table */
	enum field_kind kind;
	enum field_form form;
	bool required;
	bool inverted;	  /* BOOLEAN: kept as its opposite */
	bool sparse;	  /* OBJECT: what is not given stays as it is */
	size_t offset;	  /* of the value, in the object's base */
	size_t size;	  /* of the value; STRING: 0 is a pointer into the arena */
	size_t other;	  /* STRINGS, ITEMS, COUNTS: of the count; SECRET: of the credential's name */
	size_t given;	  /* of a bool that says whether the key was there; 0: none */
	int64_t min, max; /* value, microseconds, bytes of a string or items of a list */
	const struct word *words;
	const unsigned *numbers; /* 0 ends the list */
	const struct object *object;
	enum config_list list;
	const char *standard; /* the default, as text; NULL: none */
	const char *doc;
};

enum object_rule { RULE_NONE, RULE_EXACTLY_ONE, RULE_AT_LEAST_ONE, RULE_BOTH_OR_NONE };

struct object {
	const struct field *fields;
	enum object_rule rule; /* about the two keys */
	const char *keys[2];
};

/* Allowed in every object. */
extern const struct field config_common_fields[];

/* The only key of an object in the place of a secret; its base is the secret's `other`. */
extern const struct field config_credential_field;

extern const struct object config_root_object;
extern const struct object config_timeouts_object;
const struct form *config_form(enum field_form form);

/* The row of a key, or NULL; without an object the common ones only. */
const struct field *config_field(const struct object *object, const char *key);

/* ---- drafts ---- */

struct origin {
	unsigned file;
	unsigned index; /* in that file's list */
};

struct modem_draft {
	struct origin origin; /* first in every draft */
	struct config_modem modem;
	char profile[NAME_MAX_SIZE];
	bool apn_given;
};

struct package_draft {
	struct origin origin;
	struct package package;
	bool ftp_given;
};

#define WINDOW_NO_TIME (24 * 60 + 1)

struct window_draft {
	unsigned days;	     /* 0: every day */
	unsigned start, end; /* minutes; WINDOW_NO_TIME: none was understood */
	const char *timezone;
};

struct campaign_draft {
	struct origin origin;
	struct config_campaign campaign;
	bool selection_given;
	bool max_delay_given;
	unsigned recover;
	bool halt_after_given;
	const struct window_draft *windows;
	size_t n_windows;
};

struct profile_draft {
	struct timeouts timeouts; /* 0: not given */
	unsigned mipcall, probe;
	bool mipcall_given, probe_given;
};

struct draft_list {
	void *items;
	size_t n, allocated, item_size, max;
};

/* ---- the builder (config-build.c) ---- */

struct problem {
	unsigned file;
	size_t order;
	char *text;
};

struct problem_list {
	struct problem *items;
	size_t n, allocated, dropped;
};

enum severity { SEVERITY_ERROR, SEVERITY_WARNING, _SEVERITY_MAX };

struct arena_chunk;

struct builder {
	unsigned version;
	char **files; /* as shown */
	size_t n_files;
	unsigned file; /* the one being read */
	char pointer[CONFIG_POINTER_MAX];
	size_t pointer_length;
	struct problem_list problems[_SEVERITY_MAX];
	bool out_of_memory; /* sticky: ends as -ENOMEM */
	struct arena_chunk *arena;
	struct draft_list lists[_LIST_MAX];
	unsigned max_parallel;
	unsigned per_cell;
	struct config_limit *per_group;
	size_t n_per_group;
	unsigned clock;
	struct config_metrics metrics;
	struct timeouts timeouts;	/* 0: not given */
	struct profile_draft *profiles; /* in profile_at()'s order */
	size_t n_profiles;
	const char *credentials_directory;
};

int builder_init(struct builder *b, const char *credentials_directory);
void builder_done(struct builder *b);

/* Names the file that the next problems are in. */
int builder_enter_file(struct builder *b, const char *path);

/* A zeroed draft with its origin; NULL: no memory. Moves those before it. */
void *builder_add(struct builder *b, enum config_list list, unsigned index);
struct modem_draft *builder_modem(const struct builder *b, size_t i);
struct package_draft *builder_package(const struct builder *b, size_t i);
struct campaign_draft *builder_campaign(const struct builder *b, size_t i);

/* Where the parser stands. Push returns what pop wants. */
size_t pointer_push(struct builder *b, const char *key);
size_t pointer_push_index(struct builder *b, size_t index);
void pointer_pop(struct builder *b, size_t mark);

/* `FILE: POINTER: text`, at the parser's place; at an item's `suffix`; and a line of its own for
 * the file. */
void problem(struct builder *b, enum severity severity, const char *format, ...) PRINTF_LIKE(3, 4);
void problem_at(struct builder *b, enum severity severity, enum config_list list,
	const struct origin *origin, const char *suffix, const char *format, ...) PRINTF_LIKE(6, 7);
void problem_line(struct builder *b, enum severity severity, const char *format, ...)
	PRINTF_LIKE(3, 4);
bool builder_has_errors(const struct builder *b);
const char *config_list_key(enum config_list list);

/* In order of files; takes the texts. */
int builder_give_problems(struct builder *b, struct config_problems *ret);

void *arena_alloc(struct arena_chunk **arena, size_t size);
void *arena_free(struct arena_chunk *arena);

/* A display copy of at most 80 bytes. */
#define SHOWN_MAX 84
const char *shown(char buffer[static SHOWN_MAX], const char *text);

/* ---- what was meant (config-guess.c) ---- */

/* The words that would be right: begin with `written`, add them all, then ask. */
struct choice {
	const char *written;
	const char *guess; /* the nearest; NULL: none is near */
	size_t distance;
	char known[256];
	char hint[96];
};

void choice_add(struct choice *choice, const char *separator, const char *word);
const char *choice_hint(struct choice *choice); /* `; did you mean "port"?`, or nothing */
void config_unknown_key(struct builder *b, const struct object *object, const char *key);
void config_unknown_profile(struct builder *b, const char *text, bool or_auto);

/* ---- the passes ---- */

/* Reads and parses one file; what is wrong with it becomes problems and *ret NULL. -ENOMEM. */
int config_file_read(struct builder *b, const char *path, struct json_t **ret);

/* The paths of conf.d beside path. -ENOMEM; other failures become problems. */
int config_file_list(struct builder *b, const char *path, char ***ret, size_t *ret_n);

void config_parse(struct builder *b, struct json_t *root);

/* One value that holds no further rows (config-values.c). */
void config_set_defaults(const struct object *object, void *base);
void config_parse_comment(struct builder *b, struct json_t *value);
void config_parse_value(struct builder *b, const struct field *f, struct json_t *value, void *base);
void config_unexpected(struct builder *b, struct json_t *value, const char *expected);
void config_store_number(const struct field *f, void *base, int64_t value);
const struct word *config_find_word(const struct word *words, const char *text);

/* Values that say when (config-times.c). */
void config_parse_flags(struct builder *b, const struct field *f, struct json_t *value, void *base);
void config_parse_time(struct builder *b, const struct field *f, struct json_t *value, void *base);
void config_parse_instant(
	struct builder *b, const struct field *f, struct json_t *value, void *base);

/* Values that say how many (config-shares.c). */
void config_parse_share(struct builder *b, const struct field *f, struct json_t *value, void *base);
void config_parse_counts(
	struct builder *b, const struct field *f, struct json_t *value, void *base);

/* Waves, limits and uplinks: what no row can see (config-shares.c). */
void config_check_waves(struct builder *b, const struct campaign_draft *d);
void config_check_brake(struct builder *b, const struct campaign_draft *d);
void config_check_limits(struct builder *b, const struct config *config);

/* From the drafts of windows to windows, with their time zones. -ENOMEM (config-windows.c). */
int config_resolve_windows(struct builder *b, struct config *config);

/* For qsort() and bsearch() of strings. */
int config_compare_texts(const void *a, const void *b);

/* Is this name among the sorted names? */
bool config_listed(const char *const *names, size_t n, const char *name);
bool config_selects(const struct config_campaign *campaign, const struct config_modem *modem);

/*
 * The same key twice: sorts the entries by key, file and place, then says of each but the first, at
 * its suffix, `KEY is already WHAT FILE: POINTER`.
 */
struct entry {
	const char *key;
	enum config_list list;
	const struct origin *origin;
	const char *suffix;
};

void config_check_unique(struct builder *b, struct entry *entries, size_t n, const char *what);
void config_sort_entries(struct entry *entries, size_t n);

/* config is made of b's drafts, item by item. -ENOMEM. */
int config_check(struct builder *b, const struct config *config);
int config_check_packages(struct builder *b);
int config_check_campaigns(struct builder *b, const struct config *config);
int config_check_credentials(struct builder *b);
