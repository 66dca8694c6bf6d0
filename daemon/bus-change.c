/*
 * What has changed, told once for many changes: a modem says "changed" a hundred times a second, an object's properties are
 * compared with what was told of them at most every BUS_PACE, and some objects a turn.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/bus-internal.h"
#include "daemon/clock.h"

#define BATCH 64 /* modems looked at in one turn of the loop */
#define SWEEP                                                                                      \
	(2 * SEC) /* after a turn of the dispatcher: what a job waits for changes with others' fates */

bool bus_is_crowded(const struct bus *b)
{
	uint64_t n = 0;

	return sd_bus_get_n_queued_write(b->sd, &n) < 0 || n > BUS_QUEUE_MAX;
}

/* ---- comparing ---- */

static uint32_t hash_of(const struct bus_property *property, const void *object)
{
	struct bus_value value;
	uint64_t hash;

	memset(&value, 0, offsetof(struct bus_value, room));
	property->get(object, &value);
	hash = text_hash(0, &value.number, sizeof(value.number));
	if (value.text)
		hash = text_hash(hash, value.text, strlen(value.text));
	for (size_t i = 0; i < value.n; i++) {
		hash = text_hash(hash, value.texts[i], strlen(value.texts[i]) + 1);
		if (value.counts)
			hash = text_hash(hash, &value.counts[i], sizeof(value.counts[i]));
	}
	return (uint32_t) (hash ^ hash >> 32);
}

/* Remembers how it is now; which properties are different from before, a bit each. */
static uint32_t compare(const struct bus_interface *in, const void *object, struct bus_object *seen)
{
	uint32_t changed = 0;

	for (size_t i = 0; i < in->n; i++) {
		uint32_t hash = hash_of(&in->properties[i], object);

		if (hash != seen->hashes[i])
			changed |= UINT32_C(1) << i;
		seen->hashes[i] = hash;
	}
	return changed;
}

static void tell(struct bus *b, const struct bus_interface *in, const char *path, uint32_t changed)
{
	char *names[BUS_PROPERTIES_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < in->n; i++)
		if (changed & UINT32_C(1) << i)
			names[n++] = (char *) in->properties[i].name;
	names[n] = NULL;
	(void) sd_bus_emit_properties_changed_strv(b->sd, path, in->name, names);
}

static void look(struct bus *b, const struct bus_interface *in, const void *object,
	const char *path, struct bus_object *seen)
{
	uint32_t changed = compare(in, object, seen);

	if (!seen->told)
		(void) sd_bus_emit_interfaces_added(b->sd, path, in->name, NULL);
	else if (changed)
		tell(b, in, path, changed);
	seen->told = true;
}

static void remove_object(
	struct bus *b, const struct bus_interface *in, const char *path, struct bus_object *seen)
{
	if (seen->told && b->ready)
		(void) sd_bus_emit_interfaces_removed(b->sd, path, in->name, NULL);
	seen->told = false;
}

/* ---- modems and their jobs ---- */

static struct bus_seen *seen_of(struct bus *b, const struct modem *m)
{
	uint32_t n = b->n_seen ? b->n_seen : 64;
	struct bus_seen *seen;
	uint32_t *dirty;

	if (m->id < b->n_seen)
		return &b->seen[m->id];
	while (n <= m->id)
		n *= 2;
	dirty = reallocarray(b->dirty, n, sizeof(*dirty));
	if (!dirty)
		return NULL;
	b->dirty = dirty;
	seen = reallocarray(b->seen, n, sizeof(*seen));
	if (!seen)
		return NULL;
	memset(seen + b->n_seen, 0, (n - b->n_seen) * sizeof(*seen));
	b->seen = seen;
	b->n_seen = n;
	return &seen[m->id];
}

static void note_past(struct bus *b, struct bus_seen *seen, bool past)
{
	if (seen->past == past)
		return;
	seen->past = past;
	b->past += past ? 1 : -1U;
	bus_host_hold(b);
}

static void look_at_job(struct bus *b, const struct modem *m, struct bus_seen *seen)
{
	uint64_t id = bus_has_job(m) ? m->job_id : 0;
	char path[BUS_PATH_MAX];

	if (seen->job_id != id) {
		bus_job_path(seen->job_id, path);
		remove_object(b, &bus_job_interface, path, &seen->job);
		seen->job_id = id;
	}
	if (id == 0)
		return;
	bus_job_path(id, path);
	look(b, &bus_job_interface, m, path, &seen->job);
}

static void look_at_modem(struct bus *b, const struct modem *m, struct bus_seen *seen)
{
	char path[BUS_PATH_MAX];

	note_past(b, seen, upgrade_past_no_return(&m->dialogue.upgrade));
	look_at_job(b, m, seen); /* first: the modem's Job leads to it */
	bus_path_of(BUS_MODEMS, m->config->name, path);
	look(b, &bus_modem_interface, m, path, &seen->modem);
}

static void look_at_dirty(struct bus *b)
{
	uint32_t n = b->n_dirty < BATCH ? b->n_dirty : BATCH;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t id = b->dirty[i];
		struct modem *m = id < b->manager->ids ? b->manager->by_id[id] : NULL;

		b->seen[id].dirty = false;
		if (m)
			look_at_modem(b, m, &b->seen[id]);
	}
	b->n_dirty -= n;
	memmove(b->dirty, b->dirty + n, b->n_dirty * sizeof(*b->dirty));
}

static void mark(struct bus *b, const struct modem *m)
{
	struct bus_seen *seen = seen_of(b, m);

	if (!seen || seen->dirty)
		return;
	seen->dirty = true;
	b->dirty[b->n_dirty++] = m->id;
}

