/*
 * sim-write - files that go with a bench: packages for its servers, and a configuration of fotad for its modems.
 */
#pragma once

#include "sim/scenario.h"

/* A package of `size` bytes as fake_package_parse() reads it. -EINVAL: size is under that of its head. */
int write_package(const char *path, const struct fake_package *package, uint64_t size);

/*
 * A configuration with one package for each model and version and one campaign for each family. In url %m is the
 * model, %f the version it runs and %t the target; version_to "": the last group of each version plus one.
 */
int write_config(const char *path, const struct scenario *scenario, const char *directory, const char *url,
	const char *version_to);

/* "...28" becomes "...29". */
void next_version(const char *version, char ret[static VERSION_MAX]);
