#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/gtota.h"

#define LINE_MAX_L610 1024 /* SDK, atr_config.h */

#define HTTP(u)                                                                                    \
	{                                                                                          \
		GTOTA_HTTP, u, NULL, NULL, NULL                                                    \
	}
#define FTP(u, f, n, p)                                                                            \
	{                                                                                          \
		GTOTA_FTP, u, f, n, p                                                              \
	}
#define GOOD_FTP(server) FTP(server, "a.bin", "fota", "secret")

struct row {
	struct gtota_request request;
	enum gtota_problem problem;
	enum gtota_field field;
	const char *line; /* NULL: with a problem */
};

static const struct row rows[] = {
	/* the two lines that the guides describe */
	{ HTTP("http://host/path/file"), GTOTA_FINE, GTOTA_FIELD_NONE,
		"AT+GTOTA=0,\"http://host/path/file\"" },
	{ FTP("host", "path/file", "user", "password"), GTOTA_FINE, GTOTA_FIELD_NONE,
		"AT+GTOTA=1,\"host\",\"path/file\",\"user\",\"password\"" },

	/* URLs are passed as written, whatever shape was seen in the wild (protocol, 1.5) */
	{ HTTP("http://10.0.0.1:8000/p/fota.bin"), GTOTA_FINE, GTOTA_FIELD_NONE,
		"AT+GTOTA=0,\"http://10.0.0.1:8000/p/fota.bin\"" },
	{ HTTP("http://host/path:8080"), GTOTA_FINE, GTOTA_FIELD_NONE,
		"AT+GTOTA=0,\"http://host/path:8080\"" },
	{ HTTP("http://host/get?file=1&x=http://y/#z"), GTOTA_FINE, GTOTA_FIELD_NONE,
		"AT+GTOTA=0,\"http://host/get?file=1&x=http://y/#z\"" },
	{ HTTP("http://host/a@b,%2C'.bin"), GTOTA_FINE, GTOTA_FIELD_NONE,
		"AT+GTOTA=0,\"http://host/a@b,%2C'.bin\"" },
	{ HTTP("http://[2001:db8::1]:65535/f"), GTOTA_FINE, GTOTA_FIELD_NONE,
		"AT+GTOTA=0,\"http://[2001:db8::1]:65535/f\"" },
	{ HTTP("http://fota_1.example-x.net./f"), GTOTA_FINE, GTOTA_FIELD_NONE,
		"AT+GTOTA=0,\"http://fota_1.example-x.net./f\"" },
	{ HTTP("http://host//f"), GTOTA_FINE, GTOTA_FIELD_NONE, "AT+GTOTA=0,\"http://host//f\"" },
	{ FTP("ftp://47.110.234.36:21", "/test1/x.img", "u", "p"), GTOTA_FINE, GTOTA_FIELD_NONE,
		"AT+GTOTA=1,\"ftp://47.110.234.36:21\",\"/test1/x.img\",\"u\",\"p\"" },
	{ FTP("47.110.0.1:21", "a file, here", "a user", " p w "), GTOTA_FINE, GTOTA_FIELD_NONE,
		"AT+GTOTA=1,\"47.110.0.1:21\",\"a file, here\",\"a user\",\" p w \"" },
	{ GOOD_FTP("[::1]:2121"), GTOTA_FINE, GTOTA_FIELD_NONE,
		"AT+GTOTA=1,\"[::1]:2121\",\"a.bin\",\"fota\",\"secret\"" },

	/* note 1: what must be there, and what must not */
	{ HTTP(NULL), GTOTA_FIELD_MISSING, GTOTA_FIELD_URL, NULL },
	{ HTTP(""), GTOTA_FIELD_MISSING, GTOTA_FIELD_URL, NULL },
	{ { GTOTA_HTTP, "http://h/f", "f", NULL, NULL }, GTOTA_FIELD_FORBIDDEN,
		GTOTA_FIELD_FILENAME, NULL },
	{ { GTOTA_HTTP, "http://h/f", "", NULL, NULL }, GTOTA_FIELD_FORBIDDEN, GTOTA_FIELD_FILENAME,
		NULL },
	{ { GTOTA_HTTP, "http://h/f", NULL, "u", NULL }, GTOTA_FIELD_FORBIDDEN,
		GTOTA_FIELD_USERNAME, NULL },
	{ { GTOTA_HTTP, "http://h/f", NULL, NULL, "p" }, GTOTA_FIELD_FORBIDDEN,
		GTOTA_FIELD_PASSWORD, NULL },
	{ FTP(NULL, "f", "u", "p"), GTOTA_FIELD_MISSING, GTOTA_FIELD_URL, NULL },
	{ FTP("h", NULL, "u", "p"), GTOTA_FIELD_MISSING, GTOTA_FIELD_FILENAME, NULL },
	{ FTP("h", "f", NULL, "p"), GTOTA_FIELD_MISSING, GTOTA_FIELD_USERNAME, NULL },
	{ FTP("h", "f", "u", NULL), GTOTA_FIELD_MISSING, GTOTA_FIELD_PASSWORD, NULL },
	{ FTP("h", "", "u", "p"), GTOTA_FIELD_MISSING, GTOTA_FIELD_FILENAME, NULL },
	{ FTP("h", "f", "", "p"), GTOTA_FIELD_MISSING, GTOTA_FIELD_USERNAME, NULL },
	{ FTP("h", "f", "u", ""), GTOTA_FIELD_MISSING, GTOTA_FIELD_PASSWORD, NULL },

	/* spaces */
	{ HTTP("http://host/a b"), GTOTA_URL_SPACE, GTOTA_FIELD_URL, NULL },
	{ HTTP(" http://host/a"), GTOTA_URL_SPACE, GTOTA_FIELD_URL, NULL },
	{ GOOD_FTP("ho st"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },

	/* schemes: the command has no type for TLS */
	{ HTTP("https://host/f"), GTOTA_URL_SCHEME, GTOTA_FIELD_URL, NULL },
	{ HTTP("ftp://host/f"), GTOTA_URL_SCHEME, GTOTA_FIELD_URL, NULL },
	{ HTTP("HTTP://host/f"), GTOTA_URL_SCHEME, GTOTA_FIELD_URL, NULL },
	{ HTTP("host/f"), GTOTA_URL_SCHEME, GTOTA_FIELD_URL, NULL },
	{ HTTP("http:/host/f"), GTOTA_URL_SCHEME, GTOTA_FIELD_URL, NULL },
	{ GOOD_FTP("ftps://host"), GTOTA_URL_SCHEME, GTOTA_FIELD_URL, NULL },
	{ GOOD_FTP("http://host"), GTOTA_URL_SCHEME, GTOTA_FIELD_URL, NULL },

	/* hosts and ports */
	{ HTTP("http:///f"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://:80/f"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://."), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://ho,st/f"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://host:/f"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://host:0/f"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://host:65536/f"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://host:4294967376/f"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://host:8o/f"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://host:80:80/f"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://[::1/f"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://[]/f"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://[::1]80/f"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://[::1]:/f"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },
	{ GOOD_FTP("ftp://"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },
	{ GOOD_FTP("host:70000"), GTOTA_URL_HOST, GTOTA_FIELD_URL, NULL },

	/* files */
	{ HTTP("http://host"), GTOTA_URL_FILE, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://host/"), GTOTA_URL_FILE, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://host/dir/"), GTOTA_URL_FILE, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://host/dir/.."), GTOTA_URL_FILE, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://host/?file=f"), GTOTA_URL_FILE, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://host?file=/f"), GTOTA_URL_FILE, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://host#/f"), GTOTA_URL_FILE, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://host/:8080"), GTOTA_URL_FILE, GTOTA_FIELD_URL, NULL },
	{ FTP("host", "dir/", "u", "p"), GTOTA_URL_FILE, GTOTA_FIELD_FILENAME, NULL },
	{ GOOD_FTP("host/"), GTOTA_URL_PATH, GTOTA_FIELD_URL, NULL },
	{ GOOD_FTP("ftp://host/dir/f"), GTOTA_URL_PATH, GTOTA_FIELD_URL, NULL },
	{ GOOD_FTP("host?x"), GTOTA_URL_PATH, GTOTA_FIELD_URL, NULL },

	/* conduct 12 */
	{ HTTP("http://user:password@host/f"), GTOTA_URL_USERINFO, GTOTA_FIELD_URL, NULL },
	{ HTTP("http://user@host/f"), GTOTA_URL_USERINFO, GTOTA_FIELD_URL, NULL },
	{ GOOD_FTP("ftp://user:password@host"), GTOTA_URL_USERINFO, GTOTA_FIELD_URL, NULL },
	{ GOOD_FTP("user@host"), GTOTA_URL_USERINFO, GTOTA_FIELD_URL, NULL },
};

static void test_check_and_build(void **state)
{
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		enum gtota_field field = GTOTA_FIELD_PASSWORD;
		char line[GTOTA_LINE_SIZE] = "untouched";
		int r;

		assert_int_equal(
			gtota_check(&rows[i].request, LINE_MAX_L610, &field), rows[i].problem);
		assert_int_equal(field, rows[i].field);
		r = gtota_build(&rows[i].request, LINE_MAX_L610, line, sizeof(line));
		assert_int_equal(r, rows[i].line ? 0 : -EINVAL);
		assert_string_equal(line, rows[i].line ? rows[i].line : "untouched");
	}
}

/* Each byte that a string must not hold, at each end and in the middle of each field. */
static void test_characters(void **state)
{
	(void) state;

	for (int byte = 1; byte < 256; byte++) {
		bool plain = byte >= 0x20 && byte <= 0x7e && byte != '"' && byte != '\\';

		for (size_t field = 0; field < 4; field++) {
			for (size_t at = 0; at < 5; at++) {
				char text[4][6] = { "hosts", "files", "users", "words" };
				struct gtota_request request =
					FTP(text[0], text[1], text[2], text[3]);
				enum gtota_field where;
				enum gtota_problem problem;

				text[field][at] = (char) byte;
				problem = gtota_check(&request, LINE_MAX_L610, &where);
				assert_int_equal(problem == GTOTA_FIELD_CHARACTER, !plain);
				if (!plain)
					assert_int_equal(where, GTOTA_FIELD_URL + field);
			}
		}
	}
}

static void test_url_characters(void **state)
{
	(void) state;

	for (int byte = 1; byte < 256; byte++) {
		char url[] = "http://host/f?le";
		struct gtota_request request = HTTP(url);
		bool plain = byte > 0x20 && byte <= 0x7e && byte != '"' && byte != '\\';
		enum gtota_problem problem = byte == ' ' ? GTOTA_URL_SPACE
					     : plain	 ? GTOTA_FINE
							 : GTOTA_FIELD_CHARACTER;

		url[13] = (char) byte;
		assert_int_equal(gtota_check(&request, LINE_MAX_L610, NULL), problem);
	}
}

static const char *fill(char *buffer, const char *begin, size_t n)
{
	memset(buffer, 'x', n);
	memcpy(buffer, begin, strlen(begin));
	buffer[n] = '\0';
	return buffer;
}

static void test_field_length(void **state)
{
	char text[4][300], line[GTOTA_LINE_SIZE];
	struct gtota_request http = HTTP(text[0]);
	enum gtota_field where;
	(void) state;

	fill(text[0], "http://host/", 255);
	assert_int_equal(gtota_check(&http, LINE_MAX_L610, NULL), GTOTA_FINE);
	assert_int_equal(gtota_build(&http, LINE_MAX_L610, line, sizeof(line)), 0);
	assert_int_equal(strlen(line), strlen("AT+GTOTA=0,\"\"") + 255);
	fill(text[0], "http://host/", 256);
	assert_int_equal(gtota_check(&http, LINE_MAX_L610, &where), GTOTA_FIELD_TOO_LONG);
	assert_int_equal(where, GTOTA_FIELD_URL);

	for (size_t field = 0; field < 4; field++) {
		struct gtota_request ftp = FTP(text[0], text[1], text[2], text[3]);

		for (size_t i = 0; i < 4; i++)
			fill(text[i], "x", 4);
		fill(text[field], "x", 255);
		assert_int_equal(gtota_check(&ftp, LINE_MAX_L610, NULL), GTOTA_FINE);
		fill(text[field], "x", 256);
		assert_int_equal(gtota_check(&ftp, LINE_MAX_L610, &where), GTOTA_FIELD_TOO_LONG);
		assert_int_equal(where, GTOTA_FIELD_URL + field);
	}
}

/* Four legal fields may still be too long together: with FTP 1001 bytes on L610 (protocol, 8.2). */
static void test_line_length(void **state)
{
	char text[4][300], line[GTOTA_LINE_SIZE] = "untouched";
	struct gtota_request request = FTP(text[0], text[1], text[2], text[3]);
	enum gtota_field where = GTOTA_FIELD_URL;
	(void) state;

	for (size_t i = 0; i < 3; i++)
		fill(text[i], "x", 255);
	fill(text[3], "x", 1001 - 3 * 255 + 1);
	assert_int_equal(gtota_check(&request, LINE_MAX_L610, &where), GTOTA_LINE_TOO_LONG);
	assert_int_equal(where, GTOTA_FIELD_NONE);
	assert_int_equal(gtota_build(&request, LINE_MAX_L610, line, sizeof(line)), -EMSGSIZE);
	assert_string_equal(line, "untouched");

	fill(text[3], "x", 1001 - 3 * 255);
	assert_int_equal(gtota_check(&request, LINE_MAX_L610, NULL), GTOTA_FINE);
	assert_int_equal(gtota_build(&request, LINE_MAX_L610, line, sizeof(line)), 0);
	assert_int_equal(strlen(line) + 1, LINE_MAX_L610);

	fill(text[3], "x", 255);
	assert_int_equal(gtota_build(&request, SIZE_MAX, line, sizeof(line)), 0);
	assert_int_equal(strlen(line) + 1, GTOTA_LINE_SIZE);
}

static void test_buffer_size(void **state)
{
	static const struct gtota_request request = FTP("h", "f", "u", "p");
	const size_t n = strlen("AT+GTOTA=1,\"h\",\"f\",\"u\",\"p\"");
	char line[64] = "untouched";
	(void) state;

	assert_int_equal(gtota_build(&request, LINE_MAX_L610, line, n), -EMSGSIZE);
	assert_int_equal(gtota_build_masked(&request, line, n + 2), -EMSGSIZE);
	assert_int_equal(gtota_build(&request, LINE_MAX_L610, line, 0), -EMSGSIZE);
	assert_string_equal(line, "untouched");
	assert_int_equal(gtota_build(&request, LINE_MAX_L610, line, n + 1), 0);
	assert_int_equal(gtota_build_masked(&request, line, n + 3), 0);
}

static void test_masked(void **state)
{
	static const struct row masked[] = {
		{ HTTP("http://host/f"), GTOTA_FINE, 0, "AT+GTOTA=0,\"http://host/f\"" },
		{ HTTP("http://host/f?token=1?2#3:80"), GTOTA_FINE, 0,
			"AT+GTOTA=0,\"http://host/f?***\"" },
		{ HTTP("http://host/f?"), GTOTA_FINE, 0, "AT+GTOTA=0,\"http://host/f?***\"" },
		{ FTP("host", "a?b", "user", "secret"), GTOTA_FINE, 0,
			"AT+GTOTA=1,\"host\",\"a?b\",\"user\",\"***\"" },
		{ FTP("host", "f", "user", "s"), GTOTA_FINE, 0,
			"AT+GTOTA=1,\"host\",\"f\",\"user\",\"***\"" },
		{ HTTP("http://user:secret@host/f"), GTOTA_URL_USERINFO, 0, NULL },
		{ FTP("host", "f\r", "user", "secret"), GTOTA_FIELD_CHARACTER, 0, NULL },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(masked); i++) {
		char line[GTOTA_LINE_SIZE] = "untouched";
		int r = gtota_build_masked(&masked[i].request, line, sizeof(line));

		assert_int_equal(r, masked[i].problem == GTOTA_FINE ? 0 : -EINVAL);
		assert_string_equal(line, r == 0 ? masked[i].line : "untouched");
	}
}

static void test_problem_text(void **state)
{
	(void) state;

	for (int i = GTOTA_FINE; i <= GTOTA_LINE_TOO_LONG; i++) {
		const char *text = gtota_problem_text((enum gtota_problem) i);

		assert_true(strlen(text) > 0);
		assert_true(text[strlen(text) - 1] != '.');
		for (int j = GTOTA_FINE; j < i; j++)
			assert_string_not_equal(text, gtota_problem_text((enum gtota_problem) j));
	}
	assert_string_equal(gtota_problem_text(GTOTA_FIELD_TOO_LONG), "is longer than 255 bytes");
}

#define START(percent)                                                                             \
	true,                                                                                      \
	{                                                                                          \
		GTOTA_REPORT_START, percent                                                        \
	}
#define PROGRESS(percent)                                                                          \
	true,                                                                                      \
	{                                                                                          \
		GTOTA_REPORT_PROGRESS, percent                                                     \
	}
#define COMPLETE                                                                                   \
	true,                                                                                      \
	{                                                                                          \
		GTOTA_REPORT_COMPLETE, -1                                                          \
	}
#define FAILED                                                                                     \
	true,                                                                                      \
	{                                                                                          \
		GTOTA_REPORT_FAILED, -1                                                            \
	}
#define UPDATE(percent)                                                                            \
	true,                                                                                      \
	{                                                                                          \
		GTOTA_REPORT_UPDATE, percent                                                       \
	}
#define NO_REPORT                                                                                  \
	false,                                                                                     \
	{                                                                                          \
		GTOTA_REPORT_START, -2                                                             \
	}

static void test_reports(void **state)
{
	static const struct {
		const char *line;
		bool is_report;
		struct gtota_report report;
	} reports[] = {
		/* as documented */
		{ "GTOTA DOWNLOAD START", START(-1) },
		{ "GTOTA DOWNLOADING: 0%", PROGRESS(0) },
		{ "GTOTA DOWNLOADING: 5%", PROGRESS(5) },
		{ "GTOTA DOWNLOADING: 42%", PROGRESS(42) },
		{ "GTOTA DOWNLOADING: 100%", PROGRESS(100) },
		{ "GTOTA DOWNLOAD COMPLETE", COMPLETE },
		{ "GTOTA DOWNLOAD FAILED", FAILED },

		/* tolerated spellings (protocol, 1.2) */
		{ "+GTOTA DOWNLOAD START", START(-1) },
		{ "GTOTA: DOWNLOAD START", START(-1) },
		{ "+GTOTA: DOWNLOAD COMPLETE", COMPLETE },
		{ "+gtota:downloading:7", PROGRESS(7) },
		{ "gtota download failed", FAILED },
		{ "Gtota Download Start ", START(-1) },
		{ "  GTOTA  DOWNLOAD \t COMPLETE", COMPLETE },
		{ "\tGTOTA DOWNLOADING:42%", PROGRESS(42) },
		{ "GTOTA DOWNLOADING : 42 %", PROGRESS(42) },
		{ "GTOTA DOWNLOADING 42", PROGRESS(42) },
		{ "GTOTA DOWNLOADING: 42", PROGRESS(42) },
		{ "GTOTA DOWNLOADING: 42 ", PROGRESS(42) },
		{ "GTOTA DOWNLOADING: 042%", PROGRESS(42) },
		{ "GTOTA DOWNLOADING: 42% (1/2)", PROGRESS(42) },
		{ "GTOTA DOWNLOAD FAILED: 5", FAILED },
		{ "GTOTA DOWNLOAD FAILED,404", FAILED },
		{ "GTOTA DOWNLOAD: FAILED", FAILED },
		{ "GTOTA DOWNLOAD COMPLETE.", COMPLETE },

		/* percentages that are not to be believed */
		{ "GTOTA DOWNLOADING: 101%", PROGRESS(-1) },
		{ "GTOTA DOWNLOADING: 425%", PROGRESS(-1) },
		{ "GTOTA DOWNLOADING: 99999999999999999999%", PROGRESS(-1) },
		{ "GTOTA DOWNLOADING: -1%", PROGRESS(-1) },
		{ "GTOTA DOWNLOADING: +1%", PROGRESS(-1) },
		{ "GTOTA DOWNLOADING: x%", PROGRESS(-1) },
		{ "GTOTA DOWNLOADING: 4x%", PROGRESS(-1) },
		{ "GTOTA DOWNLOADING: 4.5%", PROGRESS(-1) },
		{ "GTOTA DOWNLOADING: %", PROGRESS(-1) },
		{ "GTOTA DOWNLOADING: ", PROGRESS(-1) },
		{ "GTOTA DOWNLOADING", PROGRESS(-1) },

		/* boot loaders (protocol, 1.3) */
		{ "GTOTA START", UPDATE(-1) },
		{ "GTOTA UPDATE 0%", UPDATE(0) },
		{ "GTOTA UPDATE 7%", UPDATE(7) },
		{ "GTOTA UPDATE 100%", UPDATE(100) },
		{ "GTOTA UPDATE 10", UPDATE(-1) }, /* 100 % as the boot loader's buffer cuts it */
		{ "GTOTA UPDATE 100", UPDATE(-1) },
		{ "GTOTA UPDATE 1\x01\x02", UPDATE(-1) },
		{ "GTOTA UPDATE", UPDATE(-1) },
		{ "+GTOTA: UPDATE: 7%", UPDATE(7) },
		{ "+QIND: \"FOTA\",\"START\"", UPDATE(-1) },
		{ "+QIND: \"FOTA\",\"UPDATING\",7", UPDATE(7) },
		{ "+qind:\"fota\", \"updating\", 100", UPDATE(100) },
		{ "+QIND: \"FOTA\",\"UPDATING\",101", UPDATE(-1) },
		{ "+QIND: \"FOTA\",\"UPDATING\"", UPDATE(-1) },

		/* nothing of ours */
		{ "", NO_REPORT },
		{ "G", NO_REPORT },
		{ "+", NO_REPORT },
		{ "+G", NO_REPORT },
		{ "+Q", NO_REPORT },
		{ " ", NO_REPORT },
		{ "OK", NO_REPORT },
		{ "RING", NO_REPORT },
		{ "GTOTA", NO_REPORT },
		{ "GTOTA ", NO_REPORT },
		{ "GTOTA:", NO_REPORT },
		{ "GTOTADOWNLOAD START", NO_REPORT },
		{ "GTOTA DOWNLOAD", NO_REPORT },
		{ "GTOTA DOWNLOAD STARTED", NO_REPORT },
		{ "GTOTA DOWNLOADINGS: 5%", NO_REPORT },
		{ "GTOTA COMPLETE", NO_REPORT },
		{ "GTOTA UPDATED", NO_REPORT },
		{ "+CGEV: ME PDN DEACT 1", NO_REPORT },
		{ "+GTOTA: <type>,<\"url\">[,<\"filename\">,<\"username\">,<\"password\">]",
			NO_REPORT },
		{ "+GTOTA: (0-1)", NO_REPORT },
		{ "AT+GTOTA=0,\"http://host/GTOTA DOWNLOAD START\"", NO_REPORT },
		{ "+GTSET: \"CALLBREAK\",1", NO_REPORT },
		{ "+QIND: \"FOTA\",\"HTTPSTART\"", NO_REPORT },
		{ "+QIND: \"FOTA\",\"DOWNLOADING\",7", NO_REPORT },
		{ "+QIND: \"csq\",20,99", NO_REPORT },
		{ "+QIND", NO_REPORT },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(reports); i++) {
		struct gtota_report report = { GTOTA_REPORT_START, -2 };
		bool is_report = gtota_parse_report(reports[i].line, &report);

		if (is_report != reports[i].is_report || report.type != reports[i].report.type ||
			report.percent != reports[i].report.percent)
			fail_msg("'%s': %d, type %d, percent %d", reports[i].line, is_report,
				report.type, report.percent);
	}
}

/* Every number in the documented spelling, and every line cut short. */
static void test_all_percentages(void **state)
{
	(void) state;

	for (int percent = 0; percent <= 1000; percent++) {
		struct gtota_report report;
		char line[40];

		snprintf(line, sizeof(line), "GTOTA DOWNLOADING: %d%%", percent);
		assert_true(gtota_parse_report(line, &report));
		assert_int_equal(report.type, GTOTA_REPORT_PROGRESS);
		assert_int_equal(report.percent, percent <= 100 ? percent : -1);
		for (size_t n = 0; n < strlen("GTOTA DOWNLOADING"); n++) {
			line[strlen("GTOTA DOWNLOADING") - 1 - n] = '\0';
			assert_false(gtota_parse_report(line, &report));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_and_build),
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_url_characters),
		cmocka_unit_test(test_field_length),
		cmocka_unit_test(test_line_length),
		cmocka_unit_test(test_buffer_size),
		cmocka_unit_test(test_masked),
		cmocka_unit_test(test_problem_text),
		cmocka_unit_test(test_reports),
		cmocka_unit_test(test_all_percentages),
	};

	return cmocka_run_group_tests_name("core/gtota", tests, NULL, NULL);
}
