#!/usr/bin/python3
"""Upgrades over HTTP, from a real nginx: every family, every listed variant, chains of two packages."""
import rig
from rig import NL668_VARIANTS, VERSIONS


def test_every_family_and_variant(bench):
	"""A package per modem, so that the server's log tells who fetched what."""
	bench.modem("pump", "L610")
	for i, model in enumerate(NL668_VARIANTS):
		bench.modem(f"meter-{i}", "NL668", model=model)
	bench.modem("gate", "NL652")
	files = {}
	for m in bench.modems.values():
		files[m.name] = bench.http(m.model, m.version, m.target)
	for entry in bench.config["modems"]:
		entry["imei"] = bench.modems[entry["name"]].imei
	bench.campaigns_by_target()
	daemon, truth = rig.run_once(bench)
	for m in bench.modems.values():
		rig.judge_success(bench, m, truth[m.name])
		rig.judge_word(bench, m, "succeeded")
		rig.equal(bench.received(m.name), [rig.SIZE], f"{m.name}: bytes received")
		rig.equal(bench.web_bytes(files[m.name]), [rig.SIZE], f"{m.name}: bytes sent by nginx")
	rig.check(daemon.log.find("12 of 12 modems run their target"), "no summary")


def test_two_hops(bench):
	for family in "L610", "NL668", "NL652":
		first, second, third = VERSIONS[family]
		bench.modem(f"chain-{family}", family, target=third)
		bench.modem(f"middle-{family}", family, version=second, target=third)
		bench.modem(f"there-{family}", family, version=third, target=third)
		bench.http(family, first, second, size=50_001)
		bench.http(family, second, third, size=50_002)
	bench.campaigns_by_target()
	daemon, truth = rig.run_once(bench)
	for m in bench.modems.values():
		hops = {"chain": 2, "middle": 1, "there": 0}[m.name.split("-")[0]]
		rig.judge_success(bench, m, truth[m.name], hops)
		rig.judge_word(bench, m, "succeeded")
		rig.equal(bench.received(m.name), [50_001, 50_002][2 - hops:], f"{m.name}: bytes received")
		rig.equal(truth[m.name]["gtota_received"], hops, f"{m.name}: starts")
	for family in "L610", "NL668", "NL652":
		first, second, third = VERSIONS[family]
		rig.equal(bench.web_bytes(f"{family}-{first}-{second}.bin"), [50_001], "first hop")
		rig.equal(bench.web_bytes(f"{family}-{second}-{third}.bin"), [50_002] * 2, "second hop")


def test_full_image(bench):
	"""From "*": for NL668 only, and only where no exact chain leads."""
	first, second, _ = VERSIONS["NL668"]
	bench.modem("delta", "NL668")
	bench.modem("image", "NL668", version="19006.1000.00.02.76.11")
	bench.http("NL668", "*", second, size=70_000, file="image.bin")
	bench.http("NL668", first, second, size=50_000, file="delta.bin")
	bench.campaigns_by_target()
	_, truth = rig.run_once(bench)
	for m in bench.modems.values():
		rig.judge_success(bench, m, truth[m.name])
	rig.equal(bench.web_bytes("delta.bin"), [50_000], "bytes of the delta")
	rig.equal(bench.web_bytes("image.bin"), [70_000], "bytes of the full image")


def test_slow_server(bench):
	"""A download that takes longer than `stall` and reports all the way."""
	bench.web(rate=20_000)
	bench.modem("slow", "NL668")
	file = bench.http("NL668", *VERSIONS["NL668"][:2], size=80_000)
	bench.campaigns_by_target()
	_, truth = rig.run_once(bench)
	rig.judge_success(bench, bench.modems["slow"], truth["slow"])
	rig.equal(bench.web_bytes(file), [80_000], "bytes sent by nginx")


rig.main(test_every_family_and_variant, test_two_hops, test_full_image, test_slow_server)
