#include "tests/unit/upgrade-rig.h"

#include <stdio.h>

#include "base/text.h"

static const struct rig_answer healthy[] = {
	{ "AT", "OK", 0 },
	{ "ATE0", "OK", 0 },
	{ "AT+CMEE=1", "OK", 0 },
	{ "AT+CGMI", "Fibocom Wireless Inc.|OK", 0 },
	{ "AT+CGMR", OLD "|OK", 0 },
	{ "AT+CGSN", IMEI "|OK", 0 },
	{ "AT+CPIN?", "+CPIN: READY|OK", 0 },
	{ "AT+GTOTA=?", "+GTOTA: <type>,<\"url\">|OK", 0 },
	{ "AT+CBC", "+CBC: 0,80,3800|OK", 0 },
	{ "AT+CPAS", "+CPAS: 0|OK", 0 },
	{ "AT+CEREG?", "+CEREG: 0,1|OK", 0 },
	{ "AT+CGREG?", "+CGREG: 0,0|OK", 0 },
	{ "AT+COPS?", "+COPS: 0,2,\"46011\",7|OK", 0 },
	{ "AT+CSQ", "+CSQ: 20,99|OK", 0 },
	{ "AT+GTRAT?", "+GTRAT: 10,3,0|OK", 0 },
	{ "AT+GTRAT=*", "OK", 0 },
	{ "AT+GTSET?", "+GTSET: \"CALLBREAK\",0|+GTSET: \"GPRSFIRST\",0|OK", 0 },
	{ "AT+GTSET=*", "OK", 0 },
	{ "AT+MIPCALL?", "+MIPCALL: 1,10.1.2.3|OK", 0 },
	{ "AT+MIPCALL=*", "OK", 0 },
	{ "AT+CGACT?", "+CGACT: 1,1|OK", 0 },
	{ "AT+CGACT=*", "OK", 0 },
	{ "AT+GTOTA=*", "OK", 0 },
};

static void append(char *log, size_t size, const char *text)
{
	size_t used = strlen(log);

	assert_true(used + strlen(text) + 2 < size);
	snprintf(log + used, size - used, "%s|", text);
}

static void log_notice(struct rig *rig, const struct upgrade_notice *n)
{
	char entry[160];

	switch (n->type) {
	case NOTICE_STEP:
		append(rig->steps, sizeof(rig->steps), n->step);
		return;
	case NOTICE_IDENTIFIED:
		snprintf(entry, sizeof(entry), "identified");
		break;
	case NOTICE_PHASE:
		snprintf(entry, sizeof(entry), "%s", n->text);
		break;
	case NOTICE_PROGRESS:
		snprintf(entry, sizeof(entry), "%d%%", n->percent);
		break;
	case NOTICE_REFUSED:
		snprintf(entry, sizeof(entry), "refused %s", reason_name(n->reason));
		break;
	case NOTICE_ELSEWHERE:
		snprintf(entry, sizeof(entry), "elsewhere");
		break;
	case NOTICE_WARNING:
		snprintf(entry, sizeof(entry), "warning %s",
			n->reason ? reason_name(n->reason) : n->text);
		break;
	case NOTICE_RESTORED:
		snprintf(entry, sizeof(entry), "restored%s%s", n->reason ? " " : "",
			reason_name(n->reason));
		break;
	case NOTICE_VERDICT:
		snprintf(entry, sizeof(entry), "verdict %s%s%s", upgrade_outcome_name(n->outcome),
			n->reason ? " " : "", reason_name(n->reason));
		break;
	}
	append(rig->notices, sizeof(rig->notices), entry);
	if (n->type != NOTICE_PHASE && n->type != NOTICE_PROGRESS)
		rig->last = *n;
}

static void log_notices(struct rig *rig)
{
	struct upgrade_notice n;

	while (dialogue_take_notice(&rig->d, &n))
		log_notice(rig, &n);
	assert_int_equal(rig->box.notices_lost, 0);
	assert_true(rig->box.effects.n_notices <= UPGRADE_NOTICES_MAX);
}

