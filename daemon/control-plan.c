/*
 * Who goes when: what is known of the fleet is copied into a forecast (core/forecast.h), which runs ahead three times: as
 * most upgrades go, as the quick ones and as the slow ones.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/forecast.h"
#include "daemon/clock.h"
#include "daemon/control-internal.h"

#define HORIZON (400 * DAY)

enum speed { SPEED_USUAL, SPEED_QUICK, SPEED_SLOW };

struct plan {
	struct forecast forecast;
	struct campaign_run **runs;  /* of forecast.campaigns */
	const struct modem **modems; /* of forecast.jobs */
	struct member **members;
	struct schedule_gate *gates; /* copies of those that originals has */
	const struct schedule_gate **originals;
	size_t n_gates;
	struct schedule_lane *lanes;
	struct schedule_time *times;
	usec_t now, wall;
};

static void plan_done(struct plan *p)
{
	free(p->forecast.campaigns);
	free(p->forecast.jobs);
	free(p->runs);
	free(p->modems);
	free(p->members);
	free(p->gates);
	free(p->originals);
	free(p->lanes);
	free(p->times);
}

/* One more than needed of each: nothing is no array. */
static int allocate(const struct manager *g, struct plan *p)
{
	size_t campaigns = 1, gates = 1, jobs = g->n_modems + 1;

	for (struct campaign_run *run = g->runs; run; run = run->next)
		campaigns++;
	for (struct group_gate *group = g->groups; group; group = group->next)
		gates++;
	for (struct cell_gate *cell = g->cells; cell; cell = cell->next)
		gates++;
	p->forecast.campaigns = calloc(campaigns, sizeof(*p->forecast.campaigns));
	p->runs = calloc(campaigns, sizeof(*p->runs));
	p->forecast.jobs = calloc(jobs, sizeof(*p->forecast.jobs));
	p->modems = calloc(jobs, sizeof(*p->modems));
	p->members = calloc(jobs, sizeof(*p->members));
	p->gates = calloc(gates, sizeof(*p->gates));
	p->originals = calloc(gates, sizeof(*p->originals));
	p->lanes = calloc(jobs + 1, sizeof(*p->lanes));
	p->times = calloc(jobs, sizeof(*p->times));
	if (!p->forecast.campaigns || !p->runs || !p->forecast.jobs || !p->modems || !p->members ||
		!p->gates || !p->originals || !p->lanes || !p->times)
		return -ENOMEM;
	schedule_lend_times(&p->forecast.schedule, p->times, jobs);
	schedule_lend_lanes(&p->forecast.schedule, p->lanes,
		jobs + 1); /* a job that moves has two for a moment */
	return 0;
}

/* ---- the gateway ---- */

static void take_gate(struct plan *p, const struct schedule_gate *gate)
{
	p->originals[p->n_gates] = gate;
	p->gates[p->n_gates++] = (struct schedule_gate){
		.kind = gate->kind, .name = gate->name, .limit = gate->limit
	};
}

static void take_gateway(const struct manager *g, struct plan *p)
{
	struct schedule *s = &p->forecast.schedule;
	enum job_wait closed = g->held		   ? JOB_WAIT_ACKNOWLEDGE
			       : g->inhibitors > 0 ? JOB_WAIT_HELD
						   : g->schedule.gateway.closed;

	if (closed)
		schedule_close(s, &s->gateway, closed, USEC_INFINITY);
	for (struct group_gate *group = g->groups; group; group = group->next)
		take_gate(p, &group->gate);
	for (struct cell_gate *cell = g->cells; cell; cell = cell->next)
		take_gate(p, &cell->gate);
}

/* ---- campaigns ---- */

static usec_t on_wall(const struct plan *p, usec_t when)
{
	return when > p->now ? usec_add(p->wall, when - p->now) : p->wall;
}

static struct forecast_campaign *take_campaign(struct plan *p, struct campaign_run *run)
{
	struct forecast *f = &p->forecast;
	struct forecast_campaign *c = &f->campaigns[f->n_campaigns];

