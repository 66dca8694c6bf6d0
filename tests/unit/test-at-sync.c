/* at-channel: synchronising, and answers that come late. */
#include "tests/unit/at-rig.h"

/* Conduct 1: the first byte after an open is the A of AT; an ERROR to it is as good as OK. */
static void begins_with_at(void **state UNUSED)
{
	static const char *const answers[] = { "\r\nOK\r\n", "AT\r\r\nOK\r\n", "\r\nERROR\r\n",
		"\r\n+CME ERROR: 58\r\n", "0\r", "4\r", "\xff\xff\r\nOK\r\n",
		"half a line\r\nAT command ready\r\n\r\nOK\r\n" };

	for (size_t i = 0; i < ELEMENTSOF(answers); i++) {
		struct rig rig;

		begin(&rig);
		at_channel_sync(&rig.c, 3, rig.now);
		pass(&rig, SEC);
		expect_wire(&rig, "AT\r");
		feed(&rig, answers[i]);
		pass(&rig, AT_QUIET_SHORT - 1);
		assert_int_equal(rig.c.state, AT_CHANNEL_QUIET);
		pass(&rig, 1);
		assert_int_equal(rig.c.state, AT_CHANNEL_IDLE);
		assert_non_null(strstr(rig.events, "<ready>"));
		expect_wire(&rig, "");
	}
}

static void probes_so_often(void **state UNUSED)
{
	static const char *const wires[] = { "AT\r", "AT\r", "AT\rAT\r", "AT\rAT\rAT\r" };

	for (unsigned tries = 0; tries < ELEMENTSOF(wires); tries++) {
		struct rig rig;
		unsigned probes = tries > 0 ? tries : 1;

		begin(&rig);
		at_channel_sync(&rig.c, tries, rig.now);
		pass(&rig, probes * AT_SYNC_TIMEOUT - 1);
		expect_events(&rig, "");
		expect_wire(&rig, wires[tries]);
		pass(&rig, 1);
		expect_events(&rig, "<mute>");
		pass(&rig, DAY);
		expect_events(&rig, "");
		expect_wire(&rig, "");
	}
}

/* What lay in the buffer before our first byte is no answer to it. */
static void is_not_answered_by_old_text(void **state UNUSED)
{
	struct rig rig;

	begin(&rig);
	at_channel_sync(&rig.c, 1, rig.now);
	feed(&rig, "OK\r\nERROR\r\n0\r");
	assert_int_equal(rig.c.state, AT_CHANNEL_PROBING);
	pass(&rig, AT_SYNC_TIMEOUT);
	expect_events(&rig, "<0><mute>");
}

/* A module that is never silent: what is known to be unsolicited does not delay, the rest not for
 * ever. */
static void becomes_ready_in_all_chatter(void **state UNUSED)
{
	static const struct {
		const char *line;
		usec_t quiet;
	} rows[] = {
		{ "+CREG: 1\r\n", AT_QUIET_SHORT },
		{ "GTOTA DOWNLOADING: 5%\r\n", AT_QUIET_SHORT },
		{ "what is this\r\n", AT_QUIET_MAX },
		{ "OK\r\n", AT_QUIET_MAX },
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct rig rig;
		usec_t waited = 0;

		begin(&rig);
		at_channel_sync(&rig.c, 1, rig.now);
		pass(&rig, 0);
		feed(&rig, "OK\r\n");
		while (rig.c.state != AT_CHANNEL_IDLE) {
			rig.events[0] = '\0';
			feed(&rig, rows[i].line);
			pass(&rig, 50 * MSEC);
			waited += 50 * MSEC;
			assert_in_range(waited, 0, rows[i].quiet);
		}
		assert_int_equal(waited, rows[i].quiet);
		assert_non_null(strstr(rig.events, "<ready>"));
	}
}

/* Half a line may be the beginning of a late answer. */
static void waits_for_half_a_line(void **state UNUSED)
{
	struct rig rig;

	begin(&rig);
	at_channel_sync(&rig.c, 1, rig.now);
	pass(&rig, 0);
	feed(&rig, "OK\r\n+CME");
	pass(&rig, AT_QUIET_LONG - 1);
	assert_int_equal(rig.c.state, AT_CHANNEL_QUIET);
	feed(&rig, " ERROR: 3\r\n");
	pass(&rig, AT_QUIET_SHORT - 1);
	assert_int_equal(rig.c.state, AT_CHANNEL_QUIET);
	pass(&rig, 1);
	expect_events(&rig, "<ready>");
}

