#!/usr/bin/python3
"""What fotad remembers: what it proves, what it does without it, and how little it needs of it to begin."""
import contextlib
import ctypes
import os
import select
import signal
import sqlite3
import time
import tty

import rig
from rig import VERSIONS

L, N = "L610", "NL668"
FIRST, SECOND, _ = VERSIONS[N]
MANY = 100_000


def rows(bench, query, state="state"):
	with contextlib.closing(sqlite3.connect(f"file:{bench.path(state, 'fotad.db')}?mode=ro", uri=True)) as store:
		store.row_factory = sqlite3.Row
		return [dict(row) for row in store.execute(query)]


def change(bench, *statements, state="state"):
	with contextlib.closing(sqlite3.connect(bench.path(state, "fotad.db"))) as store:
		for statement in statements:
			store.execute(statement)
		store.commit()


def evidence_of(row):
	return dict(pair.split("=", 1) for pair in row["evidence"].split(" "))


def one_modem(bench, *faults, family=N, **settings):
	m = bench.modem("pump", family, *faults)
	bench.http(family, *VERSIONS[family][:2])
	bench.campaign("all", m.target, **settings)
	return m


def restored(daemon, name):
	"""The simulator's variants differ in what they let be set back."""
	daemon.log.wait(rf" {name}: the module('s settings are as they were| refuses to have a setting put back)")


def test_evidence(bench):
	"""An attempt that fails and one that succeeds: a row each, the lines that prove it, and the way there."""
	first, second, _ = VERSIONS[L]
	m = one_modem(bench, "fail percent=30 times=1", family=L, retry={"attempts": 2, "delay": "200ms", "max_delay": "200ms"})
	daemon, truth = rig.run_once(bench)
	rig.judge_success(bench, m, truth["pump"])
	attempts = rows(bench, "SELECT * FROM attempts ORDER BY id")
	rig.equal([(a["number"], a["outcome"], a["reason"], a["version_from"], a["version_to"], a["transport"], a["imei"])
		for a in attempts], [(1, "failed", "download-failed", first, second, "http", m.imei),
		(2, "succeeded", "", first, second, "http", m.imei)], "attempts")
	failed, done = (evidence_of(a) for a in attempts)
	rig.equal((failed["before"], failed["after"], done["before"], done["after"]), (first, first, first, second), "versions")
	rig.check(int(failed["last-percent"]) >= 29 and int(failed["reports"]) >= 2, f"reports of the failure: {failed}")
	rig.equal((done["last-percent"], done["lost"], done["returned"]), ("100", "1", "1"), "reports")
	rig.check(300_000 <= int(done["last-read"]) - int(done["first-read"]), f"read twice, settle apart: {done}")
	for phase in ("preparing", "downloading", "installing", "verifying"):
		rig.check(int(done[phase]) > 0, f"time of {phase}: {done}")
	for a in attempts:
		rig.check(0 < a["started"] <= a["ended"] < time.time() * 1e6, f"times: {a}")
	rig.equal(len(daemon.log.find(r" pump: evidence: before \S+, after \S+ \(read .*; \d+ reports ")), 2, "lines of evidence")
	history = [(h["what"], h["before"], h["after"], h["reason"]) for h in rows(bench, "SELECT * FROM history ORDER BY id")]
	for line in (("job", first, second, ""), ("verdict", first, first, "download-failed"), ("verdict", first, second, ""),
			("state", "running", "waiting", "download-failed"), ("state", "running", "succeeded", ""),
			("version", first, second, "")):
		rig.check(line in history, f"{line} is not in the history: {history}")
	rig.equal([(s["name"], s["imei"], s["version"]) for s in rows(bench, "SELECT * FROM modems")], [("pump", m.imei, second)],
		"who was seen")


