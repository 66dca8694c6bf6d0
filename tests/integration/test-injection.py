#!/usr/bin/python3
"""Every fallible call of fotad fails once: system calls by at-call, allocations by the preload fail-malloc.

For each kind of call and number K there is a life: call K fails; fotad must go on, or end with a documented exit code,
within a bounded time; a fotad that nothing happens to, started with the same state, must then reach the truth: the
target runs, after one +GTOTA; or, in a life whose download fails, the attempt has failed. $FOTAD_ASAN: a fotad built with sanitizers, for the lives with the failure.

Without arguments a spread of K. --all: K = 1, 2, ... until nothing is left to fail; prints the N of each kind.
"""
import collections
import concurrent.futures
import os
import re
import sys
import time

import lives
import rig
from rig import Failure, Skip, check, equal

EVERYTHING = "--all" in sys.argv
sys.argv = [argument for argument in sys.argv if argument != "--all"]

FAIL_MALLOC = os.environ.get("FAIL_MALLOC") or os.path.join(rig.BUILD, "tests", "integration", "fail-malloc.so")
ASAN = os.environ.get("FOTAD_ASAN")
EXIT_CODES = (0, 1, 69, 70, 73, 74, 78)  # fotad(8)
EARLY = (70, 73, 74, 78)
SANITIZED = 99

EPERM, EIO, EAGAIN, ENOMEM, EMFILE, ENOSPC = 1, 5, 11, 12, 24, 28

# "+": that call and all after it.
STRAIGHT = [("openat", EMFILE, ""), ("openat", EIO, ""), ("write", EIO, ""), ("write", ENOSPC, ""), ("read", EIO, ""),
	("pwrite64", EIO, ""), ("pwrite64", ENOSPC, ""), ("pwrite64", ENOSPC, "+"), ("fdatasync", EIO, ""), ("fdatasync", EIO, "+"),
	("ftruncate", EIO, ""), ("epoll_create1", EMFILE, ""), ("epoll_ctl", ENOSPC, ""), ("timerfd_create", EMFILE, ""),
	("timerfd_settime", ENOMEM, ""), ("eventfd2", EMFILE, ""), ("signalfd4", EMFILE, ""), ("ioctl", EIO, ""), ("fcntl", EPERM, ""),
	("mmap", ENOMEM, ""), ("clone3", EAGAIN, ""), ("malloc", ENOMEM, ""), ("malloc", ENOMEM, "+")]
# Where the download fails, and a bundle is written.
FAILING = [("openat", EMFILE, ""), ("write", ENOSPC, ""), ("fsync", EIO, ""), ("mkdirat", ENOSPC, ""), ("renameat", EIO, ""),
	("malloc", ENOMEM, "")]
KINDS = [("straight", *kind) for kind in STRAIGHT] + [("failing", *kind) for kind in FAILING]

# A port that seems to be lost in mid-download is asked when it is back (conduct 4).
MAY_BE = ["bytes_while_executing", "commands_while_downloading"]
LOST = ["bytes_while_applying"]  # it seems to be back at once, when in truth it has not left

STRIDE = 25  # of the first allocation after which all fail

Plan = collections.namedtuple("Plan", "way name error plus k")


def new_life(way, name):
	if way == "failing":
		return lives.Life(f"inject-{name}", kind="ftp", faults=("fail percent=60",), attempts=1)
	return lives.Life(f"inject-{name}", kind="ftp")


def environment(**more):
	return {"ASAN_OPTIONS": f"exitcode={SANITIZED}:detect_leaks=0:verify_asan_link_order=0:allocator_may_return_null=1",
		"UBSAN_OPTIONS": f"halt_on_error=1:exitcode={SANITIZED}:print_stacktrace=1", **more}


def without_memory(life, at):
	"""(fotad, exit code, how many allocations there were, how many of them failed)"""
	report = life.bench.path("failed")
	daemon = life.bench.daemon("--log-level=debug", prefix=["/usr/bin/env", f"LD_PRELOAD={FAIL_MALLOC}"],
		program=ASAN or rig.FOTAD, environment=environment(FAIL_AT=at, FAIL_REPORT=report))
	code = daemon.wait(60)
	if code == SANITIZED:
		return daemon, code, 0, 1
	check(os.path.exists(report), f"exit code {code} with the failure, and no report")
	with open(report, encoding="ascii") as file:
		counted, failed = map(int, file.read().split())
	return daemon, code, counted, failed


def with_failure(life, plan):
	"""(fotad, exit code, whether the call was made and failed)"""
	if plan.name == "malloc":
		daemon, code, _, failed = without_memory(life, f"{plan.k}{plan.plus}")
		return daemon, code, failed > 0
	program = ASAN if ASAN and plan.name != "mmap" else rig.FOTAD  # a sanitizer gives up when its own one fails
	daemon, code, calls = life.trace(plan.name, f"--fail={plan.k}{plan.plus},{plan.error}", timeout=60,
		program=program, environment=environment())
	return daemon, code, any(call.touched for call in calls)


def check_store(life):
	"""It had not begun: the next fotad starts as if nothing had been; here one without modems, which takes no time."""
	config = life.bench.write("empty.json", '{"version": 1}')
	daemon = life.bench.daemon(config=config)
	equal(daemon.wait(30), 0, "exit code of a fotad without modems after the failure")


