/*
 * Bundles: what goes in comes out again, secrets do not; what is no bundle is refused; old files
 * make room.
 */
#include "tests/unit/upgrade-rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "io/bundle-writer.h"

#define CANARY "kanarie-Zx91"

struct site {
	struct rig rig;
	struct trace trace;
	unsigned char memory[TRACE_SIZE];
	struct upgrade_record record;
	struct upgrade_notice verdict;
	char directory[64];
};

static int set_up(void **state)
{
	struct site *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	strcpy(s->directory, "/tmp/fotad-test-bundle-XXXXXX");
	assert_non_null(mkdtemp(s->directory));
	*state = s;
	return 0;
}

static void path_of(const struct site *s, const char *name, char ret[static 512])
{
	assert_true(snprintf(ret, 512, "%s/" BUNDLE_DIRECTORY "%s%s", s->directory,
			    name[0] ? "/" : "", name) < 512);
}

/* Names of the bundles, each with a '|'; returns how many. */
static size_t list(const struct site *s, char *ret, size_t size)
{
	struct dirent **entries;
	char path[512];
	size_t count = 0, used = 0;
	int n;

	path_of(s, "", path);
	n = scandir(path, &entries, NULL, alphasort);
	ret[0] = '\0';
	for (int i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.') {
			used += (size_t) snprintf(
				ret + used, size - used, "%s|", entries[i]->d_name);
			count++;
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return count;
}

static int tear_down(void **state)
{
	struct site *s = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", s->directory);
	assert_int_equal(system(command), 0);
	free(s);
	return 0;
}

/* An attempt that failed, with every field of a task in use. */
static void fail_once(struct site *s)
{
	rig_begin(&s->rig, "L610");
	s->rig.task.request = (struct gtota_request){
		.type = GTOTA_FTP,
		.url = "fota.example.net",
		.filename = "a b/\x7e.bin",
		.username = "fota",
		.password = CANARY,
	};
	s->rig.task.require = (struct requirement){ .technology = TECHNOLOGY_LTE,
		.check_rssi = true,
		.rssi_dbm = -100,
		.refuse_roaming = true,
		.supply_mv = 3500,
		.idle = true };
	s->rig.task.rat = RAT_LOCK;
	s->rig.task.check = CHECK_PDP;
	s->rig.task.apn = (struct apn){
		.name = "iot", .username = "gw", .password = CANARY, .credential = "apn"
	};
	rig_once(&s->rig, "AT+MIPCALL?", "+MIPCALL: 0|OK");
	rig_hold(&s->rig);
	s->record = s->rig.d.upgrade.record;
	trace_begin(&s->trace, s->memory, sizeof(s->memory), &s->rig.d, s->rig.now);
	s->rig.d.trace = &s->trace;
	rig_go(&s->rig);
	rig_until(&s->rig, "download");
	rig_hear(&s->rig, "\xff\x80 noise");
	rig_hear(&s->rig, "GTOTA DOWNLOAD FAILED");
	rig_until(&s->rig, "hold");
	s->verdict = (struct upgrade_notice){ .type = NOTICE_VERDICT,
		.outcome = OUTCOME_FAILED,
		.reason = REASON_DOWNLOAD_FAILED,
		.cme = AT_ERROR_NONE,
		.step = "answer-revision" };
}

static struct bundle *make(struct site *s, usec_t written)
{
	struct bundle_source source = {
		.written = written,
		.campaign = "winter",
		.modem = "pump-07",
		.port = "/dev/ttyUSB2",
		.target = NEW,
		.who = &s->rig.modem,
		.timeouts = &s->rig.timeouts,
		.task = &s->rig.task,
		.record = &s->record,
		.upgrade = &s->rig.d.upgrade,
		.verdict = &s->verdict,
		.trace = &s->trace,
	};
	struct bundle *b = NULL;

	assert_return_code(bundle_new(&source, &b), 0);
	return b;
}

static void expect_same_verdict(const struct bundle *b)
{
	struct replay *r = malloc(sizeof(*r));
	const struct trace_entry *entry;
	enum replay_result result;

	assert_non_null(r);
	assert_return_code(replay_begin(r, &b->replay), 0);
	do {
		result = replay_next(r, &entry);
	} while (result == REPLAY_SAME);
	if (result == REPLAY_DIFFERENT)
		fail_msg("%s", r->difference);
	assert_int_equal(r->verdict.reason, REASON_DOWNLOAD_FAILED);
	free(r);
}

static void there_and_back(void **state)
{
	struct site *s = *state;
	char problem[BUNDLE_PROBLEM_MAX], *text, *text_again;
	struct bundle *b, *again;
	size_t size, size_again;

	fail_once(s);
	b = make(s, 1795260557807642);
	expect_same_verdict(b);
	assert_return_code(bundle_text(b, &text, &size), 0);
	assert_null(memmem(text, size, "kanarie", 7));
	assert_null(memmem(b, sizeof(*b), "kanarie", 7));
	assert_return_code(bundle_parse(text, size, &again, problem), 0);
	expect_same_verdict(again);

	assert_string_equal(again->modem, "pump-07");
	assert_string_equal(again->campaign, "winter");
	assert_string_equal(again->port, "/dev/ttyUSB2");
	assert_string_equal(again->target, NEW);
	assert_int_equal(again->written, 1795260557807642);
	assert_memory_equal(&again->task.require, &s->rig.task.require, sizeof(struct requirement));
	assert_string_equal(again->task.request.filename, "a b/\x7e.bin");
	assert_string_equal(again->task.request.password, "***");
	assert_string_equal(again->task.apn.password, "***");
	assert_string_equal(again->task.apn.credential, "apn");
	assert_int_equal(again->task.rat, RAT_LOCK);
	assert_int_equal(again->task.check, CHECK_PDP);
	assert_memory_equal(&again->replay.timeouts, &s->rig.timeouts, sizeof(struct timeouts));
	assert_true(again->replay.named);

	/* What only people read is not taken up again; from "task" on it is the same text. */
	assert_return_code(bundle_text(again, &text_again, &size_again), 0);
	assert_string_equal(
		strstr(strstr(text_again, "\"trace\""), "\"trace\""), strstr(text, "\"trace\""));
	free(text_again);
	free(text);
	bundle_free(again);
	bundle_free(b);
}

/* A password that was not fit for the line was never in it: here, too, the line cannot be built. */
static void unfit_password(void **state)
{
	struct site *s = *state;
	struct bundle *b;

	fail_once(s);
	s->rig.task.request.password = "quo\"te";
	b = make(s, 1);
	assert_null(b->task.request.password);
	assert_string_equal(b->task.request.url, "");
	bundle_free(b);
}

/* ---- what is refused ---- */

static const char *replace(char *text, const char *old, const char *new)
{
	static char changed[65536];
	char *at = strstr(text, old);

	assert_non_null(at);
	assert_true(strlen(text) + strlen(new) < sizeof(changed));
	snprintf(changed, sizeof(changed), "%.*s%s%s", (int) (at - text), text, new,
		at + strlen(old));
	return changed;
}

static void refused(void **state)
{
	static const struct {
		const char *old, *new, *problem;
	} rows[] = {
		{ "{", "", "expected near" },
		{ "\"version\": 1", "\"version\": 2", "newer fotad" },
		{ "\"version\": 1", "\"version\": \"1\"", "no bundle" },
		{ "\"modem\": \"pump-07\"", "\"modem\": 7", "\"modem\" is not a string" },
		{ "\"to\": \"" NEW "\", \"type\"", "\"to\": null, \"type\"",
			"\"to\" is not a string" },
		{ "\"command\": ", "\"command\": -", "\"command\" is not a number" },
		{ "\"settle\": 30000000", "\"settle\": 0", "\"settle\" is not a number" },
		{ "\"name\": \"L610\"", "\"name\": \"L999\"", "no module that is known" },
		{ "\"profile\": \"L610\"", "\"profile\": \"L999\"", "none that fotad can be in" },
		{ "\"task\": false", "\"task\": 0", "\"task\" is not true or false" },
		{ "\"upgrade.step\": \"hold\"", "\"upgrade.step\": \"sim\"",
			"none that fotad can be in" },
		{ "\"upgrade.step\": \"hold\"", "\"upgrade.step\": \"jump\"",
			"not known to this version" },
		{ "\"upgrade.step\": \"hold\"", "\"upgrade.stop\": \"hold\"",
			"not known to this version" },
		{ "\"url\": \"fota.example.net\"", "\"url\": null", "\"url\" is not a string" },
		{ "\"channel.text\": \"", "\"channel.text\": \"\\u0100", "no bytes" },
		{ "[0,\"go\"]", "[0,\"stop\"]", "an entry of the trace is none" },
		{ "[0,\"go\"]", "[\"go\"]", "an entry of the trace is none" },
		{ "[0,\"go\"]", "[-4503599627370000,\"go\"]", "before all time" },
		{ "[0,\"go\"]", "[0,\"hidden\",2000000000]", "too long" },
		{ "[0,\"go\"]", "[0,\"in\",7]", "not a string" },
		{ "\"failed\",\"download-failed\"", "\"failed\",\"tired\"",
			"not known to this version" },
		{ "\"entries\": [", "\"entries\": 1, \"x\": [", "not a list" },
	};
	struct site *s = *state;
	char problem[BUNDLE_PROBLEM_MAX], *text;
	struct bundle *b, *never = NULL;
	size_t size;

	fail_once(s);
	b = make(s, 1);
	assert_return_code(bundle_text(b, &text, &size), 0);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const char *changed = replace(text, rows[i].old, rows[i].new);

		assert_int_equal(bundle_parse(changed, strlen(changed), &never, problem), -EBADMSG);
		if (!strstr(problem, rows[i].problem))
			fail_msg("%s: %s", rows[i].new, problem);
		assert_null(never);
	}
	for (size_t n = 0; n < size - 1; n += 97)
		assert_int_equal(bundle_parse(text, n, &never, problem), -EBADMSG);
	free(text);
	bundle_free(b);
}

