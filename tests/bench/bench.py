#!/usr/bin/python3
"""Measures what fotad costs, beside a program that only does the input and output of the same job.

	bench.py [--rounds=N] [--sizes=1,10,100,500,1000] [--only=WORD]

Prints one table. Each figure has a gate, which must hold, and an aim. About a quarter of an hour; leave the machine alone
meanwhile.
"""
import argparse
import signal
import sys

sys.dont_write_bytecode = True
import makespan as span
import measure as m
import neighbours as near
import paced
import recover as again

ROUNDS = 5


class Table:
	def __init__(self):
		self.rows = [("FIGURE", "VALUE", "GATE", "AIM", "")]
		self.missed = 0

	def add(self, what, value, gate=None, aim=None, least=False, unit=""):
		"""least: the value must be at least the gate."""
		if value is None:
			self.rows.append((what, "not measured here", self.limit(gate, least, unit), "", ""))
			return
		holds = lambda limit: value >= limit if least else value <= limit
		verdict = ""
		if gate is not None:
			verdict = "missed" if not holds(gate) else "good" if aim is not None and holds(aim) else "holds"
			self.missed += not holds(gate)
		self.rows.append((what, f"{value:.3g}{unit}" if value < 1000 else f"{value:.0f}{unit}",
			self.limit(gate, least, unit), self.limit(aim, least, unit), verdict))
		m.note(f"bench: {what}: {value:.4g}{unit} {verdict}")

	@staticmethod
	def limit(value, least, unit):
		return "" if value is None else f"{'>=' if least else '<='} {value:g}{unit}"

	def show(self):
		for row in self.rows[:1] + [tuple("---" for _ in self.rows[0])] + self.rows[1:]:
			m.say("| " + " | ".join(row) + " |")


def roundtrip(table, _):
	values = m.roundtrip()
	table.add("command round trip, CPU to bare", values["ratio"], 1.6, 1.25)
	calls = m.roundtrip_calls()
	table.add("... system calls a command (bare: 3)", calls and calls["fotad_calls"], 4.7, 4.1)


def parser(table, _):
	values = m.parser()
	for chunk in 64, 1024, 4096:
		table.add(f"parser, speed to memchr, {chunk}-byte chunks", values[f"speed_{chunk}"], 0.5, 0.9, least=True)
	for chunk in 27, 1:
		table.add(f"parser, speed to memchr, {chunk}-byte chunks", values[f"speed_{chunk}"], least=True)
	for chunk in 4096, 64:
		table.add(f"parser, instructions a report, {chunk}-byte chunks", m.parser_instructions(chunk), 300, 200)


def schedule(table, _):
	"""Of a decision; `ended` jobs must cost nothing."""
	ns = m.decisions()
	for n in 10, 1000, 100000:
		table.add(f"decision, {n} jobs wait, ns", ns[f"ns_{n}_0"], 2000, 200)
		table.add("... 1,000,000 have ended", ns[f"ns_{n}_1000000"], 2000, 200)
	table.add("decision, 100,000 to 1,000 jobs", ns["ns_100000_0"] / ns["ns_1000_0"], 3, 1.5)
	few, many, later = m.decision_instructions(1000), m.decision_instructions(100000), m.decision_instructions(1000, 1000000)
	table.add("decision, instructions, 1,000 jobs", few, 2500, 1500)
	table.add("... 100,000 to 1,000 jobs", few and many / few, 1.5, 1.2)
	table.add("... 1,000,000 ended to none", few and later / few, 1.1, 1.02)


def jobs(table, options):
	"""A B C D E A B C D E ...; the ratio of each round."""
	wire = m.learn_script()
	records = m.counts_of_job(1)[1]
	cpu, reaction = {}, []
	for n in options.sizes:
		lines, commits = m.counts_of_job(n)
		output = {"commits": round(commits * n)}
		script = m.with_output(wire, lines, records)
		last = n == max(options.sizes)
		rounds = options.rounds * (2 if n < 10 else 1)  # of a few milliseconds chance has a greater part
		runs = [(m.fotad_job(n, look_at_turnaround=last), m.bare_job(n, script, look_at_turnaround=last, **output),
			m.fotad_job(n, disk=True), m.bare_job(n, script, disk=True, **output), m.bare_job(n, wire)) for _ in range(rounds)]
		if last:
			reaction = [(fotad.p50 / max(bare.p50, 1), fotad.p99 / max(bare.p99, 1), fotad.p99, bare.p99, fotad.saving)
				for fotad, bare, *_ in runs]
		cpu[n] = m.median([run[0].cpu for run in runs]), m.median([run[2].cpu for run in runs])
		table.add(f"whole job, {n} modems, CPU to bare", m.median([run[0].cpu / run[1].cpu for run in runs]), 2.5, 1.5)
		table.add("... store on disk", m.median([run[2].cpu / run[3].cpu for run in runs]), 2.5, 1.5)
		table.add("... to one that saves and logs nothing", m.median([run[0].cpu / run[4].cpu for run in runs]))
		table.add("... CPU a modem, ms", cpu[n][0] * 1000)
		table.add("... bare, ms", m.median([run[1].cpu for run in runs]) * 1000)
	if 1000 in cpu and 100 in cpu:
		table.add("CPU a modem, 1,000 to 100", cpu[1000][0] / cpu[100][0], 1.5, 1.1)
		table.add("... store on disk", cpu[1000][1] / cpu[100][1], 1.5, 1.1)
	table.add(f"turnaround p99, {n} modems, to bare", m.median([r[1] for r in reaction]), 2, 1.3)
	table.add("... p50, to bare", m.median([r[0] for r in reaction]))
	table.add("... p99, ms", m.median([r[2] for r in reaction]) / 1000)
	table.add("... bare p99, ms", m.median([r[3] for r in reaction]) / 1000)
	table.add("... p99 where it saves first, ms", m.median([r[4] for r in reaction]) / 1000)


