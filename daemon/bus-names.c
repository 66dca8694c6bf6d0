/*
 * What paths lead to. Lists are sorted when somebody asks and something has changed: with a thousand modems sd-bus asks
 * six thousand times for one GetManagedObjects.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/bus-internal.h"

/* As sd_bus_path_encode(), without its allocation. */
void bus_path_of(const char *prefix, const char *name, char ret[static BUS_PATH_MAX])
{
	size_t n = (size_t) snprintf(ret, BUS_PATH_MAX, "%s/", prefix);
	const char *begin = name;

	for (; *name && n + 4 < BUS_PATH_MAX; name++) {
		bool letter = (*name >= 'A' && *name <= 'Z') || (*name >= 'a' && *name <= 'z');

		if (letter || (name > begin && *name >= '0' && *name <= '9'))
			ret[n++] = *name;
		else
			n += (size_t) snprintf(
				ret + n, BUS_PATH_MAX - n, "_%02x", (unsigned char) *name);
	}
	ret[n] = '\0';
}

void bus_job_path(uint64_t id, char ret[static BUS_PATH_MAX])
{
	if (id == 0)
		(void) snprintf(ret, BUS_PATH_MAX, "/");
	else
		(void) snprintf(ret, BUS_PATH_MAX, BUS_JOBS "/%" PRIu64, id);
}

bool bus_has_job(const struct modem *m)
{
	return m->job && m->job_id > 0;
}

bool bus_shows(const struct campaign_run *run)
{
	return run->config != NULL;
}

/* ---- sorted lists ---- */

/* A modem's name lies in its configuration, which a reload replaces. */
static const char *name_of(const struct bus_named *named)
{
	return named->modem ? named->modem->config->name : named->name;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(name_of(a), name_of(b));
}

static int by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct bus_named *) a)->job_id;
	uint64_t y = ((const struct bus_named *) b)->job_id;

	return x < y ? -1 : x > y;
}

/* A list of all modems, or of those that have a job. */
static size_t list(const struct manager *g, bool jobs, struct bus_named **list)
{
	struct bus_named *p = reallocarray(*list, g->n_modems + 1, sizeof(*p));
	size_t n = 0;

	if (!p)
		return 0; /* nobody is found, until there is memory */
	*list = p;
	for (size_t i = 0; i < g->n_modems; i++) {
		struct modem *m = g->modems[i];

		if (!jobs || bus_has_job(m))
			p[n++] = (struct bus_named){ .job_id = m->job_id, .modem = m };
	}
	qsort(p, n, sizeof(*p), jobs ? by_id : by_name);
	return n;
}

struct modem *bus_find_modem(struct bus *b, const char *name)
{
	struct bus_named key = { .name = name }, *found;

	if (b->names_stale)
		b->n_names = list(b->manager, false, &b->names);
	b->names_stale = false;
	found = b->n_names ? bsearch(&key, b->names, b->n_names, sizeof(key), by_name) : NULL;
	return found ? found->modem : NULL;
}

static struct modem *look_for_job(struct bus *b, uint64_t id)
{
	struct bus_named key = { .job_id = id }, *found;

	found = b->n_jobs ? bsearch(&key, b->jobs, b->n_jobs, sizeof(key), by_id) : NULL;
	return found && bus_has_job(found->modem) && found->modem->job_id == id ? found->modem
										: NULL;
}

struct modem *bus_find_job(struct bus *b, uint64_t id)
{
	struct modem *m = b->jobs_stale ? NULL : look_for_job(b, id);

	if (m)
		return m;
	b->n_jobs = list(b->manager, true, &b->jobs); /* it may have come a moment ago */
	b->jobs_stale = false;
	return look_for_job(b, id);
}

void bus_names_done(struct bus *b)
{
	free(b->names);
	free(b->jobs);
}

/* ---- what sd-bus asks ---- */

