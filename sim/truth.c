/*
 * The truth file: what really happened to every modem, by the modems' own counters.
 *
 *	{ "version": 1, "modems": [ { "name": "pump-01", "imei": "...", ..., "faults": [ { "name":
 *"stall", "fired": 1 } ] } ] }
 */
#include "sim/sim.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

static const char *const states[] = {
	[FAKE_OFF] = "off",
	[FAKE_BOOTING] = "booting",
	[FAKE_RUNNING] = "running",
	[FAKE_APPLYING] = "applying",
	[FAKE_DEAD] = "dead",
};

/* RFC 8259, 7; names and answers are ASCII, whatever else comes is shown as its byte. */
static void put_text(FILE *file, const char *name, const char *text)
{
	fprintf(file, "\"%s\": \"", name);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char) *text;

		if (c < 0x20 || c > 0x7e)
			fprintf(file, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			fprintf(file, "\\%c", c);
		else
			fputc(c, file);
	}
	fputc('"', file);
}

static void put_count(FILE *file, const char *name, uint64_t value)
{
	fprintf(file, ",\n\t\t\"%s\": %" PRIu64, name, value);
}

static void put_bool(FILE *file, const char *name, bool value)
{
	fprintf(file, ",\n\t\t\"%s\": %s", name, value ? "true" : "false");
}

static void put_identity(FILE *file, const struct sim_modem *modem)
{
	const struct fake_modem *fake = &modem->fake;

	put_text(file, "name", modem->name);
	fputs(", ", file);
	put_text(file, "family", fake->row->name);
	fputs(",\n\t\t", file);
	put_text(file, "imei", fake_modem_imei(fake));
	fputs(", ", file);
	put_text(file, "model", fake->config.model);
	fputs(",\n\t\t", file);
	put_text(file, "version", fake_modem_version(fake));
	fputs(", ", file);
	put_text(file, "version_from", fake->config.version);
	fputs(", ", file);
	put_text(file, "state", states[fake_modem_state(fake)]);
}

static void put_truth(FILE *file, const struct fake_modem_truth *t)
{
	put_count(file, "gtota_received", t->gtota_received);
	put_count(file, "gtota_malformed", t->gtota_malformed);
	put_count(file, "gtota_accepted", t->gtota_accepted);
	put_count(file, "gtota_while_busy", t->gtota_while_busy);
	put_count(file, "gtota_gap_min_us", t->gtota_gap_min);
	put_count(file, "starts_without_callbreak", t->starts_without_callbreak);
	put_count(file, "starts_without_pdp", t->starts_without_pdp);
	put_bool(file, "callbreak_at_start", t->callbreak_at_start);
	put_bool(file, "pdp_at_start", t->pdp_at_start);
	put_count(file, "bytes_while_applying", t->bytes_while_applying);
	put_count(file, "bytes_while_executing", t->bytes_while_executing);
	put_count(file, "commands", t->commands);
	put_count(file, "commands_unknown", t->commands_unknown);
	put_count(file, "commands_while_downloading", t->commands_while_downloading);
	put_count(file, "settings_before_identity", t->settings_before_identity);
	put_count(file, "downloads_started", t->downloads_started);
	put_count(file, "downloads_completed", t->downloads_completed);
	put_count(file, "downloads_failed", t->downloads_failed);
	put_count(file, "packages_applied", t->packages_applied);
	put_count(file, "restarts", t->restarts);
	put_count(file, "resets_commanded", t->resets_commanded);
	put_count(file, "resets_while_busy", t->resets_while_busy);
	put_count(file, "callbreak", (uint64_t) t->callbreak);
	put_count(file, "gprsfirst", (uint64_t) t->gprsfirst);
	put_count(file, "rat", (uint64_t) t->rat);
	put_bool(file, "pdp_active", t->pdp_active);
	put_count(file, "output_lost", t->output_lost);
	put_count(file, "reports_dropped", t->reports_dropped);
}

static void put_modem(FILE *file, const struct sim_modem *modem)
{
	const struct fake_modem_truth *truth = fake_modem_truth(&modem->fake);
	const struct fake_modem_config *config = &modem->fake.config;

	fputs("\t{\n\t\t", file);
	put_identity(file, modem);
	put_truth(file, truth);
	put_count(file, "opened", modem->opened);
	put_count(file, "not_raw", modem->not_raw);
	fputs(",\n\t\t\"faults\": [", file);
	for (size_t i = 0; i < config->n_faults; i++)
		fprintf(file, "%s{ \"name\": \"%s\", \"fired\": %u }", i > 0 ? ", " : "",
			fake_fault_at(config->faults[i].type)->name, truth->faults_fired[i]);
	fputs("]\n\t}", file);
}

int truth_write(struct sim *sim, const char *path)
{
	char temporary[PATH_MAX];
	FILE *file;
	int r;

	r = text_format(temporary, sizeof(temporary), "%s.new", path);
	if (r < 0)
		return r;
	file = fopen(temporary, "we");
	if (!file)
		return -errno;
	fputs("{\n\t\"version\": 1,\n\t\"modems\": [\n", file);
	for (size_t i = 0; i < sim->n_modems; i++) {
		fputs(i > 0 ? ",\n" : "", file);
		put_modem(file, &sim->modems[i]);
	}
	fputs("\n\t]\n}\n", file);
	r = ferror(file) ? -EIO : 0;
	if (fclose(file) != 0 && r >= 0)
		r = -errno;
	if (r >= 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		fprintf(stderr, "fota-sim: %s: %s\n", path, strerror(-r));
		unlink(temporary);
	}
	return r;
}
