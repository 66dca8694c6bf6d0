#!/usr/bin/python3
"""What udev says, and what fotad makes of it: a port that comes back, modules in emergency download mode, a hub that is reset.

udev's part is played by umockdev: fotad has its preload and sees the sysfs and the netlink messages of a test bed; the ports
are the simulator's, as everywhere.
"""
import errno
import fcntl
import os
import time

import rig
import udevrig
from rig import VERSIONS
from udevrig import CONTROLLER, Udev

RETRY = 5  # seconds until fotad itself tries a port again that was busy


def watch(bench, **more):
	"""fotad that only watches."""
	return bench.daemon("--log-level=debug", once=False, **more)


def test_events(bench):
	"""Whatever udev says of a busy port's tty, it is tried at once; what it says of another one changes nothing."""
	udev = Udev(bench)
	bench.modem("pump", "NL668")
	bench.start_modems()
	port = bench.path("ports", "pump")
	mine, other = (f"{CONTROLLER}/usb1/1-{i}/1-{i}:1.5/ttyUSB{i}/tty/ttyUSB{i}" for i in (1, 2))
	udev.tty(mine, port)
	udev.bed.add_from_string(f"P: {other}\nE: SUBSYSTEM=tty\nE: DEVNAME=/dev/ttyUSB2\nE: MAJOR=188\nE: MINOR=2\n")
	with open(port, "rb", buffering=0, opener=lambda path, flags: os.open(path, flags | os.O_NOCTTY)) as holder:
		fcntl.flock(holder, fcntl.LOCK_EX)
		daemon = watch(bench, environment=udev.environment)
		daemon.log.wait(rf" warning pump: .*held by process {os.getpid()} \(port-busy\)")
		refused = time.monotonic()
	udev.say(other, "add")
	for action in "change", "remove", "add":
		udev.say(mine, action)
	daemon.log.wait(" pump: .* is open")
	rig.check(time.monotonic() - refused < RETRY - 1, "found by its own look only, not by what udev said")
	rig.check(not daemon.log.find("udev cannot be listened to"), "fotad did not listen to udev")


def emergencies(daemon, name=r"\S+"):
	return daemon.log.find(rf" err {name}: the module at \S+ is in emergency download mode \(USB 05c6:9008\)")


def test_emergency(bench):
	"""Named once, whether it is there before fotad or comes later, by the configured path and by where the port was."""
	udev = Udev(bench)
	bench.modem("seen", "NL668")
	bench.modem("neighbour", "NL668")
	by_path = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:{}:1.5-port0"
	for name, ports in ("early", "3"), ("late", "4.1"), ("other", "4.11"):
		bench.config["modems"].append({"name": name, "port": by_path.format(ports)})
	bench.start_modems()
	for i, name in enumerate(("seen", "neighbour"), 1):
		udev.tty(f"{CONTROLLER}/usb1/1-{i}/1-{i}:1.5/ttyUSB{i}/tty/ttyUSB{i}", bench.path("ports", name))
	early, late = f"{CONTROLLER}/usb1/1-3", f"{CONTROLLER}/usb1/1-4/1-4.1"
	udev.usb(early, "05c6", "9008")
	udev.usb(f"{CONTROLLER}/usb1/1-4", "1d6b", "0002")  # a hub
	daemon = watch(bench, environment=udev.environment)
	for name in "seen", "neighbour":
		daemon.log.wait(f" info {name}: .*, runs ")
	daemon.log.wait(" err early: ")
	rig.equal(len(emergencies(daemon)), 1, "emergencies at the start")
	# udev's own word for what it is; then a module whose path fotad knows from having had it open.
	udev.bed.add_from_string(f"P: {late}\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nE: ID_VENDOR_ID=05c6\nE: ID_MODEL_ID=9008\n")
	udev.say(late, "add")
	daemon.log.wait(" err late: ")
	seen = f"{CONTROLLER}/usb1/1-1"
	udev.usb(seen, "05c6", "9008")
	for action in "add", "bind", "change", "remove":
		udev.say(seen, action)
	daemon.log.wait(" err seen: the module at 0000:00:14.0-usb-0:1 is .* Cut its power once")
	# Behind all these: when this one is named, nothing more of the others is to come.
	udev.usb(f"{CONTROLLER}/usb1/1-2", "05c6", "9008")
	udev.say(f"{CONTROLLER}/usb1/1-2", "add")
	daemon.log.wait(" err neighbour: ")
	for name in "early", "late", "seen", "neighbour":
		rig.equal(len(emergencies(daemon, name)), 1, f"{name}: how often it is named")
	rig.equal(len(emergencies(daemon)), 4, "emergencies in all")


def test_hub(bench):
	"""Many ports go and come back together: a line each way. Few are named."""
	names = [f"m{i:02}" for i in range(64)]
	for name in names:
		bench.modem(name, "NL668")
	bench.start_modems()
	daemon = watch(bench)
	daemon.log.wait(r" info m\d+: .*, runs ", count=len(names))
	begin = daemon.log.size()
	bench.bench.stop()
	gone = daemon.log.wait(r" info: 64 ports went away within \S+", start=begin)
	rig.equal(len(daemon.log.find(r" debug m\d+: .*has gone away", start=begin)), 64, "lines for those who read all")
	bench.start_modems()
	back = daemon.log.wait("all modems that went away together answer again", start=gone)
	told = daemon.log.find(r"^\S+ (err|warning|notice|info)\b", start=begin)
	rig.equal(len(told), 2, f"lines for 64 ports: {told[:8]}")
	rig.equal(len(daemon.log.find(r" debug m\d+: .* runs ", start=gone)), 64, "modems that were asked who they are")
	rig.check(back > gone, "back before they were gone")


def test_few(bench):
	for name in "one", "two", "three":
		bench.modem(name, "NL668")
	bench.start_modems()
	daemon = watch(bench)
	daemon.log.wait(" info (one|two|three): .*, runs ", count=3)
	bench.bench.stop()
	daemon.log.wait(" notice (one|two|three): .*has gone away", count=3)
	rig.check(not daemon.log.find("ports went away"), "three ports are told of together")


def test_without_netlink(bench):
	"""fotad says so once, and finds ports all the same."""
	m = bench.modem("pump", "NL668")
	bench.http("NL668", *VERSIONS["NL668"][:2])
	bench.campaigns_by_target()
	bench.start_modems()
	at_call = os.path.join(rig.BUILD, "tests", "integration", "at-call")
	daemon = bench.daemon("--log-level=debug", prefix=[at_call, "--calls=socket", f"--fail=1+,{errno.EAFNOSUPPORT}"],
		environment={"ASAN_OPTIONS": "detect_leaks=0"})  # which wants to trace, too
	code = daemon.wait()
	if code == rig.SKIPPED:
		raise rig.Skip("tracing is not possible here")
	rig.equal(code, 0, "exit code of fotad")
	rig.equal(len(daemon.log.find(r" debug: udev cannot be listened to \(Address family not supported")), 1, "how often it is said")
	rig.judge_success(bench, m, bench.truth()["pump"])


if __name__ == "__main__":
	udevrig.main(test_events, test_emergency, test_hub, test_few, test_without_netlink)