static const char *last_part(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(path, prefix, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

/* Back from the path; false: that is no name. */
static bool decode(const char *part, char ret[static NAME_MAX_SIZE])
{
	size_t n = 0;

	for (; *part; part++) {
		unsigned byte;

		if (n + 1 >= NAME_MAX_SIZE)
			return false;
		if (*part != '_') {
			ret[n++] = *part;
			continue;
		}
		if (strlen(part) < 3 || sscanf(part + 1, "%2x", &byte) != 1 || byte == 0)
			return false;
		ret[n++] = (char) byte;
		part += 2;
	}
	ret[n] = '\0';
	return n > 0;
}

static int find_modem(sd_bus *sd UNUSED, const char *path, const char *interface UNUSED,
	void *userdata, void **ret, sd_bus_error *error UNUSED)
{
	const char *part = last_part(path, BUS_MODEMS);
	char name[NAME_MAX_SIZE];
	struct modem *m = part && decode(part, name) ? bus_find_modem(userdata, name) : NULL;

	*ret = m;
	return m != NULL;
}

static int find_job(sd_bus *sd UNUSED, const char *path, const char *interface UNUSED,
	void *userdata, void **ret, sd_bus_error *error UNUSED)
{
	const char *part = last_part(path, BUS_JOBS);
	struct modem *m = part ? bus_find_job(userdata, strtoull(part, NULL, 10)) : NULL;
	char canonical[BUS_PATH_MAX];

	if (!m)
		return 0;
	bus_job_path(m->job_id, canonical);
	*ret = m;
	return text_equal(canonical, path);
}

static int find_campaign(sd_bus *sd UNUSED, const char *path, const char *interface UNUSED,
	void *userdata, void **ret, sd_bus_error *error UNUSED)
{
	const struct bus *b = userdata;
	const char *part = last_part(path, BUS_CAMPAIGNS);
	char name[NAME_MAX_SIZE];
	struct campaign_run *run =
		part && decode(part, name) ? campaign_run_find(b->manager, name) : NULL;

	if (!run || !bus_shows(run))
		return 0;
	*ret = run;
	return 1;
}

static char **drop_list(char **paths)
{
	for (size_t i = 0; paths && paths[i]; i++)
		free(paths[i]);
	free(paths);
	return NULL;
}

static int list_paths(const struct manager *g, bool jobs, char ***ret)
{
	char **paths = calloc(g->n_modems + 1, sizeof(*paths)), path[BUS_PATH_MAX];
	size_t n = 0;

	for (size_t i = 0; paths && i < g->n_modems; i++) {
		const struct modem *m = g->modems[i];

		if (jobs && !bus_has_job(m))
			continue;
		if (jobs)
			bus_job_path(m->job_id, path);
		else
			bus_path_of(BUS_MODEMS, m->config->name, path);
		paths[n] = strdup(path);
		if (!paths[n++])
			paths = drop_list(paths);
	}
	*ret = paths;
	return paths ? 0 : -ENOMEM;
}

/* sd-bus gives the path that was asked about, not the one that this was added for. */
static int list_modems(sd_bus *sd UNUSED, const char *prefix UNUSED, void *userdata, char ***ret,
	sd_bus_error *error UNUSED)
{
	return list_paths(((const struct bus *) userdata)->manager, false, ret);
}

static int list_jobs(sd_bus *sd UNUSED, const char *prefix UNUSED, void *userdata, char ***ret,
	sd_bus_error *error UNUSED)
{
	return list_paths(((const struct bus *) userdata)->manager, true, ret);
}

static int list_campaigns(sd_bus *sd UNUSED, const char *prefix UNUSED, void *userdata, char ***ret,
	sd_bus_error *error UNUSED)
{
	const struct manager *g = ((const struct bus *) userdata)->manager;
	char **paths, path[BUS_PATH_MAX];
	size_t n = 0;

	for (const struct campaign_run *run = g->runs; run; run = run->next)
		n++;
	paths = calloc(n + 1, sizeof(*paths));
	n = 0;
	for (const struct campaign_run *run = g->runs; paths && run; run = run->next) {
		if (!bus_shows(run))
			continue;
		bus_path_of(BUS_CAMPAIGNS, run->name, path);
		paths[n] = strdup(path);
		if (!paths[n++])
			paths = drop_list(paths);
	}
	*ret = paths;
	return paths ? 0 : -ENOMEM;
}

/* ---- GetManagedObjects: sd-bus' own does not know when it is too much ---- */

static int append_all(struct bus *b, sd_bus_message *reply)
{
	const struct manager *g = b->manager;
	char path[BUS_PATH_MAX];
	int r = 0;

	for (const struct campaign_run *run = g->runs; run && r >= 0; run = run->next) {
		if (!bus_shows(run))
			continue;
		bus_path_of(BUS_CAMPAIGNS, run->name, path);
		r = bus_append_object(reply, &bus_campaign_interface, path, run);
	}
	for (size_t i = 0; i < g->n_modems && r >= 0; i++) {
		const struct modem *m = g->modems[i];

		bus_path_of(BUS_MODEMS, m->config->name, path);
		r = bus_append_object(reply, &bus_modem_interface, path, m);
		if (r < 0 || !bus_has_job(m))
			continue;
		bus_job_path(m->job_id, path);
		r = bus_append_object(reply, &bus_job_interface, path, m);
	}
	return r;
}

static int tell_objects(struct bus *b, sd_bus_message *m, sd_bus_error *error UNUSED)
{
	sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_return(m, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "{oa{sa{sv}}}");
	if (r >= 0)
		r = append_all(b, reply);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r;
}

static int on_root(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	if (sd_bus_message_is_method_call(
		    m, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects") <= 0)
		return 0;
	return bus_later(userdata, m, tell_objects, error);
}

/* ---- all of it ---- */

static int add(struct bus *b, const char *prefix, const struct bus_interface *interface,
	sd_bus_object_find_t find, sd_bus_node_enumerator_t enumerate)
{
	int r = sd_bus_add_fallback_vtable(
		b->sd, NULL, prefix, interface->name, interface->vtable, find, b);

	return r < 0 ? r : sd_bus_add_node_enumerator(b->sd, NULL, prefix, enumerate, b);
}

int bus_add_objects(struct bus *b)
{
	int r = sd_bus_add_object_manager(b->sd, NULL, BUS_ROOT);

	if (r >= 0)
		r = sd_bus_add_object(b->sd, NULL, BUS_ROOT, on_root, b);
	if (r >= 0)
		r = sd_bus_add_object_vtable(
			b->sd, NULL, BUS_ROOT, BUS_MANAGER, bus_manager_interface.vtable, b);
	if (r >= 0)
		r = add(b, BUS_MODEMS, &bus_modem_interface, find_modem, list_modems);
	if (r >= 0)
		r = add(b, BUS_JOBS, &bus_job_interface, find_job, list_jobs);
	if (r >= 0)
		r = add(b, BUS_CAMPAIGNS, &bus_campaign_interface, find_campaign, list_campaigns);
	return r;
}
