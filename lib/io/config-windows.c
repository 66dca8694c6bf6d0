/*
 * config-windows - from what was written to windows: each time zone is read once, and what no row can see is checked.
 */
#include "io/config-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/civil.h"
#include "io/zone-file.h"

/* Nobody asks for windows of the time before, and a zone is smaller without it. */
#define ZONES_SINCE (civil_days(2020, 1, 1) * CIVIL_DAY)

static const struct zone *find_zone(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_zones; i++)
		if (text_equal(config->zones[i].name, name))
			return &config->zones[i];
	return NULL;
}

/* ---- a name that is none ---- */

struct search {
	struct choice choice;
	char guess[ZONE_NAME_MAX];
};

static void consider(const char *name, void *userdata)
{
	struct search *search = userdata;

	choice_add(&search->choice, ", ", name);
	if (search->choice.guess == name &&
		text_copy(search->guess, sizeof(search->guess), name) == 0)
		search->choice.guess = search->guess;
}

static void say_zone(struct builder *b, const struct campaign_draft *d, size_t i, int error)
{
	const char *name = d->windows[i].timezone;
	struct search search = { .choice = { .written = name } };
	char suffix[64];

	if (error == -ENOENT || error == -ENOTDIR)
		zone_file_each(consider, &search);
	snprintf(suffix, sizeof(suffix), "/windows/%zu/timezone", i);
	problem_at(b, SEVERITY_ERROR, LIST_CAMPAIGNS, &d->origin, suffix, "\"%s\" %s%s", name,
		zone_file_error(error), choice_hint(&search.choice));
}

/* ---- one zone, once ---- */

static int load_zone(struct builder *b, struct config *config, const char *name)
{
	struct zone_change changes[ZONE_CHANGES_MAX], *kept = NULL;
	struct zone zone;
	int r = zone_file_load(name, ZONES_SINCE, changes, ZONE_CHANGES_MAX, &zone);

	if (r < 0)
		return r;
	if (zone.n_changes > 0) {
		kept = arena_alloc(&b->arena, zone.n_changes * sizeof(*kept));
		if (!kept)
			return -ENOMEM;
		memcpy(kept, changes, zone.n_changes * sizeof(*kept));
	}
	zone.changes = kept;
	zone.name = name;
	config->zones[config->n_zones++] = zone;
	return 0;
}

static int resolve_window(struct builder *b, struct config *config, const struct campaign_draft *d,
	size_t i, struct window *ret)
{
	const struct window_draft *w = &d->windows[i];
	char suffix[64];
	int r;

	*ret = (struct window){ .days = w->days ? (uint8_t) w->days : WINDOW_EVERY_DAY,
		.start = (uint16_t) w->start,
		.end = (uint16_t) w->end };
	if (!w->timezone) /* said already */
		return 0;
	if (w->start == w->end && w->start != WINDOW_NO_TIME) {
		snprintf(suffix, sizeof(suffix), "/windows/%zu/end", i);
		problem_at(b, SEVERITY_ERROR, LIST_CAMPAIGNS, &d->origin, suffix,
			"is the start as well; a whole day is \"00:00\" to \"24:00\"");
	}
	ret->zone = find_zone(config, w->timezone);
	if (ret->zone)
		return 0;
	r = load_zone(b, config, w->timezone);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		say_zone(b, d, i, r);
	ret->zone = find_zone(config, w->timezone);
	return 0;
}

/* It would never start anything, and say so only when somebody waits for it. */
static void check_length(struct builder *b, const struct config *config,
	const struct campaign_draft *d, const struct opening_rules *when)
{
	usec_t any_day = (usec_t) (civil_days(2025, 6, 2) * CIVIL_DAY) * SEC;
	usec_t duration = opening_duration(&config->timeouts);
	struct window_opening opening;
	char text[USEC_FORMAT_MAX];

	if (when->window_end == WINDOW_END_HOLD &&
		!window_next(when->windows, when->n_windows, any_day, duration, &opening))
		problem_at(b, SEVERITY_WARNING, LIST_CAMPAIGNS, &d->origin, "/windows",
			"none is as long as an upgrade may take by timeouts (%s), so none would start; "
			"see window_end",
			usec_format(text, duration));
}

static int resolve_campaign(struct builder *b, struct config *config, size_t i)
{
	const struct campaign_draft *d = builder_campaign(b, i);
	struct opening_rules *when = &config->campaigns[i].when;
	struct window *windows;
	int r = 0;

	when->synchronised = b->clock > 0;
	if (when->not_after > 0 && when->not_after <= when->not_before)
		problem_at(b, SEVERITY_ERROR, LIST_CAMPAIGNS, &d->origin, "/not_after",
			"is not later than not_before");
	if (d->n_windows == 0)
		return 0;
	windows = arena_alloc(&b->arena, d->n_windows * sizeof(*windows));
	if (!windows)
		return -ENOMEM;
	for (size_t w = 0; w < d->n_windows && r >= 0; w++)
		r = resolve_window(b, config, d, w, &windows[w]);
	when->windows = windows;
	when->n_windows = d->n_windows;
	if (r >= 0 && !builder_has_errors(b))
		check_length(b, config, d, when);
	return r;
}

int config_resolve_windows(struct builder *b, struct config *config)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < config->n_campaigns; i++)
		n += builder_campaign(b, i)->n_windows;
	config->zones = arena_alloc(&b->arena, n * sizeof(*config->zones));
	if (!config->zones)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_campaigns && r >= 0; i++)
		r = resolve_campaign(b, config, i);
	return r;
}
