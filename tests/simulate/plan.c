/*
 * A life before it is lived: everything that is random about it, from a seed and a number.
 */
#include "tests/simulate/simulate.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

uint64_t plan_random(uint64_t *state, uint64_t n)
{
	return n > 0 ? fake_random(state) % n : 0;
}

bool plan_chance(uint64_t *state, unsigned per_mille)
{
	return plan_random(state, 1000) < per_mille;
}

/* Short times are as likely as long ones. */
usec_t plan_time(uint64_t *state, usec_t from, usec_t to)
{
	usec_t span = to > from ? to - from : 0;

	switch (plan_random(state, 4)) {
	case 0:
		span /= 10;
		break;
	case 1:
		span /= 3;
		break;
	default:
		break;
	}
	return from + plan_random(state, span + 1);
}

bool plan_has(const struct plan *p, enum disturbance_type type)
{
	for (size_t i = 0; i < p->n_disturbances; i++)
		if (p->disturbances[i].type == type)
			return true;
	return false;
}

bool plan_has_fault(const struct plan *p, enum fake_fault_type type)
{
	for (size_t i = 0; i < p->module.n_faults; i++)
		if (p->module.faults[i].type == type)
			return true;
	return false;
}

static void make_timeouts(struct plan *p)
{
	uint64_t *r = &p->random;
	struct timeouts *t = &p->profile.timeouts;

	if (!plan_chance(r, 300)) {
		t->command = plan_time(r, 1 * SEC, 8 * SEC);
		t->identify = plan_time(r, t->command, 15 * SEC);
		t->registration = plan_time(r, 10 * SEC, 3 * MINUTE);
		t->pdp = plan_time(r, 10 * SEC, 3 * MINUTE);
		t->start = plan_time(r, 10 * SEC, 2 * MINUTE);
		t->stall = plan_time(r, 30 * SEC, 5 * MINUTE);
		t->download = plan_time(r, 10 * MINUTE, 1 * HOUR);
		t->leave = plan_time(r, 30 * SEC, 5 * MINUTE);
		t->return_ = plan_time(r, 5 * MINUTE, 30 * MINUTE);
		t->settle = plan_time(r, 2 * SEC, 45 * SEC);
	}
	p->timeouts = *t;
}

/* A module without a fault keeps every limit with room to spare. */
static void make_module(struct plan *p)
{
	struct fake_modem_config *m = &p->module;
	const struct timeouts *t = &p->profile.timeouts;
	uint64_t *r = &p->random;

	m->seed = plan_random(r, UINT32_MAX);
	m->answer_time = plan_chance(r, 500) ? 0 : plan_time(r, 1 * MSEC, t->command / 4);
	m->boot_time = plan_time(r, 100 * MSEC, t->return_ / 20);
	m->apply_time = plan_time(r, 100 * MSEC, t->return_ / 20);
	m->resets = 1 + (unsigned) plan_random(r, 3);
	m->text_time = plan_time(r, 10 * MSEC, 3 * SEC);
	m->sim_time = plan_time(r, 10 * MSEC, 5 * SEC);
	m->network_time = plan_time(r, 10 * MSEC, t->registration / 4);
	m->pdp_time = plan_time(r, 0, t->pdp / 4);
	m->start_time = plan_time(r, 0, usec_min(t->start, t->stall) / 3);
	m->verify_time = plan_time(r, 0, usec_min(t->leave, t->stall) / 3);
	m->give_up_time = plan_time(r, 1 * SEC, t->download / 3);
	m->percent_step = 5 + (int) plan_random(r, 30);
	m->keep_port = plan_chance(r, 200);
	m->callbreak = (int) plan_random(r, 2);
	m->gprsfirst = (int) plan_random(r, 2);
}

static enum fake_family make_family(struct plan *p)
{
	static const struct {
		enum fake_family family;
		const char *profile;
		enum profile_mipcall mipcall;
	} rows[] = {
		{ FAKE_L610, "L610", PROFILE_MIPCALL_REQUIRED },
		{ FAKE_L610, "L610", PROFILE_MIPCALL_REQUIRED },
		{ FAKE_NL668, "NL668", PROFILE_MIPCALL_NEVER },
		{ FAKE_NL652, "NL652", PROFILE_MIPCALL_NEVER },
		{ FAKE_NL668_OLD, "NL668", PROFILE_MIPCALL_REQUIRED },
	};
	size_t i = plan_random(&p->random, ELEMENTSOF(rows));

	p->profile = *profile_by_name(rows[i].profile);
	p->profile.mipcall = rows[i].mipcall;
	return rows[i].family;
}

