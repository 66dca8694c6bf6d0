/*
 * fake-rig - a fake modem with a host that listens, a virtual clock and a server: what the tests of the
 * modem look at is one text, `wire`, in which port events stand between the lines as [lost], [back], [renumbered].
 */
#pragma once

#include <stddef.h>

#include "sim/fake-modem-internal.h"

#define RIG_FROM "16000.1000.00.01.28"
#define RIG_TO   "16000.1000.00.01.30"

struct rig {
	struct fake_modem m;
	struct fake_modem_config config;
	usec_t now;
	char wire[64 * 1024];
	size_t size;
	unsigned chunks;
	bool closed;       /* the host does not open the port */
	bool downloading;
	int download_error;
	usec_t tick;       /* when the server sends its next tenth */
	uint64_t received, total;
	const char *head;  /* of the package */
	char url[256], filename[256], username[256], password[256];
};

void rig_power(struct rig *rig, enum fake_family family, uint64_t seed, const char *fault);
void rig_start(struct rig *rig); /* with rig->config as it stands */
void rig_send(struct rig *rig, const char *line); /* with its CR; waits until nothing is due within 1 s */
void rig_run(struct rig *rig, usec_t duration);
void rig_clear(struct rig *rig);
