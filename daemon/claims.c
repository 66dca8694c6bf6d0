#include "daemon/claims.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

/*
 * They are taken one by one amid much that is freed soon: apart, each would hold a page. A look at all of a thousand
 * costs a microsecond.
 */
struct chunk {
	struct chunk *next;
	unsigned used;
	struct claim of[126]; /* free where there are no holders */
};

static struct claim *find(struct chunk *chunk, const char *key)
{
	for (; chunk; chunk = chunk->next)
		for (size_t i = 0; i < ELEMENTSOF(chunk->of); i++)
			if (memcmp(chunk->of[i].key, key, CLAIM_KEY) == 0 && chunk->of[i].holders)
				return &chunk->of[i];
	return NULL;
}

static struct claim *make(struct chunk **chunks)
{
	struct chunk *chunk = *chunks;
	struct claim *claim;

	while (chunk && chunk->used == ELEMENTSOF(chunk->of))
		chunk = chunk->next;
	if (!chunk) {
		chunk = calloc(1, sizeof(*chunk));
		if (!chunk)
			return NULL;
		chunk->next = *chunks;
		*chunks = chunk;
	}
	chunk->used++;
	for (claim = chunk->of; claim->holders; claim++)
		; /* one is free */
	return claim;
}

int claims_take(void **set, const char key[static CLAIM_KEY], struct claim **ret)
{
	struct claim *claim = find(*set, key);

	if (!claim) {
		claim = make((struct chunk **) set);
		if (!claim)
			return -ENOMEM;
		memcpy(claim->key, key, CLAIM_KEY);
	}
	claim->holders++;
	*ret = claim;
	return 0;
}

struct claim *claims_drop(void **set, struct claim *claim)
{
	if (!claim || --claim->holders > 0)
		return NULL;
	for (struct chunk **p = (struct chunk **) set, *chunk; (chunk = *p); p = &chunk->next) {
		if (claim < chunk->of || claim >= chunk->of + ELEMENTSOF(chunk->of))
			continue;
		if (--chunk->used == 0) {
			*p = chunk->next;
			free(chunk);
		}
		break;
	}
	return NULL;
}
