/*
 * terms - the rules that a running attempt began with (conduct 21), as they are kept beside it: what a restart needs to
 * go on by them, whatever the configuration says then.
 *
 *      profile, task, job's rules --terms_take()--> terms --terms_encode()--> "profile=L610\nstall=300000000\n..."
 *      terms_profile(), terms_task() <-- terms <--terms_decode()--
 *
 * A credential is in it by its name; a password never is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/gtota.h"
#include "core/job.h"
#include "core/profile.h"
#include "core/upgrade.h"

#define TERMS_NAME_MAX    16                    /* of a profile */
#define TERMS_TEXT_SIZE   (GTOTA_FIELD_MAX + 1) /* an access point's name or user name, a credential's name */
#define TERMS_ENCODED_MAX 1792

struct terms {
	char profile[TERMS_NAME_MAX]; /* "": nothing is known */
	enum profile_mipcall mipcall;
	enum profile_probe probe;
	struct timeouts timeouts;
	struct job_rules rules;       /* without the seed, which the IMEI gives */
	struct requirement require;
	enum rat_policy rat;
	enum upgrade_check check;
	bool signal;
	char apn[TERMS_TEXT_SIZE], username[TERMS_TEXT_SIZE], credential[TERMS_TEXT_SIZE]; /* "": not given */
};

/* What does not fit (the configuration lets nothing such through) makes them unknown. */
void terms_take(struct terms *t, const struct profile *profile, const struct upgrade_task *task,
	const struct job_rules *rules);

/* The row as it was resolved then. False: nothing is known. */
bool terms_profile(const struct terms *t, struct profile *ret);

/* The task, with an empty package and without the access point's password; it points into t. */
void terms_task(const struct terms *t, struct upgrade_task *ret);

/* For the store. Decoding passes over what it does not know; -EINVAL: it is not all there, or no value of ours. */
const char *terms_encode(const struct terms *t, char ret[static TERMS_ENCODED_MAX]); /* "" when nothing is known */
int terms_decode(const char *text, struct terms *ret);
