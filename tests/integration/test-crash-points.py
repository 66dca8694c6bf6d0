#!/usr/bin/python3
"""fotad killed at every step and effect of both families' procedures, and started again.

A first run without a crash, traced by at-call, tells which system calls fotad makes and in which step. Then there is a
life for each of them: fotad is killed just before that call or just after it, in the middle of a line, or from outside
when the simulator has seen line k. It is started again with the same state, and must end with the truth: the target
runs, +GTOTA came once, never while the module was busy, and the module's settings are as they were.

Without arguments every step once, in some procedure. --all: every call; prints each step and effect with its hits.
"""
import collections
import concurrent.futures
import itertools
import os
import re
import sys
import time

import lives
import rig
from rig import Failure, Skip, check, equal

KILLED = 128 + 9
CALLS = "read,write,pwrite64,fdatasync"
EVERYTHING = "--all" in sys.argv
sys.argv = [argument for argument in sys.argv if argument != "--all"]

# name: family, the kind of package, and what is wrong with the module
PROCEDURES = {
	"L610-http": ("L610", "http", ()),
	"L610-ftp": ("L610", "ftp", ()),
	"NL668-http": ("NL668", "http", ()),
	# Not a module's fault: what comes before an attempt, and lies on no straight way.
	"L610-bumpy": ("L610", "http", ("foreign-download time=1s", "lose-port command=+CPIN time=300ms",
		"error command=+CGMM times=4")),
	# The one way on which there is a PDP context to close in the end.
	"L610-fails": ("L610", "http", ("fail percent=60",)),
}
# What is tried in procedures that are not the straight way.
ASIDE = {"L610-bumpy": ("absent", "refused", "elsewhere"),
	"L610-fails": ("settle", "callbreak-back", "gprs-first-back", "rat-back", "pdp-close", "restored")}

# Past the first SAVE that an upgrade needs, every effect is tried, also in the quick selection.
CRITICAL = ("no-callbreak", "start", "download", "leave", "return", "answer-revision", "settle", "restored")

# What a step sends; "sync" and "answer" both send the probe.
COMMANDS = {
	"maker": r"AT\+CGMI", "model": r"AT\+CGMM", "revision": r"AT\+CGMR", "imei": r"AT\+CGSN", "no-echo": "ATE0",
	"error-codes": r"AT\+CMEE=1", "sim": r"AT\+CPIN\?", "probe": r"AT\+GTOTA=\?", "supply": r"AT\+CBC", "call": r"AT\+CPAS",
	"network": r"AT\+C(E|G|)REG\?", "operator": r"AT\+COPS\?", "signal": r"AT\+CSQ", "rat-read": r"AT\+GTRAT\?",
	"rat-lock": r"AT\+GTRAT=3", "network-again": r"AT\+C(E|G|)REG\?", "settings-read": r"AT\+GTSET\?",
	"no-callbreak": r'AT\+GTSET="CALLBREAK",1', "gprs-first": r'AT\+GTSET="GPRSFIRST",1', "pdp-ask": r"AT\+MIPCALL\?",
	"pdp-open": r"AT\+MIPCALL=1.*", "pdp-wait": r"AT\+MIPCALL\?", "imei-again": r"AT\+CGSN", "revision-again": r"AT\+CGMR",
	"start": r"AT\+GTOTA=[01],.*", "answer-echo": "ATE0", "answer-imei": r"AT\+CGSN", "answer-revision": r"AT\+CGMR",
	"callbreak-back": r'AT\+GTSET="CALLBREAK",0', "gprs-first-back": r'AT\+GTSET="GPRSFIRST",0', "rat-back": r"AT\+GTRAT=\d+,.*",
	"pdp-close": r"AT\+MIPCALL=0", "check-network": r"AT\+C(E|G)REG\?",
	"check-signal": r"AT\+CSQ", "check-pdp": r"AT\+(MIPCALL|CGACT)\?",
	"check-pdp-open": r"AT\+(MIPCALL=1.*|CGACT=1,1)", "check-pdp-wait": r"AT\+(MIPCALL|CGACT)\?",
}
SHIFTS = (1, -1, 2, -2) # bytes come in other chunks in another run: what was not hit is looked for around there
EFFECTS = ("save", "saved", "send", "torn", "notify", "hear", "outside")


