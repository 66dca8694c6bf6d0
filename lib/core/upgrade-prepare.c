/*
 * May it start? Every refusal here is before the point of no return: nothing was sent that counts
 * (conduct 18).
 */
#include "base/text.h"
#include "core/at-text.h"
#include "core/upgrade-internal.h"

/* A question that this firmware does not understand, or an answer without the value: said, and
 * passed. */
static int cannot_tell(struct upgrade *u, const char *what)
{
	upgrade_notify(u, NOTICE_WARNING, REASON_NONE, what);
	return NEXT;
}

int upgrade_on_base(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	const char *version = u->identity.version;

	(void) event;
	(void) now;
	if (text_equal(version, u->task->to)) {
		if (u->task->only_check)
			return NEXT;
		u->outcome = OUTCOME_ALREADY;
		u->reason = REASON_NONE;
		return END;
	}
	if (!text_equal(u->task->from, "*") && !text_equal(version, u->task->from))
		return upgrade_refuse(u, REASON_BASE_MISMATCH, FAIL);
	return NEXT;
}

int upgrade_on_sim(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	struct at_text t;
	char state[32];

	(void) now;
	if (upgrade_ok(event) && at_text_find(&t, event->at.text, "+CPIN:") &&
		at_text_string(&t, state, sizeof(state)) == 0)
		return !text_equal_nocase(state, "READY")
			       ? upgrade_refuse(u, REASON_SIM_NOT_READY, FAIL)
		       : u->task->only_check ? STEP_NETWORK
					     : NEXT;
	if (upgrade_error(event) && at_error_class(u->cme, u->profile->errors) == AT_ERROR_PERSON)
		return upgrade_refuse(u, REASON_SIM_NOT_READY, FAIL);
	if (upgrade_ok(event) || upgrade_error(event)) /* 14 "SIM busy": it has just started */
		return upgrade_refuse(u, REASON_SIM_NOT_READY, RETRY);
	return STAY;
}

int upgrade_on_probe(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	(void) now;
	if (upgrade_ok(event))
		return NEXT;
	if (!upgrade_error(event))
		return STAY;
	if (u->profile->probe == PROFILE_PROBE_REQUIRE)
		return upgrade_refuse(u, REASON_UNSUPPORTED, FAIL);
	return cannot_tell(u, "AT+GTOTA=? was answered with an error");
}

int upgrade_on_supply(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	struct at_text t;
	int64_t millivolt;

	(void) now;
	if (upgrade_error(event))
		return cannot_tell(u, "the module does not tell its supply voltage");
	if (!upgrade_ok(event))
		return STAY;
	/* +CBC: <bcs>,<bcl>[,<voltage in mV>] */
	if (!at_text_find(&t, event->at.text, "+CBC:") || at_text_skip(&t) < 0 ||
		at_text_skip(&t) < 0 || at_text_number(&t, &millivolt) < 0)
		return cannot_tell(u, "the module does not tell its supply voltage");
	return millivolt < (int64_t) u->task->require.supply_mv
		       ? upgrade_refuse(u, REASON_LOW_SUPPLY, FAIL)
		       : NEXT;
}

int upgrade_on_call(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	struct at_text t;
	int64_t status;

	(void) now;
	if (upgrade_error(event))
		return cannot_tell(u, "the module does not tell whether a call is in progress");
	if (!upgrade_ok(event))
		return STAY;
	/* 27.007, +CPAS: 3 ringing, 4 call in progress */
	if (at_text_find(&t, event->at.text, "+CPAS:") && at_text_number(&t, &status) == 0 &&
		(status == 3 || status == 4))
		return upgrade_refuse(u, REASON_IN_CALL, FAIL);
	return NEXT;
}

/* EPS first, then GPRS: a module on 2G or 3G is not registered for EPS. */
int upgrade_build_network(struct upgrade *u)
{
	bool eps = u->tries % 2 == 0;

	if (u->step == STEP_NETWORK && u->tries == 0)
		u->cell[0] = '\0';
	u->out->command.line = eps ? "AT+CEREG?" : "AT+CGREG?";
	u->out->command.prefix = eps ? "+CEREG:" : "+CGREG:";
	u->out->command.expect = AT_EXPECT_PREFIX;
	return 0;
}

/* The answer has <n>,<stat>; an unsolicited one only <stat> (protocol, 6.1). */
int upgrade_registration(const struct upgrade *u, const struct upgrade_event *event)
{
	struct at_text t;
	int64_t stat;

	if (!upgrade_ok(event) || !at_text_find(&t, event->at.text, u->prefix) || at_text_skip(&t) < 0 ||
		at_text_number(&t, &stat) < 0 || stat < 0 || stat > UINT8_MAX)
		return -1;
	return (int) stat;
}

