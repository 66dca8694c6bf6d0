#include "ctl/detect.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/fleet.h"
#include "ctl/holders.h"
#include "ctl/link.h"
#include "ctl/print.h"
#include "ctl/table.h"
#include "ctl/text.h"

/* ---- whose it is already ---- */

/* A module whose other port is at work must not be spoken to either: every port of that USB device is left alone. */
static void skip_module(
	struct detect_ports *ports, const char *usb, const char *device, const char *why)
{
	for (size_t i = 0; i < ports->n; i++) {
		struct detect_port *port = &ports->ports[i];
		bool same = (usb && port->usb && text_starts_with(port->usb, usb)) ||
			    text_equal(port->device, device);

		if (same && !port->skipped)
			port->skipped = words("%s", why);
	}
}

static const char *usb_of(const struct detect_ports *ports, const char *device)
{
	for (size_t i = 0; i < ports->n; i++)
		if (text_equal(ports->ports[i].device, device))
			return ports->ports[i].usb;
	return NULL;
}

static void skip_what_fotad_has(struct ctl *ctl, struct detect_ports *ports)
{
	CLEANUP(fleet_clear) struct fleet fleet = { 0 };
	json_t *modem;
	size_t i;

	if (!link_try(ctl) || !link_is_on_bus(ctl, FOTAD_NAME) ||
		fleet_read(ctl, &fleet) != CTL_DONE)
		return;
	json_array_foreach (fleet.modems, i, modem) {
		const char *device = text_of(modem, "device");
		TEXT_AUTO why = words("fotad has it: %s", text_of(modem, "name"));

		if (device)
			skip_module(ports, usb_of(ports, device), device, why);
	}
}

static void skip_what_modem_manager_has(struct ctl *ctl, struct detect_ports *ports)
{
	CLEANUP(json_decrefp) json_t *devices = modem_manager_devices(ctl);
	json_t *device;
	size_t i;

	json_array_foreach (devices, i, device)
		skip_module(ports, json_string_value(device), "",
			"ModemManager works with this module; if fotad shall have it: fotactl "
			"doctor says how");
}

static void skip_what_others_have(struct detect_ports *ports)
{
	for (size_t i = 0; i < ports->n; i++) {
		TEXT_AUTO holder = holder_of(ports->ports[i].device);
		TEXT_AUTO why = words("held by %s", holder ? holder : "");

		if (holder)
			skip_module(ports, ports->ports[i].usb, ports->ports[i].device, why);
	}
}

/* ---- what is proposed ---- */

/* "l610-0123": the family and the end of the IMEI; longer where two share that. */
static char *name_for(const struct detect_ports *ports, const struct detect_port *port)
{
	const char *family = port->profile ? port->profile->name : "modem",
		   *imei = port->identity.imei;
	size_t digits = 4;
	char *name;

	for (size_t i = 0; i < ports->n; i++) {
		const struct detect_port *other = &ports->ports[i];

		while (other != port && other->answered && digits < 15 &&
			text_equal(imei + 15 - digits, other->identity.imei + 15 - digits) &&
			!text_equal(imei, other->identity.imei))
			digits++;
	}
	name = words("%s-%s", family, imei + 15 - digits);
	for (char *c = name; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char) (*c - 'A' + 'a') : *c;
	return name;
}

static bool is_usable(const struct detect_port *port)
{
	return port->answered && port->match != PROFILE_MATCH_NONE;
}

static json_t *propose(const struct detect_ports *ports)
{
	json_t *modems = json_array();

	for (size_t i = 0; i < ports->n; i++) {
		const struct detect_port *port = &ports->ports[i];
		TEXT_AUTO name = is_usable(port) ? name_for(ports, port) : NULL;

		if (!name)
			continue;
		json_array_append_new(modems,
			json_pack("{s:s, s:s, s:s, s:s*}", "name", name, "port", port->stable,
				"imei", port->identity.imei, "profile",
				port->match == PROFILE_MATCH_LISTED ? NULL : port->profile->name));
	}
	return json_pack("{s:s, s:i, s:o, s:[], s:[]}", "$schema", FOTAD_SCHEMA, "version", 1,
		"modems", modems, "packages", "campaigns");
}

static const char *finding_of(const struct detect_port *port)
{
	if (port->skipped)
		return port->skipped;
	if (port->trouble)
		return port->trouble;
	if (port->match == PROFILE_MATCH_NONE)
		return "this model is not documented to know +GTOTA";
	return port->match == PROFILE_MATCH_FAMILY
		       ? "the vendor does not list this variant: its family is set as profile"
		       : "";
}

