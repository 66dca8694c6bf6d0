#include "ctl/table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/text.h"

struct table {
	const struct ctl *ctl;
	struct libscols_table *scols;
	struct libscols_line *line;
	size_t column;
};

static void *or_die(void *made)
{
	if (!made) {
		complain("out of memory");
		exit(CTL_FAILED);
	}
	return made;
}

static int style_flags(const struct table_column *column)
{
	return column->style == TABLE_RIGHT ? SCOLS_FL_RIGHT
	       : column->style == TABLE_CUT ? SCOLS_FL_TRUNC
					    : 0;
}

struct table *table_new(const struct ctl *ctl, const struct table_column *columns, size_t n)
{
	struct table *table = or_die(calloc(1, sizeof(*table)));

	table->ctl = ctl;
	table->scols = or_die(scols_new_table());
	scols_table_enable_noheadings(table->scols, ctl->no_legend);
	scols_table_enable_colors(table->scols, ctl->colour);
	scols_table_set_column_separator(table->scols, "  ");
	/* Cells are safe already, and its own way of writing a backslash is none of ours. */
	scols_table_enable_noencoding(table->scols, 1);
	for (size_t i = 0; i < n; i++)
		or_die(scols_table_new_column(
			table->scols, columns[i].name, 0, style_flags(&columns[i])));
	return table;
}

void table_free(struct table **table)
{
	if (!*table)
		return;
	scols_unref_table((*table)->scols);
	free(*table);
}

void table_row(struct table *table)
{
	table->line = or_die(scols_table_new_line(table->scols, NULL));
	table->column = 0;
}

void table_drawn(struct table *table, const char *text, enum table_colour colour)
{
	scols_line_set_data(table->line, table->column, text);
	if (colour != TABLE_PLAIN && table->ctl->colour)
		scols_cell_set_color(
			scols_line_get_cell(table->line, table->column), colour_on(colour));
	table->column++;
}

void table_cell(struct table *table, const char *text, enum table_colour colour)
{
	TEXT_AUTO safe = shown(text && text[0] ? text : "-");

	table_drawn(table, safe, colour);
}

char *table_text(struct table *table, size_t width)
{
	char *text = NULL;

	scols_table_set_termforce(
		table->scols, width > 0 ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
	if (width > 0)
		scols_table_set_termwidth(table->scols, width);
	if (scols_print_table_to_string(table->scols, &text) < 0)
		text = NULL;
	return or_die(text);
}

void table_print(struct table *table)
{
	TEXT_AUTO text = NULL;

	if (scols_table_is_empty(table->scols))
		return;
	text = table_text(table, table_width(table->ctl));
	/* The library leaves the end of the last line to the caller when it writes to a string. */
	printf("%s\n", text);
}

size_t table_width(const struct ctl *ctl)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size = { 0 };
	long width = columns ? strtol(columns, NULL, 10) : 0;

	if (ctl->full || !isatty(STDOUT_FILENO))
		return 0;
	if (width > 0 && width < 10000)
		return (size_t) width;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

const char *colour_on(enum table_colour colour)
{
	switch (colour) {
	case TABLE_PLAIN:
		return "";
	case TABLE_GREEN:
		return "\033[32m";
	case TABLE_RED:
		return "\033[31m";
	case TABLE_YELLOW:
		return "\033[33m";
	case TABLE_CYAN:
		return "\033[36m";
	case TABLE_DIM:
		return "\033[2m";
	}
	return "";
}

enum table_colour state_colour(const char *state)
{
	static const struct {
		const char *state;
		enum table_colour colour;
	} colours[] = {
		{ "succeeded", TABLE_GREEN },
		{ "done", TABLE_GREEN },
		{ "failed", TABLE_RED },
		{ "halted", TABLE_RED },
		{ "duplicate", TABLE_RED },
		{ "unknown", TABLE_YELLOW },
		{ "quarantined", TABLE_YELLOW },
		{ "noisy", TABLE_YELLOW },
		{ "flapping", TABLE_YELLOW },
		{ "busy-elsewhere", TABLE_YELLOW },
		{ "paused", TABLE_YELLOW },
		{ "absent", TABLE_DIM },
		{ "cancelled", TABLE_DIM },
		{ "running", TABLE_CYAN },
	};

	for (size_t i = 0; state && i < ELEMENTSOF(colours); i++)
		if (text_equal(state, colours[i].state))
			return colours[i].colour;
	return TABLE_PLAIN;
}
