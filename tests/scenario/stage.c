/*
 * The stage of a scenario: the dialogue, its port, its store and a module that answers as usual.
 */
#include "tests/scenario/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void push(struct queue *q, const char *text, size_t size)
{
	if (q->n == QUEUE_MAX || size >= LINE_SIZE)
		abort(); /* a dialogue that sends so much by itself is broken beyond a message */
	memcpy(q->lines[q->n], text, size);
	q->lines[q->n++][size] = '\0';
}

/* Only what decides something must be in the script. */
static void take_notice(struct scenario *s, const struct upgrade_notice *n)
{
	const char *first = "", *second = reason_name(n->reason);
	char text[128];
	int size;

	switch (n->type) {
	case NOTICE_STEP:
	case NOTICE_PHASE:
	case NOTICE_PROGRESS:
	case NOTICE_WARNING:
		return;
	case NOTICE_IDENTIFIED:
		first = "identified";
		break;
	case NOTICE_REFUSED:
		first = "refused";
		break;
	case NOTICE_ELSEWHERE:
		first = "elsewhere";
		second = "";
		break;
	case NOTICE_RESTORED:
		first = "restored";
		break;
	case NOTICE_VERDICT:
		size = snprintf(text, sizeof(text), "verdict %s%s%s", upgrade_outcome_name(n->outcome),
			second[0] ? " " : "", second);
		push(&s->said, text, (size_t) size);
		return;
	}
	size = snprintf(text, sizeof(text), "%s%s%s", first, second[0] ? " " : "", second);
	push(&s->said, text, (size_t) size);
}

static void begin_save(struct scenario *s, uint64_t number)
{
	s->pending = number;
	s->saving = s->dialogue.upgrade.record;
	if (!s->by_hand)
		stage_saved(s, true);
}

void stage_perform(struct scenario *s)
{
	struct upgrade_notice notice;
	const char *data;
	uint64_t number;
	size_t size;

	while ((number = dialogue_take_save(&s->dialogue)) != 0)
		begin_save(s, number);
	while ((size = dialogue_output(&s->dialogue, &data)) > 0) {
		if (data[size - 1] != '\r')
			abort();
		push(&s->sent, data, size - 1);
		dialogue_written(&s->dialogue, size, s->now);
	}
	while (dialogue_take_notice(&s->dialogue, &notice))
		take_notice(s, &notice);
	if (s->dialogue.save)
		stage_perform(s);
}

void stage_saved(struct scenario *s, bool ok)
{
	uint64_t number = s->pending;

	s->pending = 0;
	if (ok)
		s->durable = s->saving;
	dialogue_saved(&s->dialogue, number, ok, s->now);
	stage_perform(s);
}

void stage_begin(struct scenario *s)
{
	if (s->begun)
		return;
	s->begun = true;
	dialogue_init(&s->dialogue, &s->box, &s->who, &s->timeouts, s->trusted, 2 * SEC);
	dialogue_lend(&s->dialogue, s->room);
}

void stage_crash(struct scenario *s, bool other_boot)
{
	struct upgrade_record record = s->durable;

	s->pending = 0;
	s->box.n_notices = 0;
	if (other_boot && record.started)
		record.started = s->now;
	dialogue_init(&s->dialogue, &s->box, &s->who, &s->timeouts, true, 0);
	dialogue_lend(&s->dialogue, s->room);
	dialogue_resume(&s->dialogue, &record, &s->task, s->now);
	stage_perform(s);
}

void stage_feed(struct scenario *s, const char *line)
{
	char text[LINE_SIZE + 4];
	int size = snprintf(text, sizeof(text), "\r\n%s\r\n", line);

	dialogue_input(&s->dialogue, text, (size_t) size, s->now);
	stage_perform(s);
}

static bool happened(const struct scenario *s)
{
	return s->sent.n > 0 || s->said.n > 0;
}

static const char *what(const struct scenario *s)
{
	return s->sent.n > 0 ? s->sent.lines[0] : s->said.lines[0];
}

