#!/usr/bin/python3
"""The words that an operator meets are the same everywhere: in the code, the message catalog, the schema and the manual.

Sources: lib/io/log-messages.h and systemd/fotad.catalog (events), lib/core/reason.c (reasons), lib/core/job.c (what a job
waits for), conf/fotad.schema.json (keys; itself written from the parser's table, see test-config-files), dbus/*.xml.
--write makes the tables of the manual pages from them (make manual); without it they are compared.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap
import xml.etree.ElementTree

SOURCE = pathlib.Path(os.environ.get("FOTAD_SRCDIR") or pathlib.Path(__file__).resolve().parent.parent)
BUILD = pathlib.Path(os.environ.get("FOTAD_BUILDDIR") or SOURCE / "build")
DBUS = SOURCE / ("conf/dbus" if (SOURCE / "conf/dbus").exists() else "dbus")
found = []


def read(name):
	return (SOURCE / name).read_text(encoding="utf-8")


def check(condition, text):
	if not condition:
		found.append(text)


def same(one, other, what):
	"""Lists with the same words: what either lacks is named."""
	for word in [*one]:
		check(word in other, f"{what[0]} has \"{word}\", {what[1]} has not")
	for word in [*other]:
		check(word in one, f"{what[1]} has \"{word}\", {what[0]} has not")


# ---- the sources ----

def events():
	"""[(symbol, id, name, what it is)]"""
	return re.findall(r'\bX\((\w+),\s*"([0-9a-f]{32})",\s*"([a-z-]+)",\s*"([^"]+)"\)', read("lib/io/log-messages.h"))


def catalog():
	"""{id: (subject, body)}, in the order of the file."""
	entries = {}
	for entry in re.split(r"^-- ", read("systemd/fotad.catalog"), flags=re.M)[1:]:
		head, _, body = entry.partition("\n\n")
		number, *fields = head.splitlines()
		fields = dict(line.split(": ", 1) for line in fields)
		check(list(fields) == ["Subject", "Defined-By", "Documentation"], f"catalog: {number} has the fields {list(fields)}")
		check(number not in entries, f"catalog: {number} is there twice")
		entries[number] = (fields.get("Subject", ""), body.strip("\n"))
	return entries


def literal(text):
	"""C's string literals, one behind the other."""
	return "".join(json.loads(part) for part in re.findall(r'"(?:[^"\\]|\\.)*"', text))


def reasons():
	"""[(name, class, meaning, next step)]"""
	rows = re.findall(r'\[REASON_\w+\] = \{ "([a-z-]+)", REASON_(\w+),\n(.*?)" \},\n', read("lib/core/reason.c"), re.S)
	return [(name, kind, *map(literal, re.split(r'(?<="),\n', text + '"'))) for name, kind, text in rows]


def waits():
	return re.findall(r'\[JOB_WAIT_\w+\] = "([a-z-]+)"', read("lib/core/job.c"))


# ---- mdoc ----

def escape(text):
	text = text.replace("\\", "\\e")
	return "\\&" + text if text[:1] in (".", "'") else text


def plain(text):
	"""A field of the journal stands for what is in it."""
	return re.sub(r"@FOTA_(\w+)@", r"\1", text)


def sentences(text):
	"""Each begins on a line of its own, as mdoc wants it."""
	parts = re.split(r"(?<=[.?!]) +(?=[A-Z]|fotad )", " ".join(text.split()))
	return [escape(line) for part in parts for line in textwrap.wrap(part, 78, break_long_words=False, break_on_hyphens=False)]


def body(text):
	"""Paragraphs, and the indented commands among them."""
	lines = []
	for paragraph in re.split(r"\n\n+", plain(text)):
		words = [line for line in paragraph.splitlines() if not line.startswith(" ")]
		commands = [line.strip() for line in paragraph.splitlines() if line.startswith(" ")]
		lines += [".Pp"] if lines and lines[-1] != ".Ed" else []
		lines += sentences(" ".join(words))
		if commands:
			lines += [".Bd -literal -offset indent -compact"]
			lines += [escape(command).replace("-", "\\-") for command in commands] + [".Ed"]
	return lines[:-1] if lines[-1:] == [".Pp"] else lines


def capital(text):
	return text if text.startswith("fotad ") else text[0].upper() + text[1:]


def name(text):
	return text.replace("-", "\\-")


