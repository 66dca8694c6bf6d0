/*
 * fetch - what a server really serves, compared with a package before any modem is sent for it (shadow fetch).
 *
 *      fotad --request--> fotad-fetch (a process of its own, with a network) --answer--> fetch_judge()
 *
 * Both are lines of text over a Unix socket, "KEY VALUE\n", ended by an empty line:
 *
 *      fotad-fetch 1                        fotad-fetch 1               fotad-fetch 1
 *      type ftp                             size 734003                 problem not-found
 *      url fota.example.net:21              sha256 9f86d081...          text the server answered 404
 *      file l610/28-29.bin
 *      username fota
 *      password secret
 *      limit 3145728
 *      stall 300000
 *      timeout 3600000
 *
 * Times are milliseconds. A key that is not known, comes twice or is missing makes it no request. The request holds a
 * secret: who has it wipes it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"
#include "core/gtota.h"

#define FETCH_REQUEST_MAX 1400 /* four fields of GTOTA_FIELD_MAX bytes, and the rest */
#define FETCH_ANSWER_MAX  512
#define FETCH_URL_MAX     1100 /* a path of 255 bytes, each escaped, and an address */
#define FETCH_TEXT_MAX    160
#define FETCH_SAID_MAX    320
#define SHA256_TEXT       65   /* hexadecimal, with NUL */

struct fetch_request {
	enum gtota_type type;
	char url[GTOTA_FIELD_MAX + 1]; /* as AT+GTOTA is given it, and so are the next three; "": not given */
	char filename[GTOTA_FIELD_MAX + 1];
	char username[GTOTA_FIELD_MAX + 1];
	char password[GTOTA_FIELD_MAX + 1];
	uint64_t limit; /* bytes: more is not looked at */
	usec_t stall;   /* without a byte */
	usec_t timeout; /* in all */
};

enum fetch_problem {
	FETCH_FINE,
	FETCH_UNREACHABLE, /* no address, no route, no connection */
	FETCH_SILENT,      /* connected, and then nothing for `stall`, or not all within `timeout` */
	FETCH_BROKEN,      /* the transfer ended before its end */
	FETCH_NOT_FOUND,
	FETCH_LOGIN,
	FETCH_REFUSED,     /* another error of the server's */
	FETCH_MOVED,       /* a redirection: whether a module follows it nobody knows, so it is not followed */
	FETCH_TOO_LARGE,   /* more than `limit` */
	FETCH_BAD_REQUEST,
	FETCH_INTERNAL,
};

struct fetch_answer {
	enum fetch_problem problem;
	uint64_t size;             /* FINE */
	char sha256[SHA256_TEXT];  /* FINE: lower case */
	char text[FETCH_TEXT_MAX]; /* for people, what happened; printable */
};

const char *fetch_problem_name(enum fetch_problem problem); /* "not-found" */

/* -EMSGSIZE: it does not fit. Returns the length. */
int fetch_format_request(const struct fetch_request *request, char *ret, size_t size);

/*
 * n bytes that end with the empty line. -EINVAL: it is no request, or gtota_check() refuses it; ret is then wiped. Nothing of
 * it is told: it may hold a secret.
 */
int fetch_parse_request(const char *text, size_t n, struct fetch_request *ret);

int fetch_format_answer(const struct fetch_answer *answer, char *ret, size_t size);
int fetch_parse_answer(const char *text, size_t n, struct fetch_answer *ret); /* -EINVAL: it is none */

/* What a client of that protocol is told: a whole URL without the password. -EMSGSIZE */
int fetch_url(const struct fetch_request *request, char ret[static FETCH_URL_MAX]);

/* For people: "http://host/file?***" or "host:21/dir/file". */
void fetch_show(enum gtota_type type, const char *url, const char *filename, char ret[static FETCH_SAID_MAX]);

enum fetch_verdict {
	FETCH_SAME,    /* as far as the package says what it is */
	FETCH_DIFFERS, /* no module must be sent for it */
	FETCH_UNKNOWN, /* nobody can say: the server may be reachable for modems only */
};

/* size 0, sha256 NULL: the package does not say. ret_text: what differs, or why nobody can say; "" when it is the same. */
enum fetch_verdict fetch_judge(
	const struct fetch_answer *answer, uint64_t size, const char *sha256, char ret_text[static FETCH_SAID_MAX]);
