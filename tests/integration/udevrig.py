"""udev's part, played by umockdev: fotad has its preload and sees the sysfs and the netlink messages of a test bed.

	udev = Udev(bench)
	udev.tty(CONTROLLER + "/usb1/1-1/1-1:1.5/ttyUSB0/tty/ttyUSB0", bench.path("ports", "pump"))
	daemon = bench.daemon(environment=udev.environment)
	udevrig.main(test_this, test_that)   # at the end
"""
import os
import shutil
import sys
import threading

try:
	import gi
	gi.require_version("UMockdev", "1.0")
	from gi.repository import UMockdev
except (ImportError, ValueError):
	UMockdev = None
if not shutil.which("umockdev-wrapper"):  # comes with the preload
	UMockdev = None

import rig

PRELOAD = "libumockdev-preload.so.0"
BEGUN = "FOTAD_UMOCKDEV"  # in the environment: we have the preload already
CONTROLLER = "/devices/pci0000:00/0000:00:14.0"


class Udev:
	"""A test bed. The library has one at a time, by the environment of the process: each takes its turn."""
	lock = threading.Lock()

	def __init__(self, bench):
		if UMockdev is None:
			raise rig.Skip("umockdev is not installed (Debian: umockdev, gir1.2-umockdev-1.0)")
		with self.lock:
			self.bed = UMockdev.Testbed.new()
		self.root = self.bed.get_root_dir()
		bench.closing.callback(shutil.rmtree, self.root, ignore_errors=True)
		self.environment = {"LD_PRELOAD": PRELOAD, "UMOCKDEV_DIR": self.root,
			"ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}

	def ask(self, function, *arguments):
		with self.lock:
			os.environ["UMOCKDEV_DIR"] = self.root
			function(*arguments)

	def add(self, text):
		"""As in umockdev(7)."""
		self.ask(self.bed.add_from_string, text)

	def usb(self, path, vendor, product, **properties):
		"""A USB device, as the kernel shows it, and with properties that udev's rules give it."""
		more = "".join(f"E: {name}={value}\n" for name, value in properties.items())
		self.add(f"P: {path}\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\n{more}A: idVendor={vendor}\nA: idProduct={product}\n")

	def tty(self, path, port):
		"""A serial port: what the simulator has at this path, with its true number."""
		number = os.stat(port).st_rdev
		major, minor = os.major(number), os.minor(number)
		name = os.path.basename(path)
		self.add(f"P: {path}\nE: SUBSYSTEM=tty\nE: DEVNAME=/dev/{name}\nE: MAJOR={major}\nE: MINOR={minor}\nA: dev={major}:{minor}\n")
		link = os.path.join(self.root, "sys/dev/char", f"{major}:{minor}")
		os.makedirs(os.path.dirname(link), exist_ok=True)
		if os.path.lexists(link):
			os.unlink(link)
		os.symlink("../.." + path, link)

	def say(self, path, action):
		self.ask(self.bed.uevent, "/sys" + path, action)


def main(*tests, workers=1):
	if UMockdev is not None and BEGUN not in os.environ:  # who sends messages has to see the test bed, too
		os.execve("/usr/bin/python3", ["python3", *sys.argv], {**os.environ, "LD_PRELOAD": PRELOAD, BEGUN: "yes"})
	os.environ.pop("LD_PRELOAD", None)  # not for everybody who is started from here
	rig.main(*tests, workers=workers)
