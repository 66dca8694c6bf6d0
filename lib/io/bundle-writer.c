#include "io/bundle-writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "io/thread.h"

struct item {
	struct item *next;
	struct bundle *bundle; /* NULL: done */
	struct bundle_result result;
};

struct bundle_writer {
	const char *directory;
	pthread_t thread;
	bool running;	      /* there is a thread; the caller's only */
	unsigned outstanding; /* results owed; the caller's only */
	pthread_mutex_t lock;
	pthread_cond_t work;
	bool ending;
	unsigned n_waiting;
	struct item *waiting, *done; /* the oldest first */
};

static void append(struct item **list, struct item *item)
{
	while (*list)
		list = &(*list)->next;
	item->next = NULL;
	*list = item;
}

static struct item *take(struct item **list)
{
	struct item *item = *list;

	if (item)
		*list = item->next;
	return item;
}

/* Names sort by age. */
static int name_of(const struct bundle *b, char ret[static BUNDLE_NAME_MAX])
{
	time_t seconds = (time_t) (b->written / SEC);
	struct tm tm;
	char stamp[32];

	if (!gmtime_r(&seconds, &tm) || strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &tm) == 0)
		return -ERANGE;
	return text_format(ret, BUNDLE_NAME_MAX, "%s.%06uZ-%s-%s.json", stamp,
		(unsigned) (b->written % SEC), b->modem, reason_name(b->verdict.reason));
}

static int write_bundle(const char *directory, const struct bundle *b, char *name)
{
	char *text = NULL;
	size_t size;
	int r;

	r = name_of(b, name);
	if (r == 0)
		r = bundle_text(b, &text, &size);
	if (r == 0)
		r = bundle_file_write(
			directory, name, text, size, BUNDLE_COUNT_MAX, BUNDLE_BYTES_MAX);
	free(text);
	return r;
}

static void *run(void *userdata)
{
	struct bundle_writer *w = userdata;
	struct item *item;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->waiting && !w->ending)
			pthread_cond_wait(&w->work, &w->lock);
		item = take(&w->waiting);
		if (!item)
			break;
		w->n_waiting--;
		pthread_mutex_unlock(&w->lock);
		item->result.error = write_bundle(w->directory, item->bundle, item->result.name);
		item->bundle = bundle_free(item->bundle);
		pthread_mutex_lock(&w->lock);
		append(&w->done, item);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int start(struct bundle_writer *w)
{
	int r = w->running ? 0 : thread_start(&w->thread, NULL, run, w);

	w->running = r == 0;
	return r;
}

int bundle_writer_new(const char *directory, struct bundle_writer **ret)
{
	struct bundle_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->directory = directory;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	*ret = w;
	return 0;
}

void bundle_writer_finish(struct bundle_writer *w)
{
	if (!w->running)
		return;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	w->running = w->ending = false;
}

struct bundle_writer *bundle_writer_free(struct bundle_writer *w)
{
	struct item *item;

	if (!w)
		return NULL;
	bundle_writer_finish(w);
	while ((item = take(&w->done)))
		free(item);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

int bundle_writer_add(struct bundle_writer *w, struct bundle *b)
{
	struct item *item = calloc(1, sizeof(*item));
	int r = item ? start(w) : -ENOMEM;

	if (r == 0)
		r = text_copy(item->result.modem, sizeof(item->result.modem), b->modem);
	pthread_mutex_lock(&w->lock);
	if (r == 0 && w->n_waiting == BUNDLE_QUEUE_MAX)
		r = -ENOBUFS;
	if (r == 0) {
		item->bundle = b;
		append(&w->waiting, item);
		w->n_waiting++;
		w->outstanding++;
		pthread_cond_signal(&w->work);
	}
	pthread_mutex_unlock(&w->lock);
	if (r < 0) {
		free(item);
		bundle_free(b);
	}
	return r;
}

bool bundle_writer_result(struct bundle_writer *w, struct bundle_result *ret)
{
	struct item *item;

	if (w->outstanding == 0)
		return false;
	pthread_mutex_lock(&w->lock);
	item = take(&w->done);
	pthread_mutex_unlock(&w->lock);
	if (!item)
		return false;
	w->outstanding--;
	*ret = item->result;
	free(item);
	return true;
}
