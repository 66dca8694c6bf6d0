#!/usr/bin/python3
"""tests/faults.tsv: every fault as a named scenario, twice: with it, state and reason are as listed; without, the job succeeds.

What concerns one modem happens in one fleet, to hundreds of modems at the same time, each beside a twin that is spared.
What concerns fotad itself, its files and its processes has a life of its own (faultlives.py). Who is right about the module
is fota-sim, which also says whether its faults have happened.
"""
import collections
import functools
import os
import re
import sys

import faultlives
import lives
import rig
from faultlives import FaultLife, Known, check_sanitizers
from faultserver import FaultServer
from rig import VERSIONS, check, equal

OTHER_IMEI = "867962040000019"
ASKED = {"AT", "ATI", "AT+CGMI", "AT+CGMM", "AT+CGMR", "AT+CGSN"}  # all that a stranger is asked (conduct 1)
REQUIRE = {"technology": "lte", "rssi_dbm": -100, "roaming": False, "supply_mv": 3500, "idle": True}
FLEET = ("sim", "server", "package", "port")

# Reasons that are no faults: of an operator's hand and of the calendar; and of a driver that hangs, see the table.
NO_FAULTS = {"", "cancelled", "deadline", "port-stuck"}

Row = collections.namedtuple("Row", "number name group where family fault attempts starts state reason remark")


def read_table():
	with open(os.path.join(rig.SOURCE, "tests", "faults.tsv"), encoding="utf-8") as file:
		lines = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
	equal(tuple(lines[0]), Row._fields, "the columns of faults.tsv")
	rows = [Row(*line) for line in lines[1:]]
	return [row._replace(reason="") if row.reason == "-" else row for row in rows]


# ---- the fleet: ports ----

def spawn(fleet, comm, script, *arguments):
	"""A process of that name, until the end of the test; waits for its first line."""
	program = fleet.bench.path("bin", comm)
	os.makedirs(os.path.dirname(program), exist_ok=True)
	os.symlink(sys.executable, program)
	script = f"import fcntl, os, signal, sys\n{script}\nprint('ready', flush=True)\nsignal.pause()"
	process = rig.Process([program, "-c", script, *arguments], fleet.bench.path(comm + ".log"))
	fleet.bench.closing.callback(process.close)
	process.log.wait("ready")
	return process


def tty_of(fleet, m):
	return os.readlink(fleet.bench.path("ports", m.name))


def held_by(fleet, m, comm):
	script = "fcntl.flock(os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY), fcntl.LOCK_EX)"
	process = spawn(fleet, comm, script, tty_of(fleet, m))
	fleet.expect.append((m.name, rf"held by process {process.pid} \(port-busy\)"))


def lock_file(fleet, m, comm):
	path = "/run/lock/LCK..pts_" + tty_of(fleet, m).rsplit("/", 1)[1]
	process = spawn(fleet, comm, "")
	try:
		with open(path, "x", encoding="ascii") as file:
			fleet.bench.closing.callback(os.unlink, path)
			file.write(f"{process.pid:10}\n")
	except PermissionError as error:
		raise rig.Skip(str(error)) from None
	fleet.expect.append((m.name, rf"held by process {process.pid} \(port-busy\)"))


def output_stopped(fleet, m, _):
	spawn(fleet, m.name, "import termios\ntermios.tcflow(os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY), termios.TCOOFF)",
		tty_of(fleet, m))


def configured(fleet, m):
	return next(modem for modem in fleet.bench.config["modems"] if modem["name"] == m.name)


def set_port(fleet, m, path):
	configured(fleet, m)["port"] = path


def two_names(fleet, m, _):
	os.symlink(fleet.bench.path("ports", m.name), fleet.bench.path(m.name))
	fleet.bench.config["modems"].append({"name": m.name + "-too", "port": fleet.bench.path(m.name)})