def test_unknown_then_settled(bench):
	"""Both verdicts stay, across a restart; the attempt is one."""
	m = one_modem(bench, "back-late time=5s")
	bench.config["timeouts"]["return"] = "2s"
	bench.start_modems()
	first = bench.daemon(once=False)
	first.log.wait(" pump: unknown ")
	first.stop()
	daemon = bench.daemon(once=False)
	daemon.log.wait(" pump: succeeded")
	restored(daemon, "pump")
	daemon.stop()
	truth = bench.truth()["pump"]
	rig.judge_success(bench, m, truth)
	rig.equal(truth["gtota_received"], 1, "starts")
	rig.equal([(a["number"], a["outcome"]) for a in rows(bench, "SELECT * FROM attempts")], [(1, "succeeded")], "attempts")
	rig.equal(evidence_of(rows(bench, "SELECT * FROM attempts")[0])["lives"], "1", "lives in the evidence")
	verdicts = [(h["reason"], h["after"]) for h in rows(bench, "SELECT * FROM history WHERE what = 'verdict' ORDER BY id")]
	rig.equal(verdicts, [("not-back", ""), ("", SECOND)], "verdicts")


def test_unknown_without_a_start(bench):
	"""A verdict that is owed, of an attempt that nothing is known of any more: asked, not waited for without an end."""
	m = one_modem(bench, "roaming times=1", require={"roaming": False}, retry={"attempts": 1, "delay": "1h", "max_delay": "1h"})
	bench.start_modems()
	rig.equal(bench.daemon().wait(), 1, "exit code of the first run")
	change(bench, "UPDATE jobs SET state = 'unknown', reason = 'not-back', not_before = 0, start_durable = 0")
	_, truth = rig.run_once(bench)
	rig.judge_success(bench, m, truth["pump"])
	rig.judge_word(bench, m, "succeeded")


