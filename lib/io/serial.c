#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "io/serial.h"
#include "io/serial-internal.h"
#include "io/thread.h"

#define STACK_SIZE    (256 * 1024) /* a few PATH_MAX, libserialport, stdio */
#define STUCK_MAX     16	   /* threads in the hands of sick devices, beyond the pool's own */
#define CLOSE_TIMEOUT (5 * SEC)	   /* then a close no longer counts as one of the pool's threads */
#define FREE_TIMEOUT  (500 * MSEC) /* serial_pool_free() waits so long for those who are not stuck */

struct answer {
	struct answer *next;
	struct serial_result result;
};

/* A look, an open or a close, in one list at a time: waiting, then running. */
struct request {
	struct request *next;
	struct answer *answer; /* of a look or an open; NULL: given up, what comes is closed */
	int fd;		       /* of a close; -1: a look or an open */
	dev_t device;	       /* of a close */
	bool stuck;	       /* counted in pool.stuck */
	unsigned baud_rate;    /* 0: a look */
	usec_t timeout;
	usec_t deadline; /* CLOCK_MONOTONIC, while running */
	char path[];
};

struct serial_pool {
	pthread_mutex_t lock;
	pthread_cond_t work;	/* something waits, or the pool ends */
	pthread_cond_t changed; /* a request or a thread has ended */
	int event_fd;
	unsigned threads; /* wanted */
	unsigned alive, idle, stuck;
	bool ending, orphaned; /* orphaned: the last thread frees the pool */
	uint64_t tickets;
	unsigned waiting; /* requests that no thread has taken yet */
	struct request *opens, *closes, *running;
	struct answer *answers;
};

/* A singly linked list, appended to at its end. */
#define APPEND(list, item)                                                                         \
	do {                                                                                       \
		__typeof__(list) *append_p_ = &(list);                                             \
		while (*append_p_)                                                                 \
			append_p_ = &(*append_p_)->next;                                           \
		(item)->next = NULL;                                                               \
		*append_p_ = (item);                                                               \
	} while (0)

static void unlink_request(struct request **list, struct request *request)
{
	while (*list != request)
		list = &(*list)->next;
	*list = request->next;
}

static struct request *request_free(struct request *request)
{
	if (request)
		free(request->answer);
	free(request);
	return NULL;
}

static void request_freep(struct request **request)
{
	request_free(*request);
}

