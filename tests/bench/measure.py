"""How the figures of the bench are measured: fotad, and the bare program beside it, on the same simulated modems.

CPU is user and system time of the measured process alone, by wait4(2). Both programs get a simulator of their own, made
alike; they take turns within a round, and what counts is the median of the rounds' ratios. Nothing here is a gate.

Environment: $FOTAD, $FOTA_SIM (else those of $FOTAD_BUILDDIR, or of the current directory).
"""
import collections
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.environ.get("FOTAD_BUILDDIR") or os.getcwd()
FOTAD = os.environ.get("FOTAD") or os.path.join(BUILD, "fotad")
FOTA_SIM = os.environ.get("FOTA_SIM") or os.path.join(BUILD, "fota-sim")
TMPFS = "/dev/shm"
PATIENCE = 120  # seconds, for what takes ten

# Modems that are quick where a program can only wait for them, so that what is measured is work.
QUICK = "boot-time=100ms apply-time=100ms sim-time=0ms network-time=0ms pdp-time=0ms text-time=10ms" \
	" start-time=10ms verify-time=100ms"
TIMEOUTS = {"stall": "10s", "settle": "300ms"}
MIB, KIB = 1024 * 1024, 1024

median = statistics.median


def program(name):
	return os.path.join(BUILD, "tests", "bench", name)


def memory_directory():
	return TMPFS if os.path.isdir(TMPFS) and os.access(TMPFS, os.W_OK) else None


class Usage:
	"""What a process has taken until its end."""

	def __init__(self, code, used, seconds):
		self.code, self.seconds = code, seconds
		self.cpu = used.ru_utime + used.ru_stime
		self.switches = used.ru_nvcsw


def wait(child, started):
	"""Waits for a Popen, and takes its usage."""
	late = threading.Timer(PATIENCE, child.kill)
	late.start()
	_, status, used = os.wait4(child.pid, 0)
	late.cancel()
	child.returncode = os.waitstatus_to_exitcode(status)
	return Usage(child.returncode, used, time.monotonic() - started)


def environment():
	dropped = ("JOURNAL_STREAM", "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "WATCHDOG_USEC")
	return {key: value for key, value in os.environ.items() if key not in dropped}


def with_sync(**settings):
	"""Environment of a program with the preload of sync.c; the address sanitizer wants to be told that it comes first."""
	options = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))
	return {"LD_PRELOAD": program("sync.so"), "ASAN_OPTIONS": options, **settings}


