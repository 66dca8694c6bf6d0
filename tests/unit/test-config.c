/*
 * test-config - what a right configuration becomes, and how files are merged.
 */
#include "tests/unit/config-site.h"

#include "base/macros.h"

#define EVERYTHING                                                                                 \
	"{ \"$schema\": \"x\", \"$comment\": [ \"a\", \"b\" ], \"version\": 1,"                    \
	"  \"limits\": { \"max_parallel\": 12 },"                                                  \
	"  \"modems\": ["                                                                          \
	"    { \"name\": \"pump-07\", \"port\": \"/dev/serial/by-path/p-port0\","                  \
	"      \"imei\": \"861234567890123\", \"baud_rate\": 921600, \"profile\": \"L610\","       \
	"      \"groups\": [ \"pumps\", \"north\" ],"                                              \
	"      \"apn\": { \"name\": \"iot.example\", \"username\": \"gw\","                        \
	"                 \"password\": { \"credential\": \"apn\" } } },"                          \
	"    { \"name\": \"plain\", \"port\": \"/dev/pts/3\" } ],"                                 \
	"  \"packages\": ["                                                                        \
	"    { \"model\": \"L610-CN\", \"from\": \"16000.1000.00.01.28\","                         \
	"      \"to\": \"16000.1000.00.01.29\","                                                   \
	"      \"http\": { \"url\": \"http://fota.example.net/l610/28-29.bin?a=b\" } },"           \
	"    { \"model\": \"L610-CN\", \"from\": \"16000.1000.00.01.29\","                         \
	"      \"to\": \"16000.1000.00.01.30\", \"size\": 734003,"                                 \
	"      \"sha256\": \"0123456789abcdefABCDEF0123456789abcdefABCDEF01234567890123456789\","  \
	"      \"ftp\": { \"server\": \"fota.example.net\", \"file\": \"l610/29-30.bin\","         \
	"                 \"username\": \"fota\", \"password\": { \"credential\": \"ftp\" } } } "  \
	"],"                                                                                       \
	"  \"campaigns\": ["                                                                       \
	"    { \"name\": \"winter\", \"modems\": { \"groups\": [ \"pumps\" ], \"names\": [ "       \
	"\"plain\" ] }, \"target\": \"16000.1000.00.01.30\", \"priority\": -5,"                    \
	"      \"max_parallel\": 4,"                                                               \
	"      \"retry\": { \"attempts\": 7, \"delay\": \"1min\", \"max_delay\": \"1h 30min\", \"max_bytes\": 5000000000 },"  \
	"      \"require\": { \"technology\": \"lte\", \"rssi_dbm\": -100, \"roaming\": false,"    \
	"                     \"supply_mv\": 3500, \"idle\": false },"                             \
	"      \"rat\": \"lock\", \"check\": \"pdp\", \"recover\": \"never\" },"                     \
	"    { \"name\": \"rest\", \"target\": \"16000.1000.00.01.29\", \"priority\": -6 } ],"     \
	"  \"timeouts\": { \"command\": \"50ms\", \"register\": \"1s\", \"return\": \"2d\" },"     \
	"  \"profiles\": { \"$comment\": \"c\", \"NL668\": { \"mipcall\": \"required\","           \
	"                  \"probe\": \"warn\", \"timeouts\": { \"stall\": \"10min\","             \
	"                  \"command\": \"1ms\" } } } }"

#define TOP(members) "{ \"version\": 1, " members " }"
#define CAMPAIGN(name, target, more)                                                               \
	"{ \"name\": \"" name "\", \"target\": \"" target "\"" more " }"
#define MODEM(name, more) "{ \"name\": \"" name "\", \"port\": \"/dev/" name "\"" more " }"

