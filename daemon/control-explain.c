/*
 * Why not now? What stands between a modem and the start of its job, in the order in which it is asked: the modem itself,
 * its job, the gateway, an operator's word, the clock, its campaign, what went wrong last, the limits.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/control-gates.h"

const char *control_gate_state_name(enum control_gate_state state)
{
	switch (state) {
	case GATE_OPEN:
		return "open";
	case GATE_SHUT:
		return "shut";
	case GATE_UNKNOWN:
		return "unknown";
	}
	return "";
}

void gate_add(struct gates *gates, const char *name, enum control_gate_state state, usec_t opens,
	const char *format, ...)
{
	struct control_gate *gate = &gates->of[gates->n];
	char text[256];
	va_list args;

	if (gates->n == CONTROL_GATES_MAX)
		return;
	va_start(args, format);
	(void) vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	*gate = (struct control_gate){
		.name = name, .state = state, .opens = state == GATE_SHUT ? opens : 0
	};
	text_escape(gate->value, sizeof(gate->value), text, strlen(text));
	gates->n++;
}

usec_t gates_wall(const struct gates *gates, usec_t when)
{
	if (when == USEC_INFINITY || when <= gates->now)
		return when == USEC_INFINITY ? when : gates->wall;
	return usec_add(gates->wall, when - gates->now);
}

/* ---- the modem ---- */

static void add_port(struct gates *gates, const struct modem *m)
{
	if (m->port_state == MODEM_PORT_OPEN)
		gate_add(gates, "port", GATE_OPEN, 0, "%s", m->config->port);
	else if (modem_is_quarantined(m))
		gate_add(gates, "port", GATE_SHUT, gates_wall(gates, m->reopen),
			"%s: it is left alone for a while", modem_health_name(m->health));
	else if (m->port_reason)
		gate_add(gates, "port", GATE_SHUT, USEC_INFINITY, "%s: %s",
			reason_name(m->port_reason), m->config->port);
	else
		gate_add(gates, "port", GATE_UNKNOWN, 0, "is being opened: %s", m->config->port);
}

static void add_identity(struct gates *gates, const struct modem *m)
{
	const struct identity *i = &m->dialogue.upgrade.identity;

	if (m->doubled)
		gate_add(gates, "identity", GATE_SHUT, USEC_INFINITY, "%s: %s",
			reason_name(REASON_DUPLICATE), reason_meaning(REASON_DUPLICATE));
	else if (m->refused == REASON_WRONG_MODEM && i->imei[0] && m->config->imei)
		gate_add(gates, "identity", GATE_SHUT, USEC_INFINITY,
			"%s: %s answers, IMEI ...%s; ...%s is configured",
			reason_name(m->refused), i->model, i->imei + strlen(i->imei) - 4,
			m->config->imei + strlen(m->config->imei) - 4);
	else if (m->refused)
		gate_add(gates, "identity", GATE_SHUT, USEC_INFINITY, "%s: %s",
			reason_name(m->refused), reason_meaning(m->refused));
	else if (!m->identified)
		gate_add(gates, "identity", GATE_UNKNOWN, 0, "it has not answered yet");
	else
		gate_add(gates, "identity", GATE_OPEN, 0, "%s, IMEI ...%s, runs %s", i->model,
			i->imei + strlen(i->imei) - 4, i->version);
}

/* ---- its job ---- */

static void add_campaign(struct gates *gates, const struct modem *m)
{
	const char *name = m->campaign ? m->campaign->name : "";

	if (!m->campaign)
		gate_add(gates, "campaign", GATE_SHUT, USEC_INFINITY, "it belongs to none");
	else if (manager_is_cancelled(m->manager, m))
		gate_add(gates, "campaign", GATE_SHUT, USEC_INFINITY,
			"%s is cancelled: fotactl retry %s", name, name);
	else
		gate_add(gates, "campaign", GATE_OPEN, 0, "%s wants %s", name, m->campaign->target);
}

