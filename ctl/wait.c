#include "ctl/wait.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "ctl/fleet.h"
#include "ctl/link.h"
#include "ctl/text.h"

struct waiting {
	struct ctl *ctl;
	sd_bus_slot *changes, *added, *owner;
	const char *path; /* of the job that is waited for; NULL: of a campaign, or not known yet */
	bool news;
	bool gone; /* fotad has left the bus */
};

static int on_change(sd_bus_message *message, void *userdata, sd_bus_error *error UNUSED)
{
	struct waiting *waiting = userdata;

	/* What becomes of other jobs, in a large fleet all the time, is nothing to us. */
	if (!waiting->path || text_equal(sd_bus_message_get_path(message), waiting->path))
		waiting->news = true;
	return 0;
}

static int on_coming_and_going(
	sd_bus_message *message UNUSED, void *userdata, sd_bus_error *error UNUSED)
{
	struct waiting *waiting = userdata;

	waiting->news = true;
	return 0;
}

static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *error UNUSED)
{
	struct waiting *waiting = userdata;
	const char *name, *from, *to;

	if (sd_bus_message_read(message, "sss", &name, &from, &to) >= 0)
		waiting->gone = to[0] == '\0';
	waiting->news = true;
	return 0;
}

enum ctl_exit waiting_new(struct ctl *ctl, struct waiting **ret)
{
	enum ctl_exit code = link_open(ctl);
	struct waiting *waiting;
	int r;

	if (code != CTL_DONE)
		return code;
	waiting = calloc(1, sizeof(*waiting));
	if (!waiting)
		return link_complain(ctl, "wait", NULL, -ENOMEM);
	waiting->ctl = ctl;
	waiting->news = true;
	r = sd_bus_match_signal(ctl->bus, &waiting->changes, FOTAD_NAME, NULL,
		"org.freedesktop.DBus.Properties", "PropertiesChanged", on_change, waiting);
	if (r >= 0)
		r = sd_bus_match_signal(ctl->bus, &waiting->added, FOTAD_NAME, NULL,
			"org.freedesktop.DBus.ObjectManager", NULL, on_coming_and_going, waiting);
	if (r >= 0)
		r = sd_bus_add_match(ctl->bus, &waiting->owner,
			"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
			"arg0='" FOTAD_NAME "'",
			on_owner, waiting);
	if (r < 0) {
		waiting_free(&waiting);
		return link_complain(ctl, "wait", NULL, r);
	}
	*ret = waiting;
	return CTL_DONE;
}

void waiting_free(struct waiting **waiting)
{
	if (!*waiting)
		return;
	sd_bus_slot_unref((*waiting)->changes);
	sd_bus_slot_unref((*waiting)->added);
	sd_bus_slot_unref((*waiting)->owner);
	free(*waiting);
}

enum end { STILL, WELL, BADLY };

/* An unknown end is waited for: it settles itself when the module comes back (conduct 7). */
static enum end end_of(const json_t *job, const char *method)
{
	const char *state = text_of(job, "state");

	if (text_equal(state, "succeeded"))
		return WELL;
	if (text_equal(state, "cancelled"))
		return text_equal(method, "Cancel") ? WELL : BADLY;
	return text_equal(state, "failed") ? BADLY : STILL;
}

static void say_end(const json_t *job)
{
	TEXT_AUTO modem = shown(text_of(job, "modem"));
	TEXT_AUTO detail = shown(text_of(job, "detail"));
	const char *reason = text_of(job, "reason");

	fprintf(stderr, "%s: job %lld %s%s%s%s%s%s\n", modem, number_of(job, "id", 0),
		text_of(job, "state"), reason ? " (" : "", reason ? reason : "", reason ? ")" : "",
		detail[0] ? ": " : "", detail);
}

static enum ctl_exit look_at_job(
	struct waiting *waiting, const char *id, const char *method, enum end *ret)
{
	CLEANUP(json_decrefp) json_t *job = NULL;
	enum fleet_kind kind;
	enum ctl_exit code = fleet_find(waiting->ctl, id, &kind, &job);

	if (code != CTL_DONE)
		return code;
	*ret = end_of(job, method);
	if (*ret != STILL)
		say_end(job);
	return CTL_DONE;
}

static enum ctl_exit look_at_campaign(
	struct waiting *waiting, const char *name, const char *method, enum end *ret)
{
	CLEANUP(fleet_clear) struct fleet fleet = { 0 };
	enum ctl_exit code = fleet_read(waiting->ctl, &fleet);
	enum end whole = WELL;
	json_t *job;
	size_t i;

	if (code != CTL_DONE)
		return code;
	json_array_foreach (fleet.jobs, i, job) {
		enum end end = end_of(job, method);

		if (!text_equal(text_of(job, "campaign"), name))
			continue;
		if (end == STILL)
			return CTL_DONE;
		if (end == BADLY)
			whole = BADLY;
	}
	*ret = whole;
	return CTL_DONE;
}

/* Takes all that has come; with none, waits for more, or for the end of the patience. */
static int turn(struct waiting *waiting, usec_t deadline)
{
	sd_bus *bus = waiting->ctl->bus;
	int r, taken = 0;

	while ((r = sd_bus_process(bus, NULL)) > 0)
		taken++;
	if (r < 0 || taken > 0)
		return r;
	r = sd_bus_wait(bus, usec_sub(deadline, now_boottime()));
	return r == -EINTR ? 0 : r;
}

static enum ctl_exit give_up(const struct waiting *waiting)
{
	char span[USEC_FORMAT_MAX];

	complain("not over after %s. It goes on without fotactl; see fotactl jobs",
		usec_format(span, waiting->ctl->patience));
	return CTL_TIMED_OUT;
}

#define CAMPAIGN_PACE (1 * SEC) /* between two looks at a whole campaign */

enum ctl_exit waiting_run(
	struct waiting *waiting, const char *name, const char *id, const char *method)
{
	TEXT_AUTO path = words(FOTAD_ROOT "/job/%s", id ? id : "");
	usec_t deadline = usec_add(now_boottime(), waiting->ctl->patience), next = 0;
	enum end end = STILL;
	enum ctl_exit code;
	int r;

	waiting->path = id ? path : NULL;
	for (;;) {
		if (waiting->gone)
			return link_complain(waiting->ctl, "wait", NULL, -ECONNRESET);
		if (waiting->news && now_boottime() >= next) {
			waiting->news = false;
			next = id ? 0 : now_boottime() + CAMPAIGN_PACE;
			code = id ? look_at_job(waiting, id, method, &end)
				  : look_at_campaign(waiting, name, method, &end);
			if (code != CTL_DONE)
				return code;
		}
		if (end != STILL)
			return end == WELL ? CTL_DONE : CTL_FAILED;
		if (now_boottime() >= deadline)
			return give_up(waiting);
		r = turn(waiting, waiting->news ? usec_min(next, deadline) : deadline);
		if (r < 0)
			return link_complain(waiting->ctl, "wait", NULL, r);
	}
}
