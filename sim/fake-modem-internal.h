/*
 * fake-modem-internal - the fake modem from inside, in one place, so that it can be embedded.
 *
 *	fake-modem.c          power, the timers, effects, what goes out
 *	fake-modem-line.c     the command line: echo, results, unsolicited lines (V.250)
 *	fake-modem-command.c  identity, SIM, network: the table of commands
 *	fake-modem-setting.c  GTSET, GTRAT, MIPCALL
 *	fake-modem-gtota.c    the download and what is said about it
 *	fake-modem-boot.c     applying, restarts, boot
 *	fake-modem-fault.c    when a fault acts
 *
 * Others embed the struct and touch none of its fields.
 */
#pragma once

#include "sim/fake-modem.h"

#include "base/macros.h"
#include "core/at-error.h"

#define FAKE_LINE_MAX     2048 /* of NL668 and NL652: not documented, surely not under L610's */
#define FAKE_PENDING_MAX  2048 /* bytes kept that arrive while a command is executed */
#define FAKE_HELD_MAX     2048 /* bytes of URCs that L610 holds during a command (atr_config.h) */
#define FAKE_HELD_COUNT   32   /* the same, in lines */
#define FAKE_EFFECTS_MAX  16
#define FAKE_FIELD_MAX    256  /* 255 bytes of a GTOTA field and NUL */
#define FAKE_VALUES_MAX   8
#define FAKE_SETTING_SIZE 32

/* What a family does in its own way. */
struct fake_row {
	const char *name;
	const char *model, *version; /* a typical one */
	size_t line_max;             /* bytes of a command line with CR */
	enum at_error_table errors;
	int unknown_command, bad_line, bad_parameter, busy, no_pdp; /* CME numbers */
	bool needs_pdp, reports_failed, holds_reports;
	uint64_t package_max;
	const char *rat;         /* GTRAT from the factory */
	const char *boot_text[3];
	const char *sim_text;    /* said when the SIM is ready */
};

enum fake_fota {
	FAKE_FOTA_IDLE,
	FAKE_FOTA_STARTING,    /* OK was said, START was not */
	FAKE_FOTA_DOWNLOADING,
	FAKE_FOTA_STALLED,     /* it will say no more; refuses another one until it gives up */
	FAKE_FOTA_VERIFYING,   /* COMPLETE was said */
	FAKE_FOTA_HOLDING,     /* waits for somebody to restart it */
};

enum fake_timer {
	FAKE_TIMER_ANSWER,
	FAKE_TIMER_LEAVE,   /* a commanded restart, after its OK is out */
	FAKE_TIMER_APPLY,
	FAKE_TIMER_REPORT,  /* the boot loader's next report */
	FAKE_TIMER_BOOT,
	FAKE_TIMER_SECOND,  /* it came back, but will restart once more */
	FAKE_TIMER_LOSE,    /* the port vanishes, without a restart */
	FAKE_TIMER_PORT,    /* a lost port returns */
	FAKE_TIMER_TEXT,    /* boot text */
	FAKE_TIMER_SIM,
	FAKE_TIMER_SEARCH,
	FAKE_TIMER_NETWORK,
	FAKE_TIMER_PDP,
	FAKE_TIMER_START,
	FAKE_TIMER_GIVE_UP,
	FAKE_TIMER_VERIFY,
	FAKE_TIMER_FOREIGN, /* the next percent of somebody else's download */
	FAKE_TIMER_NOISE,   /* of a port that is none */
	FAKE_TIMER_LOOP,    /* it boots again */
	_FAKE_TIMER_MAX,
};

struct fake_modem {
	struct fake_modem_config config;
	const struct fake_row *row;
	struct fake_modem_truth truth;
	enum fake_state state;
	usec_t timers[_FAKE_TIMER_MAX];
	uint64_t random;       /* moments, orders */
	uint64_t chunk_random; /* sizes of chunks only, so that chunking changes nothing else */
	unsigned occasions[FAKE_MODEM_FAULTS_MAX];
	char imei[IMEI_SIZE];
	char version[VERSION_MAX];
	char rat[FAKE_SETTING_SIZE]; /* NV */

	/* volatile: back to this at every restart */
	bool echo, verbose, quiet;
	int cmee;
	int registration_mode[3]; /* CREG, CGREG, CEREG */
	bool sim_ready;
	int registration;         /* 27.007: 0, 2, 1 */
	bool imei_asked;
	bool context;             /* CGACT */
	unsigned deaf_lines;
	usec_t heard; /* the last input */
	unsigned boots;

	/* the port */
	bool port, host_open;
	char output[FAKE_MODEM_OUTPUT_MAX];
	size_t output_size;
	usec_t output_next; /* not before, when it is slow */
	usec_t port_fault_time, foreign_step;
	struct fake_effect effects[FAKE_EFFECTS_MAX];
	size_t n_effects;

	/* the line */
	char line[FAKE_LINE_MAX + 1];
	size_t line_size;
	bool line_too_long, executing, inside_answer, lose_after_answer;
	char pending[FAKE_PENDING_MAX];
	size_t pending_size;
	char held[FAKE_HELD_MAX]; /* NUL-terminated lines */
	size_t held_size;
	unsigned n_held;
	size_t watch; /* how much of "+GTOTA=" a deaf module was sent */

