/* The lines that modules of this family are known to send unasked. */
#include "core/at-channel.h"

#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "core/at-line.h"

/* A report goes on with a word, the answer to the test form with '<', '(' or a digit
 * (protocol, 1.1, 1.2). */
bool at_line_is_gtota(const char *line)
{
	line += *line == '+';
	if (!text_starts_with_nocase(line, "GTOTA"))
		return false;
	line += strlen("GTOTA");
	while (*line == ' ' || *line == ':')
		line++;
	return (*line >= 'A' && *line <= 'Z') || (*line >= 'a' && *line <= 'z');
}

static const struct known {
	const char *text;
	bool whole; /* the line is this text, else it begins with it */
} known[] = {
	/* V.250, 5.7.1: of a call that is not ours */
	{ "RING", true },
	{ "NO CARRIER", true },
	/* 27.007: 7.2 registration, 6.11 and 7.11 calls, 8.9 context, 8.41 clock, 8.10 indicators
	 */
	{ "+CREG:", false },
	{ "+CGREG:", false },
	{ "+CEREG:", false },
	{ "+C5GREG:", false },
	{ "+CRING:", false },
	{ "+CLIP:", false },
	{ "+CCWA:", false },
	{ "+CGEV:", false },
	{ "+CTZV:", false },
	{ "+CTZE:", false },
	{ "+CIEV:", false },
	{ "+CUSD:", false },
	/* 27.005, 3.4.1: messages */
	{ "+CMTI:", false },
	{ "+CMT:", false },
	{ "+CBM:", false },
	{ "+CDS:", false },
	{ "+CDSI:", false },
	/* protocol, 3 and 6.3: contexts lost and gained, SIM coming and going, mode, boot text */
	{ "+MIPCALL:", false },
	{ "+GTRNDIS:", false },
	{ "+SIM", false },
	{ "SIM DROP", true },
	{ "+CPIN:", false },
	{ "^", false },
	{ "AT COMMAND READY", true },
	{ "AT READY", true },
	{ "RDY", true },
	{ "PB DONE", true },
	{ "SMS READY", true },
	{ "CALL READY", true },
	/* protocol, 1.3: the boot loader of builds with the AT_QUE feature */
	{ "+QIND:", false },
};

bool at_is_unsolicited(const char *line)
{
	for (size_t i = 0; i < ELEMENTSOF(known); i++)
		if (known[i].whole ? text_equal_nocase(line, known[i].text)
				   : text_starts_with_nocase(line, known[i].text))
			return true;
	return at_line_is_gtota(line) || at_is_boot_text(line);
}

/*
 * Only what comes once after a reset (protocol, 6.3). "PB DONE", "Call Ready" and the like also
 * follow a change of SIM or of radio state. The long text is taken behind garbage too: L610 prints
 * it first, often right after the noise of power-up.
 */
bool at_is_boot_text(const char *line)
{
	return strstr(line, "AT command ready") || text_equal_nocase(line, "RDY") ||
	       text_equal_nocase(line, "AT READY") || text_equal_nocase(line, "+SIM READY");
}
