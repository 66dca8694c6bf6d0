/*
 * A bundle as JSON: what people look for first stands first, and an entry of the trace is a line.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/bundle-internal.h"

static json_t *time_json(usec_t value)
{
	return json_integer(value == USEC_INFINITY ? -1 : (json_int_t) value);
}

static json_t *text_json(const char *text)
{
	return text ? json_string(text) : json_null();
}

/* Bytes as the characters of the same number. */
static json_t *bytes_json(const char *data, size_t size)
{
	char *utf8 = malloc(2 * size + 1);
	json_t *json;
	size_t n = 0;

	if (!utf8)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char) data[i];

		if (byte >= 0x80)
			utf8[n++] = (char) (0xc0 | byte >> 6);
		utf8[n++] = (char) (byte >= 0x80 ? 0x80 | (byte & 0x3f) : byte);
	}
	json = json_stringn_nocheck(utf8, n);
	free(utf8);
	return json;
}

/* What a module has said. */
static json_t *said_json(const char *text)
{
	return bytes_json(text, strlen(text));
}

static json_t *timeouts_json(const struct timeouts *t)
{
	return json_pack("{so so so so so so so so so so}", "command", time_json(t->command),
		"identify", time_json(t->identify), "register", time_json(t->registration), "pdp",
		time_json(t->pdp), "start", time_json(t->start), "stall", time_json(t->stall),
		"download", time_json(t->download), "leave", time_json(t->leave), "return",
		time_json(t->return_), "settle", time_json(t->settle));
}

static json_t *profile_json(const struct profile *p)
{
	if (!p->name)
		return json_null();
	return json_pack("{ss ss ss so}", "name", p->name, "mipcall",
		p->mipcall == PROFILE_MIPCALL_NEVER ? "never" : "required", "probe",
		p->probe == PROFILE_PROBE_WARN ? "warn" : "require", "timeouts",
		timeouts_json(&p->timeouts));
}

static json_t *require_json(const struct requirement *r)
{
	return json_pack("{ss so sb sI sb}", "technology",
		r->technology == TECHNOLOGY_LTE	   ? "lte"
		: r->technology == TECHNOLOGY_UMTS ? "umts"
						   : "any",
		"rssi_dbm", r->check_rssi ? json_integer(r->rssi_dbm) : json_null(), "roaming",
		!r->refuse_roaming, "supply_mv", (json_int_t) r->supply_mv, "idle", r->idle);
}

static const char *check_name(enum upgrade_check check)
{
	return check == CHECK_PDP ? "pdp" : check == CHECK_REGISTERED ? "registered" : "none";
}

static json_t *task_json(const struct upgrade_task *t)
{
	const struct gtota_request *q = t ? &t->request : NULL;

	if (!t)
		return json_null();
	return json_pack("{ss ss ss so so so so so ss ss sb s{so so so so}}", "from", t->from, "to",
		t->to, "type", q->type == GTOTA_FTP ? "ftp" : "http", "url", text_json(q->url),
		"file", text_json(q->filename), "username", text_json(q->username), "password",
		text_json(q->password), "require", require_json(&t->require), "rat",
		t->rat == RAT_LOCK ? "lock" : "keep", "check", check_name(t->check), "signal",
		t->signal, "apn", "name", text_json(t->apn.name),
		"username", text_json(t->apn.username), "password", text_json(t->apn.password),
		"credential", text_json(t->apn.credential));
}

static json_t *record_json(const struct upgrade_record *r)
{
	return json_pack("{ss so so so ss sI so sb sb sb sb sb sb sb}", "imei", r->imei, "model",
		said_json(r->model), "from", said_json(r->from), "to", said_json(r->to), "step",
		r->step, "attempt", (json_int_t) r->attempt, "started", time_json(r->started),
		"start_durable", r->start_durable, "reported", r->reported, "complete", r->complete,
		"failed", r->failed, "left", r->left, "restarted", r->restarted, "end_open",
		r->end_open);
}

static json_t *phases_json(const struct evidence *e)
{
	json_t *json = json_object();

	for (int i = 0; i < EVIDENCE_PHASES; i++)
		json_object_set_new(
			json, upgrade_phase_name((enum upgrade_phase) i), time_json(e->phases[i]));
	return json;
}

static json_t *evidence_json(const struct bundle *b)
{
	const struct evidence *e = &b->evidence;
	char text[EVIDENCE_TEXT_MAX];

	return json_pack("{so so so so sI so sI sI sI sI so so}", "text",
		said_json(evidence_text(e, text)), "version_before", said_json(b->after.from),
		"version_wanted", said_json(b->after.to), "version_after", said_json(e->after),
		"reports", (json_int_t) e->reports, "longest_silence", time_json(e->silence),
		"port_lost", (json_int_t) e->lost, "port_returned", (json_int_t) e->returned,
		"boot_texts", (json_int_t) e->booted, "restarts_of_fotad", (json_int_t) e->lives,
		"phases", phases_json(e), "record", record_json(&b->after));
}

static json_t *verdict_json(const struct bundle *b)
{
	const struct upgrade_notice *v = &b->verdict;

	return json_pack("{ss ss so ss ss so}", "outcome",
		trace_kind_name(TRACE_OUTCOME, (int) v->outcome), "reason", reason_name(v->reason),
		"cme", v->cme == AT_ERROR_NONE ? json_null() : json_integer(v->cme), "step",
		v->step ?: "", "text", v->text, "evidence", evidence_json(b));
}

/* ---- the trace ---- */

