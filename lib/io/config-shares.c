/*
 * config-shares - values that say how many: "5", "10%", and limits by name; and whether they fit together.
 */
#include "io/config-internal.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/schedule.h"

/* Gates of a modem beside those of its groups: campaign, wave, uplink, cell, and the window of a forecast. */
#define LIMITED_GROUPS_MAX (SCHEDULE_GATES_MAX - 5)

void config_parse_share(struct builder *b, const struct field *f, json_t *value, void *base)
{
	const char *text = json_is_string(value) ? json_string_value(value) : "";

	if (share_parse(text, (struct share *) (void *) ((char *) base + f->offset)) < 0)
		config_unexpected(b, value, "a number or a percentage in quotes (\"5\", \"10%\")");
}

static int compare(const void *a, const void *b)
{
	const struct config_limit *x = a, *y = b;

	return strcmp(x->group, y->group);
}

static void parse_count(
	struct builder *b, const struct field *f, json_t *value, struct config_limit *ret)
{
	const struct field row = { .kind = FIELD_INTEGER,
		.offset = offsetof(struct config_limit, limit),
		.size = sizeof(ret->limit),
		.min = f->min,
		.max = f->max };

	config_parse_value(b, &row, value, ret);
}

static const char *keep(struct builder *b, const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = arena_alloc(&b->arena, n);

	if (!copy)
		b->out_of_memory = true;
	return copy ? memcpy(copy, text, n) : NULL;
}

/* { "pumps": 2 }: a later file adds to what an earlier one has. */
static struct config_limit *take_counts(
	struct builder *b, const struct field *f, json_t *value, void *base, size_t *ret_n)
{
	struct config_limit *before, *limits;

	memcpy(&before, (char *) base + f->offset, sizeof(before));
	memcpy(ret_n, (char *) base + f->other, sizeof(*ret_n));
	limits = arena_alloc(&b->arena, (*ret_n + json_object_size(value)) * sizeof(*limits));
	if (!limits)
		b->out_of_memory = true;
	else if (*ret_n > 0)
		memcpy(limits, before, *ret_n * sizeof(*limits));
	return limits;
}

static struct config_limit *find_limit(struct config_limit *limits, size_t n, const char *group)
{
	for (size_t i = 0; i < n; i++)
		if (text_equal(limits[i].group, group))
			return &limits[i];
	return NULL;
}

static void put_count(struct builder *b, const struct field *f, const char *key, json_t *item,
	struct config_limit *limits, size_t *n)
{
	const struct form *form = config_form(f->form);
	struct config_limit *limit = find_limit(limits, *n, key);

	if (config_field(NULL, key)) {
		config_parse_comment(b, item);
		return;
	}
	if (!form->fits(key, strlen(key))) {
		problem(b, SEVERITY_ERROR, "is not the name of a group: expected %s",
			form->expected);
		return;
	}
	if (!limit) {
		limits[*n] = (struct config_limit){ .group = keep(b, key) };
		if (!limits[*n].group)
			return;
		limit = &limits[(*n)++];
	}
	parse_count(b, f, item, limit);
}

void config_parse_counts(struct builder *b, const struct field *f, json_t *value, void *base)
{
	struct config_limit *limits;
	const char *key;
	json_t *item;
	size_t n = 0;

	if (!json_is_object(value)) {
		config_unexpected(b, value, "an object");
		return;
	}
	limits = take_counts(b, f, value, base, &n);
	if (!limits)
		return;
	json_object_foreach(value, key, item)
	{
		size_t mark = pointer_push(b, key);

		put_count(b, f, key, item, limits, &n);
		pointer_pop(b, mark);
	}
	qsort(limits, n, sizeof(*limits), compare);
	memcpy((char *) base + f->offset, &limits, sizeof(limits));
	memcpy((char *) base + f->other, &n, sizeof(n));
}

/* ---- what no row can see ---- */

static void say_wave(struct builder *b, const struct campaign_draft *d, size_t i, const char *text)
{
	char suffix[64];

	snprintf(suffix, sizeof(suffix), "/waves/%zu/size", i);
	problem_at(b, SEVERITY_ERROR, LIST_CAMPAIGNS, &d->origin, suffix, "%s", text);
}

void config_check_waves(struct builder *b, const struct campaign_draft *d)
{
	const struct wave_rules *waves = d->campaign.rules.waves;
	size_t n = d->campaign.rules.n_waves;

	for (size_t i = 0; i < n; i++) {
		const struct share *size = &waves[i].size,
				   *before = i > 0 ? &waves[i - 1].size : NULL;

		if (size->value == 0) /* was said already */
			continue;
		if (i + 1 == n && (!size->percent || size->value != 100))
			say_wave(b, d, i,
				"the last wave must be \"100%\", so that nobody is left out");
		else if (before && before->percent == size->percent && before->value >= size->value)
			say_wave(b, d, i, "is not more than the wave before it, which it includes");
	}
}

/* What a modem hears afterwards is asked in the check. */
void config_check_brake(struct builder *b, const struct campaign_draft *d)
{
	if (d->campaign.rules.brake.signal_db > 0 && d->campaign.check == CHECK_NONE)
		problem_at(b, SEVERITY_ERROR, LIST_CAMPAIGNS, &d->origin, "/brake/signal_db",
			"with \"check\": \"none\" nobody asks what an upgraded modem hears");
}

static size_t count_limited(const struct config *config, const struct config_modem *modem)
{
	size_t n = 0;

	for (size_t i = 0; i < modem->n_groups; i++)
		n += find_limit(config->per_group, config->n_per_group, modem->groups[i]) != NULL;
	return n;
}

static void check_uplink(struct builder *b, const struct config *config, size_t i)
{
	const struct config_campaign *campaign = config_campaign_of(config, &config->modems[i]);

	if (config->modems[i].uplink && campaign && !campaign->uplink_confirmed)
		problem_at(b, SEVERITY_WARNING, LIST_MODEMS, &builder_modem(b, i)->origin,
			"/uplink",
			"it is not upgraded before campaign \"%s\" says \"uplink_confirmed\": true, or "
			"there is another route",
			campaign->name);
}

void config_check_limits(struct builder *b, const struct config *config)
{
	for (size_t i = 0; i < config->n_modems; i++) {
		if (count_limited(config, &config->modems[i]) > LIMITED_GROUPS_MAX)
			problem_at(b, SEVERITY_ERROR, LIST_MODEMS, &builder_modem(b, i)->origin,
				"/groups", "more than %d of them have a limit (limits.per_group)",
				LIMITED_GROUPS_MAX);
		check_uplink(b, config, i);
	}
}
