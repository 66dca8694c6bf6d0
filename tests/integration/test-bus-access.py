#!/usr/bin/python3
"""Who may do what to fotad by D-Bus: every method, as root, as fotad's own user and as nobody, with and without a polkit."""
import os
import pwd
import xml.etree.ElementTree as ElementTree

import busrig
import rig
import warp
from busrig import DENIED, MANAGER, NAME, PROPERTIES, ROOT, Bus, Caller, Client, error_of, fotad

READ, MANAGE, RELOAD, FORCE = None, "org.fotad1.manage-jobs", "org.fotad1.reload", "org.fotad1.force"

# Each method of the Manager, with the action that opens it. One that is not here is a failure of the test.
METHODS = {"Start": MANAGE, "Cancel": MANAGE, "Retry": MANAGE, "Pause": MANAGE, "Resume": MANAGE, "Acknowledge": MANAGE,
	"Reload": RELOAD, "Inhibit": MANAGE, "ListInhibitors": READ, "Explain": READ, "Plan": READ, "History": READ, "Trace": MANAGE,
	"Metrics": READ, "Find": READ}
VALUES = {"s": "no-such-name", "b": False, "u": 1}
AUTHORITY = "org.freedesktop.PolicyKit1"
AUTHORITY_XML = """<node><interface name="org.freedesktop.PolicyKit1.Authority">
<method name="CheckAuthorization"><arg type="(sa{sv})" direction="in"/><arg type="s" direction="in"/>
<arg type="a{ss}" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/><arg type="(bba{ss})" direction="out"/></method>
<method name="CancelCheckAuthorization"><arg type="s" direction="in"/></method></interface></node>"""


def nobodys_bus(bench, user=None):
	busrig.needs_root()
	bench.config["modems"] = [{"name": "away", "port": bench.path("ports", "away")}]
	return Bus(bench, user)


def methods():
	"""(name, signature) of every method that is installed."""
	node = ElementTree.parse(os.path.join(rig.SOURCE, "conf", "dbus", MANAGER + ".xml"))
	return [(method.get("name"), "".join(arg.get("type") for arg in method.findall("arg") if arg.get("direction") == "in"))
		for method in node.iter("method")]


def try_all(caller):
	"""{method: its error's name}"""
	results = {}
	for name, signature in methods():
		results[name] = error_of(caller.call, name, signature, *(VALUES[t] for t in signature))
		caller.close_descriptors()
	return results


def set_level(caller, level="debug"):
	return error_of(caller.set, NAME, "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1", "LogLevel", "s", level)


def test_every_method(bench):
	"""root and the owner are let through, nobody only reads: no polkit is there."""
	bus = nobodys_bus(bench, "daemon")
	rig.equal({name for name, _ in methods()}, set(METHODS), "methods, and those whose action this test knows")
	owner = pwd.getpwnam("daemon")
	os.makedirs(bench.path("state"), 0o700)
	os.chown(bench.path("state"), owner.pw_uid, owner.pw_gid)
	_, root = fotad(bench, bus, prefix=["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"])
	for who, caller in ("root", root), ("the owner", Caller(bus, "daemon")):
		for name, error in try_all(caller).items():
			rig.check(error not in DENIED, f"{name} is denied to {who}: {error}")
		rig.check(error_of(caller.call, "Start", "sb", "no-such-name", True) == "org.fotad1.Error.NoSuchName",
			f"a forced start is denied to {who}")
		rig.equal(set_level(caller), None, f"LogLevel for {who}")
	rig.equal(root.get("org.freedesktop.LogControl1", "/org/freedesktop/LogControl1", "LogLevel"), "debug", "LogLevel")
	nobody = Caller(bus, "nobody")
	for name, error in try_all(nobody).items():
		rig.equal(error in DENIED, METHODS[name] is not READ, f"{name} is denied to nobody ({error})")
	rig.check(error_of(nobody.call, "Start", "sb", "no-such-name", True) in DENIED, "nobody forces a start")
	rig.check(set_level(nobody, "err") in DENIED, "nobody sets LogLevel")
	rig.equal(root.get("org.freedesktop.LogControl1", "/org/freedesktop/LogControl1", "LogLevel"), "debug", "LogLevel")
	held = {what for what, _ in root.call("ListInhibitors")[0]}
	rig.equal(held, set(), "inhibitors whose descriptors are closed")


