"""Who takes part in the soak: modems that do their work, visitors, and one modem or more for every reason.

Each simulator is a process of its own: that one starts and ends is how its modems come and go. Reasons are provoked as in
tests/faults.tsv, with the times of a real configuration.
"""
import collections
import contextlib
import json
import os
import re
import time

import rig
from process import Process
from rig import check, equal

FAMILIES = ("L610", "NL668", "NL652")
STRANGE = "867962040000019"
DEFAULT = "boot-time=8s apply-time=6s verify-time=15s"  # a machine that is slow for half a second still hears what is said last
RENAMED = 12   # rounds after which campaigns are called otherwise
RATE = 12_000  # bytes a second of a download: it takes 5 s

# What a good modem may do and still be upgraded at the first attempt, one after the other.
HABITS = ([], ["lose-port percent=42 time=5s times=0"], ["back-renumbered"], ["chunks"], ["ring percent=30 times=0"], ["start-twice"])

# wave, soak and the like are no reasons of a failure, but a waiting job says them.
WAITS = {"held", "paused", "halted", "not-before", "clock", "window", "wave", "soak", "backoff", "slot"}

# What does not come for certain, and why.
NOT_HERE = {
	"port-stuck": "needs a driver whose open() does not return: tests/unit/test-serial-pool (here only when the machine is slow)",
	"acknowledge": "a store that is lost ends the life that is measured: database-corrupt in tests/faults.tsv",
	"fetch": "the comparison is made by another unit, which systemd starts: tests/integration/test-fetch.py",
}

# reasons: each must be said of it in every round (once: in the first, it is not repeated). state: of its job after that. where:
# its campaign, see Plan.campaigns. excused: counters of the simulator that the fault itself moves.
Case = collections.namedtuple("Case", "name family faults reasons state where model base excused once", defaults=("bad", None, None, (), False))
RESTARTED = ("commands_while_downloading", "bytes_while_executing", "bytes_while_applying")

CASES = (
	Case("busy-port", "L610", [], ["port-busy", "succeeded"], "succeeded", excused=("bytes_while_executing",)),
	Case("lost", "L610", ["restart percent=50"], ["port-lost"], "failed", excused=RESTARTED),
	Case("silent", "NL668", ["silent times=0"], ["no-answer"], "", once=True),
	Case("wrong", "L610", [], ["wrong-modem"], ""),
	Case("unknown-model", "L610", [], ["unknown-model"], "", model="MC610-EU-01"),
	Case("duplicate", "NL668", [], ["duplicate"], ""),
	Case("no-package", "NL668", [], ["no-package"], "failed", model="NL668-JP-00"),
	Case("base", "L610", [], ["base-mismatch"], "failed", base=7001),
	Case("sim", "NL668", ["sim-absent"], ["sim-not-ready"], "failed"),
	Case("searching", "L610", ["not-registered"], ["not-registered"], "waiting"),
	Case("abroad", "NL668", ["roaming"], ["roaming"], "waiting"),
	Case("slow", "L610", ["2g"], ["slow-network"], "waiting"),
	Case("weak", "NL668", ["weak-signal"], ["weak-signal"], "waiting"),
	Case("low", "L610", ["low-supply"], ["low-supply"], "waiting"),
	Case("calling", "NL668", ["in-call"], ["in-call"], "waiting"),
	Case("callbreak", "L610", ["callbreak-error"], ["setting-refused"], "failed"),
	Case("pdp", "L610", ["mipcall-never"], ["pdp-failed"], "waiting", excused=("settings",)),
	Case("old", "NL668", ["gtota-unsupported"], ["unsupported"], "failed"),
	Case("elsewhere", "L610", ["foreign-download time=60s"], ["busy", "succeeded"], "succeeded", excused=RESTARTED),
	Case("rejected", "L610", ["gtota-cme number=53"], ["rejected", "succeeded"], "succeeded", excused=RESTARTED),
	Case("no-start", "NL668", ["no-start time=3s"], ["no-start"], "failed", excused=RESTARTED),
	Case("stalled", "NL668", ["stall percent=42 time=3s"], ["stalled"], "failed", excused=RESTARTED),
	Case("failed", "L610", ["fail percent=50"], ["download-failed"], "failed", excused=RESTARTED),
	Case("not-found", "L610", [], ["download-failed"], "failed", base=7002, excused=RESTARTED),
	Case("no-reboot", "L610", ["no-reboot"], ["no-reboot"], "failed", excused=RESTARTED),
	Case("gone", "NL668", ["never-back"], ["not-back"], "unknown", excused=(*RESTARTED, "settings", "settings_before_identity")),
	Case("unchanged", "L610", ["version-unchanged"], ["version-unchanged"], "failed", excused=RESTARTED),
	Case("other", "L610", ["version-other version=16000.1000.00.09.99"], ["version-unexpected"], "failed", excused=RESTARTED),
	Case("no-service", "L610", ["network-gone"], ["no-service"], "failed", excused=RESTARTED),
	Case("cancel", "NL668", ["roaming"], ["roaming", "cancelled"], "cancelled"),
	Case("deadline", "L610", ["not-registered"], ["deadline"], "failed", "deadline"),
	Case("secret", "L610", [], ["credential"], "failed", base=7003),
	Case("second-try", "L610", ["fail percent=30 times=1"], ["download-failed", "backoff", "succeeded"], "succeeded", "twice", excused=RESTARTED),
	Case("night", "NL668", [], ["clock", "window", "succeeded"], "succeeded", "window", excused=("bytes_while_executing",)),
	Case("tomorrow", "L610", [], ["not-before"], "waiting", "not-before"),
	Case("halt-0", "L610", ["gtota-cme number=53 times=0"], ["rejected"], "failed", "halt"),
	Case("halt-1", "L610", ["gtota-cme number=53 times=0"], ["rejected"], "failed", "halt"),
	Case("no-store", "NL668", [], ["store", "succeeded"], "succeeded", "late", excused=("bytes_while_executing",)),
	Case("no-files", "NL668", [], ["shortage", "succeeded"], "succeeded", "late", excused=("bytes_while_executing",)),
)
SLOW = ("gone", "second-try", "deadline")  # the last to be over


