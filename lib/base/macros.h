/*
 * macros - the handful of words that the language lacks.
 *
 * Ownership: a function that takes something over is given STEAL(pointer); what is not given away is
 * released by the cleanup attribute when its scope ends.
 */
#pragma once

#include <stddef.h>

#define ELEMENTSOF(array)  (sizeof(array) / sizeof((array)[0]))
#define CLEANUP(function)  __attribute__((cleanup(function)))
#define PRINTF_LIKE(f, a)  __attribute__((format(printf, f, a)))
#define UNUSED             __attribute__((unused))
#define MUST_CHECK         __attribute__((warn_unused_result))

#define PLURAL(n)          ((n) == 1 ? "" : "s") /* of a word that makes it so: "%u modem%s" */

/* Takes the pointer out of its variable and leaves NULL behind. */
#define STEAL(pointer)                                                                             \
	({                                                                                         \
		__typeof__(pointer) *steal_p_ = &(pointer);                                        \
		__typeof__(pointer) steal_v_ = *steal_p_;                                          \
		*steal_p_ = NULL;                                                                  \
		steal_v_;                                                                          \
	})