static bool is_one_of(const char *line, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(line, *list) == 0)
			return true;
	return false;
}

/* conduct 1, 2, 4, 5, 13: what may this line not be? */
static void check_line(struct rig *rig, const char *line)
{
	static const char *const strangers[] = { "AT", "AT+CGMI", "AT+CGMM", "AT+CGMR", "AT+CGSN",
		"ATI", NULL };
	static const char *const verification[] = { "AT", "ATE0", "AT+CMEE=1", "AT+CGMR", "AT+CGSN",
		NULL };
	static const char *const service[] = { "AT", "AT+CEREG?", "AT+CGREG?", "AT+CSQ", "AT+MIPCALL?",
		"AT+MIPCALL=1", "AT+MIPCALL=1,\"iot.example\",\"gw\",\"kanarie-Zx91\"", "AT+CGACT?", "AT+CGACT=1,1", NULL };
	const struct upgrade *u = &rig->d.upgrade;
	bool start = strncmp(line, "AT+GTOTA=", 9) == 0 && line[9] != '?';
	bool checking = strncmp(rig_step(rig), "check-", 6) == 0;

	if (!u->identified && !u->record.start_durable)
		assert_true(is_one_of(line, strangers));
	if (start) {
		rig->n_starts++;
		assert_true(rig->durable.start_durable);
		assert_true(rig->durable.end_open);
		assert_true(rig->durable.callbreak.written);
		assert_true(rig->n_callbreaks >= rig->n_starts);
	} else if (checking) { /* the version is proven */
		assert_true(is_one_of(line, service));
		assert_string_equal(u->identity.version, rig->task.to);
	} else if (u->record.start_durable && !u->awaited) {
		assert_true(is_one_of(line, verification));
		assert_int_equal(upgrade_phase(u), PHASE_VERIFYING);
		if (strcmp(line, "AT") == 0) {
			if (rig->asked)
				assert_true(rig->now >=
					    rig->asked + usec_min(30 * SEC,
								 rig->profile.timeouts.settle));
			rig->asked = rig->now;
		}
	}
	rig->n_callbreaks += strcmp(line, "AT+GTSET=\"CALLBREAK\",1") == 0;
	if (strncmp(line, "AT+GTSET=", 9) == 0)
		assert_true(rig->durable.callbreak.written);
	if (strncmp(line, "AT+GTRAT=", 9) == 0)
		assert_true(rig->durable.rat.written);
	if (strncmp(line, "AT+MIPCALL=1", 12) == 0 || strncmp(line, "AT+CGACT=1", 10) == 0)
		assert_true(rig->durable.pdp_opened);
}

static bool is_for(const struct rig_answer *a, const char *line)
{
	size_t n = strlen(a->command);

	if (n > 0 && a->command[n - 1] == '*')
		return strncmp(line, a->command, n - 1) == 0;
	return strcmp(line, a->command) == 0;
}

static const char *find_answer(struct rig *rig, const char *line)
{
	const char *found = NULL;

	for (size_t i = 0; i < rig->n_answers; i++) {
		struct rig_answer *a = &rig->answers[i];

		if (!is_for(a, line))
			continue;
		if (a->times == 1) {
			const char *answer = a->answer;

			memmove(a, a + 1, (--rig->n_answers - i) * sizeof(*a));
			return answer;
		}
		found = a->answer;
	}
	for (size_t i = 0; !found && i < ELEMENTSOF(healthy); i++)
		if (is_for(&healthy[i], line))
			found = healthy[i].answer;
	return found ?: "ERROR";
}

static void feed(struct rig *rig, const char *text)
{
	dialogue_input(&rig->d, text, strlen(text), rig->now);
	log_notices(rig);
}

void rig_hear(struct rig *rig, const char *line)
{
	char text[600];

	snprintf(text, sizeof(text), "\r\n%s\r\n", line);
	feed(rig, text);
	rig_flow(rig);
}

