#!/usr/bin/python3
"""How many and how carefully: waves with a soak, a halt, limits of groups, and the modem that carries the gateway's uplink."""
import contextlib
import re
import signal
import sqlite3

import busrig
import rig
from rig import VERSIONS
from warp import Warp

FAMILY = "NL652"
FROM, TO = VERSIONS[FAMILY][:2]
QUICK = "boot-time=100ms apply-time=100ms sim-time=0ms network-time=0ms pdp-time=10ms start-time=10ms verify-time=20ms"
HOUR = 3600


def spans(bench):
	"""{modem: (first preparing command, proof)} in microseconds, by the simulator's transcript; proof is the last question for
	the version before the verdict."""
	begin, proof, started = {}, {}, set()
	for line in bench.transcript.lines:
		match = re.match(r"(\d+) (\S+) > (\S+)", line)
		if not match:
			continue
		moment, name, command = int(match[1]), match[2], match[3]
		if command == "ATE0" and name not in begin:
			begin[name] = moment
		elif re.match(r"AT\+GTOTA=[01]", command):
			started.add(name)
		elif command == "AT+CGMR" and name in started:
			proof.setdefault(name, []).append(moment)
	return {name: (begin[name], proof[name][1]) for name in started if len(proof.get(name, [])) > 1}


def tried(bench):
	"""Modems that were sent a start, each once."""
	return sorted({line.split(" ")[1] for line in bench.transcript.find(r"^\d+ \S+ > AT\+GTOTA=[01]")})


def stored(bench, name):
	"""What fotad remembers of a campaign."""
	with contextlib.closing(sqlite3.connect(f"file:{bench.path('state', 'fotad.db')}?mode=ro", uri=True)) as store:
		store.row_factory = sqlite3.Row
		return dict(store.execute("SELECT * FROM campaigns WHERE name = ?", (name,)).fetchone())


def fleet(bench, n, *faults, target=TO, faulty=0, **settings):
	"""n modems m00, m01 ...; the first `faulty` of them have the faults."""
	for i in range(n):
		bench.modem(f"m{i:02}", FAMILY, *(faults if i < faulty else ()))
	bench.http(FAMILY, FROM, TO, size=20_000)
	bench.campaign("winter", target, **settings)
	bench.start_modems(default=QUICK)


def test_three_waves(bench):
	"""1, then 3 in all, then all of 10; nobody begins before the wave before has succeeded and soaked."""
	bench.config["limits"]["max_parallel"] = 10
	fleet(bench, 10, waves=[{"size": "1", "soak": "2s"}, {"size": "30%", "soak": "1s"}, {"size": "100%"}])
	daemon, truth = rig.run_once(bench)
	for m in bench.modems.values():
		rig.judge_success(bench, m, truth[m.name])
	order = sorted(spans(bench).values())
	rig.equal(len(order), 10, "attempts")
	for before, wave, soak in (order[:1], order[1:3], 2), (order[1:3], order[3:], 1):
		rig.check(min(begin for begin, _ in wave) >= max(proof for _, proof in before) + soak * 1_000_000,
			f"a wave begins within the {soak} s after the one before: {order}")
	for wave, size in (2, 2), (3, 7):
		rig.check(daemon.log.find(f"campaign winter: wave {wave} of 3 is open, for {size} modems"), f"wave {wave} is not said to open")
	for word, count in ("wave", 9), ("soak", 9):
		rig.check(0 < len(daemon.log.find(rf"not now \({word}\)")) <= count, f"\"{word}\" is not said once for each modem that waits for it")
	row = stored(bench, "winter")
	rig.equal((row["wave"], row["halted"]), (2, ""), "what is stored of the campaign")
	rig.equal(sorted(job["wave"] for job in bench.jobs().values()), [1, 2, 2] + [3] * 7, "waves of the jobs")


