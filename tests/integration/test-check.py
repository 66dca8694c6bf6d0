#!/usr/bin/python3
"""The service check after the upgrade (conduct 20): what does not get back into service is no-service, and stays so."""
import glob

import rig
from rig import VERSIONS

L, N, O = "L610", "NL668", "NL652"
SERVICE = ("AT+CEREG?", "AT+CGREG?", "AT+MIPCALL?", "AT+CGACT?")

# check, fault, state and reason in the end
ROWS = [
	(L, "none", "network-gone", "succeeded", ""),
	(L, None, "network-gone", "failed", "no-service"),
	(N, "registered", "network-gone number=3", "failed", "no-service"),
	(O, "pdp", "network-gone number=0", "failed", "no-service"),
	(L, "pdp", "pdp-gone", "failed", "no-service"),
	(N, "pdp", "pdp-gone", "failed", "no-service"),
	(L, "registered", "pdp-gone", "succeeded", ""),
	# It may take its time.
	(L, "registered", "network-gone times=2", "succeeded", ""),
	(N, "pdp", "network-gone times=2", "succeeded", ""),
	(L, "pdp", "mipcall-dual-stack", "succeeded", ""),
	(N, "pdp", "2g", "succeeded", ""),
	(L, "pdp", "silent command=+CEREG skip=1", "succeeded", ""),
	(L, "pdp", "restart command=+MIPCALL= skip=1", "succeeded", ""),
	(N, "registered", "lose-port command=+CEREG skip=1 time=300ms", "succeeded", ""),
]


def words(*parts):
	return "-".join("".join(c if c.isalnum() else "-" for c in part.lower()) for part in parts)[:60].strip("-")


def test_rows(bench):
	modems = []
	for family in L, N, O:
		bench.http(family, *VERSIONS[family][:2])
	for family, check, fault, state, reason in ROWS:
		m = bench.modem(words("m", family, check or "default", fault), family, fault)
		modems.append((m, check, fault, state, reason))
		bench.campaign("c-" + m.name, m.target, [m.name], require={"technology": "any"}, **({"check": check} if check else {}))
	daemon, truth = rig.run_once(bench, timeout=120, wanted=1)
	wrong = []
	for m, check, fault, state, reason in modems:
		try:
			judge(bench, daemon, m, check, fault, state, reason, truth[m.name])
		except rig.Failure as failure:
			wrong.append(str(failure))
	rig.check(not wrong, "\n  ".join(["", *wrong]))


def judge(bench, daemon, m, check, fault, state, reason, truth):
	# A module that is asked while it restarts says nothing; a line may be half out when the port goes.
	rig.judge_success(bench, m, truth, except_for=["bytes_while_executing"])
	rig.judge_word(bench, m, state, reason)
	rig.equal(truth["gtota_received"], 1, f"{m.name}: starts")
	if "gone" in fault and (check != "none" and not ("pdp" in fault and check == "registered")):
		rig.check(truth["faults"][0]["fired"] > 0, f"{m.name}: the fault did not happen")
	if check == "none":
		rig.equal([line for line in bench.sent(m.name)[after_last_version(bench, m):] if line in SERVICE], [],
			f"{m.name}: questions about its service")
	if reason:
		text = "data connection down" if "pdp" in fault else "LTE searching" if "=" not in fault else \
			"LTE denied" if "3" in fault else "LTE not registered"
		rig.check(daemon.log.find(rf" {m.name}: evidence: .*after {m.target} .*in service\? .*{text}"),
			f"{m.name}: the evidence does not say \"{text}\"")


def after_last_version(bench, m):
	lines = bench.sent(m.name)
	return len(lines) - lines[::-1].index("AT+CGMR")


def test_stays(bench):
	"""Neither another fotad nor a reading of the target makes a success of it, nor is anything tried again."""
	bench.http(L, *VERSIONS[L][:2])
	m = bench.modem("pump", L, "network-gone times=12")  # later it is there again
	bench.campaign("winter", m.target, retry={"attempts": 5, "delay": "200ms", "max_delay": "200ms"})
	bench.start_modems()
	for _ in range(2):
		daemon = bench.daemon()
		rig.equal(daemon.wait(rig.PATIENCE), 1, "exit code of fotad")
		job = bench.jobs()["pump"]
		rig.equal((job["state"], job["reason"], job["attempts"]), ("failed", "no-service", 1), "fotad's verdict")
	[bundle] = glob.glob(bench.path("state", "bundles", "*-pump-no-service.json"))
	replay = rig.Process([rig.FOTAD, f"--replay={bundle}"], bench.path("replay.log"))
	rig.equal(replay.wait(rig.PATIENCE), 0, "exit code of the replay")
	truth = bench.truth()
	rig.judge_success(bench, m, truth["pump"])
	rig.equal(truth["pump"]["gtota_received"], 1, "starts")


