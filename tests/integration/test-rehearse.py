#!/usr/bin/python3
"""fotad --rehearse: what it prints is held against a judge of its own (windows by zoneinfo, limits and waves by its timeline),
and against a real fotad --once with real modems of fota-sim."""
import datetime
import json
import os
import re
import subprocess
import zoneinfo

import rig
from rig import VERSIONS

FROM = "2026-12-01T00:00:00+01:00"
A, B, C = VERSIONS["L610"]
SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
NIGHT = {"start": "01:00", "end": "05:00", "timezone": "Europe/Berlin"}
QUICK = ("boot-time=100ms apply-time=100ms text-time=50ms sim-time=0ms network-time=0ms pdp-time=10ms start-time=10ms "
	"verify-time=300ms give-up-time=1s")


def usec(text):
	return round(datetime.datetime.fromisoformat(text).timestamp()) * SECOND


class Site:
	"""A configuration, and what is rehearsed with it."""

	def __init__(self, bench, n, limit=8, **campaign):
		self.bench = bench
		self.config = {"version": 1, "limits": {"max_parallel": limit},
			"modems": [{"name": f"m{i:04}", "port": f"/nowhere/tty{i}", "groups": [f"g{i % 3}"]} for i in range(n)],
			"packages": [{"model": "L610-CN", "from": A, "to": B, "size": 600_000, "http": {"url": "http://fota.example/ab.bin"}}],
			"campaigns": [{"name": "winter", "target": B, **campaign}]}

	def run(self, *options, code=0, since=FROM, environment=None):
		path = self.bench.write("rehearsal.json", json.dumps(self.config))
		done = subprocess.run([rig.FOTAD, "--rehearse", f"--config={path}", *([f"--from={since}"] if since else []), *options],
			stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=rig.PATIENCE, cwd=self.bench.directory,
			env={**os.environ, **(environment or {})})
		rig.equal(done.returncode, code, f"exit code ({done.stderr.strip()[-500:]})")
		return done.stdout

	def json(self, *options, code=0, since=FROM):
		"""{...}, with what must hold of each."""
		result = json.loads(self.run("--json", *options, code=code, since=since))
		rig.equal(result["version"], 1, "version of the format")
		judge(self, result)
		return result


def intervals(attempts):
	return [(a["start"], a["end"]) for a in attempts if a["end"]]


def is_open(windows, moment):
	"""By the wall clock of the zone alone, minute by minute: no window of these tests begins or ends in a gap."""
	for window in windows:
		local = datetime.datetime.fromtimestamp(moment / SECOND, zoneinfo.ZoneInfo(window["timezone"]))
		minutes = local.hour * 60 + local.minute
		begin, end = (int(window[key][:2]) * 60 + int(window[key][3:]) for key in ("start", "end"))
		day = local.date() if begin < end or minutes >= begin else local.date() - datetime.timedelta(days=1)
		inside = begin <= minutes < end if begin < end else minutes >= begin or minutes < end
		if inside and ("days" not in window or "mon tue wed thu fri sat sun".split()[day.weekday()] in window["days"]):
			return True
	return not windows


def judge(site, result):
	"""Limits, windows, waves, and the sums: from the timeline alone."""
	config, attempts = site.config, result["attempts"]
	groups = {m["name"]: m["groups"] for m in config["modems"]}
	rig.check(rig.most_at_once(intervals(attempts)) <= config["limits"]["max_parallel"], "limits.max_parallel is exceeded")
	for group, limit in config["limits"].get("per_group", {}).items():
		of = [a for a in attempts if group in groups[a["modem"].split("+")[0]]]
		rig.check(of and rig.most_at_once(intervals(of)) <= limit, f"limits.per_group.{group} is exceeded")
	for modem in {a["modem"] for a in attempts}:
		rig.check(rig.most_at_once(intervals([a for a in attempts if a["modem"] == modem])) <= 1 if len(attempts) < 500 else True,
			f"{modem}: two attempts at once")
	for run, campaign in zip(result["campaigns"], config["campaigns"]):
		of = [a for a in attempts if a["campaign"] == campaign["name"]]
		rig.check(rig.most_at_once(intervals(of)) <= campaign.get("max_parallel", 10 ** 9), "max_parallel is exceeded")
		for a in of:
			rig.check(is_open(campaign.get("windows", []), a["start"]), f"{a['modem']} starts at {a['start']}: no window is open")
		for number, wave in enumerate(campaign.get("waves", [])[:-1], 1):
			before = [a["end"] for a in of if a["wave"] == number and a["end"]]
			later = [a["start"] for a in of if a["wave"] == number + 1]
			soak = int(wave["soak"].removesuffix("h")) * HOUR if "soak" in wave else 0
			rig.check(not later or not before or min(later) >= max(before) + soak, f"wave {number + 1} begins too early")
		rig.equal(sum(o["started"] for o in run["openings"]), len(of), "attempts of all openings")
		rig.equal(sum(o["bytes"] for o in run["openings"]), run["bytes"], "bytes of all openings")
		rig.equal(sum(a["bytes"] for a in of), run["bytes"], "bytes of all attempts")
		# One that was unknown and settled itself counts as what it is.
		rig.equal(sum(o["succeeded"] for o in run["openings"]), run["succeeded"], "successes of all openings")
		rig.equal(sum(a["state"] == "succeeded" for a in of), run["succeeded"], "successful attempts")
		if run["succeeded"] == run["modems"] and run["bound"]:
			rig.check(run["bound"] <= run["last_success"], f"faster than possible: {run}")


