/* The store beside its jobs: attempts with their evidence, modems, the history, what is found and what is forgotten. */
#include <errno.h>
#include <sqlite3.h>

#include "tests/unit/store-fixture.h"

/* What a query says, once the store is closed: rows by '\n', columns by '|'. */
static const char *ask(struct fixture *f, const char *sql)
{
	static char text[4096];
	sqlite3_stmt *statement;
	sqlite3 *db;
	size_t used = 0;

	f->store = store_close(f->store);
	assert_int_equal(sqlite3_open(inside(f, STORE_FILE), &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	text[0] = '\0';
	while (sqlite3_step(statement) == SQLITE_ROW)
		for (int i = 0; i < sqlite3_column_count(statement); i++)
			used += (size_t) snprintf(text + used, sizeof(text) - used, "%s%s",
				i > 0	   ? "|"
				: used > 0 ? "\n"
					   : "",
				sqlite3_column_text(statement, i));
	sqlite3_finalize(statement);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(reopen(f, BOOT), 0);
	return text;
}

static struct store_attempt make_attempt(uint32_t number)
{
	struct store_attempt a = {
		.number = number,
		.from = "1.28",
		.to = "1.29",
		.transport = GTOTA_FTP,
		.started = 1000 * SEC,
		.cme = -1,
	};

	evidence_begin(&a.evidence, "1.28", 0);
	a.evidence.reports = 7;
	return a;
}

#define ATTEMPTS                                                                                   \
	"SELECT number, modem, imei, version_from, version_to, transport, started, ended, "        \
	"outcome,"                                                                                 \
	" reason, cme FROM attempts ORDER BY id"

static void test_campaigns(void **state)
{
	struct fixture *f = *state;
	struct store_campaign c = { .name = "winter",
		.target = "1.30",
		.halted = CAMPAIGN_UNPROVEN,
		.wave = 2,
		.soak_until = 99 * SEC,
		.brake_since = 7 };
	struct store_change what = { .campaign = &c };
	struct store_campaign *found = NULL;
	size_t n = 0;

	assert_int_equal(store_campaigns_now(f->store, &found, &n), 0);
	assert_null(found);
	assert_int_equal(change(f, &what), 0);
	c.halted = CAMPAIGN_RUNS;
	c.paused = true;
	assert_int_equal(change(f, &what), 0); /* the same row */
	strcpy(c.name, "spring");
	c.halted = CAMPAIGN_FAILURES;
	c.cancelled = true;
	assert_int_equal(change(f, &what), 0);
	assert_string_equal(ask(f, "SELECT * FROM campaigns ORDER BY name"),
		"spring|1.30|1|1|failures|2|99000000|7\nwinter|1.30|1|0||2|99000000|7");
	assert_int_equal(store_campaigns_now(f->store, &found, &n), 0);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		bool spring = text_equal(found[i].name, "spring");

		assert_string_equal(found[i].target, "1.30");
		assert_true(found[i].paused);
		assert_int_equal(found[i].cancelled, spring);
		assert_int_equal(found[i].halted, spring ? CAMPAIGN_FAILURES : CAMPAIGN_RUNS);
		assert_int_equal(found[i].wave, 2);
		assert_true(found[i].soak_until == 99 * SEC);
		assert_int_equal(found[i].brake_since, 7);
	}
	free(found);
}

static void test_resume(void **state)
{
	struct fixture *f = *state;
	struct store_campaign c = { .name = "winter", .target = "1.30", .halted = CAMPAIGN_FAILURES };
	struct store_change what = { .campaign = &c };
	struct store_job job = make_job("winter", "m1", "1"), other = make_job("spring", "m2", "2");

	job.state = other.state = JOB_FAILED;
	assert_int_equal(change(f, &what), 0);
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(save(f, &other), 0);
	strcpy(job.modem, "m3");
	strcpy(job.record.imei, "3");
	job.state = JOB_SUCCEEDED;
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(store_resume(f->store, "spring", 5 * SEC, 1000), -ENOENT);
	assert_int_equal(store_resume(f->store, "winter", 5 * SEC, 1000), 0);
	assert_int_equal(store_resume(f->store, "winter", 6 * SEC, 1000), -ENOENT);
	assert_string_equal(ask(f, "SELECT halted, paused, brake_since FROM campaigns"), "|0|5000000");
	assert_string_equal(ask(f, "SELECT modem, forgiven FROM jobs ORDER BY modem"), "m1|1\nm2|0\nm3|0");
	assert_string_equal(ask(f, "SELECT time, who, campaign, what, uid FROM history"),
		"5000000|operator|winter|resumed|1000");
}

/* The rules of an attempt are kept as long as it goes on, and unknown ones are no harm (conduct 21). */
static void test_terms(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("c", "m", "111");
	struct store_attempt a = make_attempt(1);
	struct store_change what = { .job = &job, .attempt = &a };
	struct upgrade_task task = { .check = CHECK_PDP,
		.apn = { .name = "iot", .username = "gw", .password = "secret", .credential = "apn" } };
	struct store_found found;

	terms_take(&a.terms, profile_by_name("L610"), &task,
		&(struct job_rules){ .attempts = 5, .delay = 1, .max_delay = 2 });
	a.terms.timeouts.stall = 77 * SEC;
	assert_int_equal(change(f, &what), 0);
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(find(f, "c", "m", "111", &found), 0);
	assert_true(found.attempt_known);
	assert_memory_equal(&found.attempt.terms, &a.terms, sizeof(a.terms));
	a.judged = true;
	a.outcome = OUTCOME_UNKNOWN; /* it goes on */
	assert_int_equal(change(f, &what), 0);
	assert_string_equal(ask(f, "SELECT terms LIKE 'profile=L610%', terms LIKE '%secret%' FROM attempts"), "1|0");
	assert_string_equal(ask(f, "UPDATE attempts SET terms = 'profile=L611' RETURNING 1"), "1");
	assert_int_equal(find(f, "c", "m", "111", &found), 0);
	assert_true(found.attempt_known);
	assert_string_equal(found.attempt.terms.profile, "");
	a.ended = 2000 * SEC;
	assert_int_equal(change(f, &what), 0);
	assert_string_equal(ask(f, "SELECT terms FROM attempts"), "");
}

/* One row for each: open while it goes on, through an unknown verdict too, then closed for good. */
static void test_attempts(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("c", "m", "111");
	struct store_attempt a = make_attempt(1);
	struct store_change what = { .job = &job, .attempt = &a };
	struct store_found found;

	assert_int_equal(change(f, &what), 0);
	assert_int_equal(find(f, "c", "m", "111", &found), 0);
	assert_true(found.attempt_known && !found.attempt.judged);
	assert_int_equal(found.attempt.evidence.reports, 7);
	assert_int_equal(found.attempt.transport, GTOTA_FTP);
	a.evidence.reports = 9;
	a.judged = true;
	a.outcome = OUTCOME_UNKNOWN;
	a.reason = REASON_NOT_BACK;
	assert_int_equal(change(f, &what), 0);
	assert_string_equal(
		ask(f, ATTEMPTS), "1|m|111|1.28|1.29|ftp|1000000000|0|unknown|not-back|-1");
	assert_int_equal(find(f, "c", "m", "111", &found), 0);
	assert_true(found.attempt_known && found.attempt.judged);
	assert_int_equal(found.attempt.outcome, OUTCOME_UNKNOWN);
	assert_int_equal(found.attempt.reason, REASON_NOT_BACK);
	assert_int_equal(found.attempt.evidence.reports, 9);
	a.outcome = OUTCOME_FAILED;
	a.reason = REASON_REJECTED;
	a.cme = 107;
	a.ended = 2000 * SEC;
	assert_int_equal(change(f, &what), 0);
	assert_int_equal(find(f, "c", "m", "111", &found), 0);
	assert_false(found.attempt_known);
	/* The next one, and one of another module in that slot at the same time. */
	a = make_attempt(2);
	assert_int_equal(change(f, &what), 0);
	strcpy(job.record.imei, "222");
	a.number = 1;
	assert_int_equal(change(f, &what), 0);
	assert_string_equal(ask(f, ATTEMPTS),
		"1|m|111|1.28|1.29|ftp|1000000000|2000000000|failed|rejected|107\n"
		"2|m|111|1.28|1.29|ftp|1000000000|0|||-1\n"
		"1|m|222|1.28|1.29|ftp|1000000000|0|||-1");
	assert_string_equal(ask(f, "SELECT evidence FROM attempts WHERE ended != 0"),
		"before=1.28 after= reports=9 first-percent=-1 last-percent=-1 silence=0 lost=0 "
		"returned=0 booted=0 lives=0 cme=-1 preparing=0 downloading=0 installing=0 "
		"verifying=0 reads=0 first-read=0 last-read=0 eps=-1 gprs=-1 pdp=-1 rssi-before=-1 "
		"rssi-after=-1");
}

/* What succeeded, the newest first, with the model of the modem's newest job. */
static void test_figures(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("c", "m", "111");
	struct store_attempt a = make_attempt(1);
	struct store_change what = { .job = &job, .attempt = &a };
	struct store_figures figures[3];
	struct store_damage damage = { .rows = 9 };
	size_t n = 9;

	assert_int_equal(store_figures_now(f->store, figures, 3, &n, &damage), 0);
	assert_int_equal(n, 0);
	a.judged = true;
	a.evidence.phases[PHASE_INSTALLING] = 90 * SEC;
	a.evidence.rssi_before = 71;
	a.evidence.rssi_after = 85;
	for (unsigned i = 0; i < 5; i++) {
		a.outcome = i == 1 ? OUTCOME_FAILED : OUTCOME_SUCCEEDED;
		a.ended = (i + 1) * SEC;
		a.evidence.lives = i == 3; /* how long fotad was not there is not known */
		assert_int_equal(change(f, &what), 0);
	}
	strcpy(job.record.model, "L610-CN-62-36");
	a.ended = 0; /* goes on */
	assert_int_equal(change(f, &what), 0);
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(store_figures_now(f->store, figures, 3, &n, &damage), 0);
	assert_true(n == 3 && damage.rows == 0);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(figures[i].model, "L610-CN-62-36");
		assert_string_equal(figures[i].to, "1.29");
		assert_int_equal(figures[i].rssi_before, 71);
		assert_int_equal(figures[i].rssi_after, 85);
		assert_true(figures[i].ended == (i == 0 ? 5 : i == 1 ? 4 : 3) * SEC);
		assert_true(figures[i].gone == (i == 1 ? 0 : 90 * SEC));
	}
}

