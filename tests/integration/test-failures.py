#!/usr/bin/python3
"""Every fault of the simulator against the verdict that fotad must give, many modems in one run.

A fault that fotad can live with must not cost the upgrade, one that it cannot must be found out by its right name, and
whatever happens no module may be harmed.
"""
import re

import rig
from rig import VERSIONS

L, N = "L610", "NL668"
OTHER_IMEI = "867962040000019"

# What fotad must live with: the module runs the target in the end, after `starts` starts.
HARMLESS = [
	# answers
	(L, "silent command=+CGMR"),
	(N, "silent command=+CPIN times=2"),
	(L, "late-answer command=+CSQ time=3s"),
	(N, "late-answer command=+CGSN time=3s"),
	(L, "late-answer command=+GTOTA= time=2s"),
	(L, "no-ok command=+CPIN"),
	(N, "no-ok command=+GTSET"),
	(L, "error command=+CGMM times=2"),
	(N, "error command=E0 times=2"),
	(L, "autobaud"),
	(N, "urc-inside-answer command=+CGSN"),
	(L, "drop-line line=\"GTOTA DOWNLOAD START\""),
	(N, "drop-line line=\"GTOTA DOWNLOAD COMPLETE\""),
	(L, "drop-line line=\"GTOTA DOWNLOAD COMPLETE\""),
	(N, "duplicate-line line=\"GTOTA DOWNLOAD COMPLETE\""),
	(L, "flood command=+CPIN"),
	(N, "flood percent=50 number=500"),
	(L, "endless-line command=+CSQ"),
	(N, "endless-line percent=50"),
	(L, "say percent=50 line=\"+CMTI: 1\""),
	# the port and the module
	(L, "lose-port command=+CPIN time=300ms"),
	(N, "lose-port percent=50 time=300ms"),
	(L, "half-urc-then-lost percent=40 time=200ms"),
	(N, "restart command=+CPIN"),
	(L, "restart command=+MIPCALL"),
	(N, "keep-port"),
	(L, "keep-port"),
	# framing
	(L, "crcrlf"),
	(N, "lf-only"),
	(L, "no-crlf-prefix"),
	(N, "leading-nul"),
	(L, "trailing-spaces"),
	(N, "slow-bytes time=1ms"),
	(L, "chunks"),
	# SIM and settings
	(N, "sim-busy times=1"),
	(L, "gprsfirst-error"),
	(L, "gtset-unreadable"),
	(L, "mipcall-before-ok"),
	(L, "mipcall-active-error"),
	(L, "mipcall-dual-stack"),
	(L, "mipcall-drop command=+CGSN"),
	# the download
	(N, "urc-before-ok"),
	(L, "start-twice"),
	(L, "start-over percent=60"),
	(N, "no-percent"),
	(L, "percent-garbage"),
	(L, "ring percent=30"),
	(N, "ring command=+GTOTA="),
	(L, "complete-twice"),
	(N, "complete-without-start"),
	# coming back
	(L, "back-late time=1s"),
	(N, "back-renumbered"),
	(L, "back-renumbered"),
	(L, "second-reset shows=old time=100ms"),
	(N, "second-reset shows=new time=200ms"),
	(N, "second-reset shows=old time=700ms"),
	(L, "version-error-after-boot"),
	(N, "boot-garbage"),
	(L, "no-boot-text"),
	(L, "keep-port; update-reports dialect=gtota"),
	(N, "keep-port; update-reports dialect=qind"),
	(L, "foreign-download time=2s"),
]

