#!/usr/bin/python3
"""What an operator can ask of the running daemon (daemon/control.h): cancel on each side of the point of no return, retry,
start, pause, acknowledge, explain."""
import contextlib
import os
import re
import signal
import sqlite3
import time

import busrig
import rig
from rig import VERSIONS

FAMILY = "NL652"
FROM, TO, LAST = VERSIONS[FAMILY]
QUICK = "boot-time=100ms apply-time=100ms sim-time=0ms network-time=0ms pdp-time=10ms start-time=10ms verify-time=20ms"
START = r"AT\+GTOTA=[01]"
NEVER = -1  # a time that nobody knows

ERRORS = {"org.fotad1.Error.NothingToDo": "nothing", "org.fotad1.Error.NoSuchName": "not-found", "org.fotad1.Error.Refused": "refused"}
METHODS = {"cancel": "Cancel", "retry": "Retry", "pause": "Pause", "resume": "Resume"}


class Operator:
	"""One life of fotad, and what is said to it. What was answered is durable: a kill may follow at once."""

	def __init__(self, bench):
		if not hasattr(bench, "bus"):
			bench.bus = busrig.Bus(bench)
		self.daemon, self.client = busrig.fotad(bench, bench.bus, "--log-level=debug")
		self.log = self.daemon.log

	def ask(self, word, name=""):
		"""(result, the job's id, text) of the answer."""
		try:
			if word in ("start", "force"):
				answer = self.client.call("Start", "sb", name, word == "force")
			elif word == "acknowledge":
				answer = self.client.call("Acknowledge")
			else:
				answer = self.client.call(METHODS[word], "s", name)
		except busrig.Error as error:
			return ERRORS[error.name], 0, error.text
		job = answer[0].rsplit("/", 1)[1] if len(answer) > 1 else ""
		return "done", int(job) if job else 0, answer[-1]

	def expect(self, result, word, name=""):
		got = self.ask(word, name)
		rig.equal(got[0], result, f"{word} {name}: {got[2]}")
		return got

	def gates(self, name):
		"""{gate: (state, opens, value)} of explain; an earlier one of the same name wins."""
		gates = {}
		for gate, state, value, opens in self.client.call("Explain", "s", name)[0]:
			gates.setdefault(gate, (state, opens, value))
		return gates

	def wait_for_job(self, name):
		"""Until the store was asked what there is of the module that answers."""
		end = time.monotonic() + rig.PATIENCE
		while self.gates(name)["job"][0] == "unknown":
			rig.check(time.monotonic() < end, f"{name}: no job")

	def plan(self, name=""):
		"""([(modem, start, end, bytes, note)], sum)"""
		return self.client.call("Plan", "s", name)

	def stop(self):
		rig.equal(self.daemon.stop(), 0, "exit code")

	def kill(self):
		self.daemon.child.send_signal(signal.SIGKILL)
		self.daemon.wait()


def history(bench, who="operator"):
	with contextlib.closing(sqlite3.connect(f"file:{bench.path('state', 'fotad.db')}?mode=ro", uri=True)) as store:
		return [row[0] for row in store.execute("SELECT what FROM history WHERE who = ? ORDER BY id", (who,))]


def starts(bench, name="m0"):
	return len(bench.transcript.find(rf"^\d+ {name} > {START}"))


def one(bench, *faults, size=40_000, family=FAMILY, default=QUICK, rate=0, **settings):
	bench.modem("m0", family, *faults)
	bench.web(rate)
	bench.http(family, VERSIONS[family][0], VERSIONS[family][1], size=size)
	bench.campaign("winter", VERSIONS[family][1], **settings)
	bench.start_modems(default=default)


