/*
 * gtota-report - reads the reports of a running upgrade, see gtota.h.
 *
 * Every line that a module says on its own comes through here, and while a fleet downloads nearly
 * all of them are "GTOTA DOWNLOADING: <n>%". So the first bytes send most other lines away, and the
 * documented spelling is recognised by one comparison; all other spellings (protocol, 1.2 and 1.3)
 * go the long way.
 */
#include "core/gtota.h"

#include <string.h>

#include "base/text.h"

#define NO_PERCENT (-1)

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool skip_spaces(const char **p)
{
	const char *begin = *p;

	while (**p == ' ' || **p == '\t')
		(*p)++;
	return *p != begin;
}

/* Spaces with one colon at most. Was there anything? */
static bool skip_separator(const char **p)
{
	bool any = skip_spaces(p);

	if (**p != ':')
		return any;
	(*p)++;
	skip_spaces(p);
	return true;
}

/* A whole word: "START", but not "STARTED". */
static bool skip_word(const char **p, const char *word)
{
	size_t n = strlen(word);

	if (!text_starts_with_nocase(*p, word) || is_letter((*p)[n]))
		return false;
	*p += n;
	return true;
}

/*
 * "42%". Over 100, negative or not a number: not to be believed. The boot loader's buffer cuts
 * "UPDATE 100%" to "UPDATE 10" or worse (protocol, 1.3), hence `sign`: without '%' that number is
 * not believed.
 */
static int read_percent(const char *p, bool sign)
{
	int percent = 0;
	const char *begin = p;

	while (*p >= '0' && *p <= '9' && percent <= 100)
		percent = percent * 10 + (*p++ - '0');
	if (p == begin || percent > 100)
		return NO_PERCENT;
	skip_spaces(&p);
	return *p == '%' || (*p == '\0' && !sign) ? percent : NO_PERCENT;
}

/* Boot loaders with Quectel's words: +QIND: "FOTA","START" and +QIND: "FOTA","UPDATING",7
 * (protocol, 1.3) */
static bool parse_qind(const char *p, struct gtota_report *ret)
{
	static const char updating[] = "\"UPDATING\"";
	int percent = NO_PERCENT;

	skip_separator(&p);
	if (!text_starts_with_nocase(p, "\"FOTA\","))
		return false;
	p += strlen("\"FOTA\",");
	skip_spaces(&p);
	if (text_starts_with_nocase(p, updating)) {
		p += sizeof(updating) - 1;
		if (*p == ',') {
			p++;
			skip_spaces(&p);
			percent = read_percent(p, false);
		}
	} else if (!text_starts_with_nocase(p, "\"START\"")) {
		return false; /* HTTPSTART, DOWNLOADING, HTTPEND: that engine's own download, not
				 ours */
	}
	*ret = (struct gtota_report){ GTOTA_REPORT_UPDATE, percent };
	return true;
}

/* Behind "GTOTA DOWNLOAD": one of the three milestones, whatever follows it. */
static bool parse_milestone(const char *p, struct gtota_report *ret)
{
	enum gtota_report_type type;

	if (skip_word(&p, "START"))
		type = GTOTA_REPORT_START;
	else if (skip_word(&p, "COMPLETE"))
		type = GTOTA_REPORT_COMPLETE;
	else if (skip_word(&p, "FAILED"))
		type = GTOTA_REPORT_FAILED;
	else
		return false;
	*ret = (struct gtota_report){ type, NO_PERCENT };
	return true;
}

/* Behind "GTOTA". The answer to AT+GTOTA=? and an echo have none of these words. */
static bool parse_gtota(const char *p, struct gtota_report *ret)
{
	if (!skip_separator(&p))
		return false;
	if (skip_word(&p, "DOWNLOADING")) {
		skip_separator(&p);
		*ret = (struct gtota_report){ GTOTA_REPORT_PROGRESS, read_percent(p, false) };
		return true;
	}
	if (skip_word(&p, "DOWNLOAD")) {
		skip_separator(&p);
		return parse_milestone(p, ret);
	}
	if (skip_word(&p, "UPDATE")) {
		skip_separator(&p);
		*ret = (struct gtota_report){ GTOTA_REPORT_UPDATE, read_percent(p, true) };
		return true;
	}
	if (skip_word(&p, "START")) {
		*ret = (struct gtota_report){ GTOTA_REPORT_UPDATE, NO_PERCENT };
		return true;
	}
	return false;
}

static bool parse_any(const char *p, struct gtota_report *ret)
{
	skip_spaces(&p);
	if (*p == '+') {
		p++;
		if (text_starts_with_nocase(p, "QIND"))
			return parse_qind(p + strlen("QIND"), ret);
	}
	if (!text_starts_with_nocase(p, "GTOTA"))
		return false;
	return parse_gtota(p + strlen("GTOTA"), ret);
}

/* "GTOTA DOWNLOADING: " and a percentage? By words, which is why the size is wanted. */
static inline bool is_documented_progress(const char *p, size_t size)
{
	return size >= 21 && memcmp(p, "GTOTA DO", 8) == 0 && memcmp(p + 8, "WNLOADIN", 8) == 0 &&
	       memcmp(p + 15, "NG: ", 4) == 0;
}

/* "5%" and "42%", the two shapes of nearly all percentages; -1: another shape. */
static inline int read_documented_percent(const char *p)
{
	unsigned high = (unsigned char) p[0] - '0', low;

	if (high > 9)
		return NO_PERCENT;
	if (p[1] == '%')
		return (int) high;
	low = (unsigned char) p[1] - '0';
	return low <= 9 && p[2] == '%' ? (int) (high * 10 + low) : NO_PERCENT;
}

bool gtota_read_report(const char *line, size_t size, struct gtota_report *ret)
{
	int percent;

	if (is_documented_progress(line, size)) {
		percent = read_documented_percent(line + 19);
		if (percent >= 0) {
			*ret = (struct gtota_report){ GTOTA_REPORT_PROGRESS, percent };
			return true;
		}
	}
	switch (line[0]) {
	case '+':
		return (line[1] == 'G' || line[1] == 'g' || line[1] == 'Q' || line[1] == 'q') &&
		       parse_any(line, ret);
	case 'G':
	case 'g':
	case ' ':
	case '\t':
		return parse_any(line, ret);
	default:
		return false;
	}
}

bool gtota_parse_report(const char *line, struct gtota_report *ret)
{
	return gtota_read_report(line, strlen(line), ret);
}