def makespan(run):
	"""To the best possible, from the first possible start."""
	return (run["last_success"] - run["begin"]) / (run["bound"] - run["begin"])


def test_same_seed(bench):
	site = Site(bench, 20, windows=[NIGHT], waves=[{"size": "2", "soak": "1h"}, {"size": "100%"}])
	options = "--modems=300", "--faults=10%", "--cells=7", "--bandwidth=200000"
	for form in [], ["--json"], ["--full"]:
		once, again = (site.run(*options, "--seed=5", *form, code=1) for _ in range(2))
		rig.check(once == again and len(once) > 500, f"the same seed gives two nights {form}")
	rig.check(site.json(*options, "--seed=6", code=1)["attempts"] != site.json(*options, "--seed=5", code=1)["attempts"],
		"the seed changes nothing")


def test_ideal(bench):
	"""Everybody is done, and hardly later than the best possible end."""
	for n, limit, options, factor in (10, 4, (), 1.15), (1000, 64, (), 1.1), (1000, 200, ("--bandwidth=100000",), 1.15), \
			(1000, 1000, ("--cells=10", "--cell-bandwidth=20000"), 1.25):
		site = Site(bench, n, limit, windows=[NIGHT])
		result = site.json(*options)
		run = result["campaigns"][0]
		rig.equal((run["succeeded"], run["failed"], run["halted"]), (n, 0, ""), "succeeded, failed, halted")
		rig.check(1 <= makespan(run) <= factor,
			f"{n} modems, {options}: {makespan(run):.3f} times the best possible ({run['bound_by']})")
		rig.equal(run["bytes"], run["needed"], "bytes")
		for option in options:
			if option.startswith("--bandwidth="):
				first = min(a["start"] for a in result["attempts"])
				rig.check(run["bytes"] * SECOND <= int(option[12:]) * (run["last_success"] - first), "more bytes than the bandwidth")


def test_clones_of_two_hops(bench):
	"""A chain; who already stands at its second version makes one hop."""
	site = Site(bench, 3, 500, target=C)
	site.config["packages"].append({"model": "L610-CN", "from": B, "to": C, "size": 300_000,
		"ftp": {"server": "fota.example", "file": "bc.bin", "username": "u", "password": {"credential": "nobody-has-it"}}})
	result = site.json("--modems=200")
	hops = {}
	for a in result["attempts"]:
		hops.setdefault(a["modem"], []).append((a["from"], a["to"]))
	rig.equal({tuple(chain) for chain in hops.values()}, {((A, B), (B, C)), ((B, C),)}, "chains")
	rig.equal(len(hops), 200, "modems with an attempt")
	rig.check({"m0002+1", "m0001+66"} <= set(hops), "names of the copies")


