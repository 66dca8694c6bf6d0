/*
 * The command line: echo, command lines, result codes, unsolicited lines (V.250; 27.007, 4).
 */
#include "sim/fake-modem-internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define TEXT_LINE_MAX 400 /* longest line it ever says */

/* Nobody listens, but the judge does: a start that is sent to a module that cannot answer. */
static void watch_start(struct fake_modem *m, const char *data, size_t size)
{
	static const char start[] = "+GTOTA=";

	for (size_t i = 0; i < size; i++) {
		char c = data[i] >= 'a' && data[i] <= 'z' ? (char) (data[i] - 32) : data[i];

		if (m->watch == sizeof(start) - 1) {
			m->truth.gtota_while_busy += c != '?';
			m->watch = 0;
		}
		m->watch = c == start[m->watch] ? m->watch + 1 : c == '+';
	}
}

void fake_line_reset(struct fake_modem *m)
{
	m->line_size = 0;
	m->line_too_long = m->executing = m->inside_answer = false;
	m->pending_size = 0;
	m->held_size = 0;
	m->n_held = 0;
	m->watch = 0;
	fake_disarm(m, FAKE_TIMER_ANSWER);
}

static const char *line_end(struct fake_modem *m)
{
	if (fake_fault_acts(m, FAKE_FAULT_CRCRLF))
		return "\r\r\n";
	if (fake_fault_acts(m, FAKE_FAULT_LF_ONLY))
		return "\n";
	return "\r\n";
}

static bool begins_with(const struct fake_fault *fault, const char *text)
{
	return text_starts_with(text, fault->text);
}

/* Of drop-line and duplicate-line: the one whose line this is. */
static bool line_fault(struct fake_modem *m, enum fake_fault_type type, const char *text)
{
	for (size_t i = 0; i < m->config.n_faults; i++)
		if (m->config.faults[i].type == type && begins_with(&m->config.faults[i], text))
			return fake_fault_acts(m, type) != NULL;
	return false;
}

static void put_framed(struct fake_modem *m, const char *text)
{
	const char *end = line_end(m);
	bool info_v0 = !m->verbose && m->inside_answer; /* V.250, 6.2.6: no header then */

	if (fake_fault_acts(m, FAKE_FAULT_LEADING_NUL))
		fake_put(m, "", 1);
	if (!info_v0 && !fake_fault_acts(m, FAKE_FAULT_NO_CRLF_PREFIX))
		fake_put(m, end, strlen(end));
	fake_put(m, text, strlen(text));
	if (fake_fault_acts(m, FAKE_FAULT_TRAILING_SPACES))
		fake_put(m, "  ", 2);
	fake_put(m, end, strlen(end));
}

void fake_put_line(struct fake_modem *m, const char *text)
{
	if (line_fault(m, FAKE_FAULT_DROP_LINE, text))
		return;
	put_framed(m, text);
	if (line_fault(m, FAKE_FAULT_DUPLICATE_LINE, text))
		put_framed(m, text);
}

static void hold(struct fake_modem *m, const char *text)
{
	size_t n = strlen(text) + 1;

	if (m->n_held == FAKE_HELD_COUNT || m->held_size + n > sizeof(m->held)) {
		m->truth.reports_dropped++;
		return;
	}
	memcpy(m->held + m->held_size, text, n);
	m->held_size += n;
	m->n_held++;
}

static void flush_held(struct fake_modem *m)
{
	size_t size = m->held_size;

	m->held_size = 0;
	m->n_held = 0;
	for (size_t i = 0; i < size; i += strlen(m->held + i) + 1)
		fake_put_line(m, m->held + i);
}

