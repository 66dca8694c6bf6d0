/*
 * History, and Trace: what is kept of the past. History is read by the store's thread; the call is answered when it is there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "daemon/bus-internal.h"
#include "daemon/control.h"
#include "io/bundle-file.h"

#define LINES_MAX 1000

static int add_text(sd_bus_message *m, const char *key, const char *text)
{
	struct bus_value value;

	if (!text[0])
		return 0;
	bus_set_text(&value, text);
	return sd_bus_message_append(m, "{sv}", key, "s", value.text);
}

static int add_line(sd_bus_message *m, const struct store_history *line)
{
	const struct {
		const char *key, *text;
	} texts[] = {
		{ "who", line->who == STORE_OPERATOR ? "operator" : "daemon" },
		{ "modem", line->modem },
		{ "campaign", line->campaign },
		{ "imei", line->imei },
		{ "what", line->what },
		{ "from", line->from },
		{ "to", line->to },
		{ "reason", reason_name(line->reason) },
		{ "detail", line->detail },
	};
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (r >= 0)
		r = sd_bus_message_append(m, "{sv}", "time", "t", line->time);
	for (size_t i = 0; i < ELEMENTSOF(texts) && r >= 0; i++)
		r = add_text(m, texts[i].key, texts[i].text);
	if (r >= 0 && line->who == STORE_OPERATOR && line->uid >= 0)
		r = sd_bus_message_append(m, "{sv}", "uid", "u", (uint32_t) line->uid);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int send_lines(sd_bus_message *m, const struct store_history *lines, size_t n)
{
	sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_return(m, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (size_t i = 0; i < n && r >= 0; i++)
		r = add_line(reply, &lines[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r;
}

static void on_lines(int error, const struct store_history *lines, size_t n, void *userdata)
{
	sd_bus_message *m = userdata;

	if (error >= 0)
		error = send_lines(m, lines, n);
	if (error < 0)
		(void) sd_bus_reply_method_errorf(
			m, BUS_ERROR "Store", "the history cannot be read: %s", strerror(-error));
	sd_bus_message_unref(m);
}

int bus_history(struct bus *b, sd_bus_message *m, sd_bus_error *error)
{
	const char *name;
	uint32_t max;
	int r = sd_bus_message_read(m, "su", &name, &max);

	if (r < 0)
		return r;
	if (max == 0 || max > LINES_MAX)
		max = LINES_MAX;
	r = manager_history(b->manager, name, max, on_lines, sd_bus_message_ref(m));
	if (r >= 0)
		return r;
	sd_bus_message_unref(m);
	if (r == -EINVAL)
		return sd_bus_error_set(
			error, SD_BUS_ERROR_INVALID_ARGS, "a name has at most 64 characters");
	return r == -EBUSY ? sd_bus_error_set(error, BUS_ERROR "Busy",
				     "too many ask for the history at this moment; try again")
			   : r;
}

/* ---- Trace ---- */

/* "STAMPZ-MODEM-REASON.json" (io/bundle-writer.c): stamps sort by age, and a modem's name may hold a '-', too. */
static bool is_of(const char *file, const char *modem)
{
	const char *rest = strchr(file, '-');
	size_t n = strlen(modem);
	char word[64];

	if (!rest || strncmp(rest + 1, modem, n) != 0 || rest[1 + n] != '-')
		return false;
	rest += 1 + n + 1;
	n = strcspn(rest, ".");
	if (!text_equal(rest + n, ".json") || text_copy_n(word, sizeof(word), rest, n) < 0)
		return false;
	return reason_by_name(word) != REASON_NONE;
}

static bool find_newest(int directory, const char *modem, char ret[static BUNDLE_NAME_MAX])
{
	int copy = fcntl(directory, F_DUPFD_CLOEXEC, 3);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;

	ret[0] = '\0';
	if (!dir) {
		if (copy >= 0)
			close(copy);
		return false;
	}
	while ((entry = readdir(dir)))
		if (strlen(entry->d_name) < BUNDLE_NAME_MAX && is_of(entry->d_name, modem) &&
			strcmp(entry->d_name, ret) > 0)
			memcpy(ret, entry->d_name, strnlen(entry->d_name, BUNDLE_NAME_MAX - 1) + 1);
	closedir(dir);
	return ret[0];
}

/* The directory holds at most BUNDLE_COUNT_MAX small files; only their names are read here. */
static int open_newest(const struct manager *g, const char *modem, char ret[static BUNDLE_NAME_MAX])
{
	char path[PATH_MAX];
	int directory, fd = -ENOENT;

	if (text_format(path, sizeof(path), "%s/" BUNDLE_DIRECTORY, g->options.state_directory) < 0)
		return -ENAMETOOLONG;
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return -errno;
	if (find_newest(directory, modem, ret)) {
		fd = openat(directory, ret, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0)
			fd = -errno;
	}
	close(directory);
	return fd;
}

int bus_trace(struct bus *b, sd_bus_message *m, sd_bus_error *error)
{
	struct control_target target;
	char file[BUNDLE_NAME_MAX];
	const char *name;
	int fd, r = sd_bus_message_read(m, "s", &name);

	if (r < 0)
		return r;
	if (!control_find(b->manager, name, &target) || !target.modem)
		return bus_no_such_name(error, name);
	name = target.modem->config->name;
	fd = open_newest(b->manager, name, file);
	if (fd == -ENOENT)
		return sd_bus_error_setf(error, BUS_ERROR "NothingToDo",
			"there is no recording of %s: only attempts that fail, or end unknown, "
			"leave one",
			name);
	if (fd < 0)
		return fd;
	r = sd_bus_reply_method_return(m, "hs", fd, file);
	close(fd);
	return r;
}
