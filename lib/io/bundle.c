/*
 * What a bundle holds, from the daemon's side: copies, masked, with every line put together that
 * came in parts.
 */
#include "io/bundle-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"

#define MASK "***"

struct block {
	struct block *next;
	max_align_t memory[];
};

void *bundle_allocate(struct bundle *b, size_t size)
{
	struct block *block = calloc(1, sizeof(*block) + size);

	if (!block)
		return NULL;
	block->next = b->blocks;
	b->blocks = block;
	return block->memory;
}

const char *bundle_copy(struct bundle *b, const char *text)
{
	size_t size = text ? strlen(text) + 1 : 0;
	char *copy = text ? bundle_allocate(b, size) : NULL;

	if (copy)
		memcpy(copy, text, size);
	return copy;
}

struct bundle *bundle_free(struct bundle *b)
{
	if (!b)
		return NULL;
	while (b->blocks) {
		struct block *block = b->blocks;

		b->blocks = block->next;
		free(block);
	}
	free(b->entries);
	free(b);
	return NULL;
}

void bundle_connect(struct bundle *b, size_t n_entries)
{
	b->replay.state = &b->state;
	b->replay.entries = b->entries;
	b->replay.n_entries = n_entries;
}

/* ---- the request, without what is secret ---- */

/* As gtota_build_masked() shows it, so that the same line is built of it; one that cannot be built
 * stays so. */
static bool copy_request(struct bundle *b, const struct gtota_request *request, size_t line_max)
{
	struct gtota_request *copy = &b->task.request;
	const char *url = request->url;
	char masked[GTOTA_FIELD_MAX + sizeof("?" MASK)];
	bool fine = gtota_check(request, line_max, NULL) == GTOTA_FINE;

	if (fine && request->type == GTOTA_HTTP && strchr(url, '?')) {
		(void) text_format(
			masked, sizeof(masked), "%.*s?" MASK, (int) strcspn(url, "?"), url);
		url = masked;
	}
	copy->type = request->type;
	copy->url = bundle_copy(b, fine ? url : "");
	copy->filename = bundle_copy(b, request->filename);
	copy->username = bundle_copy(b, request->username);
	copy->password = fine && request->password ? MASK : NULL;
	return copy->url && !request->filename == !copy->filename &&
	       !request->username == !copy->username;
}

static bool copy_task(struct bundle *b, const struct upgrade_task *task, size_t line_max)
{
	const struct apn *apn = &task->apn;

	b->task.from = bundle_copy(b, task->from);
	b->task.to = bundle_copy(b, task->to);
	b->task.require = task->require;
	b->task.rat = task->rat;
	b->task.check = task->check;
	b->task.signal = task->signal;
	b->task.apn = (struct apn){
		.name = bundle_copy(b, apn->name),
		.username = bundle_copy(b, apn->username),
		.password = apn->password ? MASK : NULL,
		.credential = bundle_copy(b, apn->credential),
	};
	b->replay.task = &b->task;
	return copy_request(b, &task->request, line_max) && b->task.from && b->task.to &&
	       !apn->name == !b->task.apn.name && !apn->username == !b->task.apn.username &&
	       !apn->credential == !b->task.apn.credential;
}

/* ---- the trace ---- */

static int take_trace(struct bundle *b, const struct trace *trace)
{
	struct trace_entry entry;
	struct trace copy = *trace;
	size_t position = 0, n = 0;
	usec_t at = 0;
	int r;

	copy.data = bundle_allocate(b, trace->used + 1);
	if (!copy.data)
		return -ENOMEM;
	memcpy(copy.data, trace->data, trace->used);
	while (trace_next(&copy, &position, &at, &entry))
		n++;
	b->entries = calloc(n + 1, sizeof(*b->entries));
	if (!b->entries)
		return -ENOMEM;
	b->dropped = trace->dropped;
	r = replay_load(&copy, 0, &b->state, b->entries, &b->began, &n);
	bundle_connect(b, r == 0 ? n : 0);
	return r;
}

static bool copy_names(struct bundle *b, const struct bundle_source *s)
{
	b->campaign = bundle_copy(b, s->campaign ?: "");
	b->modem = bundle_copy(b, s->modem);
	b->port = bundle_copy(b, s->port);
	b->target = bundle_copy(b, s->target);
	b->replay.imei = bundle_copy(b, s->who->imei);
	return b->campaign && b->modem && b->port && b->target && !s->who->imei == !b->replay.imei;
}

int bundle_new(const struct bundle_source *s, struct bundle **ret)
{
	const struct upgrade *u = s->upgrade;
	struct bundle *b = calloc(1, sizeof(*b));
	int r = 0;

	if (!b)
		return -ENOMEM;
	(void) text_format(b->fotad, sizeof(b->fotad), "%s", PACKAGE_VERSION);
	b->written = s->written;
	b->before = *s->record;
	b->after = u->record;
	b->identity = u->identity;
	b->evidence = *u->evidence;
	b->verdict = *s->verdict;
	b->replay.named = s->who->profile != NULL;
	b->replay.timeouts = *s->timeouts;
	if (u->profile)
		b->replay.profile = *u->profile;
	if (!copy_names(b, s) ||
		(s->task && !copy_task(b, s->task, u->profile ? u->profile->line_max : SIZE_MAX)))
		r = -ENOMEM;
	if (r == 0)
		r = take_trace(b, s->trace);
	if (r < 0) {
		bundle_free(b);
		return r;
	}
	*ret = b;
	return 0;
}
