"""Faults that need a life of their own: what is done to one fotad, to its files, its processes and its port.

A function here is what a row of tests/faults.tsv names. It gets a FaultLife and what follows its name in the row: with
life.faulty the fault happens, and the function proves that it did; without, nothing goes wrong.
"""
import contextlib
import ctypes
import os
import re
import shlex
import signal
import sqlite3

import lives
import rig
from faultserver import FaultServer
from rig import check, equal

FAIL_MALLOC = os.environ.get("FAIL_MALLOC") or os.path.join(rig.BUILD, "tests", "integration", "fail-malloc.so")
EXIT_CODES = (0, 1, 69, 70, 73, 74, 78)  # fotad(8)
KILLED = 128 + signal.SIGKILL
NOBODY = 65534
DEFAULT = "boot-time=150ms apply-time=150ms"
MORE = 23  # modems besides pump, where there are not descriptors enough


def starts_of(bench, name):
	return [line for line in bench.sent(re.escape(name)) if re.match(r"AT\+GTOTA=[01]", line)]


class Known:
	"""What fotad says of its modems, in the last life that says something, and what it remembers."""

	SAID = re.compile(r" (\S+): (?:left: (\w+) \(([a-z-]*)\)|(?:succeeded: )?runs \S+, (?:read twice|the target))")

	def __init__(self, bench):
		self.words, self.jobs, self.attempts, self.last = {}, {}, {}, {}
		for life in bench.lives:
			for match in filter(None, map(self.SAID.search, life.log.lines)):
				self.words[match[1]] = (match[2], match[3]) if match[2] else ("succeeded", "")
		path = bench.path("state", "fotad.db")
		if not os.path.exists(path):
			return
		# Where it cannot be read, which some faults bring about, what was said must do.
		with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
			for modem, imei, state, reason, attempts in store.execute(
					"SELECT modem, imei, state, reason, attempts FROM jobs ORDER BY id"):
				self.jobs[imei or modem] = (state, reason)
				self.attempts[imei or modem] = attempts
				self.last[modem] = imei or modem

	def verdict(self, name, imei):
		"""Of the job of this module; what is said must be the same, unless it is said of another in its place."""
		word, stored = self.words.get(name), self.jobs.get(imei) or self.jobs.get(name)
		if self.last.get(name) not in (imei, name, None):
			return stored
		if word and stored and (word[0] != stored[0] or word[0] != "waiting" and word != stored):
			raise rig.Failure(f"{name}: fotad says {word}, and remembers {stored}")
		return word or stored

	def left(self, bench):
		"""Who is not upgraded."""
		return [m.name for m in bench.modems.values() if self.verdict(m.name, m.imei) != ("succeeded", "")]


def check_sanitizers(bench):
	"""Of a fotad that has them."""
	for life in bench.lives:
		check(not life.log.find(r"Sanitizer|runtime error:"), f"a sanitizer complains: {life.log.text()}")


class FaultLife(lives.Life):
	"""One modem, pump, that pretends to download; and the verdict about it."""

	def __init__(self, bench, row, faulty):  # pylint: disable=super-init-not-called; the bench is the caller's
		self.bench, self.row, self.faulty = bench, row, faulty
		self.code = self.truth = self.starts = self.verdict = None
		bench.config["timeouts"] = dict(lives.TIMEOUTS)
		self.modem = m = bench.modem("pump", row.family)
		bench.config["packages"].append({"model": m.model, "from": m.version, "to": m.target, "size": rig.SIZE,
			"http": {"url": "http://127.0.0.1/p.bin"}})
		self.campaign = bench.campaign("winter", m.target, require=lives.REQUIRE,
			retry={"attempts": int(row.attempts), "delay": "200ms", "max_delay": "200ms"})

	def power(self, *options, offline="300ms"):
		self.bench.start_modems(f"--offline={offline}", f"--version-to={self.modem.target}", *options, default=DEFAULT)

	def finish(self, **more):
		"""A fotad, to the end of what it can do."""
		daemon = self.bench.daemon(**more)
		self.code = daemon.wait()
		return daemon

	def restored(self, daemon, name="pump"):
		daemon.log.wait(rf" {name}: succeeded")
		daemon.log.wait(rf" {name}: .*({rig.RESTORED})")

	def known(self):
		return Known(self.bench).verdict("pump", self.modem.imei)

	def judge_now(self):
		"""The row is about this moment, and not about what follows."""
		self.verdict = self.known()
		self.starts = len(starts_of(self.bench, "pump"))

	def ask_store(self, query):
		with contextlib.closing(sqlite3.connect(self.bench.path("state", "fotad.db"))) as store:
			answer = store.execute(query).fetchall()
			store.commit()
			return answer

	def make_store(self):
		equal(self.bench.daemon("--acknowledge", once=False).wait(), 0, "exit code of --acknowledge")


