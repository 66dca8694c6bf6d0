#!/usr/bin/python3
"""fotad as its package installs it, under a running systemd. tests/system/run calls this."""
import hashlib
import os
import re
import sys

import gateway
import rig
from container import Container, Impossible, require
from rig import VERSIONS

L28, L29, L30 = VERSIONS["L610"]
EXAMPLES = "/usr/share/doc/fotad/examples/fotad.service.d"
QUICK = "RestartSec=100ms"
VERIFIED = "e15a148111964355a73d9159540707c6"  # lib/io/log-messages.h
DEBUG = "ExecStart=\nExecStart=/usr/sbin/fotad --log-level=debug"


def one_modem(g, family="L610", *faults, size=rig.SIZE, rate=0):
	m = g.modem("pump", family, *faults)
	g.web(rate=rate)
	g.http(m.model, m.version, m.target, size=size)
	g.campaigns_by_target()
	g.start_modems()
	return m


def in_mid_download(g, family="L610"):
	m = one_modem(g, family, size=240_000, rate=60_000)
	g.start_service()
	g.log.wait(" pump: [1-9][0-9]* % downloaded")
	return m


def finish(g, m):
	"""The upgrade that was interrupted ends well, and was started once."""
	g.log.wait(" pump: succeeded")
	g.log.wait(rig.RESTORED)
	truth = g.judge(m)[m.name]
	rig.equal(truth["gtota_received"], 1, "+GTOTA")


# ---- the package ----

def test_installed(g):
	"""Its service runs, as a user of its own, and the configuration that comes with it is fine."""
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
	g.run("fotad", "--check-config")


def test_untouched(g):
	"""As installed no modem is touched, not even the one that stands in the example."""
	m = g.modem("pump", "L610")
	g.start_modems()
	g.run("ln", "-s", f"{g.ports}/pump", "/dev/ttyUSB2")
	g.closing.callback(g.run, "rm", "/dev/ttyUSB2")
	g.run("rm", gateway.CONFIG)
	g.run("dpkg", "--force-confmiss", "-i", *PACKAGES)
	g.run("systemctl", "restart", "fotad")
	g.run("systemctl", "stop", "fotad")
	rig.equal(g.truth()[m.name]["commands"], 0, "commands")


def test_autopkgtest(g):
	"""What Debian would run to see whether the installed packages work together."""
	with open(os.path.join(rig.SOURCE, "debian", "tests", "upgrade"), encoding="utf-8") as script:
		g.container.write("/run/autopkgtest", script.read(), 0o755)
	g.put_config('{"version": 1}')
	rig.equal(g.run("/run/autopkgtest").count("succeeded: runs"), 4, "upgrades")


def test_package_upgrade(g):
	"""A newer package in mid-download: one restart, and the download goes on."""
	m = in_mid_download(g)
	before = g.show("MainPID", "NRestarts")
	g.run("dpkg", "--force-confold", "-i", *PACKAGES)
	after = g.show("MainPID", "NRestarts")
	rig.check(before[0] != after[0] and after[1] == "0", f"main process and restarts: {before}, then {after}")
	g.log.wait("taking up the upgrade")
	finish(g, m)


def test_purge(g):
	"""What it leaves: its user, and the journal."""
	one_modem(g)
	g.start_service()
	g.log.wait(" pump: succeeded")
	said = g.run("dpkg", "--purge", "fotad")
	rig.check("not empty" not in said and "warning" not in said, said)
	for path in "/etc/fotad", "/var/lib/fotad", "/usr/sbin/fotad", "/usr/share/fotad", "/run/credentials/fotad.service", \
			"/etc/systemd/system/multi-user.target.wants/fotad.service", "/var/lib/private/fotad":
		rig.check(not g.container.exists(path), f"{path} is left")
	g.run("systemctl", "daemon-reload")
	rig.equal(g.run("systemctl", "list-units", "--failed", "--no-legend").strip(), "", "failed units")
	g.run("dpkg", "-i", *PACKAGES)
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
	_, code = g.run("systemctl", "start", "fotad", check=False)
	rig.check(code != 0, "it starts with a bad configuration")
	rig.equal(g.show("SubState", "ExecMainStatus", "NRestarts"), ["failed", "78", "0"], "the service")
	said = "\n".join(entry["MESSAGE"] for entry in g.journal())
	for word in "modmes", "max_parallel":
		rig.check(word in said, f"{word} is not named: {said}")
	g.config["modems"] = []
	g.put_config()
	g.run("systemctl", "start", "fotad")


