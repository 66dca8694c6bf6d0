#include <string.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/modem.h"

static bool at_target(const struct modem *m)
{
	return modem_has_todays_job(m) && m->state == JOB_SUCCEEDED && !m->drift;
}

static void say_left(const struct modem *m)
{
	bool waits = !m->job || m->state == JOB_WAITING;
	const char *word = waits ? modem_waits_for(m, clock_boottime()) : reason_name(m->reason);
	enum reason reason = reason_by_name(word);
	enum job_state state = m->job ? m->state : JOB_WAITING;

	/* Who was never identified has no job yet, and yet a person is needed (conduct 18). */
	if (!m->job && reason && reason_class(reason) == REASON_PERSON)
		state = JOB_FAILED;
	modem_log(m, LOG_WARNING, LOG_MESSAGE_SUMMARY, reason, "left: %s (%s)",
		job_state_name(state), word);
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
		"%zu of %zu %s target", done, wanted, wanted == 1 ? "modem runs its" : "modems run their");
	return done == wanted ? 0 : 1;
}
