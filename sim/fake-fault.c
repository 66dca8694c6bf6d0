#include "sim/fake-fault.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define WORD_MAX 128

#define COMMAND FAKE_FAULT_TAKES_COMMAND
#define PERCENT FAKE_FAULT_TAKES_PERCENT
#define NUMBER	FAKE_FAULT_TAKES_NUMBER
#define TIME	FAKE_FAULT_TAKES_TIME
#define TEXT	FAKE_FAULT_NEEDS_TEXT
#define MOMENT	(PERCENT | COMMAND)

#define ROW(type_, name_, keys_, what_, ...)                                                       \
	[FAKE_FAULT_##type_] = { .name = name_,                                                    \
		.keys = keys_,                                                                     \
		.what = what_,                                                                     \
		.value = { .type = FAKE_FAULT_##type_, .percent = -1 },                            \
		__VA_ARGS__ }

/* clang-format off */
static const struct fake_fault_row rows[] = {
	ROW(SILENT, "silent", COMMAND, "A command gets no answer and is not done.",
		.value.times = 1),
	ROW(LATE_ANSWER, "late-answer", COMMAND | TIME, "A command takes time=, what comes after it waits.",
		.value.times = 1, .value.time = 6 * SEC),
	ROW(NO_OK, "no-ok", COMMAND, "A command is done, but its final result code never comes.",
		.value.times = 1),
	ROW(ERROR, "error", COMMAND | NUMBER, "A command is not done and ends in +CME ERROR: number=.",
		.value.times = 1, .value.number = 100),
	ROW(AUTOBAUD, "autobaud", NUMBER, "The first number= lines after each boot are lost.",
		.value.number = 2),
	ROW(ECHO, "echo", 0, "Echo is=off, on or changing with every line, whatever ATE says.",
		.text_key = "is", .value.text = "on"),
	ROW(ERROR_FORM, "error-form", NUMBER, "Errors have the form of +CMEE=number=, whatever is set.",
		.value.number = 2),
	ROW(SLEEP, "sleep", TIME, "After time= without input it is asleep, and the next line only wakes it.",
		.value.time = 5 * SEC),
	ROW(URC_INSIDE_ANSWER, "urc-inside-answer", COMMAND,
		"An unsolicited line=, of another matter, comes before the final result code.",
		.text_key = "line", .value.times = 1, .value.text = "+CTZV: +4"),
	ROW(DROP_LINE, "drop-line", TEXT, "An output line that begins with line= is lost.",
		.text_key = "line", .value.times = 1),
	ROW(DUPLICATE_LINE, "duplicate-line", TEXT, "An output line that begins with line= comes twice.",
		.text_key = "line", .value.times = 1),
	ROW(FLOOD, "flood", MOMENT | NUMBER, "number= unrelated lines at once.",
		.value.times = 1, .value.number = 200),
	ROW(ENDLESS_LINE, "endless-line", MOMENT | NUMBER, "One line of number= bytes.",
		.value.times = 1, .value.number = 5000),
	ROW(SAY, "say", MOMENT | TEXT, "An unsolicited line=.", .text_key = "line", .value.times = 1),

	ROW(WRONG_BAUD, "wrong-baud", 0, "It hears noise, and noise comes back."),
	ROW(NMEA, "nmea", TIME, "Sentences of a GNSS receiver every time=, and no command is heard.",
		.value.time = 1 * SEC),
	ROW(BABBLE, "babble", TIME | NUMBER,
		"number= bytes every time= and never an end of line, and no command is heard.",
		.value.time = 10 * MSEC, .value.number = 1000),

	ROW(LOSE_PORT, "lose-port", MOMENT | TIME, "The port vanishes for time=, the module goes on.",
		.value.times = 1, .value.time = 2 * SEC),
	ROW(HALF_URC_THEN_LOST, "half-urc-then-lost", MOMENT | TIME,
		"Half a GTOTA report, then the port vanishes for time=.",
		.value.times = 1, .value.time = 2 * SEC),
	ROW(RESTART, "restart", MOMENT, "The module restarts by itself.", .value.times = 1),
	ROW(KEEP_PORT, "keep-port", 0, "The port stays through restarts, as a UART does."),
	ROW(BOOT_LOOP, "boot-loop", TIME, "It restarts time= after each boot.", .value.time = 300 * MSEC),

	ROW(CRCRLF, "crcrlf", 0, "Lines are framed by CR CR LF."),
	ROW(LF_ONLY, "lf-only", 0, "Lines are framed by LF."),
	ROW(NO_CRLF_PREFIX, "no-crlf-prefix", 0, "No CR LF before a line."),
	ROW(LEADING_NUL, "leading-nul", 0, "A NUL before a line."),
	ROW(TRAILING_SPACES, "trailing-spaces", 0, "Two spaces behind the text of a line."),
	ROW(SLOW_BYTES, "slow-bytes", TIME, "One byte every time=.", .value.time = 1 * MSEC),
	ROW(CHUNKS, "chunks", TIME, "Output comes in chunks of any size, every time=.",
		.value.time = 2 * MSEC),

	ROW(SIM_PIN, "sim-pin", 0, "The SIM asks for its PIN."),
	ROW(SIM_PUK, "sim-puk", 0, "The SIM asks for its PUK."),
	ROW(SIM_BUSY, "sim-busy", 0, "The SIM is busy (+CME ERROR: 14)."),
	ROW(SIM_ABSENT, "sim-absent", 0, "There is no SIM (+CME ERROR: 10)."),
	ROW(NOT_REGISTERED, "not-registered", NUMBER,
		"Its registration is number=: 0 off, 2 searching, 3 denied.", .value.number = 2),
	ROW(ROAMING, "roaming", 0, "It is registered, but not at home."),
	ROW(2G, "2g", 0, "Only GSM is there: no EPS registration, AcT 0."),
	ROW(WEAK_SIGNAL, "weak-signal", NUMBER, "+CSQ gives number=.", .value.number = 3),
	ROW(LOW_SUPPLY, "low-supply", NUMBER, "+CBC gives number= millivolts.", .value.number = 3300),
	ROW(IN_CALL, "in-call", 0, "A voice call is in progress."),

	ROW(CALLBREAK_ERROR, "callbreak-error", 0, "GTSET refuses CALLBREAK."),
	ROW(GPRSFIRST_ERROR, "gprsfirst-error", 0, "GTSET refuses GPRSFIRST."),
	ROW(GTSET_UNREADABLE, "gtset-unreadable", 0, "GTSET has no read form."),
	ROW(MIPCALL_BEFORE_OK, "mipcall-before-ok", 0, "The address comes before the OK."),
	ROW(MIPCALL_NEVER, "mipcall-never", 0, "OK, but no address ever comes."),
	ROW(MIPCALL_ACTIVE_ERROR, "mipcall-active-error", 0,
		"The context is open from the start, and to open it again is an ERROR."),
	ROW(MIPCALL_DUAL_STACK, "mipcall-dual-stack", 0, "Two addresses, the second of them IPv6."),
	ROW(MIPCALL_DROP, "mipcall-drop", MOMENT, "+MIPCALL: 0, the context is gone.",
		.value.times = 1),

	ROW(GTOTA_CME, "gtota-cme", NUMBER, "GTOTA is refused with +CME ERROR: number=.",
		.value.times = 1, .value.number = 50),
	ROW(GTOTA_UNSUPPORTED, "gtota-unsupported", 0, "The module has no GTOTA."),
	ROW(URC_BEFORE_OK, "urc-before-ok", 0, "START comes before the OK of GTOTA."),
	ROW(NO_START, "no-start", TIME, "OK, then nothing; busy for time=."),
	ROW(START_TWICE, "start-twice", 0, "START comes twice."),
	ROW(START_OVER, "start-over", PERCENT, "The download begins again at 0 %, without START.",
		.value.times = 1),
	ROW(STALL, "stall", PERCENT | TIME, "The download stops without a word; busy for time=."),
	ROW(FAIL, "fail", PERCENT, "The download fails; only L610 says so."),
	ROW(FAIL_AFTER_100, "fail-after-100", 0, "100 %, then it fails; only L610 says so."),
	ROW(NO_PERCENT, "no-percent", 0, "START and COMPLETE, nothing between."),
	ROW(PERCENT_GARBAGE, "percent-garbage", 0, "Percents that are no number, negative, too large, back."),
	ROW(RING, "ring", MOMENT, "RING; with CALLBREAK 0 it ends the download.",
		.value.times = 1),
	ROW(COMPLETE_TWICE, "complete-twice", 0, "COMPLETE comes twice."),
	ROW(COMPLETE_WITHOUT_START, "complete-without-start", 0, "COMPLETE, nothing before."),
	ROW(COMPLETE_THEN_FAILED, "complete-then-failed", 0,
		"COMPLETE, then FAILED; the package is not applied."),
	ROW(MISMATCH_FAILED, "mismatch-failed", 0,
		"A wrong base is said as FAILED after 100 % (L610), not by a silent restart."),
	ROW(FOREIGN_DOWNLOAD, "foreign-download", TIME,
		"At power-up somebody else's download runs; it fails after time=.",
		.value.times = 1, .value.time = 5 * SEC),

	ROW(NO_REBOOT, "no-reboot", 0, "COMPLETE, but it applies only when somebody restarts it."),
	ROW(NEVER_BACK, "never-back", 0, "It never comes back from applying."),
	ROW(BACK_LATE, "back-late", TIME, "It needs time= more to come back.", .value.time = 10 * SEC),
	ROW(BACK_RENUMBERED, "back-renumbered", 0, "The port comes back under another number."),
	ROW(SECOND_RESET, "second-reset", TIME,
		"It comes back, shows=old (or new), and restarts once more after time=.",
		.text_key = "shows", .value.times = 1, .value.time = 2 * SEC, .value.text = "old"),
	ROW(UPDATE_REPORTS, "update-reports", 0,
		"The boot loader reports, dialect=gtota or qind, where the port stays.",
		.text_key = "dialect", .value.text = "gtota"),
	ROW(VERSION_UNCHANGED, "version-unchanged", 0, "It restarts and runs what it ran."),
	ROW(VERSION_OTHER, "version-other", TEXT, "It comes back with version=.",
		.text_key = "version"),
	ROW(VERSION_ERROR_AFTER_BOOT, "version-error-after-boot", 0,
		"After a boot the questions for the version end in an error.", .value.times = 3),
	ROW(IMEI_OTHER, "imei-other", TEXT, "After applying, another module with imei= is on this port.",
		.text_key = "imei", .value.times = 1),
	ROW(BOOT_GARBAGE, "boot-garbage", 0, "Bytes of a wrong baud rate before the boot text."),
	ROW(NO_BOOT_TEXT, "no-boot-text", 0, "It boots without a word."),
	ROW(NETWORK_GONE, "network-gone", NUMBER,
		"With the new version its registration is number=, as above.", .value.number = 2),
	ROW(PDP_GONE, "pdp-gone", 0, "With the new version it gets no data connection."),
	ROW(SIGNAL_LOST, "signal-lost", NUMBER, "With the new version +CSQ gives number=.",
		.value.number = 5),
};
/* clang-format on */

const struct fake_fault_row *fake_fault_at(size_t index)
{
	return index < ELEMENTSOF(rows) ? &rows[index] : NULL;
}

/* The next word, or key="quoted value" without its quotes. 1: a word, 0: none left. */
static int next_word(const char **p, char ret[static WORD_MAX])
{
	size_t n = 0;
	bool quoted = false;

	while (**p == ' ' || **p == '\t')
		(*p)++;
	if (**p == '\0')
		return 0;
	for (; **p != '\0' && (quoted || (**p != ' ' && **p != '\t')); (*p)++) {
		if (**p == '"') {
			quoted = !quoted;
			continue;
		}
		if (n + 1 >= WORD_MAX)
			return -EMSGSIZE;
		ret[n++] = **p;
	}
	ret[n] = '\0';
	return quoted ? -EINVAL : 1;
}

static int read_number(const char *text, int max, int *ret)
{
	int value = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (*text - '0');
		if (value > max)
			return -ERANGE;
	}
	*ret = value;
	return 0;
}

