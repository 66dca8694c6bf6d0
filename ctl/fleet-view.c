#include <stdlib.h>
#include <string.h>

#include "ctl/fleet.h"
#include "ctl/text.h"

enum form {
	FORM_TEXT,   /* "" is null */
	FORM_NAME,   /* the last part of an object path; "/" is null */
	FORM_ID,     /* likewise, a number */
	FORM_NUMBER, /* below 0 is null */
	FORM_SIGNED,
	FORM_FLAG,
	FORM_WHEN,  /* microseconds since 1970, as RFC 3339; 0 and never are null */
	FORM_AS_IS, /* a list or an object */
};

struct field {
	const char *property, *key;
	enum form form;
};

static const struct field daemon_fields[] = {
	{ "Version", "version", FORM_TEXT },
	{ "ApiVersion", "api_version", FORM_NUMBER },
	{ "ConfigurationFile", "configuration", FORM_TEXT },
	{ "ConfigurationRefused", "configuration_refused", FORM_FLAG },
	{ "Paused", "paused", FORM_FLAG },
	{ "Held", "held", FORM_FLAG },
	{ "StoreError", "store_error", FORM_TEXT },
	{ "ModemCount", "modems", FORM_NUMBER },
	{ "RunningCount", "running", FORM_NUMBER },
	{ "WaitingCount", "waiting", FORM_NUMBER },
	{ "MaxParallel", "max_parallel", FORM_NUMBER },
	{ "ClockSynchronised", "clock_synchronised", FORM_FLAG },
	{ "InhibitorCount", "inhibitors", FORM_NUMBER },
	{ NULL, NULL, FORM_TEXT },
};

static const struct field modem_fields[] = {
	{ "Name", "name", FORM_TEXT },
	{ "Port", "port", FORM_TEXT },
	{ "Device", "device", FORM_TEXT },
	{ "State", "state", FORM_TEXT },
	{ "Imei", "imei", FORM_TEXT },
	{ "Model", "model", FORM_TEXT },
	{ "Version", "version", FORM_TEXT },
	{ "Profile", "profile", FORM_TEXT },
	{ "Groups", "groups", FORM_AS_IS },
	{ "Uplink", "uplink", FORM_FLAG },
	{ "Campaign", "campaign", FORM_TEXT },
	{ "Job", "job", FORM_ID },
	{ "Target", "target", FORM_TEXT },
	{ "Waits", "waits_for", FORM_TEXT },
	{ "WaitsUntil", "waits_until", FORM_WHEN },
	{ "LastSeen", "last_seen", FORM_WHEN },
	{ NULL, NULL, FORM_TEXT },
};

static const struct field campaign_fields[] = {
	{ "Name", "name", FORM_TEXT },
	{ "Target", "target", FORM_TEXT },
	{ "Priority", "priority", FORM_SIGNED },
	{ "Configured", "configured", FORM_FLAG },
	{ "State", "state", FORM_TEXT },
	{ "StateText", "state_text", FORM_TEXT },
	{ "Wave", "wave", FORM_NUMBER },
	{ "Waves", "waves", FORM_NUMBER },
	{ "SoakUntil", "soak_until", FORM_WHEN },
	{ "Jobs", "jobs", FORM_AS_IS },
	{ NULL, NULL, FORM_TEXT },
};

static const struct field job_fields[] = {
	{ "Id", "id", FORM_NUMBER },
	{ "Modem", "modem", FORM_NAME },
	{ "Campaign", "campaign", FORM_NAME },
	{ "Imei", "imei", FORM_TEXT },
	{ "State", "state", FORM_TEXT },
	{ "Reason", "reason", FORM_TEXT },
	{ "Detail", "detail", FORM_TEXT },
	{ "Phase", "phase", FORM_TEXT },
	{ "Step", "step", FORM_TEXT },
	{ "Percent", "percent", FORM_NUMBER },
	{ "From", "from", FORM_TEXT },
	{ "To", "to", FORM_TEXT },
	{ "Target", "target", FORM_TEXT },
	{ "Hop", "hop", FORM_NUMBER },
	{ "Hops", "hops", FORM_NUMBER },
	{ "Attempt", "attempt", FORM_NUMBER },
	{ "Attempts", "attempts", FORM_NUMBER },
	{ "WaitsFor", "waits_for", FORM_TEXT },
	{ "Due", "due", FORM_WHEN },
	{ "PointOfNoReturn", "point_of_no_return", FORM_FLAG },
	{ "Cme", "cme", FORM_NUMBER },
	{ "Created", "created", FORM_WHEN },
	{ "Ended", "ended", FORM_WHEN },
	{ NULL, NULL, FORM_TEXT },
};

