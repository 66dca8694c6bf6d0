"""A bus of a test's own, with fotad's policy on it, and who calls fotad there.

	bus = Bus(bench)                               # a dbus-daemon that has read conf/dbus/org.fotad1.conf
	daemon = bench.daemon("--bus=" + bus.address, once=False)
	client = Client(bus)                           # as the user of the test
	client.wait_for_name("org.fotad1")
	client.call("Pause", "s", "")                  # of org.fotad1.Manager
	Caller(bus, "nobody").call("Pause", "s", "")   # the same, in a process of that user
"""
import json
import os
import pwd
import subprocess
import sys
import threading

import rig

try:
	import gi
	gi.require_version("Gio", "2.0")
	from gi.repository import Gio, GLib
except ImportError:
	Gio = None

NAME, ROOT, MANAGER = "org.fotad1", "/org/fotad1", "org.fotad1.Manager"
PROPERTIES = "org.freedesktop.DBus.Properties"
DENIED = ("org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired")

# What a system bus has of its own, in short: anybody connects, nobody owns or sends but where a policy allows it. fotad's is the
# shipped one. The test's user may be fotad, and the services of the host that fotad speaks to.
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.PolicyKit1"/>
    <allow send_destination="org.freedesktop.login1"/>
    <allow send_destination="org.freedesktop.timedate1"/>
  </policy>
  <policy user="{user}">
    <allow own="org.freedesktop.PolicyKit1"/>
    <allow own="org.freedesktop.login1"/>
    <allow own="org.freedesktop.ModemManager1"/>
    <allow own="org.freedesktop.timedate1"/>
    <allow send_destination="*"/>
  </policy>
  <include>{shipped}</include>
  {fotad}
</busconfig>
"""
AS_FOTAD = '<policy user="{user}"><allow own="org.fotad1"/></policy>'


def needs_root():
	if os.geteuid() != 0:
		raise rig.Skip("needs root: other users are to call")


class Bus:
	def __init__(self, bench, fotad=None):
		"""fotad: the user that plays fotad's, for whom the shipped policy has one of its own."""
		if Gio is None:
			raise rig.Skip("python3-gi is not installed")
		self.bench, self.number = bench, 0
		user = pwd.getpwuid(os.geteuid()).pw_name
		fotad = fotad or user
		self.socket = bench.path("bus")
		self.address = f"unix:path={self.socket}"
		self.config = bench.write("bus.conf", CONFIG.format(socket=self.socket, user=user,
			shipped=os.path.join(rig.SOURCE, "conf", "dbus", "org.fotad1.conf"), fotad=AS_FOTAD.format(user=fotad)))
		self.process = None
		self.start()
		bench.closing.callback(self.stop)

	def start(self):
		self.number += 1
		if os.path.exists(self.socket):
			os.unlink(self.socket)
		try:
			self.process = rig.Process(["dbus-daemon", f"--config-file={self.config}", "--nofork", "--nopidfile", "--nosyslog",
				"--print-address"], self.bench.path(f"bus-{self.number}.log"))
		except FileNotFoundError:
			raise rig.Skip("dbus-daemon is not installed") from None
		self.process.log.wait("^unix:path=", timeout=20)

	def stop(self):
		self.process.close()


class Error(Exception):
	"""A call's: its D-Bus name and its text."""

	def __init__(self, name, text):
		super().__init__(f"{name}: {text}")
		self.name, self.text = name, text


