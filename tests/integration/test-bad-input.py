#!/usr/bin/python3
"""Bad configurations: a clear error and exit code 78, and not one byte to any modem. And what just fits works."""
import copy
import json
import os

import rig
from rig import VERSIONS

L28, L29, _ = VERSIONS["L610"]
N21, N22, _ = VERSIONS["NL668"]
BAD = {"quote": '"', "backslash": "\\", "cr": "\r", "lf": "\n", "nul": "\0", "umlaut": "ü", "delete": "\x7f", "tab": "\t",
	"escape": "\x1b"}
HTTP = "http://127.0.0.1:9/x.bin"
FTP = {"server": "127.0.0.1:9", "file": "x.bin", "username": "fota", "password": "x"}


def good(bench):
	return {"version": 1,
		"modems": [{"name": "pump", "port": bench.path("ports", "pump")}],
		"packages": [{"model": "L610", "from": L28, "to": L29, "http": {"url": HTTP}}],
		"campaigns": [{"name": "all", "target": L29}],
		"timeouts": rig.TIMEOUTS}


def with_package(bench, **package):
	config = good(bench)
	del config["packages"][0]["http"]
	config["packages"][0].update(package)
	return config


def changed(bench, change):
	config = copy.deepcopy(good(bench))
	change(config)
	return config


def nested(depth):
	return '{"version": 1, "$comment": "x", "limits": ' + "[" * depth + "]" * depth + "}"


def documents(bench):
	"""What is wrong: the file's text, and what the message must have."""
	def of(config, where):
		return json.dumps(config), where

	rows = {
		"url of 256 bytes": of(with_package(bench, http={"url": HTTP + "x" * (256 - len(HTTP))}), "/packages/0/http/url"),
		"https": of(with_package(bench, http={"url": "https://127.0.0.1/x.bin"}), "/packages/0/http/url"),
		"no scheme": of(with_package(bench, http={"url": "127.0.0.1/x.bin"}), "/packages/0/http/url"),
		"empty url": of(with_package(bench, http={"url": ""}), "/packages/0/http/url"),
		"user in the url": of(with_package(bench, http={"url": "http://a:b@127.0.0.1/x.bin"}), "/packages/0/http/url"),
		"space in the url": of(with_package(bench, http={"url": "http://127.0.0.1/x y.bin"}), "/packages/0/http/url"),
		"http with a file name": of(with_package(bench, http={"url": HTTP, "file": "x.bin"}), "/packages/0/http"),
		"http and ftp": of(with_package(bench, http={"url": HTTP}, ftp=FTP), "/packages/0"),
		"neither": of(with_package(bench), "/packages/0"),
		"line over the limit": of(with_package(bench, ftp={key: "x" * 255 for key in FTP}), "/packages/0"),
		"unknown key": of(changed(bench, lambda c: c.update(modmes=[])), "modmes"),
		"unknown key deep": of(changed(bench, lambda c: c["modems"][0].update(prot="x")), "/modems/0"),
		"no version": of(changed(bench, lambda c: c.pop("version")), "version"),
		"a number as name": of(changed(bench, lambda c: c["modems"][0].update(name=7)), "/modems/0/name"),
		"relative port": of(changed(bench, lambda c: c["modems"][0].update(port="ttyUSB0")), "/modems/0/port"),
		"duplicate key": ('{"version": 1, "modems": [], "modems": []}', "modems"),
		"deep nesting": (nested(100), ""),
		"very deep nesting": (nested(1_000_000), ""),
		"empty file": ("", ""),
		"spaces": ("  \n\n", ""),
		"half a file": (json.dumps(good(bench))[:-30], ""),
		"two documents": (json.dumps(good(bench)) * 2, ""),
		"a list": ("[]", ""),
		"not UTF-8": (b'{"version": 1, "$comment": "\xff\xfe"}', ""),
		"binary": (bytes(range(256)), ""),
	}
	for key in FTP:
		ftp = dict(FTP)
		del ftp[key]
		rows[f"ftp without {key}"] = of(with_package(bench, ftp=ftp), "/packages/0/ftp")
		rows[f"ftp with empty {key}"] = of(with_package(bench, ftp={**FTP, key: ""}), "/packages/0/ftp")
		rows[f"ftp {key} of 256 bytes"] = of(with_package(bench, ftp={**FTP, key: "x" * 256}), "/packages/0/ftp")
	for name, byte in BAD.items():
		where = "" if name == "nul" else "/packages/0/"  # jansson refuses that one as syntax
		rows[f"{name} in url"] = of(with_package(bench, http={"url": HTTP + byte}), where)
		for key in FTP:
			rows[f"{name} in ftp {key}"] = of(with_package(bench, ftp={**FTP, key: "x" + byte + "x"}), where)
	return rows


def start(bench, path):
	daemon = bench.daemon(config=path)
	return daemon.wait(30), daemon.log.text()


def judge(bench, what, path, where, wrong):
	code, said = start(bench, path)
	if code != 78:
		wrong.append(f"{what}: exit code {code}: {said}")
	elif f"{path}:" not in said or where not in said:
		wrong.append(f"{what}: no clear error: {said}")
	elif any(ord(c) < 32 and c != "\n" for c in said):
		wrong.append(f"{what}: a control byte in the error: {said!r}")


