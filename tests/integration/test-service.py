#!/usr/bin/python3
"""fotad as a service: its notifications, SIGHUP, its state directory, and the exit codes that interface.md promises."""
import contextlib
import json
import os
import resource
import signal
import sqlite3
import subprocess

import rig
from rig import VERSIONS

L28, L29, L30 = VERSIONS["L610"]


def one_modem(bench, faults=(), **more):
	m = bench.modem("pump", "L610", *faults, **more)
	bench.http("L610", L28, L29)
	bench.campaigns_by_target()
	return m


def test_notifications(bench):
	"""READY only with configuration and store, then STATUS, WATCHDOG all the time, STOPPING."""
	manager = rig.Notifications(bench)
	m = one_modem(bench)
	bench.start_modems()
	daemon = bench.daemon(once=False, environment={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "1000000"})
	ready = manager.wait("^READY=1$")
	rig.check(not [line for line in manager.lines[:ready] if line.startswith("STATUS")], "a status before READY")
	rig.check(os.path.exists(bench.path("state", "fotad.db")), "READY before the store is there")
	manager.wait("STATUS=Watching 1 modem: 1 upgrading")
	manager.wait("STATUS=Watching 1 modem: 0 upgrading, 1 done, 0 failed")
	manager.wait("^WATCHDOG=1$", count=6)
	daemon.log.wait(rig.RESTORED)
	daemon.kill(signal.SIGTERM)
	manager.wait("^STOPPING=1$")
	rig.equal(daemon.wait(), 0, "exit code of fotad")
	rig.judge_success(bench, m, bench.truth()["pump"])


def test_reload(bench):
	"""A good configuration is taken on SIGHUP, a bad one leaves the old one in force."""
	manager = rig.Notifications(bench)
	m = one_modem(bench)
	second = bench.modem("late", "L610", configured=False)
	bench.start_modems()
	target = m.target
	bench.config["campaigns"] = []
	path = bench.write_config()
	daemon = bench.daemon(once=False, config=path, environment={"NOTIFY_SOCKET": manager.path})
	manager.wait("^READY=1$")
	daemon.log.wait(rf" pump: L610-CN-62-36, IMEI .*, runs {L28}")
	bench.write("fotad.json", '{"version": 1, "modmes": []}')
	daemon.kill(signal.SIGHUP)
	manager.wait("^READY=1$", start=manager.wait("^RELOADING=1$"))
	daemon.log.wait("modmes")
	daemon.log.wait("the old one stays in force")
	rig.equal(set(bench.sent("late")), set(), "sent to a modem that is not configured")
	bench.campaign("all", target)
	bench.config["modems"].append({"name": "late", "port": bench.path("ports", "late")})
	bench.write_config()
	daemon.kill(signal.SIGHUP)
	daemon.log.wait("configuration read again: 2 modems")
	daemon.log.wait(rig.RESTORED, count=2)
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	truth = bench.truth()
	for modem in m, second:
		rig.judge_success(bench, modem, truth[modem.name])
		rig.judge_word(bench, modem, "succeeded")


def test_reload_in_mid_download(bench):
	"""A running job keeps the rules it began with (conduct 21)."""
	bench.web(rate=60_000)
	m = one_modem(bench)
	bench.start_modems()
	path = bench.write_config()
	daemon = bench.daemon(once=False, config=path)
	bench.transcript.wait("GTOTA DOWNLOAD START")
	bench.config["packages"], bench.config["campaigns"], bench.config["modems"] = [], [], []
	bench.write_config()
	daemon.kill(signal.SIGHUP)
	daemon.log.wait("configuration read again")
	daemon.log.wait(" pump: succeeded")
	daemon.log.wait(rig.RESTORED)
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	truth = bench.truth()["pump"]
	rig.judge_success(bench, m, truth)
	rig.equal(truth["gtota_received"], 1, "starts")


def deferred_modem(bench):
	"""One whose attempt was put off, after its settings were changed for it; fotad, the configuration's path."""
	m = one_modem(bench, faults=["mipcall-never times=1"])
	bench.config["campaigns"][0]["retry"] = {"attempts": 1, "delay": "1h", "max_delay": "1h"}
	bench.start_modems()
	daemon = bench.daemon(once=False)
	daemon.log.wait(" pump: not now ")
	return m, daemon


