"""Lives of one module that pretends to download, with fotads one after the other, each in the hands of at-call.

For the tests that run hundreds of them: a life mostly waits, so many run at the same time.
"""
import collections
import itertools
import os
import shutil

import rig

AT_CALL = os.environ.get("AT_CALL") or os.path.join(rig.BUILD, "tests", "integration", "at-call")
WORKERS = 80

TIMEOUTS = {"command": "2s", "identify": "2s", "register": "4s", "pdp": "4s", "start": "600ms", "stall": "1s",
	"download": "4s", "leave": "3s", "return": "8s", "settle": "100ms"}
REQUIRE = {"technology": "lte", "rssi_dbm": -100, "roaming": False, "supply_mv": 3500, "idle": True}

# What at-call says of a system call; data: the bytes of a read or write, escaped; touched: something was done to it.
Call = collections.namedtuple("Call", "k tid name fd data touched")

numbers = itertools.count(1)


def read_log(path):
	calls = []
	with open(path, encoding="ascii") as log:
		for line in log:
			k, tid, name, fd, rest = line.rstrip("\n").split(" ", 4)
			touched = rest == "!" or rest.endswith(" !")
			calls.append(Call(int(k), int(tid), name, int(fd), rest[:-1].removesuffix(" ") if touched else rest, touched))
	return calls


class Life:
	def __init__(self, name, family="L610", kind="http", faults=(), attempts=3):
		self.family = family
		self.bench = rig.Bench(name)
		self.key = f"life-{next(numbers)}"
		rig.benches[self.key] = self.bench
		self.prepare(kind, faults, attempts)

	def prepare(self, kind, faults, attempts):
		bench = self.bench
		self.modem = m = bench.modem("pump", self.family, *faults)
		bench.config["timeouts"] = TIMEOUTS
		where = {"http": {"url": "http://127.0.0.1/p.bin"}}
		if kind == "ftp":
			bench.credential("fota-ftp", "secret-of-the-bench")
			where = {"ftp": {"server": "127.0.0.1", "file": "p.bin", "username": "fota", "password": {"credential": "fota-ftp"}}}
		bench.config["packages"].append({"model": m.model, "from": m.version, "to": m.target, "size": rig.SIZE, **where})
		retry = {"attempts": attempts, "delay": "200ms", "max_delay": "200ms"}
		bench.campaign("winter", m.target, require=REQUIRE, rat="lock", retry=retry, check="pdp", brake={"signal_db": 10})
		bench.start_modems("--offline=300ms", f"--version-to={m.target}", default="boot-time=150ms apply-time=150ms")

	def trace(self, calls, *options, timeout=90, **more):
		"""A fotad in the hands of at-call: itself, its exit code and its calls."""
		log = self.bench.path("calls")
		# Who is traced already cannot look for leaks.
		more["environment"] = {"ASAN_OPTIONS": "detect_leaks=0", **more.get("environment", {})}
		daemon = self.bench.daemon("--log-level=debug", prefix=[AT_CALL, f"--log={log}", f"--calls={calls}", *options], **more)
		code = daemon.wait(timeout)
		return daemon, code, read_log(log) if os.path.exists(log) else []

	def finish(self):
		"""A fotad that nothing happens to, to the end: itself, its exit code and the truth about the module."""
		daemon = self.bench.daemon("--log-level=debug")
		return daemon, daemon.wait(90), self.bench.truth()["pump"]

	def close(self, keep=False):
		self.bench.close()
		del rig.benches[self.key]
		if not keep:
			shutil.rmtree(self.bench.directory, ignore_errors=True)
