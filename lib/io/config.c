/*
 * config - see config.h. This file goes through the files and makes the configuration out of what
 * they gave.
 */
#include "io/config.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/config-internal.h"

static int load_file(struct builder *b, const char *path)
{
	json_t *root = NULL;
	int r;

	r = builder_enter_file(b, path);
	if (r < 0)
		return r;
	r = config_file_read(b, path, &root);
	if (r < 0 || !root)
		return r;
	config_parse(b, root);
	json_decref(root);
	return b->out_of_memory ? -ENOMEM : 0;
}

static int load_files(struct builder *b, const char *path)
{
	char **parts = NULL;
	size_t n = 0;
	int r;

	r = load_file(b, path);
	if (r < 0)
		return r;
	r = config_file_list(b, path, &parts, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (r >= 0)
			r = load_file(b, parts[i]);
		free(parts[i]);
	}
	free(parts);
	return r;
}

/* Later files win key by key, and a family's own value wins over the one for all. */
static void overlay(struct timeouts *timeouts, const struct timeouts *over)
{
	for (const struct field *f = config_timeouts_object.fields; f->key; f++) {
		usec_t value;

		memcpy(&value, (const char *) over + f->offset, sizeof(value));
		if (value > 0)
			memcpy((char *) timeouts + f->offset, &value, sizeof(value));
	}
}

static int resolve_profiles(struct builder *b, struct config *config)
{
	config->profiles = arena_alloc(&b->arena, b->n_profiles * sizeof(*config->profiles));
	if (!config->profiles)
		return -ENOMEM;
	config->n_profiles = b->n_profiles;
	for (size_t i = 0; i < b->n_profiles; i++) {
		const struct profile_draft *d = &b->profiles[i];
		struct profile *p = &config->profiles[i];

		*p = *profile_at(i);
		if (d->mipcall_given)
			p->mipcall = d->mipcall;
		if (d->probe_given)
			p->probe = d->probe;
		overlay(&p->timeouts, &b->timeouts);
		overlay(&p->timeouts, &d->timeouts);
	}
	config_set_defaults(&config_timeouts_object, &config->timeouts);
	overlay(&config->timeouts, &b->timeouts);
	return 0;
}

/* The row's own name, which lives as long as the program; NULL for "auto". */
static const char *profile_of(const struct modem_draft *d)
{
	const struct profile *row = profile_by_name(d->profile);

	return row ? row->name : NULL;
}

static int take_lists(struct builder *b, struct config *config)
{
	config->n_modems = b->lists[LIST_MODEMS].n;
	config->n_packages = b->lists[LIST_PACKAGES].n;
	config->n_campaigns = b->lists[LIST_CAMPAIGNS].n;
	config->modems = arena_alloc(&b->arena, config->n_modems * sizeof(*config->modems));
	config->packages = arena_alloc(&b->arena, config->n_packages * sizeof(*config->packages));
	config->campaigns =
		arena_alloc(&b->arena, config->n_campaigns * sizeof(*config->campaigns));
	if (!config->modems || !config->packages || !config->campaigns)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_modems; i++) {
		struct modem_draft *d = builder_modem(b, i);

		d->modem.profile = profile_of(d);
		config->modems[i] = d->modem;
	}
	for (size_t i = 0; i < config->n_packages; i++) {
		struct package_draft *d = builder_package(b, i);

		d->package.type = d->ftp_given ? GTOTA_FTP : GTOTA_HTTP;
		config->packages[i] = d->package;
	}
	for (size_t i = 0; i < config->n_campaigns; i++) {
		struct campaign_draft *d = builder_campaign(b, i);
		struct config_retry *retry = &d->campaign.retry;

		d->campaign.all = !d->selection_given;
		if (!d->max_delay_given)
			retry->max_delay = usec_max(retry->max_delay, retry->delay);
		if (!d->halt_after_given && !d->campaign.rules.halt.failures.percent)
			d->campaign.rules.halt.after = 0;
		config->campaigns[i] = d->campaign;
	}
	return 0;
}

static int make_config(struct builder *b, struct config *config)
{
	int r;

	config->max_parallel = b->max_parallel;
	config->per_cell = b->per_cell;
	config->per_group = b->per_group;
	config->n_per_group = b->n_per_group;
	config->metrics = b->metrics;
	r = resolve_profiles(b, config);
	if (r < 0)
		return r;
	r = take_lists(b, config);
	if (r >= 0)
		r = config_resolve_windows(b, config);
	if (r < 0)
		return r;
	r = config_check(b, config);
	if (r < 0)
		return r;
	return b->out_of_memory ? -ENOMEM : 0;
}

/* The problems are given also with -EBADMSG; the caller sees none of them with -ENOMEM. */
static int load(struct builder *b, const char *path, struct config *config,
	struct config_problems *ret_problems)
{
	bool broken;
	int r;

	config_set_defaults(&config_root_object, b);
	r = load_files(b, path);
	if (r < 0)
		return r;
	r = make_config(b, config);
	if (r < 0)
		return r;
	broken = builder_has_errors(b);
	r = builder_give_problems(b, ret_problems);
	if (r < 0)
		return r;
	return broken ? -EBADMSG : 0;
}

int config_load(const char *path, const char *credentials_directory, struct config **ret,
	struct config_problems *ret_problems)
{
	struct config *config = calloc(1, sizeof(*config));
	struct builder b;
	int r;

	if (!config)
		return -ENOMEM;
	r = builder_init(&b, credentials_directory);
	if (r >= 0)
		r = load(&b, path, config, ret_problems);
	if (r >= 0) {
		config->arena = STEAL(b.arena);
		*ret = STEAL(config);
	}
	builder_done(&b);
	config_free(config);
	return r;
}

struct config *config_free(struct config *config)
{
	if (!config)
		return NULL;
	arena_free(config->arena);
	free(config);
	return NULL;
}

const struct profile *config_profile(const struct config *config, const struct profile *row)
{
	for (size_t i = 0; i < config->n_profiles; i++)
		if (text_equal(config->profiles[i].name, row->name))
			return &config->profiles[i];
	return NULL;
}
