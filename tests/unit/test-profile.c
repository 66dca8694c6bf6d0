#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/profile.h"

static void test_model_match(void **state)
{
	static const struct {
		const char *prefix, *model;
		size_t parts;
	} rows[] = {
		{ "L610", "L610", 1 },
		{ "L610", "L610-CN-62-36", 1 },
		{ "L610-CN", "L610-CN-62-36", 2 },
		{ "L610-CN-62-36", "L610-CN-62-36", 4 },
		{ "L610_CN", "L610-CN-62-36", 2 },
		{ "L610-CN", "L610_CN_66_32_XINYADA-debug", 2 },
		{ "l610-cn", "L610-CN", 2 },
		{ "L610-CN", "l610_cn-62", 2 },
		{ "L610-C", "L610-CN", 0 }, /* whole parts only */
		{ "L610-CN-62", "L610-CN", 0 },
		{ "L61", "L610", 0 },
		{ "L6100", "L610", 0 },
		{ "NL668", "NL668T-GL", 0 },
		{ "L610-", "L610-CN", 0 },
		{ "-", "L610", 0 },
		{ "", "L610", 0 },
		{ "", "", 0 },
		{ "L610", "", 0 },
		{ "CN", "L610-CN", 0 },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		assert_int_equal(model_match(rows[i].prefix, rows[i].model), rows[i].parts);
}

static void test_profile_match(void **state)
{
	static const struct {
		const char *model;
		enum profile_match match;
		const char *name;
	} rows[] = {
		{ "L610", PROFILE_MATCH_LISTED, "L610" },
		{ "L610-CN-62-36", PROFILE_MATCH_LISTED, "L610" },
		{ "L610_CN_66_32_XINYADA-debug", PROFILE_MATCH_LISTED, "L610" },
		{ "L610-EU", PROFILE_MATCH_LISTED, "L610" },
		/* each model that the NL668/NL652 guide names */
		{ "NL668-CN-00", PROFILE_MATCH_LISTED, "NL668" },
		{ "NL668-CN-80", PROFILE_MATCH_LISTED, "NL668" },
		{ "NL668-EAU-00", PROFILE_MATCH_LISTED, "NL668" },
		{ "NL668-AM-00", PROFILE_MATCH_LISTED, "NL668" },
		{ "NL668-EU-00", PROFILE_MATCH_LISTED, "NL668" },
		{ "NL668-EU-01", PROFILE_MATCH_LISTED, "NL668" },
		{ "NL668-EU-03", PROFILE_MATCH_LISTED, "NL668" },
		{ "NL668-JP-00", PROFILE_MATCH_LISTED, "NL668" },
		{ "NL668-JP-01", PROFILE_MATCH_LISTED, "NL668" },
		{ "NL668-LA-00", PROFILE_MATCH_LISTED, "NL668" },
		{ "NL652-EU-00", PROFILE_MATCH_LISTED, "NL652" },
		/* and its neighbours */
		{ "NL668-EU-00-10", PROFILE_MATCH_LISTED, "NL668" },
		{ "nl668_eu_03", PROFILE_MATCH_LISTED, "NL668" },
		{ "NL668-EU-02", PROFILE_MATCH_FAMILY, "NL668" },
		{ "NL668-JP-03", PROFILE_MATCH_FAMILY, "NL668" },
		{ "NL668-CN", PROFILE_MATCH_FAMILY, "NL668" },
		{ "NL668-AM-10", PROFILE_MATCH_FAMILY, "NL668" },
		{ "NL668-EAU-10-01", PROFILE_MATCH_FAMILY, "NL668" },
		{ "NL668", PROFILE_MATCH_FAMILY, "NL668" },
		{ "NL652-EU-01", PROFILE_MATCH_FAMILY, "NL652" },
		{ "NL652", PROFILE_MATCH_FAMILY, "NL652" },
		{ "NL668T-GL", PROFILE_MATCH_NONE, NULL },
		{ "MC610-EU", PROFILE_MATCH_NONE, NULL },
		{ "ML302", PROFILE_MATCH_NONE, NULL },
		{ "L61", PROFILE_MATCH_NONE, NULL },
		{ "EC25", PROFILE_MATCH_NONE, NULL },
		{ "", PROFILE_MATCH_NONE, NULL },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct profile *row = NULL;

		assert_int_equal(profile_match(rows[i].model, &row), rows[i].match);
		if (rows[i].name)
			assert_string_equal(row->name, rows[i].name);
		else
			assert_null(row);
	}
}

static void test_rows(void **state)
{
	size_t n = 0;
	(void) state;

	for (const struct profile *row; (row = profile_at(n)) != NULL; n++) {
		const struct profile *found = NULL;

		assert_ptr_equal(profile_by_name(row->name), row);
		assert_true(row->line_max > 0 && row->package_max > 0);
		assert_true(row->package_warn < row->package_max);
		assert_true(row->n_usb > 0 && row->n_usb <= ELEMENTSOF(row->usb));
		for (size_t i = 0; i < row->n_usb; i++) {
			assert_int_not_equal(row->usb[i].vendor, 0);
			assert_in_range(row->usb[i].n_at_interfaces, 0,
				ELEMENTSOF(row->usb[i].at_interfaces));
		}
		assert_non_null(row->variants[0]);
		for (size_t i = 0; row->variants[i]; i++) {
			assert_int_equal(
				profile_match(row->variants[i], &found), PROFILE_MATCH_LISTED);
			assert_ptr_equal(found, row);
		}
	}
	assert_int_equal(n, 3);
	assert_null(profile_at(SIZE_MAX));
	assert_null(profile_by_name("l610"));
	assert_null(profile_by_name("auto"));
	assert_null(profile_by_name(""));
}

/* The waits that the configuration's reference promises. */
static void test_timeouts(void **state)
{
	(void) state;

	for (size_t i = 0; profile_at(i); i++) {
		const struct timeouts *t = &profile_at(i)->timeouts;

		assert_int_equal(t->command, 5 * SEC);
		assert_int_equal(t->identify, 15 * SEC);
		assert_int_equal(t->registration, 180 * SEC);
		assert_int_equal(t->pdp, 180 * SEC);
		assert_int_equal(t->start, 120 * SEC);
		assert_int_equal(t->stall, 300 * SEC);
		assert_int_equal(t->download, 3600 * SEC);
		assert_int_equal(t->leave, 300 * SEC);
		assert_int_equal(t->return_, 1200 * SEC);
		assert_int_equal(t->settle, 30 * SEC);
	}
}

/* Where the vendor's two guides differ, and the limits that firmware sources show. */
static void test_differences(void **state)
{
	const struct profile *l610 = profile_by_name("L610"), *nl668 = profile_by_name("NL668"),
			     *nl652 = profile_by_name("NL652");
	(void) state;

	assert_int_equal(l610->mipcall, PROFILE_MIPCALL_REQUIRED);
	assert_int_equal(nl668->mipcall, PROFILE_MIPCALL_NEVER);
	assert_int_equal(nl652->mipcall, PROFILE_MIPCALL_NEVER);
	assert_true(l610->reports_failed);
	assert_false(nl668->reports_failed);
	assert_false(nl652->reports_failed);
	assert_false(l610->full_image);
	assert_int_equal(l610->errors, AT_ERROR_L610);
	assert_int_equal(nl668->errors, AT_ERROR_STANDARD);
	assert_int_equal(l610->line_max, 1024);
	assert_int_equal(l610->package_max, 1048576);
	assert_int_equal(l610->package_warn, 819200);
	assert_string_equal(l610->rat_lock, "AT+GTRAT=3");
	assert_null(nl668->rat_lock);
	assert_int_equal(l610->usb[1].product, 0x4d11);
	assert_int_equal(l610->usb[1].at_interfaces[0], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model_match),
		cmocka_unit_test(test_profile_match),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_differences),
	};

	return cmocka_run_group_tests_name("core/profile", tests, NULL, NULL);
}
