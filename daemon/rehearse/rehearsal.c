/*
 * The loop: what is due is done, campaigns are judged, and who may starts (as daemon/manager-campaign.c performs it).
 */
#include "daemon/rehearse/rehearsal-internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"

#define LANES 64 /* lent at a time */

static struct actor *actor_of_turn(struct schedule_job *turn)
{
	return (struct actor *) (void *) ((char *) turn - offsetof(struct actor, turn));
}

static struct actor *actor_of_member(struct member *member)
{
	return (struct actor *) (void *) ((char *) member - offsetof(struct actor, member));
}

static struct life *life_of(struct deadline *due)
{
	return (struct life *) due;
}

void rehearsal_touch(struct rehearsal *r, struct actor *a)
{
	if (a->touched)
		return;
	a->touched = true;
	r->touched[r->n_touched++] = a;
}

void rehearsal_ready(struct rehearsal *r, struct actor *a)
{
	a->ready = true;
	rehearsal_touch(r, a);
}

void rehearsal_set_slot(struct rehearsal *r, struct actor *a, bool slot)
{
	if (a->slot == slot)
		return;
	a->slot = slot;
	if (slot) {
		a->member.begun = true;
		schedule_started(&r->schedule, &a->turn);
	} else {
		schedule_ended(&r->schedule, &a->turn);
	}
	rehearsal_touch(r, a);
}

/* ---- places ---- */

static bool lend_lanes(struct rehearsal *r)
{
	struct lanes *lanes = calloc(1, sizeof(*lanes) + LANES * sizeof(lanes->of[0]));

	if (!lanes)
		return false;
	lanes->next = r->lanes;
	r->lanes = lanes;
	schedule_lend_lanes(&r->schedule, lanes->of, LANES);
	return true;
}

static void find_place(struct rehearsal *r, struct actor *a, struct schedule_place *ret)
{
	const struct config *config = r->config;

	campaign_gates_place(&a->run->gates, &a->member, a->campaign->priority, ret);
	for (size_t i = 0; i < config->n_per_group; i++)
		for (size_t k = 0; k < a->config->n_groups; k++)
			if (text_equal(config->per_group[i].group, a->config->groups[k]))
				schedule_place_add(ret, &r->groups[i]);
	if (r->cells && config->per_cell > 0)
		schedule_place_add(ret, &r->cells[a->cell]);
}

static void place(struct rehearsal *r, struct actor *a)
{
	struct schedule_place place;

	find_place(r, a, &place);
	if (!r->schedule.free && !lend_lanes(r))
		r->shortage = true;
	if (!r->shortage && (a->turn.lane ? schedule_move(&r->schedule, &a->turn, &place)
					  : schedule_add(&r->schedule, &a->turn, &place)) < 0)
		r->shortage = true;
}

/* ---- campaigns ---- */

static void plan(struct rehearsal *r, struct run *run)
{
	campaign_plan(&run->campaign, run->members, run->n_members);
	for (size_t i = 0; i < run->n_members; i++)
		place(r, actor_of_member(run->members[i]));
	run->plan = false;
}

static void judge(struct rehearsal *r, struct run *run)
{
	enum campaign_event event;

	if (run->plan)
		plan(r, run);
	while ((event = campaign_judge(&run->campaign, r->now)) != CAMPAIGN_NOTHING) {
		plan(r, run);
		if (event == CAMPAIGN_OPENS) {
			note_moment(run, MOMENT_WAVE, run->campaign.wave, r->now);
			continue;
		}
		run->halt_failures = campaign_failures(&run->campaign);
		run->halt_judged = campaign_judged(&run->campaign);
		note_moment(run, MOMENT_HALT, 0, r->now);
	}
	campaign_gates_set(
		&run->gates, &r->schedule, &run->campaign, run->config->uplink_confirmed);
	run->changed = false;
}

static void update_member(struct rehearsal *r, struct actor *a)
{
	struct run *run = a->run;

	run->changed = true;
	if (campaign_note(&run->campaign, &a->member, actor_state(a), r->now))
		run->plan = true;
	if (!run->plan)
		place(r, a);
}

/* When it comes in question by the time; what else it waits for are gates. */
static void enqueue(struct rehearsal *r, struct actor *a)
{
	usec_t due = usec_max(actor_due(a), r->now);

	a->ready = false;
	if (!a->job || a->state != JOB_WAITING || a->slot || a->restore || !a->identified)
		return;
	if (due <= r->now && !actor_may_go(r, a, r->now)) {
		if (a->opening_until <= r->now || a->opening.state != OPENING_WAITS)
			return; /* by its own events it comes again */
		due = a->opening_until;
	}
	schedule_set_due(&r->schedule, &a->turn, due, a->opening.wait);
}

static void update(struct rehearsal *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_touched; i++)
		if (r->touched[i]->run)
			update_member(r, r->touched[i]);
	for (size_t i = 0; i < r->config->n_campaigns; i++) {
		struct run *run = &r->runs[i];

		if (run->changed || campaign_due(&run->campaign) <= r->now)
			judge(r, run);
	}
	/* Who is touched again meanwhile is behind those that were. */
	n = r->n_touched;
	for (size_t i = 0; i < n; i++) {
		struct actor *a = r->touched[i];

		a->touched = false;
		if (a->ready && a->run)
			enqueue(r, a);
	}
	r->n_touched -= n;
	for (size_t i = 0; i < r->n_touched; i++)
		r->touched[i] = r->touched[n + i];
}

