#!/usr/bin/python3
"""A day in the life of one fotad, in warped time: does it grow?

	./bootstrap soak			24 hours, about a quarter of an hour
	make -C build soak SOAK_FLAGS=--hours=2	see --help

One daemon, its store on disk and its bus; simulators that come and go; every hour another release for all, and a modem or more
for every reason that there is. At the end of each hour everything rests, and it is measured. See README.md.
"""
import argparse
import collections
import contextlib
import fcntl
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

SOURCE = os.environ.get("FOTAD_SRCDIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(SOURCE, "tests", "integration"), os.path.dirname(os.path.abspath(__file__))]
import busrig
import ctlrig
import fleet
import rig
from fleet import CASES
from process import Process
from rig import check, equal
from warp import Warp

HOUR = 3600
GROWTH = 128 * 1024  # of PSS, from the second hour to the last
UPGRADES = 500       # in a day
BASE = 2             # the hour after which everything has happened once, and again
LONG = 4             # times as fast, while only long silences are waited for
IDLE = 600
PATIENCE = 240       # real seconds for what a round waits for
NAMED = re.compile(r" (\S+): ")
REASON = re.compile(r"\(([a-z-]+)\)|: ([a-z-]+): ")
SAID = {"cancelled": " cancelled", "elsewhere": "reports a download that is not ours"}
RUNS = re.compile(r"(?:succeeded: )?runs (\S+), (?:read twice|the target)")

Row = collections.namedtuple("Row", "hour upgrades reasons pss anonymous descriptors threads database journal")


def lives_on(process, seconds):
	with contextlib.suppress(subprocess.TimeoutExpired):
		code = process.child.wait(seconds)
		raise rig.Failure(f"{process.child.args[0]} has ended with {code}")


def environment_of_the_unit():
	"""As it is shipped."""
	with open(os.path.join(rig.SOURCE, "systemd", "fotad.service.in"), encoding="utf-8") as unit:
		return dict(line.rstrip("\n").removeprefix("Environment=").split("=", 1) for line in unit if line.startswith("Environment="))


class News:
	"""What the daemon says of whom, read once."""

	def __init__(self, log):
		self.log, self.next = log, 0
		self.seen = collections.Counter()  # of all rounds
		self.begin_round()

	def begin_round(self):
		self.read()
		self.said = collections.defaultdict(set)
		self.restored = set()

	def read(self):
		lines = self.log.lines
		while self.next < len(lines):
			line = lines[self.next]
			self.next += 1
			match = NAMED.search(line)
			if not match:
				continue
			name = match[1]
			words = {first or second for first, second in REASON.findall(line)} | {"runs " + runs for runs in RUNS.findall(line)}
			words.update(word for word, text in SAID.items() if text in line)
			if re.search(rig.RESTORED, line):
				self.restored.add(name)
			self.seen.update(words - self.said[name])
			self.said[name] |= words

	def wait(self, condition, what, timeout=PATIENCE):
		def look():
			self.read()
			return condition()
		self.log.wait_until(look, what, timeout)


class Soak:
	def __init__(self, bench, options):
		self.bench, self.options = bench, options
		self.warp = Warp(bench)
		self.plan = fleet.Plan(bench, self.warp, options.modems)
		self.simulators = self.plan.simulators
		self.upgrades = 0
		self.rows = []
		self.bus = busrig.Bus(bench)
		self.ctl = ctlrig.Ctl(bench, self.bus)
		self.work()
		self.warp.jump_to((self.warp.now() // HOUR + 1) * HOUR)  # so that hours are whole ones
		self.begin = self.warp.now()
		bench.write_config()
		self.daemon = self.start_daemon()
		self.news = News(self.daemon.log)
		self.client = busrig.Client(self.bus)
		self.client.wait_for_name()
		self.monitor = Process([ctlrig.FOTACTL, "monitor"], bench.path("monitor"), env=ctlrig.environment(self.bus))
		bench.closing.callback(self.monitor.close)

	def start_daemon(self):
		"""With libraries of its own: of a page that others map too, PSS has only a share, and who they are changes. A file that
		may not grow is an error, not a signal's death (SIGXFSZ is ignored here)."""
		libraries = self.bench.path("lib")
		os.mkdir(libraries)
		for path in re.findall(r"=> (/\S+)", subprocess.run(["ldd", rig.FOTAD], stdout=subprocess.PIPE, text=True, check=True).stdout):
			shutil.copy(path, libraries)
		program = shutil.copy(rig.FOTAD, self.bench.path("fotad"))
		return self.bench.daemon("--bus=" + self.bus.address, once=False, program=program, restore_signals=False,
			environment={**self.warp.environment, **environment_of_the_unit(), "LD_LIBRARY_PATH": libraries})

	# time

	def work(self):
		self.warp.run(self.options.rate)

	def wait_warped(self, seconds):
		"""Until so much has passed for the programs; fotad lives meanwhile."""
		end = self.warp.now() + seconds
		while (left := end - self.warp.now()) > 0:
			lives_on(self.daemon, min(left / (self.warp.rate / 1000), 1))

	# a round

	def reload(self):
		self.bench.write_config()
		self.ctl.text("reload")

	def round(self):
		plan, ctl = self.plan, self.ctl
		self.news.begin_round()
		plan.next_round()
		self.work()
		self.warp.synchronise(False)
		self.refuse_a_broken_configuration()
		for name in ("good", "visitors", "bad"):
			if self.simulators[name].process is None and (name != "visitors" or plan.visit()):
				self.simulators[name].start()
		self.reload()
		held = self.hold_port(plan.bad["busy-port"])
		self.expect({"pump-00": {"paused"}, "elsewhere": {"elsewhere"}})
		self.take_waits("elsewhere", "busy")
		with self.hold():
			ctl.text("resume")
			self.news.wait(lambda: any("held" in self.news.said[m.name] for m in plan.good), "a modem that is held")
		self.expect({"night": {"clock"}})
		self.warp.synchronise(True)
		self.look_around()
		self.operate()
		os.close(held)
		self.expect_round()
		self.late()
		self.rest()

	def refuse_a_broken_configuration(self):
		path = self.bench.path("fotad.json")
		with open(path, "r+b") as file:
			kept = file.read()
			file.seek(0)
			file.truncate()
			file.write(kept.replace(b'"campaigns"', b'"campains"'))
		self.ctl.text("reload", code=78)
		with open(path, "wb") as file:
			file.write(kept)

	@contextlib.contextmanager
	def hold(self):
		self.client.call("Inhibit", "ss", "soak", "a while without new starts")
		try:
			yield
		finally:
			self.client.close_descriptors()

	def hold_port(self, m):
		"""It is held before fotad can find it. The descriptor: who closes it lets it go."""
		port = self.simulators["bad"].port(m)
		descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
		fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
		os.symlink(port, self.plan.port_of("busy-port", port))
		return descriptor

	def missing(self, wanted):
		return [f"{name} ({word})" for name, words in wanted.items() for word in words if word not in self.news.said[name]]

	def expect(self, wanted):
		try:
			self.news.wait(lambda: not self.missing(wanted), "what the round brings")
		except rig.Failure as failure:
			raise rig.Failure(f"{failure}, in round {self.plan.round}; not said: {', '.join(self.missing(wanted))}") from None

	def take_waits(self, name, word):
		"""What fotactl jobs says for a while, and the log does not."""
		end = time.monotonic() + rig.PATIENCE
		while not any(job["modem"] == name and job["waits_for"] == word for job in self.ctl.json("jobs")["jobs"]):
			check(time.monotonic() < end, f"{name} never waits for {word}")
		self.news.said[name].add(word)
		self.news.seen[word] += 1

	def words(self, case):
		"""What must be said of it, where success is the target's version."""
		m = self.plan.bad[case.name]
		return {"runs " + m.target if reason == "succeeded" else reason for reason in case.reasons}

	def operate(self):
		"""What an operator does meanwhile, when its time has come."""
		self.expect({"cancel": {"roaming"}})
		self.ctl.text("cancel", "cancel")
		self.expect({"night": {"window"}})
		self.ctl.text("start", "night", "--force")
		self.expect({"rejected": {"rejected"}})
		self.ctl.text("retry", "rejected")
		self.expect({"second-try": {"download-failed"}})
		self.take_waits("second-try", "backoff")
		self.news.wait(lambda: any("halted" in self.news.said[name] for name in ("halt-0", "halt-1")), "a halt")
		self.ctl.text("resume", "halt-L610")

	def look_around(self):
		for arguments in ([], ["modems"], ["jobs"], ["campaigns"], ["explain", "silent"], ["plan"], ["history", "-n", "200"],
				["metrics"], ["show", "pump-01"]):
			self.ctl.text(*arguments)

	def expect_round(self):
		present = self.plan.good + (self.plan.visitors if self.plan.visit() else [])
		wanted = {m.name: {"runs " + m.target} for m in present}
		wanted.update({case.name: self.words(case) for case in CASES
			if case.where != "late" and not (case.once and self.plan.round > 1)})
		wanted.update(self.plan.once_said())
		self.expect({name: words for name, words in wanted.items() if name not in fleet.SLOW})
		self.warp.run(self.options.rate * LONG)
		self.expect(wanted)
		self.work()
		self.ctl.text("trace", "stalled")

	def late(self):
		"""Two more come: one whose port cannot be opened, and one whose start cannot be saved; until they can."""
		for name, limit, value in ("no-files", resource.RLIMIT_NOFILE, None), ("no-store", resource.RLIMIT_FSIZE, 0):
			soft, hard = resource.prlimit(self.daemon.pid, limit)
			if value is None:
				value = min(set(range(soft)) - self.descriptors())  # the next one
			resource.prlimit(self.daemon.pid, limit, (value, hard))
			self.simulators[name].start()
			case = next(case for case in CASES if case.name == name)
			if name == "no-store":
				self.take_waits(name, "store")
			self.expect({name: {case.reasons[0]}})
			resource.prlimit(self.daemon.pid, limit, (soft, hard))
			self.expect({name: self.words(case)})
			self.expect_restored([name])

	def rest(self):
		"""Who was only here for the hour goes; nobody may begin; the others' settings are as they were."""
		self.expect_restored([m.name for m in self.plan.good])
		for name, simulator in self.simulators.items():
			if name == "good" or simulator.process is None:
				continue
			truth = simulator.stop()
			if name == "visitors":
				self.judge_good(simulator.modems, truth)
			else:
				self.upgrades += self.plan.judge_bad(truth)
		os.unlink(self.plan.port_of("busy-port", None))
		self.ctl.text("pause")
		self.judge_good(self.plan.good, self.truth_now())

	def expect_restored(self, names):
		self.news.wait(lambda: self.news.restored >= set(names), "settings that are put back")

	def truth_now(self):
		simulator = self.simulators["good"]
		with contextlib.suppress(FileNotFoundError):
			os.unlink(simulator.truth_path)
		simulator.process.kill(signal.SIGUSR1)  # it writes down what is true
		end = time.monotonic() + rig.PATIENCE
		while time.monotonic() < end:
			with contextlib.suppress(FileNotFoundError, ValueError):
				return simulator.read_truth()
			lives_on(simulator.process, 0.01)
		raise rig.Failure("the simulator does not say what has happened")

	def judge_good(self, modems, truth):
		for m in modems:
			equal(truth[m.name]["version"], m.target, f"{m.name}: version")
			rig.judge_conduct(m.name, truth[m.name], ["bytes_while_executing", "bytes_while_applying"])
			self.upgrades += truth[m.name]["packages_applied"] - getattr(m, "applied", 0)
			m.applied = truth[m.name]["packages_applied"] if m in self.plan.good else 0
			m.version = m.target if m not in self.plan.good else m.version

	# measuring

	def descriptors(self):
		return {int(name) for name in os.listdir(f"/proc/{self.daemon.pid}/fd")}

	def kilobytes(self, file):
		with open(f"/proc/{self.daemon.pid}/{file}", encoding="ascii") as lines:
			return {match[1]: int(match[2]) for match in re.finditer(r"(?m)^(\w+):\s+(\d+)(?: kB)?$", lines.read())}

	def touch_files(self):
		"""Program and libraries are there as a whole: a page of code that is used for the first time is no growth. Who reads a
		process's memory brings its pages in."""
		with open(f"/proc/{self.daemon.pid}/maps", encoding="utf-8") as maps, open(f"/proc/{self.daemon.pid}/mem", "rb", 0) as memory:
			for begin, end in re.findall(r"(?m)^(\w+)-(\w+) r\S+ \S+ \S+ [1-9]\d* ", maps.read()):
				memory.seek(int(begin, 16))
				with contextlib.suppress(OSError):  # behind the end of the file
					memory.read(int(end, 16) - int(begin, 16))

	def measure(self):
		self.wait_warped(10)
		self.touch_files()
		memory = self.kilobytes("smaps_rollup")
		state = self.bench.path("state")
		row = Row(round((self.warp.now() - self.begin) / HOUR), self.upgrades, len(self.reasons_seen()), memory["Pss"], memory.get("Pss_Anon", 0),
			len(self.descriptors()), self.kilobytes("status")["Threads"],
			sum(os.stat(os.path.join(state, name)).st_size for name in os.listdir(state) if name.startswith("fotad.db")) // 1024,
			self.daemon.log.size())
		running = [job["modem"] for job in self.ctl.json("jobs")["jobs"] if job["state"] == "running"]
		equal(running, [], "at work, when all is to be at rest")
		self.rows.append(row)
		print("| " + " | ".join(str(field) for field in row) + " |", flush=True)

	def reasons_seen(self):
		return {word for word in self.news.seen if word in fleet.reasons_of_the_code()}

	def run(self):
		print("| hour | upgrades | reasons | PSS, KiB | ... anonymous | descriptors | threads | database, KiB | journal lines |")
		print("| --- " * len(Row._fields) + "|")
		self.ctl.text("pause")
		for hour in range(1, self.options.hours + 1):
			self.round()
			left = self.begin + hour * HOUR - self.warp.now()
			check(left > 0, f"the round took {-left:.0f} s more than an hour")
			self.warp.run(IDLE)
			self.wait_warped(left)
			self.work()
			self.measure()
		self.judge()
		equal(self.daemon.stop(), 0, "exit code of fotad")

	def judge(self):
		base, last = self.rows[min(BASE, len(self.rows)) - 1], self.rows[-1]
		wrong = []
		missing = fleet.reasons_of_the_code() - self.reasons_seen() - set(fleet.NOT_HERE)
		if missing:
			wrong.append(f"reasons that have not come: {', '.join(sorted(missing))}")
		counts = {row.descriptors for row in self.rows[BASE - 1:]}
		if len(counts) > 1:
			wrong.append(f"descriptors: {sorted(counts)}")
		if last.hour >= 24 and (last.pss - base.pss) * 1024 > GROWTH:
			wrong.append(f"PSS has grown by {last.pss - base.pss} KiB, and {GROWTH // 1024} are allowed")
		if last.upgrades < UPGRADES * last.hour // 24:
			wrong.append(f"{last.upgrades} upgrades, and {UPGRADES * last.hour // 24} are wanted")
		print(f"PSS after hour {last.hour} less PSS after hour {base.hour}: {last.pss - base.pss} KiB; {last.upgrades} upgrades; "
			f"{len(self.reasons_seen())} reasons; descriptors {base.descriptors} and {last.descriptors}")
		check(not wrong, "; ".join(wrong))


def parse():
	parser = argparse.ArgumentParser(description="A day of fotad in warped time.")
	parser.add_argument("--hours", type=int, default=24, help="warped hours (24); memory is judged from 24 on")
	parser.add_argument("--modems", type=int, default=20, help="that do their work every hour (20)")
	parser.add_argument("--rate", type=float, default=20, help="warped seconds a second, while there is work (20)")
	return parser.parse_args()


def main():
	options = parse()
	sys.argv[1:] = []  # they are not names of tests

	def test_soak(bench):
		Soak(bench, options).run()

	rig.main(test_soak)


if __name__ == "__main__":
	main()
