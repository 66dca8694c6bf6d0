/*
 * test-config-bad - every way in which a configuration can be wrong, and the line that says so.
 */
#include "tests/unit/config-site.h"

#include "base/macros.h"

/* clang-format off */
#define TOP(members)      "{ \"version\": 1, " members " }"
#define MODEM(members)    TOP("\"modems\": [ { \"name\": \"m\", \"port\": \"/dev/m\", " members " } ]")
#define MODEMS(items)     TOP("\"modems\": [ " items " ]")
#define APN(members)      MODEM("\"apn\": { " members " }")
#define PACKAGES(items)   TOP("\"packages\": [ " items " ]")
#define EDGE(model, from, to) "\"model\": \"" model "\", \"from\": \"" from "\", \"to\": \"" to "\""
#define PACKAGE(members)  PACKAGES("{ " EDGE("NL668", "1", "2") ", " members " }")
#define URL               "\"http\": { \"url\": \"http://h/f\" }"
#define HTTP(url)         PACKAGE("\"http\": { \"url\": \"" url "\" }")
#define FTP(s, f, u, p)   PACKAGE("\"ftp\": { \"server\": \"" s "\", \"file\": \"" f "\", \"username\": \"" u "\", \"password\": \"" p "\" }")
#define SECRET(value)     PACKAGE("\"ftp\": { \"server\": \"h\", \"file\": \"f\", \"username\": \"u\", \"password\": " value " }")
#define CAMPAIGN(members) TOP("\"campaigns\": [ { \"name\": \"c\", \"target\": \"2\", " members " } ]")
#define REQUIRE(members)  CAMPAIGN("\"require\": { " members " }")

#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define X63 X16 X16 X16 "xxxxxxxxxxxxxxx"

