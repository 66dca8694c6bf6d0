/*
 * thread - the one way in which lib/io starts its threads, and the clock that they wait by.
 *
 * Signals are the loop's: a thread starts with all of them blocked, and the caller keeps its own mask.
 */
#pragma once

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "base/usec.h"

/* CLOCK_MONOTONIC: that of pthread_cond_clockwait(), which knows no CLOCK_BOOTTIME. */
static inline usec_t thread_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (usec_t) ts.tv_sec * SEC + (usec_t) ts.tv_nsec / 1000;
}

static inline struct timespec thread_time(usec_t at)
{
	return (struct timespec){ .tv_sec = (time_t) (at / SEC), .tv_nsec = (long) (at % SEC * 1000) };
}

/* To be joined. 0, or a negative errno of pthread_create(); then ret says nothing. */
static inline int thread_start(pthread_t *ret, const pthread_attr_t *attributes, void *(*run)(void *), void *userdata)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(ret, attributes, run, userdata);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

/* Nobody waits for it. stack_size: bytes; a small one, where there may be many. */
static inline int thread_start_detached(size_t stack_size, void *(*run)(void *), void *userdata)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r = pthread_attr_init(&attributes);

	if (r != 0)
		return -r;
	pthread_attr_setstacksize(&attributes, stack_size);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	r = thread_start(&thread, &attributes, run, userdata);
	pthread_attr_destroy(&attributes);
	return r;
}
