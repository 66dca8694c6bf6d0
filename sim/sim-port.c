/*
 * Pseudo-terminals. The slave is the modem's port: a link NAME in the directory points to it, and
 * is replaced atomically when the port comes back.
 */
#include "sim/sim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"

static int open_master(unsigned *ret_number)
{
	int fd, unlock = 0;

	fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, TIOCSPTLCK, &unlock) < 0 || ioctl(fd, TIOCGPTN, ret_number) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

/*
 * Raw, so that nothing is echoed before a host has set it up; and opened once, because the kernel
 * reports a hang-up on the master only after a first close (pty_close()).
 */
static int prepare_slave(const struct sim *sim, const char *path)
{
	struct termios termios;
	int fd;

	fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (tcgetattr(fd, &termios) == 0) {
		cfmakeraw(&termios);
		tcsetattr(fd, TCSANOW, &termios);
	}
	if (sim->options->mode != 0)
		fchmod(fd, sim->options->mode);
	close(fd);
	return 0;
}

static int link_path(const struct sim *sim, const struct sim_modem *modem, char *ret)
{
	return text_format(ret, PATH_MAX, "%s/%s", sim->options->directory, modem->name);
}

static int make_link(const struct sim *sim, const struct sim_modem *modem, const char *target)
{
	char path[PATH_MAX], temporary[PATH_MAX];
	int r;

	r = link_path(sim, modem, path);
	if (r >= 0)
		r = text_format(temporary, sizeof(temporary), "%s/.%s.new", sim->options->directory,
			modem->name);
	if (r < 0)
		return r;
	unlink(temporary);
	if (symlink(target, temporary) < 0 || rename(temporary, path) < 0)
		return -errno;
	return 0;
}

static int watch(struct sim *sim, struct sim_modem *modem, int operation, bool output)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLET | (output ? (uint32_t) EPOLLOUT : 0),
		.data.ptr = modem,
	};

	return epoll_ctl(sim->epoll, operation, modem->fd, &event) < 0 ? -errno : 0;
}

int sim_port_make(struct sim *sim, struct sim_modem *modem, bool renumber)
{
	unsigned number, old = modem->number;
	char path[64];
	int r;

	modem->fd = open_master(&number);
	if (modem->fd >= 0 && renumber && number == old) {
		/* The kernel gives out the lowest: keep it occupied until another one is there. */
		int first = modem->fd;

		modem->fd = open_master(&number);
		close(first);
	}
	if (modem->fd < 0)
		return modem->fd;
	modem->number = number;
	snprintf(path, sizeof(path), "/dev/pts/%u", number);
	r = prepare_slave(sim, path);
	if (r >= 0)
		r = watch(sim, modem, EPOLL_CTL_ADD, false);
	if (r >= 0)
		r = make_link(sim, modem, path);
	if (r < 0) {
		close(modem->fd);
		modem->fd = -1;
	}
	return r;
}

void sim_port_close(struct sim *sim, struct sim_modem *modem)
{
	char path[PATH_MAX];

	if (modem->fd < 0)
		return;
	if (link_path(sim, modem, path) >= 0)
		unlink(path);
	close(modem->fd); /* the host gets its hang-up */
	modem->fd = -1;
	modem->host_open = modem->blocked = false;
	modem->out_size = modem->out_done = 0;
}

bool sim_port_is_open(struct sim_modem *modem)
{
	struct pollfd pollfd = { .fd = modem->fd, .events = POLLIN };

	return modem->fd >= 0 && poll(&pollfd, 1, 0) >= 0 && !(pollfd.revents & POLLHUP);
}

/*
 * A USB serial port drops at its last close what nobody has read; the kernel keeps it for a
 * pseudo-terminal (operations, F12).
 */
void sim_port_drop_unread(struct sim_modem *modem)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/pts/%u", modem->number);
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	tcflush(fd, TCIFLUSH);
	close(fd);
}

ssize_t sim_port_read(struct sim_modem *modem, char *ret, size_t size)
{
	ssize_t n;

	do
		n = read(modem->fd, ret, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Writes what is in modem->out. What the kernel does not take waits until it has room. */
void sim_port_flush(struct sim *sim, struct sim_modem *modem)
{
	bool blocked = false;

	while (modem->out_done < modem->out_size) {
		ssize_t n = write(
			modem->fd, modem->out + modem->out_done, modem->out_size - modem->out_done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			break; /* nobody there: lost */
		if (n <= 0) {
			blocked = true;
			break;
		}
		modem->out_done += (size_t) n;
	}
	if (!blocked)
		modem->out_size = modem->out_done = 0;
	if (blocked != modem->blocked) {
		modem->blocked = blocked;
		watch(sim, modem, EPOLL_CTL_MOD, blocked);
	}
}

bool sim_port_is_raw(struct sim_modem *modem)
{
	struct termios termios;

	if (tcgetattr(modem->fd, &termios) < 0)
		return true;
	return !(termios.c_lflag & (ICANON | ECHO | ISIG | IEXTEN)) && !(termios.c_oflag & OPOST) &&
	       !(termios.c_iflag & (IXON | ICRNL | INLCR | IGNCR | ISTRIP));
}