class Client:
	"""A connection of this process, with a thread that takes signals and answers calls."""

	def __init__(self, bus):
		flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
		self.context = GLib.MainContext.new()
		self.loop = GLib.MainLoop.new(self.context, False)
		self.signals = rig.Lines()  # as JSON
		self.descriptors = []  # of the last answer: the test's to close
		self.connection = Gio.DBusConnection.new_for_address_sync(bus.address, flags, None, None)
		self.connection.set_exit_on_close(False)
		self.thread = threading.Thread(target=self.run, daemon=True)
		self.thread.start()
		bus.bench.closing.callback(self.close)

	def run(self):
		self.context.push_thread_default()
		self.loop.run()
		self.context.pop_thread_default()

	def within(self, function):
		"""In the thread of the loop; its result."""
		done, result = threading.Event(), []

		def work(*_):
			try:
				result.append(function())
			finally:
				done.set()
			return False

		source = GLib.idle_source_new()
		source.set_callback(work)
		source.attach(self.context)
		rig.check(done.wait(rig.PATIENCE) and result, "the test's own loop is stuck")
		return result[0]

	def close(self):
		self.loop.quit()
		if not self.connection.is_closed():
			self.connection.close_sync(None)

	def raw(self, destination, path, interface, member, signature="", *values, interactive=False, timeout=rig.PATIENCE):
		flags = Gio.DBusCallFlags.NO_AUTO_START
		if interactive:
			flags |= Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION
		try:
			reply, descriptors = self.connection.call_with_unix_fd_list_sync(destination, path, interface, member,
				GLib.Variant(f"({signature})", values), None, flags, int(timeout * 1000), None, None)
		except GLib.Error as error:
			name = Gio.DBusError.get_remote_error(error) or "local." + error.domain
			Gio.DBusError.strip_remote_error(error)
			raise Error(name, error.message) from None
		self.descriptors = list(descriptors.steal_fds()) if descriptors else []
		return reply.unpack()

	def call(self, member, signature="", *values, **more):
		return self.raw(NAME, ROOT, MANAGER, member, signature, *values, **more)

	def close_descriptors(self):
		"""Those of the last answer."""
		for descriptor in self.descriptors:
			os.close(descriptor)
		self.descriptors = []

	def set(self, destination, path, interface, name, signature, value):
		return self.raw(destination, path, PROPERTIES, "Set", "ssv", interface, name, GLib.Variant(signature, value))

	def get(self, interface, path, name):
		return self.raw(NAME, path, PROPERTIES, "Get", "ss", interface, name)[0]

	def get_all(self, interface, path):
		return self.raw(NAME, path, PROPERTIES, "GetAll", "s", interface)[0]

	def objects(self):
		return self.raw(NAME, ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")[0]

	def introspect(self, path):
		return self.raw(NAME, path, "org.freedesktop.DBus.Introspectable", "Introspect")[0]

	def owner(self, name):
		try:
			return self.raw("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner", "s", name)[0]
		except Error:
			return None

	def listen(self, sender=NAME):
		"""Every signal of the sender: self.signals has [path, interface, member, arguments] as lines of JSON."""
		def take(_connection, _sender, path, interface, member, arguments):
			self.signals.add(json.dumps([path, interface, member, arguments.unpack()]))

		self.within(lambda: self.connection.signal_subscribe(sender, None, None, None, None, Gio.DBusSignalFlags.NONE, take) or True)
		self.raw("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Peer", "Ping")  # it is in force

	def told(self, member=None, path=None):
		lines = [json.loads(line) for line in self.signals.find("")]
		return [line for line in lines if (member is None or line[2] == member) and (path is None or line[0] == path)]

	def wait_for_signal(self, condition, what):
		"""condition(path, interface, member, arguments) of one of them."""
		self.signals.wait_until(lambda: any(condition(*json.loads(line)) for line in self.signals.lines), what)

	def wait_for_name(self, name=NAME):
		"""Until somebody has it."""
		news = rig.Lines()

		def look(_connection, _name, owner):
			news.add(owner)

		watch = self.within(lambda: Gio.bus_watch_name_on_connection(self.connection, name, Gio.BusNameWatcherFlags.NONE, look, None))
		try:
			news.wait(".")
		finally:
			self.within(lambda: Gio.bus_unwatch_name(watch) or True)

	def serve(self, name, path, xml, method):
		"""method(invocation, member, arguments) in the loop's thread, for an interface of a service of the host."""
		node = Gio.DBusNodeInfo.new_for_xml(xml)

		def take(_connection, _sender, _path, _interface, member, arguments, invocation):
			method(invocation, member, arguments.unpack())

		def get(_connection, _sender, _path, _interface, member):
			return method(None, member, None)

		self.within(lambda: self.connection.register_object(path, node.interfaces[0], take, get, None))
		self.raw("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", "su", name, 4)


class Caller:
	"""Another user's process: the same calls, one line of JSON each way."""

	def __init__(self, bus, user):
		entry = pwd.getpwnam(user)
		self.child = subprocess.Popen(["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups",
			"/usr/bin/python3", "-c", SAY], env={**os.environ, "FOTAD_BUS": bus.address},
			stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
		bus.bench.closing.callback(self.kill)

	def send(self, destination, path, interface, member, signature="", *values, interactive=False):
		self.child.stdin.write(json.dumps([destination, path, interface, member, signature, values, interactive]) + "\n")
		self.child.stdin.flush()

	def answer(self):
		line = self.child.stdout.readline()
		rig.check(line, "the caller has ended")
		kind, *rest = json.loads(line)
		if kind == "error":
			raise Error(*rest)
		return rest[0]

	def raw(self, *arguments, **more):
		self.send(*arguments, **more)
		return self.answer()

	def call(self, member, signature="", *values, **more):
		return self.raw(NAME, ROOT, MANAGER, member, signature, *values, **more)

	def set(self, destination, path, interface, name, signature, value):
		return self.raw(destination, path, PROPERTIES, "Set", "ssv", interface, name, {"signature": signature, "value": value})

	def close_descriptors(self):
		"""They are closed with their answer there."""

	def kill(self):
		self.child.kill()
		self.child.wait()


# What runs as the other user, who need not be able to read our files.
SAY = """
import json, os, sys
import gi
gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib
F = Gio.DBusConnectionFlags
bus = Gio.DBusConnection.new_for_address_sync(os.environ["FOTAD_BUS"], F.AUTHENTICATION_CLIENT | F.MESSAGE_BUS_CONNECTION, None, None)
def done(_source, result):
	try:
		reply, _fds = bus.call_with_unix_fd_list_finish(result)
		print(json.dumps(["reply", reply.unpack()]), flush=True)
	except GLib.Error as error:
		name = Gio.DBusError.get_remote_error(error) or "local." + error.domain
		Gio.DBusError.strip_remote_error(error)
		print(json.dumps(["error", name, error.message]), flush=True)
rest = b""
def take(channel, _condition):
	global rest
	data = os.read(0, 65536)
	if not data:
		loop.quit()
		return False
	*lines, rest = (rest + data).split(b"\\n")
	for line in lines:
		ask(line)
	return True
def ask(line):
	destination, path, interface, member, signature, values, interactive = json.loads(line)
	values = [GLib.Variant(v["signature"], v["value"]) if isinstance(v, dict) else v for v in values]
	flags = Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION if interactive else Gio.DBusCallFlags.NONE
	bus.call_with_unix_fd_list(destination, path, interface, member, GLib.Variant("(%s)" % signature, values), None, flags,
		60000, None, None, done)
loop = GLib.MainLoop()
GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, take)
loop.run()
"""


def error_of(function, *arguments, **more):
	"""The name of the error that a call ends with; None: it succeeds."""
	try:
		function(*arguments, **more)
	except Error as error:
		return error.name
	return None


def fotad(bench, bus, *options, wait=True, **more):
	"""The daemon on the bus, and a client that has seen it there."""
	daemon = bench.daemon(*options, f"--bus={bus.address}", once=False, **more)
	client = Client(bus)
	if wait:
		client.wait_for_name()
	return daemon, client


if __name__ == "__main__":
	sys.exit("see test-bus.py")
