#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "core/at-channel.h"
#include "core/at-line.h"
#include "core/at-line-take.h"

static void tells_lines_apart(void **state UNUSED)
{
	static const struct {
		const char *line;
		enum at_line kind;
	} rows[] = {
		{ "", AT_LINE_OTHER },
		{ "OK", AT_LINE_OK },
		{ "O", AT_LINE_OTHER },
		{ "OK2", AT_LINE_OTHER },
		{ "ok", AT_LINE_OTHER },
		{ "ERROR", AT_LINE_ERROR },
		{ "ERROR: 50", AT_LINE_ERROR },
		{ "ERRO", AT_LINE_OTHER },
		{ "ERRORS", AT_LINE_OTHER },
		{ "+CME ERROR: 3", AT_LINE_ERROR },
		{ "+CME ERROR:3", AT_LINE_ERROR },
		{ "+CMS ERROR: 3", AT_LINE_ERROR },
		{ "+CMEE: 1", AT_LINE_OTHER },
		{ "+", AT_LINE_OTHER },
		{ "COMMAND NOT SUPPORT", AT_LINE_ERROR },
		{ "COMMAND NOT SUPPORTED", AT_LINE_ERROR },
		{ "COMMAND", AT_LINE_OTHER },
		{ "CONNECT", AT_LINE_OTHER },
		{ "MODEM ERROR", AT_LINE_ERROR },
		{ "Model: L610", AT_LINE_OTHER },
		{ "NA", AT_LINE_ERROR },
		{ "NAN", AT_LINE_OTHER },
		{ "NO CARRIER", AT_LINE_CALL },
		{ "NO DIALTONE", AT_LINE_CALL },
		{ "NO DIAL TONE", AT_LINE_CALL },
		{ "NO ANSWER", AT_LINE_CALL },
		{ "NO", AT_LINE_OTHER },
		{ "NL668-EAU", AT_LINE_OTHER },
		{ "BUSY", AT_LINE_CALL },
		{ "BUSYBOX", AT_LINE_OTHER },
		{ "RING", AT_LINE_OTHER },
		{ "0", AT_LINE_NUMERIC },
		{ "1", AT_LINE_OTHER },
		{ "2", AT_LINE_OTHER },
		{ "3", AT_LINE_NUMERIC },
		{ "9", AT_LINE_NUMERIC },
		{ "10", AT_LINE_OTHER },
		{ "861234567890123", AT_LINE_OTHER },
		{ "GTOTA DOWNLOADING: 5%", AT_LINE_OTHER },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		if (at_line_kind(rows[i].line, strlen(rows[i].line)) != rows[i].kind)
			fail_msg("\"%s\"", rows[i].line);
}

static void knows_unsolicited_lines(void **state UNUSED)
{
	static const struct {
		const char *line;
		bool gtota, boot, unsolicited;
	} rows[] = {
		{ "GTOTA DOWNLOAD START", true, false, true },
		{ "GTOTA DOWNLOADING: 5%", true, false, true },
		{ "GTOTA DOWNLOAD FAILED: 5", true, false, true },
		{ "+GTOTA: DOWNLOADING:5", true, false, true },
		{ "+GTOTA DOWNLOAD COMPLETE", true, false, true },
		{ "gtota: downloading 5 %", true, false, true },
		{ "GTOTA START", true, false, true },
		{ "GTOTA UPDATE 7%", true, false, true },
		{ "+GTOTA: <type>,<\"url\">", false, false, false },
		{ "+GTOTA: (0-1),255", false, false, false },
		{ "+GTOTA: 0", false, false, false },
		{ "GTOTA", false, false, false },
		{ "GTOTA: ", false, false, false },
		{ "++GTOTA DOWNLOAD", false, false, false },
		{ "AT command ready", false, true, true },
		{ "~~AT command ready", false, true, true },
		{ "AT READY", false, true, true },
		{ "RDY", false, true, true },
		{ "+SIM READY", false, true, true },
		{ "+SIM DROP", false, false, true },
		{ "+SIM: Inserted", false, false, true },
		{ "+SIM: Removed", false, false, true },
		{ "Sim drop", false, false, true },
		{ "PB DONE", false, false, true },
		{ "SMS Ready", false, false, true },
		{ "Call Ready", false, false, true },
		{ "RING", false, false, true },
		{ "+CRING: VOICE", false, false, true },
		{ "NO CARRIER", false, false, true },
		{ "+CMTI: \"SM\",3", false, false, true },
		{ "+CREG: 1", false, false, true },
		{ "+CGREG: 1", false, false, true },
		{ "+cereg: 1,\"1A2D\"", false, false, true },
		{ "+CGEV: ME PDN ACT 1", false, false, true },
		{ "+CTZV: +08", false, false, true },
		{ "^MODE: 17,17", false, false, true },
		{ "+MIPCALL: 10.112.241.69", false, false, true },
		{ "+QIND: \"FOTA\",\"UPDATING\",7", false, false, true },
		{ "RDY2", false, false, false },
		{ "RINGO", false, false, false },
		{ "+CGMR: \"16000\"", false, false, false },
		{ "+CGSN: \"861234567890123\"", false, false, false },
		{ "+GCAP: +CGSM", false, false, false },
		{ "ESN: +GSN: 0x0", false, false, false },
		{ "16000.1000.00.96.64.04", false, false, false },
		{ "L610-CN-62-36", false, false, false },
		{ "Fibocom Wireless Inc.", false, false, false },
		{ "AT", false, false, false },
		{ "OK", false, false, false },
		{ "", false, false, false },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		if (at_line_is_gtota(rows[i].line) != rows[i].gtota ||
			at_is_boot_text(rows[i].line) != rows[i].boot ||
			at_is_unsolicited(rows[i].line) != rows[i].unsolicited)
			fail_msg("\"%s\"", rows[i].line);
}

/* Every byte at every place of a word: the fast scan must see what a slow one sees. */
static void sees_every_byte(void **state UNUSED)
{
	for (size_t size = 1; size < 40; size++)
		for (size_t at = 0; at < size; at++)
			for (unsigned byte = 0; byte < 256; byte++) {
				struct at_line_buffer b = { 0 };
				bool is_end = byte == '\r' || byte == '\n';
				char *data = malloc(size), *line;
				size_t taken, line_size = 0;

				memset(data, 'x', size);
				data[at] = (char) byte;
				taken = at_line_take(&b, data, size, &line, &line_size);
				assert_int_equal(line != NULL, is_end && at > 0);
				assert_int_equal(taken, line ? at + 1 : size);
				assert_int_equal(line_size, line ? at : 0);
				assert_int_equal(b.size, line ? 0 : size - (byte == 0 || is_end));
				assert_int_equal(at_line_is_begun(&b), b.size > 0);
				if (byte != 0 && !is_end)
					assert_memory_equal(b.bytes, data, size);
				free(data);
			}
}

/* A short way must lead where the long one does, or nowhere: any byte at any place, in two pieces, after noise, in a full
 * buffer. */
static void plain_is_the_same(void **state UNUSED)
{
	static const size_t filled[] = { 0, 1, 7, AT_LINE_MAX - 9, AT_LINE_MAX - 1, AT_LINE_MAX };
	char data[24], *line;
	unsigned plain = 0, other = 0;

	for (size_t size = 0; size <= sizeof(data); size++)
		for (size_t at = 0; at < size; at++)
			for (unsigned i = 0; i < 256 * ELEMENTSOF(filled); i++) {
				struct at_line_buffer b = { .size = filled[i / 256] }, long_way, before;
				size_t taken, line_size = 0, plain_size = 77;

				memset(b.bytes, 'G', b.size);
				memset(data, 'G', sizeof(data));
				memset(data + at, i % 2 ? '\r' : '\n', size - at);
				data[at] = (char) i;
				long_way = before = b;
				taken = at_line_take(&long_way, data, size, &line, &line_size);
				if (at_line_take_plain(&b, data, size, 'G', &plain_size) == 0) {
					assert_int_equal(b.size, before.size);
					assert_int_equal(b.skipping, before.skipping);
					assert_memory_equal(b.bytes, before.bytes, before.size);
					other++;
					continue;
				}
				plain++;
				assert_int_equal(at_line_take_plain(&before, data, size, 'G', &plain_size),
					taken);
				assert_int_equal(plain_size, line ? line_size : 0);
				assert_int_equal(b.size, long_way.size);
				assert_int_equal(b.skipping, long_way.skipping);
				assert_memory_equal(b.bytes, long_way.bytes, line ? line_size + 1 : b.size);
				if (line)
					assert_ptr_equal(line, long_way.bytes);
			}
	assert_true(plain > 10000 && other > 10000);
}

static void plain_leaves_the_odd(void **state UNUSED)
{
	static const struct {
		struct at_line_buffer b;
		const char *bytes;
	} rows[] = {
		{ { 0 }, "" },
		{ { 0 }, "OK\r\n" },
		{ { .size = 1, .bytes = "O" }, "K\r\n" },
		{ { .bytes = "G" }, "\xff\r\n" },
		{ { .bytes = "GT" }, "\x01" "GTOTA\r\n" },
		{ { .size = AT_LINE_MAX, .skipping = true, .bytes = "G" }, "x\r\n" },
		{ { .size = AT_LINE_MAX, .skipping = true, .bytes = "G" }, "\r\n" },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct at_line_buffer b = rows[i].b;
		size_t size;

		assert_int_equal(at_line_take_plain(&b, rows[i].bytes, strlen(rows[i].bytes), 'G', &size), 0);
		assert_int_equal(b.size, rows[i].b.size);
		assert_int_equal(b.skipping, rows[i].b.skipping);
	}
}

static void passes_over_noise(void **state UNUSED)
{
	static const struct {
		const char *bytes, *line, *trimmed;
	} rows[] = {
		{ "OK\r", "OK", "OK" },
		{ "\xff\x01 OK \t\r", "OK \t", "OK" },
		{ "a\xff\r", "a\xff", "a\xff" },
		{ "\xff\xfe\r", "\xff\xfe", "\xff\xfe" },
		{ "  \r", "  ", "" },
		{ "\r\r\n\nOK\n", "OK", "OK" },
		{ "OK\r\n\r\n\n\r", "OK", "OK" },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct at_line_buffer b = { 0 };
		char *line;
		size_t size = strlen(rows[i].bytes), line_size = 0;

		assert_int_equal(at_line_take(&b, rows[i].bytes, size, &line, &line_size), size);
		assert_string_equal(line, rows[i].line);
		assert_int_equal(line_size, strlen(rows[i].line));
		assert_int_equal(at_line_trim(line, line_size), strlen(rows[i].trimmed));
		assert_string_equal(line, rows[i].trimmed);
		assert_false(at_line_is_begun(&b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_lines_apart),
		cmocka_unit_test(knows_unsolicited_lines),
		cmocka_unit_test(sees_every_byte),
		cmocka_unit_test(plain_is_the_same),
		cmocka_unit_test(plain_leaves_the_odd),
		cmocka_unit_test(passes_over_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
