/* Lines for people on stderr, and the entry that the journal gets (with sd_journal_sendv() of our
 * own). */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/log.h"

/* Stands in for libsystemd's: the program's own symbol wins. */
int sd_journal_sendv(const struct iovec *iov, int n);

static char entry[16384];
static int journal_answer;
static unsigned sends;
static pthread_mutex_t journal_lock = PTHREAD_MUTEX_INITIALIZER; /* held: its socket is full */

/* In the log's own thread. */
int sd_journal_sendv(const struct iovec *iov, int n)
{
	size_t used = 0;

	pthread_mutex_lock(&journal_lock);
	pthread_mutex_unlock(&journal_lock);
	sends++;
	for (int i = 0; i < n && used + iov[i].iov_len + 2 < sizeof(entry); i++) {
		memcpy(entry + used, iov[i].iov_base, iov[i].iov_len);
		used += iov[i].iov_len;
		entry[used++] = '\n';
	}
	entry[used] = '\0';
	return journal_answer;
}

#define PATIENCE (60 * SEC)

/* stderr goes into a file that is read back. */
struct fixture {
	int real_stderr, file;
	char text[8192];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->real_stderr = dup(STDERR_FILENO);
	f->file = memfd_create("stderr", MFD_CLOEXEC);
	assert_true(f->file >= 0);
	assert_int_equal(dup2(f->file, STDERR_FILENO), STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	unsetenv("NO_COLOR");
	entry[0] = '\0';
	journal_answer = 0;
	sends = 0;
	log_open(LOG_INFO);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	log_flush(PATIENCE);
	dup2(f->real_stderr, STDERR_FILENO);
	close(f->real_stderr);
	close(f->file);
	free(f);
	return 0;
}

/* What was written since the last call, without the time. */
static const char *shown(struct fixture *f)
{
	ssize_t n;

	log_flush(PATIENCE);
	n = pread(f->file, f->text, sizeof(f->text) - 1, 0);

	assert_true(n >= 0);
	f->text[n] = '\0';
	assert_int_equal(ftruncate(f->file, 0), 0);
	assert_int_equal(lseek(f->file, 0, SEEK_SET), 0);
	return f->text;
}

static void journal_on(struct fixture *f)
{
	char stream[64];
	struct stat st;

	assert_int_equal(fstat(f->file, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long) st.st_dev,
		(unsigned long long) st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open(LOG_INFO);
}

static void test_lines(void **state)
{
	struct fixture *f = *state;
	struct log_fields fields = LOG_FIELDS_NONE;
	const char *text;

	fields.modem = "pump-07";
	fields.percent = 30;
	log_event(LOG_NOTICE, LOG_MESSAGE_PROGRESS, &fields, "%d %% downloaded", 30);
	text = shown(f);
	assert_int_equal(strspn(text, "0123456789:"), 8);
	assert_string_equal(text + 8, " notice pump-07: 30 % downloaded\n");
	log_event(LOG_ERR, LOG_MESSAGE_STARTED, NULL, "hello");
	assert_string_equal(shown(f) + 8, " err: hello\n");
	assert_int_equal(sends, 0);
}

static void test_time(void **state)
{
	struct fixture *f = *state;
	char before[16], after[16];
	time_t now = time(NULL);
	const char *text;

	strftime(before, sizeof(before), "%H:%M:%S", localtime(&now));
	log_event(LOG_INFO, LOG_MESSAGE_STEP, NULL, "x");
	now = time(NULL);
	strftime(after, sizeof(after), "%H:%M:%S", localtime(&now));
	text = shown(f);
	assert_true(text_starts_with(text, before) || text_starts_with(text, after));
}

static void test_levels(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		int level;
	} table[] = {
		{ "err", LOG_ERR },
		{ "warning", LOG_WARNING },
		{ "notice", LOG_NOTICE },
		{ "info", LOG_INFO },
		{ "debug", LOG_DEBUG },
		{ "verbose", -EINVAL },
		{ "", -EINVAL },
		{ "ERR", -EINVAL },
		{ "err ", -EINVAL },
	};

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		assert_int_equal(log_level_by_name(table[i].name), table[i].level);
		if (table[i].level >= 0)
			assert_string_equal(log_level_name(table[i].level), table[i].name);
	}
	log_event(LOG_DEBUG, LOG_MESSAGE_STEP, NULL, "hidden");
	assert_string_equal(shown(f), "");
	log_set_level(LOG_DEBUG);
	assert_int_equal(log_level(), LOG_DEBUG);
	log_event(LOG_DEBUG, LOG_MESSAGE_STEP, NULL, "shown");
	assert_string_equal(shown(f) + 8, " debug: shown\n");
	log_set_level(LOG_WARNING);
	log_event(LOG_NOTICE, LOG_MESSAGE_STEP, NULL, "hidden");
	assert_string_equal(shown(f), "");
}

