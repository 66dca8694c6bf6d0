/*
 * fuzz-gtota - whatever is built is one line of the guides' grammar, byte for byte of what was
 * asked; whatever is read as a report is one in any case of its letters.
 *
 * Input: 'r' and a line, or type ('0', '1'), two bytes of line_max, and fields that end with a
 * newline; a field that is missing at the end is NULL.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/gtota.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exactly its length, so that the sanitizer sees every byte read behind it. */
static char *copy(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* Both as they are and in other cases, which take the other way through the reader. */
static void fuzz_report(const uint8_t *data, size_t size)
{
	struct gtota_report report = { GTOTA_REPORT_START, -2 }, other = report;
	char *line = copy(data, size);
	bool is_report = gtota_parse_report(line, &report);

	if (!is_report)
		assert(report.type == GTOTA_REPORT_START && report.percent == -2);
	else
		assert(report.percent >= -1 && report.percent <= 100);
	if (is_report && report.percent >= 0)
		assert(report.type == GTOTA_REPORT_PROGRESS || report.type == GTOTA_REPORT_UPDATE);

	for (char *p = line; *p != '\0'; p++)
		if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'))
			*p ^= 'a' ^ 'A';
	assert(gtota_parse_report(line, &other) == is_report);
	assert(other.type == report.type && other.percent == report.percent);
	free(line);
}

/* Eats one quoted field; it must be legal, and what was asked for when that is given. */
static const char *expect_field(const char *p, const char *asked)
{
	const char *begin = ++p;

	assert(begin[-1] == '"');
	while (*p != '"') {
		assert(*p >= 0x20 && *p <= 0x7e && *p != '\\');
		p++;
	}
	assert(p > begin);
	if (asked) {
		assert((size_t) (p - begin) == strlen(asked) && strlen(asked) <= GTOTA_FIELD_MAX);
		assert(memcmp(begin, asked, strlen(asked)) == 0);
	}
	return p + 1;
}

static const char *expect(const char *p, const char *text)
{
	assert(strncmp(p, text, strlen(text)) == 0);
	return p + strlen(text);
}

static void expect_line(const char *line, const struct gtota_request *request, bool masked)
{
	const char *p = expect(line, request->type == GTOTA_FTP ? "AT+GTOTA=1," : "AT+GTOTA=0,");

	if (request->type == GTOTA_HTTP) {
		expect(p, "\"http://");
		p = expect_field(p, masked && strchr(request->url, '?') ? NULL : request->url);
	} else {
		p = expect_field(p, request->url);
		p = expect_field(expect(p, ","), request->filename);
		p = expect_field(expect(p, ","), request->username);
		p = expect_field(expect(p, ","), masked ? "***" : request->password);
	}
	assert(*p == '\0');
}

static void build(const struct gtota_request *request, size_t line_max, size_t size)
{
	enum gtota_field field;
	enum gtota_problem problem = gtota_check(request, line_max, &field);
	char *line = malloc(size);
	int r;

	assert(line);
	line[0] = '\0';
	r = gtota_build(request, line_max, line, size);
	assert(r == 0 ? problem == GTOTA_FINE : line[0] == '\0');
	assert(*gtota_problem_text(problem) != '\0');
	if (r == 0) {
		assert(strlen(line) < size && strlen(line) + 1 <= line_max);
		expect_line(line, request, false);
	}
	if (size == GTOTA_LINE_SIZE)
		assert((r == 0) == (problem == GTOTA_FINE));

	line[0] = '\0';
	r = gtota_build_masked(request, line, size);
	if (r == 0)
		expect_line(line, request, true);
	else
		assert(line[0] == '\0');
	if (size == GTOTA_LINE_SIZE)
		assert((r == 0) == (problem == GTOTA_FINE || problem == GTOTA_LINE_TOO_LONG));
	free(line);
}

static void fuzz_request(enum gtota_type type, size_t line_max, const uint8_t *data, size_t size)
{
	char *fields[4] = { NULL };
	struct gtota_request request = { .type = type };

	for (size_t i = 0; i < 4 && size > 0; i++) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t n = end ? (size_t) (end - data) : size;

		fields[i] = copy(data, n);
		data += n + (end != NULL);
		size -= n + (end != NULL);
	}
	request.url = fields[0];
	request.filename = fields[1];
	request.username = fields[2];
	request.password = fields[3];
	build(&request, line_max, GTOTA_LINE_SIZE);
	build(&request, line_max, 1 + line_max % 64);
	for (size_t i = 0; i < 4; i++)
		free(fields[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == 'r')
		fuzz_report(data + 1, size - 1);
	else if (size >= 3 && (data[0] == '0' || data[0] == '1'))
		fuzz_request(data[0] == '0' ? GTOTA_HTTP : GTOTA_FTP,
			(size_t) data[1] << 8 | data[2], data + 3, size - 3);
	return 0;
}