def steps_of_the_source():
	with open(os.path.join(rig.SOURCE, "lib", "core", "upgrade-steps.c"), encoding="utf-8") as source:
		names = re.findall(r'\[STEP_\w+\]\s*=\s*\{\s*"([a-z-]+)"', source.read())
	check(len(names) > 30, "the table of steps is not where it was")
	return names


STEPS = steps_of_the_source()
STEP_COLUMN = 14 # of the table of jobs, in every schema (lib/io/store-migrate.c)


# ---- what fotad was at, by at-call's log ----

def step_of_line(line, current):
	"""In which step fotad is when it sends this; `current` is the last one that it has named."""
	if line == "AT":
		late = re.match("leave|return|settle|download|start|answer|check", current or "")
		return "answer" if late else "sync"
	place = STEPS.index(current) if current in STEPS else 0
	for name in itertools.chain(STEPS[place:], STEPS):
		if name in COMMANDS and re.fullmatch(COMMANDS[name], line):
			return name
	raise Failure(f"no step sends {line!r}")


def varint(data, at):
	value = 0
	for i in range(at, at + 9):
		value = value << 7 | data[i] & 0x7f
		if data[i] < 0x80:
			break
	return value, i + 1


def first_row(page):
	"""The values of a table page's first cell, by SQLite's file format (2.1, Record Format): texts, and None for the rest."""
	at = int.from_bytes(page[8:10], "big")
	_, at = varint(page, at)
	_, at = varint(page, at)
	size, place = varint(page, at)
	values, body = [], at + size
	while place < at + size:
		kind, place = varint(page, place)
		length = (kind - 12) // 2 if kind >= 12 else (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)[kind]
		values.append(page[body:body + length].decode("utf-8", "replace") if kind >= 13 and kind % 2 else None)
		body += length
	return values


def step_of_page(data):
	"""The step in the row of a job, when this is a page of that table."""
	page = re.sub(rb"\\x(..)", lambda m: bytes.fromhex(m[1].decode()), data.encode("ascii"))
	if len(page) != 4096 or page[0] != 0x0d or page[3:5] == b"\0\0":
		return None
	values = first_row(page)
	return values[STEP_COLUMN] if len(values) > STEP_COLUMN + 10 and values[STEP_COLUMN] in STEPS else None


def label_saves(calls, writer, reference):
	"""{k: step} of the calls that write the database. A transaction that was cut off is known by its number."""
	labels, number, members, step = {}, 0, [], None
	for call in calls:
		if call.tid != writer or call.name not in ("pwrite64", "fdatasync"):
			continue
		members.append(call.k)
		step = step_of_page(call.data) or step
		if call.name == "fdatasync":
			labels.update({k: step or "(store)" for k in members})
			number, members, step = number + 1, [], None
	if members:
		step = step or (reference[number] if number < len(reference) else "(store)")
		labels.update({k: step for k in members})
	return labels


def unescape(text):
	return re.sub(r"\\x(..)|\\([rnt\\])", lambda m: chr(int(m[1], 16)) if m[1] else {"r": "\r", "n": "\n", "t": "\t"}.get(m[2], m[2]), text)


def label_reads(calls):
	"""{k: step}. The log is written by a thread of its own, later, but in order: it tells what was heard in which step."""
	heard, step = [], None
	for call in calls:
		found = re.search(r": (step|<) (.*)\\x0a$", call.data) if call.name == "write" and call.fd == 2 else None
		if found and found[1] == "step":
			step = found[2]
		elif found:
			heard.append((unescape(unescape(found[2])), step))
	labels = {}
	for call in calls:
		if call.name != "read" or not heard:
			continue
		data = unescape(call.data)
		place = next((i for i, (text, _) in enumerate(heard[:20]) if text and data.startswith(text[:100])), None)
		if place is not None:
			labels[call.k] = heard[place][1]
			heard = heard[place + 1:]
	return labels


