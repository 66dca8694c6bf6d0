/* How many and how carefully: waves, halt, limits of groups, uplinks. */
#include "tests/unit/config-site.h"

#include "base/macros.h"

#define TOP(members)      "{ \"version\": 1, " members " }"
#define CAMPAIGN(members) TOP("\"campaigns\": [ { \"name\": \"c\", \"target\": \"2\", " members " } ]")
#define WAVES(members)    CAMPAIGN("\"waves\": [ " members " ]")
#define LAST              "{ \"size\": \"100%\" }"
#define LIMITS(members)   TOP("\"limits\": { " members " }")
#define MODEM(name, more) "{ \"name\": \"" name "\", \"port\": \"/dev/" name "\"" more " }"

static void test_waves(void **state)
{
	struct site *s = *state;
	const struct campaign_rules *rules;

	site_write(s, "fotad.json",
		TOP("\"campaigns\": ["
		    "{ \"name\": \"c\", \"target\": \"2\", \"uplink_confirmed\": true,"
		    "  \"waves\": [ { \"size\": \"1\", \"soak\": \"1h\" },"
		    "    { \"size\": \"10%\", \"success\": \"3\", \"soak\": \"12h\", \"$comment\": \"x\" },"
		    "    { \"size\": \"100%\", \"success\": \"95%\" } ] },"
		    "{ \"name\": \"d\", \"target\": \"2\" } ]"));
	site_load_fine(s);
	assert_true(s->config->campaigns[0].uplink_confirmed);
	rules = &s->config->campaigns[0].rules;
	assert_int_equal(rules->n_waves, 3);
	assert_true(rules->waves[0].size.value == 1 && !rules->waves[0].size.percent);
	assert_true(rules->waves[0].success.value == 80 && rules->waves[0].success.percent);
	assert_int_equal(rules->waves[0].soak, 1 * HOUR);
	assert_true(rules->waves[1].size.value == 10 && rules->waves[1].size.percent);
	assert_true(rules->waves[1].success.value == 3 && !rules->waves[1].success.percent);
	assert_int_equal(rules->waves[2].soak, 0);
	assert_int_equal(rules->waves[2].success.value, 95);
	rules = &s->config->campaigns[1].rules;
	assert_int_equal(rules->n_waves, 0);
	assert_false(s->config->campaigns[1].uplink_confirmed);
}

/* What a campaign makes of a package. On the way to the target the service is not asked for. */
static void test_task(void **state)
{
	struct site *s = *state;
	const struct config *c;
	struct upgrade_task task;
	struct job_rules rules;

	site_write(s, "fotad.json",
		TOP("\"modems\": [ { \"name\": \"m\", \"port\": \"/dev/m\", \"apn\": { \"name\": \"iot\" } } ],"
		    "\"packages\": ["
		    "{ \"model\": \"L610\", \"from\": \"1\", \"to\": \"2\", \"http\": { \"url\": \"http://h/12\" } },"
		    "{ \"model\": \"L610\", \"from\": \"2\", \"to\": \"3\", \"ftp\": { \"server\": \"h\","
		    "  \"file\": \"23\", \"username\": \"u\", \"password\": \"p\" } } ],"
		    "\"campaigns\": [ { \"name\": \"c\", \"target\": \"3\", \"check\": \"pdp\", \"rat\": \"lock\","
		    "  \"require\": { \"supply_mv\": 3500 }, \"retry\": { \"attempts\": 7, \"delay\": \"1min\","
		    "  \"max_delay\": \"2min\", \"max_bytes\": 123 } } ]"));
	site_load_fine(s);
	c = s->config;
	config_task(&c->campaigns[0], &c->modems[0], &c->packages[0], &task);
	assert_int_equal(task.request.type, GTOTA_HTTP);
	assert_string_equal(task.request.url, "http://h/12");
	assert_null(task.request.password);
	assert_string_equal(task.from, "1");
	assert_string_equal(task.to, "2");
	assert_int_equal(task.check, CHECK_NONE);
	assert_int_equal(task.rat, RAT_LOCK);
	assert_int_equal(task.require.supply_mv, 3500);
	assert_string_equal(task.apn.name, "iot");
	config_task(&c->campaigns[0], &c->modems[0], &c->packages[1], &task);
	assert_int_equal(task.request.type, GTOTA_FTP);
	assert_string_equal(task.request.filename, "23");
	assert_string_equal(task.request.password, "p");
	assert_int_equal(task.check, CHECK_PDP);
	rules = config_job_rules(&c->campaigns[0]);
	assert_int_equal(rules.attempts, 7);
	assert_int_equal(rules.delay, 1 * MINUTE);
	assert_int_equal(rules.max_delay, 2 * MINUTE);
	assert_int_equal(rules.max_bytes, 123);
	assert_int_equal(rules.seed, 0);
}

