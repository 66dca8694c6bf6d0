/* What follows from a verdict (conduct 7, 18, 20). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/job.h"

static const struct job_rules rules = {
	.attempts = 3,
	.delay = 15 * MINUTE,
	.max_delay = 4 * HOUR,
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
		{ { OUTCOME_SUCCEEDED, REASON_NONE, AT_ERROR_UNKNOWN, true, 1 },
			{ JOB_SUCCEEDED, REASON_NONE, 0 } },
		{ { OUTCOME_SUCCEEDED, REASON_NONE, AT_ERROR_UNKNOWN, false, 3 },
			{ JOB_WAITING, REASON_NONE, 0 } },
		{ { OUTCOME_ALREADY, REASON_NONE, AT_ERROR_UNKNOWN, true, 0 },
			{ JOB_SUCCEEDED, REASON_NONE, 0 } },
		{ { OUTCOME_ALREADY, REASON_NONE, AT_ERROR_UNKNOWN, false, 0 },
			{ JOB_WAITING, REASON_NONE, 0 } },
		/* deferred is not failed, however often and whatever the attempts */
		{ { OUTCOME_DEFERRED, REASON_WEAK_SIGNAL, AT_ERROR_UNKNOWN, false, 0 },
			{ JOB_WAITING, REASON_WEAK_SIGNAL, 15 * MINUTE } },
		{ { OUTCOME_DEFERRED, REASON_BUSY, AT_ERROR_UNKNOWN, false, 99 },
			{ JOB_WAITING, REASON_BUSY, 15 * MINUTE } },
		/* a spent attempt: doubled each time, bounded, limited */
		{ { OUTCOME_FAILED, REASON_STALLED, AT_ERROR_UNKNOWN, false, 1 },
			{ JOB_WAITING, REASON_STALLED, 15 * MINUTE } },
		{ { OUTCOME_FAILED, REASON_STALLED, AT_ERROR_UNKNOWN, false, 2 },
			{ JOB_WAITING, REASON_STALLED, 30 * MINUTE } },
		{ { OUTCOME_FAILED, REASON_STALLED, AT_ERROR_UNKNOWN, false, 3 },
			{ JOB_FAILED, REASON_STALLED, 0 } },
		/* after the point of no return a reason that may pass is a failure worth a retry */
		{ { OUTCOME_FAILED, REASON_PORT_LOST, AT_ERROR_UNKNOWN, false, 1 },
			{ JOB_WAITING, REASON_PORT_LOST, 15 * MINUTE } },
		/* what needs a person fails at once (conduct 18, 20) */
		{ { OUTCOME_FAILED, REASON_SIM_NOT_READY, AT_ERROR_UNKNOWN, false, 0 },
			{ JOB_FAILED, REASON_SIM_NOT_READY, 0 } },
		{ { OUTCOME_FAILED, REASON_NO_SERVICE, AT_ERROR_UNKNOWN, false, 1 },
			{ JOB_FAILED, REASON_NO_SERVICE, 0 } },
		{ { OUTCOME_FAILED, REASON_VERSION_UNEXPECTED, AT_ERROR_UNKNOWN, false, 1 },
			{ JOB_FAILED, REASON_VERSION_UNEXPECTED, 0 } },
		/* rejected: by what the number says */
		{ { OUTCOME_FAILED, REASON_REJECTED, AT_ERROR_UNKNOWN, false, 1 },
			{ JOB_WAITING, REASON_REJECTED, 15 * MINUTE } },
		{ { OUTCOME_FAILED, REASON_REJECTED, AT_ERROR_LATER, false, 1 },
			{ JOB_WAITING, REASON_REJECTED, 15 * MINUTE } },
		{ { OUTCOME_FAILED, REASON_REJECTED, AT_ERROR_PERMANENT, false, 1 },
			{ JOB_FAILED, REASON_REJECTED, 0 } },
		{ { OUTCOME_FAILED, REASON_REJECTED, AT_ERROR_PERSON, false, 1 },
			{ JOB_FAILED, REASON_REJECTED, 0 } },
		/* an error number of another reason means nothing */
		{ { OUTCOME_FAILED, REASON_STALLED, AT_ERROR_PERMANENT, false, 1 },
			{ JOB_WAITING, REASON_STALLED, 15 * MINUTE } },
		{ { OUTCOME_UNKNOWN, REASON_NOT_BACK, AT_ERROR_UNKNOWN, false, 3 },
			{ JOB_UNKNOWN, REASON_NOT_BACK, 0 } },
		{ { OUTCOME_CANCELLED, REASON_CANCELLED, AT_ERROR_UNKNOWN, false, 1 },
			{ JOB_CANCELLED, REASON_CANCELLED, 0 } },
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
		const struct job_rules r = { UINT32_MAX, rows[i].delay, rows[i].max_delay };
		const struct job_verdict v = { OUTCOME_FAILED, REASON_STALLED, AT_ERROR_UNKNOWN,
			false, rows[i].attempts };

		assert_int_equal(job_decide(&r, &v).delay, rows[i].wait);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_backoff),
	};

	return cmocka_run_group_tests_name("core/job", tests, NULL, NULL);
}
