#!/usr/bin/python3
"""A serial port with a driver, as libserialport and fotad see it: sysfs, a device number, modem lines, settings, a lock file.

umockdev plays the kernel and udev, realtty.so makes its ttys look like nodes of a driver, and the modem at the other side is
the simulator's, by a pseudo-terminal. What real drivers do is shown in tests/system.
"""
import contextlib
import errno
import itertools
import os
import struct
import termios

import rig
import udevrig
from rig import VERSIONS, check, equal
from udevrig import CONTROLLER, PRELOAD, UMockdev, Udev

REAL_TTY = os.path.join(rig.BUILD, "tests", "integration", "realtty.so")
USB_SERIAL = 188  # the major number (admin-guide/devices.txt of the kernel)
LOCKS = "/run/lock"
HUPCL = 0o002000  # asm-generic/termbits-common.h

# asm-generic/ioctls.h
TIOCEXCL, TIOCGEXCL = 0x540C, 0x80045440
TIOCMGET, TIOCMBIS, TIOCMBIC, TIOCMSET = termios.TIOCMGET, termios.TIOCMBIS, termios.TIOCMBIC, termios.TIOCMSET
INT = struct.Struct("i")

numbers = itertools.count()


class Driver(UMockdev.IoctlBase if UMockdev else object):
	"""What a pseudo-terminal has not. errors: requests that fail, and how."""

	lines, exclusive, errors = 0, 0, {}

	def do_handle_ioctl(self, client):
		request, argument = client.get_request(), client.get_arg()
		if request in self.errors:
			client.complete(-1, self.errors[request])
			return True
		if request == TIOCEXCL:
			self.exclusive = 1
		elif request == TIOCGEXCL:
			argument.resolve(0, INT.size).update(0, INT.pack(self.exclusive))
		elif request == TIOCMGET:
			argument.resolve(0, INT.size).update(0, INT.pack(self.lines))
		elif request not in (TIOCMSET, TIOCMBIS, TIOCMBIC):
			return False
		else:
			bits, = INT.unpack(bytes(argument.resolve(0, INT.size).retrieve()))
			self.lines = {TIOCMSET: bits, TIOCMBIS: self.lines | bits, TIOCMBIC: self.lines & ~bits}[request]
		client.complete(0, 0)
		return True


class Tty:
	"""The port of the bench's modem."""

	def __init__(self, bench, name):
		self.udev = Udev(bench)
		self.environment = {**self.udev.environment, "LD_PRELOAD": f"{REAL_TTY} {PRELOAD}"}
		self.number = next(numbers)
		self.node = f"ttyTEST{os.getpid()}n{self.number}"  # the lock file is a true one
		self.place = f"{CONTROLLER}/usb1/1-1/1-1:1.0/{self.node}/tty/{self.node}"
		self.link = os.path.join(self.udev.root, "dev", self.node)
		self.behind = bench.path("ports", name)
		self.lock_file = f"{LOCKS}/LCK..{self.node}"
		bench.closing.callback(self.unlock)
		self.driver = Driver()
		self.udev.bed.attach_ioctl(f"/dev/{self.node}", self.driver)

	def plug(self):
		self.driver.lines = self.driver.exclusive = 0
		self.udev.bed.add_from_string(f"P: {self.place}\nE: SUBSYSTEM=tty\nE: DEVNAME=/dev/{self.node}\nE: MAJOR={USB_SERIAL}\n"
			f"E: MINOR={self.number}\nA: dev={USB_SERIAL}:{self.number}\n")
		os.symlink("/dev/.." + self.behind, self.link)  # what leads to /dev is a tty to umockdev
		self.udev.say(self.place, "add")

	def pull(self):
		os.unlink(self.link)
		self.udev.say(self.place, "remove")
		self.udev.bed.remove_device("/sys" + self.place)

	def unlock(self):
		"""After a fotad that was killed, because the test has failed."""
		with contextlib.suppress(OSError):
			os.unlink(self.lock_file)

	def settings(self):
		"""termios(3), of the pseudo-terminal: iflag, oflag, cflag, lflag, ispeed, ospeed, cc."""
		fd = os.open(self.behind, os.O_RDWR | os.O_NOCTTY)
		try:
			return termios.tcgetattr(fd)
		finally:
			os.close(fd)


