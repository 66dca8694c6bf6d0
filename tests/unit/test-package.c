#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "core/package.h"

#define MODEL "L610-CN-62-36"
#define EDGE(m, f, t, s)                                                                           \
	{                                                                                          \
		.model = m, .from = f, .to = t, .size = s                                          \
	}

#define ROW_MAX	     8
#define MANY	     65536 /* what configuration allows */
#define RANDOM_LIVES 3000

static const struct profile delta_only = { .name = "L610", .package_max = 1000 };
static const struct profile any_image = {
	.name = "NL668", .package_max = 1000, .full_image = true
};

struct row {
	const char *what;
	const struct profile *profile;
	struct package packages[ROW_MAX];
	int r;
	size_t first, hops;
};

/* Every row asks for the way from "a" to "t". */
static const struct row rows[] = {
	{ "nothing", &delta_only, { EDGE("", "a", "t", 0) }, -ENOENT, 0, 0 },
	{ "one hop", &delta_only, { EDGE("L610", "a", "t", 0) }, 0, 0, 1 },
	{ "another version", &delta_only, { EDGE("L610", "b", "t", 0) }, -ENOENT, 0, 0 },
	{ "another target", &delta_only, { EDGE("L610", "a", "b", 0) }, -ENOENT, 0, 0 },
	{ "versions are words", &delta_only,
		{ EDGE("L610", "A", "t", 0), EDGE("L610", "a ", "t", 0) }, -ENOENT, 0, 0 },
	{ "another model", &delta_only, { EDGE("NL668", "a", "t", 0) }, -ENOENT, 0, 0 },
	{ "a longer model", &delta_only, { EDGE(MODEL "-1", "a", "t", 0) }, -ENOENT, 0, 0 },
	{ "part of a part", &delta_only, { EDGE("L610-C", "a", "t", 0) }, -ENOENT, 0, 0 },
	{ "two hops, in any order", &delta_only,
		{ EDGE("L610", "b", "t", 0), EDGE("L610-CN", "a", "b", 0) }, 0, 1, 2 },
	{ "fewer bytes win over fewer hops", &delta_only,
		{ EDGE("L610", "a", "t", 50), EDGE("L610", "a", "b", 20),
			EDGE("L610", "b", "t", 20) },
		0, 1, 2 },
	{ "fewer hops win at equal bytes", &delta_only,
		{ EDGE("L610", "a", "b", 20), EDGE("L610", "b", "t", 20),
			EDGE("L610", "a", "t", 40) },
		0, 2, 1 },
	{ "no size counts as the limit", &delta_only,
		{ EDGE("L610", "a", "t", 0), EDGE("L610", "a", "b", 499),
			EDGE("L610", "b", "t", 500) },
		0, 1, 2 },
	{ "and is not free", &delta_only,
		{ EDGE("L610", "a", "b", 0), EDGE("L610", "b", "t", 0),
			EDGE("L610", "a", "t", 1999) },
		0, 2, 1 },
	{ "cycles", &delta_only,
		{ EDGE("L610", "a", "a", 1), EDGE("L610", "a", "b", 1), EDGE("L610", "b", "a", 1),
			EDGE("L610", "t", "b", 1), EDGE("L610", "b", "t", 1) },
		0, 1, 2 },
	{ "only a cycle", &delta_only, { EDGE("L610", "a", "b", 0), EDGE("L610", "b", "a", 0) },
		-ENOENT, 0, 0 },
	{ "a dead end", &delta_only, { EDGE("L610", "a", "x", 1), EDGE("L610", "a", "t", 900) }, 0,
		1, 1 },
	{ "the longest match wins", &delta_only,
		{ EDGE("L610", "a", "t", 1), EDGE("L610-CN-62", "a", "t", 900),
			EDGE("L610-CN", "a", "t", 2) },
		0, 1, 1 },
	{ "for each pair of versions", &delta_only,
		{ EDGE("L610", "a", "b", 0), EDGE("L610-CN", "b", "t", 0) }, 0, 0, 2 },
	{ "what was replaced is no way", &delta_only,
		{ EDGE("L610", "a", "b", 1), EDGE("L610-CN", "a", "b", 900),
			EDGE("L610", "b", "t", 1), EDGE("L610", "a", "t", 500) },
		0, 3, 1 },
	{ "as the module spells it", &delta_only, { EDGE("l610_cn", "a", "t", 0) }, 0, 0, 1 },
	{ "no full image for L610", &delta_only, { EDGE("L610", "*", "t", 0) }, -ENOENT, 0, 0 },
	{ "a full image", &any_image, { EDGE("L610", "*", "t", 0) }, 0, 0, 1 },
	{ "not where a chain exists", &any_image,
		{ EDGE("L610", "*", "t", 1), EDGE("L610", "a", "b", 0), EDGE("L610", "b", "t", 0) },
		0, 1, 2 },
	{ "not in a chain", &any_image, { EDGE("L610", "a", "b", 0), EDGE("L610", "*", "t", 10) },
		0, 1, 1 },
	{ "and deltas behind it", &any_image,
		{ EDGE("L610", "*", "b", 10), EDGE("L610", "b", "t", 10),
			EDGE("L610", "*", "t", 30) },
		0, 0, 2 },
	{ "the longest match among images", &any_image,
		{ EDGE("L610-CN", "*", "t", 900), EDGE("L610", "*", "t", 30) }, 0, 0, 1 },
	{ "sizes beyond all bounds", &delta_only,
		{ EDGE("L610", "a", "b", UINT64_MAX - 1), EDGE("L610", "b", "t", UINT64_MAX - 1) },
		-ENOENT, 0, 0 },
};

