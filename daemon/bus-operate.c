/*
 * What changes something: control.h does it, here it is only asked and answered. The answer comes when it is durable, for
 * who has it may pull the plug.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/text.h"
#include "daemon/bus-internal.h"
#include "daemon/control.h"

#define NAME_ARGUMENT_MAX 64

static int fail(const struct control_answer *answer, sd_bus_error *error)
{
	switch (answer->result) {
	case CONTROL_DONE:
		return 0;
	case CONTROL_NOTHING:
		return sd_bus_error_set(error, BUS_ERROR "NothingToDo", answer->text);
	case CONTROL_NOT_FOUND:
		return sd_bus_error_set(error, BUS_ERROR "NoSuchName", answer->text);
	case CONTROL_REFUSED:
		return sd_bus_error_set(error, BUS_ERROR "Refused", answer->text);
	case CONTROL_NO_STORE:
		return sd_bus_error_set(error, BUS_ERROR "Store", answer->text);
	}
	return -EIO;
}

static int read_name(sd_bus_message *m, const char **ret, sd_bus_error *error)
{
	int r = sd_bus_message_read(m, "s", ret);

	if (r >= 0 && strlen(*ret) > NAME_ARGUMENT_MAX)
		return sd_bus_error_set(
			error, SD_BUS_ERROR_INVALID_ARGS, "a name has at most 64 characters");
	return r;
}

/* ---- answering ---- */

struct pending {
	sd_bus_message *message;
	bool job; /* the answer names one */
	struct control_answer answer;
};

static int reply(sd_bus_message *m, bool job, const struct control_answer *answer)
{
	char path[BUS_PATH_MAX];

	if (!job)
		return sd_bus_reply_method_return(m, "s", answer->text);
	bus_job_path(answer->job_id, path);
	return sd_bus_reply_method_return(m, "os", path, answer->text);
}

static void on_saved(int error, void *userdata)
{
	struct pending *pending = userdata;

	if (error < 0)
		(void) sd_bus_reply_method_errorf(pending->message, BUS_ERROR "Store",
			"done, but it cannot be saved (%s), and would be forgotten at the next "
			"start",
			strerror(-error));
	else
		(void) reply(pending->message, pending->job, &pending->answer);
	sd_bus_message_unref(pending->message);
	free(pending);
}

static int reply_when_saved(struct bus *b, sd_bus_message *m, bool job,
	const struct control_answer *answer, sd_bus_error *error)
{
	struct pending *pending;
	int r = fail(answer, error);

	if (r < 0)
		return r;
	pending = malloc(sizeof(*pending));
	if (!pending)
		return -ENOMEM;
	*pending = (struct pending){ sd_bus_message_ref(m), job, *answer };
	r = control_when_saved(b->manager, on_saved, pending);
	if (r < 0) {
		sd_bus_message_unref(m);
		free(pending);
	}
	return r;
}

/* ---- the methods ---- */

enum bus_action bus_start_action(sd_bus_message *m)
{
	const char *name;
	int force = 1;

	if (sd_bus_message_read(m, "sb", &name, &force) < 0)
		force = 1; /* the handler says what is wrong */
	(void) sd_bus_message_rewind(m, true);
	return force ? BUS_FORCE : BUS_MANAGE;
}

int bus_start(struct bus *b, sd_bus_message *m, sd_bus_error *error)
{
	struct control_answer answer;
	const char *name;
	int force, r;

	r = read_name(m, &name, error);
	if (r >= 0)
		r = sd_bus_message_read(m, "b", &force);
	if (r < 0)
		return r;
	control_start(b->manager, name, force, &answer);
	return reply_when_saved(b, m, true, &answer, error);
}

static int operate(struct bus *b, sd_bus_message *m, sd_bus_error *error, bool job,
	void (*what)(struct manager *, const char *, struct control_answer *))
{
	struct control_answer answer;
	const char *name;
	int r = read_name(m, &name, error);

	if (r < 0)
		return r;
	what(b->manager, name, &answer);
	return reply_when_saved(b, m, job, &answer, error);
}

static void on_left(const struct control_answer *answer, void *userdata)
{
	sd_bus_message *m = userdata;
	sd_bus_error error = SD_BUS_ERROR_NULL;

	if (fail(answer, &error) < 0)
		(void) sd_bus_reply_method_error(m, &error);
	else
		(void) reply(m, true, answer);
	sd_bus_error_free(&error);
	sd_bus_message_unref(m);
}

int bus_cancel(struct bus *b, sd_bus_message *m, sd_bus_error *error)
{
	struct control_answer answer;
	const char *name;
	int r = read_name(m, &name, error);

	if (r < 0)
		return r;
	control_cancel(b->manager, name, &answer);
	if (answer.result != CONTROL_NOT_FOUND)
		return reply_when_saved(b, m, true, &answer, error);
	r = control_cancel_left(b->manager, name, on_left, sd_bus_message_ref(m));
	if (r < 0)
		sd_bus_message_unref(m);
	return r == -ENOENT ? fail(&answer, error) : r;
}

int bus_retry(struct bus *b, sd_bus_message *m, sd_bus_error *error)
{
	return operate(b, m, error, true, control_retry);
}

int bus_pause(struct bus *b, sd_bus_message *m, sd_bus_error *error)
{
	return operate(b, m, error, false, control_pause);
}

int bus_resume(struct bus *b, sd_bus_message *m, sd_bus_error *error)
{
	return operate(b, m, error, false, control_resume);
}

int bus_acknowledge(struct bus *b, sd_bus_message *m, sd_bus_error *error)
{
	struct control_answer answer;

	control_acknowledge(b->manager, &answer);
	return reply_when_saved(b, m, false, &answer, error);
}

/* ---- reload ---- */

/* Every problem, one a line. What is too long for an error is in the journal. */
static int configuration_error(const struct config_problems *problems, int r, sd_bus_error *error)
{
	size_t size = 1;
	char *text, *p;

	if (problems->n_errors == 0)
		return sd_bus_error_setf(error, BUS_ERROR "Configuration",
			"the configuration was not taken: %s", strerror(-r));
	for (size_t i = 0; i < problems->n_errors; i++)
		size += strlen(problems->errors[i]) + 1;
	text = p = malloc(size);
	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < problems->n_errors; i++)
		p = stpcpy(stpcpy(p, i > 0 ? "\n" : ""), problems->errors[i]);
	(void) sd_bus_error_set(error, BUS_ERROR "Configuration", text);
	free(text);
	return -EBADMSG;
}

int bus_reload(struct bus *b, sd_bus_message *m, sd_bus_error *error)
{
	struct config_problems problems = { 0 };
	int r;

	(void) sd_notify(false, "RELOADING=1");
	r = manager_reload(b->manager, &problems);
	(void) sd_notify(false, "READY=1");
	if (r < 0)
		r = configuration_error(&problems, r, error);
	config_problems_done(&problems);
	b->names_stale = b->jobs_stale = true;
	return r < 0 ? r : sd_bus_reply_method_return(m, "");
}