static const struct row {
	const char *text;
	const char *expected; /* a part of an error; NULL: there is none */
} rows[] = {
	{ TOP("\"metrics\": { \"textfile\": \"a.prom\" }"), "/metrics/textfile: expected an absolute path that ends in \".prom\"" },
	{ TOP("\"metrics\": { \"textfile\": \"/run/.prom\" }"), "/metrics/textfile: expected an absolute path that ends in" },
	{ TOP("\"metrics\": { \"textfile\": \"/run/a.prom2\" }"), "/metrics/textfile: expected an absolute path that ends in" },
	{ TOP("\"metrics\": { \"period\": \"999ms\" }"), "/metrics/period: expected a duration from 1s to 1h" },
	{ TOP("\"metrics\": { \"file\": \"/a.prom\" }"), "/metrics/file: unknown key" },
	/* syntax: FILE:LINE:COL */
	{ "", "fotad.json:1:1: is empty" },
	{ " \n\t\r\n", "fotad.json:1:1: is empty" },
	{ "\xef\xbb\xbf{ \"version\": 1 }", "fotad.json:1:1: begins with a byte order mark" },
	{ "{ \"version\": 1,\n }", "fotad.json:2:2: string or '}' expected near '}'; no comma may stand before it" },
	{ "{ \"version\": 1, \"modems\": [ 1, ] }", "no comma may stand before it" },
	{ "{ \"version\": 1\n \"modems\": [] }", "fotad.json:2:9: '}' expected; is a comma missing before it?" },
	{ "{ \"version\": 1, \"modems\": [ { } { } ] }", "']' expected near '{'; is a comma missing before it?" },
	{ "{ \"version\": 1 } x", "fotad.json:1:18: end of file expected" },
	{ "{ // version\n \"version\": 1 }", "fotad.json:1:3: string or '}' expected near '/'; JSON has no comments" },
	{ "{ # version\n \"version\": 1 }", "JSON has no comments" },
	{ "{ 'version': 1 }", "strings stand in double quotes" },
	{ "{ \"version\": 1, \"version\": 1 }", "fotad.json:1:25: duplicate object key near '\"version\"'" },
	{ MODEM("\"name\": \"n\""), "duplicate object key near '\"name\"'" },
	{ "{ \"version\": 1", "fotad.json:1:14: '}' expected near end of file" },
	{ MODEM("\"imei\": \"86\\u000012\""), "a NUL character (u0000) cannot be part of a text" },
	{ MODEM("\"im\\u0000ei\": \"\""), "a NUL character (u0000) cannot be part of a text" },
	{ MODEM("\"imei\": \"\xff\""), "unable to decode byte 0xff" },
	{ TOP("\"limits\": { \"max_parallel\": 99999999999999999999 }"), "too big integer" },
	{ TOP("\"limits\": { \"max_parallel\": 01 }"), "fotad.json:1:" },
	{ "nonsense", "fotad.json:1:8: '[' or '{' expected" },

	/* the whole */
	{ "[]", "fotad.json: /: expected an object, found a list" },
	{ "{}", "/version: is missing" },
	{ "{ \"version\": 2 }", "/version: expected 1, found 2" },
	{ "{ \"version\": \"1\" }", "/version: expected 1, found \"1\"" },
	{ "{ \"version\": 1.0 }", "/version: expected 1, found a number with a fraction" },
	{ TOP("\"modem\": []"), "/modem: unknown key; did you mean \"modems\"?" },
	{ TOP("\"zebra\": []"), "/zebra: unknown key; expected one of version, limits, modems" },
	{ TOP("\"a/b~c\": []"), "/a~1b~0c: unknown key" },
	{ TOP("\"\\u001b[2J\": []"), "/\\x1b[2J: unknown key" },
	{ TOP("\"$comment\": 1"), "/$comment: expected a text or a list of texts, found 1" },
	{ TOP("\"$comment\": [ \"a\", {} ]"), "/$comment: expected a text or a list" },
	{ TOP("\"$schema\": null"), "/$schema: expected a text" },
	{ TOP("\"$comments\": \"a\""), "/$comments: unknown key" },
	{ TOP("\"modems\": {}"), "/modems: expected a list, found an object" },
	{ TOP("\"modems\": [ 5 ]"), "/modems/0: expected an object, found 5" },
	{ TOP("\"packages\": null"), "/packages: expected a list, found null" },
	{ TOP("\"campaigns\": true"), "/campaigns: expected a list, found true" },
	{ TOP("\"x\": [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]"), "/x/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0: is nested deeper than 16 levels" },
	{ TOP("\"limits\": { \"max_parallel\": 0 }"), "/limits/max_parallel: expected a whole number from 1 to 4096, found 0" },
	{ TOP("\"limits\": { \"max_parallel\": 4097 }"), "/limits/max_parallel: expected a whole number from 1 to 4096, found 4097" },
	{ TOP("\"limits\": { \"max_parallel\": 1e1 }"), "/limits/max_parallel: expected a whole number" },
	{ TOP("\"limits\": { \"max_paralel\": 1 }"), "/limits/max_paralel: unknown key; did you mean \"max_parallel\"?" },

	/* modems */
	{ MODEMS("{ \"port\": \"/dev/m\" }"), "/modems/0/name: is missing" },
	{ MODEMS("{ \"name\": \"m\" }"), "/modems/0/port: is missing" },
	{ MODEMS("{ \"name\": \"7m\", \"port\": \"/dev/m\" }"), "/modems/0/name: expected a letter and then at most 63" },
	{ MODEMS("{ \"name\": \"x" X64 "\", \"port\": \"/dev/m\" }"), "/modems/0/name: expected a letter" },
	{ MODEMS("{ \"name\": \"x" X63 "\", \"port\": \"/dev/m\" }"), NULL },
	{ MODEMS("{ \"name\": \"a b\", \"port\": \"/dev/m\" }"), "/modems/0/name: expected a letter" },
	{ MODEMS("{ \"name\": \"\", \"port\": \"/dev/m\" }"), "/modems/0/name: expected a letter" },
	{ MODEMS("{ \"name\": 7, \"port\": \"/dev/m\" }"), "/modems/0/name: expected a string, found 7" },
	{ MODEMS("{ \"name\": \"m\", \"port\": \"ttyUSB2\" }"), "/modems/0/port: expected an absolute path such as \"/dev/ttyUSB2\", found \"ttyUSB2\"" },
	{ MODEMS("{ \"name\": \"m\", \"port\": \"/\" }"), "/modems/0/port: expected an absolute path" },
	{ MODEMS("{ \"name\": \"m\", \"port\": \"/dev/a\\nb\" }"), "found \"/dev/a\\nb\"" },
	{ MODEM("\"prot\": 1"), "/modems/0/prot: unknown key; did you mean \"port\"?" },
	{ MODEM("\"baudrate\": 1"), "/modems/0/baudrate: unknown key; did you mean \"baud_rate\"?" },
	{ MODEM("\"imei\": \"86123456789012\""), "/modems/0/imei: expected an IMEI: 15 digits, found" },
	{ MODEM("\"imei\": \"8612345678901234\""), "/modems/0/imei: expected an IMEI" },
	{ MODEM("\"imei\": \"86123456789012x\""), "/modems/0/imei: expected an IMEI" },
	{ MODEM("\"imei\": 861234567890123"), "/modems/0/imei: expected a string, found 861234567890123" },
	{ MODEM("\"baud_rate\": 115201"), "/modems/0/baud_rate: expected one of 1200, 2400" },
	{ MODEM("\"baud_rate\": \"115200\""), "/modems/0/baud_rate: expected one of" },
	{ MODEM("\"profile\": \"L601\""), "/modems/0/profile: expected one of auto, L610, NL668, NL652, found \"L601\"; did you mean \"L610\"?" },
	{ MODEM("\"profile\": \"l610\""), "/modems/0/profile: expected one of" },
	{ MODEM("\"groups\": \"a\""), "/modems/0/groups: expected a list of strings, found \"a\"" },
	{ MODEM("\"groups\": [ \"a\", 1 ]"), "/modems/0/groups/1: expected a string, found 1" },
	{ MODEM("\"groups\": [ \"a\", \"b\", \"a\" ]"), "/modems/0/groups: \"a\" stands there twice" },
	{ MODEM("\"groups\": [ \"a b\" ]"), "/modems/0/groups/0: expected a letter" },
	{ MODEMS("{ \"name\": \"m\", \"port\": \"/dev/a\" }, { \"name\": \"m\", \"port\": \"/dev/b\" }"), "/modems/1/name: \"m\" is already the name of" },
	{ MODEMS("{ \"name\": \"a\", \"port\": \"/dev/m\" }, { \"name\": \"b\", \"port\": \"/dev/m\" }"), "/modems/1/port: \"/dev/m\" is already the port of" },
	{ MODEMS("{ \"name\": \"a\", \"port\": \"/dev/a\", \"imei\": \"861234567890123\" }, { \"name\": \"b\", \"port\": \"/dev/b\", \"imei\": \"861234567890123\" }"), "/modems/1/imei: \"861234567890123\" is already the IMEI of" },
	{ APN("\"username\": \"u\", \"password\": \"p\""), "/modems/0/apn/name: is missing" },
	{ APN("\"name\": \"a b\""), "/modems/0/apn/name: expected an access point name" },
	{ APN("\"name\": \"" X64 X64 "\""), "/modems/0/apn/name: is 128 bytes long; at most 100 are possible" },
	{ APN("\"name\": \"a\", \"username\": \"u\""), "/modems/0/apn: \"username\" and \"password\" go together; \"password\" is missing" },
	{ APN("\"name\": \"a\", \"password\": \"u\""), "\"username\" is missing" },
	{ APN("\"name\": \"a\", \"username\": \"u\\\"\", \"password\": \"p\""), "/modems/0/apn/username: expected printable ASCII without quotes" },
	{ APN("\"name\": \"a\", \"username\": \"u\", \"password\": \"p\\\\q\""), "/modems/0/apn/password: expected printable ASCII without quotes" },
	{ MODEM("\"profile\": \"NL668\", \"apn\": { \"name\": \"a\" }"), "/modems/0/apn: is never used: mipcall is \"never\" for profile NL668" },
	{ "{ \"version\": 1, \"profiles\": { \"L610\": { \"mipcall\": \"never\" } }, \"modems\": [ { \"name\": \"m\", \"port\": \"/dev/m\", \"profile\": \"L610\", \"apn\": { \"name\": \"a\" } } ] }", "/modems/0/apn: is never used" },
	{ "{ \"version\": 1, \"profiles\": { \"L610\": { \"mipcall\": \"never\" } }, \"modems\": [ { \"name\": \"m\", \"port\": \"/dev/m\", \"apn\": { \"name\": \"a\" } } ] }", "mipcall is \"never\" for profile auto" },
	{ "{ \"version\": 1, \"profiles\": { \"NL668\": { \"mipcall\": \"required\" } }, \"modems\": [ { \"name\": \"m\", \"port\": \"/dev/m\", \"profile\": \"NL668\", \"apn\": { \"name\": \"a\" } } ] }", NULL },
	{ APN("\"name\": \"a\""), NULL },

	/* packages */
	{ PACKAGES("{ " URL " }"), "/packages/0/model: is missing" },
	{ PACKAGES("{ \"model\": \"NL668\", \"to\": \"2\", " URL " }"), "/packages/0/from: is missing" },
	{ PACKAGES("{ \"model\": \"NL668\", \"from\": \"2\", " URL " }"), "/packages/0/to: is missing" },
	{ PACKAGES("{ " EDGE("NL668", "1", "2") " }"), "/packages/0: expected exactly one of \"http\" and \"ftp\", found none" },
	{ PACKAGE(URL ", \"ftp\": { \"server\": \"h\", \"file\": \"f\", \"username\": \"u\", \"password\": \"p\" }"), "/packages/0: expected exactly one of \"http\" and \"ftp\", found both" },
	{ PACKAGES("{ " EDGE("SIM7600", "1", "2") ", " URL " }"), "/packages/0/model: \"SIM7600\" begins with no family that is known (L610, NL668, NL652)" },
	{ PACKAGES("{ " EDGE("L601-CN", "1", "2") ", " URL " }"), "/packages/0/model: \"L601-CN\" begins with no family" },
	{ PACKAGES("{ " EDGE("NL 668", "1", "2") ", " URL " }"), "/packages/0/model: expected leading parts of a model" },
	{ PACKAGES("{ " EDGE("NL668", "1 0", "2") ", " URL " }"), "/packages/0/from: expected a version: printable ASCII without spaces" },
	{ PACKAGES("{ " EDGE("NL668", "1", "") ", " URL " }"), "/packages/0/to: expected a version" },
	{ PACKAGES("{ " EDGE("NL668", "1", X64) ", " URL " }"), "/packages/0/to: is 64 bytes long; at most 63 are possible" },
	{ PACKAGES("{ " EDGE("NL668", "1", X63) ", " URL " }"), NULL },
	{ PACKAGES("{ " EDGE("NL668", "1", "\xc3\xa4") ", " URL " }"), "/packages/0/to: expected a version" },
	{ PACKAGES("{ " EDGE("NL668", "1", "1") ", " URL " }"), "/packages/0/to: is the same version as \"from\"" },
	{ PACKAGES("{ " EDGE("NL668", "1", "*") ", " URL " }"), "/packages/0/to: \"*\" is possible in \"from\" only" },
	{ PACKAGES("{ " EDGE("L610-CN", "*", "2") ", " URL " }"), "/packages/0/from: \"*\", a full image, is not possible for L610" },
	{ PACKAGES("{ " EDGE("NL668", "*", "2") ", " URL " }"), NULL },
	{ PACKAGES("{ " EDGE("NL668", "1", "2") ", " URL " }, { " EDGE("nl668", "1", "2") ", " URL " }"), "/packages/1: \"NL668 1 2\" is already the package" },
	{ PACKAGES("{ " EDGE("L610-CN", "1", "2") ", " URL " }, { " EDGE("L610_CN", "1", "2") ", " URL " }"), "/packages/1: \"L610-CN 1 2\" is already the package" },
	{ PACKAGES("{ " EDGE("NL668", "1", "2") ", " URL " }, { " EDGE("NL668-EU", "1", "2") ", " URL " }"), NULL },
	{ PACKAGE("\"size\": 0, " URL), "/packages/0/size: expected a whole number from 1" },
	{ PACKAGE("\"size\": 16777217, " URL), "/packages/0/size: is 16777217, but NL668 takes at most 16777216 bytes" },
	{ PACKAGE("\"size\": 16777216, " URL), NULL },
	{ PACKAGES("{ " EDGE("L610", "1", "2") ", \"size\": 1048577, " URL " }"), "/packages/0/size: is 1048577, but L610 takes at most 1048576 bytes" },
	{ PACKAGE("\"sha256\": \"" X64 "\", " URL), "/packages/0/sha256: expected a SHA-256 checksum: 64 hexadecimal digits" },
	{ PACKAGE("\"sha256\": \"abc\", " URL), "/packages/0/sha256: expected a SHA-256 checksum" },
	{ PACKAGE("\"http\": \"http://h/f\""), "/packages/0/http: expected an object, found \"http://h/f\"" },
	{ PACKAGE("\"http\": {}"), "/packages/0/http/url: is missing" },
	{ PACKAGE("\"http\": { \"url\": \"http://h/f\", \"password\": \"p\" }"), "/packages/0/http/password: unknown key" },
	{ HTTP(""), "/packages/0/http/url: is missing or empty" },
	{ HTTP("http://h/" X64 X64 X64 X16 X16 X16 "xxxxxx"), NULL }, /* 255 bytes */
	{ HTTP("http://h/" X64 X64 X64 X16 X16 X16 "xxxxxxx"), "/packages/0/http/url: is longer than 255 bytes" },
	{ HTTP("https://h/f"), "/packages/0/http/url: has a scheme" },
	{ HTTP("h/f"), "/packages/0/http/url: has a scheme" },
	{ HTTP("http:///f"), "/packages/0/http/url: has no valid host" },
	{ HTTP("http://h:99999/f"), "/packages/0/http/url: has no valid host, or a port" },
	{ HTTP("http://h"), "/packages/0/http/url: does not name a file" },
	{ HTTP("http://h/"), "/packages/0/http/url: does not name a file" },
	{ HTTP("http://u:p@h/f"), "/packages/0/http/url: holds a user name or password" },
	{ HTTP("http://h/a b"), "/packages/0/http/url: holds a space" },
	{ FTP("", "f", "u", "p"), "/packages/0/ftp/server: is missing or empty" },
	{ FTP("h", "", "u", "p"), "/packages/0/ftp/file: is missing or empty" },
	{ FTP("h", "f", "", "p"), "/packages/0/ftp/username: is missing or empty" },
	{ FTP("h", "f", "u", ""), "/packages/0/ftp/password: is missing or empty" },
	{ FTP("http://h", "f", "u", "p"), "/packages/0/ftp/server: has a scheme" },
	{ FTP("h/f", "f", "u", "p"), "/packages/0/ftp/server: holds more than the address" },
	{ FTP("u@h", "f", "u", "p"), "/packages/0/ftp/server: holds a user name" },
	{ FTP("h", "d/", "u", "p"), "/packages/0/ftp/file: does not name a file" },
	{ FTP("ftp://h:21", "d/f", "u", "p"), NULL },
	{ PACKAGE("\"ftp\": { \"server\": \"h\" }"), "/packages/0/ftp/password: is missing" },
	{ SECRET("{}"), "/packages/0/ftp/password/credential: is missing" },
	{ SECRET("{ \"credential\": \"a/b\" }"), "/packages/0/ftp/password/credential: expected a credential's name" },
	{ SECRET("{ \"credential\": \"..\" }"), "/packages/0/ftp/password/credential: expected a credential's name" },
	{ SECRET("{ \"credential\": \"a\", \"x\": 1 }"), "/packages/0/ftp/password/x: unknown key" },
	{ SECRET("{ \"credentials\": \"a\" }"), "/packages/0/ftp/password/credentials: unknown key; did you mean \"credential\"?" },
	{ SECRET("12345"), "/packages/0/ftp/password: expected { \"credential\": \"NAME\" }" },
	{ SECRET("{ \"credential\": \"a.B_c-9\" }"), NULL },

	/* campaigns */
	{ TOP("\"campaigns\": [ { \"target\": \"2\" } ]"), "/campaigns/0/name: is missing" },
	{ TOP("\"campaigns\": [ { \"name\": \"c\" } ]"), "/campaigns/0/target: is missing" },
	{ TOP("\"campaigns\": [ { \"name\": \"c\", \"target\": \"2 3\" } ]"), "/campaigns/0/target: expected a version" },
	{ TOP("\"campaigns\": [ { \"name\": \"c\", \"target\": \"*\" } ]"), "/campaigns/0/target: expected a version, found \"*\"" },
	{ TOP("\"modems\": [ { \"name\": \"c\", \"port\": \"/dev/m\" } ], \"campaigns\": [ { \"name\": \"c\", \"target\": \"2\" } ]"), "/campaigns/0/name: \"c\" is already the name of" },
	{ CAMPAIGN("\"modems\": {}"), "/campaigns/0/modems: expected \"groups\" or \"names\", found none" },
	{ CAMPAIGN("\"modems\": { \"names\": [] }"), "/campaigns/0/modems/names: expected a list of 1 to 4096 strings, found 0" },
	{ CAMPAIGN("\"modems\": [ \"m\" ]"), "/campaigns/0/modems: expected an object, found a list" },
	{ TOP("\"modems\": [ { \"name\": \"pump\", \"port\": \"/dev/m\" } ], \"campaigns\": [ { \"name\": \"c\", \"target\": \"2\", \"modems\": { \"names\": [ \"pomp\" ] } } ]"), "/campaigns/0/modems/names: there is no modem \"pomp\"; did you mean \"pump\"?" },
	{ CAMPAIGN("\"priority\": 1001"), "/campaigns/0/priority: expected a whole number from -1000 to 1000, found 1001" },
	{ CAMPAIGN("\"max_parallel\": 0"), "/campaigns/0/max_parallel: expected a whole number from 1 to 4096, found 0" },
	{ CAMPAIGN("\"retry\": { \"attempts\": 101 }"), "/campaigns/0/retry/attempts: expected a whole number from 1 to 100, found 101" },
	{ CAMPAIGN("\"retry\": { \"delay\": 900 }"), "/campaigns/0/retry/delay: expected a duration with a unit (\"300ms\", \"90s\", \"1h 30min\"), found 900" },
	{ CAMPAIGN("\"retry\": { \"delay\": \"900\" }"), "/campaigns/0/retry/delay: expected a duration with a unit" },
	{ CAMPAIGN("\"retry\": { \"delay\": \"1.5h\" }"), "/campaigns/0/retry/delay: expected a duration with a unit" },
	{ CAMPAIGN("\"retry\": { \"delay\": \"0s\" }"), "/campaigns/0/retry/delay: expected a duration from 1ms to 30d" },
	{ CAMPAIGN("\"retry\": { \"delay\": \"31d\" }"), "/campaigns/0/retry/delay: expected a duration from 1ms to 30d" },
	{ CAMPAIGN("\"retry\": { \"delay\": \"99999999999999999999d\" }"), "/campaigns/0/retry/delay: expected a duration from 1ms to 30d" },
	{ CAMPAIGN("\"retry\": { \"delay\": \"1h\", \"max_delay\": \"30min\" }"), "/campaigns/0/retry/max_delay: is shorter than delay (1h)" },
	{ CAMPAIGN("\"retry\": { \"delay\": \"5h\" }"), NULL },
	{ CAMPAIGN("\"retry\": { \"max_bytes\": 1 }"), NULL },
	{ CAMPAIGN("\"retry\": { \"max_bytes\": 0 }"), "/campaigns/0/retry/max_bytes: expected a whole number from 1 to 1099511627776, found 0" },
	{ REQUIRE("\"technology\": \"gsm\""), "/campaigns/0/require/technology: expected \"any\" or \"umts\" or \"lte\", found \"gsm\"" },
	{ REQUIRE("\"technology\": \"ltr\""), "did you mean \"lte\"?" },
	{ REQUIRE("\"rssi_dbm\": 100"), "/campaigns/0/require/rssi_dbm: expected a whole number from -113 to -51, found 100" },
	{ REQUIRE("\"roaming\": \"no\""), "/campaigns/0/require/roaming: expected true or false, found \"no\"" },
	{ REQUIRE("\"supply_mv\": 4"), "/campaigns/0/require/supply_mv: expected a whole number from 1000 to 10000, found 4" },
	{ REQUIRE("\"idle\": 1"), "/campaigns/0/require/idle: expected true or false, found 1" },
	{ CAMPAIGN("\"rat\": \"lte\""), "/campaigns/0/rat: expected \"keep\" or \"lock\", found \"lte\"" },
	{ CAMPAIGN("\"check\": \"none\""), NULL },
	{ CAMPAIGN("\"check\": \"register\""), "did you mean \"registered\"?" },
	{ CAMPAIGN("\"check\": true"), "/campaigns/0/check: expected \"none\" or \"registered\" or \"pdp\", found true" },
	{ CAMPAIGN("\"recover\": \"reset\""), "/campaigns/0/recover: \"reset\" is not supported by this version; expected \"never\"" },
	{ CAMPAIGN("\"fetch\": {}"), "/campaigns/0/fetch: expected " },
	{ CAMPAIGN("\"fetch\": \"always\""), "/campaigns/0/fetch: expected " },

	/* timeouts and profiles */
	{ TOP("\"timeouts\": { \"command\": 5 }"), "/timeouts/command: expected a duration with a unit" },
	{ TOP("\"timeouts\": { \"command\": \"5\" }"), "/timeouts/command: expected a duration with a unit" },
	{ TOP("\"timeouts\": { \"registration\": \"5s\" }"), "/timeouts/registration: unknown key; expected one of command, identify, register" },
	{ TOP("\"profiles\": { \"NL66\": {} }"), "/profiles/NL66: expected one of L610, NL668, NL652, found \"NL66\"; did you mean \"NL668\"?" },
	{ TOP("\"profiles\": { \"auto\": {} }"), "/profiles/auto: expected one of" },
	{ TOP("\"profiles\": { \"NL668\": { \"mipcall\": \"auto\" } }"), "/profiles/NL668/mipcall: expected \"never\" or \"required\", found \"auto\"" },
	{ TOP("\"profiles\": { \"NL668\": { \"probe\": true } }"), "/profiles/NL668/probe: expected \"warn\" or \"require\", found true" },
	{ TOP("\"profiles\": { \"NL668\": { \"timeouts\": { \"stall\": \"x\" } } }"), "/profiles/NL668/timeouts/stall: expected a duration" },
	{ TOP("\"profiles\": []"), "/profiles: expected an object, found a list" },
};
/* clang-format on */

