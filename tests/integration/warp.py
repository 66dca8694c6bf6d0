"""Time as a test wants it, for the programs that it starts (conduct 17): see warp.c.

	warp = Warp(bench)
	daemon = bench.daemon(environment=warp.environment, once=False)
	warp.jump(6 * 3600)       # all clocks are so much later
	warp.run(60)              # from now on a second is a minute
	warp.set_clock(...)       # the wall clock alone, as by a person or by NTP
"""
import os
import struct
import time

import rig

PRELOAD = os.path.join(rig.BUILD, "tests", "integration", "warp.so")
NSEC = 1_000_000_000


class Warp:
	def __init__(self, bench):
		if not os.path.exists(PRELOAD):
			raise rig.Skip(f"{PRELOAD} is not built")
		self.path = bench.path("warp")
		self.number = 0
		self.since = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
		self.advance, self.rate, self.step, self.synchronised = 0, 1000, 0, True
		self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
		bench.closing.callback(os.close, self.descriptor)
		self.write()
		self.environment = {"LD_PRELOAD": PRELOAD, "FOTAD_WARP": self.path,
			"ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}

	def write(self):
		"""In one piece, or so that a reader sees that it is not."""
		self.number += 1
		content = struct.pack("=QqqqqqQ", self.number, self.since, self.advance, self.rate, self.step, self.synchronised, self.number)
		os.pwrite(self.descriptor, content, 0)

	def elapsed(self):
		return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self.since

	def now(self):
		"""The warped wall clock."""
		extra = self.elapsed() // 1000 * (self.rate - 1000)
		return (time.time_ns() + self.advance + extra + self.step) / NSEC

	def settle(self):
		"""What has been run so far is kept; the rest is reckoned from here."""
		elapsed = self.elapsed()
		self.advance += elapsed // 1000 * (self.rate - 1000)
		self.since += elapsed

	def jump(self, seconds):
		"""All clocks at once, as after a suspend."""
		self.advance += int(seconds * NSEC)
		self.write()

	def jump_to(self, wall):
		self.jump(wall - self.now())

	def run(self, rate):
		self.settle()
		self.rate = int(rate * 1000)
		self.write()

	def set_clock(self, wall):
		"""CLOCK_REALTIME alone; durations go on."""
		self.step += int((wall - self.now()) * NSEC)
		self.write()

	def synchronise(self, synchronised):
		self.synchronised = synchronised
		self.write()
