/*
 * What a campaign says, in the types of core: the task of one hop, and the rules of its jobs.
 */
#include "base/text.h"
#include "io/config.h"

void config_task(const struct config_campaign *campaign, const struct config_modem *modem,
	const struct package *package, struct upgrade_task *ret)
{
	*ret = (struct upgrade_task) {
		.request = {
			.type = package->type,
			.url = package->url,
			.filename = package->filename,
			.username = package->username,
			.password = package->password,
		},
		.from = package->from,
		.to = package->to,
		.require = campaign->require,
		.rat = campaign->rat,
		/* On the way to the target the next hop's own preparation asks the same. */
		.check = text_equal(package->to, campaign->target) ? campaign->check : CHECK_NONE,
		.signal = campaign->rules.brake.signal_db > 0,
		.apn = modem->apn,
	};
}

struct job_rules config_job_rules(const struct config_campaign *campaign)
{
	const struct config_retry *retry = &campaign->retry;

	return (struct job_rules){
		.attempts = retry->attempts,
		.delay = retry->delay,
		.max_delay = retry->max_delay,
		.max_bytes = retry->max_bytes,
	};
}