def test_halt(bench):
	"""A third of them fail: it halts, and says why."""
	site = Site(bench, 100, 4)
	result = site.json("--faults=30%", code=1)
	run = result["campaigns"][0]
	bad = [m for m in result["modems"] if m["state"] in ("failed", "unknown")]
	judged = len(bad) + run["succeeded"]
	rig.equal(run["halted"], "failures", "halted for")
	rig.check(run["failures"] * 5 >= run["judged"] >= 5, f"halted too early: {run['failures']} of {run['judged']}")
	rig.check(judged <= run["judged"] + 4, "others have begun after the halt")
	halt = [e["at"] for e in run["events"] if e["event"] == "halt"]
	rig.check(len(halt) == 1 and all(a["start"] <= halt[0] for a in result["attempts"]), "somebody starts after the halt")
	rig.check(all(m["fault"] for m in bad), f"one without a fault is not done: {bad}")
	text = site.run("--faults=30%", code=1)
	rig.check(re.search(rf"HALTED: {run['failures']} of {run['judged']} failed \(halt.failures: 20%, after 5\)", text), text)
	left = sum(int(n) for n in re.findall(r"left: (\d+) ", text))
	rig.equal(left, 100 - run["succeeded"], "modems that are left")
	rig.check(re.search(r"left: \d+ waiting \(halted\): m\d{4} m\d{4}", text), "who is left does not say why")


def test_halt_before_the_last_try(bench):
	"""An upgraded modem that is not what it should be counts at once, although it is tried again hours later."""
	site = Site(bench, 20, 20, retry={"attempts": 3, "delay": "4h"})
	run = site.json("--faults=50% version-unchanged", code=1)["campaigns"][0]
	halt = [e["at"] for e in run["events"] if e["event"] == "halt"]
	rig.check(halt and halt[0] - usec(FROM) < HOUR, f"it halts at {halt}")
	rig.equal((run["halted"], run["failed"]), ("failures", 0), "halted for, failed for good")


def test_unproven_wave(bench):
	site = Site(bench, 10, waves=[{"size": "2"}, {"size": "100%"}])
	result = site.json("--faults=100% fail percent=10", code=1)
	run = result["campaigns"][0]
	rig.equal((run["halted"], {a["wave"] for a in result["attempts"]}), ("unproven", {1}), "halted, waves that began")
	rig.equal({a["modem"]: a["try"] for a in result["attempts"]}.popitem()[1], 3, "tries")
	rig.check("wave 1 cannot be proven" in site.run("--faults=100% fail percent=10", code=1), "it is not said why")


def test_brake(bench):
	"""The second hop makes them slow to come back: before anything has failed it halts."""
	site = Site(bench, 100, 20, target=C, brake={"return_percent": 300, "after": 10})
	site.config["packages"].append({"model": "L610-CN", "from": B, "to": C, "http": {"url": "http://fota.example/bc.bin"}})
	lines = [f"modem m{i:04} family=L610 version={A}\nfault m{i:04} back-late time=10min skip=1" for i in range(100)]
	result = site.json(f"--scenario={bench.write('scenario', chr(10).join(lines))}", code=1)
	run = result["campaigns"][0]
	rig.equal((run["halted"], run["failed"]), ("slower", 0), "halted for, failed")


def test_put_off_for_ever(bench):
	"""A wave whose modems never find a network: it is not waited for for a year."""
	site = Site(bench, 10, waves=[{"size": "2"}, {"size": "100%"}])
	result = site.json("--faults=100% not-registered", code=1)
	rig.check(len(result["attempts"]) == 6 and result["end"] - usec(FROM) < DAY, f"{len(result['attempts'])} attempts")
	text = site.run("--faults=100% not-registered", code=1)
	rig.check("left: 8 waiting (wave)" in text and "left: 2 waiting (not-registered)" in text, text)


def test_a_fault_that_passes(bench):
	"""A second try succeeds, after the delay; what may pass spends no attempt."""
	site = Site(bench, 10, retry={"attempts": 2, "delay": "20min"})
	result = site.json("--faults=3 fail percent=50 times=1", "--faults=2 not-registered times=1")
	of = {}
	for a in result["attempts"]:
		of.setdefault(a["modem"], []).append(a)
	again = [tries for tries in of.values() if len(tries) > 1]
	rig.equal(sorted(tries[0]["reason"] for tries in again), ["download-failed"] * 3, "why a second try was made")
	for first, second in again:
		rig.check(15 * MINUTE <= second["start"] - first["end"] <= 20 * MINUTE + SECOND, "the second try is too early or late")
		rig.equal((first["state"], second["state"], second["try"]), ("waiting", "succeeded", 2), "states")


