/*
 * Paths of objects are those of sd_bus_path_encode(), which every client can call.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/bus-internal.h"

static void compare(const char *name)
{
	char path[BUS_PATH_MAX], *encoded = NULL;

	assert_true(sd_bus_path_encode(BUS_CAMPAIGNS, name, &encoded) >= 0);
	bus_path_of(BUS_CAMPAIGNS, name, path);
	assert_string_equal(path, encoded);
	assert_true(sd_bus_object_path_is_valid(path));
	free(encoded);
}

static void test_names(void **state UNUSED)
{
	static const char *const names[] = { "a", "pump-07", "a.b_c-d", "Z9", "a__b", "_5f" };

	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		compare(names[i]);
}

/* The longest name, each byte of it escaped but the first. */
static void test_longest(void **state UNUSED)
{
	char name[NAME_MAX_SIZE];

	memset(name, '-', sizeof(name) - 1);
	name[0] = 'a';
	name[sizeof(name) - 1] = '\0';
	compare(name);
	name[0] = '9'; /* no name, and one more to escape */
	compare(name);
}

static void test_every_byte(void **state UNUSED)
{
	for (int byte = 1; byte < 256; byte++) {
		const char name[] = { 'a', (char) byte, 'b', '\0' };

		compare(name);
		compare(name + 1);
	}
}

static void test_jobs(void **state UNUSED)
{
	char path[BUS_PATH_MAX];

	bus_job_path(0, path);
	assert_string_equal(path, "/");
	bus_job_path(UINT64_MAX, path);
	assert_string_equal(path, "/org/fotad1/job/18446744073709551615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_jobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
