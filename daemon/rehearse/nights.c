/*
 * What is counted while it runs: attempts, openings, and the moments that people want to know of.
 */
#include <stdlib.h>

#include "base/text.h"
#include "daemon/rehearse/rehearsal-internal.h"

/* Room for one more. Doubling. */
static void *grow(void *items, size_t n, size_t *allocated, size_t size)
{
	size_t wanted = *allocated > 0 ? 2 * *allocated : 64;

	if (n < *allocated)
		return items;
	items = reallocarray(items, wanted, size);
	if (items)
		*allocated = wanted;
	return items;
}

static void span_of(struct run *run, usec_t at, usec_t *ret_since, usec_t *ret_until)
{
	const struct opening_rules *when = &run->config->when;
	struct window_opening opening;

	if (when->n_windows > 0 && window_next(when->windows, when->n_windows, at, 0, &opening) &&
		opening.since <= at) {
		*ret_since = opening.since;
		*ret_until = opening.until;
		return;
	}
	*ret_since = at / DAY * DAY;
	*ret_until = *ret_since + DAY;
}

struct night *night_of(struct run *run, usec_t at)
{
	struct night *nights;
	usec_t since, until;

	for (size_t i = run->n_nights; i-- > 0;)
		if (at >= run->nights[i].since && at < run->nights[i].until)
			return &run->nights[i];
	span_of(run, at, &since, &until);
	nights = grow(run->nights, run->n_nights, &run->nights_allocated, sizeof(*nights));
	if (!nights)
		return NULL;
	run->nights = nights;
	nights[run->n_nights] = (struct night){ .run = run, .since = since, .until = until };
	return &nights[run->n_nights++];
}

void note_start(struct rehearsal *r, struct actor *a, const struct package *package, usec_t now)
{
	struct night *night = night_of(a->run, now);
	struct attempt *attempts =
		grow(r->attempts, r->n_attempts, &r->attempts_allocated, sizeof(*attempts));

	if (attempts)
		r->attempts = attempts;
	if (!attempts || !night) {
		r->shortage = true;
		return;
	}
	a->attempt = (uint32_t) r->n_attempts;
	attempts[r->n_attempts++] = (struct attempt){
		.actor = a,
		.start = now,
		.package = package,
		.wave = a->member.wave,
		.number = a->attempts + 1,
	};
	a->run->running++;
	night->started++;
	if (a->run->running > night->most)
		night->most = a->run->running;
	if (a->run->campaign.wave > night->wave)
		night->wave = a->run->campaign.wave;
}

static void count(struct night *night, const struct attempt *t)
{
	switch (t->state) {
	case JOB_SUCCEEDED:
		night->succeeded++;
		break;
	case JOB_FAILED:
	case JOB_CANCELLED:
		night->failed++;
		break;
	case JOB_UNKNOWN:
		night->unknown++;
		break;
	case JOB_WAITING:
	case JOB_RUNNING:
		night->hops += t->outcome == OUTCOME_SUCCEEDED || t->outcome == OUTCOME_ALREADY;
		night->deferred += t->outcome == OUTCOME_DEFERRED;
		night->again += t->outcome == OUTCOME_FAILED;
		break;
	}
}

void note_end(
	struct rehearsal *r, struct actor *a, const struct upgrade_notice *verdict, usec_t now)
{
	struct attempt *t = a->attempt != NO_ATTEMPT ? &r->attempts[a->attempt] : NULL;
	bool corrected = t && t->end > 0; /* it was unknown until now */
	struct night *night = t ? night_of(a->run, t->start) : NULL;

	if (!night)
		return;
	if (corrected)
		night->unknown--;
	else
		a->run->running--;
	if (corrected)
		t->settled = now;
	else
		t->end = now;
	t->outcome = verdict->outcome;
	t->reason = verdict->reason;
	t->state = a->state;
	if (!corrected)
		night->bytes += t->bytes;
	count(night, t);
	if (a->state == JOB_SUCCEEDED)
		a->run->last = now;
}

/* Is it of a model that this campaign is for? */
static bool is_of_kind(const struct run *run, const char *model)
{
	const struct config *config = run->r->config;

	for (size_t i = 0; i < config->n_packages; i++)
		if (text_equal(config->packages[i].to, run->config->target) &&
			model_match(config->packages[i].model, model) > 0)
			return true;
	return false;
}

/* As daemon/manager-brake.c does. */
void note_figures(struct rehearsal *r, const struct upgrade *u)
{
	const struct evidence *e = u->evidence;
	usec_t gone = e->phases[PHASE_INSTALLING] / MSEC;

	for (size_t i = 0; i < r->config->n_campaigns; i++) {
		struct run *run = &r->runs[i];
		struct brake *brake = &run->campaign.brake;
		bool upgraded = text_equal(u->identity.version, run->config->target);

		if (!is_of_kind(run, u->identity.model))
			continue;
		run->changed = true;
		if (gone > 0 && gone <= UINT32_MAX)
			brake_note(brake, BRAKE_RETURN, upgraded, (uint32_t) gone);
		if (e->rssi_before >= 0)
			brake_note(brake, BRAKE_SIGNAL, false, (uint32_t) e->rssi_before);
		if (e->rssi_after >= 0 && upgraded)
			brake_note(brake, BRAKE_SIGNAL, true, (uint32_t) e->rssi_after);
	}
}

void note_missed(struct rehearsal *r, struct actor *a, usec_t before)
{
	struct night *night = night_of(a->run, before);

	if (night)
		night->missed++;
	else
		r->shortage = true;
}

void note_moment(struct run *run, enum moment_type type, unsigned number, usec_t now)
{
	if (type == MOMENT_DEADLINE && run->n_moments > 0 &&
		run->moments[run->n_moments - 1].type == type)
		return;
	if (run->n_moments < ELEMENTSOF(run->moments))
		run->moments[run->n_moments++] = (struct moment){ type, now, number };
}