static void settle(struct rehearsal *r, struct actor *a)
{
	if (a->life)
		life_work(a->life, r->now);
	actor_tidy(r, a);
}

static void dispatch(struct rehearsal *r)
{
	struct schedule_job *turn;

	do
		update(r);
	while (r->n_touched > 0);
	while (!r->shortage && schedule_next(&r->schedule, r->now, &turn)) {
		struct actor *a = actor_of_turn(turn);

		if (actor_may_go(r, a, r->now))
			actor_go(r, a, r->now);
		else
			rehearsal_ready(r, a);
		if (a->turn.state == SCHEDULE_QUEUED)
			schedule_set_due(&r->schedule, turn, USEC_INFINITY, JOB_WAIT_NONE);
		settle(r, a);
		do
			update(r);
		while (r->n_touched > 0);
	}
}

/* ---- the loop ---- */

/*
 * Everybody is asked who he is, as at every start of fotad. One after the other: a module that is at rest then needs no
 * memory until its turn; what comes of it later is put in the heap. Nothing is shared meanwhile.
 */
static void identify(struct rehearsal *r, struct actor *a)
{
	usec_t end = usec_add(r->now, r->config->timeouts.identify), now = r->now;

	if (life_begin(r, a, now) < 0) {
		r->shortage = true;
		return;
	}
	while (!a->identified && a->refused == REASON_NONE && life_due(a->life) <= end) {
		now = usec_max(now, life_due(a->life));
		life_work(a->life, now);
	}
	if (a->due < now && a->state == JOB_WAITING)
		a->due = now; /* not before it was known */
	actor_tidy(r, a);
}

static bool is_waiting(const struct member *member, const struct run *run)
{
	return (member->state == MEMBER_WAITING || member->state == MEMBER_FAILING) &&
	       member->wave <= run->campaign.wave &&
	       (!member->uplink || run->config->uplink_confirmed);
}

/* May somebody still start by himself? The waves behind the open ones wait for these. */
static bool has_waiting(const struct run *run)
{
	const struct campaign *c = &run->campaign;
	unsigned n = 0, uplinks = c->uplinks.of[MEMBER_WAITING] + c->uplinks.of[MEMBER_FAILING];

	for (unsigned i = 0; i <= c->wave; i++)
		n += c->waves[i].of[MEMBER_WAITING] + c->waves[i].of[MEMBER_FAILING];
	if (n == 0 || n > uplinks)
		return n > 0;
	for (size_t i = 0; i < run->n_members; i++)
		if (is_waiting(run->members[i], run))
			return true;
	return false;
}

/* As --once ends (conduct 19): who is put off again and again, or does not come back, is not waited for for ever. */
static bool is_over(const struct rehearsal *r)
{
	bool deferred = false;

	if (r->schedule.gateway.used > 0)
		return false;
	for (size_t i = 0; i < r->config->n_campaigns; i++) {
		const struct run *run = &r->runs[i];

		if (campaign_waits_for(&run->campaign) != JOB_WAIT_NONE)
			continue;
		if (has_waiting(run) || campaign_due(&run->campaign) != USEC_INFINITY)
			return false;
		deferred = deferred || run->campaign.all.of[MEMBER_DEFERRED] > 0;
	}
	for (size_t i = 0; deferred && i < r->n_actors; i++) {
		const struct actor *a = &r->actors[i];

		if (a->run && campaign_waits_for(&a->run->campaign) == JOB_WAIT_NONE &&
			actor_state(a) == MEMBER_DEFERRED && !actor_is_settled(a))
			return false;
	}
	return true;
}

static usec_t next_event(const struct rehearsal *r)
{
	usec_t next = schedule_due(&r->schedule);

	for (size_t i = 0; i < r->config->n_campaigns; i++)
		next = usec_min(next, campaign_due(&r->runs[i].campaign));
	return r->lives.first ? usec_min(next, r->lives.first->at) : next;
}

int rehearsal_run(struct rehearsal *r)
{
	r->now = r->options.from;
	for (size_t i = 0; i < r->n_actors && !r->shortage; i++)
		identify(r, &r->actors[i]);
	for (;;) {
		usec_t next;

		dispatch(r);
		next = next_event(r);
		if (r->shortage || next == USEC_INFINITY || is_over(r))
			break;
		if (next > r->options.until) {
			r->cut = true;
			break;
		}
		r->now = usec_max(r->now, next);
		while (r->lives.first && r->lives.first->at <= r->now)
			settle(r, life_of(r->lives.first)->actor);
	}
	if (!r->shortage)
		rehearsal_bound(r);
	return r->shortage ? -ENOMEM : 0;
}

bool rehearsal_is_done(const struct rehearsal *r)
{
	for (size_t i = 0; i < r->n_actors; i++)
		if (r->actors[i].campaign && r->actors[i].state != JOB_SUCCEEDED)
			return false;
	return true;
}
