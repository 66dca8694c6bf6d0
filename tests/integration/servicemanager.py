"""The service manager's part, without one: what a daemon notifies it of, and what it stores for the daemon's next life."""
import os
import socket


class ServiceManager:
	"""What systemd is to a service: a notification socket, and a store of descriptors by name."""

	def __init__(self, bench):
		self.path = bench.path("notify")
		self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		self.socket.bind(self.path)
		self.store = []
		self.said = []
		bench.closing.callback(self.close)

	def close(self):
		for _, descriptor in self.store:
			os.close(descriptor)
		self.socket.close()

	def collect(self):
		"""Takes what was sent until now."""
		self.socket.setblocking(False)
		while True:
			try:
				text, descriptors, _, _ = socket.recv_fds(self.socket, 4096, 4)
			except BlockingIOError:
				return
			for descriptor in descriptors:
				os.set_inheritable(descriptor, False)
			message = dict(line.split("=", 1) for line in text.decode().splitlines() if "=" in line)
			self.said.append(message)
			name = message.get("FDNAME")
			if message.get("FDSTORE") == "1":
				self.store += [(name, descriptor) for descriptor in descriptors]
			elif message.get("FDSTOREREMOVE") == "1":
				for entry in [entry for entry in self.store if entry[0] == name]:
					os.close(entry[1])
					self.store.remove(entry)

	def names(self):
		return sorted(name for name, _ in self.store)

	def environment(self):
		return {"NOTIFY_SOCKET": self.path}

	def start(self, bench, *options, environment=None, **more):
		"""As systemd does it: descriptors from 3 on, their names, and the receiver's PID."""
		descriptors = [os.dup(descriptor) for _, descriptor in self.store]
		names = ":".join(name for name, _ in self.store)

		def place():
			high = [os.dup(d) for d in descriptors]
			for number, descriptor in enumerate(high):
				os.dup2(descriptor, 3 + number, inheritable=True)

		daemon = bench.daemon(*options, environment={**self.environment(), **(environment or {}), "LISTEN_FDS": str(len(descriptors)),
			"LISTEN_FDNAMES": names}, prefix=["/bin/sh", "-c", 'LISTEN_PID=$$; export LISTEN_PID; exec "$@"', "sh"],
			preexec_fn=place, close_fds=False, **more)
		for descriptor in descriptors:
			os.close(descriptor)
		return daemon
