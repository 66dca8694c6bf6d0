/*
 * ask - what fotad answers by a method: history, trace, metrics, version.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/link.h"
#include "ctl/print.h"
#include "ctl/table.h"
#include "ctl/text.h"

#define HISTORY_LINES 50

/* ---- history ---- */

static void print_history(const struct ctl *ctl, const json_t *rows)
{
	static const struct table_column columns[] = { { "TIME", TABLE_LEFT },
		{ "MODEM", TABLE_LEFT }, { "CAMPAIGN", TABLE_LEFT }, { "BY", TABLE_LEFT },
		{ "WHAT", TABLE_LEFT }, { "FROM", TABLE_LEFT }, { "TO", TABLE_LEFT },
		{ "NOTE", TABLE_CUT } };
	static const char *const before[] = { "modem", "campaign" };
	static const char *const after[] = { "what", "from", "to" };
	TABLE_AUTO table = table_new(ctl, columns, ELEMENTSOF(columns));
	char when[WHEN_MAX];
	json_t *row;
	size_t i;

	json_array_foreach ((json_t *) rows, i, row) {
		const char *reason = text_of(row, "reason"), *detail = text_of(row, "detail");
		bool said = reason && detail && strstr(detail, reason);
		TEXT_AUTO note = words("%s%s%s", reason && !said ? reason : "",
			reason && detail && !said ? ": " : "", detail ? detail : "");
		const json_t *uid = json_object_get(row, "uid");
		TEXT_AUTO by = json_is_integer(uid)
				       ? words("uid %lld", (long long) json_integer_value(uid))
				       : words("%s", text_of(row, "who") ?: "");

		table_row(table);
		table_cell(table, when_text(when, when_of(row, "time")), TABLE_PLAIN);
		for (size_t n = 0; n < ELEMENTSOF(before); n++)
			table_cell(table, text_of(row, before[n]), TABLE_PLAIN);
		table_cell(table, by, TABLE_PLAIN);
		for (size_t n = 0; n < ELEMENTSOF(after); n++)
			table_cell(table, text_of(row, after[n]), state_colour(text_of(row, after[n])));
		table_cell(table, note, TABLE_PLAIN);
	}
	table_print(table);
}

enum ctl_exit verb_history(struct ctl *ctl, int argc, char **argv)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	CLEANUP(json_decrefp) json_t *raw = NULL, *rows = json_array(), *object = NULL;
	enum fleet_kind kind;
	uint32_t lines = ctl->lines ? ctl->lines : HISTORY_LINES;
	enum ctl_exit code = link_call(
		ctl, "read the history", "History", &reply, "su", argc > 1 ? argv[1] : "", lines);
	json_t *row;
	size_t i;

	if (code != CTL_DONE)
		return code;
	raw = link_json(reply);
	json_array_foreach (raw, i, row)
		json_array_append_new(rows, fleet_view_history(row));
	/* What was removed may still have a history; what has none may be a slip of the pen. */
	if (json_array_size(rows) == 0 && argc > 1)
		code = fleet_find(ctl, argv[1], &kind, &object);
	if (code != CTL_DONE)
		return code;
	if (ctl->json != CTL_JSON_OFF)
		print_json(ctl, json_pack("{s:O}", "history", rows));
	else if (json_array_size(rows) > 0)
		print_history(ctl, rows);
	else if (!ctl->no_legend)
		printf("Nothing has happened yet.\n");
	return CTL_DONE;
}

/* ---- trace ---- */

static int copy(int from, FILE *to)
{
	char buffer[16384];
	ssize_t n;

	if (lseek(from, 0, SEEK_SET) < 0)
		return -errno;
	while ((n = read(from, buffer, sizeof(buffer))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (fwrite(buffer, 1, (size_t) n, to) != (size_t) n)
			return -errno;
	}
	return 0;
}

/* A file of the operator's is never written over. */
static enum ctl_exit save(int from, const char *path)
{
	FILE *file = fopen(path, "wxe");
	int r;

	if (!file && errno == EEXIST) {
		complain("%s is there already; give another name, or remove it", path);
		return CTL_FAILED;
	}
	if (!file) {
		complain("cannot make %s: %m", path);
		return CTL_FAILED;
	}
	r = copy(from, file);
	if (fclose(file) != 0 && r == 0)
		r = -errno;
	if (r == 0)
		return CTL_DONE;
	unlink(path);
	complain("cannot write %s: %s", path, strerror(-r));
	return CTL_FAILED;
}

enum ctl_exit verb_trace(struct ctl *ctl, int argc, char **argv)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const char *path = argc > 2 ? argv[2] : "-", *name;
	enum ctl_exit code = link_call(ctl, "read the recording", "Trace", &reply, "s", argv[1]);
	int fd, r;

	if (code != CTL_DONE)
		return code;
	if (sd_bus_message_read(reply, "hs", &fd, &name) < 0)
		return link_complain(ctl, "read the recording", NULL, -EBADMSG);
	if (text_equal(path, "-")) {
		r = copy(fd, stdout);
		return r < 0 ? link_complain(ctl, "read the recording", NULL, r) : CTL_DONE;
	}
	code = save(fd, path);
	if (code == CTL_DONE && !ctl->no_legend)
		fprintf(stderr, "Live it once more: fotactl replay %s\n", path);
	return code;
}

/* ---- metrics, version ---- */

enum ctl_exit verb_metrics(struct ctl *ctl, int argc UNUSED, char **argv UNUSED)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	enum ctl_exit code = link_call(ctl, "read the metrics", "Metrics", &reply, NULL);
	const char *text, *end;

	if (code != CTL_DONE)
		return code;
	if (sd_bus_message_read(reply, "s", &text) < 0)
		return link_complain(ctl, "read the metrics", NULL, -EBADMSG);
	for (; (end = strchr(text, '\n')); text = end + 1) {
		TEXT_AUTO line = words("%.*s", (int) (end - text), text);

		print_shown(stdout, line);
		putchar('\n');
	}
	return CTL_DONE;
}

/* fotactl has a version also where fotad has none to say. */
enum ctl_exit verb_version(struct ctl *ctl, int argc UNUSED, char **argv UNUSED)
{
	CLEANUP(json_decrefp) json_t *properties = NULL, *daemon = NULL;
	enum ctl_exit code;

	if (ctl->json == CTL_JSON_OFF)
		printf("fotactl %s\n", PACKAGE_VERSION);
	properties = link_properties(ctl, FOTAD_ROOT, FOTAD_MANAGER, &code);
	daemon = fleet_view_daemon(properties);
	if (ctl->json != CTL_JSON_OFF) {
		print_json(ctl, json_pack("{s:s, s:O, s:O}", "fotactl", PACKAGE_VERSION, "fotad",
					json_object_get(daemon, "version"), "api_version",
					json_object_get(daemon, "api_version")));
	} else if (properties) {
		TEXT_AUTO version = shown(text_of(daemon, "version"));

		printf("fotad %s\n", version);
	}
	return code;
}
