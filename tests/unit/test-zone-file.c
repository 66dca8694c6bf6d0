/* Every zone of this system: the clocks show what libc's clocks show. */
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/zone-file.h"

#define FIRST INT64_C(0)          /* 1970 */
#define LAST  INT64_C(4102444800) /* 2100 */
#define STEP  (9 * 86400 + 12345)

static struct zone_change memory[ZONE_CHANGES_MAX];

static void expect_as_libc(const char *name, const struct zone *zone, int64_t at)
{
	time_t t = (time_t) at;
	struct zone_span span;
	struct tm tm;

	zone_span(zone, at, &span);
	assert_non_null(localtime_r(&t, &tm));
	if (span.offset != tm.tm_gmtoff || span.begin > at || span.end <= at)
		fail_msg("%s at %lld: %d, and libc says %ld", name, (long long) at, (int) span.offset, tm.tm_gmtoff);
}

/* Is it a zone at all? */
static bool is_zone(const char *name)
{
	char path[128], magic[4] = "";
	FILE *file;

	(void) text_format(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fread(magic, sizeof(magic), 1, file) != 1)
		magic[0] = '\0';
	fclose(file);
	return memcmp(magic, "TZif", sizeof(magic)) == 0;
}

struct seen {
	size_t zones, others, changes;
	bool berlin, ushuaia;
};

static void check_zone(const char *name, void *userdata)
{
	struct seen *seen = userdata;
	struct zone zone;
	int r = zone_file_load(name, INT64_MIN, memory, ELEMENTSOF(memory), &zone);

	if (!is_zone(name)) {
		assert_int_equal(r, -EBADMSG);
		seen->others++;
		return;
	}
	if (r < 0)
		fail_msg("%s: %s", name, zone_file_error(r));
	assert_int_equal(setenv("TZ", name, 1), 0);
	tzset();
	for (int64_t at = FIRST; at < LAST; at += STEP)
		expect_as_libc(name, &zone, at);
	for (int64_t at = FIRST; at < LAST;) {
		struct zone_span span;

		zone_span(&zone, at, &span);
		if (span.end >= LAST)
			break;
		expect_as_libc(name, &zone, span.end - 1);
		expect_as_libc(name, &zone, span.end);
		at = span.end;
		seen->changes++;
	}
	seen->zones++;
	seen->berlin = seen->berlin || text_equal(name, "Europe/Berlin");
	seen->ushuaia = seen->ushuaia || text_equal(name, "America/Argentina/Ushuaia");
}

static void test_every_zone(void **state)
{
	struct seen seen = { 0 };
	(void) state;

	unsetenv("TZDIR");
	if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) < 0) {
		print_message("there is no tzdata here: skipped\n");
		skip();
	}
	zone_file_each(check_zone, &seen);
	print_message("%zu zones, %zu changes, %zu other files\n", seen.zones, seen.changes, seen.others);
	assert_true(seen.zones > 300 && seen.changes > 10000 && seen.berlin && seen.ushuaia);
}

/* What is before `since` is forgotten, what is after is the same. */
static void test_since(void **state)
{
	static const char *const names[] = { "Europe/Berlin", "Asia/Gaza", "Africa/Casablanca", "America/New_York", "UTC" };
	static struct zone_change less[ZONE_CHANGES_MAX];
	const int64_t since = 1577836800; /* 2020 */
	(void) state;

	unsetenv("TZDIR");
	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		struct zone all, late;
		struct zone_span a, b;

		assert_int_equal(zone_file_load(names[i], INT64_MIN, memory, ELEMENTSOF(memory), &all), 0);
		assert_int_equal(zone_file_load(names[i], since, less, ELEMENTSOF(less), &late), 0);
		assert_true(late.n_changes < all.n_changes || all.n_changes == 0);
		for (int64_t at = since; at < LAST; at += STEP) {
			zone_span(&all, at, &a);
			zone_span(&late, at, &b);
			assert_true(a.offset == b.offset && a.end == b.end);
		}
	}
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} rows[] = {
		{ "UTC", true }, { "Europe/Berlin", true }, { "America/Argentina/Ushuaia", true }, { "Etc/GMT+12", true },
		{ "America/Port-au-Prince", true }, { "America/New_York", true },
		{ "", false }, { "/", false }, { "/etc/passwd", false }, { "..", false }, { "../../etc/passwd", false },
		{ "Europe/../Europe/Berlin", false }, { "Europe//Berlin", false }, { "Europe/", false }, { ".", false },
		{ "Europe/Ber lin", false }, { "Europe/Berlin\n", false }, { "zone.tab", false }, { ":UTC", false },
		{ "Europe/K\xc3\xb6ln", false }, { "CET-1CEST,M3.5.0,M10.5.0", false },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", true },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", false },
	};
	struct zone zone;
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		assert_int_equal(zone_file_is_name(rows[i].name, strlen(rows[i].name)), rows[i].good);
		if (!rows[i].good)
			assert_int_equal(zone_file_load(rows[i].name, 0, memory, 1, &zone), -EINVAL);
	}
}