# ---- the port ----

def appears_later(life):
	if not life.faulty:
		life.power()
	daemon = life.bench.daemon(once=False)
	if life.faulty:
		daemon.log.wait(r" notice pump: .*is not there; waiting for it \(port-absent\)")
		life.power()
	life.restored(daemon)
	equal(daemon.stop(), 0, "exit code of fotad")


def unplugged_while_idle(life):
	life.power()
	daemon = life.bench.daemon(once=False)
	life.restored(daemon)
	life.starts = len(starts_of(life.bench, "pump"))
	if life.faulty:
		life.truth = life.bench.truth()["pump"]
		start = daemon.log.wait(" pump: .*has gone away", count=2)  # once to install, and now
		life.modem.version = life.modem.target
		life.power()
		end = daemon.log.wait(r" pump: \S+, IMEI \S+, runs ", start=start)
		lines = [line for line in daemon.log.lines[start:end] if " pump: " in line]
		check(len(lines) <= 3, f"it says too much of it: {lines}")
		equal(starts_of(life.bench, "pump"), [], "starts after it has come back")
	equal(daemon.stop(), 0, "exit code of fotad")


def unprivileged(life):
	"""Arguments for a fotad that is nobody, when this is root."""
	if os.geteuid() != 0:
		return {}
	os.makedirs(life.bench.path("state"), 0o700, exist_ok=True)
	os.chown(life.bench.path("state"), NOBODY, NOBODY)
	return {"prefix": ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]}


def no_permission(life):
	life.power("--mode=100" if life.faulty else "--mode=666")
	daemon = life.finish(**unprivileged(life))
	check(not life.faulty or daemon.log.find(" pump: .*Permission denied"), "it does not say why")


def hub_reset(life):
	fault = ["lose-port percent=50 time=1s"] if life.faulty else []
	life.modem.faults += fault
	for i in range(63):
		life.bench.modem(f"hub-{i}", life.row.family, *fault)
	life.power(offline="4s")
	life.finish()
	first = {}
	for line in life.bench.transcript.find(r" ! (lost|back)"):
		time, name, _, event = line.split()[:4]
		first.setdefault((name, event), int(time))
	if life.faulty:
		lost, back = ([time for (_, event), time in first.items() if event == what] for what in ("lost", "back"))
		equal(len(lost), 64, "ports that were away")
		check(max(lost) < min(back), "the ports were not away all at once")
	equal(Known(life.bench).left(life.bench), [], "not upgraded")


def busy_elsewhere(life):
	life.bench.config["timeouts"].update({"stall": "3s", "return": "4s"})
	if life.faulty:
		life.modem.faults.append("foreign-download time=9s")
	life.power()
	daemon = life.finish()
	check(not life.faulty or daemon.log.find(" pump: reports a download that is not ours"), "it does not say so")


# ---- the network ----

def overloaded_server(life):
	"""A twelfth of the line is little, but nobody is silent: the limits hold, and all get there."""
	server = FaultServer(life.bench, line=60_000 if life.faulty else 0)
	life.campaign["max_parallel"] = 4
	for i in range(11):
		life.bench.modem(f"other-{i}", life.row.family)
	del life.bench.config["packages"][:]
	file = life.bench.path("p.bin")
	m = life.modem
	life.bench.make_package(file, m.model, m.version, m.target, 30_000)
	life.bench.config["packages"].append({"model": m.model, "from": m.version, "to": m.target, "size": 30_000,
		"http": {"url": server.url("good", file)}})
	life.bench.start_modems(default=DEFAULT)
	life.finish()
	now = most = 0
	for line in life.bench.transcript.find(" ! download-(begin|end)"):
		now += 1 if "-begin" in line else -1
		most = max(most, now)
	check(most <= 4, f"{most} downloads at once")
	check(not life.faulty or most == 4, "the server was never loaded")
	equal(Known(life.bench).left(life.bench), [], "not upgraded")


# ---- what is stored ----

def mount(life, path, options):
	libc = ctypes.CDLL(None, use_errno=True)
	os.makedirs(path, 0o700)
	if libc.mount(b"tmpfs", path.encode(), b"tmpfs", 0 if "ro" not in options.split(",") else 1,
			",".join(option for option in options.split(",") if option != "ro").encode()) != 0:
		raise rig.Skip("cannot mount a file system here")
	life.bench.closing.callback(libc.umount2, path.encode(), 2)


