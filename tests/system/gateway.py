"""A test's view of the gateway: the bench of the integration tests, with the packages installed in a Container.

fotad is the unit of the package under systemd, fota-sim the program of its package. The servers run outside, on the
loopback of the container.
"""
import json
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
import rig
from process import Process, Stream

CONFIG = "/etc/fotad/fotad.json"
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

	def start_service(self):
		"""Follows its journal, and starts it."""
		self.put_config()
		self.run("systemctl", "stop", "fotad")
		after = [f"--after-cursor={self.begin}"] if self.begin else []
		follower = Process(self.container.arguments("setpriv", "--pdeathsig", "KILL", "journalctl", "-q", "-f", "-o", "short",
			"--no-tail", *after, "-u", "fotad"), self.path("journal"))
		self.closing.callback(follower.close)
		self.lives.append(follower)
		self.log = follower.log
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


def main(container, *tests):
	"""One after the other: they share the gateway. Exits."""
	def leave(_number, _frame):
		container.close()
		os._exit(1)

	rig.leave = leave
	rig.Bench = lambda name: Gateway(container, name)
	rig.main(*tests, workers=1)