static void test_modems(void **state)
{
	struct fixture *f = *state;
	struct store_modem modem = { "m", "111", "L610-CN-62-36", "1.28", 5 * SEC, "1A2B-1C3D4E5" };
	struct store_found found;

	assert_int_equal(store_find_now(f->store, "c", "m", &found), 0);
	assert_false(found.modem_known || found.job_known || found.attempt_known);
	assert_int_equal(change(f, &(struct store_change){ .modem = &modem }), 0);
	strcpy(modem.version, "1.29");
	assert_int_equal(change(f, &(struct store_change){ .modem = &modem }), 0);
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(store_find_now(f->store, "", "m", &found), 0);
	assert_true(found.modem_known);
	assert_false(found.job_known);
	assert_string_equal(found.modem.imei, "111");
	assert_string_equal(found.modem.model, "L610-CN-62-36");
	assert_string_equal(found.modem.version, "1.29");
	assert_true(found.modem.seen == 5 * SEC);
	assert_string_equal(found.modem.cell, "1A2B-1C3D4E5");
}

static struct store_history make_line(usec_t time, const char *detail)
{
	struct store_history line = { .time = time, .what = "state", .reason = REASON_STALLED };

	strcpy(line.campaign, "c");
	strcpy(line.modem, "m");
	strcpy(line.imei, "111");
	strcpy(line.from, "running");
	strcpy(line.to, "failed");
	snprintf(line.detail, sizeof(line.detail), "%s", detail);
	return line;
}

