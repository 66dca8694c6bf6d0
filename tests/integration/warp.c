/*
 * warp - a preload: all clocks of a program run as a test wants (conduct 17).
 *
 *	$FOTAD_WARP names a file, written by the test (warp.py) and mapped by every program that shall live in its time:
 *
 *	warped clock = real clock + advance + (real time since `since`) * (rate - 1), and of CLOCK_REALTIME + step
 *
 * Warped are CLOCK_REALTIME, CLOCK_MONOTONIC and CLOCK_BOOTTIME with their variants, and all that waits by them: timerfd
 * (also those that are cancelled when the clock is set), epoll_wait(), poll(), condition variables. When the file is
 * written, a thread arms the timers anew. adjtimex() says what the file says about synchronisation.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define NSEC      INT64_C(1000000000)
#define SLICE     (20 * NSEC / 1000) /* real time after which a wait looks whether its end was moved */
#define FDS       4096
#define NEVER     INT64_MAX
#define FAR       (INT64_C(1) << 62) /* nanoseconds; as a date, the year 2116 */

/* As warp.py writes it: struct "=QqqqqqQ". `number` at both ends: while they differ, it is being written. */
struct warp {
	uint64_t number;
	int64_t since, advance, rate; /* nanoseconds of CLOCK_BOOTTIME; rate in thousandths */
	int64_t step;
	int64_t synchronised;
	uint64_t number_again;
};

struct timer {
	bool used, cancel_on_set, cancelled;
	int clock;
	int64_t deadline, interval; /* warped; NEVER: not armed */
};

