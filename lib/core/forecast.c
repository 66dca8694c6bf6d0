#include "core/forecast.h"

#include "base/macros.h"

#define STEPS_MAX 64 /* turns of the clock for each job: more means that it goes in circles */

static struct forecast_job *job_of_turn(struct schedule_job *turn)
{
	return (struct forecast_job *) (void *) ((char *) turn -
						 offsetof(struct forecast_job, turn));
}

static struct forecast_job *job_of_wake(struct deadline *wake)
{
	return (struct forecast_job *) (void *) ((char *) wake -
						 offsetof(struct forecast_job, wake));
}

static struct forecast_job *job_of_member(struct member *member)
{
	return (struct forecast_job *) (void *) ((char *) member -
						 offsetof(struct forecast_job, member));
}

static struct forecast_campaign *campaign_of(struct deadline *reopen)
{
	return (struct forecast_campaign *) (void *) ((char *) reopen -
						      offsetof(struct forecast_campaign, reopen));
}

/* ---- where it stands ---- */

static int place(struct forecast *f, struct forecast_job *job)
{
	struct schedule_place at;

	campaign_gates_place(&job->campaign->gates, &job->member, job->priority, &at);
	if (!job->member.now)
		schedule_place_add(&at, &job->campaign->window);
	for (unsigned i = 0; i < job->n_gates; i++)
		schedule_place_add(&at, job->gates[i]);
	return job->turn.lane ? schedule_move(&f->schedule, &job->turn, &at)
			      : schedule_add(&f->schedule, &job->turn, &at);
}

static int plan(struct forecast *f, struct forecast_campaign *c)
{
	int r = 0;

	campaign_plan(&c->campaign, c->members, c->n_members);
	for (size_t i = 0; i < c->n_members && r == 0; i++)
		if (job_of_member(c->members[i])->hops > 0)
			r = place(f, job_of_member(c->members[i]));
	return r;
}

static int judge(struct forecast *f, struct forecast_campaign *c, usec_t now)
{
	int r = 0;

	while (r == 0 && campaign_judge(&c->campaign, now) != CAMPAIGN_NOTHING)
		r = plan(f, c);
	campaign_gates_set(&c->gates, &f->schedule, &c->campaign, c->uplink_confirmed);
	c->changed = false;
	return r;
}

/* ---- the clock ---- */

static struct opening ask(struct forecast_job *job, usec_t now)
{
	struct forecast_campaign *c = job->campaign;
	struct opening_job about = { job->seed, job->longest };
	struct opening_clock clock = { now, true };

	if (job->member.now && (c->when.not_after == 0 || now < c->when.not_after))
		return (struct opening){ .state = OPENING_OPEN, .when = USEC_INFINITY };
	if (c->next.until <= now &&
		!window_next(c->when.windows, c->when.n_windows, now, 0, &c->next))
		c->next = (struct window_opening){ USEC_INFINITY, USEC_INFINITY };
	return opening_decide(&c->when, &c->next, &about, &clock);
}

/* The next opening that is long enough for this one, and so for most of its campaign. */
static usec_t next_opening(const struct forecast_job *job, usec_t now)
{
	const struct opening_rules *when = &job->campaign->when;
	usec_t length = when->window_end == WINDOW_END_HOLD ? usec_max(job->longest, 1) : 1;
	struct window_opening opening;

	if (!window_next(when->windows, when->n_windows, now, length, &opening))
		return USEC_INFINITY;
	return usec_max(opening.since, when->not_before);
}

/* It cannot start now. Where nobody of its campaign can, they need not be asked one by one, night after night. */
static void put_off(
	struct forecast *f, struct forecast_job *job, const struct opening *o, usec_t now)
{
	struct forecast_campaign *c = job->campaign;
	usec_t reopens = next_opening(job, now);

	if (o->state == OPENING_EXPIRED || o->too_long) {
		job->late = true;
		schedule_set_due(&f->schedule, &job->turn, USEC_INFINITY, JOB_WAIT_WINDOW);
	} else if (!job->member.now && now < reopens && reopens < USEC_INFINITY) {
		schedule_close(&f->schedule, &c->window, o->wait, reopens);
		deadlines_set(&f->reopens, &c->reopen, reopens);
	} else {
		schedule_set_due(&f->schedule, &job->turn, USEC_INFINITY, o->wait);
		deadlines_set(&f->wakes, &job->wake, o->when);
	}
}

