#include "sim/sim-write.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "sim/fake-modem-internal.h"

#define FAMILIES 4

void next_version(const char *version, char ret[static VERSION_MAX])
{
	const char *dot = strrchr(version, '.');
	int stem = dot ? (int) (dot + 1 - version) : 0;

	snprintf(ret, VERSION_MAX, "%.*s%02d", stem, version, (atoi(version + stem) + 1) % 1000000);
}

static int close_file(FILE *file, const char *path)
{
	int r = ferror(file) ? -EIO : 0;

	if (fclose(file) != 0 && r >= 0)
		r = -errno;
	if (r < 0)
		unlink(path);
	return r;
}

int write_package(const char *path, const struct fake_package *package, uint64_t size)
{
	uint64_t random = size;
	FILE *file;
	int head;

	head = snprintf(
		NULL, 0, "FOTAD-PACKAGE %s %s %s\n", package->model, package->from, package->to);
	if (size < (uint64_t) head)
		return -EINVAL;
	file = fopen(path, "we");
	if (!file)
		return -errno;
	fprintf(file, "FOTAD-PACKAGE %s %s %s\n", package->model, package->from, package->to);
	size -= (uint64_t) head;
	while (size > 0) {
		uint64_t filler = fake_random(&random);
		size_t n = size < sizeof(filler) ? (size_t) size : sizeof(filler);

		fwrite(&filler, 1, n, file);
		size -= n;
	}
	return close_file(file, path);
}

static void target_of(const struct fake_modem_config *config, const char *version_to,
	char ret[static VERSION_MAX])
{
	if (version_to[0] != '\0')
		snprintf(ret, VERSION_MAX, "%s", version_to);
	else
		next_version(config->version, ret);
}

/* RFC 8259, 7, for what an operator may have written. */
static void put_escaped(FILE *file, const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char) *text < 0x20)
			fprintf(file, "\\u%04x", *text);
		else
			fprintf(file, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	}
}

static void put_url(
	FILE *file, const char *url, const struct fake_modem_config *config, const char *target)
{
	for (; *url != '\0'; url++) {
		if (*url != '%' || !strchr("mft", url[1]) || url[1] == '\0')
			put_escaped(file, (const char[]){ *url, '\0' });
		else
			fputs(*++url == 'm'   ? config->model
				: *url == 'f' ? config->version
					      : target,
				file);
	}
}

/* Is modem i the first with its model and version? */
static bool is_first(const struct scenario *s, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (text_equal(s->modems[k].config.model, s->modems[i].config.model) &&
			text_equal(s->modems[k].config.version, s->modems[i].config.version))
			return false;
	return true;
}

static void put_modems(FILE *file, const struct scenario *s, const char *directory)
{
	fputs("\t\"modems\": [\n", file);
	for (size_t i = 0; i < s->n_modems; i++) {
		const struct scenario_modem *modem = &s->modems[i];

		fprintf(file, "\t\t{ \"name\": \"%s\", \"port\": \"", modem->name);
		put_escaped(file, directory);
		fprintf(file, "/%s\", \"imei\": \"%s\", \"groups\": [\"%s\"] }%s\n", modem->name,
			modem->config.imei, fake_row(modem->config.family)->name,
			i + 1 < s->n_modems ? "," : "");
	}
	fputs("\t],\n", file);
}

static void put_packages(
	FILE *file, const struct scenario *s, const char *url, const char *version_to)
{
	const char *separator = "";

	fputs("\t\"packages\": [\n", file);
	for (size_t i = 0; i < s->n_modems; i++) {
		const struct fake_modem_config *config = &s->modems[i].config;
		char target[VERSION_MAX];

		target_of(config, version_to, target);
		if (!is_first(s, i) || text_equal(target, config->version))
			continue;
		fprintf(file,
			"%s\t\t{ \"model\": \"%s\", \"from\": \"%s\", \"to\": \"%s\", "
			"\"http\": { \"url\": \"",
			separator, config->model, config->version, target);
		put_url(file, url, config, target);
		fputs("\" } }", file);
		separator = ",\n";
	}
	fputs("\n\t],\n", file);
}

static void put_campaigns(FILE *file, const struct scenario *s, const char *version_to)
{
	const char *separator = "";
	bool done[FAMILIES] = { false };

	fputs("\t\"campaigns\": [\n", file);
	for (size_t i = 0; i < s->n_modems; i++) {
		const struct fake_modem_config *config = &s->modems[i].config;
		const char *family = fake_row(config->family)->name;
		char target[VERSION_MAX];

		if (done[config->family])
			continue;
		done[config->family] = true;
		target_of(config, version_to, target);
		fprintf(file,
			"%s\t\t{ \"name\": \"bench-%s\", \"modems\": { \"groups\": [\"%s\"] }, "
			"\"target\": \"%s\" }",
			separator, family, family, target);
		separator = ",\n";
	}
	fputs("\n\t],\n", file);
}

int write_config(const char *path, const struct scenario *scenario, const char *directory,
	const char *url, const char *version_to)
{
	char absolute[PATH_MAX];
	FILE *file;

	if (!realpath(directory, absolute))
		return -errno;
	file = fopen(path, "we");
	if (!file)
		return -errno;
	fprintf(file, "{\n\t\"version\": 1,\n\t\"limits\": { \"max_parallel\": %zu },\n",
		scenario->n_modems);
	put_modems(file, scenario, absolute);
	put_packages(file, scenario, url, version_to);
	put_campaigns(file, scenario, version_to);
	/* Simulated modems are quick; fotad's own defaults are for real ones. */
	fputs("\t\"timeouts\": { \"stall\": \"10s\", \"settle\": \"1s\" }\n}\n", file);
	return close_file(file, path);
}
