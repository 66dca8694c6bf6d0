#!/usr/bin/python3
"""fotad as its package installs it, under a running systemd. tests/system/run calls this."""
import os
import re

import gateway
import rig
from gateway import DEBUG, EXAMPLES
from rig import VERSIONS

L28, L29, L30 = VERSIONS["L610"]
QUICK = "RestartSec=100ms"
VERIFIED = "e15a148111964355a73d9159540707c6"  # lib/io/log-messages.h


# ---- the package ----

def test_installed(g):
	"""Its service runs, as a user of its own, and the configuration that comes with it opens no port."""
	rig.equal(g.run("systemctl", "is-enabled", "fotad").strip(), "enabled", "fotad.service")
	rig.equal(g.run("systemctl", "is-system-running", check=False)[0].strip(), "running", "the gateway")
	rig.check("/nologin" in g.run("getent", "passwd", "fotad"), "the user fotad has a shell")
	g.run("systemctl", "start", "fotad")
	status = g.run("cat", f"/proc/{g.show('MainPID')}/status")
	user = g.run("id", "-u", "fotad").strip()
	rig.check(re.search(rf"^Uid:(\s+{user}){{4}}$", status, re.M), f"fotad is not user {user}: {status}")
	rig.equal(g.run("stat", "-c", "%U %G %a", "/var/lib/fotad", "/var/lib/fotad/fotad.db").splitlines(),
		["fotad fotad 750", "fotad fotad 600"], "the state")
	rig.equal(g.run("find", "/etc/fotad", "!", "-user", "root").strip(), "", "configuration that is not root's")
	rig.equal(g.show("WatchdogUSec", "FileDescriptorStoreMax", "Type"), ["30s", "1024", "notify"], "the service")
	g.run("rm", gateway.CONFIG)
	g.run("dpkg", "--force-confmiss", "-i", *g.container.packages)
	rig.check("fine: 0 modems" in g.run("fotad", "--check-config"), "it brings a configuration that is not empty")


def test_autopkgtest(g):
	"""What Debian would run to see whether the installed packages work together."""
	with open(os.path.join(rig.SOURCE, "debian", "tests", "upgrade"), encoding="utf-8") as script:
		g.container.write("/run/autopkgtest", script.read(), 0o755)
	g.put_config('{"version": 1}')
	rig.equal(g.run("/run/autopkgtest").count("succeeded: runs"), 4, "upgrades")


def test_package_upgrade(g):
	"""A newer package in mid-download: one restart, and the download goes on."""
	m = g.in_mid_download()
	before = g.show("MainPID", "NRestarts")
	g.run("dpkg", "--force-confold", "-i", *g.container.packages)
	after = g.show("MainPID", "NRestarts")
	rig.check(before[0] != after[0] and after[1] == "0", f"main process and restarts: {before}, then {after}")
	g.log.wait("taking up the upgrade")
	g.finish(m)


def test_purge(g):
	"""What it leaves: its user, and the journal."""
	g.one_modem()
	g.start_service()
	g.log.wait(" pump: succeeded")
	said = g.run("dpkg", "--purge", "fotad")
	rig.check("not empty" not in said and "warning" not in said, said)
	for path in "/etc/fotad", "/var/lib/fotad", "/usr/sbin/fotad", "/usr/share/fotad", "/run/credentials/fotad.service", \
			"/etc/systemd/system/multi-user.target.wants/fotad.service", "/var/lib/private/fotad":
		rig.check(not g.container.exists(path), f"{path} is left")
	g.run("systemctl", "daemon-reload")
	rig.equal(g.run("systemctl", "list-units", "--failed", "--no-legend").strip(), "", "failed units")
	g.run("dpkg", "-i", *g.container.packages)
	g.run("systemctl", "is-active", "fotad")


# ---- the service ----

