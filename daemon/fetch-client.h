/*
 * fetch-client - one question to fotad-fetch over its Unix socket, and the answer. Nothing blocks; after `patience` it is over.
 */
#pragma once

#include <systemd/sd-event.h>

#include "core/fetch.h"

struct fetch_client;

/*
 * Called once, as the last thing that the client does: it may be freed there. error: -ETIMEDOUT; -EPROTO: it has ended
 * without an answer; 0: answer is one.
 */
typedef void fetch_done_t(int error, const struct fetch_answer *answer, void *userdata);

/* -ENOENT, -ECONNREFUSED, -EACCES and the like: the helper cannot be reached. The request is not needed afterwards. */
int fetch_client_new(sd_event *event, const char *path, const struct fetch_request *request, usec_t patience,
	fetch_done_t *done, void *userdata, struct fetch_client **ret);
struct fetch_client *fetch_client_free(struct fetch_client *client); /* NULL is fine; returns NULL */
