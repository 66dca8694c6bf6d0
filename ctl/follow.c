#include "ctl/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/link.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define PROPERTIES     "org.freedesktop.DBus.Properties"

struct follow {
	struct ctl *ctl;
	follow_handler handler;
	void *userdata;
	json_t *properties, *objects; /* NULL: fotad is not running */
};

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error UNUSED)
{
	struct follow *f = userdata;
	CLEANUP(json_decrefp) json_t *changed = NULL;
	const char *path = sd_bus_message_get_path(message), *interface;
	json_t *known;

	if (!f->objects || sd_bus_message_read(message, "s", &interface) < 0)
		return 0;
	changed = link_json(message);
	known = strcmp(path, FOTAD_ROOT) == 0
			? f->properties
			: json_object_get(json_object_get(f->objects, path), interface);
	if (known && changed)
		json_object_update(known, changed);
	f->handler(f->userdata);
	return 0;
}

static int on_added(sd_bus_message *message, void *userdata, sd_bus_error *error UNUSED)
{
	struct follow *f = userdata;
	const char *path;

	if (!f->objects || sd_bus_message_read(message, "o", &path) < 0)
		return 0;
	json_object_set_new(f->objects, path, link_json(message));
	f->handler(f->userdata);
	return 0;
}

static int on_removed(sd_bus_message *message, void *userdata, sd_bus_error *error UNUSED)
{
	struct follow *f = userdata;
	const char *path;

	if (!f->objects || sd_bus_message_read(message, "o", &path) < 0)
		return 0;
	json_object_del(f->objects, path);
	f->handler(f->userdata);
	return 0;
}

static void forget(struct follow *f)
{
	json_decref(f->properties);
	json_decref(f->objects);
	f->properties = f->objects = NULL;
}

static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *error UNUSED)
{
	struct follow *f = userdata;
	const char *name, *from, *to;

	if (sd_bus_message_read(message, "sss", &name, &from, &to) < 0)
		return 0;
	forget(f);
	if (to[0] != '\0' && fleet_ask(f->ctl, &f->properties, &f->objects) != CTL_DONE)
		forget(f);
	f->handler(f->userdata);
	return 0;
}

static int listen_to_bus(struct follow *f, sd_event *event)
{
	sd_bus *bus = f->ctl->bus;
	int r = sd_bus_match_signal(
		bus, NULL, FOTAD_NAME, NULL, PROPERTIES, "PropertiesChanged", on_changed, f);

	if (r >= 0)
		r = sd_bus_match_signal(bus, NULL, FOTAD_NAME, NULL, OBJECT_MANAGER,
			"InterfacesAdded", on_added, f);
	if (r >= 0)
		r = sd_bus_match_signal(bus, NULL, FOTAD_NAME, NULL, OBJECT_MANAGER,
			"InterfacesRemoved", on_removed, f);
	if (r >= 0)
		r = sd_bus_add_match(bus, NULL,
			"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
			"arg0='" FOTAD_NAME "'",
			on_owner, f);
	return r < 0 ? r : sd_bus_attach_event(bus, event, 0);
}

enum ctl_exit follow_new(struct ctl *ctl, sd_event *event, follow_handler handler, void *userdata,
	struct follow **ret)
{
	enum ctl_exit code = link_open(ctl);
	struct follow *f;
	int r;

	if (code != CTL_DONE)
		return code;
	f = calloc(1, sizeof(*f));
	if (!f)
		return link_complain(ctl, "listen", NULL, -ENOMEM);
	*f = (struct follow){ .ctl = ctl, .handler = handler, .userdata = userdata };
	r = listen_to_bus(f, event);
	/* Asked after the signals are on: what changes in between is told twice, never not at all. */
	code = r < 0 ? link_complain(ctl, "listen", NULL, r)
		     : fleet_ask(ctl, &f->properties, &f->objects);
	if (code != CTL_DONE)
		follow_free(&f);
	else
		*ret = f;
	return code;
}

void follow_free(struct follow **follow)
{
	struct follow *f = *follow;

	if (!f)
		return;
	sd_bus_detach_event(f->ctl->bus);
	/* Its signals point here. */
	f->ctl->bus = sd_bus_flush_close_unref(f->ctl->bus);
	forget(f);
	free(f);
}

bool follow_look(struct follow *f, struct fleet *ret)
{
	if (!f->objects)
		return false;
	fleet_build(f->properties, f->objects, ret);
	return true;
}