class Fleet:
	"""A private directory with n simulated modems of one family and the configuration of fotad for them."""

	def __init__(self, n, download="3s", each=lambda i: ""):
		"""each: what else the scenario says of modem i."""
		self.n = n
		self.closing = contextlib.ExitStack()
		self.directory = tempfile.mkdtemp(prefix="fotad-bench-", dir=memory_directory())
		self.closing.callback(shutil.rmtree, self.directory, ignore_errors=True)
		names = [f"m{i:04}" for i in range(n)]
		self.ports = [self.path("ports", name) for name in names]
		os.mkdir(self.path("ports"))
		self.write("scenario", f"default {QUICK}\n" + "".join(f"modem {name} family=L610 {each(i)}\n" for i, name in enumerate(names)))
		with open(self.path("sim.log"), "w", encoding="utf-8") as log:
			self.sim = subprocess.Popen(
				[FOTA_SIM, f"--scenario={self.path('scenario')}", f"--directory={self.path('ports')}",
					f"--offline={download}", f"--write-config={self.path('fotad.json')}",
					f"--transcript={self.path('transcript')}", f"--truth={self.path('truth')}"],
				stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
		self.closing.callback(self.stop)
		if not self.sim.stdout.readline():
			raise RuntimeError("fota-sim did not start")
		self.change(lambda c: c.update(timeouts=TIMEOUTS, limits={"max_parallel": n}))

	def __enter__(self):
		return self

	def __exit__(self, *_):
		self.closing.close()

	def path(self, *parts):
		return os.path.join(self.directory, *parts)

	def write(self, name, text):
		with open(self.path(name), "w", encoding="utf-8") as file:
			file.write(text)

	def change(self, work):
		"""Something in the configuration."""
		with open(self.path("fotad.json"), encoding="utf-8") as file:
			configuration = json.load(file)
		work(configuration)
		self.write("fotad.json", json.dumps(configuration))

	def stop(self):
		if self.sim.poll() is None:
			self.sim.terminate()
			try:
				self.sim.wait(20)
			except subprocess.TimeoutExpired:
				self.sim.kill()
				self.sim.wait()
		self.sim.stdout.close()

	def upgraded(self):
		"""Ends the simulator; how many modems really run the new version."""
		self.stop()
		with open(self.path("truth"), encoding="utf-8") as file:
			return sum(m["packages_applied"] == 1 for m in json.load(file)["modems"])

	def transcript(self):
		"""(microseconds, modem, '>' or '<' or '!', text) of everything so far."""
		with open(self.path("transcript"), encoding="utf-8") as file:
			for line in file:
				if line.endswith("\n"):
					moment, modem, way, text = line.rstrip("\n").split(" ", 3)
					yield int(moment), modem, way, text

	def log_to(self, name):
		"""A pipe, as a program's stderr is where there is no journal, read by another process into that file."""
		with open(self.path(name), "w", encoding="utf-8") as file:
			self.reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file)
		self.closing.callback(self.reader.wait)
		return self.reader.stdin

	def log(self):
		"""The lines of the program that has ended."""
		self.reader.wait()
		with open(self.path("fotad.log"), encoding="utf-8") as log:
			return log.readlines()

	def fotad(self, *options, state=None, stderr=None, more=None, before=None):
		"""Starts it; (Popen, time). more: environment; before: what the child does first."""
		state = state or self.path("state")
		os.makedirs(state, 0o700, exist_ok=True)
		started = time.monotonic()
		with contextlib.ExitStack() as stack:
			log = stderr or stack.enter_context(self.log_to("fotad.log"))
			child = subprocess.Popen(
				[FOTAD, f"--config={self.path('fotad.json')}", f"--state-dir={state}", "--bus=none", *options],
				stdin=subprocess.DEVNULL, stderr=log, text=True, env=environment() | (more or {}), preexec_fn=before)
		return child, started

	def count_syncs(self):
		"""Environment of a program whose commits are counted."""
		return with_sync(SYNC_REPORT=self.path("syncs"))

	def commits(self):
		"""SQLite ends each with one fdatasync() of the WAL (and needs one more now and then, to move pages out of it)."""
		with open(self.path("syncs"), encoding="utf-8") as file:
			return sum(line.endswith("-wal\n") for line in file)

	def lines_of_log(self):
		return len(self.log())

	def make_store(self, state):
		"""As a gateway's first start does, once in its life: that is no part of a job."""
		os.makedirs(state, 0o700, exist_ok=True)
		self.write("empty.json", '{"version": 1}')
		subprocess.run([FOTAD, f"--config={self.path('empty.json')}", f"--state-dir={state}", "--bus=none", "--once"],
			stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, env=environment())

	def run_fotad(self, state=None, more=None):
		"""All jobs, to their end."""
		self.make_store(state or self.path("state"))
		usage = wait(*self.fotad("--once", state=state, more=more))
		if usage.code != 0:
			raise RuntimeError(f"fotad exited with {usage.code}:\n" + "".join(self.log()[-20:]))
		return usage

	def bare(self, script, before=None, store=None, syncs=0):
		"""Starts it; (Popen, time). syncs: how often what it has saved is made durable, in all."""
		self.write("script", script)
		records = script.count("! save\n") * self.n
		command = [program("bare"), store or self.path("bare-store"), str(records // syncs if syncs else 0), self.path("script"),
			*self.ports]
		started = time.monotonic()
		with self.log_to("bare.log") as log:
			return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, preexec_fn=before), started

	def run_bare(self, script, **more):
		usage = wait(*self.bare(script, **more))
		if usage.code != 0:
			raise RuntimeError(f"the bare program exited with {usage.code}")
		return usage


# ---- a whole job ----

def script_of(fleet):
	"""What fotad has sent to the first modem, and waited for, in the bare program's words."""
	lines = []
	for _, modem, way, text in fleet.transcript():
		if not fleet.ports[0].endswith("/" + modem):
			continue
		if way == ">":
			lines.append(text)
			if text.startswith("AT+GTOTA=") and text != "AT+GTOTA=?":
				lines.append("! download")
		elif way == "!" and text == "lost":
			lines += ["! away", "! back"]
	return "\n".join(lines) + "\n"


def learn_script():
	with Fleet(1) as fleet:
		fleet.run_fotad()
		return script_of(fleet)