def reload(bench, daemon, modems):
	bench.config["modems"], bench.config["campaigns"] = modems, []
	bench.write_config()
	daemon.kill(signal.SIGHUP)


def test_removed_while_it_waits(bench):
	"""What was changed in a module is put back before a reload takes the modem away (conduct 3)."""
	m, daemon = deferred_modem(bench)
	reload(bench, daemon, [])
	daemon.log.wait(rig.RESTORED)
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	rig.judge_conduct(m.name, bench.truth()["pump"])


def test_removed_while_it_is_away(bench):
	"""... or when it is configured again."""
	_, daemon = deferred_modem(bench)
	bench.truth()
	daemon.log.wait(" pump: .* has gone away")
	modems = bench.config["modems"]
	reload(bench, daemon, [])
	daemon.log.wait(" pump: not configured any more, and its settings could not be put back")
	bench.start_modems()
	reload(bench, daemon, modems)
	daemon.log.wait(rig.RESTORED)
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	rig.check('AT+GTSET="CALLBREAK",0' in bench.sent("pump"), "it was not put back")


def judge_refused(bench, *codes, **options):
	daemon = bench.daemon(**options)
	code = daemon.wait(30)
	rig.check(code in codes, f"exit code of fotad: {code}, and one of {codes} is right")
	rig.check(daemon.log.find("err: "), f"no error is said: {daemon.log.text()}")
	rig.equal(bench.sent(), [], "sent without a state")


def foreign_database(bench, name, script):
	os.mkdir(bench.path(name))
	with contextlib.closing(sqlite3.connect(bench.path(name, "fotad.db"))) as store:
		store.executescript(script)


def test_state_directory(bench):
	"""Missing, no directory, newer, another program's: the documented codes, and nothing is sent."""
	one_modem(bench)
	bench.start_modems()
	judge_refused(bench, 73, state=None, prefix=["env", f"STATE_DIRECTORY={bench.path('missing', 'deep')}"])
	bench.write("plain-file", "")
	judge_refused(bench, 73, state=None, prefix=["env", f"STATE_DIRECTORY={bench.path('plain-file')}"])
	foreign_database(bench, "newer", "PRAGMA application_id = 0x464f5441; PRAGMA user_version = 99; CREATE TABLE jobs (id);")
	judge_refused(bench, 74, state="newer")
	rig.equal(bench.truth()["pump"]["commands"], 0, "commands")


def test_lost_state(bench):
	"""A damaged database, or another program's: what was begun is not known any more, so nothing is begun."""
	one_modem(bench)
	bench.start_modems()
	bench.write("damaged/fotad.db", "this is no database, " * 500)
	foreign_database(bench, "foreign", "CREATE TABLE somebody_elses (id)")
	for state in "damaged", "foreign":
		daemon = bench.daemon(state=state)
		code = daemon.wait()
		# It may refuse to start, or set the file aside and wait for an operator (conduct 25).
		rig.check(code == 74 or code == 1 and daemon.log.find(r" pump: left: waiting \(acknowledge\)"),
			f"{state}: exit code of fotad: {code}")
	questions = {"AT", "ATI", "AT+CGMI", "AT+CGMM", "AT+CGMR", "AT+CGSN"}
	rig.check(set(bench.sent()) <= questions, f"sent after the state was lost: {sorted(set(bench.sent()) - questions)}")
	rig.equal(bench.truth()["pump"]["gtota_received"], 0, "starts")


def mount(bench, name, options):
	"""A file system of its own; only root can."""
	path = bench.path(name)
	os.makedirs(path, 0o700)
	if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "fotad-test", path],
			stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False).returncode != 0:
		return None
	bench.closing.callback(subprocess.run, ["umount", "-l", path], check=False)
	return path


def test_read_only_state(bench):
	one_modem(bench)
	bench.start_modems()
	state = mount(bench, "read-only", "ro,size=1m")
	if not state:
		if os.geteuid() == 0:
			raise rig.Skip("no file system can be mounted here")
		state = bench.path("read-only")
		os.chmod(state, 0o500)
	judge_refused(bench, 73, 74, state=state)


