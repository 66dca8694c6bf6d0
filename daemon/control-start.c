/*
 * "Start it now": what an operator may skip, and what nobody may.
 */
#include <string.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/control-internal.h"

/* What an explained gate (control-explain.c) is to an operator who wants a start. */
enum hurdle {
	HURDLE_HARD, /* must be open */
	HURDLE_ROOM, /* is waited for */
	HURDLE_SOFT, /* is skipped by start */
	HURDLE_FORCE /* is skipped by start --force */
};

static enum hurdle hurdle_of(const char *gate)
{
	static const struct {
		const char *gate;
		enum hurdle hurdle;
	} rows[] = {
		{ "backoff", HURDLE_SOFT },
		{ "preflight", HURDLE_SOFT },
		{ "not-before", HURDLE_FORCE },
		{ "clock", HURDLE_FORCE },
		{ "window", HURDLE_FORCE },
		{ "wave", HURDLE_FORCE },
		{ "soak", HURDLE_FORCE },
		{ "limit-gateway", HURDLE_ROOM },
		{ "limit-campaign", HURDLE_ROOM },
		{ "limit-group", HURDLE_ROOM },
		{ "limit-cell", HURDLE_ROOM },
		{ "alone", HURDLE_ROOM },
		{ "turn", HURDLE_ROOM },
		{ "fetch", HURDLE_ROOM },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		if (text_equal(rows[i].gate, gate))
			return rows[i].hurdle;
	return HURDLE_HARD;
}

struct hurdles {
	struct control_gate gates[CONTROL_GATES_MAX];
	const struct control_gate *hard, *force, *room; /* the first that is in the way */
};

static void look(const struct modem *m, struct hurdles *ret)
{
	size_t n = control_explain(m->manager, m, ret->gates);

	ret->hard = ret->force = ret->room = NULL;
	for (size_t i = 0; i < n; i++) {
		const struct control_gate *gate = &ret->gates[i];
		enum hurdle hurdle = hurdle_of(gate->name);

		if (gate->state == GATE_OPEN ||
			(gate->state == GATE_UNKNOWN && hurdle != HURDLE_HARD))
			continue;
		if (hurdle == HURDLE_HARD && !ret->hard)
			ret->hard = gate;
		else if (hurdle == HURDLE_FORCE && !ret->force)
			ret->force = gate;
		else if (hurdle == HURDLE_ROOM && !ret->room)
			ret->room = gate;
	}
}

static void start_job(struct modem *m, bool force, struct control_answer *a)
{
	const char *name = m->config->name;
	struct hurdles hurdles;

	a->job_id = m->job ? m->job_id : 0;
	if (m->job && m->state == JOB_RUNNING) {
		control_say(a, CONTROL_NOTHING, "the job of %s runs", name);
		return;
	}
	if (modem_has_todays_job(m) && m->state == JOB_SUCCEEDED) {
		control_say(a, CONTROL_NOTHING, "the job of %s has succeeded", name);
		return;
	}
	look(m, &hurdles);
	if (hurdles.hard) {
		control_say(a, CONTROL_REFUSED, "%s cannot start (%s): %s", name,
			hurdles.hard->name, hurdles.hard->value);
		return;
	}
	if (hurdles.force && !force) {
		control_say(a, CONTROL_REFUSED,
			"%s waits (%s): %s; start --force does not wait for it", name,
			hurdles.force->name, hurdles.force->value);
		return;
	}
	if (!modem_start(m, force, clock_boottime())) {
		control_say(
			a, CONTROL_REFUSED, "%s cannot start now: fotactl explain %s", name, name);
		return;
	}
	a->count = 1;
	if (hurdles.room)
		control_say(a, CONTROL_DONE, "%s starts as soon as there is room (%s: %s)", name,
			hurdles.room->name, hurdles.room->value);
	else
		control_say(a, CONTROL_DONE, "%s starts now", name);
}

static void start_campaign(struct campaign_run *run, bool force, struct control_answer *a)
{
	unsigned waiting = 0;

	if (force) {
		control_say(a, CONTROL_REFUSED,
			"--force is for one modem at a time: name it, or change the windows and "
			"waves "
			"of campaign %s",
			run->name);
		return;
	}
	for (size_t i = 0; i < run->n_members; i++) {
		struct modem *m = modem_of_member(run->members[i]);
		struct control_answer one;

		if (!modem_has_todays_job(m) || m->state != JOB_WAITING || m->looking)
			continue;
		waiting++;
		start_job(m, false, &one);
		a->count += one.count;
	}
	control_say(a,
		waiting > 0 && a->count == 0 ? CONTROL_REFUSED
		: waiting > 0		     ? CONTROL_DONE
					     : CONTROL_NOTHING,
		a->count < waiting
			? "campaign %s: %u of %u waiting jobs start as soon as there is room; "
			  "fotactl explain MODEM says what the others wait for"
			: "campaign %s: %u of %u waiting jobs start as soon as there is room",
		run->name, a->count, waiting);
}

void control_start(struct manager *g, const char *name, bool force, struct control_answer *ret)
{
	struct control_target target;

	if (!control_need(g, name, &target, ret))
		return;
	if (!target.modem)
		start_campaign(target.run, force, ret);
	else if (control_has_job(target.modem, ret))
		start_job(target.modem, force, ret);
}