static json_t *ports_json(const struct detect_ports *ports)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ports->n; i++) {
		const struct detect_port *port = &ports->ports[i];
		const struct identity *identity = &port->identity;
		TEXT_AUTO ids =
			port->vendor ? words("%04x:%04x", port->vendor, port->product) : NULL;
		const char *finding = finding_of(port);

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s?, s:o, s:s?, s:s?, s:s?, s:b, s:s?}", "device",
				port->device, "port", port->stable, "usb", ids, "interface",
				port->interface >= 0 ? json_integer(port->interface) : json_null(),
				"model", identity->model[0] ? identity->model : NULL, "version",
				identity->version[0] ? identity->version : NULL, "imei",
				identity->imei[0] ? identity->imei : NULL, "usable",
				is_usable(port), "note", finding[0] ? finding : NULL));
	}
	return list;
}

/* To stderr: stdout is for the configuration. */
static void print_ports(const struct ctl *ctl, const struct detect_ports *ports)
{
	static const struct table_column columns[] = { { "PORT", TABLE_LEFT },
		{ "USB", TABLE_LEFT }, { "IF", TABLE_RIGHT }, { "MODEL", TABLE_LEFT },
		{ "VERSION", TABLE_LEFT }, { "IMEI", TABLE_LEFT }, { "NOTE", TABLE_LEFT } };
	TABLE_AUTO table = table_new(ctl, columns, ELEMENTSOF(columns));

	for (size_t i = 0; i < ports->n; i++) {
		const struct detect_port *port = &ports->ports[i];
		TEXT_AUTO ids =
			port->vendor ? words("%04x:%04x", port->vendor, port->product) : words("-");
		TEXT_AUTO interface =
			port->interface >= 0 ? words("%d", port->interface) : words("-");

		table_row(table);
		table_cell(table, port->device, TABLE_PLAIN);
		table_drawn(table, ids, TABLE_PLAIN);
		table_drawn(table, interface, TABLE_PLAIN);
		table_cell(table, port->identity.model, TABLE_PLAIN);
		table_cell(table, port->identity.version, TABLE_PLAIN);
		table_cell(table, port->identity.imei, TABLE_PLAIN);
		table_cell(table, finding_of(port), TABLE_PLAIN);
	}
	TEXT_AUTO text = table_text(table, 0);
	fprintf(stderr, "%s\n", text);
}

static size_t count_usable(const struct detect_ports *ports)
{
	size_t n = 0;

	for (size_t i = 0; i < ports->n; i++)
		n += is_usable(&ports->ports[i]);
	return n;
}

static enum ctl_exit report(const struct ctl *ctl, const struct detect_ports *ports)
{
	size_t found = count_usable(ports);
	json_t *proposal = propose(ports);

	if (ctl->json != CTL_JSON_OFF) {
		print_json(ctl, json_pack("{s:o, s:o}", "ports", ports_json(ports), "configuration",
					proposal));
		return found > 0 ? CTL_DONE : CTL_NOTHING_TO_DO;
	}
	if (!ctl->no_legend && ports->n > 0)
		print_ports(ctl, ports);
	if (found > 0) {
		json_dumpf(proposal, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		putchar('\n');
		fflush(stdout);
		if (!ctl->no_legend)
			fprintf(stderr,
				"\n%zu found. Put this into /etc/fotad/conf.d/modems.json, add "
				"packages and a campaign (man fotad.json), "
				"then: fotactl check-config\n",
				found);
	} else {
		complain("no modem was found that could be configured. %s",
			ports->n == 0 ? "No USB serial port is here: are the modules powered, and "
					"the drivers option or cdc_acm loaded? See lsusb"
				      : "What is in the way stands above");
	}
	json_decref(proposal);
	return found > 0 ? CTL_DONE : CTL_NOTHING_TO_DO;
}

enum ctl_exit verb_detect(struct ctl *ctl, int argc, char **argv)
{
	CLEANUP(detect_free) struct detect_ports ports;

	detect_find(&ports, argv + 1, (size_t) argc - 1);
	skip_what_fotad_has(ctl, &ports);
	skip_what_modem_manager_has(ctl, &ports);
	skip_what_others_have(&ports);
	if (!holders_are_visible() && !ctl->no_legend)
		complain("not run as root: who holds a port is seen only where it is locked");
	detect_ask(&ports);
	return report(ctl, &ports);
}
