/*
 * When a fault acts, and those that act at a moment: on a command, or at a percent of the download.
 */
#include "sim/fake-modem-internal.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static bool left(const struct fake_modem *m, size_t i)
{
	const struct fake_fault *fault = &m->config.faults[i];

	return fault->times == 0 || m->truth.faults_fired[i] < fault->times;
}

/* One occasion of this fault has come: does it act? */
static bool acts(struct fake_modem *m, size_t i)
{
	if (!left(m, i))
		return false;
	if (m->occasions[i]++ < m->config.faults[i].skip)
		return false;
	m->truth.faults_fired[i]++;
	return true;
}

bool fake_fault_armed(const struct fake_modem *m, enum fake_fault_type type)
{
	for (size_t i = 0; i < m->config.n_faults; i++)
		if (m->config.faults[i].type == type && left(m, i) &&
			m->occasions[i] >= m->config.faults[i].skip)
			return true;
	return false;
}

const struct fake_fault *fake_fault_acts(struct fake_modem *m, enum fake_fault_type type)
{
	for (size_t i = 0; i < m->config.n_faults; i++)
		if (m->config.faults[i].type == type && acts(m, i))
			return &m->config.faults[i];
	return NULL;
}

/* Is `command` (what follows "AT" or ';') what the filter means? Values in the filter are the first
 * ones. */
static bool command_matches(const char *filter, const char *command)
{
	size_t n = strlen(filter);
	const char *equals = strchr(filter, '=');

	if (!text_starts_with_nocase(command, filter))
		return false;
	if (equals)
		return equals[1] != '\0' || command[n] != '?';
	return command[n] == '\0' || strchr("=?;", command[n]) || filter[0] != '+' ||
	       filter[n - 1] == '?';
}

static bool line_matches(const char *filter, const char *line)
{
	bool quoted = false;

	if (filter[0] == '\0')
		return true;
	if (text_equal_nocase(filter, "AT"))
		return line[2] == '\0';
	if (command_matches(filter, line + 2))
		return true;
	for (const char *p = line; *p != '\0'; p++) {
		quoted ^= *p == '"';
		if (*p == ';' && !quoted && command_matches(filter, p + 1))
			return true;
	}
	return false;
}

const struct fake_fault *fake_fault_on(
	struct fake_modem *m, enum fake_fault_type type, const char *line)
{
	for (size_t i = 0; i < m->config.n_faults; i++) {
		const struct fake_fault *fault = &m->config.faults[i];

		if (fault->type == type && line_matches(fault->command, line) && acts(m, i))
			return fault;
	}
	return NULL;
}

const struct fake_fault *fake_fault_due(struct fake_modem *m, int percent)
{
	for (size_t i = 0; i < m->config.n_faults; i++) {
		const struct fake_fault *fault = &m->config.faults[i];

		if (fake_fault_at(fault->type)->keys & FAKE_FAULT_TAKES_PERCENT &&
			fault->percent == percent && acts(m, i))
			return fault;
	}
	return NULL;
}

void fake_fault_moments(struct fake_modem *m, const char *line, usec_t now)
{
	for (size_t i = 0; i < m->config.n_faults; i++) {
		const struct fake_fault *fault = &m->config.faults[i];

		if (fake_fault_at(fault->type)->keys & FAKE_FAULT_TAKES_PERCENT &&
			fault->command[0] != '\0' && line_matches(fault->command, line) &&
			acts(m, i))
			fake_fault_moment(m, fault, now);
	}
}

static void flood(struct fake_modem *m, const struct fake_fault *fault, usec_t now UNUSED)
{
	static const char *const lines[] = { "+CTZV: +4", "+CEREG: 1", "^MODE: 17,17",
		"+CMTI: \"SM\",3", "+CGEV: NW DETACH" };

	for (int i = 0; i < fault->number; i++)
		fake_report(m, "%s", lines[fake_random(&m->random) % ELEMENTSOF(lines)]);
}

static void say(struct fake_modem *m, const struct fake_fault *fault, usec_t now UNUSED)
{
	fake_report(m, "%s", fault->text);
}

static void endless_line(struct fake_modem *m, const struct fake_fault *fault, usec_t now UNUSED)
{
	for (int i = 0; i < fault->number; i++)
		fake_put(m, "~", 1);
	fake_put(m, "\r\n", 2);
}

/* On a command: it is done, but its answer never reaches the host. */
static void lose_port(struct fake_modem *m, const struct fake_fault *fault, usec_t now)
{
	if (m->executing)
		m->lose_after_answer = true;
	else
		fake_port_lose(m);
	fake_arm(m, FAKE_TIMER_PORT, usec_add(now, fault->time));
}

/* Half of the report is out before the port goes: the host must have been able to read it. */
static void half_then_lost(struct fake_modem *m, const struct fake_fault *fault, usec_t now)
{
	static const char half[] = "\r\nGTOTA DOWNLOADI";

	fake_put(m, half, sizeof(half) - 1);
	m->port_fault_time = fault->time;
	fake_arm(m, FAKE_TIMER_LOSE, now + 100 * MSEC);
}

