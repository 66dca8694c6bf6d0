/*
 * config-fields - every key that a configuration may hold, one row each: the parser, the schema and
 * the manual are made from these tables.
 */
#include "io/config-internal.h"

#include <limits.h>
#include <string.h>

#include "base/text.h"
#include "io/zone-file.h"

#define ROOT(member)	 offsetof(struct builder, member)
#define MODEM(member)	 offsetof(struct modem_draft, member)
#define PACKAGE(member)	 offsetof(struct package_draft, member)
#define CAMPAIGN(member) offsetof(struct campaign_draft, member)
#define PROFILE(member)	 offsetof(struct profile_draft, member)

/* For the schema; the profile of each package knows a lower one. */
#define PACKAGE_SIZE_MAX INT64_C(0x7fffffff)
#define BUDGET_MAX	 (INT64_C(1) << 40)

#define BUFFER(type, member)                                                                       \
	.offset = offsetof(struct type, member), .size = sizeof(((struct type *) NULL)->member),   \
	.max = sizeof(((struct type *) NULL)->member) - 1, .min = 1
#define NUMBER(type, member)                                                                       \
	.offset = offsetof(struct type, member), .size = sizeof(((struct type *) NULL)->member)
#define TIMEOUT(member) NUMBER(timeouts, member), .min = MSEC, .max = 30 * DAY

const struct field config_common_fields[] = {
	{ "$schema", FIELD_COMMENT,
		.doc = "Where an editor finds the description of this format." },
	{ "$comment", FIELD_COMMENT, .doc = "For people: a text or a list of texts." },
	{ 0 },
};

const struct field config_credential_field = { "credential", FIELD_STRING, FORM_CREDENTIAL,
	.required = true, .min = 1, .max = CREDENTIAL_MAX,
	.doc = "The name of a systemd credential." };

static const struct word clocks[] = {
	{ "any", 0, false },
	{ "synchronised", 1, false },
	{ 0 },
};

static const struct field limits_fields[] = {
	{ "max_parallel", FIELD_INTEGER, NUMBER(builder, max_parallel), .min = 1, .max = 4096,
		.standard = "8", .doc = "How many modems may be upgraded at the same time." },
	{ "per_group", FIELD_COUNTS, FORM_NAME, .offset = ROOT(per_group),
		.other = ROOT(n_per_group), .min = 1, .max = 4096,
		.doc = "How many modems of a group may be upgraded at the same time, by group." },
	{ "per_cell", FIELD_INTEGER, NUMBER(builder, per_cell), .min = 1, .max = 4096,
		.doc = "How many modems of one serving cell may be upgraded at the same time. The "
		       "cell is what AT+CEREG? or AT+CGREG? names, which takes AT+CEREG=2 in the "
		       "module; one that names none is not limited." },
	{ "clock", FIELD_WORD, NUMBER(builder, clock), .words = clocks, .standard = "any",
		.doc = "Which clock decides about windows, not_before and not_after: any, or only "
		       "one that is synchronised." },
	{ 0 },
};
static const struct object limits_object = { limits_fields, RULE_NONE, { 0 } };

static const struct field metrics_fields[] = {
	{ "textfile", FIELD_STRING, FORM_PROM, .offset = ROOT(metrics.textfile), .min = 6,
		.max = PATH_MAX - sizeof(".new"),
		.doc = "Where a Prometheus node exporter finds what fotad counts; nothing is written "
		       "when it is not given." },
	{ "period", FIELD_DURATION, NUMBER(builder, metrics.period), .min = SEC, .max = HOUR,
		.standard = "30s", .doc = "How often it is written." },
	{ "per_modem", FIELD_BOOLEAN, NUMBER(builder, metrics.per_modem), .standard = "false",
		.doc = "Also a few series for each modem, by its name? With thousands of modems "
		       "that is much for Prometheus." },
	{ 0 },
};
static const struct object metrics_object = { metrics_fields, RULE_NONE, { 0 } };