def test_bad_configurations(bench):
	bench.modem("pump", "L610", configured=False)
	bench.start_modems()
	wrong = []
	for number, (what, (text, where)) in enumerate(documents(bench).items()):
		path = bench.path(f"bad-{number}.json")
		with open(path, "wb") as file:
			file.write(text if isinstance(text, bytes) else text.encode())
		judge(bench, what, path, where, wrong)
	for what, path in ("no file", bench.path("nothing.json")), ("a directory", bench.directory), ("a device", "/dev/zero"):
		judge(bench, what, path, "", wrong)
	huge = bench.path("huge.json")
	with open(huge, "wb") as file:
		file.truncate(17 * 1024 * 1024)
	judge(bench, "a huge file", huge, "", wrong)
	rig.equal(bench.transcript.lines, [], "seen by the modem")
	rig.check(not wrong, "\n  ".join(["", *wrong]))
	truth = bench.truth()["pump"]
	rig.equal((truth["commands"], truth["opened"]), (0, 0), "commands, and opens of the port")


def test_conf_d(bench):
	"""A bad file in conf.d is as bad, and both files of a name defined twice are named."""
	bench.modem("pump", "L610", configured=False)
	bench.start_modems()
	main = bench.write("etc/fotad.json", json.dumps(good(bench)))
	bench.write("etc/conf.d/10-more.json", json.dumps({"version": 1, "modems": good(bench)["modems"]}))
	code, said = start(bench, main)
	rig.equal(code, 78, "exit code of fotad")
	rig.check("etc/fotad.json" in said and "conf.d/10-more.json" in said, f"not both files are named: {said}")
	os.unlink(bench.path("etc/conf.d/10-more.json"))
	bench.write("etc/conf.d/20-broken.json", "{")
	code, said = start(bench, main)
	rig.equal(code, 78, "exit code of fotad")
	rig.check("conf.d/20-broken.json:" in said, f"the broken file is not named: {said}")
	rig.equal(bench.transcript.lines, [], "seen by the modem")


def test_every_problem_at_once(bench):
	"""--check-config and a start say the same, all of it."""
	config = good(bench)
	config["modems"][0].update(baud_rate=7, imei="1")
	config["packages"][0]["http"]["url"] = "https://x/y"
	path = bench.write("fotad.json", json.dumps(config))
	_, said = start(bench, path)
	check = bench.daemon("--check-config", once=False, state=None, config=path)
	rig.equal(check.wait(), 78, "exit code of --check-config")
	for where in "/modems/0/baud_rate", "/modems/0/imei", "/packages/0/http/url":
		rig.check(where in said and where in check.log.text(), f"{where} is not named")


def test_longest_url(bench):
	"""255 bytes are allowed, and arrive."""
	modems = []
	for family in "L610", "NL668":
		first, second, _ = VERSIONS[family]
		modems.append(bench.modem(f"modem-{family}", family))
		address = f"http://{bench.web().host}/"
		file = family + "x" * (255 - len(address) - len(family) - 4) + ".bin"
		bench.http(family, first, second, file=file)
		rig.equal(len(bench.config["packages"][-1]["http"]["url"]), 255, "length of the URL")
	bench.campaigns_by_target()
	_, truth = rig.run_once(bench)
	for m in modems:
		rig.judge_success(bench, m, truth[m.name])


def test_longest_ftp(bench):
	"""A user and a password of 255 bytes each."""
	bench.ftp(user="u" * 255, password="p" * 255)
	m = bench.modem("pump", "L610")
	bench.over_ftp("L610", L28, L29)
	bench.campaigns_by_target()
	_, truth = rig.run_once(bench)
	rig.judge_success(bench, m, truth["pump"])


def test_bad_credentials(bench):
	"""What a GTOTA line cannot hold, in a credential: that job fails by name, nothing is started, the others work."""
	bench.credential("good", "right")
	rows = {"quote": 'a"b', "control": "a\x01b", "umlaut": "aüb", "two-lines": "a\nb", "empty": "", "long": "x" * 256, "missing": None}
	for name, password in rows.items():
		if password is not None:
			bench.credential(name, password)
		bench.modem(name, "NL668", model=rig.NL668_VARIANTS[len(bench.modems)])
		bench.config["packages"].append({"model": bench.modems[name].model, "from": N21, "to": N22,
			"ftp": {**FTP, "password": {"credential": name}}})
	m = bench.modem("good", "L610")
	bench.http("L610", L28, L29)
	bench.campaigns_by_target()
	daemon, truth = rig.run_once(bench, wanted=1)
	rig.judge_success(bench, m, truth["good"])
	for name in rows:
		rig.judge_word(bench, bench.modems[name], "failed", "credential")
		rig.judge_conduct(name, truth[name])
		rig.equal(truth[name]["gtota_received"], 0, f"{name}: starts")


rig.main(test_bad_configurations, test_conf_d, test_every_problem_at_once, test_longest_url, test_longest_ftp, test_bad_credentials)
