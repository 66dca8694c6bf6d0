#!/usr/bin/python3
"""What the journal gets: the fields that interface.md promises, each of the attempt that the line is about."""
import os
import re
import socket
import subprocess
import threading

import rig
from rig import VERSIONS

L28, L29, L30 = VERSIONS["L610"]

# Tells fotad that its stderr is the journal, and puts $0 where the journal's socket is looked for.
SCRIPT = """mount -t tmpfs none /run && mkdir -p /run/systemd/journal && mount --bind "$0" /run/systemd/journal || exit 77
JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) && export JOURNAL_STREAM && exec "$@"
"""


class Journal:
	"""Its end of the socket: every entry as a dictionary, until close()."""

	def __init__(self, bench, reading=True):
		os.mkdir(bench.path("journal"))
		if subprocess.run(["unshare", "-m", "sh", "-c", SCRIPT, bench.path("journal"), "env"], check=False,
				stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).returncode != 0:
			raise rig.Skip("no file system can be mounted here")
		self.prefix = ["unshare", "-m", "sh", "-c", SCRIPT, bench.path("journal")]
		self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		self.socket.bind(bench.path("journal", "socket"))
		self.path = bench.path("journal", "socket")
		self.entries = []
		self.thread = threading.Thread(target=self.read, daemon=True) if reading else None
		if self.thread:
			self.thread.start()
		bench.closing.callback(self.close)

	def read(self):
		while data := self.socket.recv(65536):
			self.entries.append(dict(line.split("=", 1) for line in data.decode().splitlines()))

	def close(self):
		"""With all that was sent before."""
		if self.thread and self.thread.is_alive():
			with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
				sock.sendto(b"", self.path)
			self.thread.join(20)
		self.socket.close()


def judge_catalog(entries):
	"""Every field that the catalog's text of a message shows is there to be shown."""
	with open(os.path.join(rig.SOURCE, "systemd/fotad.catalog"), encoding="utf-8") as file:
		texts = dict(re.findall(r"^-- ([0-9a-f]{32})\n(.*?)(?=^-- |\Z)", file.read(), re.M | re.S))
	for entry in entries:
		for field in re.findall(r"@(\w+)@", texts[entry["MESSAGE_ID"]]):
			rig.check(field in entry, f"the catalog shows {field}, and there is {entry}")


def test_fields(bench):
	"""Two hops: while the second is prepared nothing says the first any more; what is of no attempt names none."""
	journal = Journal(bench)
	m = bench.modem("pump", "L610", target=L30)
	bench.http("L610", L28, L29)
	bench.http("L610", L29, L30)
	bench.campaign("all", L30)
	bench.start_modems()
	daemon = bench.daemon(prefix=journal.prefix)
	rig.equal(daemon.wait(), 0, "exit code of fotad")
	journal.close()
	rig.judge_success(bench, m, bench.truth()["pump"], hops=2)
	rig.equal(daemon.log.text(), "", "said elsewhere")
	judge_catalog(journal.entries)
	hops = {"1": (L28, L29), "2": (L29, L30)}
	of_attempts = [entry for entry in journal.entries if "FOTA_ATTEMPT" in entry]
	for entry in journal.entries:
		hop = hops.get(entry.get("FOTA_ATTEMPT"), (None, None))
		rig.equal((entry.get("FOTA_FROM"), entry.get("FOTA_TO")), hop, f"the hop of {entry}")
	texts = [entry["MESSAGE"] for entry in of_attempts]
	for number, (first, last) in hops.items():
		begun = [text for text in texts if text.startswith(f"pump: attempt {number}: {first} to {last}")]
		rig.equal(len(begun), 1, f"attempts {number} begun: {texts}")
	job = f"all/{m.imei}"
	rig.equal({entry.get("FOTA_JOB") for entry in of_attempts}, {job}, "job of an attempt")
	rig.equal({entry["FOTA_CAMPAIGN"] for entry in of_attempts}, {"all"}, "campaign of an attempt")
	last = [entry for entry in journal.entries if "settings are as they were" in entry["MESSAGE"]]
	rig.equal([(entry["FOTA_JOB"], "FOTA_ATTEMPT" in entry) for entry in last], [(job, False)], "after the verdict")


def test_waits(bench):
	"""Who waits says what for, in the word for it: for another of the first wave, for a date."""
	journal = Journal(bench)
	for name in "pump0", "pump1", "valve":
		bench.modem(name, "L610")
	bench.http("L610", L28, L29)
	bench.campaign("pumps", L29, ["pump0", "pump1"], waves=[{"size": "1", "soak": "1s"}, {"size": "100%"}])
	bench.campaign("valves", L29, ["valve"], not_before="2099-01-01T00:00:00Z")
	bench.start_modems()
	daemon = bench.daemon(prefix=journal.prefix)
	rig.equal(daemon.wait(), 1, "exit code of fotad")
	journal.close()
	bench.truth()
	waits = [(entry["FOTA_MODEM"], entry.get("FOTA_REASON")) for entry in journal.entries if ": not now (" in entry["MESSAGE"]]
	rig.equal({word for name, word in waits if name.startswith("pump")}, {"wave", "soak"}, "words of the second wave")
	rig.equal({word for name, word in waits if name == "valve"}, {"not-before"}, "words of the one that has a date")


def test_trouble(bench):
	"""Lines of a bad day: refused, failed, halted; each has the fields that its text in the catalog shows."""
	journal = Journal(bench)
	bench.modem("fails", "L610", "fail percent=20 times=0")
	bench.modem("locked", "L610", "sim-pin")
	bench.modem("stranger", "L610", imei="861234560000096")
	bench.config["modems"][-1]["imei"] = "861234560000013"
	bench.config["modems"].append({"name": "gone", "port": bench.path("ports", "gone")})
	bench.config["modems"].append({"name": "no-tty", "port": "/dev/null"})
	bench.http("L610", L28, L29)
	bench.campaign("all", L29, retry={"attempts": 2, "delay": "200ms", "max_delay": "200ms"}, halt={"failures": "1"})
	bench.start_modems()
	daemon = bench.daemon("--log-level=debug", prefix=journal.prefix)
	rig.equal(daemon.wait(60), 1, "exit code of fotad")
	journal.close()
	judge_catalog(journal.entries)
	with open(os.path.join(rig.SOURCE, "lib/io/log-messages.h"), encoding="utf-8") as file:
		names = dict(re.findall(r'"([0-9a-f]{32})", "([a-z-]+)"', file.read()))
	said = {names[entry["MESSAGE_ID"]] for entry in journal.entries}
	for name in ("attempt-failed", "job-failed", "modem-refused", "modem-absent", "port-refused", "campaign-halted", "bundle", "evidence",
			"at-dialogue", "step", "summary"):
		rig.check(name in said, f"nothing is said of {name}: {sorted(said)}")


def test_full(bench):
	"""The journal has stopped reading: the work goes on, and it ends (conduct 14)."""
	journal = Journal(bench, reading=False)
	m = bench.modem("pump", "L610")
	bench.http("L610", L28, L29)
	bench.campaign("all", L29)
	bench.start_modems()
	daemon = bench.daemon("--log-level=debug", prefix=journal.prefix)
	rig.equal(daemon.wait(), 0, "exit code of fotad")
	rig.judge_success(bench, m, bench.truth()["pump"])


rig.main(test_trouble, test_fields, test_waits, test_full)
