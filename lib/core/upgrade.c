#include "core/upgrade.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "core/upgrade-internal.h"

#define RESTARTS_MAX                                                                               \
	5 /* beginnings of one attempt; a module that restarts more often is not fit for it */

static void enter(struct upgrade *u, int step, usec_t now);

static bool is_past(const struct upgrade *u)
{
	return u->record.start_durable && (!u->awaited || u->step != STEP_START);
}

/* Past it, and not proven yet: may the module be flashing? */
static bool is_delicate(const struct upgrade *u)
{
	return is_past(u) && !upgrade_is_checking(u);
}

/* Is the step one of the verification, where the channel must not probe on its own (conduct 4)? */
static bool is_patient(const struct upgrade *u)
{
	return (upgrade_steps[u->step].phase == PHASE_VERIFYING && !upgrade_is_checking(u)) ||
	       u->step == STEP_START;
}

/* What follows when nobody answers. */
static enum reason of_silence(const struct upgrade *u)
{
	return upgrade_is_checking(u) && u->step != STEP_CHECK_SIGNAL ? REASON_NO_SERVICE : REASON_NO_ANSWER;
}

static int transmit(struct upgrade *u, usec_t now)
{
	const struct step *row = &upgrade_steps[u->step];

	u->pausing = false;
	u->activity = u->step == STEP_START ? now : u->activity;
	u->asked = upgrade_is_checking(u) ? now : u->asked;
	u->out->command = (struct at_command){
		.line = row->line ?: u->out->line,
		.expect = !row->prefix	   ? AT_EXPECT_NOTHING
			  : row->prefix[0] ? AT_EXPECT_PREFIX
					   : AT_EXPECT_TEXT,
		.prefix = row->prefix,
		.timeout = is_patient(u) ? USEC_INFINITY : upgrade_limit(u, row->timeout),
	};
	u->secret = false;
	if (row->build && row->build(u) < 0)
		return FAIL;
	u->prefix = u->out->command.prefix;
	u->out->secret = u->secret;
	u->tries++;
	u->wake = u->step == STEP_START ? usec_add(now, upgrade_timeouts(u)->start)
		  : is_patient(u)	? usec_add(now, upgrade_limit(u, row->timeout))
					: USEC_INFINITY;
	u->out->send = true;
	return STAY;
}

/* The attempt is over, and its verdict is said. */
static void conclude(
	struct upgrade *u, enum upgrade_outcome outcome, enum reason reason, usec_t now)
{
	bool past = u->record.start_durable;

	u->outcome = outcome;
	u->reason = reason;
	u->task = NULL;
	u->unknown = false;
	u->record.start_durable = false;
	evidence_end(u->evidence, (int) upgrade_phase(u), u->cme, now);
	if (past)
		upgrade_save(u);
	upgrade_notify(u, NOTICE_VERDICT, reason, "");
}

/* The attempt is over, or not known yet: where it goes from here. */
static void finish(struct upgrade *u, enum upgrade_outcome outcome, enum reason reason, usec_t now)
{
	u->outcome = outcome;
	u->reason = reason;
	if (outcome == OUTCOME_UNKNOWN) {
		u->unknown = true;
		evidence_end(u->evidence, (int) upgrade_phase(u), u->cme, now);
		upgrade_notify(
			u, NOTICE_VERDICT, reason, u->stranger ? "another module answers" : "");
		enter(u, u->open ? STEP_ANSWER : STEP_RETURN, now);
		return;
	}
	conclude(u, outcome, reason, now);
	enter(u,
		!u->open		     ? STEP_ABSENT
		: reason == REASON_NO_ANSWER ? STEP_REFUSED
		: u->identified		     ? STEP_HOLD
					     : STEP_SYNC,
		now);
}

static enum upgrade_outcome outcome_of(enum reason reason)
{
	return reason_class(reason) == REASON_WAITS ? OUTCOME_DEFERRED : OUTCOME_FAILED;
}

/* The end of the attempt, or of asking who it is. */
static void give_up(struct upgrade *u, enum reason reason, usec_t now)
{
	if (u->task) {
		finish(u, outcome_of(reason), reason, now);
		return;
	}
	if (u->restoring)
		upgrade_notify(u, NOTICE_RESTORED, reason, "");
	u->restoring = false;
	u->identified = false;
	upgrade_notify(u, NOTICE_REFUSED, reason, "");
	u->reason = reason;
	enter(u, STEP_REFUSED, now);
}