	*c = (struct forecast_campaign){
		.campaign = run->campaign,
		.when = run->config->when,
		.max_parallel = run->config->max_parallel,
		.uplink_confirmed = campaign_run_uplinks_confirmed(run),
		.members = &p->members[f->n_jobs],
	};
	c->campaign.fetching = false; /* soon over */
	if (c->campaign.soak_until > 0)
		c->campaign.soak_until = on_wall(p, c->campaign.soak_until);
	p->runs[f->n_campaigns++] = run;
	return c;
}

/* ---- jobs ---- */

static bool goes_by_itself(const struct modem *m)
{
	return m->identified && !m->doubled && !m->looking && m->port_state == MODEM_PORT_OPEN;
}

static void take_time(
	const struct plan *p, const struct modem *m, enum speed speed, struct forecast_job *job)
{
	struct duration duration = modem_duration(m);
	usec_t elapsed =
		m->attempt && m->attempt->started ? usec_sub(p->wall, m->attempt->started) : 0;
	usec_t due = usec_max(m->due, upgrade_next_start(&m->dialogue.upgrade));

	job->hop = speed == SPEED_QUICK	 ? duration.quick
		   : speed == SPEED_SLOW ? duration.slow
					 : duration.usual;
	job->longest = duration.slow;
	job->left = m->slot ? usec_max(usec_sub(job->hop, elapsed), job->hop / 10 + 1) : 0;
	if (!goes_by_itself(m))
		job->ready = USEC_INFINITY;
	else if (due > p->now)
		job->ready = usec_add(p->wall, due - p->now);
	else
		job->ready = usec_sub(p->wall,
			usec_add(m->turn.age, usec_sub(p->now, usec_min(m->turn.since, p->now))));
}

static void take_job(
	struct plan *p, const struct modem *m, struct forecast_campaign *c, enum speed speed)
{
	struct forecast *f = &p->forecast;
	struct forecast_job *job = &f->jobs[f->n_jobs];
	const struct schedule_place *at = m->turn.lane ? &m->turn.lane->place : NULL;
	bool over = modem_has_todays_job(m) && m->state != JOB_WAITING && m->state != JOB_RUNNING;
	struct control_chain chain;

	*job = (struct forecast_job){
		.campaign = c,
		.member = m->member,
		.priority = m->campaign->priority,
		.seed = job_seed(m->dialogue.upgrade.record.imei),
	};
	for (unsigned i = 0; at && i < at->n_gates; i++)
		for (size_t k = 0; k < p->n_gates; k++)
			if (at->gates[i] == p->originals[k])
				job->gates[job->n_gates++] = &p->gates[k];
	control_chain(m, &chain);
	job->hops = over || chain.error == -EALREADY ? 0
		    : chain.hops > 0		     ? (unsigned) chain.hops
						     : 1;
	take_time(p, m, speed, job);
	if (chain.error < 0 && !m->slot)
		job->ready = USEC_INFINITY;
	c->members[c->n_members++] = &job->member;
	p->modems[f->n_jobs++] = m;
}

static int plan_make(const struct manager *g, enum speed speed, struct plan *ret)
{
	struct plan *p = ret;
	int r;

	*p = (struct plan){ .now = clock_boottime(), .wall = clock_realtime() };
	schedule_init(&p->forecast.schedule, g->schedule.gateway.limit);
	r = allocate(g, p);
	if (r < 0)
		return r;
	take_gateway(g, p);
	for (struct campaign_run *run = g->runs; run; run = run->next) {
		struct forecast_campaign *c = run->configured ? take_campaign(p, run) : NULL;

		for (size_t i = 0; c && i < run->n_members; i++)
			if (modem_of_member(run->members[i])->campaign)
				take_job(p, modem_of_member(run->members[i]), c, speed);
	}
	return forecast_run(&p->forecast, p->wall, usec_add(p->wall, HORIZON));
}

/* ---- what is told of it ---- */

static const char *why_not(
	const struct plan *p, const struct forecast_job *job, const struct modem *m)
{
	enum job_wait wait = forecast_waits_for(&p->forecast, job, usec_add(p->wall, HORIZON));
	const char *word = modem_waits_for(m, p->now);

	if (job->ready == USEC_INFINITY || wait == JOB_WAIT_NONE)
		return word[0] ? word : "unknown";
	return job_wait_name(wait);
}

