/*
 * wait - for the end of jobs (--wait). The job is asked for again with every signal of it, so nothing is missed and nothing
 * is polled.
 */
#pragma once

#include "ctl/ctl.h"

struct waiting;

/* Begins to listen. A failure is said. */
enum ctl_exit waiting_new(struct ctl *ctl, struct waiting **ret) MUST_CHECK;
void waiting_free(struct waiting **waiting); /* for CLEANUP */

/*
 * Until the job is over (id), or, without an id, all jobs of the campaign `name` are. The exit code: done, failed (one of
 * them has failed or is unknown; after a cancel: did not end cancelled), timed out, not running.
 */
enum ctl_exit waiting_run(
	struct waiting *waiting, const char *name, const char *id, const char *method);
