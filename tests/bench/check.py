#!/usr/bin/python3
"""The part of the bench that runs in make check: counts and ratios only, never the clock.

A fleet must not cost more a modem than a small one does (a loop that polls every port for each event costs eighteen times
as much); a command must not take more system calls than today, a report not more instructions, a job not more lines of
log, and hardly any commits of its own.
"""
import sys

sys.dont_write_bytecode = True
import measure as m

SMALL, LARGE = 30, 300
FLAT = 1.5  # CPU a modem, of the large fleet to the small one
TRIES = 3  # a busy machine is no verdict: the best counts
CALLS = 4.7  # system calls a command
BARE_CALLS = 3.1
INSTRUCTIONS = 300  # a report
CHUNK = 4096
DECISION = 2500  # instructions
DECISION_FLAT = 1.5  # with 100,000 jobs to 1,000
DECISION_ENDED = 1.1  # 100,000 jobs have ended to none
LINES = 25  # of log, a job
COMMITS = 2  # a job: 0.02 a report


def flatness():
	best = None
	for _ in range(TRIES):
		ratio = m.fotad_job(LARGE).cpu / m.fotad_job(SMALL).cpu
		best = ratio if best is None else min(best, ratio)
		if best <= FLAT:
			break
	return best


def decisions():
	"""Instructions with 1,000 jobs; of them, with 100,000 and with 100,000 that have ended."""
	few = m.decision_instructions(1000)
	if few is None:
		return None, None, None
	return few, m.decision_instructions(100000) / few, m.decision_instructions(1000, 100000) / few


def judge(what, value, limit):
	if value is None:
		m.say(f"{what}: not measured here")
		return True
	m.say(f"{what}: {value:.3g}, and at most {limit:g} is right")
	return value <= limit


def main():
	calls = m.roundtrip_calls() or {}
	lines, commits = m.counts_of_job(SMALL)
	decision, many, ended = decisions()
	fine = [
		judge("system calls a command, bare", calls.get("bare_calls"), BARE_CALLS),
		judge("system calls a command", calls.get("fotad_calls"), CALLS),
		judge("instructions a report", m.parser_instructions(CHUNK), INSTRUCTIONS),
		judge("instructions a decision", decision, DECISION),
		judge("... 100,000 jobs to 1,000", many, DECISION_FLAT),
		judge("... 100,000 jobs have ended", ended, DECISION_ENDED),
		judge("lines of log a job", lines, LINES),
		judge("commits a job", commits, COMMITS),
		judge(f"CPU a modem, {LARGE} to {SMALL}", flatness(), FLAT),
	]
	return 0 if all(fine) else 1


if __name__ == "__main__":
	sys.exit(main())
