/*
 * Applying a package, restarts, and coming back (protocol, 1.3, 1.4, 6.3).
 */
#include "sim/fake-modem-internal.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* What no restart survives; GTSET and GTRAT are in NV. */
void fake_volatile_reset(struct fake_modem *m)
{
	fake_line_reset(m);
	m->echo = m->verbose = true;
	m->quiet = false;
	m->cmee = 0;
	for (size_t i = 0; i < ELEMENTSOF(m->registration_mode); i++)
		m->registration_mode[i] = m->config.cell[0] != '\0' ? 2 : 0;
	m->sim_ready = false;
	m->registration = 0;
	m->context = m->truth.pdp_active = false;
	m->deaf_lines = 0;
	for (size_t i = 0; i < m->config.n_faults; i++)
		if (m->config.faults[i].type == FAKE_FAULT_AUTOBAUD &&
			fake_fault_acts(m, FAKE_FAULT_AUTOBAUD))
			m->deaf_lines = (unsigned) m->config.faults[i].number;
}

static void go_down(struct fake_modem *m)
{
	static const enum fake_timer timers[] = { FAKE_TIMER_LEAVE, FAKE_TIMER_SECOND,
		FAKE_TIMER_LOSE, FAKE_TIMER_PORT, FAKE_TIMER_TEXT, FAKE_TIMER_SIM,
		FAKE_TIMER_SEARCH, FAKE_TIMER_NETWORK, FAKE_TIMER_PDP, FAKE_TIMER_NOISE,
		FAKE_TIMER_LOOP };

	fake_gtota_cancel(m);
	for (size_t i = 0; i < ELEMENTSOF(timers); i++)
		fake_disarm(m, timers[i]);
	if (!m->config.keep_port)
		fake_port_lose(m);
	fake_line_reset(m);
	m->truth.pdp_active = false;
	m->truth.restarts++;
}

static void boot(struct fake_modem *m, usec_t now)
{
	const struct fake_fault *fault = fake_fault_acts(m, FAKE_FAULT_BACK_LATE);

	m->state = FAKE_BOOTING;
	if (fault)
		now = usec_add(now, fault->time);
	fake_arm(m, FAKE_TIMER_BOOT, usec_add(now, m->config.boot_time));
}

/* Deaf from here: the boot loader works, and nobody reads what is sent. */
static void apply(struct fake_modem *m, usec_t now)
{
	go_down(m);
	m->state = FAKE_APPLYING;
	if (fake_fault_acts(m, FAKE_FAULT_NEVER_BACK)) {
		m->state = FAKE_DEAD;
		return;
	}
	m->resets_left = m->config.resets > 0 ? m->config.resets : 1;
	m->update_percent = 0;
	if (m->config.keep_port && fake_fault_armed(m, FAKE_FAULT_UPDATE_REPORTS))
		fake_arm(m, FAKE_TIMER_REPORT, now);
	fake_arm(m, FAKE_TIMER_APPLY, usec_add(now, m->config.apply_time));
}

/* The end of what is checked before the restart. A base that does not fit restarts into the old
 * version. */
void fake_verified(struct fake_modem *m, usec_t now)
{
	if (m->output_size > 0 && m->output_next >= now) /* what it said goes out first */
		fake_arm(m, FAKE_TIMER_VERIFY, m->output_next + 1);
	else if (fake_fault_acts(m, FAKE_FAULT_NO_REBOOT))
		m->fota = FAKE_FOTA_HOLDING;
	else if (m->package_fits)
		apply(m, now);
	else
		fake_restart(m, now);
}

/* By a command or by itself; what it holds is applied then. */
void fake_restart(struct fake_modem *m, usec_t now)
{
	if (m->fota == FAKE_FOTA_HOLDING && m->package_fits) {
		apply(m, now);
		return;
	}
	go_down(m);
	boot(m, now);
}

static void run_new_version(struct fake_modem *m)
{
	const struct fake_fault *fault;

	fault = fake_fault_acts(m, FAKE_FAULT_IMEI_OTHER);
	if (fault)
		snprintf(m->imei, sizeof(m->imei), "%.15s", fault->text);
	if (fake_fault_acts(m, FAKE_FAULT_VERSION_UNCHANGED))
		return;
	m->truth.packages_applied++;
	memcpy(m->version, m->package.to, sizeof(m->version));
	fault = fake_fault_acts(m, FAKE_FAULT_VERSION_OTHER);
	if (fault)
		snprintf(m->version, sizeof(m->version), "%s", fault->text);
}