static void check_row(struct site *s, const char *text, const char *expected)
{
	size_t found;
	int r;

	site_write(s, "fotad.json", text);
	r = site_load(s, NULL);
	found = expected ? site_count(s->problems.errors, s->problems.n_errors, expected) : 0;
	if (r == (expected ? -EBADMSG : 0) && found == (expected ? 1 : 0) &&
		(s->config == NULL) == (expected != NULL))
		return;
	print_message("%s\nexpected: %s\n", text, expected ? expected : "nothing");
	site_print(s);
	fail_msg("returned %d, found %zu", r, found);
}

static void test_rows(void **state)
{
	struct site *s = *state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		check_row(s, rows[i].text, rows[i].expected);
}

/* Every byte that may not stand in a field of the line, in each of the fields. */
static void test_characters(void **state)
{
	static const struct {
		const char *before, *after, *pointer;
	} fields[] = {
		{ "\"http\": { \"url\": \"http://h/f", "\" }", "/packages/0/http/url: holds a" },
		{ "\"ftp\": { \"file\": \"f\", \"username\": \"u\", \"password\": \"p\", "
		  "\"server\": \"h",
			"\" }", "/packages/0/ftp/server: holds a byte" },
		{ "\"ftp\": { \"server\": \"h\", \"username\": \"u\", \"password\": \"p\", "
		  "\"file\": \"f",
			"\" }", "/packages/0/ftp/file: holds a byte" },
		{ "\"ftp\": { \"server\": \"h\", \"file\": \"f\", \"password\": \"p\", "
		  "\"username\": \"u",
			"\" }", "/packages/0/ftp/username: holds a byte" },
		{ "\"ftp\": { \"server\": \"h\", \"file\": \"f\", \"username\": \"u\", "
		  "\"password\": \"p",
			"\" }", "/packages/0/ftp/password: holds a byte" },
	};
	struct site *s = *state;

	for (size_t f = 0; f < ELEMENTSOF(fields); f++)
		for (unsigned c = 1; c <= 0x100; c++) {
			char text[512];
			bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';

			if (plain && (f < 2 || c == '/' || c == '?' || c == '#'))
				continue; /* what has a meaning in an address is gtota's matter */
			snprintf(text, sizeof(text),
				"{ \"version\": 1, \"packages\": [ { \"model\": \"NL668\", "
				"\"from\": \"1\", "
				"\"to\": \"2\", %s\\u%04x%s } ] }",
				fields[f].before, c, fields[f].after);
			check_row(s, text, plain ? NULL : fields[f].pointer);
		}
}

