#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/reason.h"

/* The words are a contract; this copy of it is what notices a change. */
static const struct {
	enum reason reason;
	const char *name;
	enum reason_class class;
} words[] = {
	{ REASON_PORT_ABSENT, "port-absent", REASON_WAITS },
	{ REASON_PORT_BUSY, "port-busy", REASON_WAITS },
	{ REASON_PORT_DENIED, "port-denied", REASON_PERSON },
	{ REASON_PORT_LOST, "port-lost", REASON_WAITS },
	{ REASON_PORT_STUCK, "port-stuck", REASON_WAITS },
	{ REASON_NO_ANSWER, "no-answer", REASON_WAITS },
	{ REASON_WRONG_MODEM, "wrong-modem", REASON_PERSON },
	{ REASON_UNKNOWN_MODEL, "unknown-model", REASON_PERSON },
	{ REASON_DUPLICATE, "duplicate", REASON_PERSON },
	{ REASON_NO_PACKAGE, "no-package", REASON_PERSON },
	{ REASON_BASE_MISMATCH, "base-mismatch", REASON_PERSON },
	{ REASON_SIM_NOT_READY, "sim-not-ready", REASON_PERSON },
	{ REASON_NOT_REGISTERED, "not-registered", REASON_WAITS },
	{ REASON_ROAMING, "roaming", REASON_WAITS },
	{ REASON_SLOW_NETWORK, "slow-network", REASON_WAITS },
	{ REASON_WEAK_SIGNAL, "weak-signal", REASON_WAITS },
	{ REASON_LOW_SUPPLY, "low-supply", REASON_WAITS },
	{ REASON_IN_CALL, "in-call", REASON_WAITS },
	{ REASON_SETTING_REFUSED, "setting-refused", REASON_PERSON },
	{ REASON_PDP_FAILED, "pdp-failed", REASON_WAITS },
	{ REASON_UNSUPPORTED, "unsupported", REASON_PERSON },
	{ REASON_BUSY, "busy", REASON_WAITS },
	{ REASON_REJECTED, "rejected", REASON_RETRY },
	{ REASON_NO_START, "no-start", REASON_RETRY },
	{ REASON_STALLED, "stalled", REASON_RETRY },
	{ REASON_DOWNLOAD_FAILED, "download-failed", REASON_RETRY },
	{ REASON_NO_REBOOT, "no-reboot", REASON_RETRY },
	{ REASON_NOT_BACK, "not-back", REASON_RETRY },
	{ REASON_VERSION_UNCHANGED, "version-unchanged", REASON_RETRY },
	{ REASON_VERSION_UNEXPECTED, "version-unexpected", REASON_PERSON },
	{ REASON_NO_SERVICE, "no-service", REASON_PERSON },
	{ REASON_CANCELLED, "cancelled", REASON_PERSON },
	{ REASON_DEADLINE, "deadline", REASON_PERSON },
	{ REASON_CREDENTIAL, "credential", REASON_PERSON },
	{ REASON_STORE, "store", REASON_WAITS },
	{ REASON_SHORTAGE, "shortage", REASON_WAITS },
};

static void test_words(void **state)
{
	(void) state;

	assert_int_equal(ELEMENTSOF(words) + 1, _REASON_MAX);
	for (size_t i = 0; i < ELEMENTSOF(words); i++) {
		assert_string_equal(reason_name(words[i].reason), words[i].name);
		assert_int_equal(reason_by_name(words[i].name), words[i].reason);
		assert_int_equal(reason_class(words[i].reason), words[i].class);
	}
}

static void test_none(void **state)
{
	(void) state;

	assert_string_equal(reason_name(REASON_NONE), "");
	assert_int_equal(reason_by_name(""), REASON_NONE);
	assert_int_equal(reason_by_name("Port-Absent"), REASON_NONE);
	assert_int_equal(reason_by_name("port"), REASON_NONE);
	assert_int_equal(reason_by_name(NULL), REASON_NONE);
	assert_string_equal(reason_name(_REASON_MAX), ""); /* as from a damaged record */
	assert_string_equal(reason_name((enum reason) 4000), "");
	assert_string_equal(reason_meaning((enum reason) 4000), reason_meaning(REASON_NONE));
}

/* Both are whole sentences of printable ASCII, and each reason has its own. */
static void test_sentences(void **state)
{
	(void) state;

	for (int i = REASON_NONE; i < _REASON_MAX; i++) {
		const char *sentences[] = { reason_meaning((enum reason) i),
			reason_next_step((enum reason) i) };

		for (size_t k = 0; k < ELEMENTSOF(sentences); k++) {
			const char *s = sentences[k];
			size_t n = strlen(s);

			assert_true(n > 15 && n < 200);
			assert_true(s[0] >= 'A' && s[0] <= 'Z' && s[n - 1] == '.');
			assert_null(strstr(s, "  "));
			for (size_t j = 0; j < n; j++)
				assert_in_range(s[j], 0x20, 0x7e);
		}
		for (int j = REASON_NONE; j < i; j++) {
			assert_string_not_equal(sentences[0], reason_meaning((enum reason) j));
			assert_string_not_equal(sentences[1], reason_next_step((enum reason) j));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_sentences),
	};

	return cmocka_run_group_tests_name("core/reason", tests, NULL, NULL);
}