static void pool_destroy(struct serial_pool *pool)
{
	struct request *next;

	for (struct request *r = pool->opens; r; r = next) {
		next = r->next;
		request_free(r);
	}
	for (struct answer *a = pool->answers, *after; a; a = after) {
		after = a->next;
		free(a);
	}
	close(pool->event_fd);
	pthread_cond_destroy(&pool->changed);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

static void tell(struct serial_pool *pool)
{
	uint64_t one = 1;

	(void) !write(pool->event_fd, &one, sizeof(one));
}

/* True: tell() is to follow. What stands behind others is read with them. */
static bool post(struct serial_pool *pool, struct answer *answer)
{
	bool first = !pool->answers;

	APPEND(pool->answers, answer);
	return first;
}

/* A port that is being closed is not yet free: an open of the same device waits for that. */
static bool is_closing(const struct serial_pool *pool, dev_t device)
{
	for (const struct request *r = pool->running; r; r = r->next)
		if (r->fd >= 0 && !r->stuck && r->device == device)
			return true;
	return false;
}

static void look_or_open(struct serial_pool *pool, struct request *request, struct serial_result *ret)
{
	char path[PATH_MAX]; /* what the configured one leads to */
	bool wanted;

	ret->error = serial_resolve(request->path, path, &ret->device);
	if (ret->error != 0 || request->baud_rate == 0)
		return;
	pthread_mutex_lock(&pool->lock);
	while (request->answer && is_closing(pool, ret->device))
		pthread_cond_wait(&pool->changed, &pool->lock);
	wanted = request->answer != NULL;
	pthread_mutex_unlock(&pool->lock);
	if (wanted)
		ret->error = serial_port_open(path, ret->device, request->baud_rate, &ret->fd, &ret->holder);
}

/* With the lock. True: tell() is to follow. A descriptor that nobody waits for any more stays in *result. */
static bool deliver(struct serial_pool *pool, struct request *request, struct serial_result *result)
{
	struct answer *answer = STEAL(request->answer);

	if (!answer || pool->ending) {
		free(answer);
		return false;
	}
	result->userdata = answer->result.userdata;
	result->ticket = answer->result.ticket;
	answer->result = *result;
	result->fd = -1;
	return post(pool, answer);
}

/* Closes first: they free ports, and an open of the same port may wait behind. */
static struct request *take(struct serial_pool *pool)
{
	struct request **list = pool->closes ? &pool->closes : &pool->opens;
	struct request *request = *list;

	if (!request || (request->fd < 0 && pool->ending))
		return NULL;
	*list = request->next;
	pool->waiting--;
	APPEND(pool->running, request);
	request->deadline = usec_add(thread_now(), request->timeout);
	return request;
}

/* Without the lock; returns with it. */
static void serve(struct serial_pool *pool, struct request *request)
{
	struct serial_result result = { .fd = -1 };
	bool first = false;

	if (request->fd >= 0)
		serial_port_close(request->fd);
	else
		look_or_open(pool, request, &result);
	pthread_mutex_lock(&pool->lock);
	if (request->fd < 0)
		first = deliver(pool, request, &result);
	if (result.fd >= 0) {
		pthread_mutex_unlock(&pool->lock);
		serial_port_close(result.fd);
		pthread_mutex_lock(&pool->lock);
	}
	unlink_request(&pool->running, request);
	if (request->stuck)
		pool->stuck--;
	pthread_cond_broadcast(&pool->changed);
	pool->idle++; /* who is told and asks for more shall not start a thread: this one comes for it */
	pthread_mutex_unlock(&pool->lock);
	request_free(request);
	if (first)
		tell(pool); /* with the lock, who is woken would only wait for it */
	pthread_mutex_lock(&pool->lock);
	pool->idle--;
}

static void *run(void *userdata)
{
	struct serial_pool *pool = userdata;
	struct request *request;
	bool last;

	pthread_mutex_lock(&pool->lock);
	while (pool->alive - pool->stuck <= pool->threads) {
		request = take(pool);
		if (request) {
			pthread_mutex_unlock(&pool->lock);
			serve(pool, request);
			continue;
		}
		if (pool->ending)
			break;
		pool->idle++;
		pthread_cond_wait(&pool->work, &pool->lock);
		pool->idle--;
	}
	pool->alive--;
	last = pool->orphaned && pool->alive == 0;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	if (last)
		pool_destroy(pool);
	return NULL;
}

/* Sees that there is somebody to take what waits, once `work` is signalled. -EAGAIN: there is nobody at all. */
static int call_worker(struct serial_pool *pool)
{
	int r = 0;

	/* A signalled thread counts as idle until it runs, and what it is going to take as waiting. */
	if (pool->waiting >= pool->idle && pool->alive - pool->stuck < pool->threads && pool->stuck <= STUCK_MAX) {
		r = thread_start_detached(STACK_SIZE, run, pool);
		pool->alive += r == 0;
	}
	return pool->alive > 0 ? 0 : r;
}

int serial_pool_new(unsigned threads, struct serial_pool **ret)
{
	struct serial_pool *pool;

	if (threads == 0)
		return -EINVAL;
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool->event_fd < 0) {
		int error = -errno;

		free(pool);
		return error;
	}
	pool->threads = threads;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->changed, NULL);
	*ret = pool;
	return 0;
}

struct serial_pool *serial_pool_free(struct serial_pool *pool)
{
	struct timespec until = thread_time(thread_now() + FREE_TIMEOUT);
	struct serial_result result;
	bool last;

	if (!pool)
		return NULL;
	pthread_mutex_lock(&pool->lock);
	pool->ending = true; /* from here on nothing is posted */
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	while (serial_pool_result(pool, &result))
		if (result.fd >= 0)
			serial_close(pool, result.fd);
	pthread_mutex_lock(&pool->lock);
	while (pool->alive > pool->stuck)
		if (pthread_cond_clockwait(&pool->changed, &pool->lock, CLOCK_MONOTONIC, &until) != 0)
			break;
	pool->orphaned = true;
	last = pool->alive == 0;
	pthread_mutex_unlock(&pool->lock);
	if (last)
		pool_destroy(pool);
	return NULL;
}

int serial_pool_fd(const struct serial_pool *pool)
{
	return pool->event_fd;
}

/* One thread for one sick device: it is not asked again before the open that hangs has ended. */
static bool is_stuck(const struct serial_pool *pool, const char *path)
{
	for (const struct request *r = pool->running; r; r = r->next)
		if (r->stuck && r->fd < 0 && strcmp(r->path, path) == 0)
			return true;
	return false;
}

static int ask(struct serial_pool *pool, const char *path, unsigned baud_rate, usec_t timeout,
	void *userdata, uint64_t *ret_ticket)
{
	CLEANUP(request_freep) struct request *request = NULL;
	size_t size = strlen(path) + 1;
	int r;

	if (size > PATH_MAX)
		return -ENAMETOOLONG;
	request = calloc(1, sizeof(*request) + size);
	if (!request)
		return -ENOMEM;
	request->answer = calloc(1, sizeof(*request->answer));
	if (!request->answer)
		return -ENOMEM;
	memcpy(request->path, path, size);
	request->fd = -1;
	request->baud_rate = baud_rate;
	request->timeout = timeout;
	request->answer->result.userdata = userdata;
	request->answer->result.fd = -1;

	pthread_mutex_lock(&pool->lock);
	r = is_stuck(pool, path) ? -ETIMEDOUT : call_worker(pool);
	if (r == 0) {
		*ret_ticket = request->answer->result.ticket = ++pool->tickets;
		APPEND(pool->opens, request);
		pool->waiting++;
		request = NULL;
	}
	pthread_mutex_unlock(&pool->lock);
	pthread_cond_signal(&pool->work);
	return r;
}

