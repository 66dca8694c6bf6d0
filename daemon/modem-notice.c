/*
 * What follows for the modem and its job from what the upgrade tells. How it is said is in modem-log.c, which decides
 * nothing.
 */
#include "daemon/metrics.h"
#include "daemon/modem.h"

void modem_notice(struct modem *m, const struct upgrade_notice *n, usec_t now)
{
	uint64_t bytes;

	manager_note(m->manager, m);
	switch (n->type) {
	case NOTICE_IDENTIFIED:
		m->emergency = false;
		modem_log_notice(m, n, now);
		modem_reconcile(m, now);
		return;
	case NOTICE_REFUSED:
		m->identified = false;
		if (reason_class(n->reason) == REASON_PERSON)
			modem_refuse(m, n->reason, now);
		modem_log_notice(m, n, now);
		m->refused = n->reason;
		manager_touch(m->manager, m);
		return;
	case NOTICE_ELSEWHERE:
		m->identified = false;
		break;
	case NOTICE_RESTORED:
		m->restore = n->reason != REASON_NONE && n->reason != REASON_SETTING_REFUSED;
		manager_wake(m->manager);
		break;
	case NOTICE_VERDICT:
		bytes = m->bytes;
		modem_verdict(m, n, now);
		metrics_verdict(m, n, m->bytes - bytes);
		modem_log_notice(m, n, now);
		modem_end_attempt(m, n, now);
		return;
	case NOTICE_STEP:
		manager_note_cell(m->manager, m, now);
		break;
	case NOTICE_PHASE:
	case NOTICE_PROGRESS:
	case NOTICE_WARNING:
		break;
	}
	modem_log_notice(m, n, now);
}
