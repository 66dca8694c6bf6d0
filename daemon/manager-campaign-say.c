/*
 * What is told of a campaign, and what of it is kept: once for each change.
 */
#include "daemon/manager-campaign.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/modem.h"

#define PATIENCE       (20 * MSEC)
#define PATIENCE_BEGIN (5 * SEC) /* a campaign's first row says no more than the configuration: it goes with the first job */

static void note_history(struct manager *g, const struct campaign_run *run, enum store_who who,
	const char *what, const char *detail)
{
	struct store_history line = { .time = clock_realtime(), .who = who, .uid = g->operator_uid };
	struct store_change change = { .history = &line, .n_history = 1, .patience = 200 * MSEC };

	if (run)
		memcpy(line.campaign, run->name, sizeof(line.campaign));
	(void) text_format(line.what, sizeof(line.what), "%s", what);
	(void) text_format(line.detail, sizeof(line.detail), "%.250s", detail);
	if (store_change(g->store, &change, MANAGER_COOKIE) < 0)
		manager_store_fails(g, -ENOMEM);
}

static void say_run(
	const struct campaign_run *run, int level, enum log_message message, const char *text)
{
	struct log_fields fields = LOG_FIELDS_NONE;

	fields.campaign = run ? run->name : NULL;
	log_event(level, message, &fields, "%s%s: %s", run ? "campaign " : "all campaigns",
		run ? run->name : "", text);
}

static void describe_limit(char *ret, size_t size, const struct share *share)
{
	(void) text_format(ret, size, share->percent ? "limit %u %%" : "limit %u", share->value);
}

void campaign_run_say_halt(struct manager *g, const struct campaign_run *run)
{
	const struct campaign *c = &run->campaign;
	struct wave_view wave = campaign_view(c, c->wave);
	char limit[32], why[sizeof(run->fetch_why)] = "", text[sizeof(why) + 160], upgraded[USEC_FORMAT_MAX], others[USEC_FORMAT_MAX];

	describe_limit(limit, sizeof(limit), &c->rules->halt.failures);
	switch (c->halted) {
	case CAMPAIGN_RUNS:
		return;
	case CAMPAIGN_FAILURES:
		(void) text_format(why, sizeof(why), "%u of %u failed (%s)", campaign_failures(c),
			campaign_judged(c), limit);
		break;
	case CAMPAIGN_UNPROVEN:
		(void) text_format(why, sizeof(why),
			"of the %u modem%s of wave %u at most %u can succeed, and %u must",
			wave.members, PLURAL(wave.members), c->wave + 1, wave.succeeded + wave.left, wave.wanted);
		break;
	case CAMPAIGN_SLOWER:
		(void) text_format(why, sizeof(why),
			"upgraded modems come back after %s, in other upgrades it took %s (medians of %u and "
			"%u; brake.return_percent %u)",
			usec_format(upgraded, brake_median(&c->brake, BRAKE_RETURN, true) * MSEC),
			usec_format(others, brake_median(&c->brake, BRAKE_RETURN, false) * MSEC),
			brake_count(&c->brake, BRAKE_RETURN, true),
			brake_count(&c->brake, BRAKE_RETURN, false), c->rules->brake.return_percent);
		break;
	case CAMPAIGN_WEAKER:
		(void) text_format(why, sizeof(why),
			"upgraded modems hear -%u dBm, before it was -%u dBm (medians of %u and %u; "
			"brake.signal_db %u)",
			brake_median(&c->brake, BRAKE_SIGNAL, true),
			brake_median(&c->brake, BRAKE_SIGNAL, false),
			brake_count(&c->brake, BRAKE_SIGNAL, true),
			brake_count(&c->brake, BRAKE_SIGNAL, false), c->rules->brake.signal_db);
		break;
	case CAMPAIGN_FETCH:
		(void) text_format(why, sizeof(why), "%s", run->fetch_why);
		break;
	}
	(void) text_format(text, sizeof(text),
		"halted: %s; nothing more of it starts until an operator resumes it (fotactl resume %s)",
		why, run->name);
	say_run(run, LOG_ERR, LOG_MESSAGE_CAMPAIGN_HALTED, text);
	note_history(g, run, STORE_DAEMON, "halted", why);
}