static const struct field apn_fields[] = {
	{ "name", FIELD_STRING, FORM_APN, .required = true, .offset = MODEM(modem.apn.name),
		.min = 1, .max = APN_MAX,
		.doc = "The access point name that AT+MIPCALL is given." },
	{ "username", FIELD_STRING, FORM_TEXT, .offset = MODEM(modem.apn.username), .min = 1,
		.max = GTOTA_FIELD_MAX, .doc = "The user name of the access point." },
	{ "password", FIELD_SECRET, FORM_TEXT, .offset = MODEM(modem.apn.password),
		.other = MODEM(modem.apn.credential), .min = 1, .max = GTOTA_FIELD_MAX,
		.doc = "The password of the access point." },
	{ 0 },
};
static const struct object apn_object = { apn_fields, RULE_BOTH_OR_NONE,
	{ "username", "password" } };

/* What termios and the module's AT+IPR both have (protocol, 7); a USB port ignores it. */
static const unsigned baud_rates[] = { 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400,
	460800, 921600, 1000000, 1500000, 2000000, 3000000, 4000000, 0 };

static const struct field modem_fields[] = {
	{ "name", FIELD_STRING, FORM_NAME, .required = true, BUFFER(modem_draft, modem.name),
		.doc = "The modem's name, unique over modems and campaigns." },
	{ "port", FIELD_STRING, FORM_PORT, .required = true, .offset = MODEM(modem.port), .min = 2,
		.max = PATH_MAX - 1,
		.doc = "The AT port: a tty, a symlink made by udev, or a pseudo-terminal." },
	{ "imei", FIELD_STRING, FORM_IMEI, .offset = MODEM(modem.imei), .min = IMEI_SIZE - 1,
		.max = IMEI_SIZE - 1,
		.doc = "The IMEI that must answer on this port; nothing is sent to another." },
	{ "baud_rate", FIELD_NUMBERS, NUMBER(modem_draft, modem.baud_rate), .numbers = baud_rates,
		.standard = "115200", .doc = "Bits per second of a real serial line." },
	{ "profile", FIELD_STRING, FORM_PROFILE, BUFFER(modem_draft, profile), .standard = "auto",
		.doc = "The module family; auto takes the models that the vendor lists." },
	{ "groups", FIELD_STRINGS, FORM_NAME, .offset = MODEM(modem.groups),
		.other = MODEM(modem.n_groups), .max = CONFIG_GROUPS_MAX,
		.doc = "The groups that the modem belongs to." },
	{ "apn", FIELD_OBJECT, .object = &apn_object, .given = MODEM(apn_given),
		.doc = "The access point for modules that open their own connection." },
	{ "uplink", FIELD_BOOLEAN, NUMBER(modem_draft, modem.uplink),
		.standard = "false",
		.doc = "Does it carry this gateway's own connection? Then it goes last, alone, and "
		       "only when the campaign says uplink_confirmed, or a default route goes over "
		       "another device than this modem's (by USB), with a carrier." },
	{ 0 },
};
static const struct object modem_object = { modem_fields, RULE_NONE, { 0 } };

static const struct field http_fields[] = {
	{ "url", FIELD_STRING, FORM_HTTP_URL, .required = true, .offset = PACKAGE(package.url),
		.min = 1, .max = GTOTA_FIELD_MAX,
		.doc = "The whole http:// URL, the file included." },
	{ 0 },
};
static const struct object http_object = { http_fields, RULE_NONE, { 0 } };

/* FTP needs all four (both vendor guides, note 1). */
static const struct field ftp_fields[] = {
	{ "server", FIELD_STRING, FORM_GTOTA, .required = true, .offset = PACKAGE(package.url),
		.min = 1, .max = GTOTA_FIELD_MAX,
		.doc = "The server's address alone: [ftp://]HOST[:PORT], passed on as written." },
	{ "file", FIELD_STRING, FORM_GTOTA, .required = true, .offset = PACKAGE(package.filename),
		.min = 1, .max = GTOTA_FIELD_MAX, .doc = "The file on the server, with its path." },
	{ "username", FIELD_STRING, FORM_GTOTA, .required = true,
		.offset = PACKAGE(package.username), .min = 1, .max = GTOTA_FIELD_MAX,
		.doc = "The user name at the server." },
	{ "password", FIELD_SECRET, FORM_GTOTA, .required = true,
		.offset = PACKAGE(package.password), .other = PACKAGE(package.credential), .min = 1,
		.max = GTOTA_FIELD_MAX, .doc = "The password at the server." },
	{ 0 },
};
static const struct object ftp_object = { ftp_fields, RULE_NONE, { 0 } };