# ---- what befalls it ----

def reports(text):
	return re.findall(r"GTOTA DOWNLOAD[A-Z]*:? ?[A-Z0-9]+%?", text)


def test_restart(g):
	"""In mid-download: the port stays open in the descriptor store, and no report is lost (conduct 16)."""
	g.drop_in("debug", DEBUG)
	m = in_mid_download(g)
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
	finish(g, m)


def test_restart_again_and_again(g):
	m = in_mid_download(g, "NL668")
	for _ in range(5):
		g.run("systemctl", "restart", "fotad")
	finish(g, m)


def test_stop_and_start(g):
	"""The port was closed between: what was said meanwhile is lost, the upgrade is not."""
	m = in_mid_download(g)
	g.run("systemctl", "stop", "fotad")
	g.transcript.wait("pump ! download-end")
	g.run("systemctl", "start", "fotad")
	finish(g, m)


def test_killed(g):
	g.drop_in("quick", QUICK)
	m = in_mid_download(g)
	g.run("systemctl", "kill", "-s", "KILL", "fotad")
	g.log.wait("taking up the upgrade")
	rig.equal(g.show("NRestarts"), "1", "restarts")
	finish(g, m)


def test_hung(g):
	"""A fotad that does nothing any more is ended by the watchdog."""
	g.drop_in("quick", f"{QUICK}\nWatchdogSec=1s")
	m = in_mid_download(g)
	g.run("systemctl", "kill", "-s", "STOP", "fotad")
	g.log.wait("Watchdog timeout")
	g.log.wait("Failed with result 'watchdog'")
	g.log.wait("taking up the upgrade")
	finish(g, m)


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
	m = in_mid_download(g)
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


def test_no_credential(g):
	"""A password that is missing fails the jobs that need it, and nothing else (conduct 21)."""
	g.modem("pump", "L610")
	g.modem("meter", "NL668")
	first, second, _ = VERSIONS["NL668"]
	g.over_ftp("L610", L28, L29)
	g.http("NL668", first, second)
	g.campaigns_by_target()
	g.run("install", "-D", "-t", gateway.DROP_INS, f"{EXAMPLES}/credentials.conf")
	g.run("systemctl", "daemon-reload")
	g.start_modems()
	g.start_service()
	g.log.wait(r" pump: failed \(credential\)")
	g.log.wait(" meter: succeeded")
	g.log.wait(rig.RESTORED)
	rig.equal(g.show("ActiveState", "NRestarts"), ["active", "0"], "the service")
	g.judge(g.modems["meter"])


def test_password(g):
	"""It is seen by fotad alone: not by other users, not in what systemd tells of the unit, not in the journal."""
	g.modem("pump", "L610")
	g.over_ftp("L610", L28, L29)
	g.campaigns_by_target()
	password = g.passwords["fota-ftp"]
	g.put_credential("fota-ftp", password)
	g.drop_in("credential", f"LoadCredential=fota-ftp\n{DEBUG}")
	g.start_modems()
	g.start_service()
	g.log.wait(rig.RESTORED)
	pid = g.show("MainPID")
	places = {
		"systemctl show": g.run("systemctl", "show", "fotad"),
		"environment and arguments": g.run("cat", f"/proc/{pid}/environ", f"/proc/{pid}/cmdline"),
		"journal": g.run("journalctl", "-o", "export"),
		"state": g.run("sh", "-c", "cat /var/lib/fotad/*"),
	}
	for place, text in places.items():
		rig.check(password not in text, f"the password is in: {place}")
	said, code = g.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "cat",
		"/run/credentials/fotad.service/fota-ftp", check=False)
	rig.check(code != 0 and "Permission denied" in said, f"nobody reads the password: {said}")
	g.judge()


