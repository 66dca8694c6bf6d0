/*
 * One signal for each milestone: what goes to the journal, LOG_INFO and more urgent. Where the bus does not keep up, signals
 * are left out and counted; the next one says how many.
 */
#include <string.h>

#include "base/text.h"
#include "daemon/bus-internal.h"
#include "daemon/clock.h"

static int add_text(sd_bus_message *m, const char *key, const char *text)
{
	struct bus_value value;

	if (!text || !text[0])
		return 0;
	bus_set_text(&value, text);
	return sd_bus_message_append(m, "{sv}", key, "s", value.text);
}

static int add_number(sd_bus_message *m, const char *key, int number)
{
	return number < 0 ? 0 : sd_bus_message_append(m, "{sv}", key, "u", (uint32_t) number);
}

static int add_fields(sd_bus_message *m, const struct log_fields *fields)
{
	const struct {
		const char *key, *text;
	} texts[] = {
		{ "modem", fields->modem },
		{ "campaign", fields->campaign },
		{ "phase", fields->phase },
		{ "step", fields->step },
		{ "from", fields->from },
		{ "to", fields->to },
		{ "reason", fields->reason },
	};
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(texts) && r >= 0; i++)
		r = add_text(m, texts[i].key, texts[i].text);
	if (r >= 0)
		r = add_number(m, "attempt", fields->attempt);
	if (r >= 0)
		r = add_number(m, "percent", fields->percent);
	return r < 0 ? r : add_number(m, "cme", fields->cme);
}

static int add_event(struct bus *b, sd_bus_message *m, int level, enum log_message message,
	const struct log_fields *fields, const char *text)
{
	const struct modem *modem =
		fields && fields->modem ? bus_find_modem(b, fields->modem) : NULL;
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (r >= 0)
		r = sd_bus_message_append(m, "{sv}{sv}{sv}", "time", "t", clock_realtime(), "kind",
			"s", log_message_name(message), "priority", "y", (uint8_t) level);
	if (r >= 0)
		r = add_text(m, "message", text);
	if (r >= 0 && modem && bus_has_job(modem))
		r = sd_bus_message_append(m, "{sv}", "job", "t", modem->job_id);
	if (r >= 0 && fields)
		r = add_fields(m, fields);
	if (r >= 0 && b->events_lost > 0)
		r = sd_bus_message_append(m, "{sv}", "lost", "t", b->events_lost);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

void bus_event(int level, enum log_message message, const struct log_fields *fields,
	const char *text, void *bus)
{
	struct bus *b = bus;
	sd_bus_message *m = NULL;
	int r;

	if (!b->ready)
		return;
	if (bus_is_crowded(b)) {
		b->events_lost++;
		return;
	}
	r = sd_bus_message_new_signal(b->sd, &m, BUS_ROOT, BUS_MANAGER, "Event");
	if (r >= 0)
		r = add_event(b, m, level, message, fields, text);
	if (r >= 0)
		r = sd_bus_send(b->sd, m, NULL);
	sd_bus_message_unref(m);
	if (r < 0)
		b->events_lost++;
	else
		b->events_lost = 0;
}
