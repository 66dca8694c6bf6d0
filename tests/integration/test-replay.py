#!/usr/bin/python3
"""The flight recorder: every failed attempt leaves a bundle, a replay of it comes to the same verdict, and no password is
in it. The files in tests/replay were made by this: FOTAD_BUNDLES=DIRECTORY keeps them."""
import json
import os
import re
import shutil
import subprocess
import tempfile

import rig
from rig import VERSIONS

CANARY = "Kanarienvogel-7f3a"
L, N, E = "L610", "NL668", "NL652"

FAULTS = [  # name, family, faults, state, reason
	("fail", L, ("fail percent=40",), "failed", "download-failed"),
	("fail-in-chunks", L, ("chunks", "fail percent=60"), "failed", "download-failed"),
	("fail-byte-by-byte", L, ("slow-bytes time=1ms", "fail percent=20"), "failed", "download-failed"),
	("fail-odd-frames", L, ("crcrlf", "leading-nul", "fail-after-100"), "failed", "download-failed"),
	("fail-endless-line", L, ("endless-line percent=10 number=20000", "fail percent=50"), "failed", "stalled"),
	("fail-flood", L, ("flood percent=10 number=500", "fail percent=50"), "failed", "download-failed"),
	("rejected", L, ("gtota-cme number=50",), "failed", "rejected"),
	("stall", N, ("stall percent=30",), "failed", "stalled"),
	("no-start", N, ("no-start",), "failed", "no-start"),
	("no-reboot", L, ("no-reboot",), "failed", "no-reboot"),
	("never-back", N, ("never-back",), "unknown", "not-back"),
	("unchanged", E, ("version-unchanged",), "failed", "version-unchanged"),
	("other-version", N, ("version-other version=19006.1000.00.02.76.99",), "failed", "version-unexpected"),
	("port-lost", N, ("half-urc-then-lost percent=40 time=200ms", "stall percent=70"), "failed", "port-lost"),
	("foreign-lines", N, ("say percent=20 line=RING", "late-answer command=+CSQ time=3s", "stall percent=50"), "failed", "stalled"),
	("loader-reports", L, ("keep-port", "update-reports dialect=qind", "version-unchanged"), "failed", "version-unchanged"),
	("callbreak", L, ("callbreak-error",), "failed", "setting-refused"),
	("no-sim", E, ("sim-pin",), "failed", "sim-not-ready"),
	("no-network", N, ("network-gone number=3",), "failed", "no-service"),
	("no-data-connection", L, ("pdp-gone",), "failed", "no-service"),
]


