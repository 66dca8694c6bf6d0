/*
 * A rehearsal's beginning and end: campaigns, members and gates by the configuration.
 */
#include <errno.h>
#include <stdlib.h>

#include "daemon/rehearse/rehearsal-internal.h"

static void new_runs(struct rehearsal *r)
{
	for (size_t i = 0; i < r->config->n_campaigns; i++) {
		struct run *run = &r->runs[i];

		run->r = r;
		run->config = &r->config->campaigns[i];
		campaign_init(&run->campaign, &run->config->rules);
		campaign_gates_init(&run->gates, run->config->name, run->config->max_parallel);
		run->plan = run->changed = true;
	}
}

static int join(struct rehearsal *r)
{
	char name[NAME_MAX_SIZE + 8];

	for (size_t i = 0; i < r->n_actors; i++)
		if (r->actors[i].run)
			r->actors[i].run->n_members++;
	for (size_t i = 0; i < r->config->n_campaigns; i++) {
		struct run *run = &r->runs[i];

		run->members = calloc(run->n_members + 1, sizeof(struct member *));
		if (!run->members)
			return -ENOMEM;
		run->n_members = 0;
	}
	for (size_t i = 0; i < r->n_actors; i++) {
		struct actor *a = &r->actors[i];

		if (!a->run)
			continue;
		actor_name(a, name);
		a->member = (struct member){
			.order = member_order(a->campaign->name, name),
			.state = MEMBER_WAITING,
			.uplink = a->config->uplink && a->copy == 0,
		};
		a->run->members[a->run->n_members++] = &a->member;
	}
	return 0;
}

static int new_gates(struct rehearsal *r)
{
	const struct config *config = r->config;
	unsigned cells = r->options.cells;

	r->groups = calloc(config->n_per_group + 1, sizeof(*r->groups));
	r->cells = cells > 0 ? calloc(cells, sizeof(*r->cells)) : NULL;
	r->cell_pipes = cells > 0 ? calloc(cells, sizeof(*r->cell_pipes)) : NULL;
	if (!r->groups || (cells > 0 && (!r->cells || !r->cell_pipes)))
		return -ENOMEM;
	for (size_t i = 0; i < config->n_per_group; i++)
		r->groups[i] = (struct schedule_gate){
			.kind = SCHEDULE_GROUP,
			.name = config->per_group[i].group,
			.limit = config->per_group[i].limit,
		};
	for (unsigned i = 0; i < cells; i++) {
		r->cells[i] =
			(struct schedule_gate){ .kind = SCHEDULE_CELL, .limit = config->per_cell };
		r->cell_pipes[i].rate = r->options.cell_bandwidth;
	}
	r->all.rate = r->options.bandwidth;
	return 0;
}

static int build(struct rehearsal *r)
{
	int error;

	r->work = calloc(r->config->n_packages + 1, sizeof(*r->work));
	if (!r->work)
		return -ENOMEM;
	new_runs(r);
	error = fleet_new(r);
	if (error == 0)
		error = join(r);
	if (error < 0)
		return error;
	schedule_init(&r->schedule, r->config->max_parallel);
	r->times = calloc(r->n_actors + 1, sizeof(*r->times));
	r->touched = calloc(2 * r->n_actors + 1, sizeof(struct actor *));
	if (!r->times || !r->touched)
		return -ENOMEM;
	schedule_lend_times(&r->schedule, r->times, r->n_actors + 1);
	return new_gates(r);
}

int rehearsal_new(const struct config *config, const struct rehearsal_options *options,
	struct rehearsal **ret)
{
	struct rehearsal *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return -ENOMEM;
	r->config = config;
	r->options = *options;
	r->runs = calloc(config->n_campaigns + 1, sizeof(*r->runs));
	error = r->runs ? build(r) : -ENOMEM;
	if (error < 0) {
		rehearsal_free(r);
		return error;
	}
	*ret = r;
	return 0;
}

struct rehearsal *rehearsal_free(struct rehearsal *r)
{
	if (!r)
		return NULL;
	for (size_t i = 0; i < r->n_actors; i++)
		free(r->actors[i].life);
	while (r->idle) {
		struct life *l = r->idle;

		r->idle = l->next;
		free(l);
	}
	while (r->lanes) {
		struct lanes *lanes = r->lanes;

		r->lanes = lanes->next;
		free(lanes);
	}
	for (size_t i = 0; r->runs && i < r->config->n_campaigns; i++) {
		free(r->runs[i].members);
		free(r->runs[i].nights);
	}
	fleet_free(r);
	free(r->runs);
	free(r->groups);
	free(r->cells);
	free(r->cell_pipes);
	free(r->times);
	free(r->touched);
	free(r->work);
	free(r->attempts);
	free(r);
	return NULL;
}
