#include "core/fetch.h"

#include <errno.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"

#define HEAD	    "fotad-fetch 1"
#define LIMIT_MAX   (UINT64_C(1) << 40)
#define TIMEOUT_MAX (30 * DAY / MSEC)

static const char *const problems[] = {
	[FETCH_FINE] = "",
	[FETCH_UNREACHABLE] = "unreachable",
	[FETCH_SILENT] = "silent",
	[FETCH_BROKEN] = "broken",
	[FETCH_NOT_FOUND] = "not-found",
	[FETCH_LOGIN] = "login",
	[FETCH_REFUSED] = "refused",
	[FETCH_MOVED] = "moved",
	[FETCH_TOO_LARGE] = "too-large",
	[FETCH_BAD_REQUEST] = "bad-request",
	[FETCH_INTERNAL] = "internal",
};

const char *fetch_problem_name(enum fetch_problem problem)
{
	return problems[problem];
}

/* ---- lines ---- */

enum key {
	KEY_TYPE,
	KEY_URL,
	KEY_FILE,
	KEY_USERNAME,
	KEY_PASSWORD,
	KEY_LIMIT,
	KEY_STALL,
	KEY_TIMEOUT,
	KEY_SIZE,
	KEY_SHA256,
	KEY_PROBLEM,
	KEY_TEXT,
	_KEY_MAX,
};

static const char *const keys[_KEY_MAX] = { "type", "url", "file", "username", "password", "limit",
	"stall", "timeout", "size", "sha256", "problem", "text" };

struct value {
	const char *text; /* NULL: the key is not there */
	size_t n;
};

/* One line after the other; `allowed` has a bit for each key. */
static int split(const char *text, size_t n, unsigned allowed, struct value ret[static _KEY_MAX])
{
	static const char head[] = HEAD "\n";
	const char *p = text + strlen(head), *end = text + n;

	memset(ret, 0, _KEY_MAX * sizeof(*ret));
	if (n < strlen(head) || memcmp(text, head, strlen(head)) != 0)
		return -EINVAL;
	while (p < end && *p != '\n') {
		const char *newline = memchr(p, '\n', (size_t) (end - p));
		const char *space = newline ? memchr(p, ' ', (size_t) (newline - p)) : NULL;
		unsigned key = 0;

		if (!space)
			return -EINVAL;
		while (key < _KEY_MAX && (strlen(keys[key]) != (size_t) (space - p) ||
						 memcmp(keys[key], p, (size_t) (space - p)) != 0))
			key++;
		if (key == _KEY_MAX || !(allowed & 1U << key) || ret[key].text)
			return -EINVAL;
		ret[key] = (struct value){ space + 1, (size_t) (newline - space - 1) };
		if (!text_is_printable(ret[key].text, ret[key].n))
			return -EINVAL;
		p = newline + 1;
	}
	return p + 1 == end ? 0 : -EINVAL; /* the empty line is the last */
}

static bool is_word(const struct value *v, const char *word)
{
	return v->text && v->n == strlen(word) && memcmp(v->text, word, v->n) == 0;
}

static bool take_number(const struct value *v, uint64_t most, uint64_t *ret)
{
	uint64_t number = 0;

	if (!v->text || v->n == 0 || v->n > 18)
		return false;
	for (size_t i = 0; i < v->n; i++) {
		if (v->text[i] < '0' || v->text[i] > '9')
			return false;
		number = number * 10 + (uint64_t) (v->text[i] - '0');
	}
	*ret = number;
	return number <= most;
}

static bool take_text(const struct value *v, char *ret, size_t size)
{
	ret[0] = '\0';
	return !v->text || text_copy_n(ret, size, v->text, v->n) == 0;
}

/* ---- the request ---- */

/* Not by printf, which leaves what it formats on the stack. */
static int join_field(char *ret, size_t size, const char *key, const char *value)
{
	return value[0] != '\0' ? text_join(ret, size, key, " ", value, "\n", NULL) : 0;
}

