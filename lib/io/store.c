#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/store-work.h"
#include "io/thread.h"

#define PRUNE_BATCHES 50 /* of one store_prune() */

struct store {
	struct store_worker worker; /* the opener's until the first item, then the writer's */
	int event_fd, timer_fd;
	pthread_t writer;
	pthread_mutex_t lock;
	bool ending;
	usec_t due; /* when the waiting ones are taken, and what the timer is set to */
	struct store_items waiting, done;
};

/* ---- the thread ---- */

/* A timer wakes the thread once for each group; a condition would wake it twice, to hear of what is due and when it is. */
static void wake_at(struct store *store, usec_t at)
{
	struct itimerspec value = { .it_value = thread_time(at) };

	(void) timerfd_settime(store->timer_fd, TFD_TIMER_ABSTIME, &value, NULL); /* EINVAL alone, and it is valid */
}

static void queue(struct store *store, struct store_item *item, usec_t patience)
{
	struct store_items one = { item, item };

	item->due = usec_add(thread_now(), patience);
	pthread_mutex_lock(&store->lock);
	if (!store->waiting.first || item->due < store->due) {
		store->due = item->due;
		wake_at(store, store->due);
	}
	store_items_append(&store->waiting, &one);
	pthread_mutex_unlock(&store->lock);
}

/* Until something is due. False: it ends, and nothing is left. */
static bool wait_for_work(struct store *store)
{
	uint64_t expirations;

	while (!store->ending) {
		if (store->waiting.first && thread_now() >= store->due)
			return true;
		if (store->waiting.first)
			wake_at(store, store->due); /* again: whatever has woken it was not that */
		pthread_mutex_unlock(&store->lock);
		(void) !read(store->timer_fd, &expirations, sizeof(expirations));
		pthread_mutex_lock(&store->lock);
	}
	return store->waiting.first;
}

static void say(struct store *store)
{
	uint64_t one = 1;

	(void) !write(store->event_fd, &one, sizeof(one)); /* full is readable, too */
}

/* What no decision rests upon was not checked when the file was opened: it may be long. */
static void check_rest(struct store *store)
{
	struct store_item *item;
	int r = store_file_check(store->worker.db, "attempts");

	if (r == 0)
		r = store_file_check(store->worker.db, "history");
	item = r == -EUCLEAN ? calloc(1, sizeof(*item)) : NULL;
	if (!item)
		return;
	item->completion.error = r;
	pthread_mutex_lock(&store->lock);
	store_items_append(&store->done, &(struct store_items){ item, item });
	pthread_mutex_unlock(&store->lock);
	say(store);
}