def test_halt(bench):
	"""Failures reach 30 %: nothing more starts, not after a restart either, and what runs is finished."""
	fleet(bench, 12, "gtota-cme number=3", faulty=6, halt={"failures": "30%", "after": 5}, max_parallel=2)
	daemon = bench.daemon()
	rig.equal(daemon.wait(), 1, "exit code")
	states = [job["state"] for job in bench.jobs().values()]
	failed, good = states.count("failed"), states.count("succeeded")
	rig.check(failed >= 1 and failed + good >= 5 and 10 * failed >= 3 * (failed + good), f"halted with {failed} failed, {good} good")
	# One verdict less, or two where another ran, were not enough.
	halted = daemon.log.find(r"campaign winter: halted: \d+ of \d+ failed \(limit 30 %\)")
	rig.equal(len(halted), 1, "times the halt is said")
	bad, judged = map(int, re.search(r"halted: (\d+) of (\d+) failed", halted[0]).groups())
	rig.check(judged >= 5 and 10 * bad >= 3 * judged, f"halted too early: {bad} of {judged}")
	rig.check(any(judged - last < 5 or 10 * (bad - last) < 3 * (judged - last) for last in (1, 2)), f"halted too late: {bad} of {judged}")
	rig.check(failed + good <= judged + 1, f"{failed + good} verdicts: another has started after the halt")
	started = tried(bench)
	rig.check(daemon.log.find(r"left: waiting \(halted\)"), "who is left does not say why")
	rig.equal(stored(bench, "winter")["halted"], "failures", "why it has halted, as stored")
	again = bench.daemon()
	rig.equal(again.wait(), 1, "exit code of the second life")
	truth = bench.truth()
	rig.equal(tried(bench), started, "modems tried after the restart")
	for name, m in truth.items():
		rig.judge_conduct(name, m)
	rig.check(not again.log.find("halted: "), "the halt is said again")


def test_canary_fails(bench):
	"""The first wave cannot be proven: the campaign halts at once, whatever `halt` says."""
	fleet(bench, 6, "version-unchanged", faulty=6, waves=[{"size": "1"}, {"size": "100%"}])
	daemon, _ = rig.run_once(bench, wanted=1)
	rig.equal(len(tried(bench)), 1, "modems that were tried")
	rig.check(daemon.log.find("campaign winter: halted: of the 1 modem of wave 1 at most 0 can succeed, and 1 must"), "the halt is not explained")


def test_resume(bench):
	"""What has failed is forgiven, and another modem proves the wave."""
	names = [f"m{i:02}" for i in range(6)]
	canary, second = rig.campaign_order("winter", names)[:2]
	for name in names:
		bench.modem(name, FAMILY, *(["gtota-cme number=3"] if name == canary else []))
	bench.http(FAMILY, FROM, TO, size=20_000)
	bench.campaign("winter", TO, waves=[{"size": "1"}, {"size": "100%"}])
	bench.start_modems(default=QUICK)
	daemon = bench.daemon(once=False)
	daemon.log.wait("campaign winter: halted: ")
	bench.transcript.wait(r" > AT\+GTOTA=[01]")
	rig.equal(tried(bench), [canary], "modems that were tried")
	rig.equal(bench.daemon("--resume=winter", once=False).wait(), 69, "exit code of --resume while fotad runs")
	rig.equal(daemon.stop(), 0, "exit code")
	rig.equal(bench.daemon("--resume=winter", once=False).wait(), 0, "exit code of --resume")
	again = bench.daemon("--resume=winter", once=False)
	rig.equal(again.wait(), 0, "exit code of another --resume")
	again.log.wait("neither halted nor paused")
	daemon, truth = rig.run_once(bench, wanted=1)
	for name in names:
		rig.judge_word(bench, bench.modems[name], *("failed", "rejected") if name == canary else ("succeeded",))
	rig.equal([bench.jobs()[name]["wave"] for name in (canary, second)], [1, 1], "waves of the first two")
	rig.check(daemon.log.find("wave 2 of 2 is open, for 4 modems"), "the second wave is not said to open")
	rig.equal(sum(m["packages_applied"] for m in truth.values()), 5, "packages applied")