/* ---- files ---- */

static void room_by_count(void **state)
{
	struct site *s = *state;
	char names[1024], name[32];

	for (int i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), "2026%d.json", i);
		assert_return_code(bundle_file_write(s->directory, name, "text", 4, 3, 1000), 0);
	}
	assert_int_equal(list(s, names, sizeof(names)), 3);
	assert_string_equal(names, "20264.json|20265.json|20266.json|");
}

static void room_by_size(void **state)
{
	struct site *s = *state;
	char names[1024], path[512], *text;
	struct stat st;
	size_t size;

	assert_return_code(bundle_file_write(s->directory, "1.json", "0123456789", 10, 9, 25), 0);
	path_of(s, "foreign.txt", path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	path_of(s, "0.json.new", path); /* an earlier life ended here */
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_return_code(bundle_file_write(s->directory, "2.json", "0123456789", 10, 9, 25), 0);
	assert_return_code(bundle_file_write(s->directory, "3.json", "abcdefghij", 10, 9, 25), 0);
	assert_int_equal(list(s, names, sizeof(names)), 3);
	assert_string_equal(names, "2.json|3.json|foreign.txt|");
	path_of(s, "3.json", path);
	assert_return_code(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_return_code(bundle_file_read(path, 10, &text, &size), 0);
	assert_int_equal(size, 10);
	assert_memory_equal(text, "abcdefghij", 10);
	free(text);
	assert_int_equal(bundle_file_read(path, 9, &text, &size), -EFBIG);
}

static void no_directory(void **state)
{
	struct site *s = *state;
	char path[512];

	assert_int_equal(bundle_file_write("/nonexistent", "1.json", "x", 1, 9, 9), -ENOENT);
	path_of(s, "", path);
	close(open(path, O_CREAT | O_WRONLY, 0600)); /* something else has that name */
	assert_int_equal(bundle_file_write(s->directory, "1.json", "x", 1, 9, 9), -ENOTDIR);
}

static void writer(void **state)
{
	struct site *s = *state;
	struct bundle_result result;
	struct bundle_writer *w;
	struct bundle *b;
	char problem[BUNDLE_PROBLEM_MAX], names[1024], path[512];

	fail_once(s);
	assert_return_code(bundle_writer_new(s->directory, &w), 0);
	assert_false(bundle_writer_result(w, &result));
	assert_return_code(bundle_writer_add(w, make(s, 1795260557807642)), 0);
	assert_return_code(bundle_writer_add(w, make(s, 1795260557807643)), 0);
	bundle_writer_finish(w);
	assert_true(bundle_writer_result(w, &result));
	assert_int_equal(result.error, 0);
	assert_string_equal(result.modem, "pump-07");
	assert_string_equal(result.name, "20261121T112917.807642Z-pump-07-download-failed.json");
	assert_true(bundle_writer_result(w, &result));
	assert_false(bundle_writer_result(w, &result));
	bundle_writer_free(w);
	assert_int_equal(list(s, names, sizeof(names)), 2);
	path_of(s, result.name, path);
	assert_return_code(bundle_load(path, &b, problem), 0);
	expect_same_verdict(b);
	bundle_free(b);
}

static void writer_fails(void **state)
{
	struct site *s = *state;
	struct bundle_result result;
	struct bundle_writer *w;

	fail_once(s);
	assert_return_code(bundle_writer_new("/nonexistent", &w), 0);
	assert_return_code(bundle_writer_add(w, make(s, 1)), 0);
	bundle_writer_finish(w);
	assert_true(bundle_writer_result(w, &result));
	assert_int_equal(result.error, -ENOENT);
	assert_null(bundle_writer_free(w));
	assert_null(bundle_writer_free(NULL));
	assert_null(bundle_free(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(there_and_back),
		TEST(unfit_password),
		TEST(refused),
		TEST(room_by_count),
		TEST(room_by_size),
		TEST(no_directory),
		TEST(writer),
		TEST(writer_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
