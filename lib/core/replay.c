#include "core/replay.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

static const struct profile *resolve(const struct profile *row, void *userdata)
{
	const struct replay *r = userdata;

	return text_equal(row->name, r->it->profile.name) ? &r->it->profile : row;
}

int replay_begin(struct replay *r, const struct replay_case *it)
{
	const struct profile *profile = it->profile.name ? &it->profile : NULL;

	*r = (struct replay){ .it = it };
	r->modem = (struct upgrade_modem){
		.imei = it->imei,
		.profile = it->named ? profile : NULL,
		.resolve = resolve,
		.userdata = r,
	};
	dialogue_init(&r->dialogue, &r->box, &r->modem, &it->timeouts, true, 0);
	dialogue_lend(&r->dialogue, r->room);
	/* The ring may begin before the module was known, or when another family's row was. */
	if (it->state->profile[0] && !text_equal(it->state->profile, it->profile.name))
		profile = profile_by_name(it->state->profile);
	return trace_state_apply(it->state, it->task, profile, &r->dialogue);
}

static enum replay_result differ(struct replay *r, const char *here, const char *then)
{
	if (text_format(r->difference, sizeof(r->difference), "here %s, then %s", here, then) < 0)
		r->difference[0] = '\0'; /* cannot be: both are bounded */
	return REPLAY_DIFFERENT;
}

/* ---- calls ---- */

static void feed_hidden(struct replay *r, const struct trace_entry *e)
{
	char filler[256];
	uint64_t left = e->number / 2;

	memset(filler, 'x', sizeof(filler));
	while (left > 0) {
		size_t n = left < sizeof(filler) ? left : sizeof(filler);

		dialogue_input(&r->dialogue, filler, n, e->at);
		left -= n;
	}
	if (e->number % 2)
		dialogue_input(&r->dialogue, "\r\n", 2, e->at);
}

static void collect(struct replay *r)
{
	struct upgrade_notice notice;

	while (dialogue_take_notice(&r->dialogue, &notice)) {
		if (notice.type != NOTICE_VERDICT)
			continue;
		if (r->n_verdicts == REPLAY_VERDICTS_MAX)
			memmove(r->verdicts, r->verdicts + 1,
				--r->n_verdicts * sizeof(r->verdicts[0]));
		r->verdicts[r->n_verdicts++] = notice;
	}
}

static const char *describe_verdict(
	const struct upgrade_notice *n, char *ret, size_t size, const char *what)
{
	const char *outcome = trace_kind_name(TRACE_OUTCOME, (int) n->outcome);
	const char *reason = trace_kind_name(TRACE_REASON, (int) n->reason);

	if (text_format(ret, size, "%s%s%s%s", what, outcome ?: "?",
		    reason && reason[0] ? ", " : "", reason ?: "?") < 0)
		ret[0] = '\0';
	return ret;
}

/* What the one before led to must be said before the next call is made; bytes may wait for the
 * port. */
static enum replay_result check_settled(struct replay *r)
{
	char here[96];

	if (r->dialogue.save)
		return differ(r, "something is to be saved", "nothing was");
	if (r->n_verdicts > 0)
		return differ(r,
			describe_verdict(&r->verdicts[0], here, sizeof(here), "the verdict is "),
			"there was none yet");
	return REPLAY_SAME;
}

static bool is_input(const struct trace_entry *e)
{
	return e->type == TRACE_LINE || e->type == TRACE_HIDDEN;
}

/* Lines that were read at once are one call: what the first led to is done after the last. */
static bool goes_on(const struct replay *r, const struct trace_entry *e)
{
	return e > r->it->entries && is_input(e) && is_input(e - 1) && e->at == e[-1].at;
}

static enum replay_result call(struct replay *r, const struct trace_entry *e)
{
	struct dialogue *d = &r->dialogue;
	enum replay_result result = goes_on(r, e) ? REPLAY_SAME : check_settled(r);

