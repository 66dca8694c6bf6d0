#!/usr/bin/python3
"""fotactl against the real fotad on a bus of its own: what each verb prints, in words and in JSON, and its exit codes.

What it prints is in fotactl.golden; FOTACTL_GOLDEN=write writes that anew, to be read before it is kept.
"""
import difflib
import json
import os
import re
import select
import shutil
import signal
import subprocess

import busrig
import ctlrig
import rig
from busrig import Bus
from ctlrig import FOTACTL, Ctl, stage, validator

GOLDEN = os.path.join(rig.SOURCE, "tests", "integration", "fotactl.golden")

# Each leaves things so that the next prints the same again.
COMMANDS = """
help
status
modems
campaigns
jobs
jobs --no-legend
show pump-01
show pump-02
show meter-01
show winter
show 2
explain pump-01
explain pump-02
explain meter-01
explain nowhere
explain 2
explain winter
plan
plan spring
plan nobody
history
history pump-02
history nobody
history -n 1 --no-legend
trace pump-01
trace pump-02 DIR/recording.json
trace pump-02 DIR/recording.json
check-config DIR/fotad.json
check-config DIR/nothing.json
start pump-01
start meter-01
start nobody
cancel pump-01
cancel nobody
retry pump-01
retry nobody
pause
pause
status
resume
resume
pause spring
campaigns
resume spring
acknowledge
reload
show nobody
status nobody
watch nobody
version
--version
""".split("\n")[1:-1]

# What is wrong in the command itself, and needs no fotad.
USAGE = """
statsu
frobnicate
show
show a b
modems x
--json=xml modems
--lines=many status
--wait=5 start pump-01
--wait status
--force cancel pump-01
--config=x status
--user --host=x status
--json=short watch
-H gateway doctor
-H gateway detect
-M box replay x
-H gateway check-config
--unknown
""".split("\n")[1:-1]


def section(bench, ctl, command):
	arguments = command.replace("DIR", bench.directory).split()
	code, out, err = ctl.run(*arguments)
	return f"$ fotactl {command}\n{ctlrig.normal(bench, out)}{ctlrig.normal(bench, err)}[{code}]\n"


def compare(name, got):
	"""With this part of the golden file; or makes it anew."""
	parts = {}
	if os.path.exists(GOLDEN):
		with open(GOLDEN, encoding="utf-8") as file:
			parts = {part.split("\n", 1)[0]: part.split("\n", 1)[1] for part in file.read().split("======== ")[1:]}
	if os.environ.get("FOTACTL_GOLDEN") == "write":
		parts[name] = got
		with open(GOLDEN, "w", encoding="utf-8") as file:
			file.write("".join(f"======== {key}\n{parts[key]}" for key in sorted(parts)))
		return
	wanted = parts.get(name, "")
	rig.check(got == wanted, "".join(["fotactl prints something else:\n",
		*difflib.unified_diff(wanted.splitlines(True), got.splitlines(True), "golden", "now", n=2)]))


def test_golden(bench):
	ctl, _, _ = stage(bench, settled=True)
	compare("at-rest", "\n".join(section(bench, ctl, command) for command in COMMANDS))


def test_usage(bench):
	ctl = Ctl(bench, None)
	text = "\n".join(section(bench, ctl, command) for command in USAGE)
	rig.equal(set(re.findall(r"^\[(\d+)\]$", text, re.M)), {"64"}, "exit codes")
	compare("usage", text)


# ---- JSON ----

SCHEMAS = {"status": "status", "modems": "modems", "campaigns": "campaigns", "jobs": "jobs", "status pump-02": "status-modem",
	"status winter": "status-campaign", "status 2": "status-job", "show pump-01": "show-modem", "show winter": "show-campaign",
	"show 2": "show-job", "explain meter-01": "explain", "plan": "plan", "history": "history", "version": "version",
	"pause": "answer", "resume": "answer", "reload": "answer", "doctor": "doctor"}


