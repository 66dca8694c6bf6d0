#!/usr/bin/python3
"""Shadow fetch: before a wave the real fotad-fetch asks the real servers, and nothing is sent to a modem for a package that
differs."""
import os
import re
import signal
import socket
import subprocess
import threading

import rig
from fetchhelper import FOTAD_FETCH, Helper, checksum, run
from rig import VERSIONS

FAMILY = "NL652"
FROM, TO, NEXT = VERSIONS[FAMILY]
QUICK = "boot-time=100ms apply-time=100ms sim-time=0ms network-time=0ms pdp-time=10ms start-time=10ms verify-time=20ms"
PASSWORD = "kanarie-Zx91"


def path_of(bench, package):
	if "http" in package:
		return bench.path("www", package["http"]["url"].split("/")[-1])
	return bench.path("ftp", package["ftp"]["file"])


def sum_up(bench):
	"""Gives every package the checksum of its file."""
	for package in bench.config["packages"]:
		package["sha256"] = checksum(path_of(bench, package))


def fleet(bench, n=2, helper=True, transport="http", **settings):
	for i in range(n):
		bench.modem(f"m{i}", FAMILY)
	(bench.http if transport == "http" else bench.over_ftp)(FAMILY, FROM, TO, size=20_000)
	sum_up(bench)
	bench.campaign("winter", TO, **{"fetch": "require", **settings})
	bench.start_modems(default=QUICK)
	return Helper(bench) if helper else None


def judge_halt(bench, text, code=1):
	"""It halts for this, once, and no modem was touched: nothing but questions for who it is."""
	daemon = run(bench)
	rig.equal(daemon.wait(), code, "exit code")
	halts = daemon.log.find("campaign winter: halted: ")
	rig.equal(len(halts), 1, "times the halt is said")
	wanted = rf"halted: package {re.escape(FROM)} to {re.escape(TO)} \(.*\): {text}"
	rig.check(re.search(wanted, halts[0]), f"not {text!r}: {halts[0]}")
	strange = [line for line in bench.sent() if not re.match(r"AT(\+CGM[IMR]|\+CGSN|\+GMR|\+GSN|I)?$", line)]
	rig.equal(strange, [], "what was sent to modems")
	rig.check(daemon.log.find(r"left: waiting \(halted\)"), "who is left does not say why")
	return daemon


def test_same(bench):
	"""Over HTTP, in two waves of a two-hop way: each package is fetched once for each wave, and then the modems go."""
	fleet(bench, 3, waves=[{"size": "1"}, {"size": "100%"}])
	bench.http(FAMILY, TO, NEXT, size=30_000)
	sum_up(bench)
	bench.config["campaigns"][0]["target"] = NEXT
	daemon = run(bench)
	rig.equal(daemon.wait(), 0, "exit code")
	truth = bench.truth()
	rig.equal([m["version"] for m in truth.values()], [NEXT] * 3, "versions")
	said = daemon.log.find(r"campaign winter: package .*: what its server serves is compared, and the same: size and SHA-256")
	rig.equal(len(said), 4, "packages that are said to be the same")
	first = next(i for i, line in enumerate(daemon.log.lines) if "attempt 1:" in line)
	rig.equal(len([line for line in daemon.log.lines[:first] if "and the same" in line]), 2, "of them before the first modem goes")
	with open(bench.path("nginx", "access.log"), encoding="utf-8") as log:
		rig.equal(log.read().count('"fotad-fetch"'), 4, "times the helper has fetched")


def test_same_ftp(bench):
	bench.ftp(password=PASSWORD)
	fleet(bench, 2, transport="ftp")
	daemon = run(bench, "--log-level=debug")
	rig.equal(daemon.wait(), 0, "exit code")
	rig.equal([m["packages_applied"] for m in bench.truth().values()], [1, 1], "packages applied")
	rig.check(daemon.log.find("and the same: size and SHA-256"), "it is not said to be the same")
	rig.check(PASSWORD not in daemon.log.text(), "the password stands in the log")


