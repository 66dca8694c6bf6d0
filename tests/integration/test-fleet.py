#!/usr/bin/python3
"""A hundred modems, eight at a time: never more, and never fewer while others wait."""
import re

import rig
from rig import VERSIONS

PARALLEL = 8


def attempts(bench):
	"""(begin, end) of each attempt, by the simulator's transcript: from the first preparing command after hold, ATE0, to the
	second question for the version that proves it. fotad's own count begins a little earlier and ends a little later."""
	spans, begin, proof = [], {}, {}
	for line in bench.transcript.lines:
		match = re.match(r"(\d+) (\S+) > (\S+)", line)
		if not match:
			continue
		time, name, command = int(match[1]), match[2], match[3]
		if command == "ATE0" and name not in begin:
			begin[name] = time
		elif re.match(r"AT\+GTOTA=[01]", command):
			proof[name] = time
		elif command == "AT+CGMR" and name in proof:
			proof[name] = time
		elif command == "AT+CGMI" and name in proof:  # asked after the verdict only
			spans.append((begin.pop(name), proof.pop(name)))
	return spans + [(begin[name], proof[name]) for name in proof]


def test_hundred_modems(bench):
	bench.config["limits"]["max_parallel"] = PARALLEL
	families = ["L610", "NL668", "NL652"]
	for i in range(100):
		bench.modem(f"modem-{i:03}", families[i % 3], *(["chunks"] if i % 10 == 0 else []))
	for family in families:
		bench.http(family, *VERSIONS[family][:2], size=30_000)
	bench.campaigns_by_target()
	bench.start_modems(default="boot-time=100ms apply-time=100ms pdp-time=10ms start-time=10ms verify-time=20ms")
	daemon, truth = rig.run_once(bench, timeout=150)
	for m in bench.modems.values():
		rig.judge_success(bench, m, truth[m.name])
		rig.judge_word(bench, m, "succeeded")
		rig.equal(bench.received(m.name), [30_000], f"{m.name}: bytes received")
	spans = attempts(bench)
	rig.equal(len(spans), 100, "attempts")
	rig.equal(rig.most_at_once(spans), PARALLEL, "most modems at once")
	for family, number in ("L610", 34), ("NL668", 33), ("NL652", 33):
		file = f"{family}-{VERSIONS[family][0]}-{VERSIONS[family][1]}.bin"
		rig.equal(bench.web_bytes(file), [30_000] * number, f"{family}: bytes sent by nginx")
	rig.check(daemon.log.find("100 of 100 modems run their target"), "no summary")


def test_campaign_limits(bench):
	"""A campaign's own limit holds inside the common one, and the higher priority goes first."""
	bench.config["limits"]["max_parallel"] = 3
	for i in range(6):
		bench.modem(f"urgent-{i}", "NL668")
		bench.modem(f"normal-{i}", "NL652")
	for family in "NL668", "NL652":
		bench.http(family, *VERSIONS[family][:2], size=30_000)
	bench.campaign("urgent", VERSIONS["NL668"][1], [n for n in bench.modems if n.startswith("urgent")], max_parallel=2,
		priority=5)
	bench.campaign("normal", VERSIONS["NL652"][1], [n for n in bench.modems if n.startswith("normal")])
	daemon, truth = rig.run_once(bench)
	for m in bench.modems.values():
		rig.judge_success(bench, m, truth[m.name])
	everything = bench.transcript.lines
	rig.equal(rig.most_at_once(attempts(bench)), 3, "most modems at once")
	bench.transcript.lines = [line for line in everything if " urgent-" in line]
	rig.equal(rig.most_at_once(attempts(bench)), 2, "most modems of the campaign at once")
	begun = [line.split(" attempt ")[0].split()[-1].rstrip(":") for line in daemon.log.find(" attempt 1: ")]
	rig.check(max(begun.index(f"urgent-{i}") for i in range(6)) <= 10, f"the urgent ones waited: {begun}")


def test_doing_it_twice(bench):
	"""A second run changes nothing: no start, no setting, no byte of a package."""
	m = bench.modem("pump", "L610")
	file = bench.http("L610", *VERSIONS["L610"][:2])
	bench.campaigns_by_target()
	bench.start_modems()
	rig.equal(bench.daemon().wait(), 0, "exit code of the first run")
	before = bench.transcript.size()
	again = bench.daemon()
	rig.equal(again.wait(), 0, "exit code of the second run")
	fresh = bench.daemon(state="another")
	rig.equal(fresh.wait(), 0, "exit code of a run without memory")
	sent = {line.split(" > ")[1] for line in bench.transcript.find(" > ", before)}
	rig.check(sent <= {"AT", "ATI", "AT+CGMI", "AT+CGMM", "AT+CGMR", "AT+CGSN"}, f"sent with nothing to do: {sorted(sent)}")
	rig.judge_success(bench, m, bench.truth()["pump"])
	rig.equal(bench.web_bytes(file), [rig.SIZE], "bytes sent by nginx")


rig.main(test_hundred_modems, test_campaign_limits, test_doing_it_twice)