/* Up to that time nothing may happen; what happens at the very time belongs to what follows. */
int stage_advance(struct scenario *s, usec_t until)
{
	while (dialogue_deadline(&s->dialogue) <= until) {
		if (happened(s))
			return complain(s, "before that time there is \"%s\"", what(s));
		s->now = usec_max(s->now, dialogue_deadline(&s->dialogue));
		dialogue_advance(&s->dialogue, s->now);
		stage_perform(s);
	}
	if (happened(s) && s->now < until)
		return complain(s, "before that time there is \"%s\"", what(s));
	s->now = until;
	return 0;
}

int stage_wait(struct scenario *s)
{
	while (!happened(s)) {
		usec_t deadline = dialogue_deadline(&s->dialogue);

		if (deadline == USEC_INFINITY)
			return complain(s, "nothing will happen by itself any more");
		s->now = usec_max(s->now, deadline);
		dialogue_advance(&s->dialogue, s->now);
		stage_perform(s);
	}
	return 0;
}

/* ---- a module that answers as usual ---- */

static void answer(struct scenario *s, const char *line)
{
	static const struct {
		const char *line, *text;
	} usual[] = {
		{ "AT+CGMI", "Fibocom Wireless Inc." },
		{ "AT+CPIN?", "+CPIN: READY" },
		{ "AT+GTOTA=?",
			"+GTOTA: <type>,<\"url\">[,<\"filename\">,<\"username\">,<\"password\">]" },
		{ "AT+CBC", "+CBC: 0,80,3900" },
		{ "AT+CPAS", "+CPAS: 0" },
		{ "AT+CEREG?", "+CEREG: 0,1" },
		{ "AT+COPS?", "+COPS: 0,2,\"26201\",7" },
		{ "AT+CSQ", "+CSQ: 20,99" },
		{ "AT+GTRAT?", "+GTRAT: 10,3,0" },
		{ "AT+GTSET?", "+GTSET: \"CALLBREAK\",0" },
		{ "AT+CGACT?", "+CGACT: 1,1" },
	};

	for (size_t i = 0; i < ELEMENTSOF(usual); i++)
		if (text_equal(line, usual[i].line))
			stage_feed(s, usual[i].text);
	if (text_equal(line, "AT+CGMM"))
		stage_feed(s, s->module.model);
	else if (text_equal(line, "AT+CGMR"))
		stage_feed(s, s->module.version);
	else if (text_equal(line, "AT+CGSN"))
		stage_feed(s, s->module.imei);
	else if (text_equal(line, "AT+MIPCALL?"))
		stage_feed(s, s->pdp ? "+MIPCALL: 1,10.0.0.1" : "+MIPCALL: 0");
	else if (text_starts_with(line, "AT+MIPCALL="))
		s->pdp = line[strlen("AT+MIPCALL=")] == '1';
	stage_feed(s, "OK");
}

int stage_as_usual(struct scenario *s, const char *until)
{
	for (unsigned i = 0; i < 200; i++) {
		char line[LINE_SIZE];

		if (s->said.n > 0 || s->pending > 0)
			return complain(s, "before %s there is \"%s\"", until,
				s->said.n > 0 ? s->said.lines[0] : "a save");
		if (s->sent.n == 0 && stage_wait(s) < 0)
			return -1;
		if (s->sent.n == 0)
			continue;
		if (text_starts_with(s->sent.lines[0], until) &&
			(until[strlen(until) - 1] == '=' || text_equal(s->sent.lines[0], until)))
			return 0;
		memcpy(line, s->sent.lines[0], sizeof(line));
		s->sent.n--;
		memmove(s->sent.lines[0], s->sent.lines[1], s->sent.n * LINE_SIZE);
		answer(s, line);
	}
	return complain(s, "%s never comes", until);
}

/* ---- settings ---- */

static const char *keep(struct scenario *s, const char *text)
{
	if (s->n_texts == ELEMENTSOF(s->text))
		abort();
	snprintf(s->text[s->n_texts], LINE_SIZE, "%s", text);
	return s->text[s->n_texts++];
}