static void restart(struct fake_modem *m, const struct fake_fault *fault UNUSED, usec_t now)
{
	fake_restart(m, now);
}

static void drop_pdp(struct fake_modem *m, const struct fake_fault *fault UNUSED, usec_t now UNUSED)
{
	m->truth.pdp_active = false;
	fake_report(m, "+MIPCALL: 0");
	if (fake_fota_downloading(m))
		fake_gtota_fail(m);
}

static void ring(struct fake_modem *m, const struct fake_fault *fault UNUSED, usec_t now UNUSED)
{
	fake_report(m, "RING");
	if (m->truth.callbreak == 0 && fake_fota_downloading(m))
		fake_gtota_fail(m);
}

static void stall(struct fake_modem *m, const struct fake_fault *fault, usec_t now)
{
	if (fake_fota_downloading(m))
		fake_gtota_stall(m, fault->time, now);
}

static void fail(struct fake_modem *m, const struct fake_fault *fault UNUSED, usec_t now UNUSED)
{
	if (fake_fota_downloading(m))
		fake_gtota_fail(m);
}

static void start_over(
	struct fake_modem *m, const struct fake_fault *fault UNUSED, usec_t now UNUSED)
{
	if (!fake_fota_downloading(m))
		return;
	fake_fetch(m, false);
	fake_fetch(m, true);
	m->percent = -1;
	m->percent_said = -1;
}

void fake_fault_moment(struct fake_modem *m, const struct fake_fault *fault, usec_t now)
{
	static const struct {
		enum fake_fault_type type;
		void (*act)(struct fake_modem *m, const struct fake_fault *fault, usec_t now);
	} moments[] = {
		{ FAKE_FAULT_FLOOD, flood },
		{ FAKE_FAULT_ENDLESS_LINE, endless_line },
		{ FAKE_FAULT_SAY, say },
		{ FAKE_FAULT_LOSE_PORT, lose_port },
		{ FAKE_FAULT_HALF_URC_THEN_LOST, half_then_lost },
		{ FAKE_FAULT_RESTART, restart },
		{ FAKE_FAULT_MIPCALL_DROP, drop_pdp },
		{ FAKE_FAULT_RING, ring },
		{ FAKE_FAULT_STALL, stall },
		{ FAKE_FAULT_FAIL, fail },
		{ FAKE_FAULT_START_OVER, start_over },
	};

	for (size_t i = 0; i < ELEMENTSOF(moments); i++)
		if (moments[i].type == fault->type)
			moments[i].act(m, fault, now);
}

/* ---- a port that is none, and a module that sleeps ---- */

static const struct fake_fault *noise_fault(struct fake_modem *m, bool act)
{
	static const enum fake_fault_type types[] = { FAKE_FAULT_NMEA, FAKE_FAULT_BABBLE };

	for (size_t i = 0; i < ELEMENTSOF(types); i++)
		for (size_t k = 0; k < m->config.n_faults; k++)
			if (m->config.faults[k].type == types[i] && left(m, k) &&
				(!act || acts(m, k)))
				return &m->config.faults[k];
	return NULL;
}

void fake_noise_begin(struct fake_modem *m, usec_t now)
{
	const struct fake_fault *fault = noise_fault(m, false);

	if (fault)
		fake_arm(m, FAKE_TIMER_NOISE, usec_add(now, fault->time));
}

void fake_noise(struct fake_modem *m, usec_t now)
{
	static const char *const sentences[] = {
		"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47",
		"$GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1*39",
		"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A",
	};
	const struct fake_fault *fault = noise_fault(m, true);

	if (fault && fault->type == FAKE_FAULT_BABBLE)
		for (int i = 0; i < fault->number; i++)
			fake_put(m, "~", 1);
	else if (fault)
		for (size_t i = 0; i < ELEMENTSOF(sentences); i++)
			fake_put_line(m, sentences[i]);
	fake_noise_begin(m, now);
}

bool fake_is_deaf(struct fake_modem *m, size_t size)
{
	static const char noise[] = { '\xf8', '\0', '\x9c', '\xe0', '\x1f', '\xfe', '\x86' };

	if (noise_fault(m, false))
		return true;
	if (!fake_fault_acts(m, FAKE_FAULT_WRONG_BAUD))
		return false;
	for (size_t i = 0; i < size; i++)
		fake_put(m, &noise[fake_random(&m->random) % sizeof(noise)], 1);
	return true;
}

void fake_wake(struct fake_modem *m, usec_t now)
{
	for (size_t i = 0; i < m->config.n_faults; i++) {
		const struct fake_fault *fault = &m->config.faults[i];

		if (fault->type == FAKE_FAULT_SLEEP && m->deaf_lines == 0 &&
			now >= usec_add(m->heard, fault->time) && acts(m, i))
			m->deaf_lines = 1;
	}
	m->heard = now;
}
