/*
 * What happened in all lives together: outcomes by reason, crashes by step, faults; an empty cell
 * is a hole in the net.
 */
#include "tests/simulate/simulate.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const endings[] = { "succeeded", "failed", "cancelled", "unknown", "deferred",
	"never-known" };
static const char *const disturbances[] = { "crash", "cancel", "glitch", "swap", "gap", "clock-step" };

/* A step that is entered and left within one event is never the one that a crash finds. */
static const char *cannot_crash(int step)
{
	switch (step) {
	case STEP_IDENTIFIED:
	case STEP_BASE:
	case STEP_SERVED:
	case STEP_RESTORED:
		return "a decision, taken within one event";
	default:
		return NULL;
	}
}

void report_add(struct report *r, const struct life *l)
{
	r->lives++;
	r->rounds += l->count.rounds;
	r->unknowable += l->count.unknowable;
	r->corrected += l->count.corrected;
	r->ended[l->count.ending][l->driver.row.reason]++;
	for (int i = 0; i < OUTCOMES; i++)
		for (int k = 0; k < REASONS; k++)
			r->said[i][k] += l->count.said[i][k];
	for (int i = 0; i < STEPS; i++)
		r->crashed[i] += l->count.crashed[i];
	for (size_t i = 0; i < l->plan.module.n_faults; i++)
		r->faults[l->plan.module.faults[i].type] += l->modules[0].truth.faults_fired[i];
	for (int i = 0; i < _DISTURBANCE_MAX; i++)
		r->disturbed[i] += l->disturbed[i];
	r->restarted += l->count.restarted;
	r->emptied += l->count.emptied;
	r->woke_early += l->count.woke_early;
	r->woke_late += l->count.woke_late;
}

static void print_matrix(
	const char *title, const char *const *names, size_t n, const uint64_t table[][REASONS])
{
	printf("\n%s\n", title);
	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < REASONS; k++)
			if (table[i][k] > 0)
				printf("  %-12s %-20s %10" PRIu64 "\n", names[i],
					reason_name((enum reason) k), table[i][k]);
}

static int print_crashes(const struct report *r)
{
	int empty = 0;

	printf("\ncrashes by step\n");
	for (int i = 0; i < STEPS; i++) {
		const char *why = cannot_crash(i);

		if (why)
			printf("  %-20s          - %s\n", upgrade_steps[i].name, why);
		else
			printf("  %-20s %10" PRIu64 "%s\n", upgrade_steps[i].name, r->crashed[i],
				r->crashed[i] ? "" : "  EMPTY");
		empty += !why && r->crashed[i] == 0;
	}
	return empty;
}

static int print_faults(const struct report *r)
{
	int empty = 0;

	printf("\nfaults that acted\n");
	for (size_t i = 0; i < _FAKE_FAULT_MAX; i++) {
		printf("  %-26s %10" PRIu64 "%s\n", fake_fault_at(i)->name, r->faults[i],
			r->faults[i] ? "" : "  EMPTY");
		empty += r->faults[i] == 0;
	}
	return empty;
}

static int print_cell(const char *name, uint64_t n)
{
	printf("  %-26s %10" PRIu64 "%s\n", name, n, n ? "" : "  EMPTY");
	return n == 0;
}

static int print_disturbances(const struct report *r)
{
	int empty = 0;

	printf("\ndisturbances\n");
	for (size_t i = 0; i < _DISTURBANCE_MAX; i++)
		empty += print_cell(disturbances[i], r->disturbed[i]);
	empty += print_cell("crash, the host restarted", r->restarted);
	empty += print_cell("crash, the store was lost", r->emptied);
	empty += print_cell("stored wait cut short", r->woke_early);
	return empty + print_cell("stored wait stretched", r->woke_late);
}

int report_print(const struct report *r, bool complete)
{
	const char *outcomes[OUTCOMES];
	int empty;

	for (int i = 0; i < OUTCOMES; i++)
		outcomes[i] = upgrade_outcome_name(i);
	print_matrix("lives, as they ended", endings, ELEMENTSOF(endings), r->ended);
	print_matrix("verdicts", outcomes, ELEMENTSOF(outcomes), r->said);
	empty = print_crashes(r);
	empty += print_faults(r);
	empty += print_disturbances(r);
	printf("\n%" PRIu64 " lives, %" PRIu64 " rounds; %" PRIu64
	       " verdicts were corrected later, "
	       "%" PRIu64 " failures could not be known to be premature\n",
		r->lives, r->rounds, r->corrected, r->unknowable);
	if (empty > 0 && complete)
		printf("%d cells are empty: something is not tried any more\n", empty);
	return empty > 0 && complete ? -1 : 0;
}