def one_modem(bench, **settings):
	m = bench.modem("pump", "L610", **settings)
	bench.http("L610", *VERSIONS["L610"][:2])
	bench.start_modems()
	tty = Tty(bench, "pump")
	bench.config["modems"][0]["port"] = f"/dev/{tty.node}"
	return m, tty


def check_open(tty):
	"""As libserialport has left it, and fotad after it."""
	equal(tty.driver.lines, termios.TIOCM_DTR | termios.TIOCM_RTS, "modem lines")
	equal(tty.driver.exclusive, 1, "TIOCEXCL")
	iflag, _, cflag, lflag, _, speed, cc = tty.settings()
	equal(speed, termios.B460800, "speed")
	equal(cflag & (termios.CSIZE | termios.PARENB | termios.CSTOPB | termios.CRTSCTS), termios.CS8, "8 bits, no parity, no CTS")
	equal(iflag & (termios.IXON | termios.IXOFF | termios.IXANY | termios.ICRNL), 0, "flow control, CR")
	equal((cflag & HUPCL, lflag & (termios.ICANON | termios.ECHO)), (0, 0), "HUPCL, canonical mode, echo")
	equal((cc[termios.VMIN], cc[termios.VTIME]), (1, 0), "VMIN, VTIME")
	check(os.path.exists(tty.lock_file) or not os.access(LOCKS, os.W_OK), f"no {tty.lock_file}")


def test_upgrade(bench):
	"""All of it by such a port. The module restarts, so the port goes and comes back in between, and is opened as before."""
	m, tty = one_modem(bench, baud_rate=460800)
	bench.campaigns_by_target()
	tty.plug()
	daemon = bench.daemon("--log-level=debug", environment=tty.environment)
	daemon.log.wait(f" pump: /dev/{tty.node} is open")
	check_open(tty)
	bench.transcript.wait("pump ! lost")
	tty.pull()
	daemon.log.wait(f" pump: /dev/{tty.node} has gone away")
	bench.transcript.wait("pump ! back")
	tty.plug()
	daemon.log.wait(f" pump: /dev/{tty.node} is open", count=2)
	check_open(tty)
	equal(daemon.wait(), 0, "exit code of fotad")
	rig.judge_success(bench, m, bench.truth()["pump"])
	rig.judge_word(bench, m, "succeeded")
	check(not os.path.exists(tty.lock_file), f"{tty.lock_file} was left behind")


def test_refused(bench):
	"""No node, and a driver that fails: each is told as what it is, nothing is sent, and later all is well."""
	_, tty = one_modem(bench)
	daemon = bench.daemon("--log-level=debug", once=False, environment=tty.environment)
	daemon.log.wait(rf" notice pump: /dev/{tty.node}: is not there; waiting for it \(port-absent\)")
	tty.driver.errors = {TIOCMBIS: errno.EPIPE}  # sp_set_config(): as a USB device that does not know the request
	tty.plug()
	daemon.log.wait(rf" warning pump: /dev/{tty.node}: cannot be opened: Broken pipe \(port-denied\)")
	tty.driver.errors = {TIOCMGET: errno.EBUSY}  # sp_open()
	tty.udev.say(tty.place, "change")
	daemon.log.wait(rf" warning pump: /dev/{tty.node}: cannot be opened: .* busy \(port-busy\)")
	check(not os.path.exists(tty.lock_file), f"{tty.lock_file} is there for a port that could not be opened")
	equal(bench.sent(), [], "what was sent")
	tty.driver.errors = {}
	tty.udev.say(tty.place, "change")
	daemon.log.wait(" pump: .* runs ")
	equal(bench.sent()[0], "AT", "the first that was sent")


def test_held(bench):
	"""A program that holds the port alone, by TIOCEXCL: root would get in."""
	_, tty = one_modem(bench)
	tty.plug()
	tty.driver.exclusive = 1
	daemon = bench.daemon("--log-level=debug", once=False, environment=tty.environment)
	daemon.log.wait(rf" warning pump: /dev/{tty.node}: .* \(port-busy\)")
	equal(bench.sent(), [], "what was sent")
	tty.driver.exclusive = 0
	tty.udev.say(tty.place, "change")
	daemon.log.wait(" pump: .* runs ")


udevrig.main(test_upgrade, test_refused, test_held)
