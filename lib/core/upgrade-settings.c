/*
 * What fotad changes in a module, and puts back (conduct 3): the first value read is durable before
 * ours is written, it is never overwritten by a later reading of our own, and unreadable means not
 * restored, said once.
 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "core/at-text.h"
#include "core/upgrade-internal.h"

/* A value that can be sent back as it was read: digits and commas only. */
static bool is_plain(const char *value)
{
	return value[0] && strspn(value, "0123456789,") == strlen(value);
}

static void keep(struct upgrade_setting *setting, const char *value)
{
	if (setting->known || setting->written || !is_plain(value))
		return;
	setting->known = text_copy(setting->value, sizeof(setting->value), value) == 0;
}

/* An OK without any text to a question is a late one to something else: what it asks for is asked again. */
static bool is_hollow(const struct upgrade *u, const struct upgrade_event *event)
{
	return upgrade_ok(event) && event->at.size == 0 && u->tries < upgrade_steps[u->step].tries;
}

int upgrade_on_rat_read(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	struct at_text t;
	char value[SETTING_MAX];
	size_t n = 0;

	(void) now;
	if (!upgrade_ok(event) && !upgrade_error(event))
		return STAY;
	if (is_hollow(u, event))
		return upgrade_refuse(u, REASON_NO_ANSWER, RETRY);
	/* +GTRAT: <rat>[,<pref1>,<pref2>]: the rest of the line without its spaces is what the set
	 * form takes */
	if (upgrade_ok(event) && at_text_find(&t, event->at.text, "+GTRAT:")) {
		for (; t.p < t.end && n + 1 < sizeof(value); t.p++)
			if (*t.p != ' ')
				value[n++] = *t.p;
		value[n] = '\0';
		if (t.p == t.end)
			keep(&u->record.rat, value);
	}
	if (!u->record.rat.known)
		upgrade_notify(u, NOTICE_WARNING, REASON_NONE,
			"the module does not tell its RAT setting: it is not locked, for there is no "
			"way back");
	return NEXT;
}

bool upgrade_save_rat(struct upgrade *u, usec_t now)
{
	(void) now;
	u->record.rat.written = true;
	return true;
}

int upgrade_build_rat_lock(struct upgrade *u)
{
	return text_copy(u->out->line, sizeof(u->out->line), u->profile->rat_lock);
}

/*
 * What the module has refused is not in it, unless it was before, or went in with a try whose answer
 * was lost. Of the two GTSETs, which are saved together, the second is not even sent after the first.
 * The next save, of the start or the verdict, has it too: until then it would be put back in vain.
 */
static void forget_refused(struct upgrade *u)
{
	struct upgrade_record *r = &u->record;

	if (u->tries > 1)
		return;
	if (u->step == STEP_RAT_LOCK)
		r->rat.written = u->before.rat;
	else
		r->gprsfirst.written = u->before.gprsfirst;
	if (u->step == STEP_NO_CALLBREAK)
		r->callbreak.written = u->before.callbreak;
}

/* What is only recommended: an error is a warning. */
int upgrade_on_wish(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	(void) now;
	if (upgrade_error(event)) {
		upgrade_notify(u, NOTICE_WARNING, REASON_NONE, event->at.text);
		if (u->step == STEP_RAT_LOCK || u->step == STEP_GPRS_FIRST)
			forget_refused(u);
	}
	return upgrade_ok(event) || upgrade_error(event) ? NEXT : STAY;
}

/* CALLBREAK is a "must" of both guides (L610 FOTA guide, 1.1). */
int upgrade_on_must(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	(void) now;
	if (upgrade_ok(event))
		return NEXT;
	if (!upgrade_error(event))
		return STAY;
	forget_refused(u);
	return upgrade_refuse(u, REASON_SETTING_REFUSED, FAIL);
}

int upgrade_on_settings_read(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	struct upgrade_record *r = &u->record;
	char name[32], value[SETTING_MAX];
	struct at_text t;

	(void) now;
	if (!upgrade_ok(event) && !upgrade_error(event))
		return STAY;
	if (is_hollow(u, event))
		return upgrade_refuse(u, REASON_NO_ANSWER, RETRY);
	if (upgrade_ok(event) && at_text_find(&t, event->at.text, "+GTSET:")) {
		do {
			if (at_text_string(&t, name, sizeof(name)) < 0 ||
				at_text_string(&t, value, sizeof(value)) < 0)
				continue;
			if (text_equal_nocase(name, "CALLBREAK"))
				keep(&r->callbreak, value);
			else if (text_equal_nocase(name, "GPRSFIRST"))
				keep(&r->gprsfirst, value);
		} while (at_text_next(&t, "+GTSET:"));
	}
	if ((!r->callbreak.known && !r->callbreak.written) ||
		(!r->gprsfirst.known && !r->gprsfirst.written))
		upgrade_notify(u, NOTICE_WARNING, REASON_NONE,
			"the module does not tell its GTSET values: they will not be restored");
	return NEXT;
}

