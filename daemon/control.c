#include "daemon/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/control-internal.h"

void control_say(struct control_answer *a, enum control_result result, const char *format, ...)
{
	va_list args;

	a->result = result;
	va_start(args, format);
	(void) vsnprintf(a->text, sizeof(a->text), format, args);
	va_end(args);
}

/* ---- names ---- */

static struct modem *find_modem(const struct manager *g, const char *name)
{
	for (size_t i = 0; i < g->n_modems; i++)
		if (!g->modems[i]->removed && text_equal(g->modems[i]->config->name, name))
			return g->modems[i];
	return NULL;
}

bool control_is_number(const char *name, uint64_t *ret)
{
	char *end;

	if (name[0] < '1' || name[0] > '9')
		return false;
	errno = 0;
	*ret = strtoull(name, &end, 10);
	return errno == 0 && !*end;
}

static struct modem *find_job(const struct manager *g, const char *name)
{
	uint64_t id;

	if (!control_is_number(name, &id))
		return NULL;
	for (size_t i = 0; i < g->n_modems; i++)
		if (g->modems[i]->job && g->modems[i]->job_id == id)
			return g->modems[i];
	return NULL;
}

bool control_find(const struct manager *g, const char *name, struct control_target *ret)
{
	struct control_target found = { .modem = find_modem(g, name) };

	if (!found.modem) {
		found.run = campaign_run_find(g, name);
		if (found.run && !found.run->configured)
			found.run = NULL;
	}
	if (!found.modem && !found.run)
		found.modem = find_job(g, name);
	if (!found.modem && !found.run)
		return false;
	*ret = found;
	return true;
}

static bool find(struct manager *g, const char *name, struct control_target *ret,
	struct control_answer *answer)
{
	*answer = (struct control_answer){ .result = CONTROL_DONE };
	if (control_find(g, name, ret))
		return true;
	control_say(
		answer, CONTROL_NOT_FOUND, "no modem, campaign or job is called \"%.64s\"", name);
	return false;
}

/* What is to be durable needs a store that works. */
static bool has_store(const struct manager *g, struct control_answer *answer)
{
	if (g->store_error == 0)
		return true;
	control_say(answer, CONTROL_NO_STORE,
		"the state cannot be saved now (%s); nothing was changed: see journalctl -u fotad",
		strerror(-g->store_error));
	return false;
}

bool control_need(struct manager *g, const char *name, struct control_target *ret,
	struct control_answer *answer)
{
	return find(g, name, ret, answer) && has_store(g, answer);
}

bool control_has_job(const struct modem *m, struct control_answer *a)
{
	const char *name = m->config->name;

	if (m->looking)
		control_say(a, CONTROL_REFUSED,
			"the state is just being asked about %s; try again in a moment", name);
	else if (!m->campaign && !m->slot && !upgrade_past_no_return(&m->dialogue.upgrade))
		control_say(a, CONTROL_REFUSED, "%s belongs to no campaign", name);
	else
		return true;
	return false;
}

/* What is done to a job may end it, and with it go the rules that it began with: its modem is then of others. */
static void keep_name(const struct modem *m, char ret[static NAME_MAX_SIZE])
{
	(void) text_format(ret, NAME_MAX_SIZE, "%s", m->config->name);
}

/* ---- cancel ---- */

static void cancel_job(struct modem *m, struct control_answer *a)
{
	char name[NAME_MAX_SIZE];
	bool done;

	keep_name(m, name);
	if (!control_has_job(m, a))
		return;
	done = modem_cancel(m, clock_boottime());
	a->job_id = m->job_id;
	a->count = done;
	if (done && m->stop && m->state == JOB_RUNNING)
		control_say(a, CONTROL_DONE,
			"%s is past the point of no return: no further attempt follows; if this "
			"one "
			"succeeds its job has succeeded, else it is cancelled",
			name);
	else if (done && m->stop)
		control_say(a, CONTROL_DONE,
			"the job of %s is cancelled; should the module answer after all, what it "
			"runs "
			"then is noted",
			name);
	else if (done && m->restore)
		control_say(a, CONTROL_DONE,
			"the job of %s is cancelled; what was set in the module is put back", name);
	else if (done)
		control_say(a, CONTROL_DONE, "the job of %s is cancelled", name);
	else if (m->state == JOB_RUNNING)
		control_say(a, CONTROL_NOTHING,
			"%s is past the point of no return, and no further attempt follows", name);
	else
		control_say(a, CONTROL_NOTHING, "the job of %s is over: %s", name,
			job_state_name(m->state));
}

