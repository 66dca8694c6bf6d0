#include "ctl/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "base/macros.h"
#include "ctl/ctl.h"

static void *need(void *memory)
{
	if (memory)
		return memory;
	fputs("fotactl: out of memory\n", stderr);
	exit(CTL_FAILED);
}

void free_text(char **text)
{
	free(*text);
}

char *words(const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	return need(text);
}

/* How many bytes from here are one character that shows itself and nothing else? 0: none. */
static size_t printable(const char *text, size_t n)
{
	mbstate_t state = { 0 };
	wchar_t c;
	size_t size = mbrtowc(&c, text, n, &state);

	return size == (size_t) -1 || size == (size_t) -2 || size == 0 || wcwidth(c) < 1 ? 0 : size;
}

char *shown(const char *text)
{
	size_t n = text ? strlen(text) : 0, size;
	char *copy = need(malloc(4 * n + 1)), *to = copy;

	for (size_t i = 0; i < n; i += size) {
		size = printable(text + i, n - i);
		if (size > 0) {
			to = mempcpy(to, text + i, size);
		} else {
			to += sprintf(to, "\\x%02x", (unsigned char) text[i]);
			size = 1;
		}
	}
	*to = '\0';
	return copy;
}

void print_shown(FILE *file, const char *text)
{
	TEXT_AUTO safe = shown(text);

	fputs(safe, file);
}

void complain(const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	TEXT_AUTO whole = need(text);
	TEXT_AUTO safe = shown(whole);
	fflush(stdout);
	fprintf(stderr, "fotactl: %s\n", safe);
}

static usec_t clock_now(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (usec_t) now.tv_sec * SEC + (usec_t) now.tv_nsec / 1000;
}

usec_t now_realtime(void)
{
	return clock_now(CLOCK_REALTIME);
}

usec_t now_boottime(void)
{
	return clock_now(CLOCK_BOOTTIME);
}

static bool is_moment(usec_t when)
{
	return when > 0 && when < INT64_MAX;
}

const char *when_text(char buffer[static WHEN_MAX], usec_t when)
{
	time_t seconds = (time_t) (when / SEC);
	struct tm tm;

	if (!is_moment(when) || !localtime_r(&seconds, &tm) ||
		strftime(buffer, WHEN_MAX, "%a %Y-%m-%d %H:%M:%S %Z", &tm) == 0)
		strcpy(buffer, "-");
	return buffer;
}

const char *when_relative(char buffer[static WHEN_MAX], usec_t when, usec_t now)
{
	char duration[USEC_FORMAT_MAX];

	if (!is_moment(when))
		strcpy(buffer, "-");
	else if (when > now + SEC)
		snprintf(
			buffer, WHEN_MAX, "in %s", usec_format(duration, (when - now) / SEC * SEC));
	else if (now > when + SEC)
		snprintf(buffer, WHEN_MAX, "%s ago",
			usec_format(duration, (now - when) / SEC * SEC));
	else
		strcpy(buffer, "now");
	return buffer;
}

const char *when_rfc3339(char buffer[static WHEN_MAX], usec_t when)
{
	time_t seconds = (time_t) (when / SEC);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || strftime(buffer, WHEN_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		buffer[0] = '\0';
	return buffer;
}

usec_t when_parse(const char *rfc3339)
{
	struct tm tm = { 0 };
	const char *end = rfc3339 ? strptime(rfc3339, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
	time_t seconds = end ? timegm(&tm) : 0;

	return seconds > 0 ? (usec_t) seconds * SEC : 0;
}

const char *size_text(char buffer[static WHEN_MAX], long long bytes)
{
	if (bytes < 0)
		strcpy(buffer, "-");
	else if (bytes < 10 * 1024)
		snprintf(buffer, WHEN_MAX, "%lld B", bytes);
	else if (bytes < 10 * 1024 * 1024)
		snprintf(buffer, WHEN_MAX, "%lld KiB", bytes / 1024);
	else
		snprintf(buffer, WHEN_MAX, "%lld MiB", bytes / (1024 * 1024));
	return buffer;
}
