/*
 * What only tells: why a modem does not go, who goes when, what was, what a name is.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "daemon/bus-internal.h"
#include "daemon/control.h"
#include "daemon/metrics.h"

int bus_no_such_name(sd_bus_error *error, const char *name)
{
	char text[128];

	text_escape(text, sizeof(text), name, strlen(name));
	return sd_bus_error_setf(
		error, BUS_ERROR "NoSuchName", "no modem, campaign or job is called \"%s\"", text);
}

/* -1: not known, or never. */
static int64_t wall(usec_t time)
{
	return time == USEC_INFINITY || time == 0 ? -1 : (int64_t) time;
}

/* ---- Find ---- */

int bus_find(struct bus *b, sd_bus_message *m, sd_bus_error *error)
{
	struct control_target target;
	char path[BUS_PATH_MAX];
	const char *name;
	int r = sd_bus_message_read(m, "s", &name);

	if (r < 0)
		return r;
	if (!control_find(b->manager, name, &target))
		return bus_no_such_name(error, name);
	if (target.run)
		bus_path_of(BUS_CAMPAIGNS, target.run->name, path);
	else if (text_equal(target.modem->config->name, name))
		bus_path_of(BUS_MODEMS, name, path);
	else
		bus_job_path(target.modem->job_id, path);
	return sd_bus_reply_method_return(m, "o", path);
}

/* ---- Explain ---- */

static int append_gate(sd_bus_message *reply, const struct control_gate *gate)
{
	struct bus_value value;

	bus_set_text(&value, gate->value);
	return sd_bus_message_append(reply, "(sssx)", gate->name,
		control_gate_state_name(gate->state), value.text, wall(gate->opens));
}

int bus_explain(struct bus *b, sd_bus_message *m, sd_bus_error *error)
{
	struct control_gate gates[CONTROL_GATES_MAX];
	struct control_target target;
	sd_bus_message *reply = NULL;
	const char *name;
	size_t n;
	int r = sd_bus_message_read(m, "s", &name);

	if (r < 0)
		return r;
	if (!control_find(b->manager, name, &target) || !target.modem)
		return bus_no_such_name(error, name);
	n = control_explain(b->manager, target.modem, gates);
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(sssx)");
	for (size_t i = 0; i < n && r >= 0; i++)
		r = append_gate(reply, &gates[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r;
}

/* ---- Plan ---- */

static int append_sum(sd_bus_message *reply, const struct control_plan_sum *sum)
{
	int r = sd_bus_message_open_container(reply, 'a', "{sv}");

	if (r >= 0)
		r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}", "jobs", "t",
			(uint64_t) sum->jobs, "held", "t", (uint64_t) sum->held, "late", "t",
			(uint64_t) sum->late, "bytes", "t", sum->bytes);
	if (r >= 0)
		r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}", "end", "x", wall(sum->end),
			"early", "x", wall(sum->early), "late_end", "x", wall(sum->late_end),
			"learned", "b", (int) sum->learned);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_plan(sd_bus_message *reply, const struct control_plan_item *items, size_t n,
	const struct control_plan_sum *sum)
{
	int r = sd_bus_message_open_container(reply, 'a', "(sxxts)");

	for (size_t i = 0; i < n && r >= 0; i++)
		r = sd_bus_message_append(reply, "(sxxts)", items[i].modem, wall(items[i].start),
			wall(items[i].end), items[i].bytes, items[i].note);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : append_sum(reply, sum);
}

int bus_plan(struct bus *b, sd_bus_message *m, sd_bus_error *error)
{
	struct control_plan_item *items = NULL;
	struct control_plan_sum sum;
	sd_bus_message *reply = NULL;
	const char *name;
	size_t n;
	int r = sd_bus_message_read(m, "s", &name);

	if (r < 0)
		return r;
	r = control_plan(b->manager, name[0] ? name : NULL, &items, &n, &sum);
	if (r == -ENOENT)
		return bus_no_such_name(error, name);
	if (r >= 0)
		r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = append_plan(reply, items, n, &sum);
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	free(items);
	return r;
}

/* ---- Metrics ---- */

int bus_metrics(struct bus *b, sd_bus_message *m, sd_bus_error *error UNUSED)
{
	char *text = metrics_render(b->manager);
	int r = text ? sd_bus_reply_method_return(m, "s", text) : -ENOMEM;

	free(text);
	return r;
}
