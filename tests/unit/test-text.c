#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"

static void copies_whole_or_not_at_all(void **state UNUSED)
{
	char buffer[4] = "old";

	assert_int_equal(text_copy(buffer, sizeof(buffer), "abcd"), -EMSGSIZE);
	assert_string_equal(buffer, "old");
	assert_int_equal(text_copy(buffer, 0, ""), -EMSGSIZE);
	assert_string_equal(buffer, "old");
	assert_int_equal(text_copy(buffer, sizeof(buffer), "abc"), 0);
	assert_string_equal(buffer, "abc");
	assert_int_equal(text_copy_n(buffer, sizeof(buffer), "xyzuvw", 2), 0);
	assert_string_equal(buffer, "xy");
	assert_int_equal(text_copy_n(buffer, sizeof(buffer), "xyzuvw", 4), -EMSGSIZE);
	assert_string_equal(buffer, "xy");
	assert_int_equal(text_copy(buffer, sizeof(buffer), ""), 0);
	assert_string_equal(buffer, "");
}

static void formats_whole_or_not_at_all(void **state UNUSED)
{
	char buffer[6] = "old";

	assert_int_equal(text_format(buffer, sizeof(buffer), "%d-%s", 12, "abc"), -EMSGSIZE);
	assert_string_equal(buffer, "old");
	assert_int_equal(text_format(buffer, 0, "%s", ""), -EMSGSIZE);
	assert_int_equal(text_format(buffer, sizeof(buffer), "%d-%s", 12, "ab"), 0);
	assert_string_equal(buffer, "12-ab");
}

static void joins_whole_or_not_at_all(void **state UNUSED)
{
	char buffer[6] = "old";

	assert_int_equal(text_join(buffer, sizeof(buffer), "abc", "", "def", NULL), -EMSGSIZE);
	assert_string_equal(buffer, "old");
	assert_int_equal(text_join(buffer, 0, NULL), -EMSGSIZE);
	assert_int_equal(text_join(buffer, sizeof(buffer), "abc", "", "de", NULL), 0);
	assert_string_equal(buffer, "abcde");
	assert_int_equal(text_join(buffer, sizeof(buffer), NULL), 0);
	assert_string_equal(buffer, "");
}

static void compares(void **state UNUSED)
{
	assert_true(text_equal("a", "a"));
	assert_false(text_equal("a", "A"));
	assert_false(text_equal("a", NULL));
	assert_false(text_equal(NULL, "a"));
	assert_true(text_equal(NULL, NULL));

	assert_true(text_equal_nocase("+Cpin:", "+CPIN:"));
	assert_false(text_equal_nocase("+CPIN", "+CPIN:"));
	assert_false(text_equal_nocase("+CPIN:", "+CPIN"));
	assert_false(text_equal_nocase("@", "`")); /* differ by 0x20, but are no letters */
	assert_false(text_equal_nocase("[", "{"));
	assert_false(text_equal_nocase("\xc4", "\xe4"));
	assert_false(text_equal_nocase("", NULL));
	assert_true(text_equal_nocase(NULL, NULL));

	assert_true(text_starts_with("abc", "ab"));
	assert_true(text_starts_with("abc", ""));
	assert_false(text_starts_with("ab", "abc"));
	assert_false(text_starts_with("Abc", "ab"));
	assert_true(text_starts_with_nocase("+CREG: 1", "+creg:"));
	assert_true(text_starts_with_nocase("", ""));
	assert_false(text_starts_with_nocase("+CRE", "+CREG"));
}

static void knows_printable_bytes(void **state UNUSED)
{
	assert_true(text_is_printable(" ~", 2));
	assert_true(text_is_printable("\n", 0));
	assert_false(text_is_printable("a\n", 2));
	assert_false(text_is_printable("\x7f", 1));
	assert_false(text_is_printable("\x80", 1));
	assert_false(text_is_printable("\xff", 1));
	assert_false(text_is_printable("a\0b", 3));
}

static void escapes(void **state UNUSED)
{
	static const struct {
		const char *source;
		size_t n, size;
		const char *shown;
	} rows[] = {
		{ "OK", 2, 32, "OK" },
		{ "\r\n\t\\\"", 5, 32, "\\r\\n\\t\\\\\"" },
		{ "\0\xff\x1b[2J\x7f", 7, 32, "\\x00\\xff\\x1b[2J\\x7f" },
		{ "\xc3\xa4", 2, 32, "\\xc3\\xa4" },
		{ "abcdef", 6, 7, "abcdef" },
		{ "abcdef", 6, 6, "ab..." },
		{ "abcdef", 6, 5, "a..." },
		{ "abcdef", 6, 4, "..." },
		{ "abcdef", 6, 3, ".." },
		{ "abcdef", 6, 2, "." },
		{ "abcdef", 6, 1, "" },
		{ "a\xff", 2, 6, "a\\xff" },
		{ "a\xff", 2, 5, "a..." }, /* never half an escape */
		{ "\xff\xff", 2, 8, "\\xff..." },
		{ "\xff\xff", 2, 7, "..." },
		{ "", 0, 1, "" },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		char buffer[33];
		size_t n;

		memset(buffer, '#', sizeof(buffer));
		n = text_escape(buffer, rows[i].size, rows[i].source, rows[i].n);
		assert_string_equal(buffer, rows[i].shown);
		assert_int_equal(n, strlen(rows[i].shown));
		assert_int_equal(buffer[rows[i].size], '#');
	}
	assert_int_equal(text_escape(NULL, 0, "a", 1), 0);
}

static void counts_edits(void **state UNUSED)
{
	char longest[66];

	assert_int_equal(text_distance("", ""), 0);
	assert_int_equal(text_distance("target", "target"), 0);
	assert_int_equal(text_distance("", "abc"), 3);
	assert_int_equal(text_distance("abc", ""), 3);
	assert_int_equal(text_distance("kitten", "sitting"), 3);
	assert_int_equal(text_distance("baudrate", "baud_rate"), 1);
	assert_int_equal(text_distance("prot", "port"), 2);

	memset(longest, 'x', sizeof(longest));
	longest[64] = '\0';
	assert_int_equal(text_distance(longest, "x"), 63);
	assert_int_equal(text_distance("x", longest), 63);
	longest[64] = 'x';
	longest[65] = '\0';
	assert_true(text_distance(longest, "x") == SIZE_MAX);
	assert_true(text_distance("x", longest) == SIZE_MAX);
}

static void hashes(void **state UNUSED)
{
	/* test vectors of the algorithm's authors */
	assert_true(text_hash(0, "", 0) == UINT64_C(0xcbf29ce484222325));
	assert_true(text_hash(0, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(text_hash(0, "foobar", 6) == UINT64_C(0x85944171f73967e8));
	assert_true(text_hash(text_hash(0, "foo", 3), "bar", 3) == text_hash(0, "foobar", 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_whole_or_not_at_all),
		cmocka_unit_test(formats_whole_or_not_at_all),
		cmocka_unit_test(joins_whole_or_not_at_all),
		cmocka_unit_test(compares),
		cmocka_unit_test(knows_printable_bytes),
		cmocka_unit_test(escapes),
		cmocka_unit_test(counts_edits),
		cmocka_unit_test(hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