def version(family, number):
	"""What a modem of the family runs after so many upgrades."""
	head, last = rig.VERSIONS[family][0].rsplit(".", 1)
	return f"{head}.{int(last) + number}"


class Simulator:
	"""A fota-sim with these modems, in warped time."""

	def __init__(self, bench, warp, name, modems):
		self.bench, self.warp, self.name, self.modems = bench, warp, name, modems
		self.process = None

	def port(self, m):
		return self.bench.path("ports", self.name, m.name)

	def start(self):
		os.makedirs(self.bench.path("ports"), exist_ok=True)
		lines = [f"default {DEFAULT}"]
		for m in self.modems:
			lines.append(f"modem {m.name} family={m.family} model={m.model} version={m.version} imei={m.imei}")
			lines += [f"fault {m.name} {fault}" for fault in m.faults]
		scenario = self.bench.write(f"{self.name}.scenario", "\n".join(lines) + "\n")
		self.truth_path = self.bench.path(f"{self.name}.truth.json")
		with contextlib.suppress(FileNotFoundError):
			os.unlink(self.truth_path)
		self.process = Process([rig.FOTA_SIM, f"--scenario={scenario}", f"--directory={self.bench.path('ports', self.name)}",
			f"--truth={self.truth_path}", f"--transcript={self.bench.path(self.name + '.transcript')}", f"--rate={RATE}"],
			self.bench.path(f"{self.name}.log"), env={**os.environ, **self.warp.environment})
		self.bench.closing.callback(self.process.close)
		self.process.log.wait("^READY:", timeout=20)

	def read_truth(self):
		with open(self.truth_path, encoding="utf-8") as file:
			return {modem["name"]: modem for modem in json.load(file)["modems"]}

	def stop(self):
		"""What has really happened: {name: modem}."""
		equal(self.process.stop(), 0, f"exit code of the simulator {self.name}")
		self.process = None
		return self.read_truth()


