/*
 * identity - who answers on this port: maker, model, firmware version and IMEI from the many shapes
 * in which modules answer AT+CGMI, AT+CGMM, AT+CGMR, AT+CGSN and ATI (protocol, 5.1).
 *
 * Every reader takes the information text of one answer (lines joined by '\n') and reads the first
 * line that can be one: behind its own label (`+CGMR:` or `+GMR:`) or bare, without spaces and
 * quotes, the first field only. Lines that cannot be one (RING, `^MODE: 17,17`) are passed over.
 * -EINVAL: no line can be, or a labelled one cannot. -EMSGSIZE: too long. ret is untouched on
 * failure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define IMEI_SIZE    16 /* 15 digits (3GPP TS 23.003, 6.2.1) and NUL */
#define MODEL_MAX    48 /* seen: at most 27 bytes */
#define VERSION_MAX  64 /* seen: 5 to 6 groups, at most 45 bytes */
#define CELL_MAX     24 /* a serving cell, "1A2B-1C3D4E5": area and cell, hexadecimal without leading zeros */

struct identity {
	char model[MODEL_MAX];     /* "L610-CN-62-36"; '_' as the module says it */
	char version[VERSION_MAX]; /* compared for equality only, never ordered (protocol, 5.2) */
	char imei[IMEI_SIZE];
};

/* Is the maker Fibocom? "Fibocom", "FIBOCOM", "Fibocom Wireless Inc.", `+CGMI: "Fibocom ..."`. */
bool identity_is_fibocom(const char *text);

int identity_read_model(const char *text, char ret[static MODEL_MAX]);
int identity_read_version(const char *text, char ret[static VERSION_MAX]);

/* 15 digits; a 16-digit IMEISV is refused. Check digits are not enforced: field units differ. */
int identity_read_imei(const char *text, char ret[static IMEI_SIZE]);

/* Is this a well-formed IMEI, as configuration must give it? */
bool imei_is_valid(const char *imei);
