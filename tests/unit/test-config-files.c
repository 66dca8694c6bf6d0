/*
 * test-config-files - which files are read, what credentials are, and what is shipped.
 *
 * test-config-files --schema writes conf/fotad.schema.json to its standard output.
 */
#include "tests/unit/config-site.h"

#include "base/macros.h"

static void test_files(void **state)
{
	struct site *s = *state;
	char path[PATH_MAX];

	site_expect_error(s, "/fotad.json: does not exist; write one");
	site_write(s, "fotad.json", "{ \"version\": 1 }");
	site_load_fine(s);

	assert_int_equal(chmod(s->main, 0602), 0);
	site_expect_error(s, "/fotad.json: can be written by everybody (mode 0602)");
	assert_int_equal(chmod(s->main, 0664), 0);
	site_expect_warning(s, NULL, "/fotad.json: can be written by its group (mode 0664)");
	assert_int_equal(chmod(s->main, 0644), 0);
	site_load_fine(s);
	assert_int_equal(s->problems.n_warnings, 0);

	assert_int_equal(truncate(s->main, CONFIG_FILE_MAX + 1), 0);
	site_expect_error(s, "/fotad.json: is larger than 16777216 bytes");
	unlink(s->main);
	assert_int_equal(mkfifo(s->main, 0600), 0);
	site_expect_error(s, "/fotad.json: is not a regular file");
	unlink(s->main);
	assert_int_equal(mkdir(s->main, 0700), 0);
	site_expect_error(s, "/fotad.json: is not a regular file");
	rmdir(s->main);

	site_write(s, "fotad.json", "{ \"version\": 1 }");
	snprintf(path, sizeof(path), "%s/conf.d/a.json", s->directory);
	assert_int_equal(symlink("/nonexistent", path), 0);
	site_expect_error(s, "/conf.d/a.json: cannot be opened: No such file or directory");
	unlink(path);
	snprintf(path, sizeof(path), "%s/conf.d", s->directory);
	assert_int_equal(chmod(path, 0777), 0);
	site_expect_error(s, "/conf.d: can be written by everybody");
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(rmdir(path), 0);
	site_load_fine(s);
}

/* A name may not play tricks on a terminal. */
static void test_file_names(void **state)
{
	struct site *s = *state;

	site_write(s, "fotad.json", "{ \"version\": 1 }");
	site_write(s, "conf.d/\033[2J.json", "");
	site_expect_error(s, "/conf.d/\\x1b[2J.json:1:1: is empty");
}

static void test_credential(void **state)
{
	static const struct {
		const char *text;
		int r;
		const char *expected;
	} rows[] = {
		{ "secret", 0, "secret" },
		{ "secret\n", 0, "secret" },
		{ "a b", 0, "a b" },
		{ "secret\n\n", -EINVAL, NULL },
		{ "secret\r\n", -EINVAL, NULL },
		{ "", -EINVAL, NULL },
		{ "\n", -EINVAL, NULL },
		{ "a\"b", -EINVAL, NULL },
		{ "a\\b", -EINVAL, NULL },
		{ "\xc3\xa4", -EINVAL, NULL },
	};
	struct site *s = *state;
	char secret[GTOTA_FIELD_MAX + 1], text[GTOTA_FIELD_MAX + 3];

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		strcpy(secret, "untouched");
		site_write(s, "name", rows[i].text);
		assert_int_equal(config_credential(s->directory, "name", secret), rows[i].r);
		assert_string_equal(secret, rows[i].expected ? rows[i].expected : "untouched");
	}
	memset(text, 'x', sizeof(text));
	text[GTOTA_FIELD_MAX] = '\n';
	site_put(s, "name", text, GTOTA_FIELD_MAX + 1);
	assert_int_equal(config_credential(s->directory, "name", secret), 0);
	assert_int_equal(strlen(secret), GTOTA_FIELD_MAX);
	text[GTOTA_FIELD_MAX] = 'x';
	site_put(s, "name", text, GTOTA_FIELD_MAX + 1);
	assert_int_equal(config_credential(s->directory, "name", secret), -EMSGSIZE);
	site_put(s, "name", "a\0b", 3);
	assert_int_equal(config_credential(s->directory, "name", secret), -EINVAL);

	assert_int_equal(config_credential(s->directory, "other", secret), -ENOENT);
	assert_int_equal(config_credential(NULL, "name", secret), -ENOENT);
	assert_int_equal(config_credential(s->directory, "../name", secret), -EINVAL);
	assert_int_equal(config_credential(s->directory, "..", secret), -EINVAL);
	assert_int_equal(config_credential(s->directory, "", secret), -EINVAL);
	assert_int_equal(config_credential(s->directory, "conf.d", secret), -EISDIR);
}

static char *read_source(const char *name)
{
	const char *srcdir = getenv("FOTAD_SRCDIR");
	char path[PATH_MAX], *text = calloc(1, 1 << 20);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", srcdir ? srcdir : ".", name);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	return text;
}

static void test_schema(void **state)
{
	char *expected = read_source("conf/fotad.schema.json"), *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	(void) state;
	assert_non_null(file);
	assert_int_equal(config_write_schema(file), 0);
	fclose(file);
	assert_string_equal(text, expected);
	free(text);
	free(expected);
}

static void test_schema_to_full_disk(void **state)
{
	FILE *file = fopen("/dev/full", "w");

	(void) state;
	assert_non_null(file);
	assert_int_equal(config_write_schema(file), -EIO);
	fclose(file);
}

/* What is shipped to begin from is right, and does nothing: it opens no port. */
static void test_shipped(void **state)
{
	struct site *s = *state;
	char *text = read_source("conf/fotad.json");

	site_write(s, "fotad.json", text);
	free(text);
	site_load_fine(s);
	assert_int_equal(s->problems.n_warnings, 0);
	assert_int_equal(s->config->n_modems, 0);
	assert_int_equal(s->config->n_campaigns, 0);
}

static void test_done_twice(void **state)
{
	struct config_problems problems = { 0 };

	(void) state;
	assert_null(config_free(NULL));
	config_problems_done(&problems);
	config_problems_done(&problems);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SITE_TEST(test_files),
		SITE_TEST(test_file_names),
		SITE_TEST(test_credential),
		SITE_TEST(test_schema),
		SITE_TEST(test_schema_to_full_disk),
		SITE_TEST(test_shipped),
		SITE_TEST(test_done_twice),
	};

	if (argc == 2 && strcmp(argv[1], "--schema") == 0)
		return config_write_schema(stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
