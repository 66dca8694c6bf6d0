#include "tests/unit/at-rig.h"

#include <errno.h>

#include "core/at-line.h"

static const struct answer {
	const char *line;
	enum at_expect expect;
	const char *prefix;
	const char *answer;
	const char *events;
} answers[] = {
	{ "ATE0", AT_EXPECT_NOTHING, NULL, "\r\nOK\r\n", "<ok>" },
	{ "ATE0", AT_EXPECT_NOTHING, NULL, "ATE0\r\r\nOK\r\n", "<ok>" },
	{ "ATE0", AT_EXPECT_NOTHING, NULL, "\r\r\nOK \t\r\r\n", "<ok>" },
	{ "ATE0", AT_EXPECT_NOTHING, NULL, "OK\n", "<ok>" },
	{ "ATE0", AT_EXPECT_NOTHING, NULL, "\xff\xfeOK\r", "<ok>" },
	{ "ATE0", AT_EXPECT_NOTHING, NULL, "\r\nOKAY\r\nO\r\nok\r\nK\r\nOK\r\n",
		"<OKAY><O><ok><K><ok>" },
	{ "ATE0", AT_EXPECT_NOTHING, NULL, "\r\nERROR\r\n", "<error ERROR>" },
	{ "ATE0", AT_EXPECT_NOTHING, NULL, "\r\nERROR: 3\r\n", "<error ERROR: 3>" },
	{ "ATE0", AT_EXPECT_NOTHING, NULL, "\r\nERRORS\r\nERROR\r\n", "<ERRORS><error ERROR>" },
	{ "ATE0", AT_EXPECT_NOTHING, NULL, "+CME ERROR: 50\r\n", "<error +CME ERROR: 50>" },
	{ "ATE0", AT_EXPECT_NOTHING, NULL, "+CMS ERROR: 500\r\n", "<error +CMS ERROR: 500>" },
	{ "ATE0", AT_EXPECT_NOTHING, NULL, "NO CARRIER\r\nOK\r\n", "<NO CARRIER><ok>" },
	{ "ATE0", AT_EXPECT_NOTHING, NULL, "NO DIALTONE\r\nOK\r\n", "<NO DIALTONE><ok>" },
	{ "ATE0", AT_EXPECT_NOTHING, NULL, "BUSY\r\nOK\r\n", "<BUSY><ok>" },
	{ "ATE0", AT_EXPECT_NOTHING, NULL, "NO ANSWER\r\nOK\r\n", "<NO ANSWER><ok>" },
	{ "AT+X", AT_EXPECT_NOTHING, NULL, "COMMAND NOT SUPPORT\r\n",
		"<error COMMAND NOT SUPPORT>" },
	{ "AT+X", AT_EXPECT_NOTHING, NULL, "MODEM ERROR\r\n", "<error MODEM ERROR>" },
	{ "AT+X", AT_EXPECT_NOTHING, NULL, "NA\r\n", "<error NA>" },
	/* ATV0, with L610's 5 NOT SUPPORT and 9 INVALID COMMAND LINE */
	{ "AT+X", AT_EXPECT_NOTHING, NULL, "0\r", "<ok>" },
	{ "AT+X", AT_EXPECT_NOTHING, NULL, "3\r", "<error 3>" },
	{ "AT+X", AT_EXPECT_NOTHING, NULL, "4\r", "<error 4>" },
	{ "AT+X", AT_EXPECT_NOTHING, NULL, "5\r", "<error 5>" },
	{ "AT+X", AT_EXPECT_NOTHING, NULL, "9\r", "<error 9>" },
	{ "AT+X", AT_EXPECT_NOTHING, NULL, "1\r2\r11\r00\r0\r", "<1><2><11><00><ok>" },
	{ "AT+CMEE=1", AT_EXPECT_NOTHING, NULL, "AT+CMEE=1\rAT+CMEE=1\r0\r", "<AT+CMEE=1><ok>" },
	/* information text and what comes between */
	{ "AT+CPIN?", AT_EXPECT_PREFIX, "+CPIN:", "\r\n+CPIN: READY\r\n\r\nOK\r\n",
		"<ok +CPIN: READY>" },
	{ "AT+CPIN?", AT_EXPECT_PREFIX, "+CPIN:", "\r\n+cpin:READY\r\n\r\nOK\r\n",
		"<ok +cpin:READY>" },
	{ "AT+CPIN?", AT_EXPECT_PREFIX, "+CPIN:", "RING\r\n+CPIN: READY\r\n+CREG: 1\r\nOK\r\n",
		"<RING><+CREG: 1><ok +CPIN: READY>" },
	{ "AT+CPIN?", AT_EXPECT_PREFIX, "+CPIN:", "+CPIN: READY\r\n+CME ERROR: 14\r\n",
		"<error +CME ERROR: 14>" },
	{ "AT+GTSET?", AT_EXPECT_PREFIX,
		"+GTSET:", "+GTSET: \"A\",1\r\nx\r\n+GTSET: \"B\",0\r\nOK\r\n",
		"<x><ok +GTSET: \"A\",1\n+GTSET: \"B\",0>" },
	{ "AT+GTOTA=?", AT_EXPECT_PREFIX,
		"+GTOTA:", "+GTOTA: <type>,<\"url\">\r\n+GTOTA: DOWNLOADING: 5%\r\nOK\r\n",
		"<+GTOTA: DOWNLOADING: 5%><ok +GTOTA: <type>,<\"url\">>" },
	{ "AT+GTOTA=?", AT_EXPECT_PREFIX, "+GTOTA:", "+GTOTA: (0-1)\r\nOK\r\n",
		"<ok +GTOTA: (0-1)>" },
	{ "AT+CGMR", AT_EXPECT_TEXT, NULL, "AT+CGMR\r\r\n16000.1000.00.96.64.04\r\n\r\nOK\r\n",
		"<ok 16000.1000.00.96.64.04>" },
	{ "AT+CGMR", AT_EXPECT_TEXT, NULL, "+CGMR: \"16000.1000\"\r\nOK\r\n",
		"<ok +CGMR: \"16000.1000\">" },
	{ "AT+CGMR", AT_EXPECT_TEXT, NULL, "GTOTA DOWNLOADING: 5%\r\n1\r\n+CEREG: 2\r\nOK\r\n",
		"<GTOTA DOWNLOADING: 5%><+CEREG: 2><ok 1>" },
	{ "AT+CGMR", AT_EXPECT_TEXT, NULL, "AT command ready\r\n+SIM READY\r\nOK\r\n",
		"<AT command ready><+SIM READY><ok>" },
	{ "ATI", AT_EXPECT_TEXT, NULL,
		"Manufacturer: Fibocom\r\nModel: NL668T-GL\r\nESN: +GSN: 0x0\r\n+GCAP: "
		"+CGSM\r\nOK\r\n",
		"<ok Manufacturer: Fibocom\nModel: NL668T-GL\nESN: +GSN: 0x0\n+GCAP: +CGSM>" },
};

