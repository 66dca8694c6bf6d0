/*
 * fetch-transfer - fetches what a module would be sent for, as a module would (libcurl): the same protocol, user and
 * password, no proxy, nothing that this host remembers, no redirection followed. Blocks; for a process of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/fetch.h"

struct fetch_sink {
	void (*take)(const void *data, size_t n, void *userdata); /* of the file, in order */
	bool (*gone)(void *userdata); /* asked now and then: is nobody there any more who wants to know? */
	void *userdata;
};

/* Fills problem, text and size. */
void fetch_transfer(const struct fetch_request *request, const struct fetch_sink *sink, struct fetch_answer *ret);