def last_sent(calls, k):
	return next((call.data for call in reversed(calls) if call.k < k and call.name == "write" and call.data.startswith("AT")), "")


def saves_of(calls, labels):
	return [labels[call.k] for call in calls if call.name == "fdatasync" and call.k in labels]


def label(calls, reference=()):
	"""{k: (step, effect)}, without what is no effect, and the steps of the saves in their order."""
	first = calls[0].tid if calls else 0
	writer = next((c.tid for c in calls if c.name == "pwrite64" and c.tid != first), None)
	saves = label_saves(calls, writer, reference)
	reads = label_reads(calls)
	labels, current, saved = {}, None, None
	for call in calls:
		if call.k in saves:
			saved = saves[call.k]
			labels[call.k] = (saved, "save")
		elif call.name in ("pwrite64", "fdatasync"):
			labels[call.k] = ("(opening the store)", "save")
		elif call.name == "write" and call.fd == 2:
			found = re.search(r": step ([a-z-]+)\\x0a$", call.data)
			current = found[1] if found else current
			if not re.search(r" debug \S+: [<>] ", call.data):
				labels[call.k] = (current or "(starting)", "notify")
		elif call.name == "write" and call.data.startswith("AT"):
			labels[call.k] = (step_of_line(call.data.removesuffix("\\x0d"), current), "send")
		elif call.name == "write" and call.tid == writer and saved:
			labels[call.k] = (saved, "saved")
		elif call.name == "read" and current and re.search(r"[A-Z]{2}|%", call.data):
			labels[call.k] = (reads.get(call.k, current), "hear")
	return labels, saves_of(calls, saves)


# ---- lives ----

def new_life(procedure):
	family, kind, faults = PROCEDURES[procedure]
	return lives.Life(f"crash-{procedure}", family, kind, faults, attempts=1 if procedure == "L610-fails" else 3)


def kill_at_line(bench, k):
	"""From outside, when the simulator has seen or said so many lines."""
	daemon = bench.daemon("--log-level=debug")
	try:
		bench.transcript.wait_until(lambda: bench.transcript.size() >= k or not daemon.is_alive(), "", 30)
	except Failure:
		pass
	daemon.kill()
	return daemon, daemon.wait()


# option: of at-call, or "line"; match and k: which call, part: of a torn one; expected: where that was without a crash, and
# after which line.
Plan = collections.namedtuple("Plan", "procedure option calls match k part expected after")


def judge(life, plan, daemon, code, truth):
	except_for = ["bytes_while_executing"]
	if plan.option == "tear": # what was torn ends with the next fotad's AT, and that makes another command
		except_for += ["gtota_malformed", "settings_before_identity"]
	if life.family == "L610":
		equal(truth["rat"], 10, "RAT setting")
	equal(truth["gtota_received"], truth["gtota_accepted"], "+GTOTA that came")
	job = life.bench.jobs()["pump"]
	if plan.procedure == "L610-fails": # its only attempt may also have been spent by the crash
		rig.judge_conduct("pump", truth, except_for)
		check(truth["gtota_accepted"] <= 1, "started twice")
		equal((code, truth["version"], job["state"]), (1, life.modem.version, "failed"), "fotad's verdict")
		return
	equal(code, 0, "exit code after the crash")
	rig.judge_success(life.bench, life.modem, truth, except_for=except_for)
	equal(truth["gtota_accepted"], 1, "starts")
	equal((job["state"], job["reason"]), ("succeeded", ""), "fotad's verdict")
	check(daemon.log.find("1 of 1 modem runs its target"), "fotad does not say that it succeeded")


