/*
 * table - rows for people, by libsmartcols: cut to the terminal's width, whole where there is no terminal or with --full.
 */
#pragma once

#include <stddef.h>

#include "ctl/ctl.h"

enum table_colour { TABLE_PLAIN, TABLE_GREEN, TABLE_RED, TABLE_YELLOW, TABLE_CYAN, TABLE_DIM };

struct table_column {
	const char *name;
	enum {
		TABLE_LEFT,
		TABLE_RIGHT,
		TABLE_CUT
	} style; /* CUT: shortened where the terminal is narrow */
};

struct table;

struct table *table_new(const struct ctl *ctl, const struct table_column *columns, size_t n);
void table_free(struct table **table); /* for CLEANUP */
#define TABLE_AUTO CLEANUP(table_free) struct table *

void table_row(struct table *table);
/* The next cell of the last row; text is copied and made safe; NULL or "" is "-". */
void table_cell(struct table *table, const char *text, enum table_colour colour);
/* What fotactl has drawn itself, such as a bar: taken as it is. */
void table_drawn(struct table *table, const char *text, enum table_colour colour);

/* As text of so many columns; 0: any width. The caller frees it. */
char *table_text(struct table *table, size_t width);
void table_print(struct table *table);

/* Columns of the terminal; 0: stdout is none, or --full was given. */
size_t table_width(const struct ctl *ctl);

const char *colour_on(enum table_colour colour); /* the escape sequence */
#define COLOUR_OFF "\033[0m"

/* The colour of a state of modem, campaign or job. */
enum table_colour state_colour(const char *state);
