#include "daemon/fetch-client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"

struct fetch_client {
	int fd;
	sd_event_source *source, *timer;
	fetch_done_t *done;
	void *userdata;
	char answer[FETCH_ANSWER_MAX];
	size_t n;
};

static int finish(const struct fetch_client *client, int error, const struct fetch_answer *answer)
{
	client->done(error, answer, client->userdata);
	return 0;
}

static int on_late(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	return finish(userdata, -ETIMEDOUT, NULL);
}

static int on_input(sd_event_source *source UNUSED, int fd, uint32_t events UNUSED, void *userdata)
{
	struct fetch_client *client = userdata;
	size_t room = sizeof(client->answer) - client->n;
	struct fetch_answer answer;
	ssize_t n = room > 0 ? recv(fd, client->answer + client->n, room, MSG_DONTWAIT) : 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0) {
		client->n += (size_t) n;
		return 0;
	}
	if (n < 0 || fetch_parse_answer(client->answer, client->n, &answer) < 0)
		return finish(client, -EPROTO, NULL);
	return finish(client, 0, &answer);
}

/* Unix sockets connect at once, or not at all; and a request fits into their buffer. */
static int ask(int fd, const char *path, const struct fetch_request *request)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char text[FETCH_REQUEST_MAX];
	int n, r = 0;

	if (text_copy(address.sun_path, sizeof(address.sun_path), path) < 0)
		return -ENAMETOOLONG;
	if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
		return -errno;
	n = fetch_format_request(request, text, sizeof(text));
	if (n < 0)
		r = n;
	else if (send(fd, text, (size_t) n, MSG_NOSIGNAL) != n)
		r = -EPIPE;
	explicit_bzero(text, sizeof(text));
	return r;
}

int fetch_client_new(sd_event *event, const char *path, const struct fetch_request *request,
	usec_t patience, fetch_done_t *done, void *userdata, struct fetch_client **ret)
{
	struct fetch_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return -ENOMEM;
	client->done = done;
	client->userdata = userdata;
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	r = client->fd < 0 ? -errno : ask(client->fd, path, request);
	if (r >= 0)
		r = sd_event_add_io(event, &client->source, client->fd, EPOLLIN, on_input, client);
	if (r >= 0)
		r = sd_event_add_time_relative(
			event, &client->timer, CLOCK_BOOTTIME, patience, SEC / 10, on_late, client);
	if (r < 0) {
		fetch_client_free(client);
		return r;
	}
	*ret = client;
	return 0;
}

struct fetch_client *fetch_client_free(struct fetch_client *client)
{
	if (!client)
		return NULL;
	sd_event_source_disable_unref(client->source);
	sd_event_source_disable_unref(client->timer);
	if (client->fd >= 0)
		close(client->fd);
	free(client);
	return NULL;
}
