/*
 * package - the packages that an operator offers, and the cheapest chain of them between two
 * versions.
 *
 * Packages are edges of a graph: `from` must equal what the module runs, `to` is what it runs
 * afterwards. Versions are equal or not, never smaller or greater (protocol, 5.2).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/gtota.h"
#include "core/identity.h"
#include "core/profile.h"

struct package {
	char model[MODEL_MAX];  /* leading parts of the module's model */
	char from[VERSION_MAX]; /* "*": a full image, used only where no exact chain exists */
	char to[VERSION_MAX];
	enum gtota_type type;
	const char *url, *filename, *username; /* owned by the configuration */
	const char *password;                  /* a literal, or NULL */
	const char *credential;                /* the name of a systemd credential, or NULL */
	uint64_t size;                         /* bytes; 0: counts as the profile's limit */
	const char *sha256;                    /* hexadecimal, or NULL */
};

#define PACKAGE_CHAIN_MAX 32 /* hops; a longer chain is refused as none */

/*
 * Scratch memory of package_next(), one per package, owned by the caller: for the largest
 * configuration 2.5 MiB, that lib/core, which has no malloc, cannot keep itself. Its contents mean
 * nothing between calls.
 */
struct package_work {
	uint64_t bytes[2];   /* cheapest way from this node to the target, last and present round */
	uint32_t hops[2];
	uint32_t head, next; /* buckets of the version table, then of the table of pairs */
	uint32_t node;       /* the first package with this one's `from` stands for that version */
	uint32_t to;         /* node of its `to`, or one of two marks */
};

/*
 * The first hop of the cheapest chain (bytes, then hops) from version `from` to `target` for this
 * model, and how many hops the chain has. Where several packages lead between the same two
 * versions, only the one whose model matches longest counts. A package from "*" is the first hop
 * when no exact chain exists and the profile takes full images. Cycles are harmless. work: n
 * entries.
 * -ENOENT: there is no chain. -EALREADY: from is target.
 */
int package_next(const struct package *packages, size_t n, const struct profile *profile,
	const char *model, const char *from, const char *target, struct package_work *work,
	const struct package **ret, size_t *ret_hops);

/*
 * For messages, when there is no chain: the first package for this model that ends at target and
 * says which version it needs ("base-mismatch"); the longest model match goes first. NULL: nothing
 * leads there at all ("no-package").
 */
const struct package *package_nearest(
	const struct package *packages, size_t n, const char *model, const char *target);
