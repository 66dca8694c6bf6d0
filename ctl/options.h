/*
 * options - the command line: systemctl's habits. The table of verbs is also the help, and what the tests compare the
 * manual and the completions with.
 */
#pragma once

#include "ctl/ctl.h"

struct verb {
	const char *name, *arguments; /* "NAME [FILE]" */
	int least, most;	      /* how many; most < 0: any number */
	bool local;		      /* looks at this machine: refuses -H and -M */
	ctl_verb *run;
	const char *help;
};

const struct verb *verb_by_name(const char *name); /* NULL: none */
const struct verb *verb_near(const char *name);	   /* for "did you mean"; NULL: none is near */
void print_help(void);

/* Takes options, wherever they stand; the index of the verb in argv, or minus the exit code, minus one. */
int options_parse(struct ctl *ctl, int argc, char **argv);
