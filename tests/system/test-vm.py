#!/usr/bin/python3
"""fotad on a machine with a kernel of its own: real drivers, real hot-plug, a power cord. tests/system/run --vm calls this."""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
import rig
from machine import Machine
from rig import VERSIONS

L28, L29, L30 = VERSIONS["L610"]
BY_PATH = "/dev/serial/by-path/pci-0000:00:05.0-usb-0:{}:1.0-port0"
BY_ID = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_{}-if00-port0"

RETRY = 5  # seconds until fotad itself tries a port again that was busy

# An emulated processor and all that happens beside it take their time.
TIMEOUTS = {**rig.TIMEOUTS, "command": "5s", "identify": "10s", "register": "20s", "pdp": "20s", "start": "10s", "stall": "6s",
	"download": "60s", "leave": "20s", "return": "90s", "settle": "1s"}
rig.PATIENCE = 240


class Usb:
	"""Plugs in what appears at the simulator, and pulls what vanishes there, as a module does that restarts."""

	def __init__(self, machine, g, ports):
		self.machine, self.g, self.ports = machine, g, ports
		self.ttys = {name: os.path.realpath(g.path("ports", name)) for name in ports}
		self.plugged = set()
		self.cable = True  # False: nothing is plugged in, whatever the modules do
		self.lock = threading.Lock()
		for name in ports:
			self.plug(name)
		self.thread = threading.Thread(target=self.follow, daemon=True)
		self.thread.start()

	def plug(self, name):
		with self.lock:
			if self.cable and name not in self.plugged:
				self.machine.plug(self.ports[name], self.ttys[name], name.upper())
				self.plugged.add(name)

	def pull(self, name):
		with self.lock:
			if name in self.plugged:
				self.machine.unplug(self.ports[name])
				self.plugged.remove(name)

	def follow(self):
		line = 0
		while not self.g.transcript.ended:
			try:
				line = self.g.transcript.wait(r" ! (lost|back /dev/pts/\d+)$", start=line, timeout=3600)
			except rig.Failure:
				return
			_, name, event = self.g.transcript.lines[line - 1].split(" ", 2)
			if name in self.ports:
				if event == "! lost":
					self.pull(name)
				else:
					self.ttys[name] = event.rsplit(" ", 1)[1]
					self.plug(name)


class Site(rig.Bench):
	def __init__(self, machine, name):
		super().__init__(name)
		self.machine = machine
		self.config["timeouts"] = dict(TIMEOUTS)
		self.closing.callback(self.clean)
		self.usb = None
		self.hubs = []

	def clean(self):
		if self.usb:
			for name in self.usb.ports:
				self.usb.pull(name)
		for port in self.hubs:
			self.machine.unplug_hub(port)
		self.machine.run("systemctl stop fotad; rm -rf /var/lib/fotad; rm -f /etc/fotad/conf.d/*", check=False)

	def put_config(self):
		text = json.dumps(self.config, indent="\t")
		self.machine.run(f"printf %s {shlex.quote(text)} >/etc/fotad/fotad.json")

	def start_service(self):
		self.put_config()
		self.begin = self.machine.log.size()
		self.machine.run("systemctl restart fotad")
		self.lives.append(self)
		self.wait("watches")

	@property
	def log(self):
		return self.machine.log

	def wait(self, pattern, count=1):
		return self.log.wait(pattern, start=self.begin, count=count, timeout=rig.PATIENCE)

	def plug_in(self, **ports):
		self.usb = Usb(self.machine, self, ports)

	def plug_in_hub(self, port):
		self.machine.plug_hub(port)
		self.hubs.append(port)

	def jobs(self, state="state"):
		"""When fotad is stopped."""
		os.makedirs(self.path(state), exist_ok=True)
		for name in self.machine.run("ls /var/lib/fotad").split():
			if name.startswith("fotad.db"):
				said = self.machine.run(f"base64 -w 0 /var/lib/fotad/{name}")
				with open(self.path(state, name), "wb") as file:
					subprocess.run(["base64", "-d"], input=said.encode(), stdout=file, check=True)
		return super().jobs(state)

	def finish(self, *modems, except_for=()):
		for m in modems:
			self.wait(rf" {m.name}: succeeded")
		self.wait(rig.RESTORED, count=len(modems))
		self.machine.run("systemctl stop fotad")
		truth = self.truth()
		for m in modems:
			rig.judge_success(self, m, truth[m.name], except_for=except_for)
			rig.judge_word(self, m, "succeeded")
			rig.equal(truth[m.name]["gtota_received"], 1, f"{m.name}: +GTOTA")
		return truth


