#!/usr/bin/python3
"""The modem that carries the gateway's own connection goes without a word of an operator's when there is another route. fotad
has a network of its own here, with real interfaces and routes; whose device they are, in /sys, is made up (root)."""
import os
import subprocess

import rig
from rig import VERSIONS

FAMILY = "NL652"
FROM, TO = VERSIONS[FAMILY][:2]
QUICK = "boot-time=100ms apply-time=100ms sim-time=0ms network-time=0ms pdp-time=10ms start-time=10ms verify-time=20ms"
DEVICE = "devices/pci0/usb1/1-2"

NETWORK = """
for i in wwan0 eth0; do
	ip link add $i type veth peer name ${i}p && ip link set $i up && ip link set ${i}p up || exit 71
done
ip addr add 192.0.2.1/24 dev eth0 && ip addr add 198.51.100.1/24 dev wwan0 || exit 71
"""


class Gateway:
	"""m0 is the USB device 1-2 with the interface wwan0, and there is a cable."""

	def __init__(self, bench):
		self.bench = bench
		probe = subprocess.run(["unshare", "-m", "-n", "sh", "-c", NETWORK], stderr=subprocess.DEVNULL, check=False)
		if os.geteuid() != 0 or probe.returncode != 0:
			raise rig.Skip("not allowed to make a network of its own")
		for i in range(3):
			bench.modem(f"m{i}", FAMILY, **({"uplink": True} if i == 0 else {}))
		bench.http(FAMILY, FROM, TO, size=20_000)
		bench.campaign("winter", TO)
		bench.start_modems(default=QUICK)
		tty = os.stat(bench.path("ports", "m0")).st_rdev
		self.link(f"dev/char/{os.major(tty)}:{os.minor(tty)}", f"{DEVICE}/1-2:1.5/ttyUSB2")
		bench.write(f"sys/{DEVICE}/idVendor", "2cb7\n")
		for interface, device in ("wwan0", f"{DEVICE}/1-2:1.3"), ("eth0", "devices/pci0/0000:01:00.0"):
			bench.write(f"sys/class/net/{interface}/carrier", "1\n")
			self.link(f"class/net/{interface}/device", device)

	def link(self, path, device):
		target, path = self.bench.path("sys", device), self.bench.path("sys", path)
		os.makedirs(target, exist_ok=True)
		os.makedirs(os.path.dirname(path), exist_ok=True)
		os.symlink(os.path.relpath(target, os.path.dirname(path)), path)

	def daemon(self, *routes, **more):
		"""fotad with default routes over these interfaces."""
		script = NETWORK
		for i, interface in enumerate(routes):
			script += f"ip route add default dev {interface} metric {i + 1} || exit 71\n"
		script += f'mount --bind {self.bench.path("sys")} /sys && exec "$@"'
		return self.bench.daemon(prefix=("unshare", "-m", "-n", "--propagation", "private", "sh", "-c", script, "sh"), **more)


def test_other_route(bench):
	daemon = Gateway(bench).daemon("wwan0", "eth0")
	rig.equal(daemon.wait(), 0, "exit code")
	rig.equal([m["packages_applied"] for m in bench.truth().values()], [1] * 3, "packages applied")
	rig.check(daemon.log.find("m0: it carries this gateway's own connection, and there is another route, over eth0: it may go"),
		"it is not said why it may go")


def test_no_other_route(bench):
	daemon = Gateway(bench).daemon("wwan0")
	rig.equal(daemon.wait(), 1, "exit code")
	rig.check(daemon.log.find(r"m0: left: waiting \(held\)"), "it is not said why it is left")
	rig.check(daemon.log.find(r"m0: not now \(held\): .* there is no other route"), "it is not said what it waits for")
	rig.equal([m["packages_applied"] for m in bench.truth().values()], [0, 1, 1], "packages applied")


def test_route_comes(bench):
	"""The cable is plugged in while it waits."""
	daemon = Gateway(bench).daemon("wwan0", once=False)
	daemon.log.wait(r"m0: not now \(held\)")
	subprocess.run(["nsenter", "-t", str(daemon.pid), "-n", "ip", "route", "add", "default", "dev", "eth0", "metric", "9"],
		check=True)
	daemon.log.wait("m0: .*succeeded: runs")
	rig.equal(daemon.stop(), 0, "exit code")
	bench.truth()


rig.main(test_other_route, test_no_other_route, test_route_comes)
