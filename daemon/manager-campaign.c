#include "daemon/manager-campaign.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/modem.h"

#define LANES 32 /* lent at a time: one for all modems of a wave that are of the same groups */
#define TIMES 64 /* ... at first */

static struct modem *modem_of_turn(struct schedule_job *turn)
{
	return (struct modem *) (void *) ((char *) turn - offsetof(struct modem, turn));
}

void manager_touch(struct manager *g, struct modem *m)
{
	manager_note(g, m);
	if (!m->touched) {
		m->touched = true;
		m->next_touched = g->touched;
		g->touched = m;
	}
	manager_wake(g);
}

void manager_ready(struct manager *g, struct modem *m)
{
	m->ready = true;
	manager_touch(g, m);
}

/* Who was not asked yet is not. */
static bool is_away(const struct modem *m)
{
	return !m->identified && (m->port_reason != REASON_NONE || m->refused != REASON_NONE);
}

static enum member_state member_state(const struct modem *m)
{
	const struct member_job job = {
		.runs = m->slot,
		.away = is_away(m),
		.made = modem_has_todays_job(m) && text_equal(m->job_campaign, m->run->name),
		.state = m->state,
		.reason = m->reason,
		.spent = m->backoff,
		.tried = m->member.begun,
	};

	return member_state_now(&job);
}

static void leave(struct modem *m)
{
	struct campaign_run *run = STEAL(m->run);
	size_t i = 0;

	if (!run)
		return;
	while (run->members[i] != &m->member)
		i++;
	run->members[i] = run->members[--run->n_members];
	run->plan = run->changed = true;
	campaign_run_retire(run);
}

static void join(struct campaign_run *run, struct modem *m)
{
	if (run->n_members == run->allocated) {
		size_t n = run->allocated > 0 ? 2 * run->allocated : 16;
		struct member **members = reallocarray(run->members, n, sizeof(*members));

		if (!members)
			return; /* it is tried again when anything happens to the modem */
		run->members = members;
		run->allocated = n;
	}
	run->members[run->n_members++] = &m->member;
	m->run = run;
	m->member.order = member_order(run->name, m->config->name);
	m->member.state = member_state(m); /* what it was before it came is no news */
	m->member.forgiven = m->member.forgiven && member_has_failed(m->member.state);
	run->plan = run->changed = true;
}

/* Until the next plan the campaign's tallies are wrong, and nothing is judged by them. */
void manager_set_member(struct manager *g, struct modem *m, uint32_t wave, bool forgiven)
{
	m->member.begun = wave > 0;
	m->member.wave = !wave ? 0 : wave < CAMPAIGN_WAVES_MAX ? wave - 1 : CAMPAIGN_WAVES_MAX - 1;
	m->member.forgiven = forgiven;
	if (m->run)
		m->run->plan = m->run->changed = true;
	manager_touch(g, m);
}

static int lend(struct manager *g)
{
	if (g->schedule.jobs >= g->schedule.times_max) {
		size_t n = g->schedule.times_max > 0 ? 2 * g->schedule.times_max : TIMES;
		struct schedule_time *times = calloc(n, sizeof(*times));

		if (!times)
			return -ENOMEM;
		schedule_lend_times(&g->schedule, times, n);
		free(g->times);
		g->times = times;
	}
	if (!g->schedule.free) {
		struct lanes *lanes = calloc(1, sizeof(*lanes) + LANES * sizeof(lanes->of[0]));

		if (!lanes)
			return -ENOMEM;
		lanes->next = g->lanes;
		g->lanes = lanes;
		schedule_lend_lanes(&g->schedule, lanes->of, LANES);
	}
	return 0;
}

static void find_place(struct manager *g, struct modem *m, struct schedule_place *ret)
{
	struct schedule_gate *cell = manager_cell_gate(g, m);

	*ret = (struct schedule_place){ 0 };
	if (m->run && m->campaign)
		campaign_gates_place(&m->run->gates, &m->member, m->campaign->priority, ret);
	for (struct group_gate *group = g->groups; group; group = group->next)
		for (size_t i = 0; group->gate.limit > 0 && i < m->config->n_groups; i++)
			if (text_equal(group->name, m->config->groups[i]))
				schedule_place_add(ret, &group->gate);
	if (cell)
		schedule_place_add(ret, cell);
}

/* Where it stands by its campaign and its groups. Who cannot be moved there does not start from where it was. */
static int place(struct manager *g, struct modem *m)
{
	struct schedule_place place;
	int r = lend(g);

	find_place(g, m, &place);
	if (r == 0)
		r = m->turn.lane ? schedule_move(&g->schedule, &m->turn, &place)
				 : schedule_add(&g->schedule, &m->turn, &place);
	if (r < 0 && !m->slot)
		schedule_remove(&g->schedule, &m->turn);
	return r;
}

