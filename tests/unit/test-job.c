/* What follows from a verdict (conduct 7, 18, 20). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/job.h"

static const struct job_rules rules = {
	.attempts = 3,
	.delay = 15 * MINUTE,
	.max_delay = 4 * HOUR,
	.max_bytes = 0,
};

static void test_states(void **state)
{
	static const struct {
		enum job_state state;
		const char *name;
		bool final;
	} rows[] = {
		{ JOB_WAITING, "waiting", false }, { JOB_RUNNING, "running", false },
		{ JOB_SUCCEEDED, "succeeded", true }, { JOB_FAILED, "failed", true },
		{ JOB_CANCELLED, "cancelled", true },
		{ JOB_UNKNOWN, "unknown", false }, /* settles itself */
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		assert_string_equal(job_state_name(rows[i].state), rows[i].name);
		assert_int_equal(job_state_by_name(rows[i].name), rows[i].state);
		assert_int_equal(job_is_final(rows[i].state), rows[i].final);
	}
	assert_int_equal(job_state_by_name(""), -EINVAL);
	assert_int_equal(job_state_by_name("Waiting"), -EINVAL);
	assert_int_equal(job_state_by_name("failed "), -EINVAL);
	assert_int_equal(job_state_by_name(NULL), -EINVAL);
}

