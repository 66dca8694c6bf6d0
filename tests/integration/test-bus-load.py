#!/usr/bin/python3
"""Who asks without end, and who never listens: neither keeps a modem waiting."""
import os
import re
import signal

import busrig
import rig
from busrig import MANAGER, NAME, ROOT, Bus, Caller, Client, fotad
from rig import VERSIONS

L28, L29, _ = VERSIONS["L610"]
FLOOD = os.path.join(rig.BUILD, "tests", "integration", "bus-flood")
MODEMS = 24
ABSENT = 1500  # more of the configuration: then answers that tell of all take long
PROBES = 6  # that the one which never answers gets
TICK = 50_000  # microseconds: deadlines are rounded up to it (daemon/ports.h)


class Flood:
	"""An unprivileged client that asks as fast as it is answered."""

	def __init__(self, bench, bus, *what):
		nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
		self.process = rig.Process([*nobody, FLOOD, bus.address, *what], bench.path("flood.log"))
		bench.closing.callback(self.process.close)
		self.process.log.wait("^asking$")

	def stop(self):
		"""Answers and errors, as it counted them."""
		rig.equal(self.process.stop(), 0, "exit code of bus-flood")
		line = self.process.log.find("answers")[0]
		print(f"  {line}", flush=True)
		return [int(n) for n in re.match(r"(\d+) answers, (\d+) errors", line).groups()]


def fleet(bench):
	"""Modems to upgrade, and one that never answers, which has deadlines and nothing else."""
	for i in range(MODEMS):
		bench.modem(f"m{i:02}", "L610")
	bench.modem("mute", "L610", "wrong-baud")
	bench.config["modems"] += [{"name": f"x{i:04}", "port": bench.path("ports", f"x{i:04}")} for i in range(ABSENT)]
	bench.http("L610", L28, L29)
	bench.campaign("all", L29, [name for name in bench.modems if name != "mute"])
	bench.start_modems()


def turnarounds(bench):
	"""Microseconds from an answer to the next command, in the preparation: sorted."""
	answered, started, found = {}, set(), []
	for line in bench.transcript.find(r"^\d+ m\d\d [<>] "):
		moment, name, way, text = line.split(" ", 3)
		if name in started:
			continue
		if way == "<" and (text in ("OK", "ERROR") or text.startswith("+CME ERROR")):
			answered[name] = int(moment)
		elif way == ">":
			if name in answered and text != "AT":
				found.append(int(moment) - answered[name])
			answered.pop(name, None)
			if re.match(r"AT\+GTOTA=[01]", text):
				started.add(name)
	return sorted(found)


def probes(bench):
	"""Microseconds between what is sent to the mute one."""
	moments = [int(line.split()[0]) for line in bench.transcript.find(r"^\d+ mute > AT$")]
	return [b - a for a, b in zip(moments, moments[1:PROBES])]


def run(bench, *flood):
	bus = Bus(bench)
	fleet(bench)
	flooding = Flood(bench, bus, *flood) if flood else None
	daemon, client = fotad(bench, bus)
	daemon.log.wait(rig.RESTORED, count=MODEMS)
	bench.transcript.wait("^[0-9]+ mute > AT$", count=PROBES)
	if flooding:
		client.call("Find", "s", "m01", timeout=20)
		client.call("Pause", "s", "", timeout=20)
		client.call("Explain", "s", "m01", timeout=20)
	answers = flooding.stop() if flooding else None
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	return turnarounds(bench), probes(bench), answers