class Plan:
	"""Modems and configuration, round after round: each has a target of its own."""

	def __init__(self, bench, warp, good):
		self.bench, self.warp, self.round = bench, warp, 0
		self.good = [self.modem(f"pump-{i:02}", FAMILIES[i % 3], HABITS[i // 3 % len(HABITS)]) for i in range(good)]
		self.visitors = [self.modem(f"visitor-{family.lower()}", family, []) for family in FAMILIES]
		self.bad = {case.name: self.modem(case.name, case.family, case.faults, case.model) for case in CASES}
		for case in CASES:
			if case.base:
				self.bad[case.name].version = version(case.family, case.base)
		twin = self.modem("duplicate-too", "NL668", [])
		twin.imei = self.bad["duplicate"].imei
		late = [self.bad[case.name] for case in CASES if case.where == "late"]
		crowd = [m for m in self.bad.values() if m not in late] + [twin]
		self.simulators = {"good": Simulator(bench, warp, "good", self.good), "visitors": Simulator(bench, warp, "visitors", self.visitors),
			"bad": Simulator(bench, warp, "bad", crowd)}
		for m in late:
			self.simulators[m.name] = Simulator(bench, warp, m.name, [m])
		bench.config["limits"] = {"max_parallel": 64, "clock": "synchronised"}
		bench.config["timeouts"] = {"command": "10s", "identify": "30s", "register": "90s", "pdp": "60s", "start": "60s", "stall": "2min",
			"download": "20min", "leave": "2min", "return": "8min", "settle": "30s"}
		self.packages = collections.deque(maxlen=2)  # of the last rounds: who was away needs them
		bench.web()
		bench.ftp()

	def modem(self, name, family, faults, model=None):
		return self.bench.modem(name, family, *faults, model=model, configured=False)

	def port_of(self, name, port):
		return self.bench.path("ports", name) if name == "busy-port" else port

	# modems come and go in the configuration, too

	def configured(self):
		modems = [{"name": m.name, "port": self.port_of(m.name, s.port(m))} for s in self.simulators.values() for m in s.modems]
		for modem in modems:
			if modem["name"] == "wrong":
				modem["imei"] = STRANGE
		odd = self.round % 2
		return modems + [{"name": f"absent-{odd}", "port": self.bench.path("ports", "nobody")}, {"name": f"denied-{odd}", "port": "/dev/null"}]

	def once_said(self):
		"""Said when they come into the configuration."""
		return {f"absent-{self.round % 2}": {"port-absent"}, f"denied-{self.round % 2}": {"port-denied"}}

	def new_packages(self):
		"""One step for each family, over the web or FTP; and from the first version to this one, for those who begin anew."""
		bench, step, anew = self.bench, [], []
		for family in FAMILIES:
			model, before, after = rig.MODELS[family], version(family, self.round - 1), version(family, self.round)
			add = bench.over_ftp if family == "NL668" else bench.http
			for packages, base in ((step, before), *([(anew, version(family, 0))] if self.round > 1 and family != "NL652" else [])):
				bench.config["packages"] = packages
				add(model, base, after)
		bench.config["packages"] = anew
		bench.http(rig.MODELS["L610"], version("L610", 7002), version("L610", self.round))
		os.unlink(bench.path("www", f"{rig.MODELS['L610']}-{version('L610', 7002)}-{version('L610', self.round)}.bin"))
		bench.over_ftp(rig.MODELS["L610"], version("L610", 7003), version("L610", self.round))
		anew[-1]["ftp"]["password"] = {"credential": "nobody-has-it"}
		self.packages.append(step)
		bench.config["packages"] = [package for packages in self.packages for package in packages] + anew

	def campaigns(self):
		"""Of this round: another target, and now and then another name."""
		bench, now = self.bench, self.warp.now()

		def moment(seconds):
			return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + seconds))

		bench.config["campaigns"] = []
		for family in FAMILIES:
			retry = {"attempts": 3, "delay": "1min", "max_delay": "5min"}
			bench.campaign(f"release-{self.round // RENAMED}-{family}", version(family, self.round), [m.name for m in self.good if m.family == family],
				max_parallel=4, halt={"failures": "20%", "after": 5}, waves=[{"size": "1", "soak": "30s"}, {"size": "100%"}], retry=retry)
			bench.campaign(f"visitors-{family}", version(family, self.round), [m.name for m in self.visitors if m.family == family], retry=retry)
		settings = {
			"bad": {"check": "registered"},
			"deadline": {"not_after": moment(300)},
			"twice": {"retry": {"attempts": 2, "delay": "5min", "max_delay": "5min"}},
			"window": {"windows": [{"start": moment(6 * 3600)[11:16], "end": moment(8 * 3600)[11:16], "timezone": "UTC"}]},
			"not-before": {"not_before": moment(36 * 3600)},
			"halt": {"max_parallel": 1, "halt": {"failures": "50%", "after": 1}},
			"late": {},
		}
		for where, more in settings.items():
			for family in "L610", "NL668":
				names = [case.name for case in CASES if case.where == where and case.family == family]
				if where == "bad":
					names += [f"absent-{self.round % 2}", f"denied-{self.round % 2}"] if family == "L610" else ["duplicate-too"]
				if names:
					bench.campaign(f"{where}-{family}", version(family, self.round), names, require={"technology": "lte", "rssi_dbm": -100,
						"roaming": False, "supply_mv": 3500, "idle": True}, **{"retry": {"attempts": 1, "delay": "2min", "max_delay": "4min"},
						**more})

	def next_round(self):
		self.round += 1
		self.new_packages()
		self.bench.config["modems"] = self.configured()
		self.campaigns()
		for m in self.good + self.visitors:
			m.target = version(m.family, self.round)
		for m in self.bad.values():
			m.target = version(m.family, self.round)

	def visit(self):
		"""Is it a round in which the visitors are there?"""
		return self.round % 2 == 0

	# judging: by what the simulator says of itself

	def judge_bad(self, truth):
		upgrades = 0
		for case in CASES:
			if case.name not in truth:
				continue
			m = truth[case.name]
			for fault in m["faults"]:
				check(fault["fired"] > 0, f"{case.name}: {fault['name']} did not happen")
			rig.judge_conduct(case.name, m, case.excused)
			runs = m["version"] == self.bad[case.name].target
			equal(runs, case.state == "succeeded" or case.name == "no-service", f"{case.name}: does it run its target")
			upgrades += case.state == "succeeded"
		return upgrades


def reasons_of_the_code():
	"""All that there are: of lib/core/reason.c, and the waits of lib/core/job.c."""
	def read(name):
		with open(os.path.join(rig.SOURCE, "lib", "core", name), encoding="utf-8") as file:
			return file.read()
	reasons = set(re.findall(r'\[REASON_[A-Z_]+\] = \{ "([a-z-]+)"', read("reason.c")))
	waits = set(re.findall(r'\[JOB_WAIT_[A-Z_]+\] = "([a-z-]+)"', read("job.c")))
	return reasons | waits
