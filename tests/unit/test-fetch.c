/* What fotad and fotad-fetch tell each other, and what follows of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/fetch.h"

#define SUM "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

#define TIMES "limit 3145728\nstall 300000\ntimeout 3600000\n"

static void test_request(void **state UNUSED)
{
	struct fetch_request q = { GTOTA_FTP, "fota.example.net:21", "l610/28 29.bin", "fota", "a b=c",
		3145728, 5 * MINUTE, 1 * HOUR },
			     back;
	char text[FETCH_REQUEST_MAX];
	int n = fetch_format_request(&q, text, sizeof(text));

	assert_string_equal(text, "fotad-fetch 1\ntype ftp\n" TIMES "url fota.example.net:21\n"
				  "file l610/28 29.bin\nusername fota\npassword a b=c\n\n");
	assert_int_equal(n, strlen(text));
	assert_int_equal(fetch_parse_request(text, (size_t) n, &back), 0);
	assert_memory_equal(&q.limit, &back.limit, sizeof(q) - offsetof(struct fetch_request, limit));
	assert_int_equal(back.type, GTOTA_FTP);
	assert_string_equal(back.url, q.url);
	assert_string_equal(back.filename, q.filename);
	assert_string_equal(back.username, q.username);
	assert_string_equal(back.password, q.password);
	assert_int_equal(fetch_format_request(&q, text, (size_t) n), -EMSGSIZE);
	/* The longest fits. */
	memset(&q, 'x', offsetof(struct fetch_request, limit));
	q.type = GTOTA_FTP;
	q.url[255] = q.filename[255] = q.username[255] = q.password[255] = '\0';
	q.limit = UINT64_C(1) << 40;
	q.stall = q.timeout = 30 * DAY;
	n = fetch_format_request(&q, text, sizeof(text));
	assert_true(n > 0);
	assert_int_equal(fetch_parse_request(text, (size_t) n, &back), 0);
}

static void test_no_request(void **state UNUSED)
{
	static const char *const rows[] = {
		"",
		"\n",
		"fotad-fetch 1\n",
		"fotad-fetch 1\n\n",
		"fotad-fetch 2\ntype http\nurl http://x/x\n" TIMES "\n",
		"fotad-fetch 1\ntype http\nurl http://x/x\n" TIMES, /* no empty line */
		"fotad-fetch 1\ntype http\nurl http://x/x\n" TIMES "\nx",
		"fotad-fetch 1\ntype http\nurl http://x/x\nurl http://x/y\n" TIMES "\n",
		"fotad-fetch 1\ntype http\nurl http://x/x\ncolour red\n" TIMES "\n",
		"fotad-fetch 1\ntype http\nurl http://x/x\nsize 5\n" TIMES "\n", /* a key of the answer */
		"fotad-fetch 1\ntype https\nurl http://x/x\n" TIMES "\n",
		"fotad-fetch 1\ntype http\nurl https://x/x\n" TIMES "\n",
		"fotad-fetch 1\ntype http\nurl file:///etc/passwd\n" TIMES "\n",
		"fotad-fetch 1\ntype http\nurl http://u:p@x/x\n" TIMES "\n",
		"fotad-fetch 1\ntype http\nurl http://x/x\npassword p\n" TIMES "\n",
		"fotad-fetch 1\ntype http\nurl http://x/\x01\n" TIMES "\n",
		"fotad-fetch 1\ntype ftp\nurl x\nfile x\nusername u\n" TIMES "\n",
		"fotad-fetch 1\ntype http\nurl http://x/x\nlimit 0\nstall 1\ntimeout 1\n\n",
		"fotad-fetch 1\ntype http\nurl http://x/x\nlimit -1\nstall 1\ntimeout 1\n\n",
		"fotad-fetch 1\ntype http\nurl http://x/x\nlimit 99999999999999\nstall 1\ntimeout 1\n\n",
		"fotad-fetch 1\ntype http\nurl http://x/x\nlimit 5\nstall 1\ntimeout 9999999999\n\n",
		"fotad-fetch 1\ntype http\nurl http://x/x\nlimit 5\nstall \ntimeout 1\n\n",
		"fotad-fetch 1\ntype http\nurl http://x/x\nlimit 5\nstall 1\n\n",
		"fotad-fetch 1\ntype\nurl http://x/x\n" TIMES "\n",
	};
	struct fetch_request q, wiped = { 0 };

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		memset(&q, 0x55, sizeof(q));
		if (fetch_parse_request(rows[i], strlen(rows[i]), &q) != -EINVAL)
			fail_msg("taken: %s", rows[i]);
		assert_memory_equal(&q, &wiped, sizeof(q)); /* it may have held a password */
	}
}

static void test_answer(void **state UNUSED)
{
	struct fetch_answer a = { .size = 734003, .sha256 = SUM }, back;
	char text[FETCH_ANSWER_MAX];
	int n = fetch_format_answer(&a, text, sizeof(text));

	assert_string_equal(text, "fotad-fetch 1\nsize 734003\nsha256 " SUM "\n\n");
	assert_int_equal(fetch_parse_answer(text, (size_t) n, &back), 0);
	assert_int_equal(back.problem, FETCH_FINE);
	assert_int_equal(back.size, 734003);
	assert_string_equal(back.sha256, SUM);
	for (int i = FETCH_UNREACHABLE; i <= FETCH_INTERNAL; i++) {
		a = (struct fetch_answer){ .problem = (enum fetch_problem) i, .text = "the server answers 404" };
		n = fetch_format_answer(&a, text, sizeof(text));
		assert_true(n > 0);
		assert_int_equal(fetch_parse_answer(text, (size_t) n, &back), 0);
		assert_int_equal(back.problem, i);
		assert_string_equal(back.text, a.text);
	}
}

