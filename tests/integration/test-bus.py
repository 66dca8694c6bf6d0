#!/usr/bin/python3
"""fotad on D-Bus: what is told there, and what becomes of fotad when the bus goes away."""
import json
import os
import random
import re
import signal
import xml.etree.ElementTree as ElementTree

import busrig
import rig
from busrig import MANAGER, NAME, ROOT, Bus, Client, Error, error_of, fotad
from rig import VERSIONS

L28, L29, L30 = VERSIONS["L610"]
PACE = 100_000  # microseconds between two changes of an object that are told
MODEM, JOB, CAMPAIGN = "org.fotad1.Modem", "org.fotad1.Job", "org.fotad1.Campaign"


def one_modem(bench, *faults, name="pump", rate=0, **more):
	bench.web(rate=rate)
	m = bench.modem(name, "L610", *faults, **more)
	bench.http("L610", L28, L29)
	return m


# ---- what there is ----

def interface(text, name):
	"""As lines that do not depend on how it is written."""
	node = ElementTree.fromstring(text)
	found = [i for i in node.findall("interface") if i.get("name") == name]
	rig.equal(len(found), 1, f"interfaces {name}")
	return [line for line in ElementTree.tostring(found[0], encoding="unicode").split("\n") if line.strip()]


def test_introspection(bench):
	"""What the daemon says of itself is what is installed; a change of the API is a change of these files."""
	bus = Bus(bench)
	one_modem(bench)
	bench.campaigns_by_target()
	bench.start_modems()
	_, client = fotad(bench, bus)
	client.listen()
	rig.check(client.objects(), "no objects")
	client.wait_for_signal(lambda p, i, m, a: m == "InterfacesAdded" and JOB in a[1] or any(JOB in o for o in client.objects().values()),
		"a job")
	paths = {next(name for name in kinds if name.startswith("org.fotad1.")): path for path, kinds in client.objects().items()}
	paths[MANAGER] = ROOT
	rig.equal(sorted(paths), [CAMPAIGN, JOB, MANAGER, MODEM], "interfaces")
	for name, path in paths.items():
		with open(os.path.join(rig.SOURCE, "conf", "dbus", name + ".xml"), encoding="ascii") as file:
			shipped = file.read()
		live = client.introspect(path)
		rig.equal(interface(shipped, name), interface(live, name), f"conf/dbus/{name}.xml and the daemon")


