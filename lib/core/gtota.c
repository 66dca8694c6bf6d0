/*
 * gtota - see gtota.h: what may be asked, the line that asks it, and the same line for people. The
 * reports are read in gtota-report.c.
 */
#include "core/gtota.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define PORT_DIGITS 5
#define PORT_MAX    65535

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* 0x20 to 0x7e without what V.250, 5.4.2.2 gives a meaning inside a string (protocol, 8.3) */
static bool is_plain(const char *text, size_t n)
{
	return text_is_printable(text, n) && !memchr(text, '"', n) && !memchr(text, '\\', n);
}

static enum gtota_problem check_field(const char *field)
{
	size_t n;

	if (!field || field[0] == '\0')
		return GTOTA_FIELD_MISSING;
	n = strlen(field);
	if (!is_plain(field, n))
		return GTOTA_FIELD_CHARACTER;
	return n > GTOTA_FIELD_MAX ? GTOTA_FIELD_TOO_LONG : GTOTA_FINE;
}

static bool is_port(const char *p, size_t n)
{
	unsigned port = 0;

	if (n == 0 || n > PORT_DIGITS)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(p[i]))
			return false;
		port = port * 10 + (unsigned) (p[i] - '0');
	}
	return port > 0 && port <= PORT_MAX;
}

/* A name, an IPv4 address, or what stands between the brackets of an IPv6 address. */
static bool is_host(const char *p, size_t n, const char *others)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (!is_alnum(p[i]) && !strchr(others, p[i]))
			return false;
		any = any || is_alnum(p[i]);
	}
	return any;
}

/* HOST[:PORT]. An IPv6 address stands in brackets (RFC 3986, 3.2.2), else its colons would be a
 * port's. */
static enum gtota_problem check_authority(const char *p, size_t n)
{
	const char *end = p + n, *colon;
	bool fine;

	if (memchr(p, '@', n))
		return GTOTA_URL_USERINFO;
	if (n > 0 && *p == '[') {
		colon = memchr(p, ']', n);
		fine = colon && is_host(p + 1, (size_t) (colon - p) - 1, ":.");
		if (colon)
			colon++;
	} else {
		colon = memchr(p, ':', n);
		if (!colon)
			colon = end;
		fine = is_host(p, (size_t) (colon - p), "._-");
	}
	if (!fine)
		return GTOTA_URL_HOST;
	if (colon == end)
		return GTOTA_FINE;
	return *colon == ':' && is_port(colon + 1, (size_t) (end - colon) - 1) ? GTOTA_FINE
									       : GTOTA_URL_HOST;
}

/*
 * Does the path end in a file's name? NL668's own HTTP command wants the port at the end of the URL
 * ("http://host/path:port"; protocol, 1.5), so such a path passes as it is, but ":8080" alone is no
 * name.
 */
static bool names_file(const char *path)
{
	size_t n = strcspn(path, "?#"), start = n;

	while (start > 0 && path[start - 1] != '/')
		start--;
	path += start;
	n -= start;
	return n > 0 && path[0] != ':' && !(n == 1 && path[0] == '.') &&
	       !(n == 2 && path[0] == '.' && path[1] == '.');
}

static enum gtota_problem check_http_url(const char *url)
{
	static const char scheme[] = "http://";
	enum gtota_problem problem;
	size_t n;

	if (strchr(url, ' '))
		return GTOTA_URL_SPACE;
	if (!text_starts_with(url, scheme))
		return GTOTA_URL_SCHEME;
	url += sizeof(scheme) - 1;
	n = strcspn(url, "/?#");
	problem = check_authority(url, n);
	if (problem != GTOTA_FINE)
		return problem;
	return url[n] == '/' && names_file(url + n) ? GTOTA_FINE : GTOTA_URL_FILE;
}

/* "Just the address of FTP server" (both guides, note 2); seen with and without ftp://
 * (protocol, 1.5). */
static enum gtota_problem check_ftp_url(const char *url)
{
	static const char scheme[] = "ftp://";
	enum gtota_problem problem;
	size_t n;

	if (text_starts_with(url, scheme))
		url += sizeof(scheme) - 1;
	else if (strstr(url, "://"))
		return GTOTA_URL_SCHEME;
	n = strcspn(url, "/?#");
	problem = check_authority(url, n);
	if (problem != GTOTA_FINE)
		return problem;
	return url[n] == '\0' ? GTOTA_FINE : GTOTA_URL_PATH;
}

struct field {
	enum gtota_field name;
	const char *text;
};

#define N_FIELDS 4

static void list_fields(const struct gtota_request *request, struct field ret[static N_FIELDS])
{
	ret[0] = (struct field){ GTOTA_FIELD_URL, request->url };
	ret[1] = (struct field){ GTOTA_FIELD_FILENAME, request->filename };
	ret[2] = (struct field){ GTOTA_FIELD_USERNAME, request->username };
	ret[3] = (struct field){ GTOTA_FIELD_PASSWORD, request->password };
}

