/*
 * config-file - from a path to JSON: which files there are, whether they can be trusted, and what
 * is wrong with their syntax.
 */
#include "io/config-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define SYNTAX_SHOWN 200
#define NUL_TEXT     "a NUL character (u0000) cannot be part of a text"
#define BOM	     "\xef\xbb\xbf"

/* Who may write the file may have any modem flashed (operations, T7). */
static bool is_trusted(struct builder *b, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		problem_line(b, SEVERITY_ERROR, " is not a regular file");
	else if (st->st_mode & S_IWOTH)
		problem_line(b, SEVERITY_ERROR,
			" can be written by everybody (mode %04o); run: chmod o-w FILE",
			(unsigned) (st->st_mode & 07777));
	else if (st->st_size > CONFIG_FILE_MAX)
		problem_line(b, SEVERITY_ERROR, " is larger than %d bytes", CONFIG_FILE_MAX);
	else if (st->st_mode & S_IWGRP)
		problem_line(b, SEVERITY_WARNING,
			" can be written by its group (mode %04o); run: chmod g-w FILE",
			(unsigned) (st->st_mode & 07777));
	return S_ISREG(st->st_mode) && !(st->st_mode & S_IWOTH) && st->st_size <= CONFIG_FILE_MAX;
}

/* At most size bytes; a file that grows meanwhile is read no further. */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, buffer + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t) n;
	}
	return (ssize_t) used;
}

static void cannot(struct builder *b, const char *what, int error)
{
	if (error == ENOENT && b->file == 0)
		problem_line(b, SEVERITY_ERROR,
			" does not exist; write one (fotad's documentation holds an example), or "
			"name "
			"another with --config=FILE");
	else
		problem_line(b, SEVERITY_ERROR, " cannot be %s: %s", what, strerrordesc_np(error));
}

/* 0 with a buffer of its own; 1: a problem was said. */
static int read_file(struct builder *b, const char *path, char **ret, size_t *ret_size)
{
	struct stat st;
	char *buffer;
	ssize_t n;
	int fd;

	/* Non-blocking: somebody's FIFO must not stop the daemon. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		cannot(b, "opened", errno);
		if (fd >= 0)
			close(fd);
		return 1;
	}
	if (!is_trusted(b, &st)) {
		close(fd);
		return 1;
	}
	buffer = malloc((size_t) st.st_size + 1);
	n = buffer ? read_all(fd, buffer, (size_t) st.st_size) : -ENOMEM;
	close(fd);
	if (n < 0) {
		free(buffer);
		if (n == -ENOMEM)
			return -ENOMEM;
		cannot(b, "read", (int) -n);
		return 1;
	}
	*ret = buffer;
	*ret_size = (size_t) n;
	return 0;
}

/* The end of an object or a list was expected, and what stands there may begin another entry: its last byte is token. */
static bool lacks_comma(const json_error_t *error, char token)
{
	return (text_starts_with(error->text, "'}' expected") || text_starts_with(error->text, "']' expected")) &&
	       !strstr(error->text, "end of file") && token != '\0' && !strchr("}],:/#'", token);
}

/* jansson says what it wanted; people make the same four mistakes again and again. */
static const char *hint(const char *text, size_t size, const json_error_t *error)
{
	size_t at = error->position > 0 ? (size_t) error->position : 0;
	char token = at > 0 && at <= size ? text[at - 1] : '\0';

	if (token == '/' || token == '#')
		return "; JSON has no comments, but \"$comment\" may stand in every object";
	if (token == '\'')
		return "; strings stand in double quotes";
	if (lacks_comma(error, token))
		return "; is a comma missing before it?";
	if (token != '}' && token != ']')
		return "";
	do
		at--;
	while (at > 0 && strchr(" \t\r\n", text[at - 1]));
	return at > 0 && text[at - 1] == ',' ? "; no comma may stand before it" : "";
}

/* The text that jansson found may be a part of a password: only signs and duplicate keys are shown.
 */
static void hide_text(json_error_t *error)
{
	static const char before[] = " near '";
	char *near = strstr(error->text, before);

	if (near && json_error_code(error) != json_error_duplicate_key &&
		!strchr("{}[]:,/#'", near[sizeof(before) - 1]))
		*near = '\0';
}

static void say_syntax(struct builder *b, const char *text, size_t size, json_error_t *error)
{
	enum json_error_code code = json_error_code(error);
	char what[SYNTAX_SHOWN];

	hide_text(error);
	if (code == json_error_null_character || code == json_error_null_byte_in_key)
		text_escape(what, sizeof(what), NUL_TEXT, strlen(NUL_TEXT));
	else
		text_escape(what, sizeof(what), error->text, strlen(error->text));
	problem_line(b, SEVERITY_ERROR, "%d:%d: %s%s", error->line, error->column, what,
		hint(text, size, error));
}

static bool is_blank(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!memchr(" \t\r\n", text[i], 4))
			return false;
	return true;
}

