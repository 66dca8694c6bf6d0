/*
 * The store as the manager sees it: found damaged and set aside, full and writable again, asked for what is in it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/control.h"
#include "daemon/manager-campaign.h"

#define TRY_PAUSE   (2 * SEC) /* between attempts to write what could not be written */
#define PRUNE_FIRST (1 * MINUTE) /* after the start, which has other things to do */
#define PRUNE_PAUSE (1 * HOUR)

/* sysexits(3); documented in fotad(8) */
enum { EXIT_HELD_BY_ANOTHER = 69, EXIT_NO_STATE = 73, EXIT_BAD_STATE = 74 };

static int open_once(const char *directory, struct store **ret)
{
	char boot[SD_ID128_STRING_MAX];
	sd_id128_t id = SD_ID128_NULL;

	(void) sd_id128_get_boot(&id);
	return store_open(directory, sd_id128_to_string(id, boot), ret);
}

static const char *campaign_of(const struct config *config, const struct config_modem *modem)
{
	const struct config_campaign *campaign = config_campaign_of(config, modem);

	return campaign ? campaign->name : "";
}

/* Only what the configured modems need, however many jobs there are. */
static int find_all(struct manager *g)
{
	const struct config *config = g->rules->config;
	int r = 0;

	g->stored = calloc(config->n_modems + 1, sizeof(*g->stored));
	if (!g->stored)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_modems && r == 0; i++)
		r = store_find_now(g->store, campaign_of(config, &config->modems[i]),
			config->modems[i].name, &g->stored[i]);
	return r;
}

static int open_and_find(struct manager *g)
{
	int r = open_once(g->options.state_directory, &g->store);

	if (r == 0)
		r = find_all(g);
	if (r == 0)
		r = store_last_number_now(g->store, &g->last_job_id);
	if (r == 0)
		r = manager_load_campaigns(g);
	if (r == 0)
		r = manager_load_figures(g);
	if (r < 0) {
		manager_free_campaigns(g);
		g->store = store_close(g->store);
	}
	return r;
}

/* path NULL: nothing is left of it. */
static void say_lost(struct manager *g, const char *path)
{
	struct store_history line = {
		.time = clock_realtime(),
		.who = STORE_DAEMON,
		.what = "store-lost",
	};
	struct store_change change = { .history = &line, .n_history = 1 };

	if (path)
		(void) text_format(line.detail, sizeof(line.detail), "it was damaged; it is now %.200s", path);
	else
		(void) text_format(line.detail, sizeof(line.detail), "its file was gone");
	(void) store_change(g->store, &change, MANAGER_COOKIE);
	if (path)
		log_event(LOG_ERR, LOG_MESSAGE_STORE_LOST, NULL,
			"the state in %s was damaged: what was left of it is %s, and fotad begins with an "
			"empty one",
			g->options.state_directory, path);
	else
		log_event(LOG_ERR, LOG_MESSAGE_STORE_LOST, NULL,
			"the state in %s is gone (fotad has run with it before, and there is no %s now): "
			"whether upgrades are going on is not known; fotad begins with an empty one",
			g->options.state_directory, STORE_FILE);
}

static int fail(const struct manager *g, int r, int *ret_exit)
{
	const char *why = r == -EEXIST	  ? "another fotad holds it"
			  : r == -ENOTSUP ? "it was written by a newer fotad; it is left as it is: "
					    "install that version again"
			  : r == -EUCLEAN ? "it is damaged and cannot be set aside"
					  : strerror(-r);

	*ret_exit = r == -EEXIST ? EXIT_HELD_BY_ANOTHER
		    : r == -EUCLEAN || r == -ENOTSUP || r == -ENOSPC || r == -EIO || r == -EROFS
			    ? EXIT_BAD_STATE
			    : EXIT_NO_STATE;
	log_event(LOG_ERR, LOG_MESSAGE_STORE_FAILED, NULL, "cannot use the state in %s: %s",
		g->options.state_directory, why);
	return r;
}

int manager_open_store(struct manager *g, int *ret_exit)
{
	char path[STORE_PATH_MAX];
	int r = open_and_find(g);
	bool lost = r == -EUCLEAN;

	if (lost) {
		free(g->stored);
		g->stored = NULL;
		r = store_set_aside(g->options.state_directory, clock_realtime(), path);
		if (r == 0)
			r = open_and_find(g);
	}
	if (r < 0)
		return fail(g, r, ret_exit);
	if (lost || store_was_gone(g->store))
		say_lost(g, lost ? path : NULL);
	g->store_prune = usec_add(g->started, PRUNE_FIRST);
	g->held = store_is_held(g->store);
	if (g->held)
		log_event(LOG_ERR, LOG_MESSAGE_STORE_LOST, NULL,
			"no job starts until somebody has looked and said so: fotactl acknowledge (without a "
			"bus: fotad --acknowledge --state-dir=%s, while fotad does not run)",
			g->options.state_directory);
	return 0;
}

/* The exit code of what was done to the state while no daemon runs. */
static int judge_offline(const char *directory, const char *what, int r)
{
	if (r == 0)
		return 0;
	fprintf(stderr, "fotad: cannot %s in %s: %s\n", what, directory,
		r == -EEXIST ? "fotad is running; stop it first" : strerror(-r));
	return r == -EEXIST ? EXIT_HELD_BY_ANOTHER : EXIT_BAD_STATE;
}

int manager_acknowledge(const struct manager_options *options)
{
	const char *directory = options->state_directory;
	struct store *store = NULL;
	int r = open_once(directory, &store);

	if (r == 0 && !store_is_held(store))
		printf("nothing to acknowledge in %s\n", directory);
	else if (r == 0)
		r = store_release(store, clock_realtime(), getuid());
	store_close(store);
	return judge_offline(directory, "acknowledge", r);
}