def test_json(bench):
	"""Each verb's JSON is as the schema says, and pretty is the same as short."""
	ctl, _, _ = stage(bench, settled=True)
	for command, name in SCHEMAS.items():
		code, short, _ = ctl.run("--json=short", *command.split())
		rig.check(code == 0 or command == "doctor", f"{command}: exit code {code}")
		rig.equal(short.count("\n"), 1, f"{command}: lines")
		validator(name).validate(json.loads(short))
		if command not in ("pause", "resume", "doctor"):
			_, pretty, _ = ctl.run("--json=pretty", *command.split())
			rig.equal(re.sub(r'"last_seen": ?"[^"]*"', "", json.dumps(json.loads(pretty))),
				re.sub(r'"last_seen": ?"[^"]*"', "", json.dumps(json.loads(short))), f"{command}: pretty")
	job = ctl.job_of("pump-02")
	rig.equal((job["state"], job["reason"], job["id"]), ("failed", "download-failed", 2), "the failed job")


# ---- what changes something ----

def test_operate(bench):
	"""start, cancel and retry with --wait; forced, in time, too late, and as a failure."""
	ctl, daemon, client = stage(bench, settled=True)
	rig.equal(ctl.run("start", "meter-01")[0], 1, "start against not_before")
	code, _, err = ctl.run("start", "meter-01", "--force", "--wait")
	rig.equal(code, 0, f"start --force --wait: {err}")
	rig.equal(ctl.job_of("meter-01")["state"], "succeeded", "the job")
	code, out, err = ctl.run("retry", "pump-02", "--wait=60s")
	rig.equal(code, 1, f"retry --wait of what fails again: {out}{err}")
	rig.check("download-failed" in err, f"retry --wait does not say why: {err}")
	rig.equal(ctl.job_of("pump-02")["id"], 4, "the number of the next job")
	code, out, err = ctl.run("retry", "winter", "--wait=60s")
	rig.equal(code, 1, f"retry --wait of a campaign in which one fails again ({out}{err}{ctl.job_of('pump-02')})")
	rig.equal(ctl.job_of("pump-02")["id"], 5, "the number of the job after that")
	client.call("Inhibit", "ss", "site", "a storm comes")
	rig.check("by the word of site: a storm comes" in ctl.text("status"), "status does not say who holds new starts")
	client.close_descriptors()
	rig.equal(ctl.run("cancel", "nowhere", "--wait")[0], 0, "cancel --wait of what never began")
	rig.equal(ctl.run("pause")[0], 0, "pause")
	rig.equal(ctl.run("retry", "pump-02")[0], 0, "retry")
	rig.equal(ctl.run("start", "pump-02", "--wait=300ms")[0] in (1, 75), True, "start --wait in a pause")
	rig.equal(ctl.run("cancel", "pump-02", "--wait")[0], 0, "cancel --wait")
	validator("answer").validate(ctl.json("resume"))
	rig.check(re.search(rf"pump-02 +winter +uid {os.getuid()} +cancel ", ctl.text("history", "pump-02")), "history does not say who it was")
	rig.equal([line["uid"] for line in ctl.json("history", "pump-02")["history"] if line["who"] == "operator"][0], os.getuid(), "uid")
	daemon.stop()


def test_wait_timeout(bench):
	"""--wait gives up, the job goes on."""
	ctl, _, _ = stage(bench, settled=True)
	code, _, err = ctl.run("retry", "pump-02", "--wait=1ms")
	rig.equal(code, 75, "exit code")
	rig.check("goes on without fotactl" in err, err)
	ctl.bench.lives[-1].log.wait(r" pump-02: (left: )?failed \(download-failed\)", count=1)


def test_reload(bench):
	"""A configuration that is wrong is refused with each of its problems, and exit code 78."""
	ctl, _, _ = stage(bench)
	path = bench.path("fotad.json")
	with open(path, encoding="utf-8") as file:
		right = file.read()
	for wrong, pattern in (right.replace('"version": 1', '"version": 7'), "version"), ("{", r"fotad\.json:\d+:\d+"):
		bench.write("fotad.json", wrong)
		code, out, err = ctl.run("reload")
		rig.equal((code, out), (78, ""), f"reload of a wrong configuration ({err})")
		rig.check(re.search(pattern, err) and "the old one stays in force" in err, err)
		rig.equal(ctl.run("check-config", path)[0], 78, "check-config")
		rig.equal(ctl.run("check-config")[0], 78, "check-config of what fotad uses")
		rig.check(" Reload: refused" in ctl.text("status"), "status does not say that the configuration was refused")
	bench.write("fotad.json", right)
	rig.equal(ctl.run("reload"), (0, "the configuration was read again and is in force\n", ""), "reload of the right one")
	rig.check(" Reload: refused" not in ctl.text("status"), "status says so still")