static int parse_text(struct builder *b, const char *text, size_t size, json_t **ret)
{
	json_error_t error;
	json_t *json;

	if (size >= strlen(BOM) && memcmp(text, BOM, strlen(BOM)) == 0) {
		problem_line(b, SEVERITY_ERROR,
			"1:1: begins with a byte order mark; save it as UTF-8 without one");
		return 0;
	}
	if (is_blank(text, size)) {
		problem_line(b, SEVERITY_ERROR,
			"1:1: is empty; expected at least { \"version\": %d }", CONFIG_VERSION);
		return 0;
	}
	json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	/* Some allocations that fail leave neither a code nor a text. */
	if (!json && (json_error_code(&error) == json_error_out_of_memory || !error.text[0]))
		return -ENOMEM;
	if (!json)
		say_syntax(b, text, size, &error);
	*ret = json;
	return 0;
}

int config_file_read(struct builder *b, const char *path, struct json_t **ret)
{
	char *text = NULL;
	size_t size = 0;
	int r;

	*ret = NULL;
	r = read_file(b, path, &text, &size);
	if (r != 0)
		return r < 0 ? r : 0;
	r = parse_text(b, text, size, ret);
	explicit_bzero(text, size); /* a literal password may be in it */
	free(text);
	return r;
}

static int is_part(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > strlen(".json") &&
	       strcmp(entry->d_name + n - strlen(".json"), ".json") == 0;
}

/* By bytes, whatever the locale says. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* The directory is named in messages like a file, because it is where the problem is. */
static int list_directory(struct builder *b, const char *directory, struct dirent ***ret)
{
	struct stat st = { 0 };
	int n, r;

	if (stat(directory, &st) < 0 && errno == ENOENT)
		return 0;
	n = scandir(directory, ret, is_part, by_name);
	if (n >= 0 && n <= CONFIG_FILES_MAX && !(st.st_mode & S_IWOTH))
		return n;
	if (n < 0 && errno == ENOMEM)
		return -ENOMEM;
	r = n < 0 ? errno : 0;
	for (int i = 0; i < n; i++)
		free((*ret)[i]);
	if (n >= 0)
		free(*ret);
	*ret = NULL;
	if (builder_enter_file(b, directory) < 0)
		return -ENOMEM;
	if (r > 0)
		cannot(b, "read", r);
	else if (n > CONFIG_FILES_MAX)
		problem_line(b, SEVERITY_ERROR, " holds more than %d files", CONFIG_FILES_MAX);
	else
		problem_line(b, SEVERITY_ERROR,
			" can be written by everybody; run: chmod o-w DIRECTORY");
	return 0;
}

int config_file_list(struct builder *b, const char *path, char ***ret, size_t *ret_n)
{
	const char *slash = strrchr(path, '/');
	int length = slash ? (int) (slash - path) + 1 : 0, n;
	struct dirent **entries = NULL;
	char *directory, **paths;
	bool failed = false;

	if (asprintf(&directory, "%.*sconf.d", length, path) < 0)
		return -ENOMEM;
	n = list_directory(b, directory, &entries);
	paths = n < 0 ? NULL : calloc((size_t) n + 1, sizeof(*paths));
	for (int i = 0; i < n; i++) {
		if (paths && asprintf(&paths[i], "%s/%s", directory, entries[i]->d_name) < 0) {
			paths[i] = NULL;
			failed = true;
		}
		free(entries[i]);
	}
	free(entries);
	free(directory);
	if (paths && !failed) {
		*ret = paths;
		*ret_n = (size_t) n;
		return 0;
	}
	for (int i = 0; paths && i < n; i++)
		free(paths[i]);
	free(paths);
	return -ENOMEM;
}
