/*
 * replay - fotad --replay=FILE: lives the attempt of a bundle once more and prints it, a line per thing that happened.
 */
#pragma once

/* Returns the exit code: 0 the same verdict, 1 different, 78 the bundle cannot be read. */
int replay_file(const char *path);
