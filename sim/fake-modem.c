/*
 * Power, timers, effects, and what goes out of the port.
 */
#include "sim/fake-modem-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* clang-format off */
static const struct fake_row families[] = {
	[FAKE_L610] = {
		.name = "L610", .model = "L610-CN-62-36", .version = "16000.1000.00.01.28",
		.line_max = 1024, .errors = AT_ERROR_L610, /* SDK, atr_config.h and at_response.h */
		.unknown_command = 58, .bad_line = 58, .bad_parameter = 53, .busy = 50, .no_pdp = 901,
		.needs_pdp = true, .reports_failed = true, .holds_reports = true,
		.package_max = 1024 * 1024, .rat = "10,3,0",
		.boot_text = { "AT command ready" }, .sim_text = "+SIM READY",
	},
	[FAKE_NL668] = {
		.name = "NL668", .model = "NL668-EU-00", .version = "19005.1000.00.02.70.10",
		.line_max = FAKE_LINE_MAX, .errors = AT_ERROR_STANDARD,
		.unknown_command = 100, .bad_line = 50, .bad_parameter = 50, .busy = 3, .no_pdp = 148,
		.rat = "20,6,3", .boot_text = { "RDY", "^MODE: 17,17", "+CGEV: EPS PDN ACT 1" },
	},
	[FAKE_NL652] = {
		.name = "NL652", .model = "NL652-EU-00", .version = "19606.1000.00.01.01.02",
		.line_max = FAKE_LINE_MAX, .errors = AT_ERROR_STANDARD,
		.unknown_command = 4, .bad_line = 50, .bad_parameter = 50, .busy = 3, .no_pdp = 148,
		.rat = "20,6,3", .boot_text = { "^MODE: 17,17" },
	},
	[FAKE_NL668_OLD] = { /* before the MIPCALL note was removed (NL668 guide, history, V2.0.3) */
		.name = "NL668-old", .model = "NL668-AM-00", .version = "19005.1000.00.01.10.03",
		.line_max = FAKE_LINE_MAX, .errors = AT_ERROR_STANDARD,
		.unknown_command = 100, .bad_line = 50, .bad_parameter = 50, .busy = 3, .no_pdp = 148,
		.needs_pdp = true, .rat = "20,6,3", .boot_text = { "RDY" },
	},
};
/* clang-format on */

const struct fake_row *fake_row(enum fake_family family)
{
	return &families[family];
}

/* The check digit of 3GPP TS 23.003, B.2, over 14 digits. */
static char check_digit(const char *digits)
{
	int sum = 0;

	for (int i = 0; i < 14; i++) {
		int value = (digits[i] - '0') * (i % 2 == 1 ? 2 : 1);

		sum += value / 10 + value % 10;
	}
	return (char) ('0' + (10 - sum % 10) % 10);
}

void fake_modem_defaults(struct fake_modem_config *ret, enum fake_family family, unsigned index)
{
	const struct fake_row *row = fake_row(family);

	*ret = (struct fake_modem_config){
		.family = family,
		.seed = index,
		.boot_time = 500 * MSEC,
		.apply_time = 500 * MSEC,
		.resets = 2,
		.text_time = 100 * MSEC,
		.sim_time = 300 * MSEC,
		.network_time = 600 * MSEC,
		.pdp_time = 50 * MSEC,
		.start_time = 50 * MSEC,
		.verify_time = 100 * MSEC,
		.give_up_time = 5 * SEC,
		.package_max = row->package_max,
	};
	snprintf(ret->model, sizeof(ret->model), "%s", row->model);
	snprintf(ret->version, sizeof(ret->version), "%s", row->version);
	snprintf(ret->imei, sizeof(ret->imei), "86123456%06u", index % 1000000);
	ret->imei[14] = check_digit(ret->imei);
	ret->imei[15] = '\0';
}

/* splitmix64: small, and the same everywhere. */
uint64_t fake_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void fake_arm(struct fake_modem *m, enum fake_timer timer, usec_t at)
{
	m->timers[timer] = at;
}

void fake_disarm(struct fake_modem *m, enum fake_timer timer)
{
	m->timers[timer] = USEC_INFINITY;
}

