/*
 * What the wire may carry and when: every line that is written, against conduct 1, 3, 4 and 13.
 */
#include "tests/simulate/simulate.h"

#include <string.h>

#include "base/text.h"
#include "core/gtota.h"

static const struct upgrade_record *durable(const struct life *l)
{
	return &l->driver.durable.record;
}

/* Attempts are counted by module. */
static size_t whose(const struct life *l)
{
	return !text_equal(durable(l)->imei, l->plan.module.imei);
}

/* One line for one durable attempt; only one that was refused may give its number to the next. */
static bool is_used(const struct life *l)
{
	const struct upgrade_record *r = durable(l);
	size_t i = whose(l);

	return r->attempt <= l->judge.used[i].attempt &&
	       (r->started == l->judge.used[i].started || !l->judge.used[i].refused);
}

static bool is_start(const char *line)
{
	return text_starts_with(line, "AT+GTOTA=") && line[strlen("AT+GTOTA=")] != '?';
}

static bool is_one_of(const char *line, const char *const *list)
{
	for (; *list; list++)
		if (text_equal(line, *list))
			return true;
	return false;
}

/* Conduct 4: may anything be sent, or is it still only listened to? */
static bool still_listens(const struct life *l)
{
	const struct judge *j = &l->judge;
	const struct timeouts *t = &l->plan.profile.timeouts;

	if (!j->listening)
		return false;
	if (j->complete)
		return l->now < usec_add(j->heard, t->leave);
	if (l->now >= usec_add(usec_min(j->started, durable(l)->started), t->download))
		return false;
	return l->now <
	       (j->answered ? usec_add(j->heard, t->stall) : usec_add(j->started, t->start));
}

static void check_start(struct life *l)
{
	struct judge *j = &l->judge;

	if (!durable(l)->start_durable)
		violated(l, SAVE_BEFORE_SEND, "AT+GTOTA= goes out, and no start is durable");
	if (is_used(l))
		violated(l, ONE_GTOTA_PER_ATTEMPT, "AT+GTOTA= goes out again in attempt %u",
			(unsigned) durable(l)->attempt);
	j->used[whose(l)].attempt = durable(l)->attempt;
	j->used[whose(l)].started = durable(l)->started;
	j->used[whose(l)].refused = false;
	j->starts++;
	j->past = j->listening = true;
	j->answered = j->complete = j->patient = false;
	j->started = j->heard = l->now;
	j->asked = 0;
	j->disturbed = true;
	j->end_was_seen = j->end_seen;
	j->end_seen = false;
}

static void check_settings(struct life *l, const char *line)
{
	const struct upgrade_record *r = durable(l);

	if ((text_starts_with(line, "AT+GTSET=\"CALLBREAK\"") && !r->callbreak.written) ||
		(text_starts_with(line, "AT+GTSET=\"GPRSFIRST\"") && !r->gprsfirst.written) ||
		(text_starts_with(line, "AT+GTRAT=") && !r->rat.written) ||
		((text_starts_with(line, "AT+MIPCALL=1") || text_starts_with(line, "AT+CGACT=1")) &&
			!r->pdp_opened))
		violated(l, SAVE_BEFORE_SEND, "%.20s goes out, and what it changes is not durable",
			line);
}

bool judge_is_proven(const struct life *l)
{
	const struct judge *j = &l->judge;

	return !j->disturbed && j->last_good != 0 &&
	       j->last_good >= usec_add(j->first_good, l->plan.profile.timeouts.settle);
}

/* By a value that nothing else of the check depends upon: another draw would make other lives of all seeds. */
bool judge_wants_signal(const struct plan *p)
{
	return p->require.idle;
}

bool judge_is_last_hop(const struct life *l)
{
	return text_equal(durable(l)->to, l->plan.versions[l->plan.hops]);
}

/* A question about its service, and the version is proven? Then nothing flashes any more. */
static bool is_service(struct life *l, const char *line)
{
	static const char *const registration[] = { "AT+CEREG?", "AT+CGREG?", NULL };
	static const char *const pdp[] = { "AT+MIPCALL?", "AT+MIPCALL=1", "AT+CGACT?",
		"AT+CGACT=1,1", NULL };
	struct judge *j = &l->judge;

	if (l->plan.check == CHECK_NONE || !judge_is_proven(l) || !judge_is_last_hop(l))
		return false;
	if (!is_one_of(line, registration) &&
		!(text_equal(line, "AT+CSQ") && judge_wants_signal(&l->plan) && j->registered) &&
		!(is_one_of(line, pdp) && l->plan.check == CHECK_PDP && j->registered))
		return j->checked != 0 && text_equal(line, "AT"); /* it had not answered */
	if (j->checked == 0)
		j->checked = l->now;
	return true;
}

