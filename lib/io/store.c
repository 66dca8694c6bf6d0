#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/macros.h"
#include "io/store-internal.h"

/* A save, from store_save() to its completion. */
struct save {
	struct save *next;
	struct store_completion completion;
	struct store_job job;
};

struct saves {
	struct save *first, *last;
};

struct store {
	struct store_db *db; /* the opener's until the first save, then the writer's */
	int event_fd;
	pthread_t writer;
	pthread_mutex_t lock;
	pthread_cond_t work;
	bool ending;
	struct saves waiting, done;
};

static void saves_append(struct saves *list, struct saves *more)
{
	if (!more->first)
		return;
	if (list->last)
		list->last->next = more->first;
	else
		list->first = more->first;
	list->last = more->last;
	*more = (struct saves){ 0 };
}

static struct save *saves_take(struct saves *list)
{
	struct save *save = list->first;

	if (save) {
		list->first = save->next;
		if (!list->first)
			list->last = NULL;
	}
	return save;
}

static void saves_free(struct saves *list)
{
	struct save *save;

	while ((save = saves_take(list)))
		free(save);
}

/* One transaction for all that waited: all are durable, or none is. */
static int commit(struct store_db *db, const struct saves *group)
{
	int r;

	r = store_db_begin(db);
	for (const struct save *save = group->first; save && r == 0; save = save->next)
		r = store_db_put(db, &save->job);
	if (r == 0)
		r = store_db_commit(db);
	if (r < 0)
		store_db_rollback(db);
	return r;
}

static void *write_saves(void *userdata)
{
	struct store *store = userdata;
	uint64_t one = 1;

	pthread_mutex_lock(&store->lock);
	for (;;) {
		struct saves group = { 0 };
		int error;

		while (!store->waiting.first && !store->ending)
			pthread_cond_wait(&store->work, &store->lock);
		saves_append(&group, &store->waiting);
		if (!group.first)
			break;
		pthread_mutex_unlock(&store->lock);
		error = commit(store->db, &group);
		for (struct save *save = group.first; save; save = save->next)
			save->completion.error = error;
		pthread_mutex_lock(&store->lock);
		saves_append(&store->done, &group);
		(void) !write(store->event_fd, &one, sizeof(one)); /* full is readable, too */
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

static int start_writer(struct store *store)
{
	sigset_t all, before;
	int r;

	/* Signals are the loop's: a thread starts with what its creator blocks. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&store->writer, NULL, write_saves, store);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

int store_open(const char *directory, const char *boot_id, struct store **ret, bool *ret_boot_same)
{
	struct store *store = calloc(1, sizeof(*store));
	bool boot_same;
	int r;

	if (!store)
		return -ENOMEM;
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->work, NULL);
	store->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = store->event_fd < 0 ? -errno : 0;
	if (r == 0)
		r = store_db_open(directory, boot_id, &store->db, &boot_same);
	if (r == 0)
		r = start_writer(store);
	if (r < 0) {
		store_db_close(store->db);
		if (store->event_fd >= 0)
			close(store->event_fd);
		free(store);
		return r;
	}
	*ret_boot_same = boot_same;
	*ret = store;
	return 0;
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	pthread_mutex_lock(&store->lock);
	store->ending = true;
	pthread_cond_signal(&store->work);
	pthread_mutex_unlock(&store->lock);
	pthread_join(store->writer, NULL);
	saves_free(&store->done);
	store_db_close(store->db);
	close(store->event_fd);
	pthread_cond_destroy(&store->work);
	pthread_mutex_destroy(&store->lock);
	free(store);
	return NULL;
}

int store_load(struct store *store, struct store_job **ret, size_t *ret_n)
{
	return store_db_load(store->db, ret, ret_n);
}

int store_save(struct store *store, const struct store_job *job, uint64_t cookie)
{
	struct save *save = calloc(1, sizeof(*save));
	struct saves one = { save, save };

	if (!save)
		return -ENOMEM;
	save->job = *job;
	save->completion.cookie = cookie;
	pthread_mutex_lock(&store->lock);
	saves_append(&store->waiting, &one);
	pthread_cond_signal(&store->work);
	pthread_mutex_unlock(&store->lock);
	return 0;
}

int store_fd(const struct store *store)
{
	return store->event_fd;
}

bool store_completion(struct store *store, struct store_completion *ret)
{
	struct save *save;
	uint64_t count;

	pthread_mutex_lock(&store->lock);
	save = saves_take(&store->done);
	if (!save)
		(void) !read(store->event_fd, &count, sizeof(count));
	pthread_mutex_unlock(&store->lock);
	if (!save)
		return false;
	*ret = save->completion;
	free(save);
	return true;
}
