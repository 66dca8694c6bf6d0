#!/usr/bin/python3
"""What an operator was told is so: it is durable when the answer comes (conduct 13), and it is true of what it was said of and
of nothing else."""
import contextlib
import ctypes
import os
import re
import signal
import sqlite3
import threading
import time

import busrig
import rig
from rig import VERSIONS

FAMILY = "NL652"
FROM, TO, _ = VERSIONS[FAMILY]
QUICK = "boot-time=100ms apply-time=100ms sim-time=0ms pdp-time=10ms start-time=10ms verify-time=20ms"
FUTURE = "2099-01-01T00:00:00Z"


def begin(bench, **more):
	if not hasattr(bench, "bus"):
		bench.bus = busrig.Bus(bench)
	return busrig.fotad(bench, bench.bus, f"--fetch-socket={bench.path('fetch-socket')}", **more)


def kill(daemon):
	daemon.child.send_signal(signal.SIGKILL)
	daemon.wait()


def row_of(bench, campaign):
	with contextlib.closing(sqlite3.connect(bench.path("state", "fotad.db"))) as store:
		store.row_factory = sqlite3.Row
		return dict(store.execute("SELECT * FROM campaigns WHERE name = ?", (campaign,)).fetchone() or {})


def stage(bench, network="0ms", **settings):
	bench.modem("m0", FAMILY)
	bench.http(FAMILY, FROM, TO, size=20_000)
	bench.campaign("winter", TO, **settings)
	bench.start_modems(default=f"{QUICK} network-time={network}")


def test_killed(bench):
	"""A kill as soon as the answer is there, after each word about a campaign: the next life knows it."""
	stage(bench, not_before=FUTURE)
	words = ("Pause", "paused", 1), ("Resume", "paused", 0), ("Cancel", "cancelled", 1), ("Retry", "cancelled", 0)
	for word, column, wanted in words:
		daemon, client = begin(bench)
		daemon.log.wait("m0: .*, runs ")
		client.call(word, "s", "winter")
		kill(daemon)
		rig.equal(row_of(bench, "winter").get(column), wanted, f"{column} after {word}")


def test_forced(bench):
	"""Forced, it waits for room only; and so in the next life, whose history says which user wanted that."""
	bench.config["limits"]["max_parallel"] = 1
	for name in "slow", "m0":
		bench.modem(name, FAMILY)
	bench.web(10_000)
	bench.http(FAMILY, FROM, TO, size=20_000)
	bench.campaign("spring", TO, ["slow"])
	bench.campaign("winter", TO, ["m0"], not_before=FUTURE)
	bench.start_modems(default=f"{QUICK} network-time=0ms")
	daemon, client = begin(bench)
	daemon.log.wait(r"slow: \d+ % downloaded")
	daemon.log.wait(r"m0: not now \(not-before\)")
	rig.check("as soon as there is room" in client.call("Start", "sb", "m0", True)[1], "m0 does not wait for room")
	daemon.log.wait(rf"m0: an operator \(uid {os.getuid()}\) starts it now")
	kill(daemon)
	daemon, client = begin(bench)
	daemon.log.wait(rig.RESTORED, start=daemon.log.wait("m0: succeeded"))
	line = next(line for line in client.call("History", "su", "m0", 0)[0] if line.get("what") == "start --force")
	rig.equal((line["who"], line["uid"]), ("operator", os.getuid()), "who it was")
	rig.equal(daemon.stop(), 0, "exit code")
	rig.judge_success(bench, bench.modems["m0"], bench.truth()["m0"])


def test_taken_back_at_once(bench):
	"""A campaign is cancelled and taken up again while the store is being asked about its modem, on a disk that takes its time: the
	last word counts."""
	stage(bench)
	preload = os.path.join(rig.BUILD, "tests", "bench", "sync.so")
	options = "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")
	daemon, client = begin(bench, environment={"LD_PRELOAD": preload, "SYNC_DELAY": "400000", "ASAN_OPTIONS": options})
	daemon.log.wait("m0: .*, runs ")
	answers = []
	calls = [threading.Thread(target=lambda word=word: answers.append(client.call(word, "s", "winter"))) for word in ("Cancel", "Retry")]
	for call in calls:
		call.start()
		daemon.log.wait("campaign winter: (cancelled|taken up again) by an operator", count=calls.index(call) + 1)
	for call in calls:
		call.join()
	rig.equal(len(answers), 2, "answers")
	daemon.log.wait(rig.RESTORED, start=daemon.log.wait("m0: succeeded"))
	daemon.stop()
	rig.judge_success(bench, bench.modems["m0"], bench.truth()["m0"])


