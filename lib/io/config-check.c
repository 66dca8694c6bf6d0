/*
 * config-check - what no row can see: names that meet, ports that are given twice, and access
 * points that nobody would open.
 */
#include "io/config-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* By key, then as the files stand. */
static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = strcmp(x->key, y->key);

	if (r != 0)
		return r;
	if (x->origin->file != y->origin->file)
		return x->origin->file < y->origin->file ? -1 : 1;
	if (x->list != y->list)
		return x->list < y->list ? -1 : 1;
	return x->origin->index < y->origin->index ? -1 : x->origin->index > y->origin->index;
}

void config_sort_entries(struct entry *entries, size_t n)
{
	if (n > 0)
		qsort(entries, n, sizeof(*entries), by_key);
}

void config_check_unique(struct builder *b, struct entry *entries, size_t n, const char *what)
{
	const struct entry *first = entries;

	config_sort_entries(entries, n);
	for (size_t i = 1; i < n; i++) {
		const struct entry *e = &entries[i];
		char key[SHOWN_MAX];

		if (!text_equal(e->key, first->key)) {
			first = e;
			continue;
		}
		problem_at(b, SEVERITY_ERROR, e->list, e->origin, e->suffix,
			"\"%s\" is already %s %s: /%s/%u", shown(key, e->key), what,
			b->files[first->origin->file], config_list_key(first->list),
			first->origin->index);
	}
}

/* Modems and campaigns share their names (conduct 22). */
static void check_names(struct builder *b, struct entry *entries)
{
	size_t n = 0;

	for (size_t i = 0; i < b->lists[LIST_MODEMS].n; i++) {
		const struct modem_draft *d = builder_modem(b, i);

		if (d->modem.name[0] != '\0')
			entries[n++] =
				(struct entry){ d->modem.name, LIST_MODEMS, &d->origin, "/name" };
	}
	for (size_t i = 0; i < b->lists[LIST_CAMPAIGNS].n; i++) {
		const struct campaign_draft *d = builder_campaign(b, i);

		if (d->campaign.name[0] != '\0')
			entries[n++] = (struct entry){ d->campaign.name, LIST_CAMPAIGNS, &d->origin,
				"/name" };
	}
	config_check_unique(b, entries, n, "the name of");
}

static void check_ports(struct builder *b, struct entry *entries)
{
	size_t n = 0;

	for (size_t i = 0; i < b->lists[LIST_MODEMS].n; i++) {
		const struct modem_draft *d = builder_modem(b, i);

		if (d->modem.port)
			entries[n++] =
				(struct entry){ d->modem.port, LIST_MODEMS, &d->origin, "/port" };
	}
	config_check_unique(b, entries, n, "the port of");
}

static void check_imeis(struct builder *b, struct entry *entries)
{
	size_t n = 0;

	for (size_t i = 0; i < b->lists[LIST_MODEMS].n; i++) {
		const struct modem_draft *d = builder_modem(b, i);

		if (d->modem.imei)
			entries[n++] =
				(struct entry){ d->modem.imei, LIST_MODEMS, &d->origin, "/imei" };
	}
	config_check_unique(b, entries, n, "the IMEI of");
}

/* Would any module of this profile open a connection? With "auto" it may be any. */
static bool may_call(const struct config *config, const char *profile)
{
	for (size_t i = 0; i < config->n_profiles; i++)
		if (config->profiles[i].mipcall == PROFILE_MIPCALL_REQUIRED &&
			(!profile || text_equal(config->profiles[i].name, profile)))
			return true;
	return false;
}

/* An access point that is given and never used would be a lie (conduct 24). */
static void check_apns(struct builder *b, const struct config *config)
{
	for (size_t i = 0; i < b->lists[LIST_MODEMS].n; i++) {
		const struct modem_draft *d = builder_modem(b, i);

		if (d->apn_given && !may_call(config, d->modem.profile))
			problem_at(b, SEVERITY_ERROR, LIST_MODEMS, &d->origin, "/apn",
				"is never used: mipcall is \"never\" for profile %s; leave it out, "
				"or set "
				"\"mipcall\": \"required\" in profiles",
				d->modem.profile ? d->modem.profile : "auto");
	}
}

static void check_retries(struct builder *b)
{
	char text[USEC_FORMAT_MAX];

	for (size_t i = 0; i < b->lists[LIST_CAMPAIGNS].n; i++) {
		const struct campaign_draft *d = builder_campaign(b, i);

		if (d->max_delay_given && d->campaign.retry.max_delay < d->campaign.retry.delay)
			problem_at(b, SEVERITY_ERROR, LIST_CAMPAIGNS, &d->origin,
				"/retry/max_delay", "is shorter than delay (%s)",
				usec_format(text, d->campaign.retry.delay));
	}
}

int config_check(struct builder *b, const struct config *config)
{
	size_t n = b->lists[LIST_MODEMS].n + b->lists[LIST_CAMPAIGNS].n;
	struct entry *entries = calloc(n + 1, sizeof(*entries));
	int r;

	if (!entries)
		return -ENOMEM;
	check_names(b, entries);
	check_ports(b, entries);
	check_imeis(b, entries);
	free(entries);
	check_apns(b, config);
	r = config_check_packages(b);
	if (r < 0)
		return r;
	check_retries(b);
	r = config_check_campaigns(b, config);
	if (r < 0)
		return r;
	return config_check_credentials(b);
}