static void test_history(void **state)
{
	struct fixture *f = *state;
	struct store_history lines[] = { make_line(SEC, "one"), make_line(2 * SEC, "two") };

	lines[1].who = STORE_OPERATOR;
	lines[1].uid = 1000;
	assert_int_equal(change(f, &(struct store_change){ .history = lines, .n_history = 2 }), 0);
	assert_string_equal(ask(f, "SELECT time, who, campaign, modem, imei, what, before, after, "
				   "reason, detail, uid FROM history ORDER BY id"),
		"1000000|daemon|c|m|111|state|running|failed|stalled|one|-1\n"
		"2000000|operator|c|m|111|state|running|failed|stalled|two|1000");
}

/* Who is there, and which of several rows counts (conduct 3, 8, 11). */
static void test_find(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("winter", "a", "111");
	struct store_found found;

	job.target[0] = 'w';
	job.record.attempt = 4;
	assert_int_equal(save(f, &job), 0);
	/* Later, the same module in another campaign and slot, and its start has no end yet. */
	job = make_job("spring", "b", "111");
	job.target[0] = 's';
	job.record.attempt = 9;
	job.record.end_open = job.record.callbreak.written = true;
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(find(f, "spring", "b", "111", &found), 0);
	assert_string_equal(found.job.target, "s");
	/* Back in the first: the job is that one's, the module's state what was seen last. */
	assert_int_equal(find(f, "winter", "a", "111", &found), 0);
	assert_true(found.job_known);
	assert_string_equal(found.job.target, "w");
	assert_int_equal(found.job.record.attempt, 4);
	assert_true(found.job.record.end_open && found.job.record.callbreak.written);
	/* A campaign that has no job of it yet, or none at all. */
	assert_int_equal(find(f, "summer", "a", "111", &found), 0);
	assert_true(found.job_known && found.job.record.end_open);
	assert_string_equal(found.job.campaign, "spring");
	assert_int_equal(find(f, "", "a", "111", &found), 0);
	assert_string_equal(found.job.campaign, "spring");
	/* Past the point of no return that job goes first, whatever is wished now. */
	job.record.start_durable = true;
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(find(f, "winter", "a", "111", &found), 0);
	assert_string_equal(found.job.campaign, "spring");
	assert_true(found.job.record.start_durable);
	/* By name: what was in that slot last. */
	assert_int_equal(find(f, "winter", "a", NULL, &found), 0);
	assert_string_equal(found.job.target, "w");
	assert_false(found.job.record.end_open);
	job = make_job("winter", "a", "222");
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(find(f, "winter", "a", NULL, &found), 0);
	assert_string_equal(found.job.record.imei, "222");
	assert_int_equal(find(f, "winter", "z", "333", &found), 0);
	assert_false(found.job_known);
	/* A job without an IMEI is nobody's who asks by one. */
	job = make_job("winter", "n", "");
	assert_int_equal(save(f, &job), 0);
	assert_int_equal(find(f, "winter", "n", "333", &found), 0);
	assert_false(found.job_known);
	assert_int_equal(find(f, "winter", "n", NULL, &found), 0);
	assert_true(found.job_known);
}

