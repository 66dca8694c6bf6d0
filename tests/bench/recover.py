"""From a start after SIGKILL, with 100,000 stored jobs, to the first byte of AT on a port."""
import json
import os
import select
import sqlite3
import subprocess
import tempfile
import time
import tty

import measure as m

MODEM = "pump"
PATIENCE = 10  # seconds
ROWS = os.path.join(os.environ.get("FOTAD_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."),
	"tests", "integration", "many-jobs.sql")


class Site:
	def __init__(self, directory):
		self.port, self.state = os.path.join(directory, MODEM), os.path.join(directory, "state")
		configuration = os.path.join(directory, "fotad.json")
		with open(configuration, "w", encoding="utf-8") as file:
			json.dump({"version": 1, "modems": [{"name": MODEM, "port": self.port}]}, file)
		os.mkdir(self.state, 0o700)
		self.command = [m.FOTAD, f"--config={configuration}", f"--state-dir={self.state}", "--bus=none"]
		self.quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": m.environment()}

	def fill(self):
		subprocess.run([*self.command, "--acknowledge"], check=True, **self.quiet)  # makes the tables
		with open(ROWS, encoding="utf-8") as file:
			store = sqlite3.connect(os.path.join(self.state, "fotad.db"))
			store.executescript(file.read())
			store.close()

	def first_byte(self):
		"""Milliseconds; killed as soon as it has asked. A port that is mute, and a new one each time."""
		master, slave = os.openpty()
		tty.setraw(slave)
		os.symlink(os.ttyname(slave), self.port)
		begin = time.monotonic()
		child = subprocess.Popen(self.command, **self.quiet)
		asked = select.select([master], [], [], PATIENCE)[0]
		end = time.monotonic()
		child.kill()
		child.wait()
		os.unlink(self.port)
		os.close(master)
		os.close(slave)
		if not asked:
			raise RuntimeError("nothing is sent")
		return (end - begin) * 1000


def first_bytes(times):
	with tempfile.TemporaryDirectory(prefix="fotad-bench-") as directory:
		site = Site(directory)
		site.fill()
		site.first_byte()  # the first of them is killed as well
		return [site.first_byte() for _ in range(times)]