static void test_modems(void **state)
{
	struct site *s = *state;
	const struct config_modem *m;

	site_write(s, "fotad.json", EVERYTHING);
	site_load_fine(s);
	assert_int_equal(s->config->max_parallel, 12);
	assert_int_equal(s->config->n_modems, 2);
	m = &s->config->modems[0];
	assert_string_equal(m->name, "pump-07");
	assert_string_equal(m->port, "/dev/serial/by-path/p-port0");
	assert_string_equal(m->imei, "861234567890123");
	assert_int_equal(m->baud_rate, 921600);
	assert_string_equal(m->profile, "L610");
	assert_int_equal(m->n_groups, 2);
	assert_string_equal(m->groups[0], "north");
	assert_string_equal(m->groups[1], "pumps");
	assert_string_equal(m->apn.name, "iot.example");
	assert_string_equal(m->apn.username, "gw");
	assert_null(m->apn.password);
	assert_string_equal(m->apn.credential, "apn");
	m = &s->config->modems[1];
	assert_string_equal(m->name, "plain");
	assert_null(m->imei);
	assert_int_equal(m->baud_rate, 115200);
	assert_null(m->profile);
	assert_int_equal(m->n_groups, 0);
	assert_null(m->apn.name);
	assert_null(m->apn.credential);
}

static void test_packages(void **state)
{
	struct site *s = *state;
	const struct package *p;

	site_write(s, "fotad.json", EVERYTHING);
	site_load_fine(s);
	assert_int_equal(s->config->n_packages, 2);
	p = &s->config->packages[0];
	assert_string_equal(p->model, "L610-CN");
	assert_string_equal(p->from, "16000.1000.00.01.28");
	assert_string_equal(p->to, "16000.1000.00.01.29");
	assert_int_equal(p->type, GTOTA_HTTP);
	assert_string_equal(p->url, "http://fota.example.net/l610/28-29.bin?a=b");
	assert_null(p->filename);
	assert_null(p->username);
	assert_null(p->password);
	assert_null(p->credential);
	assert_int_equal(p->size, 0);
	p = &s->config->packages[1];
	assert_int_equal(p->type, GTOTA_FTP);
	assert_string_equal(p->url, "fota.example.net");
	assert_string_equal(p->filename, "l610/29-30.bin");
	assert_string_equal(p->username, "fota");
	assert_null(p->password);
	assert_string_equal(p->credential, "ftp");
	assert_int_equal(p->size, 734003);
}

static void test_campaigns(void **state)
{
	struct site *s = *state;
	const struct config_campaign *c;

	site_write(s, "fotad.json", EVERYTHING);
	site_load_fine(s);
	assert_int_equal(s->config->n_campaigns, 2);
	c = &s->config->campaigns[0];
	assert_string_equal(c->name, "winter");
	assert_false(c->all);
	assert_int_equal(c->n_groups, 1);
	assert_string_equal(c->groups[0], "pumps");
	assert_int_equal(c->n_names, 1);
	assert_string_equal(c->names[0], "plain");
	assert_string_equal(c->target, "16000.1000.00.01.30");
	assert_int_equal(c->priority, -5);
	assert_int_equal(c->max_parallel, 4);
	assert_int_equal(c->retry.attempts, 7);
	assert_int_equal(c->retry.delay, MINUTE);
	assert_int_equal(c->retry.max_delay, 90 * MINUTE);
	assert_true(c->retry.max_bytes == 5000000000);
	assert_int_equal(c->require.technology, TECHNOLOGY_LTE);
	assert_true(c->require.check_rssi);
	assert_int_equal(c->require.rssi_dbm, -100);
	assert_true(c->require.refuse_roaming);
	assert_int_equal(c->require.supply_mv, 3500);
	assert_false(c->require.idle);
	assert_int_equal(c->rat, RAT_LOCK);
	assert_int_equal(c->check, CHECK_PDP);
	c = &s->config->campaigns[1];
	assert_true(c->all);
	assert_int_equal(c->max_parallel, 0);
	assert_int_equal(c->retry.attempts, 3);
	assert_int_equal(c->retry.delay, 15 * MINUTE);
	assert_int_equal(c->retry.max_delay, 4 * HOUR);
	assert_true(c->retry.max_bytes == 0);
	assert_int_equal(c->require.technology, TECHNOLOGY_UMTS);
	assert_false(c->require.check_rssi);
	assert_false(c->require.refuse_roaming);
	assert_int_equal(c->require.supply_mv, 0);
	assert_true(c->require.idle);
	assert_int_equal(c->rat, RAT_KEEP);
	assert_int_equal(c->check, CHECK_REGISTERED);
}

