/*
 * What a job waits for, in the words of the interface, and whether anything may still come of it.
 */
#include "base/text.h"
#include "daemon/modem.h"

/* With --once what is deferred is not tried for ever (conduct 19). */
bool modem_has_tried_enough(const struct modem *m)
{
	return m->manager->options.once && m->campaign &&
	       m->deferrals >= m->campaign->retry.attempts;
}

static enum job_wait first_wait(enum job_wait a, enum job_wait b)
{
	return a != JOB_WAIT_NONE && (b == JOB_WAIT_NONE || a < b) ? a : b;
}

const char *modem_waits_for(const struct modem *m, usec_t now)
{
	const struct upgrade *u = &m->dialogue.upgrade;
	enum reason reason = m->doubled					 ? REASON_DUPLICATE
			     : modem_is_quarantined(m)			 ? REASON_NO_ANSWER
			     : m->port_reason				 ? m->port_reason
			     : m->refused				 ? m->refused
			     : !m->identified				 ? REASON_NO_ANSWER
			     : upgrade_next_start(u) > now		 ? REASON_BUSY
			     : m->manager->store_error			 ? REASON_STORE
			     : m->due > now || modem_has_tried_enough(m) ? m->reason
									 : REASON_NONE;
	bool there = m->identified && !m->doubled && !m->port_reason && !m->refused;
	enum job_wait gate = first_wait(manager_gate(m->manager, m), modem_gate(m));
	enum job_wait wait = m->manager->held		  ? JOB_WAIT_ACKNOWLEDGE
			     : there && gate		  ? gate
			     : m->due > now && m->backoff ? JOB_WAIT_BACKOFF
			     : reason			  ? JOB_WAIT_NONE
							  : JOB_WAIT_SLOT;

	return wait ? job_wait_name(wait) : reason_name(reason);
}

/* By what does not pass by itself; or others are first, and then they decide. */
static bool is_held_back(const struct modem *m)
{
	enum job_wait gate = manager_gate(m->manager, m);

	return gate == JOB_WAIT_PAUSED || gate == JOB_WAIT_HALTED || gate == JOB_WAIT_HELD ||
	       gate == JOB_WAIT_WAVE;
}

bool modem_is_settled(const struct modem *m, usec_t now)
{
	const struct upgrade *u = &m->dialogue.upgrade;
	usec_t patience = m->rules->config->timeouts.return_;
	bool has_gone = now >= usec_add(usec_max(m->absent_since, m->manager->started), patience);

	if (!m->campaign)
		return true;
	/* What an earlier life has reached is true of the module that is there now, when that was asked. */
	if (modem_has_todays_job(m) && m->state == JOB_SUCCEEDED && !m->identified)
		return has_gone;
	/* What is to be put back may be so after a restart. */
	if (modem_has_todays_job(m) && job_is_final(m->state))
		return !m->restore ||
		       (has_gone && (m->port_state != MODEM_PORT_OPEN || m->refused));
	if (m->job && m->state == JOB_UNKNOWN) /* `return` has passed already (conduct 19) */
		return true;
	if (m->slot || m->restore)
		return false;
	if (m->doubled || m->port_reason == REASON_DUPLICATE ||
		m->port_reason == REASON_PORT_DENIED)
		return true;
	if (reason_class(m->refused) == REASON_PERSON && m->refused)
		return true;
	if (m->identified && m->job)
		return (modem_has_tried_enough(m) || !manager_may_start(m->manager) ||
			       modem_gate(m) || is_held_back(m)) &&
		       upgrade_is_holding(u);
	return has_gone;
}
