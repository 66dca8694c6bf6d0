#include "ctl/holders.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/link.h"
#include "ctl/text.h"

#define LOCKS "/run/lock" /* FHS 3.0, 5.9 */

static void close_directory(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

static char *name_of(pid_t pid)
{
	char path[64], name[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int) pid);
	file = fopen(path, "re");
	if (file) {
		if (!fgets(name, sizeof(name), file))
			name[0] = '\0';
		fclose(file);
	}
	name[strcspn(name, "\n")] = '\0';
	return words("%s (process %d)", name[0] ? name : "a program", (int) pid);
}

static bool has_open(pid_t pid, dev_t device)
{
	CLEANUP(close_directory) DIR *directory = NULL;
	char path[64];
	struct dirent *entry;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int) pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory)))
		if (fstatat(dirfd(directory), entry->d_name, &st, 0) == 0 && S_ISCHR(st.st_mode) &&
			st.st_rdev == device)
			return true;
	return false;
}

static pid_t opener_of(dev_t device)
{
	CLEANUP(close_directory) DIR *directory = opendir("/proc");
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		pid_t pid = isdigit((unsigned char) entry->d_name[0]) ? atoi(entry->d_name) : 0;

		if (pid > 0 && pid != getpid() && has_open(pid, device))
			return pid;
	}
	return 0;
}

/* "/dev/ttyUSB0" is LCK..ttyUSB0, as lib/io/serial and picocom name it. */
static pid_t locker_of(const char *path)
{
	const char *name = text_starts_with(path, "/dev/") ? path + strlen("/dev/") : path + 1;
	TEXT_AUTO file = words(LOCKS "/LCK..%s", name);
	char text[32];
	ssize_t n;
	int fd, pid;

	for (char *c = file + strlen(LOCKS "/LCK.."); *c; c++)
		if (*c == '/')
			*c = '_';
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	pid = atoi(text);
	return pid > 0 && pid != getpid() && (kill(pid, 0) == 0 || errno == EPERM) ? pid : 0;
}

char *holder_of(const char *path)
{
	struct stat st;
	pid_t pid = locker_of(path);

	if (pid == 0 && stat(path, &st) == 0 && S_ISCHR(st.st_mode))
		pid = opener_of(st.st_rdev);
	return pid > 0 ? name_of(pid) : NULL;
}

bool holders_are_visible(void)
{
	return geteuid() == 0;
}

#define MODEM_MANAGER "org.freedesktop.ModemManager1"

json_t *modem_manager_devices(struct ctl *ctl)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	CLEANUP(json_decrefp) json_t *objects = NULL;
	json_t *devices, *object;
	const char *path;

	if (!link_try(ctl) || !link_is_on_bus(ctl, MODEM_MANAGER) ||
		sd_bus_call_method(ctl->bus, MODEM_MANAGER, "/org/freedesktop/ModemManager1",
			"org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL, &reply,
			NULL) < 0)
		return NULL;
	objects = link_json(reply);
	devices = json_array();
	json_object_foreach (objects, path, object) {
		json_t *device =
			json_object_get(json_object_get(object, MODEM_MANAGER ".Modem"), "Device");

		if (json_is_string(device))
			json_array_append(devices, device);
	}
	return devices;
}
