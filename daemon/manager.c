#include "daemon/manager.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/control.h"
#include "daemon/hotplug.h"
#include "daemon/manager-campaign.h"
#include "daemon/metrics.h"
#include "daemon/recording.h"

#define SERIAL_THREADS 4
#define POLL_PERIOD    (200 * MSEC) /* while a port is not open */
#define POLL_ACCURACY  (10 * MSEC)
#define LOOK_PATIENCE  (1 * SEC)    /* no longer does a port wait for the others, whose path may be slow to follow */
#define LOOK_PAUSE     (50 * MSEC)  /* between looks that udev gives cause for */
#define REST_PERIOD    (2 * SEC)    /* while all are: then with what else wakes the loop ... */
#define REST_MOST      (4 * SEC)    /* ... or alone */
#define STATUS_PAUSE   (1 * SEC)
#define UNTIDY         (10 * SEC)   /* so long what was freed may lie about */

struct rules *rules_new(struct config *config)
{
	struct rules *rules = calloc(1, sizeof(*rules));

	if (!rules) {
		config_free(config);
		return NULL;
	}
	rules->references = 1;
	rules->config = config;
	rules->work = calloc(config->n_packages + 1, sizeof(*rules->work));
	return rules->work ? rules : rules_unref(rules);
}

struct rules *rules_ref(struct rules *rules)
{
	rules->references++;
	return rules;
}

struct rules *rules_unref(struct rules *rules)
{
	if (!rules || --rules->references > 0)
		return NULL;
	config_free(rules->config);
	free(rules->work);
	free(rules);
	return NULL;
}

static void bury(struct manager *g, size_t i)
{
	struct modem *m = g->modems[i];

	manager_forget(g, m);
	if (g->watcher)
		g->watcher->gone(g->watcher_data, m);
	g->by_id[m->id] = NULL;
	g->away -= m->lost_together;
	g->n_modems--;
	memmove(&g->modems[i], &g->modems[i + 1], (g->n_modems - i) * sizeof(struct modem *));
	modem_free(m);
}

static void bury_removed(struct manager *g)
{
	for (size_t i = g->n_modems; i-- > 0;)
		if (g->modems[i]->removed)
			bury(g, i);
	g->removed = false;
}

static void say_status(struct manager *g, usec_t now)
{
	unsigned done = 0, failed = 0;
	char status[sizeof(g->status)];

	if (now < usec_add(g->status_said, STATUS_PAUSE))
		return;
	for (size_t i = 0; i < g->n_modems; i++) {
		done += g->modems[i]->job && g->modems[i]->state == JOB_SUCCEEDED;
		failed += g->modems[i]->job && g->modems[i]->state == JOB_FAILED;
	}
	if (text_format(status, sizeof(status),
		    "Watching %zu modem%s: %u upgrading, %u done, %u failed%s", g->n_modems,
		    PLURAL(g->n_modems), g->running, done, failed,
		    g->held	     ? "; held: the state was lost, see fotactl acknowledge"
		    : g->store_error ? "; the state cannot be saved: nothing starts"
				     : "") < 0 ||
		text_equal(status, g->status))
		return;
	memcpy(g->status, status, sizeof(status));
	g->status_said = now;
	sd_notifyf(false, "STATUS=%s", status);
}

static bool is_settled(const struct manager *g, usec_t now)
{
	for (size_t i = 0; i < g->n_modems; i++)
		if (!modem_is_settled(g->modems[i], now))
			return false;
	return true;
}

static int on_dispatch(sd_event_source *source UNUSED, void *userdata)
{
	struct manager *g = userdata;
	usec_t now = clock_boottime();

	g->looked = now;
	if (g->stopping)
		return 0;
	if (g->removed)
		bury_removed(g);
	if (g->doubled) {
		g->doubled = false;
		for (size_t i = 0; i < g->n_modems; i++)
			modem_check_doubled(g->modems[i], now);
	}
	manager_ask_clock(g, now);
	manager_dispatch(g, now);
	if (g->watcher)
		g->watcher->settled(g->watcher_data);
	say_status(g, now);
	if (g->options.once && g->running == 0 && is_settled(g, now))
		return sd_event_exit(g->event, 0);
	return 0;
}