int fetch_format_request(const struct fetch_request *q, char *ret, size_t size)
{
	const struct {
		const char *key, *value;
	} fields[] = {
		{ "url", q->url },
		{ "file", q->filename },
		{ "username", q->username },
		{ "password", q->password },
	};
	size_t n;
	int r = text_format(ret, size, HEAD "\ntype %s\nlimit %llu\nstall %llu\ntimeout %llu\n",
		q->type == GTOTA_FTP ? "ftp" : "http", (unsigned long long) q->limit,
		(unsigned long long) (q->stall / MSEC), (unsigned long long) (q->timeout / MSEC));

	n = r == 0 ? strlen(ret) : 0;
	for (size_t i = 0; i < ELEMENTSOF(fields) && r == 0; i++) {
		r = join_field(ret + n, size - n, fields[i].key, fields[i].value);
		n += r == 0 ? strlen(ret + n) : 0;
	}
	if (r == 0)
		r = text_copy(ret + n, size - n, "\n");
	return r < 0 ? r : (int) n + 1;
}

static bool take_request(const struct value v[static _KEY_MAX], struct fetch_request *q)
{
	uint64_t stall, timeout;

	if (!is_word(&v[KEY_TYPE], "http") && !is_word(&v[KEY_TYPE], "ftp"))
		return false;
	q->type = is_word(&v[KEY_TYPE], "ftp") ? GTOTA_FTP : GTOTA_HTTP;
	if (!take_text(&v[KEY_URL], q->url, sizeof(q->url)) ||
		!take_text(&v[KEY_FILE], q->filename, sizeof(q->filename)) ||
		!take_text(&v[KEY_USERNAME], q->username, sizeof(q->username)) ||
		!take_text(&v[KEY_PASSWORD], q->password, sizeof(q->password)) ||
		!take_number(&v[KEY_LIMIT], LIMIT_MAX, &q->limit) ||
		!take_number(&v[KEY_STALL], TIMEOUT_MAX, &stall) ||
		!take_number(&v[KEY_TIMEOUT], TIMEOUT_MAX, &timeout))
		return false;
	q->stall = stall * MSEC;
	q->timeout = timeout * MSEC;
	return q->limit > 0 && stall > 0 && timeout > 0;
}

