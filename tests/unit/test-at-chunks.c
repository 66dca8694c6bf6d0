/* at-channel: the same bytes in any chunking give the same events. */
#include "tests/unit/at-rig.h"

enum move_type { END, SYNC, COMMAND, INPUT, TIME };

struct move {
	enum move_type type;
	const char *text; /* INPUT, COMMAND */
	size_t size;	  /* INPUT */
	enum at_expect expect;
	const char *prefix;
	usec_t time; /* TIME, and COMMAND's time-out */
};

#define IN(t)                                                                                      \
	{                                                                                          \
		.type = INPUT, .text = (t), .size = sizeof(t) - 1                                  \
	}
#define WAIT(t)                                                                                    \
	{                                                                                          \
		.type = TIME, .time = (t)                                                          \
	}
#define CALL(l)                                                                                    \
	{                                                                                          \
		.type = COMMAND, .text = (l), .time = 5 * SEC                                      \
	}
#define ASK(l, p)                                                                                  \
	{                                                                                          \
		.type = COMMAND, .text = (l), .expect = AT_EXPECT_PREFIX, .prefix = (p),           \
		.time = 5 * SEC                                                                    \
	}
#define READ(l)                                                                                    \
	{                                                                                          \
		.type = COMMAND, .text = (l), .expect = AT_EXPECT_TEXT, .time = 5 * SEC            \
	}
#define LISTEN(l)                                                                                  \
	{                                                                                          \
		.type = COMMAND, .text = (l), .time = USEC_INFINITY                                \
	}