static const struct field package_fields[] = {
	{ "model", FIELD_STRING, FORM_MODEL, .required = true, BUFFER(package_draft, package.model),
		.doc = "Leading parts, between '-', of the model that the module answers to "
		       "AT+CGMM." },
	{ "from", FIELD_STRING, FORM_VERSION, .required = true, BUFFER(package_draft, package.from),
		.doc = "The version that the package applies to; \"*\" for a full image." },
	{ "to", FIELD_STRING, FORM_VERSION, .required = true, BUFFER(package_draft, package.to),
		.doc = "The version that the module runs afterwards." },
	{ "http", FIELD_OBJECT, .object = &http_object,
		.doc = "Where it is, for a download by HTTP." },
	{ "ftp", FIELD_OBJECT, .object = &ftp_object, .given = PACKAGE(ftp_given),
		.doc = "Where it is, for a download by FTP." },
	{ "size", FIELD_INTEGER, NUMBER(package_draft, package.size), .min = 1,
		.max = PACKAGE_SIZE_MAX,
		.doc = "Bytes; when it is not given, the module's limit is reckoned with." },
	{ "sha256", FIELD_STRING, FORM_SHA256, .offset = PACKAGE(package.sha256), .min = 64,
		.max = 64,
		.doc = "The file's checksum, for a campaign's fetch: the module is not told." },
	{ 0 },
};
static const struct object package_object = { package_fields, RULE_EXACTLY_ONE, { "http", "ftp" } };

static const struct field selection_fields[] = {
	{ "groups", FIELD_STRINGS, FORM_NAME, .offset = CAMPAIGN(campaign.groups),
		.other = CAMPAIGN(campaign.n_groups), .min = 1, .max = CONFIG_SELECT_MAX,
		.doc = "The modems of these groups." },
	{ "names", FIELD_STRINGS, FORM_NAME, .offset = CAMPAIGN(campaign.names),
		.other = CAMPAIGN(campaign.n_names), .min = 1, .max = CONFIG_SELECT_MAX,
		.doc = "The modems of these names." },
	{ 0 },
};
static const struct object selection_object = { selection_fields, RULE_AT_LEAST_ONE,
	{ "groups", "names" } };

static const struct field retry_fields[] = {
	{ "attempts", FIELD_INTEGER, NUMBER(campaign_draft, campaign.retry.attempts), .min = 1,
		.max = 100, .standard = "3",
		.doc = "How often one package is tried on one modem." },
	{ "delay", FIELD_DURATION, NUMBER(campaign_draft, campaign.retry.delay), .min = MSEC,
		.max = 30 * DAY, .standard = "15min",
		.doc = "The wait before the second attempt; later ones wait longer." },
	{ "max_delay", FIELD_DURATION, NUMBER(campaign_draft, campaign.retry.max_delay),
		.min = MSEC, .max = 30 * DAY, .given = CAMPAIGN(max_delay_given), .standard = "4h",
		.doc = "The longest wait between two attempts." },
	{ "max_bytes", FIELD_INTEGER, NUMBER(campaign_draft, campaign.retry.max_bytes), .min = 1,
		.max = BUDGET_MAX,
		.doc = "The bytes that all attempts at one modem may cost together, by the size of "
		       "the packages." },
	{ 0 },
};
static const struct object retry_object = { retry_fields, RULE_NONE, { 0 } };