/* Conduct 20: 20 % after 5. A number needs no sample. */
static void test_halt(void **state)
{
	static const struct {
		const char *halt;
		struct halt_rules rules;
	} rows[] = {
		{ "", { { 20, true }, 5 } },
		{ ", \"halt\": {}", { { 20, true }, 5 } },
		{ ", \"halt\": { \"after\": 10 }", { { 20, true }, 10 } },
		{ ", \"halt\": { \"failures\": \"30%\" }", { { 30, true }, 5 } },
		{ ", \"halt\": { \"failures\": \"3\" }", { { 3, false }, 0 } },
		{ ", \"halt\": { \"failures\": \"3\", \"after\": 5 }", { { 3, false }, 5 } },
	};
	struct site *s = *state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct halt_rules *halt;
		char text[256];

		snprintf(text, sizeof(text),
			TOP("\"campaigns\": [ { \"name\": \"c\", \"target\": \"2\"%s } ]"), rows[i].halt);
		site_write(s, "fotad.json", text);
		site_load_fine(s);
		halt = &s->config->campaigns[0].rules.halt;
		assert_int_equal(halt->failures.value, rows[i].rules.failures.value);
		assert_int_equal(halt->failures.percent, rows[i].rules.failures.percent);
		assert_int_equal(halt->after, rows[i].rules.after);
	}
}

/* Off unless it is given. */
static void test_brake(void **state)
{
	struct site *s = *state;

	site_write(s, "fotad.json",
		TOP("\"campaigns\": ["
		    "{ \"name\": \"c\", \"target\": \"2\", \"brake\": { \"return_percent\": 250, \"signal_db\": 8 } },"
		    "{ \"name\": \"d\", \"target\": \"2\", \"brake\": { \"signal_db\": 62, \"after\": 64 } },"
		    "{ \"name\": \"e\", \"target\": \"2\" } ]"));
	site_load_fine(s);
	assert_int_equal(s->config->campaigns[0].rules.brake.return_percent, 250);
	assert_int_equal(s->config->campaigns[0].rules.brake.signal_db, 8);
	assert_int_equal(s->config->campaigns[0].rules.brake.after, 5);
	assert_int_equal(s->config->campaigns[1].rules.brake.return_percent, 0);
	assert_int_equal(s->config->campaigns[1].rules.brake.after, 64);
	assert_int_equal(s->config->campaigns[2].rules.brake.return_percent, 0);
	assert_int_equal(s->config->campaigns[2].rules.brake.signal_db, 0);
}

/* Objects merge per key, the later file wins (conduct 22). */
static void test_limits(void **state)
{
	struct site *s = *state;

	site_write(s, "fotad.json", LIMITS("\"per_group\": { \"pumps\": 2, \"$comment\": \"x\", \"north\": 9 }"));
	site_write(s, "conf.d/10.json",
		LIMITS("\"per_group\": { \"north\": 1, \"annex\": 4096 }, \"per_cell\": 2"));
	site_load_fine(s);
	assert_int_equal(s->config->per_cell, 2);
	assert_int_equal(s->config->n_per_group, 3);
	assert_string_equal(s->config->per_group[0].group, "annex");
	assert_int_equal(s->config->per_group[0].limit, 4096);
	assert_string_equal(s->config->per_group[1].group, "north");
	assert_int_equal(s->config->per_group[1].limit, 1);
	assert_string_equal(s->config->per_group[2].group, "pumps");
	assert_int_equal(s->config->per_group[2].limit, 2);
}

