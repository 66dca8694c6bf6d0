#!/usr/bin/python3
"""What fotactl says of this machine: detect and doctor on real and broken ports, the journal's last lines."""
import contextlib
import json
import os
import re
import select
import subprocess

import busrig
import rig
from ctlrig import Ctl, stage, validator


class Free(rig.Peer):
	"""A peer whose port nobody has open, not even the test. While that is so, reading gives an error: it is tried again."""

	def __init__(self, *arguments, **more):
		super().__init__(*arguments, **more)
		os.close(self.keep)
		self.keep = os.open("/dev/null", os.O_RDONLY)

	def work(self):
		while not select.select([self.stopping], [], [], 0.02)[0]:
			try:
				data = os.read(self.master, 4096)
			except OSError:  # nobody there, or nothing said
				data = b""
			self.received += data
			if reply := (self.answer(data) if self.answer else b"") + self.flood:
				with contextlib.suppress(OSError):
					os.write(self.master, reply)


HOLD = "import fcntl, sys; f = open(sys.argv[1], 'rb', 0); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"


def hold(bench, name):
	"""Another program has this port, as fotad would have it."""
	holder = subprocess.Popen(["/usr/bin/python3", "-c", HOLD, bench.path("ports", name)], stdin=subprocess.PIPE,
		stdout=subprocess.PIPE)
	bench.closing.callback(holder.wait)
	bench.closing.callback(holder.kill)
	holder.stdout.readline()


def test_detect(bench):
	"""Ports are asked as strangers are; what fotad or another program has is not touched; the proposal is valid."""
	ctl, daemon, _ = stage(bench)
	quectel = {b"AT": b"", b"AT+CGMI": b"\r\nQuectel\r\n"}
	Free(bench, "stranger", answer=lambda data: b"".join(
		quectel.get(line, b"") + b"\r\nOK\r\n" for line in data.split(b"\r") if line))
	mute = Free(bench, "mute")
	busy = Free(bench, "busy", flood=b"\r\nGTOTA DOWNLOADING: 42%\r\n")
	held = rig.Peer(bench, "held")
	hold(bench, "held")
	ports = [bench.path("ports", name) for name in ("spare", "pump-01", "stranger", "mute", "busy", "held", "nothing")]
	found = ctl.json("detect", *ports)
	validator("detect").validate(found)
	notes = {os.path.basename(port["port"]): port["note"] for port in found["ports"]}
	rig.equal(notes["spare"], None, "the spare modem")
	rig.equal(notes["pump-01"], "fotad has it: pump-01", "a port of fotad's")
	for name, pattern in {"stranger": "another maker", "mute": "nobody answers", "busy": "downloading firmware",
			"held": "held by|another program", "nothing": "No such file"}.items():
		rig.check(re.search(pattern, notes[name]), f"{name}: {notes[name]}")
	rig.equal((held.received, busy.received), (b"", b""), "bytes to ports of others")
	rig.equal(set(mute.lines()), {"AT"}, "what a mute port was asked")
	asked = {line.split(" > ", 1)[1] for line in bench.transcript.find(r"^\d+ spare > ")}
	rig.check(asked <= {"AT", "ATI", "AT+CGMI", "AT+CGMM", "AT+CGMR", "AT+CGSN"}, f"a stranger was told {asked}")
	modem = bench.modems["spare"]
	proposal = {"name": "nl668-" + modem.imei[-4:], "port": bench.path("ports", "spare"), "imei": modem.imei}
	rig.equal(found["configuration"]["modems"], [proposal], "the proposal")
	# As an operator would: into a file, and checked.
	out = ctl.text("detect", *ports)
	rig.equal(json.loads(out), found["configuration"], "the same as text")
	bench.write("conf.d/modems.json", out)
	rig.equal(ctl.run("check-config", bench.path("fotad.json"))[0], 0, "check-config of the proposal")
	rig.equal(ctl.run("reload")[0], 0, "reload with the proposal")
	daemon.log.wait(rf" nl668-{modem.imei[-4:]}: ")
	rig.equal(ctl.run("detect", bench.path("ports", "mute"))[0], 2, "nothing found")


