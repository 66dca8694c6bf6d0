#include "core/dialogue.h"

#include <string.h>

#include "core/trace.h"

static bool is_decoration(const struct upgrade_notice *notice)
{
	return notice->type == NOTICE_PROGRESS || notice->type == NOTICE_STEP;
}

/* Of reports that are read together the first of each ten percent is told, and the newest. */
static bool takes_the_last_place(const struct dialogue_box *box, const struct upgrade_notice *notice)
{
	const struct upgrade_notice *last;

	if (notice->type != NOTICE_PROGRESS || box->n_notices < 2)
		return false;
	last = &box->notices[box->n_notices - 1];
	return last[0].type == NOTICE_PROGRESS && last[-1].type == NOTICE_PROGRESS &&
	       last[0].percent / 10 == last[-1].percent / 10;
}

/* What only decorates makes room for what counts. */
static void make_room(struct dialogue_box *box)
{
	for (size_t i = 0; i < box->n_notices; i++) {
		if (!is_decoration(&box->notices[i]))
			continue;
		box->n_notices--;
		memmove(&box->notices[i], &box->notices[i + 1],
			(box->n_notices - i) * sizeof(box->notices[i]));
		return;
	}
}

static void keep_notices(struct dialogue_box *box)
{
	const struct upgrade_effects *effects = &box->effects;

	for (size_t i = 0; i < effects->n_notices; i++) {
		if (takes_the_last_place(box, &effects->notices[i]))
			box->n_notices--;
		if (box->n_notices == DIALOGUE_NOTICES_MAX)
			make_room(box);
		if (box->n_notices == DIALOGUE_NOTICES_MAX) {
			box->notices_lost += !is_decoration(&effects->notices[i]);
			continue;
		}
		box->notices[box->n_notices++] = effects->notices[i];
	}
}

/* Gives up what is in flight and, unasked, the probe that would synchronise: a line that was begun is finished. */
static void hush(struct at_channel *c, usec_t now)
{
	struct at_event mute;

	at_channel_sync(c, 1, now);
	at_channel_advance(c, at_channel_deadline(c), &mute);
}

static void note(struct dialogue *d, enum trace_type type, uint64_t number, usec_t now)
{
	if (d->trace)
		trace_call(d->trace, d, type, number, now);
}

static void deliver(struct dialogue *d, const struct upgrade_event *event, usec_t now)
{
	struct upgrade_effects *effects = &d->box->effects;

	upgrade_step(&d->upgrade, event, now, effects);
	if (effects->save)
		d->save = effects->save;
	if (effects->sync)
		at_channel_sync(&d->channel, effects->sync, now);
	if (effects->hush)
		hush(&d->channel, now);
	if (effects->send) {
		/* The upgrade sends only to a ready channel; if that ever fails, its own deadline
		 * says so. */
		(void) at_channel_send(&d->channel, &effects->command, now);
		if (effects->secret)
			explicit_bzero(effects->line, sizeof(effects->line));
	}
	keep_notices(d->box);
}

void dialogue_init(struct dialogue *d, struct dialogue_box *box, const struct upgrade_modem *modem,
	const struct timeouts *timeouts, bool trusted, usec_t quiet)
{
	at_channel_init(&d->channel);
	upgrade_init(&d->upgrade, modem, timeouts, trusted, quiet, &box->evidence);
	d->save = 0;
	d->noise = 0;
	d->box = box;
	d->trace = NULL;
}

void dialogue_lend(struct dialogue *d, char *room)
{
	at_channel_lend(&d->channel, room);
}

bool dialogue_reclaim(struct dialogue *d)
{
	return at_channel_reclaim(&d->channel);
}

void dialogue_keep(struct dialogue *d, struct evidence *evidence)
{
	d->upgrade.evidence = evidence ?: &d->box->evidence;
}

void dialogue_resume(struct dialogue *d, const struct upgrade_record *record,
	const struct upgrade_task *task, usec_t now)
{
	upgrade_resume(&d->upgrade, record, task, now);
}

void dialogue_opened(struct dialogue *d, usec_t now)
{
	note(d, TRACE_OPENED, 0, now);
	at_channel_reset(&d->channel);
	deliver(d, &(struct upgrade_event){ .type = UPGRADE_EVENT_OPENED }, now);
}

