/*
 * What fotad does around one dialogue (daemon/modem.c): its port, its store, the order SAVE, SEND,
 * NOTIFY.
 */
#include "tests/simulate/simulate.h"

#include <string.h>

#include "base/text.h"

#define LISTEN_FIRST (2 * SEC) /* conduct 10 */

static const struct profile *resolve(const struct profile *row, void *userdata)
{
	struct life *l = userdata;

	return text_equal(row->name, l->plan.profile.name) ? &l->plan.profile : row;
}

/* ---- store: one writer, in order ---- */

void driver_save(struct life *l, uint64_t number)
{
	struct driver *d = &l->driver;
	struct save *s;
	usec_t begin;

	if (!d->row.job)
		return;
	if (d->n_saves == SAVES_MAX) {
		violated(l, LIVE_DEADLINE, "%u saves are under way", SAVES_MAX);
		return;
	}
	s = &d->saves[d->n_saves];
	begin = d->n_saves > 0 ? usec_max(l->now, d->saves[d->n_saves - 1].done) : l->now;
	d->n_saves++;
	*s = (struct save){
		.number = number,
		.ok = !plan_chance(&l->random, l->plan.store_failures),
		.done = begin + plan_time(&l->random, 0, l->plan.store_delay),
		.row = d->row,
	};
	s->row.record = d->dialogue.upgrade.record;
	s->row.not_before =
		d->row.due > l->now ? usec_add(l->now + l->wall, d->row.due - l->now) : 0;
}

/* A row's key is the IMEI (conduct 11); until that is known it is the slot's. */
static void commit(struct driver *d, const struct row *row)
{
	if (text_equal(row->imei, d->durable.imei) || !d->durable.imei[0])
		d->durable = *row;
	else if (text_equal(row->imei, d->stored.imei))
		d->stored = *row;
}

void driver_store(struct life *l)
{
	struct driver *d = &l->driver;

	for (size_t i = 0; i < d->n_saves; i++) {
		struct save *s = &d->saves[i];

		if (s->done > l->now)
			return;
		if (!s->done_with && s->ok)
			commit(d, &s->row);
		s->done_with = true;
	}
}

static void tell_saved(struct life *l)
{
	struct driver *d = &l->driver;

	while (d->n_saves > 0 && d->saves[0].done_with) {
		struct save s = d->saves[0];

		d->n_saves--;
		memmove(&d->saves[0], &d->saves[1], d->n_saves * sizeof(s));
		if (s.number == 0)
			continue;
		say(l, "   save %u %s", (unsigned) s.number, s.ok ? "is durable" : "failed");
		dialogue_saved(&d->dialogue, s.number, s.ok, l->now);
		driver_perform(l);
	}
}

/* ---- port ---- */

/* A tty takes what it has room for; now and then that is little, and the rest waits. */
static size_t accepts(struct life *l, size_t size)
{
	struct driver *d = &l->driver;
	size_t n;

	if (!l->plan.short_writes || plan_chance(&l->random, 600))
		return size;
	n = 1 + plan_random(&l->random, size);
	if (n < size)
		d->write_at = l->now + plan_time(&l->random, 1 * MSEC,
					       l->plan.slow_writes ? 6 * SEC : 50 * MSEC);
	return n;
}

static void write_port(struct life *l)
{
	struct driver *d = &l->driver;
	const char *data;
	size_t size, n;

	while (d->open && !l->hangup && d->write_at <= l->now &&
		(size = dialogue_output(&d->dialogue, &data)) > 0) {
		n = accepts(l, size);
		judge_writes(l, data, size, n);
		fake_modem_input(world_module(l), data, n, l->now);
		dialogue_written(&d->dialogue, n, l->now);
	}
}

static void watch_step(struct life *l)
{
	struct driver *d = &l->driver;
	const struct upgrade *u = &d->dialogue.upgrade;

	if (text_equal(d->row.imei, u->record.imei))
		d->row.record = u->record;
	if (u->step == d->step && u->entered == d->step_entered)
		return;
	d->step = u->step;
	d->step_entered = u->entered;
	say(l, "   step %s", upgrade_step_name(u));
	world_step_entered(l, u->step);
}

void driver_perform(struct life *l)
{
	struct driver *d = &l->driver;
	struct upgrade_notice notice;
	uint64_t number;

	do {
		number = dialogue_take_save(&d->dialogue);
		if (number) {
			say(l, "   save %u wanted", (unsigned) number);
			driver_save(l, number);
		}
		write_port(l);
		while (dialogue_take_notice(&d->dialogue, &notice))
			driver_notice(l, &notice);
	} while (d->dialogue.save);
	watch_step(l);
}

static void close_port(struct life *l)
{
	struct driver *d = &l->driver;

	d->open = false;
	l->hangup = false;
	l->tty_size = 0;
	fake_modem_host_open(world_module(l), false, l->now);
}

static void lose_port(struct life *l)
{
	struct driver *d = &l->driver;

	say(l, "   port lost");
	d->port_event = l->now;
	judge_dropped(l, false);
	close_port(l);
	d->reopen = l->now;
	dialogue_lost(&d->dialogue, l->now);
	driver_perform(l);
}