static void add_job(struct gates *gates, const struct modem *m)
{
	unsigned long long id = m->job_id;

	if (!m->job) {
		gate_add(gates, "job", GATE_UNKNOWN, 0, "made when the modem is identified");
		return;
	}
	switch (m->state) {
	case JOB_WAITING:
		gate_add(gates, "job", GATE_OPEN, 0, "job %llu waits", id);
		break;
	case JOB_RUNNING:
		gate_add(gates, "job", GATE_OPEN, 0, "job %llu runs: %s%s", id,
			upgrade_phase_name(upgrade_phase(&m->dialogue.upgrade)),
			m->stop ? "; no further attempt follows" : "");
		break;
	case JOB_UNKNOWN:
		gate_add(gates, "job", GATE_SHUT, USEC_INFINITY,
			"job %llu: nobody knows how its attempt ended; settles when the module answers",
			id);
		break;
	case JOB_SUCCEEDED:
		gate_add(gates, "job", GATE_SHUT, USEC_INFINITY, "job %llu has succeeded", id);
		break;
	case JOB_FAILED:
		gate_add(gates, "job", GATE_SHUT, USEC_INFINITY,
			"job %llu has failed (%s): fotactl retry %s", id, reason_name(m->reason),
			m->config->name);
		break;
	case JOB_CANCELLED:
		gate_add(gates, "job", GATE_SHUT, USEC_INFINITY,
			"job %llu is cancelled: fotactl retry %s", id, m->config->name);
		break;
	}
}

static void add_packages(struct gates *gates, const struct modem *m)
{
	struct control_chain chain;

	if (!m->campaign)
		return;
	control_chain(m, &chain);
	if (!chain.from)
		gate_add(gates, "package", GATE_UNKNOWN, 0, "what it runs is not known");
	else if (chain.error == -EALREADY)
		gate_add(gates, "package", GATE_OPEN, 0, "none is needed: it runs %s", chain.from);
	else if (chain.error < 0)
		gate_add(gates, "package", GATE_SHUT, USEC_INFINITY, "no chain of packages leads from %s to %s",
			chain.from, m->campaign->target);
	else
		gate_add(gates, "package", GATE_OPEN, 0, "%zu %s from %s, %llu bytes", chain.hops,
			chain.hops == 1 ? "hop" : "hops", chain.from,
			(unsigned long long) chain.bytes);
	if (m->campaign->retry.max_bytes == 0 || chain.error < 0)
		return;
	gate_add(gates, "budget",
		chain.next_bytes + m->bytes <= m->campaign->retry.max_bytes ? GATE_OPEN : GATE_SHUT,
		USEC_INFINITY, "%llu of %llu bytes spent, the next package has %llu",
		(unsigned long long) m->bytes, (unsigned long long) m->campaign->retry.max_bytes,
		(unsigned long long) chain.next_bytes);
}

/* ---- the gateway, and an operator's word ---- */

static void add_gateway(struct gates *gates, const struct modem *m)
{
	const struct manager *g = m->manager;

	if (g->held)
		gate_add(gates, "store", GATE_SHUT, USEC_INFINITY,
			"the state was lost: fotactl acknowledge");
	else if (g->store_error)
		gate_add(gates, "store", GATE_SHUT, USEC_INFINITY, "the state cannot be saved: %s",
			strerror(-g->store_error));
	else
		gate_add(gates, "store", GATE_OPEN, 0, "the state can be saved");
	if (m->restore)
		gate_add(gates, "settings", GATE_SHUT, USEC_INFINITY,
			"what an earlier attempt has set in the module is put back first");
}

