#include "core/evidence.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "core/upgrade.h"

static_assert(EVIDENCE_PHASES == PHASE_VERIFYING + 1, "every phase has its time");

void evidence_begin(struct evidence *e, const char *before, usec_t now)
{
	*e = (struct evidence){
		.first_percent = -1,
		.last_percent = -1,
		.cme = -1,
		.rssi_before = -1,
		.rssi_after = -1,
		.eps = -1,
		.gprs = -1,
		.pdp = -1,
		.since = now,
		.heard = now,
	};
	(void) text_format(e->before, sizeof(e->before), "%s", before);
}

void evidence_resume(struct evidence *e, usec_t now)
{
	e->lives++;
	e->since = e->heard = e->paced = now;
}

void evidence_phase(struct evidence *e, int phase, usec_t now)
{
	e->phases[phase] = usec_add(e->phases[phase], usec_sub(now, e->since));
	e->since = now;
}

void evidence_start(struct evidence *e, usec_t now)
{
	e->heard = now;
	e->silence = 0;
}

static void heard(struct evidence *e, usec_t now)
{
	e->silence = usec_max(e->silence, usec_sub(now, e->heard));
	e->heard = now;
}

void evidence_report(struct evidence *e, int percent, usec_t now)
{
	heard(e, now);
	e->reports++;
	if (percent < 0)
		return;
	if (e->first_percent < 0) {
		e->first_percent = percent;
		e->paced = now;
	}
	e->last_percent = percent;
}

/* Without any progress yet nobody knows: it may all come at once, but hardly so after seconds of nothing. */
usec_t evidence_rest(const struct evidence *e, usec_t now)
{
	int done = e->last_percent - e->first_percent;

	if (e->last_percent < 0 || e->last_percent > 100 || done <= 0)
		return usec_sub(now, e->since) / 8;
	return usec_sub(e->heard, e->paced) / (usec_t) done * (usec_t) (100 - e->last_percent);
}

void evidence_event(struct evidence *e, uint32_t *count, usec_t now)
{
	heard(e, now);
	(*count)++;
}

void evidence_read(struct evidence *e, const char *version, usec_t since_start, int anew)
{
	if (anew || !text_equal(e->after, version))
		e->first_read = since_start;
	e->last_read = since_start;
	e->reads++;
	(void) text_format(e->after, sizeof(e->after), "%s", version);
}

void evidence_asked(int *state)
{
	*state = *state == -1 ? EVIDENCE_SILENT : *state;
}

void evidence_end(struct evidence *e, int phase, int cme, usec_t now)
{
	evidence_phase(e, phase, now);
	heard(e, now);
	e->cme = cme;
}

/* ---- for people ---- */

struct sentence {
	char *text;
	size_t used, size;
};

PRINTF_LIKE(2, 3) static void say(struct sentence *s, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(s->text + s->used, s->size - s->used, format, args);
	va_end(args);
	if (n > 0)
		s->used = (size_t) n < s->size - s->used ? s->used + (size_t) n : s->size - 1;
}

static void say_reads(struct sentence *s, const struct evidence *e)
{
	char first[USEC_FORMAT_MAX], last[USEC_FORMAT_MAX];

	say(s, "before %s", e->before);
	if (e->reads == 0)
		say(s, ", no version read since");
	else if (e->first_read == e->last_read)
		say(s, ", after %s (read %s after the start)", e->after,
			usec_format(last, e->last_read));
	else
		say(s, ", after %s (read %s and %s after the start)", e->after,
			usec_format(first, e->first_read), usec_format(last, e->last_read));
}

/* 27.007, +CEREG and +CGREG */
static const char *registration(int stat)
{
	static const char *const words[] = { "not registered", "home", "searching", "denied",
		"unknown", "roaming" };

	return stat == EVIDENCE_SILENT		       ? "no answer"
	       : (unsigned) stat < ELEMENTSOF(words) ? words[stat]
						       : "not for data";
}

static void say_service(struct sentence *s, const struct evidence *e)
{
	static const char *const words[] = { "down", "up", "busy" };
	if (e->eps != -1)
		say(s, "; in service? LTE %s", registration(e->eps));
	if (e->gprs != -1)
		say(s, ", GPRS %s", registration(e->gprs));
	if (e->pdp != -1)
		say(s, ", data connection %s",
			(unsigned) e->pdp < ELEMENTSOF(words) ? words[e->pdp] : "no answer");
}

static void say_signal(struct sentence *s, const struct evidence *e)
{
	if (e->rssi_before != -1)
		say(s, "; signal -%d dBm before", e->rssi_before);
	if (e->rssi_after != -1)
		say(s, "%s -%d dBm after", e->rssi_before != -1 ? "," : "; signal", e->rssi_after);
}

static void say_phases(struct sentence *s, const struct evidence *e)
{
	const char *separator = ";";

	for (int i = PHASE_PREPARING; i < EVIDENCE_PHASES; i++) {
		char time[USEC_FORMAT_MAX];

		if (e->phases[i] == 0)
			continue;
		say(s, "%s %s %s", separator, upgrade_phase_name((enum upgrade_phase) i),
			usec_format(time, e->phases[i] / MSEC * MSEC));
		separator = ",";
	}
}

