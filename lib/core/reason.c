/*
 * reason - see reason.h. One table; fotad.messages(7) and fotactl explain show its sentences.
 *
 * The classes follow conduct 18 (before the start step what may pass waits, what needs a person
 * fails at once) and 20 (no-service is never retried). After the start step a verdict is a failure
 * whatever its class says; the class then tells whether another attempt makes sense: WAITS and
 * RETRY yes, PERSON no.
 */
#include "core/reason.h"

#include <assert.h>
#include <stddef.h>

#include "base/macros.h"
#include "base/text.h"

struct reason_row {
	const char *name;
	enum reason_class class;
	const char *meaning;
	const char *next_step;
};

/* clang-format off */
static const struct reason_row reasons[] = {
	[REASON_NONE] = { "", REASON_WAITS,
		"Nothing is wrong.",
		"Nothing is to be done." },
	[REASON_PORT_ABSENT] = { "port-absent", REASON_WAITS,
		"The modem's port does not exist on this gateway.",
		"Check the module's power and USB cable; if it enumerates at another place, "
		"\"fotactl detect\" shows the new port for the configuration." },
	[REASON_PORT_BUSY] = { "port-busy", REASON_WAITS,
		"Another program holds the port or its lock file.",
		"Run \"fotactl doctor\" as root to see the holder and stop it; if it is "
		"ModemManager, let it ignore this port or give fotad another AT port of the "
		"module." },
	[REASON_PORT_DENIED] = { "port-denied", REASON_PERSON,
		"The operating system does not let fotad open the port.",
		"Give user fotad access (group dialout or the shipped udev rule), check with "
		"\"fotactl doctor\", then \"fotactl retry\" the modem." },
	[REASON_PORT_LOST] = { "port-lost", REASON_WAITS,
		"The port went away in the middle of the work.",
		"Look at \"journalctl -k\" for USB disconnects, and check cable, hub and "
		"supply; if a download had begun, leave the module powered until it has a "
		"verdict." },
	[REASON_PORT_STUCK] = { "port-stuck", REASON_WAITS,
		"Opening, configuring or closing the port does not return.",
		"Look at \"journalctl -k\" for USB errors; unless a job shows this module as "
		"installing, replug it or power-cycle its hub port." },
	[REASON_NO_ANSWER] = { "no-answer", REASON_WAITS,
		"The port is open, but nobody answers AT on it.",
		"Check that the module is on and that the port is an AT port (\"fotactl "
		"detect\"); on a UART check baud_rate and wiring." },
	[REASON_WRONG_MODEM] = { "wrong-modem", REASON_PERSON,
		"The module on this port is not the one that the configuration names.",
		"Compare the IMEI in \"fotactl show\" with the configuration: correct port "
		"or imei there and reload, or put the right module back." },
	[REASON_UNKNOWN_MODEL] = { "unknown-model", REASON_PERSON,
		"The maker does not document this command for the module's model.",
		"If the maker confirms +GTOTA for this model, set the modem's \"profile\" by "
		"name and reload; else take the modem out of the campaign." },
	[REASON_DUPLICATE] = { "duplicate", REASON_PERSON,
		"The same IMEI answers on two open ports.",
		"Take one of the two modems out of the configuration if both are ports of "
		"one module; if they are two modules, one has a cloned IMEI and must be "
		"replaced." },
	[REASON_NO_PACKAGE] = { "no-package", REASON_PERSON,
		"No package for this model leads to the target version.",
		"Add the package to the configuration, or correct its model or the "
		"campaign's target, and reload; \"fotactl explain\" names model and version." },
	[REASON_BASE_MISMATCH] = { "base-mismatch", REASON_PERSON,
		"Packages lead to the target, but none from the version that the module runs.",
		"Get the package made for exactly the version that \"fotactl show\" prints, "
		"add it and reload; never relabel one made for another version." },
	[REASON_SIM_NOT_READY] = { "sim-not-ready", REASON_PERSON,
		"The SIM is missing, locked or broken.",
		"Check that the SIM is seated, unlock its PIN or PUK, or replace it, then "
		"\"fotactl retry\" the modem." },
	[REASON_NOT_REGISTERED] = { "not-registered", REASON_WAITS,
		"The module is not registered in a network.",
		"Check antenna, coverage and that the SIM's contract is active; it is tried "
		"again by itself." },
	[REASON_ROAMING] = { "roaming", REASON_WAITS,
		"The module is roaming, which the campaign does not allow.",
		"Wait until it is home again, or set require.roaming to true if the contract "
		"allows the traffic." },
	[REASON_SLOW_NETWORK] = { "slow-network", REASON_WAITS,
		"The network in use is slower than the campaign asks for; on 2G upgrades may fail.",
		"Improve LTE coverage at the site, or lower require.technology if a slow "
		"download is acceptable." },
	[REASON_WEAK_SIGNAL] = { "weak-signal", REASON_WAITS,
		"The signal is weaker than the campaign asks for, or not known.",
		"Check the antenna and its cable, or lower require.rssi_dbm; it is tried "
		"again by itself." },
	[REASON_LOW_SUPPLY] = { "low-supply", REASON_WAITS,
		"The module's supply voltage is lower than the campaign asks for.",
		"Check power supply and battery before anything else: losing power while a "
		"package is installed can destroy the module." },
	[REASON_IN_CALL] = { "in-call", REASON_WAITS,
		"A call is going on.",
		"Wait for its end, or end it; it is tried again by itself." },
	[REASON_SETTING_REFUSED] = { "setting-refused", REASON_PERSON,
		"The module refuses AT+GTSET=\"CALLBREAK\",1, without which a ring could "
		"break the upgrade.",
		"Read its answer in \"fotactl trace\" and ask the maker about this firmware; "
		"do not start the upgrade by hand." },
	[REASON_PDP_FAILED] = { "pdp-failed", REASON_WAITS,
		"The module gets no data connection (MIPCALL gives no address).",
		"Check apn name, user and password in the configuration, and the contract's "
		"data volume; the error number is in \"fotactl trace\"." },
	[REASON_UNSUPPORTED] = { "unsupported", REASON_PERSON,
		"The module's firmware does not know +GTOTA.",
		"Bring it over USB or by exchange to a firmware that has the command, or "
		"take the modem out of the campaign." },
	[REASON_BUSY] = { "busy", REASON_WAITS,
		"The module is still occupied by an upgrade, perhaps one begun elsewhere or "
		"before.",
		"Wait and do not reset it; it is asked again once that upgrade has ended or "
		"its time is over." },
	[REASON_REJECTED] = { "rejected", REASON_RETRY,
		"The module answers +GTOTA with an error.",
		"Look up the +CME ERROR in \"fotactl show\": wrong parameters need a "
		"corrected package address, other errors mostly a new attempt." },
	[REASON_NO_START] = { "no-start", REASON_RETRY,
		"The module was asked to begin, but never said that it did, and runs the old "
		"version.",
		"Check from a SIM of the same APN that the server answers with this URL; "
		"another attempt follows while any are left." },
	[REASON_STALLED] = { "stalled", REASON_RETRY,
		"The download began and then fell silent, and the module runs the old version.",
		"Check the server's log for the aborted transfer, and the signal at the "
		"site; if this recurs on a slow link raise timeouts.stall." },
	[REASON_DOWNLOAD_FAILED] = { "download-failed", REASON_RETRY,
		"The module reports that the download failed, or refuses the package it "
		"downloaded.",
		"Check the server's log for this module: file there, length given, no "
		"redirect, login right; a failure at 100 % means a package for another "
		"version." },
	[REASON_NO_REBOOT] = { "no-reboot", REASON_RETRY,
		"The package was downloaded, but the module did not restart to install it, "
		"and runs the old version.",
		"Check that the package fits model and version exactly; if this recurs, restart "
		"the module on site." },
	[REASON_NOT_BACK] = { "not-back", REASON_RETRY,
		"The module left to install the package and has not come back; what it runs "
		"is unknown.",
		"Keep its power on and wait, the job settles itself when it answers; if it "
		"shows as USB 05c6:9008 or stays away for hours, it needs service over USB." },
	[REASON_VERSION_UNCHANGED] = { "version-unchanged", REASON_RETRY,
		"The module restarted with the old version: it did not accept the package.",
		"Check that the package was made for exactly this model and version and "
		"arrived whole (size, sha256) before spending another attempt." },
	[REASON_VERSION_UNEXPECTED] = { "version-unexpected", REASON_PERSON,
		"The module now runs a version that is neither the old one nor the package's.",
		"Find out which file the server really holds under this address, correct the "
		"package's \"to\" or the file, then \"fotactl retry\" the modem." },
	[REASON_NO_SERVICE] = { "no-service", REASON_PERSON,
		"The new version runs, but the module does not get back into service.",
		"Do not upgrade again; check registration, APN and band settings on the "
		"module, and stop the campaign if a second modem shows the same." },
	[REASON_CANCELLED] = { "cancelled", REASON_PERSON,
		"An operator cancelled the job.",
		"Nothing is to be done; \"fotactl retry\" makes a new job." },
	[REASON_DEADLINE] = { "deadline", REASON_PERSON,
		"The campaign's not_after came before the job could begin.",
		"See in \"fotactl history\" what it waited for, move not_after and reload, "
		"then \"fotactl retry\" the modem." },
	[REASON_CREDENTIAL] = { "credential", REASON_PERSON,
		"A password that the configuration names is missing or cannot be used.",
		"Provide the systemd credential (at most 255 printable ASCII bytes, no quote "
		"or backslash) and run \"systemctl restart fotad\"." },
	[REASON_STORE] = { "store", REASON_WAITS,
		"What is about to be done could not be saved, so it was not done.",
		"Check free space, permissions and health of the disk under the state "
		"directory; work goes on by itself once saving works." },
	[REASON_SHORTAGE] = { "shortage", REASON_WAITS,
		"This gateway has too little memory, or fotad too many open files.",
		"See what uses them up (free, \"systemctl status fotad\"), and LimitNOFILE= of the "
		"unit; work goes on by itself once there is room." },
};
/* clang-format on */

static_assert(ELEMENTSOF(reasons) == _REASON_MAX, "every reason has its row");

/* A number from an older or damaged record is no reason at all. */
static const struct reason_row *row(enum reason reason)
{
	return &reasons[(unsigned) reason < _REASON_MAX ? reason : REASON_NONE];
}

const char *reason_name(enum reason reason)
{
	return row(reason)->name;
}

enum reason reason_by_name(const char *name)
{
	for (unsigned i = 0; i < _REASON_MAX; i++)
		if (text_equal(reasons[i].name, name))
			return (enum reason) i;
	return REASON_NONE;
}

enum reason_class reason_class(enum reason reason)
{
	return row(reason)->class;
}

const char *reason_meaning(enum reason reason)
{
	return row(reason)->meaning;
}

const char *reason_next_step(enum reason reason)
{
	return row(reason)->next_step;
}
