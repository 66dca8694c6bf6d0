#!/usr/bin/python3
"""The preload that warps time: waits of an hour are over when the test says so, in every way that our programs wait."""
import os
import re
import time

import rig
from process import Process
from warp import Warp

PROBE = os.path.join(rig.BUILD, "tests", "integration", "warp-probe")
WAITS = {"realtime", "monotonic", "boottime", "poll", "epoll", "condition", "condition-realtime", "clockwait"}
HOUR = 3600


def start(bench):
	warp = Warp(bench)
	probe = Process([PROBE], bench.path("probe.log"), env={**os.environ, **warp.environment})
	bench.closing.callback(probe.close)
	probe.log.wait("^READY ")
	return warp, probe


def said(probe):
	"""{name: how late, in milliseconds}"""
	lines = [line.split() for line in probe.log.find(r"^[a-z-]+ -?\d+$")]
	return {name: int(late) for name, late in lines}


def judge_all(probe, most):
	rig.equal(probe.wait(), 0, "exit code")
	late = said(probe)
	rig.equal(set(late), WAITS, "waits that are over")
	for name, milliseconds in late.items():
		rig.check(-2 <= milliseconds < most, f"{name} was over {milliseconds} ms after its time")


def test_jump(bench):
	warp, probe = start(bench)
	begin = time.monotonic()
	warp.jump(HOUR - 600)
	rig.equal(said(probe), {}, "waits that are over too early")
	warp.jump(600)
	judge_all(probe, 20_000)
	rig.check(time.monotonic() - begin < 60, "it took too long")


def test_rate(bench):
	warp, probe = start(bench)
	begin = time.monotonic()
	warp.run(HOUR / 2)
	judge_all(probe, HOUR * 1000)  # at this rate half a second of a busy machine is a quarter of an hour
	rig.check(1.9 < time.monotonic() - begin < 60, f"it took {time.monotonic() - begin} s")


def test_set_clock(bench):
	"""Only what waits by the wall clock is over, and who asked to be told is told."""
	warp, probe = start(bench)
	warp.set_clock(warp.now() + HOUR + 1)
	probe.log.wait("^set$")
	probe.log.wait("^realtime ")
	probe.log.wait("^condition-realtime ")
	rig.equal(set(said(probe)), {"realtime", "condition-realtime"}, "waits that are over")
	warp.set_clock(warp.now() - 5 * HOUR)
	probe.log.wait("^set$", count=2)
	rig.equal(set(said(probe)), {"realtime", "condition-realtime"}, "waits that are over")
	warp.jump(HOUR)
	rig.equal(probe.wait(), 0, "exit code")
	rig.equal(set(said(probe)), WAITS, "waits that are over")
	rig.equal(len(probe.log.find("^set$")), 2, "how often the clock was set")


def test_synchronised(bench):
	warp, probe = start(bench)
	rig.check(probe.log.find("^READY synchronised$"), "it is not")
	warp.synchronise(False)
	other = Process([PROBE], bench.path("other.log"), env={**os.environ, **warp.environment})
	bench.closing.callback(other.close)
	other.log.wait("^READY unsynchronised$")


def test_not_warped(bench):
	"""Without the file nothing changes; with it a program that is told nothing lives in real time."""
	warp, probe = start(bench)
	rig.check(abs(warp.now() - time.time()) < 1, "the clock is another")
	rig.equal(said(probe), {}, "waits that are over")
	environment = {key: value for key, value in warp.environment.items() if key != "FOTAD_WARP"}
	plain = Process([PROBE], bench.path("plain.log"), env={**os.environ, **environment})
	bench.closing.callback(plain.close)
	plain.log.wait("^READY ")
	warp.jump(HOUR)
	rig.equal(probe.wait(), 0, "exit code")
	rig.equal(said(plain), {}, "waits of a program without the file")
	rig.check(plain.is_alive() and not re.search("set", plain.log.text()), "it was warped")


rig.main(test_jump, test_rate, test_set_clock, test_synchronised, test_not_warped)
