"""A fleet that downloads as modems do: a report a second each, their phases spread, with the store on disk and a journal.

What is read covers the time in which all modems download. The journal is a socket of ours where sd_journal_send(3) looks
for journald's, in a mount namespace of fotad's own: each message is counted and thrown away. Commits are counted by a
preload (sync.c), which costs nothing while modems report.
"""
import collections
import contextlib
import ctypes
import os
import socket
import tempfile
import threading
import time

import measure as m

DOWNLOAD = 100  # seconds: a report for each percent, 0 among them
REPORTS = 101
PATIENCE = 60  # seconds, until all modems download
EVEN = 1.3  # times the mean: so many reports may fall into one tenth of the seconds
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000

libc = ctypes.CDLL(None, use_errno=True)


def cpu_of(pid):
	"""Seconds of user and system time of all its threads, so far."""
	clock = ctypes.c_int()
	if libc.clock_getcpuclockid(pid, ctypes.byref(clock)) != 0:
		raise RuntimeError("the program is gone")
	return time.clock_gettime(clock.value)


def switches_of(pid):
	total = 0
	for thread in os.listdir(f"/proc/{pid}/task"):
		with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
			total += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
	return total


# ---- the journal ----

def hide_run(directory):
	"""In the child that becomes fotad: what lies in the directory is its /run."""
	if libc.unshare(CLONE_NEWNS) != 0 and libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
		raise OSError(ctypes.get_errno(), "unshare")
	for source, target, flags in (b"none", b"/", MS_REC | MS_PRIVATE), (directory.encode(), b"/run", MS_BIND):
		if libc.mount(source, target, None, flags, None) != 0:
			raise OSError(ctypes.get_errno(), "mount")


def can_hide(directory):
	child = os.fork()
	if child == 0:
		with contextlib.suppress(OSError):
			hide_run(directory)
			os._exit(0)
		os._exit(1)
	return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class Journal:
	"""Stands for journald; counts."""

	def __init__(self, directory):
		self.run = os.path.join(directory, "run")
		self.messages = 0
		os.makedirs(os.path.join(self.run, "systemd", "journal"))
		os.mkdir(os.path.join(self.run, "lock"))
		self.works = can_hide(self.run)
		self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		self.socket.bind(os.path.join(self.run, "systemd", "journal", "socket"))
		threading.Thread(target=self.count, daemon=True).start()

	def count(self):
		while self.socket.recv(1):
			self.messages += 1

	def options(self, log):
		"""For Fleet.fotad()."""
		if not self.works:
			return {"more": {}}
		st = os.fstat(log.fileno())
		return {"more": {"JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}"}, "before": lambda: hide_run(self.run)}


# ---- the fleet ----

class Tail:
	"""The transcript as it grows: who downloads, who is done, when each report was said."""

	def __init__(self, file):
		self.file, self.rest = file, ""
		self.loading, self.done, self.moments = set(), set(), []

	def read(self):
		lines = (self.rest + self.file.read()).split("\n")
		self.rest = lines.pop()
		for line in lines:
			moment, modem, way, text = line.split(" ", 3)
			if way != "<":
				continue
			if text.startswith("GTOTA DOWNLOADING"):
				self.loading.add(modem)
				self.moments.append(int(moment))
			elif text.startswith("GTOTA DOWNLOAD COMPLETE"):
				self.done.add(modem)

	def until(self, condition, patience):
		end = time.monotonic() + patience
		while not condition():
			if time.monotonic() > end:
				raise RuntimeError("the fleet does not get there")
			time.sleep(0.1)
			self.read()


class Look:
	"""What was taken so far."""

	def __init__(self, pid, messages):
		self.time, self.cpu, self.switches, self.messages = m.boottime(), cpu_of(pid), switches_of(pid), messages


class Paced:
	"""A share of one core, and counts a report, from the first look to the second."""

	def __init__(self, first, second, moments):
		seconds, cpu = (second.time - first.time) / 1e6, second.cpu - first.cpu
		within = [moment for moment in moments if first.time <= moment < second.time]
		tenths = collections.Counter(moment // 100_000 % 10 for moment in within)
		self.reports = len(within)
		if max(tenths.values()) > EVEN * self.reports / 10:
			raise RuntimeError(f"the phases are not spread: {sorted(tenths.values())}")
		self.percent = 100 * cpu / seconds
		self.us = 1e6 * cpu / self.reports
		self.switches = (second.switches - first.switches) / self.reports
		self.messages = (second.messages - first.messages) / self.reports
		self.a_second = self.reports / seconds
		self.all_messages = self.commits = None  # a report, from the program's start to its end


def spread(n):
	return lambda i: f"start-time={10 + i * 617 % n * 1000 // n}ms"


def watch(fleet, child, messages=lambda: 0):
	"""Looks twice while all download."""
	with open(fleet.path("transcript"), encoding="utf-8") as file:
		tail = Tail(file)
		tail.until(lambda: len(tail.loading) == fleet.n, PATIENCE)
		first = Look(child.pid, messages())
		tail.until(lambda: tail.done, DOWNLOAD)
		second = Look(child.pid, messages())
		return Paced(first, second, tail.moments)


def fotad(n):
	with m.Fleet(n, download=f"{DOWNLOAD}s", each=spread(n)) as fleet, \
			tempfile.TemporaryDirectory(prefix="fotad-bench-") as state, \
			open(fleet.path("fotad.log"), "w", encoding="utf-8") as log:
		journal = Journal(fleet.directory)
		options = journal.options(log)
		options["more"] |= fleet.count_syncs()
		child, started = fleet.fotad("--once", state=state, stderr=log, **options)
		paced = watch(fleet, child, lambda: journal.messages)
		if m.wait(child, started).code != 0 or fleet.upgraded() != n:
			raise RuntimeError("not all modems were upgraded")
		paced.commits = fleet.commits() / n / REPORTS
		paced.all_messages = journal.messages / n / REPORTS
		if not journal.works:
			paced.messages = paced.all_messages = None
		return paced


def bare(n, script):
	with m.Fleet(n, download=f"{DOWNLOAD}s", each=spread(n)) as fleet:
		child, started = fleet.bare(script)
		paced = watch(fleet, child)
		m.wait(child, started)
		return paced