static const struct word technologies[] = {
	{ "any", TECHNOLOGY_ANY, false },
	{ "umts", TECHNOLOGY_UMTS, false },
	{ "lte", TECHNOLOGY_LTE, false },
	{ 0 },
};

static const struct field require_fields[] = {
	/* 2G is slow, an upgrade over it may fail (both vendor guides, 1.1) */
	{ "technology", FIELD_WORD, NUMBER(campaign_draft, campaign.require.technology),
		.words = technologies, .standard = "umts",
		.doc = "The slowest network that will do: any, umts (not over 2G) or lte." },
	{ "rssi_dbm", FIELD_INTEGER, NUMBER(campaign_draft, campaign.require.rssi_dbm), .min = -113,
		.max = -51, .given = CAMPAIGN(campaign.require.check_rssi),
		.doc = "The weakest signal that will do; not checked when it is not given." },
	{ "roaming", FIELD_BOOLEAN, NUMBER(campaign_draft, campaign.require.refuse_roaming),
		.inverted = true, .standard = "true",
		.doc = "May the modem be in a foreign network? false refuses." },
	{ "supply_mv", FIELD_INTEGER, NUMBER(campaign_draft, campaign.require.supply_mv),
		.min = 1000, .max = 10000,
		.doc = "The lowest supply voltage that will do, in millivolts; not checked when it "
		       "is not "
		       "given." },
	{ "idle", FIELD_BOOLEAN, NUMBER(campaign_draft, campaign.require.idle), .standard = "true",
		.doc = "Must there be no call in progress?" },
	{ 0 },
};
static const struct object require_object = { require_fields, RULE_NONE, { 0 } };

/* CAMPAIGN_WAVES_MAX; sizes are so much of all members, the waves before included. */
static const struct field wave_fields[] = {
	{ "size", FIELD_SHARE, .required = true, .offset = offsetof(struct wave_rules, size),
		.doc = "How many modems of the campaign, those of the waves before included: "
		       "a number or a percentage; the last wave's is 100%." },
	{ "success", FIELD_SHARE, .offset = offsetof(struct wave_rules, success),
		.standard = "80%",
		.doc = "How many of the wave must succeed before the next one opens." },
	{ "soak", FIELD_DURATION, NUMBER(wave_rules, soak), .min = MSEC, .max = 90 * DAY,
		.doc = "How long after the wave's last verdict the next one opens; at once when it "
		       "is not given." },
	{ 0 },
};
static const struct object wave_object = { wave_fields, RULE_NONE, { 0 } };

static const struct field halt_fields[] = {
	{ "failures", FIELD_SHARE, .offset = CAMPAIGN(campaign.rules.halt.failures),
		.standard = "20%",
		.doc = "How many failures stop the campaign: a number, or a percentage of the "
		       "modems that have a verdict." },
	{ "after", FIELD_INTEGER, NUMBER(campaign_draft, campaign.rules.halt.after), .min = 1,
		.max = 1000000, .standard = "5", .given = CAMPAIGN(halt_after_given),
		.doc = "How many modems must have a verdict before; with a number of failures "
		       "none need when it is not given." },
	{ 0 },
};
static const struct object halt_object = { halt_fields, RULE_NONE, { 0 } };

static const struct field brake_fields[] = {
	{ "return_percent", FIELD_INTEGER,
		NUMBER(campaign_draft, campaign.rules.brake.return_percent), .min = 101,
		.max = 10000,
		.doc = "How long upgraded modems take to install and come back, in percent of what it "
		       "took in upgrades to other versions: earlier hops, and campaigns of the last "
		       "400 days." },
	{ "signal_db", FIELD_INTEGER, NUMBER(campaign_draft, campaign.rules.brake.signal_db),
		.min = 1, .max = 62,
		.doc = "How much less upgraded modems hear (AT+CSQ) than they did before." },
	{ "after", FIELD_INTEGER, NUMBER(campaign_draft, campaign.rules.brake.after), .min = 1,
		.max = BRAKE_VALUES, .standard = "5",
		.doc = "How many upgrades of both kinds must have been seen before; and the difference "
		       "must be no accident of small numbers, which takes 7 against 7 or 4 against "
		       "20." },
	{ 0 },
};
static const struct object brake_object = { brake_fields, RULE_AT_LEAST_ONE,
	{ "return_percent", "signal_db" } };

