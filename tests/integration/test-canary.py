#!/usr/bin/python3
"""A canary: passwords given as credentials, looked for in everything that fotad leaves behind, and in its memory.

After campaigns over FTP, of which one fails, neither the server's nor the APN's password, nor any eight bytes of them,
may be in a log, the state directory (database, its journal, bundles), the simulator's transcript, fotad's arguments or
environment, or a core of fotad, taken in each phase but the sending. The server has let the module in, so the password
did arrive. A decoy that is no secret, the modem's name, is in all these places: the same search finds it.
"""
import os
import re
import shutil
import signal
import subprocess

import rig
from rig import Skip, check, equal

CANARY = {"fota-ftp": "Kanarienvogel-7Zq3wX9v", "fota-apn": "Zeisig+4hT8pL2mB6"}
DECOY = "Lockvogel-5Rj1kN0c"
WINDOW = 8
SHADOW = 1 << 34  # bytes; no program maps so much but a sanitizer

# In which phase a core is taken: when fotad says this, it is as long in that phase as a core takes.
PHASES = {
	"preparing": "step pdp-wait",  # the APN's password has been sent, and answered
	"downloading": r" [1-9]?[0-9] % downloaded",
	"installing": "the module checks, restarts and installs|the module is away",
	"verifying": "step settle",
}


def found(data):
	"""Which canaries are in there, whole or in part."""
	windows = {name: {secret[i:i + WINDOW].encode() for i in range(len(secret) - WINDOW + 1)} for name, secret in CANARY.items()}
	return {name for name, parts in windows.items() if any(part in data for part in parts)}


class Search:
	"""Every place that was looked into, and what was found there."""

	def __init__(self):
		self.places, self.wrong = [], []

	def look(self, place, data):
		self.places.append(place)
		for name in found(data):
			self.wrong.append(f"{place} holds (a part of) {name}")
		check(DECOY.encode() in data, f"{place}: not even the decoy is found: the search is worth nothing")

	def look_at_files(self, place, paths):
		"""The decoy need not be in each of them, but in one."""
		data = b""
		for path in paths:
			with open(path, "rb") as file:
				data += file.read() + b"\0" * WINDOW
		check(paths, f"{place}: there is no file")
		self.look(place, data)


def memory_of(pid):
	"""All that the process can read and write, from outside; a core without gdb."""
	data = b""
	with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
		for line in maps:
			begin, end, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
			if not rights.startswith("rw"):
				continue
			if int(end, 16) - int(begin, 16) > SHADOW:
				raise Skip("fotad is built with a sanitizer, which keeps copies of its own")
			try:
				memory.seek(int(begin, 16))
				data += memory.read(int(end, 16) - int(begin, 16)) + b"\0" * WINDOW
			except OSError:
				continue
	return data


def core_of(bench, pid, phase):
	"""A core that gdb writes, while the process stands still; None: it cannot be had."""
	if not shutil.which("gdb"):
		return None
	path = bench.path(f"core-{phase}")
	subprocess.run(["gdb", "-nx", "-batch", "-iex", "set auto-load off", "-ex", "set use-coredump-filter off",
		"-ex", "set dump-excluded-mappings on", "-p", str(pid), "-ex", f"gcore {path}"], stdin=subprocess.DEVNULL,
		stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False)
	if not os.path.exists(path):
		return None
	with open(path, "rb") as file:
		data = file.read()
	os.unlink(path)
	return data


def look_inside(bench, search, daemon, phase):
	"""Everything of the process, in this phase."""
	daemon.kill(signal.SIGSTOP)
	try:
		for what in "cmdline", "environ":
			with open(f"/proc/{daemon.pid}/{what}", "rb") as file:
				search.look(f"{what} ({phase})", file.read())
		search.look(f"memory ({phase})", memory_of(daemon.pid))
		core = core_of(bench, daemon.pid, phase)
		if core is not None:
			search.look(f"core ({phase})", core)
		return core is not None
	except PermissionError as error:
		raise Skip(f"fotad's memory cannot be read here: {error}") from None
	finally:
		daemon.kill(signal.SIGCONT)