static void test_unclean_text(void **state)
{
	struct fixture *f = *state;
	static char long_text[LOG_TEXT_MAX + 100];
	const char *text;

	errno = ENOSPC;
	log_event(LOG_INFO, LOG_MESSAGE_STEP, NULL, "a\033[2Jb\nc\x7f d\xc3\xa9");
	assert_int_equal(errno, ENOSPC);
	assert_string_equal(shown(f) + 8, " info: a?[2Jb?c? d\xc3\xa9\n");
	memset(long_text, 'x', sizeof(long_text) - 1);
	log_event(LOG_INFO, LOG_MESSAGE_STEP, NULL, "%s", long_text);
	text = shown(f);
	assert_int_equal(strlen(text), strlen("00:00:00 info: ") + LOG_TEXT_MAX - 1 + 1);
	assert_string_equal(text + strlen(text) - 5, "x...\n");
}

static void test_colour(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *no_colour;
		bool coloured;
	} table[] = { { NULL, true }, { "", true }, { "1", false } };
	char text[256];
	int master, slave;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	dup2(slave, STDERR_FILENO);
	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		if (table[i].no_colour)
			setenv("NO_COLOR", table[i].no_colour, 1);
		log_open(LOG_INFO);
		log_event(LOG_ERR, LOG_MESSAGE_STEP, NULL, "x");
		ssize_t n = read(master, text, sizeof(text) - 1);
		assert_true(n > 0);
		text[n] = '\0';
		assert_int_equal(text_starts_with(text, "\033[1;31m"), table[i].coloured);
		assert_int_equal(strstr(text, "x\033[0m\r\n") != NULL, table[i].coloured);
		assert_non_null(strstr(text, " err: x"));
	}
	log_flush(PATIENCE);
	dup2(f->file, STDERR_FILENO);
	close(master);
	close(slave);
}

static void test_journal(void **state)
{
	struct fixture *f = *state;
	struct log_fields fields = {
		.modem = "pump-07",
		.port = "/dev/ttyUSB0",
		.imei = "861234567890123",
		.campaign = "winter",
		.job = "winter/861234567890123",
		.phase = "downloading",
		.step = "download",
		.from = "1.28",
		.to = "1.29",
		.reason = "rejected",
		.attempt = 2,
		.percent = 0,
		.cme = 100,
		.error = -EIO,
	};

	journal_on(f);
	log_event(LOG_WARNING, LOG_MESSAGE_ATTEMPT_FAILED, &fields, "rejected: %s", "CME 100");
	assert_string_equal(shown(f), "");
	assert_int_equal(sends, 1);
	char expected[1024];
	snprintf(expected, sizeof(expected),
		"MESSAGE=pump-07: rejected: CME "
		"100\nPRIORITY=4\nMESSAGE_ID=%s\nSYSLOG_IDENTIFIER=fotad\n"
		"FOTA_MODEM=pump-07\nFOTA_PORT=/dev/"
		"ttyUSB0\nFOTA_IMEI=861234567890123\nFOTA_CAMPAIGN=winter\n"
		"FOTA_JOB=winter/"
		"861234567890123\nFOTA_PHASE=downloading\nFOTA_STEP=download\nFOTA_FROM=1.28\n"
		"FOTA_TO=1.29\nFOTA_REASON=rejected\nFOTA_ATTEMPT=2\nFOTA_PERCENT=0\nFOTA_CME="
		"100\nERRNO=%d\n",
		log_message_id(LOG_MESSAGE_ATTEMPT_FAILED), EIO);
	assert_string_equal(entry, expected);

	fields = LOG_FIELDS_NONE;
	fields.reason = "";
	log_event(LOG_INFO, LOG_MESSAGE_STARTED, &fields, "ready");
	log_flush(PATIENCE);
	snprintf(expected, sizeof(expected),
		"MESSAGE=ready\nPRIORITY=6\nMESSAGE_ID=%s\nSYSLOG_IDENTIFIER=fotad\n",
		log_message_id(LOG_MESSAGE_STARTED));
	assert_string_equal(entry, expected);
}

/* Fields beyond all bounds are left out; message and id never. */
static void test_journal_limits(void **state)
{
	struct fixture *f = *state;
	struct log_fields fields = LOG_FIELDS_NONE;
	static char huge[20000];

	memset(huge, 'y', sizeof(huge) - 1);
	fields.port = huge;
	fields.reason = "stalled";
	journal_on(f);
	log_event(LOG_INFO, LOG_MESSAGE_STEP, &fields, "%s", huge);
	log_flush(PATIENCE);
	assert_int_equal(sends, 1);
	assert_true(text_starts_with(entry, "MESSAGE=yyy"));
	assert_non_null(strstr(entry, "y...\nPRIORITY=6\nMESSAGE_ID="));
	assert_non_null(strstr(entry, "FOTA_REASON=stalled\n"));
	assert_null(strstr(entry, "FOTA_PORT"));
}

static void test_journal_refuses(void **state)
{
	struct fixture *f = *state;

	journal_on(f);
	journal_answer = -ENOENT;
	log_event(LOG_NOTICE, LOG_MESSAGE_STEP, NULL, "still seen");
	assert_string_equal(shown(f), "<5>still seen\n");
}