def test_next_release(bench):
	"""Who has begun for one campaign has not for the next one, that a reload brings, nor has who is away meanwhile."""
	waves, names, last = [{"size": "1"}, {"size": "100%"}], [f"m{i:02}" for i in range(8)], VERSIONS[FAMILY][2]
	fleet(bench, 8, waves=waves, max_parallel=8)
	daemon = bench.daemon(once=False)
	daemon.log.wait(rig.RESTORED, count=8)
	rig.equal({m["version"] for m in bench.truth().values()}, {TO}, "versions after the first campaign")
	away = rig.campaign_order("winter", names)[-1]
	for m in bench.modems.values():
		m.version, m.target = TO, last
	del bench.modems[away]
	start = daemon.log.size()
	bench.start_modems(default=QUICK)
	bench.transcript.wait(r" > AT\+CGSN", count=7)
	bench.http(FAMILY, TO, last, size=20_000)
	bench.config["campaigns"] = []
	bench.campaign("spring", last, waves=waves, max_parallel=8)
	bench.write_config()
	daemon.kill(signal.SIGHUP)
	daemon.log.wait(rf": succeeded: runs {re.escape(last)}", count=7)
	daemon.log.wait(rig.RESTORED, start=start, count=7)
	rig.equal(daemon.stop(), 0, "exit code")
	for name, m in bench.truth().items():
		rig.judge_success(bench, bench.modems[name], m)
	order = sorted(spans(bench).values())
	rig.equal(len(order), 7, "attempts")
	rig.check(order[1][0] >= order[0][1], f"others have begun before the first was proven: {order}")


def test_out_and_back(bench):
	"""A campaign that one reload takes out, and another brings back, is shown meanwhile, and is then as it was: halted."""
	fleet(bench, 6, "gtota-cme number=3", faulty=6, waves=[{"size": "1"}, {"size": "100%"}], priority=3)
	daemon, client = busrig.fotad(bench, busrig.Bus(bench))
	daemon.log.wait("campaign winter: halted: ")
	bench.transcript.wait(r" > AT\+GTOTA=[01]")
	started, configured = tried(bench), bench.config["campaigns"]
	for campaigns in [], [], configured:
		bench.config["campaigns"] = campaigns
		bench.write_config()
		client.call("Reload")
		shown = client.get_all("org.fotad1.Campaign", "/org/fotad1/campaign/winter")
		rig.equal({key: shown[key] for key in ("Configured", "State", "Priority", "Waves", "Wave", "Target")},
			{"Configured": bool(campaigns), "State": "halted", "Priority": 3, "Waves": 2, "Wave": 1, "Target": TO}, "what is shown of it")
	rig.equal(sum(shown["Jobs"].values()), 6, "its modems")
	rig.equal(daemon.stop(), 0, "exit code")
	rig.equal(tried(bench), started, "modems that were tried")


def test_target_of_another(bench):
	"""What has halted stays so for this target; another one is another campaign."""
	fleet(bench, 6, "gtota-cme number=3 times=1", faulty=6, waves=[{"size": "1"}, {"size": "100%"}])
	rig.equal(bench.daemon().wait(), 1, "exit code")
	rig.equal(stored(bench, "winter")["halted"], "unproven", "why it has halted")
	bench.http(FAMILY, FROM, VERSIONS[FAMILY][2], size=20_000)
	bench.config["campaigns"][0]["target"] = VERSIONS[FAMILY][2]
	bench.config["campaigns"][0]["retry"]["attempts"] = 3
	rig.equal(bench.daemon().wait(), 0, "exit code with another target")
	rig.equal({job["target"] for job in bench.jobs().values() if job["state"] == "succeeded"}, {VERSIONS[FAMILY][2]}, "targets reached")
	bench.truth()