def where(plan, calls, reference):
	"""What was hit. The log ends with the crash, so that what was heard is known by the line before it."""
	touched = next((call for call in calls if call.touched), None)
	if not touched:
		return None
	if plan.expected[0] and plan.expected[1] == "hear" and last_sent(calls, touched.k) == plan.after:
		return plan.expected
	step, effect = label(calls, reference)[0].get(touched.k, ("(other)", ""))
	return step, "torn" if plan.option == "tear" else effect


def crash(plan, reference):
	"""One life with one crash: (where it really was hit or None, what is wrong)."""
	life = new_life(plan.procedure)
	hit, wrong = None, ""
	try:
		if plan.option == "line":
			first, code = kill_at_line(life.bench, plan.k)
			steps = [re.search(r": step ([a-z-]+)$", line) for line in first.log.find(": step [a-z-]+$")]
			hit = (steps[-1][1] if steps else "(starting)", "outside") if code < 0 else None
		else:
			option = f"--{plan.option}={plan.k}" + (f",{plan.part}" if plan.option == "tear" else "")
			_, code, calls = life.trace(CALLS, option, f"--count={plan.calls}", *([f"--match={plan.match}"] if plan.match else []))
			if code == KILLED:
				hit = where(plan, calls, reference)
			else:
				check(code in (0, 1), f"exit code {code} before the crash")
		daemon, code, truth = life.finish()
		judge(life, plan, daemon, code, truth)
	except Failure as failure:
		wrong = f"{plan} at {hit}: {failure}; see {life.bench.directory}"
	finally:
		life.close(bool(wrong))
	return hit, wrong


# ---- which crashes ----

def explore(procedure):
	"""What an undisturbed run does: its calls, what they are, the steps of its saves, and the lines of the simulator."""
	life = new_life(procedure)
	keep = True
	try:
		daemon, code, calls = life.trace(CALLS)
		if code == rig.SKIPPED:
			raise Skip(f"processes cannot be traced here: {daemon.log.text()}")
		lines = life.bench.transcript.size()
		judge(life, Plan(procedure, "", "", "", 0, 0, None, ""), daemon, code, life.bench.truth()["pump"])
		keep = False
	finally:
		life.close(keep)
	return calls, *label(calls), lines


def mark_of(call, effect):
	"""What tells this call from others in the next run, too, where chunks are cut and numbers fall otherwise."""
	if effect == "save":
		return ""
	if effect == "notify":
		return re.sub(r"^.*(/ports|: )", "", call.data)
	if effect == "hear":
		return max(re.split(r"\\x0[ad]", call.data), key=len)
	return call.data