/* In short: the journal and the history have the figures. */
static const char *halt_meaning(enum campaign_halt halt)
{
	switch (halt) {
	case CAMPAIGN_RUNS:
	case CAMPAIGN_FAILURES:
	case CAMPAIGN_UNPROVEN:
		break;
	case CAMPAIGN_SLOWER:
		return "upgraded modems are gone for longer than others were";
	case CAMPAIGN_WEAKER:
		return "upgraded modems hear less than before";
	case CAMPAIGN_FETCH:
		return "a package is not known to be right (fotactl history)";
	}
	return NULL;
}

static void add_halt(struct gates *gates, const char *name, const struct campaign *c)
{
	const char *meaning = halt_meaning(c->halted);
	unsigned failed = campaign_failures(c), judged = campaign_judged(c);

	if (c->halted == CAMPAIGN_RUNS)
		gate_add(gates, "halt", GATE_OPEN, 0, "%u of %u failed", failed, judged);
	else if (meaning)
		gate_add(gates, "halt", GATE_SHUT, USEC_INFINITY, "%s: %s; fotactl resume %s",
			campaign_halt_name(c->halted), meaning, name);
	else
		gate_add(gates, "halt", GATE_SHUT, USEC_INFINITY,
			"%s: %u of %u failed; fotactl resume %s", campaign_halt_name(c->halted),
			failed, judged, name);
}

static void add_operator(struct gates *gates, const struct modem *m)
{
	const struct manager *g = m->manager;
	const struct campaign *c = m->run ? &m->run->campaign : NULL;

	gate_add(gates, "inhibit", g->inhibitors > 0 ? GATE_SHUT : GATE_OPEN, USEC_INFINITY,
		g->inhibitors > 0 ? "software on this gateway holds new starts: fotactl status"
				  : "nobody holds new starts");
	if (g->schedule.gateway.closed)
		gate_add(gates, "pause", GATE_SHUT, USEC_INFINITY,
			"everything is paused: fotactl resume");
	else if (c && c->paused)
		gate_add(gates, "pause", GATE_SHUT, USEC_INFINITY,
			"campaign %s is paused: fotactl resume %s", m->run->name, m->run->name);
	else
		gate_add(gates, "pause", GATE_OPEN, 0, "nothing is paused");
	if (c)
		add_halt(gates, m->run->name, c);
}

/* ---- what went wrong last ---- */

static void add_last(struct gates *gates, const struct modem *m)
{
	usec_t next = upgrade_next_start(&m->dialogue.upgrade);
	bool waits = m->job && m->state == JOB_WAITING && m->due > gates->now;

	if (next > gates->now)
		gate_add(gates, "last-start", GATE_SHUT, gates_wall(gates, next),
			"the module may still be at what was started last");
	if (waits && m->backoff)
		gate_add(gates, "backoff", GATE_SHUT, gates_wall(gates, m->due),
			"attempt %u failed: %s", m->attempts, reason_name(m->reason));
	else
		gate_add(gates, "backoff", GATE_OPEN, 0,
			m->attempts == 1 ? "%u attempt spent" : "%u attempts spent", m->attempts);
	if (waits && !m->backoff)
		gate_add(gates, "preflight", GATE_SHUT, gates_wall(gates, m->due),
			"%s: it is asked again", reason_name(m->reason));
	else
		gate_add(gates, "preflight", GATE_OPEN, 0, "asked when the attempt begins");
}

size_t control_explain(const struct manager *g, const struct modem *m,
	struct control_gate ret[static CONTROL_GATES_MAX])
{
	struct gates gates = { .of = ret, .now = clock_boottime(), .wall = clock_realtime() };

	(void) g;
	add_port(&gates, m);
	add_identity(&gates, m);
	add_campaign(&gates, m);
	add_job(&gates, m);
	add_packages(&gates, m);
	add_gateway(&gates, m);
	add_operator(&gates, m);
	gates_add_times(&gates, m);
	gates_add_waves(&gates, m);
	gates_add_fetch(&gates, m);
	add_last(&gates, m);
	gates_add_limits(&gates, m);
	return gates.n;
}
