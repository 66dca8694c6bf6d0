/*
 * Campaigns by the configuration that is in force, and as the store has them.
 */
#include "daemon/manager-campaign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/modem.h"

struct campaign_run *campaign_run_find(const struct manager *g, const char *name)
{
	struct campaign_run *run = g->runs;

	while (run && !text_equal(run->name, name))
		run = run->next;
	return run;
}

static struct campaign_run *new_run(struct manager *g, const char *name)
{
	struct campaign_run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	(void) text_format(run->name, sizeof(run->name), "%s", name);
	campaign_gates_init(&run->gates, run->name, 0);
	run->next = g->runs;
	g->runs = run;
	return run;
}

static const struct campaign_rules no_rules = { .halt = { { 20, true }, 5 } };

int manager_load_campaigns(struct manager *g)
{
	struct store_campaign *rows = NULL;
	size_t n = 0;
	int r = store_campaigns_now(g->store, &rows, &n);

	for (size_t i = 0; i < n && r == 0; i++) {
		struct campaign_run *run;

		if (rows[i].name[0] == '\0') { /* all of them */
			if (rows[i].paused)
				schedule_close(&g->schedule, &g->schedule.gateway, JOB_WAIT_PAUSED,
					USEC_INFINITY);
			continue;
		}
		run = new_run(g, rows[i].name);
		if (!run) {
			r = -ENOMEM;
			break;
		}
		run->saved = rows[i];
		memcpy(run->target, rows[i].target, sizeof(run->target));
		campaign_init(&run->campaign, &no_rules);
		run->campaign.paused = rows[i].paused;
		run->campaign.cancelled = rows[i].cancelled;
		run->campaign.halted = rows[i].halted;
		run->campaign.wave = rows[i].wave; /* campaign_change() bounds it by the rules */
	}
	free(rows);
	return r;
}

/* A wall clock that is wrong at boot makes no soak of years: never longer than the rules say (conduct 15). */
static void restore_soak(struct campaign_run *run, usec_t now)
{
	const struct campaign_rules *rules = run->campaign.rules;
	usec_t until = run->saved.soak_until, left;

	if (until == 0 || run->campaign.wave >= rules->n_waves)
		return;
	left = job_wait_left(until, clock_realtime(), rules->waves[run->campaign.wave].soak);
	run->campaign.soak_until = run->soak_saved = usec_add(now, left);
}

/* What is still shown of a campaign when nobody is in it any more. */
struct past_campaign {
	struct config_campaign config;
	struct wave_rules waves[];
};

/* It is not the last one to hold a whole configuration, as long as fotad lives. */
void campaign_run_retire(struct campaign_run *run)
{
	size_t n = run->config ? run->config->rules.n_waves : 0;
	struct past_campaign *past;

	if (run->configured || run->n_members > 0 || !run->rules)
		return;
	past = calloc(1, sizeof(*past) + n * sizeof(past->waves[0]));
	if (!past)
		return;
	past->config.priority = run->config->priority;
	past->config.fetch = run->config->fetch;
	past->config.rules = run->config->rules;
	if (n > 0)
		memcpy(past->waves, run->config->rules.waves, n * sizeof(past->waves[0]));
	past->config.rules.waves = past->waves;
	run->past = past;
	run->config = &past->config;
	run->campaign.rules = &past->config.rules;
	run->rules = rules_unref(run->rules);
	free(STEAL(run->members));
	run->allocated = 0;
}

static void link_run(const struct manager *g, struct campaign_run *run, struct rules *rules,
	const struct config_campaign *config, usec_t now)
{
	struct campaign *c = &run->campaign;
	struct rules *before = run->rules;
	struct past_campaign *past = STEAL(run->past);

	run->rules = rules_ref(rules);
	run->config = config;
	run->configured = true;
	if (!text_equal(run->target, config->target)) { /* another wish under the same name */
		campaign_init(c, &config->rules);
		run->soak_said = run->brake_since = 0;
		memcpy(run->target, config->target, sizeof(run->target));
	} else if (before || past) {
		campaign_change(c, &config->rules);
	} else { /* as the store has it */
		campaign_change(c, &config->rules);
		restore_soak(run, now);
		run->brake_since = run->saved.brake_since;
	}
	campaign_run_fill_brake(g, run);
	run->plan = run->changed = run->say = true;
	rules_unref(before);
	free(past);
}

static struct group_gate *find_group(const struct manager *g, const char *name)
{
	struct group_gate *group = g->groups;

	while (group && !text_equal(group->name, name))
		group = group->next;
	return group;
}

/* Gates are never freed: a lane may know them. */
static int make_gates(struct manager *g, const struct config *config)
{
	for (size_t i = 0; i < config->n_campaigns; i++)
		if (!campaign_run_find(g, config->campaigns[i].name) &&
			!new_run(g, config->campaigns[i].name))
			return -ENOMEM;
	for (size_t i = 0; i < config->n_campaigns; i++)
		if (config->campaigns[i].fetch != FETCH_OFF &&
			campaign_run_make_fetch(campaign_run_find(g, config->campaigns[i].name)) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < config->n_per_group; i++) {
		struct group_gate *group;

		if (find_group(g, config->per_group[i].group))
			continue;
		group = calloc(1, sizeof(*group));
		if (!group)
			return -ENOMEM;
		(void) text_format(
			group->name, sizeof(group->name), "%s", config->per_group[i].group);
		group->gate.kind = SCHEDULE_GROUP;
		group->gate.name = group->name;
		group->next = g->groups;
		g->groups = group;
	}
	return 0;
}

