#include <string.h>

#include "base/text.h"
#include "daemon/modem.h"

static bool at_target(const struct modem *m)
{
	return m->job && m->state == JOB_SUCCEEDED;
}

static void say_left(const struct modem *m)
{
	enum reason reason = m->reason;

	if (!m->job || m->state == JOB_WAITING)
		reason = m->doubled	  ? REASON_DUPLICATE
			 : reason	  ? reason
			 : m->port_reason ? m->port_reason
			 : m->refused	  ? m->refused
					  : REASON_NO_ANSWER;
	modem_log(m, LOG_WARNING, LOG_MESSAGE_SUMMARY, reason, "left: %s (%s)",
		m->job ? job_state_name(m->state) : "waiting", reason_name(reason));
}

int manager_result(const struct manager *g)
{
	size_t wanted = 0, done = 0;

	for (size_t i = 0; i < g->n_modems; i++) {
		const struct modem *m = g->modems[i];

		if (!m->campaign)
			continue;
		wanted++;
		if (at_target(m))
			done++;
		else
			say_left(m);
	}
	log_event(done == wanted ? LOG_NOTICE : LOG_WARNING, LOG_MESSAGE_SUMMARY, NULL,
		"%zu of %zu modems run their target", done, wanted);
	return done == wanted ? 0 : 1;
}