static void test_no_answer(void **state UNUSED)
{
	static const char *const rows[] = {
		"",
		"fotad-fetch 1\n\n",
		"fotad-fetch 1\nsize 1\n\n",
		"fotad-fetch 1\nsha256 " SUM "\n\n",
		"fotad-fetch 1\nsize 1\nsha256 " SUM,
		"fotad-fetch 1\nsize 1\nsha256 " SUM "0\n\n",
		"fotad-fetch 1\nsize 1\nsha256 9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08\n\n",
		"fotad-fetch 1\nsize 1\nsha256 " SUM "\ntext x\n\n",
		"fotad-fetch 1\nproblem moon\ntext x\n\n",
		"fotad-fetch 1\nproblem \ntext x\n\n",
		"fotad-fetch 1\nproblem login\n\n",
		"fotad-fetch 1\nproblem login\ntext x\nsize 1\n\n",
		"fotad-fetch 1\nproblem login\ntext \x1b[2J\n\n",
		"fotad-fetch 1\nproblem login\ntext 0123456789012345678901234567890123456789012345678901234567890123456789"
		"012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n\n",
	};
	struct fetch_answer a;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		if (fetch_parse_answer(rows[i], strlen(rows[i]), &a) != -EINVAL)
			fail_msg("taken: %s", rows[i]);
}

static void test_addresses(void **state UNUSED)
{
	static const struct {
		struct fetch_request request;
		const char *url, *shown;
	} rows[] = {
		{ { GTOTA_HTTP, "http://h:80/a/b.bin?key=x y", "", "", "", 1, 1, 1 }, "http://h:80/a/b.bin?key=x y",
			"http://h:80/a/b.bin?***" },
		{ { GTOTA_HTTP, "http://h/a", "", "", "", 1, 1, 1 }, "http://h/a", "http://h/a" },
		{ { GTOTA_FTP, "h:2121", "l610/28 29#.bin", "u", "p", 1, 1, 1 }, "ftp://h:2121/l610/28%2029%23.bin",
			"h:2121/l610/28 29#.bin" },
		{ { GTOTA_FTP, "FTP://h", "a?b", "u", "p", 1, 1, 1 }, "ftp://h/a%3Fb", "h/a?b" },
	};
	char url[FETCH_URL_MAX], shown[FETCH_SAID_MAX];

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		assert_int_equal(fetch_url(&rows[i].request, url), 0);
		assert_string_equal(url, rows[i].url);
		fetch_show(rows[i].request.type, rows[i].request.url, rows[i].request.filename, shown);
		assert_string_equal(shown, rows[i].shown);
	}
}

static void test_judge(void **state UNUSED)
{
	static const struct {
		struct fetch_answer answer;
		uint64_t size;
		const char *sha256;
		enum fetch_verdict verdict;
		const char *text;
	} rows[] = {
		{ { FETCH_FINE, 5, SUM, "" }, 5, SUM, FETCH_SAME, "" },
		{ { FETCH_FINE, 5, SUM, "" }, 0, NULL, FETCH_SAME, "" }, /* the package does not say */
		{ { FETCH_FINE, 5, SUM, "" }, 5, "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",
			FETCH_SAME, "" },
		{ { FETCH_FINE, 4, SUM, "" }, 5, SUM, FETCH_DIFFERS, "it has 4 bytes, and the package says 5" },
		{ { FETCH_FINE, 5, SUM, "" }, 5, "0f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
			FETCH_DIFFERS,
			"its SHA-256 is " SUM
			", and the package says 0f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" },
		{ { FETCH_NOT_FOUND, 0, "", "the server answers 404" }, 5, SUM, FETCH_DIFFERS, "the server answers 404" },
		{ { FETCH_LOGIN, 0, "", "no" }, 5, SUM, FETCH_DIFFERS, "no" },
		{ { FETCH_REFUSED, 0, "", "no" }, 5, SUM, FETCH_DIFFERS, "no" },
		{ { FETCH_MOVED, 0, "", "no" }, 5, SUM, FETCH_DIFFERS, "no" },
		{ { FETCH_TOO_LARGE, 0, "", "no" }, 5, SUM, FETCH_DIFFERS, "no" },
		{ { FETCH_UNREACHABLE, 0, "", "no" }, 5, SUM, FETCH_UNKNOWN, "no" },
		{ { FETCH_SILENT, 0, "", "no" }, 5, SUM, FETCH_UNKNOWN, "no" },
		{ { FETCH_BROKEN, 0, "", "no" }, 5, SUM, FETCH_UNKNOWN, "no" },
		{ { FETCH_INTERNAL, 0, "", "no" }, 5, SUM, FETCH_UNKNOWN, "no" },
	};
	char text[FETCH_SAID_MAX];

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		assert_int_equal(fetch_judge(&rows[i].answer, rows[i].size, rows[i].sha256, text), rows[i].verdict);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_no_request),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_judge),
	};

	return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