def fill(life):
	if not life.faulty:
		return
	with open(life.bench.path("state", "filler"), "wb", buffering=0) as file, contextlib.suppress(OSError):
		while True:
			file.write(b"0" * 1024)


def make_room(life):
	if life.faulty:
		os.unlink(life.bench.path("state", "filler"))


def disk_full_at_start(life):
	mount(life, life.bench.path("state"), "size=2m,mode=0700")
	daemon = life.bench.daemon()
	daemon.log.wait(r" pump: .*is not there")
	fill(life)
	life.power()
	life.code = daemon.wait()
	life.judge_now()
	check(not life.faulty or daemon.log.find("cannot save the state in .*: No space left"), "it does not say so")
	make_room(life)
	life.finish()
	equal(life.known(), ("succeeded", ""), "when there is room again")


def disk_full_in_download(life):
	mount(life, life.bench.path("state"), "size=2m,mode=0700")
	life.power(offline="1s")
	daemon = life.bench.daemon(once=False)
	life.bench.transcript.wait(r" pump < GTOTA DOWNLOADING: [1-5]\d%")
	fill(life)
	life.restored(daemon)
	if life.faulty:
		equal(len(daemon.log.find("cannot save the state in .*: No space left")), 1, "lines about the disk")
		make_room(life)
		daemon.log.wait("can be saved again")
	equal(daemon.stop(), 0, "exit code of fotad")


def database_corrupt(life):
	life.modem.faults.append("late-answer command=+CPIN time=1s")  # there it is killed
	life.power()
	first = life.bench.daemon(once=False)
	life.bench.transcript.wait(r" > AT\+CPIN\?")
	first.kill()
	first.wait()
	life.ask_store("PRAGMA wal_checkpoint(TRUNCATE)")
	if life.faulty:
		with open(life.bench.path("state", "fotad.db"), "r+b") as file:
			size = file.seek(0, os.SEEK_END)
			file.seek(0)
			file.write(b"\xa5" * max(size, 8192))
	daemon = life.finish()
	check(not life.faulty or daemon.log.find(r"was damaged: what was left of it is .*\.corrupt-"), "it does not say so")


def database_newer(life):
	life.make_store()
	if life.faulty:
		life.ask_store("PRAGMA user_version = 99")
	life.power()
	daemon = life.finish()
	if life.faulty:
		check(daemon.log.find("written by a newer fotad"), "it does not say so")
		equal(life.ask_store("PRAGMA user_version")[0][0], 99, "version of the store")


def old_store(life):
	"""A store as an earlier fotad has left it."""
	state = life.bench.path("state")
	os.makedirs(state, 0o700)
	with open(os.path.join(rig.SOURCE, "tests", "unit", "store-schema-1.sql"), encoding="utf-8") as script, \
			contextlib.closing(sqlite3.connect(os.path.join(state, "fotad.db"))) as store:
		store.executescript(script.read())
	return life.ask_store("SELECT modem, imei, state FROM jobs ORDER BY id")


def migration_killed(life):
	jobs = old_store(life)
	config = life.bench.write("empty.json", '{"version": 1}')
	kills = 0
	while life.faulty:
		log = life.bench.path("calls")
		daemon = life.bench.daemon(config=config, environment={"ASAN_OPTIONS": "detect_leaks=0"},
			prefix=[lives.AT_CALL, f"--log={log}", "--calls=pwrite64", f"--kill={kills + 1}"])
		code = daemon.wait()
		if code == rig.SKIPPED:
			raise rig.Skip("processes cannot be traced here")
		if code != KILLED:
			equal(code, 0, "exit code when nothing is killed any more")
			break
		kills += 1
	check(not life.faulty or kills >= 5, f"{kills} kills only")
	equal(life.bench.daemon(config=config).wait(), 0, "exit code after the migration")
	check(life.ask_store("PRAGMA user_version")[0][0] > 1, "the store was not migrated")
	equal(life.ask_store("SELECT modem, imei, state FROM jobs ORDER BY id"), jobs, "jobs")
	life.power()
	life.finish()


def state_missing(life):
	life.power()
	path = life.bench.path("missing", "deep")
	if not life.faulty:
		os.makedirs(path, 0o700)
		os.symlink(path, life.bench.path("state"))
	life.finish(state=None, environment={"STATE_DIRECTORY": path})


def state_read_only(life):
	life.power()
	state = life.bench.path("state")
	if life.faulty:
		mount(life, state, "ro,size=1m")
	life.finish()


def state_of_another_owner(life):
	if os.geteuid() != 0:
		raise rig.Skip("only root can give a directory to somebody else")
	life.power("--mode=666")
	more = unprivileged(life)
	if life.faulty:
		os.chown(life.bench.path("state"), 0, 0)
	life.finish(**more)


