#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION /* every line would come from here */
#include <systemd/sd-journal.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/log.h"
#include "io/log-writer.h"

#define FIELD_MAX     4200 /* "FOTA_PORT=" and a path */
#define FIELDS_MAX    20
#define LINE_MAX_SIZE (LOG_TEXT_MAX + 128)

static struct {
	int level;
	bool journal, colour, pipe;
	log_tap tap; /* NULL: nobody */
	void *tap_data;
	bool in_tap;
} state = { .level = LOG_INFO };

static unsigned long counts[_LOG_MESSAGE_MAX];

static const struct {
	const char *id, *name, *description;
} messages[] = {
#define ROW(symbol, id, name, description) [LOG_MESSAGE_##symbol] = { id, name, description },
	LOG_MESSAGES(ROW)
#undef ROW
};

static const struct {
	const char *name, *colour; /* ECMA-48, 8.3.117 */
} levels[] = {
	[LOG_EMERG] = { "err", "\033[1;31m" },
	[LOG_ALERT] = { "err", "\033[1;31m" },
	[LOG_CRIT] = { "err", "\033[1;31m" },
	[LOG_ERR] = { "err", "\033[1;31m" },
	[LOG_WARNING] = { "warning", "\033[1;33m" },
	[LOG_NOTICE] = { "notice", "\033[1m" },
	[LOG_INFO] = { "info", "" },
	[LOG_DEBUG] = { "debug", "\033[2m" },
};

const char *log_message_id(enum log_message message)
{
	return messages[message].id;
}

const char *log_message_name(enum log_message message)
{
	return messages[message].name;
}

const char *log_message_description(enum log_message message)
{
	return messages[message].description;
}

unsigned long log_message_count(enum log_message message)
{
	return counts[message];
}

const char *log_level_name(int level)
{
	return levels[level].name;
}

int log_level_by_name(const char *name)
{
	for (int level = LOG_ERR; level <= LOG_DEBUG; level++)
		if (text_equal(levels[level].name, name))
			return level;
	return -EINVAL;
}

/* "DEVICE:INODE" of the stream that systemd connected; stderr may have been sent elsewhere since
 * (systemd.exec(5)). */
static bool is_journal_stream(const char *stream)
{
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_flush(usec_t patience)
{
	log_writer_flush(patience);
}

void log_set_level(int level)
{
	state.level = level;
}

int log_level(void)
{
	return state.level;
}

void log_set_tap(log_tap tap, void *userdata)
{
	state.tap = tap;
	state.tap_data = userdata;
}

bool log_is_wanted(int level)
{
	return level <= state.level || (state.tap && level <= LOG_INFO);
}

static void tap(int level, enum log_message message, const struct log_fields *fields, const char *text)
{
	if (!state.tap || state.in_tap || level > LOG_INFO)
		return;
	state.in_tap = true;
	state.tap(level, message, fields, text, state.tap_data);
	state.in_tap = false;
}

/* Formats into text, shows a cut as "...", leaves no control byte. */
static void format_text(char text[static LOG_TEXT_MAX], const char *format, va_list arguments)
{
	static const char cut[] = "...";
	int n = vsnprintf(text, LOG_TEXT_MAX, format, arguments);
	size_t size = n < 0 ? 0 : (size_t) n;

	if (size >= LOG_TEXT_MAX) {
		size = LOG_TEXT_MAX - 1;
		memcpy(text + size - strlen(cut), cut, sizeof(cut));
	}
	text[size] = '\0';
	for (size_t i = 0; i < size; i++)
		if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
}

/* What is to be written: the fields of a journal's entry, or the text of a line. */
struct record {
	int level;
	size_t n, used;
	uint16_t sizes[FIELDS_MAX]; /* of the fields, which stand one behind the other; n 0: of a line there are none */
	char text[LINE_MAX_SIZE + FIELD_MAX + 8 * 128];
};

/* A field that finds no room is left out; the message comes first and has its own. */
PRINTF_LIKE(2, 3) static void add(struct record *record, const char *format, ...)
{
	size_t left = sizeof(record->text) - record->used;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(record->text + record->used, left, format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t) n >= left)
		return;
	record->sizes[record->n++] = (uint16_t) n;
	record->used += (size_t) n;
}

static void add_fields(struct record *record, const struct log_fields *fields)
{
	const struct {
		const char *name, *value;
	} texts[] = {
		{ "MODEM", fields->modem },
		{ "PORT", fields->port },
		{ "IMEI", fields->imei },
		{ "CAMPAIGN", fields->campaign },
		{ "JOB", fields->job },
		{ "PHASE", fields->phase },
		{ "STEP", fields->step },
		{ "FROM", fields->from },
		{ "TO", fields->to },
		{ "REASON", fields->reason },
	};
	const struct {
		const char *name;
		int value;
	} numbers[] = {
		{ "ATTEMPT", fields->attempt },
		{ "PERCENT", fields->percent },
		{ "CME", fields->cme },
	};

	for (size_t i = 0; i < ELEMENTSOF(texts); i++)
		if (texts[i].value && texts[i].value[0])
			add(record, "FOTA_%s=%s", texts[i].name, texts[i].value);
	for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
		if (numbers[i].value >= 0)
			add(record, "FOTA_%s=%d", numbers[i].name, numbers[i].value);
	if (fields->error != 0)
		add(record, "ERRNO=%d", abs(fields->error));
}