static const volatile struct warp *shared;
static struct timer timers[FDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- clocks ---- */

static int64_t real_time(int clock)
{
	struct timespec ts = { 0 };

	(void) syscall(SYS_clock_gettime, clock, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

/* The last number first and the first one last: in between nothing was written. */
static struct warp read_warp(void)
{
	struct warp warp = { .rate = 1000, .synchronised = 1 };

	if (!shared)
		return warp;
	do {
		warp.number_again = shared->number_again;
		atomic_thread_fence(memory_order_acquire);
		warp.since = shared->since;
		warp.advance = shared->advance;
		warp.rate = shared->rate;
		warp.step = shared->step;
		warp.synchronised = shared->synchronised;
		atomic_thread_fence(memory_order_acquire);
		warp.number = shared->number;
	} while (warp.number != warp.number_again);
	return warp;
}

static bool is_warped(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
	       clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_MONOTONIC_RAW ||
	       clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;
}

static bool is_wall(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_REALTIME_ALARM;
}

static int64_t warped_time(const struct warp *warp, int clock)
{
	int64_t elapsed = real_time(CLOCK_BOOTTIME) - warp->since;

	return real_time(clock) + warp->advance + elapsed / 1000 * (warp->rate - 1000) +
	       (is_wall(clock) ? warp->step : 0);
}

/* How much real time a warped span takes. */
static int64_t real_span(const struct warp *warp, int64_t span)
{
	return span >= FAR ? FAR : span <= 0 ? 0 : span / warp->rate * 1000 + span % warp->rate * 1000 / warp->rate;
}

static int64_t to_nsec(const struct timespec *ts)
{
	return ts->tv_sec >= FAR / NSEC ? FAR : ts->tv_sec * NSEC + ts->tv_nsec;
}

static struct timespec to_timespec(int64_t nsec)
{
	return (struct timespec){ .tv_sec = nsec / NSEC, .tv_nsec = nsec % NSEC };
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	struct warp warp;

	if (!shared || !is_warped(clock))
		return (int) syscall(SYS_clock_gettime, clock, ts);
	warp = read_warp();
	*ts = to_timespec(warped_time(&warp, clock));
	return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void) zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){ .tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000 };
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}

int adjtimex(struct timex *timex)
{
	int r = (int) syscall(SYS_adjtimex, timex);

	if (!shared)
		return r;
	if (r < 0)
		memset(timex, 0, sizeof(*timex));
	timex->status = read_warp().synchronised ? timex->status & ~STA_UNSYNC : timex->status | STA_UNSYNC;
	return read_warp().synchronised ? TIME_OK : TIME_ERROR;
}

/* ---- timers ---- */

static void arm(int fd, const struct timer *timer, const struct warp *warp)
{
	struct itimerspec spec = { 0 };
	int64_t left;

	if (timer->deadline != NEVER) {
		left = real_span(warp, timer->deadline - warped_time(warp, timer->clock));
		spec.it_value = to_timespec(timer->cancelled || left == 0 ? 1 : left);
		if (timer->interval > 0)
			spec.it_interval = to_timespec(real_span(warp, timer->interval) + 1);
	}
	(void) syscall(SYS_timerfd_settime, fd, 0, &spec, NULL);
}

int timerfd_create(int clock, int flags)
{
	int fd = (int) syscall(SYS_timerfd_create, clock, flags);

	pthread_mutex_lock(&lock);
	if (fd >= 0 && fd < FDS)
		timers[fd] = (struct timer){ .used = true, .clock = clock, .deadline = NEVER };
	pthread_mutex_unlock(&lock);
	return fd;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	struct warp warp = read_warp();
	int64_t value = to_nsec(&new->it_value);
	struct timer *timer = &timers[fd < FDS ? fd : 0];

	if (!shared || fd >= FDS || !timer->used)
		return (int) syscall(SYS_timerfd_settime, fd, flags, new, old);
	pthread_mutex_lock(&lock);
	timer->cancelled = false;
	timer->cancel_on_set = flags & TFD_TIMER_CANCEL_ON_SET;
	timer->interval = to_nsec(&new->it_interval);
	timer->deadline = value == 0			? NEVER
			  : flags & TFD_TIMER_ABSTIME ? value
						      : warped_time(&warp, timer->clock) + value;
	arm(fd, timer, &warp);
	pthread_mutex_unlock(&lock);
	if (old)
		memset(old, 0, sizeof(*old));
	return 0;
}

ssize_t read(int fd, void *buffer, size_t size)
{
	bool cancelled = false;
	ssize_t n;

	if (shared && fd >= 0 && fd < FDS && timers[fd].used) {
		pthread_mutex_lock(&lock);
		cancelled = timers[fd].cancelled;
		timers[fd].cancelled = false;
		pthread_mutex_unlock(&lock);
	}
	n = syscall(SYS_read, fd, buffer, size);
	if (cancelled) {
		errno = ECANCELED;
		return -1;
	}
	return n;
}

int close(int fd)
{
	if (fd >= 0 && fd < FDS && timers[fd].used) {
		pthread_mutex_lock(&lock);
		timers[fd].used = false;
		pthread_mutex_unlock(&lock);
	}
	return (int) syscall(SYS_close, fd);
}

/* ---- waits: in slices, because their end may be moved ---- */

static int64_t end_of(int timeout)
{
	struct warp warp = read_warp();

	return timeout < 0 ? NEVER : warped_time(&warp, CLOCK_MONOTONIC) + timeout * (NSEC / 1000);
}

/* Real milliseconds to wait now; a timeout that is over: 0. */
static int slice(int64_t end)
{
	struct warp warp = read_warp();
	int64_t left = real_span(&warp, end - warped_time(&warp, CLOCK_MONOTONIC));

	return (int) ((left < SLICE ? left + NSEC / 1000 - 1 : SLICE) / (NSEC / 1000));
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
	int64_t end = end_of(timeout);
	int n, wait;

	if (!shared || timeout <= 0)
		return (int) syscall(SYS_epoll_pwait, epoll, events, max, timeout, NULL, 8);
	do {
		wait = slice(end);
		n = (int) syscall(SYS_epoll_pwait, epoll, events, max, wait, NULL, 8);
	} while (n == 0 && wait > 0);
	return n;
}

int poll(struct pollfd *fds, nfds_t n_fds, int timeout)
{
	int64_t end = end_of(timeout);
	struct timespec ts;
	int n, wait;

	if (!shared || timeout <= 0) {
		ts = to_timespec(timeout < 0 ? 0 : timeout * (NSEC / 1000));
		return (int) syscall(SYS_ppoll, fds, n_fds, timeout < 0 ? NULL : &ts, NULL, 8);
	}
	do {
		wait = slice(end);
		ts = to_timespec(wait * (NSEC / 1000));
		n = (int) syscall(SYS_ppoll, fds, n_fds, &ts, NULL, 8);
	} while (n == 0 && wait > 0);
	return n;
}

typedef int timedwait(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
typedef int clockwait(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);

/* The old kind of condition variable has the same name. */
static void *find(const char *name, const char *version)
{
	void *symbol = dlvsym(RTLD_NEXT, name, version);

	return symbol ? symbol : dlsym(RTLD_NEXT, name);
}

/* The end of a slice, on the real clock; a wait that is woken for nothing is looked at again by its caller. */
static bool cut(clockid_t clock, const struct timespec *end, struct timespec *ret)
{
	struct warp warp = read_warp();
	int64_t left = real_span(&warp, to_nsec(end) - warped_time(&warp, clock));

	*ret = to_timespec(real_time(clock) + (left < SLICE ? left : SLICE));
	return left > SLICE;
}

int pthread_cond_clockwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex, clockid_t clock,
	const struct timespec *restrict end)
{
	static clockwait *real;
	struct timespec ts = *end;
	bool early;
	int r;

	if (!real)
		*(void **) &real = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
	early = shared && cut(clock, end, &ts);
	r = real(cond, mutex, clock, &ts);
	return r == ETIMEDOUT && early ? 0 : r;
}

int pthread_cond_timedwait(
	pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex, const struct timespec *restrict end)
{
	static timedwait *real;
	/* Which clock it waits by is the variable's secret; but no machine has been up for thirty years. */
	clockid_t clock = end->tv_sec > 1000000000 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	struct timespec ts = *end;
	bool early;
	int r;

	if (!real)
		*(void **) &real = find("pthread_cond_timedwait", "GLIBC_2.3.2");
	early = shared && cut(clock, end, &ts);
	r = real(cond, mutex, &ts);
	return r == ETIMEDOUT && early ? 0 : r;
}

/* ---- when the file is written ---- */

static void arm_all(bool set)
{
	struct warp warp = read_warp();

	pthread_mutex_lock(&lock);
	for (int fd = 0; fd < FDS; fd++) {
		struct timer *timer = &timers[fd];

		if (!timer->used || timer->deadline == NEVER)
			continue;
		timer->cancelled = timer->cancelled || (set && timer->cancel_on_set && is_wall(timer->clock));
		arm(fd, timer, &warp);
	}
	pthread_mutex_unlock(&lock);
}

static int inotify;
static int64_t last_step;

static void *watch(void *unused)
{
	char events[4096];

	(void) unused;
	while (syscall(SYS_read, inotify, events, sizeof(events)) > 0) {
		int64_t step = read_warp().step;

		arm_all(step != last_step);
		last_step = step;
	}
	return NULL;
}

__attribute__((constructor)) static void begin(void)
{
	const char *name = getenv("FOTAD_WARP");
	int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	sigset_t all, before;
	pthread_t thread;
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(struct warp), PROT_READ, MAP_SHARED, fd, 0);
	(void) syscall(SYS_close, fd);
	if (p == MAP_FAILED)
		abort();
	inotify = inotify_init1(IN_CLOEXEC);
	if (inotify < 0 || inotify_add_watch(inotify, name, IN_MODIFY) < 0)
		abort();
	shared = p;
	last_step = read_warp().step;
	/* Signals are the program's own. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, watch, NULL) != 0)
		abort();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}
