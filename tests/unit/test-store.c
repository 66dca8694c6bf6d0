/* The store: every field, the keys, boots, order and what a close does. */
#include "tests/unit/store-fixture.h"

static void test_empty(void **state)
{
	struct fixture *f = *state;
	struct store_job *jobs;
	struct store_completion done;

	assert_int_equal(load(f, &jobs), 0);
	assert_null(jobs);
	assert_false(store_completion(f->store, &done));
	assert_null(store_close(NULL));
	assert_int_equal(reopen(f, BOOT2), 0);
}

/*
 * Every field comes back. The whole struct is filled first, so that a field added to it without a
 * column is missed here (where the compiler can clear padding).
 */
static void test_every_field(void **state)
{
	struct fixture *f = *state;
	struct store_job job, *jobs;
	char *const texts[] = { job.campaign, job.modem, job.target, job.record.imei,
		job.record.model, job.record.from, job.record.to, job.record.step,
		job.record.callbreak.value, job.record.gprsfirst.value, job.record.rat.value };

	memset(&job, 1, sizeof(job)); /* true; 0x01010101; text without end */
	for (size_t i = 0; i < ELEMENTSOF(texts); i++)
		texts[i][i + 1] = '\0';
	job.other_boot = false;
	job.state = JOB_UNKNOWN;
	job.reason = REASON_NOT_BACK;
	job.cme = -1;
	job.not_before = USEC_INFINITY;
	job.attempts = UINT32_MAX;
	job.record.pdp_opened = false;
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(load(f, &jobs), 1);
	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		const char *loaded = (const char *) jobs + (texts[i] - (const char *) &job);

		assert_string_equal(loaded, texts[i]);
	}
	assert_int_equal(jobs->state, job.state);
	assert_int_equal(jobs->reason, job.reason);
	assert_int_equal(jobs->cme, -1);
	assert_true(jobs->not_before == USEC_INFINITY);
	assert_true(jobs->updated == job.updated && jobs->record.started == job.record.started);
	assert_true(jobs->attempts == job.attempts && jobs->bytes == job.bytes &&
		    jobs->record.attempt == job.record.attempt);
	assert_false(jobs->record.pdp_opened);
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		static const size_t sizes[] = { NAME_MAX_SIZE, NAME_MAX_SIZE, VERSION_MAX,
			IMEI_SIZE, MODEL_MAX, VERSION_MAX, VERSION_MAX, STEP_NAME_MAX, SETTING_MAX,
			SETTING_MAX, SETTING_MAX };

		memset(texts[i] + i + 1, 0, sizes[i] - i - 1);
	}
	__builtin_clear_padding(&job);
	__builtin_clear_padding(jobs);
	assert_memory_equal(jobs, &job, sizeof(job));
#endif
#endif
	free(jobs);
}

static void test_states_and_reasons(void **state)
{
	struct fixture *f = *state;
	struct store_job *jobs;

	for (int i = 0; i < _REASON_MAX; i++) {
		struct store_job job = make_job("c", "m", "");

		snprintf(job.modem, sizeof(job.modem), "m%d", i);
		job.reason = (enum reason) i;
		job.state = (enum job_state)(i % (JOB_UNKNOWN + 1));
		assert_int_equal(save(f, &job), 0);
	}
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(load(f, &jobs), _REASON_MAX);
	for (int i = 0; i < _REASON_MAX; i++) {
		const struct store_job *job = &jobs[_REASON_MAX - 1 - i];

		assert_int_equal(job->reason, i);
		assert_int_equal(job->state, i % (JOB_UNKNOWN + 1));
	}
	free(jobs);
}

