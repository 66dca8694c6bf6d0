/*
 * Who may call what. Nothing waits here: the bus is asked whose message it is, and polkit whether he may, while all else
 * goes on. Any error, any answer that is not a plain yes, and none in time, are a no.
 *
 *      message --> asked the bus: which user? --root, owner--> handler
 *                                             `-others--> asked polkit --yes--> handler
 *
 * The caller's going is watched from the beginning; then polkit need not ask anybody any more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "daemon/bus-internal.h"

#define CHECKS_MAX	  1024 /* under way, in all; most only until the bus has said whose they are */
#define CHECKS_OF_ONE_MAX 8    /* ... of one caller */
#define ASKED_MAX	  64	       /* that polkit is asked about at the same time */
#define ASK_TIMEOUT	  (5 * MINUTE) /* somebody types a password */
#define TOO_MANY	  "too many calls wait for polkit; try again when they are answered"
#define ALLOW_INTERACTION 1 /* polkit: AllowUserInteraction */

struct bus_check {
	struct bus_check *next;
	struct bus *bus;
	sd_bus_message *message;
	enum bus_action action;
	bus_handler handler;
	sd_bus_slot *call, *watch; /* the question, and the caller's going */
	uint32_t user;		   /* the caller's, as the bus has it */
	bool asked;		   /* polkit was */
	unsigned number;	   /* by which polkit can be told to give it up */
};

static const char *action_name(enum bus_action action)
{
	switch (action) {
	case BUS_MANAGE:
		return "org.fotad1.manage-jobs";
	case BUS_RELOAD:
		return "org.fotad1.reload";
	case BUS_FORCE:
		return "org.fotad1.force";
	case BUS_READ:
	case BUS_READ_MUCH:
	case BUS_OWN:
		break;
	}
	return NULL;
}

static void cancellation(const struct bus_check *check, char ret[static 32])
{
	(void) snprintf(ret, 32, "fotad-%u", check->number);
}

static void end(struct bus_check *check)
{
	struct bus_check **p = &check->bus->checks;

	while (*p != check)
		p = &(*p)->next;
	*p = check->next;
	check->bus->n_checks--;
	sd_bus_slot_unref(check->call);
	sd_bus_slot_unref(check->watch);
	sd_bus_message_unref(check->message);
	free(check);
}

/* Polkit may have asked somebody for a password. No answer is wanted. */
static void give_up(const struct bus_check *check)
{
	char number[32];

	if (!check->asked)
		return;
	cancellation(check, number);
	(void) sd_bus_call_method_async(check->bus->sd, NULL, "org.freedesktop.PolicyKit1",
		"/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
		"CancelCheckAuthorization", NULL, NULL, "s", number);
}

static void deny(struct bus_check *check, const char *name, const char *text)
{
	(void) sd_bus_reply_method_errorf(check->message, name, "%s", text);
	end(check);
}

static void allow(struct bus_check *check)
{
	struct manager *g = check->bus->manager;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	g->operator_uid = check->user;
	r = check->handler(check->bus, check->message, &error);
	g->operator_uid = -1;
	if (sd_bus_error_is_set(&error))
		(void) sd_bus_reply_method_error(check->message, &error);
	else if (r < 0)
		(void) sd_bus_reply_method_errno(check->message, r, NULL);
	sd_bus_error_free(&error);
	end(check);
}

