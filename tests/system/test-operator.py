#!/usr/bin/python3
"""fotactl on a gateway: doctor under a real systemd, status with a real journal. tests/system/run calls this."""
import json
import re

import gateway
import rig
from rig import VERSIONS

L28, L29, _ = VERSIONS["L610"]


def doctor(g):
	"""({(check, subject): finding}, exit code)"""
	said, code = g.run("fotactl", "--json=short", "doctor", check=False)
	findings = json.loads(said)["findings"]
	return {(f["check"], f["subject"]): f for f in findings}, code


def state_of(findings, check, subject=None):
	rig.check((check, subject) in findings, f"doctor does not speak of {check} {subject}: {sorted(map(str, findings))}")
	return findings[check, subject]["state"]


def test_doctor(g):
	"""A healthy gateway is called so; a missing credential, a stopped unit and a wrong configuration are found, with what to do."""
	g.modem("pump", "L610")
	g.over_ftp("L610", L28, L29)
	g.campaigns_by_target(not_before="2099-01-01T00:00:00Z")
	g.put_credential("fota-ftp", g.passwords["fota-ftp"])
	g.drop_in("credential", "LoadCredential=fota-ftp:/etc/credstore/fota-ftp")
	g.start_modems()
	g.start_service()
	g.log.wait(r" pump: .* runs")
	found, code = doctor(g)
	bad = {key: f for key, f in found.items() if f["state"] == "wrong"}
	rig.equal((bad, code), ({}, 0), "a healthy gateway")
	for check, subject in ("unit", "fotad.service"), ("daemon", None), ("state", None), ("configuration", gateway.CONFIG), \
			("port", "pump"), ("credential", "fota-ftp"):
		rig.equal(state_of(found, check, subject), "good", f"{check} {subject}")

	g.run("rm", "/etc/credstore/fota-ftp")
	found, code = doctor(g)
	rig.equal((state_of(found, "credential", "fota-ftp"), code), ("wrong", 1), "a credential without its file")
	g.drop_in("credential", "")
	found, _ = doctor(g)
	rig.equal(state_of(found, "credential", "fota-ftp"), "wrong", "a credential that the unit does not give")
	rig.check("LoadCredential=fota-ftp:" in found["credential", "fota-ftp"]["mend"], "what to do about it")

	g.run("systemctl", "stop", "fotad")
	found, _ = doctor(g)
	rig.equal((state_of(found, "unit", "fotad.service"), state_of(found, "daemon")), ("wrong", "wrong"), "a stopped unit")
	g.put_config('{ "version": 1, "modems": 7 }')
	g.run("systemctl", "start", "fotad", check=False)
	found, _ = doctor(g)
	rig.check("configuration was refused" in found["unit", "fotad.service"]["text"], f"the unit: {found['unit', 'fotad.service']}")
	rig.check("/modems" in found["configuration", None]["text"], "the configuration's problem")
	g.run("systemctl", "reset-failed")


def test_permission(g):
	"""A port that the service's user may not open is found by root before fotad fails on it."""
	g.one_modem()
	g.put_config()
	g.run("sh", "-c", f"chmod 0600 $(readlink -f {g.ports}/pump)")
	found, code = doctor(g)
	rig.equal((state_of(found, "permission", "pump"), code), ("wrong", 1), "a port that only root may open")


def test_status(g):
	"""status NAME ends with what the journal has about that modem, newest last."""
	m = g.one_modem()
	g.start_service()
	g.log.wait(" pump: succeeded")
	g.log.wait(rig.RESTORED)
	said = g.run("fotactl", "status", "pump")
	rig.check(re.search(r"^state: +succeeded$", said, re.M), said)
	lines = [line for line in said.splitlines() if re.match(r"[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d ", line)]
	rig.equal(len(lines), 10, f"lines of the journal in:\n{said}")
	rig.check(any(f"runs {m.target}" in line for line in lines), said)
	answer = json.loads(g.run("fotactl", "--json=short", "-n", "3", "status", "pump"))
	rig.equal(len(answer["journal"]), 3, "lines of the journal")
	g.run("systemctl", "stop", "fotad")
	said, code = g.run("fotactl", check=False)
	rig.check(code == 69 and "systemctl start fotad" in said, f"{code}: {said}")
	rig.equal(g.show("ActiveState"), "inactive", "the unit: looking does not start it")


gateway.main(test_doctor, test_permission, test_status)