def test_upgrade_is_told(bench):
	"""Objects come, properties change, milestones are events; all of it is true in the end."""
	bus = Bus(bench)
	m = one_modem(bench, name="pump-07.b", rate=15_000)
	bench.campaign("winter", L29)
	bench.config["modems"].append({"name": "away", "port": bench.path("ports", "away")})
	bench.start_modems()
	daemon, client = fotad(bench, bus)
	client.listen()
	path = "/org/fotad1/modem/pump_2d07_2eb"
	client.wait_for_signal(lambda p, i, member, a: member == "Event" and a[0]["kind"] == "verified", "the end of the upgrade")
	job = client.get(MODEM, path, "Job")
	client.wait_for_signal(lambda p, i, member, a: p == job and "State" in (a[1] if member == "PropertiesChanged" else {}) and
		a[1]["State"] == "succeeded", "the job's end in its properties")
	seen = client.get_all(MODEM, path)
	rig.equal((seen["Name"], seen["State"], seen["Imei"], seen["Version"], seen["Target"], seen["Profile"], seen["Campaign"]),
		(m.name, "present", m.imei, L29, L29, "L610", "winter"), "the modem")
	rig.equal(os.path.realpath(bench.path("ports", m.name)), seen["Device"], "its tty")
	told = client.get_all(JOB, job)
	rig.equal((told["State"], told["Reason"], told["Modem"], told["Campaign"], told["Imei"], told["Hop"], told["Hops"]),
		("succeeded", "", path, "/org/fotad1/campaign/winter", m.imei, 1, 1), "the job")
	rig.check(0 < told["Created"] <= told["Ended"], "its times")
	away = client.get_all(MODEM, "/org/fotad1/modem/away")
	rig.equal((away["State"], away["Job"], away["Waits"]), ("absent", "/", "port-absent"), "a modem that is not there")
	campaign = client.get_all(CAMPAIGN, "/org/fotad1/campaign/winter")
	rig.equal({state: n for state, n in campaign["Jobs"].items() if n}, {"succeeded": 1, "none": 1}, "the campaign's jobs")
	phases = [a[1]["Phase"] for _, _, _, a in client.told("PropertiesChanged", job) if a[1].get("Phase")]
	rig.check([p for p in phases if p in ("downloading", "installing", "verifying")] == ["downloading", "installing", "verifying"],
		f"phases as they were told: {phases}")
	percents = [a[1]["Percent"] for _, _, _, a in client.told("PropertiesChanged", job) if a[1].get("Percent", -1) >= 0]
	rig.check(len(percents) >= 3 and percents == sorted(percents), f"percents as they were told: {percents}")
	kinds = [a[0]["kind"] for _, _, _, a in client.told("Event")]
	for kind in "attempt-started", "download-started", "progress", "verified":
		rig.check(kind in kinds, f"no event {kind} among {kinds}")
	event = next(a[0] for _, _, _, a in client.told("Event") if a[0]["kind"] == "verified")
	rig.equal((event["modem"], event["campaign"], f"/org/fotad1/job/{event['job']}", event["priority"]),
		(m.name, "winter", job, 5), "an event's fields")
	rig.check(m.imei not in json.dumps(client.told("Event")), "an event shows the whole IMEI")
	lines = client.call("History", "su", m.name, 5)[0]
	rig.check(0 < len(lines) <= 5 and all(line["modem"] == m.name for line in lines), f"history: {lines}")
	rig.check(lines == sorted(lines, key=lambda line: -line["time"]), "history: not the newest first")
	rig.equal(client.call("History", "su", "no-such", 5)[0], [], "history of nobody")
	rig.check("fotad_build_info" in client.call("Metrics")[0], "no metrics")
	rig.equal(client.call("Find", "s", "winter")[0], "/org/fotad1/campaign/winter", "Find a campaign")
	rig.equal(client.call("Find", "s", job.rsplit("/", 1)[1])[0], job, "Find a job")
	rig.equal(daemon.stop(), 0, "exit code of fotad")


def test_coalesced(bench):
	"""An object that changes all the time is told of ten times a second."""
	bus = Bus(bench)
	one_modem(bench)
	bench.campaign("winter", L29)
	bench.start_modems()
	_, client = fotad(bench, bus)
	client.listen()
	client.wait_for_signal(lambda p, i, member, a: member == "Event" and a[0]["kind"] == "verified", "the end of the upgrade")
	told = [a[1]["Step"] for _, _, member, a in client.told() if member == "PropertiesChanged" and a[1].get("Step")]
	moments = [int(line.split()[0]) for line in bench.transcript.find("^[0-9]+ pump [<>!] ")]  # microseconds
	most, last = 0, -PACE
	for moment in moments:
		if moment >= last + PACE:
			most, last = most + 1, moment
	print(f"  {len(moments)} lines were spoken, in {most} times 0.1 s; {len(told)} steps were told", flush=True)
	rig.check(3 < len(told) <= most + 2, f"{len(told)} steps were told, and {most} could be")


