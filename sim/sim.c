#include "sim/sim.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define EVENTS_MAX   256
#define TICK	     (5 * MSEC)	 /* synthetic downloads advance together on this grid */
#define BLOCKED_WAIT (50 * MSEC) /* a host that does not read is asked again */

usec_t sim_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (usec_t) now.tv_sec * SEC + (usec_t) now.tv_nsec / 1000;
}

static void heap_put(struct sim *sim, size_t index, struct sim_modem *modem)
{
	sim->heap[index] = modem;
	modem->heap = index + 1;
}

static void sift_up(struct sim *sim, size_t index)
{
	struct sim_modem *modem = sim->heap[index];

	while (index > 0 && sim->heap[(index - 1) / 2]->due > modem->due) {
		heap_put(sim, index, sim->heap[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	heap_put(sim, index, modem);
}

static void sift_down(struct sim *sim, size_t index)
{
	struct sim_modem *modem = sim->heap[index];

	for (;;) {
		size_t child = index * 2 + 1;

		if (child >= sim->n_heap)
			break;
		if (child + 1 < sim->n_heap && sim->heap[child + 1]->due < sim->heap[child]->due)
			child++;
		if (sim->heap[child]->due >= modem->due)
			break;
		heap_put(sim, index, sim->heap[child]);
		index = child;
	}
	heap_put(sim, index, modem);
}

void sim_schedule(struct sim *sim, struct sim_modem *modem, usec_t due)
{
	if (modem->heap == 0 && due == USEC_INFINITY)
		return;
	if (modem->heap > 0 && modem->due == due)
		return;
	modem->due = due; /* "never" sinks to the bottom and stays there */
	if (modem->heap == 0)
		heap_put(sim, sim->n_heap++, modem);
	sift_up(sim, modem->heap - 1);
	sift_down(sim, modem->heap - 1);
}

static void begin_download(
	struct sim *sim, struct sim_modem *modem, const struct gtota_request *request, usec_t now)
{
	char url[FAKE_FIELD_MAX * 5];
	int r;

	if (!sim->downloads) {
		transcript_event(sim, modem, now, "download-begin offline");
		sim_offline_begin(sim, modem, request, now);
		return;
	}
	r = download_begin(sim->downloads, request, modem, now, &modem->download, url, sizeof(url));
	if (r < 0) {
		transcript_event(sim, modem, now, "download-error %s", strerror(-r));
		fake_modem_downloaded(&modem->fake, r, NULL, 0, now);
		return;
	}
	if (!sim->options->show_secrets)
		url[strcspn(url, "?")] = '\0';
	transcript_event(sim, modem, now, "download-begin %s", url);
}

static void abort_download(struct sim *sim, struct sim_modem *modem, usec_t now)
{
	transcript_event(sim, modem, now, "download-abort");
	modem->synthetic = false;
	if (modem->download)
		modem->download = download_abort(sim->downloads, modem->download);
}

static void lose_port(struct sim *sim, struct sim_modem *modem, usec_t now)
{
	sim_port_close(sim, modem);
	transcript_event(sim, modem, now, "lost");
}

static void return_port(struct sim *sim, struct sim_modem *modem, bool renumber, usec_t now)
{
	int r = sim_port_make(sim, modem, renumber);

	if (r < 0) {
		fprintf(stderr, "fota-sim: %s: no pseudo-terminal: %s\n", modem->name,
			strerror(-r));
		transcript_event(sim, modem, now, "back-error %s", strerror(-r));
		return;
	}
	transcript_event(sim, modem, now, "back /dev/pts/%u", modem->number);
}

static void perform_effects(struct sim *sim, struct sim_modem *modem, usec_t now)
{
	for (;;) {
		struct fake_effect effect = fake_modem_effect(&modem->fake);

		switch (effect.type) {
		case FAKE_EFFECT_NONE:
			return;
		case FAKE_EFFECT_PORT_LOST:
			lose_port(sim, modem, now);
			break;
		case FAKE_EFFECT_PORT_BACK:
			return_port(sim, modem, effect.renumber, now);
			break;
		case FAKE_EFFECT_DOWNLOAD:
			begin_download(sim, modem, &effect.request, now);
			break;
		case FAKE_EFFECT_ABORT:
			abort_download(sim, modem, now);
			break;
		}
	}
}

static void write_output(struct sim *sim, struct sim_modem *modem, usec_t now)
{
	while (modem->fd >= 0 && !modem->blocked) {
		size_t n = fake_modem_output(&modem->fake, modem->out, sizeof(modem->out), now);

		if (n == 0)
			return;
		transcript_out(sim, modem, modem->out, n, now);
		modem->out_size = n;
		modem->out_done = 0;
		sim_port_flush(sim, modem);
	}
}

static const char *state_name(enum fake_state state)
{
	switch (state) {
	case FAKE_OFF:
		return "off";
	case FAKE_BOOTING:
		return "booting";
	case FAKE_RUNNING:
		return "running";
	case FAKE_APPLYING:
		return "applying";
	case FAKE_DEAD:
		return "dead";
	}
	return "?";
}

static void note_changes(struct sim *sim, struct sim_modem *modem, usec_t now)
{
	const char *version = fake_modem_version(&modem->fake);
	enum fake_state state = fake_modem_state(&modem->fake);

	if (state != modem->state)
		transcript_event(sim, modem, now, "%s", state_name(state));
	if (!text_equal(version, modem->version)) {
		transcript_event(sim, modem, now, "version %s", version);
		snprintf(modem->version, sizeof(modem->version), "%s", version);
	}
	modem->state = state;
}

/* After everything that may have changed a modem. */
static void settle(struct sim *sim, struct sim_modem *modem, usec_t now)
{
	usec_t due, offline;

	write_output(sim, modem, now);
	perform_effects(sim, modem, now);
	note_changes(sim, modem, now);
	due = fake_modem_deadline(&modem->fake);
	offline = sim_offline_deadline(sim, modem, now);
	if (offline != USEC_INFINITY)
		due = usec_min(due, (offline + TICK - 1) / TICK * TICK);
	if (modem->blocked)
		due = usec_max(due, now + BLOCKED_WAIT);
	sim_schedule(sim, modem, due);
}

static void set_host(struct sim *sim, struct sim_modem *modem, bool open, usec_t now)
{
	if (modem->host_open == open)
		return;
	modem->host_open = open;
	modem->checked = false;
	modem->opened += open;
	if (!open) {
		modem->out_size = modem->out_done = 0;
		sim_port_drop_unread(modem);
	}
	fake_modem_host_open(&modem->fake, open, now);
	transcript_event(sim, modem, now, open ? "opened" : "closed");
}

/* The kernel does not tell when the slave is opened; so it is asked when it matters. */
static void look_for_host(struct sim *sim, struct sim_modem *modem, usec_t now)
{
	if (modem->fd >= 0 && !modem->host_open && sim_port_is_open(modem))
		set_host(sim, modem, true, now);
}

static void check_raw(struct sim *sim, struct sim_modem *modem, usec_t now)
{
	if (modem->checked)
		return;
	modem->checked = true;
	if (sim_port_is_raw(modem))
		return;
	modem->not_raw++;
	transcript_event(sim, modem, now, "not-raw");
}

static void on_port(struct sim *sim, struct sim_modem *modem, uint32_t events, usec_t now)
{
	char data[SIM_INPUT_MAX];

	if (events & EPOLLOUT && modem->blocked)
		sim_port_flush(sim, modem);
	while (modem->fd >= 0) {
		ssize_t n = sim_port_read(modem, data, sizeof(data));

		if (n <= 0)
			break;
		set_host(sim, modem, true, now);
		check_raw(sim, modem, now);
		transcript_in(sim, modem, data, (size_t) n, now);
		fake_modem_input(&modem->fake, data, (size_t) n, now);
		settle(sim, modem, now);
	}
	/* Asked once more: it may have been opened again since. */
	if (events & (EPOLLHUP | EPOLLERR) && modem->fd >= 0)
		set_host(sim, modem, sim_port_is_open(modem), now);
	settle(sim, modem, now);
}

static void on_deadline(struct sim *sim, struct sim_modem *modem, usec_t now)
{
	look_for_host(sim, modem, now);
	sim_offline_run(sim, modem, now);
	fake_modem_advance(&modem->fake, now);
	settle(sim, modem, now);
}

static void on_downloads(struct sim *sim, usec_t now)
{
	struct download_news news;

	downloads_run(sim->downloads, now);
	while (downloads_news(sim->downloads, &news)) {
		struct sim_modem *modem = news.userdata;

		look_for_host(sim, modem, now);
		if (news.done) {
			modem->download = NULL;
			transcript_event(sim, modem, now, "download-end %llu%s%s",
				(unsigned long long) news.received, news.error < 0 ? " " : "",
				news.error < 0 ? strerror(-news.error) : "");
			/* What comes all at once was never told: it may be too much. */
			if (news.error == 0)
				fake_modem_download_progress(&modem->fake, news.received, 0, now);
			fake_modem_downloaded(
				&modem->fake, news.error, news.head, news.head_size, now);
		} else {
			fake_modem_download_progress(&modem->fake, news.received, news.total, now);
		}
		settle(sim, modem, now);
	}
}

static void on_signal(struct sim *sim)
{
	struct signalfd_siginfo info;

	while (read(sim->signals, &info, sizeof(info)) == (ssize_t) sizeof(info)) {
		if (info.ssi_signo != SIGUSR1)
			sim->quit = true;
		else if (sim->options->truth)
			(void) truth_write(sim, sim->options->truth);
	}
}

static int timeout(const struct sim *sim, usec_t now)
{
	usec_t due = sim->n_heap > 0 ? sim->heap[0]->due : USEC_INFINITY;

	if (sim->downloads)
		due = usec_min(due, downloads_deadline(sim->downloads));
	if (due == USEC_INFINITY)
		return -1;
	due = usec_sub(due, now);
	return due > HOUR ? (int) (HOUR / MSEC) : (int) ((due + MSEC - 1) / MSEC);
}

int sim_run(struct sim *sim)
{
	struct epoll_event events[EVENTS_MAX];

	while (!sim->quit) {
		usec_t now = sim_now();
		bool fetched = false;
		int n;

		if (sim->transcript)
			fflush(sim->transcript);
		n = epoll_wait(sim->epoll, events, EVENTS_MAX, timeout(sim, now));
		if (n < 0 && errno != EINTR)
			return -errno;
		now = sim_now();
		for (int i = 0; i < n; i++) {
			void *source = events[i].data.ptr;

			if (source == sim)
				on_signal(sim);
			else if (source == sim->downloads)
				fetched = true;
			else
				on_port(sim, source, events[i].events, now);
		}
		if (sim->downloads && (fetched || downloads_deadline(sim->downloads) <= now))
			on_downloads(sim, now);
		while (sim->n_heap > 0 && sim->heap[0]->due <= now)
			on_deadline(sim, sim->heap[0], now);
	}
	return sim->options->truth ? truth_write(sim, sim->options->truth) : 0;
}

static int add_source(struct sim *sim, int fd, void *source)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = source };

	return epoll_ctl(sim->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_signals(struct sim *sim)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	sim->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return sim->signals < 0 ? -errno : add_source(sim, sim->signals, sim);
}

static int make_modems(struct sim *sim)
{
	usec_t now = sim_now();

	for (size_t i = 0; i < sim->n_modems; i++) {
		struct sim_modem *modem = &sim->modems[i];
		const struct scenario_modem *wish = &sim->scenario->modems[i];
		int r;

		modem->name = wish->name;
		fake_modem_power_on(&modem->fake, &wish->config, now);
		modem->state = fake_modem_state(&modem->fake);
		snprintf(modem->version, sizeof(modem->version), "%s", wish->config.version);
		r = sim_port_make(sim, modem, false);
		if (r < 0) {
			fprintf(stderr, "fota-sim: %s: no pseudo-terminal: %s\n", modem->name,
				strerror(-r));
			return r;
		}
		settle(sim, modem, now);
	}
	return 0;
}

/* A pseudo-terminal and two connections for each modem. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int open_transcript(struct sim *sim)
{
	if (!sim->options->transcript)
		return 0;
	sim->transcript = fopen(sim->options->transcript, "we");
	return sim->transcript ? 0 : -errno;
}

static int start(struct sim *sim)
{
	int r;

	raise_limit();
	r = open_transcript(sim);
	if (r < 0) {
		fprintf(stderr, "fota-sim: %s: %s\n", sim->options->transcript, strerror(-r));
		return r;
	}
	sim->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (sim->epoll < 0)
		return -errno;
	r = open_signals(sim);
	if (r >= 0 && !sim->options->offline)
		r = downloads_new(sim->options->rate, &sim->downloads);
	if (r >= 0 && sim->downloads)
		r = add_source(sim, downloads_fd(sim->downloads), sim->downloads);
	return r < 0 ? r : make_modems(sim);
}

int sim_new(const struct sim_options *options, const struct scenario *scenario, struct sim **ret)
{
	struct sim *sim;
	int r;

	sim = calloc(1, sizeof(*sim));
	if (!sim)
		return -ENOMEM;
	sim->options = options;
	sim->scenario = scenario;
	sim->epoll = sim->signals = -1;
	sim->modems = calloc(scenario->n_modems, sizeof(*sim->modems));
	sim->heap = calloc(scenario->n_modems, sizeof(struct sim_modem *));
	r = sim->modems && sim->heap ? 0 : -ENOMEM;
	if (r >= 0) {
		sim->n_modems = scenario->n_modems;
		for (size_t i = 0; i < sim->n_modems; i++)
			sim->modems[i].fd = -1;
		r = start(sim);
	}
	if (r < 0) {
		sim_free(sim);
		return r;
	}
	*ret = sim;
	return 0;
}

struct sim *sim_free(struct sim *sim)
{
	if (!sim)
		return NULL;
	for (size_t i = 0; i < sim->n_modems; i++)
		sim_port_close(sim, &sim->modems[i]);
	downloads_free(sim->downloads);
	if (sim->epoll >= 0)
		close(sim->epoll);
	if (sim->signals >= 0)
		close(sim->signals);
	if (sim->transcript)
		fclose(sim->transcript);
	free(sim->modems);
	free(sim->heap);
	free(sim);
	return NULL;
}