def test_windows_and_clock_changes(bench):
	"""Both nights on which clocks change, by the wall clock of the zone; from the first night to the last."""
	for since, zone in ("2026-10-23T12:00:00+02:00", "Europe/Berlin"), ("2027-03-26T12:00:00+01:00", "Europe/Berlin"), \
			("2026-10-03T12:00:00+10:00", "Australia/Sydney"), ("2026-10-30T12:00:00-04:00", "America/New_York"):
		windows = [{"start": "00:30", "end": "01:30", "timezone": zone}, {"start": "22:00", "end": "23:15", "timezone": zone,
			"days": ["sat", "sun"]}]
		site = Site(bench, 400, 4, windows=windows, window_end="finish")
		result = site.json(since=since)
		run = result["campaigns"][0]
		rig.equal(run["succeeded"], 400, "succeeded")
		rig.check(len(run["openings"]) >= 4, "too few nights to tell")
		for opening in run["openings"]:
			zoned = [datetime.datetime.fromtimestamp(opening[key] / SECOND, zoneinfo.ZoneInfo(zone)).strftime("%H:%M")
				for key in ("since", "until")]
			rig.check(zoned in (["00:30", "01:30"], ["22:00", "23:15"]), f"an opening from {zoned[0]} to {zoned[1]}")
			rig.check(opening["most"] == 4 or opening is run["openings"][-1], "limit not used")


def test_no_window_is_long_enough(bench):
	site = Site(bench, 3, windows=[{"start": "01:00", "end": "01:30", "timezone": "UTC"}])
	text = site.run(code=1)
	rig.check(re.search(r"left: 3 waiting \(window\)", text) and "no window is long enough" in text, text)


def test_latest_start(bench):
	"""What may not be over in time is not begun; the operator is told what that costs."""
	site = Site(bench, 300, 2, windows=[NIGHT])
	result = site.json()
	run = result["campaigns"][0]
	expected = 91 * MINUTE  # of all waits of the procedure, as built in
	for opening in run["openings"]:
		starts = [a["start"] for a in result["attempts"] if opening["since"] <= a["start"] < opening["until"]]
		rig.check(max(starts) <= opening["until"] - expected, "a start after the latest one")
	missed = [opening["missed"] for opening in run["openings"]]
	waiting = [300 - sum(o["succeeded"] for o in run["openings"][:i + 1]) for i in range(len(missed))]
	rig.equal(missed, waiting, "modems that found no room")
	rig.check(f"{sum(missed)} times a modem was due and found no room" in site.run(), "it is not said")


def test_waves(bench):
	site = Site(bench, 200, 20, windows=[NIGHT], waves=[{"size": "1", "soak": "2h"}, {"size": "10%", "soak": "12h"},
		{"size": "50%", "soak": "24h"}, {"size": "100%"}])
	result = site.json()
	sizes = [len({a["modem"] for a in result["attempts"] if a["wave"] == wave}) for wave in (1, 2, 3, 4)]
	rig.equal(sizes, [1, 19, 80, 100], "sizes of the waves")
	rig.equal([e["wave"] for e in result["campaigns"][0]["events"]], [2, 3, 4], "waves that open")


def test_limits(bench):
	"""All kinds at once; judge() looks."""
	site = Site(bench, 60, 12, max_parallel=6)
	site.config["limits"]["per_group"] = {"g0": 2, "g1": 1}
	site.config["modems"] += [{"name": f"x{i}", "port": f"/nowhere/x{i}", "groups": ["x"]} for i in range(30)]
	site.config["campaigns"][0]["modems"] = {"groups": ["g0", "g1", "g2"]}
	site.config["campaigns"].append({"name": "summer", "target": B, "modems": {"groups": ["x"]}, "priority": 5})
	result = site.json("--modems=900", "--faults=5% fail percent=50 times=1")
	rig.equal([run["succeeded"] for run in result["campaigns"]], [600, 300], "succeeded")
	rig.equal(rig.most_at_once(intervals(result["attempts"])), 12, "at once")
	rig.equal(rig.most_at_once(intervals([a for a in result["attempts"] if a["campaign"] == "winter"])), 6, "of one campaign at once")


def test_uplink(bench):
	"""The modem that carries the gateway's own connection goes last and alone, or not at all."""
	site = Site(bench, 6)
	site.config["modems"][2]["uplink"] = True
	text = site.run(code=1)
	rig.check(re.search(r"left: 1 waiting \(held\): m0002", text), text)
	site.config["campaigns"][0]["uplink_confirmed"] = True
	attempts = site.json()["attempts"]
	rig.equal(attempts[-1]["modem"], "m0002", "the last one")
	rig.check(attempts[-1]["start"] >= max(a["end"] for a in attempts[:-1]), "it is not alone")


