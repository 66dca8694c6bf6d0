/*
 * How many at a time in one serving cell (limits.per_cell). A modem tells its cell in the preparation of an attempt, if at
 * all; it is remembered, so that the next start knows. Who learns only then that his cell is full gives way, before
 * anything of the upgrade is set in the module.
 */
#include "daemon/manager-campaign.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/modem.h"

#define CELLS_MAX                                                                                  \
	64 /* then those that serve nobody any more are looked for: a gateway may be on wheels */

static bool is_used(const struct manager *g, const struct schedule_gate *gate)
{
	for (size_t i = 0; i < g->n_modems; i++) {
		const struct schedule_lane *lane = g->modems[i]->turn.lane;

		for (unsigned k = 0; lane && k < lane->place.n_gates; k++)
			if (lane->place.gates[k] == gate)
				return true;
	}
	return false;
}

static void forget_unused(struct manager *g)
{
	struct cell_gate **p = &g->cells;
	unsigned n = 0;

	for (const struct cell_gate *cell = g->cells; cell; cell = cell->next)
		n++;
	while (n >= CELLS_MAX && *p) {
		struct cell_gate *cell = *p;

		if (is_used(g, &cell->gate)) {
			p = &cell->next;
			continue;
		}
		*p = cell->next;
		free(cell);
	}
}

static struct cell_gate *find(const struct manager *g, const char *name)
{
	struct cell_gate *cell = g->cells;

	while (cell && !text_equal(cell->name, name))
		cell = cell->next;
	return cell;
}

struct schedule_gate *manager_cell_gate(struct manager *g, const struct modem *m)
{
	struct cell_gate *cell;

	if (g->per_cell == 0 || m->cell[0] == '\0')
		return NULL;
	cell = find(g, m->cell);
	if (cell)
		return &cell->gate;
	forget_unused(g);
	cell = calloc(1, sizeof(*cell));
	if (!cell)
		return NULL;
	memcpy(cell->name, m->cell, sizeof(cell->name));
	cell->gate = (struct schedule_gate){
		.kind = SCHEDULE_CELL, .name = cell->name, .limit = g->per_cell
	};
	cell->next = g->cells;
	g->cells = cell;
	return &cell->gate;
}

bool manager_cell_is_full(const struct manager *g, const struct modem *m)
{
	const struct cell_gate *cell = g->per_cell > 0 ? find(g, m->cell) : NULL;

	return cell && cell->gate.used >= g->per_cell;
}

void manager_set_per_cell(struct manager *g, unsigned limit)
{
	g->per_cell = limit;
	for (struct cell_gate *cell = g->cells; cell; cell = cell->next)
		schedule_set_limit(&g->schedule, &cell->gate, limit);
}

void manager_free_cells(struct manager *g)
{
	while (g->cells) {
		struct cell_gate *cell = g->cells;

		g->cells = cell->next;
		free(cell);
	}
}

/* Once for each modem: it is no fault of the job's. */
static void say_unknown(struct modem *m)
{
	if (m->cell_said)
		return;
	m->cell_said = true;
	modem_log(m, LOG_WARNING, LOG_MESSAGE_WARNING, REASON_NONE,
		"its serving cell is not known, and limits.per_cell does not hold it: AT+CEREG? "
		"names "
		"the cell only after AT+CEREG=2 (AT+CGREG=2 on 2G and 3G), which fotad does not "
		"set");
}

void manager_note_cell(struct manager *g, struct modem *m, usec_t now)
{
	const struct upgrade *u = &m->dialogue.upgrade;

	if (!m->slot || upgrade_phase(u) != PHASE_PREPARING)
		return;
	if (u->cell[0] == '\0') {
		/* The first step behind the questions for the network that is never left out. */
		if (g->per_cell > 0 && m->cell[0] == '\0' &&
			text_equal(upgrade_step_name(u), "settings-read"))
			say_unknown(m);
		return;
	}
	if (text_equal(u->cell, m->cell))
		return;
	memcpy(m->cell, u->cell, sizeof(m->cell));
	m->cell_new = true;
	modem_save_seen(m, now);
	manager_touch(g, m);
}

/* It stands in its new cell already: if that is one too many, it was the last to come. */
void manager_check_cell(struct manager *g, struct modem *m, usec_t now)
{
	const struct cell_gate *cell = find(g, m->cell);
	bool is_new = m->cell_new;

	m->cell_new = false;
	if (!is_new || !m->slot || !cell || g->per_cell == 0 || cell->gate.used <= g->per_cell ||
		upgrade_past_no_return(&m->dialogue.upgrade))
		return;
	modem_log_wait(m, LOG_NOTICE, JOB_WAIT_SLOT,
		"not now (%s): it is served by cell %s, where as many are at work as "
		"limits.per_cell (%u) lets",
		job_wait_name(JOB_WAIT_SLOT), m->cell, g->per_cell);
	m->put_off = true;
	dialogue_cancel(&m->dialogue, now);
	modem_perform(m, now);
	m->put_off = false;
}
