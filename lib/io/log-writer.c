#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/macros.h"
#include "io/log-writer.h"
#include "io/thread.h"

#define STACK_SIZE (256 * 1024)

struct backlog {
	size_t used;
	unsigned lost; /* lines that came after these and found no room */
	max_align_t bytes[LOG_BACKLOG_MAX / sizeof(max_align_t)];
};

static struct backlog backlogs[2];

static struct {
	pthread_mutex_t lock;
	pthread_cond_t filled, idle;
	const struct log_output *output;
	struct backlog *filling;
	bool running; /* there is the thread */
	bool busy; /* the thread writes the other one, or is about to */
} writer = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.filled = PTHREAD_COND_INITIALIZER,
	.idle = PTHREAD_COND_INITIALIZER,
	.filling = &backlogs[0],
};

/* Each record follows its size, both in whole units of max_align_t. */
static size_t units(size_t size)
{
	return (size + sizeof(max_align_t) - 1) / sizeof(max_align_t);
}

static void write_out(struct backlog *backlog)
{
	size_t size;

	for (size_t at = 0; at < backlog->used; at += 1 + units(size)) {
		memcpy(&size, &backlog->bytes[at], sizeof(size));
		writer.output->write(&backlog->bytes[at + 1], size);
	}
	if (backlog->lost > 0)
		writer.output->say_lost(backlog->lost);
	backlog->used = 0;
	backlog->lost = 0;
}

static void *run(void *userdata UNUSED)
{
	struct backlog *full;

	pthread_mutex_lock(&writer.lock);
	for (;;) {
		while (writer.filling->used == 0) {
			writer.busy = false;
			pthread_cond_broadcast(&writer.idle);
			pthread_cond_wait(&writer.filled, &writer.lock);
		}
		writer.busy = true;
		full = writer.filling;
		writer.filling = full == &backlogs[0] ? &backlogs[1] : &backlogs[0];
		pthread_mutex_unlock(&writer.lock);
		write_out(full);
		pthread_mutex_lock(&writer.lock);
	}
	return NULL;
}

void log_writer_open(const struct log_output *output)
{
	writer.output = output;
}

/* Where every line finds room at once, there is never a thread. */
static bool is_running(void)
{
	if (!writer.running)
		writer.running = thread_start_detached(STACK_SIZE, run, NULL) == 0;
	return writer.running;
}

bool log_writer_add(const void *record, size_t size)
{
	size_t wanted = 1 + units(size);
	struct backlog *backlog;
	bool wake;

	if (!writer.output)
		return false;
	pthread_mutex_lock(&writer.lock);
	backlog = writer.filling;
	if (!writer.busy && writer.output->write_now && writer.output->write_now(record, size)) {
		pthread_mutex_unlock(&writer.lock);
		return true;
	}
	if (!is_running()) {
		pthread_mutex_unlock(&writer.lock);
		return false;
	}
	/* Behind a lost line nothing more: else it would be said in the wrong place. */
	if (backlog->lost > 0 || wanted > ELEMENTSOF(backlog->bytes) - backlog->used) {
		backlog->lost++;
	} else {
		memcpy(&backlog->bytes[backlog->used], &size, sizeof(size));
		memcpy(&backlog->bytes[backlog->used + 1], record, size);
		backlog->used += wanted;
	}
	wake = !writer.busy;
	writer.busy = true; /* once awake it looks by itself */
	pthread_mutex_unlock(&writer.lock);
	if (wake)
		pthread_cond_signal(&writer.filled);
	return true;
}

void log_writer_flush(usec_t patience)
{
	struct timespec until = thread_time(usec_add(thread_now(), patience));
	int r = 0;

	if (!writer.output)
		return;
	pthread_mutex_lock(&writer.lock);
	while (r == 0 && (writer.busy || writer.filling->used > 0))
		r = pthread_cond_clockwait(&writer.idle, &writer.lock, CLOCK_MONOTONIC, &until);
	pthread_mutex_unlock(&writer.lock);
}