def test_flood(bench):
	"""Thousands of calls a second from nobody: commands and deadlines are as they are without, and root is heard."""
	quiet_bench = rig.Bench("quiet")
	try:
		quiet, quiet_gaps, _ = run(quiet_bench)
	finally:
		quiet_bench.close()
	loud, gaps, (answers, _) = run(bench, "get", "get", "get", "get", "objects", "plan", "metrics", "history")
	for share, more in (5, 5_000), (9, TICK):
		before, after = (times[len(times) * share // 10] for times in (quiet, loud))
		print(f"  a command follows an answer after {before / 1000:.1f} ms, {after / 1000:.1f} ms in the flood ({share} of ten)", flush=True)
		rig.check(after <= 4 * before + more, f"a command follows an answer after {after} us, {before} without the flood")
	late = [(loud - quiet) / 1000 for quiet, loud in zip(quiet_gaps, gaps)]
	print(f"  deadlines of the mute one are later by {', '.join(f'{ms:.0f}' for ms in late)} ms", flush=True)
	rig.check(max(late) <= 5 * TICK / 1000, f"a deadline came {max(late)} ms late")
	rig.check(answers > 10_000, f"that was no flood: {answers} answers")
	rig.judge_success(bench, bench.modems["m00"], bench.truth()["m00"])


def test_slow_listener(bench):
	"""Who subscribes and never reads is the bus' concern: fotad goes on, and others hear everything."""
	bus = Bus(bench)
	bench.web(rate=30_000)
	m = bench.modem("pump", "L610")
	bench.http("L610", L28, L29)
	bench.campaigns_by_target()
	bench.start_modems()
	daemon, client = fotad(bench, bus)
	deaf = Caller(bus, "nobody") if os.geteuid() == 0 else None
	if deaf:
		deaf.raw("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s", f"sender='{NAME}'")
		deaf.child.send_signal(signal.SIGSTOP)
	client.listen()
	daemon.log.wait(rig.RESTORED)
	client.wait_for_signal(lambda p, i, member, a: member == "Event" and a[0]["kind"] == "verified", "the end")
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	rig.judge_success(bench, m, bench.truth()["pump"])


def test_stuck_bus(bench):
	"""A bus that takes nothing for a while: fotad goes on, and the bus hears how it ended."""
	bus = Bus(bench)
	bench.web(rate=30_000)
	modems = [bench.modem(f"m{i:02}", "L610") for i in range(3)]
	bench.http("L610", L28, L29)
	bench.campaigns_by_target()
	bench.start_modems()
	daemon, client = fotad(bench, bus)
	client.listen()
	bus.process.kill(signal.SIGSTOP)
	daemon.log.wait(rig.RESTORED, count=len(modems))
	bus.process.kill(signal.SIGCONT)
	client.wait_for_signal(lambda p, i, member, a: member == "Event" and a[0]["kind"] == "verified", "what happened meanwhile")
	rig.equal(client.get(MANAGER, ROOT, "ModemCount"), len(modems), "fotad after the bus was stuck")
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	truth = bench.truth()
	for m in modems:
		rig.judge_success(bench, m, truth[m.name])


def test_events_are_lost(bench):
	"""What the bus does not take is left out in the end, and counted; properties are right all the same."""
	bus = Bus(bench)
	bench.config["modems"] = [{"name": "first", "port": bench.path("ports", "first")}]
	daemon, client = fotad(bench, bus)
	client.listen()
	bus.process.kill(signal.SIGSTOP)
	many = 4000  # each is a line of the log, and an event
	bench.config["modems"] += [{"name": f"m{i:04}", "port": bench.path("ports", f"m{i:04}")} for i in range(many)]
	bench.write_config()
	daemon.kill(signal.SIGHUP)
	daemon.log.wait(" m\\d+: .* is not there", count=many)
	bus.process.kill(signal.SIGCONT)
	client.wait_for_signal(lambda p, i, member, a: member == "InterfacesAdded" and a[0] == f"/org/fotad1/modem/m{many - 1}", "the last one")
	client.call("Pause", "s", "")
	client.wait_for_signal(lambda p, i, member, a: member == "Event" and "paused" in a[0]["message"], "an event")
	events = [a[0] for _, _, _, a in client.told("Event")]
	heard = len([event for event in events if event["kind"] == "modem-absent" and event["modem"] != "first"])
	lost = sum(event.get("lost", 0) for event in events)
	rig.check(lost > 0, f"no event was left out, {heard} were heard")
	rig.check(heard + lost >= many, f"{heard} events were heard and {lost} left out, of {many}")
	added = {a[0] for _, _, _, a in client.told("InterfacesAdded")}
	rig.equal(len([path for path in added if "/modem/" in path]), many, "modems whose coming was told")


rig.main(test_flood, test_slow_listener, test_stuck_bus, test_events_are_lost, workers=1)
