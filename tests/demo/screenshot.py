#!/usr/bin/python3
"""A picture of fotactl watch at real work, for the README: make screenshot writes tests/demo/watch.svg.

The real fotad upgrades simulated modems; fotactl draws on a real terminal (tmux), and what stands there is the picture.
"""
import html
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import busrig
import ctlrig
import rig
from rig import VERSIONS

WIDTH, HEIGHT = 96, 14  # of the terminal, in characters
CELL, LINE, EDGE = 8.4, 18, 14  # pixels
COLOURS = {"31": "#ff7b72", "32": "#56d364", "33": "#e3b341", "36": "#56d4dd", "2": "#8b949e"}
PLAIN, GROUND = "#e6edf3", "#0d1117"

# What is seen at the right moment: each at least once.
WANTED = (r"^\S+ +downloading +█+░+ +[5-9]\d%", r"^\S+ +downloading +█+░+ +[1-4]\d%", r"^\S+ +failed", r"^\S+ +waiting",
	r"^\S+ +(succeeded|verifying|installing)")


def fleet(bench):
	bus = busrig.Bus(bench)
	bench.web(rate=22_000)
	bench.http("L610", *VERSIONS["L610"][:2], size=400_000)
	bench.http("NL668", *VERSIONS["NL668"][:2], size=150_000)
	bench.http("NL652", *VERSIONS["NL652"][:2], size=110_000)
	pumps, meters = [f"pump-{n:02}" for n in (1, 2, 3, 4)], [f"meter-{n:02}" for n in (1, 2, 3)]
	for name in pumps + meters:
		bench.modem(name, "L610" if name in pumps else "NL668", keys="boot-time=3s")
	bench.modem("gate-01", "NL652", "stall percent=30")
	bench.campaign("winter", VERSIONS["L610"][1], pumps, max_parallel=2)
	bench.campaign("spring", VERSIONS["NL668"][1], meters, max_parallel=2)
	bench.campaign("gates", VERSIONS["NL652"][1], ["gate-01"])
	bench.start_modems(rate=22_000)
	busrig.fotad(bench, bus)
	return bus


def runs(line):
	"""[column, colour, text] for each piece of a line in one colour."""
	column, colour = 0, PLAIN
	for code, text in re.findall(r"\033\[([\d;]*)m|([^\033]+)", line):
		if text:
			for piece in re.finditer(r"\S+( \S+)*", text):
				yield column + piece.start(), colour, piece[0]
			column += len(text)
		else:
			colour = COLOURS.get(code, PLAIN)


def svg(screen):
	lines = screen.rstrip("\n").split("\n")
	width, height = WIDTH * CELL + 2 * EDGE, len(lines) * LINE + 2 * EDGE
	parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" font-size="14" '
		'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace">',
		f'<rect width="100%" height="100%" rx="8" fill="{GROUND}"/>']
	for row, line in enumerate(lines):
		for column, colour, text in runs(line):
			parts.append(f'<text x="{EDGE + column * CELL:.1f}" y="{EDGE + row * LINE + 13}" fill="{colour}" '
				f'textLength="{len(text) * CELL:.1f}" lengthAdjust="spacingAndGlyphs">{html.escape(text)}</text>')
	return "\n".join([*parts, "</svg>", ""])


def picture(bench):
	terminal = ctlrig.Terminal(bench, fleet(bench), WIDTH, HEIGHT)
	terminal.type(f"{ctlrig.FOTACTL} watch")
	terminal.wait("^fotad")
	while True:
		screen = terminal.screen("-e")
		plain = re.sub(r"\033\[[\d;]*m", "", screen)
		if all(re.search(pattern, plain, re.M) for pattern in WANTED):
			break
		rig.check(not re.search(r"^fotad .*modems: 7 succeeded", plain), "the moment did not come")
	with open(os.path.join(rig.SOURCE, "tests", "demo", "watch.svg"), "w", encoding="utf-8") as file:
		file.write(svg(screen))
	terminal.keys("q")


if __name__ == "__main__":
	rig.main(picture)
