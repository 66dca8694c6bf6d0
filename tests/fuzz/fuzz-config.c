/*
 * fuzz-config - whatever stands in a file: it is refused with a message that people can read, or it
 * is a configuration that the rest of the program can rely on.
 *
 * Input: the file, as it is. It is read through /proc/self/fd, because config_load() takes a path.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "io/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_text(const char *text, size_t max)
{
	assert(text && strlen(text) <= max && text_is_printable(text, strlen(text)));
}

static void expect_modem(const struct config *config, const struct config_modem *m)
{
	const struct config_campaign *c = config_campaign_of(config, m);

	expect_text(m->name, NAME_MAX_SIZE - 1);
	assert(m->name[0] != '\0' && m->port[0] == '/' && m->baud_rate > 0);
	assert(!m->imei || imei_is_valid(m->imei));
	assert(!m->profile || profile_by_name(m->profile));
	for (size_t i = 1; i < m->n_groups; i++)
		assert(strcmp(m->groups[i - 1], m->groups[i]) < 0);
	if (m->apn.username)
		assert(m->apn.name && !m->apn.password != !m->apn.credential);
	assert(!c || c->all || c->n_names + c->n_groups > 0);
}

static void expect_package(const struct package *p)
{
	const struct profile *row;
	struct gtota_request request = { .type = p->type,
		.url = p->url,
		.filename = p->filename,
		.username = p->username,
		.password = p->credential ? "x" : p->password };

	assert(profile_match(p->model, &row) != PROFILE_MATCH_NONE);
	assert(gtota_check(&request, row->line_max, NULL) == GTOTA_FINE);
	assert(p->from[0] != '\0' && p->to[0] != '\0' && strcmp(p->from, p->to) != 0);
	assert(p->size <= row->package_max && strcmp(p->to, "*") != 0);
	assert(row->full_image || strcmp(p->from, "*") != 0);
}

static void expect_when(const struct opening_rules *when)
{
	struct window_opening opening;

	assert(when->not_after == 0 || when->not_after > when->not_before);
	assert(when->n_windows <= WINDOWS_MAX && when->window_end <= WINDOW_END_FINISH);
	for (size_t i = 0; i < when->n_windows; i++) {
		const struct window *w = &when->windows[i];

		assert(w->days > 0 && w->days <= WINDOW_EVERY_DAY && w->start < WINDOW_DAY_END);
		assert(w->end <= WINDOW_DAY_END && w->end != w->start && w->zone->name);
	}
	assert(window_next(when->windows, when->n_windows, UINT64_C(1800000000) * SEC, 0, &opening));
}

static void expect_campaign(const struct config_campaign *c)
{
	expect_text(c->name, NAME_MAX_SIZE - 1);
	expect_text(c->target, VERSION_MAX - 1);
	assert(c->name[0] != '\0' && c->target[0] != '\0');
	assert(c->retry.attempts > 0 && c->retry.delay > 0);
	assert(c->retry.max_delay >= c->retry.delay);
	assert(c->require.technology <= TECHNOLOGY_LTE && c->rat <= RAT_LOCK);
	expect_when(&c->when);
}

static void expect_config(const struct config *config)
{
	assert(config->max_parallel > 0);
	assert(config->timeouts.command > 0 && config->timeouts.settle > 0);
	for (size_t i = 0; i < config->n_modems; i++)
		expect_modem(config, &config->modems[i]);
	for (size_t i = 0; i < config->n_packages; i++)
		expect_package(&config->packages[i]);
	for (size_t i = 0; i < config->n_campaigns; i++)
		expect_campaign(&config->campaigns[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_problems problems = { 0 };
	struct config *config = NULL;
	char path[64];
	int fd, r;

	fd = memfd_create("config", MFD_CLOEXEC);
	assert(fd >= 0);
	assert(fchmod(fd, 0600) == 0);
	assert(write(fd, data, size) == (ssize_t) size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = config_load(path, NULL, &config, &problems);
	close(fd);
	assert(r == 0 || r == -EBADMSG);
	assert((r == 0) == (config != NULL));
	assert((r == 0) == (problems.n_errors == 0));
	for (size_t i = 0; i < problems.n_errors; i++)
		expect_text(problems.errors[i], 4096);
	for (size_t i = 0; i < problems.n_warnings; i++)
		expect_text(problems.warnings[i], 4096);
	if (config)
		expect_config(config);
	config_free(config);
	config_problems_done(&problems);
	return 0;
}