static int read_time(const char *text, usec_t *ret)
{
	if (text_equal(text, "never")) {
		*ret = USEC_INFINITY;
		return 0;
	}
	return usec_parse(text, ret);
}

static int read_unsigned(const char *text, unsigned *ret)
{
	int value, r;

	r = read_number(text, 1000000, &value);
	if (r >= 0)
		*ret = (unsigned) value;
	return r;
}

/* -ENOENT: this fault has no such key. */
static int set_key(struct fake_fault *fault, const struct fake_fault_row *row, const char *key,
	const char *value)
{
	if (text_equal(key, "times"))
		return read_unsigned(value, &fault->times);
	if (text_equal(key, "skip"))
		return read_unsigned(value, &fault->skip);
	if (row->keys & PERCENT && text_equal(key, "percent"))
		return read_number(value, 100, &fault->percent);
	if (row->keys & NUMBER && text_equal(key, "number"))
		return read_number(value, 1000000, &fault->number);
	if (row->keys & TIME && text_equal(key, "time"))
		return read_time(value, &fault->time);
	if (row->keys & COMMAND && text_equal(key, "command"))
		return text_copy(fault->command, sizeof(fault->command), value);
	if (row->text_key && text_equal(key, row->text_key))
		return text_copy(fault->text, sizeof(fault->text), value);
	return -ENOENT;
}

