#!/usr/bin/python3
"""When a campaign may start something: windows, not_before, not_after, on the real clock and in warped time.

A window opens on a minute, and a test does not wait for one: its time zone is made so that the minute comes when it is
wanted, or the clock is warped (warp.py).
"""
import calendar
import contextlib
import os
import re
import signal
import sqlite3
import struct
import time

import rig
from rig import VERSIONS
from warp import Warp

ASKED = {"AT", "AT+CGMI", "AT+CGMM", "AT+CGMR", "AT+CGSN", "ATI"}  # of strangers (conduct 1)
NOON = 12 * 3600


def make_zone(bench, name, offset):
	"""A TZif file (RFC 9636) whose clocks are `offset` seconds ahead of UTC."""
	header = b"TZif2" + bytes(15) + struct.pack(">6I", 0, 0, 0, 0, 1, 4)
	block = header + struct.pack(">ibb", offset, 0, 0) + b"ABC\0"
	west = abs(offset)
	footer = f"\nABC{'-' if offset > 0 else ''}{west // 3600}:{west // 60 % 60:02}:{west % 60:02}\n"
	path = bench.path("zones", *name.split("/"))
	os.makedirs(os.path.dirname(path), exist_ok=True)
	with open(path, "wb") as file:
		file.write(block + block + footer.encode())


def noon_in(bench, seconds):
	"""A zone in which it is noon in so many seconds; when that is, by time.time()."""
	noon = int(time.time()) + seconds
	offset = NOON - noon % 86400
	make_zone(bench, "Test/Noon", offset)
	return noon


def window(start="12:00", end="13:00", **more):
	return {"start": start, "end": end, "timezone": "Test/Noon", **more}


def rfc3339(seconds):
	return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def one_modem(bench, **when):
	bench.modem("pump", "NL668")
	bench.http("NL668", *VERSIONS["NL668"][:2])
	bench.campaigns_by_target(**when)
	bench.start_modems()


def run(bench, **options):
	return bench.daemon(environment={"TZDIR": bench.path("zones")}, **options)


def begun(bench):
	"""When the attempt began, by fotad's own wall clock."""
	with contextlib.closing(sqlite3.connect(f"file:{bench.path('state', 'fotad.db')}?mode=ro", uri=True)) as store:
		return [row[0] / 1e6 for row in store.execute("SELECT started FROM attempts ORDER BY started")]


def judge_untouched(bench):
	"""Who it is was asked, and nothing else."""
	rig.check(set(bench.sent("pump")) <= ASKED, f"more was sent: {bench.sent('pump')}")
	truth = bench.truth()["pump"]
	rig.equal(truth["gtota_received"], 0, "starts")
	rig.equal(truth["version"], VERSIONS["NL668"][0], "version")


def test_closed(bench):
	"""--once does not wait for a window (conduct 19)."""
	noon_in(bench, 6 * 3600)
	one_modem(bench, windows=[window()])
	daemon = run(bench)
	rig.equal(daemon.wait(), 1, "exit code")
	rig.check(daemon.log.find(r"pump: not now \(window\): not before \S+T12:00:00[+-]\d\d:\d\d, in 5h 59min$"), "when is not said")
	rig.check(daemon.log.find(r"pump: left: waiting \(window\)"), "the reason is not said")
	judge_untouched(bench)


def test_opens(bench):
	noon = noon_in(bench, 10)
	one_modem(bench, windows=[window()])
	daemon = run(bench, once=False)
	daemon.log.wait(r"pump: not now \(window\): not before \S+T12:00:00")
	rig.check(time.time() >= noon or not daemon.log.find("attempt 1"), "it began before noon")
	daemon.log.wait("pump: succeeded: runs")
	daemon.log.wait(rig.RESTORED)
	rig.equal(daemon.stop(), 0, "exit code")
	rig.equal(len(daemon.log.find(r"not now \(window\)")), 1, "how often the window was spoken of")
	started = begun(bench)
	rig.check(len(started) == 1 and noon <= started[0] < noon + 30, f"noon was {noon}, and it began {started}")
	rig.judge_success(bench, bench.modems["pump"], bench.truth()["pump"])
	rig.judge_word(bench, bench.modems["pump"], "succeeded")