static json_t *field_json(const struct trace_field *f, const struct dialogue *d)
{
	const char *at = (const char *) d + f->offset;
	uint64_t number = 0;
	uint32_t word = 0;
	const char *name;

	memcpy(f->size == sizeof(word) ? (void *) &word : (void *) &number, at,
		f->size == sizeof(word) || f->size == sizeof(number) ? f->size : 0);
	if (f->size == sizeof(word))
		number = word;
	switch (f->kind) {
	case TRACE_BOOL:
		return *(const bool *) at ? json_true() : NULL;
	case TRACE_TEXT:
		return at[0] ? bytes_json(at, strlen(at)) : NULL;
	case TRACE_INT:
		return json_integer((int32_t) word);
	case TRACE_COUNT:
	case TRACE_LONG:
	case TRACE_TIME:
		return number ? time_json(number) : NULL;
	case TRACE_STEP:
	case TRACE_REASON:
	case TRACE_OUTCOME:
	case TRACE_CHANNEL:
	case TRACE_EXPECT:
		name = trace_kind_name(f->kind, (int) word);
		return json_string(name ?: "");
	}
	return NULL;
}

/* What is nothing is left out. */
static json_t *state_json(const struct trace_state *s)
{
	const struct at_channel *c = &s->dialogue.channel;
	json_t *json = json_pack("{sb ss ss ss so so so}", "task", s->task, "profile", s->profile,
		"prefix", s->prefix[0], "channel.prefix", s->prefix[1], "channel.line",
		bytes_json(c->line.bytes, c->line.size), "channel.output",
		bytes_json(s->output, c->output_size), "channel.text",
		bytes_json(c->text, c->text_size));

	for (const struct trace_field *f = trace_state_fields; json && f->name; f++) {
		json_t *value = field_json(f, &s->dialogue);

		if (value)
			json_object_set_new(json, f->name, value);
	}
	return json;
}

static json_t *entry_json(const struct trace_entry *e, usec_t began)
{
	json_t *json = json_pack("[I s]", (json_int_t) (e->at - began), trace_type_name(e->type));
	struct upgrade_notice v;

	switch (e->type) {
	case TRACE_LINE:
	case TRACE_OUTPUT:
		json_array_append_new(json, bytes_json(e->data, e->size));
		break;
	case TRACE_HIDDEN:
		json_array_append_new(json, json_integer((json_int_t) (e->number / 2)));
		if (e->number % 2)
			json_array_append_new(json, json_string("\r\n"));
		break;
	case TRACE_SAVE:
	case TRACE_SAVED:
	case TRACE_SAVE_FAILED:
		json_array_append_new(json, json_integer((json_int_t) e->number));
		break;
	case TRACE_VERDICT:
		v = trace_read_verdict(e->number);
		json_array_append_new(
			json, json_string(trace_kind_name(TRACE_OUTCOME, (int) v.outcome)));
		json_array_append_new(json, json_string(reason_name(v.reason)));
		json_array_append_new(json, json_integer(v.cme));
		break;
	case TRACE_STATE:
	case TRACE_OPENED:
	case TRACE_LOST:
	case TRACE_GO:
	case TRACE_RESTORE:
	case TRACE_CANCEL:
	case TRACE_ADVANCE:
	case _TRACE_MAX:
		break;
	}
	return json;
}

/* ---- the file ---- */

static bool put(FILE *file, json_t *json, size_t flags)
{
	bool fine = json && json_dumpf(json, file, flags | JSON_ENCODE_ANY) == 0;

	json_decref(json);
	return fine;
}

static bool put_member(FILE *file, const char *name, json_t *json)
{
	return fprintf(file, "%s\"%s\": ", text_equal(name, "version") ? "" : ",\n", name) > 0 &&
	       put(file, json, 0);
}

static bool put_trace(FILE *file, const struct bundle *b)
{
	bool fine = fprintf(file, ",\n\"trace\": {\"began\": %llu, \"dropped\": %llu, \"state\":\n",
			    (unsigned long long) b->began, (unsigned long long) b->dropped) > 0 &&
		    put(file, state_json(&b->state), 0);

	fine = fine && fputs(",\n\"entries\": [", file) >= 0;
	for (size_t i = 0; i < b->replay.n_entries && fine; i++)
		fine = fputs(i ? ",\n" : "\n", file) >= 0 &&
		       put(file, entry_json(&b->entries[i], b->began), JSON_COMPACT);
	return fine && fputs("\n]}}\n", file) >= 0;
}

static bool put_all(FILE *file, const struct bundle *b)
{
	return fputs("{\n", file) >= 0 &&
	       put_member(file, "version", json_integer(BUNDLE_VERSION)) &&
	       put_member(file, "fotad", json_string(b->fotad)) &&
	       put_member(file, "written", time_json(b->written)) &&
	       put_member(file, "job",
		       json_pack("{ss ss ss ss}", "campaign", b->campaign, "modem", b->modem,
			       "port", b->port, "target", b->target)) &&
	       put_member(file, "modem",
		       json_pack("{so sb ss so so}", "configured_imei", text_json(b->replay.imei),
			       "profile_named", b->replay.named, "imei", b->identity.imei, "model",
			       said_json(b->identity.model), "firmware",
			       said_json(b->identity.version))) &&
	       put_member(file, "verdict", verdict_json(b)) &&
	       put_member(file, "task", task_json(b->replay.task)) &&
	       put_member(file, "timeouts", timeouts_json(&b->replay.timeouts)) &&
	       put_member(file, "profile", profile_json(&b->replay.profile)) &&
	       put_member(file, "record", record_json(&b->before)) && put_trace(file, b);
}

int bundle_text(const struct bundle *b, char **ret, size_t *ret_size)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	bool fine;

	if (!file)
		return -ENOMEM;
	fine = put_all(file, b);
	if (fclose(file) != 0 || !fine) {
		free(text);
		return -ENOMEM;
	}
	*ret = text;
	*ret_size = size;
	return 0;
}