def test_cancel_before(bench):
	"""In preparation: no start is sent, what was set is put back, the connection is closed; and only retry makes another job."""
	one(bench, family="L610", default=QUICK + " network-time=3s")
	operator = Operator(bench)
	bench.transcript.wait(r" m0 > AT\+CE?REG\?")
	result = operator.expect("done", "cancel", "m0")
	operator.log.wait("m0: cancelled")
	operator.expect("nothing", "cancel", "m0")
	operator.kill()
	rig.equal(bench.jobs()["m0"]["state"], "cancelled", "state after the cancel")
	again = Operator(bench)
	again.wait_for_job("m0")
	rig.equal(again.gates("m0")["job"][0], "shut", "gate \"job\" after a restart")
	rig.equal(starts(bench), 0, "starts")
	first = result[1]
	rig.check(again.expect("done", "retry", "m0")[1] > first, "retry makes no other job")
	again.log.wait(rig.RESTORED, start=again.log.wait("m0: succeeded"))
	again.stop()
	truth = bench.truth()
	rig.judge_success(bench, bench.modems["m0"], truth["m0"])
	rig.equal(starts(bench), 1, "starts")
	rig.equal(history(bench), ["cancel", "retry"], "what the history has of the operator")


def test_cancel_with_settings(bench):
	"""When the settings are written already: they are put back, and the data connection is closed, also by another life."""
	one(bench, family="L610", default=QUICK + " pdp-time=3s")
	operator = Operator(bench)
	bench.transcript.wait(r" m0 > AT\+MIPCALL=1")
	operator.expect("done", "cancel", "m0")
	operator.kill()
	again = Operator(bench)
	again.log.wait(rig.RESTORED)
	again.stop()
	job = bench.jobs()["m0"]
	rig.equal((job["state"], job["reason"], job["callbreak_written"], job["pdp_opened"]), ("cancelled", "cancelled", 0, 0), "job")
	rig.judge_conduct("m0", bench.truth()["m0"])
	rig.equal(starts(bench), 0, "starts")


def test_cancel_waiting(bench):
	"""It waits for its next attempt with what the last one has set in the module: the cancel puts that back at once."""
	one(bench, "mipcall-never", family="L610", retry={"attempts": 3, "delay": "1h", "max_delay": "1h"})
	operator = Operator(bench)
	operator.log.wait(r"m0: .* \(pdp-failed\)")
	operator.wait_for_job("m0")
	rig.check(not operator.log.find(rig.RESTORED), "put back before the job is over")
	rig.check("put back" in operator.expect("done", "cancel", "m0")[2], "it is not said that something is put back")
	operator.log.wait(rig.RESTORED)
	operator.stop()
	rig.judge_conduct("m0", bench.truth()["m0"])
	rig.equal(starts(bench), 0, "starts")


def cancel_after(bench, state, *faults):
	"""Past the point of no return, with a kill between cancel and verdict: one start, and the verdict decides."""
	one(bench, *faults, family="L610", size=200_000, rate=60_000, retry={"attempts": 3, "delay": "200ms", "max_delay": "200ms"})
	operator = Operator(bench)
	operator.log.wait(r"m0: \d+ % downloaded")
	result = operator.expect("done", "cancel", "m0")
	rig.check("point of no return" in result[2], f"it is not said what the cancel means: {result[2]}")
	operator.kill()
	rig.equal((bench.jobs()["m0"]["state"], bench.jobs()["m0"]["stop"]), ("running", 1), "job after the cancel")
	again = Operator(bench)
	again.expect("nothing", "cancel", "m0")
	again.log.wait(f"m0: {state}")
	again.log.wait(rig.RESTORED)
	rig.equal(again.gates("m0")["job"][0], "shut", "gate \"job\" at the end")
	again.stop()
	job = bench.jobs()["m0"]
	rig.equal(job["state"], state, "state at the end")
	truth = bench.truth()["m0"]
	rig.judge_conduct("m0", truth)
	version = VERSIONS["L610"][state == "succeeded"]
	rig.equal((starts(bench), truth["version"]), (1, version), "starts, version")


def test_cancel_after_good(bench):
	"""It succeeds all the same."""
	cancel_after(bench, "succeeded")


def test_cancel_after_bad(bench):
	"""It fails: cancelled, and no further attempt, although two more were allowed."""
	cancel_after(bench, "cancelled", "fail percent=60")


