/*
 * profile - see profile.h. "Protocol, n" names the section of the protocol notes that holds the
 * source.
 */
#include "core/profile.h"

#include <string.h>

#include "base/macros.h"

#define KIB ((uint64_t) 1024)
#define MIB (1024 * KIB)

/*
 * The longest command line. 1024 with CR is L610's (SDK, atr_config.h); nothing is published for
 * the others, so they get the same: a refusal says what is wrong, a line cut by the module would
 * not.
 */
#define LINE_MAX_L610 1024

/*
 * Suggested by protocol, 12.1, and promised by the configuration's reference; nothing measured
 * stands behind them. `start` covers AT+GTOTA to OK or the first report, "< 1 s" by the guides and
 * 2 minutes to START.
 */
#define DEFAULT_TIMEOUTS                                                                           \
	{                                                                                          \
		.command = 5 * SEC, .identify = 15 * SEC, .registration = 3 * MINUTE,              \
		.pdp = 3 * MINUTE, .start = 2 * MINUTE, .stall = 5 * MINUTE, .download = 1 * HOUR, \
		.leave = 5 * MINUTE, .return_ = 20 * MINUTE, .settle = 30 * SEC,                   \
	}

/* L610 guide, "Applicability Type": the family, no variants. */
static const char *const l610_variants[] = { "L610", NULL };

/* NL668/NL652 guide, "Applicability Type": eight rows, slash lists written out. */
static const char *const nl668_variants[] = {
	"NL668-CN-00",
	"NL668-CN-80",
	"NL668-EAU-00",
	"NL668-AM-00",
	"NL668-EU-00",
	"NL668-EU-01",
	"NL668-EU-03",
	"NL668-JP-00",
	"NL668-JP-01",
	"NL668-LA-00",
	NULL,
};

static const char *const nl652_variants[] = { "NL652-EU-00", NULL };

static const struct profile profiles[] = {
	{
		.name = "L610",
		.variants = l610_variants,
		/* L610 guide, 1.2.1: "it needs to use the +MIPCALL command to active a PDP" */
		.mipcall = PROFILE_MIPCALL_REQUIRED,
		/* the guide lists +GTOTA=? for every L610 */
		.probe = PROFILE_PROBE_REQUIRE,
		.reports_failed = true, /* L610 guide, 1.2.2, second page of the table */
		.full_image = false,    /* "whole FW (unsupported)" (oc_fota_v2.h; protocol, 10) */
		.line_max = LINE_MAX_L610,
		.package_max = 1 * MIB,    /* MAX_LEN_FOTABIN (fibo_fota.h; protocol, 1.3) */
		.package_warn = 800 * KIB, /* ML302, the same chip, refuses more */
		.errors = AT_ERROR_L610,
		.rat_lock = "AT+GTRAT=3", /* LTE only (protocol, 4) */
		.timeouts = DEFAULT_TIMEOUTS,
		.usb = {
			{ 0x1782, 0x4d10, { 0, 5, 6 }, 3 }, /* GTUSBMODE 31; ModemManager, kernel */
			{ 0x1782, 0x4d11, { 2, 7, 8 }, 3 }, /* GTUSBMODE 32, 33; ModemManager */
		},
		.n_usb = 2,
	},
	{
		.name = "NL668",
		.variants = nl668_variants,
		/* guide V2.0.3: "Remove the note of MIPCALL"; older firmware may still want it */
		.mipcall = PROFILE_MIPCALL_NEVER,
		/* firmware older than its variant's entry in the guide may lack +GTOTA */
		.probe = PROFILE_PROBE_REQUIRE,
		.reports_failed = false, /* the guide knows START, DOWNLOADING and COMPLETE only */
		.full_image = true,      /* no source forbids it; operators ask for it by "*" */
		.line_max = LINE_MAX_L610,
		.package_max = 16 * MIB, /* our guess: thrice Quectel's 4.9 MB (protocol, 10) */
		.package_warn = 0,
		.errors = AT_ERROR_STANDARD,
		.rat_lock = NULL, /* GTRAT was seen on L610 only */
		.timeouts = DEFAULT_TIMEOUTS,
		.usb = {
			{ 0x1508, 0x1001, { 1, 2, 3 }, 3 }, /* ModemManager, kernel option.c */
			{ 0x2cb7, 0x01a0, { 2, 3 }, 2 },    /* NL668-AM; ModemManager, kernel */
			{ 0x2cb7, 0x0110, { 0 }, 0 },       /* NL668-EAU, by a user's report */
		},
		.n_usb = 3,
	},
	{
		.name = "NL652", /* same guide, same reasons as NL668 */
		.variants = nl652_variants,
		.mipcall = PROFILE_MIPCALL_NEVER,
		.probe = PROFILE_PROBE_REQUIRE,
		.reports_failed = false,
		.full_image = true,
		.line_max = LINE_MAX_L610,
		.package_max = 16 * MIB, /* our guess, as for NL668 */
		.package_warn = 0,
		.errors = AT_ERROR_STANDARD,
		.rat_lock = NULL,
		.timeouts = DEFAULT_TIMEOUTS,
		.usb = {
			{ 0x2cb7, 0x01a0, { 2, 3 }, 2 }, /* NL652-EU; ModemManager, kernel */
		},
		.n_usb = 1,
	},
};

/* '_' counts as '-' (debug builds say L610_CN_66_32), case does not count. */
static char fold(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char) (c - 'a' + 'A');
	return c == '_' ? '-' : c;
}

size_t model_match(const char *prefix, const char *model)
{
	size_t parts = 1;

	if (prefix[0] == '\0')
		return 0;
	for (; *prefix != '\0'; prefix++, model++) {
		if (fold(*prefix) != fold(*model))
			return 0;
		if (fold(*prefix) == '-')
			parts++;
	}
	return *model == '\0' || fold(*model) == '-' ? parts : 0;
}

const struct profile *profile_by_name(const char *name)
{
	for (size_t i = 0; i < ELEMENTSOF(profiles); i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	return NULL;
}

const struct profile *profile_at(size_t index)
{
	return index < ELEMENTSOF(profiles) ? &profiles[index] : NULL;
}

static bool is_listed(const struct profile *row, const char *model)
{
	for (const char *const *variant = row->variants; *variant; variant++)
		if (model_match(*variant, model) > 0)
			return true;
	return false;
}

enum profile_match profile_match(const char *model, const struct profile **ret)
{
	for (size_t i = 0; i < ELEMENTSOF(profiles); i++) {
		if (model_match(profiles[i].name, model) == 0)
			continue;
		*ret = &profiles[i];
		return is_listed(&profiles[i], model) ? PROFILE_MATCH_LISTED : PROFILE_MATCH_FAMILY;
	}
	return PROFILE_MATCH_NONE;
}