static void test_decisions(void **state)
{
	static const struct {
		struct job_verdict verdict;
		struct job_decision decision;
	} rows[] = {
		/* a hop is done: the target, or the next hop at once */
		{ { OUTCOME_SUCCEEDED, REASON_NONE, AT_ERROR_UNKNOWN, true, 1, 0, 0, false },
			{ JOB_SUCCEEDED, REASON_NONE, 0 } },
		{ { OUTCOME_SUCCEEDED, REASON_NONE, AT_ERROR_UNKNOWN, false, 3, 0, 0, false },
			{ JOB_WAITING, REASON_NONE, 0 } },
		{ { OUTCOME_ALREADY, REASON_NONE, AT_ERROR_UNKNOWN, true, 0, 0, 0, false },
			{ JOB_SUCCEEDED, REASON_NONE, 0 } },
		{ { OUTCOME_ALREADY, REASON_NONE, AT_ERROR_UNKNOWN, false, 0, 0, 0, false },
			{ JOB_WAITING, REASON_NONE, 0 } },
		/* deferred is not failed, however often and whatever the attempts */
		{ { OUTCOME_DEFERRED, REASON_WEAK_SIGNAL, AT_ERROR_UNKNOWN, false, 0, 0, 0, false },
			{ JOB_WAITING, REASON_WEAK_SIGNAL, 15 * MINUTE } },
		{ { OUTCOME_DEFERRED, REASON_BUSY, AT_ERROR_UNKNOWN, false, 99, 0, 0, false },
			{ JOB_WAITING, REASON_BUSY, 15 * MINUTE } },
		/* a spent attempt: doubled each time, bounded, limited */
		{ { OUTCOME_FAILED, REASON_STALLED, AT_ERROR_UNKNOWN, false, 1, 0, 0, false },
			{ JOB_WAITING, REASON_STALLED, 15 * MINUTE } },
		{ { OUTCOME_FAILED, REASON_STALLED, AT_ERROR_UNKNOWN, false, 2, 0, 0, false },
			{ JOB_WAITING, REASON_STALLED, 30 * MINUTE } },
		{ { OUTCOME_FAILED, REASON_STALLED, AT_ERROR_UNKNOWN, false, 3, 0, 0, false },
			{ JOB_FAILED, REASON_STALLED, 0 } },
		/* after the point of no return a reason that may pass is a failure worth a retry */
		{ { OUTCOME_FAILED, REASON_PORT_LOST, AT_ERROR_UNKNOWN, false, 1, 0, 0, false },
			{ JOB_WAITING, REASON_PORT_LOST, 15 * MINUTE } },
		/* what needs a person fails at once (conduct 18, 20) */
		{ { OUTCOME_FAILED, REASON_SIM_NOT_READY, AT_ERROR_UNKNOWN, false, 0, 0, 0, false },
			{ JOB_FAILED, REASON_SIM_NOT_READY, 0 } },
		{ { OUTCOME_FAILED, REASON_NO_SERVICE, AT_ERROR_UNKNOWN, false, 1, 0, 0, false },
			{ JOB_FAILED, REASON_NO_SERVICE, 0 } },
		{ { OUTCOME_FAILED, REASON_VERSION_UNEXPECTED, AT_ERROR_UNKNOWN, false, 1, 0, 0, false },
			{ JOB_FAILED, REASON_VERSION_UNEXPECTED, 0 } },
		/* rejected: by what the number says */
		{ { OUTCOME_FAILED, REASON_REJECTED, AT_ERROR_UNKNOWN, false, 1, 0, 0, false },
			{ JOB_WAITING, REASON_REJECTED, 15 * MINUTE } },
		{ { OUTCOME_FAILED, REASON_REJECTED, AT_ERROR_LATER, false, 1, 0, 0, false },
			{ JOB_WAITING, REASON_REJECTED, 15 * MINUTE } },
		{ { OUTCOME_FAILED, REASON_REJECTED, AT_ERROR_PERMANENT, false, 1, 0, 0, false },
			{ JOB_FAILED, REASON_REJECTED, 0 } },
		{ { OUTCOME_FAILED, REASON_REJECTED, AT_ERROR_PERSON, false, 1, 0, 0, false },
			{ JOB_FAILED, REASON_REJECTED, 0 } },
		/* an error number of another reason means nothing */
		{ { OUTCOME_FAILED, REASON_STALLED, AT_ERROR_PERMANENT, false, 1, 0, 0, false },
			{ JOB_WAITING, REASON_STALLED, 15 * MINUTE } },
		{ { OUTCOME_UNKNOWN, REASON_NOT_BACK, AT_ERROR_UNKNOWN, false, 3, 0, 0, false },
			{ JOB_UNKNOWN, REASON_NOT_BACK, 0 } },
		{ { OUTCOME_CANCELLED, REASON_CANCELLED, AT_ERROR_UNKNOWN, false, 1, 0, 0, false },
			{ JOB_CANCELLED, REASON_CANCELLED, 0 } },
		/* an operator has cancelled it past the point of no return: the verdict decides (conduct 20) */
		{ { OUTCOME_SUCCEEDED, REASON_NONE, AT_ERROR_UNKNOWN, true, 1, 0, 0, true },
			{ JOB_SUCCEEDED, REASON_NONE, 0 } },
		{ { OUTCOME_SUCCEEDED, REASON_NONE, AT_ERROR_UNKNOWN, false, 1, 0, 0, true },
			{ JOB_CANCELLED, REASON_CANCELLED, 0 } },
		{ { OUTCOME_FAILED, REASON_STALLED, AT_ERROR_UNKNOWN, false, 1, 0, 0, true },
			{ JOB_CANCELLED, REASON_STALLED, 0 } },
		{ { OUTCOME_FAILED, REASON_NO_SERVICE, AT_ERROR_UNKNOWN, false, 1, 0, 0, true },
			{ JOB_CANCELLED, REASON_NO_SERVICE, 0 } },
		{ { OUTCOME_DEFERRED, REASON_BUSY, AT_ERROR_UNKNOWN, false, 0, 0, 0, true },
			{ JOB_CANCELLED, REASON_BUSY, 0 } },
		{ { OUTCOME_UNKNOWN, REASON_NOT_BACK, AT_ERROR_UNKNOWN, false, 1, 0, 0, true },
			{ JOB_UNKNOWN, REASON_NOT_BACK, 0 } },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct job_decision d = job_decide(&rules, &rows[i].verdict);

		if (d.state != rows[i].decision.state || d.reason != rows[i].decision.reason ||
			d.delay != rows[i].decision.delay)
			fail_msg("row %zu: %s %s %llu", i, job_state_name(d.state),
				reason_name(d.reason), (unsigned long long) d.delay);
	}
}