static const char *modem_of(const struct log_fields *fields)
{
	return fields && fields->modem ? fields->modem : "";
}

/* The message repeats the modem's name, because `journalctl -f` shows nothing else. */
static void make_entry(struct record *record, enum log_message message,
	const struct log_fields *fields, const char *text)
{
	const char *modem = modem_of(fields);

	add(record, "MESSAGE=%s%s%s", modem, *modem ? ": " : "", text);
	add(record, "PRIORITY=%d", record->level);
	add(record, "MESSAGE_ID=%s", messages[message].id);
	add(record, "SYSLOG_IDENTIFIER=fotad");
	if (fields)
		add_fields(record, fields);
}

static void make_line(struct record *record, const char *modem, const char *text)
{
	const char *colour = state.colour ? levels[record->level].colour : "";
	char at[sizeof("hh:mm:ss")] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm))
		strftime(at, sizeof(at), "%H:%M:%S", &tm);
	add(record, "%s%s %s%s%s: %s%s\n", colour, at, levels[record->level].name,
		*modem ? " " : "", modem, text, *colour ? "\033[0m" : "");
	record->n = 0;
}

/* One write(): lines of two processes on one terminal do not mix. */
static void write_line(const char *line, size_t size)
{
	struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
	ssize_t n;

	while (size > 0) {
		n = write(STDERR_FILENO, line, size);
		if (n < 0 && errno == EAGAIN) /* somebody else has made it so */
			n = poll(&ready, 1, -1) < 0 ? -1 : 0;
		if (n < 0 && errno != EINTR)
			return;
		line += n > 0 ? n : 0;
		size -= n > 0 ? (size_t) n : 0;
	}
}

/* The journal takes no fields just now; the stream that stderr is takes a level (sd-daemon(3)). */
static void to_stream(const struct record *record)
{
	char line[LINE_MAX_SIZE];
	int start = (int) strlen("MESSAGE=");
	int n = snprintf(line, sizeof(line), "<%d>%.*s\n", record->level,
		(int) record->sizes[0] - start, record->text + start);

	if (n > 0 && (size_t) n < sizeof(line))
		write_line(line, (size_t) n);
}

static void write_record(const void *data, size_t size UNUSED)
{
	const struct record *record = data;
	struct iovec fields[FIELDS_MAX];
	const char *p = record->text;

	if (record->n == 0) {
		write_line(record->text, record->used);
		return;
	}
	for (size_t i = 0; i < record->n; i++) {
		fields[i] = (struct iovec){ .iov_base = (char *) p, .iov_len = record->sizes[i] };
		p += record->sizes[i];
	}
	if (sd_journal_sendv(fields, (int) record->n) < 0)
		to_stream(record);
}

/* Into a pipe that can be written to, PIPE_BUF bytes always go at once and whole (pipe(7)). */
static bool write_record_now(const void *data, size_t size UNUSED)
{
	struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
	const struct record *record = data;

	return state.pipe && record->n == 0 && record->used <= PIPE_BUF && poll(&ready, 1, 0) == 1 &&
	       ready.revents == POLLOUT &&
	       write(STDERR_FILENO, record->text, record->used) == (ssize_t) record->used;
}

static void make(struct record *record, int level, enum log_message message,
	const struct log_fields *fields, const char *text)
{
	record->level = level;
	record->n = record->used = 0;
	if (state.journal)
		make_entry(record, message, fields, text);
	else
		make_line(record, modem_of(fields), text);
}

/* In the writer's thread. */
static void say_lost(unsigned lines)
{
	struct record record;
	char text[64];

	(void) snprintf(text, sizeof(text), "the log is read too slowly: %u lines are lost", lines);
	make(&record, LOG_WARNING, LOG_MESSAGE_WARNING, NULL, text);
	write_record(&record, sizeof(record));
}

void log_open(int level)
{
	static const struct log_output output = { .write = write_record,
		.write_now = write_record_now,
		.say_lost = say_lost };
	const char *no_colour = getenv("NO_COLOR");
	struct stat st;

	state.level = level;
	state.journal = is_journal_stream(getenv("JOURNAL_STREAM"));
	state.colour = isatty(STDERR_FILENO) && !(no_colour && *no_colour);
	state.pipe = fstat(STDERR_FILENO, &st) == 0 && S_ISFIFO(st.st_mode);
	log_writer_open(&output);
}

void log_event(int level, enum log_message message, const struct log_fields *fields,
	const char *format, ...)
{
	struct record record;
	char text[LOG_TEXT_MAX];
	int error = errno;
	va_list arguments;
	size_t size;

	if (!log_is_wanted(level))
		return;
	counts[message]++;
	va_start(arguments, format);
	format_text(text, format, arguments);
	va_end(arguments);
	tap(level, message, fields, text);
	if (level > state.level) {
		errno = error;
		return;
	}
	make(&record, level, message, fields, text);
	size = offsetof(struct record, text) + record.used;
	if (!log_writer_add(&record, size))
		write_record(&record, size);
	errno = error;
}
