#include "core/at-line.h"

#include <stdbool.h>
#include <string.h>

static bool is(const char *line, size_t size, const char *word)
{
	return size == strlen(word) && memcmp(line, word, size) == 0;
}

static bool begins(const char *line, size_t size, const char *word)
{
	return size >= strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

/*
 * V.250, 5.7.1; 27.007, 9.2; 27.005, 3.2.5. COMMAND NOT SUPPORT, MODEM ERROR and NA come from
 * ModemManager's collection, `ERROR: <err>` from the G5xx family (protocol, 3 and 8.1).
 */
enum at_line at_line_final_kind(const char *line, size_t size)
{
	switch (line[0]) {
	case 'O':
		return is(line, size, "OK") ? AT_LINE_OK : AT_LINE_OTHER;
	case 'E':
		return is(line, size, "ERROR") || begins(line, size, "ERROR:") ? AT_LINE_ERROR
									       : AT_LINE_OTHER;
	case '+':
		return begins(line, size, "+CME ERROR") || begins(line, size, "+CMS ERROR")
			       ? AT_LINE_ERROR
			       : AT_LINE_OTHER;
	case 'N':
		if (is(line, size, "NA"))
			return AT_LINE_ERROR;
		return is(line, size, "NO CARRIER") || is(line, size, "NO DIALTONE") ||
				       is(line, size, "NO DIAL TONE") || is(line, size, "NO ANSWER")
			       ? AT_LINE_CALL
			       : AT_LINE_OTHER;
	case 'B':
		return is(line, size, "BUSY") ? AT_LINE_CALL : AT_LINE_OTHER;
	case 'C':
		return begins(line, size, "COMMAND NOT SUPPORT") ? AT_LINE_ERROR : AT_LINE_OTHER;
	case 'M':
		return is(line, size, "MODEM ERROR") ? AT_LINE_ERROR : AT_LINE_OTHER;
	case '0': /* 1 is CONNECT and 2 is RING: not final (L610: at_response.h) */
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return size == 1 ? AT_LINE_NUMERIC : AT_LINE_OTHER;
	default:
		return AT_LINE_OTHER;
	}
}
