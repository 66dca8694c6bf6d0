#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"
#include "io/serial.h"
#include "io/serial-internal.h"

/* Documentation/admin-guide/devices.txt of the kernel. */
#define MAJOR_TTY_ALTERNATE   5 /* /dev/tty, /dev/console, /dev/ptmx: never a modem */
#define MAJOR_PTY_SLAVE_FIRST 136
#define MAJOR_PTY_SLAVE_LAST  143

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static void fclosep(FILE **file)
{
	if (*file)
		fclose(*file);
}

bool serial_is_pty(dev_t device)
{
	return major(device) >= MAJOR_PTY_SLAVE_FIRST && major(device) <= MAJOR_PTY_SLAVE_LAST;
}

/* Does the class tty have a device of this name and number? */
static bool is_in_tty_class(const char *name, dev_t device)
{
	CLEANUP(fclosep) FILE *file = NULL;
	char path[PATH_MAX];
	unsigned ma, mi;

	if (text_format(path, sizeof(path), "/sys/class/tty/%s/dev", name) < 0)
		return false;
	file = fopen(path, "re");
	return file && fscanf(file, "%u:%u", &ma, &mi) == 2 && makedev(ma, mi) == device;
}

int serial_resolve(const char *path, char ret[static PATH_MAX], dev_t *ret_device)
{
	char resolved[PATH_MAX];
	struct stat st;

	if (path[0] != '/')
		return -EINVAL;
	if (!realpath(path, resolved) || stat(resolved, &st) < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENOTTY;
	if (!serial_is_pty(st.st_rdev)) {
		if (major(st.st_rdev) == MAJOR_TTY_ALTERNATE)
			return -ENOTTY;
		if (!is_in_tty_class(strrchr(resolved, '/') + 1, st.st_rdev))
			return -ENOTTY;
	}
	memcpy(ret, resolved, sizeof(resolved));
	*ret_device = st.st_rdev;
	return 0;
}

/* Whose flock() is it? /proc/locks tells everybody, where it is shown at all (proc(5),
 * ProcSubset=). */
static pid_t flock_holder(int fd)
{
	CLEANUP(fclosep) FILE *file = fopen("/proc/locks", "re");
	unsigned ma, mi;
	unsigned long long inode;
	struct stat st;
	char line[256];
	int pid;

	if (!file || fstat(fd, &st) < 0)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%*u: FLOCK %*s %*s %d %x:%x:%llu", &pid, &ma, &mi, &inode) == 4 &&
			makedev(ma, mi) == st.st_dev && inode == st.st_ino)
			return pid > 0 ? pid : 0;
	return 0;
}

/* Ours alone? flock() also stops root, which TIOCEXCL does not (operations, F4). */
static int claim(int fd, bool pty, pid_t *ret_holder)
{
	int exclusive = 0;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return -errno;
		*ret_holder = flock_holder(fd);
		return -EBUSY;
	}
	/* As root we got in although somebody wants to be alone. */
	if (!pty && ioctl(fd, TIOCGEXCL, &exclusive) == 0 && exclusive)
		return -EBUSY;
	return 0;
}

/* The speeds that termios has a name for (termios.h of the kernel). */
static int speed_of(unsigned baud_rate, speed_t *ret)
{
#define SPEED(rate) rate, B##rate
	static const struct {
		unsigned baud_rate;
		speed_t speed;
	} table[] = {
		{ SPEED(1200) },
		{ SPEED(2400) },
		{ SPEED(4800) },
		{ SPEED(9600) },
		{ SPEED(19200) },
		{ SPEED(38400) },
		{ SPEED(57600) },
		{ SPEED(115200) },
		{ SPEED(230400) },
		{ SPEED(460800) },
		{ SPEED(500000) },
		{ SPEED(576000) },
		{ SPEED(921600) },
		{ SPEED(1000000) },
		{ SPEED(1152000) },
		{ SPEED(1500000) },
		{ SPEED(2000000) },
		{ SPEED(2500000) },
		{ SPEED(3000000) },
		{ SPEED(3500000) },
		{ SPEED(4000000) },
	};
#undef SPEED

	for (size_t i = 0; i < ELEMENTSOF(table); i++)
		if (table[i].baud_rate == baud_rate) {
			*ret = table[i].speed;
			return 0;
		}
	return -EINVAL;
}