static void make_packages(struct plan *p)
{
	const struct timeouts *t = &p->profile.timeouts;
	uint64_t *r = &p->random;
	usec_t longest;

	p->ftp = plan_chance(r, 400);
	p->hops = plan_chance(r, 150) ? 2 : 1;
	memcpy(p->versions[0], p->module.version, VERSION_MAX);
	for (unsigned i = 0; i < p->hops; i++) {
		(void) text_format(p->versions[i + 1], VERSION_MAX, "16000.2000.00.%02u.%02u",
			(unsigned) plan_random(r, 100), i);
		(void) text_format(p->urls[i], URL_SIZE,
			p->ftp ? "fota/hop%u.bin" : "http://fota.example/l/hop%u.bin", i);
	}
	/* Two reports are never further apart than a third of `stall`. */
	p->download_ticks = 100u / (unsigned) p->module.percent_step + 1;
	longest = usec_min(t->download / 3, t->stall / 3 * p->download_ticks);
	p->download_time = plan_time(r, 1 * SEC, longest);
	p->wrong_package = plan_chance(r, 30);
	if (plan_chance(r, 30))
		p->server_error = -5 - (int) plan_random(r, 3);
}

static void make_task(struct plan *p)
{
	uint64_t *r = &p->random;

	p->require = (struct requirement){
		.technology = (enum technology) plan_random(r, 3),
		.check_rssi = plan_chance(r, 500),
		.rssi_dbm = -113 + 2 * (int) plan_random(r, 18),
		.refuse_roaming = plan_chance(r, 500),
		.supply_mv = plan_chance(r, 500) ? 3400 : 0,
		.idle = plan_chance(r, 500),
	};
	p->rat = plan_chance(r, 400) ? RAT_LOCK : RAT_KEEP;
	p->check = (enum upgrade_check) plan_random(r, 3);
	p->rules = (struct job_rules){
		.attempts = 1 + (unsigned) plan_random(r, 3),
		.delay = plan_time(r, 1 * SEC, 10 * MINUTE),
		.max_delay = 30 * MINUTE,
	};
	p->imei_named = plan_chance(r, 500);
	p->profile_named = plan_chance(r, 300);
}

static const char *const commands[] = { "AT", "E0", "+CGMI", "+CGMM", "+CGMR", "+CGSN",
	"+CMEE=", "+CPIN?", "+GTOTA=?", "+GTOTA=", "+CEREG?", "+CBC", "+CPAS", "+COPS?", "+CSQ",
	"+GTRAT", "+GTSET", "+GTSET=", "+MIPCALL?", "+MIPCALL=", "+CGREG?", "+CGACT?", "+CGACT=", "" };

static const char *const line_starts[] = { "OK", "GTOTA DOWNLOAD START", "GTOTA DOWNLOADING",
	"GTOTA DOWNLOAD COMPLETE", "GTOTA", "+CGSN", "+CPIN", "+MIPCALL", "AT command ready",
	"RDY" };

static const char *const texts[] = { "+CTZV: +4", "RING", "+CEREG: 1", "GTOTA DOWNLOADING: 3%" };

static void fault_text(struct plan *p, struct fake_fault *f)
{
	uint64_t *r = &p->random;
	const char *text = NULL;

	switch ((int) f->type) {
	case FAKE_FAULT_DROP_LINE:
	case FAKE_FAULT_DUPLICATE_LINE:
		text = line_starts[plan_random(r, ELEMENTSOF(line_starts))];
		break;
	case FAKE_FAULT_URC_INSIDE_ANSWER: /* not a report: that would be another's download */
		text = texts[plan_random(r, ELEMENTSOF(texts) - 1)];
		break;
	case FAKE_FAULT_SECOND_RESET:
		text = plan_chance(r, 500) ? "old" : "new";
		break;
	case FAKE_FAULT_ECHO:
		text = (const char *[]){ "on", "off", "changing" }[plan_random(r, 3)];
		break;
	case FAKE_FAULT_UPDATE_REPORTS:
		text = plan_chance(r, 500) ? "gtota" : "qind";
		break;
	case FAKE_FAULT_VERSION_OTHER:
		text = "16000.9999.00.99.99";
		break;
	case FAKE_FAULT_IMEI_OTHER:
		text = "861234569999993";
		break;
	}
	if (text)
		(void) text_format(f->text, sizeof(f->text), "%s", text);
}