# A machine with USB devices: each port is a link to a pseudo-terminal, what /sys says of it is made of files.
MACHINE = """set -e
dev=$1/dev sys=$1/sys
shift
mkdir -p $dev
mount -t tmpfs none $dev && mount -t tmpfs none /sys/class/tty || exit 77
mkdir -p $dev/pts $dev/serial/by-path
mount --rbind /dev/pts $dev/pts
for node in null zero urandom; do touch $dev/$node && mount --bind /dev/$node $dev/$node; done
while [ "$1" != -- ]; do # NAME TARGET VENDOR PRODUCT DEVICE INTERFACE
	usb=$sys/usb1/$5 interface=$sys/usb1/$5/$5:1.$6
	mkdir -p $interface/$1 /sys/class/tty/$1
	echo $3 >$usb/idVendor; echo $4 >$usb/idProduct; printf '%02x\\n' $6 >$interface/bInterfaceNumber
	ln -s $interface/$1 /sys/class/tty/$1/device
	ln -s $2 $dev/$1
	ln -s ../../$1 $dev/serial/by-path/usb-$5:1.$6-port0
	shift 6
done
shift
mount --rbind $dev /dev
exec "$@"
"""


def test_detect_usb(bench):
	"""By the USB ids: the AT ports of a module in their order, one of them for the configuration; nothing else is asked."""
	busrig.needs_root()
	bus = busrig.Bus(bench)
	l610, nl668 = bench.modem("l610", "L610", configured=False), bench.modem("nl668", "NL668", configured=False)
	bench.start_modems()
	peers = {name: Free(bench, name) for name in ("first", "third", "other", "diag")}
	ports = [
		("ttyUSB0", "diag", "1782", "4d10", "1-1", 2), ("ttyUSB1", "first", "1782", "4d10", "1-1", 0),
		("ttyUSB2", "l610", "1782", "4d10", "1-1", 5), ("ttyUSB3", "third", "1782", "4d10", "1-1", 6),
		("ttyUSB4", "other", "0403", "6001", "1-2", 0), ("ttyACM0", "nl668", "1508", "1001", "1-3", 1),
	]
	words = []
	for name, port, *rest in ports:
		words += [name, os.path.realpath(bench.path("ports", port)), *map(str, rest)]
	inside = ["unshare", "-m", "sh", "-c", MACHINE, "sh", bench.path("machine"), *words, "--"]
	code, out, err = Ctl(bench, bus).run("--json=short", "detect", prefix=inside)
	if code == 77:
		raise rig.Skip("no file system can be mounted here")
	rig.equal(code, 0, err)
	found = json.loads(out)
	validator("detect").validate(found)
	notes = {os.path.basename(port["device"]): port["note"] for port in found["ports"]}
	rig.equal([port["device"] for port in found["ports"]], ["/dev/ttyACM0"] + [f"/dev/ttyUSB{n}" for n in range(5)], "ports")
	for name, pattern in {"ttyUSB0": "speaks no AT", "ttyUSB1": "nobody answers AT", "ttyUSB3": "the same module as /dev/ttyUSB2",
			"ttyUSB4": "no USB ids of a known module"}.items():
		rig.check(pattern in str(notes[name]), f"{name}: {notes[name]}")
	rig.equal((notes["ttyUSB2"], notes["ttyACM0"]), (None, None), "the two modules")
	rig.equal({name: peer.received[:3] for name, peer in peers.items()},
		{"first": b"AT\r", "third": b"", "other": b"", "diag": b""}, "was sent")
	by_path = "/dev/serial/by-path/usb-"
	rig.equal([(m["port"], m["imei"]) for m in found["configuration"]["modems"]],
		[(by_path + "1-3:1.1-port0", nl668.imei), (by_path + "1-1:1.5-port0", l610.imei)], "the proposal")
	rig.equal([(port["usb"], port["interface"]) for port in found["ports"]][:3],
		[("1508:1001", 1), ("1782:4d10", 2), ("1782:4d10", 0)], "ids and interfaces")


def findings(ctl, *options, code=None):
	got, out, err = ctl.run("--json=short", "doctor", *options)
	rig.check(code is None or got == code, f"exit code {got}: {out}{err}")
	answer = json.loads(out)
	validator("doctor").validate(answer)
	rig.equal(got, 0 if answer["healthy"] else 1, "exit code of doctor")
	return {(f["check"], f["subject"]): f for f in answer["findings"] if f["check"] != "configuration" or f["state"] != "warning"}