def test_open_already(bench):
	noon_in(bench, -600)
	one_modem(bench, windows=[window()], jitter="5min")
	rig.equal(run(bench).wait(), 0, "exit code")
	rig.judge_success(bench, bench.modems["pump"], bench.truth()["pump"])


def test_not_before(bench):
	begin = int(time.time()) + 10
	one_modem(bench, not_before=rfc3339(begin))
	daemon = run(bench, once=False)
	daemon.log.wait(r"pump: not now \(not-before\): not before " + rfc3339(begin)[:-1])
	daemon.log.wait("pump: succeeded: runs")
	daemon.log.wait(rig.RESTORED)
	rig.equal(daemon.stop(), 0, "exit code")
	started = begun(bench)
	rig.check(len(started) == 1 and started[0] >= begin, f"{begin} was not_before, and it began {started}")
	rig.judge_success(bench, bench.modems["pump"], bench.truth()["pump"])


def test_not_before_once(bench):
	one_modem(bench, not_before=rfc3339(time.time() + 3600))
	daemon = run(bench)
	rig.equal(daemon.wait(), 1, "exit code")
	rig.check(daemon.log.find(r"pump: left: waiting \(not-before\)"), "the reason is not said")
	judge_untouched(bench)


def test_not_after(bench):
	one_modem(bench, not_after=rfc3339(time.time() - 60))
	daemon = run(bench)
	rig.equal(daemon.wait(), 1, "exit code")
	rig.check(daemon.log.find(r"pump: failed \(deadline\): not_after \(\S+\) has passed"), "it is not said")
	rig.judge_word(bench, bench.modems["pump"], "failed", "deadline")
	judge_untouched(bench)


def test_deadline_comes(bench):
	"""It waits for a window that opens after not_after; at not_after it fails."""
	noon_in(bench, 3600)
	end = int(time.time()) + 10
	one_modem(bench, windows=[window()], not_after=rfc3339(end))
	daemon = run(bench, once=False)
	daemon.log.wait(r"pump: not now \(window\)")
	daemon.log.wait(r"pump: failed \(deadline\)")
	rig.check(time.time() >= end, "too early")
	rig.equal(daemon.stop(), 0, "exit code")
	rig.judge_word(bench, bench.modems["pump"], "failed", "deadline")
	judge_untouched(bench)


def test_latest_start(bench):
	"""What may take longer than the window stays open does not start (hold); with finish it does."""
	noon_in(bench, -3590)  # ten seconds are left
	one_modem(bench, windows=[window()])
	daemon = run(bench)
	rig.equal(daemon.wait(), 1, "exit code")
	rig.check(daemon.log.find(r"pump: not now \(window\): not before \S+T12:00:00\S+, in (23h|22h)"),
		"it does not wait for the next")
	rig.check(not bench.sent("pump") or set(bench.sent("pump")) <= ASKED, "more was sent")
	bench.config["campaigns"][0]["window_end"] = "finish"
	noon_in(bench, -3580)
	daemon = run(bench)
	rig.equal(daemon.wait(), 0, "exit code")
	rig.judge_success(bench, bench.modems["pump"], bench.truth()["pump"])


def test_too_short(bench):
	noon_in(bench, -5)
	bench.config["timeouts"]["return"] = "2min"
	one_modem(bench, windows=[window(end="12:01")])
	daemon = run(bench)
	rig.equal(daemon.wait(), 1, "exit code")
	rig.check(daemon.log.find(r"pump: not now \(window\): no window is as long as an upgrade may take \(2min 2"), "it is not said")
	judge_untouched(bench)