static void gives_each_command_its_answer(void **state UNUSED)
{
	for (size_t i = 0; i < ELEMENTSOF(answers); i++) {
		const struct answer *a = &answers[i];
		struct rig rig;

		begin_ready(&rig);
		send_line(&rig, a->line, a->expect, a->prefix, 5 * SEC);
		assert_int_equal(send_command(&rig, "AT", AT_EXPECT_NOTHING, NULL, SEC), -EBUSY);
		assert_true(at_channel_deadline(&rig.c) == rig.now + 5 * SEC);
		feed(&rig, a->answer);
		assert_true(at_channel_deadline(&rig.c) == USEC_INFINITY);
		assert_int_equal(rig.c.state, AT_CHANNEL_IDLE);
		expect_events(&rig, a->events);
	}
}

/* What nobody asked for: reports pass, final result codes of nothing do not. */
static void idle_and_closed_lines(void **state UNUSED)
{
	static const char input[] = "\r\nGTOTA DOWNLOAD START\r\nOK\r\nERROR\r\n+CME ERROR: 3\r\n"
				    "RING\r\nNO CARRIER\r\n0\r\nsomething\r\n  \r\n\xff\xfe\r\n";
	static const char events[] =
		"<GTOTA DOWNLOAD START><RING><NO CARRIER><0><something><\xff\xfe>";
	struct rig rig;

	begin_ready(&rig);
	feed(&rig, input);
	expect_events(&rig, events);
	begin(&rig);
	feed(&rig, input);
	expect_events(&rig, events);
	assert_true(at_channel_deadline(&rig.c) == USEC_INFINITY);
	assert_int_equal(send_command(&rig, "AT", AT_EXPECT_NOTHING, NULL, SEC), -EBUSY);
}

