#!/usr/bin/python3
"""Upgrades over FTP: with user and password (pyftpdlib), anonymous (vsftpd), and chains over both protocols."""
import os
import re
import shutil
import subprocess

import fetchhelper
import rig
import servers
from rig import VERSIONS


def test_every_family(bench):
	files = {}
	for family in "L610", "NL668", "NL652":
		m = bench.modem(f"modem-{family}", family)
		files[m.name] = bench.over_ftp(m.model, m.version, m.target)
	bench.modem("old", "NL668-old", model="NL668-EAU-00")
	bench.config["profiles"] = {"NL668": {"mipcall": "required"}}
	files["old"] = bench.over_ftp("NL668-EAU", *VERSIONS["NL668"][:2])
	bench.campaigns_by_target()
	daemon, truth = rig.run_once(bench)
	for m in bench.modems.values():
		rig.judge_success(bench, m, truth[m.name])
		rig.judge_word(bench, m, "succeeded")
		rig.equal(bench.received(m.name), [rig.SIZE], f"{m.name}: bytes received")
		rig.equal(bench.ftp_bytes(files[m.name]), [rig.SIZE], f"{m.name}: bytes sent by the FTP server")


def test_file_with_a_path(bench):
	"""The file name may carry a path (interface, "Configuration")."""
	for family in "L610", "NL668":
		first, second, _ = VERSIONS[family]
		bench.modem(f"modem-{family}", family)
		bench.over_ftp(family, first, second, file=f"{family}/2026/delta.bin")
	bench.config["packages"][1]["ftp"]["server"] = "ftp://" + bench.config["packages"][1]["ftp"]["server"]
	bench.campaigns_by_target()
	_, truth = rig.run_once(bench)
	for m in bench.modems.values():
		rig.judge_success(bench, m, truth[m.name])
		rig.equal(bench.ftp_bytes(f"{m.family}/2026/delta.bin"), [rig.SIZE], "bytes sent")


def test_chain_over_both(bench):
	for family in "L610", "NL668":
		first, second, third = VERSIONS[family]
		bench.modem(f"modem-{family}", family, target=third)
		bench.http(family, first, second)
		bench.over_ftp(family, second, third)
	bench.campaigns_by_target()
	_, truth = rig.run_once(bench)
	for m in bench.modems.values():
		first, second, third = VERSIONS[m.family]
		rig.judge_success(bench, m, truth[m.name], hops=2)
		rig.equal(bench.web_bytes(f"{m.family}-{first}-{second}.bin"), [rig.SIZE], "bytes sent by nginx")
		rig.equal(bench.ftp_bytes(f"{m.family}-{second}-{third}.bin"), [rig.SIZE], "bytes sent by the FTP server")


def test_wrong_password(bench):
	"""The server refuses, the module gives up: L610 says so, NL668 says nothing."""
	for family in "L610", "NL668":
		bench.modem(f"modem-{family}", family)
		bench.over_ftp(family, *VERSIONS[family][:2])
	bench.credential("fota-ftp", "not-that-one")
	bench.config["timeouts"]["stall"] = "6s"  # the server takes 3 s to say no
	bench.campaigns_by_target()
	daemon, truth = rig.run_once(bench, wanted=1)
	for m in bench.modems.values():
		rig.judge_conduct(m.name, truth[m.name])
		rig.equal(truth[m.name]["version"], m.version, f"{m.name}: version")
		rig.judge_word(bench, m, "failed", {"L610": "download-failed", "NL668": "stalled"}[m.family])
		rig.equal(bench.ftp_bytes(f"{m.family}-{m.version}-{m.target}.bin"), [], "bytes sent")


VSFTPD_CONF = """listen=YES
background=NO
listen_address=127.0.0.1
listen_port={port}
run_as_launching_user=YES
anonymous_enable=YES
local_enable=NO
no_anon_password=YES
anon_root={root}
ftp_username=nobody
nopriv_user=nobody
secure_chroot_dir={run}/empty
pasv_enable=YES
pasv_address=127.0.0.1
port_enable=NO
xferlog_enable=YES
vsftpd_log_file={run}/vsftpd.log
seccomp_sandbox=NO
one_process_model=YES
"""


class Vsftpd:
	"""As an ordinary user. It takes no socket that is open already, so the port is guessed, and guessed again."""

	def __init__(self, bench):
		program = shutil.which("vsftpd", path=servers.SEARCH)
		if program is None:
			raise rig.Skip("vsftpd is not installed")
		self.run = servers.private_directory(bench.directory, "vsftpd")
		servers.private_directory(self.run, "empty")
		self.root = bench.path("anonymous")
		os.mkdir(self.root, 0o755)
		for _ in range(5):
			with servers.listening_socket() as sock:
				self.port = sock.getsockname()[1]
			self.start(bench, program)
			if self.answers():
				return
			self.process.close()
		raise rig.Skip("vsftpd does not start")

	def start(self, bench, program):
		conf = os.path.join(self.run, "vsftpd.conf")
		with open(conf, "w", encoding="utf-8") as file:
			file.write(VSFTPD_CONF.format(port=self.port, root=self.root, run=self.run))
		if os.geteuid() == 0:
			os.chown(conf, servers.NOBODY, servers.NOBODY)
		self.process = rig.Process([program, conf], bench.path("vsftpd.out"), **servers.unprivileged())
		bench.closing.callback(self.process.close)

	def answers(self):
		"""It says nothing when it is ready: curl asks until it answers or the time is over."""
		return subprocess.run(["curl", "-sS", "--retry", "50", "--retry-connrefused", "--retry-delay", "0",
			"--retry-max-time", "5", f"ftp://127.0.0.1:{self.port}/"], stdin=subprocess.DEVNULL,
			stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0

	def bytes(self, file):
		with open(os.path.join(self.run, "vsftpd.log"), encoding="utf-8", errors="replace") as log:
			return [int(n) for n in re.findall(rf'OK DOWNLOAD: Client "[^"]*", "\S*/{re.escape(file)}", (\d+) bytes', log.read())]


def test_vsftpd(bench):
	"""By the modems, and by fotad-fetch before them."""
	server = Vsftpd(bench)
	for family in "L610", "NL668", "NL652":
		m = bench.modem(f"modem-{family}", family)
		bench.make_package(os.path.join(server.root, f"{family}.bin"), m.model, m.version, m.target, 90_000)
		bench.config["packages"].append({"model": m.model, "from": m.version, "to": m.target, "size": 90_000,
			"ftp": {"server": f"127.0.0.1:{server.port}", "file": f"{family}.bin", "username": "anonymous",
				"password": "fotad@example.net"}, "sha256": fetchhelper.checksum(os.path.join(server.root, f"{family}.bin"))})
	bench.campaigns_by_target(fetch="require")
	fetchhelper.Helper(bench)
	bench.start_modems()
	daemon = fetchhelper.run(bench)
	rig.equal(daemon.wait(), 0, "exit code of fotad")
	truth = bench.truth()
	for m in bench.modems.values():
		rig.judge_success(bench, m, truth[m.name])
		rig.judge_word(bench, m, "succeeded")
		rig.equal(server.bytes(f"{m.family}.bin"), [90_000] * 2, f"{m.name}: bytes sent by vsftpd")
	rig.check(daemon.log.find("warning.*password"), "no warning about the literal password")


rig.main(test_every_family, test_file_with_a_path, test_chain_over_both, test_wrong_password, test_vsftpd)