def test_uplink_last(bench):
	"""The modem that carries the gateway's own connection goes last and alone, and only when somebody has said that it may."""
	bench.config["limits"]["max_parallel"] = 4
	for i in range(6):
		bench.modem(f"m{i:02}", FAMILY, **({"uplink": True} if i == 2 else {}))
	bench.modem("other", FAMILY)
	bench.http(FAMILY, FROM, TO, size=20_000)
	names = [f"m{i:02}" for i in range(6)]
	campaign = bench.campaign("winter", TO, names)
	bench.campaign("spring", TO, ["other"], not_before="2099-01-01T00:00:00Z")
	bench.start_modems(default=QUICK)
	daemon = bench.daemon()
	rig.equal(daemon.wait(), 1, "exit code without a confirmation")
	states = {name: job["state"] for name, job in bench.jobs().items() if name in names}
	rig.equal(states, {name: "waiting" if name == "m02" else "succeeded" for name in names}, "jobs without a confirmation")
	rig.check(daemon.log.find(r"m02: left: waiting \(held\)"), "it is not said why the uplink modem is left")
	rig.check(daemon.log.find("/modems/2/uplink: "), "no warning about the uplink modem")
	campaign["uplink_confirmed"] = True
	bench.modem("late", FAMILY, configured=False)
	rig.equal(bench.daemon().wait(), 1, "exit code with a confirmation; the other campaign waits")
	bench.truth()
	order = spans(bench)
	rig.check(all(order["m02"][0] >= order[name][1] for name in names if name != "m02"), f"the uplink modem is not the last: {order}")


def test_uplink_alone(bench):
	"""Confirmed from the beginning; and nothing starts beside it."""
	bench.config["limits"]["max_parallel"] = 4
	for i in range(8):
		bench.modem(f"m{i:02}", FAMILY, **({"uplink": True} if i in (1, 5) else {}))
	bench.http(FAMILY, FROM, TO, size=20_000)
	bench.campaign("winter", TO, uplink_confirmed=True)
	bench.start_modems(default=QUICK)
	_, truth = rig.run_once(bench)
	for m in bench.modems.values():
		rig.judge_success(bench, m, truth[m.name])
	order = spans(bench)
	uplinks = sorted(order[name] for name in ("m01", "m05"))
	others = [order[name] for name in order if name not in ("m01", "m05")]
	rig.check(uplinks[0][0] >= max(proof for _, proof in others), f"an uplink modem is not the last: {order}")
	rig.check(uplinks[1][0] >= uplinks[0][1], f"two uplink modems at once: {order}")


def test_group_limit(bench):
	bench.config["limits"].update(max_parallel=6, per_group={"pumps": 1})
	for i in range(8):
		bench.modem(f"m{i:02}", FAMILY, groups=["pumps", "north"] if i < 4 else ["north"])
	bench.http(FAMILY, FROM, TO, size=20_000)
	bench.campaign("winter", TO)
	bench.start_modems(default=QUICK)
	_, truth = rig.run_once(bench)
	for m in bench.modems.values():
		rig.judge_success(bench, m, truth[m.name])
	order = spans(bench)
	rig.equal(rig.most_at_once([order[f"m{i:02}"] for i in range(4)]), 1, "pumps at once")
	rig.check(rig.most_at_once(order.values()) > 2, f"the others wait, too: {order}")


def test_restart_while_it_soaks(bench):
	"""An hour's soak goes on over a kill, and is neither shorter nor longer for it."""
	warp = Warp(bench)
	fleet(bench, 5, waves=[{"size": "1", "soak": "1h"}, {"size": "100%"}])
	first = bench.daemon(once=False, environment=warp.environment)
	first.log.wait("wave 1 has proven itself; the next one opens in (1h|59min)")
	first.log.wait(r"not now \(soak\)")
	first.log.wait(rig.RESTORED)  # so the verdict before it is durable, too
	warp.jump(HOUR / 2)
	rig.check(not first.log.find("wave 2"), "the second wave opens after half an hour")
	first.child.send_signal(signal.SIGKILL)
	first.wait()
	second = bench.daemon(once=False, environment=warp.environment)
	second.log.wait(r"wave 1 has proven itself; the next one opens in (29|30)min")
	warp.jump(HOUR / 4)
	warp.jump(HOUR / 4 + 60)
	second.log.wait("wave 2 of 2 is open, for 4 modems")
	for m in bench.modems.values():
		if not any(life.log.find(rf"{m.name}: .*succeeded: runs") for life in bench.lives):
			second.log.wait(rf"{m.name}: .*succeeded: runs")
	rig.equal(second.stop(), 0, "exit code")
	truth = bench.truth()
	rig.equal([m["packages_applied"] for m in truth.values()], [1] * 5, "packages applied")