def event_table():
	entries = catalog()
	lines = [".Bl -tag -width Ds"]
	for _, number, event, what in events():
		lines += [f".It Sy {name(event)}", f".Li {number}", ".br", *sentences(capital(what) + "."), ".Pp"]
		lines += body(entries.get(number, ("", ""))[1])
	return lines + [".El"]


CLASSES = {
	"WAITS": "Waits, and is tried again by itself.",
	"RETRY": "Costs an attempt; another may follow.",
	"PERSON": "Somebody has to act.",
}


def reason_table():
	lines = [".Bl -tag -width Ds"]
	for word, kind, meaning, step in reasons():
		lines += [f".It Sy {name(word)}", *sentences(meaning), *sentences(CLASSES[kind]), ".Pp"]
		lines += sentences(step)
	return lines + [".El"]


def kind_of(schema):
	"""What a value looks like, in words."""
	if "const" in schema:
		return str(schema["const"])
	if "enum" in schema:
		return "one of " + ", ".join(json.dumps(value) for value in schema["enum"])
	if "oneOf" in schema and "type" not in schema:
		return kind_of(schema["oneOf"][1]) + ", or { \"credential\": \"NAME\" }"
	if schema.get("type") == "integer":
		return f"a whole number from {schema['minimum']} to {schema['maximum']}"
	if schema.get("type") == "boolean":
		return "true or false"
	if schema.get("type") == "array":
		few = f"{schema['minItems']} to " if schema.get("minItems") else "at most "
		few = f" of {few}{schema['maxItems']}" if "maxItems" in schema else ""
		item = schema["items"]
		return f"a list{few} objects" if item.get("type") == "object" else f"a list{few}, each of them {kind_of(item)}"
	if schema.get("type") == "object":
		if "patternProperties" in schema:
			return "an object: for each name " + kind_of(*schema["patternProperties"].values())
		return "an object"
	longest = f", at most {schema['maxLength']} bytes" if schema.get("maxLength", 0) > 64 else ""
	return schema.get("title", "a text") + longest


def keys(schema, path=""):
	"""Every key: (path, its schema, whether it must be there)."""
	for key, value in schema.get("properties", {}).items():
		if key in ("$schema", "$comment"):
			continue
		here = f"{path}.{key}" if path else key
		inner = value["items"] if value.get("type") == "array" else value
		yield here + ("[]" if inner is not value and inner.get("type") == "object" else ""), value, key in schema.get("required", ())
		if path == "profiles" and key != next(k for k in schema["properties"] if k[0] != "$"):
			continue  # the families have all the same keys
		yield from keys(inner, here + ("[]" if inner is not value else ""))


def key_table():
	lines = []
	shown = False
	for path, schema, required in keys(json.loads(read("conf/fotad.schema.json"))):
		if re.fullmatch(r"profiles\.\w+", path):  # one stands for all of them
			if shown:
				continue
			shown = True
		path = re.sub(r"^profiles\.\w+", "profiles.FAMILY", path)
		if re.match(r"profiles\.FAMILY\.timeouts\.", path):
			continue  # as those above
		lines += [f".It Li {name(path)}", *sentences(schema.get("description", "Of this family."))]
		value = kind_of(schema)
		if value == "an object" and not required:
			continue
		default = schema.get("default", "")
		default = f"; default {default if isinstance(default, str) else json.dumps(default)}" if default != "" else ""
		lines += [".br", *sentences(capital(value) + default + ("; required." if required else "."))]
	return [".Bl -tag -width Ds", *lines, ".El"]


# Of what goes wrong in the field, what goes wrong most.
TROUBLE = ("port-denied", "port-busy", "no-answer", "sim-not-ready", "not-registered", "pdp-failed", "stalled", "version-unchanged")


def trouble_table():
	lines = ["| reason | what it means | what to do |", "|---|---|---|"]
	return lines + [f"| `{word}` | {meaning} | {step} |" for word, _, meaning, step in sorted(reasons(), key=lambda row: [*TROUBLE, row[0]].index(row[0]))
		if word in TROUBLE]


TABLES = {
	"README.md": {"reasons": trouble_table},
	"man/fotad.messages.7": {"events": event_table, "reasons": reason_table},
	"man/fotad.json.5": {"keys": key_table},
}


def table(text, word, lines):
	"""The page with this table in it."""
	begin, end = f'.\\" begin {word}: make manual\n', f'.\\" end {word}\n'
	if f"<!-- begin {word}:" in text:
		begin, end = f"<!-- begin {word}: make manual -->\n", f"<!-- end {word} -->\n"
	before, _, rest = text.partition(begin)
	_, _, after = rest.partition(end)
	if not rest or not after:
		raise SystemExit(f"no place for the {word}")
	return before + begin + "\n".join(lines) + "\n" + end + after