def test_deadline(bench):
	"""not_after bounds starts; who has not begun by then fails."""
	site = Site(bench, 100, 2, not_after="2026-12-01T01:00:00+01:00")
	result = site.json(code=1)
	run = result["campaigns"][0]
	rig.check(0 < run["succeeded"] < 100, "succeeded")
	rig.check(max(a["start"] for a in result["attempts"]) < usec("2026-12-01T01:00:00+01:00"), "a start behind not_after")
	rig.equal({(m["state"], m["reason"]) for m in result["modems"]} - {("succeeded", "")}, {("failed", "deadline")}, "the others")


def test_families(bench):
	"""Packages name the leading parts of a model; modems are whole ones, and listed. A full image, a context, FTP, both checks."""
	site = Site(bench, 0, target="19006.1000.00.02.76.23", check="pdp", require={"technology": "lte", "rssi_dbm": -100, "idle": True,
		"supply_mv": 3500})
	apn = {"name": "iot", "username": "u", "password": {"credential": "nobody-has-it"}}
	site.config["modems"] = [{"name": name, "port": f"/nowhere/{name}", "groups": [], **more}
		for name, more in (("a", {"profile": "NL668", "apn": apn}), ("b", {"profile": "NL652"}), ("c", {}))]
	site.config["profiles"] = {"NL668": {"mipcall": "required"}}
	site.config["packages"] = [
		{"model": "NL668", "from": "*", "to": "19006.1000.00.02.76.23", "size": 6_000_000, "http": {"url": "http://fota.example/full"}},
		{"model": "NL652-EU", "from": "19606.1000.00.01.01.02", "to": "19006.1000.00.02.76.23", "size": 50_000,
			"ftp": {"server": "fota.example", "file": "x", "username": "u", "password": "p"}}]
	result = site.json()
	models = {m["modem"]: m["model"] for m in result["modems"]}
	rig.equal((models["a"], models["b"]), ("NL668-CN-00", "NL652-EU-00"), "models")
	rig.equal({a["bytes"] for a in result["attempts"]}, {6_000_000, 50_000}, "bytes")


def test_until(bench):
	site = Site(bench, 500, 1, windows=[NIGHT])
	text = site.run("--until=2026-12-03T12:00:00+01:00", code=1)
	rig.check("Cut off at --until" in text and "left: " in text, text)
	result = site.json("--until=2026-12-03T12:00:00+01:00", code=1)
	rig.equal((result["cut"], len(result["campaigns"][0]["openings"])), (True, 3), "cut, nights")


def test_timeline_is_readable(bench):
	"""Few attempts are shown one by one, many by openings, all of them on demand."""
	site = Site(bench, 10, windows=[NIGHT], waves=[{"size": "1", "soak": "1h"}, {"size": "100%"}])
	text = site.run()
	shown = re.findall(r"^  Tue 2026-12-01 \d\d:\d\d:\d\d  m\d{4} +" + re.escape(f"{A} -> {B}"), text, re.M)
	rig.equal(len(shown), 10, "attempts shown")
	rig.check(re.search(r"^  Tue 2026-12-01 02:\d\d:\d\d  -- wave 2 of 2 opens, for 9 modems$", text, re.M), text)
	many = site.run("--modems=5000")
	rig.check(len(many.splitlines()) < 100 and max(map(len, many.splitlines())) <= 130, "too much to read")
	rig.check(re.search(r"^  Tue 2026-12-01 01:00-05:00 ", many, re.M), many)
	rig.check(len(site.run("--modems=5000", "--full").splitlines()) > 5000, "--full does not show all")