/* ---- campaigns and the manager ---- */

static struct bus_object *object_of(struct bus *b, const struct campaign_run *run)
{
	struct bus_seen_campaign *more;

	for (size_t i = 0; i < b->n_campaigns; i++)
		if (b->campaigns[i].run == run)
			return &b->campaigns[i].object;
	more = reallocarray(b->campaigns, b->n_campaigns + 1, sizeof(*more));
	if (!more)
		return NULL;
	b->campaigns = more;
	more += b->n_campaigns++;
	memset(more, 0, sizeof(*more));
	more->run = run;
	return &more->object;
}

static void look_at_rest(struct bus *b)
{
	char path[BUS_PATH_MAX];

	b->settled = false;
	look(b, &bus_manager_interface, b, BUS_ROOT, &b->self);
	for (const struct campaign_run *run = b->manager->runs; run; run = run->next) {
		struct bus_object *object = bus_shows(run) ? object_of(b, run) : NULL;

		if (!object)
			continue;
		bus_path_of(BUS_CAMPAIGNS, run->name, path);
		look(b, &bus_campaign_interface, run, path, object);
	}
}

/* ---- when ---- */

static void arm(struct bus *b)
{
	usec_t due = usec_add(b->changed_at, BUS_PACE);

	if (!b->ready || !b->change_source)
		return;
	if (b->n_dirty == 0 && !b->settled)
		due = b->sweep;
	(void) sd_event_source_set_time(b->change_source, due);
	(void) sd_event_source_set_enabled(
		b->change_source, due == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void on_changed(void *userdata, struct modem *m)
{
	struct bus *b = userdata;
	bool quiet = b->n_dirty == 0;

	if (m->id >= b->n_seen || !b->seen[m->id].modem.told)
		b->names_stale = true;
	if (!b->ready)
		return;
	mark(b, m);
	if (quiet)
		arm(b);
}

static void on_gone(void *userdata, struct modem *m)
{
	struct bus *b = userdata;
	struct bus_seen *seen = m->id < b->n_seen ? &b->seen[m->id] : NULL;
	char path[BUS_PATH_MAX];

	b->names_stale = b->jobs_stale = true;
	if (!seen)
		return;
	note_past(b, seen, false);
	bus_job_path(seen->job_id, path);
	remove_object(b, &bus_job_interface, path, &seen->job);
	bus_path_of(BUS_MODEMS, m->config->name, path);
	remove_object(b, &bus_modem_interface, path, &seen->modem);
}

static void on_settled(void *userdata)
{
	struct bus *b = userdata;

	if (!b->ready || b->settled)
		return;
	b->settled = true;
	if (b->sweep == USEC_INFINITY)
		b->sweep = usec_add(clock_boottime(), SWEEP);
	arm(b);
}

const struct watcher bus_watcher = {
	.changed = on_changed, .gone = on_gone, .settled = on_settled
};

static int on_change(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	struct bus *b = userdata;
	usec_t now = clock_boottime();

	if (!b->ready)
		return 0;
	if (bus_is_crowded(b)) { /* nothing is lost: it is compared when there is room again */
		b->changed_at = now;
		arm(b);
		return 0;
	}
	if (b->sweep <= now) {
		b->sweep = USEC_INFINITY;
		for (size_t i = 0; i < b->manager->n_modems; i++)
			mark(b, b->manager->modems[i]);
	}
	if (b->settled)
		look_at_rest(b);
	look_at_dirty(b);
	if (b->n_dirty == 0) /* else the others have their turn at once */
		b->changed_at = now;
	arm(b);
	return 0;
}

/* Who comes now asks for everything: what he is told later is what has changed since. */
void bus_change_begin(struct bus *b)
{
	const struct manager *g = b->manager;

	b->names_stale = b->jobs_stale = true;
	b->past = b->n_dirty = 0;
	b->sweep = USEC_INFINITY;
	for (uint32_t i = 0; i < b->n_seen; i++)
		memset(&b->seen[i], 0, sizeof(b->seen[i]));
	for (size_t i = 0; i < g->n_modems; i++) {
		const struct modem *m = g->modems[i];
		struct bus_seen *seen = seen_of(b, m);

		if (!seen)
			return;
		seen->past = upgrade_past_no_return(&m->dialogue.upgrade);
		b->past += seen->past;
		(void) compare(&bus_modem_interface, m, &seen->modem);
		seen->modem.told = true;
		seen->job_id = bus_has_job(m) ? m->job_id : 0;
		seen->job.told = seen->job_id > 0;
		if (seen->job.told)
			(void) compare(&bus_job_interface, m, &seen->job);
	}
	for (const struct campaign_run *run = g->runs; run; run = run->next) {
		struct bus_object *object = bus_shows(run) ? object_of(b, run) : NULL;

		if (object)
			(void) compare(&bus_campaign_interface, run, object);
		if (object)
			object->told = true;
	}
	(void) compare(&bus_manager_interface, b, &b->self);
	b->self.told = true;
}

int bus_change_new(struct bus *b)
{
	int r = sd_event_add_time(b->event, &b->change_source, CLOCK_BOOTTIME, USEC_INFINITY,
		10 * MSEC, on_change, b);

	b->sweep = USEC_INFINITY;
	return r < 0 ? r
		     : sd_event_source_set_priority(
			       b->change_source, SD_EVENT_PRIORITY_NORMAL + BUS_PRIORITY);
}

void bus_change_done(struct bus *b)
{
	sd_event_source_disable_unref(b->change_source);
	free(b->seen);
	free(b->dirty);
	free(b->campaigns);
}