static size_t count(const struct row *row)
{
	size_t n = 0;

	while (n < ROW_MAX && row->packages[n].model[0] != '\0')
		n++;
	return n;
}

static void test_rows(void **state)
{
	struct package_work work[ROW_MAX];
	(void) state;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct row *row = &rows[i];
		const struct package *first = NULL;
		size_t hops = 99;
		int r;

		memset(work, 0xa5, sizeof(work)); /* its contents mean nothing */
		r = package_next(row->packages, count(row), row->profile, MODEL, "a", "t", work,
			&first, &hops);
		if (r != row->r || hops != (r == 0 ? row->hops : 99) ||
			first != (r == 0 ? &row->packages[row->first] : NULL))
			fail_msg("%s: %d, package %td, %zu hops", row->what, r,
				first ? first - row->packages : -1, hops);
	}
}

static void test_at_target(void **state)
{
	static const struct package package = EDGE("L610", "t", "t", 0);
	struct package_work work[1];
	const struct package *first = NULL;
	size_t hops = 99;
	(void) state;

	assert_int_equal(
		package_next(&package, 1, &delta_only, MODEL, "t", "t", work, &first, &hops),
		-EALREADY);
	assert_null(first);
	assert_int_equal(hops, 99);
}

static struct package *line_of_packages(size_t n)
{
	struct package *packages = calloc(n, sizeof(*packages));

	assert_non_null(packages);
	for (size_t i = 0; i < n; i++) {
		struct package *p =
			&packages[n - 1 - i]; /* backwards: the worst order for one pass */

		strcpy(p->model, "L610");
		snprintf(p->from, sizeof(p->from), "16000.%zu", i);
		snprintf(p->to, sizeof(p->to), "16000.%zu", i + 1);
		p->size = 1;
	}
	return packages;
}

/* 32 hops are a chain, 33 are none; and the largest configuration does not take long. */
static void test_chain_max(void **state)
{
	struct package *packages = line_of_packages(MANY);
	struct package_work *work = calloc(MANY, sizeof(*work));
	const struct package *first = NULL;
	size_t hops = 0;
	(void) state;

	assert_non_null(work);
	assert_int_equal(package_next(packages, MANY, &delta_only, MODEL, "16000.100", "16000.132",
				 work, &first, &hops),
		0);
	assert_int_equal(hops, PACKAGE_CHAIN_MAX);
	assert_ptr_equal(first, &packages[MANY - 1 - 100]);
	assert_int_equal(package_next(packages, MANY, &delta_only, MODEL, "16000.100", "16000.133",
				 work, &first, &hops),
		-ENOENT);

	/* a dearer chain within the limit is taken, where the cheapest is beyond it */
	strcpy(packages[0].from, "16000.100");
	strcpy(packages[0].to, "16000.102");
	packages[0].size = 500;
	assert_int_equal(package_next(packages, MANY, &delta_only, MODEL, "16000.100", "16000.133",
				 work, &first, &hops),
		0);
	assert_int_equal(hops, PACKAGE_CHAIN_MAX);
	assert_ptr_equal(first, &packages[0]);
	free(work);
	free(packages);
}