void manager_wake(struct manager *g)
{
	if (g->dispatch_source)
		(void) sd_event_source_set_enabled(g->dispatch_source, SD_EVENT_ONESHOT);
}

/* ---- what comes in ---- */

/* sd-event would wake the loop for it alone, as a timer that may be late comes with those of other programs. */
static void tend_by_the_way(struct manager *g, usec_t now)
{
	if (now < g->rest_until)
		return;
	g->rest_until = USEC_INFINITY;
	(void) sd_event_source_set_time(g->poll_source, now);
}

static void on_input(
	struct ports *ports UNUSED, struct port *port, const char *data, size_t size, usec_t now)
{
	struct modem *m = port->userdata;

	modem_log_bytes(m, false, data, size);
	dialogue_input(&m->dialogue, data, size, now);
	modem_perform(m, now);
	modem_check_noise(m, now);
	tend_by_the_way(m->manager, now);
}

static void on_hangup(struct ports *ports UNUSED, struct port *port, int error UNUSED, usec_t now)
{
	modem_lost(port->userdata, now);
}

static void on_writable(struct ports *ports UNUSED, struct port *port, usec_t now)
{
	struct modem *m = port->userdata;

	modem_perform(m, now);
}

static void on_deadline(struct ports *ports UNUSED, struct port *port, usec_t now)
{
	struct modem *m = port->userdata;

	dialogue_advance(&m->dialogue, now);
	modem_perform(m, now);
	if (modem_may_go(m, now))
		manager_ready(m->manager, m);
	else if (modem_due(m) <= now)
		manager_wake(m->manager); /* it is seen there what else it waits for, and its time has come once */
	tend_by_the_way(m->manager, now);
}

/* Only when all have looked, so that no byte goes to a tty that is another's, too (conduct 22). */
static void open_ports(struct manager *g, usec_t now)
{
	if (g->looking > 0 && now < g->look_until)
		return;
	for (size_t i = 0; i < g->n_modems; i++)
		modem_open(g->modems[i], now);
}

static void poll_after(struct manager *g, usec_t period)
{
	g->rest_until = USEC_INFINITY;
	(void) sd_event_source_set_time_relative(g->poll_source, period);
}

static bool all_open(const struct manager *g)
{
	for (size_t i = 0; i < g->n_modems; i++)
		if (g->modems[i]->port_state != MODEM_PORT_OPEN)
			return false;
	return true;
}

static void rest(struct manager *g)
{
	poll_after(g, REST_MOST);
	g->rest_until = usec_add(clock_boottime(), REST_PERIOD);
}

static void take_serial(struct manager *g)
{
	struct serial_result result;
	bool looking = g->looking > 0;

	while (serial_pool_result(g->serial, &result))
		modem_serial(result.userdata, &result, clock_boottime());
	if (looking)
		open_ports(g, clock_boottime());
}

static int on_serial(
	sd_event_source *source UNUSED, int fd UNUSED, uint32_t events UNUSED, void *userdata)
{
	struct manager *g = userdata;

	take_serial(g);
	if (all_open(g))
		rest(g);
	return 0;
}

/* Configuration, and what is on its way to the store, are freed in bursts: a third of the heap, with a thousand modems. */
void manager_untidy(struct manager *g, usec_t now)
{
	if (g->untidy == 0)
		g->untidy = now;
}

static void give_back(struct manager *g, usec_t now)
{
	if (g->untidy == 0 || now < usec_add(g->untidy, UNTIDY))
		return;
	g->untidy = 0;
	(void) malloc_trim(0);
}

