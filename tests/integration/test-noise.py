#!/usr/bin/python3
"""A modem of which so much could be said that nobody could read about the others: it is cut short, and that is counted."""
import re

import rig
from rig import VERSIONS

L28, L29, _ = VERSIONS["L610"]

LINES, DEBUG_LINES = 100, 1000  # daemon/modem-log.c


def suppressed(daemon, whose):
	return sum(int(re.search(r": (\d+) suppressed: ", line)[1]) for line in daemon.log.find(rf" {whose}: \d+ suppressed: "))


def test_boot_loop(bench):
	"""Past the point of no return it is listened to whatever it does, and so it has much to tell."""
	bench.modem("noisy", "L610", "boot-loop time=100ms")
	bench.http("L610", L28, L29)
	bench.campaigns_by_target()
	bench.config["timeouts"]["return"] = "15s"
	daemon, truth = rig.run_once(bench, timeout=120, wanted=1)
	rig.judge_conduct("noisy", truth["noisy"], ("settings", "pdp"))
	left_out = suppressed(daemon, "warning noisy")
	said = daemon.log.find(" (info|notice|warning) noisy: ")
	rig.check(left_out > 10, f"{left_out} lines are left out, and {len(said)} are said")
	rig.check(LINES <= len(said) < 1.3 * LINES, f"{len(said)} lines are said")
	for line in " err noisy: unknown \\(not-back\\)", " notice noisy: evidence: ", " warning noisy: left: unknown ":
		rig.equal(len(daemon.log.find(line)), 1, f"lines that must not be left out: {line}")


def test_debug_log(bench):
	"""Byte by byte, each a line of the debug log: what is too much is left out; errors, verdicts and the other modem are not."""
	bench.modem("noisy", "L610", "slow-bytes time=1ms", "endless-line percent=50 number=2000", "fail percent=80 times=1")
	bench.modem("quiet", "L610", "boot-garbage", "leading-nul")  # what comes at boot may be gone before the port is open
	bench.http("L610", L28, L29)
	bench.campaigns_by_target(retry={"attempts": 2, "delay": "200ms", "max_delay": "200ms"})
	bench.start_modems()
	daemon = bench.daemon("--log-level=debug")
	rig.equal(daemon.wait(120), 0, "exit code of fotad")
	truth = bench.truth()
	for name in "noisy", "quiet":
		rig.judge_success(bench, bench.modems[name], truth[name])
	said = daemon.log.find(" debug noisy: ")
	left_out = suppressed(daemon, "debug noisy")
	rig.check(left_out > 300, f"{left_out} lines are left out, and {len(said)} are said")
	rig.check(DEBUG_LINES <= len(said) < 2 * DEBUG_LINES, f"{len(said)} lines are said")
	rig.equal(suppressed(daemon, "quiet"), 0, "lines of the quiet one that are left out")
	rig.check(daemon.log.find(r" debug quiet: < .*\\x[0-9a-f]{2}"), "no garbage has come")
	rig.equal([line for line in daemon.log.text().splitlines() if not re.fullmatch("[ -~]*", line)], [], "lines with its bytes in them")
	rig.equal(len(daemon.log.find(r" warning noisy: attempt 1 failed \(download-failed\)")), 1, "failed attempts that are told")
	rig.equal(len(daemon.log.find(" notice noisy: evidence: ")), 2, "verdicts that are told")
	rig.equal(len(daemon.log.find(" notice noisy: succeeded: ")), 1, "successes that are told")


rig.main(test_boot_loop, test_debug_log)
