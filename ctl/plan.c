#include <stdio.h>

#include "ctl/link.h"
#include "ctl/print.h"
#include "ctl/table.h"
#include "ctl/text.h"

static json_t *moment(int64_t when)
{
	char buffer[WHEN_MAX];

	return when > 0 && when < INT64_MAX ? json_string(when_rfc3339(buffer, (usec_t) when))
					    : json_null();
}

static json_t *plan_rows(const json_t *rows)
{
	json_t *list = json_array(), *row;
	size_t i;

	json_array_foreach ((json_t *) rows, i, row) {
		const char *note = json_string_value(json_array_get(row, 4));

		json_array_append_new(list,
			json_pack("{s:O, s:o, s:o, s:O, s:s?}", "modem", json_array_get(row, 0),
				"start", moment(json_integer_value(json_array_get(row, 1))), "end",
				moment(json_integer_value(json_array_get(row, 2))), "bytes",
				json_array_get(row, 3), "note", note && note[0] ? note : NULL));
	}
	return list;
}

static json_t *plan_sum(const json_t *sum)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:b}", "jobs",
		number_of(sum, "jobs", 0), "held", number_of(sum, "held", 0), "late",
		number_of(sum, "late", 0), "bytes", number_of(sum, "bytes", 0), "end",
		moment(number_of(sum, "end", 0)), "end_early", moment(number_of(sum, "early", 0)),
		"end_late", moment(number_of(sum, "late_end", 0)), "learned",
		flag_of(sum, "learned"));
}

static void print_plan_rows(const struct ctl *ctl, const json_t *rows)
{
	static const struct table_column columns[] = { { "MODEM", TABLE_LEFT },
		{ "START", TABLE_LEFT }, { "END", TABLE_LEFT }, { "SIZE", TABLE_RIGHT },
		{ "NOTE", TABLE_CUT } };
	TABLE_AUTO table = table_new(ctl, columns, ELEMENTSOF(columns));
	char start[WHEN_MAX], end[WHEN_MAX], size[WHEN_MAX];
	json_t *row;
	size_t i;

	json_array_foreach ((json_t *) rows, i, row) {
		table_row(table);
		table_cell(table, text_of(row, "modem"), TABLE_PLAIN);
		table_cell(table, when_text(start, when_of(row, "start")), TABLE_PLAIN);
		table_cell(table, when_text(end, when_of(row, "end")), TABLE_PLAIN);
		table_cell(table, size_text(size, number_of(row, "bytes", -1)), TABLE_PLAIN);
		table_cell(table, text_of(row, "note"),
			text_of(row, "note") ? TABLE_YELLOW : TABLE_PLAIN);
	}
	table_print(table);
}

static void print_plan_sum(const json_t *sum)
{
	char end[WHEN_MAX], early[WHEN_MAX], late[WHEN_MAX], size[WHEN_MAX];
	long long jobs = number_of(sum, "jobs", 0);

	if (jobs == 0) {
		printf("Nothing is left to do.\n");
		return;
	}
	printf("\n%lld %s to go, %s to download.\n", jobs, jobs == 1 ? "job" : "jobs",
		size_text(size, number_of(sum, "bytes", 0)));
	if (when_of(sum, "end") > 0)
		printf("All over by %s; if all are quick %s, if all are slow %s.\n",
			when_text(end, when_of(sum, "end")),
			when_text(early, when_of(sum, "end_early")),
			when_text(late, when_of(sum, "end_late")));
	if (number_of(sum, "held", 0) > 0)
		printf("%lld will not go by waiting alone: fotactl explain NAME says why.\n",
			number_of(sum, "held", 0));
	if (number_of(sum, "late", 0) > 0)
		printf("%lld will not fit before not_after or into any window.\n",
			number_of(sum, "late", 0));
	if (!flag_of(sum, "learned"))
		printf("These times are guesses: too few upgrades were seen yet.\n");
}

enum ctl_exit verb_plan(struct ctl *ctl, int argc, char **argv)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	CLEANUP(json_decrefp) json_t *rows = NULL, *sum = NULL, *raw_rows = NULL, *raw_sum = NULL;
	enum ctl_exit code = link_call(ctl, "plan", "Plan", &reply, "s", argc > 1 ? argv[1] : "");

	if (code != CTL_DONE)
		return code;
	raw_rows = link_json(reply);
	raw_sum = link_json(reply);
	rows = plan_rows(raw_rows);
	sum = plan_sum(raw_sum);
	if (ctl->json != CTL_JSON_OFF) {
		print_json(ctl, json_pack("{s:O, s:O}", "plan", rows, "sum", sum));
		return CTL_DONE;
	}
	print_plan_rows(ctl, rows);
	if (!ctl->no_legend)
		print_plan_sum(sum);
	return CTL_DONE;
}
