"""A test's view of the gateway: the bench of the integration tests, with the packages installed in a Container.

fotad is the unit of the package under systemd, fota-sim the program of its package. The servers run outside, on the
loopback of the container.
"""
import json
import os
import shutil
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
import rig
from container import Container, Impossible, require
from process import Process, Stream

CONFIG = "/etc/fotad/fotad.json"
EXAMPLES = "/usr/share/doc/fotad/examples/fotad.service.d"
DEBUG = "ExecStart=\nExecStart=/usr/sbin/fotad --log-level=debug"  # for a drop-in
DROP_INS = "/run/systemd/system/fotad.service.d"


class Unit(Process):
	"""A program inside, as a unit of systemd: it has no terminal, no parent and no descriptor of ours but its output."""

	def __init__(self, container, name, arguments, log):
		self.container, self.name = container, name
		super().__init__(container.arguments("systemd-run", "--quiet", "--collect", "--wait", "--pipe", f"--unit={name}",
			"-p", "LimitNOFILE=20000", *arguments), log)

	def kill(self, number=None):
		if self.is_alive():
			self.container.run("systemctl", "kill", "-s", str(int(number or 9)), self.name, check=False)


class Gateway(rig.Bench):
	def __init__(self, container, name):
		super().__init__(name)
		self.container = container
		self.run = container.run
		self.ports = f"/run/{name}"
		self.closing.callback(self.clean)
		_, _, self.begin = self.run("journalctl", "-n", "1", "--show-cursor").rpartition("-- cursor: ")
		self.begin = self.begin.strip()

	def clean(self):
		"""As if fotad were just installed."""
		self.run("systemctl", "stop", "fotad", check=False)
		self.run("rm", "-rf", DROP_INS, "/etc/credstore", "/var/lib/fotad", self.ports)
		self.run("systemctl", "daemon-reload")
		self.run("systemctl", "reset-failed")

	def path(self, *parts):
		return os.path.join(self.ports, *parts[1:]) if parts[:1] == ("ports",) else super().path(*parts)

	# modems

	def start_modems(self, *options, default="boot-time=200ms apply-time=200ms", rate=120_000):
		scenario = self.scenario(default)
		os.mkfifo(self.path("transcript.fifo"))
		reader = os.open(self.path("transcript.fifo"), os.O_RDONLY | os.O_NONBLOCK)
		self.bench = Unit(self.container, "modems", ["fota-sim", f"--scenario={scenario}", f"--directory={self.ports}",
			"--mode=0666", f"--transcript={self.path('transcript.fifo')}", f"--truth={self.path('truth.json')}", f"--rate={rate}",
			*options], self.path("fota-sim.log"))
		self.closing.callback(self.bench.close)
		self.bench.log.wait("^READY:", timeout=20)
		os.set_blocking(reader, True)
		self.transcript = Stream(reader, self.path("transcript"))

	# the service

	def drop_in(self, name, text):
		self.container.write(f"{DROP_INS}/{name}.conf", f"[Service]\n{text}\n")
		self.run("systemctl", "daemon-reload")

	def put_config(self, text=None):
		"""Not by a rename: as an editor would, and as root."""
		self.container.write(CONFIG, text or json.dumps(self.config, indent="\t") + "\n", 0o644)

	def put_credential(self, name, password):
		self.container.write(f"/etc/credstore/{name}", password + "\n", 0o600)

	def follow(self):
		"""Its journal, which is written behind the service's back: who looks once may look too early."""
		after = [f"--after-cursor={self.begin}"] if self.begin else []
		follower = Process(self.container.arguments("setpriv", "--pdeathsig", "KILL", "journalctl", "-q", "-f", "-o", "short",
			"--no-tail", *after, "-u", "fotad"), self.path("journal"))
		self.closing.callback(follower.close)
		self.lives.append(follower)
		self.log = follower.log

	def start_service(self):
		"""Follows its journal, and starts it."""
		self.put_config()
		self.run("systemctl", "stop", "fotad")
		self.follow()
		self.run("systemctl", "start", "fotad")

	def show(self, *properties):
		"""Properties of the unit: one value, or a list of them."""
		said = self.run("systemctl", "show", "--value", *[f"--property={name}" for name in properties], "fotad")
		values = dict(line.split("=", 1) for line in self.run("systemctl", "show",
			*[f"--property={name}" for name in properties], "fotad").splitlines())
		return [values[name] for name in properties] if len(properties) > 1 else said.strip()

	def journal(self, **fields):
		"""Every entry of fotad since the test began that has these fields, as dictionaries."""
		# Not journalctl's own filter: together with --after-cursor it loses the first match.
		after = [f"--after-cursor={self.begin}"] if self.begin else []
		entries = map(json.loads, self.run("journalctl", "-q", "-o", "json", *after).splitlines())
		fields["_SYSTEMD_UNIT"] = "fotad.service"
		return [entry for entry in entries if all(entry.get(name) == value for name, value in fields.items())]

	def stop_service(self):
		self.run("systemctl", "stop", "fotad")
		rig.equal(self.show("Result", "ExecMainStatus"), ["success", "0"], "how fotad ended")

	def jobs(self, state="state"):
		"""When fotad is stopped."""
		self.run("cp", "-r", "/var/lib/fotad", self.path(state))
		self.run("chmod", "-R", "a+rX", self.path(state))
		jobs = super().jobs(state)
		self.run("rm", "-r", self.path(state))
		return jobs

	def judge(self, *modems, **more):
		"""The simulator ends, fotad too, and both say that these have been upgraded."""
		self.stop_service()
		truth = self.truth()
		for modem in modems or self.modems.values():
			rig.judge_success(self, modem, truth[modem.name], **more)
			rig.judge_word(self, modem, "succeeded")
		return truth

	# what most tests begin and end with

	def one_modem(self, family="L610", *faults, size=rig.SIZE, rate=0):
		m = self.modem("pump", family, *faults)
		self.web(rate=rate)
		self.http(m.model, m.version, m.target, size=size)
		self.campaigns_by_target()
		self.start_modems()
		return m

	def in_mid_download(self, family="L610"):
		m = self.one_modem(family, size=240_000, rate=60_000)
		self.start_service()
		self.log.wait(" pump: [1-9][0-9]* % downloaded")
		return m

	def finish(self, m):
		"""The upgrade that was interrupted ends well, and was started once."""
		self.log.wait(" pump: succeeded")
		self.log.wait(rig.RESTORED)
		truth = self.judge(m)[m.name]
		rig.equal(truth["gtota_received"], 1, "+GTOTA")


def main(*tests):
	"""Those of $FOTAD_SHARE (N/M: each M-th, from the N-th on), one after the other: they share a gateway. Exits."""
	if sys.argv[1:] and not {test.__name__.removeprefix("test_").replace("_", "-") for test in tests} & set(sys.argv[1:]):
		sys.exit(0)  # another program has it
	try:
		require()
		container = Container(os.environ["FOTAD_ROOTFS"])
	except Impossible as reason:
		print(f"skipped: {reason}")
		sys.exit(rig.SKIPPED)

	def leave(_number, _frame):
		container.close()
		os._exit(1)

	try:
		container.packages = [shutil.copy(package, container.directory) for package in os.environ["FOTAD_PACKAGES"].split()]
		container.run("dpkg", "-i", *container.packages)
		rig.leave = leave
		rig.Bench = lambda name: Gateway(container, name)
		number, of = map(int, os.environ.get("FOTAD_SHARE", "1/1").split("/"))
		rig.main(*tests[number - 1::of], workers=1)
	finally:
		container.close()