int manager_take_campaigns(struct manager *g, struct rules *rules)
{
	const struct config *config = rules->config;
	usec_t now = clock_boottime();

	if (make_gates(g, config) < 0)
		return -ENOMEM;
	schedule_set_limit(&g->schedule, &g->schedule.gateway, config->max_parallel);
	for (struct group_gate *group = g->groups; group; group = group->next)
		schedule_set_limit(&g->schedule, &group->gate, 0);
	for (size_t i = 0; i < config->n_per_group; i++)
		schedule_set_limit(&g->schedule, &find_group(g, config->per_group[i].group)->gate,
			config->per_group[i].limit);
	manager_set_per_cell(g, config->per_cell);
	for (struct campaign_run *run = g->runs; run; run = run->next) {
		run->configured = false;
		campaign_run_forget_fetched(run);
	}
	for (size_t i = 0; i < config->n_campaigns; i++) {
		struct campaign_run *run = campaign_run_find(g, config->campaigns[i].name);

		link_run(g, run, rules, &config->campaigns[i], now);
		schedule_set_limit(
			&g->schedule, &run->gates.campaign, config->campaigns[i].max_parallel);
	}
	for (struct campaign_run *run = g->runs; run; run = run->next)
		campaign_run_retire(run);
	for (size_t i = 0; i < g->n_modems; i++)
		manager_touch(g, g->modems[i]);
	return 0;
}

void manager_free_campaigns(struct manager *g)
{
	while (g->runs) {
		struct campaign_run *run = g->runs;

		g->runs = run->next;
		campaign_run_free_fetch(run);
		rules_unref(run->rules);
		free(run->past);
		free(run->members);
		free(run);
	}
	while (g->groups) {
		struct group_gate *group = g->groups;

		g->groups = group->next;
		free(group);
	}
	manager_free_cells(g);
	manager_free_figures(g);
	while (g->lanes) {
		struct lanes *lanes = g->lanes;

		g->lanes = lanes->next;
		free(lanes);
	}
	free(g->times);
}

/* ---- what an operator says ---- */

static int operate(struct manager *g, struct campaign_run *run, const char *what)
{
	campaign_run_save(g, run, clock_boottime()); /* now: the answer waits for what is on its way (conduct 13) */
	campaign_run_say_operator(g, run, what);
	run->plan = run->changed = run->say = true;
	manager_wake(g);
	return 0;
}

/* Every campaign's runs are held back by the gateway's gate. Its row has no name. */
static void save_all(struct manager *g)
{
	struct store_campaign row = { .paused = g->schedule.gateway.closed == JOB_WAIT_PAUSED };
	struct store_change change = { .campaign = &row };

	if (store_change(g->store, &change, MANAGER_COOKIE) < 0)
		manager_store_fails(g, -ENOMEM);
}

void manager_save_campaigns(struct manager *g)
{
	usec_t now = clock_boottime();

	save_all(g);
	for (struct campaign_run *run = g->runs; run; run = run->next) {
		run->saved.wave = UINT_MAX; /* nobody knows whether it was */
		if (run->configured)
			campaign_run_save(g, run, now);
	}
}

static int operate_all(struct manager *g, bool pause)
{
	if (pause == (g->schedule.gateway.closed == JOB_WAIT_PAUSED))
		return -EALREADY;
	if (pause)
		schedule_close(&g->schedule, &g->schedule.gateway, JOB_WAIT_PAUSED, USEC_INFINITY);
	else
		schedule_open(&g->schedule, &g->schedule.gateway);
	save_all(g);
	campaign_run_say_operator(g, NULL, pause ? "paused" : "resumed");
	for (struct campaign_run *run = g->runs; run; run = run->next)
		run->say = true;
	manager_wake(g);
	return 0;
}

int manager_pause(struct manager *g, const char *campaign)
{
	struct campaign_run *run = campaign ? campaign_run_find(g, campaign) : NULL;

	if (!campaign)
		return operate_all(g, true);
	if (!run || !run->configured)
		return -ENOENT;
	return campaign_pause(&run->campaign) ? operate(g, run, "paused") : -EALREADY;
}

int manager_resume(struct manager *g, const char *campaign)
{
	struct campaign_run *run = campaign ? campaign_run_find(g, campaign) : NULL;
	bool halted;

	if (!campaign)
		return operate_all(g, false);
	if (!run || !run->configured)
		return -ENOENT;
	halted = run->campaign.halted != CAMPAIGN_RUNS;
	if (!campaign_resume(&run->campaign, run->members, run->n_members))
		return -EALREADY;
	if (halted)
		run->brake_since = clock_realtime();
	for (size_t i = 0; i < run->n_members; i++)
		if (run->members[i]->forgiven)
			modem_save(modem_of_member(run->members[i]), 0, clock_boottime());
	return operate(g, run, "resumed");
}

int manager_cancel(struct manager *g, const char *campaign)
{
	struct campaign_run *run = campaign_run_find(g, campaign);

	if (!run || !run->configured)
		return -ENOENT;
	return campaign_cancel(&run->campaign) ? operate(g, run, "cancelled") : -EALREADY;
}

int manager_revive(struct manager *g, const char *campaign)
{
	struct campaign_run *run = campaign_run_find(g, campaign);

	if (!run || !run->configured)
		return -ENOENT;
	return campaign_revive(&run->campaign) ? operate(g, run, "taken up again") : -EALREADY;
}

bool manager_is_cancelled(const struct manager *g, const struct modem *m)
{
	const struct campaign_run *run = m->campaign ? campaign_run_find(g, m->campaign->name) : NULL;

	return run && run->campaign.cancelled;
}
