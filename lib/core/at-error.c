#include "core/at-error.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"

#define NUMBER_MAX 99999 /* the largest that was seen is 2004 */

struct row {
	int number;
	enum at_error_class class;
	const char *text;
};

/* 27.007, 9.2 (protocol, 7.1), in the order of the standard. */
static const struct row standard[] = {
	{ 0, AT_ERROR_UNKNOWN, "phone failure" },
	{ 1, AT_ERROR_UNKNOWN, "no connection to phone" },
	{ 2, AT_ERROR_UNKNOWN, "phone adaptor link reserved" },
	{ 3, AT_ERROR_LATER, "operation not allowed" },
	{ 4, AT_ERROR_PERMANENT, "operation not supported" },
	{ 5, AT_ERROR_PERSON, "PH-SIM PIN required" },
	{ 6, AT_ERROR_PERSON, "PH-FSIM PIN required" },
	{ 7, AT_ERROR_PERSON, "PH-FSIM PUK required" },
	{ 10, AT_ERROR_PERSON, "SIM not inserted" },
	{ 11, AT_ERROR_PERSON, "SIM PIN required" },
	{ 12, AT_ERROR_PERSON, "SIM PUK required" },
	{ 13, AT_ERROR_PERSON, "SIM failure" },
	{ 14, AT_ERROR_LATER, "SIM busy" },
	{ 15, AT_ERROR_PERSON, "SIM wrong" },
	{ 16, AT_ERROR_PERSON, "incorrect password" },
	{ 17, AT_ERROR_PERSON, "SIM PIN2 required" },
	{ 18, AT_ERROR_PERSON, "SIM PUK2 required" },
	{ 20, AT_ERROR_UNKNOWN, "memory full" },
	{ 21, AT_ERROR_UNKNOWN, "invalid index" },
	{ 22, AT_ERROR_UNKNOWN, "not found" },
	{ 23, AT_ERROR_UNKNOWN, "memory failure" },
	{ 24, AT_ERROR_PERMANENT, "text string too long" },
	{ 25, AT_ERROR_PERMANENT, "invalid characters in text string" },
	{ 26, AT_ERROR_UNKNOWN, "dial string too long" },
	{ 27, AT_ERROR_UNKNOWN, "invalid characters in dial string" },
	{ 30, AT_ERROR_LATER, "no network service" },
	{ 31, AT_ERROR_LATER, "network timeout" },
	{ 32, AT_ERROR_UNKNOWN, "network not allowed - emergency calls only" },
	{ 40, AT_ERROR_PERSON, "network personalization PIN required" },
	{ 41, AT_ERROR_PERSON, "network personalization PUK required" },
	{ 42, AT_ERROR_PERSON, "network subset personalization PIN required" },
	{ 43, AT_ERROR_PERSON, "network subset personalization PUK required" },
	{ 44, AT_ERROR_PERSON, "service provider personalization PIN required" },
	{ 45, AT_ERROR_PERSON, "service provider personalization PUK required" },
	{ 46, AT_ERROR_PERSON, "corporate personalization PIN required" },
	{ 47, AT_ERROR_PERSON, "corporate personalization PUK required" },
	{ 48, AT_ERROR_UNKNOWN, "hidden key required" },
	{ 49, AT_ERROR_UNKNOWN, "EAP method not supported" },
	{ 50, AT_ERROR_PERMANENT, "incorrect parameters" },
	{ 51, AT_ERROR_UNKNOWN, "command implemented but currently disabled" },
	{ 52, AT_ERROR_UNKNOWN, "command aborted by user" },
	{ 53, AT_ERROR_UNKNOWN, "not attached to network due to MT functionality restrictions" },
	{ 54, AT_ERROR_UNKNOWN, "modem not allowed - MT restricted to emergency calls only" },
	{ 55, AT_ERROR_UNKNOWN, "operation not allowed because of MT functionality restrictions" },
	{ 56, AT_ERROR_UNKNOWN, "fixed dial number only allowed" },
	{ 57, AT_ERROR_LATER, "temporarily out of service due to other MT usage" },
	{ 58, AT_ERROR_UNKNOWN, "language/alphabet not supported" },
	{ 59, AT_ERROR_UNKNOWN, "unexpected data value" },
	{ 60, AT_ERROR_LATER, "system failure" },
	{ 61, AT_ERROR_UNKNOWN, "data missing" },
	{ 62, AT_ERROR_UNKNOWN, "call barred" },
	{ 63, AT_ERROR_UNKNOWN, "message waiting indication subscription failure" },
	{ 100, AT_ERROR_UNKNOWN, "unknown" },
	{ 103, AT_ERROR_UNKNOWN, "illegal MS" },
	{ 106, AT_ERROR_UNKNOWN, "illegal ME" },
	{ 107, AT_ERROR_UNKNOWN, "GPRS services not allowed" },
	{ 108, AT_ERROR_UNKNOWN, "GPRS and non-GPRS services not allowed" },
	{ 110, AT_ERROR_UNKNOWN, "implicitly detached" },
	{ 111, AT_ERROR_UNKNOWN, "PLMN not allowed" },
	{ 112, AT_ERROR_UNKNOWN, "location area not allowed" },
	{ 113, AT_ERROR_UNKNOWN, "roaming not allowed in this location area" },
	{ 114, AT_ERROR_UNKNOWN, "GPRS services not allowed in this PLMN" },
	{ 115, AT_ERROR_UNKNOWN, "no suitable cells in location area" },
	{ 117, AT_ERROR_UNKNOWN, "network failure" },
	{ 122, AT_ERROR_UNKNOWN, "congestion" },
	{ 126, AT_ERROR_UNKNOWN, "insufficient resources" },
	{ 127, AT_ERROR_UNKNOWN, "missing or unknown APN" },
	{ 128, AT_ERROR_UNKNOWN, "unknown PDP address or PDP type" },
	{ 129, AT_ERROR_UNKNOWN, "user authentication failed" },
	{ 130, AT_ERROR_UNKNOWN, "activation rejected by GGSN, Serving GW or PDN GW" },
	{ 131, AT_ERROR_UNKNOWN, "activation rejected, unspecified" },
	{ 132, AT_ERROR_UNKNOWN, "service option not supported" },
	{ 133, AT_ERROR_UNKNOWN, "requested service option not subscribed" },
	{ 134, AT_ERROR_UNKNOWN, "service option temporarily out of order" },
	{ 148, AT_ERROR_LATER, "unspecified GPRS error" },
	{ 149, AT_ERROR_UNKNOWN, "PDP authentication failure" },
	{ 150, AT_ERROR_UNKNOWN, "invalid mobile class" },
	{ 171, AT_ERROR_UNKNOWN, "last PDN disconnection not allowed" },
	{ 177, AT_ERROR_UNKNOWN, "operator determined barring" },
	{ 179, AT_ERROR_UNKNOWN, "unsupported or unknown APN" },
};

