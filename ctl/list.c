#include <string.h>

#include "ctl/fleet.h"
#include "ctl/print.h"
#include "ctl/table.h"

typedef void print_list(const struct ctl *ctl, const struct fleet *fleet);

static enum ctl_exit list(struct ctl *ctl, const char *key, json_t *const *items,
	struct fleet *fleet, print_list *print)
{
	enum ctl_exit code = fleet_read(ctl, fleet);

	if (code != CTL_DONE)
		return code;
	if (ctl->json != CTL_JSON_OFF)
		print_json(ctl, json_pack("{s:O}", key, *items));
	else
		print(ctl, fleet);
	if (ctl->json == CTL_JSON_OFF && !ctl->no_legend)
		/* The key is the plural. */
		printf("\n%zu %.*s listed.\n", json_array_size(*items),
			(int) (strlen(key) - (json_array_size(*items) == 1)), key);
	return CTL_DONE;
}

static void print_all_jobs(const struct ctl *ctl, const struct fleet *fleet)
{
	print_jobs(ctl, fleet, false);
}

enum ctl_exit verb_modems(struct ctl *ctl, int argc UNUSED, char **argv UNUSED)
{
	CLEANUP(fleet_clear) struct fleet fleet = { 0 };

	return list(ctl, "modems", &fleet.modems, &fleet, print_modems);
}

enum ctl_exit verb_jobs(struct ctl *ctl, int argc UNUSED, char **argv UNUSED)
{
	CLEANUP(fleet_clear) struct fleet fleet = { 0 };

	return list(ctl, "jobs", &fleet.jobs, &fleet, print_all_jobs);
}

enum ctl_exit verb_campaigns(struct ctl *ctl, int argc UNUSED, char **argv UNUSED)
{
	CLEANUP(fleet_clear) struct fleet fleet = { 0 };

	return list(ctl, "campaigns", &fleet.campaigns, &fleet, print_campaigns);
}
