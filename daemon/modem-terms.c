/*
 * An attempt that an earlier life of fotad has begun goes on by the rules of then, whatever the configuration says by
 * now (conduct 21). Passwords are the configuration's: only the names of their credentials were kept.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/modem.h"

struct kept {
	struct terms terms;
	struct profile profile;
	char from[VERSION_MAX], to[VERSION_MAX];
};

const struct profile *modem_kept_profile(const struct modem *m, const struct profile *row)
{
	return m->kept && text_equal(m->kept->profile.name, row->name) ? &m->kept->profile : row;
}

const struct job_rules *modem_kept_rules(const struct modem *m)
{
	return m->kept ? &m->kept->terms.rules : NULL;
}

/* A password that stands in the configuration itself was not kept. */
static const char *literal(const struct modem *m, const struct apn *apn)
{
	const struct apn *now = &m->config->apn;

	return !apn->credential && text_equal(now->name, apn->name) &&
			       text_equal(now->username, apn->username)
		       ? now->password
		       : NULL;
}

/* The service check may need a long line once more. */
static bool has_room(struct modem *m)
{
	if (m->task->check != CHECK_PDP || !m->task->apn.name)
		return true;
	if (!m->room)
		m->room = malloc(AT_COMMAND_MAX);
	if (!m->room)
		return false;
	dialogue_lend(&m->dialogue, m->room);
	return true;
}

static bool take(struct modem *m, const struct upgrade_record *r)
{
	struct kept *kept = m->kept = calloc(1, sizeof(*kept));

	m->task = calloc(1, sizeof(*m->task));
	if (!kept || !m->task)
		return false;
	kept->terms = m->attempt->terms;
	memcpy(kept->from, r->from, sizeof(kept->from));
	memcpy(kept->to, r->to, sizeof(kept->to));
	if (!terms_profile(&kept->terms, &kept->profile))
		return false;
	terms_task(&kept->terms, m->task);
	m->task->from = kept->from;
	m->task->to = kept->to;
	m->task->apn.password = literal(m, &m->task->apn);
	if (!has_room(m))
		return false;
	(void) modem_show_secrets(m); /* if it cannot be read, that is said now */
	modem_hide_secrets(m);
	return true;
}

const struct upgrade_task *modem_take_terms(struct modem *m, const struct upgrade_record *r)
{
	modem_forget_task(m);
	if (!m->attempt || !m->attempt->terms.profile[0])
		return NULL; /* it began under an older fotad */
	if (!take(m, r)) {
		modem_forget_task(m);
		modem_log(m, LOG_WARNING, LOG_MESSAGE_WARNING, REASON_SHORTAGE,
			"no memory for the rules that the upgrade began with: those of now hold, and "
			"its service is not checked");
		return NULL;
	}
	modem_find_profile(m);
	return m->task;
}

void modem_forget_terms(struct modem *m)
{
	if (!m->kept)
		return;
	free(m->kept);
	m->kept = NULL;
	modem_find_profile(m);
}