# ---- without fotad, without a right ----

def test_not_running(bench):
	"""69, and what to do; nothing is started by looking."""
	ctl = Ctl(bench, Bus(bench))
	started = bench.path("started")
	bench.write("services/org.fotad1.service", f"[D-BUS Service]\nName=org.fotad1\nExec=/usr/bin/touch {started}\n")
	with open(ctl.bus.config, encoding="utf-8") as file:
		config = file.read()
	bench.write("bus.conf", config.replace("<type>system</type>",
		f"<type>session</type><servicedir>{bench.path('services')}</servicedir>"))
	ctl.bus.stop()
	ctl.bus.start()
	for command in "status", "modems", "jobs", "campaigns", "plan", "history", "watch", "monitor", "reload", "metrics", "pause", \
			"show x", "start x", "explain x", "trace x", "version":
		code, _, err = ctl.run(*command.split())
		rig.equal((code, err), (69, "fotactl: fotad is not running. Start it: systemctl start fotad\n"), f"fotactl {command}")
	rig.check(not os.path.exists(started), "looking has started it")
	ctl.bus.stop()
	code, _, err = ctl.run("status")
	rig.equal(code, 69, "without a bus")
	rig.check("Start it: systemctl start dbus" in err, err)
	code, _, err = ctl.run(f"--address={ctl.bus.address}", "status")
	rig.equal(code, 69, "without a bus at an address")
	rig.equal(Ctl(bench, None).run("--user", "status", XDG_RUNTIME_DIR=bench.directory)[0], 69, "without a session bus")


def test_not_authorised(bench):
	"""nobody may look, and is told how to get the right to do more."""
	busrig.needs_root()
	ctl, _, _ = stage(bench)
	nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
	rig.equal(ctl.run("modems", prefix=nobody)[0], 0, "nobody may look")
	for command in "pause", "resume", "start meter-01", "cancel meter-01", "retry pump-02", "reload", "acknowledge", "trace pump-02":
		code, out, err = ctl.run(*command.split(), prefix=nobody)
		rig.equal((code, out), (77, ""), f"fotactl {command} as nobody ({err})")
		rig.check("not authorised to" in err and "sudo" in err, err)


# What -H runs on this side: "ssh -xT HOST systemd-stdio-bridge". There is no other machine; the rest is as it is there.
SSH = """#!/bin/sh
echo "$*" >>ssh-calls
exec systemd-stdio-bridge "--bus-path=$REMOTE_BUS"
"""