# ---- processes ----

def kill(life, pattern):
	"""SIGKILL at a moment of the transcript, and another fotad."""
	life.power(offline="600ms")
	if life.faulty:
		first = life.bench.daemon(once=False)
		life.bench.transcript.wait(pattern)
		first.kill()
		equal(first.wait(), -signal.SIGKILL, "exit code of the one that was killed")
	life.finish()


def no_memory(life):
	life.power()
	report, failed = life.bench.path("failed"), []
	sanitizers = "detect_leaks=0:verify_asan_link_order=0:allocator_may_return_null=1"
	for number in (100, 5000, 4100, 4200, 4300, 4400) if life.faulty else ():
		daemon = life.bench.daemon(prefix=["env", f"LD_PRELOAD={FAIL_MALLOC}"],
			environment={"FAIL_AT": str(number), "FAIL_REPORT": report, "ASAN_OPTIONS": sanitizers})
		code = daemon.wait()
		check(code in EXIT_CODES, f"exit code {code} when allocation {number} fails")
		with open(report, encoding="ascii") as file:
			failed.append(int(file.read().split()[1]))
		os.unlink(report)
	check(not life.faulty or sum(failed) >= 3, f"allocations that failed: {failed}")
	life.finish()


def no_descriptors(life):
	"""Whose port can be opened is upgraded; who is left without is told so, and nobody is harmed."""
	for i in range(MORE):
		life.bench.modem(f"more-{i}", life.row.family)
	life.power()
	daemon = life.finish(prefix=["prlimit", "--nofile=32"] if life.faulty else [])
	known = Known(life.bench)
	left = known.left(life.bench)
	if not life.faulty:
		equal(left, [], "not upgraded")
		return
	check(0 < len(left) < MORE + 1, f"{len(left)} of {MORE + 1} were left")
	equal({known.words.get(name) for name in left}, {("waiting", "shortage")}, "those who were left")
	check(daemon.log.find(rf" {left[0]}: .*Too many open files"), "it does not say why")
	life.verdict, life.starts = known.words[left[0]], len(starts_of(life.bench, left[0]))


def stopped_for_a_while(life):
	life.power(offline="1s")
	daemon = life.bench.daemon()
	life.bench.transcript.wait(r" < GTOTA DOWNLOADING: [2-5]\d%")
	if life.faulty:
		daemon.kill(signal.SIGSTOP)
		life.bench.transcript.wait(" ! running")
		daemon.kill(signal.SIGCONT)
	life.code = daemon.wait()


def second_daemon(life):
	life.power()
	first = life.bench.daemon(once=False)
	first.log.wait("watches 1 modem")
	if life.faulty:
		second = life.bench.daemon()
		life.code = second.wait()
		check(second.log.find("another fotad holds it"), "the second does not say why")
	life.restored(first)
	equal(first.stop(), 0, "exit code of the first")
	equal(len(starts_of(life.bench, "pump")), 1, "starts of both")


def no_bus(life):
	life.power()
	nowhere = f"unix:path={life.bench.path('nowhere')}"
	life.finish(environment={"DBUS_SYSTEM_BUS_ADDRESS": nowhere, "DBUS_SESSION_BUS_ADDRESS": nowhere} if life.faulty else {})


def no_journal(life):
	"""fotad is told that its stderr is the journal, and the journal's socket is not there."""
	script = 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); export JOURNAL_STREAM; exec "$@"'
	life.power()
	prefix = ["sh", "-c", script, "sh"]
	if os.path.exists("/run/systemd/journal"):
		prefix = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /run/systemd/journal || exit 77; " + script, "sh"]
	daemon = life.finish(prefix=prefix if life.faulty else [])
	if life.code == rig.SKIPPED:
		raise rig.Skip("this machine's journal cannot be hidden")
	check(not life.faulty or not daemon.log.find(" notice"), "it did not take its stderr for the journal")


def log_full(life):
	fifo = life.bench.path("log.fifo")
	os.mkfifo(fifo)
	descriptor = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
	life.bench.closing.callback(os.close, descriptor)
	with contextlib.suppress(BlockingIOError):
		while life.faulty:
			os.write(descriptor, b"x" * 4096)
	life.power()
	life.code = life.bench.daemon("--log-level=debug", prefix=["sh", "-c", f'exec "$@" 2>{shlex.quote(fifo)}', "sh"]).wait()


def no_standard_streams(life):
	"""Who closes them before it starts fotad must not find them to be ports, or the store."""
	life.power()
	life.finish(prefix=["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"] if life.faulty else [])
	strange = [line for line in life.bench.sent() if not line.startswith("AT")]
	equal(strange, [], "what is no command")

