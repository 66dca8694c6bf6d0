/*
 * control-internal - what the files of control share. For control*.c only.
 */
#pragma once

#include "base/macros.h"
#include "daemon/control.h"
#include "daemon/manager-campaign.h"
#include "daemon/modem.h"

void control_say(struct control_answer *answer, enum control_result result, const char *format, ...)
	PRINTF_LIKE(3, 4);

bool control_is_number(const char *name, uint64_t *ret); /* is this a job's id? */

/* Whom it is about, when that is to be made durable; has it a job, or can it have one? false: the answer says why not. */
bool control_need(struct manager *g, const char *name, struct control_target *ret, struct control_answer *answer);
bool control_has_job(const struct modem *m, struct control_answer *answer);

/* What a modem still needs, by what it runs, or ran when it was seen last. */
struct control_chain {
	const char *from;    /* NULL: it was never seen */
	int error;           /* -EALREADY: it runs its target; -ENOENT: there is no chain */
	size_t hops;
	uint64_t bytes, next_bytes; /* of all hops, and of the first */
};
void control_chain(const struct modem *m, struct control_chain *ret);
