"""The bench of the integration tests: the real fotad and the real fota-sim, real servers, real pseudo-terminals.

A Bench is a private directory with servers, packages, modems and one configuration. What a process says arrives line by
line in a Lines, where a test waits for it; nothing sleeps, every wait has an end. Who is right is decided by the
simulator's own counters (truth) and by the servers' logs; what fotad says must then agree.

Environment: $FOTAD and $FOTA_SIM (else those of $FOTAD_BUILDDIR, or of the current directory), $FOTAD_SRCDIR.
"""
import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback

SOURCE = os.environ.get("FOTAD_SRCDIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("FOTAD_BUILDDIR") or os.getcwd()
FOTAD = os.environ.get("FOTAD") or os.path.join(BUILD, "fotad")
FOTA_SIM = os.environ.get("FOTA_SIM") or os.path.join(BUILD, "fota-sim")

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SOURCE, "tests", "demo"))
import servers
from process import PATIENCE, Failure, Lines, Notifications, Peer, Process, Stream

SKIPPED = 77
SIZE = 60_000  # of a package

# Small, so that a test can wait for them; long enough for a busy machine.
TIMEOUTS = {"command": "2s", "identify": "2s", "register": "4s", "pdp": "4s", "start": "3s", "stall": "2s",
	"download": "10s", "leave": "4s", "return": "8s", "settle": "300ms"}
RETRY = {"attempts": 1, "delay": "200ms", "max_delay": "200ms"}
NO_HALT = {"failures": "100%", "after": 1000}  # modems with faults of every kind share a campaign

RESTORED = "settings are as they were before|refuses to have a setting put back"  # said after the verdict

# What the modules of a family run, and what they shall run.
VERSIONS = {
	"L610": ("16000.1000.00.01.28", "16000.1000.00.01.29", "16000.1000.00.01.30"),
	"NL668": ("19006.1000.00.02.76.21", "19006.1000.00.02.76.22", "19006.1000.00.02.76.23"),
	"NL652": ("18010.1000.00.01.07.11", "18010.1000.00.01.07.12", "18010.1000.00.01.07.13"),
}
MODELS = {"L610": "L610-CN-62-36", "NL668": "NL668-EU-00", "NL652": "NL652-EU-00"}
NL668_VARIANTS = ("NL668-CN-00", "NL668-CN-80", "NL668-EAU-00", "NL668-AM-00", "NL668-EU-00", "NL668-EU-01",
	"NL668-EU-03", "NL668-JP-00", "NL668-JP-01", "NL668-LA-00")


class Skip(Exception):
	pass


def check(condition, text):
	if not condition:
		raise Failure(text)


def equal(got, wanted, what):
	check(got == wanted, f"{what}: {got!r}, and {wanted!r} is right")


# ---- the bench ----

def check_digit(digits):
	"""3GPP TS 23.003, B.2."""
	total = 0
	for place, digit in enumerate(digits):
		value = int(digit) * (place % 2 + 1)
		total += value // 10 + value % 10
	return str((10 - total % 10) % 10)


class Modem:
	def __init__(self, name, family, model, version, target, imei, faults, settings):
		self.name, self.family, self.model = name, family, model
		self.version, self.target, self.imei = version, target, imei
		self.faults = faults
		self.settings = settings


