/* "5" and "10%". */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/share.h"

static void test_share(void **state UNUSED)
{
	static const struct {
		const char *text;
		int r;
		struct share share;
	} rows[] = {
		{ "1", 0, { 1, false } },
		{ "999999", 0, { 999999, false } },
		{ "1%", 0, { 1, true } },
		{ "100%", 0, { 100, true } },
		{ "101%", -EINVAL, { 0 } },
		{ "0", -EINVAL, { 0 } },
		{ "0%", -EINVAL, { 0 } },
		{ "01", -EINVAL, { 0 } },
		{ "1000000", -EINVAL, { 0 } },
		{ "", -EINVAL, { 0 } },
		{ "%", -EINVAL, { 0 } },
		{ "10 %", -EINVAL, { 0 } },
		{ "10%%", -EINVAL, { 0 } },
		{ "-1", -EINVAL, { 0 } },
		{ "1.5", -EINVAL, { 0 } },
	};
	static const struct {
		struct share share;
		unsigned n, value;
	} parts[] = {
		{ { 10, true }, 0, 0 },
		{ { 10, true }, 1, 1 },
		{ { 10, true }, 10, 1 },
		{ { 10, true }, 11, 2 },
		{ { 100, true }, 7, 7 },
		{ { 1, true }, 4000000000, 40000000 },
		{ { 5, false }, 7, 5 },
		{ { 5, false }, 3, 3 },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct share share = { 0 };

		assert_int_equal(share_parse(rows[i].text, &share), rows[i].r);
		assert_int_equal(share.value, rows[i].share.value);
		assert_int_equal(share.percent, rows[i].share.percent);
	}
	for (size_t i = 0; i < ELEMENTSOF(parts); i++)
		assert_int_equal(share_of(parts[i].share, parts[i].n), parts[i].value);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_share) };

	return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