int manager_resume_stored(const struct manager_options *options, const char *campaign)
{
	const char *directory = options->state_directory;
	struct store *store = NULL;
	int r = open_once(directory, &store);

	if (r == 0) {
		r = store_resume(store, campaign, clock_realtime(), getuid());
		if (r == -ENOENT)
			printf("campaign %s is neither halted nor paused in %s\n", campaign,
				directory);
		r = r == -ENOENT ? 0 : r;
	}
	store_close(store);
	return judge_offline(directory, "resume", r);
}

bool manager_may_start(const struct manager *g)
{
	return !g->held && g->store_error == 0 && g->inhibitors == 0;
}

/* ---- full, and writable again ---- */

void manager_store_fails(struct manager *g, int error)
{
	bool first = g->store_error == 0;

	g->store_error = error;
	g->store_try = usec_add(clock_boottime(), TRY_PAUSE);
	if (!first)
		return;
	log_event(LOG_ERR, LOG_MESSAGE_STORE_FAILED, &(struct log_fields){ .attempt = -1,
		.percent = -1, .cme = -1, .reason = reason_name(REASON_STORE), .error = error },
		"cannot save the state in %s: %s; no job starts until that works again, those that "
		"run are finished",
		g->options.state_directory, strerror(-error));
	manager_wake(g);
}

static void go_on(struct modem *m, usec_t now)
{
	if (m->unsaved)
		modem_save(m, 0, now);
	if (m->reason == REASON_STORE)
		m->due = 0;
	if (m->identified && upgrade_is_holding(&m->dialogue.upgrade))
		modem_reconcile(m, now);
	modem_perform(m, now);
}

static void works(struct manager *g)
{
	usec_t now = clock_boottime();

	if (g->store_error == 0)
		return;
	g->store_error = 0;
	log_event(LOG_NOTICE, LOG_MESSAGE_STORE_WORKS, NULL,
		"the state in %s can be saved again: jobs go on", g->options.state_directory);
	manager_save_campaigns(g);
	for (size_t i = 0; i < g->n_modems; i++)
		go_on(g->modems[i], now);
	manager_wake(g);
}

static void released(struct manager *g)
{
	usec_t now = clock_boottime();

	g->held = false;
	log_event(LOG_NOTICE, LOG_MESSAGE_STORE_WORKS, NULL,
		"an operator has acknowledged the loss of the state: jobs may start");
	for (size_t i = 0; i < g->n_modems; i++)
		go_on(g->modems[i], now);
	manager_wake(g);
}

static bool try_to_save(struct manager *g, usec_t now)
{
	for (size_t i = 0; i < g->n_modems; i++) {
		struct modem *m = g->modems[i];
		struct store_modem seen = modem_seen(m);
		struct store_change change = { .modem = &seen };

		if (m->unsaved && m->job)
			modem_save(m, 0, now);
		else if (seen.imei[0] == '\0' ||
			 store_change(g->store, &change, MANAGER_COOKIE) < 0)
			continue;
		return true;
	}
	return false;
}

void manager_tend_store(struct manager *g, usec_t now)
{
	if (now >= g->store_prune) {
		g->store_prune = usec_add(now, PRUNE_PAUSE);
		(void) store_prune(g->store, clock_realtime(), MANAGER_PRUNED);
	}
	if (g->store_error == 0 || now < g->store_try)
		return;
	g->store_try = usec_add(now, TRY_PAUSE);
	if (!try_to_save(g, now))
		works(g); /* there is nothing to try it with: the next save will tell */
}

/* ---- answers ---- */

static void damaged(struct manager *g)
{
	log_event(LOG_ERR, LOG_MESSAGE_STORE_FAILED, NULL,
		"the state in %s is damaged: fotad ends, and sets it aside at its next start",
		g->options.state_directory);
	(void) store_condemn(g->options.state_directory);
	(void) sd_event_exit(g->event, EXIT_BAD_STATE);
}

static void take(struct manager *g, const struct store_completion *done)
{
	uint32_t id = (uint32_t) (done->cookie >> 32) & MANAGER_ID_MASK;
	struct modem *m = id < g->ids ? g->by_id[id] : NULL;

	if (done->cookie == MANAGER_TOLD)
		manager_take_history(g, done);
	if (done->cookie == MANAGER_LEFT)
		control_left(g, done->error, done->found);
	if (done->error == -EUCLEAN) {
		damaged(g);
		return;
	}
	if (done->cookie == MANAGER_TOLD || done->cookie == MANAGER_LEFT)
		return;
	if (done->cookie == MANAGER_PRUNED)
		return; /* what could not be forgotten now is forgotten later */
	if (done->cookie == MANAGER_WAITED) { /* nothing to write is written also on a full disk */
		control_saved(g, done->error < 0 ? done->error : g->store_error);
		return;
	}
	if (done->cookie == MANAGER_COOKIE || done->cookie == MANAGER_RELEASED) {
		if (done->error < 0)
			manager_store_fails(g, done->error);
		else if (done->cookie == MANAGER_RELEASED)
			released(g);
	} else if (done->cookie & MANAGER_FIND) {
		if (m)
			modem_found(m, done->error, done->found, clock_boottime());
		return;
	} else if (m) {
		modem_saved(m, (uint32_t) done->cookie, done->error, clock_boottime());
	}
	if (done->error == 0)
		works(g);
}

int manager_on_store(
	sd_event_source *source UNUSED, int fd UNUSED, uint32_t events UNUSED, void *userdata)
{
	struct manager *g = userdata;
	struct store_completion done;

	while (store_completion(g->store, &done)) {
		take(g, &done);
		free(done.found);
		free(done.page);
	}
	manager_untidy(g, clock_boottime());
	return 0;
}