def test_campaign(g):
	"""Four modems, HTTP and FTP, a chain of two and a second attempt; the password is a credential."""
	g.modem("pump-01", "L610", target=L30)
	g.modem("pump-02", "L610", "fail percent=60 times=1", target=L30)
	g.modem("meter", "NL668")
	g.modem("gate", "NL652")
	g.http("L610", L28, L29)
	g.over_ftp("L610", L29, L30)
	for family in "NL668", "NL652":
		first, second, _ = VERSIONS[family]
		g.over_ftp(family, first, second)
	g.campaigns_by_target(retry={"attempts": 2, "delay": "200ms", "max_delay": "200ms"})
	g.put_credential("fota-ftp", g.passwords["fota-ftp"])
	g.run("install", "-D", "-t", gateway.DROP_INS, f"{EXAMPLES}/credentials.conf")
	g.run("systemctl", "daemon-reload")
	g.start_modems()
	g.start_service()
	g.log.wait(rig.RESTORED, count=4)
	g.log.wait_until(lambda: "4 done" in g.show("StatusText"), "a status with 4 done")
	rig.check(f"Status: \"{g.show('StatusText')}\"" in g.run("systemctl", "status", "fotad"), "the status is not shown")
	g.stop_service()
	truth = g.truth()
	for name, m in g.modems.items():
		rig.judge_success(g, m, truth[name], hops=2 if m.target == L30 else 1)
		rig.judge_word(g, m, "succeeded")


def test_reload(g):
	"""A good configuration is taken, a bad one is refused and leaves the old one in force."""
	m = g.modem("pump", "L610")
	late = g.modem("late", "L610", configured=False)
	g.http("L610", L28, L29)
	g.start_modems()
	g.start_service()
	g.log.wait(rf" pump: .* runs {L28}")
	g.put_config('{"version": 1, "modmes": []}')
	said, code = g.run("systemctl", "reload", "fotad", check=False)
	if "fotactl" in g.run("systemctl", "cat", "fotad"):
		rig.check(code != 0 and "fotad" in said, f"the reload of a bad configuration ended with {code}: {said}")
	g.log.wait("modmes")
	g.log.wait("the old one stays in force")
	g.campaign("all", m.target)
	g.config["modems"].append({"name": "late", "port": g.path("ports", "late")})
	g.put_config()
	g.run("systemctl", "reload", "fotad")
	g.log.wait(rig.RESTORED, count=2)
	rig.equal(g.show("NRestarts", "ActiveState"), ["0", "active"], "the service")
	g.judge(m, late)


def test_bad_start(g):
	"""A configuration with mistakes: every one is named, and starting again is not tried."""
	g.put_config('{"version": 1, "modmes": [], "limits": {"max_parallel": 0}}')
	g.follow()
	_, code = g.run("systemctl", "start", "fotad", check=False)
	rig.check(code != 0, "it starts with a bad configuration")
	rig.equal(g.show("SubState", "ExecMainStatus", "NRestarts"), ["failed", "78", "0"], "the service")
	for word in "modmes", "max_parallel":
		g.log.wait(word)
	g.config["modems"] = []
	g.put_config()
	g.run("systemctl", "start", "fotad")


# ---- what befalls it ----

def reports(text):
	return re.findall(r"GTOTA DOWNLOAD[A-Z]*:? ?[A-Z0-9]+%?", text)


def test_restart(g):
	"""In mid-download: the port stays open in the descriptor store, and no report is lost (conduct 16)."""
	g.drop_in("debug", DEBUG)
	m = g.in_mid_download()
	rig.equal(g.show("NFileDescriptorStore"), "1", "descriptors in the store")
	before = g.transcript.size()
	g.run("systemctl", "restart", "fotad")
	g.log.wait("taking up the upgrade")
	rig.equal(g.transcript.find(" ! closed", start=before), [], "the port was closed")
	g.log.wait(" pump: succeeded")
	read = "".join(line.split(" pump: < ", 1)[1] for line in g.log.find(" pump: < "))
	sent = [line.split(" < ", 1)[1] for line in g.transcript.find(r"pump < GTOTA DOWNLOAD")]
	rig.equal(reports(read), sent, "reports that were read")
	rig.equal(g.show("NFileDescriptorStore"), "0", "descriptors left in the store")
	g.finish(m)