/* Conduct 11: campaign and modem until the first identification, then campaign and IMEI. */
static void test_keys(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *campaign, *modem, *imei,
			*rows; /* "modem/imei/attempts ...", of a modem or an IMEI the last saved first */
	} table[] = {
		{ "c", "a", "", "a//1" },
		{ "c", "a", "", "a//2" },
		{ "c", "a", "111", "a/111/3" }, /* identified: the same row */
		{ "c", "a", "111", "a/111/4" },
		{ "c", "a", "222", "a/222/5 a/111/4" }, /* another module in that slot */
		{ "c", "b", "111", "b/111/6 a/222/5" }, /* the first one moved */
		{ "c", "b", "", "b//7 b/111/6 a/222/5" },
		{ "c", "b", "111", "b/111/8 a/222/5" }, /* one job per IMEI */
		{ "d", "b", "111", "b/111/9 b/111/8 a/222/5" },
		{ "c", "a", "222", "b/111/9 b/111/8 a/222/10" },
		{ "c", "b", "111", "b/111/11 b/111/9 a/222/10" }, /* was not its modem's last */
		{ "c", "a", "111", "a/111/12 b/111/9 a/222/10" },
		{ "c", "a", "222", "a/222/13 a/111/12 b/111/9" },
		{ "d", "e", "222", "e/222/14 a/222/13 a/111/12 b/111/9" },
		{ "c", "a", "222", "a/222/15 e/222/14 a/111/12 b/111/9" }, /* was not its IMEI's last */
	};

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		struct store_job job = make_job(table[i].campaign, table[i].modem, table[i].imei),
				 *jobs;
		char rows[256] = "";
		size_t n, used = 0;

		job.attempts = (uint32_t) i + 1;
		assert_int_equal(save(f, &job), 0);
		assert_int_equal(reopen(f, BOOT), 0);
		n = load(f, &jobs);
		for (size_t k = 0; k < n; k++)
			used += (size_t) snprintf(rows + used, sizeof(rows) - used, "%s%s/%s/%u",
				k ? " " : "", jobs[k].modem, jobs[k].record.imei,
				(unsigned) jobs[k].attempts);
		assert_string_equal(rows, table[i].rows);
		free(jobs);
	}
}

static void test_boot(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("c", "m", ""), *jobs;

	job.record.started = 5;
	job.state = JOB_RUNNING;
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(reopen(f, BOOT), 0);
	/* It stays another boot's through every life, until the job is saved again. */
	for (int life = 0; life < 2; life++) {
		assert_int_equal(reopen(f, BOOT2), 0);
		assert_int_equal(load(f, &jobs), 1);
		assert_true(jobs[0].other_boot);
		free(jobs);
	}
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(reopen(f, BOOT2), 0);
	assert_int_equal(load(f, &jobs), 1);
	assert_false(jobs[0].other_boot);
	free(jobs);
}

/* Thousands in a row: all answered, in their order, the last of each job stands. */
static void test_many(void **state)
{
	struct fixture *f = *state;
	struct store_job *jobs;

	for (unsigned i = 0; i < 5000; i++) {
		struct store_job job = make_job("c", "", "");

		snprintf(job.modem, sizeof(job.modem), "m%u", i % 1000);
		job.attempts = i;
		assert_int_equal(store_save(f->store, &job, i), 0);
	}
	for (unsigned i = 0; i < 5000; i++) {
		struct store_completion done = completion(f);

		assert_true(done.cookie == i);
		assert_int_equal(done.error, 0);
	}
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(load(f, &jobs), 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(jobs[i].attempts, 4999 - i);
	free(jobs);
}

/* What is queued when the store is closed is durable, answered or not. */
static void test_close_commits(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("c", "m", "1"), *jobs;

	assert_int_equal(store_save(f->store, &job, 1), 0);
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(load(f, &jobs), 1);
	free(jobs);
}

static uint64_t last_number(struct fixture *f)
{
	uint64_t number = 77;

	assert_int_equal(store_last_number_now(f->store, &number), 0);
	return number;
}

/* A job keeps its number; the highest is known even when its job has another by now, or is not the newest row. */
static void test_numbers(void **state)
{
	struct fixture *f = *state;
	struct store_job a = make_job("c", "a", "1"), b = make_job("c", "b", "2");
	struct store_found found;

	assert_int_equal(last_number(f), 0);
	a.number = 5;
	a.stop = true;
	a.created = 1000;
	b.number = 6;
	b.ended = 2000;
	assert_int_equal(save(f, &a), 0);
	assert_int_equal(save(f, &b), 0);
	assert_int_equal(save(f, &a), 0);
	assert_int_equal(reopen(f, BOOT2), 0);
	assert_int_equal(last_number(f), 6);
	assert_int_equal(find(f, "c", "a", "1", &found), 0);
	assert_true(found.job.number == 5 && found.job.stop && found.job.created == 1000 && found.job.ended == 0);
	assert_int_equal(find(f, "c", "b", "2", &found), 0);
	assert_true(found.job.number == 6 && !found.job.stop && found.job.ended == 2000);
	b.number = 9;
	assert_int_equal(save(f, &b), 0);
	b.number = 0; /* only what was done to the module */
	strcpy(b.campaign, "");
	assert_int_equal(save(f, &b), 0);
	assert_int_equal(reopen(f, BOOT2), 0);
	assert_int_equal(last_number(f), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_field, setup, teardown),
		cmocka_unit_test_setup_teardown(test_states_and_reasons, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_boot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_commits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
