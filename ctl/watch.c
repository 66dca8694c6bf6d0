#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/follow.h"
#include "ctl/frame.h"
#include "ctl/link.h"
#include "ctl/screen.h"
#include "ctl/text.h"

#define PACE (100 * MSEC) /* between two pictures, however much changes */
#define TICK (1 * SEC)	  /* the clock, and "in 3min" */

struct watch {
	struct ctl *ctl;
	const char *only;
	sd_event *event;
	sd_event_source *timer;
	struct follow *follow;
	bool full_screen;
	json_t *seen; /* on the screen: see struct frame */
	json_t *said; /* without a screen: the last line of each job, by its id */
};

/* ---- on the screen ---- */

static char *picture(struct watch *w, size_t columns, size_t rows)
{
	CLEANUP(fleet_clear) struct fleet fleet = { 0 };
	char advice[ADVICE_MAX];

	if (follow_look(w->follow, &fleet))
		return frame_text(
			&(struct frame){ w->ctl, &fleet, w->only, columns, rows, w->seen });
	return words("fotad is not running any more; this goes on when it is back. Start it: %s\n",
		link_systemctl(w->ctl, advice, "start"));
}

static void paint(struct watch *w)
{
	size_t columns, rows;

	screen_size(&columns, &rows);
	TEXT_AUTO text = picture(w, columns, rows);
	TEXT_AUTO whole = words("%s\nq ends", text);
	screen_paint(whole);
}

/* What was seen last stays on the terminal. */
static void leave_screen(struct watch *w)
{
	size_t columns, rows;

	screen_size(&columns, &rows);
	screen_close();
	TEXT_AUTO text = picture(w, columns, rows);
	fputs(text, stdout);
}

/* ---- as lines ---- */

static void say_job(struct watch *w, const json_t *job)
{
	TEXT_AUTO id = words("%lld", number_of(job, "id", 0));
	TEXT_AUTO line = frame_line(job);
	time_t now = (time_t) (now_realtime() / SEC);
	char clock[16] = "";
	struct tm tm;

	if (text_equal(text_of(w->said, id), line))
		return;
	json_object_set_new(w->said, id, json_string(line));
	if (localtime_r(&now, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	printf("%s %s\n", clock, line);
}

static void say_changes(struct watch *w)
{
	CLEANUP(fleet_clear) struct fleet fleet = { 0 };
	json_t *job;
	size_t i;

	if (!follow_look(w->follow, &fleet)) {
		printf("fotad is not running any more\n");
	} else {
		json_array_foreach (fleet.jobs, i, job)
			if (!w->only || text_equal(text_of(job, "modem"), w->only) ||
				text_equal(text_of(job, "campaign"), w->only))
				say_job(w, job);
	}
	/* Nobody reads any more. */
	if (fflush(stdout) != 0)
		sd_event_exit(w->event, 0);
}

/* ---- both ---- */

static int on_timer(sd_event_source *source, uint64_t now UNUSED, void *userdata)
{
	struct watch *w = userdata;
	int r;

	if (!w->full_screen) {
		say_changes(w);
		return 0;
	}
	paint(w);
	r = sd_event_source_set_time_relative(source, TICK);
	return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* Much may change at once: it is shown together. */
static void on_change(void *userdata)
{
	struct watch *w = userdata;
	usec_t next = 0, soon = 0;
	int enabled = SD_EVENT_OFF;

	(void) sd_event_now(w->event, CLOCK_MONOTONIC, &soon);
	soon += PACE;
	(void) sd_event_source_get_time(w->timer, &next);
	(void) sd_event_source_get_enabled(w->timer, &enabled);
	if (enabled != SD_EVENT_OFF && next <= soon)
		return; /* it is due already */
	(void) sd_event_source_set_time(w->timer, soon);
	(void) sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

static int on_resize(
	sd_event_source *source UNUSED, const struct signalfd_siginfo *info UNUSED, void *userdata)
{
	paint(userdata);
	return 0;
}

/* Ctrl-Z: the shell gets its terminal as it was, and fg brings the picture back. */
static int on_stop(
	sd_event_source *source UNUSED, const struct signalfd_siginfo *info UNUSED, void *userdata)
{
	screen_close();
	raise(SIGSTOP);
	if (screen_open() >= 0)
		paint(userdata);
	return 0;
}

static int on_key(sd_event_source *source UNUSED, int fd, uint32_t events UNUSED, void *userdata)
{
	struct watch *w = userdata;
	char keys[64];
	ssize_t n = read(fd, keys, sizeof(keys));

	if (n <= 0)
		return sd_event_exit(w->event, 0);
	for (ssize_t i = 0; i < n; i++)
		if (keys[i] == 'q' || keys[i] == 'Q')
			return sd_event_exit(w->event, 0);
	return 0;
}

static int add_signals(struct watch *w)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t signals;
	int r = 0;

	sigemptyset(&signals);
	for (size_t i = 0; i < ELEMENTSOF(ends); i++)
		sigaddset(&signals, ends[i]);
	if (w->full_screen) {
		sigaddset(&signals, SIGWINCH);
		sigaddset(&signals, SIGTSTP);
	}
	sigprocmask(SIG_BLOCK, &signals, NULL);
	for (size_t i = 0; r >= 0 && i < ELEMENTSOF(ends); i++)
		r = sd_event_add_signal(w->event, NULL, ends[i], NULL, NULL);
	if (r >= 0 && w->full_screen)
		r = sd_event_add_signal(w->event, NULL, SIGWINCH, on_resize, w);
	if (r >= 0 && w->full_screen)
		r = sd_event_add_signal(w->event, NULL, SIGTSTP, on_stop, w);
	if (r >= 0 && w->full_screen)
		r = sd_event_add_io(w->event, NULL, STDIN_FILENO, EPOLLIN, on_key, w);
	return r;
}

static enum ctl_exit run(struct watch *w)
{
	enum ctl_exit code;
	int r = sd_event_new(&w->event);

	if (r >= 0)
		r = add_signals(w);
	if (r >= 0)
		r = sd_event_add_time_relative(
			w->event, &w->timer, CLOCK_MONOTONIC, 0, 10 * MSEC, on_timer, w);
	if (r < 0)
		return link_complain(w->ctl, "watch", NULL, r);
	code = follow_new(w->ctl, w->event, on_change, w, &w->follow);
	if (code != CTL_DONE)
		return code;
	if (w->full_screen)
		r = screen_open();
	if (r >= 0)
		r = sd_event_loop(w->event);
	if (w->full_screen)
		leave_screen(w);
	return r < 0 ? link_complain(w->ctl, "watch", NULL, r) : CTL_DONE;
}

enum ctl_exit verb_watch(struct ctl *ctl, int argc, char **argv)
{
	struct watch w = { .ctl = ctl, .only = argc > 1 ? argv[1] : NULL };
	CLEANUP(json_decrefp) json_t *object = NULL;
	enum fleet_kind kind;
	enum ctl_exit code = CTL_DONE;

	if (ctl->json != CTL_JSON_OFF) {
		complain("watch is for people; as JSON: fotactl monitor");
		return CTL_USAGE;
	}
	if (w.only)
		code = fleet_find(ctl, w.only, &kind, &object);
	if (code != CTL_DONE)
		return code;
	if (w.only && kind == FLEET_JOB)
		w.only = text_of(object, "modem");
	w.full_screen = screen_is_possible();
	w.seen = json_object();
	w.said = json_object();
	code = run(&w);
	follow_free(&w.follow);
	json_decref(w.seen);
	json_decref(w.said);
	sd_event_source_unref(w.timer);
	sd_event_unref(w.event);
	return code;
}