# ---- who may do what ----

def as_user(g, user, *command):
	return g.run("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--reset-env", *command, check=False)


def test_bus(g):
	"""Everybody may look. Nobody but root, and whom a rule of polkit names, may change anything or take the name."""
	m = g.modem("pump", "L610")
	g.http("L610", L28, L29)
	g.campaigns_by_target(not_before="2099-01-01T00:00:00Z")
	g.start_modems()
	g.start_service()
	g.log.wait(r" pump: .* runs")
	for user in "visitor", "fitter":
		g.run("useradd", "--no-create-home", "--shell", "/bin/sh", user)
		g.closing.callback(g.run, "userdel", user)
	for command in ("status", "modems", "jobs", "explain pump"):
		said, code = as_user(g, "visitor", "fotactl", *command.split())
		rig.equal(code, 0, f"exit code of fotactl {command}: {said}")
	for command in ("pause", "resume", "start pump", "start --force pump", "cancel pump", "retry pump", "acknowledge", "reload"):
		said, code = as_user(g, "visitor", "fotactl", *command.split())
		rig.equal(code, 77, f"exit code of fotactl {command}: {said}")
	# Nor is there another way into the same methods, or to be fotad.
	said, code = as_user(g, "visitor", "busctl", "call", "org.fotad1", "/org/fotad1", "org.fotad1.Manager", "Pause", "s", "")
	rig.check(code != 0 and "denied" in said, f"Pause(): {code}, {said}")
	said, code = as_user(g, "visitor", "busctl", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName", "su",
		"org.fotad1", "2")
	rig.check(code != 0 and "denied" in said, f"RequestName(): {code}, {said}")
	rig.equal(g.run("fotactl", "pause", check=False)[1], 0, "exit code of fotactl pause by root")
	g.run("fotactl", "resume")
	# The rule that comes with the package, for a group.
	g.run("groupadd", "fotad-operators")
	g.closing.callback(g.run, "groupdel", "fotad-operators")
	g.run("usermod", "-a", "-G", "fotad-operators", "fitter")
	g.run("install", "-m", "644", "/usr/share/doc/fotad/examples/polkit-1/org.fotad1.rules", "/etc/polkit-1/rules.d/50-fotad.rules")
	g.closing.callback(g.run, "rm", "/etc/polkit-1/rules.d/50-fotad.rules")
	g.run("systemctl", "restart", "polkit")
	rig.equal(as_user(g, "visitor", "fotactl", "pause")[1], 77, "exit code of fotactl pause by another user")
	rig.equal(as_user(g, "fitter", "fotactl", "reload")[1], 77, "exit code of fotactl reload by an operator")
	said, code = as_user(g, "fitter", "fotactl", "cancel", "pump")
	rig.equal(code, 0, f"exit code of fotactl cancel by an operator: {said}")
	g.stop_service()
	rig.equal(g.truth()[m.name]["gtota_received"], 0, "+GTOTA")


def test_activation(g):
	"""A call starts fotad where it is enabled, and not where somebody has switched it off."""
	g.put_config('{"version": 1}')
	g.run("systemctl", "stop", "fotad")
	ask = ("busctl", "get-property", "org.fotad1", "/org/fotad1", "org.fotad1.Manager", "Version")
	g.run(*ask)
	g.run("systemctl", "is-active", "fotad")
	g.run("systemctl", "disable", "--now", "fotad")
	g.closing.callback(g.run, "systemctl", "enable", "fotad")
	said, code = g.run(*ask, check=False)
	rig.check(code != 0 and g.show("ActiveState") == "inactive", f"it was started although it is disabled: {said}")


