#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/identity.h"

#define V60 "16000.1000.00.96.64.04.16000.1000.00.96.64.04.16000.1000.00."

static void test_fibocom(void **state)
{
	static const struct {
		const char *text;
		bool fibocom;
	} rows[] = {
		{ "Fibocom", true }, { "FIBOCOM", true }, { "Fibocom Wireless Inc.", true },
		{ "+CGMI: \"Fibocom Wireless Inc.\"", true }, { "+CGMI: Fibocom", true },
		{ "+GMI:\"FIBOCOM\"", true }, { "  fibocom\r", true }, { "RING\nFibocom", true },
		{ "Fibocom,Inc", true }, { "", false }, { "\n\n", false }, { "Fibo", false },
		{ "Fibocomm", false }, { "Fibocom2", false }, { "Not Fibocom", false },
		{ "\"Fibocom", false }, /* a quote that does not end */
		{ "Quectel", false }, { "+CGMI: \"Quectel\"", false },
		{ "+CMTI: Fibocom", false }, /* somebody else's label */
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		assert_int_equal(identity_is_fibocom(rows[i].text), rows[i].fibocom);
}

struct row {
	const char *text;
	int r;
	const char *value;
};

/* read is given a buffer of exactly size bytes, so that the sanitizer sees the first byte behind
 * it. */
static void check(const struct row *rows, size_t n, int (*read)(const char *, char *), char *buffer)
{
	for (size_t i = 0; i < n; i++) {
		strcpy(buffer, "untouched");
		assert_int_equal(read(rows[i].text, buffer), rows[i].r);
		assert_string_equal(buffer, rows[i].r == 0 ? rows[i].value : "untouched");
	}
}

static int read_model(const char *text, char *ret)
{
	return identity_read_model(text, ret);
}

static int read_version(const char *text, char *ret)
{
	return identity_read_version(text, ret);
}

static int read_imei(const char *text, char *ret)
{
	return identity_read_imei(text, ret);
}

static void test_model(void **state)
{
	static const struct row rows[] = {
		{ "L610-CN-62-36", 0, "L610-CN-62-36" },
		{ "L610", 0, "L610" },
		{ "\"NL668-EU-00\"", 0, "NL668-EU-00" },
		{ "+CGMM: \"NL668-EAU-10-01\",\"NL668\"", 0, "NL668-EAU-10-01" },
		{ "+CGMM: NL668-AM-10", 0, "NL668-AM-10" },
		{ "+gmm:\"L610-EU\"", 0, "L610-EU" },
		{ "+CGMM: \"L850 LTE Module\",\"L850-GL\"", 0, "L850 LTE Module" },
		{ "L610_CN_66_32_XINYADA-debug", 0, "L610_CN_66_32_XINYADA-debug" },
		{ " \r\n\n L610-CN \r\n", 0, "L610-CN" },
		{ "L610-CN , x", 0, "L610-CN" },
		/* lines that cannot be a model are passed over */
		{ "RING\nL610-CN", 0, "L610-CN" },
		{ "^MODE: 17,17\nL610-CN", 0, "L610-CN" },
		{ "+CEREG: 1\nL610-CN", 0, "L610-CN" },
		{ "AT command ready\nRDY\nL610-CN", 0, "L610-CN" },
		{ "GTOTA UPDATE 10\nL610-CN", 0, "L610-CN" },
		{ "AT+CGMM\nL610-CN", 0, "L610-CN" },
		/* a labelled line is the answer, good or bad */
		{ "+CGMM: \"\"\nL610-CN", -EINVAL, NULL },
		{ "+CGMM: \"L610\nL610-CN", -EINVAL, NULL },
		{ "", -EINVAL, NULL },
		{ "\n \n", -EINVAL, NULL },
		{ "RDY", -EINVAL, NULL },
		{ "861234567890123", -EINVAL, NULL },
		{ "L610\x1b[2J", -EINVAL, NULL },
		{ "L610\xc3\xa4", -EINVAL, NULL },
		{ "-L610", -EINVAL, NULL },
		{ "L61012345678901234567890123456789012345678901234", -EMSGSIZE, NULL },
		{ "L610123456789012345678901234567890123456789012345", -EMSGSIZE, NULL },
		{ "L6101234567890123456789012345678901234567890123", 0,
			"L6101234567890123456789012345678901234567890123" },
	};
	char model[MODEL_MAX];
	(void) state;

	check(rows, ELEMENTSOF(rows), read_model, model);
}

static void test_version(void **state)
{
	static const struct row rows[] = {
		{ "16000.1000.00.96.64.04", 0, "16000.1000.00.96.64.04" },
		{ "+CGMR: \"19906.5090.00.02.00.23\"", 0, "19906.5090.00.02.00.23" },
		{ "+GMR: \"16000.1208.00.86.02.02\"", 0, "16000.1208.00.86.02.02" },
		{ "+CGMR:19011.1000.00.02.73.13", 0, "19011.1000.00.02.73.13" },
		{ "\"19006.1000.00.02.79.62\",\"V1.0.1\"", 0, "19006.1000.00.02.79.62" },
		{ "DEVEL-g16000.1030-dirty", 0, "DEVEL-g16000.1030-dirty" },
		{ "19500.0000.00.01.02.80_6001.0000.007.000.075_A89", 0,
			"19500.0000.00.01.02.80_6001.0000.007.000.075_A89" },
		{ "+CGMR: V2.1 (debug)", 0, "V2.1 (debug)" },
		{ "AT+CGMR\n16000.1000.00.96.64.04", 0, "16000.1000.00.96.64.04" },
		{ "+CEREG: 1\n16000.1000.00.96.64.04", 0, "16000.1000.00.96.64.04" },
		{ "GTOTA DOWNLOADING: 5%\n16000.1000.00.96.64.04", 0, "16000.1000.00.96.64.04" },
		{ "GTOTA UPDATE 10%\nGTOTA UPDATE 10\n16000.1", 0, "16000.1" },
		{ "V2.1 (debug)", -EINVAL, NULL }, /* bare lines with spaces are reports */
		{ "0", -EINVAL, NULL },		   /* ATV0 */
		{ "861234567890123", -EINVAL, NULL },
		{ "RDY", -EINVAL, NULL },
		{ "", -EINVAL, NULL },
		{ "+CGMR: ", -EINVAL, NULL },
		{ "+CGMR: \"16000.1000\\22\"", -EINVAL, NULL },
		{ V60 "04", 0, V60 "04" },
		{ V60 "042", 0, V60 "042" },
		{ V60 "0421", -EMSGSIZE, NULL },
		{ "+CGMR: " V60 "0421", -EMSGSIZE, NULL },
	};
	char version[VERSION_MAX];
	(void) state;

	check(rows, ELEMENTSOF(rows), read_version, version);
}

static void test_imei(void **state)
{
	static const struct row rows[] = {
		{ "861234567890123", 0, "861234567890123" },
		{ "+CGSN: \"861234567890123\"", 0, "861234567890123" },
		{ "+CGSN: 861234567890123", 0, "861234567890123" },
		{ "+GSN: \"861234567890123\"", 0, "861234567890123" },
		{ "\n861234567890123\r\n", 0, "861234567890123" },
		{ "AT+CGSN=1\n861234567890123", 0, "861234567890123" },
		{ "+CEREG: 861234567890129\n861234567890123", 0, "861234567890123" },
		{ "8612345678901234", -EINVAL, NULL }, /* IMEISV */
		{ "86123456789012", -EINVAL, NULL },
		{ "86123456789012a", -EINVAL, NULL },
		{ "861234567 90123", -EINVAL, NULL },
		{ "+GSN: 0x0", -EINVAL, NULL },
		{ "\"861234567890123", -EINVAL, NULL },
		{ "+CGSN: \"8612345678901234\"\n861234567890123", -EINVAL, NULL },
		{ "", -EINVAL, NULL },
	};
	char imei[IMEI_SIZE];
	(void) state;

	check(rows, ELEMENTSOF(rows), read_imei, imei);
}

static void test_imei_is_valid(void **state)
{
	(void) state;

	assert_true(imei_is_valid("861234567890123"));
	assert_true(imei_is_valid("000000000000000")); /* check digits are not enforced */
	assert_false(imei_is_valid(""));
	assert_false(imei_is_valid("86123456789012"));
	assert_false(imei_is_valid("8612345678901234"));
	assert_false(imei_is_valid(" 86123456789012"));
	assert_false(imei_is_valid("86123456789012\n"));
	assert_false(imei_is_valid("86123456789012x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fibocom),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_imei),
		cmocka_unit_test(test_imei_is_valid),
	};

	return cmocka_run_group_tests_name("core/identity", tests, NULL, NULL);
}