/* ---- polkit ---- */

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error UNUSED)
{
	struct bus_check *check = userdata;
	int yes = 0, could = 0;

	if (sd_bus_message_is_method_error(m, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
		sd_bus_message_is_method_error(m, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
		deny(check, SD_BUS_ERROR_ACCESS_DENIED,
			"only root and fotad's own user may do this here, for polkit is not "
			"running");
	else if (sd_bus_message_is_method_error(m, NULL)) {
		give_up(check);
		deny(check, SD_BUS_ERROR_ACCESS_DENIED,
			"polkit did not answer, and so only root and fotad's own user may do this");
	} else if (!sd_bus_message_has_signature(m, "(bba{ss})") ||
		   sd_bus_message_enter_container(m, 'r', "bba{ss}") < 0 ||
		   sd_bus_message_read(m, "bb", &yes, &could) < 0)
		deny(check, SD_BUS_ERROR_ACCESS_DENIED, "polkit's answer was not understood");
	else if (yes)
		allow(check);
	else if (could && sd_bus_message_get_allow_interactive_authorization(check->message) <= 0)
		deny(check, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
			"polkit would have to ask for a password first");
	else
		deny(check, SD_BUS_ERROR_ACCESS_DENIED, "polkit does not allow this");
	return 1;
}

static int ask_polkit(struct bus_check *check)
{
	bool interactive = sd_bus_message_get_allow_interactive_authorization(check->message) > 0;
	sd_bus_message *question = NULL;
	char number[32];
	int r;

	cancellation(check, number);
	r = sd_bus_message_new_method_call(check->bus->sd, &question, "org.freedesktop.PolicyKit1",
		"/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
		"CheckAuthorization");
	if (r >= 0)
		r = sd_bus_message_append(question, "(sa{sv})sa{ss}us", "system-bus-name", 1,
			"name", "s", sd_bus_message_get_sender(check->message),
			action_name(check->action), 0, interactive ? ALLOW_INTERACTION : 0, number);
	check->call = sd_bus_slot_unref(check->call);
	if (r >= 0)
		r = sd_bus_call_async(check->bus->sd, &check->call, question, on_answer, check,
			interactive ? ASK_TIMEOUT : BUS_CALL_TIMEOUT);
	sd_bus_message_unref(question);
	check->asked = r >= 0;
	return r;
}

/* ---- who asks? ---- */

static unsigned count_asked(const struct bus *b)
{
	unsigned n = 0;

	for (const struct bus_check *check = b->checks; check; check = check->next)
		n += check->asked;
	return n;
}

/* Its user, as the bus has it from the kernel. */
static int on_user(sd_bus_message *m, void *userdata, sd_bus_error *error UNUSED)
{
	struct bus_check *check = userdata;

	if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "u", &check->user) < 0)
		deny(check, SD_BUS_ERROR_ACCESS_DENIED, "the bus does not say who asks");
	else if (check->user == 0 || check->user == geteuid())
		allow(check);
	else if (!action_name(check->action))
		deny(check, SD_BUS_ERROR_ACCESS_DENIED,
			"only root and fotad's own user may do this");
	else if (count_asked(check->bus) >= ASKED_MAX)
		deny(check, SD_BUS_ERROR_LIMITS_EXCEEDED, TOO_MANY);
	else if (ask_polkit(check) < 0)
		deny(check, SD_BUS_ERROR_ACCESS_DENIED, "polkit cannot be asked");
	return 1;
}

static int on_gone(sd_bus_message *m UNUSED, void *userdata, sd_bus_error *error UNUSED)
{
	struct bus_check *check = userdata;

	give_up(check);
	end(check);
	return 0;
}

/* A watch that could not be had only means that polkit's time-out is waited for. */
static int on_watched(sd_bus_message *m UNUSED, void *userdata UNUSED, sd_bus_error *error UNUSED)
{
	return 0;
}

static int begin(struct bus_check *check)
{
	sd_bus *sd = check->bus->sd;
	const char *sender = sd_bus_message_get_sender(check->message);
	char match[256];
	int r;

	if (!sender)
		return -EACCES;
	r = text_format(match, sizeof(match),
		"type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
		"interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s',arg2=''",
		sender);
	if (r >= 0)
		r = sd_bus_add_match_async(sd, &check->watch, match, on_gone, on_watched, check);
	if (r >= 0)
		r = sd_bus_call_method_async(sd, &check->call, "org.freedesktop.DBus",
			"/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixUser",
			on_user, check, "s", sender);
	return r;
}

static unsigned count_of(const struct bus *b, const char *sender)
{
	unsigned n = 0;

	for (const struct bus_check *check = b->checks; check; check = check->next)
		n += text_equal(sd_bus_message_get_sender(check->message), sender);
	return n;
}

int bus_check(struct bus *b, sd_bus_message *m, enum bus_action action, bus_handler handler,
	sd_bus_error *error)
{
	static unsigned number;
	struct bus_check *check;
	int r;

	if (action == BUS_READ) {
		r = handler(b, m, error);
		return r < 0 ? r : 1;
	}
	if (b->n_checks >= CHECKS_MAX ||
		count_of(b, sd_bus_message_get_sender(m)) >= CHECKS_OF_ONE_MAX)
		return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, TOO_MANY);
	check = calloc(1, sizeof(*check));
	if (!check)
		return -ENOMEM;
	*check = (struct bus_check){
		.next = b->checks,
		.bus = b,
		.message = sd_bus_message_ref(m),
		.action = action,
		.handler = handler,
		.number = ++number,
	};
	b->checks = check;
	b->n_checks++;
	r = begin(check);
	if (r < 0)
		end(check);
	return r < 0 ? r : 1;
}

void bus_checks_drop(struct bus *b)
{
	while (b->checks)
		end(b->checks);
}
