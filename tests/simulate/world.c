/*
 * What is around the daemon: the slot with its module, the tty, the server, and what disturbs; and
 * the loop of a life.
 */
#include "tests/simulate/simulate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define BIRTH	(1000 * SEC) /* a clock that begins at 0 would hide who mistakes 0 for "never" */
#define WALL	(200 * 365 * DAY) /* ahead of that clock: room for steps to either side */
#define PACKAGE 100000	     /* bytes */

void say(const struct life *l, const char *format, ...)
{
	va_list args;

	if (!l->transcript)
		return;
	printf("%10.6f  ", (double) (l->now - BIRTH) / (double) SEC);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

struct fake_modem *world_module(struct life *l)
{
	return &l->modules[l->seat];
}

bool world_port(const struct life *l)
{
	return l->modules[l->seat].port && l->now >= l->glitch_until;
}

/* The tty is gone: what was not read yet goes with it. */
static void hang_up(struct life *l)
{
	l->tty_size = 0;
	l->hangup = true;
}

/* ---- server ---- */

static unsigned hop_of(const struct plan *p, const struct gtota_request *request)
{
	const char *name = request->type == GTOTA_FTP ? request->filename : request->url;

	for (unsigned i = 0; i < p->hops; i++)
		if (text_equal(name, p->urls[i]))
			return i;
	return HOPS_MAX;
}

static void serve(struct life *l, size_t i)
{
	const struct plan *p = &l->plan;
	struct server *s = &l->server[i];
	struct fake_modem *m = &l->modules[i];
	char head[FAKE_PACKAGE_HEAD_MAX] = "";

	s->next = usec_add(s->next, s->period);
	s->tick++;
	if (p->server_error < 0 && !s->failed && s->tick > p->download_ticks / 2) {
		s->failed = true;
		s->active = false;
		fake_modem_downloaded(m, p->server_error, head, 0, l->now);
	} else if (s->tick < p->download_ticks) {
		fake_modem_download_progress(
			m, s->tick * (PACKAGE / p->download_ticks), PACKAGE, l->now);
	} else {
		s->active = false;
		if (s->hop < p->hops)
			(void) text_format(head, sizeof(head), "FOTAD-PACKAGE %s %s %s\n",
				p->module.model,
				p->wrong_package ? "19000.1000.00.00.01" : p->versions[s->hop],
				p->versions[s->hop + 1]);
		fake_modem_downloaded(m, 0, head, strlen(head), l->now);
	}
}

/* ---- modules ---- */

static void take_effects(struct life *l, size_t i)
{
	struct fake_effect effect;

	while ((effect = fake_modem_effect(&l->modules[i])).type != FAKE_EFFECT_NONE) {
		switch (effect.type) {
		case FAKE_EFFECT_NONE:
		case FAKE_EFFECT_PORT_BACK:
			break;
		case FAKE_EFFECT_PORT_LOST:
			if (i == l->seat)
				hang_up(l);
			break;
		case FAKE_EFFECT_DOWNLOAD:
			l->server[i].active = true;
			l->server[i].hop = hop_of(&l->plan, &effect.request);
			l->server[i].tick = 0;
			l->server[i].period = l->plan.download_time / l->plan.download_ticks + 1;
			l->server[i].next = usec_add(l->now, l->server[i].period);
			break;
		case FAKE_EFFECT_ABORT:
			l->server[i].active = false;
			break;
		}
	}
}

static void fill_tty(struct life *l)
{
	size_t n;

	do {
		size_t space = sizeof(l->tty) - l->tty_size;
		char lost[256];

		n = fake_modem_output(world_module(l), space ? l->tty + l->tty_size : lost,
			space ? space : sizeof(lost), l->now);
		l->tty_size += space ? n : 0;
	} while (n > 0);
}

static void modules_work(struct life *l)
{
	for (size_t i = 0; i < ELEMENTSOF(l->modules); i++) {
		if (!l->power[i])
			continue;
		if (fake_modem_deadline(&l->modules[i]) <= l->now)
			fake_modem_advance(&l->modules[i], l->now);
		if (l->server[i].active && l->server[i].next <= l->now)
			serve(l, i);
		take_effects(l, i);
	}
	fill_tty(l);
}

static void sit(struct life *l, unsigned seat)
{
	if (l->seat == seat)
		return;
	fake_modem_host_open(world_module(l), false, l->now);
	hang_up(l);
	l->seat = seat;
	if (l->power[seat])
		return;
	l->power[seat] = true;
	fake_modem_power_on(&l->modules[seat], seat ? &l->plan.other : &l->plan.module, l->now);
}

/* ---- disturbances ---- */

void world_step_entered(struct life *l, int step)
{
	l->entries[step]++;
	for (size_t i = 0; i < l->plan.n_disturbances; i++) {
		const struct disturbance *d = &l->plan.disturbances[i];

		if (d->step != step || d->entry != l->entries[step])
			continue;
		l->armed[i] = usec_add(l->now, d->delay);
		l->armed_work[i] = l->driver.work + d->events;
	}
}

static void disturb(struct life *l, size_t i)
{
	static const char *const names[] = { "crash", "cancel", "glitch", "swap", "gap", "clock step" };
	const struct disturbance *d = &l->plan.disturbances[i];
	usec_t until = usec_add(l->now, d->duration);

	l->fired[i] = true;
	say(l, "-- %s%s%s at step %s", names[d->type], d->other_boot ? ", other boot" : "",
		d->store_lost ? ", store lost" : "",
		upgrade_step_name(&l->driver.dialogue.upgrade));
	l->disturbed[d->type]++;
	switch (d->type) {
	case DISTURBANCE_CRASH:
		l->dead_until = until;
		driver_crash(l, d);
		break;
	case DISTURBANCE_CANCEL:
		driver_cancel(l);
		break;
	case DISTURBANCE_GLITCH:
		l->glitch_until = until;
		fake_modem_host_open(world_module(l), false, l->now);
		hang_up(l);
		break;
	case DISTURBANCE_SWAP:
		l->swapped_until = until;
		sit(l, 1);
		break;
	case DISTURBANCE_GAP:
		l->gap_until = until;
		break;
	case DISTURBANCE_STEP:
		l->wall += (usec_t) d->clock_step;
		break;
	case _DISTURBANCE_MAX:
		break;
	}
}

static bool is_due(const struct life *l, size_t i)
{
	return !l->fired[i] && l->armed[i] != 0 && l->armed[i] <= l->now &&
	       l->driver.work >= l->armed_work[i] && l->driver.alive && l->gap_until <= l->now;
}

static void disturbances_work(struct life *l)
{
	for (size_t i = 0; i < l->plan.n_disturbances; i++)
		if (is_due(l, i))
			disturb(l, i);
	if (l->seat == 1 && l->swapped_until <= l->now)
		sit(l, 0);
	if (!l->driver.alive && l->dead_until <= l->now)
		driver_begin(l);
}

/* ---- the loop ---- */

static usec_t after(const struct life *l, usec_t at)
{
	return at > l->now ? at : USEC_INFINITY;
}

static usec_t next_event(const struct life *l)
{
	const struct fake_modem *m = &l->modules[l->seat];
	usec_t next = m->output_size > 0 ? usec_max(l->now, m->output_next) : USEC_INFINITY;

	for (size_t i = 0; i < ELEMENTSOF(l->modules); i++) {
		if (!l->power[i])
			continue;
		next = usec_min(next, fake_modem_deadline(&l->modules[i]));
		if (l->server[i].active)
			next = usec_min(next, l->server[i].next);
	}
	for (size_t i = 0; i < l->plan.n_disturbances; i++)
		if (!l->fired[i] && l->armed[i] != 0)
			next = usec_min(next, after(l, l->armed[i]));
	next = usec_min(next, after(l, l->swapped_until));
	next = usec_min(next, after(l, l->glitch_until));
	next = usec_min(next, after(l, l->gap_until));
	if (!l->driver.alive)
		return usec_min(next, l->dead_until);
	if (l->gap_until > l->now)
		return next;
	return usec_min(next, driver_deadline(l));
}

static usec_t lifetime(const struct plan *p)
{
	const struct timeouts *t = &p->profile.timeouts;
	usec_t round = t->download + t->return_ + 3 * t->registration + 3 * t->pdp + p->rules.max_delay;

	/* Each attempt of each hop, and a round for each thing that goes wrong. */
	return round * (p->rules.attempts * p->hops + 12);
}

static void live(struct life *l)
{
	const struct plan *p = &l->plan;

	l->power[0] = true;
	fake_modem_power_on(&l->modules[0], &p->module, l->now);
	for (size_t i = 0; i < p->n_disturbances; i++)
		if (p->disturbances[i].step < 0)
			l->armed[i] = usec_add(l->now, p->disturbances[i].delay);
	driver_begin(l);
	while (!driver_ended(l)) {
		usec_t next = next_event(l);

		if (next == USEC_INFINITY || l->now > l->end)
			break;
		l->now = usec_max(l->now, next);
		modules_work(l);
		driver_store(l);
		if (l->driver.alive && l->gap_until <= l->now)
			driver_work(l);
		judge_check(l);
		disturbances_work(l);
	}
	judge_end(l);
}

int life_run(struct life *l, const struct plan *plan, bool transcript, int only)
{
	jmp_buf out;

	/* What is not written by power-on or driver_begin() begins with zeros. */
	memset(l, 0, sizeof(*l));
	l->plan = *plan;
	l->random = plan->random;
	l->now = BIRTH;
	l->wall = WALL;
	l->end = BIRTH + lifetime(plan);
	l->linger = plan_chance(&l->random, 500) ? 1 * MINUTE : plan->profile.timeouts.download;
	l->transcript = transcript;
	l->only = only;
	l->out = &out;
	if (setjmp(out) != 0)
		return only < 0 || (int) l->violation == only ? -1 : 0;
	live(l);
	return 0;
}
