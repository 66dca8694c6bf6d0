#!/usr/bin/python3
"""What an operator was told is so: it is durable when the answer comes (conduct 13), and it is true of what it was said of and
of nothing else."""
import contextlib
import ctypes
import os
import re
import signal
import sqlite3
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
	rig.main(test_killed, test_full_disk, test_acknowledged_in_vain, test_halted, test_no_campaign_any_more,
		test_another_campaign, test_after_reload)