static void failed(struct upgrade *u, enum reason reason, usec_t now)
{
	const struct step *row = &upgrade_steps[u->step];

	if (row->otherwise == STEP_ABSENT) {
		give_up(u, reason, now);
		return;
	}
	upgrade_notify(u, NOTICE_WARNING, reason, row->name);
	enter(u, (int) row->otherwise, now);
}

static void retry(struct upgrade *u, usec_t now)
{
	const struct step *row = &upgrade_steps[u->step];
	/* A pause longer than a command's own time-out makes no sense where that was configured
	 * small. */
	usec_t pause = usec_min(row->pause, upgrade_timeouts(u)->command);
	usec_t end = usec_add(u->entered, upgrade_limit(u, row->within));
	bool over = row->within == LIMIT_NONE  ? u->tries >= row->tries
		    : upgrade_is_checking(u) ? upgrade_check_is_over(u, usec_sub(end, pause))
					       : usec_add(now, pause) > end;

	if (over) {
		failed(u, u->reason, now);
	} else {
		u->pausing = true;
		u->wake = usec_add(now, pause);
	}
}

static void apply(struct upgrade *u, int verdict, usec_t now)
{
	switch (verdict) {
	case STAY:
		return;
	case NEXT:
		enter(u, u->step + 1, now);
		return;
	case RETRY:
		retry(u, now);
		return;
	case FAIL:
		failed(u, u->reason, now);
		return;
	case OVER:
		u->identified = false;
		if (++u->restarts > RESTARTS_MAX)
			give_up(u, REASON_PORT_LOST, now);
		else
			enter(u, STEP_SYNC, now);
		return;
	case END:
		finish(u, u->outcome, u->reason, now);
		return;
	default:
		enter(u, verdict, now);
	}
}

static void handle(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	const struct step *row = &upgrade_steps[u->step];

	if (event->type != UPGRADE_EVENT_ENTER)
		u->reason = REASON_NO_ANSWER;
	apply(u, row->handler(u, event, now), now);
}

/* What is about to be written is recorded before; where nothing was sent, nothing is to be put back. */
static void remember_written(struct upgrade *u)
{
	const struct upgrade_record *r = &u->record;

	u->before.callbreak = r->callbreak.written;
	u->before.gprsfirst = r->gprsfirst.written;
	u->before.rat = r->rat.written;
	u->before.pdp = r->pdp_opened;
}

static void forget_written(struct upgrade *u)
{
	struct upgrade_record *r = &u->record;

	r->callbreak.written = u->before.callbreak;
	r->gprsfirst.written = u->before.gprsfirst;
	r->rat.written = u->before.rat;
	r->pdp_opened = u->before.pdp && r->pdp_opened;
	upgrade_save(u); /* the first record may have become durable, or may yet (conduct 13) */
}

/* The one place that changes the step. */
static void enter(struct upgrade *u, int step, usec_t now)
{
	static const struct upgrade_event entered = { .type = UPGRADE_EVENT_ENTER };
	const struct step *row;
	enum upgrade_phase phase = upgrade_steps[u->step].phase;

	if (u->awaited) /* the step is left before its command could be sent */
		forget_written(u);
	while (upgrade_steps[step].skip && upgrade_steps[step].skip(u))
		step++;
	row = &upgrade_steps[step];
	u->step = step;
	u->entered = now;
	u->wake = USEC_INFINITY;
	u->tries = u->late = 0;
	u->awaited = 0;
	u->pausing = false;
	(void) text_format(u->record.step, sizeof(u->record.step), "%s", row->name);
	if (row->phase != phase) {
		evidence_phase(u->evidence, (int) phase, now);
		upgrade_notify(u, NOTICE_PHASE, REASON_NONE, upgrade_phase_name(row->phase));
	}
	upgrade_notify(u, NOTICE_STEP, REASON_NONE, row->name);

	if (row->save)
		remember_written(u);
	if (row->save && row->save(u, now)) {
		upgrade_save(u);
		u->awaited = u->saves;
		u->wake = usec_add(now, upgrade_timeouts(u)->command);
	} else if (row->line || row->build) {
		u->reason = REASON_NO_ANSWER;
		apply(u, transmit(u, now), now);
	} else {
		handle(u, &entered, now);
	}
}

