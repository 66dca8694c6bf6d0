#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/macros.h"
#include "core/at-text.h"

static void finds_the_line(void **state UNUSED)
{
	static const struct {
		const char *text, *prefix;
		const char *rest; /* NULL: no such line */
	} rows[] = {
		{ "+CPIN: READY", "+CPIN:", "READY" },
		{ "+cpin:READY", "+CPIN:", "READY" },
		{ "  +CPIN:\t READY", "+CPIN:", "READY" },
		{ "+CSQ: 1,2\n+CPIN: READY\n+CSQ: 3", "+CPIN:", "READY" },
		{ "+CPIN: READY", "+CSQ:", NULL },
		{ "+CPIN", "+CPIN:", NULL },
		{ "+CPIN\n:", "+CPIN:", NULL },
		{ "x+CPIN: READY", "+CPIN:", NULL },
		{ "", "+CPIN:", NULL },
		{ "", "", NULL },
		{ "", NULL, NULL },
		{ "\n \n\t\n", NULL, NULL },
		{ "\n \n 16000.1000\nx", NULL, "16000.1000" },
		{ "L610-CN", "", "L610-CN" },
		{ "+CPIN:", "+CPIN:", "" },
		{ "+CPIN:   ", "+CPIN:", "" },
		{ "+CPIN:\nREADY", "+CPIN:", "" },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct at_text t = { 0 };
		bool found = at_text_find(&t, rows[i].text, rows[i].prefix);

		assert_int_equal(found, rows[i].rest != NULL);
		if (!found) {
			assert_null(t.p);
			continue;
		}
		assert_int_equal(t.end - t.p, strlen(rows[i].rest));
		assert_memory_equal(t.p, rows[i].rest, strlen(rows[i].rest));
	}
}

static void goes_on_to_the_next_line(void **state UNUSED)
{
	static const char text[] = "+GTSET: \"CALLBREAK\",1\nnoise\n+gtset: \"GPRSFIRST\",0\n";
	struct at_text t;
	char name[16];
	int64_t value;

	assert_true(at_text_find(&t, text, "+GTSET:"));
	assert_true(at_text_next(&t, "+GTSET:"));
	assert_int_equal(at_text_string(&t, name, sizeof(name)), 0);
	assert_string_equal(name, "GPRSFIRST");
	assert_int_equal(at_text_number(&t, &value), 0);
	assert_int_equal(value, 0);
	assert_false(at_text_next(&t, "+GTSET:"));
	assert_true(at_text_find(&t, text, NULL));
	assert_true(at_text_next(&t, NULL));
	assert_memory_equal(t.p, "noise\n", 6);
	assert_true(at_text_next(&t, ""));
	assert_false(at_text_next(&t, ""));
}

static void reads_numbers(void **state UNUSED)
{
	static const struct {
		const char *text;
		int r;
		int64_t value;
	} rows[] = {
		{ "0", 0, 0 },
		{ "7,8", 0, 7 },
		{ " 7 ,8", 0, 7 },
		{ "\t007", 0, 7 },
		{ "-113", 0, -113 },
		{ "+5", 0, 5 },
		{ "-0", 0, 0 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "-9223372036854775809", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "99999999999999999999999x", -EINVAL, 0 },
		{ ",5", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "+-5", -EINVAL, 0 },
		{ "5x", -EINVAL, 0 },
		{ "5 6", -EINVAL, 0 },
		{ "0x5", -EINVAL, 0 },
		{ "5.0", -EINVAL, 0 },
		{ "\"5\"", -EINVAL, 0 },
		{ "\xd9\xa3", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct at_text t;
		const char *before;
		int64_t value = 42;

		assert_true(at_text_find(&t, rows[i].text, NULL));
		before = t.p;
		assert_int_equal(at_text_number(&t, &value), rows[i].r);
		assert_true(value == (rows[i].r == 0 ? rows[i].value : 42));
		assert_int_equal(t.p == before, rows[i].r != 0);
	}
}

static void reads_strings(void **state UNUSED)
{
	static const struct {
		const char *text;
		int r;
		const char *value;
		size_t left;
	} rows[] = {
		{ "\"46011\",7", 0, "46011", 1 },
		{ " \"46011\" , 7", 0, "46011", 1 },
		{ "\"a,b\",7", 0, "a,b", 1 }, /* a comma in quotes is a character (protocol, 8.3) */
		{ "\"\",7", 0, "", 1 },
		{ ",7", 0, "", 1 },
		{ "READY", 0, "READY", 0 },
		{ "SIM PIN ", 0, "SIM PIN", 0 },
		{ "\"a\\22b\"", 0, "a\\22b", 0 },
		{ "\" a \"", 0, " a ", 0 },
		{ "a,b,c", 0, "a", 2 },
		{ "\"1234567\"", 0, "1234567", 0 },
		{ "\"12345678\"", -EMSGSIZE, NULL, 1 },
		{ "12345678,9", -EMSGSIZE, NULL, 2 },
		{ "\"open", -EINVAL, NULL, 1 },
		{ "\"open,7", -EINVAL, NULL, 1 },
		{ "\"", -EINVAL, NULL, 1 },
		{ "\"a\"b", -EINVAL, NULL, 1 },
		{ "\"a\"\"b\"", -EINVAL, NULL, 1 },
		{ "a\"b\"", -EINVAL, NULL, 1 },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct at_text t;
		const char *before;
		char value[8] = "old";

		assert_true(at_text_find(&t, rows[i].text, NULL));
		before = t.p;
		assert_int_equal(at_text_string(&t, value, sizeof(value)), rows[i].r);
		assert_string_equal(value, rows[i].r == 0 ? rows[i].value : "old");
		assert_int_equal(t.p == before, rows[i].r != 0);
		assert_int_equal(at_text_more(&t), rows[i].left > 0);
	}
}

/* A cursor never leaves its line. */
static void stops_at_the_end(void **state UNUSED)
{
	struct at_text t;
	char string[8] = "old";
	int64_t number = 42;

	assert_true(at_text_find(&t, "+X: 1,\n2", "+X:"));
	assert_int_equal(at_text_skip(&t), 0);
	assert_false(at_text_more(&t));
	assert_int_equal(at_text_skip(&t), -ENODATA);
	assert_int_equal(at_text_number(&t, &number), -ENODATA);
	assert_int_equal(at_text_string(&t, string, sizeof(string)), -ENODATA);
	assert_int_equal(number, 42);
	assert_string_equal(string, "old");
}

static void reads_what_modules_say(void **state UNUSED)
{
	struct at_text t;
	char operator[8], name[4];
	int64_t mode, format, act;

	assert_true(at_text_find(&t, "+COPS: 0,2,\"46011\",7", "+COPS:"));
	assert_int_equal(at_text_number(&t, &mode), 0);
	assert_int_equal(at_text_number(&t, &format), 0);
	assert_int_equal(at_text_string(&t, operator, sizeof(operator)), 0);
	assert_int_equal(at_text_number(&t, &act), 0);
	assert_false(at_text_more(&t));
	assert_string_equal(operator, "46011");
	assert_int_equal(act, 7);

	assert_true(at_text_find(&t, "+COPS: 0", "+COPS:")); /* not registered (protocol, 6.1) */
	assert_int_equal(at_text_skip(&t), 0);
	assert_int_equal(at_text_string(&t, name, sizeof(name)), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_line),
		cmocka_unit_test(goes_on_to_the_next_line),
		cmocka_unit_test(reads_numbers),
		cmocka_unit_test(reads_strings),
		cmocka_unit_test(stops_at_the_end),
		cmocka_unit_test(reads_what_modules_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