def rows_of(bench, query):
	with contextlib.closing(sqlite3.connect(bench.path("state", "fotad.db"))) as store:
		return store.execute(query).fetchall()


def relink(bench, name):
	with contextlib.suppress(FileNotFoundError):
		os.unlink(bench.path("slot"))
	os.symlink(bench.path("ports", name), bench.path("slot"))


def test_left(bench):
	"""A module has not come back, and another is in its place (conduct 11): its job is given up by its id, durably, also in another
	life; and when it is there again, what it runs counts."""
	first, second = bench.modem("first", FAMILY, "back-late time=9s", configured=False), bench.modem("second", FAMILY, configured=False)
	bench.config["modems"].append({"name": "slot", "port": bench.path("slot")})
	bench.http(FAMILY, FROM, TO, size=20_000)
	bench.campaign("winter", TO)
	bench.start_modems(default=f"{QUICK} network-time=0ms")
	relink(bench, "first")
	daemon, client = begin(bench)
	bench.transcript.wait(r" first < GTOTA DOWNLOAD COMPLETE")
	relink(bench, "second")
	hint = r"its own job stays unknown until it is back, or fotactl cancel (\d+) gives it up"
	daemon.log.wait(hint)
	job = re.search(hint, daemon.log.text())[1]
	kill(daemon)
	daemon, client = begin(bench)
	daemon.log.wait("slot: succeeded")
	rig.equal(busrig.error_of(client.call, "Cancel", "s", "99"), "org.fotad1.Error.NoSuchName", "cancel of no job")
	path, text = client.call("Cancel", "s", job)
	rig.check(path == "/" and text.startswith(f"job {job} of slot, which no module here has in hand, is cancelled"), f"the answer: {path}, {text}")
	rig.equal(busrig.error_of(client.call, "Cancel", "s", job), "org.fotad1.Error.NothingToDo", "another cancel")
	kill(daemon)
	states = {imei: (state, stop) for imei, state, stop in rows_of(bench, "SELECT imei, state, stop FROM jobs")}
	rig.equal(states, {first.imei: ("cancelled", 1), second.imei: ("succeeded", 0)}, "jobs")
	line = rows_of(bench, "SELECT modem, imei, who, before, after, uid FROM history WHERE what = 'cancel'")
	rig.equal(line, [("slot", first.imei, "operator", "unknown", "cancelled", os.getuid())], "history")
	relink(bench, "first")
	daemon, client = begin(bench)
	daemon.log.wait("slot: succeeded")
	rig.equal(daemon.stop(), 0, "exit code")
	rig.equal(bench.truth()["first"]["gtota_received"], 1, "starts of the first")


def gate(client, name):
	return next(state for gate, state, *_ in client.call("Explain", "s", "m0")[0] if gate == name)


def small_disk(bench):
	libc = ctypes.CDLL(None, use_errno=True)
	os.makedirs(bench.path("state"), 0o700)
	if libc.mount(b"tmpfs", bench.path("state").encode(), b"tmpfs", 0, b"size=2m,mode=0700") != 0:
		raise rig.Skip("cannot mount a small disk here")
	bench.closing.callback(libc.umount2, bench.path("state").encode(), 2)


def fill(bench):
	with open(bench.path("state", "filler"), "wb", buffering=0) as filler, contextlib.suppress(OSError):
		while True:
			filler.write(b"0" * 1024)


def say_until_full(bench, client, name):
	"""Until the log of the database, too, has no room left."""
	fill(bench)
	with contextlib.suppress(busrig.Error):
		for word in ("Pause", "Resume") * 200:
			client.call(word, "s", name)
		rig.check(False, "there was room all the time")


def test_full_disk(bench):
	"""What could not be saved when it was said is saved when there is space again."""
	small_disk(bench)
	stage(bench, not_before=FUTURE)
	for name in "winter", "":
		daemon, client = begin(bench)
		daemon.log.wait("m0: not now ")
		say_until_full(bench, client, name)
		daemon.log.wait("cannot save the state")
		paused = gate(client, "pause") == "shut"
		os.unlink(bench.path("state", "filler"))
		daemon.log.wait("can be saved again")
		daemon.stop()
		rig.equal(bool(row_of(bench, name).get("paused")), paused, f"is {name or 'everything'} paused")
		if paused:
			daemon, client = begin(bench)
			client.call("Resume", "s", name)
			kill(daemon)