def cold(table, options):
	n = max(options.sizes)
	times = m.cold_starts(n, options.rounds)
	table.add(f"second start to the first byte on {n} ports, to bare",
		m.median([mine / bare for mine, bare in times]), 4, 1.5)
	table.add("... ms", m.median([mine for mine, _ in times]) / 1000)
	table.add("... bare, ms", m.median([bare for _, bare in times]) / 1000)


def memory(table, options):
	n = max(options.sizes)
	empty, idle, some, full = m.memory(n)
	known = None not in (empty, idle, some, full)
	for what, taken in (f"{n} modems, watched", idle), (f"... {m.PARALLEL} of them in mid-download", some), \
			("... all of them in mid-download", full):
		table.add(f"memory, {what}, PSS", taken / m.MIB if known else None, 8, 5, unit=" MiB")
		table.add("... a port", (taken - empty) / n / m.KIB if known else None, 4, 1.5, unit=" KiB")


def reports(table, options):
	"""Once each: it takes its time, and the time is long enough."""
	n = max(options.sizes)
	bare = paced.bare(n, m.learn_script())
	fotad = paced.fotad(n)
	table.add(f"{n} modems report once a second, of one core", fotad.percent, 2.5, 1, unit=" %")
	table.add("... bare", bare.percent, unit=" %")
	table.add("... context switches a report", fotad.switches, 1.2, 0.1)
	table.add("... journal messages a report", fotad.messages, 0.15)
	table.add("... of the whole job", fotad.all_messages)
	table.add("... commits a report, of the whole job", fotad.commits, 0.02)


WILDNESS = {
	near.FLOOD: "a port floods",
	near.BYTES: "a port says single bytes",
	near.LINE: "a port says 5 MB without an end",
	near.SLOW_DISK: "each commit takes 100 ms",
}


def neighbours(table, options):
	"""Of fotad and of the bare program, in turns. One p99 says little: the medians of all rounds are compared."""
	script = m.learn_script()
	runs = [(how, of, near.Run(how, script if of == "bare" else None)) for _ in range(options.rounds)
		for how in (near.QUIET, *WILDNESS) for of in ("fotad", "bare") if (how, of) != (near.SLOW_DISK, "bare")]

	def p99(of, how):
		return m.median([run.p99 for h, o, run in runs if (h, o) == (how, of)])

	for how, what in WILDNESS.items():
		table.add(f"p99 turnaround of {near.OTHERS} others while {what}, to quiet",
			p99("fotad", how) / p99("fotad", near.QUIET), 2, 1.2)
		if how != near.SLOW_DISK:
			table.add("... bare", p99("bare", how) / p99("bare", near.QUIET))
			table.add("... taken of it, MB", m.median([run.taken for h, o, run in runs if (h, o) == (how, "fotad")]) / 1e6)
	table.add("... quiet, ms", p99("fotad", near.QUIET) / 1000)
	table.add("... bare, ms", p99("bare", near.QUIET) / 1000)


def recover(table, options):
	times = again.first_bytes(2 * options.rounds)
	table.add("killed with 100,000 stored jobs, to the first byte", m.median(times), 150, 50, unit=" ms")


def makespan(table, _):
	"""An ideal fleet in rehearsal, to what no order of starts could beat; no wall clock is in it."""
	cpu = {}
	for n in span.SIZES:
		for what, situation in span.situations(n).items():
			run = span.Run(n, *situation)
			table.add(f"makespan, {n} modems, {what}, to the best possible", run.ratio, 1.5, 1.1)
			if what == "slots":
				cpu[n] = run.cpu / run.attempts
	table.add("rehearsal, CPU an attempt, us", cpu[100000] * 1e6)
	table.add("... 100,000 to 1,000 modems", cpu[100000] / cpu[1000], 3, 1.5)
	table.add("... instructions", span.instructions())


PARTS = {"roundtrip": roundtrip, "parser": parser, "schedule": schedule, "makespan": makespan, "memory": memory, "cold": cold,
	"recover": recover, "neighbours": neighbours, "reports": reports, "jobs": jobs}


def main():
	parser_ = argparse.ArgumentParser(description=__doc__.splitlines()[0])
	parser_.add_argument("--rounds", type=int, default=ROUNDS)
	parser_.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")], default=[1, 10, 100, 500, 1000])
	parser_.add_argument("--only", choices=PARTS)
	options = parser_.parse_args()
	for number in signal.SIGTERM, signal.SIGHUP, signal.SIGINT:
		signal.signal(number, lambda *_: sys.exit(1))
	table = Table()
	for name, part in PARTS.items():
		if options.only in (None, name):
			part(table, options)
	m.say(m.machine())
	m.say()
	table.show()
	m.say()
	m.say(f"{table.missed} gates missed")
	return 1 if table.missed else 0


if __name__ == "__main__":
	sys.exit(main())
