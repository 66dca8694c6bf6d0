/*
 * The gates of a modem's campaign and of the gateway: dates and windows, waves, limits; and what it still needs.
 */
#include "daemon/control-gates.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "core/civil.h"
#include "daemon/clock-watch.h"

/* ---- what it needs ---- */

void control_chain(const struct modem *m, struct control_chain *ret)
{
	const struct upgrade *u = &m->dialogue.upgrade;
	const struct identity *i = m->identified ? &u->identity : &m->seen;
	const struct config *config = m->rules->config;
	const struct profile *row = NULL, *profile = m->identified ? u->profile : NULL;
	const struct package *package;
	const char *from = i->version;
	size_t hops;

	*ret = (struct control_chain){ .error = -ENOENT };
	if (!i->version[0] || !m->campaign)
		return;
	ret->from = i->version;
	if (!profile && profile_match(i->model, &row) != PROFILE_MATCH_NONE)
		profile = config_profile(config, row);
	if (!profile)
		return;
	for (; ret->hops < PACKAGE_CHAIN_MAX; ret->hops++) {
		uint64_t size;

		ret->error = package_next(config->packages, config->n_packages, profile, i->model,
			from, m->campaign->target, m->rules->work, &package, &hops);
		if (ret->error < 0)
			break;
		size = package->size ? package->size : profile->package_max;
		ret->next_bytes = ret->hops == 0 ? size : ret->next_bytes;
		ret->bytes += size;
		from = package->to;
	}
	if (ret->hops > 0 && ret->error == -EALREADY)
		ret->error = 0;
}

/* ---- the clock ---- */

static const char *date(
	const struct opening_rules *when, usec_t at, char buffer[static CIVIL_FORMAT_MAX])
{
	const struct zone *zone = when->n_windows > 0 ? when->windows[0].zone : &zone_utc;

	return civil_format(buffer, at, zone_offset(zone, at));
}

static void add_dates(struct gates *gates, const struct opening_rules *when)
{
	char text[CIVIL_FORMAT_MAX];

	if (when->not_before > 0)
		gate_add(gates, "not-before",
			gates->wall >= when->not_before ? GATE_OPEN : GATE_SHUT, when->not_before,
			"%s", date(when, when->not_before, text));
	if (when->not_after > 0)
		gate_add(gates, "not-after", gates->wall < when->not_after ? GATE_OPEN : GATE_SHUT,
			USEC_INFINITY, "%s", date(when, when->not_after, text));
}

static void add_window(struct gates *gates, const struct modem *m)
{
	const struct opening_rules *when = &m->campaign->when;
	struct opening_job job = { job_seed(m->dialogue.upgrade.record.imei), modem_expected(m) };
	struct opening_clock clock = { gates->wall, true };
	struct opening opening = opening_decide(when, NULL, &job, &clock);
	char text[CIVIL_FORMAT_MAX], span[USEC_FORMAT_MAX];

	if (when->n_windows == 0)
		gate_add(gates, "window", GATE_OPEN, 0, "any time");
	else if (m->member.now)
		gate_add(gates, "window", GATE_OPEN, 0,
			"an operator wants it to start all the same");
	else if (opening.state == OPENING_OPEN)
		gate_add(gates, "window", GATE_OPEN, 0, "starts until %s (an upgrade takes %s)",
			date(when, opening.when, text), usec_format(span, job.duration));
	else if (opening.too_long)
		gate_add(gates, "window", GATE_SHUT, USEC_INFINITY,
			"none is as long as an upgrade may take (%s)",
			usec_format(span, job.duration));
	else if (opening.wait == JOB_WAIT_WINDOW)
		gate_add(gates, "window", GATE_SHUT, opening.when, "opens %s (an upgrade takes %s)",
			date(when, opening.when, text), usec_format(span, job.duration));
	else
		gate_add(gates, "window", GATE_UNKNOWN, 0, "asked when the dates let it go");
}

void gates_add_times(struct gates *gates, const struct modem *m)
{
	const struct opening_rules *when = m->campaign ? &m->campaign->when : NULL;

	if (!when)
		return;
	add_dates(gates, when);
	if (when->synchronised && opening_uses_clock(when)) {
		bool synchronised = clock_is_synchronised();

		gate_add(gates, "clock", synchronised ? GATE_OPEN : GATE_SHUT, USEC_INFINITY,
			synchronised ? "synchronised" : "not synchronised (limits.clock)");
	}
	add_window(gates, m);
}

/* ---- waves ---- */

