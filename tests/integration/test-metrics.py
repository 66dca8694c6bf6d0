#!/usr/bin/python3
"""Numbers for Prometheus: true, in the form that it reads, and the same names in the alerts and on the dashboard.

promtool judges all of it where it is installed (Debian: prometheus; $PROMTOOL names another); without it, the form is judged
here alone.
"""
import collections
import json
import os
import re
import shutil
import signal
import subprocess

import rig
from rig import SIZE, SOURCE, VERSIONS

L28, L29, _ = VERSIONS["L610"]
PROMTOOL = os.environ.get("PROMTOOL") or shutil.which("promtool")

LABELS = {"campaign", "event", "le", "outcome", "phase", "reason", "state", "version"}  # none that grows with the fleet
OF_MODEMS = {"model", "modem"}
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? ([0-9]+(?:\.[0-9]+)?)')


class Family:
	def __init__(self, kind):
		self.kind = kind
		self.samples = {}  # (name, labels): value


def parse(text):
	"""{name: Family} of a text that follows the exposition format to the letter, and the conventions for names."""
	families = {}
	rig.check(text.endswith("\n") and "\n\n" not in text, "lines end with one newline")
	lines = collections.deque(text.splitlines())
	while lines:
		help_line = re.fullmatch(r"# HELP (fotad_[a-z_]+) ([A-Z].*[.?])( .*\.|; always 1\.)?", line := lines.popleft())
		rig.check(help_line, f"a HELP with a sentence: {line}")
		name = help_line[1]
		kind = re.fullmatch(rf"# TYPE {name} (gauge|counter|histogram)", line := lines.popleft())
		rig.check(kind and name not in families, f"a TYPE of {name}, once: {line}")
		rig.equal(name.endswith("_total"), kind[1] == "counter", f"{name} ends in _total, as a {kind[1]}")
		rig.check(not re.search(r"_(ms|msec|sec|min|percent|kb|count|sum|bucket)\b", name), f"{name}: a base unit, and no reserved suffix")
		family = families[name] = Family(kind[1])
		while lines and not lines[0].startswith("#"):
			sample = SAMPLE.fullmatch(line := lines.popleft())
			rig.check(sample, f"a sample: {line}")
			suffix = sample[1].removeprefix(name)
			rig.check(sample[1].startswith(name) and suffix in ("", *["_bucket", "_sum", "_count"] * (kind[1] == "histogram")), f"of {name}: {line}")
			labels = dict(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', sample[2] or ""))
			key = (sample[1], tuple(sorted(labels.items())))
			rig.check(key not in family.samples, f"a series is there twice: {line}")
			family.samples[key] = float(sample[3])
	for name, family in families.items():
		if family.kind == "histogram":
			judge_histogram(name, family.samples)
	return families


def judge_histogram(name, samples):
	rows = collections.defaultdict(list)
	for (sample, labels), value in samples.items():
		if sample == name + "_bucket":
			rows[tuple(label for label in labels if label[0] != "le")].append((float(dict(labels)["le"]), value))
	for labels, buckets in rows.items():
		rig.equal(buckets, sorted(buckets), f"{name}: the order of its buckets")
		rig.equal([n for _, n in buckets], sorted(n for _, n in buckets), f"{name}: buckets only grow")
		rig.equal(buckets[-1], (float("inf"), samples[name + "_count", labels]), f"{name}: its last bucket holds all")


def value(families, name, **labels):
	return families[name if name in families else name.removesuffix("_count")].samples.get((name, tuple(sorted(labels.items()))))


def labels_of(families):
	return {label for family in families.values() for _, labels in family.samples for label, _ in labels}


def promtool(*arguments, text=None):
	if PROMTOOL:
		done = subprocess.run([PROMTOOL, *arguments], input=text, capture_output=True, text=True, check=False)
		rig.check(done.returncode == 0 and not done.stderr.strip(), f"promtool {' '.join(arguments)}: {done.stdout}{done.stderr}")


def read(bench, name="fotad.prom"):
	with open(bench.path("metrics", name), encoding="ascii") as file:
		text = file.read()
	promtool("check", "metrics", text=text)
	return parse(text)


def place(bench, **more):
	os.mkdir(bench.path("metrics"), 0o755)
	bench.config["metrics"] = {"textfile": bench.path("metrics", "fotad.prom"), **more}


def test_fleet(bench):
	"""What is told at the end is what has happened, by the simulator's own word."""
	bench.modem("good-1", "L610")
	bench.modem("good-2", "L610")
	bench.modem("bad", "L610", "fail percent=20 times=0")
	bench.http("L610", L28, L29)
	bench.campaign("all", L29, retry={"attempts": 2, "delay": "200ms", "max_delay": "200ms"})
	bench.campaign("nobody", L29, members=["bad"], priority=-1)
	place(bench)
	_, truth = rig.run_once(bench, wanted=1)
	families = read(bench)
	starts = sum(modem["gtota_accepted"] for modem in truth.values())
	rig.equal(labels_of(families), LABELS, "labels")
	for name, labels, wanted in (
		("fotad_jobs", {"campaign": "all", "state": "succeeded"}, 2), ("fotad_jobs", {"campaign": "all", "state": "failed"}, 1),
		("fotad_jobs", {"campaign": "all", "state": "running"}, 0), ("fotad_jobs", {"campaign": "nobody", "state": "failed"}, 0),
		("fotad_campaign_modems", {"campaign": "all"}, 3), ("fotad_campaign_modems", {"campaign": "nobody"}, 0),
		("fotad_campaign_wave", {"campaign": "all"}, 1), ("fotad_campaign_halted", {"campaign": "all"}, 0),
		("fotad_attempts_total", {"campaign": "all", "outcome": "succeeded", "reason": "none"}, 2),
		("fotad_attempts_total", {"campaign": "all", "outcome": "failed", "reason": "download-failed"}, 2),
		("fotad_attempts_total", {"campaign": "nobody", "outcome": "succeeded", "reason": "none"}, 0),
		("fotad_download_bytes_total", {"campaign": "all"}, starts * SIZE),
		("fotad_modems", {"state": "present"}, 3), ("fotad_modems", {"state": "absent"}, 0),
		("fotad_slots", {}, 128), ("fotad_slots_used", {}, 0), ("fotad_store_writable", {}, 1), ("fotad_held", {}, 0),
		("fotad_config_last_reload_successful", {}, 1), ("fotad_log_suppressed_total", {}, 0),
		("fotad_log_events_total", {"event": "job-failed"}, 1), ("fotad_log_events_total", {"event": "attempt-started"}, 4),
		("fotad_upgrade_phase_seconds_count", {"phase": "installing"}, 2),
	):
		rig.equal(value(families, name, **labels), wanted, f"{name} {labels}")
	took = families["fotad_upgrade_phase_seconds"].samples["fotad_upgrade_phase_seconds_sum", (("phase", "installing"),)]
	rig.check(0.4 < took < 60, f"two installations took {took} s")
	rig.equal(os.listdir(bench.path("metrics")), ["fotad.prom"], "what is left in the directory")


def test_per_modem(bench):
	"""Only when it is asked for; what a modem says is a label's value and nothing else."""
	bench.modem("pump", "L610", version=L29)
	bench.config["modems"].append({"name": "gone", "port": bench.path("ports", "gone")})
	bench.http("L610", L28, L29)
	bench.campaign("all", L29, ["pump"])
	place(bench, per_modem=True)
	rig.run_once(bench)
	families = read(bench)
	rig.equal(labels_of(families), LABELS | OF_MODEMS, "labels")
	info = {("modem", "pump"), ("model", "L610-CN-62-36"), ("version", L29)}
	rig.equal(value(families, "fotad_modem_firmware_info", **dict(info)), 1, "firmware of the pump")
	rig.equal(value(families, "fotad_modem_present", modem="pump"), 1, "presence of the pump")
	rig.equal(value(families, "fotad_modem_present", modem="gone"), 0, "presence of what is not there")
	rig.equal(value(families, "fotad_modems", state="absent"), 1, "modems that are not there")
	rig.equal(value(families, "fotad_jobs", campaign="all", state="succeeded"), 1, "jobs that have succeeded")
	judge_names(families)


def test_reload(bench):
	"""A broken configuration is seen from far away; a mended one, too."""
	place(bench)
	results = []
	for broken, said in (True, "the old one stays in force"), (False, "configuration read again"):
		config = bench.write_config()
		daemon = bench.daemon(once=False, config=config)
		daemon.log.wait("watches 0 modems")
		if broken:
			bench.write("fotad.json", "{ \"version\": 1, \"metrics\": 1 }")
		daemon.kill(signal.SIGHUP)
		daemon.log.wait(said)
		rig.equal(daemon.stop(), 0, "exit code of fotad")
		results.append(value(read(bench), "fotad_config_last_reload_successful"))
	rig.equal(results, [0, 1], "whether the reload was a success")


def test_not_writable(bench):
	"""Said once, and when it works again; all else goes on."""
	place(bench, period="1s")
	os.rename(bench.path("metrics"), bench.path("elsewhere"))
	bench.modem("pump", "L610")
	bench.http("L610", L28, L29)
	bench.campaign("all", L29)
	bench.start_modems()
	daemon = bench.daemon(once=False)
	daemon.log.wait(" warning: metrics cannot be written to .*/metrics/fotad.prom: No such file or directory")
	daemon.log.wait(" notice pump: succeeded: ")
	os.rename(bench.path("elsewhere"), bench.path("metrics"))
	daemon.log.wait(" notice: metrics are written to .*/metrics/fotad.prom again")
	rig.equal(daemon.stop(), 0, "exit code of fotad")
	rig.equal(len(daemon.log.find("metrics cannot be written")), 1, "how often it was said")
	rig.equal(value(read(bench), "fotad_log_events_total", event="metrics"), 2, "events")


# ---- alerts, dashboard ----

def source(name):
	with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
		return file.read()


def judge_names(families):
	"""Every metric, event, state and reason that the alerts and the dashboard ask for exists."""
	dashboard = json.loads(source("conf/grafana-fotad.json"))
	expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
	expressions += [variable["query"] for variable in dashboard["templating"]["list"]]
	expressions += [annotation["expr"] for annotation in dashboard["annotations"]["list"]]
	expressions += [source("conf/fotad.rules.yml"), *re.findall(r"series: '(.*?)'", source("conf/fotad.rules.test.yml"))]
	names = {name for name, family in families.items() if family.kind != "histogram"}
	names |= {name + suffix for name, family in families.items() if family.kind == "histogram" for suffix in ("_bucket", "_sum", "_count")}
	known = set(re.findall(r'"([a-z-]+)"', source("lib/io/log-messages.h") + source("lib/core/reason.c") + source("lib/core/job.c")
		+ source("daemon/modem-health.c") + source("lib/core/trace-fields.c"))) | {"none"}
	for expression in expressions:
		used = set(re.findall(r"\bfotad_[a-z_]+", expression))
		rig.check(used <= names, f"no such metric: {used - names}")
		for label, words in re.findall(r'\b(event|state|reason|outcome)=~?"([^"$]+)"', expression):
			rig.check(set(words.split("|")) <= known, f"no such {label}: {words}")
	asked = " ".join(expressions)
	unused = {name for name in names if name not in asked and name.removesuffix("_sum").removesuffix("_count") + "_bucket" not in asked}
	rig.equal(unused, {"fotad_campaign_paused", "fotad_campaign_wave", "fotad_clock_synchronised", "fotad_inhibitors",
		"fotad_config_last_reload_success_timestamp_seconds", "fotad_log_suppressed_total", "fotad_modem_present",
		"fotad_modem_firmware_info", "fotad_modem_download_ratio"}, "metrics that nobody asks for")


def test_alerts(bench):
	"""Each fires in its test; each says what to run."""
	rules, tests = source("conf/fotad.rules.yml"), source("conf/fotad.rules.test.yml")
	alerts = re.findall(r"- alert: (\w+)", rules)
	fired = re.findall(r"alertname: (\w+)\n +exp_alerts:\n +- exp_labels", tests)
	silent = re.findall(r"alertname: (\w+), exp_alerts: \[\]", tests)
	rig.equal((sorted(fired), sorted(silent)), (sorted(alerts), sorted(alerts)), "alerts that are tested")
	rig.equal(len(re.findall(r"^ +(summary|description): \".+\"$", rules, re.M)), 2 * len(alerts), "summaries and descriptions")
	promtool("check", "rules", os.path.join(SOURCE, "conf/fotad.rules.yml"))
	promtool("test", "rules", os.path.join(SOURCE, "conf/fotad.rules.test.yml"))
	if PROMTOOL:  # and the tests can fail
		shutil.copy(os.path.join(SOURCE, "conf/fotad.rules.test.yml"), bench.directory)
		bench.write("fotad.rules.yml", rules.replace("fotad_campaign_halted == 1", "fotad_campaign_halted == 2"))
		done = subprocess.run([PROMTOOL, "test", "rules", bench.path("fotad.rules.test.yml")], capture_output=True, check=False)
		rig.check(done.returncode != 0, "promtool takes an alert that never fires")


rig.main(test_fleet, test_per_modem, test_reload, test_not_writable, test_alerts)
