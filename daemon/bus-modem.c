/*
 * org.fotad1.Modem. What the module itself has said is escaped; nothing of the APN is shown.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/text.h"
#include "daemon/bus-internal.h"
#include "daemon/clock.h"

static const struct upgrade *upgrade(const struct modem *m)
{
	return &m->dialogue.upgrade;
}

static void get_name(const void *object, struct bus_value *ret)
{
	ret->text = ((const struct modem *) object)->config->name;
}

static void get_port(const void *object, struct bus_value *ret)
{
	bus_set_text(ret, ((const struct modem *) object)->config->port);
}

/* To which tty the path led when it was opened (Linux' devices.txt). */
static void get_device(const void *object, struct bus_value *ret)
{
	static const struct {
		unsigned major, first;
		const char *prefix;
	} ttys[] = {
		{ 4, 64, "/dev/ttyS" },
		{ 136, 0, "/dev/pts/" },
		{ 166, 0, "/dev/ttyACM" },
		{ 188, 0, "/dev/ttyUSB" },
	};
	const struct modem *m = object;
	dev_t device;

	if (!m->device)
		return;
	memcpy(&device, m->device->key, sizeof(device));
	ret->text = ret->room;
	(void) snprintf(
		ret->room, sizeof(ret->room), "/dev/char/%u:%u", major(device), minor(device));
	for (size_t i = 0; i < ELEMENTSOF(ttys); i++)
		if (major(device) == ttys[i].major && minor(device) >= ttys[i].first)
			(void) snprintf(ret->room, sizeof(ret->room), "%s%u", ttys[i].prefix,
				minor(device) - ttys[i].first);
}

static void get_state(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	ret->text = m->doubled || m->port_reason == REASON_DUPLICATE ? "duplicate"
		    : m->health != MODEM_WELL && modem_is_quarantined(m)
			    ? modem_health_name(m->health)
		    : m->port_state != MODEM_PORT_OPEN ? "absent"
		    : m->refused == REASON_BUSY	       ? "busy-elsewhere"
						       : "present";
}

static void get_imei(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	bus_set_text(ret, upgrade(m)->record.imei[0] ? upgrade(m)->record.imei : m->seen.imei);
}

static void get_model(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	bus_set_text(
		ret, upgrade(m)->identity.model[0] ? upgrade(m)->identity.model : m->seen.model);
}

static void get_version(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;
	const char *version = upgrade(m)->identity.version;

	bus_set_text(ret, version[0] ? version : m->seen.version);
}

static void get_profile(const void *object, struct bus_value *ret)
{
	const struct profile *profile = upgrade(object)->profile;

	ret->text = profile ? profile->name : "";
}

static void get_groups(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	ret->texts = m->config->groups;
	ret->n = m->config->n_groups;
}

static void get_uplink(const void *object, struct bus_value *ret)
{
	ret->number = ((const struct modem *) object)->config->uplink;
}

static void get_campaign(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	ret->text = m->campaign ? m->campaign->name : "";
}

static void get_job(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	bus_job_path(bus_has_job(m) ? m->job_id : 0, ret->room);
	ret->text = ret->room;
}

static void get_target(const void *object, struct bus_value *ret)
{
	const struct modem *m = object;

	bus_set_text(ret, m->job ? m->target : m->campaign ? m->campaign->target : "");
}

static void get_last_seen(const void *object, struct bus_value *ret)
{
	ret->number = ((const struct modem *) object)->seen_at;
}

#define PROPERTIES(X)                                                                              \
	X("Name", "s", get_name, BUS_CONST)                                                        \
	X("Port", "s", get_port, BUS_CHANGES)                                                      \
	X("Device", "s", get_device, BUS_CHANGES)                                                  \
	X("State", "s", get_state, BUS_CHANGES)                                                    \
	X("Imei", "s", get_imei, BUS_CHANGES)                                                      \
	X("Model", "s", get_model, BUS_CHANGES)                                                    \
	X("Version", "s", get_version, BUS_CHANGES)                                                \
	X("Profile", "s", get_profile, BUS_CHANGES)                                                \
	X("Groups", "as", get_groups, BUS_CHANGES)                                                 \
	X("Uplink", "b", get_uplink, BUS_CHANGES)                                                  \
	X("Campaign", "s", get_campaign, BUS_CHANGES)                                              \
	X("Job", "o", get_job, BUS_CHANGES)                                                        \
	X("Target", "s", get_target, BUS_CHANGES)                                                  \
	X("Waits", "s", bus_get_waits, BUS_CHANGES)                                                \
	X("WaitsUntil", "t", bus_get_due, BUS_CHANGES)                                             \
	X("LastSeen", "t", get_last_seen, BUS_CHANGES)

static const struct bus_property properties[] = { PROPERTIES(BUS_ROW) };
static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	PROPERTIES(BUS_MEMBER) SD_BUS_VTABLE_END,
};
const struct bus_interface bus_modem_interface = { BUS_MODEM, properties, ELEMENTSOF(properties),
	vtable };
static_assert(ELEMENTSOF(properties) <= BUS_PROPERTIES_MAX, "room for their hashes");