/* ---- what happens ---- */

static void note(struct forecast_job *job, enum member_state state, usec_t now)
{
	struct forecast_campaign *c = job->campaign;

	(void) campaign_note(&c->campaign, &job->member, state, now);
	c->changed = true;
}

static void begin(struct forecast *f, struct forecast_job *job, usec_t takes, usec_t now)
{
	job->start = usec_min(job->start, now);
	job->runs = true;
	job->member.begun = true;
	note(job, MEMBER_RUNNING, now);
	schedule_started(&f->schedule, &job->turn);
	deadlines_set(&f->wakes, &job->wake, usec_add(now, takes));
}

static void start(struct forecast *f, usec_t now)
{
	struct schedule_job *turn;

	while (schedule_next(&f->schedule, now, &turn)) {
		struct forecast_job *job = job_of_turn(turn);
		struct opening opening = ask(job, now);

		if (opening.state == OPENING_OPEN)
			begin(f, job, job->hop, now);
		else
			put_off(f, job, &opening, now);
	}
}

static void wake(struct forecast *f, struct forecast_job *job, usec_t now)
{
	usec_t since = job->wake.at;

	deadlines_set(&f->wakes, &job->wake, USEC_INFINITY);
	if (job->runs) {
		schedule_ended(&f->schedule, &job->turn);
		job->runs = false;
		job->hops--;
		note(job, job->hops > 0 ? MEMBER_WAITING : MEMBER_SUCCEEDED, now);
		job->end = job->hops > 0 ? USEC_INFINITY : now;
	}
	if (job->hops > 0)
		schedule_set_due(&f->schedule, &job->turn, since, JOB_WAIT_NONE);
}

static usec_t next_turn(const struct forecast *f)
{
	usec_t next = f->wakes.first ? f->wakes.first->at : USEC_INFINITY;

	if (f->reopens.first)
		next = usec_min(next, f->reopens.first->at);
	for (size_t i = 0; i < f->n_campaigns; i++)
		next = usec_min(next, campaign_due(&f->campaigns[i].campaign));
	return next;
}

static int turn(struct forecast *f, usec_t now)
{
	int r = 0;

	while (f->wakes.first && f->wakes.first->at <= now)
		wake(f, job_of_wake(f->wakes.first), now);
	while (f->reopens.first && f->reopens.first->at <= now) {
		struct forecast_campaign *c = campaign_of(f->reopens.first);

		deadlines_set(&f->reopens, &c->reopen, USEC_INFINITY);
		schedule_open(&f->schedule, &c->window);
	}
	for (size_t i = 0; i < f->n_campaigns && r == 0; i++)
		if (f->campaigns[i].changed || campaign_due(&f->campaigns[i].campaign) <= now)
			r = judge(f, &f->campaigns[i], now);
	if (r == 0)
		start(f, now);
	return r;
}

static int prepare(struct forecast *f, usec_t now)
{
	int r = 0;

	for (size_t i = 0; i < f->n_campaigns && r == 0; i++) {
		struct forecast_campaign *c = &f->campaigns[i];

		campaign_gates_init(&c->gates, NULL, c->max_parallel);
		c->window = (struct schedule_gate){ .kind = SCHEDULE_TIME };
		c->changed = true;
		r = plan(f, c);
	}
	for (size_t i = 0; i < f->n_jobs && r == 0; i++) {
		struct forecast_job *job = &f->jobs[i];

		job->start = job->end = USEC_INFINITY;
		if (job->hops > 0 && job->left > 0)
			begin(f, job, job->left, now);
		else if (job->hops > 0)
			deadlines_set(&f->wakes, &job->wake, job->ready);
	}
	return r;
}

int forecast_run(struct forecast *f, usec_t now, usec_t until)
{
	size_t steps = STEPS_MAX * (f->n_jobs + f->n_campaigns);
	int r = prepare(f, now);

	for (; r == 0 && now <= until && steps > 0; steps--) {
		r = turn(f, now);
		now = usec_max(next_turn(f), now + 1);
	}
	return r;
}

enum job_wait forecast_waits_for(
	const struct forecast *f, const struct forecast_job *job, usec_t until)
{
	return schedule_waits_for(&f->schedule, &job->turn, until);
}