def test_full_from_the_start(bench):
	"""Not a byte can be written: no state can be made."""
	one_modem(bench)
	bench.start_modems()
	judge_refused(bench, 73, 74, prefix=["env", "--ignore-signal=XFSZ", "prlimit", "--fsize=0"])
	judge_refused(bench, 73, 74, state="small", prefix=["env", "--ignore-signal=XFSZ", "prlimit", "--fsize=4096"])


def test_full_later(bench):
	"""The disk is full when the start is to be saved: nothing is started. Later there is room, and it goes on."""
	state = mount(bench, "small", "size=400k,mode=700")
	if not state:
		raise rig.Skip("no file system can be mounted here")
	m = one_modem(bench)
	daemon = bench.daemon(once=False, state=state)
	daemon.log.wait("port-absent")
	filler = os.path.join(state, "filler")
	with open(filler, "wb", buffering=0) as file:
		try:
			while True:
				file.write(b"x" * 4096)
		except OSError:
			pass
	bench.start_modems()
	daemon.log.wait(" err.*: cannot (write|save) the state")
	rig.check(not [line for line in bench.sent() if line.startswith("AT+GTOTA=") and line != "AT+GTOTA=?"],
		"it was started without a durable record")
	os.unlink(filler)
	daemon.log.wait(" pump: succeeded")
	daemon.log.wait(rig.RESTORED)
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	rig.judge_success(bench, m, bench.truth()["pump"])


def test_file_size_limit(bench):
	"""The same without a file system of its own: not one more byte may be written, and then it may again."""
	m = one_modem(bench)
	daemon = bench.daemon(once=False, prefix=["env", "--ignore-signal=XFSZ"])
	daemon.log.wait("port-absent")
	before = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
	bench.start_modems()
	daemon.log.wait(" err.*: cannot (write|save) the state")
	rig.check(not [line for line in bench.sent() if line.startswith("AT+GTOTA=") and line != "AT+GTOTA=?"],
		"it was started without a durable record")
	resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, before)
	daemon.log.wait(" pump: succeeded")
	daemon.log.wait(rig.RESTORED)
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	rig.judge_success(bench, m, bench.truth()["pump"])


def test_second_daemon(bench):
	"""One state directory, one fotad."""
	one_modem(bench)
	first = bench.daemon(once=False)
	first.log.wait("watches 1 modem")
	second = bench.daemon()
	rig.equal(second.wait(), 69, "exit code of the second")
	rig.check(second.log.find("another fotad"), "the second does not say why")
	rig.equal(first.stop(), 0, "exit code of the first")


def test_usage(bench):
	rows = {("--nonsense",): 64, ("argument",): 64, ("--log-level=loud",): 64, ("--bus=nonsense",): 64, ("--version",): 0,
		("--help",): 0}
	for options, code in rows.items():
		process = rig.Process([rig.FOTAD, *options], bench.path("usage.log"))
		rig.equal(process.wait(), code, f"exit code of fotad {' '.join(options)}")
		rig.check(process.log.lines, f"fotad {' '.join(options)} says nothing")
	path = bench.write("good.json", json.dumps({"version": 1}))
	process = bench.daemon("--check-config", once=False, state=None, config=path)
	rig.equal(process.wait(), 0, "exit code of --check-config")


def test_new_target(bench):
	"""The wish changes: what has succeeded is taken further."""
	m = one_modem(bench)
	bench.http("L610", L29, L30)
	bench.start_modems()
	rig.equal(bench.daemon().wait(), 0, "exit code of the first run")
	m.target = bench.config["campaigns"][0]["target"] = L30
	_, truth = rig.run_once(bench)
	rig.judge_success(bench, m, truth["pump"], hops=2)
	rig.judge_word(bench, m, "succeeded")


rig.main(test_notifications, test_reload, test_reload_in_mid_download, test_removed_while_it_waits, test_removed_while_it_is_away,
	test_state_directory, test_lost_state, test_read_only_state,
	test_full_from_the_start, test_full_later, test_file_size_limit, test_second_daemon, test_usage, test_new_target)