def test_wrong_sum(bench):
	fleet(bench)
	bench.config["packages"][0]["sha256"] = "0" * 64
	judge_halt(bench, rf"its SHA-256 is [0-9a-f]{{64}}, and the package says {'0' * 64}; nothing more of it starts")
	sum_up(bench)
	rig.equal(run(bench).wait(), 1, "exit code while it is halted")
	rig.equal(bench.daemon("--resume=winter", once=False).wait(), 0, "exit code of --resume")
	rig.equal(run(bench).wait(), 0, "exit code after an operator's word")
	rig.equal([m["packages_applied"] for m in bench.truth().values()], [1, 1], "packages applied")


def test_wrong_size(bench):
	fleet(bench)
	bench.config["packages"][0]["size"] = 20_001
	judge_halt(bench, "it has 20000 bytes, and the package says 20001")


def test_not_found(bench):
	"""With a query in the URL, which may be a secret."""
	fleet(bench)
	bench.config["packages"][0]["http"]["url"] += f"-gone?key={PASSWORD}"
	daemon = judge_halt(bench, "the server answers 404")
	rig.check(PASSWORD not in daemon.log.text(), "the query stands in the log")
	rig.check(daemon.log.find(r"-gone\?\*\*\*\)"), "the address is not shown")


def test_moved(bench):
	"""A directory without its '/': nginx sends a redirection, which is not followed."""
	fleet(bench)
	os.mkdir(bench.path("www", "other"), 0o755)
	bench.config["packages"][0]["http"]["url"] = bench.config["packages"][0]["http"]["url"].rsplit("/", 1)[0] + "/other"
	judge_halt(bench, "the server answers 301, a redirection, which modules may not follow")


def test_wrong_login(bench):
	bench.ftp(password=PASSWORD)
	fleet(bench, transport="ftp")
	bench.credential("fota-ftp", PASSWORD + "x")
	daemon = judge_halt(bench, "Login denied")
	rig.check(PASSWORD not in daemon.log.text(), "a password stands in the log")
	bench.truth()


def test_no_such_file(bench):
	bench.ftp(password=PASSWORD)
	fleet(bench, transport="ftp")
	os.unlink(path_of(bench, bench.config["packages"][0]))
	judge_halt(bench, "Remote file not found|RETR response")


def test_silent(bench):
	"""A server that takes the connection and says nothing, over the package's own way and `stall`."""
	fleet(bench)
	with socket.create_server(("127.0.0.1", 0)) as server:
		bench.config["packages"][0]["http"]["url"] = f"http://127.0.0.1:{server.getsockname()[1]}/x.bin"
		judge_halt(bench, "the server is silent: Timeout was reached")


def test_too_large(bench):
	"""No more is fetched than such a module takes."""
	fleet(bench)
	os.truncate(path_of(bench, bench.config["packages"][0]), 40 * 1024 * 1024)
	judge_halt(bench, "it has more than 16777216 bytes, and no such module takes more")


def test_unreachable(bench):
	"""A server that this gateway cannot reach, but perhaps the modems can: `require` halts, `try` says so and goes on."""
	fleet(bench)
	with socket.create_server(("127.0.0.1", 0)) as server:
		port = server.getsockname()[1]
	url = bench.config["packages"][0]["http"]["url"]
	bench.config["packages"][0]["http"]["url"] = f"http://127.0.0.1:{port}/x.bin"
	judge_halt(bench, "Couldn't connect to server")
	rig.equal(bench.daemon("--resume=winter", once=False).wait(), 0, "exit code of --resume")
	bench.config["campaigns"][0]["fetch"] = "try"
	daemon = run(bench)
	daemon.wait()
	rig.check(daemon.log.find(r"Couldn't connect to server; it is sent for all the same"), "it is not said that nobody knows")
	rig.check(not daemon.log.find("halted"), "it halts")
	rig.check(bench.transcript.find(r"> AT\+GTOTA=0"), "nobody is sent for it")
	bench.config["packages"][0]["http"]["url"] = url


def test_no_helper(bench):
	"""The unit is not enabled: `require` says how to do that, `try` goes on."""
	fleet(bench, helper=False)
	judge_halt(bench, r"fotad-fetch cannot be reached \(.*fetch-socket: No such file or directory\); "
		r"systemctl enable --now fotad-fetch.socket lets it be started")
	rig.equal(bench.daemon("--resume=winter", once=False).wait(), 0, "exit code of --resume")
	bench.config["campaigns"][0]["fetch"] = "try"
	daemon = run(bench)
	rig.equal(daemon.wait(), 0, "exit code with \"try\"")
	rig.equal(len(daemon.log.find("cannot be reached .*; it is sent for all the same")), 1, "times it is said")
	bench.truth()


