/*
 * Shadow fetch: before the first modem of a wave goes, all packages on the way of the wave's modems are fetched by
 * fotad-fetch and compared with what the configuration says of them; one that differs halts the campaign, before any
 * modem was touched. A package that is needed only later (a modem came back, or is another) is fetched then. All of it
 * again with every wave, and after a start of fotad, a reload or an operator's word.
 */
#include "daemon/manager-campaign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/fetch-client.h"
#include "daemon/modem.h"

#define PATIENCE (30 * SEC) /* longer than the helper takes at most */

struct campaign_fetch {
	struct manager *manager;
	struct campaign_run *run;
	uint64_t *good; /* packages that are known to be right */
	size_t n_good, allocated;
	unsigned wave; /* in which they were fetched */
	bool whole;    /* all that the modems of the open waves need */

	struct fetch_client *client; /* under way; NULL: nothing is, and so below */
	uint64_t key;
	uint64_t size;
	char sha256[SHA256_TEXT]; /* "": the package does not say */
	char what[FETCH_SAID_MAX + 2 * VERSION_MAX];
};

/* ---- which ---- */

static uint64_t hash(uint64_t seed, const char *text)
{
	return text ? text_hash(seed, text, strlen(text) + 1) : text_hash(seed, "", 0);
}

static uint64_t key_of(const struct package *p)
{
	uint64_t key = text_hash(0, &p->size, sizeof(p->size));

	return hash(
		hash(hash(hash(hash(key, p->url), p->filename), p->username), p->sha256), p->to);
}

static bool is_good(const struct campaign_fetch *f, uint64_t key)
{
	for (size_t i = 0; i < f->n_good; i++)
		if (f->good[i] == key)
			return true;
	return false;
}

/* Where a modem stands: as it says now, or as it was seen last. */
static const struct profile *find_profile(const struct modem *m)
{
	const struct profile *row = NULL;

	if (m->identified)
		return m->dialogue.upgrade.profile;
	if (m->who.profile)
		return m->who.profile;
	if (profile_match(m->seen.model, &row) == PROFILE_MATCH_NONE)
		return NULL;
	return config_profile(m->rules->config, row);
}

/* The first package on its way to the target that is not known to be right; NULL: all are, or there is no way. */
static const struct package *find_missing(const struct campaign_fetch *f, const struct modem *m)
{
	const struct identity *i = m->identified ? &m->dialogue.upgrade.identity : &m->seen;
	const struct config *config = f->run->rules->config;
	const struct profile *profile = find_profile(m);
	const char *version = i->version;
	const struct package *package;
	size_t hops;

	for (unsigned n = 0; profile && version[0] != '\0' && n < PACKAGE_CHAIN_MAX; n++) {
		if (package_next(config->packages, config->n_packages, profile, i->model, version,
			    f->run->target, f->run->rules->work, &package, &hops) < 0)
			return NULL;
		if (!is_good(f, key_of(package)))
			return package;
		version = package->to;
	}
	return NULL;
}

static bool may_need_one(const struct campaign_run *run, const struct member *member)
{
	return member->wave <= run->campaign.wave &&
	       (member->state == MEMBER_WAITING || member->state == MEMBER_DEFERRED ||
		       member->state == MEMBER_FAILING);
}

/* ret: the modem that it is for. Most of a wave are alike: they are asked once. */
static const struct package *find_any_missing(
	struct campaign_fetch *f, struct modem *first, const struct modem **ret)
{
	const struct package *missing = find_missing(f, first);
	const struct modem *before = first;

	*ret = first;
	if (missing || f->whole)
		return missing;
	for (size_t i = 0; i < f->run->n_members && !missing; i++) {
		const struct modem *m = modem_of_member(f->run->members[i]);

		if (!may_need_one(f->run, f->run->members[i]) ||
			(m->identified && before->identified &&
				text_equal(m->dialogue.upgrade.identity.version,
					before->dialogue.upgrade.identity.version) &&
				text_equal(m->dialogue.upgrade.identity.model,
					before->dialogue.upgrade.identity.model)))
			continue;
		*ret = before = m;
		missing = find_missing(f, m);
	}
	f->whole = !missing;
	return missing;
}

/* ---- what comes of it ---- */

static void say(const struct campaign_fetch *f, int level, const char *text, const char *more)
{
	struct log_fields fields = LOG_FIELDS_NONE;

	fields.campaign = f->run->name;
	log_event(level, LOG_MESSAGE_FETCHED, &fields, "campaign %s: %s: %s%s", f->run->name,
		f->what, text, more);
}

static void stop(struct campaign_fetch *f, const char *text)
{
	struct campaign_run *run = f->run;

	f->n_good = 0;
	f->whole = false;
	campaign_stop(&run->campaign, CAMPAIGN_FETCH);
	(void) text_format(run->fetch_why, sizeof(run->fetch_why), "%s: %s", f->what, text);
	campaign_run_say_halt(f->manager, run);
	run->plan = true;
}

static void add_good(struct campaign_fetch *f)
{
	if (f->n_good == f->allocated) {
		size_t n = f->allocated > 0 ? 2 * f->allocated : 8;
		uint64_t *good = reallocarray(f->good, n, sizeof(*good));

		if (!good) { /* not asked for ever */
			stop(f, "no memory");
			return;
		}
		f->good = good;
		f->allocated = n;
	}
	f->good[f->n_good++] = f->key;
}