/* One reset of the apply phase is over (L610: FINISHED resets once more, boot loader source). */
void fake_applied(struct fake_modem *m, usec_t now)
{
	const struct fake_fault *fault;

	if (--m->resets_left > 0) {
		m->truth.restarts++;
		fake_arm(m, FAKE_TIMER_APPLY, usec_add(now, m->config.apply_time));
		return;
	}
	fake_disarm(m, FAKE_TIMER_REPORT);
	fault = m->second_pending ? NULL : fake_fault_acts(m, FAKE_FAULT_SECOND_RESET);
	if (fault && !text_equal(fault->text, "new")) {
		m->second_pending = true; /* what it runs is still the old one */
	} else if (m->second_pending || !fault) {
		m->second_pending = false;
		run_new_version(m);
	} else {
		run_new_version(m);
	}
	boot(m, now);
	if (fault)
		fake_arm(m, FAKE_TIMER_SECOND, usec_add(m->timers[FAKE_TIMER_BOOT], fault->time));
}

/* It was back, and goes away again. */
void fake_second_reset(struct fake_modem *m, usec_t now)
{
	go_down(m);
	if (!m->second_pending) {
		boot(m, now);
		return;
	}
	m->state = FAKE_APPLYING;
	m->resets_left = 1;
	fake_arm(m, FAKE_TIMER_APPLY, usec_add(now, m->config.apply_time));
}

/* The boot loader's own reports: on a UART only, no CR LF before them (boot loader source;
 * protocol, 1.3). */
void fake_update_report(struct fake_modem *m, usec_t now)
{
	const struct fake_fault *fault = fake_fault_acts(m, FAKE_FAULT_UPDATE_REPORTS);
	usec_t step = m->config.apply_time * (m->config.resets > 0 ? m->config.resets : 1) / 12;
	char text[48];

	if (!fault)
		return;
	if (text_equal(fault->text, "qind"))
		snprintf(text, sizeof(text), "\r\n+QIND: \"FOTA\",\"UPDATING\",%d\r\n",
			m->update_percent);
	else if (m->update_percent == 100) /* its buffer is one byte short */
		snprintf(text, sizeof(text), "GTOTA UPDATE 100%%");
	else
		snprintf(text, sizeof(text),
			m->update_percent == 0 ? "GTOTA START\r\n" : "GTOTA UPDATE %d%%\r\n",
			m->update_percent);
	fake_put(m, text, strlen(text));
	m->update_percent += 10;
	if (m->update_percent <= 100)
		fake_arm(m, FAKE_TIMER_REPORT, usec_add(now, step));
}

void fake_booted(struct fake_modem *m, usec_t now)
{
	const struct fake_fault *loop = fake_fault_acts(m, FAKE_FAULT_BOOT_LOOP);
	usec_t network = m->config.network_time;

	m->state = FAKE_RUNNING;
	m->boots++;
	fake_volatile_reset(m);
	if (fake_fault_acts(m, FAKE_FAULT_MIPCALL_ACTIVE_ERROR))
		m->truth.pdp_active = true;
	fake_port_return(m);
	fake_arm(m, FAKE_TIMER_TEXT, usec_add(now, m->config.text_time));
	fake_arm(m, FAKE_TIMER_SIM, usec_add(now, m->config.sim_time));
	fake_arm(m, FAKE_TIMER_SEARCH, usec_add(now, network / 2));
	fake_arm(m, FAKE_TIMER_NETWORK, usec_add(now, network));
	if (loop)
		fake_arm(m, FAKE_TIMER_LOOP, usec_add(now, loop->time));
	fake_noise_begin(m, now);
}

void fake_boot_text(struct fake_modem *m, usec_t now UNUSED)
{
	static const char garbage[] = { '\xff', '\0', '\xfe', '\x80', 'A', '\x1a', '\xff', '\0' };

	if (fake_fault_acts(m, FAKE_FAULT_NO_BOOT_TEXT))
		return;
	if (fake_fault_acts(m, FAKE_FAULT_BOOT_GARBAGE))
		fake_put(m, garbage, sizeof(garbage));
	for (size_t i = 0; i < ELEMENTSOF(m->row->boot_text) && m->row->boot_text[i]; i++)
		fake_report(m, "%s", m->row->boot_text[i]);
}
