/* What the tests of the store share: a store in a directory of its own. */
#pragma once

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/store.h"

#define BOOT  "0123456789abcdef0123456789abcdef"
#define BOOT2 "fedcba9876543210fedcba9876543210"

struct fixture {
	char directory[64];
	struct store *store;
};

static int reopen(struct fixture *f, const char *boot)
{
	f->store = store_close(f->store);
	return store_open(f->directory, boot, &f->store);
}

static UNUSED int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->directory, "/tmp/test-store-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	assert_int_equal(reopen(f, BOOT), 0);
	*state = f;
	return 0;
}

static UNUSED int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	store_close(f->store);
	snprintf(command, sizeof(command), "rm -rf %s", f->directory);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static UNUSED const char *inside(const struct fixture *f, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->directory, name);
	return path;
}

static UNUSED struct store_completion completion(struct fixture *f)
{
	struct pollfd fd = { .fd = store_fd(f->store), .events = POLLIN };
	struct store_completion ret = { 0 };

	while (!store_completion(f->store, &ret))
		assert_int_equal(poll(&fd, 1, 20000), 1);
	return ret;
}

/* A change and its answer. */
static UNUSED int change(struct fixture *f, const struct store_change *what)
{
	static uint64_t cookie = 5000;
	struct store_completion done;

	assert_int_equal(store_change(f->store, what, ++cookie), 0);
	done = completion(f);
	assert_true(done.cookie == cookie);
	assert_null(done.found);
	return done.error;
}

static UNUSED int find(struct fixture *f, const char *campaign, const char *modem, const char *imei,
	struct store_found *ret)
{
	struct store_completion done;

	assert_int_equal(store_find(f->store, campaign, modem, imei, 7), 0);
	done = completion(f);
	assert_true(done.cookie == 7);
	assert_int_equal(done.error == 0, done.found != NULL);
	if (done.found)
		*ret = *done.found;
	free(done.found);
	return done.error;
}

static UNUSED int save(struct fixture *f, const struct store_job *job)
{
	static uint64_t cookie = 1000;
	struct store_completion done;

	assert_int_equal(store_save(f->store, job, ++cookie), 0);
	done = completion(f);
	assert_true(done.cookie == cookie);
	return done.error;
}

static UNUSED struct store_job make_job(const char *campaign, const char *modem, const char *imei)
{
	struct store_job job = { .state = JOB_WAITING };

	strcpy(job.campaign, campaign);
	strcpy(job.modem, modem);
	strcpy(job.record.imei, imei);
	return job;
}

static UNUSED size_t load(struct fixture *f, struct store_job **ret)
{
	size_t n = 77;

	*ret = (void *) 1;
	assert_int_equal(store_load(f->store, ret, &n), 0);
	return n;
}
