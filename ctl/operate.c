/*
 * operate - what changes something: start, cancel, retry, pause, resume, acknowledge, reload.
 */
#include <errno.h>
#include <stdio.h>

#include "base/text.h"
#include "ctl/link.h"
#include "ctl/print.h"
#include "ctl/text.h"
#include "ctl/wait.h"

/* fotad's own sentence. */
static void say(const struct ctl *ctl, const char *answer, const char *job)
{
	if (ctl->json != CTL_JSON_OFF)
		print_json(ctl, json_pack("{s:s, s:o}", "answer", answer, "job",
					job ? json_integer(atoll(job)) : json_null()));
	else if (answer[0]) {
		print_shown(stdout, answer);
		putchar('\n');
	}
}

static const char *id_of(const char *path)
{
	return text_starts_with(path, FOTAD_ROOT "/job/") ? path + sizeof(FOTAD_ROOT "/job/") - 1
							  : NULL;
}

/* With --wait what is waited for is noted before anything changes, so that no end is missed. */
static enum ctl_exit act(struct ctl *ctl, const char *doing, const char *method, const char *name)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	CLEANUP(waiting_free) struct waiting *waiting = NULL;
	const char *path, *answer;
	enum ctl_exit code = CTL_DONE;

	if (ctl->wait)
		code = waiting_new(ctl, &waiting);
	if (code != CTL_DONE)
		return code;
	code = text_equal(method, "Start")
		       ? link_call(ctl, doing, method, &reply, "sb", name, ctl->force)
		       : link_call(ctl, doing, method, &reply, "s", name);
	if (code != CTL_DONE)
		return code;
	if (sd_bus_message_read(reply, "os", &path, &answer) < 0)
		return link_complain(ctl, doing, NULL, -EBADMSG);
	say(ctl, answer, id_of(path));
	return ctl->wait ? waiting_run(waiting, name, id_of(path), method) : CTL_DONE;
}

enum ctl_exit verb_start(struct ctl *ctl, int argc UNUSED, char **argv)
{
	TEXT_AUTO doing = words("start %s", argv[1]);

	return act(ctl, doing, "Start", argv[1]);
}

enum ctl_exit verb_cancel(struct ctl *ctl, int argc UNUSED, char **argv)
{
	TEXT_AUTO doing = words("cancel %s", argv[1]);

	return act(ctl, doing, "Cancel", argv[1]);
}

enum ctl_exit verb_retry(struct ctl *ctl, int argc UNUSED, char **argv)
{
	TEXT_AUTO doing = words("retry %s", argv[1]);

	return act(ctl, doing, "Retry", argv[1]);
}

/* What has no job to point at. */
static enum ctl_exit tell(struct ctl *ctl, const char *doing, const char *method, const char *name)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const char *answer;
	enum ctl_exit code = name ? link_call(ctl, doing, method, &reply, "s", name)
				  : link_call(ctl, doing, method, &reply, NULL);

	if (code != CTL_DONE)
		return code;
	if (sd_bus_message_read(reply, "s", &answer) < 0)
		return link_complain(ctl, doing, NULL, -EBADMSG);
	say(ctl, answer, NULL);
	return CTL_DONE;
}

enum ctl_exit verb_pause(struct ctl *ctl, int argc, char **argv)
{
	TEXT_AUTO doing = words("pause %s", argc > 1 ? argv[1] : "all new starts");

	return tell(ctl, doing, "Pause", argc > 1 ? argv[1] : "");
}

enum ctl_exit verb_resume(struct ctl *ctl, int argc, char **argv)
{
	TEXT_AUTO doing = words("resume %s", argc > 1 ? argv[1] : "new starts");

	return tell(ctl, doing, "Resume", argc > 1 ? argv[1] : "");
}

enum ctl_exit verb_acknowledge(struct ctl *ctl, int argc UNUSED, char **argv UNUSED)
{
	return tell(ctl, "acknowledge", "Acknowledge", NULL);
}

enum ctl_exit verb_reload(struct ctl *ctl, int argc UNUSED, char **argv UNUSED)
{
	enum ctl_exit code = link_call(ctl, "reload the configuration", "Reload", NULL, NULL);

	if (code == CTL_DONE)
		say(ctl, "the configuration was read again and is in force", NULL);
	return code;
}
