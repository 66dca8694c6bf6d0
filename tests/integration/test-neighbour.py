#!/usr/bin/python3
"""ModemManager is to leave a module alone while fotad works with it, and may have it again afterwards (conduct 27).

The real one is asked in tests/system/test-neighbours.py. Here is one that answers late, or wrongly, or goes away at the wrong
moment, and says what it was asked.
"""
import fcntl
import os
import signal

import rig
import udevrig
from busrig import Bus, Client, Gio, fotad
from rig import VERSIONS
from servicemanager import ServiceManager
from udevrig import CONTROLLER, Udev
from warp import Warp

NAME, PATH = "org.freedesktop.ModemManager1", "/org/freedesktop/ModemManager1"
XML = f"""<node><interface name="{NAME}"><method name="InhibitDevice"><arg type="s" direction="in"/><arg type="b" direction="in"/>
</method></interface></node>"""
CORE = NAME + ".Error.Core."
L28, L29, _ = VERSIONS["L610"]
LEFT, AGAIN = "ModemManager leaves {} alone$", "ModemManager may have {} again"


class ModemManager:
	"""Knows these devices; error: how it answers until that is None; answering: False, it does not."""

	def __init__(self, bus, devices, error=None, answering=True, lets_go=lambda: None):
		self.devices, self.error, self.answering, self.lets_go = devices, error, answering, lets_go
		self.held, self.said, self.waiting = {}, rig.Lines(), []
		self.client = Client(bus)

		def lost(_connection, _sender, _path, _interface, _member, arguments):
			_, before, after = arguments.unpack()
			for uid in [uid for uid, sender in self.held.items() if sender == before and not after]:
				del self.held[uid]
				self.said.add(f"gone {uid}")

		self.client.within(lambda: self.client.connection.signal_subscribe("org.freedesktop.DBus", "org.freedesktop.DBus",
			"NameOwnerChanged", None, None, Gio.DBusSignalFlags.NONE, lost) or True)
		self.client.serve(NAME, PATH, XML, self.take)

	def take(self, invocation, _member, arguments):
		uid, inhibit = arguments
		if not self.answering:
			self.waiting.append((invocation, uid, inhibit))
			self.said.add(f"asked {uid}")
			return
		self.answer(invocation, uid, inhibit)

	def answer(self, invocation, uid, inhibit):
		sender, error = invocation.get_sender(), self.error
		if not error and inhibit:
			error = CORE + "NotFound" if uid not in self.devices else CORE + "InProgress" if uid in self.held else None
		elif not error and self.held.get(uid) != sender:
			error = CORE + "NotFound"
		if not error and inhibit:
			self.lets_go()
			self.held[uid] = sender
		elif not error:
			del self.held[uid]
		self.said.add(f"{'hold' if inhibit else 'release'} {uid} {error.rsplit('.', 1)[1] if error else 'done'}")
		if error:
			invocation.return_dbus_error(error, "said the test")
		else:
			invocation.return_value(None)

	def speak(self):
		"""Answers what has waited."""
		def work():
			self.answering = True
			while self.waiting:
				self.answer(*self.waiting.pop(0))
			return True

		self.client.within(work)

	def close(self):
		self.client.close()


def plug(bench, udev, *names, **properties):
	"""Modems behind USB devices of their own; what ModemManager calls these."""
	uids = []
	for number, name in enumerate(names, 1):
		device = f"{CONTROLLER}/usb1/1-{number}"
		udev.usb(device, "1782", "4d10", **properties)
		udev.tty(f"{device}/1-{number}:1.5/ttyUSB{number}/tty/ttyUSB{number}", bench.path("ports", name))
		uids.append(properties.get("ID_MM_PHYSDEV_UID", "/sys" + device))
	return uids


def begin(bench, *names, rate=0, size=rig.SIZE, campaign=True, **properties):
	udev = Udev(bench)
	for name in names:
		bench.modem(name, "L610")
	bench.web(rate=rate)
	bench.http("L610", L28, L29, size=size)
	if campaign:
		bench.campaigns_by_target()
	bench.start_modems()
	return udev, Bus(bench), plug(bench, udev, *names, **properties)


def start(bench, udev, bus, environment=None, **more):
	return fotad(bench, bus, "--log-level=debug", environment={**udev.environment, **(environment or {})}, **more)[0]


def finish(bench, daemon, *names, word="succeeded"):
	for name in names or bench.modems:
		daemon.log.wait(f" {name}: {word}")
	daemon.log.wait(rig.RESTORED, count=len(names or bench.modems))


def judge(bench, daemon):
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	truth = bench.truth()
	for m in bench.modems.values():
		rig.judge_success(bench, m, truth[m.name])