void fake_report(struct fake_modem *m, const char *format, ...)
{
	char text[TEXT_LINE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (m->executing && m->row->holds_reports)
		hold(m, text);
	else
		fake_put_line(m, text);
}

void fake_text(struct fake_modem *m, const char *format, ...)
{
	char text[TEXT_LINE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	m->inside_answer = true;
	fake_put_line(m, text);
	m->inside_answer = false;
}

static void put_numeric(struct fake_modem *m, const char *code)
{
	fake_put(m, code, strlen(code));
	fake_put(m, "\r", 1);
}

/* 27.007, 9.2: with +CMEE=0 the reason is not said. */
static void put_result(struct fake_modem *m, int result)
{
	const struct fake_fault *fault;
	char text[TEXT_LINE_MAX];
	int form = m->cmee;

	if (m->quiet)
		return;
	fault = result > 0 ? fake_fault_acts(m, FAKE_FAULT_ERROR_FORM) : NULL;
	if (fault)
		form = fault->number;
	if (result > 0 && form == 1)
		snprintf(text, sizeof(text), "+CME ERROR: %d", result);
	else if (result > 0 && form == 2)
		snprintf(text, sizeof(text), "+CME ERROR: %s",
			at_error_text(result, m->row->errors));
	else if (!m->verbose) {
		put_numeric(m, result == FAKE_OK ? "0" : "4");
		return;
	} else
		snprintf(text, sizeof(text), "%s", result == FAKE_OK ? "OK" : "ERROR");
	fake_put_line(m, text);
}

/* The values of `=a,"b",c`; -EINVAL: a quote that is not closed, text around one, too many. */
static int split_values(struct fake_call *call, const char *p, const char *end)
{
	for (;;) {
		struct fake_value *value;

		if (call->n == FAKE_VALUES_MAX)
			return -EINVAL;
		value = &call->values[call->n++];
		if (p < end && *p == '"') {
			const char *quote = memchr(p + 1, '"', (size_t) (end - p - 1));

			if (!quote)
				return -EINVAL;
			*value = (struct fake_value){ p + 1, (size_t) (quote - p - 1), true };
			p = quote + 1;
		} else {
			const char *comma = memchr(p, ',', (size_t) (end - p));

			if (!comma)
				comma = end;
			*value = (struct fake_value){ p, (size_t) (comma - p), false };
			if (memchr(p, '"', value->size))
				return -EINVAL;
			p = comma;
		}
		if (p == end)
			return 0;
		if (*p++ != ',')
			return -EINVAL;
	}
}

/* One extended command at p; returns where the next one begins. */
static const char *read_call(const char *p, struct fake_call *ret)
{
	const char *end = p;
	bool quoted = false;
	size_t n = 0;

	*ret = (struct fake_call){ .form = FAKE_FORM_EXECUTE };
	while (*end != '\0' && (quoted || *end != ';'))
		quoted ^= *end++ == '"';
	while (p < end && *p != '=' && *p != '?' && n + 1 < sizeof(ret->name)) {
		ret->name[n++] = *p >= 'a' && *p <= 'z' ? (char) (*p - 32) : *p;
		p++;
	}
	if (p < end && *p == '=' && end - p == 2 && p[1] == '?')
		ret->form = FAKE_FORM_TEST;
	else if (p < end && *p == '=') {
		ret->form = FAKE_FORM_SET;
		ret->parse = split_values(ret, p + 1, end);
	} else if (p < end && *p == '?' && end - p == 1)
		ret->form = FAKE_FORM_READ;
	else if (p < end)
		ret->parse = -EINVAL;
	return *end == ';' ? end + 1 : end;
}

static void judge_order(struct fake_modem *m, const char *name)
{
	static const char *const harmless[] = { "I", "+CGMI", "+CGMM", "+CGMR", "+CGSN" };

	for (size_t i = 0; i < ELEMENTSOF(harmless); i++)
		if (text_equal_nocase(name, harmless[i]))
			return;
	if (!m->imei_asked)
		m->truth.settings_before_identity++;
}

static int basic_set(struct fake_modem *m, char letter, int value)
{
	switch (letter) {
	case 'E':
		m->echo = value != 0;
		return FAKE_OK;
	case 'V':
		m->verbose = value != 0;
		return FAKE_OK;
	case 'Q':
		m->quiet = value != 0;
		return FAKE_OK;
	case 'I':
		return fake_command_ati(m);
	case 'Z':
	case 'F': /* &F */
		m->echo = m->verbose = true;
		m->quiet = false;
		return FAKE_OK;
	case 'H':
	case 'L':
	case 'M':
	case 'X':
	case 'C': /* &C */
	case 'D': /* &D */
	case 'W': /* &W */
		return FAKE_OK;
	default:
		m->truth.commands_unknown++;
		return m->row->unknown_command;
	}
}

/* A basic command and its number (V.250, 5.3.1): E0, &F, S3=13. */
static const char *basic(struct fake_modem *m, const char *p, int *ret)
{
	char name[2] = { 0 };
	int value = 0;

	if (*p == '&')
		p++;
	name[0] = *p >= 'a' && *p <= 'z' ? (char) (*p - 32) : *p;
	p++;
	judge_order(m, name);
	for (; *p >= '0' && *p <= '9'; p++)
		value = value < 1000 ? value * 10 + (*p - '0') : value;
	if (name[0] == 'S' && (*p == '=' || *p == '?')) {
		for (p++; *p >= '0' && *p <= '9'; p++)
			;
		*ret = FAKE_OK;
		return p;
	}
	*ret = basic_set(m, name[0], value);
	return p;
}

static int execute(struct fake_modem *m, const char *p, usec_t now)
{
	int result = FAKE_OK;

	while (result == FAKE_OK && *p != '\0') {
		struct fake_call call;

		if (*p == ' ' || *p == ';') {
			p++;
		} else if (*p == '+' || *p == '^') {
			p = read_call(p, &call);
			judge_order(m, call.name);
			result = fake_command_extended(m, &call, now);
		} else {
			p = basic(m, p, &result);
		}
	}
	return result;
}

static void take_byte(struct fake_modem *m, char c, usec_t now);

/* What was sent meanwhile is taken now. */
static void take_pending(struct fake_modem *m, usec_t now)
{
	while (m->pending_size > 0 && !m->executing) {
		char c = m->pending[0];

		m->pending_size--;
		memmove(m->pending, m->pending + 1, m->pending_size);
		take_byte(m, c, now);
	}
}

/* The line is done: its answer, then what was held back. */
static void answer(struct fake_modem *m, usec_t now)
{
	const struct fake_fault *fault;
	bool no_result;
	int result;

	m->line[m->line_size] = '\0';
	no_result = fake_fault_on(m, FAKE_FAULT_NO_OK, m->line) != NULL;
	fault = fake_fault_on(m, FAKE_FAULT_ERROR, m->line);
	if (m->line_too_long) {
		m->truth.commands_unknown++;
		result = m->row->bad_line;
	} else {
		result = fault ? fault->number : execute(m, m->line + 2, now);
	}
	fault = fake_fault_on(m, FAKE_FAULT_URC_INSIDE_ANSWER, m->line);
	if (fault)
		fake_put_line(m, fault->text);
	if (!no_result)
		put_result(m, result);
	m->executing = m->line_too_long = false;
	m->line_size = 0;
	flush_held(m);
	if (m->lose_after_answer) {
		m->lose_after_answer = false;
		fake_port_lose(m);
	}
}

void fake_line_answer(struct fake_modem *m, usec_t now)
{
	answer(m, now);
	take_pending(m, now);
}

/* Before the "AT" there may be anything (V.250, 5.2.1); a line without one is not answered. */
static bool find_prefix(struct fake_modem *m)
{
	for (size_t i = 0; i + 1 < m->line_size; i++) {
		if ((m->line[i] | 32) != 'a' || (m->line[i + 1] | 32) != 't')
			continue;
		m->line_size -= i;
		memmove(m->line, m->line + i, m->line_size);
		return true;
	}
	return false;
}

/* A CR came. */
static void take_line(struct fake_modem *m, usec_t now)
{
	const struct fake_fault *fault;
	usec_t duration = m->config.answer_time;

	if (!find_prefix(m) || m->deaf_lines > 0) {
		m->deaf_lines -= m->deaf_lines > 0;
		m->line_size = 0;
		m->line_too_long = false;
		return;
	}
	m->line[m->line_size] = '\0';
	m->truth.commands++;
	m->truth.commands_while_downloading += fake_fota_downloading(m);
	m->executing = true;
	fake_fault_moments(m, m->line, now);
	if (!m->executing) /* it restarted */
		return;
	if (fake_fault_on(m, FAKE_FAULT_SILENT, m->line)) {
		m->executing = false;
		m->line_size = 0;
		flush_held(m);
		return;
	}
	fault = fake_fault_on(m, FAKE_FAULT_LATE_ANSWER, m->line);
	if (fault)
		duration = fault->time;
	if (duration == 0)
		answer(m, now);
	else
		fake_arm(m, FAKE_TIMER_ANSWER, usec_add(now, duration));
}

/* A line begins: is its echo what was asked for? */
static void force_echo(struct fake_modem *m)
{
	const struct fake_fault *fault = fake_fault_acts(m, FAKE_FAULT_ECHO);

	if (fault)
		m->echo = text_equal(fault->text, "on") ||
			  (!text_equal(fault->text, "off") && !m->echo);
}

static void take_byte(struct fake_modem *m, char c, usec_t now)
{
	if (m->line_size == 0 && c != '\r' && c != '\n')
		force_echo(m);
	if (m->echo)
		fake_put(m, &c, 1);
	if (c == '\r') {
		take_line(m, now);
	} else if (c == '\b') {
		m->line_size -= m->line_size > 0;
	} else if (c == '\n' || c == '\0') {
		return; /* L610 waits 20 ms for an LF and takes it (atr_config.h) */
	} else if (m->line_size + 1 >= m->row->line_max) {
		m->line_too_long = true; /* with its CR it is over the limit */
	} else {
		m->line[m->line_size++] = c;
	}
}

static void keep(struct fake_modem *m, const char *data, size_t size)
{
	m->truth.bytes_while_executing += size;
	if (size > sizeof(m->pending) - m->pending_size)
		size = sizeof(m->pending) - m->pending_size;
	memcpy(m->pending + m->pending_size, data, size);
	m->pending_size += size;
}

void fake_line_input(struct fake_modem *m, const char *data, size_t size, usec_t now)
{
	if (m->state == FAKE_APPLYING || m->fota == FAKE_FOTA_VERIFYING)
		m->truth.bytes_while_applying += (unsigned) size;
	if (m->state != FAKE_RUNNING) {
		watch_start(m, data, size);
		return;
	}
	if (fake_is_deaf(m, size))
		return;
	fake_wake(m, now);
	for (size_t i = 0; i < size && m->port && m->state == FAKE_RUNNING; i++) {
		if (m->executing) {
			keep(m, data + i, size - i);
			return;
		}
		take_byte(m, data[i], now);
	}
}

void fake_modem_input(struct fake_modem *m, const char *data, size_t size, usec_t now)
{
	fake_modem_advance(m, now);
	fake_line_input(m, data, size, now);
}