def test_inhibitor(g):
	"""While a module is past the point of no return logind knows that the gateway must not go down (conduct 25)."""
	m = in_mid_download(g)
	ask = ("busctl", "call", "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "ListInhibitors")
	rig.check("fotad" in g.run(*ask), f"no inhibitor: {g.run(*ask)}")
	g.log.wait(" pump: succeeded")
	g.log.wait(rig.RESTORED)
	rig.check("fotad" not in g.run(*ask), f"still an inhibitor: {g.run(*ask)}")
	finish(g, m)


# ---- its sandbox ----

PROBE = r"""
use POSIX (); use Socket; use Errno;
my $unshare = { x86_64 => 272, aarch64 => 97 }->{ (POSIX::uname())[4] };
sub try($$) { my ($name, $done) = @_; my @errors = grep { $!{$_} } sort keys %!; print "$name=", $done ? "yes" : $errors[0], "\n"; }
sub create($) { my $done = open(my $f, '>', "$_[0]/fotad-probe"); unlink("$_[0]/fotad-probe") if $done; $done }
try inet => socket(my $a, AF_INET, SOCK_STREAM, 0);
try netlink => socket(my $b, 16, SOCK_RAW, 15);
try unix => socket(my $c, AF_UNIX, SOCK_STREAM, 0);
try unshare => syscall($unshare, 0x10000000) == 0;
try uart => sysopen(my $d, '/dev/ttyS9', POSIX::O_RDWR() | POSIX::O_NOCTTY() | POSIX::O_NONBLOCK());
try usr => create('/usr/lib');
try etc => create('/etc/fotad');
try state => create('/var/lib/fotad');
try lock => create('/run/lock');
try home => opendir(my $e, '/root');
try init => -e '/proc/1/status';
try setuid => open(my $f, '>', '/tmp/fotad-probe') && chmod(04755, '/tmp/fotad-probe');
"""
WANTED = {"inet": "EAFNOSUPPORT", "netlink": "yes", "unix": "yes", "unshare": "EPERM", "uart": "EPERM", "usr": "EROFS", "etc": "EROFS",
	"state": "yes", "lock": "yes", "home": "EACCES", "init": "ENOENT", "setuid": "EPERM"}


def probe(g, *arguments):
	said = g.run(*arguments)
	return dict(line.split("=") for line in re.findall(r"^\w+=\w+$", said, re.M))


def test_sandbox(g):
	"""What the unit promises holds where it runs; and the probe would see it if it did not."""
	g.container.write("/usr/local/lib/fotad-probe", PROBE)
	node = g.container.inside("/dev/ttyS9")
	os.mknod(node, 0o020660, os.makedev(4, 73))
	g.closing.callback(os.unlink, node)
	os.chmod(node, 0o660)
	os.chown(node, 0, int(g.run("getent", "group", "dialout").split(":")[2]))
	without = probe(g, "perl", "/usr/local/lib/fotad-probe")
	rig.equal([name for name, wanted in WANTED.items() if wanted != "yes" and without.get(name) == wanted], [],
		"what the probe cannot do without the sandbox either")
	g.drop_in("probe", "Type=oneshot\nRestart=no\nWatchdogSec=0\nStandardOutput=file:/run/probe\nExecStart=\n"
		"ExecStart=/usr/bin/perl /usr/local/lib/fotad-probe")
	in_unit = ("sh", "-c", "rm -f /run/probe; systemctl restart fotad; cat /run/probe")
	rig.equal(probe(g, *in_unit), WANTED, "what fotad can do")
	# The drop-in for UARTs opens one, and nothing else.
	g.run("sh", "-c", f"sed 's,/dev/ttyS1,/dev/ttyS9,' {EXAMPLES}/uart.conf >{gateway.DROP_INS}/uart.conf")
	g.run("systemctl", "daemon-reload")
	rig.equal(probe(g, *in_unit), {**WANTED, "uart": without["uart"]}, "what fotad can do with a UART allowed")


def test_fetch(g):
	"""What fetches packages to compare them is off as installed. Enabled, it does so over HTTP and FTP from within its sandbox."""
	rig.equal(g.run("systemctl", "is-enabled", "fotad-fetch.socket", check=False)[0].strip(), "disabled", "fotad-fetch.socket")
	g.modem("pump", "L610")
	g.modem("meter", "NL668")
	g.http("L610", L28, L29)
	g.over_ftp("NL668", *VERSIONS["NL668"][:2])
	for package, directory in zip(g.config["packages"], ("www", "ftp")):
		name = package["http"]["url"].split("/")[-1] if directory == "www" else package["ftp"]["file"]
		with open(g.path(directory, name), "rb") as file:
			package["sha256"] = hashlib.sha256(file.read()).hexdigest()
	g.campaigns_by_target(fetch="require")
	g.put_credential("fota-ftp", g.passwords["fota-ftp"])
	g.run("install", "-D", "-t", gateway.DROP_INS, f"{EXAMPLES}/credentials.conf")
	g.run("systemctl", "daemon-reload")
	g.start_modems()
	g.start_service()
	g.log.wait(r"halted: .*fotad-fetch cannot be reached .*; systemctl enable --now fotad-fetch.socket lets it be started", count=2)
	g.stop_service()
	g.run("rm", "-r", "/var/lib/fotad")
	g.run("systemctl", "enable", "--now", "fotad-fetch.socket")
	g.closing.callback(g.run, "systemctl", "disable", "--now", "fotad-fetch.socket")
	rig.equal(g.run("stat", "-c", "%U %G %a", "/run/fotad-fetch").strip(), "root fotad 660", "the socket")
	g.start_service()
	for name in "pump", "meter":
		g.log.wait(f" {name}: succeeded")
	g.log.wait(rig.RESTORED, count=2)
	rig.equal(len(g.log.find("what its server serves is compared, and the same: size and SHA-256")), 2, "packages compared")
	g.judge()
	rig.equal(g.run("systemctl", "list-units", "--failed", "--no-legend").strip(), "", "failed units")
	rig.check(g.passwords["fota-ftp"] not in g.run("journalctl", "-o", "json"), "the password stands in the journal")


def test_exposure(g):
	g.put_config()
	g.run("systemctl", "start", "fotad")
	status = g.run("cat", f"/proc/{g.show('MainPID')}/status")
	for line in r"CapEff:\t0+$", r"CapBnd:\t0+$", r"NoNewPrivs:\t1$", r"Seccomp:\t2$":
		rig.check(re.search(line, status, re.M), f"{line} is not so: {status}")
	said = g.run("systemd-analyze", "security", "--no-pager", "fotad")
	exposure = float(re.search(r"Overall exposure level for fotad.service: ([0-9.]+)", said)[1])
	print(f"exposure: {exposure} of 10")
	rig.check(exposure <= 1.0, said)


TESTS = (test_installed, test_untouched, test_campaign, test_reload, test_bad_start, test_restart, test_restart_again_and_again,
	test_stop_and_start, test_killed, test_hung, test_sick_for_long, test_journal, test_no_credential, test_password,
	test_bus, test_activation, test_inhibitor,
	test_sandbox, test_fetch, test_exposure, test_autopkgtest, test_package_upgrade, test_purge)


def main():
	try:
		require()
		container = Container(os.environ["FOTAD_ROOTFS"])
	except Impossible as reason:
		print(f"skipped: {reason}")
		sys.exit(rig.SKIPPED)
	try:
		for package in os.environ["FOTAD_PACKAGES"].split():
			copy = container.path(os.path.basename(package))
			with open(package, "rb") as source, open(copy, "wb") as target:
				target.write(source.read())
			PACKAGES.append(copy)
		container.run("dpkg", "-i", *PACKAGES)
		number, of = map(int, os.environ.get("FOTAD_SHARE", "1/1").split("/"))
		gateway.main(container, *TESTS[number - 1::of])
	finally:
		container.close()


PACKAGES = []
main()