static const char *given(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

int fetch_parse_request(const char *text, size_t n, struct fetch_request *ret)
{
	const unsigned allowed = 1U << KEY_TYPE | 1U << KEY_URL | 1U << KEY_FILE |
				 1U << KEY_USERNAME | 1U << KEY_PASSWORD | 1U << KEY_LIMIT |
				 1U << KEY_STALL | 1U << KEY_TIMEOUT;
	struct value values[_KEY_MAX];
	struct gtota_request gtota;

	if (split(text, n, allowed, values) == 0 && take_request(values, ret)) {
		gtota = (struct gtota_request){ ret->type, given(ret->url), given(ret->filename),
			given(ret->username), given(ret->password) };
		if (gtota_check(&gtota, SIZE_MAX, NULL) == GTOTA_FINE)
			return 0;
	}
	explicit_bzero(ret, sizeof(*ret));
	return -EINVAL;
}

/* ---- the answer ---- */

int fetch_format_answer(const struct fetch_answer *a, char *ret, size_t size)
{
	int r;

	if (a->problem == FETCH_FINE)
		r = text_format(ret, size, HEAD "\nsize %llu\nsha256 %s\n\n",
			(unsigned long long) a->size, a->sha256);
	else
		r = text_format(
			ret, size, HEAD "\nproblem %s\ntext %s\n\n", problems[a->problem], a->text);
	return r < 0 ? r : (int) strlen(ret);
}

static bool take_sha256(const struct value *v, char ret[static SHA256_TEXT])
{
	if (!v->text || v->n != SHA256_TEXT - 1)
		return false;
	for (size_t i = 0; i < v->n; i++)
		if (!((v->text[i] >= '0' && v->text[i] <= '9') ||
			    (v->text[i] >= 'a' && v->text[i] <= 'f')))
			return false;
	return text_copy_n(ret, SHA256_TEXT, v->text, v->n) == 0;
}

int fetch_parse_answer(const char *text, size_t n, struct fetch_answer *ret)
{
	const unsigned allowed =
		1U << KEY_SIZE | 1U << KEY_SHA256 | 1U << KEY_PROBLEM | 1U << KEY_TEXT;
	struct fetch_answer a = { 0 };
	struct value v[_KEY_MAX];

	if (split(text, n, allowed, v) < 0)
		return -EINVAL;
	if (!v[KEY_PROBLEM].text) {
		if (v[KEY_TEXT].text || !take_number(&v[KEY_SIZE], LIMIT_MAX, &a.size) ||
			!take_sha256(&v[KEY_SHA256], a.sha256))
			return -EINVAL;
		*ret = a;
		return 0;
	}
	for (unsigned i = FETCH_UNREACHABLE; i < ELEMENTSOF(problems); i++)
		if (is_word(&v[KEY_PROBLEM], problems[i]))
			a.problem = (enum fetch_problem) i;
	if (a.problem == FETCH_FINE || v[KEY_SIZE].text || v[KEY_SHA256].text ||
		!v[KEY_TEXT].text || !take_text(&v[KEY_TEXT], a.text, sizeof(a.text)))
		return -EINVAL;
	*ret = a;
	return 0;
}

/* ---- addresses ---- */

/* A path as it stands, but for the bytes that a URL cannot hold. */
static int escape_path(char *ret, size_t size, const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/";
	int r = text_copy(ret, size, "");

	for (; *path != '\0' && r == 0; path++) {
		size_t n = strlen(ret);

		r = text_format(ret + n, size - n, strchr(plain, *path) ? "%c" : "%%%02X",
			(unsigned char) *path);
	}
	return r;
}

static const char *server_of(const char *url)
{
	return text_starts_with_nocase(url, "ftp://") ? url + strlen("ftp://") : url;
}

int fetch_url(const struct fetch_request *q, char ret[static FETCH_URL_MAX])
{
	char path[3 * GTOTA_FIELD_MAX + 1];
	int r;

	if (q->type == GTOTA_HTTP)
		return text_copy(ret, FETCH_URL_MAX, q->url);
	r = escape_path(path, sizeof(path), q->filename);
	return r < 0 ? r : text_format(ret, FETCH_URL_MAX, "ftp://%s/%s", server_of(q->url), path);
}

void fetch_show(enum gtota_type type, const char *url, const char *filename,
	char ret[static FETCH_SAID_MAX])
{
	size_t n = strcspn(url, "?");
	int r;

	if (type == GTOTA_HTTP) /* the query may be a secret (conduct 12) */
		r = text_format(
			ret, FETCH_SAID_MAX, "%.*s%s", (int) n, url, url[n] != '\0' ? "?***" : "");
	else
		r = text_format(ret, FETCH_SAID_MAX, "%s/%s", server_of(url), filename ?: "");
	if (r < 0)
		ret[0] = '\0';
}

/* ---- judging ---- */

static bool is_unknown(enum fetch_problem problem)
{
	switch (problem) {
	case FETCH_UNREACHABLE:
	case FETCH_SILENT:
	case FETCH_BROKEN:
	case FETCH_BAD_REQUEST:
	case FETCH_INTERNAL:
		return true;
	case FETCH_FINE:
	case FETCH_NOT_FOUND:
	case FETCH_LOGIN:
	case FETCH_REFUSED:
	case FETCH_MOVED:
	case FETCH_TOO_LARGE:
		break;
	}
	return false;
}

enum fetch_verdict fetch_judge(const struct fetch_answer *a, uint64_t size, const char *sha256,
	char ret_text[static FETCH_SAID_MAX])
{
	ret_text[0] = '\0';
	if (a->problem != FETCH_FINE) {
		(void) text_format(ret_text, FETCH_SAID_MAX, "%s", a->text);
		return is_unknown(a->problem) ? FETCH_UNKNOWN : FETCH_DIFFERS;
	}
	if (size > 0 && a->size != size) {
		(void) text_format(ret_text, FETCH_SAID_MAX,
			"it has %llu bytes, and the package says %llu",
			(unsigned long long) a->size, (unsigned long long) size);
		return FETCH_DIFFERS;
	}
	if (sha256 && !text_equal_nocase(a->sha256, sha256)) {
		(void) text_format(ret_text, FETCH_SAID_MAX,
			"its SHA-256 is %s, and the package says %s", a->sha256, sha256);
		return FETCH_DIFFERS;
	}
	return FETCH_SAME;
}