static void settle(struct campaign_fetch *f, enum fetch_verdict verdict, const char *text)
{
	switch (verdict) {
	case FETCH_SAME:
		say(f, LOG_INFO, "what its server serves is compared, and the same: ",
			f->size > 0 && f->sha256[0] ? "size and SHA-256"
			: f->sha256[0]		    ? "SHA-256"
			: f->size > 0		    ? "size (the package says no sha256)"
				      : "it is there (the package says neither size nor sha256)");
		break;
	case FETCH_DIFFERS:
		stop(f, text);
		return;
	case FETCH_UNKNOWN:
		if (f->run->config->fetch == FETCH_REQUIRE) {
			stop(f, text);
			return;
		}
		say(f, LOG_WARNING, text, "; it is sent for all the same (\"fetch\": \"try\")");
		break;
	}
	add_good(f);
}

static void explain(const struct campaign_fetch *f, int error, char ret[static FETCH_SAID_MAX])
{
	if (error == -ETIMEDOUT)
		(void) text_format(ret, FETCH_SAID_MAX, "fotad-fetch has not answered in time");
	else if (error == -EPROTO)
		(void) text_format(ret, FETCH_SAID_MAX,
			"fotad-fetch has ended without an answer (journalctl -u 'fotad-fetch@*')");
	else
		(void) text_format(ret, FETCH_SAID_MAX,
			"fotad-fetch cannot be reached (%.100s: %s); systemctl enable --now "
			"fotad-fetch.socket lets it be started",
			f->manager->options.fetch_socket, strerror(-error));
}

static void finish(struct campaign_fetch *f, int error, const struct fetch_answer *answer)
{
	enum fetch_verdict verdict = FETCH_UNKNOWN;
	char text[FETCH_SAID_MAX];

	f->run->campaign.fetching = false;
	f->run->changed = f->run->say = true;
	if (error < 0)
		explain(f, error, text);
	else
		verdict = fetch_judge(answer, f->size, f->sha256[0] ? f->sha256 : NULL, text);
	settle(f, verdict, text);
	manager_wake(f->manager);
}

static void on_done(int error, const struct fetch_answer *answer, void *userdata)
{
	struct campaign_fetch *f = userdata;
	struct fetch_client *client = STEAL(f->client);

	finish(f, error, answer);
	fetch_client_free(client);
}

/* ---- asking ---- */

static int copy(char *ret, size_t size, const char *text)
{
	return text_copy(ret, size, text ?: "");
}

static int make_request(const struct campaign_fetch *f, const struct package *p,
	const struct modem *m, struct fetch_request *ret)
{
	const struct profile *profile = find_profile(m);
	int r;

	*ret = (struct fetch_request){
		.type = p->type,
		.limit = profile->package_max,
		.stall = profile->timeouts.stall,
		.timeout = profile->timeouts.download,
	};
	r = copy(ret->url, sizeof(ret->url), p->url);
	if (r == 0)
		r = copy(ret->filename, sizeof(ret->filename), p->filename);
	if (r == 0)
		r = copy(ret->username, sizeof(ret->username), p->username);
	if (r == 0)
		r = p->credential ? config_credential(f->manager->options.credentials_directory,
					    p->credential, ret->password)
				  : copy(ret->password, sizeof(ret->password), p->password);
	return r;
}

static void begin(struct campaign_fetch *f, const struct package *p, const struct modem *m)
{
	struct fetch_request request;
	char shown[FETCH_SAID_MAX], text[FETCH_SAID_MAX];
	int r;

	f->key = key_of(p);
	f->size = p->size;
	(void) text_format(f->sha256, sizeof(f->sha256), "%s", p->sha256 ?: "");
	fetch_show(p->type, p->url, p->filename, shown);
	(void) text_format(
		f->what, sizeof(f->what), "package %s to %s (%s)", p->from, p->to, shown);
	r = make_request(f, p, m, &request);
	if (r < 0) {
		f->run->changed = true;
		(void) text_format(text, sizeof(text), "credential \"%.100s\" cannot be read: %s",
			p->credential ?: "", strerror(-r));
		stop(f, text);
	} else {
		f->run->campaign.fetching = f->run->changed = f->run->say = true;
		r = fetch_client_new(f->manager->event, f->manager->options.fetch_socket, &request,
			usec_add(request.timeout, PATIENCE), on_done, f, &f->client);
		if (r < 0)
			finish(f, r, NULL);
	}
	explicit_bzero(&request, sizeof(request));
}

bool manager_fetch_allows(struct manager *g, struct modem *m)
{
	struct campaign_fetch *f = m->run ? m->run->fetch : NULL;
	const struct package *package;
	const struct modem *whose;

	if (!f || m->run->config->fetch == FETCH_OFF)
		return true;
	f->manager = g;
	if (f->wave != m->run->campaign.wave) {
		f->wave = m->run->campaign.wave;
		f->n_good = 0;
		f->whole = false;
	}
	package = f->client ? NULL : find_any_missing(f, m, &whose);
	if (package)
		begin(f, package, whose);
	return !package && !f->client;
}

int campaign_run_make_fetch(struct campaign_run *run)
{
	if (!run->fetch)
		run->fetch = calloc(1, sizeof(*run->fetch));
	if (!run->fetch)
		return -ENOMEM;
	run->fetch->run = run;
	return 0;
}

void campaign_run_forget_fetched(struct campaign_run *run)
{
	struct campaign_fetch *f = run->fetch;

	if (!f)
		return;
	f->client = fetch_client_free(f->client);
	f->n_good = 0;
	f->whole = run->campaign.fetching = false;
}

void campaign_run_free_fetch(struct campaign_run *run)
{
	campaign_run_forget_fetched(run);
	if (run->fetch)
		free(run->fetch->good);
	free(run->fetch);
	run->fetch = NULL;
}