# Before the simulator starts, and after: what is done to the port or its modem.
BEFORE = {
	"absent": lambda fleet, m, _: set_port(fleet, m, fleet.bench.path("ports", "nobody")),
	"no-tty": lambda fleet, m, _: set_port(fleet, m, "/dev/null"),
	"other-imei": lambda fleet, m, _: configured(fleet, m).update(imei=OTHER_IMEI),
	"duplicate-imei": lambda fleet, m, _: fleet.bench.modem(m.name + "-too", m.family, imei=m.imei),
	"unknown-model": lambda fleet, m, _: setattr(m, "model", "MC610-EU-01"),
	"two-names": two_names,
}
AFTER = {"held-by": held_by, "lock-file": lock_file, "output-stopped": output_stopped}
UNTOUCHED = ("absent", "no-tty", "two-names", "held-by", "lock-file")  # not a byte is sent


# ---- the fleet: servers and packages ----

def own_version(m, number):
	"""A version that no other modem runs: so it has a package of its own."""
	head, _ = m.version.rsplit(".", 1)
	m.version = f"{head}.{1000 + number}"


def add_package(fleet, m, how, model=None, inside=None, **more):
	"""With a file of its own: what the configuration says of it, and what is inside, as (model, base)."""
	path = fleet.bench.path("files", f"{m.name}.bin")
	inside = inside or (m.model, m.version)
	fleet.bench.make_package(path, *inside, m.target, rig.SIZE)
	fleet.bench.config["packages"].append({"model": model or m.model, "from": m.version, "to": m.target, "size": rig.SIZE,
		"http": {"url": fleet.server.url(how, path)}, **more})


def ftp_server(fleet, how):
	"""One for those who are refused and one for the others: pyftpdlib may take the end of one session for another's."""
	if how != "ftp-good":
		return fleet.bench.ftp(), "ftp"
	if not fleet.good_ftp:
		password = fleet.bench.passwords["fota-ftp"]
		os.mkdir(fleet.bench.path("ftp-good"), 0o755)
		fleet.good_ftp = rig.servers.ftp_server(fleet.bench.directory, fleet.bench.path("ftp-good"), "fota", password)
		fleet.good_ftp.user = "fota"
		fleet.bench.closing.callback(fleet.good_ftp.stop)
	return fleet.good_ftp, "ftp-good"


def add_over_ftp(fleet, m, how):
	server, root = ftp_server(fleet, how)
	file = f"{m.name}.bin"
	if how != "ftp-file":
		fleet.bench.make_package(fleet.bench.path(root, file), m.model, m.version, m.target, rig.SIZE)
	fleet.bench.credential(m.name, "not-this-one" if how == "ftp-login" else fleet.bench.passwords["fota-ftp"])
	if how == "no-credential":
		os.unlink(fleet.bench.path("credentials", m.name))
	fleet.bench.config["packages"].append({"model": m.model, "from": m.version, "to": m.target, "size": rig.SIZE,
		"ftp": {"server": server.host, "file": file, "username": server.user, "password": {"credential": m.name}}})


def add_own(fleet, m, how):
	"""The package of a row about servers or packages; how "good": of its twin."""
	if how in ("ftp-login", "ftp-file", "ftp-good", "no-credential"):
		add_over_ftp(fleet, m, how)
	elif how == "other-model":
		m.target = fleet.other_target  # nothing else leads there
		add_package(fleet, m, "good", model="NL668-JP-00")
	elif how == "other-base":
		return
	elif how == "other-base-inside":
		add_package(fleet, m, "good", inside=(m.model, VERSIONS[m.family][2]))
	elif how == "other-model-inside":
		add_package(fleet, m, "good", inside=("NL668-JP-00", m.version))
	elif how == "too-large":
		fleet.bench.make_package(fleet.bench.path("files", f"{m.name}.bin"), m.model, m.version, m.target, 1_200_000)
		fleet.bench.config["packages"].append({"model": m.model, "from": m.version, "to": m.target,
			"http": {"url": fleet.server.url("good", fleet.bench.path("files", f"{m.name}.bin"))}})
	else:
		add_package(fleet, m, how)


