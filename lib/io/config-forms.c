/*
 * config-forms - what a string must look like: in C, as a pattern for the schema, and in words.
 */
#include "io/config-internal.h"

#include <string.h>

#include "base/text.h"
#include "io/zone-file.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Letters, digits and the given others only? */
static bool is_made_of(const char *text, size_t n, const char *others)
{
	for (size_t i = 0; i < n; i++)
		if (!is_letter(text[i]) && !is_digit(text[i]) && !strchr(others, text[i]))
			return false;
	return n > 0;
}

/* conduct 22 */
static bool is_name(const char *text, size_t n)
{
	return n > 0 && n < NAME_MAX_SIZE && is_letter(text[0]) && is_made_of(text, n, "._-");
}

static bool is_port(const char *text, size_t n)
{
	return n > 1 && text[0] == '/' && text_is_printable(text, n);
}

/* The node exporter reads no other names. */
static bool is_prom(const char *text, size_t n)
{
	return is_port(text, n) && n > strlen("/.prom") &&
	       memcmp(text + n - strlen(".prom"), ".prom", strlen(".prom")) == 0 &&
	       text[n - strlen(".prom") - 1] != '/';
}

static bool is_imei(const char *text, size_t n)
{
	return n == IMEI_SIZE - 1 && imei_is_valid(text);
}

static bool is_profile(const char *text, size_t n)
{
	return (n == strlen("auto") && memcmp(text, "auto", n) == 0) ||
	       profile_by_name(text) != NULL;
}

static bool is_model(const char *text, size_t n)
{
	return is_made_of(text, n, "._-");
}

static bool is_version(const char *text, size_t n)
{
	return n > 0 && text_is_printable(text, n) && !memchr(text, ' ', n);
}

static bool is_sha256(const char *text, size_t n)
{
	return n == 64 && strspn(text, "0123456789abcdefABCDEF") == n;
}

/* 3GPP TS 23.003, 9.1: labels of letters, digits and hyphens; operators use '_' as well */
static bool is_apn(const char *text, size_t n)
{
	return is_made_of(text, n, "._-");
}

/* What may stand between the quotes of an AT command's string: nothing is escaped (protocol, 8.3).
 */
static bool is_text(const char *text, size_t n)
{
	return n > 0 && text_is_printable(text, n) && !strpbrk(text, "\"\\");
}

/* systemd's credential names are file names. */
static bool is_credential(const char *text, size_t n)
{
	return is_made_of(text, n, "._-") && !text_equal(text, ".") && !text_equal(text, "..");
}

#define QUOTABLE "[ !#-\\[\\]-~]" /* printable ASCII without '"' and '\' */

static const struct form forms[] = {
	[FORM_NAME] = { "a letter and then at most 63 letters, digits, '.', '_' or '-'",
		"^[A-Za-z][A-Za-z0-9._-]{0,63}$", is_name },
	[FORM_PORT] = { "an absolute path such as \"/dev/ttyUSB2\"", "^/[ -~]+$", is_port },
	[FORM_PROM] = { "an absolute path that ends in \".prom\"", "^/[ -~]*[ -.0-~]\\.prom$", is_prom },
	[FORM_IMEI] = { "an IMEI: 15 digits", "^[0-9]{15}$", is_imei },
	[FORM_PROFILE] = { "\"auto\" or a module family", NULL, is_profile },
	[FORM_MODEL] = { "leading parts of a model, such as \"L610-CN\"", "^[A-Za-z0-9._-]+$",
		is_model },
	[FORM_VERSION] = { "a version: printable ASCII without spaces", "^[!-~]+$", is_version },
	[FORM_SHA256] = { "a SHA-256 checksum: 64 hexadecimal digits", "^[0-9A-Fa-f]{64}$",
		is_sha256 },
	[FORM_APN] = { "an access point name: letters, digits, '.', '_' or '-'",
		"^[A-Za-z0-9._-]+$", is_apn },
	[FORM_TEXT] = { "printable ASCII without quotes and backslashes", "^" QUOTABLE "+$",
		is_text },
	[FORM_CREDENTIAL] = { "a credential's name: letters, digits, '.', '_' or '-'",
		"^(?!\\.{1,2}$)[A-Za-z0-9._-]+$", is_credential },
	[FORM_HTTP_URL] = { "an http:// URL", "^http://[!#-\\[\\]-~]+$", NULL },
	[FORM_GTOTA] = { "printable ASCII without quotes and backslashes", "^" QUOTABLE "+$",
		NULL },
	[FORM_ZONE] = { "the name of a time zone, such as \"Europe/Berlin\" or \"UTC\"",
		"^[A-Za-z0-9+_-]+(/[A-Za-z0-9+_-]+)*$", zone_file_is_name },
};

const struct form *config_form(enum field_form form)
{
	return &forms[form];
}
