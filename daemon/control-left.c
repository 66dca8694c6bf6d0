/*
 * A job that no modem here has in hand, by its number: the module that it was for is gone, and another has taken its slot, or
 * the slot is not configured any more (conduct 11). Only the store knows it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/control-internal.h"

struct left_asker {
	struct left_asker *next;
	uint64_t number;
	control_left_done done;
	void *userdata;
};

int control_cancel_left(struct manager *g, const char *name, control_left_done done, void *userdata)
{
	struct left_asker **last = &g->left_askers, *asker;
	uint64_t number;
	int r;

	if (!control_is_number(name, &number) || number > INT64_MAX)
		return -ENOENT;
	asker = calloc(1, sizeof(*asker));
	if (!asker)
		return -ENOMEM;
	*asker = (struct left_asker){ .number = number, .done = done, .userdata = userdata };
	r = store_cancel(g->store, number, clock_realtime(), g->operator_uid, MANAGER_LEFT);
	if (r < 0) {
		free(asker);
		return r;
	}
	while (*last)
		last = &(*last)->next;
	*last = asker;
	return 0;
}

static void say(const struct store_job *job, struct control_answer *a)
{
	char text[160], id[24];

	(void) text_format(id, sizeof(id), "%llu", (unsigned long long) job->number);
	(void) text_format(text, sizeof(text), "job %s of %s, which no module here has in hand,", id, job->modem);
	if (job_is_final(job->state))
		control_say(a, CONTROL_NOTHING, "%s is over: %s", text, job_state_name(job->state));
	else if (job->state == JOB_WAITING)
		control_say(a, CONTROL_DONE, "%s is cancelled", text);
	else
		control_say(a, CONTROL_DONE,
			"%s is cancelled; should its module answer after all, what it runs then is noted", text);
}

static void log_cancel(const struct store_job *job)
{
	struct log_fields fields = LOG_FIELDS_NONE;
	char id[24];

	(void) text_format(id, sizeof(id), "%llu", (unsigned long long) job->number);
	fields.modem = job->modem;
	fields.campaign = job->campaign;
	fields.imei = job->record.imei;
	fields.job = id;
	fields.reason = reason_name(REASON_CANCELLED);
	log_event(LOG_NOTICE, LOG_MESSAGE_JOB_CANCELLED, &fields,
		"%s: job %s, which no module here has in hand, is cancelled by an operator", job->modem, id);
}

void control_left(struct manager *g, int error, const struct store_found *found)
{
	struct left_asker *asker = g->left_askers;
	struct control_answer answer = { .result = CONTROL_DONE };
	struct control_target target;
	char name[24];

	if (!asker)
		return;
	g->left_askers = asker->next;
	(void) text_format(name, sizeof(name), "%llu", (unsigned long long) asker->number);
	if (error == -ENOENT)
		control_say(&answer, CONTROL_NOT_FOUND, "no modem, campaign or job is called \"%s\"", name);
	else if (error < 0)
		control_say(&answer, CONTROL_NO_STORE, "the state cannot be saved now (%s); nothing was changed",
			strerror(-error));
	else
		say(&found->job, &answer);
	/* Its module may have turned up meanwhile, with what the store said of it before. */
	if (answer.result == CONTROL_DONE && control_find(g, name, &target) && target.modem)
		(void) modem_cancel(target.modem, clock_boottime());
	else if (answer.result == CONTROL_DONE)
		log_cancel(&found->job);
	asker->done(&answer, asker->userdata);
	free(asker);
}
