/*
 * config-check-campaigns - whom a campaign is for, and whether a modem is wished two things at once
 * (conduct 20).
 */
#include "io/config-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

bool config_selects(const struct config_campaign *campaign, const struct config_modem *modem)
{
	if (campaign->all || config_listed(campaign->names, campaign->n_names, modem->name))
		return true;
	for (size_t i = 0; i < modem->n_groups; i++)
		if (config_listed(campaign->groups, campaign->n_groups, modem->groups[i]))
			return true;
	return false;
}

/* What a selection may name, sorted. */
struct known {
	const char **names, **groups;
	size_t n_names, n_groups;
};

static int known_collect(struct known *known, const struct config *config)
{
	size_t n = 0;

	for (size_t i = 0; i < config->n_modems; i++)
		n += config->modems[i].n_groups;
	known->names = calloc(config->n_modems + 1, sizeof(*known->names));
	known->groups = calloc(n + 1, sizeof(*known->groups));
	if (!known->names || !known->groups)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_modems; i++) {
		known->names[known->n_names++] = config->modems[i].name;
		for (size_t g = 0; g < config->modems[i].n_groups; g++)
			known->groups[known->n_groups++] = config->modems[i].groups[g];
	}
	qsort(known->names, known->n_names, sizeof(*known->names), config_compare_texts);
	qsort(known->groups, known->n_groups, sizeof(*known->groups), config_compare_texts);
	return 0;
}

/* A name that is no modem's is a slip of the pen; a group may be empty for a while. */
static void check_selection(
	struct builder *b, const struct known *known, const struct campaign_draft *d)
{
	const struct config_campaign *c = &d->campaign;

	for (size_t i = 0; i < c->n_names; i++) {
		struct choice choice = { .written = c->names[i] };

		if (config_listed(known->names, known->n_names, c->names[i]))
			continue;
		for (size_t m = 0; m < known->n_names; m++)
			choice_add(&choice, ", ", known->names[m]);
		problem_at(b, SEVERITY_ERROR, LIST_CAMPAIGNS, &d->origin, "/modems/names",
			"there is no modem \"%s\"%s", c->names[i], choice_hint(&choice));
	}
	for (size_t i = 0; i < c->n_groups; i++)
		if (!config_listed(known->groups, known->n_groups, c->groups[i]))
			problem_at(b, SEVERITY_WARNING, LIST_CAMPAIGNS, &d->origin,
				"/modems/groups", "no modem is in the group \"%s\"", c->groups[i]);
}

static bool is_reached(const struct config *config, const char *target)
{
	for (size_t i = 0; i < config->n_packages; i++)
		if (text_equal(config->packages[i].to, target))
			return true;
	return false;
}

/* Only what the packages say can be compared. Once for each campaign. */
static void check_fetch(
	struct builder *b, const struct config *config, const struct campaign_draft *d)
{
	for (size_t i = 0; i < config->n_packages && d->campaign.fetch != FETCH_OFF; i++)
		if (text_equal(config->packages[i].to, d->campaign.target) &&
			!config->packages[i].sha256) {
			problem_at(b, SEVERITY_WARNING, LIST_CAMPAIGNS, &d->origin, "/fetch",
				"the package from \"%s\" to \"%s\" has no sha256 to compare with",
				config->packages[i].from, config->packages[i].to);
			return;
		}
}

static void check_target(
	struct builder *b, const struct config *config, const struct campaign_draft *d)
{
	if (d->campaign.target[0] == '\0')
		return;
	if (text_equal(d->campaign.target, "*"))
		problem_at(b, SEVERITY_ERROR, LIST_CAMPAIGNS, &d->origin, "/target",
			"expected a version, found \"*\"");
	else if (!is_reached(config, d->campaign.target))
		problem_at(b, SEVERITY_WARNING, LIST_CAMPAIGNS, &d->origin, "/target",
			"no package leads to \"%s\"", d->campaign.target);
}

const struct config_campaign *config_campaign_of(
	const struct config *config, const struct config_modem *modem)
{
	const struct config_campaign *best = NULL;

	for (size_t i = 0; i < config->n_campaigns; i++) {
		const struct config_campaign *c = &config->campaigns[i];

		if ((!best || c->priority > best->priority) && config_selects(c, modem))
			best = c;
	}
	return best;
}

/* The first modem for which this campaign and another of its priority decide, against each other.
 */
static const struct config_modem *find_quarrel(const struct config *config,
	const struct config_campaign *const *decides, const struct config_campaign *c)
{
	for (size_t i = 0; i < config->n_modems; i++) {
		const struct config_campaign *first = decides[i];

		if (first && first != c && first->priority == c->priority &&
			!text_equal(first->target, c->target) &&
			config_selects(c, &config->modems[i]))
			return &config->modems[i];
	}
	return NULL;
}

static void check_quarrels(
	struct builder *b, const struct config *config, const struct config_campaign **decides)
{
	for (size_t i = 0; i < config->n_modems; i++)
		decides[i] = config_campaign_of(config, &config->modems[i]);
	for (size_t i = 0; i < config->n_campaigns; i++) {
		const struct config_campaign *c = &config->campaigns[i], *first;
		const struct config_modem *modem = find_quarrel(config, decides, c);
		const struct campaign_draft *d = builder_campaign(b, i), *other;

		if (!modem)
			continue;
		first = decides[modem - config->modems];
		other = builder_campaign(b, (size_t) (first - config->campaigns));
		/* A target that is missing was said already. */
		if (c->target[0] != '\0' && first->target[0] != '\0')
			problem_at(b, SEVERITY_ERROR, LIST_CAMPAIGNS, &d->origin, "/priority",
				"%d is also the priority of \"%s\" (%s: /campaigns/%u), which has "
				"another target for modem \"%s\" than \"%s\"",
				c->priority, first->name, b->files[other->origin.file],
				other->origin.index, modem->name, c->name);
	}
}

int config_check_campaigns(struct builder *b, const struct config *config)
{
	const struct config_campaign **decides = calloc(config->n_modems + 1, sizeof(*decides));
	struct known known = { 0 };
	int r;

	r = known_collect(&known, config);
	if (r >= 0 && !decides)
		r = -ENOMEM;
	if (r >= 0) {
		for (size_t i = 0; i < config->n_campaigns; i++) {
			check_selection(b, &known, builder_campaign(b, i));
			check_target(b, config, builder_campaign(b, i));
			config_check_waves(b, builder_campaign(b, i));
			config_check_brake(b, builder_campaign(b, i));
			check_fetch(b, config, builder_campaign(b, i));
		}
		check_quarrels(b, config, decides);
		config_check_limits(b, config);
	}
	free(known.names);
	free(known.groups);
	free(decides);
	return r;
}
