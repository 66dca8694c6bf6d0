#!/usr/bin/python3
"""fotad over good and bad days, looked at by its own sanitizers where it is built with them, else by valgrind's memcheck.

$FOTAD_ASAN: another build of fotad, with the sanitizers, to be looked at, too.
"""
import os
import shutil
import signal

import rig
from rig import VERSIONS

ERROR = 99


def fleet(bench):
	bench.config["timeouts"].update({"command": "6s", "identify": "6s", "start": "8s", "stall": "5s", "settle": "1s"})
	bench.ftp()
	m = [bench.modem("good", "L610"), bench.modem("far", "NL668", "back-renumbered", target=VERSIONS["NL668"][2]),
		bench.modem("bad", "L610", "fail percent=40", "flood command=+CPIN"), bench.modem("lost", "NL652", "lose-port percent=50 time=500ms"),
		bench.modem("stranger", "NL668", model="NL668-XX-00"), bench.modem("chunky", "NL652", "chunks", "endless-line command=+CSQ")]
	bench.config["modems"].append({"name": "absent", "port": bench.path("nowhere")})
	bench.config["modems"].append({"name": "directory", "port": bench.directory})
	bench.over_ftp("L610", *VERSIONS["L610"][:2])
	bench.http("NL668", *VERSIONS["NL668"][:2])
	bench.over_ftp("NL668", *VERSIONS["NL668"][1:])
	bench.http("NL652", *VERSIONS["NL652"][:2])
	bench.campaigns_by_target(require={"rssi_dbm": -100})
	bench.campaign("others", VERSIONS["NL652"][1], ["absent", "directory"])
	return m


def judge(bench, daemon, code):
	rig.check(code == 1, f"exit code of fotad: {code}, and 1 is right:\n{daemon.log.text()[-3000:]}")
	truth = bench.truth()
	for name in "good", "far", "lost", "chunky":
		rig.judge_success(bench, bench.modems[name], truth[name], hops=2 if name == "far" else 1,
			except_for=["bytes_while_executing"])
		rig.judge_word(bench, bench.modems[name], "succeeded")
	rig.equal(bench.jobs()["bad"]["state"], "failed", "bad: fotad's verdict")  # why depends on what the first life heard


def life(bench, **options):
	fleet(bench)
	bench.start_modems()
	first = bench.daemon("--log-level=debug", once=False, **options)
	bench.transcript.wait(" good < GTOTA DOWNLOAD START")
	first.kill(signal.SIGHUP)
	first.log.wait("configuration read again")
	first.kill(signal.SIGTERM)
	rig.equal(first.wait(), 0, "exit code of the one that was stopped")
	daemon = bench.daemon(**options)
	judge(bench, daemon, daemon.wait(120))
	broken = bench.daemon(config=bench.write("broken.json", '{"version": 1, "modems": [{"name": 7}], "x": 1, "x": 2}'), **options)
	rig.equal(broken.wait(), 78, "exit code with a broken configuration")


def test_valgrind(bench):
	if not shutil.which("valgrind"):
		raise rig.Skip("valgrind is not installed")
	life(bench, prefix=["valgrind", "--quiet", f"--error-exitcode={ERROR}", "--leak-check=full",
		"--errors-for-leak-kinds=definite,indirect", "--num-callers=20", "--vex-iropt-level=1"])


def test_sanitizers(bench):
	life(bench, program=SANITIZED, environment={"ASAN_OPTIONS": f"exitcode={ERROR}:detect_leaks=1",
		"UBSAN_OPTIONS": f"halt_on_error=1:exitcode={ERROR}:print_stacktrace=1"})


with open(rig.FOTAD, "rb") as file:
	HAS_SANITIZERS = b"__asan_init" in file.read()
SANITIZED = rig.FOTAD if HAS_SANITIZERS else os.environ.get("FOTAD_ASAN")
rig.main(*([] if HAS_SANITIZERS else [test_valgrind]), *([test_sanitizers] if SANITIZED else []))
