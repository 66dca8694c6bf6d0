/*
 * What the brake of a campaign is told (core/brake): how long each modem was gone to install, and what it heard before and
 * after. Those that were brought to the campaign's target are the upgraded ones, in this campaign or in another; all other
 * upgrades of the same models, hops on the way to the target among them, are what they are compared with. An upgraded
 * modem's signal is compared with what such modems heard before.
 */
#include "daemon/manager-campaign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/modem.h"

#define FIGURES 256 /* kept: those of the newest upgrades of this gateway */

struct figures {
	struct store_figures of[FIGURES];
	size_t n; /* so many came: the ring's next place is n % FIGURES */
};

static void say_damage(const struct store_damage *damage)
{
	struct log_fields fields = LOG_FIELDS_NONE;
	char job[24], more[40] = "";

	(void) text_format(job, sizeof(job), "%llu", (unsigned long long) damage->job);
	if (damage->rows > 1)
		(void) text_format(more, sizeof(more), ", and of %zu before it", damage->rows - 1);
	fields.modem = damage->modem;
	fields.job = damage->job ? job : NULL;
	log_event(LOG_WARNING, LOG_MESSAGE_WARNING, &fields,
		"%s: in the state, what attempt %u of job %s has shown is damaged%s: brakes and expected durations "
		"go without it, nothing else rests upon it",
		damage->modem, (unsigned) damage->attempt, damage->job ? job : "(unknown)", more);
}

int manager_load_figures(struct manager *g)
{
	struct figures *figures = g->figures = malloc(sizeof(*figures)); /* of[] is touched as it fills */
	struct store_damage damage;
	size_t n = 0;
	int r = figures ? store_figures_now(g->store, figures->of, FIGURES, &n, &damage) : -ENOMEM;

	if (r < 0) {
		manager_free_figures(g);
		return r;
	}
	for (size_t i = 0; i < n / 2; i++) { /* the newest come first, and shall stand last */
		struct store_figures one = figures->of[i];

		figures->of[i] = figures->of[n - 1 - i];
		figures->of[n - 1 - i] = one;
	}
	figures->n = n;
	if (damage.rows > 0)
		say_damage(&damage);
	return 0;
}

void manager_free_figures(struct manager *g)
{
	free(g->figures);
	g->figures = NULL;
}

/* Is it of a model that this campaign is for? The other ones are of another kind, and so are their times. */
static bool is_of_kind(const struct campaign_run *run, const char *model)
{
	const struct config *config = run->rules->config;

	for (size_t i = 0; i < config->n_packages; i++)
		if (text_equal(config->packages[i].to, run->target) &&
			model_match(config->packages[i].model, model) > 0)
			return true;
	return false;
}

static void note(struct campaign_run *run, const struct store_figures *f)
{
	struct brake *brake = &run->campaign.brake;
	bool upgraded = text_equal(f->to, run->target);
	bool forgiven = upgraded && f->ended < run->brake_since;
	usec_t gone = f->gone / MSEC;

	if (!is_of_kind(run, f->model))
		return;
	if (gone > 0 && gone <= UINT32_MAX && !forgiven)
		brake_note(brake, BRAKE_RETURN, upgraded, (uint32_t) gone);
	if (f->rssi_before >= 0)
		brake_note(brake, BRAKE_SIGNAL, false, (uint32_t) f->rssi_before);
	if (f->rssi_after >= 0 && upgraded && !forgiven)
		brake_note(brake, BRAKE_SIGNAL, true, (uint32_t) f->rssi_after);
}

void campaign_run_fill_brake(const struct manager *g, struct campaign_run *run)
{
	const struct figures *figures = g->figures;

	run->campaign.brake = (struct brake){ 0 };
	for (size_t i = figures->n > FIGURES ? figures->n - FIGURES : 0; i < figures->n; i++)
		note(run, &figures->of[i % FIGURES]);
}

void manager_note_figures(struct manager *g, const struct modem *m)
{
	struct store_figures f = { .ended = clock_realtime() };

	memcpy(f.model, m->dialogue.upgrade.identity.model, sizeof(f.model));
	memcpy(f.to, m->dialogue.upgrade.identity.version, sizeof(f.to));
	store_figures_take(&f, m->dialogue.upgrade.evidence);
	g->figures->of[g->figures->n++ % FIGURES] = f;
	for (struct campaign_run *run = g->runs; run; run = run->next)
		if (run->configured) {
			/* What comes now was not forgiven: else the clock was ahead when that was said. */
			run->brake_since = usec_min(run->brake_since, f.ended);
			note(run, &f);
			run->changed = true;
		}
}

size_t manager_past(const struct manager *g, const char *from, usec_t ret[static MANAGER_PAST_MAX])
{
	const struct figures *figures = g->figures;
	size_t n = 0;

	for (size_t i = 0; i < figures->n && i < FIGURES && n < MANAGER_PAST_MAX; i++)
		if (figures->of[i].took > 0 && text_equal(figures->of[i].from, from))
			ret[n++] = figures->of[i].took;
	return n;
}