def test_restart_again_and_again(g):
	m = g.in_mid_download("NL668")
	for _ in range(5):
		g.run("systemctl", "restart", "fotad")
	g.finish(m)


def test_stop_and_start(g):
	"""The port was closed between: what was said meanwhile is lost, the upgrade is not."""
	m = g.in_mid_download()
	g.run("systemctl", "stop", "fotad")
	g.transcript.wait("pump ! download-end")
	g.run("systemctl", "start", "fotad")
	g.finish(m)


def test_killed(g):
	g.drop_in("quick", QUICK)
	m = g.in_mid_download()
	g.run("systemctl", "kill", "-s", "KILL", "fotad")
	g.log.wait("taking up the upgrade")
	rig.equal(g.show("NRestarts"), "1", "restarts")
	g.finish(m)


def test_hung(g):
	"""A fotad that does nothing any more is ended by the watchdog."""
	g.drop_in("quick", f"{QUICK}\nWatchdogSec=1s")
	m = g.in_mid_download()
	g.run("systemctl", "kill", "-s", "STOP", "fotad")
	g.log.wait("Watchdog timeout")
	g.log.wait("Failed with result 'watchdog'")
	g.log.wait("taking up the upgrade")
	g.finish(m)


def test_sick_for_long(g):
	"""However often it is killed: it is started again (conduct 27)."""
	g.drop_in("quick", "RestartSec=1ms")
	g.start_service()
	for count in range(1, 13):
		g.run("systemctl", "kill", "-s", "KILL", "fotad")
		g.log.wait("Started fotad.service|Started Firmware upgrades", count=count + 1)
	rig.equal(g.show("ActiveState", "NRestarts"), ["active", "12"], "the service")


# ---- what it tells, and what not ----

def test_journal(g):
	"""An operator finds all of a modem by its name, the milestones by their kind, and to each an explanation."""
	m = g.in_mid_download()
	g.log.wait(rig.RESTORED)
	entries = g.journal(FOTA_MODEM="pump")
	rig.check(len(entries) > 8, f"only {len(entries)} entries of pump")
	by_journalctl = g.run("journalctl", "-q", "-o", "cat", "-u", "fotad", "FOTA_MODEM=pump", f"FOTA_IMEI={m.imei}")
	rig.check("pump: succeeded" in by_journalctl, by_journalctl)
	for entry in entries:
		for field in "MESSAGE_ID", "FOTA_PORT", "PRIORITY":
			rig.check(field in entry, f"{field} is missing: {entry}")
		rig.equal(entry["SYSLOG_IDENTIFIER"], "fotad", "the sender")
	attempt = {entry.get("FOTA_ATTEMPT"): (entry["FOTA_FROM"], entry["FOTA_TO"], entry["FOTA_IMEI"]) for entry in entries
		if "FOTA_ATTEMPT" in entry}
	rig.equal(attempt, {"1": (m.version, m.target, m.imei)}, "attempts")
	percent = [int(entry["FOTA_PERCENT"]) for entry in entries if "FOTA_PERCENT" in entry and "downloaded" in entry["MESSAGE"]]
	rig.check(percent and percent == sorted(percent), f"progress: {percent}")
	done = g.journal(MESSAGE_ID=VERIFIED)
	rig.equal([entry["FOTA_MODEM"] for entry in done], ["pump"], "verified")
	if g.container.exists("/usr/lib/systemd/catalog/fotad.catalog"):
		catalog = g.run("journalctl", "--dump-catalog")
		for entry in entries:
			rig.check(f"-- {entry['MESSAGE_ID']}" in catalog, f"no entry in the catalog for {entry['MESSAGE_ID']}")
		explained = g.run("journalctl", "-q", "-x", "-u", "fotad", f"MESSAGE_ID={VERIFIED}")
		rig.check("Defined-By: fotad" in explained and "@" not in explained, explained)
	g.judge(m)


gateway.main(test_installed, test_campaign, test_reload, test_bad_start, test_restart, test_restart_again_and_again,
	test_stop_and_start, test_killed, test_hung, test_sick_for_long, test_journal, test_autopkgtest, test_package_upgrade, test_purge)
