#include "daemon/neighbour-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "daemon/clock.h"
#include "io/log.h"

#define OBJECT	"/org/freedesktop/ModemManager1"
#define MISTAKE MODEM_MANAGER ".Error.Core." /* ModemManager-errors.h */

#define PAUSE_FIRST  (250 * MSEC) /* between questions about a device, ... */
#define PAUSE_BUSY   (1 * SEC)	  /* ... at most, that will be free soon, ... */
#define PAUSE_MAX    (15 * SEC)	  /* ... and others */
#define CALL_TIMEOUT (1 * MINUTE) /* it may have to end a data connection first */

/* How long an answer is worth waiting for, before a port is opened. */
#define PATIENCE (20 * SEC) /* it is setting the modem up */

/* ---- asking ---- */

static int call(struct inhibition *i, bool inhibit, sd_bus_message_handler_t handler)
{
	struct neighbour *n = i->neighbour;
	sd_bus_message *m = NULL;
	int r;

	r = sd_bus_message_new_method_call(
		n->sd, &m, MODEM_MANAGER, OBJECT, MODEM_MANAGER, "InhibitDevice");
	if (r >= 0)
		r = sd_bus_message_set_auto_start(m, false);
	if (r >= 0)
		r = sd_bus_message_append(m, "sb", i->uid, (int) inhibit);
	if (r >= 0 && handler)
		r = sd_bus_call_async(n->sd, &i->slot, m, handler, i, CALL_TIMEOUT);
	else if (r >= 0)
		r = sd_bus_call_async(n->sd, NULL, m, NULL, NULL, 0); /* nobody wants an answer */
	sd_bus_message_unref(m);
	return r;
}

/* Also where it may have granted late what it was asked: then it is us for whom it is held. */
static void give_back(struct inhibition *i)
{
	if (i->neighbour->presence == PRESENT && i->answer != NEIGHBOUR_UNKNOWN &&
		i->answer != NEIGHBOUR_REFUSED)
		(void) call(i, false, NULL);
}

struct inhibition *inhibition_free(struct inhibition *i)
{
	struct inhibition **p = &i->neighbour->inhibitions;

	while (*p != i)
		p = &(*p)->next;
	*p = i->next;
	sd_bus_slot_unref(i->slot);
	sd_event_source_disable_unref(i->timer);
	free(i->uid);
	free(i);
	return NULL;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error);

static void ask(struct inhibition *i)
{
	(void) sd_event_source_set_enabled(i->timer, SD_EVENT_OFF);
	if (i->neighbour->presence == PRESENT && !i->slot)
		(void) call(i, true, on_answer);
}

static int on_due(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	ask(userdata);
	return 0;
}

static void ask_later(struct inhibition *i)
{
	usec_t most = i->answer == NEIGHBOUR_BUSY ? PAUSE_BUSY : PAUSE_MAX;

	i->pause = usec_min(i->pause, most);
	(void) sd_event_source_set_time_relative(i->timer, i->pause);
	(void) sd_event_source_set_enabled(i->timer, SD_EVENT_ONESHOT);
	i->pause *= 2;
}

void inhibition_begin(struct inhibition *i)
{
	i->since = clock_boottime();
	i->pause = PAUSE_FIRST;
	i->answer = NEIGHBOUR_SILENT;
	ask(i);
}

void inhibition_suspend(struct inhibition *i)
{
	i->slot = sd_bus_slot_unref(i->slot);
	i->answer = NEIGHBOUR_SILENT;
	(void) sd_event_source_set_enabled(i->timer, SD_EVENT_OFF);
	if (i->holders == 0)
		inhibition_free(i);
}

/* ---- what it says ---- */

/* What a person is to do about it, once: it is the same for every modem. */
static void say_refusal(struct neighbour *n, const sd_bus_error *error)
{
	bool by_bus = sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED);

	if (n->refusal_said)
		return;
	n->refusal_said = true;
	log_event(LOG_WARNING, LOG_MESSAGE_MODEM_MANAGER, NULL,
		"ModemManager does not let fotad have its modems (%s): %s. Upgrades go on, but it "
		"may send commands to a module that is upgraded. %s",
		error->name, error->message ? error->message : "no more was said",
		by_bus ? "Is org.fotad1.conf in dbus-1/system.d, and was D-Bus reloaded?"
		       : "Is fotad-modemmanager.rules in polkit-1/rules.d?");
}

