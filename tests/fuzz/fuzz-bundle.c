/*
 * fuzz-bundle - whatever stands in a file: it is no bundle, said in words that people can read, or
 * it is replayed to an end, and written again it is the same bundle.
 *
 * Input: the file, as it is.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum replay_result run(const struct bundle *b, size_t *ret_entries)
{
	struct replay *r = malloc(sizeof(*r));
	const struct trace_entry *entry;
	enum replay_result result;

	assert(r && replay_begin(r, &b->replay) == 0);
	do {
		result = replay_next(r, &entry);
	} while (result == REPLAY_SAME);
	assert((result == REPLAY_DIFFERENT) == (r->difference[0] != '\0'));
	assert(strlen(r->difference) < sizeof(r->difference));
	*ret_entries = r->next;
	free(r);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char problem[BUNDLE_PROBLEM_MAX];
	struct bundle *b = NULL, *again = NULL;
	size_t entries, entries_again, text_size;
	enum replay_result result;
	char *text;
	int r;

	r = bundle_parse((const char *) data, size, &b, problem);
	assert(r == 0 || r == -EBADMSG);
	assert((r == 0) == (b != NULL) && (r == 0) == (problem[0] == '\0'));
	if (!b)
		return 0;
	result = run(b, &entries);
	assert(bundle_text(b, &text, &text_size) == 0);
	assert(bundle_parse(text, text_size, &again, problem) == 0);
	assert(run(again, &entries_again) == result && entries == entries_again);
	free(text);
	bundle_free(again);
	bundle_free(b);
	return 0;
}
