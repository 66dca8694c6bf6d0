"""A gateway to be thrown away: systemd as PID 1 on a copy of a root file system, in namespaces of its own.

No container manager is needed, and nothing of this machine is touched: what is mounted is seen inside only, and everything
ends with the last process of it. It wants root, and a kernel that lets root make namespaces; where there is none,
Impossible says why.
"""
import contextlib
import ctypes
import fcntl
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile

from process import Failure, Notifications, Process

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
TOOLS = ("mmdebstrap", "nsenter", "pivot_root", "setpriv", "unshare")

# linux/sched.h, linux/sockios.h, linux/if.h
CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


class Impossible(Exception):
	"""This machine does not allow it."""


def require():
	"""Raises Impossible where no container can be."""
	if os.geteuid() != 0:
		raise Impossible("not root")
	missing = [tool for tool in TOOLS if shutil.which(tool, path=PATH) is None]
	if missing:
		raise Impossible(f"{', '.join(missing)} not installed: ./bootstrap ci installs them")
	tried = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--net", "--uts", "--ipc", "--cgroup",
		"--propagation", "private", "sh", "-c",
		"mount -t tmpfs t /mnt && mkdir /mnt/u /mnt/w /mnt/r /mnt/c && mount -t overlay -o lowerdir=/usr,upperdir=/mnt/u,workdir=/mnt/w o /mnt/r"
		" && mount -t cgroup2 c /mnt/c && mount -t proc p /proc"],
		stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
	if tried.returncode != 0:
		raise Impossible(f"this kernel lets root make no namespaces, overlays or control groups: {tried.stderr.strip()}")


class Group:
	"""A control group of version 2 of its own, for systemd to rule."""

	def __init__(self, directory, name):
		self.mounted = None
		with open("/proc/self/mounts", encoding="ascii") as mounts:
			tops = [path for _, path, kind, *_ in map(str.split, mounts) if kind == "cgroup2" and path.startswith("/sys/")]
		if not tops or not os.access(tops[0], os.W_OK):
			self.mounted = os.path.join(directory, "cgroup2")
			os.mkdir(self.mounted)
			subprocess.run(["mount", "-t", "cgroup2", "cgroup2", self.mounted], check=True)
		self.path = os.path.join(self.mounted or tops[0], name)
		os.mkdir(self.path)

	def enter(self):
		"""For a child, before it becomes another program."""
		with open(os.path.join(self.path, "cgroup.procs"), "w", encoding="ascii") as file:
			file.write(str(os.getpid()))

	def close(self):
		"""When the last process has left it, or after a while."""
		events = select.poll()
		with open(os.path.join(self.path, "cgroup.events"), encoding="ascii") as file:
			events.register(file, select.POLLPRI)
			while "populated 1" in file.read() and events.poll(5000):
				file.seek(0)
		for directory, _, _ in os.walk(self.path, topdown=False):
			with contextlib.suppress(OSError):
				os.rmdir(directory)
		if self.mounted:
			subprocess.run(["umount", "-l", self.mounted], check=False)


class Container:
	def __init__(self, rootfs):
		self.closing = contextlib.ExitStack()
		# Not below /tmp: systemd-tmpfiles would empty it.
		self.directory = tempfile.mkdtemp(prefix="fotad-system-", dir="/var/tmp")
		self.closing.callback(self.remove)
		os.chmod(self.directory, 0o711)
		tempfile.tempdir = self.directory  # what the tests make is seen inside, under the same name
		try:
			self.boot(rootfs)
		except BaseException:
			self.close()
			raise

	def path(self, *parts):
		return os.path.join(self.directory, *parts)

	def boot(self, rootfs):
		group = Group(self.directory, os.path.basename(self.directory))
		self.closing.callback(group.close)
		manager = Notifications(self)
		# setpriv: should this program be killed, everything goes with it.
		self.process = Process(["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child",
			"--uts", "--ipc", "--net", "--cgroup", "--propagation", "private", os.path.join(HERE, "boot"), rootfs,
			self.directory], self.path("console"), preexec_fn=group.enter)
		self.closing.callback(self.process.close)
		try:
			self.process.log.wait("^leader ", timeout=20)
			self.leader = self.process.log.find("^leader ")[0].split()[1]
			manager.wait("^READY=1$")
		except Failure as failure:
			raise Impossible(f"systemd does not start: {failure}\n{self.process.log.text()}") from None
		self.enter_network()

	def enter_network(self):
		"""From here on this program's sockets are inside, so servers started by it are found there."""
		libc = ctypes.CDLL(None, use_errno=True)
		with open(f"/proc/{self.leader}/ns/net", "rb") as namespace:
			if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
				raise OSError(ctypes.get_errno(), "setns")
		with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
			request = struct.pack("16sh22x", b"lo", 0)
			flags = struct.unpack("16sh22x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))[1]
			fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))

	def remove(self):
		"""But not what a test that has failed says is there."""
		for name in os.listdir(self.directory):
			if not os.path.isdir(self.path(name)):
				os.unlink(self.path(name))
		if not os.listdir(self.directory):
			os.rmdir(self.directory)

	def arguments(self, *command):
		return ["nsenter", "-t", self.leader, "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "env", "-i", f"PATH={PATH}",
			"LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "SYSTEMD_COLORS=0", "SYSTEMD_PAGER=", *command]

	def run(self, *command, check=True, **options):
		"""Runs it inside, as root; what it said on both streams, and with check=False also its exit code."""
		done = subprocess.run(self.arguments(*command), stdin=options.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE,
			stderr=subprocess.STDOUT, text=True, errors="backslashreplace", timeout=120, check=False, **options)
		if not check:
			return done.stdout, done.returncode
		if done.returncode != 0:
			raise Failure(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
		return done.stdout

	def inside(self, path):
		"""A file in there, as this program sees it. Beware of links: they would be followed out here."""
		return f"/proc/{self.leader}/root{path}"

	def write(self, path, text, mode=0o644):
		os.makedirs(self.inside(os.path.dirname(path)), exist_ok=True)
		with open(self.inside(path), "w", encoding="utf-8") as file:
			file.write(text)
		os.chmod(self.inside(path), mode)

	def exists(self, path):
		return os.path.lexists(self.inside(path))

	def close(self):
		self.closing.close()
		tempfile.tempdir = None