static void say_silence(struct neighbour *n)
{
	if (n->silence_said)
		return;
	n->silence_said = true;
	log_event(LOG_WARNING, LOG_MESSAGE_MODEM_MANAGER, NULL,
		"ModemManager does not answer; upgrades go on, but it may send commands to a "
		"module that is upgraded: systemctl status ModemManager");
}

static enum neighbour_answer answer_of(struct neighbour *n, sd_bus_message *m)
{
	const sd_bus_error *error = sd_bus_message_get_error(m);

	if (!error)
		return NEIGHBOUR_HELD;
	if (sd_bus_error_has_name(error, MISTAKE "InProgress"))
		return NEIGHBOUR_KEPT;
	if (sd_bus_error_has_name(error, MISTAKE "WrongState"))
		return NEIGHBOUR_BUSY;
	if (sd_bus_error_has_name(error, MISTAKE "NotFound"))
		return NEIGHBOUR_UNKNOWN;
	if (sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN,
		    SD_BUS_ERROR_NAME_HAS_NO_OWNER)) /* that it went is on its way to us */
		return NEIGHBOUR_SILENT;
	if (sd_bus_error_has_names(error, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT)) {
		say_silence(n);
		return NEIGHBOUR_SILENT;
	}
	say_refusal(n, error);
	return NEIGHBOUR_REFUSED;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error UNUSED)
{
	struct inhibition *i = userdata;
	struct neighbour *n = i->neighbour;
	enum neighbour_answer before = i->answer;

	i->slot = sd_bus_slot_unref(i->slot);
	i->answer = answer_of(n, m);
	if (i->holders == 0) { /* meanwhile */
		give_back(i);
		inhibition_free(i);
		return 0;
	}
	if (i->answer != NEIGHBOUR_HELD && i->answer != NEIGHBOUR_REFUSED)
		ask_later(i);
	neighbour_keep_stored(n);
	if (i->answer != before)
		n->handlers->answered(n->userdata, i);
	return 0;
}

/* ---- one device ---- */

int neighbour_hold(struct neighbour *n, const char *uid, struct inhibition **ret)
{
	struct inhibition *i = n->inhibitions;
	int r;

	while (i && !text_equal(i->uid, uid))
		i = i->next;
	if (i) {
		i->holders++;
		*ret = i;
		return 0;
	}
	i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	i->neighbour = n;
	i->next = n->inhibitions;
	n->inhibitions = i;
	i->holders = 1;
	i->uid = strdup(uid);
	r = !i->uid ? -ENOMEM
		    : sd_event_add_time(n->event, &i->timer, CLOCK_BOOTTIME, USEC_INFINITY,
			      10 * MSEC, on_due, i);
	if (r < 0) {
		inhibition_free(i);
		return r;
	}
	inhibition_begin(i);
	*ret = i;
	return 0;
}

struct inhibition *neighbour_release(struct inhibition *i)
{
	struct neighbour *n;

	if (!i || --i->holders > 0)
		return NULL;
	if (i->slot) /* what it answers is waited for */
		return NULL;
	n = i->neighbour;
	give_back(i);
	inhibition_free(i);
	neighbour_keep_stored(n);
	return NULL;
}

enum neighbour_answer neighbour_answer(const struct inhibition *i)
{
	return i->answer;
}

const char *neighbour_uid(const struct inhibition *i)
{
	return i->uid;
}

bool neighbour_is_settled(const struct inhibition *i, usec_t now)
{
	if (i->neighbour->presence != PRESENT)
		return true;
	switch (i->answer) {
	case NEIGHBOUR_SILENT:
	case NEIGHBOUR_BUSY:
		return now >= usec_add(i->since, PATIENCE);
	case NEIGHBOUR_UNKNOWN:
		return now >= usec_add(i->since, NEIGHBOUR_PATIENCE);
	case NEIGHBOUR_HELD:
	case NEIGHBOUR_KEPT:
	case NEIGHBOUR_REFUSED:
		break;
	}
	return true;
}
