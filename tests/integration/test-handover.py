#!/usr/bin/python3
"""A restart in mid-download loses no report: the port goes through the service manager's descriptor store (conduct 16)."""
import os
import re
import signal

import rig
from rig import check, equal
from servicemanager import ServiceManager


def begin(bench, family):
	"""A slow download, interrupted in the middle by SIGTERM."""
	manager = ServiceManager(bench)
	m = bench.modem("pump-01", family)
	bench.web(rate=60_000)
	bench.http(m.model, m.version, m.target, size=240_000)
	bench.campaign("winter", m.target)
	bench.start_modems()
	daemon = bench.daemon("--log-level=debug", once=False, environment=manager.environment())
	daemon.log.wait("pump-01: [1-9][0-9]* % downloaded")
	equal(daemon.stop(), 0, "exit code after SIGTERM")
	manager.collect()
	check("port.pump-01" in manager.names(), f"the store holds {manager.names()}")
	return manager, m, daemon


def reports(*daemons):
	"""The GTOTA reports that these fotads have read, one after the other, halves joined."""
	text = ""
	for daemon in daemons:
		for line in daemon.log.find(r" pump-01: < "):
			text += line.split(" pump-01: < ", 1)[1]
	return re.findall(r"GTOTA DOWNLOAD[A-Z]*:? ?[A-Z0-9]+%?", text)


def sent_reports(bench):
	return [line.split(" < ", 1)[1] for line in bench.transcript.find(r"pump-01 < GTOTA DOWNLOAD")]


def finish(bench, manager, m):
	daemon = manager.start(bench, "--log-level=debug")
	equal(daemon.wait(), 0, "exit code of fotad")
	manager.collect()
	equal(manager.names(), [], "what is left in the store")
	truth = bench.truth()[m.name]
	rig.judge_success(bench, m, truth)
	equal(truth["gtota_received"], 1, "+GTOTA")
	rig.judge_word(bench, m, "succeeded")
	return daemon, truth


def test_no_report_is_lost(bench):
	manager, m, first = begin(bench, "L610")
	bench.transcript.wait("pump-01 < GTOTA DOWNLOAD COMPLETE")
	daemon, _ = finish(bench, manager, m)
	check("GTOTA DOWNLOAD COMPLETE" in reports(daemon), "COMPLETE, said while fotad was away, was lost")
	equal(reports(first, daemon), sent_reports(bench), "reports that were read")


def test_restart_while_it_downloads(bench):
	manager, m, first = begin(bench, "NL668")
	daemon, _ = finish(bench, manager, m)
	check(daemon.log.find("taking up the upgrade"), "fotad does not say that it takes the job up")
	equal(reports(first, daemon), sent_reports(bench), "reports that were read")


def test_another_tty_is_not_adopted(bench):
	manager, m, _ = begin(bench, "L610")
	bench.transcript.wait("pump-01 < GTOTA DOWNLOAD COMPLETE")
	ours, theirs = os.openpty()
	bench.closing.callback(os.close, ours)
	for name, descriptor in manager.store:
		if name == "port.pump-01":
			os.dup2(theirs, descriptor)
	os.close(theirs)
	daemon, _ = finish(bench, manager, m)
	check(daemon.log.find("pump-01: .* is open"), "the right port was not opened")


def test_without_a_store(bench):
	"""stop and start: reports may be lost, the verdict is right all the same."""
	_, m, _ = begin(bench, "L610")
	daemon = bench.daemon()
	equal(daemon.wait(), 0, "exit code of fotad")
	truth = bench.truth()[m.name]
	rig.judge_success(bench, m, truth)
	equal(truth["gtota_received"], 1, "+GTOTA")


def test_a_torn_line(bench):
	"""SIGTERM between the halves of a report: the half that was read is kept for the next fotad."""
	manager = ServiceManager(bench)
	m = bench.modem("pump-01", "L610", "slow-bytes time=4ms")
	bench.web(rate=40_000)
	bench.http(m.model, m.version, m.target, size=160_000)
	bench.campaign("winter", m.target)
	bench.start_modems()
	first = bench.daemon("--log-level=debug", once=False, environment=manager.environment())
	here = first.log.wait("GTOTA is sent|point of no return|download")
	first.log.wait(r"pump-01: < (?:\\r|\\n)*[A-Z :0-9]+$", start=here)
	equal(first.stop(), 0, "exit code after SIGTERM")
	manager.collect()
	check("line.pump-01" in manager.names(), f"the store holds {manager.names()}")
	second, _ = finish(bench, manager, m)
	whole = sent_reports(bench)[:-1]  # the module may restart while its last line is still on the wire
	equal(reports(first, second)[:len(whole)], whole, "reports that were read")


if __name__ == "__main__":
	signal.signal(signal.SIGPIPE, signal.SIG_DFL)
	rig.main(test_no_report_is_lost, test_restart_while_it_downloads, test_another_tty_is_not_adopted,
		test_without_a_store, test_a_torn_line)
