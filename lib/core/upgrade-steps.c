/*
 * The procedure, from top to bottom (conduct 2, 4, 6 and 3). A row is one command or one decision;
 * see struct step.
 */
#include "core/upgrade-internal.h"

static bool no_supply_wanted(const struct upgrade *u)
{
	return u->task->require.supply_mv == 0;
}

static bool no_idle_wanted(const struct upgrade *u)
{
	return !u->task->require.idle;
}

static bool any_technology(const struct upgrade *u)
{
	return u->task->require.technology == TECHNOLOGY_ANY;
}

static bool no_signal_wanted(const struct upgrade *u)
{
	return !u->task->require.check_rssi && !u->task->signal;
}

static bool no_signal_check(const struct upgrade *u)
{
	return !u->task->signal;
}

/* Without a known command there is nothing to lock with; the daemon has warned at the
 * configuration. */
static bool no_rat_lock(const struct upgrade *u)
{
	return u->task->rat != RAT_LOCK || !u->profile->rat_lock;
}

/* It is persistent: a module that is left locked at a site without that network is cut off for good
 * (protocol, 4). */
static bool no_way_back(const struct upgrade *u)
{
	return no_rat_lock(u) || !u->record.rat.known;
}

static bool no_mipcall(const struct upgrade *u)
{
	return u->profile->mipcall == PROFILE_MIPCALL_NEVER;
}

static bool pdp_is_open(const struct upgrade *u)
{
	return no_mipcall(u) || u->pdp_active;
}

static bool callbreak_is_old(const struct upgrade *u)
{
	return !u->record.callbreak.written || !u->record.callbreak.known;
}

static bool gprsfirst_is_old(const struct upgrade *u)
{
	return !u->record.gprsfirst.written || !u->record.gprsfirst.known;
}

static bool rat_is_old(const struct upgrade *u)
{
	return !u->record.rat.written || !u->record.rat.known;
}

static bool no_pdp_check(const struct upgrade *u)
{
	return u->task->check != CHECK_PDP;
}

static bool pdp_is_up(const struct upgrade *u)
{
	return no_pdp_check(u) || u->pdp_active;
}

static bool pdp_is_not_ours(const struct upgrade *u)
{
	return !u->record.pdp_opened;
}

#define HANDLER(name) .handler = upgrade_on_##name
#define ASK(l, p)     .line = (l), .prefix = (p)