def pages(write):
	for page, tables in TABLES.items():
		text = now = read(page)
		for word, lines in tables.items():
			text = table(text, word, lines())
		if write:
			(SOURCE / page).write_text(text, encoding="utf-8")
		check(write or text == now, f"{page} is not what its sources say: make manual")


# ---- what must hold ----

def used_symbols():
	text = "".join(path.read_text(encoding="utf-8") for floor in ("daemon", "lib/io") for path in (SOURCE / floor).glob("*.c"))
	return set(re.findall(r"\bLOG_MESSAGE_(\w+)", text))


def judge_events():
	rows = events()
	entries = catalog()
	check(len(rows) == read("lib/io/log-messages.h").count("\tX("), "a row of log-messages.h is not understood")
	for column, what in (0, "symbol"), (1, "id"), (2, "name"):
		check(len({row[column] for row in rows}) == len(rows), f"two events have the same {what}")
	same([row[1] for row in rows], list(entries), ("log-messages.h", "the catalog"))
	check([row[1] for row in rows if row[1] in entries] == list(entries), "the catalog has another order than log-messages.h")
	used = used_symbols()
	for symbol, *_ in rows:
		check(symbol in used, f"no line says {symbol}")
	fields = set(re.findall(r'\{ "([A-Z]+)", fields->', read("lib/io/log.c")))
	for number, (subject, text) in entries.items():
		check(subject and text, f"catalog: {number} says nothing")
		for field in re.findall(r"@(\w+)@", subject + text):
			check(field.removeprefix("FOTA_") in fields, f"catalog: {number}: no line has the field {field}")


def judge_reasons():
	rows = reasons()
	check(len(rows) == len(re.findall(r"\[REASON_\w+\]", read("lib/core/reason.c"))) - 1, "a row of reason.c is not understood")
	check(all(len(row) == 4 and row[2] and row[3] for row in rows), "a reason has not two sentences")
	page = read("man/fotad.messages.7")
	section = page.partition(".Sh WHAT A JOB WAITS FOR")[2].partition("\n.Sh ")[0]
	same(waits(), [w.replace("\\-", "-") for w in re.findall(r"^\.It Sy (\S+)$", section, re.M)], ("job.c", "fotad.messages(7)"))


def judge_journal():
	"""What journalctl makes of the catalog."""
	with tempfile.TemporaryDirectory() as root:
		place = pathlib.Path(root, "usr/lib/systemd/catalog")
		place.mkdir(parents=True)
		pathlib.Path(root, "var/lib/systemd/catalog").mkdir(parents=True)
		(place / "fotad.catalog").write_text(read("systemd/fotad.catalog"), encoding="utf-8")
		try:
			update = subprocess.run(["journalctl", f"--root={root}", "--update-catalog"], capture_output=True, text=True, check=False)
			dump = subprocess.run(["journalctl", f"--root={root}", "--dump-catalog"], capture_output=True, text=True, check=False)
		except FileNotFoundError:
			print("no journalctl here: it has not judged the catalog")
			return
		check(update.returncode == 0 and not update.stderr, f"journalctl does not take the catalog: {update.stderr}")
		same([row[1] for row in events()], re.findall(r"^-- ([0-9a-f]{32})", dump.stdout, re.M), ("log-messages.h", "journalctl --dump-catalog"))


ELSEWHERE = r"referenced manual not found|outdated mandoc\.db"  # what is installed here says nothing about the page


def judge_manual():
	"""Every page is shipped, and is as mdoc wants it."""
	pages_there = sorted(str(path.relative_to(SOURCE)) for path in (SOURCE / "man").glob("*.[1-8]"))
	shipped = re.search(r"^dist_man_MANS =((?:.*\\\n)*.*)$", read("Makefile.am"), re.M)[1].replace("\\\n", " ").split()
	same(pages_there, shipped, ("man/", "dist_man_MANS"))
	for page in pages_there:
		try:
			lint = subprocess.run(["mandoc", "-T", "lint", SOURCE / page], capture_output=True, text=True, check=False)
		except FileNotFoundError:
			print("no mandoc here: it has not judged the manual")
			break
		for line in (lint.stdout + lint.stderr).splitlines():
			check(re.search(ELSEWHERE, line), line)
		for other, section in re.findall(r"^\.Xr (fota\S+|org\.fotad1) (\d)", read(page), re.M):
			check(f"man/{other}.{section}" in pages_there, f"{page} refers to {other}({section})")