def one_modem(g, rate=0, size=rig.SIZE, port=None):
	m = g.modem("pump", "L610")
	g.config["modems"][0]["port"] = port or BY_PATH.format(1)
	g.web(rate=rate)
	g.http("L610", L28, L29, size=size)
	g.campaigns_by_target()
	g.start_modems()
	return m


def in_mid_download(g):
	m = one_modem(g, rate=20_000, size=300_000)
	g.start_service()
	g.plug_in(pump=1)
	g.wait(" pump: [1-9][0-9]* % downloaded")
	return m


def test_hot_plug(g):
	"""The service was there first, and may still open what is plugged in; the module leaves and comes back, as ttys do."""
	m = one_modem(g)
	g.start_service()
	g.wait("port-absent")
	g.plug_in(pump=1)
	begin = time.monotonic()
	g.wait(" pump: .* is open")
	print(f"open {time.monotonic() - begin:.1f} s after it was plugged in")
	said = g.machine.run("udevadm settle; ls -l /dev/serial/by-path /dev/serial/by-id; lsmod | grep -E '^(usbserial|ftdi_sio|cdc_acm)'")
	rig.check("MODEM" not in said and "PUMP" in said and "ftdi_sio" in said, said)
	g.finish(m)


def test_by_id(g):
	"""The name of the adapter instead of its place: another USB port is as good."""
	m = one_modem(g, port=BY_ID.format("PUMP"))
	g.start_service()
	g.plug_in(pump=3)
	g.finish(m)


def test_swapped(g):
	"""Two modems come back in the other order, so that ttyUSB0 is another one: each is found by its place."""
	m, other = g.modem("pump", "L610"), g.modem("other", "L610")
	for number in 1, 2:
		g.config["modems"][number - 1]["port"] = BY_PATH.format(number)
	g.http("L610", L28, L29)
	g.start_modems()
	g.start_service()
	g.plug_in(pump=1, other=2)
	g.wait(" pump: .* runs")
	g.wait(" other: .* runs")
	before = g.machine.run(f"readlink -f {BY_PATH.format(1)}")
	for name in "pump", "other":
		g.usb.pull(name)
		g.wait(f" {name}: .* has gone away")
	for name in "other", "pump":
		g.usb.plug(name)
		g.wait(f" {name}: .* runs", count=2)
	after = g.machine.run(f"readlink -f {BY_PATH.format(1)}")
	rig.check(before != after, f"the numbers were not swapped: {before}, {after}")
	g.campaign("all", L29)
	g.put_config()
	g.machine.run("systemctl reload fotad")
	g.finish(m, other)


def test_pulled_cable(g):
	"""The cable is out for a while in mid-download. The module goes on by itself, and is not started again."""
	m = in_mid_download(g)
	g.usb.pull("pump")
	g.wait(" pump: .* has gone away")
	g.usb.plug("pump")
	# Who comes back may be asked who it is (conduct 4).
	g.finish(m, except_for=["commands_while_downloading"])


def say_more(g):
	drop_ins = "/run/systemd/system/fotad.service.d"
	g.closing.callback(g.machine.run, f"rm -r {drop_ins}; systemctl daemon-reload")
	g.machine.run(f"mkdir -p {drop_ins}; printf '[Service]\\nExecStart=\\nExecStart=/usr/sbin/fotad --log-level=debug\\n' "
		f">{drop_ins}/debug.conf; systemctl daemon-reload")


def test_udev(g):
	"""What udev says is heard in the unit's sandbox: a port that was busy is tried at once, and not when it is time again."""
	say_more(g)
	g.modem("pump", "L610")
	g.config["modems"][0]["port"] = BY_PATH.format(1)
	g.start_modems()
	g.plug_in(pump=1)
	g.machine.run(f"until [ -e {BY_PATH.format(1)} ]; do sleep 0.1; done")
	for _ in range(3):  # should this machine be too slow to tell
		g.machine.run(f"systemctl stop fotad; systemd-run -q --collect -u holder flock {BY_PATH.format(1)} sleep infinity; "
			f"until ! flock -n {BY_PATH.format(1)} true; do sleep 0.1; done")
		g.start_service()
		g.wait(r"port-busy")
		g.machine.run("systemctl stop holder; udevadm trigger --action=change --name-match=ttyUSB0")
		g.wait(" pump: .* is open")
		said = g.machine.run("journalctl -q -o short-monotonic _SYSTEMD_INVOCATION_ID=$(systemctl show -P InvocationID fotad)")
		refused, opened = (float(re.search(rf"(?m)^\[ *([0-9.]+)\] .*{what}", said)[1]) for what in ("port-busy", " pump: .* is open"))
		print(f"open {opened - refused:.1f} s after it was refused")
		if opened - refused < RETRY - 1:
			break
	else:
		raise rig.Failure("found by fotad's own look only, not by what udev said")
	rig.check("udev cannot be listened to" not in said, "fotad did not listen to udev")


