/* The text that Prometheus reads, and the file that it lies in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "io/metrics.h"

static char *text;
static size_t size;

static FILE *begin(void)
{
	FILE *f;

	free(text);
	text = NULL;
	f = open_memstream(&text, &size);
	assert_non_null(f);
	return f;
}

static void expect(FILE *f, const char *expected)
{
	fclose(f);
	assert_string_equal(text, expected);
	free(text);
	text = NULL;
}

static void test_samples(void **state)
{
	const struct metrics_label labels[] = { { "campaign", "winter" }, { "state", "a\"b\\c\nd" }, { 0 } };
	FILE *f = begin();

	(void) state;
	metrics_family(f, "fotad_slots", METRICS_GAUGE, "How many.");
	metrics_number(f, "fotad_slots", NULL, 8);
	metrics_family(f, "fotad_x_total", METRICS_COUNTER, "All.");
	metrics_number(f, "fotad_x_total", labels, UINT64_MAX);
	metrics_seconds(f, "fotad_start_time_seconds", NULL, 1700000000 * SEC + 7);
	metrics_seconds(f, "fotad_r", labels + 2, 500 * MSEC);
	expect(f, "# HELP fotad_slots How many.\n# TYPE fotad_slots gauge\nfotad_slots 8\n"
		  "# HELP fotad_x_total All.\n# TYPE fotad_x_total counter\n"
		  "fotad_x_total{campaign=\"winter\",state=\"a\\\"b\\\\c\\nd\"} 18446744073709551615\n"
		  "fotad_start_time_seconds 1700000000.000007\n"
		  "fotad_r 0.500000\n");
}

/* Buckets count what is not longer than they are, and all that is in those before. */
static void test_durations(void **state)
{
	const usec_t durations[] = { 0, 5 * SEC, 5 * SEC + 1, 20 * SEC, 3 * HOUR, 5 * HOUR };
	const struct metrics_label labels[] = { { "phase", "installing" }, { 0 } };
	struct metrics_histogram h = { 0 };
	FILE *f = begin();

	(void) state;
	for (size_t i = 0; i < ELEMENTSOF(durations); i++)
		metrics_observe(&h, durations[i]);
	metrics_durations(f, "d", labels, &h);
	expect(f, "d_bucket{phase=\"installing\",le=\"5\"} 2\n"
		  "d_bucket{phase=\"installing\",le=\"15\"} 3\n"
		  "d_bucket{phase=\"installing\",le=\"30\"} 4\n"
		  "d_bucket{phase=\"installing\",le=\"60\"} 4\n"
		  "d_bucket{phase=\"installing\",le=\"120\"} 4\n"
		  "d_bucket{phase=\"installing\",le=\"300\"} 4\n"
		  "d_bucket{phase=\"installing\",le=\"600\"} 4\n"
		  "d_bucket{phase=\"installing\",le=\"1200\"} 4\n"
		  "d_bucket{phase=\"installing\",le=\"1800\"} 4\n"
		  "d_bucket{phase=\"installing\",le=\"3600\"} 4\n"
		  "d_bucket{phase=\"installing\",le=\"7200\"} 4\n"
		  "d_bucket{phase=\"installing\",le=\"14400\"} 5\n"
		  "d_bucket{phase=\"installing\",le=\"+Inf\"} 6\n"
		  "d_sum{phase=\"installing\"} 28830.000001\n"
		  "d_count{phase=\"installing\"} 6\n");
	f = begin();
	metrics_durations(f, "d", NULL, &(struct metrics_histogram){ 0 });
	fclose(f);
	assert_non_null(strstr(text, "d_bucket{le=\"+Inf\"} 0\nd_sum 0.000000\nd_count 0\n"));
}

/* ---- the file ---- */

struct site {
	char directory[64], path[96], other[128];
	struct metrics_writer *writer;
};

static int set_up(void **state)
{
	struct site *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	strcpy(s->directory, "/tmp/fotad-test-metrics-XXXXXX");
	assert_non_null(mkdtemp(s->directory));
	snprintf(s->path, sizeof(s->path), "%s/fotad.prom", s->directory);
	snprintf(s->other, sizeof(s->other), "%s.new", s->path);
	assert_int_equal(metrics_writer_new(&s->writer), 0);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct site *s = *state;

	metrics_writer_free(s->writer);
	(void) unlink(s->other);
	(void) unlink(s->path);
	(void) rmdir(s->path);
	assert_int_equal(rmdir(s->directory), 0);
	free(s);
	free(text);
	text = NULL;
	return 0;
}

/* Ends the thread, and with it all writing. */
static void write_and_end(struct site *s, const char *what)
{
	assert_int_equal(metrics_writer_put(s->writer, s->path, strdup(what)), 0);
	s->writer = metrics_writer_free(s->writer);
}

static void expect_file(const struct site *s, const char *expected)
{
	char read_back[64];
	int fd = open(s->path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, read_back, sizeof(read_back));

	close(fd);
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(read_back, expected, n);
	assert_int_equal(access(s->other, F_OK), -1);
}

/* Whoever has the old file open reads it to its end; everybody may read the new one. */
static void test_replace(void **state)
{
	struct site *s = *state;
	mode_t mask = umask(077);
	char old[64];
	struct stat st;
	int fd;

	fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "old", 3), 3);
	write_and_end(s, "fotad_slots 8\n");
	umask(mask);
	expect_file(s, "fotad_slots 8\n");
	assert_int_equal(pread(fd, old, sizeof(old), 0), 3);
	close(fd);
	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
}

/* What an earlier life has left half, or somebody has laid there: it is never written through. */
static void test_leftover(void **state)
{
	struct site *s = *state;
	char target[128];

	snprintf(target, sizeof(target), "%s/target", s->directory);
	assert_int_equal(symlink(target, s->other), 0);
	write_and_end(s, "x 1\n");
	expect_file(s, "x 1\n");
	assert_int_equal(access(target, F_OK), -1);
}

static void test_result(void **state)
{
	struct site *s = *state;
	int error = 1;

	assert_false(metrics_writer_result(s->writer, &error));
	assert_int_equal(mkdir(s->path, 0700), 0); /* in the way */
	assert_int_equal(metrics_writer_put(s->writer, s->path, strdup("x 1\n")), 0);
	while (!metrics_writer_result(s->writer, &error))
		;
	assert_int_equal(error, -EISDIR);
	assert_false(metrics_writer_result(s->writer, &error));
	assert_int_equal(access(s->other, F_OK), -1);
	assert_int_equal(rmdir(s->path), 0);
	assert_int_equal(metrics_writer_put(s->writer, s->path, strdup("x 2\n")), 0);
	while (!metrics_writer_result(s->writer, &error))
		;
	assert_int_equal(error, 0);
	expect_file(s, "x 2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_durations),
		cmocka_unit_test_setup_teardown(test_replace, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_leftover, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_result, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
