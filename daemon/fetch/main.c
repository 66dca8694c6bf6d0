/*
 * fotad-fetch - fetches one package and says what it is: a request on standard input, an answer on standard output, as
 * core/fetch.h has them. systemd starts one for each connection to its socket; fotad itself has no network.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/macros.h"
#include "core/fetch.h"
#include "io/fetch-digest.h"
#include "io/fetch-transfer.h"

#define REQUEST_PATIENCE 10 /* seconds, for a request that comes in one piece */
#define HANGS_PATIENCE	 60 /* ... longer than the transfer may take: then something hangs that has no time-out */

enum { EXIT_USAGE = 64 };

/* Up to the empty line. -EINVAL: it ends before, or is too long. */
static int read_request(char *ret, size_t size, size_t *ret_n)
{
	size_t n = 0;

	while (n < 2 || memcmp(ret + n - 2, "\n\n", 2) != 0) {
		ssize_t got = n < size ? read(STDIN_FILENO, ret + n, size - n) : 0;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -EINVAL;
		n += (size_t) got;
	}
	*ret_n = n;
	return 0;
}

static int take_request(struct fetch_request *ret)
{
	char text[FETCH_REQUEST_MAX];
	size_t n = 0;
	int r;

	(void) alarm(REQUEST_PATIENCE);
	r = read_request(text, sizeof(text), &n);
	(void) alarm(0);
	if (r == 0)
		r = fetch_parse_request(text, n, ret);
	explicit_bzero(text, sizeof(text));
	return r;
}

static void take(const void *data, size_t n, void *userdata)
{
	fetch_digest_add(userdata, data, n);
}

/* fotad has ended, or its patience: what comes now is for nobody. A pipe's reading end says so, too. */
static bool is_gone(void *userdata UNUSED)
{
	struct pollfd fd = { .fd = STDOUT_FILENO };

	return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLHUP | POLLERR));
}

static void fetch(const struct fetch_request *request, struct fetch_answer *ret)
{
	struct fetch_digest *digest = fetch_digest_new();
	struct fetch_sink sink = { take, is_gone, digest };

	*ret = (struct fetch_answer){ .problem = FETCH_INTERNAL, .text = "no SHA-256 can be made" };
	if (!digest)
		return;
	fetch_transfer(request, &sink, ret);
	if (ret->problem == FETCH_FINE && fetch_digest_end(digest, ret->sha256) < 0)
		*ret = (struct fetch_answer){ .problem = FETCH_INTERNAL,
			.text = "no SHA-256 can be made" };
	fetch_digest_free(digest);
}

static int give(const struct fetch_answer *answer)
{
	char text[FETCH_ANSWER_MAX];
	int n = fetch_format_answer(answer, text, sizeof(text));

	return n > 0 && write(STDOUT_FILENO, text, (size_t) n) == n ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct fetch_answer answer = { .problem = FETCH_BAD_REQUEST, .text = "this is no request" };
	struct fetch_request request;

	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		printf("fotad-fetch " PACKAGE_VERSION "\n");
		return 0;
	}
	if (argc > 1) {
		fprintf(stderr, "fotad-fetch is started by fotad-fetch.socket, see fotad(8)\n");
		return EXIT_USAGE;
	}
	(void) prctl(PR_SET_DUMPABLE, 0); /* a password passes through */
	if (take_request(&request) == 0) {
		(void) alarm((unsigned) (request.timeout / SEC) + HANGS_PATIENCE);
		fetch(&request, &answer);
	}
	explicit_bzero(&request, sizeof(request));
	return give(&answer);
}