/* Several problems, several files: all of them in one run, in the order of the files. */
static void test_all_at_once(void **state)
{
	static const char *const expected[] = {
		"/fotad.json: /modems/0/port: is missing",
		"/fotad.json: /modems/0/imei: expected an IMEI",
		"/fotad.json: /timeouts/stall: expected a duration",
		"/fotad.json: /packages/0/model: \"X\" begins with no family",
		"/fotad.json: /packages/0/ftp/server: holds more than the address",
		"/fotad.json: /packages/0/ftp/file: does not name a file",
		"/fotad.json: /packages/0/ftp/username: holds a byte",
		"/conf.d/10.json:1:3: ",
		"/conf.d/20.json: /campaigns/0/target: is missing",
	};
	struct site *s = *state;
	size_t last = 0;

	site_write(s, "fotad.json",
		"{ \"version\": 1, \"modems\": [ { \"name\": \"m\", \"imei\": \"1\" } ], "
		"\"packages\": [ "
		"{ " EDGE("X", "1", "2") ", \"ftp\": { \"server\": \"h/x\", \"file\": \"x/\", "
					 "\"username\": \"\\\\\", \"password\": \"p\" } } ], "
					 "\"timeouts\": { \"stall\": \"1\" } }");
	site_write(s, "conf.d/10.json", "{ , }");
	site_write(s, "conf.d/20.json", TOP("\"campaigns\": [ { \"name\": \"c\" } ]"));
	assert_int_equal(site_load(s, NULL), -EBADMSG);
	assert_int_equal(s->problems.n_errors, ELEMENTSOF(expected));
	for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
		size_t at = 0;

		while (at < s->problems.n_errors && !strstr(s->problems.errors[at], expected[i]))
			at++;
		if (at == s->problems.n_errors)
			fail_msg("missing: %s", expected[i]);
		/* those of the first file come first */
		if (i >= 7)
			assert_true(at > last);
		last = at > last ? at : last;
	}
}

