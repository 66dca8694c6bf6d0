#include "tests/unit/fake-rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <cmocka.h>

static void note(struct rig *rig, const char *data, size_t size)
{
	assert_true(rig->size + size < sizeof(rig->wire));
	for (size_t i = 0; i < size; i++)
		rig->wire[rig->size++] = data[i] == '\0' ? '@' : data[i];
	rig->wire[rig->size] = '\0';
}

static void keep(char ret[static 256], const char *field)
{
	snprintf(ret, 256, "%s", field ? field : "-");
}

static void begin(struct rig *rig, const struct gtota_request *request)
{
	rig->downloading = true;
	rig->received = 0;
	rig->tick = rig->now + 10 * MSEC;
	keep(rig->url, request->url);
	keep(rig->filename, request->filename);
	keep(rig->username, request->username);
	keep(rig->password, request->password);
}

static void effects(struct rig *rig)
{
	for (;;) {
		struct fake_effect effect = fake_modem_effect(&rig->m);

		switch (effect.type) {
		case FAKE_EFFECT_NONE:
			return;
		case FAKE_EFFECT_PORT_LOST:
			note(rig, "[lost]", 6);
			break;
		case FAKE_EFFECT_PORT_BACK:
			if (effect.renumber)
				note(rig, "[renumbered]", 12);
			else
				note(rig, "[back]", 6);
			if (!rig->closed)
				fake_modem_host_open(&rig->m, true, rig->now);
			break;
		case FAKE_EFFECT_DOWNLOAD:
			begin(rig, &effect.request);
			break;
		case FAKE_EFFECT_ABORT:
			assert_true(rig->downloading);
			rig->downloading = false;
			break;
		}
	}
}

static void pump(struct rig *rig)
{
	char chunk[512];
	size_t n;

	while ((n = fake_modem_output(&rig->m, chunk, sizeof(chunk), rig->now)) > 0) {
		note(rig, chunk, n);
		rig->chunks++;
	}
	effects(rig);
}

static void serve(struct rig *rig)
{
	rig->tick += 10 * MSEC;
	rig->received += 100;
	if (rig->download_error == 0)
		fake_modem_download_progress(&rig->m, rig->received, rig->total, rig->now);
	pump(rig);
	if (rig->downloading && (rig->received >= 1000 || rig->download_error < 0)) {
		rig->downloading = false;
		fake_modem_downloaded(
			&rig->m, rig->download_error, rig->head, strlen(rig->head), rig->now);
	}
}

void rig_run(struct rig *rig, usec_t duration)
{
	usec_t end = rig->now + duration;

	for (;;) {
		usec_t next;

		pump(rig);
		next = fake_modem_deadline(&rig->m);
		if (rig->downloading)
			next = usec_min(next, rig->tick);
		if (next > end)
			break;
		rig->now = usec_max(rig->now, next);
		if (rig->downloading && rig->tick <= rig->now)
			serve(rig);
		fake_modem_advance(&rig->m, rig->now);
	}
	rig->now = end;
}

void rig_send(struct rig *rig, const char *line)
{
	fake_modem_input(&rig->m, line, strlen(line), rig->now);
	fake_modem_input(&rig->m, "\r", 1, rig->now);
	rig_run(rig, 1 * SEC);
}

void rig_clear(struct rig *rig)
{
	rig->size = 0;
	rig->wire[0] = '\0';
}

void rig_start(struct rig *rig)
{
	fake_modem_power_on(&rig->m, &rig->config, rig->now);
	fake_modem_host_open(&rig->m, true, rig->now);
}

static const char *head_for(enum fake_family family)
{
	switch (family) {
	case FAKE_L610:
		return "FOTAD-PACKAGE L610-CN " RIG_FROM " " RIG_TO "\nfiller";
	case FAKE_NL652:
		return "FOTAD-PACKAGE NL652-EU-00 " RIG_FROM " " RIG_TO "\nfiller";
	case FAKE_NL668:
	case FAKE_NL668_OLD:
		break;
	}
	return "FOTAD-PACKAGE NL668 " RIG_FROM " " RIG_TO "\nfiller";
}

void rig_power(struct rig *rig, enum fake_family family, uint64_t seed, const char *fault)
{
	char problem[160] = "";

	memset(rig, 0, sizeof(*rig));
	rig->now = 100 * SEC;
	rig->total = 1000;
	rig->head = head_for(family);
	fake_modem_defaults(&rig->config, family, 7);
	rig->config.seed = seed;
	snprintf(rig->config.version, sizeof(rig->config.version), "%s", RIG_FROM);
	if (fault) {
		if (fake_fault_parse(fault, &rig->config.faults[0], problem, sizeof(problem)) < 0)
			fail_msg("%s", problem);
		rig->config.n_faults = 1;
	}
	rig_start(rig);
}