def test_acknowledged_in_vain(bench):
	"""On a full disk the loss of the state cannot be acknowledged, and nobody is told that it is."""
	small_disk(bench)
	stage(bench, not_before=FUTURE)
	bench.config["modems"][0]["port"] = bench.path("hidden")  # of whom there is nothing to save
	daemon, _ = begin(bench)
	daemon.log.wait("m0: .* is not there")
	daemon.stop()
	bench.write("state/fotad.db.held", "")
	fill(bench)
	daemon, client = begin(bench)
	try:
		rig.check(False, f"told that it is: {client.call('Acknowledge')}")
	except busrig.Error as error:
		rig.check(error.name.endswith(".Store"), f"the error: {error}")
	os.unlink(bench.path("state", "filler"))
	client.call("Acknowledge")
	rig.equal(daemon.stop(), 0, "exit code")


def test_halted(bench):
	"""Who asks why nothing goes is told what a campaign is halted for, and a start is refused for that."""
	stage(bench, fetch="require")
	daemon, client = begin(bench)
	daemon.log.wait("campaign winter: halted: ")
	shown = next(value for gate, state, value, _ in client.call("Explain", "s", "m0")[0] if (gate, state) == ("halt", "shut"))
	rig.equal(shown, "fetch: a package is not known to be right (fotactl history); fotactl resume winter", "gate \"halt\"")
	try:
		rig.check(False, f"it starts: {client.call('Start', 'sb', 'm0', True)}")
	except busrig.Error as error:
		rig.check(error.text.endswith(f"m0 cannot start (halt): {shown}"), f"what a start is refused with: {error.text}")
	rig.equal(daemon.stop(), 0, "exit code")


def absent(bench):
	"""A modem that is not there yet, whose job is cancelled."""
	stage(bench)
	bench.config["modems"][0]["port"] = bench.path("hidden")
	daemon, client = begin(bench)
	daemon.log.wait("m0: .* is not there")
	client.call("Cancel", "s", "m0")
	return daemon, client


def reload(bench, daemon):
	bench.write_config()
	start = daemon.log.size()
	daemon.child.send_signal(signal.SIGHUP)
	daemon.log.wait("configuration read again", start=start)


def test_no_campaign_any_more(bench):
	"""Cancelled before it was seen, and then there is no campaign: there is nothing to cancel when it turns up."""
	daemon, client = absent(bench)
	campaigns, bench.config["campaigns"] = bench.config["campaigns"], []
	reload(bench, daemon)
	os.symlink(bench.path("ports", "m0"), bench.path("hidden"))
	daemon.log.wait(rf"m0: .*, runs {re.escape(FROM)}")
	bench.config["campaigns"] = campaigns
	reload(bench, daemon)
	end = time.monotonic() + rig.PATIENCE
	while gate(client, "job") == "unknown":  # until the store has answered
		rig.check(time.monotonic() < end, "the store is never asked")
	rig.equal(daemon.stop(), 0, "exit code")


def test_another_campaign(bench):
	"""Cancelled in one campaign before it was seen: that is no word about the next one."""
	daemon, _ = absent(bench)
	bench.config["campaigns"][0]["name"] = "spring"
	reload(bench, daemon)
	os.symlink(bench.path("ports", "m0"), bench.path("hidden"))
	daemon.log.wait(rig.RESTORED, start=daemon.log.wait("m0: succeeded"))
	daemon.stop()
	rig.judge_success(bench, bench.modems["m0"], bench.truth()["m0"])


def test_after_reload(bench):
	"""The cancel of an attempt ends it, and with it go the rules that it began with, and the names in them."""
	stage(bench, "3s")
	daemon, client = begin(bench, environment={"MALLOC_PERTURB_": "165"})  # what is freed is written over
	bench.transcript.wait(r" m0 > AT\+CE?REG\?")
	reload(bench, daemon)
	path, text = client.call("Cancel", "s", "m0")
	rig.check(text.startswith("the job of m0 is cancelled"), f"the answer, of {path}: {text}")
	daemon.log.wait("m0: cancelled")
	rig.equal(daemon.stop(), 0, "exit code")


if __name__ == "__main__":
	rig.main(test_killed, test_forced, test_taken_back_at_once, test_left, test_full_disk, test_acknowledged_in_vain, test_halted, test_no_campaign_any_more,
		test_another_campaign, test_after_reload)