def look_outside(bench, search, logs):
	state = [os.path.join(directory, name) for directory, _, names in os.walk(bench.path("state")) for name in names]
	search.look_at_files("fotad's log", logs)
	search.look_at_files("the database", [path for path in state if os.path.basename(path).startswith("fotad.db")])
	search.look_at_files("the state directory", state)
	search.look_at_files("the transcript", [bench.path("transcript")])
	bundles = [path for path in state if "/bundle" in path]
	if bundles:
		search.look_at_files("bundles", bundles)


def campaign(bench, *faults, phases, end):
	m = bench.modem(DECOY, "L610", *faults, apn={"name": "iot.example", "username": "apn-user",
		"password": {"credential": "fota-apn"}})
	bench.ftp(password=CANARY["fota-ftp"])
	bench.credential("fota-apn", CANARY["fota-apn"])
	bench.over_ftp(m.model, m.version, m.target, size=950_000)
	bench.config["timeouts"] = {**rig.TIMEOUTS, "command": "20s", "identify": "20s", "pdp": "20s", "stall": "10s", "return": "60s",
		"leave": "20s", "settle": "2s", "download": "60s"}
	bench.campaigns_by_target()
	bench.start_modems(rate=150_000, default="boot-time=1500ms apply-time=1500ms")
	search = Search()
	daemon = bench.daemon("--log-level=debug", once=False, config=bench.write_config(f"{DECOY}.json"),
		environment={"FOTAD_DECOY": DECOY})
	cores, here = 0, 0
	for phase in phases:
		here = daemon.log.wait(PHASES[phase], start=here)
		cores += look_inside(bench, search, daemon, phase)
	daemon.log.wait(end)
	cores += look_inside(bench, search, daemon, "done")
	equal(daemon.stop(), 0, "exit code of fotad")
	look_outside(bench, search, [bench.path("fotad-1.log")])
	arrived(bench)
	check(not search.wrong, "\n  ".join(["", *search.wrong]))
	print(f"{len(search.places)} places" + ("" if cores else "; gdb writes no core here: only the memory was read"), flush=True)
	return daemon, bench.truth()[DECOY]


def arrived(bench):
	"""By the server, which knows only the right password; and by the simulator, which masks it."""
	with open(bench.path("server.log"), encoding="utf-8", errors="replace") as log:
		text = log.read()
	check(re.search(r"USER 'fota' logged in", text), "the server let nobody in: the password did not arrive")
	check(bench.transcript.find(r'> AT\+MIPCALL=1,"iot.example","apn-user","\*\*\*"'), "the APN's password was not sent")
	check(bench.transcript.find(r'> AT\+GTOTA=1,.*"\*\*\*"'), "the FTP password was not sent")


def test_a_campaign_that_succeeds(bench):
	_, truth = campaign(bench, phases=("preparing", "downloading", "installing", "verifying"), end="succeeded: runs")
	equal(truth["packages_applied"], 1, "packages applied")


def test_a_campaign_that_fails(bench):
	daemon, truth = campaign(bench, "fail percent=70", phases=("preparing", "downloading", "verifying"),
		end=r"failed \(download-failed\)")
	equal(truth["packages_applied"], 0, "packages applied")
	check(daemon.log.find("download-failed"), "fotad does not say why")


def test_the_memory_holds_it_while_it_is_sent(bench):
	"""The proof that the search would find a password in fotad's memory: there it is, when nobody answers the line."""
	m = bench.modem(DECOY, "L610", "late-answer command=+GTOTA= time=4s")
	bench.ftp(password=CANARY["fota-ftp"])
	bench.over_ftp(m.model, m.version, m.target)
	bench.config["timeouts"] = {**rig.TIMEOUTS, "start": "10s", "stall": "10s"}
	bench.campaigns_by_target()
	bench.start_modems()
	daemon = bench.daemon("--log-level=debug", once=False)
	bench.transcript.wait(r"> AT\+GTOTA=1")
	try:
		data = memory_of(daemon.pid)
	except PermissionError as error:
		raise Skip(f"fotad's memory cannot be read here: {error}") from None
	equal(found(data), {"fota-ftp"}, "what the search finds while the line is in flight")
	daemon.log.wait("% downloaded|step leave|has gone away")
	equal(found(memory_of(daemon.pid)), set(), "what the search finds afterwards")
	daemon.stop()


if __name__ == "__main__":
	rig.main(test_a_campaign_that_succeeds, test_a_campaign_that_fails, test_the_memory_holds_it_while_it_is_sent)
