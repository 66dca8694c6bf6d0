/*
 * GTSET, GTRAT, MIPCALL and CGACT: what stays in NV, and the PDP contexts (protocol, 2 to 4).
 */
#include "sim/fake-modem-internal.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define APN_MAX	       99 /* L610 and sisters, ffw headers */
#define APN_SECRET_MAX 64

static void list_setting(struct fake_modem *m, const char *name, int value)
{
	switch (m->config.seed % 3) {
	case 0:
		fake_text(m, "+GTSET: \"%s\",%d", name, value);
		break;
	case 1:
		fake_text(m, "+GTSET: \"%s\", %d", name, value);
		break;
	default:
		fake_text(m, "+GTSET: %s,%d", name, value);
		break;
	}
}

/* NL652 and some NL668 have no GPRSFIRST ("if the product supports it", both guides). */
static bool has_gprsfirst(struct fake_modem *m)
{
	if (fake_fault_acts(m, FAKE_FAULT_GPRSFIRST_ERROR))
		return false;
	return m->config.family == FAKE_L610 ||
	       (m->config.family != FAKE_NL652 && m->config.seed % 2 == 0);
}

static int gtset_write(struct fake_modem *m, const struct fake_call *call)
{
	char name[FAKE_SETTING_SIZE];
	int value;

	if (call->n != 2 || fake_value_copy(call, 0, name, sizeof(name)) < 0 ||
		fake_value_number(call, 1, &value) < 0 || value > 1)
		return m->row->bad_parameter;
	if (text_equal_nocase(name, "CALLBREAK")) {
		if (fake_fault_acts(m, FAKE_FAULT_CALLBREAK_ERROR))
			return m->row->bad_parameter;
		m->truth.callbreak = value;
		return FAKE_OK;
	}
	if (!text_equal_nocase(name, "GPRSFIRST") || !has_gprsfirst(m))
		return m->row->bad_parameter;
	m->truth.gprsfirst = value;
	return FAKE_OK;
}

int fake_gtset(struct fake_modem *m, const struct fake_call *call, usec_t now UNUSED)
{
	if (call->form == FAKE_FORM_SET)
		return gtset_write(m, call);
	if (fake_fault_acts(m, FAKE_FAULT_GTSET_UNREADABLE))
		return m->row->unknown_command;
	fake_text(m, "+GTSET: \"IPRFMT\",0");
	list_setting(m, "CALLBREAK", m->truth.callbreak);
	if (m->config.family != FAKE_NL652)
		list_setting(m, "GPRSFIRST", m->truth.gprsfirst);
	return FAKE_OK;
}

/* Another RAT: the context is lost and the module registers again (protocol, 3). */
int fake_gtrat(struct fake_modem *m, const struct fake_call *call, usec_t now)
{
	char rat[FAKE_SETTING_SIZE];
	int first, n = 0;

	if (call->form == FAKE_FORM_READ) {
		fake_text(m, "+GTRAT: %s", m->rat);
		return FAKE_OK;
	}
	if (call->n == 0 || call->n > 3)
		return m->row->bad_parameter;
	for (size_t i = 0; i < call->n; i++) {
		int value;

		if (fake_value_number(call, i, &value) < 0 || value > 20)
			return m->row->bad_parameter;
		n += snprintf(rat + n, sizeof(rat) - (size_t) n, "%s%d", i > 0 ? "," : "", value);
	}
	fake_value_number(call, 0, &first);
	if (text_equal(rat, m->rat))
		return FAKE_OK;
	memcpy(m->rat, rat, sizeof(rat));
	m->truth.rat = first;
	m->truth.pdp_active = false;
	fake_registration_set(m, 2);
	fake_arm(m, FAKE_TIMER_NETWORK, usec_add(now, m->config.network_time));
	return FAKE_OK;
}

static void address(struct fake_modem *m, char *ret, size_t size)
{
	unsigned host = (unsigned) (m->config.seed % 250) + 1;

	if (fake_fault_acts(m, FAKE_FAULT_MIPCALL_DUAL_STACK))
		snprintf(ret, size, "10.20.83.%u,2409:8954:3298:9ED0:95DA:7E09:A700:%04X", host,
			host);
	else
		snprintf(ret, size, "10.112.241.%u", host);
}

