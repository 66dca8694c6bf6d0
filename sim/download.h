/*
 * download - what a simulated module fetches over HTTP and FTP, for real: many transfers, one loop.
 *
 * The caller watches downloads_fd() and downloads_deadline(), calls downloads_run(), and then takes the news one by
 * one. No callback leaves this room.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"
#include "core/gtota.h"
#include "sim/fake-modem.h"

struct downloads;
struct download;

struct download_news {
	void *userdata;
	uint64_t received, total; /* total 0: not known */
	bool done;
	int error;                /* done: 0, -ENOENT, -EACCES, -EHOSTUNREACH, -EIO */
	const char *head;         /* the first bytes, until the next call */
	size_t head_size;
};

/* rate: bytes a second of each transfer; 0: as fast as it goes. */
int downloads_new(uint64_t rate, struct downloads **ret);
struct downloads *downloads_free(struct downloads *d);

int downloads_fd(const struct downloads *d);
usec_t downloads_deadline(const struct downloads *d);
void downloads_run(struct downloads *d, usec_t now);

/* What is new; false: nothing. After `done` the transfer is over and its pointer gone. */
bool downloads_news(struct downloads *d, struct download_news *ret);

/* The request is copied. The URL as it is fetched goes to url, without user and password. */
int download_begin(struct downloads *d, const struct gtota_request *request, void *userdata, usec_t now,
	struct download **ret, char *url, size_t size);
struct download *download_abort(struct downloads *d, struct download *download);
