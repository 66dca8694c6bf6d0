#include "daemon/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"

#define BUS_PREFIX "bus."

struct handover {
	char **names; /* NULL-terminated, of descriptor SD_LISTEN_FDS_START + index */
	int *fds;     /* -1: adopted */
	size_t n;
};

int handover_new(struct handover **ret)
{
	struct handover *h = calloc(1, sizeof(*h));
	int n;

	if (!h)
		return -ENOMEM;
	n = sd_listen_fds_with_names(true, &h->names);
	if (n > 0) {
		h->fds = calloc((size_t) n, sizeof(int));
		if (!h->fds) {
			free(h);
			return -ENOMEM;
		}
		h->n = (size_t) n;
		for (int i = 0; i < n; i++)
			h->fds[i] = SD_LISTEN_FDS_START + i;
	}
	*ret = h;
	return 0;
}

/*
 * sd_notify(3) waits while the service manager's socket is full, and no form of it does not. That
 * takes a manager that has stopped reading: then nobody looks after the service, and the watchdog's
 * message, which sd-event sends in the same way, waits as well.
 */
static void notify(const char *name, const char *kind, int fd)
{
	char text[160];

	if (text_format(text, sizeof(text), "%s\nFDNAME=%s.%s",
		    fd < 0 ? "FDSTOREREMOVE=1" : "FDSTORE=1", kind, name) < 0)
		return;
	if (fd < 0)
		(void) sd_notify(false, text);
	else
		(void) sd_pid_notify_with_fds(0, false, text, &fd, 1);
}

struct handover *handover_free(struct handover *h)
{
	if (!h)
		return NULL;
	for (size_t i = 0; i < h->n; i++) {
		char text[300];

		if (h->fds[i] >= 0) {
			close(h->fds[i]);
			if (text_format(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s",
				    h->names[i]) == 0)
				(void) sd_notify(false, text);
		}
		free(h->names[i]);
	}
	free(h->names);
	free(h->fds);
	free(h);
	return NULL;
}

/* The descriptor stored as KIND.NAME, which is nobody else's any more; -1: none. */
static int take(struct handover *h, const char *kind, const char *name)
{
	char wanted[160];

	if (text_format(wanted, sizeof(wanted), "%s.%s", kind, name) < 0)
		return -1;
	for (size_t i = 0; i < h->n; i++)
		if (h->fds[i] >= 0 && text_equal(h->names[i], wanted)) {
			int fd = h->fds[i];

			h->fds[i] = -1;
			return fd;
		}
	return -1;
}

static size_t read_line(struct handover *h, const char *name, char *line)
{
	int fd = take(h, "line", name);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = pread(fd, line, AT_LINE_MAX, 0);
	close(fd);
	notify(name, "line", -1);
	return n > 0 ? (size_t) n : 0;
}

int handover_adopt(struct handover *h, const char *name, dev_t device,
	char ret_line[static AT_LINE_MAX], size_t *ret_size)
{
	int fd = take(h, "port", name);
	struct stat st;

	*ret_size = read_line(h, name, ret_line);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == device && isatty(fd) &&
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == 0)
		return fd;
	close(fd);
	notify(name, "port", -1);
	return -1;
}

void handover_store(const char *name, int fd)
{
	notify(name, "port", fd);
}

void handover_store_line(const char *name, const char *line, size_t size)
{
	int fd;

	if (size == 0)
		return;
	fd = memfd_create("fotad-line", MFD_CLOEXEC);
	if (fd < 0)
		return;
	if (pwrite(fd, line, size, 0) == (ssize_t) size)
		notify(name, "line", fd);
	close(fd);
}

void handover_forget(const char *name)
{
	notify(name, "port", -1);
}

int handover_adopt_bus(struct handover *h, char ret_name[static HANDOVER_NAME_MAX])
{
	for (size_t i = 0; i < h->n; i++)
		if (h->fds[i] >= 0 && text_starts_with(h->names[i], BUS_PREFIX) &&
			text_format(ret_name, HANDOVER_NAME_MAX, "%s",
				h->names[i] + strlen(BUS_PREFIX)) == 0)
			return take(h, "bus", ret_name);
	return -1;
}

void handover_store_bus(const char *name, int fd)
{
	notify(name, "bus", fd);
}

void handover_forget_bus(const char *name)
{
	notify(name, "bus", -1);
}
