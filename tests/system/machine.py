"""A gateway with a kernel of its own: QEMU runs Debian's, and USB serial adapters come and go at our word.

The processor is emulated: it is slow, but it is there on every machine, and it wants no rights.
"""
import json
import os
import select
import shutil
import socket
import subprocess
import threading
import time

from process import Failure, Process, Stream

COMMAND_PATIENCE = 120  # seconds
BOOT_PATIENCE = 240


class Wire:
	"""Between an adapter of the machine and a tty of ours. QEMU does not survive a tty that hangs up, so it gets a socket."""

	def __init__(self, tty, path):
		self.path = path
		if os.path.exists(path):
			os.unlink(path)
		self.server = socket.socket(socket.AF_UNIX)
		self.server.bind(path)
		self.server.listen()
		self.tty = os.open(tty, os.O_RDWR | os.O_NOCTTY)
		self.stopping, self.stopped = os.pipe()
		self.thread = threading.Thread(target=self.carry, daemon=True)
		self.thread.start()

	def carry(self):
		client, _ = self.server.accept()
		with client:
			while True:
				readable, _, _ = select.select([client, self.tty, self.stopping], [], [])
				try:
					if self.stopping in readable:
						return
					if self.tty in readable:
						client.sendall(os.read(self.tty, 4096))
					elif client in readable:
						data = client.recv(4096)
						if not data:
							return
						os.write(self.tty, data)
				except OSError:  # hung up: the adapter stays until somebody pulls it
					select.select([self.stopping], [], [])
					return

	def close(self):
		os.write(self.stopped, b"x")
		self.thread.join(5)
		self.server.close()
		for descriptor in self.tty, self.stopping, self.stopped:
			os.close(descriptor)


class Machine:
	"""directory is its own; guest is what mkguest has made."""

	def __init__(self, guest, directory):
		self.guest, self.directory = guest, directory
		self.lock = threading.Lock()
		self.process = None
		self.wires = {}
		self.marks = 0
		subprocess.run(["cp", "--sparse=always", os.path.join(guest, "root.img"), self.path("root.img")], check=True)

	def path(self, *parts):
		return os.path.join(self.directory, *parts)

	def boot(self):
		"""Returns when commands can be given."""
		for name in "qmp", "shell", "journal":
			if os.path.exists(self.path(name)):
				os.unlink(self.path(name))
		arguments = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "768", "-smp", "2",
			"-nodefaults", "-no-reboot", "-display", "none", "-kernel", os.path.join(self.guest, "kernel"),
			"-initrd", os.path.join(self.guest, "initrd"), "-append", "console=ttyS0 quiet mitigations=off tsc=unstable "
			"systemd.mask=getty@tty1.service systemd.mask=serial-getty@ttyS0.service systemd.mask=systemd-binfmt.service",
			"-drive", f"file={self.path('root.img')},if=virtio,format=raw", "-serial", f"file:{self.path('console')}",
			"-device", "qemu-xhci,id=usb,addr=5", "-device", "virtio-serial-pci", "-qmp", f"unix:{self.path('qmp')},server=on,wait=off"]
		for name in "shell", "journal":
			arguments += ["-chardev", f"socket,id={name},path={self.path(name)},server=on,wait=off",
				"-device", f"virtserialport,chardev={name},name={name}"]
		self.process = Process(["setpriv", "--pdeathsig", "KILL", *arguments], self.path("qemu.log"))
		self.qmp = self.connect("qmp").makefile("rw")
		self.said = []
		self.hear(lambda said: "QMP" in said)
		self.monitor("qmp_capabilities")
		self.log = Stream(self.connect("journal").detach(), self.path("journal.log"))
		self.shell = self.connect("shell")
		self.run("true", BOOT_PATIENCE)

	def connect(self, name):
		end = time.monotonic() + 20
		while True:
			sock = socket.socket(socket.AF_UNIX)
			try:
				sock.connect(self.path(name))
				return sock
			except OSError:
				sock.close()
				if time.monotonic() > end or not self.process.is_alive():
					raise Failure(f"qemu does not start: {self.process.log.text()}") from None
				select.select([], [], [], 0.05)

	def hear(self, wanted):
		"""What the monitor says next that is wanted; events are kept."""
		while True:
			for said in self.said:
				if wanted(said):
					self.said.remove(said)
					return said
			line = self.qmp.readline()
			if not line:
				raise Failure("the machine has ended")
			self.said.append(json.loads(line))

	def monitor(self, command, **arguments):
		self.qmp.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
		self.qmp.flush()
		answer = self.hear(lambda said: "return" in said or "error" in said)
		if "error" in answer:
			raise Failure(f"{command}: {answer['error']['desc']}")
		return answer["return"]

	def run(self, command, patience=COMMAND_PATIENCE, check=True):
		"""What a command line of the shell says; without check also its exit code."""
		self.marks += 1
		mark = f"done-{self.marks}-"
		# In two halves, so that the question is not taken for the answer.
		self.shell.sendall(f"({command}\n) </dev/null 2>&1; echo done-{self.marks}'-'$?\n".encode())
		said, end = b"", time.monotonic() + patience
		while not said.endswith(b"\n") or mark.encode() not in said.splitlines()[-1]:
			if not select.select([self.shell], [], [], max(0, end - time.monotonic()))[0]:
				raise Failure(f"{command}: no answer in {patience} s: {said.decode(errors='replace')[-1000:]}")
			data = self.shell.recv(65536)
			if not data:
				raise Failure(f"{command}: the machine has ended")
			said += data
		text, _, code = said.decode(errors="replace").rpartition(mark)
		if not check:
			return text, int(code)
		if int(code) != 0:
			raise Failure(f"{command}: exit code {int(code)}\n{text}")
		return text

	def plug(self, port, tty, serial):
		"""An adapter of this serial number, in this USB port, with this tty of ours at its other side."""
		with self.lock:
			wire = self.wires[port] = Wire(tty, self.path(f"wire{port}"))
			self.monitor("chardev-add", id=f"tty{port}", backend={"type": "socket", "data": {"server": False,
				"addr": {"type": "unix", "data": {"path": wire.path}}}})
			self.monitor("device_add", driver="usb-serial", id=f"usb{port}", chardev=f"tty{port}", bus="usb.0", port=str(port),
				serial=serial)

	def unplug(self, port):
		with self.lock:
			self.monitor("device_del", id=f"usb{port}")
			self.hear(lambda said: said.get("event") == "DEVICE_DELETED" and said["data"].get("device") == f"usb{port}")
			self.monitor("chardev-remove", id=f"tty{port}")
			self.wires.pop(port).close()

	def plug_hub(self, port):
		"""A hub of eight ports in this one: "PORT.1" to "PORT.8"."""
		with self.lock:
			self.monitor("device_add", driver="usb-hub", id=f"hub{port}", bus="usb.0", port=str(port), ports=8)

	def unplug_hub(self, port):
		"""When nothing is plugged into it."""
		with self.lock:
			self.monitor("device_del", id=f"hub{port}")
			self.hear(lambda said: said.get("event") == "DEVICE_DELETED" and said["data"].get("device") == f"hub{port}")

	def cut(self):
		"""The power cord: what the kernel had not written is lost."""
		self.process.kill()
		self.process.wait()
		self.log.thread.join(5)
		while self.wires:
			self.wires.popitem()[1].close()
		self.shell.close()
		self.qmp.close()

	def close(self):
		if self.process:
			self.process.close()
		while self.wires:
			self.wires.popitem()[1].close()
		shutil.rmtree(self.directory, ignore_errors=True)
