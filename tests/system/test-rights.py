#!/usr/bin/python3
"""Who may do what: secrets, D-Bus and polkit, logind, the sandbox and what it is for. tests/system/run calls this."""
import hashlib
import os
import re

import gateway
import rig
from gateway import DEBUG, EXAMPLES
from rig import VERSIONS

L28, L29, L30 = VERSIONS["L610"]


# ---- passwords ----

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


def allow_by_rule(g):
	"""Puts polkit's rules that come with the package into force."""
	g.run("install", "-m", "644", "/usr/share/doc/fotad/examples/polkit-1/org.fotad1.rules", "/etc/polkit-1/rules.d/50-fotad.rules")
	g.closing.callback(g.run, "systemctl", "restart", "polkit")
	g.closing.callback(g.run, "rm", "/etc/polkit-1/rules.d/50-fotad.rules")
	g.run("systemctl", "restart", "polkit")


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
	allow_by_rule(g)
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


def inhibitors(g):
	said = g.run("busctl", "call", "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager",
		"ListInhibitors")
	return sorted(re.findall(r'"(\w+)" "fotad" "[^"]*" "(\w+)"', said))


def test_inhibitor(g):
	"""While a module is past the point of no return logind knows that the gateway must not go down (conduct 25)."""
	m = g.in_mid_download()
	g.log.wait(" pump: [2-9][0-9] % downloaded")
	rig.equal(inhibitors(g), [("shutdown", "delay"), ("sleep", "delay")], "inhibitors")
	g.log.wait(rig.RESTORED)
	rig.equal(inhibitors(g), [], "inhibitors after the verdict")
	g.finish(m)


def test_inhibitor_by_rule(g):
	"""With the rule that comes with the package they block."""
	allow_by_rule(g)
	m = g.in_mid_download()
	g.log.wait(" pump: [2-9][0-9] % downloaded")
	rig.equal(inhibitors(g), [("shutdown", "block"), ("sleep", "block")], "inhibitors")
	g.finish(m)


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


gateway.main(test_no_credential, test_password, test_bus, test_activation, test_inhibitor, test_inhibitor_by_rule,
	test_sandbox, test_fetch, test_exposure)
