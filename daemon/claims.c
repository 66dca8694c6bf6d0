#include "daemon/claims.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, CLAIM_KEY); /* the key is the first member */
}

int claims_take(void **set, const char key[static CLAIM_KEY], struct claim **ret)
{
	struct claim **found = tfind(key, set, compare);
	struct claim *claim;

	if (found) {
		(*found)->holders++;
		*ret = *found;
		return 0;
	}
	claim = calloc(1, sizeof(*claim));
	if (!claim)
		return -ENOMEM;
	memcpy(claim->key, key, CLAIM_KEY);
	claim->holders = 1;
	if (!tsearch(claim, set, compare)) {
		free(claim);
		return -ENOMEM;
	}
	*ret = claim;
	return 0;
}

struct claim *claims_drop(void **set, struct claim *claim)
{
	if (!claim || --claim->holders > 0)
		return NULL;
	tdelete(claim, set, compare);
	free(claim);
	return NULL;
}