def test_hub(g):
	"""A hub with six modems is reset: one line for all of them each way."""
	names = [f"m{number}" for number in range(1, 7)]
	for number, name in enumerate(names):
		g.modem(name, "L610")
		g.config["modems"][number]["port"] = BY_PATH.format(f"2.{number + 1}")
	g.start_modems()
	g.plug_in_hub(2)
	g.start_service()
	g.plug_in(**{name: f"2.{number}" for number, name in enumerate(names, start=1)})
	for name in names:
		g.wait(f" {name}: .* runs ")
	begin = g.log.size()
	g.machine.run("echo 0 >/sys/bus/usb/devices/1-2/authorized")
	gone = g.log.wait(r": 6 ports went away within ", start=begin, timeout=rig.PATIENCE)
	g.machine.run("echo 1 >/sys/bus/usb/devices/1-2/authorized")
	g.log.wait("all modems that went away together answer again", start=gone, timeout=rig.PATIENCE)
	told = g.log.find(r" fotad\[", start=begin)
	rig.equal(len(told), 2, f"lines for six ports: {told}")


def test_restart(g):
	"""The descriptor store holds a real tty, and what was said meanwhile is read."""
	say_more(g)
	m = in_mid_download(g)
	rig.equal(g.machine.run("systemctl show -P NFileDescriptorStore fotad").strip(), "1", "descriptors in the store")
	g.machine.run("systemctl restart fotad")
	g.wait("taking up the upgrade")
	g.wait(" pump: succeeded")
	read = "".join(line.split(" pump: < ", 1)[1] for line in g.log.find(" pump: < ", start=g.begin))
	pattern = r"GTOTA DOWNLOAD[A-Z]*:? ?[A-Z0-9]+%?"
	sent = [line.split(" < ", 1)[1] for line in g.transcript.find(r"pump < GTOTA DOWNLOAD")]
	rig.equal(re.findall(pattern, read), sent, "reports that were read")
	g.finish(m)


def test_ignore_rule(g):
	"""The rule that comes with the package marks a module for ModemManager to leave alone, and no other."""
	g.closing.callback(g.machine.run, "rm -f /etc/udev/rules.d/78-fotad.rules; udevadm control --reload")
	one_modem(g)
	asked = "udevadm settle; udevadm info -q property /sys/bus/usb/devices/1-1; ls /dev/ttyUSB0"
	rules = "/usr/share/doc/fotad/examples/udev/78-fotad.rules"
	for number, (change, wanted) in enumerate((("", False), ("s/1782/0403/; s/4d10/6001/", True)), start=1):
		# The adapter stands for a module.
		g.machine.run(f"sed '{change}' {rules} >/etc/udev/rules.d/78-fotad.rules; udevadm control --reload")
		if g.usb:
			g.usb.pull("pump")
			g.usb.plug("pump")
		else:
			g.start_service()
			g.plug_in(pump=1)
		g.wait(" pump: .* is open", count=number)
		said = g.machine.run(asked)
		rig.equal("ID_MM_DEVICE_IGNORE=1" in said, wanted, f"ignored: {said}")


def test_no_memory(g):
	"""The kernel ends it for want of memory; with enough of it again, it goes on."""
	m = in_mid_download(g)
	g.machine.run("systemctl set-property --runtime fotad.service MemoryMax=300K MemorySwapMax=0")
	g.wait("Failed with result 'oom-kill'")
	g.machine.run("systemctl set-property --runtime fotad.service MemoryMax=infinity")
	g.wait("taking up the upgrade")
	g.finish(m)


def test_power_cut(g):
	"""In mid-download, without a warning. The next boot finds the module, waits, and comes to the right verdict."""
	m = in_mid_download(g)
	g.machine.cut()
	g.usb.plugged.clear()
	g.machine.boot()
	g.begin = 0
	g.usb.plug("pump")
	g.wait("taking up the upgrade")
	g.finish(m)


TESTS = (test_hot_plug, test_by_id, test_udev, test_hub, test_swapped, test_pulled_cable, test_restart, test_ignore_rule,
	test_no_memory, test_power_cut)


def main(*tests):
	tempfile.tempdir = "/var/tmp"  # half a gigabyte: not for a file system in memory
	machine = Machine(os.environ["FOTAD_GUEST"], tempfile.mkdtemp(prefix="fotad-vm-"))

	def leave(_number, _frame):
		machine.close()
		os._exit(1)

	rig.leave = leave
	rig.Bench = lambda name: Site(machine, name)
	try:
		machine.boot()
		print(f"booted: {machine.run('uname -r').strip()}", flush=True)
		rig.main(*tests, workers=1)
	finally:
		machine.close()


if __name__ == "__main__":
	main(*TESTS)
