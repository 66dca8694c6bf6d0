/*
 * fetch-digest - the SHA-256 of a stream (OpenSSL's libcrypto).
 */
#pragma once

#include <stddef.h>

#include "core/fetch.h"

struct fetch_digest;

struct fetch_digest *fetch_digest_new(void); /* NULL: no memory, or the library refuses */
void fetch_digest_add(struct fetch_digest *digest, const void *data, size_t n);
int fetch_digest_end(struct fetch_digest *digest, char ret[static SHA256_TEXT]); /* lower case; -EIO */
struct fetch_digest *fetch_digest_free(struct fetch_digest *digest);             /* NULL is fine; returns NULL */