# What must be found out: state, reason, and whether the module was asked to start.
FATAL = [
	(L, "sim-pin", "failed", "sim-not-ready", 0),
	(N, "sim-absent", "failed", "sim-not-ready", 0),
	(L, "callbreak-error", "failed", "setting-refused", 0),
	(L, "gtota-unsupported", "failed", "unsupported", 0),
	(N, "gtota-unsupported", "failed", "unsupported", 0),
	(L, "gtota-cme number=53", "failed", "rejected", 1),
	(N, "gtota-cme number=50", "failed", "rejected", 1),
	(N, "no-start time=3s", "failed", "no-start", 1),
	(L, "no-start time=3s", "failed", "no-start", 1),
	(L, "stall percent=42 time=3s", "failed", "stalled", 1),
	(N, "stall percent=42 time=3s", "failed", "stalled", 1),
	(L, "fail percent=60", "failed", "download-failed", 1),
	(N, "fail percent=60", "failed", "stalled", 1),
	(L, "fail-after-100", "failed", "download-failed", 1),
	(N, "fail-after-100", "failed", "stalled", 1),
	(L, "complete-then-failed", "failed", "download-failed", 1),
	(L, "restart percent=50", "failed", "port-lost", 1),
	(L, "no-reboot", "failed", "no-reboot", 1),
	(N, "no-reboot", "failed", "no-reboot", 1),
	(L, "never-back", "unknown", "not-back", 1),
	(N, "never-back", "unknown", "not-back", 1),
	(L, "version-unchanged", "failed", "version-unchanged", 1),
	(N, "version-unchanged", "failed", "version-unchanged", 1),
	(L, "version-other version=16000.1000.00.09.99", "failed", "version-unexpected", 1),
	(L, f"imei-other imei={OTHER_IMEI}", "unknown", "not-back", 1),
]

# Deferred while it lasts; no attempt is spent (conduct 18).
DEFERRED = [
	(L, "not-registered", "not-registered"),
	(N, "roaming", "roaming"),
	(L, "2g", "slow-network"),
	(N, "weak-signal", "weak-signal"),
	(L, "low-supply", "low-supply"),
	(N, "in-call", "in-call"),
	(L, "mipcall-never", "pdp-failed"),
]

REQUIRE = {"technology": "lte", "rssi_dbm": -100, "roaming": False, "supply_mv": 3500, "idle": True}


def name_of(prefix, family, fault):
	return prefix + "-" + family + "-" + re.sub(r"[^a-z0-9]+", "-", fault.lower()).strip("-")[:40]


def add(bench, prefix, family, fault, **more):
	return bench.modem(name_of(prefix, family, fault), family, *fault.split("; "), **more)


def packages(bench):
	for family in L, N:
		bench.http(family, *VERSIONS[family][:2])


def judge(wrong, function, *arguments, **more):
	"""One modem that is not as it should be does not hide the others."""
	try:
		function(*arguments, **more)
	except rig.Failure as failure:
		wrong.append(str(failure))


def fired(truth, fault):
	"""Did the fault happen at all?"""
	name = fault.split("; ")[-1].split()[0]
	return any(f["name"] == name and f["fired"] > 0 for f in truth["faults"])


def judge_harmless(bench, m, fault, truth, attempts=1):
	except_for = ["bytes_while_executing"]
	if "gtset-unreadable" in fault:
		except_for.append("settings")
	if "active-error" in fault:
		except_for.append("pdp")  # it is open at every power-up
	if "second-reset" in fault:
		except_for.append("bytes_while_applying")
	# A context that is open already is found by asking, so this one's error never comes.
	rig.check("active-error" in fault or fired(truth, fault), f"{m.name}: the fault did not happen")
	rig.judge_success(bench, m, truth, except_for=except_for)
	rig.judge_word(bench, m, "succeeded")
	rig.equal(truth["gtota_received"], attempts, f"{m.name}: starts")


def test_harmless(bench):
	packages(bench)
	modems = [(add(bench, "h", family, fault), fault) for family, fault in HARMLESS]
	bench.campaigns_by_target(require=REQUIRE, retry={"attempts": 2, "delay": "200ms", "max_delay": "200ms"})
	daemon, truth = rig.run_once(bench, timeout=120, wanted=None)
	wrong = []
	for m, fault in modems:
		judge(wrong, judge_harmless, bench, m, fault, truth[m.name])
	rig.check(not wrong, "\n  ".join(["", *wrong]))


