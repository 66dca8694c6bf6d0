/*
 * Why not now? Every gate on a job's way, with what is seen there.
 */
#include "core/schedule-internal.h"

struct views {
	struct schedule_view *of;
	size_t n;
};

static void add(struct views *views, struct schedule_view view)
{
	if (view.open)
		view.opens = 0;
	views->of[views->n++] = view;
}

/* What keeps such a gate closed, when something does. */
static enum job_wait usual_wait(enum schedule_kind kind)
{
	switch (kind) {
	case SCHEDULE_GATEWAY:
	case SCHEDULE_UPLINK:
		return JOB_WAIT_HELD;
	case SCHEDULE_CAMPAIGN:
		return JOB_WAIT_PAUSED;
	case SCHEDULE_WAVE:
		return JOB_WAIT_WAVE;
	case SCHEDULE_GROUP:
	case SCHEDULE_CELL:
	case SCHEDULE_TIME:
	case SCHEDULE_ALONE:
	case SCHEDULE_TURN:
		return JOB_WAIT_NONE;
	}
	return JOB_WAIT_NONE;
}

static void add_gate(struct views *views, const struct schedule_gate *gate)
{
	bool open = gate->closed == JOB_WAIT_NONE;
	struct schedule_view view = {
		.kind = gate->kind,
		.name = gate->name,
		.wait = open ? usual_wait(gate->kind) : gate->closed,
		.open = open,
		.opens = gate->opens,
	};

	if (view.wait != JOB_WAIT_NONE)
		add(views, view);
	view.wait = JOB_WAIT_SLOT;
	view.open = gate->used < gate->limit;
	view.used = gate->used;
	view.limit = gate->limit;
	view.opens = USEC_INFINITY;
	if (gate->limit > 0)
		add(views, view);
}

/* Another must be alone, does so or is about to; or this one must, and others run. */
static bool find_lonely(const struct schedule *s, const struct schedule_lane *lane)
{
	const struct schedule_lane *first = (const struct schedule_lane *) s->ready.first;

	return lane->place.alone || s->alone > 0 || (first && first->place.alone);
}

static unsigned count_before(const struct schedule_job *job)
{
	unsigned n = 0;

	while ((job = job->previous))
		n++;
	return n;
}

static size_t look(const struct schedule *s, const struct schedule_job *job, usec_t now,
	struct schedule_view ret[static SCHEDULE_VIEWS_MAX])
{
	struct views views = { .of = ret };
	const struct schedule_lane *lane = job->lane;
	bool waits = job->state == SCHEDULE_TIMED || job->state == SCHEDULE_QUEUED;

	if (!lane || !waits)
		return 0;
	add(&views, (struct schedule_view){
			    .kind = SCHEDULE_TIME,
			    .wait = job->why,
			    .open = job->state == SCHEDULE_QUEUED || job->due <= now,
			    .opens = job->due,
		    });
	add_gate(&views, &s->gateway);
	for (unsigned i = 0; i < lane->place.n_gates; i++)
		add_gate(&views, lane->place.gates[i]);
	if (find_lonely(s, lane))
		add(&views, (struct schedule_view){
				    .kind = SCHEDULE_ALONE,
				    .wait = JOB_WAIT_SLOT,
				    .open = lane->place.alone && s->gateway.used == 0,
				    .used = s->gateway.used,
				    .opens = USEC_INFINITY,
			    });
	if (job->state == SCHEDULE_QUEUED)
		add(&views, (struct schedule_view){
				    .kind = SCHEDULE_TURN,
				    .wait = JOB_WAIT_SLOT,
				    .open = !job->previous,
				    .opens = USEC_INFINITY,
			    });
	return views.n;
}

size_t schedule_explain(const struct schedule *s, const struct schedule_job *job, usec_t now,
	struct schedule_view ret[static SCHEDULE_VIEWS_MAX])
{
	size_t n = look(s, job, now, ret);

	if (n > 0 && ret[n - 1].kind == SCHEDULE_TURN)
		ret[n - 1].used = count_before(job);
	return n;
}

enum job_wait schedule_waits_for(
	const struct schedule *s, const struct schedule_job *job, usec_t now)
{
	struct schedule_view views[SCHEDULE_VIEWS_MAX];
	size_t n = look(s, job, now, views);
	enum job_wait first = JOB_WAIT_NONE;

	for (size_t i = 0; i < n; i++)
		if (!views[i].open && (first == JOB_WAIT_NONE || views[i].wait < first))
			first = views[i].wait;
	return first;
}