static void on_lost(struct upgrade *u, usec_t now)
{
	bool sent = is_past(u) && (u->step != STEP_START || u->line_sent);

	u->open = false;
	u->activity = now;
	u->first_read = 0;
	u->read[0] = '\0';
	if (sent) {
		u->record.left = true;
		evidence_event(u->evidence, &u->evidence->lost, now);
		if (u->record.complete) { /* the first time it goes to install; later, who knows why */
			u->record.pdp_opened = u->record.pdp_opened && u->record.restarted;
			u->record.restarted = true;
			u->record.end_open = false;
		}
		if (upgrade_steps[u->step].phase != PHASE_VERIFYING)
			u->since = now;
		upgrade_save(u);
		enter(u, STEP_RETURN, now);
		return;
	}
	if (u->record.start_durable) /* conduct 5: certainly none of its bytes reached the port */
		upgrade_take_back(u);
	if (u->step == STEP_ELSEWHERE && u->record.complete) { /* a restart, as of an own one */
		u->record.end_open = false;
		upgrade_save(u);
	}
	u->identified = false;
	if (u->restoring)
		upgrade_notify(u, NOTICE_RESTORED, REASON_PORT_LOST, "");
	u->restoring = false;
	if (u->task && ++u->restarts > RESTARTS_MAX)
		finish(u, OUTCOME_DEFERRED, REASON_PORT_LOST, now);
	else
		enter(u, STEP_ABSENT, now);
}

static void on_opened(struct upgrade *u, usec_t now)
{
	u->open = true;
	u->activity = now;
	if (is_past(u))
		evidence_event(u->evidence, &u->evidence->returned, now);
	if (u->step == STEP_RETURN) {
		if (u->resumed)
			apply(u, upgrade_listen_again(u, now), now);
		else
			enter(u, STEP_ANSWER, now);
	} else {
		enter(u, u->trusted ? STEP_SYNC : STEP_QUIET, now);
	}
}

/* A line that nobody asked for, before the point of no return. */
static bool on_unasked(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	struct gtota_report report;
	bool boot;

	if (is_past(u) || u->step == STEP_ELSEWHERE)
		return false;
	u->record.complete = u->record.failed = false; /* of an attempt that is over */
	if (!upgrade_hear(u, event->at.text, now, &report, &boot))
		return false;
	if (u->record.start_durable)
		upgrade_take_back(u);
	if (!boot) { /* conduct 10: somebody else's attempt, or an old one of ours */
		if (u->task)
			conclude(u, OUTCOME_DEFERRED, REASON_BUSY, now);
		u->restoring = false;
		u->identified = false;
		upgrade_notify(u, NOTICE_ELSEWHERE, REASON_BUSY, event->at.text);
		enter(u, STEP_ELSEWHERE, now);
	} else if (u->step != STEP_QUIET && u->step != STEP_SYNC) {
		apply(u, OVER, now);
	}
	return true;
}

static void on_at(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	const struct step *row = &upgrade_steps[u->step];
	bool commands = row->line || row->build;

	switch (event->at.type) {
	case AT_EVENT_NONE:
	case AT_EVENT_TIMEOUT: /* the channel synchronises again and then says READY or MUTE */
		return;
	case AT_EVENT_READY:
		if (commands && u->awaited == 0 && !is_delicate(u)) {
			u->reason = of_silence(u);
			apply(u, RETRY, now);
			return;
		}
		break;
	case AT_EVENT_MUTE:
		if (upgrade_is_checking(u)) { /* what runs is not known any more */
			u->first_read = 0;
			enter(u, STEP_ANSWER, now);
			return;
		}
		if (commands && !is_past(u)) { /* nor would it answer what comes `otherwise` */
			give_up(u, REASON_NO_ANSWER, now);
			return;
		}
		break;
	case AT_EVENT_UNSOLICITED:
		if (on_unasked(u, event, now))
			return;
		break;
	case AT_EVENT_OK:
	case AT_EVENT_ERROR:
		u->secret = false; /* its echo, if any, is behind us */
		if (event->at.type == AT_EVENT_ERROR)
			u->cme = at_error_number(event->at.text,
				u->profile ? u->profile->errors : AT_ERROR_STANDARD);
		break;
	}
	handle(u, event, now);
}