static void update_member(struct manager *g, struct modem *m, usec_t now)
{
	struct campaign_run *wanted =
		m->campaign && !m->removed ? campaign_run_find(g, m->campaign->name) : NULL;
	struct campaign_run *run;

	if (m->run != wanted) {
		leave(m);
		if (wanted)
			join(wanted, m);
	}
	run = m->run;
	if (!run) {
		(void) place(g, m);
		return;
	}
	if (m->member.uplink != m->config->uplink)
		run->plan = true;
	m->member.uplink = m->config->uplink;
	run->changed = true;
	if (campaign_note(&run->campaign, &m->member, member_state(m), now))
		run->plan = true;
	if (!run->plan)
		(void) place(g, m);
}

static void plan(struct manager *g, struct campaign_run *run)
{
	campaign_plan(&run->campaign, run->members, run->n_members);
	for (size_t i = 0; i < run->n_members; i++)
		(void) place(g, modem_of_member(run->members[i]));
	run->plan = false;
	run->say = true;
}

static void judge(struct manager *g, struct campaign_run *run, usec_t now)
{
	enum campaign_event event;

	if (run->plan)
		plan(g, run);
	while ((event = campaign_judge(&run->campaign, now)) != CAMPAIGN_NOTHING) {
		plan(g, run);
		if (event == CAMPAIGN_HALTS)
			campaign_run_say_halt(g, run);
		else
			campaign_run_say_wave(g, run);
	}
	campaign_run_say_soak(run, now);
	campaign_run_look_for_route(run);
	campaign_gates_set(&run->gates, &g->schedule, &run->campaign,
		campaign_run_uplinks_confirmed(run));
	campaign_run_save(g, run, now);
	run->changed = false;
}

/* What has waited keeps its age over restarts: a low priority starves in none. */
static void take_age(struct modem *m)
{
	usec_t wall = clock_realtime();

	if (m->queued == 0) {
		m->queued = wall;
		m->queued_saved = false;
	}
	if (m->turn.since == USEC_INFINITY)
		m->turn.age = usec_sub(wall, m->queued);
}

static void enqueue(struct manager *g, struct modem *m, usec_t now)
{
	m->ready = false;
	if (!m->turn.lane && place(g, m) < 0)
		return;
	if (m->turn.state != SCHEDULE_OFF || !modem_may_go(m, now))
		return;
	take_age(m);
	schedule_set_due(&g->schedule, &m->turn, now, JOB_WAIT_NONE);
	if (m->run)
		m->run->say = true;
}

static void update(struct manager *g, usec_t now)
{
	struct modem *touched = STEAL(g->touched);
	usec_t due = USEC_INFINITY;

	for (struct modem *m = touched; m; m = m->next_touched)
		update_member(g, m, now);
	for (struct campaign_run *run = g->runs; run; run = run->next) {
		if (!run->configured)
			continue;
		if (run->changed || campaign_due(&run->campaign) <= now)
			judge(g, run, now);
		due = usec_min(due, campaign_due(&run->campaign));
	}
	while (touched) {
		struct modem *m = touched;

		touched = m->next_touched;
		m->next_touched = NULL;
		m->touched = false;
		manager_check_cell(g, m, now);
		if (m->ready)
			enqueue(g, m, now);
	}
	if (due == g->soak_due || !g->soak_source)
		return;
	g->soak_due = due;
	(void) sd_event_source_set_time(g->soak_source, due);
	(void) sd_event_source_set_enabled(
		g->soak_source, due == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

void manager_dispatch(struct manager *g, usec_t now)
{
	struct schedule_job *turn;

	update(g, now);
	while (schedule_next(&g->schedule, now, &turn)) {
		struct modem *m = modem_of_turn(turn);
		bool may_go = modem_may_go(m, now);

		/* What says no closes a gate of its campaign. */
		if (may_go && (!manager_fetch_allows(g, m) || !manager_uplink_may_go(m))) {
			update(g, now);
			continue;
		}
		if (may_go) {
			m->wait_said = JOB_WAIT_NONE;
			modem_go(m, now);
			modem_perform(m, now);
		}
		/* Who may not go any more, or has failed at once, comes again by his own events. */
		if (m->turn.state == SCHEDULE_QUEUED)
			schedule_set_due(&g->schedule, turn, USEC_INFINITY, JOB_WAIT_NONE);
		update(g, now);
	}
	manager_say_waits(g);
}

void manager_set_slot(struct manager *g, struct modem *m, bool slot)
{
	if (!m->turn.lane && place(g, m) < 0)
		return; /* it counts in g->running all the same */
	if (slot) {
		m->member.begun = true;
		schedule_started(&g->schedule, &m->turn);
	} else {
		schedule_ended(&g->schedule, &m->turn);
	}
}

void manager_forget(struct manager *g, struct modem *m)
{
	struct modem **p = &g->touched;

	while (*p && *p != m)
		p = &(*p)->next_touched;
	if (*p)
		*p = m->next_touched;
	leave(m);
	schedule_remove(&g->schedule, &m->turn);
}
