#!/usr/bin/python3
"""The anomaly brake: a firmware that nothing calls a failure, and that is stopped all the same, for upgraded modems fare worse
than they did before, or than others in other upgrades."""
import contextlib
import re
import sqlite3
import time

import rig
from rig import VERSIONS

FAMILY = "NL652"
FROM, TO, NEXT = VERSIONS[FAMILY]
QUICK = "boot-time=100ms apply-time=100ms sim-time=0ms network-time=0ms pdp-time=10ms start-time=10ms verify-time=20ms"


def halted(bench):
	with contextlib.closing(sqlite3.connect(f"file:{bench.path('state', 'fotad.db')}?mode=ro", uri=True)) as store:
		return store.execute("SELECT halted FROM campaigns WHERE name = 'winter'").fetchone()[0]


def done(bench, target):
	return sum(job["state"] == "succeeded" and job["target"] == target for job in bench.jobs().values())


def fleet(bench, n, *faults, **settings):
	bench.config["limits"]["max_parallel"] = 2
	for i in range(n):
		bench.modem(f"m{i:02}", FAMILY, *faults)
	bench.http(FAMILY, FROM, TO, size=20_000)
	bench.http(FAMILY, TO, NEXT, size=20_000)
	return bench.campaign("winter", TO, **settings)


def test_signal(bench):
	"""Upgraded modems hear 30 dB less: after seven the campaign halts, stays so over a restart, and halts again after an
	operator's word."""
	fleet(bench, 24, "signal-lost number=3", brake={"signal_db": 10})
	bench.start_modems(default=QUICK)
	first = bench.daemon()
	rig.equal(first.wait(), 1, "exit code")
	said = first.log.find(r"campaign winter: halted: upgraded modems hear -107 dBm, before it was -77 dBm "
		r"\(medians of ([78]) and \1; brake.signal_db 10\); nothing more of it starts until an operator resumes it")
	rig.equal(len(said), 1, "times the halt is said")
	rig.equal(halted(bench), "weaker", "why it has halted, as stored")
	upgraded = done(bench, TO)
	rig.check(7 <= upgraded <= 8, f"{upgraded} modems upgraded when seven prove it and two go at once")
	again = bench.daemon()
	rig.equal(again.wait(), 1, "exit code of the second life")
	rig.check(not again.log.find("halted: ") and done(bench, TO) == upgraded, "something was started, or said, after the restart")

	rig.equal(bench.daemon("--resume=winter", once=False).wait(), 0, "exit code of --resume")
	third = bench.daemon()
	rig.equal(third.wait(), 1, "exit code after an operator's word")
	rig.check(third.log.find(r"campaign winter: halted: upgraded modems hear -107 dBm"), "it does not halt again")
	rig.check(upgraded + 5 <= done(bench, TO) <= upgraded + 7, f"{done(bench, TO)} modems upgraded, {upgraded} of them before")
	for name, m in bench.truth().items():
		rig.judge_conduct(name, m)


def test_clock(bench):
	"""An operator's word was given when the clock was a year ahead: what is upgraded now was not forgiven by it."""
	campaign = fleet(bench, 16, "signal-lost number=3", brake={"signal_db": 10}, not_before="2099-01-01T00:00:00Z")
	bench.start_modems(default=QUICK)
	first = bench.daemon(once=False)
	first.log.wait(r"not now \(not-before\)", count=16)
	first.stop()
	with contextlib.closing(sqlite3.connect(bench.path("state", "fotad.db"))) as store:
		store.execute("UPDATE campaigns SET brake_since = ?", (int((time.time() + 31_536_000) * 1e6),))
		store.commit()
	del campaign["not_before"]
	rig.equal(bench.daemon().wait(), 1, "exit code")
	rig.equal(halted(bench), "weaker", "why it has halted, as stored")
	bench.truth()


def test_innocent(bench):
	"""Nobody fares worse: nobody is stopped. What was heard stands in the evidence."""
	fleet(bench, 12, brake={"signal_db": 6, "return_percent": 1000})
	daemon, truth = rig.run_once(bench)
	for m in bench.modems.values():
		rig.judge_success(bench, m, truth[m.name])
	rig.equal(len(daemon.log.find(r"evidence: .* signal -77 dBm before, -77 dBm after;")), 12, "signals in the evidence")


def test_return(bench):
	"""The second firmware takes long to come back, by what the gateway has seen of the first one, in an earlier life of fotad."""
	campaign = fleet(bench, 16, "back-late time=4s skip=1", brake={"return_percent": 250})
	bench.start_modems(default="boot-time=500ms apply-time=300ms sim-time=0ms network-time=0ms pdp-time=10ms")
	bench.config["limits"]["max_parallel"] = 16
	rig.equal(bench.daemon().wait(), 0, "exit code of the first campaign")
	rig.equal(done(bench, TO), 16, "modems upgraded")
	campaign["target"] = NEXT
	bench.config["limits"]["max_parallel"] = 3
	daemon = bench.daemon()
	rig.equal(daemon.wait(), 1, "exit code of the second campaign")
	said = daemon.log.find(r"campaign winter: halted: upgraded modems come back after \S+( \S+)?, in other upgrades it took \S+")
	rig.equal(len(said), 1, "times the halt is said")
	counts = re.search(r"medians of (\d+) and (\d+); brake.return_percent 250\)", said[0])
	rig.check(5 <= int(counts[1]) <= 7 and int(counts[2]) == 16, f"upgrades of both kinds: {said[0]}")
	rig.equal(halted(bench), "slower", "why it has halted, as stored")
	rig.check(5 <= done(bench, NEXT) <= 7, f"{done(bench, NEXT)} modems upgraded when five prove it and three go at once")
	bench.truth()


rig.main(test_signal, test_clock, test_innocent, test_return)