def test_policy(bench):
	"""What the bus itself forbids: the name for others, and interfaces that fotad does not have."""
	bus = nobodys_bus(bench)
	_, _ = fotad(bench, bus)
	nobody = Caller(bus, "nobody")
	rig.equal(error_of(nobody.raw, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", "su", NAME, 4),
		"org.freedesktop.DBus.Error.AccessDenied", "nobody takes the name")
	rig.equal(error_of(nobody.raw, NAME, ROOT, "org.example.Other", "Method"), "org.freedesktop.DBus.Error.AccessDenied", "another interface")
	for interface, member in ("org.freedesktop.DBus.Introspectable", "Introspect"), ("org.freedesktop.DBus.Peer", "Ping"), \
			("org.freedesktop.DBus.ObjectManager", "GetManagedObjects"):
		rig.equal(error_of(nobody.raw, NAME, ROOT, interface, member), None, member)
	rig.equal(error_of(nobody.raw, NAME, ROOT, PROPERTIES, "GetAll", "s", MANAGER), None, "GetAll")


def test_actions(_bench):
	"""What polkit is told: the three actions, none of them open to everybody, and fotad's own user may ask about them."""
	root = ElementTree.parse(os.path.join(rig.SOURCE, "conf", "dbus", "org.fotad1.policy")).getroot()
	actions = {action.get("id"): action for action in root.findall("action")}
	rig.equal(set(actions), {MANAGE, RELOAD, FORCE}, "actions")
	rig.equal(set(actions) - {FORCE}, {action for action in METHODS.values() if action}, "actions of methods")
	for name, action in actions.items():
		rig.equal(sorted(default.tag for default in action.find("defaults")), ["allow_active", "allow_any", "allow_inactive"], name)
		rig.check(all(default.text in ("auth_admin", "auth_admin_keep") for default in action.find("defaults")), f"{name} is open")
		rig.equal({a.get("key"): a.text for a in action.findall("annotate")},
			{"org.freedesktop.policykit.owner": "unix-user:fotad"}, f"annotations of {name}")  # or only root may ask (polkit(8))
		rig.check(action.findtext("description") and action.findtext("message"), f"{name} has nothing to show")


class Polkit:
	"""What plays polkit on the bus. say: what becomes of a question."""

	def __init__(self, bus, say="no"):
		self.client, self.say = Client(bus), say
		self.asked, self.cancelled, self.open = rig.Lines(), rig.Lines(), []
		self.client.serve(AUTHORITY, "/org/freedesktop/PolicyKit1/Authority", AUTHORITY_XML, self.take)

	def take(self, invocation, member, arguments):
		if member != "CheckAuthorization":
			self.cancelled.add(arguments[0])
			invocation.return_value(None)
			return
		(kind, subject), action, _, flags, number = arguments
		say = self.say
		if say in ("never", "late"):
			self.open.append(invocation)
		self.asked.add(f"{kind} {subject['name']} {action} {flags} {number}")  # before the answer: it is known by then
		if say in ("never", "late"):
			return
		if say == "garbage":
			self.reply(invocation, "s", "yes, yes, yes")
		elif say == "nearly":
			self.reply(invocation, "bba{ss}", True, True, {})
		elif say == "error":
			invocation.return_dbus_error("org.freedesktop.PolicyKit1.Error.Failed", "not today")
		else:
			self.answer(invocation, say)

	def answer(self, invocation, say):
		invocation.return_value(busrig.GLib.Variant("((bba{ss}))", ((say == "yes", say == "challenge", {}),)))

	def reply(self, invocation, signature, *values):
		"""Not what the interface has, which a library would not send for us."""
		message = busrig.Gio.DBusMessage.new_method_reply(invocation.get_message())
		message.set_body(busrig.GLib.Variant(f"({signature})", values))
		self.client.connection.send_message(message, busrig.Gio.DBusSendMessageFlags.NONE)

	def vanish(self):
		self.client.connection.close_sync(None)


def test_polkit_answers(bench):
	"""Only a plain yes is a yes; the question is about the caller and the right action."""
	bus = nobodys_bus(bench)
	fotad(bench, bus)
	polkit = Polkit(bus)
	nobody = Caller(bus, "nobody")
	name = nobody.raw("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixUser", "s", "org.fotad1")
	rig.equal(name, [0], "fotad's own user")
	for say, wanted in ("no", DENIED[0]), ("garbage", DENIED[0]), ("nearly", DENIED[0]), ("error", DENIED[0]), ("challenge", DENIED[1]), \
			("yes", None):
		polkit.say = say
		rig.equal(error_of(nobody.call, "Pause", "s", ""), wanted, f"Pause when polkit says {say}")
	rig.equal(error_of(nobody.call, "Pause", "s", ""), "org.fotad1.Error.NothingToDo", "Pause again")
	polkit.say = "challenge"
	rig.equal(error_of(nobody.call, "Resume", "s", "", interactive=True), DENIED[0], "asked for a password in vain")
	polkit.say = "yes"
	actions = {}
	for method, signature in methods():
		before = polkit.asked.size()
		error_of(nobody.call, method, signature, *(VALUES[t] for t in signature))
		asked = polkit.asked.lines[before:]
		actions[method] = asked[0].split()[2] if asked else None
	rig.equal(actions, METHODS, "actions that polkit was asked about")
	error_of(nobody.call, "Start", "sb", "away", True)
	rig.check(polkit.asked.lines[-1].split()[2] == FORCE, "the action of a forced start")
	error_of(nobody.call, "Cancel", "s", "no-such-name", interactive=True)
	kind, _, _, flags, _ = polkit.asked.lines[-1].split()
	rig.equal((kind, flags), ("system-bus-name", "1"), "the question with interaction")
	rig.check(all(line.split()[3] == "0" for line in polkit.asked.lines[:5]), "interaction that the caller did not ask for")


def test_polkit_vanishes(bench):
	"""Its going in mid question is a no; so is its never having been."""
	bus = nobodys_bus(bench)
	_, root = fotad(bench, bus)
	polkit = Polkit(bus, "never")
	nobody = Caller(bus, "nobody")
	nobody.send(NAME, ROOT, MANAGER, "Pause", "s", "")
	polkit.asked.wait("manage-jobs")
	polkit.vanish()
	rig.equal(error_of(nobody.answer), DENIED[0], "Pause when polkit vanishes")
	rig.equal(error_of(nobody.call, "Pause", "s", ""), DENIED[0], "Pause without polkit")
	rig.check(not root.get(MANAGER, ROOT, "Paused"), "somebody has paused it")


def test_polkit_is_late(bench):
	"""No answer in time is a no, and one that comes later changes nothing."""
	bus = nobodys_bus(bench)
	clock = warp.Warp(bench)
	_, root = fotad(bench, bus, environment=clock.environment)
	polkit = Polkit(bus, "late")
	nobody = Caller(bus, "nobody")
	nobody.send(NAME, ROOT, MANAGER, "Pause", "s", "")
	polkit.asked.wait("manage-jobs")
	clock.run(20)
	rig.equal(error_of(nobody.answer), DENIED[0], "Pause when polkit is late")
	polkit.cancelled.wait("fotad-")
	polkit.client.within(lambda: [polkit.answer(question, "yes") for question in polkit.open] or True)
	polkit.say = "no"
	rig.equal(error_of(nobody.call, "Pause", "s", ""), DENIED[0], "the next one")
	rig.check(not root.get(MANAGER, ROOT, "Paused"), "a late yes has paused it")


def test_caller_vanishes(bench):
	"""Who is not there any more is not asked for a password, and nothing is done for him."""
	bus = nobodys_bus(bench)
	_, root = fotad(bench, bus)
	polkit = Polkit(bus, "late")
	nobody = Caller(bus, "nobody")
	nobody.send(NAME, ROOT, MANAGER, "Pause", "s", "")
	polkit.asked.wait("manage-jobs")
	number = polkit.asked.lines[-1].split()[-1]
	nobody.kill()
	polkit.cancelled.wait(f"^{number}$")
	polkit.client.within(lambda: [polkit.answer(question, "yes") for question in polkit.open] or True)
	rig.equal(error_of(Caller(bus, "nobody").call, "Find", "s", "away"), None, "fotad goes on")
	rig.check(not root.get(MANAGER, ROOT, "Paused"), "it was paused for somebody who has gone")


def test_limits(bench):
	"""A caller has few questions open at a time, all callers together not many more; root is not kept out by them."""
	bus = nobodys_bus(bench)
	_, root = fotad(bench, bus)
	polkit = Polkit(bus, "never")
	nobody = Caller(bus, "nobody")
	for _ in range(9):
		nobody.send(NAME, ROOT, MANAGER, "Pause", "s", "")
	rig.equal(error_of(nobody.answer), "org.freedesktop.DBus.Error.LimitsExceeded", "one too many")
	polkit.asked.wait_for_lines(8)
	others = [Caller(bus, "nobody") for _ in range(7)]
	for other in others:
		for _ in range(8):
			other.send(NAME, ROOT, MANAGER, "Pause", "s", "")
	polkit.asked.wait_for_lines(64)
	rig.equal(error_of(Caller(bus, "nobody").call, "Pause", "s", ""), "org.freedesktop.DBus.Error.LimitsExceeded", "too many in all")
	rig.equal(error_of(root.call, "Pause", "s", ""), None, "Pause by root")


def test_inhibit(bench):
	"""New starts are held while the descriptor is open, and by whom is seen; what is not closed is closed by death."""
	busrig.needs_root()
	bus = Bus(bench)
	bench.web()
	bench.modem("pump", "L610")
	bench.http("L610", *rig.VERSIONS["L610"][:2])
	bench.campaigns_by_target()
	bench.start_modems()
	path = bench.write_config()
	bench.config["campaigns"] = []
	daemon, client = fotad(bench, bus, config=bench.write_config("idle.json"))
	daemon.log.wait(" pump: L610")
	rig.equal(error_of(client.call, "Inhibit", "ss", "", "why"), "org.freedesktop.DBus.Error.InvalidArgs", "without a name")
	client.call("Inhibit", "ss", "backup", "the uplink is \x1b[31mneeded")
	held = client.descriptors
	rig.equal(len(held), 1, "descriptors")
	rig.equal(client.call("ListInhibitors")[0], [("backup", "the uplink is \\x1b[31mneeded")], "inhibitors")
	os.replace(path, bench.path("idle.json"))
	client.call("Reload")
	client.listen()
	client.wait_for_signal(lambda p, i, m, a: m == "PropertiesChanged" and a[1].get("Waits") == "held", "what it waits for")
	rig.equal(bench.sent("pump").count("AT+CPIN?"), 0, "an attempt has begun")
	os.close(held[0])
	daemon.log.wait(" pump: succeeded")
	rig.equal(client.get(MANAGER, ROOT, "InhibitorCount"), 0, "inhibitors at the end")


rig.main(test_every_method, test_policy, test_actions, test_polkit_answers, test_polkit_vanishes, test_polkit_is_late, test_caller_vanishes,
	test_limits, test_inhibit)