static void refuses_what_is_no_command_line(void **state UNUSED)
{
	static const char *const lines[] = { "", "A", "ATE0\r", "AT\n", "BT", " AT", "\rAT",
		"AT+X=\"\xc3\xa4\"", "AT\x1b", "AT\x1a" };
	char longest[AT_COMMAND_MAX + 1];
	struct rig rig;

	begin_ready(&rig);
	for (size_t i = 0; i < ELEMENTSOF(lines); i++)
		assert_int_equal(
			send_command(&rig, lines[i], AT_EXPECT_NOTHING, NULL, SEC), -EINVAL);
	assert_int_equal(send_command(&rig, "AT", AT_EXPECT_PREFIX, NULL, SEC), -EINVAL);
	memset(longest, 'T', sizeof(longest));
	longest[0] = 'A';
	longest[AT_COMMAND_MAX] = '\0';
	assert_int_equal(send_command(&rig, longest, AT_EXPECT_NOTHING, NULL, SEC), -EMSGSIZE);
	longest[AT_COMMAND_MAX - 1] = '\0';
	send_line(&rig, longest, AT_EXPECT_NOTHING, NULL, SEC);
	longest[AT_COMMAND_MAX - 1] = '\r';
	longest[AT_COMMAND_MAX] = '\0';
	expect_wire(&rig, longest);
	feed(&rig, longest); /* its echo is longer than any line may be */
	feed(&rig, "\nOK\r\n");
	expect_events(&rig, "<ok>");
}

/* From one byte less than allowed on; what follows is heard. */
static void drops_long_lines_whole(void **state UNUSED)
{
	char line[2 * AT_LINE_MAX], events[2 * AT_LINE_MAX + 16];
	struct rig rig;

	for (size_t size = AT_LINE_MAX - 1; size < sizeof(line); size += size < AT_LINE_MAX + 20 ? 1 : 211) {
		begin_ready(&rig);
		memset(line, 'x', size);
		line[size] = '\0';
		snprintf(events, sizeof(events), "<%s><RING>", size <= AT_LINE_MAX ? line : "");
		feed(&rig, line);
		feed_bytes(&rig, "\0", 1);
		feed(&rig, "\r\nRING\r\n");
		expect_events(&rig, size <= AT_LINE_MAX ? events : "<RING>");
	}
}

/* Information text that does not fit is no reason to lose the result, nor to report half of it. */
static void reports_no_half_text(void **state UNUSED)
{
	char line[101], text[2 * AT_TEXT_MAX] = "<ok ";
	struct rig rig;

	memset(line, 'x', 100);
	line[100] = '\0';
	for (size_t n = 2; n <= 5; n++) {
		begin_ready(&rig);
		send_line(&rig, "ATI", AT_EXPECT_TEXT, NULL, SEC);
		text[4] = '\0';
		for (size_t i = 0; i < n; i++) {
			feed(&rig, line);
			feed(&rig, "\r\n");
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				i > 0 ? "\n" : "", line);
		}
		feed(&rig, "OK\r\n");
		strcat(text, ">");
		expect_events(&rig, n * 101 - 1 <= AT_TEXT_MAX ? text : "<ok>");
		/* and the next command starts anew */
		send_line(&rig, "ATI", AT_EXPECT_TEXT, NULL, SEC);
		feed(&rig, "a\r\nOK\r\n");
		expect_events(&rig, "<ok a>");
	}
}