/* The same by trying all ways: the cheapest bytes << 8 | hops, UINT64_MAX if there is none. */
static uint64_t reference(const struct package *packages, size_t n, const char *from, size_t left)
{
	uint64_t best = UINT64_MAX;

	if (strcmp(from, "t") == 0)
		return 0;
	for (size_t i = 0; left > 0 && i < n; i++) {
		uint64_t rest;

		if (strcmp(packages[i].from, from) != 0)
			continue;
		rest = reference(packages, n, packages[i].to, left - 1);
		if (rest != UINT64_MAX && (packages[i].size << 8) + 1 + rest < best)
			best = (packages[i].size << 8) + 1 + rest;
	}
	return best;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 16;
}

/* Walks hop by hop, as a job does, and pays what the reference says the cheapest chain costs. */
static void test_against_reference(void **state)
{
	static const char *const versions[] = { "a", "b", "c", "d", "t" };
	size_t reached = 0;
	(void) state;

	for (uint32_t seed = 1; seed <= RANDOM_LIVES; seed++) {
		struct package packages[7] = { 0 };
		struct package_work work[7];
		uint32_t random = seed;
		uint64_t expected, paid = 0;
		const char *at = "a";

		for (size_t i = 0; i < ELEMENTSOF(packages); i++) {
			strcpy(packages[i].model, "L610");
			strcpy(packages[i].from, versions[next_random(&random) % 5]);
			strcpy(packages[i].to, versions[next_random(&random) % 5]);
			packages[i].size = 1 + next_random(&random) % 4;
			for (size_t j = 0; j < i; j++) /* each pair of versions once */
				if (strcmp(packages[i].from, packages[j].from) == 0 &&
					strcmp(packages[i].to, packages[j].to) == 0)
					strcpy(packages[i].from, "never");
		}

		expected = reference(packages, ELEMENTSOF(packages), "a", 5);
		while (strcmp(at, "t") != 0) {
			const struct package *first = NULL;
			size_t hops = 0;
			int r = package_next(packages, ELEMENTSOF(packages), &delta_only, MODEL, at,
				"t", work, &first, &hops);

			if (r < 0) {
				assert_int_equal(r, -ENOENT);
				paid = UINT64_MAX;
				break;
			}
			if (paid == 0)
				assert_int_equal(hops, expected & 0xff);
			paid += (first->size << 8) + 1;
			assert_true(paid <= expected);
			at = first->to;
		}
		assert_true(paid == expected);
		reached += paid != UINT64_MAX;
	}
	assert_in_range(reached, RANDOM_LIVES / 10, RANDOM_LIVES * 9 / 10);
}

static void test_nearest(void **state)
{
	static const struct package packages[] = {
		EDGE("NL668", "0", "t", 0),
		EDGE("L610", "*", "t", 0),
		EDGE("L610", "1", "t", 0),
		EDGE("L610", "2", "t", 0),
		EDGE("L610-CN", "3", "u", 0),
		EDGE("L610-CN", "4", "t", 0),
		EDGE("L610-CN", "5", "t", 0),
	};
	const size_t n = ELEMENTSOF(packages);
	(void) state;

	assert_ptr_equal(package_nearest(packages, n, MODEL, "t"), &packages[5]);
	assert_ptr_equal(package_nearest(packages, 4, MODEL, "t"), &packages[2]);
	assert_ptr_equal(package_nearest(packages, n, "L610-EU", "t"), &packages[2]);
	assert_ptr_equal(package_nearest(packages, n, MODEL, "u"), &packages[4]);
	assert_null(package_nearest(packages, 2, MODEL, "t"));
	assert_null(package_nearest(packages, n, MODEL, "v"));
	assert_null(package_nearest(packages, n, "MC610", "t"));
	assert_null(package_nearest(NULL, 0, MODEL, "t"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_at_target),
		cmocka_unit_test(test_chain_max),
		cmocka_unit_test(test_against_reference),
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests_name("core/package", tests, NULL, NULL);
}
