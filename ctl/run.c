/*
 * run - what fotad does itself, on this machine: replay, check-config. fotactl becomes fotad, so all it says and its exit
 * code are fotad's.
 */
#include <stdlib.h>
#include <unistd.h>

#include "ctl/run.h"

#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/fleet.h"
#include "ctl/link.h"

const char *fotad_program(void)
{
	const char *program = getenv("FOTAD");

	return program && program[0] ? program : FOTAD_PROGRAM;
}

static enum ctl_exit become(const char *option, const char *second)
{
	const char *program = fotad_program();

	execl(program, program, option, second, (char *) NULL);
	complain("cannot run %s (%m). Is package fotad installed?", program);
	return CTL_FAILED;
}

enum ctl_exit verb_replay(struct ctl *ctl UNUSED, int argc UNUSED, char **argv)
{
	char option[4096 + sizeof("--replay=")];

	if (text_format(option, sizeof(option), "--replay=%s", argv[1]) < 0) {
		complain("the name of the file is too long");
		return CTL_USAGE;
	}
	return become(option, NULL);
}

enum ctl_exit verb_check_config(struct ctl *ctl, int argc, char **argv)
{
	CLEANUP(json_decrefp) json_t *daemon = NULL;
	const char *config = argc > 1 ? argv[1] : ctl->config;
	char option[4096 + sizeof("--config=")];
	enum ctl_exit code;

	if (!config && link_try(ctl) && link_is_on_bus(ctl, FOTAD_NAME)) {
		daemon = link_properties(ctl, FOTAD_ROOT, FOTAD_MANAGER, &code);
		config = text_of(daemon, "ConfigurationFile");
	}
	if (!config)
		return become("--check-config", NULL);
	if (text_format(option, sizeof(option), "--config=%s", config) < 0) {
		complain("the name of the file is too long");
		return CTL_USAGE;
	}
	return become("--check-config", option);
}
