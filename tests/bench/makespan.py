"""How long a campaign takes in rehearsal, to the best possible; and what a rehearsal itself costs."""
import json
import os
import re
import resource
import shutil
import subprocess
import tempfile

import measure as m

SIZES = 10, 1000, 100000
CONFIGURED = 1000  # more are copies
FROM = "2026-12-01T00:00:00+01:00"
VERSIONS = "16000.1000.00.01.28", "16000.1000.00.01.29", "16000.1000.00.01.30"
SIZE = 700_000  # of a package
RATE = 50_000  # bytes a second of a modem


def situations(n):
	"""{word: (limit, nightly, options)}: what keeps them from being done at once. Where bytes do, a package needs eight times as
	long as the rest of an upgrade, so that those that install are not missed."""
	parallel = min(max(4, n // 10), 1000)
	bandwidth, cells = parallel * RATE // 100, max(2, parallel // 10)
	return {
		"slots": (parallel // 4, True, []),
		"bandwidth": (parallel, False, [f"--bandwidth={bandwidth}"]),
		"cells": (parallel, False, [f"--cells={cells}", f"--cell-bandwidth={bandwidth // cells}"]),
	}


def write(directory, n, limit, nightly):
	"""Half of them make two hops."""
	path = os.path.join(directory, "fotad.json")
	packages = [{"model": "L610-CN", "from": base, "to": target, "size": SIZE, "http": {"url": f"http://fota.example/{base}"}}
		for base, target in zip(VERSIONS, VERSIONS[1:])]
	windows = {"windows": [{"start": "01:00", "end": "05:00", "timezone": "Europe/Berlin"}]} if nightly else {}
	config = {"version": 1, "limits": {"max_parallel": limit}, "packages": packages,
		"modems": [{"name": f"m{i:04}", "port": f"/nowhere/{i}"} for i in range(min(n, CONFIGURED))],
		"campaigns": [{"name": "bench", "target": VERSIONS[2], **windows}]}
	with open(path, "w", encoding="utf-8") as file:
		json.dump(config, file)
	return path


def arguments(path, n, options):
	return [m.FOTAD, "--rehearse", f"--config={path}", f"--from={FROM}", f"--modems={n}", f"--rate={RATE}", *options]


class Run:
	"""One rehearsal: its makespan to the best possible, its attempts, its CPU seconds."""

	def __init__(self, n, limit, nightly, options):
		with tempfile.TemporaryDirectory(prefix="fotad-bench-") as directory:
			before = resource.getrusage(resource.RUSAGE_CHILDREN)
			done = subprocess.run([*arguments(write(directory, n, limit, nightly), n, options), "--json"], stdin=subprocess.DEVNULL,
				stdout=subprocess.PIPE, text=True, check=True)
		after = resource.getrusage(resource.RUSAGE_CHILDREN)
		self.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
		result = json.loads(done.stdout)
		run = result["campaigns"][0]
		self.ratio = (run["last_success"] - run["begin"]) / (run["bound"] - run["begin"])
		self.attempts = len(result["attempts"])


def instructions():
	"""Of an attempt, by the difference of two rehearsals under callgrind. None: it is not here."""
	if shutil.which("valgrind") is None or m.is_instrumented(m.FOTAD):
		return None
	counts, attempts = [], []
	with tempfile.TemporaryDirectory(prefix="fotad-bench-") as directory:
		path = write(directory, 100, 16, True)
		for n in 100, 300:
			command = arguments(path, n, ["--json"])
			done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}", *command],
				stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
			counts.append(int(re.search(r"Collected : (\d+)", done.stderr)[1]))
			attempts.append(len(json.loads(done.stdout)["attempts"]))
	return (counts[1] - counts[0]) / (attempts[1] - attempts[0])
