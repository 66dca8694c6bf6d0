/*
 * config-site - a directory with configuration files in it, for the tests of io/config.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/config.h"

struct site {
	char directory[64];
	char main[128];
	struct config *config;
	struct config_problems problems;
};

static inline void site_put(struct site *s, const char *name, const void *data, size_t n)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", s->directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), (ssize_t) n);
	close(fd);
}

static inline void site_write(struct site *s, const char *name, const char *text)
{
	site_put(s, name, text, strlen(text));
}

static inline void site_make(struct site *s)
{
	char path[128];

	*s = (struct site){ 0 };
	strcpy(s->directory, P_tmpdir "/test-config-XXXXXX");
	assert_non_null(mkdtemp(s->directory));
	snprintf(s->main, sizeof(s->main), "%s/fotad.json", s->directory);
	snprintf(path, sizeof(path), "%s/conf.d", s->directory);
	assert_int_equal(mkdir(path, 0700), 0);
}

static inline int site_load(struct site *s, const char *credentials)
{
	s->config = config_free(s->config);
	config_problems_done(&s->problems);
	return config_load(s->main, credentials, &s->config, &s->problems);
}

static inline void site_remove_files(const char *directory)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *d = opendir(directory);

	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
			if (unlink(path) < 0)
				rmdir(path);
		}
	if (d)
		closedir(d);
}

static inline void site_done(struct site *s)
{
	char path[128];

	s->config = config_free(s->config);
	config_problems_done(&s->problems);
	snprintf(path, sizeof(path), "%s/conf.d", s->directory);
	chmod(path, 0700);
	site_remove_files(path);
	site_remove_files(s->directory);
	rmdir(s->directory);
}

/* How many of these lines hold the text? */
static inline size_t site_count(char **lines, size_t n, const char *text)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += strstr(lines[i], text) != NULL;
	return found;
}

static inline void site_print(const struct site *s)
{
	for (size_t i = 0; i < s->problems.n_errors; i++)
		print_message("        %s\n", s->problems.errors[i]);
	for (size_t i = 0; i < s->problems.n_warnings; i++)
		print_message("warning %s\n", s->problems.warnings[i]);
}

static inline void site_load_fine(struct site *s)
{
	int r = site_load(s, NULL);

	if (r < 0)
		site_print(s);
	assert_int_equal(r, 0);
	assert_non_null(s->config);
}

static inline void site_expect_error(struct site *s, const char *expected)
{
	assert_int_equal(site_load(s, NULL), -EBADMSG);
	assert_null(s->config);
	if (site_count(s->problems.errors, s->problems.n_errors, expected) != 1) {
		site_print(s);
		fail_msg("expected once: %s", expected);
	}
}

static inline void site_expect_warning(
	struct site *s, const char *credentials, const char *expected)
{
	assert_int_equal(site_load(s, credentials), 0);
	if (site_count(s->problems.warnings, s->problems.n_warnings, expected) != 1) {
		site_print(s);
		fail_msg("expected once: %s", expected);
	}
}

static inline int site_setup(void **state)
{
	struct site *s = calloc(1, sizeof(*s));

	site_make(s);
	*state = s;
	return 0;
}

static inline int site_teardown(void **state)
{
	site_done(*state);
	free(*state);
	return 0;
}

#define SITE_TEST(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)