/* A secret is in no message, whatever is wrong around it. */
static void test_secrets(void **state)
{
	static const char *const texts[] = {
		SECRET("\"hunter2\\\\\""),
		SECRET("\"hunter2\" \"hunter2\""),
		SECRET("\"hunter2\\x\""),
		SECRET("\"hunter2\n\""),
		SECRET("[ \"hunter2\" ]"),
		SECRET("hunter2"),
		SECRET("'hunter2'"),
		SECRET("\"hunter2\" hunter2"),
		SECRET("{ \"credential\": [ \"hunter2\" ], \"value\": \"hunter2\" }"),
		APN("\"name\": \"a\", \"username\": \"u\", \"password\": \"hunter2\\\"\""),
		HTTP("http://user:hunter2@h/f"),
		HTTP("http://h/f ?token=hunter2"),
	};
	struct site *s = *state;

	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		site_write(s, "fotad.json", texts[i]);
		assert_int_equal(site_load(s, NULL), -EBADMSG);
		assert_int_equal(
			site_count(s->problems.errors, s->problems.n_errors, "hunter2"), 0);
		assert_int_equal(
			site_count(s->problems.warnings, s->problems.n_warnings, "hunter2"), 0);
	}
}

static void test_deep(void **state)
{
	enum { DEPTH = 100000 };
	struct site *s = *state;
	char *text = malloc(2 * DEPTH + 32);
	size_t n = (size_t) sprintf(text, "{ \"version\": 1, \"x\": ");

	assert_non_null(text);
	memset(text + n, '[', DEPTH);
	memset(text + n + DEPTH, ']', DEPTH);
	strcpy(text + n + 2 * (size_t) DEPTH, "}");
	check_row(s, text, "maximum parsing depth reached");
	free(text);
}