static const struct word rat_policies[] = {
	{ "keep", RAT_KEEP, false },
	{ "lock", RAT_LOCK, false },
	{ 0 },
};
static const struct word checks[] = {
	{ "none", CHECK_NONE, false },
	{ "registered", CHECK_REGISTERED, false },
	{ "pdp", CHECK_PDP, false },
	{ 0 },
};
static const struct word recoveries[] = {
	{ "never", 0, false },
	{ "reset", 1, true },
	{ 0 },
};

static const struct word days[] = {
	{ "mon", 1 << 0, false },
	{ "tue", 1 << 1, false },
	{ "wed", 1 << 2, false },
	{ "thu", 1 << 3, false },
	{ "fri", 1 << 4, false },
	{ "sat", 1 << 5, false },
	{ "sun", 1 << 6, false },
	{ 0 },
};

static const struct field window_fields[] = {
	{ "days", FIELD_FLAGS, NUMBER(window_draft, days), .words = days,
		.doc = "The days on which it opens; every day when it is not given." },
	{ "start", FIELD_TIME, .required = true, NUMBER(window_draft, start), .max = 24 * 60 - 1,
		.doc = "The local time at which it opens. One that is skipped when clocks change: "
		       "the first moment after the gap; one that comes twice: the first." },
	{ "end", FIELD_TIME, .required = true, NUMBER(window_draft, end), .max = 24 * 60,
		.doc = "The local time at which it closes, on the next day when it is not after "
		       "the start; up to 24:00." },
	{ "timezone", FIELD_STRING, FORM_ZONE, .required = true,
		.offset = offsetof(struct window_draft, timezone), .min = 1,
		.max = ZONE_NAME_MAX - 1, .doc = "The IANA time zone of the local times." },
	{ 0 },
};
static const struct object window_object = { window_fields, RULE_NONE, { 0 } };

static const struct word window_ends[] = {
	{ "hold", WINDOW_END_HOLD, false },
	{ "finish", WINDOW_END_FINISH, false },
	{ 0 },
};

static const struct word fetches[] = {
	{ "off", FETCH_OFF, false },
	{ "try", FETCH_TRY, false },
	{ "require", FETCH_REQUIRE, false },
	{ 0 },
};

