"""fotad-fetch for the tests: what systemd does for fotad-fetch.socket."""
import hashlib
import os
import socket
import subprocess
import threading

import rig

FOTAD_FETCH = os.path.join(rig.BUILD, "fotad-fetch")


class Helper:
	"""A process for each connection, its end of it as standard input and output."""

	def __init__(self, bench):
		self.path = bench.path("fetch-socket")
		self.socket = socket.socket(socket.AF_UNIX)
		self.socket.bind(self.path)
		self.socket.listen(4)
		self.children = []
		self.thread = threading.Thread(target=self.work, daemon=True)
		self.thread.start()
		bench.closing.callback(self.close)

	def work(self):
		while True:
			connection, _ = self.socket.accept()
			with connection:
				if connection.recv(1, socket.MSG_PEEK) == b"":
					return
				self.children.append(subprocess.Popen([FOTAD_FETCH], stdin=connection, stdout=connection, env={}))

	def close(self):
		with socket.socket(socket.AF_UNIX) as end:
			end.connect(self.path)
		self.thread.join(5)
		self.socket.close()
		for child in self.children:
			child.kill()
			child.wait()


def run(bench, *options, **more):
	return bench.daemon(f"--fetch-socket={bench.path('fetch-socket')}", *options, **more)


def checksum(path):
	with open(path, "rb") as file:
		return hashlib.sha256(file.read()).hexdigest()
