/*
 * config-check-packages - can a module be told to fetch it, is it one that the module takes, and is
 * there a second one that says the same (conduct 23)?
 */
#include "io/config-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Stands in for a field whose problem was said already, or whose value is known at run time only.
 */
#define STAND_IN "x"

static const char *suffix_of(enum gtota_field field, enum gtota_type type)
{
	switch (field) {
	case GTOTA_FIELD_NONE:
		break;
	case GTOTA_FIELD_URL:
		return type == GTOTA_HTTP ? "/http/url" : "/ftp/server";
	case GTOTA_FIELD_FILENAME:
		return "/ftp/file";
	case GTOTA_FIELD_USERNAME:
		return "/ftp/username";
	case GTOTA_FIELD_PASSWORD:
		return "/ftp/password";
	}
	return type == GTOTA_HTTP ? "/http" : "/ftp";
}

/* False: there is nothing to put in place of the whole line. */
static bool replace(struct gtota_request *request, enum gtota_field field)
{
	switch (field) {
	case GTOTA_FIELD_NONE:
		return false;
	case GTOTA_FIELD_URL:
		request->url = request->type == GTOTA_HTTP ? "http://x/x" : STAND_IN;
		break;
	case GTOTA_FIELD_FILENAME:
		request->filename = STAND_IN;
		break;
	case GTOTA_FIELD_USERNAME:
		request->username = STAND_IN;
		break;
	case GTOTA_FIELD_PASSWORD:
		request->password = STAND_IN;
		break;
	}
	return true;
}

/* gtota_check() knows the first problem; a field that has one is replaced, so that the next shows.
 */
static void check_request(struct builder *b, const struct package_draft *d, size_t line_max)
{
	const struct package *p = &d->package;
	struct gtota_request request = { .type = p->type,
		.url = p->url,
		.filename = p->filename,
		.username = p->username,
		.password = p->credential ? STAND_IN : p->password };
	enum gtota_problem what;
	enum gtota_field field = GTOTA_FIELD_NONE;

	/* What is not there was said when the file was read. */
	if (!request.url)
		replace(&request, GTOTA_FIELD_URL);
	if (p->type == GTOTA_FTP && !request.filename)
		replace(&request, GTOTA_FIELD_FILENAME);
	if (p->type == GTOTA_FTP && !request.username)
		replace(&request, GTOTA_FIELD_USERNAME);
	if (p->type == GTOTA_FTP && !request.password)
		replace(&request, GTOTA_FIELD_PASSWORD);
	while ((what = gtota_check(&request, line_max, &field)) != GTOTA_FINE) {
		problem_at(b, SEVERITY_ERROR, LIST_PACKAGES, &d->origin, suffix_of(field, p->type),
			"%s", gtota_problem_text(what));
		if (!replace(&request, field))
			break;
	}
}

static void check_model(struct builder *b, const struct package_draft *d)
{
	struct choice choice = { .written = d->package.model };
	const struct profile *row;

	for (size_t i = 0; (row = profile_at(i)); i++)
		choice_add(&choice, ", ", row->name);
	problem_at(b, SEVERITY_ERROR, LIST_PACKAGES, &d->origin, "/model",
		"\"%s\" begins with no family that is known (%s)%s", d->package.model, choice.known,
		choice_hint(&choice));
}

static void check_versions(
	struct builder *b, const struct package_draft *d, const struct profile *row)
{
	const struct package *p = &d->package;

	if (text_equal(p->from, "*") && row && !row->full_image)
		problem_at(b, SEVERITY_ERROR, LIST_PACKAGES, &d->origin, "/from",
			"\"*\", a full image, is not possible for %s", row->name);
	if (text_equal(p->to, "*"))
		problem_at(b, SEVERITY_ERROR, LIST_PACKAGES, &d->origin, "/to",
			"\"*\" is possible in \"from\" only; expected a version");
	else if (p->to[0] != '\0' && text_equal(p->from, p->to))
		problem_at(b, SEVERITY_ERROR, LIST_PACKAGES, &d->origin, "/to",
			"is the same version as \"from\"");
}

static void check_size(struct builder *b, const struct package_draft *d, const struct profile *row)
{
	uint64_t size = d->package.size;

	if (size > row->package_max)
		problem_at(b, SEVERITY_ERROR, LIST_PACKAGES, &d->origin, "/size",
			"is %" PRIu64 ", but %s takes at most %" PRIu64 " bytes", size, row->name,
			row->package_max);
	else if (row->package_warn > 0 && size >= row->package_warn)
		problem_at(b, SEVERITY_WARNING, LIST_PACKAGES, &d->origin, "/size",
			"is %" PRIu64 "; from %" PRIu64 " bytes on, %s may refuse it", size,
			row->package_warn, row->name);
}

/* model, from and to as one word; models are compared as model_match() compares them. */
static char *edge_name(const struct package *p)
{
	char *name;

	if (asprintf(&name, "%s %s %s", p->model, p->from, p->to) < 0)
		return NULL;
	for (char *c = name; *c != ' '; c++)
		*c = (char) (*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c == '_' ? '-' : *c);
	return name;
}

static int check_edges(struct builder *b, struct entry *entries)
{
	size_t n = 0;
	bool failed = false;

	for (size_t i = 0; i < b->lists[LIST_PACKAGES].n; i++) {
		const struct package_draft *d = builder_package(b, i);
		char *name;

		if (d->package.model[0] == '\0' || d->package.from[0] == '\0' ||
			d->package.to[0] == '\0')
			continue;
		name = edge_name(&d->package);
		if (name)
			entries[n++] = (struct entry){ name, LIST_PACKAGES, &d->origin, "" };
		failed = failed || !name;
	}
	if (!failed)
		config_check_unique(b, entries, n, "the package");
	for (size_t i = 0; i < n; i++)
		free((char *) entries[i].key);
	return failed ? -ENOMEM : 0;
}

int config_check_packages(struct builder *b)
{
	size_t n = b->lists[LIST_PACKAGES].n;
	struct entry *entries;
	int r;

	for (size_t i = 0; i < n; i++) {
		const struct package_draft *d = builder_package(b, i);
		const struct profile *row = NULL;

		if (d->package.model[0] != '\0' &&
			profile_match(d->package.model, &row) == PROFILE_MATCH_NONE) {
			row = NULL;
			check_model(b, d);
		}
		check_versions(b, d, row);
		/* 0: it was refused when the file was read, or not given */
		if (row && d->package.size > 0)
			check_size(b, d, row);
		check_request(b, d, row ? row->line_max : SIZE_MAX);
	}
	entries = calloc(n + 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	r = check_edges(b, entries);
	free(entries);
	return r;
}