/* The module's side: the echo, and the answer. */
static void answer(struct rig *rig, const char *line)
{
	const char *p = rig->deaf ? "" : find_answer(rig, line);
	char text[AT_COMMAND_MAX + 8];

	if (rig->deaf)
		return;
	if (rig->echo) {
		snprintf(text, sizeof(text), "%s\r", line);
		feed(rig, text);
	}
	if (strcmp(line, "ATE0") == 0)
		rig->echo = false;
	if (rig->chatty)
		feed(rig, "\r\nRING\r\n\r\n^MODE: 17,17\r\n");
	while (*p) {
		size_t n = strcspn(p, "|");

		snprintf(text, sizeof(text), "\r\n%.*s\r\n", (int) n, p);
		feed(rig, text);
		p += n + (p[n] == '|');
	}
}

static bool take_output(struct rig *rig)
{
	const char *p;
	size_t n = dialogue_output(&rig->d, &p), used = strlen(rig->partial);
	char line[AT_COMMAND_MAX + 1];

	if (n == 0 || rig->stuck)
		return false;
	assert_true(used + n < sizeof(rig->partial));
	memcpy(rig->partial + used, p, n);
	rig->partial[used + n] = '\0';
	dialogue_written(&rig->d, n, rig->now);
	if (rig->partial[used + n - 1] != '\r')
		return true;
	rig->partial[used + n - 1] = '\0';
	memcpy(line, rig->partial, sizeof(line));
	rig->partial[0] = '\0';
	check_line(rig, line);
	append(rig->wire, sizeof(rig->wire), line);
	answer(rig, line);
	return true;
}

void rig_saved(struct rig *rig, bool ok)
{
	uint64_t save = rig->pending;

	assert_true(save != 0);
	rig->pending = 0;
	if (ok)
		rig->durable = rig->pending_record;
	dialogue_saved(&rig->d, save, ok, rig->now);
	rig_flow(rig);
}

static bool take_save(struct rig *rig)
{
	uint64_t save = dialogue_take_save(&rig->d);
	enum rig_saves how = rig->saves;

	if (save == 0)
		return false;
	rig->n_saves++;
	rig->pending = save;
	rig->pending_record = rig->d.upgrade.record;
	if (rig->save_step && strcmp(rig->save_step, rig_step(rig)) != 0)
		how = RIG_SAVES;
	switch (how) {
	case RIG_SAVES:
	case RIG_SAVES_NEVER:
		rig_saved(rig, how == RIG_SAVES);
		break;
	case RIG_SAVES_LATE:
		break;
	}
	return true;
}

void rig_flow(struct rig *rig)
{
	log_notices(rig);
	while (take_save(rig) || take_output(rig))
		log_notices(rig);
	if (rig->d.upgrade.record.start_durable && !rig->d.upgrade.unknown)
		assert_true(dialogue_deadline(&rig->d) != USEC_INFINITY);
}

void rig_pass(struct rig *rig, usec_t duration)
{
	usec_t end = rig->now + duration;

	rig_flow(rig);
	while (dialogue_deadline(&rig->d) <= end) {
		rig->now = usec_max(rig->now, dialogue_deadline(&rig->d));
		dialogue_advance(&rig->d, rig->now);
		rig_flow(rig);
	}
	rig->now = end;
}

void rig_until(struct rig *rig, const char *step)
{
	usec_t end = rig->now + DAY;

	rig_flow(rig);
	while (strcmp(rig_step(rig), step) != 0) {
		usec_t deadline = dialogue_deadline(&rig->d);

		if (deadline > end)
			fail_msg("step \"%s\" instead of \"%s\": %s", rig_step(rig), step,
				rig->steps);
		rig->now = usec_max(rig->now, deadline);
		dialogue_advance(&rig->d, rig->now);
		rig_flow(rig);
	}
}