void dialogue_lost(struct dialogue *d, usec_t now)
{
	note(d, TRACE_LOST, 0, now);
	at_channel_reset(&d->channel);
	deliver(d, &(struct upgrade_event){ .type = UPGRADE_EVENT_LOST }, now);
}

void dialogue_input(struct dialogue *d, const char *data, size_t size, usec_t now)
{
	if (d->trace)
		trace_input(d->trace, d, data, size, now);
	while (size > 0) {
		struct upgrade_event event = { .type = UPGRADE_EVENT_AT };
		size_t n = at_channel_feed(&d->channel, data, size, now, &event.at);

		data += n;
		size -= n;
		d->noise += n;
		if (event.at.type == AT_EVENT_NONE)
			continue;
		deliver(d, &event, now);
		if (event.at.type != AT_EVENT_UNSOLICITED || d->upgrade.activity == now)
			d->noise = 0; /* an answer, or a report or boot text */
	}
}

void dialogue_go(struct dialogue *d, const struct upgrade_task *task, usec_t now)
{
	note(d, TRACE_GO, 0, now);
	deliver(d, &(struct upgrade_event){ .type = UPGRADE_EVENT_GO, .task = task }, now);
}

void dialogue_restore(struct dialogue *d, usec_t now)
{
	note(d, TRACE_RESTORE, 0, now);
	deliver(d, &(struct upgrade_event){ .type = UPGRADE_EVENT_RESTORE }, now);
}

void dialogue_cancel(struct dialogue *d, usec_t now)
{
	note(d, TRACE_CANCEL, 0, now);
	deliver(d, &(struct upgrade_event){ .type = UPGRADE_EVENT_CANCEL }, now);
}

void dialogue_saved(struct dialogue *d, uint64_t save, bool ok, usec_t now)
{
	struct upgrade_event event = {
		.type = ok ? UPGRADE_EVENT_SAVED : UPGRADE_EVENT_SAVE_FAILED,
		.save = save,
	};

	note(d, ok ? TRACE_SAVED : TRACE_SAVE_FAILED, save, now);
	deliver(d, &event, now);
}

void dialogue_advance(struct dialogue *d, usec_t now)
{
	if (dialogue_deadline(d) <= now)
		note(d, TRACE_ADVANCE, 0, now);
	while (at_channel_deadline(&d->channel) <= now) {
		struct upgrade_event event = { .type = UPGRADE_EVENT_AT };

		at_channel_advance(&d->channel, now, &event.at);
		if (event.at.type != AT_EVENT_NONE)
			deliver(d, &event, now);
	}
	while (upgrade_deadline(&d->upgrade) <= now)
		deliver(d, &(struct upgrade_event){ .type = UPGRADE_EVENT_TIME }, now);
}

usec_t dialogue_deadline(const struct dialogue *d)
{
	return usec_min(at_channel_deadline(&d->channel), upgrade_deadline(&d->upgrade));
}

uint64_t dialogue_take_save(struct dialogue *d)
{
	uint64_t save = d->save;

	if (save && d->trace)
		trace_effect(d->trace, TRACE_SAVE, save);
	d->save = 0;
	return save;
}

size_t dialogue_output(const struct dialogue *d, const char **ret)
{
	/* Save, then act: while a save is to be taken nothing goes out (conduct 13). */
	if (d->save)
		return 0;
	return at_channel_output(&d->channel, ret);
}

void dialogue_written(struct dialogue *d, size_t size, usec_t now)
{
	struct upgrade_event event = { .type = UPGRADE_EVENT_SENT };

	if (d->trace && size > 0)
		trace_output(d->trace, d, size, now);
	at_channel_written(&d->channel, size);
	event.whole = d->channel.output_done == d->channel.output_size;
	if (size > 0 && upgrade_past_no_return(&d->upgrade) && !d->upgrade.line_whole)
		deliver(d, &event, now);
}

bool dialogue_take_notice(struct dialogue *d, struct upgrade_notice *ret)
{
	struct dialogue_box *box = d->box;

	if (box->n_notices == 0)
		return false;
	*ret = box->notices[0];
	if (d->trace && ret->type == NOTICE_VERDICT)
		trace_effect(d->trace, TRACE_VERDICT, trace_verdict(ret));
	memmove(box->notices, box->notices + 1, --box->n_notices * sizeof(*box->notices));
	return true;
}