static const struct field campaign_fields[] = {
	{ "name", FIELD_STRING, FORM_NAME, .required = true, BUFFER(campaign_draft, campaign.name),
		.doc = "The campaign's name, unique over modems and campaigns." },
	{ "modems", FIELD_OBJECT, .object = &selection_object, .given = CAMPAIGN(selection_given),
		.doc = "The modems that it is for; all when it is not given." },
	{ "target", FIELD_STRING, FORM_VERSION, .required = true,
		BUFFER(campaign_draft, campaign.target),
		.doc = "The version that these modems shall run." },
	{ "priority", FIELD_INTEGER, NUMBER(campaign_draft, campaign.priority), .min = -1000,
		.max = 1000, .standard = "0",
		.doc = "A modem of several campaigns follows the one with the highest priority." },
	{ "max_parallel", FIELD_INTEGER, NUMBER(campaign_draft, campaign.max_parallel), .min = 1,
		.max = 4096,
		.doc = "How many of its modems may be upgraded at the same time; "
		       "limits.max_parallel "
		       "counts too." },
	{ "retry", FIELD_OBJECT, .object = &retry_object,
		.doc = "How often and when to try again." },
	{ "require", FIELD_OBJECT, .object = &require_object,
		.doc = "What must hold before an upgrade starts." },
	{ "rat", FIELD_WORD, NUMBER(campaign_draft, campaign.rat), .words = rat_policies,
		.standard = "keep",
		.doc = "lock fixes the module to LTE for the upgrade, keep leaves it as it is." },
	/* Nothing that did not hold before: every attempt begins with a registration. */
	{ "check", FIELD_WORD, NUMBER(campaign_draft, campaign.check), .words = checks,
		.standard = "registered",
		.doc = "What must work after the upgrade, within timeouts.register: nothing more "
		       "than the version (none), a network (registered), or also, within "
		       "timeouts.pdp, a data connection (pdp)." },
	{ "recover", FIELD_WORD, NUMBER(campaign_draft, recover), .words = recoveries,
		.standard = "never", .doc = "A module that has fallen silent is left alone: fotad resets none." },
	{ "windows", FIELD_ITEMS, .object = &window_object, .offset = CAMPAIGN(windows),
		.other = CAMPAIGN(n_windows), .size = sizeof(struct window_draft), .min = 1,
		.max = WINDOWS_MAX,
		.doc = "When upgrades may start; at any time when it is not given." },
	{ "window_end", FIELD_WORD, NUMBER(campaign_draft, campaign.when.window_end),
		.words = window_ends, .standard = "hold",
		.doc = "hold starts nothing that is not expected to be over when the window "
		       "closes; finish starts until it closes. What runs is never cut." },
	{ "not_before", FIELD_INSTANT, NUMBER(campaign_draft, campaign.when.not_before),
		.doc = "The first moment of the campaign." },
	{ "not_after", FIELD_INSTANT, NUMBER(campaign_draft, campaign.when.not_after),
		.doc = "From then on nothing starts; jobs that still wait fail (deadline)." },
	{ "jitter", FIELD_DURATION, NUMBER(campaign_draft, campaign.when.jitter), .min = MSEC,
		.max = 30 * DAY,
		.doc = "Spreads the starts after a window opens, or after not_before, over so much "
		       "time, by IMEI." },
	{ "waves", FIELD_ITEMS, .object = &wave_object,
		.offset = CAMPAIGN(campaign.rules.waves), .size = sizeof(struct wave_rules),
		.other = CAMPAIGN(campaign.rules.n_waves), .min = 1, .max = CAMPAIGN_WAVES_MAX,
		.doc = "Parts of the campaign that must prove themselves one after the other; one "
		       "wave when it is not given." },
	{ "halt", FIELD_OBJECT, .object = &halt_object,
		.doc = "When too much has failed: nothing of the campaign starts until an operator "
		       "resumes it." },
	{ "fetch", FIELD_WORD, NUMBER(campaign_draft, campaign.fetch), .words = fetches,
		.standard = "off",
		.doc = "Before the first modem of a wave a helper (fotad-fetch.socket, to be enabled) "
		       "fetches its packages and compares size and SHA-256; what differs halts the "
		       "campaign. require halts it also when a package cannot be fetched from here; "
		       "try only warns then." },
	{ "brake", FIELD_OBJECT, .object = &brake_object,
		.doc = "Halts the campaign when upgraded modems behave worse than the others; off "
		       "when it is not given." },
	{ "uplink_confirmed", FIELD_BOOLEAN, NUMBER(campaign_draft, campaign.uplink_confirmed),
		.standard = "false",
		.doc = "May modems go that carry this gateway's own connection?" },
	{ 0 },
};
static const struct object campaign_object = { campaign_fields, RULE_NONE, { 0 } };

