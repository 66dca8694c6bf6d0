#include "io/fetch-transfer.h"

#include <curl/curl.h>
#include <stdint.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"

#define CONNECT_MAX 30 /* seconds */

struct transfer {
	const struct fetch_request *request;
	const struct fetch_sink *sink;
	CURL *easy;
	uint64_t size;
	bool too_large, refused;
};

static long status_of(CURL *easy)
{
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* Less than n: the transfer ends. The text of an error page is not what was wanted. */
static size_t on_data(char *data, size_t one, size_t n, void *userdata)
{
	struct transfer *t = userdata;

	n *= one;
	t->refused = t->request->type == GTOTA_HTTP && status_of(t->easy) != 200;
	t->too_large = n > t->request->limit - t->size;
	if (t->refused || t->too_large)
		return 0;
	t->size += n;
	t->sink->take(data, n, t->sink->userdata);
	return n;
}

static int on_progress(void *userdata, curl_off_t total UNUSED, curl_off_t now UNUSED,
	curl_off_t up_total UNUSED, curl_off_t up_now UNUSED)
{
	const struct transfer *t = userdata;

	return t->sink->gone(t->sink->userdata);
}

static void set_options(struct transfer *t, const char *url)
{
	const struct fetch_request *q = t->request;
	const char *protocol = q->type == GTOTA_HTTP ? "http" : "ftp";
	long stall = (long) ((q->stall + SEC - 1) / SEC);
	CURL *easy = t->easy;

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocol);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* a module knows nothing of the host's */
	curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, stall < CONNECT_MAX ? stall : CONNECT_MAX);
	curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, stall);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, stall);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) (q->timeout / MSEC));
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "fotad-fetch");
	curl_easy_setopt(easy, CURLOPT_FTP_FILEMETHOD, (long) CURLFTPMETHOD_NOCWD);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, t);
	if (q->type == GTOTA_FTP) {
		curl_easy_setopt(easy, CURLOPT_USERNAME, q->username);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, q->password);
	}
}

static enum fetch_problem of_status(long status)
{
	return status == 404 || status == 410	? FETCH_NOT_FOUND
	       : status == 401 || status == 403 ? FETCH_LOGIN
	       : status >= 300 && status < 400	? FETCH_MOVED
						: FETCH_REFUSED;
}

static enum fetch_problem of_code(CURLcode code)
{
	switch ((int) code) { /* of the many only those that mean something here */
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_FTP_CANT_GET_HOST:
		return FETCH_UNREACHABLE;
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_FTP_ACCEPT_TIMEOUT:
		return FETCH_SILENT;
	case CURLE_LOGIN_DENIED:
		return FETCH_LOGIN;
	case CURLE_REMOTE_FILE_NOT_FOUND:
	case CURLE_REMOTE_ACCESS_DENIED:
	case CURLE_FTP_COULDNT_RETR_FILE:
		return FETCH_NOT_FOUND;
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
		return FETCH_INTERNAL;
	default:
		return FETCH_BROKEN;
	}
}

/* A connection that was never made times out, too. */
static bool was_connected(CURL *easy)
{
	curl_off_t connected = 0;

	return curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected) == CURLE_OK &&
	       connected > 0;
}

static void judge(const struct transfer *t, CURLcode code, struct fetch_answer *ret)
{
	long status = status_of(t->easy);
	bool http = t->request->type == GTOTA_HTTP;

	ret->size = t->size;
	if (t->too_large) {
		ret->problem = FETCH_TOO_LARGE;
		(void) text_format(ret->text, sizeof(ret->text),
			"it has more than %llu bytes, and no such module takes more",
			(unsigned long long) t->request->limit);
	} else if (http && (t->refused || code == CURLE_OK) && status != 200) {
		ret->problem = of_status(status);
		(void) text_format(ret->text, sizeof(ret->text), "the server answers %ld%s", status,
			ret->problem == FETCH_MOVED
				? ", a redirection, which modules may not follow"
				: "");
	} else if (code != CURLE_OK) {
		ret->problem = of_code(code);
		if (ret->problem == FETCH_SILENT && !was_connected(t->easy))
			ret->problem = FETCH_UNREACHABLE;
		(void) text_format(ret->text, sizeof(ret->text), "%s%s",
			ret->problem == FETCH_SILENT ? "the server is silent: " : "",
			curl_easy_strerror(code));
	}
}

void fetch_transfer(const struct fetch_request *request, const struct fetch_sink *sink,
	struct fetch_answer *ret)
{
	struct transfer t = { .request = request, .sink = sink };
	char url[FETCH_URL_MAX];

	*ret = (struct fetch_answer){ .problem = FETCH_INTERNAL, .text = "no memory" };
	if (fetch_url(request, url) < 0)
		return;
	t.easy = curl_easy_init();
	if (!t.easy)
		return;
	set_options(&t, url);
	*ret = (struct fetch_answer){ .problem = FETCH_FINE };
	judge(&t, curl_easy_perform(t.easy), ret);
	curl_easy_cleanup(t.easy);
}