/* Writes n bytes at most of what there is; returns what is left. */
static size_t write_some(struct rig *rig, size_t n)
{
	const char *p;
	size_t size = at_channel_output(&rig->c, &p);

	for (size_t i = 0; i < n && i < size; i++)
		append(rig->wire, sizeof(rig->wire), (const char[]){ p[i], '\0' });
	at_channel_written(&rig->c, n < size ? n : size);
	return at_channel_output(&rig->c, &p);
}

/* Conduct 1: a short write is finished, before anything else is begun. */
static void finishes_a_torn_line(void **state UNUSED)
{
	static const char line[] = "AT+CSQ";

	for (size_t written = 0; written <= sizeof(line); written++) {
		struct rig rig;
		bool torn = written > 0 && written < sizeof(line);

		begin_ready(&rig);
		assert_int_equal(send_command(&rig, line, AT_EXPECT_NOTHING, NULL, SEC), 0);
		write_some(&rig, written);
		at_channel_sync(&rig.c, 1, rig.now);
		/* a result that comes now is an older one's, unless the whole line is out */
		feed(&rig, "OK\r\n");
		assert_int_equal(rig.c.state,
			written < sizeof(line) ? AT_CHANNEL_PROBING : AT_CHANNEL_QUIET);
		while (write_some(&rig, 1) > 0)
			;
		if (written == 0)
			expect_wire(&rig, "AT\r");
		else
			expect_wire(&rig, torn ? "AT+CSQ\rAT\r" : "AT+CSQ\r");
		feed(&rig, torn ? "OK\r\nOK\r\n" : "OK\r\n");
		pass(&rig, AT_QUIET_SHORT);
		expect_events(&rig, "<ready>");
	}
}

/* The port takes nothing for a long time. Not even then is a line sent in half, or one glued to it.
 */
static void survives_a_stuck_port(void **state UNUSED)
{
	struct rig rig;
	struct at_event event;

	begin(&rig);
	at_channel_sync(&rig.c, 2, rig.now);
	write_some(&rig, 1);
	for (int i = 0; i < 2; i++) {
		rig.now += AT_SYNC_TIMEOUT;
		at_channel_advance(&rig.c, rig.now, &event);
		note(&rig, &event);
	}
	expect_events(&rig, "<mute>");
	at_channel_sync(&rig.c, 1, rig.now);
	write_some(&rig, 1);
	feed(&rig, "OK\r\n"); /* of nothing: the probe is not out */
	assert_int_equal(rig.c.state, AT_CHANNEL_PROBING);
	write_out(&rig);
	expect_wire(&rig, "AT\r");
	feed(&rig, "OK\r\n");
	pass(&rig, AT_QUIET_SHORT);
	expect_events(&rig, "<ready>");

	/* A command's late answer comes while the probe behind it is torn: no READY before that is
	 * answered. */
	rig.wire[0] = '\0';
	send_line(&rig, "AT+CSQ", AT_EXPECT_NOTHING, NULL, SEC);
	at_channel_sync(&rig.c, 2, rig.now);
	write_some(&rig, 2);
	feed(&rig, "OK\r\n");
	assert_int_equal(rig.c.state, AT_CHANNEL_QUIET);
	rig.now += AT_QUIET_SHORT;
	at_channel_advance(&rig.c, rig.now, &event);
	assert_int_equal(event.type, AT_EVENT_NONE);
	assert_int_equal(rig.c.state, AT_CHANNEL_PROBING);
	write_out(&rig);
	expect_wire(&rig, "AT+CSQ\rAT\r");
	feed(&rig, "OK\r\n");
	pass(&rig, AT_QUIET_SHORT);
	expect_events(&rig, "<ready>");
}