int serial_look(struct serial_pool *pool, const char *path, usec_t timeout, void *userdata,
	uint64_t *ret_ticket)
{
	return ask(pool, path, 0, timeout, userdata, ret_ticket);
}

int serial_open(struct serial_pool *pool, const char *path, unsigned baud_rate, usec_t timeout,
	void *userdata, uint64_t *ret_ticket)
{
	if (baud_rate == 0 || baud_rate > INT_MAX)
		return -EINVAL;
	return ask(pool, path, baud_rate, timeout, userdata, ret_ticket);
}

static struct answer *cancel(struct serial_pool *pool, uint64_t ticket)
{
	struct answer *answer;

	for (struct request **p = &pool->opens; *p; p = &(*p)->next)
		if ((*p)->answer->result.ticket == ticket) {
			struct request *request = *p;

			*p = request->next;
			pool->waiting--;
			answer = STEAL(request->answer);
			request_free(request);
			return answer;
		}
	for (struct request *r = pool->running; r; r = r->next)
		if (r->answer && r->answer->result.ticket == ticket)
			return STEAL(r->answer);
	for (struct answer **p = &pool->answers; *p; p = &(*p)->next)
		if ((*p)->result.ticket == ticket) {
			answer = *p;
			*p = answer->next;
			return answer;
		}
	return NULL;
}

void serial_cancel(struct serial_pool *pool, uint64_t ticket)
{
	struct answer *answer;

	pthread_mutex_lock(&pool->lock);
	answer = cancel(pool, ticket);
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	if (answer && answer->result.fd >= 0)
		serial_close(pool, answer->result.fd);
	free(answer);
}

void serial_close(struct serial_pool *pool, int fd)
{
	struct request *request;
	struct stat st;
	int r;

	if (fd < 0)
		return;
	request = calloc(1, sizeof(*request));
	if (!request) {
		serial_port_close(fd); /* rather late than leaked */
		return;
	}
	request->fd = fd;
	request->timeout = CLOSE_TIMEOUT;
	if (fstat(fd, &st) == 0)
		request->device = st.st_rdev;
	pthread_mutex_lock(&pool->lock);
	r = call_worker(pool);
	pool->waiting += r == 0;
	if (r == 0)
		APPEND(pool->closes, request);
	pthread_mutex_unlock(&pool->lock);
	pthread_cond_signal(&pool->work);
	if (r < 0) {
		serial_port_close(fd);
		request_free(request);
	}
}

/* More devices are sick than there may be threads: who waits behind them is told so. */
static void give_up_waiting(struct serial_pool *pool)
{
	struct request *request;

	while (pool->stuck > STUCK_MAX && pool->alive == pool->stuck && (request = pool->opens)) {
		pool->opens = request->next;
		pool->waiting--;
		request->answer->result.error = -ETIMEDOUT;
		(void) post(pool, STEAL(request->answer)); /* who is to be told is here */
		request_free(request);
	}
}

/* For the caller, who asks for answers. Reports who is past his deadline, and lets another thread take his place. */
static void find_stuck(struct serial_pool *pool)
{
	usec_t now = 0;

	for (struct request *r = pool->running; r; r = r->next) {
		now = now ? now : thread_now();
		if (r->stuck || r->deadline > now)
			continue;
		r->stuck = true;
		pool->stuck++;
		if (r->answer && !pool->ending) {
			r->answer->result.error = -ETIMEDOUT;
			(void) post(pool, STEAL(r->answer));
		}
		pthread_cond_broadcast(&pool->changed);
		if (pool->opens || pool->closes) {
			(void) call_worker(pool);
			pthread_cond_signal(&pool->work);
		}
	}
	if (!pool->ending)
		give_up_waiting(pool);
}

bool serial_pool_result(struct serial_pool *pool, struct serial_result *ret)
{
	struct answer *answer;
	uint64_t count;

	pthread_mutex_lock(&pool->lock);
	find_stuck(pool);
	answer = pool->answers;
	if (answer)
		pool->answers = answer->next;
	else
		(void) !read(pool->event_fd, &count, sizeof(count));
	pthread_mutex_unlock(&pool->lock);
	if (!answer)
		return false;
	*ret = answer->result;
	free(answer);
	return true;
}