/* The standards are those of protocol, 12.1, and of every row in profile.c. */
static const struct field timeouts_fields[] = {
	{ "command", FIELD_DURATION, TIMEOUT(command), .standard = "5s",
		.doc = "An ordinary command until its final result code." },
	{ "identify", FIELD_DURATION, TIMEOUT(identify), .standard = "15s",
		.doc = "A question for maker, model, version or IMEI." },
	{ "register", FIELD_DURATION, TIMEOUT(registration), .standard = "3min",
		.doc = "Until the module is registered in a network." },
	{ "pdp", FIELD_DURATION, TIMEOUT(pdp), .standard = "3min",
		.doc = "AT+MIPCALL until there is an address." },
	{ "start", FIELD_DURATION, TIMEOUT(start), .standard = "2min",
		.doc = "AT+GTOTA until OK or the first report." },
	{ "stall", FIELD_DURATION, TIMEOUT(stall), .standard = "5min",
		.doc = "Without a report while the module downloads." },
	{ "download", FIELD_DURATION, TIMEOUT(download), .standard = "1h",
		.doc = "The whole download." },
	{ "leave", FIELD_DURATION, TIMEOUT(leave), .standard = "5min",
		.doc = "The end of the download until the module restarts." },
	{ "return", FIELD_DURATION, TIMEOUT(return_), .standard = "20min",
		.doc = "The module gone until it answers with its final version." },
	{ "settle", FIELD_DURATION, TIMEOUT(settle), .standard = "30s",
		.doc = "Between the two readings of the version that prove success." },
	{ 0 },
};
const struct object config_timeouts_object = { timeouts_fields, RULE_NONE, { 0 } };

static const struct word mipcalls[] = {
	{ "never", PROFILE_MIPCALL_NEVER, false },
	{ "required", PROFILE_MIPCALL_REQUIRED, false },
	{ 0 },
};
static const struct word probes[] = {
	{ "warn", PROFILE_PROBE_WARN, false },
	{ "require", PROFILE_PROBE_REQUIRE, false },
	{ 0 },
};

static const struct field profile_fields[] = {
	{ "mipcall", FIELD_WORD, NUMBER(profile_draft, mipcall), .words = mipcalls,
		.given = PROFILE(mipcall_given),
		.doc = "Must AT+MIPCALL open a connection before the download?" },
	{ "probe", FIELD_WORD, NUMBER(profile_draft, probe), .words = probes,
		.given = PROFILE(probe_given),
		.doc = "What an ERROR to AT+GTOTA=? means: require refuses, warn goes on." },
	{ "timeouts", FIELD_OBJECT, .object = &config_timeouts_object, .sparse = true,
		.offset = PROFILE(timeouts), .doc = "Waits of this family only." },
	{ 0 },
};
static const struct object profile_object = { profile_fields, RULE_NONE, { 0 } };

static const struct field root_fields[] = {
	{ "version", FIELD_INTEGER, NUMBER(builder, version), .required = true,
		.min = CONFIG_VERSION, .max = CONFIG_VERSION,
		.doc = "The version of this format." },
	{ "limits", FIELD_OBJECT, .object = &limits_object,
		.doc = "What holds for the whole gateway." },
	{ "modems", FIELD_LIST, .object = &modem_object, .list = LIST_MODEMS,
		.max = CONFIG_MODEMS_MAX, .doc = "The modems and their ports." },
	{ "packages", FIELD_LIST, .object = &package_object, .list = LIST_PACKAGES,
		.max = CONFIG_PACKAGES_MAX,
		.doc = "The delta files that there are, from one version to another." },
	{ "campaigns", FIELD_LIST, .object = &campaign_object, .list = LIST_CAMPAIGNS,
		.max = CONFIG_CAMPAIGNS_MAX, .doc = "Which modems shall run which version." },
	{ "timeouts", FIELD_OBJECT, .object = &config_timeouts_object, .sparse = true,
		.offset = ROOT(timeouts), .doc = "Waits of all families." },
	{ "metrics", FIELD_OBJECT, .object = &metrics_object,
		.doc = "Numbers for Prometheus." },
	{ "profiles", FIELD_MAP, .object = &profile_object, .offset = ROOT(profiles),
		.doc = "What a module family does otherwise than fotad expects." },
	{ 0 },
};
const struct object config_root_object = { root_fields, RULE_NONE, { 0 } };

const struct field *config_field(const struct object *object, const char *key)
{
	for (const struct field *f = config_common_fields; f->key; f++)
		if (text_equal(f->key, key))
			return f;
	for (const struct field *f = object ? object->fields : NULL; f && f->key; f++)
		if (text_equal(f->key, key))
			return f;
	return NULL;
}