def test_objects_come_and_go(bench):
	"""A reload adds and takes away; a retry is another job."""
	bus = Bus(bench)
	one_modem(bench)
	bench.modem("late", "L610", configured=False)
	bench.start_modems()
	path = bench.write_config()
	daemon, client = fotad(bench, bus, config=path)
	client.listen()
	client.objects()
	bench.config["modems"] = [{"name": "late", "port": bench.path("ports", "late")}]
	bench.campaign("winter", L29)
	bench.write_config()
	client.call("Reload")
	client.wait_for_signal(lambda p, i, m, a: m == "InterfacesAdded" and a[0] == "/org/fotad1/modem/late" and
		a[1][MODEM]["Name"] == "late", "the new modem")
	client.wait_for_signal(lambda p, i, m, a: m == "InterfacesRemoved" and a == ["/org/fotad1/modem/pump", [MODEM]], "the old modem's end")
	client.wait_for_signal(lambda p, i, m, a: m == "InterfacesAdded" and a[0] == "/org/fotad1/campaign/winter", "the campaign")
	client.wait_for_signal(lambda p, i, m, a: m == "InterfacesAdded" and JOB in a[1], "its job")
	rig.equal({p for p in client.objects() if "/modem/" in p}, {"/org/fotad1/modem/late"}, "modems")
	daemon.kill(signal.SIGHUP)  # names are known all the same when their configuration is another one
	daemon.log.wait("configuration read again", count=2)
	rig.equal(client.get(MODEM, "/org/fotad1/modem/late", "Name"), "late", "after SIGHUP")
	daemon.log.wait(" late: succeeded")
	job = client.get(MODEM, "/org/fotad1/modem/late", "Job")
	rig.equal(client.get(JOB, job, "Attempt"), 1, "the attempt that has succeeded")
	rig.equal(error_of(client.call, "Retry", "s", "late"), "org.fotad1.Error.NothingToDo", "another job for what has succeeded")
	bench.write("fotad.json", '{"version": 1, "modmes": [], "limits": {"max_paralel": 1}}')
	try:
		client.call("Reload")
		raise rig.Failure("a bad configuration was taken")
	except Error as error:
		rig.equal(error.name, "org.fotad1.Error.Configuration", "the error")
		rig.check("modmes" in error.text and "max_paralel" in error.text and error.text.count("\n") == 1,
			f"every problem, one a line: {error.text!r}")


def test_retry(bench):
	"""Another job is another object, there as soon as it is answered; the cancelled one is gone."""
	bus = Bus(bench)
	bench.config["modems"] = [{"name": "away", "port": bench.path("ports", "away")}]
	bench.campaign("winter", L29)
	daemon, client = fotad(bench, bus)
	client.listen()
	daemon.log.wait(" away: .* is not there")
	first, _ = client.call("Cancel", "s", "away")
	rig.equal(client.get(JOB, first, "State"), "cancelled", "the first job")
	rig.equal(error_of(client.call, "Cancel", "s", "away"), "org.fotad1.Error.NothingToDo", "cancelled again")
	second, _ = client.call("Retry", "s", "away")
	rig.check(second != first, "the same job again")
	rig.equal(client.get(JOB, second, "State"), "waiting", "the second job")
	rig.equal(client.get(MODEM, "/org/fotad1/modem/away", "Job"), second, "the modem's job")
	client.wait_for_signal(lambda p, i, m, a: m == "InterfacesRemoved" and a == [first, [JOB]], "the first one's end")
	client.wait_for_signal(lambda p, i, m, a: m == "InterfacesAdded" and a[0] == second, "the second one's coming")
	rig.equal(error_of(client.get, JOB, first, "State"), "org.freedesktop.DBus.Error.UnknownObject", "the first job afterwards")
	rig.equal(error_of(client.call, "Start", "sb", "away", False), "org.fotad1.Error.Refused", "started although it is away")
	client.call("Pause", "s", "winter")
	rig.equal(client.get(CAMPAIGN, "/org/fotad1/campaign/winter", "State"), "paused", "the campaign")
	client.call("Resume", "s", "winter")
	rig.equal(error_of(client.call, "Resume", "s", "winter"), "org.fotad1.Error.NothingToDo", "resumed again")
	rig.equal(error_of(client.call, "Acknowledge"), "org.fotad1.Error.NothingToDo", "acknowledged")
	rig.equal(error_of(client.call, "Trace", "s", "away"), "org.fotad1.Error.NothingToDo", "no recording")
	rows, total = client.call("Plan", "s", "")
	rig.equal(([row[0] for row in rows], total["jobs"]), (["away"], 1), "the plan")
	daemon.stop()


