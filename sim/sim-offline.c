/*
 * Downloads that only pretend: a given duration, a package from the scenario or made up.
 */
#include "sim/sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "sim/sim-write.h"

#define SYNTHETIC_SIZE 100000
#define STEPS	       100 /* one percent each */

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

void sim_offline_begin(
	struct sim *sim, struct sim_modem *modem, const struct gtota_request *request, usec_t now)
{
	const char *file = request->type == GTOTA_FTP ? request->filename : request->url;

	modem->synthetic = true;
	modem->begun = now;
	modem->size = SYNTHETIC_SIZE;
	modem->package = NULL;
	for (size_t i = 0; i < sim->scenario->n_packages; i++)
		if (ends_with(file, sim->scenario->packages[i].file)) {
			modem->package = &sim->scenario->packages[i];
			modem->size = modem->package->size;
		}
}

static void finish(struct sim *sim, struct sim_modem *modem, usec_t now)
{
	const struct fake_package *p = modem->package ? &modem->package->head : NULL;
	char head[FAKE_PACKAGE_HEAD_MAX], to[VERSION_MAX];

	modem->synthetic = false;
	if (!p && sim->scenario->n_packages > 0) {
		fake_modem_downloaded(&modem->fake, -ENOENT, NULL, 0, now);
		return;
	}
	if (sim->options->version_to[0] != '\0')
		snprintf(to, sizeof(to), "%s", sim->options->version_to);
	else
		next_version(fake_modem_version(&modem->fake), to);
	snprintf(head, sizeof(head), "FOTAD-PACKAGE %s %s %s\n",
		p ? p->model : modem->fake.config.model,
		p ? p->from : fake_modem_version(&modem->fake), p ? p->to : to);
	transcript_event(sim, modem, now, "download-end %llu", (unsigned long long) modem->size);
	fake_modem_downloaded(&modem->fake, 0, head, strlen(head), now);
}

void sim_offline_run(struct sim *sim, struct sim_modem *modem, usec_t now)
{
	usec_t duration = sim->options->offline_time, elapsed = now - modem->begun;

	if (!modem->synthetic)
		return;
	if (elapsed < duration && (modem->package || sim->scenario->n_packages == 0))
		fake_modem_download_progress(
			&modem->fake, modem->size * elapsed / duration, modem->size, now);
	else
		finish(sim, modem, now);
}

usec_t sim_offline_deadline(const struct sim *sim, const struct sim_modem *modem, usec_t now)
{
	usec_t duration = sim->options->offline_time, step = duration / STEPS;

	if (!modem->synthetic)
		return USEC_INFINITY;
	if (step == 0)
		return modem->begun + duration;
	return modem->begun + ((now - modem->begun) / step + 1) * step;
}