static void on_saved(struct upgrade *u, const struct upgrade_event *event, bool ok, usec_t now)
{
	/* After a gap SAVED may be read before its deadline is judged: what it allows is stale then. */
	bool stale = ok && now >= u->wake;

	if (!u->awaited || event->save != u->awaited)
		return; /* late: a second record has undone it (conduct 13) */
	u->awaited = 0;
	if (ok && !stale) {
		u->reason = REASON_NO_ANSWER;
		apply(u, transmit(u, now), now);
		return;
	}
	forget_written(u);
	if (upgrade_is_checking(u)) { /* no fault of the module's, which is proven and registered */
		if (!stale)
			upgrade_notify(u, NOTICE_WARNING, REASON_STORE,
				"its data connection is not checked");
		enter(u, stale ? STEP_CHECK_PDP : STEP_SERVED, now);
		return;
	}
	if (u->record.start_durable)
		upgrade_take_back(u);
	finish(u, OUTCOME_DEFERRED, REASON_STORE, now); /* only steps of an attempt await a save */
}

static void on_time(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	if (now < u->wake)
		return;
	u->wake = USEC_INFINITY;
	if (u->awaited)
		on_saved(u, &(struct upgrade_event){ .save = u->awaited }, false, now);
	else if (u->pausing)
		apply(u, transmit(u, now), now);
	else
		handle(u, event, now);
}

/* A slow port, or a gap, may part the line's first byte from its last: the module knows of it only with the last. */
static void on_sent(struct upgrade *u, bool whole, usec_t now)
{
	u->line_sent = true;
	u->line_whole = whole;
	evidence_start(u->evidence, now);
	u->activity = now;
	if (u->step == STEP_START)
		u->wake = usec_add(now, upgrade_timeouts(u)->start);
}

static void on_go(struct upgrade *u, const struct upgrade_task *task, usec_t now)
{
	if (!upgrade_is_holding(u) || upgrade_next_start(u) > now) {
		u->outcome = OUTCOME_DEFERRED;
		upgrade_notify(u, NOTICE_VERDICT, REASON_BUSY, "");
		return;
	}
	u->task = task;
	u->restarts = 0;
	u->percent = -1;
	u->cme = AT_ERROR_NONE;
	evidence_begin(u->evidence, u->identity.version, now);
	u->pdp_active = false;
	memcpy(u->record.imei, u->identity.imei, sizeof(u->record.imei));
	enter(u, STEP_SYNC, now);
}

static void on_cancel(struct upgrade *u, usec_t now)
{
	if (!u->task || is_past(u))
		return;
	if (u->record.start_durable)
		upgrade_take_back(u);
	finish(u, OUTCOME_CANCELLED, REASON_CANCELLED, now);
}

void upgrade_step(struct upgrade *u, const struct upgrade_event *event, usec_t now,
	struct upgrade_effects *ret)
{
	*ret = (struct upgrade_effects){ 0 };
	u->out = ret;
	switch (event->type) {
	case UPGRADE_EVENT_OPENED:
		on_opened(u, now);
		break;
	case UPGRADE_EVENT_LOST:
		if (u->open)
			on_lost(u, now);
		break;
	case UPGRADE_EVENT_AT:
		on_at(u, event, now);
		break;
	case UPGRADE_EVENT_SENT:
		on_sent(u, event->whole, now);
		break;
	case UPGRADE_EVENT_GO:
		on_go(u, event->task, now);
		break;
	case UPGRADE_EVENT_RESTORE:
		if (upgrade_is_holding(u)) {
			u->restoring = true;
			u->unrestored = REASON_NONE;
			enter(u, STEP_SYNC, now);
		}
		break;
	case UPGRADE_EVENT_SAVED:
		on_saved(u, event, true, now);
		break;
	case UPGRADE_EVENT_SAVE_FAILED:
		on_saved(u, event, false, now);
		break;
	case UPGRADE_EVENT_CANCEL:
		on_cancel(u, now);
		break;
	case UPGRADE_EVENT_TIME:
		on_time(u, event, now);
		break;
	case UPGRADE_EVENT_ENTER:
		break;
	}
	u->out = NULL;
}