static const struct fake_fault_row *find(const char *name, char *problem, size_t size)
{
	size_t best = 3, near = ELEMENTSOF(rows); /* two edits are a slip, three another word */

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		size_t distance;

		if (text_equal(rows[i].name, name))
			return &rows[i];
		distance = text_distance(rows[i].name, name);
		if (distance < best) {
			best = distance;
			near = i;
		}
	}
	if (near < ELEMENTSOF(rows))
		snprintf(problem, size, "no fault is called \"%s\", did you mean \"%s\"?", name,
			rows[near].name);
	else
		snprintf(problem, size, "no fault is called \"%s\"", name);
	return NULL;
}

static void list_keys(const struct fake_fault_row *row, char *ret, size_t size)
{
	snprintf(ret, size, "times=, skip=%s%s%s%s%s%s%s", row->keys & COMMAND ? ", command=" : "",
		row->keys & PERCENT ? ", percent=" : "", row->keys & NUMBER ? ", number=" : "",
		row->keys & TIME ? ", time=" : "", row->text_key ? ", " : "",
		row->text_key ? row->text_key : "", row->text_key ? "=" : "");
}

static int read_key(struct fake_fault *fault, const struct fake_fault_row *row, char *word,
	char *problem, size_t size)
{
	char *value = strchr(word, '=');
	char keys[96];
	int r;

	if (value)
		*value++ = '\0';
	r = value ? set_key(fault, row, word, value) : -ENOENT;
	if (r == -ENOENT) {
		list_keys(row, keys, sizeof(keys));
		snprintf(problem, size, "\"%s\" is no parameter of %s, which takes %s", word,
			row->name, keys);
	} else if (r < 0) {
		snprintf(problem, size, "%s=%s: %s", word, value,
			r == -EINVAL ? "cannot be read" : "too large");
	}
	return r < 0 ? -EINVAL : 0;
}

