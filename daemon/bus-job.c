/*
 * org.fotad1.Job: the job that a modem has, which is its last one.
 */
#include <assert.h>
#include <stdio.h>

#include "base/text.h"
#include "daemon/bus-internal.h"
#include "daemon/clock.h"

static const struct upgrade *upgrade(const struct modem *m)
{
	return &m->dialogue.upgrade;
}

/* ---- also of the modem ---- */

static bool is_waiting(const struct modem *m)
{
	return m->job && m->campaign && m->state == JOB_WAITING && !m->slot;
}

void bus_get_waits(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	/* One that was never identified has no job yet. */
	bool waits = is_waiting(m) || (m->campaign && !m->job);

	ret->text = waits ? modem_waits_for(m, clock_boottime()) : "";
}

/* As far as it is known; what an operator must say has no time. */
void bus_get_due(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;
	enum job_wait gate;
	usec_t due;

	if (!is_waiting(m))
		return;
	gate = manager_gate(m->manager, m);
	if (gate == JOB_WAIT_SOAK && m->run) {
		ret->number = m->run->gates.waves[m->member.wave].opens;
		ret->boottime = true;
	} else if (gate == JOB_WAIT_NONE && modem_gate(m)) {
		ret->number = m->opening.when;
	} else if (gate == JOB_WAIT_NONE) {
		due = usec_max(m->due, upgrade_next_start(upgrade(m)));
		ret->number = due > clock_boottime() ? due : 0;
		ret->boottime = true;
	}
}

/* ---- its own ---- */

static void get_id(const void *object, struct bus_value *ret)
{
	ret->number = ((const struct modem *) object)->job_id;
}

static void get_modem(const void *object, struct bus_value *ret)
{
	bus_path_of(BUS_MODEMS, ((const struct modem *) object)->config->name, ret->room);
	ret->text = ret->room;
}

static void get_campaign(const void *object, struct bus_value *ret)
{
	bus_path_of(BUS_CAMPAIGNS, ((const struct modem *) object)->job_campaign, ret->room);
	ret->text = ret->room;
}

static void get_imei(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	bus_set_text(ret, upgrade(m)->record.imei[0] ? upgrade(m)->record.imei : m->seen.imei);
}

static void get_state(const void *object, struct bus_value *ret)
{
	ret->text = job_state_name(((const struct modem *) object)->state);
}

static void get_reason(const void *object, struct bus_value *ret)
{
	ret->text = reason_name(((const struct modem *) object)->reason);
}

/* For people: what the reason means, and what to do. */
static void get_detail(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;
	const struct profile *profile = upgrade(m)->profile;
	char cme[80] = "";

	if (m->reason == REASON_NONE)
		return;
	if (m->reason == REASON_REJECTED && m->cme != AT_ERROR_NONE)
		(void) snprintf(cme, sizeof(cme), " (+CME ERROR: %d, %s)", m->cme,
			at_error_text(m->cme, profile ? profile->errors : AT_ERROR_STANDARD));
	(void) snprintf(ret->room, sizeof(ret->room), "%s%s%s%s", reason_meaning(m->reason), cme,
		m->state == JOB_FAILED ? " " : "",
		m->state == JOB_FAILED ? reason_next_step(m->reason) : "");
	ret->text = ret->room;
}

static void get_phase(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	ret->text = m->slot || m->state == JOB_UNKNOWN
			    ? upgrade_phase_name(upgrade_phase(upgrade(m)))
			    : "";
}

static void get_step(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	ret->text = m->slot || m->state == JOB_UNKNOWN ? upgrade_step_name(upgrade(m)) : "";
}

/* Of the package that is being downloaded, or was; -1: nobody has said. */
static void get_percent(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	ret->number = (uint64_t) (int64_t) (m->slot ? upgrade(m)->percent : -1);
}

static void get_from(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	bus_set_text(ret, m->attempt ? m->attempt->from : "");
}

static void get_to(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	bus_set_text(ret, m->attempt ? m->attempt->to : "");
}

static void get_target(const void *object, struct bus_value *ret)
{
	bus_set_text(ret, ((const struct modem *) object)->target);
}

static void get_hop(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	ret->number = m->hops_left > 0 ? m->hops_done + 1U : m->hops_done;
}

static void get_hops(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	ret->number = (uint64_t) m->hops_done + m->hops_left;
}

static void get_attempt(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	/* A success empties m->attempts, for the next hop has its own. */
	ret->number = m->slot			  ? m->attempts + 1
		      : m->state == JOB_SUCCEEDED ? m->attempt_last
						  : m->attempts;
}

static void get_attempts(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	ret->number = m->campaign ? m->campaign->retry.attempts : 0;
}

static void get_past(const void *object, struct bus_value *ret)
{
	ret->number = upgrade_past_no_return(upgrade(object));
}

static void get_cme(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	ret->number = (uint64_t) (int64_t) (m->cme == AT_ERROR_NONE ? -1 : m->cme);
}

static void get_created(const void *object, struct bus_value *ret)
{
	ret->number = ((const struct modem *) object)->job_created;
}

static void get_ended(const void *object, struct bus_value *ret)
{
	ret->number = ((const struct modem *) object)->job_ended;
}

#define PROPERTIES(X)                                                                              \
	X("Id", "t", get_id, BUS_CONST)                                                            \
	X("Modem", "o", get_modem, BUS_CONST)                                                      \
	X("Campaign", "o", get_campaign, BUS_CONST)                                                \
	X("Imei", "s", get_imei, BUS_CHANGES)                                                      \
	X("State", "s", get_state, BUS_CHANGES)                                                    \
	X("Reason", "s", get_reason, BUS_CHANGES)                                                  \
	X("Detail", "s", get_detail, BUS_CHANGES)                                                  \
	X("Phase", "s", get_phase, BUS_CHANGES)                                                    \
	X("Step", "s", get_step, BUS_CHANGES)                                                      \
	X("Percent", "i", get_percent, BUS_CHANGES)                                                \
	X("From", "s", get_from, BUS_CHANGES)                                                      \
	X("To", "s", get_to, BUS_CHANGES)                                                          \
	X("Target", "s", get_target, BUS_CHANGES)                                                  \
	X("Hop", "u", get_hop, BUS_CHANGES)                                                        \
	X("Hops", "u", get_hops, BUS_CHANGES)                                                      \
	X("Attempt", "u", get_attempt, BUS_CHANGES)                                                \
	X("Attempts", "u", get_attempts, BUS_CHANGES)                                              \
	X("WaitsFor", "s", bus_get_waits, BUS_CHANGES)                                             \
	X("Due", "t", bus_get_due, BUS_CHANGES)                                                    \
	X("PointOfNoReturn", "b", get_past, BUS_CHANGES)                                           \
	X("Cme", "i", get_cme, BUS_CHANGES)                                                        \
	X("Created", "t", get_created, BUS_CONST)                                                  \
	X("Ended", "t", get_ended, BUS_CHANGES)

static const struct bus_property properties[] = { PROPERTIES(BUS_ROW) };
static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	PROPERTIES(BUS_MEMBER) SD_BUS_VTABLE_END,
};
const struct bus_interface bus_job_interface = { BUS_JOB, properties, ELEMENTSOF(properties),
	vtable };
static_assert(ELEMENTSOF(properties) <= BUS_PROPERTIES_MAX, "room for their hashes");