static void open_port(struct life *l)
{
	struct driver *d = &l->driver;

	say(l, "   port open");
	d->port_event = l->now;
	d->open = true;
	d->write_at = 0;
	l->hangup = false;
	l->tty_size = 0;
	fake_modem_host_open(world_module(l), true, l->now);
	judge_opened(l);
	dialogue_opened(&d->dialogue, l->now);
	driver_perform(l);
}

static void read_port(struct life *l)
{
	struct driver *d = &l->driver;
	char data[TTY_SIZE];
	size_t size = l->tty_size;

	memcpy(data, l->tty, size);
	l->tty_size = 0;
	judge_reads(l, data, size);
	dialogue_input(&d->dialogue, data, size, l->now);
	driver_perform(l);
}

/* ---- the daemon ---- */

/* The clock of durations has gone on, or begun again; what is stored is a moment of the wall clock. */
static void take_due(struct life *l, struct row *row)
{
	usec_t longest = usec_max(l->plan.rules.max_delay, l->plan.rules.delay);
	usec_t left = job_wait_left(row->not_before, l->now + l->wall, longest);
	usec_t due = left > 0 ? l->now + left : 0;

	l->count.woke_early += row->due > l->now && due == 0;
	l->count.woke_late += due > usec_max(row->due, l->now);
	row->due = due;
}

void driver_begin(struct life *l)
{
	struct driver *d = &l->driver;
	struct upgrade_record record;
	bool lost = d->store_lost;

	d->alive = true;
	d->open = d->running = d->cancelled = d->known = false;
	d->reopen = l->now;
	d->write_at = 0;
	d->row = d->durable;
	take_due(l, &d->row);
	take_due(l, &d->parked);
	d->who = (struct upgrade_modem){
		.imei = l->plan.imei_named ? l->plan.module.imei : NULL,
		.profile = l->plan.profile_named ? &l->plan.profile : NULL,
		.resolve = resolve,
		.userdata = l,
	};
	record = d->durable.record;
	d->box.n_notices = 0;
	dialogue_init(&d->dialogue, &d->box, &d->who, &l->plan.timeouts, record.imei[0] != '\0',
		lost ? l->plan.timeouts.stall : LISTEN_FIRST);
	dialogue_lend(&d->dialogue, d->room);
	d->refused = REASON_NONE;
	d->step = -1;
	d->settled = l->now;
	if (!d->row.job)
		return;
	if (d->other_boot && record.started) /* its clock has begun again */
		record.started = l->now;
	(void) driver_make_task(l, record.from);
	dialogue_resume(&d->dialogue, &record, &d->task, l->now);
	if (record.start_durable) {
		d->row.state = d->row.state == JOB_UNKNOWN ? JOB_UNKNOWN : JOB_RUNNING;
		d->running = d->row.state == JOB_RUNNING;
	} else if (d->row.state == JOB_RUNNING || d->row.state == JOB_UNKNOWN) {
		/* the verdict's record was saved, and what follows from it was not */
		d->row.state = JOB_WAITING;
	}
	d->must_restore = job_is_final(d->row.state) && driver_must_restore(&record);
	watch_step(l);
}

/* What was on its way to the disk may have arrived, though nobody was told. */
void driver_crash(struct life *l, const struct disturbance *what)
{
	struct driver *d = &l->driver;
	size_t arrived = plan_random(&l->random, d->n_saves + 1);

	l->count.crashed[d->dialogue.upgrade.step]++;
	for (size_t i = 0; i < arrived; i++)
		if (d->saves[i].ok && !d->saves[i].done_with)
			commit(d, &d->saves[i].row);
	d->n_saves = 0;
	d->other_boot = what->other_boot;
	l->count.restarted += what->other_boot;
	l->count.emptied += what->store_lost;
	l->wall += (usec_t) what->clock_step;
	d->store_lost |= what->store_lost;
	if (what->store_lost)
		d->durable = d->stored = (struct row){ 0 };
	d->parked = d->stored;
	judge_dropped(l, true);
	close_port(l);
	d->alive = false;
	explicit_bzero(&d->dialogue, sizeof(d->dialogue));
}

usec_t driver_deadline(const struct life *l)
{
	const struct driver *d = &l->driver;
	usec_t next = usec_min(dialogue_deadline(&d->dialogue), driver_due(l));
	const char *data;

	if (l->hangup || l->tty_size > 0)
		return l->now;
	if (d->n_saves > 0)
		next = usec_min(next, d->saves[0].done);
	if (!d->open && world_port(l))
		next = usec_min(next, d->reopen);
	if (d->open && dialogue_output(&d->dialogue, &data) > 0)
		next = usec_min(next, d->write_at);
	return next;
}

/* Ports are drained before deadlines are judged (conduct 15). */
void driver_work(struct life *l)
{
	struct driver *d = &l->driver;

	d->work++;
	if (d->open && l->hangup)
		lose_port(l);
	l->hangup = false;
	if (l->tty_size > 0 && d->open)
		read_port(l);
	tell_saved(l);
	if (!d->open && world_port(l) && d->reopen <= l->now)
		open_port(l);
	if (dialogue_deadline(&d->dialogue) <= l->now) {
		dialogue_advance(&d->dialogue, l->now);
		driver_perform(l);
	}
	write_port(l);
	if (driver_may_go(l))
		driver_go(l);
}
