/*
 * at-error - what a final result code says went wrong.
 *
 * Modules answer ERROR, `+CME ERROR: 50` or `+CME ERROR: incorrect parameters` (27.007, 9.2), and
 * L610 gives 48 to 64 and 900 and above meanings of its own (SDK, at_response.h). The number is
 * always kept, the text is looked up in the module's own table. The numbers of +CMS ERROR have
 * other meanings and no table here: fotad sends no command that is answered so.
 */
#pragma once

#include <stdbool.h>

enum at_error_table { AT_ERROR_STANDARD, AT_ERROR_L610 };

/* Is it worth asking again? (protocol, 7.2) */
enum at_error_class {
	AT_ERROR_UNKNOWN,   /* nothing is known: retry with a limit */
	AT_ERROR_LATER,     /* may pass */
	AT_ERROR_PERSON,    /* SIM and the like: somebody has to go there */
	AT_ERROR_PERMANENT, /* wrong parameters: the same line will fail again */
};

#define AT_ERROR_NONE (-1) /* ERROR, COMMAND NOT SUPPORT, NO CARRIER: no number was given */

/*
 * Reads the line of an AT_EVENT_ERROR. Verbose text becomes its number where the table knows it,
 * whatever its case, spaces and hyphens.
 */
int at_error_number(const char *line, enum at_error_table table);

/* "incorrect parameters"; "unknown error" for a number that is not in the table; never NULL. */
const char *at_error_text(int number, enum at_error_table table);
enum at_error_class at_error_class(int number, enum at_error_table table);