	if (result != REPLAY_SAME)
		return result;
	switch (e->type) {
	case TRACE_OPENED:
		dialogue_opened(d, e->at);
		break;
	case TRACE_LOST:
		dialogue_lost(d, e->at);
		break;
	case TRACE_LINE:
		dialogue_input(d, e->data, e->size, e->at);
		break;
	case TRACE_HIDDEN:
		feed_hidden(r, e);
		break;
	case TRACE_GO:
		dialogue_go(d, r->it->task, e->at);
		break;
	case TRACE_RESTORE:
		dialogue_restore(d, e->at);
		break;
	case TRACE_CANCEL:
		dialogue_cancel(d, e->at);
		break;
	case TRACE_SAVED:
	case TRACE_SAVE_FAILED:
		dialogue_saved(d, e->number, e->type == TRACE_SAVED, e->at);
		break;
	case TRACE_ADVANCE:
		dialogue_advance(d, e->at);
		break;
	case TRACE_STATE:
	case TRACE_SAVE:
	case TRACE_OUTPUT:
	case TRACE_VERDICT:
	case _TRACE_MAX:
		break;
	}
	collect(r);
	return REPLAY_SAME;
}

/* ---- effects ---- */

static enum replay_result compare_save(struct replay *r, const struct trace_entry *e)
{
	uint64_t save = dialogue_take_save(&r->dialogue);

	if (save == e->number)
		return REPLAY_SAME;
	return differ(r, save ? "another save is asked for" : "nothing is to be saved",
		"the record was saved");
}

static enum replay_result compare_output(struct replay *r, const struct trace_entry *e)
{
	const char *data = NULL;
	size_t size = dialogue_output(&r->dialogue, &data);
	char here[256], then[256], shown[200];

	if (size >= e->size && memcmp(data, e->data, e->size) == 0) {
		dialogue_written(&r->dialogue, e->size, e->at);
		collect(r);
		return REPLAY_SAME;
	}
	text_escape(shown, sizeof(shown), e->data, e->size);
	(void) text_format(then, sizeof(then), "\"%s\" was", shown);
	text_escape(shown, sizeof(shown), size > 0 ? data : "", size);
	if (size == 0 || text_format(here, sizeof(here), "\"%s\" is to be sent", shown) < 0)
		memcpy(here, "nothing is to be sent", sizeof("nothing is to be sent"));
	return differ(r, here, then);
}

static enum replay_result compare_verdict(struct replay *r, const struct trace_entry *e)
{
	struct upgrade_notice then = trace_read_verdict(e->number);
	char here_text[96], then_text[96];

	describe_verdict(&then, then_text, sizeof(then_text), "it was ");
	if (r->n_verdicts == 0)
		return differ(r, "there is no verdict yet", then_text);
	r->verdict = r->verdicts[0];
	memmove(r->verdicts, r->verdicts + 1, --r->n_verdicts * sizeof(r->verdicts[0]));
	if (r->verdict.outcome == then.outcome && r->verdict.reason == then.reason &&
		r->verdict.cme == then.cme) {
		r->judged = true;
		return REPLAY_SAME;
	}
	describe_verdict(&r->verdict, here_text, sizeof(here_text), "the verdict is ");
	return differ(r, here_text, then_text);
}

static enum replay_result finish(struct replay *r)
{
	enum replay_result result = check_settled(r);

	if (result != REPLAY_SAME)
		return result;
	return r->judged
		       ? REPLAY_END
		       : differ(r, "there is no verdict", "nor was one recorded: the trace is cut");
}

enum replay_result replay_next(struct replay *r, const struct trace_entry **ret_entry)
{
	const struct trace_entry *e;

	*ret_entry = NULL;
	if (r->next == r->it->n_entries)
		return finish(r);
	e = &r->it->entries[r->next++];
	*ret_entry = e;
	switch (e->type) {
	case TRACE_SAVE:
		return compare_save(r, e);
	case TRACE_OUTPUT:
		return compare_output(r, e);
	case TRACE_VERDICT:
		return compare_verdict(r, e);
	case TRACE_STATE:
	case TRACE_OPENED:
	case TRACE_LOST:
	case TRACE_LINE:
	case TRACE_HIDDEN:
	case TRACE_GO:
	case TRACE_RESTORE:
	case TRACE_CANCEL:
	case TRACE_SAVED:
	case TRACE_SAVE_FAILED:
	case TRACE_ADVANCE:
	case _TRACE_MAX:
		return call(r, e);
	}
	return differ(r, "no such entry", "there was one");
}
