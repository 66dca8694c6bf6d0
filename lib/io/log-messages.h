/*
 * log-messages - every kind of event that fotad tells, one row each: X(SYMBOL, MESSAGE_ID, name, what it is).
 *
 * The ids are a contract with those who filter by them (journalctl MESSAGE_ID=...); they never change, and the message
 * catalog and fotad.messages(7) have an entry for each.
 */
#pragma once

#define LOG_MESSAGES(X) \
	X(STARTED,               "a476f302afc24156bfbf1db06212a8a2", "started", "fotad has started") \
	X(CONFIG_TAKEN,          "fc89a16c57fc4a4595a39b1e59876693", "config-taken", "the configuration was read again and is in force") \
	X(STOPPING,              "91ad2a714a9243079c521ed6db48c4d8", "stopping", "fotad ends in good order") \
	X(CONFIG_REJECTED,       "f0a7605ed078426da62b16dd9ecb2c76", "config-rejected", "the configuration has errors and was not taken") \
	X(CONFIG_WARNING,        "30560674250d40f39b97e803fea5b8c3", "config-warning", "something in the configuration is legal and probably not meant") \
	X(MODEM_PRESENT,         "4924f4a5f4c3415db3835737e7863922", "modem-present", "the port of a modem is there") \
	X(MODEM_ABSENT,          "a553ce30b41f4c12b2a13ede151a8f61", "modem-absent", "the port of a modem is not there") \
	X(PORTS_ABSENT,          "6f8797e70cea45ff8650fc3e7f3ebf5b", "ports-absent", "many ports have gone away together") \
	X(PORTS_PRESENT,         "7fad3feffa9a4cfcabe8c5dd03230ea7", "ports-present", "the modems that had gone away together answer again") \
	X(EMERGENCY_DOWNLOAD,    "3296c5ab1a0f4f0eb0d5175c647490f9", "emergency-download", "a module is in emergency download mode: its firmware does not start") \
	X(MODEM_IDENTIFIED,      "d043dc22a5e443fc9c70d28b2f7c5b9f", "modem-identified", "maker, model, IMEI and version of a modem were read") \
	X(MODEM_REFUSED,         "f64f4cc348dc46dcb906928cf9215ad4", "modem-refused", "what answers is not what the configuration expects, or cannot be identified") \
	X(PORT_BUSY,             "d11f4ea44dea434fab9113a438332292", "port-busy", "another program holds the port") \
	X(PORT_REFUSED,          "e05607f847d347cd94f2bd53d8250db5", "port-refused", "the port cannot be used: no tty, no permission, stuck") \
	X(BUSY_ELSEWHERE,        "ad9e2c7f26f14da2b5c28727b6f78870", "busy-elsewhere", "a modem downloads firmware that fotad did not start") \
	X(JOB_WAITING,           "bf34c8eb155042d4b133826105f90105", "job-waiting", "a job cannot go on yet") \
	X(ATTEMPT_STARTED,       "c324d8a29ba64036a38c9aa393cbf8cf", "attempt-started", "an attempt to upgrade a modem begins") \
	X(DOWNLOAD_STARTED,      "f1e447d2748640d1befd477043838965", "download-started", "the module has accepted the start command") \
	X(PROGRESS,              "591f9f2cf21746bb8029f324595532c2", "progress", "the module downloads") \
	X(DOWNLOAD_COMPLETE,     "7bcf3aacfe4440739de77f86a77b55e8", "download-complete", "the module has the whole package") \
	X(MODULE_LEFT,           "5892bd839ec14c56a973c2241ce0dcb7", "module-left", "the module restarts to install") \
	X(MODULE_RETURNED,       "5093553af6d9416e90e7b504f814ee29", "module-returned", "the module answers again") \
	X(VERIFIED,              "e15a148111964355a73d9159540707c6", "verified", "the target version was read back twice: the job has succeeded") \
	X(ATTEMPT_FAILED,        "1d002046f0644f89b00f7a0b344a26cf", "attempt-failed", "an attempt has failed; another may follow") \
	X(JOB_FAILED,            "3591ed4ce6fb40f884761a3e9c28c4d6", "job-failed", "a job has failed for good") \
	X(JOB_UNKNOWN,           "15a68df1a62e447a8ce0d523515859bd", "job-unknown", "the module has not come back to say how it ended") \
	X(JOB_CANCELLED,         "cf4fd824f5ba43e0ac019898687e5d0a", "job-cancelled", "a job was cancelled") \
	X(SETTING_RESTORED,      "a9767f3a6d7447628b1ad31834143af5", "setting-restored", "a setting of the module is as it was before") \
	X(SETTING_NOT_RESTORED,  "d3798422853e4c6aadc129726e9a282e", "setting-not-restored", "a setting of the module could not be put back") \
	X(RECOVERED,             "52dac8669d1e45bca4929be687509920", "recovered", "work of an earlier life of fotad is taken up again") \
	X(STORE_FAILED,          "2648a506e8114b678e1e836ae94ceb38", "store-failed", "the state could not be saved") \
	X(STEP,                  "2d19fe89dc264c50909fc237640dfc75", "step", "a step of the upgrade procedure begins") \
	X(AT_DIALOGUE,           "26834490a3fa44deb1c8239ac93cb79f", "at-dialogue", "a line between fotad and a modem") \
	X(WARNING,               "172a84c5d7404a92aa3918f1339d6277", "warning", "something is degraded; the work goes on") \
	X(SUPPRESSED,            "3d8687b307f74bddbb8b4eb9664f5ba3", "suppressed", "so much was said of a modem that lines were left out") \
	X(MODEM_QUARANTINED,     "5bbdc5b66ec74da486c77e6cd6b97970", "modem-quarantined", "a modem floods or flaps and is left alone for a while") \
	X(BUNDLE,                "a25add4a1282409096ed26db8910758f", "bundle", "what happened in a failed attempt was written to a file, for fotad --replay") \
	X(EVIDENCE,              "5ac3a9c9d3b54853a129d2a4f24a7fd3", "evidence", "what proves the verdict on an attempt") \
	X(DRIFT,                 "499504cf33574aba943f9eee71cb35cc", "drift", "a modem no longer runs what it was brought to") \
	X(STORE_LOST,            "3888a4ba96b2485baecb2560c6ea9e0d", "store-lost", "the state was damaged and is set aside, or is gone; no job starts until somebody acknowledges") \
	X(CLOCK_SET,             "7e2e7da767cd4ca28d3fdb4811406ad9", "clock-set", "somebody has set the wall clock: windows are planned again") \
	X(WAVE_OPENED,           "39514ef6b3c943609702e48086452445", "wave-opened", "a campaign goes on with its next wave") \
	X(WAVE_SOAKS,            "cbe5a497f7744ec8b3c17847f9c0b4bf", "wave-soaks", "a wave has proven itself; the next one opens after a while") \
	X(FETCHED,               "72581ccabfec45c495ad49d843358fb5", "fetched", "before a wave a package was fetched and compared with what the configuration says of it") \
	X(WAVE_STUCK,            "3eed21ce6f9b4d9cab071a92dbea430f", "wave-stuck", "a wave waits for a modem that is not there or is put off: an operator may let it go on without") \
	X(CAMPAIGN_HALTED,       "259a35105b7448adbb92b055acdc9d2a", "campaign-halted", "too much has failed: nothing more of a campaign starts until an operator resumes it") \
	X(CAMPAIGN_OPERATED,     "e86ae31c251d4931a57f47fd0a7b694c", "campaign-operated", "an operator has paused or resumed a campaign") \
	X(JOB_OPERATED,          "1d43f1a5c0b2459f8ad1f0b2f3a7c9e6", "job-operated", "an operator has cancelled a job past its point of no return, tried it again or started it") \
	X(STORE_WORKS,           "6928706574174fdd900a11e877624c52", "store-works", "the state can be saved again") \
	X(METRICS,               "620eb88076364e0f954137b0ef0fde7e", "metrics", "the file of metrics cannot be written, or can be again") \
	X(BUS,                   "55b4200dcbac4851af7a22baab10a42e", "bus", "the connection to D-Bus, or the name on it, has come or gone") \
	X(MODEM_MANAGER,         "f4fdfd6768c4491a8b7ae2b1a5156016", "modem-manager", "ModemManager was asked to leave a module alone, or may have it again, or refuses") \
	X(SUMMARY,               "f593823331b543008e3db4d0a03e8826", "summary", "how the fleet stands")

#define LOG_MESSAGE_SYMBOL(symbol, id, name, description) LOG_MESSAGE_##symbol,
enum log_message { LOG_MESSAGES(LOG_MESSAGE_SYMBOL) _LOG_MESSAGE_MAX };
#undef LOG_MESSAGE_SYMBOL

const char *log_message_id(enum log_message message);          /* 32 hexadecimal digits */
const char *log_message_name(enum log_message message);        /* "attempt-started" */
const char *log_message_description(enum log_message message);
