/* When a campaign may start something: windows, not_before, not_after, jitter, and the clock that decides. */
#include "tests/unit/config-site.h"

#include "base/macros.h"
#include "core/civil.h"

#define TOP(members)       "{ \"version\": 1, " members " }"
#define CAMPAIGN(members)  TOP("\"campaigns\": [ { \"name\": \"c\", \"target\": \"2\", " members " } ]")
#define WINDOWS(members)   CAMPAIGN("\"windows\": [ " members " ]")
#define WINDOW(members)    WINDOWS("{ " members " }")
#define TIMES              "\"start\": \"01:00\", \"end\": \"04:30\""
#define BERLIN             "\"timezone\": \"Europe/Berlin\""
#define FROM(text)         CAMPAIGN("\"not_before\": \"" text "\"")

static usec_t instant(const char *text)
{
	usec_t t = 0;

	assert_int_equal(civil_parse(text, &t), 0);
	return t;
}

static void test_everything(void **state)
{
	struct site *s = *state;
	const struct opening_rules *when;

	site_write(s, "fotad.json",
		TOP("\"limits\": { \"clock\": \"synchronised\" }, \"campaigns\": ["
		    "{ \"name\": \"c\", \"target\": \"2\", \"not_before\": \"2026-12-01T00:00:00+01:00\","
		    "  \"not_after\": \"2027-01-15T00:00:00+01:00\", \"jitter\": \"30min\", \"window_end\": \"finish\","
		    "  \"windows\": [ { \"days\": [ \"mon\", \"fri\", \"sun\" ], " TIMES ", " BERLIN " },"
		    "    { \"start\": \"22:00\", \"end\": \"24:00\", \"timezone\": \"Asia/Kathmandu\", \"$comment\": \"x\" },"
		    "    { \"start\": \"00:00\", \"end\": \"00:01\", " BERLIN " } ] },"
		    "{ \"name\": \"d\", \"target\": \"2\", \"windows\": [ { " TIMES ", " BERLIN " } ] },"
		    "{ \"name\": \"e\", \"target\": \"2\" } ]"));
	site_load_fine(s);
	when = &s->config->campaigns[0].when;
	assert_int_equal(when->not_before, instant("2026-11-30T23:00:00Z"));
	assert_int_equal(when->not_after, instant("2027-01-14T23:00:00Z"));
	assert_int_equal(when->jitter, 30 * MINUTE);
	assert_int_equal(when->window_end, WINDOW_END_FINISH);
	assert_true(when->synchronised);
	assert_int_equal(when->n_windows, 3);
	assert_int_equal(when->windows[0].days, 0x51);
	assert_int_equal(when->windows[0].start, 60);
	assert_int_equal(when->windows[0].end, 270);
	assert_string_equal(when->windows[0].zone->name, "Europe/Berlin");
	assert_int_equal(when->windows[1].days, WINDOW_EVERY_DAY);
	assert_int_equal(when->windows[1].start, 1320);
	assert_int_equal(when->windows[1].end, WINDOW_DAY_END);
	assert_int_equal(zone_offset(when->windows[1].zone, instant("2026-06-01T00:00:00Z")), 20700);
	assert_int_equal(zone_offset(when->windows[0].zone, instant("2026-06-01T00:00:00Z")), 7200);
	/* each zone once */
	assert_ptr_equal(when->windows[2].zone, when->windows[0].zone);
	assert_ptr_equal(s->config->campaigns[1].when.windows[0].zone, when->windows[0].zone);
	assert_int_equal(s->config->n_zones, 2);
	/* of the last one nothing is said: any time */
	when = &s->config->campaigns[2].when;
	assert_true(when->n_windows == 0 && when->not_before == 0 && when->not_after == 0 && when->jitter == 0);
	assert_int_equal(when->window_end, WINDOW_END_HOLD);
	assert_false(opening_uses_clock(when));
}