/* One field by itself: is it there, or absent, as the type wants it, and made of what a module
 * takes? */
static enum gtota_problem check_one(enum gtota_type type, const struct field *field)
{
	enum gtota_problem problem;

	/* L610 guide, note 1: with HTTP the three "can't be used", with FTP they "must be given" */
	if (type == GTOTA_HTTP && field->name != GTOTA_FIELD_URL)
		return field->text ? GTOTA_FIELD_FORBIDDEN : GTOTA_FINE;
	problem = check_field(field->text);
	if (problem != GTOTA_FINE)
		return problem;
	if (field->name == GTOTA_FIELD_URL)
		return type == GTOTA_HTTP ? check_http_url(field->text)
					  : check_ftp_url(field->text);
	if (field->name == GTOTA_FIELD_FILENAME && field->text[strlen(field->text) - 1] == '/')
		return GTOTA_URL_FILE;
	return GTOTA_FINE;
}

/* Bytes of the line without CR. Every field that is there costs its two quotes and what stands
 * before it. */
static size_t line_length(const struct gtota_request *request)
{
	struct field fields[N_FIELDS];
	size_t n = strlen("AT+GTOTA=0");

	list_fields(request, fields);
	for (size_t i = 0; i < N_FIELDS; i++)
		if (fields[i].text)
			n += strlen(",\"\"") + strlen(fields[i].text);
	return n;
}

enum gtota_problem gtota_check(
	const struct gtota_request *request, size_t line_max, enum gtota_field *ret_field)
{
	enum gtota_problem problem = GTOTA_FINE;
	enum gtota_field where = GTOTA_FIELD_NONE;
	struct field fields[N_FIELDS];

	list_fields(request, fields);
	for (size_t i = 0; i < N_FIELDS && problem == GTOTA_FINE; i++) {
		problem = check_one(request->type, &fields[i]);
		if (problem != GTOTA_FINE)
			where = fields[i].name;
	}
	if (problem == GTOTA_FINE && line_length(request) + 1 > line_max)
		problem = GTOTA_LINE_TOO_LONG;
	if (ret_field)
		*ret_field = where;
	return problem;
}

const char *gtota_problem_text(enum gtota_problem problem)
{
	switch (problem) {
	case GTOTA_FINE:
		return "is fine";
	case GTOTA_FIELD_MISSING:
		return "is missing or empty";
	case GTOTA_FIELD_FORBIDDEN:
		return "cannot be used with HTTP";
	case GTOTA_FIELD_TOO_LONG:
		return "is longer than 255 bytes";
	case GTOTA_FIELD_CHARACTER:
		return "holds a byte that is not printable ASCII, a quote or a backslash";
	case GTOTA_URL_SPACE:
		return "holds a space (write %20)";
	case GTOTA_URL_SCHEME:
		return "has a scheme that no module knows (HTTP: http://; FTP: ftp:// or none; "
		       "never TLS)";
	case GTOTA_URL_HOST:
		return "has no valid host, or a port that is not 1 to 65535";
	case GTOTA_URL_FILE:
		return "does not name a file";
	case GTOTA_URL_PATH:
		return "holds more than the address of the FTP server (a path belongs to the file)";
	case GTOTA_URL_USERINFO:
		return "holds a user name or password before an @";
	case GTOTA_LINE_TOO_LONG:
		return "makes a command line that is too long for the module";
	}
	return "is not right";
}

static int write_line(const struct gtota_request *request, const char *hide, const char *password,
	char *ret, size_t size)
{
	switch (request->type) {
	case GTOTA_HTTP:
		if (!hide || !strchr(request->url, '?'))
			return text_join(ret, size, "AT+GTOTA=0,\"", request->url, "\"", NULL);
		return text_format(ret, size, "AT+GTOTA=0,\"%.*s%s\"",
			(int) strcspn(request->url, "?"), request->url, hide);
	case GTOTA_FTP:
		return text_join(ret, size, "AT+GTOTA=1,\"", request->url, "\",\"",
			request->filename, "\",\"", request->username, "\",\"", password, "\"",
			NULL);
	}
	return -EINVAL;
}

int gtota_build(const struct gtota_request *request, size_t line_max, char *ret, size_t size)
{
	enum gtota_problem problem = gtota_check(request, line_max, NULL);

	if (problem == GTOTA_LINE_TOO_LONG)
		return -EMSGSIZE;
	if (problem != GTOTA_FINE)
		return -EINVAL;
	return write_line(request, NULL, request->password, ret, size);
}

int gtota_build_masked(const struct gtota_request *request, char *ret, size_t size)
{
	if (gtota_check(request, SIZE_MAX, NULL) != GTOTA_FINE)
		return -EINVAL;
	return write_line(request, "?***", "***", ret, size);
}