static void test_timeouts(void **state)
{
	struct site *s = *state;
	const struct profile *p;

	site_write(s, "fotad.json", EVERYTHING);
	site_load_fine(s);
	p = config_profile(s->config, profile_by_name("NL668"));
	assert_non_null(p);
	assert_int_equal(p->mipcall, PROFILE_MIPCALL_REQUIRED);
	assert_int_equal(p->probe, PROFILE_PROBE_WARN);
	assert_int_equal(p->timeouts.command, MSEC);
	assert_int_equal(p->timeouts.stall, 10 * MINUTE);
	assert_int_equal(p->timeouts.registration, SEC);
	assert_int_equal(p->timeouts.return_, 2 * DAY);
	assert_int_equal(p->timeouts.pdp, profile_by_name("NL668")->timeouts.pdp);
	p = config_profile(s->config, profile_by_name("NL652"));
	assert_int_equal(p->mipcall, PROFILE_MIPCALL_NEVER);
	assert_int_equal(p->timeouts.command, 50 * MSEC);
	assert_int_equal(p->timeouts.stall, profile_by_name("NL652")->timeouts.stall);
	assert_int_equal(s->config->timeouts.command, 50 * MSEC);
	assert_int_equal(s->config->timeouts.identify, 15 * SEC);
}

/* The least that there is; and the promised waits are those of every row. */
static void test_defaults(void **state)
{
	struct site *s = *state;
	const struct profile *row;

	site_write(s, "fotad.json", "{ \"version\": 1 }");
	site_load_fine(s);
	assert_int_equal(s->problems.n_warnings, 0);
	assert_int_equal(s->config->max_parallel, 8);
	assert_int_equal(s->config->n_modems + s->config->n_packages + s->config->n_campaigns, 0);
	for (size_t i = 0; (row = profile_at(i)); i++) {
		assert_ptr_equal(config_profile(s->config, row), &s->config->profiles[i]);
		assert_memory_equal(&s->config->profiles[i], row, sizeof(*row));
		assert_memory_equal(&s->config->timeouts, &row->timeouts, sizeof(struct timeouts));
	}
	assert_int_equal(s->config->n_profiles, 3);
}

/* Each file may give some of the keys; what none gives is the standard. */
static void test_metrics(void **state)
{
	struct site *s = *state;

	site_write(s, "fotad.json", TOP("\"limits\": {}"));
	site_load_fine(s);
	assert_null(s->config->metrics.textfile);
	assert_int_equal(s->config->metrics.period, 30 * SEC);
	assert_false(s->config->metrics.per_modem);
	site_write(s, "fotad.json", TOP("\"metrics\": { \"textfile\": \"/a.prom\", \"per_modem\": true }"));
	site_write(s, "conf.d/a.json", TOP("\"metrics\": { \"textfile\": \"/run/b.prom\", \"period\": \"1h\" }"));
	site_load_fine(s);
	assert_string_equal(s->config->metrics.textfile, "/run/b.prom");
	assert_int_equal(s->config->metrics.period, HOUR);
	assert_true(s->config->metrics.per_modem);
}