def damage(bench):
	path = bench.path("state", "fotad.db")
	change(bench, "PRAGMA wal_checkpoint(TRUNCATE)")
	with open(path, "r+b") as file:
		for page in range(1, os.path.getsize(path) // 4096):
			file.seek(page * 4096)
			file.write(b"\xa5" * 512)


def test_damaged(bench):
	"""Set aside; listened first; nothing starts until somebody has said so."""
	one_modem(bench)
	bench.start_modems()
	first = bench.daemon(once=False)
	bench.transcript.wait(r" < GTOTA DOWNLOAD START")
	first.kill()
	first.wait(20)
	damage(bench)
	start = bench.transcript.size()
	daemon = bench.daemon(once=False)
	daemon.log.wait("was damaged: what was left of it is .*fotad.db.corrupt-[0-9]{8}T[0-9]{6}Z, ")
	daemon.log.wait("no job starts until somebody has looked")
	running = bench.daemon("--acknowledge", once=False)
	rig.equal(running.wait(20), 69, "exit code of --acknowledge while it runs")
	daemon.log.wait(" pump: NL668-EU-00, IMEI ")
	rig.check(not bench.transcript.find(r" > .*GTOTA=\d", start), "a start without anybody's word")
	daemon.stop()
	held = bench.daemon()
	rig.check(held.wait() in (0, 1), "exit code of fotad while it is held")
	rig.equal(len([name for name in os.listdir(bench.path("state")) if ".corrupt-" in name and "-wal" not in name]), 1,
		"files set aside")
	released = bench.daemon("--acknowledge", once=False)
	rig.equal(released.wait(20), 0, "exit code of --acknowledge")
	again = bench.daemon("--acknowledge", once=False)
	rig.equal(again.wait(20), 0, "exit code of another --acknowledge")
	again.log.wait("nothing to acknowledge")
	rig.run_once(bench)
	rig.check([h for h in rows(bench, "SELECT * FROM history") if (h["who"], h["what"]) == ("operator", "acknowledged")],
		"the history does not say who let it go")

def test_held(bench):
	"""A job that could go waits, and says for what."""
	m = one_modem(bench)
	bench.start_modems()
	bench.write("state/fotad.db", "this is no database, but long enough to look like one\n" * 200)
	daemon = bench.daemon()
	rig.equal(daemon.wait(), 1, "exit code of fotad while it is held")
	daemon.log.wait(r" pump: left: waiting \(acknowledge\)")
	rig.equal(bench.daemon("--acknowledge", once=False).wait(20), 0, "exit code of --acknowledge")
	_, truth = rig.run_once(bench)
	rig.judge_success(bench, m, truth["pump"])


def test_gone(bench):
	"""Somebody has deleted it while a module was at an upgrade: it is not taken for a new gateway."""
	m = one_modem(bench)
	bench.start_modems(default="boot-time=200ms apply-time=200ms", rate=20_000)
	first = bench.daemon(once=False)
	bench.transcript.wait(r" < GTOTA DOWNLOAD START")
	first.kill()
	first.wait(20)
	for name in os.listdir(bench.path("state")):
		if name.startswith("fotad.db"):
			os.unlink(bench.path("state", name))
	start = bench.transcript.size()
	daemon = bench.daemon(once=False)
	daemon.log.wait("the state in .* is gone")
	daemon.log.wait("no job starts until somebody has looked and said so: fotactl acknowledge")
	daemon.log.wait(" pump: NL668-EU-00, IMEI ")
	rig.check(not bench.transcript.find(r" > .*GTOTA=\d", start), "a start without anybody's word")
	daemon.stop()
	rig.equal(bench.daemon("--acknowledge", once=False).wait(20), 0, "exit code of --acknowledge")
	again, _ = rig.run_once(bench)
	rig.check(not again.log.find("the state in .* is gone"), "another life has lost it again")
	rig.judge_word(bench, m, "succeeded")
	rig.equal([h["detail"] for h in rows(bench, "SELECT * FROM history") if h["what"] == "store-lost"], ["its file was gone"], "history")


def test_damaged_evidence(bench):
	"""A bit was flipped in what an attempt has shown: nothing is sent because of it, and it is said which."""
	m = one_modem(bench)
	_, truth = rig.run_once(bench)
	rig.judge_success(bench, m, truth["pump"])
	change(bench, "UPDATE attempts SET evidence = replace(evidence, 'reports=', 'reports-')")
	daemon = bench.daemon()
	rig.equal(daemon.wait(), 0, "exit code")
	daemon.log.wait("pump: in the state, what attempt 1 of job 1 has shown is damaged")
	rig.equal(rows(bench, "SELECT count(*) AS n FROM jobs")[0]["n"], 1, "jobs that are left")


def test_newer(bench):
	one_modem(bench)
	bench.start_modems()
	rig.equal(bench.daemon("--acknowledge", once=False).wait(20), 0, "exit code of --acknowledge")
	change(bench, "PRAGMA user_version = 99")
	daemon = bench.daemon()
	rig.equal(daemon.wait(20), 74, "exit code of fotad")
	daemon.log.wait("written by a newer fotad")
	rig.equal(bench.sent(), [], "sent")
	rig.equal(rows(bench, "PRAGMA user_version")[0]["user_version"], 99, "version of the store")


def mount(bench, path, size):
	libc = ctypes.CDLL(None, use_errno=True)
	os.makedirs(path, 0o700)
	if libc.mount(b"tmpfs", path.encode(), b"tmpfs", 0, f"size={size},mode=0700".encode()) != 0:
		raise rig.Skip("cannot mount a small disk here")
	bench.closing.callback(libc.umount2, path.encode(), 2)


def test_full_disk(bench):
	"""The one that runs is finished, the next one waits, and goes on when there is space."""
	mount(bench, bench.path("state"), "2m")
	bench.web(rate=40_000)
	modems = [bench.modem(name, N) for name in ("one", "two")]
	bench.http(N, FIRST, SECOND)
	bench.campaign("all", SECOND, max_parallel=1)
	bench.start_modems()
	daemon = bench.daemon(once=False)
	bench.transcript.wait(r" < GTOTA DOWNLOADING: [1-5]\d%")
	first, second = ("one", "two") if bench.transcript.find(" one < GTOTA") else ("two", "one")  # whichever was ready first
	with open(bench.path("state", "filler"), "wb", buffering=0) as filler, contextlib.suppress(OSError):
		while True:
			filler.write(b"0" * 1024)
	daemon.log.wait("cannot save the state in .*: No space left")
	daemon.log.wait(f" {first}: succeeded")
	restored(daemon, first)
	rig.check(not bench.transcript.find(rf" {second} > .*GTOTA=\d"), "a start that was not saved")
	rig.equal(len(daemon.log.find("cannot save the state")), 1, "lines about the disk")
	os.unlink(bench.path("state", "filler"))
	daemon.log.wait("can be saved again")
	daemon.log.wait(f" {second}: succeeded")
	restored(daemon, second)
	daemon.stop()
	truth = bench.truth()
	for m in modems:
		rig.judge_success(bench, m, truth[m.name])
		rig.equal(truth[m.name]["gtota_received"], 1, f"{m.name}: starts")
		rig.equal(bench.jobs()[m.name]["state"], "succeeded", f"{m.name}: what is remembered")
		verdicts = rows(bench, f"SELECT * FROM history WHERE what = 'verdict' AND modem = '{m.name}'")
		rig.equal(len(verdicts), 1, f"{m.name}: verdicts in the history, also what could not be written at first")


def test_budget(bench):
	"""Three attempts are allowed, but bytes for two."""
	m = one_modem(bench, "fail percent=30", family=L, retry={"attempts": 3, "delay": "200ms", "max_delay": "200ms", "max_bytes": 150_000})
	_, truth = rig.run_once(bench, wanted=1)
	rig.equal(truth["pump"]["gtota_received"], 2, "starts")
	rig.judge_word(bench, m, "failed", "download-failed")
	rig.equal(bench.jobs()["pump"]["bytes"], 2 * rig.SIZE, "bytes spent")


def relink(bench, name):
	path = bench.path("slot")
	with contextlib.suppress(FileNotFoundError):
		os.unlink(path)
	os.symlink(bench.path("ports", name), path)


def test_another_in_the_slot(bench):
	"""A job each; what was done to the first is put back when it is there again, and nothing of it is done to the second."""
	first = bench.modem("first", N, "late-answer command=+GTSET time=1s times=3", configured=False)
	second = bench.modem("second", N, configured=False)
	bench.config["modems"].append({"name": "slot", "port": bench.path("slot")})
	bench.http(N, FIRST, SECOND)
	bench.campaign("all", SECOND)
	bench.start_modems()
	relink(bench, "first")
	daemon = bench.daemon(once=False)
	bench.transcript.wait(r' first > AT\+GTSET="CALLBREAK",1')
	daemon.kill()
	daemon.wait(20)
	relink(bench, "second")
	rig.equal(bench.daemon().wait(), 0, "exit code with the second")
	jobs = {row["imei"]: row for row in rows(bench, "SELECT * FROM jobs")}
	rig.equal({imei: job["state"] for imei, job in jobs.items()}, {first.imei: "running", second.imei: "succeeded"}, "jobs")
	rig.equal((jobs[first.imei]["callbreak_written"], jobs[second.imei]["callbreak_written"]), (1, 0), "settings to be put back")
	rig.check(rows(bench, f"SELECT * FROM history WHERE what = 'imei' AND after = '{second.imei}'"), "the change is not in the history")
	relink(bench, "first")
	rig.equal(bench.daemon().wait(), 0, "exit code with the first")
	truth = bench.truth()
	for m in first, second:
		rig.judge_success(bench, m, truth[m.name])
		rig.equal(truth[m.name]["gtota_received"], 1, f"{m.name}: starts")


def test_swapped_in_flight(bench):
	"""Conduct 11 past the point of no return: the first stays unknown, the second is upgraded; the first settles elsewhere."""
	first, second = bench.modem("first", N, "back-late time=9s", configured=False), bench.modem("second", N, configured=False)
	bench.config["modems"] += [{"name": "slot", "port": bench.path("slot")}, {"name": "other", "port": bench.path("other")}]
	bench.http(N, FIRST, SECOND)
	bench.campaign("all", SECOND)
	bench.config["timeouts"]["return"] = "3s"
	bench.start_modems()
	relink(bench, "first")
	daemon = bench.daemon(once=False)
	bench.transcript.wait(r" first ! lost")
	relink(bench, "second")
	daemon.log.wait(r" slot: unknown \(not-back\)")
	daemon.log.wait(" slot: another module answers in its place")
	daemon.log.wait(rf" slot: succeeded: runs {SECOND}")
	os.symlink(bench.path("ports", "first"), bench.path("other"))
	daemon.log.wait(rf" other: (succeeded: )?runs {SECOND}")
	restored(daemon, "other")
	daemon.stop()
	truth = bench.truth()
	for m in first, second:
		# It may be asked AT, ATE0 and its IMEI in the place of the first (conduct 4).
		rig.judge_success(bench, m, truth[m.name], except_for=["settings_before_identity"])
		rig.equal(truth[m.name]["gtota_received"], 1, f"{m.name}: starts")
	rig.equal({row["imei"]: row["state"] for row in rows(bench, "SELECT * FROM jobs")},
		{first.imei: "succeeded", second.imei: "succeeded"}, "jobs")


def fill(bench):
	with open(os.path.join(rig.SOURCE, "tests", "integration", "many-jobs.sql"), encoding="utf-8") as file, \
			contextlib.closing(sqlite3.connect(bench.path("state", "fotad.db"))) as store:
		store.executescript(file.read())


def first_byte(bench, **options):
	"""A daemon before a mute port, killed as soon as it has asked: milliseconds until then, on the clock and of CPU."""
	master, slave = os.openpty()
	tty.setraw(slave)
	path = bench.path("pump")
	os.symlink(os.ttyname(slave), path)
	begin = time.monotonic()
	daemon = bench.daemon(once=False, **options)
	rig.check(select.select([master], [], [], rig.PATIENCE)[0], "nothing is sent")
	end = time.monotonic()
	with open(f"/proc/{daemon.child.pid}/schedstat", encoding="ascii") as file:
		cpu = int(file.read().split()[0]) / 1e6
	daemon.kill(signal.SIGKILL)
	daemon.wait(20)
	os.unlink(path)
	os.close(master)
	os.close(slave)
	return (end - begin) * 1000, cpu


def test_many_jobs(bench):
	"""Killed with 100,000 stored jobs: how soon is the first byte of AT on a port again?"""
	bench.config["modems"].append({"name": "pump", "port": bench.path("pump")})
	bench.campaign("all", SECOND)
	rig.equal(bench.daemon("--acknowledge", once=False).wait(20), 0, "exit code of --acknowledge")
	fill(bench)
	first_byte(bench)  # the first of them is killed as well
	many = [first_byte(bench) for _ in range(5)]
	with contextlib.closing(sqlite3.connect(bench.path("state", "fotad.db"))) as store:
		store.executescript("DELETE FROM jobs; DELETE FROM attempts; DELETE FROM history; VACUUM")
	first_byte(bench)
	few = [first_byte(bench) for _ in range(5)]
	for n, times in (MANY, many), (0, few):
		print(f"first byte after a kill, with {n} jobs: " + ", ".join(f"{t:.0f} ms ({c:.1f} of CPU)" for t, c in times), flush=True)
	# The time itself is the bench's to judge (recover): here it must not be out of all proportion.
	rig.check(min(c for _, c in many) <= 60 * min(c for _, c in few), "100,000 jobs cost too much")


if __name__ == "__main__":
	rig.main(test_evidence, test_unknown_then_settled, test_unknown_without_a_start, test_damaged, test_held, test_gone, test_damaged_evidence, test_newer,
		test_full_disk, test_budget,
		test_another_in_the_slot, test_swapped_in_flight, test_many_jobs, workers=3)
