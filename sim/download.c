#include "sim/download.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/text.h"

#define EVENTS_MAX 128
#define URL_SIZE   1100 /* a path of 255 bytes, each escaped, and an address */

struct download {
	struct download *next;
	CURL *easy;
	void *userdata;
	uint64_t received;
	bool news, done;
	int error;
	char head[FAKE_PACKAGE_HEAD_MAX];
	size_t head_size;
};

struct downloads {
	CURLM *multi;
	int epoll;
	uint64_t rate;
	usec_t now, deadline;
	struct download *list;
	struct download *told; /* done, and taken by the caller: to be freed at the next call */
};

static int on_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *userdata, void *known)
{
	struct downloads *d = userdata;
	struct epoll_event event = { .data.fd = fd };

	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(d->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? (uint32_t) EPOLLIN : 0) |
		       (what & CURL_POLL_OUT ? (uint32_t) EPOLLOUT : 0);
	if (epoll_ctl(d->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) < 0)
		return -1;
	curl_multi_assign(d->multi, fd, d);
	return 0;
}

static int on_timer(CURLM *multi UNUSED, long timeout, void *userdata)
{
	struct downloads *d = userdata;

	d->deadline = timeout < 0 ? USEC_INFINITY : d->now + (usec_t) timeout * MSEC;
	return 0;
}

static size_t on_data(char *data, size_t one, size_t n, void *userdata)
{
	struct download *download = userdata;
	size_t room = sizeof(download->head) - download->head_size, part;

	n *= one;
	part = n < room ? n : room;
	memcpy(download->head + download->head_size, data, part);
	download->head_size += part;
	download->received += n;
	download->news = true;
	return n;
}

int downloads_new(uint64_t rate, struct downloads **ret)
{
	struct downloads *d;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -EIO;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->rate = rate;
	d->deadline = USEC_INFINITY;
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	d->multi = curl_multi_init();
	if (d->epoll < 0 || !d->multi) {
		downloads_free(d);
		return -ENOMEM;
	}
	curl_multi_setopt(d->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(d->multi, CURLMOPT_SOCKETDATA, d);
	curl_multi_setopt(d->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(d->multi, CURLMOPT_TIMERDATA, d);
	*ret = d;
	return 0;
}

static void release(struct downloads *d, struct download *download)
{
	if (download->easy) {
		curl_multi_remove_handle(d->multi, download->easy);
		curl_easy_cleanup(download->easy);
	}
	free(download);
}

static void forget_told(struct downloads *d)
{
	if (d->told)
		release(d, d->told);
	d->told = NULL;
}

static void unlink_download(struct downloads *d, struct download *download)
{
	struct download **p = &d->list;

	while (*p && *p != download)
		p = &(*p)->next;
	if (*p)
		*p = download->next;
}

struct downloads *downloads_free(struct downloads *d)
{
	if (!d)
		return NULL;
	forget_told(d);
	while (d->list)
		download_abort(d, d->list);
	if (d->multi)
		curl_multi_cleanup(d->multi);
	if (d->epoll >= 0)
		close(d->epoll);
	free(d);
	curl_global_cleanup();
	return NULL;
}

int downloads_fd(const struct downloads *d)
{
	return d->epoll;
}

usec_t downloads_deadline(const struct downloads *d)
{
	return d->deadline;
}

static int error_of(CURLcode code)
{
	if (code == CURLE_OK)
		return 0;
	if (code == CURLE_HTTP_RETURNED_ERROR || code == CURLE_REMOTE_FILE_NOT_FOUND ||
		code == CURLE_FTP_COULDNT_RETR_FILE)
		return -ENOENT;
	if (code == CURLE_LOGIN_DENIED || code == CURLE_REMOTE_ACCESS_DENIED)
		return -EACCES;
	if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT)
		return -EHOSTUNREACH;
	return -EIO;
}

static void collect(struct downloads *d)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(d->multi, &left))) {
		struct download *download = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &download);
		download->done = download->news = true;
		download->error = error_of(message->data.result);
	}
}