void fake_modem_power_on(struct fake_modem *m, const struct fake_modem_config *config, usec_t now)
{
	memset(m, 0, sizeof(*m));
	m->config = *config;
	m->row = fake_row(config->family);
	m->random = config->seed;
	m->chunk_random = ~config->seed;
	for (int i = 0; i < _FAKE_TIMER_MAX; i++)
		fake_disarm(m, (enum fake_timer) i);
	memcpy(m->imei, config->imei, sizeof(m->imei));
	memcpy(m->version, config->version, sizeof(m->version));
	snprintf(m->rat, sizeof(m->rat), "%s", m->row->rat);
	m->truth.callbreak = config->callbreak;
	m->truth.gprsfirst = config->gprsfirst;
	m->truth.rat = config->family == FAKE_L610 ? 10 : 20;
	m->config.keep_port |= fake_fault_acts(m, FAKE_FAULT_KEEP_PORT) != NULL;
	fake_volatile_reset(m);
	m->state = FAKE_RUNNING;
	m->port = true;
	m->sim_ready = true;
	m->registration = 1;
	m->percent = m->percent_said = -1;
	if (fake_fault_acts(m, FAKE_FAULT_MIPCALL_ACTIVE_ERROR))
		m->truth.pdp_active = true;
	fake_foreign_begin(m, now);
	fake_noise_begin(m, now);
}

void fake_modem_host_open(struct fake_modem *m, bool open, usec_t now)
{
	fake_modem_advance(m, now);
	if (!open) {
		m->truth.output_lost += m->output_size;
		m->output_size = 0;
	}
	m->host_open = open && m->port;
}

void fake_effect_add(struct fake_modem *m, enum fake_effect_type type)
{
	if (m->n_effects == FAKE_EFFECTS_MAX)
		return;
	m->effects[m->n_effects++] = (struct fake_effect){
		.type = type,
		.request = type == FAKE_EFFECT_DOWNLOAD ? m->request : (struct gtota_request){ 0 },
	};
}

struct fake_effect fake_modem_effect(struct fake_modem *m)
{
	struct fake_effect effect = { .type = FAKE_EFFECT_NONE };

	if (m->n_effects == 0)
		return effect;
	effect = m->effects[0];
	m->n_effects--;
	memmove(&m->effects[0], &m->effects[1], m->n_effects * sizeof(effect));
	return effect;
}

void fake_port_lose(struct fake_modem *m)
{
	if (!m->port)
		return;
	m->truth.output_lost += m->output_size;
	m->output_size = 0;
	m->port = m->host_open = false;
	fake_line_reset(m);
	fake_effect_add(m, FAKE_EFFECT_PORT_LOST);
}

void fake_port_return(struct fake_modem *m)
{
	if (m->port)
		return;
	m->port = true;
	fake_effect_add(m, FAKE_EFFECT_PORT_BACK);
	m->effects[m->n_effects - 1].renumber =
		fake_fault_acts(m, FAKE_FAULT_BACK_RENUMBERED) != NULL;
}

static void leave(struct fake_modem *m, usec_t now)
{
	fake_restart(m, now);
}

static void lose(struct fake_modem *m, usec_t now)
{
	fake_port_lose(m);
	fake_arm(m, FAKE_TIMER_PORT, usec_add(now, m->port_fault_time));
}

static void port_returns(struct fake_modem *m, usec_t now UNUSED)
{
	fake_port_return(m);
}

static void sim_is_ready(struct fake_modem *m, usec_t now UNUSED)
{
	m->sim_ready = true;
	if (m->row->sim_text && !fake_fault_armed(m, FAKE_FAULT_NO_BOOT_TEXT))
		fake_report(m, "%s", m->row->sim_text);
}

static void searches(struct fake_modem *m, usec_t now UNUSED)
{
	fake_registration_set(m, 2);
}

static void network_is_there(struct fake_modem *m, usec_t now UNUSED)
{
	fake_registration_set(m, 1);
}

static void pdp_is_up(struct fake_modem *m, usec_t now UNUSED)
{
	fake_pdp_up(m);
}

static void gives_up(struct fake_modem *m, usec_t now UNUSED)
{
	fake_gtota_give_up(m);
}

usec_t fake_modem_deadline(const struct fake_modem *m)
{
	usec_t deadline = USEC_INFINITY;

	for (int i = 0; i < _FAKE_TIMER_MAX; i++)
		deadline = usec_min(deadline, m->timers[i]);
	if (m->output_size > 0 && m->output_next > 0) /* it is slow, and there is more */
		deadline = usec_min(deadline, m->output_next);
	return deadline;
}

