#!/usr/bin/python3
"""At most so many upgrades at once in one serving cell (limits.per_cell): the cell is what the modem names in the preparation,
and what is remembered of it."""
import contextlib
import re
import sqlite3

import rig
from rig import VERSIONS

FAMILY = "NL652"
FROM, TO, NEXT = VERSIONS[FAMILY]
QUICK = "boot-time=100ms apply-time=100ms sim-time=0ms network-time=0ms pdp-time=10ms start-time=10ms verify-time=20ms"
CELLS = ("1A2B-01C3D4E5", "1A2B-01C3D4E6")


def downloads(bench, start=0):
	"""{modem: (first start line, proof)} in microseconds, by the simulator's transcript; proof is the second question for the
	version."""
	begin, asked = {}, {}
	for line in bench.transcript.lines[start:]:
		match = re.match(r"(\d+) (\S+) > (\S+)", line)
		if match and re.match(r"AT\+GTOTA=[01]", match[3]):
			begin.setdefault(match[2], int(match[1]))
		elif match and match[3] == "AT+CGMR" and match[2] in begin:
			asked.setdefault(match[2], []).append(int(match[1]))
	return {name: (begin[name], asked[name][1]) for name in begin}


def remembered(bench):
	with contextlib.closing(sqlite3.connect(f"file:{bench.path('state', 'fotad.db')}?mode=ro", uri=True)) as store:
		return dict(store.execute("SELECT name, cell FROM modems").fetchall())


def history(bench, what):
	with contextlib.closing(sqlite3.connect(f"file:{bench.path('state', 'fotad.db')}?mode=ro", uri=True)) as store:
		return [detail for detail, in store.execute("SELECT detail FROM history WHERE what = ?", (what,))]


def judge_cells(bench, names, start=0):
	spans = downloads(bench, start)
	rig.equal(sorted(spans), sorted(names), "modems upgraded")
	for cell in CELLS:
		served = [spans[name] for name in names if f"cell={cell}" in bench.modems[name].keys]
		rig.equal(rig.most_at_once(served), 1, f"upgrades at once in cell {cell}")
	return spans


def test_cells(bench):
	"""Nobody's cell is known at first: who names one that is full gives way. The next campaign knows, and nobody has to."""
	bench.config["limits"].update(max_parallel=8, per_cell=1)
	for i in range(8):
		bench.modem(f"m{i}", FAMILY, keys=f"cell={CELLS[i % 2]}")
	bench.http(FAMILY, FROM, TO, size=20_000)
	bench.http(FAMILY, TO, NEXT, size=20_000)
	campaign = bench.campaign("winter", TO)
	bench.start_modems(default=QUICK)
	first = bench.daemon()
	rig.equal(first.wait(), 0, "exit code")
	spans = judge_cells(bench, list(bench.modems))
	rig.check(rig.most_at_once(spans.values()) == 2, f"two cells, and not two at once: {spans}")
	rig.equal(remembered(bench), {f"m{i}": f"1A2B-1C3D4E{5 + i % 2}" for i in range(8)}, "cells that are remembered")
	given_way = first.log.find(r"not now \(slot\): it is served by cell 1A2B-1C3D4E[56], where as many are at work")
	rig.check(given_way, "nobody has given way")
	rig.check(not first.log.find("serving cell is not known|attempt . failed"), "a cell is said to be unknown, or an attempt to fail")
	rig.equal({job["attempts"] for job in bench.jobs().values()}, {0}, "failed attempts")
	verdicts = history(bench, "verdict")
	rig.equal(sum(detail.endswith(": put off: its serving cell is full") for detail in verdicts), len(given_way), "history of those")
	rig.equal(len(verdicts), len(given_way) + 8, "verdicts in the history")

	campaign["target"] = NEXT
	start = bench.transcript.size()
	second = bench.daemon()
	rig.equal(second.wait(), 0, "exit code of the second campaign")
	judge_cells(bench, list(bench.modems), start)
	rig.check(not second.log.find("it is served by cell"), "somebody gives way although his cell was known")
	rig.check(second.log.find(r"not now \(slot\): as many as limits.per_cell lets"), "it is not said what is waited for")
	for name, m in bench.truth().items():
		rig.judge_conduct(name, m)
		rig.equal(m["packages_applied"], 2, f"{name}: packages applied")


def test_unknown_cell(bench):
	"""Who names no cell is limited by nothing, and that is said once."""
	bench.config["limits"].update(max_parallel=8, per_cell=1)
	for i in range(4):
		bench.modem(f"m{i}", FAMILY, *(["gtota-cme number=3 times=1"] if i == 0 else []))
	bench.http(FAMILY, FROM, TO, size=60_000)
	bench.campaign("winter", TO, retry={"attempts": 5, "delay": "200ms", "max_delay": "200ms"})
	bench.start_modems(default=QUICK)
	daemon, truth = rig.run_once(bench)
	rig.check(rig.most_at_once(downloads(bench).values()) > 1, "they wait for one another")
	for name in bench.modems:
		rig.equal(len(daemon.log.find(rf" {name}: its serving cell is not known, and limits.per_cell does not hold it")), 1,
			f"{name}: times it is said that its cell is not known")
	for name, m in truth.items():
		rig.judge_conduct(name, m)


rig.main(test_cells, test_unknown_cell)
