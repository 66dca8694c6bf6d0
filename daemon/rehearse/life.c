/*
 * One module and its dialogue: what fotad does around a dialogue (daemon/modem.c), and what the module and the server
 * do. A port that is back is found within POLL_PERIOD of daemon/manager.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/rehearse/rehearsal-internal.h"

#define LISTEN_FIRST (2 * SEC) /* conduct 10 */
#define POLL_PERIOD  (200 * MSEC)
#define CHUNK	     512
#define PARTS	     100 /* of a download: a report each */

static const struct profile *resolve(const struct profile *row, void *userdata)
{
	const struct life *l = userdata;

	return config_profile(l->r->config, row);
}

/* ---- server ---- */

static usec_t pass(struct pipe *pipe, uint64_t bytes, usec_t now)
{
	pipe->bytes += bytes;
	if (pipe->rate == 0)
		return now;
	pipe->free_at = usec_max(pipe->free_at, now) + bytes * SEC / pipe->rate;
	return pipe->free_at;
}

static void fetch_next(struct life *l, usec_t now)
{
	struct rehearsal *r = l->r;
	usec_t own;

	l->chunk = usec_min(l->size / PARTS + 1, l->size - l->received);
	own = usec_add(now, l->chunk * SEC / l->actor->rate);
	l->arrives = usec_max(own, pass(&r->all, l->chunk, now));
	if (r->cell_pipes)
		l->arrives =
			usec_max(l->arrives, pass(&r->cell_pipes[l->actor->cell], l->chunk, now));
}

static void begin_download(struct life *l, usec_t now)
{
	if (!l->package) /* not ours: it gets nothing */
		return;
	l->downloading = true;
	l->received = 0;
	l->size = package_bytes(l->r, l->actor, l->package);
	l->fetching = now;
	fetch_next(l, now);
}

static void finish_download(struct life *l, usec_t now)
{
	const struct package *p = l->package;
	char head[FAKE_PACKAGE_HEAD_MAX] = "";

	l->downloading = false;
	l->r->attempts[l->actor->attempt].download = now - l->fetching;
	(void) text_format(
		head, sizeof(head), "FOTAD-PACKAGE %s %s %s\n", p->model, p->from, p->to);
	fake_modem_downloaded(&l->module, 0, head, strlen(head), now);
}

static void serve(struct life *l, usec_t now)
{
	l->received += l->chunk;
	l->r->attempts[l->actor->attempt].bytes += l->chunk;
	if (l->received >= l->size) {
		finish_download(l, now);
		return;
	}
	fake_modem_download_progress(&l->module, l->received, l->size, now);
	fetch_next(l, now);
}

/* ---- fotad ---- */

static void write_port(struct life *l, usec_t now)
{
	const char *data;
	size_t size;

	while (l->open && (size = dialogue_output(&l->dialogue, &data)) > 0) {
		fake_modem_input(&l->module, data, size, now);
		dialogue_written(&l->dialogue, size, now);
	}
}

/* SAVE, then SEND, then NOTIFY; again, as long as that leads to more. */
static void perform(struct life *l, usec_t now)
{
	struct upgrade_notice notice;
	uint64_t save;

	do {
		save = dialogue_take_save(&l->dialogue);
		write_port(l, now);
		while (dialogue_take_notice(&l->dialogue, &notice))
			actor_notice(l->r, l->actor, &notice, now);
		if (save)
			dialogue_saved(&l->dialogue, save, true, now);
	} while (l->dialogue.save || l->dialogue.box->n_notices > 0);
	write_port(l, now);
}

static void lose_port(struct life *l, usec_t now)
{
	l->port = false;
	if (!l->open)
		return;
	l->open = false;
	dialogue_lost(&l->dialogue, now);
	perform(l, now);
}

static void open_port(struct life *l, usec_t now)
{
	l->open = true;
	fake_modem_host_open(&l->module, true, now);
	dialogue_opened(&l->dialogue, now);
	perform(l, now);
}

static void take_effects(struct life *l, usec_t now)
{
	struct fake_effect effect;

	while ((effect = fake_modem_effect(&l->module)).type != FAKE_EFFECT_NONE) {
		switch (effect.type) {
		case FAKE_EFFECT_NONE:
			break;
		case FAKE_EFFECT_PORT_LOST:
			lose_port(l, now);
			break;
		case FAKE_EFFECT_PORT_BACK:
			l->port = true;
			l->reopen = usec_add(now, POLL_PERIOD);
			break;
		case FAKE_EFFECT_DOWNLOAD:
			begin_download(l, now);
			break;
		case FAKE_EFFECT_ABORT:
			l->downloading = false;
			break;
		}
	}
}

static void read_port(struct life *l, usec_t now)
{
	char data[CHUNK];
	size_t n;

	while ((n = fake_modem_output(&l->module, data, sizeof(data), now)) > 0) {
		if (!l->open)
			continue;
		dialogue_input(&l->dialogue, data, n, now);
		perform(l, now);
	}
}