void fake_modem_advance(struct fake_modem *m, usec_t now)
{
	static void (*const handlers[_FAKE_TIMER_MAX])(struct fake_modem * m, usec_t now) = {
		[FAKE_TIMER_ANSWER] = fake_line_answer,
		[FAKE_TIMER_LEAVE] = leave,
		[FAKE_TIMER_APPLY] = fake_applied,
		[FAKE_TIMER_REPORT] = fake_update_report,
		[FAKE_TIMER_BOOT] = fake_booted,
		[FAKE_TIMER_SECOND] = fake_second_reset,
		[FAKE_TIMER_LOSE] = lose,
		[FAKE_TIMER_PORT] = port_returns,
		[FAKE_TIMER_TEXT] = fake_boot_text,
		[FAKE_TIMER_SIM] = sim_is_ready,
		[FAKE_TIMER_SEARCH] = searches,
		[FAKE_TIMER_NETWORK] = network_is_there,
		[FAKE_TIMER_PDP] = pdp_is_up,
		[FAKE_TIMER_START] = fake_gtota_start,
		[FAKE_TIMER_GIVE_UP] = gives_up,
		[FAKE_TIMER_VERIFY] = fake_verified,
		[FAKE_TIMER_FOREIGN] = fake_foreign_percent,
		[FAKE_TIMER_NOISE] = fake_noise,
		[FAKE_TIMER_LOOP] = leave,
	};

	for (;;) {
		int due = 0;
		usec_t at;

		for (int i = 1; i < _FAKE_TIMER_MAX; i++)
			if (m->timers[i] < m->timers[due])
				due = i;
		at = m->timers[due];
		if (at > now || at == USEC_INFINITY)
			return;
		m->timers[due] = USEC_INFINITY;
		/* At the moment it was due: what follows must not depend on how late somebody
		 * looks. */
		handlers[due](m, at);
	}
}

void fake_put(struct fake_modem *m, const char *data, size_t size)
{
	if (!m->port || !m->host_open || size > sizeof(m->output) - m->output_size) {
		m->truth.output_lost += size;
		return;
	}
	memcpy(m->output + m->output_size, data, size);
	m->output_size += size;
}

/* How many bytes at once, and the pause behind them; chunks may end anywhere, most often very soon.
 */
static size_t chunk_size(struct fake_modem *m, usec_t now)
{
	const struct fake_fault *fault;

	fault = fake_fault_acts(m, FAKE_FAULT_SLOW_BYTES);
	if (fault) {
		m->output_next = usec_add(now, fault->time);
		return 1;
	}
	fault = fake_fault_acts(m, FAKE_FAULT_CHUNKS);
	if (fault) {
		uint64_t random = fake_random(&m->chunk_random);

		m->output_next = usec_add(now, fault->time);
		return random & 1 ? 1 : 1 + (size_t) (random >> 1) % 40;
	}
	m->output_next = 0;
	return sizeof(m->output);
}

size_t fake_modem_output(struct fake_modem *m, char *ret, size_t size, usec_t now)
{
	size_t n;

	if (m->output_size == 0 || size == 0 || now < m->output_next)
		return 0;
	n = chunk_size(m, now);
	if (n > size)
		n = size;
	if (n > m->output_size)
		n = m->output_size;
	memcpy(ret, m->output, n);
	m->output_size -= n;
	memmove(m->output, m->output + n, m->output_size);
	return n;
}

bool fake_modem_rests(const struct fake_modem *m)
{
	return m->state == FAKE_RUNNING && m->port && m->fota == FAKE_FOTA_IDLE && m->sim_ready &&
	       m->registration == 1 && !m->executing && !m->truth.pdp_active &&
	       m->truth.callbreak == m->config.callbreak &&
	       m->truth.gprsfirst == m->config.gprsfirst && text_equal(m->rat, m->row->rat) &&
	       m->output_size == 0 && m->n_effects == 0 &&
	       fake_modem_deadline(m) == USEC_INFINITY;
}

void fake_modem_remember(const struct fake_modem *m, struct fake_memory *ret)
{
	memcpy(ret->imei, m->imei, sizeof(ret->imei));
	memcpy(ret->version, m->version, sizeof(ret->version));
	ret->random = m->random;
	ret->chunk_random = m->chunk_random;
	memcpy(ret->occasions, m->occasions, sizeof(ret->occasions));
	memcpy(ret->fired, m->truth.faults_fired, sizeof(ret->fired));
	ret->packages_applied = m->truth.packages_applied;
}

void fake_modem_wake(struct fake_modem *m, const struct fake_modem_config *config,
	const struct fake_memory *memory, usec_t now)
{
	fake_modem_power_on(m, config, now);
	memcpy(m->imei, memory->imei, sizeof(m->imei));
	memcpy(m->version, memory->version, sizeof(m->version));
	m->random = memory->random;
	m->chunk_random = memory->chunk_random;
	memcpy(m->occasions, memory->occasions, sizeof(m->occasions));
	memcpy(m->truth.faults_fired, memory->fired, sizeof(m->truth.faults_fired));
	m->truth.packages_applied = memory->packages_applied;
}

enum fake_state fake_modem_state(const struct fake_modem *m)
{
	return m->state;
}

const char *fake_modem_version(const struct fake_modem *m)
{
	return m->version;
}

const char *fake_modem_imei(const struct fake_modem *m)
{
	return m->imei;
}

const struct fake_modem_truth *fake_modem_truth(const struct fake_modem *m)
{
	return &m->truth;
}