def plans_of(procedure, found):
	calls, labels, _, lines = found
	for number, call in enumerate(calls, 1):
		if call.k not in labels:
			continue
		step, effect = labels[call.k]
		match = mark_of(call, effect)
		names = {"save": "pwrite64,fdatasync", "hear": "read"}.get(effect, "write")
		k = sum(c.name in names.split(",") and match in c.data for c in calls[:number])
		plan = Plan(procedure, "kill", names, match, k, 0, (step, effect), last_sent(calls, call.k))
		if effect != "hear":
			yield plan
		if effect == "hear" and not re.search(r"OK|ERROR|GTOTA|MIPCALL", call.data):
			plan = plan._replace(expected=(None, effect)) # it comes by the module's clock: in another step, the next time
		if effect in ("send", "saved", "hear") or call.name == "fdatasync":
			yield plan._replace(option="kill-after")
		if effect == "send":
			size = len(re.sub(r"\\x..", "x", call.data))
			for part in range(1, size) if step == "start" else [size // 2]:
				yield plan._replace(option="tear", part=part, expected=(step, "torn"))
	if procedure not in ASIDE:
		for line in range(1, lines + 1):
			yield Plan(procedure, "line", "", "", line, 0, (None, "outside"), "")


def quick(plans):
	"""Every step once, in the one or the other procedure; what matters most with each effect in all of them."""
	chosen, seen = [], collections.Counter()
	procedures = collections.defaultdict(list)
	for plan in plans:
		if plan.procedure not in procedures[plan.expected[0]]:
			procedures[plan.expected[0]].append(plan.procedure)
	for plan in plans:
		step, effect = plan.expected
		turn = list(PROCEDURES).index(plan.procedure)
		mine = procedures[step][(STEPS.index(step) if step in STEPS else 0) % len(procedures[step])] == plan.procedure
		keys = (plan.procedure, plan.expected, plan.option), (plan.procedure, plan.expected), (plan.procedure, step)
		if effect == "outside":
			wanted = plan.k % 40 == 10 * turn
		elif effect == "torn":
			wanted = step == "start" and plan.part in (1, 10 + turn, 35)
		elif step in CRITICAL and plan.procedure not in ASIDE:
			wanted = not seen[keys[0 if effect in ("save", "saved", "send") else 1]]
		else:
			wanted = mine and not seen[keys[2]]
		if wanted:
			chosen.append(plan)
			seen.update(keys)
	return chosen


def plans_of_all(explored):
	return [plan for procedure in PROCEDURES for plan in plans_of(procedure, explored[procedure])
		if plan.expected[0] in ASIDE.get(procedure, [plan.expected[0]])]


def rounds(plans, chosen):
	"""What is tried, and then, for as long as something was not hit: the surest ways to its step, and what is around it."""
	yield chosen
	if chosen != plans:
		yield [plan for plan in plans if plan.expected[1] in ("send", "notify", "saved") and plan.option == "kill"]
	for shift in SHIFTS:
		yield [plan._replace(k=max(plan.k + shift, 1)) for plan in chosen]


def show(hits, wanted):
	print(f"{'step':22}" + "".join(f"{effect:>9}" for effect in EFFECTS))
	for step in [*STEPS, *sorted({step for step, _ in hits} - set(STEPS), key=str)]:
		row = [hits[step, effect] or ("0 !" if (step, effect) in wanted else "-") for effect in EFFECTS]
		print(f"{step:22}" + "".join(f"{cell:>9}" for cell in row))


def test_crash_points(bench):
	if not os.access(lives.AT_CALL, os.X_OK):
		raise Failure(f"{lives.AT_CALL} is not built")
	everything = EVERYTHING
	begin = time.monotonic()
	with concurrent.futures.ThreadPoolExecutor(lives.WORKERS) as pool:
		explored = dict(zip(PROCEDURES, pool.map(explore, PROCEDURES)))
		plans = plans_of_all(explored)
		chosen = plans if everything else quick(plans)
		print(f"{len(chosen)} crashes", flush=True)
		# Of the selection each step must be hit; of everything each effect.
		goal = (lambda pair: pair) if everything else (lambda pair: pair[0])
		wanted = {plan.expected for plan in chosen if plan.expected[0]}
		results, hits = [], collections.Counter()
		for number, tried in enumerate(rounds(plans, chosen)):
			missed = {goal(pair) for pair in wanted} - {goal(pair) for pair in hits}
			again = [plan for plan in tried if number == 0 or goal(plan.expected) in missed]
			results += pool.map(lambda plan: crash(plan, explored[plan.procedure][2]), again)
			hits = collections.Counter(hit for hit, _ in results if hit)
	wrong = [text for _, text in results if text]
	show(hits, wanted)
	print(f"{sum(hits.values())} crashes hit, {len(results) - sum(hits.values())} runs had ended before theirs, "
		f"{len(wrong)} wrong, {time.monotonic() - begin:.0f} s")
	check(not wrong, "\n  ".join(["", *wrong]))
	missed = [step for step in STEPS if not any(hits[step, effect] for effect in EFFECTS)]
	check(not missed, f"never hit: {missed}")
	if everything:
		missed = sorted(pair for pair in wanted if not hits[pair])
		check(not missed, f"never hit: {missed}")


if __name__ == "__main__":
	rig.main(test_crash_points)
