#include <errno.h>

#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/manager-campaign.h"
#include "daemon/metrics.h"

static const struct config_modem *find_config(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_modems; i++)
		if (text_equal(config->modems[i].name, name))
			return &config->modems[i];
	return NULL;
}

static bool is_known(const struct manager *g, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (text_equal(g->modems[i]->config->name, name))
			return true;
	return false;
}

static void apply(struct manager *g, struct rules *rules)
{
	const struct config *config = rules->config;
	usec_t now = clock_boottime();
	size_t n = g->n_modems;
	int r = 0;

	manager_say_losses(g); /* by the old names */
	for (size_t i = 0; i < n; i++)
		modem_change_rules(
			g->modems[i], rules, find_config(config, g->modems[i]->config->name), now);
	for (size_t i = 0; i < config->n_modems && r >= 0; i++)
		if (!is_known(g, n, config->modems[i].name))
			r = manager_add(g, rules, &config->modems[i]);
	rules_unref(g->rules);
	g->rules = rules;
	manager_untidy(g, now);
	manager_look(g, now); /* for the new ones' ports */
	manager_wake(g);
}

int manager_reload(struct manager *g, struct config_problems *ret_problems)
{
	struct config_problems problems = { 0 };
	struct config *config;
	struct rules *rules;
	int r;

	r = config_load(
		g->options.config_path, g->options.credentials_directory, &config, &problems);
	for (size_t i = 0; i < problems.n_errors; i++)
		log_event(LOG_ERR, LOG_MESSAGE_CONFIG_REJECTED, NULL, "%s", problems.errors[i]);
	for (size_t i = 0; i < problems.n_warnings; i++)
		log_event(
			LOG_WARNING, LOG_MESSAGE_CONFIG_WARNING, NULL, "%s", problems.warnings[i]);
	if (ret_problems)
		*ret_problems = problems;
	else
		config_problems_done(&problems);
	if (r >= 0) {
		rules = rules_new(config);
		r = rules ? manager_take_campaigns(g, rules) : -ENOMEM;
		if (r < 0)
			rules_unref(rules);
	}
	metrics_reload(g, r >= 0);
	if (r < 0) {
		log_event(LOG_ERR, LOG_MESSAGE_CONFIG_REJECTED, NULL,
			"the configuration was not taken: the old one stays in force");
		return r;
	}
	apply(g, rules);
	log_event(LOG_NOTICE, LOG_MESSAGE_CONFIG_TAKEN, NULL, "configuration read again: %zu modem%s",
		rules->config->n_modems, PLURAL(rules->config->n_modems));
	return 0;
}
