/*
 * identity - see identity.h. The shapes are those of protocol, 5.1; every line that is not of one
 * of them is passed over, so that a stray unsolicited line is never taken for a version.
 */
#include "core/identity.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

#define IMEI_DIGITS (IMEI_SIZE - 1)

struct span {
	const char *p;
	size_t n;
};

/* What may stand in a value? `marked`: a "+CGMR:" or "Revision:" before it says what it is. */
typedef bool can_be(struct span value, bool marked);

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span s)
{
	while (s.n > 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The next line that is not blank; *text moves behind it. */
static bool next_line(const char **text, struct span *ret)
{
	while (**text != '\0') {
		struct span line = { *text, strcspn(*text, "\n") };

		*text += line.n + ((*text)[line.n] == '\n');
		line = trim(line);
		if (line.n > 0) {
			*ret = line;
			return true;
		}
	}
	return false;
}

/* Cuts a label such as "Model:" or "+CGMR:" off the line. */
static bool cut_label(struct span *line, const char *label)
{
	size_t n = strlen(label);
	struct span rest;

	if (line->n < n || !text_starts_with_nocase(line->p, label))
		return false;
	rest = (struct span){ line->p + n, line->n - n };
	*line = trim(rest);
	return true;
}

/* The first field: quoted, or up to a comma. A quote that does not end is a broken line. */
static bool first_field(struct span line, struct span *ret)
{
	const char *end;

	if (line.n > 0 && line.p[0] == '"') {
		line.p++;
		line.n--;
		end = memchr(line.p, '"', line.n);
		if (!end)
			return false;
	} else {
		end = memchr(line.p, ',', line.n);
	}
	if (end)
		line.n = (size_t) (end - line.p);
	*ret = trim(line);
	return ret->n > 0;
}

static bool has_byte(struct span s, bool (*test)(char c))
{
	for (size_t i = 0; i < s.n; i++)
		if (test(s.p[i]))
			return true;
	return false;
}

/* Names and versions are one word; a space is believed only where a label or quotes stand around.
 */
static bool is_word(struct span s, bool marked)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!is_letter(c) && !is_digit(c) && (c == '\0' || !strchr("._-+/()", c)) &&
			!(c == ' ' && marked))
			return false;
	}
	return is_letter(s.p[0]) || is_digit(s.p[0]);
}

/* "L610-CN-62-36", "L610_CN_66_32_XINYADA-debug"; not "RDY", which a boot may put in between */
static bool can_be_model(struct span s, bool marked)
{
	return is_word(s, marked) && has_byte(s, is_letter) && has_byte(s, is_digit);
}

/* "16000.1000.00.96.64.04", "DEVEL-g16000.1030-dirty"; digits alone are an IMEI or a result code */
static bool can_be_version(struct span s, bool marked)
{
	bool more = false;

	for (size_t i = 0; i < s.n; i++)
		more = more || !is_digit(s.p[i]);
	return more && is_word(s, marked) && has_byte(s, is_digit);
}

static bool can_be_imei(struct span s, bool marked)
{
	(void) marked;
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]))
			return false;
	return s.n == IMEI_DIGITS;
}

/* A value that carries its label: it is the answer, or there is none. */
static int take(struct span line, can_be *test, char *ret, size_t size)
{
	struct span value;

	if (!first_field(line, &value) || !test(value, true))
		return -EINVAL;
	return text_copy_n(ret, size, value.p, value.n);
}

/* long_label and short_label: modules answer AT+CGMR with "+CGMR:" or with "+GMR:". */
static int read_answer(const char *text, const char *long_label, const char *short_label,
	can_be *test, char *ret, size_t size)
{
	struct span line, value;

	while (next_line(&text, &line)) {
		if (cut_label(&line, long_label) || cut_label(&line, short_label))
			return take(line, test, ret, size);
		if (!first_field(line, &value) || !test(value, line.p[0] == '"'))
			continue;
		return text_copy_n(ret, size, value.p, value.n);
	}
	return -EINVAL;
}

static bool says_fibocom(struct span line)
{
	static const char maker[] = "fibocom";
	const size_t n = sizeof(maker) - 1;
	struct span value;

	if (!first_field(line, &value) || value.n < n || !text_starts_with_nocase(value.p, maker))
		return false;
	return value.n == n || (!is_letter(value.p[n]) && !is_digit(value.p[n]));
}

bool identity_is_fibocom(const char *text)
{
	struct span line;

	while (next_line(&text, &line)) {
		if (!cut_label(&line, "+CGMI:"))
			(void) cut_label(&line, "+GMI:");
		if (says_fibocom(line))
			return true;
	}
	return false;
}

int identity_read_model(const char *text, char ret[static MODEL_MAX])
{
	return read_answer(text, "+CGMM:", "+GMM:", can_be_model, ret, MODEL_MAX);
}

int identity_read_version(const char *text, char ret[static VERSION_MAX])
{
	return read_answer(text, "+CGMR:", "+GMR:", can_be_version, ret, VERSION_MAX);
}

int identity_read_imei(const char *text, char ret[static IMEI_SIZE])
{
	return read_answer(text, "+CGSN:", "+GSN:", can_be_imei, ret, IMEI_SIZE);
}

bool imei_is_valid(const char *imei)
{
	return can_be_imei((struct span){ imei, strlen(imei) }, false);
}
