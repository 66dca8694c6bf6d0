/*
 * screen - the terminal while fotactl draws on it: its other screen, no cursor, no echo. However fotactl ends, the terminal
 * is as it was.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool screen_is_possible(void); /* stdin and stdout are terminals that know escape sequences */

int screen_open(void);	 /* -E... */
void screen_close(void); /* also when it is not open */

void screen_size(size_t *ret_columns, size_t *ret_rows);

/* Draws lines over what is there; what does not fit is left out. */
void screen_paint(const char *text);