def test_held(bench):
	"""From before the port is opened to the verdict, also while the module restarts; and no longer."""
	udev, bus, (uid,) = begin(bench, "pump", ID_MM_PHYSDEV_UID="the pump")
	manager = ModemManager(bus, [uid])
	daemon = start(bench, udev, bus)
	first = daemon.log.wait(f" info pump: {LEFT.format(uid)}")
	rig.check(first < daemon.log.wait(" pump: .* is open"), "the port was opened before")
	finish(bench, daemon)
	verdict = daemon.log.wait(" pump: succeeded")
	rig.equal(manager.said.lines, [f"hold {uid} done"], "what ModemManager was asked before the verdict")
	rig.check(daemon.log.wait(f" info pump: {AGAIN.format(uid)}") > verdict, "given back before the verdict")
	manager.said.wait(f"release {uid} done")
	rig.equal(manager.said.size(), 2, f"questions: {manager.said.lines}")
	judge(bench, daemon)


def test_only_who_works(bench):
	"""Who is only watched is none of our business; nor is a job that waits, once it is known who is there."""
	udev, bus, (uid, other) = begin(bench, "pump", "watched", campaign=False)
	bench.campaign("later", L29, modems={"names": ["pump"]}, not_before="2999-01-01T00:00:00Z")
	manager = ModemManager(bus, [uid, other])
	daemon = start(bench, udev, bus)
	daemon.log.wait(" watched: .*, runs ")
	manager.said.wait(f"hold {uid} done")
	manager.said.wait(f"release {uid} done")
	daemon.log.wait(" pump: .*, runs ")
	rig.equal(manager.said.lines, [f"hold {uid} done", f"release {uid} done"], "what ModemManager was asked")
	rig.equal(daemon.stop(), 0, "exit code of fotad")


def test_port_of_its_own(bench):
	"""It has the port open, for itself alone, and closes it when it is asked to: fotad never meets a busy port."""
	udev, bus, (uid,) = begin(bench, "pump")
	holder = os.open(bench.path("ports", "pump"), os.O_RDWR | os.O_NOCTTY)
	fcntl.flock(holder, fcntl.LOCK_EX)
	manager = ModemManager(bus, [uid], answering=False, lets_go=lambda: os.close(holder))
	daemon = start(bench, udev, bus)
	manager.said.wait(f"asked {uid}")
	manager.speak()
	finish(bench, daemon)
	rig.check(not daemon.log.find("port-busy"), "fotad met a busy port")
	judge(bench, daemon)


def test_silent(bench):
	"""It does not answer: that is waited for, but not for ever; and said once."""
	udev, bus, (uid,) = begin(bench, "pump", rate=60_000, size=240_000)
	warp = Warp(bench)
	manager = ModemManager(bus, [uid], answering=False)
	daemon = start(bench, udev, bus, environment={**warp.environment, "LD_PRELOAD": f"{udevrig.PRELOAD}:{warp.environment['LD_PRELOAD']}"})
	manager.said.wait(f"asked {uid}")
	rig.check(not daemon.log.find(" pump: .* is open"), "it was not waited for")
	warp.jump(21)
	daemon.log.wait(" pump: .* is open")
	daemon.log.wait(" pump: [1-9][0-9]* % downloaded")
	warp.jump(41)
	daemon.log.wait(" warning: ModemManager does not answer; upgrades go on.*systemctl status ModemManager")
	finish(bench, daemon, word="(succeeded|failed|unknown|attempt)")
	rig.equal(len(daemon.log.find("ModemManager does not answer")), 1, "how often it is said")
	rig.equal(daemon.stop(), 0, "exit code of fotad")


def test_refused(bench):
	"""By D-Bus or by polkit: said once for all, with what to do, and the upgrades go on."""
	udev, bus, uids = begin(bench, "pump", "meter")
	manager = ModemManager(bus, uids, error=CORE + "Unauthorized")
	daemon = start(bench, udev, bus)
	finish(bench, daemon)
	refusals = daemon.log.find(r" warning: ModemManager does not let fotad have its modems")
	rig.equal(len(refusals), 1, "how often it is said")
	rig.check("Upgrades go on" in refusals[0] and "Is fotad-modemmanager.rules in polkit-1/rules.d?" in refusals[0], refusals[0])
	manager.close()
	ModemManager(bus, uids, error="org.freedesktop.DBus.Error.AccessDenied")
	bench.config["campaigns"][0]["target"] = VERSIONS["L610"][2]
	bench.http("L610", L29, VERSIONS["L610"][2])
	bench.write_config()
	daemon.kill(signal.SIGHUP)
	daemon.log.wait(" warning: ModemManager does not let .* Is org.fotad1.conf in dbus-1/system.d")
	for name in "pump", "meter":
		daemon.log.wait(f" {name}: succeeded", count=2)
	rig.equal(daemon.stop(), 0, "exit code of fotad")


