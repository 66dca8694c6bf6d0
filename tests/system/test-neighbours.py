#!/usr/bin/python3
"""The real ModemManager, which wants the module that fotad upgrades. On a machine with a kernel of its own: see test-vm.py."""
import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
import rig

vm = importlib.import_module("test-vm")

UID = "/sys/devices/pci0000:00/0000:00:05.0/usb1/1-1"
RULE = "/usr/share/polkit-1/rules.d/fotad-modemmanager.rules"
# An adapter stands for a module. Of itself ModemManager has no use for adapters.
CANDIDATE = """SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ATTR{idVendor}=="0403", ENV{ID_MM_DEVICE_PROCESS}="1"
SUBSYSTEM=="tty", SUBSYSTEMS=="usb", ENV{ID_MM_PORT_TYPE_AT_PRIMARY}="1"
"""


def modem_manager(g, rules=CANDIDATE):
	"""It runs, and would have the adapter."""
	def clean():
		g.machine.run("systemctl stop ModemManager; rm -f /etc/udev/rules.d/7[68]-*.rules; udevadm control --reload", check=False)

	g.closing.callback(clean)
	g.machine.run(f"printf %s '{rules}' >/etc/udev/rules.d/76-candidate.rules; udevadm control --reload; "
		"mkdir -p /run/systemd/system/ModemManager.service.d; printf '[Service]\\nExecStart=\\n"
		"ExecStart=/usr/sbin/ModemManager --log-journal --log-level=DEBUG\\n' >/run/systemd/system/ModemManager.service.d/debug.conf; "
		"systemctl daemon-reload; systemctl start ModemManager")


def journal(g, pattern):
	"""The lines of this life of ModemManager."""
	said, _ = g.machine.run("journalctl -q -o cat _SYSTEMD_INVOCATION_ID=$(systemctl show -P InvocationID ModemManager) | "
		f"grep -E '{pattern}'", check=False)
	return said.splitlines()


def undone_before_the_verdict(g):
	"""What ModemManager has given up between the attempt's begin and its verdict, by the journal's order: soon after, it may."""
	said, _ = g.machine.run("journalctl -q -b -o cat | grep -E 'pump: (attempt 1:|succeeded)|inhibition teardown'", check=False)
	lines = said.splitlines()
	begin = max(i for i, line in enumerate(lines) if "pump: attempt 1:" in line)
	end = next(i for i, line in enumerate(lines) if i > begin and "pump: succeeded" in line)
	return lines[begin + 1:end]


def wait_for_modem(g):
	"""Until ModemManager shows it to everybody."""
	g.machine.run("until mmcli -L | grep -q /Modem/; do sleep 0.5; done", rig.PATIENCE)


def is_held(g):
	"""Nobody else may have it, and nobody is shown it."""
	said, _ = g.machine.run(f"timeout 20 mmcli --inhibit-device={UID}; mmcli -L", check=False)
	return "already inhibited" in said and "No modems were found" in said


# What is ModemManager's: it is at the module before fotad is.
NOT_OURS = ["settings_before_identity"]


def begin(g):
	m = vm.one_modem(g, rate=20_000, size=300_000)
	modem_manager(g)
	g.plug_in(pump=1)
	wait_for_modem(g)
	g.start_service()
	return m


def test_inhibited(g):
	"""From before the first byte to the verdict, while the module restarts, and over a restart of fotad in mid-download."""
	m = begin(g)
	held = g.wait(f" pump: ModemManager leaves {UID} alone$")
	rig.check(held < g.wait(" pump: .* is open"), "opened before ModemManager has let go")
	g.wait(" pump: [1-9][0-9]* % downloaded")
	rig.check(is_held(g), "not inhibited")
	g.machine.run("systemctl restart fotad")
	g.wait(" pump: ModemManager leaves .* alone already: an earlier life of fotad has asked it to")
	rig.check(is_held(g), "not inhibited after the restart")
	g.wait(" pump: succeeded")
	rig.equal(undone_before_the_verdict(g), [], "what ModemManager did before the verdict")
	g.wait("ModemManager may have again what an earlier life")
	g.finish(m, except_for=NOT_OURS)  # ... and no command went to a module that downloads
	rig.equal(len(journal(g, f"inhibition teardown for uid .{UID}. .owner disappeared")), 1, "given back")


def test_given_back(g):
	"""By a word, as the connection stays; and there is nothing left of it in the store."""
	m = begin(g)
	g.wait(" pump: [1-9][0-9]* % downloaded")
	g.wait(" pump: succeeded")
	rig.equal(undone_before_the_verdict(g), [], "what ModemManager did before the verdict")
	g.wait(f" pump: ModemManager may have {UID} again")
	rig.equal(g.machine.run("systemctl show -P NFileDescriptorStore fotad").strip(), "0", "descriptors in the store")
	g.finish(m, except_for=NOT_OURS)
	rig.equal(len(journal(g, f"inhibition teardown for uid .{UID}.$")), 1, "given back")


def test_without_the_rule(g):
	"""polkit says no: that is named, and the upgrade goes on."""
	g.closing.callback(g.machine.run, f"mv /var/away {RULE}; systemctl restart polkit")
	g.machine.run(f"mv {RULE} /var/away; systemctl restart polkit")
	m = begin(g)
	g.wait(r"ModemManager does not let fotad have its modems \(.*Unauthorized\).*Is fotad-modemmanager.rules in polkit-1/rules.d\?")
	g.wait(" pump: [1-9][0-9]* % downloaded")
	rig.check("/Modem/" in g.machine.run("mmcli -L"), "inhibited without a right to it")
	# Else it would set up the module that comes back, and the two would read each other's answers.
	g.machine.run("systemctl stop ModemManager")
	g.finish(m, except_for=[*NOT_OURS, "commands_while_downloading"])


def test_ignored(g):
	"""With the udev rule of the examples ModemManager leaves a module alone of itself, and is not even spoken of."""
	g.machine.run("sed 's/1782/0403/; s/4d10/6001/' /usr/share/doc/fotad/examples/udev/78-fotad.rules "
		">/etc/udev/rules.d/78-fotad.rules")
	m = vm.one_modem(g)
	modem_manager(g, rules="")
	g.plug_in(pump=1)
	g.start_service()
	g.wait(" pump: succeeded")
	rig.check(journal(g, r"\(tty/ttyUSB0\): port filtered: device is blocklisted"), "it had other reasons, or none")
	said, _ = g.machine.run(f"timeout 20 mmcli --inhibit-device={UID}", check=False)
	rig.check("No device found" in said, f"ModemManager knows the module: {said}")
	rig.check(not g.log.find("ModemManager", start=g.begin), "fotad speaks of who has nothing to do with it")
	g.finish(m)


if __name__ == "__main__":
	vm.main(test_inhibited, test_given_back, test_without_the_rule, test_ignored)
