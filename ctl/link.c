#include "ctl/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define PREFIX "org.fotad1.Error."
#define DBUS   "org.freedesktop.DBus.Error."

const char *link_systemctl(const struct ctl *ctl, char buffer[static ADVICE_MAX], const char *verb)
{
	const char *to = ctl->host ? " -H " : ctl->machine ? " -M " : ctl->user ? " --user" : "";
	const char *where = ctl->host ? ctl->host : ctl->machine ? ctl->machine : "";

	if (text_format(buffer, ADVICE_MAX, "systemctl%s%s %s fotad", to, where, verb) < 0)
		strcpy(buffer, "systemctl status fotad");
	return buffer;
}

static int connect_bus(struct ctl *ctl)
{
	sd_bus *bus = NULL;
	int r;

	if (ctl->host)
		return sd_bus_open_system_remote(&ctl->bus, ctl->host);
	if (ctl->machine)
		return sd_bus_open_system_machine(&ctl->bus, ctl->machine);
	if (ctl->user)
		return sd_bus_open_user(&ctl->bus);
	if (!ctl->address)
		return sd_bus_open_system(&ctl->bus);
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, ctl->address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, 1);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		sd_bus_unref(bus);
	else
		ctl->bus = bus;
	return r;
}

static void complain_no_bus(const struct ctl *ctl, int error)
{
	if (ctl->host)
		complain("cannot reach the bus of %s (%s). Can you log in there? Try: ssh %s "
			 "systemd-stdio-bridge",
			ctl->host, strerror(error), ctl->host);
	else if (ctl->machine)
		complain("cannot reach the bus of machine %s (%s). See which there are: machinectl",
			ctl->machine, strerror(error));
	else if (ctl->address)
		complain(
			"no bus answers at %s (%s). Is the address right, and a dbus-daemon there?",
			ctl->address, strerror(error));
	else if (ctl->user)
		complain(
			"there is no session bus here (%s). Without --user, the system's is asked.",
			strerror(error));
	else
		complain("the system bus does not answer (%s). Start it: systemctl start dbus",
			strerror(error));
}

/* The name is asked for, because the connection itself is only made with the first call. */
static int try_open(struct ctl *ctl)
{
	const char *name;
	int r = ctl->bus ? 0 : connect_bus(ctl);

	if (r >= 0)
		r = sd_bus_get_unique_name(ctl->bus, &name);
	if (r >= 0)
		/* Lets polkit ask for a password, where somebody is there to give it. */
		r = sd_bus_set_allow_interactive_authorization(ctl->bus, true);
	if (r < 0)
		ctl->bus = sd_bus_flush_close_unref(ctl->bus);
	return r;
}

bool link_try(struct ctl *ctl)
{
	return try_open(ctl) >= 0;
}

enum ctl_exit link_open(struct ctl *ctl)
{
	int r = try_open(ctl);

	if (r >= 0)
		return CTL_DONE;
	complain_no_bus(ctl, -r);
	return CTL_NOT_RUNNING;
}

bool link_is_on_bus(struct ctl *ctl, const char *name)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int owned = 0;

	return sd_bus_call_method(ctl->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
		       "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s", name) >= 0 &&
	       sd_bus_message_read(reply, "b", &owned) >= 0 && owned;
}

/* What the errors of the bus and of fotad are for a script. */
static const struct {
	const char *name; /* or the beginning of names, with '*' */
	enum ctl_exit code;
} codes[] = {
	{ PREFIX "NoSuchName", CTL_NO_SUCH_NAME },
	{ PREFIX "NothingToDo", CTL_NOTHING_TO_DO },
	{ PREFIX "Configuration", CTL_CONFIGURATION },
	{ DBUS "AccessDenied", CTL_NOT_AUTHORISED },
	{ DBUS "InteractiveAuthorizationRequired", CTL_NOT_AUTHORISED },
	{ DBUS "ServiceUnknown", CTL_NOT_RUNNING },
	{ DBUS "NameHasNoOwner", CTL_NOT_RUNNING },
	{ DBUS "Disconnected", CTL_NOT_RUNNING },
	{ DBUS "Spawn.*", CTL_NOT_RUNNING },
	{ "org.freedesktop.systemd1.*", CTL_NOT_RUNNING },
	{ DBUS "NoReply", CTL_TIMED_OUT },
	{ DBUS "Timeout", CTL_TIMED_OUT },
	{ DBUS "TimedOut", CTL_TIMED_OUT },
};

static bool is_named(const char *name, const char *pattern)
{
	size_t n = strcspn(pattern, "*");

	return pattern[n] == '*' ? strncmp(name, pattern, n) == 0 : strcmp(name, pattern) == 0;
}

