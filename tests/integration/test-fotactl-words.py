#!/usr/bin/python3
"""The words of fotactl are the same in its help, its manual and its completions, and these complete real names."""
import os
import re
import subprocess

import ctlrig
import rig
from ctlrig import FOTACTL, stage


def read(*parts):
	with open(os.path.join(rig.SOURCE, *parts), encoding="utf-8") as file:
		return file.read()


def test_words(_bench):
	"""The verbs and options of --help, of the manual and of both completions are the same; so are gates and their questions."""
	shown = subprocess.run([FOTACTL, "--help"], capture_output=True, text=True, check=True).stdout
	verbs = re.findall(r"^  ([a-z-]+) ", shown.split("Options:")[0], re.M)
	options = set(re.findall(r"(?:^|[ ,])(--?[A-Za-z][a-z-]*)", shown.split("Options:")[1].split("Exit codes")[0]))
	rig.check(len(verbs) > 20 and len(options) > 14, f"read too little: {verbs} {options}")
	manual = read("man", "fotactl.1").replace("\\-", "-")
	items = [line for line in manual.splitlines() if line.startswith((".It Cm", ".It Fl"))]
	in_manual = {word for line in items if line.startswith(".It Cm") for word in re.findall(r"(?:Cm|,) ([a-z][a-z-]*)", line)}
	rig.equal(in_manual, set(verbs), "verbs in the manual")
	flags = {("--" if long else "-") + word for line in items for long, word in re.findall(r"(Fl )?Fl ([A-Za-z][a-z-]*)", line)}
	rig.equal(flags, options, "options in the manual")
	bash = read("ctl", "completion", "fotactl")
	rig.equal(set(re.search(r"verbs='([^']*)'", bash)[1].split()), set(verbs), "verbs in the completion for bash")
	found = re.search(r"options='([^']*)'", bash)[1].split()
	rig.equal({word.rstrip("=") for word in found}, options, "options in the completion for bash")
	zsh = read("ctl", "completion", "_fotactl")
	rig.equal(set(re.findall(r"^\t\t'([a-z-]+):", zsh, re.M)), set(verbs), "verbs in the completion for zsh")
	found = set(re.findall(r"(?:'|\{|,|\))(--?[A-Za-z][a-z-]*)", zsh.split("_arguments -C", 1)[1].split("'1: :", 1)[0]))
	rig.equal({word.rstrip("=-+") for word in found}, options, "options in the completion for zsh")
	sources = "".join(read("daemon", name) for name in os.listdir(os.path.join(rig.SOURCE, "daemon")) if name.startswith("control-"))
	gates = set(re.findall(r'(?:gate_add|add_limit)\(gates, "([a-z-]+)"', sources))
	known = set(re.findall(r'^\t\{ "([a-z-]+)", "', read("ctl", "explain.c"), re.M))
	rig.equal(known, gates, "gates with a question")


COMPLETE = """. /usr/share/bash-completion/bash_completion && . "$1" || exit 77
COMP_LINE=$2 COMP_POINT=${#2}
read -ra COMP_WORDS <<<"$2"
[[ $2 != *' ' ]] || COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_fotactl 2>/dev/null
printf '%s\n' "${COMPREPLY[@]}"
"""


def test_completion(bench):
	"""bash completes verbs, options, and the names that fotad has at this moment."""
	if not os.path.exists("/usr/share/bash-completion/bash_completion"):
		raise rig.Skip("bash-completion is not installed")
	ctl, _, _ = stage(bench)
	script = os.path.join(rig.SOURCE, "ctl", "completion", "fotactl")
	environment = {**ctlrig.environment(ctl.bus), "PATH": os.path.dirname(FOTACTL) + ":" + os.environ["PATH"]}
	for line, wanted in {"fotactl mod": ["modems"], "fotactl --js": ["--json="], "fotactl show pump-": ["pump-01", "pump-02"],
			"fotactl pause ": ["spring", "winter"], "fotactl explain no": ["nowhere"], "fotactl show wint": ["winter"],
			"fotactl show pump-01 ": [""], "fotactl cancel --force met": ["meter-01"]}.items():
		done = subprocess.run(["bash", "--norc", "-c", COMPLETE, "bash", script, line], env=environment, capture_output=True, text=True,
			cwd=bench.directory, check=False)
		rig.equal(done.stdout.split("\n")[:-1], wanted, f"completion of {line!r} ({done.stderr})")


if __name__ == "__main__":
	rig.main(test_words, test_completion)