def test_at_rest_or_not(bench):
	"""A module that is switched off between its attempts, to save memory, behaves like one that stays on: one with a fault that
	may act on any command (and never does) is never switched off."""
	site = Site(bench, 40, 6, retry={"attempts": 3, "delay": "20min"}, halt=dict(rig.NO_HALT))
	faults = ["stall percent=50 times=1", "not-registered times=300", "fail percent=20 times=2", "never-back",
		"back-late time=25min times=1",
		"no-reboot", "mipcall-never times=1", "network-gone", "version-unchanged times=1"]
	lines = ["default start-time=1s"]
	for i, m in enumerate(site.config["modems"]):
		lines.append(f"modem {m['name']} family=L610 version={A} seed={i}")
		lines += [f"fault {m['name']} {faults[i % 12]}"] if i % 12 < len(faults) else []
	results = []
	for more in [], ["fault * say command=+NEVER line=x"]:
		scenario = bench.write("scenario", "\n".join(lines + more) + "\n")
		results.append(site.json(f"--scenario={scenario}", "--modems=120", code=1))
	off, on = results
	rig.check(off["lives"] < 80 < on["lives"], f"modules at once: {off['lives']}, {on['lives']}")
	rig.check(len(off["attempts"]) > 150, f"{len(off['attempts'])} attempts")
	rig.equal(off["attempts"], on["attempts"], "attempts")
	rig.equal(off["campaigns"], on["campaigns"], "campaigns")


def test_bundles(bench):
	"""Every modem of tests/replay fails in rehearsal as it was recorded; the others succeed."""
	directory = os.path.join(rig.SOURCE, "tests", "replay")
	bundles = {}
	for name in sorted(os.listdir(directory)):
		if name.endswith(".json"):
			with open(os.path.join(directory, name), encoding="utf-8") as file:
				bundles[os.path.join(directory, name)] = json.load(file)
	rig.check(len(bundles) > 15, "there are bundles")
	for path, bundle in bundles.items():
		name, verdict = bundle["job"]["modem"], bundle["verdict"]
		base = bundle["task"]["from"] if bundle["task"] else bundle["record"]["from"]
		site = Site(bench, 1, target=bundle["job"]["target"], retry={"attempts": 1}, halt=dict(rig.NO_HALT), check="registered")
		site.config["modems"].append({"name": name, "port": "/nowhere/x", "groups": []})
		model = bundle["modem"]["model"]
		site.config["packages"] = [{"model": model.rsplit("-", 1)[0] if "L610" in model else model, "from": base,
			"to": bundle["job"]["target"], "size": 600_000, "http": {"url": "http://fota.example/x"}}]
		result = site.json(f"--bundle={path}", code=1)
		states = {m["modem"]: (m["state"], m["reason"]) for m in result["modems"]}
		rig.equal(states, {"m0000": ("succeeded", ""), name: (verdict["outcome"], verdict["reason"])}, f"verdicts of {path}")
	path, bundle = list(bundles.items())[0]
	site.run(f"--bundle={path}", f"--bundle={path}", code=78)
	site.run("--bundle=/nowhere/bundle", code=78)


def test_errors(bench):
	"""78 for files, 64 for options, and each says what to do."""
	site = Site(bench, 1)
	for options, word in (["--seed=x"], "whole number"), (["--faults=10% stal"], 'did you mean "stall"'), \
			(["--faults=0%"], "share"), \
			(["--from=yesterday"], "2026-12-01T00:00:00"), (["--cell-bandwidth=1"], "--cells"), (["--modems=0"], "whole number"), \
			(["pump-07"], "argument"), (["--nonsense"], "nonsense"), (["--until=2026-01-01T00:00:00Z"], "--from"):
		path = bench.write("fine.json", json.dumps(site.config))
		done = subprocess.run([rig.FOTAD, "--rehearse", f"--config={path}", f"--from={FROM}", *options], stdin=subprocess.DEVNULL,
			capture_output=True, text=True, check=False, timeout=rig.PATIENCE)
		rig.equal((done.returncode, done.stdout), (64, ""), f"exit code and output of {options}")
		rig.check(word in done.stderr, f"{options}: {done.stderr}")
	site.run(f"--scenario={bench.write('bad.scenario', 'modem m0000 family=L611')}", code=78)
	site.run("--scenario=/nowhere/scenario", code=78)
	site.config["campaigns"][0]["targte"] = "1"
	site.run(code=78)
	site.config["campaigns"], site.config["modems"], site.config["packages"] = [], [], []
	rig.check("0 modems" in site.run(), "nothing configured is no error")


def test_no_package(bench):
	site = Site(bench, 2, target="16000.1000.00.09.99")
	rig.check(re.search(r"left: 2 failed \(no-package\): m0000 m0001", site.run(code=1)), "it is not said")