void rig_begin(struct rig *rig, const char *profile)
{
	memset(rig, 0, sizeof(*rig));
	rig->now = DAY;
	rig->echo = true;
	rig->profile = *profile_by_name(profile);
	rig->timeouts = rig->profile.timeouts;
	rig->modem.profile = &rig->profile;
	rig->task = (struct upgrade_task){
		.request = { .type = GTOTA_HTTP, .url = "http://fota.example.net/28-29.bin" },
		.from = OLD,
		.to = NEW,
	};
	rig_answer(rig, "AT+CGMM",
		strcmp(profile, "L610") == 0 ? "L610-CN-62-36|OK" : "NL668-EU-00|OK");
	dialogue_init(&rig->d, &rig->box, &rig->modem, &rig->timeouts, true, 2 * SEC);
	dialogue_lend(&rig->d, rig->room);
}

void rig_untrusted(struct rig *rig, usec_t quiet)
{
	dialogue_init(&rig->d, &rig->box, &rig->modem, &rig->timeouts, false, quiet);
	dialogue_lend(&rig->d, rig->room);
}

static void add_answer(struct rig *rig, const char *command, const char *text, unsigned times)
{
	assert_true(rig->n_answers < RIG_ANSWERS);
	rig->answers[rig->n_answers++] = (struct rig_answer){ command, text, times };
}

void rig_answer(struct rig *rig, const char *command, const char *text)
{
	add_answer(rig, command, text, 0);
}

void rig_once(struct rig *rig, const char *command, const char *text)
{
	add_answer(rig, command, text, 1);
}

void rig_open(struct rig *rig)
{
	rig->partial[0] = '\0';
	dialogue_opened(&rig->d, rig->now);
	rig_flow(rig);
}

void rig_lost(struct rig *rig)
{
	rig->partial[0] = '\0';
	rig->echo = true;
	dialogue_lost(&rig->d, rig->now);
	rig_flow(rig);
}

void rig_go(struct rig *rig)
{
	dialogue_go(&rig->d, &rig->task, rig->now);
	rig_flow(rig);
}

void rig_cancel(struct rig *rig)
{
	dialogue_cancel(&rig->d, rig->now);
	rig_flow(rig);
}

void rig_restore(struct rig *rig)
{
	dialogue_restore(&rig->d, rig->now);
	rig_flow(rig);
}

void rig_crash(struct rig *rig)
{
	rig->partial[0] = '\0';
	rig->pending = 0;
	dialogue_init(&rig->d, &rig->box, &rig->modem, &rig->timeouts, true, 2 * SEC);
	dialogue_lend(&rig->d, rig->room);
	dialogue_resume(&rig->d, &rig->durable, &rig->task, rig->now);
	rig_forget(rig);
}

void rig_hold(struct rig *rig)
{
	rig_open(rig);
	rig_until(rig, "hold");
	rig_forget(rig);
}

void rig_started(struct rig *rig)
{
	unsigned before = rig->n_starts;

	rig_hold(rig);
	rig_go(rig);
	for (int i = 0; rig->n_starts == before && i < 100; i++) {
		rig->now = usec_max(rig->now, dialogue_deadline(&rig->d));
		dialogue_advance(&rig->d, rig->now);
		rig_flow(rig);
	}
	assert_int_equal(rig->n_starts, before + 1);
	rig->asked = 0;
	rig_forget(rig);
}

void rig_forget(struct rig *rig)
{
	rig->wire[0] = rig->notices[0] = rig->steps[0] = '\0';
}

void rig_wire(struct rig *rig, const char *lines)
{
	assert_string_equal(rig->wire, lines);
	rig->wire[0] = '\0';
}

void rig_notices(struct rig *rig, const char *notices)
{
	assert_string_equal(rig->notices, notices);
	rig->notices[0] = '\0';
}

bool rig_did(const struct rig *rig, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = rig->wire; *p; p += strcspn(p, "|") + 1)
		if (strncmp(p, line, n) == 0 && p[n] == '|')
			return true;
	return false;
}

const char *rig_step(const struct rig *rig)
{
	return upgrade_step_name(&rig->d.upgrade);
}