def test_campaign(bench):
	"""All of a campaign: one runs on to its verdict, the others end; nobody new begins, until retry."""
	for i in range(5):
		bench.modem(f"m{i}", FAMILY)
	newcomer = bench.config["modems"].pop()  # is configured later
	bench.web(100_000)
	bench.http(FAMILY, FROM, TO, size=200_000)
	bench.campaign("winter", TO, max_parallel=1)
	bench.start_modems(default=QUICK)
	operator = Operator(bench)
	bench.transcript.wait(rf" m\d > {START}")
	text = operator.expect("done", "cancel", "winter")[2]
	rig.check("jobs are over, 1 past the point of no return" in text, f"what the cancel has done: {text}")
	operator.expect("nothing", "cancel", "winter")
	operator.expect("refused", "resume", "winter")
	operator.log.wait(rig.RESTORED, start=operator.log.wait("succeeded"))
	bench.config["modems"].append(newcomer)
	bench.write_config()
	operator.daemon.child.send_signal(signal.SIGHUP)
	operator.log.wait("m4: .*, runs ")
	operator.wait_for_job("m4")
	rig.equal(operator.gates("m4")["job"][0], "shut", "job of one that turns up in a cancelled campaign")
	operator.stop()
	states = {name: job["state"] for name, job in bench.jobs().items()}
	rig.equal(sorted(states.values()), ["cancelled"] * 4 + ["succeeded"], "states")
	again = Operator(bench)
	for name in states:
		again.wait_for_job(name)
	again.expect("refused", "retry", next(name for name in states if states[name] == "cancelled"))
	rig.check(": 4 jobs" in again.expect("done", "retry", "winter")[2], "four jobs are to be tried again")
	again.log.wait(rig.RESTORED, count=4, start=again.log.wait("winter: taken up again by an operator"))
	again.stop()
	truth = bench.truth()
	for m in bench.modems.values():
		rig.judge_success(bench, m, truth[m.name])


def test_retry(bench):
	"""What has failed is tried again only when somebody says so; what has succeeded never."""
	one(bench, "gtota-cme number=4 times=1", retry={"attempts": 1, "delay": "200ms", "max_delay": "200ms"})
	operator = Operator(bench)
	operator.log.wait(rig.RESTORED, start=operator.log.wait(r"m0: failed \(rejected\)"))
	rig.equal(operator.gates("m0")["job"][0], "shut", "gate \"job\" after a failure")
	rig.check("m0" in operator.expect("refused", "start", "m0")[2], "the refusal names nobody")
	rig.check(": 1 job" in operator.expect("done", "retry", "winter")[2], "one job is to be tried again")
	operator.log.wait(rig.RESTORED, start=operator.log.wait("m0: succeeded"))
	for word in "retry", "cancel", "start":
		operator.expect("nothing", word, "m0")
	operator.expect("nothing", "retry", "winter")
	operator.expect("not-found", "retry", "m1")
	operator.stop()
	rig.judge_success(bench, bench.modems["m0"], bench.truth()["m0"])
	rig.equal(history(bench), ["retry"], "what the history has of the operator")


def test_no_service(bench):
	"""What was not back in service is never tried again by itself; an operator may have it asked, as often as it takes, and
	nothing is started or set for that."""
	one(bench, "network-gone times=9", check="registered", require={"technology": "any"}, retry={"attempts": 5, "delay": "1h",
		"max_delay": "1h"})
	operator = Operator(bench)
	operator.log.wait(rig.RESTORED, start=operator.log.wait(r"m0: failed \(no-service\)"))
	operator.expect("done", "retry", "m0")
	operator.log.wait(r"m0: not now \(not-registered\)")
	operator.kill()
	again = Operator(bench)
	while True:
		again.wait_for_job("m0")
		if again.ask("start", "m0")[0] == "nothing":  # it succeeds
			break
		line = again.log.size()
		again.log.wait(r"m0: (not now \(not-registered\)|succeeded: )", start=line - 1)
	again.log.wait("m0: succeeded: ")
	again.stop()
	truth = bench.truth()["m0"]
	rig.judge_success(bench, bench.modems["m0"], truth)
	rig.equal((bench.jobs()["m0"]["state"], starts(bench), truth["faults"][0]["fired"]), ("succeeded", 1, 9), "state, starts, fault")


