/* The rules of a running attempt: taken, kept as text, and given again (conduct 21). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/text.h"
#include "core/terms.h"

static struct profile l610(void)
{
	struct profile p = *profile_by_name("L610");

	p.mipcall = PROFILE_MIPCALL_NEVER;
	p.probe = PROFILE_PROBE_WARN;
	p.timeouts.stall = 7 * MINUTE;
	p.timeouts.settle = 300 * MSEC;
	p.timeouts.download = 30 * DAY;
	return p;
}

static struct upgrade_task task(void)
{
	return (struct upgrade_task){
		.request = { .type = GTOTA_HTTP, .url = "http://fota.example/x" },
		.from = "1",
		.to = "2",
		.require = { TECHNOLOGY_LTE, true, -101, true, 3500, true },
		.rat = RAT_LOCK,
		.check = CHECK_PDP,
		.apn = { "iot.example", "a user, with = signs", "secret", "apn" },
	};
}

static const struct job_rules rules = {
	.attempts = 7,
	.delay = 15 * MINUTE,
	.max_delay = 4 * HOUR,
	.seed = 77,
	.max_bytes = 5000000000,
};

static void test_whole(void **state)
{
	struct profile before = l610(), after;
	struct upgrade_task wanted = task(), given;
	char text[TERMS_ENCODED_MAX], again[TERMS_ENCODED_MAX];
	struct terms t, back;
	(void) state;

	terms_take(&t, &before, &wanted, &rules);
	assert_null(strstr(terms_encode(&t, text), "secret"));
	assert_int_equal(terms_decode(text, &back), 0);
	assert_string_equal(terms_encode(&back, again), text);
	assert_true(terms_profile(&back, &after));
	assert_ptr_equal(after.variants, before.variants);
	assert_int_equal(after.mipcall, PROFILE_MIPCALL_NEVER);
	assert_int_equal(after.probe, PROFILE_PROBE_WARN);
	assert_memory_equal(&after.timeouts, &before.timeouts, sizeof(after.timeouts));
	assert_int_equal(back.rules.attempts, 7);
	assert_int_equal(back.rules.delay, 15 * MINUTE);
	assert_int_equal(back.rules.max_delay, 4 * HOUR);
	assert_true(back.rules.seed == 0 && back.rules.max_bytes == 5000000000);
	terms_task(&back, &given);
	assert_memory_equal(&given.require, &wanted.require, sizeof(given.require));
	assert_int_equal(given.rat, RAT_LOCK);
	assert_int_equal(given.check, CHECK_PDP);
	assert_string_equal(given.apn.name, "iot.example");
	assert_string_equal(given.apn.username, "a user, with = signs");
	assert_string_equal(given.apn.credential, "apn");
	assert_null(given.apn.password);
	assert_string_equal(given.request.url, "");
}

/* Every field on its own: what is not given stays so, and no two are mixed up. */
static void test_each(void **state)
{
	struct profile p = *profile_by_name("NL668");
	struct upgrade_task nothing = { .from = "1", .to = "2" }, given;
	char text[TERMS_ENCODED_MAX];
	struct terms t, back;
	usec_t *times = (usec_t *) &p.timeouts;
	(void) state;

	for (size_t i = 0; i < sizeof(p.timeouts) / sizeof(usec_t); i++)
		times[i] = (i + 1) * SEC + i;
	terms_take(&t, &p, &nothing, &(struct job_rules){ .attempts = 1, .delay = 2, .max_delay = 3 });
	assert_int_equal(terms_decode(terms_encode(&t, text), &back), 0);
	assert_memory_equal(&back.timeouts, &p.timeouts, sizeof(p.timeouts));
	terms_task(&back, &given);
	assert_memory_equal(&given.require, &nothing.require, sizeof(given.require));
	assert_int_equal(given.rat, RAT_KEEP);
	assert_int_equal(given.check, CHECK_NONE);
	assert_null(given.apn.name);
	assert_null(given.apn.username);
	assert_null(given.apn.credential);
}