# What fotad sends only when what it is about to change is durable (save, then act); the bare program waits for nothing.
AFTER_SAVE = re.compile(r'AT\+GTSET="CALLBREAK",1|AT\+MIPCALL=1|AT\+GTOTA=[01]')


def turnarounds(fleet, leave_out=""):
	"""
	Microseconds from a final result code to the next command, as the modems see it, while a job prepares: (those
	between commands, those in which fotad saves). A probe ("AT") is left out: after it fotad wants silence, by design.
	So is a question that is asked again: there the module is waited for.
	"""
	answered, asked, started = {}, {}, set()
	plain, saving = [], []
	for moment, modem, way, text in fleet.transcript():
		if modem in started or modem == leave_out:
			continue
		if way == "<" and (text in ("OK", "ERROR") or text.startswith("+CME ERROR")):
			if asked.get(modem, "AT") != "AT":
				answered[modem] = moment
		elif way == ">":
			if modem in answered and text not in ("AT", asked[modem]):
				(saving if AFTER_SAVE.match(text) else plain).append(moment - answered[modem])
			answered.pop(modem, None)
			asked[modem] = text
			if re.match(r"AT\+GTOTA=[01]", text):
				started.add(modem)
	return sorted(plain), sorted(saving)


def percentile(values, share):
	return values[min(len(values) - 1, int(len(values) * share))]


class Job:
	"""One run of one program over a fleet, with what the simulator says about it."""

	def __init__(self, n, run, look_at_turnaround=False):
		with Fleet(n) as fleet:
			self.usage = run(fleet)
			self.cpu = self.usage.cpu / n
			self.p50 = self.p99 = self.saving = None
			if look_at_turnaround:
				plain, saving = turnarounds(fleet)
				self.p50, self.p99 = percentile(plain, 0.5), percentile(plain, 0.99)
				self.saving = percentile(saving, 0.99)
			done = fleet.upgraded()
		if done != n:
			raise RuntimeError(f"{done} of {n} modems were upgraded")


def fotad_job(n, disk=False, **more):
	"""The store lies with everything else in memory, or on the disk of $TMPDIR."""
	if not disk:
		return Job(n, Fleet.run_fotad, **more)
	with tempfile.TemporaryDirectory(prefix="fotad-bench-") as state:
		return Job(n, lambda fleet: fleet.run_fotad(state), **more)


def counts_of_job(n):
	"""(lines of log, commits) of a modem's job."""
	with Fleet(n) as fleet:
		fleet.run_fotad(more=fleet.count_syncs())
		return fleet.lines_of_log() / n, fleet.commits() / n


def with_output(script, lines, commits):
	"""The script, with as much put out and saved on the way as fotad does; evenly, before commands."""
	steps = script.splitlines()
	places = [place for place, step in enumerate(steps) if not step.startswith("!")]
	extra = collections.defaultdict(list)
	for text, number in ("! log 12:03:44 info m0000: a line as long as most lines of fotad's log are.", lines), ("! save", commits):
		for i in range(round(number)):
			extra[places[int((i + 0.5) * len(places) / round(number))]].append(text)
	return "\n".join(line for place, step in enumerate(steps) for line in [*extra[place], step]) + "\n"


def bare_job(n, script, disk=False, commits=0, **more):
	"""commits: of all modems together."""
	if not disk:
		return Job(n, lambda fleet: fleet.run_bare(script, syncs=commits), **more)
	with tempfile.TemporaryDirectory(prefix="fotad-bench-") as state:
		return Job(n, lambda fleet: fleet.run_bare(script, store=os.path.join(state, "store"), syncs=commits), **more)


# ---- from the start to the first byte ----

def first_bytes(fleet, since):
	"""Microseconds from `since` to the first byte on the last port; a port is opened again for each run."""
	first = {}
	for moment, modem, way, _ in fleet.transcript():
		if way == ">" and moment >= since:
			first.setdefault(modem, moment - since)
	return max(first.values()) if len(first) == fleet.n else None


def boottime():
	return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def cold_starts(n, rounds):
	"""[(fotad, bare)] in microseconds; fotad has records of all modems, so it need not listen first (conduct 10)."""
	result = []
	with Fleet(n) as fleet:
		fleet.run_fotad()
		for _ in range(rounds):
			since = boottime()
			child, started = fleet.fotad(stderr=subprocess.PIPE)
			lines_until(child, r"IMEI \.\.\.", n)
			end(child, started)
			mine = first_bytes(fleet, since)
			since = boottime()
			fleet.run_bare("AT\n")
			result.append((mine, first_bytes(fleet, since)))
	return result