def test_age_over_a_restart(bench):
	"""Who has waited for days goes before a higher priority that came today, also when fotad was restarted meanwhile."""
	bench.config["limits"]["max_parallel"] = 1
	bench.modem("first", "NL668")
	for name in "old", "new":
		bench.modem(name, FAMILY, configured=False)
	bench.web(rate=100_000)
	bench.http("NL668", *VERSIONS["NL668"][:2], size=800_000)  # for eight seconds
	bench.http(FAMILY, FROM, TO, size=20_000)
	bench.campaign("for-first", VERSIONS["NL668"][1], ["first"])
	bench.start_modems(default=QUICK)
	daemon = bench.daemon(once=False)
	daemon.log.wait("first: .*downloaded")
	for priority, name in (0, "old"), (1, "new"):
		bench.config["modems"].append({"name": name, "port": bench.path("ports", name)})
		bench.campaign("for-" + name, TO, [name], priority=priority)
	bench.write_config()
	daemon.child.send_signal(signal.SIGHUP)
	for name in "old", "new":
		daemon.log.wait(rf"{name}: not now \(slot\)")
	rig.equal(daemon.stop(), 0, "exit code")
	with contextlib.closing(sqlite3.connect(bench.path("state", "fotad.db"))) as store:
		waiting = store.execute("SELECT modem FROM jobs WHERE queued > 0 AND state = 'waiting' ORDER BY modem").fetchall()
		rig.equal(waiting, [("new",), ("old",)], "jobs that remember since when they could have gone")
		store.execute("UPDATE jobs SET queued = queued - ? WHERE modem = 'old'", (3 * 24 * HOUR * 1_000_000,))
		store.commit()
	rig.equal(bench.daemon().wait(), 0, "exit code of the second life")
	bench.truth()
	order = spans(bench)
	rig.check(order["old"][1] <= order["new"][0], f"three days count for nothing: {order}")


def test_reload_adds_modems(bench):
	"""Modems that come later move nobody who has begun, and wait for what is proven by those."""
	bench.config["limits"]["max_parallel"] = 1
	for i in range(8):
		bench.modem(f"m{i:02}", FAMILY, configured=i < 3)
	bench.http(FAMILY, FROM, TO, size=20_000)
	bench.campaign("winter", TO, waves=[{"size": "1", "soak": "3s"}, {"size": "100%"}])
	bench.start_modems(default=QUICK)
	daemon = bench.daemon(once=False)
	daemon.log.wait("wave 1 has proven itself")
	bench.transcript.wait(r" > AT\+GTOTA=[01]")
	first = tried(bench)
	rig.equal(len(first), 1, "modems tried in the first wave")
	for i in range(3, 8):
		bench.config["modems"].append({"name": f"m{i:02}", "port": bench.path("ports", f"m{i:02}")})
	bench.write_config()
	daemon.child.send_signal(signal.SIGHUP)
	daemon.log.wait("wave 2 of 2 is open, for 7 modems")
	for name in bench.modems:
		daemon.log.wait(rf"{name}: .*succeeded: runs")
	rig.equal(daemon.stop(), 0, "exit code")
	truth = bench.truth()
	rig.equal([m["packages_applied"] for m in truth.values()], [1] * 8, "packages applied")
	rig.equal(bench.jobs()[first[0]]["wave"], 1, "wave of the first")
	rig.equal(sorted(job["wave"] for job in bench.jobs().values()), [1] + [2] * 7, "waves of the jobs")


rig.main(test_three_waves, test_halt, test_canary_fails, test_resume, test_next_release, test_out_and_back, test_target_of_another, test_uplink_last, test_uplink_alone,
	test_group_limit, test_restart_while_it_soaks, test_age_over_a_restart, test_reload_adds_modems)
