/*
 * claims - who claims the same thing: a tty through two symlinks, an IMEI on two ports (conduct 11, 22).
 *
 * A claim is one key and how many hold it. A set is a `void *`; zeroed it is empty, and so it frees itself.
 */
#pragma once

#include <sys/types.h>

#define CLAIM_KEY 16 /* bytes: an IMEI with its NUL, or a device number padded with zeros */

struct claim {
	char key[CLAIM_KEY];
	unsigned holders;
};

/* Holds key too. -ENOMEM. */
int claims_take(void **set, const char key[static CLAIM_KEY], struct claim **ret);

/* Lets go; NULL is fine. Returns NULL. */
struct claim *claims_drop(void **set, struct claim *claim);
