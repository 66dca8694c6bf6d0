#!/usr/bin/python3
"""fotad is killed or stopped at any moment, and goes on where it was: one start per attempt, and the right verdict."""
import contextlib
import functools
import os
import random
import re
import signal

import rig
from rig import VERSIONS

SIZE = 200_000  # of a package; the server sends so slowly that a download takes two seconds, with many reports
RATE = 100_000

# The moment of the kill, as the simulator's transcript shows it.
MOMENTS = {
	"identifying": r" > AT\+CGMM",
	"preparing": r" > AT\+CPIN\?",
	"after-a-setting": r' > AT\+GTSET="CALLBREAK",1',
	"at-the-start": r" > AT\+GTOTA=[01]",
	"at-download-start": r" < GTOTA DOWNLOAD START",
	"in-mid-download": r" < GTOTA DOWNLOADING: [3-6]\d%",
	"at-complete": r" < GTOTA DOWNLOAD COMPLETE",
	"as-it-leaves": r" ! lost",
	"while-applying": r" ! applying",
	"as-it-returns": r" ! running",
	"verifying": r" > AT\+CGMR",
}


def test_moment(bench, moment, family, number):
	bench.web(rate=RATE)
	m = bench.modem("pump", family)
	bench.http(family, *VERSIONS[family][:2], size=SIZE)
	bench.campaigns_by_target(retry={"attempts": 2, "delay": "200ms", "max_delay": "200ms"})
	bench.start_modems(default="boot-time=300ms apply-time=300ms")
	first = bench.daemon(once=False)
	start = 0
	if moment == "verifying":
		start = bench.transcript.wait(r" ! running")
	bench.transcript.wait(MOMENTS[moment], start=start)
	first.kill(number)
	code = first.wait(20)
	if number == signal.SIGTERM:
		rig.equal(code, 0, "exit code of the one that was stopped")
	daemon, truth = rig.run_once(bench)
	rig.judge_success(bench, m, truth["pump"], except_for=["bytes_while_executing", "commands_while_downloading"])
	rig.judge_word(bench, m, "succeeded")
	rig.equal(truth["pump"]["gtota_received"], 1, "starts")
	if moment in ("at-the-start", "at-download-start", "in-mid-download", "at-complete", "while-applying"):
		rig.check(daemon.log.find(" pump: taking up the upgrade"), "it does not say that it takes up the upgrade")


def test_random_kills(bench):
	"""A fleet, killed again and again."""
	seed = int(os.environ.get("FOTAD_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
	dice = random.Random(seed)
	bench.web(rate=RATE)
	for i in range(8):
		family = "L610" if i % 2 else "NL668"
		bench.modem(f"modem-{i}", family, *(["chunks"] if i % 3 == 0 else []))
	for family in "L610", "NL668":
		bench.http(family, *VERSIONS[family][:2], size=SIZE)
	bench.config["limits"]["max_parallel"] = 4
	bench.campaigns_by_target(retry={"attempts": 5, "delay": "200ms", "max_delay": "200ms"})
	bench.start_modems()
	try:
		for _ in range(6):
			daemon = bench.daemon(once=False)
			number = bench.transcript.size() + dice.randrange(1, 300)
			with contextlib.suppress(rig.Failure):  # they may all be done before
				bench.transcript.wait_for_lines(number, timeout=15)
			daemon.kill()
			daemon.wait(20)
		daemon, truth = rig.run_once(bench, timeout=120)
		jobs = bench.jobs()
		for m in bench.modems.values():
			rig.judge_success(bench, m, truth[m.name], except_for=["bytes_while_executing", "commands_while_downloading"])
			rig.judge_word(bench, m, "succeeded")
			rig.check(truth[m.name]["gtota_received"] <= jobs[m.name]["attempt"],
				f"{m.name}: {truth[m.name]['gtota_received']} starts, {jobs[m.name]['attempt']} attempts")
			gap = truth[m.name]["gtota_gap_min_us"]
			rig.check(gap == 0 or gap >= 10_000_000, f"{m.name}: started again after {gap} us, without an end seen")
	except rig.Failure as failure:
		raise rig.Failure(f"{failure} (FOTAD_SEED={seed})") from None


def test_killed_with_a_failure(bench):
	"""What went wrong while nobody listened is found out all the same."""
	bench.web(rate=RATE)
	rows = {"fails": ("L610", "fail percent=80"), "stalls": ("NL668", "stall percent=80 time=3s"),
		"unchanged": ("NL668", "version-unchanged"), "other": ("L610", "version-other version=16000.1000.00.09.99")}
	for name, (family, fault) in rows.items():
		bench.modem(name, family, fault)
	for family in "L610", "NL668":
		bench.http(family, *VERSIONS[family][:2], size=SIZE)
	bench.campaigns_by_target()
	bench.start_modems()
	daemon = bench.daemon(once=False)
	for name in rows:
		bench.transcript.wait(rf" {name} < GTOTA DOWNLOADING: [2-5]\d%")
	daemon.kill()
	daemon.wait(20)
	daemon, truth = rig.run_once(bench, wanted=1)
	jobs = bench.jobs()
	for name, m in bench.modems.items():
		rig.judge_conduct(name, truth[name], ["bytes_while_executing", "commands_while_downloading"])
		rig.equal(truth[name]["gtota_received"], 1, f"{name}: starts")
		rig.equal(jobs[name]["state"], "failed", f"{name}: fotad's verdict")
		rig.check(truth[name]["version"] != m.target, f"{name}: runs its target")
	rig.equal(jobs["other"]["reason"], "version-unexpected", "other: reason")


def test_stopped_while_preparing(bench):
	"""SIGTERM before the point of no return: nothing is started, and the next life does it."""
	m = bench.modem("pump", "L610", "late-answer command=+MIPCALL=1 time=2s")
	bench.http("L610", *VERSIONS["L610"][:2])
	bench.campaigns_by_target()
	bench.start_modems()
	daemon = bench.daemon(once=False)
	bench.transcript.wait(r" > AT\+MIPCALL=1")
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	rig.check(not [line for line in bench.sent() if re.match(r"AT\+GTOTA=[01]", line)], "it was started nevertheless")
	job = bench.jobs()["pump"]
	rig.equal((job["state"], job["attempts"], job["start_durable"]), ("waiting", 0, 0), "what is remembered")
	daemon, truth = rig.run_once(bench)
	rig.judge_success(bench, m, truth["pump"], except_for=["bytes_while_executing"])


def of_moment(moment, family, number):
	test = functools.partial(test_moment, moment=moment, family=family, number=number)
	test.__name__ = f"{'kill' if number == signal.SIGKILL else 'stop'}-{moment}-{family}"
	return test


tests = [of_moment(moment, "L610" if i % 2 else "NL668", signal.SIGKILL) for i, moment in enumerate(MOMENTS)]
tests += [of_moment("in-mid-download", family, signal.SIGTERM) for family in ("L610", "NL668")]
tests += [of_moment("at-the-start", "NL668", signal.SIGTERM)]
rig.main(test_random_kills, test_killed_with_a_failure, test_stopped_while_preparing, *tests, workers=6)
