#!/usr/bin/python3
"""Ports that are no ports, held by others, shared, absent or strangers': each is refused by name, the others work."""
import fcntl
import os
import re
import resource
import signal

import rig
from rig import VERSIONS

ASKED = {"AT", "ATI", "AT+CGMI", "AT+CGMM", "AT+CGMR", "AT+CGSN"}  # all that a stranger is asked (conduct 1)


def add_good(bench):
	"""A modem that must be upgraded whatever the others are."""
	m = bench.modem("good", "NL668")
	bench.http("NL668", *VERSIONS["NL668"][:2])
	bench.http("L610", *VERSIONS["L610"][:2])
	return m


def add_port(bench, name, path=None, **settings):
	"""A modem of the configuration only."""
	bench.config["modems"].append({"name": name, "port": path or bench.path("ports", name), **settings})


def judge_good(bench, truth):
	rig.judge_success(bench, bench.modems["good"], truth["good"])
	rig.judge_word(bench, bench.modems["good"], "succeeded")


def judge_left(daemon, name, reason):
	rig.check(daemon.log.find(rf" {name}: left: (waiting|failed) \({reason}\)"), f"{name}: fotad does not say {reason}")


def answer_as_somebody_else(data):
	"""A modem of another maker."""
	answers = {b"AT": b"", b"AT+CGMI": b"\r\nQuectel\r\n", b"AT+CGMM": b"\r\nEC25\r\n", b"ATI": b"\r\nQuectel\r\nEC25\r\n",
		b"AT+CGMR": b"\r\nEC25EFAR06A01M4G\r\n", b"AT+CGSN": b"\r\n867962040000019\r\n"}
	return b"".join(answers.get(line.strip(), b"") + b"\r\nOK\r\n" for line in data.split(b"\r") if line.strip())


def test_strangers(bench):
	add_good(bench)
	peers = {
		"mute": rig.Peer(bench, "mute"),
		"echo": rig.Peer(bench, "echo", answer=lambda data: data),
		"flood": rig.Peer(bench, "flood", flood=b"\x00\xff$GPGGA,123519,4807.038,N,01131.000,E\r\n" * 20),
		"quectel": rig.Peer(bench, "quectel", answer=answer_as_somebody_else),
	}
	reasons = {"mute": "no-answer", "echo": "no-answer", "flood": "no-answer", "quectel": "unknown-model"}
	for name in peers:
		add_port(bench, name)
	refused = {"unlisted": bench.modem("unlisted", "NL668", model="NL668-XX-77"),
		"misnamed": bench.modem("misnamed", "NL668", profile="L610"),
		"unheard": bench.modem("unheard", "L610", model="MC610-EU-01"),
		"unheard-named": bench.modem("unheard-named", "L610", model="MC610-EU-01", profile="L610")}
	reasons.update({name: "unknown-model" for name in refused})
	refused["swapped"] = bench.modem("swapped", "L610")
	bench.config["modems"][-1]["imei"] = "867962040000019"
	reasons["swapped"] = "wrong-modem"
	named = bench.modem("unlisted-named", "NL668", model="NL668-XX-77", profile="NL668")
	bench.campaign("nl", VERSIONS["NL668"][1], ["good", "unlisted", "unlisted-named", "misnamed", "mute", "echo", "flood"])
	bench.campaign("l", VERSIONS["L610"][1], ["unheard", "unheard-named", "swapped", "quectel"])
	daemon, truth = rig.run_once(bench, wanted=1)
	judge_good(bench, truth)
	rig.judge_success(bench, named, truth["unlisted-named"])
	rig.check(daemon.log.find("warning unlisted-named: .*does not list"), "no warning about a variant that is not listed")
	for name, reason in reasons.items():
		judge_left(daemon, name, reason)
	for name, peer in peers.items():
		# Who floods is left alone, perhaps before it is asked anything.
		rig.check(name == "flood" or "AT" in peer.lines(), f"{name}: not even asked")
		rig.check(set(peer.lines()) <= ASKED, f"{name}: was sent {sorted(set(peer.lines()) - ASKED)}")
	for name in refused:
		rig.check(set(bench.sent(name)) <= ASKED, f"{name}: was sent {sorted(set(bench.sent(name)) - ASKED)}")
		rig.equal(truth[name]["gtota_received"], 0, f"{name}: starts")
	rig.check(daemon.log.find("2 of 11 modems run their target"), "no summary")