/* An answer cannot come before the question is out: it is an older one's. */
static void hears_no_answer_before_the_cr(void **state UNUSED)
{
	struct rig rig;
	const char *p;

	begin_ready(&rig);
	assert_int_equal(send_command(&rig, "AT+CSQ", AT_EXPECT_PREFIX, "+CSQ:", SEC), 0);
	for (size_t left = 7; left > 0; left--) {
		assert_int_equal(at_channel_output(&rig.c, &p), left);
		assert_memory_equal(p, &"AT+CSQ\r"[7 - left], left);
		feed(&rig, "\r\nOK\r\n+CSQ: 1\r\nERROR\r\nNO CARRIER\r\n");
		expect_events(&rig, "<+CSQ: 1><NO CARRIER>");
		at_channel_written(&rig.c, 0);
		at_channel_written(&rig.c, 1);
	}
	assert_int_equal(at_channel_output(&rig.c, &p), 0);
	at_channel_written(&rig.c, 5); /* a caller that counts wrong does no harm */
	feed(&rig, "+CSQ: 9\r\nOK\r\n");
	expect_events(&rig, "<ok +CSQ: 9>");
}

static void gives_up_after_the_time(void **state UNUSED)
{
	struct rig rig;
	struct at_event event;

	begin_ready(&rig);
	send_line(&rig, "AT+CSQ", AT_EXPECT_PREFIX, "+CSQ:", 5 * SEC);
	expect_wire(&rig, "AT+CSQ\r");
	at_channel_advance(&rig.c, rig.now + 5 * SEC - 1, &event);
	assert_int_equal(event.type, AT_EVENT_NONE);
	pass(&rig, 5 * SEC);
	expect_events(&rig, "<timeout>");
	expect_wire(&rig, "AT\r");
	assert_true(at_channel_deadline(&rig.c) == rig.now + AT_SYNC_TIMEOUT);
	pass(&rig, 60 * SEC);
	expect_events(&rig, "<mute>");
	expect_wire(&rig, "AT\rAT\r"); /* AT_SYNC_TRIES in all */
	assert_int_equal(rig.c.state, AT_CHANNEL_CLOSED);
}

/* Conduct 4: to the start command everything belongs, however late; only the caller gives up. */
static void listens_for_ever(void **state UNUSED)
{
	struct rig rig;

	begin_ready(&rig);
	send_line(&rig, "AT+GTOTA=0,\"http://h/f\"", AT_EXPECT_NOTHING, NULL, USEC_INFINITY);
	assert_true(at_channel_deadline(&rig.c) == USEC_INFINITY);
	pass(&rig, 30 * DAY);
	feed(&rig, "GTOTA DOWNLOAD START\r\n");
	pass(&rig, 30 * DAY);
	expect_wire(&rig, "AT+GTOTA=0,\"http://h/f\"\r");
	feed(&rig, "OK\r\nGTOTA DOWNLOADING: 1%\r\n");
	expect_events(&rig, "<GTOTA DOWNLOAD START><ok><GTOTA DOWNLOADING: 1%>");

	send_line(&rig, "AT+GTOTA=0,\"http://h/f\"", AT_EXPECT_NOTHING, NULL, USEC_INFINITY);
	at_channel_sync(&rig.c, 1, rig.now);
	pass(&rig, 10 * SEC);
	expect_events(&rig, "<mute>");
	expect_wire(&rig, "AT+GTOTA=0,\"http://h/f\"\rAT\r");
}

static bool holds(const struct rig *rig, const char *secret)
{
	return memmem(&rig->c, sizeof(rig->c), secret, strlen(secret)) ||
	       memmem(rig->room, sizeof(rig->room), secret, strlen(secret));
}