static void test_defaults(void **state)
{
	struct site *s = *state;

	site_write(s, "fotad.json", WINDOW(TIMES ", \"timezone\": \"UTC\""));
	site_load_fine(s);
	assert_false(s->config->campaigns[0].when.synchronised);
	assert_true(window_is_open(s->config->campaigns[0].when.windows, 1, instant("2026-06-01T01:00:00Z")));
	assert_false(window_is_open(s->config->campaigns[0].when.windows, 1, instant("2026-06-01T04:30:00Z")));
}

/* Of every kind of zone its changes live as long as the configuration. */
static void test_zones(void **state)
{
	static const struct {
		const char *zone, *at;
		int offset;
	} rows[] = {
		{ "Africa/Casablanca", "2026-03-01T00:00:00Z", 0 }, { "Africa/Casablanca", "2026-06-01T00:00:00Z", 3600 },
		{ "Asia/Gaza", "2030-06-01T00:00:00Z", 10800 }, { "America/Argentina/Ushuaia", "2026-06-01T00:00:00Z", -10800 },
		{ "Australia/Lord_Howe", "2026-06-01T00:00:00Z", 37800 }, { "Etc/GMT+12", "2026-06-01T00:00:00Z", -43200 },
	};
	struct site *s = *state;
	char text[512];

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		snprintf(text, sizeof(text), WINDOW(TIMES ", \"timezone\": \"%s\""), rows[i].zone);
		site_write(s, "fotad.json", text);
		site_load_fine(s);
		assert_int_equal(zone_offset(s->config->campaigns[0].when.windows[0].zone, instant(rows[i].at)), rows[i].offset);
	}
}