/* L610's own (protocol, 7.2, from its SDK's at_response.h). */
static const struct row l610[] = {
	{ 48, AT_ERROR_UNKNOWN, "PH-SIM phonebook required" },
	{ 49, AT_ERROR_UNKNOWN, "execute not supported" },
	/* Not permanent as in 27.007: the module says it of all that has no number of its own. */
	{ 50, AT_ERROR_UNKNOWN, "execute fail" },
	{ 51, AT_ERROR_UNKNOWN, "no memory" },
	{ 52, AT_ERROR_UNKNOWN, "option not supported" },
	{ 53, AT_ERROR_PERMANENT, "parameter invalid" },
	{ 54, AT_ERROR_UNKNOWN, "external registration does not exist" },
	{ 55, AT_ERROR_UNKNOWN, "external SMS does not exist" },
	{ 56, AT_ERROR_UNKNOWN, "external phonebook does not exist" },
	{ 57, AT_ERROR_UNKNOWN, "external file system does not exist" },
	{ 58, AT_ERROR_PERMANENT, "invalid command line" },
	{ 59, AT_ERROR_UNKNOWN, "interface different" },
	{ 60, AT_ERROR_UNKNOWN, "burn flash fail" },
	{ 61, AT_ERROR_UNKNOWN, "T-flash missing" },
	{ 62, AT_ERROR_UNKNOWN, "file does not exist" },
	{ 63, AT_ERROR_UNKNOWN, "file too large" },
	{ 64, AT_ERROR_LATER, "FTP active" },
	{ 96, AT_ERROR_UNKNOWN, "invalid date or time" },
	{ 97, AT_ERROR_UNKNOWN, "directory creation failed" },
	{ 98, AT_ERROR_UNKNOWN, "directory does not exist" },
	{ 99, AT_ERROR_UNKNOWN, "not implemented" },
	{ 300, AT_ERROR_UNKNOWN, "HTTP network interface missing" },
	{ 301, AT_ERROR_UNKNOWN, "HTTP action needed" },
	{ 302, AT_ERROR_UNKNOWN, "HTTP initialization needed" },
	{ 303, AT_ERROR_UNKNOWN, "HTTP CID invalid" },
	{ 320, AT_ERROR_UNKNOWN, "SNTP synchronizing" },
	{ 900, AT_ERROR_UNKNOWN, "network refused" },
	{ 901, AT_ERROR_LATER, "PDP deactivated" },
	{ 902, AT_ERROR_UNKNOWN, "PDP activated" },
	{ 910, AT_ERROR_UNKNOWN, "peer refused" },
	{ 911, AT_ERROR_LATER, "connect timeout" },
	{ 912, AT_ERROR_UNKNOWN, "already connected" },
	{ 913, AT_ERROR_UNKNOWN, "not connected" },
	{ 914, AT_ERROR_UNKNOWN, "buffer full" },
	{ 915, AT_ERROR_UNKNOWN, "send timeout" },
	{ 916, AT_ERROR_LATER, "DNS failed" },
	{ 917, AT_ERROR_LATER, "DNS timeout" },
	{ 918, AT_ERROR_LATER, "DNS unknown" },
	{ 980, AT_ERROR_PERMANENT, "parameter error" },
	{ 981, AT_ERROR_UNKNOWN, "other error" },
	{ 1001, AT_ERROR_UNKNOWN, "file open failed" },
	{ 1002, AT_ERROR_UNKNOWN, "file close failed" },
	{ 1003, AT_ERROR_UNKNOWN, "file not open" },
	{ 1004, AT_ERROR_UNKNOWN, "file write failed" },
	{ 1005, AT_ERROR_UNKNOWN, "file seek failed" },
	{ 1006, AT_ERROR_UNKNOWN, "file size failed" },
	{ 1007, AT_ERROR_UNKNOWN, "file delete failed" },
	{ 1008, AT_ERROR_UNKNOWN, "file read failed" },
	{ 1009, AT_ERROR_UNKNOWN, "file exists or is open" },
	{ 1010, AT_ERROR_UNKNOWN, "file not closed" },
	{ 1020, AT_ERROR_UNKNOWN, "MQTT state" },
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Modules differ in spaces, hyphens and case; only letters and digits count. */
static bool same_words(const char *a, const char *b)
{
	for (;; a++, b++) {
		char one[2] = { 0 }, other[2] = { 0 };

		while (*a != '\0' && !is_word(*a))
			a++;
		while (*b != '\0' && !is_word(*b))
			b++;
		one[0] = *a;
		other[0] = *b;
		if (!text_equal_nocase(one, other))
			return false;
		if (*a == '\0')
			return true;
	}
}

/* The first row of a table that has the number, or else (number AT_ERROR_NONE) the text. */
static const struct row *search(const struct row *rows, size_t n, int number, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (number != AT_ERROR_NONE ? rows[i].number == number
					    : same_words(rows[i].text, text))
			return &rows[i];
	return NULL;
}

/* L610 means by a number what its own table says, and only else what the standard says. */
static const struct row *find(int number, const char *text, enum at_error_table table)
{
	const struct row *row = NULL;

	switch (table) {
	case AT_ERROR_L610:
		row = search(l610, ELEMENTSOF(l610), number, text);
		break;
	case AT_ERROR_STANDARD:
		break;
	}
	if (row)
		return row;
	row = search(standard, ELEMENTSOF(standard), number, text);
	if (row && table == AT_ERROR_L610 && search(l610, ELEMENTSOF(l610), row->number, NULL))
		return NULL; /* this text's number means something else here */
	return row;
}

/* "50", with nothing behind it; AT_ERROR_NONE if it is none. */
static int read_number(const char *p)
{
	int n = 0;

	if (*p == '\0')
		return AT_ERROR_NONE;
	for (; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return AT_ERROR_NONE;
		n = n * 10 + (*p - '0');
		if (n > NUMBER_MAX)
			return AT_ERROR_NONE;
	}
	return n;
}

int at_error_number(const char *line, enum at_error_table table)
{
	/* G5xx says `ERROR: <err>` (protocol, 3). The numbers of +CMS ERROR are of another table.
	 */
	static const char *const prefixes[] = { "+CME ERROR", "ERROR" };
	const struct row *row;
	int number;

	for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
		if (text_starts_with_nocase(line, prefixes[i])) {
			const char *p = line + strlen(prefixes[i]);

			p += strspn(p, " ");
			if (*p++ != ':')
				return AT_ERROR_NONE;
			p += strspn(p, " ");
			number = read_number(p);
			if (number != AT_ERROR_NONE || *p == '\0')
				return number;
			row = find(AT_ERROR_NONE, p, table);
			return row ? row->number : AT_ERROR_NONE;
		}
	return AT_ERROR_NONE;
}

const char *at_error_text(int number, enum at_error_table table)
{
	const struct row *row = number < 0 ? NULL : find(number, NULL, table);

	return row ? row->text : "unknown error";
}

enum at_error_class at_error_class(int number, enum at_error_table table)
{
	const struct row *row = number < 0 ? NULL : find(number, NULL, table);

	return row ? row->class : AT_ERROR_UNKNOWN;
}