def test_remote(bench):
	"""-H asks the bus of another machine, and says which one when fotad is not running there."""
	if not shutil.which("systemd-stdio-bridge"):
		raise rig.Skip("systemd-stdio-bridge is not installed")
	ctl, daemon, _ = stage(bench)
	bench.write("bin/ssh", SSH, 0o755)
	remote = {"PATH": bench.path("bin") + ":" + os.environ["PATH"], "REMOTE_BUS": ctl.bus.address,
		"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
	rig.check("pump-01" in ctl.text("-H", "root@gateway", "modems", **remote), "no modems of the other machine")
	with open(bench.path("ssh-calls"), encoding="utf-8") as file:
		rig.check("root@gateway" in file.read(), "ssh was not called for that host")
	out = ctl.text("-H", "gateway", "status", "pump-01", **remote)
	rig.check("journal is on the other machine" in out, "a journal of this machine")
	daemon.stop()
	code, _, err = ctl.run("--host=gateway", "jobs", **remote)
	rig.equal((code, err), (69, "fotactl: fotad is not running on gateway. Start it: systemctl -H gateway start fotad\n"),
		"without fotad there")


# ---- streams ----

def test_pipe(bench):
	"""Who stops reading ends fotactl quietly; who cannot be written to is a failure."""
	ctl, _, _ = stage(bench)
	for command in "help", "modems", "metrics":
		reader, writer = os.pipe()
		os.close(reader)
		done = subprocess.run([FOTACTL, command], env=ctlrig.environment(ctl.bus), stdout=writer, stderr=subprocess.PIPE, check=False)
		os.close(writer)
		rig.check(done.returncode in (0, -signal.SIGPIPE) and done.stderr == b"", f"{command} | true: {done}")
	with open("/dev/full", "wb") as full:
		done = subprocess.run([FOTACTL, "modems"], env=ctlrig.environment(ctl.bus), stdout=full, stderr=subprocess.PIPE, check=False)
	rig.equal((done.returncode, b"cannot write" in done.stderr), (1, True), "modems > /dev/full")
	for command in "status", "modems", "explain pump-02", "doctor":
		_, out, _ = ctl.run(*command.split(), TERM="xterm-256color")
		rig.check("\033" not in out, f"colours in a pipe: {command}")
	rig.check("not-before until" in ctl.text("modems", COLUMNS="40"), "a pipe is cut to the width of a terminal")
	plain = ctl.text("modems", LC_ALL="C")
	rig.check(plain.isascii() and "->" in plain, f"not ASCII in an ASCII locale: {plain}")


def test_monitor(bench):
	"""A line for each event, as the schema says; when fotad goes, that is told too."""
	ctl, daemon, _ = stage(bench)
	monitor = rig.Process([FOTACTL, "monitor"], bench.path("monitor.log"), env=ctlrig.environment(ctl.bus))
	bench.closing.callback(monitor.close)
	begin = ctl.bus.process.log.size()
	# It listens when it does; until then the same is done again.
	while not monitor.log.find('"kind":'):
		ctl.run("pause", "spring")
		ctl.run("resume", "spring")
		rig.check(monitor.is_alive(), monitor.log.text())
	ctl.run("start", "meter-01", "--force", "--wait")
	monitor.log.wait('"kind":"verified"')
	daemon.stop()
	monitor.log.wait('"running":false')
	monitor.kill(signal.SIGTERM)
	rig.equal(monitor.wait(), 0, "exit code of monitor")
	lines = [json.loads(line) for line in monitor.log.lines]
	check = validator("monitor")
	for line in lines:
		check.validate(line)
	kinds = [line["event"]["kind"] for line in lines if "event" in line]
	for kind in "attempt-started", "download-started", "download-complete", "module-left", "verified":
		rig.check(kind in kinds, f"no event {kind}: {kinds}")
	rig.check(begin >= 0, "")


def test_slow_reader(bench):
	"""Who does not read loses lines with a count, and neither fotad nor its bus wait."""
	ctl, daemon, client = stage(bench)
	reader, writer = os.pipe()
	monitor = subprocess.Popen([FOTACTL, "monitor"], env=ctlrig.environment(ctl.bus), stdout=writer)
	os.close(writer)
	try:
		client.listen()
		while not select.select([reader], [], [], 0)[0]:  # until it listens, too
			client.call("Pause", "s", "spring")
			client.call("Resume", "s", "spring")
		before = len(client.told("Event"))
		for _ in range(1500):  # of two events or more, together over what pipe and queue hold
			client.call("Pause", "s", "spring")
			client.call("Resume", "s", "spring")
		sent = len(client.told("Event")) - before
		daemon.stop()
		with os.fdopen(reader, encoding="utf-8") as stream:
			lines = []
			for line in stream:
				lines.append(json.loads(line))
				if "running" in lines[-1]:
					break
	finally:
		monitor.kill()
		monitor.wait()
	lost = [line["lost"] for line in lines if "lost" in line]
	rig.check(lost and sum(lost) > 0, f"nothing was lost of {sent}")
	rig.check(sum(lost) + len(lines) >= sent, f"{sent} were sent, {len(lines)} came, {lost} were lost")


if __name__ == "__main__":
	rig.main(test_golden, test_usage, test_json, test_operate, test_wait_timeout, test_reload, test_not_running, test_not_authorised,
		test_remote, test_pipe, test_monitor, test_slow_reader)
