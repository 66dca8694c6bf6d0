/*
 * What an operator says about a modem's job, as it is done. Whether it may be said, and how it is answered, is in control.c.
 */
#include "base/text.h"
#include "daemon/modem.h"

/* The job that the configuration wants now: another wish's is none of it, a module that was never seen has none yet. */
static void take_todays_job(struct modem *m)
{
	if (!modem_has_todays_job(m) || !text_equal(m->job_campaign, m->campaign->name)) {
		modem_new_job(m, 0);
		manager_set_member(m->manager, m, 0, false);
		m->state = JOB_WAITING;
	}
}

static void restore(struct modem *m, usec_t now)
{
	if (m->restore && upgrade_is_holding(&m->dialogue.upgrade))
		dialogue_restore(&m->dialogue, now);
	modem_perform(m, now);
}

bool modem_cancel(struct modem *m, usec_t now)
{
	char who[MANAGER_OPERATOR_MAX];
	enum job_state before;

	if (!m->slot && !upgrade_past_no_return(&m->dialogue.upgrade))
		take_todays_job(m);
	before = m->state;
	if (job_is_final(m->state) || (m->stop && m->state == JOB_RUNNING))
		return false;
	if (m->slot) {
		/* Before the point of no return a verdict comes of it at once: put back what was set, and done. */
		m->stop = true;
		dialogue_cancel(&m->dialogue, now);
		modem_perform(m, now);
		if (m->stop)
			modem_log(m, LOG_NOTICE, LOG_MESSAGE_JOB_OPERATED, REASON_NONE,
				"past the point of no return: %s wants no further attempt, and the "
				"verdict decides",
				manager_operator(m->manager, who));
	} else {
		m->stop = m->state == JOB_UNKNOWN;
		modem_enter_state(m, JOB_CANCELLED, REASON_CANCELLED, 0, now);
		modem_log(m, LOG_NOTICE, LOG_MESSAGE_JOB_CANCELLED, REASON_CANCELLED, "cancelled by %s",
			manager_operator(m->manager, who));
	}
	modem_save_order(m, "cancel", before, now);
	manager_touch(m->manager, m);
	restore(m, now);
	return true;
}

void modem_follow_order(struct modem *m, usec_t now)
{
	enum modem_order order = m->campaign ? m->order : ORDER_NONE;

	m->order = ORDER_NONE;
	switch (order) {
	case ORDER_NONE:
		break;
	case ORDER_CANCEL:
		(void) modem_cancel(m, now);
		break;
	case ORDER_RETRY_FAILED:
	case ORDER_RETRY:
		if (modem_has_todays_job(m) && (order == ORDER_RETRY || m->state == JOB_FAILED || m->stop))
			(void) modem_retry(m, now);
		break;
	}
}

bool modem_retry(struct modem *m, usec_t now)
{
	enum job_state before = m->state;
	enum reason before_reason = m->reason;
	char who[MANAGER_OPERATOR_MAX];

	if (!m->job || (!m->stop && m->state != JOB_FAILED && m->state != JOB_CANCELLED))
		return false;
	if (upgrade_past_no_return(
		    &m->dialogue
			     .upgrade)) { /* it has no verdict yet: then its rules decide again */
		m->state = m->state == JOB_CANCELLED ? JOB_UNKNOWN : m->state;
		m->stop = false;
	} else {
		/* The version is right: whether it is in service is asked again (modem_go()). */
		bool serves = before_reason != REASON_NO_SERVICE || m->campaign->check == CHECK_NONE;

		modem_new_job(m, 0);
		modem_enter_state(m, JOB_WAITING, serves ? REASON_NONE : REASON_NO_SERVICE, 0, now);
	}
	modem_log(m, LOG_NOTICE, LOG_MESSAGE_JOB_OPERATED, REASON_NONE,
		m->state == JOB_WAITING ? "tried again: %s wants it" : "%s has taken its cancel back",
		manager_operator(m->manager, who));
	modem_save_order(m, "retry", before, now);
	manager_touch(m->manager, m);
	if (m->identified && upgrade_is_holding(&m->dialogue.upgrade))
		modem_reconcile(m, now);
	modem_perform(m, now);
	return true;
}

bool modem_start(struct modem *m, bool force, usec_t now)
{
	char who[MANAGER_OPERATOR_MAX];

	if (!m->job || m->state != JOB_WAITING || m->slot)
		return false;
	m->due = 0;
	m->member.now = m->member.now || force;
	modem_log(m, LOG_NOTICE, LOG_MESSAGE_JOB_OPERATED, REASON_NONE,
		force ? "%s starts it now, whatever the window and the wave" : "%s starts it now",
		manager_operator(m->manager, who));
	modem_save_order(m, force ? "start --force" : "start", m->state, now);
	manager_ready(m->manager, m);
	modem_perform(m, now);
	return true;
}
