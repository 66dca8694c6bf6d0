/*
 * The commands besides GTOTA and the settings: identity, SIM, network, supply; and the table of
 * all.
 *
 * How an answer is dressed (bare, quoted, with its prefix) varies by family and seed, as it does in
 * the field (protocol, 5.1).
 */
#include "sim/fake-modem-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

int fake_value_number(const struct fake_call *call, size_t index, int *ret)
{
	int number = 0;

	if (index >= call->n || call->values[index].quoted || call->values[index].size == 0)
		return -EINVAL;
	for (size_t i = 0; i < call->values[index].size; i++) {
		char c = call->values[index].text[i];

		if (c < '0' || c > '9' || number > 100000)
			return -EINVAL;
		number = number * 10 + (c - '0');
	}
	*ret = number;
	return 0;
}

int fake_value_copy(const struct fake_call *call, size_t index, char *ret, size_t size)
{
	if (index >= call->n || !call->values[index].quoted)
		return -EINVAL;
	return text_copy_n(ret, size, call->values[index].text, call->values[index].size);
}

/* One value, dressed as this module does it. */
static void say(struct fake_modem *m, const char *name, const char *value)
{
	switch ((m->config.seed + m->config.family) % 4) {
	case 0:
	case 1:
		fake_text(m, "%s", value);
		break;
	case 2:
		fake_text(m, "%s: \"%s\"", name, value);
		break;
	default:
		fake_text(m, "%s: %s", name, value);
		break;
	}
}

static int cgmi(struct fake_modem *m, const struct fake_call *call UNUSED, usec_t now UNUSED)
{
	say(m, "+CGMI", m->config.seed % 3 == 0 ? "Fibocom" : "Fibocom Wireless Inc.");
	return FAKE_OK;
}

static int cgmm(struct fake_modem *m, const struct fake_call *call UNUSED, usec_t now UNUSED)
{
	if ((m->config.seed + m->config.family) % 4 == 2)
		fake_text(m, "+CGMM: \"%s\",\"%s\"", m->config.model, m->row->name);
	else
		say(m, "+CGMM", m->config.model);
	return FAKE_OK;
}

static int cgmr(struct fake_modem *m, const struct fake_call *call, usec_t now UNUSED)
{
	if (m->boots > 0 && fake_fault_acts(m, FAKE_FAULT_VERSION_ERROR_AFTER_BOOT))
		return 14;
	say(m, call->name, m->version);
	return FAKE_OK;
}

static int cgsn(struct fake_modem *m, const struct fake_call *call, usec_t now UNUSED)
{
	int kind = 1;

	if (call->form == FAKE_FORM_SET && (fake_value_number(call, 0, &kind) < 0 || kind > 1))
		return m->row->bad_parameter;
	m->imei_asked = true;
	say(m, "+CGSN", m->imei);
	return FAKE_OK;
}

int fake_command_ati(struct fake_modem *m)
{
	if (m->boots > 0 && fake_fault_acts(m, FAKE_FAULT_VERSION_ERROR_AFTER_BOOT))
		return 14;
	fake_text(m, "Manufacturer: Fibocom Wireless Inc.");
	fake_text(m, "Model: %s", m->config.model);
	fake_text(m, "Revision: %s", m->version);
	fake_text(m, "IMEI: %s", m->imei);
	fake_text(m, "+GCAP: +CGSM");
	return FAKE_OK;
}

static int cmee(struct fake_modem *m, const struct fake_call *call, usec_t now UNUSED)
{
	int mode;

	if (call->form == FAKE_FORM_READ) {
		fake_text(m, "+CMEE: %d", m->cmee);
		return FAKE_OK;
	}
	if (fake_value_number(call, 0, &mode) < 0 || mode > 2)
		return m->row->bad_parameter;
	m->cmee = mode;
	return FAKE_OK;
}

int fake_sim_problem(struct fake_modem *m)
{
	if (fake_fault_acts(m, FAKE_FAULT_SIM_ABSENT))
		return 10;
	if (fake_fault_acts(m, FAKE_FAULT_SIM_PIN))
		return 11;
	if (fake_fault_acts(m, FAKE_FAULT_SIM_PUK))
		return 12;
	return !m->sim_ready || fake_fault_acts(m, FAKE_FAULT_SIM_BUSY) ? 14 : 0;
}