static void describe_wave(const struct campaign_run *run, char *text, size_t size)
{
	const struct campaign *c = &run->campaign;
	struct wave_view view = campaign_view(c, c->wave);
	const struct modem *blocker = campaign_run_blocker(run);

	if (blocker)
		(void) text_format(text, size,
			"wave %u waits for %.64s: fotactl cancel goes on without", c->wave + 1,
			blocker->config->name);
	else
		(void) text_format(text, size,
			"wave %u goes first: %u of %u have succeeded, %u must, %u are left",
			c->wave + 1, view.succeeded, view.members, view.wanted, view.left);
}

void gates_add_waves(struct gates *gates, const struct modem *m)
{
	const struct campaign *c = m->run ? &m->run->campaign : NULL;
	unsigned wave = m->member.wave;
	enum job_wait wait;
	usec_t opens;
	char text[128];

	if (!c || c->rules->n_waves == 0 || m->run->plan)
		return;
	wait = m->member.now ? JOB_WAIT_NONE : campaign_wave_waits_for(c, wave, &opens);
	if (wait == JOB_WAIT_WAVE) {
		describe_wave(m->run, text, sizeof(text));
		gate_add(gates, "wave", GATE_SHUT, USEC_INFINITY, "%s", text);
		gate_add(gates, "soak", GATE_UNKNOWN, 0, "begins when wave %u is proven", wave);
	} else {
		gate_add(gates, "wave", GATE_OPEN, 0, "%s wave %u of %zu",
			m->member.now ? "started by an operator out of" : "in", wave + 1,
			c->rules->n_waves);
	}
	if (wait == JOB_WAIT_SOAK)
		gate_add(gates, "soak", GATE_SHUT, gates_wall(gates, opens),
			"wave %u has proven itself", wave);
}

void gates_add_fetch(struct gates *gates, const struct modem *m)
{
	if (!m->run || m->run->config->fetch == FETCH_OFF)
		return;
	if (m->run->campaign.fetching)
		gate_add(gates, "fetch", GATE_SHUT, USEC_INFINITY,
			"what the server serves is compared with a package");
	else
		gate_add(gates, "fetch", GATE_UNKNOWN, 0,
			"its packages are compared with what the server serves before it goes");
}

/* ---- limits ---- */

static void add_limit(struct gates *gates, const char *kind, const struct schedule_gate *gate)
{
	if (gate->limit > 0)
		gate_add(gates, kind, gate->used < gate->limit ? GATE_OPEN : GATE_SHUT,
			USEC_INFINITY, "%s%s%u of %u run", gate->name ? gate->name : "",
			gate->name ? ": " : "", gate->used, gate->limit);
}

static void add_uplink(struct gates *gates, const struct modem *m)
{
	enum job_wait wait = m->run->gates.uplink.closed;

	gate_add(gates, "uplink", wait == JOB_WAIT_NONE ? GATE_OPEN : GATE_SHUT, USEC_INFINITY,
		"%s",
		wait == JOB_WAIT_NONE ? "it carries this gateway's connection: it goes alone"
		: wait == JOB_WAIT_WAVE
			? "it carries this gateway's connection: all others go first"
			: "it carries this gateway's connection, and there is no other route: say "
			  "uplink_confirmed");
}

static void add_gate(struct gates *gates, const struct modem *m, const struct schedule_gate *gate)
{
	switch (gate->kind) {
	case SCHEDULE_GATEWAY:
	case SCHEDULE_WAVE:
	case SCHEDULE_TIME:
	case SCHEDULE_ALONE:
	case SCHEDULE_TURN:
		break;
	case SCHEDULE_CAMPAIGN:
		add_limit(gates, "limit-campaign", gate);
		break;
	case SCHEDULE_UPLINK:
		add_uplink(gates, m);
		break;
	case SCHEDULE_GROUP:
		add_limit(gates, "limit-group", gate);
		break;
	case SCHEDULE_CELL:
		add_limit(gates, "limit-cell", gate);
		break;
	}
}

void gates_add_limits(struct gates *gates, const struct modem *m)
{
	const struct schedule *s = &m->manager->schedule;
	const struct schedule_place *place = m->turn.lane ? &m->turn.lane->place : NULL;
	struct schedule_view views[SCHEDULE_VIEWS_MAX];
	size_t n = schedule_explain(s, &m->turn, gates->now, views);

	add_limit(gates, "limit-gateway", &s->gateway);
	for (unsigned i = 0; place && i < place->n_gates; i++)
		add_gate(gates, m, place->gates[i]);
	for (size_t i = 0; i < n; i++) {
		if (views[i].kind == SCHEDULE_ALONE)
			gate_add(gates, "alone", views[i].open ? GATE_OPEN : GATE_SHUT,
				USEC_INFINITY,
				"a modem that carries the gateway's connection goes alone; %u run",
				views[i].used);
		else if (views[i].kind == SCHEDULE_TURN)
			gate_add(gates, "turn", views[i].open ? GATE_OPEN : GATE_SHUT,
				USEC_INFINITY, "%u are before it", views[i].used);
	}
}
