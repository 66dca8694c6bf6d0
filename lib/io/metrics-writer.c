/*
 * The thread that writes the file of metrics, see metrics.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/metrics.h"
#include "io/thread.h"

struct file {
	char *path, *text;
};

struct metrics_writer {
	pthread_t thread;
	bool running; /* there is a thread; the caller's only */
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct file next; /* .text NULL: none */
	bool ending, written;
	int error; /* of the last one */
};

static void drop(struct file *file)
{
	free(file->path);
	free(file->text);
	*file = (struct file){ 0 };
}

static int write_all(int fd, const char *text)
{
	size_t size = strlen(text);

	while (size > 0) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		text += n > 0 ? n : 0;
		size -= n > 0 ? (size_t) n : 0;
	}
	return 0;
}

/*
 * The other name must not end in .prom, or the node exporter would read a half file. Others are to read it, whatever the
 * umask. It need not survive a power cut: nothing is synced.
 */
static int write_file(const struct file *file)
{
	char *temporary;
	int fd, r;

	if (asprintf(&temporary, "%s.new", file->path) < 0)
		return -ENOMEM;
	(void) unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : write_all(fd, file->text);
	if (r == 0 && fchmod(fd, 0644) < 0)
		r = -errno;
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temporary, file->path) < 0)
		r = -errno;
	if (r < 0 && fd >= 0)
		(void) unlink(temporary);
	free(temporary);
	return r;
}

static void *run(void *userdata)
{
	struct metrics_writer *w = userdata;
	struct file file;
	int r;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->next.text && !w->ending)
			pthread_cond_wait(&w->work, &w->lock);
		if (!w->next.text)
			break;
		file = w->next;
		w->next = (struct file){ 0 };
		pthread_mutex_unlock(&w->lock);
		r = write_file(&file);
		drop(&file);
		pthread_mutex_lock(&w->lock);
		w->error = r;
		w->written = true;
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int start(struct metrics_writer *w)
{
	int r = w->running ? 0 : thread_start(&w->thread, NULL, run, w);

	w->running = r == 0;
	return r;
}

int metrics_writer_new(struct metrics_writer **ret)
{
	struct metrics_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	*ret = w;
	return 0;
}

struct metrics_writer *metrics_writer_free(struct metrics_writer *w)
{
	if (!w)
		return NULL;
	if (w->running) {
		pthread_mutex_lock(&w->lock);
		w->ending = true;
		pthread_cond_signal(&w->work);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	drop(&w->next);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

int metrics_writer_put(struct metrics_writer *w, const char *path, char *text)
{
	struct file file = { strdup(path), text };
	int r = file.path ? start(w) : -ENOMEM;

	if (r < 0) {
		drop(&file);
		return r;
	}
	pthread_mutex_lock(&w->lock);
	drop(&w->next);
	w->next = file;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

bool metrics_writer_result(struct metrics_writer *w, int *ret)
{
	bool written;

	pthread_mutex_lock(&w->lock);
	written = w->written;
	w->written = false;
	if (written)
		*ret = w->error;
	pthread_mutex_unlock(&w->lock);
	return written;
}