def judge_fatal(bench, m, fault, state, reason, starts, truth):
	except_for = ["bytes_while_executing", "commands_while_downloading"]
	if state == "unknown":
		except_for += ["settings", "bytes_while_applying"]
	rig.check(fired(truth, fault), f"{m.name}: the fault did not happen")
	rig.judge_conduct(m.name, truth, except_for)
	rig.check(truth["version"] != m.target or truth["imei"] != m.imei, f"{m.name}: runs its target")
	rig.equal(truth["gtota_received"], starts, f"{m.name}: starts")
	rig.judge_word(bench, m, state, reason)


def test_fatal(bench):
	packages(bench)
	modems = [(add(bench, "f", *row[:2]), row) for row in FATAL]
	# Other packages: none that leads there, another base, another model, and one that the server does not have.
	for name, version in ("no-package", "16000.1000.00.01.28"), ("base-mismatch", "16000.1000.00.01.11"):
		bench.modem(name, L, version=version, target="16000.1000.00.01.77" if name == "no-package" else None)
	bench.modem("not-found", L, model="L610-EU-01-01")
	bench.config["packages"].append({"model": "L610-EU", "from": VERSIONS[L][0], "to": VERSIONS[L][1],
		"http": {"url": f"http://{bench.web().host}/nothing.bin"}})
	bench.modem("wrong-file", N, model="NL668-LA-00")  # its package is made for another base
	bench.http("NL668-LA", *VERSIONS[N][:2])
	bench.make_package(bench.path("www", f"NL668-LA-{VERSIONS[N][0]}-{VERSIONS[N][1]}.bin"), "NL668-LA", "19006.1",
		VERSIONS[N][1])
	bench.modem("wrong-file-said", L, "mismatch-failed", model="L610-CN-00-11")
	bench.http("L610-CN-00", *VERSIONS[L][:2])
	bench.make_package(bench.path("www", f"L610-CN-00-{VERSIONS[L][0]}-{VERSIONS[L][1]}.bin"), "L610-CN-00", "16000.1",
		VERSIONS[L][1])
	bench.campaigns_by_target(require=REQUIRE)
	daemon, truth = rig.run_once(bench, timeout=120, wanted=1)
	wrong = []
	for m, (_, fault, state, reason, starts) in modems:
		judge(wrong, judge_fatal, bench, m, fault, state, reason, starts, truth[m.name])
	for name, reason in ("no-package", "no-package"), ("base-mismatch", "base-mismatch"), \
			("not-found", "download-failed"), ("wrong-file", "version-unchanged"), \
			("wrong-file-said", "download-failed"):
		judge(wrong, rig.judge_conduct, name, truth[name])
		judge(wrong, rig.judge_word, bench, bench.modems[name], "failed", reason)
		judge(wrong, rig.equal, truth[name]["packages_applied"], 0, f"{name}: packages applied")
	rig.check(not wrong, "\n  ".join(["", *wrong]))
	rig.check(daemon.log.find(rf"0 of {len(bench.modems)} modems run their target"), "no summary")


def judge_deferred(bench, m, reason, truth):
	# What was set for an attempt that waits is put back after the job's end (conduct 3).
	rig.judge_conduct(m.name, truth, ["bytes_while_executing"] + ["settings"] * (reason == "pdp-failed"))
	rig.equal(truth["gtota_received"], 0, f"{m.name}: starts")
	job = bench.jobs()[m.name]
	rig.equal((job["state"], job["reason"], job["attempts"]), ("waiting", reason, 0), f"{m.name}: fotad's verdict")


def test_deferred(bench):
	"""As long as it lasts the job waits; --once gives up after retry.attempts (conduct 19)."""
	packages(bench)
	modems = [(add(bench, "d", family, fault), reason) for family, fault, reason in DEFERRED]
	bench.campaigns_by_target(require=REQUIRE, retry={**rig.RETRY, "attempts": 2})
	daemon, truth = rig.run_once(bench, timeout=120, wanted=1)
	wrong = []
	for m, reason in modems:
		judge(wrong, judge_deferred, bench, m, reason, truth[m.name])
		judge(wrong, rig.equal, len(daemon.log.find(rf" {m.name}: not now \({reason}\)")), 2, f"{m.name}: tries")
	rig.check(not wrong, "\n  ".join(["", *wrong]))


