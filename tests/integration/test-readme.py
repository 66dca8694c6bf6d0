#!/usr/bin/python3
"""README.md is true: its commands are run, as they stand there, and what it shows is what they print.

Blocks are indented; a line that begins with "$ " is a command, what follows is its output ("...": lines are left out). Times,
percentages and numbers of jobs differ from run to run and are not compared, nor is the order of lines.
"""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading

import rig
from rig import BUILD, SOURCE
from process import Process

END = "-- end of a command"

# What a reader waits for before he goes on, in the order of the commands that begin so.
UNTIL = [
	("fota-sim ", "sim.log", r"^READY:"),
	("fotad ", "fotad.log", r" info pump-01: 1\d % downloaded"),
	("fotad ", "fotad.log", r" info pump-01: the module's settings are as they were before"),
]

# Commands that are run by somebody else: what they are, and where.
ELSEWHERE = {
	"./bootstrap": ".ci/run",
	"./bootstrap check": ".ci/run",
	"./bootstrap demo": "tests/demo/fota-demo",  # and below
}


def readme():
	with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
		return file.read()


def section(title):
	return readme().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def commands(text):
	"""[(command, lines of its output)] of the indented blocks."""
	found = []
	for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.M):
		for line in block.splitlines():
			line = line.removeprefix("    ")
			if line.startswith("$ "):
				found.append((line.removeprefix("$ "), []))
			elif found and line:
				found[-1][1].append(line)
	return found


def even(line):
	"""Without what differs from run to run, and without the widths of columns that follow from it."""
	line = re.sub(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+", "TIME", line)
	line = re.sub(r"\b\d\d:\d\d:\d\d\b", "TIME", line)
	line = re.sub(r"\b(?:\d+(?:d|h|min|s|ms) ?)+(?: ago)?\b", "SPAN", line)
	line = re.sub(r"\b\d+ s\b", "SPAN", line)
	line = re.sub(r"\b\d+ %", "N %", line)
	line = re.sub(r"^( *)\d+ (?= *\S+ +bench-)", r"\1N ", line)  # a job
	line = re.sub(r"\b(has another job,|^) *\d+\b", r"\1 N", line)
	line = re.sub(r"\bjob \d+ has failed", "job N has failed", line)
	line = re.sub(r"\b\d/3\b", "N/3", line)
	line = re.sub(r"/\S*/five/", "five/", line)
	return " ".join(line.split())


def compare(command, shown, printed):
	printed = [even(line) for line in printed if line.strip()]
	for line in shown:
		if line != "...":
			begin = even(line).removesuffix("...")
			rig.check(begin in printed or even(line) != begin and any(p.startswith(begin) for p in printed), f"{command}: README.md shows\n  {even(line)}\nand there is\n  " + "\n  ".join(printed))
	if "..." not in shown and shown:
		rig.equal(sorted(printed), sorted(even(line) for line in shown), f"{command}: all that is printed")


class Shell:
	"""A bash that has a session bus, as a reader's has."""

	def __init__(self, bench):
		os.symlink(BUILD, bench.path("build"))
		environment = {key: value for key, value in os.environ.items() if not key.startswith(("DBUS_", "FOTA", "JOURNAL_", "NOTIFY_"))}
		environment.update(LC_ALL="C.UTF-8", TZ="UTC", HOME=bench.directory, NO_COLOR="1", TERM="dumb")
		# What dbus-daemon itself says comes in pieces, which would lie between those of the commands.
		self.bash = subprocess.Popen(["dbus-run-session", "--", "sh", "-c", "exec bash --norc --noprofile 2>&1"], cwd=bench.directory,
			env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
		self.patience = threading.Timer(150, self.end)
		self.patience.start()
		bench.closing.callback(self.close)

	def end(self):
		"""With all that it has started."""
		with contextlib.suppress(ProcessLookupError):
			os.killpg(self.bash.pid, signal.SIGKILL)

	def close(self):
		self.patience.cancel()
		self.end()
		self.bash.stdin.close()
		self.bash.wait()

	def run(self, command):
		"""What it prints."""
		self.bash.stdin.write(f"{command}\necho '{END}'\n".encode())
		self.bash.stdin.flush()
		lines = []
		for line in iter(self.bash.stdout.readline, b""):
			if line.decode().rstrip("\n") == END:
				return [line for line in lines if not re.match(r"bash: line \d+: +\d+ Killed", line)]
			lines.append(line.decode().rstrip("\n"))
		raise rig.Failure(f"{command}: the shell is gone")


def wait_for(path, pattern):
	"""A line in a file that grows."""
	tail = Process(["tail", "-n", "+1", "-F", path], "/dev/null")
	try:
		tail.log.wait(pattern, timeout=90)
	finally:
		tail.close()


def test_first_five_minutes(bench):
	"""Everything, typed as it stands."""
	if not shutil.which("dbus-run-session"):
		raise rig.Skip("dbus-run-session is not installed")
	shell = Shell(bench)
	until = list(UNTIL)
	typed = commands(section("The first five minutes"))
	rig.check(len(typed) > 10, f"commands in the section: {typed}")
	for command, shown in typed:
		printed = shell.run(command)
		if "--print" in sys.argv:
			print("    $ " + command, *["    " + line for line in printed], sep="\n")
		else:
			compare(command, shown, printed)
		if until and command.startswith(until[0][0]):
			_, file, pattern = until.pop(0)
			wait_for(bench.path("five", file), pattern)
	rig.equal(until, [], "what was never waited for")


def test_demo(bench):
	"""./bootstrap demo, without the building."""
	for module in "pyftpdlib", "nginx":
		there = shutil.which(module, path=os.environ["PATH"] + ":/usr/sbin") or subprocess.run(
			["/usr/bin/python3", "-c", f"import {module}"], stderr=subprocess.DEVNULL, check=False).returncode == 0
		if not there:
			raise rig.Skip(f"{module} is not installed")
	(command, shown), = [pair for pair in commands(section("See it work")) if pair[1]]
	done = subprocess.run([os.path.join(SOURCE, "tests/demo/fota-demo"), f"--builddir={BUILD}"], cwd=bench.directory, text=True,
		stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120)
	rig.equal(done.returncode, 0, "exit code of the demo")
	compare(command, shown, done.stdout.splitlines())


def test_others(bench):
	"""Commands of the other sections are run by somebody else; configurations are right."""
	for command, _ in commands(readme()):
		if command not in [typed for typed, _ in commands(section("The first five minutes"))]:
			rig.check(command in ELSEWHERE and os.path.exists(os.path.join(SOURCE, ELSEWHERE[command])), f"nobody runs {command}")
	for number, text in enumerate(re.findall(r"^```json\n(.*?)^```$", readme(), re.M | re.S)):
		path = bench.write(f"{number}.json", text)
		done = subprocess.run([rig.FOTAD, f"--config={path}", "--check-config"], capture_output=True, text=True, check=False)
		rig.equal((done.returncode, done.stderr), (0, ""), f"configuration {number + 1}")


rig.main(test_first_five_minutes, test_demo, test_others)
