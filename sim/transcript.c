/*
 * The transcript: one line for each line received and sent, and for each event of a port.
 *
 *	TIME MODEM > AT+CGMI
 *	TIME MODEM < +CME ERROR: 50
 *	TIME MODEM ! lost
 *
 * TIME is CLOCK_BOOTTIME in microseconds, of the line's end. Bytes that are not printable are
 *escaped.
 */
#include "sim/sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"

/* Which value of GTOTA and MIPCALL is the password, counted from 0 (the FTP form; with an APN). */
static const struct {
	const char *command;
	unsigned value;
} secrets[] = {
	{ "+GTOTA=1", 4 },
	{ "+MIPCALL=1", 3 },
};

static const char *find(const char *text, size_t n, const char *word)
{
	size_t m = strlen(word);

	for (size_t i = 0; i + m <= n; i++) {
		size_t k = 0;

		while (k < m && (text[i + k] >= 'a' && text[i + k] <= 'z' ? text[i + k] - 32
									  : text[i + k]) == word[k])
			k++;
		if (k == m)
			return text + i;
	}
	return NULL;
}

/* Where value number `wanted` begins and ends; a quote that is not closed ends with the line. */
static bool find_value(const char *p, const char *end, unsigned wanted, const char **ret_begin,
	const char **ret_end)
{
	bool quoted = false;
	unsigned value = 0;
	const char *begin = p;

	for (; p < end; p++) {
		if (*p == '"')
			quoted = !quoted;
		if (quoted || (*p != ',' && *p != ';'))
			continue;
		if (value == wanted || *p == ';')
			break;
		value++;
		begin = p + 1;
	}
	*ret_begin = begin;
	*ret_end = p;
	return value == wanted && begin < p;
}

/* The bytes that must not be shown: a password, or what stands behind '?' in an HTTP URL. */
static bool find_secret(const char *line, size_t n, const char **ret_begin, const char **ret_end)
{
	const char *command, *end = line + n;

	for (size_t i = 0; i < ELEMENTSOF(secrets); i++) {
		command = find(line, n, secrets[i].command);
		if (!command || !find_value(command, end, secrets[i].value, ret_begin, ret_end))
			continue;
		*ret_begin += **ret_begin == '"';
		*ret_end -= *ret_end > *ret_begin && (*ret_end)[-1] == '"';
		return *ret_begin < *ret_end;
	}
	command = find(line, n, "+GTOTA=0");
	if (!command || !find_value(command, end, 1, ret_begin, ret_end))
		return false;
	*ret_begin = memchr(*ret_begin, '?', (size_t) (*ret_end - *ret_begin));
	if (!*ret_begin)
		return false;
	++*ret_begin; /* that there is a query may be known */
	*ret_end -= (*ret_end)[-1] == '"';
	return *ret_begin < *ret_end;
}

size_t transcript_mask(char *ret, size_t size, const char *line, size_t n)
{
	const char *begin, *end;

	if (!find_secret(line, n, &begin, &end))
		begin = end = line + n;
	return (size_t) snprintf(ret, size, "%.*s%s%.*s", (int) (begin - line), line,
		begin < end ? "***" : "", (int) (line + n - end), end);
}

static void put(
	struct sim *sim, struct sim_modem *modem, char mark, const char *text, size_t n, usec_t now)
{
	char masked[SIM_LINE_MAX + 8], escaped[SIM_LINE_MAX * 4 + 1];

	if (!sim->options->show_secrets) {
		n = transcript_mask(masked, sizeof(masked), text, n);
		text = masked;
	}
	text_escape(escaped, sizeof(escaped), text, n);
	fprintf(sim->transcript, "%" PRIu64 " %s %c %s\n", now, modem->name, mark, escaped);
}

/* The end of a line; a longer one is shown in pieces. */
static void flush(
	struct sim *sim, struct sim_modem *modem, struct sim_line *line, char mark, usec_t now)
{
	if (line->size > 0)
		put(sim, modem, mark, line->text, line->size, now);
	line->size = 0;
}

static void add(struct sim *sim, struct sim_modem *modem, struct sim_line *line, char mark,
	const char *data, size_t size, usec_t now)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\r' || data[i] == '\n') {
			flush(sim, modem, line, mark, now);
			continue;
		}
		if (line->size == sizeof(line->text))
			flush(sim, modem, line, mark, now);
		line->text[line->size++] = data[i];
	}
}

void transcript_in(
	struct sim *sim, struct sim_modem *modem, const char *data, size_t size, usec_t now)
{
	if (sim->transcript)
		add(sim, modem, &modem->in, '>', data, size, now);
}

void transcript_out(
	struct sim *sim, struct sim_modem *modem, const char *data, size_t size, usec_t now)
{
	if (sim->transcript)
		add(sim, modem, &modem->sent, '<', data, size, now);
}

/* Also ends half a line of either side, so that nothing stands behind what happened later. */
void transcript_event(struct sim *sim, struct sim_modem *modem, usec_t now, const char *format, ...)
{
	va_list args;

	if (!sim->transcript)
		return;
	flush(sim, modem, &modem->in, '>', now);
	flush(sim, modem, &modem->sent, '<', now);
	fprintf(sim->transcript, "%" PRIu64 " %s ! ", now, modem->name);
	va_start(args, format);
	vfprintf(sim->transcript, format, args);
	va_end(args);
	fputc('\n', sim->transcript);
}