class Fleet:
	def __init__(self, bench, rows):
		self.bench = bench
		self.server = FaultServer(bench)
		self.good_ftp = None
		self.expect = []  # (modem, what fotad must say of it)
		self.other_target = "19006.1000.00.02.76.99"
		bench.config["limits"]["max_parallel"] = 1000
		bench.config["timeouts"]["stall"] = "3s"  # so many at once take their time
		self.pairs = []  # (row, modem with the fault, its twin without)
		for family in "L610", "NL668":
			bench.http(family, *VERSIONS[family][:2])
		for number, row in enumerate(rows):
			self.pairs.append((row, self.add(row, 2 * number, True), self.add(row, 2 * number + 1, False)))
		campaigns = {}
		for row, *both in self.pairs:
			for m in both:
				service = "pdp" if "pdp-gone" in row.fault else "registered"
				brake = "signal-lost" in row.fault # only then it is asked what it hears
				campaigns.setdefault((m.target, row.attempts, service, brake), []).append(m.name)
		for (target, attempts, service, brake), names in campaigns.items():
			name = f"to-{target}-in-{attempts}-{service}{'-brake' * brake}".replace(".", "-")
			bench.campaign(name, target, names, require=REQUIRE, check=service, halt={"failures": "100%", "after": 1000},
				**({"brake": {"signal_db": 10}} if brake else {}),
				retry={"attempts": int(attempts), "delay": "200ms", "max_delay": "200ms"})

	def add(self, row, number, faulty):
		m = self.bench.modem(row.name + ("" if faulty else "-without"), row.family)
		how, *faults = row.fault.split("; ")
		if row.where == "sim" and faulty:
			m.faults += [how, *faults]
		elif row.where in ("server", "package"):
			m.faults += faults if faulty else []
			own_version(m, number)
			over_ftp = how.startswith("ftp-") or how == "no-credential"
			add_own(self, m, how if faulty else "ftp-good" if over_ftp else "good")
		elif row.where == "port" and faulty and how.split()[0] in BEFORE:
			BEFORE[how](self, m, None)
		return m

	def live(self):
		# A busy machine may need a while to read what is said last before the port goes.
		self.bench.start_modems(default="boot-time=200ms apply-time=200ms verify-time=500ms")
		for number, (row, m, twin) in enumerate(self.pairs):
			what, *rest = row.fault.split()
			if row.where != "port" or what not in AFTER:
				continue
			try:
				AFTER[what](self, m, *(rest or [None]))
			except rig.Skip as skip:
				print(f"skipped: {row.name}: {skip}", flush=True)
				self.pairs[number] = row._replace(where="", state="succeeded", reason="", starts="1"), m, twin
		daemon = self.bench.daemon()
		daemon.wait(120)
		return daemon, self.bench.truth()


def exceptions(row):
	"""What the fault itself does to the counters of the simulator."""
	those = ["bytes_while_executing"]
	if row.reason == "no-service":
		those.append("target")
	if row.reason == "pdp-failed":
		those.append("settings")  # what was set for an attempt that waits is put back after the job's end (conduct 3)
	if "gtset-unreadable" in row.fault:
		those.append("settings")
	if "active-error" in row.fault:
		those.append("pdp")  # it is open at every power-up
	if re.search("second-reset|boot-loop|(lose-port|half-urc-then-lost) percent", row.fault):
		those.append("bytes_while_applying")  # it is back, for all that can be seen, or COMPLETE was never heard
	if row.state == "unknown":
		those += ["settings", "bytes_while_applying"]
	if row.starts not in ("0", "1") or row.state in ("failed", "unknown") or row.fault == "slow":
		those.append("commands_while_downloading")  # it was asked, after silence, and told nothing
	return those


def judge_fault(fleet, row, m, truth):
	"""Did it happen?"""
	for fault in truth["faults"]:
		check(fault["fired"] > 0, f"{fault['name']} did not happen")
	if row.where == "server":
		check(fleet.server.seen[row.fault] > 0 or row.fault in ("no-host", "refused") or row.fault.startswith("ftp-"),
			"nobody asked the server")
		check(row.state == "succeeded" or truth["downloads_started"] > 0, "no download was begun")
	if row.where == "port":
		sent = set(fleet.bench.sent(re.escape(m.name)))
		check(sent <= ASKED, f"sent to it: {sorted(sent)}")
		check(row.fault.split()[0] not in UNTOUCHED or not sent, f"sent to it: {sorted(sent)}")
	if row.fault == "output-stopped":
		equal(truth["commands"], 0, "commands that came through")