static void test_many_problems(void **state)
{
	enum { ITEMS = 3000 };
	struct site *s = *state;
	char *text = malloc(ITEMS * 4 + 64), *p = text;

	assert_non_null(text);
	p += sprintf(p, "{ \"version\": 1, \"packages\": [ 0");
	for (int i = 1; i < ITEMS; i++)
		p += sprintf(p, ", %d", i % 10);
	strcpy(p, " ] }");
	check_row(s, text, "/packages/999: expected an object, found 9");
	assert_int_equal(s->problems.n_errors, 1001);
	assert_string_equal(s->problems.errors[1000], "... and 2000 more errors");
	free(text);
}

static void test_too_many_modems(void **state)
{
	struct site *s = *state;
	char *text = malloc(80 * 4100), *p = text;

	assert_non_null(text);
	p += sprintf(p, "{ \"version\": 1, \"modems\": [");
	for (int i = 0; i < CONFIG_MODEMS_MAX; i++)
		p += sprintf(p, "%s{\"name\":\"m%d\",\"port\":\"/dev/m%d\"}", i ? "," : "", i, i);
	strcpy(p, "] }");
	site_write(
		s, "conf.d/x.json", TOP("\"modems\": [ { \"name\": \"n\", \"port\": \"/n\" } ]"));
	check_row(s, text,
		"x.json: /modems: at most 4096 modems are possible, in all files together");
	free(text);
}

static void test_nul_byte(void **state)
{
	static const char text[] = "{ \"version\": 1, \0 }";
	struct site *s = *state;

	site_put(s, "fotad.json", text, sizeof(text) - 1);
	assert_int_equal(site_load(s, NULL), -EBADMSG);
	assert_int_equal(s->problems.n_errors, 1);
	assert_non_null(strstr(s->problems.errors[0], "fotad.json:1:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TEST(test_rows),
		SITE_TEST(test_characters),
		SITE_TEST(test_all_at_once),
		SITE_TEST(test_secrets),
		SITE_TEST(test_deep),
		SITE_TEST(test_many_problems),
		SITE_TEST(test_too_many_modems),
		SITE_TEST(test_nul_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
