/*
 * parse - what one report of a download costs: from bytes in memory through the channel and the
 *parser of reports, against memchr() for each newline, which is the least that finds a line.
 *
 *	parse [ROUNDS]			CPU, interleaved; prints "NAME VALUE" lines, medians of the
 *rounds parse once CHUNK REPORTS	for counting instructions
 *
 * The chunks are what one read() gives: a byte, one report, a few, a full buffer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "core/at-channel.h"
#include "core/gtota.h"

#define ROUNDS	   9
#define ROUNDS_MAX 99
#define TEXT_MAX   (64 * 1024)
#define BYTES	   (24 * 1024 * 1024) /* of one measurement */

static const size_t chunks[] = { 1, 27, 64, 1024, 4096 };

static char text[TEXT_MAX];
static size_t text_size, text_lines;

/* Whole downloads, as a module says them. */
static void make_text(void)
{
	for (unsigned percent = 0; text_size + 40 < TEXT_MAX; percent = percent % 100 + 1) {
		text_size += (size_t) snprintf(text + text_size, TEXT_MAX - text_size,
			"\r\nGTOTA DOWNLOADING: %u%%\r\n", percent);
		text_lines++;
	}
}

static unsigned long memchr_chunk(const char *data, size_t size)
{
	const char *end = data + size, *p = data;
	unsigned long lines = 0;

	while ((p = memchr(p, '\n', (size_t) (end - p)))) {
		lines++;
		p++;
	}
	return lines;
}

static struct at_channel channel;
static unsigned long reports, percents;

/* As it is during a download: ready, and nothing in flight. */
static void synchronise(void)
{
	struct at_event event;

	at_channel_init(&channel);
	at_channel_sync(&channel, 1, 0);
	at_channel_written(&channel, 3);
	(void) at_channel_feed(&channel, "OK\r\n", 4, 0, &event);
	at_channel_advance(&channel, at_channel_deadline(&channel), &event);
	if (event.type != AT_EVENT_READY)
		exit(1);
}

static unsigned long feed_chunk(const char *data, size_t size)
{
	while (size > 0) {
		struct gtota_report report;
		struct at_event event;
		size_t n = at_channel_feed(&channel, data, size, 1, &event);

		data += n;
		size -= n;
		if (event.type == AT_EVENT_UNSOLICITED &&
			gtota_read_report(event.text, event.size, &report)) {
			reports++;
			percents += (unsigned long) report.percent;
		}
	}
	return 0;
}

typedef unsigned long worker(const char *data, size_t size);

static unsigned long work(worker *w, size_t chunk)
{
	unsigned long lines = 0;

	for (size_t i = 0; i < text_size; i += chunk)
		lines += w(text + i, text_size - i < chunk ? text_size - i : chunk);
	return lines;
}

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec * 1e9 + (double) now.tv_nsec;
}

/* Nanoseconds a line. */
static double measure(worker *w, size_t chunk)
{
	unsigned long times = BYTES / TEXT_MAX / (chunk < 16 ? 8 : 1), lines = 0;
	double begin = cpu_ns();

	for (unsigned long i = 0; i < times; i++)
		lines += work(w, chunk);
	begin = cpu_ns() - begin;
	if (lines == 0 && w == memchr_chunk)
		exit(1);
	return begin / (double) (times * text_lines);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return x < y ? -1 : x > y;
}

static double median(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

static void compare_both(size_t chunk, unsigned rounds)
{
	double bare[ROUNDS_MAX], fotad[ROUNDS_MAX], ratio[ROUNDS_MAX];

	for (unsigned i = 0; i < rounds; i++) {
		bare[i] = measure(memchr_chunk, chunk);
		fotad[i] = measure(feed_chunk, chunk);
		ratio[i] = bare[i] / fotad[i];
	}
	printf("memchr_ns_%zu %.1f\nfotad_ns_%zu %.1f\n", chunk, median(bare, rounds), chunk,
		median(fotad, rounds));
	printf("speed_%zu %.3f\n", chunk, median(ratio, rounds));
}

/* Exactly so many reports, and each must have been read. */
static int once(size_t chunk, unsigned long wanted)
{
	if (chunk == 0)
		return 64;
	while (reports + text_lines <= wanted)
		work(feed_chunk, chunk);
	printf("reports %lu\n", reports);
	return percents > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;

	make_text();
	synchronise();
	if (argc == 4 && strcmp(argv[1], "once") == 0)
		return once((size_t) atoi(argv[2]), (unsigned long) atol(argv[3]));
	rounds = rounds < 1 ? ROUNDS : rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX;
	for (size_t i = 0; i < ELEMENTSOF(chunks); i++)
		compare_both(chunks[i], (unsigned) rounds);
	return 0;
}
