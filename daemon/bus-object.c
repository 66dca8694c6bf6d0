#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "daemon/bus-internal.h"
#include "daemon/clock.h"

void bus_set_text(struct bus_value *value, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	value->text = text ? text : "";
	if (n == 0 || text_is_printable(text, n))
		return;
	text_escape(value->room, sizeof(value->room), text, n);
	value->text = value->room;
}

static uint64_t wall_time(const struct bus_value *value)
{
	usec_t now = clock_boottime(), wall = clock_realtime();

	if (value->number == 0 || value->number == USEC_INFINITY)
		return 0;
	if (!value->boottime)
		return value->number;
	return value->number > now ? usec_add(wall, value->number - now)
				   : usec_sub(wall, now - value->number);
}

static int append_counts(sd_bus_message *reply, const struct bus_value *value)
{
	int r = sd_bus_message_open_container(reply, 'a', "{su}");

	for (size_t i = 0; i < value->n && r >= 0; i++)
		r = sd_bus_message_append(
			reply, "{su}", value->texts[i], (uint32_t) value->counts[i]);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_texts(sd_bus_message *reply, const struct bus_value *value)
{
	int r = sd_bus_message_open_container(reply, 'a', "s");

	for (size_t i = 0; i < value->n && r >= 0; i++)
		r = sd_bus_message_append(reply, "s", value->texts[i]);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append(sd_bus_message *reply, const char *signature, const struct bus_value *value)
{
	switch (signature[0]) {
	case 's':
	case 'o':
		return sd_bus_message_append(reply, signature, value->text ? value->text : "");
	case 'b':
		return sd_bus_message_append(reply, "b", (int) (value->number != 0));
	case 'u':
	case 'i':
		return sd_bus_message_append(reply, signature, (uint32_t) value->number);
	case 't':
		return sd_bus_message_append(reply, "t", wall_time(value));
	case 'a':
		return value->counts ? append_counts(reply, value) : append_texts(reply, value);
	default:
		return -EINVAL;
	}
}

static const struct bus_interface *find_interface(const char *name)
{
	static const struct bus_interface *const all[] = {
		&bus_manager_interface,
		&bus_modem_interface,
		&bus_job_interface,
		&bus_campaign_interface,
	};

	for (size_t i = 0; i < ELEMENTSOF(all); i++)
		if (text_equal(all[i]->name, name))
			return all[i];
	return NULL;
}

int bus_get_property(sd_bus *sd UNUSED, const char *path UNUSED, const char *interface,
	const char *property, sd_bus_message *reply, void *object, sd_bus_error *error UNUSED)
{
	const struct bus_interface *in = find_interface(interface);
	struct bus_value value;

	for (size_t i = 0; in && i < in->n; i++) {
		if (!text_equal(in->properties[i].name, property))
			continue;
		memset(&value, 0, offsetof(struct bus_value, room));
		in->properties[i].get(object, &value);
		return append(reply, in->properties[i].signature, &value);
	}
	return -ENOENT;
}

static int append_properties(
	sd_bus_message *reply, const struct bus_interface *in, const void *object)
{
	struct bus_value value;
	int r = sd_bus_message_open_container(reply, 'a', "{sv}");

	for (size_t i = 0; i < in->n && r >= 0; i++) {
		const struct bus_property *property = &in->properties[i];

		memset(&value, 0, offsetof(struct bus_value, room));
		property->get(object, &value);
		r = sd_bus_message_open_container(reply, 'e', "sv");
		if (r >= 0)
			r = sd_bus_message_append(reply, "s", property->name);
		if (r >= 0)
			r = sd_bus_message_open_container(reply, 'v', property->signature);
		if (r >= 0)
			r = append(reply, property->signature, &value);
		if (r >= 0)
			r = sd_bus_message_close_container(reply);
		if (r >= 0)
			r = sd_bus_message_close_container(reply);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_append_object(
	sd_bus_message *reply, const struct bus_interface *in, const char *path, const void *object)
{
	int r = sd_bus_message_open_container(reply, 'e', "oa{sa{sv}}");

	if (r >= 0)
		r = sd_bus_message_append(reply, "o", path);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "{sa{sv}}");
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'e', "sa{sv}");
	if (r >= 0)
		r = sd_bus_message_append(reply, "s", in->name);
	if (r >= 0)
		r = append_properties(reply, in, object);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}
