/*
 * org.fotad1.Campaign: how far it is. One that is not configured any more stays until fotad is started again.
 */
#include <assert.h>
#include <stdio.h>

#include "base/text.h"
#include "daemon/bus-internal.h"

static const struct campaign_run *run_of(const void *object)
{
	return object;
}

static void get_name(const void *object, struct bus_value *ret)
{
	ret->text = run_of(object)->name;
}

static void get_target(const void *object, struct bus_value *ret)
{
	bus_set_text(ret, run_of(object)->target);
}

static void get_priority(const void *object, struct bus_value *ret)
{
	ret->number = (uint64_t) (int64_t) run_of(object)->config->priority;
}

static void get_configured(const void *object, struct bus_value *ret)
{
	ret->number = run_of(object)->configured;
}

static void get_state(const void *object, struct bus_value *ret)
{
	const struct campaign *c = &run_of(object)->campaign;

	ret->text = c->cancelled		       ? "cancelled"
		    : c->halted			       ? "halted"
		    : c->paused			       ? "paused"
		    : campaign_is_over(c)	       ? "done"
		    : campaign_due(c) != USEC_INFINITY ? "soak"
						       : "running";
}

static const char *halt_text(enum campaign_halt halt)
{
	switch (halt) {
	case CAMPAIGN_RUNS:
		break;
	case CAMPAIGN_FAILURES:
		return "too many have failed";
	case CAMPAIGN_UNPROVEN:
		return "not enough of its wave can succeed any more";
	case CAMPAIGN_SLOWER:
		return "upgraded modems come back later than others";
	case CAMPAIGN_WEAKER:
		return "upgraded modems hear worse than others";
	case CAMPAIGN_FETCH:
		return "a server does not serve what a package says";
	}
	return "";
}

static void get_state_text(const void *object, struct bus_value *ret)
{
	const struct campaign *c = &run_of(object)->campaign;

	ret->text = ret->room;
	if (c->cancelled)
		ret->text = "cancelled by an operator; fotactl retry takes it up again";
	else if (c->halted)
		(void) snprintf(ret->room, sizeof(ret->room),
			"halted: %s (%u failed of %u judged); nothing starts until fotactl resume "
			"%s",
			halt_text(c->halted), campaign_failures(c), campaign_judged(c),
			run_of(object)->name);
	else if (c->paused)
		(void) snprintf(ret->room, sizeof(ret->room),
			"paused by an operator; fotactl resume %s lets it go on",
			run_of(object)->name);
	else if (campaign_is_over(c))
		ret->text = "every modem of it has its verdict";
	else if (campaign_due(c) != USEC_INFINITY)
		(void) snprintf(ret->room, sizeof(ret->room),
			"wave %u has proven itself and is watched for a while", c->wave + 1);
	else
		(void) snprintf(ret->room, sizeof(ret->room), "wave %u goes on", c->wave + 1);
}

static void get_wave(const void *object, struct bus_value *ret)
{
	ret->number = run_of(object)->campaign.wave + 1;
}

static void get_waves(const void *object, struct bus_value *ret)
{
	size_t n = run_of(object)->config->rules.n_waves;

	ret->number = n > 0 ? n : 1;
}

static void get_soak(const void *object, struct bus_value *ret)
{
	usec_t due = campaign_due(&run_of(object)->campaign);

	ret->number = due == USEC_INFINITY ? 0 : due;
	ret->boottime = true;
}

/* Modems by the state of their job; "none" for those that have none yet: they were not identified. */
static void get_jobs(const void *object, struct bus_value *ret)
{
	static const char *const states[] = {
		"waiting",
		"running",
		"succeeded",
		"failed",
		"cancelled",
		"unknown",
		"none",
	};
	const struct campaign_run *run = run_of(object);

	static_assert(JOB_UNKNOWN == ELEMENTSOF(states) - 2, "in the order of enum job_state");
	static_assert(ELEMENTSOF(states) <= ELEMENTSOF(ret->counted), "room for each");
	ret->texts = states;
	ret->counts = ret->counted;
	ret->n = ELEMENTSOF(states);
	for (size_t i = 0; i < run->n_members; i++) {
		const struct modem *m = modem_of_member(run->members[i]);
		bool ours = m->job && text_equal(m->job_campaign, run->name);

		ret->counted[ours ? (size_t) m->state : ELEMENTSOF(states) - 1]++;
	}
}

#define PROPERTIES(X)                                                                              \
	X("Name", "s", get_name, BUS_CONST)                                                        \
	X("Target", "s", get_target, BUS_CHANGES)                                                  \
	X("Priority", "i", get_priority, BUS_CHANGES)                                              \
	X("Configured", "b", get_configured, BUS_CHANGES)                                          \
	X("State", "s", get_state, BUS_CHANGES)                                                    \
	X("StateText", "s", get_state_text, BUS_CHANGES)                                           \
	X("Wave", "u", get_wave, BUS_CHANGES)                                                      \
	X("Waves", "u", get_waves, BUS_CHANGES)                                                    \
	X("SoakUntil", "t", get_soak, BUS_CHANGES)                                                 \
	X("Jobs", "a{su}", get_jobs, BUS_CHANGES)

static const struct bus_property properties[] = { PROPERTIES(BUS_ROW) };
static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	PROPERTIES(BUS_MEMBER) SD_BUS_VTABLE_END,
};
const struct bus_interface bus_campaign_interface = { BUS_CAMPAIGN, properties,
	ELEMENTSOF(properties), vtable };
static_assert(ELEMENTSOF(properties) <= BUS_PROPERTIES_MAX, "room for their hashes");