static int cpin(struct fake_modem *m, const struct fake_call *call UNUSED, usec_t now UNUSED)
{
	int problem = fake_sim_problem(m);

	if (problem == 11 || problem == 12) {
		fake_text(m, "+CPIN: %s", problem == 11 ? "SIM PIN" : "SIM PUK");
		return FAKE_OK;
	}
	if (problem == 0)
		fake_text(m, "+CPIN: READY");
	return problem;
}

static int cimi(struct fake_modem *m, const struct fake_call *call UNUSED, usec_t now UNUSED)
{
	int problem = fake_sim_problem(m);

	if (problem == 0)
		fake_text(m, "26201%s", m->imei + 5);
	return problem;
}

static int ccid(struct fake_modem *m, const struct fake_call *call, usec_t now UNUSED)
{
	int problem = fake_sim_problem(m);

	if (problem == 0)
		fake_text(m, "%s: 89490200001%s", call->name, m->imei + 7);
	return problem;
}

bool fake_only_gsm(struct fake_modem *m)
{
	return m->truth.rat == 0 || fake_fault_acts(m, FAKE_FAULT_2G) != NULL;
}

bool fake_registered(const struct fake_modem *m)
{
	bool gone = m->truth.packages_applied > 0 && fake_fault_armed(m, FAKE_FAULT_NETWORK_GONE);

	return m->registration == 1 && !gone && !fake_fault_armed(m, FAKE_FAULT_NOT_REGISTERED);
}

void fake_registration_set(struct fake_modem *m, int registration)
{
	static const char *const names[] = { "+CREG", "+CGREG", "+CEREG" };

	if (m->registration == registration)
		return;
	m->registration = registration;
	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (m->registration_mode[i] > 0)
			fake_report(m, "%s: %d", names[i], registration);
}

static int registration(struct fake_modem *m, const struct fake_call *call, size_t index)
{
	const char *cell = m->config.cell[0] != '\0' ? m->config.cell : "1A2B-01C3D4E5";
	int area = (int) strcspn(cell, "-"), mode = m->registration_mode[index], stat = m->registration;
	const struct fake_fault *fault;
	bool gsm;

	if (call->form == FAKE_FORM_SET) {
		if (fake_value_number(call, 0, &mode) < 0 || mode > 2)
			return m->row->bad_parameter;
		m->registration_mode[index] = mode;
		return FAKE_OK;
	}
	gsm = fake_only_gsm(m);
	fault = fake_fault_acts(m, FAKE_FAULT_NOT_REGISTERED);
	if (!fault && m->truth.packages_applied > 0)
		fault = fake_fault_acts(m, FAKE_FAULT_NETWORK_GONE);
	if (fault)
		stat = fault->number;
	else if (index == 2 && gsm)
		stat = stat == 1 ? 0 : stat; /* no EPS registration on GSM */
	else if (stat == 1 && fake_fault_acts(m, FAKE_FAULT_ROAMING))
		stat = 5;
	if (mode == 2 && (stat == 1 || stat == 5))
		fake_text(m, "%s: %d,%d,\"%.*s\",\"%s\",%d", call->name, mode, stat, area, cell,
			cell[area] != '\0' ? cell + area + 1 : "", gsm ? 0 : 7);
	else
		fake_text(m, "%s: %d,%d", call->name, mode, stat);
	return FAKE_OK;
}

static int creg(struct fake_modem *m, const struct fake_call *call, usec_t now UNUSED)
{
	return registration(m, call, 0);
}

static int cgreg(struct fake_modem *m, const struct fake_call *call, usec_t now UNUSED)
{
	return registration(m, call, 1);
}

static int cereg(struct fake_modem *m, const struct fake_call *call, usec_t now UNUSED)
{
	return registration(m, call, 2);
}

static int cops(struct fake_modem *m, const struct fake_call *call UNUSED, usec_t now UNUSED)
{
	if (!fake_registered(m))
		fake_text(m, "+COPS: 0");
	else
		fake_text(m, "+COPS: 0,2,\"26201\",%d", fake_only_gsm(m) ? 0 : 7);
	return FAKE_OK;
}

static int csq(struct fake_modem *m, const struct fake_call *call UNUSED, usec_t now UNUSED)
{
	const struct fake_fault *fault = fake_fault_acts(m, FAKE_FAULT_WEAK_SIGNAL);

	if (!fault && m->truth.packages_applied > 0)
		fault = fake_fault_acts(m, FAKE_FAULT_SIGNAL_LOST);
	fake_text(m, "+CSQ: %d,99", fault ? fault->number : fake_registered(m) ? 18 : 99);
	return FAKE_OK;
}

