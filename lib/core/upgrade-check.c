/*
 * Is the module back in service? Asked when the version is proven (conduct 6): it is not flashing any more, and may be
 * asked as before an attempt. Nothing is asked of it that did not hold before the start, and it has the same time for
 * it. What it says decides between success and no-service, which is never tried again (conduct 20). A port event, boot
 * text, a report or silence on the way begin the verification again: then it is not known any more what runs.
 */
#include "base/text.h"
#include "core/at-text.h"
#include "core/upgrade-internal.h"

bool upgrade_is_checking(const struct upgrade *u)
{
	return u->step >= STEP_CHECK_NETWORK && u->step <= STEP_CHECK_PDP_WAIT;
}

/* Not a final result code: nothing, or the end of what was proven. */
static int otherwise(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	int verdict;

	if (event->type != UPGRADE_EVENT_AT || event->at.type != AT_EVENT_UNSOLICITED)
		return STAY;
	verdict = upgrade_heard(u, event->at.text, now);
	if (verdict == STAY && u->first_read != 0)
		return STAY;
	u->out->hush = true; /* what was asked is of no interest now */
	return verdict == STAY ? STEP_ANSWER : verdict;
}

/*
 * What was asked before a gap says nothing of now (conduct 15), and on 3G only the second question has a good answer:
 * two of them are asked after the end.
 */
bool upgrade_check_is_over(struct upgrade *u, usec_t end)
{
	u->late += u->asked > end;
	return u->late >= 2;
}

static int not_yet(struct upgrade *u)
{
	u->reason = REASON_NO_SERVICE;
	return RETRY;
}

int upgrade_build_check_network(struct upgrade *u)
{
	int r = upgrade_build_network(u);

	evidence_asked(u->tries % 2 == 0 ? &u->evidence->eps : &u->evidence->gprs);
	return r;
}

int upgrade_on_check_network(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	int stat;

	if (!upgrade_ok(event) && !upgrade_error(event))
		return otherwise(u, event, now);
	stat = upgrade_registration(u, event);
	if (stat >= 0)
		*(text_equal(u->prefix, "+CEREG:") ? &u->evidence->eps : &u->evidence->gprs) = stat;
	return stat == 1 || stat == 5 ? NEXT : not_yet(u);
}

/* It is no part of the verdict: who does not tell is in service all the same. */
int upgrade_on_check_signal(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	if (!upgrade_ok(event) && !upgrade_error(event))
		return otherwise(u, event, now);
	u->evidence->rssi_after = upgrade_signal(event);
	return u->evidence->rssi_after >= 0 || u->tries == upgrade_steps[u->step].tries ? NEXT : RETRY;
}

static bool has_mipcall(const struct upgrade *u)
{
	return u->profile->mipcall != PROFILE_MIPCALL_NEVER;
}

/* Where there is no MIPCALL, 27.007's own command tells (protocol, 3). */
int upgrade_build_check_pdp(struct upgrade *u)
{
	u->out->command.line = has_mipcall(u) ? "AT+MIPCALL?" : "AT+CGACT?";
	u->out->command.prefix = has_mipcall(u) ? "+MIPCALL:" : "+CGACT:";
	u->out->command.expect = AT_EXPECT_PREFIX;
	u->reason = REASON_NO_SERVICE;
	if (u->step == STEP_CHECK_PDP) {
		u->check_end = usec_add(u->entered, upgrade_timeouts(u)->pdp);
		u->pdp_active = false; /* what was known of it was before the restart */
	}
	evidence_asked(&u->evidence->pdp);
	return 0;
}

/*
 * +MIPCALL: <state>[,<address>], and perhaps before it the +MIPCALL: <address> of the call that was just made (protocol, 3);
 * +CGACT: <cid>,<state> for every context, of which one is enough.
 */
int upgrade_read_pdp(const struct upgrade *u, const char *text)
{
	struct at_text t;
	int64_t state;
	int best = -1;

	if (!at_text_find(&t, text, u->prefix))
		return -1;
	do {
		if (!has_mipcall(u) && at_text_skip(&t) < 0)
			continue;
		if (at_text_number(&t, &state) == 0 && state >= 0 && state <= 2)
			best = state == 1 || best < 0 ? (int) state : best;
	} while (best != 1 && at_text_next(&t, u->prefix));
	return best;
}

static int take_pdp(struct upgrade *u, const struct upgrade_event *event)
{
	int state = upgrade_ok(event) ? upgrade_read_pdp(u, event->at.text) : -1;

	if (state >= 0)
		u->evidence->pdp = state;
	u->pdp_active = state == 1;
	return state;
}

int upgrade_on_check_pdp(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	if (!upgrade_ok(event) && !upgrade_error(event))
		return otherwise(u, event, now);
	(void) take_pdp(u, event);
	return NEXT;
}

bool upgrade_save_check_pdp(struct upgrade *u, usec_t now)
{
	u->check_end = now < u->check_end ? u->check_end : 0;
	/* It runs the new version. Its boot text may come only now, and takes no context with it. */
	u->record.restarted = true;
	u->unanswered = true;
	return upgrade_save_pdp(u, now);
}

int upgrade_build_check_pdp_open(struct upgrade *u)
{
	int r;

	if (has_mipcall(u)) {
		r = upgrade_build_pdp_open(u);
		u->reason = REASON_NO_SERVICE;
		return r;
	}
	u->out->command.line = "AT+CGACT=1,1";
	return 0;
}

int upgrade_on_check_pdp_open(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	if (!upgrade_ok(event) && !upgrade_error(event))
		return otherwise(u, event, now);
	u->unanswered = false;
	return upgrade_on_pdp_open(u, event, now);
}

int upgrade_on_check_pdp_wait(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	int state;

	if (!upgrade_ok(event) && !upgrade_error(event))
		return otherwise(u, event, now);
	state = take_pdp(u, event);
	if (u->pdp_active)
		return NEXT;
	if ((u->record.pdp_opened && !(u->unanswered && state == 0)) || u->tries < 2)
		return not_yet(u);
	/* What was refused ("SIM busy", soon after the boot) or got lost is asked for again, but not at once; for the last time
	 * after the end, so that no gap makes it the only time. */
	u->reason = REASON_NO_SERVICE;
	return u->check_end ? STEP_CHECK_PDP_OPEN : FAIL;
}

int upgrade_on_served(struct upgrade *u, const struct upgrade_event *event, usec_t now)
{
	(void) event;
	(void) now;
	u->outcome = OUTCOME_SUCCEEDED;
	u->reason = REASON_NONE;
	return END;
}
