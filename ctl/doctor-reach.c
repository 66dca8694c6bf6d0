/*
 * doctor-reach - what fotad needs from elsewhere: credentials, and servers for the modules.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/doctor.h"
#include "ctl/text.h"

#define REACH_TIMEOUT (5 * SEC) /* for a name and a connection together */

/* ---- credentials ---- */

/* The path that LoadCredential= or LoadCredentialEncrypted= of the unit gives for this name; NULL: none. */
static const char *source_of(const struct doctor *d, const char *name)
{
	static const char *const settings[] = { "LoadCredential", "LoadCredentialEncrypted" };
	json_t *pair;
	size_t i;

	for (size_t n = 0; n < ELEMENTSOF(settings); n++) {
		json_array_foreach (json_object_get(d->unit, settings[n]), i, pair)
			if (text_equal(json_string_value(json_array_get(pair, 0)), name))
				return json_string_value(json_array_get(pair, 1));
	}
	return NULL;
}

/* SetCredential= has the value itself. */
static bool is_set(const struct doctor *d, const char *name)
{
	static const char *const settings[] = { "SetCredential", "SetCredentialEncrypted" };
	json_t *pair;
	size_t i;

	for (size_t n = 0; n < ELEMENTSOF(settings); n++) {
		json_array_foreach (json_object_get(d->unit, settings[n]), i, pair)
			if (text_equal(json_string_value(json_array_get(pair, 0)), name))
				return true;
	}
	return false;
}

static void look_at_source(struct doctor *d, const char *name, const char *path)
{
	struct stat st;

	if (path[0] != '/')
		doctor_say(d, FINDING_GOOD, "credential", name, NULL,
			"from the system's credentials: %s", path);
	else if (stat(path, &st) < 0)
		doctor_say(d, errno == EACCES ? FINDING_UNKNOWN : FINDING_WRONG, "credential", name,
			errno == EACCES ? "sudo fotactl doctor"
					: "write the secret into it, mode 0600; then systemctl "
					  "restart fotad",
			"%s: %s", path, strerror(errno));
	else if (S_ISREG(st.st_mode) && st.st_size == 0)
		doctor_say(d, FINDING_WRONG, "credential", name,
			"write the secret into it; then systemctl restart fotad", "%s is empty",
			path);
	else if (S_ISREG(st.st_mode) && st.st_mode & S_IROTH)
		doctor_say(d, FINDING_WARNING, "credential", name, "chmod 0600 it",
			"%s can be read by everybody", path);
	else
		doctor_say(d, FINDING_GOOD, "credential", name, NULL, "%s", path);
}

void doctor_credentials(struct doctor *d)
{
	const char *name;
	json_t *value;

	json_object_foreach (d->site.credentials, name, value) {
		TEXT_AUTO mend =
			words("systemctl edit fotad: [Service] "
			      "LoadCredential=%s:/etc/fotad/credentials/%s; then systemctl "
			      "restart fotad",
				name, name);
		const char *path = source_of(d, name);

		if (!d->unit)
			doctor_say(d, FINDING_UNKNOWN, "credential", name,
				"see man systemd.exec, LoadCredential=",
				"no unit fotad.service here says where it comes from");
		else if (path)
			look_at_source(d, name, path);
		else if (is_set(d, name))
			doctor_say(d, FINDING_GOOD, "credential", name, NULL, "in the unit");
		else
			doctor_say(d, FINDING_WRONG, "credential", name, mend,
				"the configuration names it, the unit does not give it");
	}
}

/* ---- the shadow fetch ---- */

/* Only a look: whoever connects starts a helper. */
void doctor_fetch(struct doctor *d)
{
	const char *campaign, *fetch;
	struct stat st;
	json_t *value;
	bool there = stat(FOTAD_FETCH, &st) == 0 && S_ISSOCK(st.st_mode);

	json_object_foreach (d->site.fetches, campaign, value) {
		fetch = json_string_value(value);
		if (there)
			doctor_say(d, FINDING_GOOD, "fetch", campaign, NULL, "fotad-fetch.socket is there");
		else
			doctor_say(d, text_equal(fetch, "require") ? FINDING_WRONG : FINDING_WARNING, "fetch",
				campaign, "systemctl enable --now fotad-fetch.socket",
				"\"fetch\": \"%s\" wants its packages compared first, and %s is not there: %s", fetch,
				FOTAD_FETCH,
				text_equal(fetch, "require") ? "nothing of it will start"
							     : "they are not compared");
	}
}

/* ---- servers ---- */

static const char *connect_to(const struct addrinfo *address, usec_t deadline)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
	    error = 0;
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(error);

	if (fd < 0)
		return strerror(errno);
	if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
		error = errno;
	if (error == EINPROGRESS) {
		error = ETIMEDOUT;
		if (poll(&ready, 1, (int) (usec_sub(deadline, now_boottime()) / MSEC)) > 0)
			(void) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	}
	close(fd);
	return error ? strerror(error) : NULL;
}

/* Resolving has no time-out of its own; getaddrinfo_a(3) goes on behind us and is left to end with the process. */
static const char *resolve(const char *host, const char *port, struct addrinfo **ret)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct gaicb *request = calloc(1, sizeof(*request));
	struct gaicb *requests[1] = { request };
	const struct timespec patience = { .tv_sec = (time_t) (REACH_TIMEOUT / SEC) };
	int r;

	if (!request)
		return strerror(ENOMEM);
	*request = (struct gaicb){
		.ar_name = strdup(host), .ar_service = strdup(port), .ar_request = &hints
	};
	r = getaddrinfo_a(GAI_NOWAIT, requests, 1, NULL);
	if (r == 0) {
		(void) gai_suspend((const struct gaicb *const *) requests, 1, &patience);
		r = gai_error(request);
	}
	if (r == EAI_INPROGRESS)
		return "its name is not found in time";
	*ret = request->ar_result;
	free((char *) request->ar_name);
	free((char *) request->ar_service);
	free(request);
	return r == 0 ? NULL : gai_strerror(r);
}

static const char *reach(const char *host, const char *port)
{
	usec_t deadline = now_boottime() + REACH_TIMEOUT;
	struct addrinfo *addresses = NULL;
	const char *trouble = resolve(host, port, &addresses);

	for (const struct addrinfo *a = addresses; a; a = a->ai_next) {
		trouble = connect_to(a, deadline);
		if (!trouble)
			break;
	}
	if (addresses)
		freeaddrinfo(addresses);
	return trouble;
}

/* A warning only: the module downloads by its own network, where the server may be all alone. */
void doctor_servers(struct doctor *d)
{
	const char *server;
	json_t *value;

	json_object_foreach (d->site.servers, server, value) {
		const char *colon = strrchr(server, ':'), *trouble;
		bool bracket = server[0] == '[';
		TEXT_AUTO host =
			words("%.*s", (int) (colon - server) - 2 * bracket, server + bracket);

		trouble = reach(host, colon + 1);
		if (trouble)
			doctor_say(d, FINDING_WARNING, "server", server,
				"if this gateway should reach it, look at its name, routes and "
				"firewalls; if only the modules' network "
				"does, all is well",
				"not reachable from here: %s", trouble);
		else
			doctor_say(d, FINDING_GOOD, "server", server, NULL, "reachable");
	}
}