static void hear_service(struct judge *j, const char *line)
{
	const char *state = strchr(line, ',');
	bool up = state && (state[1] == '1' || state[1] == '5') && (state[2] < '0' || state[2] > '9');

	if (j->checked == 0)
		return;
	if (text_starts_with(line, "+CEREG:") || text_starts_with(line, "+CGREG:"))
		j->registered |= up;
	j->pdp |= text_starts_with(line, "+MIPCALL: 1,") ||
		  (text_starts_with(line, "+CGACT:") && up);
}

/* Conduct 4: from the end of listening to the verdict. */
static void check_verification(struct life *l, const char *line)
{
	static const char *const allowed[] = { "AT", "ATE0", "AT+CMEE=1", "AT+CGMR", "AT+GMR",
		"AT+CGSN", "AT+GSN", "ATI", NULL };
	struct judge *j = &l->judge;
	usec_t pause = usec_min(30 * SEC, l->plan.profile.timeouts.settle);

	if (is_service(l, line))
		return;
	if (still_listens(l))
		violated(l, SILENT_WHILE_FLASHING, "%.30s goes out while it is to be listened to",
			line);
	if (!is_one_of(line, allowed))
		violated(l, SILENT_WHILE_FLASHING, "%.30s goes out before the verdict", line);
	j->listening = false;
	if (!text_equal(line, "AT"))
		return;
	/* A byte that waited for room may be late, and the next in time. */
	if (j->asked && l->now < usec_add(j->asked, pause) && !l->plan.short_writes)
		violated(l, SILENT_WHILE_FLASHING, "AT goes out %u ms after the last one",
			(unsigned) ((l->now - j->asked) / MSEC));
	j->asked = l->now;
}

/* A module is known when it was asked who it is and is the one that the job is for (conduct 1, 11).
 */
static void check_stranger(struct life *l, const char *line)
{
	static const char *const allowed[] = { "AT", "AT+CGMI", "AT+CGMM", "AT+CGMR", "AT+GMR",
		"AT+CGSN", "AT+GSN", "ATI", NULL };
	struct judge *j = &l->judge;
	bool asked = j->asked_maker && j->asked_model && j->asked_imei;

	if (j->past || is_one_of(line, allowed))
		return;
	if (!asked)
		violated(l, STRANGERS_ONLY_ASKED, "%.30s goes out before it was asked who it is",
			line);
	if (durable(l)->imei[0] &&
		!text_equal(fake_modem_imei(world_module(l)), durable(l)->imei) &&
		driver_must_restore(durable(l)))
		violated(l, STRANGERS_ONLY_ASKED, "%.30s goes to another module than the job's",
			line);
	if (l->plan.imei_named && l->seat == 1)
		violated(l, STRANGERS_ONLY_ASKED, "%.30s goes to a stranger", line);
}

/* A verdict is on its way to whom it concerns, behind this line (effects: SEND, then NOTIFY). */
static bool is_decided(const struct life *l)
{
	const struct dialogue_box *box = &l->driver.box;

	for (size_t i = 0; i < box->n_notices; i++)
		if (box->notices[i].type == NOTICE_VERDICT &&
			box->notices[i].outcome != OUTCOME_UNKNOWN)
			return true;
	return false;
}

/* The first byte of a line is about to be written; the whole line is known by then. */
static void begin_line(struct life *l, const char *data, size_t size)
{
	struct judge *j = &l->judge;
	const char *end = memchr(data, '\r', size);

	if (!end) {
		violated(l, STRANGERS_ONLY_ASKED, "a line without an end");
		return;
	}
	j->line_size = 0;
	if (text_copy_n(j->line, sizeof(j->line), data, (size_t) (end - data)) < 0)
		return;
	say(l, "> %s", j->line);
	if (j->fresh && data[0] != 'A')
		violated(l, STRANGERS_ONLY_ASKED, "the first byte after an open is not an A");
	j->fresh = false;
	check_stranger(l, j->line);
	check_settings(l, j->line);
	if (is_start(j->line))
		check_start(l);
	else if (j->past && !is_decided(l))
		check_verification(l, j->line);
}