static void describe(const struct plan *p, const struct forecast_job *job, const struct modem *m,
	struct control_plan_item *item)
{
	const struct opening_rules *when = &job->campaign->when;
	struct control_chain chain;

	control_chain(m, &chain);
	item->bytes = chain.bytes;
	if (m->slot)
		(void) text_format(item->note, sizeof(item->note), "runs: %s",
			upgrade_phase_name(upgrade_phase(&m->dialogue.upgrade)));
	else if (job->late)
		(void) text_format(item->note, sizeof(item->note), "%s",
			when->not_after > 0 ? "does not fit before not_after"
					    : "takes longer than any window is");
	else if (chain.from && chain.error == -ENOENT)
		(void) text_format(
			item->note, sizeof(item->note), "no chain of packages leads to the target");
	else if (job->start == USEC_INFINITY)
		(void) text_format(
			item->note, sizeof(item->note), "not by itself (%s)", why_not(p, job, m));
	else if (when->n_windows > 0 &&
		 job->end > window_closes(when->windows, when->n_windows, job->start))
		(void) text_format(item->note, sizeof(item->note), "ends after its window");
}

static int by_start(const void *a, const void *b)
{
	const struct control_plan_item *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return strcmp(x->modem, y->modem);
}

static usec_t last_end(const struct plan *p, const char *campaign)
{
	usec_t last = 0;

	for (size_t i = 0; i < p->forecast.n_jobs; i++) {
		const struct forecast_job *job = &p->forecast.jobs[i];

		if (job->end != USEC_INFINITY &&
			(!campaign || text_equal(campaign, p->modems[i]->run->name)))
			last = usec_max(last, job->end);
	}
	return last;
}

/* Who has nothing to do is not told of. */
static void collect(const struct plan *p, const char *campaign, struct control_plan_item *items,
	size_t *ret_n, struct control_plan_sum *sum)
{
	size_t n = 0;

	for (size_t i = 0; i < p->forecast.n_jobs; i++) {
		const struct forecast_job *job = &p->forecast.jobs[i];
		const struct modem *m = p->modems[i];
		bool over = job->hops == 0 && job->end == USEC_INFINITY;

		if (over || (campaign && !text_equal(campaign, m->run->name)))
			continue;
		items[n] = (struct control_plan_item){
			.modem = m->config->name,
			.campaign = m->run->name,
			.start = m->slot && m->attempt && m->attempt->started ? m->attempt->started
									      : job->start,
			.end = job->end,
		};
		describe(p, job, m, &items[n]);
		sum->bytes += items[n].bytes;
		sum->held += job->end == USEC_INFINITY;
		sum->late += job->late;
		sum->learned =
			sum->learned && (job->end == USEC_INFINITY || modem_duration(m).learned);
		n++;
	}
	qsort(items, n, sizeof(*items), by_start);
	sum->jobs = *ret_n = n;
}

static int find_end(const struct manager *g, enum speed speed, const char *campaign, usec_t *ret)
{
	struct plan plan;
	int r = plan_make(g, speed, &plan);

	if (r == 0)
		*ret = last_end(&plan, campaign);
	plan_done(&plan);
	return r;
}

int control_plan(const struct manager *g, const char *campaign, struct control_plan_item **ret,
	size_t *ret_n, struct control_plan_sum *ret_sum)
{
	const struct campaign_run *run = campaign ? campaign_run_find(g, campaign) : NULL;
	struct control_plan_item *items;
	struct control_plan_sum sum = { .learned = true };
	struct plan plan;
	int r;

	if (campaign && (!run || !run->configured))
		return -ENOENT;
	items = calloc(g->n_modems + 1, sizeof(*items));
	r = plan_make(g, SPEED_USUAL, &plan);
	if (!items)
		r = -ENOMEM;
	if (r == 0) {
		collect(&plan, campaign, items, ret_n, &sum);
		sum.end = last_end(&plan, campaign);
	}
	plan_done(&plan);
	if (r == 0)
		r = find_end(g, SPEED_QUICK, campaign, &sum.early);
	if (r == 0)
		r = find_end(g, SPEED_SLOW, campaign, &sum.late_end);
	if (r < 0) {
		free(items);
		return r == -ENOSPC ? -ENOMEM : r;
	}
	*ret = items;
	*ret_sum = sum;
	return 0;
}