def signatures(name):
	"""The members of an interface, as org.fotad1(5) writes them."""
	for member in xml.etree.ElementTree.parse(DBUS / f"org.fotad1.{name}.xml").find("interface"):
		arguments = {"in": [], "out": []}
		for argument in member.findall("arg"):
			text = f"{argument.get('type')} {argument.get('name')}"
			arguments[argument.get("direction", "in")].append(text)
		given, taken = (f"({', '.join(arguments[way])})" for way in ("in", "out"))
		yield {"property": f"{member.get('name')} {member.get('type')}", "method": f"{member.get('name')}{given} -> {taken}",
			"signal": f"{member.get('name')}{given}"}[member.tag]


def judge_bus():
	"""Each property, method and signal is described, with its types."""
	page = read("man/org.fotad1.5")
	for name in "Manager", "Modem", "Campaign", "Job":
		section = page.partition(f"\n.Sh {name}\n")[2].partition("\n.Sh ")[0]
		described = [line.replace("\\-", "-") for line in re.findall(r"^\.It Li (.*)\n[^.]", section, re.M)]
		described += [line.replace("\\-", "-") for line in re.findall(r"^\.It Li (.*)\n\.(?!It)", section, re.M)]
		same(list(signatures(name)), described, (f"org.fotad1.{name}.xml", "org.fotad1(5)"))


def judge_help():
	"""What --help says, the manual says; and what is said of fotactl elsewhere can be typed."""
	for program, page in ("fotad", "man/fotad.8"), ("fotactl", "man/fotactl.1"), ("fota-sim", "man/fota-sim.1"):
		try:
			said = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, check=True).stdout
		except FileNotFoundError:
			check(False, f"{program} is not built")
			continue
		if program == "fotad":
			said += subprocess.run([BUILD / program, "--rehearse", "--help"], capture_output=True, text=True, check=True).stdout
		manual = re.sub(r"\bFl Fl (?=[a-z])", "--", read(page).replace("\\-", "-"))
		options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", said))
		for option in sorted(options):
			check(re.search(rf"{option}\b", manual), f"{page} says nothing about {option}")
		for option in re.findall(r"^\.(?:It|Op) (--[a-z][a-z-]+)", manual, re.M):
			check(option in options, f"{page} has {option}, {program} --help has not")
		if program == "fotactl":
			verbs = re.findall(r"^  ([a-z-]+) ", said.partition("Verbs:\n")[2].partition("\n\n")[0], re.M)
			sections = manual.partition(".Ss Looking")[2].partition(".Sh OPTIONS")[0]
			same(verbs, re.findall(r"(?:^\.It|,) Cm ([a-z-]+)", sections, re.M), ("fotactl --help", page))
			judge_advice(verbs)
			for completion in "ctl/completion/fotactl", "ctl/completion/_fotactl":
				for word in [*verbs, *sorted(options)]:
					check(re.search(rf"(?<![\w-]){word}(?![\w-])", read(completion)), f"{completion} does not complete {word}")


def judge_advice(verbs):
	"""What people are told to type can be typed."""
	pages_there = [f"man/{path.name}" for path in (SOURCE / "man").iterdir()]
	known = {re.sub(r"\[\]|^campaigns\[\]\.", "", path) for path, *_ in keys(json.loads(read("conf/fotad.schema.json")))}
	for name in "systemd/fotad.catalog", "lib/core/reason.c", "conf/fotad.rules.yml", "README.md", *pages_there:
		text = re.sub(r'"\n\s*"', "", read(name)).replace("\\", "")
		for verb in re.findall(r'(?:^    |^|"|`|\$ |Ql |; |: |then )fotactl ([a-z][a-z-]*)', text, re.M):
			check(verb in verbs, f"{name}: there is no fotactl {verb}")
		for key in re.findall(r"\b(?:limits|metrics|require|retry|timeouts)\.[a-z_]+", text):
			check(key in known, f"{name}: the configuration has no {key}")


def main():
	pages("--write" in sys.argv[1:])
	if "--write" in sys.argv[1:]:
		return 0
	judge_events()
	judge_reasons()
	judge_journal()
	judge_manual()
	judge_bus()
	judge_help()
	for text in found:
		print(text)
	print(f"{len(events())} events, {len(reasons())} reasons, {len(waits())} waits: {len(found)} findings")
	return 1 if found else 0


sys.exit(main())
