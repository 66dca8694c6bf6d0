/*
 * The table of what a dialogue knows. A field that upgrade.h or at-channel.h gains and that decides
 * anything gets a row; test-trace compares a replay from every point of a life, so a forgotten one
 * shows.
 */
#include <errno.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "core/trace-state.h"
#include "core/upgrade-internal.h"

#define FIELD(kind, member)                                                                        \
	{                                                                                          \
#member, TRACE_##kind, offsetof(struct dialogue, member),                          \
			sizeof(((struct dialogue *) 0)->member)                                    \
	}
#define SETTING(name)                                                                              \
	FIELD(BOOL, upgrade.record.name.known), FIELD(BOOL, upgrade.record.name.written),          \
		FIELD(TEXT, upgrade.record.name.value)

const struct trace_field trace_state_fields[] = {
	FIELD(STEP, upgrade.step),
	FIELD(TIME, upgrade.entered),
	FIELD(TIME, upgrade.wake),
	FIELD(COUNT, upgrade.tries),
	FIELD(COUNT, upgrade.late),
	FIELD(COUNT, upgrade.restarts),
	FIELD(BOOL, upgrade.trusted),
	FIELD(TIME, upgrade.quiet),
	FIELD(BOOL, upgrade.open),
	FIELD(BOOL, upgrade.pausing),
	FIELD(BOOL, upgrade.restoring),
	FIELD(REASON, upgrade.unrestored),
	FIELD(BOOL, upgrade.resumed),
	FIELD(BOOL, upgrade.unknown),
	FIELD(BOOL, upgrade.line_sent),
	FIELD(BOOL, upgrade.line_whole),
	FIELD(BOOL, upgrade.report_seen),
	FIELD(BOOL, upgrade.pdp_active),
	FIELD(TIME, upgrade.check_end),
	FIELD(BOOL, upgrade.unanswered),
	FIELD(INT, upgrade.percent),
	FIELD(OUTCOME, upgrade.outcome),
	FIELD(REASON, upgrade.reason),
	FIELD(INT, upgrade.cme),
	FIELD(TIME, upgrade.activity),
	FIELD(TIME, upgrade.since),
	FIELD(TIME, upgrade.asked),
	FIELD(TIME, upgrade.first_read),
	FIELD(TEXT, upgrade.read),
	FIELD(BOOL, upgrade.stranger),
	FIELD(LONG, upgrade.saves),
	FIELD(LONG, upgrade.awaited),
	FIELD(TIME, upgrade.before.started),
	FIELD(BOOL, upgrade.before.end_open),
	FIELD(BOOL, upgrade.before.callbreak),
	FIELD(BOOL, upgrade.before.gprsfirst),
	FIELD(BOOL, upgrade.before.rat),
	FIELD(BOOL, upgrade.before.pdp),
	FIELD(BOOL, upgrade.secret),
	FIELD(BOOL, upgrade.identified),
	FIELD(TEXT, upgrade.identity.model),
	FIELD(TEXT, upgrade.identity.version),
	FIELD(TEXT, upgrade.identity.imei),
	FIELD(TEXT, upgrade.record.imei),
	FIELD(TEXT, upgrade.record.model),
	FIELD(TEXT, upgrade.record.from),
	FIELD(TEXT, upgrade.record.to),
	FIELD(TEXT, upgrade.record.step),
	FIELD(COUNT, upgrade.record.attempt),
	FIELD(TIME, upgrade.record.started),
	FIELD(BOOL, upgrade.record.start_durable),
	FIELD(BOOL, upgrade.record.reported),
	FIELD(BOOL, upgrade.record.complete),
	FIELD(BOOL, upgrade.record.failed),
	FIELD(BOOL, upgrade.record.left),
	FIELD(BOOL, upgrade.record.restarted),
	FIELD(BOOL, upgrade.record.end_open),
	SETTING(callbreak),
	SETTING(gprsfirst),
	SETTING(rat),
	FIELD(BOOL, upgrade.record.pdp_opened),
	FIELD(CHANNEL, channel.state),
	FIELD(EXPECT, channel.expect),
	FIELD(TIME, channel.timeout),
	FIELD(TIME, channel.quiet_since),
	FIELD(TIME, channel.quiet_end),
	FIELD(COUNT, channel.tries),
	FIELD(COUNT, channel.unanswered),
	FIELD(COUNT, channel.probe_left),
	FIELD(BOOL, channel.echoed),
	FIELD(BOOL, channel.text_lost),
	FIELD(LONG, channel.line.size),
	FIELD(BOOL, channel.line.skipping),
	FIELD(LONG, channel.output_done),
	FIELD(LONG, save),
	{ NULL, TRACE_BOOL, 0, 0 },
};

static const char *const channels[] = {
	[AT_CHANNEL_CLOSED] = "closed",
	[AT_CHANNEL_PROBING] = "probing",
	[AT_CHANNEL_QUIET] = "quiet",
	[AT_CHANNEL_IDLE] = "idle",
	[AT_CHANNEL_BUSY] = "busy",
};

static const char *const expects[] = {
	[AT_EXPECT_NOTHING] = "nothing",
	[AT_EXPECT_PREFIX] = "prefix",
	[AT_EXPECT_TEXT] = "text",
};

static const char *name_in(const char *const *names, size_t n, int value)
{
	return value >= 0 && (size_t) value < n ? names[value] : NULL;
}

const char *trace_kind_name(enum trace_kind kind, int value)
{
	switch (kind) {
	case TRACE_BOOL:
	case TRACE_COUNT:
	case TRACE_INT:
	case TRACE_LONG:
	case TRACE_TIME:
	case TRACE_TEXT:
		return NULL;
	case TRACE_STEP:
		return value >= 0 && value < _STEP_MAX ? upgrade_steps[value].name : NULL;
	case TRACE_REASON:
		return value >= 0 && value < _REASON_MAX ? reason_name((enum reason) value) : NULL;
	case TRACE_OUTCOME:
		return upgrade_outcome_name(value);
	case TRACE_CHANNEL:
		return name_in(channels, ELEMENTSOF(channels), value);
	case TRACE_EXPECT:
		return name_in(expects, ELEMENTSOF(expects), value);
	}
	return NULL;
}

int trace_kind_by_name(enum trace_kind kind, const char *name)
{
	const char *known;

	for (int i = 0; (known = trace_kind_name(kind, i)); i++)
		if (text_equal(known, name))
			return i;
	return -EINVAL;
}