def test_doctor(bench):
	"""Each thing that is broken is found, and has its remedy."""
	ctl, daemon, client = stage(bench)
	found = findings(ctl)
	rig.equal(found["daemon", None]["state"], "good", "the daemon")
	rig.equal(found["configuration", bench.path("fotad.json")]["state"], "good", "the configuration")
	rig.equal(found["port", "pump-01"]["state"], "good", "a port of fotad's")
	rig.equal(found["port", "nowhere"]["state"], "warning", "a port that is not there")
	server = next(f for (check, _), f in found.items() if check == "server")
	rig.equal(server["state"], "good", "the server")
	rig.check(all(f["mend"] or f["state"] == "good" for f in found.values()), "a finding without a remedy")

	bench.web_server.stop()
	held = rig.Peer(bench, "held")
	bench.config["modems"] += [{"name": "held", "port": bench.path("ports", "held")},
		{"name": "file", "port": bench.write("a-file", "")}]
	bench.config["campaigns"][0].update(target="", fetch="require")
	bench.config["packages"][0]["from"] = ""
	bench.config["packages"].append({"model": "L610", "from": "1", "to": "2",
		"ftp": {"server": "host.invalid", "file": "f", "username": "u", "password": {"credential": "fota-ftp"}}})
	bench.write_config("broken.json")
	client.call("Pause", "s", "")
	hold(bench, "held")
	found = findings(ctl, f"--config={bench.path('broken.json')}", code=1)
	rig.equal(found["configuration", None]["state"], "wrong", "the configuration")
	rig.equal(found["port", "file"]["state"], "wrong", "a port that is a file")
	rig.equal(found["pause", None]["mend"], "fotactl resume", "a pause")
	rig.check(("credential", "fota-ftp") in found, "the credential")
	fetch = found["fetch", bench.config["campaigns"][0]["name"]]
	if not os.path.exists("/run/fotad-fetch"):
		rig.equal((fetch["state"], fetch["mend"]), ("wrong", "systemctl enable --now fotad-fetch.socket"), "the shadow fetch")
	rig.equal(found["server", "host.invalid:21"]["state"], "warning", "a server without an address")
	rig.check(any(f["state"] == "warning" for (check, s), f in found.items() if check == "server" and s.startswith("127.0.0.1:")),
		"a server that is down")
	if os.geteuid() == 0:
		rig.check("python3" in found["holder", "held"]["text"], f"the holder: {found.get(('holder', 'held'))}")
	rig.equal(held.received, b"", "bytes to a port")
	daemon.stop()
	found = findings(ctl, f"--config={bench.path('fotad.json')}", code=1)
	rig.equal((found["daemon", None]["state"], found["daemon", None]["mend"]), ("wrong", "systemctl start fotad"), "without fotad")


# ---- a journal ----

JOURNAL = """mount -t tmpfs none /run && mkdir -p /run/systemd/journal /run/log/journal || exit 77
[ -s /etc/machine-id ] && [ -x /lib/systemd/systemd-journald ] || exit 77
/lib/systemd/systemd-journald >/dev/null 2>&1 & journald=$!
trap 'kill $journald; wait $journald 2>/dev/null' EXIT
/usr/bin/python3 - <<'END' || exit 77
import socket, subprocess, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for _ in range(100000):
	try:
		sock.connect("/run/systemd/journal/socket")
		break
	except OSError:
		pass
else:
	sys.exit(1)
for i in range(15):
	sock.send(b"MESSAGE=line %d of it \\x1b[31mred\\nFOTA_MODEM=pump-02\\nPRIORITY=%d\\n" % (i, 3 if i == 14 else 6))
sock.send(b"MESSAGE=of another\\nFOTA_MODEM=pump-01\\nPRIORITY=6\\n")
def journal():
	return subprocess.run(["journalctl", "-o", "cat", "FOTA_MODEM=pump-01"], capture_output=True, check=False).stdout
while b"of another" not in journal():
	pass
END
"$@"
"""


def test_journal(bench):
	"""status NAME ends with the last lines of the real journal about it, and with nothing that moves the cursor."""
	busrig.needs_root()
	ctl, _, _ = stage(bench, settled=True)
	inside = ["unshare", "-m", "sh", "-c", JOURNAL, "sh"]
	code, out, err = ctl.run("status", "pump-02", prefix=inside)
	if code == 77:
		raise rig.Skip("no journald can be run here")
	rig.equal(code, 0, err)
	lines = [line for line in out.splitlines() if "of it" in line]
	rig.equal([line.split(" line ")[1].split()[0] for line in lines], [str(i) for i in range(5, 15)], "the last ten, oldest first")
	rig.check("of another" not in out and "\033" not in out and "\\x1b[31mred" in out, out)
	_, out, _ = ctl.run("--json=short", "-n", "2", "status", "pump-02", prefix=inside)
	answer = json.loads(out)
	validator("status-modem").validate(answer)
	rig.equal([line["priority"] for line in answer["journal"]], [6, 3], "two lines, with their priorities")


if __name__ == "__main__":
	rig.main(test_detect, test_detect_usb, test_doctor, test_journal)