void downloads_run(struct downloads *d, usec_t now)
{
	struct epoll_event events[EVENTS_MAX];
	int n, running;

	d->now = now;
	n = epoll_wait(d->epoll, events, EVENTS_MAX, 0);
	for (int i = 0; i < n; i++)
		curl_multi_socket_action(d->multi, events[i].data.fd,
			(events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
				(events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
				(events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
			&running);
	if (d->deadline <= now) {
		long left;

		d->deadline = USEC_INFINITY;
		curl_multi_socket_action(d->multi, CURL_SOCKET_TIMEOUT, 0, &running);
		/* A timeout is told once: when it was not due yet by curl's own clock, it would be
		 * lost. */
		if (d->deadline == USEC_INFINITY &&
			curl_multi_timeout(d->multi, &left) == CURLM_OK && left >= 0)
			d->deadline = now + (usec_t) (left + 1) * MSEC;
	}
	collect(d);
}

bool downloads_news(struct downloads *d, struct download_news *ret)
{
	struct download *download;
	curl_off_t total = -1;

	forget_told(d);
	for (download = d->list; download && !download->news; download = download->next)
		;
	if (!download)
		return false;
	curl_easy_getinfo(download->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &total);
	download->news = false;
	*ret = (struct download_news){
		.userdata = download->userdata,
		.received = download->received,
		.total = total > 0 ? (uint64_t) total : 0,
		.done = download->done,
		.error = download->error,
		.head = download->head,
		.head_size = download->head_size,
	};
	if (download->done) {
		unlink_download(d, download);
		d->told = download;
	}
	return true;
}

/* A path as it stands, but for the bytes that a URL cannot hold. */
static int escape_path(char *ret, size_t size, const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/";
	size_t n = 0;

	for (; *path != '\0'; path++) {
		bool keep = strchr(plain, *path) != NULL;

		if (n + 4 > size)
			return -EMSGSIZE;
		n += (size_t) snprintf(
			ret + n, size - n, keep ? "%c" : "%%%02X", (unsigned char) *path);
	}
	ret[n] = '\0';
	return 0;
}

static int make_url(const struct gtota_request *request, char *ret, size_t size)
{
	const char *host = request->url;
	char path[800];
	int r;

	if (request->type == GTOTA_HTTP)
		return text_copy(ret, size, request->url);
	r = escape_path(path, sizeof(path), request->filename);
	if (r < 0)
		return r;
	if (text_starts_with_nocase(host, "ftp://"))
		host += strlen("ftp://");
	return text_format(ret, size, "ftp://%s/%s", host, path);
}

static void set_options(struct downloads *d, struct download *download, const char *url,
	const struct gtota_request *request)
{
	const char *protocol = request->type == GTOTA_HTTP ? "http" : "ftp";
	CURL *easy = download->easy;

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocol);
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, protocol);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 5L);
	curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* a module knows nothing of the host's */
	curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L); /* each module has its own connection */
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 15L);
	curl_easy_setopt(
		easy, CURLOPT_BUFFERSIZE, 16384L); /* small, for the sake of the percents */
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "fota-sim");
	curl_easy_setopt(easy, CURLOPT_FTP_FILEMETHOD, (long) CURLFTPMETHOD_NOCWD);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, download);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, download);
	if (request->type == GTOTA_FTP) {
		curl_easy_setopt(easy, CURLOPT_USERNAME, request->username);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, request->password);
	}
	if (d->rate > 0)
		curl_easy_setopt(easy, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t) d->rate);
}

int download_begin(struct downloads *d, const struct gtota_request *request, void *userdata,
	usec_t now, struct download **ret, char *url, size_t size)
{
	struct download *download;
	char whole[URL_SIZE];
	int r;

	r = make_url(request, whole, sizeof(whole));
	if (r < 0)
		return r;
	download = calloc(1, sizeof(*download));
	if (!download)
		return -ENOMEM;
	download->userdata = userdata;
	download->easy = curl_easy_init();
	d->now = now;
	if (!download->easy) {
		free(download);
		return -ENOMEM;
	}
	set_options(d, download, whole, request);
	if (curl_multi_add_handle(d->multi, download->easy) != CURLM_OK) {
		release(d, download);
		return -EIO;
	}
	download->next = d->list;
	d->list = download;
	snprintf(url, size, "%s", whole);
	*ret = download;
	return 0;
}

struct download *download_abort(struct downloads *d, struct download *download)
{
	if (!download)
		return NULL;
	unlink_download(d, download);
	release(d, download);
	return NULL;
}
