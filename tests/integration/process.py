"""What processes say, and who talks with them: parts of the rig that need to know nothing of fotad."""
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time
import tty

PATIENCE = 60  # seconds, for what takes one or two on an idle machine


class Failure(AssertionError):
	pass


class Lines:
	"""What is said, line by line: who waits is woken by each."""

	def __init__(self):
		self.lines = []
		self.ended = False
		self.news = threading.Condition()

	def add(self, line):
		with self.news:
			self.lines.append(line)
			self.news.notify_all()

	def end(self):
		with self.news:
			self.ended = True
			self.news.notify_all()

	def wait_until(self, condition, what, timeout=PATIENCE):
		"""condition() is asked again with every line. Returns what it returned."""
		end = time.monotonic() + timeout
		with self.news:
			while True:
				result = condition()
				if result:
					return result
				left = end - time.monotonic()
				if self.ended or left <= 0:
					raise Failure(f"{'ended' if self.ended else 'waited in vain'}: {what}")
				self.news.wait(left)

	def wait(self, pattern, start=0, count=1, timeout=PATIENCE):
		"""Waits for the count-th line from `start` on that matches; the number of the line after it."""
		found = {"next": start, "count": 0}

		def look():
			while found["next"] < len(self.lines):
				found["next"] += 1
				if re.search(pattern, self.lines[found["next"] - 1]):
					found["count"] += 1
					if found["count"] == count:
						return True
			return False

		self.wait_until(look, f"a line like {pattern!r}", timeout)
		return found["next"]

	def wait_for_lines(self, number, timeout=PATIENCE):
		self.wait_until(lambda: len(self.lines) >= number, f"{number} lines", timeout)

	def find(self, pattern, start=0):
		with self.news:
			return [line for line in self.lines[start:] if re.search(pattern, line)]

	def size(self):
		with self.news:
			return len(self.lines)

	def text(self):
		with self.news:
			return "\n".join(self.lines)


class Stream(Lines):
	"""Reads a descriptor to its end in a thread of its own; keeps every line, and a copy in a file."""

	def __init__(self, descriptor, path):
		super().__init__()
		self.thread = threading.Thread(target=self.read, args=(descriptor, path), daemon=True)
		self.thread.start()

	def read(self, descriptor, path):
		with os.fdopen(descriptor, "r", encoding="utf-8", errors="backslashreplace", newline="\n") as stream, \
				open(path, "w", encoding="utf-8") as copy:
			for line in stream:
				copy.write(line)
				copy.flush()
				self.add(line.rstrip("\n"))
		self.end()


class Notifications(Lines):
	"""The service manager's end of $NOTIFY_SOCKET."""

	def __init__(self, bench):
		super().__init__()
		self.path = bench.path("notify")
		self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		self.socket.bind(self.path)
		self.thread = threading.Thread(target=self.read, daemon=True)
		self.thread.start()
		bench.closing.callback(self.close)

	def read(self):
		while True:
			message, descriptors, _, _ = socket.recv_fds(self.socket, 4096, 1)
			for descriptor in descriptors:
				os.close(descriptor)
			for line in message.decode().splitlines():
				if line == "END OF TEST":
					return
				self.add(line)

	def close(self):
		with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
			sock.sendto(b"END OF TEST", self.path)
		self.thread.join(5)
		self.socket.close()


class Process:
	"""A child that is never left behind."""

	def __init__(self, arguments, log, **options):
		reader, writer = os.pipe()
		self.child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer,
			start_new_session=True, **options)
		os.close(writer)
		self.pid = self.child.pid
		self.log = Stream(reader, log)

	def wait(self, timeout=PATIENCE):
		"""The exit code, with all that was said."""
		try:
			code = self.child.wait(timeout)
		except subprocess.TimeoutExpired:
			raise Failure(f"{self.child.args[0]} did not end in {timeout} s") from None
		self.log.thread.join(PATIENCE)
		return code

	def is_alive(self):
		return self.child.poll() is None

	def kill(self, number=signal.SIGKILL):
		if self.is_alive():
			self.child.send_signal(number)

	def stop(self):
		self.kill(signal.SIGTERM)
		try:
			return self.wait(20)
		except Failure:
			self.kill()
			self.wait(20)
			raise

	def close(self):
		self.kill()
		self.child.wait()
		self.log.thread.join(5)


class Peer:
	"""Whatever else may be behind a port: a pseudo-terminal whose other side a test plays itself.

	answer(data) gives the bytes that come back; `flood` comes all the time, whether anybody asks or not.
	"""

	def __init__(self, bench, name, answer=None, flood=b""):
		self.master, slave = os.openpty()
		tty.setraw(slave)
		os.makedirs(bench.path("ports"), exist_ok=True)
		os.symlink(os.ttyname(slave), bench.path("ports", name))
		self.keep, self.answer, self.flood = slave, answer, flood  # open, so that the master never reads a hang-up
		self.received = b""
		self.stopping, self.stopped = os.pipe()
		os.set_blocking(self.master, False)
		self.thread = threading.Thread(target=self.work, daemon=True)
		self.thread.start()
		bench.closing.callback(self.close)

	def work(self):
		output = b""
		while True:
			output = output or self.flood
			readable, writable, _ = select.select([self.master, self.stopping], [self.master] if output else [], [])
			if self.stopping in readable:
				return
			if self.master in readable:
				data = os.read(self.master, 4096)
				self.received += data
				output += self.answer(data) if self.answer else b""
			if self.master in writable:
				output = output[os.write(self.master, output[:512]):]

	def close(self):
		os.write(self.stopped, b"x")
		self.thread.join(5)
		for descriptor in self.master, self.keep, self.stopping, self.stopped:
			os.close(descriptor)

	def lines(self):
		return [line for line in self.received.decode("ascii", "backslashreplace").split("\r") if line]
