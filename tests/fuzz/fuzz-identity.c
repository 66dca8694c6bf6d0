/*
 * fuzz-identity - whatever a stranger answers: what is read from it is printable, bounded and of
 * the right shape, and reads the same again; what is not read leaves the result alone.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_word(const char *word, size_t max)
{
	size_t n = strnlen(word, max);

	assert(n > 0 && n < max && word[0] != ' ' && word[n - 1] != ' ');
	for (size_t i = 0; i < n; i++)
		assert(word[i] >= 0x20 && word[i] <= 0x7e && !strchr("\"\\,:%", word[i]));
}

static void expect_failure(int r, const char *untouched)
{
	assert(r == -EINVAL || r == -EMSGSIZE);
	assert(strcmp(untouched, "?") == 0);
}

static void fuzz_model(const char *text)
{
	char model[MODEL_MAX] = "?", quoted[MODEL_MAX + 2], again[MODEL_MAX];
	int r = identity_read_model(text, model);

	if (r < 0) {
		expect_failure(r, model);
		return;
	}
	expect_word(model, sizeof(model));
	quoted[0] = '"';
	strcpy(stpcpy(quoted + 1, model), "\"");
	assert(identity_read_model(quoted, again) == 0 && strcmp(again, model) == 0);
}

static void fuzz_version(const char *text)
{
	char version[VERSION_MAX] = "?", quoted[VERSION_MAX + 2], again[VERSION_MAX];
	int r = identity_read_version(text, version);

	if (r < 0) {
		expect_failure(r, version);
		return;
	}
	expect_word(version, sizeof(version));
	quoted[0] = '"';
	strcpy(stpcpy(quoted + 1, version), "\"");
	assert(identity_read_version(quoted, again) == 0 && strcmp(again, version) == 0);
}

static void fuzz_imei(const char *text)
{
	char imei[IMEI_SIZE] = "?";
	int r = identity_read_imei(text, imei);

	if (r < 0)
		expect_failure(r, imei);
	else
		assert(imei_is_valid(imei) && strstr(text, imei));
	assert(!imei_is_valid(text) || r == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	(void) identity_is_fibocom(text);
	fuzz_model(text);
	fuzz_version(text);
	fuzz_imei(text);
	free(text);
	return 0;
}
