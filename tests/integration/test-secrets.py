#!/usr/bin/python3
"""Passwords reach the FTP server and the network, and appear nowhere else."""
import os
import re
import resource

import rig
from rig import VERSIONS

FTP_PASSWORD = "canary-Ftp-7f3a91"
APN_PASSWORD = "canary-Apn-c05d2e"
QUERY = "canary-query-51be"
CANARIES = (FTP_PASSWORD, APN_PASSWORD, QUERY)


def bench_with_secrets(bench, *faults):
	bench.ftp(password=FTP_PASSWORD)
	bench.credential("apn", APN_PASSWORD)
	bench.config["timeouts"]["stall"] = "3s"
	apn = {"name": "iot.example", "username": "gateway", "password": {"credential": "apn"}}
	bench.modem("pump", "L610", *faults, apn=apn)
	bench.modem("meter", "NL668", *faults)
	bench.modem("gate", "NL652", *faults)
	bench.over_ftp("L610", *VERSIONS["L610"][:2])
	bench.over_ftp("NL668", *VERSIONS["NL668"][:2])
	file = bench.http("NL652", *VERSIONS["NL652"][:2])
	bench.config["packages"][-1]["http"]["url"] += f"?token={QUERY}"
	bench.campaigns_by_target()
	return file


def judge_files(bench, *paths):
	"""Not one canary in any of them, directories with all that is in them."""
	for path in paths:
		files = [os.path.join(top, name) for top, _, names in os.walk(path) for name in names] if os.path.isdir(path) else [path]
		rig.check(files, f"{path} is empty")
		for name in files:
			with open(name, "rb") as file:
				data = file.read()
			for canary in CANARIES:
				rig.check(canary.encode() not in data, f"{canary} is in {name}")


def judge_process(pid):
	for name in "cmdline", "environ":
		try:
			with open(f"/proc/{pid}/{name}", "rb") as file:
				data = file.read()
		except PermissionError:
			continue  # it lets nobody look
		for canary in CANARIES:
			rig.check(canary.encode() not in data, f"{canary} is in /proc/{pid}/{name}")


def test_nowhere_else(bench):
	"""With the debug log, through whole upgrades; while they run, and after a kill in the middle."""
	file = bench_with_secrets(bench)
	bench.start_modems()
	daemon = bench.daemon("--log-level=debug", once=False)
	for name in bench.modems:
		bench.transcript.wait(rf" {name} > AT\+GTOTA=[01]")
		judge_process(daemon.pid)
	daemon.kill()
	daemon.wait()
	judge_files(bench, bench.path("state"))
	last = bench.daemon("--log-level=debug")
	rig.equal(last.wait(), 0, "exit code of fotad")
	truth = bench.truth()
	for m in bench.modems.values():
		rig.judge_success(bench, m, truth[m.name], except_for=["bytes_while_executing", "commands_while_downloading"])
	judge_files(bench, bench.path("state"), bench.path("transcript"), bench.path("fotad-1.log"), bench.path("fotad-2.log"),
		bench.path("fota-sim.log"), bench.path("truth.json"))
	# They did arrive: the FTP server lets in nobody else, and nginx saw the query.
	for family in "L610", "NL668":
		rig.equal(bench.ftp_bytes(f"{family}-{VERSIONS[family][0]}-{VERSIONS[family][1]}.bin"), [rig.SIZE], "bytes sent")
	rig.equal(bench.web_bytes(file), [rig.SIZE], "bytes sent by nginx")
	with open(bench.path("nginx", "access.log"), encoding="utf-8") as log:
		rig.check(f"?token={QUERY}" in log.read(), "nginx did not see the query")
	for name, command in ("pump", r"AT\+GTOTA=1"), ("meter", r"AT\+GTOTA=1"), ("pump", r"AT\+MIPCALL=1"):
		rig.check(bench.transcript.find(rf' {name} > {command},.*"\*\*\*"'), f"{name}: no masked {command} in the transcript")
	for name in "pump", "meter":
		rig.check(daemon.log.find(rf" debug {name}: .*not shown"), f"{name}: the debug log shows no masked line")
	rig.check(daemon.log.find(" debug pump: > AT"), "the debug log has no dialogue")


def test_refused_with_secrets(bench):
	"""Errors and echoes while a line with a secret is in flight."""
	bench_with_secrets(bench, "gtota-cme number=50 times=0", "error command=E0 times=0")
	daemon, truth = rig.run_once(bench, wanted=1, environment={"SYSTEMD_LOG_LEVEL": "debug"})
	debug = bench.daemon("--log-level=debug", state="debug")
	debug.wait()
	for m in bench.modems.values():
		rig.equal(truth[m.name]["version"], m.version, f"{m.name}: version")
		rig.judge_word(bench, m, "failed", "rejected")
	judge_files(bench, bench.path("state"), bench.path("debug"), bench.path("transcript"), bench.path("fotad-1.log"),
		bench.path("fotad-2.log"))
	rig.check(daemon.log.find("rejected"), "no reason is said")


def test_echoed_secrets(bench):
	"""A module that echoes all it gets, its error too, with the debug log."""
	bench_with_secrets(bench, "error command=E0 times=0", "late-answer command=+GTOTA= time=1s")
	bench.start_modems()
	daemon = bench.daemon("--log-level=debug")
	rig.equal(daemon.wait(), 0, "exit code of fotad")
	bench.truth()
	judge_files(bench, bench.path("state"), bench.path("transcript"), bench.path("fotad-1.log"))


def test_apn_password_arrives(bench):
	"""The counter-check: what the simulator masks is what the module got."""
	bench_with_secrets(bench)
	bench.start_modems("--show-secrets")
	_, truth = rig.run_once(bench)
	rig.judge_success(bench, bench.modems["pump"], truth["pump"])
	rig.check(bench.transcript.find(rf'AT\+MIPCALL=1,"iot\.example","gateway","{re.escape(APN_PASSWORD)}"'), "the APN password")
	rig.check(bench.transcript.find(rf'AT\+GTOTA=1,.*"{re.escape(FTP_PASSWORD)}"'), "the FTP password")


def test_no_descriptors(bench):
	"""A password that cannot be read for want of descriptors is no missing credential: the job waits (conduct 18)."""
	bench.credential("apn", APN_PASSWORD)
	m = bench.modem("pump", "L610", apn={"name": "iot.example", "username": "gateway", "password": {"credential": "apn"}})
	bench.http("L610", *VERSIONS["L610"][:2])
	bench.campaigns_by_target()
	bench.start_modems()
	daemon = bench.daemon(once=False)
	daemon.log.wait(" pump: .* is open")  # and is listened to for 2 s (conduct 10)
	before = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
	resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, before[1]))
	daemon.log.wait(r" pump: not now \(shortage\): .*Too many open files")
	resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, before)
	daemon.log.wait(" pump: succeeded")
	daemon.log.wait(rig.RESTORED)
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	rig.judge_success(bench, m, bench.truth()["pump"])


rig.main(test_nowhere_else, test_no_descriptors, test_refused_with_secrets, test_echoed_secrets, test_apn_password_arrives)