static int check(
	struct fake_fault *fault, const struct fake_fault_row *row, char *problem, size_t size)
{
	if (row->keys & TEXT && fault->text[0] == '\0') {
		snprintf(problem, size, "%s needs %s=", row->name, row->text_key);
		return -EINVAL;
	}
	/* Without a place it is the middle of the download. */
	if (row->keys & PERCENT && fault->percent < 0 && fault->command[0] == '\0')
		fault->percent = 50;
	return 0;
}

int fake_fault_parse(const char *text, struct fake_fault *ret, char *problem, size_t size)
{
	const struct fake_fault_row *row;
	struct fake_fault fault;
	char word[WORD_MAX];
	int r;

	r = next_word(&text, word);
	if (r <= 0) {
		snprintf(problem, size, "the name of a fault is missing");
		return -EINVAL;
	}
	row = find(word, problem, size);
	if (!row)
		return -EINVAL;
	fault = row->value;
	while ((r = next_word(&text, word)) > 0) {
		r = read_key(&fault, row, word, problem, size);
		if (r < 0)
			return r;
	}
	if (r < 0) {
		snprintf(problem, size, "a word is too long, or a quote is not closed");
		return -EINVAL;
	}
	r = check(&fault, row, problem, size);
	if (r < 0)
		return r;
	*ret = fault;
	return 0;
}