def judge(fleet, known, truths, row, m, state, reason, starts, except_for):
	truth = truths[m.name]
	equal(known.verdict(m.name, m.imei), (state, reason), "verdict")
	equal(truth["gtota_received"], starts, "starts")
	if state == "succeeded":
		rig.judge_success(fleet.bench, m, truth, except_for=except_for)
	else:
		rig.judge_conduct(m.name, truth, except_for)
		check(state == "unknown" or "target" in except_for or truth["version"] != m.target, "it runs its target")
	gap = truth["gtota_gap_min_us"]
	# Conduct 8: `download`, which counts from the save before the start; on a busy machine the start comes later.
	check(gap == 0 or gap >= 9_000_000, f"started again after {gap} us, without an end seen")
	check(m.name in known.words, "fotad does not say what became of it")
	if state == "waiting":
		equal(known.attempts.get(m.imei, 0), 0, "attempts spent")  # conduct 18
	check(starts < 2 or fleet.bench.lives[0].log.find(rf" {m.name}: attempt 1 failed \("), "the first failure is not said")
	if truth["faults"] or not m.name.endswith("-without"):
		judge_fault(fleet, row, m, truth)


def judge_all(fleet, daemon, truths):
	known, wrong = Known(fleet.bench), []
	for row, m, twin in fleet.pairs:
		wanted = ((m, row.state, row.reason, int(row.starts), exceptions(row)),
			(twin, "succeeded", "", 1, ["bytes_while_executing"]))
		for which, *rest in wanted:
			try:
				judge(fleet, known, truths, row, which, *rest)
			except rig.Failure as failure:
				wrong.append(f"{which.name} ({row.fault}): {failure}")
	done = len(fleet.pairs) + sum(row.state == "succeeded" or "imei-other" in row.fault for row, *_ in fleet.pairs)
	if not daemon.log.find(rf": {done} of {2 * len(fleet.pairs)} modems run their target"):
		wrong.append(f"fotad does not say that {done} of {2 * len(fleet.pairs)} run their target")
	for name, pattern in fleet.expect:
		if not daemon.log.find(rf" {name}: .*{pattern}"):
			wrong.append(f"{name}: fotad does not say: {pattern}")
	return wrong


def test_fleet(bench):
	fleet = Fleet(bench, [row for row in read_table() if row.where in FLEET])
	daemon, truths = fleet.live()
	check_sanitizers(bench)
	wrong = judge_all(fleet, daemon, truths)
	check(not wrong, "\n  ".join(["", *wrong]))


# ---- lives of their own ----

def call(life):
	"""fault: the call, perhaps "stored" (by an earlier life), then at-call's options."""
	name, *options = life.row.fault.split()
	if "stored" in options:
		options.remove("stored")
		life.make_store()
	log = life.bench.path("calls")
	more = {"prefix": [lives.AT_CALL, f"--log={log}", f"--calls={name}", *("--" + option for option in options)],
		"environment": {"ASAN_OPTIONS": "detect_leaks=0"}} if life.faulty else {}  # who is traced cannot look for leaks
	life.power()
	life.finish(**more)
	if not life.faulty:
		return
	if life.code == rig.SKIPPED or os.geteuid() != 0 and "match=" in life.row.fault:
		raise rig.Skip("processes, and what they write, cannot be traced here")
	check(any(entry.touched for entry in lives.read_log(log)), "the call was never made")
	if life.row.state == "waiting":
		life.judge_now()
	if life.row.state != "exit" and life.code != 0 and life.row.state != "failed":
		life.finish()
		equal(life.known(), ("succeeded", ""), "afterwards, without the fault")


