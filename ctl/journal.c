#include "ctl/journal.h"

#include <string.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "base/text.h"
#include "ctl/fleet.h"
#include "ctl/table.h"
#include "ctl/text.h"

static void journal_close(sd_journal **journal)
{
	sd_journal_close(*journal);
}

/* The value of a field of the entry that the journal stands at, as a string of JSON. */
static json_t *field_value(sd_journal *journal, const char *field)
{
	const void *data;
	size_t size, skip = strlen(field) + 1;
	json_t *value;

	if (sd_journal_get_data(journal, field, &data, &size) < 0 || size < skip)
		return json_null();
	value = json_stringn((const char *) data + skip, size - skip);
	/* Not UTF-8: such a line was not written by fotad, or was damaged. */
	return value ? value : json_string("(not printable)");
}

static json_t *entry(sd_journal *journal)
{
	char buffer[WHEN_MAX];
	uint64_t when = 0;
	json_t *priority = field_value(journal, "PRIORITY");
	const char *digit = json_string_value(priority);
	json_t *line;

	(void) sd_journal_get_realtime_usec(journal, &when);
	line = json_pack("{s:s, s:i, s:o}", "time", when_rfc3339(buffer, when), "priority",
		digit && digit[0] >= '0' && digit[0] <= '7' ? digit[0] - '0' : LOG_INFO, "message",
		field_value(journal, "MESSAGE"));
	json_decref(priority);
	return line;
}

json_t *journal_lines(const char *field, const char *value, unsigned lines, const char **ret_why)
{
	CLEANUP(journal_close) sd_journal *journal = NULL;
	TEXT_AUTO match = words("%s=%s", field, value);
	json_t *list;

	*ret_why = "the journal cannot be read; to see it, join group systemd-journal or use sudo";
	if (sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY) < 0 ||
		sd_journal_add_match(journal, match, 0) < 0 || sd_journal_seek_tail(journal) < 0)
		return NULL;
	list = json_array();
	while (json_array_size(list) < lines && sd_journal_previous(journal) > 0)
		json_array_insert_new(list, 0, entry(journal));
	if (json_array_size(list) == 0 && sd_journal_has_persistent_files(journal) <= 0 &&
		sd_journal_has_runtime_files(journal) <= 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}

static enum table_colour priority_colour(long long priority)
{
	return priority <= LOG_ERR	 ? TABLE_RED
	       : priority <= LOG_WARNING ? TABLE_YELLOW
					 : TABLE_PLAIN;
}

void journal_print(const struct ctl *ctl, const json_t *lines)
{
	json_t *line;
	size_t i;

	json_array_foreach ((json_t *) lines, i, line) {
		enum table_colour colour =
			ctl->colour ? priority_colour(number_of(line, "priority", LOG_INFO))
				    : TABLE_PLAIN;
		time_t seconds = (time_t) (when_of(line, "time") / SEC);
		TEXT_AUTO message = shown(text_of(line, "message"));
		char clock[32] = "-";
		struct tm tm;

		if (localtime_r(&seconds, &tm))
			strftime(clock, sizeof(clock), "%b %d %H:%M:%S", &tm);
		printf("%s %s%s%s\n", clock, colour_on(colour), message,
			colour == TABLE_PLAIN ? "" : COLOUR_OFF);
	}
}