/* What failed at the same moment does not come back at the same; the same module does after every restart. */
static void test_jitter(void **state)
{
	static const struct job_verdict failed = {
		.outcome = OUTCOME_FAILED, .reason = REASON_STALLED, .attempts = 2
	};
	static const struct job_verdict deferred = { .outcome = OUTCOME_DEFERRED,
		.reason = REASON_WEAK_SIGNAL };
	struct job_rules r = rules;
	usec_t first = 0, least = USEC_INFINITY, most = 0;
	unsigned quarters[4] = { 0 };
	(void) state;

	assert_true(job_seed("") == 0);
	for (unsigned i = 0; i < 1000; i++) {
		char imei[IMEI_SIZE];
		usec_t delay;

		snprintf(imei, sizeof(imei), "8612345678%05u", i);
		r.seed = job_seed(imei);
		delay = job_decide(&r, &failed).delay;
		assert_true(delay == job_decide(&r, &failed).delay);
		first = first ? first : delay;
		least = usec_min(least, delay);
		most = usec_max(most, delay);
		/* 22min 30s to 30min, in four parts */
		assert_in_range(delay, 30 * MINUTE * 3 / 4, 30 * MINUTE);
		quarters[usec_min(3, (delay - 30 * MINUTE * 3 / 4) / (30 * MINUTE / 16))]++;
		assert_in_range(job_decide(&r, &deferred).delay, 15 * MINUTE * 3 / 4, 15 * MINUTE);
	}
	for (size_t i = 0; i < 4; i++)
		assert_in_range(quarters[i], 180, 320);
	assert_true(most - least > 7 * MINUTE);
	r.delay = r.max_delay = 1; /* too short to be spread */
	assert_int_equal(job_decide(&r, &failed).delay, 1);
	r.delay = r.max_delay = USEC_INFINITY;
	assert_true(job_decide(&r, &failed).delay == USEC_INFINITY);
}

static void test_budget(void **state)
{
	static const struct {
		uint64_t max, spent, next;
		enum job_state state;
	} rows[] = {
		{ 0, UINT64_MAX, UINT64_MAX, JOB_WAITING }, /* no limit */
		{ 300, 100, 100, JOB_WAITING },
		{ 300, 200, 100, JOB_WAITING },
		{ 300, 201, 100, JOB_FAILED },
		{ 300, 301, 0, JOB_FAILED },
		{ 300, 100, UINT64_MAX, JOB_FAILED },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct job_rules r = rules;
		struct job_verdict v = { .outcome = OUTCOME_FAILED,
			.reason = REASON_STALLED,
			.attempts = 1,
			.bytes = rows[i].spent,
			.next_bytes = rows[i].next };

		r.max_bytes = rows[i].max;
		assert_int_equal(job_decide(&r, &v).state, rows[i].state);
		assert_int_equal(job_decide(&r, &v).reason, REASON_STALLED);
		v.outcome = OUTCOME_SUCCEEDED; /* what is spent cannot take a success away */
		v.at_target = true;
		assert_int_equal(job_decide(&r, &v).state, JOB_SUCCEEDED);
	}
}

static void test_waits(void **state)
{
	(void) state;

	assert_string_equal(job_wait_name(JOB_WAIT_NONE), "");
	assert_string_equal(job_wait_name(JOB_WAIT_FETCH), "fetch");
	assert_string_equal(job_wait_name(JOB_WAIT_ACKNOWLEDGE), "acknowledge");
	assert_string_equal(job_wait_name(JOB_WAIT_BACKOFF), "backoff");
	assert_string_equal(job_wait_name(JOB_WAIT_SLOT), "slot");
	assert_string_equal(job_wait_name(JOB_WAIT_HELD), "held");
	assert_string_equal(job_wait_name(JOB_WAIT_PAUSED), "paused");
	assert_string_equal(job_wait_name(JOB_WAIT_HALTED), "halted");
	assert_string_equal(job_wait_name(JOB_WAIT_NOT_BEFORE), "not-before");
	assert_string_equal(job_wait_name(JOB_WAIT_CLOCK), "clock");
	assert_string_equal(job_wait_name(JOB_WAIT_WINDOW), "window");
	assert_string_equal(job_wait_name(JOB_WAIT_WAVE), "wave");
	assert_string_equal(job_wait_name(JOB_WAIT_SOAK), "soak");
	for (int i = JOB_WAIT_ACKNOWLEDGE; i <= JOB_WAIT_SLOT; i++) /* they are no reasons */
		assert_int_equal(reason_by_name(job_wait_name((enum job_wait) i)), REASON_NONE);
}