/* Hexadecimal in quotes; modules differ in leading zeros and in case. False: it names nothing (all 0, or all F). */
static bool take_hex(struct at_text *t, char *ret, size_t size)
{
	char text[16];
	size_t n = 0;
	bool only_f = true;

	if (at_text_string(t, text, sizeof(text)) < 0)
		return false;
	for (const char *p = text; *p != '\0'; p++) {
		char c = *p >= 'a' && *p <= 'f' ? (char) (*p - 'a' + 'A') : *p;

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F')) || n + 1 == size)
			return false;
		if (n > 0 || c != '0')
			ret[n++] = c;
		only_f = only_f && c == 'F';
	}
	ret[n] = '\0';
	return n > 0 && !only_f;
}

/*
 * +CEREG: <n>,<stat>[,<tac>,<ci>,...]: only a module in which somebody has set <n> to 2 or more names its cell (27.007,
 * 10.1.22). It is not set here: the reports that come with it would be in the way of everybody who listens at this port,
 * after a crash for good.
 */
static void hear_cell(struct upgrade *u, const struct upgrade_event *event)
{
	char area[8], cell[12];
	struct at_text t;

	if (at_text_find(&t, event->at.text, u->prefix) && at_text_skip(&t) == 0 &&
		at_text_skip(&t) == 0 && take_hex(&t, area, sizeof(area)) &&
		take_hex(&t, cell, sizeof(cell)))
		(void) text_format(u->cell, sizeof(u->cell), "%s-%s", area, cell);
}

int upgrade_on_network(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	int stat;

	(void) now;
	if (!upgrade_ok(event) && !upgrade_error(event))
		return STAY;
	stat = upgrade_registration(u, event);
	if (stat == 1 || stat == 5) {
		if (stat == 5 && u->task->require.refuse_roaming)
			return upgrade_refuse(u, REASON_ROAMING, FAIL);
		hear_cell(u, event);
		return !u->task->only_check		? NEXT
		       : u->task->check == CHECK_PDP ? STEP_PDP_ASK
						     : STEP_IMEI_AGAIN;
	}
	return upgrade_refuse(u, REASON_NOT_REGISTERED, RETRY);
}

/* AcT (27.007, +COPS): 0 GSM, 1 GSM compact, 3 EGPRS, 8 EC-GSM-IoT; 2, 4, 5, 6 UTRAN; 7 and above
 * E-UTRAN and later. */
static bool is_fast_enough(int64_t act, enum technology technology)
{
	bool gsm = act == 0 || act == 1 || act == 3 || act == 8;

	switch (technology) {
	case TECHNOLOGY_ANY:
		return true;
	case TECHNOLOGY_UMTS:
		return !gsm;
	case TECHNOLOGY_LTE:
		return act >= 7 && !gsm;
	}
	return false;
}

int upgrade_on_operator(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	struct at_text t;
	int64_t act;

	(void) now;
	if (!upgrade_ok(event) && !upgrade_error(event))
		return STAY;
	/* +COPS: <mode>[,<format>,<oper>[,<AcT>]] */
	if (upgrade_error(event) || !at_text_find(&t, event->at.text, "+COPS:") ||
		at_text_skip(&t) < 0 || at_text_skip(&t) < 0 || at_text_skip(&t) < 0 ||
		at_text_number(&t, &act) < 0)
		return cannot_tell(u, "the module does not tell its access technology");
	return is_fast_enough(act, u->task->require.technology)
		       ? NEXT
		       : upgrade_refuse(u, REASON_SLOW_NETWORK, FAIL);
}

/* 27.007, +CSQ: 0 to 31 in steps of 2 dB from -113 dBm; 99 not known */
int upgrade_signal(const struct upgrade_event *event)
{
	struct at_text t;
	int64_t rssi;

	if (!upgrade_ok(event) || !at_text_find(&t, event->at.text, "+CSQ:") ||
		at_text_number(&t, &rssi) < 0 || rssi < 0 || rssi > 31)
		return -1;
	return 113 - 2 * (int) rssi;
}

int upgrade_on_signal(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	const struct requirement *require = &u->task->require;
	int below;

	(void) now;
	if (!upgrade_ok(event) && !upgrade_error(event))
		return STAY;
	below = u->evidence->rssi_before = upgrade_signal(event);
	if (!require->check_rssi || (below >= 0 && -below >= require->rssi_dbm))
		return NEXT;
	return upgrade_refuse(u, REASON_WEAK_SIGNAL, RETRY);
}
