#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/macros.h"
#include "core/at-error.h"

static void reads_numbers_and_words(void **state UNUSED)
{
	static const struct {
		const char *line;
		enum at_error_table table;
		int number;
	} rows[] = {
		{ "ERROR", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "COMMAND NOT SUPPORT", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "NO CARRIER", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "MODEM ERROR", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "NA", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "4", AT_ERROR_STANDARD, AT_ERROR_NONE }, /* ATV0, not a number of +CME ERROR */
		{ "", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "+CME ERROR: 50", AT_ERROR_STANDARD, 50 },
		{ "+CME ERROR: 50", AT_ERROR_L610, 50 },
		{ "+CME ERROR:50", AT_ERROR_STANDARD, 50 },
		{ "+CME ERROR :  50", AT_ERROR_STANDARD, 50 },
		{ "+cme error: 0", AT_ERROR_STANDARD, 0 },
		{ "ERROR: 3", AT_ERROR_STANDARD, 3 },
		{ "+CME ERROR: 2004", AT_ERROR_L610, 2004 },
		{ "+CME ERROR: 99999", AT_ERROR_STANDARD, 99999 },
		{ "+CME ERROR: 100000", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "+CME ERROR: 99999999999999999999", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "+CME ERROR: -1", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "+CME ERROR: 5x", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "+CME ERROR:", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "+CME ERROR", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "+CME ERROR 50", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "+CMS ERROR: 302", AT_ERROR_L610, AT_ERROR_NONE },
		{ "+CME ERROR: incorrect parameters", AT_ERROR_STANDARD, 50 },
		{ "+CME ERROR: Incorrect Parameters", AT_ERROR_STANDARD, 50 },
		{ "+CME ERROR: incorrect parameters", AT_ERROR_L610, AT_ERROR_NONE },
		{ "+CME ERROR: execute fail", AT_ERROR_L610, 50 },
		{ "+CME ERROR: execute fail", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "+CME ERROR: SIM not inserted", AT_ERROR_STANDARD, 10 },
		{ "+CME ERROR: SIM NOT INSERTED", AT_ERROR_L610, 10 },
		{ "+CME ERROR: PH-SIM PIN required", AT_ERROR_STANDARD, 5 },
		{ "+CME ERROR: PH_SIM PIN required", AT_ERROR_STANDARD, 5 },
		{ "+CME ERROR: SIM", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "+CME ERROR: SIM busy now", AT_ERROR_STANDARD, AT_ERROR_NONE },
		{ "+CME ERROR: FTP active", AT_ERROR_L610, 64 },
		{ "+CME ERROR: gremlins", AT_ERROR_L610, AT_ERROR_NONE },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		int number = at_error_number(rows[i].line, rows[i].table);

		if (number != rows[i].number)
			fail_msg("\"%s\" gave %d", rows[i].line, number);
	}
}

static void speaks_the_tables_language(void **state UNUSED)
{
	assert_string_equal(at_error_text(50, AT_ERROR_STANDARD), "incorrect parameters");
	assert_string_equal(at_error_text(50, AT_ERROR_L610), "execute fail");
	assert_string_equal(at_error_text(10, AT_ERROR_L610), "SIM not inserted");
	assert_string_equal(at_error_text(901, AT_ERROR_L610), "PDP deactivated");
	assert_string_equal(at_error_text(901, AT_ERROR_STANDARD), "unknown error");
	assert_string_equal(at_error_text(2004, AT_ERROR_L610), "unknown error");
	assert_string_equal(at_error_text(AT_ERROR_NONE, AT_ERROR_L610), "unknown error");
	assert_string_equal(at_error_text(-7, AT_ERROR_STANDARD), "unknown error");
}

static void knows_what_is_worth_a_retry(void **state UNUSED)
{
	static const struct {
		int number;
		enum at_error_class standard, l610;
	} rows[] = {
		{ AT_ERROR_NONE, AT_ERROR_UNKNOWN, AT_ERROR_UNKNOWN },
		{ 3, AT_ERROR_LATER, AT_ERROR_LATER },
		{ 4, AT_ERROR_PERMANENT, AT_ERROR_PERMANENT },
		{ 5, AT_ERROR_PERSON, AT_ERROR_PERSON },
		{ 10, AT_ERROR_PERSON, AT_ERROR_PERSON },
		{ 14, AT_ERROR_LATER, AT_ERROR_LATER },
		{ 18, AT_ERROR_PERSON, AT_ERROR_PERSON },
		{ 24, AT_ERROR_PERMANENT, AT_ERROR_PERMANENT },
		{ 25, AT_ERROR_PERMANENT, AT_ERROR_PERMANENT },
		{ 30, AT_ERROR_LATER, AT_ERROR_LATER },
		{ 31, AT_ERROR_LATER, AT_ERROR_LATER },
		{ 50, AT_ERROR_PERMANENT, AT_ERROR_UNKNOWN },
		{ 53, AT_ERROR_UNKNOWN, AT_ERROR_PERMANENT },
		{ 57, AT_ERROR_LATER, AT_ERROR_UNKNOWN },
		{ 58, AT_ERROR_UNKNOWN, AT_ERROR_PERMANENT },
		{ 60, AT_ERROR_LATER, AT_ERROR_UNKNOWN },
		{ 64, AT_ERROR_UNKNOWN, AT_ERROR_LATER },
		{ 148, AT_ERROR_LATER, AT_ERROR_LATER },
		{ 901, AT_ERROR_UNKNOWN, AT_ERROR_LATER },
		{ 911, AT_ERROR_UNKNOWN, AT_ERROR_LATER },
		{ 916, AT_ERROR_UNKNOWN, AT_ERROR_LATER },
		{ 918, AT_ERROR_UNKNOWN, AT_ERROR_LATER },
		{ 980, AT_ERROR_UNKNOWN, AT_ERROR_PERMANENT },
		{ 2004, AT_ERROR_UNKNOWN, AT_ERROR_UNKNOWN },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		int number = rows[i].number;

		if (at_error_class(number, AT_ERROR_STANDARD) != rows[i].standard ||
			at_error_class(number, AT_ERROR_L610) != rows[i].l610)
			fail_msg("%d is in another class", number);
	}
}

/* Every text leads back to its own number, in the table in which it was found. */
static void texts_lead_back(void **state UNUSED)
{
	static const enum at_error_table tables[] = { AT_ERROR_STANDARD, AT_ERROR_L610 };
	static const size_t least[] = { 75, 110 };

	for (size_t i = 0; i < ELEMENTSOF(tables); i++) {
		size_t known = 0;

		for (int number = 0; number < 3000; number++) {
			const char *text = at_error_text(number, tables[i]);
			char line[128] = "+CME ERROR: ";

			assert_non_null(text);
			if (strcmp(text, "unknown error") == 0)
				continue;
			known++;
			strcat(line, text);
			assert_int_equal(at_error_number(line, tables[i]), number);
		}
		assert_in_range(known, least[i], 200);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_numbers_and_words),
		cmocka_unit_test(speaks_the_tables_language),
		cmocka_unit_test(knows_what_is_worth_a_retry),
		cmocka_unit_test(texts_lead_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