static int cgatt(struct fake_modem *m, const struct fake_call *call, usec_t now UNUSED)
{
	if (call->form == FAKE_FORM_READ)
		fake_text(m, "+CGATT: %d", fake_registered(m));
	return FAKE_OK;
}

static int cbc(struct fake_modem *m, const struct fake_call *call UNUSED, usec_t now UNUSED)
{
	const struct fake_fault *fault = fake_fault_acts(m, FAKE_FAULT_LOW_SUPPLY);

	fake_text(m, "+CBC: 0,%d,%d", fault ? 5 : 80, fault ? fault->number : 3840);
	return FAKE_OK;
}

static int cpas(struct fake_modem *m, const struct fake_call *call UNUSED, usec_t now UNUSED)
{
	fake_text(m, "+CPAS: %d", fake_fault_acts(m, FAKE_FAULT_IN_CALL) ? 4 : 0);
	return FAKE_OK;
}

static int clcc(struct fake_modem *m, const struct fake_call *call UNUSED, usec_t now UNUSED)
{
	if (fake_fault_acts(m, FAKE_FAULT_IN_CALL))
		fake_text(m, "+CLCC: 1,1,0,0,0,\"+491701234567\",145");
	return FAKE_OK;
}

static int cfun(struct fake_modem *m, const struct fake_call *call, usec_t now)
{
	int level, reset = 0;

	if (call->form == FAKE_FORM_READ) {
		fake_text(m, "+CFUN: 1");
		return FAKE_OK;
	}
	if (fake_value_number(call, 0, &level) < 0 ||
		(call->n > 1 && fake_value_number(call, 1, &reset) < 0))
		return m->row->bad_parameter;
	if (level != 15 && reset != 1)
		return FAKE_OK;
	m->truth.resets_commanded++;
	m->truth.resets_while_busy += fake_fota_downloading(m) || m->fota == FAKE_FOTA_VERIFYING;
	fake_arm(m, FAKE_TIMER_LEAVE, usec_add(now, 20 * MSEC));
	return FAKE_OK;
}

#define X (1 << FAKE_FORM_EXECUTE)
#define R (1 << FAKE_FORM_READ)
#define S (1 << FAKE_FORM_SET)

int fake_command_extended(struct fake_modem *m, const struct fake_call *call, usec_t now)
{
	/* clang-format off */
	static const struct {
		const char *name;
		int forms;
		int (*run)(struct fake_modem *m, const struct fake_call *call, usec_t now);
	} commands[] = {
		{ "+CGMI", X, cgmi },         { "+GMI", X, cgmi },
		{ "+CGMM", X, cgmm },         { "+GMM", X, cgmm },
		{ "+CGMR", X, cgmr },         { "+GMR", X, cgmr },
		{ "+CGSN", X | S, cgsn },     { "+GSN", X, cgsn },
		{ "+CMEE", R | S, cmee },
		{ "+CPIN", R, cpin },         { "+CIMI", X, cimi },
		{ "+CCID", X | R, ccid },     { "+ICCID", X | R, ccid },
		{ "+CREG", R | S, creg },     { "+CGREG", R | S, cgreg },
		{ "+CEREG", R | S, cereg },   { "+COPS", R | S, cops },
		{ "+CSQ", X, csq },           { "+CGATT", R | S, cgatt },
		{ "+CBC", X, cbc },           { "+CPAS", X, cpas },
		{ "+CLCC", X, clcc },
		{ "+GTSET", R | S, fake_gtset },   { "+GTRAT", R | S, fake_gtrat },
		{ "+MIPCALL", R | S, fake_mipcall }, { "+CGACT", R | S, fake_cgact },
		{ "+CFUN", R | S, cfun },
	};
	/* clang-format on */

	if (text_equal(call->name, "+GTOTA"))
		return fake_gtota(m, call, now);
	for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
		if (!text_equal(call->name, commands[i].name))
			continue;
		if (call->form == FAKE_FORM_TEST)
			return FAKE_OK;
		if (call->parse < 0 || !(commands[i].forms & 1 << call->form))
			return m->row->bad_parameter;
		return commands[i].run(m, call, now);
	}
	m->truth.commands_unknown++;
	return m->row->unknown_command;
}