def test_trace(bench):
	"""The recording of the last failed attempt comes as a descriptor that only reads."""
	bus = Bus(bench)
	one_modem(bench, "version-unchanged")
	bench.campaign("winter", L29)
	bench.start_modems()
	daemon, client = fotad(bench, bus)
	daemon.log.wait(" pump: what happened is in ")
	name = client.call("Trace", "s", "pump")[1]
	with os.fdopen(client.descriptors[0], encoding="utf-8") as file:
		recording = json.load(file)
	client.descriptors = []
	with open(bench.path("state", "bundles", name), encoding="utf-8") as file:
		rig.equal(recording, json.load(file), "the recording")
	daemon.stop()


# ---- the connection ----

def test_no_bus(bench):
	"""Without a bus modems are upgraded all the same, and READY does not wait; when it comes, fotad is there."""
	bus = Bus(bench)
	bus.stop()
	m = one_modem(bench)
	bench.campaigns_by_target()
	bench.start_modems()
	manager = rig.Notifications(bench)
	daemon = bench.daemon(f"--bus={bus.address}", once=False, environment={"NOTIFY_SOCKET": manager.path})
	manager.wait("^READY=1$")
	daemon.log.wait("no connection to D-Bus")
	daemon.log.wait(rig.RESTORED)
	bus.start()
	client = Client(bus)
	client.wait_for_name()
	rig.equal(client.get(MODEM, "/org/fotad1/modem/pump", "Version"), L29, "version")
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	rig.judge_success(bench, m, bench.truth()["pump"])


def test_bus_dies(bench):
	"""... in mid download, and comes back."""
	bus = Bus(bench)
	m = one_modem(bench, rate=40_000)
	bench.campaigns_by_target()
	bench.start_modems()
	daemon, _ = fotad(bench, bus)
	bench.transcript.wait("GTOTA DOWNLOAD START")
	bus.process.kill(signal.SIGKILL)
	daemon.log.wait("no connection to D-Bus")
	bus.start()
	client = Client(bus)
	client.wait_for_name()
	client.listen()
	rig.equal(client.get(MODEM, "/org/fotad1/modem/pump", "Name"), "pump", "after the bus has come back")
	daemon.log.wait(rig.RESTORED)
	client.wait_for_signal(lambda p, i, member, a: member == "PropertiesChanged" and a[1].get("State") == "succeeded", "its end")
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	rig.judge_success(bench, m, bench.truth()["pump"])
	rig.equal(len(daemon.log.find("no connection to D-Bus")), 1, "how often it is said")


def test_second_fotad(bench):
	"""The second one says so, works on, and takes over when the first one is gone."""
	bus = Bus(bench)
	bench.config["modems"] = [{"name": "away", "port": bench.path("ports", "away")}]
	first, client = fotad(bench, bus)
	second = bench.daemon(f"--bus={bus.address}", once=False, state="second")
	second.log.wait("another fotad has the name org.fotad1")
	owner = client.owner(NAME)
	rig.equal(first.stop(), 0, "exit code of the first one")
	second.log.wait("this fotad has it now")
	client.wait_for_name()
	rig.check(client.owner(NAME) not in (None, owner), "nobody has taken over")
	rig.equal(client.get(MANAGER, ROOT, "ModemCount"), 1, "what the second one says")


def test_options(bench):
	"""--bus=none speaks to nobody; --once does not without being asked; nonsense is refused."""
	bus = Bus(bench)
	one_modem(bench)
	bench.campaigns_by_target()
	bench.start_modems()
	daemon = bench.daemon(once=True, environment={"DBUS_SYSTEM_BUS_ADDRESS": bus.address})
	rig.equal(daemon.wait(), 0, "exit code of fotad")
	rig.check(not daemon.log.find("D-Bus"), "fotad --once is on the bus")
	daemon = bench.daemon("--bus=system", once=False, environment={"DBUS_SYSTEM_BUS_ADDRESS": bus.address})
	daemon.log.wait("on D-Bus .system. as org.fotad1")
	daemon.stop()
	daemon = bench.daemon("--bus=nonsense", once=False)
	rig.equal(daemon.wait(), 64, "exit code for nonsense")


# ---- nonsense ----