void campaign_run_say_wave(struct manager *g, const struct campaign_run *run)
{
	const struct campaign *c = &run->campaign;
	unsigned members = campaign_view(c, c->wave).members;
	char text[96];

	(void) text_format(text, sizeof(text), "wave %u of %zu is open, for %u modem%s", c->wave + 1,
		c->rules->n_waves, members, PLURAL(members));
	say_run(run, LOG_NOTICE, LOG_MESSAGE_WAVE_OPENED, text);
	note_history(g, run, STORE_DAEMON, "wave", text);
}

void campaign_run_say_soak(struct campaign_run *run, usec_t now)
{
	usec_t due = campaign_due(&run->campaign);
	char text[128], span[USEC_FORMAT_MAX];

	if (due == USEC_INFINITY || due <= now || due == run->soak_said)
		return;
	run->soak_said = due;
	run->say = true;
	(void) text_format(text, sizeof(text),
		"wave %u has proven itself; the next one opens in %s", run->campaign.wave + 1,
		usec_format(span, due - now));
	say_run(run, LOG_INFO, LOG_MESSAGE_WAVE_SOAKS, text);
}

const struct modem *campaign_run_blocker(const struct campaign_run *run)
{
	const struct campaign *c = &run->campaign;

	if (!run->configured || run->plan || !campaign_is_stuck(c))
		return NULL;
	for (size_t i = 0; i < run->n_members; i++)
		if (run->members[i]->wave == c->wave && run->members[i]->state == MEMBER_DEFERRED)
			return modem_of_member(run->members[i]);
	return NULL;
}

/* Who has gone may be back in the time in which an upgraded module is. */
static void check_wave(struct campaign_run *run, usec_t now)
{
	const struct modem *m = campaign_run_blocker(run);
	struct log_fields fields = LOG_FIELDS_NONE;
	const char *word;

	if (!m) {
		run->stuck_since = 0;
		run->stuck_said = false;
		return;
	}
	if (run->stuck_since == 0)
		run->stuck_since = now;
	if (run->stuck_said || now < usec_add(run->stuck_since, run->rules->config->timeouts.return_))
		return;
	run->stuck_said = true;
	word = modem_waits_for(m, now);
	fields.campaign = run->name;
	fields.modem = m->config->name;
	fields.reason = word;
	log_event(LOG_WARNING, LOG_MESSAGE_WAVE_STUCK, &fields,
		"campaign %s: wave %u waits for %s (%s); fotactl cancel %s lets it go on without it",
		run->name, run->campaign.wave + 1, m->config->name, word, m->config->name);
}

void manager_check_waves(struct manager *g, usec_t now)
{
	for (struct campaign_run *run = g->runs; run; run = run->next)
		check_wave(run, now);
}

const char *manager_operator(const struct manager *g, char ret[static MANAGER_OPERATOR_MAX])
{
	if (g->operator_uid < 0)
		return "an operator";
	(void) text_format(ret, MANAGER_OPERATOR_MAX, "an operator (uid %lld)", (long long) g->operator_uid);
	return ret;
}

void campaign_run_say_operator(struct manager *g, const struct campaign_run *run, const char *what)
{
	char text[96], who[MANAGER_OPERATOR_MAX];

	(void) text_format(text, sizeof(text), "%s by %s", what, manager_operator(g, who));
	say_run(run, LOG_NOTICE, LOG_MESSAGE_CAMPAIGN_OPERATED, text);
	note_history(g, run, STORE_OPERATOR, what, "");
}

static bool is_same(const struct store_campaign *a, const struct store_campaign *b)
{
	return text_equal(a->name, b->name) && text_equal(a->target, b->target) &&
	       a->paused == b->paused && a->cancelled == b->cancelled && a->halted == b->halted &&
	       a->wave == b->wave && a->soak_until == b->soak_until &&
	       a->brake_since == b->brake_since;
}