static int on_poll(sd_event_source *source, uint64_t usec UNUSED, void *userdata)
{
	struct manager *g = userdata;
	usec_t now = clock_boottime();

	g->polled = now;
	take_serial(g); /* also finds what is stuck */
	open_ports(g, now);
	if (g->looking == 0 && g->look_until > 0)
		g->handover = handover_free(g->handover); /* what is not adopted by now is nobody's */
	if (g->looking == 0)
		g->look_until = usec_add(now, LOOK_PATIENCE);
	for (size_t i = 0; i < g->n_modems; i++) {
		modem_look(g->modems[i], now);
		modem_check_leaving(g->modems[i], now);
		modem_log_left_out(g->modems[i], now);
	}
	manager_explain_missing(g);
	give_back(g, now);
	recording_report(g);
	metrics_tend(g, now);
	manager_tend_neighbour(g, now);
	manager_tend_store(g, now);
	manager_look_for_routes(g, now);
	manager_check_waves(g, now);
	say_status(g, now);
	if (g->options.once)
		manager_wake(g);
	if (all_open(g))
		rest(g);
	else
		poll_after(g, POLL_PERIOD);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

void manager_watch(struct manager *g, const struct watcher *watcher, void *userdata)
{
	g->watcher = watcher;
	g->watcher_data = userdata;
}

void manager_inhibit(struct manager *g, bool inhibit)
{
	g->inhibitors += inhibit ? 1 : -1U;
	for (size_t i = 0; i < g->n_modems; i++) /* who was ready before says so again */
		manager_ready(g, g->modems[i]);
}

/* Never put off: ports that close one after the other would keep those that are back waiting. */
void manager_poll(struct manager *g)
{
	uint64_t at;

	if (g->poll_source && sd_event_source_get_time(g->poll_source, &at) >= 0 &&
		at > usec_add(clock_boottime(), POLL_PERIOD))
		poll_after(g, POLL_PERIOD);
}

void manager_look(struct manager *g, usec_t now)
{
	usec_t due = usec_add(g->polled, LOOK_PAUSE);

	poll_after(g, usec_sub(due, now));
}

/* ---- how it begins and ends ---- */

static int fail(int r, int code, int *ret_exit, const char *what)
{
	log_event(LOG_ERR, LOG_MESSAGE_STORE_FAILED, NULL, "%s: %s", what, strerror(-r));
	*ret_exit = code;
	return r;
}

static int on_soak(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
	manager_wake(userdata);
	return 0;
}

static int add_sources(struct manager *g)
{
	static const struct ports_handlers handlers = {
		.input = on_input,
		.hangup = on_hangup,
		.writable = on_writable,
		.deadline = on_deadline,
	};
	int r = serial_pool_new(SERIAL_THREADS, &g->serial);

	if (r >= 0)
		r = ports_new(g->event, &handlers, g, &g->ports);
	if (r >= 0)
		r = sd_event_add_io(g->event, &g->serial_source, serial_pool_fd(g->serial), EPOLLIN,
			on_serial, g);
	if (r >= 0)
		r = sd_event_add_io(g->event, &g->store_source, store_fd(g->store), EPOLLIN,
			manager_on_store, g);
	if (r >= 0)
		r = sd_event_add_time_relative(
			g->event, &g->poll_source, CLOCK_BOOTTIME, 0, POLL_ACCURACY, on_poll, g);
	if (r >= 0)
		r = sd_event_add_defer(g->event, &g->dispatch_source, on_dispatch, g);
	if (r >= 0)
		r = manager_watch_clock(g);
	if (r >= 0)
		r = sd_event_add_time(g->event, &g->soak_source, CLOCK_BOOTTIME, USEC_INFINITY,
			10 * MSEC, on_soak, g);
	return r;
}

int manager_add(struct manager *g, struct rules *rules, const struct config_modem *config)
{
	struct modem **p;
	int r;

	p = reallocarray(g->modems, g->n_modems + 1, sizeof(struct modem *));
	if (!p)
		return -ENOMEM;
	g->modems = p;
	p = reallocarray(g->by_id, g->ids + 1, sizeof(struct modem *));
	if (!p)
		return -ENOMEM;
	g->by_id = p;
	r = modem_new(g, rules, config, &g->modems[g->n_modems]);
	if (r < 0)
		return r;
	g->by_id[g->modems[g->n_modems]->id] = g->modems[g->n_modems];
	if (g->stored)
		modem_load(g->modems[g->n_modems], &g->stored[g->n_modems], clock_boottime());
	manager_note(g, g->modems[g->n_modems]);
	g->n_modems++;
	return 0;
}

static int add_modems(struct manager *g)
{
	const struct config *config = g->rules->config;
	int r = 0;

	for (size_t i = 0; i < config->n_modems && r >= 0; i++)
		r = manager_add(g, g->rules, &config->modems[i]);
	return r;
}

int manager_new(sd_event *event, const struct manager_options *options, struct config *config,
	struct manager **ret, int *ret_exit)
{
	struct rules *rules = rules_new(config);
	struct manager *g = calloc(1, sizeof(*g));
	int r;

	if (!rules || !g) {
		rules_unref(rules);
		free(g);
		return fail(-ENOMEM, 70, ret_exit, "cannot start");
	}
	g->options = *options;
	g->event = sd_event_ref(event);
	g->rules = rules;
	schedule_init(&g->schedule, config->max_parallel);
	g->soak_due = g->rest_until = USEC_INFINITY;
	g->operator_uid = -1;
	g->started = g->untidy = clock_boottime();
	r = manager_open_store(g, ret_exit);
	if (r >= 0)
		r = bundle_writer_new(options->state_directory, &g->bundles);
	if (r >= 0)
		r = metrics_new(&g->metrics);
	if (r >= 0) {
		r = handover_new(&g->handover);
		if (r >= 0)
			r = add_sources(g);
		if (r >= 0)
			r = manager_take_campaigns(g, rules);
		if (r >= 0)
			r = add_modems(g);
		if (r < 0)
			fail(r, 70, ret_exit, "cannot start");
	}
	if (r < 0) {
		manager_free(g);
		return r;
	}
	free(g->stored);
	g->stored = NULL;
	manager_watch_devices(g);
	*ret = g;
	return 0;
}

struct manager *manager_free(struct manager *g)
{
	usec_t now = clock_boottime();

	if (!g)
		return NULL;
	g->stopping = true;
	for (size_t i = 0; i < g->n_modems; i++)
		modem_stop(g->modems[i], now);
	manager_say_losses(g);
	manager_leave_neighbour(g);
	metrics_finish(g);
	while (g->n_modems > 0)
		modem_free(g->modems[--g->n_modems]);
	free(g->modems);
	free(g->by_id);
	free(g->stored);
	sd_event_source_disable_unref(g->serial_source);
	sd_event_source_disable_unref(g->store_source);
	sd_event_source_disable_unref(g->poll_source);
	sd_event_source_disable_unref(g->dispatch_source);
	sd_event_source_disable_unref(g->opening_source);
	sd_event_source_disable_unref(g->soak_source);
	sd_event_source_disable_unref(g->losses_source);
	hotplug_free(g->hotplug);
	clock_watch_free(g->clock_watch);
	manager_free_history(g); /* store_close() says nothing more */
	while (g->waiters)
		control_saved(g, -ECANCELED);
	while (g->left_askers)
		control_left(g, -ECANCELED, NULL);
	handover_free(g->handover);
	ports_free(g->ports);
	serial_pool_free(g->serial);
	store_close(g->store);
	if (g->bundles) {
		bundle_writer_finish(g->bundles);
		recording_report(g);
	}
	bundle_writer_free(g->bundles);
	metrics_free(g->metrics); /* last: it may wait for another disk than that of the state */
	manager_free_campaigns(g);
	rules_unref(g->rules);
	sd_event_unref(g->event);
	free(g);
	return NULL;
}