static int set_timeout(struct scenario *s, const char *name, const char *value)
{
	static const struct {
		const char *name;
		size_t offset;
	} names[] = {
		{ "command", offsetof(struct timeouts, command) },
		{ "identify", offsetof(struct timeouts, identify) },
		{ "registration", offsetof(struct timeouts, registration) },
		{ "pdp", offsetof(struct timeouts, pdp) },
		{ "start", offsetof(struct timeouts, start) },
		{ "stall", offsetof(struct timeouts, stall) },
		{ "download", offsetof(struct timeouts, download) },
		{ "leave", offsetof(struct timeouts, leave) },
		{ "return", offsetof(struct timeouts, return_) },
		{ "settle", offsetof(struct timeouts, settle) },
	};

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		if (!text_equal(names[i].name, name))
			continue;
		if (usec_parse(value,
			    (usec_t *) ((char *) &s->profile.timeouts + names[i].offset)) < 0)
			return -EINVAL;
		s->timeouts = s->profile.timeouts;
		return 0;
	}
	return -EINVAL;
}

static int set_package(struct scenario *s, char **words, size_t n)
{
	bool ftp = text_equal(words[1], "ftp");
	size_t at = ftp ? 6 : 3;

	if (n != at + 4 || !text_equal(words[at], "from") || !text_equal(words[at + 2], "to"))
		return -EINVAL;
	s->task.request = (struct gtota_request){ .url = keep(s, words[2]) };
	if (ftp) {
		s->task.request.type = GTOTA_FTP;
		s->task.request.filename = keep(s, words[3]);
		s->task.request.username = keep(s, words[4]);
		s->task.request.password = keep(s, words[5]);
	}
	s->task.from = keep(s, words[at + 1]);
	s->task.to = keep(s, words[at + 3]);
	return 0;
}

static const struct profile *resolve(const struct profile *row, void *userdata)
{
	(void) row;
	return &((struct scenario *) userdata)->profile;
}

static int set_profile(struct scenario *s, const char *name)
{
	const struct profile *row = profile_by_name(name);

	if (!row)
		return -EINVAL;
	s->profile = *row;
	s->timeouts = row->timeouts;
	s->who.resolve = resolve;
	s->who.userdata = s;
	return 0;
}

int stage_setting(struct scenario *s, char **words, size_t n)
{
	if (n == 2 && text_equal(words[0], "profile"))
		return set_profile(s, words[1]);
	if (n >= 3 && text_equal(words[0], "package"))
		return set_package(s, words, n);
	if (n == 3 && text_equal(words[0], "timeout"))
		return set_timeout(s, words[1], words[2]);
	if (n == 4 && text_equal(words[0], "module"))
		return text_copy(s->module.model, MODEL_MAX, words[1]) < 0 ||
				       text_copy(s->module.version, VERSION_MAX, words[2]) < 0 ||
				       text_copy(s->module.imei, IMEI_SIZE, words[3]) < 0
			       ? -EINVAL
			       : 0;
	if (n == 3 && text_equal(words[0], "module") && text_equal(words[1], "runs"))
		return text_copy(s->module.version, VERSION_MAX, words[2]) < 0 ? -EINVAL : 0;
	if (n == 2 && text_equal(words[0], "imei"))
		s->who.imei = keep(s, words[1]);
	else if (n == 1 && text_equal(words[0], "trusted"))
		s->trusted = true;
	else if (n == 2 && text_equal(words[0], "saves") && text_equal(words[1], "by-hand"))
		s->by_hand = true;
	else if (n == 2 && text_equal(words[0], "rat") && text_equal(words[1], "lock"))
		s->task.rat = RAT_LOCK;
	else if (n == 2 && text_equal(words[0], "check") && text_equal(words[1], "registered"))
		s->task.check = CHECK_REGISTERED;
	else if (n == 2 && text_equal(words[0], "check") && text_equal(words[1], "pdp"))
		s->task.check = CHECK_PDP;
	else if (n == 2 && text_equal(words[0], "apn"))
		s->task.apn.name = keep(s, words[1]);
	else if (n == 3 && text_equal(words[0], "require") && text_equal(words[1], "rssi"))
		s->task.require.check_rssi = true,
		s->task.require.rssi_dbm = (int) strtol(words[2], NULL, 10);
	else if (n == 3 && text_equal(words[0], "require") && text_equal(words[1], "supply"))
		s->task.require.supply_mv = (unsigned) strtoul(words[2], NULL, 10);
	else if (n == 2 && text_equal(words[0], "require") && text_equal(words[1], "idle"))
		s->task.require.idle = true;
	else if (n == 2 && text_equal(words[0], "require") && text_equal(words[1], "lte"))
		s->task.require.technology = TECHNOLOGY_LTE;
	else
		return -ENOENT;
	return 0;
}