/* What is asked for sees all that was queued before it, however patient. */
static void test_find_in_order(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("c", "m", "111");
	struct store_completion done;

	job.attempts = 77;
	assert_int_equal(
		store_change(f->store, &(struct store_change){ .job = &job, .patience = HOUR }, 1),
		0);
	assert_int_equal(store_find(f->store, "c", "m", "111", 2), 0);
	done = completion(f);
	assert_int_equal(done.cookie, 1);
	done = completion(f);
	assert_int_equal(done.cookie, 2);
	assert_int_equal(done.found->job.attempts, 77);
	free(done.found);
}

/* The patient ones wait for the impatient, and share its commit; a close waits for nobody. */
static void test_patience(void **state)
{
	struct fixture *f = *state;
	struct store_job job = make_job("c", "m", "111"), *jobs;
	struct store_completion done;

	for (unsigned i = 0; i < 50; i++) {
		job.attempts = i;
		assert_int_equal(
			store_change(f->store,
				&(struct store_change){ .job = &job, .patience = HOUR }, i),
			0);
	}
	assert_false(store_completion(f->store, &done));
	job.attempts = 50;
	assert_int_equal(store_save(f->store, &job, 50), 0);
	for (unsigned i = 0; i <= 50; i++) {
		done = completion(f);
		assert_int_equal(done.cookie, i);
		assert_int_equal(done.error, 0);
	}
	job.attempts = 51;
	assert_int_equal(
		store_change(f->store, &(struct store_change){ .job = &job, .patience = HOUR }, 51),
		0);
	assert_int_equal(reopen(f, BOOT), 0);
	assert_int_equal(load(f, &jobs), 1);
	assert_int_equal(jobs[0].attempts, 51);
	free(jobs);
}