/* Conduct 12. With the echo on, the module sends the password back. */
static void keeps_no_secret(void **state UNUSED)
{
	static const char line[] = "AT+GTOTA=1,\"h\",\"f\",\"u\",\"hunter2\"";
	char longest[1000];
	struct rig rig;

	begin_ready(&rig);
	send_line(&rig, line, AT_EXPECT_NOTHING, NULL, SEC);
	feed(&rig, "AT+GTOTA=1,\"h\",\"f\",\"u\",\"hunter2\"\r\r\nOK\r\n");
	expect_events(&rig, "<ok>");
	assert_false(holds(&rig, "hunter2"));

	send_line(&rig, line, AT_EXPECT_NOTHING, NULL, SEC);
	pass(&rig, SEC); /* the echo and its answer are late */
	feed(&rig, "AT+GTOTA=1,\"h\",\"f\",\"u\",\"hunter2\"\r\r\nERROR\r\nAT\r\r\nOK\r\n");
	pass(&rig, SEC);
	expect_events(&rig, "<timeout><ready>");
	assert_false(holds(&rig, "hunter2"));

	assert_int_equal(send_command(&rig, line, AT_EXPECT_NOTHING, NULL, SEC), 0);
	at_channel_sync(&rig.c, 1, rig.now); /* not a byte of it was out */
	assert_false(holds(&rig, "hunter2"));
	at_channel_reset(&rig.c);

	begin_ready(&rig);
	snprintf(longest, sizeof(longest), "AT+GTOTA=1,\"hunter2%0900d\"", 0);
	send_line(&rig, longest, AT_EXPECT_NOTHING, NULL, SEC);
	feed(&rig, longest);
	feed(&rig, "\r\r\nOK\r\n");
	expect_events(&rig, "<ok>");
	assert_false(holds(&rig, "hunter2"));

	begin_ready(&rig);
	send_line(&rig, longest, AT_EXPECT_NOTHING, NULL, SEC);
	assert_true(holds(&rig, "hunter2"));
	at_channel_reset(&rig.c); /* the port is lost */
	assert_false(holds(&rig, "hunter2"));
}

/* Room is needed only while a long line is in flight, and then it cannot be had back. */
static void gives_room_back(void **state UNUSED)
{
	char line[AT_SHORT_MAX + 1];
	struct rig rig;

	memset(line, 'T', sizeof(line));
	line[0] = 'A';
	line[AT_SHORT_MAX] = '\0';
	begin_ready(&rig);
	assert_true(at_channel_reclaim(&rig.c));
	assert_int_equal(send_command(&rig, line, AT_EXPECT_NOTHING, NULL, SEC), -EMSGSIZE);
	at_channel_lend(&rig.c, rig.room);
	send_line(&rig, line, AT_EXPECT_NOTHING, NULL, SEC);
	assert_false(at_channel_reclaim(&rig.c));
	feed(&rig, "OK\r\n");
	expect_events(&rig, "<ok>");
	assert_true(at_channel_reclaim(&rig.c));
	line[AT_SHORT_MAX - 1] = '\0';
	send_line(&rig, line, AT_EXPECT_NOTHING, NULL, SEC);
	feed(&rig, "OK\r\n");
	expect_events(&rig, "<ok>");

	at_channel_lend(&rig.c, rig.room);
	line[AT_SHORT_MAX - 1] = 'T';
	send_line(&rig, line, AT_EXPECT_NOTHING, NULL, SEC);
	at_channel_reset(&rig.c);
	assert_true(at_channel_reclaim(&rig.c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_each_command_its_answer),
		cmocka_unit_test(idle_and_closed_lines),
		cmocka_unit_test(refuses_what_is_no_command_line),
		cmocka_unit_test(drops_long_lines_whole),
		cmocka_unit_test(reports_no_half_text),
		cmocka_unit_test(hears_no_answer_before_the_cr),
		cmocka_unit_test(gives_up_after_the_time),
		cmocka_unit_test(listens_for_ever),
		cmocka_unit_test(keeps_no_secret),
		cmocka_unit_test(gives_room_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