static int pty_configure(int fd, unsigned baud_rate)
{
	struct termios settings;
	speed_t speed;
	int r;

	r = speed_of(baud_rate, &speed);
	if (r < 0)
		return r;
	if (tcgetattr(fd, &settings) < 0)
		return -errno;
	cfmakeraw(&settings);
	settings.c_cflag = (settings.c_cflag & ~(tcflag_t) (CSTOPB | CRTSCTS)) | CLOCAL | CREAD;
	cfsetispeed(&settings, speed);
	cfsetospeed(&settings, speed);
	return tcsetattr(fd, TCSANOW, &settings) < 0 ? -errno : 0;
}

/*
 * What libserialport leaves behind (operations, F2): HUPCL lets a close drop DTR, IXON and IXANY
 * eat bytes, and with VMIN 0 a read without bytes looks like a hangup. TCSANOW: what the module
 * said meanwhile is kept.
 */
static int tidy(int fd)
{
	struct termios settings;

	if (tcgetattr(fd, &settings) < 0)
		return -errno;
	settings.c_iflag &= ~(tcflag_t) (IXON | IXOFF | IXANY);
	settings.c_cflag &= ~(tcflag_t) HUPCL;
	settings.c_cc[VMIN] = 1;
	settings.c_cc[VTIME] = 0;
	return tcsetattr(fd, TCSANOW, &settings) < 0 ? -errno : 0;
}

static int configure(int fd, const char *path, bool pty, unsigned baud_rate)
{
	int r;

	r = pty ? pty_configure(fd, baud_rate) : serial_tty_configure(path, baud_rate);
	if (r < 0)
		return r;
	r = tidy(fd);
	if (r < 0)
		return r;
	/*
	 * Not for a pseudo-terminal: there the flag outlives its holder for as long as the other
	 * side is open, and would lock out our own next life.
	 */
	return !pty && ioctl(fd, TIOCEXCL) < 0 ? -errno : 0;
}

int serial_port_open(
	const char *path, dev_t device, unsigned baud_rate, int *ret_fd, pid_t *ret_holder)
{
	CLEANUP(closep) int fd = -1;
	bool pty = serial_is_pty(device);
	struct stat st;
	int r;

	r = serial_lock_check(SERIAL_LOCK_DIRECTORY, path, ret_holder);
	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		/* A node without its device, or a pseudo-terminal whose other side has gone. */
		return errno == ENXIO || errno == ENODEV || errno == EIO ? -ENOENT : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != device)
		return -ENOENT; /* replaced since it was resolved: hotplug will tell */
	r = claim(fd, pty, ret_holder);
	if (r < 0)
		return r;
	r = configure(fd, path, pty, baud_rate);
	if (r < 0)
		return r;
	if (!pty)
		serial_lock_take(SERIAL_LOCK_DIRECTORY, path);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* Where is this tty's node, or was it before the device was pulled? Not for a pseudo-terminal, which has no lock file. */
static bool path_of(int fd, char ret[static PATH_MAX])
{
	static const char gone[] = " (deleted)";
	char link[64];
	struct stat st;
	size_t size;
	ssize_t n;

	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || serial_is_pty(st.st_rdev))
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, PATH_MAX - 1);
	if (n <= 0)
		return false;
	size = (size_t) n;
	ret[size] = '\0';
	if (size > strlen(gone) && strcmp(ret + size - strlen(gone), gone) == 0)
		ret[size - strlen(gone)] = '\0';
	return true;
}

void serial_adopted(int fd)
{
	char path[PATH_MAX];

	if (path_of(fd, path))
		serial_lock_take(SERIAL_LOCK_DIRECTORY, path);
}

void serial_port_close(int fd)
{
	char path[PATH_MAX];

	if (path_of(fd, path))
		serial_lock_drop(SERIAL_LOCK_DIRECTORY, path);
	close(fd);
}
