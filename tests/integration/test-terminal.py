#!/usr/bin/python3
"""fotactl on a real terminal (tmux): watch at several widths, resized, interrupted and stopped; colours; hostile names."""
import os
import re
import signal

import busrig
import ctlrig
import rig
from busrig import Bus
from ctlrig import Terminal
from rig import VERSIONS

L28, L29, _ = VERSIONS["L610"]
SIZE = 400_000


def fleet(bench, rate=20_000):
	bus = Bus(bench)
	bench.web(rate=rate)
	bench.http("L610", L28, L29, size=SIZE)
	for n in range(1, 6):
		bench.modem(f"pump-{n:02}", "L610", *(["stall percent=30"] if n == 5 else []))
	bench.campaign("winter", L29)
	bench.config["modems"].append({"name": "nowhere", "port": bench.path("ports", "nothing")})
	bench.start_modems(rate=rate)
	return bus, *busrig.fotad(bench, bus)


def widest(screen):
	return max(len(line) for line in screen.splitlines())


def test_watch(bench):
	"""Bars at 80 and 200 columns, resized while it runs; after Ctrl-C the terminal is as it was, and the last picture stays."""
	bus, daemon, _ = fleet(bench)
	terminal = Terminal(bench, bus)
	before = terminal.settings()
	terminal.type(f"{ctlrig.FOTACTL} watch")
	screen = terminal.wait(r"^pump-01 +downloading +█+░+ +\d+% +…01\.28 → …29")
	rig.check("6 modems" in screen.splitlines()[0] and re.search("^q ends$", screen, re.M), f"no head or foot:\n{screen}")
	rig.equal(terminal.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}"), "1 0\n", "another screen, no cursor")
	narrow = max(len(bar) for bar in re.findall(r"[█░]+", screen))
	terminal.wait(r"^pump-01 +downloading .* \d+s left$")
	terminal.resize(200, 30)
	screen = terminal.wait(r"16000\.1000\.00\.01\.28 → …29")
	rig.check(max(len(bar) for bar in re.findall(r"[█░]+", screen)) > narrow, "bars do not grow with the terminal")
	rig.equal(len(re.findall("^pump-0", screen, re.M)), 5, f"modems on the screen:\n{screen}")
	terminal.resize(80, 9)
	screen = terminal.wait(r"^\.\.\. and \d+ more")
	rig.check(screen.splitlines()[0].startswith("fotad") and screen.splitlines()[8] == "q ends", f"no head or foot:\n{screen}")
	for width, height in (40, 12), (12, 4), (80, 6):
		terminal.resize(width, height)
		screen = terminal.wait("^fotad|^MODEM|^pump", absent="^q ends\n+pump")
		rig.check(widest(screen) <= width, f"wider than the terminal:\n{screen}")
	terminal.wait(r"\.\.\. and \d+ more")
	terminal.resize(80, 24)
	terminal.wait(r"^nowhere")
	terminal.wait(r"^pump-05 +failed .*stalled")
	terminal.keys("C-c")
	screen = terminal.wait(r"^\$ *$")
	rig.check(re.search("^pump-05 +failed", screen, re.M), f"the last picture is gone:\n{screen}")
	rig.equal(terminal.settings(), before, "the terminal's settings")
	terminal.type("echo code $?")
	rig.check(daemon.is_alive(), "fotad has ended")


def test_end_and_stop(bench):
	"""q, SIGTERM and the end of the terminal; Ctrl-Z and fg; fotad that goes and comes back."""
	bus, daemon, _ = fleet(bench, rate=60_000)
	terminal = Terminal(bench, bus, 100)
	before = terminal.settings()
	terminal.type(f"{ctlrig.FOTACTL} watch pump-02")
	terminal.wait("^q ends")
	terminal.wait("^pump-02", absent="^pump-01")
	terminal.keys("q")
	terminal.wait(r"^\$ *$")
	rig.equal(terminal.settings(), before, "after q")
	terminal.type(f"clear; {ctlrig.FOTACTL} watch winter")
	terminal.wait("^q ends")
	terminal.keys("C-z")
	terminal.wait(r"[Ss]topped")
	rig.equal(terminal.settings(), before, "after Ctrl-Z")
	terminal.type("fg")
	terminal.wait("^q ends")
	daemon.stop()
	terminal.wait("fotad is not running any more")
	bench.daemon("--bus=" + bus.address, once=False)
	terminal.wait("^pump-02")
	shell = terminal.tmux("display-message", "-p", "#{pane_pid}").strip()
	with open(f"/proc/{shell}/task/{shell}/children", encoding="ascii") as file:
		os.kill(int(file.read().split()[0]), signal.SIGTERM)
	terminal.wait(r"^\$ *$")
	rig.equal(terminal.settings(), before, "after SIGTERM")