static void test_uplink(void **state)
{
	struct site *s = *state;

	site_write(s, "fotad.json",
		TOP("\"modems\": [ " MODEM("a", ", \"uplink\": true") ", " MODEM("b", "") " ],"
		    "\"campaigns\": [ { \"name\": \"c\", \"target\": \"2\" } ]"));
	assert_int_equal(site_load(s, NULL), 0);
	assert_true(s->config->modems[0].uplink);
	assert_false(s->config->modems[1].uplink);
	assert_int_equal(site_count(s->problems.warnings, s->problems.n_warnings,
				 "/modems/0/uplink: it is not upgraded before campaign \"c\" says"),
		1);
	assert_int_equal(site_count(s->problems.warnings, s->problems.n_warnings, "/modems/1"), 0);
}

/* clang-format off */
static const struct {
	const char *text, *expected;
} rows[] = {
	{ CAMPAIGN("\"waves\": []"), "/campaigns/0/waves: expected a list of 1 to 32, found 0" },
	{ CAMPAIGN("\"waves\": {}"), "/campaigns/0/waves: expected a list, found an object" },
	{ WAVES("5"), "/campaigns/0/waves/0: expected an object, found 5" },
	{ WAVES("{}"), "/campaigns/0/waves/0/size: is missing" },
	{ WAVES("{ \"size\": 1 }"), "/campaigns/0/waves/0/size: expected a number or a percentage in quotes (\"5\", \"10%\"), found 1" },
	{ WAVES("{ \"size\": \"0\" }"), "/campaigns/0/waves/0/size: expected a number or a percentage" },
	{ WAVES("{ \"size\": \"101%\" }"), "/campaigns/0/waves/0/size: expected a number or a percentage" },
	{ WAVES("{ \"size\": \"50%\" }"), "/campaigns/0/waves/0/size: the last wave must be \"100%\"" },
	{ WAVES("{ \"size\": \"100\" }"), "/campaigns/0/waves/0/size: the last wave must be \"100%\"" },
	{ WAVES("{ \"size\": \"5\" }, { \"size\": \"5\" }, " LAST), "/campaigns/0/waves/1/size: is not more than the wave before it" },
	{ WAVES("{ \"size\": \"10%\" }, { \"size\": \"5%\" }, " LAST), "/campaigns/0/waves/1/size: is not more than the wave before it" },
	{ WAVES("{ \"size\": \"100%\" }, " LAST), "/campaigns/0/waves/1/size: is not more than the wave before it" },
	{ WAVES("{ \"size\": \"1\", \"soak\": \"1\" }, " LAST), "/campaigns/0/waves/0/soak: expected a duration with a unit" },
	{ WAVES("{ \"size\": \"1\", \"soak\": \"0s\" }, " LAST), "/campaigns/0/waves/0/soak: expected a duration from 1ms to 90d" },
	{ WAVES("{ \"size\": \"1\", \"success\": 1 }, " LAST), "/campaigns/0/waves/0/success: expected a number or a percentage" },
	{ WAVES("{ \"size\": \"1\", \"soack\": \"1h\" }, " LAST), "/campaigns/0/waves/0/soack: unknown key; did you mean \"soak\"?" },
	{ WAVES("{ \"size\": \"50%\" }, { \"size\": \"60\" }, " LAST), NULL }, /* who knows how many there are */
	{ CAMPAIGN("\"halt\": \"10%\""), "/campaigns/0/halt: expected an object, found \"10%\"" },
	{ CAMPAIGN("\"halt\": { \"failures\": 10 }"), "/campaigns/0/halt/failures: expected a number or a percentage" },
	{ CAMPAIGN("\"halt\": { \"after\": 0 }"), "/campaigns/0/halt/after: expected a whole number from 1 to 1000000, found 0" },
	{ CAMPAIGN("\"brake\": {}"), "/campaigns/0/brake: expected \"return_percent\" or \"signal_db\", found none" },
	{ CAMPAIGN("\"brake\": { \"after\": 7 }"), "/campaigns/0/brake: expected \"return_percent\" or \"signal_db\", found none" },
	{ CAMPAIGN("\"brake\": { \"return_percent\": 100 }"),
	  "/campaigns/0/brake/return_percent: expected a whole number from 101 to 10000, found 100" },
	{ CAMPAIGN("\"brake\": { \"signal_db\": 0 }"), "/campaigns/0/brake/signal_db: expected a whole number from 1 to 62" },
	{ CAMPAIGN("\"brake\": { \"signal_db\": 6, \"after\": 65 }"),
	  "/campaigns/0/brake/after: expected a whole number from 1 to 64, found 65" },
	{ CAMPAIGN("\"check\": \"none\", \"brake\": { \"signal_db\": 6 }"),
	  "/campaigns/0/brake/signal_db: with \"check\": \"none\" nobody asks what an upgraded modem hears" },
	{ CAMPAIGN("\"check\": \"none\", \"brake\": { \"return_percent\": 200 }"), NULL },
	{ CAMPAIGN("\"uplink_confirmed\": \"yes\""), "/campaigns/0/uplink_confirmed: expected true or false, found \"yes\"" },
	{ TOP("\"modems\": [ " MODEM("m", ", \"uplink\": 1") " ]"), "/modems/0/uplink: expected true or false, found 1" },
	{ LIMITS("\"per_group\": 1"), "/limits/per_group: expected an object, found 1" },
	{ LIMITS("\"per_group\": { \"pumps\": 0 }"), "/limits/per_group/pumps: expected a whole number from 1 to 4096, found 0" },
	{ LIMITS("\"per_group\": { \"pumps\": \"2\" }"), "/limits/per_group/pumps: expected a whole number" },
	{ LIMITS("\"per_group\": { \"7up\": 1 }"), "/limits/per_group/7up: is not the name of a group: expected a letter" },
	{ LIMITS("\"per_group\": { \"$comment\": 1 }"), "/limits/per_group/$comment: expected a text" },
	{ LIMITS("\"per_cell\": 0"), "/limits/per_cell: expected a whole number from 1 to 4096, found 0" },
	{ TOP("\"limits\": { \"per_group\": { \"a\": 1, \"b\": 1, \"c\": 1, \"d\": 1, \"e\": 1, \"f\": 1, \"g\": 1, \"h\": 1,"
	      " \"i\": 1, \"j\": 1, \"k\": 1, \"l\": 1, \"m\": 1 } }, \"modems\": [ " MODEM("x",
	      ", \"groups\": [ \"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\", \"j\", \"k\", \"l\", \"m\" ]") " ]"),
	  "/modems/0/groups: more than 12 of them have a limit (limits.per_group)" },
};
/* clang-format on */

static void test_rows(void **state)
{
	struct site *s = *state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		int r;

		site_write(s, "fotad.json", rows[i].text);
		r = site_load(s, NULL);
		if (!rows[i].expected && r == 0)
			continue;
		if (r == -EBADMSG && s->problems.n_errors == 1 && rows[i].expected &&
			strstr(s->problems.errors[0], rows[i].expected))
			continue;
		print_message("%s\nexpected: %s\n", rows[i].text, rows[i].expected);
		site_print(s);
		fail_msg("returned %d", r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TEST(test_waves),
		SITE_TEST(test_task),
		SITE_TEST(test_halt),
		SITE_TEST(test_brake),
		SITE_TEST(test_limits),
		SITE_TEST(test_uplink),
		SITE_TEST(test_rows),
	};

	return cmocka_run_group_tests_name("config-campaigns", tests, NULL, NULL);
}