def test_deferred_then_done(bench):
	"""What passes by itself costs no attempt."""
	packages(bench)
	times = {"not-registered": 3, "roaming": 1, "2g": 2, "weak-signal": 6, "low-supply": 1, "in-call": 1, "mipcall-never": 1}
	modems = [add(bench, "t", family, f"{fault} times={times[fault]}") for family, fault, _ in DEFERRED]
	modems.append(add(bench, "t", L, "gtota-cme number=901"))  # and this one does: "PDP deactivated", later
	modems.append(add(bench, "t", N, "gtota-cme number=3"))
	bench.campaigns_by_target(require=REQUIRE, retry={"attempts": 2, "delay": "200ms", "max_delay": "200ms"})
	daemon, truth = rig.run_once(bench, timeout=120, wanted=None)
	wrong = []
	for m in modems:
		judge(wrong, rig.judge_success, bench, m, truth[m.name], except_for=["bytes_while_executing"])
		judge(wrong, rig.judge_word, bench, m, "succeeded")
		judge(wrong, rig.equal, truth[m.name]["gtota_received"], 2 if "cme" in m.name else 1, f"{m.name}: starts")
		judge(wrong, rig.check, fired(truth[m.name], m.faults[0]), f"{m.name}: the fault did not happen")
	rig.check(not wrong, "\n  ".join(["", *wrong]))


def test_failed_then_done(bench):
	"""The second attempt succeeds; after a silent end it waits until `download` has passed (conduct 8)."""
	packages(bench)
	rows = [(L, "fail percent=30 times=1"), (L, "fail-after-100 times=1"), (N, "fail percent=30 times=1"),
		(N, "stall percent=30 time=3s times=1"), (N, "no-start time=3s times=1"), (L, "restart percent=50 times=1"),
		(N, "version-unchanged times=1"), (L, "complete-then-failed times=1")]
	modems = [add(bench, "r", *row) for row in rows]
	bench.campaigns_by_target(retry={"attempts": 2, "delay": "200ms", "max_delay": "200ms"})
	daemon, truth = rig.run_once(bench, timeout=120, wanted=None)
	wrong = []
	for m in modems:
		judge(wrong, rig.judge_success, bench, m, truth[m.name], except_for=["bytes_while_executing", "commands_while_downloading"])
		judge(wrong, rig.judge_word, bench, m, "succeeded")
		judge(wrong, rig.equal, truth[m.name]["gtota_received"], 2, f"{m.name}: starts")
		judge(wrong, rig.equal, truth[m.name]["packages_applied"], 1, f"{m.name}: packages applied")
		judge(wrong, rig.check, daemon.log.find(rf" {m.name}: attempt 1 failed \("), f"{m.name}: the failure is not said")
		gap = truth[m.name]["gtota_gap_min_us"]
		judge(wrong, rig.check, gap == 0 or gap >= 10_000_000, f"{m.name}: started again after {gap} us, without an end seen")
	rig.check(not wrong, "\n  ".join(["", *wrong]))


def test_every_fault_is_here(bench):
	"""What the simulator learns to do must be tried here, too."""
	process = rig.Process([rig.FOTA_SIM, "--list-faults"], bench.path("faults"))
	rig.equal(process.wait(), 0, "exit code of fota-sim")
	known = {line.split()[0] for line in process.log.lines if line and not line.startswith("\t")}
	rows = [row[1] for row in HARMLESS + FATAL + DEFERRED] + ["mismatch-failed"]
	tried = {fault.split()[0] for row in rows for fault in row.split("; ")}
	rig.check(len(known) > 50 and known == tried, f"not tried: {sorted(known - tried)}; unknown: {sorted(tried - known)}")


rig.main(test_harmless, test_fatal, test_deferred, test_deferred_then_done, test_failed_then_done,
	test_every_fault_is_here)