def test_reload(bench):
	"""A window that opens by another configuration."""
	noon_in(bench, 3600)
	one_modem(bench, windows=[window()])
	daemon = run(bench, once=False)
	daemon.log.wait(r"pump: not now \(window\)")
	bench.config["campaigns"][0]["windows"][0]["start"] = "00:00"
	bench.write_config()
	os.kill(daemon.pid, signal.SIGHUP)
	daemon.log.wait("pump: succeeded: runs")
	daemon.log.wait(rig.RESTORED)
	rig.equal(daemon.stop(), 0, "exit code")
	rig.judge_success(bench, bench.modems["pump"], bench.truth()["pump"])


def test_restart(bench):
	"""What waits still waits after a restart, and says so again."""
	noon_in(bench, 3600)
	one_modem(bench, windows=[window()])
	for _ in range(2):
		daemon = run(bench, once=False)
		daemon.log.wait(r"pump: not now \(window\)")
		rig.equal(daemon.stop(), 0, "exit code")
	rig.equal(bench.jobs()["pump"]["state"], "waiting", "state")
	judge_untouched(bench)


# ---- in warped time ----

BERLIN = {"timezone": "Europe/Berlin"}


def warped(bench, wall=None, **options):
	"""A daemon in another time, to be stopped."""
	if not os.path.exists("/usr/share/zoneinfo/Europe/Berlin"):
		raise rig.Skip("there is no tzdata here")
	warp = Warp(bench)
	if wall is not None:
		warp.set_clock(wall)
	return warp, bench.daemon(environment=warp.environment, once=False, **options)


def utc(text):
	return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def finish(bench, daemon):
	daemon.log.wait("pump: succeeded: runs")
	daemon.log.wait(rig.RESTORED)
	rig.equal(daemon.stop(), 0, "exit code")
	rig.judge_success(bench, bench.modems["pump"], bench.truth()["pump"])


def test_hours_later(bench):
	one_modem(bench, windows=[{"days": ["wed"], "start": "22:00", "end": "04:30", **BERLIN}])
	warp, daemon = warped(bench, utc("2026-06-08T12:00:00Z"))  # a Monday
	daemon.log.wait(r"pump: not now \(window\): not before 2026-06-10T22:00:00\+02:00, in 2d 7h")
	warp.jump_to(utc("2026-06-10T19:59:58Z"))
	finish(bench, daemon)
	rig.check(begun(bench)[0] >= utc("2026-06-10T20:00:00Z"), "it began too early")


def test_gap(bench):
	"""02:30 does not exist in this night: the window opens at the first moment after the gap."""
	one_modem(bench, windows=[{"start": "02:30", "end": "04:30", **BERLIN}])
	warp, daemon = warped(bench, utc("2026-03-29T00:30:00Z"))
	daemon.log.wait(r"pump: not now \(window\): not before 2026-03-29T03:00:00\+02:00, in (30min|29min)")
	warp.jump_to(utc("2026-03-29T00:59:58Z"))
	finish(bench, daemon)
	rig.check(begun(bench)[0] >= utc("2026-03-29T01:00:00Z"), "it began too early")


def test_fold(bench):
	"""02:15 comes twice in this night, and the window was open at the first."""
	one_modem(bench, windows=[{"start": "01:00", "end": "02:30", **BERLIN}])
	_, daemon = warped(bench, utc("2026-10-25T01:15:00Z"))
	daemon.log.wait(r"pump: not now \(window\): not before 2026-10-26T01:00:00\+01:00, in 22h 4")
	rig.equal(daemon.stop(), 0, "exit code")
	judge_untouched(bench)


def test_clock_is_set(bench):
	"""Forward into the window, and back before it: planned again at once."""
	one_modem(bench, windows=[{"start": "22:00", "end": "04:30", **BERLIN}])
	warp, daemon = warped(bench, utc("2026-06-08T12:00:00Z"))
	daemon.log.wait(r"pump: not now \(window\): not before 2026-06-08T22:00:00")
	warp.set_clock(utc("2026-06-06T12:00:00Z"))
	daemon.log.wait("the wall clock was set")
	daemon.log.wait(r"pump: not now \(window\): not before 2026-06-06T22:00:00")
	warp.set_clock(utc("2026-06-08T21:00:00Z"))
	finish(bench, daemon)


