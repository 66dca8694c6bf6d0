/*
 * org.fotad1.Manager: what there is to see of the whole, and one way in for every method. Who may call a method stands
 * beside its name: what is not said to be for everybody is checked (bus-check.c).
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "daemon/bus-internal.h"
#include "daemon/metrics.h"

static const struct manager *manager_of(const void *object)
{
	return ((const struct bus *) object)->manager;
}

static void get_version(const void *object UNUSED, struct bus_value *ret)
{
	ret->text = PACKAGE_VERSION;
}

/* Goes up when something is taken away or means something else; what is added leaves it (conduct 28). */
static void get_api_version(const void *object UNUSED, struct bus_value *ret)
{
	ret->number = 1;
}

static void get_file(const void *object, struct bus_value *ret)
{
	bus_set_text(ret, manager_of(object)->options.config_path);
}

static void get_refused(const void *object, struct bus_value *ret)
{
	ret->number = manager_of(object)->metrics->reload_failed;
}

static void get_paused(const void *object, struct bus_value *ret)
{
	ret->number = manager_of(object)->schedule.gateway.closed == JOB_WAIT_PAUSED;
}

static void get_held(const void *object, struct bus_value *ret)
{
	ret->number = manager_of(object)->held;
}

static void get_store_error(const void *object, struct bus_value *ret)
{
	int error = manager_of(object)->store_error;

	ret->text = error ? strerror(error < 0 ? -error : error) : "";
}

static void get_modems(const void *object, struct bus_value *ret)
{
	ret->number = manager_of(object)->n_modems;
}

static void get_running(const void *object, struct bus_value *ret)
{
	ret->number = manager_of(object)->running;
}

static void get_waiting(const void *object, struct bus_value *ret)
{
	const struct manager *g = manager_of(object);

	for (size_t i = 0; i < g->n_modems; i++)
		ret->number += g->modems[i]->job && g->modems[i]->state == JOB_WAITING &&
			       !g->modems[i]->slot;
}

static void get_max_parallel(const void *object, struct bus_value *ret)
{
	ret->number = manager_of(object)->rules->config->max_parallel;
}

static void get_inhibitors(const void *object, struct bus_value *ret)
{
	ret->number = manager_of(object)->inhibitors;
}

static void get_synchronised(const void *object UNUSED, struct bus_value *ret)
{
	ret->number = clock_is_synchronised();
}

#define PROPERTIES(X)                                                                              \
	X("Version", "s", get_version, BUS_CONST)                                                  \
	X("ApiVersion", "u", get_api_version, BUS_CONST)                                           \
	X("ConfigurationFile", "s", get_file, BUS_CONST)                                           \
	X("ConfigurationRefused", "b", get_refused, BUS_CHANGES)                                   \
	X("Paused", "b", get_paused, BUS_CHANGES)                                                  \
	X("Held", "b", get_held, BUS_CHANGES)                                                      \
	X("StoreError", "s", get_store_error, BUS_CHANGES)                                         \
	X("ModemCount", "u", get_modems, BUS_CHANGES)                                              \
	X("RunningCount", "u", get_running, BUS_CHANGES)                                           \
	X("WaitingCount", "u", get_waiting, BUS_CHANGES)                                           \
	X("MaxParallel", "u", get_max_parallel, BUS_CHANGES)                                       \
	X("InhibitorCount", "u", get_inhibitors, BUS_CHANGES)                                      \
	X("ClockSynchronised", "b", get_synchronised, BUS_CHANGES)

/* Name, action, handler, arguments, results. */
#define P(name) SD_BUS_PARAM(name)
#define METHODS(X)                                                                                 \
	X("Start", BUS_MANAGE, bus_start, "sb", P(name) P(force), "os", P(job) P(answer))          \
	X("Cancel", BUS_MANAGE, bus_cancel, "s", P(name), "os", P(job) P(answer))                  \
	X("Retry", BUS_MANAGE, bus_retry, "s", P(name), "os", P(job) P(answer))                    \
	X("Pause", BUS_MANAGE, bus_pause, "s", P(name), "s", P(answer))                            \
	X("Resume", BUS_MANAGE, bus_resume, "s", P(name), "s", P(answer))                          \
	X("Acknowledge", BUS_MANAGE, bus_acknowledge, "", "", "s", P(answer))                      \
	X("Reload", BUS_RELOAD, bus_reload, "", "", "", "")                                        \
	X("Inhibit", BUS_MANAGE, bus_inhibit, "ss", P(who) P(why), "h", P(fd))                     \
	X("ListInhibitors", BUS_READ, bus_list_inhibitors, "", "", "a(ss)", P(inhibitors))         \
	X("Explain", BUS_READ_MUCH, bus_explain, "s", P(modem), "a(sssx)", P(gates))               \
	X("Plan", BUS_READ_MUCH, bus_plan, "s", P(campaign), "a(sxxts)a{sv}", P(rows) P(sum))      \
	X("History", BUS_READ_MUCH, bus_history, "su", P(name) P(max), "aa{sv}", P(lines))         \
	X("Trace", BUS_MANAGE, bus_trace, "s", P(modem), "hs", P(fd) P(filename))                  \
	X("Metrics", BUS_READ_MUCH, bus_metrics, "", "", "s", P(text))                             \
	X("Find", BUS_READ, bus_find, "s", P(name), "o", P(path))

#define ENTRY(name, action, handler, in, in_names, out, out_names) { name, action, handler },
#define METHOD(name, action, handler, in, in_names, out, out_names)                                \
	SD_BUS_METHOD_WITH_NAMES(                                                                  \
		name, in, in_names, out, out_names, bus_call, SD_BUS_VTABLE_UNPRIVILEGED),

static const struct bus_property properties[] = { PROPERTIES(BUS_ROW) };
static const struct {
	const char *name;
	enum bus_action action;
	bus_handler handler;
} methods[] = { METHODS(ENTRY) };

/* Unprivileged for sd-bus, whose own check would wait for an answer of the bus. */
static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	PROPERTIES(BUS_MEMBER) METHODS(METHOD)
		SD_BUS_SIGNAL_WITH_ARGS("Event", SD_BUS_ARGS("a{sv}", event), 0),
	SD_BUS_VTABLE_END,
};
const struct bus_interface bus_manager_interface = { BUS_MANAGER, properties,
	ELEMENTSOF(properties), vtable };
static_assert(ELEMENTSOF(properties) <= BUS_PROPERTIES_MAX, "room for their hashes");

int bus_call(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *name = sd_bus_message_get_member(m);
	struct bus *b = userdata;

	for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
		if (!text_equal(methods[i].name, name))
			continue;
		if (methods[i].action == BUS_READ_MUCH)
			return bus_later(b, m, methods[i].handler, error);
		if (methods[i].handler == bus_start)
			return bus_check(b, m, bus_start_action(m), bus_start, error);
		return bus_check(b, m, methods[i].action, methods[i].handler, error);
	}
	return -EBADR; /* the vtable has what this table has */
}