def test_dumb_helper(bench):
	"""Something else listens there: it hangs up, or talks nonsense."""
	fleet(bench, helper=False)
	server = socket.socket(socket.AF_UNIX)
	server.bind(bench.path("fetch-socket"))
	server.listen(1)

	def talk():
		connection, _ = server.accept()
		with connection:
			connection.recv(4096)
			connection.sendall(b"x" * 4096)

	thread = threading.Thread(target=talk, daemon=True)
	thread.start()
	judge_halt(bench, "fotad-fetch has ended without an answer")
	thread.join(5)
	server.close()


def test_removed(bench):
	"""A reload takes the campaign away: the answer is not waited for, and halts nothing when the campaign comes again."""
	fleet(bench, 1, helper=False)
	with socket.socket(socket.AF_UNIX) as server:
		server.bind(bench.path("fetch-socket"))
		server.listen(1)
		server.settimeout(rig.PATIENCE)
		daemon = run(bench, once=False)
		connection, _ = server.accept()
		with connection:
			connection.settimeout(rig.PATIENCE)
			connection.recv(4096)
			bench.config["campaigns"] = []
			bench.write_config()
			daemon.child.send_signal(signal.SIGHUP)
			rig.equal(connection.recv(1), b"", "what comes instead of a hang-up")
		rig.equal(daemon.stop(), 0, "exit code")
	rig.equal(daemon.log.find("halted"), [], "halts")
	bench.truth()


def test_no_secret(bench):
	"""The password is in the socket only: not in the helper's arguments or environment, and in no file."""
	bench.ftp(password=PASSWORD)
	fleet(bench, helper=False, transport="ftp")
	seen = []
	server = socket.socket(socket.AF_UNIX)
	server.bind(bench.path("fetch-socket"))
	server.listen(1)

	def look():
		connection, _ = server.accept()
		with connection:
			request = connection.recv(4096)
			child = subprocess.Popen([FOTAD_FETCH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={})
			child.stdin.write(request[:-1])  # not yet at its end: it waits
			child.stdin.flush()
			for name in "cmdline", "environ":
				with open(f"/proc/{child.pid}/{name}", "rb") as file:
					seen.append(file.read())
			answer = child.communicate(request[-1:], 20)[0]
			seen.append(answer)
			connection.sendall(answer)

	thread = threading.Thread(target=look, daemon=True)
	thread.start()
	daemon = run(bench, "--log-level=debug")
	rig.equal(daemon.wait(), 0, "exit code")
	thread.join(5)
	server.close()
	rig.equal(len(seen), 3, "looks at the helper")
	rig.check(seen[2].startswith(b"fotad-fetch 1\nsize 20000\nsha256 "), f"the answer: {seen[2]!r}")
	for text in [daemon.log.text().encode(), *seen]:
		rig.check(PASSWORD.encode() not in text, "the password shows")
	for directory, _, names in os.walk(bench.path("state")):
		for name in names:
			with open(os.path.join(directory, name), "rb") as file:
				rig.check(PASSWORD.encode() not in file.read(), f"the password stands in {name}")
	bench.truth()


def test_bad_requests(bench):
	"""The helper by itself: what is no request is answered as such, and quickly."""
	file = b"fotad-fetch 1\ntype http\nurl file:///etc/passwd\nlimit 5\nstall 1000\ntimeout 1000\n\n"
	for text in b"", b"\n\n", file, b"x" * 100_000:
		result = subprocess.run([FOTAD_FETCH], input=text, stdout=subprocess.PIPE, timeout=20, check=False)
		rig.equal(result.stdout, b"fotad-fetch 1\nproblem bad-request\ntext this is no request\n\n", f"answer to {text[:40]!r}")
	result = subprocess.run([FOTAD_FETCH, "http://127.0.0.1/"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
	rig.equal(result.returncode, 64, "exit code with an argument")


rig.main(test_same, test_same_ftp, test_wrong_sum, test_wrong_size, test_not_found, test_moved, test_wrong_login,
	test_no_such_file, test_silent, test_too_large, test_unreachable, test_no_helper, test_dumb_helper, test_removed, test_no_secret,
	test_bad_requests)
