#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION /* every line would come from here */
#include <systemd/sd-journal.h>

#include "base/text.h"
#include "io/log.h"

#define FIELD_MAX     4200 /* "FOTA_PORT=" and a path */
#define FIELDS_MAX    20
#define LINE_MAX_SIZE (LOG_TEXT_MAX + 128)

static struct {
	int level;
	bool journal, colour;
} state = { .level = LOG_INFO };

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

void log_open(int level)
{
	const char *no_colour = getenv("NO_COLOR");

	state.level = level;
	state.journal = is_journal_stream(getenv("JOURNAL_STREAM"));
	state.colour = isatty(STDERR_FILENO) && !(no_colour && *no_colour);
}

void log_set_level(int level)
{
	state.level = level;
}

int log_level(void)
{
	return state.level;
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

struct entry {
	size_t n, used;
	struct iovec fields[FIELDS_MAX];
	char buffer[FIELD_MAX + 8 * 128];
};

/* A field that finds no room is left out; the message itself has its own. */
PRINTF_LIKE(2, 3) static void add(struct entry *entry, const char *format, ...)
{
	size_t left = sizeof(entry->buffer) - entry->used;
	char *start = entry->buffer + entry->used;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(start, left, format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t) n >= left)
		return;
	entry->fields[entry->n++] = (struct iovec){ .iov_base = start, .iov_len = (size_t) n };
	entry->used += (size_t) n;
}

static void add_fields(struct entry *entry, const struct log_fields *fields)
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
			add(entry, "FOTA_%s=%s", texts[i].name, texts[i].value);
	for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
		if (numbers[i].value >= 0)
			add(entry, "FOTA_%s=%d", numbers[i].name, numbers[i].value);
	if (fields->error != 0)
		add(entry, "ERRNO=%d", abs(fields->error));
}

static const char *modem_of(const struct log_fields *fields)
{
	return fields && fields->modem ? fields->modem : "";
}

/* The message repeats the modem's name, because `journalctl -f` shows nothing else. */
static int to_journal(
	int level, enum log_message message, const struct log_fields *fields, const char *text)
{
	struct entry entry = { 0 };
	const char *modem = modem_of(fields);
	char line[LINE_MAX_SIZE];
	int n = snprintf(line, sizeof(line), "MESSAGE=%s%s%s", modem, *modem ? ": " : "", text);

	if (n < 0 || (size_t) n >= sizeof(line))
		return -EMSGSIZE;
	entry.fields[entry.n++] = (struct iovec){ .iov_base = line, .iov_len = (size_t) n };
	add(&entry, "PRIORITY=%d", level);
	add(&entry, "MESSAGE_ID=%s", messages[message].id);
	add(&entry, "SYSLOG_IDENTIFIER=fotad");
	if (fields)
		add_fields(&entry, fields);
	return sd_journal_sendv(entry.fields, (int) entry.n);
}

/* One write(): lines of two processes on one terminal do not mix. */
static void write_line(const char *line, int size)
{
	ssize_t n;

	do
		n = write(STDERR_FILENO, line, (size_t) size);
	while (n < 0 && errno == EINTR);
}

static void to_stderr(int level, const char *modem, const char *text)
{
	const char *colour = state.colour ? levels[level].colour : "";
	char line[LINE_MAX_SIZE], at[sizeof("hh:mm:ss")] = "";
	time_t now = time(NULL);
	struct tm tm;
	int n;

	if (localtime_r(&now, &tm))
		strftime(at, sizeof(at), "%H:%M:%S", &tm);
	n = snprintf(line, sizeof(line), "%s%s %s%s%s: %s%s\n", colour, at, levels[level].name,
		*modem ? " " : "", modem, text, *colour ? "\033[0m" : "");
	if (n > 0 && (size_t) n < sizeof(line))
		write_line(line, n);
}

/* The journal takes no fields just now; the stream that stderr is takes a level (sd-daemon(3)). */
static void to_stream(int level, const char *modem, const char *text)
{
	char line[LINE_MAX_SIZE];
	int n;

	n = snprintf(line, sizeof(line), "<%d>%s%s%s\n", level, modem, *modem ? ": " : "", text);
	if (n > 0 && (size_t) n < sizeof(line))
		write_line(line, n);
}

void log_event(int level, enum log_message message, const struct log_fields *fields,
	const char *format, ...)
{
	char text[LOG_TEXT_MAX];
	int error = errno;
	va_list arguments;

	if (level > state.level)
		return;
	va_start(arguments, format);
	format_text(text, format, arguments);
	va_end(arguments);
	if (!state.journal)
		to_stderr(level, modem_of(fields), text);
	else if (to_journal(level, message, fields, text) < 0)
		to_stream(level, modem_of(fields), text);
	errno = error;
}