/* ---- another directory: $TZDIR ---- */

static char directory[] = "/tmp/test-zone-file-XXXXXX";

static void write_file(const char *name, const void *data, size_t size)
{
	char path[128];
	FILE *file;

	(void) text_format(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void remove_file(const char *name)
{
	char path[128];

	(void) text_format(path, sizeof(path), "%s/%s", directory, name);
	assert_int_equal(remove(path), 0);
}

static void count(const char *name, void *userdata)
{
	assert_true(text_equal(name, "Region/Empty") || text_equal(name, "Long") || text_equal(name, "Pipe"));
	++*(size_t *) userdata;
}

static void test_directory(void **state)
{
	static const char zeros[ZONE_FILE_MAX + 1];
	struct zone zone = { .first = 7 };
	char path[128];
	size_t n = 0;
	(void) state;

	assert_non_null(mkdtemp(directory));
	assert_int_equal(setenv("TZDIR", directory, 1), 0);
	(void) text_format(path, sizeof(path), "%s/Region", directory);
	assert_int_equal(mkdir(path, 0700), 0);
	(void) text_format(path, sizeof(path), "%s/Pipe", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	write_file("Region/Empty", "", 0);
	write_file("Long", zeros, sizeof(zeros));
	write_file("zone.tab", "", 0);

	assert_int_equal(zone_file_load("Region/Empty", 0, memory, 8, &zone), -EBADMSG);
	assert_int_equal(zone_file_load("Region", 0, memory, 8, &zone), -EISDIR);
	assert_int_equal(zone_file_load("Long", 0, memory, 8, &zone), -EFBIG);
	assert_int_equal(zone_file_load("Pipe", 0, memory, 8, &zone), -EBADMSG);
	assert_int_equal(zone_file_load("Nowhere", 0, memory, 8, &zone), -ENOENT);
	assert_int_equal(zone_file_load("Long/Way", 0, memory, 8, &zone), -ENOTDIR);
	assert_int_equal(zone.first, 7);
	assert_int_equal(zone_file_load("UTC", 0, memory, 8, &zone), 0);
	assert_int_equal(zone_offset(&zone, 0), 0);
	zone_file_each(count, &n);
	assert_int_equal(n, 3);

	remove_file("Region/Empty");
	remove_file("Region");
	remove_file("Long");
	remove_file("Pipe");
	remove_file("zone.tab");
	n = 0;
	zone_file_each(count, &n);
	assert_int_equal(n, 0);
	assert_int_equal(rmdir(directory), 0);
	zone_file_each(count, &n);
	assert_int_equal(n, 0);
	unsetenv("TZDIR");
}

static void test_errors(void **state)
{
	static const int errors[] = { EINVAL, ENOENT, ENOTDIR, EISDIR, EBADMSG, EOPNOTSUPP, EMSGSIZE, EFBIG, EACCES, 9999 };
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(errors); i++)
		assert_true(strlen(zone_file_error(-errors[i])) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_zone),
		cmocka_unit_test(test_since),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
