/*
 * reason - why something is not done (yet). The words are a contract with operators and their
 * scripts (interface, "Words"); each has one class, by one table.
 */
#pragma once

enum reason {
	REASON_NONE,
	REASON_PORT_ABSENT,
	REASON_PORT_BUSY,
	REASON_PORT_DENIED,
	REASON_PORT_LOST,
	REASON_PORT_STUCK,
	REASON_NO_ANSWER,
	REASON_WRONG_MODEM,
	REASON_UNKNOWN_MODEL,
	REASON_DUPLICATE,
	REASON_NO_PACKAGE,
	REASON_BASE_MISMATCH,
	REASON_SIM_NOT_READY,
	REASON_NOT_REGISTERED,
	REASON_ROAMING,
	REASON_SLOW_NETWORK,
	REASON_WEAK_SIGNAL,
	REASON_LOW_SUPPLY,
	REASON_IN_CALL,
	REASON_SETTING_REFUSED,
	REASON_PDP_FAILED,
	REASON_UNSUPPORTED,
	REASON_BUSY,
	REASON_REJECTED,
	REASON_NO_START,
	REASON_STALLED,
	REASON_DOWNLOAD_FAILED,
	REASON_NO_REBOOT,
	REASON_NOT_BACK,
	REASON_VERSION_UNCHANGED,
	REASON_VERSION_UNEXPECTED,
	REASON_NO_SERVICE,
	REASON_CANCELLED,
	REASON_DEADLINE,
	REASON_CREDENTIAL,
	REASON_STORE,
	REASON_SHORTAGE,
	_REASON_MAX,
};

enum reason_class {
	REASON_WAITS,  /* may pass by itself: no attempt is spent (conduct 18) */
	REASON_RETRY,  /* an attempt is spent, another may follow */
	REASON_PERSON, /* permanent: somebody must act */
};

const char *reason_name(enum reason reason); /* "no-answer"; "" for REASON_NONE */
enum reason reason_by_name(const char *name); /* REASON_NONE if there is none */
enum reason_class reason_class(enum reason reason);
const char *reason_meaning(enum reason reason);   /* one sentence */
const char *reason_next_step(enum reason reason); /* what an operator does now, one sentence */