void campaign_run_save(struct manager *g, struct campaign_run *run, usec_t now)
{
	const struct campaign *c = &run->campaign;
	struct store_campaign row = {
		.paused = c->paused, .cancelled = c->cancelled, .halted = c->halted, .wave = c->wave,
		.brake_since = run->brake_since,
	};
	struct store_change change = { .campaign = &row };
	bool begins;

	memcpy(row.name, run->name, sizeof(row.name));
	memcpy(row.target, run->target, sizeof(row.target));
	if (c->soak_until > 0)
		row.soak_until = usec_add(clock_realtime(), usec_sub(c->soak_until, now));
	if (run->soak_saved == c->soak_until) /* the clocks' difference is no change */
		row.soak_until = run->saved.soak_until;
	if (is_same(&row, &run->saved))
		return;
	begins = !run->saved.name[0] && !c->paused && !c->cancelled && c->halted == CAMPAIGN_RUNS;
	change.patience = begins ? PATIENCE_BEGIN : PATIENCE;
	if (store_change(g->store, &change, MANAGER_COOKIE) < 0) {
		manager_store_fails(g, -ENOMEM);
		return;
	}
	run->saved = row;
	run->soak_saved = c->soak_until;
}

/* ---- who waits, and for what ---- */

enum job_wait manager_gate(const struct manager *g, const struct modem *m)
{
	const struct campaign_gates *gates = m->run ? &m->run->gates : NULL;

	if (g->inhibitors > 0)
		return JOB_WAIT_HELD;
	if (g->schedule.gateway.closed)
		return g->schedule.gateway.closed;
	if (!gates)
		return JOB_WAIT_NONE;
	if (gates->campaign.closed)
		return gates->campaign.closed;
	if (!m->member.now && gates->waves[m->member.wave].closed)
		return gates->waves[m->member.wave].closed;
	return m->member.uplink ? gates->uplink.closed : JOB_WAIT_NONE;
}

static const char *wait_meaning(enum job_wait wait)
{
	switch (wait) {
	case JOB_WAIT_HELD:
		return "software on this gateway holds new starts (fotactl status), or it carries the gateway's "
		       "own connection, uplink_confirmed is not said, and there is no other route";
	case JOB_WAIT_PAUSED:
		return "an operator has stopped new starts";
	case JOB_WAIT_HALTED:
		return "its campaign is halted";
	case JOB_WAIT_WAVE:
		return "others of its campaign go first";
	case JOB_WAIT_SOAK:
		return "those that went first are watched for a while";
	case JOB_WAIT_FETCH:
		return "what the server serves is compared with its packages first";
	case JOB_WAIT_SLOT:
		return "others are at work";
	case JOB_WAIT_NONE:
	case JOB_WAIT_ACKNOWLEDGE:
	case JOB_WAIT_NOT_BEFORE:
	case JOB_WAIT_CLOCK:
	case JOB_WAIT_WINDOW:
	case JOB_WAIT_BACKOFF:
		break;
	}
	return "it cannot go yet";
}

/* Once for each change. */
static void say_wait(const struct manager *g, struct modem *m)
{
	enum job_wait wait = manager_gate(g, m);

	if (m->turn.state != SCHEDULE_QUEUED)
		return;
	if (!m->queued_saved) { /* who goes at once needs none */
		m->queued_saved = true;
		modem_save(m, 0, clock_boottime());
	}
	if (wait == JOB_WAIT_NONE)
		wait = JOB_WAIT_SLOT;
	if (wait == m->wait_said)
		return;
	m->wait_said = wait;
	modem_log_wait(m, LOG_INFO, wait, "not now (%s): %s",
		job_wait_name(wait),
		wait == JOB_WAIT_SLOT && manager_cell_is_full(g, m)
			? "as many as limits.per_cell lets are at work in its serving cell"
			: wait_meaning(wait));
}

void manager_say_waits(struct manager *g)
{
	for (struct campaign_run *run = g->runs; run; run = run->next) {
		for (size_t i = 0; run->say && i < run->n_members; i++)
			say_wait(g, modem_of_member(run->members[i]));
		run->say = false;
	}
}