/* An attempt counts once: unknown first and failed later is one. A hop that is done begins the next one's. */
static void test_counts(void **state)
{
	static const struct {
		enum upgrade_outcome outcome;
		enum job_state before;
		unsigned attempts, deferrals;
	} rows[] = {
		{ OUTCOME_FAILED, JOB_RUNNING, 3, 5 },   { OUTCOME_UNKNOWN, JOB_RUNNING, 3, 5 },
		{ OUTCOME_FAILED, JOB_UNKNOWN, 2, 5 },   { OUTCOME_UNKNOWN, JOB_UNKNOWN, 2, 5 },
		{ OUTCOME_DEFERRED, JOB_RUNNING, 2, 6 }, { OUTCOME_CANCELLED, JOB_RUNNING, 2, 5 },
		{ OUTCOME_SUCCEEDED, JOB_RUNNING, 0, 5 }, { OUTCOME_SUCCEEDED, JOB_UNKNOWN, 0, 5 },
		{ OUTCOME_ALREADY, JOB_RUNNING, 0, 5 },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		unsigned attempts = 2, deferrals = 5;

		job_count(rows[i].outcome, rows[i].before, &attempts, &deferrals);
		assert_int_equal(attempts, rows[i].attempts);
		assert_int_equal(deferrals, rows[i].deferrals);
	}
}

static void test_backoff(void **state)
{
	static const struct {
		usec_t delay, max_delay;
		unsigned attempts;
		usec_t wait;
	} rows[] = {
		{ 15 * MINUTE, 4 * HOUR, 1, 15 * MINUTE },
		{ 15 * MINUTE, 4 * HOUR, 4, 2 * HOUR },
		{ 15 * MINUTE, 4 * HOUR, 5, 4 * HOUR },
		{ 15 * MINUTE, 4 * HOUR, 6, 4 * HOUR },
		{ 15 * MINUTE, 3 * HOUR, 5, 3 * HOUR },
		{ 15 * MINUTE, 4 * HOUR, 4000000000, 4 * HOUR },
		{ HOUR, MINUTE, 1, MINUTE },
		{ USEC_INFINITY / 2 + 1, USEC_INFINITY, 2, USEC_INFINITY },
		{ 1, USEC_INFINITY, 70, USEC_INFINITY },
		{ 0, HOUR, 3, 0 },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct job_rules r = { .attempts = UINT32_MAX,
			.delay = rows[i].delay,
			.max_delay = rows[i].max_delay };
		const struct job_verdict v = { .outcome = OUTCOME_FAILED,
			.reason = REASON_STALLED,
			.cme_class = AT_ERROR_UNKNOWN,
			.attempts = rows[i].attempts };

		assert_int_equal(job_decide(&r, &v).delay, rows[i].wait);
	}
}

/* conduct 15: the wall clock may be set by years while a wait is stored. */
static void test_stored_waits(void **state)
{
	static const struct {
		usec_t not_before, wall, left;
	} rows[] = {
		{ 0, 1000 * DAY, 0 },
		{ 1000 * DAY, 1000 * DAY, 0 },
		{ 1000 * DAY + 1 * HOUR, 1000 * DAY, 1 * HOUR },
		{ 1000 * DAY + 5 * HOUR, 1000 * DAY, 4 * HOUR },
		{ 1000 * DAY, 0, 4 * HOUR }, /* set back */
		{ 1000 * DAY, 9000 * DAY, 0 }, /* set forward */
		{ USEC_INFINITY, 1000 * DAY, 4 * HOUR },
	};
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		if (job_wait_left(rows[i].not_before, rows[i].wall, 4 * HOUR) != rows[i].left)
			fail_msg("row %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_stored_waits),
	};

	return cmocka_run_group_tests_name("core/job", tests, NULL, NULL);
}