class Bench:
	def __init__(self, name):
		self.directory = tempfile.mkdtemp(prefix=f"fotad-{name}-")
		os.chmod(self.directory, 0o711)  # the servers are nobody when this is root
		self.closing = contextlib.ExitStack()
		self.config = {"version": 1, "limits": {"max_parallel": 128}, "modems": [], "packages": [], "campaigns": [],
			"timeouts": dict(TIMEOUTS)}
		self.modems = {}
		self.bench = self.web_server = self.ftp_server = None
		self.lives = []  # every fotad that was started
		self.passwords = {}

	def close(self):
		self.closing.close()

	def path(self, *parts):
		return os.path.join(self.directory, *parts)

	def write(self, name, text, mode=0o644):
		path = self.path(name)
		os.makedirs(os.path.dirname(path), exist_ok=True)
		with open(path, "w", encoding="utf-8") as file:
			file.write(text)
		os.chmod(path, mode)
		return path

	# servers and what they hold

	def web(self, rate=0):
		if self.web_server is None:
			os.mkdir(self.path("www"), 0o755)
			try:
				self.web_server = servers.web_server(self.directory, self.path("www"), rate)
			except FileNotFoundError as error:
				raise Skip(str(error)) from None
			self.closing.callback(self.web_server.stop)
		return self.web_server

	def ftp(self, user="fota", password="secret-of-the-bench"):
		if self.ftp_server is None:
			if subprocess.run(["/usr/bin/python3", "-c", "import pyftpdlib"], stderr=subprocess.DEVNULL,
					check=False).returncode != 0:
				raise Skip("python3-pyftpdlib is not installed")
			os.mkdir(self.path("ftp"), 0o755)
			self.ftp_server = servers.ftp_server(self.directory, self.path("ftp"), user, password)
			self.ftp_server.user = user
			self.credential("fota-ftp", password)
			self.closing.callback(self.ftp_server.stop)
		return self.ftp_server

	def credential(self, name, password):
		self.write(f"credentials/{name}", password + "\n", 0o600)
		self.passwords[name] = password

	def make_package(self, path, model, base, target, size=SIZE):
		os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
		subprocess.run([FOTA_SIM, f"--make-package={path}", f"--model={model}", f"--from={base}", f"--to={target}",
			f"--size={size}"], check=True, stdin=subprocess.DEVNULL)
		os.chmod(path, 0o644)

	def http(self, model, base, target, size=SIZE, file=None, **more):
		"""A package on the web server, and in the configuration."""
		server = self.web()
		file = file or f"{model}-{base}-{target}.bin"
		self.make_package(self.path("www", file), model, base, target, size)
		self.config["packages"].append({"model": model, "from": base, "to": target, "size": size,
			"http": {"url": f"http://{server.host}/{file}"}, **more})
		return file

	def over_ftp(self, model, base, target, size=SIZE, file=None, **more):
		server = self.ftp()
		file = file or f"{model}-{base}-{target}.bin"
		self.make_package(self.path("ftp", file), model, base, target, size)
		self.config["packages"].append({"model": model, "from": base, "to": target, "size": size,
			"ftp": {"server": server.host, "file": file, "username": server.user,
				"password": {"credential": "fota-ftp"}}, **more})
		return file

	def web_bytes(self, file):
		"""Of each complete answer with this file, by nginx's own access log."""
		with open(self.path("nginx", "access.log"), encoding="utf-8", errors="replace") as log:
			return [int(m[1]) for m in re.finditer(rf'"GET /{re.escape(file)}[? ][^"]*" 200 (\d+)', log.read())]

	def ftp_bytes(self, file):
		"""Of each complete transfer of this file, by the FTP server's own log."""
		with open(self.path("server.log"), encoding="utf-8", errors="replace") as log:
			return [int(m[1]) for m in re.finditer(rf"RETR \S*/{re.escape(file)} completed=1 bytes=(\d+)", log.read())]

	# modems

	def modem(self, name, family="L610", *faults, model=None, version=None, target=None, imei=None, keys="",
			configured=True, **settings):
		"""A modem of the simulator and, when configured, one of fotad. settings are fotad's; keys the scenario's."""
		first, second, _ = VERSIONS[family.removesuffix("-old")]
		number = len(self.modems) + 1
		imei = imei or f"86123456{number:06}" + check_digit(f"86123456{number:06}")
		m = Modem(name, family, model or MODELS[family.removesuffix("-old")], version or first, target or second, imei, list(faults), settings)
		m.keys = keys
		self.modems[name] = m
		if configured:
			self.config["modems"].append({"name": name, "port": self.path("ports", name), **settings})
		return m

	def campaign(self, name, target, members=None, **settings):
		campaign = {"name": name, "target": target, "retry": dict(RETRY), "halt": dict(NO_HALT), **settings}
		if members is not None:
			campaign["modems"] = {"names": list(members)}
		self.config["campaigns"].append(campaign)
		return campaign

	def campaigns_by_target(self, **settings):
		"""One campaign for each target that modems have."""
		for target in sorted({m.target for m in self.modems.values()}):
			members = [m.name for m in self.modems.values() if m.target == target]
			self.campaign("to-" + target.rsplit(".", 1)[1], target, members, **settings)

	def scenario(self, default):
		lines = [f"default {default}"]
		for m in self.modems.values():
			lines.append(f"modem {m.name} family={m.family} model={m.model} version={m.version} imei={m.imei} {m.keys}")
			lines += [f"fault {m.name} {fault}" for fault in m.faults]
		return self.write("scenario", "\n".join(lines) + "\n")

	def start_modems(self, *options, default="boot-time=200ms apply-time=200ms", rate=120_000):
		scenario = self.scenario(default)
		reader, writer = os.pipe()
		self.bench = Process([FOTA_SIM, f"--scenario={scenario}", f"--directory={self.path('ports')}",
			f"--transcript=/proc/self/fd/{writer}", f"--truth={self.path('truth.json')}", f"--rate={rate}", *options],
			self.path("fota-sim.log"), pass_fds=[writer])
		os.close(writer)
		self.closing.callback(self.bench.close)
		self.transcript = Stream(reader, self.path("transcript"))
		self.bench.log.wait("^READY:", timeout=20)

	def truth(self):
		"""Ends the simulator. What it says has really happened: {name: modem}."""
		equal(self.bench.stop(), 0, "exit code of fota-sim")
		self.transcript.thread.join(PATIENCE)
		with open(self.path("truth.json"), encoding="utf-8") as file:
			return {modem["name"]: modem for modem in json.load(file)["modems"]}

	# the daemon

	def write_config(self, name="fotad.json"):
		return self.write(name, json.dumps(self.config, indent="\t") + "\n")

	def daemon(self, *options, once=True, state="state", config=None, prefix=(), program=FOTAD, environment=None,
			**more):
		"""Starts fotad. more goes to Popen."""
		config = config or self.write_config()
		if state and not os.path.isabs(state):
			state = self.path(state)
			os.makedirs(state, 0o700, exist_ok=True)
		inherited = {key: value for key, value in os.environ.items()
			if key not in ("JOURNAL_STREAM", "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "WATCHDOG_USEC")}
		environment = {**inherited, "CREDENTIALS_DIRECTORY": self.path("credentials"), **(environment or {})}
		arguments = [*prefix, program, f"--config={config}", "--bus=none", *options]
		arguments += [f"--state-dir={state}"] if state else []
		arguments += ["--once"] if once else []
		daemon = Process(arguments, self.path(f"fotad-{len(self.lives) + 1}.log"), env=environment, **more)
		self.lives.append(daemon)
		self.closing.callback(daemon.close)
		return daemon

	def jobs(self, state="state"):
		"""What fotad remembers: {modem: its last row}."""
		with contextlib.closing(sqlite3.connect(f"file:{self.path(state, 'fotad.db')}?mode=ro", uri=True)) as store:
			store.row_factory = sqlite3.Row
			return {row["modem"]: dict(row) for row in store.execute("SELECT * FROM jobs ORDER BY id")}

	def received(self, name):
		"""Bytes of each download of this modem, by the simulator's transcript."""
		return [int(re.search(r"download-end (\d+)", line)[1])
			for line in self.transcript.find(rf"^\d+ {re.escape(name)} ! download-end \d+$")]

	def sent(self, name=r"\S+"):
		"""The lines that fotad sent to this modem."""
		return [line.split(" > ", 1)[1] for line in self.transcript.find(rf"^\d+ {name} > ")]


# ---- judging ----

MUST_BE_0 = ("gtota_malformed", "gtota_while_busy", "starts_without_callbreak", "settings_before_identity",
	"resets_commanded", "resets_while_busy", "commands_while_downloading", "not_raw")


def judge_conduct(name, truth, except_for=()):
	"""What must hold of every modem, however its upgrade ended."""
	for counter in MUST_BE_0:
		if counter not in except_for:
			equal(truth[counter], 0, f"{name}: {counter}")
	if truth["family"] == "L610":
		equal(truth["starts_without_pdp"], 0, f"{name}: starts_without_pdp")
	for counter in ("bytes_while_applying", "bytes_while_executing"):
		if counter not in except_for:
			equal(truth[counter], 0, f"{name}: {counter}")
	if "settings" not in except_for:
		equal((truth["callbreak"], truth["gprsfirst"]), (0, 0), f"{name}: settings restored")
		check("pdp" in except_for or not truth["pdp_active"], f"{name}: its PDP context is left open")


def judge_success(bench, modem, truth, hops=1, except_for=()):
	judge_conduct(modem.name, truth, except_for)
	equal(truth["version"], modem.target, f"{modem.name}: version")
	equal(truth["imei"], modem.imei, f"{modem.name}: IMEI")
	equal(truth["packages_applied"], hops, f"{modem.name}: packages applied")


def judge_word(bench, modem, state, reason=""):
	"""What fotad remembers, and what it has said in one of its lives."""
	job = bench.jobs().get(modem.name)
	check(job, f"{modem.name}: fotad knows no job")
	equal((job["state"], job["reason"]), (state, reason), f"{modem.name}: fotad's verdict")
	pattern = rf" {modem.name}: (succeeded: )?runs {re.escape(modem.target)}, " if state == "succeeded" else \
		rf" {modem.name}: (left: )?{state} \({reason}\)"
	check(any(life.log.find(pattern) for life in bench.lives), f"{modem.name}: fotad does not say: {state} {reason}")


# ---- small things ----

def most_at_once(pairs):
	"""Of (begin, end): who ends at the moment another begins has made room."""
	events = sorted([(begin, 1) for begin, _ in pairs] + [(end, -1) for _, end in pairs])
	now = most = 0
	for _, change in events:
		now += change
		most = max(most, now)
	return most


def campaign_order(campaign, modems):
	"""In which order a campaign goes through its modems, whatever else is configured (lib/core/campaign.c)."""
	mask = 2 ** 64 - 1

	def rank(modem):
		x = 0xcbf29ce484222325
		for byte in campaign.encode() + b"\0" + modem.encode():
			x = (x ^ byte) * 0x100000001b3 & mask
		for factor in 0xff51afd7ed558ccd, 0xc4ceb9fe1a85ec53:
			x = (x ^ x >> 33) * factor & mask
		return x ^ x >> 33

	return sorted(modems, key=rank)


def run_once(bench, timeout=PATIENCE, wanted=0, **options):
	"""Modems and daemon, to the end: (daemon, truth). wanted: the exit code; None: the caller looks closer."""
	if bench.bench is None:
		bench.start_modems()
	daemon = bench.daemon(**options)
	code = daemon.wait(timeout)
	if wanted is not None:
		equal(code, wanted, "exit code of fotad")
	return daemon, bench.truth()


benches = {}  # that are open, by the thread that works with them


def leave(_number, _frame):
	"""Asked to stop: nothing is left behind."""
	for bench in list(benches.values()):
		bench.close()
	os._exit(1)


def main(*tests, workers=4):
	"""Runs them, some at the same time, for they mostly wait; names in the arguments choose. Exits."""
	for number in signal.SIGTERM, signal.SIGHUP, signal.SIGINT:
		signal.signal(number, leave)
	for program in FOTAD, FOTA_SIM:
		if not os.access(program, os.X_OK):
			print(f"{program} is not built")
			sys.exit(1)
	named = [(test.__name__.removeprefix("test_").replace("_", "-"), test) for test in tests]
	named = [(name, test) for name, test in named if not sys.argv[1:] or name in sys.argv[1:]]
	with concurrent.futures.ThreadPoolExecutor(workers) as pool:
		results = list(pool.map(lambda pair: run(*pair), named))
	print(", ".join(f"{results.count(what)} {what}" for what in sorted(set(results))))
	sys.exit(1 if "failed" in results or not results else 0 if "passed" in results else SKIPPED)


def run(name, test):
	bench = benches[name] = Bench(name)
	begin = time.monotonic()
	result, text = "failed", ""
	try:
		test(bench)
		result = "passed"
	except Skip as skip:
		result, text = "skipped", f": {skip}"
	except Failure as failure:
		text = f": {failure}"
	except Exception:  # pylint: disable=broad-except; whatever it is, the others go on
		text = f": {traceback.format_exc()}"
	finally:
		bench.close()
		del benches[name]
	kept = f"\n  see {bench.directory}" if result == "failed" else ""
	print(f"{result}: {name} ({time.monotonic() - begin:.1f} s){text}{kept}", flush=True)
	if not kept:
		shutil.rmtree(bench.directory, ignore_errors=True)
	return result