const char *evidence_text(const struct evidence *e, char ret[static EVIDENCE_TEXT_MAX])
{
	struct sentence s = { .text = ret, .size = EVIDENCE_TEXT_MAX };
	char silence[USEC_FORMAT_MAX];

	ret[0] = '\0';
	say_reads(&s, e);
	say(&s, "; %u report%s", (unsigned) e->reports, PLURAL(e->reports));
	if (e->first_percent >= 0)
		say(&s, " (%d to %d %%)", e->first_percent, e->last_percent);
	say(&s, ", longest silence %s", usec_format(silence, e->silence / MSEC * MSEC));
	if (e->lost || e->returned || e->booted)
		say(&s, "; port lost %u, back %u, boot text %u", (unsigned) e->lost,
			(unsigned) e->returned, (unsigned) e->booted);
	if (e->cme >= 0)
		say(&s, "; +CME ERROR: %d", e->cme);
	say_service(&s, e);
	say_signal(&s, e);
	say_phases(&s, e);
	if (e->lives)
		say(&s, "; fotad was restarted meanwhile: %u", (unsigned) e->lives);
	return ret;
}

/* ---- for the store ---- */

enum kind { TEXT, COUNT, INT, TIME };

static const struct field {
	const char *name;
	enum kind kind;
	size_t offset;
} fields[] = {
#define FIELD(kind, name, member)                                                                  \
	{                                                                                          \
		name, kind, offsetof(struct evidence, member)                                      \
	}
	FIELD(TEXT, "before", before),
	FIELD(TEXT, "after", after),
	FIELD(COUNT, "reports", reports),
	FIELD(INT, "first-percent", first_percent),
	FIELD(INT, "last-percent", last_percent),
	FIELD(TIME, "silence", silence),
	FIELD(COUNT, "lost", lost),
	FIELD(COUNT, "returned", returned),
	FIELD(COUNT, "booted", booted),
	FIELD(COUNT, "lives", lives),
	FIELD(INT, "cme", cme),
	FIELD(TIME, "preparing", phases[PHASE_PREPARING]),
	FIELD(TIME, "downloading", phases[PHASE_DOWNLOADING]),
	FIELD(TIME, "installing", phases[PHASE_INSTALLING]),
	FIELD(TIME, "verifying", phases[PHASE_VERIFYING]),
	FIELD(COUNT, "reads", reads),
	FIELD(TIME, "first-read", first_read),
	FIELD(TIME, "last-read", last_read),
	FIELD(INT, "eps", eps),
	FIELD(INT, "gprs", gprs),
	FIELD(INT, "pdp", pdp),
	FIELD(INT, "rssi-before", rssi_before),
	FIELD(INT, "rssi-after", rssi_after),
#undef FIELD
};

const char *evidence_encode(const struct evidence *e, char ret[static EVIDENCE_ENCODED_MAX])
{
	struct sentence s = { .text = ret, .size = EVIDENCE_ENCODED_MAX };

	ret[0] = '\0';
	for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
		const char *at = (const char *) e + fields[i].offset;

		say(&s, "%s%s=", i > 0 ? " " : "", fields[i].name);
		switch (fields[i].kind) {
		case TEXT:
			say(&s, "%s", at);
			break;
		case COUNT:
			say(&s, "%u", (unsigned) *(const uint32_t *) (const void *) at);
			break;
		case INT:
			say(&s, "%d", *(const int *) (const void *) at);
			break;
		case TIME:
			say(&s, "%llu", (unsigned long long) *(const usec_t *) (const void *) at);
			break;
		}
	}
	return ret;
}

/* Digits, and before them a '-' where one may be. */
static bool read_number(const char *text, size_t n, bool *ret_minus, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i;

	*ret_minus = n > 0 && text[0] == '-';
	i = *ret_minus;
	if (i == n)
		return false;
	for (; i < n; i++) {
		unsigned digit = (unsigned) (text[i] - '0');

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

static bool take(const struct field *f, const char *value, size_t n, struct evidence *e)
{
	void *at = (char *) e + f->offset;
	uint64_t number = 0;
	bool minus = false;

	if (f->kind == TEXT)
		return text_copy_n(at, VERSION_MAX, value, n) == 0;
	if (!read_number(value, n, &minus, &number))
		return false;
	switch (f->kind) {
	case TEXT:
		return false;
	case COUNT:
		*(uint32_t *) at = (uint32_t) number;
		return !minus && number <= UINT32_MAX;
	case INT:
		*(int *) at = minus ? -(int) (number & INT32_MAX) : (int) (number & INT32_MAX);
		return number <= INT32_MAX;
	case TIME:
		*(usec_t *) at = number;
		return !minus;
	}
	return false;
}

int evidence_decode(const char *text, struct evidence *ret)
{
	struct evidence e;

	evidence_begin(&e, "", 0);
	while (*text != '\0') {
		size_t n = strcspn(text, " "), name = strcspn(text, "= ");

		if (text[name] != '=')
			return -EINVAL;
		for (size_t i = 0; i < ELEMENTSOF(fields); i++)
			if (strlen(fields[i].name) == name &&
				memcmp(fields[i].name, text, name) == 0 &&
				!take(&fields[i], text + name + 1, n - name - 1, &e))
				return -EINVAL;
		text += n + (text[n] == ' ');
	}
	*ret = e;
	return 0;
}