/* conduct 22: lists concatenate, objects merge per key, later wins, lexical order */
static void test_merge(void **state)
{
	struct site *s = *state;

	site_write(s, "fotad.json",
		TOP("\"modems\": [ " MODEM(
			"a", "") " ], "
				 "\"limits\": { \"max_parallel\": 2 }, \"timeouts\": { \"start\": "
				 "\"1s\", \"stall\": \"1s\" }, "
				 "\"profiles\": { \"L610\": { \"probe\": \"warn\", \"timeouts\": { "
				 "\"pdp\": \"7s\" } } }"));
	site_write(s, "conf.d/20.json",
		TOP("\"modems\": [ " MODEM("c", "") " ], "
						    "\"timeouts\": { \"stall\": \"3s\" }, "
						    "\"profiles\": { \"L610\": { \"timeouts\": { "
						    "\"settle\": \"8s\" } } }"));
	site_write(s, "conf.d/10.json",
		TOP("\"modems\": [ " MODEM(
			"b", "") " ], "
				 "\"timeouts\": { \"stall\": \"2s\", \"leave\": \"2s\" }"));
	site_write(s, "conf.d/10.json.bak", "broken");
	site_write(s, "conf.d/.hidden.json", "broken");
	site_load_fine(s);
	assert_int_equal(s->config->n_modems, 3);
	assert_string_equal(s->config->modems[0].name, "a");
	assert_string_equal(s->config->modems[1].name, "b");
	assert_string_equal(s->config->modems[2].name, "c");
	assert_int_equal(s->config->max_parallel, 2);
	assert_int_equal(s->config->timeouts.start, SEC);
	assert_int_equal(s->config->timeouts.stall, 3 * SEC);
	assert_int_equal(s->config->timeouts.leave, 2 * SEC);
	assert_int_equal(s->config->profiles[0].probe, PROFILE_PROBE_WARN);
	assert_int_equal(s->config->profiles[0].timeouts.pdp, 7 * SEC);
	assert_int_equal(s->config->profiles[0].timeouts.settle, 8 * SEC);

	site_write(s, "conf.d/30.json",
		TOP("\"modems\": [ { \"name\": \"d\", \"port\": \"/dev/a\" } ], "
		    "\"campaigns\": [ " CAMPAIGN("b", "2", "") " ]"));
	site_expect_error(s, "conf.d/30.json: /modems/0/port: \"/dev/a\" is already the port of");
	assert_non_null(strstr(s->problems.errors[0], "conf.d/10.json: /modems/0"));
	assert_non_null(
		strstr(s->problems.errors[0], "/campaigns/0/name: \"b\" is already the name of"));
	assert_non_null(strstr(s->problems.errors[1], "/fotad.json: /modems/0"));
	assert_int_equal(s->problems.n_errors, 2);
}

/* conduct 20 */
static void test_priorities(void **state)
{
	struct site *s = *state;
	const struct config_campaign *c;

#define FLEET "\"modems\": [ " MODEM("a", ", \"groups\": [ \"g\" ]") ", " MODEM("b", "") " ], "
	site_write(s, "fotad.json",
		TOP(FLEET "\"campaigns\": [ " CAMPAIGN("all", "1", "") ", " CAMPAIGN("g", "2",
			", \"priority\": 1, \"modems\": { \"groups\": [ \"g\" ] }") ", " CAMPAIGN("only-b",
			"1", ", \"modems\": { \"names\": [ \"b\" ] }") " ]"));
	site_load_fine(s);
	c = config_campaign_of(s->config, &s->config->modems[0]);
	assert_string_equal(c->name, "g");
	c = config_campaign_of(s->config, &s->config->modems[1]);
	assert_string_equal(c->name, "all");

	site_write(s, "fotad.json",
		TOP(FLEET "\"campaigns\": [ " CAMPAIGN(
			"g", "2", ", \"modems\": { \"groups\": [ \"g\" ] }") " ]"));
	site_load_fine(s);
	assert_null(config_campaign_of(s->config, &s->config->modems[1]));

	site_write(s, "conf.d/x.json", TOP("\"campaigns\": [ " CAMPAIGN("all", "1", "") " ]"));
	site_expect_error(
		s, "conf.d/x.json: /campaigns/0/priority: 0 is also the priority of \"g\" (");
	assert_non_null(
		strstr(s->problems.errors[0], "fotad.json: /campaigns/0), which has another target "
					      "for modem \"a\" than \"all\""));

	/* no modem of both: no quarrel */
	site_write(s, "conf.d/x.json",
		TOP("\"campaigns\": [ " CAMPAIGN(
			"only-b", "1", ", \"modems\": { \"names\": [ \"b\" ] }") " ]"));
	site_load_fine(s);
#undef FLEET
}