static void prune(struct fixture *f, usec_t wall)
{
	struct store_completion done;

	assert_int_equal(store_prune(f->store, wall, 3), 0);
	done = completion(f);
	assert_int_equal(done.cookie, 3);
	assert_int_equal(done.error, 0);
}

static void fill(struct fixture *f, const char *sql)
{
	sqlite3 *db;

	f->store = store_close(f->store);
	assert_int_equal(sqlite3_open(inside(f, STORE_FILE), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(reopen(f, BOOT), 0);
}

#define SERIES(n)                                                                                  \
	"WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < " n ") "

/* Conduct 28: 400 days or 100,000 rows, whichever is less; nothing while the clock says nonsense of the past. */
static void test_retention(void **state)
{
	struct fixture *f = *state;
	usec_t now = 500 * DAY;

	fill(f, SERIES("1000") "INSERT INTO history SELECT NULL, i * 86400000000 / 2, 'daemon', '',"
			       " '', '', 'state', '', '', '', '', -1 FROM c");
	prune(f, 0);
	assert_string_equal(ask(f, "SELECT count(*) FROM history"), "1000");
	prune(f, now);
	assert_string_equal(ask(f, "SELECT count(*), min(time) FROM history"), "801|8640000000000");
	/* A job's open attempt stays, however old. */
	fill(f, "INSERT INTO attempts VALUES (NULL, 'c', 'm', '1', 1, '', '', 'http', 1, 5, '', '',"
		" -1, '', ''), (NULL, 'c', 'm', '1', 2, '', '', 'http', 1, 0, '', '', -1, '', ''),"
		" (NULL, 'c', 'm', '1', 3, '', '', 'http', 1, 42000000000000, '', '', -1, '', '')");
	prune(f, now);
	assert_string_equal(ask(f, "SELECT number FROM attempts ORDER BY id"), "2\n3");
	/* So many that the rows' number decides, in more than one turn. */
	fill(f, "DELETE FROM history;" SERIES(
			"103000") "INSERT INTO history SELECT NULL, 43200000000000, 'daemon', '', "
				  "'', '', 'state', '',"
				  " '', '', '', -1 FROM c");
	prune(f, now);
	assert_string_equal(
		ask(f, "SELECT count(*), max(id) - min(id) FROM history"), "100000|99999");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_attempts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_terms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_campaigns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_modems, setup, teardown),
		cmocka_unit_test_setup_teardown(test_figures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_history, setup, teardown),
		cmocka_unit_test_setup_teardown(test_find, setup, teardown),
		cmocka_unit_test_setup_teardown(test_find_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_patience, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retention, setup, teardown),
	};

	return cmocka_run_group_tests_name("store-rows", tests, NULL, NULL);
}