static void *serve(void *userdata)
{
	struct store *store = userdata;
	bool checked = false;

	pthread_mutex_lock(&store->lock);
	while (wait_for_work(store)) {
		struct store_items group = { 0 }, again = { 0 };
		struct store_item *item;

		store_items_append(&group, &store->waiting);
		pthread_mutex_unlock(&store->lock);
		store_work(&store->worker, &group, &again);
		pthread_mutex_lock(&store->lock);
		store_items_append(&store->done, &group);
		pthread_mutex_unlock(&store->lock);
		say(store); /* with the lock, who is woken would only wait for it */
		while ((item = store_items_take(&again)))
			queue(store, item, 0);
		if (!checked)
			check_rest(store);
		checked = true;
		pthread_mutex_lock(&store->lock);
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

/* ---- the caller's side ---- */

int store_open(const char *directory, const char *boot_id, struct store **ret)
{
	struct store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return -ENOMEM;
	pthread_mutex_init(&store->lock, NULL);
	store->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	store->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	r = store->event_fd < 0 || store->timer_fd < 0 ? -errno : 0;
	if (r == 0)
		r = store_db_open(directory, boot_id, &store->worker.db);
	if (r == 0)
		r = thread_start(&store->writer, NULL, serve, store);
	if (r < 0) {
		store_db_close(store->worker.db);
		if (store->event_fd >= 0)
			close(store->event_fd);
		if (store->timer_fd >= 0)
			close(store->timer_fd);
		free(store);
		return r;
	}
	*ret = store;
	return 0;
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	pthread_mutex_lock(&store->lock);
	store->ending = true;
	wake_at(store, 1);
	pthread_mutex_unlock(&store->lock);
	pthread_join(store->writer, NULL);
	store_items_free(&store->done);
	store_forget_unwritten(&store->worker);
	store_db_close(store->worker.db);
	close(store->event_fd);
	close(store->timer_fd);
	pthread_mutex_destroy(&store->lock);
	free(store);
	return NULL;
}

bool store_is_held(const struct store *store)
{
	return store->worker.db->held;
}

bool store_was_gone(const struct store *store)
{
	return store->worker.db->gone;
}

int store_release(struct store *store, usec_t wall, int64_t uid)
{
	return store_db_release(store->worker.db, wall, uid);
}

int store_resume(struct store *store, const char *campaign, usec_t wall, int64_t uid)
{
	struct store_history line = { .time = wall, .who = STORE_OPERATOR, .what = "resumed", .uid = uid };
	int r = text_copy(line.campaign, sizeof(line.campaign), campaign) < 0 ? -ENOENT : 0;

	if (r == 0)
		r = store_db_begin(store->worker.db);
	if (r == 0)
		r = store_campaigns_resume(store->worker.db, campaign, wall);
	if (r == 0)
		r = store_rows_put_history(store->worker.db, &line);
	if (r == 0)
		r = store_db_commit(store->worker.db);
	if (r < 0)
		store_db_rollback(store->worker.db);
	return r;
}

int store_last_number_now(struct store *store, uint64_t *ret)
{
	sqlite3_int64 number = 0;
	int r = store_number(store->worker.db,
		"SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM meta WHERE name = 'last_number'", &number);

	if (r == 0)
		*ret = (uint64_t) number;
	return r;
}

int store_figures_now(
	struct store *store, struct store_figures *ret, size_t max, size_t *ret_n, struct store_damage *ret_damage)
{
	return store_figures_load(store->worker.db, ret, max, ret_n, ret_damage);
}

int store_load(struct store *store, struct store_job **ret, size_t *ret_n)
{
	return store_db_load(store->worker.db, ret, ret_n);
}

int store_find_now(
	struct store *store, const char *campaign, const char *modem, struct store_found *ret)
{
	return store_rows_find(store->worker.db, campaign, modem, NULL, ret);
}

int store_campaigns_now(struct store *store, struct store_campaign **ret, size_t *ret_n)
{
	return store_campaigns_load(store->worker.db, ret, ret_n);
}

static struct store_lines *copy_lines(const struct store_history *history, size_t n)
{
	struct store_lines *lines = malloc(sizeof(*lines) + n * sizeof(*history));

	if (!lines)
		return NULL;
	lines->next = NULL;
	lines->n = n;
	memcpy(lines->of, history, n * sizeof(*history));
	return lines;
}

static struct store_item *new_item(bool job, bool attempt, bool modem, bool campaign)
{
	struct store_item *item = calloc(1,
		sizeof(*item) + job * sizeof(*item->job) + attempt * sizeof(*item->attempt) +
			modem * sizeof(*item->modem) + campaign * sizeof(*item->campaign));
	char *p = (char *) (item + 1);

	if (!item)
		return NULL;
	if (job) {
		item->job = (struct store_job *) p;
		p += sizeof(*item->job);
	}
	if (attempt) {
		item->attempt = (struct store_attempt *) p;
		p += sizeof(*item->attempt);
	}
	if (modem) {
		item->modem = (struct store_modem *) p;
		p += sizeof(*item->modem);
	}
	if (campaign)
		item->campaign = (struct store_campaign *) p;
	return item;
}

int store_change(struct store *store, const struct store_change *change, uint64_t cookie)
{
	struct store_item *item = new_item(change->job, change->job && change->attempt,
		change->modem, change->campaign);

	if (!item)
		return -ENOMEM;
	item->completion.cookie = cookie;
	if (item->job)
		*item->job = *change->job;
	if (item->attempt)
		*item->attempt = *change->attempt;
	if (item->modem)
		*item->modem = *change->modem;
	if (item->campaign)
		*item->campaign = *change->campaign;
	if (change->n_history > 0) {
		item->lines = copy_lines(change->history, change->n_history);
		if (!item->lines) {
			free(item);
			return -ENOMEM;
		}
	}
	queue(store, item, change->patience);
	return 0;
}

int store_save(struct store *store, const struct store_job *job, uint64_t cookie)
{
	return store_change(store, &(struct store_change){ .job = job }, cookie);
}

int store_find(struct store *store, const char *campaign, const char *modem, const char *imei,
	uint64_t cookie)
{
	struct store_item *item = new_item(true, false, false, false);
	struct store_job *key;

	if (!item)
		return -ENOMEM;
	key = item->job;
	if (text_copy(key->campaign, sizeof(key->campaign), campaign) < 0 ||
		text_copy(key->modem, sizeof(key->modem), modem) < 0 ||
		text_copy(key->record.imei, sizeof(key->record.imei), imei ? imei : "") < 0) {
		free(item);
		return -EINVAL;
	}
	item->what = STORE_FIND;
	item->completion.cookie = cookie;
	queue(store, item, 0);
	return 0;
}

int store_history(struct store *store, const char *name, unsigned max, uint64_t cookie)
{
	struct store_item *item = new_item(false, false, true, false);

	if (!item)
		return -ENOMEM;
	if (text_copy(item->modem->name, sizeof(item->modem->name), name) < 0) {
		free(item);
		return -EINVAL;
	}
	item->what = STORE_HISTORY;
	item->completion.cookie = cookie;
	item->batches = max > 0 ? max : 1;
	queue(store, item, 0);
	return 0;
}

/* What brings no rows with it; copied. */
static int queue_plain(struct store *store, const struct store_item *plain)
{
	struct store_item *item = malloc(sizeof(*item));

	if (!item)
		return -ENOMEM;
	*item = *plain;
	queue(store, item, 0);
	return 0;
}

int store_prune(struct store *store, usec_t wall, uint64_t cookie)
{
	return queue_plain(store, &(struct store_item){ .what = STORE_PRUNE, .completion.cookie = cookie,
			.wall = wall, .batches = PRUNE_BATCHES });
}

int store_cancel(struct store *store, uint64_t number, usec_t wall, int64_t uid, uint64_t cookie)
{
	return queue_plain(store, &(struct store_item){ .what = STORE_CANCEL, .completion.cookie = cookie,
			.number = number, .wall = wall, .uid = uid });
}

int store_acknowledge(struct store *store, usec_t wall, int64_t uid, uint64_t cookie)
{
	return queue_plain(store, &(struct store_item){ .what = STORE_RELEASE, .completion.cookie = cookie,
			.wall = wall, .uid = uid });
}

int store_fd(const struct store *store)
{
	return store->event_fd;
}

bool store_completion(struct store *store, struct store_completion *ret)
{
	struct store_item *item;
	uint64_t count;

	pthread_mutex_lock(&store->lock);
	item = store_items_take(&store->done);
	if (!item)
		(void) !read(store->event_fd, &count, sizeof(count));
	pthread_mutex_unlock(&store->lock);
	if (!item)
		return false;
	*ret = item->completion;
	free(item->lines);
	free(item);
	return true;
}