def test_colours(bench):
	"""On a terminal with colours, and without them when NO_COLOR or TERM say so; a line that is too long is cut."""
	bus, _, client = fleet(bench, rate=60_000)
	client.call("Pause", "s", "")
	terminal = Terminal(bench, bus, 80)
	for turn, (prefix, coloured) in enumerate((("", True), ("NO_COLOR=1 ", False), ("TERM=dumb ", False), ("NO_COLOR= ", True))):
		terminal.type("clear")
		terminal.type(f"{prefix}{ctlrig.FOTACTL} campaigns; echo over {turn}")
		screen = terminal.wait(f"^over {turn}$") # not the one of the round before
		raw = terminal.screen("-e")
		rig.equal("\033[33m" in raw or "\033[36m" in raw or "\033[32m" in raw, coloured, f"colours with {prefix!r}:\n{raw}")
		rig.check(widest(screen) <= 80, "wider than the terminal")
	terminal.type("clear")
	terminal.type(f"TERM=dumb {ctlrig.FOTACTL} watch")
	terminal.wait(r"^\d\d:\d\d:\d\d (pump|nowhere)")  # lines, on what is no screen
	terminal.keys("C-c")
	terminal.type(f"{ctlrig.FOTACTL} --full jobs | cat; {ctlrig.FOTACTL} jobs; echo over")
	terminal.wait("^over$")


# ---- names that would move the cursor ----

HOSTILE = "\033[2J\033]0;owned\a\x9b31m\u202egnp\u200b\x7f\tx\r\ny\\"
MODEM, JOB, CAMPAIGN = "org.fotad1.Modem", "org.fotad1.Job", "org.fotad1.Campaign"
OBJECT_MANAGER = """<node><interface name="org.freedesktop.DBus.ObjectManager"><method name="GetManagedObjects">
<arg type="a{oa{sa{sv}}}" direction="out"/></method></interface></node>"""


def hostile_objects(variant):
	text = variant("s", HOSTILE)
	modem = {key: text for key in ("Name", "Port", "Device", "State", "Imei", "Model", "Version", "Campaign", "Target", "Waits")}
	job = {key: text for key in ("Campaign", "Reason", "Detail", "Phase", "Step", "From", "To", "Target", "WaitsFor")}
	path = "/org/fotad1/modem/" + "".join(f"_{byte:02x}" for byte in HOSTILE.encode())
	job.update(Id=variant("t", 1), State=variant("s", "running"), Modem=variant("o", path))
	campaign = {key: text for key in ("Name", "Target", "State", "StateText")}
	modem["Job"] = variant("o", "/org/fotad1/job/1")
	return {"/org/fotad1/modem/x": {MODEM: modem}, "/org/fotad1/job/1": {JOB: job}, "/org/fotad1/campaign/x": {CAMPAIGN: campaign}}


def play_fotad(client):
	"""What no fotad says: it escapes what comes from a modem. Should it ever forget, fotactl does not."""
	variant = busrig.GLib.Variant
	with open(os.path.join(rig.SOURCE, "conf", "dbus", "org.fotad1.Manager.xml"), encoding="ascii") as file:
		manager = file.read()

	def answer(invocation, member, _arguments):
		if invocation is None:
			return variant("b", False) if member in ("Paused", "Held", "ClockSynchronised") else \
				variant("s", HOSTILE) if member in ("Version", "ConfigurationFile", "StoreError") else variant("u", 1)
		replies = {
			"GetManagedObjects": lambda: variant("(a{oa{sa{sv}}})", (hostile_objects(variant),)),
			"Explain": lambda: variant("(a(sssx))", ([(HOSTILE, "shut", HOSTILE, -1), ("port", "open", HOSTILE, -1)],)),
			"History": lambda: variant("(aa{sv})", ([{key: variant("s", HOSTILE) for key in ("modem", "what", "from", "detail")}],)),
			"Plan": lambda: variant("(a(sxxts)a{sv})", ([(HOSTILE, 0, 0, 0, HOSTILE)], {})),
			"Metrics": lambda: variant("(s)", (HOSTILE + "\n",)),
			"Pause": lambda: variant("(s)", (HOSTILE,)),
			"Find": lambda: variant("(o)", ("/org/fotad1/modem/x",)),
		}
		if member in replies:
			invocation.return_value(replies[member]())
		else:
			invocation.return_dbus_error("org.fotad1.Error.Refused", HOSTILE)

	client.serve("org.fotad1", "/org/fotad1", manager, answer)
	client.serve("org.fotad1", "/org/fotad1", OBJECT_MANAGER, answer)


def is_tame(text):
	return not re.search("[^\\x20-\\x7e\n]", re.sub("[●→…█░\u2014]", "", text))


def test_hostile_names(bench):
	"""No byte that comes over the bus moves the cursor, changes a colour or turns the writing around."""
	bus = Bus(bench)
	client = busrig.Client(bus)
	play_fotad(client)
	ctl = ctlrig.Ctl(bench, bus)
	for command in "status", "modems", "jobs", "campaigns", "history", "plan", "metrics", "pause", "start x", "cancel x", "reload", \
			"trace x", "version", "--full modems", "--json=short status", "--json=pretty modems", "--json=short history":
		_, out, err = ctl.run(*command.split())
		rig.check(len(out + err) > 0 and is_tame(out) and is_tame(err), f"fotactl {command}: {out!r} {err!r}")
	terminal = Terminal(bench, bus, 120)
	terminal.type(f"{ctlrig.FOTACTL} watch")
	screen = terminal.wait("^q ends")
	rig.check(is_tame(screen) and r"\x1b[2J" in screen, f"watch: {screen!r}")
	terminal.keys("C-c")
	terminal.wait(r"^\$ *$")


if __name__ == "__main__":
	rig.main(test_watch, test_end_and_stop, test_colours, test_hostile_names)