def test_touches_nothing(bench):
	"""No port is opened, nothing is written, and no socket is made: by the system calls."""
	port = os.openpty()
	site = Site(bench, 2)
	site.config["modems"][0]["port"] = os.ttyname(port[1])
	path = bench.write("rehearsal.json", json.dumps(site.config))
	os.mkdir(bench.path("empty"))
	try:
		traced = subprocess.run(["strace", "-f", "-o", bench.path("trace"), "-e", "trace=%file,%network,ioctl", rig.FOTAD,
			"--rehearse", f"--config={path}", f"--from={FROM}"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
			timeout=rig.PATIENCE, env={**os.environ, "STATE_DIRECTORY": bench.path("empty"), "ASAN_OPTIONS": "detect_leaks=0"})
	except FileNotFoundError:
		raise rig.Skip("strace is not installed") from None
	if "ptrace" in traced.stderr and "not permitted" in traced.stderr:
		raise rig.Skip("nothing may be traced here")
	rig.equal(traced.returncode, 0, f"exit code ({traced.stderr[-300:]})")
	with open(bench.path("trace"), encoding="utf-8", errors="replace") as file:
		calls = file.read()
	rig.check("rehearsal.json" in calls, "the trace shows nothing")
	for pattern in r"/dev/(?!null|urandom)", r"\b(socket|connect|bind|sendto|sendmsg)\(", r"O_(WRONLY|RDWR|CREAT)", \
			r"\b(mkdir|unlink|rename)\w*\(":
		rig.check(not re.search(pattern, calls), f"it does {re.findall(pattern + '.*', calls)[:3]}")
	rig.equal(os.listdir(bench.path("empty")), [], "files of the state")


def rehearse(bench, *options):
	done = subprocess.run([rig.FOTAD, "--rehearse", f"--config={bench.write_config()}", f"--scenario={bench.scenario(QUICK)}",
		"--json", "--rate=1000000", *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
		timeout=rig.PATIENCE)
	rig.check(done.returncode in (0, 1), f"exit code of the rehearsal: {done.returncode} ({done.stderr})")
	return json.loads(done.stdout)


def test_agrees_with_the_real_one(bench):
	"""Order and verdicts of a small fleet: fotad --once with fota-sim, and the rehearsal of the same files."""
	names = [f"m{i}" for i in range(7)]
	for name in names:
		bench.modem(name, version=B)
	for base, target in (A, B), (B, C):
		bench.http("L610-CN", base, target)
	bench.campaign("winter", C, waves=[{"size": str(i + 1)} for i in range(4)] + [{"size": "100%"}], max_parallel=1,
		retry={"attempts": 2, "delay": "300ms", "max_delay": "300ms"})
	# Who is in which wave follows from the names; faults that pass are in waves of one, the others in the last.
	wave = {m["modem"]: m["wave"] for m in rehearse(bench)["modems"]}
	by_wave = sorted(names, key=lambda name: (wave[name], name))
	rig.equal([wave[name] for name in by_wave], [1, 2, 3, 4, 5, 5, 5], "waves")
	bench.modems[by_wave[1]].faults = ["fail percent=30 times=1"]
	bench.modems[by_wave[2]].version = A
	bench.modems[by_wave[3]].faults = ["version-unchanged times=1"]
	for name, fault in zip(by_wave[4:], ("callbreak-error", "version-unchanged", "fail percent=40")):
		bench.modems[name].faults = [fault]
	result = rehearse(bench)
	bench.start_modems(default=QUICK)
	daemon, _ = rig.run_once(bench, timeout=2 * rig.PATIENCE, wanted=1)
	real = [m.groups() for m in (re.search(r" (m\d): attempt \d+: (\S+) to (\S+)", line) for line in daemon.log.lines) if m]
	rehearsed = [(a["modem"], a["from"], a["to"]) for a in result["attempts"]]
	rig.equal({m["modem"]: (m["state"], m["reason"]) for m in result["modems"]},
		{name: (job["state"], job["reason"]) for name, job in bench.jobs().items()}, "verdicts")
	rig.equal(sorted(rehearsed), sorted(real), "attempts")
	ordered = lambda attempts: [a for a in attempts if a[0] in by_wave[:4]]  # in the last wave it is chance
	rig.equal(ordered(rehearsed), ordered(real), "order of the attempts")
	rig.equal((len(ordered(real)), len(real)), (7, 12), "attempts in waves of one, all attempts")


if __name__ == "__main__":
	rig.main(*(value for name, value in list(globals().items()) if name.startswith("test_")), workers=2)