bool upgrade_save_settings(struct upgrade *u, usec_t now)
{
	(void) now;
	u->record.callbreak.written = true;
	u->record.gprsfirst.written = true;
	return true;
}

int upgrade_on_pdp_ask(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	(void) now;
	if (!upgrade_ok(event) && !upgrade_error(event))
		return STAY;
	u->pdp_active = upgrade_ok(event) && upgrade_read_pdp(u, event->at.text) == 1;
	return NEXT;
}

bool upgrade_save_pdp(struct upgrade *u, usec_t now)
{
	(void) now;
	u->record.pdp_opened = true;
	return true;
}

int upgrade_build_pdp_open(struct upgrade *u)
{
	const struct apn *apn = &u->task->apn;
	int r;

	if (!apn->name)
		r = text_copy(u->out->line, sizeof(u->out->line), "AT+MIPCALL=1");
	else if (!apn->username)
		r = text_format(
			u->out->line, sizeof(u->out->line), "AT+MIPCALL=1,\"%s\"", apn->name);
	else
		r = text_join(u->out->line, sizeof(u->out->line), "AT+MIPCALL=1,\"", apn->name,
			"\",\"", apn->username, "\",\"", apn->password ?: "", "\"", NULL);
	u->secret = apn->name && apn->username;
	u->out->command.line = u->out->line;
	u->reason = REASON_PDP_FAILED;
	return r;
}

int upgrade_on_pdp_open(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	(void) now;
	/* An error also means "already active" on some firmware: the next question tells. What is
	 * there then was not opened by us (conduct 3). */
	if (upgrade_error(event))
		u->record.pdp_opened = false;
	return upgrade_ok(event) || upgrade_error(event) ? NEXT : STAY;
}

int upgrade_on_pdp_wait(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	(void) now;
	if (!upgrade_ok(event) && !upgrade_error(event))
		return STAY;
	u->pdp_active = upgrade_ok(event) && upgrade_read_pdp(u, event->at.text) == 1;
	return u->pdp_active ? NEXT : upgrade_refuse(u, REASON_PDP_FAILED, RETRY);
}

/* What the check has opened of a profile without MIPCALL is closed as it was opened. */
int upgrade_build_pdp_close(struct upgrade *u)
{
	bool mipcall = u->profile->mipcall != PROFILE_MIPCALL_NEVER;

	u->out->command.line = mipcall ? "AT+MIPCALL=0" : "AT+CGACT=0,1";
	return 0;
}

static int build_back(struct upgrade *u, const char *name, const struct upgrade_setting *setting)
{
	return text_format(
		u->out->line, sizeof(u->out->line), "AT+GTSET=\"%s\",%s", name, setting->value);
}

int upgrade_build_callbreak_back(struct upgrade *u)
{
	return build_back(u, "CALLBREAK", &u->record.callbreak);
}

int upgrade_build_gprsfirst_back(struct upgrade *u)
{
	return build_back(u, "GPRSFIRST", &u->record.gprsfirst);
}

int upgrade_build_rat_back(struct upgrade *u)
{
	return text_format(u->out->line, sizeof(u->out->line), "AT+GTRAT=%s", u->record.rat.value);
}

/* An error is said, and the next one is tried: a module that refuses will go on refusing. */
int upgrade_on_back(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	(void) now;
	if (upgrade_error(event)) {
		u->unrestored = REASON_SETTING_REFUSED;
		upgrade_notify(u, NOTICE_WARNING, REASON_SETTING_REFUSED, event->at.text);
	}
	return upgrade_ok(event) || upgrade_error(event) ? NEXT : STAY;
}

int upgrade_on_restored(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	struct upgrade_record *r = &u->record;

	(void) event;
	(void) now;
	r->callbreak = r->gprsfirst = r->rat = (struct upgrade_setting){ 0 };
	r->pdp_opened = false;
	u->restoring = false;
	upgrade_save(u);
	upgrade_notify(u, NOTICE_RESTORED, u->unrestored, "");
	return STEP_HOLD;
}