/* clang-format off */
static const struct row {
	const char *text;
	const char *expected;
} rows[] = {
	{ TOP("\"limits\": { \"clock\": \"synchronized\" }"), "/limits/clock: expected \"any\" or \"synchronised\", found \"synchronized\"; did you mean \"synchronised\"?" },
	{ CAMPAIGN("\"windows\": []"), "/campaigns/0/windows: expected a list of 1 to 32, found 0" },
	{ CAMPAIGN("\"windows\": {}"), "/campaigns/0/windows: expected a list, found an object" },
	{ WINDOWS("7"), "/campaigns/0/windows/0: expected an object, found 7" },
	{ WINDOWS("{ " TIMES ", " BERLIN " }, { \"start\": \"01:00\", " BERLIN " }"), "/campaigns/0/windows/1/end: is missing" },
	{ WINDOW("\"end\": \"01:00\", " BERLIN), "/campaigns/0/windows/0/start: is missing" },
	{ WINDOW(TIMES), "/campaigns/0/windows/0/timezone: is missing" },
	{ WINDOW(TIMES ", " BERLIN ", \"zone\": 1"), "/campaigns/0/windows/0/zone: unknown key; expected one of days, start, end, timezone" },
	{ WINDOW(TIMES ", " BERLIN ", \"day\": []"), "/campaigns/0/windows/0/day: unknown key; did you mean \"days\"?" },
	{ WINDOW(TIMES ", " BERLIN ", \"days\": []"), "/campaigns/0/windows/0/days: expected a list of words that is not empty" },
	{ WINDOW(TIMES ", " BERLIN ", \"days\": \"mon\""), "/campaigns/0/windows/0/days: expected a list of words" },
	{ WINDOW(TIMES ", " BERLIN ", \"days\": [ \"mon\", \"Tue\" ]"), "/campaigns/0/windows/0/days/1: expected one of mon, tue, wed, thu, fri, sat, sun, found \"Tue\"" },
	{ WINDOW(TIMES ", " BERLIN ", \"days\": [ 1 ]"), "/campaigns/0/windows/0/days/0: expected one of mon" },
	{ WINDOW(TIMES ", " BERLIN ", \"days\": [ \"mon\", \"tue\", \"mon\" ]"), "/campaigns/0/windows/0/days/2: \"mon\" stands there twice" },
	{ WINDOW("\"start\": \"1:00\", \"end\": \"04:30\", " BERLIN), "/campaigns/0/windows/0/start: expected a local time from \"00:00\" to \"23:59\", found \"1:00\"" },
	{ WINDOW("\"start\": \"24:00\", \"end\": \"04:30\", " BERLIN), "/campaigns/0/windows/0/start: expected a local time from \"00:00\" to \"23:59\"" },
	{ WINDOW("\"start\": \"01:60\", \"end\": \"04:30\", " BERLIN), "/campaigns/0/windows/0/start: expected a local time" },
	{ WINDOW("\"start\": \"01:00:00\", \"end\": \"04:30\", " BERLIN), "/campaigns/0/windows/0/start: expected a local time" },
	{ WINDOW("\"start\": \"01-00\", \"end\": \"04:30\", " BERLIN), "/campaigns/0/windows/0/start: expected a local time" },
	{ WINDOW("\"start\": 100, \"end\": \"04:30\", " BERLIN), "/campaigns/0/windows/0/start: expected a local time from \"00:00\" to \"23:59\", found 100" },
	{ WINDOW("\"start\": \"01:00\", \"end\": \"24:01\", " BERLIN), "/campaigns/0/windows/0/end: expected a local time from \"00:00\" to \"24:00\", found \"24:01\"" },
	{ WINDOW("\"start\": \"01:00\", \"end\": \"01:00\", " BERLIN), "/campaigns/0/windows/0/end: is the start as well; a whole day is \"00:00\" to \"24:00\"" },
	{ WINDOW(TIMES ", \"timezone\": \"Europe/Berln\""), "/campaigns/0/windows/0/timezone: \"Europe/Berln\" is not a time zone that this system knows; did you mean \"Europe/Berlin\"?" },
	{ WINDOW(TIMES ", \"timezone\": \"europe/berlin\""), "did you mean \"Europe/Berlin\"?" },
	{ WINDOW(TIMES ", \"timezone\": \"America/Argentina/Ushuia\""), "did you mean \"America/Argentina/Ushuaia\"?" },
	{ WINDOW(TIMES ", \"timezone\": \"Moon/Tranquility\""), "\"Moon/Tranquility\" is not a time zone that this system knows" },
	{ WINDOW(TIMES ", \"timezone\": \"Europe\""), "\"Europe\" is only the first part of a time zone's name" },
	{ WINDOW(TIMES ", \"timezone\": \"UTC/UTC\""), "\"UTC/UTC\" is not a time zone that this system knows" },
	{ WINDOW(TIMES ", \"timezone\": \"../../../etc/passwd\""), "/campaigns/0/windows/0/timezone: expected the name of a time zone" },
	{ WINDOW(TIMES ", \"timezone\": \"/etc/localtime\""), "/campaigns/0/windows/0/timezone: expected the name of a time zone" },
	{ WINDOW(TIMES ", \"timezone\": \"\""), "/campaigns/0/windows/0/timezone: expected the name of a time zone" },
	{ WINDOW(TIMES ", \"timezone\": \"zone.tab\""), "/campaigns/0/windows/0/timezone: expected the name of a time zone" },
	{ WINDOW(TIMES ", \"timezone\": 1"), "/campaigns/0/windows/0/timezone: expected a string, found 1" },
	{ CAMPAIGN("\"window_end\": \"stop\""), "/campaigns/0/window_end: expected \"hold\" or \"finish\", found \"stop\"" },
	{ CAMPAIGN("\"jitter\": \"0s\""), "/campaigns/0/jitter: expected a duration from 1ms to 30d" },
	{ CAMPAIGN("\"jitter\": 5"), "/campaigns/0/jitter: expected a duration" },
	{ FROM("2026-12-01"), "/campaigns/0/not_before: expected a date, a time and its offset from UTC (\"2026-12-01T00:00:00+01:00\", \"2026-11-30T23:00:00Z\"), found \"2026-12-01\"" },
	{ FROM("2026-12-01T00:00:00"), "/campaigns/0/not_before: expected a date, a time and its offset from UTC" },
	{ FROM("2026-02-29T00:00:00Z"), "/campaigns/0/not_before: expected a date and time that there is" },
	{ FROM("1970-01-01T00:00:00Z"), "/campaigns/0/not_before: expected a date and time that there is, after 1970 began" },
	{ CAMPAIGN("\"not_after\": 1796079600"), "/campaigns/0/not_after: expected a date, a time and its offset from UTC" },
	{ CAMPAIGN("\"not_before\": \"2026-12-01T00:00:00Z\", \"not_after\": \"2026-12-01T01:00:00+01:00\""), "/campaigns/0/not_after: is not later than not_before" },
};
/* clang-format on */