def bundles(bench):
	"""{modem: path}"""
	directory = bench.path("state", "bundles")
	found = {}
	for name in sorted(os.listdir(directory)):
		rig.check(re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-[A-Za-z0-9._-]+\.json", name), f"a stray file: {name}")
		path = os.path.join(directory, name)
		rig.equal(os.stat(path).st_mode & 0o777, 0o600, f"mode of {name}")
		with open(path, encoding="utf-8") as file:
			modem = json.load(file)["job"]["modem"]
		rig.check(modem not in found, f"{modem} has two bundles")
		found[modem] = path
	return found


def replay(path):
	return subprocess.run([rig.FOTAD, f"--replay={path}"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
		errors="backslashreplace", check=False, timeout=rig.PATIENCE)


def judge(bench, daemon, modem, path, state, reason):
	rig.judge_word(bench, modem, state, reason)
	rig.check(daemon.log.find(re.escape(os.path.basename(path))), f"{modem.name}: nobody says where the bundle is")
	result = replay(path)
	rig.equal(result.returncode, 0, f"{modem.name}: {result.stdout[-600:]}{result.stderr}exit code of the replay")
	rig.check(result.stdout.splitlines()[-1].startswith(f"the same: {state}, {reason}"), f"{modem.name}: {result.stdout[-200:]}")
	with open(path, "rb") as file:
		text = file.read()
	rig.check(len(text) < 200_000, f"{modem.name}: a bundle of {len(text)} bytes")
	keep = os.environ.get("FOTAD_BUNDLES")
	if keep:  # without what only this machine knows
		text = re.sub(rb'"port": "[^"]*/', b'"port": "/dev/modems/', text)
		with open(os.path.join(keep, modem.name + ".json"), "wb") as file:
			file.write(text)
	return text


def test_every_verdict(bench):
	for name, family, faults, _, _ in FAULTS:
		m = bench.modem(name, family, *faults)
	for family in sorted({family for _, family, _, _, _ in FAULTS}):
		bench.http(family, *VERSIONS[family][:2])
	bench.modem("fine", L)
	bench.campaigns_by_target(check="pdp", brake={"signal_db": 62})  # every question that there is
	daemon, truth = rig.run_once(bench, wanted=1)
	found = bundles(bench)
	rig.equal(sorted(found), sorted(name for name, *_ in FAULTS), "modems with a bundle")
	for name, _, _, state, reason in FAULTS:
		judge(bench, daemon, bench.modems[name], found[name], state, reason)
	m = bench.modems["fine"]
	rig.judge_success(bench, m, truth[m.name])


def test_secrets(bench):
	"""The server refuses the password; the module's echo stays on, and the line is seen by nobody."""
	bench.modem("ftp-refused", L, "error command=E0 times=9", keys="")
	bench.modem("ftp-silence", N, "error command=E0 times=9", "chunks")
	for family in L, N:
		bench.over_ftp(family, *VERSIONS[family][:2])
	for modem in bench.config["modems"]:
		modem["apn"] = {"name": "iot.example", "username": "gw", "password": {"credential": "apn"}}
	bench.config["profiles"] = {"NL668": {"mipcall": "required"}}
	bench.credential("fota-ftp", CANARY)
	bench.credential("apn", CANARY + "-apn")
	bench.config["timeouts"]["stall"] = "6s"  # the server takes 3 s to say no
	bench.campaigns_by_target()
	daemon, _ = rig.run_once(bench, wanted=1)
	rig.check(bench.transcript.find(r" < AT\+GTOTA=1,"), "the module did not echo the line")
	found = bundles(bench)
	for name, reason in ("ftp-refused", "download-failed"), ("ftp-silence", "stalled"):
		text = judge(bench, daemon, bench.modems[name], found[name], "failed", reason)
		rig.check(CANARY.encode() not in text and b"Kanarie" not in text, f"{name}: the password is in the bundle")
		rig.check(b'\\"fota\\",\\"***\\"' in text, f"{name}: where is the line?")


def test_after_a_kill(bench):
	"""What was begun in another life is recorded from its first moment in this one; the request is not known there."""
	m = bench.modem("resumed", N, "stall percent=30")
	bench.http(N, *VERSIONS[N][:2])
	bench.campaigns_by_target()
	bench.start_modems()
	first = bench.daemon()
	first.log.wait("point of no return")
	bench.transcript.wait(r" < GTOTA DOWNLOADING: ")
	first.kill()
	first.wait()
	daemon, _ = rig.run_once(bench, wanted=1)
	path = bundles(bench)["resumed"]
	job = bench.jobs()["resumed"]
	text = judge(bench, daemon, m, path, job["state"], job["reason"])
	task = json.loads(text)["task"]  # as it was kept (conduct 21): without the package, whose line is out
	rig.equal((task["to"], task["url"], task["check"]), (VERSIONS[N][1], "", "registered"), "task")


def test_difference(bench):
	"""A bundle that tells of something else is found out; what is no bundle is refused."""
	bench.modem("fail", L, "fail percent=40")
	bench.http(L, *VERSIONS[L][:2])
	bench.campaigns_by_target()
	rig.run_once(bench, wanted=1)
	with open(bundles(bench)["fail"], encoding="utf-8") as file:
		text = file.read()
	for old, new, code in ('"failed","download-failed"', '"failed","stalled"', 1), ("GTOTA DOWNLOAD FAILED", "GTOTA DOWNLOAD FALED", 1), \
			("AT+CPIN?", "AT+CPIN", 1), ('"version": 1', '"version": 2', 78), ('"entries"', '"entry"', 78), ("{", "", 78):
		rig.check(old in text, f"no {old}")
		result = replay(bench.write("changed.json", text.replace(old, new)))
		rig.equal(result.returncode, code, f"{old} as {new}: {result.stdout[-300:]}{result.stderr}exit code")
		rig.check("DIFFERENT: " in result.stdout if code == 1 else "changed.json: " in result.stderr, "nothing was said")
	rig.equal(replay(bench.path("no-such-file")).returncode, 78, "exit code")


rig.main(test_every_verdict, test_secrets, test_after_a_kill, test_difference)
