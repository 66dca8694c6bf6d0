"""What the others notice of a modem that goes wild (wild.py), or of a disk that takes 100 ms for each commit.

Turnaround as in measure.py, of a fleet that prepares. The program has a processor for itself where there are two; what
stands for the modems has the other. The bare program on the same ports shows how much of it is not fotad's doing.
"""
import contextlib
import os
import subprocess
import sys
import time

import measure as m

OTHERS = 100
DELAY = 100_000  # microseconds
DOWNLOAD = "20s"  # longer than anybody looks
QUIET, FLOOD, BYTES, LINE, SLOW_DISK = "quiet", "flood", "bytes", "line", "disk"
WILD = "m0000"
STARTED = "<", "GTOTA DOWNLOAD START"
PATIENCE = 30  # seconds


def answers(i):
	"""The wild one is far ahead; the others are not in step."""
	return "answer-time=1ms" if i == 0 else f"answer-time={50 + i % 37}ms"


@contextlib.contextmanager
def on_processors(processors):
	before = os.sched_getaffinity(0)
	os.sched_setaffinity(0, processors)
	try:
		yield
	finally:
		os.sched_setaffinity(0, before)


@contextlib.contextmanager
def wild_modem(fleet, how):
	child = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "wild.py"),
		fleet.path("wild"), fleet.ports[0], how], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
	try:
		if not child.stdout.readline():
			raise RuntimeError("the wild modem did not start")
		fleet.ports[0] = fleet.path("wild")
		fleet.change(lambda c: c["modems"][0].update(port=fleet.path("wild")))
		yield child
	finally:
		child.kill()
		child.wait()
		child.stdout.close()


def hurry(pid=0):
	"""Where it may, before all other work on this machine: that is not what is measured."""
	with contextlib.suppress(PermissionError):
		os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))


def begin(processors):
	"""In the child that becomes fotad or the bare program."""
	os.sched_setaffinity(0, processors)
	hurry()


def started(fleet):
	"""How many of the others have come to the start of their download."""
	return len({modem for _, modem, way, text in fleet.transcript() if modem != WILD and (way, text) == STARTED})


class Run:
	"""A fleet that prepares, until all of it downloads: microseconds, and how many bytes of wildness were taken."""

	def __init__(self, how, script=None):
		"""script: the bare program's, instead of fotad."""
		processors = sorted(os.sched_getaffinity(0))
		slow = m.with_sync(SYNC_DELAY=str(DELAY)) if how == SLOW_DISK else None
		with on_processors(processors[1:] or processors), m.Fleet(OTHERS + 1, download=DOWNLOAD, each=answers) as fleet, \
				wild_modem(fleet, how) as wild:
			hurry(fleet.sim.pid)
			options = {"before": lambda: begin(processors[:1])}
			child, _ = fleet.bare(script, **options) if script else fleet.fotad(more=slow, **options)
			try:
				end = time.monotonic() + PATIENCE
				while started(fleet) < OTHERS:
					if time.monotonic() > end or child.poll() is not None:
						raise RuntimeError(f"the others do not get there ({how})")
					time.sleep(0.2)
				wild.terminate()
				self.taken = int(wild.stdout.readline())
			finally:
				child.kill()
				child.wait()
			plain, saving = m.turnarounds(fleet, leave_out=WILD)
		self.p50, self.p99 = m.percentile(plain, 0.5), m.percentile(plain, 0.99)
		self.saving = m.percentile(saving, 0.5)