def test_not_now(bench):
	"""It is still finding out what that is: it is asked again until it lets go; of another it knows nothing, and that is fine."""
	udev, bus, (uid, other) = begin(bench, "pump", "meter")
	manager = ModemManager(bus, [uid], error=CORE + "WrongState")
	daemon = start(bench, udev, bus)
	manager.said.wait(f"hold {uid} WrongState", count=3)
	rig.check(not daemon.log.find(" pump: .* is open"), "the port was opened while ModemManager looks at it")
	manager.error = None
	daemon.log.wait(f" info pump: {LEFT.format(uid)}")
	daemon.log.wait(f" debug meter: ModemManager does not know {other}")
	finish(bench, daemon)
	rig.check(not daemon.log.find(" warning: .*ModemManager"), "a warning of what is no trouble")
	judge(bench, daemon)


def test_it_restarts(bench):
	"""It goes in mid-download, and comes back: then it is asked at once."""
	udev, bus, (uid,) = begin(bench, "pump", rate=60_000, size=240_000)
	manager = ModemManager(bus, [uid])
	daemon = start(bench, udev, bus)
	daemon.log.wait(" pump: [1-9][0-9]* % downloaded")
	manager.close()
	other = ModemManager(bus, [uid], error=CORE + "NotFound")  # which it says until it has looked around
	other.said.wait(f"hold {uid} NotFound", count=2)
	other.error = None
	other.said.wait(f"hold {uid} done")
	rig.check(not daemon.log.find(" pump: succeeded"), "the test was too slow for the download")
	finish(bench, daemon)
	other.said.wait(f"release {uid} done")
	judge(bench, daemon)


def test_fotad_restarts(bench):
	"""It sees nothing of a restart of fotad, nor of a crash: the connection that has asked stays open."""
	udev, bus, (uid,) = begin(bench, "pump", rate=60_000, size=300_000)
	manager, services = ModemManager(bus, [uid]), ServiceManager(bench)
	daemon = start(bench, udev, bus, environment=services.environment())
	for life in range(2):
		begun = daemon.log.wait(" pump: [1-9][0-9]* % downloaded")
		services.collect()
		rig.equal([name.split(".")[0] for name in services.names()], ["bus", "port"], f"the store holds {services.names()}")
		daemon.kill() if life else rig.equal(daemon.stop(), 0, "exit code of fotad")
		services.collect()
		rig.equal(manager.said.find("^gone|^release"), [], "what ModemManager saw of it")
		daemon = services.start(bench, f"--bus={bus.address}", "--log-level=debug", environment=udev.environment, once=False)
		daemon.log.wait(f" info pump: ModemManager leaves {uid} alone already: an earlier life of fotad has asked it to")
	rig.check(begun, "it had not begun")
	daemon.log.wait(" pump: succeeded")
	rig.equal(manager.said.find("^gone|^release"), [], "what ModemManager saw before the verdict")
	daemon.log.wait(" info: ModemManager may have again what an earlier life")
	services.collect()
	rig.equal([name for name in services.names() if name.startswith("bus")], [], "what is left in the store")
	manager.said.wait(f"gone {uid}")
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	truth = bench.truth()["pump"]
	rig.judge_success(bench, bench.modems["pump"], truth)
	rig.equal(truth["gtota_received"], 1, "+GTOTA")


def test_two_ports_of_one_device(bench):
	"""Modems behind the ports of one adapter: it is asked once, and given back when both are done."""
	udev = Udev(bench)
	for name in "pump", "meter":
		bench.modem(name, "L610")
	bench.web()
	bench.http("L610", L28, L29)
	bench.campaigns_by_target()
	bench.config["limits"]["max_parallel"] = 1
	bench.start_modems()
	device = f"{CONTROLLER}/usb1/1-1"
	udev.usb(device, "0403", "6011")
	for number, name in enumerate(("pump", "meter")):
		udev.tty(f"{device}/1-1:1.{number}/ttyUSB{number}/tty/ttyUSB{number}", bench.path("ports", name))
	bus = Bus(bench)
	manager = ModemManager(bus, ["/sys" + device])
	daemon = start(bench, udev, bus)
	finish(bench, daemon)
	manager.said.wait("release /sys.* done")
	rig.equal(manager.said.lines, [f"hold /sys{device} done", f"release /sys{device} done"], "what ModemManager was asked")
	judge(bench, daemon)


def test_absent(bench):
	"""Nobody there: nothing is said of it. It comes while fotad works: it is asked."""
	udev, bus, (uid,) = begin(bench, "pump", rate=60_000, size=240_000)
	daemon = start(bench, udev, bus)
	daemon.log.wait(" pump: [1-9][0-9]* % downloaded")
	rig.check(not daemon.log.find("ModemManager"), "something is said of who is not there")
	manager = ModemManager(bus, [uid])
	manager.said.wait(f"hold {uid} done")
	finish(bench, daemon)
	manager.said.wait(f"release {uid} done")
	judge(bench, daemon)


udevrig.main(test_held, test_only_who_works, test_port_of_its_own, test_silent, test_refused, test_not_now, test_it_restarts,
	test_fotad_restarts, test_two_ports_of_one_device, test_absent, workers=4)