def test_not_synchronised(bench):
	"""A clock that nobody has set opens no window, and lets nothing expire."""
	bench.config["limits"]["clock"] = "synchronised"
	one_modem(bench, not_after="2026-06-08T12:00:00Z")
	warp = Warp(bench)
	warp.set_clock(utc("2030-01-01T00:00:00Z"))
	warp.synchronise(False)
	daemon = bench.daemon(environment=warp.environment, once=False)
	daemon.log.wait(r"pump: not now \(clock\): the clock is not synchronised")
	warp.set_clock(utc("2026-06-08T11:00:00Z"))
	warp.synchronise(True)
	warp.jump(11)
	finish(bench, daemon)
	rig.equal(len(daemon.log.find(r"not now \(clock\)")), 1, "how often the clock was spoken of")


def wake_ups(pid):
	with open(f"/proc/{pid}/status", encoding="ascii") as file:
		return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.M)[1])


def test_backoff_ends_in_the_night(bench):
	"""The time of the next attempt comes while the window is closed: that is no reason to stay awake until it opens."""
	bench.modem("pump", "L610", "fail percent=30 times=1")
	bench.http("L610", *VERSIONS["L610"][:2])
	bench.campaigns_by_target(windows=[{"start": "20:00", "end": "22:00", **BERLIN}], not_after="2026-06-08T20:55:00Z",
		retry={"attempts": 3, "delay": "1h"})
	bench.start_modems()
	warp, daemon = warped(bench, utc("2026-06-08T19:20:00Z"))  # 21:20 in Berlin
	daemon.log.wait(r"pump: attempt 1 failed \(download-failed\)")
	warp.jump_to(utc("2026-06-08T20:00:30Z"))  # not beyond the backoff: a jump is a reason to look at everything
	before = wake_ups(daemon.pid)
	warp.run(400)
	daemon.log.wait(r"pump: failed \(deadline\)")
	rig.check(wake_ups(daemon.pid) - before < 54 * 60, "it wakes up more than once a second, for nothing")
	warp.run(1)
	rig.equal(daemon.stop(), 0, "exit code")


def test_window_closes_between_hops(bench):
	first, second, third = VERSIONS["NL668"]
	bench.modem("pump", "NL668", target=third)
	bench.http("NL668", first, second)
	bench.http("NL668", second, third)
	bench.campaigns_by_target(windows=[{"start": "01:00", "end": "04:30", **BERLIN}])
	bench.start_modems()
	warp, daemon = warped(bench, utc("2026-06-08T00:00:00Z"))
	daemon.log.wait("pump: 10 % downloaded|pump: [0-9]+ % downloaded")
	warp.set_clock(utc("2026-06-08T02:20:00Z"))  # ten minutes are left: it runs on
	daemon.log.wait("the wall clock was set")
	warp.set_clock(utc("2026-06-08T03:00:00Z"))  # half an hour too late
	daemon.log.wait("pump: hop done: runs " + second)
	daemon.log.wait(r"pump: not now \(window\): not before 2026-06-09T01:00:00\+02:00")
	warp.jump_to(utc("2026-06-08T23:00:00Z"))
	daemon.log.wait("pump: succeeded: runs " + third)
	daemon.log.wait(rig.RESTORED)
	rig.equal(daemon.stop(), 0, "exit code")
	rig.judge_success(bench, bench.modems["pump"], bench.truth()["pump"], 2)
	rig.equal([time.gmtime(t)[2:4] for t in begun(bench)], [(8, 0), (8, 23)], "day and hour of the starts")


rig.main(test_closed, test_opens, test_open_already, test_not_before, test_not_before_once, test_not_after,
	test_deadline_comes, test_latest_start, test_too_short, test_reload, test_restart, test_hours_later, test_gap, test_fold,
	test_clock_is_set, test_not_synchronised, test_backoff_ends_in_the_night,
	test_window_closes_between_hops)