/* The variable is inherited, stderr was sent elsewhere: then it is not the journal. */
static void test_not_the_journal(void **state)
{
	struct fixture *f = *state;
	static const char *const streams[] = { "1:2", "", "garbage", "8:", ":5" };

	for (size_t i = 0; i < ELEMENTSOF(streams); i++) {
		setenv("JOURNAL_STREAM", streams[i], 1);
		log_open(LOG_INFO);
		log_event(LOG_INFO, LOG_MESSAGE_STEP, NULL, "x");
		assert_string_equal(shown(f) + 8, " info: x\n");
	}
	assert_int_equal(sends, 0);
}

/* Conduct 14: who reads the log may stall, who writes it does not. What was lost is said, where it was. */
static void test_stalled_reader(void **state)
{
	struct fixture *f = *state;
	enum { LINES = 40000 };
	unsigned next = 0, number, lost = 0, more;
	char line[256];
	int ends[2];
	FILE *reader;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	for (unsigned i = 0; i < LINES; i++)
		log_event(LOG_INFO, LOG_MESSAGE_STEP, NULL, "line %u %0100d", i, 0);
	log_flush(1 * MSEC); /* ends although nothing is read */
	reader = fdopen(ends[0], "r");
	assert_non_null(reader);
	/* Once or twice: the thread may have begun only when its first load was full already. */
	while (next + lost < LINES && fgets(line, sizeof(line), reader)) {
		if (sscanf(line, "%*s info: line %u ", &number) == 1) {
			assert_int_equal(number, next++ + lost);
			continue;
		}
		assert_int_equal(sscanf(line, "%*s warning: the log is read too slowly: %u lines are lost", &more), 1);
		lost += more;
	}
	assert_true(lost > 0);
	assert_int_equal(next + lost, LINES);
	log_event(LOG_INFO, LOG_MESSAGE_STEP, NULL, "line %u", LINES);
	assert_non_null(fgets(line, sizeof(line), reader));
	assert_string_equal(line + 8, " info: line 40000\n");
	log_flush(PATIENCE);
	dup2(f->file, STDERR_FILENO);
	fclose(reader);
}

/* A pipe that has room takes a line at once: no crash can lose it any more. A full one stops nobody, and the order stays. */
static void test_pipe(void **state)
{
	struct fixture *f = *state;
	enum { LINES = 2000 };
	char line[256];
	int ends[2], n;
	FILE *reader;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	log_flush(PATIENCE);
	log_open(LOG_INFO);
	for (unsigned i = 0; i < 10; i++) {
		log_event(LOG_INFO, LOG_MESSAGE_STEP, NULL, "line %u", i);
		assert_int_equal(ioctl(ends[0], FIONREAD, &n), 0);
		assert_int_equal(n, (i + 1) * strlen("hh:mm:ss info: line 0\n"));
	}
	for (unsigned i = 10; i < LINES; i++)
		log_event(LOG_INFO, LOG_MESSAGE_STEP, NULL, "line %u %0100d", i, 0);
	reader = fdopen(ends[0], "r");
	assert_non_null(reader);
	for (unsigned i = 0, number; i < LINES; i++) {
		assert_non_null(fgets(line, sizeof(line), reader));
		assert_int_equal(sscanf(line, "%*s info: line %u", &number), 1);
		assert_int_equal(number, i);
	}
	log_flush(PATIENCE);
	dup2(f->file, STDERR_FILENO);
	log_open(LOG_INFO);
	fclose(reader);
}

static void test_full_journal(void **state)
{
	struct fixture *f = *state;

	journal_on(f);
	pthread_mutex_lock(&journal_lock);
	log_event(LOG_INFO, LOG_MESSAGE_STEP, NULL, "first");
	log_event(LOG_INFO, LOG_MESSAGE_STEP, NULL, "second");
	log_flush(1 * MSEC);
	pthread_mutex_unlock(&journal_lock);
	log_flush(PATIENCE);
	assert_int_equal(sends, 2);
	assert_true(text_starts_with(entry, "MESSAGE=second\n"));
}

static void test_messages(void **state UNUSED)
{
	for (int i = 0; i < _LOG_MESSAGE_MAX; i++) {
		assert_int_equal(strlen(log_message_id((enum log_message) i)), 32);
		assert_int_equal(
			strspn(log_message_id((enum log_message) i), "0123456789abcdef"), 32);
		assert_true(strlen(log_message_description((enum log_message) i)) > 10);
		assert_int_equal(strspn(log_message_name((enum log_message) i),
					 "abcdefghijklmnopqrstuvwxyz-"),
			strlen(log_message_name((enum log_message) i)));
		for (int k = 0; k < i; k++) {
			assert_string_not_equal(log_message_id((enum log_message) i),
				log_message_id((enum log_message) k));
			assert_string_not_equal(log_message_name((enum log_message) i),
				log_message_name((enum log_message) k));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unclean_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_colour, setup, teardown),
		cmocka_unit_test_setup_teardown(test_journal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_journal_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_journal_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_the_journal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stalled_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_journal, setup, teardown),
		cmocka_unit_test(test_messages),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