/* The longest that a configuration lets through is not cut. */
static void test_longest(void **state)
{
	struct profile p = l610();
	struct upgrade_task wanted = task();
	char longest[TERMS_TEXT_SIZE + 1], text[TERMS_ENCODED_MAX];
	struct terms t, back;
	(void) state;

	memset(longest, '=', sizeof(longest));
	longest[TERMS_TEXT_SIZE - 1] = '\0';
	wanted.apn = (struct apn){ longest, longest, NULL, longest };
	for (usec_t *time = (usec_t *) &p.timeouts; time < (usec_t *) (&p.timeouts + 1); time++)
		*time = 30 * DAY;
	terms_take(&t, &p, &wanted,
		&(struct job_rules){ INT32_MAX, 30 * DAY, 30 * DAY, 0, INT64_MAX });
	assert_int_equal(terms_decode(terms_encode(&t, text), &back), 0);
	assert_string_equal(back.credential, longest);
	assert_in_range(strlen(text), 1000, TERMS_ENCODED_MAX - 100);
	/* longer: nothing rather than something else */
	longest[TERMS_TEXT_SIZE - 1] = '=';
	longest[TERMS_TEXT_SIZE] = '\0';
	terms_take(&t, &p, &wanted, &rules);
	assert_string_equal(terms_encode(&t, text), "");
	assert_false(terms_profile(&t, &p));
}

static char *with(const char *text, const char *line, const char *instead)
{
	char *copy = test_malloc(strlen(text) + strlen(instead) + 1);
	const char *at = strstr(text, line);

	assert_non_null(at);
	memcpy(copy, text, (size_t) (at - text));
	strcpy(copy + (at - text), instead);
	strcat(copy, at + strlen(line));
	return copy;
}

static void test_bad(void **state)
{
	static const struct {
		const char *line, *instead;
		int r;
	} rows[] = {
		{ "check=pdp\n", "check=pdp\nof-tomorrow=7\n", 0 },
		{ "check=pdp\n", "", -EINVAL },
		{ "check=pdp\n", "check=ping\n", -EINVAL },
		{ "check=pdp\n", "check=\n", -EINVAL },
		{ "check=pdp\n", "check=2\n", -EINVAL },
		{ "check=pdp\n", "check\n", -EINVAL },
		{ "check=pdp\n", "check=pdp", -EINVAL },
		{ "profile=L610\n", "profile=L611\n", -EINVAL },
		{ "profile=L610\n", "profile=\n", -EINVAL },
		{ "profile=L610\n", "profile=0123456789abcdef\n", -EINVAL },
		{ "stall=420000000\n", "stall=0\n", -EINVAL },
		{ "stall=420000000\n", "stall=\n", -EINVAL },
		{ "stall=420000000\n", "stall=-1\n", -EINVAL },
		{ "stall=420000000\n", "stall=2592000000001\n", -EINVAL },
		{ "stall=420000000\n", "stall=99999999999999999999999\n", -EINVAL },
		{ "require.idle=1\n", "require.idle=2\n", -EINVAL },
		{ "require.minus_dbm=101\n", "require.minus_dbm=201\n", -EINVAL },
		{ "apn.name=iot.example\n", "apn.name=\x1b[2J\n", -EINVAL },
		{ "retry.attempts=7\n", "retry.attempts=4294967296\n", -EINVAL },
	};
	struct profile p = l610();
	struct upgrade_task wanted = task();
	char text[TERMS_ENCODED_MAX];
	struct terms t, kept, back;
	(void) state;

	terms_take(&t, &p, &wanted, &rules);
	terms_encode(&t, text);
	memset(&kept, 0x55, sizeof(kept));
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		char *changed = with(text, rows[i].line, rows[i].instead);

		back = kept;
		if (terms_decode(changed, &back) != rows[i].r)
			fail_msg("%s instead of %s", rows[i].instead, rows[i].line);
		if (rows[i].r < 0)
			assert_memory_equal(&back, &kept, sizeof(back));
		test_free(changed);
	}
	assert_int_equal(terms_decode("", &back), -EINVAL);
	for (size_t n = 1; n < strlen(text); n++) {
		char *cut = test_malloc(n + 1);

		memcpy(cut, text, n);
		cut[n] = '\0';
		assert_int_equal(terms_decode(cut, &back), -EINVAL);
		test_free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests_name("core/terms", tests, NULL, NULL);
}