static void make_fault(struct plan *p, struct fake_fault *f)
{
	const struct fake_fault_row *row;
	const struct timeouts *t = &p->profile.timeouts;
	uint64_t *r = &p->random;

	row = fake_fault_at(plan_random(r, _FAKE_FAULT_MAX));
	if (p->wrong_package && plan_chance(r, 300))
		row = fake_fault_at(FAKE_FAULT_MISMATCH_FAILED);
	*f = row->value;
	if (row->keys & FAKE_FAULT_TAKES_COMMAND && plan_chance(r, 800)) {
		const char *command = commands[plan_random(r, ELEMENTSOF(commands))];

		(void) text_format(f->command, sizeof(f->command), "%s", command);
	}
	if (row->keys & FAKE_FAULT_TAKES_PERCENT && (f->command[0] == '\0' || plan_chance(r, 500)))
		f->percent = (int) plan_random(r, 101);
	if (row->keys & FAKE_FAULT_TAKES_TIME && f->type != FAKE_FAULT_SLOW_BYTES &&
		f->type != FAKE_FAULT_CHUNKS)
		f->time = plan_time(r, 100 * MSEC, plan_chance(r, 500) ? t->command * 2 : t->stall);
	if (f->type == FAKE_FAULT_STALL || f->type == FAKE_FAULT_NO_START)
		f->time = plan_time(r, 1 * SEC, t->download / 3); /* forgotten within `download` */
	if (f->type == FAKE_FAULT_GTOTA_CME || f->type == FAKE_FAULT_ERROR)
		f->number = (int[]){ 3, 4, 10, 14, 30, 50, 58, 100, 148, 980 }[plan_random(r, 10)];
	if (f->type == FAKE_FAULT_AUTOBAUD)
		f->number = 1 + (int) plan_random(r, 4);
	if (plan_chance(r, 600))
		f->times = 1 + (unsigned) plan_random(r, 3);
	if (f->times == 0 && (f->type == FAKE_FAULT_NMEA || f->type == FAKE_FAULT_BABBLE ||
				     f->type == FAKE_FAULT_BOOT_LOOP))
		f->times = 1 + (unsigned) plan_random(r, 12); /* a life is long, and a store may be slow */
	if (plan_chance(r, 300))
		f->skip = (unsigned) plan_random(r, 6);
	fault_text(p, f);
}

/* By NTP, by hand, by an empty battery: a second or decades, to either side. */
static int64_t make_step(uint64_t *r)
{
	static const usec_t sizes[] = { 1 * SEC, 1 * HOUR, 1 * DAY, 40 * 365 * DAY };
	usec_t size = plan_time(r, 1 * MSEC, sizes[plan_random(r, ELEMENTSOF(sizes))]);

	return plan_chance(r, 500) ? (int64_t) size : -(int64_t) size;
}

/* Steps of more interest come more often by being entered more often; the others are aimed at. */
static void make_disturbance(struct plan *p, struct disturbance *d)
{
	const struct timeouts *t = &p->profile.timeouts;
	uint64_t *r = &p->random;
	static const enum disturbance_type types[] = { DISTURBANCE_CRASH, DISTURBANCE_CRASH,
		DISTURBANCE_CRASH, DISTURBANCE_CANCEL, DISTURBANCE_GLITCH, DISTURBANCE_GLITCH,
		DISTURBANCE_SWAP, DISTURBANCE_GAP, DISTURBANCE_STEP };

	*d = (struct disturbance){
		.type = types[plan_random(r, ELEMENTSOF(types))],
		.step = plan_chance(r, 850) ? (int) plan_random(r, STEPS) : -1,
		.entry = plan_chance(r, 700) ? 1 : 1 + (unsigned) plan_random(r, 4),
		.duration = plan_time(r, 10 * MSEC, plan_chance(r, 500) ? 1 * MINUTE : t->download),
	};
	/* Around the start it matters most what comes first. */
	if (plan_chance(r, 250))
		d->step = STEP_START + (int) plan_random(r, 4);
	if (plan_chance(r, 400))
		d->events = (unsigned) plan_random(r, 4);
	else
		d->delay = plan_time(r, 0, d->step < 0 ? t->download / 2 : 1 * MINUTE);
	if (d->type == DISTURBANCE_CRASH) {
		d->other_boot = plan_chance(r, 200);
		d->store_lost = plan_chance(r, 40);
	}
	if (d->type == DISTURBANCE_STEP || (d->type == DISTURBANCE_CRASH && plan_chance(r, 400)))
		d->clock_step = make_step(r);
}

void plan_make(struct plan *p, uint64_t seed, uint64_t life)
{
	uint64_t *r = &p->random;
	enum fake_family family;

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	p->life = life;
	p->random = seed * 0x9e3779b97f4a7c15u ^ (life + 1) * 0xbf58476d1ce4e5b9u;
	family = make_family(p);
	make_timeouts(p);
	fake_modem_defaults(&p->module, family, (unsigned) plan_random(r, 1000));
	make_module(p);
	make_packages(p);
	make_task(p);
	p->other = p->module;
	(void) text_format(p->other.imei, sizeof(p->other.imei), "861234560000009");
	p->module.n_faults = plan_chance(r, 250) ? 0 : plan_random(r, FAULTS_MAX + 1);
	for (size_t i = 0; i < p->module.n_faults; i++)
		make_fault(p, &p->module.faults[i]);
	p->n_disturbances = plan_chance(r, 300) ? 0 : plan_random(r, DISTURBANCES_MAX);
	for (size_t i = 0; i < p->n_disturbances; i++)
		make_disturbance(p, &p->disturbances[i]);
	p->store_delay = plan_chance(r, 930) ? 20 * MSEC : 8 * SEC;
	p->store_failures = plan_chance(r, 850) ? 0 : (unsigned) plan_random(r, 300);
	p->short_writes = plan_chance(r, 300);
	p->slow_writes = p->short_writes && plan_chance(r, 200);
}
