/* What doctor takes from a configuration, whatever else is wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "ctl/site.h"

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* As "a b c", in the order in which they were met. */
static void check_keys(json_t *object, const char *wanted)
{
	char got[512] = "";
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", got[0] ? " " : "", key);
	assert_string_equal(got, wanted);
}

static void test_read(void **state UNUSED)
{
	char directory[] = "/tmp/test-ctl-site-XXXXXX", cwd[4096];
	CLEANUP(site_clear) struct site site;

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	assert_int_equal(mkdir("conf.d", 0700), 0);
	write_file("main.json",
		"{\"modems\": [{\"name\": \"a\", \"port\": \"/dev/x\"}, {\"name\": \"no-port\"}, 7],"
		" \"packages\": [{\"http\": {\"url\": \"http://web.example/a?b\"}},"
		" {\"http\": {\"url\": \"https://[2001:db8::1]/a\"}}, {\"http\": {\"url\": \"HTTP://web.example:8080\"}},"
		" {\"ftp\": {\"server\": \"ftp.example\", \"password\": {\"credential\": \"one\"}}}],"
		" \"campaigns\": [{\"name\": \"w\", \"fetch\": \"require\"}, {\"name\": \"x\", \"fetch\": \"off\"}, {\"name\": \"y\"}]}");
	write_file("conf.d/2.json", "{\"packages\": [{\"ftp\": {\"server\": \"ftp://ftp.example:2121\"}}],"
				    " \"modems\": [{\"name\": \"b\", \"port\": \"/dev/y\"}]}");
	write_file("conf.d/1.json", "{\"modems\": [{\"apn\": {\"password\": {\"credential\": \"two\"}}}]}");
	write_file("conf.d/3.json", "{ broken");
	write_file("conf.d/4.txt", "{\"modems\": [{\"name\": \"c\", \"port\": \"/dev/z\"}]}");
	site_read("main.json", &site);
	check_keys(site.servers, "web.example:80 [2001:db8::1]:443 web.example:8080 ftp.example:21 ftp.example:2121");
	check_keys(site.credentials, "one two");
	check_keys(site.fetches, "w");
	assert_int_equal(json_array_size(site.modems), 2);
	for (const char *const *file = (const char *const[]) { "main.json", "conf.d/1.json", "conf.d/2.json",
		     "conf.d/3.json", "conf.d/4.txt", NULL };
		*file; file++)
		assert_int_equal(unlink(*file), 0);
	assert_int_equal(rmdir("conf.d"), 0);
	assert_int_equal(chdir(cwd), 0);
	assert_int_equal(rmdir(directory), 0);
}

static void test_nothing(void **state UNUSED)
{
	CLEANUP(site_clear) struct site site;

	site_read("/nonexistent/fotad.json", &site);
	assert_int_equal(json_array_size(site.modems), 0);
	check_keys(site.servers, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
