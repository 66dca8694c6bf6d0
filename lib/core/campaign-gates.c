#include "core/campaign-gates.h"

/* For people waves count from 1. */
static const char *const numbers[CAMPAIGN_WAVES_MAX] = { "1", "2", "3", "4", "5", "6", "7", "8",
	"9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23",
	"24", "25", "26", "27", "28", "29", "30", "31", "32" };

void campaign_gates_init(struct campaign_gates *gates, const char *name, unsigned max_parallel)
{
	*gates = (struct campaign_gates){
		.campaign = { .kind = SCHEDULE_CAMPAIGN, .name = name, .limit = max_parallel },
		.uplink = { .kind = SCHEDULE_UPLINK },
	};
	for (unsigned i = 0; i < CAMPAIGN_WAVES_MAX; i++) {
		gates->waves[i].kind = SCHEDULE_WAVE;
		gates->waves[i].name = numbers[i];
	}
}

static void set(struct schedule *s, struct schedule_gate *gate, enum job_wait wait, usec_t opens)
{
	if (wait == JOB_WAIT_NONE)
		schedule_open(s, gate);
	else
		schedule_close(s, gate, wait, opens);
}

void campaign_gates_set(
	struct campaign_gates *gates, struct schedule *s, const struct campaign *c, bool confirmed)
{
	enum job_wait uplink = !campaign_uplinks_may_go(c) ? JOB_WAIT_WAVE
			       : !confirmed		   ? JOB_WAIT_HELD
							   : JOB_WAIT_NONE;

	set(s, &gates->campaign, campaign_waits_for(c), USEC_INFINITY);
	set(s, &gates->uplink, uplink, USEC_INFINITY);
	for (unsigned i = 0; i == 0 || i < c->rules->n_waves; i++) {
		usec_t opens;
		enum job_wait wait = campaign_wave_waits_for(c, i, &opens);

		set(s, &gates->waves[i], wait, opens);
	}
}

void schedule_place_add(struct schedule_place *place, struct schedule_gate *gate)
{
	if (place->n_gates < SCHEDULE_GATES_MAX)
		place->gates[place->n_gates++] = gate;
}

void campaign_gates_place(struct campaign_gates *gates, const struct member *member, int priority,
	struct schedule_place *ret)
{
	*ret = (struct schedule_place){ .priority = priority, .alone = member->uplink };
	schedule_place_add(ret, &gates->campaign);
	if (!member->now)
		schedule_place_add(ret, &gates->waves[member->wave]);
	if (member->uplink)
		schedule_place_add(ret, &gates->uplink);
}