static const struct field event_fields[] = {
	{ "time", "time", FORM_WHEN },
	{ "kind", "kind", FORM_TEXT },
	{ "message", "message", FORM_TEXT },
	{ "priority", "priority", FORM_NUMBER },
	{ "modem", "modem", FORM_TEXT },
	{ "campaign", "campaign", FORM_TEXT },
	{ "job", "job", FORM_NUMBER },
	{ "phase", "phase", FORM_TEXT },
	{ "step", "step", FORM_TEXT },
	{ "percent", "percent", FORM_NUMBER },
	{ "from", "from", FORM_TEXT },
	{ "to", "to", FORM_TEXT },
	{ "reason", "reason", FORM_TEXT },
	{ "attempt", "attempt", FORM_NUMBER },
	{ "cme", "cme", FORM_NUMBER },
	{ "lost", "lost", FORM_NUMBER },
	{ NULL, NULL, FORM_TEXT },
};

static const struct field history_fields[] = {
	{ "time", "time", FORM_WHEN },
	{ "who", "who", FORM_TEXT },
	{ "uid", "uid", FORM_NUMBER },
	{ "modem", "modem", FORM_TEXT },
	{ "campaign", "campaign", FORM_TEXT },
	{ "imei", "imei", FORM_TEXT },
	{ "what", "what", FORM_TEXT },
	{ "from", "from", FORM_TEXT },
	{ "to", "to", FORM_TEXT },
	{ "reason", "reason", FORM_TEXT },
	{ "detail", "detail", FORM_TEXT },
	{ NULL, NULL, FORM_TEXT },
};

static json_t *moment(json_int_t when)
{
	char buffer[WHEN_MAX];

	return when > 0 ? json_string(when_rfc3339(buffer, (usec_t) when)) : json_null();
}

/* Of "/org/fotad1/modem/pump_2d07" the name "pump-07". */
static json_t *last_part(const char *path, bool number)
{
	const char *slash = strrchr(path, '/');
	char *name = NULL;
	json_t *value = NULL;

	if (!slash)
		return path[0] ? json_string(path) : json_null();
	if (slash == path || slash[1] == '\0')
		return json_null();
	if (number)
		return json_integer(strtoll(slash + 1, NULL, 10));
	if (sd_bus_path_decode(path, strndupa(path, (size_t) (slash - path)), &name) <= 0)
		return json_null();
	value = json_string(name);
	free(name);
	return value ? value : json_null();
}

static json_t *value_of(const json_t *value, enum form form)
{
	const char *text = json_string_value(value);
	json_int_t number = json_integer_value(value);

	switch (form) {
	case FORM_TEXT:
		return text && text[0] ? json_string(text) : json_null();
	case FORM_NAME:
		return text ? last_part(text, false) : json_null();
	case FORM_ID:
		return text				      ? last_part(text, true)
		       : json_is_integer(value) && number > 0 ? json_integer(number)
							      : json_null();
	case FORM_NUMBER:
		return json_is_integer(value) && number >= 0 ? json_integer(number) : json_null();
	case FORM_SIGNED:
		return json_is_integer(value) ? json_integer(number) : json_null();
	case FORM_FLAG:
		return value ? json_boolean(json_is_true(value)) : json_null();
	case FORM_WHEN:
		return moment(number);
	case FORM_AS_IS:
		return value ? json_deep_copy(value) : json_null();
	}
	return json_null();
}

static json_t *view(const struct field *fields, const json_t *properties, bool sparse)
{
	json_t *object = json_object();

	for (; fields->key; fields++) {
		json_t *value =
			value_of(json_object_get(properties, fields->property), fields->form);

		if (sparse && json_is_null(value))
			continue;
		json_object_set_new(object, fields->key, value);
	}
	return object;
}

json_t *fleet_view(enum fleet_kind kind, const json_t *properties)
{
	switch (kind) {
	case FLEET_MODEM:
		return view(modem_fields, properties, false);
	case FLEET_CAMPAIGN:
		return view(campaign_fields, properties, false);
	case FLEET_JOB:
		return view(job_fields, properties, false);
	}
	return NULL;
}

json_t *fleet_view_daemon(const json_t *properties)
{
	return view(daemon_fields, properties, false);
}

json_t *fleet_view_event(const json_t *event)
{
	return view(event_fields, event, true);
}

json_t *fleet_view_history(const json_t *row)
{
	return view(history_fields, row, false);
}

const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

long long number_of(const json_t *object, const char *key, long long otherwise)
{
	const json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool flag_of(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

usec_t when_of(const json_t *object, const char *key)
{
	return when_parse(text_of(object, key));
}