usec_t life_due(const struct life *l)
{
	usec_t due = usec_min(fake_modem_deadline(&l->module), dialogue_deadline(&l->dialogue));

	if (l->module.output_size > 0)
		due = usec_min(due, l->module.output_next);
	if (l->module.n_effects > 0)
		return 0;
	if (l->downloading)
		due = usec_min(due, l->arrives);
	if (l->port && !l->open)
		due = usec_min(due, l->reopen);
	return due;
}

/* Ports are drained before deadlines are judged (conduct 15). */
void life_work(struct life *l, usec_t now)
{
	perform(l, now);
	do {
		if (fake_modem_deadline(&l->module) <= now)
			fake_modem_advance(&l->module, now);
		if (l->downloading && l->arrives <= now)
			serve(l, now);
		take_effects(l, now);
		read_port(l, now);
		if (l->port && !l->open && l->reopen <= now)
			open_port(l, now);
		if (dialogue_deadline(&l->dialogue) <= now) {
			dialogue_advance(&l->dialogue, now);
			perform(l, now);
		}
	} while (life_due(l) <= now);
}

/* ---- its beginning and end ---- */

static struct life *take(struct rehearsal *r)
{
	struct life *l = r->idle;

	if (l) {
		r->idle = l->next;
		return l;
	}
	r->n_lives++;
	return calloc(1, sizeof(*l));
}

static void power_on(struct life *l, usec_t now)
{
	const struct actor *a = l->actor;
	struct fake_modem_config config = l->r->kinds[a->kind].module;

	config.seed = a->seed;
	memcpy(config.imei, a->module.imei, sizeof(config.imei));
	if (a->fault && config.n_faults < FAKE_MODEM_FAULTS_MAX)
		config.faults[config.n_faults++] = *a->fault;
	if (a->identified)
		fake_modem_wake(&l->module, &config, &a->module, now);
	else
		fake_modem_power_on(&l->module, &config, now);
}

/* A module that was spoken to before is known (conduct 10). */
int life_begin(struct rehearsal *r, struct actor *a, usec_t now)
{
	const struct config_modem *config = a->config;
	struct life *l = take(r);

	if (!l)
		return -ENOMEM;
	l->r = r;
	l->actor = a;
	a->life = l;
	power_on(l, now);
	l->port = true;
	l->open = l->downloading = false;
	l->reopen = now;
	l->package = NULL;
	l->who = (struct upgrade_modem){
		/* a copy's IMEI is its own */
		.imei = !config->imei ? NULL
			: a->copy > 0 ? a->module.imei
				      : config->imei,
		.resolve = resolve,
		.userdata = l,
	};
	if (config->profile)
		l->who.profile = config_profile(r->config, profile_by_name(config->profile));
	dialogue_init(
		&l->dialogue, &r->box, &l->who, &r->config->timeouts, a->identified, LISTEN_FIRST);
	dialogue_lend(&l->dialogue, l->room);
	dialogue_keep(&l->dialogue, &l->evidence);
	l->dialogue.upgrade.record.attempt = a->attempt_before;
	life_work(l, now);
	return 0;
}

/* A password is not asked for: a word stands for it. */
void life_go(struct life *l, const struct package *package, usec_t now)
{
	l->package = package;
	config_task(l->actor->campaign, l->actor->config, package, &l->task);
	if (package->type == GTOTA_FTP)
		l->task.request.password = "***";
	if (l->task.apn.credential)
		l->task.apn.password = "***";
	dialogue_go(&l->dialogue, &l->task, now);
}

/* A fault of what it answers, or of the port, may act on any command: such a module is not switched off. */
static bool may_act_at_power_on(const struct fake_modem *m)
{
	for (size_t i = 0; i < m->config.n_faults; i++)
		if (m->config.faults[i].type < FAKE_FAULT_SIM_PIN ||
			m->config.faults[i].type == FAKE_FAULT_FOREIGN_DOWNLOAD)
			return true;
	return false;
}

bool life_rests(const struct life *l)
{
	const struct upgrade *u = &l->dialogue.upgrade;
	const struct upgrade_record *r = &u->record;

	if (!l->port && fake_modem_deadline(&l->module) == USEC_INFINITY &&
		l->actor->state == JOB_UNKNOWN)
		return true; /* it is dead */
	return upgrade_is_holding(u) && l->open && !r->end_open && !r->callbreak.written &&
	       !r->gprsfirst.written && !r->rat.written && !r->pdp_opened &&
	       dialogue_deadline(&l->dialogue) == USEC_INFINITY && fake_modem_rests(&l->module) &&
	       !may_act_at_power_on(&l->module);
}

void life_end(struct life *l)
{
	struct actor *a = l->actor;

	fake_modem_remember(&l->module, &a->module);
	a->attempt_before = l->dialogue.upgrade.record.attempt;
	deadlines_set(&l->r->lives, &l->due, USEC_INFINITY);
	a->life = NULL;
	l->actor = NULL;
	l->next = l->r->idle;
	l->r->idle = l;
}
