"""fotactl in the integration tests: how it is run, and what in its output is another one each time."""
import json
import os
import re
import shutil
import subprocess
import time

import busrig
import rig
from rig import VERSIONS

FOTACTL = os.environ.get("FOTACTL") or os.path.join(rig.BUILD, "fotactl")
L28, L29, _ = VERSIONS["L610"]
N21, N22, _ = VERSIONS["NL668"]
SCHEMA = os.path.join(rig.SOURCE, "conf", "fotactl-output.schema.json")


def environment(bus=None, **more):
	kept = {key: value for key, value in os.environ.items()
		if key not in ("NO_COLOR", "COLUMNS", "DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS", "TERM")}
	bus = {"DBUS_SYSTEM_BUS_ADDRESS": bus.address} if bus else {}
	return {**kept, "LC_ALL": "C.UTF-8", "TZ": "UTC", "FOTAD": rig.FOTAD, **bus, **more}


class Ctl:
	def __init__(self, bench, bus):
		self.bench, self.bus = bench, bus

	def run(self, *arguments, prefix=(), **more):
		"""(exit code, stdout, stderr)"""
		done = subprocess.run([*prefix, FOTACTL, *arguments], env=environment(self.bus, **more), stdin=subprocess.DEVNULL,
			capture_output=True, cwd=self.bench.directory, timeout=rig.PATIENCE, check=False)
		return done.returncode, done.stdout.decode(), done.stderr.decode()

	def text(self, *arguments, code=0, **more):
		got, out, err = self.run(*arguments, **more)
		rig.equal(got, code, f"exit code of fotactl {' '.join(arguments)} ({out}{err})")
		return out

	def json(self, *arguments, code=0):
		return json.loads(self.text("--json=short", *arguments, code=code))

	def job_of(self, name):
		return next(job for job in self.json("jobs")["jobs"] if job["modem"] == name)


class Terminal:
	"""A tmux server of its own with one pane, in which a shell waits for commands."""

	def __init__(self, bench, bus, width=80, height=24, **more):
		if not shutil.which("tmux"):
			raise rig.Skip("tmux is not installed")
		self.bench = bench
		self.socket = bench.path("tmux")
		self.environment = environment(bus, TERM="xterm-256color", HOME=bench.directory, **more)
		self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), "sh")
		bench.closing.callback(self.tmux, "kill-server", check=False)
		self.wait(r"^[#$] *$")
		self.type("PS1='$ '; clear")
		self.wait(r"^\$ *$", absent="PS1")

	def tmux(self, *arguments, check=True):
		return subprocess.run(["tmux", "-S", self.socket, *arguments], env=self.environment, cwd=self.bench.directory,
			capture_output=True, text=True, timeout=rig.PATIENCE, check=check).stdout

	def keys(self, *keys):
		self.tmux("send-keys", *keys)

	def type(self, line):
		self.keys("-l", line)
		self.keys("Enter")

	def resize(self, width, height):
		self.tmux("resize-window", "-x", str(width), "-y", str(height))

	def screen(self, *options):
		return self.tmux("capture-pane", "-p", *options)

	def wait(self, pattern, timeout=rig.PATIENCE, absent=None):
		"""Until the screen shows this; what it shows then."""
		end = time.monotonic() + timeout
		while time.monotonic() < end:
			screen = self.screen()
			if re.search(pattern, screen, re.M) and not (absent and re.search(absent, screen, re.M)):
				return screen
		raise rig.Failure(f"waited in vain for {pattern!r} on the screen:\n{screen}")

	def settings(self):
		"""What stty says, and whether the cursor is there and the shell's own screen is shown."""
		name = f"stty-{time.monotonic_ns()}"
		self.type(f"stty -g > {name}; echo {name}")
		self.wait(f"^{name}$")
		with open(self.bench.path(name), encoding="ascii") as file:
			return file.read(), self.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{wrap_flag}")


# ---- what is another one each time ----

MOMENT = re.compile(r"[A-Z][a-z]{2} (\d{4}-\d\d-\d\d) \d\d:\d\d:\d\d UTC")
REPLACED = [
	(r"(?m)^ *Clock: .*\n", ""),  # the host's
	(r"127\.0\.0\.1:\d+", "SERVER"),
	(r"\((in )?(?:(?:\d+(?:d|h|min|s|ms))(?: |(?=\))|(?= ago)))+( ago)?\)", "(\\1SPAN\\2)"),
	(r"(?<![.\d])0\.\d+\.\d+(?![.\d])", "VERSION"),
	(r"(\d{8})T\d{6}\.\d{6}Z", "DAY"),
	(r"\(now\)", "(SPAN ago)"),
]


def normal(bench, text):
	"""Without times, ports and directories. Columns that are as wide as those are do not stay in line."""
	if "/dev/pts/" in text or bench.directory in text:
		text = re.sub(r"(?<=\S) {2,}", "  ", re.sub(r"/dev/pts/\d+", "PTS", text))
	text = text.replace(bench.directory, "DIR")
	text = MOMENT.sub(lambda m: f"Day {m[1] if m[1].startswith('2099') else 'YYYY-MM-DD'} HH:MM:SS UTC", text)
	for pattern, word in REPLACED:
		text = re.sub(pattern, word, text)
	return text


def validator(name):
	import jsonschema  # pylint: disable=import-outside-toplevel; only here
	with open(SCHEMA, encoding="utf-8") as file:
		schema = json.load(file)
	jsonschema.Draft202012Validator.check_schema(schema)
	return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]})


# ---- what most tests begin with ----

def add_fleet(bench):
	bench.http("L610", L28, L29)
	bench.http("NL668", N21, N22)
	pumps = [bench.modem("pump-01"), bench.modem("pump-02", "L610", "fail percent=60 times=9")]
	meter = bench.modem("meter-01", "NL668")
	bench.modem("spare", "NL668", configured=False)
	bench.campaign("winter", L29, ["pump-01", "pump-02", "nowhere"], max_parallel=1)
	bench.campaign("spring", N22, ["meter-01"], not_before="2099-01-01T00:00:00Z", priority=2)
	bench.config["modems"].append({"name": "nowhere", "port": bench.path("ports", "nothing")})
	return pumps, meter


def settle(bench):
	"""One job after the other, so that each has the same number every time: 1 succeeds, 2 fails."""
	modems, whole = bench.config["modems"], bench.config["campaigns"]
	for n in 1, 2:
		names = [m["name"] for m in modems[:n]]
		bench.config["modems"] = modems[:n]
		bench.config["campaigns"] = [{**whole[0], "modems": {"names": names}}]
		rig.equal(bench.daemon().wait(), n - 1, "exit code of fotad")
	bench.config["modems"], bench.config["campaigns"] = modems, whole


def stage(bench, settled=False):
	"""fotad with a job that succeeds, one that fails, one that waits for 2099, and a port that is not there.

	Settled: the first two are over, and everything is at rest. A modem "spare" is there that nobody has configured.
	"""
	bus = busrig.Bus(bench)
	add_fleet(bench)
	bench.start_modems()
	if settled:
		settle(bench)
	daemon, client = busrig.fotad(bench, bus)
	for name in "pump-01", "pump-02":
		daemon.log.wait(rf" {name}: .*, runs ")
	daemon.log.wait(r" meter-01: not now \(not-before\)")
	return Ctl(bench, bus), daemon, client
