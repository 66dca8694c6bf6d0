/*
 * A modem that carries the gateway's own connection goes last, alone, and only when somebody has said that it may, or when
 * there is another route. Routes come and go without a word: they are looked at before such a modem goes, and while one
 * waits for nothing else.
 */
#include <string.h>

#include "base/text.h"
#include "daemon/manager-campaign.h"
#include "daemon/modem.h"
#include "io/uplink.h"

#define LOOK_PAUSE (10 * SEC)

static bool has_other_route(const struct modem *m, char ret[static INTERFACE_MAX])
{
	dev_t device;

	if (!m->device)
		return false;
	memcpy(&device, m->device->key, sizeof(device));
	return uplink_has_other_route("", device, ret);
}

bool campaign_run_uplinks_confirmed(const struct campaign_run *run)
{
	return run->config->uplink_confirmed || run->other_route;
}

/* One gate for all of them: each that is still to go must have one. */
static bool all_have_other_route(const struct campaign_run *run)
{
	char interface[INTERFACE_MAX];
	bool any = false;

	for (size_t i = 0; i < run->n_members; i++) {
		const struct modem *m = modem_of_member(run->members[i]);

		if (!m->member.uplink || m->member.state != MEMBER_WAITING)
			continue;
		if (!has_other_route(m, interface))
			return false;
		any = true;
	}
	return any;
}

static bool asks_for_route(const struct campaign_run *run)
{
	const struct tally *uplinks = &run->campaign.uplinks;

	return run->configured && !run->plan && !run->config->uplink_confirmed &&
	       uplinks->of[MEMBER_WAITING] > 0 && campaign_uplinks_may_go(&run->campaign);
}

void campaign_run_look_for_route(struct campaign_run *run)
{
	bool asks = asks_for_route(run);

	run->other_route = asks && all_have_other_route(run);
	run->say = run->say || asks; /* once for each change */
}

void manager_look_for_routes(struct manager *g, usec_t now)
{
	if (now < g->routes_looked)
		return;
	g->routes_looked = usec_add(now, LOOK_PAUSE);
	for (struct campaign_run *run = g->runs; run; run = run->next) {
		bool before = run->other_route;

		if (!asks_for_route(run))
			continue;
		campaign_run_look_for_route(run);
		if (run->other_route == before)
			continue;
		run->changed = true;
		manager_wake(g);
	}
}

bool manager_uplink_may_go(struct modem *m)
{
	char interface[INTERFACE_MAX];

	if (!m->run || !m->member.uplink || m->run->config->uplink_confirmed)
		return true;
	if (!has_other_route(m, interface)) {
		m->run->changed = true; /* and its gate closes */
		return false;
	}
	modem_log(m, LOG_NOTICE, LOG_MESSAGE_WARNING, REASON_NONE,
		"it carries this gateway's own connection, and there is another route, over %s: it "
		"may go",
		interface);
	return true;
}
