/*
 * When a job may start by the wall clock: what core/opening says is asked once, and again when it may have changed: at the
 * time that it named, when the clock was set, when the job or its rules are others.
 */
#include "core/civil.h"
#include "daemon/clock.h"
#include "daemon/clock-watch.h"
#include "daemon/modem.h"

#define LOOK_AGAIN (10 * SEC) /* at a clock that is not synchronised */

void modem_forget_opening(struct modem *m)
{
	m->opening_until = 0;
	m->manager->opening_next = 0;
}

bool modem_is_open(const struct modem *m, usec_t now)
{
	return !opening_uses_clock(&m->campaign->when) || m->member.now ||
	       (m->opening.state == OPENING_OPEN && m->opening_until > now);
}

enum job_wait modem_gate(const struct modem *m)
{
	return m->campaign && !m->member.now && m->opening_until > 0 &&
			       m->opening.state == OPENING_WAITS
		       ? m->opening.wait
		       : JOB_WAIT_NONE;
}

struct duration modem_duration(const struct modem *m)
{
	const struct profile *profile = m->dialogue.upgrade.profile;
	const struct identity *i = m->identified ? &m->dialogue.upgrade.identity : &m->seen;
	usec_t longest = opening_duration(profile ? &profile->timeouts : &m->rules->config->timeouts);
	usec_t past[MANAGER_PAST_MAX];

	return duration_expect(past, manager_past(m->manager, i->version, past), longest);
}

usec_t modem_expected(const struct modem *m)
{
	return modem_duration(m).slow;
}

/* ---- what is said about it ---- */

static void say_when(const struct modem *m, usec_t wall)
{
	const struct opening_rules *when = &m->campaign->when;
	const struct zone *zone = when->n_windows > 0 ? when->windows[0].zone : &zone_utc;
	const char *name = job_wait_name(m->opening.wait);
	char date[CIVIL_FORMAT_MAX], span[USEC_FORMAT_MAX];
	usec_t wait = usec_sub(m->opening.when, wall);

	if (m->opening.wait == JOB_WAIT_CLOCK)
		modem_log_wait(m, LOG_NOTICE, m->opening.wait,
			"not now (%s): the clock is not synchronised (limits.clock)", name);
	else if (m->opening.too_long)
		modem_log_wait(m, LOG_WARNING, m->opening.wait,
			"not now (%s): no window is as long as an upgrade may take (%s); see window_end "
			"and timeouts",
			name, usec_format(span, modem_expected(m)));
	else
		modem_log_wait(m, LOG_NOTICE, m->opening.wait,
			"not now (%s): not before %s, in %s", name,
			civil_format(date, m->opening.when, zone_offset(zone, m->opening.when)),
			usec_format(span, wait < MINUTE ? wait : (wait + SEC - 1) / SEC * SEC));
}

/* Conduct 18. */
static void expire(struct modem *m, usec_t now)
{
	char date[CIVIL_FORMAT_MAX];

	modem_refuse(m, REASON_DEADLINE, now);
	modem_log(m, LOG_ERR, LOG_MESSAGE_JOB_FAILED, REASON_DEADLINE,
		"failed (%s): not_after (%s) has passed. %s", reason_name(REASON_DEADLINE),
		civil_format(date, m->campaign->when.not_after, 0),
		reason_next_step(REASON_DEADLINE));
	if (m->restore && upgrade_is_holding(&m->dialogue.upgrade))
		dialogue_restore(&m->dialogue, now);
	modem_perform(m, now);
}

/* ---- asking ---- */

/* Both run alike, and when the wall clock is set it is asked again. */
static usec_t on_boottime(usec_t when, usec_t wall, usec_t now)
{
	return when == USEC_INFINITY ? when : usec_add(now, usec_sub(when, wall));
}

static void ask(struct modem *m, const struct window_opening *next,
	const struct opening_clock *clock, usec_t now)
{
	struct opening_rules when = m->campaign->when;
	struct opening_job job = { job_seed(m->dialogue.upgrade.record.imei), modem_expected(m) };
	struct opening before = m->opening;

	if (m->manager->options.once) /* who calls it now has spread it over time himself (conduct 19) */
		when.jitter = 0;
	m->opening = opening_decide(&when, next, &job, clock);
	m->opening_until = on_boottime(m->opening.when, clock->now, now);
	switch (m->opening.state) {
	case OPENING_OPEN:
		m->opening_said = JOB_WAIT_NONE;
		if (modem_may_go(m, now))
			manager_ready(m->manager, m);
		break;
	case OPENING_WAITS:
		if (m->opening.wait == JOB_WAIT_CLOCK)
			m->opening_until = usec_add(now, LOOK_AGAIN);
		if (!m->identified) /* who is there waits for more than that */
			break;
		if (m->opening_said != m->opening.wait || before.when != m->opening.when)
			say_when(m, clock->now);
		m->opening_said = m->opening.wait;
		break;
	case OPENING_EXPIRED:
		expire(m, now);
		break;
	}
}

static bool is_to_be_asked(const struct modem *m)
{
	return m->job && m->campaign && m->state == JOB_WAITING && !m->slot && !m->removed &&
	       opening_uses_clock(&m->campaign->when);
}

/* Many modems are of one campaign: its windows are looked at once. */
struct look {
	struct opening_clock clock;
	const struct config_campaign *campaign;
	struct window_opening next;
};

static const struct window_opening *next_of(
	struct look *look, const struct config_campaign *campaign)
{
	const struct opening_rules *when = &campaign->when;

	if (look->campaign != campaign &&
		!window_next(when->windows, when->n_windows, look->clock.now, 0, &look->next))
		look->next = (struct window_opening){ USEC_INFINITY, USEC_INFINITY };
	look->campaign = campaign;
	return &look->next;
}

static usec_t ask_all(struct manager *g, usec_t now)
{
	struct look look = { .clock = { clock_realtime(), clock_is_synchronised() } };
	usec_t next = USEC_INFINITY;

	for (size_t i = 0; i < g->n_modems; i++) {
		struct modem *m = g->modems[i];

		if (!is_to_be_asked(m))
			continue;
		if (m->opening_until <= now)
			ask(m, next_of(&look, m->campaign), &look.clock, now);
		next = usec_min(next, m->opening_until);
	}
	return next;
}

void manager_ask_clock(struct manager *g, usec_t now)
{
	if (now < g->opening_next)
		return;
	g->opening_next = USEC_INFINITY;
	g->opening_next = usec_min(ask_all(g, now), g->opening_next); /* asking may change more */
	if (!g->opening_source || g->opening_next == USEC_INFINITY)
		return;
	(void) sd_event_source_set_time(g->opening_source, g->opening_next);
	(void) sd_event_source_set_enabled(g->opening_source, SD_EVENT_ONESHOT);
}

void manager_replan(struct manager *g)
{
	for (size_t i = 0; i < g->n_modems; i++)
		modem_forget_opening(g->modems[i]);
	manager_wake(g);
}

static int on_time(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	manager_wake(userdata);
	return 0;
}

static void on_clock_set(void *userdata)
{
	struct manager *g = userdata;

	log_event(LOG_INFO, LOG_MESSAGE_CLOCK_SET, NULL, "the wall clock was set");
	manager_replan(g);
}

int manager_watch_clock(struct manager *g)
{
	int r = clock_watch_new(g->event, on_clock_set, g, &g->clock_watch);

	if (r >= 0)
		r = sd_event_add_time(g->event, &g->opening_source, CLOCK_BOOTTIME, USEC_INFINITY,
			1, on_time, g);
	return r;
}