static void forgets_a_lost_port(void **state UNUSED)
{
	struct rig rig;
	const char *p;

	begin_ready(&rig);
	send_line(&rig, "AT+CSQ", AT_EXPECT_NOTHING, NULL, SEC);
	feed(&rig, "half a li");
	at_channel_reset(&rig.c);
	assert_int_equal(at_channel_output(&rig.c, &p), 0);
	assert_int_equal(rig.c.state, AT_CHANNEL_CLOSED);
	feed(&rig, "RDY\r\n");
	expect_events(&rig, "<RDY>");
}

/* An answer that never came is not waited for in the next synchronisation, nor taken from idle
 * lines. */
static void forgives_old_debts(void **state UNUSED)
{
	struct rig rig;

	begin_ready(&rig);
	send_line(&rig, "AT+CSQ", AT_EXPECT_NOTHING, NULL, SEC);
	pass(&rig, SEC);
	feed(&rig, "OK\r\n"); /* one for two lines: the probe ended the command (V.250, 5.6.1) */
	pass(&rig, AT_QUIET_LONG - 1);
	expect_events(&rig, "<timeout>");
	pass(&rig, 1);
	expect_events(&rig, "<ready>");
	feed(&rig, "0\r");
	expect_events(&rig, "<0>");
	at_channel_sync(&rig.c, 1, rig.now);
	pass(&rig, 0);
	feed(&rig, "OK\r\n");
	pass(&rig, AT_QUIET_SHORT);
	expect_events(&rig, "<ready>");
}

/* ---- late answers ---- */

/*
 * A module that answers its first command after `delay`. SERIAL ones answer line after line (all
 * that are known); PARALLEL ones answer a probe at once; in ABORTING ones a byte ends the command
 * (V.250, 5.6.1).
 */
enum manner { SERIAL, PARALLEL, ABORTING };

struct module {
	enum manner manner;
	bool echo, error, text, chatter;
	usec_t delay;
	usec_t first_done; /* when the first command is done */
	usec_t last_done;  /* when the last line taken will have been answered */
	size_t n_lines, read;
	size_t n_pending;
	struct {
		usec_t at;
		char text[64];
	} pending[32];
};

static void say(struct module *m, usec_t at, const char *text)
{
	size_t i = m->n_pending++;

	assert_true(m->n_pending <= ELEMENTSOF(m->pending));
	for (; i > 0 && m->pending[i - 1].at > at; i--)
		m->pending[i] = m->pending[i - 1];
	m->pending[i].at = at;
	snprintf(m->pending[i].text, sizeof(m->pending[i].text), "%s", text);
}

static void first_command(struct module *m, usec_t now)
{
	m->first_done = m->last_done = now + m->delay;
	if (m->text)
		say(m, usec_sub(m->first_done, 300 * MSEC), "\r\n+FIRST: 1\r\n");
	say(m, m->first_done, m->error ? "\r\n+CME ERROR: 3\r\n" : "\r\nOK\r\n");
}

static void later_line(struct module *m, const char *line, usec_t now)
{
	if (m->manner == ABORTING && now < m->first_done) {
		m->first_done = m->last_done = now;
		m->n_pending = 0;
		say(m, now + 5 * MSEC, "\r\nERROR\r\n");
		return; /* the byte that aborts is eaten with its line */
	}
	now += 10 * MSEC;
	if (m->manner == SERIAL)
		now = usec_max(now, m->last_done + 10 * MSEC);
	m->last_done = now;
	say(m, now, strcmp(line, "AT+SECOND") == 0 ? "\r\n+SECOND: 2\r\nOK\r\n" : "\r\nOK\r\n");
}

static void read_wire(struct module *m, struct rig *rig)
{
	char *cr;

	while ((cr = strchr(rig->wire + m->read, '\r'))) {
		char line[64], echo[80];
		size_t size = (size_t) (cr - (rig->wire + m->read));

		assert_in_range(size, 2, sizeof(line) - 1);
		memcpy(line, rig->wire + m->read, size);
		line[size] = '\0';
		m->read += size + 1;
		snprintf(echo, sizeof(echo), "%s\r", line);
		if (m->echo)
			say(m, m->manner == SERIAL ? usec_max(rig->now, m->last_done) : rig->now,
				echo);
		if (m->n_lines++ == 0)
			first_command(m, rig->now);
		else
			later_line(m, line, rig->now);
	}
}