NAMES = ("", "a", "pump", "away", "winter", "1", "2", "0", "-1", "18446744073709551615", "9" * 20, "../..", "/", "a" * 64, "a" * 65,
	"b" * 100_000, "\x01\x1b[31m", "\u00e4\u20ac\U0001f600", "%s%n", "pump\n", "1 ", "01", "_")
PARTS = ("", "_", "_zz", "_0", "pump", "pump_", "job", "007", "1", "x1", "9" * 20, "a" * 300, "_" + "5f" * 100, "pump/x")
VALUES = {"s": NAMES, "u": (0, 1, 5, 2**32 - 1), "b": (True, False)}
PROPER = re.compile(r"org\.fotad1\.Error\.(NoSuchName|NothingToDo|Refused|Configuration|Store|Busy)$"
	r"|org\.freedesktop\.DBus\.Error\.(InvalidArgs|LimitsExceeded|UnknownObject|UnknownInterface)$")


def test_nonsense(bench):
	"""Whatever is asked is answered, by a documented error where it is nonsense; and then all goes on."""
	bus = Bus(bench)
	one_modem(bench)
	bench.config["modems"].append({"name": "away", "port": bench.path("ports", "away")})
	bench.campaign("winter", L29)
	bench.start_modems()
	daemon, client = fotad(bench, bus)
	root = ElementTree.parse(os.path.join(rig.SOURCE, "conf", "dbus", MANAGER + ".xml"))
	methods = [(method.get("name"), "".join(arg.get("type") for arg in method.findall("arg") if arg.get("direction") == "in"))
		for method in root.iter("method")]
	chance = random.Random(7)
	for _ in range(1000):
		name, signature = chance.choice(methods)
		if chance.random() < 0.05:
			signature = chance.choice(("", "s", "u", "ss", "b", "su"))
		error = error_of(client.call, name, signature, *(chance.choice(VALUES[kind]) for kind in signature), timeout=20)
		client.close_descriptors()
		rig.check(error is None or PROPER.match(error), f"{name}: {error}")
	for kind in "modem", "job", "campaign", "none":
		for part in PARTS:
			path = f"/org/fotad1/{kind}/{part}".rstrip("/")
			for interface_ in MODEM, JOB, CAMPAIGN, MANAGER:
				error = error_of(client.get_all, interface_, path)
				rig.check(error is None or PROPER.match(error), f"{path}: {error}")
			rig.check(error_of(client.introspect, path) in (None, "org.freedesktop.DBus.Error.UnknownObject"), path)
	rig.equal(client.get(MANAGER, ROOT, "ModemCount"), 2, "modems afterwards")
	rig.equal(daemon.stop(), 0, "exit code of fotad")


# ---- what is not told ----

def test_secrets(bench):
	"""No password, no query of a URL, no control byte of a modem's is anywhere on the bus."""
	bus = Bus(bench)
	bench.credential("apn", "secret-of-the-apn")
	m = one_modem(bench, name="pump", apn={"name": "iot", "username": "gw", "password": {"credential": "apn"}})
	bench.config["packages"][0]["http"]["url"] += "?token=secret-of-the-url"
	bench.over_ftp("L610", L29, L30)
	m.target = L30
	bench.campaigns_by_target()
	bench.start_modems()
	daemon, client = fotad(bench, bus, "--log-level=debug")
	client.listen()
	daemon.log.wait(" pump: succeeded")
	client.call("Explain", "s", "pump")
	everything = json.dumps([client.objects(), client.call("Metrics"), client.call("History", "su", "", 0), client.told(),
		client.call("Explain", "s", "pump"), [client.get_all(i, p) for p, kinds in client.objects().items() for i in kinds]])
	for secret in "secret-of-the-url", "secret-of-the-apn", "secret-of-the-bench":
		rig.check(secret not in everything, f"{secret} is on the bus")
	rig.check("token=" not in everything, "the query of a URL is on the bus")
	rig.check(not re.search(r"\\u00[01]|\\u007f", everything), "a control byte is on the bus")


rig.main(test_introspection, test_upgrade_is_told, test_coalesced, test_objects_come_and_go, test_retry, test_trace, test_no_bus, test_bus_dies,
	test_second_fotad, test_options, test_nonsense, test_secrets)