static void test_line_length(void **state)
{
	struct site *s = *state;
	char x[256], text[2048];

	memset(x, 'x', 255);
	x[255] = '\0';
	snprintf(text, sizeof(text),
		TOP("\"packages\": [ { \"model\": \"L610\", \"from\": \"1\", "
		    "\"to\": \"2\", \"ftp\": { \"server\": \"%s\", \"file\": \"%s\", \"username\": "
		    "\"%s\", "
		    "\"password\": \"%s\" } } ]"),
		x, x, x, x);
	site_write(s, "fotad.json", text);
	site_expect_error(
		s, "/packages/0/ftp: makes a command line that is too long for the module");
	assert_int_equal(s->problems.n_errors, 1);
	/* the credential's length is known at run time only */
	snprintf(text, sizeof(text),
		TOP("\"packages\": [ { \"model\": \"L610\", \"from\": \"1\", "
		    "\"to\": \"2\", \"ftp\": { \"server\": \"%s\", \"file\": \"%s\", \"username\": "
		    "\"%s\", "
		    "\"password\": { \"credential\": \"p\" } } } ]"),
		x, x, x);
	site_write(s, "fotad.json", text);
	site_load_fine(s);
}

static void test_warnings(void **state)
{
	struct site *s = *state;

	site_write(s, "fotad.json",
		TOP("\"packages\": [ { \"model\": \"L610\", \"from\": \"1\", "
		    "\"to\": \"2\", \"size\": 1000000, \"ftp\": { \"server\": \"h\", \"file\": "
		    "\"f\", "
		    "\"username\": \"u\", \"password\": \"p\" } } ], \"campaigns\": [ " CAMPAIGN(
			    "c", "3", ", \"modems\": { \"groups\": [ \"g\" ] }") " ]"));
	site_expect_warning(s, NULL, "/packages/0/ftp/password: literal secret in this file");
	site_expect_warning(
		s, NULL, "/packages/0/size: is 1000000; from 819200 bytes on, L610 may refuse");
	site_expect_warning(s, NULL, "/campaigns/0/target: no package leads to \"3\"");
	site_expect_warning(s, NULL, "/campaigns/0/modems/groups: no modem is in the group \"g\"");
	assert_string_equal(s->config->packages[0].password, "p");
	assert_int_equal(s->problems.n_warnings, 4);
}

static void test_credential_warnings(void **state)
{
	struct site *s = *state;

	site_write(s, "fotad.json", EVERYTHING);
	site_expect_warning(
		s, NULL, "/modems/0/apn/password: credential \"apn\" cannot be checked");
	site_write(s, "apn", "secret\n");
	site_expect_warning(
		s, s->directory, "/packages/1/ftp/password: credential \"ftp\" is not in ");
	assert_int_equal(s->problems.n_warnings, 1);
	site_write(s, "ftp", "secret\n");
	assert_int_equal(site_load(s, s->directory), 0);
	assert_int_equal(s->problems.n_warnings, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TEST(test_modems),
		SITE_TEST(test_packages),
		SITE_TEST(test_campaigns),
		SITE_TEST(test_timeouts),
		SITE_TEST(test_defaults),
		SITE_TEST(test_metrics),
		SITE_TEST(test_merge),
		SITE_TEST(test_priorities),
		SITE_TEST(test_line_length),
		SITE_TEST(test_warnings),
		SITE_TEST(test_credential_warnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
