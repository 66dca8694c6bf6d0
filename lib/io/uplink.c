#include "io/uplink.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"

#define ROUTES_MAX (256 * 1024) /* of a table that is read: a gateway is no backbone router */

/* The directory of the USB device that the tty belongs to. */
static bool find_device(const char *root, dev_t tty, char ret[static PATH_MAX])
{
	char path[PATH_MAX], file[PATH_MAX + 16], *slash;

	if (text_format(path, sizeof(path), "%s/sys/dev/char/%u:%u", root, major(tty), minor(tty)) <
			0 ||
		!realpath(path, ret))
		return false;
	while ((slash = strrchr(ret, '/')) && slash != ret && strlen(ret) > strlen(root)) {
		(void) text_format(file, sizeof(file), "%s/idVendor", ret);
		if (access(file, F_OK) == 0)
			return true;
		*slash = '\0';
	}
	return false;
}

/* Where its device is; false: it is none. */
static bool find_interface(const char *root, const char *interface, char ret[static PATH_MAX])
{
	char path[PATH_MAX];

	return text_format(path, sizeof(path), "%s/sys/class/net/%s/device", root, interface) ==
		       0 &&
	       realpath(path, ret);
}

static bool is_below(const char *path, const char *directory)
{
	size_t n = strlen(directory);

	return strncmp(path, directory, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static bool has_carrier(const char *root, const char *interface)
{
	char path[PATH_MAX], carrier = '0';
	int fd;

	if (text_format(path, sizeof(path), "%s/sys/class/net/%s/carrier", root, interface) < 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, &carrier, 1) != 1)
		carrier = '0';
	close(fd);
	return carrier == '1';
}

static bool has_interface(const char *root, const char *device)
{
	char path[PATH_MAX], where[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *directory;

	if (text_format(path, sizeof(path), "%s/sys/class/net", root) < 0)
		return false;
	directory = opendir(path);
	while (directory && !found && (entry = readdir(directory)))
		found = entry->d_name[0] != '.' && find_interface(root, entry->d_name, where) &&
			is_below(where, device);
	if (directory)
		closedir(directory);
	return found;
}

typedef bool read_route_t(const char *line, size_t n, char ret[static INTERFACE_MAX]);

static bool is_other(const char *root, const char *device, const char *interface)
{
	char where[PATH_MAX];

	return find_interface(root, interface, where) && !is_below(where, device) &&
	       has_carrier(root, interface);
}

static bool search(const char *root, const char *device, const char *text, size_t n,
	read_route_t *read_route, char ret[static INTERFACE_MAX])
{
	char interface[INTERFACE_MAX];

	for (const char *p = text, *end = text + n, *newline; p < end; p = newline + 1) {
		newline = memchr(p, '\n', (size_t) (end - p));
		if (!newline)
			break;
		if (read_route(p, (size_t) (newline - p), interface) &&
			is_other(root, device, interface)) {
			memcpy(ret, interface, INTERFACE_MAX);
			return true;
		}
	}
	return false;
}

static bool search_table(const char *root, const char *device, const char *table,
	read_route_t *read_route, char ret[static INTERFACE_MAX])
{
	char path[PATH_MAX], *text = malloc(ROUTES_MAX);
	bool found = false;
	size_t n = 0;
	ssize_t got;
	int fd = -1;

	if (text && text_format(path, sizeof(path), "%s/proc/net/%s", root, table) == 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		while (n < ROUTES_MAX && (got = read(fd, text + n, ROUTES_MAX - n)) > 0)
			n += (size_t) got;
		close(fd);
		found = search(root, device, text, n, read_route, ret);
	}
	free(text);
	return found;
}

bool uplink_has_other_route(const char *root, dev_t tty, char ret[static INTERFACE_MAX])
{
	char device[PATH_MAX];

	return find_device(root, tty, device) && has_interface(root, device) &&
	       (search_table(root, device, "route", route_read_ipv4, ret) ||
		       search_table(root, device, "ipv6_route", route_read_ipv6, ret));
}