void fake_pdp_up(struct fake_modem *m)
{
	char ip[FAKE_FAULT_TEXT_MAX];

	m->truth.pdp_active = true;
	address(m, ip, sizeof(ip));
	fake_report(m, "+MIPCALL: %s", ip);
}

static int mipcall_read(struct fake_modem *m)
{
	char ip[FAKE_FAULT_TEXT_MAX];

	if (m->truth.pdp_active) {
		address(m, ip, sizeof(ip));
		fake_text(m, "+MIPCALL: 1,%s", ip);
	} else {
		fake_text(m, "+MIPCALL: %d", m->timers[FAKE_TIMER_PDP] != USEC_INFINITY ? 2 : 0);
	}
	return FAKE_OK;
}

static bool pdp_gone(struct fake_modem *m)
{
	return m->truth.packages_applied > 0 && fake_fault_acts(m, FAKE_FAULT_PDP_GONE);
}

static int mipcall_open(struct fake_modem *m, usec_t now)
{
	int problem = fake_sim_problem(m);

	if (problem != 0)
		return problem;
	if (!fake_registered(m))
		return 30;
	if (m->truth.pdp_active && fake_fault_acts(m, FAKE_FAULT_MIPCALL_ACTIVE_ERROR))
		return FAKE_ERROR;
	if (fake_fault_acts(m, FAKE_FAULT_MIPCALL_NEVER) || pdp_gone(m))
		return FAKE_OK;
	if (fake_fault_acts(m, FAKE_FAULT_MIPCALL_BEFORE_OK)) {
		char ip[FAKE_FAULT_TEXT_MAX];

		m->truth.pdp_active = true;
		address(m, ip, sizeof(ip));
		fake_text(m, "+MIPCALL: %s", ip);
		return FAKE_OK;
	}
	fake_arm(m, FAKE_TIMER_PDP, usec_add(now, m->config.pdp_time));
	return FAKE_OK;
}

static int mipcall_close(struct fake_modem *m, usec_t now UNUSED)
{
	fake_disarm(m, FAKE_TIMER_PDP);
	m->truth.pdp_active = false;
	fake_report(m, "+MIPCALL: 0");
	if (fake_fota_downloading(m))
		fake_gtota_fail(m);
	return FAKE_OK;
}

int fake_mipcall(struct fake_modem *m, const struct fake_call *call, usec_t now)
{
	static const size_t max[] = { 0, APN_MAX, APN_SECRET_MAX, APN_SECRET_MAX };
	char text[APN_MAX + 1];
	int action;

	if (call->form == FAKE_FORM_READ)
		return mipcall_read(m);
	if (fake_value_number(call, 0, &action) < 0 || action > 1 || call->n > ELEMENTSOF(max))
		return m->row->bad_parameter;
	for (size_t i = 1; i < call->n; i++)
		if (fake_value_copy(call, i, text, max[i] + 1) < 0)
			return m->row->bad_parameter;
	return action == 1 ? mipcall_open(m, now) : mipcall_close(m, now);
}

/* On LTE the registration brings a context with it; on GSM and UMTS it is opened (27.007, +CGACT). */
int fake_cgact(struct fake_modem *m, const struct fake_call *call, usec_t now UNUSED)
{
	bool registered = fake_registered(m), gsm = fake_only_gsm(m);
	int state, cid;

	if (call->form == FAKE_FORM_READ) {
		fake_text(m, "+CGACT: 1,%d", registered && (m->context || !gsm) && !pdp_gone(m));
		fake_text(m, "+CGACT: 2,0");
		return FAKE_OK;
	}
	if (call->n != 2 || fake_value_number(call, 0, &state) < 0 || state > 1 ||
		fake_value_number(call, 1, &cid) < 0 || cid != 1)
		return m->row->bad_parameter;
	if (state == 1 && !registered)
		return 30;
	m->context = state == 1;
	return FAKE_OK;
}