#define START	   { .type = SYNC }, IN("AT\r\r\nOK\r\n"), WAIT(AT_QUIET_SHORT)
#define LONG_GTOTA "AT+GTOTA=1,\"" X100 X100 "\",\"" X100 X100 "\",\"" X100 X100 "\",\"secret\""
#define X100	   X25 X25 X25 X25
#define X25	   "xxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct conversation {
	const char *name, *events;
	struct move moves[24];
} conversations[] = {
	{ "identify with echo",
		"<ready><ok Fibocom><ok L610-CN-62-36><ok 16000.1208.00.86.02.02><ok>",
		{ START, READ("AT+CGMI"), IN("AT+CGMI\r\r\nFibocom\r\n\r\nOK\r\n"), READ("AT+CGMM"),
			IN("AT+CGMM\r\r\nL610-CN-62-36\r\n\r\nOK\r\n"), READ("AT+CGMR"),
			IN("AT+CGMR\r\r\n16000.1208.00.86.02.02\r\n\r\nOK\r\n"), CALL("ATE0"),
			IN("ATE0\r\r\nOK\r\n") } },
	{ "boot garbage", "<AT command ready><+SIM READY><ready><\x80\xfe><ok>",
		{ { .type = SYNC },
			IN("\0\xff\xff\0\xf8"
			   "AT command ready\r\n\0\r\n+SIM READY\r\n"),
			IN("\0\0AT\r\r\n\0O\0K\r\0\n"), WAIT(AT_QUIET_SHORT), CALL("ATE0"),
			IN("\x80\xfe\r\nA\0TE0\r\r\nOK\r\n") } },
	{ "download with reports and URCs between",
		"<ready><GTOTA DOWNLOAD START><ok><RING><GTOTA DOWNLOADING: 0%><+CREG: 1><GTOTA "
		"DOWNLOADING: 100%>"
		"<GTOTA DOWNLOAD COMPLETE>",
		{ START, LISTEN("AT+GTOTA=0,\"http://h/f.bin\""),
			IN("AT+GTOTA=0,\"http://h/f.bin\"\r\r\nGTOTA DOWNLOAD "
			   "START\r\n\r\nOK\r\n\r\nRING\r\n"),
			WAIT(MINUTE), IN("\r\nGTOTA DOWNLOADING: 0%\r\n\r\n+CREG: 1\r\n"),
			WAIT(MINUTE),
			IN("\r\nGTOTA DOWNLOADING: 100%\r\n\r\nGTOTA DOWNLOAD COMPLETE\r\n") } },
	{ "reports inside another command's answer",
		"<ready><GTOTA DOWNLOADING: 7%><+GTOTA: DOWNLOADING 8><gtota:downloading:9%><ok "
		"L610>",
		{ START, READ("AT+CGMM"),
			IN("\r\nGTOTA DOWNLOADING: 7%\r\nL610\r\n+GTOTA: DOWNLOADING 8\r\n"
			   "gtota:downloading:9%\r\nOK\r\n") } },
	{ "late answer", "<ready><timeout><ready><ok +CSQ: 20,99>",
		{ START, CALL("AT+GTSET=\"CALLBREAK\",1"), WAIT(6 * SEC),
			IN("AT+GTSET=\"CALLBREAK\",1\r\r\nERROR\r\n"), WAIT(20 * MSEC),
			IN("AT\r\r\nOK\r\n"), WAIT(AT_QUIET_SHORT), ASK("AT+CSQ", "+CSQ:"),
			IN("AT+CSQ\r\r\n+CSQ: 20,99\r\n\r\nOK\r\n") } },
	{ "late answer with its text, in two halves",
		"<ready><timeout><+CSQ: 1,99><ready><ok +CSQ: 20,99>",
		{ START, ASK("AT+CSQ", "+CSQ:"), WAIT(6 * SEC), IN("\r\n+CSQ: 1,9"),
			WAIT(50 * MSEC), IN("9\r\n\r\nO"), WAIT(50 * MSEC), IN("K\r\n\r\nOK\r\n"),
			WAIT(AT_QUIET_SHORT), ASK("AT+CSQ", "+CSQ:"),
			IN("\r\n+CSQ: 20,99\r\n\r\nOK\r\n") } },
	{ "doubled CR and lone LF", "<ready><ok +CPIN: READY><error ERROR><x><y><z>",
		{ START, ASK("AT+CPIN?", "+CPIN:"), IN("\r\r\n+CPIN: READY\r\r\n\r\r\nOK\r\r\n"),
			CALL("AT+X"), IN("\nERROR\n\n\nx\ry\n\rz\n\r\r\r") } },
	{ "numeric results", "<ready><ok L610><error 4>",
		{ { .type = SYNC }, IN("AT\r0\r"), WAIT(AT_QUIET_SHORT), READ("AT+CGMM"),
			IN("AT+CGMM\rL610\r\n0\r"), CALL("AT+X"), IN("AT+X\r4\r") } },
	{ "over-long line", "<ready><RING><ok L610>",
		{ START, READ("AT+CGMM"), IN(LONG_GTOTA X100 "\nRING\r\n"),
			IN(X100 X100 X100 X100 X100 "\0" X25 "OK\r\nL610\r\nOK\r\n") } },
	{ "echo longer than a line", "<ready><error +CME ERROR: 3>",
		{ START, LISTEN(LONG_GTOTA), IN(LONG_GTOTA "\r\r\n+CME ERROR: 3\r\n") } },
	{ "half a line before the silence", "<ready><timeout><mute><GTOTA DOWNLOADING: 55%>",
		{ START, CALL("AT"), IN("\r\nGTOTA DOWNLO"), WAIT(MINUTE), IN("ADING: 55%\r\n") } },
	{ "strays", "<ready><NO CARRIER><ok><0>",
		{ START, IN("\r\nOK\r\n\r\nERROR\r\nNO CARRIER\r\n"), CALL("AT"),
			IN("\r\nOK\r\n\r\nOK\r\n+CME ERROR: 100\r\n0\r") } },
};

static void play(struct rig *rig, const struct conversation *conversation)
{
	for (const struct move *m = conversation->moves; m->type != END; m++) {
		switch (m->type) {
		case END:
			break;
		case SYNC:
			at_channel_sync(&rig->c, 3, rig->now);
			write_out(rig);
			break;
		case COMMAND:
			send_line(rig, m->text, m->expect, m->prefix, m->time);
			break;
		case INPUT:
			feed_bytes(rig, m->text, m->size);
			break;
		case TIME:
			pass(rig, m->time);
			break;
		}
	}
}

/* 0: all that was read at once; 1: byte by byte; the rest: seeds of the chunks' sizes. */
static void any_chunking_gives_the_same_events(void **state UNUSED)
{
	for (size_t i = 0; i < ELEMENTSOF(conversations); i++)
		for (uint64_t seed = 0; seed < 202; seed++) {
			struct rig rig;

			begin(&rig);
			rig.random = seed;
			play(&rig, &conversations[i]);
			if (strcmp(rig.events, conversations[i].events) != 0)
				fail_msg("%s, seed %u: %s", conversations[i].name, (unsigned) seed,
					rig.events);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_chunking_gives_the_same_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