/* A line is out; what it asks for is answered by the module as it is now. */
static void end_line(struct life *l)
{
	struct judge *j = &l->judge;

	j->asked_maker |= text_equal(j->line, "AT+CGMI");
	j->asked_model |= text_equal(j->line, "AT+CGMM");
	j->asked_imei |= text_equal(j->line, "AT+CGSN");
	if (!j->past || !text_equal(j->line, "AT+CGMR"))
		return;
	if (!text_equal(fake_modem_version(world_module(l)), durable(l)->to)) {
		j->disturbed = true;
		return;
	}
	j->last_good = l->now;
	if (j->disturbed)
		j->first_good = l->now;
	j->disturbed = j->registered = j->pdp = false;
	j->checked = 0;
}

void judge_writes(struct life *l, const char *data, size_t size, size_t accepted)
{
	struct judge *j = &l->judge;

	if (!j->writing)
		begin_line(l, data, size);
	j->writing = true;
	for (size_t i = 0; i < accepted; i++) {
		if (data[i] != '\r')
			continue;
		j->writing = false;
		end_line(l);
	}
}

static bool is_error(const char *line)
{
	return text_equal(line, "ERROR") || text_starts_with(line, "+CME ERROR:");
}

/* What the daemon has read, line by line: it moves the end of listening. */
static void heard(struct life *l, const char *line)
{
	struct judge *j = &l->judge;
	struct gtota_report report;

	if (!j->past) { /* what is heard of an attempt that had its verdict still ends it */
		j->end_seen |= at_is_boot_text(line);
		if (gtota_parse_report(line, &report)) {
			j->end_seen |= report.type == GTOTA_REPORT_FAILED;
			j->complete |= report.type == GTOTA_REPORT_COMPLETE;
		}
		return;
	}
	j->listening = still_listens(l); /* what is heard too late does not begin it again */
	if (at_is_boot_text(line)) {
		j->listening = false;
		j->disturbed = j->end_seen = true;
	} else if (gtota_parse_report(line, &report)) {
		j->answered = true;
		j->heard = l->now;
		j->disturbed = true;
		j->complete |=
			report.type == GTOTA_REPORT_COMPLETE || report.type == GTOTA_REPORT_UPDATE;
		/* After COMPLETE it is listened to again, whatever was before. */
		if (report.type == GTOTA_REPORT_FAILED) {
			j->listening = false;
			j->end_seen = true;
		}
	} else if (text_equal(line, "OK") && !j->answered) {
		j->answered = true;
		j->heard = l->now;
	} else if (is_error(line) && !j->answered) {
		j->listening = false;
		j->used[whose(l)].refused = true;
		j->end_seen = j->end_was_seen;
	}
	hear_service(j, line);
}

/* A line has ended: without the noise of power-up before it and the blanks behind it. */
static void end_input(struct life *l)
{
	struct judge *j = &l->judge;
	char *line = j->input;

	while (j->input_size > 0 && j->input[j->input_size - 1] == ' ')
		j->input_size--;
	j->input[j->input_size] = '\0';
	while (*line != '\0' && (*line <= ' ' || *line > '~'))
		line++;
	if (*line != '\0') {
		say(l, "< %s", line);
		heard(l, line);
	}
	j->input_size = 0;
}

void judge_reads(struct life *l, const char *data, size_t size)
{
	struct judge *j = &l->judge;

	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\r' || data[i] == '\n')
			end_input(l);
		else if (data[i] != '\0' && j->input_size + 1 < sizeof(j->input))
			j->input[j->input_size++] = data[i];
	}
}

void judge_opened(struct life *l)
{
	struct judge *j = &l->judge;
	const struct upgrade_record *r = durable(l);

	j->fresh = true;
	j->writing = false;
	j->asked_maker = j->asked_model = j->asked_imei = false;
	j->input_size = 0;
	j->disturbed = true;
	if (!j->past)
		return;
	if (!j->patient || r->left || r->failed) { /* the port's return */
		j->listening = false;
	} else { /* conduct 9: the rest of `start`, then `stall`; after COMPLETE, `leave` */
		j->listening = j->answered = true;
		j->complete = r->complete;
		j->started = r->started;
		j->heard = l->now;
		if (!r->complete)
			j->heard = usec_max(
				l->now, usec_add(j->started, l->plan.profile.timeouts.start));
	}
	j->patient = false;
}

void judge_dropped(struct life *l, bool crashed)
{
	struct judge *j = &l->judge;

	j->torn |= j->writing;
	j->writing = false;
	j->disturbed = true;
	if (!crashed) {
		j->end_seen |= j->complete; /* it went to install, as far as anybody can tell */
		return;
	}
	j->patient = true;
	j->asked = 0;
	if (!l->driver.durable.job) /* the store is lost: it counts from 1 again */
		memset(j->used, 0, sizeof(j->used));
	/* What is not durable did not happen, but for the line that is out. */
	j->past = durable(l)->start_durable;
}