def test_no_ports(bench):
	"""A directory, a file, devices that are no ttys, one tty under two names, one IMEI on two ports."""
	add_good(bench)
	wrong = {"directory": bench.directory, "passwd": "/etc/passwd", "null": "/dev/null", "ptmx": "/dev/ptmx",
		"absent": bench.path("ports", "nobody"), "dangling": bench.path("dangling"), "below": "/etc/passwd/tty"}
	os.symlink("nowhere", bench.path("dangling"))
	with open("/etc/passwd", "rb") as file:
		passwd = file.read()
	for name, path in wrong.items():
		add_port(bench, name, path)
	bench.modem("shared", "NL668", configured=False)
	for name in "left", "right":
		os.symlink(bench.path("ports", "shared"), bench.path(name))
		add_port(bench, name, bench.path(name))
	twins = [bench.modem(f"twin-{i}", "NL668", imei="867962040000019") for i in (1, 2)]
	bench.campaign("all", VERSIONS["NL668"][1])
	daemon, truth = rig.run_once(bench, wanted=1)
	judge_good(bench, truth)
	for name in "directory", "passwd", "null", "ptmx":
		judge_left(daemon, name, "port-denied")
	for name in "absent", "dangling", "below":
		judge_left(daemon, name, "port-absent")
	rig.check(daemon.log.find(r" absent: .*is not there; waiting for it, for 8s at most \(timeouts.return\) \(port-absent\)"),
		"it is not said how long who is absent is waited for")
	for name in "left", "right", "twin-1", "twin-2":
		judge_left(daemon, name, "duplicate")
	rig.equal(bench.sent("shared"), [], "sent to the tty with two names")
	for m in twins:
		rig.equal(truth[m.name]["gtota_received"], 0, f"{m.name}: starts")
	with open("/etc/passwd", "rb") as file:
		rig.check(file.read() == passwd, "/etc/passwd was written to")


def test_late_twin(bench):
	"""A second name for a tty that is in use already: both are refused, and neither takes it from the other."""
	bench.modem("shared", "NL668", configured=False)
	bench.start_modems()
	for name in "left", "right":
		add_port(bench, name, bench.path(name))
	os.symlink(bench.path("ports", "shared"), bench.path("left"))
	daemon = bench.daemon(once=False)
	daemon.log.wait(" left: .* is open")
	os.symlink(bench.path("ports", "shared"), bench.path("right"))
	for name in "left", "right":
		daemon.log.wait(rf" warning {name}: .*another modem .* leads to the same tty \(duplicate\)")
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	rig.check(not daemon.log.find(" right: .* is open"), "the tty was taken from the one that has it")


def test_held(bench):
	"""Another process holds the tty: nothing is sent until it lets go."""
	m = add_good(bench)
	bench.campaign("all", m.target)
	bench.start_modems()
	holder = os.open(bench.path("ports", "good"), os.O_RDWR | os.O_NOCTTY)
	fcntl.flock(holder, fcntl.LOCK_EX)
	daemon = bench.daemon(once=False)
	daemon.log.wait(rf" warning good: .*held by process {os.getpid()} \(port-busy\)")
	rig.equal(bench.sent(), [], "sent while it was held")
	os.close(holder)
	daemon.log.wait(" good: succeeded")
	daemon.log.wait(rig.RESTORED)
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	judge_good(bench, bench.truth())


def test_no_descriptors(bench):
	"""Too many open files are no fault of the port's: it waits, is not refused for good, and goes on (conduct 18)."""
	m = add_good(bench)
	bench.campaign("all", m.target)
	daemon = bench.daemon(once=False)
	daemon.log.wait(" good: .*port-absent")
	before = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
	resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, before[1]))
	bench.start_modems()
	daemon.log.wait(r" warning good: .*cannot be opened: Too many open files \(shortage\)")
	resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, before)
	daemon.log.wait(" good: succeeded")
	daemon.log.wait(rig.RESTORED)
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	judge_good(bench, bench.truth())