/* Lets both live on until the module's next word or the given time. */
static void live(struct module *m, struct rig *rig, usec_t end)
{
	usec_t next = m->n_pending > 0 ? usec_min(end, m->pending[0].at) : end;

	next = usec_min(next, at_channel_deadline(&rig->c));
	pass(rig, usec_sub(next, rig->now));
	read_wire(m, rig);
	while (m->n_pending > 0 && m->pending[0].at <= rig->now) {
		char text[64];

		strcpy(text, m->pending[0].text);
		m->n_pending--;
		memmove(m->pending, m->pending + 1, m->n_pending * sizeof(m->pending[0]));
		feed(rig, text);
	}
}

static void wait_for(struct module *m, struct rig *rig, const char *event)
{
	usec_t end = rig->now + 60 * SEC;
	usec_t urc = rig->now;

	rig->events[0] = '\0';
	write_out(rig);
	read_wire(m, rig);
	while (!strstr(rig->events, event)) {
		if (rig->now >= end)
			fail_msg("no %s after %llu ms of delay", event,
				(unsigned long long) (m->delay / MSEC));
		if (m->chatter && rig->now >= urc) {
			feed(rig, "\r\n+CREG: 1\r\n");
			urc = rig->now + 70 * MSEC;
		}
		live(m, rig, m->chatter ? usec_min(end, urc) : end);
		if (strstr(rig->events, "<mute>") && rig->c.state == AT_CHANNEL_CLOSED)
			at_channel_sync(&rig->c, 1, rig->now);
	}
}

/* After a time-out, whenever the late answer comes, the next command gets its own. */
static void next_answer_is_its_own(const struct module *template)
{
	struct rig rig;
	struct module m = *template;

	begin_ready(&rig);
	send_line(&rig, "AT+FIRST", AT_EXPECT_PREFIX, "+FIRST:", 5 * SEC);
	if (m.delay < 5 * SEC) {
		wait_for(&m, &rig,
			m.error	 ? "<error +CME ERROR: 3>"
			: m.text ? "<ok +FIRST: 1>"
				 : "<ok>");
	} else {
		wait_for(&m, &rig, "<timeout>");
		wait_for(&m, &rig, "<ready>");
	}
	send_line(&rig, "AT+SECOND", AT_EXPECT_PREFIX, "+SECOND:", 5 * SEC);
	wait_for(&m, &rig, "<ok");
	if (!strstr(rig.events, "<ok +SECOND: 2>") || strstr(rig.events, "<timeout>"))
		fail_msg("after %llu ms, manner %d: %s", (unsigned long long) (m.delay / MSEC),
			m.manner, rig.events);
}

static void late_answers_harm_nobody(void **state UNUSED)
{
	static const struct module modules[] = {
		{ .manner = SERIAL },
		{ .manner = SERIAL, .echo = true },
		{ .manner = SERIAL, .text = true },
		{ .manner = SERIAL, .error = true, .text = true, .echo = true },
		{ .manner = SERIAL, .chatter = true },
		{ .manner = PARALLEL },
		{ .manner = PARALLEL, .text = true, .echo = true },
		{ .manner = PARALLEL, .chatter = true, .error = true },
		{ .manner = ABORTING },
		{ .manner = ABORTING, .echo = true, .chatter = true },
	};

	for (size_t i = 0; i < ELEMENTSOF(modules); i++) {
		struct module m = modules[i];
		/* A module that answers the probe at once and the command a second later cannot be
		 * helped. */
		usec_t end = m.manner == PARALLEL ? 5990 * MSEC : 20 * SEC;

		for (m.delay = 4 * SEC; m.delay <= end; m.delay += 7 * MSEC)
			next_answer_is_its_own(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_with_at),
		cmocka_unit_test(probes_so_often),
		cmocka_unit_test(is_not_answered_by_old_text),
		cmocka_unit_test(becomes_ready_in_all_chatter),
		cmocka_unit_test(waits_for_half_a_line),
		cmocka_unit_test(finishes_a_torn_line),
		cmocka_unit_test(survives_a_stuck_port),
		cmocka_unit_test(forgets_a_lost_port),
		cmocka_unit_test(forgives_old_debts),
		cmocka_unit_test(late_answers_harm_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
