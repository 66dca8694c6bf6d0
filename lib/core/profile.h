/*
 * profile - the rows in which modules differ. Nowhere else is a model's name compared.
 *
 * Sources: the two vendor guides (models, MIPCALL, FAILED report), L610 SDK atr_config.h (line
 * limit), ModemManager's and the kernel's tables (USB ids and interfaces); protocol, 1, 3, 7, 9 and
 * 10.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"
#include "core/at-error.h"

enum profile_mipcall { PROFILE_MIPCALL_NEVER, PROFILE_MIPCALL_REQUIRED };

/* What an ERROR to +GTOTA=? means. */
enum profile_probe { PROFILE_PROBE_WARN, PROFILE_PROBE_REQUIRE };

/* Every wait of the procedure (protocol, 12.1). One field table in config names them. */
struct timeouts {
	usec_t command;      /* an ordinary command's final result code */
	usec_t identify;     /* AT+CGMI, CGMM, CGMR, CGSN, ATI */
	usec_t registration; /* until the network is there */
	usec_t pdp;          /* MIPCALL until an address is there */
	usec_t start;        /* AT+GTOTA sent until OK or the first report */
	usec_t stall;        /* no report in a download; nothing at all before a failure is said */
	usec_t download;     /* from the start to COMPLETE */
	usec_t leave;        /* COMPLETE until the module restarts */
	usec_t return_;      /* the module gone until it answers again with its final version */
	usec_t settle;       /* between the two reads that prove success */
};

/* One USB composition and the interfaces that speak AT, primary first. */
struct profile_usb {
	uint16_t vendor, product;
	uint8_t at_interfaces[4];
	uint8_t n_at_interfaces; /* 0: layout unknown, ask them all */
};

struct profile {
	const char *name;            /* as configured: "L610", "NL668", "NL652" */
	const char *const *variants; /* as the vendor lists them, NULL-terminated */
	enum profile_mipcall mipcall;
	enum profile_probe probe;
	bool reports_failed;         /* documents ... FAILED; without it silence is the failure */
	bool full_image;             /* may a package be "from": "*"? (conduct 23) */
	size_t line_max;             /* bytes of a command line with CR */
	uint64_t package_max;        /* bytes */
	uint64_t package_warn;       /* bytes from which a warning is due; 0: none */
	enum at_error_table errors;
	const char *rat_lock;        /* command that fixes LTE, NULL: none known */
	struct timeouts timeouts;
	struct profile_usb usb[3];
	size_t n_usb;
};

enum profile_match {
	PROFILE_MATCH_NONE,
	PROFILE_MATCH_FAMILY, /* the family's name, but a variant that the vendor does not list */
	PROFILE_MATCH_LISTED,
};

/* The row by its configured name, or NULL. */
const struct profile *profile_by_name(const char *name);

/* Row by row, to list them; NULL after the last. */
const struct profile *profile_at(size_t index);

/*
 * Which row does this model (identity.model) belong to? Whole parts between '-' are compared, '_'
 * counts as '-', case does not count. "NL668-EU-00-10" is listed by the variant NL668-EU-00;
 * "NL668-EAU-10-01" only by its family. ret is set for FAMILY and LISTED.
 */
enum profile_match profile_match(const char *model, const struct profile **ret);

/* How many leading parts of `model` are `prefix`, compared as above? 0: it is none. */
size_t model_match(const char *prefix, const char *model);
