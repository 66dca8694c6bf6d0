/*
 * window-next - prints when a window opens and closes: for tests/window/calendar.py.
 *
 *	window-next ZONE DAYS START END FROM UNTIL
 *
 * DAYS: a bit for each day, 1 for Monday; START, END: minutes of local time; FROM, UNTIL: seconds since 1970. One line per
 * opening that begins in [FROM, UNTIL): "SINCE UNTIL".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/window.h"
#include "io/zone-file.h"

static void print_openings(const struct window *window, usec_t from, usec_t until)
{
	struct window_opening opening;
	usec_t now = from;

	while (window_next(window, 1, now, 0, &opening) && opening.since < until) {
		if (opening.since >= from)
			printf("%" PRIu64 " %" PRIu64 "\n", opening.since / SEC, opening.until / SEC);
		now = opening.until;
	}
}

int main(int argc, char **argv)
{
	static struct zone_change memory[ZONE_CHANGES_MAX];
	struct zone zone;
	struct window window = { .zone = &zone };
	int r;

	if (argc != 7) {
		fprintf(stderr, "window-next ZONE DAYS START END FROM UNTIL\n");
		return 64;
	}
	r = zone_file_load(argv[1], INT64_MIN, memory, ZONE_CHANGES_MAX, &zone);
	if (r < 0) {
		fprintf(stderr, "%s %s\n", argv[1], zone_file_error(r));
		return 1;
	}
	window.days = (uint8_t) atoi(argv[2]);
	window.start = (uint16_t) atoi(argv[3]);
	window.end = (uint16_t) atoi(argv[4]);
	print_openings(&window, (usec_t) atoll(argv[5]) * SEC, (usec_t) atoll(argv[6]) * SEC);
	return 0;
}