static void test_bad(void **state)
{
	struct site *s = *state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		site_write(s, "fotad.json", rows[i].text);
		site_expect_error(s, rows[i].expected);
	}
}

/* No guess where nothing is near. */
static void test_no_guess(void **state)
{
	struct site *s = *state;

	site_write(s, "fotad.json", WINDOW(TIMES ", \"timezone\": \"Moon/Tranquility\""));
	assert_int_equal(site_load(s, NULL), -EBADMSG);
	assert_int_equal(s->problems.n_errors, 1);
	assert_null(strstr(s->problems.errors[0], "did you mean"));
}

/* What is wrong with a time is said once, not also of what would stand there without it. */
static void test_no_times(void **state)
{
	static const struct {
		const char *text;
		size_t errors;
	} table[] = {
		{ WINDOW("\"start\": \"25:00\", \"end\": \"26:00\", " BERLIN), 2 },
		{ WINDOW("\"start\": \"00:00\", \"end\": \"26:00\", " BERLIN), 1 },
		{ WINDOW(BERLIN), 2 },
	};
	struct site *s = *state;

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		site_write(s, "fotad.json", table[i].text);
		assert_int_equal(site_load(s, NULL), -EBADMSG);
		assert_int_equal(s->problems.n_errors, table[i].errors);
	}
}

/* By the timeouts an hour and a half: with hold, a shorter one would never let anything start. */
static void test_short(void **state)
{
	static const char warning[] = "/campaigns/0/windows: none is as long as an upgrade may take by timeouts (1h 31min)";
	static const struct {
		const char *text;
		bool warned;
	} table[] = {
		{ WINDOW("\"start\": \"01:00\", \"end\": \"02:30\", " BERLIN), true },
		{ WINDOW("\"start\": \"01:00\", \"end\": \"02:31\", " BERLIN), false },
		{ WINDOW("\"start\": \"23:00\", \"end\": \"00:30\", " BERLIN), true },
		{ WINDOWS("{ \"start\": \"23:00\", \"end\": \"24:00\", " BERLIN " }, { \"start\": \"00:00\", \"end\": \"01:00\", " BERLIN " }"), false },
		{ CAMPAIGN("\"window_end\": \"finish\", \"windows\": [ { \"start\": \"01:00\", \"end\": \"01:01\", " BERLIN " } ]"), false },
		{ TOP("\"timeouts\": { \"download\": \"30min\" }, \"campaigns\": [ { \"name\": \"c\", \"target\": \"2\", \"windows\": [ { \"start\": \"01:00\", \"end\": \"02:30\", " BERLIN " } ] } ]"), false },
	};
	struct site *s = *state;

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		site_write(s, "fotad.json", table[i].text);
		site_load_fine(s);
		assert_int_equal(site_count(s->problems.warnings, s->problems.n_warnings, warning), table[i].warned);
	}
}

static void test_too_many(void **state)
{
	struct site *s = *state;
	char text[8192] = "{ \"version\": 1, \"campaigns\": [ { \"name\": \"c\", \"target\": \"2\", \"windows\": [ ";

	for (size_t i = 0; i <= WINDOWS_MAX; i++) {
		strcat(text, i ? ", " : "");
		strcat(text, "{ " TIMES ", " BERLIN " }");
	}
	strcat(text, " ] } ] }");
	site_write(s, "fotad.json", text);
	site_expect_error(s, "/campaigns/0/windows: expected a list of 1 to 32, found 33");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TEST(test_everything),
		SITE_TEST(test_defaults),
		SITE_TEST(test_zones),
		SITE_TEST(test_bad),
		SITE_TEST(test_no_guess),
		SITE_TEST(test_no_times),
		SITE_TEST(test_short),
		SITE_TEST(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