OPENS = (int(time.time()) + 30 * 86400) * 1_000_000
FUTURE = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(OPENS // 1_000_000))


def test_start(bench):
	"""What may be skipped is, what may not is said: a start without force skips only the backoff."""
	for name in "early", "later", "paused", "watched":
		bench.modem(name, FAMILY)
	bench.http(FAMILY, FROM, TO, size=20_000)
	bench.campaign("winter", TO, ["early", "later"], not_before=FUTURE, waves=[{"size": "1", "soak": "1h"}, {"size": "100%"}])
	bench.campaign("spring", TO, ["paused"])
	bench.start_modems(default=QUICK)
	operator = Operator(bench)
	operator.expect("done", "pause", "spring")
	for name in "early", "later", "paused":
		operator.wait_for_job(name)
	operator.log.wait("watched: .*, runs ")
	for name in "early", "later":
		gates = operator.gates(name)
		rig.equal((gates["port"][0], gates["identity"][0], gates["not-before"][0]), ("open", "open", "shut"), f"gates of {name}")
		text = operator.expect("refused", "start", name)[2]
		rig.check("not-before" in text and "--force" in text, f"why not, and what to do: {text}")
	rig.equal(sum(operator.gates(name)["wave"][0] == "shut" for name in ("early", "later")), 1, "modems whose wave is shut")
	operator.expect("refused", "force", "winter")
	for word in "cancel", "retry", "start":
		rig.check("no campaign" in operator.expect("refused", word, "watched")[2], f"{word} of a modem that belongs to no campaign")
	rig.check("fotactl resume" in operator.expect("refused", "force", "paused")[2], "what to do about a pause is not said")
	operator.expect("done", "force", "early")
	operator.expect("done", "force", "later")
	operator.log.wait("succeeded: ", count=2)
	operator.log.wait(rig.RESTORED, count=2)
	operator.expect("done", "resume", "spring")
	operator.log.wait(rig.RESTORED, start=operator.log.wait("paused: succeeded"))
	operator.stop()
	truth = bench.truth()
	for name in "early", "later", "paused":
		rig.judge_success(bench, bench.modems[name], truth[name])
	rig.equal(starts(bench, "watched"), 0, "starts of the modem that is only watched")


def test_backoff(bench):
	"""A failed attempt would be repeated in an hour; an operator does not wait so long."""
	one(bench, "gtota-cme number=3 times=1", retry={"attempts": 3, "delay": "1h", "max_delay": "1h"})
	operator = Operator(bench)
	operator.log.wait(r"m0: attempt 1 failed \(rejected\)")
	state, opens, _ = operator.gates("m0")["backoff"]
	rig.equal(state, "shut", "gate \"backoff\"")
	rig.check(opens > 0, "it is not said when the backoff ends")
	operator.expect("done", "start", "m0")
	operator.log.wait(rig.RESTORED, start=operator.log.wait("m0: succeeded"))
	operator.stop()
	rig.judge_success(bench, bench.modems["m0"], bench.truth()["m0"])


def test_pause(bench):
	"""Everything is paused, durably: nothing starts in the next life either, until somebody resumes it."""
	one(bench)
	operator = Operator(bench)
	operator.expect("done", "pause")
	operator.expect("nothing", "pause")
	operator.kill()
	again = Operator(bench)
	again.log.wait(r"m0: not now \(paused\)")
	rig.equal(again.gates("m0")["pause"][0], "shut", "gate \"pause\"")
	rig.equal(starts(bench), 0, "starts while everything is paused")
	again.expect("done", "resume")
	again.expect("nothing", "resume")
	again.log.wait(rig.RESTORED, start=again.log.wait("m0: succeeded"))
	again.stop()
	rig.judge_success(bench, bench.modems["m0"], bench.truth()["m0"])


def test_absent_canary(bench):
	"""The only modem of the first wave is not there: that is said with what to do, and a cancel lets the others go. It stays
	cancelled when it turns up, also in another life."""
	names = [f"m{i}" for i in range(3)]
	for name in names:
		bench.modem(name, FAMILY)
	canary = rig.campaign_order("winter", names)[0]
	bench.config["timeouts"]["return"] = "1s"
	bench.http(FAMILY, FROM, TO, size=20_000)
	bench.campaign("winter", TO, waves=[{"size": "1", "soak": "100ms"}, {"size": "100%"}])
	entry = next(m for m in bench.config["modems"] if m["name"] == canary)
	there = entry["port"]
	entry["port"] = bench.path("hidden")
	bench.start_modems(default=QUICK)
	operator = Operator(bench)
	operator.log.wait(f"wave 1 waits for {canary} \\(port-absent\\); fotactl cancel {canary}")
	other = next(name for name in names if name != canary)
	rig.check(canary in operator.gates(other)["wave"][2], "explain does not say whom the wave waits for")
	job = operator.expect("done", "cancel", canary)[1]
	operator.log.wait(rig.RESTORED, count=2)
	operator.kill()
	os.symlink(there, bench.path("hidden"))
	again = Operator(bench)
	again.log.wait(f"{canary}: .*, runs {re.escape(FROM)}")
	again.wait_for_job(canary)
	rig.equal(again.gates(canary)["job"][0], "shut", "gate \"job\" of the one that was cancelled unseen")
	rig.check(again.expect("done", "retry", str(job))[1] > job, "retry makes no other job")
	again.log.wait(rig.RESTORED, start=again.log.wait(f"{canary}: succeeded"))
	again.stop()
	truth = bench.truth()
	for m in bench.modems.values():
		rig.judge_success(bench, m, truth[m.name])
		rig.equal(bench.jobs()[m.name]["state"], "succeeded", f"job of {m.name}")


def test_acknowledge(bench):
	"""After a lost store nothing starts; an operator says so to the running fotad, and then it does, and so in the next life."""
	one(bench)
	os.makedirs(bench.path("state"), 0o700)
	bench.write("state/fotad.db", "this is no database, but long enough to be taken for one that is damaged " * 20, 0o600)
	operator = Operator(bench)
	operator.log.wait("m0: .*, runs ")
	operator.wait_for_job("m0")
	rig.equal(operator.gates("m0")["store"][0], "shut", "gate \"store\"")
	rig.check("acknowledge" in operator.expect("refused", "force", "m0")[2], "what to do is not said")
	operator.expect("done", "acknowledge")
	operator.log.wait(rig.RESTORED, start=operator.log.wait("m0: succeeded"))
	operator.expect("nothing", "acknowledge")
	operator.stop()
	rig.check(not os.path.exists(bench.path("state", "fotad.db.held")), "the next life holds again")
	rig.judge_success(bench, bench.modems["m0"], bench.truth()["m0"])
	rig.equal(history(bench), ["acknowledged"], "what the history has of the operator")


def test_given_up(bench):
	"""A module that has not come back is given up by an operator; that can be taken back, but nobody starts it again."""
	one(bench, "never-back")
	operator = Operator(bench)
	operator.log.wait(r"m0: unknown \(not-back\)")
	operator.expect("refused", "retry", "m0")
	operator.expect("done", "cancel", "m0")
	operator.expect("nothing", "cancel", "m0")
	operator.kill()
	rig.equal(bench.jobs()["m0"]["state"], "cancelled", "state")
	again = Operator(bench)
	rig.equal(again.gates("m0")["job"][0], "shut", "gate \"job\"")
	again.expect("done", "retry", "m0")
	again.stop()
	rig.equal(bench.jobs()["m0"]["state"], "unknown", "state when the cancel is taken back")
	rig.equal(starts(bench), 1, "starts")


def test_given_up_too_early(bench):
	"""It comes back after all, in another life of fotad, and runs the target: then that counts."""
	bench.config["timeouts"]["return"] = "1s"
	one(bench, default=QUICK.replace("boot-time=100ms", "boot-time=8s"))
	operator = Operator(bench)
	operator.log.wait(r"m0: unknown \(not-back\)")
	operator.expect("done", "cancel", "m0")
	operator.kill()
	again = Operator(bench)
	again.log.wait(rig.RESTORED, start=again.log.wait("m0: succeeded"))
	again.stop()
	rig.judge_success(bench, bench.modems["m0"], bench.truth()["m0"])
	rig.equal((bench.jobs()["m0"]["state"], starts(bench)), ("succeeded", 1), "state, starts")


def test_plan(bench):
	"""Who goes when: one after the other from not_before on; who cannot, and why; and how long it takes is learned."""
	for i in range(5):
		bench.modem(f"first{i}", FAMILY)
	for name in "late0", "late1", "absent", "packless":
		bench.modem(name, FAMILY)
	bench.modem("probe", FAMILY, configured=False)
	bench.http(FAMILY, FROM, TO, size=20_000)
	bench.campaign("first", TO, [f"first{i}" for i in range(5)])
	bench.campaign("later", TO, ["late0", "late1", "absent"], not_before=FUTURE, max_parallel=1)
	bench.campaign("other", LAST, ["packless"], not_before=FUTURE)
	next(m for m in bench.config["modems"] if m["name"] == "absent")["port"] = bench.path("hidden")
	bench.start_modems(default=QUICK)
	operator = Operator(bench)
	for name in "late0", "late1", "packless":
		operator.wait_for_job(name)
	operator.log.wait("absent: .* is not there")
	items, total = operator.plan("later")
	rig.equal(sorted(name for name, *_ in items), ["absent", "late0", "late1"], "who is in the plan")
	rig.equal((total["jobs"], total["held"], total["late"]), (3, 1, 0), "jobs, held, late")
	(_, begin, end, size, _), (_, second, _, _, _), (name, never, _, _, note) = items
	rig.check(begin == OPENS and end > begin and second == end, f"not one after the other from not_before on: {items}")
	rig.equal(size, 20_000, "bytes of a job")
	rig.check(name == "absent" and never == NEVER and "port-absent" in note, f"the one that is not there: {items[2]}")
	rig.check(total["early"] < total["end"] < total["late_end"], f"no spread: {total}")
	items, total = operator.plan("other")
	rig.check(total["held"] == 1 and "no chain" in items[0][4], f"the one without a package: {items}")
	rig.equal(busrig.error_of(operator.plan, "none"), "org.fotad1.Error.NoSuchName", "plan of no campaign")
	operator.log.wait(rig.RESTORED, count=5)
	items, total = operator.plan("later")
	rig.check(total["learned"], "five upgrades and nothing learned")
	rig.check(items[0][2] - items[0][1] < (end - begin) / 2, f"what five upgrades took is not used: {items}, {end - begin} before")
	operator.kill()
	# The latest start goes by it, too: 29.6 s is what the time-outs say.
	bench.config["modems"].append({"name": "probe", "port": bench.path("ports", "probe")})
	bench.campaign("fourth", TO, ["probe"], require={"rssi_dbm": -51}, windows=[{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
		"start": "00:00", "end": "24:00", "timezone": "UTC"}])
	again = Operator(bench)
	again.wait_for_job("probe")
	state, _, text = again.gates("probe")["window"]
	rig.check(state == "open" and 0 < int(re.search(r"takes (\d+)s", text)[1]) < 20, f"gate \"window\": {state}, {text}")
	again.wait_for_job("late0")
	rig.check(again.plan("later")[1]["learned"], "another life has forgotten how long upgrades take")
	again.stop()


if __name__ == "__main__":
	rig.main(test_cancel_before, test_cancel_with_settings, test_cancel_waiting, test_cancel_after_good, test_cancel_after_bad, test_campaign, test_retry,
		test_no_service, test_start, test_backoff, test_pause, test_absent_canary, test_acknowledge, test_given_up, test_given_up_too_early, test_plan)
