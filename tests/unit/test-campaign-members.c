/* What a job is to its campaign, and the order of members. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/campaign.h"

static void test_member_states(void **state UNUSED)
{
	static const struct {
		enum job_state state;
		enum reason reason;
		bool spent, tried;
		enum member_state member;
	} rows[] = {
		{ JOB_WAITING, REASON_NONE, false, false, MEMBER_WAITING },
		{ JOB_WAITING, REASON_NONE, false, true, MEMBER_WAITING }, /* the next hop */
		{ JOB_WAITING, REASON_WEAK_SIGNAL, false, false, MEMBER_DEFERRED },
		{ JOB_WAITING, REASON_PORT_ABSENT, false, false, MEMBER_DEFERRED },
		{ JOB_WAITING, REASON_STALLED, true, true, MEMBER_WAITING },
		{ JOB_WAITING, REASON_PORT_LOST, true, true, MEMBER_WAITING },
		{ JOB_WAITING, REASON_VERSION_UNCHANGED, true, true, MEMBER_FAILING },
		{ JOB_WAITING, REASON_NO_REBOOT, true, true, MEMBER_FAILING },
		{ JOB_RUNNING, REASON_NONE, false, true, MEMBER_RUNNING },
		{ JOB_SUCCEEDED, REASON_NONE, false, true, MEMBER_SUCCEEDED },
		{ JOB_SUCCEEDED, REASON_NONE, false, false, MEMBER_OUT },
		{ JOB_FAILED, REASON_STALLED, false, true, MEMBER_FAILED },
		{ JOB_FAILED, REASON_SIM_NOT_READY, false, false, MEMBER_FAILED },
		{ JOB_FAILED, REASON_DEADLINE, false, false, MEMBER_OUT },
		{ JOB_CANCELLED, REASON_CANCELLED, false, true, MEMBER_OUT },
		{ JOB_UNKNOWN, REASON_NOT_BACK, false, true, MEMBER_UNKNOWN },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		assert_int_equal(member_state_of(rows[i].state, rows[i].reason, rows[i].spent,
					 rows[i].tried),
			rows[i].member);
}

/* Before a job is made, while it runs, and when its modem is away. */
static void test_modems(void **state UNUSED)
{
	static const struct {
		struct member_job job;
		enum member_state member;
	} rows[] = {
		{ { .made = false }, MEMBER_WAITING },
		{ { .made = false, .away = true }, MEMBER_DEFERRED },
		/* of another campaign, or for another target */
		{ { .made = false, .state = JOB_FAILED, .reason = REASON_STALLED }, MEMBER_WAITING },
		{ { .made = false, .state = JOB_SUCCEEDED, .away = true }, MEMBER_DEFERRED },
		{ { .made = false, .runs = true, .away = true }, MEMBER_RUNNING },
		{ { .made = true, .runs = true, .state = JOB_RUNNING, .away = true }, MEMBER_RUNNING },
		{ { .made = true, .runs = true, .state = JOB_WAITING }, MEMBER_RUNNING },
		{ { .made = true, .state = JOB_WAITING, .away = true }, MEMBER_DEFERRED },
		{ { .made = true, .state = JOB_WAITING, .away = true, .spent = true,
			  .reason = REASON_NO_REBOOT },
			MEMBER_DEFERRED },
		{ { .made = true, .state = JOB_WAITING, .spent = true, .reason = REASON_NO_REBOOT },
			MEMBER_FAILING },
		/* its verdict stays */
		{ { .made = true, .state = JOB_FAILED, .away = true }, MEMBER_FAILED },
		{ { .made = true, .state = JOB_UNKNOWN, .away = true }, MEMBER_UNKNOWN },
		{ { .made = true, .state = JOB_SUCCEEDED, .away = true, .tried = true },
			MEMBER_SUCCEEDED },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		assert_int_equal(member_state_now(&rows[i].job), rows[i].member);
}

/* Neighbours by name are no neighbours in the order: a wave takes from every site alike. */
static void test_fair_sample(void **state UNUSED)
{
	static struct member members[1000], *order[1000];
	unsigned of[10] = { 0 };
	char name[16];
	struct campaign_rules rules = { .halt = CAMPAIGN_HALT };
	struct campaign campaign;

	campaign_init(&campaign, &rules);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "site%u-m%02u", i / 100, i % 100);
		members[i] = (struct member){ member_order("winter", name), MEMBER_WAITING, 0,
			false, false, false, false };
		order[i] = &members[i];
		assert_int_not_equal(members[i].order, member_order("summer", name));
	}
	campaign_plan(&campaign, order, 1000);
	for (unsigned i = 1; i < 1000; i++)
		assert_true(order[i - 1]->order < order[i]->order);
	for (unsigned i = 0; i < 200; i++)
		of[(order[i] - members) / 100]++;
	for (unsigned i = 0; i < 10; i++)
		assert_in_range(of[i], 8, 32); /* of 20 that are to be expected */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_member_states),
		cmocka_unit_test(test_modems),
		cmocka_unit_test(test_fair_sample),
	};

	return cmocka_run_group_tests_name("campaign-members", tests, NULL, NULL);
}