def test_chain(bench):
	"""Only the last package of a chain is followed by a check: before each start the same is asked anyway."""
	first, second, third = VERSIONS[N]
	bench.http(N, first, second)
	bench.http(N, second, third)
	m = bench.modem("pump", N, target=third)
	bench.campaign("winter", third, check="pdp")
	daemon, truth = rig.run_once(bench)
	rig.judge_success(bench, m, truth["pump"], hops=2)
	rig.equal(bench.sent("pump").count("AT+CGACT?"), 1, "questions for a data connection")


def start(bench, *faults, family=L, check="registered", **settings):
	"""fotad is killed in mid-download, and its configuration is another when it starts again."""
	bench.web(rate=100_000)
	bench.http(family, *VERSIONS[family][:2], size=200_000)
	m = bench.modem("pump", family, *faults, **settings)
	bench.campaign("winter", m.target, check=check)
	bench.start_modems(default="boot-time=300ms apply-time=300ms")
	daemon = bench.daemon(once=False)
	bench.transcript.wait(r" < GTOTA DOWNLOADING: [2-5]\d%")
	daemon.kill()
	daemon.wait(20)
	return m


def finish(bench, m, state, reason="", wanted=None):
	daemon, truth = rig.run_once(bench, wanted=wanted if wanted is not None else int(state != "succeeded"))
	rig.judge_word(bench, m, state, reason)
	rig.equal(truth["pump"]["gtota_received"], 1, "starts")
	return daemon, truth["pump"]


def test_check_is_kept(bench):
	m = start(bench, "network-gone")
	bench.config["campaigns"][0]["check"] = "none"
	finish(bench, m, "failed", "no-service")


def test_no_check_is_kept(bench):
	m = start(bench, "network-gone", check="none")
	bench.config["campaigns"][0]["check"] = "pdp"
	_, truth = finish(bench, m, "succeeded")
	rig.equal(truth["faults"][0]["fired"], 0, "questions about the network")


def test_short_wait_is_kept(bench):
	"""Conduct 21: the time-out of then, 2 s; that of now would let it wait for an hour."""
	m = start(bench, "stall percent=60 time=3s")
	bench.config["timeouts"].update(stall="1h", start="1h", download="2h")
	bench.config["campaigns"][0]["retry"] = {"attempts": 3, "delay": "1h", "max_delay": "1h"}
	finish(bench, m, "failed", "stalled")  # and it had one attempt


def test_long_wait_is_kept(bench):
	"""The download is silent for longer than the new configuration would have patience."""
	bench.config["timeouts"]["stall"] = "6s"
	m = start(bench)
	bench.web_server.stop()
	bench.config["timeouts"].update(stall="100ms", start="100ms", download="1s")
	daemon = bench.daemon()
	daemon.log.wait("taking up the upgrade")
	bench.transcript.wait(r" > AT$", start=bench.transcript.size())
	silence = [line for line in daemon.log.lines if "verdict" in line]
	rig.equal(silence, [], "verdicts before the module was asked")
	daemon.wait(60)
	times = [int(line.split()[0]) for line in bench.transcript.find(r"^\d+ pump (> AT$|< GTOTA DOWNLOADING)")]
	gaps = [b - a for a, b in zip(times, times[1:])]
	rig.check(max(gaps) >= 4_000_000, f"it was asked {max(gaps)} us after the last report")


def test_credential_is_kept(bench):
	"""The check opens the connection with the access point of then, its password read again from its credential."""
	bench.credential("apn", "password-of-the-bench")
	bench.credential("other", "password-of-another")
	apn = {"name": "iot.example", "username": "gw", "password": {"credential": "apn"}}
	m = start(bench, check="pdp", apn=apn)
	[modem] = bench.config["modems"]
	modem["apn"] = {"name": "other.example", "username": "gw", "password": {"credential": "other"}}
	finish(bench, m, "succeeded")
	lines = [line for line in bench.sent("pump") if line.startswith("AT+MIPCALL=1")]
	rig.check(lines and all(line.startswith('AT+MIPCALL=1,"iot.example","gw","') for line in lines), f"{lines}")
	rig.equal(len(lines), 2, "times that it was opened: before the start, and for the check")


def test_killed_in_the_check(bench):
	m = bench.modem("pump", L, "network-gone")
	bench.http(L, *VERSIONS[L][:2])
	bench.campaign("winter", m.target, check="pdp")
	bench.start_modems()
	daemon = bench.daemon(once=False)
	bench.transcript.wait(r" > AT\+CEREG\?", start=bench.transcript.wait(r" ! running"))
	daemon.kill()
	daemon.wait(20)
	job = bench.jobs()["pump"]
	rig.equal((job["state"], job["start_durable"]), ("running", 1), "what is remembered")
	_, truth = finish(bench, m, "failed", "no-service")
	rig.equal(truth["version"], m.target, "version")


if __name__ == "__main__":
	rig.main(test_rows, test_stays, test_chain, test_check_is_kept, test_no_check_is_kept, test_short_wait_is_kept,
		test_long_wait_is_kept, test_credential_is_kept, test_killed_in_the_check)