/* clang-format off */
const struct step upgrade_steps[_STEP_MAX] = {
	[STEP_ABSENT]         = { "absent",          PHASE_IDLE, HANDLER(absent) },
	[STEP_QUIET]          = { "quiet",           PHASE_IDLE, HANDLER(quiet) },
	[STEP_SYNC]           = { "sync",            PHASE_IDLE, HANDLER(sync) },
	[STEP_MAKER]          = { "maker",           PHASE_IDLE, ASK("AT+CGMI", ""), HANDLER(maker),
				  .timeout = LIMIT_IDENTIFY, .tries = 3, .pause = 1 * SEC },
	[STEP_MODEL]          = { "model",           PHASE_IDLE, ASK("AT+CGMM", ""), HANDLER(model),
				  .timeout = LIMIT_IDENTIFY, .tries = 3, .pause = 1 * SEC },
	[STEP_REVISION]       = { "revision",        PHASE_IDLE, ASK("AT+CGMR", ""), HANDLER(revision),
				  .timeout = LIMIT_IDENTIFY, .tries = 3, .pause = 1 * SEC },
	[STEP_IMEI]           = { "imei",            PHASE_IDLE, ASK("AT+CGSN", ""), HANDLER(imei),
				  .timeout = LIMIT_IDENTIFY, .tries = 3, .pause = 1 * SEC },
	[STEP_IDENTIFIED]     = { "identified",      PHASE_IDLE, HANDLER(identified) },
	[STEP_HOLD]           = { "hold",            PHASE_IDLE, HANDLER(hold) },
	[STEP_REFUSED]        = { "refused",         PHASE_IDLE, HANDLER(refused) },
	[STEP_ELSEWHERE]      = { "elsewhere",       PHASE_IDLE, HANDLER(elsewhere) },

	/* Both guides, 1.1 and 1.2; order by protocol, 3: RAT, registration, GTSET, MIPCALL, GTOTA. */
	[STEP_NO_ECHO]        = { "no-echo",         PHASE_PREPARING, ASK("ATE0", NULL), HANDLER(wish),
				  .timeout = LIMIT_COMMAND, .tries = 3, .pause = 1 * SEC },
	[STEP_ERROR_CODES]    = { "error-codes",     PHASE_PREPARING, ASK("AT+CMEE=1", NULL), HANDLER(wish),
				  .timeout = LIMIT_COMMAND, .tries = 3, .pause = 1 * SEC },
	[STEP_BASE]           = { "base",            PHASE_PREPARING, HANDLER(base) },
	[STEP_SIM]            = { "sim",             PHASE_PREPARING, ASK("AT+CPIN?", "+CPIN:"), HANDLER(sim),
				  .timeout = LIMIT_COMMAND, .tries = 10, .pause = 3 * SEC },
	[STEP_PROBE]          = { "probe",           PHASE_PREPARING, ASK("AT+GTOTA=?", "+GTOTA:"), HANDLER(probe),
				  .timeout = LIMIT_COMMAND, .tries = 3, .pause = 1 * SEC },
	[STEP_SUPPLY]         = { "supply",          PHASE_PREPARING, ASK("AT+CBC", "+CBC:"), HANDLER(supply),
				  .timeout = LIMIT_COMMAND, .tries = 3, .pause = 1 * SEC, .skip = no_supply_wanted },
	[STEP_CALL]           = { "call",            PHASE_PREPARING, ASK("AT+CPAS", "+CPAS:"), HANDLER(call),
				  .timeout = LIMIT_COMMAND, .tries = 3, .pause = 1 * SEC, .skip = no_idle_wanted },
	[STEP_NETWORK]        = { "network",         PHASE_PREPARING, .build = upgrade_build_network, HANDLER(network),
				  .timeout = LIMIT_COMMAND, .within = LIMIT_REGISTRATION, .pause = 2 * SEC },
	[STEP_OPERATOR]       = { "operator",        PHASE_PREPARING, ASK("AT+COPS?", "+COPS:"), HANDLER(operator),
				  .timeout = LIMIT_REGISTRATION, .tries = 3, .pause = 1 * SEC, .skip = any_technology },
	[STEP_SIGNAL]         = { "signal",          PHASE_PREPARING, ASK("AT+CSQ", "+CSQ:"), HANDLER(signal),
				  .timeout = LIMIT_COMMAND, .tries = 5, .pause = 3 * SEC, .skip = no_signal_wanted },
	[STEP_RAT_READ]       = { "rat-read",        PHASE_PREPARING, ASK("AT+GTRAT?", "+GTRAT:"), HANDLER(rat_read),
				  .timeout = LIMIT_COMMAND, .tries = 3, .pause = 1 * SEC, .skip = no_rat_lock },
	[STEP_RAT_LOCK]       = { "rat-lock",        PHASE_PREPARING, .build = upgrade_build_rat_lock, HANDLER(wish),
				  .timeout = LIMIT_REGISTRATION, .tries = 1, .skip = no_way_back, .save = upgrade_save_rat },
	[STEP_NETWORK_AGAIN]  = { "network-again",   PHASE_PREPARING, .build = upgrade_build_network, HANDLER(network),
				  .timeout = LIMIT_COMMAND, .within = LIMIT_REGISTRATION, .pause = 2 * SEC, .skip = no_way_back },
	[STEP_SETTINGS_READ]  = { "settings-read",   PHASE_PREPARING, ASK("AT+GTSET?", "+GTSET:"), HANDLER(settings_read),
				  .timeout = LIMIT_COMMAND, .tries = 3, .pause = 1 * SEC },
	[STEP_NO_CALLBREAK]   = { "no-callbreak",    PHASE_PREPARING, ASK("AT+GTSET=\"CALLBREAK\",1", NULL), HANDLER(must),
				  .timeout = LIMIT_COMMAND, .tries = 3, .pause = 1 * SEC, .save = upgrade_save_settings },
	[STEP_GPRS_FIRST]     = { "gprs-first",      PHASE_PREPARING, ASK("AT+GTSET=\"GPRSFIRST\",1", NULL), HANDLER(wish),
				  .timeout = LIMIT_COMMAND, .tries = 1, .otherwise = STEP_PDP_ASK },
	[STEP_PDP_ASK]        = { "pdp-ask",         PHASE_PREPARING, ASK("AT+MIPCALL?", "+MIPCALL:"), HANDLER(pdp_ask),
				  .timeout = LIMIT_COMMAND, .tries = 3, .pause = 1 * SEC, .skip = no_mipcall },
	[STEP_PDP_OPEN]       = { "pdp-open",        PHASE_PREPARING, .build = upgrade_build_pdp_open, HANDLER(pdp_open),
				  .timeout = LIMIT_PDP, .tries = 1, .skip = pdp_is_open, .save = upgrade_save_pdp,
				  .otherwise = STEP_PDP_WAIT },
	[STEP_PDP_WAIT]       = { "pdp-wait",        PHASE_PREPARING, ASK("AT+MIPCALL?", "+MIPCALL:"), HANDLER(pdp_wait),
				  .timeout = LIMIT_COMMAND, .within = LIMIT_PDP, .pause = 2 * SEC, .skip = pdp_is_open },
	[STEP_IMEI_AGAIN]     = { "imei-again",      PHASE_PREPARING, ASK("AT+CGSN", ""), HANDLER(imei_again),
				  .timeout = LIMIT_IDENTIFY, .tries = 3, .pause = 1 * SEC },
	[STEP_REVISION_AGAIN] = { "revision-again",  PHASE_PREPARING, ASK("AT+CGMR", ""), HANDLER(revision_again),
				  .timeout = LIMIT_IDENTIFY, .tries = 3, .pause = 1 * SEC },
	[STEP_START]          = { "start",           PHASE_DOWNLOADING, .build = upgrade_build_start, HANDLER(start),
				  .tries = 1, .save = upgrade_save_start },

	[STEP_DOWNLOAD]       = { "download",        PHASE_DOWNLOADING, HANDLER(download) },
	[STEP_LEAVE]          = { "leave",           PHASE_INSTALLING, HANDLER(leave) },
	[STEP_RETURN]         = { "return",          PHASE_INSTALLING, HANDLER(return) },

	[STEP_ANSWER]         = { "answer",          PHASE_VERIFYING, HANDLER(answer) },
	[STEP_ANSWER_ECHO]    = { "answer-echo",     PHASE_VERIFYING, ASK("ATE0", NULL), HANDLER(answer),
				  .timeout = LIMIT_COMMAND },
	[STEP_ANSWER_IMEI]    = { "answer-imei",     PHASE_VERIFYING, ASK("AT+CGSN", ""), HANDLER(answer),
				  .timeout = LIMIT_IDENTIFY },
	[STEP_ANSWER_REVISION] = { "answer-revision", PHASE_VERIFYING, ASK("AT+CGMR", ""), HANDLER(answer),
				  .timeout = LIMIT_IDENTIFY },
	[STEP_SETTLE]         = { "settle",          PHASE_VERIFYING, HANDLER(settle) },

	/* Not before the version is proven: now it is no flashing module any more that is asked. */
	[STEP_CHECK_NETWORK]  = { "check-network",   PHASE_VERIFYING, .build = upgrade_build_check_network,
				  HANDLER(check_network), .timeout = LIMIT_COMMAND, .within = LIMIT_REGISTRATION,
				  .pause = 2 * SEC },
	[STEP_CHECK_SIGNAL]   = { "check-signal",    PHASE_VERIFYING, ASK("AT+CSQ", "+CSQ:"), HANDLER(check_signal),
				  .timeout = LIMIT_COMMAND, .tries = 3, .pause = 2 * SEC, .skip = no_signal_check,
				  .otherwise = STEP_CHECK_PDP },
	[STEP_CHECK_PDP]      = { "check-pdp",       PHASE_VERIFYING, .build = upgrade_build_check_pdp,
				  HANDLER(check_pdp), .timeout = LIMIT_COMMAND, .tries = 3, .pause = 1 * SEC,
				  .skip = no_pdp_check, .otherwise = STEP_CHECK_PDP_OPEN },
	[STEP_CHECK_PDP_OPEN] = { "check-pdp-open",  PHASE_VERIFYING, .build = upgrade_build_check_pdp_open,
				  HANDLER(check_pdp_open), .timeout = LIMIT_PDP, .tries = 1, .skip = pdp_is_up,
				  .save = upgrade_save_check_pdp, .otherwise = STEP_CHECK_PDP_WAIT },
	[STEP_CHECK_PDP_WAIT] = { "check-pdp-wait",  PHASE_VERIFYING, .build = upgrade_build_check_pdp,
				  HANDLER(check_pdp_wait), .timeout = LIMIT_COMMAND, .within = LIMIT_PDP,
				  .pause = 2 * SEC, .skip = pdp_is_up },
	[STEP_SERVED]         = { "served",          PHASE_VERIFYING, HANDLER(served) },

	[STEP_CALLBREAK_BACK] = { "callbreak-back",  PHASE_IDLE, .build = upgrade_build_callbreak_back, HANDLER(back),
				  .timeout = LIMIT_COMMAND, .tries = 3, .pause = 1 * SEC, .skip = callbreak_is_old },
	[STEP_GPRS_FIRST_BACK] = { "gprs-first-back", PHASE_IDLE, .build = upgrade_build_gprsfirst_back, HANDLER(back),
				  .timeout = LIMIT_COMMAND, .tries = 3, .pause = 1 * SEC, .skip = gprsfirst_is_old },
	[STEP_RAT_BACK]       = { "rat-back",        PHASE_IDLE, .build = upgrade_build_rat_back, HANDLER(back),
				  .timeout = LIMIT_REGISTRATION, .tries = 3, .pause = 1 * SEC, .skip = rat_is_old },
	[STEP_PDP_CLOSE]      = { "pdp-close",       PHASE_IDLE, .build = upgrade_build_pdp_close, HANDLER(back),
				  .timeout = LIMIT_PDP, .tries = 1, .skip = pdp_is_not_ours },
	[STEP_RESTORED]       = { "restored",        PHASE_IDLE, HANDLER(restored) },
};
/* clang-format on */
