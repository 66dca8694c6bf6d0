/*
 * warp-probe - waits for one hour in every way that fotad and fota-sim wait: for tests/integration/test-warp.py.
 *
 * Says READY, and of each wait that is over "NAME LATE", in milliseconds by its own clock; "set" when the wall clock is
 * set. Ends with the last wait.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "daemon/clock.h"
#include "daemon/clock-watch.h"

struct wait {
	const char *name;
	clockid_t clock;
	usec_t end;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned left;

static void say(const struct wait *wait)
{
	int64_t late = (int64_t) (clock_read(wait->clock) - wait->end);

	pthread_mutex_lock(&lock);
	printf("%s %lld\n", wait->name, (long long) late / 1000);
	fflush(stdout);
	if (--left == 0)
		exit(0);
	pthread_mutex_unlock(&lock);
}

static int on_time(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	say(userdata);
	return 0;
}

static void on_set(void *userdata UNUSED)
{
	puts("set");
	fflush(stdout);
}

/* Whoever comes to a relative wait after a jump has missed it: so it is made in pieces. */
#define PIECE 5000

static bool is_over(const struct wait *wait)
{
	return clock_read(wait->clock) >= wait->end;
}

static void *wait_by_poll(void *wait)
{
	struct pollfd none = { .fd = -1 };

	while (!is_over(wait))
		(void) poll(&none, 1, PIECE);
	say(wait);
	return NULL;
}

static void *wait_by_epoll(void *wait)
{
	struct epoll_event event;
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	while (!is_over(wait))
		(void) epoll_wait(epoll, &event, 1, PIECE);
	say(wait);
	return NULL;
}

static void *wait_by_condition(void *userdata)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	struct wait *wait = userdata;
	pthread_condattr_t attributes;
	pthread_cond_t condition;
	struct timespec end = { .tv_sec = (time_t) (wait->end / SEC), .tv_nsec = (long) (wait->end % SEC * 1000) };

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, wait->clock);
	pthread_cond_init(&condition, &attributes);
	pthread_mutex_lock(&mutex);
	while (pthread_cond_timedwait(&condition, &mutex, &end) == 0)
		;
	say(wait);
	return NULL;
}

static void *wait_by_clock(void *userdata)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
	struct wait *wait = userdata;
	struct timespec end = { .tv_sec = (time_t) (wait->end / SEC), .tv_nsec = (long) (wait->end % SEC * 1000) };

	pthread_mutex_lock(&mutex);
	while (pthread_cond_clockwait(&condition, &mutex, wait->clock, &end) == 0)
		;
	say(wait);
	return NULL;
}

int main(void)
{
	static struct wait timers[] = {
		{ "realtime", CLOCK_REALTIME, 0 },
		{ "monotonic", CLOCK_MONOTONIC, 0 },
		{ "boottime", CLOCK_BOOTTIME, 0 },
	};
	static struct {
		struct wait wait;
		void *(*run)(void *wait);
	} threads[] = {
		{ { "poll", CLOCK_MONOTONIC, 0 }, wait_by_poll },
		{ { "epoll", CLOCK_MONOTONIC, 0 }, wait_by_epoll },
		{ { "condition", CLOCK_MONOTONIC, 0 }, wait_by_condition },
		{ { "condition-realtime", CLOCK_REALTIME, 0 }, wait_by_condition },
		{ { "clockwait", CLOCK_MONOTONIC, 0 }, wait_by_clock },
	};
	struct clock_watch *watch;
	sd_event *event;

	left = ELEMENTSOF(timers) + ELEMENTSOF(threads);
	if (sd_event_default(&event) < 0 || clock_watch_new(event, on_set, NULL, &watch) < 0)
		return 1;
	for (size_t i = 0; i < ELEMENTSOF(timers); i++) {
		struct wait *wait = &timers[i];

		wait->end = clock_read(wait->clock) + HOUR;
		if (sd_event_add_time(event, NULL, wait->clock, wait->end, 1, on_time, wait) < 0)
			return 1;
	}
	for (size_t i = 0; i < ELEMENTSOF(threads); i++) {
		pthread_t thread;

		threads[i].wait.end = clock_read(threads[i].wait.clock) + HOUR;
		if (pthread_create(&thread, NULL, threads[i].run, &threads[i].wait) != 0)
			return 1;
	}
	printf("READY %s\n", clock_is_synchronised() ? "synchronised" : "unsynchronised");
	fflush(stdout);
	return sd_event_loop(event) < 0;
}