def lines_until(child, pattern, count):
	"""Reads what fotad says until so many lines match."""
	for line in child.stderr:
		count -= re.search(pattern, line) is not None
		if count <= 0:
			return
	raise RuntimeError("fotad ended too early")


def end(child, started):
	child.terminate()
	child.stderr.read()
	child.stderr.close()
	return wait(child, started)


# ---- memory ----

def pss(pid):
	"""Bytes, or None where the kernel does not let us look: fotad is not dumpable."""
	try:
		with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
			return int(re.search(r"^Pss:\s+(\d+) kB", file.read(), re.M)[1]) * KIB
	except (OSError, TypeError):
		return None


def settled(pid, stays=12, patience=30):
	"""PSS as it stays: what a burst has freed goes back to the system ten seconds later."""
	value, began = pss(pid), time.monotonic()
	since = began
	while time.monotonic() < min(since + stays, began + patience):
		time.sleep(0.5)
		now = pss(pid)
		if now != value:
			value, since = now, time.monotonic()
	return value


PARALLEL = 8  # limits.max_parallel when nothing is said


def memory(n):
	"""PSS (with no modem, with n of them only watched, with as many as by default in mid-download, with all)."""
	result = []
	states = (0, 0, "watches 0 modems", 1), (n, 0, r"IMEI \.\.\.", n), (n, PARALLEL, " 10 % downloaded", PARALLEL), \
		(n, n, " 10 % downloaded", n)
	for modems, running, line, count in states:
		with Fleet(n, download="60s") as fleet:
			fleet.change(lambda c, m=modems, r=running: c.update(modems=c["modems"][:m],
				campaigns=c["campaigns"] if r else [], limits={"max_parallel": max(r, 1)}))
			child, started = fleet.fotad(stderr=subprocess.PIPE)
			lines_until(child, line, count)
			result.append(settled(child.pid))
			end(child, started)
	return result


# ---- one port, and no port ----

def values_of(command, **more):
	"""`NAME VALUE` lines of a program; None: it cannot be measured here."""
	run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False, **more)
	if run.returncode == 77:
		return None
	run.check_returncode()
	return {name: float(value) for name, value in (line.split() for line in run.stdout.splitlines())}


def pin():
	os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def roundtrip():
	return values_of([program("roundtrip")], preexec_fn=pin)


def roundtrip_calls():
	return values_of([program("roundtrip"), "count"])


def parser():
	return values_of([program("parse")], preexec_fn=pin)


def is_instrumented(path):
	"""Sanitizers and coverage add instructions that are not ours."""
	with open(path, "rb") as file:
		return re.search(rb"__asan_|__ubsan_|__gcov_", file.read()) is not None


def instructions(name, arguments, counts, word):
	"""One of them, by the difference of two runs under callgrind; `word` says how many it were. None: it is not here."""
	if shutil.which("valgrind") is None or is_instrumented(program(name)):
		return None
	points = []
	for wanted in counts:
		run = subprocess.run(
			["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program(name), "once", *map(str, arguments),
				str(wanted)],
			stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
		points.append((int(re.search(rf"{word} (\d+)", run.stdout)[1]),
			int(re.search(r"Collected : (\d+)", run.stderr)[1])))
	return (points[1][1] - points[0][1]) / (points[1][0] - points[0][0])


def parser_instructions(chunk):
	return instructions("parse", [chunk], (5000, 15000), "reports")


def decisions():
	return values_of([program("schedule")], preexec_fn=pin)


def decision_instructions(jobs, ended=0):
	return instructions("schedule", [jobs, ended], (10000, 60000), "started")


def machine():
	"""What this was measured on, without naming it."""
	model = "unknown"
	with contextlib.suppress(OSError, TypeError):
		with open("/proc/cpuinfo", encoding="utf-8") as file:
			model = re.search(r"^model name\s*: (.*)$", file.read(), re.M)[1]
	return f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} x {model}, Linux {os.uname().release.split('-')[0]}"


def say(text=""):
	print(text, flush=True)


def note(text):
	print(text, file=sys.stderr, flush=True)