def check_end(life, plan):
	_, code, truth = life.finish()
	if plan.way == "failing":
		rig.judge_conduct("pump", truth, MAY_BE)
		check(truth["gtota_received"] <= 1, "started twice")
		equal((code, truth["version"], life.bench.jobs()["pump"]["state"]), (1, life.modem.version, "failed"), "the end")
		return
	rig.judge_success(life.bench, life.modem, truth, except_for=MAY_BE + (LOST if plan.name == "read" else []))
	equal(truth["gtota_received"], 1, "starts")
	equal(code, 0, "exit code without the failure")
	equal(life.bench.jobs()["pump"]["state"], "succeeded", "fotad's verdict")


def inject(plan):
	"""One life with one failure: (whether it happened, the exit code, what is wrong)."""
	life = new_life(plan.way, plan.name)
	failed, code, wrong = False, None, ""
	try:
		daemon, code, failed = with_failure(life, plan)
		said = daemon.log.text()
		if re.search(r"Sanitizer: CHECK failed|Sanitizer failed to allocate|ReserveShadowMemoryRange failed", said): # it was an allocation of the sanitizer's own
			return failed, "the sanitizer's", ""
		check(not re.search(r"Sanitizer|runtime error:", said), "a sanitizer complains")
		check(code in EXIT_CODES, f"exit code {code} with the failure")
		if code in EARLY and not life.bench.sent():
			check_store(life)
		else:
			check_end(life, plan)
	except Failure as failure:
		wrong = f"{plan.way} {plan.name} {plan.k}{plan.plus} ({os.strerror(plan.error)}): {failure}; see {life.bench.directory}"
	finally:
		life.close(bool(wrong))
	return failed, code, wrong


def count_calls(way):
	"""How many calls of each name an undisturbed fotad makes."""
	life = new_life(way, "none")
	names = sorted({name for kind, name, *_ in KINDS if kind == way and name != "malloc"})
	expected = 1 if way == "failing" else 0
	try:
		daemon, code, calls = life.trace(",".join(names))
		if code == rig.SKIPPED:
			raise Skip(f"processes cannot be traced here: {daemon.log.text()}")
		equal(code, expected, "exit code without a failure")
	finally:
		life.close()
	counts = collections.Counter(call.name for call in calls)
	life = new_life(way, "none")
	try:
		_, code, counts["malloc"], _ = without_memory(life, "0")
		equal(code, expected, "exit code without a failure")
	finally:
		life.close()
	print(f"{way}: " + ", ".join(f"{n} {name}" for name, n in sorted(counts.items())), flush=True)
	return counts


def spread(n, number):
	"""So many of 1..n, from the first to the last."""
	return sorted({1 + (n - 1) * i // max(number - 1, 1) for i in range(number)})


def run_kind(pool, kind, expected):
	"""All K, until nothing is injected: a list of (plan, result)."""
	way, name, _, plus = kind
	results, stride = [], STRIDE if name == "malloc" and plus else 1
	first = expected // 2 if name == "malloc" and way == "failing" else 1 # until it fails, it is the straight way
	while True:
		last = max(expected, first + 7 * stride)
		plans = [Plan(*kind, k) for k in range(first, last + 1, stride)]
		done = list(zip(plans, pool.map(inject, plans)))
		results += done
		if not any(failed for _, (failed, _, _) in done[-3:]):
			return results
		first, expected = plans[-1].k + stride, 0


def show(kind, results):
	failed = [(plan.k, code) for plan, (failed, code, _) in results if failed]
	codes = collections.Counter(code for _, code in failed)
	name = f"{kind[0]}: {kind[1]}{kind[3]} {os.strerror(kind[2])}"
	print(f"{name:48} {len(failed):5} failed" + (f", N = {max((k for k, _ in failed), default=0)}" if EVERYTHING else "")
		+ ", exit codes " + " ".join(f"{code}: {n}" for code, n in sorted(codes.items(), key=str)), flush=True)
	return [text for _, (_, _, text) in results if text]


def test_injection(bench):
	for program in lives.AT_CALL, FAIL_MALLOC, *([ASAN] if ASAN else []):
		check(os.access(program, os.R_OK), f"{program} is not built")
	begin = time.monotonic()
	counts = {way: count_calls(way) for way in ("straight", "failing")}
	wrong, total = [], 0
	with concurrent.futures.ThreadPoolExecutor(lives.WORKERS) as pool:
		if EVERYTHING:
			done = ((kind, run_kind(pool, kind, counts[kind[0]][kind[1]])) for kind in KINDS)
		else:
			plans = [Plan(*kind, k) for kind in KINDS for k in spread(counts[kind[0]][kind[1]], 16 if kind[1] == "malloc" else 4)]
			results = list(zip(plans, pool.map(inject, plans)))
			done = [(kind, [(plan, result) for plan, result in results if plan[:4] == kind]) for kind in KINDS]
		for kind, results in done:
			wrong += show(kind, results)
			total += len(results)
	print(f"{total} lives, {len(wrong)} wrong, {time.monotonic() - begin:.0f} s{', with sanitizers' if ASAN else ''}")
	check(not wrong, "\n  ".join(["", *wrong]))


if __name__ == "__main__":
	rig.main(test_injection)