static void cancel_campaign(struct manager *g, struct campaign_run *run, struct control_answer *a)
{
	usec_t now = clock_boottime();
	char rest[80] = "";
	unsigned past = 0;

	if (manager_cancel(g, run->name) == -EALREADY) {
		control_say(a, CONTROL_NOTHING, "campaign %s is cancelled already", run->name);
		return;
	}
	for (size_t i = 0; i < run->n_members; i++) {
		struct modem *m = modem_of_member(run->members[i]);

		if (m->looking) /* as soon as it is known what there is of it */
			m->order = ORDER_CANCEL;
		if (!m->campaign || m->looking || !modem_cancel(m, now))
			continue;
		a->count++;
		past += m->stop && m->state == JOB_RUNNING;
	}
	if (past > 0)
		(void) snprintf(rest, sizeof(rest),
			", %u past the point of no return: no further attempt follows", past);
	control_say(a, CONTROL_DONE,
		"campaign %s is cancelled: %u %s over%s; fotactl retry %s takes it up again",
		run->name, a->count - past, a->count - past == 1 ? "job is" : "jobs are", rest,
		run->name);
}

void control_cancel(struct manager *g, const char *name, struct control_answer *ret)
{
	struct control_target target;

	if (!control_need(g, name, &target, ret))
		return;
	if (target.modem)
		cancel_job(target.modem, ret);
	else
		cancel_campaign(g, target.run, ret);
}

/* ---- retry ---- */

static void refuse_retry(const struct modem *m, struct control_answer *a)
{
	const char *name = m->config->name;

	switch (m->job ? m->state : JOB_WAITING) {
	case JOB_SUCCEEDED:
		control_say(a, CONTROL_NOTHING, "the job of %s has succeeded", name);
		break;
	case JOB_UNKNOWN:
		control_say(a, CONTROL_REFUSED,
			"nobody knows yet how the last attempt of %s ended: it settles itself when "
			"the "
			"module answers",
			name);
		break;
	case JOB_WAITING:
	case JOB_RUNNING:
	case JOB_FAILED:
	case JOB_CANCELLED:
		control_say(a, CONTROL_NOTHING, "the job of %s is not over: %s", name,
			m->job ? job_state_name(m->state) : "it has not begun");
		break;
	}
}

static void retry_job(struct modem *m, struct control_answer *a)
{
	char name[NAME_MAX_SIZE];
	enum reason reason = m->reason;

	keep_name(m, name);
	if (!control_has_job(m, a))
		return;
	if (manager_is_cancelled(m->manager, m)) {
		control_say(a, CONTROL_REFUSED,
			"campaign %s is cancelled: fotactl retry %s takes all of it up again",
			m->campaign->name, m->campaign->name);
		return;
	}
	if (!modem_has_todays_job(m) || !modem_retry(m, clock_boottime())) {
		refuse_retry(m, a);
		return;
	}
	a->job_id = m->job_id;
	a->count = 1;
	if (m->state == JOB_SUCCEEDED)
		control_say(a, CONTROL_DONE, "%s runs its target%s", name,
			reason == REASON_NO_SERVICE
				? "; whether it is back in service was not asked "
				  "again"
				: "");
	else if (m->state == JOB_WAITING && m->reason == REASON_NO_SERVICE)
		control_say(a, CONTROL_DONE,
			"%s runs its target; whether it is in service by now is asked (job %llu)", name,
			(unsigned long long) m->job_id);
	else if (m->state != JOB_WAITING)
		control_say(a, CONTROL_DONE, "the cancel of %s is taken back", name);
	else
		control_say(a, CONTROL_DONE, "%s has another job, %llu", name,
			(unsigned long long) m->job_id);
}