enum ctl_exit link_exit_code(const sd_bus_error *error, int r)
{
	for (size_t i = 0; error && error->name && i < ELEMENTSOF(codes); i++)
		if (is_named(error->name, codes[i].name))
			return codes[i].code;
	switch (r) {
	case -ETIMEDOUT:
		return CTL_TIMED_OUT;
	case -ECONNRESET:
	case -ENOTCONN:
	case -ECONNREFUSED:
		return CTL_NOT_RUNNING;
	case -EACCES:
	case -EPERM:
		return CTL_NOT_AUTHORISED;
	default:
		return CTL_FAILED;
	}
}

/* Every problem of a configuration, one a line, as fotad --check-config prints them. */
static void complain_lines(const char *text)
{
	size_t n;

	for (; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		complain("%.*s", (int) n, text);
	}
}

enum ctl_exit link_complain(
	const struct ctl *ctl, const char *doing, const sd_bus_error *error, int r)
{
	enum ctl_exit code = link_exit_code(error, r);
	const char *text = error && error->message ? error->message : strerror(r < 0 ? -r : EIO);
	const char *name = error && error->name ? error->name : "";
	char advice[ADVICE_MAX];

	switch (code) {
	case CTL_NOT_RUNNING:
		complain("fotad is not running%s%s. Start it: %s", ctl->host ? " on " : "",
			ctl->host ? ctl->host : "", link_systemctl(ctl, advice, "start"));
		break;
	case CTL_NO_SUCH_NAME:
		complain("%s. See which there are: fotactl modems, fotactl campaigns, fotactl jobs",
			text);
		break;
	case CTL_NOTHING_TO_DO:
		complain("nothing to do: %s", text);
		break;
	case CTL_NOT_AUTHORISED:
		complain("not authorised to %s (%s). Try again with sudo, or let polkit allow it: "
			 "see fotactl(1), "
			 "AUTHORISATION",
			doing, text);
		break;
	case CTL_TIMED_OUT:
		complain("fotad did not answer in time. See what it does: %s",
			link_systemctl(ctl, advice, "status"));
		break;
	case CTL_CONFIGURATION:
		complain_lines(text);
		complain("the configuration is not taken, the old one stays in force. Mend it, "
			 "look with fotactl check-config, "
			 "then fotactl reload");
		break;
	case CTL_DONE:
	case CTL_FAILED:
	case CTL_USAGE:
		if (text_equal(name, DBUS "UnknownMethod") ||
			text_equal(name, DBUS "UnknownInterface"))
			complain("this fotad cannot %s: it is older than this fotactl. Restart it: "
				 "%s",
				doing, link_systemctl(ctl, advice, "restart"));
		else if (text_equal(name, PREFIX "Refused")) /* says who and what by itself */
			complain("%s", text);
		else
			complain("cannot %s: %s", doing, text);
		code = CTL_FAILED;
		break;
	}
	return code;
}

static int send_call(struct ctl *ctl, const char *path, const char *interface, const char *method,
	sd_bus_error *error, sd_bus_message **ret, const char *types, va_list arguments)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	int r = sd_bus_message_new_method_call(
		ctl->bus, &call, FOTAD_NAME, path, interface, method);

	/* To look at a fotad that was stopped does not start it. */
	if (r >= 0)
		r = sd_bus_message_set_auto_start(call, false);
	if (r >= 0 && types)
		r = sd_bus_message_appendv(call, types, arguments);
	return r < 0 ? r : sd_bus_call(ctl->bus, call, 0, error, ret);
}

enum ctl_exit link_call(struct ctl *ctl, const char *doing, const char *method,
	sd_bus_message **ret, const char *types, ...)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	enum ctl_exit code = link_open(ctl);
	va_list arguments;
	int r;

	if (code != CTL_DONE)
		return code;
	va_start(arguments, types);
	r = send_call(ctl, FOTAD_ROOT, FOTAD_MANAGER, method, &error, &reply, types, arguments);
	va_end(arguments);
	if (r < 0)
		return link_complain(ctl, doing, &error, r);
	if (ret)
		*ret = STEAL(reply);
	return CTL_DONE;
}

json_t *link_ask(struct ctl *ctl, const char *doing, const char *path, const char *interface,
	const char *method, enum ctl_exit *ret, const char *types, ...)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	va_list arguments;
	json_t *answer;
	int r;

	*ret = link_open(ctl);
	if (*ret != CTL_DONE)
		return NULL;
	va_start(arguments, types);
	r = send_call(ctl, path, interface, method, &error, &reply, types, arguments);
	va_end(arguments);
	answer = r >= 0 ? link_json(reply) : NULL;
	if (!answer)
		*ret = link_complain(ctl, doing, &error, r < 0 ? r : -EBADMSG);
	return answer;
}

json_t *link_properties(
	struct ctl *ctl, const char *path, const char *interface, enum ctl_exit *ret)
{
	return link_ask(ctl, "ask fotad", path, "org.freedesktop.DBus.Properties", "GetAll", ret,
		"s", interface);
}
