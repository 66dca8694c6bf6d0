/*
 * gtota - the one command this program exists for, and its reports.
 *
 *      AT+GTOTA=0,"http://host/path/file"                        HTTP: the file is in the URL
 *      AT+GTOTA=1,"host[:port]","path/file","user","password"    FTP: all four are required
 *
 * Sources: L610 FOTA guide, 1.2 and notes 1 to 3; NL668/NL652 guide, the same (its note 1 names the
 * file name twice and means the password). Nothing is ever escaped: what would need it is refused.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define GTOTA_FIELD_MAX 255  /* bytes without quotes (both guides, 1.2.4) */
#define GTOTA_LINE_SIZE 1043 /* any line with NUL or CR, also masked: 11 + 4 * 257 + 3 + 1 */

enum gtota_type { GTOTA_HTTP = 0, GTOTA_FTP = 1 };

struct gtota_request {
	enum gtota_type type;
	const char *url;      /* HTTP: whole URL. FTP: [ftp://]HOST[:PORT], passed as written */
	const char *filename; /* FTP only, else NULL */
	const char *username; /* FTP only, else NULL */
	const char *password; /* FTP only, else NULL; a secret */
};

enum gtota_problem {
	GTOTA_FINE,
	GTOTA_FIELD_MISSING,    /* or empty */
	GTOTA_FIELD_FORBIDDEN,  /* a file name, user or password with HTTP (note 1) */
	GTOTA_FIELD_TOO_LONG,   /* over GTOTA_FIELD_MAX */
	GTOTA_FIELD_CHARACTER,  /* control, non-ASCII, '"' or '\\' */
	GTOTA_URL_SPACE,        /* HTTP: a space in the URL */
	GTOTA_URL_SCHEME,       /* HTTP: not http://; FTP: a scheme other than ftp:// */
	GTOTA_URL_HOST,         /* no host, or a port that is none */
	GTOTA_URL_FILE,         /* HTTP: no path that names a file. FTP: a file name ends in '/' */
	GTOTA_URL_PATH,         /* FTP: more than the server's address */
	GTOTA_URL_USERINFO,     /* user:password@ in a URL (conduct 12) */
	GTOTA_LINE_TOO_LONG,    /* the whole line is over the module's limit (L610: 1024 with CR) */
};

enum gtota_field {
	GTOTA_FIELD_NONE,
	GTOTA_FIELD_URL,
	GTOTA_FIELD_FILENAME,
	GTOTA_FIELD_USERNAME,
	GTOTA_FIELD_PASSWORD,
};

/* The first problem, and (ret_field may be NULL) where. line_max counts the CR. */
enum gtota_problem gtota_check(
	const struct gtota_request *request, size_t line_max, enum gtota_field *ret_field);

/* A sentence without a full stop: "is longer than 255 bytes". */
const char *gtota_problem_text(enum gtota_problem problem);

/*
 * Builds the line without CR. Refuses whatever gtota_check() refuses: -EINVAL; -EMSGSIZE when it
 * does not fit size or line_max. The line holds a secret with FTP: wipe it after use.
 */
int gtota_build(const struct gtota_request *request, size_t line_max, char *ret, size_t size);

/* For people and logs: the password as "***", an HTTP URL's query as "?***". */
int gtota_build_masked(const struct gtota_request *request, char *ret, size_t size);

enum gtota_report_type {
	GTOTA_REPORT_START,
	GTOTA_REPORT_PROGRESS,
	GTOTA_REPORT_COMPLETE, /* downloaded; never "upgraded" */
	GTOTA_REPORT_FAILED,   /* L610 guide only; tolerated from all */
	GTOTA_REPORT_UPDATE,   /* the boot loader applies the package (protocol, 1.3) */
};

struct gtota_report {
	enum gtota_report_type type;
	int percent; /* 0 to 100 as reported; -1: none, or not to be believed */
};

/*
 * Reads one unsolicited line in all tolerated spellings (protocol, 1.2): "GTOTA DOWNLOADING: 5%",
 * with '+' or "GTOTA:" before, other spacing, no '%', any case, text after FAILED; and a boot
 * loader's "GTOTA START", "GTOTA UPDATE 7%" and `+QIND: "FOTA",...`. False: not a GTOTA report, ret
 * is untouched.
 */
bool gtota_parse_report(const char *line, struct gtota_report *ret);

/* The same, for who knows strlen(line). */
bool gtota_read_report(const char *line, size_t size, struct gtota_report *ret);