static void retry_campaign(struct manager *g, struct campaign_run *run, struct control_answer *a)
{
	bool revived = manager_revive(g, run->name) == 0;
	usec_t now = clock_boottime();
	unsigned asked = 0;

	for (size_t i = 0; i < run->n_members; i++) {
		struct modem *m = modem_of_member(run->members[i]);

		asked += m->looking;
		if (m->looking && (revived || m->order == ORDER_NONE))
			m->order = revived ? ORDER_RETRY : ORDER_RETRY_FAILED;
		if (modem_has_todays_job(m) && (revived || m->state == JOB_FAILED || m->stop))
			a->count += modem_retry(m, now);
	}
	if (!revived && a->count == 0 && asked > 0)
		control_say(a, CONTROL_DONE,
			"campaign %s: the state is just being asked about %u of its modems; what has failed of "
			"them is tried again",
			run->name, asked);
	else if (!revived && a->count == 0)
		control_say(a, CONTROL_NOTHING, "in campaign %s nothing has failed", run->name);
	else
		control_say(a, CONTROL_DONE, "campaign %s: %u %s tried again%s", run->name,
			a->count, a->count == 1 ? "job is" : "jobs are",
			run->campaign.halted ? "; it is halted: fotactl resume lets it go on" : "");
}

void control_retry(struct manager *g, const char *name, struct control_answer *ret)
{
	struct control_target target;

	if (!control_need(g, name, &target, ret))
		return;
	if (target.modem)
		retry_job(target.modem, ret);
	else
		retry_campaign(g, target.run, ret);
}

/* ---- pause, resume, acknowledge ---- */

static void operate(struct manager *g, const char *name, struct control_answer *a,
	int (*what)(struct manager *g, const char *campaign), const char *done, const char *already)
{
	struct control_target target;
	bool all = !name || !name[0];
	char who[NAME_MAX_SIZE + 16] = "everything";
	int r;

	*a = (struct control_answer){ .result = CONTROL_DONE };
	if ((!all && !find(g, name, &target, a)) || !has_store(g, a))
		return;
	if (!all && !target.run) {
		control_say(a, CONTROL_REFUSED,
			"%s is no campaign: fotactl cancel and retry are for one modem", name);
		return;
	}
	if (!all)
		(void) text_format(who, sizeof(who), "campaign %s", name);
	r = what(g, all ? NULL : name);
	if (r == 0)
		control_say(a, CONTROL_DONE, "%s %s", who, done);
	else if (!all && target.run->campaign.cancelled)
		control_say(a, CONTROL_REFUSED,
			"%s is cancelled: fotactl retry %s takes it up again", who, name);
	else
		control_say(a, CONTROL_NOTHING, "%s %s", who, already);
}

void control_pause(struct manager *g, const char *name, struct control_answer *ret)
{
	operate(g, name, ret, manager_pause,
		"is paused: what runs is finished, nothing new starts, also after a restart",
		"is paused already");
}

static bool any_held(const struct manager *g)
{
	for (const struct campaign_run *run = g->runs; run; run = run->next)
		if (run->configured && (run->campaign.paused || run->campaign.halted))
			return true;
	return false;
}

void control_resume(struct manager *g, const char *name, struct control_answer *ret)
{
	operate(g, name, ret, manager_resume, "goes on", "is neither paused nor halted");
	if ((!name || !name[0]) && (ret->result == CONTROL_DONE || ret->result == CONTROL_NOTHING))
		control_say(ret, ret->result, "%s%s",
			ret->result == CONTROL_DONE ? "new starts go on"
						    : "new starts are not paused",
			any_held(g) ? "; a campaign that is paused or halted stays so until its own "
				      "resume: fotactl campaigns"
				    : "");
}

void control_acknowledge(struct manager *g, struct control_answer *ret)
{
	*ret = (struct control_answer){ .result = CONTROL_DONE };
	if (!g->held)
		control_say(ret, CONTROL_NOTHING, "there is nothing to acknowledge");
	else if (store_acknowledge(g->store, clock_realtime(), g->operator_uid, MANAGER_RELEASED) < 0)
		control_say(ret, CONTROL_NO_STORE, "there is no memory for it now: try again");
	else
		control_say(
			ret, CONTROL_DONE, "the loss of the state is acknowledged: jobs may start");
}
