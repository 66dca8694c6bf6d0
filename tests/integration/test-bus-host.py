#!/usr/bin/python3
"""What fotad asks of the host by D-Bus: logind not to go down while a module is flashed, timedate1 whether the clock is right."""
import os
import select
import time

import busrig
import rig
from busrig import Bus, Client, fotad
from rig import VERSIONS

L28, L29, _ = VERSIONS["L610"]
LOGIND_XML = """<node><interface name="org.freedesktop.login1.Manager"><method name="Inhibit"><arg type="s" direction="in"/>
<arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="h" direction="out"/></method>
</interface></node>"""
TIMEDATE_XML = """<node><interface name="org.freedesktop.timedate1"><property name="NTPSynchronized" type="b" access="read"/>
</interface></node>"""


class Logind:
	def __init__(self, bus, modes=("block", "delay")):
		self.modes, self.asked, self.held = modes, rig.Lines(), []
		self.first = None  # when, in microseconds of the transcript's clock
		self.client = Client(bus)
		self.client.serve("org.freedesktop.login1", "/org/freedesktop/login1", LOGIND_XML, self.take)

	def take(self, invocation, _member, arguments):
		what, who, why, mode = arguments
		self.first = self.first or time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
		if mode in self.modes:
			reader, writer = os.pipe()
			self.held.append(reader)
			answer = busrig.Gio.UnixFDList.new()
			answer.append(writer)
			os.close(writer)
			invocation.return_value_with_unix_fd_list(busrig.GLib.Variant("(h)", (0,)), answer)
		else:
			invocation.return_dbus_error("org.freedesktop.DBus.Error.AccessDenied", "not you")
		self.asked.add(f"{mode} {what} {who} {why}")

	def is_released(self, reader, timeout):
		return bool(select.select([reader], [], [], timeout)[0]) and os.read(reader, 1) == b""


def one_modem(bench, rate=0, **more):
	bench.web(rate=rate)
	m = bench.modem("pump", "L610", **more)
	bench.http("L610", L28, L29)
	return m


def test_inhibitor(bench):
	"""Held from the start step to the verdict, and no longer; to block first, to delay when that is refused."""
	bus = Bus(bench)
	one_modem(bench, rate=30_000)
	bench.campaigns_by_target()
	logind = Logind(bus, modes=("delay",))
	bench.start_modems()
	daemon, _ = fotad(bench, bus)
	daemon.log.wait(" pump: attempt 1")
	rig.equal(logind.asked.size(), 0, "inhibitors before the start step")
	logind.asked.wait("^delay ", count=2)
	bench.transcript.wait(r" pump > AT\+GTOTA=0")
	before = [line for line in bench.transcript.find(" pump > AT") if " AT+GTOTA=0" not in line][-1]
	rig.check(logind.first > int(before.split()[0]), f"asked for before the start: before {before}")
	rig.equal(sorted(line.split(" ")[:3] for line in logind.asked.lines),
		[[mode, what, "fotad"] for mode in ("block", "delay") for what in ("shutdown", "sleep")], "what was asked for")
	for held in logind.held:
		rig.check(not logind.is_released(held, 0), "released while the module downloads")
	daemon.log.wait(" pump: succeeded")
	for held in logind.held:
		rig.check(logind.is_released(held, rig.PATIENCE), "held after the verdict")
	rig.equal(len(logind.held), 2, "inhibitors")


def test_no_logind(bench):
	"""Without one, and without timedate1, all goes on."""
	bus = Bus(bench)
	m = one_modem(bench)
	bench.campaigns_by_target()
	bench.config["limits"]["clock"] = "any"
	bench.start_modems()
	daemon, _ = fotad(bench, bus)
	daemon.log.wait(rig.RESTORED)
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	rig.judge_success(bench, m, bench.truth()["pump"])


def test_clock(bench):
	"""limits.clock goes by timedate1, whatever the kernel says: it starts when the clock is said to be right."""
	bus = Bus(bench)
	synchronised, asked = [False], rig.Lines()
	timedate = Client(bus)

	def answer(_invocation, _member, _arguments):
		asked.add("asked")
		return busrig.GLib.Variant("b", synchronised[0])

	timedate.serve("org.freedesktop.timedate1", "/org/freedesktop/timedate1", TIMEDATE_XML, answer)
	m = one_modem(bench)
	bench.config["limits"]["clock"] = "synchronised"
	days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
	bench.campaign("winter", L29, windows=[{"days": days, "start": "00:00", "end": "24:00", "timezone": "UTC"}])
	bench.start_modems()
	daemon, client = fotad(bench, bus)
	asked.wait("asked")
	daemon.log.wait(r" pump: not now \(clock\)")
	rig.check(not client.get(busrig.MANAGER, busrig.ROOT, "ClockSynchronised"), "the clock is called right")
	synchronised[0] = True
	daemon.log.wait(rig.RESTORED)
	rig.check(client.get(busrig.MANAGER, busrig.ROOT, "ClockSynchronised"), "the clock is called wrong")
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	rig.judge_success(bench, m, bench.truth()["pump"])


rig.main(test_inhibitor, test_no_logind, test_clock)
