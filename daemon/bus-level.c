/*
 * org.freedesktop.LogControl1 (org.freedesktop.LogControl1(5)): `systemctl service-log-level fotad debug`.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "daemon/bus-internal.h"

#define PATH	  "/org/freedesktop/LogControl1"
#define INTERFACE "org.freedesktop.LogControl1"

static int get(sd_bus *sd UNUSED, const char *path UNUSED, const char *interface UNUSED,
	const char *property, sd_bus_message *reply, void *userdata UNUSED,
	sd_bus_error *error UNUSED)
{
	const char *stream = getenv("JOURNAL_STREAM");

	return sd_bus_message_append(reply, "s",
		text_equal(property, "LogLevel")    ? log_level_name(log_level())
		: text_equal(property, "LogTarget") ? (stream && stream[0] ? "journal" : "console")
						    : "fotad");
}

/* Levels below err are not told apart here. */
static int level_of(const char *name)
{
	static const char *const urgent[] = { "emerg", "alert", "crit" };

	for (size_t i = 0; i < ELEMENTSOF(urgent); i++)
		if (text_equal(urgent[i], name))
			return LOG_ERR;
	return log_level_by_name(name);
}

static int set_level(struct bus *b UNUSED, sd_bus_message *m, sd_bus_error *error)
{
	const char *interface, *property, *name;
	int level, r;

	r = sd_bus_message_read(m, "ss", &interface, &property);
	if (r < 0)
		return r;
	if (!text_equal(property, "LogLevel"))
		return sd_bus_error_setf(error, SD_BUS_ERROR_PROPERTY_READ_ONLY,
			"only LogLevel can be set: where fotad logs to is decided by who starts "
			"it");
	r = sd_bus_message_read(m, "v", "s", &name);
	if (r < 0)
		return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "a level is a string");
	level = level_of(name);
	if (level < 0)
		return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
			"levels are err, warning, notice, info and debug");
	log_set_level(level);
	return sd_bus_reply_method_return(m, "");
}

/* Before the vtable's own setter, whose check of the caller would wait for the bus. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *interface;

	if (sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", "Set") <= 0 ||
		sd_bus_message_read(m, "s", &interface) < 0)
		return 0;
	(void) sd_bus_message_rewind(m, true);
	return text_equal(interface, INTERFACE) ? bus_check(userdata, m, BUS_OWN, set_level, error)
						: 0;
}

static int set(sd_bus *sd UNUSED, const char *path UNUSED, const char *interface UNUSED,
	const char *property UNUSED, sd_bus_message *value UNUSED, void *userdata UNUSED,
	sd_bus_error *error UNUSED)
{
	return -EACCES; /* see on_message() */
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get, set, 0, 0),
	SD_BUS_PROPERTY("LogTarget", "s", get, 0, 0),
	SD_BUS_PROPERTY("SyslogIdentifier", "s", get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_VTABLE_END,
};

int bus_add_log_control(struct bus *b)
{
	int r = sd_bus_add_object(b->sd, NULL, PATH, on_message, b);

	return r < 0 ? r : sd_bus_add_object_vtable(b->sd, NULL, PATH, INTERFACE, vtable, b);
}