	/* the download */
	enum fake_fota fota;
	char url[FAKE_FIELD_MAX], filename[FAKE_FIELD_MAX], username[FAKE_FIELD_MAX];
	char password[FAKE_FIELD_MAX];
	struct gtota_request request;
	bool start_said, mute, fetching;
	int percent, percent_said; /* -1: none */
	unsigned garbage;
	struct fake_package package;
	bool package_fits;
	unsigned resets_left;
	int update_percent;
	bool second_pending, gtota_open_end;
};

/* What a command handler gets: `+NAME`, its form and its values. */
enum fake_form { FAKE_FORM_EXECUTE, FAKE_FORM_READ, FAKE_FORM_SET, FAKE_FORM_TEST };

struct fake_value {
	const char *text; /* without quotes */
	size_t size;
	bool quoted;
};

struct fake_call {
	char name[16]; /* upper case */
	enum fake_form form;
	int parse;     /* negative: the values cannot be read */
	size_t n;
	struct fake_value values[FAKE_VALUES_MAX];
};

/* Results of a handler besides a CME number. */
#define FAKE_OK    0
#define FAKE_ERROR (-1) /* plain, whatever CMEE says */

/* fake-modem.c */
uint64_t fake_random(uint64_t *state);
void fake_arm(struct fake_modem *m, enum fake_timer timer, usec_t at);
void fake_disarm(struct fake_modem *m, enum fake_timer timer);
void fake_effect_add(struct fake_modem *m, enum fake_effect_type type);
void fake_port_lose(struct fake_modem *m);
void fake_port_return(struct fake_modem *m);
const struct fake_row *fake_row(enum fake_family family);

/* fake-modem-fault.c: is one armed; let it act (counts); the same for a command or a percent */
bool fake_fault_armed(const struct fake_modem *m, enum fake_fault_type type);
const struct fake_fault *fake_fault_acts(struct fake_modem *m, enum fake_fault_type type);
const struct fake_fault *fake_fault_on(
	struct fake_modem *m, enum fake_fault_type type, const char *line);
const struct fake_fault *fake_fault_due(struct fake_modem *m, int percent);
void fake_fault_moments(struct fake_modem *m, const char *line, usec_t now);
void fake_fault_moment(struct fake_modem *m, const struct fake_fault *fault, usec_t now);
void fake_noise_begin(struct fake_modem *m, usec_t now);
void fake_noise(struct fake_modem *m, usec_t now);
bool fake_is_deaf(struct fake_modem *m, size_t size); /* so many bytes came, and are not heard */
void fake_wake(struct fake_modem *m, usec_t now);

/* fake-modem-line.c */
void fake_line_input(struct fake_modem *m, const char *data, size_t size, usec_t now);
void fake_line_answer(struct fake_modem *m, usec_t now); /* the timer's handler */
void fake_line_reset(struct fake_modem *m);
void fake_put(struct fake_modem *m, const char *data, size_t size);
void fake_put_line(struct fake_modem *m, const char *text); /* with its framing */
void fake_report(struct fake_modem *m, const char *format, ...) PRINTF_LIKE(2, 3);
void fake_text(struct fake_modem *m, const char *format, ...) PRINTF_LIKE(2, 3);

/* fake-modem-command.c */
int fake_command_extended(struct fake_modem *m, const struct fake_call *call, usec_t now);
int fake_command_ati(struct fake_modem *m);
void fake_registration_set(struct fake_modem *m, int registration);
bool fake_registered(const struct fake_modem *m);
bool fake_only_gsm(struct fake_modem *m);
int fake_sim_problem(struct fake_modem *m); /* CME number, 0: READY */
int fake_value_number(const struct fake_call *call, size_t index, int *ret);
int fake_value_copy(const struct fake_call *call, size_t index, char *ret, size_t size);

/* fake-modem-setting.c */
int fake_gtset(struct fake_modem *m, const struct fake_call *call, usec_t now);
int fake_gtrat(struct fake_modem *m, const struct fake_call *call, usec_t now);
int fake_mipcall(struct fake_modem *m, const struct fake_call *call, usec_t now);
int fake_cgact(struct fake_modem *m, const struct fake_call *call, usec_t now);
void fake_pdp_up(struct fake_modem *m);

/* fake-modem-gtota.c */
int fake_gtota(struct fake_modem *m, const struct fake_call *call, usec_t now);
bool fake_fota_downloading(const struct fake_modem *m);
void fake_fetch(struct fake_modem *m, bool begin);
void fake_gtota_start(struct fake_modem *m, usec_t now);
void fake_gtota_give_up(struct fake_modem *m);
void fake_foreign_begin(struct fake_modem *m, usec_t now);
void fake_foreign_percent(struct fake_modem *m, usec_t now);
void fake_gtota_cancel(struct fake_modem *m); /* the module restarts, the network is gone */
void fake_gtota_fail(struct fake_modem *m);
void fake_gtota_stall(struct fake_modem *m, usec_t busy, usec_t now);

/* fake-modem-boot.c */
void fake_verified(struct fake_modem *m, usec_t now);
void fake_applied(struct fake_modem *m, usec_t now);
void fake_update_report(struct fake_modem *m, usec_t now);
void fake_second_reset(struct fake_modem *m, usec_t now);
void fake_restart(struct fake_modem *m, usec_t now);
void fake_booted(struct fake_modem *m, usec_t now);
void fake_boot_text(struct fake_modem *m, usec_t now);
void fake_volatile_reset(struct fake_modem *m);
