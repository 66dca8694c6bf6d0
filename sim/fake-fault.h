/*
 * fake-fault - what goes wrong with a fake modem, as a table of names and parameters.
 *
 * One line is one fault, in scenario files, in tests and in the manual alike:
 *
 *	stall percent=42 times=1
 *	late-answer command=+CGMR time=6s
 *	version-other version=16000.1000.00.09.99
 *
 * Common to all: times=N, it acts so often at most (times=0: always), and skip=N, so many occasions
 * pass before. What else a fault takes stands in its row; fake_fault_at() lists the rows.
 * `command` filters by what follows AT: "+GTOTA" is any form of it, "+GTOTA=" the set form,
 * "+GTOTA=?" the test form, "AT" an empty line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/usec.h"

#define FAKE_FAULT_COMMAND_MAX 24
#define FAKE_FAULT_TEXT_MAX    64

enum fake_fault_type {
	/* answers */
	FAKE_FAULT_SILENT,
	FAKE_FAULT_LATE_ANSWER,
	FAKE_FAULT_NO_OK,
	FAKE_FAULT_ERROR,
	FAKE_FAULT_AUTOBAUD,
	FAKE_FAULT_ECHO,
	FAKE_FAULT_ERROR_FORM,
	FAKE_FAULT_SLEEP,
	FAKE_FAULT_URC_INSIDE_ANSWER,
	FAKE_FAULT_DROP_LINE,
	FAKE_FAULT_DUPLICATE_LINE,
	FAKE_FAULT_FLOOD,
	FAKE_FAULT_ENDLESS_LINE,
	FAKE_FAULT_SAY,
	/* not a port that it should be */
	FAKE_FAULT_WRONG_BAUD,
	FAKE_FAULT_NMEA,
	FAKE_FAULT_BABBLE,
	/* the port and the module itself */
	FAKE_FAULT_LOSE_PORT,
	FAKE_FAULT_HALF_URC_THEN_LOST,
	FAKE_FAULT_RESTART,
	FAKE_FAULT_KEEP_PORT,
	FAKE_FAULT_BOOT_LOOP,
	/* framing */
	FAKE_FAULT_CRCRLF,
	FAKE_FAULT_LF_ONLY,
	FAKE_FAULT_NO_CRLF_PREFIX,
	FAKE_FAULT_LEADING_NUL,
	FAKE_FAULT_TRAILING_SPACES,
	FAKE_FAULT_SLOW_BYTES,
	FAKE_FAULT_CHUNKS,
	/* SIM, network, supply, call */
	FAKE_FAULT_SIM_PIN,
	FAKE_FAULT_SIM_PUK,
	FAKE_FAULT_SIM_BUSY,
	FAKE_FAULT_SIM_ABSENT,
	FAKE_FAULT_NOT_REGISTERED,
	FAKE_FAULT_ROAMING,
	FAKE_FAULT_2G,
	FAKE_FAULT_WEAK_SIGNAL,
	FAKE_FAULT_LOW_SUPPLY,
	FAKE_FAULT_IN_CALL,
	/* settings and PDP */
	FAKE_FAULT_CALLBREAK_ERROR,
	FAKE_FAULT_GPRSFIRST_ERROR,
	FAKE_FAULT_GTSET_UNREADABLE,
	FAKE_FAULT_MIPCALL_BEFORE_OK,
	FAKE_FAULT_MIPCALL_NEVER,
	FAKE_FAULT_MIPCALL_ACTIVE_ERROR,
	FAKE_FAULT_MIPCALL_DUAL_STACK,
	FAKE_FAULT_MIPCALL_DROP,
	/* the download */
	FAKE_FAULT_GTOTA_CME,
	FAKE_FAULT_GTOTA_UNSUPPORTED,
	FAKE_FAULT_URC_BEFORE_OK,
	FAKE_FAULT_NO_START,
	FAKE_FAULT_START_TWICE,
	FAKE_FAULT_START_OVER,
	FAKE_FAULT_STALL,
	FAKE_FAULT_FAIL,
	FAKE_FAULT_FAIL_AFTER_100,
	FAKE_FAULT_NO_PERCENT,
	FAKE_FAULT_PERCENT_GARBAGE,
	FAKE_FAULT_RING,
	FAKE_FAULT_COMPLETE_TWICE,
	FAKE_FAULT_COMPLETE_WITHOUT_START,
	FAKE_FAULT_COMPLETE_THEN_FAILED,
	FAKE_FAULT_MISMATCH_FAILED,
	FAKE_FAULT_FOREIGN_DOWNLOAD,
	/* applying and coming back */
	FAKE_FAULT_NO_REBOOT,
	FAKE_FAULT_NEVER_BACK,
	FAKE_FAULT_BACK_LATE,
	FAKE_FAULT_BACK_RENUMBERED,
	FAKE_FAULT_SECOND_RESET,
	FAKE_FAULT_UPDATE_REPORTS,
	FAKE_FAULT_VERSION_UNCHANGED,
	FAKE_FAULT_VERSION_OTHER,
	FAKE_FAULT_VERSION_ERROR_AFTER_BOOT,
	FAKE_FAULT_IMEI_OTHER,
	FAKE_FAULT_BOOT_GARBAGE,
	FAKE_FAULT_NO_BOOT_TEXT,
	FAKE_FAULT_NETWORK_GONE,
	FAKE_FAULT_PDP_GONE,
	FAKE_FAULT_SIGNAL_LOST,
	_FAKE_FAULT_MAX,
};

struct fake_fault {
	enum fake_fault_type type;
	unsigned times; /* acts so often at most; 0: always */
	unsigned skip;  /* occasions that pass before it acts */
	int percent;    /* of the download; -1: not by percent */
	int number;     /* what it means stands in the row */
	usec_t time;    /* 0: the modem's own (struct fake_modem_config) */
	char command[FAKE_FAULT_COMMAND_MAX]; /* "": any */
	char text[FAKE_FAULT_TEXT_MAX];
};

enum fake_fault_keys {
	FAKE_FAULT_TAKES_COMMAND = 1 << 0,
	FAKE_FAULT_TAKES_PERCENT = 1 << 1, /* acts at that percent, or on the command when it names one; else at 50 */
	FAKE_FAULT_TAKES_NUMBER = 1 << 2,
	FAKE_FAULT_TAKES_TIME = 1 << 3,
	FAKE_FAULT_NEEDS_TEXT = 1 << 4,
};

struct fake_fault_row {
	const char *name;
	unsigned keys;           /* enum fake_fault_keys */
	const char *text_key;    /* the key that fills fake_fault.text, NULL: none */
	struct fake_fault value; /* what holds when a parameter is not given */
	const char *what;        /* one sentence */
};

/* Row by row, to list them; NULL after the last. The index is the type. */
const struct fake_fault_row *fake_fault_at(size_t index);

/*
 * Reads one fault as written above. -EINVAL: problem says what is wrong, with a "did you mean" where there is
 * one; ret is untouched.
 */
int fake_fault_parse(const char *text, struct fake_fault *ret, char *problem, size_t size);
