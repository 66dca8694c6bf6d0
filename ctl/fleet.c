#include "ctl/fleet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ctl/link.h"

static const char *const interfaces[] = {
	[FLEET_MODEM] = FOTAD_MODEM,
	[FLEET_CAMPAIGN] = FOTAD_CAMPAIGN,
	[FLEET_JOB] = FOTAD_JOB,
};

void fleet_clear(struct fleet *fleet)
{
	json_decref(fleet->daemon);
	json_decref(fleet->modems);
	json_decref(fleet->campaigns);
	json_decref(fleet->jobs);
	*fleet = (struct fleet){ 0 };
}

static int by_name(const void *a, const void *b)
{
	const char *left = text_of(*(json_t *const *) a, "name"),
		   *right = text_of(*(json_t *const *) b, "name");

	return strverscmp(left ? left : "", right ? right : "");
}

static int by_id(const void *a, const void *b)
{
	long long left = number_of(*(json_t *const *) a, "id", 0),
		  right = number_of(*(json_t *const *) b, "id", 0);

	return (left > right) - (left < right);
}

/* Takes the list over and returns it in order. */
static json_t *sorted(json_t *list, int (*compare)(const void *, const void *))
{
	size_t n = json_array_size(list);
	json_t **items = calloc(n + 1, sizeof(json_t *)), *result;

	if (!items)
		return list;
	for (size_t i = 0; i < n; i++)
		items[i] = json_array_get(list, i);
	qsort(items, n, sizeof(json_t *), compare);
	result = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append(result, items[i]);
	free(items);
	json_decref(list);
	return result;
}

void fleet_build(const json_t *properties, const json_t *objects, struct fleet *ret)
{
	json_t *lists[] = { json_array(), json_array(), json_array() };
	const char *path;
	json_t *object;

	json_object_foreach ((json_t *) objects, path, object) {
		for (size_t kind = 0; kind < ELEMENTSOF(interfaces); kind++) {
			const json_t *own = json_object_get(object, interfaces[kind]);

			if (own)
				json_array_append_new(
					lists[kind], fleet_view((enum fleet_kind) kind, own));
		}
	}
	*ret = (struct fleet){
		.daemon = fleet_view_daemon(properties),
		.modems = sorted(lists[FLEET_MODEM], by_name),
		.campaigns = sorted(lists[FLEET_CAMPAIGN], by_name),
		.jobs = sorted(lists[FLEET_JOB], by_id),
	};
}

enum ctl_exit fleet_ask(struct ctl *ctl, json_t **ret_properties, json_t **ret_objects)
{
	CLEANUP(json_decrefp) json_t *properties = NULL, *objects = NULL;
	enum ctl_exit code;

	properties = link_properties(ctl, FOTAD_ROOT, FOTAD_MANAGER, &code);
	if (properties)
		objects = link_ask(ctl, "list modems and jobs", FOTAD_ROOT,
			"org.freedesktop.DBus.ObjectManager", "GetManagedObjects", &code, NULL);
	if (!objects)
		return code;
	*ret_properties = STEAL(properties);
	*ret_objects = STEAL(objects);
	return CTL_DONE;
}

enum ctl_exit fleet_read(struct ctl *ctl, struct fleet *ret)
{
	CLEANUP(json_decrefp) json_t *properties = NULL, *objects = NULL;
	enum ctl_exit code = fleet_ask(ctl, &properties, &objects);

	if (code == CTL_DONE)
		fleet_build(properties, objects, ret);
	return code;
}

static enum fleet_kind kind_of_path(const char *path)
{
	return text_starts_with(path, FOTAD_ROOT "/campaign/") ? FLEET_CAMPAIGN
	       : text_starts_with(path, FOTAD_ROOT "/job/")    ? FLEET_JOB
							       : FLEET_MODEM;
}

enum ctl_exit fleet_find(struct ctl *ctl, const char *name, enum fleet_kind *ret_kind, json_t **ret)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	enum ctl_exit code = link_call(ctl, "find it", "Find", &reply, "s", name);
	enum fleet_kind kind;
	const char *path;
	json_t *properties;

	if (code != CTL_DONE)
		return code;
	if (sd_bus_message_read(reply, "o", &path) < 0)
		return link_complain(ctl, "find it", NULL, -EBADMSG);
	kind = kind_of_path(path);
	properties = link_properties(ctl, path, interfaces[kind], &code);
	if (!properties)
		return code;
	*ret_kind = kind;
	*ret = fleet_view(kind, properties);
	json_decref(properties);
	return CTL_DONE;
}

enum ctl_exit fleet_job(struct ctl *ctl, const char *path, json_t **ret)
{
	enum ctl_exit code;
	json_t *properties = link_properties(ctl, path, FOTAD_JOB, &code);

	if (!properties)
		return code;
	*ret = fleet_view(FLEET_JOB, properties);
	json_decref(properties);
	return CTL_DONE;
}

const json_t *fleet_job_of(const struct fleet *fleet, const json_t *modem)
{
	return fleet_job_by_id(fleet, number_of(modem, "job", -1));
}

const json_t *fleet_job_by_id(const struct fleet *fleet, long long id)
{
	size_t low = 0, high = json_array_size(fleet->jobs);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const json_t *job = json_array_get(fleet->jobs, middle);
		long long found = number_of(job, "id", 0);

		if (found == id)
			return job;
		if (found < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
