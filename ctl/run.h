/*
 * run - where fotad is, for what is asked of the program and not of the daemon.
 */
#pragma once

/* As it is installed; $FOTAD names another. */
const char *fotad_program(void);