CONFIGS = {
	"url-too-long": {"http": {"url": "http://127.0.0.1/" + "x" * 239}},
	"url-with-quote": {"http": {"url": 'http://127.0.0.1/x".bin'}},
	"url-with-cr": {"http": {"url": "http://127.0.0.1/x\r.bin"}},
	"url-with-space": {"http": {"url": "http://127.0.0.1/x y.bin"}},
	"http-with-file": {"http": {"url": "http://127.0.0.1/x.bin", "file": "x.bin"}},
	"ftp-without-password": {"ftp": {"server": "127.0.0.1", "file": "x.bin", "username": "fota"}},
}


def config(life):
	life.power()
	if life.faulty:
		life.bench.config["packages"][0].pop("http")
		life.bench.config["packages"][0].update(CONFIGS[life.row.fault])
	daemon = life.finish()
	if life.faulty:
		check("/packages/0/" in daemon.log.text(), f"it does not say where: {daemon.log.text()}")
		equal(life.bench.sent(), [], "sent")


def judge_life(life, row):
	truth = life.truth or life.bench.truth()["pump"]
	check(life.code is None or life.code >= 0, f"fotad was ended by signal {-(life.code or 0)}")
	if row.state == "exit" and life.faulty:
		equal(life.code, int(row.reason), "exit code of fotad")
		check(truth["gtota_received"] == 0 or row.name == "second-daemon", "something was started")
		return
	wanted = (row.state, row.reason) if life.faulty else ("succeeded", "")
	equal(life.verdict or life.known(), wanted, "verdict")
	check(wanted[0] != "succeeded" or life.code in (0, None), f"exit code of fotad: {life.code}")
	starts = life.starts if life.starts is not None else truth["gtota_received"]
	equal(starts, int(row.starts) if life.faulty and row.state != "exit" else 1, "starts")
	# Who was killed while the module worked cannot know, and asks it; and half a line is what it is.
	rig.judge_conduct("pump", truth, ["bytes_while_executing", "commands_while_downloading"]
		+ ["gtota_malformed"] * ("tear=" in row.fault and life.faulty))


def run_life(bench, row, faulty):
	life = FaultLife(bench, row, faulty)
	if row.where in ("call", "config"):
		{"call": call, "config": config}[row.where](life)
	else:
		what, _, rest = row.fault.partition(" ")
		getattr(faultlives, what.replace("-", "_"))(life, *([rest] if rest else []))
	check_sanitizers(bench)
	judge_life(life, row)


def tests_of(row):
	for faulty in True, False:
		test = functools.partial(run_life, row=row, faulty=faulty)
		test.__name__ = row.name + ("" if faulty else "-without")
		yield test


def test_table(bench):
	"""Every fault of the list has its row; every fault that the simulator knows, and every reason, is in one."""
	rows = read_table()
	numbers = {int(row.number) for row in rows if row.number != "-"}
	equal(sorted(set(range(1, 64)) - numbers), [], "faults without a row")
	process = rig.Process([rig.FOTA_SIM, "--list-faults"], bench.path("faults"))
	equal(process.wait(), 0, "exit code of fota-sim")
	known = {line.split()[0] for line in process.log.lines if line and not line.startswith("\t")}
	tried = {fault.split()[0] for row in rows for fault in row.fault.split("; ")} | {"foreign-download"}
	check(len(known) > 50 and not known - tried, f"faults of the simulator that are not tried: {sorted(known - tried)}")
	with open(os.path.join(rig.SOURCE, "lib", "core", "reason.c"), encoding="utf-8") as file:
		reasons = set(re.findall(r'\[REASON_[A-Z_]+\] = \{ "([a-z-]*)"', file.read()))
	listed = {row.reason for row in rows if row.state in ("waiting", "failed", "unknown")}
	equal(sorted(listed - reasons - {"acknowledge"}), [], "reasons that are none")
	equal(sorted(reasons - listed - NO_FAULTS), [], "reasons without a fault")
	equal([row.name for row in rows if row.where == "system" and len(row.remark) < 20], [], "rows without a remark")


if __name__ == "__main__":
	own = [test for row in read_table() if row.where in ("call", "config", "rig") for test in tests_of(row)]
	rig.main(test_fleet, test_table, *own, workers=24)