def test_lock_file(bench):
	"""A UUCP lock file of a living process; one of a dead process counts nothing."""
	m = add_good(bench)
	stale = bench.modem("stale", "NL668")
	bench.campaign("all", m.target)
	bench.start_modems()
	locks = {name: "/run/lock/LCK..pts_" + os.readlink(bench.path("ports", name)).rsplit("/", 1)[1] for name in bench.modems}
	dead = rig.Process(["/bin/true"], bench.path("true.log"))
	dead.wait()
	try:
		for name, pid in ("good", os.getpid()), ("stale", dead.pid):
			with open(locks[name], "x", encoding="ascii") as file:
				file.write(f"{pid:10}\n")
			bench.closing.callback(lambda path=locks[name]: os.path.exists(path) and os.unlink(path))
	except OSError as error:
		raise rig.Skip(f"no lock files can be made here: {error}") from None
	daemon = bench.daemon(once=False)
	daemon.log.wait(rf" warning good: .*held by process {os.getpid()} \(port-busy\)")
	daemon.log.wait(" stale: succeeded")
	rig.equal(bench.sent("good"), [], "sent while it was locked")
	os.unlink(locks["good"])
	daemon.log.wait(" good: succeeded")
	daemon.log.wait(rig.RESTORED, count=2)
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	truth = bench.truth()
	judge_good(bench, truth)
	rig.judge_success(bench, stale, truth["stale"])


def test_comes_and_goes(bench):
	"""Absent at the start, appears later, is upgraded, vanishes while idle, and comes back."""
	m = add_good(bench)
	bench.campaign("all", m.target)
	daemon = bench.daemon(once=False)
	daemon.log.wait(r" notice good: .*is not there; waiting for it \(port-absent\)")
	bench.start_modems()
	daemon.log.wait(rig.RESTORED)
	truth = bench.truth()
	judge_first = truth["good"]
	gone = daemon.log.wait(" good: .*has gone away", count=2)  # once to install, and now
	m.version = m.target
	bench.start_modems()
	daemon.log.wait(rf" good: NL668-EU-00, IMEI .*, runs {m.target}", start=gone)
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	second = bench.truth()["good"]
	rig.judge_success(bench, m, judge_first)
	rig.judge_word(bench, m, "succeeded")
	rig.equal(second["gtota_received"], 0, "starts of a modem that is at its target")
	rig.check(set(bench.sent("good")) <= ASKED, "more than questions, with nothing to do")


def test_vanishes_before_its_turn(bench):
	"""Holding, without a slot, it goes away and comes back under another number; it is upgraded in its turn."""
	bench.config["limits"]["max_parallel"] = 1
	m = add_good(bench)
	late = bench.modem("late", "NL668", "lose-port command=+CGSN time=500ms", "back-renumbered")
	bench.campaign("first", m.target, ["good"], priority=10)
	bench.campaign("second", m.target, ["late"])
	daemon, truth = rig.run_once(bench)
	judge_good(bench, truth)
	rig.judge_success(bench, late, truth["late"], except_for=["bytes_while_executing"])
	places = {re.search(r"/dev/pts/\d+", line)[0] for line in bench.transcript.find(r" late ! back ")}
	rig.check(places, "it did not go away")


def test_sigterm_while_absent(bench):
	add_port(bench, "nobody")
	bench.config["packages"], bench.config["campaigns"] = [], []
	daemon = bench.daemon(once=False)
	daemon.log.wait("port-absent")
	daemon.kill(signal.SIGTERM)
	rig.equal(daemon.wait(10), 0, "exit code of fotad")


rig.main(test_strangers, test_no_ports, test_late_twin, test_held, test_no_descriptors, test_lock_file, test_comes_and_goes, test_vanishes_before_its_turn,
	test_sigterm_while_absent)
